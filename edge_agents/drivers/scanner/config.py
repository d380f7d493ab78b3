"""Configuration of a scanner."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from edge_agents.drivers.base import DriverConfig

UnidentifiedAction = Literal["take", "return", "count", "start"]


class ScannerConfig(DriverConfig):
    """``inputs``: sources of codes; ``socket_port`` 0 picks a free one, written to ``local_api.port``."""

    type: Literal["scanner"]
    inputs: tuple[Literal["stdin", "serial", "folder", "camera"], ...] = ()
    serial_port: str | None = None
    serial_baud: int = 9600
    folder: Path | None = None
    camera_index: int = 0
    socket_port: int | None = Field(default=0, ge=0, le=65535)
    duplicate_s: float = Field(default=5.0, ge=0)
    logout_s: float = Field(default=120.0, gt=0)
    require_badge: bool = True
    require_pin: bool = True
    pin_attempts: int = Field(default=3, ge=1)
    lock_s: float = Field(default=60.0, gt=0)
    unidentified_actions: tuple[UnidentifiedAction, ...] = ("return",)
    machine_code: str | None = None
    location_code: str | None = None
