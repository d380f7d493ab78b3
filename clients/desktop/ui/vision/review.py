"""The review queue of the cameras: two pictures, what was understood, one key for the usual answer (VIS-19, VIS-20).

The page begins at one detection and goes on with the next that waits, without leaving its tab.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QGridLayout, QLabel, QSpinBox

from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.metadata import Action
from clients.desktop.model.texts import t
from clients.desktop.operations import calls, vision_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.reference import ReferenceEdit
from clients.desktop.ui.sheet_view import SheetView, pairs
from clients.desktop.ui.vision.pictures import CabinetPicture
from clients.desktop.ui.widgets import button, card, label, row

_PLACES: WeakKeyDictionary[Desk, dict[int, int]] = WeakKeyDictionary()
"""How far the queue begun at a detection has come."""


class DetectionReviewView(SheetView):
    """What a camera saw, for a person to decide."""

    entities = ("vision_detection",)

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # The page around builds its tabs anew when its record changed: the place in the queue outlives that.
        self._first = self.record_id
        self.record_id = _PLACES.get(self.desk, {}).get(self._first, self._first)
        self.quantity: QSpinBox | None = None
        self.item: ReferenceEdit | None = None
        self.buttons: dict[str, Any] = {}
        for key, name in (
            ("Return", "confirm"),
            ("Enter", "confirm"),
            ("Delete", "reject"),
            ("F7", "count_again"),
        ):
            QShortcut(QKeySequence(key), self, partial(self.decide, name),
                      context=Qt.ShortcutContext.WidgetWithChildrenShortcut)  # fmt: skip
        for key, step in (("+", 1), ("-", -1)):
            QShortcut(QKeySequence(key), self, partial(self._step, step),
                      context=Qt.ShortcutContext.WidgetWithChildrenShortcut)  # fmt: skip
        QShortcut(QKeySequence("F8"), self, self.go_on, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        api, wanted = self.desk.api, self.record_id
        return lambda: vision_calls.review_sheet(api, wanted)

    def _fill(self, data: Mapping[str, Any]) -> None:
        record = data["record"]
        self._body.addLayout(self._head(record, int(data["total"])))
        pictures = data["pictures"]
        close = {m: pictures.get(f"crop_{m}") for m in ("before", "after")}
        has_crops = all(close.values())
        self._body.addLayout(
            self._pair(close if has_crops else pictures, None if has_crops else record.get("frame"))
        )
        frame, layout = card()
        self._decision(record, layout)
        self._body.addWidget(frame)
        if has_crops:
            self._body.addLayout(self._pair(pictures, record.get("frame")))
        facts, more = card()
        pairs(more, self._facts(record))
        self._body.addWidget(facts)
        self.setFocus()

    def _head(self, record: Record, total: int) -> Any:
        line = row()
        place = (record.get("storage_location") or {}).get("display") or "?"
        item = (record.get("stock_item") or {}).get("display") or t("vision.unknown_item")
        line.addWidget(label(f"{place} — {item}", "title"))
        line.addStretch()
        line.addWidget(label(t("vision.waiting", number=total), "muted"))
        return line

    def _pair(self, pictures: Mapping[str, bytes | None], frame: Any) -> QGridLayout:
        """Before and after side by side."""
        grid = QGridLayout()
        grid.setSpacing(2 * STEP)
        for column, moment in enumerate(("before", "after")):
            grid.addWidget(label(t(f"vision.{moment}"), "heading"), 0, column)
            picture = CabinetPicture(
                t(f"vision.{moment}"), pictures.get(moment), frame, withheld=not self.entity.may("validate")
            )
            grid.addWidget(picture, 1, column)
        return grid

    def _decision(self, record: Record, layout: Any) -> None:
        understood = QLabel(t("vision.understood", delta=f"{int(record['delta']):+d}", before=_text(record, "count_before"),
                              after=_text(record, "count_after")))  # fmt: skip
        understood.setProperty("kind", "heading")
        layout.addWidget(understood)
        why = reasons(record.get("reason"))
        if why:
            layout.addWidget(label(why, "muted", wrap=True))
        allowed = set(record.get("allowed_actions") or [])
        self.quantity = self.item = None
        if "confirm" in allowed:
            layout.addLayout(self._correction(record))
        acts = row()
        self.buttons = {}
        for name, kind, sign in (
            ("confirm", "primary", "check"),
            ("reject", "danger", "close"),
            ("count_again", "", "refresh"),
        ):
            action = self._action(name)
            if name in allowed and action is not None:
                made = button(
                    t(f"vision.key.{name}", label=action.label), kind, sign, partial(self.decide, name)
                )
                acts.addWidget(made)
                self.buttons[name] = made
        acts.addStretch()
        acts.addWidget(button(t("vision.next"), "flat", "right", self.go_on))
        layout.addLayout(acts)

    def _correction(self, record: Record) -> Any:
        """What the person says instead; only for who may confirm."""
        line = row()
        self.quantity = QSpinBox()
        self.quantity.setRange(-1000, 1000)
        self.quantity.setValue(int(record["delta"]))
        self.quantity.setPrefix("+" if int(record["delta"]) > 0 else "")
        self.quantity.valueChanged.connect(self._signed)
        self.quantity.setAccessibleName(t("vision.quantity"))
        line.addWidget(label(t("vision.quantity"), "muted"))
        line.addWidget(self.quantity)
        field = self.field_of("vision_detection", "stock_item_id")
        self.item = ReferenceEdit(self.desk, field) if field is not None and field.target else None
        if self.item is not None:
            self.item.setPlaceholderText(t("vision.other_item"))
            line.addWidget(self.item, 1)
        return line

    def _facts(self, record: Record) -> list[tuple[str, str] | None]:
        names = (
            "confidence_pct",
            "method",
            "detected_at",
            "diameter_mm",
            "model",
            "status",
        )
        known = record.get("circumstances") or {}
        told = [
            (t(f"vision.fact.{n}"), str(known[n])) for n in ("station", "person", "operation") if known.get(n)
        ]
        return [*told, *(self.figure("vision_detection", name, record) for name in names)]

    def _action(self, name: str) -> Action | None:
        return next((one for one in self.entity.actions if one.name == name), None)

    def _signed(self, value: int) -> None:
        if self.quantity is not None:
            self.quantity.setPrefix("+" if value > 0 else "")

    def _step(self, step: int) -> None:
        if self.quantity is not None:
            self.quantity.setValue(self.quantity.value() + step)

    def decide(self, name: str) -> None:
        """Send the answer; the next waiting detection follows."""
        record, action = self.data.get("record"), self._action(name)
        if (
            record is None
            or action is None
            or name not in (record.get("allowed_actions") or [])
            or self._loading
        ):
            return
        params: Record = {}
        if name == "confirm":
            if self.quantity is not None and self.quantity.value() != int(record["delta"]):
                params["delta"] = self.quantity.value()
            chosen = self.item.value if self.item is not None else None
            if chosen is not None and chosen != record.get("stock_item_id"):
                params["stock_item_id"] = chosen
        self._loading = True
        # Before the answer: the live message of this very act may rebuild the page first.
        self._place(self._next())
        operation = calls.run_action(self.desk.api, self.entity, record, action, params, uuid4().hex)
        self.desk.runner.run(operation, lambda _: self._done(), self._failed, owner=self)

    def _done(self) -> None:
        self._loading = False
        self.go_on()

    def _failed(self, error: ApiError) -> None:
        self._loading = False
        self._place(self.record_id)
        self.banner.show_text(error.detail, "danger", (t("retry"), self.load))

    def go_on(self) -> None:
        """The oldest waiting detection after this one; when none is left, this one again as it is now."""
        self.record_id = self._next()
        self._place(self.record_id)
        self.load()

    def _next(self) -> int:
        queue = [int(one) for one in self.data.get("waiting") or []]
        here = queue.index(self.record_id) if self.record_id in queue else -1
        others = [one for one in queue[here + 1 :] + queue[: here + 1] if one != self.record_id]
        return (others or [self.record_id])[0]

    def _place(self, record_id: int) -> None:
        _PLACES.setdefault(self.desk, {})[self._first] = record_id


def reasons(codes: str | None) -> str:
    """Words for the reasons of a detection, as the station and the stock's rules name them."""
    found = [code.strip() for code in (codes or "").split(",") if code.strip()]
    words = [(code, t(f"vision.reason.{code}")) for code in found]
    return " · ".join(code if text == f"vision.reason.{code}" else text for code, text in words)


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    return "?" if value is None else str(value)
