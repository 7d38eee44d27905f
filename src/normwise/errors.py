"""The one exception tree: every error names its code, its subject, what was seen and what to do.

The tree, one branch a package, in the order in which they use each other::

    NormwiseError
    ├── StudyError       STU-…  the study file or the flags
    ├── CohortError      COH-…  the participants table
    ├── ImageError       IMG-…  one image
    ├── EngineError      ENG-…  running many subjects
    ├── FeatureError     FEA-…  extraction
    ├── NormalizerError  NRM-…  the regression on demographics (also a ValueError)
    ├── ClassifierError  CLS-…  classifiers and descent (also a ValueError)
    ├── ProcedureError   PRC-…  train, apply, decide
    ├── ModelError       MDL-…  the saved model
    ├── EvaluationError  EVA-…  splits, metrics, intervals
    ├── ReportError      REP-…  pages
    ├── RunError         RUN-…  the files of a run
    ├── SampleError      SAM-…  the simulated cohort
    └── CommandError     CLI-…  the command line

``docs/errors.md`` explains every code; a test keeps the two in step. The branches that scikit-learn's
estimator contract touches are ``ValueError`` as well, so that its own tools catch them.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any, Self

__all__ = [
    "ClassifierError",
    "CohortError",
    "CommandError",
    "EngineError",
    "EvaluationError",
    "FeatureError",
    "ImageError",
    "ModelError",
    "NormalizerError",
    "NormwiseError",
    "NormwiseWarning",
    "ProcedureError",
    "ReportError",
    "RunError",
    "SampleError",
    "StudyError",
    "error_from_dict",
    "without_folders",
]


class NormwiseError(Exception):
    """Something a person can put right.

    Parameters
    ----------
    code : str
        Letters of the branch and a number, as ``"IMG-104"``; explained in ``docs/errors.md``.
    problem : str
        One sentence with the measured quantity and its unit.
    subject : str, optional
        The person, scan, column or file at fault.
    seen : str, optional
        What was found.
    expected : str, optional
        What would have been accepted.
    advice : str, optional
        What to do next.

    Examples
    --------
    >>> print(ImageError("IMG-104", "the label map and the image differ by 0.8 mm in x (tolerance 0.01 mm).",
    ...                  subject="sub-0042", seen="image origin -90.0, labels -90.8",
    ...                  advice="resample the labels onto the image, or check the export"))
    IMG-104  sub-0042: the label map and the image differ by 0.8 mm in x (tolerance 0.01 mm).
             seen      image origin -90.0, labels -90.8
             do        resample the labels onto the image, or check the export
    """

    def __init__(
        self,
        code: str,
        problem: str,
        *,
        subject: str | None = None,
        seen: str | None = None,
        expected: str | None = None,
        advice: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.code = code
        self.problem = problem
        self.subject = subject
        self.seen = seen
        self.expected = expected
        self.advice = advice

    def __str__(self) -> str:
        head = (
            f"{self.code}  {self.subject}: {self.problem}" if self.subject else f"{self.code}  {self.problem}"
        )
        rows = (("seen", self.seen), ("expected", self.expected), ("do", self.advice))
        below = "\n" + " " * 19  # further lines of a text stand under its first
        return "\n".join(
            [head, *(f"         {name:<10}{below.join(text.splitlines())}" for name, text in rows if text)]
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors cross from a child process to its supervisor with every field.
        return error_from_dict, ({"branch": type(self).__name__, **self._fields()},)

    def for_subject(self, subject: str) -> Self:
        """Return the same error with another ``subject``."""
        return type(self)(**{**self._fields(), "subject": subject})

    def to_dict(self) -> dict[str, str | None]:
        """Return the fields and the branch's name for a file of a run: what was seen names no folder."""
        fields = self._fields()
        fields |= {name: without_folders(fields[name]) for name in ("problem", "seen") if fields[name]}
        return {"branch": type(self).__name__, **fields}

    def _fields(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "problem": self.problem,
            "subject": self.subject,
            "seen": self.seen,
            "expected": self.expected,
            "advice": self.advice,
        }


class StudyError(NormwiseError):
    """The study file, or a flag that stands for one of its keys (STU)."""


class CohortError(NormwiseError):
    """The participants table (COH)."""


class ImageError(NormwiseError):
    """One image (IMG)."""


class EngineError(NormwiseError):
    """Running one function over many subjects (ENG)."""


class FeatureError(NormwiseError):
    """Feature extraction (FEA)."""


class NormalizerError(NormwiseError, ValueError):
    """The regression of features on demographics (NRM)."""


class ClassifierError(NormwiseError, ValueError):
    """Classifiers and gradient descent (CLS)."""


class ProcedureError(NormwiseError, ValueError):
    """Training, applying and deciding (PRC)."""


class ModelError(NormwiseError):
    """The saved model (MDL)."""


class EvaluationError(NormwiseError):
    """Splits, metrics and intervals (EVA)."""


class ReportError(NormwiseError):
    """The pages (REP)."""


class RunError(NormwiseError):
    """The files of a run (RUN)."""


class SampleError(NormwiseError):
    """The simulated cohort (SAM)."""


class CommandError(NormwiseError):
    """The command line (CLI)."""


class NormwiseWarning(UserWarning):
    """A finding that does not stop the work: a code, what was found, and of whom or what.

    Parameters
    ----------
    code : str
        Letters of the branch and a number, as in `NormwiseError`.
    text : str
        What was found.
    subject : str, optional
        The person, scan, column or file concerned.
    value : float, optional
        The measured quantity.

    Examples
    --------
    >>> warning = NormwiseWarning("NRM-201", "43 normal people are few.", value=43)
    >>> str(warning), warning.code
    ('NRM-201  43 normal people are few.', 'NRM-201')
    """

    def __init__(
        self, code: str, text: str, *, subject: str | None = None, value: float | None = None
    ) -> None:
        super().__init__(f"{code}  {text}")
        self.code = code
        self.text = text
        self.subject = subject
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(type(self), self.code, self.text, subject=self.subject, value=self.value), ()


_BRANCHES: dict[str, type[NormwiseError]] = {
    branch.__name__: branch
    for branch in (
        NormwiseError, StudyError, CohortError, ImageError, EngineError, FeatureError, NormalizerError,
        ClassifierError, ProcedureError, ModelError, EvaluationError, ReportError, RunError,
        SampleError, CommandError,
    )
}  # fmt: skip


def error_from_dict(fields: dict[str, Any]) -> NormwiseError:
    """Rebuild an error from `NormwiseError.to_dict`.

    Examples
    --------
    >>> error_from_dict({"branch": "ImageError", "code": "IMG-101", "problem": "the file is empty."})
    ImageError('the file is empty.')
    """
    values = dict(fields)
    branch = _BRANCHES.get(str(values.pop("branch", "NormwiseError")), NormwiseError)
    return branch(**values)


_IN_QUOTES = re.compile(r"""(?<=['"])(?:~?/|[A-Za-z]:[\\/])[^'"\n]*[\\/](?=[^'"\n]*['"])""")
# A folder's name without quotes may have blanks, where no word of it looks like a file's.
_WORD = r"""(?![^\s/\\]*\w\.\w)[^\s/\\:'"]+"""
_BARE = re.compile(
    rf"""(?<![\w./\\~<])(?:~?/|[A-Za-z]:[\\/])(?:(?:[^\s/\\'"]+|{_WORD}(?:[ ]{_WORD}){{1,4}})[\\/])+"""
)


def without_folders(text: str) -> str:
    """Return a text in which of every absolute path the last name is left.

    What other packages say of a file names its folders, and folders name users and patients.

    Examples
    --------
    >>> without_folders("[Errno 2] No such file or directory: '/home/Ann Lee/mr/sub-01.nii'")
    "[Errno 2] No such file or directory: 'sub-01.nii'"
    >>> without_folders("can't read /home/Ann Lee/mr/sub-01.nii")
    "can't read sub-01.nii"
    >>> without_folders("mm/s of /data/ward/sub-01.nii, see https://example.org/a/b")
    'mm/s of sub-01.nii, see https://example.org/a/b'
    """
    return _BARE.sub("", _IN_QUOTES.sub("", text))
