"""How a story is told: steps in their order, what each needs, what came out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from infra.demo.client import Person
from infra.demo.errors import DemoError
from infra.demo.workshop import Workshop


class StepFailed(DemoError):
    """What a step promised is not there."""

    def __init__(self, message: str) -> None:
        super().__init__("demo.step", message)


def expect(condition: object, message: str) -> None:
    """Raise ``StepFailed`` with a sentence when something promised is not there."""
    if not condition:
        raise StepFailed(message)


def french(value: object) -> str:
    """A number of the interface as French texts write it."""
    return str(value).replace(".", ",")


@dataclass
class Story:
    """What the steps share: the workshop, the people signed in, what was made so far."""

    workshop: Workshop
    samples: Path
    shared: Path | None
    people: dict[str, Person] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)

    def who(self, role: str) -> Person:
        """The person of a role."""
        return self.people[role]

    def eventually(
        self,
        condition: Callable[[], Any],
        message: str | Callable[[], str],
        *,
        timeout_s: float = 30.0,
        every_s: float = 0.25,
    ) -> Any:
        """First true answer of ``condition``; ``StepFailed`` with ``message`` when none came in time."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = condition()
            if found:
                return found
            if time.monotonic() > deadline:
                words = message() if callable(message) else message
                raise StepFailed(f"{words} (rien après {timeout_s:g} s)")
            time.sleep(every_s)


@dataclass(frozen=True)
class Step:
    """One step: what it is called, what it does (its answer is the detail shown), which steps it needs."""

    code: str
    name: str
    play: Callable[[Story], str]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class StepResult:
    """What became of a step; ``ok`` false with ``seconds`` 0 when one it needs had failed."""

    name: str
    ok: bool
    seconds: float
    detail: str

    def to_json(self) -> dict[str, Any]:
        """As printed by ``usinage demo --json``."""
        return asdict(self)


_FAILURES = (
    DemoError, httpx.HTTPError, psycopg.Error, OSError, LookupError, ValueError, TypeError, AttributeError,
    ArithmeticError, RuntimeError,
)  # fmt: skip


def tell(
    story: Story, steps: Sequence[Step], tellers: Callable[[StepResult], None] = lambda _: None
) -> list[StepResult]:
    """Play the steps in order; a step whose need failed is not played and says so."""
    failed: set[str] = set()
    names = {step.code: step.name for step in steps}
    results = []
    for number, step in enumerate(steps, 1):
        missing = [names[need] for need in step.needs if need in failed]
        label = f"{number}. {step.name}"
        if missing:
            result = StepResult(label, False, 0.0, f"non fait, il manque : {', '.join(missing)}")
        else:
            result = _play(story, step, label)
        if not result.ok:
            failed.add(step.code)
        results.append(result)
        tellers(result)
    return results


def _play(story: Story, step: Step, label: str) -> StepResult:
    began = time.monotonic()
    try:
        detail, ok = step.play(story), True
    except _FAILURES as error:
        # A step may fail in any way; which one is the finding, and the following steps are still told.
        words = error.message if isinstance(error, DemoError) else f"{type(error).__name__} : {error}"
        detail, ok = words, False
    return StepResult(label, ok, round(time.monotonic() - began, 2), detail)
