"""Where a place is: from the workshop to the compartment, its neighbours beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.modules.stock.models import StorageLocation
from tests.conftest import master, person

URL = "/api/v1/stock/place-map"


def place(
    ctx: Context, code: str, kind: str, parent: StorageLocation | None = None, **more: Any
) -> StorageLocation:
    return ctx.add(
        StorageLocation(
            code=code, name=f"Nom {code}", kind=kind, parent_id=parent.id if parent else None, **more
        )
    )


@pytest.mark.requirement("STK-16", "STK-20")
def test_a_compartment_is_shown_in_its_cabinet_and_the_cabinet_in_the_workshop(
    api: Any, ctx: Context
) -> None:
    cabinets = [
        place(ctx, f"ARM-{n}", "cabinet", pos_x_m=Decimal(x), pos_y_m=Decimal(y))
        for n, x, y in ((1, 0, 0), (2, 10, 0), (3, 10, 5))
    ]
    place(ctx, "BAC-SEUL", "bin")
    for number in range(1, 5):
        made = place(ctx, f"C{number}", "compartment", cabinets[1])
    client = api(master())
    for code in ("C4", qr.code_of(ctx, made)):
        found = client.get(URL, params={"code": code}).json()
        assert found["display"] == "C4 · Nom C4"
        workshop, cabinet = found["levels"]
        assert workshop["inside"] is None
        assert [(c["code"], c["is_here"], c["x"], c["y"]) for c in workshop["cells"]] == [
            ("ARM-1", False, 0.0, 1.0),
            ("ARM-2", True, 1.0, 1.0),
            ("ARM-3", False, 1.0, 0.0),
        ], "metres count up, the screen counts down; a single bin is no cabinet"
        assert cabinet["inside"] == "ARM-2 · Nom ARM-2"
        assert [(c["code"], c["is_here"]) for c in cabinet["cells"]] == [
            ("C1", False), ("C2", False), ("C3", False), ("C4", True),
        ]  # fmt: skip
        assert {c["x"] for c in cabinet["cells"]} == {None}, "no position is invented"


def test_compartments_stand_as_their_camera_sees_them(api: Any, ctx: Context) -> None:
    cabinet = place(ctx, "ARM-9", "cabinet")
    for code, x, y in (("A", 0, 0), ("B", 100, 0), ("C", 50, 200)):
        place(ctx, code, "compartment", cabinet, polygon=[[x, y], [x + 20, y], [x + 20, y + 20], [x, y + 20]])
    cells = api(master()).get(URL, params={"code": "C"}).json()["levels"][1]["cells"]
    assert [(c["code"], c["x"], c["y"]) for c in cells] == [("A", 0.0, 0.0), ("B", 1.0, 0.0), ("C", 0.5, 1.0)]


def test_an_unknown_place_and_a_person_without_the_right(api: Any, ctx: Context) -> None:
    place(ctx, "ARM-1", "cabinet")
    assert api(master()).get(URL, params={"code": "RIEN"}).status_code == 404
    assert api(person("quality:read")).get(URL, params={"code": "ARM-1"}).status_code == 403
