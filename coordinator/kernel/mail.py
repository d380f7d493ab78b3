"""Sending of e-mails through the company's mail server. Modules keep what they send in their own outbox."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import closing, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import parseaddr

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError
from coordinator.kernel.settings_store import SettingDef

PASSWORD_FILE = "smtp_password"  # noqa: S105 — a file name
SECURITIES = ("starttls", "tls", "none")
SETTINGS = (
    SettingDef("mail.host", "mail", "text", ""),
    SettingDef("mail.port", "mail", "integer", 587, minimum=1, maximum=65535),
    SettingDef("mail.security", "mail", "text", "starttls"),
    SettingDef("mail.user", "mail", "text", ""),
    SettingDef("mail.sender", "mail", "text", ""),
)
"""Declared by every module that sends; without host and sender nothing is sent."""


class MailUnavailable(Exception):
    """The server did not answer or asks to try again later."""


class MailRefused(Exception):
    """The server refused for good: address unknown, password wrong or not in ASCII, message too large."""


@dataclass(frozen=True)
class MailServer:
    """Where and as whom e-mails go out; ``security`` is one of ``SECURITIES``."""

    host: str
    port: int
    security: str
    sender: str
    user: str = ""
    password: str = ""
    timeout_s: float = 20.0


def server(ctx: Context) -> MailServer:
    """The configured server.

    Raises:
        BusinessError: ``mail.not_configured``, so that nothing is ever believed to be sent.
    """
    host, sender = (str(ctx.settings.get(f"mail.{name}")).strip() for name in ("host", "sender"))
    security = str(ctx.settings.get("mail.security"))
    if not host or not parseaddr(sender)[1] or security not in SECURITIES:
        raise BusinessError("mail.not_configured")
    user = str(ctx.settings.get("mail.user"))
    path = ctx.config.secrets_dir / PASSWORD_FILE
    password = path.read_text(encoding="utf-8").strip() if user and path.is_file() else ""
    return MailServer(host, ctx.settings.integer("mail.port"), security, sender, user, password)


def deliver(target: MailServer, message: EmailMessage) -> None:
    """Hand a message over; it was taken when this returns.

    Raises:
        MailUnavailable: worth another try. MailRefused: it is not.
    """
    try:
        with closing(_connect(target)) as connection:
            if target.user:
                connection.login(target.user, target.password)
            connection.send_message(message)
            with suppress(smtplib.SMTPException):  # it was taken, whatever the server says to the farewell
                connection.quit()
    except smtplib.SMTPRecipientsRefused as error:
        code, text = next(iter(error.recipients.values()))
        raise _failure(code, text) from error
    except smtplib.SMTPResponseException as error:
        raise _failure(error.smtp_code, error.smtp_error) from error
    except (smtplib.SMTPNotSupportedError, UnicodeError) as error:
        raise MailRefused(str(error)) from error
    except (smtplib.SMTPException, OSError) as error:
        raise MailUnavailable(str(error) or type(error).__name__) from error


def _connect(target: MailServer) -> smtplib.SMTP:
    if target.security == "tls":
        return smtplib.SMTP_SSL(
            target.host, target.port, timeout=target.timeout_s, context=ssl.create_default_context()
        )
    connection = smtplib.SMTP(target.host, target.port, timeout=target.timeout_s)
    if target.security == "starttls":
        connection.starttls(context=ssl.create_default_context())
    return connection


def _failure(code: int, text: bytes | str) -> Exception:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    kind = MailRefused if 500 <= code < 600 else MailUnavailable
    return kind(f"{code} {words}"[:500])
