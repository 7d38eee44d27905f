"""Numbers and lists as a reader wants them: rounded honestly, with true minus signs, never a bare NaN."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup

from normwise.results import Estimate, FeatureNote

__all__ = [
    "BEST",
    "FILTERS",
    "METRIC_TITLES",
    "SIGNED",
    "bounds",
    "breakable",
    "chance",
    "count",
    "ends",
    "feature_words",
    "interval",
    "joined",
    "metric_title",
    "number",
    "percent",
    "probability",
    "short_arm",
    "sign",
    "signed_interval",
    "spread",
    "threshold",
    "tidy",
    "unit",
    "verdict",
]

METRIC_TITLES = {
    "auc": "AUC",
    "adjusted_auc": "Adjusted AUC",
    "balanced_accuracy": "Balanced accuracy",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "auc_one_vs_rest": "AUC, one class against the rest",
    "average_precision": "Average precision",
    "ppv": "Positive predictive value",
    "npv": "Negative predictive value",
    "f1": "F1 of patients",
    "f1_macro": "F1, mean over classes",
    "mcc": "Matthews correlation",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "calibration_slope": "Calibration slope",
    "calibration_intercept": "Calibration intercept",
    "expected_cost": "Expected cost a person",
}
"""Metrics in words; one that is not listed is shown by its name."""

BEST = {
    "brier": 0.0,
    "log_loss": 0.0,
    "calibration_slope": 1.0,
    "calibration_intercept": 0.0,
    "expected_cost": 0.0,
}
"""The value to reach of metrics of which more is not better."""

SIGNED = ("mcc", "calibration_slope", "calibration_intercept")
"""Metrics that may be negative, so that a dash between two ends would be misread."""

UNDEFINED = "not defined"


def number(value: float | None, digits: int = 2) -> str:
    """Round a number to fixed digits.

    Examples
    --------
    >>> number(0.8149), number(None), number(-0.001), number(-1.5, 1)
    ('0.81', 'not defined', '0.00', '−1.5')
    """
    if value is None or value != value:  # noqa: PLR0124  # NaN alone differs from itself
        return UNDEFINED
    text = f"{abs(value):.{digits}f}"
    return f"−{text}" if value < 0 and float(text) != 0 else text


def probability(value: float) -> str:
    """Round a probability; what is not certain is not shown as certain.

    Examples
    --------
    >>> probability(0.8149), probability(0.999999), probability(1.0), probability(0.004)
    ('0.81', '> 0.99', '> 0.99', '< 0.01')
    """
    if value >= 0.995:
        return "> 0.99"  # also 1.0, to which a sum of exponentials is rounded
    return number(value) if value >= 0.005 else "< 0.01"


def threshold(value: float) -> str:
    """Round a threshold to two digits, or to as many as tell it from 0 and 1.

    Examples
    --------
    >>> threshold(0.6149), threshold(0.99999), threshold(0.0004), threshold(1.0)
    ('0.61', '0.99999', '0.0004', '1.00')
    """
    for digits in range(2, 16):
        text = number(value, digits)
        if float(text) not in (0.0, 1.0) or float(text) == value:
            break
    return text


def sign(value: float | None, digits: int = 3) -> str:
    """Round a difference, its sign always shown.

    Examples
    --------
    >>> sign(0.0345), sign(-0.0345), sign(0.0)
    ('+0.035', '−0.035', '0.000')
    """
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def interval(estimate: Estimate, digits: int = 2) -> str:
    """Show an estimate with its interval.

    Examples
    --------
    >>> interval(Estimate(0.814, 0.75, 0.866)), interval(Estimate(0.814, None, None))
    ('0.81 (0.75–0.87)', '0.81 (no interval)')
    >>> interval(Estimate(None, None, None))
    'not defined'
    """
    if estimate.estimate is None:
        return UNDEFINED
    return f"{number(estimate.estimate, digits)} ({bounds(estimate, digits)})"


def bounds(estimate: Estimate, digits: int = 2) -> str:
    """Show the two ends of an interval of a quantity that is never negative.

    Examples
    --------
    >>> bounds(Estimate(0.814, 0.75, 0.866))
    '0.75–0.87'
    """
    if estimate.low is None or estimate.high is None:
        return "no interval"
    return f"{number(estimate.low, digits)}–{number(estimate.high, digits)}"


def signed_interval(estimate: Estimate, digits: int = 3) -> str:
    """Show a difference with its interval.

    Examples
    --------
    >>> signed_interval(Estimate(0.012, -0.01, 0.034))
    '+0.012 (−0.010 to +0.034)'
    """
    if estimate.estimate is None:
        return UNDEFINED
    return f"{sign(estimate.estimate, digits)} ({ends(estimate, digits)})"


def percent(share: float) -> str:
    """Show a share as whole percent; only nothing is 0 %, and only all is 100 %.

    Examples
    --------
    >>> [percent(share).split() for share in (0.123, 0.001, 0.0, 0.999)]
    [['12', '%'], ['<', '1', '%'], ['0', '%'], ['>', '99', '%']]
    """
    if 0 < share < 0.005:
        return "< 1\u00a0%"
    if 0.995 <= share < 1:
        return "> 99\u00a0%"
    return f"{100 * share:.0f}\u00a0%"


def count(amount: float, noun: str, plural: str | None = None) -> str:
    """Count things; the mean over repeats of a count keeps one digit.

    Examples
    --------
    >>> count(1, "scan"), count(1234, "scan"), count(3, "person", "people"), count(2.4, "scan")
    ('1 scan', '1,234 scans', '3 people', '2.4 scans')
    """
    return f"{tidy(amount)} {noun if amount == 1 else plural or noun + 's'}"


def tidy(amount: float) -> str:
    """Show a count, or a mean of counts with one digit.

    Examples
    --------
    >>> tidy(1200), tidy(90.0), tidy(90.24)
    ('1,200', '90', '90.2')
    """
    return f"{amount:,.0f}" if float(amount).is_integer() else f"{amount:,.1f}"


def breakable(name: str) -> Markup:
    """Let a long name break after its own separators, never inside a word.

    Examples
    --------
    >>> breakable("left_area.gm<b>")
    Markup('left_<wbr>area.<wbr>gm&lt;b&gt;')
    """
    return Markup("<wbr>").join(part for part in re.split(r"(?<=[_./])", name) if part)


def joined(words: Sequence[str], last: str = "and") -> str:
    """Join words as in a sentence.

    Examples
    --------
    >>> joined(["Age"]), joined(["Age", "M/F"]), joined(["a", "b", "c"], "or")
    ('Age', 'Age and M/F', 'a, b or c')
    """
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def metric_title(name: str) -> str:
    """Return a metric in words.

    Examples
    --------
    >>> metric_title("mcc"), metric_title("own_metric")
    ('Matthews correlation', 'Own metric')
    """
    return METRIC_TITLES.get(name, short_arm(name))


def spread(estimate: Estimate, metric: str = "", digits: int = 2) -> str:
    """Show the two ends of a metric's interval, with "to" where they may be negative.

    Examples
    --------
    >>> spread(Estimate(0.1, -0.2, 0.4), "mcc"), spread(Estimate(0.8, 0.7, 0.9), "auc")
    ('−0.20 to 0.40', '0.70–0.90')
    """
    if estimate.low is None or estimate.high is None or metric not in SIGNED:
        return bounds(estimate, digits)
    return f"{number(estimate.low, digits)} to {number(estimate.high, digits)}"


def chance(p: float | None) -> str:
    """Show a p-value as far as it can be known.

    Examples
    --------
    >>> chance(0.0312), chance(0.00002), chance(0.4), chance(None)
    ('0.031', '< 0.001', '0.40', 'not defined')
    """
    if p is None:
        return UNDEFINED
    if p < 0.001:
        return "< 0.001"
    return number(p, 3 if p < 0.1 else 2)


def short_arm(name: str) -> str:
    """Turn an arm's key into a label that fits beside a figure.

    Examples
    --------
    >>> short_arm("normalized_all")
    'Normalized all'
    """
    return name.replace("_", " ").strip().capitalize()


def unit(text: str) -> str:
    """Raise the powers of a unit.

    Examples
    --------
    >>> unit("mm3"), unit("1/mm2"), unit("intensity")
    ('mm³', '1/mm²', 'intensity')
    """
    return re.sub(r"(?<=mm)[23]\b", lambda found: {"2": "²", "3": "³"}[found[0]], text)


_STATISTICS = {
    "volume_mm3": "volume",
    "brain_share": "share of the brain",
    "csf_share": "fluid share",
    "gm_share": "grey matter share",
    "wm_share": "white matter share",
    "thickness_mm": "thickness",
    "thickness_sd_mm": "spread of thickness",
    "area_mm2": "surface area",
    "mean": "mean intensity",
    "sd": "spread of intensity",
    "median": "median intensity",
    "p5": "5th percentile of intensity",
    "p95": "95th percentile of intensity",
    "asymmetry": "asymmetry",
}
"""What is measured of a region, in words; another statistic is shown by its name."""

_SIDES = re.compile(
    r"^(?:(?P<first>left|right|lh|rh|[lr](?=[_ ]))[_ -])?(?P<part>.*?)(?:[_ -](?P<last>left|right|[LRlr]))?$",
    re.IGNORECASE | re.DOTALL,
)


def feature_words(name: str, note: FeatureNote | None) -> str:
    """Say a feature of a region in words, the side first; a column that nothing is known of keeps its name.

    Examples
    --------
    >>> note = FeatureNote("share", "Share that is fluid: hippocampus_right", "hippocampus_right")
    >>> feature_words("hippocampus_right.csf_share", note)
    'right hippocampus, fluid share'
    >>> feature_words("rh_insula.thickness_mm", FeatureNote("mm", "Mean thickness: rh insula", "rh_insula"))
    'right insula, thickness'
    >>> feature_words("nWBV", FeatureNote("", "nWBV, as in participants.tsv")), feature_words("MMSE", None)
    ('nWBV', 'MMSE')
    """
    if note is None or not note.place or not name.startswith(f"{note.place}."):
        return name
    found = _SIDES.fullmatch(note.place)
    assert found is not None  # every part may be empty
    side = (found["first"] or found["last"] or "").lower()
    side = {"l": "left ", "lh": "left ", "left": "left "}.get(side, "right " if side else "")
    statistic = name.removeprefix(f"{note.place}.")
    measured = _STATISTICS.get(statistic, statistic.replace("_", " ").replace(".", ", "))
    return f"{side}{found['part'].replace('_', ' ')}, {measured}"


def verdict(difference: Estimate) -> str:
    """Say what a paired difference shows.

    Examples
    --------
    >>> verdict(Estimate(0.03, 0.01, 0.05)), verdict(Estimate(0.03, -0.01, 0.05))
    ('higher', 'not told apart')
    >>> verdict(Estimate(None, None, None))
    'not defined'
    """
    if difference.estimate is None:
        return UNDEFINED
    if difference.low is not None and difference.low > 0:
        return "higher"
    if difference.high is not None and difference.high < 0:
        return "lower"
    return "not told apart"


def ends(difference: Estimate, digits: int = 3) -> str:
    """Show the two ends of a difference's interval.

    Examples
    --------
    >>> ends(Estimate(0.012, -0.01, 0.034))
    '−0.010 to +0.034'
    """
    if difference.low is None or difference.high is None:
        return "no interval"
    return f"{sign(difference.low, digits)} to {sign(difference.high, digits)}"


FILTERS = (
    bounds, breakable, chance, count, ends, feature_words, interval, joined, metric_title, number, percent,
    probability, short_arm, sign, signed_interval, spread, threshold, tidy, unit, verdict,
)  # fmt: skip
"""What the templates may use, each by its own name."""
