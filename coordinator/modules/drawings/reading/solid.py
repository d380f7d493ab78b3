"""Reads STEP and IGES models with Open CASCADE: measures, turned outline, features and annotations (DRW-13). Lengths in mm."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np

from coordinator.modules.drawings.reading import measure
from coordinator.modules.drawings.reading.assembly import Body, distinct_bodies, without_seams
from coordinator.modules.drawings.reading.faces import Face, describe_faces, is_tessellated, iter_faces
from coordinator.modules.drawings.reading.holes import merge_equal
from coordinator.modules.drawings.reading.mesh import measure_triangles, triangles_of
from coordinator.modules.drawings.reading.model import (
    Datum,
    Dimension,
    DrawingReading,
    Feature,
    GeometricTolerance,
    Kind,
    ProcessProposal,
    ReadingFailedError,
    Solid,
    SolidPart,
)  # fmt: skip
from coordinator.modules.drawings.reading.model_files import Model, compound, load_model
from coordinator.modules.drawings.reading.pmi import MARKER, read_pmi
from coordinator.modules.drawings.reading.pmi_link import brep_names, link_pmi, match_faces
from coordinator.modules.drawings.reading.recognise import recognise
from coordinator.modules.drawings.reading.step_header import (
    MEANINGLESS,
    read_attributes,
    read_step_header,
    stated_volume_mm3,
)  # fmt: skip
from coordinator.modules.drawings.reading.step_text import StepText
from coordinator.modules.drawings.reading.topology import is_faceted

THIN_WALL_MM = 1.5
VOLUME_TOLERANCE = 1e-3
MAX_PARTS = 200
LARGEST_MM = 10_000.0
SMALLEST_MM = 1.0


def read_solid(path: Path, kind: Kind, *, pictured: bool = False) -> DrawingReading:
    """Read a model; ``pictured`` also tells where the picture of the model shows each shape.

    Raises:
        ReadingFailedError: there is nothing to measure in it.
    """
    reading = DrawingReading(file=str(path), kind=kind, pages=1, unit="mm")
    model = load_model(path, kind)
    content = path.read_bytes() if kind == "step" else b""
    read_step_header(content, reading)
    faces = iter_faces(model.shape)
    if all(is_tessellated(face) for face in faces):
        reading.solid = measure_triangles(triangles_of(faces), len(model.solids))
        reading.warnings.append(
            "Modèle en facettes (tessellé) : encombrement et volume estimés, aucune forme reconnue."
        )
        _annotate(reading, content, [], {}, [])
        return reading
    if not model.solids:
        reading.solid = _surfaces_only(model, reading)
        _annotate(reading, content, [describe_faces(model.shape)], {}, [])
        return reading
    bodies = distinct_bodies(model.solids, describe_faces)
    owners: dict[int, Feature] = {}
    # Annotations name the faces of the file, so those of an annotated model stay as they are.
    annotated = MARKER.search(content) is not None
    faceted = [is_faceted(body.faces) for body in bodies[:MAX_PARTS]]
    kept = [annotated or facets for facets in faceted]
    shown = [body if keep else without_seams(body) for body, keep in zip(bodies, kept, strict=False)]
    parts = [
        _measured(body) if facets else recognise(body, owners)
        for body, facets in zip(shown, faceted, strict=True)
    ]
    _summarise(reading, model, bodies, parts)
    if any(faceted):
        _tell_facets(reading, all(faceted))
    for number, feature in enumerate((f for part in parts for f in part.features), start=1):
        feature.id = number
    _annotate(reading, content, [body.faces for body in bodies], owners, parts)
    if pictured:
        _place(reading, model, bodies, shown, parts)
    _publish(reading, parts)
    return reading


def _place(
    reading: DrawingReading, model: Model, bodies: list[Body], shown: list[Body], parts: list[SolidPart]
) -> None:
    """Where each shape stands on the picture; further uses of a solid hide what is behind them."""
    from coordinator.modules.drawings.reading import model_picture

    others = [s for s in model.solids if not any(s.IsSame(body.solid) for body in bodies)]
    others += [body.solid for body in bodies[len(shown) :]]
    try:
        scene = model_picture.scene_of([*(body.solid for body in shown), *others], edges=False)
    except ReadingFailedError as failure:
        reading.warnings.append(f"Pas d'image du modèle : {failure.error.message}")
        return
    first, groups, features = 0, list[list[int]](), list[Feature]()
    for body, part in zip(shown, parts, strict=True):
        groups += [[first + face for face in feature.faces] for feature in part.features]
        features += part.features
        first += len(iter_faces(body.solid))
    for feature, boxes in zip(features, model_picture.places(scene, groups), strict=True):
        if boxes:
            feature.page, feature.bbox, feature.boxes = 1, boxes[0], boxes


def _measured(body: Body) -> SolidPart:
    """A solid of which only the measures are sure."""
    size, area = measure.size_mm(body.solid), measure.area_mm2(body.faces)
    return SolidPart(None, body.count, Solid(body.volume_mm3, area, size, 1, estimated=True))


def _tell_facets(reading: DrawingReading, is_whole: bool) -> None:
    if reading.solid is not None:
        reading.solid.estimated = True
    which = "Modèle issu d'un maillage" if is_whole else "Corps issus d'un maillage"
    reading.warnings.append(f"{which} (facettes) : encombrement et volume estimés, formes non reconnues.")


def _tell_unlikely_size(reading: DrawingReading) -> None:
    """A file whose unit is wrong shows in its size."""
    size = max(reading.solid.size_mm) if reading.solid is not None else 0.0
    if size > LARGEST_MM or 0 < size < SMALLEST_MM:
        told = f"{size / 1000:.1f} m" if size > LARGEST_MM else f"{size:.3f} mm"
        reading.warnings.append(f"Encombrement de {told.replace('.', ',')} : unité du fichier à vérifier.")


def _summarise(reading: DrawingReading, model: Model, bodies: list[Body], parts: list[SolidPart]) -> None:
    """Measures of the whole model, and what is to be said about its quality."""
    closed = all(measure.is_valid(body.solid) for body in bodies)
    volume = sum(body.volume_mm3 * body.count for body in bodies)
    area = sum(measure.area_mm2(body.faces) * body.count for body in bodies)
    size = parts[0].solid.size_mm if len(model.solids) == 1 else measure.size_mm(compound(model.solids))
    wall = min((p.solid.min_wall_mm for p in parts if p.solid.min_wall_mm), default=None)
    reading.solid = Solid(volume, area, size, len(model.solids), estimated=not closed, min_wall_mm=wall)
    _tell_unlikely_size(reading)
    if not closed:
        reading.warnings.append("Solide ouvert ou invalide : volume estimé.")
    if model.sewn:
        reading.warnings.append("Surfaces cousues en solide fermé.")
    if len(model.solids) > 1:
        kinds = "identiques" if len(bodies) == 1 else f"dont {len(bodies)} différents"
        reading.warnings.append(
            f"Assemblage : {len(model.solids)} corps {kinds}, une ligne par corps différent."
        )
    if len(bodies) > MAX_PARTS:
        reading.warnings.append(f"Seuls les {MAX_PARTS} premiers corps différents sont analysés en détail.")
    if wall is not None and wall < THIN_WALL_MM:
        reading.warnings.append("Paroi mince : " + f"{wall:.2f} mm.".replace(".", ",", 1))


def _surfaces_only(model: Model, reading: DrawingReading) -> Solid:
    """Open surfaces: area and envelope are sure, a volume is not (DRW-51)."""
    reading.warnings.append("Surfaces ouvertes, aucun solide : encombrement seul, volume inconnu.")
    area = measure.area_mm2(describe_faces(model.shape))
    return Solid(None, area, measure.size_mm(model.shape), 0, estimated=True)


def _annotate(
    reading: DrawingReading,
    content: bytes,
    solids: list[list[Face]],
    owners: dict[int, Feature],
    parts: list[SolidPart],
) -> None:
    """Read attributes, names and annotations of a STEP file and tie them to the features."""
    if not content:
        return
    text = StepText(content)
    try:
        _read_text(reading, content, text, solids, owners, parts)
    except (IndexError, KeyError, TypeError, ValueError, AttributeError):
        # Records which break the rules of their entity must not cost the geometry, which is already measured.
        reading.warnings.append("Annotations 3D en partie illisibles : fichier non conforme.")
    stated, solid = stated_volume_mm3(text), reading.solid
    if stated is None or solid is None or solid.volume_mm3 is None or solid.bodies != 1:
        return
    if abs(stated - solid.volume_mm3) > VOLUME_TOLERANCE * stated:
        solid.estimated = True
        reading.warnings.append(
            f"Volume contradictoire : {stated / 1000:.2f} cm³ annoncés dans le fichier,"
            f" {solid.volume_mm3 / 1000:.2f} cm³ mesurés."
        )


def _read_text(
    reading: DrawingReading,
    content: bytes,
    text: StepText,
    solids: list[list[Face]],
    owners: dict[int, Feature],
    parts: list[SolidPart],
) -> None:
    read_attributes(text, reading)
    for part, name in zip(parts, brep_names(text, solids), strict=False):
        part.name = None if MEANINGLESS.match((name or "").strip()) else name
    if MARKER.search(content):
        link_pmi(reading, read_pmi(text), match_faces(text, solids), owners)


def _publish(reading: DrawingReading, parts: list[SolidPart]) -> None:
    """Count equal features together, per part and for the whole model."""
    for part in parts:
        _join_ids(reading, part)
        for way in part.access_directions:
            if not any(np.allclose(way, known, atol=1e-3) for known in reading.access_directions):
                reading.access_directions.append(way)
    if reading.solid is not None and reading.solid.bodies > 1:
        reading.parts = parts
        for part in parts:
            whole = copy.deepcopy(part.features)
            for feature in whole:
                feature.count *= part.count
            reading.features += whole
        reading.features = merge_equal(reading.features)
    else:
        reading.features, reading.turned_profile = parts[0].features, parts[0].turned_profile
    best: dict[str, ProcessProposal] = {}
    for proposal in (p for part in parts for p in part.processes):
        if proposal.process not in best or best[proposal.process].confidence < proposal.confidence:
            best[proposal.process] = proposal
    reading.processes = list(best.values())


def _join_ids(reading: DrawingReading, part: SolidPart) -> None:
    """Merge the equal features of a part; annotations then name the merged feature."""
    before = {feature.id: (feature.type, feature.positions_mm[:1]) for feature in part.features}
    part.features = merge_equal(part.features)
    home: dict[int, int] = {}
    for number, (kind, place) in before.items():
        for feature in part.features:
            if feature.id == number or (kind == feature.type and place and place[0] in feature.positions_mm):
                home[number] = feature.id
    annotations: list[Dimension | GeometricTolerance | Datum] = [*reading.dimensions]
    annotations += [*reading.geometric_tolerances, *reading.datums]
    for item in annotations:
        item.feature_ids = list(dict.fromkeys(home.get(number, number) for number in item.feature_ids))
