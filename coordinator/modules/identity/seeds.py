"""Roles of ACC-14 and their first grants (ACC-23); put in place once, then the owner's to change."""

from __future__ import annotations

from sqlalchemy import select

from coordinator.kernel.context import Context
from coordinator.kernel.registry import RIGHTS
from coordinator.modules.identity.models import PermissionGrant, Role

MODULE_CODES = (
    "users_access", "settings", "documents", "traceability", "platform", "updates", "assistant",
    "crm", "purchasing", "drawing_analysis", "quoting", "orders", "routing", "methods", "cam", "machines", "tools",
    "materials", "ppe", "instruments", "stock", "vision", "quality", "qhse", "audits", "planning", "time_tracking",
    "maintenance", "hr", "invoicing", "finance", "statistics", "projects", "robots", "integrations",
)  # fmt: skip
"""Module codes of SET-19."""

ROLES: dict[str, tuple[str, str | None, bool]] = {
    "master": ("Administrateur maître", None, True),
    "admin": ("Administrateur", None, True),
    "management": ("Direction", None, False),
    "production_manager": ("Responsable de production", None, False),
    "operator": ("Opérateur", None, False),
    "team_leader": ("Chef d'équipe", "operator", False),
    "workshop_manager": ("Chef d'atelier", "team_leader", True),
    "methods": ("Méthodes", None, False),
    "methods_manager": ("Responsable méthodes", "methods", False),
    "programmer": ("Programmeur FAO", None, False),
    "estimator": ("Deviseur", None, False),
    "sales": ("Commercial", None, False),
    "purchasing": ("Acheteur", None, False),
    "storekeeper": ("Magasinier", None, False),
    "inspector": ("Contrôleur qualité", None, False),
    "quality_manager": ("Responsable qualité", "inspector", True),
    "auditor": ("Auditeur interne", None, False),
    "maintenance_technician": ("Technicien de maintenance", None, False),
    "hr_manager": ("Responsable RH", None, True),
    "accountant": ("Comptable", None, True),
    "external_auditor": ("Auditeur externe", None, False),
    "station": ("Station", None, False),
    "service": ("Service", None, False),
}
"""Label, parent and two-factor duty (ACC-09) by role code; parents come first."""

ALWAYS_TOTP = frozenset({"master", "admin", "workshop_manager"})
"""Roles whose two-factor duty nobody may lift (ACC-09)."""

_NO_PERSON = {"master", "station", "service", "external_auditor"}
_LETTERS = dict(zip("RCUDVX", ("read", "create", "update", "delete", "validate", "export"), strict=True))

GRANTS: dict[str, dict[str, str]] = {
    "drawing_analysis": {"estimator": "RCUVX", "methods": "RCUVX", "quality_manager": "R", "inspector": "R"},
    "quoting": {"estimator": "RCUX", "sales": "RX", "management": "RVX"},
    "orders": {"sales": "RCUX", "management": "RCUVX", "production_manager": "R"},
    "crm": {"sales": "RCUX", "management": "RCUVX", "production_manager": "RV", "purchasing": "RCUX"},
    "purchasing": {"purchasing": "RCUX", "management": "RVX", "production_manager": "RV", "storekeeper": "R"},
    "routing": {"methods": "RCUDX", "methods_manager": "RCUDVX", "workshop_manager": "RCUDVX", "operator": "R:assigned"},
    "methods": {"methods": "RCUDX", "methods_manager": "RCUDVX", "workshop_manager": "RCUDVX", "operator": "R:assigned"},
    "cam": {"methods": "RCUX", "programmer": "RCUX", "methods_manager": "RV", "production_manager": "R", "operator": "R:assigned"},
    "planning": {
        "production_manager": "RCUVX", "workshop_manager": "RCUVX", "methods": "RUX", "methods_manager": "RUX",
        "team_leader": "RU:team", "hr_manager": "R", "operator": "R:assigned",
    },
    "time_tracking": {
        "operator": "RC:own", "team_leader": "RV:team", "workshop_manager": "RVX", "production_manager": "RVX",
        "management": "RVX",
    },
    "stock": {"storekeeper": "RCUVX", "operator": "C", "methods": "R", "purchasing": "R"},
    "tools": {"storekeeper": "RCUVX", "operator": "C", "methods": "R", "purchasing": "R"},
    "materials": {"storekeeper": "RCUVX", "operator": "C", "methods": "R", "purchasing": "R"},
    "vision": {"storekeeper": "RCUVX", "methods": "R", "purchasing": "R"},
    "ppe": {"storekeeper": "RCUX", "hr_manager": "RCUX"},
    "machines": {"production_manager": "RCUX", "methods": "RCUX", "maintenance_technician": "RU", "operator": "R:assigned"},
    "robots": {"production_manager": "RCUX", "methods": "RCUX", "maintenance_technician": "RU", "operator": "R:assigned"},
    "quality": {"inspector": "RCUX", "quality_manager": "RCUDVX", "operator": "RC:own", "auditor": "R"},
    "qhse": {"inspector": "RCUX", "quality_manager": "RCUDVX", "operator": "RC:own", "auditor": "R"},
    "instruments": {"inspector": "RCUX", "quality_manager": "RCUDVX", "auditor": "R"},
    "audits": {"quality_manager": "RCUDVX", "auditor": "RCUX", "external_auditor": "R"},
    "traceability": {
        "quality_manager": "RUX", "auditor": "R", "external_auditor": "R:assigned", "management": "R:team",
        "production_manager": "R:team", "workshop_manager": "R:team",
    },
    "documents": {
        "quality_manager": "RCUDVX:site", "management": "RVX:site", "methods": "RCU:site", "methods_manager": "RCUV:site",
        "workshop_manager": "RCU:site", "production_manager": "RC:site", "programmer": "RCU:site", "estimator": "RCU:site",
        "sales": "RCU:site", "purchasing": "RCU:site", "storekeeper": "RC:site", "inspector": "RCU:site", "auditor": "R:site",
        "maintenance_technician": "RC:site", "hr_manager": "RCUVX:site", "accountant": "RCUX:site", "admin": "RCUDVX:site",
        "operator": "R:assigned", "external_auditor": "R:assigned",
    },
    "hr": {
        "hr_manager": "RCUDVX", "management": "R:team", "production_manager": "R:team", "workshop_manager": "R:team",
        "team_leader": "R:team",
    },
    "invoicing": {"accountant": "RCUVX", "management": "RX"},
    "finance": {"accountant": "RCUVX", "management": "RX"},
    "statistics": {"accountant": "RCUVX", "management": "RX"},
    "maintenance": {"maintenance_technician": "RCUX", "workshop_manager": "RV", "operator": "RC:own"},
    "settings": {"admin": "*", **dict.fromkeys(("management", "production_manager", "workshop_manager", "methods", "quality_manager", "hr_manager", "estimator"), "R")},
    "users_access": {"admin": "*"},
    "platform": {"admin": "*"},
    "updates": {"admin": "*"},
    "integrations": {"admin": "*"},
    "assistant": {"management": "RUV"},
    "projects": {"management": "RUV"},
    "field.prices": dict.fromkeys(("estimator", "sales", "management", "purchasing", "accountant"), "R"),
    "field.costs_margins": dict.fromkeys(("estimator", "management", "accountant"), "R"),
    "field.salaries": {"hr_manager": "R"},
    "field.hr_sensitive": {"hr_manager": "R"},
    "field.bank": {"accountant": "R", "management": "R"},
    "field.supplier_terms": {"purchasing": "R", "management": "R", "accountant": "R"},
}  # fmt: skip
"""Letters R C U D V X (export), ``*`` for everything, then ``:scope`` where it is not ``all``.

``documents`` is given in scope ``site``: the whole store but what its family and confidentiality keep from the role.
"""

_EVERYONE = {
    "traceability": "R:own",
    "ppe": "R:own",
    "hr": "R:own",
    "assistant": "RCU:own",
    "projects": "RU:own",
}
"""What each working person has where his role says nothing (ACC-23)."""


def seed(ctx: Context) -> None:
    """Create missing roles with their grants. A role that exists keeps what the owner made of it."""
    known = {r.code: r for r in ctx.session.scalars(select(Role))}
    for code, (label, parent, requires_totp) in ROLES.items():
        if code in known:
            continue
        role = Role(code=code, label=label, is_system=True, requires_totp=requires_totp)
        role.parent_id = known[parent].id if parent else None
        known[code] = ctx.add(role)
        for module_code, notation in grants_of(code).items():
            ctx.session.add(make_grant(module_code, notation, role_id=role.id))
    ctx.session.flush()


def grants_of(role_code: str) -> dict[str, str]:
    """First grants of a seeded role, in the notation of :data:`GRANTS`."""
    found = {module: by_role[role_code] for module, by_role in GRANTS.items() if role_code in by_role}
    if role_code not in _NO_PERSON:
        for module, notation in _EVERYONE.items():
            found.setdefault(module, notation)
    return found


def make_grant(
    module_code: str, notation: str, *, role_id: int | None = None, user_id: int | None = None
) -> PermissionGrant:
    """Grant of a notation such as ``RCU:own``."""
    letters, _, scope = notation.partition(":")
    given = set(RIGHTS) if letters == "*" else {_LETTERS[letter] for letter in letters}
    grant = PermissionGrant(
        role_id=role_id, user_id=user_id, module_code=module_code, is_enabled=True, scope=scope or "all"
    )
    grant.is_full_access = letters == "*"
    for right in RIGHTS:
        setattr(grant, f"can_{right}", right in given)
    return grant
