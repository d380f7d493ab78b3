"""Trades, VAT rates, module switches and the default calendar (SET-09, SET-11, SET-19, SET-43)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.modules.company.models import ActivityType, ModuleActivation, Shift, VatRate, WorkCalendar

CORE = ("users_access", "settings", "documents", "traceability", "platform", "updates", "assistant")
MODULES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CORE, ()),
    "crm": (), "purchasing": ("crm",), "drawing_analysis": (), "quoting": ("crm", "drawing_analysis", "machines", "materials"),
    "orders": ("crm", "quoting"), "routing": ("machines",), "methods": ("routing",), "cam": ("machines",), "machines": (),
    "tools": ("stock",), "materials": ("stock",), "ppe": ("stock",), "instruments": (), "stock": (), "vision": ("stock",),
    "quality": (), "qhse": ("quality",), "audits": ("quality",), "planning": ("machines", "routing"),
    "time_tracking": ("routing",), "maintenance": ("machines",), "hr": (), "invoicing": ("orders",), "finance": ("invoicing",),
    "statistics": (), "projects": (), "robots": ("machines",), "integrations": (),
}  # fmt: skip
"""Parts of the software and what each needs."""

_MACHINING = ("deburring", "washing", "marking", "inspection", "logistics", "packaging")
TRADES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "machining": (
        "Usinage",
        "machining",
        ("cutting", "turning", "milling", "drilling", "grinding", "edm", "treatment", *_MACHINING),
    ),
    "turning": ("Tournage", "machining", ("cutting", "turning", "drilling", *_MACHINING)),
    "milling": ("Fraisage", "machining", ("cutting", "milling", "drilling", *_MACHINING)),
    "drilling": ("Perçage, alésage", "machining", ("drilling", *_MACHINING)),
    "grinding": ("Rectification", "machining", ("grinding", *_MACHINING)),
    "gear_cutting": ("Taillage d'engrenages", "machining", ("milling", "grinding", *_MACHINING)),
    "edm": ("Électro-érosion (fil, enfonçage)", "machining", ("edm", *_MACHINING)),
    "cutting": (
        "Sciage, découpe (laser, plasma, jet d'eau)",
        "cutting",
        ("cutting", "deburring", "logistics", "packaging"),
    ),
    "sheet_metal": (
        "Tôlerie",
        "sheet_metal",
        ("cutting", "bending", "welding", "deburring", "inspection", "packaging"),
    ),
    "bending": ("Pliage, cintrage", "sheet_metal", ("bending", "inspection", "packaging")),
    "boiler_making": (
        "Chaudronnerie",
        "sheet_metal",
        ("cutting", "bending", "welding", "inspection", "packaging"),
    ),
    "welding": ("Soudure", "sheet_metal", ("welding", "inspection", "packaging")),
    "forging": ("Forge", "forming", ("other", "treatment", "inspection", "packaging")),
    "stamping": ("Estampage, emboutissage", "forming", ("other", "deburring", "inspection", "packaging")),
    "foundry": ("Fonderie", "forming", ("moulding", "deburring", "treatment", "inspection", "packaging")),
    "plastics": (
        "Plasturgie (injection, extrusion, thermoformage)",
        "plastics",
        ("moulding", "inspection", "packaging"),
    ),
    "composites": ("Composites", "plastics", ("moulding", "assembly", "inspection", "packaging")),
    "additive": ("Fabrication additive", "additive", ("other", "deburring", "inspection", "packaging")),
    "heat_treatment": ("Traitement thermique", "treatment", ("treatment", "inspection", "packaging")),
    "surface_treatment": (
        "Traitement de surface",
        "treatment",
        ("washing", "treatment", "inspection", "packaging"),
    ),
    "painting": ("Peinture", "treatment", ("washing", "treatment", "inspection", "packaging")),
    "mould_making": (
        "Fabrication de moules et d'outillages",
        "machining",
        ("milling", "edm", "grinding", "assembly", "inspection"),
    ),
    "assembly": ("Montage mécanique", "assembly", ("assembly", "inspection", "packaging")),
    "electrical": ("Armoires électriques", "assembly", ("assembly", "inspection", "packaging")),
    "robotics": ("Robotique, machines spéciales", "assembly", ("assembly", "inspection", "packaging")),
    "industrial_maintenance": ("Maintenance industrielle", "service", ("other", "inspection")),
    "metrology": ("Laboratoire de métrologie", "service", ("inspection",)),
    "wood": ("Bois", "other", ("cutting", "milling", "assembly", "packaging")),
    "glass": ("Verre", "other", ("cutting", "other", "packaging")),
    "ceramics": ("Céramique", "other", ("moulding", "treatment", "packaging")),
    "textile": ("Textile", "other", ("cutting", "assembly", "packaging")),
    "food": ("Agroalimentaire", "process", ("other", "inspection", "packaging")),
    "pharmaceutical": ("Pharmacie", "process", ("other", "inspection", "packaging")),
    "chemical": ("Chimie", "process", ("other", "inspection", "packaging")),
    "other": ("Autre", "other", ("other",)),
}
"""Label, family and operation types of each trade."""

_VAT = {"normal": ("Taux normal", "20"), "intermediate": ("Taux intermédiaire", "10"), "reduced": ("Taux réduit", "5.5"),
        "special": ("Taux particulier", "2.1"), "zero": ("Exonéré, exportation", "0")}  # fmt: skip


def seed(ctx: Context) -> None:
    """Create what is missing; nothing the owner changed is touched."""
    trades = set(ctx.session.scalars(select(ActivityType.code)))
    for code, (label, family, operations) in TRADES.items():
        if code not in trades:
            ctx.session.add(
                ActivityType(code=code, label=label, family=family, operation_types=list(operations))
            )
    rates = set(ctx.session.scalars(select(VatRate.code)))
    for code, (label, rate) in _VAT.items():
        if code not in rates:
            line = VatRate(code=code, label=label, rate_pct=Decimal(rate), valid_from=dt.date(2014, 1, 1))
            line.is_default = code == "normal"
            ctx.session.add(line)
    modules = set(ctx.session.scalars(select(ModuleActivation.module_code)))
    for code, needs in MODULES.items():
        if code not in modules:
            ctx.session.add(
                ModuleActivation(
                    module_code=code, is_core=code in CORE, is_active=True, depends_on=list(needs)
                )
            )
    if ctx.session.scalar(select(WorkCalendar.id).limit(1)) is None:
        _default_calendar(ctx)
    ctx.session.flush()


def _default_calendar(ctx: Context) -> None:
    calendar = ctx.add(WorkCalendar(code="STD", name="Semaine de 35 heures", is_default=True))
    for weekday in range(1, 6):
        day = Shift(
            work_calendar_id=calendar.id,
            weekday=weekday,
            name="Journée",
            start_min=480,
            end_min=960,
            break_min=60,
        )
        day.break_start_min = 720
        ctx.session.add(day)
