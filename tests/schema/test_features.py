"""Each extractor has a section; a key that it does not read is refused with those that do."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from normwise.errors import StudyError
from normwise.schema import (
    EXTRACTOR_SECTIONS,
    SAVED,
    BrainSection,
    RegionsSection,
    Study,
    TableSection,
    feature_keys,
    readers_of,
    validate_study,
)

FOREIGN = {
    "mpp": (0.25, "slides, attention"),
    "smoothing_mm": (3, "voxels"),
    "subjects_dir": ("/nowhere", "freesurfer"),
    "stains": ("macenko", "slides, attention"),
    "quality": ("high", "brain"),
    "components": (7, "voxels, autoencoder"),
}


def refusal(**keys):
    with pytest.raises(StudyError) as caught:
        validate_study({"features": keys}, "study.toml")
    return caught.value


@pytest.mark.parametrize("key", FOREIGN)
def test_a_key_of_another_extractor_is_refused_with_those_that_read_it(key):
    value, readers = FOREIGN[key]
    error = refusal(extractor="table", **{key: value})
    assert error.code == "STU-114"
    assert error.problem == f"the extractor 'table' does not read {key}."
    assert error.seen == f"{key} is read by {readers}"


def test_all_foreign_keys_are_named_at_once():
    error = refusal(extractor="table", columns=3, **{key: value for key, (value, _) in FOREIGN.items()})
    assert error.code == "STU-114"
    for key, (_, readers) in FOREIGN.items():
        assert f"{key} is read by {readers}" in error.seen
    assert error.advice.endswith("wrong as well: features.columns")


def test_the_default_extractor_has_keys_too():
    assert refusal(labels="maps/{ID}.mgz").problem == "the extractor 'regions' does not read labels."


def test_a_misspelt_key_is_unknown_rather_than_foreign():
    error = refusal(extractor="table", colums=["a"])
    assert error.code == "STU-103"
    assert error.advice == "did you mean 'columns'?"


def test_foreign_keys_at_their_default_are_left_out():
    # A run of 0.1.0 holds every key of every extractor.
    keys = {key: field.get_default(call_default_factory=True) for key, field in feature_keys().items()}
    for name, section in EXTRACTOR_SECTIONS.items():
        own = {} if name == "brain" else {"atlas": "neuromorphometrics"}
        read = validate_study({"features": {**keys, **own, "extractor": name}}, "study.toml").features
        assert type(read) is section
        assert set(read.model_dump()) == set(section.model_fields)


def test_what_normwise_itself_saved_is_read_whatever_else_it_holds():
    content = {"features": {"extractor": "table"} | {key: value for key, (value, _) in FOREIGN.items()}}
    assert validate_study(content, "study.toml", saved=True).features == TableSection()
    assert Study.model_validate(content, context=SAVED).features == TableSection()
    with pytest.raises(ValidationError):
        Study.model_validate(content)


def test_no_extractor_of_this_name_is_left_to_the_registry():
    study = Study.model_validate({"features": {"extractor": "tabel", "columns": ["a"]}})
    assert study.features.extractor == "tabel"


def test_the_atlas_depends_on_the_extractor():
    assert Study().features_of(RegionsSection).atlas == "neuromorphometrics"
    brain = Study.model_validate({"features": {"extractor": "brain"}})
    assert brain.features_of(BrainSection).atlas == "desikan_killiany"
    assert TableSection().atlas_in(None) == (None, None)


def test_a_label_map_is_given_by_its_path(tmp_path):
    (tmp_path / "map.nii").touch()
    section = RegionsSection(atlas="map.nii", lut="map.txt")
    assert section.atlas_in(tmp_path) == (str(tmp_path / "map.nii"), "map.txt")
    assert section.atlas_in(tmp_path / "elsewhere") == ("map.nii", "map.txt")


def test_every_section_names_its_extractor_and_dumps_only_what_it_reads():
    for name, section in EXTRACTOR_SECTIONS.items():
        study = Study(features=section(extractor=name))
        assert study.features.extractor == name
        assert Study.model_validate(study.model_dump(mode="json")) == study
        for key in section.model_fields:
            assert key == "extractor" or name in readers_of(key)
