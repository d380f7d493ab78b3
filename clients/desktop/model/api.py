"""Client of the coordinator's REST interface. One instance per signed-in window; safe to use from several threads."""

from __future__ import annotations

import ssl
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from clients.desktop.model.errors import ApiError, SessionExpired, Unreachable, from_problem
from clients.desktop.model.metadata import Metadata
from clients.desktop.model.texts import language, t

PREFIX = "/api/v1"
Record = dict[str, Any]
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
_PAGE = 100


@dataclass(frozen=True)
class SignedIn:
    """Person behind the session and what is due before working."""

    user: Record
    must_change_password: bool
    totp_enrolment_required: bool


@dataclass(frozen=True)
class Page:
    """Part of a list."""

    items: list[Record]
    total: int
    skip: int


class ApiClient:
    """Calls of the server. Tokens stay in memory; they are renewed once when the server no longer takes them."""

    def __init__(
        self,
        server: str,
        *,
        verify: ssl.SSLContext | bool = True,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.server = server.rstrip("/")
        self.user: Record = {}
        self._verify = verify
        self._http = httpx.Client(base_url=self.server, verify=verify, timeout=TIMEOUT, transport=transport)
        self._lock = threading.Lock()
        self._access: str | None = None
        self._refresh: str | None = None

    @property
    def access_token(self) -> str | None:
        """Present access token, for the live channel."""
        return self._access

    @property
    def verify(self) -> ssl.SSLContext | bool:
        """How the server's certificate is checked, for the live channel."""
        return self._verify

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def login(self, email: str, password: str, totp: str | None = None) -> SignedIn:
        """Open a session.

        Raises:
            ApiError: ``auth.invalid_credentials``, ``auth.totp_required``, ``auth.locked``.
        """
        body = self._checked(
            self._send("POST", "/auth/login", json={"email": email, "password": password, "totp": totp})
        )
        self._keep(body)
        self.user = dict(body["user"])
        return SignedIn(
            self.user, bool(body.get("must_change_password")), bool(body.get("totp_enrolment_required"))
        )

    def logout(self) -> None:
        """Close the session; the tokens are forgotten even where the server does not answer."""
        try:
            if self._access:
                self._send("POST", "/auth/logout")
        except ApiError:
            pass
        finally:
            self._access = self._refresh = None

    def renew(self, used: str | None) -> None:
        """Exchange the refresh token, once for all threads that were refused the token ``used``.

        Raises:
            SessionExpired: the server no longer knows the session.
        """
        with self._lock:
            if self._access is not None and self._access != used:
                return
            if not self._refresh:
                raise SessionExpired
            answer = self._send("POST", "/auth/refresh", json={"refresh_token": self._refresh})
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._refresh = None
                raise SessionExpired
            self._keep(self._checked(answer))

    def _keep(self, body: Record) -> None:
        self._access = str(body["access_token"])
        self._refresh = body.get("refresh_token")

    def change_password(self, current: str, new: str) -> None:
        """Change one's own password."""
        self.request("POST", "/auth/password", json={"current_password": current, "new_password": new})

    def begin_totp(self) -> Record:
        """Secret for an authenticator: ``{secret, otpauth_uri}``."""
        return dict(self.request("POST", "/auth/totp/enrol").json())

    def confirm_totp(self, code: str) -> list[str]:
        """Put the second factor in force. Returns the recovery codes."""
        return list(self.request("POST", "/auth/totp/confirm", json={"code": code}).json()["recovery_codes"])

    def me(self) -> Record:
        """Person, roles and rights."""
        return dict(self.request("GET", "/auth/me").json())

    def meta(self) -> Metadata:
        """Entities and menu the person may see."""
        return Metadata.from_json(self.request("GET", "/meta").json())

    def page(self, plural: str, params: Mapping[str, Any]) -> Page:
        """One page of a list."""
        body = self.request("GET", f"/{plural}", params=params).json()
        return Page(body["items"], int(body["total"]), int(body["skip"]))

    def all(self, plural: str, **params: Any) -> list[Record]:
        """All records of a short list, page by page (at most 2 000)."""
        found: list[Record] = []
        while len(found) < 2000:
            page = self.page(plural, {"limit": _PAGE, "skip": len(found), **params})
            found += page.items
            if not page.items or len(found) >= page.total:
                break
        return found

    def get(self, plural: str, record_id: int) -> Record:
        """One record."""
        return dict(self.request("GET", f"/{plural}/{record_id}").json())

    def sheet(self, plural: str, record_id: int) -> Record | None:
        """Prepared sheet of a record, ``None`` where the server has none."""
        try:
            return dict(self.request("GET", f"/{plural}/{record_id}/sheet").json())
        except ApiError as error:
            if error.status in {404, 405, 422} or error.status >= 500:
                return None
            raise

    def history(self, plural: str, record_id: int) -> list[Record]:
        """Changes of a record, newest first."""
        return list(self.request("GET", f"/{plural}/{record_id}/history").json())

    def signatures(self, object_type: str, object_id: int) -> list[Record]:
        """Signatures of a record, each verified now."""
        params = {"object_type": object_type, "object_id": object_id}
        return list(self.request("GET", "/signatures", params=params).json())

    def create(self, plural: str, values: Record, key: str | None = None) -> Record:
        """New record; the same ``key`` sent again creates nothing twice."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return dict(self.request("POST", f"/{plural}", json=values, headers=headers).json())

    def update(self, plural: str, record_id: int, values: Record, row_version: int) -> Record:
        """Change the given fields.

        Raises:
            ApiError: ``conflict.stale`` with the present record in ``current``.
        """
        body = {**values, "row_version": row_version}
        return dict(self.request("PATCH", f"/{plural}/{record_id}", json=body).json())

    def set_archived(self, plural: str, record_id: int, row_version: int, *, archived: bool) -> Record:
        """Archive or restore."""
        verb = "archive" if archived else "restore"
        return dict(
            self.request("POST", f"/{plural}/{record_id}/{verb}", json={"row_version": row_version}).json()
        )

    def act(
        self, plural: str, record_id: int, action: str, params: Record, row_version: int | None, key: str
    ) -> Record:
        """Run an action: ``{record, result}``."""
        versions = {} if row_version is None else {"row_version": row_version}
        path = f"/{plural}/{record_id}/{action}"
        answer = self.request("POST", path, json=params, params=versions, headers={"Idempotency-Key": key})
        return dict(answer.json())

    def export(self, plural: str, params: Mapping[str, Any], kind: str) -> bytes:
        """List as a CSV or XLSX file, with the list's filters and order."""
        kept = {k: v for k, v in params.items() if k not in {"skip", "limit"}}
        return self.request("GET", f"/{plural}/export", params={**kept, "format": kind}).content

    def code(self, code: str) -> Record:
        """What a QR code stands for."""
        return dict(self.request("GET", f"/codes/{quote(code, safe='')}").json())

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """Any call, renewed once when the access token has expired.

        Raises:
            Unreachable, SessionExpired, ApiError.
        """
        used = self._access
        answer = self._send(method, path, token=used, **kwargs)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self.renew(used)
            answer = self._send(method, path, **kwargs)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise SessionExpired
        self._checked_status(answer)
        return answer

    def _send(self, method: str, path: str, token: str | None = None, **kwargs: Any) -> httpx.Response:
        headers = {"Accept-Language": language(), **kwargs.pop("headers", {})}
        token = token or self._access
        if token and path not in {"/auth/login", "/auth/refresh"}:
            headers["Authorization"] = f"Bearer {token}"
        try:
            return self._http.request(method, PREFIX + path, headers=headers, **kwargs)
        except httpx.ReadTimeout:
            raise Unreachable("slow") from None
        except httpx.TimeoutException:
            raise Unreachable("timeout") from None
        except httpx.ConnectError as error:
            raise Unreachable(_cause(error)) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise Unreachable("address") from None
        except httpx.HTTPError:
            raise Unreachable("lost") from None
        except RuntimeError:
            # The window was closed while the call was under way.
            raise Unreachable("closed") from None

    def _checked_status(self, answer: httpx.Response) -> None:
        if answer.is_success:
            return
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.status_code in {502, 504} and body is None:
            raise Unreachable("gateway")
        raise from_problem(answer.status_code, body)

    def _checked(self, answer: httpx.Response) -> Record:
        self._checked_status(answer)
        try:
            return dict(answer.json())
        except (ValueError, TypeError):
            raise ApiError(answer.status_code, "http", t("error.not_the_server")) from None


def _cause(error: Exception) -> str:
    text = str(error).lower()
    if "certificate" in text or "ssl" in text:
        return "certificate"
    if "name or service" in text or "getaddrinfo" in text or "resolution" in text or "nodename" in text:
        return "name"
    if "network is unreachable" in text or "no route" in text:
        return "network"
    return "refused"
