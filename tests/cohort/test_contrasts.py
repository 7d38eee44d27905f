"""Images of other contrasts than T1 by the layout of a dataset: T2w, FLAIR, PET, also as pairs."""

from __future__ import annotations

import pytest

from normwise.cohort import read_cohort, read_study
from normwise.errors import CohortError, FeatureError, StudyError
from normwise.features import check_extractor

pytestmark = pytest.mark.filterwarnings("ignore::normwise.errors.NormwiseWarning")


def dataset(root, *files):
    rows = [f"sub-{row:02d}\t{60 + row}\t{('HC', 'AD')[row % 2]}\n" for row in range(1, 5)]
    (root / "participants.tsv").write_text("participant_id\tage\tdx\n" + "".join(rows))
    for row in range(1, 5):
        for file in files:
            place = root / f"sub-{row:02d}" / file.replace("SUB", f"sub-{row:02d}")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    return root


@pytest.mark.parametrize(
    ("file", "images"),
    [
        ("anat/SUB_T2w.nii.gz", "bids:T2w"),
        ("anat/SUB_FLAIR.nii", "bids:FLAIR"),
        ("pet/SUB_trc-fdg_pet.hdr", "bids:pet"),
        ("ses-1/pet/SUB_ses-1_pet.nii.gz", "bids:pet"),
    ],
)
def test_the_only_contrast_is_taken(tmp_path, file, images):
    pairs = [file.replace(".hdr", ".img")] if file.endswith(".hdr") else []
    root = dataset(tmp_path, file, *pairs)
    with pytest.warns(match=f"COH-309.*{images[5:]} was chosen"):
        study = read_study(root)
    assert study.cohort.images == images
    found = [path.rpartition("/")[2] for path in read_cohort(study).images]
    assert found == [file.replace("SUB", f"sub-{row:02d}").rpartition("/")[2] for row in range(1, 5)]


def test_t1_comes_first_and_another_is_asked_for(tmp_path):
    root = dataset(
        tmp_path, "anat/SUB_T1w.nii.gz", "anat/SUB_acq-a_FLAIR.nii.gz", "anat/SUB_acq-b_FLAIR.nii.gz"
    )
    assert read_study(root).cohort.images == "bids"
    assert all(path.endswith("T1w.nii.gz") for path in read_cohort(read_study(root)).images)
    named = read_cohort(read_study(root, {"cohort.images": "bids:acq-b_FLAIR"}))
    assert all(path.endswith("acq-b_FLAIR.nii.gz") for path in named.images)
    either = read_cohort(read_study(root, {"cohort.images": "bids:FLAIR"})).ledger
    assert set(either["code"]) == {"COH-216"}
    assert "bids:acq-a_FLAIR" in either["reason"][0]
    with pytest.raises(CohortError) as caught:
        read_cohort(read_study(root, {"cohort.images": "bids:pet"}))
    assert (caught.value.code, caught.value.seen) == ("COH-113", "T1w images, FLAIR images")


def test_two_other_contrasts_are_a_question(tmp_path):
    root = dataset(tmp_path, "anat/SUB_T2w.nii.gz", "anat/SUB_FLAIR.nii.gz")
    with pytest.raises(StudyError) as caught:
        read_study(root)
    assert (caught.value.code, caught.value.seen) == ("STU-117", "T2w, FLAIR")
    assert "--images bids:T2w" in caught.value.advice


@pytest.mark.parametrize(
    ("features", "refused"),
    [
        ({"features.extractor": "brain"}, True),
        ({"features.extractor": "regions"}, True),
        ({"features.extractor": "regions", "features.statistics": ["mean", "sd"]}, False),
        ({"features.extractor": "voxels"}, False),
    ],
)
def test_what_needs_t1_weighted_images_says_so_before_anybody_is_measured(tmp_path, features, refused):
    study = read_study(dataset(tmp_path, "anat/SUB_FLAIR.nii.gz"), features)
    if refused:
        with pytest.raises(FeatureError) as caught:
            check_extractor(study)
        assert caught.value.code == "FEA-111"
    else:
        check_extractor(study)
