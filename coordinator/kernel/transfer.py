"""Export and import of any entity as CSV or XLSX (SET-23, SET-24)."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from openpyxl import Workbook, load_workbook
from pydantic import ValidationError
from sqlalchemy import select

from coordinator.kernel import crud
from coordinator.kernel.context import Context
from coordinator.kernel.errors import BusinessError, DomainError, FieldError, UnsupportedFormat
from coordinator.kernel.http import field_error
from coordinator.kernel.i18n import field_label, t
from coordinator.kernel.registry import EntitySpec
from coordinator.kernel.schema import create_schema, field_columns, info_of, is_writable

EXPORT_LIMIT = 100_000
IMPORT_LIMIT = 20_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def export(ctx: Context, spec: EntitySpec, query: crud.ListQuery, format_: str) -> tuple[bytes, str]:
    """Visible fields of the selected records; the export itself is noted in the history."""
    records = crud.select_all(ctx, spec, query, limit=EXPORT_LIMIT)
    columns = {
        n: c
        for n, c in field_columns(spec.model).items()
        if info_of(c).type not in {"secret"} and ctx.principal.sees(info_of(c).group)
    }
    rows = [["id", *columns], *[[r.id, *[getattr(r, n) for n in columns]] for r in records]]
    ctx.note("export", details=f"{spec.name}: {len(records)} {format_}")
    if format_ == "xlsx":
        return _write_xlsx(spec.name, rows), XLSX
    return _write_csv(rows), "text/csv; charset=utf-8"


def _write_csv(rows: list[list[Any]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    for row in rows:
        writer.writerow([_cell(v) for v in row])
    return buffer.getvalue().encode("utf-8-sig")


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "oui" if value else "non"
    if isinstance(value, Decimal):
        return str(value).replace(".", ",")
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = ", ".join(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="seconds")
    text = str(value)
    # A leading formula sign would be executed by a spreadsheet.
    return "'" + text if text[:1] in {"=", "+", "@", "\t"} else text


def _write_xlsx(title: str, rows: list[list[Any]]) -> bytes:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    for row in rows:
        sheet.append([_xlsx_cell(v) for v in row])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def _xlsx_cell(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None)
    if isinstance(value, int | float | Decimal | dt.date | bool) or value is None:
        return value
    return _cell(value)


def import_rows(
    ctx: Context, spec: EntitySpec, file_name: str, content: bytes, *, dry_run: bool
) -> dict[str, Any]:
    """Create or update one record per row, all or none.

    Rows are matched to existing records by the entity's ``import_key``. Line numbers are those of the file, the
    header being line 1. A dry run checks everything and writes nothing.

    Raises:
        UnsupportedFormat: neither CSV nor XLSX.
        BusinessError: ``import.refused`` when a real run meets bad lines; nothing is written.
    """
    headers, rows = _read(file_name, content)
    mapping = _map_headers(ctx, spec, headers)
    report: dict[str, Any] = {"rows": len(rows), "valid": 0, "created": 0, "updated": 0, "errors": []}
    unknown = [h for h in headers if h and h not in mapping]
    report["ignored_columns"] = unknown
    savepoint = ctx.session.begin_nested()
    for number, row in enumerate(rows, start=2):
        cells = {mapping[h]: v for h, v in zip(headers, row, strict=False) if h in mapping}
        _import_row(ctx, spec, number, cells, report)
    if dry_run:
        savepoint.rollback()
        report["created"] = report["updated"] = 0
        return report
    if report["errors"]:
        savepoint.rollback()
        raise BusinessError("import.refused", extra={"report": report}, count=len(report["errors"]))
    savepoint.commit()
    ctx.note("import", details=f"{spec.name}: {report['created']} + {report['updated']} ({file_name})")
    return report


def _import_row(
    ctx: Context, spec: EntitySpec, number: int, cells: dict[str, Any], report: dict[str, Any]
) -> None:
    try:
        values = create_schema(spec.model)(**_clean(spec, cells)).model_dump(exclude_unset=True)
        with ctx.session.begin_nested():
            existing = _existing(ctx, spec, values)
            if existing is None:
                crud.create_record(ctx, spec, values)
                report["created"] += 1
            else:
                crud.update_record(ctx, spec, existing.id, values, existing.row_version)
                report["updated"] += 1
        report["valid"] += 1
    except ValidationError as error:
        for raw in error.errors():
            report["errors"].append({"line": number, **field_error(dict(raw)).to_json(ctx.locale)})
    except DomainError as error:
        fields: list[FieldError | None] = [*error.errors] or [None]
        for field in fields:
            report["errors"].append(
                {
                    "line": number,
                    "field": field.field if field else None,
                    "message": error.message(ctx.locale),
                }
            )


def _existing(ctx: Context, spec: EntitySpec, values: dict[str, Any]) -> Any:
    if not spec.import_key or any(values.get(k) is None for k in spec.import_key):
        return None
    query = select(spec.model).where(*[getattr(spec.model, k) == values[k] for k in spec.import_key])
    return ctx.session.scalars(query.limit(1)).one_or_none()


def _map_headers(ctx: Context, spec: EntitySpec, headers: list[str]) -> dict[str, str]:
    known: dict[str, str] = {}
    for name, column in field_columns(spec.model).items():
        if is_writable(column):
            known[name.lower()] = name
            known[field_label(spec.name, name, ctx.locale).lower()] = name
    return {h: known[h.strip().lower()] for h in headers if h.strip().lower() in known}


def _clean(spec: EntitySpec, cells: dict[str, Any]) -> dict[str, Any]:
    columns = field_columns(spec.model)
    values = {}
    for name, raw in cells.items():
        if raw is None or raw == "":
            continue
        type_ = info_of(columns[name]).type
        if isinstance(raw, str):
            raw = raw.strip()
            if type_ in {"decimal", "money", "quantity"}:
                raw = raw.replace("\u202f", "").replace("\u00a0", "").replace(" ", "").replace(",", ".")
            elif type_ == "boolean":
                raw = raw.lower() in {"oui", "o", "yes", "true", "vrai", "1", "x"}
            elif type_ == "date" and len(raw) == 10 and raw[2] == "/":
                raw = f"{raw[6:]}-{raw[3:5]}-{raw[:2]}"
            elif type_ in {"choices", "words"}:
                raw = [part.strip() for part in raw.split(",") if part.strip()]
        elif type_ == "date" and isinstance(raw, dt.datetime):
            raw = raw.date()
        elif type_ in {"text", "email", "phone", "url"}:
            raw = str(raw)
        elif isinstance(raw, float):
            raw = repr(raw)
        values[name] = raw
    return values


def _read(file_name: str, content: bytes) -> tuple[list[str], list[list[Any]]]:
    if content[:4] == b"PK\x03\x04":
        rows = list(_read_xlsx(content))
    elif file_name.lower().endswith((".csv", ".txt")):
        rows = _read_csv(content)
    else:
        raise UnsupportedFormat(name=file_name)
    if not rows:
        raise BusinessError("import.empty")
    if len(rows) > IMPORT_LIMIT:
        raise BusinessError("import.too_long", limit=IMPORT_LIMIT)
    headers = [str(h or "").strip() for h in rows[0]]
    return headers, [r for r in rows[1:] if any(v not in (None, "") for v in r)]


def _read_xlsx(content: bytes) -> Iterator[list[Any]]:
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises many kinds on hostile archives
        raise BusinessError("import.unreadable", reason=type(error).__name__) from error
    for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True)):
        if number > IMPORT_LIMIT + 1:
            return
        yield list(row)


def _read_csv(content: bytes) -> list[list[Any]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    first = text.splitlines()[0] if text.strip() else ""
    delimiter = max(";\t,", key=first.count)
    return [list(row) for row in csv.reader(io.StringIO(text), delimiter=delimiter)]


def template(ctx: Context, spec: EntitySpec) -> bytes:
    """Empty CSV with the French headers, to be filled in."""
    names = [n for n, c in field_columns(spec.model).items() if is_writable(c)]
    labels = [field_label(spec.name, n, ctx.locale) for n in names]
    return _write_csv([labels]) if labels else t("import.empty", ctx.locale).encode()
