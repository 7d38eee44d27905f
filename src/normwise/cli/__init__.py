"""The command line: one module a verb, and what the verbs share.

- ``main``         the app, its verbs, its help, and the boundary at which errors become exit codes
- ``commands``     one module a verb
- ``session``      one command at work: study, run folder, progress, warnings, log and closing lines
- ``open_run``     which folders may be written into
- ``run_flags``    jobs, limits, and how much is printed
- ``study_flags``  every key of the study file as a flag
- ``output``       what is printed: closing lines, errors, the table of an evaluation

A verb calls the functions that a user of Python would call, and prints a few numbers. Other packages are
imported inside a verb, so that help answers at once.
"""

__all__ = []
