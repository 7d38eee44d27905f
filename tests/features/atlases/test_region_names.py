from __future__ import annotations

import pytest

from normwise.features.atlases.region_names import (
    is_background,
    region_name,
    region_names,
)


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("Left-Hippocampus", "hippocampus_left"),
        ("Right_ACgG_anterior_cingulate_gyrus", "acgg_anterior_cingulate_gyrus_right"),
        ("Hippocampus_L", "hippocampus_left"),
        ("ctx-rh-bankssts", "ctx_bankssts_right"),
        ("ctx_lh_G_and_S_frontomargin", "ctx_g_and_s_frontomargin_left"),
        ("lh_bankssts", "bankssts_left"),
        ("AccumbensArea_R", "accumbens_area_right"),
        ("Cerebellum_WM_R", "cerebellum_wm_right"),
        ("CSF", "csf"),
        ("Brain-Stem", "brain_stem"),
        ("Left", "left"),
        ("Left_Caudal_Medial_Visual_Cortex(BA_17/18)", "caudal_medial_visual_cortex_ba_17_18_left"),
        ("G_Frontal_Sup-1-L", "g_frontal_sup_1_left"),
    ],
)
def test_sides_go_to_the_end_and_words_get_underscores(raw, wanted):
    assert region_name(raw) == wanted


def test_a_region_is_never_lost_to_a_shared_name():
    names = region_names({5: "Insula_L", 9: "insula-l", 2: "???", 7: "Cuneus"})
    assert names == {5: "insula_left_5", 9: "insula_left_9", 2: "label_2", 7: "cuneus"}
    assert len(set(names.values())) == 4


def test_background_is_told_from_regions():
    assert all(map(is_background, ["Unknown", "ctx-lh-unknown", "Background", "ctx_rh_Medial_wall"]))
    assert not any(map(is_background, ["Left-Hippocampus", "WM-hypointensities", "CSF"]))
