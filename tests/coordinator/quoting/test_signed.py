"""Aerospace and military quotes are approved only once signed (QUO-02)."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.modules.identity import passwords
from coordinator.modules.identity.models import UserAccount
from tests.conftest import master, person
from tests.coordinator.quoting.story import Story
from tests.factories import make

PASSWORD = "copeaux-bleus-7"
URL = "/api/v1/signatures"


@pytest.fixture
def signer(story: Story) -> Any:
    """A manager with a password."""
    with story.factory.open(master()) as ctx:
        user = make(ctx, UserAccount, password_hash=passwords.hash_password(PASSWORD))
    groups = frozenset({"prices", "costs_margins"})
    return story.api(
        person("quoting:*", user_id=user.id, roles=frozenset({"management"}), field_groups=groups)
    )


def sign(client: Any, quote_id: int) -> None:
    read = client.get(f"{URL}/content", params={"object_type": "quote", "object_id": quote_id}).json()
    body = {
        "object_type": "quote", "object_id": quote_id, "row_version": read["row_version"],
        "content_sha256": read["content_sha256"], "password": PASSWORD,
    }  # fmt: skip
    signed = client.post(URL, json=body)
    assert signed.status_code == 201, signed.text


@pytest.mark.requirement("QUO-02", "TRC-35")
def test_a_military_quote_needs_a_signature_on_what_is_approved(story: Story, signer: Any) -> None:
    quote = story.quote()
    line = story.line(quote["id"], drawing_analysis_id=story.shaft, criticality="military")
    for action in ("compute", "submit"):
        story.act(quote["id"], action)
    path = f"/api/v1/quotes/{quote['id']}/approve"
    refused = signer.post(path, json={"accept_to_confirm": True})
    assert (refused.status_code, refused.json()["code"]) == (409, "signature.required")
    sign(signer, quote["id"])
    story.change("quote-lines", line["id"], quantity=20)
    story.act(quote["id"], "compute")
    assert signer.post(path, json={"accept_to_confirm": True}).json()["code"] == "signature.outdated"
    sign(signer, quote["id"])
    answer = signer.post(path, json={"accept_to_confirm": True})
    assert answer.status_code == 200, answer.text
    assert answer.json()["record"]["status"] == "approved"
