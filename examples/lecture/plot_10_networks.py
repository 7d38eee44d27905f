"""
Neural and deep network, six activations
========================================

A unit of a network is a weighted sum and a bend, its activation. One hidden layer of units is the neural
network, several are the deep one. Normwise knows six activations.
"""

import matplotlib.pyplot as plt
import numpy as np

from normwise.classify import NeuralClassifier

rng = np.random.default_rng(0)
angle = np.linspace(0, 3.0 * np.pi, 120)
turned = np.where(np.arange(240) < 120, 0.0, np.pi)
spiral = np.tile(angle, 2)
X = np.column_stack([spiral * np.cos(spiral / 2 + turned), spiral * np.sin(spiral / 2 + turned)]) / 3
X += rng.normal(0, 0.12, X.shape)
y = np.where(turned > 0, "dementia", "normal")

# %%
# Two classes that no line parts. Each network has two hidden layers and differs in its activation alone.

grid = np.stack(np.meshgrid(np.linspace(-3.4, 3.4, 80), np.linspace(-3.4, 3.4, 80)), axis=-1).reshape(-1, 2)
figure, panels = plt.subplots(2, 3, figsize=(9.5, 6.2), sharex=True, sharey=True, layout="constrained")
for axes, activation in zip(
    panels.flat, ("tanh", "sigmoid", "relu", "leaky_relu", "maxout", "elu"), strict=True
):
    model = NeuralClassifier(
        hidden=(16, 8),
        activation=activation,
        epochs=150,
        learning_rate=0.03,
        weight_decay=0.0005,
        ensemble=1,
        random_state=0,
    ).fit(X, y)
    p = model.predict_proba(grid)[:, list(model.classes_).index("dementia")].reshape(80, 80)
    axes.contourf(
        np.linspace(-3.4, 3.4, 80), np.linspace(-3.4, 3.4, 80), p, levels=10, cmap="RdBu_r", alpha=0.6
    )
    axes.scatter(*X.T, c=np.where(y == "dementia", "C3", "C0"), s=8)
    axes.set_title(f"{activation}: {model.score(X, y):.0%} of the training")
    axes.set_aspect("equal")

# %%
# One hidden layer against two, with the same activation.

figure, panels = plt.subplots(1, 2, figsize=(7.5, 3.8), sharey=True, layout="constrained")
for axes, hidden in zip(panels, ((8,), (16, 8)), strict=True):
    model = NeuralClassifier(
        hidden=hidden, epochs=150, learning_rate=0.03, weight_decay=0.0005, ensemble=1, random_state=0
    ).fit(X, y)
    p = model.predict_proba(grid)[:, list(model.classes_).index("dementia")].reshape(80, 80)
    axes.contourf(
        np.linspace(-3.4, 3.4, 80), np.linspace(-3.4, 3.4, 80), p, levels=10, cmap="RdBu_r", alpha=0.6
    )
    axes.scatter(*X.T, c=np.where(y == "dementia", "C3", "C0"), s=8)
    axes.set_title(
        f"{'neural' if len(hidden) == 1 else 'deep'}: hidden layers of {' and '.join(map(str, hidden))} units"
    )
    axes.set_aspect("equal")

# %%
# In a study it is one line, and its features come normalized as to every classifier::
#
#     normwise evaluate study.toml run --classifier neural
