"""Drives Chromium over its debugging pipe, without any package: open a page, run a script, take a picture."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 240.0  # seconds; a busy machine takes long to start a browser


class Browser:
    """One page of a headless browser; ``messages`` are what its console holds, ``asked`` its requests."""

    def __init__(self, to: int, back: int) -> None:
        self._to, self._back, self._held, self._number = to, back, b"", 0
        self.messages: list[str] = []
        self.asked: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        mine = self._number
        message: dict[str, Any] = {"id": mine, "method": method, "params": parameters}
        if hasattr(self, "_session"):
            message["sessionId"] = self._session
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._to, content) :]
        end = time.monotonic() + PATIENCE
        while True:
            answer = self._next(end)
            if answer.get("id") == mine:
                assert "error" not in answer, (method, answer.get("error"))
                return answer["result"]

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._held:
            assert select.select([self._back], [], [], max(end - time.monotonic(), 0.0))[0], "no answer"
            part = os.read(self._back, 1 << 20)
            assert part, "the browser has ended"
            self._held += part
        whole, _, self._held = self._held.partition(b"\0")
        event: dict[str, Any] = json.loads(whole)
        about = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            self.messages.append(str(about["exceptionDetails"].get("exception", about["exceptionDetails"])))
        elif event.get("method") == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning"):
            self.messages.append(" ".join(str(each.get("value", each)) for each in about["args"]))
        elif event.get("method") == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
            self.messages.append(about["entry"]["text"])
        elif event.get("method") == "Network.requestWillBeSent":
            self.asked.append(about["request"]["url"])
        return event

    def run(self, script: str) -> Any:
        """Return what an expression gives; promises are waited for."""
        answer = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until an expression is true; an element of the page is."""
        end = time.monotonic() + PATIENCE
        while not self.run(f"(async () => Boolean(await ({script})))()"):
            assert time.monotonic() < end, (script, self.messages)
            time.sleep(0.05)

    def open(self, address: str) -> None:
        self.run("window.leaving = true")
        self.send("Page.navigate", url=address)
        self.wait("!window.leaving && document.readyState === 'complete'")

    def click(self, x: float, y: float) -> None:
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        theme = "dark" if dark else "light"
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])

    def picture(self, path: Path, *, whole: bool = False) -> None:
        data = self.send("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browser(folder: Path, *more: str) -> Iterator[Browser]:
    """Start Chromium with an empty profile in a folder, and end it."""
    assert CHROMIUM is not None
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()

    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-extensions",
        "--no-first-run", "--disable-background-networking", "--disable-component-update", "--mute-audio",
        "--enable-unsafe-swiftshader", "--use-angle=swiftshader", f"--user-data-dir={folder}",
        "--remote-debugging-pipe", *more, "about:blank",
    ]  # fmt: skip

    # The browser reads its file 3 and writes its file 4.
    shell = f'exec 3<&{to_read} 4>&{back_write}; exec "$@"'
    process = subprocess.Popen(
        ["bash", "-c", shell, "bash", *command], pass_fds=(to_read, back_write),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(to_read)
    os.close(back_write)
    try:
        yield Browser(to_write, back_read)
    finally:
        process.kill()
        process.wait()
        os.close(to_write)
        os.close(back_read)
