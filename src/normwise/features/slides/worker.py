"""The work of one process on one slide: tissue, tiles, nuclei, the slide's vector and its pictures."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from normwise.engine import keep_stored, read_stored, versions_of
from normwise.errors import FeatureError, ImageError, NormwiseWarning
from normwise.features.slides.drawings import draw_slide
from normwise.features.slides.quality import check_slide
from normwise.features.slides.slide_features import TILE_NAMES, local_density, slide_vector, tile_vectors
from normwise.features.slides.stain import RUIFROK_JOHNSTON, StainModel, estimate_stains
from normwise.features.slides.tile_measures import NUCLEUS_COLUMNS, TILE_MEASURES, measure_tile
from normwise.features.slides.tile_table import TileTable
from normwise.features.slides.tiles import SlideSettings, TilePlan, plan_tiles
from normwise.features.slides.tissue import DARK, FOLD, PEN, TISSUE, find_tissue
from normwise.images import Slide, open_slide

__all__ = ["PACKAGES", "SLIDES_VERSION", "WORKER_VERSION", "BlockCheckpoint", "measure_slide"]

SLIDES_VERSION = "2"
"""Raised whenever the numbers of slides without a fault change: it is part of the hash of the features."""

WORKER_VERSION = "3"
"""Raised whenever anything that is kept of a slide changes, its checks too: it keys the cache."""

PACKAGES = ("opencv-python-headless", "scikit-image", "openslide-python", "tifffile")
"""Packages that measure: their versions key what is kept, blocks of tiles as well as whole slides."""

BLOCK = 16
"""Tiles that are stored together: an interrupted slide loses at most so many."""

_THUMBNAIL_UM = 8.0
_STAIN_TILES = 12


class BlockCheckpoint:
    """Finished blocks of tiles in a folder of their plan; several processes may use it at once.

    Parameters
    ----------
    folder : Path or None
        Holds one folder a plan; without one nothing is stored.
    plan : mapping
        Everything that the blocks depend on, in values that JSON can hold.
    """

    def __init__(self, folder: Path | None, plan: Mapping[str, Any]) -> None:
        name = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()
        self._folder = None if folder is None else folder / name

    def get(self, number: int) -> dict[str, NDArray[Any]] | None:
        """Return a finished block, or None; a damaged one is measured again."""
        block = read_stored(self._path(number)) if self._folder is not None else None
        return None if block is None else {name: np.asarray(array) for name, array in block.items()}

    def put(self, number: int, block: Mapping[str, NDArray[Any]]) -> None:
        """Store a finished block, whole or not at all; on a full disk the slide goes on."""
        if self._folder is not None:
            keep_stored(self._path(number), dict(block))

    def _path(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"block_{number:06d}.stored"


def measure_slide(
    image: str, settings: dict[str, Any], blocks: str | None = None
) -> dict[str, NDArray[np.generic] | float | int | str | list[Any]]:
    """Measure one slide.

    Parameters
    ----------
    image : str
        The slide.
    settings : dict
        As `SlideSettings.as_json`.
    blocks : str, optional
        Folder of finished blocks of tiles of any slides, with which an interrupted one is resumed.

    Returns
    -------
    dict
        ``vector``, the features by the side of ``names``; ``tiles`` and ``xy`` with ``side``; ``quality`` as
        rows; ``drawing_*`` PNG bytes.

    Raises
    ------
    ImageError
        IMG-100 to IMG-102, IMG-801 to IMG-806: the slide can't be read.
    FeatureError
        FEA-602 no tissue, FEA-603 too many damaged tiles, FEA-604 no nuclei, FEA-605 too coarse.

    Warns
    -----
    NormwiseWarning
        FEA-691, damaged tiles that were left out.
    """
    import cv2

    cv2.setNumThreads(1)
    chosen = SlideSettings(**settings)
    with open_slide(image, chosen.mpp) as slide:
        measurement = SlideMeasurement(slide, chosen, Path(blocks) if blocks else None)
        tissue, plan = measurement.tissue, measurement.plan
        nuclei, tile_of, measures, damaged = measurement.run()
        density = local_density(nuclei[:, 0], nuclei[:, 1])
        seen = np.setdiff1d(np.arange(len(plan.corners)), damaged)
        rows = np.searchsorted(seen, tile_of).astype(np.int32)
        vectors = tile_vectors(nuclei, rows, measures[seen], (plan.side * plan.mpp) ** 2 / 1e6)
        features = {"tissue_area_mm2": tissue.area_mm2(), "tissue_fraction": tissue.fraction()}
        features |= slide_vector(nuclei, density, vectors, solidity=chosen.solidity)
        table = TileTable(
            TILE_NAMES,
            vectors,
            plan.corners[seen].astype(np.int32),
            round(plan.side * plan.mpp / slide.mpp[0]),
        )
        checks = check_slide(
            features,
            tissue,
            table,
            n_nuclei=len(nuclei),
            damaged=len(damaged) / len(plan.corners),
            allowed_damage=chosen.damaged_tiles,
            magnified_um=None if slide.magnification is None else slide.magnification * max(slide.mpp),
        )
        drawings = draw_slide(measurement.thumbnail, tissue, slide, table, nuclei)
    return {
        "names": list(features),
        "vector": np.array(list(features.values())),
        "tiles": table.vectors,
        "xy": table.xy,
        "side": table.side,
        "n_nuclei": len(nuclei),
        "quality": [list(asdict(check).values()) for check in checks],
        **{f"drawing_{stage}": np.frombuffer(png, np.uint8) for stage, png in drawings.items()},
    }


def _hash(pixels: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


class SlideMeasurement:
    """One slide being measured, tile by tile.

    Parameters
    ----------
    slide : Slide
        Open.
    settings : SlideSettings
        What was chosen.
    blocks : Path or None
        Folder of finished blocks.

    Raises
    ------
    FeatureError
        FEA-602, FEA-605.
    """

    def __init__(self, slide: Slide, settings: SlideSettings, blocks: Path | None) -> None:
        self._slide, self._settings = slide, settings
        damaged: list[tuple[int, int, int, int]] = []
        self.thumbnail, mpp = slide.thumbnail(_THUMBNAIL_UM, damaged=damaged)
        self.tissue = find_tissue(self.thumbnail, mpp)
        for left, top, width, height in damaged:
            # What can't be read is tried tile by tile, so that it is reported and not taken for glass.
            self.tissue.classes[top : top + height, left : left + width] = TISSUE
        self.plan: TilePlan = plan_tiles(slide, self.tissue, settings)
        if max(slide.mpp) > 1.3 * settings.measured_mpp:
            raise FeatureError(
                "FEA-605",
                f"at {max(slide.mpp):.3g} µm a pixel the slide is too coarse to be measured like the others.",
                subject=slide.name,
                expected=f"at most {1.3 * settings.measured_mpp:.3g} µm a pixel",
                advice="set features.measured_mpp to what the coarsest slide has, for all slides alike",
            )
        if not len(self.plan.corners):
            raise FeatureError(
                "FEA-602",
                "there is no tissue on this slide.",
                subject=slide.name,
                seen=", ".join(
                    f"{name} {self.tissue.area_mm2(kind):.2g} mm²"
                    for name, kind in (("tissue", TISSUE), ("pen", PEN), ("black", DARK))
                ),
                advice="look at the slide: it may be blank, unstained, of another stain, or a negative",
            )
        self.stain = StainModel(self._vectors(), self.tissue.white)
        file = slide.path.stat()
        self._checkpoint = BlockCheckpoint(
            blocks,
            {
                "version": WORKER_VERSION,
                "packages": versions_of(PACKAGES),
                # What a slide looks like tells it from others of the same name, size and time.
                "file": [file.st_size, file.st_mtime_ns, _hash(self.thumbnail), _hash(self.stain.vectors)],
                "settings": settings.as_json(),
                "block": BLOCK,
                "tiles": self.plan.corners.tolist(),
            },
        )

    def run(self) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float64], NDArray[np.int64]]:
        """Measure every tile, or read it back.

        Returns
        -------
        nuclei : ndarray of float32 of shape (n_nuclei, n_columns)
            Places in µm from the slide's upper left corner.
        tile_of : ndarray of int32 of shape (n_nuclei,)
            The tile of each.
        measures : ndarray of float64 of shape (n_tiles, n_measures)
            0 where a tile is damaged.
        damaged : ndarray of int64 of shape (n_damaged,)
            Tiles that can't be read.

        Raises
        ------
        FeatureError
            FEA-603, FEA-604.
        """
        blocks = []
        most = int(self._settings.damaged_tiles * len(self.plan.corners))
        damaged = 0
        for number, start in enumerate(range(0, len(self.plan.corners), BLOCK)):
            block = self._checkpoint.get(number)
            if block is None:
                block = self._measure(range(start, min(start + BLOCK, len(self.plan.corners))))
                self._checkpoint.put(number, block)
            damaged += len(block["damaged"])
            blocks.append(block)
            if damaged > most:
                raise self._too_damaged([each for block in blocks for each in block["damaged"]], most)
        nuclei, tile_of, measures, lost = (
            np.concatenate([block[name] for block in blocks])
            for name in ("nuclei", "tile_of", "measures", "damaged")
        )
        if len(lost):
            warnings.warn(
                NormwiseWarning(
                    "FEA-691",
                    f"{self._slide.name}: {len(lost)} of {len(self.plan.corners)} tiles are damaged "
                    f"and left out: {self._named(lost)}.",
                    subject=self._slide.name,
                    value=len(lost),
                ),
                stacklevel=2,
            )
        if not len(nuclei):
            raise FeatureError(
                "FEA-604",
                "no nuclei were found in the tissue.",
                subject=self._slide.name,
                seen=f"{self.tissue.area_mm2():.3g} mm² of tissue in {len(self.plan.corners)} tiles",
                advice="look at the slide: it may be out of focus, or of another stain",
            )
        return nuclei, tile_of, measures, lost

    def _measure(self, numbers: range) -> dict[str, NDArray[Any]]:
        nuclei, owners, measures, damaged = [], [], [], []
        for number in numbers:
            try:
                rgb = self.read_tile(number)
            except ImageError:
                damaged.append(number)
                measures.append(np.zeros(len(TILE_MEASURES)))
                continue
            rows, tile, _ = measure_tile(
                rgb, self.plan.mpp, self.plan.halo, self.stain, solidity=self._settings.solidity
            )
            rows[:, :2] += self.plan.places[number].astype(np.float32)
            rows = rows[self.on_tissue(rows)]
            nuclei.append(rows)
            owners.append(np.full(len(rows), number, np.int32))
            measures.append(tile)
        return {
            "nuclei": np.concatenate([np.zeros((0, len(NUCLEUS_COLUMNS)), np.float32), *nuclei]),
            "tile_of": np.concatenate([np.zeros(0, np.int32), *owners]),
            "measures": np.array(measures),
            "damaged": np.array(damaged, np.int64),
        }

    def read_tile(self, number: int) -> NDArray[np.uint8]:
        """Read one tile, with glass where the slide is black: black enters no threshold as a dye."""
        plan = self.plan
        rgb = plan.read(self._slide, number)
        return self.tissue.whiten(rgb, plan.places[number] - plan.halo * plan.mpp, plan.mpp)

    def on_tissue(self, rows: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return which nuclei lie neither under a pen nor in a fold, to a pixel of low magnification."""
        classes = self.tissue.classes
        x = np.clip((rows[:, 0] / self.tissue.mpp).astype(int), 0, classes.shape[1] - 1)
        y = np.clip((rows[:, 1] / self.tissue.mpp).astype(int), 0, classes.shape[0] - 1)
        kind: NDArray[np.bool_] = ~np.isin(classes[y, x], (PEN, FOLD, DARK))
        return kind

    def _vectors(self) -> NDArray[np.float64]:
        """Return the dyes' vectors: the published ones, or learnt from a few tiles over the slide."""
        if self._settings.stains == "published":
            return RUIFROK_JOHNSTON
        most = np.argsort(-self.plan.share, kind="stable")[: 8 * _STAIN_TILES]
        chosen = np.sort(most)[:: max(len(most) // _STAIN_TILES, 1)]
        pixels = []
        for number in chosen:
            try:
                rgb = self.read_tile(int(number))
            except ImageError:
                continue
            pixels.append(rgb[:: max(rgb.shape[0] // 128, 1), :: max(rgb.shape[1] // 128, 1)].reshape(-1, 3))
        if not pixels:
            return RUIFROK_JOHNSTON
        method: Any = self._settings.stains
        return estimate_stains(np.concatenate(pixels), method, self.tissue.white)

    def _named(self, numbers: Any) -> str:
        places = [f"({x}, {y})" for x, y in self.plan.corners[list(numbers)[:4]]]
        return ", ".join(places) + (f" and {len(numbers) - 4} more" if len(numbers) > 4 else "") + " px"

    def _too_damaged(self, numbers: list[int], most: int) -> FeatureError:
        return FeatureError(
            "FEA-603",
            f"more than {most} of {len(self.plan.corners)} tiles are damaged.",
            subject=self._slide.name,
            seen=self._named(numbers),
            expected=f"at most {self._settings.damaged_tiles:.0%} of the tiles (features.damaged_tiles)",
            advice="fetch the file again, or allow more with --damaged-tiles",
        )
