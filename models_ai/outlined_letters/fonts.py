"""Letters of fonts as strokes or outlines: TrueType and OpenType files, LibreCAD stroke fonts (.lff), the Hershey families."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Points = np.ndarray[Any, np.dtype[np.float64]]
_CURVE_STEPS = 6
_ACCENTED = {
    "É": ("E", "´"), "È": ("E", "`"), "Ê": ("E", "^"), "À": ("A", "`"), "Â": ("A", "^"), "Ç": ("C", ","), "Ô": ("O", "^"),
    "Î": ("I", "^"), "Ù": ("U", "`"), "Û": ("U", "^"), "Ä": ("A", '"'), "Ö": ("O", '"'), "Ü": ("U", '"'), "Ë": ("E", '"'), "Ï": ("I", '"'),
    "é": ("e", "´"), "è": ("e", "`"), "ê": ("e", "^"), "à": ("a", "`"), "â": ("a", "^"), "ç": ("c", ","), "ô": ("o", "^"),
    "ù": ("u", "`"), "û": ("u", "^"), "ä": ("a", '"'), "ö": ("o", '"'), "ü": ("u", '"'), "ë": ("e", '"'),
}  # fmt: skip


@dataclass(frozen=True)
class Font:
    """``letters`` holds the paths of each sign, v down, baseline at 0, capitals 1 high."""

    name: str
    letters: dict[str, list[Points]]
    filled: bool


def outline_font(path: Path, signs: str) -> Font | None:
    """The letters of a TrueType or OpenType file; None for fonts without Latin capitals."""
    from fontTools.pens.recordingPen import DecomposingRecordingPen
    from fontTools.ttLib import TTFont

    font = TTFont(path, lazy=True)
    table, glyphs = font.getBestCmap() or {}, font.getGlyphSet()

    def paths_of(sign: str) -> list[Points]:
        pen = DecomposingRecordingPen(glyphs)
        glyphs[table[ord(sign)]].draw(pen)
        return _contours(pen.value)

    if any(ord(sign) not in table for sign in "H0a"):
        return None
    tall = paths_of("H")
    cap = max((float(p[:, 1].max()) for p in tall), default=0.0)
    if cap <= 0:
        return None
    letters = {}
    for sign in signs:
        for code in (sign, {"Ø": "\u2300", "µ": "\u03bc"}.get(sign, sign)):
            if ord(code) in table:
                paths = [p / cap * [1, -1] for p in paths_of(code)]
                if paths:
                    letters[sign] = paths
                break
    return Font(path.stem, letters, True)


def _contours(record: list[tuple[str, Any]]) -> list[Points]:
    paths: list[list[tuple[float, float]]] = []
    for verb, args in record:
        if verb == "moveTo":
            paths.append([args[0]])
        elif verb == "lineTo":
            paths[-1].append(args[0])
        elif verb == "curveTo":
            paths[-1] += _bezier([paths[-1][-1], *args])
        elif verb == "qCurveTo":
            if args[-1] is None:
                first = ((args[0][0] + args[-2][0]) / 2, (args[0][1] + args[-2][1]) / 2)
                paths.append([first])
                args = (*args[:-1], first)
            points = list(args)
            while len(points) > 1:
                end = points[1] if len(points) == 2 else (
                    (points[0][0] + points[1][0]) / 2, (points[0][1] + points[1][1]) / 2)  # fmt: skip
                paths[-1] += _bezier([paths[-1][-1], points[0], end])
                points = points[1:] if len(points) > 2 else []
        elif verb == "closePath" and paths:
            paths[-1].append(paths[-1][0])
    return [np.array(path, dtype=float) for path in paths if len(path) > 2]


def _bezier(control: list[tuple[float, float]]) -> list[tuple[float, float]]:
    points = np.array(control, dtype=float)
    found = []
    for step in range(1, _CURVE_STEPS + 1):
        t, level = step / _CURVE_STEPS, points
        while len(level) > 1:
            level = level[:-1] * (1 - t) + level[1:] * t
        found.append((float(level[0][0]), float(level[0][1])))
    return found


def stroke_font(path: Path, signs: str) -> Font | None:
    """The letters of a LibreCAD font file."""
    raw: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        head = re.match(r"\[#?([0-9a-fA-F]{4,5})\]", line)
        if head:
            lines = raw.setdefault(chr(int(head[1], 16)), [])
        elif line and line[0] not in "#[":
            lines.append(line)

    def paths_of(sign: str, depth: int = 0) -> list[Points]:
        found: list[Points] = []
        for line in raw.get(sign, []):
            if line[0] == "C" and depth < 4:
                found += paths_of(chr(int(line[1:5], 16)), depth + 1)
            elif ";" in line:
                found.append(_bulged(line))
        return found

    letters = {sign: paths_of(sign) for sign in signs if sign in raw}
    return _in_caps(path.stem, letters, signs)


def _bulged(line: str) -> Points:
    points: list[tuple[float, float]] = []
    for vertex in line.split(";"):
        parts = vertex.split(",")
        if len(parts) < 2:
            continue
        end = (float(parts[0]), float(parts[1]))
        bulge = float(parts[2][1:]) if len(parts) > 2 and parts[2][:1] == "A" else 0.0
        if points and abs(bulge) > 1e-6:
            points += _arc(points[-1], end, bulge)
        else:
            points.append(end)
    return np.array(points, dtype=float)


def _arc(start: tuple[float, float], end: tuple[float, float], bulge: float) -> list[tuple[float, float]]:
    sweep = 4 * math.atan(bulge)
    chord = math.dist(start, end)
    if chord < 1e-9:
        return [end]
    radius = chord / 2 / math.sin(sweep / 2)
    along = math.atan2(end[1] - start[1], end[0] - start[0])
    to_centre = along + math.pi / 2 - sweep / 2
    centre = (start[0] + radius * math.cos(to_centre), start[1] + radius * math.sin(to_centre))
    first = math.atan2(start[1] - centre[1], start[0] - centre[0])
    steps = max(2, math.ceil(abs(sweep) / 0.3))
    return [
        (centre[0] + abs(radius) * math.cos(first + sweep * i / steps),
         centre[1] + abs(radius) * math.sin(first + sweep * i / steps))
        for i in range(1, steps + 1)
    ]  # fmt: skip


def hershey_fonts(signs: str) -> list[Font]:
    """The families of the package ``hershey-fonts``; they hold ASCII, drafting signs and accents are added."""
    from HersheyFonts import HersheyFonts

    found = []
    for name in HersheyFonts().default_font_names:
        source = HersheyFonts()
        source.load_default_font(name)
        letters = {}
        for sign in signs:
            if ord(sign) < 127:
                strokes = [np.array(s, dtype=float) for g in source.glyphs_for_text(sign) for s in g.strokes]
                letters[sign] = [s * [1, -1] for s in strokes if len(s) > 1]
        font = _in_caps(f"hershey-{name}", letters, signs)
        if font is not None:
            found.append(font)
    return found


def _in_caps(name: str, letters: dict[str, list[Points]], signs: str) -> Font | None:
    """Letters scaled to capitals of height 1, y turned down, signs a stroke font lacks drawn from others."""
    tall = letters.get("H") or []
    if not tall or any(not letters.get(sign) for sign in "0aE"):
        return None
    high, low = max(float(p[:, 1].max()) for p in tall), min(float(p[:, 1].min()) for p in tall)
    if high - low <= 0:
        return None
    scaled = {
        sign: [(p - [0, low]) / (high - low) * [1, -1] for p in paths if len(p) > 1]
        for sign, paths in letters.items()
    }
    scaled = {sign: paths for sign, paths in scaled.items() if paths}
    for sign in signs:
        made = None if sign in scaled else composed(sign, scaled)
        if made:
            scaled[sign] = made
    return Font(name, scaled, False)


def _extent(paths: list[Points]) -> tuple[float, float, float, float]:
    points = np.concatenate(paths)
    (u0, v0), (u1, v1) = points.min(axis=0), points.max(axis=0)
    return float(u0), float(u1), float(v0), float(v1)


def composed(sign: str, letters: dict[str, list[Points]]) -> list[Points] | None:
    """Ø ± ° and accented letters drawn from the strokes of other letters, as CAD systems do."""
    if sign == "Ø":
        turn = np.linspace(0, 2 * math.pi, 17)
        ring = np.stack([0.4 * np.cos(turn) + 0.5, 0.4 * np.sin(turn) - 0.5], axis=1)
        return [ring, np.array([(0.12, 0.05), (0.88, -1.05)])]
    if sign == "±":
        return [
            np.array(line) for line in (
                [(0, -0.6), (0.7, -0.6)], [(0.35, -0.95), (0.35, -0.25)], [(0, 0), (0.7, 0)])
        ]  # fmt: skip
    if sign == "°":
        turn = np.linspace(0, 2 * math.pi, 13)
        return [np.stack([0.18 * np.cos(turn), 0.18 * np.sin(turn) - 0.85], axis=1)]
    if sign in _ACCENTED and _ACCENTED[sign][0] in letters:
        base, accent = _ACCENTED[sign]
        u0, u1, v0, _ = _extent(letters[base])
        m, top = (u0 + u1) / 2, v0 - 0.12
        marks = {
            "´": [[(m - 0.05, top), (m + 0.15, top - 0.2)]], "`": [[(m + 0.05, top), (m - 0.15, top - 0.2)]],
            "^": [[(m - 0.15, top), (m, top - 0.18), (m + 0.15, top)]], ",": [[(m, 0), (m + 0.05, 0.12), (m - 0.05, 0.25)]],
            '"': [[(m - 0.15, top), (m - 0.15, top - 0.06)], [(m + 0.15, top), (m + 0.15, top - 0.06)]],
        }  # fmt: skip
        return [*letters[base], *(np.array(line, dtype=float) for line in marks[accent])]
    return None
