"""One running station: wires journal, link, configuration, drivers, health and commands together."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import structlog

from edge_agents.drivers.base import CommandRefusedError, DriverContext, Status
from edge_agents.protocol import Channel, ProtocolError, Topics
from edge_agents.protocol.control import (
    Command,
    CommandKind,
    DesiredConfig,
    ReferenceData,
    ReportedConfig,
    StationState,
    decode_document,
)
from edge_agents.runtime import decommission, health, logs
from edge_agents.runtime.api import StationApi
from edge_agents.runtime.capacity import make_room
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.commands import Commands, run_program, tail
from edge_agents.runtime.config import ConfigRefusedError, ConfigStore, StationConfig
from edge_agents.runtime.journal import STREAMS, Journal
from edge_agents.runtime.launcher import RESTART
from edge_agents.runtime.link import Link
from edge_agents.runtime.recorder import Recorder
from edge_agents.runtime.reference import ReferenceCache
from edge_agents.runtime.station import BrokerSettings, StationFile
from edge_agents.runtime.supervisor import RestartPolicy, Supervisor, Watchdog
from edge_agents.runtime.tasks import end
from edge_agents.runtime.updates import Surroundings, Updater
from edge_agents.runtime.uploads import VIEW_PATH, Views, pending_files, upload_all

log = structlog.get_logger(__name__)
_LED = Path("/sys/class/leds/ACT/trigger")
_SEND_REST_S = 120.0
"""How long a station that leaves tries to send what it still holds."""


@dataclass(frozen=True)
class Enrolled:
    """Where this station belongs, from STATION.yaml or from its approved claim."""

    site: str
    station_id: str
    broker: BrokerSettings
    config_public_key: str | None
    api_url: str | None = None


class Agent:
    """Runs until ``stop`` is called or a termination signal arrives."""

    def __init__(
        self, station: StationFile, enrolled: Enrolled, *, policy: RestartPolicy | None = None
    ) -> None:
        data = station.data_dir
        self.station = station
        self._drivers_dir = data / "drivers"
        self.clock = Clock(station.trust_clock)
        url = enrolled.api_url or station.api_url
        self.api = (
            StationApi(url, enrolled.station_id, enrolled.broker, self.clock.now, station.api_ca_file)
            if url
            else None
        )
        self.journal = Journal(data / "journal", enrolled.station_id, self.clock)
        self.store = ConfigStore(data / "config", station.config, enrolled.config_public_key)
        self.version, self.config = self.store.last_good()
        self.reference = ReferenceCache(
            data / "reference", self.clock, users_max_age=timedelta(hours=self.config.users_max_age_h)
        )
        self.link = Link(
            Topics(enrolled.site, enrolled.station_id),
            enrolled.broker,
            station.link,
            self.journal,
            self.clock,
        )
        self.recorder = Recorder(self.journal, self.link.wake)
        self.supervisor = Supervisor(
            self._context, self.alert, policy=policy, on_change=self._drivers_changed
        )
        self._commands = Commands(self.journal, self.clock, self._actions())
        self._stopping = asyncio.Event()
        self._changed = asyncio.Event()
        self._started = self.clock.monotonic()
        self._watchdog = Watchdog.from_environment()
        self._alerts_open: set[str] = set()
        self._trial: asyncio.Task[None] | None = None
        self._trial_of: str | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._views = Views(self._drivers_dir)
        self._unsure = self.clock.quality() == "uncertain"
        self.exit_code = 0
        self.updater = Updater(
            Surroundings(
                data, enrolled.station_id, station.kind, health.software_version(), enrolled.config_public_key, self.api, self.clock,
                busy=lambda: self.supervisor.busy, faults=lambda: self.supervisor.faults,
                connected=lambda: self.link.connected, restart_agent=self._restart_for_update,
                restart_drivers=self._restart_drivers, changed=self._report_health,
            )
        )  # fmt: skip

    def _restart_for_update(self) -> None:
        self.exit_code = RESTART
        self.stop()

    async def _restart_drivers(self) -> None:
        await self.supervisor.apply({})
        await self.supervisor.apply(self.config.driver_configs())

    def _context(self, name: str, set_status: Callable[[Status, str | None], None]) -> DriverContext:
        directory = self._drivers_dir / name
        directory.mkdir(parents=True, exist_ok=True)
        return DriverContext(
            name, directory, self.recorder.emit, set_status, self.clock, self.reference, lambda: self.config
        )

    @property
    def _is_quiet(self) -> bool:
        return self.config.is_quiet(self.clock.now())

    async def alert(self, code: str, message: str) -> None:
        """Records a ``health.alert`` once; it may come again after ``resolve``."""
        if code not in self._alerts_open:
            self._alerts_open.add(code)
            await self.recorder.emit("health.alert", {"code": code, "message": message})

    def resolve(self, code: str) -> None:
        self._alerts_open.discard(code)

    def stop(self) -> None:
        """Asks for a clean end."""
        self._stopping.set()

    async def run(self) -> None:
        """Works until stopped; everything recorded is on the disk when it returns."""
        self.link.handle(Channel.CONFIG_DESIRED, self._on_config)
        self.link.handle(Channel.CMD, self._on_command)
        self.link.handle(Channel.DATA, self._on_data)
        self.link.handle(Channel.UPDATE, self.updater.on_offer)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self.stop)
        background = [
            asyncio.create_task(coroutine)
            for coroutine in (
                self.recorder.run(),
                self.link.run(),
                self._forever(self._report_state, lambda: 1.0),
                self._forever(self._report_health, lambda: self.config.health_interval_s),
                self._forever(self._housekeeping, lambda: self.config.housekeeping_interval_s),
                self._forever(self._upload, lambda: 5.0),
                self._forever(self._send_views, lambda: 1.0),
                self._forever(self._backup, lambda: self.config.backup_interval_s),
                self._forever(self._look_for_stick, lambda: 10.0),
            )
        ]
        try:
            if self.journal.recovery in ("restored", "restarted"):
                await self.alert(
                    "journal.damaged", f"Journal endommagé au démarrage : {self.journal.recovery}."
                )
            await self.supervisor.apply(self.config.driver_configs())
            background.append(asyncio.create_task(self.updater.start()))
            self._watchdog.notify("READY=1")
            await self._stopping.wait()
        finally:
            self._watchdog.notify("STOPPING=1")
            await self._end(background)

    async def _end(self, background: list[asyncio.Task[None]]) -> None:
        for task in (self._trial, self._leaving):
            if task is not None:
                await end([task])
        await self.updater.stop()
        await self.supervisor.stop()
        await self.link.say_goodbye()
        if not await end(background):
            log.error("agent.task_not_stopped")
        await self.recorder.drain()
        self.recorder.close()
        self.journal.close()

    async def _forever(self, step: Callable[[], Awaitable[None]], pause: Callable[[], float]) -> None:
        while True:
            try:
                await step()
            except Exception:
                log.exception("agent.step_failed", step=step.__name__)
            await asyncio.sleep(pause())

    def _drivers_changed(self) -> None:
        self._changed.set()

    def _status(self) -> StationState:
        drivers = self.supervisor.health().values()
        clock_wrong = abs(self.clock.drift_s()) > health.MAX_CLOCK_OFFSET_S
        fault = clock_wrong or any(driver.status == "fault" for driver in drivers)
        return StationState(status="fault" if fault else "online", at=self.clock.now())

    _last_state: tuple[str, bool] | None = None

    async def _report_state(self) -> None:
        self._watchdog.notify("WATCHDOG=1")
        if abs(self.clock.drift_s()) > health.MAX_CLOCK_OFFSET_S:
            await self.alert("clock.jump", f"Saut d'horloge de {self.clock.drift_s():.1f} s.")
        await self._follow_clock()
        state = self._status()
        key = (state.status, self.link.connected)
        if key != self._last_state:
            self._last_state = key
            await self.link.send(Channel.STATE, state)

    async def _follow_clock(self) -> None:
        """Once the clock is right again, re-dates what was recorded while it was not (EDG-42)."""
        unsure = self.clock.quality() == "uncertain"
        if (unsure or self._unsure) and self.station.trust_clock == "auto" and self.clock.synchronised():
            corrected = await asyncio.to_thread(self.journal.redate)
            self.clock.accept()
            log.info("clock.synchronised", corrected=corrected)
            self.resolve("clock.jump")
            unsure = False
        self._unsure = unsure

    async def _report_health(self) -> None:
        report = await asyncio.to_thread(
            health.measure, self.journal, self.clock, self._started, self.supervisor.health(), self.version
        )
        versions = report.versions.model_copy(update={"models": self.updater.models()})
        more = {"versions": versions, "update": self.updater.report(), "link_losses": self.link.losses}
        await self.link.send(Channel.HEALTH, report.model_copy(update=more), keep=False)

    async def _housekeeping(self) -> None:
        report = await asyncio.to_thread(make_room, self.journal, self._drivers_dir, self.config.retention)
        if report.filled >= self.config.retention.alert_at:
            await self.alert("storage.nearly_full", f"Stockage local rempli à {report.filled:.0%}.")
        else:
            self.resolve("storage.nearly_full")

    async def _upload(self) -> None:
        if self.api is None or self._is_quiet:
            return
        files = await asyncio.to_thread(pending_files, self._drivers_dir)
        if not files:
            return
        try:
            async with self.api.client() as client:
                await upload_all(client, files)
        except (httpx.HTTPError, OSError) as error:
            log.debug("upload.later", reason=str(error))

    async def _send_views(self) -> None:
        """Thumbnails of cameras somebody looks at; one that cannot be sent now is of no use later."""
        if self.api is None or self._is_quiet or not self.link.connected:
            return
        fresh = await asyncio.to_thread(self._views.fresh)
        if not fresh:
            return
        try:
            async with self.api.client() as client:
                for code, data in fresh:
                    await client.put(
                        VIEW_PATH.format(code=code), content=data, headers={"Content-Type": "image/jpeg"}
                    )
        except (httpx.HTTPError, OSError) as error:
            log.debug("view.not_sent", reason=str(error))

    async def _backup(self) -> None:
        await asyncio.to_thread(self.journal.backup)

    async def _look_for_stick(self) -> None:
        await self.updater.from_stick(self.station.media_dir)

    async def _on_data(self, data: bytes) -> None:
        reference = decode_document(ReferenceData, data)
        await asyncio.to_thread(self.reference.store, reference)
        log.info("reference.stored", version=reference.version, operations=len(reference.operations))

    async def _on_command(self, data: bytes) -> None:
        command = decode_document(Command, data)
        if command.kind != CommandKind.DECOMMISSION:
            await self._obey(command)
        elif self._leaving is None or self._leaving.done():
            # beside the reception: it waits for acknowledgements, which come by the same way
            self._leaving = asyncio.create_task(self._leave(command))

    async def _obey(self, command: Command) -> None:
        result = await self._commands.execute(command)
        if result is not None:
            await self.link.send(Channel.CMD_RESULT, result)

    async def _leave(self, command: Command) -> None:
        await self._obey(command)
        if decommission.is_marked(self.station.data_dir):
            asyncio.get_running_loop().call_later(1.0, self.stop)

    async def _on_config(self, data: bytes) -> None:
        try:
            desired = decode_document(DesiredConfig, data)
        except ProtocolError as error:
            log.warning("config.unreadable", reason=error.detail)
            return
        if self.store.is_current(desired):
            await self._report_config(desired.version_no, None)
            return
        try:
            config = self.store.check(desired)
        except ConfigRefusedError as error:
            await self._report_config(desired.version_no, str(error))
            return
        if self._leaving is not None and not self._leaving.done():
            return  # sent again by the coordinator if the station stays
        if self._trial is not None and not self._trial.done():
            if self._trial_of == desired.sha256:
                return
            await end([self._trial])
        self._trial_of = desired.sha256
        self._trial = asyncio.create_task(self._try_config(desired, config))

    async def _report_config(self, version_no: int, reason: str | None) -> None:
        result = ReportedConfig(
            version_no=version_no,
            result="refused" if reason else "applied",
            reason=reason,
            ignored=[] if reason else self.store.ignored,
        )
        log.info("config.reported", version_no=version_no, result=result.result, reason=reason)
        await self.link.send(Channel.CONFIG_REPORTED, result)

    async def _try_config(self, desired: DesiredConfig, config: StationConfig) -> None:
        """Applies a configuration; returns to the last good one if, at the end of the trial, a driver it
        touched is in fault (EDG-29)."""
        before = self.config
        touched = await self.supervisor.apply(config.driver_configs())
        self.config, self.version = config, desired.version_no
        deadline = self.clock.monotonic() + self.station.config_trial_s
        reported = False
        while (left := deadline - self.clock.monotonic()) > 0:
            self._changed.clear()
            if not reported and not self._faults(touched):
                await self._report_config(desired.version_no, None)
                reported = True
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
        faults = self._faults(touched)
        if not faults:
            await asyncio.to_thread(self.store.keep, desired)
            return
        reason = "Contrôle de santé en échec : " + " ; ".join(faults)
        await asyncio.to_thread(self.store.mark_failed, desired, reason)
        self.config = before
        self.version, _ = self.store.last_good()
        await self.supervisor.apply(before.driver_configs())
        await self._report_config(desired.version_no, reason)

    def _faults(self, names: set[str]) -> list[str]:
        health = self.supervisor.health()
        return [
            f"{name} : {health[name].detail}"
            for name in sorted(names)
            if name in health and health[name].status == "fault"
        ]

    def _actions(self) -> dict[CommandKind, Callable[[dict[str, Any]], Awaitable[str]]]:
        def to_driver(kind: CommandKind) -> Callable[[dict[str, Any]], Awaitable[str]]:
            return lambda params: self.supervisor.command(kind.value, params)

        return {
            CommandKind.IDENTIFY: self._identify,
            CommandKind.TEST_IMAGE: to_driver(CommandKind.TEST_IMAGE),
            CommandKind.COUNT: to_driver(CommandKind.COUNT),
            CommandKind.TARE: to_driver(CommandKind.TARE),
            CommandKind.CLEAR_SESSION: to_driver(CommandKind.CLEAR_SESSION),
            CommandKind.RESTART: self._restart,
            CommandKind.REBOOT: lambda _params: run_program(self.station.reboot_command, 30),
            CommandKind.SEND_LOGS: self._send_logs,
            CommandKind.APPLY_UPDATE: self._apply_update,
            CommandKind.DECOMMISSION: self._decommission,
        }

    async def _identify(self, params: dict[str, Any]) -> str:
        if self._is_quiet:
            raise CommandRefusedError("Heures calmes : la station ne se signale pas.")
        seconds = int(params.get("seconds", 10))
        log.warning("identify", blink_s=seconds)
        with contextlib.suppress(OSError):
            if _LED.exists():
                found = re.search(r"\[(.+?)\]", _LED.read_text())
                _LED.write_text("timer")
                usual = found[1] if found and found[1] != "timer" else "mmc0"
                asyncio.get_running_loop().call_later(seconds, _light, usual)
        return f"La station se signale pendant {seconds} s."

    async def _restart(self, _params: dict[str, Any]) -> str:
        asyncio.get_running_loop().call_later(1.0, self.stop)
        return "Redémarrage de l'agent."

    async def _send_logs(self, params: dict[str, Any]) -> str:
        limit = 1000 * int(params.get("max_kb", 100))
        return await asyncio.to_thread(tail, self.station.data_dir / "logs" / "agent.log", limit)

    async def _decommission(self, _params: dict[str, Any]) -> str:
        """Records nothing more, sends the rest, and only then gives itself up; what cannot be sent keeps it in service."""
        if self.supervisor.busy:
            raise CommandRefusedError("Un travail est en cours à cette station : terminez-le d'abord.")
        if self._trial is not None and not self._trial.done():
            raise CommandRefusedError(
                "Une configuration est à l'essai : recommencez quand elle est acceptée ou refusée."
            )
        await self.supervisor.apply({})
        deadline = self.clock.monotonic() + _SEND_REST_S
        while rest := await self._unsent():
            if self.clock.monotonic() > deadline:
                await self.supervisor.apply(self.config.driver_configs())
                raise CommandRefusedError(f"{rest} : la station reste en service, rien n'est effacé.")
            await asyncio.sleep(0.5)
        await asyncio.to_thread(decommission.mark, self.station.data_dir, self.clock.now())
        return "Tout est transmis ; clés, journal, images et caches sont effacés."

    async def _unsent(self) -> str:
        """What the coordinator does not have yet, in words; empty when it has all."""
        if not self.link.connected:
            return "La ligne est coupée"
        if facts := sum(self.journal.state(stream).pending for stream in STREAMS):
            return f"{facts} message(s) attendent encore"
        files = await asyncio.to_thread(pending_files, self._drivers_dir)
        if files and self.api is not None:
            with contextlib.suppress(httpx.HTTPError, OSError):
                async with self.api.client() as client:
                    await upload_all(client, files)
            files = await asyncio.to_thread(pending_files, self._drivers_dir)
        return f"{len(files)} image(s) attendent encore" if files else ""

    async def _apply_update(self, _params: dict[str, Any]) -> str:
        return await self.updater.again()


def _light(trigger: str) -> None:
    """The light of the board means again what it usually does."""
    with contextlib.suppress(OSError):
        _LED.write_text(trigger)


async def run_station(station: StationFile, enrolled: Enrolled) -> int:
    """Configures logging and runs one station to its end; exit code of the process."""
    logs.configure(station.data_dir / "logs", max_mb=station.log.max_mb, level=station.log.level)
    agent = Agent(station, enrolled)
    await agent.run()
    return agent.exit_code
