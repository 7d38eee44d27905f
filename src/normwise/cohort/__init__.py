"""The cohort room: who takes part, how old they are, and what their diagnosis is.

A walk through its files, in the order in which a table passes them::

    study       a study file or a BIDS folder, with flags laid over it, becomes a resolved Study
    validation  its keys and values, in the study file's own words
    checks      keys that must agree with one another
    toml        a resolved study back into a file
    decoding    the table's bytes become text: encoding, size, hostile content
    tables      the text becomes rows of text: delimiter, ragged rows, unnamed columns
    bids        images by layout, without a database of the dataset
    layout      a dataset's participants, sessions and images joined
    scans       one row a scan, with its image
    values      numbers, missing cells, the decimal mark of a column
    ages, sexes, demographics   what a person's values mean
    conditions  include = ["Age >= 60"], parsed, never evaluated
    labels      values of the diagnosis become classes
    people      whose a scan is, duplicates, the first session
    rows        the rows while they are judged
    reader      all of it in order: from a Study to a Cohort
    roster      the Cohort, and its ledger that accounts for every row
    suggest     did you mean

Two promises: a row that can't be used costs that row, named in the ledger with its code; and a table whose
structure is in doubt is refused as a whole.
"""

from __future__ import annotations

from normwise.cohort.demographics import read_demographics
from normwise.cohort.reader import read_cohort
from normwise.cohort.roster import Cohort
from normwise.cohort.study import read_study
from normwise.cohort.tables import Table, read_table
from normwise.cohort.toml import study_to_toml
from normwise.cohort.values import ColumnReading, is_missing, read_numbers

__all__ = [
    "Cohort",
    "ColumnReading",
    "Table",
    "is_missing",
    "read_cohort",
    "read_demographics",
    "read_numbers",
    "read_study",
    "read_table",
    "study_to_toml",
]
