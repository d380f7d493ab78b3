"""The few sentences an estimator reads first: what the part is, what is difficult, what is missing (DRW-41). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.modules.drawings.park_rules import process_name

_TREATED = {"heat_treatment": "traitement thermique", "surface_treatment": "traitement de surface"}


def comment(
    description: Mapping[str, Any], report: Mapping[str, Any] | None, zones: Sequence[Mapping[str, Any]]
) -> str:
    """A comment in French from the merged description, the comparison with the park and the critical zones."""
    said = [_part(description), _shapes(description), _care(description, zones), _park(report or {})]
    return " ".join(sentence for sentence in said if sentence)


def _part(description: Mapping[str, Any]) -> str:
    size = [v for v in description.get("overall_size_mm") or [] if v]
    what = "Pièce"
    profile = description.get("turned_profile") or {}
    if profile.get("max_diameter_mm"):
        what = f"Pièce tournée Ø{_number(profile['max_diameter_mm'])} × {_number(profile['length_mm'])} mm"
    elif len(size) == 1:
        what = f"Pièce de {_number(size[0])} mm de long"
    elif size:
        what = f"Pièce de {' × '.join(_number(v) for v in size)} mm"
    material = _title(description, "material")
    treated = [f"{word} ({_title(description, n)})" for n, word in _TREATED.items() if _title(description, n)]
    tail = ", ".join([*([f"en {material}"] if material else ["matière à préciser"]), *treated])
    return f"{what}, {tail}."


def _shapes(description: Mapping[str, Any]) -> str:
    features = description.get("features") or []
    holes = sum(int(f.get("count") or 1) for f in features if f.get("type") in ("hole", "bore"))
    cuts = sum(int(f.get("count") or 1) for f in features if f.get("type") in ("pocket", "slot"))
    sides = len(description.get("access_directions") or [])
    counted = [_many(holes, "perçage", "perçages"), _many(cuts, "poche ou rainure", "poches ou rainures")]
    counted.append(f"{sides} directions d'accès" if sides > 1 else "")
    named = [
        process_name(p["process"]).lower()
        for p in description.get("processes") or []
        if p["confidence"] >= 0.6
    ]
    text = ", ".join(item for item in counted if item)
    procedure = f"Procédés proposés : {', '.join(named)}." if named else ""
    return f"{text[:1].upper()}{text[1:]}. {procedure}".strip() if text else procedure


def _care(description: Mapping[str, Any], zones: Sequence[Mapping[str, Any]]) -> str:
    by_reason = {
        key: sum(key in zone["reasons"] for zone in zones)
        for key in ("critical", "tight", "fine_surface", "close_geometry")
    }
    said = [
        _many(by_reason["critical"], "caractéristique critique", "caractéristiques critiques"),
        _many(by_reason["tight"], "cote serrée", "cotes serrées"),
        _many(by_reason["fine_surface"], "état de surface fin", "états de surface fins"),
        _many(by_reason["close_geometry"], "tolérance géométrique serrée", "tolérances géométriques serrées"),
    ]
    wall = (description.get("solid") or {}).get("min_wall_mm")
    if wall is not None and wall < 1.5:
        said.append(f"paroi de {_number(wall)} mm")
    text = ", ".join(item for item in said if item)
    return f"À surveiller : {text}." if text else ""


def _park(report: Mapping[str, Any]) -> str:
    words = {
        "feasible": "Réalisable dans le parc actuel.",
        "subcontract": "À sous-traiter en partie.",
        "not_feasible": "Non réalisable dans le parc actuel.",
    }
    said = [words.get(str(report.get("result")), "")]
    missing = [str(item["label"]) for item in report.get("missing") or []]
    if missing:
        more = f" et {len(missing) - 3} autres" if len(missing) > 3 else ""
        said.append(f"Ressources à prévoir : {', '.join(missing[:3])}{more}.")
    return " ".join(item for item in said if item)


def _title(description: Mapping[str, Any], name: str) -> str | None:
    value = ((description.get("title_block") or {}).get(name) or {}).get("value")
    return str(value) if value else None


def _many(count: int, one: str, several: str) -> str:
    return "" if not count else f"{count} {one if count == 1 else several}"


def _number(value: Any) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".").replace(".", ",")
