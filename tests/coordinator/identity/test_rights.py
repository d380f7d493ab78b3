"""Computation of effective rights, and the seeded roles."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from coordinator.bootstrap import seed
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.modules.identity import rights
from coordinator.modules.identity.models import PermissionGrant, Role
from coordinator.modules.identity.seeds import MODULE_CODES, ROLES, make_grant
from tests.coordinator.identity.conftest import House


def grant(module: str, notation: str, *, enabled: bool = True) -> PermissionGrant:
    made = make_grant(module, notation, role_id=1)
    made.is_enabled = enabled
    return made


@pytest.mark.requirement("ACC-18")
@pytest.mark.requirement("DAT-16")
def test_the_rules_of_combination() -> None:
    result = rights.combine(
        own=[grant("quoting", "R"), grant("orders", "R", enabled=False)],
        of_roles=[
            ("a", grant("quoting", "RCUDV")),
            ("a", grant("orders", "RCU")),
            ("a", grant("stock", "R:own")),
            ("b", grant("stock", "RC:all")),
            ("a", grant("cam", "RCU")),
            ("b", grant("cam", "R", enabled=False)),
            ("a", grant("tools", "*")),
        ],
    )
    assert {k: v for k, v in result.rights.items() if k[0] == "quoting"} == {("quoting", "read"): "all"}
    assert not [k for k in result.rights if k[0] in {"orders", "cam", "nothing"}]
    assert result.rights["stock", "read"] == "all"
    assert result.rights["stock", "create"] == "all"
    assert result.sources["stock", "read"] == "b"
    assert {right for module, right in result.rights if module == "tools"} == set(rights.RIGHTS)
    assert ("materials", "read") not in result.rights, "full access covers its module only"


@pytest.mark.requirement("ACC-13")
def test_roles_inherit(house: House) -> None:
    leader = house.client.get("/api/v1/auth/me", headers=house.bearer(house.user("team_leader"))).json()
    assert leader["roles"] == ["operator", "team_leader"]
    assert leader["rights"]["time_tracking"] == {"read": "team", "create": "own", "validate": "team"}
    assert leader["rights"]["routing"] == {"read": "assigned"}


@pytest.mark.requirement("ACC-14")
@pytest.mark.requirement("ACC-23")
def test_seeded_roles(factory: ContextFactory) -> None:
    with factory.open(Principal.service("test")) as ctx:
        codes = set(ctx.session.scalars(select(Role.code)))
        assert codes == set(ROLES)
        assert len(codes) == 23
        found = {
            code: rights.of_role(ctx.session, role_id).rights
            for code, role_id in ctx.session.execute(select(Role.code, Role.id))
        }
        before = ctx.session.scalar(select(func.count()).select_from(PermissionGrant))
        modules = set(ctx.session.scalars(select(PermissionGrant.module_code)))
    assert {m for m in modules if not m.startswith("field.")} <= set(MODULE_CODES)

    def letters(role: str, module: str) -> str:
        return "".join(r[0] for r in rights.RIGHTS if (module, r) in found[role])

    assert letters("estimator", "quoting") == "rcue"
    assert letters("management", "quoting") == "rve"
    assert letters("methods_manager", "routing") == "rcudve"
    assert letters("operator", "quoting") == ""
    assert letters("quality_manager", "audits") == "rcudve"
    assert letters("auditor", "quality") == "r"
    assert found["operator"]["routing", "read"] == "assigned"
    assert found["operator"]["hr", "read"] == "own"
    assert not found["station"]
    assert not found["service"]
    seed(factory)
    with factory.open(Principal.service("test")) as ctx:
        assert ctx.session.scalar(select(func.count()).select_from(PermissionGrant)) == before


@pytest.mark.requirement("ACC-20")
def test_field_groups_need_their_own_right(house: House) -> None:
    with house.factory.open(Principal.service("test")) as ctx:
        groups = {
            code: rights.of_role(ctx.session, role_id).field_groups
            for code, role_id in ctx.session.execute(select(Role.code, Role.id))
        }
    assert groups["hr_manager"] == {"salaries", "hr_sensitive"}
    assert groups["operator"] == frozenset()
    assert "costs_margins" not in groups["sales"]
    headers = house.master()
    body = {"number": "E1", "first_name": "Ana", "last_name": "Durand", "hourly_cost": "31.50"}
    assert house.client.post("/api/v1/employees", json=body, headers=headers).json()["hourly_cost"] == "31.50"
    email = house.user("sales")
    with house.factory.open(Principal.service("test")) as ctx:
        user_id = ctx.session.scalar(select(func.max(PermissionGrant.id)))
        assert user_id
        from coordinator.modules.identity.models import UserAccount

        account = ctx.session.scalars(select(UserAccount).where(UserAccount.email == email)).one()
        ctx.add(make_grant("hr", "RU", user_id=account.id))
    seen = house.client.get("/api/v1/employees", headers=house.bearer(email)).json()["items"][0]
    assert "hourly_cost" not in seen
    filtered = house.client.get("/api/v1/employees?hourly_cost__gte=1", headers=house.bearer(email))
    assert filtered.status_code == 422


@pytest.mark.requirement("ACC-28")
def test_a_change_acts_on_open_sessions_and_its_source_is_shown(house: House) -> None:
    email = house.user("sales")
    headers = house.bearer(email)
    assert house.client.get("/api/v1/users", headers=headers).status_code == 403
    master = house.master()
    user_id = house.client.get("/api/v1/auth/me", headers=headers).json()["user"]["id"]
    body = {"user_id": user_id, "module_code": "users_access", "can_read": True}
    assert house.client.post("/api/v1/permission-grants", json=body, headers=master).status_code == 201
    assert house.client.get("/api/v1/users", headers=headers).status_code == 200
    lines = house.client.get(f"/api/v1/users/{user_id}/rights", headers=master).json()["rights"]
    sources = {(line["module_code"], line["right"]): line["source"] for line in lines}
    assert sources["users_access", "read"] == ""
    assert sources["quoting", "read"] == "sales"


@pytest.mark.requirement("ACC-28")
def test_rights_are_never_older_than_a_minute() -> None:
    assert rights.CACHE_S <= 60
