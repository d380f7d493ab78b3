"""The one interface between a driver and the station around it. Drivers never see MQTT."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from edge_agents.protocol.envelope import Envelope
from edge_agents.protocol.local_time import LocalRules
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.reference import ReferenceCache

Status = Literal["ok", "fault"]


class DriverConfig(BaseModel):
    """Base of driver configurations; each adds ``type: Literal[...]``. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DriverError(Exception):
    """A driver cannot go on; the supervisor restarts it. ``code`` is stable, the text is French."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class CommandRefusedError(Exception):
    """A command cannot be done by this driver; the text is French."""


class Emit(Protocol):
    """Records a message durably; returns only once it is on the disk.

    A message with a ``message_id`` which is already in the journal is not recorded again.
    """

    def __call__(
        self,
        event_type: str,
        payload: dict[str, Any],
        *,
        user_ref: str | None = None,
        occurred_at: datetime | None = None,
        message_id: UUID | None = None,
    ) -> Awaitable[Envelope]: ...


@dataclass(frozen=True)
class DriverContext:
    """What a driver may use of its station."""

    name: str
    data_dir: Path
    emit: Emit
    set_status: Callable[[Status, str | None], None]
    clock: Clock
    reference: ReferenceCache
    rules: Callable[[], LocalRules] = LocalRules
    """Time zone, quiet hours and screen of the station as they are now."""


C = TypeVar("C", bound=DriverConfig)


class Driver(ABC, Generic[C]):
    """One connected device. ``run`` lives until cancelled; an exception makes the supervisor restart it."""

    def __init__(self, config: C, context: DriverContext) -> None:
        self.config = config
        self.context = context

    @abstractmethod
    async def run(self) -> None:
        """Works until cancelled."""

    async def command(self, kind: str, params: dict[str, Any]) -> str:  # noqa: ARG002
        """Carries out a station command; returns a French sentence. Raises ``CommandRefusedError``."""
        raise CommandRefusedError(f"Commande {kind} sans objet pour {self.context.name}.")

    @property
    def busy(self) -> bool:
        """True while an update or a restart would cut something short (EDG-34)."""
        return False
