"""A norm as sums over normal people, which add exactly: a file that holds nobody's data.

* ``sums``: counts and products of demographics and features as integers, in any order the same.
* ``fit``: the design and the regression that follow from sums.
* ``reference``: `Reference`, sums with what was measured and how; merged, refined, fitted.
* ``file``: a reference written, and read with every part checked.
"""

from normwise.normalize.reference.file import digest_of_sums, read_reference, write_reference
from normwise.normalize.reference.reference import Measurement, Reference
from normwise.normalize.reference.sums import NormalSums, sum_normals

__all__ = [
    "Measurement",
    "NormalSums",
    "Reference",
    "digest_of_sums",
    "read_reference",
    "sum_normals",
    "write_reference",
]
