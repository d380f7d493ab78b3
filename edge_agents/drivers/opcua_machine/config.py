"""Configuration of a machine: where it is, which nodes it has, what is a collision (MCH-08, 11, 22, 24)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agents.drivers.base import DriverConfig

Signal = Literal[
    "power_on",
    "operation_mode",
    "execution",
    "channel_state",
    "channel_mode",
    "program",
    "program_state",
    "part_count",
    "feed_override",
    "rapid_override",
    "spindle_override",
    "spindle_rotating",
    "spindle_load",
    "spindle_speed",
    "tool",
    "alarm_code",
    "alarm_text",
    "temperature",
    "vibration_rms",
    "energy",
    "axis_load_x",
    "axis_load_y",
    "axis_load_z",
]


class NodeSpec(BaseModel):
    """One signal: an absolute ``node`` id, or alternative browse paths from the machine object.

    A path segment is a browse name in any namespace, or ``@TypeName`` for the first child of that OPC 40501
    type. ``map`` translates raw values to the words of the state rules; ``low`` and ``high`` are the physical
    range outside of which a value is bad; ``deadband`` is in the unit of the signal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    node: str | None = None
    paths: tuple[str, ...] = ()
    optional: bool = False
    unit: str = ""
    telemetry: bool = False
    scale: float = 1.0
    deadband: float = Field(default=0.0, ge=0)
    low: float | None = None
    high: float | None = None
    map: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if (self.node is None) == (not self.paths):
            raise ValueError("node ou paths, l'un des deux")
        return self


class Limit(BaseModel):
    """Thresholds of one signal, in its unit; ``impact`` is at or above ``risk``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    risk: float
    impact: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.impact < self.risk:
            raise ValueError("impact doit être supérieur ou égal à risk")
        return self


class StopOutputConfig(BaseModel):
    """Output to a feed hold or cycle stop which the builder approved. ``commissioning_record`` names the signed record.

    The contact is tested on the idle machine after each start and every ``test_days`` (MCH-49).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value_file: Path
    commissioning_record: str = Field(min_length=1)
    hold_s: float = Field(default=1.0, gt=0, le=10)
    test_days: float = Field(default=30.0, gt=0)


class OpcuaMachineConfig(DriverConfig):
    """``node_map`` names a file (path, or a name in ``firmware_configs/node_maps``); ``nodes`` adds to it."""

    type: Literal["opcua_machine"]
    machine_code: str = Field(min_length=1)
    endpoint: str = Field(pattern=r"^opc\.tcp://")
    machine_name: str | None = None
    node_map: str | None = None
    nodes: dict[Signal, NodeSpec] = Field(default_factory=dict)
    security: Literal["none", "sign", "sign_encrypt"] = "sign_encrypt"
    allow_insecure: bool = False
    cert_file: Path | None = None
    key_file: Path | None = None
    sampling_ms: float = Field(default=500.0, gt=0)
    stale_s: float = Field(default=30.0, gt=0)
    min_delay_s: float = Field(default=1.0, gt=0)
    max_delay_s: float = Field(default=60.0, gt=0)
    batch_s: float = Field(default=5.0, gt=0)
    batch_values: int = Field(default=200, ge=1)
    limits: dict[Signal, Limit] = Field(default_factory=dict)
    collision_response: Literal["log", "alert", "request_stop"] = "alert"
    stop_output: StopOutputConfig | None = None
    ring_s: float = Field(default=30.0, gt=0)
    max_parts_per_step: int = Field(default=50, ge=1)
    parts_per_cycle: int = Field(default=1, ge=1)
    settle_s: float = Field(default=1.0, ge=0)

    @model_validator(mode="before")
    @classmethod
    def _merge_node_map(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not values.get("node_map"):
            return values
        name = str(values["node_map"])
        return values | {"nodes": load_node_map(name) | dict(values.get("nodes") or {})}

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not self.nodes:
            raise ValueError("node_map ou nodes : aucun signal")
        if self.collision_response == "request_stop" and self.stop_output is None:
            raise ValueError(
                "request_stop demande stop_output et son procès-verbal de mise en service (MCH-25)"
            )
        if self.security == "none" and not self.allow_insecure:
            raise ValueError("security none demande allow_insecure: true (réseau isolé, MCH-09)")
        if self.security != "none" and (self.cert_file is None or self.key_file is None):
            raise ValueError("cert_file et key_file sont nécessaires pour une session signée")
        return self


def load_node_map(name: str) -> dict[str, Any]:
    """Signals of a node map file. Raises ``ValueError``."""
    path = Path(name)
    try:
        if path.suffix in (".yaml", ".yml"):
            text = path.read_text(encoding="utf-8")
        else:
            text = (resources.files("firmware_configs") / "node_maps" / f"{name}.yaml").read_text("utf-8")
        nodes = yaml.safe_load(text)["nodes"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ModuleNotFoundError) as error:
        raise ValueError(f"node_map {name!r} illisible : {error}") from None
    if not isinstance(nodes, dict):
        raise ValueError(f"node_map {name!r} : nodes doit être un dictionnaire")
    return nodes
