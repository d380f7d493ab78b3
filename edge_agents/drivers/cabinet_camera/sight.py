"""What a cabinet's station sees with: camera, kept pictures, models and weighed trays; a decision of them, without any session."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_agents.drivers.base import DriverError
from edge_agents.drivers.cabinet_camera.approved import Approved
from edge_agents.drivers.cabinet_camera.bars import diameter_mm
from edge_agents.drivers.cabinet_camera.camera import Album, Camera, load, part_of
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, vision_of
from edge_agents.drivers.cabinet_camera.decision import Change, Decision, check_usable, gray_of, sharpness
from edge_agents.drivers.cabinet_camera.detector import load_detector
from edge_agents.drivers.cabinet_camera.reading import read_picture
from edge_agents.drivers.cabinet_camera.session import compare_weighed, decide
from edge_agents.drivers.cabinet_camera.taught import PictureReading, load_model
from edge_agents.drivers.cabinet_camera.texts import reason_text
from edge_agents.drivers.cabinet_camera.trays import Trays

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[Any]

_SCALE_FAULTS = {"scale_out_of_range", "scale_drift"}


class Sight:
    """Devices and models of one cabinet. Raises ``DriverError`` where its vision file cannot be used."""

    def __init__(self, config: CabinetCameraConfig, data: Path) -> None:
        self._hold_s = config.hold_s
        try:
            self.vision = vision_of(config)
            self.trays = None if config.cells is None else Trays(config.cells, data / "trays.json")
        except ValueError as error:
            raise DriverError("vision.config", str(error)) from None
        self._empty = None if self.vision.empty_image is None else load(self.vision.empty_image)
        self._path, self._last = config.model, data / "approved.model"
        self.model = Approved(load_model, config.model, config.model_sha256, self._last)
        self.detector = Approved(
            load_detector, config.detector, config.detector_sha256, data / "approved.onnx",
            lost="les compartiments partagés ne sont plus lus",
        )  # fmt: skip
        self.camera = Camera(config, data / "frames")
        places = [place.polygon for place in self.vision.compartments]
        self.album = Album(data / "images", places, self._empty, self.vision.fiducials)
        self.scale_faults: dict[str, str | None] = {}

    def kept_models(self) -> set[str]:
        """SHA-256 of every model of compartments this station may read with: the one in use, the last approved one, and the versions
        it may be taken back to (VIS-28)."""
        found = {self.model.model.digest} if self.model.model is not None else set()
        paths = [self._last]
        if self._path is not None:
            paths.append(self._path)
            if self._path.parent.name == "current":
                paths += self._path.parent.parent.glob(f"*/{self._path.name}")
        return found | {hashlib.sha256(path.read_bytes()).hexdigest() for path in paths if path.is_file()}

    async def still(self) -> Image:
        """A picture for a decision: light and exposure settled."""
        return await asyncio.to_thread(self.camera.grab_still)

    def fault(self, image: Image) -> str | None:
        """What keeps a picture, or the station, from judging anything, in words."""
        unfit = reason_text(check_usable(image, self.vision))
        return unfit or self.model.fault or self.detector.fault or self.album.fault

    async def unfit(self, image: Image) -> str | None:
        """Why a picture cannot be judged, in words."""
        return reason_text(await asyncio.to_thread(check_usable, image, self.vision))

    def decide(self, weights: Mapping[str, float | None], before: Image | None, image: Image) -> Decision:
        """What changed since the scene and the weights of the opening; remembers scales at fault."""
        if before is None:
            decision = Decision(False, "covered", ())
        else:
            decision = decide(before, image, self.vision, model=self.model.model, empty=self._empty,
                              detector=self.detector.model)  # fmt: skip
        if self.trays is None:
            return decision
        old, new = self.trays.count(dict(weights)), self.trays.count(self.trays.weigh())
        weighed = compare_weighed(self.vision, old, new)
        self.scale_faults = {name: one.reason for name, one in new.items() if one.reason in _SCALE_FAULTS}
        return Decision(decision.usable, decision.reason, (*decision.changes, *weighed))

    async def read(self, image: Image) -> PictureReading:
        """Content of every compartment on one picture."""
        return await asyncio.to_thread(
            read_picture, image, self.vision, self.model.model, self._empty, self.detector.model
        )

    async def keep(self, image: Image, decision: Decision | None = None, *, somebody: bool) -> str:
        """Stores what cannot show a person of a picture (VIS-27). ``somebody`` may be at the cabinet unless a shut door or a long stillness
        says otherwise; what the model knows, read as one of its taught contents, is none of a person all the same."""
        changes = () if decision is None else decision.changes
        told = self._numbers({change.compartment.id for change in changes})
        taught = set() if self.model.model is None else {place.id for place in self.model.model.places}
        familiar = {c.compartment.id for c in changes if c.reason is None and c.compartment.id in taught}
        again: Callable[[], Image] | None = self.moments_later if somebody else None
        return await asyncio.to_thread(
            self.album.keep, image, told, familiar=self._numbers(familiar), again=again
        )

    def moments_later(self) -> Image:
        """The scene once something strange has had the time to move."""
        time.sleep(self._hold_s)
        return self.camera.grab()

    def _numbers(self, names: set[str]) -> list[int]:
        """Compartments by their place in the vision file."""
        return [number for number, place in enumerate(self.vision.compartments) if place.id in names]

    def diameter(self, change: Change, kept: list[Any]) -> float | None:
        """Diameter of the bars in a rack's cell, where the scale of the picture is known."""
        place, shown = change.compartment, kept[1] if change.after.count else kept[0]
        if place.method != "bar_ends" or place.mm_per_px is None or shown is None:
            return None
        return diameter_mm(part_of(shown, place.polygon, 0.0)[0], place.mm_per_px)

    def quality(self, image: Image) -> dict[str, Any]:
        """Light, sharpness and model of a picture, for the figures of the office."""
        gray = gray_of(image)
        return {"brightness": round(float(gray.mean()), 1), "sharpness": round(sharpness(gray), 1),
                "model": self.version("compartments")}  # fmt: skip

    def version(self, of: str) -> str | None:
        """Short name of the model that read compartments, or of the detector of shared ones (``items``)."""
        model = self.detector.model if of == "items" else self.model.model
        return None if model is None else model.digest[:12]
