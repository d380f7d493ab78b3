"""Prepared pages of stock as data: sections of figures, tables, bars and maps, which every client shows the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import choice_label, t

Section = dict[str, Any]


def head(ctx: Context, name: str, type_: str = "text", **more: Any) -> dict[str, Any]:
    """Column of a table, described like a field of the metadata."""
    return {"name": name, "label": t(f"board.{name}", ctx.locale), "type": type_, **more}


def choice_head(ctx: Context, name: str, enumeration: str, values: Sequence[str]) -> dict[str, Any]:
    """Column of an enumeration."""
    from coordinator.kernel.tones import tone

    choices = [
        {"value": v, "label": choice_label(enumeration, v, ctx.locale), "tone": tone(v)} for v in values
    ]
    return head(ctx, name, "choice", choices=choices)


def table(
    ctx: Context,
    title: str,
    heads: Sequence[Mapping[str, Any]],
    rows: Sequence[Mapping[str, Any]],
    *,
    empty: str = "board.empty",
    stretch: str | None = None,
) -> Section:
    """Rows under heads, nothing of them without a head; a row's ``_link`` (entity, id) opens a record."""
    shown = {one["name"] for one in heads} | {"_link"}
    return {
        "kind": "table",
        "title": t(title, ctx.locale),
        "fields": list(heads),
        "rows": [{k: jsonable(v) for k, v in row.items() if k in shown} for row in rows],
        "empty": t(empty, ctx.locale),
        "stretch": stretch,
    }


def link(entity: str | None, record_id: int | None) -> dict[str, Any] | None:
    """Where a row leads."""
    return None if entity is None or record_id is None else {"entity": entity, "id": record_id}


def figures(ctx: Context, title: str | None, values: Sequence[tuple[str, Any, str, str | None]]) -> Section:
    """Figures side by side: label, value, unit, hint."""
    return {
        "kind": "figures",
        "title": t(title, ctx.locale) if title else None,
        "items": [{"label": a, "value": jsonable(b), "unit": c, "hint": d} for a, b, c, d in values],
    }


def note(words: str, tone: str = "info") -> Section:
    """A sentence."""
    return {"kind": "note", "text": words, "tone": tone}


def page(title: str, sections: Sequence[Section | None]) -> dict[str, Any]:
    """The whole page."""
    return {"title": title, "sections": [s for s in sections if s is not None]}
