"""Free TCP ports, and a clear word when a wanted one is taken."""

from __future__ import annotations

import socket

from infra.embedded.errors import InfraError


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that is free on ``host`` at this moment (the caller binds it at once)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def require_free_port(port: int, service: str, host: str = "127.0.0.1") -> None:
    """Raise ``infra.port_busy`` when another program listens on ``host:port``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError as error:
            raise InfraError(
                "infra.port_forbidden",
                f"Le port {port} ({service}) demande des droits d'administrateur : "
                "choisissez un port à partir de 1024.",
            ) from error
        except OSError as error:
            raise InfraError(
                "infra.port_busy",
                f"Le port {port} ({service}) est déjà utilisé par un autre programme sur {host}. "
                f"Arrêtez-le ou choisissez un autre port (pour le trouver : ss -ltnp | grep {port}).",
            ) from error
