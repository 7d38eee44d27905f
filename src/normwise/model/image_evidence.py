"""Where in an image a network for images sees evidence: Grad-CAM, and what covering a region takes away."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from normwise.errors import ClassifierError
from normwise.features import Drawing

if TYPE_CHECKING:
    from normwise.classify import ConvClassifier

__all__ = ["draw_evidence", "grad_cam", "occlusion_by_region"]

Floats = NDArray[np.float64]


def grad_cam(model: ConvClassifier, X: Any, target: Any, *, signed: bool = False) -> NDArray[np.float32]:
    """Return where the evidence FOR a class lies (Selvaraju et al. 2017, eqs. 1 and 2).

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
            # A hole would be something no network has met; the person's own mean has nothing of the region's
            # shape.
            images[..., inside] = images[..., inside].mean(axis=-1, keepdims=True)
            lost[:, column] = whole - _log_odds(model, covered.with_images(images), place)
        parts.append(lost)
    index = X.index if isinstance(X, pd.DataFrame) else None
    return pd.DataFrame(np.concatenate(parts), index=index, columns=names)


def draw_evidence(
    image: NDArray[Any], evidence: NDArray[Any], title: str, *, stage: str = "evidence"
) -> Drawing:
    """Draw evidence over an image: through its strongest place, from the side, the front and above.

    Parameters
    ----------
    image : ndarray of shape (rows, columns) or (nx, ny, nz)
        Intensities; a volume's axes run to the right, front and up.
    evidence : ndarray of the same shape
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

    strongest = tuple(int(place) for place in np.unravel_index(np.argmax(np.abs(evidence)), evidence.shape))
    panels = [(image, evidence)]
    if image.ndim == 3:
        panels = [
            (image.take(place, axis=axis).T[::-1], evidence.take(place, axis=axis).T[::-1])
            for axis, place in enumerate(strongest)
        ]
    figure = Figure(figsize=(3.2 * len(panels), 3.4), dpi=110, facecolor="black", layout="constrained")
    FigureCanvasAgg(figure)
    low, high = np.percentile(image, [1, 99])
    most = float(np.abs(evidence).max()) or 1.0
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
    alt = f"{title}: the strongest evidence lies at voxel {where} of {' × '.join(map(str, image.shape))}."
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
            "there is no evidence to be shown for this class.",
            seen=repr(target),
            expected=f"one of {', '.join(map(str, names))}, of a network that looks at images",
            advice="name a class that the network was trained on",
        )
    return names.index(target)
