"""Which contrast an acquisition has: T1-weighted, another one, or one that can't be told.

What the header names outright and what its times make of the signal are judged together. The limits in
milliseconds and degrees are those between the protocols in use from 1.5 to 7 tesla.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from normwise.images.dicom.acquisition import Acquisition

__all__ = ["Contrast", "judge_contrast"]

_SHORTEST_ECHO = 0.2
_SECONDS = 8.0  # no repetition of so many milliseconds ends before its echo
_LONGEST_ECHO = 30.0  # beyond it any image is weighted by T2
_LONGEST_GRADIENT_ECHO = 12.0  # beyond it a gradient echo is weighted by T2*
_SHORTEST_SPIN_ECHO = 7.0  # an echo that comes sooner is a gradient echo
_LONGEST_T1_SPIN_ECHO = 20.0
_LONGEST_T1_INVERSION = 1500.0  # beyond it fluid is nulled, or nothing is
_SHORTEST_T1_INVERSION = 450.0  # before it white matter may be nulled, by a slow gradient echo or a spin echo
_FAT_INVERSION = 260.0  # up to it a spin echo nulls fat
_SHORT_REPETITION = 1100.0  # up to it a spin echo is weighted by T1
_LONG_REPETITION = 1800.0  # from it on a spin echo without inversion is weighted by proton density or T2
_LONGEST_REPETITION = 4000.0  # from it on no single inversion is weighted by T1
_NULLING_REPETITION = 2500.0
_STEADY_REPETITION = 100.0  # before it there is no time for a spin echo
_FAST_REPETITION, _FLASH_REPETITION = 15.0, 60.0
_FLASH_FLIP = 28.0  # angiography takes less
_PREPARED_FLIP = 20.0
_BELOW_ERNST = 0.75
_T1_MS = 1000.0  # of white and grey matter, near enough

_T2 = "T2-weighted"
_OTHERS = {
    "T2": _T2, "T2_STAR": "T2*-weighted", "FLUID_ATTENUATED": "FLAIR", "FLAIR": "FLAIR",
    "PROTON_DENSITY": "proton density", "STIR": "STIR", "TOF": "time-of-flight angiography",
    "ANGIO": "angiography", "ANGIO_TIME": "angiography", "FLOW_ENCODED": "flow", "VELOCITY": "flow",
    "DIFFUSION": "diffusion", "PERFUSION": "perfusion", "ASL": "perfusion", "TAGGING": "tagging",
    "FMRI": "functional", "MOSAIC": "functional or diffusion", "SWI": "susceptibility",
    "SUSCEPTIBILITY": "susceptibility", "TEMPERATURE": "temperature", "INV1": "inversion image of MP2RAGE",
    "INV2": "inversion image of MP2RAGE", "EP": "echo planar",
}  # fmt: skip
_UNIFORM = {"UNI", "UNI-DEN", "UNIT1"}  # what MP2RAGE makes of its two inversions


@dataclass(frozen=True)
class Contrast:
    """A contrast, and what it was judged by.

    Attributes
    ----------
    name : str
        As ``"T1-weighted"``, ``"proton density"`` or ``"unknown"``.
    is_t1 : bool or None
        None where it can't be told.
    why : str
        What the header says, as ``"TR 3000, TE 12 ms: …"``.
    """

    name: str
    is_t1: bool | None
    why: str


def judge_contrast(acquisitions: Iterable[Acquisition]) -> Contrast:
    """Judge the contrast of slices that were acquired in these ways: the worst of them counts.

    Examples
    --------
    >>> judge_contrast([Acquisition(2300, 2.9, 900)]).name
    'T1-weighted'
    >>> judge_contrast([Acquisition(3000, 12)]).why
    'TR 3000, TE 12 ms: the repetition is too long for a T1-weighted image without inversion'
    >>> judge_contrast([Acquisition()])
    Contrast(name='unknown', is_t1=None, why='the header has no times: nothing tells')
    """
    judged = [_judge(each) for each in acquisitions]
    return min(judged, key=lambda each: {False: 0, None: 1, True: 2}[each.is_t1])


def _judge(one: Acquisition) -> Contrast:
    by_times = _by_times(one)
    by_times = Contrast(by_times.name, by_times.is_t1, f"{_shown(one)}: {by_times.why}")
    if by_times.is_t1 is False and by_times.name == _T2:
        return by_times
    if named := sorted(one.words & _OTHERS.keys()):
        return Contrast(_OTHERS[named[0]], False, f"the header says {named[0]}")
    if one.words & _UNIFORM:
        return Contrast("T1-weighted", True, "the uniform image of MP2RAGE")
    if one.words & {"T1", "T1W"}:
        if by_times.is_t1 is False:
            return _unknown(f"the header says T1, yet {by_times.why}")
        return Contrast("T1-weighted", True, "the header says T1")
    return by_times


def _by_times(one: Acquisition) -> Contrast:
    if one.echo_ms is not None and one.echo_ms < _SHORTEST_ECHO:
        return _unknown(f"no usual echo comes sooner than {_SHORTEST_ECHO:g} ms: the times may be seconds")
    if one.repetition_ms is not None and one.repetition_ms < min(_SECONDS, one.echo_ms or 0.0):
        return _unknown("an echo after the repetition: the times may be of two units")
    if one.echo_ms is not None and one.echo_ms > _LONGEST_ECHO:
        return _other(_T2, f"the echo comes later than {_LONGEST_ECHO:g} ms")
    family = _family(one)
    if one.inversion_ms is not None:
        return _inverted(one, one.inversion_ms, family)
    if family == "GR":
        return _gradient_echo(one)
    if "IR" in one.words:
        if (one.repetition_ms or 0) >= _LONGEST_REPETITION:
            return _other("FLAIR", "an inversion with so long a repetition nulls fluid")
        return _unknown("an inversion of unknown time")
    return _spin_echo(one) if family == "SE" else _any_echo(one)


def _family(one: Acquisition) -> str:
    if "SE" in one.words:
        return "SE"
    quick = one.repetition_ms is not None and one.repetition_ms < _STEADY_REPETITION
    early = one.echo_ms is not None and one.echo_ms < _SHORTEST_SPIN_ECHO
    return "GR" if quick or early or one.words & {"GR", "MP"} else ""


def _inverted(one: Acquisition, inversion: float, family: str) -> Contrast:
    repetition = one.repetition_ms or 0.0
    gradient = family == "GR"
    if inversion >= _LONGEST_T1_INVERSION:
        if gradient:
            return _other("proton density", "an inversion so long before the image leaves no T1 weighting")
        return _other("FLAIR", "an inversion so long before the image nulls fluid")
    if gradient and repetition >= _LONGEST_REPETITION:
        return _other("inversion image of MP2RAGE", "a gradient echo with so long a repetition")
    if inversion <= _FAT_INVERSION and not gradient:
        return _other("STIR", "an inversion so shortly before a spin echo nulls fat")
    if repetition >= _LONGEST_REPETITION:
        return _unknown("an inversion with a repetition that suits no T1-weighted image")
    if inversion < _SHORTEST_T1_INVERSION and (repetition >= _NULLING_REPETITION or not gradient):
        return _unknown("an inversion that may null white matter")
    return _t1("an inversion before the image")


def _gradient_echo(one: Acquisition) -> Contrast:
    if one.echo_ms is not None and one.echo_ms > _LONGEST_GRADIENT_ECHO:
        return _other("T2*-weighted", f"a gradient echo later than {_LONGEST_GRADIENT_ECHO:g} ms")
    prepared = bool(one.words & {"MP", "IR"})
    if "SS" in one.words and "SP" not in one.words and not prepared:
        return _unknown("a steady state that is not spoiled")
    if "MTC" in one.words and not prepared:
        return _unknown("magnetization transfer")
    if one.repetition_ms is None:
        return (
            _t1("a prepared gradient echo") if prepared else _unknown("a gradient echo of unknown repetition")
        )
    repetition, flip = one.repetition_ms, one.flip_degrees
    if repetition >= _LONGEST_REPETITION:
        return _unknown("a gradient echo with so long a repetition")
    if prepared:
        return _t1("a prepared gradient echo")
    if repetition > _SHORT_REPETITION:
        small = flip is None or flip <= _PREPARED_FLIP
        return _t1("the times of MPRAGE") if small else _unknown("a gradient echo with so long a repetition")
    ernst = math.degrees(math.acos(math.exp(-repetition / _T1_MS)))
    if flip is not None and flip < _BELOW_ERNST * ernst:
        return _other("proton density", f"a flip angle below {_BELOW_ERNST:g} of Ernst's ({ernst:.0f}°)")
    if (
        "2D" in one.words and repetition <= _FLASH_REPETITION
    ):  # slice after slice, so that blood flows in fresh
        if repetition <= _FAST_REPETITION:
            return _unknown("a fast gradient echo of single slices")
        return _other(
            "time-of-flight angiography", "a gradient echo of single slices with so short a repetition"
        )
    if repetition <= _FAST_REPETITION:
        return _t1("a fast gradient echo")
    if repetition > _FLASH_REPETITION:
        return (
            _t1("a gradient echo") if flip is not None else _unknown("a gradient echo of unknown flip angle")
        )
    if "FC" in one.words:
        return _other("time-of-flight angiography", "a flow-compensated gradient echo")
    if flip is not None and flip >= _FLASH_FLIP:
        return _t1("a gradient echo with a large flip angle")
    return _unknown("angiography has these times too")


def _spin_echo(one: Acquisition) -> Contrast:
    if one.repetition_ms is None:
        return _unknown("a spin echo of unknown repetition")
    if one.repetition_ms <= _SHORT_REPETITION:
        return _t1("a spin echo with a short repetition")
    if one.repetition_ms < _LONG_REPETITION:
        return _unknown("a repetition between those of T1 and proton density")
    return _too_long(one)


def _any_echo(one: Acquisition) -> Contrast:
    """Judge an image that may be a spin echo or a gradient echo."""
    if one.repetition_ms is None:
        return _unknown("nothing tells")
    if one.repetition_ms <= _SHORT_REPETITION and one.echo_ms and one.echo_ms <= _LONGEST_T1_SPIN_ECHO:
        return _t1("the times of a T1-weighted spin echo")
    if one.repetition_ms < (_LONG_REPETITION if one.echo_ms else _LONGEST_REPETITION):
        return _unknown("several contrasts have these times")
    return _too_long(one)


def _too_long(one: Acquisition) -> Contrast:
    name = "proton density" if one.echo_ms else "proton density, T2-weighted or FLAIR"
    return _other(name, "the repetition is too long for a T1-weighted image without inversion")


def _t1(why: str) -> Contrast:
    return Contrast("T1-weighted", True, why)


def _other(name: str, why: str) -> Contrast:
    return Contrast(name, False, why)


def _unknown(why: str) -> Contrast:
    return Contrast("unknown", None, why)


def _shown(one: Acquisition) -> str:
    times = {"TR": one.repetition_ms, "TE": one.echo_ms, "TI": one.inversion_ms}
    shown = ", ".join(f"{name} {value:.4g}" for name, value in times.items() if value is not None)
    flip = "" if one.flip_degrees is None else f"{', ' if shown else ''}flip angle {one.flip_degrees:.3g}°"
    return f"{shown} ms{flip}" if shown else flip or "the header has no times"
