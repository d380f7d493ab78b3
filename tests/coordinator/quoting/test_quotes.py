"""A quote from validated drawings to the paper: computation, guards, typed values, versions."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from pypdfium2 import PdfDocument

from coordinator.kernel.context import Context, Principal
from coordinator.kernel.errors import BusinessError
from coordinator.modules.machines.models import Machine
from coordinator.modules.planning.models import MachineSlot
from coordinator.modules.quoting import availability, rules, service
from coordinator.modules.quoting.defaults import setting_defs
from coordinator.modules.quoting.engine.planning_simulation import Availability
from coordinator.modules.quoting.engine.settings import CostSettings
from coordinator.modules.quoting.engine.shop import Calendar
from coordinator.modules.quoting.models import Quote
from coordinator.modules.quoting.rules import version_number
from tests.conftest import master, person
from tests.coordinator.quoting import workshop
from tests.coordinator.quoting.engine.samples import SHAFT
from tests.coordinator.quoting.story import Story


@pytest.mark.requirement("QUO-01", "QUO-02", "QUO-05", "QUO-35", "QUO-45")
def test_from_drawings_to_a_sent_quote(story: Story) -> None:
    quote = story.quote(story.shaft, story.block)
    assert quote["number"].startswith("DEV-")
    refused = story.act(quote["id"], "approve", expect=409)
    assert refused["code"] == "lifecycle.illegal_transition"
    assert story.http.get(f"/api/v1/quotes/{quote['id']}/pdf").json()["code"] == "quote.no_paper"
    story.act(quote["id"], "compute")
    sheet = story.sheet(quote["id"])
    shaft, block = sheet["lines"]
    assert [line["feasibility"] for line in (shaft, block)] == ["feasible", "feasible"]
    assert {"turning", "packaging", "inspection"} <= {o["operation_type"] for o in shaft["operations"]}
    turned = next(o for o in shaft["operations"] if o["operation_type"] == "turning")
    assert turned["machine"]
    assert turned["tool"]
    assert Decimal(turned["vc_m_min"]) > 0
    assert turned["sources"]["n_rev_min"]["formula"]
    assert [s["kind"] for s in sheet["scenarios"]] == ["standard", "express", "economic"]
    assert sum(s["is_recommended"] for s in sheet["scenarios"]) == 1
    standard, express, economic = (Decimal(s["price_excl_tax"]) for s in sheet["scenarios"])
    assert economic < standard < express
    total = sum(Decimal(line["unit_price_excl_tax"]) * 10 for line in sheet["lines"])
    assert total == Decimal(sheet["quote"]["total_excl_tax"])

    story.act(quote["id"], "select-scenario", kind="express")
    assert Decimal(story.sheet(quote["id"])["quote"]["total_excl_tax"]) == express
    story.act(quote["id"], "submit")
    story.act(quote["id"], "approve", accept_to_confirm=True)
    pdf = story.http.get(f"/api/v1/quotes/{quote['id']}/pdf")
    assert pdf.content.startswith(b"%PDF")
    filed = story.http.get("/api/v1/documents?document_type=quote").json()["items"]
    assert [d["title"] for d in filed] == [f"Devis {quote['number']}"]
    sent = story.act(quote["id"], "send")["record"]
    assert sent["status"] == "sent"
    assert sent["sent_at"]


@pytest.mark.requirement("QUO-02")
def test_approval_is_a_persons(story: Story) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    path = f"/api/v1/quotes/{quote['id']}/approve"
    assert story.api(Principal.service("automate")).post(path).status_code == 403
    assert story.api(person("quoting:read", "quoting:update")).post(path).status_code == 403
    assert story.api(master()).post(path, json={"accept_to_confirm": True}).status_code == 200


def test_the_price_is_that_of_the_engine(story: Story) -> None:
    """The shop read from the database gives machines, tools and times of the engine's own shop."""
    from tests.coordinator.quoting.engine import samples

    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    stored = [
        (o["operation_type"], o["operation_label"], Decimal(o["run_min"]))
        for o in story.sheet(quote["id"])["lines"][0]["operations"]
    ]
    own = samples.line(samples.quote(samples.part(SHAFT)))
    expected = [
        (o["operation_type"], o["label"], Decimal(str(round(o["run_min"], 3)))) for o in own["operations"]
    ]
    assert [s[:2] for s in stored] == [e[:2] for e in expected]
    assert [
        (s, e) for s, e in zip(stored, expected, strict=True) if abs(s[2] - e[2]) > Decimal("0.002")
    ] == []


@pytest.mark.requirement("QUO-32")
def test_below_the_minimum_margin_nobody_approves(story: Story) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    line = story.sheet(quote["id"])["lines"][0]
    floor = Decimal(line["unit_cost"]) / Decimal("0.85")
    path = f"/api/v1/quote-lines/{line['id']}"
    low = {
        "manual_unit_price": str((floor - 1).quantize(Decimal("0.01"))),
        "row_version": line["row_version"],
    }
    assert story.http.patch(path, json=low).status_code == 200
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    refused = story.act(quote["id"], "approve", expect=400)
    assert refused["code"] == "quote.below_minimum_margin"
    assert Decimal(refused["lines"][0]["minimum"]) >= floor
    row_version = story.http.get(path).json()["row_version"]
    enough = {"manual_unit_price": refused["lines"][0]["minimum"], "row_version": row_version}
    assert story.http.patch(path, json=enough).status_code == 200
    story.act(quote["id"], "compute")
    record = story.act(quote["id"], "approve", accept_to_confirm=True)["record"]
    assert Decimal(record["margin_pct"]) >= 15


@pytest.mark.requirement("QUO-32")
@pytest.mark.parametrize("cost", [None, Decimal(0)])
@pytest.mark.parametrize("price", [None, Decimal(0)])
def test_a_line_without_cost_and_price_is_never_approved(cost: Decimal | None, price: Decimal | None) -> None:
    line = rules.PricedLine(2, cost, price)
    with pytest.raises(BusinessError) as refused:
        rules.check_approval("DEV-1", dt.datetime.now(dt.UTC), Decimal(0), (), [line], CostSettings())
    assert refused.value.code == "quote.incomplete"


@pytest.mark.requirement("QUO-45")
def test_typed_values_survive_until_reset(story: Story) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    before = story.sheet(quote["id"])
    row = next(o for o in before["lines"][0]["operations"] if o["operation_type"] == "turning")
    path = f"/api/v1/quote-line-operations/{row['id']}"
    typed = str(Decimal(row["run_min"]) + 30)
    assert (
        story.http.patch(path, json={"run_min": typed, "row_version": row["row_version"]}).status_code == 200
    )
    assert not story.sheet(quote["id"])["is_computed"], "a changed quote must be computed again"
    story.act(quote["id"], "compute")
    after = story.sheet(quote["id"])
    kept = next(o for o in after["lines"][0]["operations"] if o["id"] == row["id"])
    assert Decimal(kept["run_min"]) == Decimal(typed)
    assert kept["is_manual"]
    explained = story.http.get(
        f"/api/v1/quotes/{quote['id']}/explain",
        params={"line": before["lines"][0]["id"], "operation": row["id"]},
    ).json()
    assert explained["values"]["run_min"]["source"] == "manual"
    assert Decimal(explained["values"]["run_min"]["computed"]) == Decimal(row["run_min"])
    more = Decimal(after["quote"]["total_excl_tax"]) - Decimal(before["quote"]["total_excl_tax"])
    assert more > 10 * 30 / 60 * 40, "ten pieces of half an hour more cost at least that"
    assert story.http.post(f"{path}/reset").status_code == 200
    story.act(quote["id"], "compute")
    assert story.sheet(quote["id"])["quote"]["total_excl_tax"] == before["quote"]["total_excl_tax"]


@pytest.mark.requirement("QUO-51", "QUO-06")
def test_a_bad_line_stops_neither_the_others_nor_gives_a_total(story: Story) -> None:
    quote = story.quote(story.shaft)
    story.line(quote["id"], description="Pièce sans matière", length_mm="50", width_mm="20", height_mm="10")
    result = story.act(quote["id"], "compute")["result"]
    good, bad = story.sheet(quote["id"])["lines"]
    assert good["unit_price_excl_tax"] is not None
    assert bad["unit_price_excl_tax"] is None
    assert bad["error_code"] == "material_missing"
    assert [q["line"] for q in result["questions"] if q["blocking"]] == [2]
    assert story.sheet(quote["id"])["quote"]["total_excl_tax"] is None
    story.act(quote["id"], "submit")
    assert story.act(quote["id"], "approve", expect=400)["code"] == "quote.open_questions"
    story.http.post(f"/api/v1/quote-lines/{bad['id']}/remove")
    assert story.act(quote["id"], "approve", expect=400)["code"] == "quote.not_computed"
    story.act(quote["id"], "compute")
    story.act(quote["id"], "approve", accept_to_confirm=True)


@pytest.mark.requirement("QUO-07")
def test_manual_mode_prices_typed_times_at_the_rates(story: Story) -> None:
    quote = story.quote(method="manual")
    line = story.line(quote["id"], description="Équerre", manual_material_cost="4.00")
    assert line["method"] == "manual"
    assert story.act(quote["id"], "compute")["result"]["questions"][0]["code"] == "operations_empty"
    machine = story.http.get("/api/v1/machines?code=CU3-1").json()["items"][0]["id"]
    operation = {
        "quote_line_id": line["id"], "sequence_no": 10, "operation_type": "milling", "operation_label": "Fraisage",
        "machine_id": machine, "setup_min": "60", "run_min": "6",
    }  # fmt: skip
    assert story.http.post("/api/v1/quote-line-operations", json=operation).status_code == 201
    story.act(quote["id"], "compute")
    sheet = story.sheet(quote["id"])
    [row] = sheet["lines"][0]["operations"]
    assert Decimal(row["cost"]) == Decimal(130), "1 h of set-up and 10 × 6 min at 65 €/h"
    assert sheet["lines"][0]["unit_price_excl_tax"] is not None


@pytest.mark.requirement("QUO-09")
def test_retired_machines_are_never_used(story: Story) -> None:
    quote = story.quote(story.block)
    with story.factory.open(master()) as ctx:
        for machine in ctx.session.query(Machine).filter(Machine.code.in_(("CU3-1", "CU5-1", "TF-1"))):
            machine.status = "retired"
    story.act(quote["id"], "compute")
    line = story.sheet(quote["id"])["lines"][0]
    assert line["feasibility"] == "not_feasible"
    assert any("Sous-traitance" in a for g in line["resource_gaps"] for a in g["alternatives"])


@pytest.mark.requirement("QUO-03")
def test_a_sent_quote_changes_only_as_a_new_version(story: Story) -> None:
    quote = story.quote(story.shaft, customer_reference="AO-7")
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    story.act(quote["id"], "approve", accept_to_confirm=True)
    story.act(quote["id"], "send")
    line = story.sheet(quote["id"])["lines"][0]
    change = {"quantity": 20, "row_version": line["row_version"]}
    locked = story.http.patch(f"/api/v1/quote-lines/{line['id']}", json=change)
    assert locked.json()["code"] == "quote.locked"
    new = story.act(quote["id"], "revise")["result"]
    assert new["number"] == f"{quote['number']}-B"
    copy = story.sheet(new["quote_id"])
    assert copy["quote"]["customer_reference"] == "AO-7"
    assert [item["drawing_analysis_id"] for item in copy["lines"]] == [story.shaft]
    assert story.sheet(quote["id"])["current_version"]["number"] == new["number"]
    refused = story.act(quote["id"], "accept", expect=409)
    assert refused["code"] == "quote.replaced"
    assert story.act(quote["id"], "revise", expect=409)["code"] == "quote.replaced"


@pytest.mark.requirement("QUO-50")
def test_dates_without_plan_need_an_acknowledgement(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = Availability(dt.date(2026, 3, 2), is_known=False)
    monkeypatch.setattr(availability, "from_plan", lambda _ctx, _calendar: unknown)
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    story.act(quote["id"], "submit")
    refused = story.act(quote["id"], "approve", expect=400)
    assert refused["code"] == "quote.to_confirm"
    story.act(quote["id"], "approve", accept_to_confirm=True)


def test_the_first_free_day_follows_the_plan() -> None:
    calendar = Calendar()
    monday = dt.date(2026, 3, 2)
    full = [availability.Slot("M", monday + dt.timedelta(days=d), 470.0, "CMD-1") for d in range(3)]
    assert availability.earliest_free(full, calendar, monday) == {"M": dt.date(2026, 3, 5)}
    half = [availability.Slot("M", monday, 200.0)]
    assert availability.earliest_free(half, calendar, monday) == {"M": monday}


@pytest.mark.requirement("QUO-34", "QUO-36")
def test_a_busy_machine_moves_the_standard_date_only(story: Story) -> None:
    quote = story.quote(story.block)
    story.act(quote["id"], "compute")
    before = [s["delivery_date"] for s in story.sheet(quote["id"])["scenarios"]]
    with story.factory.open(master()) as ctx:
        ids = [m.id for m in ctx.session.query(Machine).filter(Machine.code.in_(("CU3-1", "CU5-1", "TF-1")))]
        slots = [_slot(ctx, machine, day) for machine in ids for day in range(30)]
    story.act(quote["id"], "compute")
    after = [s["delivery_date"] for s in story.sheet(quote["id"])["scenarios"]]
    assert after[0] > before[0]
    assert after[1] == before[1], "express is planned as if the orders in front could move"
    with story.factory.open(master()) as ctx:
        assert ctx.session.query(MachineSlot).count() == len(slots), "quoting books nothing"


def _slot(ctx: Context, machine_id: int, day: int) -> MachineSlot:
    start = dt.datetime.combine(ctx.now.date() + dt.timedelta(days=day), dt.time(7), dt.UTC)
    slot = MachineSlot(
        machine_id=machine_id, kind="reservation", start_at=start, end_at=start + dt.timedelta(hours=8),
        work_date=start.date(), estimated_load_min=Decimal(480),
    )  # fmt: skip
    return ctx.add(slot)


def test_version_letters() -> None:
    assert version_number("DEV-2026-0001", 2) == "DEV-2026-0001-B"
    assert version_number("DEV-2026-0001-B", 3) == "DEV-2026-0001-C"
    assert version_number("DEV-2026-0001-Z", 27) == "DEV-2026-0001-AA"


@pytest.mark.requirement("DRW-33")
def test_unreviewed_drawings_are_not_quoted(story: Story) -> None:
    with story.factory.open(master()) as ctx:
        unread = workshop.validated(
            ctx,
            {
                **SHAFT,
                "title_block": {**SHAFT["title_block"], "drawing_number": {"value": "Z-1", "status": "read"}},
            },
            story.customer,
            status="to_review",
        ).id
    quote = story.quote()
    refused = story.http.post(
        "/api/v1/quote-lines", json={"quote_id": quote["id"], "quantity": 1, "drawing_analysis_id": unread}
    )
    assert refused.json()["code"] == "drawing.not_validated"


def test_costs_are_hidden_from_those_who_may_not_see_them(story: Story) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")
    seller = story.api(person("quoting:read", field_groups=frozenset({"prices"})))
    sheet = seller.get(f"/api/v1/quotes/{quote['id']}/sheet").json()
    line = sheet["lines"][0]
    assert "unit_cost" not in line
    assert line["cost_breakdown"] is None
    assert "blank" not in line
    explained = seller.get(f"/api/v1/quotes/{quote['id']}/explain", params={"line": line["id"]}).json()
    assert not {"unit_cost", "cost_breakdown", "blank", "price_explanation"} & set(explained["values"])


@pytest.mark.requirement("QUO-45")
def test_the_price_explains_itself_in_the_chosen_scenario(story: Story) -> None:
    quote = story.quote(story.shaft)
    story.act(quote["id"], "compute")

    def told() -> tuple[Decimal, dict[str, Any]]:
        line = story.sheet(quote["id"])["lines"][0]
        answer = story.http.get(f"/api/v1/quotes/{quote['id']}/explain", params={"line": line["id"]}).json()
        return Decimal(line["unit_price_excl_tax"]), answer["values"]["price_explanation"]

    for kind, factor in (("standard", 1.0), ("express", 1.3)):
        story.act(quote["id"], "select-scenario", kind=kind)
        price, mark = told()
        assert Decimal(str(mark["value"])) == price
        assert mark["inputs"]["facteur du scénario"] == factor
    line = story.sheet(quote["id"])["lines"][0]
    story.change("quote-lines", line["id"], manual_unit_price="99.00")
    story.act(quote["id"], "compute")
    price, mark = told()
    assert price == 99
    assert (mark["source"], mark["value"]) == ("manual", "99.0000")
    assert mark["replaced"]["formula"]


@pytest.mark.requirement("QUO-39")
def test_quotes_expire(ctx: Context) -> None:
    made = workshop.customer(ctx)
    quote = ctx.add(
        Quote(number="DEV-X", customer_id=made.id, status="sent", quote_date=ctx.now.date() - dt.timedelta(days=40),
              valid_until=ctx.now.date() - dt.timedelta(days=1))
    )  # fmt: skip
    assert service.expire(ctx) == 1
    assert quote.status == "expired"


def test_price_breaks_are_computed(story: Story) -> None:
    quote = story.quote()
    story.act(
        quote["id"],
        "add-drawings",
        drawing_analysis_ids=[story.shaft],
        quantity=10,
        price_break_quantities=[100],
    )
    story.act(quote["id"], "compute")
    line = story.sheet(quote["id"])["lines"][0]
    [row] = line["price_breaks"]
    assert Decimal(row["unit_price_excl_tax"]) < Decimal(line["unit_price_excl_tax"])


def _pdf_text(content: bytes) -> str:
    pages = PdfDocument(content)
    text = " ".join(page.get_textpage().get_text_range() for page in pages)
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


@pytest.mark.requirement("QUO-05", "QUO-34")
def test_other_quantities_have_a_price_in_every_scenario(story: Story) -> None:
    quote = story.quote(margin_target_pct="40")
    story.act(
        quote["id"],
        "add-drawings",
        drawing_analysis_ids=[story.shaft],
        quantity=10,
        price_break_quantities=[100],
    )
    story.act(quote["id"], "compute")
    sheet = story.sheet(quote["id"])
    by_kind = {}
    for scenario in sheet["scenarios"]:
        [row] = scenario["price_breaks"]
        by_kind[scenario["kind"]] = Decimal(row["unit_price_excl_tax"])
    assert by_kind["economic"] < by_kind["standard"] < by_kind["express"]
    for scenario in sheet["scenarios"]:
        story.act(quote["id"], "select-scenario", kind=scenario["kind"])
        [row] = story.sheet(quote["id"])["lines"][0]["price_breaks"]
        assert Decimal(row["unit_price_excl_tax"]) == by_kind[scenario["kind"]]
    story.act(quote["id"], "select-scenario", kind="express")
    story.act(quote["id"], "submit")
    story.act(quote["id"], "approve", accept_to_confirm=True)
    text = _pdf_text(story.http.get(f"/api/v1/quotes/{quote['id']}/pdf").content)
    told = f"{by_kind['express']:.2f}".replace(".", ",")
    after = text[text.index("Prix par quantité") :]
    assert after.startswith("Prix par quantité : 100")
    assert told in after[:80]


def test_every_setting_has_french_words() -> None:
    from coordinator.kernel.i18n import has_text

    assert [d.key for d in setting_defs() if not has_text(f"setting.{d.key}")] == []
