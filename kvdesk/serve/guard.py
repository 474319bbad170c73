"""Keeps out who is not to be heard: pages from elsewhere, other names for this host, a wrong token."""

import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from kvdesk.serve.replies import error_body

OPEN_PATHS = ("/health",)  # says nothing that a refused connection would not say


class Guard:
    """An ASGI layer. `token` is asked for where it is not ""; `only_loopback` says that nobody but this
    computer is to be served.

    A page from elsewhere can have its name resolve to 127.0.0.1 (DNS rebinding) and would then be of the same
    origin, so the name it calls us by is looked at; one that stays what it is cannot send JSON without asking
    first, which nobody answers (no CORS).
    """

    def __init__(self, app: ASGIApp, token: str, *, only_loopback: bool) -> None:
        self._app = app
        self._token = token
        self._only_loopback = only_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what is refused, hand on the rest."""
        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if self._only_loopback:
            origin = headers.get("origin")
            if not is_loopback(_name_of(f"//{headers.get('host', '')}")):
                return _refuse(403, "This endpoint is called 127.0.0.1 or localhost.", "forbidden")
            if origin is not None and not is_loopback(_name_of(origin)):
                return _refuse(403, "Pages from elsewhere are not served.", "forbidden")
        if self._token and scope["path"] not in OPEN_PATHS and not self._has_token(headers):
            return _refuse(401, "The token is missing or wrong.", "invalid_api_key")
        is_json = headers.get("content-type", "").partition(";")[0].strip() == "application/json"
        if scope["method"] == "POST" and not is_json:
            return _refuse(415, "Send JSON, as Content-Type application/json.", "unsupported_media_type")
        return None

    def _has_token(self, headers: Headers) -> bool:
        scheme, _, said = headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(said.strip().encode(), self._token.encode())
        return is_right and scheme.lower() == "bearer"


def is_loopback(name: str) -> bool:
    """Whether a host is this computer and nobody else can reach it."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _name_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _refuse(status: int, message: str, code: str) -> JSONResponse:
    kind = "authentication_error" if status == 401 else "invalid_request_error"
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(error_body(message, kind, code), status, headers)
