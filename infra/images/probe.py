"""Health probe of a container: ``probe.py http URL`` or ``probe.py database``."""

from __future__ import annotations

import os
import sys
import urllib.request
from pathlib import Path


def http(url: str) -> bool:
    """Whether an address answers 200 within four seconds."""
    if not url.startswith("http"):
        return False
    with urllib.request.urlopen(url, timeout=4) as answer:  # noqa: S310 - scheme checked above
        return bool(answer.status == 200)


def database() -> bool:
    """Whether the main process lives and its database answers."""
    import psycopg

    if not Path("/proc/1/cmdline").read_bytes():
        return False
    os.environ.setdefault("PGPASSFILE", "/tmp/.pgpass")  # noqa: S108 - private tmpfs of the container
    url = os.environ["USINAGE_DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def main(arguments: list[str]) -> int:
    """0 = healthy, 1 = not."""
    try:
        healthy = http(arguments[1]) if arguments[:1] == ["http"] else database()
    except Exception as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
