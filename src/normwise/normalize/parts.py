"""The parts of a feature normalizer that was read from a file."""

from __future__ import annotations

from typing import Any

from normwise.normalize.blocked.regression import Regression
from normwise.normalize.design import Design
from normwise.normalize.validation import check_settings
from normwise.schema import FittedParts, check_parts

__all__ = ["check_normalizer_parts"]


def check_normalizer_parts(normalizer: Any, parts: FittedParts) -> None:
    """Refuse what `FeatureNormalizer.fit` could not have learnt: its method ``check_parts``.

    Raises
    ------
    ValueError, NormalizerError
        The first part that is wrong.
    """
    check_settings(normalizer.get_params(deep=False))
    columns = parts.named_columns()
    demographics = parts.texts("demographics")
    features = int(parts.array("is_feature_", (columns,), kinds="b", low=0, high=1).sum())
    parts.expect("is_feature_", holds=features + len(demographics) == columns, instead="the features")
    check_parts(parts.part("design_"), allowed=Design)
    named = [part.name for part in normalizer.design_.parts]
    parts.expect("design_", holds=named == demographics, instead="of the normalizer's demographics")
    parts.whole("n_normals_", 1)
    regression = parts.part("regression_")
    replaces = regression is not None
    parts.expect("mode", holds=normalizer.mode == ("replace" if replaces else "append"), instead="as fitted")
    if replaces:
        check_parts(regression, allowed=Regression)
        varying, own = regression.log_variance, normalizer.design_.variance_inverse
        fits = (
            regression.loadings.shape == (len(normalizer.design_.inverse), features)
            and (varying is None) == (own is None)
            and (varying is None or own is None or varying.loadings.shape == (len(own), features))
        )
        parts.expect("regression_", holds=fits, instead="one of these features on this design")
