from __future__ import annotations

import re
from pathlib import Path

import pytest

from normwise.cohort import read_study
from normwise.errors import StudyError
from normwise.schema import CostPair, FeaturesSection, Study, feature_keys, readers_of, section_in

HOWTO = Path(__file__).resolve().parents[2] / "docs" / "howto" / "study-file.md"


def study_file(tmp_path, text):
    path = tmp_path / "study.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(tmp_path, text, overrides=None):
    with pytest.raises(StudyError) as caught:
        read_study(study_file(tmp_path, text), overrides)
    return caught.value


def test_an_empty_study_is_all_defaults(tmp_path):
    study = read_study(study_file(tmp_path, ""))
    assert study.cohort.root == tmp_path
    assert study.model_copy(update={"cohort": study.cohort.model_copy(update={"root": None})}) == Study()


def test_root_starts_from_the_study_file(tmp_path, monkeypatch):
    study_file(tmp_path, '[cohort]\nroot = "data"\n')
    monkeypatch.chdir(tmp_path)
    assert read_study("study.toml").cohort.root == tmp_path / "data"
    assert read_study("study.toml", {"cohort.root": Path("/elsewhere")}).cohort.root == Path("/elsewhere")


def test_overrides_lie_over_the_file(tmp_path):
    path = study_file(tmp_path, '[cohort]\nlabel = "CDR"\nsite = "s"\nclasses = { normal = ["0"] }\n')
    changes = {
        "cohort.label": "dx", "cohort.site": None, "cohort.classes.AD": ["1"], "evaluation.folds": "3",
        "cohort.demographics": ("Age",), "title": "new",
    }  # fmt: skip
    study = read_study(path, changes)
    assert (study.cohort.label, study.cohort.site, study.evaluation.folds, study.title) == (
        "dx",
        None,
        3,
        "new",
    )
    assert study.cohort.classes == {"normal": ["0"], "AD": ["1"]}
    assert study.cohort.demographics == ["Age"]


def test_a_rule_of_decision_replaces_the_files_other_one(tmp_path):
    path = study_file(tmp_path, "[decision]\nsensitivity = 0.9\n")
    decision = read_study(path, {"decision.cost.missed": 10, "decision.cost.false_alarm": 2}).decision
    assert decision.sensitivity is None
    assert decision.cost == CostPair(missed=10, false_alarm=2)
    assert read_study(path, {"decision.cost": None}).decision.sensitivity == 0.9
    error = refusal(tmp_path, "", {"decision.cost.missed": 10, "decision.sensitivity": 0.8})
    assert error.code == "STU-104"


@pytest.mark.parametrize(
    ("text", "problem", "advice"),
    [
        ('[cohort]\nlabl = "x"', "no key 'labl' in [cohort]", "did you mean 'label'?"),
        ('label = "x"', "no key 'label' at the top", "write it under [cohort]"),
        ("[cohort]\nfolds = 5", "no key 'folds' in [cohort]", "write it under [evaluation]"),
        ("[evalution]\nfolds = 5", "no key 'evalution' at the top", "did you mean 'evaluation'?"),
        ("[decision]\ncost = { mised = 1 }", "no key 'mised' in [decision.cost]", "did you mean 'missed'?"),
        ("[evaluation]\nzzz = 5", "no key 'zzz'", "keys are folds, repeats, inner_folds"),
    ],
)
def test_an_unknown_key_names_the_nearest(tmp_path, text, problem, advice):
    error = refusal(tmp_path, text)
    assert error.code == "STU-103"
    assert problem in error.problem
    assert advice in error.advice


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("[evaluation]\nfolds = 1", "evaluation.folds", "a whole number of at least 2"),
        ("[evaluation]\nfolds = 2.5", "evaluation.folds", "a whole number"),
        ('[evaluation]\nfolds = "many"', "evaluation.folds", "a whole number"),
        ("[decision]\nsensitivity = 1.0", "decision.sensitivity", "below 1"),
        ("[decision]\nsensitivity = nan", "decision.sensitivity", "number"),
        ("[decision]\nsensitivity = 0.9\ncost = { missed = 1 }", "decision", "give one of"),
        ("[decision]\ncost = 5", "decision.cost", "a table of keys"),
        ("[features]\nextractor = 'voxels'\nsmoothing_mm = -1", "features.smoothing_mm", "of at least 0"),
        ('[cohort]\ndemographics = "Age"', "cohort.demographics", "a list"),
        ("[cohort]\nlabel = 3", "cohort.label", "text in quotes"),
        ('[cohort]\nclasses = ["a"]', "cohort.classes", "a table"),
        ("[cohort]\nclasses = { normal = [0] }", "cohort.classes.normal.0", "text in quotes"),
        ('[cohort]\nsessions = "frist"', "cohort.sessions", "'first' or 'all'"),
        ("[cohort]\nroot = 3", "cohort.root", "a path in quotes"),
        ("cohort = 3", "cohort", "a table of keys"),
    ],
)
def test_a_wrong_value_names_key_value_and_expectation(tmp_path, text, key, expected):
    error = refusal(tmp_path, text)
    assert error.code == "STU-104"
    assert error.problem.startswith(f"{key} ")
    assert expected in error.expected
    assert error.seen
    assert error.advice
    assert not re.search("pydantic|validat|Input should|_type|_parsing", str(error))


def test_advice_of_wrong_values(tmp_path):
    assert (
        'write it in quotes, as the table has it: "0"'
        in refusal(tmp_path, "[cohort]\nclasses = { a = [0] }").advice
    )
    assert refusal(tmp_path, '[cohort]\nsessions = "frist"').advice == "did you mean 'first'?"
    assert (
        "(class name = the label's values"
        in refusal(tmp_path, "[cohort]\nclasses = { normal = [0] }").expected
    )
    both = refusal(tmp_path, "[evaluation]\nfolds = 1\nseed = -1\n")
    assert "wrong as well: evaluation.seed" in both.advice
    assert "(outer folds)" in both.expected


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("[cohort\n", "line 1"),
        ("[evaluation]\nfolds = 5, repeats = 5\n", "line 2"),
        (b"title = '\xff'", "utf-8"),
        ("x = " + "[" * 100_000, "nested"),
        (b"#" * (1024**2 + 1), "more than 1 MiB"),
        ("participant_id\tage\nsub-1\t3\n", "line 1"),
    ],
)
def test_what_is_no_toml(tmp_path, content, seen):
    error = refusal(tmp_path, content)
    assert error.code == "STU-102"
    assert seen in error.seen


def test_no_such_file(tmp_path):
    with pytest.raises(StudyError) as caught:
        read_study(tmp_path / "absent.toml")
    assert caught.value.code == "STU-101"


@pytest.mark.parametrize(
    ("cohort", "code", "advice"),
    [
        ('classes = { Normal = ["0"], AD = ["1"] }', "STU-105", "did you mean 'Normal'?"),
        (
            'classes = { normal = ["0"], AD = ["1"] }\ntargets = ["normal", "ad"]',
            "STU-106",
            "did you mean 'AD'?",
        ),
        ('targets = ["AD"]', "STU-106", "leave the key out"),
        ('targets = ["AD", "AD"]', "STU-106", "leave the key out"),
        ('include = ["Age > old"]', "STU-108", "several entries"),
        ("group_pattern = '('", "STU-109", "single quotes"),
        ("group_pattern = '^OAS1'", "STU-109", "parentheses"),
        ('classes = { normal = ["0"], AD = ["0"] }', "STU-110", "one of them"),
        ('demographics = ["Age", "Age"]', "STU-111", "once"),
        ('demographics = ["diagnosis"]', "STU-111", "take it out"),
        ('demographics = ["Age"]\ncategorical = ["age"]', "STU-111", "did you mean 'Age'?"),
        ('images = "brain.nii.gz"', "STU-112", "{participant_id}"),
    ],
)
def test_keys_that_contradict_one_another(tmp_path, cohort, code, advice):
    error = refusal(tmp_path, f"[cohort]\n{cohort}\n")
    assert error.code == code
    assert advice in error.advice


def sections():
    def list_keys(keys, place):
        for name, field in keys.items():
            inner = section_in(field.annotation)
            if inner:
                section_keys = feature_keys() if inner is FeaturesSection else inner.model_fields
                yield from list_keys(section_keys, place or name)
            if not inner or place:
                yield place, name, field

    return list(list_keys(Study.model_fields, ""))


def documented():
    rows: dict[tuple[str, str], str] = {}
    place = ""
    for line in HOWTO.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            found = re.fullmatch(r"## \[(\w+)\]", line)
            place = found[1] if found else ""
        found = re.match(r"\| `(\w+)` \| (?:`([^`]*)`)? ?\|", line)
        if found:
            rows[place, found[1]] = found[2] or ""
    return rows


def test_every_key_is_explained_with_its_default_and_no_other_is():
    rows = documented()
    keys = [(place, field.alias or name, field) for place, name, field in sections()]
    assert set(rows) == {(place, name) for place, name, _ in keys}
    for place, name, field in keys:
        default = field.get_default(call_default_factory=True)
        shown = "" if default is None else repr(default).replace("'", '"')
        shown = shown.lower() if isinstance(default, bool) else shown
        assert rows[place, name] == shown, name


def test_the_example_of_the_howto_is_a_study(tmp_path):
    example = re.search(r"```toml\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)[1]
    assert read_study(study_file(tmp_path, example)).cohort.demographics == ["Age", "M/F"]


def test_the_howto_names_the_extractors_that_read_a_key():
    for line in HOWTO.read_text(encoding="utf-8").partition("## [features]")[2].splitlines():
        found = re.match(r"\| `(\w+)` .*?\| For ([^:]*): ", line)
        if found:
            assert re.findall(r"`(\w+)`", found[2]) == readers_of(found[1]), found[1]
        if line.startswith("## "):
            break
