"""MTConnect machine driver: probe, current, then the stream of samples from where it stopped (MCH-08, 45, 46)."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
import structlog

from edge_agents.drivers.base import DriverContext
from edge_agents.drivers.machine.driver import MachineDriver
from edge_agents.drivers.machine.state import normalise
from edge_agents.drivers.mtconnect_machine import documents as mt
from edge_agents.drivers.mtconnect_machine.config import ItemMatch, MtconnectMachineConfig
from edge_agents.drivers.mtconnect_machine.stream import Parts, boundary

log = structlog.get_logger(__name__)
_TIMEOUT_S = 5.0
_CLOCK_TRUST_S = 10.0
_TEXT_SIGNALS = {"program", "program_line", "tool"}


class AgentRestartedError(ConnectionError):
    """Another instance of the agent: its numbers have nothing to do with those known."""


class MtconnectMachineDriver(MachineDriver[MtconnectMachineConfig]):
    """Follows one device. The place in the agent's buffer survives a power cut, so that a cycle which ended meanwhile counts."""

    errors: ClassVar[tuple[type[Exception], ...]] = (
        OSError,
        TimeoutError,
        httpx.HTTPError,
        mt.DocumentError,
        mt.AgentError,
    )

    def __init__(self, config: MtconnectMachineConfig, context: DriverContext) -> None:
        super().__init__(config, context, {str(signal): spec for signal, spec in config.items.items()})
        self._signals: dict[str, str] = {}
        self._stops: set[str] = set()
        self._told: set[str] = set()
        self._device: str | None = config.device

    @property
    def place(self) -> str:
        return self.config.url

    async def follow(self) -> None:
        timeout = httpx.Timeout(_TIMEOUT_S, read=2 * self.config.heartbeat_ms / 1000 + _TIMEOUT_S)
        async with httpx.AsyncClient(timeout=timeout, headers={"Accept": "text/xml"}) as client:
            head = await self._probe(client)
            position = await self._catch_up(client, head.instance_id)
            await self._stream(client, head.instance_id, position)

    def _url(self, request: str) -> str:
        base = self.config.url.rstrip("/")
        device = f"/{quote(self.config.device)}" if self.config.device else ""
        return f"{base}{device}/{request}"

    async def _get(self, client: httpx.AsyncClient, request: str, **params: Any) -> Any:
        answer = await client.get(self._url(request), params=params)
        if answer.status_code >= 400 and b"MTConnectError" not in answer.content:
            answer.raise_for_status()
        return mt.parse(answer.content)

    async def _probe(self, client: httpx.AsyncClient) -> mt.Header:
        root = await self._get(client, "probe")
        found = mt.devices(root)
        if self.config.device is not None and self.config.device not in found:
            raise mt.DocumentError(f"appareil {self.config.device} absent de l'agent ({', '.join(found)})")
        if not found:
            raise mt.DocumentError("l'agent ne décrit aucun appareil")
        self._device = self.config.device or next(iter(found))
        items = found[self._device]
        self._signals = {}
        missing = []
        for signal, spec in self.config.items.items():
            item = next((one for match in spec.any for one in items if _fits(one, match)), None)
            if item is not None:
                self._signals[item.id] = str(signal)
            elif not spec.optional:
                missing.append(str(signal))
        self._stops = {item.id for item in items if item.type == "EMERGENCY_STOP"}
        self._tell_missing(missing)
        return mt.header(root)

    def _tell_missing(self, missing: list[str]) -> None:
        words = f"données MTConnect absentes : {', '.join(missing)}"
        self.context.set_status("fault" if missing else "ok", words if missing else None)
        if missing and words not in self._told and len(self._told) < 100:
            self._told.add(words)
            self.say("mtconnect.item_missing", words)

    async def _catch_up(self, client: httpx.AsyncClient, instance_id: str) -> int:
        """Takes the state at the last known place, or now; returns the number to go on from."""
        known = self.extra.get("position")
        if isinstance(known, list) and known[0] == instance_id and int(known[1]) > 1:
            try:
                root = await self._get(client, "current", at=int(known[1]) - 1)
            except mt.AgentError as error:
                self._tell_gap(error.code)
            else:
                self._apply(root, is_whole=True)
                return int(known[1])
        root = await self._get(client, "current")
        head = self._apply(root, is_whole=True)
        return head.next

    def _tell_gap(self, code: str) -> None:
        log.warning("mtconnect.gap", machine=self.config.machine_code, code=code)
        self.say(
            "mtconnect.gap",
            "l'agent MTConnect n'a plus les valeurs depuis la coupure : des cycles ont pu échapper",
        )

    async def _stream(self, client: httpx.AsyncClient, instance_id: str, position: int) -> None:
        while True:
            params = {
                "from": position,
                "count": self.config.count,
                "interval": self.config.interval_ms,
                "heartbeat": self.config.heartbeat_ms,
            }
            async with client.stream("GET", self._url("sample"), params=params) as answer:
                mark = boundary(answer.headers.get("content-type", ""))
                if mark is None:
                    position = self._take_document(await answer.aread(), instance_id, position)
                else:
                    parts = Parts(mark)
                    async for data in answer.aiter_bytes():
                        for part in parts.feed(data):
                            position = self._take_document(part, instance_id, position)
            if mark is not None:
                raise ConnectionError("flux fermé par l'agent")
            await asyncio.sleep(self.config.interval_ms / 1000)

    def _take_document(self, data: bytes, instance_id: str, position: int) -> int:
        try:
            root = mt.parse(data)
        except mt.AgentError as error:
            if error.code == "OUT_OF_RANGE":
                self.extra.pop("position", None)
                self._tell_gap(error.code)
            raise
        head = mt.header(root)
        if head.instance_id != instance_id:
            raise AgentRestartedError("l'agent MTConnect a redémarré")
        if head.first > position > 0:
            self._tell_gap("BUFFER")
        self._apply(root, is_whole=False)
        return max(head.next, position)

    def _apply(self, root: Any, *, is_whole: bool) -> mt.Header:
        """Takes the observations of a document, in order; times are shifted when the agent's clock is far off."""
        head, now = mt.header(root), self.now()
        offset = now - head.created if head.created is not None else 0.0
        shift = offset if abs(offset) > _CLOCK_TRUST_S else 0.0
        self.tracker.alive(now)
        seen: set[str] = set()
        for one in mt.observations(root, self._device):
            at = min(now, one.at + shift) if one.at else now
            if one.is_condition:
                self._condition(one, at, seen, is_live=not is_whole)
            elif one.item_id in self._stops:
                self._emergency(one, at, seen)
            elif one.item_id in self._signals:
                self._value(self._signals[one.item_id], one.text, at)
        if is_whole:
            self.take(self.tracker.keep_alarms(seen, now))
        self.extra["position"] = [head.instance_id, head.next]
        return head

    def _value(self, signal: str, text: str, at: float) -> None:
        spec = self.specs[signal]
        if text == mt.UNAVAILABLE:
            self.observe(signal, None, at)
            return
        raw: Any = text
        if not spec.map and signal not in _TEXT_SIGNALS:
            try:
                raw = float(text)
            except ValueError:
                self.observe(signal, None, at, good=False)
                return
        if signal == "tool" and text.isdigit():
            raw = float(text)
        self.observe(signal, normalise(spec, raw), at)

    def _condition(self, one: mt.Observation, at: float, seen: set[str], *, is_live: bool) -> None:
        prefix = f"{one.item_id}|"
        if one.level:
            key = prefix + one.key
            seen.add(key)
            self.alarm(key, one.code, one.text, one.level, at, is_live=is_live)
        elif one.level == 0:
            over = [
                k for k in self.tracker.alarms if (k == prefix + one.key if one.key else k.startswith(prefix))
            ]
            for key in over:
                self.take(self.tracker.clear_alarm(key, at))
        else:
            seen.update(key for key in self.tracker.alarms if key.startswith(prefix))

    def _emergency(self, one: mt.Observation, at: float, seen: set[str]) -> None:
        key = f"{one.item_id}|stop"
        if one.text == "TRIGGERED":
            seen.add(key)
            self.alarm(key, "EMERGENCY_STOP", "Arrêt d'urgence", 1000, at)
        elif one.text == "ARMED":
            self.take(self.tracker.clear_alarm(key, at))


def _fits(item: mt.DataItem, match: ItemMatch) -> bool:
    if match.id is not None:
        return item.id == match.id
    wanted = (match.type, match.sub_type, match.component, match.component_name)
    found = (item.type, item.sub_type, item.component, item.component_name)
    return item.category != "CONDITION" and all(
        want is None or want == have for want, have in zip(wanted, found, strict=True)
    )
