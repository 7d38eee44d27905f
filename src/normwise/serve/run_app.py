"""The part of the application that shows a run: the list, a person's page, their images, and a rating."""

from __future__ import annotations

import json
from collections import OrderedDict
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from normwise.errors import NormwiseError
from normwise.report import (
    Album,
    DecisionPath,
    Outliner,
    draw_decision,
    draw_losses,
    draw_trajectory,
    feature_words,
    inline_svg,
    make_person_page,
    open_template,
    shade,
)
from normwise.results import Contribution, FeatureNote, People
from normwise.runs import Rating, Verdict
from normwise.schema import SlidesSection
from normwise.serve.answers import HEADERS, answer, page, static_file
from normwise.serve.decision import decision_path, decision_steps
from normwise.serve.heads import PLANES, Heads, label_colours, score_colours
from normwise.serve.heat import heat_maps
from normwise.serve.run_data import Listed, RunData
from normwise.serve.slides import open_outlines, slide_routes

if TYPE_CHECKING:
    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send

    from normwise.serve.heat import HeatMap

__all__ = ["run_routes"]

STRONGEST = "the most unusual"
"""The overlay of the feature of each region that departs most."""

_PALETTE = 201  # colours from −1 to 1
_PICTURES = 8
_LONGEST = 20_000  # bytes of a rating that is sent
_SLIDES = 4  # kept open


def run_routes(data: RunData) -> list[BaseRoute]:
    """Return the routes of a run's application.

    Parameters
    ----------
    data : RunData
        The run.
    """
    from starlette.routing import Mount, Route

    shown = _Shown(data)
    person = "/person/{number:int}"
    return [
        Route("/", shown.everybody),
        Route("/static/{name}", lambda request: static_file(request.path_params["name"])),
        Route(person, shown.person),
        Route(person + "/page.html", shown.export),
        Route(person + "/feature/{feature:int}", shown.feature),
        Route(person + "/rating", shown.rate, methods=["POST"]),
        Route(person + "/head.json", shown.head),
        Route(person + "/regions.json", shown.regions),
        Route(person + "/{layer}.nii", shown.volume),
        Route(person + "/slice/{plane}/{place:int}.png", shown.slice),
        Route(person + "/at", shown.at),
        Mount(person + "/slide", app=shown.slide),
    ]


class _Shown:
    """The answers; figures are drawn one at a time, since matplotlib's style is global."""

    def __init__(self, data: RunData) -> None:
        self.data = data
        if data.prepared is not None:
            self.heads = Heads(data.prepared)
        self._drawing = Lock()
        self._slides: OrderedDict[int, tuple[Any, ExitStack]] = OrderedDict()
        self._opening = Lock()
        self._outliner: Outliner | None = None
        Thread(target=self._warm_up, daemon=True).start()

    def _warm_up(self) -> None:
        """Load what draws figures, and an atlas that serves everybody, before the first person is opened."""
        with self._drawing:
            inline_svg(draw_decision(DecisionPath("")), "first", "")
        if self.data.prepared is not None:
            self.heads.warm_up()

    def everybody(self, _: Request) -> Response:
        """Answer with the list."""
        data, ratings = self.data, self.data.ratings
        rows = [(number, row, ratings.get(row.scan)) for number, row in enumerate(data.people)]
        return page(
            "run_list.html",
            title=data.saved.record.title or "Untitled study",
            record=data.saved.record,
            rows=rows,
            negative=data.negative,
            decided=any(row.decision for row in data.people),
            has_w=any(row.most for row in data.people),
            why=data.why,
            notes=data.features.notes,
            reasons=any(row.code for row in data.people),
            labelled=any(row.label for row in data.people),
            out_of_fold=data.saved.evaluation is not None and data.saved.evaluation.kind == "crossval",
        )

    def person(self, request: Request) -> Response:
        """Answer with a person's page."""
        number, row = self._of(request)
        if row is None:
            return answer("nobody of that number", "text/plain", 404)
        data = self.data
        with self._drawing:
            people = data.describe(row.scan)
            own, tests = data.own_prediction(row.scan), data.tests(row.scan)
            losses = self._losses
            path = None if people is None else decision_path(data, own, people.people[0], tests)
            picture = None
            steps = [] if people is None else decision_steps(data, own, people.people[0])
            if path is not None:
                text = "; ".join(f"{step.title}: {step.text}" for step in steps)
                picture = inline_svg(draw_decision(path), "decision", f"The way to the decision. {text}")
        contributions = self._contributions(people)
        columns = {name: place for place, name in enumerate(map(str, data.features.values.columns))}
        album = Album(data.run, data.saved.pictures, 8_000_000)
        return page(
            "run_person.html",
            title=data.saved.record.title or "Untitled study",
            number=number,
            count=len(data.people),
            row=row,
            person=None if people is None else people.people[0],
            people=people,
            rating=data.ratings.get(row.scan),
            picture=picture,
            path=path,
            steps=steps,
            contributions=contributions,
            columns=columns,
            notes=data.features.notes,
            nothing=FeatureNote("", ""),
            measured=self._measured(row),
            why=data.why,
            has_head=people is not None and self._has_head(row),
            has_slide=people is not None and self._slide_of(row.scan) is not None,
            regions=any(
                data.features.notes.get(name, FeatureNote("", "")).label is not None for name in columns
            ),
            losses=losses,
            pictures=album.show(row.scan, _PICTURES),
            record=data.saved.record,
        )

    @cached_property
    def _losses(self) -> Markup | None:
        """The training of the run's network; drawn where nothing else is."""
        explanation = self.data.saved.explanation
        return draw_losses(explanation.loss_curves) if explanation else None

    def export(self, request: Request) -> Response:
        """Answer with a person's page as one file that needs nothing else."""
        _, row = self._of(request)
        people = None if row is None else self.data.describe(row.scan)
        if row is None or people is None:
            return answer("nothing was measured of this person", "text/plain", 404)
        with self._drawing:
            if self._outliner is None and people.atlas is not None:
                atlas = self.data.study.features.atlas_in(self.data.study.cohort.root)
                template = open_template(atlas[0] or people.atlas, atlas[1] or people.lut)
                self._outliner = Outliner(template) if template else None
            album = Album(self.data.run, self.data.saved.pictures, 8_000_000)
            text = make_person_page(
                people.people[0],
                people,
                album=album,
                outliner=self._outliner,
                losses=self._losses,
                alone=True,
            )
        name = "".join(
            each if each.isascii() and (each.isalnum() or each in "._-") else "-" for each in row.scan
        )
        return answer(
            str(text),
            "text/html",
            more={"Content-Disposition": f'attachment; filename="{name or "person"}.html"'},
        )

    def feature(self, request: Request) -> Response:
        """Answer with one feature of a person: value, expected course, W-score, share in the score."""
        _, row = self._of(request)
        names = [str(name) for name in self.data.features.values.columns]
        place = request.path_params["feature"]
        if row is None or not 0 <= place < len(names) or row.scan not in self.data.features.values.index:
            return answer("no such feature", "text/plain", 404)
        name, scan = names[place], row.scan
        found = {each.feature: each for each in self._contributions(self.data.describe(scan))}.get(name)
        course, levels = None, []
        with self._drawing:
            drawn = self.data.trajectory(name, scan)
            if drawn is not None:
                trajectory, place_among = drawn
                levels = [level for level in trajectory.expected if level]
                words = feature_words(name, self.data.features.notes.get(name))
                trajectory = replace(trajectory, feature=words)
                record = self.data.saved.record
                course = inline_svg(
                    draw_trajectory(trajectory, record.classes, record.normal, person=place_among),
                    f"course-{place}",
                    f"{words} over {trajectory.demographic}: expected course in the {record.normal} group "
                    f"with centile bands, everybody as points, {scan} ringed.",
                )
        return page(
            "run_feature.html",
            name=name,
            note=self.data.features.notes.get(name, FeatureNote("", "")),
            measured=self._measured(row)[name],
            found=found,
            course=course,
            levels=levels,
            normal=self.data.saved.record.normal or "normal",
        )

    async def rate(self, request: Request) -> Response:
        """Write a rating; asked by the page itself, never by a form of another site."""
        from starlette.concurrency import run_in_threadpool

        _, row = self._of(request)
        content = await request.body()
        try:
            given: Any = json.loads(content) if len(content) <= _LONGEST else None
            verdict, note = given["rating"], given["note"]
            fits = verdict in ("", *get_args(Verdict)) and isinstance(note, str)
        except (ValueError, TypeError, KeyError):
            fits = False
        if row is None or not fits or request.headers.get("content-type") != "application/json":
            return answer("no such rating", "text/plain", 400)
        try:
            await run_in_threadpool(self.data.rate, row.scan, Rating(verdict, note) if verdict else None)
        except (NormwiseError, OSError) as error:
            return answer(str(getattr(error, "problem", error)), "text/plain", 500)
        return answer("", "text/plain")

    def head(self, request: Request) -> Response:
        """Answer with the grid of a head."""
        from starlette.responses import JSONResponse

        _, row = self._of(request)
        try:
            head = None if row is None or not self._has_head(row) else self.heads.read_image(row.scan)
        except NormwiseError as error:
            return answer(f"{error.code} {error.problem}", "text/plain", 404)
        if head is None:
            return answer("no head", "text/plain", 404)
        about = {"shape": head.image.shape, "affine": head.image.affine.tolist()}
        return JSONResponse(about, headers=HEADERS)

    def regions(self, request: Request) -> Response:
        """Answer with the regions of a head, and the W-scores of each."""
        from starlette.responses import JSONResponse

        _, row = self._of(request)
        try:
            head = None if row is None or not self._has_head(row) else self.heads.read(row.scan)
        except NormwiseError as error:
            return answer(f"{error.code} {error.problem}", "text/plain", 404)
        if head is None or row is None:
            return answer("no head", "text/plain", 404)
        by_label, names = self._by_label(row), {}
        for note in self.data.features.notes.values():
            if note.label is not None:
                names[note.label] = note.place
        about = {
            "space": head.space,
            "hasMask": head.mask is not None,
            "palette": shade(np.linspace(-1.0, 1.0, _PALETTE)).tolist(),
            "hues": label_colours(len(head.labels)).tolist(),
            "statistics": sorted({kind for scores in by_label.values() for kind in scores}),
            "regions": [
                {
                    "name": names.get(label, f"label {label}").replace("_", " "),
                    "label": label,
                    "centre": centre,
                    "scores": by_label.get(label, {}),
                }
                for label, centre in zip(head.labels, head.centres, strict=True)
            ],
        }
        return JSONResponse(about, headers=HEADERS)

    def volume(self, request: Request) -> Response:
        """Answer with one layer of a head as NIfTI."""
        _, row = self._of(request)
        layer = request.path_params["layer"]
        try:
            if row is None or not self._has_head(row) or layer not in ("image", "regions", "mask"):
                return answer("no such layer", "text/plain", 404)
            head = self.heads.read_image(row.scan) if layer == "image" else self.heads.read(row.scan)
            content = head.nifti(layer)
            if content is None:
                return answer("no such layer", "text/plain", 404)
            return answer(content, "application/octet-stream")
        except NormwiseError as error:
            return answer(f"{error.code} {error.problem}", "text/plain", 404)

    def slice(self, request: Request) -> Response:
        """Answer with one slice of a head."""
        _, row = self._of(request)
        plane, query = request.path_params["plane"], request.query_params
        if row is None or not self._has_head(row) or plane not in PLANES:
            return answer("no such slice", "text/plain", 404)
        layer = query.get("layer", "scores")
        try:
            head = self.heads.read_image(row.scan) if layer == "none" else self.heads.read(row.scan)
        except NormwiseError as error:
            return answer(f"{error.code} {error.problem}", "text/plain", 404)
        if layer == "regions":
            colours = label_colours(len(head.labels))
        else:
            kind = query.get("statistic", STRONGEST)
            by_label = self._by_label(row)
            scores = {label: _score(rows, kind) for label, rows in by_label.items()}
            known = {label: score for label, score in scores.items() if score is not None}
            colours = score_colours(known, head.labels)
        place = min(request.path_params["place"], 10_000)
        return answer(head.slice_png(PLANES.index(plane), place, layer, colours), "image/png")

    def at(self, request: Request) -> Response:
        """Answer with the region at a point, from 1 on as in ``regions.json``, or 0."""
        from starlette.responses import JSONResponse

        _, row = self._of(request)
        try:
            mm = np.array([float(request.query_params[axis]) for axis in "xyz"])
            head = None if row is None or not self._has_head(row) else self.heads.read(row.scan)
        except (KeyError, ValueError, NormwiseError):
            head = None
        if head is None or not np.isfinite(mm).all():
            return answer("no such point", "text/plain", 404)
        return JSONResponse({"region": head.region_at(mm)}, headers=HEADERS)

    async def slide(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer for one slide, which is opened when it is first asked for."""
        from starlette.concurrency import run_in_threadpool

        number = int(scope["path_params"]["number"])
        try:
            app = await run_in_threadpool(self._slide_app, number)
        except NormwiseError as error:
            await answer(f"{error.code} {error.problem}", "text/plain", 404)(scope, receive, send)
            return
        if app is None:
            await answer("no such slide", "text/plain", 404)(scope, receive, send)
            return
        await app(scope, receive, send)

    def _slide_app(self, number: int) -> Any:
        from starlette.routing import Router

        from normwise.images import open_slide

        with self._opening:
            if number in self._slides:
                self._slides.move_to_end(number)
                return self._slides[number][0]
            row = self.data.people[number] if 0 <= number < len(self.data.people) else None
            path = None if row is None else self._slide_of(row.scan)
            if row is None or path is None:
                return None
            held = ExitStack()
            section: Any = self.data.study.features
            opened = held.enter_context(open_slide(path, mpp=getattr(section, "mpp", None)))
            maps, xy, side = self._maps(row.scan)
            routes = slide_routes(
                opened, row.scan, maps=maps, xy=xy, tile=side,
                outlines=open_outlines(self.data.run, row.scan), back=f"/person/{number}",
            )  # fmt: skip
            app = Router(routes=routes)
            self._slides[number] = (app, held)
            while len(self._slides) > _SLIDES:
                self._slides.popitem(last=False)[1][1].close()
            return app

    def _maps(self, scan: str) -> tuple[list[HeatMap], Any, int]:
        from normwise.features.slides import read_tiles, tile_note, tiles_place

        place = tiles_place(scan)
        if not (self.data.run / place).is_file():
            return [], None, 1
        self.data.run.check(place)
        tiles = read_tiles(self.data.run / place)
        columns = {name: tiles.vectors[:, column] for column, name in enumerate(tiles.names)}
        learnt = self.data.learnt_extractor
        weights = {}
        if hasattr(learnt, "attention") and list(learnt.names_) == list(tiles.names):
            weights = {
                f"attention to {name}" if name else "attention": each
                for name, each in learnt.attention(tiles.vectors).items()
            }
        notes = {name: tile_note(name) for name in tiles.names}
        return heat_maps(weights | columns, notes), tiles.xy, tiles.side

    def _slide_of(self, scan: str) -> Path | None:
        if not isinstance(self.data.study.features, SlidesSection):
            return None
        path = self.data.images().get(scan)
        return None if path is None else Path(path)

    def _of(self, request: Request) -> tuple[int, Listed | None]:
        number = request.path_params["number"]
        people = self.data.people
        return number, people[number] if 0 <= number < len(people) else None

    def _has_head(self, row: Listed) -> bool:
        return self.data.prepared is not None and self.heads.has(row.scan)

    def _contributions(self, people: People | None) -> list[Contribution]:
        return [] if people is None else people.people[0].prediction.contributions

    def _measured(self, row: Listed) -> dict[str, float]:
        values = self.data.features.values
        if row.scan not in values.index:
            return {}
        numbers = values.loc[[row.scan]].to_numpy(dtype=float)[0].tolist()
        return dict(zip(map(str, values.columns), numbers, strict=True))

    def _by_label(self, row: Listed) -> dict[int, dict[str, list[float]]]:
        """Return by label, then by what is measured there: place of the feature and W-score."""
        columns = {str(name): place for place, name in enumerate(self.data.features.values.columns)}
        found: dict[int, dict[str, list[float]]] = {}
        for each in self._contributions(self.data.describe(row.scan)):
            note = self.data.features.notes.get(each.feature)
            if note is None or note.label is None or each.w is None or not np.isfinite(each.w):
                continue
            kind = each.feature.rpartition(".")[2] or each.feature
            found.setdefault(note.label, {})[kind] = [columns[each.feature], each.w]
        return found


def _score(rows: dict[str, list[float]], kind: str) -> float | None:
    if kind == STRONGEST:
        return max((row[1] for row in rows.values()), key=abs, default=None)
    return rows[kind][1] if kind in rows else None
