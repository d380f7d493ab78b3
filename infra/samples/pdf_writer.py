"""Writes a sheet as a vector PDF with real text (one standard font, WinAnsi) and real lines: the smallest file format we need."""

from __future__ import annotations

import math
from pathlib import Path

from infra.samples.sheet import Callout, Point, Sheet

MM = 72.0 / 25.4
CAP_HEIGHT = 0.718  # Helvetica, share of the font size
_WIDTHS = {
    " ": 278,
    ",": 278,
    ".": 278,
    "(": 333,
    ")": 333,
    "-": 333,
    "+": 584,
    "±": 584,
    "°": 400,
    "Ø": 778,
    "M": 833,
    "R": 722,
}
_PEN = {"visible": "0.5", "thin": "0.18", "centre": "0.18", "hidden": "0.25"}
_DASH = {"visible": "[] 0", "thin": "[] 0", "centre": "[8 2 1 2] 0", "hidden": "[3 1.5] 0"}


def text_width(text: str, height: float) -> float:
    """Approximate width in mm of a text of a cap height in mm."""
    return sum(_WIDTHS.get(char, 556) for char in text) / 1000 * height / CAP_HEIGHT


class _Canvas:
    def __init__(self) -> None:
        self.parts: list[str] = [f"{MM:.5f} 0 0 {MM:.5f} 0 0 cm 1 J"]

    def style(self, name: str) -> None:
        self.parts.append(f"{_PEN[name]} w {_DASH[name]} d")

    def line(self, a: Point, b: Point) -> None:
        self.parts.append(f"{a[0]:.3f} {a[1]:.3f} m {b[0]:.3f} {b[1]:.3f} l S")

    def circle(self, centre: Point, radius: float) -> None:
        x, y, k = *centre, radius * 0.5522847
        r = radius
        self.parts.append(
            f"{x + r:.3f} {y:.3f} m {x + r:.3f} {y + k:.3f} {x + k:.3f} {y + r:.3f} {x:.3f} {y + r:.3f} c "
            f"{x - k:.3f} {y + r:.3f} {x - r:.3f} {y + k:.3f} {x - r:.3f} {y:.3f} c "
            f"{x - r:.3f} {y - k:.3f} {x - k:.3f} {y - r:.3f} {x:.3f} {y - r:.3f} c "
            f"{x + k:.3f} {y - r:.3f} {x + r:.3f} {y - k:.3f} {x + r:.3f} {y:.3f} c s"
        )

    def arrow(self, tip: Point, direction: Point) -> None:
        (x, y), (dx, dy) = tip, direction
        base = (x - 3 * dx, y - 3 * dy)
        a, b = (base[0] - 0.5 * dy, base[1] + 0.5 * dx), (base[0] + 0.5 * dy, base[1] - 0.5 * dx)
        self.parts.append(f"{x:.3f} {y:.3f} m {a[0]:.3f} {a[1]:.3f} l {b[0]:.3f} {b[1]:.3f} l f")

    def text(self, at: Point, text: str, height: float, angle: float = 0.0) -> None:
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        coded = (
            text.encode("cp1252")
            .replace(b"\\", b"\\\\")
            .replace(b"(", b"\\(")
            .replace(b")", b"\\)")
            .decode("latin-1")
        )
        size = height / CAP_HEIGHT
        self.parts.append(
            f"BT /F1 {size:.3f} Tf {c:.5f} {s:.5f} {-s:.5f} {c:.5f} {at[0]:.3f} {at[1]:.3f} Tm ({coded}) Tj ET"
        )

    def callout(self, at: Point, call: Callout, angle: float = 0.0, height: float = 3.5) -> None:
        """Write a dimension text, its deviations stacked behind it; ``at`` is the left baseline point."""
        self.text(at, call.main, height, angle)
        if call.stacked is None:
            return
        c, s = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        along = text_width(call.main, height) + 0.8
        small = height * 0.6
        for text, up in zip(call.stacked, (height * 0.68, -height * 0.22), strict=True):
            self.text((at[0] + along * c - up * s, at[1] + along * s + up * c), text, small, angle)


def callout_width(call: Callout, height: float = 3.5) -> float:
    """Width in mm of a whole dimension text."""
    width = text_width(call.main, height)
    return width + (0.8 + max(text_width(t, height * 0.6) for t in call.stacked) if call.stacked else 0)


def write_pdf(sheet: Sheet, path: Path) -> None:
    """Write the sheet as a one-page PDF."""
    canvas = _Canvas()
    for line in sheet.lines:
        canvas.style(line.style)
        canvas.line(line.a, line.b)
    for circle in sheet.circles:
        canvas.style(circle.style)
        canvas.circle(circle.centre, circle.radius)
    for label in sheet.labels:
        canvas.text(label.at, label.text, label.height, label.angle)
    canvas.style("thin")
    _draw_dimensions(canvas, sheet)
    for (x, y), ra in sheet.textures:
        for a, b in (
            ((x, y), (x - 1.6, y + 2.8)),
            ((x, y), (x + 3.4, y + 5.9)),
            ((x - 1.6, y + 2.8), (x + 1.6, y + 2.8)),
        ):
            canvas.line(a, b)
        canvas.text((x + 4, y + 2.6), f"Ra {str(ra).replace('.', ',')}", 2.5)
    _write_document(path, "\n".join(canvas.parts).encode("latin-1"), sheet)


def _draw_dimensions(canvas: _Canvas, sheet: Sheet) -> None:
    for dim in sheet.dims:
        half = callout_width(dim.call) / 2
        if dim.vertical:
            a, b = sorted((dim.a[1], dim.b[1]))
            for x, y in (dim.a, dim.b):
                canvas.line((x, y), (dim.line, y))
            canvas.line((dim.line, a), (dim.line, b))
            canvas.arrow((dim.line, a), (0, -1))
            canvas.arrow((dim.line, b), (0, 1))
            canvas.callout((dim.line - 1.2, (a + b) / 2 - half), dim.call, 90)
        else:
            a, b = sorted((dim.a[0], dim.b[0]))
            for x, y in (dim.a, dim.b):
                canvas.line((x, y), (x, dim.line))
            canvas.line((a, dim.line), (b, dim.line))
            canvas.arrow((a, dim.line), (-1, 0))
            canvas.arrow((b, dim.line), (1, 0))
            canvas.callout(((a + b) / 2 - half, dim.line + 1.2), dim.call)
    for leader in sheet.leaders:
        (x0, y0), (x1, y1) = leader.tip, leader.elbow
        length = math.hypot(x1 - x0, y1 - y0)
        canvas.line(leader.tip, leader.elbow)
        canvas.line(leader.elbow, (x1 + callout_width(leader.call) + 2, y1))
        canvas.arrow(leader.tip, ((x0 - x1) / length, (y0 - y1) / length))
        canvas.callout((x1 + 1, y1 + 1.2), leader.call)


def _write_document(path: Path, content: bytes, sheet: Sheet) -> None:
    box = f"[0 0 {sheet.width * MM:.2f} {sheet.height * MM:.2f}]"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".encode(),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{sheet.font} /Encoding /WinAnsiEncoding >>".encode(),
    ]
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    path.write_bytes(bytes(out))
