"""Certificates of the NAS's own servers, made or renewed at every start: ``python -m infra.tls`` (OPS-16)."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from coordinator.kernel.config import get_config
from coordinator.kernel.errors import DomainError
from coordinator.kernel.pki import CertificatePaths, Pki

VPN_ADDRESS = "10.60.0.1"


def prepare(folder: Path, host: str, passphrase_file: Path | None = None) -> dict[str, CertificatePaths]:
    """Make the authority at the first start, renew what is due, publish a fresh revocation list."""
    pki = Pki.open_or_create(folder, passphrase_file)
    names = [host, "localhost", "127.0.0.1", VPN_ADDRESS]
    made = {
        "broker": pki.server_certificate("broker", [*names, "broker"]),
        "proxy": pki.server_certificate("proxy", names),
        "coordinator": pki.client_certificate("coordinator"),
    }
    pki.refresh_crl()
    return made


def main(arguments: list[str] | None = None) -> int:
    """Entry of ``python -m infra.tls``."""
    parser = argparse.ArgumentParser(description="Crée ou renouvelle les certificats du NAS.")
    parser.add_argument("--host", default="nas.usinage.internal", help="nom du serveur dans le VPN")
    parser.add_argument("--passphrase-file", type=Path, help="fichier de la phrase secrète des clés")
    options = parser.parse_args(arguments)
    try:
        made = prepare(get_config().pki_dir, options.host, options.passphrase_file)
    except DomainError as error:
        sys.stderr.write(error.message() + "\n")
        return 1
    for name, paths in made.items():
        sys.stdout.write(f"{name} : {paths.certificate}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
