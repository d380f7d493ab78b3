"""The drawing at the machine: of one's own open operation only, each opening written down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from coordinator.kernel.context import ContextFactory, Principal
from coordinator.modules.execution.models import WorkOrder, WorkOrderOperation
from tests.conftest import master
from tests.coordinator.drawings.desk import Desk
from tests.coordinator.execution.conftest import Shop

RIGHTS = {("routing", "read"): "assigned"}


@pytest.mark.requirement("DRW-45")
def test_an_operator_opens_the_drawing_of_his_operation_only(
    shop: Shop, api: Callable[[Principal], Any], factory: ContextFactory, tmp_path: Path
) -> None:
    ana = Principal(
        kind="user", name="ana", user_id=shop.ana.id, employee_id=shop.ana.employee_id, rights=RIGHTS
    )
    bob = Principal(
        kind="user", name="bob", user_id=shop.bob.id, employee_id=shop.bob.employee_id, rights=RIGHTS
    )
    number, order_id = shop.operations[0].id, shop.order.id

    def change(model: Any, record_id: int, **values: Any) -> None:
        with factory.sessions() as session, session.begin():
            session.execute(update(model).where(model.id == record_id).values(**values))

    shop.ctx.session.commit()
    desk = Desk(api(master()), factory, tmp_path)
    [review] = desk.read(desk.pdf())
    revision = desk.done(desk.complete(review), "validate")["part_revision_id"]
    change(WorkOrder, order_id, part_revision_id=revision)
    change(WorkOrderOperation, number, assigned_employee_id=ana.employee_id, status="pending")
    path = f"/api/v1/me/operations/{number}/drawing"
    mine, other = api(ana), api(bob)
    found = mine.get(path)
    assert found.status_code == 200, found.text
    assert (found.json()["drawing_number"], found.json()["sheet_count"]) == ("EQ-100", 1)
    assert mine.get(f"{path}/1.png?side=400").content.startswith(b"\x89PNG")
    assert mine.get(f"{path}/2.png").status_code == 404
    assert mine.get(f"/api/v1/drawings/{review['id']}/review").status_code == 403, (
        "the analysis itself stays closed"
    )
    for address in (path, f"{path}/1.png"):
        assert other.get(address).status_code == 404
        assert api(Principal(kind="user", name="rien")).get(address).status_code == 403
    history = desk.get(f"drawing-analyses/{review['id']}/history")
    assert [h["action"] for h in history].count("open_at_machine") == 2
    assert desk.act(review, "restrict", reason="Client sensible").status_code == 200
    assert mine.get(path).status_code == 404, "restricted to named persons"
    assert desk.act(review, "lift_restriction", reason="Erreur de saisie").status_code == 200
    assert mine.get(path).status_code == 200
    change(WorkOrderOperation, number, status="done")
    assert mine.get(path).status_code == 404, "the work is over"
