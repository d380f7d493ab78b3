"""The names of asyncua used here, taken from the modules which define them (packages only pass them on)."""

from datetime import datetime
from typing import Any

from asyncua.client.client import Client
from asyncua.common.node import Node
from asyncua.server.server import Server
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError
from asyncua.ua.uaprotocol_auto import NodeClass
from asyncua.ua.uatypes import (
    DataValue,
    LocalizedText,
    NodeId,
    QualifiedName,
    SecurityPolicyType,
    Variant,
    VariantType,
)

__all__ = [
    "Client",
    "DataValue",
    "LocalizedText",
    "Node",
    "NodeClass",
    "NodeId",
    "ObjectIds",
    "QualifiedName",
    "SecurityPolicyType",
    "Server",
    "UaError",
    "Variant",
    "VariantType",
    "data_value",
    "node_id",
]


def node_id(identifier: int | str, namespace: int = 0) -> NodeId:
    """Node identifier from plain Python values."""
    parts: Any = (identifier, namespace)
    return NodeId(*parts)


def data_value(value: object, kind: VariantType, stamp: datetime) -> DataValue:
    """Value with the same source and server time."""
    times: Any = {"SourceTimestamp": stamp, "ServerTimestamp": stamp}
    return DataValue(Variant(value, kind), **times)
