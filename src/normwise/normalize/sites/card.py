"""The card of a site that a norm was not trained on: what a few of its normal people say about it.

A card holds means and variances over its controls, as a small JSON file; nobody's values, names or times. It
belongs to one fitted `SiteHarmonizer`, wherever that is stored, and further controls can be added to it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from normwise.errors import NormalizerError
from normwise.files import content_digest, write_text
from normwise.normalize.blocked.columns import FloatArray, person_name
from normwise.normalize.demographics import Demographics
from normwise.normalize.design import Category
from normwise.normalize.sites.across_sites import SiteEffect, weigh
from normwise.normalize.support import reasons_outside
from normwise.reprs import ShortRepr

if TYPE_CHECKING:
    from normwise.normalize.sites.harmonizer import SiteHarmonizer

__all__ = ["FEWEST_CONTROLS", "SiteCard", "identify", "measure_site", "read_card", "with_cards", "write_card"]

FEWEST_CONTROLS = 3
"""Controls that a card needs: fewer would be found in it, person by person."""

_KIND, _SCHEMA = "normwise site card", 1
_CAP = 256 << 20  # bytes; 300,000 features take some 30 MB
_DIGITS = 7
_SAME = 1e-6  # two tables of which mean and variance differ by less are one


@dataclass(frozen=True, repr=False)
class SiteCard(ShortRepr):
    """What is known of one site.

    Attributes
    ----------
    site : str
        Its name, as people's tables have it.
    norm : str
        SHA-256 of the harmonizer that it belongs to; see `identify`.
    controls : int
        Normal people it was learnt from.
    features : tuple of str
        The features, in order.
    mean, variance : tuple of float
        Of the controls' departures from the average site, one a feature.
    shift, scale, uncertainty, df : tuple of float
        The site's effect as `SiteEffect` has it: the controls weighed against the distribution across sites.
    support : dict of str to list
        The controls' range of each number, in whole units, or levels of each category.
    """

    site: str
    norm: str
    controls: int
    features: tuple[str, ...]
    mean: tuple[float, ...]
    variance: tuple[float, ...]
    shift: tuple[float, ...]
    scale: tuple[float, ...]
    uncertainty: tuple[float, ...]
    df: tuple[float, ...]
    support: dict[str, list[Any]]

    @property
    def squares(self) -> FloatArray:
        """Sum of squares of the controls about their mean, (n_features,)."""
        squares: FloatArray = (self.controls - 1) * np.array(self.variance)
        return squares


def identify(harmonizer: SiteHarmonizer) -> str:
    """Return the SHA-256 of what a harmonizer has learnt, equal for a saved one and one that was opened."""
    prior, model = harmonizer.site_prior(), harmonizer.model_
    named = (harmonizer.site, harmonizer.sites_, harmonizer.feature_names_, harmonizer.design_.names)
    digest = hashlib.sha256(repr(named).encode("utf-8", "surrogatepass"))
    for part in harmonizer.design_.parts:
        digest.update(repr((part.name, getattr(part, "levels", None) or getattr(part, "knots", ()))).encode())
    for array in (
        model.mean, model.slopes, model.spread, model.design_center,
        prior.center, prior.variance, prior.level, prior.scale_df, np.array(prior.shift_df),
    ):  # fmt: skip
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()


def measure_site(
    harmonizer: SiteHarmonizer,
    X: pd.DataFrame,
    y: Any = None,
    *,
    previous: SiteCard | None = None,
    groups: Any = None,
    same: Collection[str] = (),
) -> SiteCard:
    """Return the card of a site by its controls.

    Parameters
    ----------
    harmonizer : SiteHarmonizer
        Fitted, by any method, on two sites at least.
    X : DataFrame of shape (n_scans, n_columns)
        The controls, with the columns that the harmonizer was fitted on; all of one site.
    y : array-like of shape (n_scans,), optional
        Their labels, where they are known: all normal.
    previous : SiteCard, optional
        Of other controls of the same site; both count.
    groups : array-like of shape (n_scans,), optional
        Person of each scan: scans of one person count as their mean; default: each scan is a person.
    same : collection of str
        Demographics in which the controls may be all alike.

    Raises
    ------
    NormalizerError
        NRM-305 where nothing is known of how sites differ, NRM-307 to NRM-314 for the controls and the card,
        NRM-113 for a feature.
    """
    norm = identify(harmonizer)
    _refuse_patients(harmonizer, X, y)
    site = _site_of(harmonizer, X)
    people = Demographics(X)
    for row, reason in enumerate(reasons_outside(harmonizer.design_, people)):
        if reason:
            raise NormalizerError(
                "NRM-309",
                "a control lies outside the demographics that the norm was learnt on.",
                subject=person_name(X, row),
                seen=reason,
                advice="leave this control out",
            )
    support = _support(harmonizer, people)
    departures = _by_person(harmonizer.departures(X), X.index if groups is None else groups)
    controls, mean, variance = len(departures), departures.mean(axis=0), departures.var(axis=0)
    if previous is not None:
        _refuse_other(previous, harmonizer, norm, site)
        before = np.array(previous.mean)
        if controls == previous.controls and np.allclose(mean, before, rtol=0.0, atol=_SAME):
            raise NormalizerError(
                "NRM-314",
                "these controls are in the card already.",
                subject=site,
                seen=f"{controls} controls with the same means",
                advice="give new controls alone; a card grows by each table once",
            )
        controls += previous.controls
        share = previous.controls / controls
        squares = previous.squares + len(departures) * variance
        squares += previous.controls * (1.0 - share) * np.square(mean - before)
        mean, variance = share * before + (1.0 - share) * mean, squares / controls
        support = {name: _join(support[name], previous.support[name]) for name in support}
    if controls < FEWEST_CONTROLS:
        raise NormalizerError(
            "NRM-307",
            f"{controls} control{' is' if controls == 1 else 's are'} too few to say what a site does.",
            subject=site,
            seen=f"{controls} {'person' if controls == 1 else 'people'} among {len(X)} scans",
            expected=f"at least {FEWEST_CONTROLS}, and better 20",
            advice='without controls, sites.unseen = "predict" decides by what sites are like',
        )
    _refuse_alike(support, site, same)
    return _card(harmonizer, norm, site, controls, mean, variance * controls / (controls - 1), support)


def _card(
    harmonizer: SiteHarmonizer,
    norm: str,
    site: str,
    controls: int,
    mean: FloatArray,
    variance: FloatArray,
    support: dict[str, list[Any]],
) -> SiteCard:
    # Rounded first, so that a card gives the same W-scores before it is written and after it is read.
    means, variances = _rounded(mean), _rounded(variance)
    effect = weigh(harmonizer.site_prior(), controls, np.array(means), (controls - 1) * np.array(variances))
    shown = {name: _rounded(vars(effect)[name]) for name in ("shift", "scale", "uncertainty", "df")}
    features = tuple(map(str, harmonizer.feature_names_))
    return SiteCard(site, norm, controls, features, means, variances, **shown, support=support)


def with_cards(harmonizer: SiteHarmonizer, cards: Sequence[SiteCard]) -> SiteHarmonizer:
    """Return a harmonizer that also knows the sites of cards.

    Raises
    ------
    NormalizerError
        NRM-312 for a card of another norm, NRM-313 for one that was changed, NRM-310 for a site that was
        trained on, NRM-314 for a site with two cards.
    """
    norm = identify(harmonizer)
    for card in cards:
        _refuse_other(card, harmonizer, norm, card.site)
        _refuse_trained(harmonizer, card.site)
        if sum(other.site == card.site for other in cards) > 1:
            raise NormalizerError(
                "NRM-314",
                "two cards are of one site.",
                subject=card.site,
                seen=f"{sum(other.site == card.site for other in cards)} cards",
                advice="make one card of all controls: normwise adapt with --card",
            )
        effect: SiteEffect = weigh(harmonizer.site_prior(), card.controls, np.array(card.mean), card.squares)
        harmonizer = harmonizer.with_site(card.site, effect)
    return harmonizer


def write_card(card: SiteCard, path: Path) -> None:
    """Write a card, whole or not at all."""
    content = {"kind": _KIND, "schema": _SCHEMA, **asdict(card)}
    content["digest"] = content_digest(content)
    write_text(path, json.dumps(content, ensure_ascii=False) + "\n")


def read_card(path: Path) -> SiteCard:
    """Read a card.

    Raises
    ------
    NormalizerError
        NRM-313, the file is no card.
    """
    try:
        return _checked(path)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as fault:
        raise _no_card(str(path), (str(fault).splitlines() or [type(fault).__name__])[0][:200]) from fault


def _no_card(subject: str, seen: str) -> NormalizerError:
    return NormalizerError(
        "NRM-313",
        "the file can't be read as the card of a site.",
        subject=subject,
        seen=seen,
        expected="a file that normwise adapt wrote",
        advice="make the card again, or copy it again from where it was made",
    )


def _checked(path: Path) -> SiteCard:
    """Return the card that a file holds; ValueError, KeyError or TypeError where it is none."""
    if path.stat().st_size > _CAP:
        raise ValueError(f"{path.stat().st_size} bytes, over the cap of {_CAP}")
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise ValueError("a file of another kind")
    if content["schema"] != _SCHEMA:
        raise ValueError(f"schema {content['schema']!r}; this version reads {_SCHEMA}")
    if content["digest"] != content_digest(content):
        raise ValueError("a content that does not match its SHA-256")
    names, site, norm = content["features"], content["site"], content["norm"]
    texts = [site, norm, *names] if isinstance(names, list) else [None]
    if not all(isinstance(text, str) and text for text in texts) or len(set(names)) != len(names):
        raise ValueError("its site, norm or features are no names")
    if type(content["controls"]) is not int or not FEWEST_CONTROLS <= content["controls"] < 1 << 31:
        raise ValueError(f"{content['controls']!r} controls")
    numbers = {}
    for name in ("mean", "variance", "shift", "scale", "uncertainty", "df"):
        least = -np.inf if name in ("mean", "shift") else 0.0
        array = np.array(content[name], dtype=np.float64)
        if array.shape != (len(names),) or not (np.isfinite(array) & (array >= least)).all():
            raise ValueError(f"its {name} is not one finite number a feature")
        numbers[name] = tuple(array.tolist())
    support = content["support"]
    if not isinstance(support, dict) or not all(map(_is_support, support.values())):
        raise ValueError("its support holds no ranges or levels of demographics")
    return SiteCard(site, norm, content["controls"], tuple(names), **numbers, support=support)


def _is_support(held: Any) -> bool:
    """Return whether these are levels, or the one number or the range of some controls."""
    if not isinstance(held, list) or not held:
        return False
    if all(isinstance(each, str) for each in held):
        return True
    numbers = all(type(each) in (int, float) and np.isfinite(each) for each in held)
    return numbers and len(held) <= 2 and held == sorted(held)


def _rounded(values: FloatArray) -> tuple[float, ...]:
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values.tolist())


def _by_person(departures: FloatArray, people: Any) -> FloatArray:
    """Return one row a person: the mean of their scans."""
    codes, names = pd.factorize(np.asarray(people, dtype=object))
    if len(names) == len(departures):
        return departures
    sums = np.zeros((len(names), departures.shape[1]))
    np.add.at(sums, codes, departures)
    means: FloatArray = sums / np.bincount(codes)[:, None]
    return means


def _support(harmonizer: SiteHarmonizer, people: Demographics) -> dict[str, list[Any]]:
    """Return the controls' levels, or their range in whole units, which are nobody's exact values."""
    support: dict[str, list[Any]] = {}
    for part in harmonizer.design_.parts:
        if isinstance(part, Category):
            support[part.name] = sorted({str(level) for level in people.levels(part.name)})
        else:
            numbers = people.numbers(part.name)[0]
            wide = len(np.unique(numbers)) > 1
            low, high = (float(np.floor(numbers.min())), float(np.ceil(numbers.max())))
            support[part.name] = [low, high] if wide else [float(numbers[0])]
    return support


def _join(one: list[Any], other: list[Any]) -> list[Any]:
    if any(isinstance(each, str) for each in (*one, *other)):
        return sorted({*map(str, one), *map(str, other)})
    both = [*one, *other]
    return [min(both), max(both)] if min(both) < max(both) else [min(both)]


def _site_of(harmonizer: SiteHarmonizer, X: pd.DataFrame) -> str:
    """Return the one site of the controls."""
    names: npt.NDArray[np.object_] = harmonizer.sites_of(X)
    found = sorted(set(names.tolist()))
    if len(found) != 1 or not found[0]:
        raise NormalizerError(
            "NRM-311",
            "a card is that of one site, and these controls do not have one.",
            subject=harmonizer.site,
            seen=", ".join(name or "no site" for name in found[:5]) or "nobody",
            advice="give the controls of each site in a table of their own, with the site's column filled",
        )
    _refuse_trained(harmonizer, found[0])
    return str(found[0])


def _refuse_trained(harmonizer: SiteHarmonizer, site: str) -> None:
    if site in harmonizer.sites_:
        raise NormalizerError(
            "NRM-310",
            "the norm was trained on a site of this name.",
            subject=site,
            seen=f"{harmonizer.counts_[harmonizer.sites_.index(site)]} normal people of it in the training",
            advice="its people need no card; give another site, or a changed scanner, a name of its own",
        )


def _refuse_patients(harmonizer: SiteHarmonizer, X: pd.DataFrame, y: Any) -> None:
    labels = np.array([], dtype=object) if y is None else np.asarray(y, dtype=object)
    others = np.flatnonzero(labels != harmonizer.normal)
    if len(others):
        raise NormalizerError(
            "NRM-308",
            "there are people among the controls who are not of the normal group.",
            subject=person_name(X, int(others[0])),
            seen=f"{len(others)} of {len(X)}, this one {labels[others[0]]!r}",
            expected=f"{harmonizer.normal!r} alone",
            advice="leave them out: a site is known by its normal people",
        )


def _refuse_alike(support: dict[str, list[Any]], site: str, same: Collection[str]) -> None:
    for name in sorted(set(same) - set(support)):
        raise NormalizerError(
            "NRM-315",
            "the norm has no such demographic, in which controls could be alike.",
            subject=name,
            expected=", ".join(support) or "none",
            advice="check the name after --same",
        )
    for name, held in support.items():
        if len(held) < 2 and name not in same:
            raise NormalizerError(
                "NRM-315",
                f"all controls have one {name}.",
                subject=site,
                seen=f"{name} {held[0]}",
                expected="controls who differ, as those who will be measured do",
                advice=f"add controls, check the column, or say that it is meant with --same {name}",
            )


def _refuse_other(card: SiteCard, harmonizer: SiteHarmonizer, norm: str, site: str) -> None:
    if card.norm != norm:
        raise NormalizerError(
            "NRM-312",
            "the card belongs to another norm.",
            subject=card.site,
            seen=f"norm {card.norm[:12]}",
            expected=f"norm {norm[:12]}",
            advice="make the card with this very model: normwise adapt",
        )
    if card.features != tuple(map(str, harmonizer.feature_names_)):
        raise _no_card(card.site, f"{len(card.features)} features that are not the norm's: it was changed")
    categories = {part.name: isinstance(part, Category) for part in harmonizer.design_.parts}
    if categories != {name: isinstance(held[0], str) for name, held in card.support.items()}:
        raise _no_card(card.site, "a support of other demographics than the norm's: it was changed")
    if card.site != site:
        raise NormalizerError(
            "NRM-311",
            "the controls are of another site than the card.",
            subject=site,
            seen=f"a card of {card.site}",
            advice="give each site a card of its own",
        )
