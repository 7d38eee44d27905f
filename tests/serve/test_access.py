"""A connection that keeps the server waiting is ended; the others are answered meanwhile."""

from __future__ import annotations

import http.client
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from normwise.images import open_slide
from normwise.serve import HOST, make_slide_app, make_token, open_port
from normwise.serve.access import patient_protocol
from normwise.serve.app import make_server

PATIENCE = 3.0
TOKEN = make_token()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    path: Path = tmp_path_factory.mktemp("slide") / "slide.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (512, 512, 3), dtype=np.uint8)).save(path)
    with open_slide(path, mpp=0.5) as slide, open_port() as listening:
        server = make_server(make_slide_app(slide, "slide", token=TOKEN), protocol=patient_protocol(PATIENCE))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.02)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(timeout=60)


def _get(port: int, path: str) -> bytes:
    request = urllib.request.Request(f"http://{HOST}:{port}{path}")
    request.add_header("Cookie", f"normwise_{port}={TOKEN}")
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
        return content


def _held(connection: socket.socket) -> bool:
    """Whether the server still holds a connection open, long after its patience."""
    connection.settimeout(60)
    begun = time.monotonic()
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return True
    return time.monotonic() - begun > 50


def test_requests_that_never_come_in_are_ended_and_others_answered(port: int) -> None:
    head = b"GET / HTTP/1.1\r\n"
    starts = (b"", head, head + b"Host: 127.0.0.1\r\nX-Slow: ", head + b"Host: 127.0.0.1\r\nContent-Le")
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection((HOST, port))) for _ in starts]
        drips = stack.enter_context(socket.create_connection((HOST, port)))
        for connection, start in zip(slow, starts, strict=True):
            connection.sendall(start)
        assert len(_get(port, "/tiles/9/0_0.jpeg")) > 1000
        assert _ends_while_dripping(drips)
        assert not any(map(_held, slow))


def _ends_while_dripping(connection: socket.socket) -> bool:
    connection.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
    for _ in range(600):
        try:
            connection.sendall(b"x")
        except ConnectionError:
            return True
        time.sleep(0.1)
    return False


def test_a_further_request_on_a_connection_has_its_own_time(port: int) -> None:
    headers = {"Cookie": f"normwise_{port}={TOKEN}"}
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    for _ in range(3):
        connection.request("GET", "/slide.json", headers=headers)
        answer = connection.getresponse()
        assert (answer.status, len(answer.read()) > 10) == (200, True)
        held = connection.sock
        time.sleep(PATIENCE / 2)
    assert held is connection.sock, "one connection"
    held.sendall(b"GET /slide.json")
    assert not _held(held)
    connection.close()


def test_long_heads_and_foreign_protocols_are_refused(port: int) -> None:
    for content in (
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00" * 9 + b"\r\n\r\n",
    ):
        with socket.create_connection((HOST, port)) as connection:
            try:
                connection.sendall(content)
            except ConnectionError:
                continue
            assert not _held(connection)
    with pytest.raises(urllib.error.HTTPError) as refused:
        _get(port, f"/tiles/9/{'1' * 5000}_0.jpeg")
    assert refused.value.code == 404
    refused.value.close()
