"""The stop output of one machine: contact from the configuration, watch over it, words for people (MCH-25, MCH-49)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import structlog

from edge_agents.drivers.gpio import GpioOutput
from edge_agents.drivers.machine.config import MachineConfig, StopOutputConfig
from edge_agents.drivers.modbus import ModbusTcp
from edge_agents.drivers.stop_output import AgentWatch, CoilContact, Contact, FileContact, StopOutput

log = structlog.get_logger(__name__)
_CONTACT_S = 0.05
_DAY_S = 86_400.0
_OPEN_AGAIN_S = 10.0
_REST_S = 2.0  # values of a new connection come one by one: what looks idle may be a cycle not yet seen
_REFUSALS = {
    "disabled": "arrêt non demandé : la sortie est en défaut",
    "no_record": "arrêt non demandé : pas de procès-verbal de mise en service",
    "maintenance": "arrêt non demandé : machine en maintenance",
    "already_asked": "arrêt déjà demandé, pas encore réarmé",
    "fault": "la sortie d'arrêt n'a pas suivi",
}


def open_contact(wired: StopOutputConfig) -> Contact:
    """Contact of a configuration. Raises ``OSError``."""
    if wired.value_file is not None:
        return FileContact(wired.value_file)
    if wired.gpio is not None:
        return GpioOutput(wired.gpio.chip, wired.gpio.line, active_low=wired.gpio.active_low)
    if wired.modbus is None:
        raise OSError("aucun contact déclaré")
    module = ModbusTcp(wired.modbus.host, wired.modbus.port, wired.modbus.unit_id, timeout_s=0.1)
    return CoilContact(module, wired.modbus.address)


class StopLine:
    """Nothing unless the machine's response is ``request_stop``."""

    def __init__(self, config: MachineConfig, say: Callable[[str, str], None]) -> None:
        self._machine = config.machine_code
        self._wired = config.stop_output if config.collision_response == "request_stop" else None
        self._say = say
        self._stop: StopOutput | None = None
        self._watch: AgentWatch | None = None
        self._absent: str | None = None
        self._opened_at = 0.0
        self._resting_since: float | None = None

    @property
    def fault(self) -> str | None:
        """Why no stop can be asked for, if so."""
        return self._absent if self._stop is None else self._stop.fault

    def begin(self) -> None:
        """Takes the contact and lets go of what an earlier agent left on."""
        if self._wired is None:
            return
        self._open(self._wired)
        if self._wired.value_file is not None:
            self._watch = AgentWatch(self._wired.value_file)

    def _open(self, wired: StopOutputConfig) -> None:
        self._opened_at = time.monotonic()
        try:
            contact = open_contact(wired)
        except OSError as error:
            self._absent = f"sortie d'arrêt : {error}"
            return
        self._absent = None
        self._stop = StopOutput(
            contact, bool(wired.commissioning_record), hold_s=wired.hold_s, clock=time.monotonic
        )
        self._stop.release()

    def request(self, state: str) -> str | None:
        """Asks for a stop now; ``None`` when the contact moved, else why not, in French."""
        if self._wired is None or self._stop is None:
            return _REFUSALS["disabled"]
        refusal = self._stop.request(state)
        return None if refusal is None else _REFUSALS[refusal]

    def end(self) -> None:
        """The driver ends: nothing stays asked for."""
        if self._stop is not None:
            self._stop.release()
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    async def guard(self, state: Callable[[], str]) -> None:
        """Lets go of the contact in time and tests it at rest, whatever becomes of the session."""
        tested: float | None = None
        told: str | None = None
        while True:
            tested = self._look(state(), tested)
            if self.fault != told:
                told = self.fault
                if told is not None:
                    self._tell(told)
            await asyncio.sleep(_CONTACT_S if self._wired is not None else 3600)

    def _look(self, state: str, tested: float | None) -> float | None:
        wired, now = self._wired, time.monotonic()
        if wired is None:
            return tested
        if self._stop is None:
            if now - self._opened_at > _OPEN_AGAIN_S:
                self._open(wired)
            return tested
        self._stop.tick()
        if self._watch is not None and not self._watch.is_alive and wired.value_file is not None:
            self._watch = AgentWatch(wired.value_file)
        if state != "idle":
            self._resting_since = None
            return tested
        if self._resting_since is None:
            self._resting_since = now
        is_due = tested is None or now - tested >= wired.test_days * _DAY_S
        if is_due and now - self._resting_since >= _REST_S:
            self._stop.test()
            return now
        return tested

    def _tell(self, fault: str) -> None:
        log.error("stop_output.fault", machine=self._machine, reason=fault)
        message = f"{self._machine} : {fault}. La demande d'arrêt sur choc est désactivée."
        self._say("stop_output.fault", message)
