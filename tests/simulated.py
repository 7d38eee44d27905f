"""A small confounded cohort for tests: a feature shrinks with age and disease, patients are older."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from normwise.model.model import Model
from normwise.procedure.fit import fit_procedure
from normwise.results import FeatureNote
from normwise.schema import Roles, Study


@dataclass(frozen=True)
class Small:
    study: Study
    roles: Roles
    X: pd.DataFrame
    labels: np.ndarray
    groups: np.ndarray


def simulate(people: int = 60, seed: int = 0, classes: tuple[str, ...] = ("normal", "AD")) -> Small:
    rng = np.random.default_rng(seed)
    stage = np.arange(people) % len(classes)
    age = np.where(stage > 0, rng.uniform(60, 85, people), rng.uniform(50, 90, people)).round(1)
    age[stage == 0][:2] = (50.0, 90.0)
    sex = rng.choice(["F", "M"], people)
    feature = 100.0 - 0.8 * age - 12.0 * stage + 3.0 * (sex == "M") + rng.normal(0, 4, people)
    X = pd.DataFrame(
        {"hippocampus_left.volume_mm3": feature, "pons.mean": rng.normal(size=people)}
        | {f"noise_{number}.mean": rng.normal(size=people) for number in range(4)}
        | {"age": age, "sex": sex},
        index=[f"s{number:03d}" for number in range(people)],
    )
    roles = Roles("dx", classes, "normal", classes, ("age", "sex"), ("sex",))
    study = Study.model_validate(
        {
            "cohort": {"demographics": ["age", "sex"]},
            "features": {"extractor": "table"},
            "evaluation": {"folds": 3, "repeats": 2, "inner_folds": 3, "bootstrap": 200},
        }
    )
    labels = np.array(classes, dtype=object)[stage]
    return Small(study, roles, X, labels, np.array([f"p{n}" for n in range(people)], dtype=object))


def model_of(small: Small, classifier: str = "logistic", arm: str = "normalized") -> Model:
    section = small.study.classifier.model_copy(update={"name": classifier})
    study = small.study.model_copy(update={"classifier": section})
    procedure = fit_procedure(study, small.roles, small.X, small.labels, small.groups, arm=arm, seed=0)
    names = tuple(name for name in small.X.columns if name not in small.roles.demographics)
    notes = {name: FeatureNote("mm3", "volume", name.split(".")[0]) for name in names}
    return Model(procedure, study, names, notes, "hash", {"scans": len(small.X)})
