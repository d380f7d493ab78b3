"""The authority on disk: keys 0600, every file written whole or not at all, changes one at a time."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from coordinator.kernel.pki import certificates
from coordinator.kernel.pki.errors import PkiError

_STATION_ID = re.compile(r"st-[A-Za-z0-9_.-]{1,60}")
_FILE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True)
class CertificatePaths:
    """Files a TLS server or client is started with."""

    ca: Path
    certificate: Path
    key: Path


def _now() -> datetime:
    return datetime.now(UTC)


def write_file(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file whole or not at all, with its final permissions from the first byte on."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.fchmod(descriptor, mode)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


class Pki:
    """The company's certificate authority in one folder.

    ``ca.crt`` is given to everybody, ``crl.pem`` to the broker and the proxy; ``ca.key`` and ``signing.key``
    stay on the NAS, encrypted when a passphrase file is named.
    """

    def __init__(
        self, folder: Path | str, passphrase_file: Path | None = None, clock: Callable[[], datetime] = _now
    ) -> None:
        self.folder = Path(folder)
        self._passphrase = _read_passphrase(passphrase_file)
        self._clock = clock
        try:
            self.ca = x509.load_pem_x509_certificate(self.ca_file.read_bytes())
            self._ca_key = cast("ec.EllipticCurvePrivateKey", self._load("ca.key"))
            self._signing_key = cast("ed25519.Ed25519PrivateKey", self._load("signing.key"))
        except FileNotFoundError as error:
            raise PkiError("pki.missing", folder=str(self.folder)) from error

    @classmethod
    def open_or_create(
        cls,
        folder: Path | str,
        passphrase_file: Path | None = None,
        name: str = "Gestion Usinage",
        clock: Callable[[], datetime] = _now,
    ) -> Pki:
        """Open the authority, creating it at the first start (OPS-16). Never replaces an existing one."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        with _locked(path):
            if not (path / "ca.crt").exists():
                passphrase = _read_passphrase(passphrase_file)
                key = certificates.new_key()
                ca = certificates.create_ca(key, name, clock())
                write_file(path / "ca.key", certificates.private_pem(key, passphrase), 0o600)
                signing = ed25519.Ed25519PrivateKey.generate()
                write_file(path / "signing.key", certificates.private_pem(signing, passphrase), 0o600)
                write_file(path / "crl.pem", certificates.build_crl(key, ca, {}, 1, clock()))
                # Last: its presence says that the authority is complete.
                write_file(path / "ca.crt", certificates.certificate_pem(ca))
        return cls(path, passphrase_file, clock)

    # files ------------------------------------------------------------------------------------------------

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def crl_file(self) -> Path:
        return self.folder / "crl.pem"

    @property
    def ca_pem(self) -> str:
        """Root certificate, for stations and clients."""
        return self.ca_file.read_text()

    def _load(self, name: str) -> Any:
        data = (self.folder / name).read_bytes()
        encrypted = b"ENCRYPTED" in data.split(b"\n", 1)[0]
        try:
            return serialization.load_pem_private_key(data, self._passphrase if encrypted else None)
        except (ValueError, TypeError) as error:
            raise PkiError("pki.key_locked", file=name) from error

    # certificates -----------------------------------------------------------------------------------------

    def sign_station(self, csr_pem: str | bytes, station_id: str) -> str:
        """PEM certificate of a station for one year; only the public key of the request is used (EDG-08)."""
        if not _STATION_ID.fullmatch(station_id):
            raise PkiError("pki.bad_name", name=station_id[:64])
        public_key = certificates.read_csr(csr_pem)
        issued = certificates.issue_client(self._ca_key, self.ca, public_key, station_id, self._clock())
        return certificates.certificate_pem(issued).decode()

    def server_certificate(self, name: str, names: Sequence[str]) -> CertificatePaths:
        """Certificate and key of a server (``broker``), renewed when due or when its names changed."""
        paths = self._paths(name)
        with _locked(self.folder):
            current = self._current(paths)
            if current is None or _names(current) != set(names):
                self._issue(
                    paths,
                    lambda key: certificates.issue_server(self._ca_key, self.ca, key, names, self._clock()),
                )
        return paths

    def client_certificate(self, name: str = "coordinator") -> CertificatePaths:
        """Certificate and key of a program of the NAS itself, renewed when due."""
        paths = self._paths(name)
        with _locked(self.folder):
            if self._current(paths) is None:
                self._issue(
                    paths,
                    lambda key: certificates.issue_client(self._ca_key, self.ca, key, name, self._clock()),
                )
        return paths

    def check(self, certificate_pem: str | bytes) -> str:
        """Identity of a client certificate; raises ``pki.foreign``, ``pki.expired`` or ``pki.revoked``."""
        return certificates.check_client(_parse(certificate_pem), self.ca, self.revoked(), self._clock())

    def _paths(self, name: str) -> CertificatePaths:
        if not _FILE_NAME.fullmatch(name) or name in ("ca", "signing", "crl"):
            raise PkiError("pki.bad_name", name=name[:64])
        return CertificatePaths(self.ca_file, self.folder / f"{name}.crt", self.folder / f"{name}.key")

    def _current(self, paths: CertificatePaths) -> x509.Certificate | None:
        if not (paths.certificate.exists() and paths.key.exists()):
            return None
        current = _parse(paths.certificate.read_bytes())
        if certificates.needs_renewal(current, self._clock()) or current.serial_number in self.revoked():
            return None
        # A power cut between the two files leaves a key without its certificate.
        key = serialization.load_pem_private_key(paths.key.read_bytes(), None)
        return current if key.public_key() == current.public_key() else None

    def _issue(
        self, paths: CertificatePaths, make: Callable[[certificates.PublicKey], x509.Certificate]
    ) -> None:
        key = certificates.new_key()
        issued = make(key.public_key())
        write_file(paths.key, certificates.private_pem(key), 0o600)
        write_file(paths.certificate, certificates.certificate_pem(issued))

    # revocation -------------------------------------------------------------------------------------------

    def revoke(self, certificate_pem: str | bytes) -> None:
        """Revoke a certificate at once and publish the new list (EDG-09); a second time changes nothing."""
        serial = _parse(certificate_pem).serial_number
        with _locked(self.folder):
            revoked = self.revoked()
            if serial not in revoked:
                revoked[serial] = self._clock()
                lines = {str(number): moment.isoformat() for number, moment in revoked.items()}
                write_file(self.folder / "revoked.json", json.dumps(lines, indent=1).encode(), 0o600)
            self._publish_crl(revoked)

    def refresh_crl(self) -> None:
        """Publish the list anew before it expires (a daily task calls it)."""
        with _locked(self.folder):
            self._publish_crl(self.revoked())

    def revoked(self) -> dict[int, datetime]:
        """Serial numbers revoked so far, with the time."""
        try:
            stored = json.loads((self.folder / "revoked.json").read_text())
        except FileNotFoundError:
            return {}
        return {int(serial): datetime.fromisoformat(moment) for serial, moment in stored.items()}

    def _publish_crl(self, revoked: dict[int, datetime]) -> None:
        number = 1
        if self.crl_file.exists():
            current = x509.load_pem_x509_crl(self.crl_file.read_bytes())
            number = current.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number + 1
        write_file(
            self.crl_file, certificates.build_crl(self._ca_key, self.ca, revoked, number, self._clock())
        )

    # signatures -------------------------------------------------------------------------------------------

    @property
    def public_key(self) -> str:
        """Base64 Ed25519 key stations and readers of seals verify with."""
        raw = self._signing_key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        return base64.b64encode(raw).decode()

    def sign(self, data: bytes) -> str:
        """Base64 Ed25519 signature (RFC 8032) of a configuration or a seal."""
        return base64.b64encode(self._signing_key.sign(data)).decode()

    def verify(self, data: bytes, signature: str) -> bool:
        """Whether a signature made by ``sign`` belongs to ``data``."""
        try:
            self._signing_key.public_key().verify(base64.b64decode(signature, validate=True), data)
        except (InvalidSignature, ValueError):
            return False
        return True


def _read_passphrase(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        passphrase = path.read_bytes().strip()
    except OSError as error:
        raise PkiError("pki.passphrase_missing", file=str(path)) from error
    if not passphrase:
        raise PkiError("pki.passphrase_missing", file=str(path))
    return passphrase


def _parse(pem: str | bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode() if isinstance(pem, str) else pem)
    except ValueError as error:
        raise PkiError("pki.invalid") from error


def _names(certificate: x509.Certificate) -> set[str]:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return set()
    return {str(name.value) for name in extension.value}


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
