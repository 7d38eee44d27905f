"""The boundary: every way a command can end has its exit code, its text, and no bare traceback."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from normwise.cli.main import VERBS, main

HEAVY = ("numpy", "pandas", "scipy", "sklearn", "matplotlib", "nibabel", "nilearn", "skops", "torch")
COMMAND = [sys.executable, "-m", "normwise.cli"]


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_imports_nothing_heavy(verb):
    # An interpreter that notes its imports is the only honest witness: this one has numpy loaded already.
    words = [sys.executable, "-X", "importtime", "-m", "normwise.cli", *([verb] if verb else []), "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    imported = {
        line.rpartition("|")[2].strip()
        for line in done.stderr.splitlines()
        if line.startswith("import time:")
    }
    assert not imported & set(HEAVY)


def test_help_answers_in_half_a_second():
    spent = []
    for _ in range(3):
        before = os.times()
        subprocess.run([*COMMAND, "--help"], capture_output=True, check=True)
        after = os.times()
        spent.append(
            after.children_user - before.children_user + after.children_system - before.children_system
        )
    # CPU seconds, the least of three: other work on the machine is not this command's fault.
    assert min(spent) < 0.5


def test_the_command_ends_without_looking_through_every_object():
    # What is registered first is called last.
    code = (
        "import atexit, gc, sys; atexit.register(lambda: print(gc.get_freeze_count()));"
        "from normwise.cli.main import main; sys.argv = ['normwise', '--version']; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[-1]) > 0


def test_every_verb_is_listed_with_its_line(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for verb, (_, about) in VERBS.items():
        assert re.search(rf"^  {verb} +{re.escape(about[:40])}", text, flags=re.MULTILINE)


@pytest.mark.parametrize("verb", list(VERBS))
def test_help_of_a_verb_fits_80_columns(verb, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main([verb, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: normwise {verb}")
    assert max(map(len, text.splitlines())) <= 80
    options = text.partition("[running]")[2].partition("\n\n")[0].splitlines()[1:]
    assert all(line.startswith(("  --", "   ")) for line in options)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    "words",
    [
        ["evaluat", "x"],
        ["evaluate"],
        ["evaluate", "study.toml", "run", "--no-such-flag", "1"],
        ["evaluate", "study.toml", "run", "--jobs", "many"],
        ["evaluate", "study.toml", "run", "--sessions", "some"],
    ],
)
def test_a_usage_error_is_refused_in_our_own_form(words, capsys):
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("CLI-101  ")
    assert "--help" in printed.err
    assert "Traceback" not in printed.err


def test_a_near_miss_is_suggested(capsys):
    main(["evaluate", "study.toml", "run", "--labl", "dx"])
    assert "--label" in capsys.readouterr().err


def test_a_refused_study_says_the_errors_own_text(tmp_path, capsys):
    assert main(["check", str(tmp_path / "absent.toml")]) == 2
    text = capsys.readouterr().err
    assert text.startswith("STU-101  ")
    assert "Traceback" not in text


def test_debug_shows_the_traceback_of_a_refusal(tmp_path, capsys):
    assert main(["check", str(tmp_path / "absent.toml"), "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_error_as_json(tmp_path, capsys):
    assert main(["check", str(tmp_path / "absent.toml"), "--json-log"]) == 2
    assert json.loads(capsys.readouterr().err)["code"] == "STU-101"


def test_an_accident_is_said_calmly_and_logged_in_full(tmp_path, capsys, monkeypatch):
    def break_down(*_, **__):
        raise ZeroDivisionError("a hidden fault")

    monkeypatch.setattr("normwise.cohort.read_study", break_down)
    assert main(["check", str(tmp_path)]) == 2
    text = capsys.readouterr().err
    assert text.startswith("CLI-901  ")
    assert "ZeroDivisionError: a hidden fault" in text
    assert "Traceback" not in text
    log = re.search(r"details: (\S+);", text)[1]
    assert "Traceback" in Path(log).read_text(encoding="utf-8")
    main(["check", str(tmp_path), "--debug"])
    assert "break_down" in capsys.readouterr().err


def test_an_interruption_is_one_plain_line(tmp_path, capsys, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("normwise.cohort.read_study", interrupt)
    assert main(["check", str(tmp_path)]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_an_interruption_that_a_library_takes_for_a_failure_is_one_too(tmp_path, capsys, monkeypatch):
    def load(*_, **__):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None

    monkeypatch.setattr("normwise.cohort.read_study", load)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(["check", str(tmp_path)]) == 130
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err.endswith(
        "interrupted; a run that was begun goes on with the same command\n"
    )


def test_a_reader_that_goes_away_is_no_failure():
    process = subprocess.Popen([*COMMAND, "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.wait() == 141
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.mark.parametrize(("closing", "code"), [(">&-", 2), ("2>&-", 2), (">&- 2>&-", 2)])
def test_closed_streams_change_no_exit_code(tmp_path, closing, code):
    line = f"exec {sys.executable} -m normwise.cli check {tmp_path / 'absent.toml'} {closing}"
    assert subprocess.run(["sh", "-c", line], capture_output=True, check=False).returncode == code


def test_a_narrow_encoding_stops_nothing(tmp_path):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    words = [*COMMAND, "check", str(tmp_path / "größe.toml")]
    done = subprocess.run(words, capture_output=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"STU-101  ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_output_without_room_is_said():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "--version"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(b"CLI-301  ")


def test_completion_can_be_installed(tmp_path):
    environment = {**os.environ, "HOME": str(tmp_path), "SHELL": "/bin/bash"}
    done = subprocess.run(
        [*COMMAND, "--install-completion", "--shell", "bash"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any("normwise" in path.read_text(encoding="utf-8") for path in written)
