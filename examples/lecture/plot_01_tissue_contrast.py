"""
Tissue contrast
===============

On a T1-weighted image fluid is dark, grey matter grey and white matter bright. Everything that is measured
of a brain rests on this contrast.
"""

import matplotlib.pyplot as plt
import numpy as np

from normwise.samples import draw_people, open_simulator, simulate_brain

simulator = open_simulator()
person = draw_people(12, np.random.default_rng(0))[0]
brain = simulate_brain(person, 0, simulator)
brain

# %%
# How bright the voxels are of which the template says that they are one tissue. Noise, the coil's uneven
# sensitivity and voxels that hold two tissues make the three overlap.

template = simulator.template
figure, axes = plt.subplots(figsize=(7, 3.4), layout="constrained")
edges = np.linspace(0, np.percentile(brain.voxels, 99.9), 80)
for name, share in (
    ("fluid", template.fluid),
    ("grey matter", template.grey),
    ("white matter", template.white),
):
    axes.hist(
        brain.voxels[(share > 0.9) & (brain.voxels > 0)], bins=edges, density=True, alpha=0.6, label=name
    )
axes.set(xlabel="Brightness, scanner units", ylabel="Share of voxels", yticks=[])
axes.legend(frameon=False)
