"""Where the server is: command line, configuration file handed out by the administrator, last use (UIX-12)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import yaml

from clients.desktop.model.texts import t

DEFAULT_SERVER = "https://gestion-usinage.local"
_KEYS = {"server", "ca_file", "language"}


class ConfigError(ValueError):
    """The file cannot be used; the message says why."""


@dataclass(frozen=True)
class ClientConfig:
    """Server address, certificate authority of the company, language."""

    server: str | None = None
    ca_file: Path | None = None
    language: str | None = None

    def verify(self) -> ssl.SSLContext | bool:
        """How the server's certificate is checked.

        Raises:
            ConfigError: the authority's file is missing or no certificate.
        """
        if self.ca_file is None:
            return True
        try:
            return ssl.create_default_context(cafile=str(self.ca_file))
        except OSError:
            raise ConfigError(t("config.ca_file", path=self.ca_file)) from None


def read_config(path: Path) -> ClientConfig:
    """Configuration of a YAML or JSON file with ``server``, ``ca_file``, ``language``.

    Raises:
        ConfigError: unreadable, or with unknown keys.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        raise ConfigError(t("config.unreadable", path=path)) from None
    if not isinstance(data, dict) or set(data) - _KEYS:
        raise ConfigError(t("config.keys", path=path, keys=", ".join(sorted(_KEYS))))
    authority = data.get("ca_file")
    return ClientConfig(
        server=normal_server(str(data["server"])) if data.get("server") else None,
        ca_file=(path.parent / str(authority)).resolve() if authority else None,
        language=data.get("language"),
    )


def normal_server(address: str) -> str:
    """Address with its scheme: HTTPS unless written otherwise."""
    text = address.strip().rstrip("/")
    return text if text.startswith(("http://", "https://")) else f"https://{text}"
