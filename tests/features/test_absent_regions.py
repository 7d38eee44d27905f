from __future__ import annotations

import pandas as pd
import pytest

from normwise.errors import NormwiseWarning
from normwise.features.absent_regions import fill_absent, may_be_absent

FINDINGS = (
    "wm_hypointensities", "left_lesion", "wmh", "flair_hyperintensity_left", "vessel_right", "5th_ventricle",
    "inf_lat_vent_left", "inferior_lateral_ventricle_right", "tumor_core", "oedema", "lacunes", "hemorrhage",
)  # fmt: skip
ANATOMY = (
    "hippocampus_right", "lateral_ventricle_left", "3rd_ventricle", "4th_ventricle", "csf", "brain_stem",
    "inferior_lateral_occipital_left", "cc_posterior", "choroid_plexus_left", "thalamus_left", "optic_chiasm",
)  # fmt: skip


@pytest.mark.parametrize(("regions", "wanted"), [(FINDINGS, True), (ANATOMY, False)])
def test_findings_may_be_absent_and_anatomy_may_not(regions, wanted):
    assert [region for region in regions if may_be_absent(region) is not wanted] == []


def test_sizes_become_zero_and_what_is_not_defined_goes():
    gap = float("nan")
    values = pd.DataFrame(
        {"lesion.volume_mm3": [3.0, gap], "lesion.mean": [9.0, gap], "insula_left.volume_mm3": [gap, 4.0]}
    )
    with pytest.warns(NormwiseWarning, match=r"FEA-904  1 columns, as lesion\.mean"):
        filled = fill_absent(values, (), keep=False)
    assert list(filled.columns) == ["lesion.volume_mm3", "insula_left.volume_mm3"]
    assert filled["lesion.volume_mm3"].tolist() == [3.0, 0.0]
    assert filled["insula_left.volume_mm3"].isna().tolist() == [True, False]
    assert list(fill_absent(values, (), keep=True).columns) == list(values.columns)
    assert fill_absent(values, ["insula_*"], keep=True)["insula_left.volume_mm3"].tolist() == [0.0, 4.0]
