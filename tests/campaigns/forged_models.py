"""Forged models with right hashes: each is opened and used in a child, which must neither crash nor hang.

``python tests/campaigns/forged_models.py [MODELS] [SEED]`` prints one line a fault and the counts; the slow
test beside it runs the same with 150.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from normwise.errors import NormwiseError
from normwise.files import sha256_file
from normwise.model.bundle import _digest, load_model, save_model
from normwise.schema import Study
from simulated import Small, model_of, simulate

LIMIT_S = 60
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
    manifest["digest"] = _digest(manifest)
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

    find(
        {
            name: manifest[name]
            for name in ("rule", "roles", "training", "networks", "feature_names", "setting")
        }
    )
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


def models(folder: Path) -> list[tuple[Path, Small]]:
    """Save one model of every classifier, and of what else a pipeline may hold."""
    two, three = simulate(), simulate(60, classes=("normal", "MCI", "AD"))
    kinds: list[tuple[Small, str, str]] = [
        (two, name, "normalized")
        for name in ("forest", "logistic", "linear", "svm", "perceptron", "neural", "forest")
    ]
    kinds += [(three, "forest", "appended"), (three, "svm", "normalized"), (two, "logistic", "raw")]
    saved = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, (data, name, arm) in enumerate(kinds):
            saved.append((save_model(model_of(data, name, arm), folder / f"{number}"), data))
        study = Study.model_validate(
            two.study.model_dump()
            | {"normalizer": {"design": "spline", "variance": "demographic"},
               "selection": {"name": "univariate", "features": [3]}, "decision": {"refer": 0.8}}
        )  # fmt: skip
        rich = Small(study, two.roles, two.X, two.labels, two.groups)
        saved.append((save_model(model_of(rich), folder / "rich"), rich))
    return saved


def use(folder: str, data: Small, answer: Any) -> None:
    """Open a model and predict, in a child: report how that ended."""
    warnings.simplefilter("ignore")
    try:
        predictions = load_model(folder).predictions(data.X.iloc[:12])
    except NormwiseError as error:
        answer.send(("refused", error.code))
    except BaseException as error:  # noqa: BLE001 - what is counted
        answer.send(("traceback", f"{type(error).__name__}: {error}"[:200]))
    else:
        odd = [
            each
            for each in predictions
            if (each.decision is None) != bool(each.reason)
            or (each.decision is not None and not 0.999 < sum(each.probabilities.values()) < 1.001)
        ]
        answer.send(("odd", str(odd[0])[:200]) if odd else ("predicted", ""))


def run(count: int, seed: int = 0) -> tuple[Counter[str], list[str]]:
    """Forge so many models, use each, and return the counts and one line a fault."""
    import shutil

    context = multiprocessing.get_context("fork")
    counts: Counter[str] = Counter()
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        bases = models(Path(folder))
        for number in range(count):
            rng = np.random.default_rng([seed, number])
            base, data = bases[number % len(bases)]
            forged = Path(shutil.copytree(base, Path(folder) / "forged"))
            forgery = FORGERIES[number % len(FORGERIES)]
            forgery(forged, rng)
            seal(forged)
            here, there = context.Pipe()
            child = context.Process(target=use, args=(str(forged), data, there))
            child.start()
            there.close()
            try:
                ended = here.recv() if here.poll(LIMIT_S) else ("hang", f"{LIMIT_S} s")
            except EOFError:
                ended = ("crash", "no answer")
            child.kill()
            child.join()
            counts[ended[0]] += 1
            if ended[0] in ("crash", "hang", "traceback", "odd"):
                faults.append(f"{number} {forgery.__name__} of {base.name}: {ended[0]} {ended[1]}")
            shutil.rmtree(forged)
    return counts, faults


if __name__ == "__main__":
    counted, lines = run(*(int(each) for each in (sys.argv[1:] or ["150"])))
    sys.stdout.write("\n".join([*lines, str(dict(counted)), ""]))
