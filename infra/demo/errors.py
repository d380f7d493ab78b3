"""Refusals of the demo, in the words of whoever started it."""

from __future__ import annotations


class DemoError(Exception):
    """The demo cannot start or go on; ``code`` is stable, ``message`` is French and says what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
