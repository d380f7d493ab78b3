"""The operation list of a computed quote as Markdown: what a methods engineer rereads, with every time's formula."""

from __future__ import annotations

from datetime import date
from typing import Any

from coordinator.modules.quoting.engine.costing import COMPLEXITY
from coordinator.modules.quoting.engine.quote import QuoteResult
from coordinator.modules.quoting.engine.values import number

SCENARIOS = {"standard": "Standard", "express": "Express", "economic": "Économique"}

_HEAD = (
    "n°",
    "poste",
    "outil",
    "opération",
    "passes",
    "Vc",
    "n",
    "Vf",
    "ap",
    "ae",
    "kW",
    "coupe",
    "temps",
    "réglage",
    "coût",
)


def operation_list(result: QuoteResult, name: str, on: date) -> str:
    """The whole document, in French."""
    data = result.to_json()
    parts = [
        f"# {name} — liste des opérations",
        "",
        f"Devis calculé le {on:%d/%m/%Y}. Temps en minutes par pièce, coûts pour le lot.",
    ]
    for line in data["lines"]:
        parts += ["", *_line(line)]
    parts += ["", "## Scénarios", "", *_scenarios(data["scenarios"])]
    if data["questions"]:
        parts += ["", "## Points à éclaircir", ""]
        parts += [
            f"- {'**bloquant** ' if q['blocking'] else ''}ligne {q['line']} : {q['text']}"
            for q in data["questions"]
        ]
    return "\n".join(parts) + "\n"


def _line(line: dict[str, Any]) -> list[str]:
    title = line["part_name"] or line["drawing_number"] or line["file"]
    found = [f"## {title} ({line['drawing_number']})", ""]
    found.append(
        f"{line['material']}, groupe {line['iso513_group']}, {line['quantity']} pièces, complexité {COMPLEXITY.get(line['complexity'], '?')}."
    )
    blank = line["blank"]
    if blank:
        found += [
            "",
            f"Brut : {blank['label']} mm, {number(blank['mass_kg'])} kg, {blank['source']}. {blank['explanation']['source']}.",
        ]
    found += ["", *_operations(line["operations"])]
    if line["resource_gaps"]:
        found += ["", "### Ressources manquantes", ""]
        found += [
            f"- {g['what']} : {g['message']} {' ; '.join(g['alternatives'])}" for g in line["resource_gaps"]
        ]
    found += ["", "### Coûts du lot", "", "| poste | € | calcul |", "|---|---:|---|"]
    found += [f"| {c['label']} | {number(c['amount'], 2)} | {c['formula']} |" for c in line["cost_breakdown"]]
    if line["alternatives"]:
        found += [
            "",
            "### Autres gammes possibles",
            "",
            "| gamme | coût unitaire | machine min/lot |",
            "|---|---:|---:|",
        ]
        found += [
            f"| {a['route']} | {number(a['unit_cost'], 2)} | {number(a['machining_min'], 0)} |"
            for a in line["alternatives"]
        ]
    if line["warnings"]:
        found += ["", "### Remarques", "", *(f"- {w}" for w in line["warnings"])]
    return [*found, "", "### Formules des temps de coupe", "", *_formulas(line["operations"])]


def _operations(operations: list[dict[str, Any]]) -> list[str]:
    rows = [f"| {' | '.join(_HEAD)} |", f"|{'---|' * len(_HEAD)}"]
    phase = None
    for o in operations:
        if o["phase_no"] != phase and o["workholding"]:
            rows.append(
                f"| | **{o['machine'] or 'ext.'}** | | **{o['phase']}** : {o['workholding']} |{' |' * (len(_HEAD) - 4)}"
            )
        phase = o["phase_no"]
        rows.append(
            f"| {o['sequence_no']} | {o['machine'] or 'ext.'} | {o['tool'] or ''} | {o['label']} | {_n(o['passes'], 0)} | {_n(o['vc_m_min'], 0)} "
            f"| {_n(o['n_rev_min'], 0)} | {_n(o['feed_mm_min'], 0)} | {_n(o['ap_mm'], 2)} | {_n(o['ae_mm'], 2)} | {_n(o['power_kw'], 1)} "
            f"| {_n(o['cut_min'], 3)} | {_n(o['run_min'], 3)} | {_n(o['setup_min'], 0)} | {_n(o['cost'], 2)} |"
        )
    return rows


def _formulas(operations: list[dict[str, Any]]) -> list[str]:
    found = []
    for o in operations:
        value = o["sources"].get("cut_min") or o["sources"].get("run_min")
        if value:
            inputs = ", ".join(
                f"{k} = {number(v)}" if not isinstance(v, str) else f"{k} : {v}"
                for k, v in value["inputs"].items()
            )
            found.append(
                f"- {o['sequence_no']} {o['label']} : {value['formula']} = {number(value['value'])} {value['unit']} ({inputs})"
            )
    return found


def _scenarios(scenarios: list[dict[str, Any]]) -> list[str]:
    rows = [
        "| scénario | prix HT | marge | livraison | délai | machines | raisons |",
        "|---|---:|---:|---|---|---|---|",
    ]
    for s in scenarios:
        price = "incomplet" if s["price_excl_tax"] is None else f"{number(s['price_excl_tax'], 2)} €"
        margin = "" if s["margin_pct"] is None else f"{number(s['margin_pct'], 1)} %"
        days = "" if s["lead_time_days"] is None else f"{s['lead_time_days']} j"
        mark = " **(conseillé)**" if s["recommended"] else ""
        rows.append(
            f"| {SCENARIOS[s['kind']]}{mark} | {price} | {margin} | {_day(s['delivery_date'])} | {days} | {', '.join(s['machines'])} | {' '.join(s['reasons'])} |"
        )
    return rows


def _day(text: str | None) -> str:
    return "" if text is None else f"{date.fromisoformat(text):%d/%m/%Y}"


def _n(value: float | None, digits: int) -> str:
    return "" if value is None else number(value, digits)
