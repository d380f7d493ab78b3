"""What the engine must know of one part; built from a drawing reading or typed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from coordinator.modules.quoting.engine.trades import TradeOperation
from coordinator.modules.quoting.engine.welds import WeldWork

Vector = tuple[float, float, float]
CRITICAL = ("critical", "aerospace", "military", "armament")


@dataclass(frozen=True, slots=True)
class HoleStep:
    """One cylinder of a hole; ``it`` is the grade its own dimension asks for."""

    diameter_mm: float
    depth_mm: float
    it: int | None = None


@dataclass(frozen=True, slots=True)
class Feature:
    """One machining feature (or ``count`` identical ones). ``axis`` is the direction the tool comes from."""

    type: str
    form: str = "plain"
    diameter_mm: float | None = None
    depth_mm: float | None = None
    through: bool = False
    count: int = 1
    axis: Vector = (0.0, 0.0, 1.0)
    steps: tuple[HoleStep, ...] = ()
    length_mm: float | None = None
    width_mm: float | None = None
    corner_radius_mm: float | None = None
    volume_mm3: float | None = None
    thread: str | None = None
    it: int | None = None
    ra_um: float | None = None
    is_coaxial: bool | None = None
    source: str = "plan"
    positions_mm: tuple[Vector, ...] = ()


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension of the drawing; ``it`` is the ISO 286 grade its tolerance comes to."""

    text: str
    kind: str
    nominal: float
    upper: float | None = None
    lower: float | None = None
    fit: str | None = None
    it: int | None = None
    count: int = 1
    place: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class PartDescription:
    """Everything the computation takes from the drawing, with quantity and the user's boxes."""

    drawing_number: str = ""
    name: str = ""
    file: str = ""
    revision: str = ""
    material: str = ""
    treatments: tuple[str, ...] = ()
    quantity: int = 1
    size_mm: Vector | None = None
    volume_mm3: float | None = None
    turned_profile: tuple[tuple[float, float], ...] | None = None
    turning_axis: Vector = (0.0, 0.0, 1.0)
    form: str | None = None
    features: tuple[Feature, ...] = ()
    dimensions: tuple[Dimension, ...] = ()
    general_tolerance: str = ""
    smallest_ra_um: float | None = None
    smallest_geometric_mm: float | None = None
    criticality: str = "standard"
    certificate_required: bool = False
    keep_stock_surface: bool = False
    programs_exist: bool = False
    parts_per_clamping: int | None = None
    """Parts milled together in one clamping; None = the engine chooses."""
    blank_shape: str = ""
    """Shape of stock a person wants (``hex``, ``tube``, ``plate``…); empty = the engine chooses."""
    marking: str = ""
    fixture_cost: Decimal | None = None
    trade_operations: tuple[TradeOperation, ...] = ()
    welds: tuple[WeldWork, ...] = ()
    """Welds of the drawing; a weld typed among the other trades stands for all of them."""
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_turned(self) -> bool:
        """QUO-14: turning if the main form is coaxial, milling else."""
        if self.form is not None:
            return self.form == "turned"
        return self.turned_profile is not None

    @property
    def open_welds(self) -> tuple[WeldWork, ...]:
        """Welds of the drawing that nobody has priced by hand."""
        return () if any(o.trade == "welding" for o in self.trade_operations) else self.welds

    @property
    def is_critical(self) -> bool:
        return self.criticality in CRITICAL

    @property
    def max_diameter_mm(self) -> float:
        """Largest turned diameter in mm; from the profile, else from the two equal sizes across the axis."""
        if self.turned_profile:
            return max(d for _, d in self.turned_profile)
        return max(_across(self.size_mm or (0.0, 0.0, 0.0), self.turning_axis))

    @property
    def length_mm(self) -> float:
        """Length along the turning axis in mm."""
        if self.turned_profile:
            zs = [z for z, _ in self.turned_profile]
            return max(zs) - min(zs)
        return _along(self.size_mm or (0.0, 0.0, 0.0), self.turning_axis)

    def tightest_it(self) -> int | None:
        """Finest ISO 286 grade written on the drawing, None without any tolerance."""
        grades = [d.it for d in self.dimensions if d.it] + [f.it for f in self.features if f.it]
        return min(grades, default=None)


@dataclass(frozen=True, slots=True)
class ManualOperation:
    """QUO-07: one operation typed by hand; times are minutes, rates come from the same grid."""

    operation_type: str
    run_min: float
    setup_min: float = 0.0
    machine: str | None = None
    label: str = ""
    tool: str | None = None
    unit_price: str | None = None


@dataclass(frozen=True, slots=True)
class ManualLine:
    """QUO-07: the values a person types for a line instead of having them computed."""

    operations: tuple[ManualOperation, ...] = field(default_factory=tuple)
    material_cost_per_piece: str | None = None


def _main_axis(axis: Sequence[float]) -> int:
    return max(range(3), key=lambda i: abs(axis[i]))


def _along(size: Vector, axis: Vector) -> float:
    return size[_main_axis(axis)]


def _across(size: Vector, axis: Vector) -> tuple[float, float]:
    main = _main_axis(axis)
    first, second = (size[i] for i in range(3) if i != main)
    return first, second
