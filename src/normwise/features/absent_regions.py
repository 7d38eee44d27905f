"""Regions that a person may lack, and columns that are not defined for those who lack them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from fnmatch import fnmatchcase

import pandas as pd

from normwise.errors import NormwiseWarning

__all__ = ["fill_absent", "fill_or_drop", "find_lost", "may_be_absent"]

_MAY_BE_ABSENT = re.compile(
    r"lesion|hyp(o|er)_?intens|(^|_)(wmhs?|pvs|cysts?)(_|$)|vessel|perivascular|infarct|lacun|stroke|micro_?bleed|ha?emorrhag|h[ae]?matom"
    r"|aneurysm|tumou?r|gliom|meningiom|metasta|o?edema|necro|enhancing|calcif|resect|abscess|plaque|cavum|arti?efact|artifact|electrode"
    r"|implant|(5th|fifth)_ventricle|inf(erior)?_lat(eral)?_vent"
)
"""Findings that healthy people do not have, and fluid that is too thin to be seen in some."""

_MOST_GAPS = 0.05  # of a scan's columns

_SIZES = ("volume_mm3", "voxel_volume_mm3", "area_mm2", "icv_share", "brain_share")


def may_be_absent(region: str, further: Sequence[str] = ()) -> bool:
    """Return whether a person may lack a region, so that its absence is a volume of 0.

    Parameters
    ----------
    region : str
        As `normwise.features.atlases.region_name` gives it.
    further : sequence of str
        Names and patterns of a study, ``features.may_be_absent``.

    Examples
    --------
    >>> may_be_absent("wm_hypointensities"), may_be_absent("hippocampus_right")
    (True, False)
    >>> may_be_absent("label_99", ["label_9?"])
    True
    """
    return _MAY_BE_ABSENT.search(region) is not None or any(fnmatchcase(region, each) for each in further)


def fill_absent(values: pd.DataFrame, further: Sequence[str], *, keep: bool) -> pd.DataFrame:
    """Give regions that people may lack the size 0 in those who lack them.

    Their intensity, thickness and asymmetry are not defined there: these columns are left out for everybody.

    Parameters
    ----------
    values : DataFrame of float of shape (n_scans, n_columns)
        Columns ``region.measure``, NaN where the scan lacks the region.
    further : sequence of str
        Names and patterns beside those of lesions, see `may_be_absent`.
    keep : bool
        Whether columns with gaps are kept, since a trained model needs them.

    Returns
    -------
    DataFrame
        A gap that is left is a region that the scan should have.

    Warns
    -----
    NormwiseWarning
        FEA-904, columns were left out.
    """
    named = [(column, *str(column).rpartition(".")[::2]) for column in values.columns]
    optional = [(column, measure) for column, region, measure in named if may_be_absent(region, further)]
    filled = values.fillna({column: 0.0 for column, measure in optional if measure in _SIZES})
    vague = [column for column, _ in optional if filled[column].isna().any()]
    if keep or not vague:
        return filled
    text = f"{len(vague)} columns, as {vague[0]}: some people lack the region, and may lack it."
    warnings.warn(NormwiseWarning("FEA-904", text, value=len(vague)), stacklevel=2)
    return filled.drop(columns=vague)


def find_lost(values: pd.DataFrame) -> pd.DataFrame:
    """Return which gaps are there because the scan lacks the region, or one of a pair.

    Parameters
    ----------
    values : DataFrame of float of shape (n_scans, n_columns)
        Columns ``region.measure``, NaN in ``region.volume_mm3`` where the scan lacks the region.

    Returns
    -------
    DataFrame of bool of shape (n_scans, n_columns)
    """
    gaps = values.isna()
    sizes = {str(name).rpartition(".")[0]: gaps[name] for name in gaps if str(name).endswith(".volume_mm3")}
    lost = pd.DataFrame(data=False, index=gaps.index, columns=gaps.columns)
    for name in gaps:
        place = str(name).rpartition(".")[0]
        for own in {place, f"{place}_left", f"{place}_right"} & sizes.keys():
            lost[name] |= sizes[own]
    return gaps & lost


def fill_or_drop(
    values: pd.DataFrame, lost: pd.DataFrame, further: Sequence[str], *, keep: bool
) -> pd.DataFrame:
    """Fill what people may lack, and leave out what is not defined in some regions that are there.

    A region of one voxel has no deviation of its intensity. A scan that lacks more than a twentieth of its
    columns is at fault itself, and does not count.

    Parameters
    ----------
    values, further, keep
        As of `fill_absent`.
    lost : DataFrame of bool
        From `find_lost`, before columns were chosen.

    Warns
    -----
    NormwiseWarning
        FEA-904, columns were left out.
    """
    values = fill_absent(values, further, keep=keep)
    gaps = values.isna()
    sound = gaps.mean(axis=1) <= _MOST_GAPS
    undefined = values.columns[(gaps & ~lost[values.columns])[sound].any()]
    if keep or not len(undefined):
        return values
    text = f"{len(undefined)} columns, as {undefined[0]}: in some scans the region is too small for it."
    warnings.warn(NormwiseWarning("FEA-904", text, value=len(undefined)), stacklevel=2)
    return values.drop(columns=undefined)
