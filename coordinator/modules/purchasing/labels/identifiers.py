"""What identifiers on labels mean for a goods receipt.

Data identifiers after ANSI MH10.8.2 with the habits of AIAG (B-10, B-16), VDA 4994 and material tags; text elements
after Spec 2000 chapter 9; application identifiers after the GS1 General Specifications.
"""

from __future__ import annotations

from dataclasses import dataclass

DATA_IDENTIFIERS = {
    "P": "our_part",
    "1P": "supplier_part",
    "30P": "supplier_part",
    "31P": "supplier_part",
    "2P": "revision",
    "T": "lot",
    "1T": "lot",
    "H": "heat",
    "Q": "quantity",
    "7Q": "quantity_unit",
    "3Q": "unit",
    "K": "order",
    "1K": "supplier_order",
    "4K": "order_line",
    "2K": "delivery_note",
    "11K": "delivery_note",
    "V": "supplier",
    "1V": "supplier",
    "2V": "supplier",
    "3V": "supplier",
    "12V": "supplier",
    "21V": "supplier",
    "S": "serial",
    "1S": "serial",
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
    "9D": "week",
    "10D": "week",
    "D": "date",
    "14D": "expires",
    "16D": "made",
}
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
    "15": _fixed("expires", 6),
    "16": _fixed("expires", 6),
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
    "7001": Ai("other", r"[0-9]{13}"),
    "7002": _text("other", 30),
    "7003": Ai("expires_hour", r"[0-9]{10}"),
    "7004": _digits("other", 4),
    "8002": _text("other", 20),
    "8003": Ai("other", rf"[0-9]{{14}}{_ANY}{{0,16}}"),
    "8004": _text("other", 30),
    "8005": Ai("other", r"[0-9]{6}"),
    "8006": Ai("other", r"[0-9]{18}"),
    "8008": Ai("other", r"[0-9]{8,12}"),
    "8012": _text("revision", 20),
    "8013": _text("other", 25),
    "8017": Ai("other", r"[0-9]{18}"),
    "8018": Ai("other", r"[0-9]{18}"),
    "8019": _digits("other", 10),
    "8020": _text("other", 25),
    "8110": _text("other", 70),
    "8200": _text("other", 70),
    "90": _text("other", 30),
    **{str(ai): _fixed("place", 13) for ai in range(410, 418)},
    **{f"723{n}": _text("certificate", 30) for n in range(10)},
    **{str(ai): _text("other", 90) for ai in range(91, 100)},
}
"""Identifiers of a known shape; measures (31nn…36nn) are in ``MEASURES``."""

MEASURES = {"310": "kg", "311": "m", "314": "m2", "315": "l", "316": "m3", "320": "lb", "322": "ft"}
"""Net measures whose fourth digit says how many decimals the six digits have."""
