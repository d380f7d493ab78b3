"""What a station says about a session: messages to the coordinator, words on its small screen (VIS-05, VIS-09)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from edge_agents.drivers.base import CommandRefusedError
from edge_agents.drivers.cabinet_camera.config import Compartment, VisionConfig
from edge_agents.drivers.cabinet_camera.decision import Change, Decision
from edge_agents.drivers.cabinet_camera.taught import PictureReading, PlaceReading
from edge_agents.drivers.cabinet_camera.texts import reason_text
from edge_agents.protocol.posting import Handling, Thresholds

_FOREIGN = "foreign_or_misplaced"


@dataclass(frozen=True)
class Told:
    """The last thing that was shown, and until when it may be called wrong."""

    session: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)
    details: tuple[Mapping[str, Any], ...] | list[dict[str, Any]] = ()
    at: datetime | None = None
    valid_s: float = 0.0

    def left_s(self, now: datetime) -> float:
        """Seconds the "wrong" button still counts."""
        return 0.0 if self.at is None else max(self.valid_s - (now - self.at).total_seconds(), 0.0)

    def describe(self, now: datetime) -> dict[str, Any]:
        """What the screen shows."""
        return {
            "ok": True,
            "message": self.answer.get("message", ""),
            "changes": self.answer.get("changes", []),
            "wrong_s": round(self.left_s(now), 1),
        }

    def disputed(self, location: str | None, now: datetime) -> list[dict[str, Any]]:
        """Payloads of the "wrong" button: one compartment, or all of the session. Raises ``CommandRefusedError``."""
        if self.at is None or not self.left_s(now):
            raise CommandRefusedError("Trop tard : signalez l'erreur au magasinier.")
        uid = self.session["session_uid"]
        if location is None:
            return [{"session_uid": uid, "detection_uid": None}]
        named = [detail["detection_uid"] for detail in self.details if detail["location_code"] == location]
        if not named:
            raise CommandRefusedError(f"Rien n'a été vu en {location}.")
        return [{"session_uid": uid, "detection_uid": one} for one in named]


def handling(
    change: Change, limits: Thresholds | None, *, doubtful: bool, item: str | None = None
) -> Handling | None:
    """What becomes of a change under the thresholds of the station (VIS-14); ``None`` where it was told none."""
    if limits is None:
        return None
    if doubtful or change.reason is not None:
        return "review"
    place = change.compartment
    return limits.of(place.id, item or change.item or place.item).handling(100 * change.confidence)


def detection(
    session: Mapping[str, Any],
    change: Change,
    *,
    doubtful: bool,
    item: str | None,
    limits: Thresholds | None = None,
) -> dict[str, Any]:
    """Payload of one changed compartment (and item, where it is shared); ``item`` is what the label that came or went stands for."""
    place = change.compartment
    known = item if change.code else change.item or place.item
    return {
        "handling": handling(change, limits, doubtful=doubtful, item=item),
        "session_uid": session["session_uid"],
        "detection_uid": uid_of(session["session_uid"], place.id, change.code or change.item),
        "location_code": place.id,
        "item_code": known if change.reason != _FOREIGN else None,
        "count_before": change.before.count,
        "count_after": change.after.count,
        "delta": change.delta if change.reason != _FOREIGN else None,
        "confidence": round(min(change.confidence, 0.59) if doubtful else change.confidence, 4),
        "method": place.method,
        "usable": True,
        "reason": change.reason,
        "code": change.code,
    }


def uid_of(session_uid: str, location: str, code: str | None = None) -> str:
    """Same session, compartment and label or item, same identifier: a repeated detection is recognised (VIS-41)."""
    name = f"{session_uid}/{location}" + (f"/{code}" if code else "")
    return str(UUID(bytes=hashlib.sha256(name.encode()).digest()[:16], version=4))


def answer_of(
    session: Mapping[str, Any], decision: Decision, *, doubtful: bool, limits: Thresholds | None = None
) -> dict[str, Any]:
    """What the person at the cabinet is told: pieces by item, whatever number of holes or trays they came from, and what somebody
    will look at before or after it counts."""
    totals: dict[str, int] = {}
    unsure: set[str] = set()
    for change in decision.changes:
        if change.delta:
            name = change.code or change.item or change.compartment.item or change.compartment.id
            totals[name] = totals.get(name, 0) + change.delta
            if handling(change, limits, doubtful=doubtful) not in {None, "auto"}:
                unsure.add(name)
    asked = [f"{c.compartment.id} : {reason_text(c.reason)}" for c in decision.changes if c.reason]
    words = [
        f"{delta:+d} {name}" + (" (à vérifier par le magasinier)" if name in unsure else "")
        for name, delta in totals.items()
        if delta
    ]
    message = ", ".join(words + asked) or "Aucun changement vu."
    if not decision.usable:
        message = f"{reason_text(decision.reason) or 'image inutilisable'} : scannez les articles pris."
    return {
        "ok": decision.usable,
        "session_uid": session["session_uid"],
        "status": "uncertain" if doubtful else "closed",
        "message": message,
        "changes": [
            {
                "location": c.compartment.id,
                "item": c.item,
                "delta": c.delta,
                "confidence": c.confidence,
                "reason": c.reason,
                "handling": handling(c, limits, doubtful=doubtful),
            }
            for c in decision.changes
        ],
    }


def counted(
    vision: VisionConfig, found: PictureReading, weighed: Mapping[str, PlaceReading]
) -> list[dict[str, Any]]:
    """Every compartment of a full count; what cannot be told carries its reason."""
    rows = []
    for place, seen in zip(vision.compartments, found.places, strict=True):
        if place.method == "items":
            rows += _shared(place, seen, usable=found.usable)
            continue
        if place.labels:
            rows += _by_label(place, seen, usable=found.usable)
            continue
        one = weighed.get(place.id, seen)
        sure = found.usable or place.id in weighed
        rows.append(
            {
                "location_code": place.id,
                "item_code": place.item,
                "count": one.count if sure else None,
                "confidence": round(one.confidence, 4) if sure else 0.0,
                "method": place.method,
                "reason": one.reason,
            }
        )
    return rows


def _by_label(place: Compartment, seen: PlaceReading, *, usable: bool) -> list[dict[str, Any]]:
    """One row per item whose labels are looked for in a compartment."""
    told = usable and seen.count is not None
    return [
        {
            "location_code": place.id,
            "item_code": expected.item,
            "count": seen.codes.count(expected.item) if told else None,
            "confidence": round(seen.confidence, 4) if told else 0.0,
            "method": place.method,
            "reason": seen.reason,
        }
        for expected in place.labels
    ]


def _shared(place: Compartment, seen: PlaceReading, *, usable: bool) -> list[dict[str, Any]]:
    """One row per expected item of a shared compartment."""
    counts = {one.item: one for one in seen.tray.counts(place)} if usable and seen.tray is not None else {}
    rows = []
    for expected in place.items:
        one = counts.get(expected.item)
        rows.append(
            {
                "location_code": place.id,
                "item_code": expected.item,
                "count": None if one is None else one.count,
                "confidence": 0.0 if one is None else round(one.confidence, 4),
                "method": place.method,
                "reason": seen.reason,
            }
        )
    return rows
