"""Self-diagnosis on a real database: gaps in invoice numbers and forged history seals are found."""

from __future__ import annotations

import pytest

from coordinator import selfcheck
from coordinator.kernel.context import ContextFactory
from coordinator.modules.invoicing.models import Invoice
from tests.conftest import master
from tests.factories import make


def _found(factory: ContextFactory, code: str) -> tuple[str, str]:
    check = next(c for c in selfcheck.CHECKS if c.code == code)
    return check.function(factory.config)


@pytest.mark.requirement("ORD-54")
def test_a_gap_in_the_invoice_numbers_is_reported(fresh_factory: ContextFactory) -> None:
    assert _found(fresh_factory, "invoice_numbers") == ("ok", "")
    with fresh_factory.open(master()) as ctx:
        for number in ("FAC-2026-00001", "FAC-2026-00003"):
            make(ctx, Invoice, number=number)
    assert _found(fresh_factory, "invoice_numbers") == ("failed", "FAC-2026-00002")
    assert _found(fresh_factory, "history")[0] == "ok"
