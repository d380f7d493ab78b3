"""What can go wrong between the client and the server, in words for the user."""

from __future__ import annotations

from typing import Any

from clients.desktop.model.texts import t


class ApiError(Exception):
    """A refusal of the server: stable ``code``, sentence for the user, refused fields with their messages."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        fields: dict[str, str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = fields or {}
        self.extra = extra or {}

    @property
    def current(self) -> dict[str, Any] | None:
        """Present record of a ``conflict.stale``, if the server gave it."""
        found = self.extra.get("current")
        return found if isinstance(found, dict) else None

    @property
    def is_stale(self) -> bool:
        """Whether somebody else changed the record meanwhile (UIX-62)."""
        return self.status == 409 and self.code == "conflict.stale"


class Unreachable(ApiError):
    """No answer: no network, VPN down, server stopped, certificate refused (UIX-60)."""

    def __init__(self, cause: str) -> None:
        super().__init__(0, f"unreachable.{cause}", t(f"unreachable.{cause}"))
        self.cause = cause


class SessionExpired(ApiError):
    """The session is over; signing in again continues the work (UIX-61)."""

    def __init__(self) -> None:
        super().__init__(401, "session.expired", t("session.expired"))


def from_problem(status: int, body: Any) -> ApiError:
    """Error of an RFC 9457 problem document; anything else gives a general sentence."""
    if not isinstance(body, dict):
        return ApiError(status, "http", t("error.http", status=status))
    known = {"type", "title", "status", "code", "detail", "errors", "instance"}
    fields: dict[str, str] = {}
    for one in body.get("errors") or []:
        if isinstance(one, dict):
            fields.setdefault(str(one.get("field", "")), str(one.get("message", "")))
    detail = str(body.get("detail") or body.get("title") or t("error.http", status=status))
    extra = {k: v for k, v in body.items() if k not in known}
    return ApiError(status, str(body.get("code", "http")), detail, fields=fields, extra=extra)
