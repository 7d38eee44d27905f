"""What every extractor of the package's dict keeps to; a new line in the dict is tested at once."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import normwise
from cohorts import cohort_of
from normwise.features import (
    EXTRACTORS,
    ExtractionContext,
    extract_features,
    extract_part,
    learnt_extractor,
    read_features,
    write_features,
)
from normwise.features.atlases import load_atlas
from normwise.learnt import TRUSTED_TYPES
from normwise.schema import EXTRACTOR_SECTIONS, Study
from phantoms import brain, labels_on, save
from simulated_tiles import draw_tile

SOURCE = Path(normwise.__file__).parent
FILES = sorted(path.relative_to(SOURCE) for path in SOURCE.rglob("*.py"))
PEOPLE = "ID,Age,Sex,dx,a,b\n007,70,F,normal,1.5,2\n01,71,M,AD,2.5,1\n5,72,M,AD,3.5,4\nlost,73,F,AD,x,4\n"
SCANS = ("007", "01", "5")
ASEG = "# ColHeaders Index SegId NVoxels Volume_mm3 StructName\n1 17 40 {volume} Left-Hippocampus\n"

# The least that each needs; an extractor without a line here fails the first test.
SETTINGS = {
    "brain": {"labels": "{ID}_labels.nii.gz"},
    "regions": {"atlas": "aal", "columns": ["hippocampus_*", "thalamus_*"]},
    "shapes": {"columns": ["*.volume_mm3", "*.sphericity", "*.thickness_*"]},
    "table": {"columns": ["a", "b"]},
    "freesurfer": {"subjects_dir": "freesurfer"},
    "voxels": {"voxel_size_mm": 20.0, "components": 2},
    "images": {"voxel_size_mm": 20.0},
    "trunk": {"voxel_size_mm": 20.0},
    "autoencoder": {"voxel_size_mm": 20.0},
    "slides": {"mpp": 0.5, "tile_um": 64.0},
    "attention": {"mpp": 0.5, "tile_um": 64.0, "bag_tiles": 6},
}
IMAGES = {"shapes": "{ID}_mask.nii.gz", "slides": "{ID}.png", "attention": "{ID}.png"}
every_extractor = pytest.mark.parametrize("name", EXTRACTORS)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Three people with images, tables and FreeSurfer folders, and one without anything."""
    folder = tmp_path_factory.mktemp("dataset")
    rng = np.random.default_rng(0)
    image = brain()
    labels = labels_on(image, load_atlas("desikan_killiany").labels)
    for number, scan in enumerate(SCANS):
        noisy = (image.voxels + rng.normal(0, 2, image.shape)).astype(np.float32)
        save(noisy, image.affine, folder / f"{scan}.nii.gz")
        shifted = np.roll(labels, number - 1, axis=0)  # a map lies on its head, give or take a voxel
        save(shifted, image.affine, folder / f"{scan}_labels.nii.gz")
        mask = np.zeros((12, 12, 12), np.uint8)
        mask[2:9, 3 : 7 + number, 1:6] = 1
        save(mask, np.diag([2.0, 2.0, 2.0, 1.0]), folder / f"{scan}_mask.nii.gz")
        stats = folder / "freesurfer" / scan / "stats"
        stats.mkdir(parents=True)
        (stats / "aseg.stats").write_text(ASEG.format(volume=4000 + number))
        Image.fromarray(draw_tile(rng, 768, 0.5)[0]).save(folder / f"{scan}.png")
    for ending in (".nii.gz", "_labels.nii.gz", "_mask.nii.gz", ".png"):
        (folder / f"lost{ending}").write_bytes(b"nothing of the kind")
    return folder


def measured(name, dataset, **cohort):
    people, study = cohort_of(
        dataset,
        PEOPLE,
        {"extractor": name, **SETTINGS[name]},
        images=IMAGES.get(name, "{ID}.nii.gz"),
        **cohort,
    )
    return people, study, extract_features(people, study, cache_dir=dataset / "cache")


def test_every_extractor_is_tested():
    assert set(SETTINGS) == set(EXTRACTORS)


@every_extractor
def test_it_says_what_it_is(name):
    extractor = EXTRACTORS[name]
    assert extractor.title
    module = import_module(extractor.module)
    assert list(inspect.signature(module.extract).parameters) == ["cohort", "study", "context"]
    if hasattr(module, "check"):
        assert list(inspect.signature(module.check).parameters) == ["study"]


@every_extractor
def test_every_scan_has_finite_features_or_a_reason(name, dataset):
    people, _, table = measured(name, dataset)
    assert list(table.values.index) == list(SCANS)
    assert list(table.failures) == ["lost"]
    error = table.failures["lost"]
    assert error.code
    assert error.advice
    assert table.values.shape[1] > 0
    assert all(dtype.kind == "f" for dtype in table.values.dtypes)
    assert np.isfinite(table.values.to_numpy()).all()
    assert table.values.columns.is_unique
    assert not set(table.values.columns) & set(people.frame.columns)
    assert people.leave_out(table.failures).frame.index.equals(table.values.index.rename("id"))


@every_extractor
def test_every_column_has_a_unit_and_a_description(name, dataset):
    _, _, table = measured(name, dataset)
    patterns = [name for name in table.notes if name.endswith("*")]
    if patterns:  # what is learnt later may have notes of its own
        [pattern] = patterns
        assert all(column.startswith(pattern[:-1]) for column in table.values.columns)
    else:
        assert set(table.notes) == set(table.values.columns)
    assert all(note.description for note in table.notes.values())


@every_extractor
def test_the_same_input_gives_the_same_features(name, dataset):
    _, study, first = measured(name, dataset)
    people, _ = cohort_of(
        dataset, PEOPLE, {"extractor": name, **SETTINGS[name]}, images=IMAGES.get(name, "{ID}.nii.gz")
    )
    second = extract_features(people, study, jobs=2)
    pd.testing.assert_frame_equal(first.values, second.values, check_exact=True)
    assert first.hash == second.hash


@every_extractor
def test_a_person_is_measured_alone_as_in_company(name, dataset):
    people, study, table = measured(name, dataset)
    alone = extract_features(people.keep(["01"]), study)
    pd.testing.assert_frame_equal(alone.values, table.values.loc[["01"]], check_exact=True)
    assert alone.hash == table.hash, "the hash says how, not whom"


@every_extractor
def test_parts_on_several_machines_gather_to_the_same_features(name, dataset, tmp_path):
    people, study, whole = measured(name, dataset)
    run, own = tmp_path / "run", tmp_path / "run" / ".cache"
    ended = {}
    for number, part in enumerate((["5"], ["lost", "007"], ["01"])):
        context = ExtractionContext(tmp_path / f"machine{number}", run=run, also=own)
        ended |= extract_part(people, study, part, context)
    assert {scan for scan, error in ended.items() if error is None} == set(SCANS)
    assert ended["lost"].code == whole.failures["lost"].code
    kept = sorted(own.rglob("*.result"))
    gathered = extract_features(people, study, cache_dir=tmp_path / "last", run=run, also=own)
    pd.testing.assert_frame_equal(gathered.values, whole.values, check_exact=True)
    assert (gathered.hash, gathered.kept) == (whole.hash, whole.kept)
    assert [path.stem for path in kept] == sorted(whole.kept, key=lambda key: (key[:2], key))
    assert not list((tmp_path / "last").rglob("*.result"))


@every_extractor
def test_the_hash_follows_the_settings(name, dataset):
    _, _, table = measured(name, dataset)
    other = {"regions": {"statistics": ["mean"]}, "voxels": {"smoothing_mm": 30.0}}.get(name)
    if name in ("images", "trunk", "autoencoder"):
        other = {"voxel_size_mm": 30.0}
    if other is None:
        other = {"columns": ["a"]} if name == "table" else {"columns": ["*"]}
    people, study = cohort_of(
        dataset,
        PEOPLE,
        {"extractor": name, **SETTINGS[name], **other},
        images=IMAGES.get(name, "{ID}.nii.gz"),
    )
    assert extract_features(people.keep(["01"]), study).hash != table.hash


@every_extractor
def test_it_survives_the_disk(name, dataset, tmp_path):
    _, _, table = measured(name, dataset)
    write_features(table, tmp_path)
    back = read_features(tmp_path)
    pd.testing.assert_frame_equal(back.values, table.values, check_exact=True)
    assert back.notes == table.notes
    assert list(back.failures) == list(table.failures)


@every_extractor
def test_what_is_learnt_passes_the_demographics_through(name, dataset):
    people, study, table = measured(name, dataset)
    step = learnt_extractor(study, seed=0)
    if step is None:
        return
    frame = pd.concat([table.values, people.frame.loc[table.values.index]], axis=1)
    labels = people.labels.loc[frame.index].to_numpy(dtype=object)
    out = step.set_params(demographics=("Age", "Sex")).fit(frame, labels).transform(frame)
    pd.testing.assert_frame_equal(out[["Age", "Sex"]], frame[["Age", "Sex"]])
    assert not set(out.columns) & set(table.values.columns)
    kind = type(step)
    assert f"{kind.__module__}.{kind.__qualname__}" in TRUSTED_TYPES


def test_the_default_study_names_an_extractor_that_is_there():
    assert Study().features.extractor in EXTRACTORS
    assert list(EXTRACTORS) == list(EXTRACTOR_SECTIONS)


def test_nothing_outside_features_knows_an_extractor_by_its_name():
    """Neither is the study's extractor compared with a name, nor is there a list of names."""
    for path in FILES:
        # A section of the study carries the name of its extractor.
        if path.parts[0] in ("features", "schema"):
            continue
        for node in ast.walk(ast.parse((SOURCE / path).read_text(encoding="utf-8"))):
            texts = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
            compared = isinstance(node, ast.Compare) and "extractor" in ast.unparse(node)
            listed = isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) > 1
            assert not (compared and texts & set(EXTRACTORS)), f"{path}: {ast.unparse(node)}"
            assert not (listed and texts and texts <= set(EXTRACTORS)), f"{path}: {ast.unparse(node)}"


def test_extractors_are_loaded_when_they_are_chosen():
    code = (
        "import sys, normwise.features; print([name for name in sys.modules if name.startswith(("
        "'normwise.features.', 'normwise.learnt', 'normwise.networks')) and name.count('.') > 2 or "
        "name in ('normwise.learnt', 'normwise.networks', 'torch', 'cv2')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=1000, check=True
    )
    assert done.stdout.strip() == "[]"
