"""Both catalogues say the same things, and no box of a command's form shows a bare code."""

from __future__ import annotations

from string import Formatter

import pytest

from coordinator.bootstrap import registry
from coordinator.kernel.i18n import catalogue


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_hold_the_same_keys() -> None:
    french, english = catalogue("fr").keys(), catalogue("en").keys()
    assert french
    assert sorted(french ^ english) == []


def test_a_text_takes_the_same_values_in_both_languages() -> None:
    english = catalogue("en")
    differing = {
        key: (text, english[key])
        for key, text in catalogue("fr").items()
        if key in english and _placeholders(text) != _placeholders(english[key])
    }
    assert differing == {}


@pytest.mark.parametrize("locale", ["fr", "en"])
def test_every_parameter_of_every_command_has_its_label(locale: str) -> None:
    texts = catalogue(locale)
    missing = [
        (name, command.name, parameter)
        for name in registry().entities
        for command in registry().entity_commands(name)
        for parameter in command.params.model_fields
        if not {f"param.{name}.{parameter}", f"field.{name}.{parameter}", f"field.{parameter}"} & texts.keys()
    ]
    assert missing == []
