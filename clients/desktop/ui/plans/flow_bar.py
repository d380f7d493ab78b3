"""The bar over the tabs of a review: what is left to do, what is not saved yet, the next doubtful field, exports."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QMenu

from clients.desktop.model.texts import t
from clients.desktop.tokens import STEP
from clients.desktop.ui.widgets import button, label, row


class FlowBar(QFrame):
    """Texts ``progress`` and ``saved``, button ``next``; ``export`` gets "pdf" or "json"."""

    def __init__(
        self, go_next: Callable[[], Any], export: Callable[[str], None], *, may_export: bool
    ) -> None:
        super().__init__()
        self.setObjectName("card")
        bar = row(self)
        bar.setContentsMargins(3 * STEP, STEP + 2, 2 * STEP, STEP + 2)
        self.progress = label("", "section")
        self.saved = label("", "muted")
        self.next = button(t("plan.next"), "", "right", go_next)
        self.next.setToolTip(t("plan.next_hint"))
        self.next.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        way_out = button("", "flat", "download")
        way_out.setToolTip(t("plan.export"))
        way_out.setAccessibleName(t("plan.export"))
        menu = QMenu(way_out)
        for kind in ("pdf", "json"):
            menu.addAction(t(f"plan.export_{kind}"), partial(export, kind))
        way_out.setMenu(menu)
        way_out.setVisible(may_export)
        bar.addWidget(self.progress, 1)
        bar.addWidget(self.saved)
        bar.addWidget(self.next)
        bar.addWidget(way_out)
