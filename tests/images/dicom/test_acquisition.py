"""How an image was acquired: at the top, inside functional groups, or among converted attributes."""

from __future__ import annotations

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from dicoms import multiframe
from normwise.images.dicom.acquisition import read_acquisitions
from normwise.images.dicom.contrast import judge_contrast

_ECHO = {"MREchoSequence": {"EffectiveEchoTime": 2.9}}
_TIMING = {"MRTimingAndRelatedParametersSequence": {"RepetitionTime": 2300, "FlipAngle": 9}}
_MODIFIER = {"MRModifierSequence": {"InversionTimes": [900.0], "InversionRecovery": "YES"}}
_TYPE = {
    "MRImageFrameTypeSequence": {"FrameType": ["ORIGINAL", "PRIMARY", "NONE"], "AcquisitionContrast": "T1"}
}


def of_multiframe(path, **options):
    return read_acquisitions(dcmread(multiframe(path, **options)), 20)


def top(**elements):
    data = Dataset()
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    [one] = read_acquisitions(data, 1)
    return one


@pytest.mark.parametrize("inside", ["shared_groups", "frame_groups"])
def test_functional_groups_say_it(tmp_path, inside):
    groups = {**_ECHO, **_TIMING, **_MODIFIER, **_TYPE}
    [one] = of_multiframe(
        tmp_path / "a.dcm", **{inside: groups if inside == "shared_groups" else lambda _: groups}
    )
    assert (one.repetition_ms, one.echo_ms, one.inversion_ms, one.flip_degrees) == (2300, 2.9, 900, 9)
    assert {"IR", "T1"} <= one.words


def test_a_frames_own_goes_before_the_shared_and_the_top(tmp_path):
    own = {"MREchoSequence": {"EffectiveEchoTime": 90.0}}
    both = of_multiframe(
        tmp_path / "a.dcm",
        shared_groups=_ECHO,
        frame_groups=lambda number: own if number == 7 else {},
        EchoTime=5,
    )
    assert sorted(one.echo_ms for one in both) == [2.9, 90]
    assert judge_contrast(both).is_t1 is False


@pytest.mark.parametrize(
    ("contrast", "name"),
    [("FLUID_ATTENUATED", "FLAIR"), ("T2", "T2-weighted"), ("TOF", "time-of-flight angiography")],
)
def test_another_contrast_inside_the_groups(tmp_path, contrast, name):
    groups = {"MRImageFrameTypeSequence": {"AcquisitionContrast": contrast}}
    assert judge_contrast(of_multiframe(tmp_path / "a.dcm", shared_groups=groups)).name == name


def test_converted_attributes_say_it(tmp_path):
    groups = {"UnassignedSharedConvertedAttributesSequence": {"EchoTime": 12, "RepetitionTime": 3000}}
    [one] = of_multiframe(tmp_path / "a.dcm", shared_groups=groups)
    assert (one.repetition_ms, one.echo_ms) == (3000, 12)


def test_zero_stands_for_what_does_not_apply():
    assert top(InversionTime=0, EchoTime=0, FlipAngle=0, RepetitionTime=0) == top()
    assert top(DiffusionBValue=0.0) == top()
    assert "DIFFUSION" in top(DiffusionBValue=700.0).words


def test_flags_and_names_of_sequences():
    assert "ANGIO" in top(AngioFlag="Y").words
    assert "ANGIO" not in top(AngioFlag="N").words
    assert top(SequenceName="*fl3d1r_t70").words == {"GR", "FC"}
    assert top(SequenceName="*tfl3d1_16ns").words == {"GR", "MP"}
    assert top(PulseSequenceName="Doe^Jane 1951").words == frozenset()
    assert top(EchoPulseSequence="SPIN", EchoPlanarPulseSequence="YES").words == {"SE", "EP"}
    # Among the options SP is a saturation, among the variants a spoiling.
    assert top(ScanOptions=["SP", "FC"]).words == {"FC"}
    assert top(ScanOptions=["FAST_GEMS", "VASCTOF_GEMS"]).words == {"TOF"}
    assert top(MRAcquisitionType="2D", SequenceName="*fi3d1r").words == {"2D", "GR", "FC"}
    assert top(SequenceVariant=["SK", "SP"]).words == {"SK", "SP"}


@pytest.mark.parametrize(("text", "given"), [("Gadovist", True), ("", False), ("NONE", False)])
def test_a_contrast_agent(text, given):
    assert top(ContrastBolusAgent=text).agent is given
