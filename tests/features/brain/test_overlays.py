"""Strips: left is on the left, the mask is drawn where it is, and the same chain gives the same bytes."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

import fake_chain
from normwise.features.brain.overlays import HEIGHT, OVERLAYS, draw_overlays
from normwise.features.brain.settings import ChainSettings
from normwise.features.brain.stage_cache import StageStore, run_cached_stages


@pytest.fixture
def arrays(monkeypatch):
    monkeypatch.setattr("normwise.features.brain.chain.STAGES", fake_chain.STAGES)
    return run_cached_stages(fake_chain.head(), ChainSettings(), StageStore(None))[0]


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_every_strip_is_drawn_and_small(arrays):
    drawn = draw_overlays(arrays, fake_chain.NAMES)
    assert list(drawn) == [each.stage for each in OVERLAYS]
    for png in drawn.values():
        assert pixels(png).shape[0] == HEIGHT
        assert len(png) < 250_000
    assert draw_overlays(arrays, fake_chain.NAMES) == drawn


def test_left_is_on_the_left(arrays):
    width = round(HEIGHT * 40 / 44)
    for head, brighter_left in ((arrays["head"], False), (arrays["head"][::-1], True)):
        picture = pixels(draw_overlays({**arrays, "head": head}, fake_chain.NAMES)["mask"])[:, :width]
        core = picture[HEIGHT // 2 - 30 : HEIGHT // 2 + 30, 70 : width - 70].sum(axis=(0, 2))
        half = len(core) // 2
        assert (core[:half].sum() > core[-half:].sum()) == brighter_left


def test_the_front_is_up_and_the_sagittal_head_looks_to_the_right(arrays):
    marked = np.zeros_like(arrays["head"])
    marked[:, 38:, :] = 100.0  # the front
    picture = pixels(draw_overlays({**arrays, "head": marked}, fake_chain.NAMES)["mask"])
    axial = picture[:, : round(HEIGHT * 40 / 44)]
    sagittal = picture[:, -round(HEIGHT * 44 / 36) :]
    assert axial[10].sum() > 10 * axial[-60].sum()
    assert sagittal[:60, -20:].mean() > 100 > sagittal[:60, :20].mean()


def test_the_outline_is_that_of_the_mask(arrays):
    red = pixels(draw_overlays(arrays, fake_chain.NAMES)["mask"])
    outline = (red[:, :, 0] - red[:, :, 1] > 80).sum()
    smaller = {**arrays, "mask": (arrays["head"] > 100).astype(np.uint8)}
    red = pixels(draw_overlays(smaller, fake_chain.NAMES)["mask"])
    assert 0 < (red[:, :, 0] - red[:, :, 1] > 80).sum() < outline


def test_a_chain_that_stopped_early_is_drawn_as_far_as_it_came(arrays):
    some = {name: arrays[name] for name in ("head", "head_affine", "mask", "box")}
    assert list(draw_overlays(some, {})) == ["mask"]
    assert draw_overlays({name: arrays[name] for name in ("head", "head_affine")}, {}) == {}


def test_an_empty_head_is_drawn_black(arrays):
    empty = {**arrays, "head": np.zeros_like(arrays["head"]), "mask": np.zeros_like(arrays["mask"])}
    assert pixels(draw_overlays(empty, {})["mask"]).mean() < 10
