"""Committed contracts: OpenAPI, permission list. Regenerated and compared, so that no change of them is silent."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "contracts"


def _openapi() -> dict[str, Any]:
    from sqlalchemy import create_engine

    from coordinator.bootstrap import registry
    from coordinator.gateway.app import create_app
    from coordinator.kernel.config import Config
    from coordinator.kernel.context import ContextFactory
    from coordinator.kernel.db import make_session_factory

    engine = create_engine("postgresql+psycopg://")
    config = Config(database_url="postgresql+psycopg://")
    return create_app(ContextFactory(make_session_factory(engine), registry(), config)).openapi()


def _one_line_each(document: dict[str, Any]) -> str:
    """JSON with one path or schema a line: short enough to keep, fine enough to compare."""

    def compact(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def block(values: dict[str, Any]) -> str:
        return "{\n" + ",\n".join(f"{compact(k)}:{compact(v)}" for k, v in sorted(values.items())) + "\n}"

    parts = [f'"{k}":{compact(v)}' for k, v in sorted(document.items()) if k not in {"components", "paths"}]
    parts.append(f'"paths":{block(document["paths"])}')
    parts.append(f'"components":{{"schemas":{block(document["components"]["schemas"])}}}')
    return "{" + ",\n".join(parts) + "}\n"


def documents() -> dict[str, str]:
    """Name → content of every committed contract of the coordinator."""
    from coordinator.bootstrap import registry

    return {
        "openapi.json": _one_line_each(_openapi()),
        "permissions.json": json.dumps(registry().permissions(), indent=1) + "\n",
    }


def main(arguments: list[str]) -> int:
    """``--check`` compares, ``--write`` rewrites. Exit code 1 on a difference."""
    current = documents()
    if "--write" in arguments:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, text in current.items():
            (FOLDER / name).write_text(text)
        return 0
    different = [
        n for n, text in current.items() if not (FOLDER / n).exists() or (FOLDER / n).read_text() != text
    ]
    for name in different:
        sys.stderr.write(
            f"docs/contracts/{name} ne correspond plus au code : « make openapi », puis relisez la différence.\n"
        )
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
