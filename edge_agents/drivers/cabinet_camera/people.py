"""Who stands before the cabinet and for which operation: badge, QR or PIN, never a face (VIS-07, VIS-08)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from edge_agents.protocol import credentials
from edge_agents.protocol.control import CachedOperation, CachedUser
from edge_agents.runtime.reference import ReferenceCache


@dataclass
class Visitor:
    """The person of this session, and the operation the taken pieces are for. A second badge makes two persons."""

    reference: ReferenceCache
    identify: bool = True
    keep_s: float = 120.0
    user: CachedUser | None = None
    operation: CachedOperation | None = None
    refs: set[str] = field(default_factory=set)
    _seen_at: datetime | None = None

    @property
    def user_ref(self) -> str | None:
        """Reference of the person, None when nobody was identified."""
        return self.user.ref if self.user else None

    @property
    def persons(self) -> int:
        """How many different persons showed themselves."""
        return max(len(self.refs), 1)

    def forget(self) -> None:
        """The session is over."""
        self.user = self.operation = None
        self.refs.clear()

    def expire(self, now: datetime, *, in_session: bool) -> None:
        """Forgets who badged and never opened."""
        if not in_session and self._seen_at and (now - self._seen_at).total_seconds() > self.keep_s:
            self.forget()

    def scan(self, code: str, now: datetime) -> tuple[bool, str]:
        """A code read at the cabinet: badge or operation. Returns whether it was understood and a French sentence."""
        self._seen_at = now
        person = self.reference.user_of_badge(code) if self.identify else None
        if person is not None:
            return True, self._welcome(person)
        operation = self.reference.operation(code)
        if operation is None:
            return False, "Code inconnu de cette armoire."
        self.operation = operation
        return True, f"Prélèvements affectés à {operation.work_order_number}, {operation.operation_label}."

    def pin(self, pin: str, ref: str, now: datetime) -> tuple[bool, str]:
        """A number typed by the person who chose a name. Returns whether it was right and a French sentence."""
        self._seen_at = now
        users = self.reference.data.users if self.reference.data and self.reference.users_usable else []
        person = next((user for user in users if user.ref == ref), None)
        if not self.identify or person is None or not person.pin_hash:
            return False, "Identification impossible ici."
        if not credentials.matches_pin(pin, person.pin_hash):
            return False, "Code personnel incorrect."
        return True, self._welcome(person)

    def _welcome(self, person: CachedUser) -> str:
        self.user = person
        self.refs.add(person.ref)
        if self.operation is None:
            running = self._running(person)
            if running is not None:
                self.operation = running
                return f"Bonjour {person.name}. Prélèvements affectés à {running.work_order_number}."
        return f"Bonjour {person.name}."

    def _running(self, person: CachedUser) -> CachedOperation | None:
        """The one operation the person has started; nothing is proposed when there are several."""
        known = self.reference.data.operations if self.reference.data else []
        own = [
            o for o in known if o.status == "in_progress" and not o.is_paused and person.ref in o.operators
        ]
        return own[0] if len(own) == 1 else None
