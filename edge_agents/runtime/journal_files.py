"""Files of the journal: check at start, intact copy, rescue of a damaged database (EDG-51)."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Literal

NAME = "journal.db"
COPY = "journal.copy.db"
_SIDE_FILES = ("", "-wal", "-shm")
Recovery = Literal["intact", "new", "restored", "restarted"]


def prepare(directory: Path) -> Recovery:
    """Makes sure that a usable database stands in ``directory`` and tells how that was reached.

    "restored": the damaged file was moved to ``damaged/`` and the copy took its place, completed with every
    row that could still be read; "restarted": there was no usable copy either.
    """
    path = directory / NAME
    if not path.exists():
        return "new"
    if _intact(path):
        return "intact"
    aside = _move_aside(directory)
    copy = directory / COPY
    if copy.exists() and _intact(copy):
        shutil.copyfile(copy, path)
        _rescue(aside, path)
        return "restored"
    return "restarted"


def _intact(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as db:
            tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
            complete = {"message", "stream", "meta"} <= tables
            return complete and db.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    except sqlite3.Error:
        return False


def _move_aside(directory: Path) -> Path:
    target = directory / "damaged"
    target.mkdir(exist_ok=True)
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + f"-{os.getpid()}"
    for suffix in _SIDE_FILES:
        source = directory / (NAME + suffix)
        if source.exists():
            source.replace(target / f"journal-{stamp}.db{suffix}")
    return target / f"journal-{stamp}.db"


def _rescue(damaged: Path, path: Path) -> None:
    """Copies what can still be read from the damaged file behind what the copy already holds."""
    with closing(sqlite3.connect(path)) as db:
        rescued: list[tuple[object, ...]] = []
        try:
            with closing(sqlite3.connect(f"file:{damaged}?mode=ro", uri=True)) as source:
                for stream, last in db.execute("SELECT stream, last_seq FROM stream").fetchall():
                    query = "SELECT * FROM message WHERE stream=? AND seq>? ORDER BY seq"
                    for row in source.execute(query, (stream, last)):
                        rescued.append(row)
        except sqlite3.Error:
            pass
        for row in rescued:
            last = db.execute("SELECT last_seq FROM stream WHERE stream=?", (row[0],)).fetchone()[0]
            if row[1] != last + 1 or len(row) != 12:
                continue
            db.execute("INSERT OR IGNORE INTO message VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", row)
            db.execute("UPDATE stream SET last_seq=? WHERE stream=?", (row[1], row[0]))
        db.commit()


def backup(db: sqlite3.Connection, lock: threading.RLock, directory: Path) -> None:
    """Online copy, made durable before it replaces the previous one."""
    temporary = directory / (COPY + ".part")
    temporary.unlink(missing_ok=True)
    with lock, closing(sqlite3.connect(temporary)) as target:
        db.backup(target)
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(directory / COPY)
