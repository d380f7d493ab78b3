"""Operations of the quote page."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from clients.desktop.model.api import ApiClient, Record
from clients.desktop.model.saving import save
from clients.desktop.operations.runner import Operation


def change(api: ApiClient, plural: str, record: Record, values: Record) -> Operation[Record]:
    """Type values over those of a line or an operation."""
    identity, version = int(record["id"]), int(record["row_version"])
    return Operation(f"update {plural}", lambda: api.update(plural, identity, values, version))


def act(
    api: ApiClient, plural: str, record: Record, action: str, params: Record, key: str
) -> Operation[Record]:
    """Run a command on a line, an operation or the quote as it is now."""
    identity = int(record["id"])
    return Operation(f"{action} {plural}", lambda: api.act(plural, identity, action, params, None, key))


def explain(api: ApiClient, quote_id: int, line_id: int) -> Operation[Record]:
    """How price, cost and blank of a line come about."""

    def call() -> Record:
        return dict(api.request("GET", f"/quotes/{quote_id}/explain", params={"line": line_id}).json())

    return Operation("explain quote", call)


def compare(api: ApiClient, quote_id: int, line_id: int) -> Operation[Record]:
    """Automatic beside manual."""

    def call() -> Record:
        return dict(api.request("GET", f"/quotes/{quote_id}/comparison", params={"line": line_id}).json())

    return Operation("compare quote", call)


def trade_forms(api: ApiClient) -> Operation[list[Record]]:
    """What may be typed for the work of other trades."""

    def call() -> list[Record]:
        return list(api.request("GET", "/quotes/trade-forms").json())

    return Operation("trade forms", call)


def fetch_inspection(api: ApiClient, quote: Record, line: Record) -> Operation[Path]:
    """The inspection sheet of a line, in a file of this session only the user can read."""

    def call() -> Path:
        path = f"/quotes/{int(quote['id'])}/inspection/pdf"
        content = api.request("GET", path, params={"line": int(line["id"])}).content
        return _kept(content, f"controle-{_safe(quote.get('number'))}-{line.get('line_no') or line['id']}")

    return Operation("inspection sheet", call)


def fetch_pdf(api: ApiClient, quote: Record) -> Operation[Path]:
    """The quote's paper, in a file of this session only the user can read."""

    def call() -> Path:
        content = api.request("GET", f"/quotes/{int(quote['id'])}/pdf").content
        return _kept(content, _safe(quote.get("number")))

    return Operation("quote pdf", call)


def exchange_out(api: ApiClient, quote: Record, target: Path) -> Operation[Path | None]:
    """Lines and operations for another quoting tool; ``None`` where the disk refuses the file."""
    kind = "json" if target.suffix.lower() == ".json" else "csv"

    def call() -> Path | None:
        path = f"/quotes/{int(quote['id'])}/exchange"
        content = api.request("GET", path, params={"format": kind}).content
        try:
            save(target, content)
        except OSError:
            return None
        return target

    return Operation("export quote", call)


def exchange_in(api: ApiClient, quote_id: int, path: Path, *, take_prices: bool) -> Operation[Record]:
    """Lines of another quoting tool as manual lines of the quote."""

    def call() -> Record:
        with path.open("rb") as stream:
            answer = api.request(
                "POST",
                f"/quotes/{quote_id}/exchange",
                files={"file": (path.name, stream)},
                data={"take_prices": str(take_prices).lower()},
            )
        return dict(answer.json())

    return Operation("import quote", call)


def _kept(content: bytes, name: str) -> Path:
    path = Path(tempfile.mkdtemp(prefix="devis-")) / f"{name}.pdf"
    save(path, content)
    return path


def _safe(name: Any) -> str:
    return "".join(c for c in str(name or "devis") if c.isalnum() or c in "-_") or "devis"
