"""A sentence as name of a record widens no page: it is cut on a card and wrapped in a header."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QWidget

from clients.desktop.model.metadata import Field
from clients.desktop.model.texts import inside
from clients.desktop.ui.record_header import RecordHeader
from clients.desktop.ui.table_model import shared_widths
from clients.desktop.ui.widgets import ElidedLink, row
from tests.clients.desktop.sample import entity, metadata

SENTENCE = (
    "Commande CMD-2026-0001, ligne 1 : affaire non rentable. Causes : fraisage, tournage, rebuts et retouches "
    * 3
)


def test_a_long_link_is_cut_and_whole_in_its_tip(qapp: QApplication) -> None:
    card = QWidget()
    link = ElidedLink(SENTENCE, lambda: None)
    row(card).addWidget(link, 1)
    card.resize(400, 60)
    card.show()
    assert card.width() == 400
    assert link.text().endswith("…")
    assert link.toolTip() == SENTENCE


def test_a_long_title_wraps(qapp: QApplication) -> None:
    header = RecordHeader(metadata(entity()).entities["customer"])
    header.show_record(SENTENCE, None)
    assert header.minimumSizeHint().width() < 900
    header.show_record("Poste 3", None)
    assert header.title.minimumWidth() >= header.title.fontMetrics().horizontalAdvance("Poste 3")


def test_columns_share_a_list_by_what_they_hold() -> None:
    """Nothing is cut where there is room; where there is none, the widest words give way and figures stay whole."""
    assert shared_widths([100, 300, 80], [False, True, False], 1000) == [100, 820, 80]
    cut = shared_widths([100, 400, 130, 80], [False, True, True, False], 560)
    assert cut[0] == 100
    assert cut[3] == 80
    assert cut[2] == 130, "a short column of words is not cut for a long one"
    assert sum(cut) <= 560
    assert min(shared_widths([90, 400, 400], [False, True, True], 100)[1:]) > 100, "the list scrolls instead"


def test_words_inside_a_sentence_keep_abbreviations() -> None:
    assert inside("Taux de TVA") == "taux de TVA"
    assert inside("Opérations d'OF") == "opérations d'OF"
    assert inside("EPI") == "EPI"


def test_units_keep_their_letters() -> None:
    """« Mm » would be another unit."""
    field = Field.from_json(
        {
            "name": "unit", "label": "Unité", "type": "choice",
            "choices": [{"value": "mm", "label": "mm"}, {"value": "piece", "label": "pièce"}],
        }
    )  # fmt: skip
    assert [c.label for c in field.choices] == ["mm", "Pièce"]
