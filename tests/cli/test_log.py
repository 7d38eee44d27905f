"""The log: one file a command, with what was said before its folder was known."""

import re

from normwise.cli.log import RunLog


def test_what_was_said_before_the_folder_was_known_is_kept(tmp_path):
    log = RunLog("extract")
    log.say("begun")
    log.open(tmp_path / "logs")
    log.say("two\nlines")
    log.close()
    assert re.fullmatch(r"\d{8}-\d{6}-extract\.log", log.path.name)
    lines = log.path.read_text().splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  begun", lines[0])
    assert lines[2] == " " * 22 + "lines"


def test_two_commands_of_one_second_have_a_log_each(tmp_path):
    logs = [RunLog("extract") for _ in range(3)]
    for log in logs:
        log.open(tmp_path)
        log.close()
    assert len({log.path for log in logs}) == 3


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "logs").write_text("a file")
    log = RunLog("extract")
    log.open(tmp_path / "logs")
    log.say("still here")
    log.close()
    assert log.path is None
