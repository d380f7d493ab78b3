"""``usinage bench codes``: codes photographed badly, read by the product, zxing-cpp and zbar in the same run.

Pictures come from ``infra.samples.codes``, seeds never used to choose anything. Times are processor time of one thread,
patience too, so that other work on the machine changes nothing.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, field
from typing import Any

import cv2
import zxingcpp
from numpy.typing import NDArray

from coordinator.bench import entry
from edge_agents.drivers.scanner.decode import decode_image
from infra.samples import codes

FIRST_SEED = 700_000
PER_KIND = 200
SEVERITY = 0.88
"""Here zxing-cpp alone reads about 0.91 of the QR codes, both readers together about 0.94."""
_MEGAPIXEL = 900_000
_TARGETS = {"QRCode": 0.96, "DataMatrix": 0.97, "Code128": 1.0, "EAN13": 0.94}


@dataclass
class Count:
    """What became of the pictures of one kind."""

    total: int = 0
    read: int = 0
    by_zxing: int = 0
    by_zbar: int = 0
    by_both: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    times_ms: list[float] = field(default_factory=list)
    megapixel_ms: list[float] = field(default_factory=list)


def count(kind: str, seeds: range, severity: float = SEVERITY) -> Count:
    """Read the pictures of some seeds; a text that is not the one drawn is wrong."""
    found = Count()
    for seed in seeds:
        picture = codes.sample(kind, seed, severity)
        zxing, zbar = picture.text in _zxing(picture.image), picture.text in _zbar(picture.image)
        began = time.thread_time()
        texts = [code.text for code in decode_image(picture.image, clock=time.thread_time)]
        took_ms = 1000 * (time.thread_time() - began)
        found.total += 1
        found.read += picture.text in texts
        found.by_zxing += zxing
        found.by_zbar += zbar
        found.by_both += zxing or zbar
        found.times_ms.append(took_ms)
        if picture.image.size > _MEGAPIXEL:
            found.megapixel_ms.append(took_ms)
        if picture.text not in texts:
            found.missed.append(f"{seed} {picture.fault}")
        found.wrong += [f"{seed} {picture.fault}: {text!r}" for text in texts if text != picture.text]
    return found


def _zxing(image: NDArray[Any]) -> list[str]:
    return [code.text for code in zxingcpp.read_barcodes(image, text_mode=zxingcpp.TextMode.Plain)]


def _zbar(image: NDArray[Any]) -> list[str]:
    from pyzbar import pyzbar

    return [code.data.decode("utf-8", "replace") for code in pyzbar.decode(image)]


def run(per_kind: int = PER_KIND) -> list[dict[str, Any]]:
    """Rates beside those of the readers, wrong texts and times per kind."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        counts = {kind: count(kind, range(FIRST_SEED, FIRST_SEED + per_kind)) for kind in codes.KINDS}
    finally:
        cv2.setNumThreads(before)
    rows = []
    for kind, one in counts.items():
        name, total = kind.lower(), one.total
        rows += [
            entry(
                f"{name}_read",
                one.read / total,
                "ratio",
                reference=one.by_both / total,
                target=_TARGETS[kind],
            ),
            entry(f"{name}_zxing", one.by_zxing / total, "ratio"),
            entry(f"{name}_zbar", one.by_zbar / total, "ratio"),
            entry(f"{name}_wrong", len(one.wrong), "texts", target=0, lower_is_better=True),
            entry(
                f"{name}_1mp_median",
                statistics.median(one.megapixel_ms),
                "ms",
                target=100,
                lower_is_better=True,
            ),
            entry(f"{name}_p95", statistics.quantiles(one.times_ms, n=20)[-1], "ms"),
        ]
        rows[-6] |= {"missed": one.missed}
        rows[-3] |= {"texts": one.wrong}
    return rows
