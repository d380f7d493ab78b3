"""The one typed store of business settings (SET-31). Every Default of the requirements is a declared key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select

from coordinator.kernel.errors import BusinessError, FieldError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SettingType = Literal["integer", "decimal", "boolean", "text", "json"]
SCOPES = ("user", "role", "machine", "workshop", "site", "global")
"""From the most specific to the least; the most specific wins."""


@dataclass(frozen=True)
class SettingDef:
    """Declaration of a setting: its default, limits, unit and the group whose owner may change it (SET-34)."""

    key: str
    group: str
    type: SettingType
    default: Any
    unit: str | None = None
    minimum: Decimal | int | None = None
    maximum: Decimal | int | None = None
    is_advanced: bool = False

    def parse(self, value: Any) -> Any:
        """``value`` as the declared type, within limits.

        Raises:
            BusinessError: ``setting.invalid`` naming the allowed range.
        """
        try:
            parsed = self._convert(value)
        except (TypeError, ValueError, InvalidOperation):
            raise self._refusal() from None
        if self.minimum is not None and parsed < self.minimum:
            raise self._refusal()
        if self.maximum is not None and parsed > self.maximum:
            raise self._refusal()
        return parsed

    def _convert(self, value: Any) -> Any:
        if self.type == "integer":
            if isinstance(value, bool) or int(value) != float(value):
                raise ValueError
            return int(value)
        if self.type == "decimal":
            number = Decimal(str(value))
            if not number.is_finite():
                raise ValueError
            return number
        if self.type == "boolean":
            if not isinstance(value, bool):
                raise ValueError
            return value
        if self.type == "text":
            return str(value)
        return value

    def _refusal(self) -> BusinessError:
        params: dict[str, Any] = {
            "key": self.key,
            "minimum": "−∞" if self.minimum is None else self.minimum,
            "maximum": "∞" if self.maximum is None else self.maximum,
            "unit": self.unit or "",
        }
        return BusinessError(
            "setting.invalid", errors=[FieldError("value", "setting.invalid", params)], **params
        )


class Settings:
    """Reader of settings within one transaction; values are cached for its duration."""

    def __init__(self, session: Session, definitions: Mapping[str, SettingDef]) -> None:
        self._session = session
        self._definitions = definitions
        self._values: dict[tuple[str, str, int | None], Any] | None = None

    def get(self, key: str, **scope_ids: int | None) -> Any:
        """Value of ``key``; ``scope_ids`` such as ``machine=3, site=1`` allow more specific values to win."""
        definition = self._definitions[key]
        values = self._load()
        for scope in SCOPES[:-1]:
            scope_id = scope_ids.get(scope)
            if scope_id is not None and (key, scope, scope_id) in values:
                return definition.parse(values[key, scope, scope_id])
        if (key, "global", None) in values:
            return definition.parse(values[key, "global", None])
        return definition.default

    def decimal(self, key: str, **scope_ids: int | None) -> Decimal:
        """Value of a decimal or integer setting."""
        return Decimal(str(self.get(key, **scope_ids)))

    def integer(self, key: str, **scope_ids: int | None) -> int:
        """Value of an integer setting."""
        return int(self.get(key, **scope_ids))

    def _load(self) -> dict[tuple[str, str, int | None], Any]:
        if self._values is None:
            from coordinator.kernel.models import Setting

            rows = self._session.execute(select(Setting.key, Setting.scope, Setting.scope_id, Setting.value))
            self._values = {(key, scope, scope_id): value for key, scope, scope_id, value in rows}
        return self._values

    def forget(self) -> None:
        """Read again at the next use, after a change."""
        self._values = None
