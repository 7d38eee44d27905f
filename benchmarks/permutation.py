"""A permutation test with the whole procedure inside: features and demographics read once, and read anew.

A cohort of the size of OASIS-1's people of 60 and older with the default regions; logistic regression over
its grid. Reading once is timed over 40 permutations, reading anew over as many as bear it, and both must find
the same areas.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks.nested import cohort

PEOPLE, FEATURES = 139, 266
ONCE, ANEW = 40, 4


def main() -> None:
    from normwise.evaluate.permutation import area_of, shuffle_people
    from normwise.procedure import ArmFitter
    from normwise.schema import Roles, Study

    X, y = cohort(PEOPLE, FEATURES)
    X = X.copy()  # one block a type, as a run's frame has it
    roles = Roles("dx", ("normal", "patient"), "normal", ("normal", "patient"), ("age", "sex"), ("sex",))
    study = Study.model_validate({"features": {"extractor": "table"}})
    people = X.index.astype(str).to_numpy(dtype=object)
    fitter = ArmFitter(study, roles, X, "normalized")
    spent, areas = {}, {}
    for title, count in (("read once", ONCE), ("read anew", ANEW)):
        found = []
        for number in range(-1, count):
            source = shuffle_people(y, people, roles.targets, None, np.random.default_rng(max(number, 0)))
            start = time.process_time()
            one = fitter if title == "read once" else ArmFitter(study, roles, X.copy(), "normalized")
            area = area_of(one, y, people, source=source)
            if number >= 0:  # the first one, not counted, fills caches
                found.append((area, time.process_time() - start))
        areas[title], seconds = np.array(found).T
        spent[title] = float(np.median(seconds))
    apart = float(np.abs(areas["read once"][:ANEW] - areas["read anew"]).max())
    print(f"{PEOPLE} people, {FEATURES} features, 5 outer and 5 inner folds, 5 settings")
    for title, seconds in spent.items():
        print(
            f"  {title:<12} {seconds * 1e3:8.1f} CPU ms a permutation, {seconds * 1000:6.1f} CPU s for 1000"
        )
    print(f"  largest difference of an area {apart:.1e}")


if __name__ == "__main__":
    main()
