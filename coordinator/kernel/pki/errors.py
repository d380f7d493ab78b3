"""Refusals of the certificate authority."""

from __future__ import annotations

from coordinator.kernel.errors import BusinessError


class PkiError(BusinessError):
    """A request, a certificate or a key is refused; codes ``pki.*``."""

    default_code = "pki.invalid"
