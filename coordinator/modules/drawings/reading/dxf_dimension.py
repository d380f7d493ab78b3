"""DIMENSION entities of DXF: the written text with the measured value, prefix, suffix, deviations and limits of the style (DRW-12)."""

from __future__ import annotations

import math
import re
from typing import Any

from coordinator.modules.drawings.reading.dimension_text import parse_dimension
from coordinator.modules.drawings.reading.dxf_text import STACK, plain_text, with_signs
from coordinator.modules.drawings.reading.layout import TextBlock, make_dimension
from coordinator.modules.drawings.reading.model import Dimension
from coordinator.modules.drawings.reading.page import Word, to_frame

CHARACTER_WIDTH = 0.78  # share of the text height
DIMENSION_TYPES = ("DIMENSION", "ARC_DIMENSION", "LARGE_RADIAL_DIMENSION")
SAME_SIZE = 0.005
_ROUNDING = {"mm": 0.05, "inch": 0.002}
ANGLE_SLACK_DEG = 0.5
_ANGULAR = (2, 5)
_DIAMETER, _RADIUS = 3, 4


def read_dimension(entity: Any, unit: str, page: int, left: float, top: float) -> Dimension | None:
    """The dimension an entity shows; None when it shows nothing or its text is no dimension."""
    override = entity.override()
    measured = _measured(entity, override)
    if measured is None:
        return None
    raw = plain_text(with_signs(entity.dxf.get("text", "") or "<>"))
    if not raw.strip():
        return None
    raw = raw.split(r"\X")[0]
    stack = STACK.search(raw)
    shown = "<>" in raw
    text = " ".join(plain_lines(STACK.sub("", raw).replace("<>", _dressed(measured, override))))
    stacked = (stack[1].strip(), stack[2].strip()) if stack else None
    if stacked is None and shown:
        stacked = _style_deviations(override, text)
    limits = _style_limits(entity, override) if shown and stacked is None else None
    if limits is not None:
        text, stacked = text.replace(measured, "").strip(), limits
    kind = entity.dimtype & 7
    if kind in (_DIAMETER, _RADIUS) and not re.search(r"[ØøφΦ⌀∅R]", text):
        text = re.sub(
            r"^((?:\d+\s*[xX]\s+)?\(?)", rf"\g<1>{'Ø' if kind == _DIAMETER else 'R'}", text, count=1
        )
    if stacked and stacked[0] == "±":
        text, stacked = f"{text} ±{stacked[1]}", None
    parsed = parse_dimension(text, stacked)
    if parsed is None:
        return None
    place = entity.dxf.get("text_midpoint") or entity.dxf.get("defpoint")
    height = float(override.get("dimtxt", 2.5)) * float(override.get("dimscale", 1.0) or 1.0)
    half, angle = len(parsed.text) * CHARACTER_WIDTH * height / 2, _text_angle(entity)
    u, v = to_frame(place.x - left, top - place.y, angle)
    word = Word(parsed.text, u - half, u + half, v - height / 2, v + height / 2, angle, 1.0, "dxf")
    found = make_dimension(
        TextBlock([word]), parsed, unit, page, basic=float(override.get("dimgap", 0) or 0) < 0
    )
    found.source = "dxf_dimension"
    return found


def forced_words(entity: Any, dimension: Dimension) -> str | None:
    """What a size typed over the measured one says against the drawing; None where they agree or cannot be compared."""
    typed = entity.dxf.get("text", "") or "<>"
    is_size = (entity.dimtype & 7) not in _ANGULAR and dimension.thread is None
    if "<>" in typed or not is_size or dimension.nominal is None:
        return None
    measured = _measured(entity, entity.override())
    if measured is None:
        return None
    drawn = float(measured.replace(",", "."))
    if (entity.dimtype & 7) == _RADIUS and "Ø" in dimension.text:
        drawn *= 2
    rounding = _ROUNDING.get(dimension.unit, _ROUNDING["mm"])
    if math.isclose(drawn, dimension.nominal, rel_tol=SAME_SIZE, abs_tol=rounding):
        return None
    return f"{dimension.text} au lieu de {measured}".replace(".", ",")


def plain_lines(raw: str) -> list[str]:
    """Lines of a multi-line text without its formatting codes."""
    from ezdxf.tools.text import fast_plain_mtext

    return [str(line) for line in fast_plain_mtext(raw, split=True)]


def _dressed(measured: str, override: Any) -> str:
    """DIMPOST: prefix and suffix of the style around the value ("Ø<>", "<> mm")."""
    post = plain_text(with_signs(str(override.get("dimpost", "") or "")))
    if not post:
        return measured
    return post.replace("<>", measured) if "<>" in post else measured + post


def _drawn_texts(entity: Any) -> list[Any]:
    """Texts of the block which shows a dimension as its program drew it."""
    block = entity.get_geometry_block()
    return [] if block is None else [part for part in block if part.dxftype() in ("MTEXT", "TEXT")]


def _text_angle(entity: Any) -> float:
    """Direction of the written value in degrees, between -90 (excluded) and 90."""
    drawn = next(iter(_drawn_texts(entity)), None)
    if drawn is None:
        angle = float(entity.dxf.get("text_rotation", 0.0) or 0.0)
    elif drawn.dxftype() == "MTEXT":
        angle = float(drawn.get_rotation())
    else:
        angle = float(drawn.dxf.get("rotation", 0.0))
    angle = (angle + 90.0) % 180.0 - 90.0
    return 90.0 if abs(angle + 90.0) < ANGLE_SLACK_DEG else angle


def _measured(entity: Any, override: Any) -> str | None:
    value = entity.get_measurement()
    # A viewport scales no angle, and files keep angles in radians.
    angular = (entity.dimtype & 7) in _ANGULAR
    kept = None if angular else entity.dxf.get("actual_measurement")
    if not isinstance(value, int | float) or value == 0:
        value = kept
    elif isinstance(kept, int | float) and kept > 0 and not math.isclose(kept, abs(value), rel_tol=SAME_SIZE):
        value = _through_viewport(entity, override, float(value), float(kept))
    if not isinstance(value, int | float):
        return None
    if angular:
        return _angle(float(value), override)
    scaled = abs(float(value)) * abs(float(override.get("dimlfac", 1.0) or 1.0))
    step = float(override.get("dimrnd", 0) or 0)
    return _number(round(scaled / step) * step if step > 0 else scaled, int(override.get("dimdec", 2)))


def _through_viewport(entity: Any, override: Any, drawn: float, kept: float) -> float:
    """A dimension on a layout may measure the model through a viewport: the file keeps its size, the points are those of the paper.

    What the drawing shows decides; where it shows nothing, the kept size on a layout and the points in the model.
    """
    shown = " ".join(plain_text(with_signs(_content(part))) for part in _drawn_texts(entity)).replace(
        ",", "."
    )
    numbers = [float(found) for found in re.findall(r"\d+(?:\.\d+)?|\.\d+", shown)]
    factor = abs(float(override.get("dimlfac", 1.0) or 1.0))
    for value in (kept, abs(drawn)):
        for size in (value, value * factor):
            if any(math.isclose(number, size, rel_tol=SAME_SIZE) for number in numbers):
                return size / factor
    return kept if entity.dxf.get("paperspace", 0) else drawn


def _content(part: Any) -> str:
    return str(part.text if part.dxftype() == "MTEXT" else part.dxf.text)


def _angle(degrees: float, override: Any) -> str:
    decimals = max(0, int(override.get("dimadec", 0)))
    if int(override.get("dimaunit", 0) or 0) != 1:
        return f"{_number(degrees, decimals)}°"
    whole, rest = divmod(degrees * 60, 60)
    return f"{whole:.0f}°{rest:.0f}'"


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{max(0, min(8, decimals))}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace(".", ",") or "0"


def _style_deviations(override: Any, text: str) -> tuple[str, str] | None:
    """Deviations of the dimension style: DIMTP upwards, DIMTM downwards; equal ones are written with ±."""
    if not override.get("dimtol", 0) or re.search(r"±|[+\-]\d", text):
        return None
    decimals = int(override.get("dimtdec", 4))
    upper, lower = float(override.get("dimtp", 0.0)), -float(override.get("dimtm", 0.0))
    if upper == 0 and lower == 0:
        return None
    if upper == -lower:
        return "±", _number(upper, decimals)
    return _signed(upper, decimals), _signed(lower, decimals)


def _style_limits(entity: Any, override: Any) -> tuple[str, str] | None:
    """DIMLIM: the two limits are written instead of the size."""
    value = entity.get_measurement()
    if (
        not override.get("dimlim", 0)
        or not isinstance(value, int | float)
        or (entity.dimtype & 7) in _ANGULAR
    ):
        return None
    size = abs(float(value)) * abs(float(override.get("dimlfac", 1.0) or 1.0))
    decimals = max(int(override.get("dimtdec", 4)), int(override.get("dimdec", 2)))
    high = size + float(override.get("dimtp", 0.0))
    low = size - float(override.get("dimtm", 0.0))
    return (_number(high, decimals), _number(low, decimals)) if high > low else None


def _signed(value: float, decimals: int) -> str:
    return "0" if value == 0 else ("+" if value > 0 else "-") + _number(abs(value), decimals)
