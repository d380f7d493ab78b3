"""Learning factors (QUO-41): real against estimated times, per machine × process × material group. Proposals only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

MIN_JOBS = 5
LOWEST, HIGHEST = 0.7, 1.5


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One finished operation of one job: estimated and real minutes per piece."""

    job: str
    machine: str
    process: str
    material_group: str
    estimated_min: float
    real_min: float


@dataclass(frozen=True, slots=True)
class LearnedFactor:
    """An accepted factor: the run time of this process on this machine in this group is multiplied by it."""

    machine: str
    process: str
    material_group: str
    factor: float


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed factor with what it rests on; it applies only after a person accepts it."""

    factor: LearnedFactor
    jobs: int
    raw_factor: float
    spread: tuple[float, float]

    @property
    def is_limited(self) -> bool:
        """True if the median lay outside 0.7–1.5."""
        return not math.isclose(self.raw_factor, self.factor.factor)


def propose(records: Iterable[JobRecord]) -> list[Proposal]:
    """Factors = median of real/estimated of each job, limited to 0.7–1.5, where at least five jobs speak (QUO-41).

    Several records of one job count once (their times are added). Records without a usable time are left out.
    """
    times: dict[tuple[str, str, str], dict[str, tuple[float, float]]] = {}
    for record in records:
        if not _usable(record.estimated_min) or not _usable(record.real_min):
            continue
        jobs = times.setdefault((record.machine, record.process, record.material_group), {})
        estimated, real = jobs.get(record.job, (0.0, 0.0))
        jobs[record.job] = (estimated + record.estimated_min, real + record.real_min)
    found = []
    for (machine, process, group), jobs in sorted(times.items()):
        if len(jobs) < MIN_JOBS:
            continue
        ratios = sorted(real / estimated for estimated, real in jobs.values())
        middle = median(ratios)
        factor = LearnedFactor(machine, process, group, round(min(max(middle, LOWEST), HIGHEST), 3))
        found.append(
            Proposal(factor, len(jobs), round(middle, 3), (round(ratios[0], 3), round(ratios[-1], 3)))
        )
    return found


def accepted(factors: Sequence[LearnedFactor], machine: str, process: str, material_group: str) -> float:
    """The accepted factor of an operation, 1 without one."""
    wanted = (machine, process, material_group)
    return next((f.factor for f in factors if (f.machine, f.process, f.material_group) == wanted), 1.0)


def _usable(minutes: float) -> bool:
    return math.isfinite(minutes) and minutes > 0
