"""``usinage station``: hardware page, marker sheets, files of an image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Matériel, repères et images des stations.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard.")]


@app.command("hardware")
def hardware(
    write: Annotated[
        bool, typer.Option("--write", help="Réécrire la page du manuel et ses dessins.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Montre les listes de matériel et leurs totaux."""
    from coordinator.modules.stations.kit import data, page

    kits = data.load()
    written = [str(path) for path in page.write()] if write else []
    if as_json:
        rows = [
            {"id": k.id, "title": k.title, "total_eur": str(k.total_eur), "parts": len(k.parts)}
            for k in kits.kits
        ]
        typer.echo(json.dumps({"kits": rows, "written": written}, ensure_ascii=False))
        return
    for kit in kits.kits:
        typer.echo(f"{kit.title:45} {page.euros(kit.total_eur):>10}")


@app.command("markers")
def markers(
    out: Annotated[Path, typer.Argument(help="Feuille PDF à écrire.")],
    fiducials: Annotated[
        str, typer.Option(help="Numéros des repères d'angle, séparés par des virgules.")
    ] = "0,1,2,3",
    compartments: Annotated[
        str, typer.Option(help="Compartiments NOM:NUMÉRO, séparés par des virgules.")
    ] = "",
    size: Annotated[float, typer.Option(help="Côté du carré noir (mm).")] = 40.0,
    dictionary: Annotated[str, typer.Option(help="Dictionnaire ArUco ou AprilTag.")] = "DICT_4X4_50",
    title: Annotated[str, typer.Option(help="Titre de la feuille.")] = "Repères de la station",
    as_json: Json = False,
) -> None:
    """Écrit la feuille de repères à imprimer, à la taille vraie."""
    from coordinator.kernel.papers import PaperError
    from coordinator.modules.stations.kit.markers import Marker, MarkerSheet, render_markers

    try:
        found = [
            Marker(int(n), f"Angle {n.strip()}", "repère d'angle") for n in fiducials.split(",") if n.strip()
        ]
        for pair in filter(str.strip, compartments.split(",")):
            name, _, number = pair.rpartition(":")
            found.append(Marker(int(number), name.strip(), f"n° {number.strip()}"))
    except ValueError:
        raise typer.BadParameter("numéros attendus : 0,1,2,3 et A1:10,A2:11") from None
    try:
        out.write_bytes(render_markers(MarkerSheet(title, found, size, dictionary)))
    except (PaperError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    result = {"file": str(out), "markers": len(found), "size_mm": size, "dictionary": dictionary}
    typer.echo(
        json.dumps(result, ensure_ascii=False) if as_json else f"{out} : {len(found)} repères de {size:g} mm."
    )


@app.command("image")
def image(
    out: Annotated[Path, typer.Argument(help="Dossier des fichiers de la partition de démarrage.")],
    kind: Annotated[str, typer.Option(help="Genre de station.")],
    api_url: Annotated[str, typer.Option(help="Adresse du coordinateur.")],
    ca: Annotated[Path, typer.Option(help="Certificat de l'autorité du coordinateur (PEM).")],
    hostname: Annotated[str, typer.Option(help="Nom de la machine.")] = "station",
    tunnel: Annotated[
        Path | None, typer.Option(help="Fichier WireGuard de cette unité (add-peer.sh).")
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(help="Adresse de la passerelle du site, à la place d'un tunnel.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Prépare la carte d'une station : fichiers cloud-init pour Raspberry Pi OS, système en lecture seule."""
    from coordinator.modules.stations.kit import image as recipe

    try:
        own = tunnel.read_text(encoding="ascii") if tunnel else None
        written = recipe.write(
            out, kind, api_url, ca.read_text(encoding="ascii"), hostname, tunnel=own, gateway=gateway
        )
    except (OSError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    files = [str(path) for path in written]
    typer.echo(json.dumps({"files": files}) if as_json else "\n".join(files))
