"""Derivatives: on the image's own grid, under BIDS names, whole or written again."""

from __future__ import annotations

import json

import numpy as np
import pytest

import fake_chain
from normwise.errors import FeatureError
from normwise.features.brain import worker as module
from normwise.features.brain.derivatives import derivative_labels, is_complete
from normwise.features.brain.label_schemes import label_scheme_of
from normwise.features.brain.settings import ChainSettings
from normwise.features.brain.worker import measure_head, settings_as_json, write_head
from normwise.images import read_labels, read_volume, write_volume
from normwise.results import Quality

STEM = "sub-01/sub-01"


@pytest.fixture
def head_file(tmp_path, monkeypatch):
    monkeypatch.setattr("normwise.features.brain.chain.STAGES", fake_chain.STAGES)
    monkeypatch.setattr(module, "load_scheme", lambda *_: label_scheme_of(fake_chain.NAMES))
    path = tmp_path / "head.nii.gz"
    write_volume(fake_chain.head(), path)
    settings = settings_as_json(ChainSettings())
    return path, (str(path), settings, {}, str(tmp_path / "stages"), None)


def test_they_lie_on_the_image_under_bids_names(tmp_path, head_file):
    path, arguments = head_file
    made = write_head(*arguments, str(tmp_path / "out"), "01")["made"]
    head = read_volume(path)
    for name in ("desc-brain_mask", "label-GM_probseg", "label-WM_probseg", "label-CSF_probseg", "dseg"):
        image = read_volume(tmp_path / "out" / f"{STEM}_{name}.nii.gz") if "CSF" not in name else None
        if image is not None:
            assert image.shape == head.shape
            np.testing.assert_array_equal(image.affine, head.affine)
    labels = read_labels(tmp_path / "out" / f"{STEM}_dseg.nii.gz")
    assert set(np.unique(labels.voxels)) == {0, 2, 17, 53}
    right = labels.world(np.argwhere(labels.voxels == 53))
    assert (right[:, 0] > 0).all()
    assert (tmp_path / "out" / f"{STEM}_dseg.tsv").read_text().splitlines()[:2] == [
        "index\tname",
        "2\tcerebral_white_matter_left",
    ]
    assert is_complete(tmp_path / "out", "01", made)
    assert not is_complete(tmp_path / "out", "01", "another chain")


def test_what_was_interrupted_is_not_complete(tmp_path, head_file, monkeypatch):
    _, arguments = head_file
    made = write_head(*arguments, str(tmp_path / "out"), "01")["made"]
    first = (tmp_path / "out" / f"{STEM}_dseg.nii.gz").read_bytes()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("normwise.features.brain.derivatives.write_volume", full_disk)
        with pytest.raises(OSError, match="No space"):
            write_head(*arguments, str(tmp_path / "out"), "01")
    assert not is_complete(tmp_path / "out", "01", made)
    write_head(*arguments, str(tmp_path / "out"), "01")
    assert is_complete(tmp_path / "out", "01", made)
    assert (tmp_path / "out" / f"{STEM}_dseg.nii.gz").read_bytes() == first


def test_a_flipped_bit_in_any_file_is_found(tmp_path, head_file):
    _, arguments = head_file
    made = write_head(*arguments, str(tmp_path / "out"), "01")["made"]
    paths = sorted((tmp_path / "out" / "sub-01").iterdir())
    assert len(paths) == 7
    for path in paths:
        whole = path.read_bytes()
        for place in (0, len(whole) // 3, len(whole) - 2):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 2]) + whole[place + 1 :])
            assert not is_complete(tmp_path / "out", "01", made), path.name
        path.write_bytes(whole)
    assert is_complete(tmp_path / "out", "01", made)


def test_the_same_head_gives_the_same_value(head_file):
    _, arguments = head_file
    one, other = measure_head(*arguments), measure_head(*arguments[:3], None, None)
    assert list(one) == list(other)
    assert json.dumps(one["quality"]) == json.dumps(other["quality"])
    for name in one:
        if isinstance(one[name], np.ndarray):
            assert one[name].tobytes() == other[name].tobytes()
    assert [Quality(*row) for row in one["quality"]]
    assert bytes(one["drawing_mask"][:8]) == b"\x89PNG\r\n\x1a\n"


def test_two_scans_never_share_a_folder():
    assert derivative_labels(["sub-01", "a_b"]) == {"sub-01": "01", "a_b": "ab"}
    with pytest.raises(FeatureError) as caught:
        derivative_labels(["a_b", "a-b"])
    assert caught.value.code == "FEA-524"
