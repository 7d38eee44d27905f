"""Contrasts by times, angles and defined terms together, with both sides of each limit."""

from __future__ import annotations

import pytest

from normwise.images.dicom.acquisition import Acquisition
from normwise.images.dicom.contrast import judge_contrast


def judged(tr=None, te=None, ti=None, flip=None, words=""):
    return judge_contrast([Acquisition(tr, te, ti, flip, frozenset(words.split()))])


@pytest.mark.parametrize(
    ("protocol", "times"),
    [
        ("MPRAGE, Siemens", (2300, 2.9, 900, 9, "GR IR SK SP MP")),
        ("MPRAGE without its inversion time", (2300, 2.5)),
        ("MPRAGE, Philips, as TFE", (8.2, 3.8, None, 8, "GR MP M_FFE")),
        ("MPRAGE of 1.5 T, old", (9.7, 4, 20, 10)),
        ("BRAVO, GE", (8.2, 3.2, 450, 12, "GR SS SP")),
        ("FSPGR without preparation", (7.5, 3, None, 12, "GR")),
        ("MPRAGE, 7 T", (2600, 2, 1100, 5)),
        ("FLASH with a large angle", (30, 5, None, 30, "GR")),
        ("spin echo", (600, 14, None, 90, "SE")),
        ("spin echo of unknown kind", (600, 14)),
        ("T1 FLAIR", (2000, 12, 860, 90, "SE IR")),
        ("low field, told by the header", (1500, 5.6, 300, 90, "GR T1")),
        ("uniform image of MP2RAGE", (5000, 2.98, 2500, 4, "GR UNI")),
        ("told by the header alone", (None, None, None, None, "T1")),
    ],
)
def test_t1_weighted(protocol, times):
    assert judged(*times).is_t1 is True, protocol


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("proton density", (3000, 12)),
        ("proton density", (2500, 15, None, 90, "SE")),
        ("proton density", (23.7, 2.3, None, 6, "GR")),
        ("T2-weighted", (3200, 90, None, 120, "SE")),
        ("T2-weighted", (600, 90, None, None, "T1")),
        ("FLAIR", (9000, None, 2500)),
        ("FLAIR", (5000, 25, 1650, None, "SE IR")),
        ("FLAIR", (9000, None, None, None, "SE IR")),
        ("proton density, T2-weighted or FLAIR", (9000,)),
        ("STIR", (4000, 20, 220, None, "SE IR")),
        ("T2*-weighted", (28, 20, None, 15, "GR")),
        ("T2*-weighted", (28, 20)),
        ("time-of-flight angiography", (21, 3.4, None, 18, "GR FC")),
        ("time-of-flight angiography", (2300, 2.9, 900, 9, "TOF")),
        ("time-of-flight angiography", (25, 5, None, 60, "GR SP 2D")),
        ("angiography", (2300, 2.9, 900, 9, "T1 ANGIO")),
        ("inversion image of MP2RAGE", (5000, 2.98, 700, 4, "GR IR MP")),
        ("proton density", (5000, 2.98, 2500, 4, "GR IR MP")),
        ("inversion image of MP2RAGE", (5000, 2.98, None, 4, "GR INV1")),
        ("echo planar", (800, 25, None, 52, "EP GR")),
        ("diffusion", (600, 14, None, 90, "SE DIFFUSION")),
        ("FLAIR", (600, 14, None, None, "FLUID_ATTENUATED")),
        ("proton density", (600, 14, None, None, "PROTON_DENSITY")),
        ("susceptibility", (600, 14, None, None, "SWI")),
    ],
)
def test_another_contrast(name, times):
    contrast = judged(*times)
    assert (contrast.name, contrast.is_t1) == (name, False)


@pytest.mark.parametrize(
    "times",
    [
        (),
        (None, 2.5),
        (21, 3.4),
        (21, 3.4, None, 18, "GR"),
        (1500, 10),
        (1500, 10, None, None, "SE"),
        (1500, None),
        (600, 25),
        (500, 4.9, None, None, "GR"),
        (3000, 4.4, 409, 8, "GR"),
        (6000, 12, 900, None, "SE"),
        (8, 4, None, 40, "GR SS"),
        (8, 4, None, 40, "GR SP 2D"),
        (24, 3, None, 20, "GR MTC"),
        (3000, 12, None, None, "T1"),
        (2300, 2.5, None, 90),
        (1500, 12, 300, None, "SE"),
        (None, 12, None, None, "IR"),
        (None, None, None, None, "GR"),
        (4000, 2.5),
        (2.3, 0.0029, 0.9),
        (2.3, 2.9, 900),
    ],
)
def test_what_nothing_tells(times):
    contrast = judged(*times)
    assert (contrast.name, contrast.is_t1) == ("unknown", None)
    assert contrast.why


@pytest.mark.parametrize(
    ("inside", "verdict", "outside", "other"),
    [
        ((8, 0.2, None, 12), True, (8, 0.19, None, 12), None),
        ((8, 8.1, None, 12), True, (7.9, 8.1, None, 12), None),
        ((7, 7, None, 12), True, (7, 7.1, None, 12), None),
        ((600, 30, None, None, "SE"), True, (600, 30.1, None, None, "SE"), False),
        ((8, 12, None, 12), True, (8, 12.1, None, 12), False),
        ((600, 20), True, (600, 20.1), None),
        ((2300, 6.9), True, (2300, 7), False),
        ((2300, 2.9, 1499), True, (2300, 2.9, 1500), False),
        ((3999, 2.9, 900), True, (4000, 2.9, 900), False),
        ((3999, 12, 900), True, (4000, 12, 900), None),
        ((2499, 2.9, 449), True, (2500, 2.9, 449), None),
        ((2500, 2.9, 450), True, (2500, 2.9, 449), None),
        ((2500, 12, 261), None, (2500, 12, 260), False),
        ((1100, 14, None, None, "SE"), True, (1101, 14, None, None, "SE"), None),
        ((1799, 14, None, None, "SE"), None, (1800, 14, None, None, "SE"), False),
        ((3999,), None, (4000,), False),
        ((99, 8, None, 30), True, (100, 8, None, 30), True),
        ((15, 3, None, 20), True, (15.1, 3, None, 20), None),
        ((15.1, 3, None, 60, "GR 2D"), False, (15, 3, None, 60, "GR 2D"), None),
        ((60, 3, None, 60, "GR 2D"), False, (60.1, 3, None, 60, "GR 2D"), True),
        ((30, 3, None, 30, "GR 3D"), True, (30, 3, None, 30, "GR 2D"), False),
        ((60, 3), None, (60.1, 3, None, 60), True),
        ((30, 3, None, 28), True, (30, 3, None, 27.9), None),
        ((2300, 2.5, None, 20), True, (2300, 2.5, None, 20.1), None),
        # Ernst's angle of 8 ms and a T1 of 1 s is 7.24°, of which .75 are 5.43°.
        ((8, 3, None, 5.44), True, (8, 3, None, 5.42), False),
    ],
)
def test_limits(inside, verdict, outside, other):
    assert judged(*inside).is_t1 is verdict
    assert judged(*outside).is_t1 is other


def test_the_worst_of_several_acquisitions_counts():
    mprage, late, unknown = Acquisition(2300, 2.9, 900), Acquisition(2300, 90), Acquisition()
    assert judge_contrast([mprage, late, unknown]).is_t1 is False
    assert judge_contrast([mprage, unknown]).is_t1 is None
    assert judge_contrast([mprage, mprage]).is_t1 is True
