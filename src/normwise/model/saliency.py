"""What a network for images looks at: Grad-CAM maps, and the change of its score when a region is covered.

A network is the classifier itself, or a learnt extractor before the normalizer. The score of a classifier is
the log-odds of the network; behind an extractor it is that of the whole procedure, through normalizer and
classifier.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from normwise.errors import ClassifierError
from normwise.features import Drawing
from normwise.procedure import FittedProcedure, arm_frame, encodable_rows
from normwise.results import Contribution, FeatureNote, Picture
from normwise.run_folder import RunFolder
from normwise.schema import FeaturesSection, ImagesSection

if TYPE_CHECKING:
    from normwise.classify import ConvClassifier
    from normwise.features import Places

__all__ = [
    "draw_saliency",
    "grad_cam",
    "has_image_network",
    "name_columns",
    "network_pictures",
    "occlusion_by_region",
    "person_pictures",
    "place_contributions",
]

Floats = NDArray[np.float64]

_PATIENTS = 32  # over whom maps are averaged
_COVERED = 27  # places of an image that are covered: thirds along each axis, or the regions its map points at
_AT_ONCE = 64  # people whose images are in memory
_ALMOST = 1e-12  # a probability has log-odds from here on
_TITLE = 34  # characters of a title above one panel
_DIGITS = 6  # of log-odds: the last ones depend on how many people are looked at together


def grad_cam(model: ConvClassifier, X: Any, target: Any, *, signed: bool = False) -> NDArray[np.float32]:
    """Return where an image speaks for a class (Selvaraju et al. 2017, equations 1 and 2).

    The trunk's last maps are weighted by the mean gradient of the class's log-odds against all others, added
    up, and enlarged to the image. Positive places speak for the class; in a network of an ensemble's members
    they are averaged.

    Parameters
    ----------
    model : ConvClassifier
        Fitted on images.
    X : DataFrame or array-like
        People, as in ``predict_proba``.
    target : object
        One of ``model.classes_``.
    signed : bool
        Keep what speaks against the class, as negative numbers; else it is 0.

    Returns
    -------
    ndarray of shape (n_samples, …)
        One map an image, on its grid.

    Raises
    ------
    ClassifierError
        CLS-508, the class was not trained on, or the network has seen no images.
    """
    maps = model.class_maps(X, _place_of(model, target))
    return np.asarray(maps if signed else np.maximum(maps, 0.0), dtype=np.float32)


def occlusion_by_region(
    model: ConvClassifier, X: Any, regions: ArrayLike, target: Any, *, chunk: int = 64
) -> pd.DataFrame:
    """Return what covering each region takes from the log-odds of a class.

    Parameters
    ----------
    model : ConvClassifier
        Fitted on images.
    X : DataFrame or array-like
        People, as in ``predict_proba``.
    regions : array-like of int, of one image's shape
        Label of each voxel; 0 belongs to no region.
    target : object
        One of ``model.classes_``.
    chunk : int
        People looked at together.

    Returns
    -------
    DataFrame of shape (n_samples, n_regions)
        By region; positive where the region speaks for the class. A covered voxel has the mean intensity of
        that region in the training images' own unit, which is the person's own mean there.

    Raises
    ------
    ClassifierError
        CLS-508, the class was not trained on, or the regions do not lie on the image.
    """
    place, labels = _place_of(model, target), np.asarray(regions)
    if labels.shape != model.image_shape_[1:]:
        raise ClassifierError(
            "CLS-508",
            "the regions do not lie on the image.",
            seen=f"regions of shape {labels.shape}",
            expected=f"{model.image_shape_[1:]}",
            advice="resample the label map onto the images' grid, nearest neighbour",
        )
    names = [int(name) for name in np.unique(labels) if name != 0]
    rows = [slice(start, start + chunk) for start in range(0, len(X), chunk)]
    parts = [
        _occlude(look, np.arange(len(look.images)), labels, names)
        for look in (_of_network(model, _part(X, each), place) for each in rows)
    ]
    index = X.index if isinstance(X, pd.DataFrame) else None
    return pd.DataFrame(np.concatenate(parts), index=index, columns=names)


def _part(X: Any, rows: slice) -> Any:
    return X.iloc[rows] if isinstance(X, pd.DataFrame) else X[rows]


@dataclass(frozen=True, eq=False)
class _Look:
    """The images that a network is given, (n, 1, …), and the score of some rows with other images."""

    images: NDArray[np.float32]
    score: Callable[[NDArray[np.intp], NDArray[np.float32]], Floats]


def _of_network(model: ConvClassifier, X: Any, place: int) -> _Look:
    rows = model.rows_of(X)
    return _Look(
        np.asarray(rows.images, dtype=np.float32),
        lambda some, images: _log_odds(model, rows.take(some).with_images(images), place),
    )


def _occlude(
    look: _Look,
    rows: NDArray[np.intp],
    labels: NDArray[Any],
    names: list[int],
    wanted: NDArray[np.bool_] | None = None,
) -> Floats:
    """Return what covering each place takes from the score, (n_rows, n_places); NaN where not wanted."""
    whole = look.score(rows, look.images[rows])
    lost = np.full((len(rows), len(names)), np.nan)
    for column, name in enumerate(names):
        some = np.arange(len(rows)) if wanted is None else np.flatnonzero(wanted[:, column])
        if len(some):
            images, inside = look.images[rows[some]], labels == name
            # No network was trained on holes; the person's own mean has nothing of the region's shape.
            images[..., inside] = images[..., inside].mean(axis=-1, keepdims=True)
            lost[some, column] = whole[some] - look.score(rows[some], images)
    return lost


@dataclass(frozen=True, eq=False)
class _Network:
    """The image network of a procedure with some people: what it is given, and what it shows.

    Attributes
    ----------
    own : ndarray of shape (n, …)
        Their images as they were measured.
    maps : ndarray of shape (n, …) or None
        Signed Grad-CAM maps of the last target; None of a network without classes.
    look : _Look
        Of the same people.
    """

    own: NDArray[np.float32]
    maps: NDArray[np.float32] | None
    look: _Look

    def covered(self, places: Places, rows: NDArray[np.intp]) -> Floats:
        """Return what covering takes from the log-odds, (n_rows, n_places); NaN of what is not."""
        names = list(range(1, len(places.names) + 1))
        if len(names) <= _COVERED or self.maps is None:
            return _occlude(self.look, rows, places.labels, names)
        flat, maps = places.labels.ravel(), self.maps[rows].reshape(len(rows), -1)
        sizes = np.array([np.bincount(flat, np.abs(each), len(names) + 1)[1:] for each in maps])
        rank = np.argsort(np.argsort(-sizes, axis=1, kind="stable"), axis=1)
        return _occlude(self.look, rows, places.labels, names, rank < _COVERED)

    def places(self, section: FeaturesSection, image: NDArray[np.float32]) -> Places:
        """Name the places; without a map to choose among regions there are few."""
        from normwise.features import name_places

        assert isinstance(section, ImagesSection)
        return name_places(section, image, regions=self.maps is not None)


def has_image_network(procedure: FittedProcedure) -> bool:
    """Return whether a network of whole images is the classifier, or learns its features."""
    return _classifier_of(procedure) is not None or _extractor_of(procedure) is not None


def _classifier_of(procedure: FittedProcedure) -> ConvClassifier | None:
    classifier = procedure.pipeline.named_steps["classify"]
    return classifier if getattr(classifier, "image_shape_", ()) else None


def _extractor_of(procedure: FittedProcedure) -> Any:
    step = procedure.pipeline.named_steps.get("extract")
    return step if hasattr(step, "class_maps") or hasattr(step, "image_shape_") else None


def _open(procedure: FittedProcedure, known: pd.DataFrame) -> _Network:
    """Look at people whose demographics can be encoded."""
    from normwise.networks.images import read_rows

    target = procedure.rule.classes[-1]
    own = read_rows(known, ndim=3, demographics=()).images[:, 0].astype(np.float32)
    network = _classifier_of(procedure)
    if network is not None:
        inputs: Any = known
        for _, step in procedure.pipeline.steps[:-1]:
            inputs = step.transform(inputs)
        place = _place_of(network, target)
        return _Network(
            own, grad_cam(network, inputs, target, signed=True), _of_network(network, inputs, place)
        )
    extractor = _extractor_of(procedure)
    maps = extractor.class_maps(known, target) if hasattr(extractor, "class_maps") else None
    return _Network(own, maps, _of_procedure(procedure, known, own[:, None]))


def _of_procedure(procedure: FittedProcedure, X: pd.DataFrame, images: NDArray[np.float32]) -> _Look:
    from normwise.networks.images import image_layout

    _, voxels = image_layout([str(name) for name in X.columns])
    others = X.drop(columns=X.columns[voxels])
    column = list(procedure.pipeline.classes_).index(procedure.rule.classes[-1])

    def score(some: NDArray[np.intp], changed: NDArray[np.float32]) -> Floats:
        values = changed.reshape(len(some), -1)
        frame = pd.DataFrame(values, index=X.index[some], columns=X.columns[voxels], copy=False)
        chances = procedure.pipeline.predict_proba(pd.concat([frame, others.iloc[some]], axis=1)[X.columns])
        own = np.clip(chances[:, column], _ALMOST, 1 - _ALMOST)
        return np.asarray(np.log(own) - np.log1p(-own), dtype=np.float64)

    return _Look(images, score)


def _known(procedure: FittedProcedure, X: pd.DataFrame) -> pd.DataFrame:
    frame = arm_frame(X, procedure.roles, procedure.arm)
    return frame[encodable_rows(procedure.pipeline, frame)]


def network_pictures(
    procedure: FittedProcedure,
    X: pd.DataFrame,
    labels: NDArray[Any],
    folder: RunFolder,
    section: FeaturesSection,
) -> list[Picture]:
    """Write what a trained network looks at in its patients: the mean Grad-CAM map, and occlusion by place.

    Parameters
    ----------
    procedure : FittedProcedure
        The trained procedure.
    X : DataFrame of shape (n_scans, n_columns)
        Training people.
    labels : ndarray of shape (n_scans,)
        Their classes.
    folder : RunFolder
        Gets the pictures.
    section : FeaturesSection
        How the images were measured.

    Returns
    -------
    list of Picture
        Two, one of a network without classes; none where no network looks at images.
    """
    target = procedure.rule.classes[-1]
    patients = X[labels == target]
    if not has_image_network(procedure) or not len(patients := _known(procedure, patients)[:_PATIENTS]):
        return []
    network, count = _open(procedure, patients), len(patients)
    mean = network.own.mean(axis=0)
    places = network.places(section, mean)
    lost = network.covered(places, np.arange(count))
    drawings = []
    if network.maps is not None:
        title = f"Mean Grad-CAM of {target}, {count} people"
        drawings.append(
            draw_saliency(mean, network.maps.mean(axis=0), title, stage="grad-cam", places=places)
        )
    title = f"Log-odds of {target} lost where a place is covered, {count} people"
    shown = np.nan_to_num(lost).mean(axis=0)
    drawings.append(draw_saliency(mean, _spread(shown, places), title, stage="occlusion", places=places))
    return [_write(folder, "network", each) for each in drawings]


def place_contributions(
    procedure: FittedProcedure, X: pd.DataFrame, section: FeaturesSection, *, top: int
) -> dict[Hashable, list[Contribution]]:
    """Return the places that move each person's log-odds of the last target most when they are covered.

    Parameters
    ----------
    procedure, X, section
        As of `network_pictures`.
    top : int
        Places a person.

    Returns
    -------
    dict of list of Contribution
        By the scan's name in the index: the mean intensity of a place, and what covering it takes
        from the log-odds.
    """
    found: dict[Hashable, list[Contribution]] = {}
    for known in _some_at_once(_known(procedure, X)):
        network = _open(procedure, known)
        own = [network.places(section, image) for image in network.own]
        for places in dict.fromkeys(own):
            rows = np.flatnonzero([each is places for each in own])
            lost = np.round(network.covered(places, rows), _DIGITS)
            for row, values in zip(rows, lost, strict=True):
                found[known.index[row]] = [
                    Contribution(
                        places.names[place],
                        float(network.own[row][places.labels == place + 1].mean()),
                        None, None, None,
                        float(values[place]),
                    )
                    for place in np.argsort(-np.abs(values), kind="stable")[:top]
                    if np.isfinite(values[place])
                ]  # fmt: skip
    return found


def person_pictures(
    procedure: FittedProcedure,
    X: pd.DataFrame,
    folder: RunFolder,
    section: FeaturesSection,
    contributions: Mapping[str, Sequence[Contribution]],
) -> tuple[list[Picture], dict[str, FeatureNote]]:
    """Write Grad-CAM and occlusion of everybody over the person's own image.

    Parameters
    ----------
    procedure, X, folder, section
        As of `network_pictures`.
    contributions : mapping of str to sequence of Contribution
        By scan, from `place_contributions`.

    Returns
    -------
    tuple of list of Picture and dict of str to FeatureNote
        And where the places lie that the contributions name; both empty without a network of images.
    """
    written: list[Picture] = []
    notes: dict[str, FeatureNote] = {}
    if not has_image_network(procedure):
        return written, notes
    target = procedure.rule.classes[-1]
    for known in _some_at_once(_known(procedure, X)):
        network = _open(procedure, known)
        for row, (scan, image) in enumerate(zip(known.index, network.own, strict=True)):
            places, drawings = network.places(section, image), []
            if network.maps is not None:
                title = f"Grad-CAM of {target}"
                drawings.append(
                    draw_saliency(image, network.maps[row], title, stage="grad-cam", places=places)
                )
            if lost := {each.feature: each.weight or 0.0 for each in contributions.get(str(scan), ())}:
                shown = np.array([lost.get(name, 0.0) for name in places.names])
                title = f"Log-odds of {target} lost where a place is covered"
                drawings.append(
                    draw_saliency(image, _spread(shown, places), title, stage="occlusion", places=places)
                )
                notes |= {name: places.notes[name] for name in lost if name in places.notes}
            written += [_write(folder, str(scan), each) for each in drawings]
    return written, notes


def name_columns(section: FeaturesSection, X: pd.DataFrame, names: Iterable[str]) -> dict[str, str]:
    """Return in words where the voxels of some columns lie, by their names; other columns are left out.

    Parameters
    ----------
    section : FeaturesSection
        How the images were measured.
    X : DataFrame of shape (n_scans, n_columns)
        People, by whose mean image it is seen where they lie.
    names : iterable of str
        Columns.
    """
    from normwise.features import name_places
    from normwise.networks.images import image_layout

    columns = [str(name) for name in X.columns]
    shape, voxels = image_layout(columns)
    if not shape or not isinstance(section, ImagesSection):
        return {}
    places = name_places(section, X.iloc[:, voxels].mean(axis=0).to_numpy(np.float32).reshape(shape))
    order = {columns[voxel]: place for place, voxel in enumerate(voxels)}
    return {
        name: places.of_voxel(tuple(int(each) for each in np.unravel_index(order[name], shape)))
        for name in names
        if name in order
    }


def _some_at_once(X: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the people in parts whose images are in memory together."""
    for start in range(0, len(X), _AT_ONCE):
        yield X.iloc[start : start + _AT_ONCE]


def _spread(values: Floats, places: Places) -> Floats:
    """Return an image in which every voxel has the value of its place."""
    return np.concatenate([[0.0], values])[places.labels]


def _write(folder: RunFolder, subject: str, drawing: Drawing) -> Picture:
    path = f"{folder.PICTURE_FOLDER}/{re.sub(r'[^A-Za-z0-9.-]', '-', subject)}_{drawing.stage}.png"
    folder.write(path, drawing.png)
    return Picture(subject, drawing.stage, path, drawing.title, drawing.alt)


def draw_saliency(
    image: NDArray[Any],
    saliency: NDArray[Any],
    title: str,
    *,
    stage: str = "grad-cam",
    places: Places | None = None,
) -> Drawing:
    """Draw a map over an image, through its strongest place: from the side, the front and above.

    Parameters
    ----------
    image : ndarray of shape (rows, columns) or (nx, ny, nz)
        Intensities; a volume's axes run to the right, front and up.
    saliency : ndarray of the same shape
        As `grad_cam` returns it.
    title : str
        Of the picture.
    stage : str
        Name of the picture.
    places : Places, optional
        Names the strongest place; by default its voxel is given.

    Returns
    -------
    Drawing
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    strongest = tuple(int(place) for place in np.unravel_index(np.argmax(np.abs(saliency)), saliency.shape))
    panels = [(image, saliency)]
    if image.ndim == 3:
        panels = [
            (image.take(place, axis=axis).T[::-1], saliency.take(place, axis=axis).T[::-1])
            for axis, place in enumerate(strongest)
        ]
    figure = Figure(figsize=(3.2 * len(panels), 3.4), dpi=110, facecolor="black", layout="constrained")
    FigureCanvasAgg(figure)
    low, high = np.percentile(image, [1, 99])
    most = float(np.abs(saliency).max()) or 1.0
    for axes, (below, above) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        axes.imshow(below, cmap="gray", vmin=low, vmax=high)
        shown = axes.imshow(
            above, cmap="PuOr_r", vmin=-most, vmax=most, alpha=np.clip(np.abs(above) / most, 0, 1) * 0.7
        )
        axes.set_axis_off()
    bar = figure.colorbar(shown, ax=figure.axes, shrink=0.8, pad=0.02)
    bar.ax.tick_params(labelcolor="white", labelsize=8)
    figure.suptitle("\n".join(wrap(title, _TITLE * len(panels))), color="white", fontsize=11)
    written = BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    size = f"of {' × '.join(map(str, image.shape))}"
    where = (
        f"voxel {' × '.join(map(str, strongest))} {size}" if places is None else places.of_voxel(strongest)
    )
    alt = f"{title}: its strongest place is {where}."
    return Drawing(stage, title, alt, written.getvalue())


def _log_odds(model: ConvClassifier, rows: Any, place: int) -> Floats:
    scores = np.mean(model.scores_of(rows), axis=0).astype(np.float64)
    others = np.delete(scores, place, axis=1)
    return np.asarray(scores[:, place] - logsumexp(others, axis=1))


def _place_of(model: ConvClassifier, target: Any) -> int:
    names = list(model.classes_)
    if target not in names or not model.image_shape_:
        raise ClassifierError(
            "CLS-508",
            "there is no map for this class.",
            seen=repr(target),
            expected=f"one of {', '.join(map(str, names))}, of a network that looks at images",
            advice="name a class that the network was trained on",
        )
    return names.index(target)
