"""From upload over HTTP to a validated part revision, on the sample parts of the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from coordinator.gateway.app import create_app
from coordinator.kernel.context import ContextFactory, Principal
from coordinator.kernel.jobs import run_pending
from coordinator.kernel.models import Task
from coordinator.modules.catalogue.models import Part, PartRevision
from coordinator.modules.drawings.models import DrawingCorrection, DrawingFeature
from infra.samples.writer import SamplePart, write_samples
from tests.conftest import master, person

PDF = "application/pdf"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[SamplePart]:
    return write_samples(tmp_path_factory.mktemp("samples"))


@pytest.fixture
def client(fresh_factory: ContextFactory) -> Callable[..., TestClient]:
    def build(principal: Principal) -> TestClient:
        app = create_app(fresh_factory)
        app.state.authenticate = lambda _ctx, _request: principal
        return TestClient(app)

    return build


def upload(client: TestClient, *files: Path, **form: Any) -> list[dict[str, Any]]:
    parts = [("files", (f.name, f.read_bytes(), PDF)) for f in files]
    answer = client.post("/api/v1/drawings", files=parts, data=form)
    assert answer.status_code == 202, answer.text
    analyses: list[dict[str, Any]] = answer.json()["analyses"]
    return analyses


@pytest.mark.requirement("DRW-01", "DRW-02", "DRW-10", "DRW-33", "DRW-35", "DRW-38")
def test_a_drawing_becomes_a_part_revision(
    client: Callable[..., TestClient], fresh_factory: ContextFactory, samples: list[SamplePart]
) -> None:
    sample = samples[0]
    http = client(master())
    customer = http.post("/api/v1/customers", json={"name": "Aéro Composants"}).json()
    [queued] = upload(http, sample.pdf, sample.step, customer_id=customer["id"])
    assert queued["status"] == "uploaded"
    assert {f["file_name"] for f in queued["files"]} == {sample.pdf.name, sample.step.name}
    path = f"/api/v1/drawing-analyses/{queued['id']}"
    assert http.post(f"{path}/validate").status_code == 409, "nothing unread is validated"

    assert run_pending(fresh_factory, fresh_factory.registry) >= 1
    read = http.get(f"/api/v1/drawings/{queued['id']}/analysis").json()
    truth = sample.truth["title_block"]
    assert read["status"] == "to_review"
    assert read["drawing_number"] == truth["drawing_number"]
    assert float(read["length_mm"]) == pytest.approx(max(sample.truth["size_mm"]), abs=0.05)
    with fresh_factory.open(master()) as ctx:
        task = ctx.session.scalars(select(Task).where(Task.kind == "drawing_review")).one()
        assert truth["drawing_number"] in task.title
        features = list(ctx.session.scalars(select(DrawingFeature)))
        assert any(f.kind.startswith("dimension") and f.bbox and f.page for f in features)

    wanted = {"part_name": "Arbre corrigé", "criticality": "standard", "quantity": 10}
    if read["material_id"] is None:
        wanted["material_id"] = http.get("/api/v1/materials?q=C45").json()["items"][0]["id"]
    changed = http.patch(path, json={**wanted, "row_version": read["row_version"]})
    assert changed.status_code == 200, changed.text
    validated = http.post(f"{path}/validate")
    assert validated.status_code == 200, validated.text
    assert validated.json()["record"]["status"] == "validated"
    with fresh_factory.open(master()) as ctx:
        revision = ctx.get(PartRevision, validated.json()["result"]["part_revision_id"])
        part = ctx.get(Part, revision.part_id)
        assert (part.name, part.drawing_number) == ("Arbre corrigé", truth["drawing_number"])
        assert part.customer_id == customer["id"]
        corrections = {c.field_name: c for c in ctx.session.scalars(select(DrawingCorrection))}
        assert corrections["part_name"].corrected_value == "Arbre corrigé"
        assert corrections["part_name"].read_value == read["part_name"]
    closed = http.patch(
        path, json={"part_name": "X", "row_version": validated.json()["record"]["row_version"]}
    )
    assert closed.json()["code"] == "drawing.closed"


@pytest.mark.requirement("DRW-33")
def test_validation_is_human_and_complete(
    client: Callable[..., TestClient], fresh_factory: ContextFactory, samples: list[SamplePart]
) -> None:
    [queued] = upload(client(master()), samples[1].pdf)
    run_pending(fresh_factory, fresh_factory.registry)
    path = f"/api/v1/drawing-analyses/{queued['id']}/validate"
    service = client(Principal.service("automate")).post(path)
    assert service.status_code == 403
    reader = client(person("drawing_analysis:read")).post(path)
    assert reader.status_code == 403
    missing = client(master()).post(path)
    assert missing.status_code == 400
    assert missing.json()["code"] == "drawing.incomplete"
    assert "criticality" in {e["field"] for e in missing.json()["errors"]}


@pytest.mark.requirement("DRW-42")
def test_files_come_back_unchanged_and_unreadable_ones_fail_alone(
    client: Callable[..., TestClient],
    fresh_factory: ContextFactory,
    samples: list[SamplePart],
    tmp_path: Path,
) -> None:
    http = client(master())
    broken = tmp_path / "PL-999.pdf"
    broken.write_bytes(b"%PDF-1.7\n" + b"\x00garbage" * 50)
    good, bad = upload(http, samples[2].dxf, broken)
    run_pending(fresh_factory, fresh_factory.registry)
    assert http.get(f"/api/v1/drawing-analyses/{good['id']}").json()["status"] == "to_review"
    failed = http.get(f"/api/v1/drawing-analyses/{bad['id']}").json()
    assert failed["status"] == "failed"
    assert failed["error_code"]
    assert failed["error_message"]
    content = http.get(f"/api/v1/drawings/files/{good['files'][0]['id']}/content")
    assert content.content == samples[2].dxf.read_bytes()


def test_programs_are_refused(client: Callable[..., TestClient]) -> None:
    http = client(master())
    refused = http.post("/api/v1/drawings", files=[("files", ("plan.pdf", b"MZ\x90\x00", PDF))])
    assert refused.status_code == 415
    assert http.get("/api/v1/drawing-analyses").json()["total"] == 0
