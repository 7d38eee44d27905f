"""`normwise predict`: decide about new people, given as images with their demographics or as a table."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from normwise.cli.regression import number_table, refuse_number
from normwise.cli.run_flags import USUAL, RunFlags
from normwise.cli.session import DONE, SOME_FAILED, open_session
from normwise.errors import CommandError
from normwise.files import check_writable, image_files, quote_formula
from normwise.schema import listed

if TYPE_CHECKING:
    import pandas as pd

    from normwise.cli.session import Resources, Session
    from normwise.cohort import Cohort
    from normwise.features import FeatureTable
    from normwise.model import Applicable, Model, RegressionModel
    from normwise.results import Contribution, Prediction

__all__ = ["predict"]

_SURE = 1e-6  # no probability is written as nearer to 0 or 1
PEOPLE = Group("[people]", sort_key=10)
ValuesFlag = Annotated[
    list[str] | None,
    Parameter(name="--set", group=PEOPLE, negative=(), help="a demographic of the images' person, as Age=71"),
]
TableFlag = Annotated[
    Path | None,
    Parameter(name="--table", group=PEOPLE, help="new people: ids, demographics, and images or features"),
]
"""How `predict` and `score` are given new people."""
NO_DECISION, REFERRED = "no decision", "refer to a specialist"
_IN_FOLDERS = (
    "*.nii",
    "*.nii.gz",
    "*.mgz",
    "*.hdr",
    "*.hdr.gz",
    "anat/*.nii",
    "anat/*.nii.gz",
    "ses-*/anat/*.nii",
    "ses-*/anat/*.nii.gz",
)
IMAGE_COLUMN = "image"
"""Column of a table of new people that names each one's image, from the table's folder."""


def predict(
    model: Path,
    /,
    *image: Path,
    values: ValuesFlag = None,
    table: TableFlag = None,
    out: Annotated[
        Path | None, Parameter(name="--out", group=PEOPLE, help="write the table to FILE (stdout)")
    ] = None,
    top: Annotated[
        int, Parameter(name="--top", group=PEOPLE, show_default=False, help="features named a person (3)")
    ] = 3,
    people: Annotated[
        Path | None,
        Parameter(
            name="--people", group=PEOPLE, help="write one page a person into FOLDER", metavar="FOLDER"
        ),
    ] = None,
    site_card: Annotated[
        list[Path] | None,
        Parameter(
            name="--site-card",
            group=PEOPLE,
            negative=(),
            help="what normwise adapt found of a site that was not trained on",
            metavar="CARD",
        ),
    ] = None,
    running: RunFlags = USUAL,
) -> int:
    """Decide about new people: one line each, with the probabilities and the reason.

    Of a model of a number it predicts that, with its intervals, and its gap where the table has the true one.
    Where a person lies outside the normal group's range, or an image fails, there is no decision and the
    reason is given.

    Parameters
    ----------
    model : Path
        A saved model, or the run that holds it.
    image : Path
        Images of one person, or of people with equal demographics; or one table.
    values : list of str
        The demographics, as NAME=VALUE.
    table : Path
        A table of new people, in place of images.
    out : Path
        Where the table goes.
    top : int
        How many features are named a person, those that weigh most.
    people : Path
        A folder for one page a person.
    site_card : list of Path
        Cards of sites, one each.
    running : RunFlags
        How the command runs and prints.

    Returns
    -------
    int
        The exit code.
    """
    with open_session("predict", running) as session:
        image, table = table_among(image, table)
        refuse_mixture(image, table, values)
        if top < 0:
            raise CommandError(
                "CLI-104", "a number of features is not negative.", subject="--top", seen=f"{top}",
                expected="0 or more",
            )  # fmt: skip
        if out is not None:
            check_writable(out)
        from normwise.model import RegressionModel, load_model

        trained = load_model(model)
        if site_card:
            from normwise.model import with_site_cards
            from normwise.normalize import read_card

            trained = with_site_cards(trained, [read_card(path) for path in site_card])
        cohort = _read_people(trained, image, values, table)
        if isinstance(trained, RegressionModel):
            if people is not None:
                refuse_number("predict --people", trained.study)
            rows, failed = _predict_numbers(trained, cohort, session.resources, from_table=table is not None)
            return _end(session, trained, rows, failed, out, "predicted")
        measured: list[FeatureTable] = []
        predictions, known, said = _apply(
            trained, cohort, session.resources, measured, from_table=table is not None
        )
        if people is not None:
            from normwise.model import write_new_people

            features = measured[0] if measured else None
            session.output.path(
                write_new_people(trained, cohort, predictions, people, features, trained_on=known)
            )
        rows, failed = _table(trained, cohort, predictions, top, said)
        return _end(session, trained, rows, failed, out, "decided")


def _end(
    session: Session,
    model: Model | RegressionModel,
    rows: list[list[str]],
    failed: int,
    out: Path | None,
    what: str,
) -> int:
    """Write the table, count of how many rows something is said, and end the command."""
    from normwise.files import write_text

    session.code = SOME_FAILED if failed else DONE
    session.findings.add(model.procedure.notes)
    text = "".join("\t".join(row) + "\n" for row in rows)
    if out is None:
        sys.stdout.write(text)
        return session.finish()
    write_text(out, text)
    said = sum(row[1] not in (NO_DECISION, REFERRED, "n/a") for row in rows[1:])
    session.output.row(what, f"{said} of {len(rows) - 1} scans")
    session.output.number(what, said)
    session.output.number("scans", len(rows) - 1)
    return session.end(out)


def table_among(images: tuple[Path, ...], table: Path | None) -> tuple[tuple[Path, ...], Path | None]:
    """Take a table that is given in place of images for what it is."""
    from normwise.cohort import TABLE_SUFFIXES

    if table is None and len(images) == 1 and images[0].suffix.lower() in TABLE_SUFFIXES:
        return (), images[0]
    return images, table


def refuse_mixture(images: tuple[Path, ...], table: Path | None, values: list[str] | None) -> None:
    if bool(images) == (table is not None):
        raise CommandError(
            "CLI-102",
            "new people come either as images or as a table.",
            seen="both" if images else "neither",
            expected="IMAGE… with --set, or --table NEW.tsv",
        )
    if table is not None and values:
        raise CommandError(
            "CLI-102",
            "the demographics of a table's people stand in the table.",
            subject="--set",
            advice="leave --set out, or give images in place of the table",
        )


def _predict_numbers(
    model: RegressionModel, cohort: Cohort, resources: Resources, *, from_table: bool
) -> tuple[list[list[str]], int]:
    """Return the table of a model of a number, and how many of its rows failed."""
    from normwise.model import predict_numbers
    from normwise.runs import assemble_frame

    if not len(cohort.frame.index):
        return number_table(cohort, {}, {})
    if from_table and features_in(list(cohort.raw.columns), model):
        frame = feature_frame(cohort, model)
        found = predict_numbers(model, cohort, frame=frame)
    else:
        measured: list[FeatureTable] = []
        found = predict_numbers(model, cohort, **resources, on_features=measured.append)
        frame = assemble_frame(measured[0].values, cohort, model.site)
    _, said = _remarks(model, frame, {row.subject for row in found if row.outcome == "failed"})
    return number_table(cohort, {row.subject: row for row in found}, said)


def _remarks(
    model: Model | RegressionModel, frame: pd.DataFrame, failed: Collection[str]
) -> tuple[list[str], dict[str, list[str]]]:
    """Warn of scans that were trained on and of far values; return the first, and what to say of each.

    Those that failed have their reason, which may be an even farther value.
    """
    from normwise.model import warn_of_far_values, warn_of_training_scans

    known = model.trained_on(frame)
    far = {name: each for name, each in model.far_values(frame).items() if name not in failed}
    warn_of_training_scans(known, len(frame))
    warn_of_far_values(far)
    said = {name: [f"EVA-113 {each}"] for name, each in far.items()}
    for name in known:
        said.setdefault(name, []).append("EVA-102 the model was trained on this scan")
    return known, said


def _read_people(
    model: Model | RegressionModel, images: tuple[Path, ...], values: list[str] | None, table: Path | None
) -> Cohort:
    if table is not None:
        return from_table(table, model)
    return from_images(images, read_settings(values or ()), model)


def _apply(
    model: Model, cohort: Cohort, resources: Resources, measured: list[FeatureTable], *, from_table: bool
) -> tuple[dict[str, Prediction], list[str], dict[str, list[str]]]:
    """Return the prediction of everybody who could be read, by scan, and what `_remarks` does."""
    from normwise.model import apply_model
    from normwise.runs import assemble_frame

    if not len(cohort.frame.index):
        return {}, [], {}
    if from_table and features_in(list(cohort.raw.columns), model):
        frame = feature_frame(cohort, model)
        predictions = model.predictions(frame)
    else:
        predictions = apply_model(model, cohort, **resources, on_features=measured.append)
        frame = assemble_frame(measured[0].values, cohort, model.site)
    known, said = _remarks(model, frame, {each.subject for each in predictions if each.outcome == "failed"})
    return {prediction.subject: prediction for prediction in predictions}, known, said


def _table(
    model: Model,
    cohort: Cohort,
    predictions: dict[str, Prediction],
    top: int,
    said: Mapping[str, Sequence[str]],
) -> tuple[list[list[str]], int]:
    """Return the output with its header, one row a row of the input, and how many of them failed."""
    names = [f"probability_{name}" for name in model.classes]
    rows, failed = [["id", "decision", *names, "threshold", "reason", "telling"]], 0
    for entry in cohort.ledger.itertuples(index=False):
        prediction = predictions.get(str(entry.id)) if entry.status == "included" else None
        if prediction is None:
            reason = f"{entry.code} {entry.reason}"
            rows.append(_row(str(entry.id), NO_DECISION, [""] * len(names), "", reason, ""))
            failed += bool(entry.status == "failed" or entry.image)
        else:
            rows.append(_prediction_row(prediction, model, top, said.get(prediction.subject, ())))
            # Others have no decision for who they are, or a specialist's, which is no failure.
            failed += prediction.outcome == "failed"
    return rows, failed


def _prediction_row(prediction: Prediction, model: Model, top: int, said: Sequence[str]) -> list[str]:
    # Outside the normal group's range a probability would be extrapolated.
    shown = {} if prediction.outcome == "unsupported" else prediction.probabilities
    probabilities = [_probability(shown.get(name)) for name in model.classes]
    named = "; ".join(_describe_contribution(each) for each in prediction.contributions[:top])
    decision = prediction.decision or (REFERRED if prediction.outcome == "referred" else NO_DECISION)
    reason = "; ".join(filter(None, [prediction.reason, *said]))
    return _row(prediction.subject, decision, probabilities, _number(prediction.threshold), reason, named)


def _describe_contribution(contribution: Contribution) -> str:
    if contribution.w is not None:
        return f"{contribution.feature} W={contribution.w:+.2f}"
    if contribution.weight is not None:  # a place of an image
        return f"{contribution.feature} share={contribution.weight:+.2f}"
    return f"{contribution.feature}={contribution.value:.4g}"


def _row(
    name: str, decision: str, probabilities: list[str], threshold: str, reason: str, named: str
) -> list[str]:
    cells = [name, decision, *probabilities, threshold, reason, named]
    return [quote_formula(" ".join(cell.split()) or "n/a") for cell in cells]


def _probability(value: float | None) -> str:
    """Write a probability with six digits, which never round it to certainty."""
    return _number(None if value is None else min(max(value, _SURE), 1 - _SURE))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


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
    settings: dict[str, str] = {}
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
        if name in settings:
            raise CommandError(
                "CLI-105",
                f"{name} is given twice.",
                subject="--set",
                seen=f"{settings[name]} and {value}",
                advice="give each once; people who differ belong into a table (--table)",
            )
        settings[name] = value
    return settings


def from_images(images: Sequence[Path], settings: Mapping[str, str], model: Applicable) -> Cohort:
    """Make a cohort of loose images, all with the same demographics.

    Parameters
    ----------
    images : sequence of Path
        One image a scan; a scan is named by its file, or by its path where two files have one name.
    settings : mapping of str to str
        The demographics as text, the features that come from the participants table, and the site where the
        model harmonizes sites.
    model : Applicable
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
    # Of a pair it is the header that names the image, whichever file is given.
    images = [image_in(image) if image.is_dir() else min(image_files(image)) for image in images]
    for image in images:
        if not image.is_file() and not (folders and image.is_dir()):
            raise CommandError(
                "CLI-106", "there is no such image.", subject=str(image), advice="check the path"
            )
    site = model.site
    features = model.study.features.participant_columns
    lacking = [name for name in features if name not in settings]
    if lacking:
        raise CommandError(
            "CLI-105",
            f"the feature {lacking[0]!r} is not given.",
            subject="--set",
            seen=listed(settings),
            advice=f"add it, as --set {lacking[0]}=…: no image shows it",
        )
    # A person's own number, where one is predicted, gives its gap.
    further = {*features, *(name for name in (site, model.roles.target) if name is not None)}
    demographics = {
        name: value
        for name, value in settings.items()
        if name in model.roles.demographics or name not in further
    }
    values, readings = read_demographics(demographics, model.roles)
    names = _names(images)
    index = pd.Index(names, dtype=object, name="id")
    frame = pd.DataFrame(
        {column: pd.Series([values[column].iloc[0]] * len(names), index=index, dtype=values[column].dtype)
         for column in values.columns},
        index=index,
    )  # fmt: skip
    ledger = pd.DataFrame(
        {
            "id": names,
            "group": names,
            "label": "",
            "status": "included",
            "code": "",
            "reason": "",
            "general": "",
            "missing": "",
            "image": False,
        },
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


def from_table(table: Path, model: Applicable, *, people: bool = False) -> Cohort:
    """Read a table of new people as the model's own table was read.

    Everybody is read: conditions, labels and the choice among sessions were for the training. An image is
    named in the column ``image``, or found as the study finds it; paths start from the table's folder.

    Parameters
    ----------
    table : Path
        A table with the study's id column, its demographics, and images or features.
    model : Applicable
        The model.
    people : bool
        Whether people are counted, so that it must be known whose each scan is: by ``cohort.group`` and
        ``cohort.group_pattern`` of the study. Default: each row is decided alone.

    Returns
    -------
    Cohort
        Without labels; its ledger names those who can't be read.

    Raises
    ------
    CohortError
        As `normwise.cohort.read_cohort`: COH-107 where the table lacks a column.
    """
    from normwise.cohort import read_cohort, read_table

    columns = list(read_table(table).frame.columns)
    section = model.study.cohort
    images = "{" + IMAGE_COLUMN + "}" if IMAGE_COLUMN in columns else section.images
    changes: dict[str, Any] = {
        "root": table.absolute().parent,
        "table": table.name,
        "images": None if features_in(columns, model) else images,
        "include": [],
        "sessions": "all",
        "session": None,
        "site": model.site,
        **({} if people else {"group": None, "group_pattern": None}),
    }
    study = model.study.model_copy(update={"cohort": section.model_copy(update=changes)})
    return read_cohort(study, labelled=False, roles=model.roles)


def features_in(columns: Sequence[str], model: Applicable) -> bool:
    """Return whether a table holds every feature of the model, so that nothing needs to be measured.

    Parameters
    ----------
    columns : sequence of str
        The table's columns.
    model : Applicable
        The model.
    """
    return set(model.feature_names) <= set(columns)


def feature_frame(cohort: Cohort, model: Applicable) -> pd.DataFrame:
    """Return the features that a table holds beside demographics and site; what is no number becomes NaN.

    Parameters
    ----------
    cohort : Cohort
        From `from_table`.
    model : Applicable
        The model.
    """
    import pandas as pd

    from normwise.cohort import read_numbers
    from normwise.runs import assemble_frame

    features = {name: read_numbers(name, cohort.raw[name]).values for name in model.feature_names}
    values = pd.DataFrame(features, index=cohort.raw.index, dtype="float64")
    return assemble_frame(values, cohort, model.site)


def _refuse_without_images(model: Applicable) -> None:
    extractor = model.study.features.extractor
    if not model.study.features.reads_images:
        raise CommandError(
            "CLI-107",
            f"the model reads measurements ({extractor}), not images.",
            expected="a table with the model's features: --table NEW.tsv",
            advice="normwise extract writes such a table as features.tsv",
        )


def image_in(folder: Path) -> Path:
    """Return the image of a person's folder, by BIDS or beside nothing else; one of DICOM files stays."""
    found = [path for pattern in _IN_FOLDERS for path in sorted(folder.glob(pattern))]
    t1 = [path for path in found if "_T1w." in path.name] or found
    if len(t1) > 1:
        raise CommandError(
            "CLI-106",
            f"the folder holds {len(t1)} images.",
            subject=str(folder),
            seen=listed(path.relative_to(folder) for path in t1),
            advice="name the image itself",
        )
    return t1[0] if t1 else folder


def _names(images: Sequence[Path]) -> list[str]:
    stems = [image.name.removesuffix(".gz").removesuffix(".nii").removesuffix(".hdr") for image in images]
    seen = Counter(stems)
    names = [stem if seen[stem] == 1 else str(image) for stem, image in zip(stems, images, strict=True)]
    doubled = [name for name, times in Counter(names).items() if times > 1]
    if doubled:
        raise CommandError(
            "CLI-106", "an image is given twice.", subject=doubled[0], advice="give each image once"
        )
    return names
