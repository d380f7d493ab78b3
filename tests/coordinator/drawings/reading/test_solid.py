"""Models: measures, holes with their steps, turned outline; nothing invented (DRW-13, DRW-21)."""

import pytest


def features(reading, kind):
    return [feature for feature in reading.features if feature.type == kind]


def steps(feature):
    return [(round(step.diameter_mm, 2), round(step.depth_mm, 2)) for step in feature.steps]


@pytest.mark.requirement("DRW-13")
def test_block_volume_and_size_are_exact(samples, read):
    from math import pi

    solid = read(samples["BL-2007"].step).solid
    corner = (4 - pi) * 25
    pocket = (50 * 30 - corner) * 10
    holes = 4 * (pi * 3.3**2 * 18.5 + pi * 5.5**2 * 6.5) + 2 * pi * 2.5**2 * 15 + pi * 100 * 15
    assert solid.volume_mm3 == pytest.approx((100 * 60 - corner) * 25 - pocket - holes, rel=1e-6)
    assert solid.size_mm == pytest.approx((100, 60, 25), abs=1e-3)
    assert solid.bodies == 1
    assert not solid.estimated


@pytest.mark.requirement("DRW-21")
def test_block_holes_are_one_feature_per_axis(samples, read):
    reading = read(samples["BL-2007"].step)
    holes = {(hole.form, hole.through, hole.count, tuple(steps(hole))) for hole in features(reading, "hole")}
    assert holes == {
        ("counterbore", True, 4, ((11.0, 6.5), (6.6, 18.5))),
        ("plain", False, 2, ((5.0, 15.0),)),
    }
    (bore,) = features(reading, "bore")
    assert (bore.through, steps(bore)) == (True, [(20.0, 15.0)])
    (pocket,) = features(reading, "pocket")
    assert (pocket.width_mm, pocket.length_mm, pocket.depth_mm) == pytest.approx((30, 50, 10))
    assert reading.turned_profile is None
    assert reading.access_directions == [(0.0, 0.0, 1.0)]


@pytest.mark.requirement("DRW-13")
def test_shaft_outline_grooves_and_keyway(samples, read):
    reading = read(samples["AX-1042"].step)
    profile = reading.turned_profile
    assert (profile.length_mm, profile.max_diameter_mm) == pytest.approx((125, 30))
    levels = [(s.z0_mm, s.z1_mm, 2 * s.r0_mm) for s in profile.outer if s.r0_mm == pytest.approx(s.r1_mm)]
    assert (30.0, 80.0, 30.0) in [pytest.approx(level) for level in levels]
    grooves = sorted((g.diameter_mm, g.width_mm) for g in features(reading, "groove"))
    assert grooves == [pytest.approx((17.5, 3.0)), pytest.approx((19.0, 1.3))]
    (keyway,) = features(reading, "slot")
    assert (keyway.width_mm, keyway.length_mm) == pytest.approx((8, 25))
    assert keyway.depth_mm == pytest.approx(4, abs=0.05)
    assert not features(reading, "hole")
    assert not features(reading, "flat")
    assert [process.process for process in reading.processes] == ["turning", "milling"]


def test_hub_is_turned_milled_and_drilled(samples, read):
    reading = read(samples["TM-3105"].step)
    assert {process.process for process in reading.processes} == {"turning", "milling", "drilling"}
    (bore,) = features(reading, "bore")
    assert steps(bore) == [(22.0, 50.0)]
    assert {(steps(hole)[0][0], hole.count) for hole in features(reading, "hole")} == {(6.6, 4), (4.2, 1)}
    (flat,) = features(reading, "flat")
    assert flat.depth_mm == pytest.approx(2.5)


def test_public_shaft_has_the_size_of_its_drawing(shared_file, read):
    reading = read(shared_file("step/motor_shaft.step"))
    assert reading.solid.size_mm == pytest.approx((3.99, 3.99, 33.4), abs=1e-3)
    assert len(features(reading, "flat")) == 1
    assert features(reading, "flat")[0].count == 2
    assert not features(reading, "hole") + features(reading, "bore")


def test_partial_cylinders_are_no_holes(shared_file, read):
    reading = read(shared_file("step/nist_ctc_01_asme1_ap242-e1.stp"))
    found = sum(feature.count for feature in features(reading, "hole") + features(reading, "bore"))
    assert found == 10
    assert len(features(reading, "slot")) == 1


def test_blind_holes_facing_each_other_across_a_cavity_stay_apart(shared_file, read):
    reading = read(shared_file("step/nist_ctc_02_asme1_ap242-e2.stp"))
    sideways = [hole for hole in features(reading, "hole") if abs(hole.axis[0]) == 1]
    assert [(hole.count, hole.through, steps(hole)) for hole in sideways] == [(20, False, [(8.38, 25.0)])]


@pytest.mark.requirement("DRW-51")
def test_tessellated_model_is_estimated_with_a_warning(shared_file, read):
    reading = read(shared_file("step/nist_ftc_08_asme1_ap242-e1-tg.stp"))
    assert reading.error is None
    assert reading.solid.estimated
    assert reading.features == []
    assert any("facettes" in warning for warning in reading.warnings)


def test_inch_model_is_measured_in_mm(shared_file, read):
    reading = read(shared_file("step/nist_ftc_06_asme1_ap242-e2.stp"))
    assert reading.solid.size_mm[0] == pytest.approx(12 * 25.4, abs=0.01)
