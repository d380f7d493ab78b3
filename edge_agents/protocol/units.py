"""Units of measured signals: which spellings mean the same, which convert, which have nothing in common.

Both sides ask this table: a curve, a limit or a learned model holds values of one unit only. A unit it does not know
equals itself and nothing else. Factors are exact by definition (SI brochure; ISO 80000; inch and pound of 1959).
"""

from __future__ import annotations

import math
import unicodedata
from functools import lru_cache
from typing import NamedTuple

MAX_UNIT = 20


class Conversion(NamedTuple):
    """``value × factor + offset`` is the value in the other unit."""

    factor: float
    offset: float = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether both units are one, spelled in two ways."""
        return self.factor == 1.0 and self.offset == 0.0


class _Unit(NamedTuple):
    dimension: str
    factor: float
    zero: float = 0.0
    """Its nought, in the unit itself above that of the coherent unit."""


_POUND_KG, _INCH_M, _GRAVITY = 0.45359237, 0.0254, 9.80665
_TABLE: tuple[tuple[str, float, float, str], ...] = (
    ("pressure", 1.0, 0.0, "Pa N/m2 PASCAL"),
    ("pressure", 1e2, 0.0, "hPa mbar"),
    ("pressure", 1e3, 0.0, "kPa KILOPASCAL"),
    ("pressure", 1e5, 0.0, "bar BAR"),
    ("pressure", 1e6, 0.0, "MPa N/mm2 MEGAPASCAL"),
    ("pressure", _POUND_KG * _GRAVITY / _INCH_M**2, 0.0, "psi PSI POUND/INCH^2"),
    ("rotation", 1.0, 0.0, "rad/s RADIAN/SECOND"),
    ("rotation", 2 * math.pi / 60, 0.0, "1/min min-1 min^-1 /min tr/min rpm RPM r/min U/min rev/min REVOLUTION/MINUTE"),
    ("rotation", 2 * math.pi, 0.0, "tr/s rps r/s REVOLUTION/SECOND"),
    ("rotation", math.pi / 180, 0.0, "°/s deg/s DEGREE/SECOND"),
    ("temperature", 1.0, 0.0, "K KELVIN"),
    ("temperature", 1.0, 273.15, "°C degC CEL CELSIUS"),
    ("temperature", 5 / 9, 459.67, "°F degF FAHRENHEIT"),
    ("power", 1e-3, 0.0, "mW"),
    ("power", 1.0, 0.0, "W WATT"),
    ("power", 1e3, 0.0, "kW KILOWATT"),
    ("power", 1e6, 0.0, "MW"),
    ("power", 735.49875, 0.0, "ch PS"),
    ("energy", 1.0, 0.0, "J JOULE Ws"),
    ("energy", 1e3, 0.0, "kJ"),
    ("energy", 1e6, 0.0, "MJ"),
    ("energy", 3.6e3, 0.0, "Wh WATT_HOUR"),
    ("energy", 3.6e6, 0.0, "kWh KILOWATT_HOUR"),
    ("energy", 3.6e9, 0.0, "MWh"),
    ("current", 1e-3, 0.0, "mA MILLIAMPERE"),
    ("current", 1.0, 0.0, "A AMPERE"),
    ("current", 1e3, 0.0, "kA"),
    ("voltage", 1e-3, 0.0, "mV MILLIVOLT"),
    ("voltage", 1.0, 0.0, "V VOLT"),
    ("voltage", 1e3, 0.0, "kV"),
    ("speed", 1.0, 0.0, "m/s METER/SECOND"),
    ("speed", 1e-3, 0.0, "mm/s MILLIMETER/SECOND"),
    ("speed", 1e-6, 0.0, "µm/s um/s"),
    ("speed", 1 / 60, 0.0, "m/min METER/MINUTE"),
    ("speed", 1e-3 / 60, 0.0, "mm/min MILLIMETER/MINUTE"),
    ("speed", _INCH_M, 0.0, "in/s ips INCH/SECOND"),
    ("speed", _INCH_M / 60, 0.0, "in/min ipm INCH/MINUTE"),
    ("acceleration", 1.0, 0.0, "m/s2 m/s^2 METER/SECOND^2"),
    ("acceleration", 1e-3, 0.0, "mm/s2 mm/s^2 MILLIMETER/SECOND^2"),
    ("acceleration", _GRAVITY, 0.0, "gn g0"),
    ("length", 1.0, 0.0, "m METER"),
    ("length", 1e-2, 0.0, "cm"),
    ("length", 1e-3, 0.0, "mm MILLIMETER"),
    ("length", 1e-6, 0.0, "µm um MICROMETER MICRON"),
    ("length", _INCH_M, 0.0, "in inch INCH"),
    ("mass", 1e-6, 0.0, "mg"),
    ("mass", 1.0, 0.0, "kg KILOGRAM"),
    ("mass", 1e3, 0.0, "t"),
    ("mass", _POUND_KG, 0.0, "lb POUND"),
    ("force", 1.0, 0.0, "N NEWTON"),
    ("force", 10.0, 0.0, "daN"),
    ("force", 1e3, 0.0, "kN KILONEWTON"),
    ("torque", 1.0, 0.0, "Nm N.m N·m NEWTON_METER"),
    ("torque", 1e-2, 0.0, "Ncm N.cm N·cm"),
    ("torque", 1e3, 0.0, "kNm kN.m kN·m"),
    ("ratio", 1e-2, 0.0, "% PERCENT"),
    ("ratio", 1e-3, 0.0, "‰"),
    ("ratio", 1e-6, 0.0, "ppm"),
    ("time", 1e-6, 0.0, "µs us"),
    ("time", 1e-3, 0.0, "ms MILLISECOND"),
    ("time", 1.0, 0.0, "s SECOND"),
    ("time", 60.0, 0.0, "min MINUTE"),
    ("time", 3600.0, 0.0, "h HOUR"),
    ("frequency", 1.0, 0.0, "Hz HERTZ"),
    ("frequency", 1e3, 0.0, "kHz"),
    ("frequency", 1e6, 0.0, "MHz"),
    ("angle", 1.0, 0.0, "rad RADIAN"),
    ("angle", math.pi / 180, 0.0, "° deg DEGREE"),
    ("volume", 1e-6, 0.0, "ml mL cm3"),
    ("volume", 1e-3, 0.0, "l L dm3 LITER"),
    ("volume", 1.0, 0.0, "m3 CUBIC_METER"),
    ("flow", 1e-6 / 60, 0.0, "ml/min mL/min"),
    ("flow", 1e-3 / 60, 0.0, "l/min L/min LITER/MINUTE"),
    ("flow", 1e-3, 0.0, "l/s L/s LITER/SECOND"),
    ("flow", 1 / 3600, 0.0, "m3/h"),
    ("flow", 1.0, 0.0, "m3/s"),
)  # fmt: skip


def _plain(unit: str) -> str:
    """One spelling of the same signs: ``²`` is ``2``, all middle dots one, no space."""
    text = unicodedata.normalize("NFKC", unit).replace("⋅", "·").replace("*", "·").replace("μ", "µ")
    return "".join(text.replace("−", "-").split())


_KNOWN = {
    _plain(spelling): _Unit(dimension, factor, zero)
    for dimension, factor, zero, spellings in _TABLE
    for spelling in spellings.split()
}


@lru_cache(maxsize=4096)
def conversion(told: str | None, kept: str | None) -> Conversion | None:
    """How a value told in one unit is kept in another; ``None`` where they have nothing in common.

    No unit is a unit of its own: what is not told cannot be converted. Letters count as written (mW is not MW).
    """
    from_text, to_text = _plain(told or ""), _plain(kept or "")
    if from_text == to_text:
        return Conversion(1.0)
    source, target = _KNOWN.get(from_text), _KNOWN.get(to_text)
    if source is None or target is None or source.dimension != target.dimension:
        return None
    if source == target:
        return Conversion(1.0)
    factor = source.factor / target.factor
    return Conversion(factor, source.zero * factor - target.zero)
