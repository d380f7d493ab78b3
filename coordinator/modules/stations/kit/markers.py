"""Printable sheets of ArUco and AprilTag markers, true to size (VIS-31, VIS-34)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from coordinator.kernel.papers import PaperError, render

DICTIONARIES = (
    "DICT_4X4_50", "DICT_4X4_100", "DICT_4X4_250", "DICT_5X5_100", "DICT_6X6_250",
    "DICT_APRILTAG_16h5", "DICT_APRILTAG_25h9", "DICT_APRILTAG_36h11",
)  # fmt: skip
MIN_MM, MAX_MM = 8.0, 150.0
_PAGE_MM = (190.0, 250.0)


@dataclass(frozen=True, slots=True)
class Marker:
    """One marker: number in its dictionary and the words under it."""

    id: int
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class MarkerSheet:
    """Markers of one size; ``size_mm`` is the outer edge of the black square, the white margin comes on top."""

    title: str
    markers: list[Marker]
    size_mm: float
    dictionary: str = "DICT_4X4_50"


def marker_svg(dictionary: str, number: int) -> str:
    """The marker cell by cell, black border included, as SVG with one unit per cell.

    Raises:
        PaperError: ``marker_dictionary``, ``marker_id``.
    """
    if dictionary not in DICTIONARIES:
        raise PaperError("marker_dictionary", f"Dictionnaire inconnu : {dictionary}.")
    table = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary))
    if not 0 <= number < table.bytesList.shape[0]:
        raise PaperError("marker_id", f"{dictionary} n'a que les numéros 0 à {table.bytesList.shape[0] - 1}.")
    cells = table.markerSize + 2
    picture = cv2.aruco.generateImageMarker(table, number, cells)
    black = "".join(f"M{x} {y}h1v1h-1z" for y, x in np.argwhere(picture == 0))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {cells} {cells}" shape-rendering="crispEdges">'
        f'<path d="{black}"/></svg>'
    )


def margin_mm(dictionary: str, size_mm: float) -> float:
    """White margin a reader needs: one cell."""
    cells = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, dictionary)).markerSize + 2
    return size_mm / cells


def render_markers(sheet: MarkerSheet) -> bytes:
    """PDF (A4) with the markers, cutting lines, and a ruler of 100 mm to check the print. Raises PaperError."""
    if not sheet.markers:
        raise PaperError("marker_empty", "Aucun repère à imprimer.")
    if not MIN_MM <= sheet.size_mm <= MAX_MM:
        raise PaperError("marker_size", f"Taille entre {MIN_MM:g} et {MAX_MM:g} mm.")
    numbers = [marker.id for marker in sheet.markers]
    if len(set(numbers)) != len(numbers):
        raise PaperError(
            "marker_twice", "Un numéro de repère est donné deux fois : chaque repère doit être unique."
        )
    assets = {f"marker_{n}.svg": marker_svg(sheet.dictionary, n).encode() for n in numbers}
    margin = margin_mm(sheet.dictionary, sheet.size_mm)
    cell = sheet.size_mm + 2 * margin
    data = {
        "title": sheet.title, "dictionary": sheet.dictionary, "size_mm": sheet.size_mm, "margin_mm": margin,
        "per_row": max(1, int(_PAGE_MM[0] // (cell + 4))),
        "markers": [{"id": m.id, "label": m.label, "note": m.note, "file": f"marker_{m.id}.svg"} for m in sheet.markers],
    }  # fmt: skip
    return render(Path(__file__).parent / "markers.typ", data, assets=assets)
