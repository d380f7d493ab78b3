"""Electronic signatures at the desk: the dialog in which a person signs, and the signatures of a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QGridLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t
from clients.desktop.operations import calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.sheet_view import SheetView
from clients.desktop.ui.widgets import Badge, Banner, button, card, clear, column, label, line, row

ASKED = frozenset({"signature.required", "signature.outdated"})
"""Refusals a signature answers."""


def shown(part: Record) -> str:
    """Value of one part of the summary, as the form would show it."""
    field = Field(
        name="value", label=str(part["label"]), type=str(part["type"]), unit=part.get("unit"),
        decimals=part.get("decimals"),
    )  # fmt: skip
    return formatting.text_of(field, part) or "—"


class SigningDialog(QDialog):
    """What is signed, in which meaning, and the proof of who signs; accepted once the server holds the signature."""

    def __init__(self, parent: QWidget, desk: Desk, refusal: ApiError, title: str) -> None:
        super().__init__(parent)
        self._desk = desk
        self._object = {key: refusal.extra[key] for key in ("object_type", "object_id", "meaning")}
        self._read: Record = {}
        self.setWindowTitle(t("sign.title"))
        self.setMinimumWidth(theme.scaled(620))
        layout = column(self, margins=6 * STEP, spacing=3 * STEP)
        layout.addWidget(label(t("sign.heading", what=title), "heading", wrap=True))
        layout.addWidget(label(t("sign.text"), "muted", wrap=True))
        self.banner = Banner()
        layout.addWidget(self.banner)
        if refusal.code == "signature.outdated":
            self.banner.show_text(t("sign.outdated"), "warning")
        layout.addWidget(self._covered())
        layout.addLayout(self._proof())
        buttons = row()
        buttons.addStretch()
        buttons.addWidget(button(t("cancel"), on_click=self.reject))
        self.sign_button = button(t("sign.sign"), "primary", on_click=self.submit)
        self.sign_button.setDefault(True)
        self.sign_button.setEnabled(False)
        buttons.addWidget(self.sign_button)
        layout.addLayout(buttons)
        operation = calls.signature_content(
            desk.api, refusal.extra["object_type"], refusal.extra["object_id"]
        )
        desk.runner.run(operation, self._show, self._refused, owner=self)

    def _covered(self) -> QScrollArea:
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setMinimumHeight(theme.scaled(240))
        holder = QWidget()
        holder.setObjectName("pageBody")
        self.parts = column(holder, margins=3 * STEP)
        self.parts.addWidget(label(t("sign.loading"), "muted"))
        area.setWidget(holder)
        return area

    def _proof(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(4 * STEP)
        grid.setVerticalSpacing(2 * STEP)
        self.password, self.totp = QLineEdit(), QLineEdit()
        self.password.setEchoMode(QLineEdit.EchoMode.Password)
        self.totp.setMaxLength(10)
        self._totp_label = label(t("sign.totp"), "label")
        meaning = label(t(f"sign.meaning.{self._object['meaning']}"), "section")
        rows = (
            (label(t("sign.meaning"), "label"), meaning),
            (label(t("sign.password"), "label"), self.password),
            (self._totp_label, self.totp),
        )
        for number, (name, widget) in enumerate(rows):
            grid.addWidget(name, number, 0)
            grid.addWidget(widget, number, 1)
        grid.setColumnStretch(1, 1)
        self._ask_code(False)
        return grid

    def _ask_code(self, asked: bool) -> None:
        self._totp_label.setVisible(asked)
        self.totp.setVisible(asked)

    def _show(self, read: Record) -> None:
        self._read = read
        clear(self.parts)
        add_summary(self.parts, read["summary"])
        self.parts.addStretch()
        self._ask_code(bool(read["totp_required"]))
        self.sign_button.setEnabled(True)
        self.password.setFocus()

    def submit(self) -> None:
        """Send the signature of what was read."""
        if not self._read:
            return
        self.sign_button.setEnabled(False)
        body = {
            **self._object,
            "row_version": self._read["row_version"],
            "content_sha256": self._read["content_sha256"],
            "password": self.password.text(),
            "totp": self.totp.text().strip() or None,
        }
        operation = calls.sign(self._desk.api, body)
        self._desk.runner.run(operation, lambda _made: self.accept(), self._refused, owner=self)

    def _refused(self, error: ApiError) -> None:
        self.banner.show_text(error.detail, "warning" if error.status == 0 else "danger")
        wrong = self.totp if error.code == "totp.wrong" else self.password
        wrong.clear()
        wrong.setFocus()
        if error.is_stale:
            # What was read is no longer what would be signed.
            operation = calls.signature_content(
                self._desk.api, self._object["object_type"], self._object["object_id"]
            )
            self._desk.runner.run(operation, self._show, self._refused, owner=self)
            return
        self.sign_button.setEnabled(bool(self._read))


def add_summary(layout: QVBoxLayout, parts: list[Record]) -> None:
    """Show the values that are signed; lists of lines as small tables."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(4 * STEP)
    grid.setColumnStretch(1, 1)
    layout.addLayout(grid)
    for number, part in enumerate(p for p in parts if not p["rows"]):
        grid.addWidget(label(str(part["label"]), "label"), number, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(label(shown(part), wrap=True, selectable=True), number, 1)
    for part in (p for p in parts if p["rows"]):
        layout.addWidget(label(str(part["label"]), "section"))
        layout.addLayout(_table(part["rows"]))


def _table(lines: list[list[Record]]) -> QGridLayout:
    table = QGridLayout()
    table.setHorizontalSpacing(4 * STEP)
    for place, part in enumerate(lines[0]):
        table.addWidget(label(str(part["label"]), "label", wrap=True), 0, place)
        for number, parts in enumerate(lines, start=1):
            table.addWidget(label(shown(parts[place]), wrap=True), number, place)
    return table


class SignaturesView(SheetView):
    """Signatures of one record, each verified by the server when it is shown."""

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return lambda: {"signatures": self.desk.api.signatures(self.entity.name, self.record_id)}

    @property
    def signatures(self) -> list[Record]:
        """Signatures as last read."""
        return list(self.data.get("signatures") or [])

    def _fill(self, _data: Mapping[str, Any]) -> None:
        frame, self._lines = card()
        frame.setMaximumWidth(theme.scaled(1040))
        self._body.addWidget(frame)
        if not self.signatures:
            self._lines.addWidget(label(t("signatures.empty"), "muted"))
        for number, made in enumerate(self.signatures):
            if number:
                self._lines.addWidget(line())
            self._add(made)

    def _add(self, made: Record) -> None:
        head = row()
        head.addWidget(label(str(made["meaning_label"]), "section"))
        head.addWidget(label(str(made["user"]["display"])))
        head.addWidget(Badge(*validity(made)))
        head.addStretch()
        head.addWidget(label(formatting.instant(str(made["signed_at"])), "muted"))
        self._lines.addLayout(head)
        method = t(f"signatures.method.{str(made['method']).replace('+', '_')}")
        digest = t("signatures.hash", hash=str(made["content_sha256"])[:16] + "…")
        self._lines.addWidget(label(f"{method} · {digest}", "muted", wrap=True))


def validity(made: dict[str, Any]) -> tuple[str, str]:
    """Word and tone for what the verification found."""
    if not made["is_intact"]:
        return t("signatures.broken"), "danger"
    return (t("signatures.valid"), "success") if made["is_current"] else (t("signatures.changed"), "warning")
