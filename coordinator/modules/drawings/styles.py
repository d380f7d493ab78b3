"""Styles of title block: recognised by their printed words, and rules learned from identical corrections (DRW-35). Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

MIN_LABELS = 4
MIN_LIKENESS = 0.7
_NEAR = 0.02
"""Two printed words stand at the same place when less than this share of the sheet apart."""
_GROW = 0.004
_LABELS = frozenset(
    [
        "matiere",
        "materiau",
        "material",
        "werkstoff",
        "material:",
        "echelle",
        "scale",
        "massstab",
        "masse",
        "weight",
        "gewicht",
        "poids",
        "designation",
        "title",
        "titel",
        "benennung",
        "denomination",
        "bezeichnung",
        "dessine",
        "drawn",
        "gezeichnet",
        "verifie",
        "checked",
        "gepruft",
        "approuve",
        "approved",
        "freigegeben",
        "date",
        "datum",
        "folio",
        "sheet",
        "blatt",
        "feuille",
        "page",
        "indice",
        "rev",
        "revision",
        "index",
        "plan",
        "numero",
        "dwg",
        "drawing",
        "zeichnungsnummer",
        "zeichnung",
        "reference",
        "ref",
        "sachnummer",
        "part",
        "traitement",
        "treatment",
        "finish",
        "oberflache",
        "warmebehandlung",
        "tolerances",
        "tolerance",
        "allgemeintoleranzen",
        "unite",
        "unit",
        "units",
        "einheit",
        "projection",
        "projektion",
        "client",
        "customer",
        "kunde",
        "auteur",
        "author",
        "bearbeiter",
        "format",
        "size",
        "grosse",
        "nom",
        "name",
        "norme",
        "societe",
        "company",
        "firma",
        "affaire",
        "projet",
        "project",
        "modele",
        "model",
        "quantite",
        "quantity",
        "qty",
        "menge",
        "observations",
        "remarks",
        "bemerkung",
    ]
)
Word = Sequence[Any]


@dataclass(frozen=True)
class Found:
    """Where a value stands on a sheet, and the printed word that belongs to it."""

    page: int
    box: tuple[float, float, float, float]
    label: str | None


def bare(text: str) -> str:
    """Letters and figures only, without accents or case."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "", plain.casefold())


def signature(words: Sequence[Word]) -> list[list[Any]]:
    """Printed words of the title block with their places: ``[[word, x, y]]``; empty where there are too few to know a style."""
    found = []
    for text, x0, y0, _x1, y1, *_ in words:
        label = _label_in(str(text))
        if label is not None:
            found.append([label, round(float(x0), 3), round((float(y0) + float(y1)) / 2, 3)])
    found.sort()
    return found if len(found) >= MIN_LABELS else []


def likeness(a: Sequence[Sequence[Any]], b: Sequence[Sequence[Any]]) -> float:
    """Share of printed words two signatures have at the same places, 0 to 1."""
    if not a or not b:
        return 0.0
    left = list(b)
    common = 0
    for word, x, y in a:
        twin = next(
            (o for o in left if o[0] == word and abs(o[1] - x) < _NEAR and abs(o[2] - y) < _NEAR), None
        )
        if twin is not None:
            left.remove(twin)
            common += 1
    return common / max(len(a), len(b))


def locate(value: str, sheets: Sequence[dict[str, Any]]) -> Found | None:
    """Where ``value`` is written, the lowest place first: title blocks stand at the bottom. None when it is not found."""
    wanted = bare(value)
    if len(wanted) < 1:
        return None
    for sheet in sheets:
        words = sheet.get("words") or []
        runs = [run for run in _runs(words) if _holds(run, wanted)]
        if runs:
            best = max(runs, key=lambda run: (len(run) == 1, max(float(w[4]) for w in run)))
            box = _around(best)
            return Found(int(sheet["page"]), box, _nearest_label(box, best, words))
    return None


def value_at(box: Sequence[float], page: int, sheets: Sequence[dict[str, Any]]) -> str | None:
    """Text inside a place of a sheet, without the printed word that names it."""
    sheet = next((s for s in sheets if s["page"] == page), None)
    if sheet is None:
        return None
    height = box[3] - box[1]
    x0, y0, x1, y1 = box[0] - _GROW, box[1] - 0.3 * height, box[2] + _GROW, box[3] + 0.3 * height
    inside = [
        w
        for w in sheet.get("words") or []
        if x0 <= float(w[1]) and float(w[1]) < x1 and y0 <= (float(w[2]) + float(w[4])) / 2 <= y1
    ]
    texts = [str(w[0]) for w in sorted(inside, key=lambda w: (round(float(w[2]), 2), float(w[1])))]
    joined = " ".join(t for t in texts if not _is_label_only(t)).strip()
    return _without_label(joined) or None


def same_place(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two boxes begin at the same place of the sheet; their widths differ with their values."""
    return abs(a[0] - b[0]) < _NEAR and abs((a[1] + a[3]) - (b[1] + b[3])) / 2 < _NEAR


def common_box(boxes: Sequence[Sequence[float]]) -> list[float]:
    """The box around all."""
    return [
        min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes),
    ]  # fmt: skip


def _label_in(text: str) -> str | None:
    first = re.split(r"[:=]", text)[0]
    words = [bare(w) for w in re.split(r"[\s./°]+", first)]
    known = [w for w in words if w in _LABELS]
    return known[0] if known and len([w for w in words if w]) <= 5 else None


def _is_label_only(text: str) -> bool:
    words = [bare(w) for w in re.split(r"[\s./°:]+", text)]
    words = [w for w in words if w]
    return (
        bool(words)
        and len(words) <= 4
        and any(w in _LABELS for w in words)
        and not any(c.isdigit() for c in text)
    )


def _without_label(text: str) -> str:
    head, sign, rest = text.partition(":")
    return rest.strip() if sign and _label_in(head) else text


def _runs(words: Sequence[Word]) -> list[list[Word]]:
    """Single words, and up to six words that follow each other on one line."""
    runs: list[list[Word]] = []
    for word in words:
        run = [word]
        runs.append(list(run))
        for _ in range(5):
            last = run[-1]
            middle, height = (float(last[2]) + float(last[4])) / 2, float(last[4]) - float(last[2])
            after = [
                w
                for w in words
                if 0 <= float(w[1]) - float(last[3]) < 1.5 * height and float(w[2]) <= middle <= float(w[4])
            ]
            if not after:
                break
            run.append(min(after, key=lambda w: float(w[1])))
            runs.append(list(run))
    return runs


def _holds(run: Sequence[Word], wanted: str) -> bool:
    text = " ".join(str(w[0]) for w in run)
    return bare(text) == wanted or bare(_without_label(text)) == wanted


def _around(run: Sequence[Word]) -> tuple[float, float, float, float]:
    box = common_box([[float(v) for v in w[1:5]] for w in run])
    return box[0], box[1], box[2], box[3]


def _nearest_label(box: Sequence[float], run: Sequence[Word], words: Sequence[Word]) -> str | None:
    """The printed word left of or above a value, within a few line heights."""
    height = max(1e-4, box[3] - box[1])
    best, best_distance = None, 6.0
    for word in words:
        if word in run or _label_in(str(word[0])) is None:
            continue
        right_of, below = box[0] - float(word[1]), box[1] - float(word[2])
        if right_of < -height or below < -0.6 * height:
            continue
        distance = abs(right_of) / (8 * height) + abs(below) / height
        if distance < best_distance:
            best, best_distance = str(word[0]), distance
    return best[:120] if best else None
