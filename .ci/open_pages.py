"""Open a run in the application of the installed package, and fetch its pages, scripts and their licences."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from http.cookiejar import CookieJar
from importlib import metadata
from pathlib import Path
from urllib.parse import urljoin

PAGES = {
    "/": "<html",
    "/static/niivue.umd.js": "niivue",
    "/static/niivue.LICENSE.txt": "Redistribution",
    "/static/openseadragon.min.js": "openseadragon",
    "/static/LICENSE.txt": "Redistribution",
}
"""What is asked for, with a word that it holds."""


def fetch_pages(run: Path) -> None:
    """Start the application on a run, fetch what it serves, and end it."""
    command = ["normwise", "view", str(run), "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as viewer:
        try:
            assert viewer.stdout is not None
            address = viewer.stdout.readline().strip()
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            opener.open(address, timeout=120).read()
            for page, word in PAGES.items():
                text = opener.open(urljoin(address, page), timeout=120).read().decode()
                assert word.lower() in text.lower(), f"{page} lacks {word!r}"
        finally:
            viewer.terminate()


def licences() -> list[str]:
    """List the licences that the installed package declares."""
    files = metadata.files("normwise") or ()
    return sorted(str(file) for file in files if "licenses" in file.parts)


if __name__ == "__main__":
    fetch_pages(Path(sys.argv[1]))
    assert len(licences()) == 3, licences()
