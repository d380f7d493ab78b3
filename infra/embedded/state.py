"""Sessions and retained messages of the embedded broker on disk, so that a restart loses nothing queued.

A kill loses what came after the last save (every five seconds); the stations' own journals cover that.
"""

from __future__ import annotations

import base64
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amqtt.broker import RetainedApplicationMessage
from amqtt.session import Session

from infra.embedded.sessions import DurableHandler, Queued, identity_of, outbox, set_identity

if TYPE_CHECKING:
    from amqtt.broker import Broker

_VERSION = 1
log = logging.getLogger("usinage.broker")


def _message(topic: str, data: bytes | bytearray, qos: int | None) -> dict[str, Any]:
    return {"topic": topic, "data": base64.b64encode(bytes(data)).decode(), "qos": qos or 0}


def save(broker: Broker, path: Path) -> None:
    """Write every lasting session (subscriptions, waiting messages) and the retained messages, atomically."""
    sessions: dict[str, Any] = {}
    for client_id, (session, _) in broker.sessions.items():
        if session.clean_session:
            continue
        waiting = [_message(m.topic, m.data, m.qos) for m in session.inflight_out.values()]
        waiting += [_message(m.topic, m.data, m.qos) for m in outbox(session) if m.qos]
        subscriptions = {
            topic_filter: qos
            for topic_filter, readers in broker.subscriptions.items()
            for reader, qos in readers
            if reader.client_id == client_id
        }
        sessions[client_id] = {
            "identity": identity_of(session),
            "subscriptions": subscriptions,
            "waiting": waiting,
        }
    retained = [_message(m.topic, m.data, m.qos) for m in broker.retained_messages.values()]
    text = json.dumps({"version": _VERSION, "sessions": sessions, "retained": retained})
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)


def load(broker: Broker, path: Path) -> None:
    """Take up what ``save`` wrote; a damaged file is set aside and said, never fatal."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored["version"] != _VERSION:
            raise ValueError(stored["version"])
        for kept in stored["retained"]:
            data = base64.b64decode(kept["data"])
            broker.retained_messages[kept["topic"]] = RetainedApplicationMessage(
                None, kept["topic"], data, kept["qos"]
            )
        for client_id, values in stored["sessions"].items():
            _restore(broker, client_id, values)
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError):
        log.exception("état du broker illisible, mis de côté : %s", path)
        path.replace(path.with_name(path.name + ".damaged"))


def _restore(broker: Broker, client_id: str, values: dict[str, Any]) -> None:
    session = Session()
    session.client_id = client_id
    session.clean_session = False
    set_identity(session, values["identity"])
    session.transitions.disconnect()
    for topic_filter, qos in values["subscriptions"].items():
        broker.subscriptions.setdefault(topic_filter, []).append((session, qos))
    box = outbox(session)
    for kept in values["waiting"]:
        box.append(Queued(kept["topic"], base64.b64decode(kept["data"]), kept["qos"], retain=False))
    broker.sessions[client_id] = (session, DurableHandler(broker.plugins_manager))
