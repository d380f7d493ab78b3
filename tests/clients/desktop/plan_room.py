"""Own sample drawings at a served company, read by the worker while a test waits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from clients.desktop.ui.main_window import MainWindow
from clients.desktop.ui.plans.review import ReviewView
from clients.desktop.ui.record_page import RecordPage
from coordinator.kernel.jobs import run_pending
from infra.samples.dxf_writer import write_dxf
from infra.samples.pdf_writer import write_pdf
from infra.samples.sheet import Callout
from tests.clients.desktop.conftest import wait
from tests.clients.desktop.office import Office
from tests.coordinator.drawings.desk import sheet_of

SIZES = (80, Callout("linear", 45, upper=0.1, lower=-0.1), Callout("linear", 24))


class PlanRoom:
    """Sends drawings as another post would, and opens their review in the window."""

    def __init__(self, office: Office, window: MainWindow, folder: Path) -> None:
        self.office, self.window, self.folder = office, window, folder
        self.http = office.http()

    def pdf(self, number: str, **title: str) -> Path:
        path = self.folder / f"{number}.pdf"
        write_pdf(sheet_of({"drawing_number": number, **title}, SIZES, ["Ébavurer soigneusement"]), path)
        return path

    def dxf(self, number: str, **title: str) -> Path:
        path = self.folder / f"{number}.dxf"
        write_dxf(sheet_of({"drawing_number": number, **title}, SIZES), path)
        return path

    def work(self) -> None:
        run_pending(self.office.factory, self.office.factory.registry)

    def read(self, *paths: Path, **form: Any) -> int:
        parts = [("files", (p.name, p.read_bytes())) for p in paths]
        answer = self.http.post("/drawings", files=parts, data=form)
        assert answer.status_code == 202, answer.text
        self.work()
        return int(answer.json()["analyses"][0]["id"])

    def review(self, analysis_id: int) -> dict[str, Any]:
        answer = self.http.get(f"/drawings/{analysis_id}/review")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def fields(self, analysis_id: int) -> dict[str, dict[str, Any]]:
        return {f["name"]: f for f in self.review(analysis_id)["fields"]}

    def correct(self, analysis_id: int, **fields: Any) -> None:
        body = {"row_version": self.review(analysis_id)["row_version"], "fields": fields}
        answer = self.http.patch(f"/drawings/{analysis_id}", json=body)
        assert answer.status_code == 200, answer.text

    def open(self, analysis_id: int) -> tuple[RecordPage, ReviewView]:
        page = self.window.open_record("drawing_analysis", analysis_id)
        wait(lambda: page.state, "record")
        view = page.tabs.widget(0)
        assert isinstance(view, ReviewView)
        wait(lambda: view.document, "review")
        self.calm()
        return page, view

    def calm(self) -> None:
        wait(lambda: self.window.desk.runner.busy == 0, "all answers")

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        return wait(condition, what)
