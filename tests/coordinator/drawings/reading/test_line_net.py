"""Lines of drawings read by the network taught on them, and when the general one is asked."""

import cv2
import numpy as np
import pytest

from coordinator.modules.drawings.reading import line_net, ocr, rows
from coordinator.modules.drawings.reading.line_signs import SIGNS
from coordinator.modules.drawings.reading.networks import network
from coordinator.modules.drawings.reading.ocr import DrawingEngine, Read, _better, read_crops


def written(text, font=cv2.FONT_HERSHEY_SIMPLEX, ink=0):
    """A crop with the text about 26 px high and the margin text detection leaves."""
    (width, height), _ = cv2.getTextSize(text, font, 1.2, 2)
    crop = np.full((height + 14, width + 16), 255, np.uint8)
    cv2.putText(crop, text, (8, height + 6), font, 1.2, ink, 2, cv2.LINE_AA)
    return crop


class Asked:
    """Stands in for the general network: remembers how many crops it was given."""

    def __init__(self, text, confidence):
        self.answer, self.crops = Read(text, confidence), 0

    def recognise(self, crops):
        self.crops += len(crops)
        return [self.answer] * len(crops)


@pytest.mark.requirement("DRW-11")
@pytest.mark.parametrize(
    "text", ["R12.5", "+0.05", "-0.012", "M8x1.25-6H", "25.4", "3xR4", "12.8x45", "(118.6)"]
)
@pytest.mark.parametrize("font", [cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX])
def test_sizes_are_read_though_a_dimension_line_crosses_them(text, font):
    crop = written(text, font)
    height, width = crop.shape
    foot = crop.copy()
    cv2.line(foot, (0, height - 2), (width, height - 2), 0, 2)
    across = crop.copy()
    cv2.line(across, (width // 2, 0), (width // 2, height), 0, 1)
    reads = DrawingEngine().recognise([crop, foot, across])
    assert [read.text.replace(" ", "") for read in reads] == [text] * 3
    assert all(read.confidence > ocr.SECOND_OPINION_BELOW for read in reads)


@pytest.mark.requirement("DRW-11")
def test_arrows_and_hatching_are_no_text():
    arrow = np.full((40, 60), 255, np.uint8)
    cv2.line(arrow, (0, 20), (60, 20), 0, 2)
    cv2.fillPoly(arrow, [np.array([(10, 20), (34, 13), (34, 27)])], 0)
    upright = np.rot90(arrow).copy()
    hatching = np.full((40, 90), 255, np.uint8)
    for x in range(-40, 90, 12):
        cv2.line(hatching, (x, 40), (x + 40, 0), 0, 1, cv2.LINE_AA)
    for read in DrawingEngine().recognise([arrow, upright, hatching]):
        assert not read.text or read.confidence < rows.MIN_SINGLE_CONFIDENCE


@pytest.mark.requirement("DRW-18")
def test_half_a_line_is_no_row_of_deviations():
    reads = DrawingEngine().recognise([written("12.75")[:16], written("12.75")[24:]])
    assert all(rows._row_text(read, (0, 0, 100, 20)) is None for read in reads)


def test_reads_come_back_in_the_order_of_the_crops():
    texts = [
        "7",
        "R3",
        "128.75",
        "+0.021",
        "40",
        "M10x1.5",
        "12",
        "1.8",
        "Ra 3.2",
        "96",
        "C2",
        "R16",
        "5",
        "250",
    ]
    assert [read.text for read in DrawingEngine().recognise([written(text) for text in texts])] == texts


@pytest.mark.parametrize(
    ("text", "sure", "width", "asked"),
    [
        ("25.4", 0.9, 200, 0),
        ("25.4", 0.7, 200, 1),
        ("Werkstoff", 0.97, 200, 1),
        ("Werkstoff", 0.995, 200, 0),
        ("", 0.0, 200, 0),
        ("", 0.0, 40, 1),
    ],
)
def test_what_is_clear_is_not_read_twice(monkeypatch, text, sure, width, asked):
    """Words beyond doubt, and strokes too broad for a lone figure, need no general network either."""
    general = Asked(text, 0.999)
    monkeypatch.setattr(ocr, "rapid_engine", lambda: general)
    monkeypatch.setattr(ocr, "DrawingEngine", lambda: Asked(text, sure))
    assert read_crops([np.full((48, width), 255, np.uint8)])[0].text == text
    assert general.crops == asked


def test_the_surer_reading_of_a_word_is_kept_a_size_needs_a_lead():
    assert _better(Read("Matiere", 0.9), Read("Matière", 0.95)).text == "Matière"
    assert _better(Read("Matière", 0.96), Read("Matiere", 0.95)).text == "Matière"
    assert _better(Read("25 ±0.2", 0.7), Read("25 ±112", 0.75)).text == "25 ±0.2"
    assert _better(Read("25 ±0.2", 0.7), Read("25 ±0.3", 0.95)).text == "25 ±0.3"
    assert _better(Read("5 trous Ø12", 0.9), Read("5 trous 012", 0.99)).text == "5 trous Ø12"


def test_a_nought_before_the_point_is_no_diameter_where_the_general_network_reads_a_nought():
    assert not ocr._is_clear(Read("Ø.8", 0.99))
    assert _better(Read("Ø.8", 0.99), Read("0.8", 0.8)).text == "0.8"
    assert _better(Read("Ø.25", 0.99), Read("Ø.25", 0.8)).text == "Ø.25"
    assert _better(Read("Ø.25", 0.9), Read(".25", 0.8)).text == ".25"
    assert _better(Read("Ø25", 0.9), Read(".25", 0.8)).text == ".25"
    assert _better(Read("Ø25", 0.9), Read("025", 0.99)).text == "Ø25"
    assert _better(Read("Ø0.8", 0.99), Read("00.8", 0.99)).text == "Ø0.8"


def test_a_lone_figure_is_taken_from_the_general_network_an_arrow_is_not():
    assert _better(Read("", 0.0), Read("5", 0.99)).text == "5"
    assert _better(Read("", 0.0), Read("1", 0.99)).text == ""
    assert _better(Read("1", 0.95), Read("/", 0.9)).text == "/"
    assert _better(Read("7", 0.95), Read("7", 0.99)).text == "7"
    assert _better(Read("", 0.0), Read("1 12", 0.9)).text == ""


def test_the_weights_fit_the_signs_and_name_where_they_come_from():
    session = network(line_net.WEIGHTS)
    given = session.get_modelmeta().custom_metadata_map
    assert given["signs"] == SIGNS
    assert "Apache License 2.0" in given["notice"]
    assert session.get_outputs()[0].shape[2] == len(SIGNS) + 1
