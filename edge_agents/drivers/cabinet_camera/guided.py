"""Guided teaching (VIS-23): which contents to lay out, photograph after photograph, and a candidate model at the end.

Each prompt changes few compartments, yet after all of them every compartment was shown in each of its states about as often.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_agents.drivers.cabinet_camera import privacy
from edge_agents.drivers.cabinet_camera.camera import Album, jpeg
from edge_agents.drivers.cabinet_camera.config import Compartment, VisionConfig
from edge_agents.drivers.cabinet_camera.taught import State, save_model
from edge_agents.drivers.cabinet_camera.teaching import (
    COUNTED_METHODS,
    Example,
    TeachingError,
    load_examples,
    teach,
)
from edge_agents.runtime.files import write_durably

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

TAUGHT_METHODS = COUNTED_METHODS | {"presence"}
_SMALL_PX = 40.0
_SURE = 0.98
_MOST_PHOTOGRAPHS = 500
_HINTS = (
    "Lumière habituelle.",
    "Ouvrez la porte un peu moins.",
    "Laissez entrer la lumière du jour.",
    "Éteignez une lampe de l'atelier.",
    "Tournez les pièces autrement.",
    "Poussez les pièces vers un bord.",
)


def plan(
    places: Mapping[str, int], photographs: int, *, seed: int = 0, moved: float = 0.3
) -> list[dict[str, int]]:
    """Contents to show, one per photograph: first nothing, then everything, then balanced mixtures.

    ``places``: most pieces each compartment holds; ``moved``: part of the compartments that changes from one to the next.
    """
    chance = np.random.default_rng(seed)
    shown = {name: [0] * (most + 1) for name, most in places.items()}
    content = dict.fromkeys(places, 0)
    found = []
    for number in range(photographs):
        if number == 1:
            content = dict(places)
        elif number > 1:
            changing = max(1, round(moved * len(places)))
            rank = {
                name: shown[name][content[name]] - min(shown[name]) + chance.random() * 0.9 for name in places
            }
            for name in sorted(places, key=lambda one: -rank[one])[:changing]:
                fewest = min(shown[name])
                options = [n for n, times in enumerate(shown[name]) if times == fewest]
                content = content | {name: int(chance.choice(options))}
        for name, count in content.items():
            shown[name][count] += 1
        found.append(dict(content))
    return found


def taught_places(vision: VisionConfig, capacity: Mapping[str, int]) -> dict[str, int]:
    """Compartments a model is taught for, with the most pieces each holds (1 for places of one item)."""
    return {
        place.id: int(capacity.get(place.id, 1 if place.method == "presence" else 5))
        for place in vision.compartments
        if place.method in TAUGHT_METHODS
    }


class GuidedTeaching:
    """One teaching in progress. Photographs on which nobody can be are on the disk after each step, with their labels; those of which that
    cannot be said (another light than that of the view without anybody) are held in memory until the model is taught, and never stored.

    ``album`` holds the view without anybody; without one, the first photograph is that view.
    """

    def __init__(
        self,
        vision: VisionConfig,
        folder: Path,
        photographs: int,
        capacity: Mapping[str, int],
        album: Album | None = None,
    ) -> None:
        self._vision = vision
        self._folder = folder
        self._places = taught_places(vision, capacity)
        if not self._places:
            raise ValueError("Aucun compartiment à apprendre dans cette armoire.")
        self._plan = plan(self._places, min(max(photographs, 8), _MOST_PHOTOGRAPHS))
        self._rows: list[dict[str, Any]] = []
        self._taken = 0
        self._outlines = [place.polygon for place in vision.compartments]
        self._album = album or Album(folder / "images", self._outlines, fiducials=vision.fiducials)
        self._held: list[Example] = []

    @property
    def left(self) -> int:
        """Photographs still to take."""
        return len(self._plan) - self._taken

    def prompt(self) -> str:
        """What to do before the next photograph."""
        if not self.left:
            return "Toutes les photographies sont prises : terminez l'apprentissage."
        wanted = self._plan[self._taken]
        before = self._plan[self._taken - 1] if self._taken else None
        head = f"Photo {self._taken + 1} sur {len(self._plan)}. "
        hint = _HINTS[self._taken % len(_HINTS)]
        if not any(wanted.values()):
            nobody = (
                "" if self._album.scene is not None else "Que personne ne soit dans le champ de la caméra. "
            )
            return head + "Videz tous les compartiments. " + nobody + hint
        if wanted == self._places and before is not None and before != wanted:
            return head + "Remplissez tous les compartiments. " + hint
        changes = [
            f"{name} : {count}" for name, count in wanted.items() if before is None or before[name] != count
        ]
        return head + (", ".join(changes) or "Ne changez rien") + ". " + hint

    def take(self, image: Image, content: Mapping[str, int] | None = None) -> str:
        """Takes a photograph of the wanted content, or of what the person says lies there; returns the next prompt.

        One on which somebody stands before the cabinet is refused, and the same content asked for again.
        """
        if not self.left:
            return self.prompt()
        if self._album.scene is None:
            self._album.accept(image)
        seen = self._presence(image)
        if seen == "somebody":
            return (
                "Photo refusée : quelqu'un ou quelque chose est devant l'armoire. Écartez-vous et recommencez ; si l'armoire elle-même a "
                "changé, reprenez d'abord la vue de référence. " + self.prompt()
            )
        shown = self._plan[self._taken] | {
            str(k): int(v) for k, v in (content or {}).items() if k in self._places
        }
        name = f"{self._taken + 1:03d}.jpg"
        self._plan[self._taken] = shown
        self._taken += 1
        if seen == "nobody":
            write_durably(self._folder / name, jpeg(image))
            self._rows += [
                {
                    "image": name,
                    "compartment": place,
                    "present": int(count > 0),
                    "count": count,
                    "item": self._item(place),
                }
                for place, count in shown.items()
            ]
            self._write()
            return self.prompt()
        states = {
            place: State(count, self._item(place) or None if count else None)
            for place, count in shown.items()
        }
        self._held.append(Example(name, image.copy(), states))
        return (
            "Photo utilisée mais non conservée : la lumière ne permet pas d'exclure une présence. "
            + self.prompt()
        )

    def _presence(self, image: Image) -> str:
        moved, covered = self._album.framed(image)
        scene = self._album.scene
        return "unknown" if scene is None else privacy.presence(moved, scene, self._outlines, covered)

    def _item(self, place: str) -> str:
        return next((one.item or "" for one in self._vision.compartments if one.id == place), "")

    def _write(self) -> None:
        with (self._folder / "labels.csv").open("w", encoding="utf-8", newline="") as handle:
            writer = csv.DictWriter(handle, ("image", "compartment", "present", "count", "item"))
            writer.writeheader()
            writer.writerows(self._rows)

    def finish(self) -> dict[str, Any]:
        """Teaches a candidate model from what was taken; it is used only once somebody approved and rolled it out.

        Raises ``TeachingError`` in French.
        """
        from edge_agents.drivers.cabinet_camera.files import on_fiducials

        self._folder.mkdir(parents=True, exist_ok=True)
        if not self._taken:
            raise TeachingError("Aucune photographie prise.")
        kept = load_examples(self._folder / "labels.csv", self._folder, self._vision) if self._rows else []
        examples = on_fiducials([*kept, *self._held], self._vision)
        model = teach(examples, self._vision)
        digest = save_model(model, self._folder / "candidate.model")
        checked = model.info["cross_validation"]
        report = {
            "model": str(self._folder / "candidate.model"), "sha256": digest, "photographs": self._taken,
            "not_kept": len(self._held), "cross_validation": checked, "advice": advice(self._vision, checked["right"], checked["asked"]),
            "message": f"Modèle candidat : {checked['right']} réponses justes sur {checked['asked']} photographies laissées de côté.",
        }  # fmt: skip
        write_durably(self._folder / "report.json", json.dumps(report, ensure_ascii=False).encode())
        return report


def forget(
    folder: Path, now: datetime, in_use: Collection[str], *, images_days: float, teaching_days: float
) -> int:
    """Removes the photographs of teachings nobody needs any more (VIS-28): after ``images_days`` those without a candidate, after
    ``teaching_days`` those whose candidate is none of the models ``in_use`` (sha256). Returns how many teachings went."""
    gone = 0
    for own in (path for path in folder.glob("*") if path.is_dir()):
        candidate = own / "candidate.model"
        days = teaching_days if candidate.exists() else images_days
        age = now.timestamp() - max(
            (path.stat().st_mtime for path in own.iterdir()), default=own.stat().st_mtime
        )
        taught = hashlib.sha256(candidate.read_bytes()).hexdigest() if candidate.exists() else None
        if age > days * 86400 and taught not in in_use:
            shutil.rmtree(own, ignore_errors=True)
            gone += 1
    return gone


def advice(vision: VisionConfig, right: int, asked: int) -> list[str]:
    """What would make the reading surer than more photographs: markers, labels, shadow boards, scales."""
    found = [
        f"{place.id} : trop petit dans l'image ({width:.0f} px). Rapprochez la caméra, ou posez un repère ou une étiquette QR."
        for place in vision.compartments
        if place.method in TAUGHT_METHODS and (width := _narrow(place)) < _SMALL_PX
    ]
    if asked and right < _SURE * asked:
        found.append(
            "Des compartiments restent douteux : objets brillants ou semblables. Préférez un repère sur le support, une mousse "
            "découpée à leur forme, ou un plateau pesé pour les petites pièces."
        )
    return found


def _narrow(place: Compartment) -> float:
    """Narrowest side of a compartment in pixels."""
    points = np.array(place.polygon)
    return float((points.max(axis=0) - points.min(axis=0)).min())
