"""Are promised sensitivities kept? ``python -m benchmarks promises [COHORTS]``, 500 cohorts by default.

Declared beforehand: each cohort has 40 normal people and 9 to 40 patients, drawn evenly, ten features of
which half differ by .7 standard deviations, age and sex; everything by default but the wished sensitivity,
.90, and .95 where 19 patients can promise it. The share of 1,000 new patients who are called ill is
compared with the promise, wherever ``check_promise`` lets the promise pass. Goal: on average over the
cohorts of each band of patients no more than 2 points below the promise. Printed first: what is said with
8, 9, 18 and 19 patients.
"""

from __future__ import annotations

import sys
import time
import warnings

import numpy as np
import pandas as pd

BANDS = ((9, 13), (14, 18), (19, 28), (29, 40))
NORMALS, FEATURES, NEW = 40, 10, 1000


def main() -> None:
    from normwise.errors import NormwiseError
    from normwise.procedure import check_promise
    from normwise.schema import DecisionSection

    for patients, wished in ((8, 0.9), (9, 0.9), (18, 0.95), (19, 0.95)):
        try:
            check_promise(DecisionSection(sensitivity=wished), patients)
            print(f"{patients} patients, {wished}: promised")
        except NormwiseError as error:
            print(f"{patients} patients, {wished}: {error.code}, {error.problem} {error.advice}")
    cohorts, began = int(sys.argv[2]) if len(sys.argv) > 2 else 500, time.process_time()
    kept: dict[tuple[float, int], list[float]] = {}
    for seed in range(cohorts):
        patients = 9 + seed % 32
        for wished in (0.9, 0.95) if patients >= 19 else (0.9,):
            found = _reached(patients, wished, seed)
            band = next(place for place, (low, high) in enumerate(BANDS) if low <= patients <= high)
            kept.setdefault((wished, band), []).append(found)
    for (wished, band), shares in sorted(kept.items()):
        low, high = BANDS[band]
        error = np.std(shares, ddof=1) / np.sqrt(len(shares))
        verdict = "kept" if np.mean(shares) >= wished - 0.02 else "MISSED"
        print(
            f"promised {wished}, {low} to {high} patients: {np.mean(shares):.3f} (± {error:.3f}) of new"
            f" patients, {len(shares)} cohorts: {verdict}"
        )
    print(f"{time.process_time() - began:.0f} s CPU")


def _draw(rng: np.random.Generator, ill: np.ndarray) -> pd.DataFrame:
    age, sex = rng.uniform(55, 85, len(ill)), rng.integers(0, 2, len(ill))
    values = rng.normal(size=(len(ill), FEATURES)) + 0.03 * (age[:, None] - 70)
    values[:, : FEATURES // 2] += 0.7 * ill[:, None]
    frame = pd.DataFrame(values, columns=[f"f{number}" for number in range(FEATURES)])
    return frame.assign(age=age, sex=np.where(sex, "F", "M"))


def _reached(patients: int, wished: float, seed: int) -> float:
    """Return the share of new patients who are called ill, of those for whom anything is decided."""
    from normwise.procedure import fit_procedure, main_arm
    from normwise.schema import Roles, Study

    rng = np.random.default_rng([seed, patients])
    ill = np.arange(NORMALS + patients) >= NORMALS
    X, labels = _draw(rng, ill), np.where(ill, "AD", "normal").astype(object)
    roles = Roles("dx", ("normal", "AD"), "normal", ("normal", "AD"), ("age", "sex"), ("sex",))
    study = Study.model_validate({"decision": {"sensitivity": wished}})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        procedure = fit_procedure(
            study, roles, X, labels, np.arange(len(X)).astype(str).astype(object),
            arm=main_arm(study, roles), seed=seed,
        )  # fmt: skip
        table = procedure.probabilities(_draw(rng, np.ones(NEW, dtype=bool)))
    decided = table[np.isfinite(table).all(axis=1)]
    return float(np.mean([name == "AD" for name in procedure.rule.decide(decided)]))
