"""The atlas of a chain: its label map, its names, and the kind of tissue that each label stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.features.atlases import (
    IMAGE_SUFFIXES,
    atlas_files,
    is_background,
    make_symmetric,
    read_lookup,
    region_name,
    region_names,
    ties_outwards,
)
from normwise.features.brain.settings import ChainSettings
from normwise.images import LabelVolume, read_labels

__all__ = ["LabelScheme", "label_scheme_of", "load_labels", "load_scheme", "read_atlas"]

_WHITE = re.compile(r"white_matter|^cc_|corpus_callosum|^wm_|_wm_|_wm$|capsule|fornix")
_VENTRICLE = re.compile(r"vent(ricle)?(_|$)|choroid")
_FLUID = re.compile(r"^csf$|cerebrospinal")
_NEVER = re.compile(r"vessel|hypointensit")  # the template's own, which nobody else has in the same place
_DEEP = re.compile(
    r"thalamus|caudate(_left|_right)?$|putamen|pallid|hippocamp(us|al_formation)(_left|_right)?$|amygdala|accumbens"
    r"|ventral_dc|ventraldc|brain_?stem|optic_chiasm|subthalamic|basal_forebrain"
)
_KINDS = {"fluid": _FLUID, "ventricles": _VENTRICLE, "white": _WHITE, "deep": _DEEP}
"""Patterns of each kind; the first that fits decides."""


@dataclass(frozen=True)
class LabelScheme:
    """Labels by kind; each label is of one.

    Attributes
    ----------
    cortex, white, ventricles, fluid, deep : tuple of int
        Ribbons of grey matter (the cerebellum's too), white matter, ventricles, other fluid, deep nuclei.
    names : dict of int to str
        The atlas's own name of each label.
    """

    cortex: tuple[int, ...] = ()
    white: tuple[int, ...] = ()
    ventricles: tuple[int, ...] = ()
    fluid: tuple[int, ...] = ()
    deep: tuple[int, ...] = ()
    names: dict[int, str] = field(default_factory=dict)

    @property
    def regions(self) -> dict[int, str]:
        """Region of each label, in the form of `normwise.features.atlases.region_name`."""
        return region_names(self.names)

    def is_cerebellum(self, label: int) -> bool:
        """Return whether a label belongs to the cerebellum."""
        return "cerebell" in self.names[label].lower()


def label_scheme_of(names: Mapping[int, str]) -> LabelScheme:
    """Sort labels by kind.

    Parameters
    ----------
    names : mapping of int to str
        Label and the atlas's own name.

    Returns
    -------
    LabelScheme
        A name that fits no other kind is a region of grey matter, as all of most atlases are.

    Examples
    --------
    >>> scheme = label_scheme_of({2: "Left-Cerebral-White-Matter", 4: "Left-Lateral-Ventricle", 24: "CSF",
    ...                   17: "Left-Hippocampus", 8: "Left-Cerebellum-Cortex"})
    >>> scheme.white, scheme.ventricles, scheme.fluid, scheme.deep, scheme.cortex
    ((2,), (4,), (24,), (17,), (8,))
    """
    labels: dict[str, list[int]] = {kind: [] for kind in (*_KINDS, "cortex")}
    used = {}
    for label, raw in names.items():
        name = region_name(raw)
        if label == 0 or is_background(raw) or _NEVER.search(name):
            continue
        used[label] = raw
        kind = next((kind for kind, pattern in _KINDS.items() if pattern.search(name)), "cortex")
        labels[kind].append(label)
    return LabelScheme(**{kind: tuple(each) for kind, each in labels.items()}, names=used)


def load_labels(settings: ChainSettings) -> LabelVolume:
    """Load the labels of the atlas in the template's space, every one of them.

    Parameters
    ----------
    settings : ChainSettings
        Its ``atlas``, ``lut`` and ``template``: on MNI152, which is symmetric, every region is averaged
        with its mirrored twin.
    """
    labels = read_atlas(settings.atlas)
    if settings.template is not None:
        return labels
    symmetric = make_symmetric(labels, _names(settings.atlas, settings.lut))
    return LabelVolume(symmetric.voxels, ties_outwards(symmetric.affine))


def read_atlas(atlas: str) -> LabelVolume:
    """Read the label map of an installed atlas or a file, as it was drawn."""
    return read_labels(atlas if atlas.lower().endswith(IMAGE_SUFFIXES) else atlas_files(atlas)[0])


def load_scheme(atlas: str, lut: Path | None, labels: NDArray[Any] | None = None) -> LabelScheme:
    """Load the kinds of an atlas's labels.

    Parameters
    ----------
    atlas : str
        Name of an installed atlas, or a label map.
    lut : Path or None
        Look-up table of a label map.
    labels : ndarray of int, optional
        Labels that are there: without any table they are called ``label_17``.
    """
    names = _names(atlas, lut)
    if not names and labels is not None:
        names = {int(label): f"label_{label}" for label in np.unique(labels) if label}
    return label_scheme_of(names)


def _names(atlas: str, lut: Path | None) -> dict[int, str]:
    if lut is None and not atlas.lower().endswith(IMAGE_SUFFIXES):
        lut = atlas_files(atlas)[1]
    return read_lookup(lut) if lut is not None else {}
