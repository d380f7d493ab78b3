"""Bars that few lines show, that show two texts, or that lie on something dark: stretches along them decide."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import zxingcpp
from numpy.typing import NDArray

from edge_agents.drivers.scanner import decode, profiles, regions, voting
from edge_agents.drivers.scanner.decode import Decoded, decode_image
from edge_agents.drivers.scanner.driver import _as_read

Image = NDArray[Any]
EAN, OTHER = "4006381333931", "9780201379624"


def bars(kind: str, content: str, module_px: int = 3, height: int = 90, **options: object) -> Image:
    """Upright bars without quiet zone."""
    code = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind), **options)
    row = np.array(zxingcpp.write_barcode_to_image(code, add_quiet_zones=False))[2]
    return np.repeat(np.repeat(row, module_px)[None], height, axis=0)


def on_label(art: Image, quiet: int = 40, around: int = 255) -> Image:
    return np.pad(np.pad(art, quiet, constant_values=255), 80, constant_values=around)


def test_most_stretches_correct_a_text_that_few_lines_gave() -> None:
    picture = on_label(bars("EAN13", EAN))
    picture[165:168] = on_label(bars("EAN13", OTHER))[165:168]
    place = ((120, 165), (405, 165), (405, 167), (120, 167))
    wrong = Decoded(OTHER, "EAN13", place)
    assert [code.text for code in decode._believed([wrong], picture)] == [EAN]
    right = Decoded(EAN, "EAN13", ((120, 120), (405, 120), (405, 210), (120, 210)))
    assert [code.text for code in decode._believed([right, wrong], picture)] == [EAN], "one code, once"
    assert [code.text for code in decode_image(picture)] == [EAN]


def test_a_reading_of_few_lines_that_nothing_supports_is_none() -> None:
    rng = np.random.default_rng(5)
    texture = cv2.GaussianBlur(rng.normal(128, 60, (300, 500)).astype(np.float32), (0, 0), 1.2)
    chance = Decoded(EAN, "EAN13", ((100, 150), (400, 150), (400, 151), (100, 151)))
    assert decode._believed([chance], texture.clip(0, 255).astype(np.uint8)) == []
    outside = Decoded(EAN, "EAN13", ((4, 4), (5, 4), (5, 5), (4, 5)))
    assert decode._believed([outside], texture.clip(0, 255).astype(np.uint8)) == []


def test_two_codes_beside_each_other_are_both_kept() -> None:
    both = [on_label(bars("EAN13", EAN)), on_label(bars("Code128", "LOT-7"))]
    width = max(one.shape[1] for one in both)
    picture = np.vstack(
        [np.pad(one, ((0, 0), (0, width - one.shape[1])), constant_values=255) for one in both]
    )
    assert {code.text for code in decode_image(picture)} == {EAN, "LOT-7"}


@pytest.mark.parametrize(("kind", "content"), [("EAN13", EAN), ("Code128", "42CD4-30"), ("EAN8", "96385074")])
@pytest.mark.parametrize("around", [20, 70])
def test_a_label_cut_close_to_its_bars_on_something_dark(kind: str, content: str, around: int) -> None:
    picture = on_label(bars(kind, content), quiet=5, around=around)
    turned = cv2.warpAffine(
        picture,
        cv2.getRotationMatrix2D((picture.shape[1] / 2, picture.shape[0] / 2), 7, 1.0),
        picture.shape[::-1],
        borderValue=around,
    )
    lines, _ = profiles.stretches(picture)
    assert voting.winner(voting.tally(lines, [getattr(zxingcpp.BarcodeFormat, kind)])) == content
    assert [code.text for code in decode_image(turned)] == [content]


def test_faint_bars_are_found_beside_the_strong_edge_of_their_label() -> None:
    art = bars("Code128", "PB0GN2TQ701", module_px=2, height=110).astype(np.float32) * (22 / 255) + 190
    label = np.pad(art, ((110, 110), (90, 90)), constant_values=212)
    picture = np.pad(label, 70, constant_values=25) + np.random.default_rng(3).normal(
        0, 6, [n + 140 for n in label.shape]
    )
    assert [code.text for code in decode_image(picture.clip(0, 255).astype(np.uint8))] == ["PB0GN2TQ701"]
    places = [
        view.place([(view.image.shape[1] / 2, view.image.shape[0] / 2)])[0]
        for view in regions.bars(picture.astype(np.uint8))
    ]
    middle = (picture.shape[1] / 2, picture.shape[0] / 2)
    assert any(np.hypot(x - middle[0], y - middle[1]) < 25 for x, y in places)


def test_few_or_contradicting_votes_win_nothing() -> None:
    from collections import Counter

    assert voting.winner(Counter({"A": 9})) == "A"
    assert voting.winner(Counter({"A": 6, "B": 3})) is None
    assert voting.winner(Counter({"A": 2})) is None
    assert voting.winner(Counter()) is None


def test_a_code_without_content_is_no_code(monkeypatch: pytest.MonkeyPatch) -> None:
    empty = SimpleNamespace(type="CODE128", data=b"", quality=99, polygon=[])
    pyzbar = pytest.importorskip("pyzbar.pyzbar")
    monkeypatch.setattr(pyzbar, "decode", lambda _: [empty])
    assert decode._pyzbar(np.zeros((20, 20), np.uint8), 1.0, 0.0) == []


@dataclass
class Seen:
    content: str
    is_gs1: bool


@pytest.mark.parametrize(("kind", "mark"), [("Code128", "]C1"), ("DataMatrix", "]d2"), ("QRCode", "]Q3")])
def test_a_station_knows_a_gs1_label_by_its_mark(kind: str, mark: str) -> None:
    flat = "010400638133393110AB12"
    for seen in (Seen(f"(01)0{EAN}(10)AB12", True), Seen(flat, False)):
        code = zxingcpp.create_barcode(
            seen.content, getattr(zxingcpp.BarcodeFormat, kind), **({"gs1": True} if seen.is_gs1 else {})
        )
        picture = np.pad(np.array(zxingcpp.write_barcode_to_image(code, scale=4)), 40, constant_values=255)
        (found,) = decode_image(picture)
        assert found.text == flat, "scan decode gives the content as it is"
        assert _as_read(found) == (mark if seen.is_gs1 else "") + flat
