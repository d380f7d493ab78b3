"""The ``usinage`` command. Sub-commands load what they need when they run, so that the command line stays quick."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from typing import Annotated, Any

import typer

app = typer.Typer(
    name="usinage", help="Gestion complète d'un atelier d'usinage.", no_args_is_help=True, add_completion=False,
    pretty_exceptions_enable=False,
)  # fmt: skip

SUBCOMMANDS = {
    "drawing": ("coordinator.modules.drawings.cli", "Lire des plans."),
    "quote": ("coordinator.modules.quoting.cli", "Chiffrer des pièces."),
    "plan": ("coordinator.modules.planning.cli", "Ordonnancer."),
    "scan": ("edge_agents.drivers.scanner.cli", "Décoder des codes."),
    "vision": ("edge_agents.drivers.cabinet_camera.cli", "Apprendre et lire des armoires."),
    "agent": ("edge_agents.cli", "Stations."),
    "update": ("coordinator.modules.stations.update_cli", "Mises à jour."),
    "station": ("coordinator.modules.stations.kit_cli", "Matériel et repères des stations."),
    "backup": ("infra.backup.cli", "Sauvegardes."),
    "user": ("coordinator.modules.identity.cli", "Comptes."),
    "bench": ("coordinator.bench", "Mesures de vitesse et de justesse."),
    "demo": ("infra.demo.cli", "Démonstration."),
}
"""Name → module holding a typer ``app``, and its help."""

JsonOption = Annotated[bool, typer.Option("--json", help="Un seul document JSON sur la sortie standard.")]


def _load(names: list[str]) -> None:
    """Attach the sub-command named on the line, or all of them for the help."""
    wanted = [n for n in names if n in SUBCOMMANDS] or list(SUBCOMMANDS)
    for name in wanted:
        path, help_text = SUBCOMMANDS[name]
        if importlib.util.find_spec(path.rsplit(".", 1)[0]) is None or importlib.util.find_spec(path) is None:
            continue
        sub = importlib.import_module(path).app
        if getattr(sub.info, "name", None) == "single":
            for command in sub.registered_commands:
                command.name = name
                app.registered_commands.append(command)
        else:
            app.add_typer(sub, name=name, help=help_text)


def echo_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, default=str) + "\n")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Adresse d'écoute.")] = None,
    port: Annotated[int | None, typer.Option(help="Port d'écoute.")] = None,
    skip_tests: Annotated[
        bool, typer.Option("--skip-tests", help="Ne pas faire les essais de démarrage.")
    ] = False,
) -> None:
    """Démarre l'API du coordinateur."""
    from coordinator.processes import run_api

    raise typer.Exit(run_api(host, port, skip_tests=skip_tests))


@app.command()
def worker() -> None:
    """Démarre un exécutant de tâches de fond."""
    from coordinator.processes import run_worker

    raise typer.Exit(run_worker())


@app.command()
def ingest() -> None:
    """Démarre la réception des messages des stations."""
    from coordinator.processes import run_ingest

    raise typer.Exit(run_ingest())


@app.command()
def migrate(as_json: JsonOption = False) -> None:
    """Met la base de données à jour."""
    from coordinator.processes import run_migrations

    report = run_migrations()
    if as_json:
        echo_json(report)
    else:
        typer.echo(f"Base à jour ({report['revision']}).")


@app.command()
def check(as_json: JsonOption = False) -> None:
    """Vérifie l'installation : base, fichiers, courtier, certificats, historique."""
    from coordinator.selfcheck import run_checks

    results = run_checks()
    if as_json:
        echo_json(results)
    else:
        marks = {"ok": "bon", "warning": "attention", "failed": "ÉCHEC", "unknown": "inconnu"}
        for result in results:
            typer.echo(f"{marks[result['status']]:>10}  {result['label']} : {result['detail']}")
    raise typer.Exit(1 if any(r["status"] == "failed" for r in results) else 0)


@app.command()
def openapi(
    write: Annotated[bool, typer.Option("--write", help="Réécrire les contrats du dépôt.")] = False,
) -> None:
    """Compare les contrats publiés (OpenAPI, AsyncAPI, droits) au code."""
    from coordinator.contracts import main as contracts

    raise typer.Exit(contracts(["--write"] if write else ["--check"]))


@app.command()
def requirements(as_json: JsonOption = False) -> None:
    """Liste les exigences prouvées par un essai."""
    from coordinator.requirements import proven

    found = proven()
    if as_json:
        echo_json(found)
        return
    for code, tests in sorted(found.items()):
        typer.echo(f"{code:10} {len(tests)} essai(s)")


def main() -> None:
    """Entry point of the ``usinage`` command."""
    from coordinator.french_help import install

    install()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    _load([a for a in sys.argv[1:] if not a.startswith("-")][:1])
    app()


if __name__ == "__main__":
    main()
