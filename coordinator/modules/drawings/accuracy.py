"""How right the reading is, measured on what people validated (DRW-43)."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.drawings.fieldset import FIELDS
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingCorrection, DrawingFeature

TITLE_FIELDS = tuple(f.name for f in FIELDS if f.group == "title_block")
MATERIAL_FIELDS = ("material_text", "heat_treatment", "surface_treatment")
TARGETS = {"title_block": 0.95, "material": 0.95, "elements": 0.95}
_LONGEST_REVIEW_MIN = 120.0


@dataclass
class Tally:
    """Values a person left as read (right), changed (wrong), or had to add (missed)."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def rate(self) -> float | None:
        """Share of right values among those that were on the drawing; None without any."""
        total = self.right + self.wrong + self.missed
        return self.right / total if total else None

    def add(self, other: Tally) -> None:
        """Count another tally in."""
        self.right += other.right
        self.wrong += other.wrong
        self.missed += other.missed

    def to_json(self) -> dict[str, Any]:
        """Public form."""
        rate = self.rate
        return {
            "right": self.right, "wrong": self.wrong, "missed": self.missed,
            "rate": None if rate is None else round(rate, 4),
        }  # fmt: skip


@dataclass
class Reviewed:
    """One validated analysis as far as accuracy needs it."""

    file_type: str
    standard: str
    fields: dict[str, Tally] = field(default_factory=dict)
    elements: Tally = field(default_factory=Tally)
    review_min: float | None = None


def of_field(read: Any, is_corrected: bool, corrected: Any) -> Tally | None:
    """Verdict on one field: None when the drawing neither had it nor a person added it."""
    has_read = read not in (None, "")
    if is_corrected:
        if not has_read:
            return Tally(missed=1) if corrected not in (None, "") else None
        return Tally(wrong=1)
    return Tally(right=1) if has_read else None


def summarise(reviewed: Sequence[Reviewed], typing_s: int) -> dict[str, Any]:
    """Rates per field, by format and by standard, against the targets; time saved per drawing. Pure.

    Time saved: every value a person did not have to type, at ``typing_s`` seconds each.
    """
    total = _groups(reviewed)
    saved = [(sum(t.right for t in r.fields.values()) + r.elements.right) * typing_s / 60 for r in reviewed]
    durations = [r.review_min for r in reviewed if r.review_min is not None]
    targets = [
        {"name": name, "rate": total[name]["rate"], "target": target,
         "ok": total[name]["rate"] is not None and total[name]["rate"] >= target}
        for name, target in TARGETS.items()
    ]  # fmt: skip
    return {
        "drawings": len(reviewed),
        **total,
        "targets": targets,
        "by_format": {k: _groups(v) for k, v in _split(reviewed, "file_type").items()},
        "by_standard": {k: _groups(v) for k, v in _split(reviewed, "standard").items()},
        "saved_min_per_drawing": round(sum(saved) / len(saved), 1) if saved else None,
        "saved_min_total": round(sum(saved), 1),
        "review_min_median": round(median(durations), 1) if durations else None,
    }


def _groups(reviewed: Iterable[Reviewed]) -> dict[str, Any]:
    fields: dict[str, Tally] = defaultdict(Tally)
    elements = Tally()
    for one in reviewed:
        for name, tally in one.fields.items():
            fields[name].add(tally)
        elements.add(one.elements)
    title, material = Tally(), Tally()
    for name, tally in fields.items():
        if name in TITLE_FIELDS:
            title.add(tally)
        if name in MATERIAL_FIELDS:
            material.add(tally)
    return {
        "fields": {name: tally.to_json() for name, tally in sorted(fields.items())},
        "title_block": title.to_json(),
        "material": material.to_json(),
        "elements": elements.to_json(),
    }


def _split(reviewed: Iterable[Reviewed], name: str) -> dict[str, list[Reviewed]]:
    found: dict[str, list[Reviewed]] = defaultdict(list)
    for one in reviewed:
        found[getattr(one, name)].append(one)
    return dict(found)


def measure(ctx: Context, since: dt.date | None = None) -> dict[str, Any]:
    """Accuracy of validated analyses; restricted drawings stay out of what is learned (DRW-28)."""
    query = select(DrawingAnalysis).where(
        DrawingAnalysis.validated_at.is_not(None), DrawingAnalysis.is_restricted.is_(False),
        DrawingAnalysis.reading.is_not(None), DrawingAnalysis.archived_at.is_(None),
    )  # fmt: skip
    if since is not None:
        query = query.where(
            DrawingAnalysis.validated_at >= dt.datetime.combine(since, dt.time(), tzinfo=dt.UTC)
        )
    analyses = list(ctx.session.scalars(query.order_by(DrawingAnalysis.id.desc()).limit(2000)))
    ids = [a.id for a in analyses]
    corrections: dict[int, list[DrawingCorrection]] = defaultdict(list)
    found = select(DrawingCorrection).where(
        DrawingCorrection.drawing_analysis_id.in_(ids), DrawingCorrection.archived_at.is_(None)
    )
    for correction in ctx.session.scalars(found):
        corrections[correction.drawing_analysis_id].append(correction)
    rows: dict[int, list[DrawingFeature]] = defaultdict(list)
    for row in ctx.session.scalars(select(DrawingFeature).where(DrawingFeature.drawing_analysis_id.in_(ids))):
        rows[row.drawing_analysis_id].append(row)
    empty_below = float(ctx.settings.decimal("drawing_empty_confidence"))
    reviewed = [_reviewed(a, corrections[a.id], rows[a.id], empty_below) for a in analyses]
    return summarise(reviewed, ctx.settings.integer("drawing_typing_s"))


def _reviewed(
    analysis: DrawingAnalysis,
    corrections: Sequence[DrawingCorrection],
    rows: Sequence[DrawingFeature],
    empty_below: float,
) -> Reviewed:
    reading = analysis.reading or {}
    kinds = [r["kind"] for r in reading.get("files", [])]
    one = Reviewed(kinds[0] if kinds else "other", analysis.standard_system)
    by_field = {c.field_name: c for c in corrections if c.drawing_feature_id is None}
    for name, entry in reading.get("fields", {}).items():
        read = entry["value"] if entry["confidence"] >= empty_below else None
        correction = by_field.get(name)
        verdict = of_field(read, correction is not None, correction.corrected_value if correction else None)
        if verdict is not None and name not in ("criticality", "certificate_required"):
            one.fields[name] = verdict
    wrong = {c.drawing_feature_id for c in corrections if c.drawing_feature_id is not None}
    for row in rows:
        if row.is_manual:
            one.elements.missed += row.archived_at is None
        elif row.id in wrong or row.archived_at is not None:
            one.elements.wrong += 1
        else:
            one.elements.right += 1
    if analysis.review_started_at is not None and analysis.validated_at is not None:
        minutes = (analysis.validated_at - analysis.review_started_at).total_seconds() / 60
        # A review left open overnight says nothing about the work.
        one.review_min = minutes if minutes <= _LONGEST_REVIEW_MIN else None
    return one
