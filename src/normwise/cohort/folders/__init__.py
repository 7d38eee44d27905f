"""Folders that hold no study: what lies in them, so that a study can be made of it.

- ``contents``: tables of people and of features, images that are named by people's ids, DICOM files.
"""

from normwise.cohort.folders.contents import feature_tables, find_table, holds_dicom, image_patterns

__all__ = ["feature_tables", "find_table", "holds_dicom", "image_patterns"]
