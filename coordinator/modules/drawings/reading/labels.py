"""Words which announce a title-block field, in French, English and German, and what a value of each field looks like.

Words are compared by their letters and figures alone ("N° de plan", "No. DE PLAN" and "NDEPLAN" are one label), so that OCR
may lose blanks and dots. A name with a leading underscore is a label of the sheet that is no field of ours.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

_WORDS = {
    "drawing_number": "n de plan|no de plan|no plan|n plan|num de plan|numéro de plan|numéro du plan|numéro|plan n|plan no|plan numéro|plan|n dessin|n de dessin|numéro de dessin|dessin n|dessin no|dessin numéro|n du plan|no du plan|code plan|n° de document|plan réf|réf dessin"
    "|réf|référence|réf plan|référence plan|ref du plan|réf pièce|référence pièce|code pièce|code article|n pièce|n de pièce|n d'article|document n|n document|n de document|n°|no"
    "|dwg no|dwg nr|dwg number|dwg|dwg num|drawing no|drawing nr|drawing number|drawing num|drawing|drg no|drg number|part no|part number|part nr|part|item no|item number|document no|document number"
    "|doc no|file no|number|reference|ref no|p/n|pn|identification no|registration number|identification number"
    "|zeichnungsnummer|zeichnungsnr|zeichnungs nr|zeichnung nr|zeichnung nummer|zeichn nr|zeichnnr|zchng nr|zchn nr|zg nr|znr|sachnummer|sach nr|artikelnummer|artikel nr|art nr|teilenummer|teile nr|ident nr|identnummer|dokumentnummer|dokument nr|nummer"
    "|ritningsnummer|disegno n|n disegno",
    "revision": "indice|ind|indice de révision|révision|rév|rev|rev no|rev nr|rev level|revision no|revision level|revision index|revision number|index|indice plan|ver|version|issue|issue no|iss"
    "|änderungsindex|änd index|änderungsstand|änd stand|revisionsindex|revisionsstand|ausgabe|zust|zustand|stand",
    "part_name": "désignation|désignation pièce|désignation de la pièce|désign|titre|titre du plan|nom de la pièce|nom pièce|nom de pièce|pièce|dénomination|libellé|intitulé|objet|sujet|ensemble|sous-ensemble"
    "|title|drawing title|part name|name of part|description|part description|part title|document title|component|title supplementary title|subject"
    "|benennung|bezeichnung|titel|zeichnungstitel|teilebezeichnung|artikelbezeichnung|teilename|bauteil|gegenstand|titel zusätzlicher titel|benämning",
    "material": "matière|matières|matière première|matériau|matériaux|mat|material|materials|material spec|material specification|material and specification|matl|mat'l|mat spec|stock|raw material|part material|matière de la pièce|matière pièce"
    "|werkstoff|werkst|werkstoff halbzeug|werkstoff halbzeuge|werkstoff rohteil|halbzeug werkstoff|rohmaterial|halbzeug|nuance|material matière",
    "heat_treatment": "traitement thermique|traitements thermiques|trait therm|trait thermique|traitement th|tt therm|tth|ttth|ht|heat treatment|heat treat|heattreatment|hardness|heat trt|thermal treatment|dureté"
    "|wärmebehandlung|wärmebeh|wbh|härte|härten",
    "surface_treatment": "traitement de surface|traitements de surface|traitement surface|trait surf|trait de surface|trait surface|tts|ts|revêtement|protection|finition|finition surface|protection de surface|peinture|finition de surface"
    "|surface treatment|surface coating|coating|finish|final finish|protective finish|surface protection|plating|surface treat|paint|treatment finish"
    "|oberflächenbehandlung|oberfläche|oberfl|oberflächenbeh|beschichtung|oberflächenschutz|oberfl beh|oberflächengüte|ytbehandling",
    "_finish": "surface finish|general surface finish",
    "_treatment": "traitement|traitements|trait|treatment|treatments|behandlung|trt",
    "scale": "échelle|éch|ech|echelle principale|scale|massstab|maßstab|maßst|massst|mst|skala",
    "mass": "masse|poids|masse kg|poids kg|masse finie|masse estimée|weight|mass|wt|weight kg|mass kg|weight lbs|calculated weight|calc weight|est weight|actual weight|gewicht|gew|masse g|gewicht kg|masse in kg|gewicht g|vikt|fertiggewicht",
    "general_tolerance": "tolérances générales|tolérance générale|tol générales|tol générale|tol gén|tol géné|tolérances gén|tolérance|tolérances|tol|tolérancement général|tolérances iso|tolérance iso|tolérances non indiquées"
    "|tolérances générales selon|tolérances si non indiquées|general tolerances|general tolerance|gen tolerances|gen tol|general tol|tolerance|tolerances|tolerancing|tolerance if not indicated acc to|tolerances unless otherwise stated"
    "|unless otherwise stated|default tolerances|general tolerances acc to|allgemeintoleranzen|allgemeintoleranz|allg toleranzen|allgemein toleranz|allgemein toleranzen|allg tol|freimaßtoleranz|freimaßtoleranzen|freimasstoleranz|freimasstoleranzen|toleranzen|toleranz|generella toleranser",
    "projection": "projection|proj|projection method|méthode de projection|mode de projection|angle of projection|projektion|projektionsmethode|projektionsmeth|disposition des vues|projection angle",
    "unit": "unité|unités|unité de mesure|unit|units|unit of measure|dimensions in|dimension unit|einheit|einheiten|maßeinheit|cotes en|maße in|cotation",
    "customer": "client|clients|donneur d'ordre|donneur d'ordres|société|entreprise|propriétaire|propriétaire légal|raison sociale|customer|company|company name|client name|owner|legal owner|firm|organization|organisation"
    "|kunde|firma|auftraggeber|unternehmen|eigentümer|gesetzlicher eigentümer|besteller",
    "author": "dessiné par|dessiné|dessinateur|dessin|dess|dess par|auteur|créé par|établi par|établi|réalisé par|concepteur|conçu par|rédacteur|étudié par|étudié|conception"
    "|drawn|drawn by|drawn by name|drn|drwn|dr by|dr|by|author|created by|created|designed by|designed|designer|draftsman|drafter|draughtsman|prepared by|originator|dwn|dwn by"
    "|gezeichnet|gez|gez von|gezeichnet von|erstellt|erstellt durch|erstellt von|ersteller|bearb|bearbeiter|bearbeitet|bearbeitet von|konstrukteur|konstr|konstruiert|konstruiert von|zeichner|verfasser|autor|name des zeichners|ritad av",
    "date": "date|date de création|date d'édition|date création|date du plan|date dessin|date of issue|issue date|date drawn|drawn date|creation date|created on|date de diffusion|date d'émission|le|release date"
    "|datum|dat|erstelldatum|erstellungsdatum|ausgabedatum|zeichnungsdatum|erstellt am",
    "sheet": "folio|folio n|folios|feuille|feuille n|feuillet|page|planche|pl|sheet|sheet no|sheet number|sht|sh|page no|sheet nr|blatt|blatt nr|bl|blattnummer|seite|sida|nb de folios",
    "_name": "nom|noms|name|names|nom prénom",
    "_sign": "signature|sign|visa|visas|signatur|unterschrift|paraphe|initials|init|émargement",
    "_role": "vérifié|vérifié par|vérif|vérificateur|contrôlé|contrôlé par|approuvé|approuvé par|approb|approbateur|validé|validé par|checked|checked by|chkd|chk'd|chk|check|ckd|approved|approved by|appd|appv'd|appvd|appr|appr by"
    "|eng appr|eng approval|mfg appr|mfg|mfg approval|qa|q a|qa appr|qc|quality|geprüft|gepr|gepr von|geprüft von|prüfer|freigegeben|freig|freigabe|genehmigt|genehmigt von|norm|normgepr|normgeprüft|rev by|gransk av|godk av|released by|responsible|méthodes|qualité|be|bureau d'études",
    "_change": "modification|modifications|nature de la modification|objet de la modification|modif|évolution|évolutions|historique|change|changes|change description|revision description|description of change|description of revision|revision history|revisions"
    "|änderung|änderungen|änderungstext|änderungsbeschreibung|art der änderung",
    "_ecn": "ecn|eco|dcn|change no|zone|änd nr|änderungs nr|mitteilung|anzahl",
    "_position": "rep|repère|pos|position|item|teil|lfd nr|rang|find no|posnr|pos nr",
    "_quantity": "qté|quantité|qte|nb|nbre|nombre|qty|quantity|qty req|menge|anz|stück|stk|stückzahl|quantity required|no reqd",
    "_other": "format|taille|size|sheet size|dept|department|service|abteilung|technical reference|référence technique|technische referenz|responsible dept|resp dept|document type|doc type|type de document|dokumentenart|dokumentart"
    "|document status|statut|statut du document|status|dokumentenstatus|langue|lang|language|spr|sprache|observations|observation|remarques|remarque|bemerkung|bemerkungen|comments|notes|note|remarks|comment"
    "|do not scale drawing|do not scale|ne pas mesurer sur le plan|ne pas changer l'échelle|zeichnung nicht skalieren|nicht maßstäblich messen|état de surface|états de surface|rugosité|rugosité générale|oberflächenbeschaffenheit|rauheit"
    "|linear|linéaires|linéaire|angular|angulaires|angles|winkel|linear dimensions|cage code|cage|fscm no|contract no|contract|used on|next assy|next assembly|application|proprietary and confidential|projet|project|project no|projekt|affaire|n affaire"
    "|contact|contact information|group|gruppe|sheet rev|ursprung|ersatz für|ersatz durch|ers f|ers d|urspr|remplace|remplacé par|supersedes|replaces|superseded by|replaced by|verwendungsbereich|edges|arêtes|kanten|werkstückkanten"
    "|deburr and break sharp edges|deburr|casser les angles vifs|signature et date|name date|tolérancement|tolerancing principle|principe|classification|model no|modèle|modell|cad file|file|file name|fichier|nom du fichier|datei|dateiname|eigner|copyright|interpret geometric tolerancing per"
    "|sauf indication contraire|unless otherwise specified|wenn nicht anders definiert|unless otherwise noted|entgraten und scharfe kanten brechen|fournisseur|supplier|lieferant|brut|raw|rohmaß|rohmaße|volume|surface|tel|tél|fax|www|email|rep nb|échelles",
}
_SMALL = {"n", "no", "le", "by", "dr", "be", "ts", "ht", "pl", "sh", "bl", "mat", "tol", "stock", "raw", "plan", "part", "drawing", "name", "ensemble", "objet", "pièce", "numéro", "number", "nummer", "stand", "surface", "volume", "teil", "item", "service", "status", "protection", "angles", "edges"}  # fmt: skip
_NUMBERING = re.compile(r"^\s*\(?\d{1,2}\s*[.)/-]\s+(?=\D)")
_SHEET = re.compile(
    r"^(?:folio|feuille|sheet|page|blatt|sht|bl\.?|planche|seite)\W*(?:n[°o]?\.?)?\s*(\d{1,3}\s*(?:(?:of|sur|/|von|de|o[ft])\s*\d{1,3})?)$",
    re.I,
)
_SCALE = re.compile(
    r"^(?:scale|[ée]chelle|[ée]ch\.?|ma(?:ss|ß)stab|m)\W*\s*(\d+(?:[.,]\d+)?\s*[:/]\s*\d+(?:[.,]\d+)?|NTS|none|sans)$",
    re.I,
)
_SHAPE = {
    "scale": re.compile(
        r"^\(?\s*(\d+([.,]\d+)?\s*[:/]\s*\d+([.,]\d+)?|NTS|none|sans|n\.?a\.?|1)\s*\)?$", re.IGNORECASE
    ),
    "sheet": re.compile(r"^\d+\s*((of|sur|/|von|de|-)\s*\d+)?$", re.IGNORECASE),
    "mass": re.compile(
        r"^[≈~]?\s*\d+([.,]\d+)?\s*(k?g|kgs|kilogrammes?|grams?|lbs?m?|oz|t|pounds?)?\.?$", re.IGNORECASE
    ),
    "date": re.compile(
        r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}[ .-]*[^\W\d]{3,9}\.?[ .-]*\d{2,4}|^\d{4}$|[^\W\d]{3,9} \d{1,2},? \d{4}|^\d{1,2}[./]\d{4}$"
    ),
    "revision": re.compile(r"^(?:[A-Z0-9][A-Z0-9.\-/]{0,4}|-|–|00)$", re.IGNORECASE),
    "drawing_number": re.compile(r"^(?=.*\d)[\w][\w .\-/_+]{1,40}$|^[A-Za-z][\w.\-/_+]{2,40}$"),
    "unit": re.compile(r"^(mm|millim|in\b|inch|inches|pouces?|cm|m$|\")", re.IGNORECASE),
    "material": re.compile(r"[A-Za-z]{2}|\d\.\d{4}|[A-Z]\d|^\d{3,4}[A-Z]?$"),
    "part_name": re.compile(r"[^\W\d_]{2}"),
    "author": re.compile(r"^[^\d]*[^\W\d_]{2}[^\d]*$"),
    "general_tolerance": re.compile(r"(ISO|DIN|EN)\s*\d|±|\+/-|\d", re.IGNORECASE),
    "customer": re.compile(r"[^\W\d_]{2}"),
    "heat_treatment": re.compile(r"[^\W\d_]{3}|\d\s*H[RBV]"),
    "surface_treatment": re.compile(r"[^\W\d_]{3}"),
    "projection": re.compile(
        r"angle|di[èe]dre|m[ée]thode?\s*[EA13]\b|europ|am[ée]ric|projektions?methode\s*[13]|[ée]rste|first|third|^[EA]$|ISO|premier|troisi",
        re.IGNORECASE,
    ),
}
_FREE = ("part_name", "author", "customer", "heat_treatment", "surface_treatment")
_SHEET_SIZE = re.compile(r"^(A[0-4]|[BCDE])$")
_EMPTY = re.compile(
    r"^[\s\-–—_.:/*]*$|^(?:n\.?/?a\.?|néant|none|sans|keine|without|xxx+|tbd|\?+)$", re.IGNORECASE
)
_NOT_EMPTY_FOR = {"revision": re.compile(r"^[-–]$"), "scale": re.compile(r"^(none|sans|n\.?a\.?)$", re.I)}


def plain(text: str) -> str:
    """Lower case without accents, for comparison."""
    folded = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    return "".join(char for char in folded if not unicodedata.combining(char)).strip()


def key_of(text: str) -> str:
    """Letters and figures of a text, lower case, without accents."""
    return re.sub(r"[^a-z0-9]", "", plain(text.replace("°", "").replace("º", "")))


@cache
def _index() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, words in _WORDS.items():
        for word in words.split("|"):
            found.setdefault(key_of(word), name)
            # German umlauts are also written with an e behind the vowel.
            found.setdefault(key_of(re.sub("([äöüÄÖÜ])", r"\1e", word)), name)
    return found


@cache
def _long_keys() -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for key in _index():
        if len(key) >= 7:
            found.setdefault(len(key), []).append(key)
    return found


def _near(key: str) -> str | None:
    """The one label which differs from a long key by one character (an OCR slip)."""
    if len(key) < 7 or len(key) > 40 or re.search(r"[1-9]", key):
        return None
    hits = {
        _index()[other]
        for length in (len(key) - 1, len(key), len(key) + 1)
        for other in _long_keys().get(length, ())
        if other[:2] == key[:2] or other[-2:] == key[-2:]
        if _one_slip(key, other)
    }
    return hits.pop() if len(hits) == 1 else None


def _one_slip(a: str, b: str) -> bool:
    if len(a) > len(b):
        a, b = b, a
    if len(a) == len(b):
        return sum(x != y for x, y in zip(a, b, strict=True)) == 1
    return any(b[:i] + b[i + 1 :] == a for i in range(len(b)))


@cache
def _whole(text: str) -> str | None:
    """Field announced by a text which is a label and nothing else."""
    bare = re.sub(r"\([^)]*\)", " ", text) if re.search(r"\([^)]*\)", text) else text
    for candidate in (text, bare, text.strip("()[] ")):
        key = key_of(candidate)
        # A lone letter behind the words is a value ("Änderungsindex: C"), no slip of the pen.
        near = None if re.search(r"[\s:=]\w$", candidate) else _near(key)
        name = _index().get(key) or near
        if name is not None:
            return name
    if re.search(r"\d", text):
        return None
    parts = [part for part in re.split(r"\s*[/|,;–]\s*|\s+-\s+|\s*\(|\)", text) if part.strip()]
    if len(parts) > 1:
        names = [_index().get(key_of(part)) or _near(key_of(part)) for part in parts]
        if names[0] is not None and all(len(part.split()) <= 5 for part in parts):
            return names[0]
        known = [name for name in names if name is not None]
        if known and len(known) >= len(names) - 1 and len(set(known)) == 1:
            return known[0]
    return None


def match_label(text: str) -> tuple[str, str | None] | None:
    """Return (field, inline value) when the text is a label, alone or with its value behind a colon or behind its words."""
    text = _NUMBERING.sub("", text).strip()
    if not text or len(text) > 160:
        return None
    bare = text.strip(" .:;=")
    if name := _whole(bare):
        return name, None
    for pattern, name in ((_SHEET, "sheet"), (_SCALE, "scale")):
        if match := pattern.match(text):
            return name, match[1].strip()
    for match in re.finditer(r"\s*[:=]\s*", text):
        left, right = text[: match.start()].strip(), text[match.end() :].strip()
        if left and (name := _whole(left)):
            return name, right or None
        break
    words = text.split()
    for count in range(min(5, len(words) - 1), 0, -1):
        left, right = " ".join(words[:count]), " ".join(words[count:])
        name = _whole(left.strip(" .:;="))
        if (
            name
            and not name.startswith("_")
            and key_of(left) not in _SMALL
            and name not in _FREE
            and not is_label_word(right)
            and _strong(name, right)
        ):
            return name, right
    return None


def _strong(name: str, value: str) -> bool:
    """A value which needs no colon before it, because its form is that of its field."""
    shape = _SHAPE.get(name)
    if shape is None or not shape.search(value):
        return False
    if name in ("drawing_number", "material"):
        return bool(re.search(r"\d", value)) and len(value.split()) <= 4
    if name == "general_tolerance":
        return bool(re.search(r"(ISO|DIN|EN)\s*\d|±", value))
    if name == "revision":
        return bool(re.match(r"^[A-Z0-9]{1,3}$", value))
    return True


def is_label_word(text: str) -> bool:
    """True for a text that is a label and holds no value."""
    return _whole(text.strip(" .:;=")) is not None


def is_label(text: str) -> bool:
    """True for any title-block label, also of fields we do not keep."""
    return match_label(text) is not None


def is_empty_value(field: str, value: str) -> bool:
    """True for what is written into a cell to say that it is empty: dashes, "N/A", "néant"."""
    keep = _NOT_EMPTY_FOR.get(field)
    if keep is not None and keep.match(value.strip()):
        return False
    return _EMPTY.match(value.strip()) is not None


def fits(field: str, value: str) -> bool:
    """True when a text may be a value of the field."""
    value = value.strip()
    if is_label_word(value) and not (field == "revision" and len(value) <= 2):
        return False
    if _SHEET_SIZE.match(value) and field not in ("part_name", "revision"):
        return False
    if field in ("author", "customer", "part_name") and re.fullmatch(r"[\d\s.,:/±-]+", value):
        return False
    shape = _SHAPE.get(field)
    return bool(value) and (shape is None or shape.search(value) is not None)
