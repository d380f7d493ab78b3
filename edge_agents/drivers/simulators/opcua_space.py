"""Address space of a simulated machine tool, with the namespaces and browse names of OPC 40501-1.

Built by code, without the official nodesets; types which a client looks for carry their official numbers.
"""

from __future__ import annotations

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.opcua_machine.nodes import MACHINE_TOOL_URI, TYPE_IDS
from edge_agents.drivers.opcua_names import Node, Server

DI_URI = "http://opcfoundation.org/UA/DI/"
IA_URI = "http://opcfoundation.org/UA/IA/"
MACHINERY_URI = "http://opcfoundation.org/UA/Machinery/"
VENDOR_URI = "urn:gestion-usinage:simulator"
_MACHINES_ID = 1001


async def _variable(parent: Node, namespace: int, name: str, value: object, kind: ua.VariantType) -> Node:
    return await parent.add_variable(
        ua.node_id(".".join((str(parent.nodeid.Identifier), name)), _vendor_index(parent)),
        ua.QualifiedName(name, namespace),
        value,
        kind,
    )


def _vendor_index(parent: Node) -> int:
    return int(parent.nodeid.NamespaceIndex)


async def _object(parent: Node, own: int, namespace: int, name: str, kind: ua.NodeId | None = None) -> Node:
    base = parent.nodeid.Identifier if parent.nodeid.NamespaceIndex == own else "Machines"
    node_id = ua.node_id(".".join((str(base), name)), own)
    return await parent.add_object(node_id, ua.QualifiedName(name, namespace), objecttype=kind)


async def build(server: Server, machine_name: str, serial_number: str) -> dict[str, Node]:
    """Adds one machine tool; returns the variable behind each signal of ``MachineSimulation``."""
    di = await server.register_namespace(DI_URI)
    await server.register_namespace(IA_URI)
    machinery = await server.register_namespace(MACHINERY_URI)
    mt = await server.register_namespace(MACHINE_TOOL_URI)
    own = await server.register_namespace(VENDOR_URI)
    types = {
        name: (
            await server.nodes.base_object_type.add_object_type(
                ua.node_id(number, mt), ua.QualifiedName(name, mt)
            )
        ).nodeid
        for name, number in TYPE_IDS.items()
    }
    machines = await server.nodes.objects.add_object(
        ua.node_id(_MACHINES_ID, machinery), ua.QualifiedName("Machines", machinery)
    )
    machine = await _object(machines, own, own, machine_name, types["MachineToolType"])
    identification = await _object(machine, own, di, "Identification")
    await _variable(identification, di, "Manufacturer", ua.LocalizedText("gestion-usinage"), _T.LocalizedText)
    await _variable(identification, di, "SerialNumber", serial_number, _T.String)
    uri = f"urn:gestion-usinage:simulator:{serial_number}"
    await _variable(identification, di, "ProductInstanceUri", uri, _T.String)
    monitoring = await _object(machine, own, mt, "Monitoring")
    production = await _object(machine, own, mt, "Production")
    await _object(machine, own, mt, "Equipment")
    await _object(machine, own, mt, "Notification")
    return await _monitoring(monitoring, own, mt, types) | await _production(production, own, mt)


_T = ua.VariantType


async def _monitoring(monitoring: Node, own: int, mt: int, types: dict[str, ua.NodeId]) -> dict[str, Node]:
    tool = await _object(monitoring, own, mt, "MachineTool")
    channel = await _object(monitoring, own, own, "Channel1", types["ChannelMonitoringType"])
    spindle = await _object(monitoring, own, own, "Spindle1", types["SpindleMonitoringType"])
    return {
        "operation_mode": await _variable(tool, mt, "OperationMode", 1, _T.Int32),
        "channel_state": await _variable(channel, mt, "ChannelState", 2, _T.Int32),
        "channel_mode": await _variable(channel, mt, "ChannelMode", 0, _T.Int32),
        "feed_override": await _variable(channel, mt, "FeedOverride", 100.0, _T.Double),
        "rapid_override": await _variable(channel, mt, "RapidOverride", 100.0, _T.Double),
        "tool": await _variable(channel, own, "ToolNumber", 0, _T.UInt32),
        "alarm_code": await _variable(channel, own, "AlarmCode", "", _T.String),
        "alarm_text": await _variable(channel, own, "AlarmText", "", _T.String),
        "spindle_rotating": await _variable(spindle, mt, "IsRotating", False, _T.Boolean),
        "spindle_override": await _variable(spindle, mt, "Override", 100.0, _T.Double),
        "spindle_load": await _variable(spindle, own, "Load", 0.0, _T.Double),
        "spindle_speed": await _variable(spindle, own, "ActualSpeed", 0.0, _T.Double),
    }


async def _production(production: Node, own: int, mt: int) -> dict[str, Node]:
    program = await _object(production, own, mt, "ActiveProgram")
    state = await _object(program, own, mt, "State")
    current = await _variable(state, 0, "CurrentState", ua.LocalizedText("Initializing"), _T.LocalizedText)
    statistics = await _object(production, own, mt, "Statistics")
    await _variable(program, 0, "NumberInList", 0, _T.UInt16)
    return {
        "program": await _variable(program, mt, "Name", "", _T.String),
        "program_state": await _variable(current, 0, "Number", 0, _T.UInt32),
        "program_state_text": current,
        "part_count": await _variable(statistics, mt, "PartsProducedInLifetime", 0, _T.UInt32),
    }


async def build_vendor(server: Server) -> dict[str, Node]:
    """Flat vendor space behind ``firmware_configs/node_maps/vendor_example.yaml``."""
    own = await server.register_namespace("urn:example:cnc")
    folder = await server.nodes.objects.add_folder(ua.node_id("CNC", own), ua.QualifiedName("CNC", own))

    async def variable(name: str, value: object, kind: ua.VariantType) -> Node:
        return await folder.add_variable(ua.node_id(name, own), ua.QualifiedName(name, own), value, kind)

    return {
        "power_on": await variable("Machine.PowerOn", True, _T.Boolean),
        "execution": await variable("Channel1.Mode", 0, _T.Int32),
        "program_state": await variable("Channel1.ProgramStatus", 2, _T.Int32),
        "program": await variable("Channel1.ProgramName", "", _T.String),
        "part_count": await variable("Channel1.PartsActual", 0, _T.UInt32),
        "feed_override": await variable("Channel1.FeedOverride", 1.0, _T.Double),
        "spindle_load": await variable("Spindle1.DriveLoad", 0.0, _T.Double),
        "tool": await variable("Channel1.ToolNumber", 0, _T.UInt32),
        "alarm_code": await variable("Alarms.Code", 0, _T.Int32),
        "alarm_text": await variable("Alarms.Text", "", _T.String),
    }
