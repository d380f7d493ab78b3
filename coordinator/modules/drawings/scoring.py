"""Compares what was read with what is on the sheet: dimensions and title blocks (DRW-43). Pure functions."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coordinator.modules.catalogue.grades import identify
from coordinator.modules.drawings.reading.model import FieldValue

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|[.,]\d+")
NOT_A_DIMENSION = "other_info"
TREATMENT_FIELDS = ("heat_treatment", "surface_treatment")


@dataclass(frozen=True)
class Score:
    """Counts of one comparison; add scores of several drawings."""

    matched: int = 0
    labelled: int = 0
    predicted: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.matched + other.matched, self.labelled + other.labelled, self.predicted + other.predicted
        )

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where nothing was labelled or predicted."""
        total = self.labelled + self.predicted
        return 2 * self.matched / total if total else 0.0


def numbers_of(text: str) -> tuple[float, ...]:
    """The numbers of a dimension text, sorted, without sign: "2x⌀19,9 0 -0,1" gives (0, 0.1, 2, 19.9)."""
    return tuple(sorted(float(part.replace(",", ".")) for part in _NUMBER.findall(text)))


def score_dimensions(labels: list[str], predicted: list[str]) -> Score:
    """A label counts as read only if one prediction holds exactly its numbers; each prediction serves once."""
    wanted = Counter(numbers_of(label) for label in labels)
    offered = Counter(numbers_of(text) for text in predicted)
    matched = sum((wanted & offered).values())
    return Score(matched, len(labels), len(predicted))


def load_labels(path: Path) -> list[str]:
    """Dimension labels of a labelme file."""
    shapes = json.loads(path.read_text(encoding="utf-8"))["shapes"]
    return [shape["label"] for shape in shapes if shape["label"] != NOT_A_DIMENSION]


@dataclass(frozen=True)
class FieldScore:
    """Title-block fields right and compared; ``invented`` counts values given where none is, or a wrong one."""

    right: int = 0
    compared: int = 0
    invented: int = 0

    def __add__(self, other: FieldScore) -> FieldScore:
        return FieldScore(
            self.right + other.right, self.compared + other.compared, self.invented + other.invented
        )

    @property
    def accuracy(self) -> float:
        """Share of fields right; 0 where none was compared."""
        return self.right / self.compared if self.compared else 0.0


Expected = Mapping[str, tuple[str, str | None]]
"""Field → (status, value): ("read", "C45E"), ("absent", None) or ("unread", None)."""


def score_fields(expected: Expected, found: Mapping[str, FieldValue]) -> dict[str, FieldScore]:
    """Compare status and value of each expected field; only a value that says the same counts as right."""
    scores = {}
    for name, (status, value) in expected.items():
        given = found[name]
        same = given.status == status and (
            status != "read" or canonical(name, given.value or "") == canonical(name, value or "")
        )
        scores[name] = FieldScore(int(same), 1, int(given.status == "read" and not same))
    return scores


def canonical(name: str, text: str) -> str:
    """What two writings of the same value have in common: case, blanks and points aside; method and unit by meaning."""
    flat = re.sub(r"[\s.]+", "", text).casefold()
    if name == "unit":
        return (
            "inch" if re.match(r"in|pouce|zoll|\"", flat) else "mm" if re.match(r"mm|milli", flat) else flat
        )
    if name == "projection":
        if re.search(r"third|3rd|troisi|3e|m[eé]thodea|am[eé]ric|methode3", flat):
            return "third"
        if re.search(r"first|1st|premier|1er|m[eé]thodee|europ|methode1", flat):
            return "first"
    return flat


def material_is_wrong(grade_name: str | None, found: FieldValue) -> bool:
    """True when the material read leads to another grade than the sheet's (``None``: the sheet has none)."""
    if found.status != "read":
        return grade_name is not None
    match = identify(found.value or "")
    return (match.grade.name if match.grade else None) != grade_name


def treatment_is_wrong(expected: Expected, found: Mapping[str, FieldValue]) -> bool:
    """True when one of the two treatments is missing, invented or of another kind or wording."""
    scores = score_fields({name: expected[name] for name in TREATMENT_FIELDS if name in expected}, found)
    return any(score.right < score.compared for score in scores.values())
