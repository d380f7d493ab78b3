"""How a cabinet counts: weighed trays, bar ends, labels, markers; any cabinet by its configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge_agents.drivers.base import CommandRefusedError
from edge_agents.drivers.cabinet_camera import bars, cells
from edge_agents.drivers.cabinet_camera.config import CabinetCameraConfig, VisionConfig, load_vision
from edge_agents.drivers.cabinet_camera.session import decide
from edge_agents.drivers.cabinet_camera.trays import Trays
from edge_agents.drivers.registry import parse_config
from edge_agents.drivers.simulators import cabinet_scenes
from tests.edge_agents.cabinets import make, scale_file, tray_config
from tests.edge_agents.conftest import Recorded


def test_lines_of_a_load_cell_amplifier_are_understood() -> None:
    assert cells.parse_line("T1 84213\r\n") == ("T1", 84213.0)
    assert cells.parse_line("T2;-12.5") == ("T2", -12.5)
    assert cells.parse_line("T1 8388607") == ("T1", None), "a saturated converter"
    assert cells.parse_line("garbage") is None
    assert cells.parse_line("T1 12 13") is None


@pytest.mark.requirement("VIS-03")
@pytest.mark.requirement("VIS-43")
def test_a_tray_is_tared_learned_counted_and_given_up_when_it_lies(tmp_path: Path) -> None:
    path = scale_file(tmp_path, T1=52.0)
    store = tmp_path / "trays.json"
    trays = Trays(cells.CellsConfig.model_validate(tray_config(path)), store)
    assert trays.count(trays.weigh())["A-08"].reason == "scale_not_learned"
    assert trays.tare("A-08") == pytest.approx(52.0)
    scale_file(tmp_path, T1=52.0 + 10 * 8.4)
    assert trays.learn("A-08", 10) == pytest.approx(8.4)
    before = trays.weigh()
    scale_file(tmp_path, T1=52.0 + 7 * 8.4)
    again = Trays(cells.CellsConfig.model_validate(tray_config(path)), store)
    reading = again.count(again.weigh())["A-08"]
    assert (reading.count, reading.reason) == (7, None)
    assert reading.confidence > 0.95
    assert again.changed(before, again.weigh())
    scale_file(tmp_path, T1=700.0)
    assert again.count(again.weigh())["A-08"].reason == "scale_out_of_range"
    scale_file(tmp_path, T1=40.0)
    assert again.count(again.weigh())["A-08"].reason == "scale_drift"
    path.unlink()
    assert again.count(again.weigh())["A-08"].count is None
    with pytest.raises(ValueError, match="ne répond pas"):
        again.tare("A-08")


@pytest.mark.requirement("VIS-43")
async def test_a_weighed_session_and_a_drifting_tray(recorded: Recorded, tmp_path: Path) -> None:
    path = scale_file(tmp_path, T1=100.0)
    config = tray_config(path, tare_g=60.0, unit_g=8.0)
    driver = make(recorded, tmp_path, cells=config)
    raw = load_vision(tmp_path / "vision.yaml")
    tray = raw.compartments[-1].model_copy(update={"method": "weight"})
    driver.sight.vision = raw.model_copy(update={"compartments": (*raw.compartments[:-1], tray)})
    await driver.open_session()
    scale_file(tmp_path, T1=84.0)
    answer = await driver.close_session()
    assert answer["message"] == "-2 PLAQUETTE"
    assert recorded.of("vision.detection")[0]["method"] == "weight"
    await driver.open_session()
    scale_file(tmp_path, T1=20.0)
    await driver.close_session()
    assert recorded.of("health.alert")[-1]["code"] == "scale.scale_drift"
    assert "tarez" in recorded.of("health.alert")[-1]["message"]
    assert len(recorded.of("vision.detection")) == 1
    with pytest.raises(CommandRefusedError, match="inconnu"):
        await driver.command("tare", {"location": "Z"})


async def test_a_session_its_weight_opened_knows_what_lay_there_before(
    recorded: Recorded, tmp_path: Path
) -> None:
    path = scale_file(tmp_path, T1=100.0)
    driver = make(recorded, tmp_path, cells=tray_config(path, tare_g=60.0, unit_g=8.0), opening="motion")
    raw = driver.sight.vision
    tray = raw.compartments[-1].model_copy(update={"method": "weight"})
    driver.sight.vision = raw.model_copy(update={"compartments": (*raw.compartments[:-1], tray)})
    await driver._look()
    await driver._look()
    scale_file(tmp_path, T1=84.0)
    await driver._look()
    assert driver.busy
    assert (await driver.close_session())["message"] == "-2 PLAQUETTE"
    assert recorded.of("cabinet.session")[0]["opened_by"] == "weight"


@pytest.mark.requirement("VIS-03")
def test_bar_ends_are_counted_and_measured_untaught() -> None:
    found, total, sizes = 0, 0, []
    for seed in (11, 12):
        rack = cabinet_scenes.make_cabinet("bar_rack", seed)
        chance = np.random.default_rng(seed)
        x, y, w, h = rack.boxes[0]
        true_px = 2 * 0.96 * min(w / 8.6, h / 4.4)
        for number in range(3):
            content = cabinet_scenes.random_content(rack, chance)
            picture = cabinet_scenes.render(rack, content, cabinet_scenes.random_look(chance), number)
            for (x, y, w, h), name in zip(rack.boxes, rack.places, strict=True):
                patch = picture[y : y + h, x : x + w]
                found += len(bars.bar_circles(patch)) == content[name]
                total += 1
                size = bars.diameter_mm(patch, 0.5)
                if content[name]:
                    assert size is not None
                    sizes.append(size / (0.5 * true_px))
    assert found >= 0.9 * total
    assert 0.9 < float(np.median(sizes)) < 1.1
    assert bars.diameter_mm(np.full((100, 100, 3), 30, np.uint8), 1.0) is None


def labelled_scene(codes: dict[tuple[int, int], str], *, plain: bool = False) -> Any:
    import zxingcpp

    scene = np.full((500, 700, 3), 190, np.uint8)
    cv2.randn(noise := np.zeros(scene.shape, np.int16), 0, 4)
    for (x, y), text in codes.items():
        made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
        code = np.array(made.to_image(scale=4))
        cv2.rectangle(
            scene, (x - 14, y - 14), (x + code.shape[1] + 14, y + code.shape[0] + 14), (90, 110, 120), -1
        )
        scene[y : y + code.shape[0], x : x + code.shape[1]] = code[..., None]
    if plain:
        cv2.rectangle(scene, (60, 60), (300, 300), (60, 80, 90), -1)
    return np.clip(scene + noise, 0, 255).astype(np.uint8)


@pytest.mark.requirement("VIS-13")
def test_offcuts_are_known_by_their_labels_one_by_one() -> None:
    bin_ = {"id": "CHUTES", "method": "boxes", "polygon": [[20, 20], [680, 20], [680, 480], [20, 480]]}
    vision = VisionConfig.model_validate({"compartments": [bin_], "min_sharpness": 0.0})
    first = {(60, 60): "gu:q/chute-1", (400, 60): "gu:q/chute-2"}
    before, after = (
        labelled_scene(first),
        labelled_scene({(60, 60): "gu:q/chute-1", (400, 280): "gu:q/chute-3"}),
    )
    changes = decide(before, after, vision).changes
    assert {(c.code, c.delta) for c in changes} == {("gu:q/chute-2", -1), ("gu:q/chute-3", 1)}
    unknown = decide(labelled_scene({}), labelled_scene({}, plain=True), vision).changes
    assert [(c.reason, c.delta) for c in unknown] == [("unlabelled", None)]


@pytest.mark.requirement("VIS-10")
def test_an_instrument_in_a_wrong_place_is_no_count() -> None:
    table = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)

    def drawer(places: dict[int, int]) -> Any:
        scene = np.full((300, 600, 3), 160, np.uint8)
        for slot, marker in places.items():
            drawn = cv2.aruco.generateImageMarker(table, marker, 80)
            drawn = cv2.copyMakeBorder(drawn, 10, 10, 10, 10, cv2.BORDER_CONSTANT, value=255)
            scene[100:200, 50 + 200 * slot : 150 + 200 * slot] = drawn[..., None]
        return scene

    places = [
        {"id": f"I{n}", "method": "marker", "marker_id": 10 + n, "item": f"INST-{n}",
         "polygon": [[20 + 200 * n, 60], [180 + 200 * n, 60], [180 + 200 * n, 240], [20 + 200 * n, 240]]}
        for n in range(3)
    ]  # fmt: skip
    vision = VisionConfig.model_validate({"compartments": places, "min_sharpness": 0.0})
    full = drawer({0: 10, 1: 11, 2: 12})
    gone = decide(full, drawer({0: 10, 2: 12}), vision).changes
    assert [(c.compartment.id, c.delta) for c in gone] == [("I1", -1)]
    swapped = {
        c.compartment.id: (c.delta, c.reason) for c in decide(full, drawer({0: 11, 2: 12}), vision).changes
    }
    assert swapped == {"I0": (None, "foreign_or_misplaced"), "I1": (-1, None)}


@pytest.mark.requirement("VIS-01")
def test_another_cabinet_is_another_configuration_and_nothing_else(tmp_path: Path) -> None:
    scope = {"T-01": "FRAISE", "I-01": "PIED-A-COULISSE", "E-01": "GANTS-9", "M-01": "ROND-20"}
    methods = dict(zip(scope, ("presence", "marker", "boxes", "bar_ends"), strict=True))
    square = [[0, 0], [90, 0], [90, 90], [0, 90]]
    path = tmp_path / "v.yaml"
    compartments = [
        {"id": n, "method": methods[n], "item": item, "polygon": square} for n, item in scope.items()
    ]
    path.write_text(json.dumps({"compartments": compartments}))
    config = parse_config({"type": "cabinet_camera", "vision": str(path)})
    assert isinstance(config, CabinetCameraConfig)
    assert [place.item for place in load_vision(config.vision).compartments] == list(scope.values())
    path.write_text(json.dumps({"compartments": [compartments[0] | {"method": "guess"}]}))
    with pytest.raises(ValueError, match="method"):
        load_vision(path)
