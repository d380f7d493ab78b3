"""A simulated cabinet station for tests: the driver, what its camera shows, what its trays weigh."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import cv2

from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig
from edge_agents.drivers.cabinet_camera.driver import CabinetCameraDriver
from edge_agents.drivers.simulators import cabinet
from tests.edge_agents.conftest import Recorded

FULL = cabinet.full_content()
T0 = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return T0 + dt.timedelta(seconds=seconds)


def make(recorded: Recorded, folder: Path, **changes: Any) -> CabinetCameraDriver:
    vision = cabinet.write_station(folder)
    values = {
        "type": "cabinet_camera",
        "vision": str(vision),
        "frames": str(folder / "frames"),
        "poll_s": 0.05,
        **changes,
    }
    return CabinetCameraDriver(CabinetCameraConfig.model_validate(values), recorded.context)


def show(folder: Path, number: int, content: dict[str, int]) -> None:
    picture = cabinet.render(content, cabinet.SceneLook(seed=number))
    cv2.imwrite(str(folder / "frames" / f"{number:04d}.png"), picture)


def taken(*names: str) -> dict[str, int]:
    return FULL | dict.fromkeys(names, 0)


def scale_file(tmp_path: Path, **grams: float) -> Path:
    path = tmp_path / "cells.json"
    path.write_text(json.dumps({name: 1000 + 420 * value for name, value in grams.items()}))
    return path


def tray_config(path: Path, **more: Any) -> dict[str, Any]:
    tray = {
        "channel": "T1",
        "location": "A-08",
        "item": "PLAQUETTE",
        "offset": 1000,
        "counts_per_g": 420,
        "capacity_g": 500,
    }
    return {"source": "file", "file": str(path), "channels": [tray | more]}
