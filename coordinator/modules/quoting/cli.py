"""``usinage quote``: computes quotes from drawings, models or readings, without server or database."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from coordinator.modules.quoting.engine import merging, plate_nesting, shop_file
from coordinator.modules.quoting.engine.default_shop import default_shop, default_shop_yaml
from coordinator.modules.quoting.engine.discounts import NONE, Discount, Terms
from coordinator.modules.quoting.engine.part import CRITICAL, PartDescription
from coordinator.modules.quoting.engine.quote import QuoteRequest, QuoteResult, compute
from coordinator.modules.quoting.engine.reading import from_reading
from coordinator.modules.quoting.engine.sections import SHAPE_NAMES
from coordinator.modules.quoting.engine.values import QuotingError, number
from coordinator.modules.quoting.operation_list import SCENARIOS

CRITICALITIES = ("standard", "sensitive", *CRITICAL)
app = typer.Typer(help="Chiffrage et devis.", no_args_is_help=True)


@app.callback()
def quote() -> None:
    """Chiffrage et devis."""


@app.command("compute")
def compute_command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Plans, modèles 3D, ou lectures JSON de « usinage drawing read »."),
    ] = None,
    quantity: Annotated[int | None, typer.Option(help="Quantité de chaque pièce.")] = None,
    material: Annotated[str | None, typer.Option(help="Matière (prime sur le cartouche).")] = None,
    shop: Annotated[Path | None, typer.Option(help="Fichier atelier YAML (sinon l'atelier intégré).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Un seul document JSON sur la sortie.")] = False,
    price_break: Annotated[list[int] | None, typer.Option(help="Quantité supplémentaire à chiffrer.")] = None,
    delivery: Annotated[str | None, typer.Option(help="Délai demandé, AAAA-MM-JJ.")] = None,
    same_part: Annotated[
        bool, typer.Option("--same-part", help="Tous les fichiers décrivent une seule pièce.")
    ] = False,
    certificate: Annotated[bool, typer.Option(help="Certificat matière demandé.")] = False,
    blank: Annotated[
        str,
        typer.Option(help="Forme de brut imposée : round, hex, square, flat, tube ou plate (sinon choisie)."),
    ] = "",
    per_clamping: Annotated[
        int | None, typer.Option(help="Pièces par bridage en fraisage (sinon choisi).", min=1)
    ] = None,
    criticality: Annotated[
        str, typer.Option(help="standard, sensitive, critical, aerospace, military ou armament.")
    ] = "standard",
    on: Annotated[
        str | None, typer.Option("--date", help="Date du devis, AAAA-MM-JJ (sinon aujourd'hui).")
    ] = None,
    discount: Annotated[
        str, typer.Option(help="Remise sur l'ensemble : « 5% », ou un montant en euros HT : « 50 ».")
    ] = "",
    line_discount: Annotated[
        list[str] | None, typer.Option(help="Remise sur une ligne : « 2=5% » ou « 2=30 » (répétable).")
    ] = None,
    write_default_shop: Annotated[
        Path | None, typer.Option(help="Écrit l'atelier intégré, commenté, dans ce fichier et s'arrête.")
    ] = None,
) -> None:
    """Analyse les pièces et calcule trois scénarios avec les machines, outils, stocks et taux de l'atelier."""
    if write_default_shop is not None:
        _write_shop(write_default_shop)
        return
    if not files:
        _usage("Donnez au moins un fichier.")
    if quantity is None:
        _usage("Donnez la quantité : --quantity N.")
    if criticality not in CRITICALITIES:
        _usage(f"--criticality : valeurs possibles {', '.join(CRITICALITIES)}.")
    today = _date(on, "--date") or date.today()  # noqa: DTZ011 - the shop's calendar day, only at the command line
    wished = _date(delivery, "--delivery")
    started = time.perf_counter()
    try:
        park = shop_file.load(shop) if shop else default_shop()
        read = [r for f in files for r in _readings(f)]
        readings = [merging.merged(read)] if same_part and len(read) > 1 else merging.grouped(read)
    except QuotingError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from error
    read_seconds = time.perf_counter() - started
    if blank and blank not in SHAPE_NAMES:
        _usage(f"--blank : valeurs possibles {', '.join(SHAPE_NAMES)}.")
    boxes = {
        "certificate_required": certificate,
        "criticality": criticality,
        "blank_shape": blank,
        "parts_per_clamping": per_clamping,
    }
    parts = [_part(r, quantity, material, boxes) for r in readings]
    terms = _terms(discount, line_discount or (), len(parts))
    request = QuoteRequest(today, wished, tuple(price_break or ()), terms=terms)
    result = compute(parts, park, request)
    if as_json:
        typer.echo(json.dumps(result.to_json(), ensure_ascii=False, indent=1))
    else:
        _print(result)
    computing = time.perf_counter() - started - read_seconds
    typer.echo(f"Lecture {read_seconds:.2f} s, chiffrage {computing:.2f} s.", err=True)
    if _failed(readings):
        typer.echo("Au moins un fichier n'a pas pu être lu.", err=True)
        raise typer.Exit(1)


@app.command("sheet")
def sheet_command(
    files: Annotated[list[Path], typer.Argument(help="Fichiers des pièces, comme pour « compute ».")],
    quantity: Annotated[int, typer.Option(help="Quantité de chaque pièce.")],
    out: Annotated[Path, typer.Option(help="Dossier de sortie.")],
    name: Annotated[str, typer.Option(help="Numéro du devis et nom des fichiers.")] = "DEVIS",
    material: Annotated[str | None, typer.Option(help="Matière (prime sur le cartouche).")] = None,
    shop: Annotated[Path | None, typer.Option(help="Fichier atelier YAML (sinon l'atelier intégré).")] = None,
    price_break: Annotated[list[int] | None, typer.Option(help="Quantité supplémentaire à chiffrer.")] = None,
    certificate: Annotated[bool, typer.Option(help="Certificat matière demandé.")] = False,
    on: Annotated[str | None, typer.Option("--date", help="Date du devis, AAAA-MM-JJ.")] = None,
    discount: Annotated[str, typer.Option(help="Remise sur l'ensemble, comme pour « compute ».")] = "",
    line_discount: Annotated[
        list[str] | None, typer.Option(help="Remise sur une ligne : « 2=5% » ou « 2=30 » (répétable).")
    ] = None,
) -> None:
    """Écrit le devis PDF du client et la liste des opérations dans un dossier."""
    from coordinator.modules.quoting import worked

    today = _date(on, "--date") or date.today()  # noqa: DTZ011 - the shop's calendar day, only at the command line
    try:
        park = shop_file.load(shop) if shop else default_shop()
        readings = merging.grouped([r for f in files for r in _readings(f)])
    except QuotingError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from error
    parts = [_part(r, quantity, material, {"certificate_required": certificate}) for r in readings]
    terms = _terms(discount, line_discount or (), len(parts))
    result = compute(parts, park, QuoteRequest(today, None, tuple(price_break or ()), terms=terms))
    pdf, listing = worked.write(result, park, out, name, today)
    typer.echo(f"Liste des opérations : {listing}")
    if pdf is None:
        typer.echo(f"Devis PDF non écrit : {_why_not(result)}", err=True)
        raise typer.Exit(1)
    typer.echo(f"Devis : {pdf}")


def _why_not(result: QuoteResult) -> str:
    """What keeps a computed quote from being offered."""
    for scenario in result.scenarios:
        if scenario.refusal is not None:
            return scenario.refusal.message
        if scenario.recommended and scenario.below_minimum:
            lines = ", ".join(str(n) for n in scenario.below_minimum)
            return f"{SCENARIOS[scenario.kind]}, ligne(s) {lines} sous le prix plancher (marge minimale)."
    return "répondre d'abord aux questions."


@app.command("inspection")
def inspection_command(
    files: Annotated[list[Path], typer.Argument(help="Fichiers des pièces, comme pour « compute ».")],
    quantity: Annotated[int, typer.Option(help="Quantité de chaque pièce.")],
    out: Annotated[Path, typer.Option(help="Dossier de sortie.")],
    criticality: Annotated[
        str, typer.Option(help="standard, sensitive, critical, aerospace, military ou armament.")
    ] = "standard",
    on: Annotated[str | None, typer.Option("--date", help="Date de la gamme, AAAA-MM-JJ.")] = None,
) -> None:
    """Écrit la gamme de contrôle PDF de chaque pièce : cotes tolérancées, limites, instruments proposés."""
    from coordinator.modules.quoting import worked

    if criticality not in CRITICALITIES:
        _usage(f"--criticality : valeurs possibles {', '.join(CRITICALITIES)}.")
    today = _date(on, "--date") or date.today()  # noqa: DTZ011 - the shop's calendar day, only at the command line
    try:
        readings = merging.grouped([r for f in files for r in _readings(f)])
    except QuotingError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from error
    for place, reading in enumerate(readings, 1):
        part = _part(reading, quantity, None, {"criticality": criticality})
        name = f"CONTROLE-{part.drawing_number or place}".replace("/", "-").replace(" ", "_")
        typer.echo(f"Gamme de contrôle : {worked.write_inspection(reading, part, out, name, today)}")


@app.command("worked")
def worked_command(
    out: Annotated[Path, typer.Option(help="Dossier de sortie.")] = Path("docs/quotes"),
    quantity: Annotated[int, typer.Option(help="Quantité de chaque pièce.")] = 25,
    on: Annotated[str, typer.Option("--date", help="Date des devis, AAAA-MM-JJ.")] = "2026-11-23",
) -> None:
    """Recalcule les devis exemples (PDF, liste des opérations) et compare leurs temps à une simulation des programmes."""
    from coordinator.modules.quoting.verification import examples

    for line in examples.write_all(out, quantity, _date(on, "--date") or date.today()):  # noqa: DTZ011
        typer.echo(line)


def _usage(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(2)


def _date(text: str | None, option: str) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        _usage(f"{option} : « {text} » n'est pas une date AAAA-MM-JJ.")


def _terms(whole: str, lines: Sequence[str], count: int) -> Terms:
    """Discounts typed at the command line."""
    given: dict[int, Discount] = {}
    for text in lines:
        place, mark, value = text.partition("=")
        if not mark or not place.strip().isdigit() or not 1 <= int(place) <= count:
            _usage(f"--line-discount : « {text} » ne nomme pas une ligne de 1 à {count} (« 2=5% »).")
        given[int(place) - 1] = _discount(value, "--line-discount")
    return Terms(lines=given, whole=_discount(whole, "--discount") if whole else NONE)


def _discount(text: str, option: str) -> Discount:
    value = text.strip()
    try:
        amount = Decimal(value.rstrip("% ").replace(",", "."))
    except InvalidOperation:
        _usage(f"{option} : « {text} » n'est ni un pourcentage ni un montant.")
    found = Discount(pct=amount) if value.endswith("%") else Discount(amount=amount)
    if not amount.is_finite() or not found.is_valid:
        _usage(f"{option} : « {text} » : 0 à 100 %, ou un montant positif.")
    return found


def _write_shop(path: Path) -> None:
    try:
        path.write_text(default_shop_yaml(), encoding="utf-8")
    except OSError as error:
        typer.echo(f"Impossible d'écrire {path} : {error.strerror}.", err=True)
        raise typer.Exit(1) from error
    typer.echo(f"Atelier écrit : {path}", err=True)


def _readings(path: Path) -> list[dict[str, Any]]:
    """Readings of a file: those of a JSON reading as they are, any other file through the drawing reader."""
    if not path.is_file():
        raise QuotingError("file_missing", f"Fichier introuvable : {path}", "file")
    if path.suffix.lower() == ".json":
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise QuotingError(
                "reading_invalid", f"Lecture JSON non valable : {path.name}", "file"
            ) from error
        entries = data if isinstance(data, list) else [data]
        if not all(isinstance(e, dict) for e in entries):
            raise QuotingError("reading_invalid", f"Lecture JSON non valable : {path.name}", "file")
        return entries
    from coordinator.modules.drawings.reading.sandbox import read_file

    reading = read_file(path)
    return [reading.to_json()]


def _part(
    reading: dict[str, Any], quantity: int, material: str | None, boxes: dict[str, Any]
) -> PartDescription:
    part = from_reading(reading, quantity, material, **boxes)
    error = reading.get("error")
    if error:
        return replace(part, warnings=(*part.warnings, f"Lecture impossible : {error.get('message', '')}"))
    return part


def _failed(readings: list[dict[str, Any]]) -> bool:
    return any(r.get("error") for r in readings)


def _print(result: QuoteResult) -> None:
    data = result.to_json()
    for line in data["lines"]:
        _print_line(line)
    typer.echo("\nSCÉNARIOS")
    for s in data["scenarios"]:
        mark = "→" if s["recommended"] else " "
        if s["discount_excl_tax"]:
            before, off = number(s["gross_excl_tax"] or 0, 2), number(s["discount_excl_tax"], 2)
            typer.echo(f"   {SCENARIOS[s['kind']]:<10} {before:>10} € HT avant remise de {off} €")
        price = "incomplet" if s["price_excl_tax"] is None else f"{number(s['price_excl_tax'], 2):>10} € HT"
        margin = "" if s["margin_pct"] is None else f"marge {number(s['margin_pct'], 1)} %"
        days = "" if s["lead_time_days"] is None else f"{s['lead_time_days']} j ({s['delivery_date']})"
        typer.echo(f" {mark} {SCENARIOS[s['kind']]:<10} {price}  {margin:<14} {days}")
        for reason in s["reasons"]:
            typer.echo(f"      {reason}")
    for plan in result.scenarios[0].plate_plans:
        typer.echo(f"\nDÉBIT COMMUN ({plate_nesting.FORMULA})\n  {plan.words()}")
    if data["questions"]:
        typer.echo("\nQUESTIONS")
        for q in data["questions"]:
            typer.echo(f"  {'!' if q['blocking'] else '-'} ligne {q['line']} : {q['text']}")


def _cell(value: Any, width: int, digits: int) -> str:
    return " " * width if value is None else f"{number(value, digits):>{width}}"


def _print_line(line: dict[str, Any]) -> None:
    title = line["part_name"] or line["drawing_number"] or line["file"]
    typer.echo(
        f"\n{title} — {line['material']} ({line['iso513_group'] or '?'}) × {line['quantity']} : {line['feasibility']}"
    )
    blank = line["blank"]
    if blank:
        typer.echo(
            f"  Brut {blank['label']} mm, {number(blank['mass_kg'])} kg, {blank['source']}, {number(blank['cost'], 2)} €/pièce"
        )
    if line["operations"]:
        typer.echo(
            f"  {'n°':>4} {'machine':<9} {'outil':<12} {'opération':<44} {'i':>3} {'Vc':>6} {'n':>6} {'Vf':>7} {'ap':>6} "
            f"{'ae':>6} {'kW':>5} {'coupe':>7} {'temps':>7} {'régl.':>6} {'coût':>9}"
        )
    phase = None
    for o in line["operations"]:
        if o["workholding"] and o["phase_no"] != phase:
            typer.echo(f"       {o['phase']} — {o['workholding']}")
        phase = o["phase_no"]
        typer.echo(
            f"  {o['sequence_no']:>4} {(o['machine'] or 'ext.'):<9} {(o['tool'] or '')[:12]:<12} {o['label'][:44]:<44} "
            f"{_cell(o['passes'], 3, 0)} {_cell(o['vc_m_min'], 6, 0)} {_cell(o['n_rev_min'], 6, 0)} "
            f"{_cell(o['feed_mm_min'], 7, 0)} {_cell(o['ap_mm'], 6, 2)} {_cell(o['ae_mm'], 6, 2)} {_cell(o['power_kw'], 5, 1)} "
            f"{_cell(o['cut_min'], 7, 3)} {_cell(o['run_min'], 7, 3)} {_cell(o['setup_min'], 6, 0)} {_cell(o['cost'], 9, 2)}"
        )
    for gap in line["resource_gaps"]:
        typer.echo(
            f"  Manque ({gap['kind']}) : {gap['what']} — {gap['message']} {' | '.join(gap['alternatives'])}"
        )
    for other in line["alternatives"][:1]:
        typer.echo(f"  Sinon : {other['route']}, {number(other['unit_cost'], 2)} €/pièce")
    for b in line["price_breaks"]:
        prices = ", ".join(
            f"{SCENARIOS[k]} {number(p['unit_price'], 2)} €" for k, p in b["scenarios"].items()
        )
        typer.echo(f"  Par {b['quantity']} : {prices}")
    if line["unit_price"] is not None:
        typer.echo(
            f"  Coût {number(line['unit_cost'], 2)} €/pièce, prix {number(line['unit_price'], 2)} € HT/pièce"
        )
    for warning in line["warnings"]:
        typer.echo(f"  ! {warning}")


def main() -> None:
    """Entry point for running this command alone."""
    app()


if __name__ == "__main__":
    sys.exit(app())
