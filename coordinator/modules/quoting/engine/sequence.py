"""Order of the operations inside one clamping, as at the machine, with as few tool changes as that order allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from coordinator.modules.quoting.engine.cutting import Context, Cut
from coordinator.modules.quoting.engine.holes import Centre, Hole
from coordinator.modules.quoting.engine.process import Step
from coordinator.modules.quoting.engine.turning import (
    Facing,
    FinishTurning,
    Groove,
    Parting,
    RoughTurning,
    ThreadTurning,
)

_THREADS = ("tapping", "thread", "thread_milling")
_TURNING = (Facing, Centre, RoughTurning, Hole, FinishTurning, Groove, ThreadTurning)


def resolve(steps: Iterable[Step], ctx: Context) -> list[Cut]:
    """Operations of the steps, each with the feature it works on; roughing and finishing of an outline are one feature."""
    found: list[Cut] = []
    for index, step in enumerate(steps):
        outline = isinstance(step, RoughTurning | FinishTurning) and not step.internal
        feature = "profil" if outline else f"{type(step).__name__} {index}"
        found += [replace(cut, feature=feature) for cut in step.cuts(ctx)]
    return found


def milling_order(cuts: Iterable[Cut]) -> list[Cut]:
    """Faces, contour and pockets roughed, spotted, drilled, opened, counterbored, chamfered, bored or reamed, tapped,
    walls finished, edges broken (``Cut.stage``); within a stage one tool after the other."""
    found: list[Cut] = []
    by_stage: dict[int, list[Cut]] = {}
    for cut in cuts:
        by_stage.setdefault(cut.stage, []).append(cut)
    for stage in sorted(by_stage):
        found += _by_tool(by_stage[stage])
    return found


def _by_tool(cuts: Sequence[Cut]) -> list[Cut]:
    groups: dict[str, list[Cut]] = {}
    for cut in cuts:
        groups.setdefault(cut.choice.tool.code if cut.choice else "", []).append(cut)
    return [cut for group in groups.values() for cut in group]


def turning_order(steps: Sequence[Step], ctx: Context) -> list[Cut]:
    """Face, centre, rough, holes on the axis, finish, grooves, thread; then live tools; parting last."""
    axial = sorted((s for s in steps if _rank(s) < len(_TURNING)), key=_rank)
    live = [s for s in steps if _rank(s) == len(_TURNING) and not isinstance(s, Parting)]
    last = [s for s in steps if isinstance(s, Parting)]
    turned = _threads_after_bores(
        [replace(cut, feature=f"tour {cut.feature}") for cut in resolve(axial, ctx)]
    )
    milled = milling_order(replace(cut, is_live=True) for cut in resolve(live, ctx.live()))
    return [*turned, *milled, *(replace(cut, feature="tronçonnage") for cut in resolve(last, ctx))]


def _threads_after_bores(cuts: Sequence[Cut]) -> list[Cut]:
    """The thread of a bore is cut once the larger steps before it are bored."""
    bores = [i for i, cut in enumerate(cuts) if "Hole" in cut.feature]
    if not bores:
        return list(cuts)
    inside = cuts[bores[0] : bores[-1] + 1]
    late = [x for x in inside if x.shape is not None and x.shape.kind in _THREADS]
    early = [x for x in inside if x not in late]
    return [*cuts[: bores[0]], *early, *late, *cuts[bores[-1] + 1 :]]


def _rank(step: Step) -> int:
    if isinstance(step, Hole) and not step.on_axis:
        return len(_TURNING)
    return next((i for i, kind in enumerate(_TURNING) if isinstance(step, kind)), len(_TURNING))
