"""Forged models with right hashes: each is opened and used in a child, which must neither crash nor hang.

``python tests/campaigns/forged_models.py [MODELS] [SEED] [FIRST]`` prints one line a fault and the counts;
the slow test beside it runs the same with a few.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel

sys.path.insert(0, str(Path(__file__).parents[1]))

from normwise.classify import CLASSIFIERS
from normwise.errors import NormwiseError
from normwise.files import content_digest, sha256_file
from normwise.learnt.attention import bag_column
from normwise.model.bundle import load_model, save_model
from normwise.model.explain import importances_of, trajectories_of
from normwise.networks.images import image_frame
from normwise.procedure import ARMS
from normwise.schema import NormalizerSection, SelectionSection, SitesSection, Study, choices_of
from planted_images import plant_blobs
from simulated import Small, model_of, simulate

LIMIT_S = 60  # of the processor: a busy machine is no hang
PATIENCE_S = 900  # and of the clock, for a child that waits
LIMIT_BYTES = 4 << 30
PRELOADED = ["normwise.model.bundle", "normwise.model.explain", "skops.io", "sklearn.ensemble", "torch"]
VALUES: list[Any] = [
    None, True, -1, 0, 3, 2**40, 1e308, float("nan"), float("inf"), "text", "", [], {}, [1, "a"], [[1.0]],
    {"a": 1},
]  # fmt: skip


def archive_of(folder: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(folder / "model.skops") as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def write_archive(folder: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(folder / "model.skops", "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def seal(folder: Path, **changes: Any) -> None:
    """Make every hash right again, as a careful forger would."""
    manifest = json.loads((folder / "manifest.json").read_text()) | changes
    manifest["files"] = {name: sha256_file(folder / name) for name in manifest["files"]}
    manifest["digest"] = content_digest(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def array_bytes(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def forged_array(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an array with other values, another shape or another type."""
    array = array.copy()
    if array.dtype.names:
        name = str(rng.choice(array.dtype.names))
        array[name][rng.integers(len(array))] = rng.choice([-2, 0, 1, 120])
        if name in ("left_child", "right_child", "feature"):
            array[name][rng.integers(len(array))] = int(rng.choice([2**40, 10**9, -(2**40), 0]))
        return array
    kind = rng.integers(8)
    if kind == 0 and array.dtype.kind == "f" and array.size:
        array.flat[rng.integers(array.size)] = rng.choice([np.nan, np.inf, -np.inf])
    elif kind == 1 and array.dtype.kind == "f":
        array = np.full_like(array, rng.choice([1e30, -1e30, 0.0]))
    elif kind == 2 and array.dtype.kind in "iu":
        array = np.full_like(array, rng.choice([np.iinfo(array.dtype).max, np.iinfo(array.dtype).min]))
    elif kind == 3:
        array = array[..., :-1] if array.ndim else array[None]
    elif kind == 4:
        array = np.concatenate([array, array]) if array.ndim else array[None]
    elif kind == 5:
        array = array.T[None]
    elif kind == 6:
        array = array.astype("U8")
    else:
        array = array.astype(str(rng.choice(["complex128", "int8", "float32", "bool"])))
    return array


def leaves(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a schema that holds a plain value."""
    if isinstance(node, dict):
        if node.get("__loader__") == "JsonNode":
            yield node
        for child in node.values():
            yield from leaves(child)
    elif isinstance(node, list):
        for child in node:
            yield from leaves(child)


def forge_value(folder: Path, rng: np.random.Generator) -> None:
    members = archive_of(folder)
    schema = json.loads(members["schema.json"])
    nodes = list(leaves(schema))
    value = json.dumps(VALUES[rng.integers(len(VALUES))])
    nodes[rng.integers(len(nodes))].update(content=value, __id__=10**9)
    write_archive(folder, members | {"schema.json": json.dumps(schema).encode()})


def forge_array(folder: Path, rng: np.random.Generator) -> None:
    members = archive_of(folder)
    names = [name for name in members if name.endswith(".npy")]
    name = names[rng.integers(len(names))]
    array = np.load(io.BytesIO(members[name]))
    write_archive(folder, members | {name: array_bytes(forged_array(array, rng))})


def forge_header(folder: Path, rng: np.random.Generator) -> None:
    """Let an array's header promise another shape or type than what follows it."""
    members = archive_of(folder)
    name = next(name for name in sorted(members) if name.endswith(".npy"))
    header: Any = {"descr": str(rng.choice(["<f8", "|O", "<U0"])), "fortran_order": False, "shape": (2**33,)}
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, header)
    write_archive(folder, members | {name: stream.getvalue() + b"\0" * 64})


def forge_attribute(folder: Path, rng: np.random.Generator) -> None:
    """Drop an attribute of an object, or hide one of its methods."""
    members = archive_of(folder)
    schema = json.loads(members["schema.json"])
    objects: list[dict[str, Any]] = []

    def find(node: Any) -> None:
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            if isinstance(child, dict) and child.get("__loader__") == "ObjectNode":
                objects.append(child)
            find(child)

    find({"": schema})
    attributes = objects[rng.integers(len(objects))]["content"]["content"]
    name = sorted(attributes)[rng.integers(len(attributes))]
    # In the place of another, since every key has its type beside it.
    hidden = str(rng.choice(["transform", "predict_proba", "encode", "get_feature_names_out", "other"]))
    attributes[hidden] = attributes.pop(name)
    write_archive(folder, members | {"schema.json": json.dumps(schema).encode()})


def forge_swap(folder: Path, rng: np.random.Generator) -> None:
    """Let two arrays of the archive change places."""
    members = archive_of(folder)
    names = [name for name in members if name.endswith(".npy")]
    first, second = (names[place] for place in rng.integers(len(names), size=2))
    write_archive(folder, members | {first: members[second], second: members[first]})


def forge_manifest(folder: Path, rng: np.random.Generator) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    places: list[tuple[Any, Any]] = []

    def find(node: Any) -> None:
        for key, child in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, key))
            if isinstance(child, dict | list):
                find(child)

    find({name: part for name, part in manifest.items() if name not in ("files", "digest", "schema_version")})
    node, key = places[rng.integers(len(places))]
    node[key] = VALUES[rng.integers(len(VALUES))]
    seal(folder, **manifest)


def forge_threshold(folder: Path, rng: np.random.Generator) -> None:
    rule = json.loads((folder / "manifest.json").read_text())["rule"]
    seal(folder, rule=rule | {"threshold": VALUES[rng.integers(len(VALUES))]})


def forge_archive(folder: Path, rng: np.random.Generator) -> None:
    """Compress the archive, make it deep, or let a member unpack to a thousand times its size."""
    members = archive_of(folder)
    kind = rng.integers(3)
    if kind == 0:
        write_archive(folder, members, zipfile.ZIP_DEFLATED)
    elif kind == 1:
        write_archive(folder, members | {"99999.npy": bytes(200 << 20)}, zipfile.ZIP_DEFLATED)
    else:
        deep = b'{"content": ' * 20000 + b"1" + b"}" * 20000
        write_archive(folder, members | {"schema.json": deep})


def forge_weights(folder: Path, rng: np.random.Generator) -> None:
    """Change an array of a network and what the manifest says of it."""
    path = folder / "weights.safetensors"
    if not path.is_file():
        forge_array(folder, rng)
        return
    import safetensors.numpy

    arrays, manifest = safetensors.numpy.load_file(path), json.loads((folder / "manifest.json").read_text())
    name = sorted(arrays)[rng.integers(len(arrays))]
    if arrays[name].dtype.kind == "f" and arrays[name].size:
        forged = arrays[name].copy()
        forged.flat[0] = np.nan
        arrays[name] = forged if rng.integers(2) else np.concatenate([arrays[name], arrays[name]])
    for place, note in manifest["networks"].items():
        for part in note["arrays"]:
            array = arrays[f"{place}/{part}"]
            note["arrays"][part] = [str(array.dtype), list(array.shape)]
    path.write_bytes(safetensors.numpy.save(arrays))
    seal(folder, networks=manifest["networks"])


FORGERIES: list[Callable[[Path, np.random.Generator], None]] = [
    forge_value, forge_array, forge_array, forge_value, forge_attribute, forge_manifest, forge_weights,
    forge_swap, forge_threshold, forge_header, forge_archive,
]  # fmt: skip


_SMALL = {"width": 4, "blocks": 2, "epochs": 2, "batch_size": 8}
_NETWORK = {"extractor": "trunk", "network": _SMALL}
_CODER = {"extractor": "autoencoder", "components": 3, "network": _SMALL}
_FEWER: dict[str, dict[str, Any]] = {
    "forest": {"n_estimators": 5, "min_samples_leaf": 5},
    "neural": {"epochs": 3, "ensemble": 1, "weight_decay": 0.1},
    "perceptron": {"alpha": 10.0},
    "svm": {"C": 0.1, "kernel": "rbf"},
    "conv": _SMALL,
}
"""Settings that are fitted in no time."""


def _with(data: Small, **sections: Any) -> Small:
    """Return the cohort with other sections of its study."""
    given = data.study.model_dump()
    merged = {name: {**given[name], **section} for name, section in sections.items() if name != "features"}
    features = {"features": sections["features"]} if "features" in sections else {}
    return replace(data, study=Study.model_validate(given | merged | features))


def _at_sites(data: Small, site: str = "site") -> Small:
    """Put the people at three sites, and two more of which a model can only learn later."""
    sites = np.array(["east", "north", "west"])[np.arange(len(data.X)) // 2 % 3]
    X = data.X.assign(**{site: sites})
    X["hippocampus_left.volume_mm3"] += 5.0 * (sites == "west")
    study = data.study.model_dump()
    study["cohort"]["site"] = site
    return replace(data, study=Study.model_validate(study), roles=replace(data.roles, site=site), X=X)


def _images(ndim: int) -> Small:
    """People whose features are images."""
    cohort, plain = plant_blobs(24, edge=6, ndim=ndim, seed=3), simulate(24)
    X = image_frame(cohort.images, cohort.demographics)
    roles = replace(plain.roles, classes=("normal", "disease"), targets=("normal", "disease"))
    return Small(plain.study, roles, X, cohort.labels.astype(object), plain.groups)


def _slides() -> Small:
    """People whose features are bags of tiles."""
    plain, names = simulate(24), ("size", "dark", "present")
    bags = np.random.default_rng(0).normal(size=(24, 4, 3))
    bags[:, :, 0] += 2.0 * (plain.labels == "AD")[:, None]
    bags[:, :, 2] = 1.0
    columns = [bag_column(tile, name) for tile in range(4) for name in names]
    X = pd.DataFrame(bags.reshape(24, -1), plain.X.index, columns)
    return replace(plain, X=pd.concat([X, plain.X[["age", "sex"]]], axis=1))


def _words(section: type[BaseModel], name: str) -> list[str]:
    """Return the words that a key may have beside its default."""
    field = section.model_fields[name]
    return [word for word in choices_of(field.annotation) if word != field.default]


def kinds() -> Iterator[tuple[str, Small, str, str]]:
    """Yield every kind of model: its name, cohort, classifier and arm.

    Classifiers, arms and words of the study file come from the registries and the schema, new ones too.
    """
    two, three = simulate(), simulate(60, classes=("normal", "MCI", "AD"))
    many, sites = simulate(120), _at_sites(simulate())
    for name, spec in CLASSIFIERS.items():
        if spec.takes == "features":
            yield name, two, name, "normalized"
    for name in ("forest", "svm", "perceptron"):
        yield f"{name} of three", three, name, "normalized"
    yield "svm, linear", _with(two, classifier={"parameters": {"kernel": "linear"}}), "svm", "normalized"
    for arm in [arm for arm in ARMS if arm not in ("normalized", "bag_mean")]:
        yield arm, two, "logistic", arm
    settings = [
        {name: word}
        for name in NormalizerSection.model_fields
        for word in _words(NormalizerSection, name)
        if name not in ("mode", "reference")  # those are arms
    ]
    together = {"design": "spline", "variance": "demographic", "shrinkage": "empirical_bayes"}
    for section in (*settings, together | {"tails": "sinh_arcsinh", "interactions": [["age", "sex"]]}):
        yield f"normalizer {section}", _with(many, normalizer=section), "linear", "normalized"
    for name in _words(SelectionSection, "name"):
        yield name, _with(two, selection={"name": name, "features": [3]}), "logistic", "normalized"
    for method, unseen in product(_words(SitesSection, "harmonize"), _words(SitesSection, "unseen")):
        section = {"harmonize": method, "unseen": unseen}
        yield f"{method}, {unseen}", _with(sites, sites=section), "logistic", "normalized"
    costs = {"normal": {"normal": 0.0, "MCI": 1.0, "AD": 2.0}, "MCI": {"normal": 1.0, "MCI": 0.0, "AD": 1.0},
             "AD": {"normal": 4.0, "MCI": 1.0, "AD": 0.0}}  # fmt: skip
    yield "costs", _with(three, decision={"cost_matrix": costs}), "logistic", "normalized"
    yield "referral", _with(many, decision={"refer": 0.8}), "logistic", "normalized"
    components = {"extractor": "voxels", "components": 3}
    yield "components", _with(two, features=components), "logistic", "normalized"
    if find_spec("torch") and find_spec("safetensors"):
        yield "conv", _images(3), "conv", "normalized"
        yield "conv, flat", _images(2), "conv", "appended"
        yield "trunk", _with(_images(2), features=_NETWORK), "logistic", "normalized"
        yield "autoencoder", _with(_images(2), features=_CODER), "logistic", "normalized"
        yield "attention", _with(_slides(), features={"extractor": "attention"}), "logistic", "normalized"


def save_kind(folder: Path, data: Small, classifier: str, arm: str) -> Path:
    """Train and save one model, adapted to a new site where it can be."""
    given = _FEWER.get(classifier, {}) | data.study.classifier.parameters
    evaluation = {"inner_folds": 2, "folds": 2}
    model = model_of(_with(data, classifier={"parameters": given}, evaluation=evaluation), classifier, arm)
    if model.procedure.site is not None:
        newcomers = data.X.iloc[:20].assign(**{model.procedure.site: "south"})
        model = model.adapt_to_sites(newcomers, data.labels[:20])
    return save_model(model, folder)


def use(folder: str, data: Small, answer: Any) -> None:
    """Do with a model what the commands do with it, in a child: report how that ended."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S + 1))
    X, labels = data.X.iloc[:12], data.labels[:12]
    try:
        model = load_model(folder)
        predictions = model.predictions(X)
        model.facts(), model.trained_on(X)
        importances_of(model.procedure, model.notes, X)
        chosen = [name for name in model.feature_names if name in X][:2]
        trajectories_of(model.procedure, X, labels, model.notes, chosen)
        model.adapt_to_sites(X, labels)
        again = load_model(save_model(model, Path(folder) / "again")).predictions(X)
    except NormwiseError as error:
        answer.send(("refused", error.code))
    except BaseException as error:  # noqa: BLE001 - what is counted
        where = traceback.extract_tb(error.__traceback__)[-1]
        answer.send(
            ("traceback", f"{type(error).__name__}: {error} {Path(where.filename).name}:{where.lineno}")
        )
    else:
        odd = [each for each in predictions if not _sound(each, model)]
        if again != predictions:
            odd = odd or [again]
        answer.send(("odd", str(odd[0])[:300]) if odd else ("predicted", ""))


def _sound(found: Any, model: Any) -> bool:
    """Return whether a prediction is one decision, or one reason for none, that its numbers bear out."""
    values = np.array(
        [
            *found.probabilities.values(),
            *(each.value for each in found.contributions if each.value is not None),
        ]
    )
    if not np.isfinite(values).all() or (found.decision is None) != bool(found.reason):
        return False
    if found.decision is None:
        return True
    shares = np.array([found.probabilities.get(name, np.nan) for name in model.classes])
    decided = model.procedure.rule.decide(shares[None])[0]
    return bool((shares >= 0).all() and 0.999 < shares.sum() < 1.001 and decided == found.decision)


def run(count: int, seed: int = 0, first: int = 0) -> tuple[Counter[str], list[str]]:
    """Forge so many models, use each, and return the counts and one line a fault."""
    counts: Counter[str] = Counter()
    faults = []
    bases = list(kinds())
    with tempfile.TemporaryDirectory() as folder:
        saved: dict[str, Path] = {}
        for number in range(first, first + count):
            rng = np.random.default_rng([seed, number])
            name, data, classifier, arm = bases[number % len(bases)]
            if name not in saved:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    saved[name] = save_kind(Path(folder) / f"{len(saved)}", data, classifier, arm)
            forged = Path(shutil.copytree(saved[name], Path(folder) / "forged"))
            forgery = FORGERIES[rng.integers(len(FORGERIES))]
            forgery(forged, rng)
            seal(forged)
            ended, detail = _in_child(use, str(forged), data)
            counts[ended] += 1
            if ended not in ("refused", "predicted"):
                faults.append(f"{number} {forgery.__name__} of {name}: {ended} {detail}")
            shutil.rmtree(forged)
    return counts, faults


def _in_child(work: Callable[..., None], folder: str, data: Small) -> tuple[str, str]:
    # Of a process that has trained nothing: a fork of one whose threads hold a lock waits for it for ever.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    here, there = context.Pipe()
    child = context.Process(target=work, args=(folder, data, there))
    child.start()
    there.close()
    try:
        ended: tuple[str, str] = here.recv() if here.poll(PATIENCE_S) else ("hang", f"{PATIENCE_S} s")
    except EOFError:
        child.join()
        ended = ("crash", "no answer")
        if child.exitcode == -signal.SIGXCPU:
            ended = ("hang", f"{LIMIT_S} s of the processor")
    child.kill()
    child.join()
    return ended


if __name__ == "__main__":
    counted, lines = run(*(int(each) for each in (sys.argv[1:] or ["150"])))
    sys.stdout.write("\n".join([*lines, str(dict(counted)), ""]))
