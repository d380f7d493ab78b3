"""Makes the station's file of a trained network: calibrates it, measures it with the station's own code, writes both down.

    python -m models_ai.tray_items.finish --network DIR/tray_items.onnx [--pictures 400] [--sessions 240]

Writes ``tray_items.onnx`` and ``metrics.json`` beside this script. Pictures and sessions are rendered from seeds of their own: one set to
calibrate on, another to measure, and one with grounds and strange objects that no training picture shows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edge_agents.drivers.cabinet_camera.classifier import calibration_error
from edge_agents.drivers.cabinet_camera.detector import (
    FORMAT,
    PROPERTY,
    Calibration,
    Detector,
    Piece,
    from_bytes,
)
from edge_agents.drivers.simulators import tray_sessions
from edge_agents.drivers.simulators.tray_pieces import KINDS
from models_ai.tray_items import dataset

HERE = Path(__file__).resolve().parent

SAME = 0.5
RIGHT_TO_POST, SHORT_OF = 0.98, 0.02
_CALIBRATE, _MEASURE = 900, 1900


def with_header(content: bytes, header: dict[str, Any]) -> bytes:
    """The network's file with what a station must know in its properties; those of the exporter go."""
    import onnx

    model = onnx.load_from_string(content)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {PROPERTY: json.dumps(header)})
    return bytes(model.SerializeToString())


def header_of(detector: Detector | None, **info: Any) -> dict[str, Any]:
    """Properties of a file; without detector those of an uncalibrated one."""
    piece, change = (detector.piece, detector.change) if detector else (Calibration(), Calibration())
    return {"format": FORMAT, "kinds": list(KINDS), "side": dataset.SIDE, "piece": [piece.slope, piece.offset],
            "change": [change.slope, change.offset, change.most], "info": info}  # fmt: skip


def fit(values: list[float], right: list[bool]) -> Calibration:
    """Logistic regression of being right on the logit of a figure, by Newton's steps; one unseen error is assumed."""
    x = np.log(np.clip(values, 1e-6, 1 - 1e-6) / (1 - np.clip(values, 1e-6, 1 - 1e-6)))
    rows = np.stack([np.append(x, x.max()), np.ones(len(x) + 1)], axis=1)
    target = np.append(np.array(right, float), 0.0)
    weights = np.array([1.0, 0.0])
    for _ in range(40):
        shown = 1 / (1 + np.exp(-rows @ weights))
        curve = rows.T @ (rows * (shown * (1 - shown))[:, None]) + 1e-3 * np.eye(2)
        weights = weights + np.linalg.solve(curve, rows.T @ (target - shown) - 1e-3 * (weights - [1.0, 0.0]))
    return Calibration(float(weights[0]), float(weights[1]))


def borne_out(calibration: Calibration, answered: list[tuple[float, bool]], auto: float = 0.9) -> Calibration:
    """Never surer than the sure answers were right, two unseen errors assumed: few sessions promise little.

    Unless 98 of 100 sure answers were right (VIS-17), it stops short of ``auto``: then a person is asked always.
    """
    sure = [right for value, right in answered if calibration(value) >= auto]
    share = sum(sure) / (len(sure) + 2)
    return replace(calibration, most=share if share >= RIGHT_TO_POST else min(share, auto - SHORT_OF))


def truth_of(lines: list[str]) -> list[Piece]:
    """Pieces of label lines, in pixels of the picture."""
    pieces = []
    for line in lines:
        kind, *numbers = line.split()
        corners = np.array(numbers, float).reshape(4, 2) * dataset.SIDE
        middle, along, across = corners.mean(axis=0), corners[1] - corners[0], corners[2] - corners[1]
        pieces.append(
            Piece(
                KINDS[int(kind)],
                1.0,
                *middle,
                float(np.hypot(*along)),
                float(np.hypot(*across)),
                float(np.arctan2(along[1], along[0])),
            )
        )
    return pieces


def matched(found: list[Piece], truth: list[Piece]) -> Iterator[tuple[Piece, Piece | None]]:
    """Each found piece, surest first, with the true one it covers (any kind)."""
    free = list(truth)
    for piece in found:
        shares = [(piece.overlap(one), n) for n, one in enumerate(free)]
        best, number = max(shares, default=(0.0, 0))
        yield piece, free.pop(number) if best >= SAME else None


def precision(rows: list[tuple[float, bool]], known: int) -> float:
    """Average precision: area under the curve of precision over recall, made monotonous (as PASCAL VOC 2010)."""
    if not known:
        return float("nan")
    hits = np.cumsum([hit for _, hit in sorted(rows, key=lambda row: -row[0])])
    recall, exact = hits / known, hits / np.arange(1, len(hits) + 1)
    exact = np.maximum.accumulate(exact[::-1])[::-1] if len(exact) else exact
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * exact))


def measure_pictures(detector: Detector, split: str, first: int, count: int) -> dict[str, Any]:
    """Average precision per kind at half overlap, confusion of kinds, calibration, milliseconds."""
    rows: dict[str, list[tuple[float, bool]]] = {kind: [] for kind in KINDS}
    known = dict.fromkeys(KINDS, 0)
    confusion: dict[str, dict[str, int]] = {}
    values, right, times = [], [], []
    for number in range(count):
        image, lines = dataset.picture(first + number, split)
        truth = truth_of(lines)
        started = time.perf_counter()
        found = detector.find(image)
        times.append((time.perf_counter() - started) * 1000)
        for one in truth:
            known[one.kind] += 1
        for piece, one in matched(found, truth):
            hit = one is not None and one.kind == piece.kind
            rows[piece.kind].append((piece.probability, hit))
            values.append(piece.probability)
            right.append(hit)
            if piece.probability >= 0.5:
                row = confusion.setdefault(one.kind if one else "nothing", {})
                row[piece.kind] = row.get(piece.kind, 0) + 1
    per_kind = {kind: round(precision(rows[kind], known[kind]), 3) for kind in KINDS if known[kind]}
    return {
        "pictures": count, "pieces": sum(known.values()), "map50": round(float(np.mean(list(per_kind.values()))), 3),
        "ap50": per_kind, "confusion": confusion, "values": values, "right": right,
        "calibration_error": round(calibration_error(np.array(values), np.array(right)), 3),
        "ms_p50": round(float(np.median(times)), 1),
    }  # fmt: skip


def play(detector: Detector, first: int, count: int) -> list[dict[str, Any]]:
    """Sessions of shared trays: what was answered, its confidence, what was true."""
    return [tray_sessions.play(tray_sessions.make(first + n), detector).row() for n in range(count)]


def measure_sessions(rows: list[dict[str, Any]], auto: float = 0.9) -> dict[str, Any]:
    """Share of sessions told rightly, wrong ones among what would be posted, sessions with a needless question."""
    confidence = np.array([c for row in rows for c in row["confidence"]])
    correct = np.array([c for row in rows for c in row["correct"]], bool)
    posted = correct[confidence >= auto]
    false_sessions = sum(
        any(c >= auto and not r for c, r in zip(row["confidence"], row["correct"], strict=True))
        for row in rows
    )
    return {
        "count": len(rows), "right": round(float(np.mean([row["right"] for row in rows])), 3),
        "differences_claimed": len(correct), "differences_right": round(float(correct.mean()), 3) if len(correct) else None,
        "posted": len(posted), "posted_wrong": int((~posted).sum()), "sessions_posted_wrong": false_sessions,
        "needless_questions": sum(bool(row["false_alarms"]) for row in rows),
        "calibration_error": round(calibration_error(confidence, correct), 3) if len(correct) else None,
    }  # fmt: skip


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--training", default="", help="what is written down of how the network was trained")
    args = parser.parse_args()
    raw = args.network.read_bytes()
    content = with_header(raw, header_of(None))
    plain = from_bytes(content, "network", "")
    first = measure_pictures(plain, "val", _CALIBRATE * 1000, args.pictures)
    tuned = replace(plain, piece=fit(first["values"], first["right"]))
    content = with_header(raw, header_of(tuned))
    rows = play(from_bytes(content, "network", ""), _CALIBRATE * 1000, args.sessions)
    answered = [(c, r) for row in rows for c, r in zip(row["confidence"], row["correct"], strict=True)]
    change = fit([c for c, _ in answered], [r for _, r in answered])
    tuned = replace(tuned, change=borne_out(change, answered))
    info = {"training": args.training, "digest_of_network": hashlib.sha256(raw).hexdigest()[:16]}
    content = with_header(raw, header_of(tuned, **info))
    (args.out / "tray_items.onnx").write_bytes(content)
    station = from_bytes(content, "detector", "")
    played = play(station, _MEASURE * 1000, args.sessions)
    measured = {
        split: {
            k: v
            for k, v in measure_pictures(station, split, _MEASURE * 1000, args.pictures).items()
            if k not in {"values", "right"}
        }
        for split in ("val", "kept")
    }
    report = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "info": info,
              "piece": [tuned.piece.slope, tuned.piece.offset], "change": [tuned.change.slope, tuned.change.offset, tuned.change.most], **measured,
              "sessions": measure_sessions(played)}  # fmt: skip
    (args.out / "metrics.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
