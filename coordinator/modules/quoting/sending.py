"""Quotes by e-mail: outbox, delivery by the worker, days of follow-up (QUO-39). Nothing goes out without a person's act."""

from __future__ import annotations

import datetime as dt
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from typing import Any, Literal

from pydantic import BaseModel, Field
from sqlalchemy import select

from coordinator.kernel import mail, tasks
from coordinator.kernel.context import Context, ContextFactory, Principal
from coordinator.kernel.errors import BusinessError, Conflict, FieldError
from coordinator.kernel.jobs import RetryLater
from coordinator.modules.documents import api as documents
from coordinator.modules.documents.models import DocumentVersion
from coordinator.modules.parties.models import Contact, Customer
from coordinator.modules.quoting import document, paper_data, rules
from coordinator.modules.quoting.models import Quote, QuoteMail, QuoteReminder

DELIVER_JOB = "quoting.deliver_mail"
MAX_ATTEMPTS = 6


class SendParams(BaseModel):
    """How the quote reaches the customer. Empty boxes of an e-mail take the contact's address and the usual words."""

    means: Literal["other", "email"] = Field(
        "other", json_schema_extra={"x-field": {"enumeration": "quote_means"}}
    )
    recipient: str | None = Field(None, max_length=254)
    subject: str | None = Field(None, max_length=300)
    body: str | None = Field(None, max_length=20_000)


class RemindParams(BaseModel):
    """A reminder by e-mail, with the quote attached again."""

    recipient: str | None = Field(None, max_length=254)
    subject: str | None = Field(None, max_length=300)
    body: str | None = Field(None, max_length=20_000)


def send(ctx: Context, quote: Quote, params: Any) -> dict[str, Any]:
    """Note that the quote goes to the customer; by e-mail it is queued with this act and delivered by the worker.

    Raises:
        BusinessError: ``mail.not_configured``, ``quote.no_recipient``, ``quote.validity_over``.
    """
    rules.check_validity(quote.number, quote.valid_until, ctx.now.date())
    if quote.document_version_id is None:
        document.file_quote(ctx, quote)
    result: dict[str, Any] = {"document_version_id": quote.document_version_id}
    if isinstance(params, SendParams) and params.means == "email":
        result["quote_mail_id"] = queue(ctx, quote, "quote", params).id
    else:
        quote.sent_at = ctx.now
    plan_reminders(ctx, quote)
    return result


def remind(ctx: Context, quote: Quote, params: RemindParams) -> dict[str, Any]:
    """Send the customer a reminder. Raises as :func:`send`."""
    return {"quote_mail_id": queue(ctx, quote, "reminder", params).id}


def queue(ctx: Context, quote: Quote, kind: str, params: SendParams | RemindParams) -> QuoteMail:
    """Write the e-mail to the outbox; it exists only if the caller's transaction commits."""
    mail.server(ctx)
    recipient = _recipient(ctx, quote, params.recipient)
    words = _words(ctx, quote)
    prefix = "quoting.mail" if kind == "quote" else "quoting.reminder"
    row = QuoteMail(
        quote_id=quote.id,
        kind=kind,
        recipient=recipient,
        subject=" ".join((params.subject or _filled(ctx, f"{prefix}_subject", words)).split())[:300],
        body=params.body or _filled(ctx, f"{prefix}_body", words),
        document_version_id=quote.document_version_id,
        message_id=make_msgid(domain=_domain(ctx)),
    )
    ctx.add(row)
    ctx.defer(DELIVER_JOB, lock=f"quote_mail:{row.id}", mail_id=row.id)
    return row


def _recipient(ctx: Context, quote: Quote, typed: str | None) -> str:
    contact = ctx.session.get(Contact, quote.contact_id) if quote.contact_id else None
    customer = ctx.get(Customer, quote.customer_id)
    found = (typed or (contact.email if contact else None) or customer.email or "").strip()
    name, _, domain = parseaddr(found)[1].rpartition("@")
    if not name or "." not in domain or any(c in found for c in "\r\n,;"):
        raise BusinessError("quote.no_recipient", errors=[FieldError("recipient", "quote.no_recipient")])
    return found


def _words(ctx: Context, quote: Quote) -> dict[str, str]:
    valid = quote.valid_until
    return {
        "{number}": quote.number,
        "{reference}": quote.customer_reference or quote.number,
        "{valid_until}": f"{valid:%d/%m/%Y}" if valid else "",
        "{company}": paper_data.seller(ctx).name,
    }


def _filled(ctx: Context, key: str, words: dict[str, str]) -> str:
    text = str(ctx.settings.get(key))
    for mark, value in words.items():
        text = text.replace(mark, value)
    return text


def _domain(ctx: Context) -> str:
    return parseaddr(str(ctx.settings.get("mail.sender")))[1].rpartition("@")[2] or "localhost"


def again(ctx: Context, row: QuoteMail, _params: Any = None) -> None:
    """Try a failed e-mail once more, under the same message number."""
    if row.status != "failed":
        raise Conflict("quote.mail_not_failed")
    row.status, row.attempts, row.last_error = "queued", 0, None
    ctx.defer(DELIVER_JOB, lock=f"quote_mail:{row.id}", mail_id=row.id)


def deliver(factory: ContextFactory, mail_id: int) -> None:
    """Hand one e-mail to the mail server. One already sent is left alone; what fails is written down and tried again.

    Raises:
        RetryLater: the server was not reachable; the worker comes back.
    """
    service = Principal.service("quoting.mail")
    with factory.open(service) as ctx:
        row = ctx.get(QuoteMail, mail_id, lock=True)
        if row.status != "queued":
            return
        row.attempts += 1
        attempts = row.attempts
        try:
            target = mail.server(ctx)
        except BusinessError as missing:
            _note_failure(ctx, row, missing.message(ctx.locale), final=True)
            return
        message = _message(ctx, row, target.sender)
    refusal: tuple[str, bool] | None = None
    try:
        mail.deliver(target, message)
    except mail.MailRefused as error:
        refusal = (str(error), True)
    except mail.MailUnavailable as error:
        refusal = (str(error), attempts >= MAX_ATTEMPTS)
    with factory.open(service) as ctx:
        row = ctx.get(QuoteMail, mail_id, lock=True)
        if refusal is None:
            _note_sent(ctx, row)
        else:
            _note_failure(ctx, row, refusal[0], final=refusal[1])
    if refusal is not None and not refusal[1]:
        raise RetryLater


def _note_sent(ctx: Context, row: QuoteMail) -> None:
    row.status, row.sent_at, row.last_error = "sent", ctx.now, None
    quote = ctx.get(Quote, row.quote_id, lock=True)
    if row.kind == "quote" and quote.sent_at is None:
        quote.sent_at = ctx.now


def _note_failure(ctx: Context, row: QuoteMail, reason: str, *, final: bool) -> None:
    row.last_error = reason[:500]
    if not final:
        return
    row.status = "failed"
    quote = ctx.get(Quote, row.quote_id)
    title = f"E-mail non remis : devis {quote.number} à {row.recipient}"
    tasks.open_task(
        ctx, "quote_mail_failed", title, row, role="sales", details={"reason": reason},
        dedupe_key=f"quote_mail:{row.id}:{row.row_version}",
    )  # fmt: skip


def _message(ctx: Context, row: QuoteMail, sender: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, row.recipient, row.subject
    message["Message-ID"], message["Date"] = row.message_id, formatdate(ctx.now.timestamp())
    message.set_content(row.body)
    if row.document_version_id is not None:
        quote = ctx.get(Quote, row.quote_id)
        content = documents.read(ctx, ctx.get(DocumentVersion, row.document_version_id))
        message.add_attachment(content, maintype="application", subtype="pdf", filename=f"{quote.number}.pdf")
    return message


def plan_reminders(ctx: Context, quote: Quote) -> None:
    """Days of follow-up within the validity of the quote, from the setting."""
    today = ctx.now.date()
    known = set(ctx.session.scalars(select(QuoteReminder.due_on).where(QuoteReminder.quote_id == quote.id)))
    for days in sorted({int(d) for d in ctx.settings.get("quoting.reminder_days") if int(d) > 0}):
        due = today + dt.timedelta(days=days)
        if due not in known and (quote.valid_until is None or due <= quote.valid_until):
            ctx.add(QuoteReminder(quote_id=quote.id, due_on=due))


def follow_up(ctx: Context) -> int:
    """Call the person for every reminder that is due on a quote without answer; the e-mail itself is his to send."""
    query = (
        select(QuoteReminder, Quote)
        .join(Quote, Quote.id == QuoteReminder.quote_id)
        .where(QuoteReminder.done_at.is_(None), QuoteReminder.due_on <= ctx.now.date())
        .where(QuoteReminder.archived_at.is_(None), Quote.status == "sent")
    )
    count = 0
    for reminder, quote in ctx.session.execute(query).tuples():
        reminder.done_at = ctx.now
        title = f"Relancer le client : devis {quote.number} sans réponse"
        tasks.open_task(
            ctx, "quote_follow_up", title, quote, role="sales", dedupe_key=f"quote_reminder:{reminder.id}"
        )
        count += 1
    return count
