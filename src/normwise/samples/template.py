"""The MNI152 brain that nilearn ships, as shares of tissue in every voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Template", "load_template"]

# T1 brightness of pure tissue on the template (least squares of its T1 on its tissue shares, within 0.005).
CSF, GREY, WHITE = 0.28, 0.66, 0.88


@dataclass(frozen=True)
class Template:
    """An average brain on a grid.

    Attributes
    ----------
    grey, white : ndarray of shape (nx, ny, nz), float64
        Share of grey and white matter in each voxel, 0 to 1.
    rest : ndarray of shape (nx, ny, nz), float64
        What the T1 template shows beyond its tissue shares, as the deep nuclei's brightness.
    inside : ndarray of shape (nx, ny, nz), bool
        The brain with its CSF.
    affine : ndarray of shape (4, 4)
        Voxel to MNI millimetres, RAS.
    """

    grey: NDArray[np.float64]
    white: NDArray[np.float64]
    rest: NDArray[np.float64]
    inside: NDArray[np.bool_]
    affine: NDArray[np.float64]

    @property
    def fluid(self) -> NDArray[np.float64]:
        """Share of CSF in each voxel: what is neither grey nor white."""
        fluid: NDArray[np.float64] = np.where(
            self.inside, np.clip(1.0 - self.grey - self.white, 0.0, 1.0), 0.0
        )
        return fluid

    def world(self) -> NDArray[np.float64]:
        """Return the MNI coordinates of every voxel, shape (3, nx, ny, nz), mm."""
        grid = np.indices(self.inside.shape, dtype=np.float64)
        turned: NDArray[np.float64] = np.einsum("ij,j...->i...", self.affine[:3, :3], grid)
        return turned + self.affine[:3, 3][:, None, None, None]


def load_template() -> Template:
    """Load the MNI152 2009 symmetric template at 2 mm from the installed nilearn.

    Returns
    -------
    Template
        Nothing is downloaded.
    """
    from nilearn import datasets

    image = datasets.load_mni152_template(resolution=2)
    inside = np.asarray(datasets.load_mni152_brain_mask(resolution=2).dataobj) > 0
    # The resampling spline overshoots a little at sharp edges.
    grey = np.clip(np.asarray(datasets.load_mni152_gm_template(resolution=2).dataobj, np.float64), 0.0, 1.0)
    white = np.clip(np.asarray(datasets.load_mni152_wm_template(resolution=2).dataobj, np.float64), 0.0, 1.0)
    grey, white = grey * inside, white * inside
    total = np.maximum(grey + white, 1.0)
    grey, white = grey / total, white / total
    mixed = GREY * grey + WHITE * white + CSF * (1.0 - grey - white)
    rest = np.where(inside, np.asarray(image.dataobj, np.float64) - mixed, 0.0)
    return Template(grey, white, np.clip(rest, -0.15, 0.15), inside, np.asarray(image.affine, np.float64))
