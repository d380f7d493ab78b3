"""Answers kept for a short time belong to one database."""

from __future__ import annotations

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from coordinator.kernel.remembered import Remembered


def test_what_one_database_says_is_nothing_to_another() -> None:
    kept: Remembered[str] = Remembered(60.0)
    first, second = (Session(create_engine("postgresql+psycopg://")) for _ in range(2))
    assert kept.get(first, "switches", lambda: "one") == "one"
    assert kept.get(first, "switches", lambda: "computed again") == "one"
    assert kept.get(second, "switches", lambda: "two") == "two"
