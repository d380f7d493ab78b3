"""Guided teaching (VIS-23): which contents to lay out, photograph after photograph, and a candidate model at the end.

Each prompt changes few compartments, yet after all of them every compartment was shown in each of its states about as often.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_agents.drivers.cabinet_camera.config import Compartment, VisionConfig
from edge_agents.drivers.cabinet_camera.teaching import COUNTED_METHODS, TeachingError
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
    """One teaching in progress; photographs and labels are on the disk after each step."""

    def __init__(
        self, vision: VisionConfig, folder: Path, photographs: int, capacity: Mapping[str, int]
    ) -> None:
        self._vision = vision
        self._folder = folder
        self._places = taught_places(vision, capacity)
        if not self._places:
            raise ValueError("Aucun compartiment à apprendre dans cette armoire.")
        self._plan = plan(self._places, min(max(photographs, 8), _MOST_PHOTOGRAPHS))
        self._rows: list[dict[str, Any]] = []
        self._taken = 0

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
            return head + "Videz tous les compartiments. " + hint
        if wanted == self._places and before is not None and before != wanted:
            return head + "Remplissez tous les compartiments. " + hint
        changes = [
            f"{name} : {count}" for name, count in wanted.items() if before is None or before[name] != count
        ]
        return head + (", ".join(changes) or "Ne changez rien") + ". " + hint

    def take(self, image: Image, content: Mapping[str, int] | None = None) -> str:
        """Keeps a photograph of the wanted content, or of what the person says lies there; returns the next prompt."""
        from edge_agents.drivers.cabinet_camera.camera import jpeg

        if not self.left:
            return self.prompt()
        shown = self._plan[self._taken] | {
            str(k): int(v) for k, v in (content or {}).items() if k in self._places
        }
        name = f"{self._taken + 1:03d}.jpg"
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
        self._plan[self._taken] = shown
        self._taken += 1
        self._write()
        return self.prompt()

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
        from edge_agents.drivers.cabinet_camera.taught import save_model
        from edge_agents.drivers.cabinet_camera.teaching import load_examples, teach

        if not self._rows:
            raise TeachingError("Aucune photographie prise.")
        examples = on_fiducials(
            load_examples(self._folder / "labels.csv", self._folder, self._vision), self._vision
        )
        model = teach(examples, self._vision)
        digest = save_model(model, self._folder / "candidate.model")
        checked = model.info["cross_validation"]
        report = {
            "model": str(self._folder / "candidate.model"), "sha256": digest, "photographs": self._taken,
            "cross_validation": checked, "advice": advice(self._vision, checked["right"], checked["asked"]),
            "message": f"Modèle candidat : {checked['right']} réponses justes sur {checked['asked']} photographies laissées de côté.",
        }  # fmt: skip
        write_durably(self._folder / "report.json", json.dumps(report, ensure_ascii=False).encode())
        return report


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
