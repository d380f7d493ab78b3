"""Nothing the owner's former base held may be dropped: each of its columns has a home or a named derivation (DAT-01)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coordinator.bootstrap import metadata
from coordinator.modules.stock import views

OWNER: dict[str, dict[str, object]] = json.loads(Path(__file__).with_name("owner_tables.json").read_text())

DERIVED = {
    "employee.user_id": "user_account.employee_id, the same link from its other end",
    "document_version.file_path": "the content's SHA-256 is its place in the file store",
    "operation_material.cut_count": "operation_material.cut_count_per_piece × the work order's quantity",
}
"""Former columns answered by another stored value."""

AWAITED = {
    "quality": {
        "audit", "audit_document", "corrective_action", "inspection_record", "measurement",
        "nonconformity", "qhse_check", "document.standard_id",
    },
    "people": {
        "disciplinary_action", "interview", "performance_rating", "training_course", "training_record",
        "training_session",
    },
    "cam": {"machine.cam_software_id", "nc_program", "nc_program_version", "post_processor", "post_processor_version"},
    "maintenance": {"maintenance_order"},
    "reporting": {"saved_filter", "statistic"},
}  # fmt: skip
"""Tables and columns that come with the area named; a name leaves this list when it exists, and never comes back."""


def existing() -> dict[str, set[str]]:
    """Columns by table, read views included."""
    tables = {t.name: set(t.c.keys()) for t in metadata().tables.values()}
    for view in (views.StockBalance, views.StockLevel):
        tables[view.__tablename__] = set(view.__table__.c.keys())
    return tables


@pytest.mark.requirement("DAT-01")
def test_the_mapping_is_whole() -> None:
    assert len(OWNER) == 54
    assert sum(len(t["columns"]) for t in OWNER.values()) > 340  # type: ignore[arg-type]


def test_every_owner_column_has_a_home() -> None:
    tables = existing()
    awaited = set().union(*AWAITED.values())
    lost = []
    for owner, target in OWNER.items():
        columns: dict[str, list[str]] = target["columns"]  # type: ignore[assignment]
        for column, homes in columns.items():
            for home in homes:
                table, name = home.split(".")
                if name in tables.get(table, set()) or home in DERIVED or {home, table} & awaited:
                    continue
                lost.append(f"{owner}.{column} → {home}")
    assert lost == []


def test_what_exists_is_awaited_no_more() -> None:
    tables = existing()
    arrived = []
    for names in AWAITED.values():
        for name in names:
            table, _, column = name.partition(".")
            if table in tables and (not column or column in tables[table]):
                arrived.append(name)
    assert arrived == []
