"""Are W-scores of healthy people normal? Regional volumes out of fold, and simulated normal features.

    python -m benchmarks tails VOLUMES.csv DEMOGRAPHICS.csv

Both tables have a column ``ID``; the second has ``Age`` and ``Sex``. Everybody is healthy. Declared: five
folds, twice (seeds 0 and 1), a spline of age and sex, each form of tails. Simulated: 291 people, 260 normal
features, tested on 4,000 others, three times. Counted: by a reference's counts of W.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import pandas as pd

CENTILES = (0.01, 0.05, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99)
FORMS = ("gaussian", "sinh_arcsinh", "auto", "auto counted")


def main() -> None:
    words = sys.argv[2:]
    if words:
        real(*words)
    simulated()


def real(volumes: str, demographics: str) -> None:
    from scipy.stats import skew
    from sklearn.model_selection import KFold

    table = pd.read_csv(volumes)
    names = [name for name in table.columns if name != "ID"]
    people = table.merge(pd.read_csv(demographics), on="ID")[[*names, "Age", "Sex"]]
    people["Sex"] = people["Sex"].astype(str)
    for form in FORMS:
        parts, seconds = [], 0.0
        for seed in range(2):
            for train, test in KFold(5, shuffle=True, random_state=seed).split(people):
                begun = time.process_time()
                normalizer = fit(people.iloc[train], ["Age", "Sex"], form)
                seconds += time.process_time() - begun
                parts.append(normalizer.transform(people.iloc[test][[*normalizer.feature_names_in_]]))
        w = np.vstack(parts)
        low, high = (w < quantile(0.05)).mean(), (w > quantile(0.95)).mean()
        print(
            f"{form:13} {len(people)} people, {len(names)} features: centile error {error(w):.4f}, "
            f"below 5 % {low:.2%}, above 95 % {high:.2%}, |skew| > .5 in {(abs(skew(w)) > 0.5).mean():.1%}, "
            f"{1e3 * seconds / 10 / len(names):.2f} ms a feature"
        )


def simulated() -> None:
    for form in FORMS:
        errors = []
        for seed in range(3):
            rng = np.random.default_rng(seed)
            train, test = (pd.DataFrame(rng.normal(size=(n, 260))).add_prefix("f") for n in (291, 4000))
            train["age"], test["age"] = (rng.uniform(20, 80, len(each)) for each in (train, test))
            normalizer = fit(train, ["age"], form)
            errors.append(error(normalizer.transform(test)))
        print(f"{form:13} normal features: centile error {np.mean(errors):.5f}")


def fit(people: pd.DataFrame, demographics: list[str], form: str):  # noqa: ANN201 - imported where it is timed
    """Fit one form of tails to people, or to how many of them have each W."""
    from normwise.normalize import FeatureNormalizer, Reference, count_normals, with_counts

    if form == "auto counted":
        norm = Reference.of_frame(people, demographics, design="spline")
        return with_counts(norm, count_normals(norm, people, "auto")).normalizer()
    return FeatureNormalizer(demographics, design="spline", tails=form).fit(people)


def quantile(share: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(share))


def error(w: np.ndarray) -> float:
    """Mean absolute difference between a centile and the share of people below it, over features."""
    shares = np.stack([(w < quantile(centile)).mean(axis=0) - centile for centile in CENTILES])
    return float(np.abs(shares).mean())


if __name__ == "__main__":
    main()
