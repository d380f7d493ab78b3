"""Titles of records are words of the workshop: local time, days as written in France, choices by their label."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event

from coordinator.bootstrap import registry
from coordinator.kernel.context import ContextFactory
from coordinator.kernel.crud import display, titles_of
from coordinator.kernel.i18n import field_label, t, written
from coordinator.modules.catalogue.models import Part
from coordinator.modules.identity.models import UserAccount
from coordinator.modules.people.models import Employee
from coordinator.modules.stations.models import StationCommand, VisionActivation, VisionDetection
from tests.conftest import master


@pytest.mark.requirement("UIX-07")
def test_instants_days_and_choices_are_told_in_words() -> None:
    entities = registry().entities
    summer = dt.datetime(2026, 7, 6, 22, 30, tzinfo=dt.UTC)
    assert display(entities["vision_detection"], VisionDetection(detected_at=summer)) == "07/07/2026 00:30"
    winter = dt.datetime(2026, 11, 23, 15, 2, 9, 123456, tzinfo=dt.UTC)
    assert display(entities["vision_detection"], VisionDetection(detected_at=winter)) == "23/11/2026 16:02"
    assert (
        display(entities["vision_activation"], VisionActivation(informed_on=dt.date(2026, 3, 9)))
        == "09/03/2026"
    )
    command = StationCommand(kind="run_count")
    assert display(entities["station_command"], command) != "run_count"
    assert display(entities["station_command"], command, "en") != display(
        entities["station_command"], command
    )
    assert display(entities["vision_detection"], VisionDetection(id=7)) == "Détection caméra n° 7"


def test_sentences_write_numbers_and_days_as_the_workshop_does() -> None:
    told = t("finance.alert", number="C1", line=2, margin=Decimal("-209.52"), causes="temps")
    assert "-209,52 %" in told
    assert "-209.52 %" in t("finance.alert", "en", number="C1", line=2, margin=Decimal("-209.52"), causes="")
    assert written(0.25) == "0,25"
    assert written(dt.date(2026, 3, 9)) == "09/03/2026"
    assert written("1.5") == "1.5", "a text is nobody's number"


@pytest.mark.requirement("UIX-07")
def test_titles_name_what_they_refer_to(api: Callable[..., Any]) -> None:
    """Never the bare number of another record, in lists, links and the history."""
    client = api(master())
    part = client.post("/api/v1/parts", json={"drawing_number": "AX-12", "name": "Axe"}).json()
    made = client.post("/api/v1/part-revisions", json={"part_id": part["id"], "revision": "B"}).json()
    assert made["display"] == "AX-12 · Axe · B"
    listed = client.get("/api/v1/part-revisions").json()["items"]
    assert [r["display"] for r in listed] == ["AX-12 · Axe · B"]
    history = client.get(f"/api/v1/part-revisions/{made['id']}/history").json()
    assert history[-1]["new_values"]["part"]["display"] == "AX-12 · Axe"


@pytest.mark.requirement("UIX-07")
def test_codes_in_texts_have_words(api: Callable[..., Any]) -> None:
    meta = api(master()).get("/api/v1/meta").json()
    policy = next(e for e in meta["entities"] if e["name"] == "plan_change_policy")
    trigger = next(f for f in policy["fields"] if f["name"] == "trigger")
    assert {c["value"]: c["label"] for c in trigger["choices"]}["machine_breakdown"] == "Panne d'une machine"
    record = api(master()).get("/api/v1/plan-change-policies").json()["items"]
    assert all("_" not in r["display"] for r in record)
    qr_code = next(e for e in meta["entities"] if e["name"] == "qr_code")
    kinds = next(f for f in qr_code["fields"] if f["name"] == "object_type")
    assert {c["value"]: c["label"] for c in kinds["choices"]}["sales_order"] == "Commande"


def test_a_field_is_called_as_its_own_module_calls_it() -> None:
    """Another module's word for a field of the same name never shows."""
    assert field_label("activity_type", "label") == "Libellé"
    assert field_label("station", "place") == "Lieu"
    assert field_label("station_config", "signature") == "Signature"
    assert field_label("station_config", "signature", "en") == "Signature"


@pytest.mark.requirement("UIX-07")
def test_names_of_people_are_one_name() -> None:
    """The entity tells what stands between the fields of its title; elsewhere it is a dot."""
    entities = registry().entities
    assert display(entities["employee"], Employee(first_name="Inès", last_name="Caron")) == "Inès Caron"
    assert display(entities["user_account"], UserAccount(first_name="", last_name="Caron")) == "Caron"
    assert display(entities["part"], Part(drawing_number="AX-12", name="Axe")) == "AX-12 · Axe"


def test_names_beside_links_serve_the_title_too(api: Callable[..., Any], factory: ContextFactory) -> None:
    """A list asks once for the names of what its records refer to, and a deep title is the same in a list and in a link."""
    client = api(master())
    part = client.post("/api/v1/parts", json={"drawing_number": "AX-12", "name": "Axe"}).json()
    for revision in "ABC":
        made = client.post(
            "/api/v1/part-revisions", json={"part_id": part["id"], "revision": revision}
        ).json()
    asked: list[str] = []
    engine = factory.sessions.kw["bind"]
    event.listen(engine, "before_cursor_execute", lambda _c, _u, sql, *_: asked.append(sql))
    listed = client.get("/api/v1/part-revisions").json()["items"]
    assert {r["display"] for r in listed} == {f"AX-12 · Axe · {r}" for r in "ABC"}
    assert {r["part"]["display"] for r in listed} == {"AX-12 · Axe"}
    names = [sql for sql in asked if " FROM part " in sql.replace("\n", " ") + " "]
    assert len(names) == 1, names
    with factory.open(master()) as ctx:
        assert titles_of(ctx, "part_revision", [made["id"]]) == {made["id"]: made["display"]}


@pytest.mark.requirement("GLO-01")
def test_numbers_in_sentences_are_written_as_in_france() -> None:
    assert [written(Decimal(x)) for x in ("2.50", "-210.89", "1E+1", "0.000")] == [
        "2,50",
        "-210,89",
        "10",
        "0,000",
    ]
    assert written(Decimal("2.5").normalize(), "en") == "2.5"
