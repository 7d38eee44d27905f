"""
0/1 classes, logistic function, cross-entropy
=============================================

Normal people are 0, patients are 1. A straight line through these numbers is a classifier, and goes below 0
and above 1. The logistic function bends it into a probability, and cross-entropy is the cost that belongs
to it.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from normwise.classify import LinearClassifier, LogisticClassifier
from normwise.cli.main import main as command
from normwise.normalize import FeatureNormalizer
from normwise.report import read_section
from normwise.samples import simulate_table

folder = Path(tempfile.mkdtemp())
study = simulate_table(folder / "people")

# %%
# One feature: how far the left hippocampus departs from what is normal for a person of that age and sex.

people = pd.read_csv(study.with_name("participants.tsv"), sep="\t", index_col="participant_id")
ill = people["diagnosis"] == "dementia"
columns = ["hippocampus_left.volume_mm3", "age", "sex"]
normalizer = FeatureNormalizer(demographics=["age", "sex"], normal="normal").set_output(transform="pandas")
w = normalizer.fit_transform(people[columns], people["diagnosis"]).to_numpy()
line = LinearClassifier().fit(w, ill)
curve = LogisticClassifier().fit(w, ill)

at = np.linspace(w.min() - 0.5, w.max() + 0.5, 200)[:, None]
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
left.plot(w[:, 0], ill, "o", alpha=0.4, label="people")
left.plot(at, line.coef_[0, 0] * at + line.intercept_[0], label="line")
left.plot(at, curve.predict_proba(at)[:, 1], label="logistic function")
left.set(xlabel="W-score of the left hippocampus", ylabel="0 normal, 1 dementia", ylim=(-0.4, 1.4))
left.legend(frameon=False)
p = np.linspace(0.01, 0.99, 99)
right.plot(p, -np.log(p), label="of a patient")
right.plot(p, -np.log(1 - p), label="of a normal person")
right.set(xlabel="Probability of dementia", ylabel="Cross-entropy")
right.legend(frameon=False)

# %%
# Who is ill and called ill with a probability of .99 costs next to nothing, with .01 a lot.
#
# With two features the logistic curve becomes a surface, and where it crosses the threshold, a line between
# the classes.

command(
    f"train {study} {folder / 'run'} --classifier logistic --jobs 1 "
    "--columns hippocampus_left.volume_mm3 medial_temporal_left.thickness_mm".split()
)
read_section(folder / "run" / "report.html", "classifier")
