"""The result of reading a drawing or a model: plain dataclasses which map one to one on the published JSON.

Coordinates of ``bbox`` are ``(x0, y0, x1, y1)`` from the top left corner, in pixels for images and in points for PDF; drawing
units for DXF (y up). Lengths are millimetres where the name says ``_mm``; otherwise the unit written beside the value.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter

Kind = Literal["raster", "pdf", "dxf", "step", "iges", "other"]
FieldStatus = Literal["read", "unread", "absent"]
DimensionKind = Literal["linear", "diameter", "radius", "angle", "chamfer", "thread", "depth"]
StandardSystem = Literal["iso", "asme", "unknown"]
BBox = tuple[float, float, float, float]
Vector = tuple[float, float, float]

TITLE_BLOCK_FIELDS = (
    "drawing_number", "revision", "part_name", "material", "heat_treatment", "surface_treatment", "scale", "mass",
    "general_tolerance", "projection", "unit", "customer", "author", "date", "sheet",
)  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """What one file may cost (DRW-08, DRW-47). Sizes in bytes, times in seconds."""

    max_bytes: int = 100 * 1024 * 1024
    max_pages: int = 200
    max_pixels: int = 200_000_000
    wall_s: float = 300.0
    cpu_s: int = 300
    memory_bytes: int = 6 * 1024**3


@dataclass(frozen=True)
class ReadingError:
    """Why a file could not be read: a stable code and the French sentence shown to the user."""

    code: str
    message: str


class ReadingFailedError(Exception):
    """Raised by readers; becomes the ``error`` of the result."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.error = ReadingError(code, message)


@dataclass
class FieldValue:
    """One title-block field.

    ``unread``: something is written in its cell that is no value of this field; ``absent``: no label, or an empty cell.
    """

    value: str | None = None
    confidence: float = 0.0
    status: FieldStatus = "absent"
    page: int | None = None
    bbox: BBox | None = None
    source: str | None = None


@dataclass
class Dimension:
    """One written dimension. ``upper`` and ``lower`` are deviations from ``nominal``, in ``unit``."""

    text: str
    kind: DimensionKind
    nominal: float | None
    upper: float | None = None
    lower: float | None = None
    fit: str | None = None
    count: int = 1
    unit: str = "mm"
    page: int = 1
    bbox: BBox | None = None
    confidence: float = 1.0
    basic: bool = False
    reference: bool = False
    thread: str | None = None
    is_tight: bool = False
    critical: bool = False
    """Marked as critical or key characteristic on the drawing (DRW-26)."""
    source: str = "text"
    feature_ids: list[int] = field(default_factory=list)


@dataclass
class GeometricTolerance:
    """One feature control frame (ISO 1101)."""

    characteristic: str | None
    value: float | None
    text: str
    datums: list[str] = field(default_factory=list)
    modifiers: list[str] = field(default_factory=list)
    page: int = 1
    bbox: BBox | None = None
    confidence: float = 1.0
    unit: str = "mm"
    source: str = "text"
    count: int = 1
    feature_ids: list[int] = field(default_factory=list)


@dataclass
class Datum:
    """A datum of a model (ISO 5459): its letter, its targets (A1, A2…) and the features it rests on."""

    label: str
    targets: list[str] = field(default_factory=list)
    feature_ids: list[int] = field(default_factory=list)
    source: str = "pmi"


@dataclass
class SurfaceTexture:
    """A surface texture requirement in µm (ISO 1302, ISO 21920-1)."""

    parameter: str
    value_um: float
    text: str
    general: bool = False
    page: int = 1
    bbox: BBox | None = None
    confidence: float = 1.0


@dataclass
class Note:
    """A written note outside title block and dimensions."""

    text: str
    page: int = 1
    bbox: BBox | None = None
    kind: str = "general"


@dataclass
class Weld:
    """One weld asked for by a symbol (ISO 2553, AWS A2.4). Lengths in ``unit``; ``length`` is of one run, ``count`` of them."""

    kind: str
    """fillet, square, v, bevel, y, bevel_y, u, j, steep_v, steep_bevel, flare_v, flare_bevel, flanged, edge, plug, spot, seam,
    surfacing, back_run or stake."""
    text: str = ""
    side: str | None = None
    """arrow, other, both or unknown; None where the symbol stands without its reference line."""
    size: float | None = None
    size_letter: str | None = None
    """a throat, z leg, s penetration, as written."""
    count: int = 1
    length: float | None = None
    pitch: float | None = None
    angle_deg: float | None = None
    all_around: bool = False
    on_site: bool = False
    process: str | None = None
    """Number of ISO 4063 or name, from the tail."""
    tail: str | None = None
    remark: str | None = None
    unit: str = "mm"
    page: int = 1
    bbox: BBox | None = None
    confidence: float = 0.9


@dataclass
class Solid:
    """Global measures of a model; ``estimated`` when the solid is open, invalid or tessellated."""

    volume_mm3: float | None
    area_mm2: float | None
    size_mm: Vector
    bodies: int
    estimated: bool = False
    min_wall_mm: float | None = None
    """Thinnest wall found between parallel planes or coaxial cylinders, mm; None when none below 10 mm was found."""


@dataclass
class Step:
    """One cylinder of a hole, from its mouth inwards."""

    diameter_mm: float
    depth_mm: float


@dataclass
class Feature:
    """One recognised feature; ``position_mm`` is the mouth of a hole or the centre of the feature in model coordinates."""

    type: str
    form: str = "plain"
    steps: list[Step] = field(default_factory=list)
    diameter_mm: float | None = None
    depth_mm: float | None = None
    length_mm: float | None = None
    width_mm: float | None = None
    through: bool | None = None
    count: int = 1
    axis: Vector | None = None
    positions_mm: list[Vector] = field(default_factory=list)
    angle_deg: float | None = None
    thread: str | None = None
    confidence: float = 1.0
    id: int = 0
    corner_radius_mm: float | None = None
    volume_mm3: float | None = None
    upper_mm: float | None = None
    lower_mm: float | None = None
    fit: str | None = None
    ra_um: float | None = None
    faces: list[int] = field(default_factory=list)
    """Numbers of its faces in the solid."""
    page: int | None = None
    bbox: BBox | None = None
    """Where the picture of the model shows it, the first of ``boxes``; unit of that sheet."""
    boxes: list[BBox] = field(default_factory=list)
    """Each of the equal shapes on the picture of the model, in every view that shows it."""


@dataclass
class SolidPart:
    """One distinct solid of an assembly: a candidate for its own line (DRW-13). Directions and places are in the assembly."""

    name: str | None
    count: int
    solid: Solid
    features: list[Feature] = field(default_factory=list)
    turned_profile: TurnedProfile | None = None
    access_directions: list[Vector] = field(default_factory=list)
    processes: list[ProcessProposal] = field(default_factory=list)


@dataclass
class BomItem:
    """One row of a parts list: a candidate for its own line (DRW-03). ``count`` is per assembly."""

    position: str | None
    number: str | None
    name: str | None
    count: int = 1
    material: str | None = None
    page: int = 1
    bbox: BBox | None = None
    confidence: float = 1.0
    boxes: dict[str, BBox] = field(default_factory=dict)
    """Place of each value, by the name of its title-block field."""


@dataclass
class ProcessProposal:
    """A process the part seems to need, with a confidence between 0 and 1; ``reason`` is what on the sheet says so."""

    process: str
    confidence: float
    reason: str | None = None


@dataclass
class ProfileSegment:
    """A piece of the outer turned outline between two points of the half section (z along the axis, r the radius), mm."""

    z0_mm: float
    r0_mm: float
    z1_mm: float
    r1_mm: float


@dataclass
class TurnedProfile:
    """Outer and inner outline of a part of revolution, seen along its axis; z starts at 0 at one end."""

    axis: Vector
    origin_mm: Vector
    length_mm: float
    max_diameter_mm: float
    outer: list[ProfileSegment] = field(default_factory=list)
    inner: list[ProfileSegment] = field(default_factory=list)
    revolved_area_ratio: float = 0.0


@dataclass
class Contour:
    """A closed flat outline of a DXF drawing; lengths in mm."""

    layer: str
    length_mm: float
    area_mm2: float
    size_mm: tuple[float, float]


@dataclass
class DrawingReading:
    """Everything read from one file."""

    file: str
    kind: Kind = "other"
    seconds: float = 0.0
    pages: int = 0
    error: ReadingError | None = None
    title_block: dict[str, FieldValue] = field(
        default_factory=lambda: {n: FieldValue() for n in TITLE_BLOCK_FIELDS}
    )
    standard_system: StandardSystem = "unknown"
    unit: str | None = None
    dimensions: list[Dimension] = field(default_factory=list)
    geometric_tolerances: list[GeometricTolerance] = field(default_factory=list)
    surface_textures: list[SurfaceTexture] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    welds: list[Weld] = field(default_factory=list)
    datums: list[Datum] = field(default_factory=list)
    solid: Solid | None = None
    parts: list[SolidPart] = field(default_factory=list)
    bom: list[BomItem] = field(default_factory=list)
    features: list[Feature] = field(default_factory=list)
    turned_profile: TurnedProfile | None = None
    access_directions: list[Vector] = field(default_factory=list)
    contours: list[Contour] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    processes: list[ProcessProposal] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the published JSON object (see the interface description), numbers rounded to what they can mean."""
        return {key: _rounded(value) for key, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_json(cls, text: str | bytes) -> DrawingReading:
        """Rebuild a reading from its JSON text; raises ``pydantic.ValidationError`` when it does not fit."""
        return _ADAPTER.validate_json(text)

    def failed(self, code: str, message: str) -> DrawingReading:
        """Mark the reading as failed and return it."""
        self.error = ReadingError(code, message)
        return self


_ADAPTER: TypeAdapter[DrawingReading] = TypeAdapter(DrawingReading)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
