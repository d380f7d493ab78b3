"""Users by the contract of ACC-02, their effective rights, and archiving under rules."""

# Annotations are evaluated here on purpose: the payload classes are derived from the columns.
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field, create_model
from sqlalchemy import func, select

from coordinator.kernel import crud
from coordinator.kernel.audit import jsonable
from coordinator.kernel.context import Context
from coordinator.kernel.errors import NotFound
from coordinator.kernel.http import Ctx, guarded
from coordinator.kernel.registry import Permission
from coordinator.kernel.rest import VersionBody
from coordinator.kernel.schema import create_schema, patch_schema, read_schema
from coordinator.modules.identity import accounts, granting, rights, sessions
from coordinator.modules.identity.models import Role, SecurityEvent, UserAccount

router = APIRouter(tags=["user_account"])

READ = Permission("users_access", "read")
CREATE = Permission("users_access", "create")
UPDATE = Permission("users_access", "update")
DELETE = Permission("users_access", "delete")

_Password = Annotated[str | None, Field(max_length=1000)]
UserCreate: Any = create_model(
    "UserCreate", __base__=create_schema(UserAccount), password=(_Password, None), roles=(list[str], []),
    pin=(Annotated[str | None, Field(max_length=10)], None),
)  # fmt: skip
UserPatch: Any = create_model(
    "UserPatch",
    __base__=patch_schema(UserAccount),
    password=(_Password, None),
    row_version=(int | None, None),
)
UserRead = read_schema(UserAccount)


@router.post(
    "/users",
    operation_id="user_create",
    openapi_extra=guarded(CREATE),
    status_code=201,
    response_model=UserRead,
)
def create_user(ctx: Ctx, body: UserCreate) -> Any:
    """Create an account; a given password is temporary (ACC-05), without role it starts inactive (ACC-47)."""
    ctx.require(CREATE)
    values = body.model_dump(exclude_unset=True)
    user = accounts.create_user(ctx, **values)
    return _serialize(ctx, user)


@router.get(
    "/users/{record_id}", operation_id="user_get", openapi_extra=guarded(READ), response_model=UserRead
)
def get_user(ctx: Ctx, record_id: int) -> Any:
    """One account."""
    return _serialize(ctx, _visible(ctx, record_id, READ))


@router.patch(
    "/users/{record_id}", operation_id="user_update", openapi_extra=guarded(UPDATE), response_model=UserRead
)
def update_user(ctx: Ctx, record_id: int, body: UserPatch) -> Any:
    """Change the sent fields; a sent password is hashed again and, for somebody else, temporary."""
    user = _visible(ctx, record_id, UPDATE)
    values = body.model_dump(exclude_unset=True)
    password = values.pop("password", None)
    version = values.pop("row_version", None)
    spec = ctx.registry.entities["user_account"]
    accounts.protect_master(ctx, user)
    if values or version is not None:
        crud.update_record(ctx, spec, record_id, values, user.row_version if version is None else version)
    if password is not None:
        accounts.set_password(ctx, user, password, temporary=ctx.principal.user_id != user.id)
        if ctx.principal.user_id != user.id:
            sessions.revoke(ctx, user.id)
    return _serialize(ctx, user)


@router.delete(
    "/users/{record_id}", operation_id="user_delete", openapi_extra=guarded(DELETE), status_code=204
)
def delete_user(ctx: Ctx, record_id: int) -> Response:
    """Close an account; one never used is really removed (ACC-03)."""
    accounts.close_account(ctx, _visible(ctx, record_id, DELETE))
    return Response(status_code=204)


@router.post(
    "/users/{record_id}/archive",
    operation_id="user_archive",
    openapi_extra=guarded(DELETE),
    response_model=UserRead,
)
def archive_user(ctx: Ctx, record_id: int, body: VersionBody | None = None) -> Any:
    """Close an account and keep it."""
    user = _visible(ctx, record_id, DELETE)
    ctx.check_version(user, body.row_version if body else None)
    accounts.close_account(ctx, user, keep=True)
    return _serialize(ctx, user)


@router.get("/users/{record_id}/rights", operation_id="user_rights", openapi_extra=guarded(READ))
def user_rights(ctx: Ctx, record_id: int) -> dict[str, Any]:
    """Effective rights of a person and where each comes from (ACC-28); an empty source is his own grant."""
    user = _visible(ctx, record_id, READ)
    found = rights.compute(ctx.session, user.id)
    lines = [
        {
            "module_code": module,
            "right": right,
            "scope": scope,
            "source": found.sources.get((module, right), ""),
        }
        for (module, right), scope in sorted(found.rights.items())
    ]
    return {"is_master": user.is_master, "roles": accounts.roles_of(ctx, user.id), "rights": lines}


@router.post("/roles/{record_id}/archive", operation_id="role_archive_checked", openapi_extra=guarded(DELETE))
def archive_role(ctx: Ctx, record_id: int, body: VersionBody | None = None) -> dict[str, Any]:
    """Archive a role nobody uses (ACC-48)."""
    ctx.require(DELETE)
    spec = ctx.registry.entities["role"]
    granting.check_role_unused(ctx, ctx.get(Role, record_id))
    role = crud.set_archived(ctx, spec, record_id, body.row_version if body else None, archived=True)
    return crud.serialize(ctx, spec, role)


@router.get("/security-events", operation_id="security_event_list", openapi_extra=guarded(READ))
def security_events(
    ctx: Ctx,
    skip: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
    user_id: int | None = None,
    kind: str | None = None,
) -> dict[str, Any]:
    """Security log, newest first (ACC-41)."""
    ctx.require(READ)
    conditions = []
    if user_id is not None:
        conditions.append(SecurityEvent.user_id == user_id)
    if kind is not None:
        conditions.append(SecurityEvent.kind == kind)
    total = ctx.session.scalar(select(func.count()).select_from(SecurityEvent).where(*conditions))
    query = (
        select(SecurityEvent).where(*conditions).order_by(SecurityEvent.id.desc()).offset(skip).limit(limit)
    )
    fields = ("id", "occurred_at", "kind", "result", "user_id", "means", "ip", "terminal_id", "details")
    items = [{n: jsonable(getattr(e, n)) for n in fields} for e in ctx.session.scalars(query)]
    return {"items": items, "total": total, "skip": skip, "limit": limit}


def _visible(ctx: Context, user_id: int, permission: Permission) -> UserAccount:
    scope = ctx.require(permission)
    try:
        user: UserAccount = crud.visible_record(
            ctx, ctx.registry.entities["user_account"], user_id, scope, lock=permission != READ
        )
    except NotFound:
        raise NotFound("user.unknown") from None
    return user


def _serialize(ctx: Context, user: UserAccount) -> dict[str, Any]:
    answer = crud.serialize(ctx, ctx.registry.entities["user_account"], user)
    return {**answer, "roles": accounts.roles_of(ctx, user.id)}
