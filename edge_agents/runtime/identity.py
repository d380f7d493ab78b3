"""Identity of a station (EDG-08, EDG-09): its own key, a claim an administrator approves, a certificate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_agents.protocol import ProtocolError
from edge_agents.protocol.control import (
    ClaimCreated,
    ClaimRequest,
    ClaimStatus,
    decode_document,
    encode_document,
)
from edge_agents.runtime.files import write_durably

log = structlog.get_logger(__name__)
RENEW_BEFORE = timedelta(days=60)
CLAIMS_PATH = "/api/v1/stations/claims"
RENEWALS_PATH = "/api/v1/stations/renewals"


class ClaimRefusedError(RuntimeError):
    """An administrator refused this station."""


class IdentityStore:
    """Key, certificate and enrolment of this station in one private directory."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory = directory
        self.key_file = directory / "station.key"
        self.cert_file = directory / "station.crt"
        self.ca_file = directory / "ca.crt"
        self._enrolment_file = directory / "enrolment.json"
        self._claim_file = directory / "claim.json"

    def key(self) -> ec.EllipticCurvePrivateKey:
        """The private key; made on the first start, readable by its owner only, never sent anywhere."""
        if not self.key_file.exists():
            made = ec.generate_private_key(ec.SECP256R1())
            pem = made.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            write_durably(self.key_file, pem, mode=0o600)
        loaded = serialization.load_pem_private_key(self.key_file.read_bytes(), password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{self.key_file} : clé d'un autre genre.")
        return loaded

    def csr_pem(self, name: str) -> str:
        """Certificate signing request; the coordinator decides the final name."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        request = (
            x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self.key(), hashes.SHA256())
        )
        return request.public_bytes(serialization.Encoding.PEM).decode()

    def enrolment(self) -> ClaimStatus | None:
        """What the coordinator gave this station, or None before approval."""
        try:
            return decode_document(ClaimStatus, self._enrolment_file.read_bytes())
        except (FileNotFoundError, ProtocolError):
            return None

    def store_enrolment(self, status: ClaimStatus) -> None:
        """Keeps certificate, authority and enrolment; ``ValueError`` for a certificate of another key."""
        if status.certificate_pem is None or status.ca_pem is None:
            raise ValueError("Réponse d'approbation incomplète.")
        self.store_certificate(status.certificate_pem)
        write_durably(self.ca_file, status.ca_pem.encode())
        write_durably(self._enrolment_file, encode_document(status))
        self._claim_file.unlink(missing_ok=True)

    def store_certificate(self, pem: str) -> None:
        """Keeps a certificate after checking that it belongs to this station's key."""
        certificate = x509.load_pem_x509_certificate(pem.encode())
        ours = self.key().public_key()
        if certificate.public_key() != ours:
            raise ValueError("Le certificat reçu n'appartient pas à la clé de cette station.")
        write_durably(self.cert_file, pem.encode())

    def claim(self, now: datetime) -> ClaimCreated | None:
        """The claim under way, if it has not expired."""
        try:
            claim = decode_document(ClaimCreated, self._claim_file.read_bytes())
        except (FileNotFoundError, ProtocolError):
            return None
        return claim if claim.expires_at > now else None

    def store_claim(self, claim: ClaimCreated) -> None:
        write_durably(self._claim_file, encode_document(claim))

    def forget_claim(self) -> None:
        self._claim_file.unlink(missing_ok=True)

    def expires_at(self) -> datetime | None:
        """End of validity of the certificate."""
        try:
            return x509.load_pem_x509_certificate(self.cert_file.read_bytes()).not_valid_after_utc
        except (FileNotFoundError, ValueError):
            return None

    def renewal_due(self, now: datetime) -> bool:
        """True from 60 days before the certificate expires."""
        expiry = self.expires_at()
        return expiry is not None and now >= expiry - RENEW_BEFORE

    def erase(self) -> None:
        """Removes key and certificates (EDG-47)."""
        for path in (self.key_file, self.cert_file, self.ca_file, self._enrolment_file, self._claim_file):
            path.unlink(missing_ok=True)


def hardware() -> tuple[str, str]:
    """Model and serial number of this computer, "inconnu" where it does not tell."""
    found = []
    for path in ("/proc/device-tree/model", "/proc/device-tree/serial-number"):
        try:
            found.append(Path(path).read_text().strip("\x00\n ") or "inconnu")
        except OSError:
            found.append("inconnu")
    return found[0], found[1]


async def enrol(
    store: IdentityStore,
    client: httpx.AsyncClient,
    now: Callable[[], datetime],
    show_code: Callable[[str], None],
    *,
    poll_s: float = 5.0,
) -> ClaimStatus:
    """Claims this station and waits for its approval; an expired claim is made again with a new code.

    Raises ``ClaimRefusedError`` when refused. An unreachable coordinator is waited for.
    """
    while True:
        try:
            claim = store.claim(now()) or await _new_claim(store, client)
            show_code(claim.claim_code)
            status = await _poll(store, client, claim, now, poll_s)
        except (httpx.HTTPError, ProtocolError) as error:
            log.warning("claim.unreachable", reason=str(error))
            await asyncio.sleep(poll_s)
            continue
        if status is not None:
            return status


async def _new_claim(store: IdentityStore, client: httpx.AsyncClient) -> ClaimCreated:
    model, serial = hardware()
    request = ClaimRequest(csr_pem=store.csr_pem("station"), hardware_model=model, hardware_serial=serial)
    headers = {"Content-Type": "application/json"}
    answer = await client.post(CLAIMS_PATH, content=encode_document(request), headers=headers)
    answer.raise_for_status()
    claim = decode_document(ClaimCreated, answer.content)
    store.store_claim(claim)
    return claim


async def _poll(
    store: IdentityStore,
    client: httpx.AsyncClient,
    claim: ClaimCreated,
    now: Callable[[], datetime],
    poll_s: float,
) -> ClaimStatus | None:
    while claim.expires_at > now():
        answer = await client.get(
            f"{CLAIMS_PATH}/{claim.claim_id}", headers={"X-Claim-Secret": claim.claim_secret}
        )
        answer.raise_for_status()
        status = decode_document(ClaimStatus, answer.content)
        if status.status == "approved":
            store.store_enrolment(status)
            return status
        if status.status == "refused":
            store.forget_claim()
            raise ClaimRefusedError("La demande de cette station a été refusée.")
        if status.status == "expired":
            break
        await asyncio.sleep(poll_s)
    store.forget_claim()
    return None


async def renew(store: IdentityStore, client: httpx.AsyncClient, station_id: str) -> None:
    """Asks for a new certificate for the same key, proven by the present one; ``ValueError`` when it gives no longer life."""
    answer = await client.post(RENEWALS_PATH, json={"csr_pem": store.csr_pem(station_id)})
    answer.raise_for_status()
    store.store_certificate(str(answer.json()["certificate_pem"]))
