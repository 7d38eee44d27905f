"""The functions that children call: a module outside every package, found by its file."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def workers() -> ModuleType:
    """The module ``workers.py`` beside this file."""
    name = "normwise_test_workers"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("workers.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
