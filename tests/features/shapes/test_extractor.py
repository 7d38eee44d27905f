"""The extractor ``shapes`` on a cohort: names, who fails and why, and what a trained model asks for."""

from __future__ import annotations

import numpy as np
import pytest

from cohorts import cohort_of
from normwise.errors import FeatureError, NormwiseWarning
from normwise.features import check_extractor, extract_features
from normwise.features.shapes import MEASURES
from normwise.images import LabelVolume, write_volume

PEOPLE = "ID,Age,Sex,dx\n" + "".join(
    f"p{number},{70 + number},F,{'AD' if number % 2 else 'normal'}\n" for number in range(4)
)
AFFINE = np.diag([2.0, 1.0, 1.0, 1.0])


def write(folder, number, *boxes, values=(1, 2, 3)):
    labels = np.zeros((14, 14, 14), dtype=np.int32)
    for value, box in zip(values, boxes, strict=False):
        if box is not None:
            labels[box] = value
    write_volume(LabelVolume(labels, AFFINE), folder / f"p{number}.nii.gz")


def box(*ends):
    return tuple(slice(low, high) for low, high in ends)


LARGE = [box((1, 6), (1, 6), (1, 5 + each)) for each in range(4)]
OTHER = [box((7, 11), (1, 5), (2, 6 + each)) for each in range(4)]


def measured(folder, wanted=None, keep=None, **features):
    cohort, study = cohort_of(folder, PEOPLE, {"extractor": "shapes", **features}, images="{ID}.nii.gz")
    return extract_features(cohort.keep(keep) if keep else cohort, study, wanted=wanted)


def lut(folder):
    (folder / "lut.tsv").write_text("index\tname\n1\tLeft-Adrenal\n2\tRight-Adrenal\n3\tlesion\n")
    return "lut.tsv"


def test_masks_of_any_value_are_one_region(tmp_path):
    for number in range(4):
        write(tmp_path, number, LARGE[number], values=(1 if number % 2 else 255,))
    table = measured(tmp_path)
    assert not table.failures
    assert set(table.values.columns) == {
        f"mask.{name}" for name in MEASURES if not name.endswith("_aabb") and not name.startswith("skeleton")
    }
    assert table.values["mask.voxel_volume_mm3"].tolist() == [200.0, 250.0, 300.0, 350.0]
    note = table.notes["mask.sphericity"]
    assert (note.place, note.label) == ("mask", None)
    assert "IBSI QCFX" in note.description
    assert table.notes["mask.area_mm2"].unit == "mm^2"


def test_what_depends_on_how_a_person_lies_is_measured_by_name(tmp_path):
    for number in range(4):
        write(tmp_path, number, LARGE[number])
    table = measured(tmp_path, columns=["mask.volume_density_*", "mask.skeleton_length_mm"])
    assert list(table.values.columns) == [
        "mask.volume_density_aabb", "mask.volume_density_box", "mask.volume_density_aee",
        "mask.volume_density_hull", "mask.skeleton_length_mm",
    ]  # fmt: skip


def test_regions_of_a_map_have_the_names_of_its_table(tmp_path):
    for number in range(4):
        write(tmp_path, number, LARGE[number], OTHER[number])
    table = measured(tmp_path, lut=lut(tmp_path), columns=["*.voxel_volume_mm3"])
    assert list(table.values.columns) == ["adrenal_left.voxel_volume_mm3", "adrenal_right.voxel_volume_mm3"]
    assert table.notes["adrenal_right.voxel_volume_mm3"].label == 2
    bare = measured(tmp_path, columns=["*.voxel_volume_mm3"])
    assert list(bare.values.columns) == ["label_1.voxel_volume_mm3", "label_2.voxel_volume_mm3"]
    assert bare.hash != table.hash


def test_who_lacks_a_region_or_has_a_few_voxels_of_it_is_left_out_by_name(tmp_path):
    write(tmp_path, 0, LARGE[0], OTHER[0])
    write(tmp_path, 1, LARGE[1], OTHER[1])
    write(tmp_path, 2, LARGE[2])
    write(tmp_path, 3, LARGE[3], box((8, 9), (1, 3), (2, 3)))
    table = measured(tmp_path, lut=lut(tmp_path))
    assert list(table.values.index) == ["p0", "p1"]
    assert {name.partition(".")[0] for name in table.values.columns} == {"adrenal_left", "adrenal_right"}
    absent, tiny = table.failures["p2"], table.failures["p3"]
    assert (absent.code, tiny.code) == ("FEA-204", "FEA-310")
    assert "adrenal_right is absent" in str(absent)
    assert "adrenal_right: 2 voxels in one plane" in str(tiny)
    left = measured(tmp_path, lut=lut(tmp_path), columns=["adrenal_left.*"])
    assert not left.failures


def test_a_lesion_may_be_absent(tmp_path):
    for number in range(4):
        lesion = (None, box((8, 9), (8, 9), (8, 9)), box((8, 11), (8, 11), (8, 11)), None)[number]
        write(tmp_path, number, LARGE[number], OTHER[number], lesion)
    with pytest.warns(NormwiseWarning, match="lack the region") as caught:
        table = measured(tmp_path, lut=lut(tmp_path))
    assert caught[0].message.code == "FEA-904"
    assert not table.failures
    assert table.values["lesion.voxel_volume_mm3"].tolist() == [0.0, 2.0, 54.0, 0.0]
    assert [name for name in table.values.columns if name.startswith("lesion")] == [
        "lesion.volume_mm3", "lesion.voxel_volume_mm3", "lesion.area_mm2",
    ]  # fmt: skip


def test_one_voxel_and_an_empty_mask_cost_these_people_alone(tmp_path):
    write(tmp_path, 0, LARGE[0])
    write(tmp_path, 1, LARGE[1])
    write(tmp_path, 2, box((5, 6), (5, 6), (5, 6)))
    write(tmp_path, 3)
    table = measured(tmp_path)
    assert list(table.values.index) == ["p0", "p1"]
    assert {name: error.code for name, error in table.failures.items()} == {"p2": "FEA-310", "p3": "IMG-505"}
    assert "1 voxel in one plane" in table.failures["p2"].seen
    assert table.values.equals(measured(tmp_path, keep=["p0", "p1"]).values)


def test_a_model_of_masks_refuses_a_map_of_several_labels(tmp_path):
    write(tmp_path, 0, LARGE[0])
    write(tmp_path, 1, LARGE[1], OTHER[1])
    write(tmp_path, 2, LARGE[2], values=(4,))
    write(tmp_path, 3, LARGE[3], OTHER[3], values=(4, 5))
    table = measured(tmp_path, wanted=["mask.area_mm2", "mask.flatness"])
    assert list(table.values.index) == ["p0", "p2"]
    assert {error.code for error in table.failures.values()} == {"FEA-311"}
    assert "labels 4, 5" in table.failures["p3"].seen
    table = measured(tmp_path, wanted=["label_1.flatness"])
    assert list(table.values.index) == ["p0", "p1"]
    assert table.failures["p2"].code == "FEA-204"


def test_columns_and_table_are_checked_before_anybody_is_measured(tmp_path):
    for columns, table in ((["mask.roundness"], None), (["adrenal_middle.*"], lut(tmp_path))):
        cohort, study = cohort_of(
            tmp_path, PEOPLE, {"extractor": "shapes", "columns": columns, "lut": table}, images="{ID}.nii.gz"
        )
        with pytest.raises(FeatureError) as caught:
            check_extractor(study, cohort)
        assert caught.value.code == "FEA-201"
    cohort, study = cohort_of(
        tmp_path, PEOPLE, {"extractor": "shapes", "columns": ["label_12.*_mm", "label_1.euler*"]}
    )
    check_extractor(study)
    with pytest.raises(FeatureError) as caught:
        extract_features(cohort, study)
    assert caught.value.code == "FEA-107"


def test_a_table_of_other_labels_is_named(tmp_path):
    for number in range(4):
        write(tmp_path, number, LARGE[number], values=(9,))
    with pytest.raises(FeatureError) as caught:
        measured(tmp_path, lut=lut(tmp_path))
    assert caught.value.code == "FEA-103"
    assert "labels [9]" in caught.value.seen
