"""Data of the scheduling engine: what is to be done, with what, when, and the plan that comes out.

Every instant is an integer number of minutes after an epoch the caller chooses (see `TimeAxis`), every
duration an integer number of minutes (callers round up). The engine reads no clock: `Problem.now_min` says
what time it is.

How closed periods are modelled: a machine or a person is open during half-open intervals `[start, end)`.
An operation may span closed periods: it is interrupted and goes on at the next opening, and keeps the
machine occupied meanwhile (the part stays mounted). The duration in `Placement.pieces` is therefore exact
working time, `end_min - start_min` is elapsed time.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime, timedelta

Interval = tuple[int, int]


class Priority(enum.StrEnum):
    """Priority of an order (PLN-03)."""

    NORMAL = "normal"
    URGENT = "urgent"
    CRITICAL = "critical"
    OVERDUE_URGENT = "overdue_urgent"


PRIORITY_WEIGHT: dict[Priority, int] = {
    Priority.NORMAL: 1,
    Priority.URGENT: 4,
    Priority.CRITICAL: 8,
    Priority.OVERDUE_URGENT: 12,
}


class TaskStatus(enum.StrEnum):
    """State of a task as the engine needs it (PLN-02)."""

    PLANNED = "planned"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Converts aware datetimes to engine minutes and back."""

    epoch: datetime

    def to_min(self, instant: datetime) -> int:
        """Minutes from the epoch, rounded down. Raises ValueError on a naive datetime."""
        if instant.tzinfo is None:
            raise ValueError("naive datetime")
        return int((instant - self.epoch).total_seconds() // 60)

    def to_datetime(self, minute: int) -> datetime:
        return self.epoch + timedelta(minutes=minute)


@dataclass(frozen=True, slots=True)
class MachineChoice:
    """One machine able to do the operation, with its own times. `preference` 0 is the machine of the
    routing."""

    machine: str
    setup_min: int | None
    run_min: int | None
    preference: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """Predecessor of a task.

    Without `transfer_quantity` the whole lot must be finished. With it, batches of that many pieces pass
    on as soon as they are finished and the follower may never begin a batch that has not arrived.
    `lag_min` is elapsed time (cooling, carriage).
    """

    predecessor: str
    lag_min: int = 0
    transfer_quantity: int | None = None


@dataclass(frozen=True, slots=True)
class Readiness:
    """Something the task waits for: `kind` material, tool, fixture or program; `at_min` None means no
    known date."""

    kind: str
    label: str
    at_min: int | None


@dataclass(frozen=True, slots=True)
class Lock:
    """A place that must not change: task locked by a person, or already running (`end_min` then is its
    expected end)."""

    start_min: int
    machine: str | None
    operator: str | None = None
    end_min: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One work-order operation to place.

    The set-up needs a qualified operator at 100 %; the run needs him at `attendance_pct`, and with 0 goes
    on unattended whenever the machine is open. `external_lead_min` makes it an operation outside: no
    machine, elapsed time only. A task of `quantity` pieces with `interruptible=False` must fit into one
    opening.
    """

    id: str
    order: str
    sequence: int
    quantity: int
    choices: tuple[MachineChoice, ...] = ()
    links: tuple[Link, ...] = ()
    label: str = ""
    skills: frozenset[str] = frozenset()
    attendance_pct: int = 100
    needs_operator: bool = True
    release_min: int = 0
    due_min: int | None = None
    priority: Priority = Priority.NORMAL
    status: TaskStatus = TaskStatus.PLANNED
    lock: Lock | None = None
    readiness: tuple[Readiness, ...] = ()
    external_lead_min: int | None = None
    setup_family: str | None = None
    usual_operators: tuple[str, ...] = ()
    interruptible: bool = True
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine or workstation with its opening intervals (maintenance and closures already taken out or
    in `blocked`)."""

    id: str
    openings: tuple[Interval, ...]
    blocked: tuple[Interval, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Operator:
    """A person: presence intervals, absences, skills with the minute until which each is valid (None = no
    end)."""

    id: str
    openings: tuple[Interval, ...]
    skills: dict[str, int | None] = field(default_factory=dict)
    absences: tuple[Interval, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights of the objective (PLN-10); all editable in the settings.

    Lateness is counted per order in hours × priority weight, so that one hour late on a normal order costs
    `lateness`.
    """

    late_order: float = 200.0
    lateness: float = 10.0
    setup_change: float = 2.0
    balance: float = 0.1
    flow: float = 0.02
    moved_task: float = 5.0
    moved_hour: float = 0.2
    left_out: float = 100_000.0


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a task is: machine and operator with the intervals really worked.

    `setup_pieces` then `run_pieces` are the worked intervals on the machine. `frozen` tells why it could
    not move.
    """

    task: str
    machine: str | None
    operator: str | None
    start_min: int
    end_min: int
    setup_pieces: tuple[Interval, ...] = ()
    run_pieces: tuple[Interval, ...] = ()
    frozen: str | None = None

    @property
    def pieces(self) -> tuple[Interval, ...]:
        return self.setup_pieces + self.run_pieces


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A task that could not be placed: stable `code`, French `message`, the `field` to complete or the
    blocking resource."""

    task: str
    order: str
    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class OrderResult:
    """When an order ends and how late it is (`late_min` 0 when on time; `end_min` None when a task is left
    out)."""

    order: str
    end_min: int | None
    due_min: int | None
    late_min: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan: placements by task id, what was left out, results per order, and the conflicts of immovable
    tasks."""

    placements: dict[str, Placement]
    left_out: tuple[LeftOut, ...] = ()
    orders: dict[str, OrderResult] = field(default_factory=dict)
    conflicts: tuple[LeftOut, ...] = ()
    score: float = 0.0
    status: str = "feasible"
    seconds: float = 0.0
    first_plan_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything the engine needs. `baseline` is the current plan, whose frozen part does not move
    (PLN-27)."""

    tasks: tuple[Task, ...]
    machines: tuple[Machine, ...]
    operators: tuple[Operator, ...] = ()
    now_min: int = 0
    horizon_min: int = 90 * 24 * 60
    frozen_min: int = 120
    weights: Weights = field(default_factory=Weights)
    baseline: Plan | None = None
