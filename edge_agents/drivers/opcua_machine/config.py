"""Configuration of an OPC UA machine: where it is, how it is trusted, which nodes it has (MCH-08, MCH-09, MCH-46)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agents.drivers.machine.config import MachineConfig, Signal, SignalSpec

Policy = Literal["auto", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]


class NodeSpec(SignalSpec):
    """One signal: an absolute ``node`` id, or alternative browse paths.

    ``nsu=<uri>;s=<identifier>`` survives a change of the server's namespace order. A path begins at the OPC 40501
    machine object, or at the Objects folder with ``/``. A segment is a browse name in any namespace, ``*`` for the first
    child, or ``@TypeName`` for the first child of that OPC 40501 type.
    """

    node: str | None = None
    paths: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _has_a_place(self) -> Self:
        if (self.node is None) == (not self.paths):
            raise ValueError("node ou paths, l'un des deux")
        return self


class AlarmField(BaseModel):
    """Event field which holds the alarm's number: browse name and namespace, and the event type that has it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    namespace: str | None = None
    type_id: int | None = None


class AlarmSource(BaseModel):
    """Where a server tells its alarms: ``node`` notifies conditions (Alarms & Conditions), or ``folder`` lists the active ones.

    Both are an id or a browse path beginning with ``/``. ``code`` of conditions is tried before ConditionName. The objects
    of a folder are looked at every ``poll_s``; their number and text are the first found of ``code_names`` and ``text_names``,
    else their browse name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    node: str | None = None
    code: AlarmField | None = None
    folder: str | None = None
    code_names: tuple[str, ...] = ()
    text_names: tuple[str, ...] = ("Text",)
    class_names: tuple[str, ...] = ()
    severities: dict[str, int] = Field(default_factory=dict)
    poll_s: float = Field(default=2.0, ge=0.2)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.node is None) == (self.folder is None):
            raise ValueError("alarms : node ou folder, l'un des deux")
        return self


class OpcuaMachineConfig(MachineConfig):
    """``node_map`` names a file (path, or a name in ``firmware_configs/node_maps``); ``nodes`` adds to it.

    Without ``cert_file`` and ``key_file`` the agent makes its own application certificate, to be accepted at the control.
    ``trusted_servers`` are sha256 fingerprints of accepted server certificates; files in the driver's ``pki/trusted``
    count as well. Passwords and keys stay in files of the station, never in the configuration.
    """

    type: Literal["opcua_machine"]
    endpoint: str = Field(pattern=r"^opc\.tcp://[^@]+$")
    machine_name: str | None = None
    node_map: str | None = None
    nodes: dict[Signal, NodeSpec] = Field(default_factory=dict)
    alarms: AlarmSource | None = None
    security: Literal["none", "sign", "sign_encrypt"] = "sign_encrypt"
    policy: Policy = "auto"
    allow_insecure: bool = False
    cert_file: Path | None = None
    key_file: Path | None = None
    trusted_servers: tuple[str, ...] = ()
    user: str | None = None
    password_file: Path | None = None
    user_cert_file: Path | None = None
    user_key_file: Path | None = None
    sampling_ms: float = Field(default=500.0, gt=0)
    fast_ms: float = Field(default=100.0, gt=0)
    session_timeout_s: float = Field(default=60.0, ge=10, le=3600)

    @model_validator(mode="before")
    @classmethod
    def _merge_node_map(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not values.get("node_map"):
            return values
        found = load_map_file(str(values["node_map"]))
        merged = values | {"nodes": found["nodes"] | dict(values.get("nodes") or {})}
        if "alarms" in found and "alarms" not in values:
            merged["alarms"] = found["alarms"]
        return merged

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not self.nodes:
            raise ValueError("node_map ou nodes : aucun signal")
        if self.security == "none" and not self.allow_insecure:
            raise ValueError("security none demande allow_insecure: true (réseau isolé, MCH-09)")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file et key_file vont ensemble")
        if (self.user_cert_file is None) != (self.user_key_file is None):
            raise ValueError("user_cert_file et user_key_file vont ensemble")
        if self.user is not None and self.password_file is None:
            raise ValueError("user demande password_file")
        if self.user is not None and self.security == "none":
            raise ValueError("un mot de passe demande une session chiffrée ou signée")
        return self


def load_map_file(name: str) -> dict[str, Any]:
    """Content of a node map file, ``nodes`` and perhaps ``alarms``. Raises ``ValueError``."""
    path = Path(name)
    try:
        if path.suffix in (".yaml", ".yml"):
            text = path.read_text(encoding="utf-8")
        else:
            text = (resources.files("firmware_configs") / "node_maps" / f"{name}.yaml").read_text("utf-8")
        found = yaml.safe_load(text)
        nodes = found["nodes"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ModuleNotFoundError) as error:
        raise ValueError(f"node_map {name!r} illisible : {error}") from None
    if not isinstance(nodes, dict) or not isinstance(found, dict):
        raise ValueError(f"node_map {name!r} : nodes doit être un dictionnaire")
    return found


def load_node_map(name: str) -> dict[str, Any]:
    """Signals of a node map file. Raises ``ValueError``."""
    nodes: dict[str, Any] = load_map_file(name)["nodes"]
    return nodes
