"""Compares read dimensions with labelled ones: the measure behind ``dimension_f1`` (DRW-43). Pure functions."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

_NUMBER = re.compile(r"\d+(?:[.,]\d+)?|[.,]\d+")
NOT_A_DIMENSION = "other_info"


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


def title_block_score(expected: dict[str, str], found: dict[str, str | None]) -> tuple[int, int]:
    """(correct, expected) title-block fields, compared without case and blanks."""

    def bare(text: str) -> str:
        return re.sub(r"\s+", "", text).casefold()

    correct = sum(bare(found.get(name) or "") == bare(value) for name, value in expected.items())
    return correct, len(expected)
