"""Scanners made comparable: a site's shift and scale, learnt from normal people.

* ``harmonizer``: the scikit-learn transformer.
* ``effects``: the regression on sites and demographics and each site's effect, on arrays.
"""

__all__: list[str] = []
