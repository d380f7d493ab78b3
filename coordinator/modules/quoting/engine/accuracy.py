"""How near quoting comes to its targets (QUO-44): share of automatic quotes, share of jobs whose time was right. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from coordinator.modules.quoting.engine.learning import JobRecord

AUTOMATIC_TARGET_PCT, IN_TIME_TARGET_PCT, GAP_PCT = 90.0, 80.0, 15.0


@dataclass(frozen=True, slots=True)
class QuoteFacts:
    """One quote: whether all its lines were computed, whether three scenarios have a price, whether a person corrected it."""

    is_automatic: bool
    priced_scenarios: int
    is_corrected: bool = False


def measure(quotes: Sequence[QuoteFacts], jobs: Sequence[JobRecord]) -> dict[str, Any]:
    """Shares in %; ``None`` where there is nothing to judge, which is not the same as zero.

    A job is all operations of one work order: its gap is that of its whole running time per piece.
    """
    automatic = [q for q in quotes if q.is_automatic and q.priced_scenarios >= 3]
    totals: dict[str, list[float]] = {}
    for job in jobs:
        if job.estimated_min > 0:
            total = totals.setdefault(job.job, [0.0, 0.0])
            total[0] += job.estimated_min
            total[1] += job.real_min
    gaps: list[dict[str, Any]] = [
        {
            "job": name,
            "estimated_min": round(e, 3),
            "real_min": round(r, 3),
            "gap_pct": round(100 * (r / e - 1), 1),
        }
        for name, (e, r) in totals.items()
    ]
    near = [g for g in gaps if abs(g["gap_pct"]) < GAP_PCT]
    automatic_pct = _share(len(automatic), len(quotes))
    in_time_pct = _share(len(near), len(gaps))
    return {
        "quotes": len(quotes),
        "automatic_pct": automatic_pct,
        "corrected_pct": _share(sum(q.is_corrected for q in quotes), len(quotes)),
        "automatic_target_pct": AUTOMATIC_TARGET_PCT,
        "automatic_reached": None if automatic_pct is None else automatic_pct >= AUTOMATIC_TARGET_PCT,
        "jobs": len(gaps),
        "gap_limit_pct": GAP_PCT,
        "near_pct": in_time_pct,
        "near_target_pct": IN_TIME_TARGET_PCT,
        "near_reached": None if in_time_pct is None else in_time_pct >= IN_TIME_TARGET_PCT,
        "worst": sorted(gaps, key=lambda g: -abs(g["gap_pct"]))[:10],
    }


def _share(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None
