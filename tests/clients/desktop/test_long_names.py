"""A sentence as name of a record widens no page: it is cut on a card and wrapped in a header."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QWidget

from clients.desktop.ui.record_header import RecordHeader
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
