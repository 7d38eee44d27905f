"""A number predicted on real people: age of IXI and of OASIS's normals, MMSE of OASIS of 60 and older.

Declared before anything is run:

* IXI: the age of 291 healthy people from 260 volumes; OASIS: the age of people with CDR 0 from ``regions``;
  MMSE of the people of 60 and older with a CDR from the same.
* Everything by default, but the regressors: ``choices = ["ridge", "svr"]``, chosen with their settings by
  inner folds. Features are regressed on sex for age, and on age and sex of the people with CDR 0 for MMSE.
  5 × 5 outer folds.
* Beside it, on the very same outer folds and the same frame of features and demographics: scikit-learn's
  ``RidgeCV`` on standardised columns with 25 penalties from 1e-2 to 1e6, and ``GradientBoostingRegressor``.
* Goals: MAE of the study's own arm no more than 3 % above the better of the two; 80 and 90 % intervals within
  2 points; rank correlation of the corrected gap with the true number among normals at most .05 from 0.

People outside the normals' range get no prediction, and are left out of all three.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

_REPEATS = 5


def studies(data: Path) -> dict[str, dict[str, object]]:
    """Return each cohort's study, as its file would have it."""
    oasis: dict[str, object] = {
        "root": data / "oasis1", "table": "oasis_cross-sectional.csv", "id": "ID",
        "group_pattern": r"^(OAS1_\d+)_", "images": "volumes/{ID}.nii.gz",
    }  # fmt: skip
    ixi = {
        "root": data / "ixi",
        "table": "IXI_demog.csv",
        "id": "ID",
        "target": "Age",
        "demographics": ["Sex"],
    }
    regions = {"extractor": "regions"}
    contents: dict[str, dict[str, object]] = {
        "IXI, age": {"cohort": ixi, "features": {"extractor": "table", "table": "IXI_DLMUSE.csv"}},
        "OASIS normals, age": {
            "cohort": {**oasis, "target": "Age", "demographics": ["M/F"], "include": ["CDR == 0"]},
            "features": regions,
        },
        "OASIS 60+, MMSE": {
            "cohort": {
                **oasis, "target": "MMSE", "normal": "CDR == 0", "demographics": ["Age", "M/F"],
                "include": ["Age >= 60", "CDR != n/a"],
            },
            "features": regions,
        },
    }  # fmt: skip
    return contents


def main() -> None:
    from normwise.evaluate import evaluate_regression
    from normwise.schema import Study

    parser = argparse.ArgumentParser("benchmarks regression")
    parser.add_argument("data", nargs="?", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--only", default="", help="a part of a cohort's name")
    parser.add_argument("--repeats", type=int, default=_REPEATS)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="folder of runs, gone on with")
    options = parser.parse_args(sys.argv[2:])
    warnings.simplefilter("ignore")
    for name, content in studies(options.data).items():
        if options.only not in name:
            continue
        study = Study.model_validate({
            **content,
            "classifier": {"name": "ridge", "choices": ["ridge", "svr"]},
            "evaluation": {"repeats": options.repeats},
        })  # fmt: skip
        place = options.cache or Path(tempfile.mkdtemp())
        run = place / name.replace(",", "").replace(" ", "-")
        start = time.perf_counter()
        found = evaluate_regression(study, run, jobs=options.jobs)
        report(name, found, run, study, time.perf_counter() - start)


def report(name: str, found: object, run: Path, study: object, seconds: float) -> None:
    """Print what was found beside scikit-learn's regressors on the same folds."""
    main_arm = found.arms[found.main_arm]
    print(f"\n{name}: {found.n_people} people, {found.n_per_group}, {seconds:.0f} s")
    for arm, one in found.arms.items():
        print(
            f"  {arm:<15} MAE {one.mae.estimate:.3f} ({one.mae.low:.3f}–{one.mae.high:.3f})"
            f"  RMSE {one.rmse.estimate:.3f}  R² {one.r2.estimate:+.3f}  ρ {one.spearman.estimate:+.3f}"
        )
    others = other_regressors(run, study)
    for other, (mae, r2) in others.items():
        print(f"  {other:<15} MAE {mae:.3f}  R² {r2:+.3f}")
    better = min(mae for mae, _ in others.values())
    print(f"  MAE against the better of the two: {main_arm.mae.estimate / better - 1:+.1%} (goal ≤ +3 %)")
    for each in main_arm.intervals:
        print(
            f"  {each.level:.0%} intervals hold {each.share.estimate:.1%} "
            f"({each.share.low:.1%}–{each.share.high:.1%}), mean width {each.width:.2f}"
        )
    print(
        f"  gap and target of normals: {main_arm.gap_rho.estimate:+.3f}, corrected "
        f"{main_arm.corrected_rho.estimate:+.3f} (goal within .05)"
    )
    print(f"  slope {main_arm.slope.estimate:.3f}, bias {main_arm.bias.estimate:+.3f}", flush=True)


def other_regressors(run: Path, study: object) -> dict[str, tuple[float, float]]:
    """Return MAE and R² of scikit-learn's regressors on the folds and people of the study's own arm."""
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from normwise.procedure import main_arm
    from normwise.runs import prepare_run

    prepared = prepare_run(study, run, purpose="evaluate", number=True)
    columns = pd.get_dummies(prepared.frame, drop_first=True).to_numpy(dtype=float)
    values = pd.Series(prepared.numbers, index=prepared.features.values.index)
    table = pd.read_csv(
        run / "predictions.tsv", sep="\t", na_values="n/a", keep_default_na=False, dtype={"id": str}
    )
    own = table[table["arm"] == main_arm(prepared.study, prepared.cohort.roles)]
    makers = {
        "RidgeCV": lambda: make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 6, 25))),
        "GradientBoosting": lambda: GradientBoostingRegressor(random_state=0),
    }
    place = {scan: row for row, scan in enumerate(values.index)}
    found = {}
    for name, make in makers.items():
        errors, explained = [], []
        for _, repeat in own.groupby("repeat"):
            true, predicted = [], []
            for _, fold in repeat.groupby("fold"):
                tested = np.array([place[scan] for scan in fold["id"]])
                others = ~repeat["group"].isin(set(fold["group"]))
                train = np.array([place[scan] for scan in repeat["id"][others]])
                answer = make().fit(columns[train], values.iloc[train]).predict(columns[tested])
                known = fold["predicted"].notna().to_numpy()
                true += values.iloc[tested[known]].tolist()
                predicted += answer[known].tolist()
            gap = np.array(predicted) - np.array(true)
            errors.append(np.abs(gap).mean())
            explained.append(1 - (gap**2).mean() / np.var(true))
        found[name] = (float(np.mean(errors)), float(np.mean(explained)))
    return found
