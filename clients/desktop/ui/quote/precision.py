"""How right the quotes were: automatic share, jobs whose real time came near the quoted one, and those that did not (QUO-44)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clients.desktop.model import formatting
from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.widgets import Badge, card, column, label, row


class PrecisionView(SheetView):
    """Tab of a learned factor: what the learning is to bring about."""

    entities = ("learning_factor", "quote")

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return lambda: dict(self.desk.api.request("GET", "/quotes/precision").json())

    def _fill(self, data: Mapping[str, Any]) -> None:
        frame, layout = card()
        line = row(spacing=10 * STEP)
        self._share(line, "quote.precision_automatic", data, "automatic", count=data.get("quotes"))
        self._share(line, "quote.precision_near", data, "near", count=data.get("jobs"))
        line.addStretch()
        layout.addLayout(line)
        layout.addWidget(
            label(t("quote.precision_hint", gap=formatting.number(data["gap_limit_pct"])), "muted", wrap=True)
        )
        self._body.addWidget(frame)
        if data.get("worst"):
            self._jobs(data["worst"])

    @staticmethod
    def _share(line: Any, key: str, data: Mapping[str, Any], name: str, count: Any) -> None:
        value, target = data.get(f"{name}_pct"), formatting.number(data[f"{name}_target_pct"])
        block = column(spacing=STEP)
        block.addWidget(label(t(key), "label"))
        shown = "—" if value is None else f"{formatting.number(value, 1)} %"
        block.addWidget(label(shown, "heading"))
        block.addWidget(label(t("quote.precision_of", count=count, target=target), "muted"))
        reached = data.get(f"{name}_reached")
        if reached is not None:
            words = t("quote.precision_reached") if reached else t("quote.precision_missed")
            block.addWidget(
                Badge(words, "success" if reached else "warning", "check" if reached else "alert")
            )
        line.addLayout(block)

    def _jobs(self, worst: list[Mapping[str, Any]]) -> None:
        frame, layout = card()
        layout.addWidget(label(t("quote.precision_worst"), "section"))
        for job in worst:
            words = t(
                "quote.precision_job",
                job=job["job"],
                estimated=formatting.number(job["estimated_min"], 2),
                real=formatting.number(job["real_min"], 2),
                gap=formatting.number(job["gap_pct"], 1),
            )
            layout.addWidget(label(words, wrap=True))
        self._body.addWidget(frame)
