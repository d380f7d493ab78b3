"""The cabinets at a glance: how far the cameras may be trusted, place by place; nothing per person (VIS-22, 25, 26, 30)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QFrame, QGridLayout, QVBoxLayout, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.metadata import Choice, Field
from clients.desktop.model.texts import t, tn
from clients.desktop.operations import vision_calls
from clients.desktop.operations.runner import Operation
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.vision.kept import kept_card
from clients.desktop.ui.vision.review import reasons
from clients.desktop.ui.watch_page import WatchPage
from clients.desktop.ui.widgets import Badge, button, card, clear, label, row

_COLUMNS = 3
_MODES = {"shadow": "neutral", "review": "warning", "auto": "success"}


class CabinetsPage(WatchPage):
    """Scores first, then stations, places and what their cameras said last."""

    title_key = "cabinets.title"
    sign = "stock"
    entities = frozenset({"vision_detection", "vision_count", "ai_model", "storage_location"})
    again_ms = 60_000

    def __init__(self, desk: Any) -> None:
        self.place_id: int | None = None
        self.answers: QVBoxLayout | None = None
        super().__init__(desk)

    def _operation(self) -> Operation[Any]:
        return vision_calls.dashboard(self._desk.api)

    def _fill(self, found: Mapping[str, Any]) -> None:
        self.count.setText(tn("cabinets.waiting", int(found["waiting"])))
        self._body.addLayout(self._scores(found))
        if not found["stations"]:
            self._body.addWidget(label(t("cabinets.none"), "muted", wrap=True))
        grid = QGridLayout()
        grid.setSpacing(4 * STEP)
        for place, station in enumerate(found["stations"]):
            grid.addWidget(self._station(station), place // _COLUMNS, place % _COLUMNS)
        for place in range(_COLUMNS):
            grid.setColumnStretch(place, 1)
        self._body.addLayout(grid)
        self._body.addWidget(self._places(found["places"]))
        frame, self.answers = card()
        self._body.addWidget(frame)
        frame.setVisible(False)
        if self.place_id is not None:
            self.open_place(self.place_id)
        line = row(spacing=4 * STEP)
        line.addWidget(self._calibration(found["calibration"]), 1)
        line.addWidget(self._models(found["models"]), 1)
        self._body.addLayout(line)
        self._body.addWidget(kept_card(self._desk, found["retention"]))

    # parts ----------------------------------------------------------------------------------------------------

    def _scores(self, found: Mapping[str, Any]) -> QGridLayout:
        right = found["accuracy"]
        figures = [
            ("autonomy", percent(found["autonomy_pct"]), t("cabinets.autonomy.help", number=found["closed"])),
            ("accuracy", percent(right["event_pct"]), t("cabinets.accuracy.help", number=right["reviewed"])),
            ("quantity", percent(right["quantity_pct"]), t("cabinets.quantity.help")),
            ("item", percent(right["item_pct"]), t("cabinets.item.help")),
            ("order", percent(right["order_pct"]), t("cabinets.order.help")),
            (
                "unusable",
                percent(found["unusable_pct"]),
                t("cabinets.unusable.help", number=found["unusable"]),
            ),
        ]
        grid = QGridLayout()
        grid.setSpacing(3 * STEP)
        for place, (name, value, words) in enumerate(figures):
            frame, inner = card()
            inner.addWidget(label(t(f"cabinets.{name}"), "muted"))
            inner.addWidget(label(value, "figure"))
            inner.addWidget(label(words, "muted", wrap=True))
            inner.addStretch()
            grid.addWidget(frame, 0, place)
            grid.setColumnStretch(place, 1)
        return grid

    def _station(self, station: Mapping[str, Any]) -> QWidget:
        frame, inner = card()
        head = row()
        entity = self._desk.metadata.entities.get("station")
        name = str(station["name"])
        if entity is not None:
            opens = partial(self._desk.open_record, entity, int(station["id"]))
            head.addWidget(button(name, "link", on_click=opens), 1)
        else:
            head.addWidget(label(name, "section"), 1)
        if not station["is_activated"]:
            head.addWidget(Badge(t("cabinets.not_activated"), "warning", "alert"))
        inner.addLayout(head)
        counted = station["last_count_at"]
        facts = [
            ("events", formatting.number(station["events"], 0)),
            ("auto", percent(station["auto_pct"])),
            ("corrected", percent(station["corrected_pct"])),
            ("autonomy", percent(station["autonomy_pct"])),
            ("unusable_share", percent(station["unusable_pct"])),
            ("sharpness", _figure(station["sharpness"])),
            ("brightness", _figure(station["brightness"])),
            ("last_count", t("cabinets.counted", date=formatting.instant(counted), number=station["last_count_differences"])
             if counted else t("cabinets.never")),
            ("model", station["model"] or t("cabinets.no_model")),
            ("trend", trend_words(station["trend"])),
        ]  # fmt: skip
        for key, value in facts:
            line = row()
            title = label(t(f"cabinets.{key}"), "muted")
            title.setFixedWidth(theme.scaled(150))
            line.addWidget(title)
            line.addWidget(label(value, wrap=True), 1)
            inner.addLayout(line)
        inner.addStretch()
        return frame

    def _places(self, places: list[Record]) -> QFrame:
        frame, inner = card()
        inner.addWidget(label(t("cabinets.places"), "section"))
        if not places:
            inner.addWidget(label(t("cabinets.no_places"), "muted"))
            return frame
        modes = tuple(Choice(m, t(f"cabinets.mode.{m}"), tone) for m, tone in _MODES.items())
        columns = [
            Field("code", t("cabinets.place"), "text"),
            Field("mode", t("cabinets.mode"), "choice", choices=modes),
            Field("events", t("cabinets.events"), "integer"),
            Field("reviewed", t("cabinets.reviewed"), "integer"),
            Field("right_pct", t("cabinets.right"), "decimal", unit="%", decimals=1),
            Field("waiting", t("cabinets.open_reviews"), "integer"),
            Field("next", t("cabinets.next"), "text"),
        ]
        rows = [{**one, "next": next_step(one)} for one in places]
        table = StaticTable(columns, rows, "next")
        table.clicked.connect(lambda index: self.open_place(int(places[index.row()]["id"])))
        inner.addWidget(table)
        inner.addWidget(label(t("cabinets.places.help"), "muted"))
        return frame

    def open_place(self, place_id: int) -> None:
        """Show what the camera last said of a place, and what a person answered."""
        self.place_id = place_id
        self._desk.runner.run(
            vision_calls.place_answers(self._desk.api, place_id),
            self._show_answers,
            self._show_error,
            owner=self,
        )

    def _show_answers(self, rows: list[Record]) -> None:
        if self.answers is None:
            return
        clear(self.answers)
        place = (rows[0].get("storage_location") or {}).get("display") if rows else ""
        self.answers.addWidget(label(t("cabinets.answers", place=place), "section"))
        entity = self._desk.entity("vision_detection")
        status = entity.field("status")
        columns = [
            Field("detected_at", t("cabinets.at"), "datetime"),
            Field("seen_delta", t("cabinets.seen"), "integer"),
            Field("confidence_pct", t("cabinets.confidence"), "decimal", unit="%", decimals=0),
            *([status] if status else []),
            Field("delta", t("cabinets.answered"), "integer"),
            Field("words", t("cabinets.why"), "text"),
        ]
        kept = {"rejected": 0, "to_confirm": None, "shadow": None}
        shown = [
            {**one, "words": reasons(one.get("reason")), "delta": kept.get(str(one["status"]), one["delta"])}
            for one in rows
        ]
        table = StaticTable(columns, shown, "words")

        def open_row(index: QModelIndex) -> None:
            self._desk.open_record(entity, int(rows[index.row()]["id"]))

        table.doubleClicked.connect(open_row)
        self.answers.addWidget(table)
        if not rows:
            self.answers.addWidget(label(t("cabinets.no_answers"), "muted"))
        holder = self.answers.parentWidget()
        if holder is not None:
            holder.setVisible(True)

    def _calibration(self, found: Mapping[str, Any]) -> QFrame:
        frame, inner = card()
        inner.addWidget(label(t("cabinets.calibration"), "section"))
        if not found["reviewed"]:
            inner.addWidget(label(t("cabinets.no_calibration"), "muted", wrap=True))
            return frame
        inner.addWidget(
            label(
                t("cabinets.calibration.help", error=formatting.number(found["error_pct"], 1)),
                "muted",
                wrap=True,
            )
        )
        columns = [
            Field("band", t("cabinets.stated"), "text"),
            Field("reviewed", t("cabinets.reviewed"), "integer"),
            Field("stated_pct", t("cabinets.stated_mean"), "decimal", unit="%", decimals=1),
            Field("right_pct", t("cabinets.right"), "decimal", unit="%", decimals=1),
        ]
        rows = [
            {**band, "band": f"{band['from']:g} – {band['to']:g} %"}
            for band in found["bands"]
            if band["reviewed"]
        ]
        inner.addWidget(StaticTable(columns, rows, "band"))
        return frame

    def _models(self, models: list[Record]) -> QFrame:
        frame, inner = card()
        inner.addWidget(label(t("cabinets.models"), "section"))
        if not models:
            inner.addWidget(label(t("cabinets.no_models"), "muted", wrap=True))
        entity = self._desk.metadata.entities.get("ai_model")
        for model in models:
            line = row()
            words = f"{model['name']} {model['version']}"
            if entity is not None and model["id"] is not None:
                line.addWidget(
                    button(words, "link", on_click=partial(self._desk.open_record, entity, int(model["id"])))
                )
            else:
                line.addWidget(label(words))
            line.addWidget(label(", ".join(model["stations"]), "muted", wrap=True), 1)
            if not model["is_approved"]:
                line.addWidget(Badge(t("cabinets.not_approved"), "warning", "alert"))
            inner.addLayout(line)
        inner.addStretch()
        return frame


def percent(value: Any) -> str:
    """Percentage with one decimal; a dash where nothing is known yet."""
    return "—" if value is None else f"{formatting.number(value, 1)} %"


def _figure(value: Any) -> str:
    return "—" if value is None else formatting.number(value, 0)


def trend_words(weeks: list[Record]) -> str:
    """Confidence of the last four weeks, oldest first."""
    return " → ".join(percent(week["confidence_pct"]) for week in weeks[-4:]) or "—"


def next_step(place: Mapping[str, Any]) -> str:
    """What a place lacks for posting alone, or that it may."""
    if place["mode"] == "auto":
        return t("cabinets.next.auto")
    if place["is_ready"]:
        return t("cabinets.next.ready")
    missing = max(0, int(place["least"]) - int(place["reviewed"]))
    return tn("cabinets.next.missing", missing) if missing else t("cabinets.next.wrong")
