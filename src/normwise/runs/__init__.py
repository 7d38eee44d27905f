"""The beginning that extract, train, evaluate and test share: cohort and features in a run folder.

- ``prepare``      read the cohort, check what can be checked, extract the features, begin the run folder
- ``regression``   what would stop a study of a number
- ``shards``       a part of the scans at a time, on any machine; prepare gathers
- ``reference``    a study beside a reference whose normal people its own are added to
- ``composition``  who takes part by class and site, and who was left out
- ``ratings``      what a person who looked at the scans says of them
- ``departures``   everybody held against the normals of their own cohort
- ``score_tables`` tables of such scores with their data dictionaries

The files of a run are those of `normwise.run_folder`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from normwise.lazy import on_use
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

if TYPE_CHECKING:
    from normwise.runs.departures import Departures, departures_of, normalize_study
    from normwise.runs.ratings import RATED_OUT, Rating, Verdict, apply_ratings, read_ratings, write_ratings
    from normwise.runs.reference import measurement_of, prior_hash, refuse_settings_beyond_sums, units_of
    from normwise.runs.score_tables import OUTSIDE, SCORES, describe_norm, score_dictionary, score_text
    from normwise.runs.shards import ScanState, ShardRecord, list_states, measure_shard

__all__ = [
    "OUTSIDE",
    "RATED_OUT",
    "SCORES",
    "Departures",
    "PreparedRun",
    "Purpose",
    "Rating",
    "ScanState",
    "ShardRecord",
    "Verdict",
    "apply_ratings",
    "assemble_frame",
    "check_people",
    "check_plan",
    "count_reasons",
    "departures_of",
    "describe_norm",
    "hash_scans",
    "list_states",
    "measure_shard",
    "measurement_of",
    "normalize_study",
    "package_versions",
    "prepare_run",
    "prior_hash",
    "read_plan",
    "read_ratings",
    "record_run",
    "refuse_settings_beyond_sums",
    "score_dictionary",
    "score_text",
    "units_of",
    "write_ratings",
]

__getattr__ = on_use(
    __name__,
    {
        "Departures": "departures",
        "OUTSIDE": "score_tables",
        "RATED_OUT": "ratings",
        "Rating": "ratings",
        "SCORES": "score_tables",
        "ScanState": "shards",
        "ShardRecord": "shards",
        "Verdict": "ratings",
        "apply_ratings": "ratings",
        "departures_of": "departures",
        "describe_norm": "score_tables",
        "list_states": "shards",
        "measure_shard": "shards",
        "measurement_of": "reference",
        "normalize_study": "departures",
        "prior_hash": "reference",
        "read_ratings": "ratings",
        "refuse_settings_beyond_sums": "reference",
        "score_dictionary": "score_tables",
        "score_text": "score_tables",
        "units_of": "reference",
        "write_ratings": "ratings",
    },
)
