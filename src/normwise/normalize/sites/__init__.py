"""Scanners made comparable: a site's shift and scale, learnt from normal people.

* ``harmonizer``: the scikit-learn transformer.
* ``effects``: the regression on sites and demographics and each site's effect, on arrays.
* ``across_sites``: how sites differ, and what a few people say about one of them, on arrays.
* ``card``: what a few controls of a new site say, as a file.
"""

__all__: list[str] = []
