"""Trust between agent and control: own application certificate, accepted servers, policy of the session (MCH-09, MCH-46)."""

from __future__ import annotations

import hashlib
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge_agents.drivers import opcua_names as ua
from edge_agents.drivers.opcua_machine.config import OpcuaMachineConfig
from edge_agents.drivers.opcua_names import Client
from edge_agents.runtime.files import write_durably

_VALID_DAYS = 5 * 365
_SOON = timedelta(days=60)
_BEST_FIRST = ("Aes256Sha256RsaPss", "Aes128Sha256RsaOaep", "Basic256Sha256")


class TrustError(ConnectionError):
    """The session may not be opened; the French text names certificate and remedy. ``code`` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class OwnCertificate:
    """Application certificate of the agent as a control has to accept it."""

    cert_file: Path
    key_file: Path
    uri: str
    sha1: str
    sha256: str
    not_after: datetime
    is_new: bool

    @property
    def expires_soon(self) -> bool:
        """Within 60 days, or already over."""
        return self.not_after - datetime.now(UTC) < _SOON

    def words(self) -> str:
        """What a person compares at the control."""
        grouped = " ".join(self.sha1[i : i + 4].upper() for i in range(0, len(self.sha1), 4))
        return (
            f"empreinte SHA-1 {grouped}, application {self.uri}, "
            f"valable jusqu'au {self.not_after:%d/%m/%Y}, fichier {self.cert_file}"
        )


def own_certificate(config: OpcuaMachineConfig, directory: Path) -> OwnCertificate:
    """Certificate of the configuration, or the agent's own below ``directory/pki/own``, made once. Raises ``TrustError``."""
    is_new = False
    if config.cert_file is not None and config.key_file is not None:
        cert_file, key_file = config.cert_file, config.key_file
    else:
        cert_file, key_file = directory / "pki/own/agent.der", directory / "pki/own/agent.key.pem"
        if not (cert_file.exists() and key_file.exists()):
            make_certificate(cert_file, key_file, f"gestion-usinage {config.machine_code}", _uri(config))
            is_new = True
    certificate = load_certificate(cert_file)
    return OwnCertificate(
        cert_file,
        key_file,
        application_uri(certificate) or _uri(config),
        certificate.fingerprint(hashes.SHA1()).hex(),  # noqa: S303 - the name controls show, not a protection
        certificate.fingerprint(hashes.SHA256()).hex(),
        certificate.not_valid_after_utc,
        is_new,
    )


def _uri(config: OpcuaMachineConfig) -> str:
    return f"urn:{socket.gethostname()}:gestion-usinage:{config.machine_code}"


def make_certificate(
    cert_file: Path, key_file: Path, name: str, uri: str, *, is_server: bool = False, days: int = _VALID_DAYS
) -> None:
    """Self-signed application certificate as OPC 10000-6 6.2.2 wants it (2048 bits, URI among the names)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    use = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
    now = datetime.now(UTC)
    names = [x509.UniformResourceIdentifier(uri), x509.DNSName(socket.gethostname())]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_KEY_USAGE, critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_durably(key_file, secret)
    write_durably(cert_file, certificate.public_bytes(serialization.Encoding.DER), mode=0o644)


_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=True,
    key_encipherment=True,
    data_encipherment=True,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def load_certificate(path: Path) -> x509.Certificate:
    """Certificate of a DER or PEM file. Raises ``TrustError``."""
    try:
        data = path.read_bytes()
        if data.lstrip().startswith(b"-----"):
            return x509.load_pem_x509_certificate(data)
        return x509.load_der_x509_certificate(data)
    except (OSError, ValueError) as error:
        raise TrustError("opcua.certificate", f"certificat {path} illisible : {error}") from None


def application_uri(certificate: x509.Certificate) -> str | None:
    """URI among the alternative names."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return None
    uris = names.value.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if uris else None


def check_server(data: bytes, config: OpcuaMachineConfig, directory: Path) -> None:
    """Lets only an accepted and valid server certificate pass; an unknown one is kept in ``pki/rejected`` to be looked at.

    Raises ``TrustError``.
    """
    certificate = x509.load_der_x509_certificate(first_certificate(data))
    content = certificate.public_bytes(serialization.Encoding.DER)
    digest = hashlib.sha256(content).hexdigest()
    name = certificate.subject.rfc4514_string()
    accepted = {text.replace(":", "").replace(" ", "").lower() for text in config.trusted_servers}
    if digest not in accepted and not _is_in_trust_list(certificate, directory / "pki/trusted"):
        write_durably(directory / "pki/rejected" / f"{digest}.der", content, mode=0o644)
        raise TrustError(
            "opcua.server_untrusted",
            f"certificat du serveur à accepter : {name}, SHA-256 {digest} "
            "(l'ajouter à trusted_servers après comparaison avec l'écran de la commande)",
        )
    now = datetime.now(UTC)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise TrustError(
            "opcua.server_expired",
            f"certificat du serveur hors de sa durée : {name}, valable du "
            f"{certificate.not_valid_before_utc:%d/%m/%Y} au {certificate.not_valid_after_utc:%d/%m/%Y}",
        )


def _is_in_trust_list(certificate: x509.Certificate, folder: Path) -> bool:
    """Whether a file of the list is this certificate, or that of the authority which signed it."""
    files = sorted(path for path in folder.glob("*") if path.suffix in (".der", ".pem", ".crt", ".cer"))
    for path in files:
        known = load_certificate(path)
        if known == certificate:
            return True
        if _has_signed(known, certificate) and known.not_valid_after_utc > datetime.now(UTC):
            return True
    return False


def _has_signed(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return _is_authority(authority)


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def first_certificate(data: bytes) -> bytes:
    """First certificate of a chain in DER: servers may send theirs with its issuers behind it."""
    length = int.from_bytes(data[2:4], "big") + 4
    return data[:length] if 4 < length <= len(data) else data


def choose_endpoint(
    endpoints: list[ua.EndpointDescription], config: OpcuaMachineConfig
) -> ua.EndpointDescription:
    """Endpoint with the wanted mode and the wanted, or the best, policy; the server's path counts. Raises ``TrustError``."""
    mode = {
        "none": ua.MessageSecurityMode.None_,
        "sign": ua.MessageSecurityMode.Sign,
        "sign_encrypt": ua.MessageSecurityMode.SignAndEncrypt,
    }[config.security]
    wanted = _BEST_FIRST if config.policy == "auto" else (config.policy,)
    names = ("None",) if config.security == "none" else wanted
    path = urlsplit(config.endpoint).path.rstrip("/").lower()
    for name in names:
        fitting = [
            found
            for found in endpoints
            if found.SecurityMode == mode and policy_name(found.SecurityPolicyUri) == name
        ]
        same_path = [
            found for found in fitting if urlsplit(found.EndpointUrl).path.rstrip("/").lower() == path
        ]
        if fitting:
            return (same_path or fitting)[0]
    offered = sorted({f"{policy_name(e.SecurityPolicyUri)}/{e.SecurityMode.name}" for e in endpoints})
    raise TrustError(
        "opcua.policy",
        f"le serveur n'offre pas {'/'.join(names)} en mode {mode.name} (offert : {', '.join(offered) or 'rien'})",
    )


def policy_name(uri: str | None) -> str:
    """Name after the ``#`` of a policy URI, as asyncua's classes are called (without underscores)."""
    return (uri or "").rpartition("#")[2].replace("_", "")


async def secure(
    client: Client, endpoint: ua.EndpointDescription, own: OwnCertificate, config: OpcuaMachineConfig
) -> None:
    """Gives the client policy, mode, certificates and identity of the user. Raises ``TrustError``."""
    if config.security != "none":
        client.application_uri = own.uri
        await client.set_security(
            ua.POLICIES[policy_name(endpoint.SecurityPolicyUri)],
            certificate=str(own.cert_file),
            private_key=str(own.key_file),
            server_certificate=first_certificate(endpoint.ServerCertificate),
            mode=endpoint.SecurityMode,
        )
    try:
        if config.user is not None and config.password_file is not None:
            client.set_user(config.user)
            client.set_password(config.password_file.read_text(encoding="utf-8").strip())
        elif config.user_cert_file is not None and config.user_key_file is not None:
            await client.load_client_certificate(str(config.user_cert_file))
            await client.load_private_key(config.user_key_file)
    except (OSError, ValueError) as error:
        raise TrustError("opcua.identity", f"identité de l'utilisateur illisible : {error}") from None
