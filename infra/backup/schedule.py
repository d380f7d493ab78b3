"""The nightly backup service: ``python -m infra.backup.schedule`` (``--probe`` is its health check)."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from coordinator.kernel.config import get_config
from infra.backup import service
from infra.backup.service import BackupPlace

MAX_AGE = timedelta(hours=26)
PROVE_EVERY = timedelta(days=30)
_STAMP = "usinage-%Y%m%dT%H%M%SZ"
log = logging.getLogger("usinage.backup")


def last_backup(target: Path) -> datetime | None:
    """Moment of the newest complete backup."""
    known = service.names(target)
    return datetime.strptime(known[0], _STAMP).replace(tzinfo=UTC) if known else None


def is_fresh(target: Path, now: datetime) -> bool:
    """Whether the newest backup is at most 26 hours old (OPS-33)."""
    last = last_backup(target)
    return last is not None and now - last <= MAX_AGE


def due(last: datetime | None, now: datetime, at: str) -> bool:
    """Whether the backup of the last ``at`` (HH:MM, UTC) is still to be made; a missed one is made up."""
    hour, minute = (int(part) for part in at.split(":"))
    planned = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if planned > now:
        planned -= timedelta(days=1)
    return last is None or last < planned


def proof_due(target: Path, now: datetime) -> bool:
    """Whether no backup was proved by a restore during the last 30 days."""
    proofs = sorted(target.glob("usinage-*/verified.json"))
    if not proofs:
        return bool(service.names(target))
    verified = datetime.fromisoformat(json.loads(proofs[-1].read_text())["verified_at"])
    return now - verified >= PROVE_EVERY


def place_from_environment() -> BackupPlace:
    """What the ``backup`` container saves; see docker-compose.yml."""
    config = get_config()
    return BackupPlace(
        database_url=config.database_url,
        files_dir=config.files_dir,
        target=Path(os.environ.get("BACKUP_TARGET", str(config.data_dir / "backups"))),
        key_file=Path(os.environ.get("BACKUP_KEY_FILE", str(config.secrets_dir / "backup_key"))),
        secrets_dir=config.secrets_dir,
    )


def night(place: BackupPlace) -> None:
    """One night's work: back up, purge by rule, and once a month prove the newest one."""
    made = service.create(place, kind="nightly")
    log.warning("sauvegarde %s terminée", made["name"])
    for gone in service.prune(place):
        log.warning("sauvegarde %s retirée (durée de conservation)", gone)
    if proof_due(place.target, datetime.now(UTC)):
        report = service.verify(place)
        log.warning(
            "sauvegarde %s prouvée : %s lignes, %s fichiers", report["name"], report["rows"], report["files"]
        )


def main(arguments: list[str] | None = None) -> int:
    """Entry of the service and of its probe."""
    parser = argparse.ArgumentParser(description="Sauvegarde de nuit.")
    parser.add_argument("--probe", action="store_true", help="0 si la dernière sauvegarde a moins de 26 h")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    place = place_from_environment()
    if options.probe:
        return 0 if is_fresh(place.target, datetime.now(UTC)) else 1
    at = os.environ.get("BACKUP_AT", "02:00")
    while True:
        try:
            if due(last_backup(place.target), datetime.now(UTC), at):
                night(place)
        except Exception:
            log.exception("la sauvegarde a échoué, nouvel essai dans une heure")
            time.sleep(3600)
        time.sleep(60)


if __name__ == "__main__":
    sys.exit(main())
