"""Teaches the tray detector from random weights and writes it as ONNX (extra ``training``; never on a station, never in CI).

    python -m models_ai.tray_items.train --data DIR/data.yaml --out DIR [--hours 0.6] [--threads 2] [--seed 1]

DIR comes from ``dataset.py``. Bounded by time, not by rounds. Prints the path of the ONNX file.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

os.environ.setdefault("YOLO_OFFLINE", "1")

NETWORK = Path(__file__).with_name("detector.yaml")
SIDE = 320


def train(data: Path, out: Path, *, hours: float, threads: int, seed: int, start: Path | None = None) -> Path:
    """Trains for about ``hours`` and exports; returns the ONNX file. ``start`` goes on from weights of an earlier run."""
    import torch
    from ultralytics import YOLO, settings

    settings.update({"sync": False})
    torch.set_num_threads(threads)
    model = YOLO(str(start or NETWORK), task="obb")
    model.train(
        data=str(data), imgsz=SIDE, time=hours, epochs=100, batch=16, seed=seed, deterministic=True,
        optimizer="AdamW", lr0=0.001 if start else 0.003, lrf=0.05, warmup_epochs=0.0 if start else 0.5, warmup_bias_lr=0.0, cos_lr=True, weight_decay=0.0005,
        pretrained=start is not None, amp=False, device="cpu", workers=0, cache="ram", plots=False, val=False,
        mosaic=0.0, mixup=0.0, fliplr=0.5, flipud=0.5, scale=0.15, translate=0.08, degrees=0.0, erasing=0.0,
        hsv_h=0.02, hsv_s=0.4, hsv_v=0.25, project=str(out), name="run", exist_ok=True, verbose=True,
    )  # fmt: skip
    best = out / "run" / "weights" / "last.pt"
    exported = YOLO(str(best)).export(
        format="onnx", imgsz=SIDE, simplify=False, opset=17, nms=False, device="cpu"
    )
    return Path(shutil.copy(exported, out / "tray_items.onnx"))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=0.6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path)
    args = parser.parse_args()
    print(
        train(
            args.data,
            args.out.resolve(),
            hours=args.hours,
            threads=args.threads,
            seed=args.seed,
            start=args.start,
        )
    )


if __name__ == "__main__":
    main()
