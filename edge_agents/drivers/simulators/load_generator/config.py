"""Configuration of the load generator."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edge_agents.drivers.base import DriverConfig


class LoadGeneratorConfig(DriverConfig):
    """Numbered events ``1 … total`` at a bounded pace; goes on after a restart where it stopped."""

    type: Literal["load_generator"]
    total: int = Field(ge=0)
    per_s: float = Field(default=1000, gt=0)
    telemetry_every: int = Field(default=0, ge=0)
    machine_code: str = "M01"
