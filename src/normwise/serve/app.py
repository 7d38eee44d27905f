"""The web application that shows a run or a slide, answering this machine alone."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import CommandError
from normwise.serve.access import TokenMiddleware, patient_protocol
from normwise.serve.answers import HEADERS
from normwise.serve.heat import HeatMap
from normwise.serve.run_app import run_routes
from normwise.serve.run_data import RunData
from normwise.serve.slides import slide_routes

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import BaseRoute

    from normwise.features.slides import Outlines
    from normwise.images import Slide

__all__ = ["HOST", "make_run_app", "make_server", "make_slide_app", "open_port", "serve_app"]

HOST = "127.0.0.1"
"""The loopback address: no other machine can ask."""

_CONNECTIONS = 200
_END_SECONDS = 2  # what Ctrl-C waits for an answer that is being given


def make_slide_app(
    slide: Slide,
    title: str,
    *,
    token: str,
    maps: Sequence[HeatMap] = (),
    xy: NDArray[np.integer] | None = None,
    tile: int = 1,
    outlines: Callable[[], Outlines] | None = None,
) -> Starlette:
    """Make the application that shows one slide.

    Parameters
    ----------
    slide : Slide
        An opened slide.
    title : str
        What the page calls it.
    token : str
        From `normwise.serve.make_token`: who does not know it sees nothing.
    maps : sequence of HeatMap
        Measurements to lay over it.
    xy : ndarray of shape (n_tiles, 2), optional
        Corner of each tile of the maps, pixels of the slide.
    tile : int
        Side of those tiles, pixels of the slide.
    outlines : callable, optional
        Opens the outlines of its nuclei.

    Returns
    -------
    starlette.applications.Starlette
        It answers requests for this machine's own names alone, from who knows the token, and never writes.
    """
    routes = slide_routes(slide, title, maps=maps, xy=xy, tile=tile, outlines=outlines)
    return _guarded(routes, token)


def make_run_app(data: RunData, *, token: str) -> Starlette:
    """Make the application that shows a run: everybody in it, and each person's own images and numbers.

    Parameters
    ----------
    data : RunData
        From `normwise.serve.open_run_data`.
    token : str
        From `normwise.serve.make_token`.

    Returns
    -------
    starlette.applications.Starlette
        As of `make_slide_app`; of the run it writes ``ratings.tsv`` alone.
    """
    return _guarded(run_routes(data), token)


def _guarded(routes: Sequence[BaseRoute], token: str) -> Starlette:
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    return Starlette(
        routes=routes,
        # DNS rebinding: a page of another site may resolve its own name to this address.
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
            Middleware(TokenMiddleware, token=token, headers=HEADERS),
        ],
    )


def open_port(port: int = 0) -> socket.socket:
    """Open a port of the loopback address.

    Parameters
    ----------
    port : int
        0 takes a free one.

    Returns
    -------
    socket
        Bound; ``getsockname()[1]`` is the port.

    Raises
    ------
    CommandError
        CLI-401, the port can't be had.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()  # whoever follows the address before the server is ready waits, and is not refused
    except (OSError, OverflowError) as error:
        listening.close()
        raise CommandError(
            "CLI-401",
            "the port can't be used.",
            subject=f"--port {port}",
            seen=getattr(error, "strerror", None) or str(error),
            advice="leave --port out to take a free one",
        ) from error
    return listening


def serve_app(app: Starlette, listening: socket.socket) -> None:
    """Answer until interrupted.

    Parameters
    ----------
    app : Starlette
        From `make_run_app` or `make_slide_app`.
    listening : socket
        From `open_port`; closed in the end.
    """
    with listening:
        make_server(app).run([listening])


def make_server(app: Starlette, *, protocol: Any = None) -> uvicorn.Server:
    """Return a server of bounded patience.

    Parameters
    ----------
    app : Starlette
        From `make_slide_app`.
    protocol : type, optional
        Of a connection; default: `normwise.serve.access.patient_protocol`.
    """
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="critical",  # a client that sends no HTTP is no news
        access_log=False,
        http=protocol or patient_protocol(),
        ws="none",
        lifespan="off",
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_END_SECONDS,
    )
    return uvicorn.Server(config)
