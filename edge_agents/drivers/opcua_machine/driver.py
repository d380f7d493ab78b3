"""OPC UA machine driver: one read-only session, watched, rebuilt when silent (MCH-08 to 14, 45, 46)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from typing import Any, ClassVar

import structlog

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.base import DriverContext
from edge_agents.drivers.machine.driver import MachineDriver
from edge_agents.drivers.machine.state import normalise
from edge_agents.drivers.opcua_machine.alarms import Conditions, ErrorFolder
from edge_agents.drivers.opcua_machine.config import OpcuaMachineConfig
from edge_agents.drivers.opcua_machine.nodes import MachineNotFoundError, Resolved, resolve
from edge_agents.drivers.opcua_machine.security import TrustError
from edge_agents.drivers.opcua_machine.session import Sessions, sample_of
from edge_agents.drivers.opcua_names import Client, Node

log = structlog.get_logger(__name__)
_TICK_S = 0.25
_HEARTBEAT = "server_time"
_SOURCE_TRUST_S = 10.0
_REBUILDS = 1


class SilentServerError(ConnectionError):
    """The subscription delivers nothing although the connection looks alive."""


class OpcuaMachineDriver(MachineDriver[OpcuaMachineConfig]):
    """Follows one machine. It never writes to the control."""

    errors: ClassVar[tuple[type[Exception], ...]] = (OSError, ua.UaError, MachineNotFoundError, TimeoutError)

    def __init__(self, config: OpcuaMachineConfig, context: DriverContext) -> None:
        super().__init__(config, context, {str(signal): spec for signal, spec in config.nodes.items()})
        self.sessions = Sessions(config, context.data_dir)
        self._alerted: set[str] = set()
        self._signals: dict[Any, str] = {}
        self._last_data = 0.0
        self._is_closed = asyncio.Event()
        self._conditions: Conditions | None = None

    @property
    def place(self) -> str:
        return self.config.endpoint

    async def follow(self) -> None:
        await self._tell_certificate()
        is_lost = True
        try:
            client = await self.sessions.open()
            resolved = await resolve(client, self.config)
            self._tell_missing(resolved)
            for _ in range(_REBUILDS + 1):
                await self._subscribed(client, resolved)
        except TrustError as error:
            self._tell_once(error.code, str(error))
            raise
        except asyncio.CancelledError:
            is_lost = False
            raise
        finally:
            await self.sessions.close(is_lost=is_lost)
        raise SilentServerError(f"aucune valeur depuis {self.config.stale_s:g} s")

    async def _tell_certificate(self) -> None:
        if self.config.security == "none":
            return
        own = await self.sessions.own()
        if own.is_new:
            self._tell_once("opcua.certificate_new", f"certificat à accepter à la commande : {own.words()}")
        if own.expires_soon:
            self._tell_once("opcua.certificate_expires", f"le certificat de l'agent expire : {own.words()}")

    def _tell_once(self, code: str, words: str) -> None:
        if words not in self._alerted and len(self._alerted) < 100:
            self._alerted.add(words)
            self.say(code, words)

    def _tell_missing(self, resolved: Resolved) -> None:
        if not resolved.missing:
            self.context.set_status("ok", None)
            return
        places = ", ".join(f"{signal} ({place})" for signal, place in resolved.missing.items())
        self.context.set_status("fault", f"{self.config.machine_code} : nœuds OPC UA absents : {places}")
        self._tell_once("opcua.node_missing", f"nœuds OPC UA absents : {places}")

    async def _subscribed(self, client: Client, resolved: Resolved) -> None:
        """One subscription, until it falls silent; a lost connection raises."""
        heartbeat = client.get_node(ua.ObjectIds.Server_ServerStatus_CurrentTime)
        self._signals = {node.nodeid: signal for signal, node in resolved.nodes.items()}
        self._signals[heartbeat.nodeid] = _HEARTBEAT
        self._is_closed.clear()
        self._conditions, errors = None, None
        fast = self._fast_signals()
        period_ms = min(self.config.sampling_ms, self.config.fast_ms) if fast else self.config.sampling_ms
        subscription = await client.create_subscription(period_ms, self)
        try:
            await self.sessions.remember(subscription.subscription_id or 0)
            quick = [node for signal, node in resolved.nodes.items() if signal in fast]
            slow = [node for signal, node in resolved.nodes.items() if signal not in fast]
            for nodes, sampling_ms in ((quick, period_ms), ([*slow, heartbeat], self.config.sampling_ms)):
                if nodes:
                    await subscription.subscribe_data_change(
                        nodes, queuesize=50, sampling_interval=ua.Double(sampling_ms)
                    )
            if resolved.alarms is not None and self.config.alarms is not None:
                if self.config.alarms.node is not None:
                    self._conditions = Conditions(self.config.alarms, self)
                    await self._conditions.subscribe(client, subscription, resolved.alarms)
                else:
                    errors = ErrorFolder(self.config.alarms, self, resolved.alarms)
            await self._watch(client, subscription, errors)
        finally:
            self._conditions = None
            with contextlib.suppress(Exception):
                await asyncio.wait_for(subscription.delete(), 1)

    def _fast_signals(self) -> set[str]:
        """Signals an incident is judged by: sampled faster."""
        learned = self.config.baseline.signals if self.config.baseline is not None else ()
        judged: set[str] = {*self.config.limits, *learned, "shock"}
        return judged & set(self.specs)

    async def _watch(self, client: Client, subscription: ua.Subscription, errors: ErrorFolder | None) -> None:
        self._last_data = time.monotonic()
        next_check = self._last_data + 1.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_S):
                    await self._is_closed.wait()
            if self._is_closed.is_set():
                raise SilentServerError("abonnement fermé par le serveur")
            if errors is not None:
                await errors.tick(self.now())
            if self._conditions is not None:
                self._conditions.tick()
                if self._conditions.is_refresh_wanted:
                    await self._conditions.refresh(client, subscription)
            if time.monotonic() >= next_check:
                next_check = time.monotonic() + 1.0
                await client.check_connection()
            if time.monotonic() - self._last_data > self.config.stale_s:
                log.warning("opcua.silent", machine=self.config.machine_code)
                return

    # notifications of the library, in the order of the server -------------------------------------------------

    def datachange_notification(self, node: Node, value: Any, data: Any) -> None:
        """One value: judged here and now (MCH-25)."""
        signal = self._signals.get(node.nodeid)
        if signal is None:
            return
        self._last_data = time.monotonic()
        now = self.now()
        if signal == _HEARTBEAT:
            self.tracker.alive(now)
            return
        source, good = sample_of(data.monitored_item.Value)
        self.observe(signal, normalise(self.specs[signal], value), _time(source, now), good=good)

    def event_notification(self, event: Any) -> None:
        """One event of the alarm source."""
        if self._conditions is not None:
            self._conditions.notification(event, self.now())

    def status_change_notification(self, _status: Any) -> None:
        """The server, or the library, says that the subscription is over."""
        self._is_closed.set()

    # alarms ---------------------------------------------------------------------------------------------------

    def raise_alarm(
        self, key: str, code: str, text: str, severity: int | None, at: float, *, is_live: bool
    ) -> None:
        self.alarm(key, code, text, severity, at, is_live=is_live)

    def clear_alarm(self, key: str, at: float) -> None:
        self.take(self.tracker.clear_alarm(key, at))

    def keep_alarms(self, keys: set[str]) -> None:
        self.take(self.tracker.keep_alarms(keys, self.now()))


def _time(source: datetime | None, now: float) -> float:
    """Time at the source, unless the control's clock is too far from the station's. A time in the future is left for grading."""
    if source is None:
        return now
    stamped = source.replace(tzinfo=UTC).timestamp()
    return stamped if abs(stamped - now) <= _SOURCE_TRUST_S or stamped > now else now
