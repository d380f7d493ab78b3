"""What is handed to persons: protective equipment and measuring instruments (STK-11, STK-12)."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from coordinator.kernel import tasks
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.i18n import t
from coordinator.modules.catalogue.api import PpeItem
from coordinator.modules.machines.api import Machine
from coordinator.modules.people.models import Employee
from coordinator.modules.stock import flow, ledger
from coordinator.modules.stock.ledger import Movement
from coordinator.modules.stock.models import StorageLocation
from coordinator.modules.stock.models_people import Instrument, PpeIssue


def _to(target: str) -> Any:
    return Field(default=None, json_schema_extra={"x-field": {"type": "reference", "target": target}})


class PpeIssueParams(BaseModel):
    """Who gets how many, from where, until when."""

    model_config = ConfigDict(extra="forbid")

    uid: uuid.UUID | None = None
    employee_id: int = Field(json_schema_extra={"x-field": {"type": "reference", "target": "employees"}})
    quantity: Decimal = Field(default=Decimal(1), gt=0, max_digits=14, decimal_places=3)
    location_id: int | None = _to("storage-locations")
    renew_on: dt.date | None = None


class HandParams(BaseModel):
    """To whom, or to which machine."""

    model_config = ConfigDict(extra="forbid")

    employee_id: int | None = _to("employees")
    machine_id: int | None = _to("machines")


class BringBackParams(BaseModel):
    """Where it is put."""

    model_config = ConfigDict(extra="forbid")

    location_id: int = Field(
        json_schema_extra={"x-field": {"type": "reference", "target": "storage-locations"}}
    )


class ExtensionParams(BaseModel):
    """The quality manager's extension: until when and why (QHS-18)."""

    model_config = ConfigDict(extra="forbid")

    until: dt.date
    reason: str = Field(min_length=3, max_length=300)


def issue_ppe(ctx: Context, ppe: PpeItem, params: PpeIssueParams) -> dict[str, Any]:
    """Hand protective equipment to a person; what is out of date or missing is not handed out.

    Raises:
        BusinessError: ``stock.ppe_expired``, ``stock.lot_expired``, ``stock.not_available``.
    """
    if ppe.expires_on is not None and ppe.expires_on < ctx.now.date():
        raise BusinessError("stock.ppe_expired", item=ppe.code, date=f"{ppe.expires_on:%d/%m/%Y}")
    employee = ctx.get(Employee, params.employee_id)
    ledger.lock_item(ctx, ppe.id)
    known = ledger.by_uid(ctx, params.uid)
    if known is not None:
        query = select(PpeIssue.id).where(PpeIssue.stock_movement_id == known.id)
        return {"ppe_issue_id": ctx.session.scalar(query)}
    free = ledger.on_hand(ctx, ppe.id, location_id=params.location_id, usable_only=True)
    if free < params.quantity:
        raise BusinessError("stock.not_available", item=ppe.code, free=free.normalize(), unit=ppe.unit)
    rows = flow.take(
        ctx,
        Movement(
            ppe.id,
            params.quantity,
            "issue",
            "manual",
            from_location_id=params.location_id,
            to_holder=f"employee:{employee.id}",
            uid=params.uid,
        ),
        skip_expired=True,
    )
    issue = ctx.add(
        PpeIssue(
            label=f"{ppe.name} · {employee.first_name} {employee.last_name}"[:200],
            employee_id=employee.id,
            ppe_item_id=ppe.id,
            issued_on=ctx.now.date(),
            quantity=params.quantity,
            renew_on=params.renew_on,
            stock_movement_id=rows[0].id,
        )
    )
    return {"ppe_issue_id": issue.id}


def refusal(instrument: Instrument, today: dt.date) -> str | None:
    """Why an instrument must not measure today: ``status``, ``noncompliant`` or ``expired``; ``None`` when it may."""
    if instrument.status != "in_service" or instrument.archived_at is not None:
        return "status"
    if instrument.extended_until is not None and instrument.extended_until >= today:
        return None
    if not instrument.is_compliant:
        return "noncompliant"
    due = instrument.next_calibration_due
    return "expired" if due is not None and due < today else None


def equivalents(ctx: Context, instrument: Instrument) -> list[Instrument]:
    """Present, valid instruments of the same type and range."""
    query = select(Instrument).where(
        Instrument.instrument_type == instrument.instrument_type,
        Instrument.id != instrument.id,
        Instrument.is_present,
        Instrument.archived_at.is_(None),
    )
    if instrument.measuring_range:
        query = query.where(Instrument.measuring_range == instrument.measuring_range)
    found = ctx.session.scalars(query.order_by(Instrument.next_calibration_due.desc().nulls_last()))
    return [one for one in found if refusal(one, ctx.now.date()) is None]


def hand_out(ctx: Context, instrument: Instrument, params: HandParams) -> None:
    """Give an instrument to a person or a machine.

    Raises:
        BusinessError: ``stock.instrument_refused`` with equivalents in stock; a return slip is prepared, as a task.
    """
    if (params.employee_id is None) == (params.machine_id is None):
        raise BusinessError("stock.instrument_target")
    why = refusal(instrument, ctx.now.date())
    if why is not None:
        _refuse(ctx, instrument, why)
    if not instrument.is_present:
        raise BusinessError("stock.instrument_out", name=instrument.name)
    if params.employee_id is not None:
        ctx.get(Employee, params.employee_id)
    else:
        ctx.get(Machine, params.machine_id)
    if instrument.stock_item_id is not None:
        key = (
            f"employee:{params.employee_id}"
            if params.employee_id is not None
            else flow.holder(machine_id=params.machine_id)
        )
        movement = Movement(
            instrument.stock_item_id,
            Decimal(1),
            "issue",
            from_location_id=instrument.storage_location_id,
            to_holder=key,
            comment=instrument.serial_number,
        )
        flow.take(ctx, movement)
    instrument.employee_id, instrument.machine_id = params.employee_id, params.machine_id
    instrument.is_present = False


def _refuse(ctx: Context, instrument: Instrument, why: str) -> None:
    others = equivalents(ctx, instrument)
    reason = t(f"stock.instrument.{why}", ctx.locale)
    words = ", ".join(f"{o.name} ({o.serial_number})" for o in others[:3])
    hint = t("stock.instrument.instead", ctx.locale, others=words) if words else ""
    raise BusinessError(
        "stock.instrument_refused",
        extra={
            "equivalents": [{"id": o.id, "display": f"{o.name} · {o.serial_number}"} for o in others],
            "return_slip": f"/api/v1/instruments/{instrument.id}/return-slip.pdf",
        },
        name=f"{instrument.name} {instrument.serial_number}",
        reason=reason,
        hint=hint,
    )


def bring_back(ctx: Context, instrument: Instrument, params: BringBackParams) -> None:
    """Back to its place."""
    place = ctx.get(StorageLocation, params.location_id)
    if instrument.stock_item_id is not None and not instrument.is_present:
        keys = [f"employee:{instrument.employee_id}", flow.holder(machine_id=instrument.machine_id)]
        movement = Movement(
            instrument.stock_item_id,
            Decimal(1),
            "return",
            to_location_id=place.id,
            comment=instrument.serial_number,
        )
        flow.give_back(ctx, movement, keys)
    instrument.storage_location_id = place.id
    instrument.employee_id = instrument.machine_id = None
    instrument.is_present = True


def extend(ctx: Context, instrument: Instrument, params: ExtensionParams) -> None:
    """Only the quality manager lets an instrument serve beyond its date.

    Raises:
        BusinessError: ``stock.extension_past``.
    """
    if params.until < ctx.now.date():
        raise BusinessError("stock.extension_past")
    instrument.extended_until = params.until
    instrument.extended_by_id = ctx.principal.user_id
    instrument.extension_reason = params.reason


def call_back(ctx: Context) -> int:
    """Once a day: whoever holds an instrument that may not measure any more is asked for it."""
    query = select(Instrument).where(Instrument.archived_at.is_(None), Instrument.is_present.is_(False))
    asked = 0
    for instrument in ctx.session.scalars(query):
        why = refusal(instrument, ctx.now.date())
        if why is None:
            continue
        title = t("task.instrument_return", ctx.locale, name=f"{instrument.name} {instrument.serial_number}")
        due = instrument.next_calibration_due or ctx.now.date()
        key = f"instrument_return:{instrument.id}:{due.isoformat()}:{why}"
        tasks.open_task(
            ctx, "stock.instrument_return", title, instrument, role="quality_manager", dedupe_key=key
        )
        asked += 1
    return asked
