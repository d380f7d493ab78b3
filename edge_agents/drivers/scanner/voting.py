"""What stretches along bars say, one by one: they vote on the text a reader gave.

One line across worn or blurred bars can give another text whose check character is right by chance (one of ten for EAN, one
of a hundred for Code 128), and readers believe two equal lines. The text of most stretches is taken instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_STRETCHES, _ROWS_EACH, _PICTURE_ROWS = 9, 6, 24
_LEAST_HEIGHT = 0.12
"""A band as high as this part of the bars' width is asked where they were seen in fewer lines."""
_LEAST_WIDTH_PX = 20
_QUIET = 0.14
_WIDTHS = (300, 1400)
_MOST, _VOTES, _LEAD = 5, 2, 3
_FAMILY = ("EAN13", "EAN8", "UPCA", "UPCE")


def text_of(
    image: Image, polygon: tuple[tuple[int, int], ...], text: str, symbology: str, *, in_doubt: bool
) -> str | None:
    """The text of bars at a place: the one given if no stretches contradict it, the one most of them give, or ``None``.

    ``polygon``: the four corners, the first edge across the bars. ``in_doubt``: stretches must say so, silence is not enough.
    """
    votes = _votes(image, polygon, symbology)
    own = votes.pop(text, 0)
    (rival, others), *_ = votes.most_common(1) or [("", 0)]
    if others >= _MOST and others >= _LEAD * own:
        return rival
    if own >= _LEAD * others and (own >= _VOTES or not in_doubt):
        return text
    return None


def _votes(image: Image, polygon: tuple[tuple[int, int], ...], symbology: str) -> Counter[str]:
    import numpy as np
    import zxingcpp

    if len(polygon) != 4:
        return Counter()
    names = _FAMILY if symbology in _FAMILY else (symbology,)
    formats: Any = [getattr(zxingcpp.BarcodeFormat, name) for name in names]
    return tally(_lines(image, np.array(polygon, np.float32)), formats)


def tally(lines: Iterable[Image], formats: Any) -> Counter[str]:
    """How many of the lines give each text."""
    import numpy as np
    import zxingcpp

    votes: Counter[str] = Counter()
    for line in lines:
        picture = np.repeat(line[None], _PICTURE_ROWS, axis=0).round().astype(np.uint8)
        found = zxingcpp.read_barcodes(
            picture, formats=formats, try_rotate=False, text_mode=zxingcpp.TextMode.Plain
        )
        votes.update({code.text for code in found if code.text})
    return votes


def winner(votes: Counter[str]) -> str | None:
    """The text of several lines that no other comes near."""
    (text, own), (_, others), *_ = [*votes.most_common(2), ("", 0), ("", 0)]
    return text if own > _VOTES and own >= _LEAD * others else None


def _lines(image: Image, quad: Image) -> Image:
    """Brightness across the bars, averaged over stretches along them, with a margin for the quiet zones."""
    import cv2
    import numpy as np

    ends = np.array([quad[0] + quad[3], quad[1] + quad[2]], np.float32) / 2
    across = ends[1] - ends[0]
    width = float(np.linalg.norm(across))
    if width < _LEAST_WIDTH_PX:
        return np.empty((0, 0), np.float32)
    height = float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
    if height < _LEAST_HEIGHT * width:
        half = np.array([-across[1], across[0]], np.float32) * (_LEAST_HEIGHT / 2)
        quad = np.array([ends[0] - half, ends[1] - half, ends[1] + half, ends[0] + half], np.float32)
    columns = int(np.clip(2 * width, *_WIDTHS))
    margin, rows = int(_QUIET * columns), _STRETCHES * _ROWS_EACH
    left, right = margin, margin + columns
    target = np.array([[left, 0], [right, 0], [right, rows], [left, rows]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad, target)
    size = (columns + 2 * margin, rows)
    flat = cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat.reshape(_STRETCHES, _ROWS_EACH, -1).mean(axis=1), np.float32)
