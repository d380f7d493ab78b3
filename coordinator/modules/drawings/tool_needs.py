"""Tools the features and call-outs of a part ask for, and which tools of the workshop answer (DRW-30). Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

INCH_MM = 25.4
REAMED_GRADE = 9
"""Holes with a fit up to this grade are reamed or bored."""
DRILL_SLACK_MM, REAMER_SLACK_MM, REAMING_STOCK_MM = 0.06, 0.005, 0.3
LARGEST_DRILL_MM = 32.0
_COARSE = {
    2: 0.4, 2.5: 0.45, 3: 0.5, 4: 0.7, 5: 0.8, 6: 1.0, 8: 1.25, 10: 1.5, 12: 1.75, 14: 2.0, 16: 2.0, 18: 2.5, 20: 2.5, 22: 2.5,
    24: 3.0, 27: 3.0, 30: 3.5, 36: 4.0,
}  # fmt: skip
_METRIC = re.compile(r"^M(?:F|J)?\s?(\d+(?:[.,]\d+)?)(?:\s*[xX×]\s*(\d+(?:[.,]\d+)?))?", re.IGNORECASE)
_OUTSIDE = re.compile(r"\d[eghn]\d?[eghn]?(?:\s|$)|\dA\b")
_HOLE_WORDS = re.compile(
    r"thru|through|d[ée]b|travers|durch|trou|hole|bohr|prof|deep|tief|↧|⌴|⌵|lam|per[çc]|al[ée]s|ream|drill",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ToolFacts:
    """A tool of the workshop. Lengths mm; ``on_hand`` pieces."""

    id: int
    code: str
    name: str
    type: str
    diameter_mm: float | None = None
    cutting_length_mm: float | None = None
    pitch_mm: float | None = None
    on_hand: float = 0.0


@dataclass
class ToolNeed:
    """What is needed, for how many places, and the tools that answer, best first."""

    label: str
    types: tuple[str, ...]
    fits: Callable[[ToolFacts], bool]
    count: int = 1
    tools: list[ToolFacts] = field(default_factory=list)

    @property
    def state(self) -> str:
        """``in_stock``, ``out_of_stock`` (known, none left) or ``missing``."""
        if any(tool.on_hand > 0 for tool in self.tools):
            return "in_stock"
        return "out_of_stock" if self.tools else "missing"


def needs_of(description: Mapping[str, Any]) -> list[ToolNeed]:
    """The tools a part asks for, one entry per tool, in the order of its features."""
    found: dict[str, ToolNeed] = {}
    features = description.get("features") or []
    given = [n for f in features for n in _of_feature(f)]
    given += [
        n for d in description.get("dimensions") or [] for n in _of_dimension(d, modelled=bool(features))
    ]
    if (description.get("turned_profile") or {}).get("outer"):
        given.insert(
            0, ToolNeed("Outil de tournage extérieur", ("turning_rough", "turning_finish", "insert"), _any)
        )
    for need in given:
        known = found.setdefault(need.label, need)
        if known is not need:
            known.count = max(known.count, need.count)
    return list(found.values())


def answer(needs: Sequence[ToolNeed], tools: Sequence[ToolFacts], most: int = 3) -> None:
    """Give every need the tools of the workshop that do it: those in stock first, then the nearest in size."""
    for need in needs:
        fitting = [t for t in tools if t.type in need.types and need.fits(t)]
        fitting.sort(
            key=lambda t: (t.on_hand <= 0, need.types.index(t.type), -(t.diameter_mm or 0.0), t.code)
        )
        need.tools = fitting[:most]


def _any(_tool: ToolFacts) -> bool:
    return True


def _shown(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".").replace(".", ",")


def _near(size: float, slack: float) -> Callable[[ToolFacts], bool]:
    return lambda tool: tool.diameter_mm is not None and abs(tool.diameter_mm - size) <= slack


def _up_to(size: float, depth: float | None = None) -> Callable[[ToolFacts], bool]:
    def fits(tool: ToolFacts) -> bool:
        long_enough = depth is None or tool.cutting_length_mm is None or tool.cutting_length_mm >= depth
        return tool.diameter_mm is not None and 0 < tool.diameter_mm <= size + 1e-6 and long_enough

    return fits


def _of_feature(item: Mapping[str, Any]) -> Iterator[ToolNeed]:
    kind, count = item.get("type"), int(item.get("count") or 1)
    if kind in ("hole", "bore"):
        yield from _of_hole(item, count)
    elif kind in ("pocket", "slot") and (item.get("corner_radius_mm") or item.get("width_mm")):
        radius, width = item.get("corner_radius_mm"), item.get("width_mm")
        size = min(v for v in (2 * radius if radius else None, width) if v)
        depth = item.get("depth_mm")
        label = f"Fraise Ø{_shown(size)} au plus" + (f", {_shown(depth)} utile" if depth else "")
        yield ToolNeed(label, ("end_mill", "slot_mill", "ball_mill"), _up_to(size, depth), count)
    elif kind == "groove" and item.get("width_mm"):
        yield ToolNeed(
            f"Outil à gorge, largeur {_shown(item['width_mm'])} au plus", ("grooving", "parting"), _any, count
        )
    elif kind == "thread" and item.get("thread"):
        yield ToolNeed(f"Outil à fileter {item['thread']}", ("threading", "insert"), _any, count)
    elif kind in ("flat", "step", "face", "boss"):
        yield ToolNeed("Fraise à surfacer ou deux tailles", ("face_mill", "end_mill"), _any, count)
    elif kind == "chamfer":
        yield ToolNeed("Outil à chanfreiner", ("countersink", "spot_drill", "turning_finish"), _any, count)


def _of_hole(item: Mapping[str, Any], count: int) -> Iterator[ToolNeed]:
    steps = item.get("steps") or []
    sizes = sorted({round(float(s["diameter_mm"]), 3) for s in steps if s.get("diameter_mm")})
    if not sizes and item.get("diameter_mm"):
        sizes = [float(item["diameter_mm"])]
    if not sizes:
        return
    core, form = sizes[0], item.get("form")
    metric = _METRIC.match(str(item.get("thread") or ""))
    if metric:
        yield from _tapped(float(metric[1].replace(",", ".")), _pitch(metric), count)
    else:
        yield from _round_hole(core, item.get("fit"), count)
    for size in sizes[1:]:
        types = ("counterbore", "end_mill", "boring_bar", "drill")
        yield ToolNeed(f"Lamage Ø{_shown(size)}", types, partial(_counterbores, size=size), count)
    if form == "countersink":
        yield ToolNeed("Fraise à noyer", ("countersink",), _any, count)


def _counterbores(tool: ToolFacts, size: float) -> bool:
    if tool.type in ("counterbore", "drill"):
        return _near(size, DRILL_SLACK_MM)(tool)
    return tool.type == "boring_bar" or _up_to(0.9 * size)(tool)


def _round_hole(size: float, fit: Any, count: int) -> Iterator[ToolNeed]:
    grade = re.search(r"\d+", str(fit or ""))
    if size > LARGEST_DRILL_MM:
        types = ("boring_head", "boring_bar", "end_mill")
        yield ToolNeed(f"Alésage Ø{_shown(size)}", types, partial(_bores, size=size), count)
    elif grade is not None and int(grade[0]) <= REAMED_GRADE:
        label, drill = f"Alésoir Ø{_shown(size)} {fit}", size - REAMING_STOCK_MM
        yield ToolNeed(label, ("reamer", "boring_head", "boring_bar"), partial(_finishes, size=size), count)
        yield ToolNeed(f"Foret Ø{_shown(drill)} (avant-trou)", ("drill",), _near(drill, 0.2), count)
    else:
        yield ToolNeed(f"Foret Ø{_shown(size)}", ("drill",), _near(size, DRILL_SLACK_MM), count)


def _bores(tool: ToolFacts, size: float) -> bool:
    return tool.type != "end_mill" or _up_to(0.8 * size)(tool)


def _finishes(tool: ToolFacts, size: float) -> bool:
    return tool.type != "reamer" or _near(size, REAMER_SLACK_MM)(tool)


def _tapped(size: float, pitch: float | None, count: int) -> Iterator[ToolNeed]:
    pitch = pitch or _COARSE.get(size)
    name = f"M{_shown(size)}" + (f"×{_shown(pitch)}" if pitch and pitch != _COARSE.get(size) else "")
    yield ToolNeed(f"Taraud {name}", ("tap", "thread_mill"), partial(_taps, size=size, pitch=pitch), count)
    if pitch:
        drill = size - pitch
        yield ToolNeed(f"Foret Ø{_shown(drill)} (avant-trou {name})", ("drill",), _near(drill, 0.12), count)


def _taps(tool: ToolFacts, size: float, pitch: float | None) -> bool:
    same_pitch = tool.pitch_mm is None or pitch is None or abs(tool.pitch_mm - pitch) < 0.01
    if tool.type == "thread_mill":
        return same_pitch and _up_to(0.8 * size)(tool)
    if tool.pitch_mm is None and pitch is not None and pitch != _COARSE.get(size):
        return False
    return same_pitch and _near(size, 0.01)(tool)


def _pitch(match: re.Match[str]) -> float | None:
    return float(match[2].replace(",", ".")) if match[2] else None


def _of_dimension(item: Mapping[str, Any], *, modelled: bool) -> Iterator[ToolNeed]:
    """What only the drawing tells: threads, and without a model holes and chamfers too."""
    count, text = int(item.get("count") or 1), str(item.get("text") or "")
    if item.get("reference"):
        return
    if item.get("kind") == "thread":
        metric = _METRIC.match(str(item.get("thread") or text))
        if metric and _OUTSIDE.search(f"{item.get('thread') or ''} "):
            yield ToolNeed(f"Outil à fileter {item['thread']}", ("threading", "insert"), _any, count)
        elif metric:
            yield from _tapped(float(metric[1].replace(",", ".")), _pitch(metric), count)
        else:
            name = str(item.get("thread") or text)
            types = ("tap", "thread_mill", "threading")
            yield ToolNeed(f"Taraud ou outil à fileter {name}", types, partial(_is_named, name=name), count)
    elif modelled or item.get("nominal") is None:
        return
    elif item.get("kind") == "diameter" and _is_hole(item, text, count):
        size = float(item["nominal"]) * (INCH_MM if item.get("unit") == "inch" else 1.0)
        yield from _round_hole(round(size, 3), item.get("fit"), count)
    elif item.get("kind") == "chamfer":
        yield ToolNeed("Outil à chanfreiner", ("countersink", "spot_drill", "turning_finish"), _any, count)


def _is_named(tool: ToolFacts, name: str) -> bool:
    """Inch threads have no metric size: the tool is known by its designation."""
    return name.split("-", maxsplit=1)[0].strip().casefold() in tool.name.casefold()


def _is_hole(item: Mapping[str, Any], text: str, count: int) -> bool:
    return count > 1 or bool(_HOLE_WORDS.search(text)) or str(item.get("fit") or "")[:1].isupper()
