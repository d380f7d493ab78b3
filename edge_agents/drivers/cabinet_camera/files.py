"""Teaching and reading from files: what the command line and the benchmark call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_agents.drivers.cabinet_camera.camera import Camera
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, VisionConfig, load_vision
from edge_agents.drivers.cabinet_camera.decision import register
from edge_agents.drivers.cabinet_camera.detector import Detector, load_detector
from edge_agents.drivers.cabinet_camera.guided import GuidedTeaching
from edge_agents.drivers.cabinet_camera.reading import read_picture
from edge_agents.drivers.cabinet_camera.recording import AUTO, LEAST_SESSIONS, Replay, replay
from edge_agents.drivers.cabinet_camera.taught import TaughtModel, load_model, save_model
from edge_agents.drivers.cabinet_camera.teaching import Example, TeachingError, load_examples
from edge_agents.drivers.cabinet_camera.teaching import teach as teach_examples
from edge_agents.drivers.cabinet_camera.texts import reason_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]


def teach_files(config: Path, images: Path, labels: Path, out: Path) -> dict[str, Any]:
    """Teaches and writes the model; returns its report. Raises ``ValueError`` in French.

    ``training.pictures`` holds the sha256 of every photograph used: the coordinator keeps those as long as the model (VIS-28).
    """
    vision = load_vision(config)
    examples = on_fiducials(load_examples(labels, images, vision), vision)
    model = teach_examples(examples, vision)
    digest = save_model(model, out)
    used = sorted({hashlib.sha256((images / one.name).read_bytes()).hexdigest() for one in examples})
    return {"model": str(out), "sha256": digest, "bytes": out.stat().st_size, "compartments": [p.id for p in model.places],
            "anchor": model.anchor, "training": {"pictures": used}} | model.info  # fmt: skip


def on_fiducials(examples: Sequence[Example], vision: VisionConfig) -> list[Example]:
    """Photographs moved onto the cabinet's markers; those without are left out."""
    if vision.fiducials is None:
        return list(examples)
    moved = [(example, register(example.image, vision.fiducials)[0]) for example in examples]
    found = [Example(example.name, image, example.states) for example, image in moved if image is not None]
    if 2 * len(found) < len(examples):
        raise TeachingError("Les repères du meuble manquent sur plus de la moitié des photographies.")
    return found


def read_files(
    config: Path, model: Path | None, images: Sequence[Path], detector: Path | None = None
) -> list[dict[str, Any]]:
    """One entry per picture as in INTERFACES; an unreadable file carries ``error``. Raises ``ValueError`` for a wrong
    configuration, model or detector."""
    vision = load_vision(config)
    taught = None if model is None else load_model(model)
    empty = None if vision.empty_image is None else load_picture(vision.empty_image)
    found = None if detector is None else load_detector(detector)
    return [_entry(path, vision, taught, empty, found) for path in images]


def _entry(
    path: Path,
    vision: VisionConfig,
    model: TaughtModel | None,
    empty: Image | None,
    detector: Detector | None,
) -> dict[str, Any]:
    image = load_picture(path)
    if image is None:
        message = f"Image illisible : {path}."
        return {"file": str(path), "compartments": [], "usable": False, "reason": "unreadable",
                "message": message, "error": {"code": "image.unreadable", "message": message}}  # fmt: skip
    found = read_picture(image, vision, model, empty, detector)
    places: list[dict[str, Any]] = [
        {"id": p.id, "present": p.present, "count": p.count, "item": p.item, "confidence": round(p.confidence, 4),
         "reason": p.reason}
        for p in found.places
    ]  # fmt: skip
    for place, seen, entry in zip(vision.compartments, found.places, places, strict=True):
        if seen.tray is not None:
            entry["items"] = [
                {"item": one.item, "count": one.count, "confidence": round(one.confidence, 4)}
                for one in seen.tray.counts(place)
            ]
    return {"file": str(path), "compartments": places, "usable": found.usable, "reason": found.reason,
            "message": reason_text(found.reason)}  # fmt: skip


def replay_files(
    folder: Path,
    config: Path,
    model: Path | None,
    *,
    detector: Path | None = None,
    auto: float = AUTO,
    least: int = LEAST_SESSIONS,
) -> Replay:
    """Plays the recorded sessions of a folder. Raises ``ValueError`` in French."""
    vision = load_vision(config)
    taught = None if model is None else load_model(model)
    empty = None if vision.empty_image is None else load_picture(vision.empty_image)
    found = None if detector is None else load_detector(detector)
    return replay(folder, vision, taught, empty, detector=found, auto=auto, least=least)


def guided(
    config: Path, out: Path, photographs: int, capacity: Mapping[str, int], camera: int, frames: Path | None
) -> tuple[GuidedTeaching, Callable[[], Image]]:
    """A guided teaching and what takes its pictures. Raises ``ValueError`` in French."""
    settings = CabinetCameraConfig(
        type="cabinet_camera",
        vision=config,
        source="folder" if frames else "camera",
        frames=frames,
        camera_index=camera,
    )
    return GuidedTeaching(load_vision(config), out, photographs, capacity), Camera(settings, out).grab_still


def load_picture(path: Path) -> Image | None:
    """BGR picture of a file, None when it cannot be decoded."""
    data = np.fromfile(path, dtype=np.uint8) if path.is_file() else np.zeros(0, np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
