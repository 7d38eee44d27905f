"""`normwise view`: look at a run, or at a slide with what was measured on it laid over."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from normwise.cli.run_flags import PLAIN, OutputFlags
from normwise.cli.session import open_session
from normwise.errors import CommandError
from normwise.run_folder import RunFolder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from normwise.cli.session import Session
    from normwise.features.slides import TileTable

__all__ = ["view"]

VIEWING = Group("[viewing]", sort_key=10)


def view(
    target: Path,
    run: Path | None = None,
    /,
    *,
    mpp: Annotated[
        float | None, Parameter(name="--mpp", group=VIEWING, help="µm a pixel, of a slide that doesn't say")
    ] = None,
    port: Annotated[
        int,
        Parameter(name="--port", group=VIEWING, show_default=False, help="port of 127.0.0.1 (a free one)"),
    ] = 0,
    running: OutputFlags = PLAIN,
) -> int:
    """Show a run or a slide in the browser, on this machine alone, until interrupted.

    Of a run: everybody with decision and quality, each person's own images, regions and reasons, and a rating
    that the next run honours. Of a slide: density, cell size, the model's attention and outlines of
    nuclei, where a run has them.

    Parameters
    ----------
    target : Path
        A run folder, or a slide.
    run : Path
        Of a slide: a run that measured it; its model, where it has one, gives the attention.
    mpp : float
        µm a pixel.
    port : int
        Of the loopback address.
    running : OutputFlags
        How the command prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("view", running) as session:
        from normwise.serve import FIELD, HOST, make_token, open_port, serve_app

        token, held = make_token(), ExitStack()
        with held:
            if run is None and (target.is_dir() or not target.exists()):
                app = _run_app(session, target, token)
            else:
                app = _slide_app(held, target, run, mpp, token)
            listening = open_port(port)
            address = f"http://{HOST}:{listening.getsockname()[1]}/?{FIELD}={token}"
            # Without the address nobody can look, so that it is printed in any case.
            if running.json_log:
                session.progress.message(address)
            elif running.quiet:
                sys.stdout.write(f"{address}\n")
                sys.stdout.flush()
            session.output.row("open", address)
            session.output.row("", "Ctrl-C ends it; no other machine and no other user can see it")
            serve_app(app, listening)
        return session.end()


def _run_app(session: Session, run: Path, token: str) -> Any:
    """Open a run, say what can't be shown of it, and make its application."""
    from normwise.serve import make_run_app, open_run_data

    session.output.row("reading", f"{run}: results, cohort, and the model that says what is normal")
    data = open_run_data(run)
    if data.why:
        session.output.row("no W-scores", data.why)
    return make_run_app(data, token=token)


def _slide_app(held: ExitStack, slide: Path, run: Path | None, mpp: float | None, token: str) -> Any:
    from normwise.features.slides import tile_note
    from normwise.images import open_slide
    from normwise.serve import heat_maps, make_slide_app, open_outlines

    scan = _scan_of(slide, run) if run is not None else None
    opened = held.enter_context(open_slide(slide, mpp=mpp))
    if run is None or scan is None:
        return make_slide_app(opened, slide.name, token=token)
    tiles = _tiles_of(scan, run)
    columns = {name: tiles.vectors[:, place] for place, name in enumerate(tiles.names)}
    notes = {name: tile_note(name) for name in tiles.names}
    maps = heat_maps(_attention(tiles, run) | columns, notes)
    outlines = open_outlines(RunFolder(run), scan)
    return make_slide_app(
        opened, slide.name, token=token, maps=maps, xy=tiles.xy, tile=tiles.side, outlines=outlines
    )


def _scan_of(slide: Path, run: Path) -> str:
    """Return what the run calls this slide."""
    from normwise.cohort import read_cohort, read_study

    folder = RunFolder(run)
    if not (folder / folder.STUDY).is_file():
        raise CommandError(
            "CLI-203",
            "there is no such run.",
            subject=str(run),
            expected="a folder that normwise extract, evaluate or train wrote",
            advice="check the path, or leave it out to see the bare slide",
        )
    folder.check(folder.STUDY)
    images = read_cohort(read_study(folder / folder.STUDY, saved=True), labelled=False).images
    wanted = slide.resolve()
    scans = (
        [scan for scan, path in images.items() if Path(path).resolve() == wanted]
        if images is not None
        else []
    )
    if not scans:
        raise CommandError(
            "CLI-402",
            "the run has not measured this slide.",
            subject=str(slide),
            seen=f"{0 if images is None else len(images)} images in the run's study",
            advice="name the slide as the study's cohort.images does, or leave the run out",
        )
    return str(scans[0])


def _tiles_of(scan: str, run: Path) -> TileTable:
    """Read the tiles that the run measured on a slide."""
    from normwise.features.slides import read_tiles, tiles_place

    folder, place = RunFolder(run), tiles_place(scan)
    folder.check(place)
    return read_tiles(folder / place)


def _attention(tiles: TileTable, run: Path | None) -> dict[str, NDArray[np.floating]]:
    """Return the attention of the run's model on these tiles, where it has any."""
    from normwise.errors import NormwiseError
    from normwise.model import load_model

    if run is None or not (run / RunFolder.MODEL).is_dir():
        return {}
    try:
        learnt = load_model(run).procedure.pipeline.named_steps.get("extract")
    except NormwiseError:
        return {}  # the slide can be looked at without its model
    if not hasattr(learnt, "attention") or list(learnt.names_) != list(tiles.names):
        return {}
    attention = learnt.attention(tiles.vectors)
    return {
        "attention" if len(attention) == 1 else f"attention to {name}": each
        for name, each in attention.items()
    }
