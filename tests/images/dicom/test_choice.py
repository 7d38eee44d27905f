"""The choice among usable series, one reason after another."""

from __future__ import annotations

import pytest

from normwise.images.dicom.choice import choose_series, days_of_studies
from normwise.images.dicom.series import Series


@pytest.fixture
def series(header):
    def build(name, step=3.0, slices=2, **fields):
        places = [(0, 0, step * number) for number in range(slices)]
        return Series(name, tuple(header(at=place, series=name, **fields) for place in places))

    return build


@pytest.mark.parametrize(
    ("reason", "better", "worse"),
    [
        ("its contrast is told by the header", {}, {"RepetitionTime": 21, "EchoTime": 3.4, "step": 1.0}),
        ("no contrast agent was given", {}, {"ContrastBolusAgent": "Gadovist", "step": 1.0}),
        ("it is an original, not derived", {}, {"ImageType": ["DERIVED", "SECONDARY"], "step": 1.0}),
        (
            "it covers a whole head",
            {"PixelSpacing": [10, 11], "step": 55},
            {"PixelSpacing": [9, 11], "step": 1},
        ),
        ("its study is the first", {}, {"StudyDate": "20220405", "StudyInstanceUID": "1.2", "step": 1.0}),
        # Thick slices of a fine plane have less volume.
        ("its longest voxel edge is shorter", {}, {"PixelSpacing": [0.4, 0.4], "step": 5.0}),
        ("its voxels are smaller", {}, {"PixelSpacing": [3.0, 1.5]}),
        ("its series number is lower", {}, {"SeriesNumber": 4}),
    ],
)
def test_each_reason_tells(series, reason, better, worse):
    good, bad = series("b", **better), series("a", **worse)
    days = days_of_studies([*good.headers, *bad.headers])
    for order in ([good, bad], [bad, good]):
        chosen, lost = choose_series(order, days)
        assert chosen is good
        assert lost == [(bad, reason)]


def test_days_between_studies_and_no_date(header):
    headers = [
        header(StudyDate="20210405", StudyInstanceUID="1.1"),
        header(2, StudyDate="20210406", StudyInstanceUID="1.1"),
        header(3, StudyDate="20220405", StudyInstanceUID="1.2"),
        header(4, StudyDate=None, StudyInstanceUID="1.3"),
        header(5, StudyDate="no date", StudyInstanceUID="1.4"),
    ]
    assert list(days_of_studies(headers).values()) == [0, 365, None, None]
    assert "2021" not in repr(headers)


def test_a_study_without_an_identifier_is_known_by_its_date(header):
    headers = [header(StudyInstanceUID=None), header(2, StudyInstanceUID=None, StudyDate="20220405")]
    assert list(days_of_studies(headers).values()) == [0, 365]
