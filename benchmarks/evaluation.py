"""Whether intervals cover what they say, shuffled labels stay at chance, and what an evaluation takes.

1. 500 simulated cohorts with a known AUC, tested in five folds five times over: how often each kind of
   interval holds the truth. Scores are normal with equal spread, so that the AUC is Φ(d/√2). A classifier of
   one feature orders the people of a fold as the feature does, so the known AUC is the procedure's.
2. The same where ten features are learnt from: the truth is the mean of the fitted models' own AUCs.
3. 200 shuffles of the labels for every classifier: the mean AUC must be 0.5.
4. The parts of a full evaluation, 5 × 5 nested and five arms, and the share of each.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import norm

COHORTS, SHUFFLES, CONFIDENCE = 500, 200, 0.95


def main() -> None:
    print("coverage of 95 % intervals, one feature (5 folds × 5)")
    for people, area in ((40, 0.75), (100, 0.75), (200, 0.75), (100, 0.9), (200, 0.9)):
        report_coverage(f"{people} people, AUC {area}", lambda rng, n=people, a=area: one_feature(rng, n, a))
    print("\ncoverage of 95 % intervals, ten features learnt (5 folds × 5)")
    for people in (60, 200):
        report_coverage(f"{people} people", lambda rng, n=people: ten_features(rng, n))
    print("\ncoverage of the other metrics' intervals, fixed decisions")
    report_proportions()
    print(f"\n{SHUFFLES} shuffles a classifier")
    report_shuffles()
    print()
    report_parts()


def report_coverage(title: str, simulate: Callable[[np.random.Generator], tuple[object, float]]) -> None:
    """Print how often each interval holds the true AUC."""
    from normwise.evaluate.inference.estimates import delong, draw_values
    from normwise.evaluate.inference.intervals import bootstrap_estimate, draw_people, estimate_of
    from normwise.evaluate.metrics.ranking import area_influence

    kinds = ("DeLong, logit", "DeLong, plain", "BCa", "percentile")
    covered, width = dict.fromkeys(kinds, 0), dict.fromkeys(kinds, 0.0)
    for cohort in range(COHORTS):
        rng = np.random.default_rng(cohort)
        scores, truth = simulate(rng)
        groups = np.arange(len(scores.labels)).astype(object)
        weights = draw_people(scores.labels, groups, scores.tested, draws=1000, rng=rng)
        values = draw_values(scores, groups, weights, ["auc"]).values["auc"]
        on_logit = delong(scores, groups, CONFIDENCE)
        area, influence = area_influence(scores)
        error = norm.ppf(0.975) * np.sqrt(_plain_variance(scores, influence))
        found = {
            "DeLong, logit": (on_logit.low, on_logit.high),
            "DeLong, plain": (area - error, area + error),
        }
        for kind, each in (
            ("BCa", bootstrap_estimate(values, weights, CONFIDENCE)),
            ("percentile", estimate_of(float(values[0]), values[1 : 1 + weights.draws], CONFIDENCE)),
        ):
            found[kind] = (each.low, each.high)
        for kind, (low, high) in found.items():
            covered[kind] += low <= truth <= high
            width[kind] += high - low
    text = "  ".join(
        f"{kind} {covered[kind] / COHORTS:.1%} (width {width[kind] / COHORTS:.3f})" for kind in kinds
    )
    print(f"  {title:<22} {text}", flush=True)


def _plain_variance(scores: object, influence: np.ndarray) -> float:
    total = 0.0
    for name in scores.classes:
        part = influence[scores.rows(name)]
        total += float((part**2).sum()) * len(part) / (len(part) - 1)
    return total


def one_feature(rng: np.random.Generator, people: int, area: float) -> tuple[object, float]:
    """Simulate one feature whose AUC is known, in the folds of five repeats."""
    patient = np.arange(people) % 2 == 1
    score = rng.normal(size=people) + np.sqrt(2) * norm.ppf(area) * patient
    folds = np.stack([_folds(rng, patient) for _ in range(5)])
    return _out_of_fold(np.tile(score, (5, 1)), patient, folds), area


def ten_features(rng: np.random.Generator, people: int) -> tuple[object, float]:
    """Simulate ten features, learn from them in each fold, and return the models' mean true AUC."""
    from sklearn.linear_model import LogisticRegression

    patient = np.arange(people) % 2 == 1
    shift = np.where(np.arange(10) < 4, 0.5, 0.0)
    X = rng.normal(size=(people, 10)) + patient[:, None] * shift
    folds = np.stack([_folds(rng, patient) for _ in range(5)])
    score, areas = np.zeros(folds.shape), []
    for repeat, layer in enumerate(folds):
        for fold in range(5):
            test = layer == fold
            fitted = LogisticRegression(C=0.1).fit(X[~test], patient[~test])
            score[repeat, test] = fitted.decision_function(X[test])
            direction = fitted.coef_[0]
            areas.append(norm.cdf(direction @ shift / np.sqrt(2 * direction @ direction)))
    return _out_of_fold(score, patient, folds), float(np.mean(areas))


def _folds(rng: np.random.Generator, patient: np.ndarray) -> np.ndarray:
    folds = np.empty(len(patient), dtype=np.intp)
    for members in (np.flatnonzero(patient), np.flatnonzero(~patient)):
        folds[rng.permutation(members)] = np.arange(len(members)) % 5
    return folds


def _out_of_fold(score: np.ndarray, patient: np.ndarray, folds: np.ndarray) -> object:
    from normwise.evaluate import OutOfFold

    p = 1 / (1 + np.exp(-score))
    labels = np.where(patient, "patient", "normal").astype(object)
    decided = (p >= 0.5).astype(np.intp)
    return OutOfFold(labels, ("normal", "patient"), "normal", np.stack([1 - p, p], axis=2), decided, folds)


def report_proportions() -> None:
    """Print how often the intervals of other metrics (Wilson, BCa) hold the known values."""
    from normwise.evaluate.inference.estimates import draw_values, estimate_metrics
    from normwise.evaluate.inference.intervals import draw_people

    shift = 1.5
    hit, clear = norm.cdf(shift / 2), norm.cdf(shift / 2)  # decided at the middle
    known = np.random.default_rng(10**6)
    sample = known.normal(size=1_000_000) + shift * (np.arange(1_000_000) % 2)
    p = 1 / (1 + np.exp(-shift * (sample - shift / 2)))
    truth = {
        "sensitivity": hit,
        "balanced_accuracy": (hit + clear) / 2,
        "brier": float(np.mean((p - np.arange(1_000_000) % 2) ** 2)),
        "calibration_slope": 1.0,
        "mcc": hit + clear - 1,
    }
    for people in (60, 200):
        covered = dict.fromkeys(truth, 0)
        for cohort in range(COHORTS):
            rng = np.random.default_rng(cohort)
            patient = np.arange(people) % 2 == 1
            raw = rng.normal(size=people) + shift * patient
            scores = _out_of_fold(
                (shift * (raw - shift / 2))[None], patient, np.zeros((1, people), dtype=int)
            )
            groups = np.arange(people).astype(object)
            weights = draw_people(scores.labels, groups, scores.tested, draws=1000, rng=rng)
            sample = draw_values(scores, groups, weights, truth)
            for name, each in estimate_metrics(sample, CONFIDENCE).items():
                covered[name] += each.low is not None and each.low <= truth[name] <= each.high
        text = "  ".join(f"{name} {count / COHORTS:.1%}" for name, count in covered.items())
        print(f"  {people} people            {text}", flush=True)


def report_shuffles() -> None:
    """Print the mean AUC over shuffled labels for every classifier, the whole procedure inside."""
    from benchmarks.nested import cohort
    from normwise.classify import CLASSIFIERS
    from normwise.evaluate import METRICS, cross_validate_arms
    from normwise.schema import Roles, Study

    X, y = cohort(40, 5)
    roles = Roles("dx", ("normal", "patient"), "normal", ("normal", "patient"), ("age", "sex"), ("sex",))
    groups = X.index.astype(str).to_numpy(dtype=object)
    for name, spec in CLASSIFIERS.items():
        if spec.takes == "images":
            continue  # the cohort is a table
        study = Study.model_validate(
            {
                "features": {"extractor": "table"},
                "classifier": {"name": name} | SMALL.get(name, {}),
                "evaluation": {"folds": 4, "repeats": 1, "inner_folds": 2},
            }
        )
        rng, areas, began = np.random.default_rng(0), [], time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for _ in range(SHUFFLES):
                    found = cross_validate_arms(
                        study, roles, X, rng.permutation(y), groups, arms=("normalized",)
                    )
                    scores = found["normalized"].scores
                    areas.append(METRICS["auc"](scores)(np.ones((1, len(y))))[0])
        except ImportError as missing:
            print(f"  {name:<12} not measured: {missing}", flush=True)
            continue
        error = np.std(areas, ddof=1) / np.sqrt(len(areas))
        took = time.process_time() - began
        print(f"  {name:<12} mean AUC {np.mean(areas):.3f} ± {error:.3f} (SE), {took:.0f} CPU s", flush=True)


SMALL = {
    "forest": {"parameters": {"n_estimators": 10}, "grid": {"min_samples_leaf": [3]}},
    "perceptron": {"grid": {"alpha": [1.0]}},
    "neural": {"grid": {"weight_decay": [0.01], "epochs": [20]}},
}
"""Settings that make a classifier small enough for 200 shuffles."""


def report_parts() -> None:
    """Print the processor time of each part of a full evaluation from a table of features."""
    from benchmarks.nested import cohort
    from normwise.evaluate import study as evaluation
    from normwise.schema import Study

    X, y = cohort(198, 266)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        X.assign(id=[f"s{number}" for number in range(len(X))], dx=y).to_csv(
            folder / "people.csv", index=False
        )
        study = Study.model_validate(
            {
                "cohort": {
                    "root": folder, "table": "people.csv", "id": "id", "label": "dx",
                    "demographics": ["age", "sex"],
                },
                "features": {"extractor": "table", "columns": ["region_*"]},
            }
        )  # fmt: skip
        spent: dict[str, float] = {}

        def timed(title: str, work: Callable[..., object]) -> Callable[..., object]:
            def run(*arguments: object, **settings: object) -> object:
                began = time.process_time()
                done = work(*arguments, **settings)
                spent[title] = spent.get(title, 0.0) + time.process_time() - began
                return done

            return run

        parts = [
            (evaluation, "prepare_run", "cohort and features"),
            (evaluation, "cross_validate_arms", "cross-validation, five arms"),
            (evaluation, "compare_arms", "metrics, intervals, subgroups, tests"),
            (evaluation, "raise_alarms", "leak alarms"),
            (evaluation, "train_model", "training on everybody"),
            (evaluation, "explain_model", "explanation"),
            (evaluation, "write_report", "report"),
        ]
        whole_functions = [(module, part, getattr(module, part)) for module, part, _ in parts]
        began = time.process_time()
        try:
            for module, part, title in parts:
                setattr(module, part, timed(title, getattr(module, part)))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                evaluation.evaluate_study(study, folder / "run", jobs=1)
        finally:
            for module, part, work in whole_functions:
                setattr(module, part, work)
        whole = time.process_time() - began
    spent["everything else"] = whole - sum(spent.values())
    print(
        f"full evaluation, 198 people, 266 features, 5 × 5 nested, five arms: {whole:.1f} CPU s on one core"
    )
    for title, seconds in spent.items():
        print(f"  {title:<38} {seconds:6.1f} s  {seconds / whole:5.1%}")


if __name__ == "__main__":
    main()
