"""Five demographics regressed out of float32 features: normwise and its peers, ratios to a copy in memory.

Everybody is normal here, so that all do the same regression. The peers give residuals; normwise gives
W-scores, which is more, and residuals beside them. ``FeatureNormalizer`` is fit and transform of a
frame, names and checks included; "arrays" are the functions underneath, on features stored one feature after
the other, as a frame keeps them, or one person after the other, as a memory map may. All write to fresh
memory, whose first touch is most of the copy's time, but one line that writes to memory used before. "two
products" is the least that residuals can be without blocks: ``X - Q @ (Q.T @ X)``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
import pandas as pd

DEMOGRAPHICS = [f"demographic_{number}" for number in range(5)]
FEW = 100_000_000  # values beyond which a slow peer is timed in fewer rounds


def main() -> None:
    from benchmarks.timing import compare

    for people, features in ((1000, 100), (1000, 10_000), (500, 300_000)):
        work = candidates(people, features)
        many = people * features > FEW
        compare(f"{people} people × {features:,} features, float32", work, repeats=3 if many else 9)


def candidates(people: int, features: int) -> dict[str, Callable[[], object]]:
    from nilearn.signal import clean
    from sklearn.linear_model import LinearRegression

    from normwise.normalize import FeatureNormalizer
    from normwise.normalize.blocked.fit import fit_standardize
    from normwise.normalize.blocked.regression import People, inverse_triangle

    rng = np.random.default_rng(0)
    by_person = rng.standard_normal((people, features), dtype=np.float32) + np.float32(10)
    by_feature = np.asfortranarray(by_person)
    at_hand = by_feature.copy(order="F")
    demographics = rng.standard_normal((people, 5))
    design = np.column_stack([np.ones(people), demographics - demographics.mean(axis=0)])
    basis = design @ inverse_triangle(design)
    single = basis.astype(np.float32)
    everybody, rows = People(basis), np.arange(people)
    names = [f"feature_{number}" for number in range(features)]
    frame = pd.concat(
        [
            pd.DataFrame(by_feature, columns=names, copy=False),
            pd.DataFrame(demographics, columns=DEMOGRAPHICS),
        ],
        axis=1,
    )

    def normalize(scale: str, shrinkage: str = "none") -> np.ndarray:
        normalizer = FeatureNormalizer(DEMOGRAPHICS, scale=scale, shrinkage=shrinkage)
        return normalizer.fit_transform(frame)

    def two_products() -> np.ndarray:
        return by_person - single @ (single.T @ by_person)

    def normal_equations() -> np.ndarray:
        wide = by_person.astype(np.float64)
        return wide - design @ np.linalg.solve(design.T @ design, design.T @ wide)

    def scikit_learn() -> np.ndarray:
        return by_person - LinearRegression().fit(demographics, by_person).predict(demographics)

    work: dict[str, Callable[[], object]] = {
        "copy in memory": by_person.copy,
        "FeatureNormalizer, W": lambda: normalize("w"),
        "FeatureNormalizer, residuals": lambda: normalize("residual"),
        "FeatureNormalizer, W, slopes shrunk": lambda: normalize("w", shrinkage="empirical_bayes"),
        "arrays by feature, W": lambda: fit_standardize(by_feature, everybody, rows),
        "arrays by feature, residuals": lambda: fit_standardize(
            by_feature, everybody, rows, scale="residual"
        ),
        "arrays by feature, W, to memory at hand": lambda: fit_standardize(
            by_feature, everybody, rows, out=at_hand
        ),
        "arrays by person, W": lambda: fit_standardize(by_person, everybody, rows),
        "two products, residuals": two_products,
        "normal equations, float64": normal_equations,
        "scikit-learn LinearRegression": scikit_learn,
        "nilearn signal.clean": lambda: clean(
            by_person, confounds=demographics, detrend=False, standardize=None, filter=False
        ),
    }
    confound_remover = find_julearn()
    if confound_remover is not None and features <= 10_000:
        work["julearn ConfoundRemover"] = lambda: confound_remover(frame)
    return work


def find_julearn() -> Callable[[pd.DataFrame], object] | None:
    """Return julearn's removal of the demographics from a frame, where julearn is installed and imports."""
    try:
        remover = import_module("julearn.transformers.confound_remover").ConfoundRemover
    except ImportError:
        return None

    def remove(frame: pd.DataFrame) -> object:
        kinds = {name: "confound" if name in DEMOGRAPHICS else "continuous" for name in frame.columns}
        typed = frame.rename(columns={name: f"{name}__:type:__{kind}" for name, kind in kinds.items()})
        return remover().fit_transform(typed)

    return remove


if __name__ == "__main__":
    main()
