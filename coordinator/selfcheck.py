"""Self-diagnosis (OPS-37, OPS-49): what is checked at launch and by ``usinage check``."""

from __future__ import annotations

import importlib.util
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from sqlalchemy import create_engine, text

from coordinator.kernel.config import Config, get_config
from coordinator.kernel.db import utcnow
from coordinator.kernel.i18n import t
from coordinator.kernel.pki import Pki

Result = tuple[str, str]


@dataclass(frozen=True)
class Check:
    """One check: its code (label ``check.<code>``), whether the application may not open without it, and its function."""

    code: str
    mandatory: bool
    function: Callable[[Config], Result]


def _python(_config: Config) -> Result:
    version = ".".join(map(str, sys.version_info[:3]))
    return ("ok" if sys.version_info >= (3, 11) else "failed"), version


def _database(config: Config) -> Result:
    engine = create_engine(config.database_url, connect_args={"connect_timeout": 5})
    with engine.connect() as connection:
        version = connection.scalar(text("SHOW server_version"))
        extension = connection.scalar(
            text("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
        )
    engine.dispose()
    return "ok", f"PostgreSQL {version}" + (f", TimescaleDB {extension}" if extension else "")


def _schema(config: Config) -> Result:
    from coordinator.migrations.migrate import current_revision, head_revision

    current, head = current_revision(config.database_url), head_revision()
    return ("ok" if current == head else "failed"), f"{current or '—'} / {head}"


def _files(config: Config) -> Result:
    config.files_dir.mkdir(parents=True, exist_ok=True)
    probe = config.files_dir / ".probe"
    probe.write_bytes(b"ok")
    probe.unlink()
    usage = shutil.disk_usage(config.files_dir)
    used_pct = 100 * usage.used / usage.total
    status = "ok" if used_pct < 80 else "warning" if used_pct < 95 else "failed"
    return status, f"{used_pct:.0f} %"


def _broker(config: Config) -> Result:
    with socket.create_connection((config.mqtt_host, config.mqtt_port), timeout=3):
        return "ok", f"{config.mqtt_host}:{config.mqtt_port}"


def _certificates(config: Config) -> Result:
    authority = Pki.open_or_create(config.pki_dir)
    certificate = x509.load_pem_x509_certificate(authority.ca_pem.encode())
    days = (certificate.not_valid_after_utc - utcnow()).days
    return ("ok" if days > 60 else "warning" if days > 0 else "failed"), f"{days} j"


def _secrets(config: Config) -> Result:
    config.secrets_dir.mkdir(parents=True, exist_ok=True)
    mode = Path(config.secrets_dir).stat().st_mode & 0o077
    return ("ok" if mode == 0 else "warning"), oct(Path(config.secrets_dir).stat().st_mode & 0o777)


def _history(config: Config) -> Result:
    from coordinator.bootstrap import make_factory, service_context
    from coordinator.kernel.seal import verify_history

    with service_context(make_factory(config), "check") as ctx:
        report = verify_history(ctx)
    return ("ok", str(report.lines)) if report.intact else ("failed", f"#{report.first_broken_id}")


def _invoice_numbers(config: Config) -> Result:
    from coordinator.bootstrap import make_factory, service_context
    from coordinator.modules.invoicing import api as invoicing

    with service_context(make_factory(config), "check") as ctx:
        gaps = invoicing.number_gaps(ctx)
    return ("ok", "") if not gaps else ("failed", ", ".join(gaps[:5]) + (" …" if len(gaps) > 5 else ""))


def _tool(*names: str) -> Callable[[Config], Result]:
    def run(_config: Config) -> Result:
        found = next((n for n in names if shutil.which(n)), None)
        return ("ok", found) if found else ("warning", t("check.missing_tool", names=", ".join(names)))

    return run


_READERS = {"pypdfium2": "PDF", "ezdxf": "DXF", "OCP": "STEP, IGES", "rapidocr": "OCR", "zxingcpp": "QR"}


def _drawing_readers(_config: Config) -> Result:
    """Libraries that read drawings (DRW-53); without one, its formats are typed by hand."""
    missing = [shown for name, shown in _READERS.items() if importlib.util.find_spec(name) is None]
    return (
        ("warning", t("check.missing_tool", names=", ".join(missing)))
        if missing
        else ("ok", "PDF, DXF, STEP, OCR")
    )


def _dwg_converter(_config: Config) -> Result:
    """The program that opens DWG (DRW-04): the one set, or one of those installed."""
    from coordinator.modules.drawings.reading.convert import CONVERTERS, SETTING, dwg_converter

    found = dwg_converter()
    names = ", ".join((*CONVERTERS, SETTING))
    return ("ok", found) if found else ("warning", t("check.missing_tool", names=names))


CHECKS = (
    Check("python", True, _python),
    Check("database", True, _database),
    Check("schema", True, _schema),
    Check("files", True, _files),
    Check("secrets", False, _secrets),
    Check("certificates", False, _certificates),
    Check("broker", False, _broker),
    Check("history", False, _history),
    Check("invoice_numbers", False, _invoice_numbers),
    Check("ocr", False, _tool("tesseract")),
    Check("drawing_readers", False, _drawing_readers),
    Check("drawing_dwg", False, _dwg_converter),
)


def run_checks(config: Config | None = None, *, mandatory_only: bool = False) -> list[dict[str, Any]]:
    """Result of every check: ``{code, label, status: ok|warning|failed, detail}``; a check that breaks has failed."""
    config = config or get_config()
    results = []
    for check in CHECKS:
        if mandatory_only and not check.mandatory:
            continue
        try:
            status, detail = check.function(config)
        except Exception as error:  # whatever breaks is the finding
            status, detail = (
                "failed",
                f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
            )
            if not check.mandatory and check.code == "broker":
                status = "warning"
        results.append(
            {"code": check.code, "label": t(f"check.{check.code}"), "status": status, "detail": detail}
        )
    return results
