"""Merge the sums of many sites, and compare with the reference of all their people, to the last byte.

    python -m benchmarks federated ABIDE_FOLDER

The folder holds the phenotypes and FreeSurfer's tables of thickness, area and volume. Declared: healthy
controls with complete rows; age and sex; once a line, once a spline with knots at 8, 12, 16, 24 and 40 years;
one file of sums a site; 100 random orders and groupings (seed 0); SHA-256 of each merged file against that of
the pooled people, read back from the disk; W of `Reference` against that of `FeatureNormalizer` on the same
people, for everybody in the tables. Then the second round, with ``tails="auto"``: one file of counts a site,
read back, added in 100 orders and groupings, and W against that of ``FeatureNormalizer(tails="auto")``.
At last sums that know their site, merged as before; and, each site left out in turn, W of its controls by the
reference of the others, as of a new site, against that of `SiteHarmonizer` and `FeatureNormalizer` on people;
and their second round.
"""

from __future__ import annotations

import hashlib
import re
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

NAMES = ["age", "sex"]
DESIGNS = {"line": {}, "spline": {"design": "spline", "knots": {"age": [8.0, 12.0, 16.0, 24.0, 40.0]}}}
ORDERS = 100
WITHIN = 5.0  # farther W are of measurements that went wrong


def main() -> None:
    people, site, control = read(Path(sys.argv[2]))
    for title, design in DESIGNS.items():
        measure(title, design, people, site, control)
    differ(people[control].assign(site=site[control]))


def read(folder: Path) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return features beside age and sex, the site of each person, and who is a control."""
    phenotypes = pd.read_csv(next(folder.glob("Phenotypic*.csv"))).set_index("SUB_ID")
    tables = []
    for path in sorted(folder.glob("?h.aparc_table_*.tsv")):
        table = pd.read_csv(path, sep="\t", index_col=0)
        table.index = [int(re.search(r"(\d+)$", str(name))[1]) for name in table.index]
        tables.append(table)
    features = pd.concat(tables, axis=1)
    features = features.loc[:, ~features.columns.duplicated()].dropna()
    both = features.index.intersection(phenotypes.index)
    who = phenotypes.loc[both]
    frame = features.loc[both].copy().assign(age=who["AGE_AT_SCAN"], sex=who["SEX"].map({1: "M", 2: "F"}))
    return frame, who["SITE_ID"].to_numpy(), (who["DX_GROUP"] == 2).to_numpy()


def measure(title: str, design: dict, people: pd.DataFrame, site: np.ndarray, control: np.ndarray) -> None:
    from normwise.normalize import FeatureNormalizer, Reference, read_reference, write_reference

    folder = Path(tempfile.mkdtemp())
    normals = people[control]
    begun = time.process_time()
    pooled = Reference.of_frame(normals, NAMES, **design)
    seconds = time.process_time() - begun
    wanted = digest(write_reference(pooled, folder / "pooled.json"))
    files = []
    for place, name in enumerate(np.unique(site[control])):
        part = Reference.of_frame(normals[site[control] == name], NAMES, choose=False, **design)
        files.append(write_reference(part, folder / f"{place}.json"))
    rng, equal = np.random.default_rng(0), 0
    for _ in range(ORDERS):
        waiting = [read_reference(file) for file in files]
        while len(waiting) > 1:
            first, second = (waiting.pop(int(rng.integers(len(waiting)))) for _ in range(2))
            waiting.append(first.merge(second))
        equal += digest(write_reference(waiting[0], folder / "merged.json")) == wanted
    normalizer = read_reference(folder / "merged.json").normalizer()
    direct = FeatureNormalizer(NAMES, **design).fit(normals)
    w = normalizer.transform(people[[*normalizer.feature_names_in_]])
    gap = np.abs(w - direct.transform(people)).max()
    known, own = (each.in_support(people[NAMES])["supported"] for each in (normalizer, direct))
    print(
        f"{title:7} {len(normals)} controls of {len(files)} sites, {people.shape[1] - 2} features: "
        f"{equal} of {ORDERS} orders and groupings with equal SHA-256; a site sends "
        f"{read_reference(files[0]).sums.n_values} numbers, {files[0].stat().st_size / 1024:.0f} KiB; "
        f"largest difference of W {gap:.1e} in {len(people)} people; {seconds:.2f} s for the pooled sums; "
        f"the same support for {(known == own).mean():.1%}"
    )
    count(folder, design, people, site, control)


def count(folder: Path, design: dict, people: pd.DataFrame, site: np.ndarray, control: np.ndarray) -> None:
    """Measure the second round, by the reference that the first has left in the folder."""
    from normwise.normalize import (
        FeatureNormalizer,
        count_normals,
        read_reference,
        read_sums,
        with_counts,
        write_reference,
    )

    norm = read_reference(folder / "merged.json")
    normals, site = people[control], site[control]
    wanted = digest(
        write_reference(with_counts(norm, count_normals(norm, normals, "auto")), folder / "tails.json")
    )
    files = [
        write_reference(count_normals(norm, normals[site == name], "auto"), folder / f"{place}.counts")
        for place, name in enumerate(np.unique(site))
    ]
    rng, equal = np.random.default_rng(0), 0
    for _ in range(ORDERS):
        waiting = [read_sums(file) for file in files]
        while len(waiting) > 1:
            first, second = (waiting.pop(int(rng.integers(len(waiting)))) for _ in range(2))
            waiting.append(first + second)
        equal += digest(write_reference(with_counts(norm, waiting[0]), folder / "m.json")) == wanted
    begun = time.process_time()
    normalizer = read_reference(folder / "tails.json").normalizer()
    seconds = time.process_time() - begun
    direct = FeatureNormalizer(NAMES, tails="auto", **design).fit(normals)
    w = normalizer.transform(people[[*normalizer.feature_names_in_]])
    gap = np.abs(w - direct.transform(people))[np.abs(w) < WITHIN]
    print(
        f"{'':7} second round: {equal} of {ORDERS} with equal SHA-256; a site sends "
        f"{files[0].stat().st_size / 1024:.0f} KiB; {1e3 * seconds / len(norm.features):.1f} ms a feature to "
        f"fit; difference of W within {WITHIN:g}: "
        f"{gap.mean():.4f} on average, {np.quantile(gap, 0.99):.4f} in 99 of 100"
    )


def differ(normals: pd.DataFrame) -> None:
    """Measure references that know how sites differ."""
    import warnings

    from normwise.normalize import (
        FeatureNormalizer,
        Reference,
        SiteHarmonizer,
        count_normals,
        read_reference,
        read_sums,
        with_counts,
        write_reference,
    )

    warnings.filterwarnings("ignore", message="NRM-")
    folder = Path(tempfile.mkdtemp())
    pooled = Reference.of_frame(normals, NAMES, site="site", unseen="predict")
    wanted = digest(write_reference(pooled, folder / "pooled.json"))
    parts = {}
    for name, own in normals.groupby("site"):
        part = Reference.of_frame(own, NAMES, site="site", unseen="predict")
        parts[name] = read_reference(write_reference(part, folder / f"{name}.json"))
    rng, equal = np.random.default_rng(0), 0
    for _ in range(ORDERS):
        waiting = list(parts.values())
        while len(waiting) > 1:
            first, second = (waiting.pop(int(rng.integers(len(waiting)))) for _ in range(2))
            waiting.append(first.merge(second))
        equal += digest(write_reference(waiting[0], folder / "merged.json")) == wanted
    gaps = []
    for left_out in parts:
        first, *others = (part for name, part in parts.items() if name != left_out)
        for part in others:
            first = first.merge(part)
        here = normals["site"] == left_out
        labels = ["normal"] * int((~here).sum())
        harmonizer = SiteHarmonizer("site", NAMES, "normal", unseen="predict").fit(normals[~here], labels)
        direct = FeatureNormalizer(NAMES).fit(harmonizer.transform(normals[~here]))
        own = first.normalizer().transform(first.harmonizer().transform(normals[here]))
        gaps.append(np.abs(own - direct.transform(harmonizer.transform(normals[here]))))
    gap = np.concatenate(gaps)
    print(
        f"by site {equal} of {ORDERS} with equal SHA-256; difference of W at a site left out: "
        f"{gap.mean():.4f} on average, {np.quantile(gap, 0.99):.4f} in 99 of 100"
    )
    bent = with_counts(pooled, count_normals(pooled, normals, "auto"))
    wanted = digest(write_reference(bent, folder / "tails.json"))
    counted = [
        read_sums(write_reference(count_normals(pooled, own, "auto"), folder / f"{name}.counts"))
        for name, own in normals.groupby("site")
    ]
    equal = 0
    for _ in range(ORDERS):
        waiting = list(counted)
        while len(waiting) > 1:
            first, second = (waiting.pop(int(rng.integers(len(waiting)))) for _ in range(2))
            waiting.append(first + second)
        equal += digest(write_reference(with_counts(pooled, waiting[0]), folder / "m.json")) == wanted
    print(f"by site, second round: {equal} of {ORDERS} with equal SHA-256")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
