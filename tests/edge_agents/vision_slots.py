"""The photographed slots of the shared data: configuration and labels made from the file names."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

import yaml

BOXES = [(5, 69, 261, 326), (305, 69, 561, 326), (5, 429, 261, 686), (325, 429, 581, 686)]
SHARED = Path(os.environ.get("USINAGE_SHARED") or Path(__file__).resolve().parents[2].parent / "shared")
FOLDER = SHARED / "data" / "slots" / "train"


def photographs() -> list[Path]:
    """All photographs in a stable order; empty when the shared data is missing."""
    return sorted(FOLDER.glob("*_[01][01][01][01].jpg"))


def truth(path: Path) -> list[bool]:
    """Which of the four slots are occupied, from the file name."""
    return [digit == "1" for digit in path.stem[-4:]]


def write_config(directory: Path) -> Path:
    """Vision CONFIG of the four slots."""
    places = [
        {
            "id": f"S{n}",
            "method": "presence",
            "item": "VIS",
            "polygon": [[a, b], [c, b], [c, d], [a, d]],
        }
        for n, (a, b, c, d) in enumerate(BOXES, start=1)
    ]
    path = directory / "vision.yaml"
    path.write_text(yaml.safe_dump({"compartments": places}), encoding="utf-8")
    return path


def write_labels(path: Path, chosen: Sequence[Path]) -> Path:
    """Labels CSV of some photographs."""
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["image", "compartment", "present", "count", "item"])
        for photograph in chosen:
            for n, there in enumerate(truth(photograph), start=1):
                writer.writerow([photograph.name, f"S{n}", int(there), int(there), "VIS" if there else ""])
    return path
