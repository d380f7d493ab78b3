"""The folder of a demo: one demo at a time, enough room, the rights to write; nothing of anybody else is touched."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import IO

from infra.demo.errors import DemoError

MIN_FREE_MB = 500
_MARK = ".usinage-demo"


class DemoFolder:
    """Takes a folder for one demo, and empties what a former demo left there.

    Raises ``DemoError``: ``demo.folder_rights``, ``demo.already_running``, ``demo.folder_foreign``, ``demo.disk_full``.
    """

    def __init__(self, path: Path, *, min_free_mb: int = MIN_FREE_MB) -> None:
        self.path = path.expanduser().absolute()
        self._min_free_mb = min_free_mb
        self._lock: IO[str] | None = None

    def take(self) -> None:
        """Lock and prepare the folder; on refusal nothing of it has changed."""
        existing = self.path
        while not existing.exists():
            existing = existing.parent
        free_mb = shutil.disk_usage(existing).free >> 20
        if free_mb < self._min_free_mb:
            raise DemoError(
                "demo.disk_full",
                f"Il ne reste que {free_mb} Mo sur le disque de {existing} : la démonstration en demande "
                f"{self._min_free_mb}. Libérez de la place ou choisissez un autre dossier (--folder).",
            )
        try:
            self._take()
        except OSError as error:
            self.release()
            if error.errno == errno.ENOSPC:
                raise DemoError("demo.disk_full", f"Le disque de {self.path} est plein.") from error
            raise DemoError(
                "demo.folder_rights",
                f"Impossible d'écrire dans {self.path} ({error.strerror}) : choisissez un dossier qui vous "
                "appartient (--folder).",
            ) from error

    def _take(self) -> None:
        foreign = self.path.exists() and not self.path.is_dir()
        if foreign or (self.path.is_dir() and any(self.path.iterdir()) and not (self.path / _MARK).exists()):
            raise DemoError(
                "demo.folder_foreign",
                f"{self.path} contient autre chose qu'une démonstration : choisissez un dossier vide (--folder).",
            )
        self.path.mkdir(parents=True, exist_ok=True)
        handle = (self.path / _MARK).open("a+", encoding="utf-8")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            owner = handle.read().strip()
            handle.close()
            who = f" (processus {owner})" if owner else ""
            raise DemoError(
                "demo.already_running",
                f"Une démonstration tourne déjà dans {self.path}{who} : arrêtez-la (Ctrl-C) ou choisissez un "
                "autre dossier (--folder).",
            ) from error
        self._lock = handle
        for entry in self.path.iterdir():
            if entry.name != _MARK:
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()

    def release(self) -> None:
        """Give the folder back; what is in it stays to be looked at."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._lock.truncate(0)
            self._lock.close()
            self._lock = None
