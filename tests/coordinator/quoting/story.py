"""A quote told over HTTP: customer, validated drawings, commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coordinator.kernel.context import ContextFactory
from tests.conftest import master
from tests.coordinator.quoting import workshop
from tests.coordinator.quoting.engine.samples import BLOCK, SHAFT

Api = Callable[..., Any]


class Story:
    """A customer, validated drawings and an HTTP client."""

    def __init__(self, api: Api, factory: ContextFactory) -> None:
        self.api, self.factory = api, factory
        self.http = api(master())
        with factory.open(master()) as ctx:
            workshop.build(ctx)
            self.customer = workshop.customer(ctx).id
            self.shaft = workshop.validated(ctx, SHAFT, self.customer).id
            self.block = workshop.validated(ctx, BLOCK, self.customer).id

    def quote(self, *analyses: int, quantity: int = 10, **header: Any) -> dict[str, Any]:
        created = self.http.post("/api/v1/quotes", json={"customer_id": self.customer, **header})
        assert created.status_code == 201, created.text
        for analysis in analyses:
            self.line(created.json()["id"], drawing_analysis_id=analysis, quantity=quantity)
        found: dict[str, Any] = created.json()
        return found

    def line(self, quote_id: int, **values: Any) -> dict[str, Any]:
        made = self.http.post("/api/v1/quote-lines", json={"quote_id": quote_id, "quantity": 10, **values})
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found

    def act(self, quote_id: int, action: str, expect: int = 200, **params: Any) -> dict[str, Any]:
        answer = self.http.post(f"/api/v1/quotes/{quote_id}/{action}", json=params)
        assert answer.status_code == expect, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def sheet(self, quote_id: int) -> dict[str, Any]:
        answer = self.http.get(f"/api/v1/quotes/{quote_id}/sheet")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def approved(self, *analyses: int, **header: Any) -> dict[str, Any]:
        """A quote ready to be sent."""
        quote = self.quote(*(analyses or (self.shaft,)), **header)
        for action in ("compute", "submit"):
            self.act(quote["id"], action)
        self.act(quote["id"], "approve", accept_to_confirm=True)
        return quote

    def operation(self, line_id: int, number: int = 10, **values: Any) -> dict[str, Any]:
        """A typed operation of a line."""
        given = {
            "quote_line_id": line_id, "sequence_no": number, "operation_type": "milling", "operation_label": "Fraisage",
            "setup_min": "60", "run_min": "6", **values,
        }  # fmt: skip
        made = self.http.post("/api/v1/quote-line-operations", json=given)
        assert made.status_code == 201, made.text
        found: dict[str, Any] = made.json()
        return found

    def machine(self, code: str) -> int:
        """Id of a machine."""
        return int(self.http.get(f"/api/v1/machines?code={code}").json()["items"][0]["id"])

    def change(self, plural: str, record_id: int, **values: Any) -> dict[str, Any]:
        """Change fields of a record as it is now."""
        path = f"/api/v1/{plural}/{record_id}"
        version = self.http.get(path).json()["row_version"]
        answer = self.http.patch(path, json={**values, "row_version": version})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found
