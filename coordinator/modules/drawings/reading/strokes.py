"""Image work on drawings: deskew, ink, ruled lines, and small signs which OCR overlooks."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from coordinator.modules.drawings.reading.model import BBox
from coordinator.modules.drawings.reading.ocr import Image
from coordinator.modules.drawings.reading.page import Segment, Word

Matrix = np.ndarray[Any, np.dtype[np.float64]]

LOOK_SIDE_PX = 1400
RULE_SHARE = 0.012  # of the sheet: the shortest rule
SIDE_HEIGHTS = 1.35  # of a letter: the lowest frame
GROUND_PX = 21
MAX_SKEW_DEG = 8.0
MIN_SKEW_DEG = 0.08
SURE_WORD = 0.8
GREY_REACH_PX = 25
LIGHTEST_INK = 205
# Counts before a size and dates: a nought crossed by a slash begins them, no diameter sign.
_NO_DIAMETER = re.compile(r"\d{1,2}\s*[xX]|\d+\s*[/:]|\d+[.-]\d+[.-]\d")


def is_light_on_dark(image: Image) -> bool:
    """True for light lines on a dark ground (blueprints, negatives), however bright that ground is."""
    factor = min(1.0, LOOK_SIDE_PX / max(image.shape))
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8)
    beside = small.astype(np.int32) - cv2.medianBlur(small, GROUND_PX)
    # Lines stand out of the ground around them; shadows, dark borders and noise do so on both sides alike.
    return int(beside.sum()) > 0


def deskew(image: Image) -> tuple[Image, Matrix]:
    """Turn the image so that its long lines are level; returns also the map from the result back to the image."""
    factor = min(1.0, LOOK_SIDE_PX / max(image.shape))
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).astype(np.uint8)
    lines = cv2.createLineSegmentDetector(cv2.LSD_REFINE_NONE).detect(small)[0]
    if lines is None:
        return image, np.eye(3)
    lines = np.asarray(lines, dtype=float).reshape(-1, 4)
    lines = lines[np.hypot(lines[:, 2] - lines[:, 0], lines[:, 3] - lines[:, 1]) > max(small.shape) / 18]
    if len(lines) == 0:
        return image, np.eye(3)
    x0, y0, x1, y1 = lines.T
    angles = (np.degrees(np.arctan2(y1 - y0, x1 - x0)) + 45) % 90 - 45
    near = np.abs(angles) < MAX_SKEW_DEG
    if near.sum() < 4:
        return image, np.eye(3)
    lengths = np.hypot(x1 - x0, y1 - y0)[near]
    order = np.argsort(angles[near])
    middle = np.searchsorted(np.cumsum(lengths[order]), lengths.sum() / 2)
    angle = float(angles[near][order][middle])
    if abs(angle) < MIN_SKEW_DEG:
        return image, np.eye(3)
    height, width = image.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    level = cv2.warpAffine(image, turn, (width, height), flags=cv2.INTER_CUBIC, borderValue=255).astype(
        np.uint8
    )
    return level, np.linalg.inv(np.vstack([turn, [0.0, 0.0, 1.0]]))


def binarise(image: Image) -> Image:
    """Ink as 255 on 0, whatever the paper's grey."""
    paper = cv2.medianBlur(cv2.resize(image, None, fx=0.125, fy=0.125, interpolation=cv2.INTER_AREA), 21)
    paper = cv2.resize(paper, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR)
    flat = cv2.divide(cv2.GaussianBlur(image, (3, 3), 0), paper, scale=255)
    common, _ = cv2.threshold(flat, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    # Where nothing black stands near, grey text counts from half of its own depth.
    darkest = cv2.erode(flat, np.ones((GREY_REACH_PX, GREY_REACH_PX), np.uint8)).astype(np.float32)
    limit = np.clip((darkest + 255) / 2, common, max(common, LIGHTEST_INK))
    return np.where(flat <= limit, 255, 0).astype(np.uint8)


def find_rules(ink: Image) -> list[Segment]:
    """Level and upright straight strokes of at least 1.2 % of the sheet."""
    shortest = max(20, int(RULE_SHARE * max(ink.shape)))
    rules: list[Segment] = []
    for size, level in (((shortest, 1), True), ((1, shortest), False)):
        # A little thickening bridges the stair steps of a line that is not quite level.
        thick = cv2.dilate(ink, np.ones((3, 1) if level else (1, 3), np.uint8))
        kept = cv2.morphologyEx(thick, cv2.MORPH_OPEN, cv2.getStructuringElement(cv2.MORPH_RECT, size))
        count, _, stats, _ = cv2.connectedComponentsWithStats(kept, connectivity=8)
        for x, y, width, height, _ in stats[1:count]:
            across = height if level else width
            if across > RULE_SHARE * max(ink.shape) + 6:
                continue
            middle = (y + height / 2, x + width / 2)
            rules.append(
                Segment(float(x), middle[0], float(x + width), middle[0]) if level
                else Segment(middle[1], float(y), middle[1], float(y + height))
            )  # fmt: skip
    return rules


def find_box_sides(ink: Image, rules: list[Segment], cap: float) -> list[Segment]:
    """Upright strokes too short for rules which stand between two level rules: sides of frames around letters of height ``cap``."""
    shortest, longest = round(SIDE_HEIGHTS * cap), max(20, int(RULE_SHARE * max(ink.shape)))
    if shortest < 12 or shortest >= longest:
        return []
    thick = cv2.dilate(ink, np.ones((1, 3), np.uint8))
    kept = cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones((shortest, 1), np.uint8))
    level = np.array([(r.y0, min(r.x0, r.x1), max(r.x0, r.x1)) for r in rules if r.is_horizontal])
    sides: list[Segment] = []
    count, _, stats, _ = cv2.connectedComponentsWithStats(kept, connectivity=8)
    for x, y, width, height, _ in stats[1:count].tolist() if len(level) else []:
        middle, slack = x + width / 2, 0.3 * cap
        if height >= longest + slack or width > 0.6 * cap:
            continue
        across = level[(level[:, 1] < middle + slack) & (level[:, 2] > middle - slack), 0]
        if (np.abs(across - y) < slack).any() and (np.abs(across - y - height) < slack).any():
            sides.append(Segment(middle, float(y), middle, float(y + height)))
    return sides


def outside_words(rules: list[Segment], words: list[Word]) -> list[Segment]:
    """Rules without those which are bars of letters in a row ("TITLE"): they lie wholly inside a word read surely."""
    sure = [word.bbox for word in words if len(word.text) > 1 and word.confidence >= SURE_WORD]

    def lies_in(rule: Segment, box: BBox) -> bool:
        (x0, y0, x1, y1), (left, right), (top, bottom) = (
            box, sorted((rule.x0, rule.x1)), sorted((rule.y0, rule.y1)),
        )  # fmt: skip
        return x0 - 2 <= left and right <= x1 + 2 and y0 - 2 <= top and bottom <= y1 + 2

    return [rule for rule in rules if not any(lies_in(rule, box) for box in sure)]


def without_rules(ink: Image, rules: list[Segment]) -> Image:
    """Ink with the ruled lines painted out, so that what is left near a text is text."""
    clean = ink.copy()
    longest = 0.02 * max(ink.shape)
    for rule in rules:
        if rule.length >= longest:
            cv2.line(clean, (round(rule.x0), round(rule.y0)), (round(rule.x1), round(rule.y1)), 0, 5)
    # Thick rules are wider than that: what is left of them is as long as they are.
    for size, around in (((1, round(longest)), (3, 1)), ((round(longest), 1), (1, 3))):
        thick = cv2.dilate(
            cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(size, np.uint8)), np.ones(around, np.uint8)
        )
        clean[thick > 0] = 0
    return clean


def ink_box(ink: Image, box: BBox) -> BBox | None:
    """The tight box around the ink inside a box; None when there is almost none."""
    x0, y0, x1, y1 = (round(value) for value in box)
    x0, y0 = max(0, x0), max(0, y0)
    part = ink[y0:y1, x0:x1]
    if part.size == 0:
        return None
    rows, columns = (np.flatnonzero(part.sum(axis=axis) > 255) for axis in (1, 0))
    if len(rows) < 4 or len(columns) < 2 or rows[-1] - rows[0] < 0.3 * part.shape[0]:
        return None
    return float(x0 + columns[0]), float(y0 + rows[0]), float(x0 + columns[-1] + 1), float(y0 + rows[-1] + 1)


def turned_layer(ink: Image, angle: float) -> tuple[Image, float] | None:
    """The ink layer in the reading frame of level or upright text, and the shift of u."""
    if angle == 0:
        return ink, 0.0
    if angle == 90:
        return np.ascontiguousarray(np.rot90(ink, -1)), float(ink.shape[0] - 1)
    return None


def add_diameter_signs(words: list[Word], ink: Image) -> list[Word]:
    """Put the Ø sign before numbers which have it in the picture but not in the text.

    A sign between two rows belongs to both limits: it becomes a word of its own.
    """
    layers = {angle: layer for angle in (0.0, 90.0) if (layer := turned_layer(ink, angle)) is not None}
    found: list[Word] = []
    apart: list[Word] = []
    for word in words:
        layer = layers.get(word.angle)
        number = re.match(r"^Ø?[.,]?\d", word.text) and not _NO_DIAMETER.match(word.text)
        if layer is None or not number:
            found.append(word)
            continue
        start = _diameter_sign_before(word, *layer)
        if start is None:
            found.append(word)
            continue
        u0, u1, v0, v1 = start
        if re.match(r"0(?:[.,]|$)", word.text) and u1 > word.u0 + 0.3 * word.height:
            # Some fonts write the nought itself with a slash.
            found.append(word)
            continue
        if abs((v0 + v1 - word.v0 - word.v1) / 2) > 0.33 * word.height:
            found.append(replace(word, text=word.text.lstrip("Ø"), u0=max(word.u0, u1)))
            if not any(abs(sign.u0 - u0) + abs(sign.v0 - v0) < word.height for sign in apart):
                apart.append(Word("Ø", u0, u1, v0, v1, word.angle, word.confidence, "ocr"))
        else:
            found.append(replace(word, text="Ø" + word.text.lstrip("Ø"), u0=min(u0, word.u0)))
    return found + apart


def _diameter_sign_before(word: Word, ink: Image, shift: float) -> BBox | None:
    """Extent (u0, u1, v0, v1) of the Ø sign left of a number or at its start."""
    height = word.height
    reach = 1.2
    x0, x1 = round(word.u0 + shift - 1.9 * height), round(word.u0 + shift + reach * height)
    y0, y1 = round(word.v0 - 0.4 * height), round(word.v1 + 0.4 * height)
    x0, y0 = max(0, x0), max(0, y0)
    part = ink[y0:y1, x0:x1]
    if part.size == 0 or height < 8:
        return None
    contours, tree = cv2.findContours(part, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if tree is None:
        return None
    for index, contour in enumerate(contours):
        x, y, w, h = cv2.boundingRect(contour)
        if tree[0][index][3] >= 0 or not 0.75 * height <= h <= 1.8 * height or not 0.6 * h <= w <= 1.5 * h:
            continue
        if x + w < part.shape[1] - (reach + 1.0) * height:
            continue
        holes = [
            hole
            for other, hole in enumerate(contours)
            if tree[0][other][3] == index and cv2.contourArea(hole) > 0.03 * w * h
        ]
        if len(holes) == 2 and _split_by_slash(holes, w, h):
            u0 = x + x0 - shift
            return u0, u0 + w, float(y + y0), float(y + y0 + h)
    return None


def _split_by_slash(holes: list[Any], width: int, height: int) -> bool:
    """The two half moons of Ø lie beside each other; the holes of 8 and B lie over each other."""
    ax, bx = (float(np.asarray(hole).reshape(-1, 2)[:, 0].mean()) for hole in holes)
    areas = sorted(cv2.contourArea(hole) for hole in holes)
    return bool(
        abs(ax - bx) > 0.12 * width and areas[0] > 0.4 * areas[1] and sum(areas) > 0.15 * width * height
    )
