"""Alarms about where and how people were scanned."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.evaluate.inference.estimates import delong
from normwise.evaluate.leaks.inputs import LeakInputs
from normwise.evaluate.out_of_fold import OutOfFold
from normwise.procedure import draw_repeats, people_per_class
from normwise.results import Alarm, Estimate

__all__ = ["acquisition_predicts_label", "label_from_levels", "site_predicts_label", "sites_differ"]

_ACQUISITION = re.compile(
    r"scanner|manufacturer|vendor|field.?strength|tesla|coil|protocol|sequence|software|\bstation|voxel"
    r"|slice.?thick|acquisition|scan.?year|scan.?date|batch|device|magnet|\bT[RE]\b|repetition|echo.?time"
    r"|flip.?angle",
    flags=re.IGNORECASE,
)
_TELLS, _TELLS_MUCH = 0.60, 0.75
_FOLDS, _AS_GOOD = 5, 0.02
_HEADERS = (".nii", ".nii.gz", ".mgh", ".mgz", ".hdr", ".img", ".hdr.gz", ".img.gz")
_MOST_LEVELS = 50  # a column of more values is a measurement, or names people


def site_predicts_label(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where the site alone tells the classes apart, so that a model may learn scanners."""
    sites = inputs.prepared.cohort.sites
    if sites is None:
        return []
    area = label_from_levels(inputs, sites.loc[inputs.ids].to_numpy(dtype=object))
    return _alarm(inputs, "EVA-301", str(inputs.prepared.cohort.roles.site), "The site tells the label", area)


def acquisition_predicts_label(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where a column about the acquisition, or the images' geometry, tells the classes apart."""
    cohort = inputs.prepared.cohort
    roles = cohort.roles
    known = {roles.label, roles.site, roles.group, *roles.demographics}
    found: list[Alarm] = []
    for column in cohort.raw.columns:
        if column in known or not _ACQUISITION.search(str(column)):
            continue
        values = cohort.raw.loc[inputs.ids, column].to_numpy(dtype=object)
        if 1 < len(set(values)) <= _MOST_LEVELS:
            area = label_from_levels(inputs, values)
            found += _alarm(inputs, "EVA-302", str(column), "The acquisition tells the label", area)
    geometry = _geometries(inputs)
    if geometry is not None and 1 < len(set(geometry)) <= _MOST_LEVELS:
        area = label_from_levels(inputs, geometry)
        title = "The acquisition tells the label"
        found += _alarm(inputs, "EVA-302", "the images' matrix and voxel size", title, area)
    return found


def sites_differ(inputs: LeakInputs) -> list[Alarm]:
    """Alarm where the model does worse on a site it was not trained on than within sites."""
    if inputs.by_site is None:
        return []
    here, there = inputs.found.arms[inputs.main].auc, inputs.by_site.auc
    if here.estimate is None or there.estimate is None or there.high is None:
        return []
    if here.estimate <= there.high:
        return []
    return [
        Alarm(
            "EVA-311",
            "caution",
            "New sites do worse",
            f"AUC {here.estimate:.2f} with all sites in training, {there.estimate:.2f} on sites not seen",
            "report the figure of leave-one-site-out; harmonize the sites on their normals (sites.harmonize)",
        )
    ]


def label_from_levels(inputs: LeakInputs, levels: NDArray[np.object_]) -> Estimate:
    """Return the AUC of a category alone, out of fold: the share of patients among the others of its level.

    Parameters
    ----------
    inputs : LeakInputs
        The run; its people are split anew into folds, since a split by site would leave whole levels unknown.
    levels : ndarray of shape (n_scans,)
        The category of each scan.
    """
    scores, groups = inputs.predictions[inputs.main].scores, inputs.prepared.groups
    fewest = min(people_per_class(scores.labels, groups, scores.classes).values())
    if fewest < 2:
        return Estimate(None, None, None)
    section = inputs.prepared.study.evaluation.model_copy(
        update={"split": "kfold", "folds": min(_FOLDS, fewest), "repeats": _FOLDS}
    )
    layers = draw_repeats(section, scores.labels, groups, scores.classes)
    patient, (_, place) = inputs.patient.astype(float), np.unique(levels.astype(str), return_inverse=True)
    table = np.full((len(layers), len(place)), np.nan)
    folds = np.full(table.shape, -1, dtype=np.intp)
    for repeat, layer in enumerate(layers):
        for number, fold in enumerate(layer):
            train = fold.train[inputs.tested[fold.train]]
            count = np.bincount(place[train], minlength=place.max() + 1)
            hits = np.bincount(place[train], weights=patient[train], minlength=place.max() + 1)
            # One more person of the overall mix, so that a level never seen says nothing.
            table[repeat, fold.test] = ((hits + patient[train].mean()) / (count + 1))[place[fold.test]]
            folds[repeat, fold.test] = number
    two = OutOfFold(
        labels=np.where(inputs.patient, "patient", "other").astype(object),
        classes=("other", "patient"),
        negative="other",
        probabilities=np.stack([1 - table, table], axis=2),
        decided=np.full(table.shape, -1, dtype=np.intp),
        folds=folds,
    )
    return delong(two, groups, section.confidence)


def _alarm(inputs: LeakInputs, code: str, what: str, title: str, area: Estimate) -> list[Alarm]:
    if area.estimate is None or area.low is None or area.low <= 0.5 or area.estimate < _TELLS:
        return []
    model = inputs.found.arms[inputs.main].auc.estimate
    as_good = model is not None and area.estimate >= model - _AS_GOOD
    severity = "severe" if as_good or area.estimate >= _TELLS_MUCH else "caution"
    seen = f"{what} alone reaches an AUC of {area.estimate:.2f} ({area.low:.2f} to {area.high:.2f})"
    if model is not None:
        seen += f"; the model {model:.2f}"
    advice = (
        "compare people within sites: look at leave-one-site-out and the figures by site, recruit both"
        " classes everywhere, or harmonize on the normals (sites.harmonize)"
    )
    return [Alarm(code, severity, title, seen, advice)]


def _geometries(inputs: LeakInputs) -> NDArray[np.object_] | None:
    """Return matrix and voxel size of each image from its header; None without images that have them."""
    images = inputs.prepared.cohort.images
    if images is None:
        return None
    import nibabel
    from nibabel.filebasedimages import ImageFileError

    found = []
    for path in images.loc[inputs.ids]:
        if not str(path).lower().endswith(_HEADERS):
            return None
        try:
            header: Any = nibabel.load(str(path)).header
        except (OSError, ImageFileError):
            return None  # moved since it was measured
        found.append(f"{header.get_data_shape()} {np.round(header.get_zooms(), 2).tolist()}")
    return np.array(found, dtype=object)
