"""Folders and tables in place of a study file: what lies there, and what its columns are for.

- ``contents.py``: tables, images named by people's ids, DICOM files
- ``roles.py``: label, normal class, demographics and sessions, where only one answer is possible
- ``commented.py``: a study as a file for people
- ``taken.py``: the study of a folder or a table
"""

from normwise.cohort.folders.taken import study_of_folder, study_of_table

__all__ = ["study_of_folder", "study_of_table"]
