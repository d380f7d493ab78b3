"""Drawn photographs of codes: the same again for a seed, readable when nothing is wrong with them, and honestly counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import zxingcpp

from edge_agents.drivers.scanner.decode import Decoded
from infra import bench_codes
from infra.samples import codes


@pytest.mark.parametrize("kind", codes.KINDS)
def test_a_clean_picture_is_read_and_a_seed_gives_it_again(kind: str) -> None:
    first, again = (codes.sample(kind, 3, severity=0.0, fault="none") for _ in range(2))
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, codes.sample(kind, 4, severity=0.0, fault="none").image)
    read = zxingcpp.read_barcodes(first.image, text_mode=zxingcpp.TextMode.Plain)
    assert [code.text for code in read] == [first.text]


def test_every_fault_changes_the_picture() -> None:
    clean = codes.sample("DataMatrix", 7, severity=0.0, fault="none")
    for fault in codes.MATRIX_FAULTS[1:]:
        faulty = codes.sample("DataMatrix", 7, severity=1.0, fault=fault)
        assert (faulty.text, faulty.fault) == (clean.text, fault)
        assert not np.array_equal(faulty.image, clean.image)


def test_a_text_that_was_not_drawn_counts_as_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def misread(_image: Any, **_options: Any) -> list[Decoded]:
        return [Decoded("4006381333931", "EAN13", ((0, 0),) * 4)]

    monkeypatch.setattr(bench_codes, "decode_image", misread)
    found = bench_codes.count("EAN13", range(2), severity=0.0)
    assert (found.total, found.read, found.by_zxing) == (2, 0, 2)
    assert (len(found.wrong), len(found.missed)) == (2, 2)
