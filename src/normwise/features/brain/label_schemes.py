"""What kind of tissue each label of an atlas stands for, told by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from normwise.features.atlases.region_names import is_background, region_name

__all__ = ["LabelScheme", "label_scheme_of"]

_WHITE = re.compile(r"white_matter|^cc_|corpus_callosum|^wm_|_wm_|_wm$|capsule|fornix")
_VENTRICLE = re.compile(r"vent(ricle)?(_|$)|choroid")
_FLUID = re.compile(r"^csf$|cerebrospinal")
_NEVER = re.compile(r"vessel|hypointensit")  # the template's own, which nobody else has in the same place
_DEEP = re.compile(
    r"thalamus|caudate(_left|_right)?$|putamen|pallid|hippocamp(us|al_formation)(_left|_right)?$|amygdala|accumbens"
    r"|ventral_dc|ventraldc|brain_?stem|optic_chiasm|subthalamic|basal_forebrain"
)


@dataclass(frozen=True)
class LabelScheme:
    """Labels by kind; each label is of one.

    Attributes
    ----------
    cortex, white, ventricles, fluid, deep : tuple of int
        Ribbons of grey matter (the cerebellum's too), white matter, ventricles, other fluid, deep nuclei.
    """

    cortex: tuple[int, ...] = ()
    white: tuple[int, ...] = ()
    ventricles: tuple[int, ...] = ()
    fluid: tuple[int, ...] = ()
    deep: tuple[int, ...] = ()
    names: dict[int, str] = field(default_factory=dict)


def label_scheme_of(names: Mapping[int, str]) -> LabelScheme:
    """Sort labels by kind.

    Parameters
    ----------
    names : mapping of int to str
        Label and the atlas's own name.

    Returns
    -------
    LabelScheme
        A name that tells no other kind is a region of grey matter, as all of most atlases are.

    Examples
    --------
    >>> kinds = label_scheme_of({2: "Left-Cerebral-White-Matter", 4: "Left-Lateral-Ventricle", 24: "CSF",
    ...                   17: "Left-Hippocampus", 8: "Left-Cerebellum-Cortex"})
    >>> kinds.white, kinds.ventricles, kinds.fluid, kinds.deep, kinds.cortex
    ((2,), (4,), (24,), (17,), (8,))
    """
    found: dict[str, list[int]] = {kind: [] for kind in ("cortex", "white", "ventricles", "fluid", "deep")}
    kept = {}
    for label, raw in names.items():
        name = region_name(raw)
        if label == 0 or is_background(raw) or _NEVER.search(name):
            continue
        kept[label] = raw
        if _FLUID.search(name):
            kind = "fluid"
        elif _VENTRICLE.search(name):
            kind = "ventricles"
        elif _WHITE.search(name):
            kind = "white"
        elif _DEEP.search(name):
            kind = "deep"
        else:
            kind = "cortex"
        found[kind].append(label)
    return LabelScheme(**{kind: tuple(labels) for kind, labels in found.items()}, names=kept)
