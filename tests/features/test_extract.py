from __future__ import annotations

import sys
from types import SimpleNamespace

import pandas as pd
import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError
from normwise.features import (
    EXTRACTORS,
    ExtractionContext,
    Extractor,
    FeatureTable,
    extract_features,
    extract_part,
    learnt_extractor,
)

PEOPLE = "ID,Age,Sex,dx,a\n01,70,F,normal,1\n02,71,M,AD,2\n"


def test_an_unknown_extractor_is_named_with_the_nearest(tmp_path):
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "region"})
    for ask in (lambda: extract_features(cohort, study), lambda: learnt_extractor(study, 0)):
        with pytest.raises(FeatureError) as caught:
            ask()
        assert caught.value.code == "FEA-100"
        assert "regions" in caught.value.advice


def test_what_is_measured_needs_nothing_learnt(tmp_path):
    _, study = cohort_of(tmp_path, PEOPLE, {"extractor": "table"})
    assert learnt_extractor(study, 0) is None


def broken(monkeypatch, values):
    table = FeatureTable(values, {})
    monkeypatch.setitem(sys.modules, "broken", SimpleNamespace(extract=lambda *_: table))
    monkeypatch.setitem(EXTRACTORS, "broken", Extractor("a fault", "broken"))


def test_no_extractor_can_lose_or_shuffle_people(tmp_path, monkeypatch):
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "broken"})
    for ids in (["01"], ["02", "01"]):
        values = pd.DataFrame({"a": range(len(ids))}, index=ids, dtype=float)
        broken(monkeypatch, values)
        with pytest.raises(AssertionError):
            extract_features(cohort, study)


@pytest.mark.parametrize("name", ["Age", "dx"])
def test_no_extractor_can_bring_a_demographic_or_the_label(tmp_path, monkeypatch, name):
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "broken"})
    values = pd.DataFrame({name: [1.0, 2.0]}, index=["01", "02"])
    broken(monkeypatch, values)
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == "FEA-202"


def test_who_of_a_part_was_not_measured_is_not_counted_as_measured(tmp_path, monkeypatch):
    def extract(_, __, context):
        context.outcomes["01"] = None  # the other's image is not there
        raise FeatureError("FEA-201", "no column is left.")

    monkeypatch.setitem(sys.modules, "partly", SimpleNamespace(extract=extract))
    monkeypatch.setitem(EXTRACTORS, "table", Extractor("", "partly"))
    cohort, study = cohort_of(tmp_path, PEOPLE, {"extractor": "table"})
    ended = extract_part(cohort, study, ["01", "02"], ExtractionContext())
    assert ended["01"] is None
    assert ended["02"].code == "FEA-201"
