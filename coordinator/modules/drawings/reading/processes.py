"""Which processes a drawing asks for, from its words, sizes and signs; what a model shows comes first (DRW-24). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from coordinator.modules.drawings.reading.model import Dimension, DrawingReading, ProcessProposal

WRITTEN, DRAWN_SURE, MAYBE = 0.95, 0.85, 0.6
NAMED_ONLY = 0.5
"""« Montage » is as often the name of a fixture as an order to assemble: mentioned, it decides nothing."""
FINE_RA_UM = 0.4
HARD_HRC = 50
GRINDING_GRADE = 5
HARD_GRINDING_GRADE = 6
_WORDS: tuple[tuple[str, str], ...] = (
    ("turning", r"\btourn(?:age|[ée]e?s?|er)\b|\blathe\b|\bturned\b|\bturning\b|\bdreh(?:en|teil)|gedreht"),
    ("milling", r"\bfrais(?:age|[ée]e?s?|er)\b|\bmill(?:ed|ing)\b|gefr[äa]st|\bfr[äa]sen\b"),
    ("grinding", r"\brectifi|\bgrind(?:ing)?\b|\bground\b(?! plane)|geschliffen|\bschleifen\b"),
    ("edm", r"[ée]lectro[- ]?[ée]rosion|\bEDM\b|\b(?:d[ée]coupe|d[ée]coup[ée])\s+(?:au\s+)?fil\b|drahterod|funkenerod"),
    ("welding", r"\bm[ée]cano[- ]?soud|\bsoud(?:ure|ures|age|[ée]e?s?|er)\b|\bweld(?:ed|ing|s|ment)?\b|schwei(?:ß|ss)"
                r"|\bISO\s?2553\b|\bAWS\s?A2\.4|\bISO\s?5817\b|\bISO\s?13920\b|\bEN\s?15085\b"),
    ("bending", r"\bpli(?:age|er|[ée]e?s?)\b|\brayons? de pli|\bd[ée]velopp[ée]|\bcintr|\broul(?:age|[ée]e?s?)\b(?!ment)|\bbend(?:ing|s)?\b"
                r"|\bbent\b|flat pattern|abkant|\bbiege|gekantet|abwicklung"),
    ("cutting", r"\boxycoup|jet d['e ]?\s?eau|\bwaterjet\b|\blaser(?:[- ]?cut)?\b(?!\s*(?:mark|marquage|grav|engrav|beschrift))|\bplasma\b"
                r"|\bd[ée]coupe\b(?!\s+(?:au\s+)?fil)"),
    ("moulding", r"\bfonderie\b|\bmoulage\b|\bpi[èe]ce moul[ée]e|\bcast(?:ing)?\b(?! (?:iron|steel))|\bguss(?:teil|st[üu]ck)|\binjection\b"
                 r"|\bforg[ée]e?\b|\bforging\b|\bestamp"),
    ("assembly", r"\bassembl(?:age|y|[ée]e?s?|er)\b|\bmontage\b|\bzusammenbau\b|\bbaugruppe\b"),
)  # fmt: skip
_NO_ORDER = re.compile(
    r"\b(?:sans|pas de|interdit|non|no|without|ohne|kein[e]?|before|avant|not)\s+(?:\w+\s+){0,2}$",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"^\W*(?:\w+\W+){0,2}(?:interdit|proscrit|not allowed|not permitted|forbidden|prohibited|verboten|unzulässig)",
    re.IGNORECASE,
)
_MARKING = re.compile(r"marqu|mark|grav|engrav|beschrift", re.IGNORECASE)
_HOLE = re.compile(
    r"thru|through|d[ée]b(?:ouchant)?\b|traversant|durch|trous?\b|holes?\b|bohr|prof|deep|tief|↧|⌴|⌵|lam|per[çc]|al[ée]s|ream|drill|c'?bore|csk",
    re.IGNORECASE,
)
_SHAFT_FIT = re.compile(r"^(?:[a-h]|js|k|m|n|p|r|s)\d", re.ASCII)
_KEYWAY_FIT = re.compile(r"^(?:P9|N9|JS9|D10|H9)$")
_FLAT = re.compile(
    r"m[ée]plat|sur plats|s/plats|across flats|\bA/F\b|\bSW\b|rainure|keyway|clavette|passfeder|slot|pocket|poche|oblong",
    re.I,
)
_TURNED_NAME = re.compile(
    r"\b(?:arbre|axe|pivot|broche|bague|douille|tourillon|goupille|moyeu|galet|poulie|entretoise|shaft|spindle|axle|pin|bush(?:ing)?|sleeve|roller|hub|spacer"
    r"|rod|round bar|rond|welle|achse|bolzen|buchse|h[üu]lse|rolle|nabe|distanzh[üu]lse)\b",
    re.IGNORECASE,
)
_HRC = re.compile(r"(\d{2})(?:\s*(?:-|à|to|bis|\+)\s*\d+)?\s*HRC|HRC\s*(\d{2})", re.IGNORECASE)
_GRADE = re.compile(r"\d+$")


def propose(readings: Sequence[DrawingReading], shown: Sequence[ProcessProposal]) -> list[ProcessProposal]:
    """Processes of a part, surest first: those its model shows, those its drawings write, those its sizes suggest."""
    drawings = [r for r in readings if r.kind in ("pdf", "dxf", "raster") and r.error is None]
    found: dict[str, ProcessProposal] = {}
    given = [*shown, *_written(drawings), *_welded(drawings), *_fine(drawings), *_assembled(readings)]
    if not shown:
        given += _from_sizes([d for r in drawings for d in r.dimensions], _texts(drawings))
        given += _flat(drawings)
    for proposal in given:
        known = found.get(proposal.process)
        if known is None or known.confidence < proposal.confidence:
            found[proposal.process] = proposal
    return sorted(found.values(), key=lambda item: -item.confidence)


def _texts(drawings: Sequence[DrawingReading]) -> list[str]:
    texts = [note.text for r in drawings for note in r.notes]
    for reading in drawings:
        block = reading.title_block
        texts += [
            block[n].value or "" for n in ("heat_treatment", "surface_treatment", "material", "part_name")
        ]
    return texts


def _written(drawings: Sequence[DrawingReading]) -> Iterable[ProcessProposal]:
    for text in _texts(drawings):
        for process, pattern in _WORDS:
            match = re.search(pattern, text, re.IGNORECASE)
            marked = match is not None and match[0].lower().startswith("laser") and _MARKING.search(text)
            if match is None or marked or _NO_ORDER.search(text[: match.start()]):
                continue
            if not _REFUSED.search(text[match.end() :]):
                yield ProcessProposal(process, WRITTEN if process != "assembly" else NAMED_ONLY, text[:120])


def _welded(drawings: Sequence[DrawingReading]) -> Iterable[ProcessProposal]:
    welds = [note.text for r in drawings for note in r.notes if note.kind == "weld"]
    if welds:
        yield ProcessProposal("welding", WRITTEN, f"symbole de soudure : {', '.join(welds)[:90]}")


def _fine(drawings: Sequence[DrawingReading]) -> Iterable[ProcessProposal]:
    """Grinding where turning or milling no longer holds texture or tolerance."""
    for reading in drawings:
        finest = min(
            (t for t in reading.surface_textures if t.parameter == "Ra"),
            key=lambda t: t.value_um,
            default=None,
        )
        if finest is not None and finest.value_um <= FINE_RA_UM:
            yield ProcessProposal("grinding", DRAWN_SURE, finest.text)
        hard = _is_hard(reading)
        for item in reading.dimensions:
            grade = _GRADE.search(item.fit or "")
            if grade and int(grade[0]) <= (HARD_GRINDING_GRADE if hard else GRINDING_GRADE):
                yield ProcessProposal("grinding", DRAWN_SURE if hard else 0.75, item.text)
                break


def _is_hard(reading: DrawingReading) -> bool:
    texts = [reading.title_block["heat_treatment"].value or "", *(note.text for note in reading.notes)]
    return any(int(m[1] or m[2]) >= HARD_HRC for text in texts for m in _HRC.finditer(text))


def _assembled(readings: Sequence[DrawingReading]) -> Iterable[ProcessProposal]:
    rows = sum(len(r.bom) for r in readings)
    solids = sum(p.count for r in readings for p in r.parts)
    if rows > 1 or solids > 1:
        yield ProcessProposal("assembly", DRAWN_SURE, "nomenclature" if rows > 1 else "plusieurs solides")


def _from_sizes(dimensions: Sequence[Dimension], texts: Sequence[str]) -> Iterable[ProcessProposal]:
    """Outside diameters in a row make a turned part, lengths without them a milled one."""
    sizes = [d for d in dimensions if not d.reference]
    holes = [d for d in sizes if _is_hole(d)]
    around = [d for d in sizes if d.kind == "diameter" and d not in holes]
    along = [d for d in sizes if d.kind == "linear"]
    named = next((t for t in texts if _TURNED_NAME.search(t)), None)
    shafts = sum(bool(_SHAFT_FIT.match(d.fit or "")) for d in around)
    turned = len(around) >= 2 and (len(around) + shafts) >= 0.3 * len(along)
    if turned:
        sure = min(0.9, MAYBE + 0.05 * (len(around) + shafts))
        yield ProcessProposal("turning", sure, f"{len(around)} diamètres")
    elif named is not None and around:
        # One diameter and a word of a round part: "Axe", "shaft", "Buchse".
        turned = True
        yield ProcessProposal("turning", 0.7, named[:120])
    if len(along) >= 2 and not turned:
        yield ProcessProposal("milling", 0.75, f"{len(along)} cotes linéaires")
    cut = next((d.text for d in sizes if _KEYWAY_FIT.match(d.fit or "") and d.kind == "linear"), None)
    cut = cut or next((t for t in [*(d.text for d in sizes), *texts] if _FLAT.search(t)), None)
    if turned and (cut is not None or any(d.count > 1 for d in holes)):
        yield ProcessProposal("milling", 0.65, cut or "perçages répartis")
    if holes:
        yield ProcessProposal("drilling", DRAWN_SURE, holes[0].text)


def _is_hole(item: Dimension) -> bool:
    if item.kind == "thread":
        return (
            item.count > 1
            or bool(_HOLE.search(item.text))
            or bool(re.search(r"\d[GH]\b|\d?B\b", item.thread or ""))
        )
    if item.kind != "diameter":
        return False
    return item.count > 1 or bool(_HOLE.search(item.text)) or bool(re.match(r"^[A-H]|JS", item.fit or ""))


def _flat(drawings: Sequence[DrawingReading]) -> Iterable[ProcessProposal]:
    """A DXF with outlines and hardly any size is cut from sheet."""
    for reading in drawings:
        if reading.kind == "dxf" and reading.contours and len(reading.dimensions) < 3:
            yield ProcessProposal("cutting", MAYBE, "contours fermés")
