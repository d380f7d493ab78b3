"""``usinage drawing``: reads plans and models from the command line; needs no server and no database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from coordinator.modules.drawings.reading.model import DrawingReading, Limits
from coordinator.modules.drawings.reading.sandbox import Sandbox

app = typer.Typer(help="Plans et modèles 3D : lecture et analyse.", no_args_is_help=True)


@app.callback()
def drawing() -> None:
    """Plans et modèles 3D : lecture et analyse."""


@app.command()
def read(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FICHIER…", help="Plans PDF, images, DXF, STEP ou IGES.", show_default=False),
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Écrit un seul document JSON sur la sortie standard.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", help="Durée maximale par fichier, en secondes.", min=1)
    ] = 300.0,
) -> None:
    """Lit des plans : cartouche, cotes, tolérances, formes. Code de sortie 1 si un fichier n'a pas pu être lu."""
    readings: list[DrawingReading] = []
    with Sandbox(Limits(wall_s=timeout, cpu_s=int(timeout) + 1)) as sandbox:
        for path in files:
            reading = sandbox.read(path)
            readings.append(reading)
            if reading.error is not None:
                typer.echo(f"{path} : {reading.error.message} [{reading.error.code}]", err=True)
    if as_json:
        typer.echo(json.dumps([reading.to_json() for reading in readings], ensure_ascii=False))
    else:
        for reading in readings:
            _print_summary(reading)
    if any(reading.error is not None for reading in readings):
        raise typer.Exit(1)


_FIELD_NAMES = {
    "drawing_number": "N° de plan", "revision": "Indice", "part_name": "Désignation", "material": "Matière",
    "heat_treatment": "Traitement thermique", "surface_treatment": "Traitement de surface", "scale": "Échelle",
    "mass": "Masse", "general_tolerance": "Tolérance générale", "projection": "Projection", "unit": "Unité",
    "customer": "Client", "author": "Auteur", "date": "Date", "sheet": "Folio",
}  # fmt: skip


def _print_summary(reading: DrawingReading) -> None:
    typer.echo(f"{reading.file} ({reading.kind}, {reading.seconds:.1f} s)")
    if reading.error is not None:
        return
    for name, label in _FIELD_NAMES.items():
        value = reading.title_block[name]
        if value.status == "read":
            typer.echo(f"  {label} : {value.value} ({value.confidence:.0%})")
        elif value.status == "unread":
            typer.echo(f"  {label} : non lu")
    if reading.dimensions:
        typer.echo(
            f"  Cotes ({len(reading.dimensions)}) : " + " ; ".join(item.text for item in reading.dimensions)
        )
    if reading.solid is not None:
        size = " × ".join(f"{value:.2f}" for value in reading.solid.size_mm)
        typer.echo(f"  Encombrement : {size} mm")
        if reading.solid.volume_mm3 is not None:
            typer.echo(f"  Volume : {reading.solid.volume_mm3 / 1000:.2f} cm³")
    for feature in reading.features:
        steps = " + ".join(f"Ø{step.diameter_mm:g} × {step.depth_mm:g}" for step in feature.steps)
        typer.echo(f"  {feature.count} × {feature.type} {feature.form} {steps}".rstrip())
    for warning in reading.warnings:
        typer.echo(f"  ! {warning}")
