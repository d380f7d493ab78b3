"""Local rules of a station: its time zone, the hours it keeps quiet, what its screen does. Shared by form and agent (EDG-30)."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from edge_agents.protocol.optional import MAY_BE_IGNORED

_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"
WEEK = frozenset(range(7))


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"fuseau horaire inconnu : {name}") from None
    return name


TimeZone = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_known_zone)]
ClockTime = Annotated[str, Field(pattern=_CLOCK)]


class _Rules(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QuietHours(_Rules):
    """No sound, no light, no message and no picture on the line from ``start`` until ``until`` (local time, next day if earlier).

    ``days`` are the days a period begins on, Monday is 0.
    """

    start: ClockTime
    until: ClockTime
    days: frozenset[Annotated[int, Field(ge=0, le=6)]] = WEEK

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if self.start == self.until:
            raise ValueError("quiet_hours : le début et la fin doivent différer")
        return self

    def cover(self, local: dt.datetime) -> bool:
        """Whether a local time lies within."""
        clock = local.strftime("%H:%M")
        if self.start < self.until:
            return local.weekday() in self.days and self.start <= clock < self.until
        if clock >= self.start:
            return local.weekday() in self.days
        return clock < self.until and (local.weekday() - 1) % 7 in self.days


class ScreenOptions(_Rules):
    """The screen at the station: size of its text, tones, dark or light."""

    text_scale: float = Field(default=1.0, ge=0.7, le=2.0, json_schema_extra=MAY_BE_IGNORED)
    sound: bool = Field(default=True, json_schema_extra=MAY_BE_IGNORED)
    dark: bool = Field(default=True, json_schema_extra=MAY_BE_IGNORED)


class LocalRules(_Rules):
    """What a station knows of its place."""

    time_zone: TimeZone = Field(default="Europe/Paris", json_schema_extra=MAY_BE_IGNORED)
    quiet_hours: QuietHours | None = Field(default=None, json_schema_extra=MAY_BE_IGNORED)
    screen: ScreenOptions = Field(default=ScreenOptions(), json_schema_extra=MAY_BE_IGNORED)

    def local(self, at: dt.datetime) -> dt.datetime:
        """The instant in the station's zone."""
        return at.astimezone(ZoneInfo(self.time_zone))

    def is_quiet(self, at: dt.datetime) -> bool:
        """Whether an instant lies in the quiet hours."""
        return self.quiet_hours is not None and self.quiet_hours.cover(self.local(at))
