"""OPC UA machine driver: one read-only session, watched, rebuilt when silent (MCH-08 to 14, 45, 46)."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from datetime import UTC, datetime
from typing import Any

import structlog

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.base import Driver, DriverContext
from edge_agents.drivers.opcua_machine.config import OpcuaMachineConfig
from edge_agents.drivers.opcua_machine.nodes import MachineNotFoundError, Resolved, resolve
from edge_agents.drivers.opcua_machine.state import MachineEvent, MachineTracker, Sample, grade, normalise
from edge_agents.drivers.opcua_machine.telemetry import TelemetryBatcher
from edge_agents.drivers.opcua_names import Client, Node
from edge_agents.drivers.stop_output import FileContact, StopOutput

log = structlog.get_logger(__name__)
_TICK_S = 0.25
_HEARTBEAT = "server_time"
_SOURCE_TRUST_S = 10.0
_CONTACT_S = 0.05
_DAY_S = 86_400.0

_REFUSALS = {
    "disabled": "arrêt non demandé : la sortie est en défaut",
    "no_record": "arrêt non demandé : pas de procès-verbal de mise en service",
    "maintenance": "arrêt non demandé : machine en maintenance",
    "already_asked": "arrêt déjà demandé, pas encore réarmé",
    "fault": "la sortie d'arrêt n'a pas suivi",
}


def _stop_output(config: OpcuaMachineConfig) -> StopOutput | None:
    if config.collision_response != "request_stop" or config.stop_output is None:
        return None
    wired = config.stop_output
    contact = FileContact(wired.value_file)
    return StopOutput(contact, bool(wired.commissioning_record), hold_s=wired.hold_s, clock=time.monotonic)


class SilentServerError(ConnectionError):
    """The subscription delivers nothing although the connection looks alive."""


class _Inbox:
    """Receives data changes of one subscription in the order they arrive."""

    def __init__(self, signals: dict[Any, str]) -> None:
        self._signals = signals
        self.queue: asyncio.Queue[tuple[str, Any, ua.DataValue]] = asyncio.Queue(50_000)
        self.lost: asyncio.Event = asyncio.Event()

    def datachange_notification(self, node: Node, value: Any, data: Any) -> None:
        signal = self._signals.get(node.nodeid)
        if signal is not None and not self.queue.full():
            self.queue.put_nowait((signal, value, data.monitored_item.Value))

    def status_change_notification(self, _status: Any) -> None:
        self.lost.set()


class OpcuaMachineDriver(Driver[OpcuaMachineConfig]):
    """Follows one machine. It never writes to the control."""

    def __init__(self, config: OpcuaMachineConfig, context: DriverContext) -> None:
        super().__init__(config, context)
        self.tracker = MachineTracker(
            config.machine_code,
            {str(signal): limit for signal, limit in config.limits.items()},
            ring_s=config.ring_s,
            stale_s=config.stale_s,
            max_parts_per_step=config.max_parts_per_step,
            parts_per_cycle=config.parts_per_cycle,
            settle_s=config.settle_s,
            collision_response=config.collision_response,
        )
        self._batcher = TelemetryBatcher(
            config.machine_code,
            {str(signal): spec for signal, spec in config.nodes.items()},
            config.batch_s,
            config.batch_values,
        )
        self._alerted: set[str] = set()
        self._stop = _stop_output(config)

    @property
    def busy(self) -> bool:
        return self.tracker.state == "running"

    def _now(self) -> float:
        return self.context.clock.now().timestamp()

    async def run(self) -> None:
        if self._stop is None or self.config.stop_output is None:
            await self._run()
            return
        self._stop.release()
        guard = asyncio.create_task(self._guard(self._stop, self.config.stop_output.test_days * _DAY_S))
        try:
            await self._run()
        finally:
            guard.cancel()
            self._stop.release()

    async def _guard(self, stop: StopOutput, test_s: float) -> None:
        """Lets go of the contact in time and tests it at rest, whatever becomes of the session (MCH-25, MCH-49)."""
        tested: float | None = None
        told: str | None = None
        while True:
            stop.tick()
            now = time.monotonic()
            if self.tracker.state == "idle" and (tested is None or now - tested >= test_s):
                tested = now
                stop.test()
            if stop.fault != told:
                told = stop.fault
                if told is not None:
                    await self._tell_contact(told)
            await asyncio.sleep(_CONTACT_S)

    async def _tell_contact(self, fault: str) -> None:
        message = f"{self.config.machine_code} : {fault}. La demande d'arrêt sur choc est désactivée."
        log.error("stop_output.fault", machine=self.config.machine_code, reason=fault)
        try:
            await self.context.emit("health.alert", {"code": "stop_output.fault", "message": message})
        except Exception:  # the guard outlives a journal that refuses
            log.exception("stop_output.untold", machine=self.config.machine_code)

    async def _run(self) -> None:
        delay, lost = self.config.min_delay_s, False
        while True:
            started = time.monotonic()
            try:
                await self._session()
            except (OSError, ua.UaError, MachineNotFoundError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
                if not lost:
                    log.warning("opcua.lost", machine=self.config.machine_code, reason=reason)
                lost = time.monotonic() - started < self.config.stale_s
                self.context.set_status("fault", f"{self.config.endpoint} : {reason}")
                await self._record(self.tracker.lost(self._now(), "connexion perdue"))
                await self._flush()
            if time.monotonic() - started > 60:
                delay = self.config.min_delay_s
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))
            delay = min(self.config.max_delay_s, delay * 2)

    async def _client(self) -> Client:
        client = Client(self.config.endpoint, timeout=5)
        client.session_timeout = 60_000
        if self.config.security != "none":
            mode = "SignAndEncrypt" if self.config.security == "sign_encrypt" else "Sign"
            files = f"{self.config.cert_file},{self.config.key_file}"
            await client.set_security_string(f"Basic256Sha256,{mode},{files}")
        return client

    async def _session(self) -> None:
        async with await self._client() as client:
            resolved = await resolve(client, self.config)
            await self._tell_missing(resolved)
            heartbeat = client.get_node(ua.ObjectIds.Server_ServerStatus_CurrentTime)
            signals = {node.nodeid: signal for signal, node in resolved.nodes.items()}
            inbox = _Inbox(signals | {heartbeat.nodeid: _HEARTBEAT})
            subscription = await client.create_subscription(self.config.sampling_ms, inbox)
            await subscription.subscribe_data_change([*resolved.nodes.values(), heartbeat], queuesize=50)
            try:
                await self._follow(client, inbox)
            finally:
                with contextlib.suppress(Exception):
                    await asyncio.wait_for(subscription.delete(), 1)

    async def _tell_missing(self, resolved: Resolved) -> None:
        if not resolved.missing:
            self.context.set_status("ok", None)
            return
        places = ", ".join(f"{signal} ({place})" for signal, place in resolved.missing.items())
        message = f"{self.config.machine_code} : nœuds OPC UA absents : {places}"
        self.context.set_status("fault", message)
        if places not in self._alerted:
            self._alerted.add(places)
            await self.context.emit("health.alert", {"code": "opcua.node_missing", "message": message})

    async def _follow(self, client: Client, inbox: _Inbox) -> None:
        last_data = time.monotonic()
        next_check = last_data + 1.0
        while not inbox.lost.is_set():
            try:
                async with asyncio.timeout(_TICK_S):
                    entry = await inbox.queue.get()
            except TimeoutError:
                pass
            else:
                last_data = time.monotonic()
                await self._take(*entry)
                while not inbox.queue.empty():
                    await self._take(*inbox.queue.get_nowait())
            now = self._now()
            await self._record(self.tracker.tick(now))
            await self._telemetry(self._batcher.due(now))
            if time.monotonic() >= next_check:
                next_check = time.monotonic() + 1.0
                await client.check_connection()
            if time.monotonic() - last_data > self.config.stale_s:
                raise SilentServerError(f"aucune valeur depuis {self.config.stale_s:g} s")
        raise SilentServerError("abonnement fermé par le serveur")

    async def _take(self, signal: str, raw: Any, data: ua.DataValue) -> None:
        now = self._now()
        if signal == _HEARTBEAT:
            self.tracker.alive(now)
            return
        spec = self.config.nodes[signal]  # type: ignore[index]
        source: datetime | None = data.SourceTimestamp
        at, stamped = now, source.replace(tzinfo=UTC).timestamp() if source else None
        if stamped is not None and (abs(stamped - now) <= _SOURCE_TRUST_S or stamped > now):
            at = stamped
        value = normalise(spec, raw)
        status = data.StatusCode
        quality = grade(spec, value, at, now, good=status is None or status.is_good())
        sample = Sample(signal, value, min(at, now), quality)
        arrived = time.monotonic()
        state = self.tracker.state
        events = self.tracker.observe(sample)
        asked = self._react(events, state, arrived)
        await self._record(events + asked)
        self._batcher.add(sample, now)
        await self._telemetry(self._batcher.due(now))

    def _react(self, events: list[MachineEvent], state: str, arrived: float) -> list[MachineEvent]:
        """Asks for a stop before anything is written: the reaction depends on neither disk nor network (MCH-25)."""
        impact = next((event for event in events if event.type == "collision.impact"), None)
        if self._stop is None or impact is None:
            return []
        refusal = self._stop.request(state)
        reaction_ms = (time.monotonic() - arrived) * 1000
        words = f"arrêt demandé en {reaction_ms:.1f} ms" if refusal is None else _REFUSALS[refusal]
        message = f"{self.config.machine_code} : choc, {words}."
        code = "collision.stop_requested" if refusal is None else "collision.stop_refused"
        return [MachineEvent("health.alert", {"code": code, "message": message}, impact.at)]

    async def _record(self, events: list[MachineEvent]) -> None:
        for event in events:
            moment = datetime.fromtimestamp(event.at, UTC)
            await self.context.emit(event.type, event.payload, occurred_at=moment)

    async def _telemetry(self, payload: dict[str, Any] | None) -> None:
        if payload is not None:
            await self.context.emit("telemetry.batch", payload)

    async def _flush(self) -> None:
        await self._telemetry(self._batcher.flush())
