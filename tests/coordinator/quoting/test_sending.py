"""Quotes by e-mail through a real SMTP server; follow-up, refusal, expiry (QUO-39)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from coordinator.kernel.jobs import RetryLater
from coordinator.kernel.models import Setting, Task
from coordinator.modules.parties.models import Customer
from coordinator.modules.quoting import sending, service
from coordinator.modules.quoting.models import Quote, QuoteMail
from tests.conftest import master
from tests.coordinator.quoting.mail_server import Mailbox, MailServer
from tests.coordinator.quoting.story import Story

pytestmark = pytest.mark.requirement("QUO-39")


@pytest.fixture
def box() -> Iterator[Mailbox]:
    with MailServer() as found:
        yield found


def configure(story: Story, box: Mailbox, email: str | None = "achats@aero.example.com") -> None:
    values = {
        "mail.host": "127.0.0.1",
        "mail.port": box.port,
        "mail.security": "none",
        "mail.sender": "Devis <devis@loire.example.com>",
    }
    with story.factory.open(master()) as ctx:
        for key, value in values.items():
            ctx.add(Setting(key=key, scope="global", value=value))
        ctx.get(Customer, story.customer).email = email


def send(story: Story, quote: dict[str, Any], **params: Any) -> int:
    answer = story.act(quote["id"], "send", means="email", **params)
    return int(answer["result"]["quote_mail_id"])


def test_the_quote_reaches_the_customer_with_its_paper(story: Story, box: Mailbox) -> None:
    configure(story, box)
    quote = story.approved(customer_reference="AO-7")
    mail_id = send(story, quote)
    record = story.sheet(quote["id"])
    assert record["quote"]["status"] == "sent"
    assert record["quote"]["sent_at"] is None, "queued is not sent"
    assert [m["status"] for m in record["mails"]] == ["queued"]
    assert box.messages == []
    sending.deliver(story.factory, mail_id)
    [message] = box.messages
    assert box.recipients == ["achats@aero.example.com"]
    assert message["Subject"] == f"Devis {quote['number']}"
    body = message.get_body(("plain",))
    assert body is not None
    assert "AO-7" in body.get_content()
    [attachment] = message.iter_attachments()
    assert attachment.get_filename() == f"{quote['number']}.pdf"
    assert attachment.get_content().startswith(b"%PDF")
    record = story.sheet(quote["id"])
    assert record["quote"]["sent_at"]
    assert record["mails"][0]["status"] == "sent"
    sending.deliver(story.factory, mail_id)
    assert len(box.messages) == 1, "a repeated job sends nothing twice"


def test_nothing_is_believed_sent_without_mail_server_or_address(story: Story, box: Mailbox) -> None:
    quote = story.approved()
    assert story.act(quote["id"], "send", expect=400, means="email")["code"] == "mail.not_configured"
    configure(story, box, email=None)
    assert story.act(quote["id"], "send", expect=400, means="email")["code"] == "quote.no_recipient"
    assert (
        story.act(quote["id"], "send", expect=400, means="email", recipient="a@b.fr\nBcc: x@y.fr")["code"]
        == "quote.no_recipient"
    )
    assert story.sheet(quote["id"])["quote"]["status"] == "approved"
    send(story, quote, recipient="acheteur@client.example.com")
    assert story.sheet(quote["id"])["mails"][0]["recipient"] == "acheteur@client.example.com"


def test_a_server_that_is_away_is_tried_again_with_the_same_message_number(
    story: Story, box: Mailbox
) -> None:
    configure(story, box)
    mail_id = send(story, story.approved())
    box.answer = "451 try later"
    with pytest.raises(RetryLater):
        sending.deliver(story.factory, mail_id)
    with story.factory.open(master()) as ctx:
        row = ctx.get(QuoteMail, mail_id)
        assert (row.status, row.attempts) == ("queued", 1)
        assert "451" in str(row.last_error)
        number = row.message_id
    box.answer = "250 ok"
    sending.deliver(story.factory, mail_id)
    assert [m["Message-ID"] for m in box.messages] == [number]


def test_a_mail_that_was_taken_is_sent_whatever_the_server_says_to_the_farewell(
    story: Story, box: Mailbox
) -> None:
    configure(story, box)
    mail_id = send(story, story.approved())
    box.farewell = "421 overloaded"
    sending.deliver(story.factory, mail_id)
    with story.factory.open(master()) as ctx:
        assert ctx.get(QuoteMail, mail_id).status == "sent"
    assert len(box.messages) == 1


def test_a_refused_address_is_told_and_can_be_sent_again(story: Story, box: Mailbox) -> None:
    configure(story, box)
    quote = story.approved()
    mail_id = send(story, quote)
    box.answer = "550 no such user"
    sending.deliver(story.factory, mail_id)
    record = story.sheet(quote["id"])
    assert record["mails"][0]["status"] == "failed"
    assert record["quote"]["sent_at"] is None
    with story.factory.open(master()) as ctx:
        assert ctx.session.query(Task).filter_by(kind="quote_mail_failed").count() == 1
    assert story.http.post(f"/api/v1/quote-mails/{mail_id}/send-again").status_code == 200
    box.answer = "250 ok"
    sending.deliver(story.factory, mail_id)
    assert story.sheet(quote["id"])["quote"]["sent_at"]
    assert story.http.post(f"/api/v1/quote-mails/{mail_id}/send-again").status_code == 409


def test_reminder_days_call_a_person_who_sends_the_reminder(story: Story, box: Mailbox) -> None:
    configure(story, box)
    quote = story.approved()
    story.act(quote["id"], "send")
    due = [dt.date.fromisoformat(r["due_on"]) for r in story.sheet(quote["id"])["reminders"]]
    with story.factory.open(master()) as ctx:
        today = ctx.now.date()
        assert due == [today + dt.timedelta(days=7), today + dt.timedelta(days=21)]
        assert sending.follow_up(ctx) == 0
        ctx.now += dt.timedelta(days=8)
        assert sending.follow_up(ctx) == 1
        assert sending.follow_up(ctx) == 0, "called once"
        assert "relancer" in ctx.session.query(Task).filter_by(kind="quote_follow_up").one().title.lower()
    mail_id = int(story.act(quote["id"], "remind")["result"]["quote_mail_id"])
    sending.deliver(story.factory, mail_id)
    assert quote["number"] in box.messages[0]["Subject"]
    assert len(list(box.messages[0].iter_attachments())) == 1


def test_refusal_needs_a_reason_and_ends_the_follow_up(story: Story) -> None:
    quote = story.approved()
    story.act(quote["id"], "send")
    assert story.http.post(f"/api/v1/quotes/{quote['id']}/refuse", json={}).status_code == 422
    story.act(quote["id"], "refuse", reason="Trop cher de 12 %")
    assert story.sheet(quote["id"])["quote"]["refusal_reason"] == "Trop cher de 12 %"
    with story.factory.open(master()) as ctx:
        ctx.now += dt.timedelta(days=25)
        assert sending.follow_up(ctx) == 0


def test_an_expired_quote_offers_a_new_price(story: Story) -> None:
    quote = story.approved()
    story.act(quote["id"], "send")
    with story.factory.open(master()) as ctx:
        ctx.now += dt.timedelta(days=31)
        assert service.expire(ctx) == 1
        assert service.expire(ctx) == 0
        task = ctx.session.query(Task).filter_by(kind="quote_reprice").one()
        assert (task.object_id, task.details) == (quote["id"], {"action": "revise"})
        assert ctx.get(Quote, quote["id"]).status == "expired"
    new = story.act(quote["id"], "revise")["result"]
    story.act(new["quote_id"], "compute")
    assert story.sheet(new["quote_id"])["quote"]["total_excl_tax"]
