"""Imports between packages, file lengths, public names, and a page that explains every code."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import normwise

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "normwise"
FILES = sorted(SOURCE.rglob("*.py"))
CODE = re.compile(r"\b(?:STU|COH|IMG|ENG|FEA|NRM|CLS|PRC|MDL|EVA|REP|RUN|SAM|CLI)-\d{3}\b")


def imported_modules(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_imports_siblings_not_its_own_package_nor_the_root(path: Path) -> None:
    inside = path.relative_to(SOURCE).parts
    packages = {".".join(["normwise", *inside[:depth]]) for depth in range(len(inside))}
    if path.name == "__init__.py":
        packages.discard(".".join(["normwise", *inside[:-1]]))
    wrong = imported_modules(path) & packages
    # A command prints the version; that lives at the root and nowhere else.
    assert not wrong - ({"normwise"} if inside[0] == "cli" else set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_other_packages_are_entered_by_a_package_never_by_a_file_of_theirs(path: Path) -> None:
    package = path.relative_to(SOURCE).parts[0]
    for module in imported_modules(path):
        parts = module.split(".")
        inside = parts[0] == "normwise" and len(parts) > 2 and parts[1] != package
        assert not inside or SOURCE.joinpath(*parts[1:]).is_dir(), f"{module} is a file of another package"


def test_no_file_is_longer_than_600_lines() -> None:
    assert [str(path) for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > 600] == []


def test_errors_page_explains_every_code_and_no_other() -> None:
    used = {code for path in FILES for code in CODE.findall(_strings(path))}
    explained = re.findall(
        r"^### ((?:[A-Z]{3})-\d{3})\b", (ROOT / "docs" / "errors.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(explained) == len(set(explained)), "a code is explained twice"
    assert used - set(explained) == set(), "raised and not explained"
    assert set(explained) - used == set(), "explained and never raised"


def _strings(path: Path) -> str:
    """Every string of a file but its docstrings, where codes are only spoken of."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return "\n".join(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    )


@pytest.mark.parametrize("name", normwise.__all__)
def test_public_names_are_there(name: str) -> None:
    assert getattr(normwise, name) is not None
    assert name in dir(normwise)


@pytest.mark.parametrize(
    "package", sorted({path.parent.name for path in FILES if path.parent.parent == SOURCE})
)
def test_every_package_lists_what_it_exports(package: str) -> None:
    module = __import__(f"normwise.{package}", fromlist=["__all__"])
    assert module.__doc__
    # The command line is the topmost package: no other imports from it.
    for name in getattr(module, "__all__", () if package == "cli" else None):
        assert hasattr(module, name), f"normwise.{package} lists {name}"


def test_importing_the_package_is_light() -> None:
    heavy = ["numpy", "pandas", "sklearn", "scipy", "matplotlib", "nibabel", "nilearn", "torch", "skops"]
    code = f"import normwise, sys; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=1000, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_version_is_in_one_place() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'dynamic = ["version"]' in text
    assert 'path = "src/normwise/__init__.py"' in text
    assert f"## {normwise.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose)
    assert [link for link in links if not (page.parent / link).exists()] == []
