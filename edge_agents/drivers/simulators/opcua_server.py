"""The OPC UA server of a simulated control: few sessions, counted, and security as real controls have it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.ua.status_codes import StatusCodes
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.opcua_machine.security import make_certificate
from edge_agents.drivers.opcua_names import Server

_POLICY_TYPES = {
    ("Basic256Sha256", "sign"): ua.SecurityPolicyType.Basic256Sha256_Sign,
    ("Basic256Sha256", "sign_encrypt"): ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
    ("Aes128Sha256RsaOaep", "sign"): ua.SecurityPolicyType.Aes128Sha256RsaOaep_Sign,
    ("Aes128Sha256RsaOaep", "sign_encrypt"): ua.SecurityPolicyType.Aes128Sha256RsaOaep_SignAndEncrypt,
    ("Aes256Sha256RsaPss", "sign"): ua.SecurityPolicyType.Aes256Sha256RsaPss_Sign,
    ("Aes256Sha256RsaPss", "sign_encrypt"): ua.SecurityPolicyType.Aes256Sha256RsaPss_SignAndEncrypt,
}


@dataclass
class ServerSecurity:
    """Certificate folder of the server and who may come in.

    Client certificates are refused until accepted (``accept_all``, or their file in ``folder/trusted``); refused ones are
    kept in ``folder/rejected`` as a control shows them. ``users`` have passwords, ``user_certificates`` are sha256 prints.
    """

    folder: Path
    policies: tuple[str, ...] = ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
    modes: tuple[str, ...] = ("sign", "sign_encrypt")
    users: dict[str, str] = field(default_factory=dict)
    user_certificates: tuple[str, ...] = ()
    is_anonymous_allowed: bool = False
    accept_all: bool = False
    days: int = 3650

    def certificate(self) -> tuple[Path, Path]:
        """Server certificate and key, made once."""
        cert, key = self.folder / "own/server.der", self.folder / "own/server.key.pem"
        if not cert.exists():
            make_certificate(cert, key, "Commande simulée", URI, is_server=True, days=self.days)
        return cert, key

    def fingerprint(self) -> str:
        """sha256 of the server certificate."""
        return hashlib.sha256(self.certificate()[0].read_bytes()).hexdigest()

    def accept(self) -> int:
        """Accepts every refused client certificate, as a person does at the control; returns how many."""
        found = list((self.folder / "rejected").glob("*.der"))
        (self.folder / "trusted").mkdir(parents=True, exist_ok=True)
        for path in found:
            path.replace(self.folder / "trusted" / path.name)
        return len(found)

    async def validate(self, certificate: x509.Certificate, _application: Any) -> None:
        """Refuses a client certificate which nobody accepted."""
        data = certificate.public_bytes(serialization.Encoding.DER)
        name = f"{hashlib.sha256(data).hexdigest()}.der"
        if self.accept_all or (self.folder / "trusted" / name).exists():
            return
        (self.folder / "rejected").mkdir(parents=True, exist_ok=True)
        (self.folder / "rejected" / name).write_bytes(data)
        raise ServiceError(StatusCodes.BadCertificateUntrusted)

    def get_user(
        self, _server: Any, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        """The user behind a token, or ``None`` to refuse."""
        if username is not None:
            return User(role=UserRole.User) if self.users.get(username) == password else None
        if self.user_certificates and certificate is not None:
            data = certificate if isinstance(certificate, bytes) else b""
            if hashlib.sha256(data).hexdigest() in self.user_certificates:
                return User(role=UserRole.User)
        return User(role=UserRole.User) if self.is_anonymous_allowed else None


URI = "urn:gestion-usinage:simulator:server"


class CountedServer(InternalServer):
    """Counts the sessions clients create and refuses more than ``max_sessions`` at a time, as small controls do."""

    def __init__(self, max_sessions: int, user_manager: Any = None) -> None:
        super().__init__(user_manager)
        self.max_sessions = max_sessions
        self.created = 0
        self.most_open = 0
        self.refused = 0

    @property
    def open_sessions(self) -> int:
        return len(self._external_sessions)

    def create_session(
        self,
        name: str,
        user: User = User(role=UserRole.Anonymous),
        external: bool = False,
    ) -> InternalSession:
        if external:
            if self.open_sessions >= self.max_sessions:
                self.refused += 1
                raise ServiceError(StatusCodes.BadTooManySessions)
            self.created += 1
            self.most_open = max(self.most_open, self.open_sessions + 1)
        return super().create_session(name, user, external)


async def make_server(
    endpoint: str, *, security: ServerSecurity | None, max_sessions: int
) -> tuple[Server, CountedServer]:
    """A server ready to be filled, not started."""
    inner = CountedServer(max_sessions, security)
    inner.bind_condition_methods = 1
    server = Server(iserver=inner)
    await server.init()
    server.set_endpoint(endpoint)
    server.set_server_name("gestion-usinage simulator")
    if security is None:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        return server, inner
    cert, key = security.certificate()
    await server.set_application_uri(URI)
    await server.load_certificate(cert)
    await server.load_private_key(key)
    server.set_security_policy([_POLICY_TYPES[(p, m)] for p in security.policies for m in security.modes])
    inner.certificate_validator = security.validate
    return server, inner
