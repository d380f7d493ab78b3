"""Steps 10 to 12: the machine turns, a tool leaves the cabinet, the line is cut; facts come in once."""

from __future__ import annotations

import time

from infra.demo.stations import MACHINE_CODE, StationUnit, photograph
from infra.demo.story.telling import Story, expect

PROGRAM = "O1042"
_CYCLES = 2
_OVERLOAD_PCT = 162.0
_TAKEN = "A-01"
_CUT_ROUNDS = 4


def run_machine(story: Story) -> str:
    """Cycles over OPC UA become states, cycles, parts and samples; an overload becomes a collision event."""
    shop = story.workshop
    machine_id = story.facts[f"machine.{MACHINE_CODE}"]["id"]
    program_cycles = (
        "SELECT count(*) FROM machine_cycle WHERE machine_id = %s AND program = %s AND result = 'complete'"
    )
    before = shop.value(program_cycles, machine_id, PROGRAM)
    for number in range(1, _CYCLES + 1):
        shop.machine_order(do="start_cycle", program=PROGRAM, seconds=2, parts=1, tool=12)
        story.eventually(
            lambda number=number: shop.value(program_cycles, machine_id, PROGRAM) >= before + number,  # type: ignore[misc]
            f"Le cycle {number} n'arrive pas en base",
        )
    parts = shop.value(
        "SELECT sum(part_count) FROM machine_cycle WHERE machine_id = %s AND program = %s",
        machine_id,
        PROGRAM,
    )
    expect(parts == before + _CYCLES, f"{parts} pièces comptées au lieu de {before + _CYCLES}")
    states = {r[0] for r in shop.rows("SELECT state FROM machine_state WHERE machine_id = %s", machine_id)}
    expect({"running", "idle"} <= states, f"États reçus : {', '.join(sorted(states))}")
    _overload(story, machine_id)
    samples = story.eventually(
        lambda: shop.value(
            "SELECT sum(cardinality(value)) FROM telemetry_block b JOIN telemetry_channel c ON c.id = b.telemetry_channel_id"
            " WHERE c.machine_id = %s", machine_id,
        ),
        "Aucune mesure n'arrive",
    )  # fmt: skip
    live = story.who("owner").call("GET", f"/machines/{machine_id}/live")
    expect(live["cycles"], "La vue en direct ne montre pas les cycles.")
    minutes = shop.value("SELECT sum(duration_min) FROM machine_cycle WHERE machine_id = %s", machine_id)
    return f"{_CYCLES} cycles complets, {parts} pièces, {float(minutes) * 60:.1f} s de coupe, {samples} mesures, surcharge signalée, pièces contrôlées"


def _overload(story: Story, machine_id: int) -> None:
    shop = story.workshop
    shop.machine_order(do="start_cycle", program=PROGRAM, seconds=4, parts=0, tool=12)
    time.sleep(1)
    shop.machine_order(do="load_peak", value=_OVERLOAD_PCT, seconds=1)
    query = (
        "SELECT level, value, threshold, signals IS NOT NULL FROM machine_event"
        " WHERE machine_id = %s AND kind = 'collision' AND level = 'impact'"
    )
    found = story.eventually(
        lambda: shop.rows(query, machine_id), "La surcharge ne donne pas d'événement de collision"
    )
    _, value, threshold, has_signals = found[0]
    expect(value > threshold, f"Valeur {value} sous le seuil {threshold}.")
    expect(has_signals, "L'événement n'a pas gardé ses signaux.")
    told = shop.value(
        "SELECT count(*) FROM notification WHERE category = 'collision' AND severity = 'critical'"
    )
    expect(told, "Personne n'est averti de la collision.")
    # What was on the machine is held until somebody has measured it (MCH-23).
    held = story.eventually(
        lambda: shop.rows("SELECT id FROM part_hold WHERE status = 'open'"), "Les pièces en cours ne sont pas retenues"
    )  # fmt: skip
    for (hold,) in held:
        story.who("quality").act(
            "part-holds", int(hold), "decide", outcome="released", comment="Pièces mesurées après le choc : conformes."
        )  # fmt: skip


# the cabinet ----------------------------------------------------------------------------------------------


def visit_cabinet(story: Story, content: dict[str, int]) -> dict[str, object]:
    """Open the door, change what is inside, close it; the two photographs are taken by the station."""
    unit = story.workshop.stations["cabinet"]
    number = story.facts["photos"] = story.facts.get("photos", 0) + 1
    opened = unit.ask(do="open")
    expect(opened["ok"], f"L'armoire ne s'ouvre pas : {opened.get('message')}")
    photograph(unit, content, number)
    closed = unit.ask(do="close")
    expect(closed["ok"], f"La photographie ne sert pas : {closed.get('message')}")
    return closed


def take_tool(story: Story) -> str:
    """A tool leaves its compartment: stock is debited once, and the purchaser gets one proposal."""
    from edge_agents.drivers.simulators import cabinet

    shop = story.workshop
    content = cabinet.full_content()
    place, tool = story.facts[f"place.{_TAKEN}"], story.facts["tool.OUTIL-01"]
    on_hand = "SELECT coalesce(sum(quantity), 0) FROM stock_balance WHERE stock_item_id = %s AND storage_location_id = %s"
    expect(shop.value(on_hand, tool["id"], place["id"]) == 1, "Le stock de départ de la case n'est pas 1.")
    content[_TAKEN] = 0
    closed = visit_cabinet(story, content)
    story.facts["cabinet.content"] = content
    session = closed["session_uid"]
    story.eventually(
        lambda: shop.value("SELECT count(*) FROM vision_detection d JOIN cabinet_session s ON s.id = d.cabinet_session_id"
                           " WHERE s.uid = %s", session),
        "La détection n'arrive pas en base",
    )  # fmt: skip
    seen, status, delta, confidence, reason = shop.rows(
        "SELECT d.id, d.status, d.delta, d.confidence_pct, d.reason FROM vision_detection d"
        " JOIN cabinet_session s ON s.id = d.cabinet_session_id WHERE s.uid = %s", session,
    )[0]  # fmt: skip
    # A new cabinet has proven nothing yet: a person confirms what its camera saw (VIS-17).
    expect(status == "to_confirm", f"La détection n'attend pas une personne : {status}, {reason}")
    expect(delta == -1, f"La caméra a vu {delta:+d} au lieu de -1.")
    expect(shop.value(on_hand, tool["id"], place["id"]) == 1, "La case est débitée avant la confirmation.")
    story.who("storekeeper").act("vision-detections", int(seen), "confirm")
    story.eventually(lambda: shop.value(on_hand, tool["id"], place["id"]) == 0, "La case n'est pas débitée")
    moves = shop.value(
        "SELECT count(*) FROM stock_movement WHERE stock_item_id = %s AND source = 'camera' AND from_location_id = %s",
        tool["id"], place["id"],
    )  # fmt: skip
    expect(moves == 1, f"{moves} mouvements pour une prise.")
    proposals = story.eventually(
        lambda: story.who("purchasing").list("reorder-proposals", stock_item_id=tool["id"]),
        "Aucune proposition d'achat sous le seuil",
    )
    expect(len(proposals) == 1, f"{len(proposals)} propositions pour un article.")
    size = _photographs_kept(story, str(session))
    return (
        f"prise vue à {float(confidence):.0f} % et confirmée, deux photographies reçues ({size / 1000:.0f} ko), une sortie, proposition d'achat de {float(proposals[0]['quantity']):g} "
        f"{tool['code']}"
    )


def _photographs_kept(story: Story, session: str) -> int:
    """Both photographs stand in the coordinator's database, and the review shows the very bytes the station took."""
    shop = story.workshop
    record, before, after = shop.rows(
        "SELECT id, image_before, image_after FROM cabinet_session WHERE uid = %s", session
    )[0]
    expect(before and after and before != after, "La session n'a pas ses deux photographies.")
    query = (
        "SELECT sum(c.size) FROM station_file f JOIN stored_file c ON c.sha256 = f.sha256"
        " WHERE f.sha256 IN (%s, %s) HAVING count(*) = 2"
    )
    size = story.eventually(
        lambda: shop.value(query, before, after),
        "Les photographies n'arrivent pas au coordinateur",
        timeout_s=60,
    )
    reviewer = story.who("storekeeper")
    folder = shop.stations["cabinet"].data / "drivers" / "cabinet" / "images"
    for image in reviewer.get("cabinet-sessions", record)["photographs"]:
        expect(image["url"], "Une photographie manque à la revue.")
        seen = reviewer.raw("GET", image["url"].removeprefix("/api/v1")).content
        taken = (folder / f"{image['sha256']}.jpg").read_bytes()
        expect(seen == taken, "La photographie montrée n'est pas celle prise.")
    return int(size)


# the line is cut ------------------------------------------------------------------------------------------


def cut_line(story: Story) -> str:
    """Cut the line, kill a station, restart the broker amid scans and sessions; count both sides afterwards."""
    shop = story.workshop
    scan, cabinet = shop.stations["scan"], shop.stations["cabinet"]
    movements = shop.value("SELECT count(*) FROM stock_movement WHERE source = 'camera'")
    taken = _work(story, "avant")
    shop.stop_broker(kill=True)
    for number in range(_CUT_ROUNDS):
        taken += _work(story, f"coupure-{number}")
    expect(scan.waiting()["event"] > 0, "Rien n'attend dans le journal pendant la coupure.")
    scan.service.kill()
    cabinet.service.kill()
    scan.service.start()
    cabinet.service.start()
    taken += _work(story, "redemarrage")
    shop.start_broker()
    taken += _work(story, "reprise")
    shop.restart_broker()
    taken += _work(story, "apres")
    for unit in (scan, cabinet, shop.stations["machine"]):
        _all_there(story, unit)
    _confirm_seen(story, taken)
    expect(
        story.eventually(
            lambda: shop.value("SELECT count(*) FROM stock_movement WHERE source = 'camera'") == movements + taken,
            f"Les prises de l'armoire ne donnent pas {taken} mouvements de plus", timeout_s=60,
        ),
        "",
    )  # fmt: skip
    events = {unit.key: unit.journal_counts()["event"] for unit in shop.stations.values()}
    return (
        f"événements journaux = base : {', '.join(f'{k} {v}' for k, v in events.items())} ; {taken} mouvements d'armoire, "
        "0 perdu, 0 doublé"
    )


def _confirm_seen(story: Story, count: int) -> None:
    """A person confirms, in order, what the camera saw meanwhile."""
    query = "SELECT id FROM vision_detection WHERE status = 'to_confirm' ORDER BY detected_at, id"
    found = story.eventually(
        lambda: rows if len(rows := story.workshop.rows(query)) == count else None,
        f"Il n'y a pas {count} prises à confirmer",
        timeout_s=60,
    )
    for (seen,) in found:
        story.who("storekeeper").act("vision-detections", int(seen), "confirm")


def _work(story: Story, word: str) -> int:
    """Some scans and one cabinet session; returns how many stock movements the session is."""
    scan = story.workshop.stations["scan"]
    for number in range(5):
        answer = scan.ask(scan=f"ESSAI-{word}-{number}")
        expect("scan.read" in answer["events"], f"Le code n'est pas enregistré : {answer.get('message')}")
    content = story.facts["cabinet.content"]
    place = "A-02"
    content[place] = 0 if content[place] else 1
    closed = visit_cabinet(story, content)
    changes = [c for c in closed["changes"] if c["delta"]]  # type: ignore[attr-defined]
    expect(len(changes) == 1, f"La caméra a vu {len(changes)} changements au lieu d'un.")
    return 1


def _all_there(story: Story, unit: StationUnit) -> None:
    """Every event of the journal stands in the database once, and no other."""
    shop = story.workshop
    story.eventually(
        lambda: unit.waiting()["event"] == 0, f"{unit.name} : des événements attendent encore", timeout_s=60
    )
    journal = unit.event_ids()
    received = shop.rows(
        "SELECT message_id::text, count(*) FROM inbox_message WHERE station_code = %s AND stream = 'event'"
        " AND status = 'stored' GROUP BY 1", unit.code,
    )  # fmt: skip
    lost = journal - {row[0] for row in received}
    doubled = [row[0] for row in received if row[1] > 1]
    foreign = {row[0] for row in received} - journal
    expect(not lost, f"{unit.name} : {len(lost)} événements perdus.")
    expect(not doubled, f"{unit.name} : {len(doubled)} événements doublés.")
    expect(not foreign, f"{unit.name} : {len(foreign)} événements en base absents du journal.")
    facts = shop.value("SELECT count(*) FROM device_event WHERE station_code = %s", unit.code)
    distinct = shop.value("SELECT count(DISTINCT uid) FROM device_event WHERE station_code = %s", unit.code)
    expect(
        facts == distinct == len(journal),
        f"{unit.name} : {facts} faits en base pour {len(journal)} événements du journal.",
    )
    last, contiguous = (
        unit.journal_counts()["event"],
        shop.value(
            "SELECT contiguous_seq FROM station_stream WHERE station_code = %s AND stream = 'event'",
            unit.code,
        ),
    )
    expect(
        last == contiguous == len(journal),
        f"{unit.name} : journal {last}, base {contiguous}, {len(journal)} messages.",
    )
