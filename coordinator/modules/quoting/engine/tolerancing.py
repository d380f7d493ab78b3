"""What the drawing writes, given to the shapes of the model: threads and tolerance grades of holes, widths of slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from coordinator.modules.quoting.engine import threads
from coordinator.modules.quoting.engine.part import Dimension, Feature

_HOLES = ("hole", "bore")
_NEAR_MM = 0.02


def with_dimensions(features: Sequence[Feature], dimensions: Sequence[Dimension]) -> list[Feature]:
    """Features with the thread and the grades that the drawing writes for them; what the model says itself stays."""
    threaded = _with_threads(features, dimensions)
    return [_with_grades(f, dimensions) for f in threaded]


def _with_threads(features: Sequence[Feature], dimensions: Sequence[Dimension]) -> list[Feature]:
    """A thread belongs to the holes drilled to its core; where the model draws none, to those of its nominal diameter.

    The count of a dimension is that of one feature, of all such features together, or not written (1).
    """
    found = list(features)
    for d in dimensions:
        thread = threads.size_of(d.text) if d.kind == "thread" else None
        if thread is None:
            continue
        free = [i for i, f in enumerate(found) if f.type in _HOLES and f.thread is None and f.diameter_mm]
        own = [i for i in free if -0.15 <= (found[i].diameter_mm or 0.0) - (thread[0] - thread[1]) <= 0.2]
        if not own and d.count > 1:
            own = [i for i in free if abs((found[i].diameter_mm or 0.0) - thread[0]) < _NEAR_MM]
        together = sum(found[i].count for i in own)
        for i in own:
            feature = found[i]
            if d.count not in (1, feature.count, together):
                continue
            form = "tapped" if len(feature.steps) < 2 else feature.form
            found[i] = replace(feature, thread=d.text, form=form, diameter_mm=thread[0])
    return found


def _with_grades(feature: Feature, dimensions: Sequence[Dimension]) -> Feature:
    if feature.type == "slot" and feature.width_mm and feature.it is None:
        return replace(feature, it=_grade(dimensions, feature.width_mm, "linear"))
    if feature.type not in _HOLES or feature.diameter_mm is None:
        return feature
    steps = tuple(
        replace(s, it=_grade(dimensions, s.diameter_mm, "diameter")) if s.it is None else s
        for s in feature.steps
    )
    if len(steps) < 2:
        steps = feature.steps
    if feature.thread or feature.it is not None:
        return replace(feature, steps=steps)
    return replace(feature, steps=steps, it=_grade(dimensions, feature.diameter_mm, "diameter"))


def _grade(dimensions: Sequence[Dimension], nominal: float, kind: str) -> int | None:
    """Finest grade written for a size; a lower-case fit is that of a shaft, never of a hole."""
    grades = [
        d.it
        for d in dimensions
        if d.it
        and d.kind == kind
        and abs(d.nominal - nominal) < _NEAR_MM
        and (kind == "linear" or d.fit is None or d.fit[:1].isupper())
    ]
    return min(grades, default=None)


def external_threads(
    features: Sequence[Feature],
    dimensions: Sequence[Dimension],
    profile: Sequence[tuple[float, float]] | None,
) -> list[Feature]:
    """A single thread dimension whose diameter is that of a cylinder of the profile is an external thread."""
    if not profile:
        return []
    known = {f.thread for f in features if f.thread}
    found = []
    for d in dimensions:
        thread = threads.size_of(d.text) if d.kind == "thread" else None
        if thread is None or d.text in known or d.count > 1:
            continue
        lengths = [
            z2 - z1
            for (z1, d1), (z2, d2) in pairwise(profile)
            if abs(d1 - d2) < 1e-6 and -0.4 <= d1 - thread[0] <= 0.05 and z2 > z1
        ]
        if lengths:
            found.append(Feature("thread", "external", thread[0], length_mm=max(lengths), thread=d.text))
    return found
