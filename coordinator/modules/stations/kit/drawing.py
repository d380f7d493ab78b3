"""Assembly drawings as SVG, to scale in millimetres where a layout gives measures."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape

from coordinator.modules.stations.kit.data import Kit

_W, _H = 760, 520
_INK, _LIGHT, _FILL, _CONE = "#1f2933", "#9aa5b1", "#f5f7fa", "#2f6fde"


class _Sheet:
    """Collects shapes; lengths in drawing units (px)."""

    def __init__(self, title: str) -> None:
        self.parts: list[str] = []
        self.title = title

    def rect(self, x: float, y: float, w: float, h: float, *, fill: str = "none", stroke: str = _INK, width: float = 1.5,
             dash: str = "", radius: float = 0) -> None:  # fmt: skip
        extra = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{radius}" fill="{fill}" '
            f'stroke="{stroke}" stroke-width="{width}"{extra}/>'
        )

    def line(
        self,
        x1: float,
        y1: float,
        x2: float,
        y2: float,
        *,
        stroke: str = _INK,
        width: float = 1.2,
        dash: str = "",
    ) -> None:
        extra = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width}"{extra}/>'
        )

    def area(self, points: list[tuple[float, float]], fill: str = _CONE, opacity: float = 0.12) -> None:
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polygon points="{text}" fill="{fill}" fill-opacity="{opacity}"/>')

    def circle(self, x: float, y: float, r: float, fill: str = _FILL) -> None:
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r}" fill="{fill}" stroke="{_INK}" stroke-width="1.2"/>'
        )

    def text(
        self, x: float, y: float, words: str, *, size: int = 13, anchor: str = "middle", weight: int = 400
    ) -> None:
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
            f'fill="{_INK}">{escape(words)}</text>'
        )

    def mark(self, x: float, y: float, letter: str, to: tuple[float, float] | None = None) -> None:
        """Letter of a part in a circle, with a leader to it."""
        if to is not None:
            self.line(x, y, *to, stroke=_LIGHT)
        self.circle(x, y, 11, "#ffffff")
        self.text(x, y + 4.5, letter, weight=700)

    def measure(self, x1: float, y1: float, x2: float, y2: float, words: str) -> None:
        """Dimension line with end strokes."""
        self.line(x1, y1, x2, y2, width=0.8)
        across = (0, 5) if abs(y2 - y1) < 1 else (5, 0)
        for x, y in ((x1, y1), (x2, y2)):
            self.line(x - across[0], y - across[1], x + across[0], y + across[1], width=0.8)
        if across[0]:
            middle = (y1 + y2) / 2
            self.parts.append(f'<g transform="translate({x1 - 8:.1f},{middle:.1f}) rotate(-90)">')
            self.text(0, 0, words, size=12)
            self.parts.append("</g>")
        else:
            self.text((x1 + x2) / 2, y1 - 6, words, size=12)

    def marker(self, x: float, y: float, side: float = 16) -> None:
        """Place of a printed marker."""
        self.rect(x - side / 2, y - side / 2, side, side, fill=_INK)
        self.rect(x - side / 4, y - side / 4, side / 2, side / 2, fill="#ffffff", width=0)

    def svg(self) -> str:
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_W} {_H}" width="{_W}" height="{_H}" '
            f'font-family="Source Sans 3, DejaVu Sans, sans-serif" role="img"><title>{escape(self.title)}</title>\n'
            f'<rect width="{_W}" height="{_H}" fill="#ffffff"/>\n{body}\n</svg>\n'
        )


def draw(kit: Kit) -> str:
    """SVG of the kit's assembly; letters are those of the parts list."""
    sheet = _Sheet(kit.title)
    _DRAWINGS[kit.drawing](sheet, kit)
    return sheet.svg()


def _millimetres(value: float) -> str:
    return f"{value:.0f} mm"


def _cabinet(sheet: _Sheet, kit: Kit) -> None:
    """Front view with open doors on the left, side view with the camera's field on the right, one scale."""
    lay = kit.layout
    scale = min(330 / lay.width_mm, 380 / lay.height_mm)
    w, h, x, y = lay.width_mm * scale, lay.height_mm * scale, 70.0, 80.0
    sheet.text(x + w / 2, 30, "Vue de face, portes ouvertes", weight=600)
    sheet.rect(x, y, w, h, fill=_FILL, width=2.5)
    shelves = 4
    for number in range(shelves):
        top = y + 26 + number * (h - 32) / shelves
        floor = top + (h - 32) / shelves - 8
        sheet.line(x + 6, floor, x + w - 6, floor)
        cells = 6 if number % 2 else 4
        for cell in range(cells):
            sheet.rect(
                x + 12 + cell * (w - 24) / cells + 3, floor - 26, (w - 24) / cells - 6, 24, stroke=_LIGHT
            )
    sheet.rect(x + 8, y + 6, w - 16, 8, fill="#fde68a", width=0.8)
    for number in range(lay.cameras):
        sheet.rect(x + w * (2 * number + 1) / (2 * lay.cameras) - 9, y - 12, 18, 12, fill="#ffffff")
    for cx, cy in ((x + 16, y + 30), (x + w - 16, y + 30), (x + 16, y + h - 16), (x + w - 16, y + h - 16)):
        sheet.marker(cx, cy)
    sheet.rect(x + w - 6, y + h * 0.45, 8, 22, fill=_LIGHT, width=0.8)
    sheet.measure(x, y + h + 24, x + w, y + h + 24, _millimetres(lay.width_mm))
    sheet.measure(x - 24, y, x - 24, y + h, _millimetres(lay.height_mm))
    sheet.mark(x + w * 0.75, y - 36, "C", (x + w * (2 * lay.cameras - 1) / (2 * lay.cameras), y - 8))
    sheet.mark(x + w * 0.25, y - 36, "D", (x + w * 0.25, y + 9))
    sheet.mark(x + w + 30, y + h * 0.45 + 11, "E", (x + w + 2, y + h * 0.45 + 11))
    sheet.mark(x + w + 30, y + h - 16, "H", (x + w - 10, y + h - 16))
    if any(part.mark == "G" for part in kit.parts):
        sheet.mark(x + w + 30, y + h * 0.7, "G", (x + w - 40, y + h * 0.7))
    _side(sheet, kit, x + w + 90, y, scale, h)


def _side(sheet: _Sheet, kit: Kit, x: float, y: float, scale: float, h: float) -> None:
    """Top view: camera, its field, the plane it sees; then the electronics."""
    lay = kit.layout
    seen = 2 * lay.mount_mm * math.tan(math.radians(lay.fov_h_deg) / 2)
    wide = min(_W - x - 20, seen * scale)
    reduce = wide / seen
    depth, cx = lay.mount_mm * reduce, x + wide / 2
    sheet.text(cx, 30, "Vue de dessus : champ d'une caméra", weight=600)
    share = lay.width_mm / lay.cameras * reduce
    sheet.line(cx - wide / 2, y, cx + wide / 2, y, stroke=_LIGHT, dash="5 4")
    sheet.rect(cx - share / 2, y - 8, share, 8, fill=_FILL)
    sheet.area([(cx, y + depth), (cx - wide / 2, y), (cx + wide / 2, y)])
    sheet.rect(cx - 9, y + depth, 18, 12, fill="#ffffff")
    sheet.mark(cx + 40, y + depth + 6, "C", (cx + 9, y + depth + 6))
    sheet.measure(cx - wide / 2, y - 26, cx + wide / 2, y - 26, f"vu : {_millimetres(seen)}")
    sheet.measure(cx + wide / 2 - 6, y, cx + wide / 2 - 6, y + depth, _millimetres(lay.mount_mm))
    top = max(y + depth + 60, y + h - 110)
    _electronics(sheet, kit, x, top)


def _electronics(sheet: _Sheet, kit: Kit, x: float, y: float) -> None:
    marks = {part.mark for part in kit.parts}
    sheet.rect(x, y, 130, 84, fill=_FILL, width=2, radius=6)
    sheet.text(x + 65, y + 48, "Pi + stockage", size=12)
    sheet.mark(x + 18, y + 18, "A")
    sheet.rect(x + 160, y + 50, 56, 34, fill=_FILL)
    sheet.line(x + 130, y + 67, x + 160, y + 67)
    sheet.mark(x + 188, y + 36, "B", (x + 188, y + 50))
    if "F" in marks:
        sheet.rect(x + 160, y, 56, 22, fill=_FILL, radius=8)
        sheet.line(x + 130, y + 14, x + 160, y + 11)
        sheet.mark(x + 234, y + 11, "F", (x + 216, y + 11))


def _rack(sheet: _Sheet, kit: Kit) -> None:
    """Bar ends in their bays seen from the front, camera in front of them."""
    lay = kit.layout
    scale = min(330 / lay.width_mm, 330 / lay.height_mm)
    w, h, x, y = lay.width_mm * scale, lay.height_mm * scale, 70.0, 80.0
    sheet.text(x + w / 2, 30, "Vue des bouts de barres", weight=600)
    sheet.rect(x, y, w, h, fill=_FILL, width=2.5)
    columns, rows = 4, 3
    for column in range(columns):
        for row in range(rows):
            left, top = x + column * w / columns, y + row * h / rows
            sheet.rect(left, top, w / columns, h / rows)
            for bar in range(1 + (column * 2 + row) % 4):
                sheet.circle(left + 16 + bar * 17, top + h / rows - 12, 7, "#cbd2d9")
    for cx, cy in ((x, y), (x + w, y), (x, y + h), (x + w, y + h)):
        sheet.marker(cx, cy)
    sheet.rect(x + w * 0.2, y - 22, w * 0.6, 8, fill="#fde68a", width=0.8)
    sheet.mark(x + w + 30, y - 18, "D", (x + w * 0.8, y - 18))
    sheet.mark(x + w + 30, y + h, "H", (x + w + 8, y + h))
    sheet.measure(x, y + h + 30, x + w, y + h + 30, _millimetres(lay.width_mm))
    sheet.measure(x - 24, y, x - 24, y + h, _millimetres(lay.height_mm))
    _side(sheet, kit, x + w + 90, y, scale, h)


def _trays(sheet: _Sheet, kit: Kit) -> None:
    """Trays from above, and one tray from the side on its load cell."""
    lay = kit.layout
    rows = math.ceil(lay.trays / lay.columns)
    side, x, y = 74.0, 40.0, 70.0
    sheet.text(x + lay.columns * side / 2, 34, f"{lay.trays} plateaux au plus par armoire", weight=600)
    for number in range(lay.trays):
        left, top = x + number % lay.columns * side, y + number // lay.columns * side
        sheet.rect(left + 3, top + 3, side - 6, side - 6, fill=_FILL, radius=4)
        sheet.text(left + side / 2, top + side / 2 + 5, str(number + 1))
    sheet.measure(x + 3, y + rows * side + 26, x + side - 3, y + rows * side + 26, _millimetres(lay.tray_mm))
    left, top = x + lay.columns * side + 80, 190.0
    sheet.text(left + 130, 34, "Un plateau, vu de côté", weight=600)
    sheet.rect(left, top, 260, 12, fill=_FILL)
    sheet.line(left, top, left - 8, top - 26)
    sheet.line(left + 260, top, left + 268, top - 26)
    sheet.rect(left + 60, top + 30, 150, 22, fill="#cbd2d9")
    sheet.circle(left + 135, top + 41, 7, "#ffffff")
    sheet.rect(left + 190, top + 12, 12, 18, fill=_INK)
    sheet.rect(left + 68, top + 52, 12, 18, fill=_INK)
    sheet.rect(left, top + 70, 260, 12, fill=_FILL, width=2)
    sheet.rect(left + 190, top + 110, 60, 36, fill="#d1fae5")
    sheet.line(left + 120, top + 52, left + 120, top + 128)
    sheet.line(left + 120, top + 128, left + 190, top + 128)
    sheet.mark(left + 285, top + 41, "A", (left + 210, top + 41))
    sheet.mark(left + 285, top + 128, "B", (left + 250, top + 128))
    sheet.mark(left + 130, top - 46, "C", (left + 130, top))
    sheet.text(
        left + 130, top + 190, "La cellule porte le plateau d'un côté, tient au fond de l'autre.", size=12
    )


def _desk(sheet: _Sheet, _kit: Kit) -> None:
    """Wall box of a scan station from the front."""
    sheet.text(380, 34, "Station de scan, vue de face", weight=600)
    sheet.rect(180, 70, 400, 300, fill=_FILL, width=2.5, radius=10)
    sheet.rect(220, 100, 320, 190, fill="#ffffff")
    for column in range(3):
        sheet.rect(236 + column * 98, 216, 90, 58, fill="#dbeafe", radius=6)
        sheet.text(281 + column * 98, 250, ("Commencer", "Pause", "Terminer")[column], size=12)
    sheet.text(380, 150, "Scannez une fiche ou votre badge", size=16)
    sheet.measure(236, 206, 326, 206, "touches ≥ 15 mm")
    sheet.rect(230, 315, 100, 40, fill="#ffffff", radius=6)
    sheet.text(280, 340, "badge", size=12)
    sheet.rect(620, 250, 60, 26, fill=_FILL, radius=8)
    sheet.rect(642, 276, 22, 60, fill=_FILL, radius=6)
    sheet.line(580, 330, 642, 320)
    sheet.rect(400, 310, 140, 50, dash="5 4", stroke=_LIGHT)
    sheet.text(470, 340, "Pi à l'intérieur", size=12)
    sheet.rect(350, 420, 60, 34, fill=_FILL)
    sheet.line(380, 420, 380, 370)
    sheet.mark(555, 335, "A", (530, 335))
    sheet.mark(440, 437, "B", (410, 437))
    sheet.mark(610, 130, "C", (540, 150))
    sheet.mark(710, 263, "D", (680, 263))
    sheet.mark(150, 335, "E", (230, 335))


def _din(sheet: _Sheet, kit: Kit) -> None:
    """Modules side by side on a DIN rail, with the two networks kept apart."""
    marks = [part for part in kit.parts if part.mark]
    sheet.text(380, 34, "Sur rail DIN, dans l'armoire électrique", weight=600)
    sheet.rect(60, 190, 640, 22, fill="#cbd2d9")
    names = {"A": "Pi", "B": "24 V / 5 V", "C": "E/S isolées", "D": "Ethernet 2"}
    width = 560 / len(marks)
    for number, part in enumerate(marks):
        x = 100 + number * width
        sheet.rect(x, 110, width - 14, 190, fill=_FILL, width=2, radius=6)
        sheet.text(x + (width - 14) / 2, 210, names.get(part.mark or "", part.name), size=14)
        sheet.mark(x + 20, 132, part.mark or "")
    second = 100 + (len(marks) - 0.5) * width
    words = "réseau des machines" if kit.template == "machine_agent" else "accès Internet"
    sheet.line(second, 300, second, 390)
    sheet.text(second, 410, words, size=13)
    sheet.line(100 + width / 2, 300, 100 + width / 2, 390)
    sheet.text(100 + width / 2, 410, "réseau des stations", size=13)
    if kit.template == "machine_agent":
        x = 100 + 2.5 * width
        sheet.line(x, 300, x, 440, dash="5 4")
        sheet.text(x, 460, "24 V : entrées, demande d'arrêt", size=13)


_DRAWINGS: dict[str, Callable[[_Sheet, Kit], None]] = {
    "cabinet": _cabinet, "rack": _rack, "trays": _trays, "desk": _desk, "din": _din,
}  # fmt: skip
