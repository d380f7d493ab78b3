"""Recorded sessions: kept on the station, completed with what a person found, played again as a regression set (VIS-25).

A folder per session: ``before.jpg``, ``after.jpg``, ``session.json`` (what was understood then) and, once reviewed,
``truth.json`` {"changes": {compartment: delta}} with every compartment that really changed; a shared one names its items:
{"changes": {compartment: {item: delta}}}.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera.classifier import calibration_error
from edge_agents.drivers.cabinet_camera.config import VisionConfig
from edge_agents.drivers.cabinet_camera.decision import Decision
from edge_agents.drivers.cabinet_camera.detector import Detector
from edge_agents.drivers.cabinet_camera.session import decide
from edge_agents.drivers.cabinet_camera.taught import TaughtModel
from edge_agents.runtime.files import write_durably

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

AUTO = 0.9
TARGET_DELTA = 0.95
TARGET_FALSE_POST = 0.01
MOST_REFUSED = 0.1
LEAST_SESSIONS = 200


@dataclass(frozen=True, slots=True)
class Recorded:
    """One kept session; ``truth`` None while nobody said what really changed."""

    folder: Path
    truth: dict[tuple[str, str | None], int] | None

    def picture(self, moment: str) -> Image | None:
        """Picture ``before`` or ``after``, None when it is missing or unreadable."""
        path = self.folder / f"{moment}.jpg"
        data = np.fromfile(path, dtype=np.uint8) if path.is_file() else np.zeros(0, np.uint8)
        return cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None


def keep(folder: Path, session: Mapping[str, Any], before: bytes, after: bytes, decision: Decision) -> Path:
    """Writes a session (JPEG contents) below ``folder``; returns its folder."""
    own = folder / str(session["session_uid"])
    write_durably(own / "before.jpg", before)
    write_durably(own / "after.jpg", after)
    understood = {
        "session_uid": str(session["session_uid"]),
        "opened_at": str(session["opened_at"]),
        "usable": decision.usable,
        "reason": decision.reason,
        "changes": [
            {"compartment": c.compartment.id, "item": c.item, "delta": c.delta, "confidence": round(c.confidence, 4), "reason": c.reason}
            for c in decision.changes
        ],
    }  # fmt: skip
    write_durably(own / "session.json", json.dumps(understood, ensure_ascii=False).encode())
    return own


def set_truth(folder: Path, session_uid: str, changes: Mapping[str, int | Mapping[str, int]]) -> None:
    """Notes what really changed in a kept session. Raises ``FileNotFoundError``."""
    own = folder / session_uid
    if not (own / "session.json").exists():
        raise FileNotFoundError(session_uid)
    write_durably(own / "truth.json", json.dumps({"changes": dict(changes)}, ensure_ascii=False).encode())


def sessions(folder: Path) -> Iterator[Recorded]:
    """Kept sessions by name. Raises ``ValueError`` in French for a damaged truth."""
    for own in sorted(path.parent for path in folder.glob("*/before.jpg")):
        truth = own / "truth.json"
        try:
            changes = json.loads(truth.read_text(encoding="utf-8"))["changes"] if truth.exists() else None
            yield Recorded(own, None if changes is None else _flat(changes))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(f"{truth} : changes attendu (compartiment → écart).") from None


def _flat(changes: Mapping[str, Any]) -> dict[tuple[str, str | None], int]:
    """Differences by compartment and item (None where a compartment holds one item)."""
    found: dict[tuple[str, str | None], int] = {}
    for place, told in changes.items():
        by_item = told if isinstance(told, dict) else {None: told}
        found |= {(str(place), item): int(delta) for item, delta in by_item.items()}
    return found


def forget(folder: Path, now: datetime, *, kept_days: float) -> int:
    """Removes sessions older than ``kept_days`` (VIS-28); returns how many."""
    limit = (now - timedelta(days=kept_days)).timestamp()
    old = [path.parent for path in folder.glob("*/session.json") if path.stat().st_mtime < limit]
    for own in old:
        shutil.rmtree(own, ignore_errors=True)
    return len(old)


@dataclass(frozen=True, slots=True)
class Replay:
    """Result of a regression set: what a station would have posted with this model and program."""

    sessions: int
    unlabelled: int
    unreadable: int
    right: int
    refused: int
    auto_posts: int
    false_posts: int
    calibration_error: float | None
    wrong: tuple[str, ...]
    least: int = LEAST_SESSIONS

    @property
    def delta_accuracy(self) -> float:
        """Sessions with every change right, and no other (0..1)."""
        return self.right / self.sessions if self.sessions else 0.0

    @property
    def false_post_rate(self) -> float:
        """Wrong among what would have been posted without a person (0..1)."""
        return self.false_posts / self.auto_posts if self.auto_posts else 0.0

    @property
    def passes(self) -> bool:
        """Whether a model with this result may be offered for approval (VIS-25)."""
        return (
            self.sessions >= max(self.least, 1)
            and self.refused <= MOST_REFUSED * self.sessions
            and self.delta_accuracy >= TARGET_DELTA
            and self.false_post_rate <= TARGET_FALSE_POST
        )

    def report(self) -> dict[str, Any]:
        """Plain values for a file, a screen or the model registry."""
        return {
            "sessions": self.sessions, "unlabelled": self.unlabelled, "unreadable": self.unreadable, "refused": self.refused,
            "session_delta_accuracy": round(self.delta_accuracy, 4), "auto_posts": self.auto_posts,
            "false_auto_post_rate": round(self.false_post_rate, 4), "calibration_error": self.calibration_error,
            "least_sessions": self.least, "passes": self.passes, "wrong": list(self.wrong),
        }  # fmt: skip


def replay(
    folder: Path,
    vision: VisionConfig,
    model: TaughtModel | None,
    empty: Image | None = None,
    *,
    detector: Detector | None = None,
    auto: float = AUTO,
    least: int = LEAST_SESSIONS,
) -> Replay:
    """Decides every labelled session again.

    A compartment for which the station asks a person is neither right nor wrong; a session whose pictures it refuses counts
    as right but may not happen often (``MOST_REFUSED``).
    """
    count = unlabelled = unreadable = right = refused = posts = false = 0
    confidence: list[float] = []
    correct: list[bool] = []
    wrong: list[str] = []
    for kept in sessions(folder):
        if kept.truth is None:
            unlabelled += 1
            continue
        before, after = kept.picture("before"), kept.picture("after")
        if before is None or after is None:
            unreadable += 1
            continue
        count += 1
        decision = decide(before, after, vision, model=model, empty=empty, detector=detector)
        refused += not decision.usable
        answered = {c.key: c for c in decision.changes if c.delta is not None and c.reason is None}
        truth = {place: delta for place, delta in kept.truth.items() if delta}
        asked = {c.compartment.id for c in decision.changes if c.reason is not None}
        told = {key: c.delta for key, c in answered.items() if c.delta and key[0] not in asked}
        expected = {key: delta for key, delta in truth.items() if key[0] not in asked}
        good = told == expected if decision.usable else True
        right += good
        if not good:
            wrong.append(kept.folder.name)
        for place, change in answered.items():
            true = truth.get(place, 0) == change.delta
            correct.append(true)
            confidence.append(change.confidence)
            if change.confidence >= auto:
                posts += 1
                false += not true
    error = calibration_error(np.array(confidence), np.array(correct)) if correct else None
    return Replay(
        count,
        unlabelled,
        unreadable,
        right,
        refused,
        posts,
        false,
        None if error is None else round(error, 4),
        tuple(wrong),
        least,
    )
