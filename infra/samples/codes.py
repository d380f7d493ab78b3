"""Photographs of codes drawn by the program: what a camera in a workshop does to QR, Data Matrix, Code 128 and EAN-13.

A symbol is drawn flat (``_artwork``), stuck on a bent or tilted surface (``_placed``) and photographed (``_photographed``).
Each picture has one main fault out of ``FAULTS`` and small amounts of the others; ``severity`` moves all strengths together.
Every kind of code meets the same faults with the same strengths, but for those only a matrix of modules can have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

Picture = NDArray[Any]
Random = np.random.Generator

KINDS = ("QRCode", "DataMatrix", "Code128", "EAN13")
FAULTS = (
    "none", "defocus", "motion", "low_contrast", "noise", "perspective", "rotation", "uneven_light", "glare", "dirt",
    "low_resolution", "curved", "print", "quiet_zone", "compression", "several",
)  # fmt: skip
MATRIX_FAULTS = (*FAULTS, "inverted", "mirrored", "dots", "damaged_finder")
_SQUARE = 0.8
"""Share of Data Matrix symbols that are squares."""
_GS, _RS, _EOT = "\x1d", "\x1e", "\x04"
_CAPITALS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A gray picture, the text it holds, and its main fault."""

    image: Picture
    text: str
    fault: str


def sample(kind: str, seed: int, severity: float = 1.0, fault: str | None = None) -> Sample:
    """The picture of a seed: seeds go through the faults in turn; ``severity`` 1 is hard, 0 is clean."""
    faults = MATRIX_FAULTS if kind in {"QRCode", "DataMatrix"} else FAULTS
    fault = fault or faults[seed % len(faults)]
    draw = np.random.default_rng([seed, KINDS.index(kind)])
    text = _text(kind, draw)
    strengths = _strengths(draw, fault, severity)
    modules = _symbol(kind, text, draw)
    label, module_px = _artwork(kind, modules, strengths, draw)
    scene = _placed(label, module_px, kind, strengths, draw)
    return Sample(_photographed(*scene, strengths, draw), text, fault)


def _strengths(draw: Random, fault: str, severity: float) -> dict[str, float]:
    """How strong each fault is, 0…1: little of a few, much of the main one; ``several`` has four at half strength."""
    found = dict.fromkeys(MATRIX_FAULTS, 0.0)
    for name in ("defocus", "noise", "rotation", "perspective", "uneven_light", "compression"):
        found[name] = 0.3 * float(draw.random()) * severity
    if fault == "several":
        usual = (
            "defocus",
            "motion",
            "low_contrast",
            "noise",
            "perspective",
            "uneven_light",
            "glare",
            "dirt",
            "curved",
        )
        for name in draw.choice(usual, 4, replace=False):
            found[str(name)] = float(draw.uniform(0.3, 0.6)) * severity
    elif fault in {"inverted", "mirrored"}:
        found[fault] = 1.0
    else:
        found[fault] = float(draw.uniform(0.35, 1.0)) * severity
    return found


def _letters(draw: Random, alphabet: str, low: int, high: int) -> str:
    return "".join(draw.choice(list(alphabet), int(draw.integers(low, high + 1))))


def _text(kind: str, draw: Random) -> str:
    if kind == "EAN13":
        return _with_check(_letters(draw, "123456789", 1, 1) + _letters(draw, "0123456789", 11, 11))
    choice = draw.random()
    if kind == "Code128":
        if choice < 0.3:
            return _letters(draw, "0123456789", 3, 8) * 2
        if choice < 0.8:
            return _letters(draw, _CAPITALS + "-/.", 5, 15)
        return f"P{_letters(draw, _CAPITALS, 4, 8)}{_GS}Q{int(draw.integers(1, 999))}"
    if choice < 0.3:
        return f"https://exemple.fr/{_letters(draw, _CAPITALS.lower() + _CAPITALS, 4, 30)}"
    if choice < 0.5:
        part, lot = _letters(draw, _CAPITALS, 5, 9), _letters(draw, "0123456789", 4, 7)
        return f"[)>{_RS}06{_GS}P{part}{_GS}1T{lot}{_GS}Q{int(draw.integers(1, 999))}{_RS}{_EOT}"
    if choice < 0.65:
        return f"gu:q/{_letters(draw, '0123456789abcdef', 32, 32)}"
    return _letters(draw, _CAPITALS + " -/.:", 4, 60).strip() or "A"


def _with_check(digits: str) -> str:
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))
    return digits + str(-total % 10)


def _symbol(kind: str, text: str, draw: Random) -> Picture:
    """One pixel per module, no quiet zone."""
    options: dict[str, Any] = {"ec_level": str(draw.choice(list("LMQH")))} if kind == "QRCode" else {}
    if kind == "DataMatrix":
        options["force_square"] = bool(draw.random() < _SQUARE)
    code = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind), **options)
    modules = np.array(zxingcpp.write_barcode_to_image(code, add_quiet_zones=False))
    if kind in {"Code128", "EAN13"}:
        height = int(modules.shape[1] * draw.uniform(0.25, 0.6))
        modules = np.repeat(modules[2:3], height, axis=0)
    return modules


def _artwork(kind: str, modules: Picture, strengths: dict[str, float], draw: Random) -> tuple[Picture, int]:
    """The label as printed or punched (0 dark … 255 light), and pixels per module."""
    bars = kind in {"Code128", "EAN13"}
    side = int(np.clip(1000 // max(modules.shape), 4, 12))
    art = np.repeat(np.repeat(modules, side, 0), side, 1).astype(np.float32)
    if strengths["dots"]:
        art = _dots(modules, side, strengths["dots"], kind == "QRCode", draw)
    if strengths["damaged_finder"]:
        _damage_finder(art, kind, side, strengths["damaged_finder"], draw)
    if strengths["print"]:
        art = _printed(art, side, strengths["print"], bars, draw)
    if strengths["dirt"]:
        _dirty(art, strengths["dirt"], bars, draw)
    if strengths["mirrored"]:
        art = art[:, ::-1].copy()
    usual = {"QRCode": 4, "DataMatrix": 2, "Code128": 10, "EAN13": 9}[kind]
    share = 1.0 - 0.95 * strengths["quiet_zone"] if strengths["quiet_zone"] else float(draw.uniform(0.7, 1.5))
    quiet = max(1, round(usual * side * share))
    label = np.pad(art, quiet, constant_values=255)
    around = float(draw.uniform(0, 255)) if strengths["quiet_zone"] else 255.0
    edge = int(max(label.shape) * draw.uniform(0.05, 0.35))
    framed = np.pad(label, edge, constant_values=around).astype(np.uint8)
    for _ in range(int(draw.integers(0, 4))):
        words = _letters(draw, _CAPITALS + " ", 4, 14)
        at = (
            int(draw.integers(0, framed.shape[1] // 2)),
            int(draw.choice([edge * 0.6, framed.shape[0] - edge * 0.3])),
        )
        cv2.putText(
            framed, words, at, cv2.FONT_HERSHEY_SIMPLEX, edge / 90, 0, max(1, edge // 50), cv2.LINE_AA
        )
    framed[edge:-edge, edge:-edge] = label
    return 255 - framed if strengths["inverted"] else framed, side


def _dots(modules: Picture, side: int, strength: float, solid_finders: bool, draw: Random) -> Picture:
    """Round dots that do not touch, some away from their place: punched or printed drop by drop."""
    height, width = modules.shape
    art: Picture = np.full((height * side, width * side), 255, np.float32)
    radius = 0.52 - 0.17 * strength
    for row, column in zip(*np.nonzero(modules == 0), strict=True):
        if (
            solid_finders
            and (row < 7 or row >= height - 7)
            and (column < 7 or (column >= width - 7 and row < 7))
        ):
            art[row * side : (row + 1) * side, column * side : (column + 1) * side] = 0
            continue
        off = draw.uniform(-0.12, 0.12, 2) * strength
        at = (int((column + 0.5 + off[0]) * side), int((row + 0.5 + off[1]) * side))
        cv2.circle(art, at, max(1, round(radius * side * draw.uniform(0.9, 1.1))), 0.0, -1, cv2.LINE_AA)
    return art


def _damage_finder(art: Picture, kind: str, side: int, strength: float, draw: Random) -> None:
    """A scratch or a torn corner in the pattern by which readers find the symbol."""
    height, width = art.shape
    colour = float(draw.choice([0, 255, 255]))
    thick = max(1, round(side * (0.2 + 0.8 * strength)))
    if kind == "QRCode":
        corner = [(0, 0), (width - 7 * side, 0), (0, height - 7 * side)][int(draw.integers(3))]
        ends = draw.uniform(0, 7 * side, 4)
        first, last = (int(corner[0] + ends[0]), corner[1]), (int(corner[0] + ends[2]), corner[1] + 7 * side)
        cv2.line(art, first, last, colour, thick)
    else:
        at = draw.uniform(0.1, 0.9)
        if draw.random() < 0.5:
            first, last = (0, int(height * at)), (2 * thick, int(height * at))
        else:
            first, last = (int(width * at), height), (int(width * at), height - 2 * thick)
        cv2.line(art, first, last, colour, thick)


def _printed(art: Picture, side: int, strength: float, bars: bool, draw: Random) -> Picture:
    """Too much or too little ink, or a print head with dead lines and specks."""
    if draw.random() < 0.6:
        reach = max(1, round(side * 0.45 * strength))
        kernel = np.ones((1 if bars else reach, reach), np.uint8)
        grown: Picture = (cv2.erode if draw.random() < 0.6 else cv2.dilate)(art, kernel)
        return grown
    for _ in range(int(1 + 3 * strength)):
        row = int(draw.integers(art.shape[0]))
        art[row : row + max(1, round(side * draw.uniform(0.2, 0.6)))] = 255
    specks = draw.random(art.shape)
    art[specks < 0.02 * strength] = 255
    art[specks > 1 - 0.02 * strength] = 0
    return art


def _dirty(art: Picture, strength: float, bars: bool, draw: Random) -> None:
    """Stains and scratches over part of the code."""
    height, width = art.shape
    for _ in range(int(1 + 2 * strength)):
        colour = float(draw.choice([0, 60, 130, 255]))
        at = (int(draw.integers(width)), int(draw.integers(height)))
        if draw.random() < 0.5:
            radius = max(height, width) * strength * draw.uniform(0.03, 0.09)
            if bars:
                at = (at[0], int(draw.choice([0, height])))
                radius = height * strength * draw.uniform(0.3, 0.7)
            cv2.circle(art, at, max(2, int(radius)), colour, -1)
        else:
            reach = max(height, width) // 3
            end = (at[0] + int(draw.integers(-reach, reach)), at[1] + int(draw.integers(-reach, reach)))
            cv2.line(art, at, end, colour, max(1, int(max(height, width) * 0.025 * strength)))


def _placed(
    label: Picture, side: int, kind: str, strengths: dict[str, float], draw: Random
) -> tuple[Picture, float, Picture]:
    """The label on a surface seen by a camera: (picture, pixels per module, middle of the label in it)."""
    bars = kind in {"Code128", "EAN13"}
    clear, small = ((2.2, 4.5), (1.0, 1.5)) if bars else ((3.5, 8.0), (1.7, 2.6))
    module_px = float(draw.uniform(*clear))
    if strengths["low_resolution"]:
        module_px = small[1] + (small[0] - small[1]) * strengths["low_resolution"]
    large = bool(draw.random() < 0.5)
    width, height = (1152, 864) if large else (720, 540)
    scale = min(module_px / side, 0.9 * height / float(np.hypot(*label.shape)) * (1.3 if bars else 1.15))
    module_px = scale * side
    light = float(draw.uniform(170, 245))
    dark = float(draw.uniform(15, 70))
    if strengths["low_contrast"]:
        dark = light - (110 - 92 * strengths["low_contrast"])
    label = dark + (light - dark) * label / 255
    if strengths["curved"]:
        label = _bent(label, strengths["curved"], light, draw)
    rows, columns = label.shape
    angle = float(draw.uniform(-45, 45)) * strengths["rotation"] * 2 + 90 * int(draw.integers(4))
    turn = cv2.getRotationMatrix2D((columns / 2, rows / 2), angle, scale)
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float64)
    seen = corners @ turn[:, :2].T
    seen -= seen.mean(axis=0)
    tilt = draw.normal(size=2)
    tilt *= 0.75 * strengths["perspective"] / (np.hypot(*tilt) * np.ptp(seen, axis=0).max())
    seen = seen / (1 + seen @ tilt)[:, None]
    room = np.maximum((np.array([width, height]) - np.ptp(seen, axis=0)) / 2, 0)
    seen += (
        np.array([width, height]) / 2
        - (seen.max(axis=0) + seen.min(axis=0)) / 2
        + draw.uniform(-0.9, 0.9, 2) * room
    )
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), (2 * seen).astype(np.float32))
    smooth = cv2.GaussianBlur(label.astype(np.float32), (0, 0), max(0.1, 0.25 / scale))
    size = (2 * width, 2 * height)
    on_top = cv2.warpPerspective(smooth, matrix, size, flags=cv2.INTER_LINEAR)
    covered = cv2.warpPerspective(np.ones_like(smooth), matrix, size, flags=cv2.INTER_LINEAR)
    picture = covered * on_top + (1 - covered) * _ground(size, draw)
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), module_px, seen.mean(axis=0)


def _bent(label: Picture, strength: float, light: float, draw: Random) -> Picture:
    """Around a cylinder, or waved like thin paper."""
    rows, columns = label.shape
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    across, down = 2 * x / columns - 1, 2 * y / rows - 1
    if draw.random() < 0.65:
        most = 0.35 + 0.75 * strength
        around = np.arcsin(np.clip(across * np.sin(most), -1, 1))
        drop = (np.cos(around) - np.cos(most)) * rows * 0.25 * strength * draw.uniform(-1, 1)
        source_x, source_y = (around / most + 1) / 2 * columns, y + drop
        shade = 0.6 + 0.4 * np.cos(around)
        if draw.random() < 0.5:
            around = np.arcsin(np.clip(down * np.sin(most), -1, 1))
            source_x, source_y, shade = x, (around / most + 1) / 2 * rows, 0.6 + 0.4 * np.cos(around)
    else:
        reach = 0.02 * strength * max(rows, columns)
        phase, turns = draw.uniform(0, 6, 2), draw.uniform(2, 5, 2)
        source_x = x + reach * np.sin(turns[0] * down + phase[0])
        source_y = y + reach * np.sin(turns[1] * across + phase[1])
        shade = 1 - 0.1 * strength * np.cos(turns[0] * down + phase[0])
    bent = cv2.remap(
        label.astype(np.float32),
        source_x.astype(np.float32),
        source_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=light,
    )
    return np.asarray(bent * shade)


def _ground(size: tuple[int, int], draw: Random) -> Picture:
    """What the label lies on: a bench, brushed metal or cardboard."""
    coarse = draw.normal(0, 1, (int(draw.integers(3, 60)), int(draw.integers(3, 60)))).astype(np.float32)
    ground = draw.uniform(50, 220) + draw.uniform(2, 22) * cv2.resize(
        coarse, size, interpolation=cv2.INTER_CUBIC
    )
    if draw.random() < 0.4:
        ground += cv2.blur(draw.normal(0, 25, (size[1], size[0])).astype(np.float32), (31, 1))
    return np.asarray(ground, np.float32)


def _photographed(
    picture: Picture, module_px: float, middle: Picture, strengths: dict[str, float], draw: Random
) -> Picture:
    """Light, optics, sensor and compression."""
    height, width = picture.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    way = draw.uniform(0, 2 * np.pi)
    towards = ((x - middle[0]) * np.cos(way) + (y - middle[1]) * np.sin(way)) / max(width, height)
    if strengths["uneven_light"] > 0.3 and draw.random() < 0.6:
        sharp = draw.uniform(0.004, 0.05)
        picture = picture * (1 - 0.8 * strengths["uneven_light"] / (1 + np.exp(-towards / sharp)))
    picture = picture * np.clip(1 + 1.2 * strengths["uneven_light"] * towards, 0.15, 2)
    if strengths["glare"]:
        at = middle + draw.uniform(-25, 25, 2) * module_px * 0.5
        reach = module_px * draw.uniform(3, 9)
        picture = picture + 260 * strengths["glare"] * np.exp(
            -((x - at[0]) ** 2 + (y - at[1]) ** 2) / reach**2
        )
    picture = _out_of_focus(picture, module_px * 0.66 * strengths["defocus"], draw)
    if strengths["motion"]:
        picture = cv2.filter2D(picture, -1, _path(module_px * (0.4 + 1.5 * strengths["motion"]), draw))
    picture = picture + draw.normal(0, 0.7 + 30 * strengths["noise"], picture.shape)
    gray = np.clip(picture, 0, 255).astype(np.uint8)
    quality = int(95 - 82 * strengths["compression"])
    return np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE)
    )


def _out_of_focus(picture: Picture, sigma: float, draw: Random) -> Picture:
    """Blurred like by a small aperture (bell-shaped) or a wide one (disc); ``sigma`` in pixels."""
    if sigma < 0.3:
        return picture
    if draw.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma))
    radius = 1.8 * sigma
    reach = int(radius + 2)
    v, u = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius + 0.5 - np.hypot(u, v), 0, 1)
    return np.asarray(cv2.filter2D(picture, -1, disc / disc.sum(), borderType=cv2.BORDER_REFLECT))


def _path(length_px: float, draw: Random) -> Picture:
    """The straight way a hand moves while the shutter is open."""
    reach = int(length_px / 2 + 2)
    way = draw.uniform(0, np.pi)
    v, u = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    along, aside = u * np.cos(way) + v * np.sin(way), v * np.cos(way) - u * np.sin(way)
    kernel = np.clip(length_px / 2 + 0.5 - np.abs(along), 0, 1) * np.clip(1 - np.abs(aside), 0, 1)
    return np.asarray(kernel / kernel.sum())
