"""Steps 14 to 16: what the job earned, what the customer gets, what is kept of the part."""

from __future__ import annotations

from infra.demo.story.telling import Story, expect


def trace_part(story: Story) -> str:
    """The lot's file names drawing, material, machine, people, tools, program and times; the history is intact."""
    owner, shop = story.who("owner"), story.workshop
    lot = owner.one("part-lots", work_order_id=story.facts["work_order"]["id"])
    file = owner.call("GET", f"/part-lots/{lot['id']}/trace")
    part = file["part"]
    expect(part["drawing_number"] == story.facts["part"]["drawing_number"], "La trace ne nomme pas le plan.")
    heats = {m.get("heat_number") for m in file["material"]} - {None}
    expect("H48213" in heats, f"La trace ne remonte pas à la coulée H48213 : {file['material']}")
    machining = next(o for o in file["operations"] if o["id"] == story.facts["machining"]["id"])
    expect(machining["machines"], "La trace ne nomme pas la machine.")
    people = {name for o in file["operations"] for name in o["people"]}
    wanted = {story.facts["operator.name"], story.facts["operator2.name"]}
    expect(
        wanted <= people, f"La trace nomme {', '.join(sorted(people))} au lieu de {', '.join(sorted(wanted))}"
    )
    expect(machining["programs"], "La trace ne nomme pas le programme de la machine.")
    expect(machining["cycle_list"], "La trace n'a pas les cycles de la machine.")
    expect(float(machining["actual_time_min"]) > 0, "La trace n'a pas le temps passé.")
    tools = {tool["code"] or tool["name"] for o in file["operations"] for tool in o["tools"]}
    expect(tools, "La trace ne nomme aucun outil.")
    events = len(file["events"])
    expect(events, "La vie du lot est vide.")
    history = _history(story)
    lines = shop.value("SELECT count(*) FROM audit_log")
    return (
        f"lot {lot['number']} : plan {part['drawing_number']}, coulée {', '.join(sorted(heats))}, machine "
        f"{machining['machines'][0]['code']}, programme {', '.join(machining['programs'])}, {len(tools)} outils, {events} faits ; "
        f"historique de {lines} lignes intact ({history})"
    )


def _history(story: Story) -> str:
    """``usinage check`` verifies the chain of the history and the rest of the installation."""
    checks = {check["code"]: check for check in story.workshop.check()}
    history = checks["history"]
    expect(history["status"] == "ok", f"L'historique n'est pas intact : {history['detail']}")
    failed = [
        f"{check['label']} : {check['detail']}" for check in checks.values() if check["status"] == "failed"
    ]
    expect(not failed, f"Le diagnostic signale : {' ; '.join(failed)}")
    return f"{len(checks)} contrôles"
