"""Envelope and volume of a triangulated model, STL or OBJ (DRW-04 level 2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from coordinator.modules.drawings.reading.model import DrawingReading, ReadingFailedError, Solid

Triangles = np.ndarray[Any, np.dtype[np.float64]]
MAX_TRIANGLES = 5_000_000
_RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def read_mesh(path: Path, form: str) -> DrawingReading:
    """Read a mesh; size and volume only, marked estimated, since the unit and the true faces are not in the file."""
    triangles = _stl(path) if form == "stl" else _obj(path)
    if len(triangles) == 0 or not np.isfinite(triangles).all():
        raise ReadingFailedError("drawing.corrupt", "Maillage illisible ou vide.")
    reading = DrawingReading(file=str(path), kind="other", pages=1)
    edges_a, edges_b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    crossed = np.cross(edges_a, edges_b)
    # Signed volumes of the tetrahedra to the origin: exact for a closed, oriented surface.
    volume = abs(float(np.einsum("ij,ij->i", triangles[:, 0], crossed).sum()) / 6)
    size = triangles.reshape(-1, 3).max(axis=0) - triangles.reshape(-1, 3).min(axis=0)
    closed = _is_closed(triangles)
    reading.solid = Solid(
        volume_mm3=volume if closed else None,
        area_mm2=float(np.linalg.norm(crossed, axis=1).sum() / 2),
        size_mm=(float(size[0]), float(size[1]), float(size[2])),
        bodies=1,
        estimated=True,
    )
    reading.warnings.append(
        "Maillage : encombrement et volume seulement, en millimètres supposés. Demandez un STEP."
    )
    if not closed:
        reading.warnings.append("Maillage ouvert : volume non calculé.")
    return reading


def _stl(path: Path) -> Triangles:
    with path.open("rb") as handle:
        head = handle.read(84)
    count = int.from_bytes(head[80:84], "little") if len(head) == 84 else 0
    if count and path.stat().st_size == 84 + 50 * count:
        _check(count)
        return np.fromfile(path, dtype=_RECORD, offset=84, count=count)["corners"].astype(float)
    corners = []
    with path.open(encoding="ascii", errors="replace") as text:
        for line in text:
            words = line.split()
            if len(words) == 4 and words[0] == "vertex":
                corners.append(_point(words[1:]))
                _check(len(corners) // 3)
    return np.array(corners[: len(corners) // 3 * 3], dtype=float).reshape(-1, 3, 3)


def _obj(path: Path) -> Triangles:
    points: list[tuple[float, float, float]] = []
    faces: list[tuple[int, int, int]] = []
    with path.open(encoding="utf-8", errors="replace") as text:
        for line in text:
            words = line.split()
            if len(words) >= 4 and words[0] == "v":
                points.append(_point(words[1:4]))
            elif len(words) >= 4 and words[0] == "f":
                ring = [_index(word, len(points)) for word in words[1:]]
                faces += [(ring[0], ring[i], ring[i + 1]) for i in range(1, len(ring) - 1)]
                _check(len(faces))
    if not faces or min(min(f) for f in faces) < 0 or max(max(f) for f in faces) >= len(points):
        raise ReadingFailedError("drawing.corrupt", "Maillage illisible ou vide.")
    corners: Triangles = np.array(points, dtype=float)[np.array(faces)]
    return corners


def _point(words: list[str]) -> tuple[float, float, float]:
    try:
        x, y, z = (float(word) for word in words)
    except ValueError as failure:
        raise ReadingFailedError("drawing.corrupt", "Maillage illisible ou vide.") from failure
    return x, y, z


def _index(word: str, count: int) -> int:
    try:
        number = int(word.split("/", maxsplit=1)[0])
    except ValueError as failure:
        raise ReadingFailedError("drawing.corrupt", "Maillage illisible ou vide.") from failure
    return number - 1 if number > 0 else count + number


def _check(count: int) -> None:
    if count > MAX_TRIANGLES:
        raise ReadingFailedError(
            "drawing.too_complex", f"Maillage trop fin : plus de {MAX_TRIANGLES} triangles."
        )


def _is_closed(triangles: Triangles) -> bool:
    """Every edge is used once in each direction."""
    points = np.round(triangles.reshape(-1, 3), 5)
    _, index = np.unique(points, axis=0, return_inverse=True)
    rings = index.reshape(-1, 3)
    edges = np.concatenate([rings[:, [0, 1]], rings[:, [1, 2]], rings[:, [2, 0]]])
    forward = np.unique(edges, axis=0, return_counts=True)
    backward = np.unique(edges[:, ::-1], axis=0, return_counts=True)
    return bool(
        forward[0].shape == backward[0].shape
        and (forward[0] == backward[0]).all()
        and (forward[1] == backward[1]).all()
    )
