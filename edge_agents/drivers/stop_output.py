"""The one output of a machine agent: a feed hold or cycle stop asked for through a wired contact (MCH-25).

A help, never a safety function (MCH-26): it does not replace guards, emergency stop or the machine's own monitoring.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from edge_agents.drivers.modbus import READ_COILS, ModbusTcp

_RETRY_S = 0.5
Refusal = Literal["disabled", "no_record", "maintenance", "already_asked", "fault"]


class Contact(Protocol):
    """An isolated output with its read-back; ``True`` asks the machine to stop."""

    def write(self, value: bool) -> None:
        """Set the output. Raises ``OSError``."""

    def read(self) -> bool:
        """Level really seen at the output. Raises ``OSError``."""


class FileContact:
    """A contact behind a file of the system, as Linux shows an output line (``…/value`` holds 0 or 1)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, value: bool) -> None:
        """Set the output."""
        self._path.write_bytes(b"1" if value else b"0")

    def read(self) -> bool:
        """Level of the output."""
        return self._path.read_bytes().strip() == b"1"


class CoilContact:
    """A contact behind a coil of a Modbus TCP module. The module's own watchdog lets go when the station falls silent."""

    def __init__(self, module: ModbusTcp, address: int) -> None:
        self._module = module
        self._address = address

    def write(self, value: bool) -> None:
        """Set the coil, once more over a new connection when the module had closed the old one."""
        try:
            self._module.write_coil(self._address, value)
        except OSError:
            self._module.write_coil(self._address, value)

    def read(self) -> bool:
        """Coil as the module reports it."""
        return self._module.read_bits(READ_COILS, self._address, 1)[0]


class AgentWatch:
    """A small process which lets go of a file contact when this one dies without a word (kill, crash)."""

    def __init__(self, path: Path) -> None:
        command = [sys.executable, "-m", "edge_agents.drivers.stop_guard", str(path)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """The agent ends in order: the watch lets go and ends too."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)


@dataclass
class StopOutput:
    """Asks for one stop in its life, held for ``hold_s``: the next one needs a person to restart the agent.

    ``is_commissioned`` is the signed commissioning record: without it the output never moves. Times are seconds of
    a monotonic clock given by the caller.
    """

    contact: Contact
    is_commissioned: bool
    hold_s: float = 1.0
    clock: Callable[[], float] = field(kw_only=True)
    fault: str | None = None
    _release_at: float | None = None
    _is_armed: bool = True

    def request(self, machine_state: str) -> Refusal | None:
        """Ask for a stop now; ``None`` when the contact moved and was seen to move, else why not.

        Never in maintenance (somebody may have his hands in the machine), and once.
        """
        if not self.is_commissioned:
            return "no_record"
        if self.fault is not None:
            return "disabled"
        if machine_state == "maintenance":
            return "maintenance"
        if not self._is_armed:
            return "already_asked"
        self._is_armed, self._release_at = False, self.clock() + self.hold_s
        return None if self._move(level=True) else "fault"

    def tick(self) -> None:
        """Let go of the contact after its time, tried again until it follows: the watchdog against an output that stays on.

        An unreachable module blocks the caller for its time limit, so it is not asked at every call.
        """
        now = self.clock()
        if self._release_at is not None and now >= self._release_at:
            self._release_at = None if self._move(level=False) else now + _RETRY_S

    def test(self) -> bool:
        """Periodic test on a machine at rest (MCH-49): the contact must follow both ways, else the function is off."""
        if not self.is_commissioned or self._release_at is not None:
            return False
        rose, fell = self._move(level=True), self._move(level=False)
        if rose and fell:
            self.fault = None
        return rose and fell

    def release(self) -> None:
        """The agent begins or ends: nothing stays asked for, not even by one that was killed."""
        self._release_at = None
        self._move(level=False)

    def _move(self, *, level: bool) -> bool:
        try:
            self.contact.write(level)
            if self.contact.read() == level:
                return True
            self.fault = "la sortie d'arrêt ne suit pas"
        except OSError as error:
            self.fault = f"sortie d'arrêt : {error}"
        return False
