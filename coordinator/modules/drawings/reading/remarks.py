"""Surface textures, notes, unit and drawing standard of a sheet (DRW-17, DRW-20, DRW-27)."""

from __future__ import annotations

import re

from coordinator.modules.drawings.reading.layout import TextBlock
from coordinator.modules.drawings.reading.model import DrawingReading, Note, StandardSystem, SurfaceTexture
from coordinator.modules.drawings.reading.note_marks import marks_in
from coordinator.modules.drawings.reading.treatment_text import treatment_kind

_TEXTURE = re.compile(r"\b(Ra|Rz|Rmax|Rt)\s*(?:max\.?\s*)?(\d+(?:[.,]\d+)?)(?!\d)", re.IGNORECASE)
_NOTE_KINDS = {
    "edges": r"[ée]bavur|angles? vifs|ar[êe]tes?\b|chanfrein|deburr|sharp edges|break (?:all )?(?:sharp )?edges|entgrat|gratfrei|kanten gebrochen|13715",
    "tolerance": r"2768|22081|tol[ée]ran",
}
_CRITICALITY_FR = {
    "sensitive": "sensible", "critical": "critique", "aerospace": "aéronautique", "military": "militaire", "armament": "armement",
}  # fmt: skip
_ISO = re.compile(
    r"\bISO\b|\bDIN\b|\bNF\b|\bEN ?\d|first angle|premier dièdre|1er dièdre|millim|\bmm\b|échelle|matière|werkstoff|maßstab",
    re.IGNORECASE,
)
_ASME = re.compile(r"\bASME\b|\bANSI\b|Y14\.5|third angle|\binch(es)?\b|\bUNC\b|\bUNF\b", re.IGNORECASE)
_UNLESS = re.compile(r"unless otherwise specified", re.IGNORECASE)


def read_textures(
    blocks: list[TextBlock], in_region: list[bool], page: int
) -> tuple[list[SurfaceTexture], set[int]]:
    """Roughness values in µm; those in the title block are general. Returns also the indices of the blocks used."""
    found: list[SurfaceTexture] = []
    used: set[int] = set()
    for index, block in enumerate(blocks):
        for match in _TEXTURE.finditer(block.text):
            value = float(match[2].replace(",", "."))
            found.append(
                SurfaceTexture(
                    match[1].capitalize(),
                    value,
                    match[0],
                    in_region[index],
                    page,
                    block.bbox,
                    block.confidence,
                )
            )
            used.add(index)
    return found, used


def read_notes(blocks: list[TextBlock], page: int) -> list[Note]:
    """Written sentences: at least one word of three letters."""
    notes = []
    for block in blocks:
        text = block.text
        if re.search(r"[^\W\d_]{3}", text) and len(text) >= 4:
            notes.append(Note(text, page, block.bbox, note_kind(text)))
    return notes


def read_marked(blocks: list[TextBlock], page: int) -> list[Note]:
    """Texts with a mark, wherever they stand: a stamp is put beside the border or into the title block (DRW-27, DRW-28)."""
    return [
        Note(block.text, page, block.bbox, marks[0].kind)
        for block in blocks
        if (marks := marks_in(block.text))
    ]


def note_kind(text: str) -> str:
    """Kind of a note: a mark (secrecy, quality standard…), a treatment, edges, tolerances, else "general"."""
    if marks := marks_in(text):
        return marks[0].kind
    treatment = treatment_kind(text)
    if treatment is not None:
        return "marking" if treatment == "marking" else "treatment"
    return next(
        (kind for kind, pattern in _NOTE_KINDS.items() if re.search(pattern, text, re.IGNORECASE)), "general"
    )


def warn_of_marks(reading: DrawingReading, texts: list[str]) -> None:
    """Tell every quality, secrecy and certificate mark of the sheet with the criticality it proposes (DRW-27, DRW-28)."""
    told: set[str] = set()
    for mark in (mark for text in texts for mark in marks_in(text)):
        if mark.code in told:
            continue
        told.add(mark.code)
        proposal = _CRITICALITY_FR.get(mark.criticality)
        end = f" : criticité « {proposal} » proposée" if proposal else " : à demander au fournisseur matière"
        closed = ", accès à restreindre" if mark.restricts_access else ""
        reading.warnings.append(f"Mention « {mark.words} » sur le plan{end}{closed}.")


def unit_of(texts: list[str]) -> str | None:
    """ "mm" or "inch" where the sheet says it, else None."""
    joined = "\n".join(texts)
    if re.search(r"\b(?:in|en|are in)\s+(?:inch|pouce)", joined, re.IGNORECASE):
        return "inch"
    if re.search(r"millim|\b(?:in|en)\s+mm\b", joined, re.IGNORECASE):
        return "mm"
    return None


def standard_of(texts: list[str], unit: str | None) -> StandardSystem:
    """Weigh the signs of ISO and ASME practice; undecided is "unknown"."""
    joined = "\n".join(texts)
    iso = len({match.lower() for match in _ISO.findall(joined)}) + len(set(re.findall(r"ISO \d+", joined)))
    asme = 2 * len({str(match).lower() for match in _ASME.findall(joined)})
    if _UNLESS.search(joined):
        asme += 1
    if unit == "mm":
        iso += 1
    if unit == "inch":
        asme += 2
    commas = len(re.findall(r"\d,\d", joined))
    points = len(re.findall(r"\d\.\d", joined))
    iso += 1 if commas > points else 0
    if iso == asme:
        return "unknown"
    return "iso" if iso > asme else "asme"


def finish_unit(reading: DrawingReading) -> None:
    """Warn about what was assumed: unit and general tolerance (DRW-19)."""
    if reading.title_block["general_tolerance"].status != "read":
        reading.warnings.append("Tolérance générale non indiquée : ISO 2768-mK supposée.")
