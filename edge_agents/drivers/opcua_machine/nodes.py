"""Finding nodes in a server: the OPC 40501 machine by its type, signals by browse path or node id."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.opcua_machine.config import NodeSpec, OpcuaMachineConfig
from edge_agents.drivers.opcua_names import Client, Node

MACHINE_TOOL_URI = "http://opcfoundation.org/UA/MachineTool/"
TYPE_IDS = {"MachineToolType": 13, "ChannelMonitoringType": 16, "SpindleMonitoringType": 22}
_MAX_DEPTH = 4


class MachineNotFoundError(LookupError):
    """The server shows no machine tool (of that name)."""


@dataclass(frozen=True)
class Resolved:
    """Nodes found per signal, and the mandatory ones which are missing with the place looked at."""

    nodes: dict[str, Node]
    missing: dict[str, str]


async def _type_of(node: Node) -> ua.NodeId | None:
    try:
        return await node.read_type_definition()
    except (ua.UaError, IndexError):
        return None


async def find_machine(client: Client, name: str | None) -> Node:
    """Instance of MachineToolType under Objects, four levels deep; else ``MachineNotFoundError``."""
    try:
        namespace = await client.get_namespace_index(MACHINE_TOOL_URI)
    except ValueError:
        raise MachineNotFoundError(f"espace de noms {MACHINE_TOOL_URI} absent du serveur") from None
    wanted = ua.node_id(TYPE_IDS["MachineToolType"], namespace)
    level: list[Node] = [client.nodes.objects]
    seen: set[ua.NodeId] = set()
    for _ in range(_MAX_DEPTH):
        below: list[Node] = []
        for parent in level:
            for child in await parent.get_children(refs=ua.ObjectIds.HierarchicalReferences):
                if child.nodeid in seen or child.nodeid == ua.node_id(ua.ObjectIds.Server):
                    continue
                seen.add(child.nodeid)
                if await _type_of(child) == wanted:
                    browse_name = await child.read_browse_name()
                    if name is None or browse_name.Name == name:
                        return child
                    continue
                if await child.read_node_class() == ua.NodeClass.Object:
                    below.append(child)
        level = below
    raise MachineNotFoundError(f"aucune machine OPC 40501 {name or ''} sur le serveur".replace("  ", " "))


async def _step(client: Client, parent: Node, segment: str) -> Node | None:
    children = await parent.get_children(refs=ua.ObjectIds.HierarchicalReferences)
    if segment.startswith("@"):
        namespace = await client.get_namespace_index(MACHINE_TOOL_URI)
        wanted = ua.node_id(TYPE_IDS[segment[1:]], namespace)
        for child in children:
            if await _type_of(child) == wanted:
                return child
        return None
    for child in children:
        if (await child.read_browse_name()).Name == segment:
            return child
    return None


async def _walk(client: Client, root: Node, path: str) -> Node | None:
    node: Node | None = root
    for segment in path.split("/"):
        if node is None:
            return None
        node = await _step(client, node, segment)
    return node


async def _by_id(client: Client, text: str) -> Node | None:
    if text.startswith("nsu="):
        uri, _, rest = text[4:].partition(";")
        try:
            text = f"ns={await client.get_namespace_index(uri)};{rest}"
        except ValueError:
            return None
    node = client.get_node(text)
    try:
        await node.read_node_class()
    except ua.UaError:
        return None
    return node


async def resolve(client: Client, config: OpcuaMachineConfig) -> Resolved:
    """All signals of a configuration. A missing node never stops the others (MCH-46)."""
    nodes: dict[str, Node] = {}
    missing: dict[str, str] = {}
    root: Node | None = None
    if any(spec.paths for spec in config.nodes.values()):
        root = await find_machine(client, config.machine_name)
    for signal, spec in config.nodes.items():
        found = await _find(client, root, spec)
        if found is not None:
            nodes[signal] = found
        elif not spec.optional:
            missing[signal] = spec.node or spec.paths[0]
    return Resolved(nodes, missing)


async def _find(client: Client, root: Node | None, spec: NodeSpec) -> Node | None:
    if spec.node is not None:
        return await _by_id(client, spec.node)
    for path in spec.paths:
        found = await _walk(client, root, path) if root is not None else None
        if found is not None:
            return found
    return None
