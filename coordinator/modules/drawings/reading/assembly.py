"""Which solids of a model are the same part: by shared definition, else by measures that no move changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from OCP.BRepGProp import BRepGProp
from OCP.GProp import GProp_GProps
from OCP.ShapeUpgrade import ShapeUpgrade_UnifySameDomain
from OCP.TopLoc import TopLoc_Location

from coordinator.modules.drawings.reading.faces import Face, describe_faces

RELATIVE = 1e-5


@dataclass
class Body:
    """One distinct solid: its first use, its measured faces, its volume and how often it occurs."""

    solid: Any
    faces: list[Face]
    volume_mm3: float
    count: int = 1
    print_: tuple[float, ...] = field(default=())


def distinct_bodies(solids: list[Any], describe: Any) -> list[Body]:
    """Group the solids of a model; ``describe`` measures the faces of a solid.

    A mirrored part is another part: the signature keeps the handedness of the distribution of the surface.
    """
    by_definition: dict[int, Body] = {}
    bodies: list[Body] = []
    for solid in solids:
        key = hash(solid.Located(TopLoc_Location()))
        if key in by_definition and not _is_mirrored(solid):
            by_definition[key].count += 1
            continue
        faces = describe(solid)
        properties = GProp_GProps()
        BRepGProp.VolumeProperties_s(solid, properties)
        mark = _signature(properties, faces) if len(solids) > 1 else ()
        same = next(
            (body for body in bodies if len(body.faces) == len(faces) and _close(body.print_, mark)), None
        )
        if same is not None:
            same.count += 1
        else:
            same = Body(solid, faces, abs(float(properties.Mass())), 1, mark)
            bodies.append(same)
        by_definition.setdefault(key, same)
    return bodies


def without_seams(body: Body) -> Body:
    """The body with every flat face in one piece: modellers leave seams across floors and walls that no tool sees.

    Left as it is where no face gets larger, or where joining would change the volume.
    """
    joined = ShapeUpgrade_UnifySameDomain(body.solid, True, True, False)
    joined.Build()
    faces = describe_faces(joined.Shape())
    if sum(f.kind == "plane" for f in faces) == sum(f.kind == "plane" for f in body.faces):
        return body
    properties = GProp_GProps()
    BRepGProp.VolumeProperties_s(joined.Shape(), properties)
    if abs(abs(float(properties.Mass())) - body.volume_mm3) > RELATIVE * body.volume_mm3:
        return body
    return Body(joined.Shape(), faces, body.volume_mm3, body.count, body.print_)


def _is_mirrored(solid: Any) -> bool:
    return bool(solid.Location().Transformation().IsNegative())


def _signature(properties: GProp_GProps, faces: list[Face]) -> tuple[float, ...]:
    """Volume, area, principal moments and handedness."""
    principal = properties.PrincipalProperties()
    moments = principal.Moments()
    order = np.argsort(moments)
    axes = [(v.X(), v.Y(), v.Z()) for v in (principal.FirstAxisOfInertia(), principal.SecondAxisOfInertia(),
                                           principal.ThirdAxisOfInertia())]  # fmt: skip
    frame = np.array([axes[i] for i in order])
    centre = properties.CentreOfMass()
    area = sum(face.area for face in faces)
    spread = np.array([face.centroid for face in faces]) - (centre.X(), centre.Y(), centre.Z())
    weight = np.array([face.area for face in faces]) / (area or 1.0)
    size = float(np.sqrt(np.mean(np.sum(spread**2, axis=1)))) or 1.0
    local = spread @ frame.T / size
    skew = weight @ local**3
    values = sorted(abs(float(m)) for m in moments)
    hand = 0.0
    if values[1] - values[0] > 1e-3 * values[2] and values[2] - values[1] > 1e-3 * values[2]:
        # Turning an axis round turns the sign of its skew: the product, with the sense of the frame, does not change.
        hand = float(np.prod(skew) * np.sign(np.linalg.det(frame)))
        hand = float(np.sign(hand)) if abs(hand) > 1e-9 else 0.0
    return (abs(float(properties.Mass())), area, *values, hand)


def _close(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return len(a) == len(b) > 0 and all(
        abs(x - y) <= RELATIVE * max(abs(x), abs(y), 1e-9) for x, y in zip(a, b, strict=True)
    )
