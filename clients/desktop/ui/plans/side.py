"""The other tabs of the review: notes, questions, raw text, versions (DRW-32, DRW-34, DRW-36, DRW-49)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QFont, QPixmap
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.metadata import Field
from clients.desktop.model.plans import Document, fields_by_name, kind_word
from clients.desktop.model.readable import readable
from clients.desktop.model.texts import t, tn
from clients.desktop.operations import plan_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.plans.canvas import SheetCanvas
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.widgets import Badge, Banner, button, card, clear, column, label, row


class ListView(QScrollArea):
    """Scrolled column of cards."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        holder = QWidget()
        holder.setObjectName("pageBody")
        outer = column(holder, spacing=0)
        outer.setContentsMargins(0, 2 * STEP, 2 * STEP, 4 * STEP)
        self.body: QVBoxLayout = column(spacing=2 * STEP)
        outer.addLayout(self.body)
        outer.addStretch()
        self.setWidget(holder)

    def say(self, text: str) -> None:
        """Only a sentence."""
        clear(self.body)
        self.body.addWidget(label(text, "muted", wrap=True))


class NotesView(ListView):
    """Notes by what they demand, requirements first."""

    picked = Signal(str)

    def show_document(self, document: Document) -> None:
        """Show the notes of a review."""
        notes = list(enumerate(document.get("notes") or []))
        if not notes and not document.get("secrecy_mark"):
            self.say(t("plan.no_note"))
            return
        clear(self.body)
        if document.get("secrecy_mark"):
            banner = Banner()
            banner.show_text(t("plan.secrecy", mark=document["secrecy_mark"]), "danger")
            self.body.addWidget(banner)
        kinds = list(dict.fromkeys(str(n["kind"]) for _, n in notes))
        for kind in sorted(kinds, key=lambda k: k in ("general", "other")):
            frame, inner = card()
            inner.setContentsMargins(3 * STEP, 2 * STEP, 3 * STEP, 3 * STEP)
            inner.addWidget(label(t(f"plan.note.{kind}"), "section"))
            for number, note in notes:
                if note["kind"] != kind:
                    continue
                made = button(str(note["text"]), "link", on_click=partial(self.picked.emit, f"note:{number}"))
                made.setEnabled(note.get("box") is not None)
                if len(str(note["text"])) > 90:
                    made.setText(str(note["text"])[:88] + "…")
                    made.setToolTip(str(note["text"]))
                inner.addWidget(made)
            self.body.addWidget(frame)


class QuestionsView(ListView):
    """The short list of what a person must answer; contradictions are chosen here."""

    field_wanted = Signal(str)
    chosen = Signal(str, int)
    """Key of the contradiction and number of the right value."""
    taken = Signal(str, object, str)
    """Field, value and its words."""
    confirmed = Signal(str)

    def show_document(self, document: Document) -> None:
        """Show the questions of a review."""
        questions = document.get("questions") or []
        decided = [c for c in document.get("contradictions") or [] if c.get("chosen") is not None]
        if not questions and not decided and not document.get("warnings"):
            self.say(t("plan.no_question"))
            return
        clear(self.body)
        for text in document.get("warnings") or []:
            banner = Banner()
            banner.show_text(str(text), "warning")
            self.body.addWidget(banner)
        if not questions:
            self.body.addWidget(label(t("plan.no_question"), "muted", wrap=True))
        named = fields_by_name(document)
        for one in questions:
            self.body.addWidget(self._question(one, named))
        for one in decided:
            self.body.addWidget(
                label(t("plan.decided", text=one["message"], value=_decision(one)), "muted", wrap=True)
            )

    def _question(self, one: Mapping[str, Any], named: Mapping[str, Mapping[str, Any]]) -> QWidget:
        frame, inner = card(accent=one["kind"] == "contradiction")
        inner.setContentsMargins(3 * STEP, 2 * STEP, 3 * STEP, 3 * STEP)
        head = row()
        tone, sign = {"contradiction": ("danger", "alert"), "missing": ("neutral", "dashed")}.get(
            str(one["kind"]), ("warning", "alert")
        )
        head.addWidget(Badge(t(f"plan.question.{one['kind']}"), tone, sign))
        head.addWidget(label(str(one["text"]), wrap=True), 1)
        inner.addLayout(head)
        for choice in one["choices"]:
            inner.addWidget(self._choice(one, choice))
        acts = row(spacing=STEP)
        if one["kind"] == "check":
            acts.addWidget(
                button(t("plan.confirm"), "chip", "check", partial(self.confirmed.emit, str(one["field"])))
            )
        field = named.get(str(one["field"]))
        acts.addWidget(
            button(
                t("plan.answer", field=field["label"] if field else one["field"]), "link",
                on_click=partial(self.field_wanted.emit, str(one["field"])),
            )
        )  # fmt: skip
        acts.addStretch()
        inner.addLayout(acts)
        return frame

    def _choice(self, one: Mapping[str, Any], choice: Mapping[str, Any]) -> QWidget:
        text = f"{choice['label']}   ({choice['source']})" if choice.get("source") else str(choice["label"])
        if one["kind"] == "contradiction":
            act = partial(self.chosen.emit, str(one["key"]), int(choice["index"]))
        else:
            act = partial(self.taken.emit, str(one["field"]), choice.get("value"), str(choice["label"]))
        return button(text, on_click=act)


def _decision(contradiction: Mapping[str, Any]) -> str:
    chosen = contradiction["chosen"]
    if chosen == "typed":
        return t("plan.typed")
    return str(contradiction["values"][int(chosen)]["label"])


class RawTextView(QWidget):
    """Everything that was read, line by line, for a check by eye."""

    def __init__(self, desk: Desk, analysis_id: int) -> None:
        super().__init__()
        self.setObjectName("pageBody")
        self._desk = desk
        self._analysis_id = analysis_id
        layout = column(self)
        layout.setContentsMargins(0, 2 * STEP, 2 * STEP, 2 * STEP)
        self.banner = Banner()
        layout.addWidget(self.banner)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        mono = QFont(["Cascadia Mono", "Noto Sans Mono", "DejaVu Sans Mono", "monospace"])
        mono.setPixelSize(theme.size("base") - 1)
        self.text.setFont(mono)
        layout.addWidget(self.text, 1)

    def load(self, document: Document) -> None:
        """Read the text."""
        names = {f["id"]: f["file_name"] for f in document.get("files") or []}
        self._desk.runner.run(
            plan_calls.raw_text(self._desk.api, self._analysis_id), partial(self._show, names), self._refused, owner=self
        )  # fmt: skip

    def _refused(self, error: ApiError) -> None:
        self.banner.show_text(error.detail, "warning")

    def _show(self, names: Mapping[int, str], answer: Record) -> None:
        self.banner.clear_text()
        parts = [f"⚠ {w}" for w in answer["warnings"]]
        parts += [f"⚠ {e['file']} : {e.get('message') or e.get('code')}" for e in answer["errors"]]
        for sheet in answer["sheets"]:
            head = t("plan.text_sheet", file=names.get(sheet["file_id"], ""), page=sheet["page"])
            parts += ["", f"— {head} —", *(str(line) for line in sheet["lines"])]
        self.text.setPlainText("\n".join(parts).strip() or t("plan.no_text"))


class VersionsView(QWidget):
    """Former and newer versions, their differences, and one sheet over the other."""

    opened = Signal(int)

    def __init__(self, desk: Desk, analysis_id: int) -> None:
        super().__init__()
        self.setObjectName("pageBody")
        self._desk = desk
        self._analysis_id = analysis_id
        self._document: Document = {}
        layout = column(self)
        layout.setContentsMargins(0, 2 * STEP, 2 * STEP, 2 * STEP)
        bar = row()
        bar.addWidget(label(t("plan.compare_with"), "muted"))
        self.choice = QComboBox()
        self.choice.activated.connect(lambda _index: self._compare())
        bar.addWidget(self.choice, 1)
        self.open = button(t("plan.open_version"), on_click=self._open)
        self.lay_over = button(t("plan.overlay"), on_click=self._overlay)
        self.lay_over.setToolTip(t("plan.overlay_hint"))
        bar.addWidget(self.lay_over)
        bar.addWidget(self.open)
        layout.addLayout(bar)
        self.banner = Banner()
        layout.addWidget(self.banner)
        self.canvas = SheetCanvas()
        self.canvas.setMinimumHeight(theme.scaled(260))
        self.canvas.hide()
        layout.addWidget(self.canvas, 1)
        self.list = ListView()
        layout.addWidget(self.list, 2)

    @property
    def other_id(self) -> int | None:
        """The version to compare with."""
        value = self.choice.currentData()
        return None if value is None else int(value)

    def load(self, document: Document) -> None:
        """Show the versions and compare with the former one."""
        self._document = document
        former = self.other_id
        self.choice.clear()
        status = self._desk.entity("drawing_analysis").field("status")
        for one in document.get("versions") or []:
            if one["is_this"]:
                continue
            when = formatting.date(one["analysed_at"]) if one.get("analysed_at") else "—"
            found = status.choice(one["status"]) if status else None
            words = t(
                "plan.version", number=one["version_no"], revision=one["revision"] or "?", date=when,
                status=found.label if found else one["status"], id=one["id"],
            )  # fmt: skip
            self.choice.addItem(words, one["id"])
        wanted = former if former is not None else document.get("previous_id")
        if wanted is not None:
            self.choice.setCurrentIndex(max(self.choice.findData(wanted), 0))
        several = self.choice.count() > 0
        for made in (self.choice, self.open, self.lay_over):
            made.setEnabled(several)
        if several:
            self._compare()
        else:
            self.canvas.hide()
            self.list.say(t("plan.no_version"))

    def _open(self) -> None:
        if self.other_id is not None:
            self.opened.emit(self.other_id)

    def _compare(self) -> None:
        if self.other_id is None:
            return
        self.canvas.hide()
        operation = plan_calls.differences(self._desk.api, self._analysis_id, self.other_id)
        self._desk.runner.run(operation, self._show, self._refused, owner=self)

    def _refused(self, error: ApiError) -> None:
        self.banner.show_text(error.detail, "warning")

    def _show(self, found: Record | None) -> None:
        self.banner.clear_text()
        if not found or not any(found[k] for k in ("fields", "added", "removed", "changed")):
            self.list.say(t("plan.no_difference"))
            return
        clear(self.list.body)
        rows = [
            {"what": f["label"], "before": _words(f["old"]), "after": _words(f["new"])}
            for f in found["fields"]
        ]
        rows += [
            {
                "what": kind_word(c["new"]["kind"]),
                "before": _row_words(c["old"]),
                "after": _row_words(c["new"]),
            }
            for c in found["changed"]
        ]
        rows += [
            {"what": kind_word(a["kind"]), "before": "—", "after": _row_words(a)} for a in found["added"]
        ]
        rows += [
            {"what": kind_word(r["kind"]), "before": _row_words(r), "after": "—"} for r in found["removed"]
        ]
        self.list.body.addWidget(label(tn("plan.differences", len(rows)), "section"))
        heads = [
            Field(n, t(f"plan.difference.{n}"), "text", required=True) for n in ("what", "before", "after")
        ]
        self.list.body.addWidget(StaticTable(heads, rows, "after"))

    def _overlay(self) -> None:
        if self.other_id is None:
            return
        self.banner.show_text(t("plan.overlay_loading"), "info")
        operation = plan_calls.overlay_picture(self._desk.api, self._analysis_id, self.other_id, 1)
        self._desk.runner.run(operation, self._show_overlay, self._refused, owner=self)

    def _show_overlay(self, content: bytes) -> None:
        picture = QPixmap()
        if picture.loadFromData(content):
            self.banner.clear_text()
            self.canvas.show()
            self.canvas.show_picture(picture)
        else:
            self.banner.show_text(t("plan.sheet_failed"), "warning")


def _words(value: Any) -> str:
    if value in (None, ""):
        return "—"
    return readable(value)


def _row_words(one: Mapping[str, Any]) -> str:
    parts = [str(one.get("text") or _words(one.get("nominal")))]
    if one.get("count") and int(one["count"]) > 1:
        parts.insert(0, f"{one['count']}x")
    return " ".join(parts)
