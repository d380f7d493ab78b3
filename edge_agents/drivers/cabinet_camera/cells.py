"""Load cells under trays and the inputs of doors: where weights and contacts come from (VIS-03, VIS-32, VIS-43).

An amplifier like the HX711 gives raw counts; ``grams = (raw - offset) / counts_per_g``. A new sensor is one more class with
``read``: it answers grams per channel, None where the channel does not answer.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

_LINE = re.compile(r"^\s*([A-Za-z0-9_.-]{1,40})[\s;:,=]+(-?\d{1,9}(?:\.\d{1,6})?)\s*(?:[\r\n;]|$)")
# Saturated converters answer the ends of their 24 bits.
_RAW_LIMIT = (1 << 23) - 1


class Channel(BaseModel):
    """One tray: its channel of the amplifier, its place and item, and what was learned about them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    channel: str
    location: str
    item: str | None = None
    offset: float = 0.0
    counts_per_g: float = Field(default=1.0, gt=0)
    capacity_g: float = Field(gt=0)
    tare_g: float = 0.0
    unit_g: float | None = Field(default=None, gt=0)
    unit_spread_g: float = Field(default=0.0, ge=0)
    noise_g: float = Field(default=0.05, gt=0)


class CellsConfig(BaseModel):
    """Load cells of a cabinet: ``serial`` lines "CHANNEL RAW" from a microcontroller, or a JSON file of raw counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["serial", "file"] = "file"
    port: str | None = None
    baud: int = Field(default=115200, ge=300)
    file: Path | None = None
    channels: tuple[Channel, ...] = Field(min_length=1)
    samples: int = Field(default=5, ge=1, le=50)


class Cells(Protocol):
    """Anything that weighs."""

    def raw(self) -> dict[str, float | None]:
        """Raw counts by channel; None where nothing trustworthy came. Raises ``OSError`` when the device is gone."""


@dataclass
class FileCells:
    """Raw counts kept in a JSON file {"channel": counts}: a simulated cabinet, or a program of the house that weighs."""

    path: Path

    def raw(self) -> dict[str, float | None]:
        """Raw counts of the file. Raises ``OSError`` when it is missing or half written."""
        try:
            values = json.loads(self.path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise OSError(f"{self.path.name} : {error}") from None
        return (
            {str(name): _plausible(value) for name, value in values.items()}
            if isinstance(values, dict)
            else {}
        )


class SerialCells:
    """Lines "CHANNEL RAW" of a microcontroller with HX711 amplifiers; the median of some samples per channel."""

    def __init__(self, port: str, baud: int, channels: int, samples: int, *, patience_s: float = 2.0) -> None:
        self._port, self._baud = port, baud
        self._channels, self._samples, self._patience_s = channels, samples, patience_s

    def raw(self) -> dict[str, float | None]:
        """Median raw counts per channel. Raises ``OSError`` when the port is gone."""
        import serial

        found: dict[str, list[float | None]] = {}
        try:
            with serial.serial_for_url(self._port, baudrate=self._baud, timeout=0.3) as port:
                limit = time.monotonic() + self._patience_s
                while time.monotonic() < limit and not self._enough(found):
                    line = port.readline().decode("ascii", errors="replace")
                    parsed = parse_line(line)
                    if parsed is not None:
                        found.setdefault(parsed[0], []).append(parsed[1])
        except serial.SerialException as error:
            raise OSError(str(error)) from None
        return {name: _median(values) for name, values in found.items()}

    def _enough(self, found: Mapping[str, list[float | None]]) -> bool:
        return len(found) >= self._channels and all(len(values) >= self._samples for values in found.values())


def parse_line(line: str) -> tuple[str, float | None] | None:
    """Channel and raw counts of one line; None for anything else."""
    found = _LINE.match(line)
    return None if found is None else (found.group(1), _plausible(found.group(2)))


def _plausible(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < _RAW_LIMIT else None


def _median(values: list[float | None]) -> float | None:
    good = sorted(value for value in values if value is not None)
    return good[len(good) // 2] if 2 * len(good) > len(values) else None


def open_cells(config: CellsConfig) -> Cells:
    """The device of a configuration. Raises ``ValueError`` naming what is missing."""
    if config.source == "serial":
        if config.port is None:
            raise ValueError("cells.port : port série manquant")
        return SerialCells(config.port, config.baud, len(config.channels), config.samples)
    if config.file is None:
        raise ValueError("cells.file : fichier manquant")
    return FileCells(config.file)


def grams(raw: Mapping[str, float | None], channels: tuple[Channel, ...]) -> dict[str, float | None]:
    """Gross grams by place; None where the channel is silent or saturated."""
    found: dict[str, float | None] = {}
    for one in channels:
        value = raw.get(one.channel)
        found[one.location] = None if value is None else (value - one.offset) / one.counts_per_g
    return found


def contact_open(path: Path | None) -> bool | None:
    """Level of a door contact shown as a file with 0 or 1 (1 = open); None without contact. Raises ``OSError``."""
    return None if path is None else path.read_bytes().strip() == b"1"
