"""The project's own three sample parts: solid model and drawing of each, with what a reader should find."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cadquery as cq

from infra.samples.sheet import Callout, Circle, Dim, Leader, Line, Point, Sheet, add_frame_and_title_block

_COMMON = {
    "general_tolerance": "ISO 2768-mK", "projection": "Premier dièdre", "unit": "mm", "author": "C. Morel",
    "customer": "Atelier Exemple", "sheet": "1/1", "scale": "1:1",
}  # fmt: skip


@dataclass(frozen=True)
class PartSource:
    """How one sample part is made: its file stem, its solid, its sheet and the features a perfect reader lists."""

    stem: str
    model: Callable[[], cq.Workplane]
    sheet: Callable[[], Sheet]
    features: list[dict[str, Any]]
    size_mm: tuple[float, float, float]
    principal_process: str


SHAFT_PROFILE: list[Point] = [
    (0, 0), (0, 9), (1, 10), (24, 10), (24, 9.5), (25.3, 9.5), (25.3, 10), (30, 10), (30, 15), (80, 15), (80, 12.5),
    (105, 12.5), (105, 8.75), (108, 8.75), (108, 10), (124, 10), (125, 9), (125, 0),
]  # fmt: skip


def shaft_model() -> cq.Workplane:
    """Turned shaft along X: two bearing seats, circlip groove, thread with undercut, keyway 8 x 25 depth 4 in the Ø30."""
    body = cq.Workplane("XY").polyline(SHAFT_PROFILE).close().revolve(360, (0, 0, 0), (1, 0, 0))
    keyway = cq.Workplane("XY").workplane(offset=11).center(55, 0).slot2D(25, 8).extrude(10)
    return body.cut(keyway)


def shaft_sheet() -> Sheet:
    sheet = Sheet(
        _COMMON | {"drawing_number": "AX-1042", "revision": "B", "part_name": "Arbre de sortie", "material": "C45E",
                   "heat_treatment": "Trempé revenu 28-32 HRC", "surface_treatment": "Brunissage", "mass": "0,52 kg",
                   "date": "12/03/2026"},
        notes=["Angles vifs cassés 0,2 à 0,5", "Ébavurer soigneusement"],
        textures=[((125, 235), 0.8), ((300, 130), 3.2)],
    )  # fmt: skip
    ox, oy = 60.0, 190.0
    for sign in (1, -1):
        sheet.polyline([(ox + z, oy + sign * r) for z, r in SHAFT_PROFILE])
    for (z0, r0), (z1, r1) in pairwise(SHAFT_PROFILE[1:]):
        if z0 == z1:
            sheet.lines.append(Line((ox + z0, oy - max(r0, r1)), (ox + z0, oy + max(r0, r1))))
    sheet.lines.append(Line((ox - 8, oy), (ox + 133, oy), "centre"))
    _slot(sheet, (ox + 55, oy), 25, 8)
    sheet.dims += [
        _h(ox, ox + 125, oy - 15, oy - 62, Callout("linear", 125, upper=0.2, lower=-0.2)),
        _h(ox, ox + 30, oy - 10, oy - 34, Callout("linear", 30, upper=0.1, lower=0)),
        _h(ox + 30, ox + 80, oy - 15, oy - 34, Callout("linear", 50)),
        _h(ox, ox + 24, oy + 10, oy + 30, Callout("linear", 24)),
        _h(ox + 42.5, ox + 67.5, oy + 4, oy + 24, Callout("linear", 25, upper=0.2, lower=0)),
        _h(ox + 80, ox + 125, oy - 12.5, oy - 48, Callout("linear", 45)),
        _v(oy - 10, oy + 10, ox, ox - 16, Callout("diameter", 20, "Ø", fit="k6")),
        _v(oy - 15, oy + 15, ox + 80, ox + 142, Callout("diameter", 30, "Ø", upper=0, lower=-0.1)),
        _v(oy - 12.5, oy + 12.5, ox + 105, ox + 156, Callout("diameter", 25, "Ø", fit="h6")),
    ]
    sheet.leaders += [
        Leader((ox + 116, oy + 10), (ox + 122, oy + 34), Callout("thread", 20, "M", "x1,5")),
        Leader((ox + 24.6, oy + 9.5), (ox + 30, oy + 46), Callout("diameter", 19, "Ø", fit="h11")),
        Leader((ox + 106, oy + 8.75), (ox + 85, oy + 46), Callout("diameter", 17.5, "Ø")),
        Leader((ox + 0.5, oy + 9.5), (ox - 34, oy + 34), Callout("chamfer", 1, "", "x45°", count=2)),
    ]
    end = (310.0, 190.0)
    sheet.circles += [Circle(end, r) for r in (15.0, 10.0)]
    sheet.dims.append(_h(end[0] - 4, end[0] + 4, end[1] + 14, end[1] + 26, Callout("linear", 8, fit="P9")))
    add_frame_and_title_block(sheet)
    return sheet


BLOCK_HOLES = [(-40.0, -22.0), (40.0, -22.0), (40.0, 22.0), (-40.0, 22.0)]
BLOCK_TAPS = [(-40.0, 0.0), (40.0, 0.0)]


def block_model() -> cq.Workplane:
    """Milled block 100 x 60 x 25, corners R5: pocket, bore Ø20 in it, four counterbored and two tapped blind holes."""
    block = cq.Workplane("XY").box(100, 60, 25, centered=(True, True, False)).edges("|Z").fillet(5)
    pocket = cq.Workplane("XY").workplane(offset=15).rect(50, 30).extrude(20).edges("|Z").fillet(5)
    block = block.cut(pocket)
    top = cq.Workplane("XY").workplane(offset=25)
    block = block.cut(cq.Workplane("XY").circle(10).extrude(20))
    for tool in (
        cq.Workplane("XY").pushPoints(BLOCK_HOLES).circle(3.3).extrude(25),
        top.pushPoints(BLOCK_HOLES).circle(5.5).extrude(-6.5),
        top.pushPoints(BLOCK_TAPS).circle(2.5).extrude(-15),
    ):
        block = block.cut(tool)
    return block


def block_sheet() -> Sheet:
    sheet = Sheet(
        _COMMON | {"drawing_number": "BL-2007", "revision": "A", "part_name": "Bride support", "material": "EN AW-6082 T6",
                   "surface_treatment": "Anodisation incolore 15 µm", "mass": "0,31 kg", "date": "02/04/2026"},
        notes=["Chanfreiner les trous 0,3", "Pièce à usiner suivant modèle 3D"],
        textures=[((120, 90), 1.6), ((300, 130), 3.2)],
    )  # fmt: skip
    ox, oy = 115.0, 190.0
    _rounded_rectangle(sheet, (ox, oy), 100, 60, 5)
    _rounded_rectangle(sheet, (ox, oy), 50, 30, 5)
    sheet.circles.append(Circle((ox, oy), 10))
    for x, y in BLOCK_HOLES:
        sheet.circles += [Circle((ox + x, oy + y), 5.5), Circle((ox + x, oy + y), 3.3)]
    sheet.circles += [Circle((ox + x, oy + y), 2.5) for x, y in BLOCK_TAPS]
    sheet.dims += [
        _h(ox - 50, ox + 50, oy - 30, oy - 56, Callout("linear", 100, upper=0.1, lower=-0.1)),
        _h(ox - 40, ox + 40, oy - 22, oy - 44, Callout("linear", 80)),
        _h(ox - 25, ox + 25, oy + 15, oy + 40, Callout("linear", 50, upper=0.05, lower=0)),
        _v(oy - 30, oy + 30, ox - 50, ox - 78, Callout("linear", 60, upper=0.1, lower=-0.1)),
        _v(oy - 22, oy + 22, ox - 40, ox - 66, Callout("linear", 44)),
        _v(oy - 15, oy + 15, ox + 25, ox + 64, Callout("linear", 30, upper=0.05, lower=0)),
    ]
    sheet.leaders += [
        Leader((ox + 43, oy + 26), (ox + 58, oy + 44), Callout("diameter", 11, "Ø", count=4)),
        Leader((ox - 41, oy + 25.2), (ox - 85, oy + 54), Callout("diameter", 6.6, "Ø", count=4)),
        Leader((ox - 7, oy + 7), (ox - 40, oy + 54), Callout("diameter", 20, "Ø", fit="H7")),
        Leader((ox + 42, oy - 1), (ox + 70, oy - 30), Callout("thread", 6, "M", count=2)),
        Leader((ox - 23.5, oy - 13.5), (ox - 44, oy - 76), Callout("radius", 5, "R", count=8)),
    ]
    fx, fy = 300.0, 170.0
    sheet.polyline([(fx, fy), (fx + 60, fy), (fx + 60, fy + 25), (fx, fy + 25)], closed=True)
    sheet.polyline(
        [(fx + 15, fy + 25), (fx + 15, fy + 15), (fx + 45, fy + 15), (fx + 45, fy + 25)], style="hidden"
    )
    sheet.dims += [
        _v(fy, fy + 25, fx, fx - 14, Callout("linear", 25, upper=0, lower=-0.2)),
        _v(fy + 15, fy + 25, fx + 45, fx + 74, Callout("depth", 10, upper=0.1, lower=0)),
    ]
    add_frame_and_title_block(sheet)
    return sheet


HUB_PROFILE: list[Point] = [(0, 11), (0, 39), (1, 40), (12, 40), (12, 20), (49, 20), (50, 19), (50, 11)]
HUB_HOLES = [(30 * math.cos(a), 30 * math.sin(a)) for a in (math.pi / 4 + k * math.pi / 2 for k in range(4))]


def hub_model() -> cq.Workplane:
    """Turn-mill flanged hub along Z: bore Ø22, four holes Ø6.6 on Ø60, flat on the hub, radial tapped hole Ø4.2."""
    outline = [(r, z) for z, r in HUB_PROFILE]
    hub = cq.Workplane("XZ").polyline(outline).close().revolve(360, (0, 0, 0), (0, 1, 0))
    hub = hub.cut(cq.Workplane("XY").pushPoints(HUB_HOLES).circle(3.3).extrude(12))
    hub = hub.cut(cq.Workplane("XY").workplane(offset=30).center(-22.5, 0).rect(10, 60).extrude(30))
    return hub.cut(cq.Workplane("YZ").center(0, 24).circle(2.1).extrude(30))


def hub_sheet() -> Sheet:
    sheet = Sheet(
        _COMMON | {"drawing_number": "TM-3105", "revision": "C", "part_name": "Moyeu à bride", "material": "X2CrNi18-9 (304L)",
                   "surface_treatment": "Passivation", "mass": "0,66 kg", "date": "20/05/2026"},
        notes=["Toutes arêtes ébavurées"],
        textures=[((60, 90), 0.8), ((300, 130), 3.2)],
    )  # fmt: skip
    ox, oy = 75.0, 185.0
    for sign in (1, -1):
        sheet.polyline([(ox + z, oy + sign * r) for z, r in HUB_PROFILE], closed=True)
    sheet.lines.append(Line((ox - 8, oy), (ox + 58, oy), "centre"))
    sheet.dims += [
        _h(ox, ox + 50, oy - 20, oy - 66, Callout("linear", 50, upper=0.1, lower=-0.1)),
        _h(ox, ox + 12, oy - 40, oy - 54, Callout("linear", 12)),
        _v(oy - 40, oy + 40, ox, ox - 22, Callout("diameter", 80, "Ø", upper=0, lower=-0.2)),
        _v(oy - 11, oy + 11, ox + 50, ox + 64, Callout("diameter", 22, "Ø", fit="H7")),
        _v(oy - 20, oy + 20, ox + 49, ox + 80, Callout("diameter", 40, "Ø", fit="h7")),
        _h(ox, ox + 24, oy + 40, oy + 56, Callout("linear", 24)),
    ]
    sheet.leaders.append(
        Leader((ox + 0.5, oy + 39.5), (ox - 50, oy + 56), Callout("chamfer", 1, "", "x45°", count=2))
    )
    cx, cy = 245.0, 185.0
    sheet.circles += [Circle((cx, cy), r) for r in (40.0, 20.0, 11.0)] + [Circle((cx, cy), 30, "centre")]
    sheet.circles += [Circle((cx + x, cy + y), 3.3) for x, y in HUB_HOLES]
    sheet.leaders += [
        Leader((cx + 23.5, cy + 23.5), (cx + 44, cy + 46), Callout("diameter", 6.6, "Ø", count=4)),
        Leader(
            (cx + 28.2, cy - 10.2), (cx + 56, cy - 26), Callout("diameter", 60, "Ø", upper=0.1, lower=-0.1)
        ),
        Leader((cx + 20, cy), (cx + 56, cy + 12), Callout("thread", 5, "M")),
    ]
    sheet.dims.append(_h(cx - 17.5, cx + 20, cy - 14, cy - 54, Callout("linear", 37.5, upper=0, lower=-0.1)))
    add_frame_and_title_block(sheet)
    return sheet


def _h(x0: float, x1: float, y: float, line: float, call: Callout) -> Dim:
    return Dim((x0, y), (x1, y), line, call)


def _v(y0: float, y1: float, x: float, line: float, call: Callout) -> Dim:
    return Dim((x, y0), (x, y1), line, call, vertical=True)


def _slot(sheet: Sheet, centre: Point, length: float, width: float) -> None:
    (x, y), half, radius = centre, length / 2 - width / 2, width / 2
    arc = [math.radians(a) for a in range(-90, 91, 15)]
    right = [(x + half + radius * math.cos(a), y + radius * math.sin(a)) for a in arc]
    left = [(x - half - radius * math.cos(a), y - radius * math.sin(a)) for a in arc]
    sheet.polyline(right + left, closed=True)


def _rounded_rectangle(sheet: Sheet, centre: Point, width: float, height: float, radius: float) -> None:
    (x, y), w, h = centre, width / 2 - radius, height / 2 - radius
    corners = [(x + w, y + h, 0), (x - w, y + h, 90), (x - w, y - h, 180), (x + w, y - h, 270)]
    points = [
        (
            px + radius * math.cos(math.radians(start + step)),
            py + radius * math.sin(math.radians(start + step)),
        )
        for px, py, start in corners
        for step in range(0, 91, 15)
    ]
    sheet.polyline(points, closed=True)


PARTS = [
    PartSource(
        "AX-1042_B", shaft_model, shaft_sheet,
        [{"type": "groove", "count": 2}, {"type": "slot", "width_mm": 8.0, "depth_mm": 4.0, "length_mm": 25.0},
         {"type": "chamfer", "count": 2}],
        (125.0, 30.0, 30.0), "turning",
    ),
    PartSource(
        "BL-2007_A", block_model, block_sheet,
        [{"type": "hole", "form": "counterbore", "steps": [[11.0, 6.5], [6.6, 18.5]], "through": True, "count": 4},
         {"type": "hole", "form": "plain", "steps": [[5.0, 15.0]], "through": False, "count": 2},
         {"type": "bore", "form": "plain", "steps": [[20.0, 15.0]], "through": True, "count": 1},
         {"type": "pocket", "depth_mm": 10.0}],
        (100.0, 60.0, 25.0), "milling",
    ),
    PartSource(
        "TM-3105_C", hub_model, hub_sheet,
        [{"type": "bore", "form": "plain", "steps": [[22.0, 50.0]], "through": True, "count": 1},
         {"type": "hole", "form": "plain", "steps": [[6.6, 12.0]], "through": True, "count": 4},
         {"type": "hole", "form": "plain", "steps": [[4.2, 9.0]], "through": True, "count": 1},
         {"type": "chamfer", "count": 2}],
        (80.0, 80.0, 50.0), "turning",
    ),
]  # fmt: skip
