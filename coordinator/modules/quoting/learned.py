"""Learning from finished jobs: real times and corrections against estimates, proposed, applied only once accepted (QUO-41)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.modules.machines.models import Machine
from coordinator.modules.quoting.engine.learning import JobRecord, LearnedFactor, Proposal, propose
from coordinator.modules.quoting.models import LearningFactor, Quote, QuoteLine, QuoteLineOperation

_WORTH_TELLING = Decimal("0.02")
"""A factor nearer than this to the one in force is not proposed again."""


def accepted(ctx: Context) -> tuple[LearnedFactor, ...]:
    """Factors in force, as the engine takes them."""
    query = (
        select(LearningFactor, Machine.code)
        .join(Machine, Machine.id == LearningFactor.machine_id)
        .where(LearningFactor.status == "accepted", LearningFactor.archived_at.is_(None))
        .order_by(LearningFactor.id)
    )
    return tuple(
        LearnedFactor(code, row.operation_type, row.iso513_group, float(row.factor))
        for row, code in ctx.session.execute(query).tuples()
    )


def learn(ctx: Context) -> int:
    """Compare finished jobs with their estimates and propose factors. Answers how many proposals are new."""
    machines = dict(ctx.session.execute(select(Machine.code, Machine.id)).tuples().all())
    count = 0
    for found in propose(_records(ctx)):
        count += _keep(ctx, found, machines[found.factor.machine])
    if count:
        title = f"Temps appris : {count} facteur(s) à accepter ou à refuser"
        tasks.notify(ctx, "info", "quoting", title, role="management")
    return count


def _keep(ctx: Context, found: Proposal, machine_id: int) -> bool:
    """Store a proposal unless it says what is already in force, proposed or refused."""
    key = {
        "machine_id": machine_id,
        "operation_type": found.factor.process,
        "iso513_group": found.factor.material_group,
    }
    earlier = list(ctx.session.scalars(select(LearningFactor).filter_by(**key).order_by(LearningFactor.id)))
    factor = Decimal(str(found.factor.factor))
    in_force = next((r.factor for r in earlier if r.status == "accepted"), Decimal(1))
    last = next((r for r in reversed(earlier) if r.status in ("proposed", "refused")), None)
    is_known = last is not None and abs(last.factor - factor) < _WORTH_TELLING
    if is_known or abs(in_force - factor) < _WORTH_TELLING:
        return False
    for row in earlier:
        if row.status == "proposed":
            row.status = "superseded"
    ctx.add(
        LearningFactor(
            **key,
            factor=factor,
            median_ratio=Decimal(str(found.raw_factor)),
            lowest_ratio=Decimal(str(found.spread[0])),
            highest_ratio=Decimal(str(found.spread[1])),
            job_count=found.jobs,
        )
    )
    return True


def accept(ctx: Context, row: LearningFactor, _params: Any = None) -> None:
    """From the next computation on the factor multiplies the run times; it replaces the one before."""
    query = select(LearningFactor).filter_by(
        machine_id=row.machine_id, operation_type=row.operation_type, iso513_group=row.iso513_group, status="accepted"
    )  # fmt: skip
    for other in ctx.session.scalars(query):
        other.status = "superseded"
    decide(ctx, row)


def decide(ctx: Context, row: LearningFactor, _params: Any = None) -> None:
    """Write down who decided."""
    row.decided_by_id, row.decided_at = ctx.principal.user_id, ctx.now


def _records(ctx: Context) -> Iterator[JobRecord]:
    """Real times of finished operations; where a quoted line has none, the corrections a person made to it."""
    measured: set[int] = set()
    for line_id, machine_id, record in _real(ctx):
        measured.add(line_id)
        factor = _factor_used(ctx, line_id, machine_id, record.process)
        yield replace(record, estimated_min=record.estimated_min / factor)
    for line_id, record in _corrections(ctx):
        if line_id not in measured:
            yield record


def finished(ctx: Context) -> Iterator[JobRecord]:
    """Real against quoted running times of finished operations, learned factors included, without the corrections made in
    quotes."""
    for _, _, record in _real(ctx):
        yield record


def _real(ctx: Context) -> Iterator[tuple[int, int, JobRecord]]:
    """Quote line, machine, record: running time per good, scrapped or reworked piece against the planned one, back through order line and quote line.

    Execution and orders stand above quoting: they are read through the registry. Times that a manager has not confirmed
    stay out (EXE-19).
    """
    names = ("work_order_operation", "work_order", "time_entry", "sales_order_line")
    specs = [ctx.registry.entities.get(name) for name in names]
    if any(spec is None for spec in specs):
        return
    operation, order, entry, sold = (spec.model for spec in specs if spec is not None)  # type: Any, Any, Any, Any
    real = func.sum(func.coalesce(entry.confirmed_min, entry.duration_min)).label("real_min")
    query = (
        select(operation, order.number, QuoteLine, Machine.code, real)
        .join(order, order.id == operation.work_order_id)
        .join(sold, sold.id == order.sales_order_line_id)
        .join(QuoteLine, QuoteLine.id == sold.quote_line_id)
        .join(Machine, Machine.id == operation.machine_id)
        .join(entry, entry.work_order_operation_id == operation.id)
        .where(operation.status == "done", entry.kind == "run", entry.ended_at.is_not(None))
        .where(entry.needs_validation.is_(False), entry.archived_at.is_(None))
        .group_by(operation.id, order.number, QuoteLine.id, Machine.code)
        .order_by(operation.id)
    )
    for done, number, line, code, minutes in ctx.session.execute(query):
        pieces = float(done.good_qty + done.scrap_qty + done.rework_qty)
        group = (line.result or {}).get("iso513_group")
        if pieces <= 0 or not group or minutes is None:
            continue
        planned, spent = float(done.run_time_min), float(minutes) / pieces
        yield line.id, done.machine_id, JobRecord(number, code, done.operation_type, group, planned, spent)


def _factor_used(ctx: Context, line_id: int, machine_id: int, operation_type: str) -> float:
    """The factor already inside the quoted time, so that a learned one is not learned again."""
    query = select(QuoteLineOperation.sources).filter_by(
        quote_line_id=line_id, machine_id=machine_id, operation_type=operation_type, archived_at=None
    )
    for sources in ctx.session.scalars(query):
        mark = (sources or {}).get("run_min") or {}
        if factor := _learned_in(mark):
            return factor
    return 1.0


def _learned_in(mark: dict[str, Any]) -> float:
    inputs = (mark.get("replaced") or mark).get("inputs") or {}
    return float(inputs.get("facteur appris") or 1.0)


def _corrections(ctx: Context) -> Iterator[tuple[int, JobRecord]]:
    """Run times typed over in quotes that a person approved."""
    query = (
        select(QuoteLineOperation, QuoteLine, Quote.number, Machine.code)
        .join(QuoteLine, QuoteLine.id == QuoteLineOperation.quote_line_id)
        .join(Quote, Quote.id == QuoteLine.quote_id)
        .join(Machine, Machine.id == QuoteLineOperation.machine_id)
        .where(Quote.approved_at.is_not(None), QuoteLineOperation.is_manual, QuoteLine.method == "ai")
        .where(QuoteLineOperation.archived_at.is_(None), QuoteLine.archived_at.is_(None))
        .order_by(QuoteLineOperation.id)
    )
    for row, line, number, code in ctx.session.execute(query).tuples():
        mark = (row.sources or {}).get("run_min") or {}
        group = (line.result or {}).get("iso513_group")
        if mark.get("computed") is None or not group:
            continue
        estimated = float(mark["computed"]) / _learned_in(mark)
        job = f"{number}/{line.line_no}"
        yield line.id, JobRecord(job, code, row.operation_type, group, estimated, float(row.run_min))
