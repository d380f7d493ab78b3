"""Alarms of a server: conditions it notifies, or a folder of active errors it keeps (MCH-10)."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Protocol

import structlog

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.opcua_machine.config import AlarmSource
from edge_agents.drivers.opcua_names import Client, Node

log = structlog.get_logger(__name__)
_REFRESH_START, _REFRESH_END, _REFRESH_REQUIRED = 2787, 2788, 2789
_CONDITION_TYPE, _ALARM_TYPE, _EVENT_TYPE = 2782, 2915, 2041
_REFRESH_METHOD = 3875
_VALUE, _NODE_ID = ua.AttributeIds.Value, ua.AttributeIds.NodeId
_GRACE_S = 2.0
_MAX_ERRORS = 100
_FIELDS = (
    ("EventType", _EVENT_TYPE),
    ("SourceName", _EVENT_TYPE),
    ("Time", _EVENT_TYPE),
    ("Message", _EVENT_TYPE),
    ("Severity", _EVENT_TYPE),
    ("ConditionName", _CONDITION_TYPE),
    ("BranchId", _CONDITION_TYPE),
    ("Retain", _CONDITION_TYPE),
    ("ActiveState/Id", _ALARM_TYPE),
)


class AlarmSink(Protocol):
    """What the alarms are told to."""

    def raise_alarm(
        self, key: str, code: str, text: str, severity: int | None, at: float, *, is_live: bool
    ) -> None:
        """Active now; not ``is_live`` when it was found active after a connection."""

    def clear_alarm(self, key: str, at: float) -> None:
        """Over."""

    def keep_alarms(self, keys: set[str]) -> None:
        """Every other alarm known from before is over."""


def _operand(type_id: ua.NodeId, names: list[ua.QualifiedName], attribute: ua.AttributeIds = _VALUE) -> Any:
    operand = ua.SimpleAttributeOperand()
    operand.TypeDefinitionId = type_id
    operand.BrowsePath = names
    operand.AttributeId = attribute
    return operand


async def event_filter(client: Client, source: AlarmSource) -> ua.EventFilter:
    """Fields to be told: few and from the standard, so that also small servers accept them."""
    clauses = [
        _operand(ua.node_id(type_id), [ua.QualifiedName(part, 0) for part in name.split("/")])
        for name, type_id in _FIELDS
    ]
    clauses.append(_operand(ua.node_id(_CONDITION_TYPE), [], _NODE_ID))
    if source.code is not None:
        with contextlib.suppress(ValueError):
            index = 0
            if source.code.namespace is not None:
                index = await client.get_namespace_index(source.code.namespace)
            kind = ua.node_id(source.code.type_id, index) if source.code.type_id else ua.node_id(_EVENT_TYPE)
            clauses.append(_operand(kind, [ua.QualifiedName(source.code.name, index)]))
    found = ua.EventFilter()
    found.SelectClauses = clauses
    return found


@dataclass
class Conditions:
    """Alarms & Conditions of one subscription. What was active before the connection is asked for (ConditionRefresh)."""

    source: AlarmSource
    sink: AlarmSink
    seen: set[str] | None = None
    _refresh_until: float = 0.0
    is_refresh_wanted: bool = False

    async def subscribe(self, client: Client, subscription: ua.Subscription, node: Node) -> None:
        """Adds the event item and asks for the active conditions."""
        await subscription.subscribe_events(
            node, evfilter=await event_filter(client, self.source), queuesize=500
        )
        await self.refresh(client, subscription)

    async def refresh(self, client: Client, subscription: ua.Subscription) -> None:
        """Asks for the active conditions; a server without the method only tells changes."""
        self.seen, self.is_refresh_wanted = set(), False
        try:
            condition_type = client.get_node(ua.node_id(_CONDITION_TYPE))
            number = ua.Variant(subscription.subscription_id, ua.VariantType.UInt32)
            await condition_type.call_method(ua.node_id(_REFRESH_METHOD), number)
        except ua.UaError as error:
            self.seen = None
            log.warning("opcua.no_refresh", reason=str(error))
            return
        self._refresh_until = time.monotonic() + _GRACE_S

    def tick(self) -> None:
        """After the refresh, what was not named any more is over."""
        if self.seen is not None and time.monotonic() > self._refresh_until:
            seen, self.seen = self.seen, None
            self.sink.keep_alarms(seen)

    def notification(self, event: Any, now: float) -> None:
        """One event of the server."""
        fields = vars(event)
        kind = fields.get("EventType")
        number = kind.Identifier if kind is not None and kind.NamespaceIndex == 0 else None
        if number == _REFRESH_REQUIRED:
            self.is_refresh_wanted = True
        if number == _REFRESH_END and self.seen is not None:
            self._refresh_until = 0.0
        if number in (_REFRESH_START, _REFRESH_END, _REFRESH_REQUIRED):
            return
        branch = fields.get("BranchId")
        if branch is not None and not branch.is_null():
            return
        active = fields.get("ActiveState/Id")
        retain = fields.get("Retain")
        if active is None and retain is None:
            return
        self._condition(fields, is_active=bool(retain if active is None else active), now=now)

    def _condition(self, fields: dict[str, Any], *, is_active: bool, now: float) -> None:
        code = self._code(fields)
        condition = fields.get("NodeId")
        key = condition.to_string() if condition is not None and not condition.is_null() else ""
        key = key or f"{fields.get('SourceName')}|{code}"
        stamp = fields.get("Time")
        at = min(now, stamp.replace(tzinfo=UTC).timestamp()) if stamp is not None else now
        if not is_active:
            self.sink.clear_alarm(key, at)
            return
        if self.seen is not None:
            self.seen.add(key)
        severity = fields.get("Severity")
        text = getattr(fields.get("Message"), "Text", None) or ""
        number = None if severity is None else int(severity)
        self.sink.raise_alarm(key, code, text, number, at, is_live=self.seen is None)

    def _code(self, fields: dict[str, Any]) -> str:
        wanted = self.source.code
        found = fields.get(wanted.name) if wanted is not None else None
        return str(found or fields.get("ConditionName") or fields.get("SourceName") or "?")


class ErrorFolder:
    """Active errors as objects below a folder: one browse every few seconds, the details of each new one read once."""

    def __init__(self, source: AlarmSource, sink: AlarmSink, folder: Node) -> None:
        self._source = source
        self._sink = sink
        self._folder = folder
        self._known: dict[str, bool] = {}
        self._next = 0.0
        self._is_first = True

    async def tick(self, now: float) -> None:
        """Looks at the folder when it is time. Raises ``OSError`` or ``UaError`` when the session is lost."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._source.poll_s
        children = (await self._folder.get_children())[:_MAX_ERRORS]
        present = {child.nodeid.to_string(): child for child in children}
        is_first, self._is_first = self._is_first, False
        if is_first:
            self._sink.keep_alarms(set(present))
        for key in [key for key in self._known if key not in present]:
            del self._known[key]
            self._sink.clear_alarm(key, now)
        for key, child in present.items():
            if key not in self._known:
                self._known[key] = True
                await self._raise(key, child, now, is_live=not is_first)

    async def _raise(self, key: str, child: Node, now: float, *, is_live: bool) -> None:
        values = {}
        for variable in await child.get_children():
            name = (await variable.read_browse_name()).Name
            with contextlib.suppress(ua.UaError):
                values[str(name)] = await variable.read_value()
        source = self._source
        code = _first(values, source.code_names) or str((await child.read_browse_name()).Name)
        kind = _first(values, source.class_names)
        severity = source.severities.get(kind) if kind is not None else None
        text = _first(values, source.text_names) or ""
        self._sink.raise_alarm(key, code, text, severity, now, is_live=is_live)


def _first(values: dict[str, Any], names: tuple[str, ...]) -> str | None:
    for name in names:
        value = values.get(name)
        text = getattr(value, "Text", value)
        if text not in (None, ""):
            return str(text)
    return None
