"""Scanners made comparable: a site's shift and scale, learnt from the normal people of the training rows."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field, replace
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
from normwise.normalize.sites.across_sites import SiteEffect, SitePrior, weigh, weigh_without_each
from normwise.normalize.sites.effects import SiteModel, fit_sites, site_effects
from normwise.normalize.support import encodable_rows
from normwise.normalize.validation import find_normals, names_of
from normwise.schema import FittedParts, check_parts

__all__ = ["SiteHarmonizer", "UnseenPolicy", "UnseenSite"]

UnseenPolicy = Literal["refuse", "pooled", "predict", "own_normals"]
"""What becomes of people of a site that was not trained on."""

_FEWEST = 2  # normals of a site that have a spread at all
_FEW_SITES = 4  # sites below which it is hardly known how they differ
_FEW = 10  # normals of a site below which its own spread is hardly known


@dataclass(frozen=True)
class UnseenSite(SiteEffect):
    """What a site that was not trained on does, estimated from its normal people.

    Attributes
    ----------
    without : dict
        By scan of each of them, the effect by the site's other people. It names people, so that it is never
        saved.
    """

    without: dict[Any, SiteEffect] = field(default_factory=dict)

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse an effect that is none, or that names people; see `normwise.schema.FittedParts`."""
        super().check_parts(parts)
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
    method : {"location_scale", "combat", "hierarchical"}
        Each site's own mean and standard deviation; drawn towards those of its other features; or weighed,
        feature by feature, against how sites differ, with what is not known in the spread.
    unseen : {"refuse", "pooled", "predict", "own_normals"}
        A person from a site with fewer than two normals in the training rows can't be harmonized; is taken as
        if from the average site; as from any site like those of the training; or waits for normals of that
        site (see `adapt_to_sites`). Where sites differ, ``pooled`` and ``predict`` give smaller W-scores.
    design : {"linear", "spline"}
        How a number enters the regression on sites and demographics: as a line, or as a natural cubic spline.

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
    normal_rows_ : ndarray of uint64
        Hashes of the normals' features, with ``method="hierarchical"``: each of them is harmonized by the
        others of their site, so that the spread of their W-scores is that of people who are new.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> people = pd.DataFrame({"thickness": rng.normal(2.5, 0.1, 40), "site": ["A", "B"] * 20})
    >>> people.loc[people["site"] == "B", "thickness"] += 1.0
    >>> harmonizer = SiteHarmonizer("site", normal="normal").fit(people, ["normal"] * 40)
    >>> made = harmonizer.transform(people)
    >>> list(made), bool(abs(made["thickness"][0::2].mean() - made["thickness"][1::2].mean()) < 0.02)
    (['thickness'], True)
    """

    def __init__(
        self,
        site: str | None = None,
        demographics: Sequence[str] = (),
        normal: object = None,
        categorical: Sequence[str] = (),
        method: Literal["location_scale", "combat", "hierarchical"] = "hierarchical",
        unseen: UnseenPolicy = "refuse",
        design: Literal["linear", "spline"] = "linear",
    ) -> None:
        self.site = site
        self.demographics = demographics
        self.normal = normal
        self.categorical = categorical
        self.method = method
        self.unseen = unseen
        self.design = design

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
            is normal, NRM-305 where one site can't say how sites differ, NRM-106 to NRM-111 for the normals'
            demographics, NRM-113 for a feature.
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
        own = self.sites_of(X)[rows]
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
            form=self.design,
        )
        codes = np.searchsorted(self.sites_, self.sites_of(normals).astype(str))
        features = self._features(normals)
        FeatureColumns.of_frame(
            normals[self.feature_names_], np.ones(features.shape[1], dtype=bool)
        ).refuse_unfinite(features, 0, np.arange(len(normals)))
        self.model_ = fit_sites(
            features, self.design_.encode(people), codes, len(self.sites_),
            shrink=self.method == "combat",
        )  # fmt: skip
        self.normal_rows_ = np.empty(0, dtype=np.uint64)
        if self.method == "hierarchical":
            self.normal_rows_ = np.unique(_row_keys(features, np.array(self.sites_)[codes]))
        if self.unseen == "predict":
            self.site_prior()
        if self.unseen in ("predict", "pooled") and len(self.sites_) < _FEW_SITES:
            self._warn_of_few_sites()
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
        sites = self.sites_of(X)
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
        effects = self._effects(X, sites)
        if not effects:
            return X[self.columns_]
        values = self._features(X)
        affected = np.unique(np.concatenate([rows for rows, _ in effects]))
        design = self.design_.encode(Demographics(X).take(affected))
        expected, unit = self.model_.expected(design), self.model_.spread
        departures = self.model_.departures(values[affected], design)
        for rows, effect in effects:
            own = np.searchsorted(affected, rows)
            values[rows] = effect.harmonize(departures[own], unit) + expected[own]
        for rows, name in self._normals_among(X, sites):
            own = np.searchsorted(affected, rows)
            effect = self._without_each(name, departures[own])
            values[rows] = effect.harmonize(departures[own], unit) + expected[own]
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
        sites = self.sites_of(X)
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

    def sites_of(self, X: pd.DataFrame) -> npt.NDArray[np.object_]:
        """Return each row's site as text; empty where it is missing."""
        self._refuse_without_site(X)
        levels = Demographics(X).levels(str(self.site))
        return np.where(levels == None, "", levels)  # noqa: E711 - one comparison a person

    def departures(self, X: pd.DataFrame) -> FloatArray:
        """Return how far people depart from what the average site has, in its spread.

        Raises
        ------
        NormalizerError
            NRM-113 for a feature that is not finite.
        """
        features = self._features(X)
        FeatureColumns.of_frame(
            X[self.feature_names_], np.ones(features.shape[1], dtype=bool)
        ).refuse_unfinite(features, 0, np.arange(len(X)))
        return self.model_.departures(features, self.design_.encode(Demographics(X)))

    def site_prior(self) -> SitePrior:
        """Return the distribution across the training sites.

        Raises
        ------
        NormalizerError
            NRM-305, there is none: one site alone, a model of 0.1.0, or nothing is harmonized.
        """
        check_is_fitted(self, "sites_")
        prior = self.model_.prior if self.sites_ else None
        if prior is None:
            raise NormalizerError(
                "NRM-305",
                "how sites differ from one another is not known.",
                subject=self.site,
                seen=f"{len(self.sites_)} site{'' if len(self.sites_) == 1 else 's'} with two normal people",
                expected="two sites at least, and better ten, in a model that harmonizes them",
                advice='train on several sites with sites.harmonize, or set sites.unseen = "refuse"',
            )
        return prior

    def with_site(self, name: str, effect: SiteEffect) -> Self:
        """Return a harmonizer that also knows one site that it was not trained on."""
        adapted = copy(self)
        site = UnseenSite(effect.shift, effect.scale, effect.uncertainty, effect.df)
        adapted.unseen_sites_ = {**self.unseen_sites_, name: site}
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
        reasons = self._reasons(self.sites_of(X))
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
        demographics, words = parts.texts("demographics"), ("refuse", "pooled", "predict", "own_normals")
        known = self.unseen in words and self.method in ("combat", "location_scale", "hierarchical")
        parts.expect("design", holds=self.design in ("linear", "spline"), instead="a form that there is")
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
        if self.method == "hierarchical":
            parts.array("normal_rows_", (None,), kinds="u", low=0)
            counts = parts.part("counts_")
            fits = isinstance(counts, list) and all(isinstance(n, int) and n >= _FEWEST for n in counts)
            parts.expect("counts_", holds=fits and len(counts) == len(sites), instead="the sites' normals")
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
        by_person = {person: self._effect_of(departures[people != person]) for person in people.tolist()}
        without = {scan: by_person[person] for scan, person in zip(scans, people.tolist(), strict=True)}
        whole = self._effect_of(departures)
        return UnseenSite(whole.shift, whole.scale, whole.uncertainty, whole.df, without)

    def _effect_of(self, departures: FloatArray) -> SiteEffect:
        """Estimate a site's effect from the departures of its normal people."""
        if self.method == "hierarchical" and self.model_.prior is not None:
            mean = departures.mean(axis=0)
            return weigh(self.model_.prior, len(departures), mean, np.square(departures - mean).sum(axis=0))
        return SiteEffect(*site_effects(departures, shrink=self.method == "combat"))

    def _effects(
        self, X: pd.DataFrame, sites: npt.NDArray[np.object_]
    ) -> list[tuple[npt.NDArray[np.intp], SiteEffect]]:
        """Return the effects that change a feature, each with the rows that it is for."""
        found: list[tuple[npt.NDArray[np.intp], SiteEffect]] = []
        known = np.isin(sites, [*self.sites_, *self.unseen_sites_])
        for name in sorted(set(sites[known].tolist())):
            rows = np.flatnonzero(sites == name)
            if name in self.unseen_sites_:
                unseen = self.unseen_sites_[name]
                found.append((rows, unseen))
                named = [row for row in rows if X.index[row] in unseen.without] if unseen.without else []
                found += [(np.array([row]), unseen.without[X.index[row]]) for row in named]
            else:
                found.append((rows, self._trained_effect(name)))
        prior = vars(self.model_).get("prior")
        if prior is not None and not known.all():
            effect = weigh(prior, 0, prior.center, prior.center)
            # Pooled: nothing is known of the site but that it is one, and the average person's is taken.
            middle = effect.shift if self.unseen == "predict" else np.zeros_like(effect.shift)
            found.append((np.flatnonzero(~known), replace(effect, shift=middle)))
        return [(rows, effect) for rows, effect in found if not effect.is_none]

    def _trained_effect(self, name: str) -> SiteEffect:
        place = self.sites_.index(name)
        shift, scale, prior = self.model_.shift[place], self.model_.scale[place], self._own_prior()
        if prior is None:
            return SiteEffect(shift, scale)
        return weigh(prior, self.counts_[place], shift, (self.counts_[place] - 1) * np.square(scale))

    def _own_prior(self) -> SitePrior | None:
        """Return the distribution that the training sites are weighed against; None by other methods."""
        return self.model_.prior if self.method == "hierarchical" else None

    def _normals_among(
        self, X: pd.DataFrame, sites: npt.NDArray[np.object_]
    ) -> list[tuple[npt.NDArray[np.intp], str]]:
        """Return the rows of each training site that taught it."""
        if self._own_prior() is None:
            return []
        trained = np.flatnonzero(np.isin(sites, self.sites_))
        keys = _row_keys(self._features(X.iloc[trained]), sites[trained])
        rows = trained[np.isin(keys, self.normal_rows_)]
        return [(rows[sites[rows] == name], name) for name in sorted(set(sites[rows].tolist()))]

    def _without_each(self, name: str, departures: FloatArray) -> SiteEffect:
        place, prior = self.sites_.index(name), self.site_prior()
        count, scale = self.counts_[place], self.model_.scale[place]
        squares = (count - 1) * np.square(scale)
        return weigh_without_each(prior, count, self.model_.shift[place], squares, departures)

    def _reasons(self, sites: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
        """Return why each site can't be harmonized; an empty text where it can."""
        reasons = np.full(len(sites), "", dtype=object)
        if self.unseen in ("pooled", "predict"):
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

    def _warn_of_few_sites(self) -> None:
        """Warn where a new site is measured by how few sites differ."""
        count = len(self.sites_)
        text = (
            "one site can't say how sites differ, so that W-scores at a new one are as sure as at this one"
            if self.model_.prior is None
            else f"{count} sites hardly say how sites differ, so that W-scores at a new one are near 0"
        )
        warnings.warn(
            NormwiseWarning("NRM-306", f"{self.site}: {text}", subject=self.site, value=count), stacklevel=3
        )

    def _warn_of_few(self, names: npt.NDArray[Any], counts: npt.NDArray[np.intp]) -> None:
        """Warn of sites that have hardly any normals."""
        few = [f"{name}: {count}" for name, count in zip(names, counts, strict=True) if count < _FEW]
        if few:
            more = f" and {len(few) - 5} more" if len(few) > 5 else ""
            advice = (
                ""
                if self.method != "location_scale"
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


def _row_keys(features: FloatArray, sites: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """Return a hash of each row's features, in single precision, and its site."""
    with np.errstate(over="ignore"):
        rows = np.ascontiguousarray(features, dtype=np.float32)
    digests = (
        hashlib.blake2b(row.tobytes() + str(site).encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for row, site in zip(rows, sites, strict=True)
    )
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)
