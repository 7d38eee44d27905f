"""The part of the application that shows one slide: tiles, heat maps, and the value at a point."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from normwise.errors import NormwiseError
from normwise.run_folder import RunFolder
from normwise.serve.answers import HEADERS, answer, page, static_file
from normwise.serve.heat import HeatMap, draw_heat
from normwise.serve.pyramid import TILE, Pyramid

if TYPE_CHECKING:
    from starlette.routing import Route

    from normwise.features.slides import Outlines
    from normwise.images import Slide

__all__ = ["open_outlines", "slide_routes"]

_QUALITY = 85  # of JPEG, out of 95
_OUTLINES = 4000  # drawn at once: more can neither be told apart nor moved smoothly
_REACH = 40.0  # µm: a nucleus that begins so far beside a part may reach into it
_DIGITS = 9  # of a tile's number; no slide has more tiles


def open_outlines(run: RunFolder, scan: str) -> Callable[[], Outlines] | None:
    """Return what opens the outlines that a run has exported of a slide; None where it has none.

    Parameters
    ----------
    run : RunFolder
        The run.
    scan : str
        The slide's name in it.
    """
    from normwise.features.slides import Outlines, outlines_place

    place = outlines_place(scan)
    if not (run / place).is_file():
        return None

    def opened() -> Outlines:
        run.check(place)
        return Outlines(run / place)

    return opened


def slide_routes(
    slide: Slide,
    title: str,
    *,
    maps: Sequence[HeatMap] = (),
    xy: NDArray[np.integer] | None = None,
    tile: int = 1,
    outlines: Callable[[], Outlines] | None = None,
    back: str = "",
) -> list[Route]:
    """Return the routes below which one slide is shown.

    Parameters
    ----------
    slide : Slide
        An opened slide.
    title : str
        What the page calls it.
    maps : sequence of HeatMap
        Measurements to lay over it.
    xy : ndarray of shape (n_tiles, 2), optional
        Corner of each tile of the maps, pixels of the slide.
    tile : int
        Side of those tiles, pixels of the slide.
    outlines : callable, optional
        Opens the outlines of its nuclei, when they are first asked for.
    back : str
        Address of the page that this one is opened from; empty where there is none.
    """
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    # Pixels that are not square are shown as squares of their width.
    upright = slide.mpp[1] / slide.mpp[0]
    pyramid, lock = Pyramid(slide.size[0], max(round(slide.size[1] * upright), 1)), Lock()
    heats = {str(number): heat for number, heat in enumerate(maps)}
    about = _about(slide, title, pyramid, heats, tile) | {"outlines": outlines is not None}
    once = None if outlines is None else _Once(outlines)
    reach = _REACH / slide.mpp[0]

    def view(_: Request) -> Response:
        return page("view.html", figures=False, back=back)

    def facts(_: Request) -> Response:
        return JSONResponse(about, headers=HEADERS)

    def static(request: Request) -> Response:
        return static_file(request.path_params["name"])

    def pixels_of_tile(request: Request) -> Response:
        texts = [request.path_params[name] for name in ("level", "column", "row")]
        numbers = [int(text) for text in texts if len(text) <= _DIGITS and text.isascii() and text.isdigit()]
        place = pyramid.place(*numbers) if len(numbers) == len(texts) else None
        if place is None:
            return answer("no such tile", "text/plain", 404)
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
            return answer(f"{error.code} {error.problem}", "text/plain", 500)
        return answer(_jpeg(pixels), "image/jpeg")

    def heat(request: Request) -> Response:
        chosen = heats.get(request.path_params["name"])
        if chosen is None or xy is None:
            return answer("no such map", "text/plain", 404)
        return answer(draw_heat(chosen, xy, tile, slide.size), "image/png")

    def values(request: Request) -> Response:
        chosen = heats.get(request.path_params["name"])
        if chosen is None or xy is None:
            return answer("no such map", "text/plain", 404)
        known = np.isfinite(chosen.values)
        places = (np.asarray(xy)[known] // tile).tolist()
        rows = [
            [*place, float(f"{value:.6g}")] for place, value in zip(places, chosen.values[known], strict=True)
        ]
        return JSONResponse({"tile": tile, "upright": upright, "rows": rows}, headers=HEADERS)

    def nuclei(request: Request) -> Response:
        try:
            left, top, right, bottom = (float(request.query_params[key]) for key in ("x0", "y0", "x1", "y1"))
        except (KeyError, ValueError):
            return answer("no such part", "text/plain", 404)
        if once is None:
            return answer("no outlines", "text/plain", 404)
        try:
            found = once.open()
            which = found.within(
                left - reach, (top - reach) / upright, right + reach, (bottom + reach) / upright
            )
            rings = found.rings(which) if len(which) <= _OUTLINES else []
        except NormwiseError as error:
            return answer(f"{error.code} {error.problem} {error.advice or ''}".strip(), "text/plain", 500)
        drawn = [np.round(ring * (1.0, upright), 1).ravel().tolist() for ring in rings]
        shown = {"count": len(which), "most": _OUTLINES, "rings": drawn}
        return JSONResponse(shown, headers=HEADERS)

    return [
        Route("/", view),
        Route("/slide.json", facts),
        Route("/static/{name}", static),
        Route("/tiles/{level}/{column}_{row}.jpeg", pixels_of_tile),
        Route("/heat/{name}.png", heat),
        Route("/heat/{name}.json", values),
        Route("/outlines.json", nuclei),
    ]


class _Once:
    """Outlines that are opened once, by whoever asks first; so is the reason why they can't be."""

    def __init__(self, opening: Callable[[], Outlines]) -> None:
        self._opening = opening
        self._lock = Lock()  # not that of the tiles: a large file takes seconds
        self._found: Outlines | NormwiseError | None = None

    def open(self) -> Outlines:
        with self._lock:
            if self._found is None:
                try:
                    self._found = self._opening()
                except NormwiseError as error:
                    self._found = error
        if isinstance(self._found, NormwiseError):
            raise self._found
        return self._found


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
            {
                "url": f"heat/{name}.png",
                "values": f"heat/{name}.json",
                "name": heat.title or heat.name,
                "unit": heat.unit,
                "low": heat.low,
                "high": heat.high,
            }
            for name, heat in heats.items()
        ],
    }


def _jpeg(pixels: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()
