"""Jobs and limits: read with their units, refused with what was seen."""

import os

import pytest

from normwise.cli.run_flags import RunFlags, memory_bytes
from normwise.engine import count_cpus
from normwise.errors import CommandError


@pytest.mark.parametrize(
    ("text", "mebibytes"),
    [("4G", 4096), ("4", 4096), ("1.5 GB", 1536), ("512m", 512), ("2048MiB", 2048), ("1T", 1024**2)],
)
def test_memory_is_read_with_its_unit(text, mebibytes):
    assert memory_bytes(text) == mebibytes * 1024**2


@pytest.mark.parametrize("text", ["", "4X", "-4G", "four", "10M", "4 G B", "nan", "1e3"])
def test_what_is_no_amount_of_memory_is_refused(text):
    with pytest.raises(CommandError) as caught:
        memory_bytes(text)
    assert caught.value.code == "CLI-104"
    assert caught.value.seen == text


@pytest.mark.parametrize("wrong", [{"jobs": 0}, {"jobs": -2}, {"timeout": 0.0}, {"timeout": float("nan")}])
def test_what_no_command_can_run_with_is_refused(wrong):
    with pytest.raises(CommandError) as caught:
        RunFlags(**wrong)
    assert caught.value.code == "CLI-104"


def test_jobs_default_to_the_cpus_this_process_may_use():
    assert RunFlags().workers == count_cpus()
    assert 1 <= count_cpus() <= os.cpu_count()
    assert RunFlags(jobs=3).workers == 3
