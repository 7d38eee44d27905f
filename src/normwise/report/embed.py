"""Pictures inside the page: read from the run folder alone, each and all together bounded in bytes."""

from __future__ import annotations

import base64

from normwise.report.saved_run import SavedRun
from normwise.results import Picture
from normwise.run_folder import RunFolder

__all__ = ["Album", "as_uri"]

_LARGEST = 600_000  # bytes of one picture; a larger one stays beside the page
_KINDS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def as_uri(png: bytes, kind: str = "image/png") -> str:
    """Return a picture as a ``data:`` address, the only kind that the page's policy lets in."""
    return f"data:{kind};base64,{base64.b64encode(png).decode('ascii')}"


class Album:
    """Hands out pictures of a run until the page has enough of them.

    Parameters
    ----------
    run : RunFolder or None
        The run.
    pictures : list of Picture
        What ``pictures.json`` lists.
    room : int
        Bytes of pictures that may go into the page.
    """

    def __init__(self, run: RunFolder | None, pictures: list[Picture], room: int = 3_000_000) -> None:
        self.run = run
        self.room = room
        self.of: dict[str, list[Picture]] = {}
        for picture in pictures:
            self.of.setdefault(picture.subject, []).append(picture)

    @classmethod
    def of_run(cls, run: SavedRun, room: int = 3_000_000) -> Album:
        """Open the album of a run."""
        return cls(RunFolder(run.folder) if run.folder else None, run.pictures, room)

    def show(self, subject: str, most: int = 1) -> list[tuple[Picture, str]]:
        """Return up to ``most`` pictures of a scan as ``data:`` addresses.

        Parameters
        ----------
        subject : str
            The scan.
        most : int
            How many.

        Returns
        -------
        list of (Picture, str)
            Fewer where they are not there, are no pictures, lie outside the run, or the room is used up.
        """
        found: list[tuple[Picture, str]] = []
        for picture in self.of.get(subject, []):
            if len(found) == most:
                break
            uri = self._read(picture)
            if uri is not None:
                found.append((picture, uri))
        return found

    def _read(self, picture: Picture) -> str | None:
        if self.run is None:
            return None
        path = self.run / picture.path
        try:
            # pictures.json may come from anywhere: nothing outside the run goes into a page.
            inside = path.resolve().is_relative_to(self.run.path.resolve())
            if not inside or path.stat().st_size > min(_LARGEST, self.room):
                return None
            content = self.run.read(picture.path)
        except OSError:
            return None
        kind = next((kind for magic, kind in _KINDS.items() if content.startswith(magic)), None)
        if kind is None:
            return None
        self.room -= len(content)
        return as_uri(content, kind)
