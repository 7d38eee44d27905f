"""Does a demographic decide? Features of pure noise, patients who are older (or more often men).

    python -m benchmarks adjusted [alarms | CLASSIFIER …]

Declared: 150 people × 266 features, 60 × 50 and 400 × 266, patients 9.2 years older; and 150 × 266 where sex
stands in place of age (three in four patients and one in four normals are men). Ten factors and each
feature's own noise, as regions of a brain have; no disease. Twelve cohorts (seeds 1000 to 1011) of each,
trained on with tuning as a study asks for it, and 2,000 new people of the same kind. Reported: the AUC on the
new people, and the correlation of the score with the demographic among the new normals, mean over cohorts;
.50 and 0 are right. Then the same with disease, .4 standard deviations in a tenth of the features and true
ageing: the AUC among pairs of a patient and a normal person within two years. At last 40 cohorts of the first
kind (seeds 2000 to 2039) through a cross-validation, five folds once, logistic regression: in how many the
alarm fires (EVA-315).
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd

COHORTS, NEW, FACTORS, ALARMED = 12, 2000, 10, 40
CLASSIFIERS = ("logistic", "svm", "forest", "neural")
ARMS = ("raw", "normalized", "adjusted")
SHRINKAGES = ("none", "empirical_bayes")  # the second with logistic regression alone


@dataclass(frozen=True)
class Kind:
    """One kind of cohort: people, features, the demographic that differs, disease and ageing."""

    people: int
    features: int
    demographic: str = "age"
    disease: float = 0.0
    ageing: float = 0.0

    def __str__(self) -> str:
        what = f", disease {self.disease:g} SD, ageing {self.ageing:g} a year" if self.disease else ""
        return f"{self.people} × {self.features}, patients differ in {self.demographic}{what}"


WITHOUT = (Kind(150, 266), Kind(60, 50), Kind(400, 266), Kind(150, 266, "sex"))
WITH = (Kind(150, 266, disease=0.4, ageing=0.03), Kind(150, 266, disease=0.4, ageing=0.06))


class Population:
    """How the features of one cohort hang together and age; people are drawn from it."""

    def __init__(self, kind: Kind, seed: int) -> None:
        self.kind, self.rng = kind, np.random.default_rng(seed)
        self.loadings = self.rng.normal(size=(kind.features, FACTORS)) / np.sqrt(FACTORS)
        self.slopes = kind.ageing * self.rng.normal(size=kind.features)

    def draw(self, people: int) -> tuple[pd.DataFrame, np.ndarray]:
        """Draw people, every other one a patient."""
        kind, rng = self.kind, self.rng
        patient = np.arange(people) % 2 == 1
        if kind.demographic == "age":
            older = rng.normal(73.6, 7.9, people), rng.normal(64.4, 9.9, people)
            values = np.where(patient, *older).clip(50, 89)
            shown, number = values, values - 70.0
        else:
            number = (rng.uniform(size=people) < np.where(patient, 0.75, 0.25)).astype(float)
            shown = np.where(number == 1.0, "M", "F").astype(object)
        noise = rng.normal(size=(people, FACTORS)) @ self.loadings.T
        table = 0.7 * rng.normal(size=(people, kind.features)) + 0.7 * noise
        table += number[:, None] * self.slopes
        table[:, : kind.features // 10] += kind.disease * patient[:, None]
        X = pd.DataFrame(table, columns=[f"region_{place}.mean" for place in range(kind.features)])
        return X.assign(**{kind.demographic: shown}), np.where(patient, "patient", "normal").astype(object)


def main() -> None:
    if sys.argv[2:] == ["alarms"]:
        alarms(WITHOUT[0])
        return
    chosen = tuple(sys.argv[2:]) or CLASSIFIERS
    for kind in (*WITHOUT, *WITH):
        print(kind, flush=True)
        for classifier in chosen if not kind.disease else chosen[:1]:
            for shrinkage in SHRINKAGES if classifier == "logistic" else SHRINKAGES[:1]:
                begun = time.process_time()
                print(f"  {classifier}, shrinkage {shrinkage}", flush=True)
                found = np.array([cohort(kind, classifier, shrinkage, 1000 + k) for k in range(COHORTS)])
                for place, arm in enumerate(ARMS):
                    area, close, follows = found[:, place].T
                    matched = f", AUC of matched pairs {close.mean():.3f}" if kind.disease else ""
                    print(
                        f"    {arm:11} AUC {area.mean():.3f} (SD {area.std(ddof=1):.3f}){matched}, "
                        f"score~{kind.demographic} {follows.mean():+.2f} (SD {follows.std(ddof=1):.2f})"
                    )
                print(f"    {time.process_time() - begun:.0f} CPU s", flush=True)
    alarms(WITHOUT[0])


def alarms(kind: Kind) -> None:
    """Print in how many cohorts the alarm fires, for the score as it is and adjusted."""
    from normwise.evaluate.compare_arms import compare_arms
    from normwise.evaluate.cross_validation import cross_validate_arms
    from normwise.evaluate.inference.estimates import People
    from normwise.evaluate.leaks.features import follows_too_much
    from normwise.evaluate.metrics.adjusted import Covariates
    from normwise.schema import Roles, Study

    roles = Roles("dx", ("normal", "patient"), "normal", ("normal", "patient"), ("age",))
    settings = {"features": {"extractor": "table"}, "evaluation": {"repeats": 1}}
    study, fired = Study.model_validate(settings), []
    for seed in range(2000, 2000 + ALARMED):
        X, y = Population(kind, seed).draw(kind.people)
        people = X.index.astype(str).to_numpy(dtype=object)
        arms = cross_validate_arms(study, roles, X, y, people, arms=ARMS)
        who = People(people, covariates=Covariates({"age": X["age"].to_numpy(float)}))
        found = compare_arms(arms, who, main="adjusted", draws=1000, confidence=0.95, seed=0)
        fired.append(
            [any(follows_too_much(each.rho) for each in found.arms[arm].score_associations) for arm in ARMS]
        )
    shares = ", ".join(f"{arm} {share:.0%}" for arm, share in zip(ARMS, np.mean(fired, axis=0), strict=True))
    print(f"{kind}: the alarm fires in {ALARMED} cohorts: {shares}")


def cohort(kind: Kind, classifier: str, shrinkage: str, seed: int) -> list[list[float]]:
    """Train on one cohort; return AUC, AUC of matched pairs and correlation of each arm on new people."""
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score

    from normwise.procedure import SharedFits, make_fitters
    from normwise.schema import Roles, Study

    population = Population(kind, seed)
    (X, y), (new, truth) = population.draw(kind.people), population.draw(NEW)
    name = kind.demographic
    categorical = ("sex",) if name == "sex" else ()
    roles = Roles("dx", ("normal", "patient"), "normal", ("normal", "patient"), (name,), categorical)
    settings = {
        "features": {"extractor": "table"},
        "classifier": {"name": classifier},
        "normalizer": {"shrinkage": shrinkage},
    }
    study = Study.model_validate(settings)
    people, rows, shared = X.index.astype(str).to_numpy(dtype=object), np.arange(len(y)), SharedFits()
    found = []
    numbers = new[name].to_numpy(float) if name == "age" else (new[name] == "M").to_numpy(float)
    ill = truth == "patient"
    near = np.abs(numbers[ill][:, None] - numbers[~ill]) < (2.0 if name == "age" else 0.5)
    for fitter in make_fitters(study, roles, X, ARMS).values():
        fitted = fitter.fit(y, people, rows, seed=seed, shared=shared)
        score = fitted.probabilities(new)[:, 1]
        above = score[ill][:, None] - score[~ill]
        pairs = ((above > 0) + 0.5 * (above == 0))[near].mean()
        found.append([roc_auc_score(ill, score), pairs, spearmanr(score[~ill], numbers[~ill]).statistic])
    return found


if __name__ == "__main__":
    main()
