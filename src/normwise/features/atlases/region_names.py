"""Region names: the atlas's own, brought to one form, with the side at the end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

__all__ = ["is_background", "region_name", "region_names"]

_LEFT, _RIGHT = ("left", "lh", "l"), ("right", "rh", "r")
_SIDES = {**dict.fromkeys(_LEFT, "left"), **dict.fromkeys(_RIGHT, "right")}
_BACKGROUND = re.compile(r"(^|_)(unknown|background|medialwall|medial_wall|clear_label)(_|$)")


def region_name(name: str) -> str:
    """Bring one region's name to lower case and underscores, with ``_left`` or ``_right`` at the end.

    A side is taken from ``Left``, ``lh`` or ``L`` at the beginning or the end, after an optional ``ctx`` or
    ``wm``; words run together in capitals (``AccumbensArea``) are parted where nothing else parts them.

    Parameters
    ----------
    name : str
        As the atlas has it.

    Returns
    -------
    str
        Letters, digits and underscores.

    Examples
    --------
    >>> [region_name(name) for name in ("Left-Hippocampus", "Right_AnG_angular_gyrus", "Precentral_L")]
    ['hippocampus_left', 'ang_angular_gyrus_right', 'precentral_left']
    >>> [region_name(name) for name in ("ctx-lh-bankssts", "AccumbensArea_R", "3rd-Ventricle", "lh_insula")]
    ['ctx_bankssts_left', 'accumbens_area_right', '3rd_ventricle', 'insula_left']
    """
    words = [word for word in re.split(r"[^0-9A-Za-z]+", name) if word]
    prefix = [words.pop(0)] if len(words) > 2 and words[0].lower() in ("ctx", "wm") else []
    side = ""
    for place in (0, -1):
        if len(words) > 1 and words[place].lower() in _SIDES:
            side = _SIDES[words.pop(place).lower()]
            break
    if len(words) == 1:
        words = re.split(r"(?<=[a-z])(?=[A-Z])", words[0])
    return "_".join([*prefix, *words, *([side] if side else [])]).lower()


def region_names(raw: Mapping[int, str]) -> dict[int, str]:
    """Name every label once; names that meet after normalisation carry their label.

    Parameters
    ----------
    raw : mapping of int to str
        Label and the atlas's own name.

    Returns
    -------
    dict of int to str
        In the order of ``raw``.

    Examples
    --------
    >>> region_names({1: "Insula_L", 2: "Insula-L", 3: "Cuneus_R"})
    {1: 'insula_left_1', 2: 'insula_left_2', 3: 'cuneus_right'}
    """
    plain = {label: region_name(name) or f"label_{label}" for label, name in raw.items()}
    counts = Counter(plain.values())
    return {label: name if counts[name] == 1 else f"{name}_{label}" for label, name in plain.items()}


def is_background(name: str) -> bool:
    """Say whether an atlas's name stands for no region at all.

    Examples
    --------
    >>> is_background("ctx-lh-unknown"), is_background("Background"), is_background("Cuneus_L")
    (True, True, False)
    """
    return _BACKGROUND.search(region_name(name)) is not None
