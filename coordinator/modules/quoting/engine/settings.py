"""Every **Default** of the quoting area as a typed, named field; the shop file may change each of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from coordinator.modules.quoting.engine import standard_sections as standard

_ROUND_BARS = (
    *range(6, 21),
    *(22, 24, 25, 26, 28, 30, 32, 35, 36, 38, 40, 42, 45, 48, 50, 52, 55, 58, 60, 65, 70, 75, 80),
    *(85, 90, 95, 100, 105, 110, 115, 120, 125, 130, 140, 150, 160, 170, 180, 190, 200, 220, 250, 280, 300),
)
_PLATES = (5, 6, 8, 10, 12, 15, 16, 18, 20, 22, 25, 28, 30, 32, 35, 38, 40, 45, 50, 55, 60, 65, 70, 75, 80)
_PLATES_THICK = (85, 90, 95, 100, 110, 120, 130, 140, 150, 160, 180, 200)


@dataclass(frozen=True, slots=True)
class BlankSettings:
    """QUO-11, QUO-12, STK-23: allowances in mm."""

    round_allowance_mm: tuple[tuple[float, float], ...] = ((50.0, 2.0), (100.0, 3.0), (1e9, 5.0))
    facing_allowance_mm: float = 2.0
    bar_parting_mm: float = 3.0
    bar_facing_mm: float = 1.0
    block_sawn_allowance_mm: float = 5.0
    plate_thickness_allowance_mm: float = 2.0
    vice_grip_mm: float = 5.0
    saw_kerf_mm: float = 2.0
    bar_end_bar_fed_mm: float = 60.0
    bar_end_saw_mm: float = 20.0
    offcut_reuse_min_mm: float = 50.0
    bar_length_mm: float = 3000.0
    plate_size_mm: tuple[float, float] = (1000.0, 2000.0)
    round_sizes_mm: tuple[float, ...] = tuple(float(d) for d in _ROUND_BARS)
    plate_sizes_mm: tuple[float, ...] = tuple(float(t) for t in _PLATES + _PLATES_THICK)
    hex_sizes_mm: tuple[float, ...] = tuple(float(s) for s in standard.HEXAGONS)
    square_sizes_mm: tuple[float, ...] = tuple(float(s) for s in standard.SQUARES)
    flat_widths_mm: tuple[float, ...] = tuple(float(s) for s in standard.FLAT_WIDTHS)
    flat_thicknesses_mm: tuple[float, ...] = tuple(float(s) for s in standard.FLAT_THICKNESSES)
    hollow_bars_mm: tuple[tuple[float, float], ...] = tuple(
        (float(a), float(b)) for a, b in standard.HOLLOW_BARS
    )
    round_tubes_mm: tuple[tuple[float, float], ...] = tuple(
        (float(a), float(b)) for a, b in standard.ROUND_TUBES
    )
    hollow_profiles_mm: tuple[tuple[float, float, float], ...] = tuple(
        (float(a), float(b), float(t)) for a, b, t in standard.HOLLOW_PROFILES
    )
    shape_price_factor: tuple[tuple[str, float], ...] = (("hex", 1.15), ("square", 1.1), ("tube", 1.6))
    """Price per kg of a bought shape against that of round bar or plate."""
    min_tube_bore_mm: float = 15.0
    max_tube_wider_ratio: float = 1.15
    material_delay_days: int = 3
    max_stock_wider_ratio: float = 1.12
    max_stock_thicker_ratio: float = 1.25


@dataclass(frozen=True, slots=True)
class CuttingSettings:
    """QUO-16 to QUO-18, QUO-21, QUO-25."""

    turning_allowance_mm: float = 0.5
    milling_allowance_mm: float = 0.3
    grinding_allowance_mm: float = 0.3
    no_finish_from_it: int = 12
    no_finish_from_ra_um: float = 6.3
    double_finish_to_it: int = 7
    double_finish_to_ra_um: float = 0.8
    double_finish_to_geometric_mm: float = 0.02
    grinding_to_it: int = 5
    grinding_to_ra_um: float = 0.4
    grinding_from_hrc: float = 60.0
    finish_after_hardening_to_it: int = 8
    grinding_infeed_mm: float = 0.02
    grinding_spark_out_passes: int = 4
    grinding_work_speed_m_min: float = 15.0
    grinding_wheel_width_mm: float = 40.0
    grind_between_centres_from_ratio: float = 1.5
    power_limit_ratio: float = 0.8
    min_turn_ap_mm: float = 0.5
    small_diameter_mm: float = 10.0
    small_diameter_feed_ratio: float = 0.03
    min_mill_ap_ratio: float = 0.1
    min_feed_ratio: float = 0.5
    default_nose_radius_mm: float = 0.8
    default_ra_um: float = 3.2
    default_it: int = 13
    end_mill_feed_exponent: float = 0.85
    drill_feed_exponent: float = 0.7
    hss_drill_feed_factor: float = 0.8
    rough_mill_ap_ratio: float = 1.0
    rough_mill_ae_ratio: float = 0.35
    slot_mill_ap_ratio: float = 0.5
    finish_mill_ae_ratio: float = 0.03
    face_mill_ap_mm: float = 2.0
    face_mill_ap_s_mm: float = 1.0
    face_mill_ap_h_mm: float = 0.3
    face_mill_finish_ap_mm: float = 0.3
    face_mill_ae_ratio: float = 0.7
    pocket_time_factor: float = 1.25
    ramp_slope: float = 0.07
    ramp_feed_factor: float = 0.7
    boring_vc_factor: float = 0.8
    interrupted_vc_factor: float = 0.8
    grooving_vc_factor: float = 0.6
    grooving_f_mm: float = 0.10
    threading_vc_factor: float = 0.7
    thread_passes: tuple[tuple[float, int], ...] = (
        (0.5, 4),
        (1.0, 5),
        (1.5, 6),
        (2.0, 8),
        (2.5, 10),
        (3.0, 12),
    )
    thread_feed_max_mm_min: float = 6000.0
    counterbore_vc_factor: float = 0.7
    counterbore_f_factor: float = 0.6
    countersink_vc_factor: float = 0.5
    overhang_from_ratio: float = 4.0
    overhang_factor: float = 0.7
    cast_aluminium_vc_factor: float = 0.5
    peck_from_ratio: float = 5.0
    peck_factor: float = 1.5
    deep_from_ratio: float = 10.0
    deep_factor: float = 2.0
    ream_allowance_mm: tuple[tuple[float, float], ...] = ((5.0, 0.1), (20.0, 0.2), (1e9, 0.3))
    ream_to_mm: float = 20.0
    thread_mill_blind_ratio: float = 3.0
    thread_mill_from_mm: float = 20.0
    indexable_drill_max_f_mm: float = 0.18
    reach_margin_mm: float = 2.0
    hss_below_holes: int = 20
    bar_fed_max_length_ratio: float = 4.0
    tailstock_from_ratio: float = 4.0
    steady_rest_from_ratio: float = 10.0
    travel_margin_mm: float = 20.0
    smallest_end_mill_mm: float = 2.0
    end_mill_max_reach_ratio: float = 10.0
    contour_max_height_mm: float = 60.0
    slender_centre_from_mm: float = 6.0


@dataclass(frozen=True, slots=True)
class TimeSettings:
    """QUO-27, QUO-28: minutes."""

    time_safety_pct: float = 10.0
    rapid_per_feature_min: float = 0.05
    rapid_per_further_position_min: float = 0.01
    tool_change_mill_min: float = 0.13
    tool_change_turret_min: float = 0.03
    loading_min: tuple[tuple[float, float], ...] = ((1.0, 0.5), (10.0, 1.0), (25.0, 2.0), (1e9, 5.0))
    setup_turning_min: float = 40.0
    setup_3_axis_min: float = 45.0
    setup_5_axis_min: float = 90.0
    setup_saw_min: float = 10.0
    setup_per_missing_tool_min: float = 3.0
    setup_first_part_min: float = 15.0
    programming_min: tuple[float, float, float] = (30.0, 90.0, 240.0)
    saw_per_cut_min: float = 1.0
    deburring_pct: float = 10.0
    deburring_min: float = 0.5
    washing_min: float = 0.5
    washing_load_min: float = 8.0
    washing_basket_dm3: float = 6.0
    washing_handling_min: float = 0.03
    marking_min: float = 0.5
    bar_feed_min: float = 0.06
    bar_change_min: float = 2.0
    spindle_acceleration_rpm_s: float = 2000.0
    retract_mm: float = 50.0
    parts_per_clamping_max: int = 4
    setup_per_place_min: float = 4.0
    loading_shared_pct: float = 40.0
    place_gap_mm: float = 20.0
    place_row_mm: float = 120.0
    place_max_mass_kg: float = 3.0
    sub_spindle_transfer_min: float = 0.06
    inspection_per_dimension_min: float = 0.3
    inspection_sampling_pct: float = 20.0
    inspection_sampling_min_parts: int = 5
    inspection_min_dimensions: int = 3
    packaging_per_piece_min: float = 0.5
    packaging_per_delivery_min: float = 10.0
    insert_edge_life_min: float = 15.0
    solid_carbide_life_min: float = 60.0
    hss_life_min: float = 60.0


@dataclass(frozen=True, slots=True)
class CostSettings:
    """QUO-31 to QUO-33."""

    margin_pct: Decimal = Decimal(25)
    min_margin_pct: Decimal = Decimal(15)
    material_handling_pct: Decimal = Decimal(10)
    subcontracting_pct: Decimal = Decimal(10)
    minimum_order_value: Decimal = Decimal(80)
    vat_pct: Decimal = Decimal(20)
    currency: str = "EUR"
    spread_one_off_costs: bool = True
    use_selling_rates: bool = False
    charge_bought_tools_in_full: bool = True
    tool_price_base: dict[str, float] = field(default_factory=lambda: {"carbide": 18.0, "hss": 4.0})
    tool_price_per_mm: dict[str, float] = field(default_factory=lambda: {"carbide": 6.0, "hss": 1.6})
    tool_delay_days: int = 3


@dataclass(frozen=True, slots=True)
class ScenarioSettings:
    """QUO-34, QUO-35."""

    express_surcharge_pct: Decimal = Decimal(30)
    economic_discount_pct: Decimal = Decimal(10)
    express_overtime_min_per_day: int = 120
    express_saturday: bool = True
    express_purchase_days: int = 1
    express_transfer_pct: float = 20.0
    economic_wait_days: int = 10
    shipping_days: int = 1
    treatment_days: int = 7
    saturated_after_days: int = 15
    long_lead_days: int = 365
    preparation_days: int = 1


@dataclass(frozen=True, slots=True)
class TradeSettings:
    """QUO-42: other trades, each active only if ticked. Usual workshop values, to be replaced by the shop's own."""

    active: tuple[str, ...] = ()
    setup_min: tuple[tuple[str, float], ...] = (
        ("welding", 20.0),
        ("cutting", 15.0),
        ("bending", 25.0),
        ("wire_edm", 40.0),
        ("moulding", 90.0),
    )
    weld_speed_mm_min: tuple[tuple[str, float], ...] = (("tig", 90.0), ("mig", 350.0))
    weld_duty: tuple[tuple[str, float], ...] = (("tig", 0.3), ("mig", 0.4))
    weld_material_factor: tuple[tuple[str, float], ...] = (("P", 1.0), ("M", 0.85), ("N", 0.9), ("S", 0.6))
    weld_tack_min: float = 0.15
    cut_speed_mm_min: tuple[tuple[str, tuple[tuple[float, float], ...]], ...] = (
        (
            "laser",
            ((1.0, 15000.0), (2.0, 9000.0), (4.0, 4000.0), (8.0, 2000.0), (15.0, 1000.0), (25.0, 600.0)),
        ),
        ("plasma", ((5.0, 4000.0), (10.0, 2500.0), (20.0, 1200.0), (40.0, 500.0))),
        ("waterjet", ((5.0, 500.0), (10.0, 240.0), (25.0, 90.0), (60.0, 35.0), (120.0, 15.0))),
    )
    cut_material_factor: tuple[tuple[str, float], ...] = (("P", 1.0), ("M", 0.8), ("N", 1.1), ("S", 0.6))
    pierce_base_min: float = 0.01
    pierce_per_mm_min: float = 0.01
    bend_min: tuple[tuple[float, float], ...] = ((300.0, 0.25), (1000.0, 0.4), (2000.0, 0.7), (1e9, 1.2))
    turn_over_min: float = 0.2
    wire_rate_mm2_min: tuple[tuple[str, float], ...] = (
        ("P", 120.0),
        ("M", 110.0),
        ("K", 90.0),
        ("N", 200.0),
        ("S", 80.0),
        ("H", 120.0),
    )
    wire_finish_share: float = 0.35
    wire_threading_min: float = 2.0
    mould_scrap_pct: float = 2.0


@dataclass(frozen=True, slots=True)
class Settings:
    """All quoting defaults, grouped as the requirement groups them."""

    blank: BlankSettings = field(default_factory=BlankSettings)
    cutting: CuttingSettings = field(default_factory=CuttingSettings)
    times: TimeSettings = field(default_factory=TimeSettings)
    costs: CostSettings = field(default_factory=CostSettings)
    scenarios: ScenarioSettings = field(default_factory=ScenarioSettings)
    trades: TradeSettings = field(default_factory=TradeSettings)


def stepped(table: tuple[tuple[float, float], ...], value: float) -> float:
    """The second figure of the first row whose limit is ≥ ``value`` (limits ascending)."""
    for limit, result in table:
        if value <= limit:
            return result
    return table[-1][1]
