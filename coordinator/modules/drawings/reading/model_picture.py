"""A 3D model as a picture: shaded, with its edges, seen from two opposite corners; and where its shapes stand on it (DRW-32).

Drawn in software from the triangles of the faces, so that no graphics card is needed. Runs inside the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from OCP.BRep import BRep_Tool
from OCP.BRepAdaptor import BRepAdaptor_Curve
from OCP.BRepMesh import BRepMesh_IncrementalMesh
from OCP.GCPnts import GCPnts_TangentialDeflection
from OCP.TopAbs import TopAbs_EDGE
from OCP.TopExp import TopExp_Explorer
from OCP.TopLoc import TopLoc_Location
from OCP.TopoDS import TopoDS

from coordinator.modules.drawings.reading.faces import Array, is_tessellated, iter_faces
from coordinator.modules.drawings.reading.model import BBox, ReadingFailedError
from coordinator.modules.drawings.reading.sheets import Picture

SHEET_PX = 2000.0
"""Longer side of the sheet in its own unit."""
_PLACING_PX = 900
_MARGIN = 0.04
_FINENESS = 1 / 600
_FINE_ANGLE = 0.2
_MAX_TRIANGLES = 400_000
_CELLS_AT_ONCE = 3_000_000
_SMALL_PX = (4, 8, 16)
_SUBPIXEL_BITS = 8
_EDGE_ON_PX = 0.5
_STEEL = (206, 198, 190)
_INK = (70, 52, 40)
_EDGE_DEPTH = 0.004
_PIECE_SHARE = 0.2
_COMPACT_PX = 6
_VIEW_SHARE = 0.1
"""Of what the better view shows: less shines through a seam."""


@dataclass(frozen=True)
class View:
    """One look at the model: its directions right, up and towards the eye."""

    right: Array
    up: Array
    towards: Array


def _view(eye: tuple[float, float, float]) -> View:
    towards = np.array(eye) / np.linalg.norm(eye)
    right = np.cross((0.0, 0.0, 1.0), towards)
    right /= np.linalg.norm(right)
    return View(right, np.cross(towards, right), towards)


VIEWS = (_view((1.0, -1.3, 0.9)), _view((-1.0, 1.3, -0.9)))
"""Front right from above, and the opposite corner from below: every outer face shows in one of them."""


@dataclass
class Scene:
    """Triangles (n, 3, 3) with the number of their face, and the polylines of the edges; mm."""

    corners: Array
    owner: np.ndarray[Any, np.dtype[np.int64]]
    edges: list[Array]


@dataclass(frozen=True)
class Layout:
    """Where the two views stand on a sheet of ``width`` × ``height``; ``scale`` sheet units per mm."""

    width: float
    height: float
    scale: float
    offsets: tuple[tuple[float, float], ...]

    def place(self, points: Array, number: int) -> Array:
        """(x, y, depth) of points in a view: x to the right and y down in sheet units, depth towards the eye in mm."""
        view, (dx, dy) = VIEWS[number], self.offsets[number]
        x, y = points @ view.right * self.scale + dx, -(points @ view.up) * self.scale + dy
        return np.stack([x, y, points @ view.towards], axis=-1)


def scene_of(shapes: Sequence[Any], edges: bool = True) -> Scene:
    """Triangles and edges of shapes, their faces numbered from 0 in order.

    Raises:
        ReadingFailedError: ``drawing.empty_model`` where nothing can be drawn, ``drawing.too_complex``.
    """
    corners, owner, lines = list[Array](), list[Array](), list[Array]()
    number, total = 0, 0
    for shape in shapes:
        size = _extent(shape)
        if not all(is_tessellated(face) for face in iter_faces(shape)):
            BRepMesh_IncrementalMesh(shape, max(size * _FINENESS, 1e-4), False, _FINE_ANGLE, False)
        for face in iter_faces(shape):
            found = _triangles(face)
            total += len(found)
            if total > _MAX_TRIANGLES:
                raise ReadingFailedError("drawing.too_complex", "Modèle trop détaillé pour être dessiné.")
            corners.append(found)
            owner.append(np.full(len(found), number))
            number += 1
        if edges:
            lines += list(_edges(shape, max(size * _FINENESS, 1e-4)))
    if not total:
        raise ReadingFailedError("drawing.empty_model", "Le modèle ne contient aucune surface à dessiner.")
    return Scene(np.concatenate(corners), np.concatenate(owner).astype(np.int64), lines)


def layout_of(scene: Scene) -> Layout:
    """Both views in one scale, beside each other or above each other, whichever is nearer to a square."""
    points = scene.corners.reshape(-1, 3)
    boxes = []
    for view in VIEWS:
        x, y = points @ view.right, -(points @ view.up)
        boxes.append((float(x.min()), float(y.min()), float(x.max()), float(y.max())))
    wide, high = max(b[2] - b[0] for b in boxes), max(b[3] - b[1] for b in boxes)
    gap = _MARGIN * 2 * max(wide, high, 1e-6)
    beside = wide <= high
    width = (2 * wide if beside else wide) + (3 if beside else 2) * gap
    height = (high if beside else 2 * high) + (2 if beside else 3) * gap
    scale = SHEET_PX / max(width, height)
    offsets = []
    for index, box in enumerate(boxes):
        left = gap + (index * (wide + gap) if beside else 0.0) + (wide - (box[2] - box[0])) / 2
        top = gap + (0.0 if beside else index * (high + gap)) + (high - (box[3] - box[1])) / 2
        offsets.append(((left - box[0]) * scale, (top - box[1]) * scale))
    return Layout(width * scale, height * scale, scale, tuple(offsets))


def draw(scene: Scene, side_px: int) -> Picture:
    """Picture (BGR) on white, its longer side ``side_px``."""
    layout = layout_of(scene)
    fine = 2 if side_px <= 2200 else 1
    factor = fine * side_px / SHEET_PX
    width, height = (max(1, round(v * factor)) for v in (layout.width, layout.height))
    picture = np.full((height, width, 3), 255, dtype=np.uint8)
    for number, view in enumerate(VIEWS):
        placed = layout.place(scene.corners, number) * (factor, factor, 1.0)
        depth, hit = _hidden(placed, width, height)
        shade = _shades(scene.corners, view)
        seen = hit >= 0
        picture[seen] = shade[hit[seen]]
        reach = float(np.ptp(placed[..., 2])) or 1.0
        for line in scene.edges:
            _ink(
                picture, depth, layout.place(line, number) * (factor, factor, 1.0), _EDGE_DEPTH * reach, fine
            )
    size = max(1, round(width / fine)), max(1, round(height / fine))
    return picture if fine == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def places(scene: Scene, groups: Sequence[Iterable[int]]) -> list[list[BBox]]:
    """For each group of face numbers its boxes on the sheet (sheet units): one in every view that shows it, the one that
    shows most first.

    What no view shows (a cross hole inside) is placed where it would be seen through the material; nothing without a face.
    """
    layout = layout_of(scene)
    factor = _PLACING_PX / SHEET_PX
    width, height = (max(1, round(v * factor)) for v in (layout.width, layout.height))
    shown = []
    for number in range(len(VIEWS)):
        _, hit = _hidden(layout.place(scene.corners, number) * (factor, factor, 1.0), width, height)
        shown.append(np.where(hit >= 0, scene.owner[np.maximum(hit, 0)], -1))
    found: list[list[BBox]] = []
    for group in groups:
        wanted = np.array(sorted(set(group)), dtype=np.int64)
        masks = [np.isin(own, wanted) for own in shown]
        masks.sort(key=lambda mask: -int(mask.sum()))
        least = _VIEW_SHARE * int(masks[0].sum())
        seen = [_clump(mask) for mask in masks if mask.any() and mask.sum() >= least]
        if seen:
            found.append([(x0 / factor, y0 / factor, x1 / factor, y1 / factor) for x0, y0, x1, y1 in seen])
            continue
        own = scene.corners[np.isin(scene.owner, wanted)].reshape(-1, 3)
        if not len(own):
            found.append([])
            continue
        flat = layout.place(own, 0)
        low, high = flat.min(axis=0), flat.max(axis=0)
        found.append([(float(low[0]), float(low[1]), float(high[0]), float(high[1]))])
    return found


def _clump(mask: Any) -> tuple[float, float, float, float]:
    """Box around what hangs together, pieces much smaller than the largest left out: they shine through a seam."""
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    _, names, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    areas = np.bincount(names[mask], minlength=len(stats))
    kept = mask & (areas >= _PIECE_SHARE * areas.max())[names]
    rows, columns = _filled(kept.sum(axis=1)), _filled(kept.sum(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _filled(counts: Any) -> Any:
    """Rows or columns that hold pixels; of a compact shape those with more than one: a seam leaves a tail of single ones."""
    return np.nonzero(counts > (1 if counts.max() >= _COMPACT_PX else 0))[0]


def _extent(shape: Any) -> float:
    from OCP.Bnd import Bnd_Box
    from OCP.BRepBndLib import BRepBndLib

    box = Bnd_Box()
    BRepBndLib.Add_s(shape, box, False)
    return 0.0 if box.IsVoid() else float(np.sqrt(box.SquareExtent()))


def _triangles(face: Any) -> Array:
    """Corners of a face's triangles, where the face stands."""
    where = TopLoc_Location()
    mesh = BRep_Tool.Triangulation_s(face, where)
    if mesh is None or not mesh.NbTriangles():
        return np.zeros((0, 3, 3))
    move = where.Transformation()
    nodes = np.array([
        (p.X(), p.Y(), p.Z()) for p in (mesh.Node(i + 1).Transformed(move) for i in range(mesh.NbNodes()))
    ])  # fmt: skip
    corners = np.array([mesh.Triangle(i + 1).Get() for i in range(mesh.NbTriangles())], dtype=int) - 1
    return np.asarray(nodes[corners])


def _edges(shape: Any, deflection: float) -> Iterable[Array]:
    """Every edge once as a polyline; seams of closed surfaces are no edges of the part."""
    known: set[int] = set()
    for face in iter_faces(shape):
        if is_tessellated(face):
            continue
        explorer = TopExp_Explorer(face, TopAbs_EDGE)
        while explorer.More():
            edge = TopoDS.Edge_s(explorer.Current())
            explorer.Next()
            if hash(edge) in known or BRep_Tool.Degenerated_s(edge) or BRep_Tool.IsClosed_s(edge, face):
                continue
            known.add(hash(edge))
            line = GCPnts_TangentialDeflection(BRepAdaptor_Curve(edge), _FINE_ANGLE, deflection)
            points = [line.Value(i + 1) for i in range(line.NbPoints())]
            if len(points) > 1:
                yield np.array([(p.X(), p.Y(), p.Z()) for p in points])


def _shades(corners: Array, view: View) -> Picture:
    """Colour of each triangle, lit from above the eye; the same from both sides, since shells may be turned over."""
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    normals = normals / np.where(lengths > 0, lengths, 1.0)[:, None]
    light = view.towards + 0.5 * view.up - 0.35 * view.right
    strength = 0.42 + 0.58 * np.abs(normals @ (light / np.linalg.norm(light)))
    colours: Picture = np.clip(strength[:, None] * np.array(_STEEL) * 1.12, 0, 255).astype(np.uint8)
    return colours


def _hidden(placed: Array, width: int, height: int) -> tuple[Any, Any]:
    """Depth of what is nearest to the eye at each pixel, and the number of its triangle (-1: nothing)."""
    depth = np.full(width * height, -np.inf, dtype=np.float32)
    hit = np.full(width * height, -1, dtype=np.int64)
    low = np.floor(placed[..., :2].min(axis=1)).astype(int)
    side = np.ceil(placed[..., :2].max(axis=1)).astype(int) - low
    longest = side.max(axis=1) if len(side) else np.zeros(0, dtype=int)
    smaller = 0
    for limit in _SMALL_PX:
        chosen = np.nonzero((longest > smaller) & (longest <= limit))[0]
        step = max(1, _CELLS_AT_ONCE // (limit + 1) ** 2)
        for start in range(0, len(chosen), step):
            part = chosen[start : start + step]
            _fill(placed[part], part, low[part], (limit + 1, limit + 1), depth, hit, width, height)
        smaller = limit
    for index in np.nonzero(longest > smaller)[0]:
        _fill_one(placed[index], int(index), depth, hit, width, height)
    return depth.reshape(height, width), hit.reshape(height, width)


def _fill(
    placed: Array,
    numbers: Any,
    low: Any,
    cells: tuple[int, int],
    depth: Any,
    hit: Any,
    width: int,
    height: int,
) -> None:
    """Draw triangles of which none is larger than ``cells`` into the depth buffer."""
    xs = low[:, 0, None, None] + np.arange(cells[0])[None, None, :]
    ys = low[:, 1, None, None] + np.arange(cells[1])[None, :, None]
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = (
        tuple(placed[:, k, i, None, None] for i in range(3)) for k in range(3)
    )
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    area = np.where(np.abs(area) < 1e-9, np.nan, area)
    px, py = xs + 0.5, ys + 0.5
    u = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
    v = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
    w = 1.0 - u - v
    inside = (u >= -1e-6) & (v >= -1e-6) & (w >= -1e-6) & (xs >= 0) & (xs < width) & (ys >= 0) & (ys < height)
    if not inside.any():
        return
    z = (u * az + v * bz + w * cz)[inside].astype(np.float32)
    flat = (ys * width + xs)[inside]
    who = np.broadcast_to(numbers[:, None, None], inside.shape)[inside]
    order = np.argsort(z, kind="stable")
    z, flat, who = z[order], flat[order], who[order]
    nearer = z > depth[flat]
    # The last of several writes to one place stays: the nearest, since they are sorted by depth.
    depth[flat[nearer]] = z[nearer]
    hit[flat[nearer]] = who[nearer]


def _fill_one(corners: Array, number: int, depth: Any, hit: Any, width: int, height: int) -> None:
    """Draw one large triangle: its pixels first, then the depth of its plane at these."""
    low = np.maximum(np.floor(corners[:, :2].min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners[:, :2].max(axis=0)).astype(int), (width - 1, height - 1))
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = corners
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    longest = float(np.hypot(*(corners[:, :2].max(axis=0) - corners[:, :2].min(axis=0))))
    # Seen edge-on a triangle shows nothing, and the depth of its plane says nothing.
    if abs(area) < _EDGE_ON_PX * longest or (high < low).any():
        return
    mask = np.zeros((high[1] - low[1] + 1, high[0] - low[0] + 1), dtype=np.uint8)
    outline = np.round((corners[:, :2] - low - 0.5) * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillConvexPoly(mask, outline, 1, shift=_SUBPIXEL_BITS)
    rows, columns = np.nonzero(mask)
    slope_x = ((bz - az) * (cy - ay) - (cz - az) * (by - ay)) / area
    slope_y = ((cz - az) * (bx - ax) - (bz - az) * (cx - ax)) / area
    z = az + slope_x * (columns + low[0] + 0.5 - ax) + slope_y * (rows + low[1] + 0.5 - ay)
    z = np.clip(z, corners[:, 2].min(), corners[:, 2].max()).astype(np.float32)
    flat = (rows + low[1]) * width + columns + low[0]
    nearer = z > depth[flat]
    depth[flat[nearer]] = z[nearer]
    hit[flat[nearer]] = number


def _ink(picture: Picture, depth: Any, line: Array, bias: float, fine: int) -> None:
    """Draw what the material does not hide of an edge."""
    height, width = depth.shape
    for first, last in pairwise(line):
        count = max(2, int(np.abs(last[:2] - first[:2]).max()) + 1)
        points = first + np.linspace(0.0, 1.0, count)[:, None] * (last - first)
        x, y = np.floor(points[:, 0]).astype(int), np.floor(points[:, 1]).astype(int)
        seen = (x >= 1) & (y >= 1) & (x < width - 1) & (y < height - 1)
        x, y, z = x[seen], y[seen], points[seen, 2]
        # The face beside an edge ends a little off its pixel: the least deep of the neighbours decides.
        behind = np.minimum.reduce([depth[y + dy, x + dx] for dy in (-1, 0, 1) for dx in (-1, 0, 1)])
        free = z >= behind - bias
        x, y = x[free], y[free]
        for dx, dy in ((0, 0), (1, 0), (0, 1)) if fine > 1 else ((0, 0),):
            picture[y + dy, x + dx] = _INK
