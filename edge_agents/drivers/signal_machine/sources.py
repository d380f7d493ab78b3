"""Where the levels come from: GPIO lines, a Modbus TCP module, files of the system. Blocking; errors are ``OSError``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from edge_agents.drivers.gpio import GpioInputs
from edge_agents.drivers.modbus import READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT, ModbusTcp
from edge_agents.drivers.signal_machine.config import (
    AnalogInput,
    FileSource,
    GpioSource,
    ModbusSource,
    SignalMachineConfig,
)

_MAX_SPAN = 100


class Inputs(ABC):
    """Reads all inputs at once. ``fd`` becomes readable at an edge where the source has such a thing."""

    fd: int | None = None

    def __init__(self, config: SignalMachineConfig) -> None:
        self._digital = config.inputs
        self._analog = config.analog

    @abstractmethod
    def digital(self) -> dict[str, bool]:
        """Level of every digital input, inversions applied."""

    @abstractmethod
    def analog(self) -> dict[str, float]:
        """Value of every analog input in its unit."""

    @abstractmethod
    def close(self) -> None:
        """Gives everything back."""


class _Gpio(Inputs):
    def __init__(self, config: SignalMachineConfig, source: GpioSource) -> None:
        super().__init__(config)
        self._lines = {int(one.at): (name, one.inverted) for name, one in config.inputs.items()}
        self._request = GpioInputs(source.chip, {line: low for line, (_, low) in self._lines.items()}, 0.0)
        self.fd = self._request.fd

    def digital(self) -> dict[str, bool]:
        self._request.drain()
        return {self._lines[line][0]: level for line, level in self._request.read().items()}

    def analog(self) -> dict[str, float]:
        return {}

    def close(self) -> None:
        self._request.close()


class _Modbus(Inputs):
    """Neighbouring addresses are asked for together: one request per area where they fit."""

    def __init__(self, config: SignalMachineConfig, source: ModbusSource) -> None:
        super().__init__(config)
        self._module = ModbusTcp(source.host, source.port, source.unit_id)

    def digital(self) -> dict[str, bool]:
        found: dict[str, bool] = {}
        for area, function in (("discrete", READ_DISCRETE), ("coil", READ_COILS)):
            wanted = {name: one for name, one in self._digital.items() if one.area == area}
            for start, count, names in _spans({name: int(one.at) for name, one in wanted.items()}):
                bits = self._module.read_bits(function, start, count)
                for name in names:
                    found[name] = bits[int(wanted[name].at) - start] != wanted[name].inverted
        return found

    def analog(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for area, function in (("input", READ_INPUT), ("holding", READ_HOLDING)):
            wanted = {name: one for name, one in self._analog.items() if one.area == area}
            for start, count, names in _spans({name: int(one.at) for name, one in wanted.items()}):
                registers = self._module.read_registers(function, start, count)
                for name in names:
                    found[name] = _scaled(wanted[name], registers[int(wanted[name].at) - start])
        return found

    def close(self) -> None:
        self._module.close()


class _Files(Inputs):
    def __init__(self, config: SignalMachineConfig, source: FileSource) -> None:
        super().__init__(config)
        self._folder = source.folder

    def _read(self, at: int | str) -> str:
        return (self._folder / Path(str(at))).read_text(encoding="ascii").strip()

    def digital(self) -> dict[str, bool]:
        return {name: (self._read(one.at) == "1") != one.inverted for name, one in self._digital.items()}

    def analog(self) -> dict[str, float]:
        found = {}
        for name, one in self._analog.items():
            text = self._read(one.at)
            try:
                found[name] = one.scale * float(text) + one.offset
            except ValueError:
                raise OSError(f"{one.at} : {text[:20]!r} n'est pas un nombre") from None
        return found

    def close(self) -> None:
        pass


def _scaled(one: AnalogInput, raw: int) -> float:
    number = raw - 65_536 if one.is_signed and raw >= 32_768 else raw
    return one.scale * number + one.offset


def _spans(places: dict[str, int]) -> list[tuple[int, int, list[str]]]:
    spans: list[tuple[int, int, list[str]]] = []
    for name, address in sorted(places.items(), key=lambda item: item[1]):
        if spans and address - spans[-1][0] < _MAX_SPAN:
            start, _, names = spans[-1]
            spans[-1] = (start, address - start + 1, [*names, name])
        else:
            spans.append((address, 1, [name]))
    return spans


def open_inputs(config: SignalMachineConfig) -> Inputs:
    """Inputs of a configuration. Raises ``OSError``."""
    source = config.source
    if isinstance(source, GpioSource):
        return _Gpio(config, source)
    if isinstance(source, ModbusSource):
        return _Modbus(config, source)
    return _Files(config, source)
