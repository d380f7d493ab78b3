"""What a scan means: pure state of one scan station, without clock, file or network (EDG-03)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from edge_agents.drivers.scanner.config import ScannerConfig
from edge_agents.drivers.scanner.texts import text
from edge_agents.protocol import credentials, label_fields
from edge_agents.protocol.control import CachedItem, CachedLocation, CachedOperation, CachedUser
from edge_agents.runtime.reference import ReferenceCache

_MOST_CODES = 12
Tone = Literal["success", "info", "warning", "danger"]


@dataclass(frozen=True, slots=True)
class Event:
    """A message to record before the reply is shown."""

    type: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the operator sees; ``actions`` are the buttons offered next."""

    key: str
    message: str
    tone: Tone = "info"
    actions: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()


def _reply(
    key: str, tone: Tone = "info", *events: Event, actions: tuple[str, ...] = (), **values: object
) -> Reply:
    return Reply(key, text(key, **values), tone, actions, events)


@dataclass
class _Local:
    """What this station did to an operation since its cached state was made."""

    status: Literal["in_progress", "paused", "done"]
    started_at: datetime | None = None


@dataclass
class ScanSession:
    """One station's conversation with whoever stands before it."""

    config: ScannerConfig
    reference: ReferenceCache
    user: CachedUser | None = None
    pending: CachedUser | None = None
    operation: CachedOperation | None = None
    item: CachedItem | None = None
    item_scanned: str | None = None
    location: CachedLocation | None = None
    label: list[str] = field(default_factory=list)
    """Raw codes of the supplier's label in hand."""
    _last: dict[str, datetime] = field(default_factory=dict)
    _touched: datetime | None = None
    _local: dict[str, _Local] = field(default_factory=dict)
    _wrong_pins: dict[str, int] = field(default_factory=dict)
    _locked: dict[str, datetime] = field(default_factory=dict)

    @property
    def user_ref(self) -> str | None:
        return self.user.ref if self.user else None

    def logout(self) -> Reply:
        """Forgets the person and what was in hand."""
        self.user = self.pending = self.operation = self.item = self.location = None
        self.label = []
        return _reply("logout")

    def _expire(self, now: datetime) -> None:
        if self._touched and (now - self._touched).total_seconds() > self.config.logout_s:
            self.logout()
        self._touched = now

    def scan(self, code: str, symbology: str, now: datetime) -> Reply:
        """A code was read; the same code within the duplicate time only answers that it was read already."""
        self._expire(now)
        code = code.strip(" \t\r\n")  # a separator at an end belongs to a label
        last = self._last.get(code)
        if last is not None and 0 <= (now - last).total_seconds() < self.config.duplicate_s:
            return _reply("duplicate", "warning")
        self._last = {key: at for key, at in self._last.items() if (now - at).total_seconds() < 60}
        self._last[code] = now
        user = self.reference.user_of_badge(code)
        if user is not None:
            return self._badge(user, now)

        def seen(purpose: str) -> Event:
            return Event("scan.read", {"code": code, "symbology": symbology, "purpose": purpose})

        if self.pending is not None:
            return _reply("pin.needed", "warning", seen("before_pin"))
        if _is_label(code):
            # A message of ISO/IEC 15434 says all; other labels have one code per field.
            self.label = [code] if code.startswith("[)>") else [*self.label, code]
            return _reply("label.known", "info", seen("receipt"), actions=("receive",))
        operation = self.reference.operation(code)
        if operation is not None:
            self.label = []
            return self._scan_operation(operation, seen("operation"), now)
        known = self._scan_thing(code, seen)
        if known is None and label_fields.single(code) is not None:
            return self._scan_field(code, seen("receipt"))
        self.label = []
        return known or self._unknown(seen("unknown"))

    def _scan_field(self, code: str, seen: Event) -> Reply:
        """A label with one code per field: they belong together until one comes back with another value, which is the next label."""
        fields = [field for one in self.label if (field := label_fields.single(one))]
        read = label_fields.single(code)
        if read is not None and any(f[0] == read[0] and f[1] != read[1] for f in fields):
            self.label, fields = [], []
        if code not in self.label:
            self.label.append(code)
            fields += [read] if read is not None else []
        names = {name for name, _ in fields}
        if len(self.label) < 2 or not names & label_fields.PARTS:
            return _reply("label.begun", "info", seen, count=len(self.label))
        said = next((q for one in self.label if (q := label_fields.quantity(one)) is not None), None)
        key = "label.fields" if said is None else "label.fields_quantity"
        return _reply(key, "info", seen, actions=("receive",), count=len(self.label), quantity=said or 0)

    def _unknown(self, seen: Event) -> Reply:
        if not self.reference.users_usable and self.user is None and self.config.require_badge:
            return _reply("badge.too_old", "danger", seen)
        return _reply("code.unknown", "warning", seen)

    def _scan_thing(self, code: str, seen: Callable[[str], Event]) -> Reply | None:
        data = self.reference.data
        item = (
            next((item for item in data.items if code in item.codes or code == item.code), None)
            if data
            else None
        )
        if item is not None:
            self.item, self.item_scanned = item, code if code != item.code else None
            event = seen("item")
            values = {"name": item.name, "unit": item.unit}
            return _reply("item.known", "info", event, actions=("take", "return", "count"), **values)
        location = (
            next((place for place in data.locations if code == place.code or code in place.codes), None)
            if data
            else None
        )
        if location is not None:
            self.location = location
            return _reply("location.known", "info", seen("location"), name=location.name)
        return None

    def _badge(self, user: CachedUser, now: datetime) -> Reply:
        if self.user is not None and self.user.ref == user.ref:
            return self.logout()
        until = self._locked.get(user.ref)
        if until is not None and now < until:
            return _reply("pin.locked", "danger", seconds=int((until - now).total_seconds()) + 1)
        self.logout()
        if self.config.require_pin and user.pin_hash:
            self.pending = user
            return _reply("badge.known", "info", name=user.name)
        self.user = user
        return _reply("badge.welcome", "success", name=user.name)

    def _pin(self, pin: str, now: datetime) -> Reply:
        user = self.pending
        if user is None:
            return _reply("badge.needed", "warning")
        if credentials.matches_pin(pin, user.pin_hash or ""):
            self.user, self.pending = user, None
            self._wrong_pins.pop(user.ref, None)
            return _reply("badge.welcome", "success", name=user.name)
        wrong = self._wrong_pins[user.ref] = self._wrong_pins.get(user.ref, 0) + 1
        if wrong >= self.config.pin_attempts:
            self._locked[user.ref] = now + timedelta(seconds=self.config.lock_s)
            self._wrong_pins.pop(user.ref)
            self.pending = None
            return _reply("pin.locked", "danger", seconds=int(self.config.lock_s))
        return _reply("pin.wrong", "danger")

    def _allowed(self, action: str) -> bool:
        return (
            self.user is not None
            or not self.config.require_badge
            or (action in self.config.unidentified_actions)
        )

    def _state(self, operation: CachedOperation) -> str:
        local = self._local.get(operation.code)
        if local is not None:
            return local.status
        if operation.status == "in_progress":
            return "paused" if operation.is_paused else "in_progress"
        return operation.status

    def _name(self, operation: CachedOperation) -> str:
        return f"{operation.work_order_number}-{operation.sequence_no}"

    def _scan_operation(self, operation: CachedOperation, seen: Event, now: datetime) -> Reply:
        name, state = self._name(operation), self._state(operation)
        if not self._allowed("start"):
            return _reply("badge.needed", "warning", seen)
        self.operation = operation
        if state == "in_progress":
            actions = ("pause", "report", "finish")
            return _reply("operation.propose", "info", seen, actions=actions, operation=name)
        if state == "paused":
            choice = ("resume", "finish")
            return _reply("operation.propose_paused", "info", seen, actions=choice, operation=name)
        if state != "pending" or (operation.allowed_actions and "start" not in operation.allowed_actions):
            key = "operation.done" if state in ("done", "cancelled") else "operation.blocked"
            return _reply(key, "danger", seen, operation=name)
        payload: dict[str, Any] = {"operation_code": operation.code, "kind": "run", "means": "qr"}
        machine = operation.machine.code if operation.machine else self.config.machine_code
        self._local[operation.code] = _Local("in_progress", now)
        started = Event("operation.started", payload | ({"machine_code": machine} if machine else {}))
        values = {"operation": name, "label": operation.operation_label}
        return _reply(
            "operation.started", "success", seen, started, actions=("pause", "report", "finish"), **values
        )

    def act(self, action: str, values: dict[str, Any], now: datetime) -> Reply:
        """A button was pressed. Raises ``KeyError`` or ``ValueError`` naming a missing or wrong value."""
        self._expire(now)
        if action == "pin":
            return self._pin(str(values["pin"]), now)
        if action == "logout":
            return self.logout()
        if not self._allowed(action):
            return _reply("badge.needed", "warning")
        if action in ("take", "return", "count"):
            return self._stock(action, values)
        if action == "receive":
            return self._receive(values)
        if action == "breakdown":
            machine = str(values.get("machine_code") or self.config.machine_code or "")
            payload = {"machine_code": machine, "comment": str(values["comment"])}
            return _reply(
                "breakdown.reported", "success", Event("breakdown.reported", payload), machine=machine
            )
        code = values.get("operation_code")
        operation = self.reference.operation(str(code)) if code else self.operation
        if operation is None:
            return _reply("operation.none", "warning")
        return self._on_operation(action, operation, values, now)

    def _on_operation(
        self, action: str, operation: CachedOperation, values: dict[str, Any], now: datetime
    ) -> Reply:
        name, state = self._name(operation), self._state(operation)
        base: dict[str, Any] = {"operation_code": operation.code}
        if action == "comment":
            payload = base | {"kind": str(values.get("kind", "note")), "text": str(values["text"])}
            return _reply("comment.added", "success", Event("comment.added", payload))
        if action == "tool_broken":
            payload = base | {"tool_code": str(values["tool_code"]), "cause": values.get("cause")}
            return _reply("tool.broken", "success", Event("tool.broken", payload), tool=values["tool_code"])
        allowed = {
            "pause": ("in_progress",),
            "resume": ("paused",),
            "report": ("in_progress",),
            "finish": ("in_progress", "paused"),
        }.get(action, ())
        if state not in allowed:
            return _reply("operation.refused", "danger", operation=name, action=action)
        local = self._local.setdefault(operation.code, _Local("in_progress", operation.started_at))
        if action == "pause":
            local.status = "paused"
            event = Event("operation.paused", base | {"reason_code": str(values.get("reason_code", "other"))})
            return _reply("operation.paused", "success", event, operation=name)
        if action == "resume":
            local.status = "in_progress"
            return _reply("operation.resumed", "success", Event("operation.resumed", base), operation=name)
        return self._quantities(action, operation, local, values, now)

    def _quantities(
        self, action: str, operation: CachedOperation, local: _Local, values: dict[str, Any], now: datetime
    ) -> Reply:
        payload: dict[str, Any] = {
            "operation_code": operation.code,
            "good": _whole(values["good"]),
            "rework": _whole(values.get("rework", 0)),
            "scrap": _whole(values.get("scrap", 0)),
            "scrap_cause": values.get("scrap_cause"),
            "comment": values.get("comment"),
        }
        shown = {"operation": self._name(operation), "good": payload["good"], "scrap": payload["scrap"]}
        if action == "report":
            return _reply("operation.reported", "success", Event("operation.reported", payload), **shown)
        started = local.started_at or operation.started_at
        measured = max((now - started).total_seconds() / 60, 0.0) if started else 0.0
        payload |= {
            "time_spent_min": round(float(values.get("time_spent_min", measured)), 2),
            "tool_change_flag": bool(values.get("tool_change_flag", False)),
            "means": "qr",
            "cut_count": values.get("cut_count"),
            "cut_length_mm": values.get("cut_length_mm"),
            "stock_unit_code": values.get("stock_unit_code"),
        }
        local.status = "done"
        self.operation = None
        return _reply("operation.finished", "success", Event("operation.finished", payload), **shown)

    def _stock(self, action: str, values: dict[str, Any]) -> Reply:
        item = self.item
        if item is None:
            return _reply("item.none", "warning")
        event_type = {"take": "stock.taken", "return": "stock.returned", "count": "stock.counted"}[action]
        quantity = float(values.get("quantity", 1))
        if quantity < 0 or (quantity == 0 and action != "count"):
            raise ValueError("quantité positive attendue")
        place = self.location.code if self.location else self.config.location_code
        running = self.operation.code if self.operation and action == "take" else None
        payload = {
            "code": self.item_scanned,
            "item_code": item.code,
            "quantity": quantity,
            "location_code": values.get("location_code") or place,
            "operation_code": values.get("operation_code") or running,
        }
        shown: dict[str, Any] = {"quantity": quantity, "unit": item.unit, "name": item.name}
        return _reply(event_type, "success", Event(event_type, payload), **shown)

    def _receive(self, values: dict[str, Any]) -> Reply:
        if not self.label:
            return _reply("label.none", "warning")
        said = next((q for one in self.label if (q := label_fields.quantity(one)) is not None), None)
        quantity = float(values["quantity"] if said is None else values.get("quantity", said))
        if not 0 < quantity < math.inf:
            raise ValueError("quantité positive attendue")
        payload = {
            "contents": self.label[-_MOST_CODES:],
            "quantity": quantity,
            "delivery_note": values.get("delivery_note"),
            "location_code": values.get("location_code")
            or (self.location.code if self.location else self.config.location_code),
        }
        self.label = []
        return _reply("goods.received", "success", Event("goods.received", payload), quantity=quantity)


def _is_label(code: str) -> bool:
    """A supplier's label without doubt: ISO/IEC 15434, an AIM identifier of GS1, or fields parted by GS."""
    return code.startswith(("[)>", "]C1", "]d2", "]Q3", "]e0")) or "\x1d" in code


def _whole(value: Any) -> int:
    number = int(value)
    if number != float(value) or number < 0:
        raise ValueError("nombre entier positif attendu")
    return number
