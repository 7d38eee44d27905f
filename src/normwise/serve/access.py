"""Who may look, and for how long a connection may keep the server waiting.

Other users of a shared machine reach the loopback address too. The address that the command prints holds a
token; the first visit exchanges it for a cookie, and whatever comes with neither is refused.
"""

from __future__ import annotations

import secrets
from asyncio import TimerHandle, Transport
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn.protocols.http.h11_impl import H11Protocol

__all__ = ["FIELD", "TokenMiddleware", "make_token", "patient_protocol"]

FIELD = "token"
"""The token's name in the address."""

WAITING_SECONDS = 15.0
"""How long a request may take to come in whole, and how long its answer may take to be fetched."""


def make_token() -> str:
    """Return 256 random bits as text for an address.

    Examples
    --------
    >>> len(make_token()), make_token() == make_token()
    (43, False)
    """
    return secrets.token_urlsafe(32)


class TokenMiddleware:
    """Refuses requests without the token: in the address of the page once, in a cookie from then on.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    token : str
        From `make_token`.
    headers : dict of str to str
        Of the answers given here.
    """

    def __init__(self, app: ASGIApp, token: str, headers: dict[str, str]) -> None:
        self._app = app
        self._token = token.encode("ascii")
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        from starlette.requests import Request
        from starlette.responses import PlainTextResponse, RedirectResponse

        if scope["type"] != "http":
            return
        request = Request(scope)
        # A cookie belongs to every port of a name: each viewer has one of its own.
        name = f"normwise_{scope['server'][1]}"
        given = parse_qs(scope["query_string"].decode("latin-1")).get(FIELD, [""])[0]
        if request.url.path == "/" and self._is_token(given):
            answer = RedirectResponse("/", 303, headers=self._headers)
            answer.set_cookie(name, given, httponly=True, samesite="strict")
            await answer(scope, receive, send)
        elif self._is_token(request.cookies.get(name, "")):
            await self._app(scope, receive, send)
        else:
            text = "Open the whole address that normwise view has printed: it holds a token."
            await PlainTextResponse(text, 403, headers=self._headers)(scope, receive, send)

    def _is_token(self, text: str) -> bool:
        return secrets.compare_digest(text.encode("utf-8", "replace"), self._token)


def patient_protocol(seconds: float = WAITING_SECONDS) -> type[H11Protocol]:
    """Return uvicorn's HTTP protocol that ends connections which keep it waiting.

    uvicorn ends idle connections between requests; it waits for ever for a request that never comes in whole,
    and for a client that never fetches the answer.

    Parameters
    ----------
    seconds : float
        From the beginning of a connection, or of a further request on it, to the end of the answer.
    """
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class PatientProtocol(H11Protocol):  # type: ignore[misc] # without uvicorn it is Any to mypy
        _timer: TimerHandle | None = None

        def connection_made(self, transport: Transport) -> None:
            super().connection_made(transport)
            self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_waiting()
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            self._wait()
            super().data_received(data)

        def on_response_complete(self) -> None:
            self._stop_waiting()
            super().on_response_complete()
            if self.cycle is not None and not self.cycle.response_complete:
                self._wait()  # the next request had come in already

        def _wait(self) -> None:
            if self._timer is None:
                self._timer = self.loop.call_later(seconds, self._end)

        def _stop_waiting(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _end(self) -> None:
            self._timer = None
            self.transport.abort()

    return PatientProtocol
