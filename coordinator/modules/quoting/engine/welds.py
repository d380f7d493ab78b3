"""Welds that the drawing's symbols ask for, as work of the trade (QUO-42) or as questions. Pure.

Only beads of a written length in a known arc process are computed; everything else is asked, never assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from coordinator.modules.quoting.engine.settings import TradeSettings
from coordinator.modules.quoting.engine.trades import TradeOperation

_INCH_MM = 25.4
_ARC = {
    "141": "tig", "142": "tig", "143": "tig", "145": "tig", "tig": "tig", "wig": "tig",
    "13": "mig", "131": "mig", "132": "mig", "133": "mig", "135": "mig", "136": "mig", "138": "mig", "mig": "mig", "mag": "mig",
}  # fmt: skip
"""Processes of ISO 4063 that the calculator has speeds for."""
_NO_BEAD = ("spot", "plug", "seam", "surfacing", "stake")
"""Welds whose time does not follow from the length of a bead."""
_ONE_PASS_MM = 5.0
"""Throat or depth up to which one pass is usual."""


@dataclass(frozen=True, slots=True)
class WeldWork:
    """One weld as written on the drawing; length of all its beads in mm where it is written."""

    text: str
    kind: str
    length_mm: float | None = None
    size_mm: float | None = None
    process: str = ""
    on_site: bool = False


def from_reading(entries: Iterable[Mapping[str, Any]]) -> tuple[WeldWork, ...]:
    """The welds of a reading; both sides count twice."""
    found = []
    for entry in entries:
        scale = _INCH_MM if entry.get("unit") in ("in", "inch") else 1.0
        sides = 2 if entry.get("side") == "both" and entry.get("kind") not in _NO_BEAD else 1
        run = entry.get("length")
        length = None if run is None else float(run) * scale * int(entry.get("count") or 1) * sides
        own = entry.get("size")
        found.append(
            WeldWork(
                str(entry.get("text") or ""),
                str(entry.get("kind") or ""),
                length,
                None if own is None else float(own) * scale,
                str(entry.get("process") or "").lower(),
                bool(entry.get("on_site")),
            )
        )
    return tuple(found)


def operations(welds: Iterable[WeldWork], rules: TradeSettings) -> tuple[TradeOperation, ...]:
    """The welds that the calculator can time."""
    if "welding" not in rules.active:
        return ()
    return tuple(
        TradeOperation("welding", {"length_mm": w.length_mm}, _ARC.get(w.process, ""), f"Soudage : {w.text}")
        for w in welds
        if w.length_mm is not None and _missing(w) is None
    )


def questions(welds: Iterable[WeldWork], rules: TradeSettings) -> Iterator[tuple[str, str, bool]]:
    """What a person must say about each weld: code, French sentence, whether it blocks the price."""
    for weld in welds:
        if "welding" not in rules.active:
            yield (
                "weld_not_priced",
                f"Soudure demandée, non chiffrée (métier Soudage non coché) : {weld.text}. À sous-traiter, ou déjà faite par ailleurs ?",
                False,
            )
        elif (missing := _missing(weld)) is not None:
            yield (
                "weld_not_priced",
                f"Soudure non chiffrée, {missing} : {weld.text}. À saisir dans les autres métiers.",
                True,
            )
        else:
            yield from _assumed(weld)


def _missing(weld: WeldWork) -> str | None:
    """Why a weld cannot be computed, in French; None when it can."""
    if weld.on_site:
        return "à exécuter sur chantier"
    if weld.kind in _NO_BEAD:
        return "sans calcul pour ce type"
    if weld.process and weld.process not in _ARC:
        return f"procédé {weld.process} sans table"
    return None if weld.length_mm is not None else "longueur du cordon non écrite"


def _assumed(weld: WeldWork) -> Iterator[tuple[str, str, bool]]:
    if not weld.process:
        yield "weld_process", f"Soudure sans procédé écrit, comptée en MIG/MAG : {weld.text}.", False
    if weld.size_mm is None or weld.size_mm > _ONE_PASS_MM:
        yield (
            "weld_passes",
            f"Soudure comptée en une seule passe : {weld.text}. Nombre de passes à confirmer.",
            False,
        )
