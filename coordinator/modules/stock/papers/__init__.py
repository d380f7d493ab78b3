"""Papers of stock: the return slip of an instrument."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from coordinator.kernel import qr
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.kernel.papers import render
from coordinator.modules.machines.api import Machine
from coordinator.modules.people.models import Employee
from coordinator.modules.stock import handing_out
from coordinator.modules.stock.models_people import Instrument


@dataclass(frozen=True, slots=True)
class ReturnSlip:
    """An instrument to bring back: why, who has it, what to take instead."""

    name: str
    serial_number: str
    instrument_type: str
    reason: str
    holder: str
    due: str
    printed_on: str
    qr: str
    instead: list[str]


def instrument_slip(ctx: Context, instrument: Instrument) -> bytes:
    """PDF of the slip, A5."""
    why = handing_out.refusal(instrument, ctx.now.date())
    employee = ctx.session.get(Employee, instrument.employee_id) if instrument.employee_id else None
    machine = ctx.session.get(Machine, instrument.machine_id) if instrument.machine_id else None
    holder = f"{employee.first_name} {employee.last_name}" if employee else machine.name if machine else "—"
    data = ReturnSlip(
        instrument.name,
        instrument.serial_number,
        instrument.instrument_type,
        t(f"stock.instrument.{why}", ctx.locale) if why else t("stock.instrument.valid", ctx.locale),
        holder,
        _day(instrument.next_calibration_due),
        _day(ctx.now.date()),
        qr.code_of(ctx, instrument),
        [f"{one.name} · {one.serial_number}" for one in handing_out.equivalents(ctx, instrument)[:5]],
    )
    return render(Path(__file__).parent / "return_slip.typ", data)


def _day(day: dt.date | None) -> str:
    return f"{day:%d/%m/%Y}" if day is not None else "—"
