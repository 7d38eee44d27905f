"""The trained model as its user meets it: a frame goes in, one prediction a row comes out."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd

from normwise.errors import ProcedureError
from normwise.procedure.explain import contributions_of
from normwise.procedure.fit import FittedProcedure
from normwise.results import FeatureNote, Prediction
from normwise.schema import Roles, Study

__all__ = ["Model"]


@dataclass(frozen=True)
class Model:
    """A fitted procedure with everything that is needed to use it on somebody new.

    Attributes
    ----------
    procedure : FittedProcedure
        Pipeline and decision rule.
    study : Study
        The resolved study it was trained on.
    feature_names : tuple of str
        The features, in order.
    notes : dict of str to FeatureNote
        Unit and meaning of each feature.
    feature_hash : str
        What the features were made with.
    training : dict
        Counts a class and hashes of the training data.
    """

    procedure: FittedProcedure
    study: Study
    feature_names: tuple[str, ...]
    notes: dict[str, FeatureNote]
    feature_hash: str
    training: dict[str, Any]

    @property
    def roles(self) -> Roles:
        """What each column is for."""
        return self.procedure.roles

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes told apart, in the study's order."""
        return self.procedure.rule.classes

    def predict(self, frame: pd.DataFrame, *, top: int = 10) -> list[Prediction]:
        """Decide for people the model has never seen.

        Parameters
        ----------
        frame : DataFrame of shape (n_scans, n_columns)
            One row a scan with the training's features and demographics as named columns, in any order; the
            index names the scans. Further columns are passed over; a feature that is no number is missing.
        top : int
            Features listed a person, the most telling first.

        Returns
        -------
        list of Prediction
            In the frame's order. A row with a missing or infinite feature, or a person outside the normal
            group's demographics, gets ``decision=None`` and the reason.

        Raises
        ------
        ProcedureError
            PRC-401 where a column is missing, or the people do not come in a frame.
        """
        X = self._columns_of(frame)
        finite = np.isfinite(X[list(self.feature_names)].to_numpy()).all(axis=1)
        table = np.full((len(X), len(self.classes)), np.nan)
        support = self.procedure.support(X)
        table[finite] = self.procedure.probabilities(X[finite]) if finite.any() else table[finite]
        decided = self.procedure.rule.decide(table)
        # By place, since a frame's index may name two rows alike.
        telling = (
            contributions_of(self.procedure, X.set_axis(range(len(X)), axis=0)[finite], top=top)
            if finite.any()
            else {}
        )
        predictions = []
        for row, name in enumerate(X.index):
            reason = self._reason(X.iloc[row], finite=bool(finite[row]), support=support.iloc[row])
            predictions.append(
                Prediction(
                    subject=str(name),
                    probabilities={
                        label: float(value)
                        for label, value in zip(self.classes, table[row], strict=True)
                        if np.isfinite(value)
                    },
                    decision=None if reason or decided[row] is None else str(decided[row]),
                    reason=reason,
                    threshold=self.procedure.rule.threshold,
                    contributions=telling.get(row, []),
                )
            )
        return predictions

    def _columns_of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the training's columns in the training's order."""
        wanted = [*self.feature_names, *self.roles.demographics]
        if not isinstance(frame, pd.DataFrame):
            raise ProcedureError(
                "PRC-401",
                "columns can't be found by name.",
                seen=type(frame).__name__,
                expected="a pandas DataFrame of features beside demographics",
            )
        present = set(frame.columns)
        missing = [name for name in wanted if name not in present]
        if missing:
            unused = [str(name) for name in frame.columns if name not in set(wanted)]
            close = {name: get_close_matches(name, unused, n=1) for name in missing[:3]}
            hints = [f"{name} (did you mean {match[0]}?)" if match else name for name, match in close.items()]
            raise ProcedureError(
                "PRC-401",
                f"{len(missing)} of the {len(wanted)} columns the model was trained on are missing.",
                seen=f"missing: {', '.join(hints)}{' …' if len(missing) > len(hints) else ''}",
                expected=f"the features of extractor {self.study.features.extractor!r}"
                + (f" and {', '.join(self.roles.demographics)}" if self.roles.demographics else ""),
                advice="extract the features with the model's own study file",
            )
        X = frame[wanted]
        kinds = X.dtypes.iloc[: len(self.feature_names)]
        if all(isinstance(kind, np.dtype) and kind.kind in "fiub" for kind in kinds):
            return X
        numbers = {name: pd.to_numeric(frame[name], errors="coerce") for name in self.feature_names}
        return X.assign(**{name: column.to_numpy(float, na_value=np.nan) for name, column in numbers.items()})

    def _reason(self, row: pd.Series, *, finite: bool, support: pd.Series) -> str:
        """Say why there is no decision; empty where there is one."""
        if not finite:
            values = row[list(self.feature_names)].to_numpy(dtype=float)
            first = self.feature_names[int(np.flatnonzero(~np.isfinite(values))[0])]
            return f"feature {first} is missing"
        return "" if bool(support["supported"]) else str(support["reason"])
