"""What the client knows without any window."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from clients.desktop import tokens
from clients.desktop.model import texts
from clients.desktop.model.api import ApiClient, Page
from clients.desktop.model.config import ClientConfig, ConfigError, normal_server, read_config
from clients.desktop.model.drafts import DraftStore
from clients.desktop.model.errors import ApiError, SessionExpired, Unreachable
from clients.desktop.model.form import FormState
from clients.desktop.model.listing import Filter, ListState
from clients.desktop.model.live import Change, parse_change
from clients.desktop.model.metadata import Entity, visible_menu
from clients.desktop.model.search import search_menu
from clients.desktop.model.sheets import quote_sheet, sentence, with_tool
from tests.clients.desktop.sample import entity, metadata

CLIENT = Path(__file__).resolve().parents[3] / "clients" / "desktop"


# --- lists and forms ---


def test_list_state_asks_for_what_is_shown() -> None:
    state = ListState(Entity.from_json(entity()))
    state.search = "foret"
    state.set_filter(Filter("status", "", "active", "Actif"))
    state.set_filter(Filter("limit", "gte", "10", "≥ 10"))
    state.set_filter(Filter("status", "", "draft", "Brouillon"))
    state.toggle_sort("name")
    assert state.params() == {
        "skip": 0,
        "limit": 100,
        "q": "foret",
        "limit__gte": "10",
        "status": "draft",
        "sort": "name",
    }
    state.toggle_sort("name")
    assert state.params()["sort"] == "-name"
    state.toggle_sort("name")
    assert "sort" not in state.params()


def test_rows_that_move_between_pages_are_shown_once() -> None:
    state = ListState(Entity.from_json(entity()))
    state.append(Page([{"id": 1}, {"id": 2}], 3, 0))
    assert state.append(Page([{"id": 2}, {"id": 3}], 3, 2)) == 1
    assert [r["id"] for r in state.rows] == [1, 2, 3]
    assert state.complete


def test_a_list_that_shrank_meanwhile_ends() -> None:
    state = ListState(Entity.from_json(entity()))
    state.append(Page([{"id": 1}], 5, 0))
    state.append(Page([], 5, 1))
    assert state.complete


def form(record: dict[str, Any] | None = None) -> FormState:
    return FormState.of(Entity.from_json(entity()), record)


def test_typing_the_read_value_again_is_no_change() -> None:
    state = form({"id": 1, "row_version": 3, "name": "A", "limit": "10.00", "phone": None})
    state.set("limit", "10")
    state.set("phone", "")
    assert not state.is_dirty
    state.set("name", "B")
    assert state.payload() == {"name": "B"}
    state.set("name", "A")
    assert not state.is_dirty


def test_a_new_form_shows_the_defaults_and_sends_only_what_differs() -> None:
    described = entity()
    described["fields"][2]["default"] = "100.00"
    state = FormState.of(Entity.from_json(described))
    assert state.value("limit") == "100.00"
    assert not state.is_dirty
    state.set("name", "A")
    state.set("limit", "100")
    assert state.payload() == {"name": "A"}
    state.set("limit", "50")
    assert state.payload() == {"name": "A", "limit": "50"}
    state.set("limit", None)
    assert state.payload() == {"name": "A"}


@pytest.mark.requirement("UIX-07")
def test_required_and_unreadable_fields_stop_the_sending() -> None:
    state = form()
    state.refuse("limit", "Écrivez un nombre.")
    assert not state.validate()
    assert set(state.errors) == {"name", "limit"}
    state.set("limit", "5")
    state.set("name", "A")
    assert state.validate()
    assert state.payload() == {"name": "A", "limit": "5"}


def test_messages_of_the_server_stand_beside_their_fields() -> None:
    state = form()
    error = ApiError(
        422, "invalid", "Saisie refusée.", fields={"name": "Déjà pris.", "elsewhere": "Autre chose."}
    )
    assert state.apply_errors(error) == "Saisie refusée. Autre chose."
    assert state.errors == {"name": "Déjà pris."}


@pytest.mark.requirement("UIX-62")
def test_two_peoples_changes_meet_field_by_field() -> None:
    state = form({"id": 1, "row_version": 3, "name": "A", "phone": "1", "limit": "5.00"})
    state.set("phone", "2")
    state.set("limit", "7")
    current = {"id": 1, "row_version": 4, "name": "Z", "phone": "3", "limit": "5.000"}
    found = state.conflicts(current)
    assert [(c.field.name, c.mine, c.theirs) for c in found] == [("phone", "2", "3")]
    state.rebase(current, {"phone": False})
    assert state.row_version == 4
    assert state.value("name") == "Z"
    assert state.payload() == {"limit": "7"}


def test_same_change_on_both_sides_is_no_conflict() -> None:
    state = form({"id": 1, "row_version": 3, "name": "A", "limit": "5.00"})
    state.set("limit", "7")
    current = {"id": 1, "row_version": 4, "name": "A", "limit": "7.00"}
    assert state.conflicts(current) == []
    state.rebase(current)
    assert not state.is_dirty


@pytest.mark.requirement("UIX-65")
def test_drafts_survive_and_keep_their_key(tmp_path: Path) -> None:
    store = DraftStore(tmp_path, "server|1")
    state = form()
    state.set("name", "À finir")
    store.keep("customers", None, state.to_draft())
    assert DraftStore(tmp_path, "server|2").find("customers", None) is None
    draft = store.find("customers", None)
    assert draft is not None
    again = form()
    again.restore({**draft, "values": {**draft["values"], "status": "active", "gone": 1}})
    assert again.payload() == {"name": "À finir"}
    assert again.key == state.key
    path = next(tmp_path.glob("*/*.json"))
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("{", encoding="utf-8")
    assert store.find("customers", None) is None
    store.drop("customers", None)
    store.drop("customers", None)


@pytest.mark.requirement("QUO-52")
def test_a_draft_never_passes_for_a_change_of_a_newer_version() -> None:
    state = form({"id": 1, "row_version": 3, "name": "A", "limit": "10.00"})
    state.set("name", "Mien")
    draft = json.loads(json.dumps(state.to_draft()))
    newer = {"id": 1, "row_version": 6, "name": "Sien", "limit": "7.00"}
    again = form(newer)
    again.restore(draft)
    assert (again.payload(), again.row_version) == ({"name": "Mien"}, 3), "the server refuses it as outdated"
    assert [c.field.name for c in again.conflicts(newer)] == ["name"]


# --- metadata, menu, live ---


def test_metadata_of_a_newer_server_is_understood() -> None:
    made = Entity.from_json({**entity(), "unknown": True})
    assert [f.name for f in made.columns] == ["name", "status"]
    assert made.field("status") is not None
    assert made.field("status").choice("draft").look == "draft"  # type: ignore[union-attr]
    assert made.field("status").choice("active").label == "Actif"  # type: ignore[union-attr]


@pytest.mark.requirement("UIX-03")
def test_groups_without_a_readable_list_do_not_appear() -> None:
    closed = entity("secret", rights={"read": False})
    menu = [
        {"group": "parties", "label": "Clients", "entities": ["customer", "secret", "absent"]},
        {"group": "system", "label": "Système", "entities": ["secret"]},
    ]
    shown = visible_menu(metadata(entity(), closed, menu=menu))
    assert [(g.group, [e.name for e in es]) for g, es in shown] == [("parties", ["customer"])]


def test_menu_search_ignores_case_and_accents() -> None:
    known = metadata(entity("employee", label_plural="Évaluations"), entity())
    assert [h.entity.name for h in search_menu(known, "evalu")] == ["employee"]


def test_live_messages_tell_what_to_read_again() -> None:
    change = parse_change('{"entity":"customer","id":7,"action":"updated","row_version":4}')
    assert change == Change("customer", 7, "updated", 4)
    assert change.concerns_list("customer")
    assert change.concerns_record("customer", 7, 3)
    assert not change.concerns_record("customer", 7, 4)
    assert not change.concerns_record("customer", 8, 1)
    assert Change("*", 0, "reload").concerns_record("quote", 1, 99)
    assert parse_change('{"action":"ready"}') is None
    assert parse_change(b"\xff\x00") is None
    assert parse_change("[]") is None


# --- server ---


def client(handler: Any) -> ApiClient:
    return ApiClient("http://nas", transport=httpx.MockTransport(handler))


def signed(request: httpx.Request) -> httpx.Response | None:
    if request.url.path.endswith("/auth/login"):
        body = {"access_token": "a1", "refresh_token": "r1", "user": {"id": 1}, "must_change_password": False}
        return httpx.Response(200, json=body)
    return None


@pytest.mark.requirement("UIX-61")
def test_an_expired_token_is_renewed_once_for_all_threads() -> None:
    renewals: list[str] = []
    barrier = threading.Barrier(4)

    def handler(request: httpx.Request) -> httpx.Response:
        if answer := signed(request):
            return answer
        if request.url.path.endswith("/auth/refresh"):
            renewals.append(json.loads(request.content)["refresh_token"])
            return httpx.Response(200, json={"access_token": "a2", "refresh_token": "r2"})
        if request.headers["authorization"] == "Bearer a1":
            barrier.wait(5)
            return httpx.Response(401, json={"code": "auth.invalid_token", "detail": "…"})
        return httpx.Response(200, json={"items": [], "total": 0, "skip": 0, "limit": 1})

    api = client(handler)
    api.login("a@b.fr", "x")
    threads = [threading.Thread(target=api.page, args=("customers", {})) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert renewals == ["r1"]
    assert api.access_token == "a2"


def test_a_session_that_is_over_asks_to_sign_in() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return signed(request) or httpx.Response(
            401, json={"code": "auth.invalid_token", "detail": "Session fermée."}
        )

    api = client(handler)
    api.login("a@b.fr", "x")
    with pytest.raises(SessionExpired, match="Reconnectez"):
        api.me()


@pytest.mark.requirement("UIX-60")
@pytest.mark.parametrize(
    ("failure", "cause"),
    [(httpx.ConnectError("[Errno 111] Connection refused"), "refused"), (httpx.ConnectError("Name or service not known"), "name"),
     (httpx.ConnectError("certificate verify failed"), "certificate"), (httpx.ConnectError("Network is unreachable"), "network"),
     (httpx.ConnectTimeout("x"), "timeout"), (httpx.ReadTimeout("x"), "slow"), (httpx.RemoteProtocolError("x"), "lost")],
)  # fmt: skip
def test_an_unreachable_server_names_the_cause(failure: Exception, cause: str) -> None:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise failure

    with pytest.raises(Unreachable) as raised:
        client(handler).login("a@b.fr", "x")
    assert raised.value.cause == cause
    assert raised.value.detail == texts.t(f"unreachable.{cause}") != f"unreachable.{cause}"


def test_a_foreign_server_is_recognised() -> None:
    with pytest.raises(ApiError, match="pas le serveur"):
        client(lambda _r: httpx.Response(200, text="<html>box</html>")).login("a@b.fr", "x")
    with pytest.raises(Unreachable, match="NAS"):
        client(lambda _r: httpx.Response(502, text="Bad gateway")).login("a@b.fr", "x")


def test_a_problem_document_becomes_an_error_with_fields() -> None:
    body = {
        "status": 409,
        "code": "conflict.stale",
        "detail": "Modifié.",
        "errors": [{"field": "name", "message": "Non."}],
        "current": {"id": 1},
    }
    with pytest.raises(ApiError) as raised:
        client(lambda _r: httpx.Response(409, json=body)).update("customers", 1, {"name": "x"}, 1)
    assert raised.value.is_stale
    assert raised.value.current == {"id": 1}
    assert raised.value.fields == {"name": "Non."}


def test_a_quote_without_prepared_sheet_is_put_together() -> None:
    answers: dict[str, Any] = {
        "/api/v1/quotes/1": {"id": 1, "questions": ["Tolérance ?"]},
        "/api/v1/quote_lines": {"items": [{"id": 5}], "total": 1, "skip": 0},
        "/api/v1/quote_line_operations": {"items": [{"id": 9}], "total": 1, "skip": 0},
        "/api/v1/quote_scenarios": {
            "items": [{"kind": "economic"}, {"kind": "standard"}],
            "total": 2,
            "skip": 0,
        },
    }

    def handler(request: httpx.Request) -> httpx.Response:
        found = answers.get(request.url.path)
        return (
            httpx.Response(200, json=found)
            if found
            else httpx.Response(404, json={"code": "not_found", "detail": "?"})
        )

    known = metadata(entity("quote_line"), entity("quote_line_operation"), entity("quote_scenario"))
    sheet = quote_sheet(client(handler), known, 1)
    assert [s["kind"] for s in sheet["scenarios"]] == ["standard", "economic"]
    assert sheet["lines"][0]["operations"] == [{"id": 9}]
    assert sentence(sheet["questions"][0]) == "Tolérance ?"
    assert sentence({"message": "Foret absent", "code": "x"}) == "Foret absent"


# --- configuration, words, look ---


@pytest.mark.requirement("UIX-12")
def test_configuration_file(tmp_path: Path) -> None:
    path = tmp_path / "poste.yaml"
    path.write_text("server: nas.atelier.local\nca_file: ca.pem\n", encoding="utf-8")
    config = read_config(path)
    assert config.server == "https://nas.atelier.local"
    assert config.ca_file == (tmp_path / "ca.pem").resolve()
    with pytest.raises(ConfigError, match=r"ca\.pem"):
        config.verify()
    path.write_text("serveur: x", encoding="utf-8")
    with pytest.raises(ConfigError, match="server"):
        read_config(path)
    with pytest.raises(ConfigError):
        read_config(tmp_path / "absent.yaml")
    assert ClientConfig().verify() is True
    assert normal_server(" 10.0.0.2:8000/ ") == "https://10.0.0.2:8000"


@pytest.mark.requirement("UIX-55")
def test_every_word_stands_in_both_catalogues() -> None:
    french, english = texts.catalogue("fr"), texts.catalogue("en")
    assert french.keys() == english.keys()
    for key, text in french.items():
        assert sorted(re.findall(r"\{(\w+)\}", text)) == sorted(re.findall(r"\{(\w+)\}", english[key])), key
    used = set()
    for path in CLIENT.rglob("*.py"):
        used |= set(re.findall(r"\bt\(\s*\"([a-z_.0-9]+)\"", path.read_text(encoding="utf-8")))
    assert used - french.keys() == set()


def test_language_falls_back_to_french() -> None:
    try:
        texts.set_language("en")
        assert texts.t("save") == "Save"
        assert texts.tn("list.count", 0) == "0 items"
        texts.set_language("xx")
        assert texts.t("save") == "Enregistrer"
        assert texts.tn("list.count", 1) == "1 élément"
    finally:
        texts.set_language("fr")


def contrast(first: str, second: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.requirement("UIX-59")
@pytest.mark.parametrize("name", ["light", "dark"])
def test_words_stand_out_from_their_ground(name: str) -> None:
    look = tokens.THEMES[name]
    pairs = [(text, ground) for text in (look.text, look.muted, look.primary, look.primary_strong, look.danger)
             for ground in (look.surface, look.background, look.hover)]  # fmt: skip
    pairs += [
        (look.text, look.selected),
        (look.primary_strong, look.selected),
        (look.on_action, look.action),
        (look.on_action, look.action_hover),
    ]
    pairs += [(tone.text, tone.background) for tone in look.tones.values()]
    assert [(a, b, round(contrast(a, b), 2)) for a, b in pairs if contrast(a, b) < 4.5] == []


@pytest.mark.requirement("UIX-02")
def test_colours_stand_in_the_token_file_only() -> None:
    found = [
        f"{path.name}: {match}"
        for path in CLIENT.rglob("*.py")
        if path.name != "tokens.py"
        for match in re.findall(r"#[0-9a-fA-F]{6}\b", path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_the_model_needs_no_window_system() -> None:
    code = (
        "import sys, pkgutil, importlib, clients.desktop.model as m\n"
        "[importlib.import_module('clients.desktop.model.' + x.name) for x in pkgutil.iter_modules(m.__path__)]\n"
        "assert not [n for n in sys.modules if n.startswith(('PySide6', 'coordinator'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=CLIENT.parents[1])


def test_an_operation_names_its_tool_once() -> None:
    stocked = {"tool_id": 4, "tool": {"id": 4, "display": "OUTIL-01 · Fraise"}, "tool_text": "fraise Ø10"}
    assert with_tool(stocked)["tool_text"] == "OUTIL-01 · Fraise"
    assert with_tool({"tool": None, "tool_text": "foret Ø5"})["tool_text"] == "foret Ø5"
    assert with_tool({})["tool_text"] is None
