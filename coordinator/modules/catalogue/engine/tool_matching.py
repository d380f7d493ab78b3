"""Which tool does a job: compares properties under their ISO 13399 codes. Pure.

A requirement names what the shape made depends on (kind, diameter, corner, pitch) and what only has to suffice (depth,
material, holder). The first must fit or the tool is no candidate; the rest gives the score.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

EXACT_KINDS = frozenset(
    {"drill", "reamer", "tap", "countersink", "counterbore", "spot_drill", "slot_mill", "ball_mill"}
)
"""Tools whose diameter is the diameter of what they make."""
SAME_JOB = (
    frozenset({"end_mill", "slot_mill"}),
    frozenset({"tap", "thread_mill"}),
    frozenset({"turning_rough", "turning_finish", "insert"}),
    frozenset({"grooving", "parting"}),
)
"""Kinds that may do each other's job, with another program."""


@dataclass(frozen=True)
class Wanted:
    """What a job asks; lengths in mm. ``groups`` are ISO 513 material groups (``P2`` or ``P``)."""

    kind: str
    diameter_mm: float | None = None
    depth_mm: float | None = None
    corner_radius_mm: float | None = None
    pitch_mm: float | None = None
    groups: frozenset[str] = frozenset()
    holder: str | None = None
    length_mm: float | None = None
    iso1832: str | None = None
    tolerance_mm: float = 0.005


@dataclass(frozen=True)
class Offer:
    """A tool that might do it, with its ISO 13399 properties; ``key`` names it for the caller."""

    key: int
    kind: str
    properties: Mapping[str, Any]
    groups: frozenset[str] = frozenset()
    holder: str | None = None
    iso1832: str | None = None


@dataclass(frozen=True)
class Match:
    """How well an offer does the job, 0 to 100, and in what it differs (codes of reasons)."""

    offer: Offer
    score_pct: float
    needs_program: bool
    reasons: tuple[str, ...] = field(default=())


def number(value: Any) -> float | None:
    """Number of a property, which catalogues write with comma, unit or as text; ``None`` where there is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    found = re.search(r"-?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?", str(value))
    return float(found.group(0).replace(",", ".")) if found else None


def groups_of(text: str | None) -> frozenset[str]:
    """Material groups of ``P M K``, ``P/M``, ``P1,P2`` or ``PMK``."""
    words = re.findall(r"[PMKNSH]\d?", (text or "").upper())
    return frozenset(words)


def find(wanted: Wanted, offers: Iterable[Offer]) -> list[Match]:
    """Offers that can do the job, the best first."""
    found = [match for match in (judge(wanted, offer) for offer in offers) if match is not None]
    return sorted(found, key=lambda m: (-m.score_pct, m.offer.key))


def judge(wanted: Wanted, offer: Offer) -> Match | None:
    """One offer against the job; ``None`` when it would not make the shape."""
    kind = _kind(wanted.kind, offer.kind)
    if kind is None:
        return None
    marks = [
        kind,
        _diameter(wanted, offer),
        _corner(wanted, offer),
        _pitch(wanted, offer),
        _depth(wanted, offer),
    ]
    if any(mark is None for mark in marks):
        return None
    marks += [_material(wanted, offer), _holder(wanted, offer), _insert(wanted, offer)]
    if any(mark is None for mark in marks):
        return None
    score, program, reasons = 100.0, False, []
    for mark in marks:
        assert mark is not None  # noqa: S101 — narrowed above
        score -= mark.cost
        program = program or mark.program
        reasons += [mark.reason] if mark.reason else []
    return Match(offer, max(0.0, round(score, 1)), program, tuple(reasons))


@dataclass(frozen=True)
class _Mark:
    cost: float = 0.0
    reason: str = ""
    program: bool = False


_FITS = _Mark()


def _kind(wanted: str, offered: str) -> _Mark | None:
    if wanted == offered:
        return _FITS
    if any({wanted, offered} <= family for family in SAME_JOB):
        return _Mark(25, "other_kind", program=True)
    return None


def _diameter(wanted: Wanted, offer: Offer) -> _Mark | None:
    have = number(offer.properties.get("DC"))
    if wanted.diameter_mm is None or have is None:
        return _FITS if wanted.diameter_mm is None else _Mark(15, "diameter_unknown")
    if abs(have - wanted.diameter_mm) <= wanted.tolerance_mm:
        return _FITS
    if wanted.kind in EXACT_KINDS or have > wanted.diameter_mm:
        return None
    if have < 0.5 * wanted.diameter_mm:
        return None
    return _Mark(10 + 40 * (1 - have / wanted.diameter_mm), "smaller_diameter", program=True)


def _corner(wanted: Wanted, offer: Offer) -> _Mark | None:
    have = number(offer.properties.get("RE"))
    if wanted.corner_radius_mm is None or have is None:
        return _FITS
    if abs(have - wanted.corner_radius_mm) <= wanted.tolerance_mm:
        return _FITS
    if wanted.kind in {"ball_mill", "slot_mill"} or have > wanted.corner_radius_mm:
        return None
    return _Mark(12, "smaller_corner", program=True)


def _pitch(wanted: Wanted, offer: Offer) -> _Mark | None:
    have = number(offer.properties.get("TP"))
    if wanted.pitch_mm is None:
        return _FITS
    if have is None:
        return _Mark(20, "pitch_unknown")
    return _FITS if abs(have - wanted.pitch_mm) <= 1e-3 else None


def _depth(wanted: Wanted, offer: Offer) -> _Mark | None:
    """Reach: usable length, else cutting length, else overall length; shorter than the old tool is stiffer."""
    reach = next((v for c in ("LU", "APMX") if (v := number(offer.properties.get(c))) is not None), None)
    overall = number(offer.properties.get("OAL"))
    if wanted.depth_mm is not None:
        limit = reach if reach is not None else overall
        if limit is None:
            return _Mark(10, "reach_unknown")
        if limit < wanted.depth_mm:
            return None
    if wanted.length_mm and overall and abs(overall - wanted.length_mm) > 0.5:
        return _Mark(2, "shorter") if overall < wanted.length_mm else _Mark(8, "longer")
    return _FITS


def _material(wanted: Wanted, offer: Offer) -> _Mark | None:
    if not wanted.groups:
        return _FITS
    if not offer.groups:
        return _Mark(8, "material_unknown")
    letters = {g[0] for g in offer.groups}
    if wanted.groups & offer.groups or any(
        len(g) == 1 and g in {w[0] for w in wanted.groups} for g in offer.groups
    ):
        return _FITS
    return _Mark(6, "near_material") if {g[0] for g in wanted.groups} & letters else None


def _holder(wanted: Wanted, offer: Offer) -> _Mark | None:
    if not wanted.holder or not offer.holder:
        return _FITS
    same = re.sub(r"\W", "", wanted.holder).upper() == re.sub(r"\W", "", offer.holder).upper()
    return _FITS if same else _Mark(10, "other_holder")


def _insert(wanted: Wanted, offer: Offer) -> _Mark | None:
    """ISO 1832: shape, clearance and size must be those of the seat; the corner and the rest may differ."""
    if not wanted.iso1832:
        return _FITS
    if not offer.iso1832:
        return _Mark(15, "insert_unknown")
    ours, theirs = (re.sub(r"[\s-]", "", text).upper() for text in (wanted.iso1832, offer.iso1832))
    if ours == theirs:
        return _FITS
    if ours[:2] != theirs[:2] or ours[4:8] != theirs[4:8]:
        return None
    return _Mark(5, "other_corner" if ours[8:10] != theirs[8:10] else "other_geometry")
