"""``usinage bench NAME``: speed and accuracy, with the limit or the comparable tool measured in the same run."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from collections.abc import Callable
from typing import Annotated, Any

import structlog
import typer

app = typer.Typer(name="single")

BENCHES = {
    "api": ("coordinator.gateway.bench_api", "run"),
    "ingest": ("coordinator.gateway.bench_ingest", "run"),
    "drawing": ("coordinator.modules.drawings.bench", "run"),
    "quote": ("coordinator.modules.quoting.verification.bench", "run"),
    "planning": ("coordinator.modules.planning.bench", "run"),
    "edge": ("infra.bench_edge", "run"),
    "machine": ("infra.bench_machine", "run"),
    "vision": ("infra.bench_vision", "run"),
    "codes": ("infra.bench_codes", "run"),
}
"""Name → module and function giving the measured entries."""


def measure(name: str) -> Callable[..., list[dict[str, Any]]]:
    """The function behind a benchmark's name."""
    module, function = BENCHES[name]
    found: Callable[..., list[dict[str, Any]]] = getattr(importlib.import_module(module), function)
    return found


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {"cpus": os.cpu_count(), "arch": platform.machine(), "python": platform.python_version()}


def entry(metric: str, value: float, unit: str, *, reference: float | None = None, target: float | None = None,
          lower_is_better: bool = False) -> dict[str, Any]:  # fmt: skip
    """One measured figure with its reference, ratio and whether the target is met."""
    ok = None if target is None else (value <= target if lower_is_better else value >= target)
    ratio = None if not reference else round(value / reference, 3)
    return {"metric": metric, "value": round(value, 3), "unit": unit, "reference": reference, "ratio": ratio,
            "target": target, "ok": ok}  # fmt: skip


@app.command()
def bench(
    name: Annotated[str, typer.Argument(help=f"Mesure à faire : {', '.join(BENCHES)}.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Un seul document JSON sur la sortie standard.")
    ] = False,
    schedules: Annotated[
        int | None, typer.Option(help="edge : nombre de suites de pannes tirées au sort.", min=1, max=200)
    ] = None,
) -> None:
    """Mesure la vitesse ou la justesse d'une partie du produit."""
    if name not in BENCHES:
        typer.echo(f"Mesure inconnue : {name}. Choix : {', '.join(BENCHES)}.", err=True)
        raise typer.Exit(2)
    if schedules is not None and name != "edge":
        typer.echo("--schedules ne concerne que la mesure edge.", err=True)
        raise typer.Exit(2)
    # What a measure tells meanwhile must not stand before the document.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    results = measure(name)(**({} if schedules is None else {"schedules": schedules}))
    if as_json:
        sys.stdout.write(
            json.dumps({"bench": name, "machine": machine(), "results": results}, ensure_ascii=False) + "\n"
        )
    else:
        for row in results:
            verdict = {True: "atteint", False: "NON ATTEINT", None: ""}[row.get("ok")]
            reference = (
                "" if row.get("reference") is None else f"  réf. {row['reference']:g}  rapport {row['ratio']}"
            )
            typer.echo(f"{row['metric']:28} {row['value']:>14g} {row['unit']:10}{reference}  {verdict}")
    raise typer.Exit(1 if any(r.get("ok") is False for r in results) else 0)
