"""The API as one person uses it: sign in, read, create, act, with every refusal told in words."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pyotp

from infra.demo.errors import DemoError

Record = dict[str, Any]
_TOTP_STEP_S = 30
_REFRESH_BEFORE_S = 120.0


class Person:
    """One signed-in person. Every method raises ``DemoError`` with the problem the API answered."""

    def __init__(self, base_url: str, email: str, password: str, *, totp_secret: str | None = None) -> None:
        self.email = email
        self.password = password
        self.totp_secret = totp_secret
        self._last_step = 0
        self._expires = 0.0
        self._refresh = ""
        self._http = httpx.Client(base_url=f"{base_url}/api/v1", timeout=120)

    # signing in -------------------------------------------------------------------------------------------

    def sign_in(self, *, new_password: str | None = None) -> None:
        """Open a session; a temporary password is changed and a due second factor enrolled, as the screen asks."""
        body = {"email": self.email, "password": self.password}
        if self.totp_secret:
            body["totp"] = self._code()
        answer = self.call("POST", "/auth/login", json=body)
        self._keep(answer)
        if answer["must_change_password"]:
            changed = new_password or f"{self.password}-9x"
            self.call(
                "POST", "/auth/password", json={"current_password": self.password, "new_password": changed}
            )
            self.password = changed
        if answer.get("totp_enrolment_required") and not self.totp_secret:
            self.totp_secret = str(self.call("POST", "/auth/totp/enrol")["secret"])
            self.call("POST", "/auth/totp/confirm", json={"code": self._code()})

    def _keep(self, answer: Record) -> None:
        self._refresh = answer["refresh_token"]
        self._expires = time.monotonic() + float(answer["expires_in"]) - _REFRESH_BEFORE_S
        self._http.headers["authorization"] = f"Bearer {answer['access_token']}"

    def _code(self) -> str:
        """Code of the authenticator; each is taken once, so that a second one waits for the next half minute."""
        while (step := int(time.time()) // _TOTP_STEP_S) <= self._last_step:
            time.sleep(0.5)
        self._last_step = step
        return pyotp.TOTP(self.totp_secret or "").now()

    @property
    def token(self) -> str:
        """Present access token."""
        return str(self._http.headers["authorization"]).removeprefix("Bearer ")

    # requests ---------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, **request: Any) -> Any:
        """One request below /api/v1; the decoded answer."""
        answer = self.raw(method, path, **request)
        return answer.json() if answer.content else None

    def raw(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request; the whole answer."""
        if self._refresh and time.monotonic() > self._expires:
            self._expires = float("inf")
            self._keep(self.call("POST", "/auth/refresh", json={"refresh_token": self._refresh}))
        answer = self._http.request(method, path, **request)
        if answer.is_error:
            self._refuse(method, path, answer)
        return answer

    def _refuse(self, method: str, path: str, answer: httpx.Response) -> NoReturn:
        try:
            problem = answer.json()
        except ValueError:
            problem = {"detail": answer.text[:300]}
        fields = ", ".join(f"{e.get('field')} : {e.get('message')}" for e in problem.get("errors") or [])
        words = f"{problem.get('detail') or problem.get('title')}" + (f" ({fields})" if fields else "")
        code = str(problem.get("code", answer.status_code))
        raise DemoError(code, f"{method} {path} → {answer.status_code} {code} : {words}")

    def get(self, plural: str, record_id: int) -> Record:
        """One record."""
        return dict(self.call("GET", f"/{plural}/{record_id}"))

    def list(self, plural: str, **filters: Any) -> list[Record]:
        """Up to 100 records."""
        return list(self.call("GET", f"/{plural}", params={"limit": 100, **filters})["items"])

    def one(self, plural: str, **filters: Any) -> Record:
        """The one record that answers the filters."""
        found = self.list(plural, **filters)
        if len(found) != 1:
            raise DemoError("demo.not_one", f"{plural} {filters} : {len(found)} trouvés au lieu d'un.")
        return found[0]

    def create(self, plural: str, **values: Any) -> Record:
        """A new record."""
        return dict(self.call("POST", f"/{plural}", json=values))

    def change(self, plural: str, record: Record, **values: Any) -> Record:
        """Change fields of a record, against its version."""
        body = {**values, "row_version": record["row_version"]}
        return dict(self.call("PATCH", f"/{plural}/{record['id']}", json=body))

    def act(self, plural: str, record_id: int, action: str, **params: Any) -> Record:
        """Give a command; answers ``{"record", "result"}``."""
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        path = f"/{plural}/{record_id}/{action.replace('_', '-')}"
        return dict(self.call("POST", path, json=params, headers=headers))

    def upload(self, path: str, field: str, *files: Path, **form: Any) -> Any:
        """Send files as a form."""
        parts = [(field, (file.name, file.read_bytes(), "application/octet-stream")) for file in files]
        return self.call("POST", path, files=parts, data=form)
