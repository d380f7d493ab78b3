"""What the text of a STEP file says beside its geometry: product name and number, and annotations we do not read."""

from __future__ import annotations

import re
from pathlib import Path

from coordinator.modules.drawings.reading.model import DrawingReading, FieldValue

_PRODUCT = re.compile(rb"=\s*PRODUCT\s*\(\s*'((?:[^']|'')*)'\s*,\s*'((?:[^']|'')*)'", re.IGNORECASE)
_ANNOTATION = re.compile(
    rb"=\s*\(?\s*(DIMENSIONAL_SIZE|DIMENSIONAL_LOCATION|GEOMETRIC_TOLERANCE|DATUM_FEATURE)\b", re.IGNORECASE
)
_ESCAPE = re.compile(r"\\X2\\((?:[0-9A-F]{4})+)\\X0\\|\\X\\([0-9A-F]{2})")
_MEANINGLESS = re.compile(r"(?i)^(|none|part\s*\d*|product|open cascade.*|unnamed|assembly|solid\d*)$")


def read_step_header(path: Path, reading: DrawingReading) -> None:
    """Fill drawing number and part name from the first PRODUCT; warn when the model carries unread annotations."""
    content = path.read_bytes()
    if product := _PRODUCT.search(content):
        number, name = (_text(group) for group in product.groups())
        for field_name, value in (("drawing_number", number), ("part_name", name)):
            if not _MEANINGLESS.match(value):
                reading.title_block[field_name] = FieldValue(
                    value, 0.7, "read", page=1, source="step_product"
                )
    annotations = len(_ANNOTATION.findall(content))
    if annotations:
        reading.warnings.append(f"{annotations} annotations 3D (PMI) présentes et non lues.")


def _text(raw: bytes) -> str:
    """Decode a STEP string (ISO 10303-21 escapes)."""
    text = raw.decode("latin-1").replace("''", "'")

    def plain(match: re.Match[str]) -> str:
        wide, narrow = match.groups()
        return bytes.fromhex(wide).decode("utf-16-be") if wide else chr(int(narrow, 16))

    return _ESCAPE.sub(plain, text).strip()
