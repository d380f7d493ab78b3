"""Renders a typst template with one data object to PDF bytes, closed off from disk and network."""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib.util
import io
import json
import re
import tempfile
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

PdfStandard = Literal["1.7", "2.0", "a-2b", "a-3b", "a-3u", "ua-1"]
LAYOUT = Path(__file__).parent / "layout.typ"
_FONT_PACKAGE = "fontpkg_source_sans_3"
_PACKAGE_IMPORT = re.compile(r"""["']@[\w-]+/""")
_ASSET_NAME = re.compile(r"[\w-]+\.(svg|png|jpg|jpeg)")


class PaperError(Exception):
    """A paper could not be made: stable `code`, French message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def qr_svg(text: str) -> str:
    """SVG of a QR code, error correction level Q, with a margin of 2 modules (the paper around gives the
    rest)."""
    import segno

    buffer = io.BytesIO()
    symbol = segno.make_qr(text, error="q", boost_error=False)
    symbol.save(buffer, kind="svg", border=2, xmldecl=False, svgns=True, omitsize=True, light="#ffffff")
    return buffer.getvalue().decode()


@functools.cache
def _fonts() -> Any:
    """Source Sans 3 from its package; system fonts are added only when it is missing."""
    import typst

    found = importlib.util.find_spec(_FONT_PACKAGE)
    folders = (
        [str(Path(place) / "files") for place in (found.submodule_search_locations or [])] if found else []
    )
    return typst.Fonts(include_system_fonts=not folders, include_embedded_fonts=True, font_paths=folders)


def _plain(value: Any) -> Any:
    """JSON value of dataclasses, decimals and dates; a text field named `qr` becomes the SVG of its code."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        plain = {str(key): _plain(item) for key, item in value.items()}
        if isinstance(plain.get("qr"), str) and plain["qr"]:
            plain["qr_text"], plain["qr"] = plain["qr"], qr_svg(plain["qr"])
        return plain
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, enum.Enum):
        return value.value
    return value


def render(
    template: Path,
    data: Any,
    *,
    pdf_standard: PdfStandard | None = None,
    assets: Mapping[str, bytes] | None = None,
    created: datetime | None = None,
) -> bytes:
    """PDF of `template` (a `.typ` file importing `/layout.typ`) filled with `data` (dataclass or mapping).

    `pdf_standard` is a typst name such as `a-3b`; `assets` are images by file name; `created` fixes the
    creation date so that the same data give the same bytes. The template sees only itself, the layout and
    the assets. Raises PaperError.
    """
    import typst

    source = template.read_text(encoding="utf-8")
    if _PACKAGE_IMPORT.search(source):
        raise PaperError("paper_package_import", f"Modèle {template.name} : import de paquet interdit.")
    with tempfile.TemporaryDirectory(prefix="paper-") as folder:
        root = Path(folder)
        (root / "main.typ").write_text(source, encoding="utf-8")
        (root / "layout.typ").write_bytes(LAYOUT.read_bytes())
        for name, content in (assets or {}).items():
            if not _ASSET_NAME.fullmatch(name):
                raise PaperError("paper_asset_name", f"Image « {name} » : nom ou type de fichier refusé.")
            (root / name).write_bytes(content)
        try:
            pdf = typst.compile(
                str(root / "main.typ"),
                root=str(root),
                font_paths=_fonts(),
                format="pdf",
                sys_inputs={"data": json.dumps(_plain(data), ensure_ascii=False)},
                pdf_standards=pdf_standard,
                timestamp=created,
            )
        except typst.TypstError as error:
            raise PaperError("paper_template", f"Modèle {template.name} : {error}") from error
    if not isinstance(pdf, bytes):
        raise PaperError("paper_template", f"Modèle {template.name} : aucun document produit.")
    return pdf
