"""Habits of the trade: holes of several diameters, large threads, weak spindles, four axes, hard parts, rings, small parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from coordinator.modules.quoting.engine import model_outline, times, tolerancing, trades
from coordinator.modules.quoting.engine.default_shop import default_shop
from coordinator.modules.quoting.engine.part import Dimension, Feature, HoleStep, PartDescription
from coordinator.modules.quoting.engine.quote import QuoteResult
from coordinator.modules.quoting.engine.settings import TimeSettings, TradeSettings
from coordinator.modules.quoting.engine.shop import Machine, Shop
from coordinator.modules.quoting.engine.values import QuotingError, euros, number, size
from coordinator.modules.quoting.verification.bench import compare
from tests.coordinator.quoting.engine.samples import line, quote

UP = (0.0, 0.0, -1.0)


def block(
    *features: Feature, box: tuple[float, float, float] = (120.0, 80.0, 50.0), **more: Any
) -> PartDescription:
    fields: dict[str, Any] = {"material": "C45", "quantity": 10, "form": "prismatic", "general_tolerance": "ISO 2768-mK"}  # fmt: skip
    return PartDescription("P-1", size_mm=box, features=features, **(fields | more))


def hole(d: float, depth: float, **more: Any) -> Feature:
    fields: dict[str, Any] = {"through": True, "axis": UP, "source": "solide"}
    return Feature("hole", diameter_mm=d, depth_mm=depth, **(fields | more))


def ring(outer: float, bore: float, length: float, **more: Any) -> PartDescription:
    own = Feature("bore", diameter_mm=bore, depth_mm=length, through=True, axis=UP, is_coaxial=True)
    fields: dict[str, Any] = {"material": "C45", "quantity": 10, "form": "turned", "features": (own,)}
    return PartDescription("R-1", turned_profile=((0.0, outer), (length, outer)), **(fields | more))


def labels(found: dict[str, Any]) -> list[str]:
    return [o["label"] for o in found["operations"]]


def park(*machines: Machine) -> Shop:
    shop = default_shop()
    others = tuple(
        m
        for m in shop.machines
        if m.machine_type not in ("machining_centre", "mill", "lathe", "mill_turn") and m not in machines
    )
    return replace(shop, machines=(*others, *machines))


def machine(code: str, **changes: Any) -> Machine:
    return replace(next(m for m in default_shop().machines if m.code == code), **changes)


@pytest.mark.requirement("QUO-17")
def test_every_diameter_of_a_bore_keeps_its_own_grade_and_thread() -> None:
    steps = (HoleStep(40.0, 35.0), HoleStep(17.5, 45.0))
    bore = Feature(
        "bore", "counterbore", 17.5, 80.0, True, axis=(0.0, 0.0, 1.0), steps=steps, is_coaxial=True, source="solide"
    )  # fmt: skip
    written = (
        Dimension("M20", "thread", 20.0),
        Dimension("Ø40 H7", "diameter", 40.0, fit="H7", it=7),
    )
    given = tolerancing.with_dimensions([bore], written)[0]
    assert (given.thread, given.steps[0].it, given.steps[1].it) == ("M20", 7, None)
    found = line(quote(ring(60.0, 17.5, 80.0, features=(given,))))
    text = labels(found)
    assert any("Taraudage 1 × M20x2,5 × 45" in t for t in text), text
    finish = next(o for o in found["operations"] if o["label"] == "Alésage finition")
    assert "Ø40 × 35 : 2" in finish["sources"]["cut_min"]["inputs"]["segments"]
    assert text.index("Alésage finition") < next(i for i, t in enumerate(text) if "Taraudage" in t)


def test_one_count_for_threads_of_two_faces() -> None:
    faces = [hole(8.5, 22.0, count=6, axis=UP), hole(8.5, 22.0, count=6, axis=(0.0, 1.0, 0.0))]
    found = tolerancing.with_dimensions(faces, [Dimension("12x M10", "thread", 10.0, count=12)])
    assert [f.thread for f in found] == ["12x M10", "12x M10"]
    other = tolerancing.with_dimensions(faces, [Dimension("4x M10", "thread", 10.0, count=4)])
    assert [f.thread for f in other] == [None, None]
    drawn_full = tolerancing.with_dimensions(
        [hole(10.0, 22.0, count=4)], [Dimension("4x M10", "thread", 10.0, count=4)]
    )
    assert drawn_full[0].thread == "4x M10"


@pytest.mark.requirement("QUO-17")
@pytest.mark.parametrize(("name", "tapped"), [("M12", True), ("M20", True), ("M24", False), ("M33x2", False)])
def test_threads_above_m20_are_milled_and_their_core_is_opened_with_tools_in_stock(
    name: str, tapped: bool
) -> None:
    d = float(name[1:].split("x")[0])
    found = line(quote(block(hole(d, 30.0, thread=name, through=False, form="tapped"))))
    text = " ".join(labels(found))
    assert ("Taraudage" in text) == tapped
    assert ("Fraisage de filet" in text) != tapped
    if not tapped:
        assert not any(
            g["what"].startswith(("Foret", "Fraise à chanfreiner")) for g in found["resource_gaps"]
        )


@pytest.mark.requirement("QUO-17")
def test_a_large_thread_on_the_axis_is_cut_by_a_single_point() -> None:
    bore = Feature(
        "bore", diameter_mm=30.0, depth_mm=40.0, through=True, axis=UP, is_coaxial=True, thread="M30x2"
    )
    found = line(quote(ring(60.0, 28.0, 40.0, features=(bore,))))
    thread = next(o for o in found["operations"] if "Filetage intérieur" in o["label"])
    assert thread["tool"].startswith("FILET-INT")
    assert thread["passes"] == 8


@pytest.mark.requirement("QUO-21")
def test_a_spindle_too_weak_for_the_largest_drill_takes_a_smaller_one_and_mills_the_rest() -> None:
    own = block(hole(50.0, 75.0, it=7), box=(200.0, 150.0, 75.0), material="S355J2")
    weak = park(machine("CU3-1", spindle_torque_nm=40.0))
    found = line(quote(own, shop=weak))
    drill = next(o for o in found["operations"] if o["label"].startswith("Perçage"))
    strong = line(quote(own, shop=park(machine("CU3-1", spindle_torque_nm=400.0))))
    other = next(o for o in strong["operations"] if o["label"].startswith("Perçage"))
    assert found["feasibility"] == "feasible"
    assert float(drill["tool"].split("-")[1]) < float(other["tool"].split("-")[1])
    assert drill["torque_nm"] <= 0.8 * 40.0 + 0.01
    assert any("tête" in t for t in labels(found))


def _clampings(found: dict[str, Any]) -> int:
    return len({o["phase_no"] for o in found["operations"] if o["tool"]})


@pytest.mark.requirement("QUO-14")
def test_an_indexing_fourth_axis_reaches_four_sides_in_two_clampings() -> None:
    sides = [
        hole(8.5, 20.0, through=False, axis=a)
        for a in ((0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0))
    ]
    own = block(*sides, box=(150.0, 60.0, 60.0))
    counts = [
        _clampings(line(quote(own, shop=park(machine("CU3-1", axis_count=axes))))) for axes in (3, 4, 5)
    ]
    assert counts == [4, 2, 2]
    ends = [*sides, hole(8.5, 20.0, through=False, axis=(1.0, 0.0, 0.0))]
    own = block(*ends, box=(150.0, 60.0, 60.0))
    four = line(quote(own, shop=park(machine("CU3-1", axis_count=4))))
    assert _clampings(four) == 2
    assert "4e axe" in next(o["workholding"] for o in four["operations"] if o["tool"])


@pytest.mark.requirement("QUO-14")
def test_a_notch_of_the_outline_is_milled_with_it_and_asks_for_no_clamping_of_its_own() -> None:
    notch = Feature("pocket", "open", depth_mm=10.0, length_mm=60.0, width_mm=15.0, axis=(0.0, 1.0, 0.0), volume_mm3=9000.0)  # fmt: skip
    shop, bore = park(machine("CU3-1")), hole(12.0, 15.0, through=False, count=2)
    plain = line(quote(block(bore, box=(140.0, 40.0, 15.0)), shop=shop))
    found = line(quote(block(bore, notch, box=(140.0, 40.0, 15.0)), shop=shop))
    assert _clampings(found) == _clampings(plain)
    assert any("Dégagement 60 × 10 × 15" in t for t in labels(found))
    closed = line(quote(block(bore, replace(notch, form="plain"), box=(140.0, 40.0, 15.0)), shop=shop))
    assert _clampings(closed) == _clampings(plain) + 1


@pytest.mark.requirement("QUO-15")
def test_the_bar_passes_the_spindle_or_the_route_says_why_not() -> None:
    own = ring(40.0, 20.0, 30.0)
    shop = park(machine("TOUR-1", bar_capacity_mm=38.0))
    found = line(quote(own, shop=shop))
    assert not found["blank"]["bar_fed"]
    assert "passage de broche 38 mm" in found["rejected_machines"]["TOUR-1 barre"]
    wide = line(quote(own, shop=park(machine("TOUR-1", bar_capacity_mm=65.0))))
    assert wide["blank"]["bar_fed"]


@pytest.mark.requirement("QUO-15")
def test_a_turret_with_too_few_stations_leaves_the_work_to_another_machine() -> None:
    own = ring(40.0, 20.0, 30.0)
    small = machine("TOUR-1", magazine_places=2)
    alone = quote(own, shop=park(small)).to_json()["lines"][0]
    assert alone["feasibility"] == "not_feasible"
    assert "outils pour 2 places" in " ".join(alone["rejected_machines"].values())
    both = line(quote(own, shop=park(small, machine("TF-1"))))
    assert {o["machine"] for o in both["operations"] if o["tool"]} == {"TF-1"}


@pytest.mark.requirement("QUO-16")
def test_what_is_hardened_after_machining_is_ground_to_size_afterwards() -> None:
    profile = ((0.0, 12.0), (50.0, 12.0), (50.0, 18.0), (55.0, 18.0))
    pin = PartDescription(
        "T-1", material="C45", quantity=10, form="turned", turned_profile=profile, treatments=("Trempe 52 HRC",),
        dimensions=(Dimension("Ø12 h6", "diameter", 12.0, fit="h6", it=6),),
    )  # fmt: skip

    def order(part: PartDescription) -> list[str]:
        return [o["operation_type"] for o in line(quote(part))["operations"]]

    found = order(pin)
    assert found.index("grinding") > found.index("treatment")
    assert sum("Centrage" in t for t in labels(line(quote(pin)))) == 2
    assert "grinding" not in order(replace(pin, treatments=("Nitruration",)))
    assert "grinding" not in order(replace(pin, treatments=("Trempe revenu 32 HRC",)))
    assert "grinding" not in order(replace(pin, dimensions=()))


@pytest.mark.requirement("QUO-22")
def test_density_is_the_owners_then_the_grades_then_the_groups_and_is_told() -> None:
    own = block(material="PEEK", box=(60.0, 40.0, 20.0))
    told = line(quote(own))["blank"]["explanation"]["inputs"]
    assert told["masse volumique prise sur"] == "nuance PEEK"
    assert told["masse volumique g/cm³"] != 1.4
    shop = replace(default_shop(), densities=(("PEEK", 1.44),))
    mine = line(quote(own, shop=shop))["blank"]
    assert mine["explanation"]["inputs"]["masse volumique g/cm³"] == 1.44
    assert mine["explanation"]["inputs"]["masse volumique prise sur"] == "fiche matière PEEK"
    assert mine["mass_kg"] != line(quote(own))["blank"]["mass_kg"]


@pytest.mark.requirement("QUO-42")
@pytest.mark.parametrize("scrap", [100.0, 140.0, -5.0])
def test_moulding_refuses_a_scrap_share_that_leaves_no_part(scrap: float) -> None:
    rules = replace(TradeSettings(), active=("moulding",), mould_scrap_pct=scrap)
    operation = trades.TradeOperation("moulding", {"cycle_s": 30.0, "cavities": 2.0})
    with pytest.raises(QuotingError) as caught:
        trades.compute(operation, "N3", rules)
    assert caught.value.code == "scrap_invalid"


@pytest.mark.requirement("QUO-28")
def test_large_batches_are_sampled_and_small_parts_washed_by_the_basket() -> None:
    rules = TimeSettings()
    parts = [times.inspected_parts(q, False, rules) for q in (1, 5, 25, 100, 500, 5000, 40000)]
    assert parts == [1, 5, 5, 20, 50, 200, 500]
    assert times.inspected_parts(5000, True, rules) == 5000

    def washing(part: PartDescription) -> float:
        return float(
            next(o["run_min"] for o in line(quote(part))["operations"] if o["operation_type"] == "washing")
        )

    assert washing(ring(20.0, 14.0, 15.0, quantity=5000)) < 0.1
    assert washing(ring(20.0, 14.0, 15.0, quantity=1)) == 0.5
    assert washing(block(box=(300.0, 200.0, 100.0), quantity=100)) == 0.5


@pytest.mark.requirement("QUO-28")
def test_the_cut_that_makes_a_strip_is_shared_by_its_pieces() -> None:
    def saw(quantity: int) -> dict[str, Any]:
        operations = line(quote(block(box=(60.0, 40.0, 20.0), quantity=quantity)))["operations"]
        return dict(next(o for o in operations if o["label"].startswith("Débit")))

    assert saw(1)["sources"]["run_min"]["inputs"]["coupes"] == 2
    assert saw(20)["sources"]["run_min"]["inputs"]["coupes"] == pytest.approx(1.05)


def test_face_and_pocket_mills_are_those_that_are_soonest_done() -> None:
    titanium = line(quote(block(box=(90.0, 60.0, 40.0), material="Ti-6Al-4V", quantity=5)))
    opposite = [o for o in titanium["operations"] if "face opposée" in o["label"]]
    assert [o["tool"].split("-")[0] for o in opposite] == ["FR", "SURF"]
    steel = line(quote(block(box=(90.0, 60.0, 40.0), quantity=5)))
    assert [o["tool"].split("-")[0] for o in steel["operations"] if "face opposée" in o["label"]] == ["SURF"]
    tiny = line(quote(block(box=(8.0, 5.0, 3.0), material="CuZn39Pb3", quantity=200)))
    assert all(not (o["tool"] or "").startswith("SURF") for o in tiny["operations"])


def test_a_hexagon_beyond_the_round_outline_gets_its_bar_and_its_flats() -> None:
    entry = {
        "axis": [0, 0, 1], "origin_mm": [0, 0, 0], "length_mm": 80.0, "max_diameter_mm": 60.0,
        "outer": [{"z0_mm": 0, "r0_mm": 30, "z1_mm": 30, "r1_mm": 30}],
    }  # fmt: skip
    boss = {"type": "boss", "depth_mm": 50.0, "length_mm": 52.0, "width_mm": 45.033}
    found = model_outline.outline(entry, [boss])
    assert found.points == ((0.0, 60.0), (30.0, 60.0), (30.0, 52.0), (80.0, 52.0))
    assert [(f.type, f.count, round(f.depth_mm or 0, 2)) for f in found.features] == [("flat", 6, 3.48)]
    unknown = model_outline.outline(entry)
    assert unknown.points is not None
    assert unknown.points[-1] == (80.0, 60.0)


def test_grooves_inside_a_bore_are_turned() -> None:
    inner = [
        {"z0_mm": 0, "r0_mm": 15, "z1_mm": 20, "r1_mm": 15},
        {"z0_mm": 20, "r0_mm": 18, "z1_mm": 24, "r1_mm": 18},
        {"z0_mm": 24, "r0_mm": 15, "z1_mm": 40, "r1_mm": 15},
    ]
    outer = [{"z0_mm": 0, "r0_mm": 30, "z1_mm": 40, "r1_mm": 30}]
    found = model_outline.outline({"axis": [0, 0, 1], "outer": outer, "inner": inner})
    groove = found.features[0]
    assert (groove.type, groove.diameter_mm, groove.width_mm, groove.depth_mm) == (
        "internal_groove",
        36.0,
        4.0,
        3.0,
    )
    own = ring(60.0, 30.0, 40.0)
    done = line(quote(replace(own, features=(*own.features, groove))))
    assert any("Gorge intérieure 4 × Ø36" in t for t in labels(done))


def test_a_ring_out_of_a_solid_bar_is_told_to_the_buyer() -> None:
    """Only where no tube of the trade could be priced instead."""
    shop = default_shop()
    none = replace(shop.settings.blank, hollow_bars_mm=(), round_tubes_mm=())
    bare = replace(shop, settings=replace(shop.settings, blank=none))
    assert any("tube ou couronne" in w for w in line(quote(ring(120.0, 90.0, 25.0), shop=bare))["warnings"])
    assert not any("tube ou couronne" in w for w in line(quote(ring(120.0, 90.0, 25.0)))["warnings"])
    assert not any("tube ou couronne" in w for w in line(quote(ring(120.0, 30.0, 25.0)))["warnings"])


def test_thin_and_large_parts_are_not_held_in_a_vice() -> None:
    def grips(part: PartDescription) -> str:
        return " ".join(o["workholding"] for o in line(quote(part))["operations"] if o["workholding"])

    assert "tôle mince" in grips(block(box=(220.0, 150.0, 6.0)))
    assert "bridage sur table" in grips(block(box=(480.0, 320.0, 120.0)))
    assert "étau" in grips(block())


def test_the_finest_grade_of_a_size_of_the_part_asks_for_two_finishing_passes() -> None:
    def passes(part: PartDescription) -> int:
        face = next(o for o in line(quote(part))["operations"] if "face opposée" in o["label"])
        return int(face["sources"]["cut_min"]["inputs"]["passes"])

    fine = block(dimensions=(Dimension("50 h6", "linear", 50.0, fit="h6", it=6),))
    other = block(dimensions=(Dimension("33 h6", "linear", 33.0, fit="h6", it=6),))
    assert passes(fine) == passes(block()) + 1
    assert passes(other) == passes(block())


def test_french_figures() -> None:
    assert (number(8.4), number(8.0), size(6.352), euros(90)) == ("8,4", "8", "6,35", "90,00 €")
    bought = line(quote(block(hole(3.35, 30.0, count=2))))
    shown = " ".join(
        [*labels(bought), *bought["warnings"], *(f"{g['what']} {' '.join(g['alternatives'])}" for g in bought["resource_gaps"])]
    )  # fmt: skip
    words = [w for w in shown.split() if any(c.isdigit() for c in w) and not w.startswith(("CAT-", "FC-"))]
    assert not [w for w in words if "." in w.rstrip(".")], words


PARTS = {
    "bloc S355": block(
        hole(50.0, 75.0, it=7),
        hole(12.0, 35.0, count=4, through=False, thread="M12", form="tapped"),
        Feature("pocket", length_mm=300.0, width_mm=180.0, depth_mm=45.0, corner_radius_mm=12.0, axis=UP),
        box=(480.0, 320.0, 120.0), material="S355J2",
    ),
    "support titane": block(
        Feature("pocket", length_mm=70.0, width_mm=40.0, depth_mm=28.0, corner_radius_mm=4.0, axis=UP),
        hole(6.0, 12.0, count=4, it=8), box=(90.0, 60.0, 40.0), material="Ti-6Al-4V",
    ),
    "plaque alu": block(hole(6.6, 6.0, count=40), box=(220.0, 150.0, 6.0), material="EN AW-5083"),
    "gros filets": block(
        hole(24.0, 40.0, thread="M24", through=False, form="tapped"), hole(33.0, 50.0, thread="M33x2", form="tapped")
    ),
    "bague inconel": ring(120.0, 90.0, 25.0, material="Inconel 718"),
    "palier fonte": block(
        Feature("step", depth_mm=25.0, length_mm=60.0, width_mm=50.0, axis=(1.0, 0.0, 0.0), count=2, volume_mm3=75000.0),
        hole(52.0, 60.0, it=7, axis=(0.0, 1.0, 0.0)), box=(120.0, 60.0, 70.0), material="EN-GJL-250",
    ),
}  # fmt: skip


@pytest.mark.requirement("QUO-44")
@pytest.mark.parametrize("name", sorted(PARTS))
def test_estimated_times_stand_near_those_of_the_simulated_programs(name: str) -> None:
    result: QuoteResult = quote(PARTS[name])
    assert [s.kind for s in result.scenarios if s.price_excl_tax] == ["standard", "express", "economic"]
    found = compare(name, PARTS[name], result.lines[0].options[0])
    assert abs(found.gap_pct) < 15, found


@pytest.mark.parametrize("name", sorted(PARTS))
def test_unit_cost_falls_with_the_batch_and_nothing_is_free(name: str) -> None:
    costs = []
    for quantity in (1, 5, 50, 500):
        found = line(quote(replace(PARTS[name], quantity=quantity)))
        costs.append(found["unit_cost"])
        assert all(o["cost"] for o in found["operations"]), [
            o["label"] for o in found["operations"] if not o["cost"]
        ]
    assert costs == sorted(costs, reverse=True)


@pytest.mark.parametrize(
    ("radius", "depth", "limit"), [(6.0, 20.0, 10.8), (4.0, 28.0, 8.0), (5.0, 60.0, 10.0)]
)
def test_a_stiff_mill_rolls_through_a_corner_instead_of_filling_it(
    radius: float, depth: float, limit: float
) -> None:
    pocket = Feature(
        "pocket", length_mm=80.0, width_mm=50.0, depth_mm=depth, corner_radius_mm=radius, axis=UP
    )
    found = line(quote(block(pocket, box=(140.0, 90.0, 75.0), material="EN AW-6082")))
    finish = next(
        o for o in found["operations"] if o["label"].startswith("Poche") and "finition" in o["label"]
    )
    d = (
        float(finish["tool"].removeprefix("FR-").removesuffix("L"))
        if finish["tool"].startswith("FR-")
        else limit
    )
    assert d <= limit


def test_a_drilled_depth_alone_supposes_no_longer_thread_than_is_useful() -> None:
    model = hole(3.0, 14.0, thread="M3", through=False, form="tapped")
    text = " ".join(labels(line(quote(block(model)))))
    assert "Taraudage 1 × M3x0,5 × 9" in text
    written = replace(model, source="plan")
    assert "Fraisage de filet" in " ".join(labels(line(quote(block(written)))))
