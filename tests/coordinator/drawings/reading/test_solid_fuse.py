"""A model alone brings its own dimensions; they never contradict its envelope (DRW-13, DRW-25, DRW-49)."""

import pytest

from coordinator.modules.drawings.reading.fuse import fuse
from coordinator.modules.drawings.reading.solid import read_solid
from coordinator.modules.drawings.results import complexity
from coordinator.modules.quoting.engine.reading import from_reading
from tests.coordinator.drawings.reading import modelled as m


def test_annotations_of_a_model_are_the_dimensions_of_the_part(shared_file, read):
    part = fuse([read(shared_file("step/nist_ctc_04_asme1_ap242-e1.stp"))])
    assert len(part.dimensions) == 10
    assert part.contradictions == []


def test_tolerance_of_a_hole_reaches_the_quote(shared_file, read):
    described = from_reading(read(shared_file("step/nist_ctc_04_asme1_ap242-e1.stp")).to_json())
    sunk = next(f for f in described.features if f.form == "countersink")
    # 0.2 mm on 14 mm lies between IT12 (0.18) and IT13 (0.27).
    assert sunk.it == 12
    assert next(f for f in described.features if f.thread).thread == "M12x1.75-6H"


@pytest.mark.requirement("DRW-25")
def test_thin_walls_and_deep_holes_make_a_part_harder(tmp_path):
    def rated(name, shape):
        return complexity(fuse([read_solid(m.step_file(tmp_path, shape, name), "step")]))

    plain = m.cut(m.box(60, 40, 30), m.rod(10, 40, (20, 20, -5)))
    assert rated("plain", plain) == "simple"
    assert rated("thin", m.cut(m.box(60, 40, 30), m.box(57.6, 37, 29, (1.2, 1.5, 1)))) == "moderate"
    deep = m.cut(
        m.box(60, 40, 30),
        *(m.rod(3, 70, (-5, y, 15), m.X) for y in (8, 14, 20, 26)),
        m.rod(4, 40, (30, 35, -5)),
    )
    assert rated("deep", deep) != rated("plain", plain)
