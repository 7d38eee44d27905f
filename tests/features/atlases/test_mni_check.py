from __future__ import annotations

import warnings

import numpy as np
import pytest

from normwise.errors import FeatureError, NormwiseWarning
from normwise.features.atlases.mni_check import (
    check_mni_space,
    mni_correlation,
    mni_landmarks,
    mni_template,
    voxels_around,
)
from normwise.images import Volume
from phantoms import brain


@pytest.fixture(scope="module")
def landmarks():
    return mni_landmarks()


def on(image, landmarks):
    return image, voxels_around(image, landmarks[0]), landmarks[1]


def moved(voxels):
    return Volume(np.ascontiguousarray(voxels), brain().affine)


def test_a_brain_in_its_place_is_alike_whatever_its_unit(landmarks):
    image = brain()
    assert mni_correlation(*on(image, landmarks)) > 0.95
    assert mni_correlation(*on(moved(image.voxels * 3 + 10), landmarks)) == pytest.approx(
        mni_correlation(*on(image, landmarks)), abs=1e-4
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_mni_space(*on(image, landmarks), refuse=True)


WRONG = {
    "upside down": lambda voxels: voxels[:, :, ::-1],
    "24 mm off": lambda voxels: np.roll(voxels, 6, axis=1),
    "axes swapped": lambda voxels: np.swapaxes(voxels[:47, :47, :47], 1, 2),
    "constant": np.ones_like,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_brain_elsewhere_is_refused_or_flagged(landmarks, wrong):
    image = moved(wrong(brain().voxels))
    with pytest.raises(FeatureError) as caught:
        check_mni_space(*on(image, landmarks), refuse=True)
    assert caught.value.code == "FEA-302"
    with pytest.warns(NormwiseWarning, match="FEA-902"):
        check_mni_space(*on(image, landmarks), refuse=False)


def test_the_template_lies_in_mni_space(landmarks):
    template = mni_template()
    inside = template.world(np.argwhere(template.voxels > 100))
    assert abs(inside[:, 0].mean()) < 1.0, "it is symmetric"
    assert template.spacing == (2.0, 2.0, 2.0)
    points, brightness = landmarks
    assert len(points) == len(brightness) > 5000
    assert (np.abs(points) < 110).all()


@pytest.mark.realdata
def test_two_scans_of_oasis_that_lie_wrong_are_told_from_an_old_brain(real_data, landmarks):
    from normwise.images import read_volume

    def of(name):
        image = read_volume(real_data / "oasis1" / "volumes" / f"OAS1_{name}_MR1.nii.gz")
        return mni_correlation(*on(image, landmarks))

    assert of("0198") < 0.25
    assert of("0129") < 0.35
    assert of("0065") > 0.35, "ninety years old, and where it should be"


def image_of_correlation(wanted):
    """Return an image, its voxels at 2000 places, and values there that correlate with it as wanted."""
    rng = np.random.default_rng(0)
    brightness, other = rng.uniform(0, 1, (2, 2000))
    brightness -= brightness.mean()
    other -= other.mean()
    other -= brightness * (other @ brightness) / (brightness @ brightness)
    scale = np.linalg.norm(brightness) / np.linalg.norm(other)
    values = wanted * brightness + np.sqrt(1 - wanted**2) * scale * other
    # A hundredth of the places has the same, largest value, so that no value is clipped.
    image = Volume(values.astype(np.float32).reshape(20, 10, 10, order="F"), np.eye(4))
    return image, np.arange(2000)[:, None].repeat(27, axis=1), brightness.astype(np.float32)


@pytest.mark.parametrize(
    ("correlation", "refuse", "outcome"),
    [
        (0.37, True, "passes"),
        (0.335, True, "warns"),
        (0.265, True, "warns"),
        (0.235, True, "refuses"),
        (0.235, False, "warns"),
    ],
)
def test_the_correlation_has_two_limits(correlation, refuse, outcome):
    image, around, brightness = image_of_correlation(correlation)
    if outcome == "refuses":
        with pytest.raises(FeatureError) as caught:
            check_mni_space(image, around, brightness, refuse=refuse)
        assert caught.value.code == "FEA-302"
    elif outcome == "warns":
        with pytest.warns(NormwiseWarning, match="FEA-902") as warned:
            check_mni_space(image, around, brightness, refuse=refuse)
        assert warned[0].message.value == pytest.approx(correlation, abs=0.01)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_mni_space(image, around, brightness, refuse=refuse)
