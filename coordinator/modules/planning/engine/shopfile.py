"""Reads a workshop from a JSON file (format `shop` of `usinage plan solve`); every instant and duration in
minutes.

{"now_min", "horizon_min", "frozen_min",
 "machines": [{"id", "openings": [[start, end], …], "blocked": […]}],
 "operators": [{"id", "openings", "absences", "skills": {"tournage": null | valid_until_min}}],
 "tasks": [{"id", "order", "sequence", "quantity", "label", "due_min", "priority", "release_min",
   "attendance_pct", "skills": […], "choices": [{"machine", "setup_min", "run_min"}],
   "links": [{"predecessor", "lag_min", "transfer_quantity"}], "external_lead_min",
   "readiness": [{"kind", "label", "at_min"}], "lock": {"start_min", "machine", "operator", "end_min"}}]}
"""

from __future__ import annotations

import json
from typing import Any

from coordinator.modules.planning.engine.model import (
    Interval,
    Link,
    Lock,
    Machine,
    MachineChoice,
    Operator,
    Priority,
    Problem,
    Readiness,
    Task,
    TaskStatus,
)
from coordinator.modules.planning.engine.validate import InputIssue, PlanningInputError


def _intervals(raw: Any) -> tuple[Interval, ...]:
    return tuple((int(start), int(end)) for start, end in raw or ())


def _task(raw: dict[str, Any]) -> Task:
    lock = raw.get("lock")
    return Task(
        id=str(raw["id"]),
        order=str(raw["order"]),
        sequence=int(raw.get("sequence", 10)),
        quantity=int(raw.get("quantity", 1)),
        label=str(raw.get("label", "")),
        choices=tuple(
            MachineChoice(
                str(c["machine"]), c.get("setup_min", 0), c.get("run_min"), int(c.get("preference", 0))
            )
            for c in raw.get("choices", ())
        ),
        links=tuple(
            Link(str(k["predecessor"]), int(k.get("lag_min", 0)), k.get("transfer_quantity"))
            for k in raw.get("links", ())
        ),
        skills=frozenset(raw.get("skills", ())),
        attendance_pct=int(raw.get("attendance_pct", 100)),
        needs_operator=bool(raw.get("needs_operator", True)),
        release_min=int(raw.get("release_min", 0)),
        due_min=raw.get("due_min"),
        priority=Priority(raw.get("priority", "normal")),
        status=TaskStatus(raw.get("status", "planned")),
        lock=Lock(int(lock["start_min"]), lock.get("machine"), lock.get("operator"), lock.get("end_min"))
        if lock
        else None,
        readiness=tuple(
            Readiness(str(r["kind"]), str(r.get("label", r["kind"])), r.get("at_min"))
            for r in raw.get("readiness", ())
        ),
        external_lead_min=raw.get("external_lead_min"),
        setup_family=raw.get("setup_family"),
        interruptible=bool(raw.get("interruptible", True)),
    )


def parse_shop(text: str) -> Problem:
    """Problem of a shop file. Raises PlanningInputError with a French message when a field is missing or
    unreadable."""
    try:
        raw = json.loads(text)
        machines = tuple(
            Machine(str(m["id"]), _intervals(m["openings"]), _intervals(m.get("blocked")))
            for m in raw["machines"]
        )
        operators = tuple(
            Operator(
                str(o["id"]),
                _intervals(o["openings"]),
                dict(o.get("skills", {})),
                _intervals(o.get("absences")),
            )
            for o in raw.get("operators", ())
        )
        tasks = tuple(_task(item) for item in raw["tasks"])
        return Problem(
            tasks,
            machines,
            operators,
            int(raw.get("now_min", 0)),
            int(raw.get("horizon_min", 90 * 24 * 60)),
            int(raw.get("frozen_min", 120)),
        )
    except json.JSONDecodeError as error:
        message = f"Fichier JSON illisible, ligne {error.lineno} : corrigez sa syntaxe."
        raise PlanningInputError([InputIssue("file_unreadable", message)]) from error
    except KeyError as error:
        message = f"Champ {error.args[0]} manquant dans le fichier atelier."
        raise PlanningInputError([InputIssue("field_missing", message)]) from error
    except (TypeError, ValueError) as error:
        message = f"Valeur inattendue dans le fichier atelier : {error}."
        raise PlanningInputError([InputIssue("value_invalid", message)]) from error
