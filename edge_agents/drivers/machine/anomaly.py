"""Anomaly model of one machine: learned per program from good cycles, approved by a person, explained (MCH-19, MCH-20)."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from edge_agents.drivers.machine.config import AnomalyConfig
from edge_agents.drivers.machine.forest import IsolationForest, Matrix
from edge_agents.drivers.machine.state import utc
from edge_agents.protocol.units import Conversion, conversion

_MIN_PROGRAM_CYCLES = 8
_CLIP = 12.0
_UNUSUAL, _VERY_FAR = 3.5, 8.0
_SAME = Conversion(1.0)
_HELD_OUT = 5  # one cycle of five, the latest, is kept aside


@dataclass(frozen=True)
class CycleRecord:
    """Measures of one cycle as kept on the station."""

    uid: str
    program: str
    ended: float
    measures: Mapping[str, float]
    is_good: bool = True
    units: Mapping[str, str] = field(default_factory=dict)
    """Unit of each signal when it was measured."""

    def line(self) -> list[Any]:
        """Plain values for the file."""
        rounded = {name: round(value, 4) for name, value in self.measures.items()}
        return [self.uid, self.program, round(self.ended, 3), rounded, self.is_good, dict(self.units)]

    @classmethod
    def parse(cls, row: Any) -> CycleRecord:
        """From the file. Raises ``ValueError`` or ``TypeError``."""
        uid, program, ended, measures, is_good, units = row if len(row) > 5 else [*row, {}]
        numbers = {str(name): float(value) for name, value in measures.items()}
        told = {str(signal): str(unit) for signal, unit in units.items()}
        return cls(str(uid), str(program), float(ended), numbers, bool(is_good), told)

    def in_units(self, units: Mapping[str, str]) -> CycleRecord:
        """The same with every measure in the given units; what does not convert is left out."""
        if all(self.units.get(signal, "") == units.get(signal, "") for signal in self.signals):
            return self
        found = {}
        for name, value in self.measures.items():
            signal, _, quantity = name.partition(".")
            how = conversion(self.units.get(signal), units.get(signal)) if quantity else _SAME
            if how is not None:
                # A spread is a difference: the nought of the unit plays no part.
                found[name] = value * how.factor + (0.0 if quantity == "spread" else how.offset)
        return replace(self, measures=found, units={s: units.get(s, "") for s in self.signals})

    @property
    def signals(self) -> set[str]:
        """Signals that were measured."""
        return {name.partition(".")[0] for name in self.measures if "." in name}


@dataclass(frozen=True)
class Judgement:
    """What the model says of one cycle."""

    score: float
    is_anomaly: bool
    explanation: list[dict[str, Any]]
    left_out: tuple[str, ...] = ()
    """Signals told in a unit that does not convert into the one learned."""


class AnomalyModel:
    """Median and spread of each measure per program, and a forest over the distances from them."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self.features: list[str] = list(document["features"])
        self.threshold = float(document["threshold"])
        self._programs: Mapping[str, Any] = document["programs"]
        self._forest = IsolationForest(document["trees"], int(document["sample_size"]))
        self.units: Mapping[str, str] = document.get("units") or {}
        self.version = version_of(document)

    def knows(self, program: str) -> bool:
        """Whether enough good cycles of this program were learned."""
        return program in self._programs

    def judge(self, record: CycleRecord) -> Judgement | None:
        """Score with its reasons; ``None`` for a program the model does not know.

        An anomaly needs both: a score above the threshold, and at least one measure far from what is usual; the forest
        alone calls one normal cycle in ten unusual by construction (``contamination``). One measure very far away
        lifts the score above the threshold by itself: a forest of many measures overlooks a single one. Measures are
        compared in the units the model learned; a signal in a unit that does not convert is left out.
        """
        told, record = record, record.in_units(self.units)
        usual = self._programs.get(record.program)
        if usual is None:
            return None
        row = _row(record, usual, self.features)
        score = float(self._forest.scores(row[None, :])[0])
        far = np.abs(row)
        if far.max() >= _VERY_FAR:
            score = max(score, self.threshold + 0.02 * (1.0 + float(far.max()) - _VERY_FAR))
        order = [int(i) for i in np.argsort(-far) if far[i] > 1.0][:5]
        total = float(far[order].sum()) or 1.0
        reasons = [
            _reason(self.features[i], record, usual, self.units, float(far[i]) / total)
            for i in order
            if self.features[i] in record.measures
        ]
        is_anomaly = score > self.threshold and bool((far > _UNUSUAL).any())
        left_out = tuple(sorted(told.signals - record.signals))
        return Judgement(min(1.0, max(0.0, score)), is_anomaly, reasons, left_out)


def _reason(
    feature: str, record: CycleRecord, usual: Mapping[str, Any], units: Mapping[str, str], share: float
) -> dict[str, Any]:
    median, _, low, high = usual[feature]
    unit = "s" if feature == "duration_s" else units.get(feature.partition(".")[0], "")
    value = round(record.measures[feature], 4)
    return {
        "feature": feature, "value": value, "usual": median, "low": low, "high": high, "unit": unit,
        "share": round(min(1.0, share), 3),
    }  # fmt: skip


def _row(record: CycleRecord, usual: Mapping[str, Any], features: Sequence[str]) -> Matrix:
    values = []
    for feature in features:
        known, value = usual.get(feature), record.measures.get(feature)
        values.append(0.0 if known is None or value is None else (value - known[0]) / known[1])
    clipped: Matrix = np.clip(np.array(values, dtype=float), -_CLIP, _CLIP)
    return clipped


def version_of(document: Mapping[str, Any]) -> str:
    """Short name of a model, from its content."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _usual(records: Sequence[CycleRecord], features: Sequence[str]) -> dict[str, list[float]]:
    found = {}
    for feature in features:
        values = np.array([r.measures[feature] for r in records if feature in r.measures])
        if len(values) < _MIN_PROGRAM_CYCLES:
            continue
        median = float(np.median(values))
        deviation = 1.4826 * float(np.median(np.abs(values - median)))
        spread = max(deviation, 0.02 * abs(median), 1e-3)
        low, high = (float(v) for v in np.quantile(values, (0.05, 0.95)))
        found[feature] = [round(v, 5) for v in (median, spread, low, high)]
    return found


def ready(records: Sequence[CycleRecord], config: AnomalyConfig) -> bool:
    """Whether there is enough normal data: number of good cycles and days between the first and the last."""
    good = [record for record in records if record.is_good]
    return len(good) >= config.min_cycles and good[-1].ended - good[0].ended >= config.min_days * 86_400


def train(
    records: Sequence[CycleRecord], config: AnomalyConfig
) -> tuple[AnomalyModel, dict[str, Any]] | None:
    """A model and its figures (payload of ``machine.model`` without the machine), or ``None`` with too little per program.

    The latest fifth of the good cycles is kept aside: the false-alarm rate is measured there. Precision and recall
    come from the cycles people judged (``verdicts``), when there are any.
    """
    good = sorted((record for record in records if record.is_good), key=lambda record: record.ended)
    # The units of now; cycles measured in others are converted, or give no measure of that signal.
    units = {signal: unit for record in good for signal, unit in record.units.items()}
    good = [record.in_units(units) for record in good]
    aside = good[len(good) - len(good) // _HELD_OUT :]
    learned = good[: len(good) - len(aside)]
    by_program: dict[str, list[CycleRecord]] = defaultdict(list)
    for record in learned:
        by_program[record.program].append(record)
    features = sorted({name for record in learned for name in record.measures})
    programs = {
        program: _usual(group, features)
        for program, group in sorted(by_program.items())
        if len(group) >= _MIN_PROGRAM_CYCLES
    }
    known = [record for record in learned if record.program in programs]
    if len(known) < _MIN_PROGRAM_CYCLES:
        return None
    rows = np.array([_row(record, programs[record.program], features) for record in known])
    forest = IsolationForest.fit(rows, trees=config.trees, seed=config.seed)
    threshold = float(np.quantile(forest.scores(rows), 1.0 - config.contamination))
    document = {
        "features": features, "programs": programs, "trees": forest.trees, "sample_size": forest.sample_size,
        "threshold": round(threshold, 5), "units": units,
    }  # fmt: skip
    model = AnomalyModel(document)
    return model, _figures(model, records, learned, aside, config)


def _figures(
    model: AnomalyModel,
    records: Sequence[CycleRecord],
    learned: Sequence[CycleRecord],
    aside: Sequence[CycleRecord],
    config: AnomalyConfig,
) -> dict[str, Any]:
    judged = [found for record in aside if (found := model.judge(record)) is not None]
    false_alarms = sum(1 for found in judged if found.is_anomaly)
    figures: dict[str, Any] = {
        "version": model.version,
        "learned_from": utc(learned[0].ended).isoformat(),
        "learned_to": utc(learned[-1].ended).isoformat(),
        "cycles": len(learned),
        "held_out": len(judged),
        "programs": [program or "-" for program in model.document["programs"]][:200],
        "features": model.features[:64],
        "contamination": config.contamination,
        "seed": config.seed,
        "threshold": model.threshold,
        "false_alarm_rate": round(false_alarms / len(judged), 4) if judged else 0.0,
    }
    return figures | _by_verdicts(model, records, config.verdicts)


def _by_verdicts(
    model: AnomalyModel, records: Sequence[CycleRecord], verdicts: Mapping[str, bool]
) -> dict[str, Any]:
    hits = misses = alarms = 0
    for record in records:
        truth = verdicts.get(record.uid)
        found = model.judge(record) if truth is not None else None
        if found is None:
            continue
        hits += bool(truth and found.is_anomaly)
        misses += bool(truth and not found.is_anomaly)
        alarms += bool(not truth and found.is_anomaly)
    return {
        "precision": round(hits / (hits + alarms), 4) if hits + alarms else None,
        "recall": round(hits / (hits + misses), 4) if hits + misses else None,
        "judged_anomalies": len(verdicts),
    }
