"""X.509 as pure functions: no file, no clock.

Certificates follow RFC 5280: EC P-256, SHA-256, random serial numbers, key usages restricted to what
the holder does. A start in the past of one hour bears with clocks that are a little slow.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from coordinator.kernel.pki.errors import PkiError

CA_DAYS = 3650
SERVER_DAYS = 397
STATION_DAYS = 365
RENEW_WITHIN_DAYS = 60
CRL_DAYS = 30
_BACKDATE = timedelta(hours=1)
_MAX_CSR_CHARS = 16_384
_MIN_RSA_BITS = 3072
_CURVES = ("secp256r1", "secp384r1", "secp521r1")

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh EC P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def private_pem(
    key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, passphrase: bytes | None = None
) -> bytes:
    """PKCS 8 PEM of a private key, encrypted when a passphrase is given."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """PEM of a certificate."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def new_csr(key: ec.EllipticCurvePrivateKey, name: str) -> bytes:
    """PEM of a signing request, as a station makes it (EDG-08)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_name(name))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def read_csr(pem: str | bytes) -> PublicKey:
    """The public key of a signing request, the only thing taken over from it.

    Raises ``pki.csr_invalid`` (not a request, too long, signature not by its own key) or ``pki.weak_key``.
    """
    data = pem.encode() if isinstance(pem, str) else pem
    if len(data) > _MAX_CSR_CHARS:
        raise PkiError("pki.csr_invalid")
    try:
        request = x509.load_pem_x509_csr(data)
        genuine = request.is_signature_valid
        public_key = request.public_key()
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise PkiError("pki.csr_invalid") from error
    if not genuine:
        raise PkiError("pki.csr_invalid")
    if isinstance(public_key, ec.EllipticCurvePublicKey) and public_key.curve.name in _CURVES:
        return public_key
    if isinstance(public_key, rsa.RSAPublicKey) and public_key.key_size >= _MIN_RSA_BITS:
        return public_key
    if isinstance(public_key, ed25519.Ed25519PublicKey):
        return public_key
    raise PkiError("pki.weak_key")


def create_ca(key: ec.EllipticCurvePrivateKey, name: str, now: datetime) -> x509.Certificate:
    """Self-signed root, ten years, allowed to sign end certificates only."""
    builder = _builder(key.public_key(), _name(name), _name(name), now, CA_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    return builder.sign(key, hashes.SHA256())


def issue_server(
    ca_key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    public_key: PublicKey,
    names: Sequence[str],
    now: datetime,
) -> x509.Certificate:
    """Certificate of a server for DNS names and IP addresses; the first one is also its common name."""
    if not names:
        raise PkiError("pki.no_name")
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    builder = _builder(public_key, _name(names[0]), ca.subject, now, SERVER_DAYS)
    builder = builder.add_extension(alternatives, critical=False)
    return _sign_leaf(builder, ca_key, ca, ExtendedKeyUsageOID.SERVER_AUTH)


def issue_client(
    ca_key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    public_key: PublicKey,
    name: str,
    now: datetime,
    *,
    days: int = STATION_DAYS,
) -> x509.Certificate:
    """Certificate a client shows; ``name`` becomes its identity on the broker."""
    builder = _builder(public_key, _name(name), ca.subject, now, days)
    return _sign_leaf(builder, ca_key, ca, ExtendedKeyUsageOID.CLIENT_AUTH)


def build_crl(
    ca_key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    revoked: Mapping[int, datetime],
    number: int,
    now: datetime,
) -> bytes:
    """PEM of the revocation list: serial numbers with the time of revocation."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.subject)
        .last_update(now - _BACKDATE)
        .next_update(now + timedelta(days=CRL_DAYS))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(_authority(ca), critical=False)
    )
    for serial, moment in sorted(revoked.items()):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def check_client(
    certificate: x509.Certificate, ca: x509.Certificate, revoked: Iterable[int], now: datetime
) -> str:
    """Identity of a client certificate.

    Raises ``pki.foreign`` (not issued here for a client), ``pki.expired`` or ``pki.revoked``.
    """
    try:
        certificate.verify_directly_issued_by(ca)
        usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound) as error:
        raise PkiError("pki.foreign") from error
    if ExtendedKeyUsageOID.CLIENT_AUTH not in usages:
        raise PkiError("pki.foreign")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise PkiError("pki.expired", date=certificate.not_valid_after_utc.date().isoformat())
    if certificate.serial_number in set(revoked):
        raise PkiError("pki.revoked")
    return common_name(certificate)


def common_name(certificate: x509.Certificate) -> str:
    """Common name of the holder; raises ``pki.invalid`` without one."""
    attributes = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(attributes) != 1:
        raise PkiError("pki.invalid")
    return str(attributes[0].value)


def days_left(certificate: x509.Certificate, now: datetime) -> int:
    """Whole days until expiry, negative afterwards."""
    return (certificate.not_valid_after_utc - now).days


def needs_renewal(certificate: x509.Certificate, now: datetime, within_days: int = RENEW_WITHIN_DAYS) -> bool:
    """Whether the certificate expires within ``within_days`` (EDG-09: 60)."""
    return days_left(certificate, now) < within_days


def _name(common: str) -> x509.Name:
    if not 0 < len(common) <= 64:
        raise PkiError("pki.bad_name", name=common[:64])
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    public_key: PublicKey, subject: x509.Name, issuer: x509.Name, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _sign_leaf(
    builder: x509.CertificateBuilder,
    ca_key: ec.EllipticCurvePrivateKey,
    ca: x509.Certificate,
    purpose: x509.ObjectIdentifier,
) -> x509.Certificate:
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    builder = builder.add_extension(_authority(ca), critical=False)
    return builder.sign(ca_key, hashes.SHA256())


def _authority(ca: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
