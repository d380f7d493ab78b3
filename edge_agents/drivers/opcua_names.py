"""The names of asyncua used here, taken from the modules which define them (packages only pass them on)."""

from datetime import datetime
from typing import Any

from asyncua.client.client import Client
from asyncua.common.node import Node
from asyncua.common.subscription import Subscription
from asyncua.crypto.security_policies import (
    SecurityPolicyAes128Sha256RsaOaep,
    SecurityPolicyAes256Sha256RsaPss,
    SecurityPolicyBasic256Sha256,
)
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError
from asyncua.ua.uaprotocol_auto import (
    BrowseDirection,
    EndpointDescription,
    EventFilter,
    MessageSecurityMode,
    NodeClass,
    SimpleAttributeOperand,
)
from asyncua.ua.uatypes import (
    DataValue,
    Double,
    LocalizedText,
    NodeId,
    QualifiedName,
    SecurityPolicyType,
    StatusCode,
    Variant,
    VariantType,
)

__all__ = [
    "FORWARD",
    "POLICIES",
    "AttributeIds",
    "Client",
    "DataValue",
    "Double",
    "EndpointDescription",
    "EventFilter",
    "LocalizedText",
    "MessageSecurityMode",
    "Node",
    "NodeClass",
    "NodeId",
    "ObjectIds",
    "QualifiedName",
    "SecurityPolicyType",
    "Server",
    "SimpleAttributeOperand",
    "StatusCode",
    "Subscription",
    "UaError",
    "Variant",
    "VariantType",
    "data_value",
    "node_id",
]

FORWARD = BrowseDirection.Forward
POLICIES: dict[str, Any] = {
    "Basic256Sha256": SecurityPolicyBasic256Sha256,
    "Aes128Sha256RsaOaep": SecurityPolicyAes128Sha256RsaOaep,
    "Aes256Sha256RsaPss": SecurityPolicyAes256Sha256RsaPss,
}


def node_id(identifier: int | str, namespace: int = 0) -> NodeId:
    """Node identifier from plain Python values."""
    parts: Any = (identifier, namespace)
    return NodeId(*parts)


def data_value(value: object, kind: VariantType, stamp: datetime) -> DataValue:
    """Value with the same source and server time."""
    times: Any = {"SourceTimestamp": stamp, "ServerTimestamp": stamp}
    return DataValue(Variant(value, kind), **times)
