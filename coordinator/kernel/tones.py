"""What a status means for the eye: one colour word for each value of the enumerations."""

from __future__ import annotations

from typing import Literal

Tone = Literal["neutral", "info", "success", "warning", "danger", "muted"]

_TONES: dict[Tone, frozenset[str]] = {
    "info": frozenset(
        {
            "to_review",
            "uploaded",
            "analysing",
            "sent",
            "released",
            "validated",
            "setup",
            "received",
            "ready",
            "to_validate",
            "proposed",
            "matched",
        }
    ),
    "success": frozenset(
        {
            "running",
            "in_progress",
            "in_production",
            "online",
            "approved",
            "accepted",
            "paid",
            "available",
            "profitable",
            "compliant",
            "active",
            "certified",
            "ok",
            "auto_booked",
            "confirmed",
            "delivered",
        }
    ),
    "warning": frozenset(
        {
            "on_hold",
            "to_check",
            "to_confirm",
            "to_approve",
            "waiting",
            "watch",
            "uncertain",
            "conditional",
            "quarantine",
            "urgent",
            "warning",
            "stopped",
            "interrupted",
            "worn",
            "postponed",
        }
    ),
    "danger": frozenset(
        {
            "blocked",
            "failed",
            "fault",
            "offline",
            "breakdown",
            "alarm",
            "refused",
            "rejected",
            "expired",
            "overdue_urgent",
            "critical",
            "unprofitable",
            "broken",
            "noncompliant",
            "dead",
            "impact",
            "risk",
            "suspended",
            "aborted",
        }
    ),
    "muted": frozenset(
        {
            "done",
            "closed",
            "cancelled",
            "obsolete",
            "superseded",
            "archived",
            "retired",
            "consumed",
            "draft",
            "scrapped",
            "out_of_service",
            "unknown",
            "off",
            "idle",
        }
    ),
}


def tone(value: str) -> Tone:
    """Meaning of a status for the eye, the same everywhere (DESIGN.md); shown with its word, never alone."""
    for name, values in _TONES.items():
        if value in values:
            return name
    return "neutral"
