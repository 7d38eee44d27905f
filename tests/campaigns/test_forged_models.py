"""The campaign of forged models, with one of every kind and a few more."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from normwise.classify import CLASSIFIERS
from normwise.features import find_extractor
from normwise.learnt import LEARNT

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are forked")


@pytest.fixture(scope="module")
def campaign() -> Iterator[Any]:
    # By its name, which the children import it by.
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        yield importlib.import_module("forged_models")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_forged_model_crashes_hangs_or_ends_in_a_traceback(campaign: Any) -> None:
    count = len(list(campaign.kinds())) + 7
    counts, faults = campaign.run(count)
    assert not faults
    assert counts["refused"] > count / 2
    assert counts["refused"] + counts["predicted"] == count


def test_every_classifier_and_learnt_extractor_is_forged(campaign: Any) -> None:
    pytest.importorskip("torch")
    kinds = list(campaign.kinds())
    assert {classifier for _, _, classifier, _ in kinds} == set(CLASSIFIERS)
    assert {find_extractor(data.study).learnt for _, data, _, _ in kinds} == {*LEARNT, None}
