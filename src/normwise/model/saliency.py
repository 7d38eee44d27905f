"""What a network for images looks at: Grad-CAM maps, and the change of its score when a region is covered."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from normwise.errors import ClassifierError
from normwise.features import Drawing
from normwise.procedure import FittedProcedure, encodable_rows
from normwise.results import Picture
from normwise.run_folder import RunFolder

if TYPE_CHECKING:
    from normwise.classify import ConvClassifier

__all__ = ["draw_saliency", "grad_cam", "network_pictures", "occlusion_by_region", "person_pictures"]

Floats = NDArray[np.float64]

_PATIENTS = 32  # over whom maps are averaged
_BLOCKS = 3  # along each axis


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
    parts = []
    for start in range(0, len(X), chunk):
        rows = X.iloc[start : start + chunk] if isinstance(X, pd.DataFrame) else X[start : start + chunk]
        whole = _log_odds(model, model.rows_of(rows), place)
        lost = np.empty((len(whole), len(names)))
        for column, name in enumerate(names):
            covered = model.rows_of(rows)
            inside = labels == name
            images = np.array(covered.images, dtype=np.float32)
            # No network was trained on holes; the person's own mean has nothing of the region's shape.
            images[..., inside] = images[..., inside].mean(axis=-1, keepdims=True)
            lost[:, column] = whole - _log_odds(model, covered.with_images(images), place)
        parts.append(lost)
    index = X.index if isinstance(X, pd.DataFrame) else None
    return pd.DataFrame(np.concatenate(parts), index=index, columns=names)


def network_pictures(
    procedure: FittedProcedure, X: pd.DataFrame, labels: NDArray[Any], folder: RunFolder
) -> list[Picture]:
    """Write what a trained network looks at in its patients: the mean Grad-CAM map, and occlusion by block.

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

    Returns
    -------
    list of Picture
        Two; none where the classifier is no network for images.
    """
    network, target = _network_of(procedure), procedure.rule.classes[-1]
    patients = X[labels == target][:_PATIENTS]
    if network is None or not len(patients):
        return []
    inputs, images = _inputs_of(procedure, patients)
    blocks = _blocks(images.shape[1:])
    lost = occlusion_by_region(network, inputs, blocks, target).mean(axis=0).to_numpy()
    count, mean = len(inputs), images.mean(axis=0)
    pictures = [
        draw_saliency(
            mean, grad_cam(network, inputs, target, signed=True).mean(axis=0),
            f"Mean Grad-CAM of {target}, {count} people", stage="grad-cam",
        ),
        draw_saliency(
            mean, lost[blocks - 1], f"Log-odds of {target} lost where a block is covered, {count} people",
            stage="occlusion",
        ),
    ]  # fmt: skip
    return [_write(folder, "network", picture) for picture in pictures]


def person_pictures(procedure: FittedProcedure, X: pd.DataFrame, folder: RunFolder) -> list[Picture]:
    """Write the Grad-CAM map of everybody, over the person's own image; none without a network for images."""
    network, target = _network_of(procedure), procedure.rule.classes[-1]
    known = X[encodable_rows(procedure.pipeline, X)]
    if network is None or not len(known):
        return []
    inputs, images = _inputs_of(procedure, known)
    maps = grad_cam(network, inputs, target, signed=True)
    title = f"Grad-CAM of {target}"
    return [
        _write(folder, str(scan), draw_saliency(image, each, title, stage="grad-cam"))
        for scan, image, each in zip(known.index, images, maps, strict=True)
    ]


def _network_of(procedure: FittedProcedure) -> ConvClassifier | None:
    classifier = procedure.pipeline.named_steps["classify"]
    return classifier if getattr(classifier, "image_shape_", ()) else None


def _inputs_of(procedure: FittedProcedure, X: pd.DataFrame) -> tuple[Any, NDArray[Any]]:
    """Return what the network is given, and the images as they were before the normalizer."""
    from normwise.networks.images import read_rows

    inputs: Any = X[encodable_rows(procedure.pipeline, X)]
    images = read_rows(inputs, ndim=3, demographics=()).images[:, 0]
    for _, step in procedure.pipeline.steps[:-1]:
        inputs = step.transform(inputs)
    return inputs, images


def _blocks(shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Return the number, from 1, of each voxel's block: a third of the image's edge along each axis."""
    labels = np.zeros(shape, dtype=np.intp)
    for axis, edge in enumerate(shape):
        blocks = min(_BLOCKS, edge)
        along = [-1 if each == axis else 1 for each in range(len(shape))]
        labels = labels * blocks + (np.arange(edge) * blocks // edge).reshape(along)
    return labels + 1


def _write(folder: RunFolder, subject: str, drawing: Drawing) -> Picture:
    path = f"{folder.PICTURE_FOLDER}/{re.sub(r'[^A-Za-z0-9.-]', '-', subject)}_{drawing.stage}.png"
    folder.write(path, drawing.png)
    return Picture(subject, drawing.stage, path, drawing.title, drawing.alt)


def draw_saliency(
    image: NDArray[Any], saliency: NDArray[Any], title: str, *, stage: str = "grad-cam"
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
    figure.suptitle(title, color="white", fontsize=11)
    written = BytesIO()
    figure.savefig(written, format="png", metadata={"Software": None})
    where = " × ".join(map(str, strongest))
    alt = f"{title}: its strongest place is voxel {where} of {' × '.join(map(str, image.shape))}."
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
