"""Goods receipt in one act: scan the label, look at what it proposes, confirm (CRM-38, CRM-49)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

from PySide6.QtCore import Qt
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QCheckBox, QComboBox, QFileDialog, QFormLayout, QLabel, QLineEdit, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.texts import t, tn
from clients.desktop.operations import receipt_calls
from clients.desktop.operations.runner import Operation
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.receipts.scan_line import ScanLine
from clients.desktop.ui.watch_page import WatchPage
from clients.desktop.ui.widgets import Banner, button, card, clear, column, label, row

_TEXTS = ("supplier_lot", "heat_number", "certificate_number", "delivery_note")
_SAID = {
    "supplier_lot": "lot",
    "heat_number": "heat_number",
    "certificate_number": "certificate_number",
    "delivery_note": "delivery_note",
}
_PICTURE_PX = 120
_CONFIRMS = {
    "purchase.excess": "confirm_excess",
    "label.unknown_part": "tie_part",
    "label.received_alike": "another_package",
}


def _typed(value: Any) -> str:
    """A number of the server as somebody would type it."""
    text = str(value if value is not None else "").replace(".", ",")
    # Three places after one comma could be thousands: a fourth says they are not.
    return text + "0" if re.fullmatch(r"\d{1,3},\d{3}", text) else text


def _goods(line: Record) -> str:
    """« 2,5 × Carton sans étiquette »"""
    named = (line.get("stock_item") or {}).get("display") or line.get("description") or "?"
    return f"{formatting.number(line['quantity'])} × {named}"


def _picture(content: bytes) -> QLabel:
    shown, pixmap = QLabel(), QPixmap()
    if pixmap.loadFromData(content):
        side = theme.scaled(_PICTURE_PX)
        shown.setPixmap(pixmap.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio))
    return shown


class ReceiptPage(WatchPage):
    """The label in hand above, what is set aside and waits for a decision below."""

    title_key = "receipt.page"
    sign = "parties"
    entities = frozenset({"goods_receipt", "purchase_order"})
    again_ms = 30_000

    def __init__(self, desk: Desk) -> None:
        self.contents: list[str] = []
        self.label: Record | None = None
        self.key = ""
        self.photo: Path | None = None
        self.fields: dict[str, QLineEdit] = {}
        self.confirms: dict[str, QCheckBox] = {}
        self.lines: QComboBox | None = None
        super().__init__(desk)
        self.scan = ScanLine()
        self.scan.setPlaceholderText(t("receipt.scan"))
        self.scan.setAccessibleName(t("receipt.scan"))
        self.scan.setFixedWidth(theme.scaled(520))
        self.scan.scanned.connect(self.read)
        self.told = Banner()
        self.form = column(spacing=3 * STEP)
        holder = QWidget()
        holder.setMaximumWidth(theme.scaled(1240))
        inside = column(holder, spacing=3 * STEP)
        line = row(spacing=3 * STEP)
        line.addWidget(self.scan)
        line.addWidget(button(t("receipt.without_label"), on_click=self.begin_without_label))
        line.addStretch()
        inside.addLayout(line)
        inside.addWidget(self.told)
        inside.addLayout(self.form)
        orders = desk.metadata.entities.get("purchase_order")
        # Who settles but does not receive sees only what waits.
        holder.setVisible(orders is not None and orders.action("receive") is not None)
        outer = self.layout()
        assert outer is not None  # noqa: S101 — made by WatchPage
        outer.insertWidget(1, holder)  # type: ignore[attr-defined]
        self.scan.setFocus()

    def _operation(self) -> Operation[Any]:
        return receipt_calls.waiting(self._desk.api)

    def read(self, content: str) -> None:
        """One more code of the label in hand, or the first of the next one."""
        self.told.clear_text()
        contents = [*self.contents, content] if content not in self.contents else list(self.contents)

        def refused(error: ApiError) -> None:
            # A code that does not belong to the label in hand begins another.
            if len(contents) > 1 and error.code.startswith("label."):
                self.contents = []
                self.read(content)
            else:
                self.told.show_text(error.detail, "warning")

        def shown(found: Record) -> None:
            self.contents = contents
            self._propose(found)

        self._desk.runner.run(receipt_calls.read_label(self._desk.api, contents), shown, refused, owner=self)

    def begin_without_label(self) -> None:
        """Goods whose label is missing: only what the person says is known."""
        self.contents = []
        self._propose({"fields": [], "choices": [], "already": None})

    def _propose(self, found: Record) -> None:
        self.label, self.photo, self.key = found, None, uuid4().hex
        self.fields, self.confirms, self.lines = {}, {}, None
        clear(self.form)
        frame, inner = card(accent=True)
        said = " · ".join(f"{one['label']} : {one['value']}" for one in found["fields"])
        if said:
            inner.addWidget(label(said, "muted", wrap=True, selectable=True))
        already = found.get("already")
        if already:
            inner.addWidget(label("⚠ " + str(already["message"]), wrap=True))
        form = QFormLayout()
        form.setHorizontalSpacing(4 * STEP)
        form.setVerticalSpacing(2 * STEP)
        inner.addLayout(form)
        if found["choices"]:
            self._add_lines(form, found)
        else:
            text = t("receipt.no_line") if self.contents else t("receipt.no_label")
            inner.insertWidget(0, label(text, wrap=True))
            self._field(form, "description", str(found.get("part") or ""))
        self._field(form, "quantity", _typed(found.get("quantity")))
        for name in _TEXTS:
            self._field(form, name, str(found.get(_SAID[name]) or ""))
        self._checks(form, found)
        inner.addLayout(
            self._buttons(bool(found["choices"]), final=bool(already and not already["repeatable"]))
        )
        self.form.addWidget(frame)
        if self.lines is not None:
            self._line_chosen()
        self.fields["quantity"].setFocus()

    def _add_lines(self, form: QFormLayout, found: Record) -> None:
        self.lines = QComboBox()
        self.lines.addItem(t("receipt.choose_line"), None)
        for one in found["choices"]:
            self.lines.addItem(f"{one['order']} · {one['item']} · {one['supplier']}", one)
        if found["known_part"] or len(found["choices"]) == 1:
            self.lines.setCurrentIndex(1)
        form.addRow(t("receipt.line"), self.lines)
        self.hints = label("", "muted", wrap=True)
        form.addRow("", self.hints)
        self.lines.currentIndexChanged.connect(self._line_chosen)

    def _line_chosen(self) -> None:
        one = self.lines.currentData() if self.lines is not None else None
        if one is None:
            self.hints.setText("")
            return
        left = t("receipt.left", quantity=one["remaining"], unit=one["unit"] or "")
        self.hints.setText("\n".join([left, *("⚠ " + words for words in one["warnings"])]))
        if one["quantity"] is not None:
            self.fields["quantity"].setText(_typed(one["quantity"]))

    def _field(self, form: QFormLayout, name: str, value: str) -> None:
        edit = QLineEdit(value)
        edit.setMaximumWidth(theme.scaled(420))
        edit.setAccessibleName(t(f"receipt.{name}"))
        self.fields[name] = edit
        form.addRow(t(f"receipt.{name}"), edit)

    def _checks(self, form: QFormLayout, found: Record) -> None:
        """What must be confirmed; the others appear when the server asks for them."""
        known = {"tie_part": bool(found.get("can_tie")), "another_package": bool(found.get("already"))}
        for name in _CONFIRMS.values():
            box = QCheckBox(t(f"receipt.{name}", part=found.get("part") or ""))
            box.setVisible(known.get(name, False))
            self.confirms[name] = box
            form.addRow("", box)

    def _buttons(self, has_line: bool, *, final: bool) -> Any:
        line = row(spacing=3 * STEP)
        if not final:
            if has_line:
                line.addWidget(button(t("receipt.receive"), "primary", on_click=self.receive))
            kind = "" if has_line else "primary"
            line.addWidget(button(t("receipt.set_aside"), kind, on_click=self.set_aside))
            self.photo_button = button(t("receipt.photo"), on_click=self.choose_photo)
            line.addWidget(self.photo_button)
        line.addWidget(button(t("cancel"), "flat", on_click=self.finish))
        line.addStretch()
        return line

    def choose_photo(self) -> None:
        """A photograph of the package, from a file."""
        name, _ = QFileDialog.getOpenFileName(
            self, t("receipt.photo"), "", "Images (*.jpg *.jpeg *.png *.webp)"
        )
        if name:
            self.photo = Path(name)
            self.photo_button.setText(self.photo.name)

    def receive(self) -> None:
        """Book on the chosen line."""
        one = self.lines.currentData() if self.lines is not None else None
        quantity = self._quantity()
        if one is None:
            self.told.show_text(t("receipt.line_missing"), "warning")
        if one is None or quantity is None:
            return
        body: Record = {name: self.fields[name].text().strip() or None for name in _TEXTS}
        body |= {"purchase_order_line_id": one["purchase_order_line_id"], "quantity": quantity}
        body |= {name: box.isChecked() for name, box in self.confirms.items()}
        if self.contents:
            body["label"] = self.contents
        act = receipt_calls.receive(self._desk.api, int(one["purchase_order_id"]), body, self.key, self.photo)
        self._desk.runner.run(act, self._done, self._refused, owner=self)

    def set_aside(self) -> None:
        """Keep in quarantine without an order line."""
        quantity = self._quantity()
        if quantity is None:
            return
        body: Record = {
            name: self.fields[name].text().strip() or None
            for name in ("heat_number", "supplier_lot", "delivery_note", "description")
            if name in self.fields
        }
        body |= {"quantity": quantity} | ({"label": self.contents} if self.contents else {})
        act = receipt_calls.set_aside(self._desk.api, body, self.key, self.photo)
        self._desk.runner.run(act, self._done, self._refused, owner=self)

    def _quantity(self) -> str | None:
        try:
            value = formatting.parse_number(self.fields["quantity"].text(), decimals=3)
        except formatting.InputError as error:
            self.told.show_text(str(error) or t("receipt.quantity_wrong"), "warning")
            return None
        if value <= 0:
            self.told.show_text(t("receipt.quantity_wrong"), "warning")
            return None
        return f"{value:f}"

    def _done(self, answer: Record) -> None:
        aside, code = answer.get("set_aside_reason"), answer.get("code")
        parts = [t("receipt.kept" if aside else "receipt.done")]
        if code:
            parts.append(t("receipt.code", code=code))
        if answer.get("photo_refused"):
            parts.append(t("receipt.photo_refused", reason=answer["photo_refused"]))
        self.finish()
        self.told.show_text(" ".join(parts), "warning" if len(parts) > 2 or aside else "success")
        self.load()

    def _refused(self, error: ApiError) -> None:
        self.key = uuid4().hex
        asked = self.confirms.get(_CONFIRMS.get(error.code, ""))
        if asked is not None:
            asked.show()
        self.told.show_text(error.detail, "warning")

    def finish(self) -> None:
        """Ready for the next label."""
        self.contents, self.label = [], None
        clear(self.form)
        self.told.clear_text()
        self.scan.setFocus()

    def _fill(self, found: Mapping[str, Any]) -> None:
        receipts = found["receipts"]
        self.count.setText(tn("receipt.waiting", len(receipts)) if receipts else "")
        self._body.addWidget(label(t("receipt.aside"), "section"))
        if not receipts:
            self._body.addWidget(label(t("receipt.none_aside"), "muted", wrap=True))
        entity = self._desk.entity("goods_receipt")
        reason = entity.field("set_aside_reason")
        for one in receipts:
            frame, inner = card()
            line = row(spacing=4 * STEP)
            at = formatting.instant(one["received_at"])
            who = (one.get("received_by") or {}).get("display") or ""
            choice = reason.choice(one["set_aside_reason"]) if reason is not None else None
            why = choice.label if choice is not None else ""
            what = "; ".join(_goods(row_) for row_ in one["lines"])
            text = " · ".join(part for part in (at, why, what, one.get("delivery_note") or "", who) if part)
            if one["photo"]:
                line.addWidget(_picture(one["photo"]))
            line.addWidget(label(text, wrap=True), 1)
            open_it = partial(self._desk.open_record, entity, int(one["id"]))
            line.addWidget(button(t("receipt.decide"), on_click=open_it))
            inner.addLayout(line)
            self._body.addWidget(frame)
