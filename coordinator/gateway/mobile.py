"""Files of the phone and station application, with the headers a browser needs to trust and to renew them."""

from __future__ import annotations

import os
from pathlib import Path

from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""WebAssembly reads the codes where the browser cannot; nothing else than the coordinator is ever asked."""
_YEAR_S = 31_536_000


class MobileFiles(StaticFiles):
    """The build of ``clients/mobile``. Names under ``assets/`` hold a hash of their content, the others never change name."""

    def __init__(self, build: Path) -> None:
        super().__init__(directory=build, html=True)

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        hashed = Path(full_path).parent.name == "assets"
        response.headers["cache-control"] = f"public, max-age={_YEAR_S}, immutable" if hashed else "no-cache"
        response.headers["content-security-policy"] = POLICY
        response.headers["x-content-type-options"] = "nosniff"
        response.headers["permissions-policy"] = "camera=(self), geolocation=(), microphone=()"
        return response
