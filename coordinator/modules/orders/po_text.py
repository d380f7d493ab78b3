"""Text of a customer's order, line by line with its columns apart, read in a limited child process.

Run as a module it reads one file and prints JSON; ``read_text`` starts it with limits of time and memory, so that a broken
or hostile file never harms the worker. A page without text layer is read by optical recognition (ORD-01).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from coordinator.kernel.errors import BusinessError

LIMIT_S = 120
_MAX_PAGES = 20
_MIN_CHARACTERS = 20
_ROOT = Path(__file__).resolve().parents[3]
_OCR_SCALE = 300 / 72


@dataclass(frozen=True)
class PoText:
    """Lines of text; columns are two spaces or more apart. ``method`` is ``text`` or ``ocr``."""

    lines: tuple[str, ...]
    method: str


@dataclass(frozen=True)
class _Word:
    text: str
    x0: float
    x1: float
    y0: float
    y1: float


def read_text(path: Path) -> PoText:
    """Text of a PDF or an image.

    Raises:
        BusinessError: ``po.unreadable`` when nothing can be read.
    """
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), environment.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "coordinator.modules.orders.po_text", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, env=environment, check=False)
    except subprocess.TimeoutExpired:
        raise BusinessError("po.unreadable") from None
    if done.returncode != 0:
        raise BusinessError("po.unreadable")
    try:
        answer = json.loads(done.stdout)
        return PoText(tuple(str(line) for line in answer["lines"]), str(answer["method"]))
    except (ValueError, KeyError, TypeError):
        raise BusinessError("po.unreadable") from None


def _limit() -> None:
    from coordinator.modules.drawings.reading.model import Limits
    from coordinator.modules.drawings.reading.worker import allow_cpu, limit_process

    limit_process(Limits(memory_bytes=3 * 1024**3))
    allow_cpu(LIMIT_S)


def _main(path: Path) -> None:
    _limit()
    with path.open("rb") as stream:
        head = stream.read(5)
    lines, method = _pdf(path) if head == b"%PDF-" else (_ocr_image(_open_image(path)), "ocr")
    print(json.dumps({"lines": lines, "method": method}))


def _pdf(path: Path) -> tuple[list[str], str]:
    import pypdfium2

    lines, method = list[str](), "text"
    with pypdfium2.PdfDocument(path) as document:
        for index in range(min(len(document), _MAX_PAGES)):
            page = document[index]
            words = _text_layer(page)
            if sum(len(w.text) for w in words) >= _MIN_CHARACTERS:
                lines += join_lines(words)
            else:
                method = "ocr"
                lines += _ocr_image(page.render(scale=_OCR_SCALE, grayscale=True).to_pil())
    return lines, method


def _text_layer(page: Any) -> list[_Word]:
    text = page.get_textpage()
    found = []
    for index in range(text.count_rects()):
        left, bottom, right, top = text.get_rect(index)
        content = text.get_text_bounded(left - 0.5, bottom - 0.5, right + 0.5, top + 0.5)
        for number, part in enumerate(content.replace("\r", "\n").split("\n")):
            if part.strip() and number == 0:
                found.append(_Word(part.strip(), left, right, -top, -bottom))
    return found


def join_lines(words: list[_Word]) -> list[str]:
    """Words on one height become one line; a gap wider than a letter or so is a column."""
    rows: list[list[_Word]] = []
    for word in sorted(words, key=lambda w: ((w.y0 + w.y1) / 2, w.x0)):
        centre = (word.y0 + word.y1) / 2
        row = next((r for r in rows[-6:] if any(w.y0 <= centre <= w.y1 for w in r)), None)
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    return [_joined(sorted(row, key=lambda w: w.x0)) for row in rows]


def _joined(row: list[_Word]) -> str:
    text = row[0].text
    for before, word in pairwise(row):
        height = max(word.y1 - word.y0, before.y1 - before.y0, 1.0)
        text += ("   " if word.x0 - before.x1 > 0.8 * height else " ") + word.text
    return text


def _open_image(path: Path) -> Any:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = 80_000_000
    return Image.open(path).convert("L")


def _ocr_image(image: Any) -> list[str]:
    import pytesseract

    output = pytesseract.Output.DICT
    data = pytesseract.image_to_data(image, lang="fra+eng", config="--psm 4", output_type=output, timeout=90)
    words = [
        _Word(text.strip(), float(x), float(x + w), float(y), float(y + h))
        for text, x, y, w, h, confidence in zip(
            data["text"], data["left"], data["top"], data["width"], data["height"], data["conf"], strict=True
        )
        if text.strip() and float(confidence) > 20
    ]
    return join_lines(words)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
