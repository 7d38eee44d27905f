"""What a study's folders, files and spare columns say of people and machines is written nowhere."""

import io
import re
import zipfile

import nibabel
import numpy as np
import pytest

pytestmark = pytest.mark.slow

SECRETS = [f"Zq{number:02d}x" for number in range(44)]
HOME, USER, WARD, HEADER, FILES = SECRETS[0], SECRETS[1], SECRETS[2], SECRETS[3:6], SECRETS[6:8]
NAMES, REMARKS = SECRETS[8:26], SECRETS[26:44]
PEOPLE = 40  # fewer patients cannot promise the sensitivity


def write(path, values):
    image = nibabel.Nifti1Image(values, np.eye(4))
    image.header["descrip"], image.header["db_name"], image.header["aux_file"] = HEADER
    nibabel.save(image, path)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A cohort whose folders, headers, broken files and spare columns hold secrets, and where its runs go."""
    base = tmp_path_factory.mktemp("planted")
    study = base / HOME / USER / WARD
    (study / "scans").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = ["id\tage\tdx\tname\tremark"]
    for number in range(PEOPLE):
        ill = number % 2
        labels = np.zeros((10, 10, 10), np.int16)
        labels[1:5, 1:9, 1:9] = 1
        labels[5:9, 1:9, 1 : 8 - 2 * ill - int(rng.integers(2))] = 2
        write(study / "scans" / f"p{number:02d}.nii.gz", (labels + rng.normal(0, 0.1, labels.shape)))
        write(study / "scans" / f"p{number:02d}_dseg.nii.gz", labels)
        spare = f"{NAMES[number % 18]}\tseen by {REMARKS[number % 18]}"
        rows.append(f"p{number:02d}\t{rng.integers(55, 85)}\t{'AD' if ill else 'normal'}\t{spare}")
    cut, gone, text, link = (study / "scans" / f"p{number:02d}.nii.gz" for number in (3, 4, 5, 6))
    cut.write_bytes(cut.read_bytes()[:-60])
    gone.unlink()
    text.write_text(FILES[0] * 100)
    link.unlink()
    link.symlink_to(study / FILES[1])
    (study / "people.tsv").write_text("\n".join(rows) + "\n")
    (study / "regions.txt").write_text("1 Left-Hippocampus 0 0 0 0\n2 Right-Hippocampus 0 0 0 0\n")
    (study / "study.toml").write_text(
        '[cohort]\ntable = "people.tsv"\nid = "id"\nlabel = "dx"\ndemographics = ["age"]\n'
        f'images = "{study}/scans/{{id}}.nii.gz"\n[features]\nextractor = "regions"\n'
        f'atlas = "{study}/scans/{{id}}_dseg.nii.gz"\nlut = "{study}/regions.txt"\n'
        "[evaluation]\nfolds = 2\nrepeats = 1\ninner_folds = 2\nbootstrap = 100\n"
    )
    return study, base / "runs"


def contents(name, data):
    """Yield a file and what is packed in it."""
    yield name, data
    if data[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for member in packed.namelist():
                yield from contents(f"{name}!{member}", packed.read(member))


def found_in(folder):
    """Return the secrets by file."""
    written = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    assert written
    return {
        (name, secret)
        for path in written
        for name, data in contents(str(path.relative_to(folder)), path.read_bytes())
        for secret in re.findall(r"Zq\d\dx", name + data.decode("latin-1"))
    }


def test_no_planted_secret_is_written(normwise, planted):
    study, runs = planted
    toml = study / "study.toml"
    normwise("evaluate", toml, runs / "run", "--jobs", 2, code=1)
    normwise("train", toml, runs / "run", "--jobs", 2, code=1)
    normwise("test", runs / "run", toml, runs / "tested", "--jobs", 2, code=1)
    out = runs / "new" / "people.tsv"
    normwise("predict", runs / "run", "--table", study / "people.tsv", "--out", out, code=1)
    found = found_in(runs)
    # Where a run's files lie is known to the run alone, which needs it to go on.
    assert {(name, secret) for name, secret in found if not name.endswith("study.toml")} == set()
    assert {secret for _, secret in found} <= {HOME, USER, WARD}
    model = runs / "run" / "model"
    assert found_in(model) == set()
    assert str(runs.parent).encode() not in b"".join(path.read_bytes() for path in model.iterdir())
