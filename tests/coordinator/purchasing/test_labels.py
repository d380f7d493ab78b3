"""What is read on suppliers' labels, and what is refused."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from coordinator.modules.purchasing.labels import LabelError, read

TODAY = dt.date(2026, 11, 23)
FULL = (
    "[)>\x1e06\x1dP42CD4-30\x1d1PAX-77/2\x1dQ125.5\x1d3QKGM\x1d1T8891A\x1dHC4471\x1dKBCF-2026-0012\x1d4K10"
    "\x1dV1234\x1d3SABC001\x1d16D20261001\x1e\x04"
)


def test_data_identifiers_in_an_envelope() -> None:
    label = read([FULL], TODAY)
    said = {field.identifier: field.value for field in label.fields}
    assert (said["P"], said["1P"], said["4K"]) == ("42CD4-30", "AX-77/2", "10")
    assert (label.first("lot"), label.first("heat"), label.first("order")) == (
        "8891A",
        "C4471",
        "BCF-2026-0012",
    )
    assert (label.quantity, label.unit) == (Decimal("125.5"), "kg")
    assert label.manufactured_on == dt.date(2026, 10, 1)


@pytest.mark.parametrize("shown", ["<GS>", "␝", "{GS}"])
def test_separators_as_readers_show_them(shown: str) -> None:
    end = {"<GS>": ("<RS>", "<EOT>"), "␝": ("␞", "␄"), "{GS}": ("{RS}", "{EOT}")}[shown]
    text = FULL.replace("\x1d", shown).replace("\x1e", end[0]).replace("\x04", end[1])
    assert read([text], TODAY) == read([FULL], TODAY)


def test_text_elements_and_element_strings_in_an_envelope() -> None:
    label = read(["[)>\x1e12\x1dMFR 1VPW7\x1dPNR 350-1\x1dSER 786950\x1dEXP 20271231\x1e\x04"], TODAY)
    assert (label.first("supplier"), label.first("supplier_part"), label.first("serial")) == (
        "1VPW7",
        "350-1",
        "786950",
    )
    assert label.expires_on == dt.date(2027, 12, 31)
    label = read(["[)>\x1e05\x1d010400638133393110LOT7\x1d3012\x1e\x04"], TODAY)
    assert (label.first("gtin"), label.first("lot"), label.quantity) == (
        "04006381333931",
        "LOT7",
        Decimal(12),
    )


@pytest.mark.parametrize(
    "text",
    [
        "\x1d010400638133393110AB12\x1d3103001250\x1d17271100",
        "]C1010400638133393110AB12\x1d310300125017271100",
        "]d2010400638133393131030012501727110010AB12",
        "(01)04006381333931(10)AB12(3103)001250(17)271100",
        "https://id.exemple.fr/01/4006381333931/10/AB12?3103=001250&17=271100&couleur=bleu",
    ],
)
def test_element_strings_however_they_come(text: str) -> None:
    label = read([text], TODAY)
    assert (label.first("gtin"), label.first("lot")) == ("04006381333931", "AB12")
    assert (label.quantity, label.unit) == (Decimal("1.250"), "kg")
    assert label.expires_on == dt.date(2027, 11, 30)


def test_one_code_per_field() -> None:
    label = read(["P42CD4-30", "1T8891", "Q100 PCE", "V77"], TODAY)
    assert (label.first("our_part"), label.first("lot"), label.quantity, label.unit) == (
        "42CD4-30",
        "8891",
        Decimal(100),
        "pce",
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("[)>\x1e06\x1dP42\x1dQ10", "label.truncated"),
        ("[)>\x1e06P42Q10\x1e\x04", "label.no_separator"),
        ("[)>06P42Q10", "label.no_separator"),
        ("[)>\x1e06\x1dP42\x1dQ\x1e\x04", "label.empty_field"),
        ("[)>\x1e06\x1dP42\x1dQdix\x1e\x04", "label.bad_number"),
        ("[)>\x1e06\x1dP42\x1dQ0\x1e\x04", "label.bad_number"),
        ("[)>\x1e06\x1dP42\x1dQ-5\x1e\x04", "label.bad_number"),
        ("[)>\x1e06\x1dP42\x1d16D20261301\x1e\x04", "label.bad_date"),
        ("[)>\x1e06\x1dP42\x1dP43\x1e\x04", "label.contradiction"),
        ("[)>\x1e06\x1d?42\x1e\x04", "label.bad_identifier"),
        ("[)>\x1e07\x1dP42\x1e\x04", "label.format"),
        ("]C1010400638133393210A", "label.check_digit"),
        ("]d201040063813339", "label.truncated"),
        ("]C1010400638133393117261", "label.truncated"),
        ("]C10104006381333931" + "10" + "A" * 21, "label.bad_value"),
        ("gu:q/0b5c", "label.unknown"),
        ("https://exemple.fr/produits/77", "label.unknown"),
        ("4006381333931", "label.unknown"),
        ("BONJOUR", "label.unknown"),
        ("", "label.unknown"),
        ("P1" * 3000, "label.too_long"),
    ],
)
def test_refusals(content: str, code: str) -> None:
    with pytest.raises(LabelError) as refusal:
        read([content], TODAY)
    assert refusal.value.code == code


@pytest.mark.parametrize(
    ("digits", "year"), [("26", 2026), ("76", 2076), ("77", 1977), ("99", 1999), ("00", 2000)]
)
def test_two_digits_of_a_year(digits: str, year: int) -> None:
    label = read([f"]C1010400638133393111{digits}0131"], TODAY)
    assert label.manufactured_on == dt.date(year, 1, 31)


def test_a_material_tag_has_its_rohs_field_not_taken_for_the_part() -> None:
    label = read(["[)>\x1e06\x1d30PY\x1d31PORD-4711\x1d1PAX-77/2\x1dQ10\x1d1TL5\x1e\x04"], TODAY)
    assert label.every("supplier_part") == ["AX-77/2"]
    assert read(["[)>\x1e06\x1d30P296-6501-1-ND\x1dQ10\x1e\x04"], TODAY).every("supplier_part") == [
        "296-6501-1-ND"
    ]


def test_the_name_of_a_party_is_no_heat() -> None:
    assert read(["[)>\x1e06\x1dP42\x1dHACIERIE 3+MF\x1dQ10\x1e\x04"], TODAY).first("heat") is None
    assert read(["[)>\x1e06\x1dP42\x1dHC4471\x1dQ10\x1e\x04"], TODAY).first("heat") == "C4471"


def test_an_additional_code_is_no_serial_number() -> None:
    assert read(["[)>\x1e06\x1dP42\x1d1SNOTE7\x1dQ10\x1e\x04"], TODAY).first("serial") is None


def test_dates_with_the_day_first_and_order_with_its_line() -> None:
    label = read(["[)>\x1e06\x1dP42\x1d17D01102026\x1d15D30092027\x1d14K450012+30\x1dQ10\x1e\x04"], TODAY)
    assert (label.manufactured_on, label.expires_on) == (dt.date(2026, 10, 1), dt.date(2027, 9, 30))
    assert (label.first("order"), label.first("order_line")) == ("450012", "30")


def test_expiry_goes_before_best_before_wherever_it_stands() -> None:
    for content in ("]C101040063813339311727093015270630", "]C101040063813339311527063017270930"):
        assert read([content], TODAY).expires_on == dt.date(2027, 9, 30)
    assert read(["]C1010400638133393115270630"], TODAY).expires_on == dt.date(2027, 6, 30)
    with pytest.raises(LabelError) as refusal:
        read(["]C101040063813339311727093017270630"], TODAY)
    assert refusal.value.code == "label.contradiction"


@pytest.mark.parametrize(
    "rest",
    [
        "39220123\x1d10L5",
        "71034\x1d10L5",
        "8001" + "12345678901234\x1d10L5",
        "7011261123\x1d10L5",
        "4107300015200048" + "10L5",
    ],
)
def test_elements_a_receipt_has_no_use_for_do_not_hide_the_lot(rest: str) -> None:
    assert read([f"]C10104006381333931{rest}"], TODAY).first("lot") == "L5"


@pytest.mark.parametrize(
    ("rest", "code"),
    [
        ("3106001250", "label.bad_identifier"),
        ("3380001250", "label.bad_identifier"),
        ("4107300015200049", "label.check_digit"),
    ],
)
def test_elements_that_are_none(rest: str, code: str) -> None:
    with pytest.raises(LabelError) as refusal:
        read([f"]C10104006381333931{rest}"], TODAY)
    assert refusal.value.code == code
