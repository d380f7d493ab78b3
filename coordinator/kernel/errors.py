"""One tree of errors. ``code`` is stable for programs, the French text comes from the catalogue by that code."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from coordinator.kernel.i18n import t


@dataclass(frozen=True)
class FieldError:
    """One refused field: its name, a stable code, and the parameters of its message."""

    field: str
    code: str
    params: dict[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self, locale: str) -> dict[str, Any]:
        """Public form, with the message in the user's language."""
        return {
            "field": self.field,
            "code": self.code,
            "message": t(f"error.{self.code}", locale, **self.params),
        }


class DomainError(Exception):
    """A refusal the user can understand. Subclasses fix the HTTP status."""

    status: ClassVar[int] = 400
    default_code: ClassVar[str] = "business"

    def __init__(
        self,
        code: str | None = None,
        /,
        *,
        errors: Sequence[FieldError] = (),
        extra: dict[str, Any] | None = None,
        **params: Any,
    ) -> None:
        self.code = code or self.default_code
        self.params = params
        self.errors = list(errors)
        self.extra = extra or {}
        super().__init__(self.code)

    def message(self, locale: str = "fr") -> str:
        """Sentence for the user: what, why, and the way out."""
        return t(f"error.{self.code}", locale, **self.params)

    def __str__(self) -> str:
        return f"{self.code}: {self.message()}"

    def to_problem(self, locale: str = "fr") -> dict[str, Any]:
        """RFC 9457 problem document."""
        return {
            "type": f"urn:gestion-usinage:error:{self.code}",
            "title": t(f"error.title.{self.status}", locale),
            "status": self.status,
            "code": self.code,
            "detail": self.message(locale),
            "errors": [e.to_json(locale) for e in self.errors],
            **self.extra,
        }


class BusinessError(DomainError):
    """A rule of the trade refuses."""


class Unauthenticated(DomainError):
    """Nobody recognised: token missing, expired, forged or revoked."""

    status = 401
    default_code = "auth.required"


class Forbidden(DomainError):
    """The person is known but lacks the right."""

    status = 403
    default_code = "access.denied"


class NotFound(DomainError):
    """The record does not exist, or the person may not know that it does."""

    status = 404
    default_code = "not_found"


class Conflict(DomainError):
    """The present state does not allow the act."""

    status = 409
    default_code = "conflict"


class TooLarge(DomainError):
    """The upload exceeds a limit."""

    status = 413
    default_code = "too_large"


class UnsupportedFormat(DomainError):
    """The content is of a kind that is not read."""

    status = 415
    default_code = "unsupported_format"


class Invalid(DomainError):
    """Shape of the payload: type, length, enumeration."""

    status = 422
    default_code = "invalid"


class TooManyRequests(DomainError):
    """Rate limit or lock-out."""

    status = 429
    default_code = "auth.locked"


class Unavailable(DomainError):
    """A needed service or the set-up is missing."""

    status = 503
    default_code = "unavailable"
