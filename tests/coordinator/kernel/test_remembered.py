"""Answers kept for a short time belong to one database."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from coordinator.kernel.context import Context, ContextFactory
from coordinator.kernel.remembered import Remembered
from coordinator.modules.company.models import Site
from tests.conftest import master
from tests.factories import make


def test_what_one_database_says_is_nothing_to_another() -> None:
    kept: Remembered[str] = Remembered(60.0)
    first, second = (Session(create_engine("postgresql+psycopg://")) for _ in range(2))
    assert kept.get(first, "switches", lambda: "one") == "one"
    assert kept.get(first, "switches", lambda: "computed again") == "one"
    assert kept.get(second, "switches", lambda: "two") == "two"


def test_what_a_transaction_changed_is_kept_only_once_it_is_over(fresh_factory: ContextFactory) -> None:
    kept: Remembered[str | None] = Remembered(60.0, Site)

    def name(ctx: Context) -> str | None:
        return kept.get(ctx.session, "name", lambda: ctx.session.scalar(select(Site.name)))

    with fresh_factory.open(master()) as ctx:
        site = make(ctx, Site, name="before")
        assert name(ctx) == "before"
    with fresh_factory.open(master()) as ctx, fresh_factory.open(master()) as other:
        ctx.get(Site, site.id).name = "after"
        ctx.session.flush()
        with pytest.raises(ZeroDivisionError), ctx.session.begin_nested():
            raise ZeroDivisionError
        assert name(ctx) == "after"
        assert name(other) == "before"
    with fresh_factory.open(master()) as ctx:
        ctx.get(Site, site.id).name = "given up"
        ctx.session.flush()
        assert name(ctx) == "given up"
        ctx.session.get_transaction().rollback()
    with fresh_factory.open(master()) as ctx:
        assert name(ctx) == "after"
