"""What is kept of the cabinets' pictures and models, why and until when (VIS-28)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from PySide6.QtWidgets import QFrame

from clients.desktop.model import formatting
from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import t, tn
from clients.desktop.ui.static_table import StaticTable
from clients.desktop.ui.widgets import button, card, label, row


def kept_card(desk: Any, found: Mapping[str, Any]) -> QFrame:
    """Pictures by kind with what holds them, and the models with the stations they cannot be erased for."""
    frame, inner = card()
    inner.addWidget(label(t("kept.title"), "section"))
    inner.addWidget(label(t("kept.help"), "muted", wrap=True))
    columns = [
        Field("name", t("kept.kind"), "text"),
        Field("kept", t("kept.kept"), "integer"),
        Field("waiting", t("kept.waiting"), "integer"),
        Field("taught", t("kept.taught"), "integer"),
        Field("rule", t("kept.rule"), "text"),
        Field("next", t("kept.next"), "text"),
    ]
    inner.addWidget(StaticTable(columns, [_shown(one) for one in found["rows"]], "next"))
    entity = desk.metadata.entities.get("ai_model")
    for model in found["models"]:
        line = row()
        name = f"{model['name']} {model['version']}"
        if entity is not None:
            line.addWidget(button(name, "link", on_click=partial(desk.open_record, entity, int(model["id"]))))
        else:
            line.addWidget(label(name))
        line.addWidget(label(_held(model), "muted", wrap=True), 1)
        inner.addLayout(line)
    return frame


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    days = one["days"]
    return {
        **one,
        "name": t(f"kept.{one['kind']}"),
        "rule": t("kept.while_in_service") if days is None else tn("kept.days", int(days)),
        "next": formatting.instant(one["next_at"]) if one["next_at"] else "—",
    }


def _held(model: Mapping[str, Any]) -> str:
    """Why a model is kept, or that it may be erased."""
    if model["may_erase"]:
        return t("kept.may_erase")
    parts = [
        t(f"kept.model.{kind}", stations=", ".join(names))
        for kind in ("running", "previous")
        if (names := [str(s["station"]) for s in model["stations"] if s["as"] == kind])
    ]
    if not parts:
        parts = [t(f"kept.model.{model['status']}")]
    if model["pictures"]:
        parts.append(tn("kept.pictures_of", int(model["pictures"])))
    return " · ".join(parts)
