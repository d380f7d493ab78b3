"""Exchange with an external quoting tool (QUO-43): operations of a computed quote as CSV or JSON, and back as typed lines.

The CSV is semicolon separated with a decimal comma, as French spreadsheets read it; reading accepts both separators and both
decimal signs. Version 1; unknown columns are ignored, so that the other tool may add its own.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from coordinator.modules.quoting.engine.discounts import NONE, Discount
from coordinator.modules.quoting.engine.part import ManualLine, ManualOperation
from coordinator.modules.quoting.engine.values import QuotingError

VERSION = 1
_LARGEST = 1e8
"""Above it no price, time or quantity of a workshop: a column of something else."""
COLUMNS = (
    "line",
    "drawing_number",
    "part_name",
    "material",
    "quantity",
    "unit_price",
    "material_cost",
    "sequence_no",
    "operation_type",
    "label",
    "machine",
    "tool",
    "run_min",
    "setup_min",
    "discount_pct",
    "discount_amount",
    "quote_discount_pct",
    "quote_discount_amount",
)


@dataclass(frozen=True, slots=True)
class ImportedLine:
    """One line of another tool; ``manual`` goes into the computation as typed values (QUO-07)."""

    drawing_number: str
    part_name: str
    material: str
    quantity: int
    unit_price: float | None
    manual: ManualLine
    discount: Discount = NONE
    quote_discount: Discount = NONE
    """Discount on the whole quote, which every row of the file repeats."""


def rows(quote: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row per operation of a published quote (``QuoteResult.to_json()``); run time includes loading.

    The unit price is that before discounts; those of the line and of the whole quote stand beside it.
    """
    found = []
    whole = quote.get("discount") or {}
    for number, line in enumerate(quote["lines"], 1):
        blank = line.get("blank") or {}
        head = {
            "line": number,
            "drawing_number": line["drawing_number"],
            "part_name": line["part_name"],
            "material": line["material"],
            "quantity": line["quantity"],
            "unit_price": line["unit_price"],
            "material_cost": blank.get("cost"),
            "discount_pct": (line.get("discount") or {}).get("pct"),
            "discount_amount": (line.get("discount") or {}).get("amount"),
            "quote_discount_pct": whole.get("pct"),
            "quote_discount_amount": whole.get("amount"),
        }
        for o in line["operations"]:
            run = (o["run_min"] or 0.0) + (o.get("loading_min") or 0.0)
            own = {
                k: o[k] for k in ("sequence_no", "operation_type", "label", "machine", "tool", "setup_min")
            }
            found.append({**head, **own, "run_min": round(run, 4)})
    return found


def to_csv(quote: Mapping[str, Any]) -> str:
    """The rows as CSV."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for row in rows(quote):
        writer.writerow(_cell(row[c]) for c in COLUMNS)
    return out.getvalue()


def to_json(quote: Mapping[str, Any]) -> str:
    """The rows as one JSON document."""
    return json.dumps(
        {"format": "gestion-usinage.quote", "version": VERSION, "rows": rows(quote)}, ensure_ascii=False
    )


def from_csv(text: str) -> list[ImportedLine]:
    """Lines out of a CSV.

    Raises:
        QuotingError: ``import_invalid`` naming the line of the file and the column (French).
    """
    sample = text.lstrip("\ufeff")
    first = sample.splitlines()[0] if sample.strip() else ""
    delimiter = max(";,\t", key=first.count)
    reader = csv.DictReader(io.StringIO(sample), delimiter=delimiter)
    missing = [
        c
        for c in ("drawing_number", "quantity", "operation_type", "run_min")
        if c not in (reader.fieldnames or ())
    ]
    if missing:
        raise QuotingError("import_invalid", f"Colonnes absentes : {', '.join(missing)}.", missing[0])
    try:
        return _lines((number, {k: v for k, v in row.items() if k}) for number, row in enumerate(reader, 2))
    except csv.Error as error:
        raise QuotingError("import_invalid", "Fichier CSV non valable.", "file") from error


def from_json(text: str) -> list[ImportedLine]:
    """Lines out of a JSON document. Raises as :func:`from_csv`."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise QuotingError("import_invalid", "Fichier JSON non valable.", "file") from error
    found = data.get("rows") if isinstance(data, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(r, Mapping) for r in found):
        raise QuotingError("import_invalid", "Fichier JSON sans lignes « rows ».", "rows")
    version = data.get("version") or VERSION
    if str(version) != str(VERSION):
        raise QuotingError("import_invalid", f"Version {version} inconnue, {VERSION} attendue.", "version")
    return _lines(enumerate(found, 1))


def _lines(numbered: Iterable[tuple[int, Mapping[str, Any]]]) -> list[ImportedLine]:
    groups: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for number, row in numbered:
        groups.setdefault(str(row.get("line") or row.get("drawing_number") or number), []).append(
            (number, row)
        )
    return [_line(own) for own in groups.values()]


def _line(own: list[tuple[int, Mapping[str, Any]]]) -> ImportedLine:
    number, head = own[0]
    quantity = _number(number, head, "quantity")
    if quantity is None or quantity < 1 or quantity != int(quantity):
        raise QuotingError(
            "import_invalid", f"Ligne {number}, quantity : entier positif attendu.", "quantity"
        )
    operations = tuple(_operation(n, row) for n, row in own)
    cost = _number(number, head, "material_cost")
    return ImportedLine(
        str(head.get("drawing_number") or ""),
        str(head.get("part_name") or ""),
        str(head.get("material") or ""),
        int(quantity),
        _number(number, head, "unit_price"),
        ManualLine(operations, None if cost is None else f"{cost:.2f}"),
        _discount(number, head, ""),
        _discount(number, head, "quote_"),
    )


def _discount(number: int, row: Mapping[str, Any], prefix: str) -> Discount:
    pct, amount = (_number(number, row, f"{prefix}discount_{kind}") for kind in ("pct", "amount"))
    found = Discount(
        None if pct is None else Decimal(str(pct)), None if amount is None else Decimal(str(amount))
    )
    if not found.is_valid:
        column = f"{prefix}discount_{'pct' if amount is None else 'amount'}"
        message = f"Ligne {number}, {column} : remise de 0 à 100 %, ou un montant positif, pas les deux."
        raise QuotingError("import_invalid", message, column)
    return found


def quote_discount(lines: Sequence[ImportedLine]) -> Discount:
    """The discount on the whole quote of a file.

    Raises:
        QuotingError: ``import_invalid`` where its rows do not agree.
    """
    told = list(dict.fromkeys(line.quote_discount for line in lines if line.quote_discount))
    if len(told) > 1:
        message = "Les lignes ne donnent pas toutes la même remise sur l'ensemble du devis."
        raise QuotingError("import_invalid", message, "quote_discount_pct")
    return told[0] if told else NONE


def _operation(number: int, row: Mapping[str, Any]) -> ManualOperation:
    kind = str(row.get("operation_type") or "").strip()
    if not kind:
        raise QuotingError(
            "import_invalid", f"Ligne {number}, operation_type : valeur absente.", "operation_type"
        )
    run, setup = _number(number, row, "run_min"), _number(number, row, "setup_min")
    if run is None or run < 0 or (setup or 0.0) < 0:
        raise QuotingError("import_invalid", f"Ligne {number}, run_min : temps positif attendu.", "run_min")
    text = {c: str(row.get(c) or "").strip() for c in ("machine", "label", "tool")}
    return ManualOperation(
        kind, run, setup or 0.0, text["machine"] or None, text["label"], text["tool"] or None
    )


def _number(number: int, row: Mapping[str, Any], column: str) -> float | None:
    value = row.get(column)
    if value is None or str(value).strip() == "":
        return None
    try:
        found = float("".join(str(value).split()).replace(",", "."))
    except ValueError:
        found = math.nan
    if not math.isfinite(found) or abs(found) > _LARGEST:
        raise QuotingError(
            "import_invalid",
            f"Ligne {number}, {column} : « {value} » n'est pas un nombre utilisable.",
            column,
        )
    return found


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.12g}".replace(".", ",")
    text = str(value)
    # A leading sign of a formula would be run by a spreadsheet.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
