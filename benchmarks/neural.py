"""Small networks against scikit-learn's MLPClassifier: equal shape, epochs, batches and step rule, one run.

The peer's penalty is as strong as ours, and it stops for nothing here. Both are single-threaded and in double
precision. Areas under the curve of held-out people are printed too: speed must not be bought with accuracy.
"""

from __future__ import annotations

import warnings

import numpy as np

HIDDEN, RATE, MEMBERS = 32, 0.01, 3


def cohort(people: int, features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Simulate W-scores and a disease that two regions tell together, and a third by itself."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(people, features))
    return X, (X[:, 0] * X[:, 1] + X[:, 2] + 0.5 * rng.normal(size=people) > 0).astype(int)


def peers(X: np.ndarray, y: np.ndarray, epochs: int, batch: int, decay: float = 0.03) -> list:
    """Fit as many of the peer's networks as an ensemble of ours has members."""
    from sklearn.neural_network import MLPClassifier

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it stops where it is told to
        return [
            MLPClassifier(
                HIDDEN, activation="tanh", alpha=decay * batch, batch_size=batch, learning_rate_init=RATE,
                max_iter=epochs, tol=0.0, n_iter_no_change=epochs + 1, random_state=member,
            ).fit(X, y)
            for member in range(MEMBERS)
        ]  # fmt: skip


def main() -> None:
    import torch
    from sklearn.metrics import roc_auc_score
    from threadpoolctl import threadpool_limits

    from benchmarks.timing import compare
    from normwise.classify import CLASSIFIERS, NeuralClassifier, classifier_grid
    from normwise.schema import ClassifierSection

    print(f"torch {torch.__version__}, one thread")
    with threadpool_limits(1):
        grid = classifier_grid(ClassifierSection(name="neural"))
        assert set(grid[0]) == set(CLASSIFIERS["neural"].grid)
        X, y = cohort(139, 100)
        compare(
            f"139 people, 100 features: the grid of {len(grid)} settings, {MEMBERS} networks each",
            {
                "normwise, side by side": lambda: NeuralClassifier().fit_grid(X, y, grid),
                "normwise, one by one": lambda: [NeuralClassifier(**setting).fit(X, y) for setting in grid],
                "scikit-learn, one by one": lambda: [peers(X, y, setting["epochs"], 139) for setting in grid],
            },
            repeats=5,
        )
        compare(
            f"139 people, 100 features: one setting, {MEMBERS} networks, 100 epochs",
            {"normwise": lambda: NeuralClassifier().fit(X, y), "scikit-learn": lambda: peers(X, y, 100, 139)},
            repeats=5,
        )
        wide, classes = cohort(5000, 100)
        settings = {"epochs": 20, "batch_size": 200, "weight_decay": 0.03}
        compare(
            f"5000 people, 100 features: {MEMBERS} networks, 20 epochs in batches of 200",
            {
                "normwise": lambda: NeuralClassifier(**settings).fit(wide, classes),
                "scikit-learn": lambda: peers(wide, classes, 20, 200),
            },
            repeats=3,
        )
        new, truth = cohort(4000, 100, seed=1)
        print("\nArea under the curve of 4000 people never seen")
        for title, rows, labels, epochs, batch in (("139", X, y, 100, 139), ("5000", wide, classes, 20, 200)):
            ours = NeuralClassifier(epochs=epochs, batch_size=batch).fit(rows, labels).predict_proba(new)
            theirs = np.mean([one.predict_proba(new) for one in peers(rows, labels, epochs, batch)], axis=0)
            scores = [roc_auc_score(truth, found[:, 1]) for found in (ours, theirs)]
            print(f"  trained on {title}: normwise {scores[0]:.3f}, scikit-learn {scores[1]:.3f}")


if __name__ == "__main__":
    main()
