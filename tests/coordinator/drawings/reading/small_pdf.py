"""Writes one-page PDFs as CAD systems do, for tests: text runs in named fonts, strokes, form objects, rotation, crop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

FONTS = {"F1": "Helvetica", "F2": "ABCDEF+AIGDT", "F3": "Courier", "F4": "Helvetica"}
ENCODINGS = {"F4": "<< /Type /Encoding /BaseEncoding /WinAnsiEncoding /Differences [173 /softhyphen] >>"}
"""Fonts whose table of characters is not plain WinAnsi."""


@dataclass
class SmallPdf:
    """A page in points, y up. ``text`` and ``lines`` add to it, ``write`` stores it."""

    width: float = 595
    height: float = 420
    parts: list[str] = field(default_factory=lambda: ["0.5 w"])
    annotations: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 10,
        angle: float = 0,
        font: str = "F1",
        mode: int = 0,
    ) -> None:
        """One text run; its bytes are WinAnsi."""
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        coded = (
            text.encode("cp1252")
            .replace(b"\\", b"\\\\")
            .replace(b"(", b"\\(")
            .replace(b")", b"\\)")
            .decode("latin-1")
        )
        self.parts.append(
            f"BT {mode} Tr /{font} {size} Tf {c:.5f} {s:.5f} {-s:.5f} {c:.5f} {x} {y} Tm ({coded}) Tj ET"
        )

    def lines(self, *points: tuple[float, float]) -> None:
        """A polyline."""
        self.parts.append(
            " ".join(f"{x} {y} {'l' if index else 'm'}" for index, (x, y) in enumerate(points)) + " S"
        )

    def fill(self, *contours: list[tuple[float, float]]) -> None:
        """Closed contours painted together, a contour inside another left blank."""
        paths = [
            " ".join(f"{x:.3f} {y:.3f} {'l' if index else 'm'}" for index, (x, y) in enumerate(contour))
            for contour in contours
        ]
        self.parts.append(" h ".join(paths) + " h f*")

    def box(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """A closed rectangle."""
        self.lines((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0))

    def shx(self, x0: float, y0: float, x1: float, y1: float, text: str) -> None:
        """A comment as AutoCAD lays over plotted SHX text."""
        content = "FEFF" + text.encode("utf-16-be").hex()
        self.annotations.append(
            f"<< /Type /Annot /Subtype /Square /T (AutoCAD SHX Text) /Rect [{x0} {y0} {x1} {y1}] /Contents <{content}> >>"
        )

    def write(
        self, path: Path, *, rotate: int = 0, crop: tuple[float, float] = (0, 0), in_form: bool = False
    ) -> Path:
        """Store the page; ``crop`` moves the visible page away from the origin, ``in_form`` puts it into a scaled form object."""
        body = "\n".join(self.parts)
        fonts = " ".join(
            f"/{key} << /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding {ENCODINGS.get(key, '/WinAnsiEncoding')} >>"
            for key, name in FONTS.items()
        )
        resources = f"<< /Font << {fonts} >> >>"
        objects: list[str] = []
        if in_form:
            objects.append(
                _stream(
                    body,
                    f"/Type /XObject /Subtype /Form /BBox [0 0 2000 2000] /Matrix [0.5 0 0 0.5 7 9] /Resources {resources}",
                )
            )
            body, resources = "q 2 0 0 2 -14 -18 cm /X1 Do Q", "<< /XObject << /X1 1 0 R >> >>"
        x, y = crop
        objects.append(_stream(f"q 1 0 0 1 {x} {y} cm\n{body}\nQ", ""))
        content = len(objects)
        box = f"/MediaBox [{x - 40} {y - 30} {x + self.width + 50} {y + self.height + 60}] /CropBox [{x} {y} {x + self.width} {y + self.height}]"
        objects.append(
            f"<< /Type /Page /Parent {content + 2} 0 R {box} /Rotate {rotate} /Contents {content} 0 R /Resources {resources}"
            f" /Annots [{' '.join(self.annotations)}] >>"
        )
        objects.append(f"<< /Type /Pages /Kids [{content + 1} 0 R] /Count 1 >>")
        objects.append(f"<< /Type /Catalog /Pages {content + 2} 0 R >>")
        data, offsets = b"%PDF-1.6\n", []
        for number, item in enumerate(objects, 1):
            offsets.append(len(data))
            data += f"{number} 0 obj\n{item}\nendobj\n".encode("latin-1")
        table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
        data += (
            f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(objects) + 1} /Root {len(objects)} 0 R >>\n"
            f"startxref\n{len(data)}\n%%EOF"
        ).encode("latin-1")
        path.write_bytes(data)
        return path


def _stream(body: str, extra: str) -> str:
    return f"<< /Length {len(body.encode('latin-1'))} {extra} >>\nstream\n{body}\nendstream"
