"""Runs the drivers of a station: a failed one is restarted alone, the others go on (EDG-41, EDG-52)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from pydantic import BaseModel

from edge_agents.drivers.base import (
    CommandRefusedError,
    Driver,
    DriverConfig,
    DriverContext,
    DriverError,
    Status,
)
from edge_agents.drivers.registry import driver_class
from edge_agents.protocol.control import DriverHealth
from edge_agents.runtime.tasks import end

log = structlog.get_logger(__name__)
MakeContext = Callable[[str, Callable[[Status, str | None], None]], DriverContext]
Alert = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """Back-off of restarts in seconds; ``limit`` failures within ``window_s`` stop a driver."""

    first_delay_s: float = 1.0
    max_delay_s: float = 60.0
    limit: int = 5
    window_s: float = 600.0


@dataclass
class _Runner:
    config: DriverConfig
    task: asyncio.Task[None] | None = None
    driver: Driver[Any] | None = None
    status: Status = "fault"
    detail: str | None = "démarrage"
    failures: deque[float] = field(default_factory=deque)
    stopped: bool = False


class Supervisor:
    """Owns one task per driver."""

    def __init__(
        self,
        make_context: MakeContext,
        alert: Alert,
        *,
        policy: RestartPolicy | None = None,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self._make_context = make_context
        self._alert = alert
        self._policy = policy or RestartPolicy()
        self._on_change = on_change
        self._runners: dict[str, _Runner] = {}

    async def apply(self, configs: dict[str, DriverConfig]) -> set[str]:
        """Stops what is gone or changed, starts what is new; returns the names started."""
        for name in [name for name, runner in self._runners.items() if configs.get(name) != runner.config]:
            await self._stop(name)
        started = set()
        for name, config in configs.items():
            if name not in self._runners:
                runner = self._runners[name] = _Runner(config)
                runner.task = asyncio.create_task(self._keep_running(name, runner), name=f"driver-{name}")
                started.add(name)
        self._on_change()
        return started

    async def _stop(self, name: str) -> None:
        runner = self._runners.pop(name)
        if runner.task is not None and not await end([runner.task]):
            log.error("driver.not_stopped", driver=name)

    async def stop(self) -> None:
        """Stops all drivers."""
        for name in list(self._runners):
            await self._stop(name)

    async def _keep_running(self, name: str, runner: _Runner) -> None:
        delay = self._policy.first_delay_s
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                kind = str(runner.config.model_dump().get("type"))
                context = self._make_context(name, lambda status, detail: self._set(runner, status, detail))
                runner.driver = driver_class(kind)(runner.config, context)
                await runner.driver.run()
                raise DriverError("driver.ended", "Le pilote s'est arrêté sans raison.")
            except asyncio.CancelledError:
                raise
            except Exception as error:
                code = error.code if isinstance(error, DriverError) else "driver.crashed"
                log.error(
                    "driver.failed", driver=name, code=code, exc_info=not isinstance(error, DriverError)
                )
                self._set(runner, "fault", str(error) or type(error).__name__)
            runner.driver = None
            if await self._gives_up(name, runner):
                return
            delay = self._policy.first_delay_s if loop.time() - started > 60 else delay
            await asyncio.sleep(delay)
            delay = min(self._policy.max_delay_s, delay * 2)

    async def _gives_up(self, name: str, runner: _Runner) -> bool:
        now = asyncio.get_running_loop().time()
        runner.failures.append(now)
        while runner.failures and now - runner.failures[0] > self._policy.window_s:
            runner.failures.popleft()
        if len(runner.failures) < self._policy.limit:
            return False
        runner.stopped = True
        self._set(runner, "fault", f"arrêté après {len(runner.failures)} échecs : {runner.detail}")
        await self._alert("driver.stopped", f"{name} : {runner.detail}")
        return True

    def _set(self, runner: _Runner, status: Status, detail: str | None) -> None:
        if (runner.status, runner.detail) != (status, detail):
            runner.status, runner.detail = status, detail
            self._on_change()

    def health(self) -> dict[str, DriverHealth]:
        """Status per driver."""
        return {
            name: DriverHealth(status=runner.status, detail=runner.detail)
            for name, runner in self._runners.items()
        }

    @property
    def busy(self) -> bool:
        """True while any driver is in the middle of something (EDG-34)."""
        return any(runner.driver is not None and runner.driver.busy for runner in self._runners.values())

    @property
    def faults(self) -> list[str]:
        """Names of the drivers in fault."""
        return sorted(name for name, runner in self._runners.items() if runner.status == "fault")

    async def command(self, kind: str, params: dict[str, Any]) -> str:
        """Passes a command to the driver named in ``params["driver"]``, else to the first which takes it."""
        wanted = params.get("driver")
        refusal = "Aucun pilote pour cette commande."
        for name, runner in self._runners.items():
            if runner.driver is None or (wanted is not None and wanted != name):
                continue
            try:
                return await runner.driver.command(kind, params)
            except CommandRefusedError as error:
                refusal = str(error)
        raise CommandRefusedError(refusal)


class Watchdog(BaseModel):
    """systemd's watchdog through ``NOTIFY_SOCKET``; silent where there is none."""

    address: str | None = None

    @classmethod
    def from_environment(cls) -> Watchdog:
        return cls(address=os.environ.get("NOTIFY_SOCKET"))

    def notify(self, message: str) -> None:
        """Sends ``READY=1``, ``WATCHDOG=1`` or ``STOPPING=1``."""
        if not self.address:
            return
        target = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifier:
            notifier.sendto(message.encode(), target)
