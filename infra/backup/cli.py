"""``usinage backup``: create, verify, restore, list, key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer

from coordinator.kernel.config import get_config
from infra.backup import crypto, service
from infra.backup.service import BackupPlace
from infra.embedded.errors import InfraError

app = typer.Typer(help="Sauvegardes : créer, vérifier, restaurer.", no_args_is_help=True)

Database = Annotated[str, typer.Option("--database", help="Adresse de la base (défaut : configuration).")]
Files = Annotated[Path | None, typer.Option("--files", help="Dossier des fichiers (défaut : configuration).")]
Secrets = Annotated[Path | None, typer.Option("--secrets", help="Dossier des clés à sauver à part.")]
Target = Annotated[Path | None, typer.Option("--target", help="Dossier des sauvegardes.")]
Key = Annotated[Path | None, typer.Option("--key", help="Fichier de la clé de chiffrement.")]
Name = Annotated[str | None, typer.Option("--name", help="Nom de la sauvegarde (défaut : la plus récente).")]
Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard.")]


def _place(
    database: str, files: Path | None, target: Path | None, key: Path | None, secrets: Path | None
) -> BackupPlace:
    config = get_config()
    url = database or config.database_url
    if not url:
        raise InfraError(
            "infra.no_database", "Adresse de la base inconnue : --database ou USINAGE_DATABASE_URL."
        )
    return BackupPlace(
        database_url=url,
        files_dir=files or config.files_dir,
        target=target or config.data_dir / "backups",
        key_file=key or config.secrets_dir / "backup_key",
        secrets_dir=secrets,
    )


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (InfraError, OSError, psycopg.Error) as error:
        typer.echo(str(error).strip(), err=True)
        raise typer.Exit(1) from error


def _say(result: dict[str, Any], text: str, as_json: bool) -> None:
    typer.echo(json.dumps(result, ensure_ascii=False) if as_json else text)


@app.command("create")
def create(
    *,
    database: Database = "",
    files: Files = None,
    target: Target = None,
    key: Key = None,
    secrets: Secrets = None,
    as_json: Json = False,
) -> None:
    """Crée une sauvegarde chiffrée de la base et des fichiers."""
    with _reported():
        made = service.create(_place(database, files, target, key, secrets or get_config().secrets_dir))
        rows = sum(table["rows"] for table in made["database"]["tables"].values())
        text = f"Sauvegarde {made['name']} : {rows} lignes, {made['files']['count']} fichiers."
        _say({name: value for name, value in made.items() if name != "seal"}, text, as_json)


@app.command("verify")
def verify(
    *,
    database: Database = "",
    files: Files = None,
    target: Target = None,
    key: Key = None,
    name: Name = None,
    as_json: Json = False,
) -> None:
    """Prouve une sauvegarde : restauration dans une base d'essai, comparaison, lecture de chaque fichier."""
    with _reported():
        report = service.verify(_place(database, files, target, key, None), name)
        text = f"Sauvegarde {report['name']} bonne : {report['rows']} lignes, {report['files']} fichiers."
        _say(report, text, as_json)


@app.command("restore")
def restore(
    *,
    database: Database = "",
    files: Files = None,
    target: Target = None,
    key: Key = None,
    name: Name = None,
    keys_to: Annotated[Path | None, typer.Option("--keys-to", help="Dossier vide où poser les clés.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Restaurer vraiment (sans : montre seulement).")] = False,
    as_json: Json = False,
) -> None:
    """Restaure une sauvegarde ; sans --yes, montre ce qui serait fait. L'ancienne base est gardée à côté."""
    with _reported():
        place = _place(database, files, target, key, None)
        if not yes:
            look = service.read_manifest(place, name)
            text = f"Serait restaurée : {look['name']} du {look['started_at']}. Ajoutez --yes pour restaurer."
            _say({"dry_run": True, "name": look["name"], "started_at": look["started_at"]}, text, as_json)
            return
        done = service.restore(place, name, keys_dir=keys_to)
        text = f"{done['name']} restaurée ; l'ancienne base reste sous le nom {done['kept_as']}."
        _say(done, text, as_json)


@app.command("list")
def list_backups(target: Target = None, as_json: Json = False) -> None:
    """Liste les sauvegardes complètes, la plus récente d'abord."""
    with _reported():
        found = service.names(target or get_config().data_dir / "backups")
        _say({"backups": found}, "\n".join(found) or "Aucune sauvegarde.", as_json)


@app.command("key")
def new_key(file: Annotated[Path, typer.Argument(help="Fichier à créer.")]) -> None:
    """Crée une clé de chiffrement ; gardez-en une copie hors du NAS."""
    with _reported():
        crypto.create_key(file)
        typer.echo(
            f"Clé créée : {file}. Sans elle, aucune sauvegarde ne s'ouvre : gardez-en une copie ailleurs."
        )
