"""Seal of the server: Ed25519 over what must not change unseen — signatures, the history's daily heads (TRC-25, TRC-38)."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select

from coordinator.kernel import tasks
from coordinator.kernel.audit import ChainReport, jsonable, verify_chain
from coordinator.kernel.config import Config
from coordinator.kernel.context import Context
from coordinator.kernel.i18n import t
from coordinator.kernel.models import AuditLog, AuditSeal

_FILE = "seal.key"


def canonical(content: Any) -> bytes:
    """One text for one content: sorted keys, no spaces, decimals and instants as text."""
    return json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=jsonable
    ).encode()


def digest(content: Any) -> str:
    """SHA-256 of the canonical content."""
    return hashlib.sha256(canonical(content)).hexdigest()


def sign(config: Config, content: Any) -> bytes:
    """Seal of a content by this installation's key, made at first use."""
    return _key(config).sign(canonical(content))


def is_sealed(config: Config, content: Any, seal: bytes) -> bool:
    """Whether the seal is ours and over exactly this content."""
    try:
        _key(config).public_key().verify(seal, canonical(content))
    except InvalidSignature:
        return False
    return True


def seal_history(ctx: Context) -> int:
    """Seal the head of the history at the end of every past day not sealed yet (TRC-25). Returns how many days."""
    done = ctx.session.scalar(select(func.max(AuditSeal.day)))
    day = func.date(func.timezone("UTC", AuditLog.occurred_at))
    heads = select(day.label("day"), func.max(AuditLog.id).label("last")).where(day < ctx.now.date())
    if done is not None:
        heads = heads.where(day > done)
    count = 0
    for found, last in ctx.session.execute(heads.group_by(day).order_by(day)).tuples().all():
        line = ctx.session.get_one(AuditLog, last)
        content = {"day": found, "last": last, "sha256": line.sha256}
        row = AuditSeal(day=found, last_audit_log_id=last, sha256=line.sha256)
        row.signature = sign(ctx.config, content)
        ctx.session.add(row)
        count += 1
    ctx.session.flush()
    return count


def verify_history(ctx: Context) -> ChainReport:
    """Recompute the chain and check that every daily seal is ours (TRC-25, TRC-52)."""
    report = verify_chain(ctx.session)
    for row in ctx.session.scalars(select(AuditSeal).order_by(AuditSeal.day)):
        content = {"day": row.day, "last": row.last_audit_log_id, "sha256": row.sha256}
        if not is_sealed(ctx.config, content, row.signature):
            return ChainReport(report.lines, intact=False, first_broken_id=row.last_audit_log_id)
    return report


def seal_and_check(ctx: Context) -> None:
    """Nightly: check the history, tell the administrators of a break, then seal the past days; nothing is repaired."""
    report = verify_history(ctx)
    if report.intact:
        seal_history(ctx)
        return
    words = t("history.broken", ctx.locale, line=report.first_broken_id)
    for role in ("admin", "quality_manager"):
        tasks.notify(ctx, "critical", "history", words, role=role)


def _key(config: Config) -> Ed25519PrivateKey:
    path = config.secrets_dir / _FILE
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".seal-")  # 0600
        with os.fdopen(handle, "wb") as stream:
            stream.write(Ed25519PrivateKey.generate().private_bytes_raw())
            stream.flush()
            os.fsync(stream.fileno())
        try:
            # A link refuses to replace: two processes that start together use the first one's key.
            os.link(name, path)
        except FileExistsError:
            pass
        finally:
            Path(name).unlink(missing_ok=True)
    return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
