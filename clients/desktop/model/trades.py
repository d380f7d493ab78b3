"""Work of other trades on a quote line: what is typed, checked for being numbers, as it is sent (QUO-42)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.formatting import AmbiguousNumber, InputError
from clients.desktop.model.texts import t

_WORDS = ("trade", "process", "label")


class TradeEntry:
    """One typed operation; which boxes it has comes from the server's form of its trade."""

    def __init__(self, form: Mapping[str, Any], values: Mapping[str, Any] | None = None) -> None:
        self.form = form
        given = dict(values or {})
        self.process = str(given.get("process") or next((p["value"] for p in form["processes"]), ""))
        self.label = str(given.get("label") or "")
        known = {f["name"] for f in form["fields"]}
        self.texts = {f["name"]: _shown(given.get(f["name"], f["default"])) for f in form["fields"]}
        self._kept = {k: v for k, v in given.items() if k not in known and k not in _WORDS}
        self.errors: dict[str, str] = {}

    def read(self) -> Record | None:
        """The entry as it is sent; ``None`` while a box is wrong, with the reason in :attr:`errors`."""
        self.errors = {}
        found: Record = {"trade": self.form["trade"], **self._kept}
        if self.process:
            found["process"] = self.process
        if self.label.strip():
            found["label"] = self.label.strip()
        for field in self.form["fields"]:
            text = self.texts[field["name"]].strip()
            if not text:
                if field["required"]:
                    self.errors[field["name"]] = t("input.required")
                continue
            try:
                value = formatting.parse_number(text)
            except (InputError, AmbiguousNumber) as error:
                self.errors[field["name"]] = str(error)
                continue
            if value <= 0:
                self.errors[field["name"]] = t("quote.trade_positive")
                continue
            found[field["name"]] = float(value)
        return None if self.errors else found


def _shown(value: Any) -> str:
    return "" if value is None else formatting.number(value)


def entries(forms: Sequence[Mapping[str, Any]], line: Mapping[str, Any]) -> list[TradeEntry]:
    """The operations a line has now."""
    by_trade = {form["trade"]: form for form in forms}
    return [
        TradeEntry(by_trade[one["trade"]], one)
        for one in line.get("trade_operations") or []
        if one.get("trade") in by_trade
    ]
