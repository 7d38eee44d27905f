"""Sites that a model was not trained on: the card of one, and a model that knows the sites of cards."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from normwise.errors import NormalizerError
from normwise.model.model import TrainedModel
from normwise.model.norm import Norm
from normwise.normalize import SiteCard, SiteHarmonizer, measure_site, with_cards
from normwise.procedure import FittedSteps

__all__ = ["expected_half_widths", "site_card", "with_site_cards"]

Applied = TypeVar("Applied", bound=TrainedModel | Norm)

CONTROLS = (0, 3, 5, 10, 20, 50)
"""Numbers of controls for which a card's worth is stated."""


def site_card(
    model: TrainedModel | Norm,
    frame: pd.DataFrame,
    labels: NDArray[np.object_] | None = None,
    *,
    previous: SiteCard | None = None,
    groups: NDArray[np.object_] | None = None,
    same: Collection[str] = (),
) -> SiteCard:
    """Return the card of a site by its controls.

    Parameters
    ----------
    model : TrainedModel or Norm
        For which it is.
    frame : DataFrame of shape (n_scans, n_columns)
        The controls, as for `Model.predictions`.
    labels, previous, groups, same
        As for `normwise.normalize.measure_site`.

    Raises
    ------
    NormalizerError
        NRM-305 for a model that does not harmonize sites, and as `normwise.normalize.measure_site`.
    """
    procedure, harmonizer = _parts_of(model)
    held = dict.fromkeys([*model.feature_names, *model.roles.demographics, str(harmonizer.site)])
    X = procedure.before_harmonizer(frame[list(held)])
    return measure_site(harmonizer, X, labels, previous=previous, groups=groups, same=same)


def with_site_cards(model: Applied, cards: Sequence[SiteCard]) -> Applied:
    """Return the model that also knows the sites of cards.

    Parameters
    ----------
    model : TrainedModel or Norm
        To which the cards belong.
    cards : sequence of SiteCard
        One a site.

    Raises
    ------
    NormalizerError
        NRM-305 for a model that does not harmonize sites, and as `normwise.normalize.with_cards`.
    """
    procedure, harmonizer = _parts_of(model)
    applied: Any = procedure.with_harmonizer(with_cards(harmonizer, cards))
    return replace(model, procedure=applied)


def expected_half_widths(model: TrainedModel | Norm) -> dict[int, float]:
    """Return by number of controls the half-width of a 95 % interval around a W of 2 at a new site.

    Parameters
    ----------
    model : TrainedModel or Norm
        That harmonizes sites.
    """
    prior = _parts_of(model)[1].site_prior()
    return {controls: prior.half_width(controls) for controls in CONTROLS}


def _parts_of(model: TrainedModel | Norm) -> tuple[FittedSteps, SiteHarmonizer]:
    procedure = model.procedure
    harmonizer = None if procedure is None else procedure.harmonizer
    if procedure is None or harmonizer is None:
        raise NormalizerError(
            "NRM-305",
            "the norm takes no account of sites.",
            subject="sites.harmonize",
            seen="a reference of sums" if procedure is None else repr(model.study.sites.harmonize),
            expected="a model that harmonizes sites",
            advice='train a model with cohort.site and sites.harmonize = "hierarchical"',
        )
    return procedure, harmonizer
