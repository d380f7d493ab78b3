"""Small drawings made to measure, and a person's way through the interface."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pypdfium2

from coordinator.kernel.context import ContextFactory
from coordinator.kernel.jobs import run_pending
from infra.samples.dxf_writer import write_dxf
from infra.samples.pdf_writer import write_pdf
from infra.samples.sheet import Callout, Dim, Sheet, add_frame_and_title_block

TITLE = {
    "drawing_number": "EQ-100", "revision": "A", "part_name": "Équerre", "material": "C45", "unit": "mm",
    "general_tolerance": "ISO 2768-mK", "scale": "1:1", "sheet": "1/1", "date": "12/03/2026", "author": "A. Petit",
    "customer": "Client Essai", "projection": "Premier dièdre",
}  # fmt: skip


def sheet_of(
    title: dict[str, str], sizes: Sequence[float | Callout] = (80, 45), notes: Sequence[str] = ()
) -> Sheet:
    """A plate with horizontal dimensions of the given sizes."""
    sheet = Sheet(TITLE | title, notes=list(notes))
    add_frame_and_title_block(sheet)
    sheet.polyline([(60, 170), (140, 170), (140, 215), (60, 215)], closed=True)
    for index, size in enumerate(sizes):
        call = size if isinstance(size, Callout) else Callout("linear", float(size))
        sheet.dims.append(Dim((60, 170), (140, 170), 155 - 12 * index, call))
    return sheet


class Desk:
    """What a person does over HTTP, with the worker's work done in between."""

    def __init__(self, http: Any, factory: ContextFactory, folder: Path) -> None:
        self.http, self.factory, self.folder = http, factory, folder

    def pdf(self, name: str = "EQ-100.pdf", *, sizes: Any = (80, 45), notes: Any = (), **title: str) -> Path:
        """A one-page vector PDF."""
        path = self.folder / name
        write_pdf(sheet_of(title, sizes, notes), path)
        return path

    def dxf(self, name: str = "EQ-100.dxf", *, sizes: Any = (80, 45), **title: str) -> Path:
        """The same as DXF."""
        path = self.folder / name
        write_dxf(sheet_of(title, sizes), path)
        return path

    def many_pages(self, name: str, *pages: Path) -> Path:
        """One PDF of several."""
        path = self.folder / name
        with pypdfium2.PdfDocument.new() as whole:
            for page in pages:
                with pypdfium2.PdfDocument(page) as one:
                    whole.import_pages(one)
            whole.save(path)
        return path

    def send(
        self, *files: Path | tuple[str, bytes], headers: dict[str, str] | None = None, **form: Any
    ) -> Any:
        """Import files; the raw answer."""
        parts = [("files", (f[0], f[1]) if isinstance(f, tuple) else (f.name, f.read_bytes())) for f in files]
        return self.http.post("/api/v1/drawings", files=parts, data=form, headers=headers or {})

    def read(self, *files: Path | tuple[str, bytes], **form: Any) -> list[dict[str, Any]]:
        """Import files, let the worker read them; the review of every analysis of the import."""
        answer = self.send(*files, **form)
        assert answer.status_code == 202, answer.text
        self.work()
        state = self.get(f"drawings/imports/{answer.json()['import_id']}")
        return [self.review(a["id"]) for a in state["analyses"]]

    def work(self) -> None:
        """Let the worker do what is queued."""
        run_pending(self.factory, self.factory.registry)

    def get(self, path: str) -> Any:
        """JSON of a route."""
        answer = self.http.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def review(self, analysis_id: int) -> dict[str, Any]:
        """The review document."""
        document: dict[str, Any] = self.get(f"drawings/{analysis_id}/review")
        return document

    def correct(self, review: dict[str, Any], **fields: Any) -> dict[str, Any]:
        """Correct fields; the review afterwards."""
        body = {"row_version": self.review(review["id"])["row_version"], "fields": fields}
        answer = self.http.patch(f"/api/v1/drawings/{review['id']}", json=body)
        assert answer.status_code == 200, answer.text
        corrected: dict[str, Any] = answer.json()
        return corrected

    def act(self, review: dict[str, Any], action: str, **params: Any) -> Any:
        """A command on an analysis; the raw answer."""
        return self.http.post(
            f"/api/v1/drawing-analyses/{review['id']}/{action.replace('_', '-')}", json=params or None
        )

    def done(self, review: dict[str, Any], action: str, **params: Any) -> Any:
        """A command that must work; its result."""
        answer = self.act(review, action, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def material(self, name: str = "C45") -> int:
        """A material of the catalogue."""
        found: int = self.get(f"materials?q={name}")["items"][0]["id"]
        return found

    def complete(self, review: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Answer everything mandatory that is still open."""
        answers = {
            "drawing_number": "X-1", "revision": "-", "part_name": "Pièce", "length_mm": "80", "width_mm": "45",
            "height_mm": "10", "quantity": "5", "criticality": "standard", **more,
        }  # fmt: skip
        if "material_id" in review["missing"]:
            answers.setdefault("material_id", self.material())
        wanted = {n: v for n, v in answers.items() if n in review["missing"] or n in more}
        return self.correct(review, **wanted) if wanted else self.review(review["id"])

    def customer(self, name: str = "Aéro Composants") -> int:
        """A new customer."""
        answer = self.http.post("/api/v1/customers", json={"name": name})
        assert answer.status_code == 201, answer.text
        created: int = answer.json()["id"]
        return created


def fields_of(review: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Fields of a review by name."""
    return {f["name"]: f for f in review["fields"]}
