"""`normwise merge`: the sums of several hospitals, added to one reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from normwise.cli.run_flags import PLAIN, OutputFlags
from normwise.cli.session import open_session
from normwise.cli.sums import print_sums
from normwise.errors import CommandError, NormalizerError

__all__ = ["merge"]

MERGING = Group("[merging]", sort_key=5)


def merge(
    *sums: Path,
    out: Annotated[Path, Parameter(name="--out", group=MERGING, help="write the reference to FILE")],
    running: OutputFlags = PLAIN,
) -> int:
    """Add sums to one reference: in every order and grouping the same bytes as of all people together.

    Counts of a second round, beside the reference by which they were counted, give it tails.

    Parameters
    ----------
    sums : Path
        Files of collect, of reference, or of an earlier merge; with counts among them, the merged reference.
    out : Path
        Where to write.
    running : OutputFlags
        How the command prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("merge", running) as session:
        if not sums:
            raise CommandError(
                "CLI-101", "no sums are named.", expected="normwise merge SUMS… --out FILE",
                advice="name the files that normwise collect wrote",
            )  # fmt: skip
        from normwise.files import check_writable
        from normwise.model import merge_references
        from normwise.normalize import Reference, read_sums, write_reference

        check_writable(out)
        merged = merge_references([(str(each), read_sums(each)) for each in sums])
        try:
            if isinstance(merged, Reference):
                merged.normalizer()
        except NormalizerError as error:
            session.output.warn(f"nobody can be scored by it yet: {error.code} {error.problem}")
        write_reference(merged, out)
        print_sums(session, merged)
        return session.end(out)
