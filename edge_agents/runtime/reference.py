"""Cached reference data for work without a line (EDG-22): operations, items, locations, users.

The file is encrypted with a key which stays on the station, because it holds the hashes of badges and PINs.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from edge_agents.protocol import ProtocolError, credentials
from edge_agents.protocol.control import (
    CachedOperation,
    CachedUser,
    ReferenceData,
    decode_document,
    encode_document,
)
from edge_agents.runtime.clock import Clock
from edge_agents.runtime.files import write_durably


class ReferenceCache:
    """Last reference data received, with indexes for an answer within the time of a scan."""

    def __init__(
        self, directory: Path, clock: Clock, *, users_max_age: timedelta = timedelta(hours=72)
    ) -> None:
        self._path = directory / "reference.bin"
        self._key_path = directory / "reference.key"
        self._clock = clock
        self._users_max_age = users_max_age
        self.data: ReferenceData | None = None
        self._operations: dict[str, CachedOperation] = {}
        self._load()

    def _cipher(self) -> Fernet:
        if not self._key_path.exists():
            write_durably(self._key_path, Fernet.generate_key())
        return Fernet(self._key_path.read_bytes())

    def _load(self) -> None:
        if not self._path.exists():
            return
        try:
            self._take(decode_document(ReferenceData, self._cipher().decrypt(self._path.read_bytes())))
        except (InvalidToken, ProtocolError, OSError, ValueError):
            self.data = None

    def _take(self, data: ReferenceData) -> None:
        self.data = data
        self._operations = {operation.code: operation for operation in data.operations}

    def store(self, data: ReferenceData) -> None:
        """Replaces the cached data, in memory and on the disk."""
        self._take(data)
        write_durably(self._path, self._cipher().encrypt(encode_document(data)))

    def clear(self) -> None:
        """Forgets everything (decommissioning)."""
        self.data = None
        self._operations = {}
        self._path.unlink(missing_ok=True)
        self._key_path.unlink(missing_ok=True)

    def age(self) -> timedelta | None:
        """Age of the data, shown on the screen; None without data."""
        return None if self.data is None else max(self._clock.now() - self.data.generated_at, timedelta())

    @property
    def users_usable(self) -> bool:
        """False once the list of badges is too old to trust (ACC-49)."""
        age = self.age()
        return age is not None and age <= self._users_max_age

    def operation(self, code: str) -> CachedOperation | None:
        """Open operation behind a scanned code."""
        return self._operations.get(code)

    def user_of_badge(self, badge: str) -> CachedUser | None:
        """User of a badge, or None (also when the list is too old)."""
        if self.data is None or not self.users_usable:
            return None
        known = (user for user in self.data.users if user.badge_hash)
        return next((user for user in known if credentials.matches_badge(badge, user.badge_hash or "")), None)
