"""Designations of materials and ISO 13399 names of tool properties. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

ISO13399 = {
    "diameter_mm": "DC",
    "length_mm": "OAL",
    "cutting_length_mm": "APMX",
    "corner_radius_mm": "RE",
    "point_angle_deg": "SIG",
    "teeth_count": "NOF",
    "thread_pitch_mm": "TP",
    "max_spindle_rpm": "RPMX",
    "grade": "GRADE",
    "coating": "COATING",
}
"""Columns and the property codes of ISO 13399 they stand for."""


def search_key(designation: str) -> str:
    """Designation without spaces and signs: ``42 CrMo 4`` and ``42CrMo4`` give the same key.

    The dot of Werkstoff numbers goes too; delivery states such as ``+QT`` stay: they change the group.
    """
    return re.sub(r"[^A-Z0-9+]", "", designation.upper())


def iso13399_properties(columns: dict[str, Any], more: dict[str, Any] | None = None) -> dict[str, Any]:
    """Properties under their ISO 13399 codes; typed columns win over free ones."""
    found = dict(more or {})
    for column, code in ISO13399.items():
        value = columns.get(column)
        if value is not None:
            found[code] = value
    return found


def bar_mass_kg(area_mm2: Decimal, length_mm: Decimal, density_g_cm3: Decimal) -> Decimal:
    """Mass of a bar: section × length × density (1 g/cm³ = 1e-6 kg/mm³)."""
    return area_mm2 * length_mm * density_g_cm3 / Decimal(1_000_000)
