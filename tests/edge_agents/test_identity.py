"""On-boarding of a station against an in-memory coordinator with a real certificate authority."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_agents.runtime.identity import ClaimRefusedError, IdentityStore, enrol, renew
from edge_agents.runtime.logs import redact
from edge_agents.runtime.start import from_claim
from edge_agents.runtime.station import StationFileError, load_station

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


class Authority:
    """Signs requests, answers claims after ``pending`` polls."""

    def __init__(self, *, pending: int = 2, outcome: str = "approved", expire_first: bool = False) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pending, self.outcome, self.expire_first = pending, outcome, expire_first
        self.requests: list[httpx.Request] = []
        self.claims = 0
        self.csr = ""

    def certificate(self, csr_pem: str, days: int = 365) -> str:
        request = x509.load_pem_x509_csr(csr_pem.encode())
        assert request.is_signature_valid
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "st-01")])
        builder = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(request.public_key())
        )
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(NOW)
        signed = builder.not_valid_after(NOW + timedelta(days=days)).sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if request.url.path.endswith("/renewals"):
            return httpx.Response(
                200, json={"certificate_pem": self.certificate(json.loads(request.content)["csr_pem"])}
            )
        if request.method == "POST":
            self.csr = json.loads(request.content)["csr_pem"]
            self.claims += 1
            claim = {"claim_id": f"c{self.claims}", "claim_code": "AB12CD34", "claim_secret": "s3cret"}
            return httpx.Response(201, json=claim | {"expires_at": (NOW + timedelta(minutes=30)).isoformat()})
        assert request.headers["X-Claim-Secret"] == "s3cret"
        if self.expire_first and self.claims == 1:
            return httpx.Response(200, json={"status": "expired"})
        self.pending -= 1
        if self.pending >= 0:
            return httpx.Response(200, json={"status": "pending"})
        if self.outcome != "approved":
            return httpx.Response(200, json={"status": self.outcome})
        answer = {
            "status": "approved",
            "station_id": "st-01",
            "site": "lyon",
            "certificate_pem": self.certificate(self.csr),
            "ca_pem": "-----BEGIN CERTIFICATE-----\n",
            "broker": {"host": "nas", "port": 8883},
            "api_url": "https://nas",
            "config_public_key": "AAAA",
        }
        return httpx.Response(200, json=answer)

    def client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url="https://nas", transport=httpx.MockTransport(self))


@pytest.mark.requirement("EDG-08")
async def test_claim_until_approved_and_key_never_leaves(tmp_path: Path) -> None:
    authority, shown = Authority(), []
    store = IdentityStore(tmp_path / "identity")
    async with authority.client() as client:
        status = await enrol(store, client, lambda: NOW, shown.append, poll_s=0.01)
    assert shown == ["AB12CD34"]
    assert (status.station_id, status.site) == ("st-01", "lyon")
    assert store.key_file.stat().st_mode & 0o777 == 0o600
    private = store.key_file.read_text().splitlines()[1]
    assert all(private.encode() not in request.content for request in authority.requests)
    enrolled = from_claim(store, IdentityStore(tmp_path / "identity").enrolment() or status)
    assert (enrolled.broker.tls, enrolled.broker.cert_file) == (True, store.cert_file)


async def test_expired_claim_is_made_again_and_refusal_ends(tmp_path: Path) -> None:
    authority, shown = Authority(expire_first=True), []
    async with authority.client() as client:
        await enrol(IdentityStore(tmp_path / "a"), client, lambda: NOW, shown.append, poll_s=0.01)
    assert authority.claims == 2
    async with Authority(outcome="refused").client() as client:
        with pytest.raises(ClaimRefusedError):
            await enrol(IdentityStore(tmp_path / "b"), client, lambda: NOW, shown.append, poll_s=0.01)


async def test_claim_survives_a_restart(tmp_path: Path) -> None:
    authority = Authority(pending=1)
    store = IdentityStore(tmp_path)
    async with authority.client() as client:
        waiting = enrol(store, client, lambda: NOW, lambda _code: None, poll_s=5)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(waiting, 0.2)
        authority.pending = 0
        await enrol(IdentityStore(tmp_path), client, lambda: NOW, lambda _code: None, poll_s=0.01)
    assert authority.claims == 1


async def test_certificate_of_another_key_is_refused(tmp_path: Path) -> None:
    authority = Authority()
    other = IdentityStore(tmp_path / "other")
    with pytest.raises(ValueError, match="clé"):
        IdentityStore(tmp_path / "mine").store_certificate(authority.certificate(other.csr_pem("x")))


@pytest.mark.requirement("EDG-09")
async def test_renewal_from_sixty_days_before_the_end(tmp_path: Path) -> None:
    authority, store = Authority(), IdentityStore(tmp_path)
    assert not store.renewal_due(NOW)
    store.store_certificate(authority.certificate(store.csr_pem("st-01"), days=100))
    assert not store.renewal_due(NOW + timedelta(days=39))
    assert store.renewal_due(NOW + timedelta(days=41))
    key = store.key_file.read_bytes()
    async with authority.client() as client:
        await renew(store, client, "st-01")
    assert store.expires_at() == NOW + timedelta(days=365)
    assert store.key_file.read_bytes() == key


@pytest.mark.requirement("EDG-47")
def test_decommissioning_erases_keys(tmp_path: Path) -> None:
    store = IdentityStore(tmp_path)
    store.key()
    store.erase()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("EDG-43")
def test_logs_hide_secrets() -> None:
    event = {
        "event": "x",
        "badge": "B-0042",
        "user_pin": "1234",
        "nested": {"password": "p", "n": 1},
        "spin": 3,
    }
    assert redact(None, "info", event) == {
        "event": "x",
        "badge": "***",
        "user_pin": "***",
        "nested": {"password": "***", "n": 1},
        "spin": 3,
    }


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (": [", "illisible"),
        ("[]", "dictionnaire"),
        ("kind: toaster\ndata_dir: d\nconfig: {}", "kind"),
        ("kind: scan_station\ndata_dir: d\nconfig: {}\nbroker: {host: x, port: 0}", "port"),
    ],
)
def test_station_file_errors_name_the_field(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "STATION.yaml"
    path.write_text(text)
    with pytest.raises(StationFileError, match=word):
        load_station(path)
