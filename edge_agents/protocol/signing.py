"""Canonical JSON, its digest and the Ed25519 signature of configurations (EDG-28)."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from edge_agents.protocol.errors import ProtocolError


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8: the same bytes on both sides for the same document."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def config_document(version_no: int, config: dict[str, Any]) -> bytes:
    """The bytes which are hashed and signed for a station configuration."""
    return canonical_json({"version_no": version_no, "config": config})


def optional_document(sha256: str, optional: Sequence[str]) -> bytes:
    """The bytes which are signed to say what of a configuration an older agent may ignore."""
    return canonical_json({"sha256": sha256, "optional": list(optional)})


def sha256_hex(data: bytes) -> str:
    """Digest as in ``sha256`` fields."""
    return hashlib.sha256(data).hexdigest()


def sign(private_key_raw: bytes, data: bytes) -> str:
    """Base64 signature with a raw 32-byte Ed25519 private key (coordinator side and tests)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return base64.b64encode(Ed25519PrivateKey.from_private_bytes(private_key_raw).sign(data)).decode()


def verify(public_key_base64: str, signature_base64: str, data: bytes) -> None:
    """Raises ``ProtocolError`` ``signature.invalid`` unless the signature is genuine."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key_base64, validate=True))
        key.verify(base64.b64decode(signature_base64, validate=True), data)
    except (InvalidSignature, ValueError):
        raise ProtocolError("signature.invalid", "La signature ne correspond pas au document.") from None
