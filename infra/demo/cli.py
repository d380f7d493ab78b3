"""``usinage demo``: the embedded workshop and its story."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(name="single")

DEFAULT_FOLDER = Path("var/demo")


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Raconter l'histoire, puis tout arrêter.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Un seul document JSON sur la sortie standard.")
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option(help=f"Dossier de la démonstration ({DEFAULT_FOLDER}, temporaire avec --once)."),
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port de l'API (un port libre).", min=1, max=65535)] = None,
    broker_port: Annotated[
        int | None, typer.Option(help="Port du courtier MQTT (un port libre).", min=1, max=65535)
    ] = None,
) -> None:
    """Démarre un atelier complet sur cette machine et y fait passer une pièce, du plan à la facture."""
    from infra.demo.errors import DemoError

    signal.signal(signal.SIGTERM, _interrupt)
    temporary = Path(tempfile.mkdtemp(prefix="usinage-demo-")) if once and folder is None else None
    try:
        status = _run(
            temporary or folder or DEFAULT_FOLDER,
            once=once,
            as_json=as_json,
            port=port,
            broker_port=broker_port,
        )
    except DemoError as error:
        typer.echo(error.message, err=True)
        status = 1
    except KeyboardInterrupt:
        typer.echo("Démonstration arrêtée.", err=True)
        status = 0 if not once else 130
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    raise typer.Exit(status)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _run(path: Path, *, once: bool, as_json: bool, port: int | None, broker_port: int | None) -> int:
    from infra.demo import live
    from infra.demo.errors import DemoError
    from infra.demo.folder import DemoFolder
    from infra.demo.story import STEPS, Story, tell
    from infra.demo.workshop import Workshop
    from infra.embedded.errors import InfraError

    folder = DemoFolder(path)
    folder.take()
    workshop: Workshop | None = None
    try:
        try:
            workshop = Workshop(folder.path, port=port, broker_port=broker_port)
        except InfraError as error:
            raise DemoError(error.code, error.message) from error
        typer.echo(f"Démarrage de l'atelier dans {folder.path} …", err=True)
        workshop.start()
        shared = (
            Path(os.environ.get("USINAGE_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data"
        )
        story = Story(workshop, folder.path / "samples", shared if shared.is_dir() else None)
        results = tell(story, STEPS, live.show_step)
        document = {"steps": [result.to_json() for result in results]}
        workshop.write_note("story.json", document)
        if as_json:
            sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
            sys.stdout.flush()
        if once:
            return 0 if all(result.ok for result in results) else 1
        live.run(story)
        return 0
    finally:
        if workshop is not None:
            typer.echo("Arrêt de l'atelier …", err=True)
            workshop.stop()
        folder.release()
