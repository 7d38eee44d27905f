"""A small model on measurements in a table, for the tests that need one."""

import numpy as np
import pytest

from normwise.model.bundle import load_model
from normwise.model.train import train_study


@pytest.fixture(scope="session")
def table_run(tmp_path_factory):
    """A run with a trained model; 60 people, two measurements, age and sex."""
    folder = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    rows = ["id\tage\tsex\tdx\tvolume\tthickness"]
    for number in range(60):
        age, ill = int(rng.integers(55, 85)), number % 2
        volume = 4000 - 20 * age - 400 * ill + rng.normal(0, 150)
        sex = "FM"[int(rng.integers(2))]
        label = "AD" if ill else "normal"
        rows.append(f"p{number:02d}\t{age}\t{sex}\t{label}\t{volume:.1f}\t{rng.normal(2.5, 0.2):.3f}")
    (folder / "people.tsv").write_text("\n".join(rows) + "\n")
    (folder / "study.toml").write_text(
        '[cohort]\ntable = "people.tsv"\nid = "id"\nlabel = "dx"\ndemographics = ["age", "sex"]\n'
        'include = ["age >= 56"]\n[features]\nextractor = "table"\ncolumns = ["volume", "thickness"]\n'
        "[evaluation]\ninner_folds = 3\n"
    )
    train_study(folder / "study.toml", folder / "run")
    return folder / "run"


@pytest.fixture(scope="session")
def table_model(table_run):
    """The model of `table_run`."""
    return load_model(table_run)
