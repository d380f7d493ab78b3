"""Manifest of the identity module."""

from coordinator.kernel.registry import EntitySpec, Module
from coordinator.modules.identity.models import PermissionGrant, Role, UserAccount, UserRole

MODULE = Module(
    name="identity",
    entities=[
        EntitySpec(UserAccount, "users_access", "system", title=("first_name", "last_name"), plural="users"),
        EntitySpec(Role, "users_access", "system", title=("label",), import_key=("code",)),
        EntitySpec(UserRole, "users_access", title=("user_id", "role_id")),
        EntitySpec(PermissionGrant, "users_access", title=("module_code",)),
    ],
)
