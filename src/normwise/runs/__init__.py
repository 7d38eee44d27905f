"""The beginning that extract, train, evaluate and test share: cohort and features in a run folder.

- ``prepare``      read the cohort, check what can be checked, extract the features, begin the run folder
- ``composition``  who takes part by class and site, and who was left out

The files of a run are those of `normwise.run_folder`.
"""

from normwise.runs.composition import count_reasons
from normwise.runs.prepare import (
    PreparedRun,
    Purpose,
    assemble_frame,
    check_people,
    check_plan,
    hash_scans,
    package_versions,
    prepare_run,
    read_plan,
    record_run,
)

__all__ = [
    "PreparedRun",
    "Purpose",
    "assemble_frame",
    "check_people",
    "check_plan",
    "count_reasons",
    "hash_scans",
    "package_versions",
    "prepare_run",
    "read_plan",
    "record_run",
]
