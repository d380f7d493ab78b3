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
    from edge_agents.runtime.link import InsecureBrokerError
    from edge_agents.runtime.start import enrol_if_needed
    from edge_agents.runtime.station import StationFileError, load_station

    try:
        station = load_station(station_file)
        code = asyncio.run(enrol_if_needed(station, show_code=_show_code))
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


def _show_code(code: str) -> None:
    typer.echo(f"Code de la station : {code} (à approuver sur un poste d'administration)", err=True)


if __name__ == "__main__":
    app()
