"""Settings of drivers asked in forms: made of the drivers' own schemas, judged by them, sent as the next signed configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict
from coordinator.kernel.i18n import catalogue
from coordinator.modules.company.models import Site
from coordinator.modules.stations import driver_forms, driver_settings, driver_spread, service
from coordinator.modules.stations.driver_settings import DriverParams
from coordinator.modules.stations.driver_spread import SpreadParams, Target
from coordinator.modules.stations.models import Station, StationConfig
from edge_agents.drivers import registry
from edge_agents.runtime.config import parse

KINDS = [kind for kind in registry.driver_types() if kind != "load_generator"]
TEMPLATES = sorted((Path(__file__).resolve().parents[3] / "firmware_configs").glob("machines/*.yaml"))
SCANNER = {"type": "scanner", "inputs": ["stdin"], "logout_s": 90, "machine_code": "T01"}
SIGNALS: dict[str, Any] = {
    "machine_code": "S02",
    "source": {"kind": "modbus", "host": "10.0.0.9"},
    "inputs": {"green": {"at": "0"}},
    "rules": [{"when": {"green": "on"}, "state": "running"}],
}


@pytest.fixture
def station(ctx: Context) -> Station:
    site = ctx.add(Site(code="DS", name="Site"))
    found = ctx.add(Station(code="st-ds", name="Poste 5", kind="scan_station", site_id=site.id))
    config = {"drivers": {"scanner": SCANNER}, "retention": {"journal_mb": 900}}
    service.set_config(ctx, found, service.ConfigParams(config=config))
    return found


def _newest(ctx: Context, station: Station) -> StationConfig:
    query = select(StationConfig).where(StationConfig.station_id == station.id)
    found = ctx.session.scalars(query.order_by(StationConfig.version_no.desc()).limit(1)).first()
    assert found is not None
    return found


def _labels(nodes: list[driver_forms.Node]) -> list[str]:
    found: list[str] = []
    for node in nodes:
        found += [str(node.get("label", "")), str(node.get("help", ""))]
        found += [str(c["label"]) for c in (node.get("choices") or []) + (node.get("keys") or [])]
        found += _labels(node.get("fields") or [])
        found += _labels([node["item"]]) if "item" in node else []
        for variant in node.get("variants") or []:
            found += [str(variant["label"]), *_labels(variant["fields"])]
    return found


@pytest.mark.requirement("EDG-30")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("locale", ["fr", "en"])
def test_every_setting_of_every_driver_has_words_in_both_languages(kind: str, locale: str) -> None:
    nodes = driver_forms.form(registry.config_class(kind).model_json_schema(), locale)
    assert len(nodes) == len(registry.config_class(kind).model_fields) - 1
    assert [text for text in _labels(nodes) if text.startswith("driver.")] == []
    assert {f"driver.{kind}", f"driver.{kind}.help"} <= catalogue(locale).keys()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: p.stem)
def test_a_template_goes_through_the_form_unchanged(path: Path, ctx: Context, station: Station) -> None:
    """What a form gives back is what was there: nothing lost, nothing made up."""
    for name, values in yaml.safe_load(path.read_text())["config"]["drivers"].items():
        service.set_config(ctx, station, service.ConfigParams(config={"drivers": {name: values}}))
        version = _newest(ctx, station).version_no
        with pytest.raises(BusinessError) as same:
            driver_settings.change(ctx, station, DriverParams(name=name, values=values, version_no=version))
        assert same.value.code == "station.same_config"


@pytest.mark.requirement("EDG-28", "EDG-30")
def test_a_changed_setting_is_shown_before_and_sent_signed(ctx: Context, station: Station) -> None:
    params = DriverParams(
        name="scanner", values={**SCANNER, "logout_s": 45, "require_pin": False}, version_no=1
    )
    shown = driver_settings.preview(ctx, station, params)
    assert [(c["label"], c["before"], c["after"]) for c in shown["changes"]] == [
        ("Déconnexion automatique après", "90 s", "45 s"), ("Code personnel demandé", "—", "Non"),
    ]  # fmt: skip
    assert _newest(ctx, station).version_no == 1, "a preview sends nothing"
    assert driver_settings.change(ctx, station, params) == {"version_no": 2}
    row = _newest(ctx, station)
    assert row.config["drivers"]["scanner"] == {**SCANNER, "logout_s": 45, "require_pin": False}
    assert row.config["retention"] == {"journal_mb": 900}
    assert parse(row.config).driver_configs()["scanner"].type == "scanner"  # type: ignore[attr-defined]
    with pytest.raises(Conflict):
        driver_settings.change(ctx, station, params)


@pytest.mark.requirement("EDG-50")
@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({**SCANNER, "logout_s": 0}, "logout_s", "supérieure à 0"),
        ({**SCANNER, "pin_attempts": "deux"}, "pin_attempts", "Nombre entier attendu"),
        ({**SCANNER, "inputs": ["stdin", "radio"]}, "inputs", "Clavier (douchette USB), Liaison série"),
        ({**SCANNER, "sonnerie": True}, "sonnerie", "inconnu"),
    ],
)
def test_a_refused_setting_is_named_in_words(
    ctx: Context, station: Station, values: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(BusinessError) as refused:
        driver_settings.change(ctx, station, DriverParams(name="scanner", values=values, version_no=1))
    found = {e["field"]: e["message"] for e in refused.value.to_problem("fr")["errors"]}
    assert words in found[field]
    assert _newest(ctx, station).version_no == 1


@pytest.mark.requirement("EDG-50")
@pytest.mark.parametrize(
    ("part", "field", "words"),
    [
        ({"inputs": {"green": {"at": 0, "debounce_ms": -1}}}, "inputs.green.debounce_ms", "au moins 0"),
        ({"source": {"kind": "modbus", "host": "h", "port": 0}}, "source.port", "au moins 1"),
        ({"rules": []}, "rules", "au moins 1"),
        ({"rules": [{"when": {"blue": "on"}, "state": "running"}]}, "", "Entrées inconnues : blue"),
        ({"limits": {"spindle_load": {"risk": 90, "impact": 80}}}, "limits.spindle_load", "« Seuil de choc » doit être supérieur ou égal à « Seuil de risque »"),
        ({"stop_output": {"commissioning_record": "PV-4"}}, "stop_output", "« Fichier de sortie », « Ligne GPIO » ou « Sortie Modbus »"),
    ],
)  # fmt: skip
def test_rules_between_settings_are_checked_at_the_office(
    ctx: Context, station: Station, part: dict[str, Any], field: str, words: str
) -> None:
    values = {"type": "signal_machine", **SIGNALS, **part}
    with pytest.raises(BusinessError) as refused:
        driver_settings.preview(ctx, station, DriverParams(name="tour", values=values, version_no=1))
    found = {e["field"]: e["message"] for e in refused.value.to_problem("fr")["errors"]}
    assert words in found[field]


def test_a_driver_is_added_and_taken_away(ctx: Context, station: Station) -> None:
    values = {"type": "signal_machine", **SIGNALS}
    driver_settings.change(ctx, station, DriverParams(name="tour", values=values, version_no=1))
    config = _newest(ctx, station).config
    assert config["drivers"]["tour"]["inputs"]["green"]["at"] == 0, "digits alone are a line number"
    parse(config)
    driver_settings.change(ctx, station, DriverParams(name="scanner", values=None, version_no=2))
    assert list(_newest(ctx, station).config["drivers"]) == ["tour"]


@pytest.mark.requirement("MCH-34", "VIS-24")
def test_what_another_page_decides_cannot_be_changed_here(ctx: Context, station: Station) -> None:
    kept = {"type": "opcua_machine", "machine_code": "M1", "endpoint": "opc.tcp://h:4840", "node_map": "opc40501",
            "collision_response": "alert", "user": "agent", "password_file": "opcua.password", "anomaly": {"approved": "3"}}  # fmt: skip
    service.set_config(ctx, station, service.ConfigParams(config={"drivers": {"m": kept}}))
    sent = {**kept, "collision_response": "log", "anomaly": {"approved": "9", "trees": 50}}
    driver_settings.change(ctx, station, DriverParams(name="m", values=sent, version_no=2))
    found = _newest(ctx, station).config["drivers"]["m"]
    assert (found["collision_response"], found["anomaly"]) == ("alert", {"trees": 50, "approved": "3"})


def _other(ctx: Context, code: str, driver: dict[str, Any], *, is_revoked: bool = False) -> Station:
    site = ctx.session.scalars(select(Site).where(Site.code == "DS")).one()
    found = ctx.add(
        Station(code=code, name=code.upper(), kind="scan_station", site_id=site.id, is_revoked=is_revoked)
    )
    service.set_config(ctx, found, service.ConfigParams(config={"drivers": {"douchette": driver}}))
    return found


def _spread(station: Station, *others: Station, values: dict[str, Any], settings: list[str]) -> SpreadParams:
    targets = [Target(station_id=station.id, name="scanner", version_no=1)]
    targets += [Target(station_id=o.id, name="douchette", version_no=1) for o in others]
    return SpreadParams(values=values, settings=settings, targets=targets)


@pytest.mark.requirement("EDG-28", "EDG-30")
def test_chosen_settings_go_to_several_stations_and_leave_the_rest_alone(
    ctx: Context, station: Station
) -> None:
    near = _other(ctx, "st-near", {**SCANNER, "machine_code": "T02", "require_pin": True})
    same = _other(ctx, "st-same", {**SCANNER, "logout_s": 45})
    _other(ctx, "st-gone", SCANNER, is_revoked=True)
    _other(ctx, "st-mill", {"type": "signal_machine", **SIGNALS})
    offered = driver_spread.alike(ctx, station, "scanner")
    assert [(one["station"], one["name"], one["version_no"]) for one in offered] == [
        ("ST-NEAR", "douchette", 1), ("ST-SAME", "douchette", 1),
    ]  # fmt: skip
    wanted = _spread(
        station, near, same, values={**SCANNER, "logout_s": 45}, settings=["logout_s", "require_pin"]
    )
    shown = driver_spread.preview(ctx, station, wanted)["stations"]
    assert [[(c["before"], c["after"]) for c in one["changes"]] for one in shown] == [
        [("90 s", "45 s")], [("90 s", "45 s"), ("Oui", "—")], [],
    ]  # fmt: skip
    assert _newest(ctx, near).version_no == 1, "a preview sends nothing"
    sent = driver_spread.change(ctx, station, wanted)["stations"]
    assert [one["station_id"] for one in sent] == [station.id, near.id]
    assert _newest(ctx, near).config["drivers"]["douchette"] == {
        "type": "scanner", "inputs": ["stdin"], "logout_s": 45, "machine_code": "T02",
    }  # fmt: skip
    assert _newest(ctx, station).config["drivers"]["scanner"] == {**SCANNER, "logout_s": 45}
    assert _newest(ctx, same).version_no == 1
    with pytest.raises(Conflict):
        driver_spread.change(ctx, station, wanted)


@pytest.mark.requirement("EDG-50")
def test_one_refused_station_is_named_and_keeps_all_from_being_sent(ctx: Context, station: Station) -> None:
    mill = _other(ctx, "st-mill", {"type": "signal_machine", **SIGNALS})
    near = _other(ctx, "st-near", SCANNER)
    wrong = _spread(station, near, values={**SCANNER, "logout_s": 0}, settings=["logout_s"])
    shown = driver_spread.preview(ctx, station, wrong)["stations"]
    assert all("supérieure à 0" in one["errors"][0] for one in shown)
    other_kind = _spread(station, mill, values={**SCANNER, "logout_s": 30}, settings=["logout_s"])
    assert driver_spread.preview(ctx, station, other_kind)["stations"][1]["errors"]
    for refused in (wrong, other_kind):
        with pytest.raises(BusinessError):
            driver_spread.change(ctx, station, refused)
        ctx.session.expire_all()
    assert _newest(ctx, near).version_no == 1
