"""Codes beyond what readers can measure: blurred bars, wavy and small matrix codes; and pictures without any code."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray
from typer.testing import CliRunner

from edge_agents.drivers.scanner import decode, focus, linear
from edge_agents.drivers.scanner.cli import app
from edge_agents.drivers.scanner.decode import decode_image

Image = NDArray[Any]
PIXELS = 10


def symbol(kind: str, content: str | bytes, **options: object) -> Image:
    """One pixel per module, quiet zone included."""
    code = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind), **options)
    drawn = np.array(zxingcpp.write_barcode_to_image(code, add_quiet_zones=False))
    if drawn.shape[0] < drawn.shape[1] and kind in {"EAN13", "EAN8", "Code128"}:
        drawn = np.repeat(drawn[1:2], drawn.shape[1] // 2, axis=0)
    return np.pad(drawn, 9, constant_values=255)


def seen(
    modules: Image, module_px: float, blur: float, *, noise: float, degrees: float, contrast: float = 0.45
) -> Image:
    """A photograph: turned, blurred by ``blur`` modules, in uneven light, with noise; ``module_px`` pixels per module."""
    sharp = np.repeat(np.repeat(modules, PIXELS, 0), PIXELS, 1).astype(np.float32)
    large: Image = cv2.GaussianBlur(sharp, (0, 0), max(blur, 0.15) * PIXELS, borderType=cv2.BORDER_REPLICATE)
    height, width = large.shape
    side = int(np.hypot(height, width) * module_px / PIXELS) + 20
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, module_px / PIXELS)
    matrix[0, 2] += (side - width) / 2
    matrix[1, 2] += (side - height) / 2
    photo: Image = cv2.warpAffine(large, matrix, (side, side), flags=cv2.INTER_AREA, borderValue=255)
    light = np.linspace(0.8, 1.1, side)[None]
    grain: Image = np.random.default_rng(4).normal(0, noise, photo.shape)
    lit = np.asarray(60 + contrast * photo) * light + grain
    return np.asarray(np.clip(lit, 0, 255).astype(np.uint8))


def texts(image: Image) -> list[str]:
    return [code.text for code in decode_image(image, patience_s=60)]


@pytest.mark.parametrize(
    ("kind", "content", "module_px", "blur"),
    [
        ("EAN13", "4006381333931", 2.2, 0.85),
        ("EAN13", "9780201379624", 3.1, 0.8),
        ("EAN8", "96385074", 2.5, 0.8),
        ("Code128", "AbC12345678xy", 2.3, 0.75),
        ("Code128", "P1\x1d0042", 2.6, 0.7),
    ],
)
@pytest.mark.parametrize("degrees", [4.0, 171.0])
def test_bars_blurred_beyond_their_width(
    kind: str, content: str, module_px: float, blur: float, degrees: float
) -> None:
    image = seen(symbol(kind, content), module_px, blur, noise=1.5, degrees=degrees)
    assert not zxingcpp.read_barcodes(image)
    assert texts(image) == [content]


def test_a_profile_that_fits_two_codes_is_not_read() -> None:
    profile = seen(symbol("EAN13", "4006381333931"), 2.0, 1.9, noise=3.0, degrees=0.0).mean(axis=0)
    assert linear.read_profile(profile) is None


@pytest.mark.parametrize("seed", range(4))
def test_chance_bars_are_no_code(seed: int) -> None:
    widths = np.random.default_rng(seed).integers(1, 5, 59)
    colours = np.repeat(np.arange(59) % 2 * 255, widths).astype(np.uint8)
    modules = np.pad(np.repeat(colours[None], 60, axis=0), 9, constant_values=255)
    assert texts(seen(modules, 2.6, 0.3 + 0.15 * seed, noise=2.0, degrees=3.0)) == []


def waved(modules: Image, by: float) -> Image:
    """A crumpled sheet: places moved by up to ``by`` of the width."""
    large = np.repeat(np.repeat(modules, PIXELS, 0), PIXELS, 1)
    side = large.shape[0]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    across = x + by * side * np.sin(5.2 * y / side + 0.4)
    down = y + by * side * np.sin(4.1 * x / side + 1.0)
    return cv2.remap(large, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=255)


def shrunk(large: Image, module_px: float, blur: float, noise: float) -> Image:
    scale = module_px / PIXELS
    smooth = cv2.GaussianBlur(large.astype(np.float32), (0, 0), blur * PIXELS)
    small: Image = cv2.resize(smooth, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small = 50 + 0.5 * small + np.random.default_rng(2).normal(0, noise, small.shape)
    return np.asarray(np.clip(small, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(("kind", "version"), [("QRCode", 5), ("DataMatrix", 13)])
def test_crumpled_matrix_codes(kind: str, version: int) -> None:
    content = "[)>\x1e06\x1dP42CD4-30\x1d1T8891A\x1dQ125\x1e\x04"
    image = shrunk(waved(symbol(kind, content, version=version), 0.035), 5.0, 0.3, 3.0)
    assert texts(image) == [content]


@pytest.mark.parametrize(("kind", "blur"), [("QRCode", 0.5), ("DataMatrix", 0.5)])
def test_matrix_codes_out_of_focus(kind: str, blur: float) -> None:
    image = seen(symbol(kind, "Lot 4711 / OF 12"), 4.5, blur, noise=3.0, degrees=13.0)
    assert texts(image) == ["Lot 4711 / OF 12"]


def test_command_gives_the_raw_content(tmp_path: Path) -> None:
    content = "[)>\x1e06\x1dPÉcrou\x1dQ10\x1e\x04"
    path = tmp_path / "étiquette.png"
    large = np.repeat(np.repeat(symbol("QRCode", content), 4, 0), 4, 1)
    path.write_bytes(cv2.imencode(".png", large)[1].tobytes())
    answer = json.loads(CliRunner().invoke(app, ["decode", str(path), "--json"]).stdout)
    assert [code["text"] for code in answer[0]["codes"]] == [content]


def test_a_weak_code_needs_several_lines_that_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyzbar import pyzbar

    def seen_by(quality: int, kind: str) -> list[Any]:
        place = [pyzbar.Point(0, 0), pyzbar.Point(9, 0), pyzbar.Point(9, 9), pyzbar.Point(0, 9)]
        box = pyzbar.Rect(0, 0, 9, 9)
        return [pyzbar.Decoded(b"4006381333931", kind, box, place, quality, "UP")]

    blank = np.full((40, 40), 255, np.uint8)
    for kind, quality, scale, expected in (
        ("EAN13", 2, 1.0, 0),
        ("EAN13", 3, 1.0, 1),
        ("EAN13", 5, 2.0, 0),
        ("EAN13", 6, 2.0, 1),
        ("CODE128", 1, 1.0, 0),
        ("CODE128", 6, 2.0, 1),
    ):
        monkeypatch.setattr(pyzbar, "decode", lambda _image, q=quality, k=kind: seen_by(q, k))
        assert len(decode._pyzbar(blank, scale, 0.0)) == expected


@pytest.mark.parametrize(("kind", "radius_px"), [("QRCode", 9.0), ("DataMatrix", 8.5)])
def test_blur_of_an_open_lens_is_undone(kind: str, radius_px: float) -> None:
    """A disc wider than a module turns dark and light round; only undoing it shows the code again."""
    content = "Lot 4711 / OF 12 / 42CD4"
    sharp = np.repeat(np.repeat(symbol(kind, content), 9, 0), 9, 1).astype(np.float32)
    reach = int(radius_px + 2)
    v, u = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disc = np.clip(radius_px + 0.5 - np.hypot(u, v), 0, 1).astype(np.float32)
    photo = 40 + 0.6 * cv2.filter2D(sharp, -1, disc / disc.sum(), borderType=cv2.BORDER_REPLICATE)
    photo = photo + np.random.default_rng(3).normal(0, 0.8, photo.shape)
    image = np.clip(photo, 0, 255).astype(np.uint8)
    assert not zxingcpp.read_barcodes(image)
    pictures = [picture for picture, _ in focus.sharpened(image)]
    read = [code.text for picture in pictures for code in zxingcpp.read_barcodes(picture)]
    assert read
    assert set(read) == {content}
    assert texts(image) == [content]


def test_bars_seen_in_few_lines_only_are_chance() -> None:
    drawn = symbol("ITF", "12345678901231")[20:21]
    for rows, expected in ((3, []), (80, ["12345678901231"])):
        bars = np.pad(np.repeat(np.repeat(drawn, rows, 0), 3, 1), ((40, 40), (0, 0)), constant_values=255)
        assert [code.text for code in decode._zxing(bars, 1.0, 0.0)] == expected
