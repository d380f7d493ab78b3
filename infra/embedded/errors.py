"""Errors of the embedded servers: a stable code and a message the person at the keyboard understands."""

from __future__ import annotations


class InfraError(Exception):
    """A technical service cannot start or work.

    ``code`` is stable (``infra.*``), ``message`` is French and says what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
