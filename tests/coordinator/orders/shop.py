"""A shop with a sent quote, and what its customer and its workshop do."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from coordinator.kernel.context import ContextFactory
from coordinator.kernel.models import Setting
from coordinator.kernel.outbox import Event
from coordinator.modules.orders import purchase
from coordinator.modules.orders.models import CustomerPo
from coordinator.modules.orders.po_reading import recognise
from coordinator.modules.quoting.models import QuoteLine
from infra.samples.customer_order import CustomerOrder, OrderedLine
from tests.conftest import master
from tests.coordinator.quoting import workshop
from tests.coordinator.quoting.engine.samples import BLOCK, SHAFT


class Shop:
    """A sent quote for two parts, and an HTTP client."""

    def __init__(
        self, http: Any, factory: ContextFactory, *, criticality: str = "standard", minimum: int = 0
    ) -> None:
        self.http, self.factory = http, factory
        with factory.open(master()) as ctx:
            if minimum:
                ctx.add(Setting(key="quoting.minimum_order_value", scope="global", value=minimum))
            workshop.build(ctx)
            self.customer = workshop.customer(ctx).id
            analyses = [workshop.validated(ctx, reading, self.customer).id for reading in (SHAFT, BLOCK)]
        quote = self.post("/quotes", customer_id=self.customer)
        self.quote_id, self.quote_number = quote["id"], quote["number"]
        for analysis in analyses:
            self.post(
                "/quote-lines",
                quote_id=self.quote_id,
                drawing_analysis_id=analysis,
                quantity=10,
            )
        for action in ("compute", "submit"):
            self.post(f"/quotes/{self.quote_id}/{action}")
        self.post(f"/quotes/{self.quote_id}/approve", accept_to_confirm=True)
        self.post(f"/quotes/{self.quote_id}/send")
        with factory.open(master()) as ctx:
            for line in ctx.session.query(QuoteLine).filter_by(quote_id=self.quote_id):
                line.criticality = criticality
        sheet = self.get(f"/quotes/{self.quote_id}/sheet")
        self.prices = [
            Decimal(line["unit_price_excl_tax"]).quantize(Decimal("0.01")) for line in sheet["lines"]
        ]
        self.delivery = dt.date.fromisoformat(
            next(s for s in sheet["scenarios"] if s["id"] == sheet["quote"]["selected_scenario_id"])[
                "delivery_date"
            ]
        )

    def post(self, path: str, expect: int | None = None, **body: Any) -> dict[str, Any]:
        answer = self.http.post(f"/api/v1{path}", json=body)
        assert answer.status_code == expect if expect else answer.status_code < 300, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, path: str) -> dict[str, Any]:
        answer = self.http.get(f"/api/v1{path}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def paper(self, **changes: Any) -> CustomerOrder:
        values: dict[str, Any] = {
            "number": "CA-2026-00471",
            "on": dt.date(2026, 11, 20),
            "lines": [
                OrderedLine("A-100", "Arbre", 10, self.prices[0], "A"),
                OrderedLine("B-200", "Bloc", 10, self.prices[1], "A"),
            ],
            "delivery": self.delivery,
            "quote_number": self.quote_number,
            "clauses": (),
        }
        return CustomerOrder(**{**values, **changes})

    def received(self, *, under_the_lines: Sequence[str] = (), **changes: Any) -> int:
        """A purchase order read in this process and kept."""
        order = self.paper(**changes)
        lines = [
            f"BON DE COMMANDE   N° : {order.number}",
            f"SIRET : {order.siret}   Date : {order.on:%d/%m/%Y}",
            *([f"Votre devis : {order.quote_number}"] if order.quote_number else []),
            *(
                f"{line.drawing_number} {f'ind. {line.revision}' if line.revision else ''}   {line.designation}   {line.quantity}   "
                f"{line.unit_price}   {line.unit_price * line.quantity}"
                for line in order.lines
            ),
            *under_the_lines,
            f"Date de livraison demandée : {order.delivery:%d/%m/%Y}",
        ]
        with self.factory.open(master()) as ctx:
            record = ctx.add(CustomerPo(file_name="po.pdf"))
            purchase.keep(ctx, record, recognise(lines))
            return record.id

    def confirmed(self, **changes: Any) -> int:
        po = self.received(**changes)
        result = self.post(f"/customer-pos/{po}/confirm")["result"]
        return int(result["sales_order_id"])


def told(order_id: int) -> Event:
    """The event of a validated order."""
    now = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    return Event(uuid.uuid4(), "sales_order.validated", {"id": order_id}, now, None, None)
