"""A path over C against scikit-learn's LogisticRegression on the same grid, in one run.

The peer fits one model after the other with its default solver and tolerance. Both are compared with the
optimum itself (scikit-learn's Newton solver at a tolerance of 1e-12): speed must not be bought with accuracy.
"""

from __future__ import annotations

import warnings

import numpy as np


def cohort(people: int, features: int, classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Simulate W-scores that share eight directions, as brain regions do, and classes behind them."""
    rng = np.random.default_rng(seed)
    X = 0.5 * rng.normal(size=(people, features))
    X += rng.normal(size=(people, 8)) @ rng.normal(size=(8, features))
    X /= X.std(axis=0)
    cuts = [0.0] if classes == 2 else [-0.7, 0.7]
    place = np.digitize(X[:, :5].sum(axis=1) / 3 + rng.normal(size=people), cuts)
    return X, np.array(["AD", "MCI", "normal"], dtype=object)[place]


def main() -> None:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    from benchmarks.timing import compare
    from normwise.classify import CLASSIFIERS, LogisticClassifier

    grid = CLASSIFIERS["logistic"].grid["C"]
    for people, features, classes in ((115, 600, 2), (115, 600, 3), (400, 100, 2), (400, 1000, 2)):
        X, y = cohort(people, features, classes)

        def ours(X: np.ndarray = X, y: np.ndarray = y) -> list[np.ndarray]:
            models = LogisticClassifier().fit_grid(X, y, [{"C": C} for C in grid])
            return [model.predict_proba(X) for model in models]

        def peer(X: np.ndarray = X, y: np.ndarray = y, **settings: object) -> list[np.ndarray]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                models = [LogisticRegression(C=C, **{"max_iter": 1000, **settings}).fit(X, y) for C in grid]
            return [model.predict_proba(X) for model in models]

        optimum = peer(solver="newton-cholesky", tol=1e-12)
        for name, tables in (("normwise", ours()), ("scikit-learn", peer())):
            gap = max(float(np.abs(a - b).max()) for a, b in zip(tables, optimum, strict=True))
            print(f"{name}: probabilities within {gap:.0e} of the optimum's")
        compare(
            f"{people} people, {features} features, {classes} classes, {len(grid)} values of C",
            {"normwise, one path": ours, "scikit-learn, one by one": peer},
            repeats=7,
        )


if __name__ == "__main__":
    main()
