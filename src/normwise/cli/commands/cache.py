"""`normwise cache`: how much is kept of finished work, what of it is old, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from normwise.cli.run_flags import PLAIN, OutputFlags, read_bytes
from normwise.cli.session import SOME_FAILED, Session, open_session
from normwise.errors import CommandError

if TYPE_CHECKING:
    from normwise.engine import CacheContents

__all__ = ["cache"]

KEPT = Group("[cache]", sort_key=10)
_DAY = 86400.0
_NAMED = 5  # broken files that are named; the log and --json-log have all


def cache(
    action: Literal["size", "prune", "verify"],
    run: Path | None = None,
    /,
    *,
    folder: Annotated[
        Path | None, Parameter(name="--cache", group=KEPT, metavar="DIR", help="the cache, if not the usual")
    ] = None,
    older_than: Annotated[
        float | None,
        Parameter(name="--older-than", group=KEPT, metavar="X", help="prune: not used for X days"),
    ] = None,
    most: Annotated[
        str | None,
        Parameter(name="--max-size", group=KEPT, metavar="X", help="prune: so much may stay, as 50G"),
    ] = None,
    running: OutputFlags = PLAIN,
) -> int:
    """Show, prune or verify the cache of finished work, which all runs share.

    Whatever is removed is computed again when it is needed; runs that are under way go on. The usual cache is
    the folder that NORMWISE_CACHE names, or normwise in the user's cache directory.

    Parameters
    ----------
    action : {"size", "prune", "verify"}
        Count what is kept; remove what was not used for longest; compute every checksum again, and remove and
        name what is broken.
    run : Path
        verify: hold only what this run has used against what is kept; nothing is removed.
    folder : Path
        The cache.
    older_than : float
        Days since it was last used.
    most : str
        Bytes that may stay; what was not used for longest goes first.
    running : OutputFlags
        How the command prints.

    Returns
    -------
    int
        The exit code: 1 where something was broken.
    """
    with open_session("cache", running) as session:
        from normwise.engine import cache_place, measure_cache, prune_cache

        place = cache_place(folder)
        seconds, amount = _read_limits(action, run, older_than, most)
        session.output.row("cache", str(place))
        if action == "verify":
            _verify_run(session, run, place) if run is not None else _verify(session, place)
        elif action == "prune":
            removed, stay = prune_cache(place, older_than=seconds, most_bytes=amount)
            _print(session, "removed", removed)
            _print(session, "kept", stay)
        else:
            _print(session, "kept", measure_cache(place))
        return session.end()


def _read_limits(
    action: str, run: Path | None, older_than: float | None, most: str | None
) -> tuple[float | None, int | None]:
    amount = None if most is None else read_bytes(most)
    problem = ""
    if action != "prune" and (older_than is not None or most is not None):
        problem = "--older-than and --max-size are of `cache prune`."
    elif action == "prune" and older_than is None and most is None:
        problem = "what may be removed is not said."
    elif action != "verify" and run is not None:
        problem = f"`cache {action}` takes no run."
    if problem:
        raise CommandError(
            "CLI-101", problem, advice="as `normwise cache prune --older-than 90`, or `--max-size 50G`"
        )
    if older_than is not None and not older_than >= 0:
        raise CommandError(
            "CLI-104",
            "that is no age.",
            subject="--older-than",
            seen=f"{older_than:g} days",
            expected="0 days or more",
        )
    if most is not None and amount is None:
        raise CommandError(
            "CLI-104", "that is no size.", subject="--max-size", seen=most, expected="a size, as 500M or 50G"
        )
    return None if older_than is None else older_than * _DAY, amount


def _print(session: Session, label: str, contents: CacheContents) -> None:
    files, size = sum(contents.files.values()), sum(contents.bytes.values())
    kinds = ", ".join(
        f"{number} {kind} {_size(contents.bytes[kind])}" for kind, number in sorted(contents.files.items())
    )
    session.output.row(label, f"{_size(size)} in {files} files" + (f": {kinds}" if kinds else ""))
    session.output.number(f"{label}_files", files)
    session.output.number(f"{label}_bytes", size)


def _size(size: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def _verify(session: Session, place: Path) -> None:
    from normwise.engine import verify_cache

    whole, broken = verify_cache(place)
    session.output.row("whole", f"{whole} files")
    session.output.number("whole", whole)
    _name(session, "broken", broken, "removed; it is computed again when it is needed")


def _verify_run(session: Session, run: Path, place: Path) -> None:
    from normwise.engine import check_kept
    from normwise.run_folder import RunFolder

    at = RunFolder(run)
    if not at.is_run:
        raise CommandError(
            "CLI-203",
            "there is no such run.",
            subject=str(run),
            expected="a folder that normwise extract, evaluate or train wrote",
            advice="check the path",
        )
    found = check_kept([place, at / at.CACHE], at.read_kept())
    for state, keys in found.items():
        session.output.row(state, f"{len(keys)} results")
        session.output.number(state, len(keys))
    _name(session, "broken", found["broken"], "`normwise cache verify` removes it")
    _name(session, "different", found["different"], "it is whole, and not what the run has used")


def _name(session: Session, label: str, names: list[str], what: str) -> None:
    """Name what is broken; the command ends with exit code 1."""
    if not names:
        return
    session.code = SOME_FAILED
    session.output.number(f"{label}_names", names)
    for name in names[:_NAMED]:
        session.output.warn(f"{name}: {label}; {what}")
    for name in names:
        session.log.add(f"{label}: {name}")
    if len(names) > _NAMED:
        session.output.warn(f"and {len(names) - _NAMED} more")
