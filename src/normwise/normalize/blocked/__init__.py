"""Least squares of many features on few demographics, block by block.

* ``columns``: a feature matrix read in blocks, never copied whole.
* ``kernels``: arithmetic on one block while it lies in cache.
* ``regression``: people as coordinates, and the regression of every feature on them.
* ``fit``: fit on the normals, standardize everybody.
* ``variance``: a spread that depends on demographics.
* ``shrinkage``: slopes drawn towards those of all features.
* ``tails``: W-scores made normal where the normals' are not.
"""

__all__: list[str] = []
