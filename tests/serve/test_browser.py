"""A browser looks at a slide: the unit in the legend, the value under the pointer, no message."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chromium import CHROMIUM, Browser, browser
from normwise.images import open_slide
from normwise.serve import FIELD, HOST, heat_maps, make_slide_app, make_token, open_port
from normwise.serve.app import make_server

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


@contextmanager
def served(app: Any, token: str) -> Iterator[str]:
    """Serve an application, and give the address that the command would print."""
    listening = open_port()
    server = make_server(app)
    server.install_signal_handlers = lambda: None
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{listening.getsockname()[1]}/?{FIELD}={token}"
    finally:
        server.should_exit = True
        thread.join(60)
        listening.close()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.resize(1200, 1000)
        yield opened


def test_a_slide_says_the_value_under_the_pointer(tmp_path: Path, page: Browser) -> None:
    path, token = tmp_path / "slide.png", make_token()
    Image.fromarray(np.full((256, 512, 3), 230, np.uint8)).save(path)
    xy = np.array([[x, y] for y in range(0, 256, 128) for x in range(0, 512, 128)], np.int32)
    maps = heat_maps({"area": np.arange(8.0)}, {"area": ("µm²", "area of nuclei")})
    with open_slide(path, mpp=0.5) as slide:
        app = make_slide_app(slide, "slide", token=token, maps=maps, xy=xy, tile=128)
        with served(app, token) as address:
            page.open(address)
            page.wait("document.getElementById('high')?.textContent")
            assert page.run("document.getElementById('high').textContent").endswith(" µm²")
            assert (
                page.run("document.getElementById('map').selectedOptions[0].textContent") == "area of nuclei"
            )
            x, y = page.run("""(() => {
  const box = document.getElementById('slide').getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
})()""")
            page.wait("document.getElementById('value').textContent.startsWith('Point')")
            # Just left of the middle and above it: the tile of column 1 in row 0.
            page.wait("new Promise((done) => setTimeout(() => done(true), 500))")
            page.click(x - 10, y - 10)
            page.wait("document.getElementById('value').textContent === 'This tile: 1 µm²'")
            page.click(x + 10, y + 10)
            page.wait("document.getElementById('value').textContent === 'This tile: 6 µm²'")
    assert page.messages == []
