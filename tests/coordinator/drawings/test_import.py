"""Several files, archives and e-mails: what becomes a line, what is refused, what is known already (DRW-01…08)."""

from __future__ import annotations

import zipfile
from email.message import EmailMessage
from pathlib import Path

import cadquery as cq
import pytest
from sqlalchemy import select

from coordinator.modules.documents.models import Document, DocumentVersion
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFile
from coordinator.modules.drawings.reading import grouping
from coordinator.modules.drawings.reading.model import DrawingReading, FieldValue
from tests.conftest import master
from tests.coordinator.drawings.desk import Desk, fields_of


def zipped(folder: Path, name: str, *members: tuple[str, bytes]) -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def step(folder: Path, name: str, size: tuple[float, float, float]) -> Path:
    path = folder / name
    cq.exporters.export(cq.Workplane("XY").box(*size), str(path))
    return path


@pytest.mark.requirement("DRW-01", "DRW-02")
def test_several_files_become_one_line_per_part(desk: Desk) -> None:
    flange = desk.pdf("FL-7_plan.pdf", drawing_number="FL-7")
    model = step(desk.folder, "FL-7.step", (80, 45, 10))
    other = desk.pdf("autre.pdf", drawing_number="SUP-2")
    first, second = desk.read(flange, other, model)
    assert {f["file_name"] for f in first["files"]} == {"FL-7_plan.pdf", "FL-7.step"}
    assert fields_of(first)["drawing_number"]["value"] == "FL-7"
    assert fields_of(first)["height_mm"]["value"] == "10.000"
    assert [f["file_name"] for f in second["files"]] == ["autre.pdf"]


@pytest.mark.requirement("DRW-02")
def test_files_with_other_names_but_one_number_are_joined_after_reading(desk: Desk) -> None:
    pdf = desk.pdf("scan_0001.pdf", drawing_number="Q-55", revision="C")
    dxf = desk.dxf("plat.dxf", drawing_number="Q-55", revision="C")
    reviews = desk.read(pdf, dxf)
    living = [r for r in reviews if r["status"] == "to_review"]
    assert len(living) == 1
    assert {f["file_name"] for f in living[0]["files"]} == {"scan_0001.pdf", "plat.dxf"}
    assert [r["status"] for r in reviews if r["id"] != living[0]["id"]] == ["superseded"]


@pytest.mark.requirement("DRW-02")
def test_sheets_of_one_drawing_in_files_of_their_own_add_up(desk: Desk) -> None:
    reviews = desk.read(
        desk.pdf("un.pdf", drawing_number="F-1", sheet="1/2", sizes=(80,)),
        desk.pdf("deux.pdf", drawing_number="F-1", sheet="2/2", sizes=(33,)),
        desk.dxf("deux.dxf", drawing_number="F-1", sheet="2/2", sizes=(33,)),
    )
    [review] = [r for r in reviews if r["status"] == "to_review"]
    assert sorted(f["nominal"] for f in review["features"]) == ["33.0000", "80.0000"]


@pytest.mark.requirement("DRW-02")
def test_two_numbers_under_one_stem_are_two_lines(desk: Desk) -> None:
    pdf = desk.pdf("piece.pdf", drawing_number="R-1")
    dxf = desk.dxf("piece.dxf", drawing_number="R-2")
    reviews = desk.read(pdf, dxf)
    assert sorted(fields_of(r)["drawing_number"]["value"] for r in reviews) == ["R-1", "R-2"]
    assert all(len(r["files"]) == 1 for r in reviews)


@pytest.mark.requirement("DRW-02")
def test_the_user_splits_and_joins_lines(desk: Desk) -> None:
    pdf = desk.pdf("K-9.pdf", drawing_number="K-9")
    model = step(desk.folder, "K-9.step", (80, 45, 12))
    [review] = desk.read(pdf, model)
    model_id = next(f["id"] for f in review["files"] if f["file_name"] == "K-9.step")
    review = desk.correct(review, part_name="Corrigée")
    made = desk.review(desk.done(review, "split", file_ids=[model_id])["analysis_id"])
    assert [f["file_name"] for f in made["files"]] == ["K-9.step"]
    assert [f["file_name"] for f in desk.review(review["id"])["files"]] == ["K-9.pdf"]
    assert desk.act(review, "split", file_ids=[]).json()["code"] == "drawing.split_nothing"
    everything = [f["id"] for f in desk.review(review["id"])["files"]]
    assert desk.act(review, "split", file_ids=everything).status_code == 400

    desk.done(review, "join", analysis_id=made["id"])
    joined = desk.review(review["id"])
    assert {f["file_name"] for f in joined["files"]} == {"K-9.pdf", "K-9.step"}
    assert fields_of(joined)["height_mm"]["value"] == "12.000"
    assert fields_of(joined)["part_name"]["value"] == "Corrigée", "a correction outlives the merging"
    assert desk.review(made["id"])["status"] == "superseded"
    assert desk.act(joined, "join", analysis_id=joined["id"]).status_code == 400


@pytest.mark.requirement("DRW-03")
def test_pages_of_one_pdf_are_drawings_or_further_sheets(desk: Desk) -> None:
    one = desk.pdf("p1.pdf", drawing_number="AB-1", sheet="1/2", sizes=(80,))
    two = desk.pdf("p2.pdf", drawing_number="AB-1", sheet="2/2", sizes=(33,))
    three = desk.pdf("p3.pdf", drawing_number="AB-2", sizes=(61,))
    reviews = desk.read(desk.many_pages("lot.pdf", one, two, three))
    by_number = {fields_of(r)["drawing_number"]["value"]: r for r in reviews}
    assert set(by_number) == {"AB-1", "AB-2"}
    assert [f["pages_taken"] for f in by_number["AB-1"]["files"]] == [[1, 2]]
    assert {(f["nominal"], f["page"]) for f in by_number["AB-1"]["features"]} == {
        ("80.0000", 1),
        ("33.0000", 2),
    }
    assert [(f["nominal"], f["page"]) for f in by_number["AB-2"]["features"]] == [("61.0000", 3)]
    assert fields_of(by_number["AB-2"])["drawing_number"]["page"] == 3


@pytest.mark.requirement("DRW-03")
def test_the_user_takes_a_sheet_out(desk: Desk) -> None:
    pages = [desk.pdf(f"s{i}.pdf", drawing_number="AB-7", sizes=(20 + i,)) for i in range(3)]
    [review] = desk.read(desk.many_pages("trois.pdf", *pages))
    file_id = review["files"][0]["id"]
    made = desk.done(review, "split", file_id=file_id, pages=[2])["analysis_id"]
    desk.work()
    left, taken = desk.review(review["id"]), desk.review(made)
    assert sorted(f["nominal"] for f in left["features"]) == ["20.0000", "22.0000"]
    assert [f["nominal"] for f in taken["features"]] == ["21.0000"]
    assert taken["files"][0]["pages_taken"] == [2]
    assert {left["status"], taken["status"]} == {"to_review"}


def test_a_sheet_misread_by_one_sign_is_known_by_its_folio() -> None:
    from coordinator.modules.drawings.reading.paging import group_sheets

    def page(number: str | None, sheet: str | None) -> DrawingReading:
        reading = DrawingReading(file="x.pdf", kind="pdf", pages=1)
        for name, value in (("drawing_number", number), ("sheet", sheet)):
            if value:
                reading.title_block[name] = FieldValue(value, 0.9, "read", 1)
        return reading

    groups = group_sheets([page("A10-O1", "1/2"), page("A10-01", "2/2"), page("B1", "1/1"), page(None, None)])
    assert [g.pages for g in groups] == [[1, 2], [3, 4]]
    apart = group_sheets([page("A10-1", "1/1"), page("A10-2", "1/1")])
    assert [g.pages for g in apart] == [[1], [2]], "neighbouring numbers are two drawings"


def test_stems_differ_only_in_what_does_not_name_a_part() -> None:
    assert grouping.stem_key("FL-7_plan.pdf") == grouping.stem_key("fl 7.STEP")
    assert grouping.stem_key("FL-7.pdf") != grouping.stem_key("FL-71.pdf")


@pytest.mark.requirement("DRW-01", "DRW-47")
def test_an_archive_is_opened_and_its_bad_members_refused_one_by_one(desk: Desk) -> None:
    good = desk.pdf("bon.pdf", drawing_number="Z-1").read_bytes()
    inner = zipped(
        desk.folder, "dedans.zip", ("plan.pdf", desk.pdf("p.pdf", drawing_number="Z-2").read_bytes())
    )
    deeper = zipped(desk.folder, "deux.zip", ("dedans.zip", inner.read_bytes()))
    lot = zipped(
        desk.folder, "lot.zip",
        ("plans/bon.pdf", good), ("../../etc/cron.d/mal.pdf", good), ("C:/windows/mal.pdf", good),
        ("macro.docm", b"PK\x03\x04xx"), ("setup.exe", b"MZ\x90\x00"), ("plan.pdf.js", b"alert(1)"),
        ("faux.pdf", b"MZ\x90\x00%PDF-1.4"), ("vide.pdf", b""), ("lisez.txt", b"bonjour"), ("__MACOSX/._bon.pdf", b"x"),
        ("deux.zip", deeper.read_bytes()),
    )  # fmt: skip
    answer = desk.send(lot)
    assert answer.status_code == 202, answer.text
    refused = {r["name"]: r["code"] for r in answer.json()["refused"]}
    assert refused == {
        "../../etc/cron.d/mal.pdf": "drawing.archive_path",
        "C:/windows/mal.pdf": "drawing.archive_path",
        "macro.docm": "drawing.executable_content",
        "setup.exe": "drawing.executable_content",
        "plan.pdf.js": "drawing.executable_content",
        "faux.pdf": "drawing.executable_content",
        "vide.pdf": "drawing.empty",
        "lisez.txt": "drawing.unsupported_format",
        "deux.zip/dedans.zip": "drawing.nested_archive",
    }
    assert all(r["message"] for r in answer.json()["refused"])
    [analysis] = answer.json()["analyses"]
    assert [f["file_name"] for f in analysis["files"]] == ["bon.pdf"]
    events = desk.get("security-events?kind=drawing_refused&limit=50")
    assert {e["details"]["file"] for e in events["items"]} == {
        n for n, c in refused.items() if c in ("drawing.archive_path", "drawing.executable_content")
    }


@pytest.mark.requirement("DRW-47")
def test_links_and_locked_members_of_an_archive_are_refused(desk: Desk) -> None:
    good = desk.pdf("bon.pdf").read_bytes()
    path = desk.folder / "liens.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("lien.pdf")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("bon.pdf", good)
        archive.writestr("secret.pdf", good)
    data = bytearray(path.read_bytes())
    # Mark the last member as encrypted, in its own header and in the directory.
    data[data.rindex(b"PK\x03\x04") + 6] |= 1
    data[data.rindex(b"PK\x01\x02") + 8] |= 1
    answer = desk.send(("liens.zip", bytes(data))).json()
    codes = {r["name"]: r["code"] for r in answer["refused"]}
    assert codes == {"lien.pdf": "drawing.archive_path", "secret.pdf": "drawing.archive_encrypted"}
    assert len(answer["analyses"]) == 1


@pytest.mark.requirement("DRW-47", "DRW-42")
def test_a_zip_bomb_is_refused_and_logged(desk: Desk) -> None:
    bomb = zipped(desk.folder, "bombe.zip", ("plan.pdf", b"\x00" * 60_000_000))
    answer = desk.send(bomb)
    assert answer.status_code == 415
    assert answer.json()["code"] == "drawing.archive_bomb"
    assert desk.get("security-events?kind=drawing_refused")["total"] == 1
    assert desk.get("drawing-imports")["items"][0]["refused"][0]["code"] == "drawing.archive_bomb"
    assert desk.get("drawing-analyses")["total"] == 0


def test_an_archive_that_lies_about_its_sizes_is_cut_off(desk: Desk) -> None:
    path = zipped(desk.folder, "menteur.zip", *[(f"{i}.bmp", b"BM" + bytes(4_000_000)) for i in range(4)])
    data = bytearray(path.read_bytes())
    position = 0
    while (position := data.find(b"PK\x01\x02", position)) >= 0:
        data[position + 24 : position + 28] = (1000).to_bytes(4, "little")
        position += 4
    answer = desk.send(("menteur.zip", bytes(data)))
    refused = answer.json()["refused"]
    assert refused, "what unpacks to more than it says is not taken"
    assert all(r["code"] in ("drawing.corrupt", "drawing.archive_bomb") for r in refused)


@pytest.mark.requirement("DRW-01", "DRW-08")
def test_attachments_of_an_email_are_taken_with_their_sender(desk: Desk) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = (
        "Achats <achats@client.example>",
        "devis@atelier.example",
        "DDP 4711",
    )
    mail["Date"] = "Mon, 23 Nov 2026 10:00:00 +0100"
    mail.set_content("Bonjour, voici nos plans.")
    mail.add_attachment(
        desk.pdf("E-1.pdf", drawing_number="E-1").read_bytes(),
        maintype="application",
        subtype="pdf",
        filename="E-1.pdf",
    )
    mail.add_attachment(
        b"\x89PNG\r\n\x1a\nlogo",
        maintype="image",
        subtype="png",
        filename="image001.png",
        disposition="inline",
        cid="<logo>",
    )
    archive = zipped(
        desk.folder, "plans.zip", ("E-2.pdf", desk.pdf("E-2.pdf", drawing_number="E-2").read_bytes())
    )
    mail.add_attachment(archive.read_bytes(), maintype="application", subtype="zip", filename="plans.zip")
    reviews = desk.read(("demande.eml", mail.as_bytes()), customer_id=desk.customer())
    assert sorted(fields_of(r)["drawing_number"]["value"] for r in reviews) == ["E-1", "E-2"]
    assert {f["sender"] for r in reviews for f in r["files"]} == {"Achats <achats@client.example>"}
    [received] = desk.get("drawing-imports")["items"]
    assert received["subject"] == "DDP 4711"
    roles = {f["file_name"]: f["role"] for f in desk.get("drawing-files?limit=50")["items"]}
    assert roles == {"demande.eml": "container", "E-1.pdf": "drawing", "E-2.pdf": "drawing"}


@pytest.mark.requirement("DRW-08")
def test_the_same_file_of_a_customer_is_reported_with_its_analysis(desk: Desk) -> None:
    customer, plan = desk.customer(), desk.pdf("D-1.pdf", drawing_number="D-1")
    first = desk.send(plan, customer_id=customer).json()["analyses"][0]["id"]
    again = desk.send(plan, customer_id=customer).json()
    assert again["analyses"] == []
    assert again["known"][0]["analysis_id"] == first
    assert str(first) in again["known"][0]["message"]
    other = desk.send(plan, customer_id=desk.customer("Autre")).json()
    assert len(other["analyses"]) == 1, "another customer's drawing is another drawing"
    forced = desk.send(plan, customer_id=customer, again="true").json()
    assert len(forced["analyses"]) == 1
    model = step(desk.folder, "D-1.step", (80, 45, 9))
    more = desk.send(plan, model, customer_id=customer).json()
    assert len(more["analyses"]) == 1, "with a new file the part is read anew"


def test_the_same_file_twice_in_one_import_is_one_line(desk: Desk) -> None:
    plan = desk.pdf("D-2.pdf")
    answer = desk.send(plan, ("copie de D-2.pdf", plan.read_bytes())).json()
    assert len(answer["analyses"]) == 1
    assert [(k["name"], k["same_as"]) for k in answer["known"]] == [("copie de D-2.pdf", "D-2.pdf")]


@pytest.mark.requirement("DRW-08", "DRW-42")
def test_files_are_stored_unchanged_with_hash_size_type_and_date(desk: Desk) -> None:
    plan = desk.pdf("U-1.pdf")
    [analysis] = desk.send(plan).json()["analyses"]
    [stored] = desk.get("drawing-files")["items"]
    assert stored["size"] == plan.stat().st_size
    assert stored["file_type"] == "pdf"
    assert stored["created_at"]
    content = desk.http.get(f"/api/v1/drawings/files/{analysis['files'][0]['id']}/content")
    assert content.content == plan.read_bytes()
    with desk.factory.open(master()) as ctx:
        file = ctx.session.scalars(select(DrawingFile)).one()
        version = ctx.get(DocumentVersion, file.document_version_id)
        assert (version.sha256, version.status) == (file.sha256, "approved")
        assert ctx.get(Document, version.document_id).title == "U-1.pdf"


@pytest.mark.requirement("DRW-08", "DRW-42")
def test_limits_are_settings_and_a_large_file_is_413(desk: Desk) -> None:
    put = desk.http.put("/api/v1/settings/drawing_max_file_mb", json={"value": 1, "reason": "essai"})
    assert put.status_code == 200, put.text
    big = b"%PDF-1.7\n" + b"0" * (1 << 20)
    refused = desk.send(("grand.pdf", big))
    assert refused.status_code == 413, refused.text
    assert refused.json()["code"] == "drawing.too_large"
    both = desk.send(("grand.pdf", big), desk.pdf("petit.pdf"))
    assert both.status_code == 202
    assert len(both.json()["analyses"]) == 1
    assert both.json()["refused"][0]["code"] == "drawing.too_large"


@pytest.mark.requirement("DRW-04")
def test_native_cad_is_kept_with_the_request_for_an_export(desk: Desk) -> None:
    native = ("support.SLDPRT", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    [review] = desk.read(native)
    assert review["status"] == "to_review"
    assert [f["role"] for f in review["files"]] == ["attachment"]
    assert any("STEP ou PDF" in w for w in review["warnings"])
    [with_plan] = desk.read(
        ("bride.CATPart", b"V5_CFV2" + bytes(50)), desk.pdf("bride.pdf", drawing_number="BR-1")
    )
    assert {f["role"] for f in with_plan["files"]} == {"attachment", "drawing"}
    assert fields_of(with_plan)["drawing_number"]["value"] == "BR-1"


@pytest.mark.requirement("DRW-07")
def test_the_signature_decides_not_the_name(desk: Desk) -> None:
    pdf = desk.pdf("x.pdf", drawing_number="SIG-1").read_bytes()
    [review] = desk.read(("plan.DXF", pdf))
    assert review["files"][0]["kind"] == "pdf"
    assert fields_of(review)["drawing_number"]["value"] == "SIG-1"
    assert any("extension" in w for w in review["warnings"])
    refused = desk.send(("notes.xyz", b"hello"))
    assert refused.status_code == 415
    assert refused.json()["detail"] == "Format de fichier non supporté : xyz"


@pytest.mark.requirement("DRW-54")
def test_a_repeated_request_doubles_nothing(desk: Desk) -> None:
    plan = desk.pdf("I-1.pdf")
    headers = {"Idempotency-Key": "poste-7-0001"}
    first = desk.send(plan, headers=headers).json()
    assert desk.send(plan, headers=headers).json() == first
    assert desk.get("drawing-analyses")["total"] == 1
    assert desk.get("drawing-files")["total"] == 1
    other = desk.send(desk.pdf("I-2.pdf", drawing_number="I-2"), headers=headers)
    assert other.status_code == 409


@pytest.mark.requirement("DRW-54")
def test_an_import_that_breaks_off_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from coordinator.modules.drawings import imports

    real, calls = imports.store, []

    def breaks(*args: object, **kwargs: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise OSError("disk")
        return real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(imports, "store", breaks)
    with pytest.raises(OSError, match="disk"):
        desk.send(desk.pdf("a.pdf", drawing_number="A"), desk.pdf("b.pdf", drawing_number="B"))
    for path in ("drawing-analyses", "drawing-files", "drawing-imports"):
        assert desk.get(path)["total"] == 0


def test_names_are_only_text(desk: Desk) -> None:
    answer = desk.send(("../../../tmp/é plan\u200b.pdf", desk.pdf().read_bytes())).json()
    assert answer["analyses"][0]["files"][0]["file_name"] == "é plan.pdf"
    with desk.factory.open(master()) as ctx:
        assert ctx.session.scalars(select(DrawingAnalysis)).one().status == "uploaded"


def test_an_unknown_customer_is_refused(desk: Desk) -> None:
    assert desk.send(desk.pdf(), customer_id=999_999).status_code == 404


@pytest.mark.requirement("DRW-02", "DRW-35")
def test_what_a_person_did_on_dimensions_outlives_join_and_split(desk: Desk) -> None:
    first, second = desk.read(
        desk.pdf("A.pdf", drawing_number="A-1"), desk.pdf("B.pdf", drawing_number="B-1", sizes=(30, 20))
    )
    for review, nominal, other in ((first, "81", "12"), (second, "31", "13")):
        row = next(f for f in review["features"] if f["kind"] == "dimension.linear")
        body = {"row_version": row["row_version"], "nominal": nominal}
        assert desk.http.patch(f"/api/v1/drawing-features/{row['id']}", json=body).status_code == 200
        place = {"file_id": review["files"][0]["id"], "page": 1}
        added = {"kind": "dimension.linear", "text": other, "nominal": other, "tol_upper": "0.1", **place}
        assert desk.http.post(f"/api/v1/drawings/{review['id']}/features", json=added).status_code == 201
    desk.correct(first, part_name="Corrigée", material_id=desk.material("42CrMo4"))

    desk.done(first, "join", analysis_id=second["id"])
    joined = desk.review(first["id"])
    assert sorted(float(f["nominal"]) for f in joined["features"]) == [12, 13, 45, 81], (
        "the dimensions of one file, and what was added by hand on both"
    )
    assert {float(f["nominal"]) for f in joined["features"] if f["level"] == "human"} == {12, 13, 81}
    assert [f["balloon_no"] for f in joined["features"] if f["balloon_no"]] == [1, 2]
    assert fields_of(joined)["material_id"]["value"] == desk.material("42CrMo4")

    file_id = second["files"][0]["id"]
    taken = desk.review(desk.done(joined, "split", file_ids=[file_id])["analysis_id"])
    left = desk.review(first["id"])
    assert sorted(float(f["nominal"]) for f in left["features"]) == [12, 45, 81]
    assert sorted(float(f["nominal"]) for f in taken["features"]) == [13, 20, 31]
    assert fields_of(left)["part_name"]["value"] == "Corrigée"
    description = desk.get(f"drawings/{first['id']}/export.json")["description"]
    assert sorted(d["nominal"] for d in description["dimensions"]) == [12, 45, 81]


def test_the_state_of_an_import_counts_all_its_lines(desk: Desk) -> None:
    plan = desk.pdf("P.pdf").read_bytes()
    answer = desk.send(*[(f"P-{i}.pdf", plan + b"%" * i) for i in range(1, 121)])
    state = desk.get(f"drawings/imports/{answer.json()['import_id']}")
    assert (state["total"], len(state["analyses"]), state["done"]) == (120, 120, 0)
