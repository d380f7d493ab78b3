"""Editors of single settings of a driver; those that hold others are in ``settings_form``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from clients.desktop.model import driver_form
from clients.desktop.model.driver_form import MISSING, Node
from clients.desktop.model.formatting import InputError
from clients.desktop.model.texts import t, tn
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.widgets import column, label, restyle, row

WIDE = frozenset({"group", "variant", "list", "map", "texts", "choices"})


class Editor(QWidget):
    """One setting: its value, and what is wrong with it."""

    edited = Signal()

    def __init__(self, node: Node, *, titled: bool = True) -> None:
        super().__init__()
        self.node = node
        self.box: QVBoxLayout = column(self, spacing=STEP)
        if titled and node.get("label"):
            self.box.addWidget(label(driver_form.head(node), "label"))
        self._error = label("", "error", wrap=True)
        self._error.hide()

    def finish(self) -> None:
        """Help and error stand under the control."""
        if self.node.get("help"):
            self.box.addWidget(label(str(self.node["help"]), "muted", wrap=True))
        self.box.addWidget(self._error)

    def value(self) -> Any:
        """What is sent, ``MISSING`` for nothing. Raises ``InputError``."""
        raise NotImplementedError

    def show_error(self, steps: Sequence[str], message: str) -> bool:  # noqa: ARG002
        """Say what is wrong with the setting at ``steps`` below this one; whether it is shown."""
        self._error.setText(message)
        self._error.setVisible(bool(message))
        return True

    def clear_errors(self) -> None:
        """Nothing is wrong."""
        self._error.hide()

    @property
    def error(self) -> str:
        """Message shown."""
        return "" if self._error.isHidden() else self._error.text()

    def check(self) -> bool:
        """Whether everything typed can be read; what cannot is said where it stands."""
        try:
            self.value()
        except InputError as error:
            self.show_error((), str(error))
            return False
        return True


class LineEditor(Editor):
    """Text, number, day or time of day."""

    def __init__(self, node: Node, value: Any, *, titled: bool = True) -> None:
        super().__init__(node, titled=titled)
        self.control = QLineEdit(driver_form.typed(node, value))
        self.control.setAccessibleName(str(node.get("label") or ""))
        default = driver_form.default_text(node)
        if default:
            self.control.setPlaceholderText(t("driver.default", value=default))
        limits = driver_form.limits_text(node)
        self.control.setToolTip(limits)
        self.control.textEdited.connect(self._typed)
        line = row()
        line.addWidget(self.control, 1)
        self.none: QCheckBox | None = None
        if node.get("nullable") and node.get("default") is not None:
            self.none = QCheckBox(t("driver.none"))
            self.none.setChecked(value is None)
            self.none.toggled.connect(self._typed)
            self.none.toggled.connect(self.control.setDisabled)
            self.control.setDisabled(value is None)
            line.addWidget(self.none)
        self.box.addLayout(line)
        if limits:
            self.box.addWidget(label(limits, "muted"))
        self.finish()

    def _typed(self) -> None:
        self.clear_errors()
        self.edited.emit()

    def value(self) -> Any:
        """Typed value."""
        if self.none is not None and self.none.isChecked():
            return None
        return driver_form.parse(self.node, self.control.text())

    def show_error(self, steps: Sequence[str], message: str) -> bool:
        """Under the line, which is marked."""
        restyle(self.control, "wrong", "true")
        return super().show_error(steps, message)

    def clear_errors(self) -> None:
        """Unmark."""
        restyle(self.control, "wrong", "false")
        super().clear_errors()


class ChoiceEditor(Editor):
    """Yes or no, or one of several words; nothing chosen is the default."""

    def __init__(self, node: Node, value: Any, *, titled: bool = True) -> None:
        super().__init__(node, titled=titled)
        self.control = QComboBox()
        self.control.setAccessibleName(str(node.get("label") or ""))
        if not node.get("required"):
            default = driver_form.default_text(node)
            self.control.addItem(t("driver.default", value=default) if default else "—", MISSING)
        choices = node.get("choices") or [
            {"value": True, "label": t("yes")},
            {"value": False, "label": t("no")},
        ]
        for choice in choices:
            self.control.addItem(str(choice["label"]), choice["value"])
        values = [self.control.itemData(i) for i in range(self.control.count())]
        wanted = next((i for i, one in enumerate(values) if one is value or one == value), 0)
        self.control.setCurrentIndex(wanted)
        self.control.activated.connect(self._chosen)
        self.box.addWidget(self.control)
        self.finish()

    def _chosen(self) -> None:
        self.clear_errors()
        self.edited.emit()

    def value(self) -> Any:
        """Chosen value."""
        return self.control.currentData()


class ChoicesEditor(Editor):
    """Several of a few words; the order is that of the form."""

    def __init__(self, node: Node, value: Any, *, titled: bool = True) -> None:
        super().__init__(node, titled=titled)
        self._given = value is not MISSING
        chosen = list(value if isinstance(value, list | tuple) else node.get("default") or ())
        self.checks: dict[Any, QCheckBox] = {}
        grid = QGridLayout()
        for place, choice in enumerate(node["choices"]):
            check = QCheckBox(str(choice["label"]))
            check.setChecked(choice["value"] in chosen)
            check.toggled.connect(self._ticked)
            self.checks[choice["value"]] = check
            grid.addWidget(check, place // 4, place % 4)
        self._before = chosen
        self.box.addLayout(grid)
        self.finish()

    def _ticked(self) -> None:
        self._given = True
        self.edited.emit()

    def value(self) -> Any:
        """Ticked words; those ticked before keep their order, which may mean something."""
        ticked = [value for value, check in self.checks.items() if check.isChecked()]
        kept = [value for value in self._before if value in ticked]
        return kept + [value for value in ticked if value not in kept] if self._given else MISSING


class TextsEditor(Editor):
    """Several texts, one per line."""

    def __init__(self, node: Node, value: Any, *, titled: bool = True) -> None:
        super().__init__(node, titled=titled)
        self._given = value is not MISSING
        self.control = QPlainTextEdit(
            "\n".join(str(one) for one in value) if isinstance(value, list | tuple) else ""
        )
        self.control.setTabChangesFocus(True)
        self.control.setFixedHeight(theme.scaled(64))
        self.control.textChanged.connect(self.edited)
        self.box.addWidget(self.control)
        self.finish()

    def value(self) -> Any:
        """Lines that hold something."""
        found = [line.strip() for line in self.control.toPlainText().splitlines() if line.strip()]
        return found if found or self._given else MISSING


class RangeEditor(Editor):
    """From and to."""

    def __init__(self, node: Node, value: Any, *, titled: bool = True) -> None:
        super().__init__(node, titled=titled)
        pair = value if isinstance(value, list | tuple) and len(value) == 2 else (MISSING, MISSING)
        inner = {"kind": "decimal", "name": ""}
        self.ends = [LineEditor(inner, one) for one in pair]
        line = row()
        for end in self.ends:
            end.edited.connect(self.edited)
            line.addWidget(end)
        self.box.addLayout(line)
        self.finish()

    def value(self) -> Any:
        """Both ends."""
        found = [end.value() for end in self.ends]
        if found == [MISSING, MISSING]:
            return MISSING
        if MISSING in found:
            raise InputError(t("driver.both_ends"))
        return found


class KeptEditor(Editor):
    """A setting another page decides: shown, never changed here."""

    def __init__(self, node: Node, value: Any) -> None:
        super().__init__(node)
        self._value = value
        where = str(node.get("kept_elsewhere") or "picture")
        shown = (
            tn("driver.entries", len(value))
            if isinstance(value, list | dict)
            else driver_form.typed(node, value)
        )
        text = " · ".join(part for part in (shown, t(f"driver.kept.{where}")) if part)
        self.box.addWidget(label(text, "muted", wrap=True))
        self.finish()

    def value(self) -> Any:
        """As it was."""
        return self._value
