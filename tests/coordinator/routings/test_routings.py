"""Rules of a routing, its versions and its last operations."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.lifecycle import move
from coordinator.modules.machines.models import Machine
from coordinator.modules.routings import api as routings
from coordinator.modules.routings import rules
from tests.conftest import master, person

Api = Callable[..., Any]


def row(
    number: int, kind: str = "turning", minutes: int = 5, before: tuple[int, ...] | None = None
) -> rules.Row:
    return rules.Row(number, kind, "Usinage", Decimal(0), Decimal(minutes), predecessors=before)


def codes(rows: list[rules.Row], **kwargs: Any) -> list[str]:
    return [f.code for f in rules.check(rows, final_operations=False, **kwargs)]


@pytest.mark.requirement("RTG-47")
@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], ["routing.empty"]),
        ([row(10), row(10)], ["routing.number_twice"]),
        ([row(10, before=(20,)), row(20, before=(10,))], ["routing.cycle"]),
        ([row(10, minutes=0)], ["routing.time"]),
        ([row(10, minutes=-1)], ["routing.time"]),
        ([row(0)], ["routing.sequence"]),
        ([row(10, before=(5,))], ["routing.predecessor"]),
        ([rules.Row(10, "treatment", "Trempe", is_external=True)], ["routing.external_days"]),
        ([row(10), row(20)], []),
    ],
)
def test_contradictions_are_named(rows: list[rules.Row], expected: list[str]) -> None:
    assert codes(rows) == expected


@pytest.mark.requirement("RTG-12")
@given(st.lists(st.integers(1, 40), min_size=1, max_size=12, unique=True))
def test_a_chain_has_no_cycle_and_each_row_waits_for_the_one_before(numbers: list[int]) -> None:
    rows = [row(n) for n in numbers]
    assert rules.find_cycle(rows) == []
    ordered = sorted(numbers)
    waits = rules.predecessors(rows)
    assert [waits[n] for n in ordered] == [(), *((n,) for n in ordered[:-1])]


@pytest.mark.requirement("RTG-14")
def test_the_last_operations_are_inspection_packaging_and_logistics(ctx: Context) -> None:
    made = routings.create_routing(
        ctx, None, [routings.RoutingOperationInput("turning", "Tournage", Decimal(5))]
    )
    types = [o.operation_type for o in routings.operations_of(ctx, made.id).operations]
    assert types == ["turning", "inspection", "packaging", "logistics"]
    bare = routings.create_routing(
        ctx, None, [routings.RoutingOperationInput("turning", "Tournage", Decimal(5))], complete=False
    )
    with pytest.raises(BusinessError) as refusal:
        move(ctx, bare, "validate")
    assert {e.code for e in refusal.value.errors} == {
        "routing.no_inspection", "routing.no_packaging", "routing.no_logistics",
    }  # fmt: skip


@pytest.mark.requirement("RTG-05", "RTG-09")
def test_a_routing_keeps_one_row_per_machine_with_tools_material_and_branches(ctx: Context) -> None:
    saw = ctx.add(Machine(code="S", name="Scie"))
    made = routings.create_routing(
        ctx, None,
        [
            routings.RoutingOperationInput("cutting", "Débit", Decimal("1.125"), machine_id=saw.id,
                                           material=routings.MaterialInput(None, cut_length_mm=Decimal("70.5"))),
            routings.RoutingOperationInput("turning", "Tournage", Decimal(5),
                                           tools=[routings.ToolInput(text="Outil A"), routings.ToolInput(text="Outil B")]),
            routings.RoutingOperationInput("milling", "Fraisage", Decimal(5), predecessors=[10], transfer_qty=Decimal(2)),
            routings.RoutingOperationInput("marking", "Marquage du coffret", Decimal(1), predecessors=[]),
        ],
    )  # fmt: skip
    found = routings.operations_of(ctx, made.id)
    saw_row, turn, mill, mark = found.operations[:4]
    assert (saw_row.planned_time_min, found.materials[saw_row.id][0].cut_length_mm) == (
        Decimal("1.125"),
        Decimal("70.5"),
    )
    assert [t.tool_text for t in found.tools[turn.id]] == ["Outil A", "Outil B"]
    waits = routings.predecessors(routings.rows_of(found))
    assert (waits[20], waits[30], waits[40]) == ((10,), (10,), ())
    assert found.dependencies[mill.id][0].transfer_qty == 2
    assert mark.sequence_no == 40


@pytest.mark.requirement("RTG-47")
def test_a_retired_machine_is_refused(ctx: Context) -> None:
    old = ctx.add(Machine(code="OLD", name="Vieux tour", status="retired"))
    with pytest.raises(BusinessError) as refusal:
        routings.create_routing(
            ctx, None, [routings.RoutingOperationInput("turning", "T", Decimal(1), machine_id=old.id)]
        )
    assert refusal.value.errors[0].code == "routing.machine_retired"
    assert "Vieux tour" in refusal.value.message()


@pytest.mark.requirement("RTG-17", "RTG-21")
def test_a_validated_routing_changes_by_a_new_version(ctx: Context) -> None:
    made = routings.create_routing(
        ctx, None, [routings.RoutingOperationInput("turning", "Tournage", Decimal(5))]
    )
    move(ctx, made, "submit")
    move(ctx, made, "validate")
    from coordinator.modules.routings import service

    operation = routings.operations_of(ctx, made.id).operations[0]
    with pytest.raises(Conflict) as refusal:
        service.on_save_operation(ctx, operation)
    assert refusal.value.code == "routing.locked"
    copy = ctx.get(routings.Routing, service.new_version(ctx, made, service.VersionParams())["id"])
    assert (copy.number, copy.version_no, copy.status) == (made.number, 2, "draft")
    assert len(routings.operations_of(ctx, copy.id).operations) == 4
    move(ctx, copy, "validate")
    assert made.status == "obsolete"


@pytest.mark.requirement("RTG-16")
def test_who_may_validate_and_what_the_gate_spares(ctx: Context, api: Api) -> None:
    made = routings.create_routing(
        ctx, None, [routings.RoutingOperationInput("turning", "Tournage", Decimal(5))]
    )
    assert routings.needs_validation(ctx, made, "standard")
    from coordinator.kernel.models import Setting

    ctx.add(Setting(key="routing.release_gate", value=False))
    ctx.settings.forget()
    assert not routings.needs_validation(ctx, made, "standard")
    assert routings.needs_validation(ctx, made, "military"), "always by a person"
    ctx.session.commit()
    url = f"/api/v1/routings/{made.id}/validate"
    assert api(person("routing:read", "routing:update")).post(url, json={}).status_code == 403
    assert api(person("routing:read", "routing:validate")).post(url, json={}).status_code == 200


@pytest.mark.requirement("RTG-15", "RTG-46")
def test_an_empty_routing_is_kept_for_methods(ctx: Context, api: Api) -> None:
    made = routings.create_routing(ctx, None, [], source="quote")
    assert routings.operations_of(ctx, made.id).operations == []
    ctx.session.commit()
    client = api(master())
    body = {"routing_id": made.id, "sequence_no": 10, "operation_type": "turning", "operation_label": "Tournage",
            "planned_time_min": "4.5"}  # fmt: skip
    assert client.post("/api/v1/routing-operations", json=body).status_code == 201
    assert client.post("/api/v1/routing-operations", json=body).json()["code"] == "record.duplicate"
    assert (
        client.post(
            "/api/v1/routing-operations", json={**body, "sequence_no": 20, "setup_time_min": "-1"}
        ).status_code
        == 400
    )
    assert client.get(f"/api/v1/routing-operations?routing_id={made.id}").json()["total"] == 1
