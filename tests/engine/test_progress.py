"""Progress: the right kind for where it goes, bounded in length, and never in the way."""

from __future__ import annotations

import io
import json
import logging

import pytest

from normwise.engine import make_progress
from normwise.engine.progress import BarProgress, LogProgress


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
        ({}, io.StringIO(), "plain"),
        ({}, Terminal(), "bar"),
        ({"quiet": True}, Terminal(), "nothing"),
        ({"json_log": True}, Terminal(), "json"),
        ({"quiet": True, "json_log": True}, io.StringIO(), "json"),
    ],
)
def test_where_it_goes_decides_how_it_looks(settings, stream, kind):
    progress = make_progress(**settings, stream=stream)
    assert isinstance(progress, BarProgress) is (kind == "bar")
    _walk(progress)
    begin = {"plain": "features: 3 to do\n", "json": '{"event": "start"', "bar": "", "nothing": ""}
    assert stream.getvalue().startswith(begin[kind])
    assert bool(stream.getvalue()) is (kind != "nothing")


def test_without_a_stderr_nothing_is_shown(monkeypatch):
    monkeypatch.setattr("sys.stderr", None)
    _walk(make_progress())


def test_the_bar_names_failures():
    stream = Terminal()
    _walk(BarProgress(stream))
    assert "sub-1 failed: IMG-202" in stream.getvalue()
    assert "3/3" in stream.getvalue()
    assert "a [plain] line" in stream.getvalue()


def test_json_is_one_object_a_line():
    stream = io.StringIO()
    _walk(make_progress(json_log=True, stream=stream))
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
    handler = logging.StreamHandler(stream)
    handler.addFilter(lambda record: record.event in ("start", "count", "finish"))
    progress = LogProgress(handler, interval=10.0, clock=lambda: now[0])
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
    for progress in (BarProgress(Terminal()), make_progress(stream=io.StringIO())):
        progress.start("a", 1)
        progress.start("b", 1)
        progress.advance("b")
        progress.finish("a")
        progress.advance("b")
        progress.finish("b")
        progress.finish("b")


@pytest.mark.parametrize("json_log", [False, True])
def test_a_closed_stream_stops_nothing(json_log, capsys):
    stream = io.StringIO()
    progress = make_progress(json_log=json_log, stream=stream)
    stream.close()
    _walk(progress)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_a_log_is_given_beginnings_failures_and_ends(stream):
    text = io.StringIO()
    _walk(make_progress(stream=stream, log=logging.StreamHandler(text)))
    assert text.getvalue() == (
        "features: 3 to do\nfeatures: sub-1 failed IMG-202\n"
        "features: 3 of 3, 1 failed (now sub-1 IMG-202), 0 s\n"
    )
