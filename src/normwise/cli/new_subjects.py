"""People that a model meets for the first time: loose images with their demographics, or a table of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from normwise.errors import CommandError

if TYPE_CHECKING:
    import pandas as pd

    from normwise.cohort import Cohort
    from normwise.model import Model

__all__ = ["features_in", "from_images", "from_table", "read_settings"]

IMAGE_COLUMN = "image"
"""Column of a table of new people that names each one's image, from the table's folder."""


def read_settings(texts: Sequence[str]) -> dict[str, str]:
    """Read ``--set NAME=VALUE``.

    Parameters
    ----------
    texts : sequence of str
        One demographic each; a name may hold ``=`` only behind its value.

    Raises
    ------
    CommandError
        CLI-105: not of that form, or a name twice.

    Examples
    --------
    >>> read_settings(["Age=71", "M/F=F"])
    {'Age': '71', 'M/F': 'F'}
    """
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise CommandError(
                "CLI-105",
                "a demographic is not given as NAME=VALUE.",
                subject="--set",
                seen=text,
                expected="as --set Age=71",
            )
        if name in found:
            raise CommandError(
                "CLI-105",
                f"{name} is given twice.",
                subject="--set",
                seen=f"{found[name]} and {value}",
                advice="give each once; people who differ belong into a table (--table)",
            )
        found[name] = value
    return found


def from_images(images: Sequence[Path], settings: Mapping[str, str], model: Model) -> Cohort:
    """Make a cohort of loose images, all with the same demographics.

    Parameters
    ----------
    images : sequence of Path
        One image a scan; a scan is named by its file, or by its path where two files have one name.
    settings : mapping of str to str
        The demographics as text, and the site where the model harmonizes sites.
    model : Model
        Whose demographics they are.

    Returns
    -------
    Cohort
        Without labels.

    Raises
    ------
    CommandError
        CLI-106: an image is not there, or twice. CLI-107: the model does not measure images.
    CohortError
        Where a demographic is missing, unknown or can't be read.
    """
    import pandas as pd

    from normwise.cohort import Cohort, read_demographics

    _refuse_without_images(model)
    folders = model.study.features.image_folders  # a raw head may be a folder of DICOM files
    for image in images:
        if not image.is_file() and not (folders and image.is_dir()):
            raise CommandError(
                "CLI-106", "there is no such image.", subject=str(image), advice="check the path"
            )
    site = model.procedure.site
    demographics = settings
    if site is not None and site not in model.roles.demographics:
        demographics = {name: value for name, value in settings.items() if name != site}
    values, readings = read_demographics(demographics, model.roles)
    names = _names(images)
    index = pd.Index(names, dtype=object, name="id")
    frame = pd.DataFrame(
        {column: pd.Series([values[column].iloc[0]] * len(names), index=index, dtype=values[column].dtype)
         for column in values.columns},
        index=index,
    )  # fmt: skip
    ledger = pd.DataFrame(
        {"id": names, "group": names, "label": "", "status": "included", "code": "", "reason": ""},
        dtype=object,
    )
    return Cohort(
        frame=frame,
        labels=None,
        groups=pd.Series(names, index=index, dtype=object, name="group"),
        sites=None
        if site is None or site not in settings
        else pd.Series([settings[site]] * len(names), index=index, dtype=object, name="site"),
        images=pd.Series(
            [str(image.absolute()) for image in images], index=index, dtype=object, name="image"
        ),
        roles=model.roles,
        ledger=ledger,
        readings=readings,
        raw=pd.DataFrame(
            {name: [value] * len(names) for name, value in settings.items()}, index=index, dtype=object
        ),
    )


def from_table(table: Path, model: Model) -> Cohort:
    """Read a table of new people as the model's own table was read.

    Everybody is read: conditions, labels and the choice among sessions were for the training. An image is
    named in the column ``image``, or found as the study finds it; paths start from the table's folder.

    Parameters
    ----------
    table : Path
        A table with the study's id column, its demographics, and images or features.
    model : Model
        The model.

    Returns
    -------
    Cohort
        Without labels; its ledger names those who can't be read.
    """
    from normwise.cohort import read_cohort, read_table

    columns = list(read_table(table).frame.columns)
    section = model.study.cohort
    images = "{" + IMAGE_COLUMN + "}" if IMAGE_COLUMN in columns else section.images
    changes = {
        "root": table.absolute().parent,
        "table": table.name,
        "images": None if features_in(columns, model) else images,
        "include": [],
        "sessions": "all",
        "session": None,
        "group": None,
        "group_pattern": None,
        "site": model.procedure.site,
    }
    study = model.study.model_copy(update={"cohort": section.model_copy(update=changes)})
    return read_cohort(study, labelled=False, roles=model.roles)


def features_in(columns: Sequence[str], model: Model) -> bool:
    """Return whether a table holds every feature of the model, so that nothing needs to be measured.

    Parameters
    ----------
    columns : sequence of str
        The table's columns.
    model : Model
        The model.
    """
    return set(model.feature_names) <= set(columns)


def feature_frame(cohort: Cohort, model: Model) -> pd.DataFrame:
    """Return the features that a table holds beside demographics and site; what is no number becomes NaN.

    Parameters
    ----------
    cohort : Cohort
        From `from_table`.
    model : Model
        The model.
    """
    import pandas as pd

    from normwise.cohort import read_numbers
    from normwise.runs import assemble_frame

    features = {name: read_numbers(name, cohort.raw[name]).values for name in model.feature_names}
    values = pd.DataFrame(features, index=cohort.raw.index, dtype="float64")
    return assemble_frame(values, cohort, model.procedure.site)


def _refuse_without_images(model: Model) -> None:
    extractor = model.study.features.extractor
    if not model.study.features.reads_images:
        raise CommandError(
            "CLI-107",
            f"the model reads measurements ({extractor}), not images.",
            expected="a table with the model's features: --table NEW.tsv",
            advice="normwise extract writes such a table as features.tsv",
        )


def _names(images: Sequence[Path]) -> list[str]:
    stems = [image.name.removesuffix(".gz").removesuffix(".nii") for image in images]
    seen = Counter(stems)
    names = [stem if seen[stem] == 1 else str(image) for stem, image in zip(stems, images, strict=True)]
    doubled = [name for name, times in Counter(names).items() if times > 1]
    if doubled:
        raise CommandError(
            "CLI-106", "an image is given twice.", subject=doubled[0], advice="give each image once"
        )
    return names
