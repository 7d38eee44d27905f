"""The command line: one module a verb, and what the verbs share.

What they share, in the order in which a command meets it::

    main          the app, its verbs, and the boundary at which errors become exit codes
    help_page     how help is set
    console       the terminal
    study_flags   every key of the study file as a flag
    run_flags     jobs, limits, and how much is said
    session       progress, warnings and the log of one command
    log           the log file
    run_folder    which folders may be written into
    ledger        who failed, read back from a run
    tell          plain numbers on the terminal
    arms          the table of an evaluation
    new_subjects     people that only `predict` has met

A verb does its work through the rooms' doors and tells a few numbers; nothing is computed here that a user of
Python could not compute with the same two lines. Rooms are imported inside a verb, so that help answers at
once.
"""

__all__ = []
