"""``[cohort]``: who takes part and what each column means."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field

from normwise.schema.sections import Section

__all__ = ["EVERYBODY", "OTHERS", "CohortSection", "Roles"]

EVERYBODY = "normal"
"""Of a study of a number: ``cohort.normal`` where everybody is normal, and the class of who is."""

OTHERS = "others"
"""Of a study of a number: the class of those whom ``cohort.normal`` does not hold for."""


@dataclass(frozen=True)
class Roles:
    """What each column of the feature matrix is for.

    Attributes
    ----------
    label : str
        Column of the raw table that holds the diagnosis.
    classes : tuple of str
        Every class name, in the study's order.
    normal : str
        The class on which the normalizer is fitted.
    targets : tuple of str
        The classes that are predicted; a class outside them (normals that are not predicted) only trains.
    demographics : tuple of str
        Columns the features are regressed on.
    categorical : tuple of str
        The demographics that are categories; the others are numbers.
    group : str
        What makes one person: the column, or the pattern's result.
    site : str or None
        Column of the acquisition site.
    levels : dict of str to tuple of str
        The levels of each categorical demographic, and of a number that is a code of two values, so that
        another coding is noticed in new people.
    target : str or None
        The column of the number that is predicted; None where classes are. The classes then say who is
        normal.
    """

    label: str
    classes: tuple[str, ...]
    normal: str
    targets: tuple[str, ...]
    demographics: tuple[str, ...]
    categorical: tuple[str, ...] = ()
    group: str = "group"
    site: str | None = None
    levels: dict[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    target: str | None = None

    @property
    def negative(self) -> str:
        """The negative class: the normal class where it is a target, else the first target."""
        return self.normal if self.normal in self.targets else self.targets[0]


class CohortSection(Section):
    """``[cohort]``."""

    root: Path | None = Field(
        None, description="folder the other paths start from; default: the study file's"
    )
    table: str = Field("participants.tsv", description="participants table, CSV or TSV")
    id: str = Field("participant_id", description="column that names the scan or the person")
    group: str | None = Field(None, description="column that names the person; default: the id")
    group_pattern: str | None = Field(None, description="regular expression whose first group is the person")
    session: str | None = Field(None, description="column that orders one person's sessions; default: the id")
    site: str | None = Field(None, description="column of the acquisition site")
    images: str | None = Field(
        None, description="path of an image, with columns in braces: volumes/{ID}.nii.gz; or bids, by layout"
    )
    label: str = Field("diagnosis", description="column that holds the diagnosis")
    classes: dict[str, list[str]] = Field(
        default_factory=dict, description="class name = the label's values; default: each value is a class"
    )
    target: str | None = Field(
        None, description="column of a number to predict, in place of label and classes"
    )
    normal: str = Field(
        "normal", description="the class that defines normal; with target a condition; default: everybody"
    )
    targets: list[str] = Field(default_factory=list, description="classes to predict; default: all of them")
    demographics: list[str] = Field(default_factory=list, description="columns to regress the features on")
    categorical: list[str] = Field(
        default_factory=list, description="demographics that are codes, not quantities"
    )
    include: list[str] = Field(default_factory=list, description="conditions on columns, as Age >= 60")
    sessions: Literal["first", "all"] = Field("first", description="sessions of one person that are used")
