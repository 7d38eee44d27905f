"""The web application that shows a slide, answering this machine alone."""

from __future__ import annotations

import io
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import CommandError, NormwiseError
from normwise.serve.access import TokenMiddleware, patient_protocol
from normwise.serve.heat import HeatMap, draw_heat
from normwise.serve.pyramid import TILE, Pyramid

if TYPE_CHECKING:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import Response

    from normwise.images import Slide

__all__ = ["HOST", "make_server", "make_slide_app", "open_port", "serve_slide"]

HOST = "127.0.0.1"
"""The loopback address: no other machine can ask."""

_HERE = Path(__file__).parent
_FILES = {
    "view.js": ("page/view.js", "text/javascript"),
    "view.css": ("page/view.css", "text/css"),
    "openseadragon.min.js": ("vendor/openseadragon/openseadragon.min.js", "text/javascript"),
    "LICENSE.txt": ("vendor/openseadragon/LICENSE.txt", "text/plain"),
}
_OWN_STYLE = "9xTiqzfwFaL2SGb1rmr8gysEwVVjIvqWAgmZgqFqpEE="  # the one rule that OpenSeadragon adds
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' "
    f"'sha256-{_OWN_STYLE}'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_QUALITY = 85  # of JPEG, out of 95
_DIGITS = 9  # of a tile's number; no slide has more tiles
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

    Returns
    -------
    starlette.applications.Starlette
        It answers requests for this machine's own names alone, from who knows the token, and never writes.
    """
    from starlette.applications import Starlette
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse, PlainTextResponse, Response
    from starlette.routing import Route

    # Pixels that are not square are shown as squares of their width.
    upright = slide.mpp[1] / slide.mpp[0]
    pyramid, lock = Pyramid(slide.size[0], max(round(slide.size[1] * upright), 1)), Lock()
    heats = {str(number): heat for number, heat in enumerate(maps)}
    about = _about(slide, title, pyramid, heats, tile)

    def page(_: Request) -> Response:
        return _answer(Response, (_HERE / "page" / "view.html").read_text("utf-8"), "text/html")

    def facts(_: Request) -> Response:
        return JSONResponse(about, headers=_HEADERS)

    def static(request: Request) -> Response:
        file = _FILES.get(request.path_params["name"])
        if file is None:
            return PlainTextResponse("no such file", 404, headers=_HEADERS)
        return _answer(Response, (_HERE / file[0]).read_bytes(), file[1])

    def pixels_of_tile(request: Request) -> Response:
        texts = [request.path_params[name] for name in ("level", "column", "row")]
        numbers = [int(text) for text in texts if len(text) <= _DIGITS and text.isascii() and text.isdigit()]
        place = pyramid.place(*numbers) if len(numbers) == len(texts) else None
        if place is None:
            return PlainTextResponse("no such tile", 404, headers=_HEADERS)
        level = numbers[0]
        try:
            with lock:  # not every reader may be asked by two threads
                pixels = slide.read_at(
                    place.x,
                    round(place.y / upright),
                    place.columns,
                    place.rows,
                    slide.mpp[0] * 2 ** (pyramid.last - level),
                )
        except NormwiseError as error:
            return PlainTextResponse(f"{error.code} {error.problem}", 500, headers=_HEADERS)
        return _answer(Response, _jpeg(pixels), "image/jpeg")

    def heat(request: Request) -> Response:
        chosen = heats.get(request.path_params["name"])
        if chosen is None or xy is None:
            return PlainTextResponse("no such map", 404, headers=_HEADERS)
        return _answer(Response, draw_heat(chosen, xy, tile, slide.size), "image/png")

    return Starlette(
        routes=[
            Route("/", page),
            Route("/slide.json", facts),
            Route("/static/{name}", static),
            Route("/tiles/{level}/{column}_{row}.jpeg", pixels_of_tile),
            Route("/heat/{name}.png", heat),
        ],
        # DNS rebinding: a page of another site may resolve its own name to this address.
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"]),
            Middleware(TokenMiddleware, token=token, headers=_HEADERS),
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


def serve_slide(app: Starlette, listening: socket.socket) -> None:
    """Answer until interrupted.

    Parameters
    ----------
    app : Starlette
        From `make_slide_app`.
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


def _about(
    slide: Slide, title: str, pyramid: Pyramid, heats: Mapping[str, HeatMap], tile: int
) -> dict[str, Any]:
    """Return what the page asks first."""
    return {
        "title": title,
        "width": pyramid.width,
        "height": pyramid.height,
        "tile": TILE,
        "mpp": slide.mpp[0],
        "across": -(-pyramid.width // tile) * tile,
        "maps": [
            {"url": f"heat/{name}.png", "name": heat.name, "low": heat.low, "high": heat.high}
            for name, heat in heats.items()
        ],
    }


def _answer(kind: type[Response], content: str | bytes, media: str) -> Response:
    return kind(content, media_type=media, headers=_HEADERS)


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
