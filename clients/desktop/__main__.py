"""``python -m clients.desktop [--server ADRESSE] [--config FICHIER]``: the office client."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import sys
from pathlib import Path

from clients.desktop.model.config import ClientConfig, ConfigError, normal_server, read_config


def read_arguments(arguments: list[str] | None = None) -> ClientConfig:
    """Configuration of the command line.

    Raises:
        ConfigError: the configuration file cannot be used.
    """
    parser = argparse.ArgumentParser(
        prog="python -m clients.desktop", description="Poste de bureau de Gestion Usinage."
    )
    parser.add_argument(
        "--server", metavar="ADRESSE", help="adresse du serveur, par exemple https://nas.local"
    )
    parser.add_argument(
        "--config", metavar="FICHIER", type=Path, help="fichier de configuration (server, ca_file, language)"
    )
    given = parser.parse_args(arguments)
    config = read_config(given.config) if given.config else ClientConfig()
    return dataclasses.replace(config, server=normal_server(given.server)) if given.server else config


def main(arguments: list[str] | None = None) -> int:
    """Run the client until its last window closes."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        config = read_arguments(arguments)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    from PySide6.QtCore import QSettings
    from PySide6.QtWidgets import QApplication

    from clients.desktop.app import OfficeApp

    app = QApplication(sys.argv[:1])
    app.setApplicationName("gestion-usinage")
    app.setOrganizationName("gestion-usinage")
    office = OfficeApp(app, config, QSettings())
    office.start()
    return app.exec()


if __name__ == "__main__":
    sys.exit(main())
