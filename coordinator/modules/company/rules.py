"""Pure rules: identification numbers with their keys, public holidays, opening hours, choice of a rate."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from zoneinfo import ZoneInfo

LA_POSTE_SIREN = "356000000"


def luhn_is_valid(digits: str) -> bool:
    """Luhn key (ISO/IEC 7812-1 annex B), the key of SIREN and SIRET."""
    if not digits.isascii() or not digits.isdecimal():
        return False
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if position % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def siren_is_valid(siren: str) -> bool:
    """9 digits with a right key."""
    return len(siren) == 9 and luhn_is_valid(siren)


def siret_is_valid(siret: str) -> bool:
    """14 digits with a right key. La Poste's establishments are checked by the sum of their digits (INSEE)."""
    if len(siret) != 14 or not siret.isascii() or not siret.isdecimal():
        return False
    if siret.startswith(LA_POSTE_SIREN) and siret != LA_POSTE_SIREN + "00048":
        return sum(int(d) for d in siret) % 5 == 0
    return luhn_is_valid(siret)


def iban_is_valid(iban: str) -> bool:
    """Check digits of ISO 13616: modulo 97 equals 1; French accounts have 27 characters."""
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", iban) or (
        iban.startswith("FR") and len(iban) != 27
    ):
        return False
    return int("".join(str(int(c, 36)) for c in iban[4:] + iban[:4])) % 97 == 1


def french_vat_number(siren: str) -> str:
    """Intra-community VAT number of a SIREN: key = (12 + 3 × (SIREN mod 97)) mod 97."""
    return f"FR{(12 + 3 * (int(siren) % 97)) % 97:02d}{siren}"


def easter(year: int) -> dt.date:
    """Easter Sunday (Meeus, Jones and Butcher: Gregorian computus)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e, f = b // 4, b % 4, (b + 8) // 25
    g = (b - f + 1) // 3
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return dt.date(year, month, day + 1)


def public_holidays(year: int, *, alsace_moselle: bool = False) -> dict[dt.date, str]:
    """The 11 public holidays of Code du travail L.3133-1, and the two more of Alsace-Moselle (L.3134-13)."""
    sunday = easter(year)
    days = {
        dt.date(year, 1, 1): "Jour de l'an",
        sunday + dt.timedelta(days=1): "Lundi de Pâques",
        dt.date(year, 5, 1): "Fête du Travail",
        dt.date(year, 5, 8): "Victoire de 1945",
        sunday + dt.timedelta(days=39): "Ascension",
        sunday + dt.timedelta(days=50): "Lundi de Pentecôte",
        dt.date(year, 7, 14): "Fête nationale",
        dt.date(year, 8, 15): "Assomption",
        dt.date(year, 11, 1): "Toussaint",
        dt.date(year, 11, 11): "Victoire de 1918",
        dt.date(year, 12, 25): "Noël",
    }
    if alsace_moselle:
        days[sunday - dt.timedelta(days=2)] = "Vendredi saint"
        days[dt.date(year, 12, 26)] = "Saint-Étienne"
    return dict(sorted(days.items()))


@dataclass(frozen=True)
class DayShift:
    """Presence in minutes after midnight of ``weekday`` (1 Monday … 7 Sunday)."""

    weekday: int
    start_min: int
    end_min: int
    break_start_min: int | None = None
    break_min: int = 0


@dataclass(frozen=True)
class DayException:
    """Closed days, or days open at other hours."""

    first_day: dt.date
    last_day: dt.date
    is_open: bool = False
    start_min: int | None = None
    end_min: int | None = None


@dataclass(frozen=True)
class Calendar:
    """Opening hours without database."""

    time_zone: str
    shifts: Sequence[DayShift]
    exceptions: Sequence[DayException] = ()
    closes_on_public_holidays: bool = True
    is_alsace_moselle: bool = False


Interval = tuple[dt.datetime, dt.datetime]


def open_intervals(calendar: Calendar, start: dt.datetime, end: dt.datetime) -> list[Interval]:
    """Opening hours within ``[start, end)`` as aware UTC instants, sorted, joined, without overlap.

    Hours are local: across the change to summer time a day's hours stay the same on the wall.
    """
    zone = ZoneInfo(calendar.time_zone)
    found: list[Interval] = []
    day = start.astimezone(zone).date() - dt.timedelta(days=1)
    last = end.astimezone(zone).date()
    holidays: dict[int, dict[dt.date, str]] = {}
    while day <= last:
        if day.year not in holidays:
            holidays[day.year] = public_holidays(day.year, alsace_moselle=calendar.is_alsace_moselle)
        is_holiday = calendar.closes_on_public_holidays and day in holidays[day.year]
        for first_min, last_min in _day_minutes(calendar, day, is_holiday=is_holiday):
            opened, closed = (
                max(_instant(day, first_min, zone), start),
                min(_instant(day, last_min, zone), end),
            )
            if opened < closed:
                found.append((opened, closed))
        day += dt.timedelta(days=1)
    return _joined(sorted(found))


def _day_minutes(calendar: Calendar, day: dt.date, *, is_holiday: bool) -> Iterable[tuple[int, int]]:
    exceptions = [e for e in calendar.exceptions if e.first_day <= day <= e.last_day]
    if exceptions:
        return [
            (e.start_min, e.end_min)
            for e in exceptions
            if e.is_open and e.start_min is not None and e.end_min is not None
        ]
    if is_holiday:
        return []
    minutes: list[tuple[int, int]] = []
    for shift in calendar.shifts:
        if shift.weekday != day.isoweekday():
            continue
        if shift.break_min and shift.break_start_min is not None:
            minutes.append((shift.start_min, shift.break_start_min))
            minutes.append((shift.break_start_min + shift.break_min, shift.end_min))
        else:
            minutes.append((shift.start_min, shift.end_min - shift.break_min))
    return minutes


def _instant(day: dt.date, minutes: int, zone: ZoneInfo) -> dt.datetime:
    days, rest = divmod(minutes, 1440)
    clock = dt.time(rest // 60, rest % 60)
    return dt.datetime.combine(day + dt.timedelta(days=days), clock, zone).astimezone(dt.UTC)


def _joined(intervals: list[Interval]) -> list[Interval]:
    joined: list[Interval] = []
    for opened, closed in intervals:
        if joined and opened <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], closed))
        else:
            joined.append((opened, closed))
    return joined


RATE_OBJECTS = (
    "machine_id", "supplier_id", "material_id", "treatment", "work_center_id", "machine_type", "job_position_id",
    "activity_type_id",
)  # fmt: skip
"""What a rate may be for, from the most specific to the least (SET-26)."""


@dataclass(frozen=True)
class RateLine:
    """One line of the grid, without database; ``objects`` holds only what the line names."""

    id: int
    rate: Decimal
    unit: str
    valid_from: dt.date
    valid_to: dt.date | None
    objects: dict[str, object]


def choose_rate(lines: Iterable[RateLine], wanted: dict[str, object], on: dt.date) -> RateLine | None:
    """The most specific line valid on a day whose objects are all those wanted; the newest of equals.

    A line naming something else than what is wanted never applies; a line naming nothing applies to everything.
    """
    valid = [
        line
        for line in lines
        if line.valid_from <= on
        and (line.valid_to is None or on <= line.valid_to)
        and all(wanted.get(name) == value for name, value in line.objects.items())
    ]
    return max(valid, key=lambda line: (_specificity(line), line.valid_from, line.id), default=None)


def _specificity(line: RateLine) -> tuple[bool, ...]:
    return tuple(name in line.objects for name in RATE_OBJECTS)
