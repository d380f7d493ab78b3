"""Data of the quote's and the job's pages: the server's prepared sheet, else put together from generic lists."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from clients.desktop.model.api import ApiClient, Record
from clients.desktop.model.errors import ApiError, SessionExpired, Unreachable
from clients.desktop.model.metadata import Metadata

SCENARIOS = ("standard", "express", "economic")


def quote_sheet(api: ApiClient, metadata: Metadata, quote_id: int) -> Record:
    """``{quote, lines: [{…, operations, resource_gaps}], scenarios, questions, warnings}``."""
    sheet = api.sheet("quotes", quote_id)
    if sheet is None:
        sheet = _quote_from_lists(api, metadata, quote_id)
    order = {kind: place for place, kind in enumerate(SCENARIOS)}
    sheet["scenarios"] = sorted(sheet.get("scenarios") or [], key=lambda s: order.get(str(s.get("kind")), 9))
    return sheet


def _quote_from_lists(api: ApiClient, metadata: Metadata, quote_id: int) -> Record:
    quote = api.get("quotes", quote_id)
    lines = _lines(api, metadata, "quote_line", quote_id=quote_id, sort="line_no")
    for line in lines:
        line["operations"] = _lines(
            api, metadata, "quote_line_operation", quote_line_id=line["id"], sort="sequence_no"
        )
        line["resource_gaps"] = _lines(api, metadata, "resource_gap", quote_line_id=line["id"])
    return {
        "quote": quote,
        "lines": lines,
        "scenarios": _lines(api, metadata, "quote_scenario", quote_id=quote_id),
        "questions": quote.get("questions") or [],
        "warnings": quote.get("warnings") or [],
    }


def _lines(api: ApiClient, metadata: Metadata, entity: str, **filters: Any) -> list[Record]:
    """Records of an entity the person may read; nothing where he may not."""
    found = metadata.entities.get(entity)
    if found is None:
        return []
    try:
        return api.all(found.plural, **filters)
    except (Unreachable, SessionExpired):
        raise
    except ApiError:
        return []


def job_sheet(api: ApiClient, metadata: Metadata, work_order_id: int) -> Record:
    """``{order, part, operations, planned_min, actual_min, progress_pct, profitability}`` of one work order."""
    sheet = api.sheet("work-orders", work_order_id)
    if sheet is None:
        sheet = _job_from_lists(api, metadata, work_order_id)
    line_id = sheet["order"].get("sales_order_line_id")
    found = _lines(api, metadata, "order_profitability", sales_order_line_id=line_id) if line_id else []
    sheet["profitability"] = found[0] if found else None
    return sheet


def _job_from_lists(api: ApiClient, metadata: Metadata, work_order_id: int) -> Record:
    order = api.get("work-orders", work_order_id)
    operations = _lines(
        api, metadata, "work_order_operation", work_order_id=work_order_id, sort="sequence_no"
    )
    done = sum(1 for o in operations if o.get("status") == "done")
    return {
        "order": order,
        "part": None,
        "operations": operations,
        "planned_min": str(total(operations, "planned_time_min")),
        "actual_min": str(total(operations, "actual_time_min")),
        "progress_pct": round(100 * done / len(operations)) if operations else 0,
    }


def order_jobs(api: ApiClient, metadata: Metadata, sales_order_id: int) -> Record:
    """``{jobs: [sheet of each work order of the order's lines], may_see}``; ``may_see``: the person may read work orders."""
    if "work_order" not in metadata.entities:
        return {"jobs": [], "may_see": False}
    lines = _lines(api, metadata, "sales_order_line", sales_order_id=sales_order_id)
    if not lines:
        return {"jobs": [], "may_see": True}
    identities = ",".join(str(line["id"]) for line in lines)
    orders = _lines(api, metadata, "work_order", sales_order_line_id__in=identities)
    return {"jobs": [job_sheet(api, metadata, int(o["id"])) for o in orders], "may_see": True}


def total(records: list[Record], name: str) -> Decimal:
    """Sum of a field; an unknown value counts nothing."""
    return sum((Decimal(str(r[name])) for r in records if r.get(name) is not None), Decimal(0))


def sentence(item: Any) -> str:
    """Words of a question, warning or reason, whether a text or a small record."""
    if isinstance(item, dict):
        for key in ("message", "text", "question", "label", "what"):
            if item.get(key):
                return str(item[key])
        return " · ".join(str(v) for v in item.values() if isinstance(v, str | int | float))
    return str(item)


def with_tool(operation: Record) -> Record:
    """The operation with one name for its tool: the article of the stock where there is one, else the words."""
    article = operation.get("tool")
    name = article.get("display") if isinstance(article, dict) else None
    return {**operation, "tool_text": name or operation.get("tool_text")}
