from __future__ import annotations

import pytest

from normwise.errors import FeatureError
from normwise.features.tables.stats_files import read_subject

WHOLE_ASEG = """# Title Segmentation Statistics
# Measure Cortex, lhCortexVol, Left hemisphere cortical gray matter volume, 230000.5, mm^3
# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume, 1525462.6, mm^3
# ColHeaders  Index SegId NVoxels Volume_mm3 StructName normMean normStdDev normMin normMax normRange
  1   4     5000     5100.5  Left-Lateral-Ventricle            30.1    12.0     2.0   100.0   98.0
  2  17     4021     4088.2  Left-Hippocampus                  80.1     9.0    20.0   130.0  110.0
"""
APARC = """# Measure Cortex, NumVert, Number of Vertices, 120000, unitless
# Measure Cortex, MeanThickness, Mean Thickness, 2.51, mm
# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume, 1525462.6, mm^3
# ColHeaders StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd
bankssts  1500  1010  2400  2.456 0.51 0.11 0.02 15 1.2
"""


def write(folder, **files):
    (folder / "stats").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "stats" / f"{name.replace('_', '.')}.stats").write_text(text)
    return folder


def test_all_three_files_are_read(tmp_path):
    found = read_subject(write(tmp_path, aseg=WHOLE_ASEG, lh_aparc=APARC, rh_aparc=APARC), "s")
    assert found["hippocampus_left.volume_mm3"] == "4088.2"
    assert found["cortex_vol_left.volume_mm3"] == "230000.5"
    assert found["intracranial.volume_mm3"] == "1525462.6"
    assert found["bankssts_left.thickness_mm"] == found["bankssts_right.thickness_mm"] == "2.456"
    assert found["bankssts_left.area_mm2"] == "1010"
    assert found["bankssts_left.volume_mm3"] == "2400"
    assert found["mean_thickness_right.thickness_mm"] == "2.51"


def test_one_file_is_enough(tmp_path):
    assert "hippocampus_left.volume_mm3" in read_subject(write(tmp_path, aseg=WHOLE_ASEG), "s")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "FEA-214"),
        (WHOLE_ASEG.replace("# ColHeaders", "# Columns"), "FEA-214"),
        (WHOLE_ASEG + " 3  18  100 \n", "FEA-214"),
        ("\ufffe\x00", "FEA-214"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, text, code):
    with pytest.raises(FeatureError) as caught:
        read_subject(write(tmp_path, aseg=text), "sub-7")
    assert caught.value.code == code
    assert caught.value.subject == "sub-7"


def thalami(*lines):
    return WHOLE_ASEG + "".join(f"  3  10  4021  {line}  1 1 1 1 1\n" for line in lines)


@pytest.mark.parametrize(
    "lines",
    [
        ("0.0  Left-Thalamus", "7000.5  Left-Thalamus-Proper"),
        ("7000.5  Left-Thalamus-Proper", "0.0  Left-Thalamus"),
        ("7000.5  Left-Thalamus", "7000.5  Left-Thalamus-Proper"),
        ("7000.5  Left-Thalamus", "7000.5  Left-Thalamus"),
    ],
)
def test_of_two_names_of_a_structure_the_one_that_is_there_counts(tmp_path, lines):
    found = read_subject(write(tmp_path, aseg=thalami(*lines)), "s")
    assert found["thalamus_left.volume_mm3"] == "7000.5"


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        (
            ("6000.5  Left-Thalamus", "7000.5  Left-Thalamus-Proper"),
            "Left-Thalamus (6000.5) and Left-Thalamus-Proper",
        ),
        (("0.0  Left-Thalamus", "7000.5  Left-Thalamus"), "Left-Thalamus a second time"),
        (("7000.5  Left-Thalamus", "0.0  Left-Thalamus"), "Left-Thalamus a second time"),
    ],
)
def test_two_sizes_of_one_structure_are_refused(tmp_path, lines, seen):
    with pytest.raises(FeatureError) as caught:
        read_subject(write(tmp_path, aseg=thalami(*lines)), "s")
    assert caught.value.code == "FEA-214"
    assert seen in str(caught.value.seen)


def test_an_unfinished_subject_is_named(tmp_path):
    with pytest.raises(FeatureError) as caught:
        read_subject(tmp_path, "sub-7")
    assert caught.value.code == "FEA-213"
