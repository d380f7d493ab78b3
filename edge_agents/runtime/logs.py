"""Local logs: JSON lines, rotated, without secrets (EDG-43)."""

from __future__ import annotations

import logging
import logging.handlers
import sys
from pathlib import Path

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET_KEYS = ("badge", "pin", "password", "secret", "token", "image", "private")
_FILES = 4


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hides the value of every key which names a secret, at any depth."""
    for key, value in event.items():
        if any(word in _words(key) for word in _SECRET_KEYS):
            event[key] = "***"
        elif isinstance(value, dict):
            event[key] = redact(_, __, dict(value))
    return event


def _words(key: str) -> list[str]:
    parts = key.lower().replace("-", "_").split("_")
    return [*parts, *(part.rstrip("s") for part in parts)]


def configure(directory: Path, *, max_mb: float = 100.0, level: str = "INFO", console: bool = True) -> Path:
    """Sends all logs to rotating files of ``max_mb`` in total, and to stderr; returns the current file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "agent.log"
    handlers: list[logging.Handler] = [
        logging.handlers.RotatingFileHandler(
            path, maxBytes=max(int(max_mb * 1e6 / _FILES), 1024), backupCount=_FILES - 1, encoding="utf-8"
        )
    ]
    if console:
        handlers.append(logging.StreamHandler(sys.stderr))
    logging.basicConfig(level=level, handlers=handlers, format="%(message)s", force=True)
    for noisy in ("asyncua", "asyncio", "paho", "mqtt", "httpx"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL if noisy == "asyncua" else logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return path
