"""``usinage update``: keys, packages, import, state of the roll-outs."""

from __future__ import annotations

import base64
import datetime as dt
import json
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Mises à jour signées.", no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help="Un document JSON sur la sortie standard.")]
_FOLDERS = ("edge_agents", "firmware_configs")
_LEFT_OUT = {"__pycache__", ".pytest_cache", ".mypy_cache"}


def _say(result: dict[str, Any], text: str, as_json: bool) -> None:
    typer.echo(json.dumps(result, ensure_ascii=False, default=str) if as_json else text)


def _fail(text: str) -> typer.Exit:
    typer.echo(text, err=True)
    return typer.Exit(1)


@app.command("key")
def key(
    file: Annotated[Path, typer.Argument(help="Fichier de la clé privée à créer.")], as_json: Json = False
) -> None:
    """Crée la clé d'un éditeur de paquets et montre sa partie publique."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if file.exists():
        raise _fail(f"{file} existe déjà.")
    private = Ed25519PrivateKey.generate()
    file.touch(mode=0o600)
    file.write_text(base64.b64encode(private.private_bytes_raw()).decode() + "\n", encoding="ascii")
    raw = private.public_key().public_bytes(form.Encoding.Raw, form.PublicFormat.Raw)
    public = base64.b64encode(raw).decode()
    _say({"public_key": public}, f"Clé publique : {public}", as_json)


@app.command("build")
def build(
    out: Annotated[Path, typer.Argument(help="Paquet à écrire.")],
    key_file: Annotated[Path, typer.Option("--key", help="Fichier de la clé privée.")],
    version: Annotated[str, typer.Option(help="Version a.b.c.")],
    kind: Annotated[str, typer.Option(help="software, model ou config.")] = "software",
    name: Annotated[str, typer.Option(help="Nom du logiciel, du modèle ou de la configuration.")] = "agent",
    source: Annotated[
        Path | None, typer.Option(help="Dossier (software, model) ou fichier YAML (config).")
    ] = None,
    station_kind: Annotated[list[str] | None, typer.Option(help="Genre de station ; répétable.")] = None,
    title: Annotated[str, typer.Option(help="Titre.")] = "",
    as_json: Json = False,
) -> None:
    """Construit un paquet signé ; sans --source, le logiciel des stations de cette installation."""
    import yaml

    from edge_agents.protocol import ProtocolError, package

    if kind not in ("software", "model", "config"):
        raise typer.BadParameter("software, model ou config")
    if source is None and kind != "software":
        raise typer.BadParameter("--source est nécessaire")
    try:
        private = base64.b64decode(key_file.read_text(encoding="ascii"), validate=False)
        config = yaml.safe_load((source or Path()).read_text(encoding="utf-8")) if kind == "config" else None
        files = {} if kind == "config" else _files(source, kind)
        manifest = package.build(
            out, private, kind=kind, name=name, version=version, built_at=dt.datetime.now(dt.UTC),  # type: ignore[arg-type]
            files=files, title=title, station_kinds=station_kind or [], config=config,
        )  # fmt: skip
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _fail(getattr(error, "detail", None) or str(error)) from None
    except ProtocolError as error:
        raise _fail(error.detail) from None
    result = {
        "file": str(out),
        "version": manifest.version,
        "files": len(manifest.files),
        "bytes": out.stat().st_size,
    }
    _say(result, f"{out} : version {version}, {len(manifest.files)} fichiers.", as_json)


def _files(source: Path | None, kind: str) -> dict[str, Path]:
    root = source or Path(__file__).resolve().parents[3]
    tops = [root / name for name in _FOLDERS if (root / name).is_dir()] if kind == "software" else [root]
    found = [p for top in tops for p in top.rglob("*") if p.is_file() and not _LEFT_OUT & set(p.parts)]
    return {p.relative_to(root).as_posix(): p for p in sorted(found)}


@app.command("trust")
def trust(name: Annotated[str, typer.Argument(help="Éditeur.")],
          public_key: Annotated[str, typer.Argument(help="Clé publique (base64).")], as_json: Json = False) -> None:  # fmt: skip
    """Accepte les paquets d'un éditeur (console du serveur)."""
    from coordinator.bootstrap import make_factory
    from coordinator.kernel.context import Principal
    from coordinator.kernel.errors import DomainError
    from coordinator.modules.stations import packages

    try:
        with make_factory().open(Principal.service("console")) as ctx:
            result = packages.trust(ctx, packages.PublisherParams(name=name, public_key=public_key))
    except DomainError as refusal:
        raise _fail(refusal.message()) from None
    _say(result, f"Éditeur accepté : {name}.", as_json)


@app.command("stick")
def stick(
    folder: Annotated[Path, typer.Argument(help="Racine de la clé USB.")],
    station: Annotated[
        list[str] | None, typer.Option(help="Code de station ; répétable ; sans : toutes.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Écrit sur une clé USB les mises à jour en cours, pour les stations sans liaison."""
    from coordinator.bootstrap import make_factory
    from coordinator.kernel.context import Principal
    from coordinator.modules.stations import sticks

    try:
        with make_factory().open(Principal.service("console")) as ctx:
            written = sticks.write(ctx, folder, set(station or []))
    except OSError as error:
        raise _fail(f"{folder} : écriture impossible ({error.strerror}).") from None
    if not written:
        raise _fail("Aucune mise à jour en cours pour ces stations : lancez d'abord le déploiement.")
    lines = [f"{row['station']} : {row['name']} {row['version']}" for row in written]
    _say(
        {"written": written},
        "\n".join([*lines, "Branchez la clé sur chaque station, attendez la fin de l'essai."]),
        as_json,
    )


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="Paquet signé.")],
    user: Annotated[
        str | None, typer.Option(help="E-mail de la personne qui importe (son droit est vérifié).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Importe un paquet de mise à jour signé."""
    from coordinator.bootstrap import make_factory
    from coordinator.kernel.context import Principal
    from coordinator.kernel.errors import DomainError
    from coordinator.modules.identity import api as people
    from coordinator.modules.stations import packages

    if not file.is_file():
        raise _fail(f"{file} : fichier absent.")
    try:
        with make_factory().open(Principal.service("console")) as ctx:
            if user is not None:
                ctx.act_as(people.principal_of_email(ctx, user))
            row = packages.import_package(ctx, file)
            result = {"id": row.id, "kind": row.kind, "name": row.name, "version": row.version, "sha256": row.sha256,
                      "status": row.status}  # fmt: skip
    except DomainError as refusal:
        raise _fail(refusal.message()) from None
    _say(result, f"Paquet {result['name']} {result['version']} vérifié et importé.", as_json)
