from __future__ import annotations

import pandas as pd
import pytest

from normwise.cohort import read_cohort, read_study
from normwise.errors import SampleError
from normwise.features import extract_features
from normwise.samples import PLACES, simulate_table
from normwise.samples.table import SIZES


def test_every_place_is_measured_and_the_study_takes_it(tmp_path):
    assert set(SIZES) == set(PLACES)
    study = read_study(simulate_table(tmp_path / "people", people=40))
    cohort = read_cohort(study)
    assert len(cohort.to_frame()) == 40
    assert len(extract_features(cohort, study).values.columns) == len(PLACES)


def test_patients_have_lost_more_than_age_takes(tmp_path):
    table = pd.read_csv(
        simulate_table(tmp_path / "people", people=400).with_name("participants.tsv"), sep="\t"
    )
    table = table[table["age"].between(65, 80)]
    mean = table.groupby("diagnosis")[["hippocampus_left.volume_mm3", "ventricles.width_mm"]].mean()
    assert (
        mean["hippocampus_left.volume_mm3"]["dementia"] < 0.92 * mean["hippocampus_left.volume_mm3"]["normal"]
    )
    assert mean["ventricles.width_mm"]["dementia"] > mean["ventricles.width_mm"]["normal"]


def test_equal_seeds_give_equal_bytes_and_a_full_folder_is_refused(tmp_path):
    first, second = (simulate_table(tmp_path / name, people=12) for name in "ab")
    other = simulate_table(tmp_path / "c", people=12, seed=1)
    tables = [path.with_name("participants.tsv").read_bytes() for path in (first, second, other)]
    assert tables[0] == tables[1] != tables[2]
    with pytest.raises(SampleError, match="SAM-102"):
        simulate_table(tmp_path / "a", people=12)
    with pytest.raises(SampleError, match="SAM-101"):
        simulate_table(tmp_path / "d", people=11)
