"""Write the first schema of the history from the declared tables.

Used until the first release; afterwards every change is a revision of its own.
"""

from __future__ import annotations

from pathlib import Path

from coordinator.migrations.ddl import statements

TARGET = Path(__file__).resolve().parent / "versions" / "0001_baseline.sql"
SEPARATOR = "\n-- next --\n"


def script() -> str:
    """The whole schema as one text."""
    return (
        SEPARATOR.join("\n".join(line.rstrip() for line in s.strip().splitlines()) for s in statements())
        + "\n"
    )


if __name__ == "__main__":
    TARGET.write_text(script(), encoding="utf-8")
