"""What the application shows of a run is what the run holds; a rating is written, and nothing else."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evaluated import people, study_of
from normwise.errors import CommandError
from normwise.evaluate import evaluate_study
from normwise.images import LabelVolume, Volume
from normwise.report import read_run
from normwise.run_folder import RunFolder
from normwise.runs import Rating, read_ratings
from normwise.serve import HOST, make_run_app, make_token, open_run_data
from normwise.serve.heads import Head, score_colours

TOKEN = make_token()


def ask(app: Any, path: str, *, body: bytes | None = None, **more: str) -> tuple[int, dict[str, str], bytes]:
    """Ask the application as a server would, without a network."""
    sent: list[dict[str, Any]] = []
    path, _, query = path.partition("?")
    headers = {"host": HOST, "cookie": f"normwise_80={TOKEN}", "content-type": "application/json"} | more
    scope = {
        "type": "http", "method": "GET" if body is None else "POST", "path": path, "raw_path": path.encode(),
        "root_path": "", "scheme": "http", "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "server": (HOST, 80), "client": (HOST, 1),
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found, b"".join(part.get("body", b"") for part in sent[1:])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shown")
    table = people(count=60)
    table.loc[5, "Age"] = np.nan  # left out
    study = study_of(folder / "cohort", table)
    evaluate_study(study, folder / "run", jobs=1, cache_dir=folder / "cache")
    return folder / "run"


@pytest.fixture(scope="module")
def app(run: Path) -> Any:
    return make_run_app(open_run_data(run), token=TOKEN)


def files_of(run: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in run.rglob("*") if path.is_file()}


def test_everybody_is_listed_with_the_decision_of_the_models_that_did_not_know_them(
    run: Path, app: Any
) -> None:
    code, headers, body = ask(app, "/")
    page = body.decode()
    assert (code, page.count('<th scope="row">')) == (200, 60)
    assert "style-src 'self'" in headers["content-security-policy"]
    data = open_run_data(run)
    [left_out] = [row for row in data.people if row.outcome == "left out"]
    assert (left_out.scan, left_out.code, left_out.most) == ("p005x", "COH-205", None)
    assert "COH-205" in page
    rows = pd.read_csv(run / "predictions.tsv", sep="\t")
    main = rows[(rows["arm"] == "adjusted") & (rows["id"] == "p004x")]
    shown = next(row for row in data.people if row.scan == "p004x")
    assert shown.probability == pytest.approx(1 - main["probability_normal"].mean(), abs=1e-12)
    assert [shown.decision] == main["decision"].tolist()
    outside = next(row for row in data.people if row.scan == "p003x")
    assert (outside.outcome, outside.probability) == ("no decision", None), "older than every normal person"
    assert "withheld" in ask(app, "/person/3")[2].decode()


def test_values_are_those_of_the_run_and_of_its_model(run: Path) -> None:
    data = open_run_data(run)
    features = pd.read_csv(run / "features.tsv", sep="\t", index_col="id")
    assert data.model is not None
    described = data.describe("p004x")
    assert described is not None
    rows = described.people[0].prediction.contributions
    assert {row.feature for row in rows} == set(features.columns)
    for row in rows:
        assert row.value == features.loc["p004x", row.feature]
    most = max(rows, key=lambda row: abs(row.w or 0.0))
    shown = next(row.most for row in data.people if row.scan == "p004x")
    assert shown is not None
    assert (shown.feature, shown.w, shown.expected) == (most.feature, most.w, most.expected)
    trajectories = read_run(run).explanation.trajectories  # type: ignore[union-attr]
    for course in trajectories:
        found = data.trajectory(course.feature, "p004x")
        assert found is not None
        shown_course, place = found
        assert place == list(features.index).index("p004x")
        assert shown_course.people_y == course.people_y
        for level, line in course.expected.items():
            assert shown_course.expected[level] == pytest.approx(line, rel=1e-9), "as the report draws it"


def test_a_persons_page_and_its_parts(run: Path, app: Any) -> None:
    code, _, body = ask(app, "/person/4")
    page = body.decode()
    assert code == 200
    assert 'data-figure="decision"' in page
    assert "decided" in page
    names = list(pd.read_csv(run / "features.tsv", sep="\t", index_col="id").columns)
    code, _, body = ask(app, f"/person/4/feature/{names.index('f0')}")
    part = body.decode()
    value = pd.read_csv(run / "features.tsv", sep="\t", index_col="id").loc["p004x", "f0"]
    assert (code, f'data-exact="{value}"' in part, 'data-figure="course-0"' in part) == (200, True, True)
    code, headers, body = ask(app, "/person/4/page.html")
    assert (code, headers["content-disposition"]) == (200, 'attachment; filename="p004x.html"')
    assert b"default-src 'none'" in body
    assert b"index.html" not in body, "the file stands alone"
    left_out = ask(app, "/person/5")[2].decode()
    assert "COH-205" in left_out
    for path in ("/person/60", "/person/4/feature/99", "/person/4/image.nii", "/person/5/page.html",
                 "/person/4/slide/", "/person/4/head.json", "/static/x"):  # fmt: skip
        assert ask(app, path)[0] == 404, path


def test_a_rating_is_written_and_nothing_else(run: Path, app: Any) -> None:
    before = files_of(run)
    send = json.dumps({"rating": "exclude", "note": "moved <b>\t"}).encode()
    assert ask(app, "/person/4/rating", body=send)[0] == 200
    assert read_ratings(RunFolder(run)) == {"p004x": Rating("exclude", "moved <b>")}
    assert {path for path in files_of(run) if path not in before} == {str(run / "ratings.tsv")}
    assert b"moved &lt;b&gt;" in ask(app, "/")[2]
    for wrong in (b"", b"{}", b'{"rating": "burn", "note": ""}', b'{"rating": "keep", "note": 3}', b"[]"):
        assert ask(app, "/person/4/rating", body=wrong)[0] == 400
    assert ask(app, "/person/4/rating", body=send, **{"content-type": "text/plain"})[0] == 400
    assert ask(app, "/person/99/rating", body=send)[0] == 400
    assert ask(app, "/person/4/rating", body=send, cookie="")[0] == 403
    assert ask(app, "/person/4/rating")[0] == 405
    assert ask(app, "/person/4/rating", body=b'{"rating": "", "note": ""}')[0] == 200
    assert files_of(run) == before


def test_a_run_whose_cohort_is_gone_shows_what_it_holds(run: Path, tmp_path: Path) -> None:
    text = (run / "study.toml").read_text("utf-8")
    copy = tmp_path / "run"
    copy.mkdir()
    for path in run.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    table = Path(text.split('root = "')[1].split('"')[0]) / "people.csv"
    moved = table.rename(table.with_suffix(".moved"))
    try:
        data = open_run_data(copy)
    finally:
        moved.rename(table)
    assert data.model is None
    assert "can't be read as it was" in data.why
    app = make_run_app(data, token=TOKEN)
    page = ask(app, "/person/4")[2].decode()
    assert (ask(app, "/")[0], "Every feature of this person" in page) == (200, True)
    assert ask(app, "/person/4/feature/0")[0] == 200


def test_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="CLI-203"):
        open_run_data(tmp_path)


def test_slices_and_volumes_are_the_head() -> None:
    voxels = np.zeros((8, 10, 6), np.float32)
    voxels[2:6, 3:8, 1:5] = np.random.default_rng(0).uniform(50, 100, (4, 5, 4))
    labels = np.zeros(voxels.shape, np.int32)
    labels[4, 5, 3], labels[2:4, 3:6, 1:3] = 7, 4101
    affine = np.diag([2.0, 2.0, 4.0, 1.0])
    affine[:3, 3] = [-8.0, -10.0, -9.0]
    volume = LabelVolume(labels, affine)
    regions = np.searchsorted([7, 4101], volume.voxels).astype(np.int16) + 1
    regions[labels == 0] = 0
    head = Head(Volume(voxels, affine), regions, (7, 4101), labels > 0, "here")
    assert head.region_at(affine[:3, :3] @ [4, 5, 3] + affine[:3, 3]) == 1
    assert head.region_at(affine[:3, :3] @ [0, 0, 0] + affine[:3, 3]) == 0
    assert head.centres[0] == (affine[:3, :3] @ [4, 5, 3] + affine[:3, 3]).tolist()
    back = nibabel.Nifti1Image.from_bytes(head.nifti("regions"))
    assert np.array_equal(np.asarray(back.dataobj), regions)
    assert np.allclose(back.affine, affine)
    colours = score_colours({7: 4.0, 4101: -4.0}, head.labels)
    png = np.asarray(Image.open(io.BytesIO(head.slice_png(2, 3, "scores", colours)))).astype(int)
    # 16 × 20 mm: front is up, the body's left on the left.
    assert png.shape == (640, 512, 3)
    at = png[int((1 - 5.5 / 10) * 640), int(4.5 / 8 * 512)]
    assert at[0] > at[2] + 60, "above what is expected is orange"
    plain = np.asarray(Image.open(io.BytesIO(head.slice_png(2, 3, "none", colours))))
    assert (plain[..., 0] == plain[..., 2]).all()
    side = np.asarray(Image.open(io.BytesIO(head.slice_png(0, 99, "mask", colours))))
    assert side.shape == (640, 533, 3), "20 mm across, 24 mm high"
