"""Words which announce a title-block field, in French, English and German, and what a value of each field looks like."""

from __future__ import annotations

import re
import unicodedata

_LABELS = {
    "drawing_number": r"(n[°o]?\.? ?(de |du )?(plan|dessin)|numero (de |du )?(plan|dessin)|plan ?n[°o]?\.?|ref(erence)?\.?( du)?( plan)?"
    r"|dwg\.? ?(no|nr|number)?\.?|drawing ?(no|nr|number|num)\.?|part ?(no|number)\.?|document ?(no|number)\.?"
    r"|zeichnungs?-?(nummer|nr)?\.?|zchng\.?-?nr\.?|sach-?(nummer|nr)\.?|artikel-?(nummer|nr)\.?|ritningsnummer)",
    "revision": r"(indice|ind\.?|rev(ision)?\.?( ?no\.?)?|index|anderung(sstand|sindex)?|ausgabe|version|issue)",
    "part_name": r"(designation|titre|nom( de la)? piece|piece|title|part ?name|description|benennung|bezeichnung|titel|name of part)",
    "material": r"(matiere|materiaux?|material|mat[l']?\.?|werkstoff)",
    "heat_treatment": r"(tr?ait(ement)?\.? ?therm(ique)?\.?|heat ?treat(ment)?\.?|warmebehandlung|ht|traitements?)",
    "surface_treatment": r"(tr?ait(ement)?\.? ?(de )?surf(ace)?\.?|surface ?(treatment|coating)|finish|finition|revetement|protection|coating"
    r"|oberflachen-?behandlung|beschichtung)",
    "scale": r"(echelle|ech\.?|scale|ma(ss|ß)stab)",
    "mass": r"(masse|poids|weight|mass|gewicht|wt\.?)",
    "general_tolerance": r"(tol(erances?)?\.? ?gen(erales?)?\.?|general ?tol(erances?)?\.?|tolerances?( iso)?|tol\.?|allgemein-?toleranz(en)?"
    r"|tolerance,? ?if not indicated( acc\.? to)?|freimasstoleranz(en)?|gen\.? tol\.?)",
    "projection": r"(projection|(methode|methode de) projection|projektion)",
    "unit": r"(unites?|units?|einheit(en)?|unite de mesure)",
    "customer": r"(clients?|customer|kunde|societe|company|firma|entreprise)",
    "author": r"(dessine( par)?|dessinateur|auteur|drawn( by)?|created by|author|gezeichnet|gez\.?|erstellt|bearb(eitet)?\.?|designed by|cree par"
    r"|etabli( par)?)",
    "date": r"(date|datum)",
    "sheet": r"(folio|feuille|sheet|page|blatt|planche)( ?n[°o]?\.?)?",
}
_COMPILED = {name: re.compile(rf"^{pattern}$") for name, pattern in _LABELS.items()}
_INLINE = {name: re.compile(rf"^{pattern}\s*[:=]\s*(?P<value>.+)$") for name, pattern in _LABELS.items()}
_OPEN = {
    "sheet": re.compile(r"^(folio|feuille|sheet|page|blatt)\s+(?P<value>\d+\s*(of|sur|/|von|de)\s*\d+)$"),
    "scale": re.compile(r"^(echelle|ech\.?|scale|ma(?:ss|ß)stab)\s+(?P<value>\d+\s*[:/]\s*\d+)$"),
}
_OTHER_LABELS = re.compile(
    r"^(name|nom|signature|sign\.?|visa|chk'?d|checked( by)?|app(r|v'?d|roved|r\.?)?( by)?|mfg|q\.?a\.?|size|format|verifie( par)?|approuve( par)?"
    r"|gepruft|norm|contact information|group|gruppe|do not scale( drawing)?|surface finish|general surface finish|rev\.? by|linear|angular"
    r"|modifications?|comments?|quantite|qte|qty|zone|ecn|observations?|etat de surface)\W*$"
)
_SHAPE = {
    "scale": re.compile(r"^(\d+([.,]\d+)?\s*[:/]\s*\d+([.,]\d+)?|NTS|none|sans)$", re.IGNORECASE),
    "sheet": re.compile(r"^\d+\s*((of|sur|/|von|de)\s*\d+)?$", re.IGNORECASE),
    "mass": re.compile(r"^\d+([.,]\d+)?\s*(k?g|lbs?|oz|t)?\.?$", re.IGNORECASE),
    "date": re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}[ -]\w{3,9}[ -]\d{2,4}|\d{4}"),
    "revision": re.compile(r"^[A-Z0-9][A-Z0-9.\-]{0,5}$", re.IGNORECASE),
    "drawing_number": re.compile(r"^(?=.*\d)?[\w][\w .\-/_+]{1,40}$"),
    "unit": re.compile(r"^(mm|millim|in\b|inch|pouce|cm|m$)", re.IGNORECASE),
    "material": re.compile(r"[A-Za-z]{2}|\d\.\d{4}|[A-Z]\d"),
    "part_name": re.compile(r"[^\W\d_]{2}"),
    "author": re.compile(r"[^\W\d_]{2}"),
    "general_tolerance": re.compile(r"^.{0,24}(ISO|DIN|EN|±|\d)", re.IGNORECASE),
    "customer": re.compile(r"[^\W\d_]{2}"),
}
_SHEET_SIZE = re.compile(r"^A[0-4]$")


def plain(text: str) -> str:
    """Lower case without accents, for comparison."""
    folded = unicodedata.normalize("NFKD", text.lower().replace("°", "°"))
    return "".join(char for char in folded if not unicodedata.combining(char)).strip()


def match_label(text: str) -> tuple[str, str | None] | None:
    """Return (field, inline value) when the text is a title-block label. Bilingual labels are tried part by part."""
    flat = plain(text)
    for name, pattern in _INLINE.items():
        if match := pattern.match(flat):
            value = text[len(text) - len(match["value"]) :].strip()
            if value:
                return name, value
    for name, pattern in _OPEN.items():
        if match := pattern.match(flat):
            return name, text[len(text) - len(match["value"]) :].strip()
    for part in (flat, *flat.split("/")):
        bare = part.strip(" :.;=")
        for name, pattern in _COMPILED.items():
            if bare and pattern.match(bare):
                return name, None
    return None


def is_label(text: str) -> bool:
    """True for any title-block label, also of fields we do not keep."""
    flat = plain(text)
    return match_label(text) is not None or any(
        _OTHER_LABELS.match(part.strip(" :")) is not None for part in (flat, *flat.split("/"))
    )


def fits(field: str, value: str) -> bool:
    """True when a text may be a value of the field."""
    if is_label(value) or (field not in ("part_name",) and _SHEET_SIZE.match(value)):
        return False
    shape = _SHAPE.get(field)
    return bool(value.strip()) and (shape is None or shape.search(value.strip()) is not None)
