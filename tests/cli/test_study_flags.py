"""Flags equal keys: every key of the schema has one, under two names, read as the study file reads it."""

from itertools import chain

import pytest
from cyclopts import App
from pydantic import BaseModel

from normwise.cli.study_flags import NO_KEY, EveryStudyFlag, StudyFlags, list_keys, overrides_from
from normwise.cohort import read_study
from normwise.schema import EXTRACTOR_SECTIONS, Study


def parse(*words):
    app = App(result_action="return_value")

    @app.default
    def take(*, keys: StudyFlags = NO_KEY):
        return overrides_from(keys)

    return app(list(words), exit_on_error=False, print_error=False)


def dotted_keys(model=Study, above=""):
    """List the keys in another way than the flags do: from a study that has every optional section."""
    for name, value in model:
        if isinstance(value, BaseModel):
            yield from dotted_keys(value, f"{above}{name}.")
        else:
            yield f"{above}{type(model).model_fields[name].alias or name}"


def test_every_key_of_the_schema_has_a_flag():
    studies = [
        Study.model_validate({"decision": {"cost": {}}, "features": {"extractor": name}})
        for name in EXTRACTOR_SECTIONS
    ]
    keys = [key.dotted for key in list_keys()]
    assert set(keys) == {key for study in studies for key in dotted_keys(study)}
    assert len(keys) == len(set(keys))
    for study in studies:  # a section's keys keep their order
        own = [key for key in dotted_keys(study) if not key.startswith("features.")]
        assert [key for key in keys if not key.startswith("features.")] == own


def test_every_flag_has_the_keys_full_name():
    for key in list_keys():
        assert f"--{key.dotted}" in key.names


def test_no_name_stands_for_two_keys():
    names = list(chain.from_iterable(key.names for key in list_keys()))
    assert len(names) == len(set(names))


def test_every_flag_says_what_it_means():
    assert all(key.help for key in list_keys())


@pytest.mark.parametrize("key", list_keys(), ids=lambda key: key.dotted)
def test_every_name_of_every_flag_is_understood(key):
    value = {
        "choice": key.annotation.__args__[0] if key.kind == "choice" else "",
        "text": "1",
        "list": "a",
        "pairs": "age:sex",
    }
    for name in key.names:
        words = [f"{name}.inner.deep", "1"] if key.kind == "tables" else [name, value.get(key.kind, "1")]
        if key.kind in ("lists", "values", "value lists"):
            words = [f"{name}.inner", "1"]
        if key.kind == "switch":
            words = [name]
        assert list(parse(*words)) == [key.dotted]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--label", "dx"], {"cohort.label": "dx"}),
        (["--cohort.group_pattern", r"^(OAS1_\d+)_"], {"cohort.group_pattern": r"^(OAS1_\d+)_"}),
        (["--demographics", "age", "sex"], {"cohort.demographics": ["age", "sex"]}),
        (["--demographics", "Age", "--demographics", "M/F"], {"cohort.demographics": ["Age", "M/F"]}),
        (["--include", "age >= 60"], {"cohort.include": ["age >= 60"]}),
        (
            ["--classes.normal", "CN", "--classes.ad", "AD", "LMCI"],
            {"cohort.classes": {"normal": ["CN"], "ad": ["AD", "LMCI"]}},
        ),
        (["--interactions", "age:sex"], {"normalizer.interactions": [["age", "sex"]]}),
        (["--grid.C", "0.1", "10"], {"classifier.grid": {"C": [0.1, 10]}}),
        (
            ["--parameters.kernel", "rbf", "--parameters.C", "2"],
            {"classifier.parameters": {"kernel": "rbf", "C": 2}},
        ),
        (["--cost.missed", "10"], {"decision.cost.missed": "10"}),
        (
            ["--cost-matrix.AD.normal", "10", "--cost-matrix.normal.AD", "1"],
            {"decision.cost_matrix": {"AD": {"normal": "10"}, "normal": {"AD": "1"}}},
        ),
        ([], {}),
    ],
)
def test_flags_become_dotted_keys(words, expected):
    assert parse(*words) == expected


def test_flags_give_the_study_that_a_file_would(tmp_path):
    written = tmp_path / "written.toml"
    written.write_text(
        '[cohort]\nlabel = "dx"\nclasses = { normal = ["CN"], ad = ["AD"] }\ndemographics = ["age"]\n'
        "[classifier]\ngrid = { C = [0.1, 1] }\n[decision]\ncost = { missed = 10 }\n[evaluation]\nfolds = 3\n"
    )
    bare = tmp_path / "bare.toml"
    bare.write_text("")
    words = "--label dx --classes.normal CN --classes.ad AD --demographics age"
    words += " --grid.C 0.1 1 --cost.missed 10 --folds 3"
    assert read_study(bare, parse(*words.split())) == read_study(written)


def test_a_file_here_is_meant_before_one_beside_the_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels.nii.gz").touch()
    (tmp_path / "subjects").mkdir()
    assert parse("--atlas", "labels.nii.gz") == {"features.atlas": str(tmp_path / "labels.nii.gz")}
    assert parse("--subjects-dir", "subjects") == {"features.subjects_dir": str(tmp_path / "subjects")}
    assert parse("--atlas", "neuromorphometrics") == {"features.atlas": "neuromorphometrics"}


def test_help_shows_the_everyday_keys_and_check_shows_all():
    # fields(…) of both classes are the same keys; only what help shows differs.
    shown = [
        {name for name, each in flags.__dataclass_fields__.items() if each.type.__metadata__[0].show}
        for flags in (StudyFlags, EveryStudyFlag)
    ]
    assert shown[0] < shown[1]
    assert len(shown[1]) == len(list_keys())
