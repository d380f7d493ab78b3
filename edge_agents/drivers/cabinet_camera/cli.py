"""``usinage vision …``: teaching and reading a cabinet from picture files, without a server."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(no_args_is_help=True, help="Vision des armoires et des râteliers.")


@app.callback()
def _main() -> None:
    """Apprentissage et lecture des compartiments d'une armoire ou d'un râtelier."""


def _fail(message: str) -> typer.Exit:
    typer.echo(message, err=True)
    return typer.Exit(1)


@app.command("teach")
def teach(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Fichier vision (YAML) de la station.")],
    images: Annotated[Path, typer.Option("--images", help="Dossier des photographies.")],
    labels: Annotated[Path, typer.Option("--labels", help="CSV : image, compartment, present, count, item.")],
    out: Annotated[Path, typer.Option("--out", help="Fichier modèle à écrire.")],
    as_json: Annotated[bool, typer.Option("--json", help="Écrit un seul document JSON.")] = False,
) -> None:
    """Apprend les compartiments d'une station à partir de photographies étiquetées."""
    from edge_agents.drivers.cabinet_camera.files import teach_files

    try:
        report = teach_files(config, images, labels, out)
    except ValueError as error:
        raise _fail(str(error)) from None
    if as_json:
        sys.stdout.write(json.dumps(report, ensure_ascii=False) + "\n")
        return
    checked = report["cross_validation"]
    typer.echo(
        f"{report['model']} : {report['photographs']} photographies, {len(report['compartments'])} compartiments, "
        f"{checked['right']} réponses justes sur {checked['asked']} photographies laissées de côté, "
        f"{report['bytes'] / 1024:.0f} Kio, sha256 {report['sha256']}"
    )


@app.command("read")
def read(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Fichier vision (YAML) de la station.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="Images à lire.")],
    model: Annotated[Path | None, typer.Option("--model", help="Modèle appris.")] = None,
    detector: Annotated[
        Path | None, typer.Option("--detector", help="Détecteur des compartiments partagés (ONNX).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Écrit un seul document JSON.")] = False,
) -> None:
    """Lit le contenu des compartiments dans des images."""
    from edge_agents.drivers.cabinet_camera.files import read_files

    try:
        results = read_files(config, model, images, detector)
    except ValueError as error:
        raise _fail(str(error)) from None
    if as_json:
        sys.stdout.write(json.dumps(results, ensure_ascii=False) + "\n")
    else:
        for entry in results:
            typer.echo(_line(entry))
    failed = [entry["error"]["message"] for entry in results if "error" in entry]
    for message in failed:
        typer.echo(message, err=True)
    if failed:
        raise typer.Exit(1)


@app.command("replay")
def replay(
    folder: Annotated[Path, typer.Argument(metavar="DOSSIER", help="Dossier des sessions enregistrées.")],
    config: Annotated[Path, typer.Option("--config", help="Fichier vision (YAML) de la station.")],
    model: Annotated[Path | None, typer.Option("--model", help="Modèle à juger.")] = None,
    detector: Annotated[
        Path | None, typer.Option("--detector", help="Détecteur des compartiments partagés (ONNX).")
    ] = None,
    auto: Annotated[
        float, typer.Option(help="Confiance à partir de laquelle le stock serait mouvementé seul.")
    ] = 0.9,
    least: Annotated[
        int, typer.Option(help="Sessions à rejouer au moins pour proposer un modèle.", min=1)
    ] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Écrit un seul document JSON.")] = False,
) -> None:
    """Rejoue des sessions enregistrées avec un modèle ; échoue si le modèle n'est pas assez juste pour être proposé."""
    from edge_agents.drivers.cabinet_camera.files import replay_files

    try:
        result = replay_files(folder, config, model, detector=detector, auto=auto, least=least)
    except ValueError as error:
        raise _fail(str(error)) from None
    if as_json:
        sys.stdout.write(json.dumps(result.report(), ensure_ascii=False) + "\n")
    else:
        typer.echo(
            f"{result.sessions} sessions rejouées ({result.unlabelled} sans réponse connue, {result.refused} refusées) : "
            f"{100 * result.delta_accuracy:.1f} % justes, {result.false_posts} écritures fausses sur {result.auto_posts}."
        )
        for name in result.wrong:
            typer.echo(f"  à revoir : {name}")
    if not result.sessions:
        raise _fail("Aucune session rejouable dans ce dossier.")
    if result.sessions < least:
        raise _fail(f"{result.sessions} sessions : il en faut {least} pour proposer un modèle.")
    if not result.passes:
        raise _fail("Ce modèle ne peut pas être proposé : exactitude trop faible ou écritures fausses.")


@app.command("capture")
def capture(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Fichier vision (YAML) de la station.")],
    out: Annotated[Path, typer.Option("--out", help="Dossier à remplir : photographies et labels.csv.")],
    photographs: Annotated[int, typer.Option(help="Nombre de photographies.", min=8, max=500)] = 60,
    capacity: Annotated[
        list[str] | None, typer.Option(help="Pièces au plus par compartiment : ID=N.")
    ] = None,
    camera: Annotated[int, typer.Option(help="Numéro de la caméra.")] = 0,
    frames: Annotated[
        Path | None, typer.Option(help="Dossier dont l'image la plus récente sert de caméra.")
    ] = None,
) -> None:
    """Guide la prise des photographies d'un apprentissage, puis apprend un modèle candidat."""
    from edge_agents.drivers.base import DriverError
    from edge_agents.drivers.cabinet_camera.files import guided

    try:
        most = {name: int(count) for name, _, count in (entry.partition("=") for entry in capacity or [])}
        teaching, grab = guided(config, out, photographs, most, camera, frames)
        message = teaching.prompt()
        while teaching.left:
            typer.echo(message + "  [Entrée : photographier, q : terminer]")
            answer = sys.stdin.readline()
            if not answer or answer.strip().lower() == "q":
                break
            message = teaching.take(grab())
        report = teaching.finish()
    except (ValueError, DriverError) as error:
        raise _fail(str(error)) from None
    typer.echo(report["message"] + f" {report['model']}")
    for words in report["advice"]:
        typer.echo(f"  conseil : {words}")


def _line(entry: dict[str, Any]) -> str:
    if not entry["usable"]:
        return f"{entry['file']}\tinutilisable : {entry['message']}"
    words = [
        f"{place['id']}{name}={'?' if c['count'] is None else c['count']} ({100 * c['confidence']:.0f} %)"
        for place in entry["compartments"]
        for name, c in ([(f"/{one['item']}", one) for one in place.get("items", ())] or [("", place)])
    ]
    return f"{entry['file']}\t" + "  ".join(words)


if __name__ == "__main__":
    app()
