"""Checks every declared entity, command, lifecycle and route must pass; a new one inherits them all."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.routing import APIRoute
from sqlalchemy import select

from coordinator.bootstrap import registry
from coordinator.kernel import audit, lifecycle
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.db import Base
from coordinator.kernel.enumerations import ENUMERATIONS
from coordinator.kernel.errors import Conflict
from coordinator.kernel.i18n import catalogue
from coordinator.kernel.models import AuditLog
from coordinator.kernel.registry import RIGHTS, EntitySpec, NoParams
from coordinator.kernel.schema import field_columns, info_of, is_writable
from tests.conftest import ROOT, master, person
from tests.factories import make, values

SPECS = list(registry().entities.values())
COMMANDS = list(registry().commands.values())
LIFECYCLES = [s for s in SPECS if s.lifecycle]
WATCHED = [s for s in SPECS if s.model.metadata is Base.metadata and not audit.is_silent(s.model)]
Api = Callable[..., Any]


def _id(item: Any) -> str:
    return str(getattr(item, "name", item))


def _routes(client: Any) -> list[APIRoute]:
    found: list[APIRoute] = []

    def walk(routes: Any) -> None:
        for route in routes:
            if isinstance(route, APIRoute):
                found.append(route)
            elif hasattr(route, "routes"):
                walk(route.routes)
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    walk(client.app.routes)
    return found


@pytest.mark.requirement("ACC-27")
def test_every_operation_declares_who_may_use_it(api: Api) -> None:
    document = api(master()).app.openapi()
    operations = [(m, p, o) for p, item in document["paths"].items() for m, o in item.items()]
    assert len(operations) > 100
    undeclared = [f"{m} {p}" for m, p, o in operations if not ({"x-permission", "x-public"} & set(o))]
    assert undeclared == []


@pytest.mark.requirement("ACC-27", "ACC-46")
def test_nobody_gets_in_without_signing_in(api: Api) -> None:
    client = api(Principal.anonymous())
    document = client.app.openapi()
    wrong = []
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if "x-public" in operation:
                continue
            url = re.sub(r"\{[^}]+\}", "1", path)
            answer = client.request(method.upper(), url, json={})
            if answer.status_code not in {401, 422}:
                wrong.append((method, path, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("spec", SPECS, ids=_id)
def test_without_the_right_nothing_is_shown_or_done(api: Api, spec: EntitySpec) -> None:
    client = api(person("nothing:read"))
    base = f"/api/v1/{spec.path}"
    assert client.get(base).status_code == 403
    assert client.get(f"{base}/1").status_code == 403
    # The accounts' own routes take any last segment for an id.
    assert client.get(f"{base}/export").status_code == (422 if spec.name == "user_account" else 403)
    if spec.can_delete:
        assert client.post(f"{base}/1/archive", json={}).status_code == 403


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: f"{c.entity}.{c.name}")
def test_commands_need_their_right(api: Api, command: Any) -> None:
    others = [f"{command.permission.module_code}:{r}" for r in RIGHTS if r != command.permission.right]
    client = api(person(*others))
    if command.entity:
        path = registry().entities[command.entity].path
        url = f"/api/v1/{path}/1/{command.name.replace('_', '-')}"
    elif command.path:
        url = f"/api/v1{command.path}"
    else:
        pytest.skip("command without route")
    answer = client.post(url, json={})
    assert answer.status_code in {403, 422}, answer.text
    if answer.status_code == 422:
        assert any(f.is_required() for f in command.params.model_fields.values())


@pytest.mark.parametrize("spec", SPECS, ids=_id)
def test_lists_page_sort_filter_and_refuse_nonsense(api: Api, ctx: Context, spec: EntitySpec) -> None:
    client = api(person(f"{spec.module_code}:read"))
    base = f"/api/v1/{spec.path}"
    page = client.get(base, params={"limit": 2, "sort": "-id", "q": "%_'"})
    assert page.status_code == 200, page.text
    assert set(page.json()) == {"items", "total", "skip", "limit"}
    assert client.get(base, params={"limit": 101}).status_code == 422
    assert client.get(base, params={"skip": -1}).status_code == 422
    assert client.get(base, params={"sort": "nowhere"}).status_code == 422
    assert client.get(base, params={"nowhere": "1"}).status_code == 422
    assert client.get(base, params={"id": "abc"}).status_code == 422
    assert client.get(f"{base}/999999999").status_code == 404


@pytest.mark.requirement("DAT-03")
@pytest.mark.parametrize("spec", [s for s in SPECS if s.can_update], ids=_id)
def test_a_stale_write_is_refused(api: Api, factory: ContextFactory, spec: EntitySpec) -> None:
    with factory.open(master()) as ctx:
        record_id = make(ctx, spec.model).id
    client = api(master())
    answer = client.patch(f"/api/v1/{spec.path}/{record_id}", json={"row_version": 999})
    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "conflict.stale"
    assert answer.json()["current"]["id"] == record_id


@pytest.mark.parametrize("spec", [s for s in SPECS if s.can_create], ids=_id)
def test_creation_refuses_bad_shapes(api: Api, spec: EntitySpec) -> None:
    client = api(person(f"{spec.module_code}:{spec.create_right}"))
    base = f"/api/v1/{spec.path}"
    unknown = client.post(base, json={"no_such_field": 1})
    assert unknown.status_code == 422
    assert "no_such_field" in [e["field"] for e in unknown.json()["errors"]]
    for name, column in field_columns(spec.model).items():
        if is_writable(column) and info_of(column).type in {
            "integer",
            "reference",
            "date",
            "money",
            "choice",
        }:
            answer = client.post(base, json={name: "{not a value}"})
            assert answer.status_code == 422
            assert name in [e["field"] for e in answer.json()["errors"]]


@pytest.mark.requirement("DAT-17")
@pytest.mark.parametrize("spec", [s for s in SPECS if s.can_create], ids=_id)
def test_a_reference_to_nothing_is_a_business_error(
    api: Api, factory: ContextFactory, spec: EntitySpec
) -> None:
    references = [
        n for n, c in field_columns(spec.model).items() if info_of(c).type == "reference" and is_writable(c)
    ]
    if not references:
        return
    with factory.open(master()) as ctx:
        columns = field_columns(spec.model)
        body = {k: audit.jsonable(v) for k, v in values(ctx, spec.model).items() if is_writable(columns[k])}
    body[references[0]] = 2**40
    answer = api(master()).post(f"/api/v1/{spec.path}", json=body)
    assert answer.status_code == 400, answer.text


@pytest.mark.requirement("TRC-22")
@pytest.mark.parametrize("spec", WATCHED, ids=_id)
def test_every_change_is_in_the_history_and_secrets_are_not(
    factory: ContextFactory, spec: EntitySpec
) -> None:
    with factory.open(master()) as ctx:
        record = make(ctx, spec.model)
    with factory.sessions() as session:
        query = select(AuditLog).where(AuditLog.object_type == spec.name, AuditLog.object_id == record.id)
        lines = session.scalars(query).all()
        assert [line.action_code for line in lines][:1] == ["create"]
        secrets = {n for n, c in field_columns(spec.model).items() if info_of(c).type == "secret"}
        assert not secrets & set(lines[0].new_values or {})
        assert audit.verify_chain(session).intact


@pytest.mark.parametrize("spec", LIFECYCLES, ids=_id)
def test_lifecycles_are_whole(spec: EntitySpec) -> None:
    assert spec.lifecycle is not None
    enumeration = info_of(field_columns(spec.model)[spec.lifecycle.field]).enumeration
    assert enumeration is not None
    states = set(ENUMERATIONS[enumeration])
    for transition in spec.lifecycle.transitions:
        assert {*transition.sources, transition.target} <= states, transition.name
    names = [tr.name for tr in spec.lifecycle.transitions]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("spec", LIFECYCLES, ids=_id)
def test_illegal_moves_are_409(ctx: Context, spec: EntitySpec) -> None:
    assert spec.lifecycle is not None
    record = make(ctx, spec.model)
    enumeration = info_of(field_columns(spec.model)[spec.lifecycle.field]).enumeration or ""
    for state in ENUMERATIONS[enumeration]:
        for transition in spec.lifecycle.transitions:
            if state in transition.sources:
                continue
            setattr(record, spec.lifecycle.field, state)
            with pytest.raises(Conflict) as refusal:
                lifecycle.move(ctx, record, transition.name, NoParams())
            assert refusal.value.code == "lifecycle.illegal_transition"
            assert refusal.value.extra["state"] == state


@pytest.mark.requirement("GLO-01")
def test_everything_shown_has_french_words() -> None:
    texts = catalogue("fr")
    missing = []
    for spec in SPECS:
        missing += [k for k in (f"entity.{spec.name}", f"entity.{spec.name}.plural") if k not in texts]
        for name, column in field_columns(spec.model).items():
            if info_of(column).type in {"secret", "uid"}:
                continue
            if f"field.{spec.name}.{name}" not in texts and f"field.{name}" not in texts:
                missing.append(f"field.{spec.name}.{name}")
    for command in COMMANDS:
        if f"action.{command.entity}.{command.name}" not in texts and f"action.{command.name}" not in texts:
            missing.append(f"action.{command.entity}.{command.name}")
    for enumeration, members in ENUMERATIONS.items():
        missing += [
            f"enum.{enumeration}.{v}"
            for v in members
            if f"enum.{enumeration}.{v}" not in texts and f"enum.{v}" not in texts
        ]
    assert missing == []


@pytest.mark.requirement("GLO-01")
def test_every_error_code_has_french_words() -> None:
    pattern = re.compile(
        r'(?:BusinessError|Conflict|NotFound|Forbidden|Unauthenticated|TooLarge|Unavailable|TooManyRequests|UnsupportedFormat|Invalid)\(\s*"([a-z_.]+)"'
    )
    codes = set()
    for path in (ROOT / "coordinator").rglob("*.py"):
        codes |= set(pattern.findall(path.read_text()))
    assert len(codes) > 20
    assert sorted(c for c in codes if f"error.{c}" not in catalogue("fr")) == []


def test_metadata_describes_every_entity(api: Api) -> None:
    answer = api(master()).get("/api/v1/meta")
    assert answer.status_code == 200
    described = {e["name"]: e for e in answer.json()["entities"]}
    assert set(described) == set(registry().entities)
    for entity in described.values():
        assert entity["fields"], entity["name"]
        assert not any(f["type"] == "secret" for f in entity["fields"])
    assert answer.json()["menu"]
