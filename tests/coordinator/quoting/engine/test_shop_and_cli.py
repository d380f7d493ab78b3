"""Shop file round trip and errors; the command line."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coordinator.modules.quoting.cli import app
from coordinator.modules.quoting.engine import shop_file
from coordinator.modules.quoting.engine.default_shop import default_shop, default_shop_yaml
from coordinator.modules.quoting.engine.shop import RateCard, RateCardLine
from tests.coordinator.quoting.engine.samples import BLOCK, SHAFT

SHARED = Path(os.environ.get("USINAGE_SHARED") or Path(__file__).parents[5] / "shared")


def test_default_shop_file_reads_back_unchanged() -> None:
    text = default_shop_yaml()
    assert shop_file.loads(text) == default_shop()
    assert "# Grille tarifaire" in text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("machines: [{code: a, name: b, machine_type: four}]", "machines[0].machine_type"),
        ("machines: [{code: a, machine_type: lathe}]", "machines[0].name"),
        (
            "machines: [{code: a, name: b, machine_type: lathe, max_spindle_rpm: vite}]",
            "machines[0].max_spindle_rpm",
        ),
        ("machines: [{code: a, name: b, machine_type: lathe, axis_count: -2}]", "machines[0].axis_count"),
        ("tools: [{code: a, name: b, tool_type: drill, diametre: 3}]", "tools[0].diametre"),
        ("rate_card: {lines: [{kind: machine_hour}]}", "rate_card.lines[0].rate"),
        ("settings: {costs: {margin_pct: 100}}", "settings.costs.margin_pct"),
        ("calendar: {minutes_per_day: [480, 480]}", "calendar.minutes_per_day"),
        ("calendar: {closed: ['14/07/2026']}", "calendar.closed[0]"),
        (
            "machines: [{code: a, name: b, machine_type: lathe}, {code: a, name: c, machine_type: saw}]",
            "machines[1].code",
        ),
    ],
)
def test_errors_name_the_field_in_french(text: str, place: str) -> None:
    with pytest.raises(shop_file.ShopFileError) as caught:
        shop_file.loads(text)
    assert f"« {place} »" in caught.value.message


def test_not_yaml_is_refused() -> None:
    for text in ("[", "3", "- a"):
        with pytest.raises(shop_file.ShopFileError):
            shop_file.loads(text)


@pytest.mark.requirement("SET-26")
def test_most_specific_valid_rate_wins() -> None:
    def line(rate: int, **objects: str) -> RateCardLine:
        return replace(
            RateCardLine("machine_hour", default_shop().rate_card.lines[0].rate * 0 + rate), **objects
        )  # type: ignore[arg-type]

    day = date(2026, 5, 1)
    card = RateCard(
        (line(10), line(20, machine_type="lathe"), line(30, work_center="T"), line(40, machine="T1"))
    )
    objects = {"machine": "T1", "work_center": "T", "machine_type": "lathe"}

    def rate(**asked: str) -> int:
        found = card.find("machine_hour", day, **asked)
        assert found is not None
        return int(found.rate)

    assert rate(**objects) == 40
    assert rate(**{**objects, "machine": "T2"}) == 30
    assert rate(machine="X", work_center="Y", machine_type="lathe") == 20
    assert rate(machine="X") == 10
    late = RateCard((replace(card.lines[3], valid_from=date(2026, 6, 1)),))
    assert late.find("machine_hour", day, **objects) is None


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["compute", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_cli_prints_one_json_document(tmp_path: Path) -> None:
    path = tmp_path / "lecture.json"
    path.write_text(json.dumps([SHAFT, BLOCK]), encoding="utf-8")
    code, out, _ = run(str(path), "--quantity", "5", "--json")
    data = json.loads(out)
    assert code == 0
    assert [entry["drawing_number"] for entry in data["lines"]] == ["A-100", "B-200"]
    assert [s["kind"] for s in data["scenarios"]] == ["standard", "express", "economic"]
    code, out, _ = run(str(path), "--quantity", "5")
    assert code == 0
    assert "SCÉNARIOS" in out


def test_cli_material_wins_and_shop_file_counts(tmp_path: Path) -> None:
    path, shop = tmp_path / "lecture.json", tmp_path / "atelier.yaml"
    path.write_text(json.dumps(BLOCK), encoding="utf-8")
    assert run("--write-default-shop", str(shop))[0] == 0
    same = run(str(path), "--quantity", "5", "--shop", str(shop), "--json", "--date", "2026-03-02")[1]
    assert same == run(str(path), "--quantity", "5", "--json", "--date", "2026-03-02")[1]
    steel = json.loads(run(str(path), "--quantity", "5", "--material", "C45", "--json")[1])
    assert steel["lines"][0]["iso513_group"] == "P2"
    assert steel["lines"][0]["unit_price"] > json.loads(same)["lines"][0]["unit_price"]


@pytest.mark.requirement("QUO-33", "QUO-43")
def test_cli_takes_discounts_and_tells_them(tmp_path: Path) -> None:
    file = tmp_path / "lecture.json"
    file.write_text(json.dumps(BLOCK), encoding="utf-8")
    plain = json.loads(run(str(file), "--quantity", "10", "--json")[1])
    given = ("--discount", "5%", "--line-discount", "1=10", "--price-break", "50")
    shown = json.loads(run(str(file), "--quantity", "10", "--json", *given)[1])
    assert shown["discount"] == {"pct": 5.0, "amount": None}
    assert shown["lines"][0]["discount"] == {"pct": None, "amount": 10.0}
    assert set(shown["lines"][0]["price_breaks"][0]["scenarios"]) == {"standard", "express", "economic"}
    for before, after in zip(plain["scenarios"], shown["scenarios"], strict=True):
        gross = before["gross_excl_tax"]
        assert after["gross_excl_tax"] == gross
        assert after["discount_excl_tax"] == pytest.approx(10 + 0.05 * (gross - 10), abs=0.006)
        assert after["price_excl_tax"] == pytest.approx(gross - after["discount_excl_tax"], abs=0.001)
    assert "avant remise" in run(str(file), "--quantity", "10", *given)[1]
    deep = run(str(file), "--quantity", "10", "--discount", "60 %")[1]
    assert "sous le prix plancher" in deep


@pytest.mark.parametrize("given", [("--discount", "120%"), ("--discount", "-3"), ("--discount", "beaucoup"),
                                   ("--line-discount", "3=5%"), ("--line-discount", "5%")])  # fmt: skip
def test_cli_refuses_what_is_no_discount(tmp_path: Path, given: tuple[str, str]) -> None:
    file = tmp_path / "lecture.json"
    file.write_text(json.dumps(BLOCK), encoding="utf-8")
    assert run(str(file), "--quantity", "10", *given)[0] == 2


def test_cli_exit_codes(tmp_path: Path) -> None:
    path, shop = tmp_path / "lecture.json", tmp_path / "atelier.yaml"
    path.write_text(json.dumps(BLOCK), encoding="utf-8")
    shop.write_text("machines: 3", encoding="utf-8")
    assert run(str(path))[0] == 2
    assert run("--quantity", "5")[0] == 2
    assert run(str(path), "--quantity", "5", "--delivery", "demain")[0] == 2
    assert run(str(tmp_path / "absent.json"), "--quantity", "5")[0] == 1
    code, _, err = run(str(path), "--quantity", "5", "--shop", str(shop))
    assert code == 1
    assert "machines" in err


def test_cli_quotes_a_step_model() -> None:
    model = SHARED / "data" / "step" / "motor_shaft.step"
    if not model.is_file():
        pytest.skip("shared sample models are not here (USINAGE_SHARED)")
    code, out, err = run(str(model), "--quantity", "20", "--material", "C45", "--json")
    assert code == 0, err
    found = json.loads(out)["lines"][0]
    assert found["unit_price"] > 0
    assert {"turning"} <= {o["operation_type"] for o in found["operations"]}
