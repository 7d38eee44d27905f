"""Do the sets of likely classes hold the coverage that they state? Simulated cohorts, people never seen.

Each cohort is trained on with tuning and referral as a study asks for it and predicts 2,000 new people of the
same kind; patients are a quarter, so that their coverage shows apart.
"""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

COHORTS, PEOPLE, NEW, FEATURES = 150, 160, 2000, 30


def cohort(people: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Simulate features that shrink with age and, for six of them, with disease."""
    rng = np.random.default_rng(seed)
    patient = np.arange(people) % 4 == 1
    age = rng.uniform(60, 90, people)
    table = rng.normal(size=(people, FEATURES)) - 0.03 * age[:, None]
    table[:, :6] -= 0.6 * patient[:, None]
    X = pd.DataFrame(table, columns=[f"region_{number}.mean" for number in range(FEATURES)])
    X["age"], X["sex"] = age, rng.choice(["F", "M"], people)
    return X.copy(), np.where(patient, "patient", "normal").astype(object)


def main() -> None:
    from normwise.procedure import fit_procedure
    from normwise.schema import Roles, Study

    roles = Roles("dx", ("normal", "patient"), "normal", ("normal", "patient"), ("age", "sex"), ("sex",))
    start = time.process_time()
    print(f"{COHORTS} cohorts of {PEOPLE} people, a quarter patients, {NEW} new people each")
    for coverage in (0.8, 0.9):
        study = Study.model_validate({"decision": {"refer": coverage}, "features": {"extractor": "table"}})
        reached, referred = [], []
        for seed in range(COHORTS):
            X, y = cohort(PEOPLE, 2 * seed)
            new, truth = cohort(NEW, 2 * seed + 1)
            people = X.index.astype(str).to_numpy(dtype=object)
            fitted = fit_procedure(study, roles, X, y, people, arm="normalized", seed=seed)
            table = fitted.probabilities(new)
            likely = fitted.rule.likely(table)
            assert likely is not None, "the study asks for referral"
            own = likely[np.arange(NEW), (truth == "patient").astype(int)]
            reached.append([own.mean(), own[truth == "normal"].mean(), own[truth == "patient"].mean()])
            referred.append((fitted.rule.referrals(table) != "").mean())
        mean = 100 * np.mean(reached, axis=0)
        error = 100 * np.std(reached, axis=0, ddof=1) / np.sqrt(COHORTS)
        said = ", ".join(
            f"{name} {share:.1f} ± {one:.1f} %"
            for name, share, one in zip(("everybody", "normal", "patients"), mean, error, strict=True)
        )
        print(f"  stated {100 * coverage:.0f} %: {said}; referred {100 * np.mean(referred):.0f} %")
    print(f"  {time.process_time() - start:.0f} CPU s")


if __name__ == "__main__":
    main()
