"""What a command may be told, kind by kind (EDG-31): the office asks and checks by these classes, the station checks again by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_agents.protocol.control import CommandKind
from edge_agents.protocol.envelope import describe

_NAME = r"^[a-z][a-z0-9_-]{0,39}$"
_CODE = 80


class NoParams(BaseModel):
    """Nothing to tell."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Identify(NoParams):
    """How long the station's light blinks."""

    seconds: int = Field(default=10, ge=1, le=600)


class OfDriver(NoParams):
    """``driver`` is the name of one driver; without it the first that knows the command does it."""

    driver: str | None = Field(default=None, pattern=_NAME)


class TestImage(OfDriver):
    """A machine's camera by its code, the cabinet's own without; ``watch_s``: thumbnails for so long, of a machine's camera only."""

    camera_code: str | None = Field(default=None, min_length=1, max_length=_CODE)
    watch_s: float | None = Field(default=None, ge=1, le=120)

    @model_validator(mode="after")
    def _of_a_camera(self) -> TestImage:
        if self.watch_s is not None and self.camera_code is None:
            raise ValueError("watch_s demande camera_code")
        return self


class Tare(OfDriver):
    """The weighed place that is empty now."""

    location: str = Field(min_length=1, max_length=_CODE)


class SendLogs(NoParams):
    """How much of the end of the log is wanted."""

    max_kb: int = Field(default=100, ge=1, le=100)


PARAMS: Final[Mapping[CommandKind, type[NoParams]]] = {
    CommandKind.IDENTIFY: Identify,
    CommandKind.TEST_IMAGE: TestImage,
    CommandKind.COUNT: OfDriver,
    CommandKind.TARE: Tare,
    CommandKind.RESTART: NoParams,
    CommandKind.REBOOT: NoParams,
    CommandKind.SEND_LOGS: SendLogs,
    CommandKind.APPLY_UPDATE: NoParams,
    CommandKind.CLEAR_SESSION: OfDriver,
    CommandKind.DECOMMISSION: NoParams,
}


def checked(kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as the station takes them, what was not said left out. Raises ``ValueError`` in French naming the field."""
    try:
        found = PARAMS[CommandKind(kind)].model_validate(dict(params))
    except ValidationError as error:
        raise ValueError(describe(error)) from None
    return found.model_dump(mode="json", exclude_unset=True)
