"""Import of drawings: files dropped or chosen, for whom, how many; then what became of each, live (DRW-01, DRW-08, DRW-15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QLineEdit, QProgressBar, QVBoxLayout, QWidget

from clients.desktop.model import formatting
from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.formatting import InputError
from clients.desktop.model.live import Change
from clients.desktop.model.metadata import Field
from clients.desktop.model.plan_outbox import PlanImport
from clients.desktop.model.plans import BUSY
from clients.desktop.model.texts import t, tn
from clients.desktop.operations import plan_calls
from clients.desktop.tokens import STEP
from clients.desktop.ui import theme
from clients.desktop.ui.desk import Desk
from clients.desktop.ui.form_view import scrolled
from clients.desktop.ui.plans.queue import PlanQueue
from clients.desktop.ui.reference import ReferenceEdit
from clients.desktop.ui.widgets import Badge, Banner, button, card, clear, column, label, restyle, row

_POLL_MS = 2500
_QUANTITY = Field("quantity", "", "quantity", decimals=3)
_SUBFOLDERS = 200


def files_of_drop(event: QDragEnterEvent | QDropEvent) -> list[Path]:
    """Files somebody drags in; of a folder, the files in it."""
    found: list[Path] = []
    for url in event.mimeData().urls():
        path = Path(url.toLocalFile())
        if url.isLocalFile() and path.is_dir():
            found += sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))[
                :_SUBFOLDERS
            ]
        elif url.isLocalFile() and path.is_file():
            found.append(path)
    return found


class DropZone(QFrame):
    """Surface that takes files."""

    dropped = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setAcceptDrops(True)
        layout = column(self, margins=5 * STEP)
        title = label(t("plan.drop"), "section")
        hint = label(t("plan.drop_hint"), "muted", wrap=True)
        layout.addWidget(title)
        layout.addWidget(hint)
        acts = row()
        self.choose = button(t("plan.choose_files"), sign="documents", on_click=self._choose)
        acts.addWidget(self.choose)
        acts.addStretch()
        layout.addLayout(acts)

    def _choose(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, t("plan.choose_files"), str(Path.home()))
        if names:
            self.dropped.emit([Path(n) for n in names])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 — Qt's name
        """Show that files are welcome."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
            restyle(self, "accent", "true")

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802 — Qt's name
        """As before."""
        restyle(self, "accent", "false")
        super().dragLeaveEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 — Qt's name
        """Take the files."""
        restyle(self, "accent", "false")
        event.acceptProposedAction()
        if files := files_of_drop(event):
            self.dropped.emit(files)


class ImportCard(QFrame):
    """One import: waiting, then each drawing with its progress, what was refused and what was known."""

    opened = Signal(int)
    again_wanted = Signal(object)

    def __init__(self, desk: Desk, order: PlanImport) -> None:
        super().__init__()
        self.setObjectName("card")
        self._desk = desk
        self.order = order
        self.import_id: int | None = None
        self.state: Record = {}
        self._loading = False
        layout = column(self, margins=4 * STEP)
        head = row()
        who = order.customer or t("plan.no_customer")
        head.addWidget(label(tn("plan.import_title", len(order.names), customer=who), "section"), 1)
        self.badge = Badge()
        head.addWidget(self.badge)
        layout.addLayout(head)
        self.note = label(", ".join(order.names)[:300], "muted", wrap=True)
        layout.addWidget(self.note)
        self.body: QVBoxLayout = column(spacing=STEP)
        layout.addLayout(self.body)
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self.load)
        self.badge.set(t("plan.sending"), "info", "right")

    def wait(self, reason: str) -> None:
        """The server was not reached."""
        self.badge.set(t("plan.waiting"), "warning", "pause")
        self.note.setText(t("plan.waiting_text", reason=reason))

    def refuse(self, error: ApiError) -> None:
        """Nothing of it was taken."""
        self.badge.set(t("plan.refused"), "danger", "alert")
        self.note.setText(error.detail)
        self.show_state({"analyses": [], "refused": error.extra.get("refused") or [], "known": []})

    def take(self, answer: Record) -> None:
        """The server has it."""
        self.import_id = int(answer["import_id"])
        self.show_state(answer)
        self.load()

    def load(self) -> None:
        """Read how far it is."""
        if self.import_id is None or self._loading:
            return
        self._loading = True
        operation = plan_calls.import_state(self._desk.api, self.import_id)
        self._desk.runner.run(operation, self._arrived, self._not_arrived, owner=self)

    def _arrived(self, state: Record) -> None:
        self._loading = False
        self.show_state(state)

    def _not_arrived(self, _error: ApiError) -> None:
        self._loading = False

    def show_state(self, state: Record) -> None:
        """Show the drawings of the import."""
        self.state = state
        clear(self.body)
        analyses = state.get("analyses") or []
        for one in analyses:
            self.body.addWidget(self._analysis(one))
        for one in state.get("known") or []:
            self.body.addWidget(self._known(one))
        for one in state.get("refused") or []:
            self.body.addWidget(
                self._line(str(one["name"]), "refused", "danger", "alert", str(one["message"]))
            )
        busy = [a for a in analyses if a["status"] in BUSY]
        if self.import_id is not None:
            done = len(analyses) - len(busy)
            if busy:
                self.badge.set(t("plan.read_count", done=done, total=len(analyses)), "info", "play")
            else:
                self.badge.set(t("plan.done"), "success" if analyses else "muted", "check")
            self.note.hide()
        if busy and not self._timer.isActive():
            self._timer.start()
        elif not busy:
            self._timer.stop()

    def _line(self, name: str, word: str, tone: str, sign: str, text: str, *more: QWidget) -> QWidget:
        holder = QWidget()
        layout = row(holder, spacing=3 * STEP)
        layout.addWidget(Badge(t(f"plan.state.{word}"), tone, sign))
        layout.addWidget(label(name, "section"))
        layout.addWidget(label(text, "muted", wrap=True), 1)
        for widget in more:
            layout.addWidget(widget)
        return holder

    def _analysis(self, one: Mapping[str, Any]) -> QWidget:
        names = ", ".join(str(f["file_name"]) for f in one.get("files") or [])
        status = str(one["status"])
        busy = status in BUSY
        tone, sign = {
            "to_review": ("warning", "alert"), "failed": ("danger", "alert"), "validated": ("success", "check"),
            "superseded": ("muted", "close"), "rejected": ("muted", "close"),
        }.get(status, ("info", "play"))  # fmt: skip
        error = one.get("error") or {}
        text = str(one.get("progress_step") or "") if busy else str(error.get("message") or "")
        review = status == "to_review"
        if review and one.get("parts_offered") and not text:
            text = tn("plan.parts_offered", int(one["parts_offered"]))
        act = partial(self.opened.emit, int(one["id"]))
        more: list[QWidget] = [
            button(
                t("plan.review_it") if review else t("plan.open_it"),
                "primary" if review else "",
                on_click=act,
            )
        ]
        if busy:
            progress = QProgressBar()
            progress.setRange(0, 100)
            progress.setValue(int(one.get("progress_pct") or 0))
            progress.setTextVisible(False)
            progress.setFixedWidth(theme.scaled(160))
            more.insert(0, progress)
        return self._line(names, status, tone, sign, text, *more)

    def _known(self, one: Mapping[str, Any]) -> QWidget:
        text = str(one.get("message") or t("plan.known_text"))
        more: list[QWidget] = []
        if one.get("analysis_id") is not None:
            act = partial(self.opened.emit, int(one["analysis_id"]))
            again = partial(self.again_wanted.emit, self.order)
            more = [button(t("plan.open_it"), on_click=act), button(t("plan.again"), "flat", on_click=again)]
        return self._line(str(one["name"]), "known", "muted", "circle", text, *more)


class ImportPage(QWidget):
    """Page « Importer des plans »."""

    def __init__(self, desk: Desk, queue: PlanQueue, files: Sequence[Path] = ()) -> None:
        super().__init__()
        self.setObjectName("page")
        self.desk = desk
        self.queue = queue
        self.files: list[Path] = []
        self.cards: dict[str, ImportCard] = {}
        self._sources: dict[str, list[Path]] = {}
        self.customer_name = ""
        outer = column(self, spacing=3 * STEP)
        outer.setContentsMargins(6 * STEP, 5 * STEP, 4 * STEP, 0)
        outer.addWidget(label(t("plan.import"), "title"))
        body = QWidget()
        body.setObjectName("pageBody")
        body.setMaximumWidth(theme.scaled(1100))
        layout = column(body, spacing=3 * STEP)
        self.banner = Banner()
        layout.addWidget(self.banner)
        self.zone = DropZone()
        self.zone.dropped.connect(self.add_files)
        layout.addWidget(self.zone)
        layout.addWidget(self._order_card())
        self._cards: QVBoxLayout = column(spacing=3 * STEP)
        layout.addLayout(self._cards)
        layout.addStretch()
        outer.addWidget(scrolled(body), 1)
        queue.sent.connect(self._sent)
        queue.refused.connect(lambda order, error: self._card(order).refuse(error))
        queue.waiting.connect(lambda order, error: self._card(order).wait(error.detail))
        queue.not_kept.connect(self._not_kept)
        desk.changed.connect(self._on_change)
        for order in queue.outbox.waiting():
            self._card(order).wait(t("plan.kept_before"))
        self.add_files(files)

    @property
    def title(self) -> str:
        """Name of the tab."""
        return t("plan.import")

    def _order_card(self) -> QFrame:
        frame, inner = card()
        self.chosen: QVBoxLayout = column(spacing=STEP // 2)
        inner.addLayout(self.chosen)
        line = row(spacing=4 * STEP)
        customers = self.desk.metadata.entities.get("customer")
        target = customers.plural if customers else None
        self.customer = ReferenceEdit(
            self.desk, Field("customer_id", t("plan.customer"), "reference", target=target)
        )
        self.customer.chosen.connect(self._named)
        self.quantity = QLineEdit()
        self.quantity.setPlaceholderText(t("plan.quantity_hint"))
        for title, widget, share in (
            (t("plan.customer"), self.customer, 3),
            (t("plan.quantity"), self.quantity, 1),
        ):
            block = column(spacing=STEP // 2)
            block.addWidget(label(title, "label"))
            block.addWidget(widget)
            widget.setAccessibleName(title)
            line.addLayout(block, share)
        inner.addLayout(line)
        self.error = label("", "error", wrap=True)
        self.error.hide()
        inner.addWidget(self.error)
        acts = row()
        self.send_button = button(t("plan.send"), "primary", on_click=self.send)
        acts.addWidget(self.send_button)
        acts.addWidget(label(t("plan.send_hint"), "muted"), 1)
        inner.addLayout(acts)
        self._show_files()
        return frame

    def _named(self, _value: Any, shown: str) -> None:
        self.customer_name = shown

    def add_files(self, files: Sequence[Path]) -> None:
        """Add files to the import; the same one only once."""
        self.files += [f for f in dict.fromkeys(files) if f not in self.files]
        self._show_files()

    def remove_file(self, path: Path) -> None:
        """Take a file off before sending."""
        self.files.remove(path)
        self._show_files()

    def _show_files(self) -> None:
        clear(self.chosen)
        if not self.files:
            self.chosen.addWidget(label(t("plan.no_file"), "muted"))
        for path in self.files:
            line = row()
            line.addWidget(label(path.name))
            line.addWidget(label(_size(path), "muted"))
            off = button("", "icon", "close", partial(self.remove_file, path))
            off.setAccessibleName(t("plan.take_off", file=path.name))
            off.setToolTip(t("plan.take_off", file=path.name))
            line.addWidget(off)
            line.addStretch()
            self.chosen.addLayout(line)
        self.send_button.setEnabled(bool(self.files))
        self.send_button.setText(tn("plan.send_count", len(self.files)) if self.files else t("plan.send"))

    def send(self) -> None:
        """Keep the import on this computer and send it."""
        try:
            quantity = formatting.parse(_QUANTITY, self.quantity.text())
        except InputError as error:
            self._say(str(error))
            return
        if quantity is not None and float(quantity) <= 0:
            self._say(t("plan.quantity_positive"))
            return
        self._say("")
        self._order(
            self.files, quantity=quantity, customer_id=self.customer.value, customer=self.customer_name
        )
        self.files = []
        self._show_files()

    def _say(self, text: str) -> None:
        self.error.setText(text)
        self.error.setVisible(bool(text))

    def _order(self, files: Sequence[Path], **values: Any) -> None:
        order = PlanImport(tuple(p.name for p in files), **values)
        self._sources[order.key] = list(files)
        self._card(order)
        self.queue.add(files, order)

    def _again(self, order: PlanImport) -> None:
        """Read files again that the customer had sent before."""
        known = {str(k["name"]) for k in self.cards[order.key].state.get("known") or []}
        files = [p for p in self._sources.get(order.key, []) if p.name in known and p.is_file()]
        if not files:
            self.banner.show_text(t("plan.choose_again"), "warning")
            return
        self._order(
            files, quantity=order.quantity, customer_id=order.customer_id, customer=order.customer, again=True
        )

    def _card(self, order: PlanImport) -> ImportCard:
        known = self.cards.get(order.key)
        if known is not None:
            return known
        made = ImportCard(self.desk, order)
        made.opened.connect(
            lambda number: self.desk.open_record(self.desk.entity("drawing_analysis"), number)
        )
        made.again_wanted.connect(self._again)
        self.cards[order.key] = made
        self._cards.insertWidget(0, made)
        return made

    def _sent(self, order: PlanImport, answer: Record) -> None:
        self._card(order).take(answer)

    def _not_kept(self, order: PlanImport) -> None:
        made = self.cards.pop(order.key, None)
        if made is not None:
            made.deleteLater()
        self.banner.show_text(t("plan.not_read", names=", ".join(order.names)), "danger")

    def _on_change(self, change: Change) -> None:
        if change.entity in ("drawing_analysis", "*"):
            for made in self.cards.values():
                made.load()


def _size(path: Path) -> str:
    try:
        size = path.stat().st_size
    except OSError:
        return ""
    return f"{formatting.number(size / 1024 / 1024, 1)} Mo" if size > 1 << 20 else f"{max(1, size >> 10)} ko"
