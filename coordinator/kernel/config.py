"""Process configuration: addresses and paths, read once from the environment.

Business values live in the settings store (``settings_store``); secrets are read from files so that they
never appear in the environment of a child process or in ``docker inspect``.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Config(BaseSettings):
    """Addresses and folders of one process; every field may be set as ``USINAGE_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="USINAGE_", extra="ignore")

    database_url: str = ""
    data_dir: Path = Path("var")
    secrets_dir: Path = Path("var/secrets")
    api_host: str = "127.0.0.1"
    api_port: int = 8080
    api_url: str = ""
    mqtt_host: str = "127.0.0.1"
    mqtt_port: int = 8883
    mqtt_tls: bool = True
    database_pool_size: int = 10
    time_zone: str = "Europe/Paris"
    """Zone of the workshop: instants in texts made here (titles of records) are told in it."""
    log_level: str = "INFO"
    log_json: bool = True
    max_upload_mb: int = 200

    @property
    def files_dir(self) -> Path:
        """Folder of the content-addressed store."""
        return self.data_dir / "files"

    @property
    def pki_dir(self) -> Path:
        """Folder of the internal certificate authority."""
        return self.secrets_dir / "pki"

    def public_url(self) -> str:
        """Address at which clients and stations reach the coordinator."""
        return self.api_url or f"http://{self.api_host}:{self.api_port}"


@lru_cache
def get_config() -> Config:
    """Configuration of this process."""
    return Config()
