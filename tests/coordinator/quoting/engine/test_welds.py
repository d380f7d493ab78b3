"""Welds of a drawing in a price: computed where length and process are written, asked otherwise (QUO-42, QUO-06)."""

import pytest

from coordinator.modules.quoting.engine import welds
from coordinator.modules.quoting.engine.part import PartDescription
from coordinator.modules.quoting.engine.settings import TradeSettings
from coordinator.modules.quoting.engine.trades import TradeOperation

ON, OFF = TradeSettings(active=("welding",)), TradeSettings()


def work(**given):
    entry = {
        "kind": "fillet",
        "text": "a4 ◺",
        "size": 4,
        "count": 1,
        "length": 100,
        "unit": "mm",
        "process": "135",
    }
    return welds.from_reading([entry | given])


@pytest.mark.requirement("QUO-42")
def test_runs_of_both_sides_and_inches_add_up():
    ((bead),) = welds.operations(work(count=3, length=50, side="both"), ON)
    assert (bead.trade, bead.process, bead.sizes) == ("welding", "mig", {"length_mm": 300})
    ((bead),) = welds.operations(work(length=2, unit="inch", process="141"), ON)
    assert (bead.process, bead.sizes["length_mm"]) == ("tig", pytest.approx(50.8))
    assert list(welds.questions(work(), ON)) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"length": None}, "longueur"),
        ({"kind": "spot"}, "type"),
        ({"process": "111"}, "111"),
        ({"on_site": True}, "chantier"),
    ],
)
def test_what_cannot_be_computed_is_asked_and_blocks(given, said):
    assert welds.operations(work(**given), ON) == ()
    ((code, text, blocks),) = welds.questions(work(**given), ON)
    assert (code, blocks) == ("weld_not_priced", True)
    assert said in text


def test_assumptions_are_told_and_a_trade_not_ticked_is_no_price():
    assert welds.operations(work(), OFF) == ()
    assert [blocks for _, _, blocks in welds.questions(work(), OFF)] == [False]
    codes = [code for code, _, _ in welds.questions(work(process=None, size=8), ON)]
    assert codes == ["weld_process", "weld_passes"]


def test_a_typed_weld_stands_for_those_of_the_drawing():
    typed = PartDescription(welds=work(), trade_operations=(TradeOperation("welding", {"length_mm": 90}),))
    assert typed.open_welds == ()
    assert PartDescription(welds=work()).open_welds == work()
