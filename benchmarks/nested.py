"""Nested cross-validation of every arm against as many plain scikit-learn pipelines, in one run.

The peer is what a careful user would write: StandardScaler and LogisticRegression in a Pipeline, GridSearchCV
inside, cross_val_predict outside, on the same folds and the same grid; once for each arm, without any
normalizer, so that the peer does strictly less work.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def cohort(people: int, features: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Simulate features that shrink with age and, for a few, with disease."""
    rng = np.random.default_rng(seed)
    patient = np.arange(people) % 2 == 1
    age = rng.uniform(60, 90, people)
    table = rng.normal(size=(people, features)) - 0.03 * age[:, None]
    table[:, :10] -= 0.5 * patient[:, None]
    X = pd.DataFrame(table, columns=[f"region_{number}.mean" for number in range(features)])
    X["age"], X["sex"] = age, rng.choice(["F", "M"], people)
    return X, np.where(patient, "patient", "normal").astype(object)


def main() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from benchmarks.timing import compare
    from normwise.classify import CLASSIFIERS
    from normwise.evaluate import cross_validate_arms
    from normwise.procedure import arms_of
    from normwise.schema import Roles, Study

    grid = CLASSIFIERS["logistic"].grid["C"]
    for people, features in ((140, 600), (400, 150)):
        X, y = cohort(people, features)
        roles = Roles("dx", ("normal", "patient"), "normal", ("normal", "patient"), ("age", "sex"), ("sex",))
        study = Study.model_validate({"features": {"extractor": "table"}, "evaluation": {"repeats": 1}})
        arms = arms_of(roles)
        groups = X.index.astype(str).to_numpy(dtype=object)
        numbers = X.drop(columns=["sex"]).to_numpy()

        def ours() -> None:
            cross_validate_arms(study, roles, X, y, groups, arms=arms)  # noqa: B023 - called at once

        def plain() -> None:
            pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
            for seed in range(len(arms)):  # noqa: B023 - called at once
                search = GridSearchCV(
                    pipeline, {"logisticregression__C": grid}, scoring="neg_log_loss",
                    cv=StratifiedKFold(5, shuffle=True, random_state=seed),
                )  # fmt: skip
                outer = StratifiedKFold(5, shuffle=True, random_state=0)
                cross_val_predict(search, numbers, y, cv=outer, method="predict_proba")  # noqa: B023

        compare(
            f"{people} people, {features} features, {len(arms)} arms, 5 × 5 folds, {len(grid)} settings",
            {"normwise": ours, "scikit-learn, a plain pipeline an arm": plain},
            repeats=3,
        )


if __name__ == "__main__":
    main()
