"""The study's learnt extractors that are networks: ``trunk`` and ``autoencoder``."""

from __future__ import annotations

from typing import Any

from normwise.learnt.autoencoder import ConvAutoencoder
from normwise.learnt.trunk import ConvTrunk
from normwise.networks.images import CONV_SETTINGS
from normwise.schema import AutoencoderSection, FeaturesSection, TrunkSection, check_settings

__all__ = ["network_extractor"]

_GIVEN = ("demographics", "random_state")  # by the study's roles and seed


def network_extractor(section: FeaturesSection, random_state: int, *, joined: bool) -> Any:
    """Return the network that learns features from whole images inside each training fold, or None.

    Parameters
    ----------
    section : FeaturesSection
        Its extractor, ``components`` and ``network``.
    random_state : int
        Seed.
    joined : bool
        Whether a trunk may learn with the demographics beside the image; its embedding is of the image alone.

    Returns
    -------
    scikit-learn transformer or None
        It takes the feature matrix and has a parameter ``demographics``: the columns that pass through.

    Raises
    ------
    ClassifierError
        CLS-102 no such setting of a network, CLS-103 a value that it can't have.

    Examples
    --------
    >>> network_extractor(TrunkSection(network={"width": 4}), 0, joined=True)
    ConvTrunk(settings={'width': 4})
    """
    if not isinstance(section, TrunkSection | AutoencoderSection):
        return None
    known = {name: kind for name, kind in CONV_SETTINGS.items() if name not in _GIVEN}
    check_settings(known, section.network, subject="features.network")
    settings = dict(section.network)
    if isinstance(section, TrunkSection):
        return ConvTrunk(settings, joined=joined, random_state=random_state)
    return ConvAutoencoder(section.components, settings=settings, random_state=random_state)
