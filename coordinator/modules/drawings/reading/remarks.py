"""Surface textures, notes, unit and drawing standard of a sheet (DRW-17, DRW-20, DRW-27)."""

from __future__ import annotations

import re

from coordinator.modules.drawings.reading.layout import TextBlock
from coordinator.modules.drawings.reading.model import DrawingReading, Note, StandardSystem, SurfaceTexture

_TEXTURE = re.compile(r"\b(Ra|Rz|Rmax|Rt)\s*(?:max\.?\s*)?(\d+(?:[.,]\d+)?)(?!\d)", re.IGNORECASE)
_NOTE_KINDS = {
    "secrecy": r"confidentiel|diffusion restreinte|\bITAR\b|\bEAR\b|secret|confidential",
    "ndt": r"ressuage|magn[ée]toscopie|ultrason|penetrant|\bNDT\b|\bCND\b",
    "certificate": r"10204|\b3\.[12]\b.*certif|certificat",
    "quality_standard": r"EN ?9100|NADCAP|AS ?9100|EN ?9102|first article|premier article",
    "marking": r"marquage|marquer|gravure|graver|marking|engrave|s[ée]rialis",
    "treatment": r"anodi|brunissage|passivation|nitrur|chrom|zingu|tremp|revenu|cément|peint|phosphat|nickel|anodiz|harden",
    "edges": r"[ée]bavur|angles? vifs|ar[êe]tes?|chanfrein|deburr|sharp edges|break edges|entgrat|13715",
    "tolerance": r"2768|22081|tol[ée]rance",
}
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
        if re.search(r"[^\W\d_]{3}", text) and len(text) >= 5:
            kind = next(
                (kind for kind, pattern in _NOTE_KINDS.items() if re.search(pattern, text, re.IGNORECASE)),
                "general",
            )
            notes.append(Note(text, page, block.bbox, kind))
    return notes


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
