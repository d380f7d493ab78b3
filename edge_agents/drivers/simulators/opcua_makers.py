"""Address spaces as two makers publish theirs, with the names of their public documentation.

SINUMERIK 840D sl: string identifiers in the namespace ``SinumerikVarProvider``, alarms notified by the object
``Sinumerik`` as conditions of type CncAlarmType. HEIDENHAIN OPC UA NC Server: objects below ``HEIDENHAIN NC``, program
state as a state machine, active errors as objects in a folder.
"""

from __future__ import annotations

from typing import Any

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.opcua_names import Node, Server

SINUMERIK_URI = "SinumerikVarProvider"
CNC_URI = "http://opcfoundation.org/UA/CNC"
HEIDENHAIN_URI = "http://heidenhain.de/NC/"
_T = ua.VariantType
_CNC_ALARM = 1006

SINUMERIK_WORDS: dict[str, dict[Any, Any]] = {
    "program_state": {"running": 3, "interrupted": 1, "ended": 5, "aborted": 5, "initializing": 5},
    "channel_state": {"active": 1, "interrupted": 2, "reset": 0},
    "operation_mode": {"manual": 0, "setup": 1, "automatic": 2, "service": 0, "auto_manual": 2, "other": 0},
    "spindle_rotating": {True: 0, False: 2},
    "alarm_state": {"none": 0, "warning": 1, "stop": 2},
}
HEIDENHAIN_WORDS: dict[str, dict[Any, Any]] = {
    "program_state": {
        "running": "Running", "interrupted": "Stopped", "ended": "Finished", "aborted": "Interrupted",
        "initializing": "NotSelected",
    },
    "operation_mode": {"manual": 0, "setup": 1, "automatic": 4, "service": 5, "auto_manual": 3, "other": 5},
}  # fmt: skip

_SINUMERIK: dict[str, tuple[str, object, ua.VariantType]] = {
    "program_state": ("/Channel/State/progStatus", 5, _T.Int32),
    "channel_state": ("/Channel/State/chanStatus", 0, _T.Int32),
    "operation_mode": ("/Bag/State/opMode", 2, _T.Int32),
    "program": ("/Channel/ProgramInfo/workPandProgName", "", _T.String),
    "program_line": ("/Channel/ProgramInfo/actBlock", "", _T.String),
    "part_count": ("/Channel/State/actParts", 0, _T.UInt32),
    "feed_override": ("/Channel/State/feedRateIpoOvr", 100.0, _T.Double),
    "rapid_override": ("/Channel/State/rapFeedRateOvr", 100.0, _T.Double),
    "spindle_override": ("/Channel/Spindle/speedOvr[u1,1]", 100.0, _T.Double),
    "spindle_speed": ("/Channel/Spindle/actSpeed[u1,1]", 0.0, _T.Double),
    "spindle_rotating": ("/Channel/Spindle/turnState[u1,1]", 2, _T.Int32),
    "spindle_load": ("/Channel/Spindle/driveLoad[u1,1]", 0.0, _T.Double),
    "axis_load_x": ("/Channel/MachineAxis/aaLoad[u1,1]", 0.0, _T.Double),
    "axis_load_y": ("/Channel/MachineAxis/aaLoad[u1,2]", 0.0, _T.Double),
    "axis_load_z": ("/Channel/MachineAxis/aaLoad[u1,3]", 0.0, _T.Double),
    "tool": ("/Channel/State/actTNumber", 0, _T.UInt32),
    "alarm_state": ("/Channel/State/chanAlarm", 0, _T.Int32),
}


async def build_sinumerik(server: Server) -> tuple[dict[str, Node], SinumerikAlarms]:
    """Flat variables below ``Objects/Sinumerik`` and the alarm source."""
    own = await server.register_namespace(SINUMERIK_URI)
    cnc = await server.register_namespace(CNC_URI)
    root = await server.nodes.objects.add_object(
        ua.node_id("Sinumerik", own), ua.QualifiedName("Sinumerik", own)
    )
    nodes = {}
    for signal, (identifier, value, kind) in _SINUMERIK.items():
        name = ua.QualifiedName(identifier.rpartition("/")[2], own)
        nodes[signal] = await root.add_variable(ua.node_id(identifier, own), name, value, kind)
    discrete = server.get_node(ua.node_id(10523))
    alarm_type = await discrete.add_object_type(
        ua.node_id(_CNC_ALARM, cnc), ua.QualifiedName("CncAlarmType", cnc)
    )
    await alarm_type.add_property(
        ua.node_id("CncAlarmType.AlarmIdentifier", cnc),
        ua.QualifiedName("AlarmIdentifier", cnc),
        "",
        _T.String,
    )
    return nodes, SinumerikAlarms(server, root, alarm_type, own)


class SinumerikAlarms:
    """Conditions as the control notifies them; severity 1, 500 or 1000."""

    def __init__(self, server: Server, root: Node, alarm_type: Node, namespace: int) -> None:
        self._server = server
        self._root = root
        self._type = alarm_type
        self._namespace = namespace
        self._active: dict[str, Any] = {}

    async def prepare(self) -> None:
        """The object becomes a notifier also before the first alarm."""
        await self._generator("0")

    async def _generator(self, code: str) -> Any:
        generator = await self._server.get_event_generator(self._type, self._root.nodeid)
        generator.event.NodeId = ua.node_id(f"alarm:{code}", self._namespace)
        generator.event.ConditionName = "SystemCondition"
        generator.event.SourceName = "NCK"
        return generator

    async def set(self, code: str, text: str, severity: int, *, active: bool) -> None:
        """Raises or clears one alarm."""
        generator = self._active.get(code)
        if generator is None:
            generator = self._active[code] = await self._generator(code)
        event = generator.event
        event.Message, event.Severity, event.Retain = ua.LocalizedText(text), severity, active
        event.AlarmIdentifier = code
        setattr(event, "ActiveState/Id", active)
        await generator.trigger(message=text)

    @property
    def codes(self) -> list[str]:
        return [code for code, generator in self._active.items() if generator.event.Retain]


async def build_heidenhain(server: Server) -> tuple[dict[str, Node], HeidenhainErrors]:
    """Objects below ``Objects/HEIDENHAIN NC/Machine``."""
    own = await server.register_namespace("urn:heidenhain:simulated:control")
    nc = await server.register_namespace(HEIDENHAIN_URI)

    async def add_object(parent: Node, name: str, namespace: int = nc) -> Node:
        base = "" if parent == server.nodes.objects else f"{parent.nodeid.Identifier!s}."
        return await parent.add_object(ua.node_id(f"{base}{name}", own), ua.QualifiedName(name, namespace))

    async def add(parent: Node, name: str, value: object, kind: ua.VariantType, namespace: int = nc) -> Node:
        identifier = ua.node_id(f"{parent.nodeid.Identifier!s}.{name}", own)
        return await parent.add_variable(identifier, ua.QualifiedName(name, namespace), value, kind)

    root = await add_object(server.nodes.objects, "HEIDENHAIN NC", own)
    machine = await add_object(root, "Machine", own)
    state = await add_object(machine, "State")
    available = await add(state, "CurrentState", ua.LocalizedText("NCIsAvailable"), _T.LocalizedText, 0)
    channel = await add_object(await add_object(machine, "Channels"), "0", own)
    program = await add_object(channel, "Program")
    execution = await add_object(program, "ExecutionState")
    tool = await add_object(channel, "CurrentTool")
    times = await add_object(machine, "OperatingTimes")
    await add(times, "ControlUpTime", 1000.0, _T.Double)
    await add(times, "ProgramExecutionTime", 0.0, _T.Double)
    errors = await add_object(await add_object(machine, "Errors"), "AllActiveErrors")
    nodes = {
        "power_on": available,
        "program_state": await add(
            execution, "CurrentState", ua.LocalizedText("NotSelected"), _T.LocalizedText, 0
        ),
        "program": await add(program, "Name", "", _T.String),
        "program_line": await add(program, "CurrentCall", "", _T.String),
        "operation_mode": await add(channel, "OperatingMode", 4, _T.Int32),
        "feed_override": await add(channel, "FeedOverride", 100, _T.UInt32),
        "spindle_override": await add(channel, "SpeedOverride", 100, _T.UInt32),
        "rapid_override": await add(channel, "RapidOverride", 100, _T.UInt32),
        "tool": await add(tool, "Name", "", _T.String),
        "spindle_load": await add(await add_object(machine, "Spindle"), "Load", 0.0, _T.Double),
    }
    return nodes, HeidenhainErrors(errors, own, nc)


class HeidenhainErrors:
    """Active errors as objects of the folder ``AllActiveErrors``."""

    def __init__(self, folder: Node, own: int, nc: int) -> None:
        self._folder = folder
        self._own = own
        self._nc = nc
        self._active: dict[str, Node] = {}

    async def prepare(self) -> None:
        """Nothing to make ready."""

    async def set(self, code: str, text: str, severity: int, *, active: bool) -> None:
        """Adds or removes one error; a severity from 700 is an error, below a warning."""
        known = self._active.pop(code, None)
        if known is not None:
            await known.delete(recursive=True)
        if not active:
            return
        error = await self._folder.add_object(
            ua.node_id(f"error:{code}", self._own), ua.QualifiedName(code, self._own)
        )
        kind = "Error" if severity >= 700 else "Warning"
        for name, value in (("Text", text), ("Class", kind), ("Number", code)):
            identifier = ua.node_id(f"error:{code}.{name}", self._own)
            await error.add_variable(identifier, ua.QualifiedName(name, self._nc), value, _T.String)
        self._active[code] = error

    @property
    def codes(self) -> list[str]:
        return list(self._active)
