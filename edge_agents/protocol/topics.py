"""All MQTT topics of the product (EDG-14): ``gu/v1/{site}/{station_id}/{channel}``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from edge_agents.protocol.errors import ProtocolError

_PREFIX = "gu/v1"
_SEGMENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Channel(StrEnum):
    """Last part of a topic; the first seven go up to the coordinator, the others down."""

    EVENT = "event"
    TELEMETRY = "telemetry"
    HEALTH = "health"
    STATE = "state"
    CONFIG_REPORTED = "config/reported"
    CMD_RESULT = "cmd/result"
    CONFIG_DESIRED = "config/desired"
    CMD = "cmd"
    ACK = "ack"
    DATA = "data"
    UPDATE = "update"


UPSTREAM = (
    Channel.EVENT,
    Channel.TELEMETRY,
    Channel.HEALTH,
    Channel.STATE,
    Channel.CONFIG_REPORTED,
    Channel.CMD_RESULT,
)
DOWNSTREAM = (Channel.CONFIG_DESIRED, Channel.CMD, Channel.ACK, Channel.DATA, Channel.UPDATE)
RETAINED = frozenset({Channel.STATE, Channel.CONFIG_DESIRED, Channel.CONFIG_REPORTED})


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics of one station. Raises ``ProtocolError`` for names which could escape their topic level."""

    site: str
    station_id: str

    def __post_init__(self) -> None:
        for value in (self.site, self.station_id):
            if not _SEGMENT.fullmatch(value):
                raise ProtocolError("topic.invalid", f"Nom impossible dans un sujet MQTT : {value!r}.")

    def of(self, channel: Channel) -> str:
        """Full topic of one channel of this station."""
        return "/".join((_PREFIX, self.site, self.station_id, channel.value))

    def downstream(self) -> list[str]:
        """Topics this station subscribes to."""
        return [self.of(channel) for channel in DOWNSTREAM]

    @staticmethod
    def filter(channel: Channel, *, site: str = "+") -> str:
        """Subscription of the coordinator for all stations."""
        return "/".join((_PREFIX, site, "+", channel.value))

    @staticmethod
    @lru_cache(maxsize=1024)
    def parse(topic: str) -> tuple[Topics, Channel]:
        """Station and channel of a received topic. Raises ``ProtocolError`` for anything else."""
        parts = topic.split("/", 4)
        if len(parts) != 5 or "/".join(parts[:2]) != _PREFIX:
            raise ProtocolError("topic.invalid", f"Sujet MQTT inconnu : {topic!r}.")
        try:
            channel = Channel(parts[4])
        except ValueError:
            raise ProtocolError("topic.invalid", f"Canal MQTT inconnu : {parts[4]!r}.") from None
        return Topics(parts[2], parts[3]), channel
