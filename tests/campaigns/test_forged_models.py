"""The campaign of forged models, with 150 of them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="children are forked")
def test_no_forged_model_crashes_hangs_or_ends_in_a_traceback() -> None:
    spec = importlib.util.spec_from_file_location(
        "forged_models", Path(__file__).with_name("forged_models.py")
    )
    assert spec is not None
    assert spec.loader is not None
    campaign = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(campaign)
    counts, faults = campaign.run(150)
    assert not faults
    assert counts["refused"] > 75
    assert counts["refused"] + counts["predicted"] == 150
