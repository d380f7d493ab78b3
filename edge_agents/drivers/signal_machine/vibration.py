"""Vibration from a raw sensor: RMS, peak and bands on the station, never the raw values (MCH-11)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_MAX_WAITING = 1 << 20


@dataclass(frozen=True)
class VibrationFigures:
    """Figures of one window, in the unit of the sensor; the constant part (gravity) is taken out."""

    rms: float
    peak: float
    bands: dict[str, float]


def figures(
    values: NDArray[np.float64], rate_hz: float, bands: Mapping[str, tuple[float, float]]
) -> VibrationFigures:
    """RMS and peak of a window and the RMS within each band (from, to in hertz), by Parseval over a Hann window."""
    centred = values - values.mean()
    rms = float(np.sqrt(np.mean(centred**2)))
    window = np.hanning(len(centred))
    spectrum = np.fft.rfft(centred * window)
    power = np.abs(spectrum) ** 2
    power[1:-1] *= 2
    power /= float(np.sum(window**2)) * len(centred)
    frequencies = np.fft.rfftfreq(len(centred), 1 / rate_hz)
    found = {
        name: float(np.sqrt(power[(frequencies >= low) & (frequencies < high)].sum()))
        for name, (low, high) in bands.items()
    }
    return VibrationFigures(rms, float(np.abs(centred).max()), found)


@dataclass
class RawStream:
    """A device or pipe that delivers little-endian 32-bit floats (IIO buffer, acquisition program); read without waiting."""

    path: Path
    scale: float = 1.0
    _descriptor: int | None = None
    _rest: bytes = b""
    _values: list[NDArray[np.float64]] = field(default_factory=list)
    count: int = 0

    def read(self) -> None:
        """Takes over what is there; the newest megabyte when the reader was late. Raises ``OSError``."""
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        while True:
            try:
                data = os.read(self._descriptor, 65_536)
            except BlockingIOError:
                return
            if not data:
                return
            data = self._rest + data
            whole = len(data) // 4 * 4
            self._rest = data[whole:]
            values = np.frombuffer(data[:whole], dtype="<f4").astype(np.float64) * self.scale
            if not np.isfinite(values).all():
                values = values[np.isfinite(values)]
            self._values.append(values)
            self.count += len(values)
            while self.count - len(self._values[0]) > _MAX_WAITING:
                self.count -= len(self._values.pop(0))

    def take(self, count: int) -> NDArray[np.float64] | None:
        """The oldest ``count`` values, once there are as many."""
        if self.count < count:
            return None
        joined = np.concatenate(self._values)
        self._values, self.count = [joined[count:]], self.count - count
        return joined[:count]

    def close(self) -> None:
        """Gives the device back."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
