"""``usinage bench quote``: quoted cycle times against simulated programs, seconds of a computation (QUO-26, QUO-44).

Parts: the project's own samples and, where the shared data stand beside the repository, the motor shaft (drawing and model,
in mm and inch) and a NIST block.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from coordinator.modules.quoting.engine import merging
from coordinator.modules.quoting.engine.costing import Costed
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.quote import QuoteRequest, compute
from coordinator.modules.quoting.engine.reading import from_reading
from coordinator.modules.quoting.engine.shop import Shop
from coordinator.modules.quoting.engine.values import number
from coordinator.modules.quoting.verification.gcode import programs
from coordinator.modules.quoting.verification.simulator import simulate

ROOT = Path(__file__).resolve().parents[4]
QUANTITY, DAY = 20, date(2026, 11, 23)
MAX_GAP_PCT, MAX_SECONDS = 15.0, 5.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Files of one part, the material a user answers where the drawing is silent."""

    name: str
    files: tuple[Path, ...]
    material: str | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Minutes per piece of one route: quoted without and with the owner's safety, and simulated."""

    part: str
    route: str
    cut_min: float
    estimated_min: float
    quoted_min: float
    simulated_min: float

    @property
    def gap_pct(self) -> float:
        """Estimate (before the safety) against simulation."""
        return 100 * (self.estimated_min / self.simulated_min - 1)

    @property
    def quoted_gap_pct(self) -> float:
        """Quoted time, safety included, against simulation."""
        return 100 * (self.quoted_min / self.simulated_min - 1)


def shared_folder() -> Path:
    """Folder of the shared data."""
    return Path(os.environ.get("USINAGE_SHARED") or ROOT.parent / "shared")


def samples() -> list[Sample]:
    """All parts whose files are there."""
    own, step = ROOT / "docs" / "quotes" / "parts", shared_folder() / "data" / "step"
    vector = shared_folder() / "data" / "drawings" / "vector"
    names = ("arbre_sortie", "bloc_distribution", "moyeu")
    found = [Sample(n, (own / f"{n}.step", own / f"{n}.json")) for n in names]
    found += [
        Sample("motor_shaft", (vector / "motor_shaft.pdf", step / "motor_shaft.step"), "1.4305"),
        Sample("motor_shaft_inch", (vector / "motor_shaft_inch.pdf",), "1.4305"),
        Sample("nist_ftc_06", (step / "nist_ftc_06_asme1_ap242-e2.stp",), "EN AW-6082"),
    ]
    return [s for s in found if all(f.is_file() for f in s.files)]


def read(files: Iterable[Path]) -> dict[str, Any]:
    """The reading of one part out of its files."""
    from coordinator.modules.drawings.reading.sandbox import read_file

    readings: list[Mapping[str, Any]] = []
    for file in files:
        if file.suffix == ".json":
            readings.append(json.loads(file.read_text(encoding="utf-8")))
        else:
            readings.append(read_file(file).to_json())
    return merging.merged(readings) if len(readings) > 1 else dict(readings[0])


def compare(name: str, part: PartDescription, costed: Costed) -> Comparison:
    """Quoted against simulated minutes of one route."""
    route = costed.route
    machining = [p for p in route.phases if p.cuts]
    simulated = sum(
        simulate(text, lathe=phase.machine is not None and phase.machine.can_turn).total_s / 60 / phase.parts
        for phase, text in programs(route, part)
    )
    quoted = sum(p.run_min + p.handling_min for p in machining)
    safety = sum(r.safety_min for p in machining for r in p.runs)
    cutting = sum(c.cut_min.value for p in machining for c in p.cuts)
    return Comparison(name, route.key, cutting, quoted - safety, quoted, simulated)


def check(sample: Sample, shop: Shop) -> tuple[list[Comparison], float]:
    """Comparisons of the chosen route and the next best, and the seconds the computation took after reading."""
    part = from_reading(read(sample.files), QUANTITY, sample.material)
    start = time.perf_counter()
    result = compute([part], shop, QuoteRequest(DAY))
    result.to_json()
    seconds = time.perf_counter() - start
    return [compare(sample.name, part, o) for o in result.lines[0].options[:2]], seconds


def run() -> list[dict[str, Any]]:
    """Entries for ``usinage bench quote``."""
    from coordinator.bench import entry

    found: list[dict[str, Any]] = []
    shop, slowest, worst = default_shop(), 0.0, 0.0
    for sample in samples():
        compared, seconds = check(sample, shop)
        slowest = max(slowest, seconds)
        for index, c in enumerate(compared):
            name = sample.name if index == 0 else f"{sample.name}.next"
            found.append(
                entry(f"cycle_min.{name}", c.estimated_min, "min", reference=round(c.simulated_min, 4))
            )
            target = MAX_GAP_PCT if index == 0 else None
            gap = entry(f"cycle_gap_pct.{name}", abs(c.gap_pct), "%", target=target, lower_is_better=True)
            found.append(gap)
            found.append(entry(f"cycle_gap_with_safety_pct.{name}", abs(c.quoted_gap_pct), "%"))
            worst = max(worst, abs(c.gap_pct)) if index == 0 else worst
    found.append(entry("cycle_gap_pct_worst", worst, "%", target=MAX_GAP_PCT, lower_is_better=True))
    found.append(entry("compute_seconds", slowest, "s", target=MAX_SECONDS, lower_is_better=True))
    return found


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace(".", ",")


def table(compared: Sequence[Comparison]) -> str:
    """The comparison as a Markdown table."""
    rows = ["| pièce | gamme | coupe | estimé | avec sécurité | simulé | écart | écart avec sécurité |",
            "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    rows += [
        f"| {c.part} | {c.route} | {number(c.cut_min, 2)} | {number(c.estimated_min, 2)} | {number(c.quoted_min, 2)} "
        f"| {number(c.simulated_min, 2)} | {_signed(c.gap_pct)} % | {_signed(c.quoted_gap_pct)} % |"
        for c in compared
    ]
    return "\n".join(rows)
