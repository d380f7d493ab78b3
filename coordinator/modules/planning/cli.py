"""`usinage plan`: scheduling from the command line, without a server."""

from __future__ import annotations

import enum
import json
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from coordinator.modules.planning.engine.classic import parse_fjsp, parse_jsp, solve_makespan
from coordinator.modules.planning.engine.model import Problem
from coordinator.modules.planning.engine.shopfile import parse_shop
from coordinator.modules.planning.engine.solve import SolveOptions, remaining_work
from coordinator.modules.planning.engine.solve import solve as solve_shop
from coordinator.modules.planning.engine.validate import PlanningInputError

app = typer.Typer(no_args_is_help=True, help="Planification : calcule un planning à partir d'un fichier.")


class Format(enum.StrEnum):
    """Input formats."""

    JSP = "jsp"
    FJSP = "fjsp"
    SHOP = "shop"


@app.callback()
def _group() -> None:
    """Planification : calcule un planning à partir d'un fichier."""


def _classic(text: str, form: Format, seconds: float, seed: int) -> dict[str, Any]:
    instance = parse_jsp(text) if form is Format.JSP else parse_fjsp(text)
    result = solve_makespan(instance, seconds=seconds, seed=seed)
    return {
        "status": result.status,
        "makespan": result.makespan,
        "bound": result.bound,
        "seconds": round(result.seconds, 3),
        "start": result.start,
        "machine": result.machine,
    }


def _bound(problem: Problem) -> int:
    """No plan can end before the longest chain of any order, counted on the fastest machines without
    closures."""
    return problem.now_min + max(remaining_work(problem).values(), default=0)


def _shop(text: str, seconds: float, seed: int) -> dict[str, Any]:
    problem = parse_shop(text)
    plan = solve_shop(problem, SolveOptions(seconds=seconds, seed=seed))
    by_order: dict[str, list[int | None]] = defaultdict(list)
    for task in sorted(problem.tasks, key=lambda t: t.sequence):
        placed = plan.placements.get(task.id)
        by_order[task.order].append(placed.start_min if placed else None)
    return {
        "status": plan.status,
        "makespan": max((p.end_min for p in plan.placements.values()), default=problem.now_min),
        "bound": _bound(problem),
        "seconds": round(plan.seconds, 3),
        "start": list(by_order.values()),
        "orders": [
            {"order": r.order, "end_min": r.end_min, "due_min": r.due_min, "late_min": r.late_min}
            for r in plan.orders.values()
        ],
        "tasks": [
            {
                "task": p.task,
                "machine": p.machine,
                "operator": p.operator,
                "start_min": p.start_min,
                "end_min": p.end_min,
                "pieces": p.pieces,
            }
            for p in sorted(plan.placements.values(), key=lambda p: (p.start_min, p.task))
        ],
        "left_out": [
            {"task": item.task, "code": item.code, "message": item.message, "field": item.field}
            for item in plan.left_out
        ],
    }


@app.command("solve")
def solve_command(
    file: Annotated[Path, typer.Argument(help="Fichier à planifier.", exists=True, dir_okay=False)],
    form: Annotated[Format, typer.Option("--format", help="Format du fichier.")] = Format.SHOP,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, help="Temps de calcul maximal.")] = 20.0,
    seed: Annotated[int, typer.Option("--seed", help="Graine du tirage au sort.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Résultat en JSON.")] = False,
) -> None:
    """Calcule un planning : jsp et fjsp sont les formats classiques, shop est un atelier complet en JSON."""
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        if form is Format.SHOP:
            answer = _shop(text, seconds, seed)
        else:
            answer = _classic(text, form, seconds, seed)
    except PlanningInputError as error:
        for issue in error.issues:
            typer.echo(issue.message, err=True)
        if as_json:
            issues = [{"code": issue.code, "message": issue.message} for issue in error.issues]
            typer.echo(json.dumps({"status": "invalid", "error": issues}, ensure_ascii=False))
        raise typer.Exit(2) from error
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False))
        return
    typer.echo(
        f"État : {answer['status']} · fin {answer['makespan']} · borne {answer['bound']} "
        f"· {answer['seconds']:.1f} s".replace(".", ",")
    )
    for item in answer.get("left_out", []):
        typer.echo(f"Laissée de côté : {item['message']}")
