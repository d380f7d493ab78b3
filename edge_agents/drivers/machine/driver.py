"""What every machine driver does around its protocol: react, keep, record, reconnect, test the stop output."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import structlog

from edge_agents.drivers.base import Driver, DriverContext
from edge_agents.drivers.local_api import LocalApi, ask
from edge_agents.drivers.machine.config import MachineConfig, SignalSpec
from edge_agents.drivers.machine.counters import IncidentCounters
from edge_agents.drivers.machine.incidents import IncidentWatch
from edge_agents.drivers.machine.learning import Learning
from edge_agents.drivers.machine.state import MachineEvent, Sample, Value, grade, utc
from edge_agents.drivers.machine.stop import StopLine
from edge_agents.drivers.machine.store import MachineStore
from edge_agents.drivers.machine.telemetry import TelemetryBatcher
from edge_agents.drivers.machine.tracker import MachineTracker
from edge_agents.runtime.tasks import end

log = structlog.get_logger(__name__)
C = TypeVar("C", bound=MachineConfig)
_TICK_S = 0.25
_ALIVE_S = 60.0
_STABLE_S = 60.0
_LAST_WORDS_S = 2.0
_FRESH_S = (
    15.0  # above what a control's clock may be off; a value read again after a cut is older and stops nothing
)
_TOO_OLD = "arrêt non demandé : valeur antérieure, lue à la connexion ou relue après une coupure"
_MAX_WAITING = 10_000
_MAX_RECENT = 50
_VERDICTS = ("confirmed", "false_alarm", "missed")


class MachineDriver(Driver[C]):
    """Follows one machine. A subclass opens the session in ``follow`` and hands over values; it never writes to the control.

    Values are judged in the very call that brings them (``observe``): the reaction to an impact waits for no disk and
    no network. Events wait in memory and in ``machine.json`` until the journal has them, each under its identifier.
    """

    errors: ClassVar[tuple[type[Exception], ...]] = (OSError, TimeoutError)

    def __init__(self, config: C, context: DriverContext, specs: Mapping[str, SignalSpec]) -> None:
        super().__init__(config, context)
        self.specs = dict(specs)
        self._store = MachineStore(context.data_dir)
        units = {name: spec.unit for name, spec in self.specs.items()}
        self.learning = Learning(config, self._store, units)
        self.stop_line = StopLine(config, self._say)
        record = config.stop_output.commissioning_record if config.stop_output is not None else None
        self.counters = IncidentCounters(
            config.collision_response, record, config.false_stops_max, config.false_stops_days
        )
        limits = {str(signal): limit for signal, limit in config.limits.items()}
        self.tracker = MachineTracker(
            config.machine_code,
            stale_s=config.stale_s,
            max_parts_per_step=config.max_parts_per_step,
            parts_per_cycle=config.parts_per_cycle,
            settle_s=config.settle_s,
            alarm_severity=config.alarm_severity,
            has_alarm_text="alarm_text" in self.specs,
            watch=IncidentWatch(
                config.machine_code,
                limits,
                response=config.collision_response,
                before_s=config.ring_s,
                after_s=config.after_s,
                alarm_patterns=config.collision_alarms,
                baseline=self.learning.baseline,
            ),
        )
        self._batcher = TelemetryBatcher(config.machine_code, self.specs, config.batch_s, config.batch_values)
        self._waiting: deque[MachineEvent] = deque()
        self._wake = asyncio.Event()
        self._recent: dict[str, bool] = {}  # incident → whether it asked for a stop
        self._refuted: set[str] = set()
        self._calls: set[asyncio.Task[None]] = set()
        self._saved_at = 0.0
        self.extra: dict[str, Any] = {}

    @property
    def busy(self) -> bool:
        return self.tracker.state == "running" or self.tracker.watch.incident is not None

    @abstractmethod
    async def follow(self) -> None:
        """One session with the machine, until it is lost (one of ``errors``) or cancelled."""

    def now(self) -> float:
        """Wall time of the station in epoch seconds."""
        return self.context.clock.now().timestamp()

    # values in ------------------------------------------------------------------------------------------------

    def observe(self, signal: str, value: Value, at: float | None = None, *, good: bool = True) -> None:
        """Takes one value, normalised, with its time at the source; reacts before it returns.

        The first value after a connection or a start was read, not seen to come: whatever its stamp, it asks for no stop.
        """
        now = self.now()
        at = now if at is None else at
        arrived, state, before = time.monotonic(), self.tracker.state, self.tracker.cycle
        quality = grade(self.specs.get(signal, _PLAIN), value, at, now, good=good)
        is_live = signal in self.tracker.values
        sample = Sample(signal, value, min(at, now), quality)
        events = self.tracker.observe(sample)
        self._react(events, state, arrived, is_live=is_live)
        if self.tracker.cycle is not None and self.tracker.cycle is not before:
            self.learning.measures.begin(self.tracker.cycle.started)
            if now - self.tracker.cycle.started <= _FRESH_S:
                self._ask_cameras(
                    {"compare": self.tracker.cycle.program or "", "tool": self.tracker.cycle.tool}
                )
        if isinstance(value, float) and quality == 0:
            self.learning.measures.add(signal, value, sample.at)
        self._batcher.add(sample, now)
        self.take(events)

    def alarm(
        self, key: str, code: str, text: str, severity: int | None, at: float, *, is_live: bool = True
    ) -> None:
        """An alarm is active at the control; not ``is_live`` when it was found there after a connection."""
        arrived, state = time.monotonic(), self.tracker.state
        events = self.tracker.raise_alarm(key, code, text, at, severity)
        self._react(events, state, arrived, is_live=is_live)
        self.take(events)

    def take(self, events: list[MachineEvent]) -> None:
        """Queues events for the journal."""
        for event in events:
            if event.type == "collision.recorded":
                payload = self.counters.payload(self.config.machine_code, event.at)
                self._waiting.append(MachineEvent("collision.counters", payload, self.now()))
            if len(self._waiting) < _MAX_WAITING:
                self._waiting.append(event)
            else:
                log.error("machine.event_lost", machine=self.config.machine_code, type=event.type)
        for cycle in self.tracker.finished:
            self._waiting.extend(self.learning.end_cycle(cycle))
        self.tracker.finished.clear()
        if self._waiting:
            self._wake.set()

    def _say(self, code: str, message: str) -> None:
        self.take([MachineEvent("health.alert", {"code": code, "message": message}, self.now())])

    def say(self, code: str, message: str) -> None:
        """An alert for the people who look after the machine."""
        self._say(code, f"{self.config.machine_code} : {message}")

    def _react(self, events: list[MachineEvent], state: str, arrived: float, *, is_live: bool) -> None:
        """Stops if it has to, then completes the notices: nothing here waits for disk or network (MCH-25)."""
        for event in list(events):
            if not event.type.startswith("collision.") or "incident_uid" not in event.payload:
                continue
            level = event.type.partition(".")[2]
            if level not in ("risk", "impact"):
                continue
            body = event.payload
            response = body["response"] = self.counters.response
            stopped = False
            if level == "impact" and response == "request_stop":
                is_fresh = is_live and abs(self.now() - event.at) <= _FRESH_S
                refusal = self.stop_line.request(state) if is_fresh else _TOO_OLD
                reaction_ms = (time.monotonic() - arrived) * 1000
                stopped = refusal is None
                body["stop"], body["reaction_ms"] = (
                    "requested" if stopped else "refused",
                    round(reaction_ms, 3),
                )
                words = f"arrêt demandé en {reaction_ms:.1f} ms" if refusal is None else refusal
                body["stop_detail"] = words
                code = "collision.stop_requested" if stopped else "collision.stop_refused"
                message = f"{self.config.machine_code} : choc, {words}."
                events.append(MachineEvent("health.alert", {"code": code, "message": message}, event.at))
            self._count(level, body["incident_uid"], event.at, stopped=stopped)
            self._ask_cameras({"clip": event.type, "incident_uid": body["incident_uid"], "at": event.at})

    def _count(self, level: str, uid: str, at: float, *, stopped: bool) -> None:
        self.counters.add(level, at)
        if stopped:
            self.counters.add("stop", at)
        self._recent[uid] = stopped or self._recent.get(uid, False)
        while len(self._recent) > _MAX_RECENT:
            old = next(iter(self._recent))
            del self._recent[old]
            self._refuted.discard(old)

    def _ask_cameras(self, request: dict[str, Any]) -> None:
        """Clip of an incident, or comparison of the scene at a start; nobody waits for the answer."""
        for name in self.config.cameras:
            task = asyncio.ensure_future(
                self._ask_camera(name, request | {"machine_code": self.config.machine_code})
            )
            self._calls.add(task)
            task.add_done_callback(self._calls.discard)

    async def _ask_camera(self, name: str, request: dict[str, Any]) -> None:
        try:
            port = int((self.context.data_dir.parent / name / "local_api.port").read_text())
            await ask(port, request, timeout_s=5)
        except (OSError, ValueError, TimeoutError) as error:
            log.warning("camera.silent", camera=name, reason=str(error))

    # events out -----------------------------------------------------------------------------------------------

    async def run(self) -> None:
        self._restore()
        self.stop_line.begin()
        tasks = [asyncio.create_task(part) for part in (self._reconnect(), self._pump(), self._guard())]
        if self.config.socket_port is not None:
            tasks.append(asyncio.create_task(self._local_api(self.config.socket_port)))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end(tasks)
            self.stop_line.end()
            await self._last_words()
            self._store.save(self._snapshot(), list(self._waiting))
            await self.learning.maintain(self.now(), is_ending=True)

    def _restore(self) -> None:
        values, unsent = self._store.load()
        self.learning.load(None if values is None else values.get("trained_at"))
        if values is None:
            return
        self._waiting.extend(unsent)
        self.counters.restore(values.get("counters"))
        self.extra = dict(values.get("extra") or {})
        try:
            self.take(self.tracker.restore(values, self.now()))
            self._recent = {str(uid): bool(stopped) for uid, stopped in values.get("recent", [])}
            self._refuted = {str(uid) for uid in values.get("refuted", [])}
        except (KeyError, TypeError, ValueError, IndexError):
            log.exception("machine.state_unreadable", machine=self.config.machine_code)

    def _snapshot(self) -> dict[str, Any]:
        self._saved_at = time.monotonic()
        return self.tracker.snapshot() | {
            "alive_at": self.now(),
            "counters": self.counters.snapshot(),
            "recent": list(self._recent.items()),
            "refuted": sorted(self._refuted),
            "trained_at": self.learning.trained_at,
            "extra": dict(self.extra),
        }

    async def _pump(self) -> None:
        """Records what happened: snapshot first, then the journal, so that a power cut neither loses nor doubles."""
        while True:
            try:
                async with asyncio.timeout(_TICK_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            now = self.now()
            self.take(self.tracker.tick(now))
            self.take(await self.learning.maintain(now))
            await self._record()
            await self._telemetry(self._batcher.due(now))

    async def _record(self) -> None:
        while self._waiting or time.monotonic() - self._saved_at > _ALIVE_S:
            batch = list(self._waiting)
            await asyncio.to_thread(self._store.save, self._snapshot(), batch)
            for event in batch:
                moment = utc(event.at)
                await self.context.emit(event.type, event.payload, occurred_at=moment, message_id=event.uid)
                self._waiting.popleft()

    async def _last_words(self) -> None:
        """A wanted end: what waits is recorded if the journal takes it at once, else at the next start."""
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_LAST_WORDS_S):
                self.take(self.tracker.tick(self.now()))
                await self._record()
                await self._telemetry(self._batcher.flush())

    async def _telemetry(self, payload: dict[str, Any] | None) -> None:
        if payload is not None:
            await self.context.emit("telemetry.batch", payload)

    async def _reconnect(self) -> None:
        """One session after the other, with a random growing delay: 1 s to 60 s unless configured (MCH-46)."""
        delay, is_told = self.config.min_delay_s, False
        while True:
            started = time.monotonic()
            try:
                await self.follow()
                reason = "session terminée"
            except self.errors as error:
                reason = str(error) or type(error).__name__
            lived = time.monotonic() - started
            if not is_told:
                log.warning("machine.lost", machine=self.config.machine_code, reason=reason)
            is_told = lived < _STABLE_S
            self.context.set_status("fault", f"{self.place} : {reason}")
            self.take(self.tracker.lost(self.now(), "connexion perdue"))
            await self._telemetry(self._batcher.flush())
            if lived > _STABLE_S:
                delay = self.config.min_delay_s
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(self.config.max_delay_s, delay * 2)

    @property
    def place(self) -> str:
        """Where the machine is, for messages."""
        return self.config.machine_code

    async def _guard(self) -> None:
        await self.stop_line.guard(lambda: self.tracker.state)

    # people at the station ------------------------------------------------------------------------------------

    async def _local_api(self, port: int) -> None:
        async with LocalApi(self._answer, port, self.context.data_dir / "local_api.port"):
            await asyncio.Event().wait()

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if "judge" in request:
            uid, comment = request.get("incident_uid"), request.get("comment")
            self.judge(str(request["judge"]), uid if uid is None else str(UUID(str(uid))), comment)
        payload = self.counters.payload(self.config.machine_code, self.now())
        return {
            "ok": True,
            "state": self.tracker.state,
            "alarms": [[alarm.code, alarm.text] for alarm in self.tracker.alarms.values()],
            "values": dict(self.tracker.values),
            "incidents": list(self._recent),
            "stop_fault": self.stop_line.fault,
            "model": self.learning.model_version,
            "counters": payload,
        }

    def judge(self, verdict: str, incident_uid: str | None, comment: Any = None) -> None:
        """A person says what an incident was (MCH-27). Raises ``ValueError``."""
        if verdict not in _VERDICTS:
            raise ValueError(f"verdict inconnu : {verdict} (connus : {', '.join(_VERDICTS)})")
        if (verdict == "missed") != (incident_uid is None):
            raise ValueError("un incident est désigné, sauf pour un choc manqué")
        if incident_uid is not None and incident_uid not in self._recent:
            raise ValueError("incident inconnu de la station")
        now, was_stopped = self.now(), bool(incident_uid and self._recent[incident_uid])
        payload = {
            "machine_code": self.config.machine_code,
            "verdict": verdict,
            "incident_uid": incident_uid,
            "was_stopped": was_stopped,
            "comment": str(comment)[:1000] if comment else None,
        }
        events = [MachineEvent("collision.judged", payload, now)]
        if verdict == "missed":
            self.counters.add("missed", now)
        elif verdict == "false_alarm" and was_stopped and self._refutes(str(incident_uid), now):
            count = self.counters.count("false_stop", now)
            message = (
                f"{self.config.machine_code} : {count} faux arrêts en {self.config.false_stops_days:g} jours. "
                "La machine repasse en simple alerte jusqu'à un nouveau procès-verbal de mise en service."
            )
            events.append(
                MachineEvent("health.alert", {"code": "collision.demoted", "message": message}, now)
            )
        events.append(
            MachineEvent("collision.counters", self.counters.payload(self.config.machine_code, now), now)
        )
        self.take(events)

    def _refutes(self, incident_uid: str, now: float) -> bool:
        """Counts a false stop, once however often it is judged; whether it was the one too many."""
        if incident_uid in self._refuted:
            return False
        self._refuted.add(incident_uid)
        return self.counters.add("false_stop", now)


_PLAIN = SignalSpec()
