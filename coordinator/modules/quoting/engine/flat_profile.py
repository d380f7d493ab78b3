"""Outline of a turned part from a flat drawing: diameters put in order and lengths found among the linear dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from coordinator.modules.quoting.engine.part import Dimension
from coordinator.modules.quoting.engine.values import size

Points = tuple[tuple[float, float], ...]
_MAX_LENGTHS = 12


def outline(
    diameters: Sequence[Dimension], linear: Sequence[Dimension], largest_mm: float, length_mm: float
) -> tuple[Points, list[str]]:
    """Steps (z, Ø) over the length, with what had to be supposed, in French.

    Lengths come from the drawing where some of its linear dimensions add up to the whole (or to the whole minus one open
    length, as drawings leave one out); otherwise the steps share the length equally.
    """
    steps = _ordered(diameters, largest_mm)
    text = ", ".join(f"Ø{size(d)}" for d in steps)
    if len(steps) == 1:
        return ((0.0, steps[0]), (length_mm, steps[0])), [
            f"Contour supposé : {text} sur toute la longueur ({size(length_mm)} mm), à confirmer."
        ]
    lengths = _partition(linear, len(steps), length_mm)
    if lengths is None:
        share = length_mm / len(steps)
        points = tuple((z, d) for i, d in enumerate(steps) for z in (i * share, (i + 1) * share))
        note = f"Longueurs des étages inconnues : {text} répartis également sur {size(length_mm)} mm, à confirmer."
        return points, [note]
    points_list: list[tuple[float, float]] = []
    z = 0.0
    for d, length in zip(steps, lengths, strict=True):
        points_list += [(z, d), (z + length, d)]
        z += length
    told = ", ".join(f"Ø{size(d)} × {size(v)}" for d, v in zip(steps, lengths, strict=True))
    return tuple(points_list), [f"Étages déduits des cotes : {told} mm, à confirmer."]


def _ordered(diameters: Sequence[Dimension], largest_mm: float) -> list[float]:
    """Order along the axis: as the texts lie on the sheet if they spread along one direction, else large to small."""
    placed = {d.nominal: d.place for d in diameters if d.place is not None}
    steps = sorted({d.nominal for d in diameters} | {largest_mm}, reverse=True)
    if len(placed) < len(steps) or len(steps) < 3:
        return steps
    xs, ys = [p[0] for p in placed.values()], [p[1] for p in placed.values()]
    along = 0 if max(xs) - min(xs) >= max(ys) - min(ys) else 1
    return sorted(steps, key=lambda d: placed[d][along])


def _partition(linear: Sequence[Dimension], count: int, length_mm: float) -> list[float] | None:
    """``count`` lengths that add up to the whole; first without, then with one length left open by the drawing."""
    values = [d for d in linear if 0 < d.nominal < length_mm - 1e-6][:_MAX_LENGTHS]
    for chosen in combinations(values, count):
        if abs(sum(d.nominal for d in chosen) - length_mm) <= 0.005 * length_mm:
            return [d.nominal for d in _along(chosen)]
    if count == 2 and values:
        return _with_rest([values[0].nominal], length_mm)
    fitting = [c for c in combinations(values, count - 1) if sum(d.nominal for d in c) < 0.98 * length_mm]
    if len(fitting) == 1:
        return _with_rest([d.nominal for d in _along(fitting[0])], length_mm)
    return None


def _along(chosen: Sequence[Dimension]) -> list[Dimension]:
    if any(d.place is None for d in chosen):
        return list(chosen)
    return sorted(chosen, key=lambda d: d.place or (0.0, 0.0))


def _with_rest(lengths: list[float], whole_mm: float) -> list[float]:
    """The open length is the first (largest Ø) one, as a drawing leaves out the one that matters least."""
    return [whole_mm - sum(lengths), *lengths]
