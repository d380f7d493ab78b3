"""Refuses wrong input with French messages (PLN-52) and sorts out what cannot be planned yet (PLN-49)."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.modules.planning.engine.model import LeftOut, Problem, Task, TaskStatus


@dataclass(frozen=True, slots=True)
class InputIssue:
    """One reason for refusal: stable `code`, French `message`, the task concerned."""

    code: str
    message: str
    task: str | None = None


class PlanningInputError(ValueError):
    """The data given to the engine contradict themselves; `issues` lists every reason."""

    code = "planning_input_invalid"

    def __init__(self, issues: list[InputIssue]) -> None:
        self.issues = issues
        super().__init__(" ".join(issue.message for issue in issues))


def name_of(task: Task) -> str:
    """How messages name a task: order, sequence, label."""
    return f"{task.order} opération {task.sequence}" + (f" « {task.label} »" if task.label else "")


def find_cycle(tasks: tuple[Task, ...]) -> list[str]:
    """Ids of tasks on one circular dependency, empty when there is none."""
    following: dict[str, list[str]] = {task.id: [] for task in tasks}
    degree = dict.fromkeys(following, 0)
    for task in tasks:
        for link in task.links:
            if link.predecessor in following:
                following[link.predecessor].append(task.id)
                degree[task.id] += 1
    ready = [task for task, count in degree.items() if count == 0]
    while ready:
        current = ready.pop()
        del degree[current]
        for successor in following[current]:
            degree[successor] -= 1
            if degree[successor] == 0:
                ready.append(successor)
    if not degree:
        return []
    links = {
        task.id: [link.predecessor for link in task.links if link.predecessor in degree] for task in tasks
    }
    path = [next(iter(degree))]
    while path[-1] not in path[:-1]:
        path.append(links[path[-1]][0])
    return path[path.index(path[-1]) : -1][::-1]


def _task_issues(task: Task, machines: set[str], ids: set[str], operators: set[str]) -> list[InputIssue]:
    issues: list[InputIssue] = []

    def refuse(code: str, message: str) -> None:
        issues.append(InputIssue(code, message, task.id))

    name = name_of(task)
    if task.quantity <= 0:
        refuse(
            "quantity_not_positive", f"{name} : quantité {task.quantity} refusée, indiquez au moins 1 pièce."
        )
    if not 0 <= task.attendance_pct <= 100:
        refuse(
            "attendance_out_of_range",
            f"{name} : présence {task.attendance_pct} % refusée, indiquez entre 0 et 100 %.",
        )
    for choice in task.choices:
        if choice.machine not in machines:
            refuse(
                "machine_unknown",
                f"{name} : machine {choice.machine} inconnue, choisissez une machine du parc.",
            )
        if min(choice.setup_min or 0, choice.run_min or 0) < 0:
            refuse("duration_negative", f"{name} : temps négatif sur {choice.machine}, corrigez la gamme.")
    for link in task.links:
        if link.predecessor not in ids:
            refuse(
                "predecessor_unknown",
                f"{name} : opération précédente {link.predecessor} inconnue, corrigez la gamme.",
            )
        if link.transfer_quantity is not None and link.transfer_quantity <= 0:
            refuse("transfer_not_positive", f"{name} : lot de transfert {link.transfer_quantity} refusé.")
    if task.lock is not None:
        if task.lock.end_min is not None and task.lock.end_min < task.lock.start_min:
            refuse("end_before_start", f"{name} : la fin précède le début, corrigez les dates.")
        if task.lock.machine is not None and task.lock.machine not in machines:
            refuse(
                "machine_unknown",
                f"{name} : machine {task.lock.machine} inconnue, choisissez une machine du parc.",
            )
        if task.lock.operator is not None and task.lock.operator not in operators:
            refuse("operator_unknown", f"{name} : opérateur {task.lock.operator} inconnu.")
    return issues


def validate(problem: Problem, *, new_orders: frozenset[str] = frozenset()) -> None:
    """Raises PlanningInputError with every contradiction found.

    `new_orders` are those being entered now: for them a delivery date in the past is refused; for orders
    that already run it is a fact the plan must live with (they become `overdue_urgent`).
    """
    issues: list[InputIssue] = []
    ids: set[str] = set()
    machines = {machine.id for machine in problem.machines}
    operators = {operator.id for operator in problem.operators}
    for task in problem.tasks:
        if task.id in ids:
            issues.append(InputIssue("task_duplicated", f"{name_of(task)} figure deux fois.", task.id))
        ids.add(task.id)
    past: set[str] = set()
    for task in problem.tasks:
        issues += _task_issues(task, machines, ids, operators)
        if (
            task.order in new_orders
            and task.order not in past
            and task.due_min is not None
            and task.due_min < problem.now_min
        ):
            past.add(task.order)
            issues.append(
                InputIssue(
                    "due_date_past",
                    f"Commande {task.order} : la date de livraison est déjà passée, "
                    "indiquez une date à venir.",
                    task.id,
                )
            )
    for owner, intervals in [(m.label or m.id, m.openings + m.blocked) for m in problem.machines] + [
        (o.label or o.id, o.openings + o.absences) for o in problem.operators
    ]:
        if any(end < start for start, end in intervals):
            issues.append(InputIssue("end_before_start", f"Calendrier de {owner} : la fin précède le début."))
    cycle = find_cycle(problem.tasks)
    if cycle:
        by_id = {task.id: task for task in problem.tasks}
        chain = " → ".join(str(by_id[task].sequence) for task in [*cycle, cycle[0]])
        issues.append(
            InputIssue(
                "dependency_cycle",
                f"Commande {by_id[cycle[0]].order} : les opérations {chain} "
                "s'attendent mutuellement, corrigez leurs dépendances.",
                cycle[0],
            )
        )
    if issues:
        raise PlanningInputError(issues)


def incomplete(task: Task) -> LeftOut | None:
    """What is missing to plan the task (PLN-49), or None."""

    def missing(code: str, field: str, words: str) -> LeftOut:
        return LeftOut(task.id, task.order, code, f"{name_of(task)} : {words}", field)

    if task.status is not TaskStatus.PLANNED:
        return None
    if task.due_min is None:
        return missing("due_date_missing", "due_at", "date de livraison à compléter.")
    if task.external_lead_min is not None or task.lock is not None:
        return None
    if not task.choices:
        return missing("machine_missing", "machine_id", "aucune machine capable, complétez la machine.")
    if all(choice.run_min is None for choice in task.choices):
        return missing("time_missing", "run_min", "temps prévu à compléter.")
    for readiness in task.readiness:
        if readiness.at_min is None:
            return missing(
                f"{readiness.kind}_missing",
                readiness.kind,
                f"{readiness.label} sans date connue : lancez un achat ou indiquez la date.",
            )
    return None
