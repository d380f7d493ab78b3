"""What a person types for the work of other trades (QUO-42): the boxes of each calculator, with units and usual values."""

from __future__ import annotations

from typing import Any

from coordinator.modules.quoting.engine.settings import TradeSettings
from coordinator.modules.quoting.engine.trades import LABELS, PROCESSES, REQUIRED, TRADES

_PROCESS_LABELS = {
    "tig": "TIG",
    "mig": "MIG/MAG",
    "laser": "Laser",
    "plasma": "Plasma",
    "waterjet": "Jet d'eau",
}
_FIELDS: dict[str, tuple[tuple[str, str, str, float | None], ...]] = {
    "welding": (("length_mm", "Longueur de cordon", "mm", None), ("passes", "Passes", "", 1.0)),
    "cutting": (
        ("length_mm", "Longueur découpée", "mm", None),
        ("thickness_mm", "Épaisseur", "mm", None),
        ("pierces", "Amorçages", "", 1.0),
    ),
    "bending": (
        ("bends", "Plis", "", None),
        ("length_mm", "Longueur de pli", "mm", 200.0),
        ("turns", "Retournements", "", None),
    ),
    "wire_edm": (
        ("length_mm", "Longueur de coupe", "mm", None),
        ("height_mm", "Hauteur", "mm", None),
        ("finish_passes", "Passes de finition", "", None),
        ("starts", "Enfilages", "", 1.0),
    ),
    "moulding": (("cycle_s", "Cycle", "s", None), ("cavities", "Empreintes", "", 1.0)),
}


def forms(rules: TradeSettings) -> list[dict[str, Any]]:
    """One form per trade: its processes, its fields, whether the shop has ticked it."""
    return [
        {
            "trade": trade,
            "label": LABELS[trade],
            "active": trade in rules.active,
            "processes": [{"value": p, "label": _PROCESS_LABELS[p]} for p in PROCESSES.get(trade, ())],
            "fields": [
                {
                    "name": name,
                    "label": text,
                    "unit": unit or None,
                    "required": name in REQUIRED[trade],
                    "default": default,
                }
                for name, text, unit, default in _FIELDS[trade]
            ],
        }
        for trade in TRADES
    ]
