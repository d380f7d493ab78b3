"""French formats, out and in."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clients.desktop.model import formatting
from clients.desktop.model.formatting import AmbiguousNumber, InputError
from clients.desktop.model.metadata import Choice, Field
from clients.desktop.model.readable import learn_names, readable

CLIENT = Path(__file__).resolve().parents[3] / "clients" / "desktop"


@pytest.fixture(autouse=True)
def _fresh_words() -> None:
    """Without what a window of another test set and learnt."""
    formatting.set_thin_space(formatting.THIN)
    learn_names({})


# --- formats ---


@pytest.mark.requirement("UIX-58")
@pytest.mark.parametrize(
    ("typed", "value"),
    [("1 234,56", "1234.56"), ("1234.56", "1234.56"), ("1.234,56", "1234.56"), ("1,234.56", "1234.56"), ("1\u202f234\u00a0567", "1234567"),
     ("0,234", "0.234"), ("-12,5", "-12.5"), ("\u221212,5", "-12.5"), (",5", "0.5"), ("1.234.567", "1234567"), ("1234,567", "1234.567")],
)  # fmt: skip
def test_numbers_are_read_with_comma_or_dot(typed: str, value: str) -> None:
    assert formatting.parse_number(typed) == Decimal(value)


@pytest.mark.requirement("UIX-58")
@pytest.mark.parametrize("typed", ["1,234", "1.234", "-12,345", "999.000"])
def test_a_number_that_may_be_two_is_asked(typed: str) -> None:
    with pytest.raises(AmbiguousNumber) as asked:
        formatting.parse_number(typed, decimals=3)
    small, large = asked.value.readings
    assert large == small * 1000
    assert typed in str(asked.value)


@pytest.mark.parametrize("typed", ["douze", "1e5", "NaN", "12,5,", "--3", "1/2", "infinity", ","])
def test_what_is_no_number_is_refused(typed: str) -> None:
    with pytest.raises(InputError):
        formatting.parse_number(typed)


def test_too_many_places_are_refused_not_rounded() -> None:
    with pytest.raises(InputError, match="2 chiffres"):
        formatting.parse_number("12,3456", decimals=2)
    assert formatting.parse_number("12,3400", decimals=2) == Decimal("12.34")


@pytest.mark.requirement("UIX-58")
def test_values_are_shown_the_french_way() -> None:
    assert formatting.money("1234.5600") == "1\u202f234,56"
    assert formatting.money("0.0345") == "0,0345"
    assert formatting.number("-1234567.100", 3) == "\u22121\u202f234\u202f567,1"
    assert formatting.number("-0.000", 3) == "0"
    assert formatting.duration("119") == "119\u00a0min"
    assert formatting.duration("450") == "7\u00a0h\u00a030"
    assert formatting.duration(120) == "2\u00a0h"
    assert formatting.date("2026-03-12") == "12/03/2026"
    paris = dt.timezone(dt.timedelta(hours=1))
    assert formatting.instant("2026-03-12T23:30:00Z", paris) == "13/03/2026 00:30"


@pytest.mark.parametrize(
    ("typed", "value"), [("12/03/2026", "2026-03-12"), ("1.2.26", "2026-02-01"), ("2026-12-31", "2026-12-31")]
)
def test_dates_are_read(typed: str, value: str) -> None:
    assert formatting.parse_date(typed).isoformat() == value


@pytest.mark.parametrize("typed", ["31/02/2026", "12/2026", "demain", "2026-13-01"])
def test_days_that_do_not_exist_are_refused(typed: str) -> None:
    with pytest.raises(InputError, match="12/03/2026"):
        formatting.parse_date(typed)


def test_instants_are_kept_in_utc() -> None:
    paris = dt.timezone(dt.timedelta(hours=2))
    assert formatting.parse_instant("12/07/2026 14:30", paris).isoformat() == "2026-07-12T12:30:00+00:00"
    assert formatting.parse_instant("12/07/2026 8h", paris).hour == 6


def test_minutes_may_be_typed_as_hours() -> None:
    field = Field("t", "Temps", "decimal", unit="min", decimals=3)
    assert formatting.parse(field, "7 h 30") == "450"
    assert formatting.parse(field, "12,5") == "12.5"
    assert formatting.cell(field, {"t": "450.000"}) == "7\u00a0h\u00a030"
    assert formatting.header(field) == "Temps"


@pytest.mark.parametrize("kind", ["integer", "decimal", "money", "date", "text", "json", "email"])
def test_what_an_editor_shows_is_read_back(kind: str) -> None:
    field = Field("x", "X", kind, decimals=4 if kind != "integer" else 0)
    values: dict[str, Any] = {
        "integer": 1234567, "decimal": "1234.5", "money": "12.3456", "date": "2026-01-31", "text": "Ø 8,5", "json": {"a": [1, "é"]},
        "email": "a@b.fr",
    }  # fmt: skip
    again = formatting.parse(field, formatting.editable(field, values[kind]))
    assert again == values[kind] or Decimal(str(again)) == Decimal(str(values[kind]))


def test_structures_are_written_for_people() -> None:
    text = readable({"cut_min": 12.5, "steps": ["a", {"ok": True}], "none": None})
    assert "cut min : 12,5" in text
    assert "• a" in text
    assert "ok : Oui" in text
    assert "none : —" in text


def test_structured_values_are_summed_up_for_people() -> None:
    """No digest in full, no row of a thousand numbers, no instant as machines write it."""
    text = readable(
        {"v": [1, 2, 9.5, 4, 5], "sha": "a1" * 32, "late_min": "12.50", "day": "2026-03-09", "none": {}}
    )
    assert text.splitlines() == [
        "Valeurs : 5 valeurs, de 1 à 9,5", "sha : a1a1a1a1a1a1…", "Retard (min) : 12,5", "day : 09/03/2026", "none : —",
    ]  # fmt: skip
    assert readable([{"tool": f"T{n}"} for n in range(14)]).splitlines()[-2:] == [
        "• Outil : T11",
        "… et 2 autres",
    ]


def test_several_choices_and_codes_are_shown_in_words() -> None:
    kinds = (Choice("a", "Acier", "neutral"), Choice("b", "Bois", "neutral"))
    several = Field("kinds", "Genres", "choices", choices=kinds)
    assert formatting.text_of(several, {"kinds": ["b", "a", "old"]}) == "Bois, Acier, old"
    code = Field("kind", "Genre", "text", choices=kinds)
    assert [formatting.text_of(code, {"kind": v}) for v in ("a", "libre")] == ["Acier", "libre"]
    words = Field("tags", "Mots", "words")
    assert formatting.parse(words, "inox\n\n série ") == ["inox", "série"]
    assert formatting.editable(words, ["inox", "série"]) == "inox\nsérie"
