"""French reasons why a task has no place (PLN-49, PLN-50)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.modules.planning.engine.model import LeftOut, Task
from coordinator.modules.planning.engine.validate import name_of

if TYPE_CHECKING:
    from coordinator.modules.planning.engine.decode import Decoder


def left(task: Task, code: str, words: str, field: str | None = None) -> LeftOut:
    """A reason with the task named in front."""
    return LeftOut(task.id, task.order, code, f"{name_of(task)} : {words}", field)


def why_not(decoder: Decoder, task: Task, ready: int) -> LeftOut:
    """Names the constraint that blocks a task which is ready at `ready`."""
    usable = [choice for choice in task.choices if choice.run_min is not None]
    names = ", ".join(choice.machine for choice in usable)
    if all(decoder.machine_axis[choice.machine].first_open(ready) is None for choice in usable):
        words = f"aucune ouverture de {names} dans l'horizon, choisissez une autre machine."
        return left(task, "machine_unavailable", words, names)
    if any(decoder.attended(task, choice) for choice in usable):
        people = decoder.candidates(task)
        skills = ", ".join(sorted(task.skills)) or "aucune qualification demandée"
        if not people:
            words = f"aucun opérateur qualifié ({skills}), formez ou affectez une personne."
            return left(task, "operator_not_qualified", words, skills)
        if all(decoder.joint(c.machine, o).first_open(ready) is None for c in usable for o in people):
            words = f"aucun opérateur qualifié ({skills}) présent quand {names} est ouverte."
            return left(task, "operator_unavailable", words, skills)
        limits = [decoder.valid_until(task, operator) for operator in people]
        if all(limit is not None and limit < decoder.problem.horizon_min for limit in limits):
            words = f"qualification ({skills}) expirée avant la fin de l'opération, renouvelez-la."
            return left(task, "qualification_expired", words, skills)
    return left(task, "no_room", f"pas assez de temps libre sur {names} avant la fin de l'horizon.", names)
