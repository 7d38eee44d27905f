"""Whether the adjusted AUC's interval holds the truth, and the alarm about the score finds what it is for.

1. 500 simulated cohorts a row, five folds drawn five times. Patients are one SD of age older; the score
   follows age (one SD of the score a SD of age) and sex, and each fold's model has a scale and a shift of its
   own. What is left of the score is normal, so that the adjusted AUC is Φ(d/√2); also skewed (a gamma of
   shape 2). Then ten features are learnt from, and the truth is the mean of the models' own adjusted AUCs.
   Intervals: the influence function with the regression's part on the logit scale (what evaluations have),
   the same without that part, and percentile and BCa (of the first 100 cohorts) over 1,000 bootstrap samples
   of people, the regression fitted anew in each by batched least squares.
2. No signal, patients 9.2 years older, 150 people, 266 correlated features (also 60 × 50), 50 cohorts,
   logistic regression of W-scores, five folds three times: rank correlation of the healthy people's scores
   with age, and how often the alarm fires, for the score as it is and with what age explains in out-of-fold
   normals of the training part taken out.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.special import expit, logit
from scipy.stats import gamma, norm

COHORTS, DRAWS, CONFIDENCE = 500, 1000, 0.95
ALARM_COHORTS, FEWER = 50, 100
Z = norm.ppf((1 + CONFIDENCE) / 2)


def main() -> None:
    print("coverage of 95 % intervals of the adjusted AUC (5 folds × 5)")
    for people, area in (
        (40, 0.75),
        (60, 0.75),
        (100, 0.75),
        (200, 0.75),
        (100, 0.9),
        (200, 0.9),
        (100, 0.5),
    ):
        report_coverage(f"{people} people, {area}", lambda rng, n=people, a=area: one_feature(rng, n, a))
    report_coverage("100 people, skewed", lambda rng: one_feature(rng, 100, 0.75, skewed=True))
    for people in (60, 200):
        report_coverage(f"{people} people, ten learnt", lambda rng, n=people: ten_features(rng, n))
    print("\ndoes the score of healthy people follow age where there is no signal?")
    for people, features in ((150, 266), (60, 50)):
        report_alarm(people, features)


def report_coverage(title: str, simulate: Callable[[np.random.Generator], tuple]) -> None:
    """Print how often each interval holds the truth."""
    from normwise.evaluate.inference.estimates import delong
    from normwise.evaluate.inference.intervals import bootstrap_estimate, draw_people, estimate_of
    from normwise.evaluate.metrics.adjusted import adjusted_area
    from normwise.evaluate.metrics.ranking import area_influence

    covered: dict[str, list[bool]] = {}
    widths: dict[str, list[float]] = {}
    errors = []
    for cohort in range(COHORTS):
        rng = np.random.default_rng(cohort)
        scores, covariates, truth = simulate(rng)
        groups = np.arange(len(scores.labels)).astype(object)
        found = adjusted_area(scores, covariates)
        errors.append(found[0] - truth)
        # The influence at the slopes found, as if they were known: the AUC of what they leave.
        known = area_influence(left_over(scores, covariates))[1]
        kinds = {
            "influence": delong(scores, groups, CONFIDENCE, found),
            "without regression": delong(scores, groups, CONFIDENCE, (found[0], known)),
        }
        if cohort < FEWER:
            weights = draw_people(scores.labels, groups, scores.tested, draws=DRAWS, rng=rng)
            values = weights.under(partial(areas_under, scores, covariates))
            kinds["BCa"] = bootstrap_estimate(values, weights, CONFIDENCE)
            kinds["percentile"] = estimate_of(float(values[0]), values[1 : 1 + DRAWS], CONFIDENCE)
        for kind, each in kinds.items():
            covered.setdefault(kind, []).append(each.low <= truth <= each.high)
            widths.setdefault(kind, []).append(each.high - each.low)
    text = "  ".join(
        f"{kind} {np.mean(covered[kind]):.1%} (width {np.mean(widths[kind]):.3f}, {len(covered[kind])})"
        for kind in covered
    )
    print(f"  {title:<22} bias {np.mean(errors):+.4f}  {text}", flush=True)


def left_over(scores: object, covariates: object) -> object:
    """Return the predictions with what the demographics explain in the negative class taken out."""
    from dataclasses import replace

    columns, _ = covariates.design(~scores.patient)
    score, folds, normal = logit(scores.scores), scores.folds, ~scores.patient
    spread = np.zeros_like(score)
    tables, values = [], []
    for repeat, layer in enumerate(folds):
        for fold in np.unique(layer):
            rows = layer == fold
            parts = [score[repeat, rows & part] for part in (normal, ~normal)]
            inside = sum(((part - part.mean()) ** 2).sum() for part in parts)
            spread[repeat, rows] = np.sqrt(inside / (rows.sum() - 2))
            score[repeat, rows] /= spread[repeat, rows]
            tables.append(columns[rows & normal] - columns[rows & normal].mean(axis=0))
            values.append(score[repeat, rows & normal] - score[repeat, rows & normal].mean())
    slopes = np.linalg.lstsq(np.concatenate(tables), np.concatenate(values))[0]
    p = expit(score - columns @ slopes)
    return replace(scores, probabilities=np.stack([1 - p, p], axis=2))


def areas_under(scores: object, covariates: object, weights: np.ndarray) -> np.ndarray:
    """Return the adjusted AUC under each row of weights, the regression fitted anew in each."""
    columns, _ = covariates.design(~scores.patient)
    score, normal = logit(scores.scores), ~scores.patient
    gram, moment, blocks = 0.0, 0.0, []
    for repeat, layer in enumerate(scores.folds):
        for fold in np.unique(layer):
            up, down = (np.flatnonzero((layer == fold) & part) for part in (~normal, normal))
            y = score[repeat]
            inside = sum(((y[rows] - y[rows].mean()) ** 2).sum() for rows in (up, down))
            y = y / np.sqrt(inside / (len(up) + len(down) - 2))
            w = weights[:, down]
            total = np.maximum(w.sum(axis=1, keepdims=True), 1e-9)
            x = columns[down][None] - ((w @ columns[down]) / total)[:, None]
            centred = y[down][None] - (w @ y[down][:, None]) / total
            gram = gram + np.einsum("dn,dnp,dnq->dpq", w, x, x, optimize=True)
            moment = moment + np.einsum("dn,dnp,dn->dp", w, x, centred, optimize=True)
            blocks.append((up, down, y))
    slopes = np.linalg.solve(gram + 1e-9 * np.eye(columns.shape[1]), moment[..., None])[..., 0]
    expected = slopes @ columns.T
    won = compared = 0.0
    for up, down, y in blocks:
        above = (y - expected)[:, up][:, :, None] > (y - expected)[:, down][:, None, :]
        won = won + np.einsum("du,dn,dun->d", weights[:, up], weights[:, down], above, optimize=True)
        compared = compared + weights[:, up].sum(axis=1) * weights[:, down].sum(axis=1)
    return won / compared


def one_feature(rng: np.random.Generator, people: int, area: float, *, skewed: bool = False) -> tuple:
    """Simulate scores whose adjusted AUC is known, in the folds of five repeats."""
    patient = np.arange(people) % 2 == 1
    age, sex = rng.normal(size=people) + patient, rng.integers(0, 2, people)
    shift = np.sqrt(2) * norm.ppf(area)
    noise, truth = rng.normal(size=people), area
    if skewed:
        noise = rng.gamma(2.0, size=people)
        grid = gamma.ppf((np.arange(20_000) + 0.5) / 20_000, 2.0)
        truth = float(gamma.cdf(grid + shift, 2.0).mean())
    score = noise + shift * patient + age + 0.5 * sex
    folds = np.stack([_folds(rng, patient) for _ in range(5)])
    scale, offset = 0.7 * np.exp(0.3 * rng.normal(size=(5, 5))), 0.3 * rng.normal(size=(5, 5))
    row = np.arange(5)[:, None]
    return *_out_of_fold(score * scale[row, folds] + offset[row, folds], patient, folds, age, sex), truth


def ten_features(rng: np.random.Generator, people: int) -> tuple:
    """Simulate ten features that follow age, learn from them, and return the models' mean adjusted AUC."""
    from sklearn.linear_model import LogisticRegression

    patient = np.arange(people) % 2 == 1
    age, sex = rng.normal(size=people) + patient, rng.integers(0, 2, people)
    shift = np.where(np.arange(10) < 4, 0.5, 0.0)
    ageing = np.where(np.arange(10) % 2 == 0, 0.5, 0.0)
    X = rng.normal(size=(people, 10)) + patient[:, None] * shift + age[:, None] * ageing
    folds = np.stack([_folds(rng, patient) for _ in range(5)])
    score, areas = np.zeros(folds.shape), []
    for repeat, layer in enumerate(folds):
        for fold in range(5):
            test = layer == fold
            fitted = LogisticRegression(C=0.1).fit(X[~test], patient[~test])
            score[repeat, test] = fitted.decision_function(X[test])
            direction = fitted.coef_[0]
            areas.append(norm.cdf(direction @ shift / np.sqrt(2 * direction @ direction)))
    return *_out_of_fold(score, patient, folds, age, sex), float(np.mean(areas))


def _folds(rng: np.random.Generator, patient: np.ndarray) -> np.ndarray:
    folds = np.empty(len(patient), dtype=np.intp)
    for members in (np.flatnonzero(patient), np.flatnonzero(~patient)):
        folds[rng.permutation(members)] = np.arange(len(members)) % 5
    return folds


def _out_of_fold(
    score: np.ndarray, patient: np.ndarray, folds: np.ndarray, age: np.ndarray, sex: np.ndarray
) -> tuple[object, object]:
    from normwise.evaluate import OutOfFold
    from normwise.evaluate.metrics.adjusted import Covariates

    p = expit(score)
    labels = np.where(patient, "patient", "normal").astype(object)
    decided = (p >= 0.5).astype(np.intp)
    scores = OutOfFold(labels, ("normal", "patient"), "normal", np.stack([1 - p, p], axis=2), decided, folds)
    return scores, Covariates({"age": age}, {"sex": np.array(["F", "M"], dtype=object)[sex]})


def report_alarm(people: int, features: int) -> None:
    """Print how the scores of healthy people follow age, and how often the alarm fires."""
    from normwise.evaluate.inference.associations import score_associations
    from normwise.evaluate.inference.intervals import draw_people
    from normwise.evaluate.leaks.features import follows_too_much

    found: dict[str, list[tuple[float, bool]]] = {"as it is": [], "age taken out": []}
    for cohort in range(ALARM_COHORTS):
        for kind, (scores, age) in no_signal(np.random.default_rng(1000 + cohort), people, features).items():
            groups = np.arange(people).astype(object)
            rng = np.random.default_rng(cohort)
            weights = draw_people(scores.labels, groups, scores.tested, draws=DRAWS, rng=rng)
            (each,) = score_associations(scores, groups, weights, {"age": age}, {}, CONFIDENCE)
            found[kind].append((each.rho.estimate, follows_too_much(each.rho)))
    for kind, rows in found.items():
        rho, fired = np.array(rows).T
        print(
            f"  {people} people, {features} features, {kind:<14} rank correlation {rho.mean():+.2f}"
            f" (SD {rho.std():.2f}), the alarm fires in {fired.mean():.0%} of {len(rows)}",
            flush=True,
        )


def no_signal(rng: np.random.Generator, people: int, features: int) -> dict[str, tuple]:
    """Return out-of-fold predictions where patients are 9.2 years older and nothing else."""
    from normwise.evaluate import OutOfFold

    patient = np.arange(people) % 2 == 1
    age = np.where(patient, rng.normal(73.6, 7.9, people), rng.normal(64.4, 9.9, people)).clip(50, 89)
    factors = rng.normal(size=(features, 10)) / np.sqrt(10)
    X = 0.7 * rng.normal(size=(people, features)) + 0.7 * rng.normal(size=(people, 10)) @ factors.T
    folds = np.stack([_folds(rng, patient) for _ in range(3)])
    plain, adjusted = np.zeros(folds.shape), np.zeros(folds.shape)
    for repeat, layer in enumerate(folds):
        for fold in range(5):
            test, train = layer == fold, np.flatnonzero(layer != fold)
            plain[repeat, test] = _learn(X[train], age[train], patient[train])(X[test], age[test])
            inner, out_of_fold = _folds(rng, patient[train]), np.zeros(len(train))
            for part in range(5):
                inside, outside = train[inner != part], train[inner == part]
                score = _learn(X[inside], age[inside], patient[inside])
                out_of_fold[inner == part] = score(X[outside], age[outside])
            normal = ~patient[train]
            slope = np.polyfit(age[train][normal], out_of_fold[normal], 1)[0]
            adjusted[repeat, test] = plain[repeat, test] - slope * (age[test] - age[train][normal].mean())
    labels = np.where(patient, "patient", "normal").astype(object)
    found = {}
    for kind, score in (("as it is", plain), ("age taken out", adjusted)):
        p = expit(score)
        table = np.stack([1 - p, p], axis=2)
        decided = (p >= 0.5).astype(np.intp)
        found[kind] = (OutOfFold(labels, ("normal", "patient"), "normal", table, decided, folds), age)
    return found


def _learn(X: np.ndarray, age: np.ndarray, patient: np.ndarray) -> Callable[..., np.ndarray]:
    """Regress each feature on the normals' age, and learn from what is left."""
    from sklearn.linear_model import LogisticRegression

    normal, middle = ~patient, age[~patient].mean()
    line = np.stack([np.ones(len(age)), age - middle], axis=1)
    slopes = np.linalg.lstsq(line[normal], X[normal])[0]
    spread = (X[normal] - line[normal] @ slopes).std(axis=0, ddof=2)

    def w_scores(values: np.ndarray, years: np.ndarray) -> np.ndarray:
        return (values - np.stack([np.ones(len(years)), years - middle], axis=1) @ slopes) / spread

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = LogisticRegression(C=0.01, max_iter=800).fit(w_scores(X, age), patient)
    return lambda values, years: fitted.decision_function(w_scores(values, years))


if __name__ == "__main__":
    main()
