"""Form of a driver's settings, made of the nodes the server describes; editors nest as the settings do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLineEdit, QVBoxLayout, QWidget

from clients.desktop.model import driver_form
from clients.desktop.model.driver_form import MISSING, Node
from clients.desktop.model.formatting import InputError
from clients.desktop.model.texts import t, tn
from clients.desktop.tokens import STEP
from clients.desktop.ui.stations.setting_editors import (
    WIDE,
    ChoiceEditor,
    ChoicesEditor,
    Editor,
    KeptEditor,
    LineEditor,
    RangeEditor,
    TextsEditor,
)
from clients.desktop.ui.widgets import button, card, clear, column, label, row


class GroupEditor(Editor):
    """Settings that go together; one that may be absent is switched on by its title."""

    def __init__(self, node: Node, value: Any, *, titled: bool = True) -> None:
        super().__init__(node, titled=False)
        self._given = value is not MISSING and value is not None
        self.switch: QCheckBox | None = None
        optional = bool(node.get("nullable"))
        if titled and optional:
            self.switch = QCheckBox(str(node["label"]))
            self.switch.setChecked(self._given)
            self.switch.toggled.connect(self._switched)
            self.box.addWidget(self.switch)
        elif titled and node.get("label"):
            self.box.addWidget(label(str(node["label"]), "section"))
        if node.get("help"):
            self.box.addWidget(label(str(node["help"]), "muted", wrap=True))
        self._optional = optional
        self.inner = QWidget()
        layout = column(self.inner)
        layout.setContentsMargins(4 * STEP if titled else 0, 0, 0, 0)
        self.fields = FieldsEditor(node["fields"], value if isinstance(value, Mapping) else {})
        self.fields.edited.connect(self._touched)
        layout.addWidget(self.fields)
        self.inner.setVisible(self.switch is None or self._given)
        self.box.addWidget(self.inner)
        self.box.addWidget(self._error)

    def _switched(self, on: bool) -> None:
        self.inner.setVisible(on)
        self._touched()

    def _touched(self) -> None:
        self.clear_errors()
        self.edited.emit()

    def value(self) -> Any:
        """Values inside; an absent group is nothing."""
        if self.switch is not None and not self.switch.isChecked():
            return MISSING
        found = self.fields.value()
        return (
            found if found or self._given or self.switch is not None or self.node.get("required") else MISSING
        )

    def show_error(self, steps: Sequence[str], message: str) -> bool:
        """At the setting inside, or at the group itself."""
        return (bool(steps) and self.fields.show_error(steps, message)) or super().show_error(steps, message)

    def clear_errors(self) -> None:
        """Inside too."""
        super().clear_errors()
        self.fields.clear_errors()

    def check(self) -> bool:
        """Only what is switched on counts."""
        return self.fields.check() if self.switch is None or self.switch.isChecked() else True


class VariantEditor(Editor):
    """One of several kinds, each with its own settings."""

    def __init__(self, node: Node, value: Any, *, titled: bool = True) -> None:
        super().__init__(node, titled=titled)
        self._old = dict(value) if isinstance(value, Mapping) else {}
        self.control = QComboBox()
        self.control.setAccessibleName(str(node["label"]))
        for variant in node["variants"]:
            self.control.addItem(str(variant["label"]), variant["value"])
        self.control.setCurrentIndex(max(self.control.findData(self._old.get(node["tag"])), 0))
        self.control.activated.connect(lambda _i: self._show())
        self.box.addWidget(self.control)
        self._place = column()
        self.box.addLayout(self._place)
        self.finish()
        self._show()

    def _show(self) -> None:
        clear(self._place)
        kind = self.control.currentData()
        variant = next(v for v in self.node["variants"] if v["value"] == kind)
        same = self._old.get(self.node["tag"]) == kind
        self.fields = FieldsEditor(variant["fields"], self._old if same else {})
        self.fields.edited.connect(self.edited)
        self._place.addWidget(self.fields)
        self.edited.emit()

    def value(self) -> Any:
        """Kind and its settings."""
        return {self.node["tag"]: self.control.currentData(), **self.fields.value()}

    def show_error(self, steps: Sequence[str], message: str) -> bool:
        """At the setting inside."""
        return (bool(steps) and self.fields.show_error(steps, message)) or super().show_error(steps, message)

    def clear_errors(self) -> None:
        """Inside too."""
        super().clear_errors()
        self.fields.clear_errors()

    def check(self) -> bool:
        """Inside too."""
        return self.fields.check()


class ManyEditor(Editor):
    """A list, or values by name: each with its own card, added and taken away."""

    def __init__(self, node: Node, value: Any) -> None:
        super().__init__(node, titled=False)
        self._is_map = node["kind"] == "map"
        self._given = value is not MISSING
        self.box.addWidget(label(driver_form.head(node), "section"))
        if node.get("help"):
            self.box.addWidget(label(str(node["help"]), "muted", wrap=True))
        self._rows: QVBoxLayout = column(spacing=2 * STEP)
        self.box.addLayout(self._rows)
        self.entries: list[tuple[QWidget, QLineEdit | QComboBox | None, Editor]] = []
        if isinstance(value, Mapping):
            for key, one in value.items():
                self.add(one, key)
        elif isinstance(value, list | tuple):
            for one in value:
                self.add(one)
        line = row()
        self.more = button(t("driver.add_one"), "flat", "plus", lambda: self.add(MISSING))
        line.addWidget(self.more)
        line.addStretch()
        self.box.addLayout(line)
        self.box.addWidget(self._error)

    def add(self, value: Any, key: str = "") -> Editor:
        """Another entry."""
        frame, inner = card()
        line = row()
        name = self._key(key) if self._is_map else None
        if name is not None:
            line.addWidget(name, 1)
        editor = make(self.node["item"], value, titled=False)
        editor.edited.connect(self._touched)
        if self.node["item"]["kind"] in WIDE:
            line.addStretch(1)
        else:
            line.addWidget(editor, 2)
        remove = button(t("driver.remove"), "flat")
        line.addWidget(remove)
        inner.addLayout(line)
        if self.node["item"]["kind"] in WIDE:
            inner.addWidget(editor)
        entry = (frame, name, editor)
        remove.clicked.connect(partial(self._remove, entry))
        self.entries.append(entry)
        self._rows.addWidget(frame)
        self._touched()
        return editor

    def _key(self, key: str) -> QLineEdit | QComboBox:
        if "keys" not in self.node:
            edit = QLineEdit(key)
            edit.setPlaceholderText(t("driver.entry_name"))
            edit.textEdited.connect(self._touched)
            return edit
        box = QComboBox()
        for choice in self.node["keys"]:
            box.addItem(str(choice["label"]), choice["value"])
        box.setCurrentIndex(max(box.findData(key), 0))
        box.activated.connect(self._touched)
        return box

    def _remove(self, entry: tuple[QWidget, QLineEdit | QComboBox | None, Editor], *_: Any) -> None:
        self.entries.remove(entry)
        self._rows.removeWidget(entry[0])
        entry[0].deleteLater()
        self._given = True
        self._touched()

    def _touched(self, *_: Any) -> None:
        self._error.hide()
        self.edited.emit()

    def value(self) -> Any:
        """Entries; an empty list that was not there is nothing."""
        if not self.entries:
            return ({} if self._is_map else []) if self._given else MISSING
        if not self._is_map:
            return [editor.value() for _, _, editor in self.entries]
        found: dict[str, Any] = {}
        for name, (_, _, editor) in zip(self._names(), self.entries, strict=True):
            if not name or name in found:
                raise InputError(t("driver.names_differ"))
            found[name] = editor.value()
            if found[name] is MISSING:
                raise InputError(t("driver.entry_empty", name=name))
        return found

    def _names(self) -> list[str]:
        keys = (key for _, key, _ in self.entries)
        return [
            str(k.currentData()) if isinstance(k, QComboBox) else k.text().strip() if k else "" for k in keys
        ]

    def show_error(self, steps: Sequence[str], message: str) -> bool:
        """At the entry."""
        places = self._names() if self._is_map else [str(n) for n in range(len(self.entries))]
        if steps and steps[0] in places:
            return self.entries[places.index(steps[0])][2].show_error(steps[1:], message)
        return super().show_error(steps, message)

    def clear_errors(self) -> None:
        """Entries too."""
        super().clear_errors()
        for _, _, editor in self.entries:
            editor.clear_errors()

    def check(self) -> bool:
        """Entries, then their names."""
        readable = [editor.check() for _, _, editor in self.entries]
        return all(readable) and super().check()


class FieldsEditor(QWidget):
    """The settings of one level: those asked for or set at once, the others behind « Autres réglages »."""

    edited = Signal()

    def __init__(self, nodes: Sequence[Node], values: Mapping[str, Any]) -> None:
        super().__init__()
        self.editors: dict[str, Editor] = {}
        layout = column(self, spacing=3 * STEP)
        first = [n for n in nodes if driver_form.comes_first(n, values)]
        rest = [n for n in nodes if n not in first]
        if len(rest) <= 2 or not first:
            first, rest = list(nodes), []
        layout.addLayout(self._grid(first, values))
        self.rest = QWidget()
        self.toggle = button(tn("driver.others", len(rest)), "link", on_click=self._unfold)
        if rest:
            layout.addWidget(self.toggle)
            inner = column(self.rest)
            inner.addLayout(self._grid(rest, values))
            self.rest.hide()
            layout.addWidget(self.rest)

    def _unfold(self) -> None:
        self.rest.setVisible(self.rest.isHidden())

    def _grid(self, nodes: Sequence[Node], values: Mapping[str, Any]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(6 * STEP)
        grid.setVerticalSpacing(3 * STEP)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        place = 0
        for node in sorted(nodes, key=lambda n: n["kind"] in WIDE):
            editor = make(node, values.get(node["name"], MISSING))
            editor.edited.connect(self.edited)
            self.editors[str(node["name"])] = editor
            wide = node["kind"] in WIDE
            place += place % 2 if wide else 0
            grid.addWidget(editor, place // 2, place % 2, 1, 2 if wide else 1)
            grid.setAlignment(editor, Qt.AlignmentFlag.AlignTop)
            place += 2 if wide else 1
        return grid

    def value(self) -> dict[str, Any]:
        """Everything typed or set. Raises ``InputError``."""
        found = {name: editor.value() for name, editor in self.editors.items()}
        return {name: value for name, value in found.items() if value is not MISSING}

    def show_error(self, steps: Sequence[str], message: str) -> bool:
        """At the setting, unfolded where it is hidden; whether there is one."""
        editor = self.editors.get(steps[0]) if steps else None
        if editor is None:
            return False
        if self.rest.isAncestorOf(editor):
            self.rest.show()
        return editor.show_error(steps[1:], message)

    def clear_errors(self) -> None:
        """Nothing is wrong."""
        for editor in self.editors.values():
            editor.clear_errors()

    def check(self) -> bool:
        """Whether everything typed can be read."""
        readable = [editor.check() for editor in self.editors.values()]
        return all(readable)


def make(node: Node, value: Any, *, titled: bool = True) -> Editor:
    """Editor of a node."""
    kind = node["kind"]
    if node.get("kept_elsewhere") or kind == "drawn":
        return KeptEditor(node, value)
    if kind in {"list", "map"}:
        return ManyEditor(node, value)
    makers: dict[str, type[LineEditor | ChoiceEditor | ChoicesEditor | TextsEditor | RangeEditor | GroupEditor | VariantEditor]] = {
        "boolean": ChoiceEditor, "choice": ChoiceEditor, "choices": ChoicesEditor, "texts": TextsEditor, "range": RangeEditor,
        "group": GroupEditor, "variant": VariantEditor,
    }  # fmt: skip
    return makers.get(kind, LineEditor)(node, value, titled=titled)
