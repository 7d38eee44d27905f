"""How an image was acquired, as its header says: times, angle, kind of sequence. None of it is personal.

A file of one slice says it at the top; an enhanced file of many frames inside the functional groups of each
frame, or of all; a converted one among the attributes that its converter did not assign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["ACQUISITION_TAGS", "Acquisition", "functional_groups", "many", "numbers", "read_acquisitions"]

_GROUPS = (
    "MREchoSequence", "MRTimingAndRelatedParametersSequence", "MRModifierSequence",
    "MRImageFrameTypeSequence", "MRDiffusionSequence", "UnassignedPerFrameConvertedAttributesSequence",
    "UnassignedSharedConvertedAttributesSequence",
)  # fmt: skip
_NUMBERS = {
    "repetition_ms": ("RepetitionTime",),
    "echo_ms": ("EffectiveEchoTime", "EchoTime"),
    "inversion_ms": ("InversionTimes", "InversionTime"),
    "flip_degrees": ("FlipAngle",),
    "diffusion": ("DiffusionBValue",),
}
_WORDS = (
    "ScanningSequence",
    "SequenceVariant",
    "MRAcquisitionType",
    "AcquisitionContrast",
    "FrameType",
    "ComplexImageComponent",
    "ImageType",
)
# What an enhanced file says by yes and no, in the words of a file of one slice.
_FLAGS = {
    "AngioFlag": {"Y": "ANGIO"},
    "TimeOfFlightContrast": {"YES": "TOF"},
    "PhaseContrast": {"YES": "FLOW_ENCODED"},
    "EchoPulseSequence": {"SPIN": "SE", "GRADIENT": "GR", "BOTH": "SE"},
    "EchoPlanarPulseSequence": {"YES": "EP"},
    "InversionRecovery": {"YES": "IR"},
    "MagnetizationTransfer": {"ON_RESONANCE": "MTC", "OFF_RESONANCE": "MTC", "BOTH": "MTC"},
    "SteadyStatePulseSequence": {"FREE_PRECESSION": "SS", "TRANSVERSE": "SS", "TIME_REVERSED": "SS"},
    "Spoiling": {"RF": "SP", "GRADIENT": "SP", "RF_AND_GRADIENT": "SP"},
    "FlowCompensation": {"ACCELERATION": "FC", "VELOCITY": "FC", "OTHER": "FC"},
}
# Of a sequence's name, which is free text, only these are noticed.
_NAMED = {
    r"tfl|mprage|mp2rage|bravo|tfe": ("GR", "MP"),
    r"tof": ("TOF",),
    r"f[li][23]d\d*r": ("GR", "FC"),
    r"fl[23]d|fspgr|efgre": ("GR",),
    r"tse|spc|tir|cube|vista|fse": ("SE",),
    r"ep2d|epfid|epse|ep_b": ("EP",),
    r"tfi3d|ci3d|fiesta": ("GR", "SS"),
    r"swi": ("SWI",),
}
_SCANNER_WORDS = {"M_FFE": "GR", "FFE": "GR", "M_SE": "SE", "M_TSE": "SE"}
# SP among these is no spoiling but a saturation.
_OPTIONS = {
    "FC": "FC",
    "FC_SLICE_AX_GEMS": "FC",
    "FC_FREQ_AX_GEMS": "FC",
    "IR": "IR",
    "EPI_GEMS": "EP",
    "VASCTOF_GEMS": "TOF",
}

ACQUISITION_TAGS = (
    *(keyword for keywords in _NUMBERS.values() for keyword in keywords), *_WORDS, *_FLAGS,
    "ScanOptions", "SequenceName", "PulseSequenceName", "ContrastBolusAgent",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
)  # fmt: skip
"""Every element that is read for it."""

_NO_AGENT = {"", "NO", "NONE", "N", "N/A", "NA", "0", "WITHOUT", "OHNE", "SANS", "NATIVE"}


@dataclass(frozen=True)
class Acquisition:
    """How one slice was acquired.

    Attributes
    ----------
    repetition_ms, echo_ms, inversion_ms, flip_degrees : float or None
        Times and flip angle; None where the header does not say.
    words : frozenset of str
        The header's defined terms in capitals: of ScanningSequence (``SE``, ``GR``, ``IR``, ``EP``),
        SequenceVariant (``SP``, ``MP``, ``MTC``), MRAcquisitionType (``2D``), ImageType and
        AcquisitionContrast, of flags, and of what
        the sequence's name is known to mean.
    agent : bool
        Whether a contrast agent was given.
    """

    repetition_ms: float | None = None
    echo_ms: float | None = None
    inversion_ms: float | None = None
    flip_degrees: float | None = None
    words: frozenset[str] = frozenset()
    agent: bool = False


def read_acquisitions(dataset: Any, frames: int) -> tuple[Acquisition, ...]:
    """Return the distinct ways in which the frames of a file were acquired.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        With the elements of `ACQUISITION_TAGS`.
    frames : int
        How many frames it has.
    """
    shared = [*_items(list(functional_groups(dataset, frames))), dataset]
    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    common = _read(shared)
    each = (_read([*items, *shared]) if (items := _items([group])) else common for group in own[:frames])
    return tuple(dict.fromkeys(each)) or (common,)


def functional_groups(dataset: Any, frame: int) -> Iterator[Any]:
    """Yield the functional groups of a frame: its own, then what all frames share."""
    own = dataset.get("PerFrameFunctionalGroupsSequence")
    if own is not None and frame < len(own):
        yield own[frame]
    yield from (dataset.get("SharedFunctionalGroupsSequence") or [])[:1]


def many(value: Any) -> list[Any]:
    """Return an element's values as a list; an absent one has none."""
    if value is None:
        return []
    return [value] if isinstance(value, str | bytes | float | int) else list(value)


def numbers(value: Any, count: int) -> tuple[float, ...]:
    """Return exactly so many finite numbers, or none."""
    each = tuple(float(one) for one in many(value) if value != "")
    return each if len(each) == count and all(abs(one) < float("inf") for one in each) else ()


def _items(groups: list[Any]) -> list[Any]:
    return [sequence[0] for group in groups for name in _GROUPS if (sequence := group.get(name))]


def _read(places: list[Any]) -> Acquisition:
    """Read from the first place that says something: a frame's own before what all share, before the top."""

    def first(keyword: str) -> Any:
        return next((value for place in places if (value := place.get(keyword)) not in (None, "")), None)

    found = {name: _number([first(each) for each in keywords]) for name, keywords in _NUMBERS.items()}
    words = {str(word).strip().upper() for keyword in _WORDS for word in many(first(keyword))}
    words |= {_SCANNER_WORDS[word] for word in words if word in _SCANNER_WORDS}
    words.update(_OPTIONS.get(str(option).strip().upper(), "") for option in many(first("ScanOptions")))
    for keyword, meanings in _FLAGS.items():
        words.add(meanings.get(str(first(keyword) or "").strip().upper(), ""))
    name = f"{first('SequenceName') or ''} {first('PulseSequenceName') or ''}".lower()
    words.update(word for pattern, each in _NAMED.items() if re.search(pattern, name) for word in each)
    if found.pop("diffusion"):
        words.add("DIFFUSION")
    agent = str(first("ContrastBolusAgent") or "").strip().upper() not in _NO_AGENT
    return Acquisition(**found, words=frozenset(words - {""}), agent=agent)


def _number(values: list[Any]) -> float | None:
    """Return the first positive number; 0 stands for what does not apply."""
    for value in values:
        if (listed := many(value)) and (one := numbers(listed[0], 1)) and one[0] > 0:
            return one[0]
    return None
