"""What the room's dict holds of one classifier."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from normwise.classify.base import Classifier

__all__ = ["ClassifierSpec"]


@dataclass(frozen=True)
class ClassifierSpec:
    """One classifier of the study file.

    Attributes
    ----------
    title : str
        For people.
    estimator : type
        The scikit-learn estimator.
    grid : dict of str to list
        Settings that are tuned where a study names none, from the simplest model to the richest, so that the
        first of equally good settings is the simplest.
    library_types : tuple of str
        Types of other packages inside a fitted estimator that `skops.io` doesn't trust by itself.
    takes : {"features", "images"}
        Whether it looks at columns one by one, or at the columns of voxels as an image.
    """

    title: str
    estimator: type[Classifier]
    grid: dict[str, list[Any]]
    library_types: tuple[str, ...] = field(default=())
    takes: Literal["features", "images"] = "features"

    @property
    def trusted(self) -> tuple[str, ...]:
        """The types that opening a saved classifier needs beyond those that skops trusts by itself."""
        return (f"{self.estimator.__module__}.{self.estimator.__qualname__}", *self.library_types)

    def make(self, random_state: int = 0, **parameters: Any) -> Classifier:
        """Build the estimator, unfitted; ``random_state`` reaches those that draw at random.

        Parameters
        ----------
        random_state : int
            Seed.
        **parameters
            Settings.
        """
        if "random_state" in self.estimator.rules:
            parameters = {"random_state": random_state, **parameters}
        return self.estimator(**parameters)
