"""Does every learning rate that ``normwise descent`` calls adequate train in the study? ``rates [STUDY …]``.

Declared beforehand: the cohorts are the lecture's eight people, 60 simulated people, and the study files
that are given (the demo's, OASIS-1 of 60 and older by regions, and ABIDE were), each with both costs: the
cross-entropy for ``logistic``, the squared cost for ``linear``. The rate is that of the page's curve that
is called adequate, and the study is evaluated with it, every arm, fold and setting, as ``normwise
evaluate`` does; of the steps only a few are taken, since a rate is refused (CLS-108) before the first.
Goal: not one refusal.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np

COSTS = {"logistic": "cross_entropy", "linear": "squared"}
STEPS = 5


def main() -> None:
    from lecture_table import write_eight
    from normwise.cohort import read_study

    with tempfile.TemporaryDirectory(prefix="normwise-rates-") as name:
        folder = Path(name)
        costs = '[decision]\ncost = { missed = 2, false_alarm = 1 }\n[evaluation]\nsplit = "leave_one_out"\n'
        studies = {
            "eight people": write_eight(folder / "eight", costs),
            "60 simulated": _simulated(folder / "simulated"),
            **{Path(word).parent.name: Path(word) for word in sys.argv[2:]},
        }
        for title, path in studies.items():
            for classifier, cost in COSTS.items():
                own = folder / f"{path.parent.name}-{classifier}"
                try:
                    said = _try_rate(read_study(path), classifier, cost, own)
                except Exception as error:  # noqa: BLE001 - one cohort costs no other
                    said = f"FAILED: {error}"
                print(f"{title}, {classifier}: {said}", flush=True)


def _try_rate(study: Any, classifier: str, cost: Any, folder: Path) -> str:
    from normwise.classify import compare_rates
    from normwise.errors import ClassifierError
    from normwise.evaluate import evaluate_study
    from normwise.procedure import keys_of, main_arm, stable_rates, training_columns
    from normwise.runs import prepare_run

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = study.model_copy(
            update={
                "classifier": study.classifier.model_copy(update={"name": classifier, "parameters": {}}),
                "evaluation": study.evaluation.model_copy(update={"bootstrap": 100}),
            }
        )
        prepared = prepare_run(study, folder / "descent", jobs=1)
        roles, people = prepared.cohort.roles, (prepared.labels, prepared.groups)
        keys = keys_of(prepared.study, prepared.cohort, prepared.features.values.index)
        by_arm = stable_rates(prepared.study, roles, prepared.frame, *people, costs=[cost], keys=keys)[cost]
        columns, labels = training_columns(
            prepared.study, roles, prepared.frame, prepared.labels, main_arm(prepared.study, roles)
        )
        limit = min(by_arm.values())
        curves = compare_rates(columns.to_numpy(), labels, cost=cost, steps=STEPS, limit=limit)
        rate = next(float(name.rsplit(" ", 1)[-1]) for name in curves if name.startswith("adequate"))
        settings = {"solver": "gradient_descent", "learning_rate": rate, "max_steps": STEPS}
        tried = study.model_copy(
            update={"classifier": study.classifier.model_copy(update={"parameters": settings})}
        )
        try:
            found = evaluate_study(tried, folder / "run", jobs=1)
        except ClassifierError as error:
            return f"rate {rate:.4g} of {limit:.4g}: REFUSED {error.code}, {error.seen}"
        trained = int(np.sum([arm.auc.estimate is not None for arm in found.arms.values()]))
        return f"rate {rate:.4g}, half of {limit:.4g}: trains in {trained} of {len(found.arms)} arms"


def _simulated(folder: Path) -> Path:
    from simulated import simulate

    small = simulate(60, seed=7)
    folder.mkdir()
    small.X.rename_axis("participant_id").assign(dx=small.labels).to_csv(folder / "p.tsv", sep="\t")
    columns = [name for name in small.X.columns if name not in ("age", "sex")]
    (folder / "study.toml").write_text(
        '[cohort]\ntable = "p.tsv"\nlabel = "dx"\nnormal = "normal"\ndemographics = ["age", "sex"]\n'
        'classes = { normal = ["normal"], AD = ["AD"] }\n'
        f'[features]\nextractor = "table"\ncolumns = {columns}\n'.replace("'", '"'),
        encoding="utf-8",
    )
    return folder / "study.toml"
