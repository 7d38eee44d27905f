"""The surface of a region as triangles, and how it is curved."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Curvature", "Mesh", "curvature", "make_mesh", "smooth"]

_ROUNDS = 20  # of smoothing: steps of a voxel's edge are gone, bumps of three voxels stay
_SPREAD = 4  # edges over which curvature is averaged
_SHRINK, _GROW = 0.5, -0.53  # pass band of Taubin's filter

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mesh:
    """A closed surface, its triangles turned outwards.

    Attributes
    ----------
    vertices : ndarray of shape (n_vertices, 3)
        Millimetres.
    faces : ndarray of shape (n_faces, 3), int64
        Rows of ``vertices``.
    """

    vertices: Floats
    faces: NDArray[np.int64]

    @cached_property
    def corners(self) -> Floats:
        """Return the corners of each triangle, of shape (n_faces, 3, 3)."""
        return self.vertices[self.faces]

    @cached_property
    def crosses(self) -> Floats:
        """Return the outward normal of each triangle, as long as twice its area."""
        a, b, c = self.corners.transpose(1, 0, 2)
        crosses: Floats = np.cross(b - a, c - a)
        return crosses

    @cached_property
    def face_areas(self) -> Floats:
        """Return the area of each triangle, mm²."""
        areas: Floats = 0.5 * np.linalg.norm(self.crosses, axis=1)
        return areas

    @cached_property
    def vertex_areas(self) -> Floats:
        """Return the area that belongs to each vertex, a third of its triangles, mm²."""
        thirds = np.repeat(self.face_areas / 3, 3)
        return _summed(self.faces, thirds, len(self.vertices))

    @cached_property
    def vertex_normals(self) -> Floats:
        """Return the outward unit normal at each vertex."""
        size = len(self.vertices)
        normals = np.stack(
            [_summed(self.faces, np.repeat(column, 3), size) for column in self.crosses.T], axis=1
        )
        units: Floats = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        return units

    @property
    def area(self) -> float:
        """Return the area, mm²."""
        return float(self.face_areas.sum())

    @property
    def volume(self) -> float:
        """Return the volume within, mm³: a sum of signed tetrahedra."""
        return float(np.einsum("ij,ij->", self.corners[:, 0], self.crosses) / 6)

    @cached_property
    def edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ends of each edge and the two triangles that share it, the first along the edge."""
        ends = np.concatenate([self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]])
        owners = np.tile(np.arange(len(self.faces)), 3)
        key = ends.min(axis=1) * len(self.vertices) + ends.max(axis=1)
        order = np.lexsort((ends[:, 0] > ends[:, 1], key))
        _, first, counts = np.unique(key[order], return_index=True, return_counts=True)
        pairs = first[counts == 2]  # where surfaces touch along an edge it has four triangles
        return ends[order[pairs]], np.stack([owners[order[pairs]], owners[order[pairs + 1]]], axis=1)

    @cached_property
    def neighbours(self) -> Any:
        """Return the sparse matrix of shape (n_vertices, n_vertices) that is 1 where an edge runs."""
        from scipy.sparse import coo_array

        ends, _ = self.edges
        rows, columns = np.concatenate([ends, ends[:, ::-1]]).T
        size = len(self.vertices)
        return coo_array((np.ones(len(rows)), (rows, columns)), shape=(size, size)).tocsr()


def _summed(rows: NDArray[np.int64], values: Floats, size: int) -> Floats:
    """Return for each of ``size`` rows the sum of its values."""
    return np.bincount(rows.ravel(), values.ravel(), minlength=size).astype(np.float64, copy=False)


def make_mesh(mask: NDArray[np.bool_], linear: Floats) -> Mesh:
    """Make the surface of a mask by marching cubes (Lewiner et al. 2003), half-way between voxels.

    Parameters
    ----------
    mask : ndarray of shape (nx, ny, nz)
        A voxel at the border closes the surface there.
    linear : ndarray of shape (3, 3)
        From voxel indices to millimetres; the first voxel is the origin.

    Returns
    -------
    Mesh
    """
    from skimage.measure import marching_cubes

    vertices, faces, _, _ = marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5)
    mesh = Mesh((vertices.astype(np.float64) - 1) @ linear.T, faces.astype(np.int64))
    return mesh if mesh.volume > 0 else Mesh(mesh.vertices, mesh.faces[:, ::-1])


def smooth(mesh: Mesh) -> Mesh:
    """Smooth the steps of voxels away, without shrinking (Taubin 1995).

    Parameters
    ----------
    mesh : Mesh
        From `make_mesh`.
    """
    degrees = np.maximum(np.asarray(mesh.neighbours.sum(axis=1)).reshape(-1, 1), 1.0)
    places = mesh.vertices
    for _ in range(_ROUNDS):
        for step in (_SHRINK, _GROW):
            places = places + step * (mesh.neighbours @ places / degrees - places)
    return Mesh(places, mesh.faces)


@dataclass(frozen=True, eq=False)
class Curvature:
    """How a surface is curved.

    Attributes
    ----------
    mean, gaussian : ndarray of shape (n_vertices,)
        Mean curvature, positive where convex, 1/mm; Gaussian curvature, 1/mm².
    areas : ndarray of shape (n_vertices,)
        The area over which each was averaged, mm².
    integral : float
        Mean curvature summed over the surface, mm; 4πr of a sphere.
    euler : float
        Euler number of the body within: bodies − tunnels + cavities.
    """

    mean: Floats
    gaussian: Floats
    areas: Floats
    integral: float
    euler: float


def curvature(mesh: Mesh) -> Curvature:
    """Measure the curvature of a closed surface.

    Mean curvature sits in the edges, half their length times the angle of their triangles (Steiner's
    formula for polyhedra); Gaussian curvature in the vertices, 2π less the angles around them (Meyer et al.
    2003, eq. 9). Both are averaged over the vertices within four edges.

    Parameters
    ----------
    mesh : Mesh
        A smooth surface, see `smooth`.

    Returns
    -------
    Curvature
    """
    size = len(mesh.vertices)
    ends, faces = mesh.edges
    normals = mesh.crosses / np.maximum(2 * mesh.face_areas, 1e-12)[:, None]
    one, other = normals[faces[:, 0]], normals[faces[:, 1]]
    along = mesh.vertices[ends[:, 1]] - mesh.vertices[ends[:, 0]]
    lengths = np.linalg.norm(along, axis=1)
    sines = np.einsum("ij,ij->i", np.cross(one, other), along / np.maximum(lengths, 1e-12)[:, None])
    bent = lengths * np.arctan2(sines, np.einsum("ij,ij->i", one, other))
    of_edges = _summed(ends, np.repeat(bent / 4, 2), size)
    sides = np.roll(mesh.corners, -1, axis=1) - mesh.corners
    before = -np.roll(sides, 1, axis=1)
    cosines = np.einsum("ijk,ijk->ij", sides, before)
    angles = np.arctan2(np.linalg.norm(np.cross(sides, before), axis=2), cosines)
    missing = 2 * np.pi - _summed(mesh.faces, angles, size)
    areas = mesh.vertex_areas

    degrees = np.asarray(mesh.neighbours.sum(axis=1)).ravel() + 1

    def around(values: Floats) -> Floats:
        for _ in range(_SPREAD):  # each vertex shares what it has, so that the sum stays
            values = values / degrees
            values = values + mesh.neighbours @ values
        return values

    shared = np.maximum(around(areas), 1e-12)
    return Curvature(
        around(of_edges) / shared,
        around(missing) / shared,
        shared,
        float(bent.sum() / 2),
        round(float(missing.sum() / (4 * np.pi)), 6),
    )
