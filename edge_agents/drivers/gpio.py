"""Input and output lines of the station through the kernel's GPIO character device (libgpiod 2, package ``gpiod``)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any


class GpioError(OSError):
    """A line cannot be had: package, chip or line missing, or held by another program. The text is French."""


def _library() -> Any:
    try:
        import gpiod
    except ImportError:
        raise GpioError("bibliothèque gpiod absente de la station") from None
    return gpiod


class GpioOutput:
    """One output line; the kernel gives it back when the program ends, however it ends."""

    def __init__(self, chip: str, line: int, *, active_low: bool = False) -> None:
        self._line = line
        gpiod = _library()
        self._values = gpiod.line.Value
        settings = gpiod.LineSettings(
            direction=gpiod.line.Direction.OUTPUT,
            output_value=gpiod.line.Value.INACTIVE,
            active_low=active_low,
        )
        try:
            self._request = gpiod.request_lines(chip, consumer="usinage", config={line: settings})
        except (OSError, ValueError) as error:
            raise GpioError(f"sortie {chip} ligne {line} : {error}") from None

    def write(self, value: bool) -> None:
        """Sets the line. Raises ``OSError``."""
        self._request.set_value(self._line, self._values.ACTIVE if value else self._values.INACTIVE)

    def read(self) -> bool:
        """Level of the line. Raises ``OSError``."""
        return bool(self._request.get_value(self._line) == self._values.ACTIVE)


class GpioInputs:
    """Input lines of one chip, with the kernel's debounce; ``fd`` becomes readable at each edge."""

    def __init__(self, chip: str, lines: dict[int, bool], debounce_ms: float) -> None:
        gpiod = _library()
        self._lines = list(lines)
        self._active = gpiod.line.Value.ACTIVE
        config = {
            number: gpiod.LineSettings(
                direction=gpiod.line.Direction.INPUT,
                edge_detection=gpiod.line.Edge.BOTH,
                active_low=active_low,
                debounce_period=timedelta(milliseconds=debounce_ms),
            )
            for number, active_low in lines.items()
        }
        try:
            self._request = gpiod.request_lines(chip, consumer="usinage", config=config)
        except (OSError, ValueError) as error:
            raise GpioError(f"entrées {chip} : {error}") from None

    @property
    def fd(self) -> int:
        return int(self._request.fd)

    def read(self) -> dict[int, bool]:
        """Level of every line. Raises ``OSError``."""
        values = self._request.get_values(self._lines)
        return {line: value == self._active for line, value in zip(self._lines, values, strict=True)}

    def drain(self) -> None:
        """Takes the waiting edges away. Raises ``OSError``."""
        if self._request.wait_edge_events(timedelta(0)):
            self._request.read_edge_events()

    def close(self) -> None:
        """Gives the lines back."""
        self._request.release()
