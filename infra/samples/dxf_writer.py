"""Writes a sheet as DXF R2010 in millimetres with real DIMENSION entities, so that a reader sees values, not strokes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ezdxf import units
from ezdxf.filemanagement import new
from ezdxf.layouts.layout import Modelspace

from infra.samples.sheet import Callout, Sheet, number_fr

_LAYERS = {"visible": ("TRAITS", 7), "thin": ("FINS", 8), "centre": ("AXES", 1), "hidden": ("CACHES", 3)}


def write_dxf(sheet: Sheet, path: Path) -> None:
    """Write lines, circles, texts and dimensions of the sheet in model space."""
    document = new("R2010", setup=True)
    document.units = units.MM
    document.header["$LTSCALE"] = 1.0
    for name, colour in {*_LAYERS.values(), ("COTES", 2), ("TEXTES", 7)}:
        document.layers.add(name, color=colour)
    space = document.modelspace()
    for line in sheet.lines:
        space.add_line(line.a, line.b, dxfattribs={"layer": _LAYERS[line.style][0]})
    for circle in sheet.circles:
        space.add_circle(circle.centre, circle.radius, dxfattribs={"layer": _LAYERS[circle.style][0]})
    for label in sheet.labels:
        text = space.add_text(
            label.text, height=label.height, rotation=label.angle, dxfattribs={"layer": "TEXTES"}
        )
        text.set_placement(label.at)
    _add_dimensions(space, sheet)
    for (x, y), ra in sheet.textures:
        space.add_text(f"Ra {number_fr(ra)}", height=2.5, dxfattribs={"layer": "COTES"}).set_placement(
            (x + 4, y + 2.6)
        )
    document.saveas(path)


def _style(call: Callout) -> dict[str, Any]:
    style: dict[str, Any] = {
        "dimtxt": 3.5,
        "dimasz": 3.0,
        "dimdec": 3,
        "dimzin": 8,
        "dimdsep": ord(","),
        "dimtad": 1,
        "dimlfac": 1.0,
        "dimscale": 1.0,
    }
    if call.upper is not None and call.lower is not None:
        # DIMTM counts downwards: a positive value is a minus tolerance.
        style |= {"dimtol": 1, "dimtp": call.upper, "dimtm": -call.lower, "dimtdec": 3, "dimtfac": 0.6}
    return style


def _text(call: Callout) -> str:
    """Dimension text override: ``<>`` is the measured value with its tolerances."""
    text = f"{call.prefix}<>{call.suffix}"
    if call.fit:
        text = f"{text} {call.fit}"
    if call.count > 1:
        text = f"{call.count}x {text}"
    return f"({text})" if call.reference else text


def _add_dimensions(space: Modelspace, sheet: Sheet) -> None:
    for dim in sheet.dims:
        base = (dim.line, dim.a[1]) if dim.vertical else (dim.a[0], dim.line)
        space.add_linear_dim(
            base=base, p1=dim.a, p2=dim.b, angle=90 if dim.vertical else 0, text=_text(dim.call),
            override=_style(dim.call), dxfattribs={"layer": "COTES"},
        ).render()  # fmt: skip
    for leader in sheet.leaders:
        _add_leader(space, leader.call, leader.tip, leader.elbow)


def _add_leader(
    space: Modelspace, call: Callout, tip: tuple[float, float], elbow: tuple[float, float]
) -> None:
    """Leader callouts (threads, chamfers, patterns) are multi-line texts at a leader, as CAD systems write them."""
    text = call.main
    if call.stacked:
        text += "{{\\H0.6x;\\S{}^{};}}".format(*call.stacked)
    space.add_leader([tip, elbow], dimstyle="Standard", dxfattribs={"layer": "COTES"})
    space.add_mtext(text, dxfattribs={"layer": "COTES", "char_height": 3.5, "insert": (elbow[0] + 1, elbow[1] + 1.2),
                                      "attachment_point": 7})  # fmt: skip
