"""What an analysis is called in lists, links and tabs."""

from __future__ import annotations

import pytest

from coordinator.kernel.context import Context
from coordinator.kernel.crud import display
from coordinator.modules.drawings.models import DrawingAnalysis, DrawingFile


@pytest.mark.requirement("DRW-10")
@pytest.mark.parametrize(
    ("read", "name"),
    [
        ({}, "Client Dupont/bride.step"),
        ({"part_name": "Bride"}, "Bride"),
        ({"drawing_number": "A-12", "part_name": "Bride"}, "A-12 · Bride"),
    ],
)
def test_an_analysis_is_called_after_its_file_until_its_name_is_read(
    ctx: Context, read: dict[str, str], name: str
) -> None:
    file = ctx.add(
        DrawingFile(file_name="Client Dupont/bride.step", file_type="step", size=1, sha256="0" * 64)
    )
    analysis = ctx.add(DrawingAnalysis(drawing_file_id=file.id, **read))
    assert display(ctx.registry.entities["drawing_analysis"], analysis) == name
