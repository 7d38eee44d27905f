"""The extractor around the chain: who is kept, what is said of the others, and that tables don't mix."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from cohorts import cohort_of
from normwise.engine import Limits, Outcome
from normwise.errors import FeatureError, NormwiseWarning
from normwise.features.brain import extractor
from normwise.features.brain.extractor import chain_settings, settings_content
from normwise.features.extractor import ExtractionContext
from normwise.results import Quality
from normwise.run_folder import RunFolder

PEOPLE = "ID,Age,Sex,dx\n1,70,F,normal\n2,71,M,AD\n3,72,F,AD\n"
NAMES = ["hippocampus_left.volume_mm3", "insula_left.intensity_mean"]


def value(*, passed=True, names=NAMES):
    check = Quality("mask", "brain mask", "ml", 1500.0 if passed else 300.0, 900.0, 2400.0, passed)
    return {
        "feature_names": list(names),
        "feature_values": np.array([4000.0, 1.0]),
        "quality": [list(asdict(check).values())],
        "drawing_mask": np.frombuffer(b"\x89PNG", np.uint8),
        "made": "ab12",
    }


@pytest.fixture
def answers(monkeypatch):
    """What the children answer, by scan, in place of running a chain."""
    found = {}

    def run_scans(context, function, tasks, **settings):
        found["tasks"], found["preload"] = tasks, settings["preload"]
        return [Outcome(task.subject, found.get(task.subject) or value()) for task in tasks]

    monkeypatch.setattr(ExtractionContext, "run_scans", run_scans)
    return found


@pytest.fixture
def extract(tmp_path):
    for person in "123":
        (tmp_path / f"{person}.nii.gz").write_bytes(b"not read here")

    def work(wanted=None, run=None, **features):
        cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "brain", **features}, images="{ID}.nii.gz")
        return extractor.extract(cohort, study, ExtractionContext(tmp_path / "cache", wanted=wanted, run=run))

    return work


def test_values_notes_quality_and_drawings(answers, extract):
    table = extract()
    assert table.values.shape == (3, 2)
    assert table.notes["hippocampus_left.volume_mm3"].unit == "mm3"
    assert table.notes["hippocampus_left.volume_mm3"].label == 17
    assert table.quality["1"][0].name == "brain mask"
    assert table.drawings["1"][0].png == b"\x89PNG"


def test_an_implausible_head_is_named_and_kept_out(answers, extract):
    answers["2"] = value(passed=False)
    table = extract()
    assert list(table.values.index) == ["1", "3"]
    assert table.failures["2"].code == "FEA-521"
    assert "brain mask 300 ml (900–2400)" in table.failures["2"].seen
    assert set(table.quality) == set(table.drawings) == {"1", "2", "3"}


def test_it_is_kept_where_that_is_asked_for_and_said(answers, extract):
    answers["2"] = value(passed=False)
    with pytest.warns(NormwiseWarning, match="FEA-903  1 scans"):
        table = extract(keep_implausible=True)
    assert list(table.values.index) == ["1", "2", "3"]
    assert not table.quality["2"][0].passed


def test_a_vanished_region_costs_its_column_not_its_person(answers, extract):
    many = [*(f"r{number}.volume_mm3" for number in range(30)), "insula_left.intensity_mean"]
    for person in "123":
        answers[person] = value(names=many) | {"feature_values": np.ones(31)}
    answers["2"]["feature_values"][-1] = np.nan
    with pytest.warns(NormwiseWarning, match="FEA-904"):
        table = extract()
    assert table.values.shape == (3, 30)
    kept = extract(wanted=many)
    assert kept.failures["2"].code == "FEA-204"


def regions(*, lost=(), places=("hippocampus_left", "hippocampus_right", "wm_hypointensities", "insula")):
    """What a chain answers that has lost some of its regions."""
    names = [f"{place}.{each}" for place in places for each in ("volume_mm3", "icv_share", "intensity_mean")]
    measured = [np.nan if name.rpartition(".")[0] in lost else 2.0 for name in names]
    pair = np.nan if {"hippocampus_left", "hippocampus_right"} & set(lost) else 0.0
    return value(names=[*names, "hippocampus.asymmetry"]) | {"feature_values": np.array([*measured, pair])}


def test_who_lost_a_region_that_the_others_have_fails_by_name(answers, extract):
    answers |= {"1": regions(), "2": regions(lost=["hippocampus_right"]), "3": regions()}
    table = extract()
    assert list(table.values.index) == ["1", "3"]
    assert table.values.shape == (2, 13)  # nobody else loses a column
    assert table.failures["2"].code == "FEA-204"
    assert table.failures["2"].problem == "hippocampus_right is absent."
    new = extract(wanted=list(table.values.columns))
    assert new.failures["2"].problem == "hippocampus_right is absent."
    chosen = extract(columns=["*.intensity_mean"])  # whatever is chosen of it
    assert (list(chosen.values.index), chosen.failures["2"].code) == (["1", "3"], "FEA-204")


def test_a_region_that_people_may_lack_is_0_mm3_where_the_chain_lost_it(answers, extract):
    answers |= {"1": regions(), "2": regions(lost=["wm_hypointensities"]), "3": regions()}
    with pytest.warns(NormwiseWarning, match="FEA-904"):
        table = extract()
    assert table.values["wm_hypointensities.volume_mm3"].tolist() == [2, 0, 2]
    assert "wm_hypointensities.intensity_mean" not in table.values
    answers["2"] = regions(lost=["insula"])
    with pytest.warns(NormwiseWarning, match="FEA-904"):
        named = extract(may_be_absent=["ins*"])
    assert named.values["insula.icv_share"].tolist() == [2, 0, 2]


def test_a_region_that_most_heads_have_lost_is_no_column(answers, extract):
    answers |= {"1": regions(), "2": regions(lost=["insula"]), "3": regions(lost=["insula"])}
    with pytest.warns(NormwiseWarning, match="FEA-901"):
        table = extract()
    assert (len(table.values), [name for name in table.values if "insula" in name]) == (3, [])


def test_nobody_measured_is_an_empty_table(answers, extract):
    for person in "123":
        answers[person] = value(passed=False)
    table = extract()
    assert table.values.empty
    assert len(table.failures) == 3


def test_where_a_head_lies_is_no_part_of_its_key(answers, extract, tmp_path):
    extract()
    for task in answers["tasks"]:
        assert str(tmp_path) not in str(task.arguments)
        assert task.inputs == (tmp_path / f"{task.subject}.nii.gz",)


def test_what_a_killed_child_unpacked_goes_with_the_next_run(answers, extract, tmp_path):
    run = tmp_path / "run"
    left = RunFolder(run) / RunFolder.CACHE / "scratch" / "dicom-x"
    left.mkdir(parents=True)
    (left / "000001").write_bytes(b"somebody's slice")
    extract(run=run)
    assert not left.exists()
    assert list(left.parent.iterdir()) == []


def test_a_dicom_folder_is_an_image(answers, tmp_path):
    (tmp_path / "d" / "1").mkdir(parents=True)
    (tmp_path / "d" / "1" / "b.dcm").write_bytes(b"x")
    (tmp_path / "d" / "1" / "a.dcm").write_bytes(b"x")
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "brain"}, images="d/{ID}")
    assert list(cohort.frame.index) == ["1"]  # the others have no folder
    extractor.extract(cohort, study, ExtractionContext(tmp_path / "cache"))
    [task] = answers["tasks"]
    assert [path.name for path in task.inputs] == ["a.dcm", "b.dcm"]


def test_every_setting_makes_another_pipeline(answers, extract, tmp_path):
    (tmp_path / "lut.tsv").write_text("index\tname\n17\tLeft-Hippocampus\n")
    settings = [
        {}, {"quality": "fast"}, {"already_stripped": True}, {"atlas": "aal"}, {"lut": "lut.tsv"},
        {"columns": ["hippocampus*"]}, {"masker": "template"},
    ]  # fmt: skip
    hashes = [extract(**each).hash for each in settings]
    assert len(set(hashes)) == len(settings)
    assert extract().hash == hashes[0]
    (tmp_path / "lut.tsv").write_text("index\tname\n17\tLeft-hippocampus-proper\n")
    assert extract(lut="lut.tsv").hash not in hashes


def test_a_file_that_is_not_there_is_refused_before_a_head_is_read(tmp_path):
    _, study = cohort_of(tmp_path, PEOPLE, {"extractor": "brain", "template": "absent.nii.gz"})
    with pytest.raises(FeatureError) as caught:
        extractor.check(study)
    assert caught.value.code == "FEA-525"


def test_files_start_from_the_studys_folder(tmp_path):
    (tmp_path / "atlas.nii.gz").write_bytes(b"a")
    _, study = cohort_of(tmp_path, PEOPLE, {"extractor": "brain", "atlas": "atlas.nii.gz"})
    settings = chain_settings(study)
    assert settings.atlas == str(tmp_path / "atlas.nii.gz")
    assert set(settings_content(settings)) == {"atlas"}
    assert settings.masker in {"network", "template"}


@pytest.mark.parametrize(
    ("features", "loaded", "left"),
    [
        ({"masker": "network"}, {"ants", "torch", "dipy.align.imwarp"}, set()),
        ({"masker": "template"}, {"ants", "dipy.align.imwarp"}, {"torch"}),
        ({"masker": "network", "already_stripped": True}, {"ants"}, {"torch"}),
        ({"masker": "network", "quality": "high"}, {"ants", "torch"}, {"dipy.align.imwarp"}),
    ],
)
def test_what_every_head_needs_is_loaded_once_for_all(answers, extract, features, loaded, left):
    extract(**features)
    assert loaded <= set(answers["preload"])
    assert not left & set(answers["preload"])


def test_one_head_loads_what_it_needs_itself(answers, tmp_path):
    (tmp_path / "1.nii.gz").write_bytes(b"not read here")
    cohort, study = cohort_of(
        tmp_path, "ID,Age,Sex,dx\n1,70,F,normal\n", {"extractor": "brain"}, images="{ID}.nii.gz"
    )
    extractor.extract(cohort, study, ExtractionContext(tmp_path / "cache"))
    assert "ants" not in answers["preload"]


def test_more_threads_are_set_before_the_library_is_loaded(answers, tmp_path):
    for person in "123":
        (tmp_path / f"{person}.nii.gz").write_bytes(b"not read here")
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "brain"}, images="{ID}.nii.gz")
    context = ExtractionContext(tmp_path / "cache", limits=Limits(threads=2))
    extractor.extract(cohort, study, context)
    assert "ants" not in answers["preload"]
