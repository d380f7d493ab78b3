"""Internal certificate authority: servers, stations, the coordinator's signature (OPS-16, EDG-08, EDG-09)."""

from coordinator.kernel.pki.authority import CertificatePaths, Pki
from coordinator.kernel.pki.certificates import (
    STATION_DAYS,
    common_name,
    days_left,
    needs_renewal,
    new_csr,
    new_key,
    private_pem,
)
from coordinator.kernel.pki.errors import PkiError

__all__ = [
    "STATION_DAYS",
    "CertificatePaths",
    "Pki",
    "PkiError",
    "common_name",
    "days_left",
    "needs_renewal",
    "new_csr",
    "new_key",
    "private_pem",
]
