"""
Several sites, and the card of a new one
========================================

Scanners shift and stretch what is measured on their images. ``harmonize`` learns that from the normal
people of each site; a site that was not trained on is measured by a few of its normal people, whose card
holds no person.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from normwise.cli.main import main as command
from normwise.samples import simulate_table

folder = simulate_table(Path(tempfile.mkdtemp()) / "people", people=300).parent
people = pd.read_csv(folder / "participants.tsv", sep="\t")
sites = np.random.default_rng(0).choice(list("ABCDEFGH"), len(people))
measured = [name for name in people if "." in name]
scale = pd.Series(np.linspace(0.85, 1.15, 8), list("ABCDEFGH"))
people["site"] = sites
people[measured] = people[measured].mul(scale[sites].to_numpy(), axis=0)
new = people[people["site"] == "H"]
people[people["site"] != "H"].to_csv(folder / "participants.tsv", sep="\t", index=False)
text = (folder / "study.toml").read_text(encoding="utf-8")
text = text.replace('label = "diag', 'site = "site"\nlabel = "diag')
(folder / "study.toml").write_text(
    text + '\n[sites]\nharmonize = "hierarchical"\nunseen = "predict"\n', encoding="utf-8"
)
run, card = folder.parent / "run", folder.parent / "card.json"
command(f"train {folder / 'study.toml'} {run} --jobs 1".split())

# %%
# What controls of the new site would be worth, before anybody is measured there.

command(f"adapt {run}".split())

# %%
# Eight healthy people of site H make its card.

normal = new[(new["diagnosis"] == "normal") & new["age"].between(60, 80)]
normal.iloc[:8].to_csv(folder / "controls.tsv", sep="\t", index=False)
normal.iloc[8:].to_csv(folder / "new.tsv", sep="\t", index=False)
command(f"adapt {run} --table {folder / 'controls.tsv'} --out {card}".split())

# %%
# Other healthy people of the site, without the card and with it: W-scores of the normal lie around 0.

command(f"score {run} --table {folder / 'new.tsv'} --out {folder / 'without.tsv'}".split())
command(f"score {run} --table {folder / 'new.tsv'} --site-card {card} --out {folder / 'with.tsv'}".split())

# %%
figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
for place, name in enumerate(("without", "with")):
    w = pd.read_csv(folder / f"{name}.tsv", sep="\t")["hippocampus_left.volume_mm3"]
    axes.plot(w, np.full(len(w), place), "o", alpha=0.5)
    axes.plot(w.mean(), place, "k|", markersize=22)
axes.axvline(0, color="0.5", linewidth=1)
axes.set(
    yticks=[0, 1],
    yticklabels=["without card", "with card"],
    ylim=(-0.6, 1.6),
    xlabel="W-score of the left hippocampus",
)
