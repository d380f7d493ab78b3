"""REST derived from the declared entities and commands: one set of routes for all.

Annotations are evaluated here on purpose: the payload classes are made per entity, inside functions.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, File, Header, Query, Request, Response, UploadFile
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import to_json
from sqlalchemy import select

from coordinator.kernel import audit, commands, crud, transfer
from coordinator.kernel.audit import jsonable
from coordinator.kernel.errors import Invalid
from coordinator.kernel.http import Ctx, field_error, guarded, unit_of_work
from coordinator.kernel.i18n import history_label
from coordinator.kernel.models import AuditLog
from coordinator.kernel.registry import Command, EntitySpec, Permission, Registry
from coordinator.kernel.schema import create_schema, patch_schema, read_schema

_RESERVED = {"skip", "limit", "sort", "q", "archived", "format"}
IdempotencyHeader = Annotated[str | None, Header(alias="Idempotency-Key", max_length=120)]


class VersionBody(BaseModel):
    """Version in which the record was read."""

    model_config = ConfigDict(extra="forbid")

    row_version: int | None = None


class Page(BaseModel):
    """One page of a list."""

    items: list[dict[str, Any]]
    total: int
    skip: int
    limit: int


class ActionAnswer(BaseModel):
    """Record after an action, and what the action gave."""

    record: dict[str, Any]
    result: Any = None


def entity_router(spec: EntitySpec, registry: Registry) -> APIRouter:
    """Routes of one entity and its commands."""
    router = APIRouter(prefix=f"/{spec.path}", tags=[spec.name])
    _add_reading(router, spec)
    if spec.can_create:
        _add_creation(router, spec)
    if spec.can_update:
        _add_update(router, spec)
    if spec.can_delete:
        _add_archiving(router, spec)
    for command in registry.entity_commands(spec.name):
        _add_command(router, spec, command)
    return router


def command_router(registry: Registry) -> APIRouter:
    """Routes of the commands that belong to no record."""
    router = APIRouter(tags=["commands"])
    for command in registry.commands.values():
        if command.entity is None and command.path is not None:
            _add_free_command(router, command)
    return router


async def _list_query(
    request: Request,
    skip: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=crud.MAX_LIMIT)] = 10,
    sort: str | None = None,
    q: Annotated[str | None, Query(max_length=200)] = None,
    archived: bool = False,
) -> crud.ListQuery:
    filters = {k: v for k, v in request.query_params.items() if k not in _RESERVED}
    return crud.ListQuery(skip, limit, sort, q, archived, filters)


ListQuery = Annotated[crud.ListQuery, Depends(_list_query)]


def _add_reading(router: APIRouter, spec: EntitySpec) -> None:
    read = Permission(spec.module_code, "read")

    @router.get("", operation_id=f"{spec.name}_list", openapi_extra=guarded(read), response_model=Page)
    def list_records(request: Request, query: ListQuery) -> Any:
        with unit_of_work(request) as ctx:
            answer = crud.list_records(ctx, spec, query)
        return _json(answer)

    export = Permission(spec.module_code, "export")

    @router.get("/export", operation_id=f"{spec.name}_export", openapi_extra=guarded(export))
    def export_records(ctx: Ctx, query: ListQuery, format: Literal["csv", "xlsx"] = "csv") -> Response:
        content, media_type = transfer.export(ctx, spec, query, format)
        headers = {"content-disposition": f'attachment; filename="{spec.path}.{format}"'}
        return Response(content, media_type=media_type, headers=headers)

    @router.get(
        "/{record_id}",
        operation_id=f"{spec.name}_get",
        openapi_extra=guarded(read),
        response_model=read_schema(spec.model),
        response_model_exclude_unset=True,
    )
    def get_record(request: Request, record_id: int) -> Any:
        with unit_of_work(request) as ctx:
            answer = crud.read_record(ctx, spec, record_id)
        return _json(answer)

    @router.get("/{record_id}/history", operation_id=f"{spec.name}_history", openapi_extra=guarded(read))
    def history(ctx: Ctx, record_id: int) -> list[dict[str, Any]]:
        crud.visible_record(ctx, spec, record_id, ctx.require(read))
        query = select(AuditLog).where(AuditLog.object_type == spec.name, AuditLog.object_id == record_id)
        lines = ctx.session.scalars(query.order_by(AuditLog.id.desc()).limit(200)).all()
        before, after = (
            [dict(getattr(line, side) or {}) for line in lines] for side in ("old_values", "new_values")
        )
        crud.add_links(ctx, spec.model, [*before, *after])
        return [
            {
                "occurred_at": jsonable(line.occurred_at),
                "user": audit.actor_words(line, ctx.locale),
                "action": line.action_code,
                "action_label": history_label(spec.name, line.action_code, ctx.locale),
                "old_values": old or None,
                "new_values": new or None,
                "reason": line.reason,
            }
            for line, old, new in zip(lines, before, after, strict=True)
        ]


def _add_creation(router: APIRouter, spec: EntitySpec) -> None:
    create = Permission(spec.module_code, spec.create_right)
    payload = create_schema(spec.model)

    @router.post(
        "",
        operation_id=f"{spec.name}_create",
        openapi_extra=guarded(create),
        status_code=201,
        response_model=read_schema(spec.model),
        response_model_exclude_unset=True,
    )
    def create_record(ctx: Ctx, body: payload, key: IdempotencyHeader = None) -> Any:  # type: ignore[valid-type]
        ctx.require(create)
        values = body.model_dump(exclude_unset=True)  # type: ignore[attr-defined]

        def run() -> Any:
            return crud.serialize(ctx, spec, crud.create_record(ctx, spec, values))

        return _json(commands.idempotent(ctx, key, [spec.name, "create", values], run), 201)

    @router.post("/import", operation_id=f"{spec.name}_import", openapi_extra=guarded(create))
    def import_records(ctx: Ctx, file: Annotated[UploadFile, File()], dry_run: bool = True) -> dict[str, Any]:
        ctx.require(create)
        return transfer.import_rows(ctx, spec, file.filename or "", file.file.read(), dry_run=dry_run)


def _add_update(router: APIRouter, spec: EntitySpec) -> None:
    update = Permission(spec.module_code, "update")
    payload = patch_schema(spec.model)

    @router.patch(
        "/{record_id}",
        operation_id=f"{spec.name}_update",
        openapi_extra=guarded(update),
        response_model=read_schema(spec.model),
        response_model_exclude_unset=True,
    )
    def update_record(ctx: Ctx, record_id: int, body: payload) -> Any:  # type: ignore[valid-type]
        values = body.model_dump(exclude_unset=True)  # type: ignore[attr-defined]
        version = values.pop("row_version")
        return _json(crud.serialize(ctx, spec, crud.update_record(ctx, spec, record_id, values, version)))


def _add_archiving(router: APIRouter, spec: EntitySpec) -> None:
    delete = Permission(spec.module_code, "delete")

    @router.post("/{record_id}/archive", operation_id=f"{spec.name}_archive", openapi_extra=guarded(delete))
    def archive(ctx: Ctx, record_id: int, body: VersionBody | None = None) -> dict[str, Any]:
        record = crud.set_archived(ctx, spec, record_id, body.row_version if body else None, archived=True)
        return crud.serialize(ctx, spec, record)

    @router.post("/{record_id}/restore", operation_id=f"{spec.name}_restore", openapi_extra=guarded(delete))
    def restore(ctx: Ctx, record_id: int, body: VersionBody | None = None) -> dict[str, Any]:
        record = crud.set_archived(ctx, spec, record_id, body.row_version if body else None, archived=False)
        return crud.serialize(ctx, spec, record)


def _add_command(router: APIRouter, spec: EntitySpec, command: Command) -> None:
    params = command.params

    @router.post(
        f"/{{record_id}}/{command.name.replace('_', '-')}",
        operation_id=f"{spec.name}_{command.name}",
        openapi_extra=guarded(command.permission),
        response_model=ActionAnswer,
    )
    def run_command(
        ctx: Ctx,
        record_id: int,
        body: Annotated[params | None, Body()] = None,  # type: ignore[valid-type]
        row_version: Annotated[int | None, Query()] = None,
        key: IdempotencyHeader = None,
    ) -> Any:
        ctx.require(command.permission)
        given = _given(body, params)

        def run() -> dict[str, Any]:
            record, result = commands.execute_on(ctx, command, record_id, given, row_version=row_version)
            return {"record": crud.serialize(ctx, spec, record), "result": _plain(result)}

        request = [spec.name, record_id, command.name, given.model_dump(mode="json")]
        return commands.idempotent(ctx, key, request, run)


def _add_free_command(router: APIRouter, command: Command) -> None:
    params = command.params

    @router.post(command.path or "", operation_id=command.name, openapi_extra=guarded(command.permission))
    def run_command(
        ctx: Ctx,
        body: Annotated[params | None, Body()] = None,  # type: ignore[valid-type]
        key: IdempotencyHeader = None,
    ) -> Any:
        ctx.require(command.permission)
        given = _given(body, params)
        request = [command.name, given.model_dump(mode="json")]
        return commands.idempotent(ctx, key, request, lambda: _plain(commands.execute(ctx, command, given)))


def _given(body: Any, params: type[BaseModel]) -> Any:
    """The sent parameters; without a body, their defaults.

    Raises:
        Invalid: no body although a parameter is required.
    """
    if body is not None:
        return body
    try:
        return params()
    except ValidationError as error:
        raise Invalid(errors=[field_error(dict(raw)) for raw in error.errors()]) from None


def _json(answer: dict[str, Any], status: int = 200) -> Response:
    """The answer as it is: already in JSON types, it needs neither validation nor another conversion."""
    return Response(to_json(answer, inf_nan_mode="null"), status, media_type="application/json")


def _plain(result: Any) -> Any:
    if isinstance(result, BaseModel):
        return result.model_dump(mode="json")
    return result
