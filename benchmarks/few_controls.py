"""Are W-scores of healthy people at a new site normal? By how many of its controls are known.

    python -m benchmarks few_controls simulated
    python -m benchmarks few_controls TABLES

TABLES is a folder with the phenotype of ABIDE and its FreeSurfer tables of cortical thickness; ids end in
the digits of ``SUB_ID``. Declared: its controls; each site with 30 or more is left out in turn; thickness on
age (spline) and sex; k of the site's controls at random, ten times, and everybody else of the site is
measured. The whole site's own W is the residual after the training's slopes, standardized by the site's mean
and deviation. Simulated: 12 training cohorts a row, 24 new sites each, 60 new healthy people a site; what a
site's shift is drawn from is in the row's name, its log scale is Gaussian. Nothing is chosen by them.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

METHODS = ("hierarchical", "combat", "location_scale")
CONTROLS = (0, 3, 5, 10, 20)


def main() -> None:
    warnings.filterwarnings("ignore", message="NRM-")
    for word in sys.argv[2:] or ["simulated"]:
        simulated() if word == "simulated" else abide(Path(word))


def fit(people: pd.DataFrame, method: str, design: str) -> tuple[Any, Any]:
    from normwise.normalize import FeatureNormalizer, SiteHarmonizer

    labels = ["normal"] * len(people)
    harmonizer = SiteHarmonizer("site", ("age", "sex"), "normal", method=method, design=design)
    harmonizer.fit(people, labels)
    normalizer = FeatureNormalizer(("age", "sex"), "normal", design=design)
    return harmonizer, normalizer.fit(harmonizer.transform(people), labels)


def measure(fitted: tuple[Any, Any], controls: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Return the W-scores of others of a site of which these controls are known."""
    harmonizer, normalizer = fitted
    harmonizer.set_params(unseen="own_normals" if len(controls) else "predict")
    if len(controls):
        harmonizer = harmonizer.adapt_to_sites(controls, ["normal"] * len(controls))
    return np.asarray(normalizer.transform(harmonizer.transform(others)))


def abide(folder: Path) -> None:
    people = read_abide(folder)
    sites = people["site"].value_counts()
    left_out = [name for name in sites.index if sites[name] >= 30]
    features = [name for name in people if name not in ("site", "age", "sex")]
    print(f"{len(people)} controls, {len(sites)} sites, {len(features)} features; left out: {left_out}")
    rng = np.random.default_rng(0)
    rows: dict[tuple[str, int], list[list[float]]] = {}
    for name, method in product(left_out, METHODS):
        here = (people["site"] == name).to_numpy()
        train, new = people[~here], people[here]
        fitted = fit(train, method, "spline")
        indicators = np.eye(len(sites))[pd.factorize(people["site"])[0]]
        columns = np.hstack([indicators, curves(people)])[~here]
        slopes = np.linalg.lstsq(columns, train[features].to_numpy())[0][len(sites) :]
        rest = new[features].to_numpy() - curves(new) @ slopes
        whole = (rest - rest.mean(axis=0)) / rest.std(axis=0, ddof=1)
        for controls in CONTROLS:
            for _ in range(10 if controls else 1):
                order = rng.permutation(len(new))
                own, others = order[:controls], order[controls:]
                w = measure(fitted, new.iloc[own], new.iloc[others])
                rmse = np.sqrt(np.mean((w - whole[others]) ** 2))
                rows.setdefault((method, controls), []).append([(np.abs(w) > 1.96).mean(), w.std(), rmse])
    for (method, controls), found in sorted(rows.items()):
        outside, deviation, rmse = np.mean(found, axis=0)
        print(
            f"{method:15} {controls:3} controls: outside {outside:.1%}, SD {deviation:.2f}, RMSE {rmse:.2f}"
        )


def read_abide(folder: Path) -> pd.DataFrame:
    """Return age, sex, site and regional thickness of the controls."""
    (phenotype,) = folder.glob("*henotyp*")
    people = pd.read_csv(phenotype).set_index("SUB_ID")
    tables = []
    for path in sorted(folder.glob("*thickness*")):
        table = pd.read_csv(path, sep=None, engine="python")
        numbers = [int(re.search(r"(\d+)$", str(each)).group(1)) for each in table.iloc[:, 0]]
        tables.append(table.iloc[:, 1:].set_axis(numbers))
    features = pd.concat(tables, axis=1).filter(like="hickness")
    features = features.loc[:, ~features.columns.duplicated()].dropna()
    features = features[features.index.isin(people.index[people["DX_GROUP"] == 2])]
    own = people.loc[features.index]
    features["age"], features["sex"] = own["AGE_AT_SCAN"].astype(float), own["SEX"].map({1: "M", 2: "F"})
    return features.assign(site=own["SITE_ID"].astype(str)).set_axis([f"s{i}" for i in features.index])


def curves(people: pd.DataFrame) -> np.ndarray:
    age = people["age"].to_numpy()
    return np.column_stack([age, age**2 / 50, np.maximum(age - 18, 0), people["sex"] == "M"]).astype(float)


class Sites:
    """Sites with known effects: 40 features, age and sex, people who share a third of their variance."""

    def __init__(self, seed: int, shape: str, spread: float, features: int = 40) -> None:
        self.rng, self.shape, self.spread, self.features = (
            np.random.default_rng(seed),
            shape,
            spread,
            features,
        )

    def effect(self) -> tuple[np.ndarray, np.ndarray]:
        """Draw one site's shift and scale of each feature."""
        rng, width = self.rng, self.features
        shift = rng.normal(size=width)
        if self.shape == "t":
            shift /= np.sqrt(rng.chisquare(4.0, width) / 4.0) * np.sqrt(2.0)
        elif self.shape == "together":
            shift = 0.8 * rng.normal() * np.where(np.arange(width) % 3, 1.0, -1.0) + 0.6 * shift
        elif self.shape == "uniform":
            shift = rng.uniform(-np.sqrt(3.0), np.sqrt(3.0), width)
        return self.spread * shift, np.exp(0.2 * rng.normal(size=width))

    def people(self, name: str, count: int) -> Iterator[pd.DataFrame]:
        """Yield people of one site, as often as asked."""
        rng, (shift, scale) = self.rng, self.effect()
        middle = rng.uniform(40, 60)
        while True:
            age, sex = rng.uniform(middle - 20, middle + 20, count), rng.choice(["F", "M"], count)
            noise = np.sqrt(1 / 3) * rng.normal(size=(count, 1))
            noise = noise + np.sqrt(2 / 3) * rng.normal(size=(count, self.features))
            values = 10 - 0.05 * age[:, None] + 0.5 * (sex == "M")[:, None] + shift + scale * noise
            frame = pd.DataFrame(values).add_prefix("f").assign(age=age, sex=sex, site=name)
            yield frame.set_axis([f"{name}-{rng.integers(1 << 40)}" for _ in range(count)])


def unequal(rng: np.random.Generator, sites: int) -> list[int]:
    return [max(3, int(n)) for n in rng.lognormal(2.8, 0.8, sites)]


SIMULATED: dict[str, tuple[str, float, Callable[[np.random.Generator], list[int]]]] = {
    "4 sites of 40, Gaussian": ("gaussian", 0.6, lambda _: [40] * 4),
    "4 sites of 40, features together": ("together", 0.6, lambda _: [40] * 4),
    "6 unequal sites, uniform": ("uniform", 0.6, lambda rng: unequal(rng, 6)),
    "20 sites of 25, Gaussian": ("gaussian", 0.6, lambda _: [25] * 20),
    "20 sites of 25, t of 4": ("t", 0.6, lambda _: [25] * 20),
    "20 unequal sites, t of 4": ("t", 0.6, lambda rng: unequal(rng, 20)),
    "20 sites of 8, together": ("together", 1.0, lambda _: [8] * 20),
    "12 sites of 20, no difference": ("gaussian", 0.0, lambda _: [20] * 12),
}


def simulated() -> None:
    for method, title in product(METHODS[:2], SIMULATED):
        shape, spread, sizes = SIMULATED[title]
        found: dict[int, list[float]] = {}
        for seed in range(12):
            sites = Sites(seed, shape, spread)
            train = [next(sites.people(f"t{i}", n)) for i, n in enumerate(sizes(sites.rng))]
            fitted = fit(pd.concat(train), method, "linear")
            for place in range(24):
                site = sites.people(f"n{place}", 60)
                known, people = next(site), next(site)
                for controls in CONTROLS:
                    w = measure(fitted, known.iloc[:controls], people)
                    found.setdefault(controls, []).append(float((np.abs(w) > 1.96).mean()))
        rates = ", ".join(f"{controls}: {np.mean(each):.1%}" for controls, each in found.items())
        print(f"{method:13} {title:34} outside by controls {rates}", flush=True)


if __name__ == "__main__":
    main()
