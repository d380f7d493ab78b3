"""Finding nodes in a server: the OPC 40501 machine by its type, signals by browse path or node id."""

from __future__ import annotations

from dataclasses import dataclass

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.opcua_machine.config import AlarmSource, NodeSpec, OpcuaMachineConfig
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
    alarms: Node | None = None


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


class _Walker:
    """Walks browse paths; the children of a node are asked for once per session."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._children: dict[ua.NodeId, list[tuple[str, Node]]] = {}

    async def _named(self, parent: Node) -> list[tuple[str, Node]]:
        if parent.nodeid not in self._children:
            found = await parent.get_references(
                refs=ua.ObjectIds.HierarchicalReferences, direction=ua.FORWARD
            )
            self._children[parent.nodeid] = [
                (str(reference.BrowseName.Name), self._client.get_node(reference.NodeId))
                for reference in found
            ]
        return self._children[parent.nodeid]

    async def _step(self, parent: Node, segment: str) -> Node | None:
        children = await self._named(parent)
        if segment == "*":
            return children[0][1] if children else None
        if segment.startswith("@"):
            namespace = await self._client.get_namespace_index(MACHINE_TOOL_URI)
            wanted = ua.node_id(TYPE_IDS[segment[1:]], namespace)
            for _, child in children:
                if await _type_of(child) == wanted:
                    return child
            return None
        return next((child for name, child in children if name == segment), None)

    async def walk(self, root: Node | None, path: str) -> Node | None:
        """Node at the end of a path, ``None`` when a segment is missing."""
        if path.startswith("/"):
            root, path = self._client.nodes.objects, path[1:]
        node = root
        for segment in path.split("/"):
            if node is None:
                return None
            node = await self._step(node, segment)
        return node


async def _by_id(client: Client, text: str) -> Node | None:
    if text.startswith("nsu="):
        uri, _, rest = text[4:].partition(";")
        try:
            text = f"ns={await client.get_namespace_index(uri)};{rest}"
        except ValueError:
            return None
    try:
        node = client.get_node(text)
        await node.read_node_class()
    except ua.UaError:
        return None
    return node


async def resolve(client: Client, config: OpcuaMachineConfig) -> Resolved:
    """All signals of a configuration. A missing node never stops the others (MCH-46)."""
    nodes: dict[str, Node] = {}
    missing: dict[str, str] = {}
    root: Node | None = None
    walker = _Walker(client)
    if any(not path.startswith("/") for spec in config.nodes.values() for path in spec.paths):
        root = await find_machine(client, config.machine_name)
    for signal, spec in config.nodes.items():
        found = await _find(client, walker, root, spec)
        if found is not None:
            nodes[signal] = found
        elif not spec.optional:
            missing[signal] = spec.node or spec.paths[0]
    alarms = await _alarm_node(client, walker, config.alarms)
    if config.alarms is not None and alarms is None:
        missing["alarms"] = str(config.alarms.node or config.alarms.folder)
    return Resolved(nodes, missing, alarms)


async def _find(client: Client, walker: _Walker, root: Node | None, spec: NodeSpec) -> Node | None:
    if spec.node is not None:
        return await _by_id(client, spec.node)
    for path in spec.paths:
        found = await walker.walk(root, path)
        if found is not None:
            return found
    return None


async def _alarm_node(client: Client, walker: _Walker, source: AlarmSource | None) -> Node | None:
    if source is None:
        return None
    place = str(source.node or source.folder)
    return await walker.walk(None, place) if place.startswith("/") else await _by_id(client, place)
