"""A norm as sums over normal people, which add exactly: a file that holds nobody's data.

* ``sums``: counts and products of demographics and features as integers, in any order the same.
* ``fit``: the design and the regression that follow from sums.
* ``site_sums``: sums over the people of each site, and how sites differ.
* ``reference``: `Reference`, sums with what was measured and how; merged, refined, fitted.
* ``counts``: how many people have each W, and the tails that follow from it.
* ``rounds``: people counted by a reference, and a reference with tails.
* ``file``: a reference or counts written, and read with every part checked.
"""

from normwise.normalize.reference.counts import NormalCounts
from normwise.normalize.reference.file import (
    digest_of,
    digest_of_sums,
    read_reference,
    read_sums,
    write_reference,
)
from normwise.normalize.reference.reference import Measurement, Reference
from normwise.normalize.reference.rounds import count_normals, with_counts
from normwise.normalize.reference.site_sums import SiteSums, too_few_of_site
from normwise.normalize.reference.sums import NormalSums, sum_normals

__all__ = [
    "Measurement",
    "NormalCounts",
    "NormalSums",
    "Reference",
    "SiteSums",
    "count_normals",
    "digest_of",
    "digest_of_sums",
    "read_reference",
    "read_sums",
    "sum_normals",
    "too_few_of_site",
    "with_counts",
    "write_reference",
]
