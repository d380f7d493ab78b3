"""Words of the client, from its gettext catalogues; French is complete, English second (UIX-55)."""

from __future__ import annotations

import ast
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / "locale"
LANGUAGES = ("fr", "en")
_log = logging.getLogger(__name__)
_reported: set[str] = set()
_current = ["fr"]


@lru_cache
def catalogue(language: str) -> dict[str, str]:
    """Texts of one language by key."""
    return read_po((FOLDER / f"{language}.po").read_text(encoding="utf-8"))


def read_po(content: str) -> dict[str, str]:
    """Messages of a ``.po`` file: plain entries, possibly on several lines; plural forms are keys of their own here."""
    found: dict[str, str] = {}
    parts = {"msgid": "", "msgstr": ""}
    current = ""
    for line in [*content.splitlines(), 'msgid ""']:
        word, _, rest = line.strip().partition(" ")
        if word in parts:
            if word == "msgid":
                if parts["msgid"] and parts["msgstr"]:
                    found[parts["msgid"]] = parts["msgstr"]
                parts = {"msgid": "", "msgstr": ""}
            current = word
            parts[word] = ast.literal_eval(rest)
        elif line.startswith('"') and current:
            parts[current] += ast.literal_eval(line.strip())
    return found


def set_language(language: str) -> None:
    """Language of all following texts; an unknown one falls back to French."""
    _current[0] = language if language in LANGUAGES else "fr"


def language() -> str:
    """Language in use."""
    return _current[0]


def t(key: str, **params: Any) -> str:
    """Text of ``key``; missing in the language, the French one; missing there, the key, reported once (UIX-67)."""
    text = catalogue(_current[0]).get(key) or catalogue("fr").get(key)
    if text is None:
        if key not in _reported:
            _reported.add(key)
            _log.warning("text missing in catalogue: %s", key)
        return key
    return text.format(**params) if params else text


def inside(words: str) -> str:
    """Words as they stand inside a sentence: small letters, but for abbreviations (« taux de TVA », « opérations d'OF »)."""
    return " ".join(w if any(c.isupper() for c in w[1:]) else w.lower() for w in words.split(" "))


def has_text(key: str) -> bool:
    """Whether the catalogues hold ``key``."""
    return key in catalogue(_current[0]) or key in catalogue("fr")


def tn(key: str, count: int, **params: Any) -> str:
    """Text of ``key.one`` or ``key.other``; French takes the singular up to 1."""
    single = abs(count) < 2 if _current[0] == "fr" else count == 1
    return t(f"{key}.one" if single else f"{key}.other", count=f"{count:,}".replace(",", "\u202f"), **params)
