"""Benchmark `planning`: distance to the best known results, and time to plan and rearrange a real-size
workshop."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from coordinator.modules.planning.engine.check import check
from coordinator.modules.planning.engine.classic import check_classic, parse_fjsp, parse_jsp, solve_makespan
from coordinator.modules.planning.engine.generate import DAY_MIN, workshop
from coordinator.modules.planning.engine.replan import Event, Trigger, replan
from coordinator.modules.planning.engine.solve import SolveOptions, solve

FIRST_PLAN_TARGET_S = 5.0
REPLAN_TARGET_S = 30.0
RATIO_TARGET = 1.02


def shared_folder() -> Path:
    """Folder of the shared data: `$USINAGE_SHARED`, else `../shared` beside the repository."""
    return Path(os.environ.get("USINAGE_SHARED") or Path(__file__).resolve().parents[4] / "shared")


def _best_known(entry: dict[str, Any]) -> int | None:
    bounds = entry.get("bounds") or {}
    return entry.get("optimum") or bounds.get("upper")


def classic_ratios(folder: Path, seconds: float) -> dict[str, float]:
    """Makespan / best known for every instance present in the folder. Raises ValueError on an invalid
    schedule."""
    ratios: dict[str, float] = {}
    for kind, parse in (("jsp", parse_jsp), ("fjsp", parse_fjsp)):
        index = folder / "scheduling" / kind / "instances.json"
        if not index.exists():
            continue
        for entry in json.loads(index.read_text(encoding="utf-8")):
            path = index.parent / Path(entry["path"]).name
            best = _best_known(entry)
            if (
                not path.exists()
                or best is None
                or not entry["path"].startswith(("instances/", "brandimarte/"))
            ):
                continue
            instance = parse(path.read_text(encoding="utf-8"))
            result = solve_makespan(instance, seconds=seconds)
            broken = check_classic(instance, result)
            if broken:
                raise ValueError(f"{entry['name']}: {broken[0]}")
            ratios[entry["name"]] = result.makespan / best
    return ratios


def shop_times(operations: int = 500, *, seconds: float = 20.0) -> tuple[float, float]:
    """Seconds to a first plan and to a complete rearrangement proposal after a breakdown, both checked."""
    problem = workshop(operations)
    plan = solve(problem, SolveOptions(seconds=seconds / 2))
    if broken := check(problem, plan):
        raise ValueError(broken[0].message)
    event = Event(
        Trigger.MACHINE_BREAKDOWN,
        "Panne broche F3",
        machine="F3",
        start_min=problem.now_min,
        end_min=problem.now_min + 3 * DAY_MIN,
    )
    began = time.monotonic()
    proposal = replan(problem, plan, event, seconds=seconds)
    spent = time.monotonic() - began
    if broken := check(proposal.problem, proposal.plan):
        raise ValueError(broken[0].message)
    return plan.first_plan_seconds, spent


def _entry(metric: str, value: float, unit: str, target: float, reference: float) -> dict[str, Any]:
    return {
        "metric": metric,
        "value": round(value, 4),
        "unit": unit,
        "reference": reference,
        "ratio": round(value / reference, 4),
        "target": target,
        "ok": value <= target,
    }


def run(seconds_per_instance: float = 10.0) -> list[dict[str, Any]]:
    """Entries of the benchmark; `mean_ratio` is left out when the shared instances are not there."""
    entries = []
    ratios = classic_ratios(shared_folder() / "data", seconds_per_instance)
    if ratios:
        entries.append(_entry("mean_ratio", sum(ratios.values()) / len(ratios), "ratio", RATIO_TARGET, 1.0))
    first, again = shop_times()
    entries.append(_entry("shop_first_plan_s", first, "s", FIRST_PLAN_TARGET_S, FIRST_PLAN_TARGET_S))
    entries.append(_entry("shop_replan_s", again, "s", REPLAN_TARGET_S, REPLAN_TARGET_S))
    return entries
