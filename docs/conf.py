"""How the site is built: ``python -m sphinx -W -b html docs OUT``, with the extra ``docs``."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_origin

from normwise import __version__

project = author = "Normwise"
release = version = __version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
root_doc = "index"
exclude_patterns = ["README.md"]  # the list of the pages for whoever reads them as files
default_role = "py:obj"
nitpicky = False  # names of other projects are not fetched: nothing leaves the machine

myst_heading_anchors = 3
autodoc_member_order = "bysource"
_OPTIONAL = ("cv2", "openslide", "safetensors", "skimage", "starlette", "tifffile", "torch", "uvicorn")
autodoc_mock_imports = [name for name in _OPTIONAL if find_spec(name) is None]
autodoc_typehints = "none"  # the docstrings say types and shapes
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

html_theme = "pydata_sphinx_theme"
html_title = f"Normwise {version}"
html_show_sourcelink = html_copy_source = False
html_show_search_summary = False  # it fetches pages, which a browser refuses where they are files
html_static_path = ["site"]
html_css_files = ["tables.css"]
html_theme_options = {"navbar_end": ["theme-switcher"], "show_prev_next": True, "navigation_with_keys": False}
html_sidebars = {"index": []}

sys.path.insert(0, str(Path(__file__).parent))  # Sphinx keeps hooks by name from one build to the next
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    "subsection_order": ["../examples/lecture", "../examples/howto"],
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("matplotlib", "gallery_hooks.save_drawings"),
    "reset_modules": ("matplotlib", "gallery_hooks.frame_example"),
    "reset_modules_order": "both",
    "capture_repr": ("_repr_html_",),
    "abort_on_example_error": True,
    "show_signature": False,
    "write_computation_times": False,
}

PACKAGES = [
    "classify", "cohort", "engine", "errors", "evaluate", "features", "images", "learnt", "model", "networks",
    "normalize", "procedure", "report", "results", "runs", "samples", "schema", "serve",
]  # fmt: skip
"""Packages whose public names have their page below ``reference/api``."""

ABOVE = {"changes": "CHANGELOG.md", "contributing": "CONTRIBUTING.md"}


def setup(app: Any) -> None:
    """Load the names that a package loads on use, for autodoc lists what a module holds already."""
    from gallery_hooks import end_examples
    from sphinx.ext.autodoc.mock import mock

    with mock(autodoc_mock_imports):
        for name in PACKAGES:
            package = import_module(f"normwise.{name}")
            for public in package.__all__:
                setattr(package, public, getattr(package, public))
    app.connect("autodoc-process-docstring", _add_constants, priority=900)  # after numpydoc
    app.connect("autodoc-skip-member", _skip_routing)
    app.connect("source-read", _from_above)
    app.connect("source-read", _lead_to_gallery)
    app.connect("build-finished", lambda *_: end_examples())


def _add_constants(_: Any, what: str, name: str, thing: Any, __: Any, lines: list[str]) -> None:
    """List a package's public values, whose comments autodoc finds in their own module alone."""
    if what != "module" or name.removeprefix("normwise.") not in PACKAGES:
        return
    inside = [module for module in sys.modules if module.startswith(f"{name}.")]
    comments, documented = _comments(inside), _comments([name])
    for public in thing.__all__:
        value = getattr(thing, public)
        is_value = not (isinstance(value, type) or callable(value)) or get_origin(value) is not None
        if is_value and public not in documented:
            lines += ["", f".. py:data:: {public}", f"   :module: {name}", ""]
            lines += [f"   {line}" for line in comments.get(public, ())]


def _comments(modules: Iterable[str]) -> dict[str, list[str]]:
    """Return the comments of module-level values, by their names."""
    from sphinx.pycode import ModuleAnalyzer

    return {
        public: comment
        for module in modules
        for (owner, public), comment in ModuleAnalyzer.for_module(module).find_attr_docs().items()
        if not owner
    }


def _skip_routing(_: Any, __: str, name: str, *___: Any) -> bool | None:
    """Leave out what scikit-learn adds to every estimator, whose text links into its own glossary."""
    return True if re.fullmatch(r"set_\w+_request", name) else None


def _from_above(_: Any, page: str, content: list[str]) -> None:
    """Show the files that lie above this folder as pages, their links starting from here."""
    if page in ABOVE:
        text = (Path(__file__).parents[1] / ABOVE[page]).read_text(encoding="utf-8")
        content[0] = text.replace("](docs/howto)", "](howto/study-file.md)").replace("](docs/", "](")


def _lead_to_gallery(_: Any, page: str, content: list[str]) -> None:
    """Lead from an example's file to its page, and show no folder of the machine that built the site."""
    from gallery_hooks import WRITTEN

    if page.startswith("gallery/"):
        content[0] = WRITTEN.sub("folder", content[0])
    else:
        content[0] = re.sub(r"\]\((?:\.\./)+examples/([\w/]+)\.py\)", r"](/gallery/\1.rst)", content[0])
