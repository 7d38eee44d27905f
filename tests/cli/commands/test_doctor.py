"""The doctor: what is there, and the line to type for what is not."""

import pytest

from normwise.cli.main import main
from normwise.extras import EXTRAS


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_missing_extra_comes_with_the_line_to_type(extra, monkeypatch, capsys):
    absent = EXTRAS[extra][0]
    monkeypatch.setattr(
        "normwise.cli.commands.doctor.missing_packages",
        lambda names: [name for name in names if name == absent],
    )
    assert main(["doctor"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f'missing {absent}: python -m pip install "normwise[{extra}]"' in text
    assert text.count("present") >= len(EXTRAS) - 2  # no other extra brings it but one of scikit-image


def test_the_doctor_tells_this_machine(capsys):
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    assert "cores" in text
    assert "GiB" in text
    assert "MNI152" in text
