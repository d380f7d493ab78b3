"""State of a form: what was read, what was typed, what is wrong, and how two people's changes meet (UIX-07, UIX-62)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from clients.desktop.model.api import Record
from clients.desktop.model.errors import ApiError
from clients.desktop.model.metadata import Entity, Field
from clients.desktop.model.texts import t


@dataclass(frozen=True)
class FieldConflict:
    """A field two people changed: what was read, mine, theirs."""

    field: Field
    mine: Any
    theirs: Any


def same(field: Field, first: Any, second: Any) -> bool:
    """Whether two values of a field mean the same: ``""`` and ``[]`` are nothing, « 10 » is « 10.000 »."""
    first, second = (None if v in ("", None, []) else v for v in (first, second))
    if first is None or second is None:
        return first is second
    if field.is_numeric:
        try:
            return Decimal(str(first)) == Decimal(str(second))
        except InvalidOperation:
            return False
    return bool(first == second)


class FormState:
    """Values of one record being read, changed or created. Also serves the parameters of an action."""

    def __init__(
        self, fields: tuple[Field, ...], record: Record | None = None, preset: Mapping[str, Any] | None = None
    ) -> None:
        self.fields = {f.name: f for f in fields}
        self.is_new = record is None
        self.record: Record = dict(record) if record is not None else self._defaults()
        self.key = str(uuid.uuid4())
        """Idempotency key: saving again after a lost answer creates nothing twice."""
        self.names: dict[str, str] = {}
        """Names of chosen references, for the eye."""
        self._typed: Record = dict(preset or {})
        self.errors: dict[str, str] = {}
        self._unreadable: dict[str, str] = {}

    @classmethod
    def of(
        cls, entity: Entity, record: Record | None = None, preset: Mapping[str, Any] | None = None
    ) -> FormState:
        """Form of an entity."""
        return cls(tuple(entity.form_fields), record, preset)

    def _defaults(self) -> Record:
        """What the server will put where nothing is typed: shown, never sent."""
        return {n: f.default for n, f in self.fields.items() if f.default is not None and self.writable(f)}

    @property
    def row_version(self) -> int:
        """Version the record was read in."""
        return int(self.record.get("row_version", 0))

    def value(self, name: str) -> Any:
        """Typed value, else the one read."""
        return self._typed[name] if name in self._typed else self.record.get(name)

    def set(self, name: str, value: Any) -> None:
        """Type a value; typing the read one again is no change."""
        self.errors.pop(name, None)
        self._unreadable.pop(name, None)
        field = self.fields[name]
        if same(field, value, self.record.get(name)):
            self._typed.pop(name, None)
        else:
            self._typed[name] = value

    def refuse(self, name: str, message: str) -> None:
        """Note that what was typed is no value of the field."""
        self.errors[name] = message
        self._unreadable[name] = message

    @property
    def dirty(self) -> dict[str, Any]:
        """Changed fields."""
        return dict(self._typed)

    @property
    def is_dirty(self) -> bool:
        """Whether something was typed that is not saved."""
        return bool(self._typed or self._unreadable)

    def writable(self, field: Field) -> bool:
        """Whether the form sends the field."""
        return not field.read_only and field.type not in {"secret", "uid"}

    def validate(self) -> bool:
        """Check before sending; messages stand in :attr:`errors`."""
        self.errors = dict(self._unreadable)
        for name, field in self.fields.items():
            if not self.writable(field) or name in self.errors:
                continue
            value = self.value(name)
            if field.required and field.type != "boolean" and value in (None, "", []):
                self.errors[name] = t("input.required")
        return not self.errors

    def payload(self) -> Record:
        """What is sent: the changed fields, or all typed ones of a new record."""
        return {
            n: (None if v == "" else v)
            for n, v in self._typed.items()
            if n in self.fields and self.writable(self.fields[n]) and not (self.is_new and v in ("", None))
        }

    def apply_errors(self, error: ApiError) -> str | None:
        """Place the server's messages beside their fields. Returns the sentence for what concerns no shown field."""
        rest = []
        for name, message in error.fields.items():
            if (owner := name.partition(".")[0]) in self.fields:
                self.errors[owner] = message
            else:
                rest.append(message)
        if self.errors and not rest:
            return error.detail if not error.fields else None
        return " ".join([error.detail, *(m for m in rest if m not in error.detail)]).strip()

    def saved(self, record: Record) -> None:
        """Take the answer of the server: nothing is left to save."""
        self.record, self.is_new = dict(record), False
        self._typed, self._unreadable, self.errors, self.names = {}, {}, {}, {}

    def reset(self) -> None:
        """Give up what was typed."""
        self._typed, self._unreadable, self.errors, self.names = {}, {}, {}, {}

    def as_typed(self) -> Record:
        """The record as it would be with my values, names of references included."""
        merged = {**self.record, **self._typed}
        for name in self._typed:
            if self.fields[name].type == "reference":
                merged[name.removesuffix("_id")] = (
                    {"display": self.names.get(name, "")} if self._typed[name] else None
                )
        return merged

    def conflicts(self, current: Record) -> list[FieldConflict]:
        """Fields both sides changed to different values."""
        return [
            FieldConflict(self.fields[n], mine, current.get(n))
            for n, mine in self._typed.items()
            if not same(self.fields[n], current.get(n), self.record.get(n))
            and not same(self.fields[n], mine, current.get(n))
        ]

    def rebase(self, current: Record, keep_mine: Mapping[str, bool] | None = None) -> None:
        """Continue on the present record: fields I did not touch take its values, the others as chosen."""
        typed = self._typed
        self.record = dict(current)
        self._typed = {}
        for name, mine in typed.items():
            if keep_mine is None or keep_mine.get(name, True):
                self.set(name, mine)

    def to_draft(self) -> Record:
        """What must survive a crash or a lost session."""
        return {
            "values": self.dirty,
            "row_version": self.record.get("row_version"),
            "base": {n: self.record.get(n) for n in self._typed},
            "key": self.key,
            "names": self.names,
        }

    def restore(self, draft: Mapping[str, Any]) -> None:
        """Type again what a draft holds, over the version it was typed over, so that the server refuses it when somebody saved
        in between and the fields both changed are named; unknown fields are dropped."""
        if not self.is_new and draft.get("row_version") is not None:
            base = {n: v for n, v in (draft.get("base") or {}).items() if n in self.fields}
            self.record = {**self.record, **base, "row_version": draft["row_version"]}
        self.key = str(draft.get("key") or self.key)
        self.names.update(draft.get("names") or {})
        for name, value in (draft.get("values") or {}).items():
            if name in self.fields and self.writable(self.fields[name]):
                self.set(name, value)
