"""Tab « Seuils » of a station: from which confidence its cameras post alone, level by level, with where each value comes from (VIS-14)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLineEdit, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.errors import ApiError
from clients.desktop.model.formatting import InputError, parse_number
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t
from clients.desktop.operations import machine_calls, station_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.widgets import button, card, label, restyle, row

_NAMES = ("auto_pct", "review_pct")


class PercentEdit(QWidget):
    """One threshold of one level: typed, or empty for what it inherits; what is wrong stands under it."""

    def __init__(self, shown: Mapping[str, Any], title: str, *, may: bool) -> None:
        super().__init__()
        self.own = shown["own"]
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setVerticalSpacing(STEP // 2)
        layout.setHorizontalSpacing(STEP)
        self.control = QLineEdit("" if self.own is None else number(self.own))
        self.control.setPlaceholderText(number(shown["value"]))
        self.control.setAccessibleName(title)
        self.control.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.control.setFixedWidth(theme.scaled(72))
        self.control.setReadOnly(not may)
        layout.addWidget(self.control, 0, 0)
        layout.addWidget(label("%", "muted"), 0, 1)
        comes = t("threshold.own") if self.own is not None else t("threshold.from", source=shown["from"])
        self.source = label(comes, "muted", wrap=True)
        layout.addWidget(self.source, 0, 2)
        layout.setColumnStretch(2, 1)
        self.wrong = label("", "error", wrap=True)
        self.wrong.hide()
        layout.addWidget(self.wrong, 1, 0, 1, 3)
        self.control.textEdited.connect(lambda _text: self.refuse(""))

    def value(self) -> str | None:
        """What was typed, ``None`` to inherit. Raises ``InputError``."""
        text = self.control.text().replace("%", "").strip()
        return None if not text else str(parse_number(text))

    def is_changed(self) -> bool:
        """Whether something else than before is said. Raises ``InputError``."""
        value = self.value()
        if value is None or self.own is None:
            return value is not self.own
        return Decimal(value) != Decimal(self.own)

    def refuse(self, words: str) -> None:
        """Say what is wrong; nothing where it is right."""
        self.wrong.setText(words)
        self.wrong.setVisible(bool(words))
        restyle(self.control, "wrong", "true" if words else "false")


class ThresholdsView(SheetView):
    """Levels, places, decisions; what is being typed is not taken away by somebody else's change."""

    entities = ("vision_threshold", "setting", "station_config")
    reason: QLineEdit | None = None

    def load(self) -> None:
        """Read again, unless somebody is typing."""
        if not self._typed():
            super().load()

    def _typed(self) -> bool:
        return self.reason is not None and (bool(self.reason.text()) or any(
            edit.control.isModified() for pair in self.edits.values() for edit in pair.values()
        ))  # fmt: skip

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return machine_calls.read(self.desk.api, f"/stations/{self.record_id}/thresholds")

    def _fill(self, data: Mapping[str, Any]) -> None:
        self.edits: dict[tuple[str, str], dict[str, PercentEdit]] = {}
        self._sent: list[dict[str, Any]] = []
        self.reason = None
        if not data["has_camera"]:
            self._body.addWidget(label(t("threshold.no_camera"), "muted", wrap=True))
            return
        if not data["is_sent"]:
            self.banner.show_text(t("threshold.not_sent"), "info")
        may = self.entity.may("update")
        self._body.addWidget(self._levels(data, may=may))
        self._body.addWidget(self._places(data))
        self._body.addWidget(self._history(data))

    def _levels(self, data: Mapping[str, Any], *, may: bool) -> QWidget:
        frame, inner = card()
        inner.addWidget(label(t("threshold.title"), "section"))
        least = {name: number(data["least"][name]) for name in _NAMES}
        inner.addWidget(label(t("threshold.help", auto=least["auto_pct"], review=least["review_pct"]), "muted", wrap=True))  # fmt: skip
        grid = QGridLayout()
        grid.setHorizontalSpacing(6 * STEP)
        grid.setVerticalSpacing(2 * STEP)
        for place, name in enumerate(("level", *_NAMES)):
            grid.addWidget(label(t(f"threshold.column.{name}"), "label"), 0, place)
        used = [
            one for one in data["rows"] if one["is_used"] or any(one[n]["own"] is not None for n in _NAMES)
        ]
        rest = [one for one in data["rows"] if one not in used]
        self.rest: list[QWidget] = []
        for line, one in enumerate([*used, *rest], start=1):
            made = self._row(grid, line, one, may=may)
            if one in rest:
                self.rest += made
        for place, stretch in enumerate((2, 3, 3)):
            grid.setColumnStretch(place, stretch)
        inner.addLayout(grid)
        if rest:
            for widget in self.rest:
                widget.hide()
            line_ = row()
            self.more = button(t("threshold.more", number=len(rest)), "link", on_click=self._unfold)
            line_.addWidget(self.more)
            line_.addStretch()
            inner.addLayout(line_)
        if may:
            inner.addLayout(self._sending())
        return frame

    def _row(self, grid: QGridLayout, line: int, one: Mapping[str, Any], *, may: bool) -> list[QWidget]:
        name = label(str(one["label"]), wrap=True)
        grid.addWidget(name, line, 0, Qt.AlignmentFlag.AlignTop)
        pair = {
            n: PercentEdit(one[n], f"{one['label']} – {t(f'threshold.column.{n}')}", may=may) for n in _NAMES
        }
        for place, edit in enumerate(pair.values(), start=1):
            grid.addWidget(edit, line, place, Qt.AlignmentFlag.AlignTop)
        self.edits[str(one["scope"]), str(one["kind"])] = pair
        return [name, *pair.values()]

    def _unfold(self) -> None:
        hidden = self.rest[0].isHidden()
        for widget in self.rest:
            widget.setVisible(hidden)
        self.more.setVisible(False)

    def _sending(self) -> Any:
        line = row()
        self.reason = QLineEdit()
        self.reason.setPlaceholderText(t("threshold.reason"))
        self.reason.setAccessibleName(t("threshold.reason"))
        self.reason.setMaxLength(300)
        line.addWidget(self.reason, 1)
        line.addWidget(button(t("threshold.send"), "primary", on_click=self.send))
        return line

    def send(self) -> None:
        """Send the levels that were changed, with the reason."""
        assert self.reason is not None  # noqa: S101 — the button stands beside it
        self.banner.clear_text()
        changes: list[dict[str, Any]] = []
        readable = True
        for (scope, kind), pair in self.edits.items():
            for edit in pair.values():
                try:
                    edit.value()
                except InputError as error:
                    edit.refuse(str(error))
                    readable = False
            if readable and any(edit.is_changed() for edit in pair.values()):
                changes.append({"scope": scope, "kind": kind, **{n: pair[n].value() for n in _NAMES}})
        if not readable or not changes:
            self.banner.show_text(t("driver.mend" if not readable else "driver.no_change"), "warning")
            return
        if len(self.reason.text().strip()) < 3:
            self.banner.show_text(t("threshold.reason_needed"), "warning")
            self.reason.setFocus()
            return
        self._sent = changes
        call = station_calls.set_thresholds(
            self.desk.api, self.record_id, changes, self.reason.text().strip()
        )
        self.desk.runner.run(call, lambda _answer: self._done(), self.refused, owner=self)

    def refused(self, error: ApiError) -> None:
        """Each refused value says so at its place; the rest above."""
        rest = []
        for path, words in error.fields.items():
            parts = path.split(".")
            known = len(parts) == 3 and parts[0] == "changes" and parts[1].isdigit() and parts[2] in _NAMES
            one = self._sent[int(parts[1])] if known else None
            if one is None:
                rest.append(words)
                continue
            edit = self.edits[one["scope"], one["kind"]][parts[2]]
            edit.refuse(words)
            if edit.isHidden():
                self._unfold()
        self.banner.show_text(" ".join([error.detail, *rest]), "danger")

    def _done(self) -> None:
        self.desk.message.emit(t("threshold.done"), "success")
        self.reason = None
        self.load()

    def _places(self, data: Mapping[str, Any]) -> QWidget:
        frame, inner = card()
        inner.addWidget(label(t("threshold.places"), "section"))
        rows = [
            {"place": one["place"], "item": one["item"] or "—", **{n: one[n]["value"] for n in _NAMES},
             "source": " · ".join(dict.fromkeys(one[n]["from"] for n in _NAMES))}
            for one in data["places"]
        ]  # fmt: skip
        if not rows:
            inner.addWidget(label(t("threshold.no_places"), "muted", wrap=True))
            return frame
        texts = [Field(n, t(f"threshold.column.{n}"), "text") for n in ("place", "item", "source")]
        inner.addWidget(StaticTable([*texts[:2], *_percents(), texts[2]], rows, "source"))
        return frame

    def _history(self, data: Mapping[str, Any]) -> QWidget:
        frame, inner = card()
        inner.addWidget(label(t("threshold.history"), "section"))
        if not data["history"]:
            inner.addWidget(label(t("threshold.no_history"), "muted", wrap=True))
            return frame
        texts = {n: Field(n, t(f"threshold.column.{n}"), "text") for n in ("level", "by", "reason")}
        columns = [Field("at", t("threshold.column.at"), "datetime"), texts["level"], *_percents(), texts["by"], texts["reason"]]  # fmt: skip
        inner.addWidget(StaticTable(columns, list(data["history"]), "reason"))
        return frame


def _percents() -> list[Field]:
    return [Field(n, t(f"threshold.column.{n}"), "decimal", unit="%", decimals=1) for n in _NAMES]


def number(value: Any) -> str:
    """A percentage as a person types it."""
    text = formatting.number(value, 2)
    return text.rstrip("0").rstrip(",.") if "," in text or "." in text else text
