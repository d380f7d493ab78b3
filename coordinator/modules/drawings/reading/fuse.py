"""Joins the readings of one part (drawing and model) to one description, and reports contradictions (DRW-09, DRW-49)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from coordinator.modules.drawings.reading.model import (
    TITLE_BLOCK_FIELDS,
    Dimension,
    DrawingReading,
    Feature,
    FieldValue,
    ProcessProposal,
    Solid,
    SurfaceTexture,
    TurnedProfile,
    Vector,
    Weld,
)  # fmt: skip
from coordinator.modules.drawings.reading.paging import folio
from coordinator.modules.drawings.reading.processes import propose

MAX_SIZE_DIFFERENCE = 0.01
INCH_MM = 25.4
_TRUST = {"pdf": 0, "dxf": 1, "raster": 2, "step": 3, "iges": 4, "other": 5}


@dataclass(frozen=True)
class Contradiction:
    """Two sources which say different things about one field; a person chooses."""

    field: str
    values: tuple[tuple[str, str], ...]
    message: str


@dataclass
class PartReading:
    """Everything known about one part. Written facts come from drawings, geometry from the model."""

    files: list[str]
    title_block: dict[str, FieldValue]
    unit: str | None = None
    standard_system: str = "unknown"
    dimensions: list[Dimension] = field(default_factory=list)
    surface_textures: list[SurfaceTexture] = field(default_factory=list)
    welds: list[Weld] = field(default_factory=list)
    solid: Solid | None = None
    features: list[Feature] = field(default_factory=list)
    turned_profile: TurnedProfile | None = None
    access_directions: list[Vector] = field(default_factory=list)
    processes: list[ProcessProposal] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def has_tight_tolerance(self) -> bool:
        """True when one dimension is tight (IT 7 or finer, or at most 0.02 mm wide)."""
        return any(dimension.is_tight for dimension in self.dimensions)

    @property
    def finest_ra_um(self) -> float | None:
        """Smallest Ra of the part, µm."""
        return min((item.value_um for item in self.surface_textures if item.parameter == "Ra"), default=None)


def fuse(readings: list[DrawingReading]) -> PartReading:
    """Merge readings of the same part. Raises ValueError for an empty list; failed readings only add their message."""
    if not readings:
        raise ValueError("no reading to merge")
    usable = sorted((item for item in readings if item.error is None), key=lambda item: _TRUST[item.kind])
    part = PartReading([item.file for item in readings], {name: FieldValue() for name in TITLE_BLOCK_FIELDS})
    part.warnings = [f"{item.file} : {item.error.message}" for item in readings if item.error is not None]
    for reading in usable:
        part.warnings += [warning for warning in reading.warnings if warning not in part.warnings]
    _merge_fields(part, usable)
    drawings = [item for item in usable if item.kind in ("pdf", "dxf", "raster")]
    models = [item for item in usable if item.solid is not None]
    if drawings:
        sources = _sources(drawings)
        part.dimensions = [item for source in sources for item in source.dimensions]
        part.surface_textures = [item for source in sources for item in source.surface_textures]
        part.welds = [item for source in sources for item in source.welds]
        part.welds = part.welds or next((item.welds for item in drawings if item.welds), [])
        part.unit, part.standard_system = sources[0].unit, sources[0].standard_system
    if models:
        model = models[0]
        part.solid, part.features, part.turned_profile = model.solid, model.features, model.turned_profile
        part.access_directions, part.processes = model.access_directions, model.processes
        if not part.dimensions:
            part.dimensions, part.unit = model.dimensions, part.unit or model.unit
        part.surface_textures = part.surface_textures or model.surface_textures
    elif drawings:
        part.features = [item for source in sources for item in source.features]
    part.processes = propose(usable, part.processes)
    part.features = _with_threads(part.features, part.dimensions)
    _compare_sizes(part)
    return part


def _sources(drawings: list[DrawingReading]) -> list[DrawingReading]:
    """The same dimensions stand in every file of a sheet: the most trusted one that holds any is taken.

    Files of one page which name themselves different sheets (1/2, 2/2) add up.
    """
    ranked = sorted(drawings, key=lambda item: (not item.dimensions, _TRUST[item.kind]))
    by_sheet: dict[int, DrawingReading] = {}
    for reading in ranked:
        sheet = folio(reading) if reading.pages <= 1 else None
        if sheet is None:
            return ranked[:1]
        by_sheet.setdefault(sheet[0], reading)
    return [by_sheet[number] for number in sorted(by_sheet)]


def _merge_fields(part: PartReading, readings: list[DrawingReading]) -> None:
    for name in TITLE_BLOCK_FIELDS:
        read = [
            (item, item.title_block[name]) for item in readings if item.title_block[name].status == "read"
        ]
        written = [pair for pair in read if pair[1].source != "step_product"] or read
        if not written:
            statuses = [item.title_block[name] for item in readings]
            part.title_block[name] = next(
                (value for value in statuses if value.status == "unread"), FieldValue()
            )
            continue
        part.title_block[name] = max((value for _, value in written), key=lambda value: value.confidence)
        distinct = {_bare(value.value or "") for _, value in written if value.confidence >= 0.6}
        if len(distinct) > 1 and name in ("drawing_number", "revision", "material", "unit"):
            values = tuple((item.file, value.value or "") for item, value in written)
            part.contradictions.append(
                Contradiction(
                    name, values, f"Valeurs différentes selon les fichiers pour « {name} » : à choisir."
                )
            )


def _bare(text: str) -> str:
    return re.sub(r"[\s._-]+", "", text).casefold()


def in_mm(dimension: Dimension) -> float | None:
    """Nominal in mm; None for angles."""
    if dimension.nominal is None or dimension.unit == "deg":
        return None
    return dimension.nominal * (INCH_MM if dimension.unit == "inch" else 1.0)


def _with_threads(features: list[Feature], dimensions: list[Dimension]) -> list[Feature]:
    """Name the thread of holes whose diameter is the tap drill or the core of a thread written on the drawing (ISO 261)."""
    threads = [item for item in dimensions if item.kind == "thread" and item.unit == "mm" and item.nominal]
    return [_with_thread(feature, threads) for feature in features]


def _with_thread(feature: Feature, threads: list[Dimension]) -> Feature:
    if feature.type != "hole" or feature.diameter_mm is None or feature.thread is not None:
        return feature
    for thread in threads:
        pitch = _pitch(thread)
        drill = (thread.nominal or 0.0) - pitch
        if pitch and abs(feature.diameter_mm - drill) <= 0.12 * pitch and feature.count == thread.count:
            return replace(feature, thread=thread.thread, form="tapped")
    return feature


_COARSE_PITCH_MM = {
    2: 0.4, 2.5: 0.45, 3: 0.5, 4: 0.7, 5: 0.8, 6: 1.0, 8: 1.25, 10: 1.5, 12: 1.75, 14: 2.0, 16: 2.0, 18: 2.5, 20: 2.5, 24: 3.0, 30: 3.5,
}  # fmt: skip


def _pitch(thread: Dimension) -> float:
    match = re.search(r"[xX×]\s*(\d+(?:[.,]\d+)?)", thread.thread or "")
    if match:
        return float(match[1].replace(",", "."))
    return _COARSE_PITCH_MM.get(thread.nominal or 0.0, 0.0)


def _compare_sizes(part: PartReading) -> None:
    """The largest written length or diameter must be found in the model's envelope, within 1 %."""
    if part.solid is None or part.solid.estimated:
        return
    lengths = [
        value
        for item in part.dimensions
        if item.kind in ("linear", "diameter")
        and not item.reference
        and (value := in_mm(item))
        and item.source != "pmi"
    ]
    if not lengths:
        return
    written, modelled = max(lengths), max(part.solid.size_mm)
    if abs(written - modelled) / modelled > MAX_SIZE_DIFFERENCE:
        part.contradictions.append(
            Contradiction(
                "size", (("drawing", f"{written:g} mm"), ("model", f"{modelled:g} mm")),
                f"Encombrement différent : {written:g} mm sur le plan, {modelled:g} mm dans le modèle 3D.",
            )
        )  # fmt: skip
