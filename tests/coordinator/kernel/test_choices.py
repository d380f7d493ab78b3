"""Fixed values are choices with French words, and the clients are told the defaults."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from coordinator.bootstrap import registry
from coordinator.kernel.enumerations import ENUMERATIONS
from coordinator.kernel.i18n import catalogue
from coordinator.kernel.schema import field_columns, info_of
from tests.conftest import master

Api = Callable[..., Any]

DROP_DOWNS = (
    ("customer", "vat_regime"), ("customer", "incoterm"), ("customer", "payment_method"), ("customer", "currency"),
    ("supplier", "access_way"), ("supplier_catalogue", "kind"), ("supplier_evaluation", "criterion"), ("address", "kind"),
    ("stock_item", "managed_by"), ("stock_item", "unit"), ("tool", "tool_type"), ("material", "iso513_group"),
    ("material", "material_family"), ("material_synonym", "system"), ("ppe_item", "category"),
    ("supplier_item", "certificate_type"), ("cutting_data", "coolant"), ("alarm_threshold", "level"),
    ("storage_location", "accepts"), ("storage_location", "vision_mode"), ("storage_location", "counting_method"),
    ("goods_receipt_line", "result"), ("reorder_proposal", "reason"), ("routing", "source"), ("payment", "payment_method"),
    ("user_account", "language"),
)  # fmt: skip


@pytest.fixture
def described(api: Api) -> dict[str, dict[str, Any]]:
    """Fields of every entity as the clients are told, by entity and name."""
    meta = api(master()).get("/api/v1/meta").json()
    return {e["name"]: {f["name"]: f for f in e["fields"]} for e in meta["entities"]}


@pytest.mark.requirement("GLO-01", "DAT-06")
@pytest.mark.parametrize(("entity", "name"), DROP_DOWNS)
def test_fixed_values_are_offered_not_typed(
    described: dict[str, dict[str, Any]], api: Api, entity: str, name: str
) -> None:
    field = described[entity][name]
    assert field["type"] == "choice"
    labels = [c["label"] for c in field["choices"]]
    assert len(labels) == len(set(labels)) > 1
    if registry().entities[entity].can_create and not field["read_only"]:
        path = registry().entities[entity].path
        refused = api(master()).post(f"/api/v1/{path}", json={name: "no such value"})
        assert name in [e["field"] for e in refused.json()["errors"]]


@pytest.mark.requirement("GLO-01")
def test_every_choice_of_every_entity_and_action_has_its_french_word() -> None:
    texts = catalogue("fr")

    def known(enumeration: str, value: Any) -> bool:
        return f"enum.{enumeration}.{value}" in texts or f"enum.{value}" in texts

    missing: list[tuple[Any, ...]] = []
    for spec in registry().entities.values():
        for name, column in field_columns(spec.model).items():
            if enumeration := info_of(column).enumeration:
                values = ENUMERATIONS[enumeration]
                missing += [(spec.name, name, v) for v in values if not known(enumeration, v)]
    for command in registry().commands.values():
        for name, definition in command.params.model_json_schema().get("properties", {}).items():
            enumeration = (definition.get("x-field") or {}).get("enumeration", name)
            for variant in definition.get("anyOf", [definition]):
                missing += [
                    (command.entity, command.name, name, v)
                    for v in variant.get("enum", [])
                    if not known(enumeration, v)
                ]
    assert missing == []


def test_clients_are_told_what_an_untouched_field_becomes(
    api: Api, described: dict[str, dict[str, Any]]
) -> None:
    assert described["customer"]["vat_regime"]["default"] == "fr_standard"
    assert described["stock_item"]["unit"]["default"] == "pce"
    client = api(master())
    for entity, body in (
        ("customer", {"name": "Défauts SARL"}),
        ("material", {"code": "DEF-1", "name": "Acier"}),
        ("tool", {"code": "DEF-2", "name": "Foret", "tool_type": "drill"}),
        ("ppe_item", {"code": "DEF-3", "name": "Gants", "ppe_type": "gants"}),
        ("storage_location", {"code": "DEF-4", "name": "Casier"}),
        ("machine", {"code": "DEF-5", "name": "Tour", "machine_type": "lathe"}),
    ):
        path = registry().entities[entity].path
        answer = client.post(f"/api/v1/{path}", json=body)
        assert answer.status_code == 201, answer.text
        told = {
            n: f["default"]
            for n, f in described[entity].items()
            if f["default"] is not None and n not in body
        }
        assert told
        assert {n: answer.json()[n] for n in told} == told


TICKED = (
    ("supplier", "kinds"), ("company_profile", "sectors"), ("activity_type", "operation_types"), ("station", "roles"),
    ("storage_location", "allowed_kinds"),
)  # fmt: skip


@pytest.mark.requirement("GLO-01", "DAT-06")
@pytest.mark.parametrize(("entity", "name"), TICKED)
def test_several_fixed_values_are_ticked_and_others_refused(
    described: dict[str, dict[str, Any]], api: Api, entity: str, name: str
) -> None:
    field = described[entity][name]
    assert field["type"] == "choices"
    assert not field["sortable"]
    assert not field["filterable"]
    labels = [c["label"] for c in field["choices"]]
    assert len(labels) == len(set(labels)) > 1
    if registry().entities[entity].can_create:
        path = registry().entities[entity].path
        refused = api(master()).post(f"/api/v1/{path}", json={name: ["no such value"]})
        assert name in [e["field"].split(".")[0] for e in refused.json()["errors"]]


@pytest.mark.requirement("DAT-06")
def test_ticked_values_and_words_travel_through_files(api: Api) -> None:
    """What is exported can be imported again."""
    client = api(master())
    created = client.post(
        "/api/v1/suppliers", json={"name": "Aciers du Rhin", "kinds": ["transport", "material"]}
    )
    assert created.json()["kinds"] == ["transport", "material"]
    exported = client.get("/api/v1/suppliers/export", params={"format": "csv"}).content.decode("utf-8-sig")
    assert "transport, material" in exported
    rows = "name;kinds\nTrempe du Lac;subcontracting, services\n"
    imported = client.post(
        "/api/v1/suppliers/import", params={"dry_run": "false"}, files={"file": ("s.csv", rows.encode())}
    )
    assert imported.json()["errors"] == []
    found = client.get("/api/v1/suppliers", params={"q": "Trempe du Lac"}).json()["items"]
    assert found[0]["kinds"] == ["subcontracting", "services"]


@pytest.mark.requirement("EDG-02", "UIX-06")
def test_parameters_of_a_command_name_their_choices(described: dict[str, dict[str, Any]], api: Api) -> None:
    meta = api(master()).get("/api/v1/meta").json()
    claim = next(e for e in meta["entities"] if e["name"] == "station_claim")
    approve = next(a for a in claim["actions"] if a["name"] == "approve")
    params = {p["name"]: p for p in approve["params"]}
    kinds = [c["value"] for c in described["station"]["roles"]["choices"]]
    assert params["kind"]["type"] == "choice"
    assert [c["value"] for c in params["kind"]["choices"]] == kinds
    assert params["roles"]["type"] == "choices"
    assert [c["value"] for c in params["roles"]["choices"]] == kinds
