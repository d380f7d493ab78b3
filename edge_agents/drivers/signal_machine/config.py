"""Configuration of a machine known by plain signals: inputs, what they mean, when a cycle runs (MCH-08, MCH-14)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge_agents.drivers.machine.config import MachineConfig, Signal

Level = Literal["on", "off", "blinking"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GpioSource(_Strict):
    """Lines of a GPIO chip of the station, isolated in front of it."""

    kind: Literal["gpio"]
    chip: str = "/dev/gpiochip0"


class ModbusSource(_Strict):
    """An input module with Modbus TCP."""

    kind: Literal["modbus"]
    host: str = Field(min_length=1)
    port: int = Field(default=502, ge=1, le=65535)
    unit_id: int = Field(default=1, ge=0, le=255)


class FileSource(_Strict):
    """Files of the system, one per input, as Linux shows lines and converters (``…/value``, ``in_voltage0_raw``)."""

    kind: Literal["file"]
    folder: Path


Source = Annotated[GpioSource | ModbusSource | FileSource, Field(discriminator="kind")]


class DigitalInput(_Strict):
    """One digital input. ``at`` is line, address or file name; ``area`` of Modbus; ``debounce_ms`` of silence make a change."""

    at: int | str
    area: Literal["discrete", "coil"] = "discrete"
    inverted: bool = False
    debounce_ms: float = Field(default=50.0, ge=0, le=10_000)


class AnalogInput(_Strict):
    """One analog input, ``scale * raw + offset`` in ``unit``. ``signal`` is the telemetry channel it becomes.

    ``on_above`` and ``off_below`` make it a switch with hysteresis under its own name (a current clamp).
    """

    at: int | str
    area: Literal["input", "holding"] = "input"
    signal: Signal
    unit: str = ""
    scale: float = 1.0
    offset: float = 0.0
    is_signed: bool = False
    low: float | None = None
    high: float | None = None
    deadband: float = Field(default=0.0, ge=0)
    on_above: float | None = None
    off_below: float | None = None
    debounce_ms: float = Field(default=500.0, ge=0, le=60_000)

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if (self.on_above is None) != (self.off_below is None):
            raise ValueError("on_above et off_below vont ensemble")
        if self.on_above is not None and self.off_below is not None and self.off_below > self.on_above:
            raise ValueError("off_below doit être inférieur ou égal à on_above")
        return self


class VibrationInput(_Strict):
    """A raw vibration sensor at a device or pipe of 32-bit floats. Its figures become ``vibration_rms``, ``vibration_peak``
    and a telemetry channel ``vibration_<band>`` per band (hertz from, to); raw values never leave the station.
    """

    path: Path
    rate_hz: float = Field(gt=0, le=100_000)
    window_s: float = Field(default=1.0, gt=0, le=10)
    scale: float = 1.0
    unit: str = "m/s²"
    high: float = Field(default=1000.0, gt=0)
    bands: dict[Name, tuple[float, float]] = Field(default_factory=dict, max_length=8)

    @model_validator(mode="after")
    def _bands_fit(self) -> Self:
        for name, (low, high) in self.bands.items():
            if not 0 <= low < high <= self.rate_hz / 2:
                raise ValueError(f"bande {name} hors de 0 à {self.rate_hz / 2:g} Hz")
        return self


class StateRule(_Strict):
    """The state when every named input has the level; the first rule that fits counts."""

    when: dict[Name, Level] = Field(min_length=1)
    state: Literal["off", "idle", "setup", "running", "waiting", "alarm", "maintenance"]
    alarm: str | None = Field(default=None, max_length=200)


class CycleRule(_Strict):
    """A cycle runs while ``input`` is on, or whenever the state is ``running`` when there is none.

    Shorter than ``min_s`` it is none; an interruption shorter than ``bridge_s`` belongs to it.
    """

    input: Name | None = None
    min_s: float = Field(default=2.0, ge=0)
    bridge_s: float = Field(default=1.0, ge=0)


class SignalMachineConfig(MachineConfig):
    """``parts_input`` counts pieces by rising edges; ``shock_input`` is a shock sensor: its edge is an impact at once.

    A ``shock_input`` is never debounced: it is what a stop on a shock is taken from.
    """

    type: Literal["signal_machine"]
    source: Source
    inputs: dict[Name, DigitalInput] = Field(default_factory=dict)
    analog: dict[Name, AnalogInput] = Field(default_factory=dict)
    vibration: VibrationInput | None = None
    rules: tuple[StateRule, ...] = Field(min_length=1)
    default_state: Literal["off", "idle"] = "idle"
    cycle: CycleRule = CycleRule()
    parts_input: Name | None = None
    shock_input: Name | None = None
    program: str | None = None
    poll_ms: float = Field(default=50.0, ge=2, le=10_000)
    analog_poll_ms: float = Field(default=500.0, ge=20, le=60_000)
    blink_s: float = Field(default=3.0, gt=0)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        switches = set(self.inputs) | {name for name, one in self.analog.items() if one.on_above is not None}
        used = {name for rule in self.rules for name in rule.when}
        used |= {name for name in (self.cycle.input, self.parts_input, self.shock_input) if name is not None}
        if unknown := used - switches:
            raise ValueError(f"entrées inconnues : {', '.join(sorted(unknown))}")
        if self.shock_input is not None and self.shock_input not in self.inputs:
            raise ValueError("shock_input doit être une entrée tout ou rien")
        if self.source.kind == "gpio" and self.analog:
            raise ValueError("une source gpio n'a pas d'entrée analogique")
        return self
