"""One page a person, from ``people.json`` and ``pictures.json`` alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from markupsafe import Markup

from normwise.errors import ReportError
from normwise.files import write_text
from normwise.report.figures.brain import Outliner, open_template
from normwise.report.figures.canvas import inline_svg
from normwise.report.figures.rows import CENTILES, draw_departures
from normwise.report.render import render
from normwise.report.saved_run import Album, as_uri, page_names, read_optional
from normwise.report.sections.network import draw_losses
from normwise.report.wording import feature_words, sign, unit
from normwise.results import Contribution, FeatureNote, People, Person, Pictures
from normwise.run_folder import RunFolder

__all__ = ["make_person_page", "outlined_regions", "write_people"]

_CHARTED = 10  # features in the chart, which still fits below the decision on paper; the table has more
_OUTLINED = 6  # regions
_PICTURES = 6
_ROOM = 2_000_000  # bytes of pictures a page


@dataclass(frozen=True)
class Row:
    """One feature in words, as a page lists it."""

    contribution: Contribution
    words: str
    about: str
    unit: str
    outside: bool


def write_people(folder: str | Path, atlas: tuple[str | None, str | None] = (None, None)) -> list[Path]:
    """Write ``people/NAME.html`` for everybody in ``people.json``, and ``people/index.html`` that lists them.

    Parameters
    ----------
    folder : path
        A run, or any folder that holds ``people.json``; ``pictures.json`` is used where it is there.
    atlas : tuple of str
        Where the atlas and its look-up table lie; ``people.json`` names files without their folders.

    Returns
    -------
    list of Path
        The list first, then the pages in the file's order.

    Raises
    ------
    ReportError
        REP-105 without ``people.json``; REP-102 where a file is damaged.
    """
    run = RunFolder(folder)
    people = read_optional(People, run, run.PEOPLE)
    if people is None:
        raise ReportError(
            "REP-105",
            "the folder holds no people.json, so there is nobody to make a page of.",
            subject=str(folder),
            advice="run evaluate, test or predict with --people",
        )
    pictures = read_optional(Pictures, run, run.PICTURES)
    listed = [*people.pictures, *(pictures.pictures if pictures else [])]
    losses = draw_losses(people.loss_curves)
    names = page_names([person.prediction.subject for person in people.people])
    template = open_template(atlas[0] or people.atlas, atlas[1] or people.lut) if people.atlas else None
    outliner = Outliner(template) if template else None
    place = run / run.PAGES
    place.mkdir(parents=True, exist_ok=True)
    for earlier in place.glob("*.html"):
        earlier.unlink()
    written = [place / "index.html"]
    write_text(written[0], render("people.html", people=people, names=names))
    for person in people.people:
        album = Album(run, listed, _ROOM)
        path = place / names[person.prediction.subject]
        write_text(path, make_person_page(person, people, album=album, outliner=outliner, losses=losses))
        written.append(path)
    return written


def make_person_page(
    person: Person,
    people: People,
    *,
    album: Album | None = None,
    outliner: Outliner | None = None,
    losses: Markup | None = None,
    alone: bool = False,
) -> str:
    """Return one person's page as HTML.

    Parameters
    ----------
    person : Person
        Who it is about.
    people : People
        What holds for everybody.
    album : Album, optional
        Pictures.
    outliner : Outliner, optional
        Draws regions on the template.
    losses : Markup, optional
        From `draw_losses`, where the classifier is a network.
    alone : bool
        Whether the page has no list of everybody beside it.
    """
    prediction = person.prediction
    scored = [row for row in prediction.contributions if row.w is not None]
    regions = outlined_regions(scored, people.notes)
    cuts = outliner.draw({label: row.w or 0.0 for label, row in regions.items()}) if outliner else []
    return render(
        "person.html",
        alone=alone,
        losses=losses,
        person=person,
        people=people,
        chances=sorted(prediction.probabilities.items(), key=lambda item: -item[1]),
        chart=_chart([_in_words(row, people.notes) for row in scored[:_CHARTED]]),
        rows=[_row(row, people.notes) for row in prediction.contributions],
        # Of a place in an image nothing is expected; only covering it says what it weighs.
        places=any(row.w is None and row.weight is not None for row in prediction.contributions),
        bands=" and ".join(CENTILES),
        cuts=[(cut, as_uri(cut.png)) for cut in cuts],
        regions=[
            _in_words(row, people.notes)
            for _, row in sorted(regions.items(), key=lambda item: -abs(item[1].w or 0.0))
        ],
        failed=[check for check in person.quality if not check.passed],
        pictures=album.show(prediction.subject, _PICTURES) if album else [],
    )


def outlined_regions(
    contributions: list[Contribution], notes: dict[str, FeatureNote], most: int = _OUTLINED
) -> dict[int, Contribution]:
    r"""Return, by label, the regions that lie outside the normals' 5th to 95th centile, the farthest first.

    Parameters
    ----------
    contributions : list of Contribution
        One person's features with W-scores.
    notes : dict of str to FeatureNote
        The label of each feature.
    most : int
        How many regions.

    Examples
    --------
    >>> far = Contribution("a.mean", value=1.0, expected=2.0, w=-3.0, centile=0.1, weight=None)
    >>> list(outlined_regions([far], {"a.mean": FeatureNote("", "", "a", 48)}))
    [48]
    """
    end = max(CENTILES.values())
    found: dict[int, Contribution] = {}
    for row in sorted(contributions, key=lambda row: -abs(row.w or 0.0)):
        label = notes[row.feature].label if row.feature in notes else None
        if label is not None and label not in found and abs(row.w or 0.0) > end:
            found[label] = row
    return dict(list(found.items())[:most])


def _chart(scored: list[Contribution]) -> Markup | None:
    if not scored:
        return None
    text = "; ".join(f"{row.feature} {sign(row.w, 1)}" for row in scored[:6])
    return inline_svg(draw_departures(scored), "departures", f"W-scores against the normal group: {text}.")


def _in_words(row: Contribution, notes: dict[str, FeatureNote]) -> Contribution:
    return replace(row, feature=feature_words(row.feature, notes.get(row.feature)))


def _row(row: Contribution, notes: dict[str, FeatureNote]) -> Row:
    note = notes.get(row.feature, FeatureNote("", ""))
    about = note.description.removesuffix(f": {note.place}") or note.place
    outside = row.w is not None and abs(row.w) > max(CENTILES.values())
    return Row(row, feature_words(row.feature, notes.get(row.feature)), about, unit(note.unit), outside)
