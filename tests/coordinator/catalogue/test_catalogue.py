"""Items and their subtypes, materials and designations, cutting data, revisions."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select

from coordinator.kernel.context import Context
from coordinator.modules.catalogue import api as catalogue
from coordinator.modules.catalogue import service
from coordinator.modules.catalogue.models import CuttingData, Material, MaterialSynonym, StockItem, Tool
from tests.conftest import master, person

Api = Callable[..., Any]


@pytest.mark.requirement("STK-02")
def test_a_tool_is_an_item_with_the_same_id_and_iso_13399_names(api: Api, ctx: Context) -> None:
    client = api(master())
    body = {
        "code": "FR-10",
        "name": "Fraise 10",
        "tool_type": "end_mill",
        "diameter_mm": "10",
        "length_mm": "72",
        "teeth_count": 4,
        "iso13399": {"FHA": 45},
    }
    made = client.post("/api/v1/tools", json=body)
    assert made.status_code == 201, made.text
    tool = made.json()
    assert tool["item_kind"] == "tool"
    assert tool["iso13399_properties"] == {"DC": "10", "OAL": "72", "NOF": 4, "FHA": 45}
    as_item = client.get(f"/api/v1/stock-items/{tool['id']}").json()
    assert as_item["display"] == "FR-10 · Fraise 10"
    changed = client.patch(
        f"/api/v1/tools/{tool['id']}", json={"grade": "K30", "row_version": tool["row_version"]}
    )
    assert changed.json()["grade"] == "K30"
    found = catalogue.item_by_code(ctx, "fr-10")
    assert isinstance(found, Tool)
    twice = client.post("/api/v1/tools", json=body)
    assert twice.json()["code"] == "record.duplicate"


@pytest.mark.requirement("STK-01")
def test_plain_items_are_made_as_items_and_subtypes_in_their_own_list(api: Api) -> None:
    client = api(master())
    insert = {"code": "PL-CNMG", "name": "Plaquette CNMG", "item_kind": "insert", "alert_threshold": "10"}
    assert client.post("/api/v1/stock-items", json=insert).json()["item_kind"] == "insert"
    refused = client.post("/api/v1/stock-items", json={"code": "X", "name": "X", "item_kind": "tool"})
    assert refused.json()["code"] == "item.own_entity"
    levels = insert | {"code": "Y", "critical_level": "11"}
    assert client.post("/api/v1/stock-items", json=levels).json()["errors"][0]["field"] == "critical_level"
    assert api(person("tools:read")).get("/api/v1/stock-items").status_code == 403


@pytest.mark.requirement("DAT-06")
def test_an_unknown_kind_is_refused_by_payload_and_database(api: Api, ctx: Context) -> None:
    answer = api(master()).post("/api/v1/stock-items", json={"code": "X", "name": "X", "item_kind": "magic"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "item_kind"
    from sqlalchemy import text
    from sqlalchemy.exc import IntegrityError

    statement = (
        "INSERT INTO stock_item (code, name, item_kind, unit, managed_by, is_consumable, is_active, is_hazardous,"
        " table_kind, row_version) VALUES ('X', 'X', 'magic', 'pce', 'lot', false, true, false, 'item', 1)"
    )
    with pytest.raises(IntegrityError, match="stock_item_kind"), ctx.session.begin_nested():
        ctx.session.execute(text(statement))


@pytest.mark.parametrize(
    ("designation", "code"),
    [
        ("42CrMo4", "42CRMO4"),
        ("42 CD 4", "42CRMO4"),
        ("1.7225", "42CRMO4"),
        ("42CrMo4 +QT", "42CRMO4QT"),
        ("aisi 316L", "316L"),
        ("Acier XC 48 étiré", "C45"),
        ("304/304L", None),
        ("316L", "316L"),
        ("Z3CND17-12-02", "316L"),
        ("EN AW-6082 T6", "6082"),
        ("A-U4G", "2017A"),
        ("Ti-6Al-4V", "TI6AL4V"),
        ("delrin", "POM-C"),
        ("S235JR EN 10025-2", "S235JR"),
        ("", None),
        ("?!", None),
    ],
)
def test_designations_of_drawings_find_their_material(
    ctx: Context, designation: str, code: str | None
) -> None:
    found = catalogue.find_material(ctx, designation)
    assert (found.code if found else None) == code


def test_seeding_again_adds_nothing_and_keeps_what_a_person_changed(ctx: Context) -> None:
    count = select(func.count()).select_from(Material)
    synonyms = select(func.count()).select_from(MaterialSynonym)
    before = ctx.session.scalar(count), ctx.session.scalar(synonyms)
    steel = ctx.session.scalars(select(Material).where(Material.code == "C45")).one()
    assert (steel.iso513_group, steel.kc11_n_mm2, steel.density_g_cm3) == ("P2", 1700, Decimal("7.850"))
    steel.kc11_n_mm2 = 1750
    service.seed(ctx)
    ctx.session.flush()
    ctx.session.refresh(steel)
    assert (ctx.session.scalar(count), ctx.session.scalar(synonyms)) == before
    assert steel.kc11_n_mm2 == 1750


@pytest.mark.requirement("STK-05")
def test_the_most_specific_accepted_cutting_data_win(ctx: Context) -> None:
    steel = catalogue.find_material(ctx, "C45")
    assert steel is not None
    tool = ctx.add(Tool(code="F12", name="Fraise 12", item_kind="tool", tool_type="end_mill"))

    def data(**values: Any) -> CuttingData:
        return ctx.add(CuttingData(operation_type="milling", **values))

    def best(tool_id: int | None) -> CuttingData | None:
        return catalogue.cutting_data_for(ctx, tool_id=tool_id, material=steel, operation_type="milling")

    assert best(tool.id) is None
    group = data(tool_type="end_mill", iso513_group="P2", vc_m_min=Decimal(130))
    fetched = data(tool_id=tool.id, iso513_group="P2", vc_m_min=Decimal(150), source="supplier")
    assert best(tool.id) is fetched
    typed = data(tool_id=tool.id, iso513_group="P2", vc_m_min=Decimal(140))
    assert best(tool.id) is typed
    fetched.status = "accepted"
    ctx.session.flush()
    assert best(tool.id) is fetched
    assert best(None) is None
    assert group.status == "proposed"


def test_the_newest_revision_is_the_current_one(api: Api, ctx: Context) -> None:
    client = api(master())
    part = client.post("/api/v1/parts", json={"name": "Axe", "drawing_number": "P-100"}).json()["id"]
    first = client.post("/api/v1/part-revisions", json={"part_id": part, "revision": "A"}).json()
    second = client.post("/api/v1/part-revisions", json={"part_id": part, "revision": "B"}).json()
    assert client.get(f"/api/v1/part-revisions/{first['id']}").json()["is_current"] is False
    current = catalogue.part_revision(ctx, customer_id=None, drawing_number="p-100")
    assert current is not None
    assert current.id == second["id"]
    unknown = client.post("/api/v1/part-revisions", json={"part_id": 999999, "revision": "A"})
    assert unknown.json()["errors"][0]["field"] == "part_id"


def test_every_subtype_is_listed_with_the_items(ctx: Context) -> None:
    ctx.add(Tool(code="T1", name="T", item_kind="tool", tool_type="drill"))
    rows = ctx.session.scalars(select(StockItem).where(StockItem.code.in_(["T1", "C45"]))).all()
    assert {type(r).__name__ for r in rows} == {"Tool", "Material"}
