"""Codes inside DXF texts: %% signs, letters of the GDT font, stacked fractions, tolerance frames (DRW-12)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from coordinator.modules.drawings.reading.frames import NAMES
from coordinator.modules.drawings.reading.model import GeometricTolerance
from coordinator.modules.drawings.reading.signs import sign_of

STACK = re.compile(r"\\S([^;^#/]*)[\^#/]([^;]*);")
_CODES = {"%%c": "Ø", "%%p": "±", "%%d": "°", "%%%": "%", "%%u": "", "%%o": "", "%%k": ""}
_CODE = re.compile(r"%%(?:([cpduok%])|(\d{3}))", re.IGNORECASE)
_GDT_RUN = re.compile(r"\\[fF]([^;|\\}]*)[^;\\}]*;([^\\}]*)")
_FRAME_VALUE = re.compile(r"^\s*([A-Z]?Ø?)\s*(\d+(?:[.,]\d+)?|[.,]\d+)(.*)$")


def decoded_once(text: str) -> str:
    """Text whose UTF-8 a converter took for a code page ("Ã˜14" for "Ø14"), as it was written.

    A text in a code page that happens to be valid UTF-8 as well is no word of any language.
    """
    if text.isascii():
        return text
    for page in ("cp1252", "latin-1"):
        try:
            return text.encode(page).decode("utf-8")
        except UnicodeError:
            continue
    return text


def plain_text(text: str) -> str:
    """Replace the %% codes of DXF text."""
    text = decoded_once(text)

    def sign(match: re.Match[str]) -> str:
        if match[1]:
            return _CODES["%%" + match[1].lower()]
        return {"176": "°", "177": "±", "216": "Ø", "248": "Ø", "129": "Ø", "127": "°", "128": "±"}.get(
            match[2], chr(int(match[2]))
        )

    return _CODE.sub(sign, text)


def with_signs(raw: str) -> str:
    """Turn runs in a GDT font ("{\\Fgdt;n}") into the signs they show; other codes stay."""

    def run(match: re.Match[str]) -> str:
        return (
            "".join(sign_of(char, match[1]) for char in match[2]) if "gdt" in match[1].lower() else match[0]
        )

    return _GDT_RUN.sub(run, raw)


@dataclass
class FrameText:
    """One row of a TOLERANCE entity."""

    cells: list[str] = field(default_factory=list)

    def tolerance(self, page: int) -> GeometricTolerance | None:
        """The feature control frame this row writes; None for rows without a value."""
        filled = [cell for cell in self.cells if cell.strip()]
        if len(filled) < 2:
            return None
        sign = filled[0].strip()
        value = _FRAME_VALUE.match(filled[1])
        if value is None:
            return None
        datums = [cell.strip() for cell in filled[2:]]
        written = " ".join(cell.strip() for cell in filled)
        modifiers = ["Ø"] if "Ø" in value[1] else []
        modifiers += [item for item in ("Ⓜ", "Ⓛ", "Ⓟ", "Ⓢ") if item in written]
        return GeometricTolerance(
            NAMES.get(sign), float(value[2].replace(",", ".")), written, [re.sub("[ⓂⓁⓅⓈ]", "", datum).strip() for datum in datums],
            modifiers, page,
        )  # fmt: skip


def frame_rows(content: str) -> list[FrameText]:
    """Rows of a TOLERANCE text: cells parted by %%v, rows by ^J."""
    rows = []
    for line in re.split(r"\^J|\n", content):
        cells = [
            re.sub(r"[{}]", "", plain_text(with_signs(cell)))
            for cell in re.split(r"%%v", line, flags=re.IGNORECASE)
        ]
        rows.append(FrameText(cells))
    return rows
