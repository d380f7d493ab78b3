"""What a machine driver learns from its cycles and says of them, between the pure models and the files."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

import structlog

from edge_agents.drivers.machine.baseline import Baseline
from edge_agents.drivers.machine.config import MachineConfig
from edge_agents.drivers.machine.measures import CycleMeasures
from edge_agents.drivers.machine.state import MachineEvent
from edge_agents.drivers.machine.store import MachineStore
from edge_agents.drivers.machine.tracker import Cycle

if TYPE_CHECKING:
    from edge_agents.drivers.machine.anomaly import AnomalyModel, CycleRecord

log = structlog.get_logger(__name__)
_DAY_S = 86_400.0
_SAVE_BASELINE_S = 600.0
_CHECK_S = 3_600.0


class Learning:
    """Baseline limits and anomaly model of one machine. numpy is loaded only where a model is configured (EDG-07)."""

    def __init__(self, config: MachineConfig, store: MachineStore, units: Mapping[str, str]) -> None:
        self._config = config
        self._store = store
        self._units = units
        self.baseline = Baseline(config.baseline, units) if config.baseline is not None else None
        self.measures = CycleMeasures(config.anomaly.signals if config.anomaly is not None else ())
        self._records: list[CycleRecord] = []
        self._model: AnomalyModel | None = None
        self._trained_at: float | None = None
        self._baseline_saved = 0.0
        self._baseline_dirty = False
        self._checked = 0.0
        self._lines: list[list[Any]] = []
        self._told_left_out: set[str] = set()

    def load(self, trained_at: Any) -> None:
        """Takes over what the files hold."""
        if self.baseline is not None:
            self.baseline.restore(self._store.load_baseline())
        if self._config.anomaly is None:
            return
        from edge_agents.drivers.machine.anomaly import CycleRecord

        for row in self._store.load_cycles():
            try:
                self._records.append(CycleRecord.parse(row))
            except (TypeError, ValueError, AttributeError):
                continue
        self._trained_at = float(trained_at) if isinstance(trained_at, (int, float)) else None
        self._load_model()

    def _load_model(self) -> None:
        from edge_agents.drivers.machine.anomaly import AnomalyModel

        anomaly = self._config.anomaly
        approved = anomaly.approved if anomaly is not None else None
        document = self._store.load_model(approved) if approved else None
        document = document or self._store.load_model(None)
        try:
            self._model = AnomalyModel(document) if document is not None else None
        except (KeyError, TypeError, ValueError):
            log.exception("anomaly.model_unreadable", machine=self._config.machine_code)

    @property
    def trained_at(self) -> float | None:
        return self._trained_at

    @property
    def model_version(self) -> str | None:
        """Version of the model in use."""
        return None if self._model is None else self._model.version

    def end_cycle(self, cycle: Cycle) -> list[MachineEvent]:
        """Learns from a finished cycle and judges it."""
        is_good = cycle.is_good and cycle.result == "complete"
        if self.baseline is not None and self.baseline.end_cycle(is_good=is_good):
            self._baseline_dirty = True
        anomaly = self._config.anomaly
        if anomaly is None or cycle.ended is None or cycle.ended <= cycle.started:
            return []
        from edge_agents.drivers.machine.anomaly import CycleRecord

        measures = self.measures.end(cycle.started, cycle.ended)
        units = {name: self._units.get(name, "") for name in self.measures.signals}
        record = CycleRecord(str(cycle.uid), cycle.program or "", cycle.ended, measures, is_good, units)
        if cycle.result != "complete":
            return []
        found = self._model.judge(record) if self._model is not None else None
        if found is not None and found.is_anomaly:
            # An anomaly is no lesson, unless a person says that it was none.
            record = replace(record, is_good=False)
        self._records = [*self._records[-4_999:], record]
        self._lines.append(record.line())
        told = [] if found is None else self._tell_left_out(cycle, found.left_out)
        if self._model is None or found is None or not found.is_anomaly:
            return told
        payload = {
            "machine_code": self._config.machine_code,
            "cycle_uid": str(cycle.uid),
            "program": cycle.program,
            "tool": cycle.tool,
            "score": round(found.score, 4),
            "threshold": self._model.threshold,
            "model_version": self._model.version,
            "is_approved": self._model.version == anomaly.approved,
            "explanation": found.explanation,
        }
        return [*told, MachineEvent("machine.anomaly", payload, cycle.ended, uuid5(cycle.uid, "anomaly"))]

    def _tell_left_out(self, cycle: Cycle, signals: tuple[str, ...]) -> list[MachineEvent]:
        """Say once that the model no longer looks at a signal, for its unit."""
        new = [signal for signal in signals if signal not in self._told_left_out]
        if not new or self._model is None or cycle.ended is None:
            return []
        self._told_left_out.update(new)
        changes = ", ".join(
            f"{s} ({self._model.units.get(s) or 'sans unité'} → {self._units.get(s) or 'sans unité'})"
            for s in new
        )
        words = (
            f"{self._config.machine_code} : le modèle d'anomalie ne juge plus {changes}, "
            "dont l'unité a changé, jusqu'au prochain apprentissage."
        )
        payload = {"code": "anomaly_unit", "message": words}
        return [MachineEvent("health.alert", payload, cycle.ended, uuid5(cycle.uid, "anomaly_unit"))]

    async def maintain(self, now: float, *, is_ending: bool = False) -> list[MachineEvent]:
        """Keeps the cycles, the baseline now and then, and trains when it is time (checked every hour)."""
        while self._lines:
            await asyncio.to_thread(self._store.append_cycle, self._lines[0])
            del self._lines[0]
        is_due = is_ending or not 0 <= now - self._baseline_saved < _SAVE_BASELINE_S
        if self.baseline is not None and self._baseline_dirty and is_due:
            self._baseline_saved, self._baseline_dirty = now, False
            await asyncio.to_thread(self._store.save_baseline, self.baseline.snapshot())
        if is_ending or self._config.anomaly is None or 0 <= now - self._checked < _CHECK_S:
            return []
        self._checked = now
        return await self.train(now)

    async def train(self, now: float) -> list[MachineEvent]:
        """Trains when there is enough data and the last training is old enough; the proposal as an event."""
        anomaly = self._config.anomaly
        if anomaly is None:
            return []
        from edge_agents.drivers.machine import anomaly as model

        records = self._lessons()
        age_s = None if self._trained_at is None else now - self._trained_at
        if age_s is not None and 0 <= age_s < anomaly.retrain_days * _DAY_S:
            return []
        if not model.ready(records, anomaly):
            return []
        trained = await asyncio.to_thread(model.train, records, anomaly)
        if trained is None:
            return []
        learned, figures = trained
        self._trained_at = now
        await asyncio.to_thread(
            self._store.save_model, learned.version, dict(learned.document), anomaly.approved
        )
        self._load_model()
        payload = {"machine_code": self._config.machine_code} | figures
        uid = uuid5(NAMESPACE_OID, f"{self._config.machine_code}|{learned.version}")
        return [MachineEvent("machine.model", payload, now, uid)]

    def _lessons(self) -> list[CycleRecord]:
        """Cycles to learn from, with what people said of them: a refuted anomaly is normal, a confirmed one is not."""
        anomaly = self._config.anomaly
        verdicts = anomaly.verdicts if anomaly is not None else {}
        return [
            record if record.uid not in verdicts else replace(record, is_good=not verdicts[record.uid])
            for record in self._records
        ]
