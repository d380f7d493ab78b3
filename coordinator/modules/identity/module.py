"""Manifest of the identity module."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, false

from coordinator.kernel.context import Context
from coordinator.kernel.registry import Command, EntitySpec, Module, Permission
from coordinator.kernel.schema import StrictModel
from coordinator.kernel.settings_store import SettingDef
from coordinator.modules.identity import (
    accounts,
    api,
    auth_endpoints,
    granting,
    restricted,
    second_factor,
    seeds,
    sessions,
    signature_endpoints,
    user_endpoints,
)
from coordinator.modules.identity.models import (
    Clearance,
    PermissionGrant,
    ResourceAccessRight,
    Role,
    UserAccount,
    UserRole,
)

UPDATE = Permission("users_access", "update")


class PinParams(StrictModel):
    """PIN of 4 to 6 digits."""

    pin: str = Field(max_length=10)


class BadgeParams(StrictModel):
    """Kind of badge; ``content`` is the number read from an RFID badge."""

    kind: Literal["qr", "rfid"] = "qr"
    content: str | None = Field(None, max_length=200)


def _reset_password(ctx: Context, user: UserAccount, _params: Any) -> dict[str, str]:
    return {"temporary_password": accounts.reset_password(ctx, user)}


def _set_pin(ctx: Context, user: UserAccount, params: PinParams) -> None:
    accounts.protect_master(ctx, user)
    accounts.set_pin(ctx, user, params.pin)


def _unlock(ctx: Context, user: UserAccount, _params: Any) -> None:
    accounts.unlock(ctx, user)


def _revoke_sessions(ctx: Context, user: UserAccount, _params: Any) -> dict[str, int]:
    accounts.protect_master(ctx, user)
    return {"revoked": sessions.revoke(ctx, user.id)}


def _remove_totp(ctx: Context, user: UserAccount, _params: Any) -> None:
    accounts.protect_master(ctx, user)
    granting.check_not_self(ctx, user.id)
    second_factor.remove(ctx, user)


def _issue_badge(ctx: Context, user: UserAccount, params: BadgeParams) -> dict[str, str]:
    return {"content": accounts.issue_badge(ctx, user, params.kind, params.content)}


def _revoke_badge(ctx: Context, user: UserAccount, _params: Any) -> dict[str, int]:
    accounts.protect_master(ctx, user)
    return {"revoked": accounts.revoke_badges(ctx, user)}


def _take_role(ctx: Context, given: UserRole, _params: Any) -> None:
    granting.take_role(ctx, given)


def _remove_grant(ctx: Context, grant: PermissionGrant, _params: Any) -> None:
    granting.remove_grant(ctx, grant)


def _own_account(ctx: Context, scope: str) -> ColumnElement[bool]:
    return UserAccount.id == ctx.principal.user_id if scope == "own" else false()


def _station_data(ctx: Context, _station_code: str) -> dict[str, Any]:
    """People a station recognises without a line (EDG-22)."""
    return {"users": api.station_users(ctx)}


def _user_command(name: str, handler: Any, **kwargs: Any) -> Command:
    return Command(name, UPDATE, handler, entity="user_account", critical=True, **kwargs)


MODULE = Module(
    name="identity",
    entities=[
        EntitySpec(
            UserAccount, "users_access", "system", title=("first_name", "last_name"), title_separator=" ", plural="users", default_sort="last_name",
            list_fields=("last_name", "first_name", "email", "is_active", "is_master", "locked_until", "last_login_at"),
            import_key=("email",), on_create=accounts.prepare, on_update=accounts.on_update, scope_filter=_own_account,
            computed={"roles": lambda ctx, user: accounts.roles_of(ctx, user.id)},
        ),
        EntitySpec(
            Role, "users_access", "system", title=("label",), import_key=("code",), default_sort="label",
            list_fields=("label", "code", "parent_id", "requires_totp", "is_system"),
            on_create=granting.check_role, on_update=granting.check_role,
        ),
        EntitySpec(
            UserRole, "users_access", "system", title=("user_id", "role_id"), can_update=False, can_delete=False,
            on_create=granting.check_role_given,
        ),
        EntitySpec(
            PermissionGrant, "users_access", "system", title=("module_code",), can_delete=False,
            list_fields=("role_id", "user_id", "module_code", "is_enabled", "is_full_access", "scope"),
            on_create=granting.check_grant, on_update=granting.after_grant,
        ),
        EntitySpec(
            Clearance, "users_access", "system", title=("user_id", "kind"), on_create=restricted.on_clearance,
            on_update=restricted.on_clearance, list_fields=("user_id", "kind", "valid_until", "granted_by_id"),
        ),
        EntitySpec(
            ResourceAccessRight, "users_access", "system", title=("object_type", "object_id"), can_update=False,
            on_create=restricted.on_access_right,
        ),
    ],
    commands=[
        _user_command("reset_password", _reset_password, confirm=True),
        _user_command("set_pin", _set_pin, params=PinParams),
        _user_command("unlock", _unlock, available=lambda user: user.locked_until is not None),
        _user_command("issue_badge", _issue_badge, params=BadgeParams),
        _user_command("revoke_badge", _revoke_badge, tone="danger", confirm=True),
        _user_command("revoke_sessions", _revoke_sessions, tone="danger", confirm=True),
        _user_command("remove_totp", _remove_totp, tone="danger", confirm=True,
                      available=lambda user: user.totp_confirmed_at is not None),
        Command("remove", UPDATE, _take_role, entity="user_role", tone="danger", confirm=True, critical=True),
        Command("remove", UPDATE, _remove_grant, entity="permission_grant", tone="danger", confirm=True, critical=True),
    ],
    routers=[auth_endpoints.router, user_endpoints.router, signature_endpoints.router],
    settings=[
        SettingDef("security.access_token_min", "security", "integer", 15, unit="min", minimum=1, maximum=60),
        SettingDef("security.session_h", "security", "integer", 12, unit="h", minimum=1, maximum=72),
        SettingDef("security.account_failures", "security", "integer", 5, minimum=3, maximum=20),
        SettingDef("security.address_failures", "security", "integer", 5, minimum=3, maximum=100),
        SettingDef("security.first_lock_min", "security", "integer", 15, unit="min", minimum=1, maximum=1440),
        SettingDef("security.timed_locks", "security", "integer", 4, minimum=1, maximum=10, is_advanced=True),
        SettingDef("security.password_length", "security", "integer", 8, minimum=8, maximum=64),
        SettingDef("security.password_length_totp", "security", "integer", 12, minimum=8, maximum=64),
        SettingDef("security.temporary_password_h", "security", "integer", 24, unit="h", minimum=1, maximum=72),
    ],
    station_data=_station_data,
    seed=seeds.seed,
)  # fmt: skip
