from __future__ import annotations

import pytest

from normwise.features.tables.freesurfer_names import earlier_names, feature_name, note_of, wide_name


@pytest.mark.parametrize(
    ("column", "corner", "wanted"),
    [
        ("Left-Hippocampus", "Measure:volume", "hippocampus_left.volume_mm3"),
        ("Left-Hippocampus", "Measure:mean", "hippocampus_left.mean"),
        ("lh_bankssts_thickness", "lh.aparc.thickness", "bankssts_left.thickness_mm"),
        ("rh_G_cuneus_area", "rh.aparc.a2009s.area", "g_cuneus_right.area_mm2"),
        ("lh_MeanThickness_thickness", "lh.aparc.thickness", "mean_thickness_left.thickness_mm"),
        ("BrainSegVolNotVent", "lh.aparc.thickness", "brain_seg_vol_not_vent.volume_mm3"),
        ("eTIV", "rh.aparc.area", "intracranial.volume_mm3"),
        ("EstimatedTotalIntraCranialVol", "Measure:volume", "intracranial.volume_mm3"),
        ("3rd-Ventricle", "Measure:volume", "3rd_ventricle.volume_mm3"),
        ("lhCortexVol", "Measure:volume", "cortex_vol_left.volume_mm3"),
        ("FD", "subject", "FD"),
        ("Left-Thalamus-Proper", "Measure:volume", "thalamus_left.volume_mm3"),
        ("lhCorticalWhiteMatterVol", "Measure:volume", "cerebral_white_matter_vol_left.volume_mm3"),
        ("lh_G&S_frontomargin_area", "lh.aparc.a2009s.area", "g_and_s_frontomargin_left.area_mm2"),
        ("BrainSegVol-to-eTIV", "Measure:volume", "brainsegvol_to_etiv.ratio"),
        ("MaskVol.to.eTIV", "Measure:volume", "maskvol_to_etiv.ratio"),
        ("rhSurfaceHoles", "Measure:volume", "surface_holes_right.count"),
        ("ICV", "Measure:volume", "intracranial.volume_mm3"),
    ],
)
def test_columns_get_place_measure_and_unit(column, corner, wanted):
    assert wide_name(column, corner) == wanted


def test_both_routes_give_one_name():
    assert wide_name("Left-Thalamus", "Measure:volume") == feature_name("Left-Thalamus", "volume_mm3")


def test_notes_say_the_unit():
    assert note_of("insula_left.thickness_mm", "t.tsv").unit == "mm"
    assert note_of("FD", "t.tsv").description == "FD, as in t.tsv"


def test_earlier_names_lead_to_the_present_one():
    assert earlier_names("g_and_s_frontomargin_left.area_mm2") == ["g_s_frontomargin_left.area_mm2"]
    assert earlier_names("thalamus_right.volume_mm3") == ["thalamus_proper_right.volume_mm3"]
    assert earlier_names("hippocampus_right.volume_mm3") == []
