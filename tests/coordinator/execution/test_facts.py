"""Start, pause, report and finish: what is kept, what is refused, what goes to a person."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import select

from coordinator.kernel.models import OutboxEvent, ScanEvent, Task
from coordinator.modules.execution import api as execution
from coordinator.modules.execution.models import PartLotMaterial, TimePause, TraceEvent
from coordinator.modules.people.models import EmployeeSkill, Skill
from coordinator.modules.stock import api as stock
from tests.coordinator.execution.conftest import Shop

Build = Callable[..., Shop]


def events(shop: Shop) -> list[str]:
    return list(shop.ctx.session.scalars(select(OutboxEvent.event_type).order_by(OutboxEvent.id)))


def tasks(shop: Shop, kind: str) -> list[Task]:
    return list(shop.ctx.session.scalars(select(Task).where(Task.kind == kind)))


@pytest.mark.requirement("EXE-08", "EXE-09", "EXE-17")
def test_starting_assigns_counts_time_and_marks_the_order(shop: Shop) -> None:
    assert shop.start(kind="setup", machine_code="scie").result == "done"
    operation = shop.operations[0]
    assert (operation.status, operation.started_at, operation.started_by_id) == (
        "in_progress",
        shop.now,
        shop.ana.id,
    )
    assert operation.assigned_employee_id == shop.ana.employee_id
    assert shop.order.status == "in_progress"
    (entry,) = shop.times()
    assert (entry.kind, entry.ended_at, entry.machine_id, entry.means) == ("setup", None, shop.saw.id, "qr")
    assert shop.start(after=5).result == "done", "from set-up to run"
    first, second = shop.times()
    assert (first.duration_min, first.kind, second.kind, second.ended_at) == (
        Decimal(5),
        "setup",
        "run",
        None,
    )


@pytest.mark.requirement("EXE-51", "TRC-21")
def test_the_same_scan_within_five_seconds_counts_once_and_later_it_offers_what_is_next(shop: Shop) -> None:
    shop.start()
    again = shop.start(after=4 / 60)
    assert (again.result, again.code) == ("duplicate", "shop.double_scan")
    later = shop.start(after=1)
    assert (later.result, later.code) == ("refused", "shop.already_started")
    assert "pause" in later.message
    assert len(shop.times()) == 1


@pytest.mark.requirement("EXE-54", "TRC-48")
def test_a_replayed_fact_changes_nothing(shop: Shop) -> None:
    uid = uuid.uuid4()
    shop.start()
    assert shop.report(good=3, after=1, uid=uid).result == "done"
    assert shop.report(good=3, after=1, uid=uid).result == "duplicate"
    assert shop.operations[0].good_qty == 3
    refused = uuid.uuid4()
    assert shop.report(scrap=1, after=2, uid=refused).code == "shop.cause_missing"
    assert shop.report(scrap=1, after=2, uid=refused).code == "shop.cause_missing"


@pytest.mark.requirement("EXE-11")
def test_an_operation_waits_for_parts_of_the_one_before(shop: Shop) -> None:
    refused = shop.start(1, machine_code="TOUR")
    assert (refused.result, refused.code) == ("refused", "shop.nothing_available")
    assert shop.operations[1].status == "pending"
    shop.start()
    shop.report(good=4, after=10)
    shop.send("operation.paused", after=11, reason_code="other")
    assert shop.start(1, after=12).result == "done", "parts have passed on"


@pytest.mark.requirement("EXE-52")
def test_one_person_is_not_in_two_places(shop: Shop) -> None:
    shop.start()
    shop.report(good=4, after=1)
    elsewhere = shop.start(1, after=2)
    assert (elsewhere.result, elsewhere.code) == ("refused", "shop.busy_elsewhere")
    assert shop.start(1, after=3, user=shop.bob).result == "done"
    for bad in ({"good": -1}, {"good": 1.5}, {"good": "x"}):
        assert (
            shop.send("operation.reported", after=4, **{"rework": 0, "scrap": 0, **bad}).code
            == "shop.quantity"
        )
    assert shop.finish(after=5, good=6, spent=1441).code == "shop.time_range"


@pytest.mark.requirement("EXE-17", "EXE-20")
def test_pauses_are_taken_off_and_keep_their_reason(shop: Shop) -> None:
    shop.start()
    assert shop.send("operation.paused", after=10, reason_code="waiting_material").result == "done"
    assert shop.send("operation.paused", after=12, reason_code="other").code == "shop.already_paused"
    assert shop.send("operation.resumed", after=25).result == "done"
    assert shop.send("operation.resumed", after=26).code == "shop.not_paused"
    assert shop.finish(after=45, spent=30).result == "done"
    (entry,) = shop.times()
    assert (entry.duration_min, entry.confirmed_min) == (Decimal(30), Decimal(30))
    pause = shop.ctx.session.scalars(select(TimePause)).one()
    assert (pause.reason, pause.ended_at) == ("waiting_material", shop.now + dt.timedelta(minutes=25))


@pytest.mark.requirement("EXE-18")
def test_a_time_far_from_the_clocked_one_needs_a_comment(shop: Shop) -> None:
    shop.start()
    refused = shop.finish(after=30, spent=40)
    assert (refused.code, shop.operations[0].status) == ("shop.time_comment", "in_progress")
    assert shop.finish(after=30.5, spent=40, comment="changement de lame").result == "done"
    assert shop.operations[0].actual_time_min == 40
    assert shop.operations[0].operator_remark == "changement de lame"


@pytest.mark.requirement("EXE-29", "EXE-30")
def test_never_more_parts_than_received_and_a_shortfall_is_explained(shop: Shop) -> None:
    shop.start()
    assert shop.report(good=8, after=10).result == "done"
    assert shop.report(good=3, after=11).code == "shop.too_many"
    assert shop.finish(after=20, good=1, spent=20).code == "shop.shortfall"
    assert shop.finish(after=20, good=1, spent=20, comment="une barre voilée").result == "done"
    shop.start(1, after=21)
    assert shop.report(1, good=10, after=30).code == "shop.too_many", "nine came from the saw"
    assert shop.report(1, good=9, after=31).result == "done"


@pytest.mark.requirement("EXE-31")
def test_scrap_has_a_cause_and_proposes_a_relaunch(shop: Shop) -> None:
    shop.start()
    assert shop.report(scrap=2, after=1).code == "shop.cause_missing"
    assert shop.report(scrap=2, after=2, scrap_cause="tool").result == "done"
    (task,) = tasks(shop, "shop.scrap")
    assert "2" in task.title
    assert task.role_code == "production_manager"
    assert shop.operations[0].scrap_qty == 2


@pytest.mark.requirement("EXE-33", "EXE-36")
def test_scrap_on_a_critical_part_blocks_what_follows(build: Build) -> None:
    shop = build(criticality="critical")
    shop.start()
    shop.report(scrap=1, after=1, scrap_cause="machine")
    assert [o.status for o in shop.operations[:2]] == ["in_progress", "blocked"]
    assert tasks(shop, "shop.nonconformity")[0].role_code == "quality_manager"
    assert shop.start(1, after=2, user=shop.bob).code == "shop.operation_blocked"


@pytest.mark.requirement("EXE-38", "TRC-02")
def test_sawing_debits_the_bar_and_ties_its_lot_to_the_parts(shop: Shop) -> None:
    shop.start()
    done = shop.finish(after=30)
    assert "chute" in done.message
    kerf = Decimal(2)
    left = Decimal(3000) - 10 * (70 + kerf)
    assert stock.availability(shop.ctx, shop.steel.id).available == left
    link = shop.ctx.session.scalars(select(PartLotMaterial)).one()
    assert (link.stock_lot_id, link.stock_unit_id) == (shop.lot.id, shop.bar.id)
    cut = shop.ctx.session.scalars(select(TraceEvent).where(TraceEvent.kind == "material.cut")).one()
    assert cut.details is not None
    assert cut.details["stock_lot_ids"] == [shop.lot.id]


def test_a_cut_without_material_in_stock_is_shown_to_the_storekeeper(shop: Shop) -> None:
    shop.operations[0].material = {**(shop.operations[0].material or {}), "material_id": None}
    shop.start()
    assert shop.finish(after=30).result == "done"
    assert tasks(shop, "execution.cut")[0].role_code == "storekeeper"


@pytest.mark.requirement("EXE-15", "EXE-45", "TRC-01", "TRC-04")
def test_the_last_operation_ends_the_order(shop: Shop) -> None:
    at = 0.0
    for index in range(len(shop.operations)):
        assert shop.start(index, after=at).result == "done"
        outcome = shop.finish(index, after=at + 30)
        assert outcome.result == "done", outcome
        at += 31
    assert shop.order.status == "done"
    assert "terminé" in outcome.message
    lot = execution.lot_of(shop.ctx, shop.order.id)
    assert (lot.number, lot.quantity) == (f"{shop.order.number}-L01", Decimal(10))
    kinds = set(events(shop))
    assert {"operation.started", "operation.finished", "operation.opened", "work_order.done"} <= kinds
    life = shop.ctx.session.scalars(select(TraceEvent.kind).where(TraceEvent.part_lot_id == lot.id)).all()
    assert life.count("operation.finished") == len(shop.operations)


@pytest.mark.requirement("EXE-55", "PLN-54", "EDG-26")
def test_contradictions_of_a_late_replay_are_kept_for_a_person(shop: Shop) -> None:
    shop.start()
    shop.finish(after=30)
    late = shop.start(after=10, user=shop.bob, received_after=60)
    assert (late.result, late.code) == ("review", "shop.operation_done")
    bobs = [e for e in shop.times() if e.user_id == shop.bob.id]
    assert bobs[0].started_at == shop.now + dt.timedelta(minutes=10), "at the time it happened"
    assert bobs[0].ended_at == shop.now + dt.timedelta(minutes=30)
    (task,) = tasks(shop, "shop.contradiction")
    assert (task.role_code, task.object_id) == ("workshop_manager", shop.operations[0].id)
    more = shop.finish(after=29, user=shop.bob, received_after=61)
    assert more.result == "review"
    assert shop.operations[0].good_qty == 10, "the office's figures stay until somebody decides"


@pytest.mark.requirement("EXE-12")
def test_a_missing_skill_refuses_a_critical_part_and_warns_on_another(build: Build) -> None:
    shop = build(criticality="critical")
    skill = shop.ctx.add(Skill(code="sciage-x", label="Sciage titane"))
    shop.operations[0].skill_id = skill.id
    shop.ctx.session.flush()
    assert shop.start().code == "shop.not_qualified"
    shop.ctx.add(EmployeeSkill(employee_id=shop.ana.employee_id, skill_id=skill.id, level=3))
    assert shop.start(after=1).result == "done"


@pytest.mark.requirement("TRC-18", "EXE-50")
def test_every_scan_leaves_a_line_even_of_an_unknown_code(shop: Shop) -> None:
    shop.start()
    unknown = shop.send("operation.started", after=1, operation_code="gu:q/nothing", kind="run", means="qr")
    assert (unknown.result, unknown.code) == ("refused", "shop.unknown_code")
    shop.send("scan.read", after=2, code=shop.code(), symbology="QRCODE", purpose="consultation")
    twice = shop.send("scan.read", after=2.05, code=shop.code(), symbology="QRCODE", purpose="consultation")
    assert twice.result == "duplicate"
    lines = shop.ctx.session.scalars(select(ScanEvent).order_by(ScanEvent.occurred_at)).all()
    assert [(s.purpose, s.result) for s in lines] == [
        ("start", "done"), ("start", "shop.unknown_code"), ("consultation", "done"),
    ]  # fmt: skip
    assert lines[0].user_id == shop.ana.id
    assert lines[0].station_id == "st-1"


@pytest.mark.requirement("EXE-16")
def test_a_declaration_is_taken_back_within_five_minutes(shop: Shop) -> None:
    shop.start()
    shop.report(good=4, after=1)
    reported = shop.sent[-1]
    other = shop.send("operation.undone", after=2, undone_uid=str(reported), user=shop.bob)
    assert other.code == "shop.undo_unknown"
    assert shop.send("operation.undone", after=2, undone_uid=str(reported)).result == "done"
    assert shop.operations[0].good_qty == 0
    assert shop.send("operation.undone", after=9, undone_uid=str(shop.sent[0])).code == "shop.undo_late"
    assert shop.start(after=20, user=shop.bob).result == "done"


@pytest.mark.requirement("EXE-41", "EXE-42")
def test_a_suggestion_reaches_methods(shop: Shop) -> None:
    shop.send("comment.added", kind="suggestion", text="Prévoir une butée")
    (task,) = tasks(shop, "comment.suggestion")
    assert task.role_code == "methods"
