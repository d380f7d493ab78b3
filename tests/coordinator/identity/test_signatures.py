"""Electronic signatures: proof of identity, content, seal, later change, append-only; orders of sensitive sectors (TRC-35…40)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.errors import Conflict
from coordinator.kernel.lifecycle import move
from coordinator.modules.documents.models import Document
from coordinator.modules.identity import api as identity
from coordinator.modules.identity import passwords, signature_summary, signatures
from coordinator.modules.identity.models import ElectronicSignature, UserAccount
from coordinator.modules.orders.models import CustomerPo, SalesOrder, SalesOrderLine
from tests.conftest import master, person
from tests.factories import make

Api = Callable[..., Any]
PASSWORD = "copeaux-bleus-7"
URL = "/api/v1/signatures"


@pytest.fixture
def signer(factory: ContextFactory) -> Principal:
    """A manager with a password."""
    with factory.open(master()) as ctx:
        user = make(ctx, UserAccount, password_hash=passwords.hash_password(PASSWORD))
        return person("orders:*", user_id=user.id, roles=frozenset({"management"}))


@pytest.fixture
def order(factory: ContextFactory) -> int:
    """An aerospace order with one line, waiting."""
    with factory.open(master()) as ctx:
        po = make(ctx, CustomerPo)
        made = make(ctx, SalesOrder, criticality="aerospace", customer_po_id=po.id)
        make(ctx, SalesOrderLine, sales_order_id=made.id, quantity=5, unit_price_excl_tax=12)
        return int(made.id)


def body(client: Any, order_id: int, **changes: Any) -> dict[str, Any]:
    read = client.get(f"{URL}/content", params={"object_type": "sales_order", "object_id": order_id}).json()
    return {
        "object_type": "sales_order", "object_id": order_id, "row_version": read["row_version"],
        "content_sha256": read["content_sha256"], "password": PASSWORD, **changes,
    }  # fmt: skip


@pytest.mark.requirement("ORD-04", "TRC-35")
def test_a_sensitive_order_is_validated_only_once_signed(api: Api, signer: Principal, order: int) -> None:
    client = api(signer)
    refused = client.post(f"/api/v1/sales-orders/{order}/validate")
    assert (refused.status_code, refused.json()["code"]) == (409, "signature.required")
    assert refused.json()["state"] == "missing"
    signed = client.post(URL, json=body(client, order))
    assert signed.status_code == 201, signed.text
    assert signed.json()["is_valid"]
    assert signed.json()["roles"] == ["management"]
    assert client.post(f"/api/v1/sales-orders/{order}/validate").json()["record"]["status"] == "validated"
    history = client.get(f"/api/v1/sales-orders/{order}/history").json()
    assert "Signature" in {line["action_label"] for line in history}


@pytest.mark.requirement("TRC-35")
def test_an_ordinary_order_needs_none(api: Api, factory: ContextFactory, signer: Principal) -> None:
    with factory.open(master()) as ctx:
        plain = make(ctx, SalesOrder)
        make(ctx, SalesOrderLine, sales_order_id=plain.id, quantity=1, unit_price_excl_tax=1)
    assert api(signer).post(f"/api/v1/sales-orders/{plain.id}/validate").status_code == 200


@pytest.mark.requirement("TRC-39")
def test_a_later_change_breaks_the_signature(
    api: Api, factory: ContextFactory, signer: Principal, order: int
) -> None:
    client = api(signer)
    client.post(URL, json=body(client, order))
    with factory.open(master()) as ctx:
        line = ctx.session.query(SalesOrderLine).filter_by(sales_order_id=order).one()
        line.quantity = Decimal(6)
    listed = client.get(URL, params={"object_type": "sales_order", "object_id": order}).json()
    assert [(s["is_intact"], s["is_current"], s["is_valid"]) for s in listed] == [(True, False, False)]
    refused = client.post(f"/api/v1/sales-orders/{order}/validate").json()
    assert (refused["code"], refused["state"]) == ("signature.outdated", "outdated")


@pytest.mark.requirement("TRC-37")
def test_signing_asks_who_one_is_and_what_was_read(api: Api, signer: Principal, order: int) -> None:
    client = api(signer)
    wrong = client.post(URL, json=body(client, order, password="pas-le-mien-1"))
    assert (wrong.status_code, wrong.json()["code"]) == (400, "password.wrong")
    assert client.post(URL, json=body(client, order, row_version=99)).json()["code"] == "conflict.stale"
    other = client.post(URL, json=body(client, order, content_sha256="0" * 64))
    assert other.json()["code"] == "conflict.stale"
    reader = dataclasses.replace(signer, rights={("orders", "read"): "all"})
    assert api(reader).post(URL, json=body(api(reader), order)).status_code == 403
    assert api(Principal.anonymous()).get(URL, params={"object_type": "x", "object_id": 1}).status_code == 401
    assert (
        client.post(URL, json=body(client, order, object_type="customer")).json()["code"]
        == "signature.not_signable"
    )
    assert client.get(URL, params={"object_type": "sales_order", "object_id": order}).json() == []


@pytest.mark.requirement("TRC-37")
def test_guessing_the_password_locks(api: Api, signer: Principal, order: int) -> None:
    client = api(signer)
    codes = [
        client.post(URL, json=body(client, order, password=f"faux-{n}-abc")).json()["code"] for n in range(12)
    ]
    assert codes[0] == "password.wrong"
    assert codes[-1] == "auth.locked"
    locked = client.post(URL, json=body(client, order))
    # No 401, which would end the session of the desk.
    assert (locked.status_code, locked.json()["code"]) == (429, "auth.locked")


@pytest.mark.requirement("DAT-11")
def test_a_signature_is_sealed_and_stays(
    api: Api, factory: ContextFactory, signer: Principal, order: int
) -> None:
    client = api(signer)
    client.post(URL, json=body(client, order))
    with factory.open(master()) as ctx:
        made = ctx.session.query(ElectronicSignature).one()
        record = ctx.get(SalesOrder, order)
        assert signatures.verify(ctx, made, record).is_valid
        for name, value in (("user_id", 1), ("meaning", "checked"), ("roles", "x"), ("content", {"a": 1})):
            kept = getattr(made, name)
            with ctx.session.no_autoflush:
                setattr(made, name, value)
                assert not signatures.verify(ctx, made, record).is_intact, name
                setattr(made, name, kept)
        ctx.session.expire(made)
        for statement in ("UPDATE electronic_signature SET roles = 'x'", "DELETE FROM electronic_signature"):
            with pytest.raises(DBAPIError, match="append-only"), ctx.session.begin_nested():
                ctx.session.execute(text(statement))


def test_code_can_demand_a_signature(factory: ContextFactory, order: int) -> None:
    with factory.open(master()) as ctx:
        record = ctx.get(SalesOrder, order)
        with pytest.raises(Conflict):
            identity.require_signature(ctx, record)
        with pytest.raises(Conflict):
            move(ctx, record, "validate")
        assert record.status == "pending"


def test_what_is_signed_names_nothing_one_may_not_know_of(factory: ContextFactory, signer: Principal) -> None:
    with factory.open(master()) as ctx:
        secret = make(ctx, Document, title="Plan secret", confidentiality="defence_restricted").id
        known = make(ctx, Document, title="Plan ordinaire").id
    with factory.open(signer) as ctx:
        spec = ctx.registry.entities["document_link"]
        said = [signature_summary.summary(ctx, spec, {"document_id": i})[0]["value"] for i in (secret, known)]
    assert said[0] == f"#{secret}"
    assert "Plan ordinaire" in said[1]
