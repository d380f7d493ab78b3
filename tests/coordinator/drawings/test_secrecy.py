"""Secrecy and export-control marks: who may open a drawing, and what is written down (DRW-28, DRW-45)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from coordinator.kernel.context import Principal
from coordinator.modules.drawings import access
from coordinator.modules.drawings.models import TitleBlockStyle
from coordinator.modules.identity import api as identity
from coordinator.modules.identity.seeds import GRANTS
from tests.conftest import master, person
from tests.coordinator.drawings.desk import Desk
from tests.coordinator.drawings.reading.test_processes import bom_sheet

RIGHTS = ("drawing_analysis:*", "materials:*", "crm:*")


def account(desk: Desk, name: str) -> int:
    with desk.factory.open(master()) as ctx:
        user = identity.create_user(
            ctx, first_name=name, last_name="Essai", email=f"{name.lower()}@atelier.example",
            roles=["estimator"],
        )  # fmt: skip
        return int(user.id)


def openings(desk: Desk, analysis_id: int) -> int:
    """How often a restricted drawing was opened, by its history."""
    return [h["action"] for h in desk.get(f"drawing-analyses/{analysis_id}/history")].count("open")


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("DIFFUSION RESTREINTE", "defence_restricted"),
        ("This document is ITAR controlled", "export_controlled"),
        ("EAR99 - NO LICENSE REQUIRED", "export_controlled"),
        ("VS-NfD", "defence_restricted"),
        ("CONFIDENTIEL CLIENT", "customer_confidential"),
        ("PROPRIETARY AND CONFIDENTIAL", None),
        ("Ce plan confidentiel est la propriété de ACME, reproduction interdite", None),
        ("CLEAR ANODIZE, DEBURR ALL EDGES", None),
        ("Restreindre le jeu à 0,1", None),
    ],
)
def test_marks(text: str, level: str | None) -> None:
    found = access.secrecy_of(["Ébavurer", text])
    assert (found[0] if found else None) == level


@pytest.mark.requirement("DRW-28", "DRW-45")
def test_a_marked_drawing_is_for_named_persons_only(desk: Desk, desk_of: Callable[[Principal], Desk]) -> None:
    sender_id, other_id = account(desk, "Ada"), account(desk, "Bob")
    sender = desk_of(person(*RIGHTS, user_id=sender_id))
    other = desk_of(person(*RIGHTS, user_id=other_id))
    [review] = sender.read(desk.pdf("secret.pdf", drawing_number="SX-9", notes=("DIFFUSION RESTREINTE",)))
    assert review["is_restricted"]
    assert review["named_user_ids"] == [sender_id]
    assert any("confidentialité" in w for w in review["warnings"])
    file_id, analysis_id = review["files"][0]["id"], review["id"]

    hidden = [
        f"drawings/{analysis_id}/review", f"drawings/{analysis_id}/analysis", f"drawings/{analysis_id}/text",
        f"drawings/{analysis_id}/files/{file_id}/pages/1.png", f"drawings/{analysis_id}/annotated.pdf",
        f"drawings/{analysis_id}/export.json", f"drawings/files/{file_id}/content", f"drawing-analyses/{analysis_id}",
        f"drawings/{analysis_id}/similar", f"drawings/{analysis_id}/characteristics", f"drawing-files/{file_id}",
        f"drawing-features/{review['features'][0]['id']}", f"drawing-analyses/{analysis_id}/history",
    ]  # fmt: skip
    for path in hidden:
        assert other.http.get(f"/api/v1/{path}").status_code == 404, path
    for plural in ("drawing-analyses", "drawing-files", "drawing-features", "drawing-analysis-files"):
        assert other.get(plural)["total"] == 0, plural
        assert sender.get(plural)["total"] > 0, plural
    body = {"row_version": review["row_version"], "fields": {"part_name": "X"}}
    assert other.http.patch(f"/api/v1/drawings/{analysis_id}", json=body).status_code == 404
    assert other.act(review, "reject").status_code == 404
    assert other.act(review, "grant_access", user_id=other_id).status_code == 404

    sender.done(review, "grant_access", user_id=other_id)
    before = openings(desk, analysis_id)
    assert other.review(analysis_id)["id"] == analysis_id
    assert other.http.get(f"/api/v1/drawings/{analysis_id}/files/{file_id}/pages/1.png").status_code == 200
    assert openings(desk, analysis_id) == before + 2, "each opening is written down"
    sender.done(review, "revoke_access", user_id=other_id)
    assert other.http.get(f"/api/v1/drawings/{analysis_id}/review").status_code == 404
    with desk.factory.open(master()) as ctx:
        assert ctx.session.query(TitleBlockStyle).count() == 0, "nothing is learned from it"
    sender.done(review, "lift_restriction", reason="Mention sans objet, vue avec le client")
    assert other.review(analysis_id)["is_restricted"] is False


@pytest.mark.requirement("DRW-45")
def test_only_quoting_methods_and_quality_open_drawings_here() -> None:
    assert set(GRANTS["drawing_analysis"]) == {"estimator", "methods", "quality_manager", "inspector"}


@pytest.mark.requirement("DRW-45")
def test_without_the_right_no_drawing_opens(desk: Desk, desk_of: Callable[[Principal], Desk]) -> None:
    [review] = desk.read(desk.pdf())
    operator = desk_of(person("routing:read", "methods:read"))
    for path in (
        f"{review['id']}/review",
        f"{review['id']}/analysis",
        f"files/{review['files'][0]['id']}/content",
    ):
        assert operator.http.get(f"/api/v1/drawings/{path}").status_code == 403
    reader = desk_of(person("drawing_analysis:read"))
    assert reader.http.get(f"/api/v1/drawings/{review['id']}/review").status_code == 200
    assert reader.http.post("/api/v1/drawings", files=[("files", ("a.pdf", b"x"))]).status_code == 403
    assert reader.act(review, "validate").status_code == 403


@pytest.mark.requirement("DRW-28")
def test_a_person_restricts_what_carries_no_mark(desk: Desk, desk_of: Callable[[Principal], Desk]) -> None:
    first, second = account(desk, "Cleo"), account(desk, "Dan")
    [review] = desk_of(person(*RIGHTS, user_id=first)).read(desk.pdf())
    mine = desk_of(person(*RIGHTS, user_id=first))
    mine.done(review, "restrict", reason="Demande du client")
    assert desk_of(person(*RIGHTS, user_id=second)).get("drawing-analyses")["total"] == 0
    assert mine.get("drawing-analyses")["total"] == 1


@pytest.mark.requirement("DRW-28")
def test_what_is_made_of_a_restricted_drawing_is_for_the_same_persons(
    desk: Desk, desk_of: Callable[[Principal], Desk]
) -> None:
    sender_id, named_id, other_id = (account(desk, n) for n in ("Eve", "Fay", "Gil"))
    sender, named, other = (desk_of(person(*RIGHTS, user_id=i)) for i in (sender_id, named_id, other_id))
    first, plain = sender.read(
        desk.pdf("A.pdf", drawing_number="A-1"), desk.pdf("B.pdf", drawing_number="B-1")
    )
    sender.done(first, "restrict", reason="Demande du client")
    sender.done(first, "grant_access", user_id=named_id)

    sender.done(first, "join", analysis_id=plain["id"])
    assert other.get("drawing-files")["total"] == 0, "the file that came in is as secret as the rest"
    taken = sender.done(first, "split", file_ids=[plain["files"][0]["id"]])["analysis_id"]
    newer = sender.done(first, "reanalyse")["analysis_id"]
    sender.work()
    again = sender.read(desk.pdf("A.pdf", drawing_number="A-1"), again=True)[0]["id"]
    for analysis_id in (taken, newer, again):
        assert named.review(analysis_id)["named_user_ids"] == [sender_id, named_id]
        assert other.http.get(f"/api/v1/drawings/{analysis_id}/review").status_code == 404
    assert other.get("drawing-files")["total"] == 0


@pytest.mark.requirement("DRW-28")
def test_a_mark_is_found_on_every_sheet_and_in_the_title_block(desk: Desk) -> None:
    plain = [desk.pdf(f"p{i}.pdf", drawing_number="SX-10", sheet=f"{i}/5") for i in (1, 2, 3, 4)]
    marked = desk.pdf("p5.pdf", drawing_number="SX-10", sheet="5/5", surface_treatment="ITAR CONTROLLED")
    [review] = desk.read(desk.many_pages("cinq.pdf", *plain, marked))
    assert review["is_restricted"]
    assert review["secrecy_mark"] == "ITAR CONTROLLED"


@pytest.mark.requirement("DRW-28")
def test_lines_taken_before_a_restriction_are_limited_with_it(
    desk: Desk, desk_of: Callable[[Principal], Desk], tmp_path: Path
) -> None:
    sender_id, named_id, other_id = (account(desk, n) for n in ("Hal", "Ida", "Joe"))
    sender, named, other = (desk_of(person(*RIGHTS, user_id=i)) for i in (sender_id, named_id, other_id))
    rows = [("1", "1", "Corps", "C45", "PL-1"), ("2", "4", "Entretoise", "S235", "PL-2")]
    [review] = sender.read(bom_sheet(rows).write(tmp_path / "ensemble.pdf"))
    [line_id] = sender.done(review, "take_parts", keys=[review["offers"][1]["key"]])["analysis_ids"]
    assert other.review(line_id)["id"] == line_id

    sender.done(review, "restrict", reason="Demande du client")
    file_id = review["files"][0]["id"]
    hidden = [f"drawings/{line_id}/review", f"drawings/{line_id}/files/{file_id}/pages/1.png"]
    for path in hidden:
        assert other.http.get(f"/api/v1/{path}").status_code == 404, path
    assert sender.review(line_id)["named_user_ids"] == [sender_id]

    # Who may not open the line frees the assembly only: the file they share stays limited with the line.
    sender.done(review, "grant_access", user_id=named_id)
    named.done(review, "lift_restriction", reason="Vu avec le client")
    assert other.review(review["id"])["is_restricted"] is False
    assert other.http.get(f"/api/v1/drawings/{line_id}/review").status_code == 404
    assert other.http.get(f"/api/v1/drawings/files/{file_id}/content").status_code == 404
    sender.done({"id": line_id}, "lift_restriction", reason="Vu avec le client")
    assert other.http.get(f"/api/v1/drawings/files/{file_id}/content").status_code == 200
