"""A camera's entry in the register of processing, and who looked at its pictures (MCH-35, MCH-36)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clients.desktop.model import formatting
from clients.desktop.model.texts import t
from clients.desktop.operations import machine_calls
from clients.desktop.ui.sheet_view import SheetView, pairs
from clients.desktop.ui.widgets import card, label

_LINES = (
    "purpose", "place", "machine", "mode", "sound", "retention", "storage", "informed_on", "consultation", "consulted_on",
    "sign_on", "clips",
)  # fmt: skip


class CameraRegisterView(SheetView):
    """Tab « Registre » of a camera."""

    entities = ("camera", "camera_clip")

    def _call(self) -> Callable[[], Mapping[str, Any]]:
        return machine_calls.read(self.desk.api, f"/cameras/{self.record_id}/register")

    def _fill(self, data: Mapping[str, Any]) -> None:
        frame, layout = card()
        layout.addWidget(label(str(data["title"]), "section"))
        shown = {
            n: formatting.date(data[n]) if n.endswith("_on") and data.get(n) else data.get(n) for n in _LINES
        }
        pairs(
            layout,
            [
                (t(f"register.{n}"), str(shown[n]) if shown[n] is not None else t("register.missing"))
                for n in _LINES
            ],
        )
        self._body.addWidget(frame)
        frame, layout = card()
        layout.addWidget(label(t("register.looks"), "section"))
        looks = list(data.get("looks") or [])
        for look in looks:
            action = t(f"register.action.{look['action']}")
            words = (look.get("person") or "—", action, f"n° {look.get('clip_id') or '—'}")
            layout.addWidget(label(" · ".join((formatting.instant(look["at"]), *words))))
        if not looks:
            layout.addWidget(label(t("register.no_looks"), "muted"))
        self._body.addWidget(frame)
