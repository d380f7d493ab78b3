"""Steps 7 to 9 and 13: routing and work order, plan and breakdown, the shop floor from first to last scan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infra.demo.client import Record
from infra.demo.stations import MACHINE_CODE
from infra.demo.story.setting_up import PIN
from infra.demo.story.telling import Story, expect

_MACHINING = ("turning", "milling")
_SHEET_DPI = 200
_FIRST_BATCH = 3
_SCRAPPED = 1
_OVERRUN_MIN = 1260.0
"""Far beyond the quote, so that the job loses money."""


# routing and work order -----------------------------------------------------------------------------------


def release_work_order(story: Story) -> str:
    """Methods complete and validate the routing, the workshop gets an order with a code per operation and its sheet."""
    methods = story.who("methods")
    routing = _routing(story)
    operations = methods.list("routing-operations", routing_id=routing["id"], sort="sequence_no")
    types = [o["operation_type"] for o in operations]
    expect(types[0] == "cutting", f"La gamme ne commence pas par le sciage : {', '.join(types)}")
    _use_connected_machine(story, operations)
    validated = methods.act("routings", routing["id"], "validate")["record"]
    expect(validated["status"] == "validated", f"La gamme reste {validated['status']}.")
    order = _work_order(story, routing)
    released = methods.act("work-orders", order["id"], "release")["record"]
    expect(released["status"] == "released", f"L'ordre de fabrication reste {released['status']}.")
    story.facts["work_order"] = released
    rows = methods.list("work-order-operations", work_order_id=order["id"], sort="sequence_no")
    codes = dict(story.workshop.rows(
        "SELECT q.object_id, q.code FROM qr_code q JOIN work_order_operation o ON o.id = q.object_id"
        " WHERE q.object_type = 'work_order_operation' AND q.revoked_at IS NULL AND o.work_order_id = %s", order["id"],
    ))  # fmt: skip
    expect(len(codes) == len(rows), f"{len(codes)} codes pour {len(rows)} opérations.")
    story.facts["operations"] = [{**row, "code": codes[row["id"]]} for row in rows]
    sheet = _print_sheet(story, released)
    return f"{released['number']} : {len(rows)} opérations avec leur code, fiche suiveuse de {sheet.stat().st_size // 1024} Ko"


def _routing(story: Story) -> Record:
    """The routing the order brought; the coordinator makes it in the background."""
    found: list[Record] = story.eventually(
        lambda: story.who("methods").list("routings", part_revision_id=story.facts["part_revision_id"]),
        "La commande n'a pas donné de gamme", timeout_s=60,
    )  # fmt: skip
    return found[0]


def _work_order(story: Story, routing: Record) -> Record:
    """The work order the sales order brought."""
    found = story.who("methods").list("work-orders", routing_id=routing["id"])
    expect(len(found) == 1, f"{len(found)} ordres de fabrication pour une ligne de commande.")
    line_id = story.facts["sales_order_line"]["id"]
    expect(
        found[0]["sales_order_line_id"] == line_id,
        "L'ordre de fabrication ne vient pas de la ligne de commande.",
    )
    return found[0]


def _use_connected_machine(story: Story, operations: list[Record]) -> None:
    """The first machining operation goes to the machine whose agent runs, as methods decide."""
    methods = story.who("methods")
    machining = next((o for o in operations if o["operation_type"] in _MACHINING), None)
    expect(machining, "La gamme n'a pas d'opération d'usinage.")
    connected = story.facts[f"machine.{MACHINE_CODE}"]
    if machining is None or machining["machine_id"] == connected["id"]:
        return
    methods.change("routing-operations", machining, machine_id=connected["id"])
    for copy in methods.list("work-order-operations", routing_operation_id=machining["id"]):
        methods.change("work-order-operations", copy, machine_id=connected["id"])


def _print_sheet(story: Story, order: Record) -> Path:
    content = story.who("methods").raw("GET", f"/work-orders/{order['id']}/routing-sheet.pdf").content
    expect(content.startswith(b"%PDF"), "La fiche suiveuse n'est pas un PDF.")
    path = story.workshop.folder / f"{order['number']}.pdf"
    path.write_bytes(content)
    story.facts["sheet"] = path
    return path


# plan and breakdown ---------------------------------------------------------------------------------------


def plan_and_rearrange(story: Story) -> str:
    """Every operation gets its place; a breakdown makes a proposal, which the planner accepts."""
    planner, shop = story.who("production"), story.workshop
    order_id = story.facts["work_order"]["id"]
    planner.call("POST", "/planning/solve", json={})
    slots = "SELECT count(*) FROM machine_slot s JOIN work_order_operation o ON o.id = s.work_order_operation_id" \
            " WHERE o.work_order_id = %s AND s.status = 'planned' AND s.archived_at IS NULL"  # fmt: skip
    wanted = shop.value(
        "SELECT count(*) FROM work_order_operation WHERE work_order_id = %s AND machine_id IS NOT NULL",
        order_id,
    )
    story.eventually(
        lambda: shop.value(slots, order_id) >= wanted and shop.value("SELECT count(*) FROM plan_run"),
        f"Le plan n'a pas placé les {wanted} opérations", timeout_s=90,
    )  # fmt: skip
    busy = "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'planning' AND status IN ('todo', 'doing')"
    story.eventually(lambda: shop.value(busy) == 0, "Le planning n'en finit pas", timeout_s=90)
    people = shop.value(
        "SELECT count(DISTINCT s.employee_id) FROM operator_slot s JOIN work_order_operation o"
        " ON o.id = s.work_order_operation_id WHERE o.work_order_id = %s AND s.status = 'planned'", order_id,
    )  # fmt: skip
    expect(people, "Le plan n'emploie personne.")
    moved = _break_down(story)
    run = shop.rows("SELECT solver_status, seconds FROM plan_run ORDER BY id LIMIT 1")[0]
    return f"{wanted} opérations placées, {people} personnes ({run[0]}, {run[1]} s) ; panne : {moved}"


def _break_down(story: Story) -> str:
    """A machine the plan uses stops; the proposal is accepted by the planner."""
    planner, shop = story.who("production"), story.workshop
    machine_id, code = shop.rows(
        "SELECT m.id, m.code FROM machine_slot s JOIN machine m ON m.id = s.machine_id"
        " WHERE s.status = 'planned' AND s.archived_at IS NULL AND m.code <> %s AND m.machine_type <> 'saw'"
        " AND s.start_at < now() + interval '8 hours' ORDER BY s.start_at LIMIT 1", MACHINE_CODE,
    )[0]  # fmt: skip
    answer = _identified(
        story, "operator", action="breakdown", machine_code=code, comment="Fuite hydraulique"
    )
    expect(
        "breakdown.reported" in answer["events"], f"La panne n'est pas enregistrée : {answer.get('message')}"
    )
    proposal = story.eventually(
        lambda: next(
            (p for p in planner.list("replan-proposals", machine_id=machine_id) if p["status"] in ("proposed", "auto_applied")),
            None,
        ),
        "La panne ne donne pas de proposition", timeout_s=90,
    )  # fmt: skip
    changes = planner.list("replan-changes", replan_proposal_id=proposal["id"])
    expect(changes, f"La proposition ne déplace rien de {code}.")
    if proposal["status"] == "proposed":
        accepted = planner.act("replan-proposals", proposal["id"], "accept")["record"]
        expect(accepted["status"] == "accepted", f"La proposition reste {accepted['status']}.")
    return f"{code}, proposition n° {proposal['id']} acceptée, {len(changes)} tâches déplacées"


# the shop floor -------------------------------------------------------------------------------------------


def _identified(story: Story, key: str, **request: Any) -> dict[str, Any]:
    """A person at the scan station: badge, PIN, then the act; the session is closed afterwards."""
    scan = story.workshop.stations["scan"]
    story.eventually(
        lambda: _badge_known(story, key),
        "La station ne connaît pas encore le badge",
        timeout_s=30,
        every_s=0.7,
    )
    welcome = scan.ask(action="pin", pin=PIN[key])
    expect(welcome["user"] == story.facts[f"{key}.name"], f"Badge et code refusés : {welcome.get('message')}")
    return scan.ask(**request)


def _badge_known(story: Story, key: str) -> bool:
    scan = story.workshop.stations["scan"]
    scan.ask(action="logout")
    return bool(scan.ask(scan=story.facts[f"{key}.badge"])["key"] == "badge.known")


def _say(story: Story, **request: Any) -> dict[str, Any]:
    """One more act of the person at the station; it must be accepted."""
    answer = story.workshop.stations["scan"].ask(**request)
    expect(answer["ok"], f"La station refuse {request} : {answer.get('message')}")
    return answer


def print_codes(story: Story) -> dict[str, Path]:
    """Pages of the printed sheet as images, cut out around each code, by code."""
    import cv2
    import numpy as np
    import pypdfium2

    from edge_agents.drivers.scanner.decode import decode_image

    wanted = {operation["code"] for operation in story.facts["operations"]}
    found: dict[str, Path] = {}
    with pypdfium2.PdfDocument(story.facts["sheet"]) as document:
        for number, page in enumerate(document, 1):
            grey = np.ascontiguousarray(
                page.render(scale=_SHEET_DPI / 72, grayscale=True).to_numpy().squeeze()
            )
            for code in decode_image(grey):
                if code.text not in wanted or code.text in found:
                    continue
                xs, ys = [p[0] for p in code.polygon], [p[1] for p in code.polygon]
                edge = 0.25 * (max(xs) - min(xs))
                left, top = (max(0, int(v - edge)) for v in (min(xs), min(ys)))
                part = grey[top : int(max(ys) + edge), left : int(max(xs) + edge)]
                path = story.workshop.folder / f"code-{number}-{len(found) + 1}.png"
                cv2.imwrite(str(path), part)
                found[code.text] = path
    return found


def start_operations(story: Story) -> str:
    """Two people identify themselves and start sawing and machining with the printed codes."""
    codes = print_codes(story)
    operations = story.facts["operations"]
    missing = [o["sequence_no"] for o in operations if o["code"] not in codes]
    expect(not missing, f"Codes illisibles sur la fiche imprimée : opérations {missing}")
    saw = next(o for o in operations if o["operation_type"] == "cutting")
    machining = next(o for o in operations if o["operation_type"] in _MACHINING)
    story.facts["saw"], story.facts["machining"] = saw, machining
    story.eventually(
        lambda: _known_at_station(story),
        "La station n'a pas reçu les opérations",
        timeout_s=40,
        every_s=1,
    )
    started = _identified(story, "operator", image=str(codes[saw["code"]]))
    expect("operation.started" in started["events"], f"Le sciage ne démarre pas : {started.get('message')}")
    _say(story, action="report", good=_FIRST_BATCH)
    _wait_status(story, saw, "in_progress")
    started = _identified(story, "operator2", image=str(codes[machining["code"]]))
    expect("operation.started" in started["events"], f"L'usinage ne démarre pas : {started.get('message')}")
    _wait_status(story, machining, "in_progress")
    entries = story.workshop.value(
        "SELECT count(DISTINCT user_id) FROM time_entry WHERE work_order_operation_id IN (%s, %s)",
        saw["id"],
        machining["id"],
    )
    expect(entries == 2, f"{entries} personnes pointées au lieu de 2.")
    return f"{len(codes)} codes lus sur la fiche imprimée ; opérations {saw['sequence_no']} et {machining['sequence_no']} en cours"


def _known_at_station(story: Story) -> bool:
    """The station says in its log what reference data it stored; on its disk they are encrypted."""
    log = story.workshop.stations["scan"].service.log.read_text("utf-8", "replace")
    stored = [json.loads(line) for line in log.splitlines() if '"reference.stored"' in line]
    return bool(stored) and int(stored[-1]["operations"]) >= len(story.facts["operations"])


def _wait_status(story: Story, operation: Record, status: str) -> None:
    query = "SELECT status FROM work_order_operation WHERE id = %s"
    story.eventually(
        lambda: story.workshop.value(query, operation["id"]) == status,
        lambda: f"L'opération {operation['sequence_no']} n'est pas {status}{_refusals(story)}",
    )


def _refusals(story: Story) -> str:
    rows = story.workshop.rows(
        "SELECT event_type, outcome, outcome_code, message FROM inbox_message WHERE outcome IN ('refused', 'failed') ORDER BY id"
    )
    return "".join(f" ; {' '.join(str(v) for v in row)}" for row in rows[-3:])


def finish_operations(story: Story) -> str:
    """Sawing debits the bar and leaves an offcut; machining ends with a scrapped part; the others follow."""
    saw, machining = story.facts["saw"], story.facts["machining"]
    quantity = int(float(story.facts["work_order"]["quantity"]))
    stock_before = _material_mm(story)
    _identified(story, "operator", scan=saw["code"])
    _say(story, action="finish", good=quantity - _FIRST_BATCH)
    _wait_status(story, saw, "done")
    consumed = stock_before - _material_mm(story)
    planned = story.workshop.value("SELECT material FROM work_order_operation WHERE id = %s", saw["id"]) or {}
    least = float(planned.get("cut_length_mm") or 0) * int(planned.get("cut_count") or 0)
    expect(least > 0, "L'opération de sciage ne dit pas quelle matière couper.")
    expect(
        consumed >= least,
        f"La matière n'est débitée que de {consumed:.0f} mm au lieu d'au moins {least:.0f} mm.",
    )
    offcuts = story.workshop.value(
        "SELECT count(*) FROM stock_unit WHERE parent_id IS NOT NULL AND length_mm > 0"
    )
    expect(offcuts, "Le sciage ne laisse pas de chute.")
    good = quantity - _SCRAPPED
    _identified(story, "operator2", scan=machining["code"])
    _say(
        story,
        action="finish",
        good=good,
        scrap=_SCRAPPED,
        scrap_cause="tool",
        comment="Arête cassée en fin de passe",
    )
    _wait_status(story, machining, "done")
    others = [o for o in story.facts["operations"] if o["id"] not in (saw["id"], machining["id"])]
    for operation in others:
        _through(story, operation, good)
    _say(story, action="logout")
    status = story.workshop.value(
        "SELECT status FROM work_order WHERE id = %s", story.facts["work_order"]["id"]
    )
    expect(status == "done", f"L'ordre de fabrication reste {status}.")
    lot = story.workshop.value(
        "SELECT quantity FROM part_lot WHERE work_order_id = %s", story.facts["work_order"]["id"]
    )
    expect(int(lot) == good, f"Le lot compte {lot} pièces au lieu de {good}.")
    minutes = story.workshop.value(
        "SELECT sum(actual_time_min) FROM work_order_operation WHERE work_order_id = %s",
        story.facts["work_order"]["id"],
    )
    return f"{good} bonnes, {_SCRAPPED} rebut, {float(minutes):.1f} min ; {consumed:.0f} mm de barre débités, {offcuts} chute"


def _material_mm(story: Story) -> float:
    return float(story.workshop.value(
        "SELECT coalesce(sum(quantity), 0) FROM stock_balance WHERE stock_item_id = %s", story.facts["material.C45"]["id"]
    ))  # fmt: skip


def _through(story: Story, operation: Record, good: int) -> None:
    """The same person starts and finishes one of the following operations, and gives the time she spent."""
    _say(story, scan=operation["code"])
    minutes = (
        _OVERRUN_MIN
        if operation["operation_type"] == "milling"
        else round(float(operation["planned_time_min"]), 1) or 1.0
    )
    _say(story, action="finish", good=good, time_spent_min=minutes, comment="Temps relevé sur la fiche")
    _wait_status(story, operation, "done")
