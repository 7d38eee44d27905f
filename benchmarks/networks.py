"""Networks for images: ``python -m benchmarks networks breast|planted|oasis|gpu|resume [FOLDER]``.

``breast`` and ``oasis`` read real cohorts from ../shared/data. ``oasis`` keeps finished folds in FOLDER, so
that an interrupted run goes on. ``gpu`` runs on a processor as well, at a tiny size.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SHIFTED = {"mirror": 0.5, "rotation": 10, "scale": 0.1, "shift": 0.08, "intensity": 0.15, "noise": 0.05}

# Chosen by 3-fold cross-validation on the 624 training and validation pictures, none of the test.
BREAST = {
    "ndim": 2, "width": 24, "stem_stride": 2, "epochs": 60, "batch_size": 32, "ensemble": 2,
    "augmentation": SHIFTED,
}  # fmt: skip

# Chosen on cohorts of other seeds than those that are tested.
PLANTED = {
    "width": 8, "blocks": 2, "epochs": 100, "dropout": 0.0,
    "augmentation": {"mirror": 0.5, "rotation": 180, "shift": 0.1, "noise": 0.1},
}  # fmt: skip

# Set beforehand from what the network costs; nothing was tuned on the outer folds.
VOLUME_MM = 6.0
VOLUME = {"width": 8, "blocks": 3, "epochs": 30, "batch_size": 8, "learning_rate": 2e-3}
STUDY = {
    "title": "OASIS-1, 60 years and older",
    "cohort": {
        "root": str(DATA / "oasis1"), "table": "oasis_cross-sectional.csv", "id": "ID",
        "group_pattern": r"^(OAS1_\d+)_", "images": "volumes/{ID}.nii.gz", "label": "CDR",
        "classes": {"normal": ["0"], "dementia": ["0.5", "1", "2"]}, "normal": "normal",
        "demographics": ["Age", "M/F"], "include": ["Age >= 60"], "sessions": "first",
    },
}  # fmt: skip


def breast() -> None:
    """BreastMNIST, official split: five seeds, trained on training and validation pictures."""
    from normwise.classify import ConvClassifier

    with np.load(DATA / "medmnist" / "breastmnist.npz", allow_pickle=False) as stored:
        X = np.concatenate([stored["train_images"], stored["val_images"]])
        y = np.concatenate([stored["train_labels"], stored["val_labels"]]).ravel()
        X_test, y_test = stored["test_images"], stored["test_labels"].ravel()
    found = []
    for seed in range(5):
        began = time.perf_counter(), time.process_time()
        model = ConvClassifier(**BREAST, random_state=seed).fit(X, y)
        found.append(roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]))
        wall, processor = time.perf_counter() - began[0], time.process_time() - began[1]
        print(f"  seed {seed}: AUC {found[-1]:.3f}   {wall:.0f} s wall, {processor:.0f} s CPU", flush=True)
    print(f"BreastMNIST, {len(y)} to train on, {len(y_test)} to test: mean AUC {np.mean(found):.3f}"
          f" (SD over seeds {np.std(found, ddof=1):.3f}); a ResNet-18 is published at 0.901")  # fmt: skip


def planted() -> None:
    """Tell people with too large a blob for their age from others."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from normwise.classify import ConvClassifier
    from normwise.learnt.trunk import ConvTrunk
    from normwise.model.saliency import grad_cam
    from normwise.networks.images import image_frame
    from normwise.normalize import FeatureNormalizer
    from planted_images import plant_blobs

    train, test = plant_blobs(400, seed=101), plant_blobs(300, seed=102)
    X, X_test = (image_frame(each.images, each.demographics) for each in (train, test))
    ill = test.labels == "disease"
    print(f"the blob's true radius alone: AUC {roc_auc_score(ill, test.radii):.3f}")
    names = ("age", "sex")
    normalizer = FeatureNormalizer(names, "normal", categorical=("sex",))
    arms = {
        "images": ConvClassifier(**PLANTED, demographics=()),
        "images + demographics": ConvClassifier(**PLANTED),
        "trunk + normalizer": make_pipeline(
            ConvTrunk(PLANTED, demographics=names), normalizer, LogisticRegression(C=0.1, max_iter=1000)
        ),
    }
    for title, model in arms.items():
        began = time.process_time()
        model.fit(X, train.labels)
        odds = model.predict_proba(X_test)[:, list(model.classes_).index("disease")]
        auc = roc_auc_score(ill, odds)
        print(f"  {title}: AUC {auc:.3f}, {time.process_time() - began:.0f} s CPU", flush=True)
        if title == "images + demographics":
            maps = grad_cam(model, X_test[ill], "disease")
            places = np.array([np.unravel_index(np.argmax(each), each.shape) for each in maps])
            far = np.linalg.norm(places - test.centres[ill], axis=1)
            print(f"  Grad-CAM, strongest place inside the blob: {np.mean(far <= test.radii[ill]):.3f}")


def oasis(folder: Path) -> None:
    """Five arms on the same outer folds of OASIS, 60 years and older."""
    from normwise.cohort import read_cohort
    from normwise.features import extract_features
    from normwise.procedure import draw_folds, seed_for
    from normwise.schema import Study

    began = time.perf_counter()
    tables = {}
    for kind in ("images", "regions"):
        study = Study.model_validate(STUDY | {"features": {"extractor": kind, "voxel_size_mm": VOLUME_MM}})
        cohort = read_cohort(study)
        values = extract_features(cohort, study, cache_dir=folder / "cache").values
        tables[kind] = pd.concat([values, cohort.frame.loc[values.index]], axis=1)
    print(
        f"images of {tables['images'].shape[1] - 2} voxels, {time.perf_counter() - began:.0f} s", flush=True
    )
    labels = cohort.labels.loc[values.index].to_numpy(dtype=object)
    groups = cohort.groups.loc[values.index].to_numpy(dtype=object)
    folds = draw_folds(labels, groups, ("normal", "dementia"), folds=5, seed=seed_for(0, 0))
    ill = labels == "dementia"
    found: dict[str, NDArray[np.float64]] = {}
    for arm in ("demographics", "regions", "images", "images + demographics", "trunk + normalizer"):
        found[arm], processor = np.full(len(labels), np.nan), time.process_time()
        table = tables["regions" if arm == "regions" else "images"]
        for number, fold in enumerate(folds):
            path = folder / f"{arm.replace(' ', '')}-{number}.npy"
            if not path.exists():
                model = _oasis_arm(arm, folder / f"weights-{arm.replace(' ', '')}-{number}")
                X = table[["Age", "M/F"]] if arm == "demographics" else table
                model.fit(X.iloc[fold.train], labels[fold.train])
                odds = model.predict_proba(X.iloc[fold.test])[:, list(model.classes_).index("dementia")]
                np.save(path, odds)
            found[arm][fold.test] = np.load(path)
        low, high = _interval(ill, found[arm])
        print(f"  {arm}: AUC {roc_auc_score(ill, found[arm]):.3f} [{low:.3f}, {high:.3f}],"
              f" {time.process_time() - processor:.0f} s CPU in this call", flush=True)  # fmt: skip
    for arm in ("images", "images + demographics", "trunk + normalizer"):
        low, high = _interval(ill, found[arm], found["regions"])
        gap = roc_auc_score(ill, found[arm]) - roc_auc_score(ill, found["regions"])
        print(f"  {arm} − regions: {gap:+.3f} [{low:+.3f}, {high:+.3f}]")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(labels)} people, {time.perf_counter() - began:.0f} s wall, peak memory {peak:.0f} MB")


def _oasis_arm(arm: str, folder: Path) -> Any:
    """Return one arm, unfitted; a network writes its epochs down in the folder."""
    from sklearn.pipeline import make_pipeline

    from normwise.classify import ConvClassifier, LogisticClassifier
    from normwise.learnt.trunk import ConvTrunk
    from normwise.normalize import FeatureNormalizer
    from normwise.procedure import make_procedure

    names, kept = ("Age", "M/F"), {"checkpoint": str(folder)}
    if arm == "images":
        return ConvClassifier(**VOLUME, **kept, demographics=())
    if arm == "images + demographics":
        return ConvClassifier(**VOLUME, **kept)
    if arm == "trunk + normalizer":
        normalizer = FeatureNormalizer(names, "normal", categorical=("M/F",))
        return make_pipeline(ConvTrunk(VOLUME, demographics=names), normalizer, LogisticClassifier(C=0.01))
    mode = "append" if arm == "demographics" else "replace"
    classifier = LogisticClassifier(C=1.0 if arm == "demographics" else 0.01)
    return make_procedure(names, "normal", categorical=("M/F",), mode=mode, classifier=classifier)


def _interval(
    ill: NDArray[np.bool_], odds: NDArray[np.float64], other: NDArray[np.float64] | None = None
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval, over people of each class, of an AUC or a difference of two."""
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(2000):
        rows = np.concatenate(
            [rng.choice(part, len(part)) for part in (np.flatnonzero(ill), np.flatnonzero(~ill))]
        )
        auc = roc_auc_score(ill[rows], odds[rows])
        drawn.append(auc - (roc_auc_score(ill[rows], other[rows]) if other is not None else 0.0))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def gpu() -> None:
    """Count samples a second against a plain training loop with the same net and batch."""
    import torch
    from torch.nn import functional

    from normwise.networks.images.architectures import build_network
    from normwise.networks.images.augmentation import Augmentation
    from normwise.networks.images.training import ImageBatches, ImageSet, Settings
    from normwise.networks.training import train_network

    on_gpu = torch.cuda.is_available()
    device = "cuda" if on_gpu else "cpu"
    edge, width, batch, count, epochs = (96, 32, 16, 256, 3) if on_gpu else (16, 8, 8, 32, 3)
    print(
        f"device {torch.cuda.get_device_name() if on_gpu else 'processor: a tiny size, no figure to quote'}"
    )
    rng = np.random.default_rng(0)
    images = rng.normal(size=(count, 1, edge, edge, edge)).astype(np.float32)
    codes = np.arange(count) % 2
    rows = ImageSet(images, 0.0, 1.0, np.empty((count, 0), np.float32), codes, np.ones(count))

    def network() -> Any:
        return build_network(
            "residual", ndim=3, channels=1, width=width, blocks=4, stem_stride=1, demographics=0, classes=2,
            dropout=0.0,
        )  # fmt: skip

    def ours() -> tuple[float, float]:
        plan = Settings(epochs, batch, 1e-3, 0.0, Augmentation(), device)
        began = time.perf_counter()
        curve = train_network(
            network(), ImageBatches(rows, plan, 0), epochs=epochs, device=device,
            loss=lambda scores, target: functional.cross_entropy(scores, target, reduction="none"),
        )  # fmt: skip
        return time.perf_counter() - began, curve.loading_seconds / curve.seconds

    def plain() -> float:
        module = network().to(device)
        optimizer = torch.optim.Adam(module.parameters(), 1e-3)
        data = torch.utils.data.TensorDataset(torch.from_numpy(images), torch.from_numpy(codes))
        loader = torch.utils.data.DataLoader(data, batch, shuffle=True, pin_memory=on_gpu)
        began = time.perf_counter()
        for _ in range(epochs):
            module.train()
            for pictures, target in loader:
                optimizer.zero_grad()
                none = torch.empty((len(pictures), 0), device=device)
                loss = functional.cross_entropy(module(pictures.to(device), none), target.to(device))
                loss.backward()
                optimizer.step()
        if on_gpu:
            torch.cuda.synchronize()
        return time.perf_counter() - began

    ours()  # chooses its algorithms
    plain()
    rounds = [(ours(), plain()) for _ in range(3)]
    speed = np.median([epochs * count / each[0][0] for each in rounds])
    other = np.median([epochs * count / each[1] for each in rounds])
    waiting = np.median([each[0][1] for each in rounds])
    print(f"  ours {speed:.1f} images/s, plain loop {other:.1f} images/s: {speed / other:.2f} ×")
    print(f"  share of our time lost to loading: {waiting:.1%}")


_KILLED = """
import sys
from pathlib import Path
from normwise.classify import ConvClassifier
from normwise.features import image_frame
from planted_images import plant_blobs
cohort = plant_blobs(60, edge=16, seed=5)
X = image_frame(cohort.images, cohort.demographics)
model = ConvClassifier(width=4, blocks=2, epochs=30, augmentation="strong", checkpoint=sys.argv[1] or None)
model.fit(X, cohort.labels)
print(sum(float(abs(part).sum()) for part in model.weights_[0].values()).hex())
"""


def resume() -> None:
    """Kill a training with signal 9 at several moments, go on, and compare the weights."""
    answers = [
        subprocess.run([sys.executable, "-c", _KILLED, ""], capture_output=True, text=True, check=True)
    ]
    kills = 0
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept"
        while True:
            child = subprocess.Popen(
                [sys.executable, "-c", _KILLED, str(kept)], stdout=subprocess.PIPE, text=True
            )
            written = _stamp(kept)
            while child.poll() is None and (kills >= 3 or _stamp(kept) < written + 2):
                time.sleep(0.01)
            if child.poll() is None:
                child.kill()
                child.wait()
                kills += 1
                continue
            answers.append(child)
            printed = child.stdout.read() if child.stdout else ""
            break
    same = printed.strip() == answers[0].stdout.strip()
    print(f"killed {kills} times with signal 9, then gone on: weights {'identical' if same else 'DIFFERENT'}")


def _stamp(folder: Path) -> int:
    """Return how many epochs the checkpoint has seen, by what it says."""
    import json

    from safetensors import safe_open

    path = folder / "member-0.safetensors"
    if not path.exists():
        return 0
    with safe_open(path, framework="np") as opened:
        return int(json.loads(opened.metadata()["normwise"])["epoch"])


def main() -> None:
    parts = {"breast": breast, "planted": planted, "gpu": gpu, "resume": resume}
    wanted = sys.argv[2:3] or ["resume"]
    if wanted[0] == "oasis":
        oasis(Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp(prefix="normwise-oasis-")))
    elif wanted[0] in parts:
        parts[wanted[0]]()
    else:
        print(f"usage: python -m benchmarks networks {'|'.join([*parts, 'oasis'])}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
