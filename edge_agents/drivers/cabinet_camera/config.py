"""Configuration of a cabinet camera and of its vision file (INTERFACES: compartments, fiducials, camera)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from edge_agents.drivers.base import DriverConfig
from edge_agents.drivers.cabinet_camera.cells import CellsConfig
from edge_agents.protocol.envelope import describe
from edge_agents.protocol.optional import MAY_BE_IGNORED
from edge_agents.protocol.posting import Thresholds

Method = Literal["presence", "count", "boxes", "marker", "label_text", "weight", "bar_ends", "items"]
Point = tuple[float, float]


class ExpectedItem(BaseModel):
    """An item that has its place in a shared compartment: the kind the detector knows it by and, where two items are of one
    kind, how long a piece of it looks (``length_mm`` from, to)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item: str = Field(min_length=1)
    kind: str = Field(min_length=1)
    length_mm: tuple[float, float] | None = None

    def fits(self, length_mm: float | None) -> bool:
        """Whether a piece of the kind may be this item."""
        if self.length_mm is None:
            return True
        return length_mm is not None and self.length_mm[0] <= length_mm <= self.length_mm[1]


class PrintedItem(BaseModel):
    """An item told by its label: its code, and what else its packages say (the manufacturer's or a supplier's reference)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item: str = Field(min_length=1)
    printed: tuple[str, ...] = ()


class Compartment(BaseModel):
    """One place seen by the camera; the polygon is in pixels of the reference image."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str
    method: Method
    polygon: tuple[Point, ...] = Field(min_length=3)
    item: str | None = None
    items: tuple[ExpectedItem, ...] = ()
    labels: tuple[PrintedItem, ...] = ()
    camera: str | None = None
    unit_area_px: float | None = Field(default=None, gt=0)
    marker_id: int | None = None
    mm_per_px: float | None = Field(default=None, gt=0)

    @property
    def told_by_label(self) -> tuple[PrintedItem, ...]:
        """Items whose printed references are looked for here."""
        return self.labels or ((PrintedItem(item=self.item),) if self.item else ())

    @model_validator(mode="after")
    def _labelled(self) -> Self:
        """A place told by labels knows at least one reference."""
        if self.method == "label_text" and not self.told_by_label:
            raise ValueError(f"{self.id} : item ou labels manquant (références imprimées attendues)")
        return self

    @model_validator(mode="after")
    def _shared(self) -> Self:
        """Items of a shared compartment are told apart by kind, or by kind and length."""
        if self.method != "items":
            return self
        if not self.items:
            raise ValueError(f"{self.id} : items manquant (articles attendus)")
        for number, one in enumerate(self.items):
            if one.length_mm is not None and self.mm_per_px is None:
                raise ValueError(f"{self.id} : length_mm demande mm_per_px")
            for other in self.items[:number]:
                if one.item == other.item or (one.kind == other.kind and _confused(one, other)):
                    raise ValueError(f"{self.id} : {other.item} et {one.item} ne se distinguent pas")
        return self


def _confused(one: ExpectedItem, other: ExpectedItem) -> bool:
    if one.length_mm is None or other.length_mm is None:
        return True
    return one.length_mm[0] <= other.length_mm[1] and other.length_mm[0] <= one.length_mm[1]


class Fiducials(BaseModel):
    """Markers fixed on the cabinet: corners of each in the reference image, clockwise from the top left."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    dictionary: str = "DICT_4X4_50"
    markers: dict[int, tuple[Point, Point, Point, Point]]
    minimum: int = Field(default=3, ge=1)
    max_shift_px: float = Field(default=60.0, gt=0)


class VisionConfig(BaseModel):
    """The vision CONFIG file; ``empty_image`` shows the cabinet without any item."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    compartments: tuple[Compartment, ...] = Field(min_length=1)
    fiducials: Fiducials | None = None
    camera: dict[str, Any] = Field(default_factory=dict)
    empty_image: Path | None = None
    min_brightness: float = 30.0
    max_saturated: float = 0.5
    min_sharpness: float = 40.0


def load_vision(path: Path) -> VisionConfig:
    """Reads a vision CONFIG file. Raises ``ValueError`` naming the field."""
    try:
        vision = VisionConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"{path} illisible : {error}") from None
    except ValidationError as error:
        raise ValueError(f"{path} : {describe(error)}") from None
    if vision.empty_image is not None:
        return vision.model_copy(update={"empty_image": path.resolve().parent / vision.empty_image})
    return vision


class CabinetCameraConfig(DriverConfig):
    """``source`` folder: the newest image of ``frames`` is what the camera sees now; url: a stream OpenCV reads (RTSP).

    ``model`` is the taught model: ``models/NAME/current/FILE`` of the data directory is the one rolled out, a package
    signed and proved; for any other place ``model_sha256`` names the approved file, and no other is used. ``detector`` and
    ``detector_sha256`` say the same of the detector which tells the items of shared compartments apart.
    ``compartments`` sent by the coordinator take the place of those of the vision file, whose fiducials and limits stay.
    Contacts are files which hold 1 while open, as Linux shows an input line. Without contact, ``opening: motion`` lets movement
    or a change of weight open a session and ``quiet_s`` without any close it. ``hold_s`` is how long something strange in a compartment
    must lie still to be shown on a kept picture, where a button closes and somebody may still reach in.
    """

    type: Literal["cabinet_camera"]
    vision: Path
    compartments: tuple[Compartment, ...] = ()
    model: Path | None = None
    model_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    detector: Path | None = None
    detector_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    source: Literal["folder", "camera", "url"] = "folder"
    frames: Path | None = None
    camera_index: int = 0
    camera_url: str | None = None
    socket_port: int | None = Field(default=0, ge=0, le=65535)
    screen_port: int | None = Field(default=None, ge=0, le=65535)
    opening: Literal["button", "contact", "motion"] = "button"
    door_file: Path | None = None
    drawer_file: Path | None = None
    light_file: Path | None = None
    quiet_s: float = Field(default=20.0, gt=0)
    max_open_s: float = Field(default=600.0, gt=0)
    poll_s: float = Field(default=1.0, gt=0)
    still_s: float = Field(default=0.0, ge=0, le=30)
    hold_s: float = Field(default=2.0, ge=0, le=30)
    dispute_s: float = Field(default=30.0, ge=0)
    identify: bool = True
    daily_count: str | None = Field(default="02:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    cells: CellsConfig | None = None
    record: bool = True
    images_days: float = Field(default=7.0, gt=0)
    teaching_days: float = Field(default=90.0, gt=0)
    thresholds: Thresholds | None = Field(default=None, json_schema_extra=MAY_BE_IGNORED)


def vision_of(config: CabinetCameraConfig) -> VisionConfig:
    """What a driver looks at: its vision file, with the compartments the coordinator sent. Raises ``ValueError``."""
    vision = load_vision(config.vision)
    return vision.model_copy(update={"compartments": config.compartments}) if config.compartments else vision
