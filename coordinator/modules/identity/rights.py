"""Effective rights of a person, from his own grants and those of his roles and their parents (ACC-13…20, DAT-16)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from coordinator.kernel.registry import RIGHTS
from coordinator.kernel.remembered import Remembered
from coordinator.modules.identity.models import PermissionGrant, Role, UserAccount, UserRole

CACHE_S = 60.0
FIELD_PREFIX = "field."
_WIDTH = {"own": 0, "assigned": 1, "team": 2, "workshop": 3, "site": 4, "all": 5}


@dataclass(frozen=True)
class Effective:
    """Result of the computation; ``roles`` holds inherited ones too, ``sources`` says where each right comes from."""

    rights: Mapping[tuple[str, str], str] = field(default_factory=dict)
    roles: frozenset[str] = frozenset()
    requires_totp: bool = False
    sources: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def field_groups(self) -> frozenset[str]:
        """Field groups the person may see."""
        return field_groups(self.rights)


def field_groups(rights: Mapping[tuple[str, str], str]) -> frozenset[str]:
    """Field groups readable under ``rights``; they are grants on ``field.<group>``."""
    return frozenset(
        module.removeprefix(FIELD_PREFIX)
        for module, right in rights
        if module.startswith(FIELD_PREFIX) and right == "read"
    )


def wider(first: str | None, second: str) -> str:
    """The wider of two scopes."""
    return second if first is None or _WIDTH[second] > _WIDTH[first] else first


def covers(held: str | None, wanted: str) -> bool:
    """Whether a held scope is at least as wide as the wanted one."""
    return held is not None and _WIDTH[held] >= _WIDTH[wanted]


def flags(grant: PermissionGrant) -> list[str]:
    """Rights a grant gives."""
    if not grant.is_enabled:
        return []
    return [r for r in RIGHTS if grant.is_full_access or getattr(grant, f"can_{r}")]


def combine(own: Iterable[PermissionGrant], of_roles: Iterable[tuple[str, PermissionGrant]]) -> Effective:
    """Rights and their sources.

    A person's own grant decides alone for its module; among roles a refusal (``is_enabled`` false) beats every
    grant, otherwise rights add up and the wider scope wins. Nothing said means refused.
    """
    rights: dict[tuple[str, str], str] = {}
    sources: dict[tuple[str, str], str] = {}
    personal = {g.module_code: g for g in own}
    by_role = [(code, g) for code, g in of_roles if g.module_code not in personal]
    refused = {g.module_code for _, g in by_role if not g.is_enabled}
    for code, grant in [*by_role, *(("", g) for g in personal.values())]:
        if grant.module_code in refused:
            continue
        for right in flags(grant):
            key = (grant.module_code, right)
            if wider(rights.get(key), grant.scope) != rights.get(key):
                rights[key] = grant.scope
                sources[key] = code
    return Effective(rights=rights, sources=sources)


def lineage(roles: Mapping[int, Role], role_id: int) -> list[Role]:
    """A role and its ancestors; a loop is not followed twice."""
    found: list[Role] = []
    current: int | None = role_id
    while current is not None and current in roles and roles[current] not in found:
        found.append(roles[current])
        current = roles[current].parent_id
    return found


def compute(session: Session, user_id: int) -> Effective:
    """Effective rights of one account, from the database."""
    all_roles = {r.id: r for r in session.scalars(select(Role).where(Role.archived_at.is_(None)))}
    given = session.scalars(
        select(UserRole.role_id).where(UserRole.user_id == user_id, UserRole.archived_at.is_(None))
    )
    held: dict[int, Role] = {}
    for role_id in given:
        held.update({r.id: r for r in lineage(all_roles, role_id)})
    return _of_roles(session, held, user_id)


def of_role(session: Session, role_id: int) -> Effective:
    """Rights a role gives by itself, inherited ones included."""
    all_roles = {r.id: r for r in session.scalars(select(Role).where(Role.archived_at.is_(None)))}
    return _of_roles(session, {r.id: r for r in lineage(all_roles, role_id)}, None)


def _of_roles(session: Session, held: dict[int, Role], user_id: int | None) -> Effective:
    holder = PermissionGrant.role_id.in_(list(held))
    condition = holder if user_id is None else or_(PermissionGrant.user_id == user_id, holder)
    grants = list(
        session.scalars(select(PermissionGrant).where(PermissionGrant.archived_at.is_(None), condition))
    )
    own = [g for g in grants if g.user_id is not None]
    by_role = [(held[g.role_id].code, g) for g in grants if g.role_id is not None]
    result = combine(own, by_role)
    return Effective(
        rights=result.rights,
        roles=frozenset(r.code for r in held.values()),
        requires_totp=any(r.requires_totp for r in held.values()),
        sources=result.sources,
    )


_remembered: Remembered[Effective] = Remembered(CACHE_S, Role, UserRole, PermissionGrant, UserAccount)


def effective(session: Session, user_id: int) -> Effective:
    """Effective rights, at most ``CACHE_S`` old: a change made by another process acts within that time (ACC-28)."""
    return _remembered.get(session, user_id, lambda: compute(session, user_id))
