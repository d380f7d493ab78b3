"""Filing, versions, links and reading, over HTTP."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from coordinator.kernel.context import ContextFactory, Principal
from coordinator.modules.company.models import Site
from coordinator.modules.documents import api as documents
from coordinator.modules.documents import signatures
from coordinator.modules.documents.models import Document, DocumentAccessLog
from tests.conftest import master

Api = Callable[..., Any]
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


def upload(client: Any, content: bytes = PDF, name: str = "plan.pdf", **fields: Any) -> Any:
    data = {"title": "Plan", "family": "production", **fields}
    return client.post("/api/v1/documents/upload", files={"file": (name, content)}, data=data)


@pytest.mark.requirement("DOC-03")
@pytest.mark.requirement("DOC-04")
@pytest.mark.requirement("DOC-17")
def test_versions_follow_each_other_and_one_is_in_force(api: Api) -> None:
    client = api(master())
    filed = upload(client).json()
    document, first = filed["document"], filed["version"]
    assert document["number"].startswith("PRO-")
    assert document["number"].endswith("-0001")
    assert upload(client, PDF + b"2").json()["document"]["number"].endswith("-0002")
    url = f"/api/v1/documents/{document['id']}"
    assert client.get(f"{url}/download").json()["code"] == "document.none_in_force"

    def act(version: int, name: str) -> Any:
        return client.post(f"/api/v1/document-versions/{version}/{name}", json={})

    assert act(first["id"], "approve").status_code == 409, "not submitted"
    assert act(first["id"], "submit").status_code == 200
    assert act(first["id"], "approve").json()["record"]["status"] == "approved"
    answer = client.get(f"{url}/download")
    assert (answer.content, answer.headers["content-type"]) == (PDF, "application/pdf")
    assert answer.headers["x-content-type-options"] == "nosniff"
    without_reason = client.post(f"{url}/versions", files={"file": ("plan.pdf", PDF + b"B")})
    assert without_reason.status_code == 422
    second = client.post(
        f"{url}/versions", files={"file": ("plan.pdf", PDF + b"B")}, data={"change_reason": "Ø12 H7 ajouté"}
    ).json()
    assert client.get(f"{url}/download").content == PDF, "a draft is not in force"
    act(second["version"]["id"], "submit")
    act(second["version"]["id"], "approve")
    listed = client.get(f"/api/v1/document-versions?document_id={document['id']}&sort=version_no").json()[
        "items"
    ]
    assert [(v["version_no"], v["status"]) for v in listed] == [(1, "superseded"), (2, "approved")]
    assert client.get(f"{url}/download").content == PDF + b"B"
    assert client.get(f"{url}/download?version_no=1").content == PDF, "nothing is overwritten"


@pytest.mark.requirement("DOC-06")
def test_the_same_content_is_stored_once_and_told(api: Api, factory: ContextFactory) -> None:
    client = api(master())
    first = upload(client).json()
    again = upload(client, name="copie.pdf", title="Copie").json()
    assert again["duplicates"] == [first["document"]["number"]]
    stored = [p for p in factory.config.files_dir.rglob("*") if p.is_file()]
    assert len(stored) == 1


@pytest.mark.requirement("DOC-05")
def test_the_store_uses_technical_names_only(api: Api, factory: ContextFactory) -> None:
    version = upload(api(master()), name="../../étude secrète.pdf").json()["version"]
    (stored,) = [p for p in factory.config.files_dir.rglob("*") if p.is_file()]
    assert stored.name == version["sha256"]
    assert version["file_name"].endswith("étude secrète.pdf")


def archive(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return buffer.getvalue()


@pytest.mark.requirement("DOC-08")
@pytest.mark.requirement("DOC-46")
@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"MZ\x90\x00", "plan.pdf"),
        (b"\x7fELF\x02", "plan.step"),
        (b"#!/bin/sh\nrm", "notes.txt"),
        (b"@echo off", "install.bat"),
        (archive("lisez-moi.txt", "setup.exe"), "plans.zip"),
    ],
)
def test_executables_are_refused_whatever_their_name(api: Api, content: bytes, name: str) -> None:
    refused = upload(api(master()), content, name)
    assert (refused.status_code, refused.json()["code"]) == (415, "document.executable")


def test_empty_files_are_refused(api: Api) -> None:
    assert upload(api(master()), b"").json()["code"] == "document.empty"


@pytest.mark.requirement("DOC-46")
@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (PDF, "photo.jpg", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n....", "x.pdf", "image/png"),
        (b"ISO-10303-21;\nHEADER;", "piece.stp", "model/step"),
        (b"%\nO1234\nG0 X10\nM30\n", "O1234.nc", "text/x-gcode"),
        ("pièce;quantité\n".encode("latin-1"), "liste.csv", "text/csv"),
        (
            archive("xl/workbook.xml"),
            "a.zip",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (archive("a.txt"), "a.xlsx", "application/zip"),
        (bytes(80) + (1).to_bytes(4, "little") + bytes(50), "a.stl", "model/stl"),
        (b"\x00\x01\x02\x03", "a.pdf", "application/octet-stream"),
    ],
)
def test_the_type_comes_from_the_content(content: bytes, name: str, expected: str) -> None:
    assert signatures.media_type(content, name) == expected


@pytest.mark.requirement("DOC-12")
def test_links_need_an_existing_object(api: Api) -> None:
    client = api(master())
    site = client.post("/api/v1/sites", json={"code": "S1", "name": "Nord"}).json()["id"]
    filed = upload(client, object_type="site", object_id=site)
    assert filed.status_code == 201
    links = client.get(f"/api/v1/document-links?object_type=site&object_id={site}").json()["items"]
    assert links[0]["document"]["id"] == filed.json()["document"]["id"]
    for object_type, object_id in (("site", 999999), ("nothing", 1)):
        body = {
            "document_id": filed.json()["document"]["id"],
            "object_type": object_type,
            "object_id": object_id,
        }
        assert client.post("/api/v1/document-links", json=body).json()["code"] == "document.link_unknown"


@pytest.mark.requirement("DOC-26")
@pytest.mark.requirement("DOC-48")
def test_reading_a_critical_document_is_logged_and_a_damaged_file_is_refused(factory: ContextFactory) -> None:
    with factory.open(Principal.service("test")) as ctx:
        site = ctx.add(Site(code="S1", name="Nord"))
        version = documents.file_document(
            ctx, "quality", "Procédure", PDF, "application/pdf", [site], is_critical=True
        )
        assert version.status == "approved"
        assert version.file_name.endswith(".pdf")
        assert documents.read(ctx, version) == PDF
        assert [d.id for d in documents.documents_of(ctx, site)] == [version.document_id]
        assert len(ctx.session.scalars(select(DocumentAccessLog)).all()) == 1
        ctx.files.path(version.sha256).write_bytes(b"altered")
        from coordinator.kernel.errors import Conflict

        with pytest.raises(Conflict, match=r"document\.damaged"):
            documents.read(ctx, version)


@pytest.mark.requirement("DOC-53")
def test_validity(api: Api) -> None:
    client = api(master())
    document = upload(client).json()["document"]["id"]

    def add(**dates: str) -> Any:
        data = {"change_reason": "nouveau certificat", **dates}
        return client.post(
            f"/api/v1/documents/{document}/versions", files={"file": ("c.pdf", PDF)}, data=data
        )

    assert add(issued_on="2026-05-01", valid_until="2026-04-30").json()["code"] == "document.validity"
    old = add(issued_on="2020-01-01", valid_until="2021-01-01").json()["version"]["id"]
    client.post(f"/api/v1/document-versions/{old}/submit", json={})
    assert (
        client.post(f"/api/v1/document-versions/{old}/approve", json={}).json()["code"] == "document.expired"
    )


@pytest.mark.requirement("DOC-33")
@pytest.mark.requirement("DOC-40")
def test_personnel_papers_are_for_those_who_hold_them(api: Api, factory: ContextFactory) -> None:
    with factory.open(Principal.service("test")) as ctx:
        for family, title, confidentiality in (
            ("hr", "Contrat", "personal"),
            ("production", "Plan", "internal"),
            ("production", "Plan restreint", "defence_restricted"),
        ):
            documents.file_document(ctx, family, title, PDF + title.encode(), confidentiality=confidentiality)

    def titles(**rights: str) -> list[str]:
        held = {("documents", "read"): "site"} | {(module, "read"): scope for module, scope in rights.items()}
        client = api(Principal(kind="user", name="x", user_id=None, rights=held))
        page = client.get("/api/v1/documents?sort=id").json()
        assert page["total"] == len(page["items"])
        return [d["title"] for d in page["items"]]

    assert titles() == ["Plan"]
    assert titles(hr="own") == ["Plan"]
    assert titles(hr="all") == ["Contrat", "Plan"]
    operator = api(Principal(kind="user", name="x", rights={("documents", "read"): "assigned"}))
    assert [d["title"] for d in operator.get("/api/v1/documents").json()["items"]] == ["Plan"]
    sales = api(Principal(kind="user", name="x", rights={("documents", "create"): "site"}))
    assert upload(sales, family="hr").status_code == 403
    with factory.open(Principal.service("test")) as ctx:
        assert len(ctx.session.scalars(select(Document)).all()) == 3
