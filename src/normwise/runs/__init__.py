"""Runs."""

from normwise.runs.plan import check_plan
from normwise.runs.prepare import PreparedRun, assemble_frame, prepare_run, record_run
from normwise.runs.versions import package_versions

__all__ = ["PreparedRun", "assemble_frame", "check_plan", "package_versions", "prepare_run", "record_run"]
