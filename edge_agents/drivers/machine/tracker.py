"""From samples to states, cycles, pieces and alarms of one machine: pure, times are given (MCH-13, 14, 45, 48)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4, uuid5

from edge_agents.drivers.machine.incidents import IncidentWatch
from edge_agents.drivers.machine.state import (
    BAD,
    MachineEvent,
    Sample,
    Value,
    alarm_code,
    derive_state,
    text_of,
    tool_name,
    utc,
)
from edge_agents.drivers.machine.tool_times import ToolClock, restored
from edge_agents.protocol.payloads import MachineState

_MAX_ALARMS = 200
_SIGNAL = "signal"
_TEXT_WAIT_S = 0.3
_CHATTER, _CHATTER_S, _QUIET_S = (
    5,
    60.0,
    10.0,
)  # raised five times in a minute: over only after ten quiet seconds


@dataclass
class PartCounter:
    """Pieces made, from a counter which may be reset or jump (MCH-48)."""

    max_step: int
    last: int | None = None

    def step(self, value: float) -> tuple[int, str | None]:
        """Pieces since the last value (0 to ``max_step``), and what was wrong with it."""
        number, last = int(value), self.last
        self.last = number
        if last is None or number == last:
            return 0, None
        if number < last:
            return 0, f"compteur de pièces remis de {last} à {number}"
        if number - last > self.max_step:
            return 0, f"saut du compteur de pièces de {last} à {number}"
        return number - last, None


@dataclass
class Cycle:
    """One program run. ``is_good`` falls with an alarm, an incident, a hold or a gap: only good ones are learned from."""

    uid: UUID
    program: str | None
    started: float
    ended: float | None = None
    result: str = "complete"
    parts: int = 0
    tool: str | None = None
    is_good: bool = True
    clock: ToolClock = field(default_factory=ToolClock)


@dataclass(frozen=True)
class Alarm:
    """One active alarm. ``key`` is what the control calls this occurrence."""

    key: str
    code: str
    text: str
    severity: int | None
    at: float


@dataclass
class MachineTracker:
    """Keeps what is known of one machine and turns each sample into events."""

    machine_code: str
    stale_s: float = 30.0
    max_parts_per_step: int = 50
    parts_per_cycle: int = 1
    settle_s: float = 1.0
    alarm_severity: int = 700
    watch: IncidentWatch = field(default_factory=lambda: IncidentWatch("", {}))
    values: dict[str, Value] = field(default_factory=dict)
    state: MachineState = "unknown"
    since: float | None = None
    alarms: dict[str, Alarm] = field(default_factory=dict)
    finished: list[Cycle] = field(default_factory=list)
    cycle: Cycle | None = None
    _last_at: float | None = None
    has_alarm_text: bool = False
    _pending: tuple[str, float] | None = None
    _raises: dict[str, deque[float]] = field(default_factory=dict)
    _chattering: dict[str, float] = field(default_factory=dict)
    _counter: PartCounter = field(init=False)

    def __post_init__(self) -> None:
        self._counter = PartCounter(self.max_parts_per_step)

    def observe(self, sample: Sample) -> list[MachineEvent]:
        """Takes one sample; a bad one only counts as a sign of life."""
        self._last_at = max(self._last_at or sample.at, sample.at)
        events: list[MachineEvent] = []
        if sample.quality >= BAD:
            return events
        previous = self.values.get(sample.signal)
        if sample.value is None:
            self.values.pop(sample.signal, None)
        else:
            self.values[sample.signal] = sample.value
        running = self.cycle is not None and self.cycle.ended is None
        events += self.watch.observe(sample, self.values, is_running=running)
        if sample.signal == "program_state":
            events += self._program(str(sample.value or ""), str(previous or ""), sample.at)
        if sample.signal == "part_count" and isinstance(sample.value, float):
            events += self._parts(sample.value, sample.at)
        if sample.signal in ("alarm_code", "alarm_text"):
            events += self._signal_alarm(sample.signal, sample.at)
        if sample.signal == "tool" and self.cycle is not None and self.cycle.ended is None:
            self.cycle.tool = tool_name(sample.value) or self.cycle.tool
        if self.cycle is not None and any(event.type == "collision.impact" for event in events):
            self.cycle.is_good = False
        events += self._update_state(sample.at)
        self._count_tool(sample.at)
        return events

    def _count_tool(self, at: float) -> None:
        """Time belongs to the tool in the spindle while the program runs; a hold is nobody's."""
        if self.cycle is not None and self.cycle.ended is None:
            works = self.state in ("running", "setup")
            self.cycle.clock.run(tool_name(self.values.get("tool")) if works else None, at)

    def alive(self, at: float) -> None:
        """The source answers although no value changed."""
        self._last_at = max(self._last_at or at, at)

    def tick(self, now: float) -> list[MachineEvent]:
        """Lets time pass: ends settled cycles and incidents, and notices silence."""
        events = self.watch.tick(now)
        if self._pending is not None and not 0 <= now - self._pending[1] < _TEXT_WAIT_S:
            events += self._tell_pending()
        for key, since in list(self._chattering.items()):
            if not 0 <= now - since < _QUIET_S:
                del self._chattering[key]
                events += self._end_alarm(key, since)
        cycle = self.cycle
        if cycle is not None and cycle.ended is not None and not 0 <= now - cycle.ended < self.settle_s:
            events.append(self._close_cycle(cycle))
        if self._last_at is not None and now - self._last_at > self.stale_s and self.state != "unknown":
            self._forget()
            events += self._change_state("unknown", now, f"aucune donnée depuis {self.stale_s:g} s")
        return events

    def lost(self, now: float, cause: str) -> list[MachineEvent]:
        """The connection was cut: nothing is known any more. Alarms stay open until the machine says what became of them."""
        events = self._tell_pending()
        cycle = self.cycle
        if cycle is not None and cycle.ended is not None:
            events.append(self._close_cycle(cycle))
        self._forget()
        return events + (self._change_state("unknown", now, cause) if self.state != "unknown" else [])

    def _forget(self) -> None:
        self.values.clear()
        self.watch.lost()
        if self.cycle is not None:
            self.cycle.is_good = False
            if self.cycle.ended is None and self._last_at is not None:
                self.cycle.clock.run(None, self._last_at)

    def _update_state(self, at: float) -> list[MachineEvent]:
        stopping = any(
            alarm.severity is not None and alarm.severity >= self.alarm_severity
            for alarm in self.alarms.values()
        )
        new = derive_state(self.values, stopping_alarm=stopping)
        if new == self.state:
            return []
        return self._change_state(new, at, self._alarm_words() if new == "alarm" else None)

    def _alarm_words(self) -> str | None:
        worst = max(self.alarms.values(), key=lambda alarm: (alarm.severity or 1000, alarm.at), default=None)
        words = self._alarm_text() if worst is None else worst.text or worst.code
        return words[:400] or None

    def _change_state(self, new: MachineState, at: float, cause: str | None) -> list[MachineEvent]:
        payload = {
            "machine_code": self.machine_code,
            "state": new,
            "previous_state": self.state,
            "since": utc(at).isoformat(),
            "cause": cause or None,
        }
        self.state, self.since = new, at
        if self.cycle is not None and self.cycle.ended is None and new in ("waiting", "alarm"):
            self.cycle.is_good = False
        return [MachineEvent("machine.state", payload, at)]

    def _program(self, new: str, old: str, at: float) -> list[MachineEvent]:
        events: list[MachineEvent] = []
        cycle = self.cycle
        if new == "running":
            if cycle is not None and cycle.ended is not None:
                events.append(self._close_cycle(cycle))
            if self.cycle is None:
                self.cycle = Cycle(uuid4(), text_of(self.values.get("program")), at)
                self.cycle.tool = tool_name(self.values.get("tool"))
        elif cycle is not None and cycle.ended is None and not new:
            cycle.is_good = False  # the source lost sight of the machine: nothing is known of its end
        elif cycle is not None and cycle.ended is None and new != "interrupted":
            cycle.ended = at
            cycle.clock.run(None, at)
            cut = "interrupted" if old == "interrupted" else "aborted"
            cycle.result = "complete" if new == "ended" else f"reset:{cut}" if new == "reset" else cut
        return events

    def _close_cycle(self, cycle: Cycle) -> MachineEvent:
        self.cycle = None
        counted = "part_count" in self.values or self._counter.last is not None
        if cycle.result.startswith("reset:"):
            # Such a control falls back to the same state after M30 and after a reset: the piece counter tells which.
            whole = cycle.parts > 0 or (not counted and cycle.is_good)
            cycle.result = "complete" if whole else cycle.result.partition(":")[2]
        estimated = self.parts_per_cycle if cycle.result == "complete" else 0
        ended = max(cycle.started, cycle.ended if cycle.ended is not None else cycle.started)
        payload = {
            "machine_code": self.machine_code,
            "cycle_uid": str(cycle.uid),
            "program": cycle.program,
            "started_at": utc(cycle.started).isoformat(),
            "ended_at": utc(ended).isoformat(),
            "result": cycle.result,
            "part_count": cycle.parts if counted else estimated,
            "tools": cycle.clock.times(),
        }
        self.finished.append(cycle)
        return MachineEvent("machine.cycle", payload, ended, uuid5(cycle.uid, "cycle"))

    def _parts(self, value: float, at: float) -> list[MachineEvent]:
        made, problem = self._counter.step(value)
        if problem is not None:
            text = f"{self.machine_code} : {problem} ; aucune pièce comptée."
            return [MachineEvent("health.alert", {"code": "machine.part_counter", "message": text}, at)]
        if made == 0:
            return []
        if self.cycle is not None:
            self.cycle.parts += made
            return []
        program = text_of(self.values.get("program"))
        return [self._close_cycle(Cycle(uuid4(), program, at, at, "complete", made, is_good=False))]

    # alarms ---------------------------------------------------------------------------------------------------

    def raise_alarm(
        self,
        key: str,
        code: str,
        text: str,
        at: float,
        severity: int | None = None,
        *,
        is_judged: bool = False,
    ) -> list[MachineEvent]:
        """An alarm is active: told once, however often the control repeats it. ``is_judged``: already compared with
        those which mean a collision.
        """
        self._chattering.pop(key, None)
        known = self.alarms.get(key)
        if known is not None:
            if (known.code, known.severity) == (code, severity):
                self.alarms[key] = Alarm(key, code, text or known.text, severity, known.at)
                return []
            return self._end_alarm(key, at) + self.raise_alarm(
                key, code, text, at, severity, is_judged=is_judged
            )
        if len(self.alarms) >= _MAX_ALARMS:
            return []
        alarm = Alarm(key, code, text, severity, at)
        self.alarms[key] = alarm
        events = [self._alarm_event(alarm, active=True, at=at)]
        self._raises.setdefault(key, deque(maxlen=_CHATTER)).append(at)
        if len(self._raises) > 2 * _MAX_ALARMS:
            del self._raises[next(iter(self._raises))]
        if not is_judged:
            events += self.watch.alarm(code, at, self.values)
        if self.cycle is not None and (severity is None or severity >= self.alarm_severity):
            self.cycle.is_good = False
        return events + self._update_state(at)

    def clear_alarm(self, key: str, at: float) -> list[MachineEvent]:
        """An alarm went: told once. One that comes and goes all the time is told as over when it stayed away for a while."""
        raises: Sequence[float] = self._raises.get(key, ())
        if key in self.alarms and len(raises) == _CHATTER and 0 <= at - raises[0] < _CHATTER_S:
            self._chattering.setdefault(key, at)
            return []
        return self._end_alarm(key, at)

    def _end_alarm(self, key: str, at: float) -> list[MachineEvent]:
        alarm = self.alarms.pop(key, None)
        if alarm is None:
            return []
        return [self._alarm_event(alarm, active=False, at=max(at, alarm.at)), *self._update_state(at)]

    def keep_alarms(self, keys: set[str], at: float) -> list[MachineEvent]:
        """After a new connection: alarms which the control no longer names are over."""
        events: list[MachineEvent] = []
        for key in [key for key in self.alarms if key != _SIGNAL and key not in keys]:
            events += self.clear_alarm(key, at)
        return events

    def _signal_alarm(self, signal: str, at: float) -> list[MachineEvent]:
        """The one alarm of a control which shows it as signals. Its text may come a moment after its code."""
        code = alarm_code(self.values)
        if signal == "alarm_text":
            known = self.alarms.get(_SIGNAL)
            if known is not None and known.code == code:
                self.alarms[_SIGNAL] = Alarm(_SIGNAL, known.code, self._alarm_text(), None, known.at)
            return []
        events = self._tell_pending()
        if code is None:
            return events + self.clear_alarm(_SIGNAL, at)
        if _SIGNAL in self.alarms and self.alarms[_SIGNAL].code == code:
            return events
        events += self.clear_alarm(_SIGNAL, at)
        events += self.watch.alarm(code, at, self.values)
        self._pending = (code, at)
        return events if self.has_alarm_text else events + self._tell_pending()

    def _tell_pending(self) -> list[MachineEvent]:
        pending, self._pending = self._pending, None
        if pending is None:
            return []
        code, at = pending
        return self.raise_alarm(_SIGNAL, code, self._alarm_text(), at, is_judged=True)

    def _alarm_text(self) -> str:
        return str(self.values.get("alarm_text") or "")

    def _alarm_event(self, alarm: Alarm, *, active: bool, at: float) -> MachineEvent:
        payload = {
            "machine_code": self.machine_code,
            "code": alarm.code[:200],
            "text": alarm.text[:2000],
            "active": active,
            "severity": alarm.severity,
        }
        return MachineEvent("machine.alarm", payload, at)

    # power cut ------------------------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, Any]:
        """What has to survive a power cut, as plain values."""
        cycle = self.cycle
        return {
            "state": self.state,
            "since": self.since,
            "counter": self._counter.last,
            "alarms": [[a.key, a.code, a.text, a.severity, a.at] for a in self.alarms.values()],
            "cycle": None
            if cycle is None
            else [
                str(cycle.uid),
                cycle.program,
                cycle.started,
                cycle.ended,
                cycle.result,
                cycle.parts,
                cycle.tool,
                cycle.clock.snapshot(),
            ],
            "incident": self.watch.snapshot(),
        }

    def restore(self, values: Mapping[str, Any], now: float) -> list[MachineEvent]:
        """Continues after a restart: the open cycle goes on (not to be learned from), the state is unknown until seen."""
        self.state, self.since = values["state"], values["since"]
        counter = values["counter"]
        self._counter.last = None if counter is None else int(counter)
        self.alarms = {
            row[0]: Alarm(row[0], row[1], row[2], row[3], float(row[4])) for row in values["alarms"]
        }
        if values["cycle"] is not None:
            uid, program, started, ended, result, parts, tool, *rest = values["cycle"]
            clock = restored(rest[0] if rest else ())
            self.cycle = Cycle(UUID(uid), program, started, ended, result, int(parts), tool, False, clock)
        self.watch.restore(values["incident"])
        if self.state == "unknown":
            return []
        since = min(now, max(float(values.get("alive_at") or now), self.since or 0.0))
        return self._change_state("unknown", since, "agent redémarré")
