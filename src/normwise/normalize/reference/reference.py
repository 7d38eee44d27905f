"""A reference: what is normal for people's demographics, without anybody in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FeatureColumns
from normwise.normalize.blocked.regression import Regression, TailForm
from normwise.normalize.demographics import Demographics, check_columns
from normwise.normalize.design import Category, Design, Number, choose_knots
from normwise.normalize.feature_normalizer import FeatureNormalizer
from normwise.normalize.reference.counts import NormalCounts, another_norm, fit_counts
from normwise.normalize.reference.fit import fit_sums
from normwise.normalize.reference.site_sums import SiteSums, fit_site_sums, regression_of_sites, sums_by_site
from normwise.normalize.reference.sums import (
    NormalSums,
    encode_raw,
    learn_parts,
    other_reference,
    sum_normals,
)
from normwise.normalize.sites.effects import SiteModel
from normwise.normalize.sites.harmonizer import SiteHarmonizer, UnseenPolicy
from normwise.normalize.validation import check_prior, check_settings, pairs_of, refuse_collision
from normwise.reprs import ShortRepr
from normwise.schema import FittedParts, Roles, check_parts, listed

__all__ = ["Measurement", "Reference"]

_NAMED = 5  # features that a message names


@dataclass(frozen=True)
class Measurement:
    """How features are measured.

    Attributes
    ----------
    extractor : str
        Its name.
    hash : str
        SHA-256 of extractor, settings, atlas and version; see `normwise.features.FeatureTable`.
    settings : dict
        The keys of ``[features]`` by which new images are measured in the same way; empty where features come
        from tables.
    """

    extractor: str
    hash: str
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, repr=False)
class Reference(ShortRepr):
    """Sums over normal people, with what was measured and how.

    Attributes
    ----------
    features : tuple of str
        Their names.
    units : tuple of str
        Their units, empty where a table does not say.
    measurement : Measurement
        How they were measured.
    sums : NormalSums
        Of features and demographics.
    tails : NormalCounts or None
        How many of these people have each W, where tails are fitted to it.
    sites : SiteSums or None
        The same sums site by site, where it is known how sites differ.
    """

    features: tuple[str, ...]
    units: tuple[str, ...]
    measurement: Measurement
    sums: NormalSums
    tails: NormalCounts | None = None
    sites: SiteSums | None = None

    def facts(self) -> dict[str, str]:
        """Return on whom it was fitted, and what it knows."""
        known = {} if self.sites is None else {"sites": self.sites.describe()}
        known |= {} if self.tails is None else {"tails": f"{self.tail_form}, {self.tails.describe()}"}
        return {
            "normals": str(self.n_normals),
            "features": f"{len(self.features)}: {listed(self.features, most=3)}",
            "demographics": listed(self.demographics) or "none",
            "measured by": self.measurement.extractor,
            **known,
        }

    @classmethod
    def of_frame(
        cls,
        frame: pd.DataFrame,
        demographics: Sequence[str],
        *,
        categorical: Sequence[str] = (),
        design: Literal["linear", "spline"] = "linear",
        knots: Mapping[str, Sequence[float]] | None = None,
        interactions: Sequence[Sequence[str]] = (),
        units: Mapping[str, str] | None = None,
        measurement: Measurement | None = None,
        choose: bool = True,
        site: str | None = None,
        unseen: UnseenPolicy = "refuse",
    ) -> Self:
        """Sum over normal people.

        Parameters
        ----------
        frame : DataFrame of shape (n_people, n_columns)
            Normal people alone: features beside demographics.
        demographics, categorical, design, knots, interactions
            As of `FeatureNormalizer`.
        units : mapping of str to str, optional
            Of the features.
        measurement : Measurement, optional
            How they were measured; default: in some table.
        choose : bool
            Whether knots that are not given are chosen from these people; sums with knots of their own can't
            be added to others.
        site : str, optional
            The column of the site: how sites differ is then known too, as of `SiteHarmonizer` with
            ``method="hierarchical"``.
        unseen : {"refuse", "pooled", "predict", "own_normals"}
            What becomes of people of a further site; see `SiteHarmonizer`.

        Raises
        ------
        NormalizerError
            NRM-408 for values that the grid can't hold, NRM-412 for a spline without knots, NRM-409 for a
            site with one person, NRM-410 for a site that is a demographic too; what a frame can't be read
            for, as of `FeatureNormalizer.fit`.

        Examples
        --------
        >>> import numpy as np, pandas as pd
        >>> rng = np.random.default_rng(0)
        >>> people = pd.DataFrame({"age": rng.uniform(40, 90, 200), "f": rng.normal(5, 1, 200)})
        >>> first, second = (Reference.of_frame(part, ["age"]) for part in (people[:50], people[50:]))
        >>> merged, whole = second.merge(first), Reference.of_frame(people, ["age"])
        >>> bool((merged.sums.products == whole.sums.products).all())
        True
        """
        names = [str(name) for name in demographics]
        pairs = tuple(pairs_of(interactions))
        check_settings({
            "demographics": names, "categorical": categorical, "design": design, "knots": knots,
            "interactions": pairs,
        })  # fmt: skip
        check_columns(frame, names)
        people = Demographics(frame[names])
        is_feature = ~frame.columns.isin([*names, site])
        own = {name: tuple(map(float, each)) for name, each in (knots or {}).items()}
        parts = learn_parts(people, names, categorical=categorical, knots=own)
        if design == "spline":
            parts = tuple(_bent(part, people, choose=choose) for part in parts)
        columns = FeatureColumns.of_frame(frame, is_feature)
        if site is None:
            sites, sums = None, sum_normals(columns, np.arange(len(frame)), people, parts, pairs)
        else:
            sites = SiteSums(site, unseen, sums_by_site(columns, frame, site, people, parts, pairs))
            sums = sites.total()
        features = tuple(str(name) for name in frame.columns[is_feature])
        given = units or {}
        return cls(
            features,
            tuple(given.get(name, "") for name in features),
            measurement or Measurement("table", "0" * 64),
            sums,
            sites=sites,
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # scikit-learn copies the settings of an estimator; nothing of this one changes.
        return self

    @property
    def n_normals(self) -> int:
        """Normal people summed over."""
        return self.sums.n_people

    @property
    def demographics(self) -> tuple[str, ...]:
        """Names of the demographics."""
        return tuple(part.name for part in self.sums.parts)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Those of them that are categories."""
        return tuple(part.name for part in self.sums.parts if isinstance(part, Category))

    @property
    def knots(self) -> dict[str, list[float]]:
        """Knots of the demographics that have a spline."""
        return {
            part.name: list(part.knots) for part in self.sums.parts if isinstance(part, Number) and part.knots
        }

    @property
    def interactions(self) -> tuple[tuple[str, str], ...]:
        """Pairs of demographics that are multiplied."""
        return self.sums.interactions

    @property
    def tail_form(self) -> TailForm:
        """What is made of the tails of W."""
        return "gaussian" if self.tails is None else self.tails.form

    @property
    def n_values(self) -> int:
        """Numbers that it consists of."""
        sites, tails = (0 if each is None else each.n_values for each in (self.sites, self.tails))
        return self.sums.n_values + sites + tails

    @property
    def roles(self) -> Roles:
        """What the columns of new people are for."""
        levels = {part.name: part.levels for part in self.sums.parts if isinstance(part, Category)}
        normal = ("normal",)
        site = None if self.sites is None else self.sites.column
        return Roles(
            "", normal, "normal", normal, self.demographics, self.categorical, site=site, levels=levels
        )

    @cached_property
    def fitted(self) -> tuple[Design, Regression]:
        """The design and the regression of the sums, or of what is left of sites.

        Raises
        ------
        NormalizerError
            NRM-106 for too few people, NRM-107 for demographics that determine each other.
        """
        design, regression = fit_sums(self.sums)
        if self.sites is not None:
            regression = regression_of_sites(*self.site_model, design)
        if self.tails is not None:
            regression = replace(regression, tails=fit_counts(self.tails))
        return design, regression

    @cached_property
    def site_model(self) -> tuple[SiteModel, npt.NDArray[np.bool_]]:
        """The regression on sites and demographics, and which features do not vary; only with sites."""
        assert self.sites is not None, "of a reference with sites"
        return fit_site_sums(self.sites, fit_sums(self.sums)[0])

    def harmonizer(self) -> SiteHarmonizer | None:
        """Return the fitted harmonizer, on a frame of features, demographics and site; None without sites.

        It knows nobody: the normal people of a site are to it like anybody else of it.

        Raises
        ------
        NormalizerError
            As `fitted`.
        """
        if self.sites is None:
            return None
        harmonizer = SiteHarmonizer(
            self.sites.column,
            self.demographics,
            "normal",
            self.categorical,
            method="hierarchical",
            unseen=self.sites.unseen,
            design="spline" if self.knots else "linear",
        )
        names = [*self.features, *self.demographics]
        harmonizer.feature_names_in_ = np.array([*names, self.sites.column], dtype=object)
        harmonizer.n_features_in_ = len(names) + 1
        harmonizer.feature_names_, harmonizer.columns_ = list(self.features), names
        harmonizer.sites_ = list(self.sites.by_site)
        harmonizer.counts_ = [sums.n_people for sums in self.sites.by_site.values()]
        harmonizer.unseen_sites_ = {}
        harmonizer.design_, harmonizer.model_ = self.fitted[0], self.site_model[0]
        harmonizer.normal_rows_ = np.empty(0, dtype=np.uint64)
        return harmonizer

    def normalizer(self) -> FeatureNormalizer:
        """Return the fitted normalizer, on a frame of the features and then the demographics.

        With sites it is fitted on what `harmonizer` makes of them.

        Raises
        ------
        NormalizerError
            As `fitted`.
        """
        design, regression = self.fitted
        normalizer = FeatureNormalizer(
            demographics=self.demographics,
            design="spline" if self.knots else "linear",
            knots=self.knots,
            interactions=self.interactions,
            categorical=self.categorical,
            tails=self.tail_form,
        )
        names = [*self.features, *self.demographics]
        normalizer.feature_names_in_ = np.array(names, dtype=object)
        normalizer.n_features_in_ = len(names)
        normalizer.is_feature_ = np.arange(len(names)) < len(self.features)
        normalizer.design_, normalizer.regression_ = design, regression
        normalizer.n_normals_ = self.n_normals
        return normalizer

    def refine(
        self,
        columns: FeatureColumns,
        rows: npt.NDArray[np.intp],
        people: Demographics,
        features: Iterable[str],
        *,
        append: bool,
    ) -> tuple[Design, Regression | None]:
        """Return design and regression of the reference's people and others: its sums with theirs.

        The tails stay those of the reference.

        Parameters
        ----------
        columns : FeatureColumns
            Everybody's features.
        rows : ndarray of int
            Which rows are normal people who are not in the reference.
        people : Demographics
            Their demographics.
        features : iterable of str
            Names of the columns.
        append : bool
            Whether the design alone is wanted, whose columns are appended to the features.

        Raises
        ------
        NormalizerError
            NRM-403 for other features, NRM-407 for levels that the reference lacks, NRM-120 for a feature
            with the name of an appended column.
        """
        names = [str(name) for name in features]
        if append:
            columns = FeatureColumns.of_array(np.empty((columns.shape[0], 0)))
        sums = sum_normals(columns, rows, people, self.sums.parts, self.sums.interactions)
        places = [] if append else _places(self.features, names)
        own = self.sums.features(places)
        ranges = tuple(_range_of(part, people) for part in self.sums.parts)
        design, regression = fit_sums(own + replace(sums, parts=ranges))
        tails = None if append else self.fitted[1].tails
        if tails is not None:
            regression = replace(regression, tails=tails[np.array(places, dtype=np.intp)])
        if append:
            refuse_collision(names, design.names)
        return design, None if append else regression

    def merge(self, other: Reference) -> Reference:
        """Return the reference of the people of both.

        Raises
        ------
        NormalizerError
            NRM-403 for other features, NRM-404 for features measured in another way, NRM-405 for other units,
            NRM-406 or NRM-407 for other demographics or levels, NRM-414 where one has tails, which hold for
            its own W.
        """
        for each, more in ((self, other), (other, self)):
            if each.tails is not None:
                among = f"one of {each.n_normals + more.n_normals} normal people"
                raise another_norm(f"by a reference of {each.n_normals}", among)
        self.check_measured(other.features, other.units, other.measurement)
        if (self.sites is None) != (other.sites is None):
            kinds = ["no sites" if each.sites is None else "sums by site" for each in (other, self)]
            raise other_reference("one knows sites, and the other does not.", "sites.harmonize", *kinds)
        # In the order of both, or, so that every grouping has one order, by name.
        names = self.features if self.features == other.features else tuple(sorted(self.features))
        first, second = self._in_order(names), other._in_order(names)
        sums, sites = first.sums + second.sums, None
        if first.sites is not None and second.sites is not None:
            sites = first.sites.merge(second.sites, sums.parts)
        return replace(first, sums=sums, sites=sites)

    def check_measured(self, features: Sequence[str], units: Sequence[str], measurement: Measurement) -> None:
        """Refuse features that are others, or were measured otherwise.

        Raises
        ------
        NormalizerError
            NRM-403, NRM-404 or NRM-405.
        """
        if measurement.extractor != self.measurement.extractor:
            raise _measured_otherwise("extractor", measurement.extractor, self.measurement.extractor)
        own, others = set(self.features), set(features)
        if own != others:
            more, fewer = sorted(others - own), sorted(own - others)
            seen = [f"lacks {listed(fewer, most=_NAMED)}"] if fewer else []
            seen += [f"has {listed(more, most=_NAMED)} besides"] if more else []
            raise NormalizerError(
                "NRM-403",
                "the features are not those of the reference.",
                subject=(fewer or more)[0],
                seen="; ".join(seen),
                expected=f"{len(own)} features, as {listed(self.features, most=3)}",
                advice="name the same features everywhere, with features.columns",
            )
        unit_of = dict(zip(features, units, strict=True))
        for name, unit in zip(self.features, self.units, strict=True):
            if unit_of[name] != unit:
                raise NormalizerError(
                    "NRM-405",
                    "the unit is not that of the reference.",
                    subject=name,
                    seen=unit_of[name] or "no unit",
                    expected=unit or "no unit",
                    advice="measure the feature in one unit everywhere",
                )
        for key in sorted({*self.measurement.settings, *measurement.settings}):
            mine, theirs = (each.settings.get(key) for each in (self.measurement, measurement))
            if mine != theirs:
                raise _measured_otherwise(f"features.{key}", repr(theirs), repr(mine))
        if measurement.hash != self.measurement.hash:
            made = [f"extraction {each.hash[:12]}" for each in (measurement, self.measurement)]
            raise _measured_otherwise(f"extractor {measurement.extractor}", *made)

    def check_sites(self, column: str | None) -> None:
        """Refuse people whose site is in another column than the reference's, or in none.

        Parameters
        ----------
        column : str or None
            The column; None where sites are not harmonized.

        Raises
        ------
        NormalizerError
            NRM-406.
        """
        own = None if self.sites is None else self.sites.column
        if column != own:
            kinds = ["no sites" if each is None else f"sites of {each!r}" for each in (column, own)]
            raise other_reference("sites are not those of the reference.", "sites.harmonize", *kinds)

    def check_people(
        self,
        normals: pd.DataFrame,
        demographics: Sequence[str],
        categorical: Sequence[str],
        design: Mapping[str, Any],
    ) -> None:
        """Refuse normal people whose demographics are not those of the reference.

        Parameters
        ----------
        normals : DataFrame of shape (n_people, n_demographics)
            Their demographics.
        demographics, categorical : sequence of str
            As of `FeatureNormalizer`.
        design : mapping
            Its settings ``design``, ``knots``, ``interactions`` and ``tails``.

        Raises
        ------
        NormalizerError
            NRM-406 for other demographics or another design, NRM-407 for a level that the reference lacks.
        """
        normalizer = FeatureNormalizer(demographics, categorical=categorical, prior=self, **design)
        check_prior(normalizer)
        if set(categorical) != set(self.categorical):
            odd = sorted(set(categorical) ^ set(self.categorical))
            kinds = ["a category", "a number"] if odd[0] in categorical else ["a number", "a category"]
            raise NormalizerError(
                "NRM-406",
                "the demographic is read otherwise than in the reference.",
                subject=odd[0],
                seen=kinds[0],
                expected=kinds[1],
                advice="write its values as where the reference was made; cohort.categorical names codes",
            )
        encode_raw(self.sums.parts, self.interactions, Demographics(normals[list(demographics)]))

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse a reference that no people have; see `normwise.schema.FittedParts`."""
        check_parts(parts.part("sums"), allowed=NormalSums)
        names = parts.texts("features")
        fits = bool(names) and not set(names) & set(self.demographics)
        parts.expect("features", holds=fits, instead="features beside demographics")
        fits = len(self.units) == len(names) == len(self.sums.squares)
        parts.expect("units", holds=fits, instead="one a feature")
        if self.sites is not None:
            check_parts(self.sites, allowed=SiteSums)
            total = self.sites.total()
            fits = self.sites.column not in {*names, *self.demographics} and all(
                np.array_equal(getattr(total, name), getattr(self.sums, name))
                for name in ("design", "products", "squares")
            )
            parts.expect("sites", holds=fits, instead="adding up to the sums")
        if self.tails is not None:
            check_parts(self.tails, allowed=NormalCounts)
            parts.expect("tails", holds=self.tails.features == self.features, instead="of these features")

    def _in_order(self, names: tuple[str, ...]) -> Reference:
        if names == self.features:
            return self
        places = _places(self.features, names)
        return replace(
            self,
            features=names,
            units=tuple(self.units[place] for place in places),
            sums=self.sums.features(places),
            sites=None if self.sites is None else self.sites.features(places),
        )


def _bent(part: Number | Category, people: Demographics, *, choose: bool) -> Number | Category:
    """Return a demographic with knots, chosen from these people where it has none."""
    if isinstance(part, Category) or part.knots:
        return part
    knots = choose_knots(part.encode(people)[:, 0])
    if knots and not choose:
        rounded = ", ".join(f"{knot:.4g}" for knot in knots)
        raise NormalizerError(
            "NRM-412",
            "sums of a spline need knots that are the same everywhere.",
            subject=part.name,
            seen=f'design = "spline" without knots of {part.name}',
            advice=f'write into every study the same, as knots = {{ "{part.name}" = [{rounded}] }}',
        )
    return replace(part, knots=knots)


def _places(own: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Return where the wanted features are.

    Raises
    ------
    NormalizerError
        NRM-403.
    """
    places = {name: place for place, name in enumerate(own)}
    if set(wanted) != set(own):
        odd = sorted(set(wanted) ^ set(own))
        raise NormalizerError(
            "NRM-403",
            "the features are not those of the reference.",
            subject=odd[0],
            seen=f"{len(wanted)} features; {listed(odd, most=_NAMED)} not in both",
            expected=f"the reference's {len(own)} features",
            advice="name the same features everywhere, with features.columns",
        )
    return [places[name] for name in wanted]


def _range_of(part: Number | Category, people: Demographics) -> Number | Category:
    if isinstance(part, Category):
        return part
    values = part.encode(people)[:, 0]
    low, high = float(values.min()), float(values.max())
    return Number(part.name, low, high, low, part.knots)


def _measured_otherwise(subject: str, seen: str, expected: str) -> NormalizerError:
    return NormalizerError(
        "NRM-404",
        "the features were measured in another way than those of the reference.",
        subject=subject,
        seen=seen,
        expected=expected,
        advice="use one extractor, with the same settings and of the same version, everywhere",
    )
