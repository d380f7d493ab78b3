"""Numbers of JSON fields which the database writes differently do not break the chain of the history."""

from __future__ import annotations

import pytest

from coordinator.kernel import audit
from coordinator.kernel.context import ContextFactory
from coordinator.modules.stock.models import StorageLocation
from tests.conftest import master


@pytest.mark.requirement("TRC-25")
@pytest.mark.parametrize("number", [-0.0, 1e22, -1.5e20, 1e16, 7e-05, 5.0, 0.1, 123456789012345678])
def test_the_chain_holds_whatever_number_is_stored(factory: ContextFactory, number: float) -> None:
    with factory.open(master()) as ctx:
        ctx.add(StorageLocation(code="P-1", name="Case", kind="bin", polygon=[[number, {"x": number}]]))
    with factory.sessions() as session:
        report = audit.verify_chain(session)
    assert report.intact, report
