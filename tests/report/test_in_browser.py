"""A report in a browser: every text can be read in both themes, and nothing is said in its console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chromium import CHROMIUM, Browser, browser
from contrast import faint_texts

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_what_lies_behind_it(
    runs: dict[str, Path], page: Browser, *, dark: bool
) -> None:
    page.resize(1800, 900, dark=dark)  # so wide that no table scrolls
    page.open((runs["everything"] / "report.html").as_uri())
    assert faint_texts(page) == []
    assert page.messages == []
