"""The site is built without a warning, has every page and public name, and fetches nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html import unescape
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PACKAGES = sorted(
    path.parent.name
    for path in (ROOT / "src" / "normwise").glob("*/__init__.py")
    if path.parent.name not in {"cli", "reprs"}  # the commands have a page of their own; reprs show, unseen
)
MISSING = [
    name
    for name in ("sphinx", "pydata_sphinx_theme", "numpydoc", "myst_parser", "sphinx_gallery")
    if find_spec(name) is None
]


def pages_of(text: str) -> list[str]:
    return re.findall(r"^   (/?[a-z][a-z/-]*)$", text, re.MULTILINE)


def test_pages_that_are_listed_are_there() -> None:
    # That every page is listed Sphinx sees itself; the gallery's are made while it builds.
    listed = [
        DOCS / name[1:] if name.startswith("/") else index.parent / name
        for index in DOCS.rglob("index.rst")
        for name in pages_of(index.read_text("utf-8"))
        if not name.startswith("gallery/")
    ]
    assert len(listed) == len(set(listed)) > 30
    assert [
        page for page in listed if not any(page.with_suffix(kind).exists() for kind in (".md", ".rst"))
    ] == []


def test_every_package_is_in_the_reference() -> None:
    reference = "".join(path.read_text("utf-8") for path in (DOCS / "reference" / "api").glob("*.rst"))
    assert sorted(re.findall(r"automodule:: normwise\.(\w+)", reference)) == sorted({*PACKAGES, "errors"})


CONCEPTS = (
    "tissue contrast", "demographics beside images", "large size", "linear regression of a number",
    "low, an adequate and a high rate", "cost j(w)", "0/1 classes", "logistic function", "cross-entropy",
    "margin", "random forest", "neural and deep network", "six activations", "image classification in 2d",
    "image classification in 3d", "feature extraction by regions", "classifier on features",
    "demographics with the features", "feature normalizer", "example 1, training and test",
    "example 2", "norm",
)  # fmt: skip
"""Of the lecture."""


def test_every_concept_of_the_lecture_has_a_command_and_a_picture() -> None:
    lines = (DOCS / "lecture.md").read_text("utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")][
        2:
    ]
    for concept in CONCEPTS:
        assert any(concept in row[0].lower() for row in rows), concept
    for row in rows:
        assert len(row) == 4, row
        assert row[1].startswith("`normwise "), row
        assert re.search(r"\]\(\.\./examples/\w+/plot_\w+\.py\)", row[3]), row


def test_examples_are_there_and_every_one_of_the_lecture_is_in_its_table() -> None:
    linked = set(re.findall(r"\]\(\.\./(examples/[\w/]+\.py)\)", (DOCS / "lecture.md").read_text("utf-8")))
    examples = {path.relative_to(ROOT).as_posix() for path in (ROOT / "examples").rglob("*.py")}
    assert all(Path(name).name.startswith("plot_") for name in examples)  # others do not run
    assert linked - examples == set()
    assert {name for name in examples if "/lecture/" in name} - linked == set()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if MISSING:
        pytest.skip(f"the extra `docs` is not installed: {', '.join(MISSING)}")
    out = tmp_path_factory.mktemp("site")
    for name in ("docs", "examples"):  # the gallery is written beside the pages
        shutil.copytree(ROOT / name, out / name, ignore=shutil.ignore_patterns("gallery"))
    for name in ("CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, out / name)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-D", "plot_gallery=0", "-b", "html",
         "-d", out / "trees", out / "docs", out / "html"],
        capture_output=True, text=True, timeout=1100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return out / "html"


@pytest.mark.slow
def test_every_public_name_has_its_place(site: Path) -> None:
    ids = {
        name
        for page in (site / "reference" / "api").glob("*.html")
        for name in re.findall(r'id="(normwise\.[^"]+)"', page.read_text("utf-8"))
    }
    public = {
        f"normwise.{package}.{name}"
        for package in [*PACKAGES, "errors"]
        for name in import_module(f"normwise.{package}").__all__
    }
    assert public - ids == set()


@pytest.mark.slow
def test_nothing_is_fetched_and_the_search_is_a_file(site: Path) -> None:
    fetched = re.compile(r"""<(?:script|img|iframe)[^>]+src="(?:https?:)?//|<link[^>]+href="(?:https?:)?//""")
    for page in site.rglob("*.html"):
        assert not fetched.search(page.read_text("utf-8")), page.name
    index = (site / "searchindex.js").read_text("utf-8")
    assert index.startswith("Search.setIndex(")  # a script, which a browser loads beside a page on disk
    assert "residu" in index


@pytest.mark.slow
def test_pages_from_above_and_examples_are_there(site: Path) -> None:
    changes = unescape((site / "changes.html").read_text("utf-8"))
    assert "Unreleased" in changes
    assert "guide/overview.html" in (site / "contributing.html").read_text("utf-8")
    model = (site / "reference" / "api" / "model.html").read_text("utf-8")
    assert re.search(r"See also.{0,400}Model\.predict", model, re.DOTALL | re.IGNORECASE)


@pytest.mark.slow
def test_every_example_is_a_page_with_its_code(site: Path) -> None:
    # They run where the site is built in full, by `.ci/run` and `.ci/docs`.
    for example in (ROOT / "examples").rglob("*.py"):
        page = (site / "gallery" / example.parent.name / f"{example.stem}.html").read_text("utf-8")
        assert 'class="highlight-Python' in page, example
