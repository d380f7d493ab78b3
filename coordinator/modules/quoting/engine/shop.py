"""The shop as the computation sees it: machines, tools, stock, rates, calendar, settings.

Field names are those of the data model; units stand in the names. Everything is immutable.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from coordinator.modules.quoting.engine.learning import LearnedFactor
from coordinator.modules.quoting.engine.settings import Settings
from coordinator.modules.quoting.engine.values import QuotingError

MACHINE_TYPES = (
    "saw",
    "lathe",
    "mill",
    "machining_centre",
    "mill_turn",
    "grinder",
    "edm",
    "welding",
    "press",
    "inspection",
    "other",
)
TOOL_TYPES = (
    "turning_rough",
    "turning_finish",
    "grooving",
    "parting",
    "threading",
    "boring_bar",
    "drill",
    "spot_drill",
    "countersink",
    "counterbore",
    "reamer",
    "tap",
    "thread_mill",
    "face_mill",
    "end_mill",
    "boring_head",
    "slotting",
    "slitting_saw",
    "t_slot_mill",
)
SUBSTRATES = ("carbide", "hss")
USABLE_STATUS = ("available", "running", "stopped", "breakdown", "maintenance")
RATE_KINDS = (
    "machine_hour",
    "setup_hour",
    "labour_hour",
    "programming",
    "methods",
    "inspection",
    "material",
    "heat_treatment",
    "surface_treatment",
    "subcontracting",
    "tool_wear",
    "logistics",
    "packaging",
    "fixed_fee",
)


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine or workplace (MCH-01). A limit of None is unknown and therefore not checked."""

    code: str
    name: str
    machine_type: str
    work_center: str = ""
    status: str = "available"
    axis_count: int = 0
    travel_x_mm: float | None = None
    travel_y_mm: float | None = None
    travel_z_mm: float | None = None
    max_turning_diameter_mm: float | None = None
    max_turning_length_mm: float | None = None
    bar_capacity_mm: float | None = None
    table_load_kg: float | None = None
    max_spindle_rpm: float | None = None
    spindle_power_kw: float | None = None
    spindle_torque_nm: float | None = None
    max_feed_mm_min: float | None = None
    magazine_places: int | None = None
    tool_interface: tuple[str, ...] = ()
    has_driven_tools: bool = False
    driven_tool_power_kw: float | None = None
    driven_tool_torque_nm: float | None = None
    driven_tool_max_rpm: float | None = None
    has_sub_spindle: bool = False
    has_tailstock: bool | None = None
    has_steady_rest: bool | None = None
    attainable_it: int | None = None
    attainable_ra_um: float | None = None
    tool_change_min: float | None = None
    setup_time_min: float | None = None
    attendance_pct: float = 100.0

    @property
    def is_usable(self) -> bool:
        """QUO-09: none ``retired``; a machine under repair is late, not gone."""
        return self.status in USABLE_STATUS

    @property
    def can_turn(self) -> bool:
        return self.machine_type in ("lathe", "mill_turn")

    def with_driven_tools(self) -> Machine:
        """The same lathe as its driven tools see it: their power, torque and speed, the spindle's where nobody told theirs."""
        return replace(
            self,
            max_spindle_rpm=self.driven_tool_max_rpm or self.max_spindle_rpm,
            spindle_power_kw=self.driven_tool_power_kw or self.spindle_power_kw,
            spindle_torque_nm=self.driven_tool_torque_nm or self.spindle_torque_nm,
        )

    def unknown_of_driven_tools(self) -> tuple[str, ...]:
        """Which limits of the driven tools are not on the machine's record, in French."""
        own = {
            "puissance": self.driven_tool_power_kw,
            "couple": self.driven_tool_torque_nm,
            "vitesse": self.driven_tool_max_rpm,
        }
        return tuple(name for name, value in own.items() if not value)

    @property
    def can_mill(self) -> bool:
        return self.machine_type in ("mill", "machining_centre") or (self.can_turn and self.has_driven_tools)


@dataclass(frozen=True, slots=True)
class CuttingData:
    """STK-05: proven or proposed conditions of a tool for a material group and operation type."""

    operation_type: str
    iso513_group: str = ""
    material: str = ""
    vc_m_min: float | None = None
    fz_mm: float | None = None
    f_mm_rev: float | None = None
    ap_mm: float | None = None
    ae_mm: float | None = None
    source: str = "manual"
    status: str = "accepted"


@dataclass(frozen=True, slots=True)
class Tool:
    """A cutting tool; properties follow ISO 13399 (DC, LU, APMX, RE, ZEFP, CW…)."""

    code: str
    name: str
    tool_type: str
    diameter_mm: float | None = None
    usable_length_mm: float | None = None
    cutting_length_mm: float | None = None
    corner_radius_mm: float | None = None
    teeth: int = 1
    width_mm: float | None = None
    pitch_mm: float | None = None
    substrate: str = "carbide"
    iso513_groups: tuple[str, ...] = ("P", "M", "K", "N", "S", "H")
    holder_interface: str = ""
    max_rpm: float | None = None
    quantity: int = 1
    price: Decimal | None = None
    edge_count: int = 1
    edge_life_min: float | None = None
    remaining_life_min: float | None = None
    machines: tuple[str, ...] = ()
    mounted_in: tuple[str, ...] = ()
    cutting_data: tuple[CuttingData, ...] = ()
    delay_days: int = 0
    supplier: str = ""

    @property
    def in_stock(self) -> bool:
        return self.quantity > 0 and (self.remaining_life_min is None or self.remaining_life_min > 0)

    def cuts(self, iso513_group: str) -> bool:
        """True if the tool is meant for this ISO 513 group (``P`` covers P1 to P3)."""
        return iso513_group[:1] in self.iso513_groups or iso513_group in self.iso513_groups

    def fits(self, machine: Machine) -> bool:
        """True if the tool can be mounted; a tool without interface goes into any collet holder."""
        if self.machines and machine.code not in self.machines:
            return False
        return not self.holder_interface or self.holder_interface in machine.tool_interface


@dataclass(frozen=True, slots=True)
class StockUnit:
    """Raw material in the house: bars or plates of a lot, or an offcut (``is_offcut``)."""

    code: str
    material: str
    shape: str
    length_mm: float
    diameter_mm: float | None = None
    width_mm: float | None = None
    thickness_mm: float | None = None
    quantity: int = 1
    is_offcut: bool = False
    certified: bool = False
    status: str = "released"
    price_per_kg: Decimal | None = None
    heat_number: str = ""
    wall_mm: float | None = None
    """Wall of a tube; ``diameter_mm`` of a hexagon is across its flats, ``thickness_mm`` of a flat its height."""


@dataclass(frozen=True, slots=True)
class RateCardLine:
    """SET-26: one price. The most specific valid line wins; no object = for everything of that kind."""

    kind: str
    rate: Decimal
    unit: str = "h"
    machine: str = ""
    work_center: str = ""
    machine_type: str = ""
    job_position: str = ""
    activity_type: str = ""
    material: str = ""
    treatment: str = ""
    supplier: str = ""
    lot_minimum: Decimal = Decimal(0)
    selling_rate: Decimal | None = None
    valid_from: date | None = None
    valid_to: date | None = None


_SPECIFICITY = (
    "machine",
    "work_center",
    "supplier",
    "material",
    "treatment",
    "activity_type",
    "job_position",
    "machine_type",
)


@dataclass(frozen=True, slots=True)
class RateCard:
    """The rate grid with its currency and its own validity."""

    lines: tuple[RateCardLine, ...] = ()
    currency: str = "EUR"
    valid_from: date | None = None
    valid_to: date | None = None

    def selling(self) -> RateCard:
        """The card with selling rates in the place of cost rates; a line without one keeps its cost rate (QUO-32)."""
        lines = tuple(replace(x, rate=x.selling_rate) if x.selling_rate else x for x in self.lines)
        return replace(self, lines=lines)

    def find(self, kind: str, on: date, **objects: str) -> RateCardLine | None:
        """Most specific line of ``kind`` valid on a date; objects are ``machine="CN-01"``, ``work_center=…``.

        A line naming an object that was not asked for never matches. A rate of zero or less is no rate (QUO-49).
        """
        best: tuple[int, RateCardLine] | None = None
        if not _valid(self.valid_from, self.valid_to, on):
            return None
        for line in self.lines:
            if line.kind != kind or line.rate <= 0 or not _valid(line.valid_from, line.valid_to, on):
                continue
            named = [(name, getattr(line, name)) for name in _SPECIFICITY if getattr(line, name)]
            if any(objects.get(name, "").casefold() != value.casefold() for name, value in named):
                continue
            weight = sum(2 ** (len(_SPECIFICITY) - _SPECIFICITY.index(name)) for name, _ in named)
            if best is None or weight > best[0]:
                best = (weight, line)
        return best[1] if best else None

    def require(self, kind: str, on: date, label: str, **objects: str) -> RateCardLine:
        """As :meth:`find`; raises ``rate_missing`` naming the field to fill (QUO-49)."""
        line = self.find(kind, on, **objects)
        if line is None:
            wanted = ", ".join(f"{k}={v}" for k, v in objects.items() if v) or "général"
            message = f"Taux manquant, nul ou expiré : {label} (rate_card.lines, kind={kind}, {wanted})."
            raise QuotingError("rate_missing", message, f"rate_card.{kind}")
        return line


def _valid(start: date | None, end: date | None, on: date) -> bool:
    return (start is None or start <= on) and (end is None or on <= end)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Working time of the shop: minutes per weekday (Monday first) and closed days."""

    minutes_per_day: tuple[int, int, int, int, int, int, int] = (480, 480, 480, 480, 420, 0, 0)
    closed: frozenset[date] = frozenset()

    def minutes(self, day: date, overtime_min: int = 0, with_saturday: bool = False) -> int:
        """Working minutes of a day; overtime goes on working days, Saturday counts as a Friday if opened."""
        if day in self.closed:
            return 0
        base = self.minutes_per_day[day.weekday()]
        if base:
            return base + overtime_min
        return self.minutes_per_day[4] if with_saturday and day.weekday() == 5 else 0


@dataclass(frozen=True, slots=True)
class Shop:
    """All that a price depends on besides the part itself."""

    machines: tuple[Machine, ...] = ()
    tools: tuple[Tool, ...] = ()
    supplier_items: tuple[Tool, ...] = ()
    stock: tuple[StockUnit, ...] = ()
    rate_card: RateCard = field(default_factory=RateCard)
    calendar: Calendar = field(default_factory=Calendar)
    settings: Settings = field(default_factory=Settings)
    learned: tuple[LearnedFactor, ...] = ()
    densities: tuple[tuple[str, float], ...] = ()
    """g/cm³ of the owner's material records, by name of the grade; they win over the tables (QUO-22)."""

    def usable(self) -> tuple[Machine, ...]:
        """Machines that may be used, in a stable order."""
        return tuple(sorted((m for m in self.machines if m.is_usable), key=lambda m: m.code))

    def workplaces(self, machine_type: str, work_center: str = "") -> tuple[Machine, ...]:
        """Usable machines of one type, optionally of one work centre."""
        return tuple(
            m
            for m in self.usable()
            if m.machine_type == machine_type and (not work_center or m.work_center == work_center)
        )
