"""Who may publish and read what on the broker (EDG-11, EDG-13): the same rule for every broker.

The identity is the common name of the client certificate: ``coordinator`` or a station id ``st-…``.
"""

from __future__ import annotations

import re

from edge_agents.protocol.errors import ProtocolError
from edge_agents.protocol.topics import DOWNSTREAM, UPSTREAM, Channel, Topics

COORDINATOR = "coordinator"
ROOT = "gu/v1"
_STATION = re.compile(r"st-[A-Za-z0-9_.-]{1,60}")


def is_station(identity: str) -> bool:
    """Whether an identity is a station id."""
    return _STATION.fullmatch(identity) is not None


def is_known(identity: str | None) -> bool:
    """Whether an identity may connect at all."""
    return identity is not None and (identity == COORDINATOR or is_station(identity))


def owns_client_id(identity: str, client_id: str) -> bool:
    """A station connects under its own id (or ``id/suffix``), the coordinator under any name not a station's.

    Otherwise one station could take over the waiting messages of another.
    """
    if is_station(identity):
        return client_id == identity or client_id.startswith(identity + "/")
    return not client_id.startswith("st-")


def may_publish(identity: str, topic: str) -> bool:
    """A station writes only upward channels under its own id, the coordinator only downward ones."""
    parsed = _parse(topic)
    if parsed is None:
        return False
    topics, channel = parsed
    if identity == COORDINATOR:
        return channel in DOWNSTREAM
    return is_station(identity) and topics.station_id == identity and channel in UPSTREAM


def may_subscribe(identity: str, topic_filter: str) -> bool:
    """A station reads its own downward channels, without wildcards; the coordinator all below ``gu/v1``."""
    if identity == COORDINATOR:
        return topic_filter.startswith(ROOT + "/")
    return may_receive(identity, topic_filter)


def may_receive(identity: str, topic: str) -> bool:
    """Whether a message on ``topic`` may be handed to this identity."""
    if identity == COORDINATOR:
        return topic.startswith(ROOT + "/")
    parsed = _parse(topic)
    return (
        parsed is not None
        and is_station(identity)
        and parsed[0].station_id == identity
        and parsed[1] in DOWNSTREAM
    )


def _parse(topic: str) -> tuple[Topics, Channel] | None:
    try:
        return Topics.parse(topic)
    except ProtocolError:
        return None
