"""Wire contract between stations and coordinator: messages, topics, control documents.

The coordinator imports this package and nothing else of ``edge_agents``.
"""

from edge_agents.protocol.envelope import Envelope, TimeQuality, decode, encode, identity_of
from edge_agents.protocol.errors import ProtocolError
from edge_agents.protocol.payloads import EVENT_PAYLOADS, PAYLOADS, TELEMETRY_PAYLOADS, parse_payload
from edge_agents.protocol.topics import Channel, Topics

__all__ = [
    "EVENT_PAYLOADS",
    "PAYLOADS",
    "TELEMETRY_PAYLOADS",
    "Channel",
    "Envelope",
    "ProtocolError",
    "TimeQuality",
    "Topics",
    "decode",
    "encode",
    "identity_of",
    "parse_payload",
]
