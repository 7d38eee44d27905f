"""The reference lists every command and every key's flag, and no other."""

import re
from pathlib import Path

import normwise
from normwise.classify import CLASSIFIERS, REGRESSORS
from normwise.cli.main import VERBS
from normwise.cli.study_flags import list_keys
from normwise.features import EXTRACTORS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


def test_every_command_is_in_the_reference():
    documented = re.findall(r"^\| `normwise (\w+)", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(documented) == set(VERBS)


def test_every_key_is_in_the_reference_with_its_flags_and_meaning():
    rows = re.findall(
        r"^\| (?:`(\S+)`)? *\| `(--\S+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    documented = {full: (short, meaning) for short, full, meaning in rows}
    keys = {key.names[0]: (key.names[1] if len(key.names) > 1 else "", key.help) for key in list_keys()}
    assert documented == keys


def test_help_names_every_extractor_and_classifier():
    help_of = {key.dotted: key.help for key in list_keys()}
    named = {**CLASSIFIERS, **REGRESSORS}
    for dotted, registry in (("features.extractor", EXTRACTORS), ("classifier.name", named)):
        names = re.split(r", | or ", help_of[dotted].partition(": ")[2].partition(" (")[0])
        assert names == list(registry)
    solvers = [name for name, spec in CLASSIFIERS.items() if "solver" in spec.estimator.settings()]
    assert f"({', '.join(solvers)})" in help_of["classifier.solver"]


def test_the_overview_lists_every_package():
    listed = re.findall(r"^    (\w+) {2,}", normwise.__doc__, flags=re.MULTILINE)
    folder = Path(normwise.__file__).parent
    packages = {
        path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert len(listed) == len(set(listed))
    assert set(listed) == packages - {"__init__"}
