"""Learning factors from finished jobs, and an express scenario that names whom it moves (QUO-34, QUO-36, QUO-41)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from coordinator.kernel.context import Context
from coordinator.modules.execution.models import TimeEntry, WorkOrder, WorkOrderOperation
from coordinator.modules.orders.models import SalesOrder, SalesOrderLine
from coordinator.modules.planning.models import MachineSlot
from coordinator.modules.quoting import learned
from coordinator.modules.quoting.models import LearningFactor, Quote, QuoteLine
from coordinator.modules.routings import api as routings
from tests.conftest import master, person
from tests.coordinator.quoting.story import Story


def job(
    ctx: Context, number: int, line: QuoteLine, machine_id: int, *, status: str = "done"
) -> WorkOrderOperation:
    """A work order of a quoted line with one turned operation, planned at 10 min per piece."""
    routing = routings.create_routing(ctx, line.part_revision_id, [], source="quote")
    order = ctx.add(
        WorkOrder(number=f"OF-{number}", routing_id=routing.id, part_revision_id=line.part_revision_id, quantity=Decimal(10),
                  sales_order_line_id=_sold(ctx, number, line))
    )  # fmt: skip
    return ctx.add(
        WorkOrderOperation(
            work_order_id=order.id, sequence_no=10, operation_type="turning", operation_label="Tournage", machine_id=machine_id,
            run_time_min=Decimal(10), setup_time_min=Decimal(40), planned_time_min=Decimal(140), planned_qty=Decimal(10),
            good_qty=Decimal(9), scrap_qty=Decimal(1), status=status,
        )
    )  # fmt: skip


def _sold(ctx: Context, number: int, line: QuoteLine) -> int:
    customer = ctx.get(Quote, line.quote_id).customer_id
    order = ctx.add(SalesOrder(number=f"CMD-{number}", customer_id=customer, order_date=ctx.now.date()))
    sold = ctx.add(
        SalesOrderLine(sales_order_id=order.id, quote_line_id=line.id, part_revision_id=line.part_revision_id,
                       quantity=Decimal(10), unit_price_excl_tax=Decimal(50))
    )  # fmt: skip
    return int(sold.id)


def spent(ctx: Context, operation: WorkOrderOperation, minutes: float, **values: Any) -> None:
    """Running time booked on an operation."""
    start = ctx.now - dt.timedelta(days=2)
    ctx.add(
        TimeEntry(work_order_operation_id=operation.id, machine_id=operation.machine_id, recorded_at=start, started_at=start,
                  ended_at=start + dt.timedelta(minutes=minutes), duration_min=Decimal(str(minutes)), **{"kind": "run", **values})
    )  # fmt: skip


def quoted(story: Story) -> tuple[int, int]:
    """A computed line and the lathe it is turned on."""
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    line = story.sheet(quote["id"])["lines"][0]
    turned = next(o for o in line["operations"] if o["operation_type"] == "turning")
    return line["id"], turned["machine_id"]


def factors(story: Story) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = story.http.get("/api/v1/learning-factors", params={"sort": "id"}).json()[
        "items"
    ]
    return found


@pytest.mark.requirement("QUO-41")
def test_five_slow_jobs_propose_a_factor_that_applies_only_once_accepted(story: Story) -> None:
    line_id, machine_id = quoted(story)
    with story.factory.open(master()) as ctx:
        line = ctx.get(QuoteLine, line_id)
        for number, minutes in enumerate((120, 130, 125, 90), start=1):
            spent(ctx, job(ctx, number, line, machine_id), minutes)
        unsure = job(ctx, 8, line, machine_id)
        spent(ctx, unsure, 900, needs_validation=True)
        spent(ctx, job(ctx, 9, line, machine_id, status="in_progress"), 900)
        assert learned.learn(ctx) == 0, "four jobs are too few"
        last = job(ctx, 5, line, machine_id)
        spent(ctx, last, 60)
        spent(ctx, last, 65)
        spent(ctx, last, 500, kind="setup")
        assert learned.learn(ctx) == 1
        assert learned.learn(ctx) == 0, "told once"
        assert learned.accepted(ctx) == ()
    [row] = factors(story)
    assert (row["status"], row["job_count"]) == ("proposed", 5)
    assert Decimal(row["factor"]) == Decimal("1.25"), "median of 1.2, 1.3, 1.25, 0.9, 1.25"
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")

    def turning() -> Decimal:
        rows = story.sheet(quote["id"])["lines"][0]["operations"]
        return sum((Decimal(o["run_min"]) for o in rows if o["operation_type"] == "turning"), Decimal(0))

    before = turning()
    path = f"/api/v1/learning-factors/{row['id']}/accept"
    assert story.api(person("quoting:read", "quoting:update")).post(path).status_code == 403
    assert story.http.post(path).status_code == 200
    story.act(quote["id"], "compute")
    after = turning()
    assert abs(after / before - Decimal("1.25")) < Decimal("0.005")
    explained = story.sheet(quote["id"])["lines"][0]["operations"]
    marks = [o["sources"]["run_min"]["inputs"] for o in explained if o["operation_type"] == "turning"]
    assert all(m["facteur appris"] == 1.25 for m in marks)
    assert story.http.post(f"/api/v1/learning-factors/{row['id']}/refuse").status_code == 200
    story.act(quote["id"], "compute")
    assert turning() == before


@pytest.mark.requirement("QUO-41")
def test_factors_stay_between_limits_and_a_new_one_replaces_the_old(story: Story) -> None:
    line_id, machine_id = quoted(story)
    with story.factory.open(master()) as ctx:
        line = ctx.get(QuoteLine, line_id)
        for number in range(5):
            spent(ctx, job(ctx, number, line, machine_id), 400)
        assert learned.learn(ctx) == 1
        first = ctx.session.query(LearningFactor).one()
        assert (first.factor, first.median_ratio) == (Decimal("1.5"), Decimal(4))
        learned.accept(ctx, first)
        first.status = "accepted"
        for number in range(10, 21):
            spent(ctx, job(ctx, number, line, machine_id), 110)
        assert learned.learn(ctx) == 1
        second = ctx.session.query(LearningFactor).filter_by(status="proposed").one()
        learned.accept(ctx, second)
        second.status = "accepted"
        ctx.session.flush()
        assert first.status == "superseded"
        assert [f.factor for f in learned.accepted(ctx)] == [1.1]


@pytest.mark.requirement("QUO-34", "QUO-36")
def test_express_names_the_orders_it_would_move_and_moves_none(story: Story) -> None:
    line_id, machine_id = quoted(story)
    with story.factory.open(master()) as ctx:
        running = job(ctx, 77, ctx.get(QuoteLine, line_id), machine_id, status="pending")
        start = dt.datetime.combine(ctx.now.date() + dt.timedelta(days=1), dt.time(7), dt.UTC)
        for day in range(5):
            begin = start + dt.timedelta(days=day)
            ctx.add(
                MachineSlot(machine_id=machine_id, work_order_operation_id=running.id, start_at=begin,
                            end_at=begin + dt.timedelta(hours=8), work_date=begin.date(), estimated_load_min=Decimal(480))
            )  # fmt: skip
        before = [
            (s.id, s.start_at, s.status) for s in ctx.session.query(MachineSlot).order_by(MachineSlot.id)
        ]
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    standard, express, _ = story.sheet(quote["id"])["scenarios"]
    assert express["details"]["moved_orders"] == ["OF-77"]
    assert any("validation d'un responsable" in r for r in express["reasons"])
    assert standard["details"]["moved_orders"] == []
    with story.factory.open(master()) as ctx:
        after = [
            (s.id, s.start_at, s.status) for s in ctx.session.query(MachineSlot).order_by(MachineSlot.id)
        ]
    assert after == before, "the simulated plan changes nothing"


@pytest.mark.requirement("QUO-44")
def test_precision_judges_finished_jobs_and_approved_quotes(story: Story) -> None:
    empty = story.http.get("/api/v1/quotes/precision").json()
    assert (empty["automatic_pct"], empty["near_pct"], empty["near_reached"]) == (None, None, None)
    line_id, machine_id = quoted(story)
    story.approved()
    with story.factory.open(master()) as ctx:
        line = ctx.get(QuoteLine, line_id)
        for number, minutes in enumerate((100, 104, 91, 112, 150), start=1):
            spent(ctx, job(ctx, number, line, machine_id), minutes)
        spent(ctx, job(ctx, 6, line, machine_id), 300, needs_validation=True)
    found = story.http.get("/api/v1/quotes/precision").json()
    assert (found["quotes"], found["automatic_pct"], found["automatic_reached"]) == (1, 100.0, True)
    assert (found["jobs"], found["near_pct"], found["near_reached"]) == (5, 80.0, True)
    assert found["worst"][0]["gap_pct"] == 50.0
    with story.factory.open(master()) as ctx:
        spent(ctx, job(ctx, 7, ctx.get(QuoteLine, line_id), machine_id), 60)
    assert story.http.get("/api/v1/quotes/precision").json()["near_reached"] is False


@pytest.mark.requirement("QUO-44")
def test_precision_judges_the_time_as_quoted_with_its_learned_factor(story: Story) -> None:
    line_id, machine_id = quoted(story)
    with story.factory.open(master()) as ctx:
        group = (ctx.get(QuoteLine, line_id).result or {})["iso513_group"]
        ctx.add(
            LearningFactor(
                machine_id=machine_id, operation_type="turning", iso513_group=group, factor=Decimal("1.25"), median_ratio=Decimal("1.25"),
                lowest_ratio=Decimal("1.2"), highest_ratio=Decimal("1.3"), job_count=6, status="accepted",
            )
        )  # fmt: skip
    line_id, machine_id = quoted(story)
    with story.factory.open(master()) as ctx:
        spent(ctx, job(ctx, 1, ctx.get(QuoteLine, line_id), machine_id), 100)
    found = story.http.get("/api/v1/quotes/precision").json()
    assert found["worst"][0]["gap_pct"] == 0.0, "10 min quoted, the factor within, 10 min spent"


@pytest.mark.requirement("QUO-44")
def test_a_typed_quote_or_one_without_three_prices_is_not_automatic() -> None:
    from coordinator.modules.quoting.engine.accuracy import QuoteFacts, measure

    found = measure(
        [QuoteFacts(True, 3), QuoteFacts(True, 3, True), QuoteFacts(True, 2), QuoteFacts(False, 3)], []
    )
    assert (found["automatic_pct"], found["corrected_pct"], found["automatic_reached"]) == (50.0, 25.0, False)
    assert found["near_pct"] is None
