"""Calculators of the other trades (QUO-42): welding, cutting, bending, wire EDM, moulding. Pure; minutes per piece.

Each is active only if its trade is ticked (``Settings.trades.active``). Speeds are editable workshop values; the
formulas are those named on each function.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from coordinator.modules.quoting.engine.settings import TradeSettings, stepped
from coordinator.modules.quoting.engine.values import QuotingError, Value, number

TRADES = ("welding", "cutting", "bending", "wire_edm", "moulding")
LABELS = {
    "welding": "Soudage",
    "cutting": "Découpe",
    "bending": "Pliage",
    "wire_edm": "Électro-érosion à fil",
    "moulding": "Moulage",
}
REQUIRED = {
    "welding": ("length_mm",),
    "cutting": ("length_mm", "thickness_mm"),
    "bending": ("bends",),
    "wire_edm": ("length_mm", "height_mm"),
    "moulding": ("cycle_s", "cavities"),
}
PROCESSES = {"welding": ("tig", "mig"), "cutting": ("laser", "plasma", "waterjet")}


@dataclass(frozen=True, slots=True)
class TradeOperation:
    """One operation of another trade: ``trade`` of :data:`TRADES`, its sizes, and the process where there is a choice."""

    trade: str
    sizes: Mapping[str, float] = field(default_factory=dict)
    process: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class TradeTime:
    """Run time per piece and set-up of the batch, each with its formula."""

    operation: TradeOperation
    run: Value
    setup: Value


def compute(operation: TradeOperation, group: str, rules: TradeSettings) -> TradeTime:
    """Times of one operation.

    Raises:
        QuotingError: ``trade_inactive`` (not ticked), ``trade_unknown``, ``dimension_not_positive`` or ``value_missing``
            with a French message; ``cutting_data_missing`` for a material or thickness the table has no speed for.
    """
    if operation.trade not in TRADES:
        raise QuotingError("trade_unknown", f"Métier inconnu : « {operation.trade} ».", "trade")
    if operation.trade not in rules.active:
        message = f"Le métier « {LABELS[operation.trade]} » n'est pas coché dans les réglages."
        raise QuotingError("trade_inactive", message, "trades.active")
    for name in REQUIRED[operation.trade]:
        value = operation.sizes.get(name)
        if value is None:
            raise QuotingError(
                "value_missing", f"{LABELS[operation.trade]} : valeur à saisir ({name}).", name
            )
    if any(not v > 0 or math.isinf(v) for v in operation.sizes.values()):
        raise QuotingError(
            "dimension_not_positive", "Les dimensions doivent être positives.", operation.trade
        )
    run = _RULES[operation.trade](operation, group, rules)
    setups = dict(rules.setup_min)
    setup = Value(setups[operation.trade], "min", "réglage par lot", {}, "valeur par défaut")
    return TradeTime(operation, run, setup)


def _welding(operation: TradeOperation, group: str, rules: TradeSettings) -> Value:
    """t = L·passes/v ÷ duty cycle + tacking per 100 mm (welding handbooks: arc time over arc-on share)."""
    process = _process(operation, "mig")
    speed = dict(rules.weld_speed_mm_min)[process] * dict(rules.weld_material_factor).get(group[:1], 1.0)
    duty = dict(rules.weld_duty)[process]
    length, passes = operation.sizes["length_mm"], operation.sizes.get("passes", 1.0)
    tacks = math.ceil(length / 100) + 1
    inputs: dict[str, float | str] = {
        "L": length, "passes": passes, "v mm/min": speed, "facteur de marche": duty, "points": float(tacks),
        "min/point": rules.weld_tack_min,
    }  # fmt: skip
    minutes = length * passes / speed / duty + tacks * rules.weld_tack_min
    return Value(
        minutes,
        "min",
        "t = L·passes/(v·facteur de marche) + points·min/point",
        inputs,
        f"table soudage {process}",
    )


def _cutting(operation: TradeOperation, group: str, rules: TradeSettings) -> Value:
    """t = L/v(thickness) + pierces·(p0 + p1·thickness); v from the table of the process, 1/thickness between its rows."""
    process = _process(operation, "laser")
    length, thickness = operation.sizes["length_mm"], operation.sizes["thickness_mm"]
    pierces = operation.sizes.get("pierces", 1.0)
    table = dict(rules.cut_speed_mm_min)[process]
    if thickness > table[-1][0]:
        message = (
            f"Découpe {process} : épaisseur {number(thickness)} mm au-delà de {number(table[-1][0])} mm."
        )
        raise QuotingError("cutting_data_missing", message, "thickness_mm")
    limit = next(row for row in table if thickness <= row[0])
    speed = limit[1] * limit[0] / thickness if thickness > table[0][0] else limit[1]
    speed *= dict(rules.cut_material_factor).get(group[:1], 1.0)
    pierce = rules.pierce_base_min + rules.pierce_per_mm_min * thickness
    inputs: dict[str, float | str] = {
        "L": length, "épaisseur": thickness, "v mm/min": speed, "amorçages": pierces, "min/amorçage": pierce,
    }  # fmt: skip
    minutes = length / speed + pierces * pierce
    return Value(minutes, "min", "t = L/v + amorçages·min/amorçage", inputs, f"table découpe {process}")


def _bending(operation: TradeOperation, _group: str, rules: TradeSettings) -> Value:
    """t = bends·t(bend length) + turns·t(turn): one handling per bend, more beyond each length class."""
    bends, length = operation.sizes["bends"], operation.sizes.get("length_mm", 200.0)
    each = stepped(rules.bend_min, length)
    turns = operation.sizes.get("turns", 0.0)
    inputs: dict[str, float | str] = {
        "plis": bends, "min/pli": each, "longueur": length, "retournements": turns, "min/retournement": rules.turn_over_min,
    }  # fmt: skip
    minutes = bends * each + turns * rules.turn_over_min
    return Value(minutes, "min", "t = plis·min/pli + retournements·min/retournement", inputs, "table pliage")


def _wire_edm(operation: TradeOperation, group: str, rules: TradeSettings) -> Value:
    """t = L·H/rate × (1 + finishing passes·share) + threading of the wire per start hole."""
    rate = dict(rules.wire_rate_mm2_min).get(group[:1], dict(rules.wire_rate_mm2_min)["P"])
    length, height = operation.sizes["length_mm"], operation.sizes["height_mm"]
    passes, starts = operation.sizes.get("finish_passes", 0.0), operation.sizes.get("starts", 1.0)
    inputs: dict[str, float | str] = {
        "L": length, "H": height, "mm²/min": rate, "passes de finition": passes, "part par passe": rules.wire_finish_share,
        "enfilages": starts, "min/enfilage": rules.wire_threading_min,
    }  # fmt: skip
    minutes = (
        length * height / rate * (1 + passes * rules.wire_finish_share) + starts * rules.wire_threading_min
    )
    formula = "t = L·H/débit·(1 + finitions·part) + enfilages·min/enfilage"
    return Value(minutes, "min", formula, inputs, "table électro-érosion à fil")


def _moulding(operation: TradeOperation, _group: str, rules: TradeSettings) -> Value:
    """t = cycle/(60·cavities)/(1 − scrap)."""
    cycle, cavities = operation.sizes["cycle_s"], operation.sizes["cavities"]
    scrap = rules.mould_scrap_pct / 100
    if not 0 <= scrap < 1:
        message = "Moulage : le rebut doit rester sous 100 % (réglage « mould_scrap_pct »)."
        raise QuotingError("scrap_invalid", message, "trades.mould_scrap_pct")
    inputs: dict[str, float | str] = {
        "cycle s": cycle,
        "empreintes": cavities,
        "rebut %": rules.mould_scrap_pct,
    }
    return Value(
        cycle / 60 / cavities / (1 - scrap), "min", "t = cycle/(60·empreintes)/(1 − rebut)", inputs, "saisie"
    )


def _process(operation: TradeOperation, default: str) -> str:
    known = PROCESSES[operation.trade]
    process = operation.process or default
    if process not in known:
        message = f"{LABELS[operation.trade]} : procédé « {process} » inconnu ({', '.join(known)})."
        raise QuotingError("value_missing", message, "process")
    return process


_RULES: dict[str, Callable[[TradeOperation, str, TradeSettings], Value]] = {
    "welding": _welding,
    "cutting": _cutting,
    "bending": _bending,
    "wire_edm": _wire_edm,
    "moulding": _moulding,
}
