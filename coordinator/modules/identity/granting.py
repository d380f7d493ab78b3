"""Who may give which right to whom (ACC-16, ACC-47, ACC-48)."""

from __future__ import annotations

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, Conflict, FieldError, Forbidden
from coordinator.kernel.registry import RIGHTS
from coordinator.modules.identity import rights, sessions
from coordinator.modules.identity.models import PermissionGrant, Role, UserAccount, UserRole
from coordinator.modules.identity.seeds import ALWAYS_TOTP


def role_of_code(ctx: Context, code: str) -> Role:
    """Role of a code.

    Raises:
        BusinessError: ``role.unknown``.
    """
    role = ctx.session.scalars(
        select(Role).where(Role.code == code, Role.archived_at.is_(None))
    ).one_or_none()
    if role is None:
        raise BusinessError(
            "role.unknown", errors=[FieldError("roles", "role.unknown", {"code": code})], code=code
        )
    return role


def _is_free(ctx: Context) -> bool:
    return ctx.principal.is_master or ctx.principal.kind == "service"


def check_not_self(ctx: Context, user_id: int) -> None:
    """Nobody but the master changes his own rights (ACC-16).

    Raises:
        Forbidden: ``rights.own``.
    """
    if ctx.principal.user_id == user_id and not _is_free(ctx):
        raise Forbidden("rights.own")


def check_not_own_role(ctx: Context, role: Role) -> None:
    """Nobody but the master changes what a role of his own gives (ACC-16).

    Raises:
        Forbidden: ``rights.own``.
    """
    if role.code in ctx.principal.roles and not _is_free(ctx):
        raise Forbidden("rights.own")


def check_may_give(ctx: Context, wanted: dict[tuple[str, str], str]) -> None:
    """Nobody gives a right he does not have, nor in a wider scope (ACC-16).

    Raises:
        Forbidden: ``rights.not_held`` naming module and right.
    """
    if _is_free(ctx):
        return
    for (module, right), scope in sorted(wanted.items()):
        if not rights.covers(ctx.principal.scope(module, right), scope):
            raise Forbidden(
                "rights.not_held", extra={"module": module, "right": right}, module=module, right=right
            )


def give_role(ctx: Context, user: UserAccount, role: Role) -> UserRole:
    """Give a role to a person.

    Raises:
        Forbidden: to oneself, to the master, the master's role, or one with rights the giver lacks.
    """
    given = UserRole(user_id=user.id, role_id=role.id)
    check_role_given(ctx, given)
    ctx.add(given)
    return given


def check_role_given(ctx: Context, given: UserRole) -> None:
    """Rules of giving a role, whichever way it is given."""
    role = ctx.get(Role, given.role_id)
    user = ctx.get(UserAccount, given.user_id)
    if role.code == "master":
        raise Forbidden("master.by_handover")
    _check_not_master(ctx, user)
    check_not_self(ctx, user.id)
    check_may_give(ctx, dict(rights.of_role(ctx.session, role.id).rights))
    sessions.record_act(ctx, "role_given", user.id, role=role.code)


def take_role(ctx: Context, given: UserRole) -> None:
    """Take a role from a person.

    Raises:
        Forbidden, Conflict: from oneself, from the master, or the last right to manage access.
    """
    from coordinator.modules.identity import accounts

    user = ctx.get(UserAccount, given.user_id)
    role = ctx.get(Role, given.role_id)
    _check_not_master(ctx, user)
    check_not_self(ctx, user.id)
    if user.is_active and ("users_access", "update") in rights.of_role(ctx.session, role.id).rights:
        accounts.check_may_close(ctx, user)
    ctx.session.delete(given)
    ctx.session.flush()
    if user.is_active and not accounts.has_role(ctx, user.id):
        raise Conflict("user.last_role")
    sessions.record_act(ctx, "role_taken", user.id, role=role.code)


def _check_not_master(ctx: Context, user: UserAccount) -> None:
    if user.is_master and ctx.principal.kind != "service":
        raise Forbidden("master.protected")


def check_grant(ctx: Context, grant: PermissionGrant) -> None:
    """Rules of a grant being created or changed.

    Raises:
        BusinessError: no holder or two. Forbidden: own rights, the master's, or rights not held.
    """
    if (grant.user_id is None) == (grant.role_id is None):
        raise BusinessError("grant.one_holder", errors=[FieldError("role_id", "grant.one_holder")])
    # Column defaults come with the insertion, after this check: an unsaid flag must be read as it will be stored.
    grant.is_enabled = True if grant.is_enabled is None else grant.is_enabled
    grant.scope = grant.scope or "all"
    with ctx.session.no_autoflush:
        _check_holder(ctx, grant)
        given = dict.fromkeys(((grant.module_code, r) for r in rights.flags(grant)), grant.scope)
        check_may_give(ctx, given)
    kind = "right_changed" if grant.id else "right_given"
    sessions.record_act(ctx, kind, grant.user_id, module=grant.module_code, role_id=grant.role_id)


def remove_grant(ctx: Context, grant: PermissionGrant) -> None:
    """Withdraw a grant; taking away a refusal may give rights, so the giver must hold them all."""
    _check_holder(ctx, grant)
    if not grant.is_enabled or grant.user_id is not None:
        check_may_give(ctx, {(grant.module_code, right): "all" for right in RIGHTS})
    ctx.session.delete(grant)
    ctx.session.flush()
    _check_access_still_managed(ctx)
    sessions.record_act(ctx, "right_removed", grant.user_id, module=grant.module_code, role_id=grant.role_id)


def after_grant(ctx: Context, grant: PermissionGrant) -> None:
    """Refuse a change that leaves nobody to manage access."""
    check_grant(ctx, grant)
    ctx.session.flush()
    _check_access_still_managed(ctx)


def _check_access_still_managed(ctx: Context) -> None:
    from coordinator.modules.identity import accounts

    # Installations without any account (before set-up) have nothing to protect.
    has_people = ctx.session.scalar(select(UserAccount.id).where(UserAccount.is_active).limit(1)) is not None
    if has_people and not accounts.users_with_right(ctx, "users_access", "update"):
        raise Conflict("admin.last")


def _check_holder(ctx: Context, grant: PermissionGrant) -> None:
    if grant.user_id is not None:
        check_not_self(ctx, grant.user_id)
        _check_not_master(ctx, ctx.get(UserAccount, grant.user_id))
        return
    role = ctx.get(Role, grant.role_id)
    if role.code == "master" and not _is_free(ctx):
        raise Forbidden("master.protected")
    check_not_own_role(ctx, role)


def check_role(ctx: Context, role: Role) -> None:
    """Rules of a role being created or changed: no inheritance loop, no two-factor duty lifted where it is law here.

    Raises:
        BusinessError: ``role.loop``, ``role.totp_required``. Forbidden: a parent with rights the giver lacks.
    """
    with ctx.session.no_autoflush:
        all_roles = {r.id: r for r in ctx.session.scalars(select(Role))}
        chain: list[str] = [role.code]
        current = role.parent_id
        while current is not None:
            parent = all_roles[current]
            chain.append(parent.code)
            if parent is role or len(chain) > len(all_roles) + 1:
                path = " → ".join(chain)
                raise BusinessError(
                    "role.loop", errors=[FieldError("parent_id", "role.loop", {"path": path})], path=path
                )
            current = parent.parent_id
        if role.parent_id is not None:
            check_may_give(ctx, dict(rights.of_role(ctx.session, role.parent_id).rights))
        if role.code in ALWAYS_TOTP and not role.requires_totp:
            raise BusinessError(
                "role.totp_required", errors=[FieldError("requires_totp", "role.totp_required")]
            )
    check_not_own_role(ctx, role)


def check_role_unused(ctx: Context, role: Role) -> None:
    """Refuse to archive a role in use, with the list of people and roles concerned (ACC-48).

    Raises:
        Conflict: ``role.used``, ``role.system``.
    """
    if role.code in {"master", "admin"}:
        raise Conflict("role.system", role=role.label)
    holders = (
        select(UserAccount)
        .join(UserRole, UserRole.user_id == UserAccount.id)
        .where(UserRole.role_id == role.id)
    )
    people = [
        f"{u.first_name} {u.last_name}"
        for u in ctx.session.scalars(holders.where(UserAccount.archived_at.is_(None)))
    ]
    heirs = list(
        ctx.session.scalars(select(Role.label).where(Role.parent_id == role.id, Role.archived_at.is_(None)))
    )
    if people or heirs:
        used_by = ", ".join([*people, *heirs])
        raise Conflict("role.used", extra={"users": people, "roles": heirs}, role=role.label, users=used_by)
