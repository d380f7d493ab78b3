"""Which driver types exist. Nothing is imported before a station uses it, so that a station without a camera
never loads OpenCV (EDG-07)."""

from __future__ import annotations

from importlib import import_module
from typing import Any, cast

from pydantic import ValidationError

from edge_agents.drivers.base import Driver, DriverConfig
from edge_agents.protocol.envelope import describe

_TYPES = {
    "scanner": ("edge_agents.drivers.scanner", "ScannerConfig", "ScannerDriver"),
    "cabinet_camera": ("edge_agents.drivers.cabinet_camera", "CabinetCameraConfig", "CabinetCameraDriver"),
    "opcua_machine": ("edge_agents.drivers.opcua_machine", "OpcuaMachineConfig", "OpcuaMachineDriver"),
    "mtconnect_machine": (
        "edge_agents.drivers.mtconnect_machine",
        "MtconnectMachineConfig",
        "MtconnectMachineDriver",
    ),
    "signal_machine": ("edge_agents.drivers.signal_machine", "SignalMachineConfig", "SignalMachineDriver"),
    "machine_camera": ("edge_agents.drivers.machine_camera", "MachineCameraConfig", "MachineCameraDriver"),
    "load_generator": (
        "edge_agents.drivers.simulators.load_generator",
        "LoadGeneratorConfig",
        "LoadGeneratorDriver",
    ),
}


class UnknownDriverError(ValueError):
    """The configuration names a driver type which does not exist."""


def driver_types() -> list[str]:
    """All driver types."""
    return sorted(_TYPES)


def parse_config(values: dict[str, Any]) -> DriverConfig:
    """Validated configuration of one driver. Raises ``ValueError`` naming the field, in French."""
    kind = values.get("type")
    if kind not in _TYPES:
        raise UnknownDriverError(f"type : pilote inconnu {kind!r} (connus : {', '.join(driver_types())})")
    try:
        return config_class(kind).model_validate(values)
    except ValidationError as error:
        raise ValueError(describe(error)) from None


def config_class(kind: str) -> type[DriverConfig]:
    """Class of a driver type's configuration; loads no library of the driver itself."""
    module, name, _ = _TYPES[kind]
    return cast(type[DriverConfig], getattr(import_module(f"{module}.config"), name))


def driver_class(kind: str) -> type[Driver[Any]]:
    """Class of a driver type; imports the libraries it needs."""
    module, _, name = _TYPES[kind]
    return cast(type[Driver[Any]], getattr(import_module(f"{module}.driver"), name))
