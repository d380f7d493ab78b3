"""The review of a drawing without Qt: fields as a form, places on the sheets, what is still doubtful (DRW-31…34)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from clients.desktop.model.form import FormState
from clients.desktop.model.metadata import NUMERIC, Choice, Field
from clients.desktop.model.texts import t

Document = Mapping[str, Any]
Box = tuple[float, float, float, float]
Layer = Literal["field", "feature", "note"]

LEVELS: dict[str, tuple[str, str]] = {
    "green": ("success", "check"), "orange": ("warning", "alert"), "empty": ("neutral", "dashed"),
    "human": ("info", "user"), "contradiction": ("danger", "alert"),
}  # fmt: skip
"""Tone and sign of each level of confidence; the word comes from the catalogue."""
GROUPS = ("title_block", "material", "size", "order")
BUSY = frozenset({"uploaded", "analysing"})
SHAPE = "feature."


def level_word(level: str) -> str:
    """« Sûr », « À vérifier », « Vide », « Saisi », « Contradiction »."""
    return t(f"plan.level.{level}")


def kind_word(kind: str) -> str:
    """Name of a kind of dimension or feature; an unknown one as the server writes it."""
    key = f"plan.kind.{kind}"
    word = t(key)
    return kind.rpartition(".")[2].replace("_", " ").capitalize() if word == key else word


def engine_word(engine: str) -> str:
    """Name of a reading engine for people."""
    key = f"plan.engine.{engine}"
    word = t(key)
    return engine if word == key else word


@dataclass(frozen=True)
class Mark:
    """A place on a sheet: ``box`` in shares of the sheet, from the top left."""

    key: str
    layer: Layer
    file_id: int
    page: int
    box: Box
    level: str
    text: str
    balloon: int | None = None
    is_critical: bool = False
    others: tuple[Box, ...] = ()
    """Further places of equal shapes on the same sheet."""


def marks_of(document: Document) -> list[Mark]:
    """Every place the review can show, the large ones first so that small ones stay on top."""
    found: list[Mark] = []
    for one in document.get("fields") or []:
        words = f"{one['label']} : {one.get('display') or one.get('read_value') or '—'}"
        _add(found, f"field:{one['name']}", "field", one, one["level"], words)
    zoned = {one["feature_id"] for one in document.get("zones") or [] if one.get("feature_id") is not None}
    for one in document.get("features") or []:
        one = {**one, "is_critical": bool(one.get("is_critical")) or one["id"] in zoned}
        words = f"{kind_word(one['kind'])} : {one.get('text') or one.get('nominal') or ''}"
        _add(found, f"feature:{one['id']}", "feature", one, one["level"], words)
    for number, one in enumerate(document.get("notes") or []):
        _add(found, f"note:{number}", "note", one, "green", str(one["text"]))
    return sorted(found, key=lambda m: -(m.box[2] - m.box[0]) * (m.box[3] - m.box[1]))


def _add(found: list[Mark], key: str, layer: Layer, place: Mapping[str, Any], level: str, text: str) -> None:
    box, page, file_id = place.get("box"), place.get("page"), place.get("file_id")
    if not box or page is None or file_id is None:
        return
    others = tuple(_inside(one) for one in (place.get("boxes") or [])[1:])
    found.append(
        Mark(
            key, layer, int(file_id), int(page), _inside(box), level, text,
            place.get("balloon_no"), bool(place.get("is_critical")), others,
        )
    )  # fmt: skip


def _inside(box: Any) -> Box:
    """A box cut to its sheet."""
    x0, y0, x1, y1 = (min(max(float(v), 0.0), 1.0) for v in box)
    return x0, y0, x1, y1


@dataclass(frozen=True)
class SheetRef:
    """One sheet of one file."""

    file_id: int
    page: int
    title: str


def sheets_of(document: Document) -> list[SheetRef]:
    """Sheets that can be shown, in the order of the files."""
    found = []
    for file in document.get("files") or []:
        pages = file.get("pages") or []
        for one in pages:
            page = int(one["page"])
            title = str(file["file_name"])
            if len(pages) > 1:
                title = t("plan.sheet", file=title, page=page, count=len(pages))
            found.append(SheetRef(int(file["id"]), page, title))
    return found


def form_fields(document: Document) -> tuple[Field, ...]:
    """Fields of the review as the client's forms know them."""
    return tuple(_field(one) for one in document.get("fields") or [])


def _field(one: Mapping[str, Any]) -> Field:
    choices = tuple(Choice(c["value"], c["label"], "neutral") for c in one.get("choices") or [])
    return Field(
        str(one["name"]), str(one["label"]), str(one["type"]), required=bool(one["mandatory"]),
        read_only=not one["editable"], unit=one.get("unit"), decimals=3 if one["type"] in ("decimal", "quantity") else None,
        max_length=one.get("max_length"), target=one.get("target"), choices=choices,
    )  # fmt: skip


def form_record(document: Document) -> dict[str, Any]:
    """Values of the review as a record of the form."""
    record: dict[str, Any] = {"id": document["id"], "row_version": document["row_version"]}
    for one in document.get("fields") or []:
        name = str(one["name"])
        record[name] = one["value"]
        if one["type"] == "reference":
            record[name.removesuffix("_id")] = {"display": one["display"]} if one["display"] else None
    return record


def review_form(document: Document) -> FormState:
    """Form of a review document."""
    return FormState(form_fields(document), form_record(document))


def fields_by_name(document: Document) -> dict[str, Mapping[str, Any]]:
    """Fields of a review by name."""
    return {str(one["name"]): one for one in document.get("fields") or []}


def is_doubtful(field: Mapping[str, Any]) -> bool:
    """Whether a person must look: doubtful, contradictory, or mandatory and empty."""
    if not field["editable"]:
        return False
    return field["level"] in ("orange", "contradiction") or (field["level"] == "empty" and field["mandatory"])


def doubtful(document: Document) -> list[str]:
    """Names of the fields to look at, in the order of the form."""
    ordered = sorted(document.get("fields") or [], key=lambda f: GROUPS.index(f["group"]))
    return [str(one["name"]) for one in ordered if is_doubtful(one)]


def following(names: list[str], current: str | None, order: list[str], step: int = 1) -> str | None:
    """Next name of ``names`` after ``current`` in the whole ``order``, around the end."""
    if not names:
        return None
    if current not in order:
        return names[0 if step > 0 else -1]
    start = order.index(current)
    for distance in range(1, len(order) + 1):
        name = order[(start + step * distance) % len(order)]
        if name in names:
            return name
    return None


def origin_words(field: Mapping[str, Any]) -> str:
    """Where a value comes from, in words: engine, sheet, confidence."""
    parts = []
    if field.get("engine"):
        parts.append(t("plan.origin.engine", engine=engine_word(str(field["engine"]))))
    if field.get("page"):
        parts.append(t("plan.origin.page", page=field["page"]))
    if field.get("read_value") is not None and field.get("confidence"):
        parts.append(t("plan.origin.confidence", percent=round(float(field["confidence"]) * 100)))
    if (correction := field.get("correction")) and correction.get("read_value"):
        parts.append(t("plan.origin.corrected", value=correction["read_value"]))
    return " · ".join(parts)


def short_origin(field: Mapping[str, Any]) -> str:
    """The same in a few words, for a narrow place: « 70 %, feuille 1 »."""
    if (correction := field.get("correction")) and correction.get("read_value"):
        return t("plan.origin.corrected", value=correction["read_value"])
    parts = []
    if field.get("read_value") is not None and field.get("confidence"):
        parts.append(t("plan.origin.percent", percent=round(float(field["confidence"]) * 100)))
    if field.get("page"):
        parts.append(t("plan.origin.page", page=field["page"]))
    return ", ".join(parts)


def candidates_of(field: Mapping[str, Any], present: Any) -> list[Mapping[str, Any]]:
    """Other values to take with one click: what was read, then the candidates; never the present one."""
    found: list[Mapping[str, Any]] = []
    numeric = field["type"] in NUMERIC
    seen = {_plain(present, numeric), ""}
    read = field.get("read_value")
    pool = (
        [{"value": read, "confidence": field.get("confidence"), "evidence": None}] if read is not None else []
    )
    for one in [*pool, *(field.get("candidates") or [])]:
        if field["type"] == "reference" and not isinstance(one.get("value"), int):
            continue
        if (plain := _plain(one.get("value"), numeric)) not in seen:
            seen.add(plain)
            found.append(one)
    return found[:4]


def _plain(value: Any, numeric: bool) -> str:
    text = "" if value is None else str(value)
    with contextlib.suppress(InvalidOperation):
        return str(Decimal(text).normalize()) if numeric else text
    return text


def missing_labels(document: Document) -> list[str]:
    """Labels of what validation still asks."""
    named = fields_by_name(document)
    return [str(named[n]["label"]) if n in named else n for n in document.get("missing") or []]


def is_shape(feature: Mapping[str, Any]) -> bool:
    """Whether a row is a feature of the part (hole, groove…) rather than a dimension or tolerance."""
    return str(feature["kind"]).startswith(SHAPE)
