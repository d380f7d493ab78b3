"""Writes the training pictures of the tray detector: rendered trays with oriented boxes, in the form ultralytics reads.

    python -m models_ai.tray_items.dataset --out DIR [--train 4000] [--val 400] [--seed 1]

``val`` has grounds and objects of training under other seeds; ``kept`` has grounds and strange objects training never shows.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge_agents.drivers.simulators import tray_scenes
from edge_agents.drivers.simulators.tray_pieces import DRAW, KINDS, OTHER

SIDE = 320
_SPLITS = {"train": 0, "val": 1, "kept": 2}


def picture(seed: int, split: str) -> tuple[Any, list[str]]:
    """One picture and its label lines: class and the four corners, 0 to 1."""
    chance = np.random.default_rng([seed, _SPLITS[split]])
    kept = split == "kept"
    height = int(SIDE * chance.choice([1.0, 0.75, 0.6]))
    tray = tray_scenes.random_tray(chance, SIDE, height, kept=kept)
    names = list(chance.choice(sorted(DRAW), int(chance.integers(1, 6)), replace=False))
    wanted = [tray_scenes.item(str(chance.choice(names)), chance) for _ in range(int(chance.integers(0, 15)))]
    wanted += [tray_scenes.stranger(chance, kept=kept) for _ in range(int(chance.choice([0, 0, 1, 2])))]
    order = chance.permutation(len(wanted))
    overlap = float(chance.choice([0.02, 0.1, 0.25]))
    pieces = tray_scenes.lay(tray, [wanted[int(k)] for k in order], [], chance, overlap)
    drawn = tray_scenes.draw(tray, pieces, dirt=int(chance.integers(0, 7)))
    image = tray_scenes.seen(drawn, chance)
    whole = np.full((SIDE, SIDE, 3), 114, np.uint8)
    top = (SIDE - height) // 2
    whole[top : top + height] = image
    lines = []
    for piece in pieces:
        corners = (tray_scenes.outline(piece, tray.scale) + np.array([0, top])) / SIDE
        kind = KINDS.index(piece.label if piece.label in KINDS else OTHER)
        lines.append(" ".join([str(kind), *(f"{v:.5f}" for v in corners.ravel())]))
    return whole, lines


def _write(task: tuple[int, str, str]) -> None:
    number, split, folder = task
    cv2.setNumThreads(1)
    image, lines = picture(number, split)
    out = Path(folder)
    cv2.imwrite(str(out / "images" / split / f"{number:06d}.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    (out / "labels" / split / f"{number:06d}.txt").write_text("\n".join(lines), encoding="utf-8")


def write(out: Path, counts: dict[str, int], seed: int, workers: int = 1) -> Path:
    """Writes all pictures and ``data.yaml``; returns the path of the latter."""
    for split in counts:
        for part in ("images", "labels"):
            (out / part / split).mkdir(parents=True, exist_ok=True)
    tasks = [(seed * 1_000_000 + n, split, str(out)) for split, count in counts.items() for n in range(count)]
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(_write, tasks, chunksize=20))
    names = "\n".join(f"  {n}: {kind}" for n, kind in enumerate(KINDS))
    yaml = out / "data.yaml"
    yaml.write_text(
        f"path: {out.resolve()}\ntrain: images/train\nval: images/val\ntest: images/kept\nnames:\n{names}\n",
        encoding="utf-8",
    )
    return yaml


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--val", type=int, default=400)
    parser.add_argument("--kept", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    print(write(args.out, {"train": args.train, "val": args.val, "kept": args.kept}, args.seed, args.workers))


if __name__ == "__main__":
    main()
