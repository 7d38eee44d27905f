"""The law of the study file: a study that is written reads back as the same study."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normwise.cohort import study_to_toml
from normwise.errors import StudyError
from normwise.schema import Study

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
SCALARS = st.one_of(
    st.booleans(), st.integers(), st.floats(allow_nan=False), TEXT, st.dates(), st.datetimes(), st.times()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=8,
)
POSITIVE = st.floats(0, 1e300)
STUDIES = st.fixed_dictionaries(
    {},
    optional={
        "title": TEXT,
        "cohort": st.fixed_dictionaries(
            {},
            optional={
                "root": TEXT.map(lambda text: Path("/") / text.strip()),
                "group_pattern": TEXT,
                "label": TEXT,
                "classes": st.dictionaries(TEXT, st.lists(TEXT, max_size=3), max_size=3),
                "demographics": st.lists(TEXT, max_size=3),
                "sessions": st.sampled_from(["first", "all"]),
            },
        ),
        "normalizer": st.fixed_dictionaries(
            {"interactions": st.lists(st.lists(TEXT, max_size=2), max_size=2)}
        ),
        "features": st.fixed_dictionaries({"extractor": st.just("voxels"), "smoothing_mm": POSITIVE}),
        "classifier": st.fixed_dictionaries(
            {},
            optional={
                "parameters": st.dictionaries(TEXT, VALUES, max_size=3),
                "grid": st.dictionaries(TEXT, st.lists(VALUES, max_size=3), max_size=3),
            },
        ),
        "decision": st.one_of(
            st.fixed_dictionaries({"sensitivity": st.floats(0.01, 0.99)}),
            st.fixed_dictionaries({"cost": st.fixed_dictionaries({"missed": POSITIVE})}),
            st.fixed_dictionaries(
                {
                    "cost_matrix": st.dictionaries(
                        TEXT, st.dictionaries(TEXT, POSITIVE, max_size=2), max_size=2
                    )
                }
            ),
        ),
        "evaluation": st.fixed_dictionaries({"seed": st.integers(0, 2**70)}),
    },
)


@given(content=STUDIES)
def test_a_study_reads_back_equal(content):
    study = Study.model_validate(content)
    text = study_to_toml(study)
    again = Study.model_validate(tomllib.loads(text))
    assert again == study
    assert study_to_toml(again) == text


@pytest.mark.parametrize("value", [None, object(), {1, 2}, [None], {"a": None}, "\ud800"])
def test_what_toml_can_not_hold(value):
    study = Study.model_validate({"classifier": {"parameters": {"key": value}}})
    with pytest.raises(StudyError) as caught:
        study_to_toml(study)
    assert caught.value.code == "STU-113"
    assert caught.value.subject.startswith("classifier.parameters.key")
