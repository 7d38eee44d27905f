"""The learnt extractors by name; each is imported when it is used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from normwise.schema import (
    AttentionSection,
    AutoencoderSection,
    Study,
    TrunkSection,
    VoxelsSection,
    check_settings,
)

__all__ = ["LEARNT", "TRUSTED_TYPES", "LearntExtractor"]


@dataclass(frozen=True)
class LearntExtractor:
    """One kind of learnt features.

    Attributes
    ----------
    title : str
        What is learnt, in words.
    estimator : str
        Module and class of the transformer. It takes a frame, and has a parameter ``demographics``: the
        columns that pass through.
    settings : callable
        ``settings(study)``, the parameters that follow from the study.
    takes : str
        Key of the measured extractor whose columns it takes.
    needs_labels : bool
        Whether it learns from the classes.
    joins_demographics : bool
        Whether it has a parameter ``joined``: it may learn with the demographics beside the image.
    types : tuple of str
        Types of other objects that the fitted transformer holds.
    packages : tuple of str
        Optional packages, by the names of import, that it learns with.
    """

    title: str
    estimator: str
    settings: Callable[[Study], dict[str, Any]]
    takes: str
    needs_labels: bool = False
    joins_demographics: bool = False
    types: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def make(self, study: Study, random_state: int = 0, *, joined: bool = True) -> Any:
        """Build the transformer, unfitted.

        Parameters
        ----------
        study : Study
            Its ``[features]`` and ``[cohort]``.
        random_state : int
            Seed.
        joined : bool
            Whether it may learn with the demographics beside the image.

        Raises
        ------
        ClassifierError
            CLS-102 no such setting of a network, CLS-103 a value that it can't have.

        Examples
        --------
        >>> study = Study.model_validate({"features": {"extractor": "trunk", "network": {"width": 4}}})
        >>> LEARNT["trunk"].make(study)
        ConvTrunk(settings={'width': 4})
        """
        module, _, name = self.estimator.rpartition(".")
        settings = self.settings(study) | ({"joined": joined} if self.joins_demographics else {})
        return getattr(import_module(module), name)(**settings, random_state=random_state)


def _network_settings(given: dict[str, Any]) -> dict[str, Any]:
    from normwise.networks.images import CONV_SETTINGS

    by_study = ("demographics", "random_state")  # by the study's roles and seed
    known = {name: kind for name, kind in CONV_SETTINGS.items() if name not in by_study}
    check_settings(known, given, subject="features.network")
    return dict(given)


LEARNT: dict[str, LearntExtractor] = {
    "principal_components": LearntExtractor(
        "Principal components of voxels",
        "normwise.learnt.principal_components.VoxelComponents",
        lambda study: {
            "n_components": study.features_of(VoxelsSection).components,
            "demographics": tuple(study.cohort.demographics),
        },
        takes="voxels",
        types=("sklearn.decomposition._pca.PCA",),
    ),
    "attention": LearntExtractor(
        "Attention over the tiles of a slide",
        "normwise.learnt.attention.AttentionPooling",
        lambda study: {"pooling": study.features_of(AttentionSection).pooling, "normal": study.cohort.normal},
        takes="attention",
        needs_labels=True,
        packages=("torch",),
    ),
    "trunk": LearntExtractor(
        "The embedding of a convolutional network",
        "normwise.learnt.trunk.ConvTrunk",
        lambda study: {"settings": _network_settings(study.features_of(TrunkSection).network)},
        takes="images",
        needs_labels=True,
        joins_demographics=True,
        types=("normwise.networks.images.conv_network.ConvNetwork",),
        packages=("safetensors", "torch"),
    ),
    "autoencoder": LearntExtractor(
        "The code of a convolutional autoencoder",
        "normwise.learnt.autoencoder.ConvAutoencoder",
        lambda study: {
            "n_components": study.features_of(AutoencoderSection).components,
            "settings": _network_settings(study.features_of(AutoencoderSection).network),
        },
        takes="images",
        packages=("safetensors", "torch"),
    ),
}
"""Every learnt extractor; a new one is one file and one entry here."""

TRUSTED_TYPES = tuple(name for entry in LEARNT.values() for name in (entry.estimator, *entry.types))
"""Types that a saved model may hold because of a learnt extractor."""
