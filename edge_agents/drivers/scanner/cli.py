"""``usinage scan …``: reading codes from images without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Lecture de codes (QR, Data Matrix, codes-barres).")


@app.callback()
def _main() -> None:
    """Lecture de codes dans des images."""


@app.command("decode")
def decode(
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="Images à lire.")],
    as_json: Annotated[bool, typer.Option("--json", help="Écrit un seul document JSON.")] = False,
) -> None:
    """Lit les codes contenus dans des images."""
    from edge_agents.drivers.scanner.decode import decode_files

    results = decode_files(images)
    if as_json:
        typer.echo(json.dumps(results, ensure_ascii=False, indent=1))
    else:
        for entry in results:
            for code in entry["codes"]:
                typer.echo(f"{entry['file']}\t{code['symbology']}\t{code['text']}")
    failed = [entry["error"]["message"] for entry in results if "error" in entry]
    for message in failed:
        typer.echo(message, err=True)
    if failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
