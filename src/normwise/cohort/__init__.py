"""Who takes part, how old they are, and what their diagnosis is: from a participants table to a cohort.

- ``study.py``: a study file or a BIDS folder, with flags laid over it, checked; and back as a file
- ``tables.py``: bytes as text, and text as rows of text: encoding, delimiter, ragged rows, hostile content
- ``dictionary.py``: the data dictionary beside a table: what codes stand for, and units
- ``bids.py``: participants, sessions and images of a BIDS dataset, by its layout
- ``sessions.py``: what a BIDS dataset says of each session, and the age at it
- ``scans.py``: one row a scan, with its image
- ``values.py``: numbers, ages and sexes of a column, and missing cells
- ``demographics.py``: which demographics are numbers and which are categories
- ``conditions.py``: ``include = ["Age >= 60"]``, parsed, never evaluated as code
- ``labels.py``: values of the diagnosis as classes, or the number to predict and who is normal
- ``rows.py``: the rows while they are read: names of scans and people, duplicates, the first session
- ``look_alikes.py``: people whose names look alike
- ``patterns.py``: a study's pattern searched in the table's cells, with a limit of time
- ``reader.py``: all of it in order, from a study to a cohort
- ``cohort.py``: the `Cohort`, and its ledger with one row a row of the table

A row that can't be used is left out and named in the ledger with a code; a table whose structure is in doubt
is refused as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.cohort.bids import bids_suffix
from normwise.cohort.cohort import Cohort
from normwise.cohort.conditions import parse_condition
from normwise.cohort.demographics import read_demographics, read_quantity
from normwise.cohort.labels import read_labels
from normwise.cohort.plain_numbers import read_plain_rows
from normwise.cohort.reader import read_cohort
from normwise.cohort.study import TABLE_SUFFIXES, read_study, study_to_toml
from normwise.cohort.tables import Table, counts_rows, names_an_index, read_table
from normwise.cohort.values import ColumnReading, cap_ages, is_missing, read_numbers
from normwise.lazy import on_use

if TYPE_CHECKING:
    from normwise.cohort.dictionary import describe_table
    from normwise.cohort.folders.commented import commented_toml
    from normwise.cohort.folders.roles import (
        label_choices,
        likely_features,
        likely_id,
        likely_labels,
        likely_normals,
        values_of,
    )

__all__ = [
    "TABLE_SUFFIXES",
    "Cohort",
    "ColumnReading",
    "Table",
    "bids_suffix",
    "cap_ages",
    "commented_toml",
    "counts_rows",
    "describe_table",
    "is_missing",
    "label_choices",
    "likely_features",
    "likely_id",
    "likely_labels",
    "likely_normals",
    "names_an_index",
    "parse_condition",
    "read_cohort",
    "read_demographics",
    "read_labels",
    "read_numbers",
    "read_plain_rows",
    "read_quantity",
    "read_study",
    "read_table",
    "study_to_toml",
    "values_of",
]

__getattr__ = on_use(
    __name__,
    {
        "commented_toml": "folders.commented",
        "describe_table": "dictionary",
        **dict.fromkeys(
            ("label_choices", "likely_features", "likely_id", "likely_labels", "likely_normals", "values_of"),
            "folders.roles",
        ),
    },
)
