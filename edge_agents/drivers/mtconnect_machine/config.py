"""Configuration of an MTConnect machine: agent, device, and which data items are which signals (MCH-08)."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agents.drivers.machine.config import MachineConfig, Signal, SignalSpec


class ItemMatch(BaseModel):
    """A data item by its ``id``, or by type, sub-type and the component it belongs to (any where left out)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str | None = None
    type: str | None = None
    sub_type: str | None = None
    component: str | None = None
    component_name: str | None = None

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if self.id is None and self.type is None:
            raise ValueError("id ou type est nécessaire")
        return self


class ItemSpec(SignalSpec):
    """One signal: the first data item that fits one of ``any``, tried in order."""

    any: tuple[ItemMatch, ...] = Field(min_length=1)


class MtconnectMachineConfig(MachineConfig):
    """``item_map`` names a file (path, or a name in ``firmware_configs/node_maps``); ``items`` adds to it."""

    type: Literal["mtconnect_machine"]
    url: str = Field(pattern=r"^https?://[^@]+$")
    device: str | None = None
    item_map: str = "mtconnect"
    items: dict[Signal, ItemSpec] = Field(default_factory=dict)
    interval_ms: int = Field(default=500, ge=10, le=60_000)
    heartbeat_ms: int = Field(default=10_000, ge=500, le=300_000)
    count: int = Field(default=1000, ge=1, le=100_000)

    @model_validator(mode="before")
    @classmethod
    def _merge_map(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        found = load_item_map(str(values.get("item_map") or "mtconnect"))
        return values | {"items": found | dict(values.get("items") or {})}


def load_item_map(name: str) -> dict[str, Any]:
    """Signals of an item map file. Raises ``ValueError``."""
    path = Path(name)
    try:
        if path.suffix in (".yaml", ".yml"):
            text = path.read_text(encoding="utf-8")
        else:
            text = (resources.files("firmware_configs") / "node_maps" / f"{name}.yaml").read_text("utf-8")
        items = yaml.safe_load(text)["items"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, ModuleNotFoundError) as error:
        raise ValueError(f"item_map {name!r} illisible : {error}") from None
    if not isinstance(items, dict):
        raise ValueError(f"item_map {name!r} : items doit être un dictionnaire")
    return items
