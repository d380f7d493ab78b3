"""The agent reads a machine built from the official nodesets as it reads our simulator."""

import os
from pathlib import Path
from typing import Any

import pytest
from asyncua import Server, ua
from asyncua.common.instantiate_util import instantiate

from edge_agents.drivers.opcua_machine.nodes import MACHINE_TOOL_URI
from edge_agents.drivers.simulators.broker import free_port
from edge_agents.drivers.simulators.machine import MachineSimulation, MachineSimulator
from tests.edge_agents.conftest import Recorded
from tests.edge_agents.test_opcua_machine import config, running

SHARED = Path(os.environ.get("USINAGE_SHARED", Path(__file__).resolve().parents[3] / "shared"))
NODESETS = SHARED / "data" / "opcua"
pytestmark = pytest.mark.skipif(not NODESETS.is_dir(), reason="official nodesets missing")
_STUB = """<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd"><NamespaceUris>
<Uri>{uri}</Uri></NamespaceUris><Models><Model ModelUri="{uri}" Version="9.0.0" PublicationDate="2030-01-01T00:00:00Z"/>
</Models></UANodeSet>"""


async def _child(node: Any, *names: str) -> Any:
    for name in names:
        children = await node.get_children()
        by_name = {(await child.read_browse_name()).Name: child for child in children}
        node = by_name[name]
    return node


async def _official(server: Server) -> dict[str, Any]:
    """MachineTool 1.02 with one channel and one spindle, instantiated from its type."""
    for name in ("Di", "IA", "Machinery"):
        await server.import_xml(str(NODESETS / f"Opc.Ua.{name}.NodeSet2.xml"), strict_mode=False)
    for uri in (
        "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/",
        "http://opcfoundation.org/UA/Machinery/Jobs/",
    ):
        await server.import_xml(xmlstring=_STUB.format(uri=uri), strict_mode=False)
    await server.import_xml(str(NODESETS / "Opc.Ua.MachineTool.NodeSet2.xml"), strict_mode=False)
    mt = await server.get_namespace_index(MACHINE_TOOL_URI)
    own = await server.register_namespace("urn:test:builder")
    machinery = await server.get_namespace_index("http://opcfoundation.org/UA/Machinery/")
    machines = server.get_node(ua.NodeId(1001, machinery))

    async def make(parent: Any, type_id: int, name: str) -> Any:
        kind = server.get_node(ua.NodeId(type_id, mt))
        made = await instantiate(parent, kind, bname=ua.QualifiedName(name, own), instantiate_optional=True)
        return made[0]

    machine = await make(machines, 13, "Official")
    monitoring = await _child(machine, "Monitoring")
    channel, spindle = await make(monitoring, 16, "Kanal"), await make(monitoring, 22, "Hauptspindel")
    number = ua.QualifiedName("Load", own)
    load = await spindle.add_variable(ua.NodeId("load", own), number, 0.0, ua.VariantType.Double)
    await make(await _child(machine, "Production"), 20, "Statistics")
    state = await _child(machine, "Production", "ActiveProgram", "State", "CurrentState")
    return {
        "operation_mode": await _child(monitoring, "MachineTool", "OperationMode"),
        "channel_state": await _child(channel, "ChannelState"),
        "feed_override": await _child(channel, "FeedOverride"),
        "spindle_rotating": await _child(spindle, "IsRotating"),
        "spindle_load": load,
        "program": await _child(machine, "Production", "ActiveProgram", "Name"),
        "program_state": await _child(state, "Number"),
        "program_state_text": state,
        "part_count": await _child(machine, "Production", "Statistics", "PartsProducedInLifetime"),
    }


async def _story(recorded: Recorded, simulation: MachineSimulation, endpoint: str) -> list[tuple[Any, ...]]:
    start = len(recorded.events)
    await simulation.write("operation_mode", 1)
    await simulation.write("feed_override", 100.0)
    await simulation.write("part_count", 10)
    async with running(recorded, config(endpoint)) as driver:
        await recorded.until(lambda: driver.tracker.state == "idle")
        await simulation.start_cycle("O99", 0.6, 3, 4)
        await recorded.until(lambda: driver.tracker.values.get("program_state") == "running")
        await simulation.write("spindle_load", 160.0)
        await recorded.until(lambda: "machine.cycle" in [e.type for e in recorded.events[start:]])
        await simulation.write("operation_mode", 2)
        await recorded.until(lambda: driver.tracker.state == "setup")
        await simulation.write("operation_mode", 4)
        await recorded.until(lambda: driver.tracker.state == "maintenance")
        await simulation.write("feed_override", 87.0)
        await recorded.until(lambda: driver.tracker.values.get("feed_override") == 87.0)
    found: list[tuple[Any, ...]] = []
    for event in recorded.events[start:]:
        body = event.payload
        if event.type == "machine.state":
            found.append((event.type, body["state"]))
        elif event.type == "machine.cycle":
            found.append((event.type, body["program"], body["result"], body["part_count"]))
        elif event.type.startswith("collision"):
            found.append((event.type, body["signal"], body["value"]))
    return found


@pytest.mark.requirement("MCH-08")
async def test_official_machine_tool_gives_the_same_events_as_our_simulator(recorded: Recorded) -> None:
    async with MachineSimulator() as machine:
        ours = await _story(recorded, machine.simulation, machine.endpoint)
    server = Server()
    await server.init()
    endpoint = f"opc.tcp://127.0.0.1:{free_port()}"
    server.set_endpoint(endpoint)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    nodes = await _official(server)
    async with server:
        (recorded.context.data_dir / "machine.json").unlink()
        official = await _story(recorded, MachineSimulation(nodes), endpoint)
    assert ("machine.cycle", "O99", "complete", 3) in official
    assert ("collision.impact", "spindle_load", 160.0) in official
    assert official == ours
