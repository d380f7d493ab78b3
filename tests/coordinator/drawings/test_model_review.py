"""A 3D model under review: its picture, its shapes in their place, the marked PDF (DRW-32, DRW-40)."""

from __future__ import annotations

import cadquery as cq
import cv2
import numpy as np
import pypdfium2
import pytest

from tests.coordinator.drawings.desk import Desk


@pytest.mark.requirement("DRW-32", "DRW-40")
def test_model_is_shown_with_its_shapes_in_place(desk: Desk) -> None:
    path = desk.folder / "PL-9.step"
    plate = cq.Workplane().box(90, 60, 12).faces(">Z").workplane().rarray(60, 30, 2, 2).hole(7)
    cq.exporters.export(plate, str(path))
    [review] = desk.read(path)
    (file,) = review["files"]
    (page,) = file["pages"]
    picture = cv2.imdecode(np.frombuffer(desk.http.get(page["preview"]).content, np.uint8), cv2.IMREAD_COLOR)
    assert (picture < 250).any(axis=2).mean() > 0.2
    hole = next(f for f in review["features"] if f["kind"] == "feature.hole")
    assert (hole["count"], len(hole["boxes"])) == (4, 8), "both views show every through hole"
    assert (hole["file_id"], hole["page"]) == (file["id"], 1)
    assert hole["box"] == hole["boxes"][0]
    assert all(0 <= v <= 1 for box in hole["boxes"] for v in box)
    marked = desk.http.get(f"/api/v1/drawings/{review['id']}/annotated.pdf").content
    with pypdfium2.PdfDocument(marked) as document:
        assert len(document) == 1
        plain = sum(1 for o in document[0].get_objects() if o.type == 2)
    assert plain >= 4, "a rectangle around each hole"


@pytest.mark.requirement("DRW-32")
def test_drawing_comes_before_the_picture_of_its_model(desk: Desk) -> None:
    path = desk.folder / "DM-1.step"
    cq.exporters.export(cq.Workplane().box(80, 45, 10), str(path))
    [review] = desk.read(path, desk.pdf("DM-1.pdf", drawing_number="DM-1"))
    assert {f["file_type"] for f in review["files"]} == {"pdf", "step"}
    marked = desk.http.get(f"/api/v1/drawings/{review['id']}/annotated.pdf").content
    with pypdfium2.PdfDocument(marked) as document:
        assert "DM-1" in document[0].get_textpage().get_text_bounded(), "the drawing, not the model"
