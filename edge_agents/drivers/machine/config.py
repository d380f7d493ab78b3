"""Configuration every machine driver shares: signals, limits, incidents, learning (MCH-03, 11, 19, 22, 24)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

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
    "program_line",
    "part_count",
    "feed_override",
    "rapid_override",
    "spindle_override",
    "spindle_rotating",
    "spindle_load",
    "spindle_speed",
    "spindle_current",
    "tool",
    "alarm_state",
    "alarm_code",
    "alarm_text",
    "temperature",
    "vibration_rms",
    "vibration_peak",
    "shock",
    "power",
    "energy",
    "axis_load_x",
    "axis_load_y",
    "axis_load_z",
    "axis_load_a",
    "axis_load_b",
    "axis_load_c",
]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignalSpec(_Strict):
    """How a raw value becomes a signal, wherever it is read.

    ``map`` translates raw values to the words of the state rules; ``low`` and ``high`` are the physical range outside
    of which a value is bad; ``deadband`` is in the unit of the signal.
    """

    optional: bool = False
    unit: str = ""
    telemetry: bool = False
    scale: float = 1.0
    deadband: float = Field(default=0.0, ge=0)
    low: float | None = None
    high: float | None = None
    map: dict[str, str] = Field(default_factory=dict)


class Limit(_Strict):
    """Thresholds of one signal, in its unit; ``impact`` is at or above ``risk``.

    They are compared with the size of the value: the load of an axis carries the sign of its direction.
    """

    risk: float
    impact: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.impact < self.risk:
            raise ValueError("impact doit être supérieur ou égal à risk")
        return self


class GpioLine(_Strict):
    """One line of a GPIO chip (libgpiod); ``active_low`` where the isolated card inverts."""

    chip: str = Field(default="/dev/gpiochip0", min_length=1)
    line: int = Field(ge=0)
    active_low: bool = False


class ModbusPoint(_Strict):
    """One coil of a Modbus TCP output module."""

    host: str = Field(min_length=1)
    port: int = Field(default=502, ge=1, le=65535)
    unit_id: int = Field(default=1, ge=0, le=255)
    address: int = Field(ge=0, le=65535)


class StopOutputConfig(_Strict):
    """Output to a feed hold or cycle stop which the builder approved. ``commissioning_record`` names the signed record.

    Exactly one of ``value_file``, ``gpio`` and ``modbus``. The contact is tested on the idle machine after each start
    and every ``test_days`` (MCH-49).
    """

    value_file: Path | None = None
    gpio: GpioLine | None = None
    modbus: ModbusPoint | None = None
    commissioning_record: str = Field(min_length=1)
    hold_s: float = Field(default=1.0, gt=0, le=10)
    test_days: float = Field(default=30.0, gt=0)

    @model_validator(mode="after")
    def _one_contact(self) -> Self:
        if sum(place is not None for place in (self.value_file, self.gpio, self.modbus)) != 1:
            raise ValueError("value_file, gpio ou modbus, l'un des trois")
        return self


class BaselineConfig(_Strict):
    """Limits learned per program and tool from the peaks of good cycles (MCH-22).

    ``risk_factor`` and ``impact_factor`` count spreads above the usual peak; the spread is at least
    ``min_spread`` of that peak, so that a very steady program does not alarm on nothing.
    """

    signals: tuple[Signal, ...] = ("spindle_load", "vibration_rms", "vibration_peak")
    min_cycles: int = Field(default=10, ge=3)
    risk_factor: float = Field(default=6.0, gt=0)
    impact_factor: float = Field(default=12.0, gt=0)
    min_spread: float = Field(default=0.05, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.impact_factor < self.risk_factor:
            raise ValueError("impact_factor doit être supérieur ou égal à risk_factor")
        return self


class AnomalyConfig(_Strict):
    """Isolation forest over the measures of good cycles (MCH-19). ``approved`` is the version a person accepted.

    ``verdicts`` are judgements of earlier anomalies by people, cycle by cycle.
    """

    signals: tuple[Signal, ...] = ("spindle_load", "temperature", "vibration_rms", "spindle_current", "power")
    min_cycles: int = Field(default=60, ge=20)
    min_days: float = Field(default=14.0, ge=0)
    retrain_days: float = Field(default=30.0, gt=0)
    contamination: float = Field(default=0.1, gt=0, lt=0.5)
    seed: int = 42
    trees: int = Field(default=100, ge=10, le=500)
    approved: str | None = None
    verdicts: dict[str, bool] = Field(default_factory=dict)


class MachineConfig(DriverConfig):
    """Base of machine drivers. ``alarm_severity``: an alarm at or above it stops the machine (state ``alarm``).

    ``collision_alarms`` are alarm codes, or beginnings ending with ``*``, which mean collision or servo overload.
    ``cameras`` name camera drivers of the same station which keep a clip of an incident.
    """

    machine_code: str = Field(min_length=1)
    stale_s: float = Field(default=30.0, gt=0)
    min_delay_s: float = Field(default=1.0, gt=0)
    max_delay_s: float = Field(default=60.0, gt=0)
    batch_s: float = Field(default=5.0, gt=0)
    batch_values: int = Field(default=200, ge=1)
    limits: dict[Signal, Limit] = Field(default_factory=dict)
    baseline: BaselineConfig | None = None
    anomaly: AnomalyConfig | None = None
    alarm_severity: int = Field(default=700, ge=0, le=1000)
    collision_alarms: tuple[str, ...] = ()
    collision_response: Literal["log", "alert", "request_stop"] = "alert"
    stop_output: StopOutputConfig | None = None
    false_stops_max: int = Field(default=2, ge=0)
    false_stops_days: float = Field(default=7.0, gt=0)
    ring_s: float = Field(default=30.0, gt=0, le=120)
    after_s: float = Field(default=30.0, gt=0, le=120)
    max_parts_per_step: int = Field(default=50, ge=1)
    parts_per_cycle: int = Field(default=1, ge=1)
    settle_s: float = Field(default=1.0, ge=0)
    cameras: tuple[str, ...] = ()
    socket_port: int | None = Field(default=None, ge=0, le=65535)

    @model_validator(mode="after")
    def _stop_is_wired(self) -> Self:
        if self.collision_response == "request_stop" and self.stop_output is None:
            raise ValueError(
                "request_stop demande stop_output et son procès-verbal de mise en service (MCH-25)"
            )
        return self
