"""The internal authority: what it signs, what it refuses, what it keeps secret."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from coordinator.kernel.pki import Pki, PkiError, days_left, needs_renewal, new_csr, new_key
from coordinator.kernel.pki.certificates import build_crl, check_client

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pki(tmp_path: Path, clock: Clock) -> Pki:
    return Pki.open_or_create(tmp_path / "pki", clock=clock)


def _load(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def _csr(builder: x509.CertificateSigningRequestBuilder, key: object) -> bytes:
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)  # type: ignore[arg-type]


def _request(key: object, name: str = "st-1") -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return _csr(x509.CertificateSigningRequestBuilder().subject_name(subject), key)


def test_a_station_gets_a_client_certificate_for_its_own_key(pki: Pki) -> None:
    key = new_key()
    certificate = _load(pki.sign_station(new_csr(key, "whatever"), "st-armoire-1"))

    assert certificate.public_key() == key.public_key()
    assert pki.check(certificate.public_bytes(serialization.Encoding.PEM)) == "st-armoire-1"
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert days_left(certificate, START) == 365


def test_nothing_but_the_key_of_a_hostile_request_is_taken_over(pki: Pki) -> None:
    key = new_key()
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, "coordinator"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Direction"),
        ]
    )
    hostile = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=5), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("nas.local")]), critical=False)
    )
    certificate = _load(pki.sign_station(_csr(hostile, key), "st-1"))

    assert certificate.subject == x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "st-1")])
    assert certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is False
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert ExtendedKeyUsageOID.SERVER_AUTH not in usages
    with pytest.raises(x509.ExtensionNotFound):
        certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)


@pytest.mark.parametrize(
    "identity", ["coordinator", "st-", "st-a/b", "st-a#", "st-" + "x" * 70, "ST-1", "st-a\n"]
)
def test_a_certificate_is_only_made_for_a_station_id(pki: Pki, identity: str) -> None:
    with pytest.raises(PkiError) as refusal:
        pki.sign_station(new_csr(new_key(), "x"), identity)
    assert refusal.value.code == "pki.bad_name"


def test_weak_keys_are_refused(pki: Pki) -> None:
    for key in (rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP224R1())):
        with pytest.raises(PkiError) as refusal:
            pki.sign_station(_request(key), "st-1")
        assert refusal.value.code == "pki.weak_key"
        assert "EC P-256" in refusal.value.message()
    assert pki.sign_station(_request(ed25519.Ed25519PrivateKey.generate()), "st-1")


def test_damaged_foreign_and_oversized_requests_are_refused(pki: Pki) -> None:
    good = new_csr(new_key(), "st-1")
    der = bytearray(x509.load_pem_x509_csr(good).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    import base64

    body = base64.encodebytes(bytes(der)).decode()
    forged = f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"
    for request in ("", "bonjour", forged, good.decode() + "x" * 20_000, pki.ca_pem):
        with pytest.raises(PkiError) as refusal:
            pki.sign_station(request, "st-1")
        assert refusal.value.code == "pki.csr_invalid"


@pytest.mark.requirement("EDG-09")
def test_certificates_expire_and_ask_for_renewal_60_days_before(pki: Pki, clock: Clock) -> None:
    pem = pki.sign_station(new_csr(new_key(), "x"), "st-1")
    certificate = _load(pem)
    assert not needs_renewal(certificate, START + timedelta(days=300))
    assert needs_renewal(certificate, START + timedelta(days=306))

    clock.now = START + timedelta(days=366)
    with pytest.raises(PkiError) as refusal:
        pki.check(pem)
    assert refusal.value.code == "pki.expired"
    clock.now = START - timedelta(days=2)
    with pytest.raises(PkiError):
        pki.check(pem)


@pytest.mark.requirement("EDG-09")
def test_a_revoked_certificate_is_refused_and_listed(pki: Pki, tmp_path: Path, clock: Clock) -> None:
    lost = pki.sign_station(new_csr(new_key(), "x"), "st-1")
    kept = pki.sign_station(new_csr(new_key(), "x"), "st-2")
    pki.revoke(lost)
    pki.revoke(lost)

    with pytest.raises(PkiError) as refusal:
        pki.check(lost)
    assert refusal.value.code == "pki.revoked"
    assert pki.check(kept) == "st-2"

    crl = x509.load_pem_x509_crl(pki.crl_file.read_bytes())
    assert crl.is_signature_valid(pki.ca.public_key())  # type: ignore[arg-type]
    assert [entry.serial_number for entry in crl] == [_load(lost).serial_number]
    numbers = crl.extensions.get_extension_for_class(x509.CRLNumber).value
    assert numbers.crl_number == 3
    assert Pki(tmp_path / "pki", clock=clock).revoked().keys() == {_load(lost).serial_number}


def test_a_certificate_of_another_authority_is_foreign(pki: Pki, tmp_path: Path, clock: Clock) -> None:
    other = Pki.open_or_create(tmp_path / "other", clock=clock)
    foreign = other.sign_station(new_csr(new_key(), "x"), "st-1")
    server = pki.server_certificate("broker", ["localhost"]).certificate.read_text()
    for pem in (foreign, server, pki.ca_pem):
        with pytest.raises(PkiError) as refusal:
            pki.check(pem)
        assert refusal.value.code == "pki.foreign"
    assert check_client(_load(foreign), other.ca, [], START) == "st-1"


def test_the_authority_is_made_once_and_its_keys_are_private(pki: Pki, tmp_path: Path, clock: Clock) -> None:
    again = Pki.open_or_create(tmp_path / "pki", clock=clock)
    assert again.ca == pki.ca
    assert again.public_key == pki.public_key
    broker = pki.server_certificate("broker", ["localhost", "127.0.0.1"])
    for key in (tmp_path / "pki" / "ca.key", tmp_path / "pki" / "signing.key", broker.key):
        assert key.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "pki").stat().st_mode & 0o777 == 0o700
    assert not list((tmp_path / "pki").glob("*.new"))


def test_a_passphrase_locks_the_keys(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("une longue phrase\n")
    Pki.open_or_create(tmp_path / "pki", secret)
    assert b"ENCRYPTED" in (tmp_path / "pki" / "ca.key").read_bytes()
    assert Pki(tmp_path / "pki", secret).verify(b"x", Pki(tmp_path / "pki", secret).sign(b"x"))

    wrong = tmp_path / "wrong"
    wrong.write_text("autre")
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for file, code in (
        (wrong, "pki.key_locked"),
        (None, "pki.key_locked"),
        (empty, "pki.passphrase_missing"),
    ):
        with pytest.raises(PkiError) as refusal:
            Pki(tmp_path / "pki", file)
        assert refusal.value.code == code
    with pytest.raises(PkiError) as refusal:
        Pki(tmp_path / "nowhere")
    assert refusal.value.code == "pki.missing"


def test_a_server_certificate_is_kept_until_it_is_due_or_its_names_change(pki: Pki, clock: Clock) -> None:
    def serial(*names: str) -> int:
        return _load(pki.server_certificate("broker", list(names)).certificate.read_text()).serial_number

    first = serial("nas.local", "10.0.0.2")
    assert serial("nas.local", "10.0.0.2") == first
    second = serial("nas.local", "10.0.0.3")
    assert second != first
    clock.now = START + timedelta(days=340)
    assert serial("nas.local", "10.0.0.3") != second


def test_a_half_written_pair_of_files_is_mended(pki: Pki) -> None:
    paths = pki.client_certificate("coordinator")
    other = pki.server_certificate("broker", ["localhost"])
    paths.key.write_bytes(other.key.read_bytes())
    mended = pki.client_certificate("coordinator")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(mended.certificate, mended.key)
    assert pki.check(mended.certificate.read_text()) == "coordinator"


def test_signatures_hold_for_their_bytes_only(pki: Pki) -> None:
    signature = pki.sign(b"configuration 7")
    assert pki.verify(b"configuration 7", signature)
    for data, forged in (
        (b"configuration 8", signature),
        (b"configuration 7", "####"),
        (b"configuration 7", "AA=="),
    ):
        assert not pki.verify(data, forged)


def test_the_wire_contract_accepts_our_signatures(pki: Pki) -> None:
    from edge_agents.protocol import signing

    document = signing.config_document(3, {"role": "armoire"})
    signing.verify(pki.public_key, pki.sign(document), document)


def test_an_empty_list_is_valid_too(pki: Pki) -> None:
    pem = build_crl(pki._ca_key, pki.ca, {}, 9, START)
    assert list(x509.load_pem_x509_crl(pem)) == []
