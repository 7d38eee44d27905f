"""What a fitted object that was read from a file may hold: shapes, kinds and ranges, checked part by part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FittedParts", "check_parts", "refuse_hidden_methods"]

_LARGEST = 1e120  # squares of the largest values that are computed with, times as many of them, stay finite


class FittedParts:
    """The parts of one fitted object; each is checked when it is asked for.

    Parameters
    ----------
    owner : object
        Read from a file: of a known type, and with any attributes.

    Raises
    ------
    ValueError
        By each method, where a part is missing or is not as it is described; the text names object and part.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> parts = FittedParts(SimpleNamespace(coef_=np.ones((1, 3)), n_iter_=2))
    >>> parts.array("coef_", (None, 3)).shape, parts.whole("n_iter_", 1)
    ((1, 3), 2)
    >>> parts.array("coef_", (2, 3))
    Traceback (most recent call last):
    ...
    ValueError: SimpleNamespace.coef_ is float64 (1, 3) instead of finite numbers of shape (2, 3)
    """

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.title = type(owner).__name__

    def part(self, name: str) -> Any:
        """Return a part as it is."""
        if name not in vars(self.owner):
            raise ValueError(f"{self.title} has no {name}")
        return vars(self.owner)[name]

    def expect(self, name: str, *, holds: bool, instead: str) -> None:
        """Refuse a part unless something holds of it."""
        if not holds:
            raise ValueError(f"{self.title}.{name} is not {instead}")

    def array(
        self,
        name: str,
        shape: Sequence[int | None],
        *,
        kinds: str = "f",
        low: float = -_LARGEST,
        high: float = _LARGEST,
        infinite: bool = False,
    ) -> NDArray[Any]:
        """Return an array of a shape, None where any length will do.

        Parameters
        ----------
        name : str
            The attribute.
        shape : sequence of int or None
            Length of each axis.
        kinds : str
            Kinds of dtype, as ``f``, ``iu`` or ``b``.
        low, high : float
            The least and the largest value.
        infinite : bool
            Whether values may be plus infinity: the unit of a feature that does not vary.
        """
        import numpy as np  # reading a study, as the help of a command does, needs no arrays

        array: NDArray[Any] = self.part(name)
        fits = (
            type(array) is np.ndarray
            and array.dtype.kind in kinds
            and array.ndim == len(shape)
            and all(wanted in (None, length) for wanted, length in zip(shape, array.shape, strict=True))
        )
        if not fits:
            seen = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            wanted = tuple("any" if length is None else length for length in shape)
            raise ValueError(f"{self.title}.{name} is {seen} instead of finite numbers of shape {wanted}")
        held: NDArray[Any] = array[array != np.inf] if infinite else array
        least, most = (float(held.min()), float(held.max())) if held.size else (low, high)
        if not (least >= low and most <= high):  # NaN is in no range
            seen = f"{least:.3g} to {most:.3g}"
            raise ValueError(f"{self.title}.{name} holds {seen} instead of {low:g} to {high:g}")
        return array

    def number(self, name: str, low: float = -_LARGEST, high: float = _LARGEST) -> float:
        """Return a finite number between two."""
        value = self.part(name)
        import numpy as np

        known = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
        self.expect(name, holds=known and low <= value <= high, instead=f"a number of {low:g} to {high:g}")
        return float(value)

    def whole(self, name: str, low: int = 0, high: int = 1 << 40) -> int:
        """Return a whole number between two."""
        value = self.part(name)
        import numpy as np

        known = isinstance(value, int | np.integer) and not isinstance(value, bool)
        self.expect(name, holds=known and low <= value <= high, instead=f"a whole number of {low} to {high}")
        return int(value)

    def texts(self, name: str, length: int | None = None) -> list[str]:
        """Return a list, tuple or array of different texts."""
        value = self.part(name)
        import numpy as np

        held = value.tolist() if isinstance(value, np.ndarray) else value
        known = isinstance(held, list | tuple) and all(isinstance(each, str) for each in held)
        fits = known and len(set(held)) == len(held) and length in (None, len(held))
        self.expect(name, holds=fits, instead=f"{'' if length is None else f'{length} '}different texts")
        return list(held)

    def named_columns(self) -> int:
        """Return how many columns were seen in training, whose names, where it has any, are as many."""
        columns = self.whole("n_features_in_", 1)
        if "feature_names_in_" in vars(self.owner):
            self.texts("feature_names_in_", columns)
        return columns


def check_parts(owner: Any, *, allowed: type | tuple[type, ...] = object) -> None:
    """Check an object that was read from a file by its own ``check_parts``.

    Raises
    ------
    ValueError
        Where it is of another type, a method is hidden by an attribute, or a part is not what it has to be.
    """
    if not isinstance(owner, allowed) or not hasattr(type(owner), "check_parts"):
        raise ValueError(f"{type(owner).__name__} stands where it can't")
    refuse_hidden_methods(owner)
    own: Any = owner
    own.check_parts(FittedParts(owner))


def refuse_hidden_methods(owner: Any) -> None:
    """Refuse an object of which an attribute hides a method or a property of its type."""
    for name in vars(owner):
        of_type = getattr(type(owner), name, None)
        hidden = callable(of_type) or isinstance(of_type, property)
        if hidden:
            raise ValueError(f"{type(owner).__name__}.{name} is hidden by an attribute")
