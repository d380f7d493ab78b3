"""Counting by weight (VIS-03, VIS-32, VIS-43): pure functions; masses in grams.

A tray's count is its net weight divided by the unit weight learned from a known number of pieces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from edge_agents.drivers.cabinet_camera.taught import PlaceReading

_DRIFT_UNITS = 0.35


@dataclass(frozen=True, slots=True)
class Scale:
    """One load cell: weight of the empty tray, highest load, weight of one piece with its spread between pieces, noise."""

    tare_g: float
    capacity_g: float
    unit_g: float | None = None
    unit_spread_g: float = 0.0
    noise_g: float = 0.05


def learn_unit(scale: Scale, gross_g: Sequence[float], pieces: int = 10) -> Scale:
    """Scale with the unit weight of ``pieces`` weighed together, several weighings. Raises ``ValueError`` in French."""
    if pieces < 1 or not gross_g:
        raise ValueError("Aucune pesée.")
    net = [gross - scale.tare_g for gross in gross_g]
    mean = sum(net) / len(net)
    if mean <= 4 * scale.noise_g * math.sqrt(pieces):
        raise ValueError("Pièces trop légères pour cette balance.")
    spread = math.sqrt(sum((value - mean) ** 2 for value in net) / max(len(net) - 1, 1))
    return Scale(scale.tare_g, scale.capacity_g, mean / pieces, max(spread / math.sqrt(pieces), 0.002 * mean / pieces),
                 scale.noise_g)  # fmt: skip


def drifted(scale: Scale, empty_gross_g: float) -> bool:
    """Whether the empty tray weighs so differently from its tare that counts could be wrong."""
    limit = 5 * scale.noise_g if scale.unit_g is None else min(5 * scale.noise_g, _DRIFT_UNITS * scale.unit_g)
    return abs(empty_gross_g - scale.tare_g) > limit


def count_by_weight(place: str, item: str | None, scale: Scale, gross_g: float | None) -> PlaceReading:
    """Count of a tray; without a trustworthy weight the reading says why and the tray is scanned instead."""
    if scale.unit_g is None:
        return PlaceReading(place, None, None, None, 0.0, "scale_not_learned")
    if gross_g is None or not math.isfinite(gross_g) or gross_g > scale.capacity_g:
        return PlaceReading(place, None, None, None, 0.0, "scale_out_of_range")
    pieces = (gross_g - scale.tare_g) / scale.unit_g
    if pieces < -_DRIFT_UNITS:
        return PlaceReading(place, None, None, None, 0.0, "scale_drift")
    count = max(round(pieces), 0)
    sigma = math.hypot(scale.noise_g, scale.unit_spread_g * math.sqrt(max(count, 1))) / scale.unit_g
    sure = (
        math.erf((0.5 - abs(pieces - count)) / (sigma * math.sqrt(2))) if abs(pieces - count) < 0.5 else 0.0
    )
    reason = "between_counts" if abs(pieces - count) > _DRIFT_UNITS else None
    confidence = min(max(sure, 0.0), 0.5 if reason else 0.999)
    return PlaceReading(place, count > 0, count, item if count else None, confidence, reason)
