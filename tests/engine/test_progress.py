"""Progress: the right kind for where it goes, bounded in length, and never in the way."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from normwise.engine import make_progress
from normwise.engine.parallel import on_engine_of
from normwise.engine.progress import BarProgress, LogProgress, NotebookProgress, usual_progress


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


class Kernel:
    """What a notebook is to this package: a shell with a kernel, and displays that can be updated."""

    def __init__(self, monkeypatch, *, kernel=True):
        shell = SimpleNamespace(**({"kernel": object()} if kernel else {}))
        self.shown = []
        ipython = SimpleNamespace(get_ipython=lambda: shell)
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=self.display))

    def display(self, what, display_id):
        assert display_id
        place = len(self.shown)
        self.shown.append([what])
        return SimpleNamespace(update=self.shown[place].append)


def test_a_notebook_shows_one_bar_a_title_and_names_failures(monkeypatch):
    kernel = Kernel(monkeypatch)
    progress = usual_progress()
    assert isinstance(progress, NotebookProgress)
    _walk(progress)
    [bars] = kernel.shown
    assert repr(bars[0]) == "features: 0 of 3"
    assert repr(bars[-1]) == "features: 3 of 3, 1 failed (sub-1 IMG-202), 0 s"
    assert '<progress max="3" value="3">' in bars[-1]._repr_html_()
    progress.start("<b>", 0)
    assert "&lt;b&gt;: 0 of 0" in kernel.shown[1][0]._repr_html_()


def test_a_bar_of_thousands_is_drawn_a_few_times_and_names_five(monkeypatch):
    kernel = Kernel(monkeypatch)
    seconds = iter(range(100_000))
    progress = NotebookProgress(interval=1000, clock=lambda: next(seconds) * 0.5)
    progress.start("features", 5000)
    for step in range(5000):
        progress.advance(
            "features", f"s{step}", "failed" if step < 7 else "done", "IMG-1" if step < 7 else ""
        )
    progress.finish("features")
    [bars] = kernel.shown
    assert len(bars) < 6
    assert "7 failed (s0 IMG-1; s1 IMG-1; s2 IMG-1; s3 IMG-1; s4 IMG-1 and 2 more)" in repr(bars[-1])


def test_outside_of_a_notebook_nothing_is_shown_unasked(monkeypatch):
    Kernel(monkeypatch, kernel=False)  # a session of IPython in a terminal
    assert usual_progress() is None
    monkeypatch.delitem(sys.modules, "IPython")
    assert usual_progress() is None


def test_a_step_shows_its_bars_in_a_notebook_alone(monkeypatch):
    given = []
    step = on_engine_of(Path)(lambda study, progress=None: given.append(progress))
    study = SimpleNamespace(engine=SimpleNamespace(name="local"))
    step(study)
    Kernel(monkeypatch)
    step(study)
    own = LogProgress()
    step(study, progress=own)
    assert given[0] is None
    assert isinstance(given[1], NotebookProgress)
    assert given[2] is own
