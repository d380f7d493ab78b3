"""Words of a sheet put together to lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Word = Sequence[Any]
"""``(text, x0, y0, x1, y1)`` in shares of the sheet."""


def lines(words: Sequence[Word]) -> list[str]:
    """Text of the lines from top to bottom; words on one height with no wide gap belong together."""
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda w: ((w[2] + w[4]) / 2, w[1])):
        centre = (word[2] + word[4]) / 2
        home = next(
            (
                row
                for row in rows[-12:]
                if any(w[2] <= centre <= w[4] for w in row) and _gap(row, word) < 2.5 * (word[4] - word[2])
            ),
            None,
        )
        if home is None:
            rows.append([word])
        else:
            home.append(word)
    return [" ".join(str(w[0]) for w in sorted(row, key=lambda w: w[1])) for row in rows]


def _gap(row: Sequence[Word], word: Word) -> float:
    return min(max(float(word[1]) - float(w[3]), float(w[1]) - float(word[3]), 0.0) for w in row)
