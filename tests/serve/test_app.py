"""The viewer answers this machine alone, shows what the slide holds, and fetches nothing from elsewhere."""

from __future__ import annotations

import asyncio
import io
import json
import re
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from normwise.errors import CommandError, ImageError
from normwise.features.slides import Outlines
from normwise.images import open_slide
from normwise.serve import HOST, heat_maps, make_slide_app, make_token, open_port
from outline_files import write_outlines

PAGE = Path(__file__).parents[2] / "src" / "normwise" / "serve" / "page"


TOKEN = make_token()


def ask(
    app: Any, path: str, host: str = HOST, cookie: str = f"normwise_80={TOKEN}"
) -> tuple[int, dict[str, str], bytes]:
    """Ask the application as a server would, without a network."""
    sent: list[dict[str, Any]] = []
    path, _, query = path.partition("?")
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode("utf-8"), "root_path": "",
        "scheme": "http", "query_string": query.encode(),
        "headers": [(b"host", host.encode()), (b"cookie", cookie.encode())],
        "server": (HOST, 80), "client": (HOST, 1),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:])


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """Blocks of 64 pixels, so that JPEG keeps their colours."""
    blocks = np.random.default_rng(3).integers(0, 255, (5, 9, 3), dtype=np.uint8)
    return blocks.repeat(64, axis=0).repeat(64, axis=1)


@pytest.fixture
def slide(picture: np.ndarray, tmp_path: Path) -> Any:
    path = tmp_path / "slide.png"
    Image.fromarray(picture).save(path)
    with open_slide(path, mpp=0.5) as opened:
        yield opened


def test_tiles_are_the_slide(slide: Any, picture: np.ndarray) -> None:
    app = make_slide_app(slide, "slide", token=TOKEN)
    about = json.loads(ask(app, "/slide.json")[2])
    assert (about["width"], about["height"], about["mpp"], about["maps"]) == (576, 320, 0.5, [])
    code, headers, body = ask(app, "/tiles/10/1_1.jpeg")
    seen = np.asarray(Image.open(io.BytesIO(body))).astype(int)
    assert (code, headers["content-type"], seen.shape) == (200, "image/jpeg", (64, 256, 3))
    assert np.abs(seen - picture[256:320, 256:512]).mean() < 3
    half = np.asarray(Image.open(io.BytesIO(ask(app, "/tiles/9/0_0.jpeg")[2]))).astype(int)
    assert np.abs(half - picture[:320:2, :512:2]).mean() < 3


def test_only_this_machines_names_are_answered(slide: Any) -> None:
    app = make_slide_app(slide, "slide", token=TOKEN)
    assert [ask(app, "/slide.json", host)[0] for host in ("127.0.0.1:8080", "localhost", "evil.example")] == [
        200,
        200,
        400,
    ]
    with open_port() as listening:
        assert listening.getsockname()[0] == "127.0.0.1"


def test_who_does_not_know_the_token_sees_nothing(slide: Any) -> None:
    app = make_slide_app(slide, "slide", token=TOKEN)
    other = make_token()
    for path in ("/", "/slide.json", "/static/view.js", "/tiles/10/0_0.jpeg", "/heat/0.png", "/x"):
        for cookie in (
            "",
            f"normwise_80={other}",
            f"normwise_81={TOKEN}",
            f"normwise_80={TOKEN[:-1]}",
            "=;ü",
        ):
            code, headers, body = ask(app, path, cookie=cookie)
            assert (code, b"slide" in body.lower()) == (403, False)
            assert headers["cache-control"] == "no-store"
    assert ask(app, f"/slide.json?token={TOKEN}", cookie="")[0] == 403, "the address is for the page alone"
    assert ask(app, f"/?token={other}", cookie="")[0] == 403


def test_the_address_is_exchanged_for_a_cookie(slide: Any) -> None:
    app = make_slide_app(slide, "slide", token=TOKEN)
    code, headers, _ = ask(app, f"/?token={TOKEN}", cookie="")
    assert (code, headers["location"]) == (303, "/")
    cookie, *attributes = headers["set-cookie"].lower().split("; ")
    assert {"httponly", "samesite=strict", "path=/"} <= set(attributes)
    assert ask(app, "/", cookie=headers["set-cookie"].split(";")[0])[0] == 200
    assert cookie.startswith("normwise_80=")


def test_what_is_not_there_is_said(slide: Any) -> None:
    app = make_slide_app(slide, "slide", token=TOKEN)
    wrong = (
        "/tiles/99/0_0.jpeg",
        "/tiles/10/9_9.jpeg",
        f"/tiles/10/{'1' * 5000}_0.jpeg",
        f"/tiles/{'9' * 5000}/0_0.jpeg",
        "/tiles/10/-1_0.jpeg",
        "/tiles/10/1_1_1.jpeg",
        "/tiles/²/0_0.jpeg",
        "/static/app.py",
        "/static/..%2Fapp.py",
        "/heat/0.png",
        "/x",
    )
    assert {ask(app, path)[0] for path in wrong} == {404}


def test_a_damaged_part_costs_that_part(slide: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise ImageError("IMG-805", "a part of the slide is damaged.")

    monkeypatch.setattr(type(slide), "read_at", damaged)
    code, _, body = ask(make_slide_app(slide, "slide", token=TOKEN), "/tiles/10/0_0.jpeg")
    assert (code, body) == (500, b"IMG-805 a part of the slide is damaged.")


def test_heat_maps_are_listed_and_drawn(slide: Any) -> None:
    maps = heat_maps({"nucleus.area_um2": np.array([30.0, 60.0])})
    app = make_slide_app(slide, "slide", token=TOKEN, maps=maps, xy=np.array([[0, 0], [128, 0]]), tile=128)
    about = json.loads(ask(app, "/slide.json")[2])
    assert about["across"] == 640  # five started tiles
    assert about["maps"][0]["name"] == "nucleus.area_um2"
    code, headers, body = ask(app, f"/{about['maps'][0]['url']}")
    assert (code, headers["content-type"]) == (200, "image/png")
    assert Image.open(io.BytesIO(body)).size == (5 * 16, 3 * 16)


def test_outlines_of_the_part_that_is_shown(
    slide: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("normwise.serve.slides._OUTLINES", 2)
    corners = [(10.0, 10.0), (100.5, 10.0), (10.0, 400.0)]
    rings = [[[x, y], [x + 8, y], [x + 8, y + 8], [x, y]] for x, y in corners]
    path = write_outlines(tmp_path / "a.geojson", rings)
    app = make_slide_app(slide, "slide", token=TOKEN, outlines=lambda: Outlines(path))
    assert json.loads(ask(app, "/slide.json")[2])["outlines"] is True
    some = json.loads(ask(app, "/outlines.json?x0=0&y0=0&x1=200&y1=50")[2])
    assert some == {
        "count": 2, "most": 2,
        "rings": [[10, 10, 18, 10, 18, 18, 10, 10], [100.5, 10, 108.5, 10, 108.5, 18, 100.5, 10]],
    }  # fmt: skip
    every = json.loads(ask(app, "/outlines.json?x0=0&y0=0&x1=200&y1=400")[2])
    assert every == {"count": 3, "most": 2, "rings": []}
    # A nucleus that begins above the part reaches into it.
    part = json.loads(ask(app, "/outlines.json?x0=0&y0=404&x1=50&y1=420")[2])
    assert part["rings"] == [[10, 400, 18, 400, 18, 408, 10, 400]]
    assert ask(app, "/outlines.json?x0=0&y0=0&x1=no&y1=1")[0] == 404
    path.write_text("{}", "utf-8")
    app = make_slide_app(slide, "slide", token=TOKEN, outlines=lambda: Outlines(path))
    code, _, text = ask(app, "/outlines.json?x0=0&y0=0&x1=9&y1=9")
    assert (code, text[:7]) == (500, b"FEA-608")
    assert b"extract again" in text
    path.unlink()
    assert ask(app, "/outlines.json?x0=0&y0=0&x1=9&y1=9")[2] == text  # it is looked for once
    bare = make_slide_app(slide, "slide", token=TOKEN)
    assert json.loads(ask(bare, "/slide.json")[2])["outlines"] is False
    assert ask(bare, "/outlines.json?x0=0&y0=0&x1=9&y1=9")[0] == 404


def test_the_page_fetches_from_its_own_address_alone(slide: Any) -> None:
    app = make_slide_app(slide, "slide", token=TOKEN)
    code, headers, body = ask(app, "/")
    policy = headers["content-security-policy"]
    assert code == 200
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    own = body.decode() + "".join((PAGE / name).read_text("utf-8") for name in ("view.js", "view.css"))
    assert re.findall(r"(?:https?:)?//[a-z]", own) == []
    for name in re.findall(r'(?:src|href)="(static/[^"]+)"', own):
        assert ask(app, f"/{name}")[0] == 200
    assert b"Redistribution" in ask(app, "/static/LICENSE.txt")[2]


def test_a_port_in_use_is_said() -> None:
    with open_port() as first:
        # Before a server answers, a connection waits.
        socket.create_connection(first.getsockname(), timeout=60).close()
        with pytest.raises(CommandError) as caught:
            open_port(first.getsockname()[1])
    assert caught.value.code == "CLI-401"
    with pytest.raises(CommandError):
        open_port(70_000)
