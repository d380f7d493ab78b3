"""Commands a station obeys (EDG-31): the list is closed, and none starts or stops a machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from edge_agents.drivers.base import CommandRefusedError
from edge_agents.protocol import command_params
from edge_agents.protocol.control import Command, CommandKind, CommandResult
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.journal import Journal

log = structlog.get_logger(__name__)
_REMEMBERED = 200
Action = Callable[[dict[str, Any]], Awaitable[str]]


class Commands:
    """Carries out each command once, unless it is expired or unknown."""

    def __init__(self, journal: Journal, clock: Clock, actions: dict[CommandKind, Action]) -> None:
        self._journal = journal
        self._clock = clock
        self._actions = actions

    def _first_time(self, command_id: str) -> bool:
        seen = json.loads(self._journal.get_meta("commands") or "[]")
        if command_id in seen:
            return False
        self._journal.set_meta("commands", json.dumps([*seen, command_id][-_REMEMBERED:]))
        return True

    async def execute(self, command: Command) -> CommandResult | None:
        """Result to publish, or None for a command delivered twice."""
        key = command.command_id
        if not await asyncio.to_thread(self._first_time, str(key)):
            return None
        if command.expires_at <= self._clock.now():
            return self._log(
                command, CommandResult(command_id=key, result="expired", detail="Commande expirée.")
            )
        try:
            action = self._actions.get(_kind(command))
            if action is None:
                raise CommandRefusedError(f"Commande inconnue de cette station : {command.kind!r}.")
            detail = await action(_params(command))
        except CommandRefusedError as error:
            detail = str(error)
        except Exception as error:
            log.exception("command.failed", kind=command.kind)
            detail = f"Échec : {error}"
        else:
            return self._log(command, CommandResult(command_id=key, result="done", detail=detail))
        return self._log(command, CommandResult(command_id=key, result="failed", detail=detail))

    def _log(self, command: Command, result: CommandResult) -> CommandResult:
        log.info("command", kind=command.kind, command_id=str(command.command_id), result=result.result)
        return result


def _kind(command: Command) -> CommandKind:
    try:
        return CommandKind(command.kind)
    except ValueError:
        raise CommandRefusedError(f"Commande inconnue de cette station : {command.kind!r}.") from None


def _params(command: Command) -> dict[str, Any]:
    try:
        return command_params.checked(command.kind, command.params)
    except ValueError as error:
        raise CommandRefusedError(f"Paramètres refusés : {error}") from None


async def run_program(arguments: list[str], timeout_s: float) -> str:
    """Runs a configured program (reboot, update). Raises ``CommandRefusedError`` when it fails."""
    if not arguments:
        raise CommandRefusedError("Commande non configurée sur cette station.")
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        process.kill()
        raise CommandRefusedError("La commande n'a pas répondu à temps.") from None
    if process.returncode:
        raise CommandRefusedError(output.decode(errors="replace")[-500:] or "Échec de la commande.")
    return output.decode(errors="replace")[-500:] or "Fait."


def tail(path: Path, max_bytes: int = 100_000) -> str:
    """End of the current log file, starting at a whole line."""
    data = path.read_bytes()[-max_bytes:]
    return data.split(b"\n", 1)[-1].decode(errors="replace") if len(data) == max_bytes else data.decode()
