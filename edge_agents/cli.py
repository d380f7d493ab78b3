"""Command line of the stations: ``usinage agent …``. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Stations de l'atelier.")


@app.callback()
def _main() -> None:
    """Stations de l'atelier : exécution et outils."""


@app.command("run")
def run(
    station_file: Annotated[Path, typer.Argument(metavar="STATION.yaml", help="Fichier de la station.")],
) -> None:
    """Exécute une station jusqu'à son arrêt (Ctrl-C ou SIGTERM)."""
    from edge_agents.runtime.config import ConfigRefusedError
    from edge_agents.runtime.decommission import EXIT_CODE, DecommissionedError
    from edge_agents.runtime.link import InsecureBrokerError
    from edge_agents.runtime.start import enrol_if_needed
    from edge_agents.runtime.station import StationFileError, load_station

    try:
        station = load_station(station_file)
        code = asyncio.run(enrol_if_needed(station, show_code=_show_code))
    except DecommissionedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_CODE) from None
    except (StationFileError, ConfigRefusedError, InsecureBrokerError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    raise typer.Exit(code)


@app.command("launch")
def launch(
    station_file: Annotated[Path, typer.Argument(metavar="STATION.yaml", help="Fichier de la station.")],
) -> None:
    """Lance une station, ses mises à jour et leur retour en arrière (service système)."""
    from edge_agents.runtime.launcher import Launcher

    raise typer.Exit(Launcher(station_file).run())


_SIMULATORS = {"opcua": "machine", "mtconnect": "mtconnect", "signals": "signals", "camera": "camera"}


@app.command("simulate", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def simulate(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="opcua, mtconnect, signals ou camera ; puis ses options (-h).")],
) -> None:
    """Simule une machine ou une caméra, pour une station sur un PC sans matériel."""
    from importlib import import_module

    if kind not in _SIMULATORS:
        typer.echo(f"Simulateur inconnu : {kind}. Choix : {', '.join(_SIMULATORS)}.", err=True)
        raise typer.Exit(2)
    import_module(f"edge_agents.drivers.simulators.{_SIMULATORS[kind]}").main(list(context.args))


@app.command("check")
def check(
    station_file: Annotated[Path, typer.Argument(metavar="STATION.yaml", help="Fichier de la station.")],
    driver: Annotated[str, typer.Argument(help="Nom du pilote de machine dans le fichier.")],
    seconds: Annotated[float, typer.Option(help="Durée de lecture.", min=1, max=300)] = 8,
) -> None:
    """Lit une machine quelques secondes et montre certificat, signaux et alarmes (mise en service)."""
    from edge_agents.drivers.base import DriverError
    from edge_agents.drivers.machine.check import check as look
    from edge_agents.runtime.station import StationFileError, load_station

    try:
        is_good = asyncio.run(look(load_station(station_file), driver, seconds, typer.echo))
    except (StationFileError, DriverError, ValueError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(0 if is_good else 1)


@app.command("judge")
def judge(
    station_file: Annotated[Path, typer.Argument(metavar="STATION.yaml", help="Fichier de la station.")],
    driver: Annotated[str, typer.Argument(help="Nom du pilote de machine dans le fichier.")],
    verdict: Annotated[str, typer.Argument(help="confirmed, false_alarm ou missed.")],
    incident: Annotated[str | None, typer.Option(help="Identifiant de l'incident.")] = None,
    comment: Annotated[str | None, typer.Option(help="Remarque.")] = None,
) -> None:
    """Juge un incident : choc réel, fausse alerte, ou choc que l'agent n'a pas vu."""
    from edge_agents.drivers.machine.check import judge as tell
    from edge_agents.runtime.station import StationFileError, load_station

    try:
        typer.echo(asyncio.run(tell(load_station(station_file), driver, verdict, incident, comment)))
    except (StationFileError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command("scene")
def scene(
    station_file: Annotated[Path, typer.Argument(metavar="STATION.yaml", help="Fichier de la station.")],
    camera: Annotated[str, typer.Argument(help="Nom du pilote de caméra dans le fichier.")],
    program: Annotated[str, typer.Argument(help="Programme avant lequel la machine doit être ainsi.")],
) -> None:
    """Enseigne à la caméra la scène attendue avant le départ d'un programme."""
    from edge_agents.drivers.machine.check import request
    from edge_agents.runtime.station import StationFileError, load_station

    try:
        asyncio.run(request(load_station(station_file), camera, {"teach_scene": program}))
    except (StationFileError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"Scène enseignée pour {program}.")


def _show_code(code: str) -> None:
    typer.echo(f"Code de la station : {code} (à approuver sur un poste d'administration)", err=True)


if __name__ == "__main__":
    app()
