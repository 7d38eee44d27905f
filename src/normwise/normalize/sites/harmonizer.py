"""Scanners made comparable: a site's shift and scale, learnt from the normal people of the training rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted, validate_data

from normwise.errors import NormalizerError, NormwiseWarning
from normwise.normalize.blocked.columns import FeatureColumns, FloatArray, person_name
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Design, learn_design
from normwise.normalize.sites.effects import SiteModel, fit_sites, site_effects
from normwise.normalize.support import encodable_rows
from normwise.normalize.validation import find_normals, names_of
from normwise.schema import FittedParts, check_parts

__all__ = ["SiteHarmonizer", "UnseenSite"]

_FEWEST = 2  # normals of a site that have a spread at all
_FEW = 10  # normals of a site below which its own spread is hardly known


@dataclass(frozen=True)
class UnseenSite:
    """Shift and scale of a site that was not trained on, estimated from its normal people.

    Attributes
    ----------
    shift, scale : ndarray of shape (n_features,)
        By all of its normal people.
    without : dict
        By scan of each of them, the shift and scale by the site's other people. It names people, so that
        it is never saved.
    """

    shift: FloatArray
    scale: FloatArray
    without: dict[Any, tuple[FloatArray, FloatArray]]

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse an effect that is none, or that names people; see `normwise.schema.FittedParts`."""
        features = len(parts.array("shift", (None,)))
        parts.array("scale", (features,), low=1e-300)
        parts.expect("without", holds=parts.part("without") == {}, instead="empty")


class SiteHarmonizer(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Remove from every feature the effect of the acquisition site.

    Shift and scale of each site are those of its normal people, at equal demographics, so that a disease that
    is more frequent at one site is not taken for the site. The column of the site is dropped, so that a
    classifier can't learn from it.

    Parameters
    ----------
    site : str, optional
        Column of the site. None: nothing is harmonized, and ``X`` is passed on.
    demographics : sequence of str
        Columns the features are regressed on together with the sites.
    normal : object
        The label of the normal group.
    categorical : sequence of str
        Demographics that are codes.
    method : {"location_scale", "combat"}
        Each site's own mean and standard deviation, or their empirical Bayes estimates.
    unseen : {"refuse", "pooled", "own_normals"}
        A person from a site with fewer than two normals in the training rows can't be harmonized; is taken as
        if from the average site; or waits for normals of that site (see `adapt_to_sites`).

    Attributes
    ----------
    sites_ : list of str
        Sites with two normals or more, sorted.
    counts_ : list of int
        Their normals.
    model_ : SiteModel
        Regression and effects; not where ``site`` is None.
    design_ : Design
        The demographics' columns; not where ``site`` is None.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people = pd.DataFrame({"thickness": rng.normal(2.5, 0.1, 40), "site": ["A", "B"] * 20})
    >>> people.loc[people["site"] == "B", "thickness"] += 1.0
    >>> harmonizer = SiteHarmonizer("site", normal="normal").fit(people, ["normal"] * 40)
    >>> made = harmonizer.transform(people)
    >>> list(made), bool(abs(made["thickness"][0::2].mean() - made["thickness"][1::2].mean()) < 1e-9)
    (['thickness'], True)
    """

    def __init__(
        self,
        site: str | None = None,
        demographics: Sequence[str] = (),
        normal: object = None,
        categorical: Sequence[str] = (),
        method: Literal["location_scale", "combat"] = "combat",
        unseen: Literal["refuse", "pooled", "own_normals"] = "refuse",
    ) -> None:
        self.site = site
        self.demographics = demographics
        self.normal = normal
        self.categorical = categorical
        self.method = method
        self.unseen = unseen

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn each site's effect from the normal rows.

        Parameters
        ----------
        X : DataFrame of shape (n_scans, n_columns)
            Features beside demographics and site.
        y : array-like of shape (n_scans,), optional
            Labels; only used to find the normals.

        Raises
        ------
        NormalizerError
            NRM-301 without a column of the site, NRM-302 where no site has two normals, NRM-118 where nobody
            is normal, NRM-106 to NRM-111 for the normals' demographics, NRM-113 for a feature.
        """
        self.sites_: list[str] = []
        self.counts_: list[int] = []
        self.unseen_sites_: dict[str, UnseenSite] = {}
        if self.site is None:
            self._pass_on(X, reset=True)
            return self
        self._refuse_without_site(X)
        demographics = names_of(self.demographics)
        validate_data(self, X, skip_check_array=True)
        self.feature_names_ = [name for name in X.columns if name not in {self.site, *demographics}]
        self.columns_ = [name for name in X.columns if name != self.site or name in demographics]
        rows = find_normals(y, self.normal, len(X))
        own = self._sites(X)[rows]
        names, counts = np.unique(own[own != ""].astype(str), return_counts=True)
        self.sites_ = [str(name) for name in names[counts >= _FEWEST]]
        self.counts_ = [int(count) for count in counts[counts >= _FEWEST]]
        if not self.sites_:
            listed = ", ".join(f"{name}: {count}" for name, count in zip(names, counts, strict=True))
            raise NormalizerError(
                "NRM-302",
                "no site has two normal people, so that no site's effect can be estimated.",
                subject=self.site,
                seen=listed or "no site",
                advice='set sites.harmonize = "none", or check cohort.site',
            )  # fmt: skip
        self._warn_of_few(names, counts)
        rows = rows[np.isin(own, self.sites_)]
        normals = X.iloc[rows]
        people = Demographics(normals)
        self.design_ = learn_design(
            people,
            [name for name in demographics if name != self.site],
            categorical=names_of(self.categorical),
        )
        codes = np.searchsorted(self.sites_, self._sites(normals).astype(str))
        features = self._features(normals)
        FeatureColumns.of_frame(
            normals[self.feature_names_], np.ones(features.shape[1], dtype=bool)
        ).refuse_unfinite(features, 0, np.arange(len(normals)))
        self.model_ = fit_sites(
            features, self.design_.encode(people), codes, len(self.sites_),
            shrink=self.method == "combat",
        )  # fmt: skip
        return self

    def transform(self, X: Any) -> Any:
        """Return the frame with harmonized features and without the site.

        Parameters
        ----------
        X : DataFrame of shape (n_scans, n_columns)
            The columns it was fitted on.

        Returns
        -------
        DataFrame
            As ``X`` was given, an array too, where ``site`` is None.

        Raises
        ------
        NormalizerError
            NRM-303 for a person of a site that is not known; `in_support` lists them without refusing.
        """
        check_is_fitted(self, "sites_")
        if self.site is None:
            return self._pass_on(X, reset=False)
        self._refuse_without_site(X)
        sites = self._sites(X)
        reasons = self._reasons(sites)
        wrong = np.flatnonzero(reasons != "")
        if len(wrong):
            raise NormalizerError(
                "NRM-303",
                "the site can't be harmonized.",
                subject=person_name(X, int(wrong[0])),
                seen=str(reasons[wrong[0]]),
                advice="in_support(X) lists everybody concerned; sites.unseen decides what becomes of them",
            )
        shift = np.zeros((len(X), len(self.feature_names_)))
        scale = np.ones_like(shift)
        known = np.isin(sites, self.sites_)
        positions = np.searchsorted(self.sites_, sites[known].astype(str))
        shift[known], scale[known] = self.model_.shift[positions], self.model_.scale[positions]
        for name, unseen in self.unseen_sites_.items():
            for row in np.flatnonzero(sites == name):
                own = unseen.without.get(X.index[row], (unseen.shift, unseen.scale))
                shift[row], scale[row] = own
        affected = np.flatnonzero((shift != 0).any(axis=1) | (scale != 1).any(axis=1))
        if not len(affected):
            return X[self.columns_]
        values = self._features(X)
        design = self.design_.encode(Demographics(X).take(affected))
        values[affected] = self.model_.adjust(values[affected], design, shift[affected], scale[affected])
        features = pd.DataFrame(values.astype(self._precision(X)), X.index, self.feature_names_)
        others = [name for name in self.columns_ if name not in features.columns]
        return pd.concat([features, X[others]], axis=1)[self.columns_]

    def adapt_to_sites(self, X: pd.DataFrame, y: Any, groups: Any = None) -> Self:
        """Return a harmonizer that also knows the sites it was not trained on, by their own normal people.

        Only with ``unseen="own_normals"``; otherwise, and for sites with fewer than three normals here,
        nothing changes. Of the labels only who is normal is used. A normal person of such a site is
        harmonized by the site's other normals, never by their own values.

        Parameters
        ----------
        X : DataFrame of shape (n_scans, n_columns)
            People who are to be harmonized; the index names the scans.
        y : array-like of shape (n_scans,)
            Labels.
        groups : array-like of shape (n_scans,), optional
            Person of each scan; default: each scan is a person.
        """
        check_is_fitted(self, "sites_")
        adapted = copy(self)
        if self.site is None or self.unseen != "own_normals":
            return adapted
        labels = np.asarray(y, dtype=object)
        people = np.asarray(X.index if groups is None else groups, dtype=object)
        encodable = encodable_rows(self.design_, Demographics(X))
        sites = self._sites(X)
        adapted.unseen_sites_ = dict(self.unseen_sites_)
        for name in sorted(set(sites.tolist()) - {"", *self.sites_}):
            rows = np.flatnonzero((sites == name) & (labels == self.normal) & encodable)
            if len(set(people[rows].tolist())) > _FEWEST:  # one more, since each is left out once
                part = X.iloc[rows]
                departures = self.model_.departures(
                    self._features(part), self.design_.encode(Demographics(part))
                )
                adapted.unseen_sites_[name] = self._estimate(departures, part.index, people[rows])
        return adapted

    def without_people(self) -> Self:
        """Return a harmonizer that has the effects of the sites it was adapted to, and nobody's name.

        The normal people by whom it was adapted are to it like anybody else of their site.
        """
        plain = copy(self)
        plain.unseen_sites_ = {name: replace(site, without={}) for name, site in self.unseen_sites_.items()}
        return plain

    def in_support(self, X: Any) -> pd.DataFrame:
        """Return for each row whether it can be harmonized, and why not.

        Returns
        -------
        DataFrame
            ``supported`` and ``encodable`` (both: the site is known or pooled), ``reason``.
        """
        check_is_fitted(self, "sites_")
        if self.site is None:
            index = X.index if isinstance(X, pd.DataFrame) else pd.RangeIndex(len(X))
            return pd.DataFrame({"supported": True, "reason": "", "encodable": True}, index=index)
        self._refuse_without_site(X)
        reasons = self._reasons(self._sites(X))
        supported = reasons == ""
        # Without demographics nothing is expected of a person; the normalizer's reason says what is missing.
        encodable = supported & encodable_rows(self.design_, Demographics(X))
        return pd.DataFrame(
            {"supported": supported, "reason": reasons, "encodable": encodable}, index=X.index
        )

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return the columns that `transform` gives."""
        check_is_fitted(self, "sites_")
        names = _check_feature_names_in(self, input_features)
        return names if self.site is None else np.asarray(self.columns_, dtype=object)

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse what `fit` could not have learnt; see `normwise.schema.FittedParts`."""
        demographics, words = parts.texts("demographics"), ("refuse", "pooled", "own_normals")
        known = self.unseen in words and self.method in ("combat", "location_scale")
        parts.expect("unseen", holds=known, instead="a policy of a method that there is")
        parts.texts("categorical")
        parts.named_columns()
        sites = parts.texts("sites_")
        unseen = parts.part("unseen_sites_")
        parts.expect("unseen_sites_", holds=isinstance(unseen, dict), instead="effects by site")
        if self.site is None:
            return
        parts.expect("sites_", holds=isinstance(self.site, str) and sites == sorted(sites), instead="sorted")
        features, columns = len(parts.texts("feature_names_")), parts.texts("columns_")
        fits = set(columns) == {*self.feature_names_, *demographics} and not set(demographics) & {
            *self.feature_names_
        }
        parts.expect("columns_", holds=fits, instead="its features and demographics")
        check_parts(parts.part("design_"), allowed=Design)
        named = [part.name for part in self.design_.parts]
        fits = named == [name for name in demographics if name != self.site]
        parts.expect("design_", holds=fits, instead="of the harmonizer's demographics")
        check_parts(parts.part("model_"), allowed=SiteModel)
        shape = (len(self.design_.names), len(sites), features)
        fits = (*self.model_.slopes.shape[:1], *self.model_.shift.shape) == shape
        parts.expect("model_", holds=fits, instead="one of its demographics, sites and features")
        for site in unseen.values():
            check_parts(site, allowed=UnseenSite)
            parts.expect("unseen_sites_", holds=site.shift.shape == (features,), instead="of its features")

    def _pass_on(self, X: Any, *, reset: bool) -> Any:
        """Check the columns, and the values of an array, which has no names."""
        if isinstance(X, pd.DataFrame):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        return validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])

    def _estimate(
        self, departures: FloatArray, scans: pd.Index[Any], people: npt.NDArray[np.object_]
    ) -> UnseenSite:
        """Estimate a site's effect from its normal people, and for each of them from the others."""
        shrink = self.method == "combat"
        by_person = {
            person: site_effects(departures[people != person], shrink=shrink) for person in people.tolist()
        }
        without = {scan: by_person[person] for scan, person in zip(scans, people.tolist(), strict=True)}
        return UnseenSite(*site_effects(departures, shrink=shrink), without)

    def _reasons(self, sites: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        """Return why each site can't be harmonized; an empty text where it can."""
        reasons = np.full(len(sites), "", dtype=object)
        if self.unseen == "pooled":
            return reasons
        lacking = "and no three normal people of it are given" if self.unseen == "own_normals" else (
            "so nothing is known of what it does to the features"
        )  # fmt: skip
        for row, name in enumerate(sites):
            if name not in self.sites_ and name not in self.unseen_sites_:
                known = (
                    f"{self.site} {name} has fewer than {_FEWEST} normal people in the training, {lacking}"
                )
                reasons[row] = known if name else f"{self.site} is missing"
        return reasons

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.target_tags.required = self.site is not None and self.normal is not None
        return tags

    def _sites(self, X: pd.DataFrame) -> npt.NDArray[np.object_]:
        """Return each row's site as text; empty where it is missing."""
        levels = Demographics(X).levels(str(self.site))
        return np.where(levels == None, "", levels)  # noqa: E711 - one comparison a person

    def _features(self, X: pd.DataFrame) -> FloatArray:
        values: FloatArray = X[self.feature_names_].to_numpy(dtype=np.float64, copy=True)
        return values

    def _precision(self, X: pd.DataFrame) -> np.dtype[Any]:
        single = all(kind == np.float32 for kind in X[self.feature_names_].dtypes)
        return np.dtype(np.float32 if single else np.float64)

    def _refuse_without_site(self, X: Any) -> None:
        if not isinstance(X, pd.DataFrame) or self.site not in X.columns:
            raise NormalizerError(
                "NRM-301",
                "the site of each person is not given.",
                subject=self.site,
                seen=type(X).__name__ if not isinstance(X, pd.DataFrame) else f"{X.shape[1]} other columns",
                expected="a frame with the site's column beside features and demographics",
                advice="name the column with cohort.site",
            )

    def _warn_of_few(self, names: npt.NDArray[Any], counts: npt.NDArray[np.intp]) -> None:
        """Warn of sites that have hardly any normals."""
        few = [f"{name}: {count}" for name, count in zip(names, counts, strict=True) if count < _FEW]
        if few:
            more = f" and {len(few) - 5} more" if len(few) > 5 else ""
            advice = (
                ""
                if self.method == "combat"
                else '; sites.harmonize = "combat" shrinks them to the site\'s other features'
            )
            warnings.warn(
                NormwiseWarning(
                    "NRM-304",
                    f"{self.site}: sites with fewer than {_FEW} normal people in the training"
                    f" ({', '.join(few[:5])}{more}) have uncertain effects{advice}",
                    subject=self.site,
                    value=len(few),
                ),
                stacklevel=3,
            )
