"""What identifiers on labels mean for a goods receipt.

- Data identifiers after ANSI MH10.8.2 (www.mhi.org/standards/mh10/dataidentifiers, edition 2021, and the list of Solidsoft Reply's
  open parser). Its H is the name of a party, always ended by ``+`` and a role; the metal trade prints the heat number with H, so
  an H with a role stays unused. 30P and 31P are levels of the supplier's part number there, but "RoHS" and the ordering code on
  material tags of the electronics and car trades: they count only where no 1P stands.
- Application identifiers after the GS1 Syntax Dictionary (github.com/gs1/gs1-syntax-dictionary), which follows the GS1
  General Specifications: shapes, predefined lengths and check digits.
- Text elements after ATA Spec 2000 chapter 9 and the DoD guide to uniquely identifying items; the free excerpts of both
  confirm part, serial, maker and lot, the rest is the habit of labels.
"""

from __future__ import annotations

from dataclasses import dataclass

DATA_IDENTIFIERS = {
    "P": "our_part",
    "1P": "supplier_part",
    "30P": "supplier_part_level",
    "31P": "supplier_part_level",
    "8P": "gtin",
    "2P": "revision",
    "T": "lot",
    "1T": "lot",
    "27T": "lot",
    "H": "heat",
    "Q": "quantity",
    "7Q": "quantity_unit",
    "3Q": "unit",
    "K": "order",
    "1K": "supplier_order",
    "4K": "order_line",
    "14K": "order_and_line",
    "2K": "delivery_note",
    "11K": "delivery_note",
    "V": "supplier",
    "1V": "supplier",
    "2V": "supplier",
    "3V": "supplier",
    "12V": "supplier",
    "13V": "supplier",
    "17V": "supplier",
    "21V": "supplier",
    "S": "serial",
    "15S": "serial",
    "3S": "package",
    "4S": "package",
    "5S": "package",
    "J": "plate",
    "1J": "plate",
    "2J": "plate",
    "3J": "plate",
    "4J": "plate",
    "5J": "plate",
    "6J": "plate",
    "25S": "serial",
    "4L": "country",
    "10D": "week",
    "11D": "week",
    "D": "date",
    "12D": "date",
    "14D": "expires",
    "15D": "expires",
    "25D": "best_before",
    "16D": "made",
    "17D": "made",
}
DAY_FIRST = {"15D", "17D"}
"""Identifiers whose date is written DDMMYYYY."""
DI_SHAPE = r"(?:[0-9]{0,3}[A-Z])"

TEXT_ELEMENTS = {
    "PNR": "supplier_part",
    "PNO": "supplier_part",
    "PDN": "supplier_part",
    "PML": "supplier_part",
    "LOT": "lot",
    "LTN": "lot",
    "BII": "lot",
    "SER": "serial",
    "SEQ": "serial",
    "UCN": "serial",
    "USN": "serial",
    "UID": "serial",
    "MFR": "supplier",
    "CAG": "supplier",
    "SPL": "supplier",
    "DUN": "supplier",
    "EUC": "supplier",
    "DMF": "made",
    "EXP": "expires",
    "QTY": "quantity",
    "UNT": "unit",
    "CNT": "country",
}


@dataclass(frozen=True, slots=True)
class Ai:
    """A GS1 application identifier: meaning, shape of the value, and whether the shape is of a fixed length."""

    meaning: str
    pattern: str
    length: int | None = None


_ANY = r"[!-~]"


def _text(meaning: str, most: int) -> Ai:
    return Ai(meaning, rf"[!-~ ]{{1,{most}}}")


def _digits(meaning: str, most: int) -> Ai:
    return Ai(meaning, rf"[0-9]{{1,{most}}}")


def _fixed(meaning: str, length: int) -> Ai:
    return Ai(meaning, rf"[0-9]{{{length}}}", length)


AIS: dict[str, Ai] = {
    "00": _fixed("plate", 18),
    "01": _fixed("gtin", 14),
    "02": _fixed("gtin", 14),
    "10": _text("lot", 20),
    "11": _fixed("made", 6),
    "12": _fixed("date", 6),
    "13": _fixed("date", 6),
    "15": _fixed("best_before", 6),
    "16": _fixed("date", 6),
    "17": _fixed("expires", 6),
    "20": _fixed("variant", 2),
    "21": _text("serial", 20),
    "22": _text("other", 20),
    "235": _text("other", 28),
    "240": _text("supplier_part", 30),
    "241": _text("our_part", 30),
    "242": _digits("other", 6),
    "243": _text("other", 20),
    "250": _text("serial", 30),
    "251": _text("other", 30),
    "253": Ai("other", rf"[0-9]{{13}}{_ANY}{{0,17}}"),
    "254": _text("other", 20),
    "255": Ai("other", r"[0-9]{13,25}"),
    "30": _digits("count", 8),
    "37": _digits("contained", 8),
    "400": _text("order", 30),
    "401": _text("delivery_note", 30),
    "402": Ai("delivery_note", r"[0-9]{17}"),
    "403": _text("other", 30),
    "420": _text("other", 20),
    "421": Ai("other", rf"[0-9]{{3}}{_ANY}{{1,9}}"),
    "422": Ai("country", r"[0-9]{3}"),
    "423": Ai("other", r"[0-9]{3,15}"),
    "424": Ai("other", r"[0-9]{3}"),
    "425": Ai("other", r"[0-9]{3,15}"),
    "426": Ai("other", r"[0-9]{3}"),
    "427": _text("other", 3),
    "4307": Ai("other", r"[A-Z]{2}"),
    "4308": _text("other", 30),
    "4309": Ai("other", r"[0-9]{20}"),
    "4317": Ai("other", r"[A-Z]{2}"),
    "4318": _text("other", 20),
    "4319": _text("other", 30),
    "4320": _text("other", 35),
    "4324": Ai("other", r"[0-9]{10}"),
    "4325": Ai("other", r"[0-9]{10}"),
    "4326": Ai("other", r"[0-9]{6}"),
    "7001": Ai("other", r"[0-9]{13}"),
    "7002": _text("other", 30),
    "7003": Ai("expires_hour", r"[0-9]{10}"),
    "7004": _digits("other", 4),
    "7005": _text("other", 12),
    "7006": Ai("other", r"[0-9]{6}"),
    "7007": Ai("other", r"[0-9]{6}(?:[0-9]{6})?"),
    "7008": _text("other", 3),
    "7009": _text("other", 10),
    "7010": _text("other", 2),
    "7011": Ai("other", r"[0-9]{6}(?:[0-9]{4})?"),
    "7020": _text("other", 20),
    "7021": _text("other", 20),
    "7022": _text("other", 20),
    "7023": _text("other", 30),
    "7040": Ai("other", rf"[0-9]{_ANY}{{3}}"),
    "7240": _text("other", 20),
    "7241": Ai("other", r"[0-9]{2}"),
    "7242": _text("other", 25),
    "8001": Ai("other", r"[0-9]{14}"),
    "8002": _text("other", 20),
    "8003": Ai("other", rf"[0-9]{{14}}{_ANY}{{0,16}}"),
    "8004": _text("other", 30),
    "8005": Ai("other", r"[0-9]{6}"),
    "8006": Ai("other", r"[0-9]{18}"),
    "8007": _text("other", 34),
    "8008": Ai("made_hour", r"[0-9]{8,12}"),
    "8009": _text("other", 50),
    "8010": Ai("other", r"[0-9A-Z#/-]{1,30}"),
    "8011": Ai("other", r"[1-9][0-9]{0,11}"),
    "8012": _text("revision", 20),
    "8013": _text("other", 25),
    "8017": Ai("other", r"[0-9]{18}"),
    "8018": Ai("other", r"[0-9]{18}"),
    "8019": _digits("other", 10),
    "8020": _text("other", 25),
    "8026": Ai("other", r"[0-9]{18}"),
    "8030": _text("other", 90),
    "8110": _text("other", 70),
    "8111": Ai("other", r"[0-9]{4}"),
    "8112": _text("other", 70),
    "8200": _text("other", 70),
    "90": _text("other", 30),
    **{str(ai): _fixed("place", 13) for ai in range(410, 418)},
    **{f"{ai}": _text("other", 70) for ai in (*range(4300, 4307), *range(4310, 4317))},
    **{f"432{n}": Ai("other", r"[01]") for n in range(1, 4)},
    **{f"433{n}": Ai("other", r"[0-9]{6}-?") for n in range(4)},
    **{f"703{n}": Ai("other", rf"[0-9]{{3}}{_ANY}{{1,27}}") for n in range(10)},
    **{f"71{n}": _text("other", 20) for n in range(8)},
    **{f"723{n}": _text("certificate", 30) for n in range(10)},
    **{f"39{kind}{n}": _digits("other", 15) for kind in (0, 2) for n in range(10)},
    **{f"39{kind}{n}": Ai("other", r"[0-9]{4,18}") for kind in (1, 3) for n in range(10)},
    **{f"394{n}": Ai("other", r"[0-9]{4}") for n in range(4)},
    **{f"395{n}": Ai("other", r"[0-9]{6}") for n in range(6)},
    **{str(ai): _text("other", 90) for ai in range(91, 100)},
}
"""Identifiers of a known shape; measures (31nn…36nn) are in ``MEASURES``."""

CHECKED = {
    "00": 18, "01": 14, "02": 14, "253": 13, "255": 13, "402": 17, "8003": 14, "8006": 14, "8017": 18, "8018": 18,
    "8026": 14, **{str(ai): 13 for ai in range(410, 418)},
}  # fmt: skip
"""Identifiers with a check digit, and the digits it closes."""

MEASURES = {"310": "kg", "311": "m", "314": "m2", "315": "l", "316": "m3", "320": "lb", "322": "ft"}
"""Net measures whose fourth digit says how many decimals the six digits have."""
MEASURE_SHAPE = r"3(?:1[0-6]|2[0-9]|3[0-7]|4[0-9]|5[0-7]|6[0-9])[0-5]"
"""All measures, net, gross and of logistic units."""
