"""One command at work: warnings are noted once, failures named, everything logged."""

import errno
import os
import re
import warnings

import pytest

from normwise.cli.run_flags import RunFlags
from normwise.cli.session import RunLog, failed_scans, limits_from, open_session, unexpected_error
from normwise.errors import CommandError, NormwiseError, NormwiseWarning
from normwise.schema import Study


def people_in(folder):
    """A study of four people."""
    (folder / "people.csv").write_text("ID,dx,v\na,AD,1\nb,normal,2\nc,AD,3\nd,normal,4\n")
    cohort = {"root": folder, "table": "people.csv", "id": "ID", "label": "dx"}
    features, decision = (
        {"extractor": "table", "columns": ["v"]},
        {"cost": {"missed": 1.0, "false_alarm": 1.0}},
    )
    return Study.model_validate({"cohort": cohort, "features": features, "decision": decision})


def test_own_warnings_are_noted_once_and_those_of_libraries_only_logged(tmp_path, capsys):
    with open_session("extract", RunFlags()) as session:
        session.open_run(tmp_path / "run", people_in(tmp_path), overwrite=False)
        for _ in range(2):
            warnings.warn(NormwiseWarning("FEA-902", "the same value"), stacklevel=1)
        warnings.warn("a library's own matter", FutureWarning, stacklevel=1)
    text = capsys.readouterr().err
    assert text.count("FEA-902") == 1
    assert "library" not in text
    log = session.log.path.read_text()
    assert "FEA-902" in log
    assert "library" in log


def test_the_log_names_failures_and_the_end(tmp_path):
    with open_session("extract", RunFlags(quiet=True)) as session:
        session.open_run(tmp_path / "run", people_in(tmp_path), overwrite=False)
        session.progress.start("regions", 2)
        session.progress.advance("regions", "sub-01")
        session.progress.advance("regions", "sub-02", "failed", "IMG-202")
        session.progress.finish("regions")
    log = session.log.path.read_text()
    assert "sub-02 failed IMG-202" in log
    assert "sub-01" not in log
    assert "exit code 0" in log


def test_failures_are_named_up_to_five_and_end_with_1(tmp_path, capsys):
    rows = "".join(f"sub-{n}\tsub-{n}\tnormal\tfailed\tIMG-202\tdamaged\n" for n in range(7))
    (tmp_path / "cohort.tsv").write_text(f"id\tgroup\tlabel\tstatus\tcode\treason\n{rows}")
    with open_session("extract", RunFlags()) as session:
        session.print_failures(tmp_path)
        assert session.end() == 1
    text = capsys.readouterr().err
    assert text.count("IMG-202") == 5
    assert "and 2 more" in text


def test_an_accident_in_a_run_is_logged_there(tmp_path):
    def break_down():
        with open_session("extract", RunFlags()) as session:
            session.open_run(tmp_path / "run", people_in(tmp_path), overwrite=False)
            raise RuntimeError("a hidden fault")

    with pytest.raises(CommandError) as caught:
        break_down()
    assert caught.value.code == "CLI-901"
    assert isinstance(caught.value.__cause__, RuntimeError)
    [log] = (tmp_path / "run" / "logs").iterdir()
    assert str(log) in caught.value.advice
    assert "Traceback" in log.read_text()


def test_limits_come_from_the_flags():
    limits = limits_from(RunFlags(memory="2G", timeout=30))
    assert (limits.memory_bytes, limits.seconds) == (2 * 1024**3, 30)


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "no room"), (errno.EACCES, "can't be used"), (errno.EISDIR, "can't be")],
)
def test_what_the_system_refuses_is_no_accident(number, said):
    def refuse():
        with open_session("extract", RunFlags()):
            raise OSError(number, os.strerror(number), "/data/there.tsv")

    with pytest.raises(CommandError) as caught:
        refuse()
    assert caught.value.code == "CLI-301"
    assert caught.value.subject == "/data/there.tsv"
    assert said in caught.value.problem
    assert "finished extractions are kept" in caught.value.advice


def test_accidents_without_a_run_share_one_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    logs = [RunLog("check") for _ in range(2)]
    for log in logs:
        unexpected_error(RuntimeError("a hidden fault"), log)
        log.close()
    [folder] = tmp_path.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {log.path.parent for log in logs} == {folder}


def test_results_stay_where_the_new_study_cannot_be_read(tmp_path):
    run = tmp_path / "run"
    with open_session("train", RunFlags()) as session:
        session.open_run(run, people_in(tmp_path), overwrite=False)
    (run / "report.html").touch()
    absent = Study.model_validate({"cohort": {"root": tmp_path, "table": "absent.tsv"}})
    with pytest.raises(NormwiseError), open_session("train", RunFlags()) as session:
        session.open_run(run, absent, overwrite=True, labelled=True)
    assert (run / "report.html").exists()


def test_a_refused_command_leaves_no_trace(tmp_path):
    study = people_in(tmp_path)
    wrong = study.model_copy(update={"cohort": study.cohort.model_copy(update={"label": "diagnos"})})
    with pytest.raises(NormwiseError), open_session("train", RunFlags()) as session:
        session.open_run(tmp_path / "run", wrong, overwrite=False)
    assert not (tmp_path / "run").exists()
    with open_session("train", RunFlags()) as session:
        session.open_run(tmp_path / "run", study, overwrite=False)
    assert (tmp_path / "run" / "study.toml").exists()


def test_what_was_said_before_the_folder_was_known_is_kept(tmp_path):
    log = RunLog("extract")
    log.add("begun")
    log.open(tmp_path / "logs")
    log.add("two\nlines")
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
    log.add("still here")
    log.close()
    assert log.path is None


LEDGER = """\
id\tgroup\tlabel\tstatus\tcode\treason
01\t01\tnormal\tincluded\tn/a\tn/a
02\t02\tnormal\texcluded\tCOH-209\tnot age >= 60
03\t03\tdementia\tfailed\tIMG-202\tthe "stream" is damaged
04\t04\tdementia\tfailed\tENG-201\ttook longer than 600 s
"""


def test_only_images_and_measurements_fail(tmp_path):
    (tmp_path / "cohort.tsv").write_text(LEDGER)
    assert failed_scans(tmp_path) == [
        ("03", "IMG-202", 'the "stream" is damaged'),
        ("04", "ENG-201", "took longer than 600 s"),
    ]


def test_a_run_without_a_ledger_has_no_failures(tmp_path):
    assert failed_scans(tmp_path) == []
