"""Taking a drill by its label while the line is cut, in real processes (EDG-22, STK-51)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel import qr
from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.db import utcnow
from coordinator.modules.catalogue.models import StockItem
from coordinator.modules.stations.downlink import fitting, reference_data
from coordinator.modules.stock.models import LocationItem, StockMovement, StockUnit, StorageLocation
from edge_agents.protocol.control import ReferenceData, decode_document, encode_document
from edge_agents.protocol.envelope import MAX_MESSAGE_BYTES
from tests.conftest import master
from tests.coordinator.stations.rig import running, say, until
from tests.factories import make


def movements(factory: ContextFactory) -> list[StockMovement]:
    with factory.open(master()) as ctx:
        return list(ctx.session.scalars(select(StockMovement).order_by(StockMovement.id)))


@pytest.mark.requirement("EDG-21", "EDG-22", "STK-51")
@pytest.mark.timeout(300)
def test_a_drill_taken_without_a_line_is_one_movement_afterwards(
    fresh_factory: ContextFactory, tmp_path: Path
) -> None:
    with fresh_factory.open(master()) as ctx:
        drill = make(ctx, StockItem, code="FORET-8", name="Foret 8 mm", unit="pce")
        unit = make(ctx, StockUnit, stock_item_id=drill.id, serial_number="F8-0007")
        place = make(ctx, StorageLocation, code="A-07", name="Tiroir 7")
        codes = {"unit": qr.code_of(ctx, unit), "place": qr.code_of(ctx, place)}
        unit_id, place_id = unit.id, place.id
    with running(fresh_factory, tmp_path) as rig:
        agent = rig.station({"scan": {"type": "scanner", "require_badge": False, "duplicate_s": 0}})
        agent.start()
        try:
            until(lambda: "take" in say(agent, "scan", scan=codes["unit"])["actions"])
            rig.broker.stop()
            assert say(agent, "scan", scan=codes["place"])["key"] == "location.known"
            assert say(agent, "scan", scan=codes["unit"])["key"] == "item.known"
            taken = say(agent, "scan", action="take", quantity=1)
            assert taken["key"] == "stock.taken"
            agent.kill()
            agent.start()
            say(agent, "scan", status=1)
            assert movements(fresh_factory) == []
            rig.broker.start()
            (movement,) = until(lambda: movements(fresh_factory))
        finally:
            agent.stop()
    assert (movement.kind, movement.quantity, movement.source) == ("issue", 1, "qr")
    assert (movement.stock_unit_id, movement.from_location_id) == (unit_id, place_id)
    assert movement.station_code == "st-scan-1"
    assert len(movements(fresh_factory)) == 1


@pytest.mark.requirement("EDG-22")
def test_items_come_with_all_their_codes_the_most_used_first(ctx: Context) -> None:
    rare, used, gone = (make(ctx, StockItem, code=c) for c in ("AAA-RARE", "ZZZ-USED", "GONE"))
    gone.is_active = False
    unit = make(ctx, StockUnit, stock_item_id=used.id)
    place = make(ctx, StorageLocation, code="PL-1")
    make(ctx, LocationItem, storage_location_id=place.id, stock_item_id=used.id)
    make(ctx, StockMovement, stock_item_id=used.id, quantity=2, occurred_at=ctx.now)
    codes = [qr.code_of(ctx, used), qr.code_of(ctx, unit)]
    data = reference_data(ctx, "st-1")
    ours = [i for i in data.items if i.code in {"AAA-RARE", "ZZZ-USED", "GONE"}]
    assert [i.code for i in ours] == ["ZZZ-USED", "AAA-RARE"]
    assert ours[0].codes == codes
    (shown,) = (p for p in data.locations if p.code == "PL-1")
    assert shown.item_code == "ZZZ-USED"
    assert rare.id


@pytest.mark.requirement("EDG-18")
@pytest.mark.parametrize("count", [3, 4_000, 40_000])
def test_reference_data_fit_one_message_whatever_the_catalogue(count: int) -> None:
    import uuid

    def item(number: int) -> dict[str, Any]:
        return {
            "code": f"ART-{number:06}",
            "name": f"Article {number}",
            "unit": "pce",
            "codes": [f"gu:q/{uuid.uuid4()}"],
        }

    whole = ReferenceData.model_validate(
        {"version": "1", "items": [item(n) for n in range(count)], "generated_at": utcnow()}
    )
    kept = fitting(whole)
    wire = encode_document(kept, compress=True)
    assert len(wire) <= MAX_MESSAGE_BYTES
    assert decode_document(ReferenceData, wire).items == kept.items == whole.items[: len(kept.items)]
    assert len(kept.items) == count if count <= 4_000 else len(kept.items) > 4_000
