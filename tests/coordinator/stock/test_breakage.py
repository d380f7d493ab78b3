"""A broken tool: options with other cutting data, a person decides, the order goes on, everything is kept."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.models import Notification, Task
from coordinator.kernel.outbox import drain
from coordinator.modules.catalogue.models import CuttingData, SupplierItem, Tool
from coordinator.modules.execution import views
from coordinator.modules.execution.models import TraceEvent
from coordinator.modules.stock import api as stock
from coordinator.modules.stock.engine import replacement
from coordinator.modules.stock.models import ReorderProposal, StorageLocation, ToolIncident
from coordinator.modules.stock.models_tooling import ToolAssignment, ToolEquivalent, ToolIncidentOption
from tests.conftest import master, person
from tests.coordinator.execution.conftest import Shop
from tests.coordinator.stock.conftest import d
from tests.factories import make, model_of

Api = Callable[..., Any]
OPERATOR = ("tools:create", "stock:create", "routing:read", "time_tracking:create")


@pytest.fixture
def drill(ctx: Context) -> Tool:
    return _drill(ctx, "FO-8", 8, 80)


def _drill(ctx: Context, code: str, diameter: float, length: float, **more: Any) -> Tool:
    values = {"iso513_groups": "P,M", "cutting_length_mm": d(40), "unit_cost": d(30), **more}
    return ctx.add(
        Tool(
            code=code,
            name=f"Foret {code}",
            item_kind="tool",
            tool_type="drill",
            diameter_mm=Decimal(str(diameter)),
            length_mm=Decimal(str(length)),
            **values,
        )
    )


def _stocked(ctx: Context, tool: Tool, quantity: int, place: StorageLocation) -> Tool:
    stock.receive(ctx, tool.id, d(quantity), location_id=place.id)
    return tool


def _incident(ctx: Context) -> ToolIncident:
    return ctx.session.scalars(select(ToolIncident).order_by(ToolIncident.id.desc())).first()  # type: ignore[return-value]


def _options(ctx: Context, incident: ToolIncident) -> list[ToolIncidentOption]:
    query = select(ToolIncidentOption).where(ToolIncidentOption.tool_incident_id == incident.id)
    return list(ctx.session.scalars(query.order_by(ToolIncidentOption.rank)))


@pytest.mark.requirement("STK-38")
def test_same_then_compatible_tools_are_proposed_and_unfit_ones_are_not(
    ctx: Context, place: StorageLocation, report: Callable[..., Any], drill: Tool
) -> None:
    for tool in (
        drill,
        _drill(ctx, "FO-8-C", 8, 60, manufacturer="B"),
        _drill(ctx, "FO-9", 9, 80),
        _drill(ctx, "FO-8-ALU", 8, 80, iso513_groups="N"),
        _drill(ctx, "FO-8-OLD", 8, 80, is_active=False),
    ):
        _stocked(ctx, tool, 3, place)
    _drill(ctx, "FO-8-VIDE", 8, 80)
    report("tool.broken", tool_code="FO-8", cause="vibration", comment=None)
    found = [ctx.get(Tool, o.tool_id).code for o in _options(ctx, _incident(ctx))]
    assert found == ["FO-8", "FO-8-C"], (
        "another diameter, another material, an idle or absent tool would not do"
    )
    shorter = _options(ctx, _incident(ctx))[1]
    assert "stiffer_tool" in shorter.strategy
    assert shorter.differences["properties"][0] == {"code": "OAL", "before": "80", "after": "60"}


@pytest.mark.parametrize(
    ("cause", "words", "slower"),
    [
        ("overload", {"lower_feed", "more_passes"}, True),
        ("vibration", {"lower_speed", "stiffer_setup"}, True),
        ("wear", {"lower_speed"}, True),
        ("defect", {"check_batch"}, False),
    ],
)
@pytest.mark.requirement("STK-38")
def test_conditions_follow_the_cause(cause: str, words: set[str], slower: bool) -> None:
    base = replacement.Conditions(100, 0.1, None, 2.0, 5.0)
    body = replacement.Body(10, 80, 4)
    advice = replacement.advise(base, body, body, cause)
    assert words <= set(advice.strategy)
    assert (advice.time_factor > 1) is slower
    made = advice.conditions
    assert made.ap_mm is not None
    assert made.ap_mm * made.passes == pytest.approx(2.0, abs=0.01), "the whole depth is still cut"
    thin = replacement.advise(base, body, replacement.Body(8, 80, 4), cause)
    assert thin.conditions.fz_mm is not None
    assert made.fz_mm is not None
    assert thin.conditions.fz_mm < made.fz_mm, "a thinner tool bends more: less feed"
    assert thin.needs_program


def test_words_of_operators_are_causes() -> None:
    assert [replacement.cause_of(w) for w in ("choc sur une bride", "Usure prématurée", "ça broute", None, "???")] == [
        "collision", "wear", "vibration", "unknown", "unknown",
    ]  # fmt: skip


@pytest.mark.requirement("STK-37")
@pytest.mark.requirement("STK-39")
def test_the_operator_replaces_with_the_same_and_the_order_goes_on(
    build: Callable[..., Shop],
    api: Api,
    factory: ContextFactory,
) -> None:
    shop = build()
    ctx = shop.ctx
    place = ctx.add(StorageLocation(code="ARM", name="Armoire"))
    tool = ctx.session.scalars(select(Tool).where(Tool.code == "CNMG-1")).one()
    _stocked(ctx, tool, 5, place)
    shop.start()
    shop.finish(after=30)
    shop.start(1, after=40)
    uid = uuid.uuid4()
    for _ in range(2):
        shop.send("tool.broken", 1, after=50, uid=uid, tool_code="CNMG-1", cause="choc", comment="bride")
    assert stock.on_hand(ctx, tool.id) == 4, "one broken, declared twice"
    incident = _incident(ctx)
    assert (incident.work_order_operation_id, incident.machine_id) == (shop.operations[1].id, shop.lathe.id)
    item = views.items(ctx, [shop.operations[1]], None)[0]
    assert item["tools"] == [], "the broken tool is off the operation"
    client = api(person(*OPERATOR))
    seen = client.get(f"/api/v1/stock/breakages/{uid}").json()
    assert [o["kind"] for o in seen["options"]] == ["same"]
    assert "price" not in str(seen)
    option = seen["options"][0]
    url = f"/api/v1/tool-incidents/{incident.id}/accept"
    key = {"Idempotency-Key": str(uuid.uuid4())}
    for _ in range(2):
        answer = client.post(url, json={"option_id": option["id"]}, headers=key)
        assert answer.status_code == 200, answer.text
    ctx.session.expire_all()
    assert (incident.status, stock.on_hand(ctx, tool.id)) == ("replaced", 3)
    assert stock.in_use(ctx, tool.id, holder=f"operation:{shop.operations[1].id}") == 1
    assert [t["code"] for t in views.items(ctx, [shop.operations[1]], None)[0]["tools"]] == ["CNMG-1"]
    assert _options(ctx, incident)[0].status == "accepted"
    drain(factory)
    ctx.session.expire_all()
    assert "tool.replaced" in set(ctx.session.scalars(select(TraceEvent.kind)))
    again = client.post(url, json={"option_id": option["id"]})
    assert again.json()["code"] == "stock.incident_closed"


@pytest.mark.requirement("STK-39")
def test_an_accepted_tool_changes_time_and_cutting_data_of_the_operation(
    build: Callable[..., Shop],
    api: Api,
    factory: ContextFactory,
) -> None:
    shop = build()
    ctx = shop.ctx
    place = ctx.add(StorageLocation(code="ARM", name="Armoire"))
    shop.steel.iso513_group = "P2"
    operation = shop.operations[1]
    tool = ctx.session.scalars(select(Tool).where(Tool.code == "CNMG-1")).one()
    _stocked(ctx, tool, 2, place)
    revision = ctx.get(model_of("part_revision"), shop.order.part_revision_id)
    revision.material_id = shop.steel.id
    ctx.add(
        CuttingData(
            tool_id=tool.id, iso513_group="P2", operation_type="turning", vc_m_min=d(200), f_mm_rev=d("0.3"),
            ap_mm=d(2), status="accepted",
        )
    )  # fmt: skip
    before = operation.run_time_min
    shop.send("tool.broken", 1, tool_code="CNMG-1", cause="wear", comment=None)
    option = _options(ctx, _incident(ctx))[0]
    assert (option.vc_m_min, option.f_mm_rev) == (170, d("0.3"))
    manager = api(master())
    url = f"/api/v1/tool-incidents/{_incident(ctx).id}/accept"
    assert manager.post(url, json={"option_id": option.id, "vc_m_min": "160"}).status_code == 200
    drain(factory)
    ctx.session.expire_all()
    assert operation.run_time_min == pytest.approx(before * option.time_factor, abs=Decimal("0.01"))
    assert operation.run_time_min > before
    assignment = ctx.session.scalars(select(ToolAssignment).where(ToolAssignment.ended_at.is_(None))).one()
    assert assignment.cutting_data["vc_m_min"] == "160"
    assert _options(ctx, _incident(ctx))[0].status == "corrected"
    assert option.time_factor == pytest.approx(d("1.25")), "200 m/min became 160"


@pytest.mark.requirement("STK-40")
def test_the_manager_agrees_first_for_critical_parts_and_for_other_tools(
    build: Callable[..., Shop],
    api: Api,
) -> None:
    shop = build(criticality="aerospace", certified=True, release=False)
    ctx = shop.ctx
    place = ctx.add(StorageLocation(code="ARM", name="Armoire"))
    tool = ctx.session.scalars(select(Tool).where(Tool.code == "CNMG-1")).one()
    _stocked(ctx, tool, 3, place)
    shop.send("tool.broken", 1, tool_code="CNMG-1", cause=None, comment=None)
    incident = _incident(ctx)
    url = f"/api/v1/tool-incidents/{incident.id}"
    option = _options(ctx, incident)[0]
    waiting = api(person(*OPERATOR)).post(f"{url}/accept", json={"option_id": option.id, "comment": "urgent"})
    assert waiting.json()["result"]["outcome"] == "waiting"
    assert (incident.status, stock.on_hand(ctx, tool.id)) == ("open", 2), (
        "nothing is taken before the agreement"
    )
    task = ctx.session.scalars(select(Task).where(Task.kind == "tool.approval")).one()
    assert (task.role_code, task.status) == ("workshop_manager", "open")
    keeper = api(person("tools:create", "tools:read", "tools:update"))
    refused = keeper.post(f"{url}/replace", json={"replacement_tool_id": tool.id})
    assert (refused.status_code, stock.on_hand(ctx, tool.id)) == (403, 2)
    manager = api(person("tools:create", "tools:read", "routing:validate"))
    assert manager.post(f"{url}/accept", json={"option_id": option.id}).status_code == 200
    ctx.session.expire_all()
    assert (incident.status, task.status) == ("confirmed", "done")


@pytest.mark.requirement("STK-40")
def test_a_standard_change_is_confirmed_afterwards_and_may_become_an_equivalent(
    ctx: Context, place: StorageLocation, report: Callable[..., Any], drill: Tool, api: Api
) -> None:
    other = _stocked(ctx, _drill(ctx, "FO-8-B", 8, 80, manufacturer="B"), 4, place)
    report("tool.broken", tool_code="FO-8", cause=None, comment=None)
    first = _incident(ctx)
    option = _options(ctx, first)[0]
    operator = api(person(*OPERATOR))
    url = f"/api/v1/tool-incidents/{first.id}"
    asked = operator.post(f"{url}/accept", json={"option_id": option.id}).json()["result"]
    assert (option.kind, asked["outcome"]) == ("alternative", "waiting")
    assert api(master()).post(f"{url}/accept", json={"option_id": option.id}).status_code == 200
    assert operator.post(f"{url}/confirm", json={}).status_code == 403
    done = api(master()).post(f"{url}/confirm", json={"keep_as_equivalent": True})
    assert done.json()["record"]["status"] == "confirmed"
    assert ctx.session.scalars(select(ToolEquivalent.equivalent_id)).all() == [other.id]
    report("tool.broken", tool_code="FO-8", cause=None, comment=None)
    second = _options(ctx, _incident(ctx))[0]
    taken = operator.post(f"/api/v1/tool-incidents/{_incident(ctx).id}/accept", json={"option_id": second.id})
    assert (second.kind, taken.json()["result"]["outcome"]) == ("equivalent", "replaced")


@pytest.mark.requirement("STK-41")
@pytest.mark.requirement("STK-35")
def test_no_tool_left_prepares_an_urgent_purchase_that_a_person_lets_go(
    ctx: Context,
    place: StorageLocation,
    report: Callable[..., Any],
    drill: Tool,
    api: Api,
    factory: ContextFactory,
) -> None:
    supplier = make(ctx, model_of("supplier"))
    ctx.add(
        SupplierItem(
            supplier_id=supplier.id,
            stock_item_id=drill.id,
            supplier_reference="X8",
            price=d(28),
            pack_qty=d(5),
        )
    )
    _stocked(ctx, drill, 1, place)
    report("tool.broken", tool_code="FO-8", cause=None, comment=None)
    proposal = ctx.session.scalars(select(ReorderProposal)).one()
    assert (proposal.is_urgent, proposal.reason, proposal.quantity, proposal.supplier_id) == (
        True, "breakage", 5, supplier.id,
    )  # fmt: skip
    roles = set(ctx.session.scalars(select(Notification.role_code).where(Notification.severity == "alarm")))
    assert {"purchasing", "workshop_manager"} <= roles
    buyer = api(person("purchasing:read", "purchasing:update", "purchasing:create"))
    accept = f"/api/v1/reorder-proposals/{proposal.id}/accept"
    assert buyer.post(accept, json={}).status_code == 403, "an urgent purchase is validated like any other"
    assert api(master()).post(accept, json={}).status_code == 200
    drain(factory)
    ctx.session.expire_all()
    order = ctx.session.scalars(select(model_of("purchase_order"))).one()
    assert (order.is_urgent, order.status) == (True, "draft")
    assert buyer.post(f"/api/v1/purchase-orders/{order.id}/approve", json={}).status_code == 403
    assert buyer.post(f"/api/v1/purchase-orders/{order.id}/submit", json={}).status_code == 200
    assert buyer.post(f"/api/v1/purchase-orders/{order.id}/approve", json={}).status_code == 403
    assert (
        api(master()).post(f"/api/v1/purchase-orders/{order.id}/approve", json={}).json()["record"]["status"]
        == "sent"
    )


@pytest.mark.requirement("STK-42")
def test_the_journal_keeps_each_breakage_and_tells_methods_of_the_third(
    ctx: Context, place: StorageLocation, report: Callable[..., Any], drill: Tool, api: Api
) -> None:
    _stocked(ctx, drill, 9, place)
    for _ in range(2):
        report("tool.broken", tool_code="FO-8", cause="vibration", comment=None)
    assert ctx.session.scalars(select(Task).where(Task.kind == "tool.repeated")).all() == []
    report("tool.broken", tool_code="FO-8", cause="vibration", comment=None)
    assert ctx.session.scalars(select(Task.role_code).where(Task.kind == "tool.repeated")).all() == [
        "methods"
    ]
    journal = api(master()).get("/api/v1/stock/boards/breakages").json()["sections"]
    assert [r["times"] for r in journal[0]["rows"]] == [3]
    assert {(r["tool"], r["cause"], r["cost"]) for r in journal[1]["rows"]} == {
        ("FO-8 · Foret FO-8", "vibration", "30.00")
    }
    plain = api(person("stock:read")).get("/api/v1/stock/boards/breakages").json()
    assert len(plain["sections"][1]["rows"]) == 3
    assert "cost" not in str(plain)


def test_a_breakage_declared_by_mistake_gives_the_operation_its_tool_back(
    build: Callable[..., Shop], api: Api
) -> None:
    shop = build()
    ctx = shop.ctx
    place = ctx.add(StorageLocation(code="ARM", name="Armoire"))
    planned = ctx.session.scalars(select(Tool).where(Tool.code == "CNMG-1")).one()
    other = ctx.add(Tool(code="CNMG-2", name="Autre", item_kind="tool", tool_type=planned.tool_type))
    for tool in (planned, other):
        _stocked(ctx, tool, 5, place)
    operation = shop.operations[1]

    def current() -> dict[str, Any]:
        ctx.session.expire_all()
        return {t["code"]: t for t in views.items(ctx, [operation], None)[0]["tools"]}

    client = api(master())
    shop.send("tool.broken", 1, tool_code="CNMG-1", cause=None, comment=None)
    assert list(current()) == []
    assert client.post(f"/api/v1/tool-incidents/{_incident(ctx).id}/cancel", json={}).status_code == 200
    assert list(current()) == ["CNMG-1"]
    shop.send("tool.broken", 1, tool_code="CNMG-1", cause=None, comment=None)
    replaced = f"/api/v1/tool-incidents/{_incident(ctx).id}/replace"
    assert client.post(replaced, json={"replacement_tool_id": other.id}).status_code == 200
    shop.send("tool.broken", 1, tool_code="CNMG-2", cause=None, comment=None)
    assert list(current()) == []
    assert client.post(f"/api/v1/tool-incidents/{_incident(ctx).id}/cancel", json={}).status_code == 200
    assert list(current()) == ["CNMG-2"], "the one that took over before"


def test_an_unfit_case_goes_to_methods_with_the_operators_words(
    ctx: Context, place: StorageLocation, report: Callable[..., Any], drill: Tool, api: Api
) -> None:
    _stocked(ctx, drill, 3, place)
    report("tool.broken", tool_code="FO-8", cause=None, comment=None)
    url = f"/api/v1/tool-incidents/{_incident(ctx).id}/escalate"
    assert api(person(*OPERATOR)).post(url, json={"comment": "Le trou est trop profond"}).status_code == 200
    task = ctx.session.scalars(select(Task).where(Task.kind == "tool.methods")).one()
    assert "trop profond" in task.title


@pytest.mark.requirement("STK-43")
def test_a_tool_change_ticked_at_the_end_warns_the_storekeeper(build: Callable[..., Shop]) -> None:
    shop = build()
    shop.start()
    shop.finish(after=30)
    shop.start(1, after=40)
    shop.send(
        "operation.finished", 1, after=60, good=10, rework=0, scrap=0, time_spent_min=20, tool_change_flag=True, means="qr"
    )  # fmt: skip
    tasks = shop.ctx.session.scalars(select(Task.role_code).where(Task.kind == "shop.tool_change")).all()
    words = shop.ctx.session.scalars(
        select(Notification.text).where(Notification.role_code == "storekeeper")
    ).all()
    assert tasks == ["methods"]
    assert any("CNMG-1" in w for w in words)


@pytest.mark.requirement("STK-31")
def test_a_broken_tool_or_an_expired_lot_keeps_an_operation_from_starting(build: Callable[..., Shop]) -> None:
    shop = build()
    ctx = shop.ctx
    shop.start()
    shop.finish(after=30)
    shop.send("tool.broken", 1, after=31, tool_code="CNMG-1", cause=None, comment=None)
    refused = shop.start(1, after=40)
    assert (refused.result, refused.code) == ("refused", "shop.stock_obstacle")
    assert "CNMG-1" in refused.message
    late = shop.start(1, after=45, received_after=200)
    assert late.result == "review", "work that has begun without a line is kept and shown to a person"
    assert ctx.session.scalars(select(Task).where(Task.kind == "shop.contradiction")).first() is not None


@pytest.mark.requirement("STK-31")
@pytest.mark.parametrize("state", ["blocked", "expired", "other"])
def test_a_lot_that_may_not_serve_keeps_the_sawing_from_starting(
    build: Callable[..., Shop],
    state: str,
) -> None:
    import datetime as dt

    shop = build()
    ctx = shop.ctx
    operation = shop.operations[0]
    operation.material = {**(operation.material or {}), "stock_lot_id": shop.lot.id}
    if state == "blocked":
        shop.lot.status = "blocked"
    elif state == "expired":
        shop.lot.expires_on = ctx.now.date() - dt.timedelta(days=1)
    else:
        other = make(ctx, model_of("material"), code="AUTRE", name="Autre nuance", unit="mm")
        operation.material = {**operation.material, "material_id": other.id}
    ctx.session.flush()
    assert shop.start().code == "shop.stock_obstacle"
