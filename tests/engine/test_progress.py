"""Progress: the right kind for where it goes, bounded in length, and never in the way."""

from __future__ import annotations

import io
import json

import pytest

from normwise.engine import make_progress
from normwise.engine.progress import (
    JsonProgress,
    PlainProgress,
    QuietProgress,
)
from normwise.engine.progress_bar import BarProgress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def _walk(progress, steps=3):
    progress.start("features", steps)
    for step in range(steps):
        progress.advance(
            "features", f"sub-{step}", "failed" if step == 1 else "done", "IMG-202" if step == 1 else ""
        )
    progress.message("a [plain] line")
    progress.finish("features")


@pytest.mark.parametrize(
    ("settings", "stream", "kind"),
    [
        ({}, io.StringIO(), PlainProgress),
        ({}, Terminal(), BarProgress),
        ({"quiet": True}, Terminal(), QuietProgress),
        ({"json_log": True}, Terminal(), JsonProgress),
        ({"quiet": True, "json_log": True}, io.StringIO(), JsonProgress),
    ],
)
def test_where_it_goes_decides_how_it_looks(settings, stream, kind):
    progress = make_progress(**settings, stream=stream)
    assert type(progress) is kind
    _walk(progress)
    assert bool(stream.getvalue()) is (kind is not QuietProgress)


def test_without_a_stderr_nothing_is_shown(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    assert type(make_progress()) is QuietProgress


def test_the_bar_names_failures():
    stream = Terminal()
    _walk(BarProgress(stream))
    assert "sub-1 failed: IMG-202" in stream.getvalue()
    assert "3/3" in stream.getvalue()
    assert "a [plain] line" in stream.getvalue()


def test_json_is_one_object_a_line():
    stream = io.StringIO()
    _walk(JsonProgress(stream))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == [
        "start",
        "advance",
        "advance",
        "advance",
        "message",
        "finish",
    ]
    assert events[2]["subject"] == "sub-1"
    assert (events[2]["state"], events[2]["code"]) == ("failed", "IMG-202")


def test_plain_lines_come_at_a_bounded_rate():
    stream, now = io.StringIO(), [0.0]
    progress = PlainProgress(stream, interval=10.0, clock=lambda: now[0])
    progress.start("features", 10_000)
    for step in range(10_000):
        now[0] += 0.01  # a hundred seconds in all
        progress.advance("features", f"sub-{step}", "failed", "IMG-202")
    progress.finish("features")
    lines = stream.getvalue().splitlines()
    assert 10 <= len(lines) <= 13
    assert max(map(len, lines)) < 300
    assert lines[-1].startswith("features: 10000 of 10000, 10000 failed")


def test_several_titles_go_side_by_side():
    for progress in (BarProgress(Terminal()), PlainProgress(io.StringIO())):
        progress.start("a", 1)
        progress.start("b", 1)
        progress.advance("b")
        progress.finish("a")
        progress.advance("b")
        progress.finish("b")
        progress.finish("b")


@pytest.mark.parametrize("kind", [PlainProgress, JsonProgress])
def test_a_closed_stream_stops_nothing(kind):
    stream = io.StringIO()
    progress = kind(stream)
    stream.close()
    _walk(progress)
