"""Restricted documents exist for named and cleared persons only, whatever the route (DOC-34, ACC-39, DRW-28)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from coordinator.gateway import live
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.modules.documents import api as documents
from coordinator.modules.documents.models import Document
from coordinator.modules.identity.models import Clearance, ResourceAccessRight, Role, UserAccount, UserRole
from tests.conftest import master, person
from tests.factories import make

Api = Callable[..., Any]
PDF = b"%PDF-1.4 plan"
ALL = ("documents:*", "methods:*", "users_access:*")


@pytest.fixture
def secret(factory: ContextFactory) -> int:
    """A drawing with a defence mark, filed by nobody in particular, tied to a role."""
    with factory.open(Principal.service("drawings")) as ctx:
        role = make(ctx, Role)
        version = documents.file_document(
            ctx,
            "production",
            "Plan secret ZX",
            PDF,
            "application/pdf",
            [role],
            confidentiality="defence_restricted",
        )
        return version.document_id


@pytest.fixture
def reader(factory: ContextFactory) -> Principal:
    """Somebody with every right on documents, and nothing more."""
    with factory.open(master()) as ctx:
        return person(*ALL, user_id=make(ctx, UserAccount).id)


def sees(api: Api, factory: ContextFactory, who: Principal, document_id: int) -> set[bool]:
    """What each way to a record answers: one value when all agree."""
    client = api(who)
    base = "/api/v1/documents"
    versions = client.get("/api/v1/document-versions", params={"document_id": document_id}).json()
    links = client.get("/api/v1/document-links", params={"document_id": document_id}).json()
    message = {"entity": "document", "id": document_id, "action": "updated", "row_version": 1}
    record = client.get(f"{base}/{document_id}")
    link = client.post(
        "/api/v1/document-links", json={"document_id": document_id, "object_type": "role", "object_id": 10**9}
    )
    return {
        client.get(base, params={"limit": 100}).text.count("Plan secret ZX") > 0,
        client.get(base, params={"q": "secret ZX"}).json()["total"] > 0,
        record.status_code == 200,
        client.get(f"{base}/{document_id}/history").status_code == 200,
        client.get(f"{base}/{document_id}/download").status_code == 200,
        "Plan secret ZX" in client.get(f"{base}/export", params={"format": "csv"}).text,
        versions["total"] > 0,
        links["total"] > 0,
        link.json()["code"] == "document.link_unknown",
        live._sees(factory, who, factory.registry.entities["document"], message),
    }


@pytest.mark.requirement("ACC-39", "DOC-34")
def test_every_right_is_not_enough_for_a_restricted_document(
    api: Api, factory: ContextFactory, secret: int, reader: Principal
) -> None:
    assert sees(api, factory, reader, secret) == {False}
    assert sees(api, factory, master(), secret) == {False}
    archived = api(reader).post(f"/api/v1/documents/{secret}/archive", json={})
    assert archived.status_code == 404


@pytest.mark.requirement("ACC-39")
def test_a_clearance_shows_its_kind_until_it_ends(
    api: Api, factory: ContextFactory, secret: int, reader: Principal
) -> None:
    client = api(master())
    body = {"user_id": reader.user_id, "kind": "export_controlled"}
    other = client.post("/api/v1/clearances", json=body).json()
    assert sees(api, factory, reader, secret) == {False}
    client.post("/api/v1/clearances", json=body | {"kind": "defence_restricted"})
    assert sees(api, factory, reader, secret) == {True}
    with factory.open(master()) as ctx:
        for clearance in ctx.session.query(Clearance).filter(Clearance.id != other["id"]):
            clearance.valid_until = ctx.now.date() - dt.timedelta(days=1)
    assert sees(api, factory, reader, secret) == {False}


@pytest.mark.requirement("DRW-28")
def test_a_named_person_or_role_sees_one_document_only(
    api: Api, factory: ContextFactory, secret: int, reader: Principal
) -> None:
    with factory.open(Principal.service("drawings")) as ctx:
        other = documents.file_document(
            ctx,
            "production",
            "Autre plan",
            PDF + b"2",
            "application/pdf",
            confidentiality="defence_restricted",
        ).document_id
        role = make(ctx, Role)
        ctx.add(UserRole(user_id=reader.user_id, role_id=role.id))
        ctx.add(ResourceAccessRight(role_id=role.id, object_type="document", object_id=secret))
    assert sees(api, factory, reader, secret) == {True}
    assert api(reader).get(f"/api/v1/documents/{other}").status_code == 404
    nothing = {"user_id": reader.user_id, "object_type": "document", "object_id": 10**9}
    assert (
        api(master()).post("/api/v1/resource-access-rights", json=nothing).json()["code"]
        == "reference.unknown"
    )


@pytest.mark.requirement("ACC-16")
def test_nobody_clears_or_names_himself(
    api: Api, factory: ContextFactory, secret: int, reader: Principal
) -> None:
    with factory.open(master()) as ctx:
        role = make(ctx, Role, code="secret_service").id
    manager = person("users_access:*", user_id=reader.user_id, roles=frozenset({"secret_service"}))
    right = {"object_type": "document", "object_id": secret}
    client = api(manager)
    refused = [
        client.post("/api/v1/clearances", json={"user_id": reader.user_id, "kind": "defence_restricted"}),
        client.post("/api/v1/resource-access-rights", json={"user_id": reader.user_id, **right}),
        client.post("/api/v1/resource-access-rights", json={"role_id": role, **right}),
    ]
    assert [(a.status_code, a.json()["code"]) for a in refused] == [(403, "rights.own")] * 3


def test_its_name_does_not_leak_through_links(api: Api, factory: ContextFactory, secret: int) -> None:
    with factory.open(Principal.service("drawings")) as ctx:
        assert ctx.get(Document, secret).title == "Plan secret ZX"
    listed = api(master()).get("/api/v1/document-versions", params={"limit": 100})
    assert "Plan secret ZX" not in listed.text
