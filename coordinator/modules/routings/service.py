"""Making, checking and versioning routings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, Field
from sqlalchemy import select

from coordinator.kernel import numbering, qr, tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.i18n import t
from coordinator.modules.machines.api import Machine
from coordinator.modules.routings import rules
from coordinator.modules.routings.models import (
    OperationDependency,
    OperationMaterial,
    OperationTool,
    Routing,
    RoutingOperation,
)

EDITABLE = ("draft", "to_validate")


@dataclass(frozen=True)
class ToolInput:
    """A planned tool: of the catalogue, or in words."""

    tool_id: int | None = None
    text: str | None = None
    cutting_data_id: int | None = None
    position: int | None = None
    cutting_min: Decimal | None = None
    """Minutes in the cut for one part."""


@dataclass(frozen=True)
class MaterialInput:
    """Material of an operation; lengths in mm, ``cut_count_per_piece`` blanks for one part."""

    material_id: int | None
    shape: str = "round"
    diameter_mm: Decimal | None = None
    width_mm: Decimal | None = None
    thickness_mm: Decimal | None = None
    cut_length_mm: Decimal | None = None
    cut_count_per_piece: Decimal = Decimal(1)
    stock_lot_id: int | None = None
    stock_unit_id: int | None = None


@dataclass(frozen=True)
class RoutingOperationInput:
    """One row of a new routing; times in minutes per piece or lot (``time_basis``).

    ``sequence_no`` empty takes the next ten. ``predecessors`` are sequence numbers; ``None`` means the row before,
    ``()`` none at all (parallel branch). ``transfer_qty`` lets a batch pass on before the whole lot (RTG-12).
    """

    operation_type: str
    operation_label: str
    planned_time_min: Decimal = Decimal(0)
    setup_time_min: Decimal = Decimal(0)
    time_basis: str = "piece"
    sequence_no: int | None = None
    machine_id: int | None = None
    attendance_pct: Decimal = Decimal(100)
    inspection_means: str | None = None
    supplier_id: int | None = None
    external_days: int | None = None
    skill_id: int | None = None
    is_critical: bool = False
    instructions: str | None = None
    conditions: dict[str, Any] | None = None
    tools: Sequence[ToolInput] = ()
    material: MaterialInput | None = None
    predecessors: Sequence[int] | None = None
    transfer_qty: Decimal | None = None


@dataclass
class OperationSet:
    """A routing's operations with everything that belongs to them, in order."""

    operations: list[RoutingOperation]
    tools: dict[int, list[OperationTool]] = field(default_factory=dict)
    materials: dict[int, list[OperationMaterial]] = field(default_factory=dict)
    dependencies: dict[int, list[OperationDependency]] = field(default_factory=dict)


def operations_of(ctx: Context, routing_id: int) -> OperationSet:
    """Operations, tools, materials and declared dependencies of a routing."""
    query = select(RoutingOperation).where(
        RoutingOperation.routing_id == routing_id, RoutingOperation.archived_at.is_(None)
    )
    found = OperationSet(list(ctx.session.scalars(query.order_by(RoutingOperation.sequence_no))))
    ids = [operation.id for operation in found.operations]
    parts: tuple[tuple[Any, dict[int, list[Any]]], ...] = (
        (OperationTool, found.tools), (OperationMaterial, found.materials), (OperationDependency, found.dependencies),
    )  # fmt: skip
    for model, target in parts:
        rows = select(model).where(model.routing_operation_id.in_(ids), model.archived_at.is_(None))
        for row in ctx.session.scalars(rows.order_by(model.id)):
            target.setdefault(row.routing_operation_id, []).append(row)
    return found


def create_routing(
    ctx: Context, part_revision_id: int | None, operations: Sequence[RoutingOperationInput], *,
    source: str = "manual", name: str | None = None, is_template: bool = False, notes: str | None = None,
    complete: bool = True,
) -> Routing:  # fmt: skip
    """Make a draft routing; ``complete`` adds the last operations every routing has (RTG-14).

    Without operations the routing is kept empty and methods get a task (RTG-46).

    Raises:
        BusinessError: ``routing.refused`` with one entry per contradiction (RTG-47).
    """
    rows = _numbered(operations)
    if rows and complete and not is_template:
        rows += _missing_finals(ctx, rows)
    findings = rules.check([_row(row) for row in rows], final_operations=False) if rows else []
    refuse(ctx, findings)
    routing = Routing(
        part_revision_id=part_revision_id, name=name, source=source, is_template=is_template, notes=notes
    )
    routing.number = numbering.next_number(ctx, "routing")
    ctx.add(routing)
    made: dict[int, RoutingOperation] = {}
    for row in rows:
        made[row.sequence_no or 0] = _add_operation(ctx, routing, row)
    for row in rows:
        _add_dependencies(ctx, made, row)
    if not rows:
        title = t("task.routing_empty", ctx.locale, number=routing.number)
        tasks.open_task(
            ctx, "routing.empty", title, routing, role="methods", dedupe_key=f"routing_empty:{routing.id}"
        )
    ctx.emit("routing.created", {"id": routing.id, "source": source})
    return routing


def _numbered(operations: Sequence[RoutingOperationInput]) -> list[RoutingOperationInput]:
    from dataclasses import replace

    rows = []
    last = 0
    for row in operations:
        number = row.sequence_no if row.sequence_no is not None else last - last % 10 + 10
        last = max(last, number)
        rows.append(replace(row, sequence_no=number))
    return rows


def _missing_finals(ctx: Context, rows: Sequence[RoutingOperationInput]) -> list[RoutingOperationInput]:
    present = {row.operation_type for row in rows}
    number = max(row.sequence_no or 0 for row in rows)
    found = []
    for kind in rules.FINAL_TYPES:
        if kind in present:
            continue
        number += 10 - number % 10
        label = t(f"routing.final.{kind}", ctx.locale)
        minutes = ctx.settings.decimal("routing.final_operation_min")
        found.append(RoutingOperationInput(kind, label, minutes, time_basis="lot", sequence_no=number))
    return found


def _row(row: RoutingOperationInput) -> rules.Row:
    return rules.Row(
        row.sequence_no or 0, row.operation_type, row.operation_label, row.setup_time_min, row.planned_time_min,
        row.external_days, row.supplier_id is not None or bool(row.external_days),
        None if row.predecessors is None else tuple(row.predecessors),
    )  # fmt: skip


def _add_operation(ctx: Context, routing: Routing, row: RoutingOperationInput) -> RoutingOperation:
    names = (
        "sequence_no", "operation_type", "operation_label", "machine_id", "setup_time_min", "planned_time_min", "time_basis",
        "attendance_pct", "inspection_means", "supplier_id", "external_days", "skill_id", "is_critical", "instructions",
        "conditions",
    )  # fmt: skip
    operation = RoutingOperation(routing_id=routing.id, **{n: getattr(row, n) for n in names})
    _check_machine(ctx, operation)
    ctx.add(operation)
    qr.code_of(ctx, operation)
    for index, tool in enumerate(row.tools, 1):
        ctx.session.add(
            OperationTool(
                routing_operation_id=operation.id, tool_id=tool.tool_id, tool_text=tool.text,
                cutting_data_id=tool.cutting_data_id, position=tool.position or index,
                cutting_min=tool.cutting_min,
            )
        )  # fmt: skip
    if row.material is not None:
        ctx.session.add(OperationMaterial(routing_operation_id=operation.id, **vars(row.material)))
    ctx.session.flush()
    return operation


def _add_dependencies(ctx: Context, made: dict[int, RoutingOperation], row: RoutingOperationInput) -> None:
    if row.predecessors is None and row.transfer_qty is None:
        return
    numbers = sorted(made)
    index = numbers.index(row.sequence_no or 0)
    wanted = list(row.predecessors) if row.predecessors is not None else numbers[max(0, index - 1) : index]
    # A row that waits for nothing is told from one without declaration by a dependency on nobody.
    for number in wanted or [0]:
        predecessor = made[number].id if number else 0
        ctx.session.add(
            OperationDependency(
                routing_operation_id=made[row.sequence_no or 0].id, predecessor_id=predecessor,
                transfer_qty=row.transfer_qty,
            )
        )  # fmt: skip
    ctx.session.flush()


def rows_of(found: OperationSet) -> list[rules.Row]:
    """The stored operations as the rules see them."""
    numbers = {operation.id: operation.sequence_no for operation in found.operations}
    rows = []
    for operation in found.operations:
        declared = found.dependencies.get(operation.id)
        before = None
        if declared is not None:
            before = tuple(
                numbers.get(d.predecessor_id, -d.predecessor_id) for d in declared if d.predecessor_id
            )
        external = operation.supplier_id is not None or bool(operation.external_days)
        rows.append(
            rules.Row(
                operation.sequence_no, operation.operation_type, operation.operation_label, operation.setup_time_min,
                operation.planned_time_min, operation.external_days, external, before,
            )
        )  # fmt: skip
    return rows


def refuse(ctx: Context, findings: Sequence[rules.Finding]) -> None:
    """Raise every finding at once.

    Raises:
        BusinessError: ``routing.refused``.
    """
    if findings:
        errors = [
            FieldError(
                f"operation {f.sequence_no}" if f.sequence_no else "operations", f.code, dict(f.params)
            )
            for f in findings
        ]
        words = " ".join(t(f"error.{f.code}", ctx.locale, **f.params) for f in findings)
        raise BusinessError("routing.refused", errors=errors, reasons=words)


def check_routing(ctx: Context, routing: Routing) -> None:
    """Everything of RTG-09, 12, 14 and 47 on the stored rows.

    Raises:
        BusinessError: ``routing.refused``.
    """
    found = operations_of(ctx, routing.id)
    finals = not routing.is_template and bool(ctx.settings.get("routing.require_final_operations"))
    findings = rules.check(rows_of(found), final_operations=finals)
    retired = _retired(ctx, [o.machine_id for o in found.operations if o.machine_id is not None])
    for operation in found.operations:
        if operation.machine_id in retired:
            params = {"number": operation.sequence_no, "machine": retired[operation.machine_id]}
            findings.append(rules.Finding("routing.machine_retired", operation.sequence_no, params))
    refuse(ctx, findings)


def _retired(ctx: Context, machine_ids: Sequence[int]) -> dict[int | None, str]:
    query = select(Machine.id, Machine.name).where(Machine.id.in_(machine_ids))
    query = query.where((Machine.status == "retired") | Machine.archived_at.is_not(None))
    return dict(ctx.session.execute(query).tuples().all())


def _check_machine(ctx: Context, operation: RoutingOperation) -> None:
    if operation.machine_id is not None:
        retired = _retired(ctx, [operation.machine_id])
        if retired:
            params = {"number": operation.sequence_no, "machine": retired[operation.machine_id]}
            refuse(ctx, [rules.Finding("routing.machine_retired", operation.sequence_no, params)])


# --- hooks of the entities and commands -----------------------------------------------------------------------


def on_create_routing(ctx: Context, routing: Routing) -> None:
    """A routing made by hand takes its number."""
    routing.number = numbering.next_number(ctx, "routing")


def _editable(ctx: Context, routing_id: int | None) -> None:
    if routing_id is None:
        return
    routing = ctx.get(Routing, routing_id)
    if routing.status not in EDITABLE:
        raise Conflict("routing.locked", number=routing.number, version=routing.version_no)


def on_save_operation(ctx: Context, operation: RoutingOperation) -> None:
    """A validated routing changes by a new version; a row has positive times and a machine in use (RTG-47)."""
    _editable(ctx, operation.routing_id)
    _check_machine(ctx, operation)
    row = rules.Row(
        operation.sequence_no, operation.operation_type or "other", operation.operation_label,
        operation.setup_time_min or Decimal(0), operation.planned_time_min or Decimal(0),
    )  # fmt: skip
    findings = [
        f for f in rules.check([row], final_operations=False)
        if f.code != "routing.time" or row.setup_time_min < 0 or row.planned_time_min < 0
    ]  # fmt: skip
    refuse(ctx, findings)


def on_save_part(ctx: Context, record: Any) -> None:
    """Tools, materials and dependencies follow their operation."""
    if record.routing_operation_id is not None:
        _editable(ctx, ctx.get(RoutingOperation, record.routing_operation_id).routing_id)
    for name in ("diameter_mm", "width_mm", "thickness_mm", "cut_length_mm", "cut_count_per_piece"):
        value = getattr(record, name, None)
        if value is not None and value <= 0:
            raise BusinessError(
                "routing.material", errors=[FieldError(name, "field.greater_than", {"limit": 0})]
            )


def submit(ctx: Context, routing: Routing, _params: Any) -> None:
    """Ask for validation: methods managers find it in their inbox (RTG-42)."""
    check_routing(ctx, routing)
    title = t("task.routing_to_validate", ctx.locale, number=routing.number)
    key = f"routing_validate:{routing.id}:{routing.row_version}"
    tasks.open_task(ctx, "routing.validate", title, routing, role="methods_manager", dedupe_key=key)


def validate(ctx: Context, routing: Routing, _params: Any) -> None:
    """A person answers for it; older versions of the same number leave service (RTG-16, RTG-17)."""
    check_routing(ctx, routing)
    routing.validated_by_id = ctx.principal.user_id
    routing.validated_at = ctx.now
    query = select(Routing).where(
        Routing.number == routing.number, Routing.id != routing.id, Routing.status == "validated"
    )
    from coordinator.kernel.lifecycle import move

    for older in ctx.session.scalars(query):
        move(ctx, older, "retire")


class VersionParams(BaseModel):
    """Why a new version is made."""

    reason: str | None = Field(default=None, max_length=300)


def new_version(ctx: Context, routing: Routing, params: VersionParams) -> dict[str, Any]:
    """Copy a routing as the draft of its next version (RTG-21)."""
    numbers = select(Routing.version_no).where(Routing.number == routing.number)
    copy = Routing(
        number=routing.number, version_no=max(ctx.session.scalars(numbers)) + 1, part_revision_id=routing.part_revision_id,
        name=routing.name, source=routing.source, is_template=routing.is_template, notes=params.reason or routing.notes,
    )  # fmt: skip
    ctx.add(copy)
    copy_operations(ctx, routing.id, copy)
    return {"id": copy.id, "version_no": copy.version_no}


def copy_operations(ctx: Context, source_id: int, target: Routing) -> None:
    """Copy every row of a routing into another one."""
    found = operations_of(ctx, source_id)
    new_ids: dict[int, int] = {0: 0}
    for operation in found.operations:
        twin = _twin(operation, routing_id=target.id)
        ctx.add(twin)
        qr.code_of(ctx, twin)
        new_ids[operation.id] = twin.id
    parts: list[list[Any]] = [*found.tools.values(), *found.materials.values(), *found.dependencies.values()]
    for rows in parts:
        for row in rows:
            twin = _twin(row, routing_operation_id=new_ids[row.routing_operation_id])
            if isinstance(row, OperationDependency):
                twin.predecessor_id = new_ids[row.predecessor_id]
            ctx.session.add(twin)
    ctx.session.flush()


def _twin(record: Any, **changes: Any) -> Any:
    columns = [c.key for c in type(record).__table__.columns if "field" in c.info]
    return type(record)(**{**{name: getattr(record, name) for name in columns}, **changes})
