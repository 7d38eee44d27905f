"""Feature extractors that learn: scikit-learn transformers, fitted inside each training fold.

Each takes the frame of a measured extractor, passes the demographics through and makes features of the rest.
Where it learns from labels, `fit_transform` gives training rows out-of-fold features, as scikit-learn's
``TargetEncoder`` does: what follows must not be fitted on features that know the answer.

* ``registry``: the dict `LEARNT`.
* ``base``: what they share.
* ``principal_components``, ``attention``, ``trunk``, ``autoencoder``: one transformer each.
* ``image_input``: how a table, a frame or a stack of images is checked.
"""

from normwise.learnt.attention import PRESENT, AttentionPooling, bag_column
from normwise.learnt.image_input import validate_images
from normwise.learnt.registry import LEARNT, TRUSTED_TYPES, LearntExtractor

__all__ = [
    "LEARNT",
    "PRESENT",
    "TRUSTED_TYPES",
    "AttentionPooling",
    "LearntExtractor",
    "bag_column",
    "validate_images",
]
