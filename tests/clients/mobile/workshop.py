"""A coordinator in memory that speaks the published interface of the workshop application.

It serves the built application at ``/m/`` and answers ``/api/v1`` as the coordinator does, so that
the browser tests can also cut a connection between an accepted event and its answer.
"""

from __future__ import annotations

import json
import mimetypes
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from coordinator.gateway.mobile import POLICY

PASSWORD = "Atelier-2026"
TOTP = "123456"
REFUSED_COMMENT = "à refuser"


def operation(number: int, label: str, kind: str, **fields: Any) -> dict[str, Any]:
    uid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"operation-{number}"))
    return {
        "id": number,
        "uid": uid,
        "code": f"gu:q/{uid}",
        "work_order_number": "OF-2026-0012",
        "sequence_no": number,
        "operation_label": label,
        "operation_type": kind,
        "machine": {"id": number, "code": f"M{number}", "name": "Tour Mazak QT-200"},
        "part": {"name": "Axe de broche", "drawing_number": "D-1042", "revision": "B"},
        "material": "42CrMo4 trempé revenu",
        "planned_qty": 10,
        "good_qty": 0,
        "scrap_qty": 0,
        "rework_qty": 0,
        "status": "pending",
        "is_paused": False,
        "planned_time_min": 90,
        "actual_time_min": 0,
        "started_at": None,
        "planned_start_at": f"2026-11-23T{number % 24:02d}:00:00Z",
        "tools": [],
        "cut_length_mm": None,
        "cut_count": None,
        "allowed_actions": ["start"],
        **fields,
    }


def default_operations() -> list[dict[str, Any]]:
    tools = [{"code": "T04", "name": "CNMG 120408 ébauche"}, {"code": "T07", "name": "DNMG 150604 finition"}]
    return [
        operation(
            10,
            "Débit Ø50 L70",
            "cutting",
            machine={"id": 1, "code": "SC1", "name": "Scie à ruban Behringer"},
            cut_count=10,
            cut_length_mm=70.5,
            planned_time_min=25,
        ),
        operation(20, "Tournage ébauche", "turning", tools=tools),
        operation(
            30,
            "Fraisage rainure",
            "milling",
            status="blocked",
            allowed_actions=[],
            machine={"id": 3, "code": "CU1", "name": "Centre Haas VF-2"},
        ),
    ]


@dataclass
class Workshop:
    """State of the simulated coordinator; ``base_url`` is where the browser finds it."""

    build: Path
    operations: list[dict[str, Any]] = field(default_factory=default_operations)
    events: list[dict[str, Any]] = field(default_factory=list)
    posts: int = 0
    drop_next_answer: bool = False
    base_url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)
    email = "a.martin@atelier.test"
    second_factor_email = "chef@atelier.test"
    password = PASSWORD
    totp = TOTP

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        with self.lock:
            return [event for event in self.events if event["type"] == kind]

    def record(self, event: dict[str, Any]) -> dict[str, Any]:
        """Answer for one event; a known uid changes nothing."""
        with self.lock:
            if any(known["uid"] == event["uid"] for known in self.events):
                return {"uid": event["uid"], "result": "duplicate", "code": None, "message": None}
            payload = event["payload"]
            if payload.get("comment") == REFUSED_COMMENT:
                return {
                    "uid": event["uid"],
                    "result": "refused",
                    "code": "execution.quantity",
                    "message": "Quantité supérieure aux pièces reçues de l’opération précédente.",
                }
            self.events.append(event)
            for known in self.operations:
                if known["code"] == payload.get("operation_code"):
                    _apply(known, event)
            return {"uid": event["uid"], "result": "done", "code": None, "message": None}


def _apply(known: dict[str, Any], event: dict[str, Any]) -> None:
    payload, kind = event["payload"], event["type"]
    running = ["pause", "report", "finish"]
    if kind == "operation.started":
        known |= {"status": "in_progress", "started_at": event["occurred_at"], "allowed_actions": running}
    elif kind == "operation.paused":
        known |= {"is_paused": True, "allowed_actions": ["resume", "report", "finish"]}
    elif kind == "operation.resumed":
        known |= {"is_paused": False, "allowed_actions": running}
    if kind in ("operation.reported", "operation.finished"):
        for name in ("good", "rework", "scrap"):
            known[f"{name}_qty"] += payload[name]
    if kind == "operation.finished":
        known |= {"status": "done", "allowed_actions": [], "actual_time_min": payload["time_spent_min"]}


class _Handler(BaseHTTPRequestHandler):
    workshop: Workshop
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: the tests read the state instead."""

    def _json(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _problem(self, status: int, code: str, detail: str) -> None:
        self._json(
            status, {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail}
        )

    def _body(self) -> dict[str, Any]:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body: dict[str, Any] = json.loads(raw or b"{}")
        return body

    def _signed_in(self) -> bool:
        if (self.headers.get("Authorization") or "").startswith("Bearer access-"):
            return True
        self._problem(401, "auth.required", "Identifiez-vous.")
        return False

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/m/"):
            self._static(path.removeprefix("/m/") or "index.html")
        elif not self._signed_in():
            return
        elif path == "/api/v1/me/operations":
            with self.workshop.lock:
                self._json(200, {"items": self.workshop.operations})
        elif path == "/api/v1/auth/me":
            self._json(
                200,
                {
                    "user": _user("a.martin@atelier.test"),
                    "roles": ["operator"],
                    "rights": {"machines": {"read": "all", "update": "all"}},
                },
            )
        elif path == "/api/v1/machine-live":
            trs = {"value": 0.634, "is_estimated": True, "open_stops": 1}
            work = {
                "work_order_number": "OF-2026-0004",
                "operation_label": "Tournage ébauche",
                "person": "A. Martin",
            }
            alert = {"id": 7, "severity": "alarm", "text": "Surcharge de broche", "acknowledged_at": None,
                     "occurred_at": "2026-11-23T08:00:00Z"}  # fmt: skip
            rows = [
                {"id": 1, "code": "SC1", "name": "Scie à ruban Behringer", "state": "idle", "alarms": []},
                {"id": 2, "code": "M20", "name": "Tour Mazak QT-200", "state": "running", "program": "O1042", "trs": trs,
                 "work": work, "since": "2026-11-23T06:00:00Z", "alarms": []},
                {"id": 3, "code": "CU1", "name": "Centre Haas VF-2", "state": "alarm", "trs": {"value": None}, "alarms": [alert]},
            ]  # fmt: skip
            self._json(200, {"items": rows, "at": "2026-11-23T08:05:00Z"})
        elif path.startswith("/api/v1/codes/"):
            self._code(unquote(path.removeprefix("/api/v1/codes/")))
        else:
            self._problem(404, "not_found", "Introuvable.")

    def _code(self, code: str) -> None:
        if code.startswith("gu:q/stock"):
            self._json(
                200,
                {
                    "kind": "stock_item",
                    "display": "Plaquette CNMG 120408",
                    "object": {"id": 1},
                    "allowed_actions": [],
                    "message": None,
                },
            )
        else:
            self._json(
                200,
                {"kind": "unknown", "display": None, "object": None, "allowed_actions": [], "message": None},
            )

    def _static(self, name: str) -> None:
        target = (self.workshop.build / name).resolve()
        if not target.is_relative_to(self.workshop.build) or not target.is_file():
            self._problem(404, "not_found", "Introuvable.")
            return
        data = target.read_bytes()
        kind = {".webmanifest": "application/manifest+json", ".wasm": "application/wasm"}.get(target.suffix)
        self.send_response(200)
        self.send_header(
            "Content-Type", kind or mimetypes.guess_type(target.name)[0] or "application/octet-stream"
        )
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(data)

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/api/v1/auth/login":
            self._login(body)
        elif self.path == "/api/v1/auth/refresh":
            self._json(200, {"access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 900})
        elif self.path == "/api/v1/auth/logout":
            self._json(200, {})
        elif self.path == "/api/v1/shop-events" and self._signed_in():
            self.workshop.posts += 1
            results = [self.workshop.record(event) for event in body["events"]]
            if self.workshop.drop_next_answer:
                self.workshop.drop_next_answer = False
                self.close_connection = True
                self.connection.close()
                return
            self._json(200, {"results": results})

    def _session(self, email: str) -> dict[str, Any]:
        return {
            "access_token": "access-1",
            "refresh_token": "refresh-1",
            "token_type": "bearer",
            "expires_in": 900,
            "must_change_password": False,
            "user": _user(email),
        }

    def _login(self, body: dict[str, Any]) -> None:
        known = (self.workshop.email, self.workshop.second_factor_email)
        if body.get("email") not in known or body.get("password") != PASSWORD:
            self._problem(401, "auth.invalid_credentials", "Adresse ou mot de passe incorrect.")
        elif body["email"] == self.workshop.second_factor_email and body.get("totp") != TOTP:
            self._problem(401, "auth.totp_required", "Code de sécurité demandé.")
        else:
            self._json(200, self._session(body["email"]))


def _user(email: str) -> dict[str, Any]:
    return {"id": 7, "first_name": "Anne", "last_name": "Martin", "email": email, "language": "fr"}


def serve(workshop: Workshop) -> ThreadingHTTPServer:
    """Starts the server on a free local port; the caller shuts it down."""
    handler = type("Handler", (_Handler,), {"workshop": workshop})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    workshop.base_url = f"http://127.0.0.1:{server.server_address[1]}/m/"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
