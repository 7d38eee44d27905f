"""Sums over the normal people of each site: how sites differ, without anybody of them.

The regression on sites and demographics needs of each site the number of its people, the means of design and
features, and the products about them: all of them follow from sums. What `fit_sites` finds on people is found
on the sums of each site, up to rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from normwise.errors import NormalizerError
from normwise.normalize.blocked.columns import FeatureColumns, FloatArray
from normwise.normalize.blocked.regression import Regression
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Design
from normwise.normalize.reference.fit import moments
from normwise.normalize.reference.sums import GRID, NormalSums, Part, other_reference, sum_normals
from normwise.normalize.sites.across_sites import fit_prior
from normwise.normalize.sites.effects import CONSTANT, SiteModel
from normwise.normalize.sites.harmonizer import UnseenPolicy
from normwise.normalize.validation import refuse_beyond_sums
from normwise.schema import FittedParts, check_parts, listed

__all__ = [
    "FEWEST_OF_SITE",
    "SiteSums",
    "fit_site_sums",
    "regression_of_sites",
    "sums_by_site",
    "too_few_of_site",
]

FEWEST_OF_SITE = 2
"""People of a site that has a spread at all."""

_DETERMINED = 1e-12  # a share of a feature's variance this small is rounding


@dataclass(frozen=True, eq=False)
class SiteSums:
    """Sums over the normal people of each site, in the columns of all of them.

    Attributes
    ----------
    column : str
        The column of the site.
    unseen : str
        What becomes of people of a further site; see `SiteHarmonizer`.
    by_site : mapping of str to NormalSums
        By the site's name, sorted.
    """

    column: str
    unseen: UnseenPolicy
    by_site: Mapping[str, NormalSums]

    @property
    def n_values(self) -> int:
        """Numbers that the sums consist of, beside those over everybody."""
        ranges = sum(2 for sums in self.by_site.values() for part in sums.parts if hasattr(part, "low"))
        return sum(sums.n_values for sums in self.by_site.values()) - ranges

    def total(self) -> NormalSums:
        """Return the sums over everybody."""
        first, *others = self.by_site.values()
        for sums in others:
            first = first + sums
        return first

    def on(self, parts: tuple[Part, ...]) -> SiteSums:
        """Return the same sums with columns for more levels, and ranges of more people."""
        return replace(self, by_site={name: sums.on(parts) for name, sums in self.by_site.items()})

    def features(self, order: list[int]) -> SiteSums:
        """Return the sums of the features in another order."""
        return replace(self, by_site={name: sums.features(order) for name, sums in self.by_site.items()})

    def merge(self, other: SiteSums, parts: tuple[Part, ...]) -> SiteSums:
        """Return the sums of the people of both; a site that is in both is one site.

        Parameters
        ----------
        other : SiteSums
            Of the same features, in the same order.
        parts : tuple of Number or Category
            The demographics of both together.

        Raises
        ------
        NormalizerError
            NRM-406 for another column, or another policy for further sites.
        """
        for key, own, others in (
            ("cohort.site", self.column, other.column),
            ("sites.unseen", self.unseen, other.unseen),
        ):
            if own != others:
                raise other_reference(f"{key} is not that of the reference.", key, repr(others), repr(own))
        both = dict(self.on(parts).by_site)
        for name, sums in other.on(parts).by_site.items():
            both[name] = both[name] + sums if name in both else sums
        return replace(self, by_site=dict(sorted(both.items())))

    def describe(self) -> str:
        """Return the sites with the numbers of their people."""
        texts = [f"{name} ({sums.n_people})" for name, sums in self.by_site.items()]
        return f"{len(texts)}: {listed(texts, most=3)}"

    def check_parts(self, parts: FittedParts) -> None:
        """Refuse sums that no people have; see `normwise.schema.FittedParts`."""
        names = list(self.by_site)
        parts.expect("by_site", holds=bool(names) and names == sorted(names), instead="sorted by name")
        for sums in self.by_site.values():
            check_parts(sums, allowed=NormalSums)
            parts.expect("by_site", holds=sums.n_people >= FEWEST_OF_SITE, instead="of two people or more")


def sums_by_site(
    columns: FeatureColumns,
    frame: pd.DataFrame,
    site: str,
    people: Demographics,
    parts: tuple[Part, ...],
    interactions: tuple[tuple[str, str], ...],
) -> dict[str, NormalSums]:
    """Sum over the normal people of each site; see `sum_normals`.

    Raises
    ------
    NormalizerError
        NRM-108 for a person without a site, NRM-409 for a site with one person, NRM-410 for a site that is a
        demographic too.
    """
    if site in [part.name for part in parts]:
        raise refuse_beyond_sums("cohort.site", f"{site!r}, a demographic too", "a column of its own")
    sites = Demographics(frame[[site]])
    names = sites.levels(site)
    sites.refuse_missing(site, names == None)  # noqa: E711 - one comparison a person
    found = {}
    for name in sorted(set(names.tolist())):
        rows = np.flatnonzero(names == name)
        if len(rows) < FEWEST_OF_SITE:
            raise too_few_of_site(name, len(rows), FEWEST_OF_SITE)
        found[name] = sum_normals(columns, rows, people.take(rows), parts, interactions)
    return found


def too_few_of_site(site: str, count: int, least: int) -> NormalizerError:
    """Return the refusal of sums over so few people of one site that they would be found in them."""
    return NormalizerError(
        "NRM-409",
        "too few normal people of one site for sums that hide each of them.",
        subject=site,
        seen=f"{count} normal {'person' if count == 1 else 'people'}",
        expected=f"at least {least}",
        advice="leave the site out with cohort.include, or join it to another in the table",
    )


def fit_site_sums(sites: SiteSums, design: Design) -> tuple[SiteModel, npt.NDArray[np.bool_]]:
    """Return the regression on sites and demographics, and which features do not vary.

    Parameters
    ----------
    sites : SiteSums
        Of all normal people.
    design : Design
        Learnt from the sums over all of them.

    Returns
    -------
    SiteModel
        As `fit_sites` on these people, up to rounding, each site with its own mean and standard deviation.
    ndarray of bool of shape (n_features,)
        Features of which the demographics leave nothing but rounding.
    """
    sums = list(sites.by_site.values())
    counts = np.array([each.n_people for each in sums], dtype=np.float64)
    means, values, among, across, own = (
        np.array(each) for each in zip(*(moments(each, design) for each in sums), strict=True)
    )
    n, size = counts.sum(), design.size
    within = among.sum(axis=0) / np.outer(size, size)
    slopes = np.linalg.pinv(within, hermitian=True) @ (across.sum(axis=0) / size[:, None]) / size[:, None]
    distance = means - design.center
    intercepts = values - distance @ slopes
    mean = counts @ intercepts / n
    squares = own - 2.0 * np.einsum("kf,skf->sf", slopes, across)
    squares += np.einsum("kf,skf->sf", slopes, among @ slopes)
    total = squares.sum(axis=0)
    constant = total <= np.maximum(_DETERMINED * own.sum(axis=0), n * GRID**2)
    spread = np.sqrt(np.where(constant, n, total) / n)
    squares = np.where(constant, 0.0, np.maximum(squares, 0.0)) / np.square(spread)
    shift = np.where(constant, 0.0, (intercepts - mean) / spread)
    variance = squares / (counts[:, None] - 1.0)
    scale = np.sqrt(np.where(variance > CONSTANT, variance, 1.0))
    if len(sums) == 1:  # one site is everybody's
        shift, scale = np.zeros_like(shift), np.ones_like(scale)
    model = SiteModel(mean, slopes, spread, design.center, shift, scale)
    products = _site_products(counts, distance, among)
    inverse = np.linalg.pinv(products.sum(axis=0), hermitian=True)
    residual_df = counts - np.einsum("kl,slk->s", inverse, products)
    if len(sums) == 1 or residual_df.sum() < 1.0 - CONSTANT:
        return model, constant
    noise = np.diag(inverse)[: len(sums)]
    return replace(model, prior=fit_prior(shift, squares, residual_df, noise, constant)), constant


def regression_of_sites(model: SiteModel, constant: npt.NDArray[np.bool_], design: Design) -> Regression:
    """Return the regression of what a harmonizer leaves: that of everybody, at the average site.

    A person's departure is carried to the standard normal distribution, times the spread, so that nothing is
    left to estimate.

    Parameters
    ----------
    model, constant
        As of `fit_site_sums`.
    design : Design
        Learnt from the sums over everybody.
    """
    own = np.linalg.solve(design.inverse[1:, 1:], design.size[:, None] * model.slopes)
    loadings = np.vstack([np.zeros(len(model.mean)), own])
    spread = np.where(constant, 0.0, model.spread)
    return Regression(model.mean, loadings, spread, np.zeros_like(constant), design.n_people)


def _site_products(counts: FloatArray, distance: FloatArray, among: FloatArray) -> FloatArray:
    """Return each site's products of indicators and centred columns, (n_sites, n_sites + k, n_sites + k)."""
    n_sites, width = distance.shape
    products = np.zeros((n_sites, n_sites + width, n_sites + width))
    place = np.arange(n_sites)
    sums = counts[:, None] * distance
    products[place, place, place] = counts
    products[place, place, n_sites:] = sums
    products[place, n_sites:, place] = sums
    products[:, n_sites:, n_sites:] = among + sums[:, :, None] * distance[:, None, :]
    return products
