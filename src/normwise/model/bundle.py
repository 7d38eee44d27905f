"""The saved model: a folder that is checked before anything in it is built.

``manifest.json`` says what the model is and carries the SHA-256 of every other file and of itself;
``model.skops`` holds the fitted pipeline and is opened with the allow-list below, so that no type outside
it is ever built. Nothing in the folder is executed to find that out. A network's weights are kept apart, in
``weights.safetensors``, which holds arrays and nothing else.
"""

from __future__ import annotations

import json
from copy import copy
from dataclasses import asdict, replace
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from sklearn.pipeline import Pipeline

from normwise.classify import CLASSIFIERS, REGRESSORS
from normwise.errors import ModelError, NormwiseError
from normwise.files import content_digest, sha256_file, write_bytes, write_text
from normwise.learnt import TRUSTED_TYPES as LEARNT_TYPES
from normwise.model.archive import check_archive, pipeline_bytes, refuse_oversized, with_current_names
from normwise.model.model import Model
from normwise.model.parts import OWN_TYPES, check_model_parts, check_regression_parts
from normwise.model.regression_model import RegressionModel, StoredRegression
from normwise.model.weights import (
    NetworkNote,
    attach_weights,
    detach_weights,
    weights_bytes,
    weights_of_bytes,
)
from normwise.normalize import TRUSTED_TYPES as NORMALIZER_TYPES
from normwise.normalize import FeatureNormalizer
from normwise.procedure import ARMS, DecisionRule, FittedProcedure, FittedRegression, ScoreNormalizer
from normwise.results import FeatureNote, Note
from normwise.run_folder import RunFolder
from normwise.runs import package_versions
from normwise.schema import SAVED, Roles, Study

__all__ = ["SCHEMA_VERSION", "load_model", "save_model"]

SCHEMA_VERSION = 1
MANIFEST, PIPELINE, WEIGHTS = "manifest.json", "model.skops", "weights.safetensors"
_MANIFEST_CAP = 256 << 20  # 256 MiB: a manifest lists names, never voxels
_RENAMED_TYPES = {
    "normwise.classify.conv_autoencoder.ConvAutoencoder": "normwise.learnt.autoencoder.ConvAutoencoder",
    "normwise.classify.conv_trunk.ConvTrunk": "normwise.learnt.trunk.ConvTrunk",
    "normwise.features.components.VoxelComponents": "normwise.learnt.principal_components.VoxelComponents",
    "normwise.features.learnt_attention.AttentionPooling": "normwise.learnt.attention.AttentionPooling",
    "normwise.normalize.estimator.FeatureNormalizer": (
        "normwise.normalize.feature_normalizer.FeatureNormalizer"
    ),
    "normwise.normalize.harmonize.SiteHarmonizer": "normwise.normalize.sites.harmonizer.SiteHarmonizer",
    "normwise.normalize.harmonize_effects.SiteModel": "normwise.normalize.sites.effects.SiteModel",
    "normwise.normalize.people.Regression": "normwise.normalize.blocked.regression.Regression",
    "normwise.normalize.variance.LogVariance": "normwise.normalize.blocked.variance.LogVariance",
    "normwise.procedure.steps.DropDemographics": "normwise.procedure.pipeline.DropDemographics",
    "normwise.procedure.steps.TargetClassifier": "normwise.procedure.pipeline.TargetClassifier",
}
"""The types that models of 0.1.0 store under another name than today's."""
_RENAMED_ATTRIBUTES = {"guests_": "unseen_sites_"}
"""What steps of models of 0.1.0 hold under another name than today's."""
_KINDS: dict[str, Any] = {
    "arm": str,
    "roles": Roles,
    "setting": dict[str, Any],
    "inner_loss": float,
    "notes": tuple[Note | str, ...],  # text alone in models of 0.1.0
    "study": Study,
    "feature_names": tuple[str, ...],
    "feature_notes": dict[str, FeatureNote],
    "feature_hash": str,
    "training": dict[str, Any],
    "networks": dict[str, NetworkNote],
}
"""The manifest's entries from which every model is built, with their types."""
_KINDS_OF_CLASSES: dict[str, Any] = {"rule": DecisionRule, "score": ScoreNormalizer | None}
_KINDS_OF_NUMBER: dict[str, Any] = {"regression": StoredRegression}


def save_model(model: Model | RegressionModel, folder: Path) -> Path:
    """Write a model folder; each file whole or not at all, the manifest last.

    Of a model that was adapted to new sites the sites' effects are written, and not by whom.

    Parameters
    ----------
    model : Model or RegressionModel
        What `normwise.train_study` or `normwise.train_regression` returned.
    folder : Path
        Made where it is missing.

    Returns
    -------
    Path
        The folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    procedure = model.procedure.without_people()
    pipeline, arrays, networks = detach_weights(_without_prior(procedure.pipeline))
    write_bytes(folder / PIPELINE, pipeline_bytes(pipeline))
    files = [PIPELINE]
    if networks:
        write_bytes(folder / WEIGHTS, weights_bytes(arrays))
        files.append(WEIGHTS)
    else:
        (folder / WEIGHTS).unlink(missing_ok=True)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "versions": package_versions(),
        "arm": procedure.arm,
        "roles": asdict(procedure.roles),
        **_described(procedure),
        "setting": procedure.setting,
        "inner_loss": procedure.inner_loss,
        "notes": [asdict(note) for note in procedure.notes],
        "study": model.study.without_places().model_dump(mode="json"),
        "feature_names": list(model.feature_names),
        "feature_notes": {name: asdict(note) for name, note in model.notes.items()},
        "feature_hash": model.feature_hash,
        "training": model.training,
        "networks": {place: note.model_dump(mode="json") for place, note in networks.items()},
        "files": {name: sha256_file(folder / name) for name in files},
    }
    manifest["digest"] = content_digest(manifest)
    write_text(folder / MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    return folder


def _described(procedure: FittedProcedure | FittedRegression) -> dict[str, Any]:
    """Return what is written of a decision, or of a number, beside the pipeline."""
    if isinstance(procedure, FittedRegression):
        return {"regression": asdict(StoredRegression.of(procedure))}
    score = None if procedure.score is None else asdict(procedure.score)
    return {"rule": asdict(procedure.rule), "score": score}


def load_model(folder: str | Path) -> Model | RegressionModel:
    """Open a model folder that `normwise.train_study` or `normwise.train_regression` wrote.

    Parameters
    ----------
    folder : str or Path
        The model folder, or the run that holds one in ``model/``.

    Returns
    -------
    Model or RegressionModel
        Of classes, or of a number. Its predictions equal the saved model's to the last bit.

    Raises
    ------
    ModelError
        MDL-101 no model there, MDL-102 unreadable manifest, MDL-103 another schema, MDL-104 edited since it
        was saved, MDL-105 foreign types, MDL-106 trained with another scikit-learn, MDL-107 a network without
        the package that reads its weights, MDL-108 a part that no training leaves, MDL-109 a file that is
        compressed or larger than any model.
    """
    folder = Path(folder)
    if not (folder / MANIFEST).is_file() and (folder / RunFolder.MODEL / MANIFEST).is_file():
        folder = folder / RunFolder.MODEL
    manifest = _read_manifest(folder)
    _check_files(folder, manifest)
    try:
        return _build(_load_pipeline(folder / PIPELINE, manifest), manifest, folder)
    except (KeyError, TypeError, ValueError) as fault:
        raise _unreadable(folder, fault) from fault


def _without_prior(pipeline: Any) -> Any:
    """Return a pipeline whose normalizer has taken up what sums over other people told it."""
    steps = [
        (title, copy(step).set_params(prior=None) if isinstance(step, FeatureNormalizer) else step)
        for title, step in pipeline.steps
    ]
    return Pipeline(steps)


def _build(pipeline: Any, manifest: dict[str, Any], folder: Path) -> Model | RegressionModel:
    """Return the model; ValueError where the manifest is not a model's."""
    # Models from before there were networks, or adjusted scores, lack the entry.
    content = {"networks": {}, "score": None, **manifest}
    kinds = _KINDS | (_KINDS_OF_NUMBER if "regression" in manifest else _KINDS_OF_CLASSES)
    read = {
        name: TypeAdapter(kind).validate_python(content[name], context=SAVED) for name, kind in kinds.items()
    }
    stored = folder / WEIGHTS
    arrays = weights_of_bytes(stored.read_bytes(), stored) if WEIGHTS in manifest["files"] else {}
    networks = {
        place: note.model_copy(update={"kind": _RENAMED_TYPES.get(note.kind, note.kind)})
        for place, note in read["networks"].items()
    }
    roles, regression = read["roles"], read.get("regression")
    if read["arm"] not in ARMS:
        raise ValueError(f"there is no arm {read['arm']!r}")
    try:
        attach_weights(pipeline, arrays, networks)
        for _, step in pipeline.steps:
            for old in _RENAMED_ATTRIBUTES.keys() & vars(step).keys():
                setattr(step, _RENAMED_ATTRIBUTES[old], vars(step).pop(old))
            # A setting that came later is as it was before there was a choice.
            for name, parameter in signature(type(step)).parameters.items():
                if not hasattr(step, name) and parameter.default is not Parameter.empty:
                    setattr(step, name, parameter.default)
        if regression is None:
            check_model_parts(
                pipeline, read["rule"], read["score"], roles, read["arm"], read["feature_names"]
            )
        else:
            check_regression_parts(pipeline, regression, roles, read["arm"], read["feature_names"])
    except Exception as fault:  # what a forged part is may fail anywhere
        raise ModelError(
            "MDL-108",
            "a part of the model is not what training leaves.",
            subject=str(folder / PIPELINE),
            seen=(str(fault).splitlines() or [type(fault).__name__])[0][:200],
            advice="do not use this file; copy the model folder again from where it was trained",
        ) from fault
    if not roles.levels:  # models of 0.1.0 hold those of the normals in the normalizer alone
        roles = replace(roles, levels=_levels_of_normals(pipeline))
    notes = tuple(Note("", note) if isinstance(note, str) else note for note in read["notes"])
    of_model = (
        _in_its_run(read["study"], folder), read["feature_names"], read["feature_notes"],
        read["feature_hash"], read["training"],
    )  # fmt: skip
    fitted, found = (pipeline, roles, read["arm"]), (read["setting"], read["inner_loss"], notes)
    if regression is None:
        return Model(FittedProcedure(*fitted, read["rule"], *found, read["score"]), *of_model)
    numbers = (regression.widths(), regression.gap, regression.lowest, regression.highest)
    return RegressionModel(FittedRegression(*fitted, *numbers, *found), *of_model)


def _in_its_run(study: Study, folder: Path) -> Study:
    """Return a model's study with the places of the files that its features need, where its run has them.

    A model that leaves its run holds no place of the machine it was trained on.
    """
    from normwise.cohort import read_study

    own = folder.absolute().parent / RunFolder.STUDY
    if study.cohort.root is not None or not own.is_file():
        return study
    try:
        here = read_study(own, saved=True)
    except NormwiseError:
        return study
    seen = here.without_places()
    if (seen.features, seen.cohort.images) != (study.features, study.cohort.images):
        return study
    places = {"root": here.cohort.root, "images": here.cohort.images}
    cohort = study.cohort.model_copy(update=places)
    return study.model_copy(update={"cohort": cohort, "features": here.features})


def _levels_of_normals(pipeline: Any) -> dict[str, tuple[str, ...]]:
    """Return the levels of each categorical demographic among the normals of the training."""
    design = getattr(pipeline.named_steps["normalize"], "design_", None)
    parts = [] if design is None else design.parts
    return {part.name: tuple(map(str, part.levels)) for part in parts if hasattr(part, "levels")}


def _unreadable(folder: Path, fault: Exception) -> ModelError:
    return ModelError(
        "MDL-102",
        "the manifest can't be read as a model's.",
        subject=str(folder / MANIFEST),
        seen=str(fault).splitlines()[0][:200],
        advice="copy the model folder again from where it was trained",
    )


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    if not path.is_file():
        raise ModelError(
            "MDL-101",
            "there is no model here.",
            subject=str(folder),
            expected=f"a folder with {MANIFEST} and {PIPELINE}",
            advice="name the folder that `normwise train` wrote, RUN/model",
        )
    if path.stat().st_size > _MANIFEST_CAP:
        raise _unreadable(folder, ValueError(f"{path.stat().st_size} bytes, over the cap of {_MANIFEST_CAP}"))
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        version = manifest["schema_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise _unreadable(folder, fault) from fault
    if version != SCHEMA_VERSION:
        raise ModelError(
            "MDL-103",
            "the model was saved in another schema.",
            subject=str(folder),
            seen=f"schema version {version!r}",
            expected=f"schema version {SCHEMA_VERSION}",
            advice="open it with the Normwise that saved it, or train again",
        )
    return dict(manifest)


def _check_files(folder: Path, manifest: dict[str, Any]) -> None:
    files = manifest.get("files")
    known = ({PIPELINE}, {PIPELINE, WEIGHTS})
    if (
        not isinstance(files, dict)
        or set(files) not in known
        or manifest.get("digest") != content_digest(manifest)
    ):
        raise _edited(folder / MANIFEST)
    for name, digest in files.items():
        if (folder / name).is_file():
            refuse_oversized(folder / name)
        if not (folder / name).is_file() or sha256_file(folder / name) != digest:
            raise _edited(folder / name)


def _edited(path: Path) -> ModelError:
    return ModelError(
        "MDL-104",
        "the file was changed, or lost, after the model was saved.",
        subject=str(path),
        seen="a content that does not match the manifest's SHA-256",
        advice="copy the model folder again from where it was trained, or train again",
    )


def _load_pipeline(path: Path, manifest: dict[str, Any]) -> Any:
    import sklearn
    import skops.io

    allowed = {*OWN_TYPES, *NORMALIZER_TYPES, *LEARNT_TYPES}
    allowed |= {
        name for kinds in (CLASSIFIERS, REGRESSORS) for spec in kinds.values() for name in spec.trusted
    }
    try:
        content = path.read_bytes()
        foreign = check_archive(content, path, allowed | _RENAMED_TYPES.keys())
        if not foreign:
            content = with_current_names(content, _RENAMED_TYPES)
            foreign = sorted(set(skops.io.get_untrusted_types(data=content)) - allowed)
    except ModelError:
        raise
    except Exception as fault:  # skops and zipfile raise many kinds on other files
        raise _unreadable(path.parent, fault) from fault
    if foreign:
        raise ModelError(
            "MDL-105",
            "the model holds types that Normwise does not write.",
            subject=str(path),
            seen=", ".join(foreign[:5]),
            advice="do not use this file; nothing in it was executed",
        )
    saved = TypeAdapter(dict[str, str]).validate_python(manifest["versions"]).get("scikit-learn", "")
    if saved.split(".")[:2] != sklearn.__version__.split(".")[:2]:
        raise ModelError(
            "MDL-106",
            "the model was trained with another scikit-learn, so its predictions could differ.",
            subject=str(path.parent),
            seen=f"scikit-learn {saved}",
            expected=f"scikit-learn {sklearn.__version__}",
            advice=f"install scikit-learn=={saved}, or train again",
        )
    try:
        return skops.io.loads(content, trusted=sorted(allowed))
    except Exception as fault:  # a forged file of known types can fail anywhere inside them
        raise _unreadable(path.parent, fault) from fault
