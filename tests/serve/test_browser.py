"""A browser goes from the list over a person and a region to a rating and the next run; and over a slide."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from axe import axe_findings
from chromium import CHROMIUM, Browser, browser
from contrast import faint_texts
from normwise.cli.main import main
from normwise.features.slides import Outlines
from normwise.images import open_slide
from normwise.serve import (
    FIELD,
    HOST,
    heat_maps,
    make_run_app,
    make_slide_app,
    make_token,
    open_port,
    open_run_data,
)
from normwise.serve.app import make_server
from outline_files import write_outlines

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]

SHAPE = (18, 20, 16)
REGIONS = {1: (slice(3, 8), slice(4, 9), slice(4, 9)), 2: (slice(10, 15), slice(10, 16), slice(6, 12))}


@contextmanager
def served(app: Any, token: str) -> Iterator[str]:
    """Serve an application, and give the address that the command would print."""
    listening = open_port()
    server = make_server(app)
    server.install_signal_handlers = lambda: None
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{listening.getsockname()[1]}/?{FIELD}={token}"
    finally:
        server.should_exit = True
        thread.join(60)
        listening.close()


def check_texts(page: Browser, *addresses: str) -> None:
    """Every text stands out from what lies behind it, wide and on a phone, in both themes."""
    page.send("Page.setBypassCSP", enabled=True)  # a style hides the texts, to see what lies behind them
    try:
        for address in addresses:
            for width, dark in ((1800, False), (390, True)):
                page.resize(width, 900, dark=dark)
                page.open(address)
                page.wait("new Promise((done) => setTimeout(() => done(true), 500))")
                page.wait("!document.querySelector('#head') || document.querySelector('#head').dataset.ready")
                page.wait("document.querySelector('#nuclei:not([hidden]) #outlined')?.textContent !== ''")
                page.wait("[...document.images].every((image) => image.complete)")
                assert faint_texts(page) == []
                assert page.run("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls"
    finally:
        page.send("Page.setBypassCSP", enabled=False)
        page.resize(1200, 1000)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.resize(1200, 1000)
        yield opened


def make_study(folder: Path) -> Path:
    """Write heads of which the second region darkens with disease."""
    rng = np.random.default_rng(0)
    (folder / "scans").mkdir(parents=True)
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = [-18, -20, -16]
    labels = np.zeros(SHAPE, np.int16)
    for label, box in REGIONS.items():
        labels[box] = label
    rows = []
    for number in range(40):
        ill = number % 2 == 1
        voxels = rng.normal(5, 1, SHAPE).astype(np.float32)
        for label, box in REGIONS.items():
            voxels[box] += 60 - 15 * (ill and label == 2) + rng.normal(0, 3)
        name = f"p{number:02d}"
        nibabel.Nifti1Image(voxels, affine).to_filename(folder / "scans" / f"{name}.nii.gz")
        nibabel.Nifti1Image(labels, affine).to_filename(folder / "scans" / f"{name}_dseg.nii.gz")
        rows.append(
            {"id": name, "Age": 60 + number // 2 % 10 + number / 100, "dx": "AD" if ill else "normal"}
        )
    pd.DataFrame(rows).to_csv(folder / "people.csv", index=False)
    (folder / "regions.txt").write_text("1 Left-Part 0 0 0 0\n2 Right-Part 0 0 0 0\n", "utf-8")
    (folder / "study.toml").write_text(
        '[cohort]\ntable = "people.csv"\nid = "id"\nlabel = "dx"\nnormal = "normal"\ndemographics = ["Age"]\n'
        'images = "scans/{id}.nii.gz"\n[features]\nextractor = "regions"\n'
        'atlas = "scans/{id}_dseg.nii.gz"\nlut = "regions.txt"\nstatistics = ["mean", "sd"]\n'
        "[classifier.grid]\nC = [0.1]\n"
        "[evaluation]\nfolds = 2\nrepeats = 1\ninner_folds = 2\nbootstrap = 100\n"
        "[decision]\nsensitivity = 0.7\n",
        "utf-8",
    )
    return folder / "study.toml"


def test_from_the_list_to_the_next_run(tmp_path: Path, page: Browser) -> None:
    study, run = make_study(tmp_path / "cohort"), tmp_path / "run"
    command = ["evaluate", str(study), str(run), "--jobs", "1", "--cache", str(tmp_path / "cache")]
    assert main(command) == 0
    data, token = open_run_data(run), make_token()
    with served(make_run_app(data, token=token), token) as address:
        base = address.partition("/?")[0]
        page.open(address)
        page.wait("typeof part === 'function' && document.querySelectorAll('#people tbody tr').length === 40")
        page.wait("document.readyState === 'complete' && part('search').oninput !== null")
        page.run("part('search').value = 'p03'; part('search').oninput()")
        assert page.run("part('counted').textContent") == "1 of 40 scans"
        assert page.run("getComputedStyle(part('more')).display") == "none"
        assert axe_findings(page) == []
        page.run("document.querySelector('#people tbody tr:not([hidden]) a').click()")
        page.wait("document.querySelector('h1')?.textContent === 'p03'")
        page.wait("document.querySelector('#head')?.dataset.ready && document.querySelector('#w')")

        # By a click into a slice; the browser may have WebGL or not.
        page.open(f"{base}/person/3?flat")
        page.wait(
            "document.querySelector('#head')?.dataset.ready === 'slices' && document.querySelector('#w')"
        )
        assert axe_findings(page) == []
        page.run("part('region').value = ''; part('feature').textContent = ''")
        page.wait("[...document.images].every((image) => image.complete)")
        x, y = page.run("""(() => {
  part('slices').scrollIntoView();
  const box = document.querySelectorAll('.cutout')[2].getBoundingClientRect();
  return [box.left + box.width * (12.5 / 18), box.top + box.height * (1 - 13.5 / 20)];
})()""")
        page.run("(() => { const slider = document.querySelectorAll('.slices input')[2];"
                 " slider.value = 8; slider.oninput(); })()")  # fmt: skip
        page.click(x, y)
        page.wait("part('at').textContent.startsWith('part right')")
        features = pd.read_csv(run / "features.tsv", sep="\t", index_col="id")
        described = data.describe("p03")
        assert described is not None
        rows = {row.feature: row for row in described.people[0].prediction.contributions}
        for place, name in enumerate(features.columns):
            page.run(f"part('feature').textContent = ''; showFeature({place})")
            page.wait("document.querySelector('#w')")
            shown = page.run(
                "Object.fromEntries([...document.querySelectorAll('#feature [data-exact]')]"
                ".map((each) => [each.id, Number(each.dataset.exact)]))"
            )
            assert shown["measured"] == features.loc["p03", name]
            found = rows[name]
            assert [shown[key] for key in ("expected", "w", "centile", "weight")] == [
                found.expected, found.w, found.centile, found.weight,
            ]  # fmt: skip

        page.run("part('rate').elements.rating.value = 'exclude'; part('note').value = 'moved';"
                 "part('rate').requestSubmit()")  # fmt: skip
        page.wait("part('saved').textContent === 'Saved.'")
        page.open(f"{base}/")
        page.wait("document.querySelectorAll('#people tbody tr')[3]?.textContent.includes('exclude')")
        assert page.messages == []
        assert {each.split("/")[2] for each in page.asked if each.startswith("http")} == {base.split("/")[2]}
        check_texts(page, f"{base}/", f"{base}/person/3?flat")
    assert main(command) == 0
    record = json.loads((run / "run.json").read_text("utf-8"))
    assert (record["n_listed"], record["n_included"]) == (40, 39)
    assert [step["code"] for step in record["flow"]] == ["COH-220"]
    assert "p03" not in pd.read_csv(run / "predictions.tsv", sep="\t")["id"].to_numpy()


def test_a_slide_says_the_value_under_the_pointer(tmp_path: Path, page: Browser) -> None:
    path, token = tmp_path / "slide.png", make_token()
    Image.fromarray(np.full((256, 512, 3), 230, np.uint8)).save(path)
    xy = np.array([[x, y] for y in range(0, 256, 128) for x in range(0, 512, 128)], np.int32)
    maps = heat_maps({"area": np.arange(8.0)}, {"area": ("µm²", "area of nuclei")})
    with open_slide(path, mpp=0.5) as slide:
        outlines = write_outlines(
            tmp_path / "a.geojson", [[[50, 50], [80, 50], [80, 80], [50, 80], [50, 50]]]
        )
        app = make_slide_app(
            slide, "slide", token=token, maps=maps, xy=xy, tile=128, outlines=lambda: Outlines(outlines)
        )
        with served(app, token) as address:
            page.open(address)
            page.wait("document.getElementById('high')?.textContent")
            assert page.run("document.getElementById('high').textContent").endswith(" µm²")
            assert (
                page.run("document.getElementById('map').selectedOptions[0].textContent") == "area of nuclei"
            )
            x, y = page.run("""(() => {
  const box = document.getElementById('slide').getBoundingClientRect();
  return [box.left + box.width / 2, box.top + box.height / 2];
})()""")
            page.wait("document.getElementById('value').textContent.startsWith('Point')")
            # Just left of the middle and above it: the tile of column 1 in row 0.
            page.wait("new Promise((done) => setTimeout(() => done(true), 500))")
            page.click(x - 10, y - 10)
            page.wait("document.getElementById('value').textContent === 'This tile: 1 µm²'")
            page.click(x + 10, y + 10)
            page.wait("document.getElementById('value').textContent === 'This tile: 6 µm²'")
            painted = """(() => {
  const sheet = document.querySelector('.outlines');
  const copy = new OffscreenCanvas(sheet.width, sheet.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(sheet, 0, 0);
  const pixels = copy.getImageData(0, 0, sheet.width, sheet.height).data;
  return pixels.some((each) => each > 0);
})()"""
            page.wait(
                "document.getElementById('outlined').textContent === 'Outlined here and just beside: 1.'"
            )
            page.wait(painted)
            page.run("document.getElementById('outlines').focus()")
            for kind in ("keyDown", "keyUp"):
                page.send("Input.dispatchKeyEvent", type=kind, key=" ", code="Space", text=" ")
            page.wait("!document.getElementById('outlines').checked")
            assert not page.run(painted)
            assert axe_findings(page) == []
            check_texts(page, f"{address.partition('/?')[0]}/")
    assert page.messages == []
