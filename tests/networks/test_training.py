"""The training loop: the same bytes for a seed, and after a kill."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import small_network
from normwise.errors import ClassifierError
from normwise.networks.device import choose_device, deterministic_torch
from normwise.networks.training import OPTIMIZERS, train_network
from small_network import SETTINGS, batches, loss, network, weights

CHILD = Path(small_network.__file__)


def same(left, right):
    return all(np.array_equal(left[name], right[name]) for name in left)


def train(epochs=6, module=None, **settings):
    module = module or network()
    curve = train_network(module, batches, epochs=epochs, **{**SETTINGS, **settings})
    return weights(module), curve


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_seed_gives_the_same_bytes_and_the_loss_falls(optimizer):
    first, curve = train(optimizer=optimizer, epochs=30)
    torch.rand(3)  # the caller's generator has no say
    assert same(first, train(optimizer=optimizer, epochs=30)[0])
    assert not same(first, train(optimizer=optimizer, epochs=30, random_state=6)[0])
    assert curve.losses[-1] < curve.losses[0]
    assert curve.epochs == 30
    assert curve.rows == 30 * 24


def test_nothing_global_is_left_changed():
    torch.manual_seed(1)
    before = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    train(epochs=1)
    with pytest.raises(ZeroDivisionError), deterministic_torch(3, torch.device("cpu"), threads=1):
        1 / 0  # noqa: B018 - the error is the point
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_checkpoint_goes_on_to_the_same_bytes(tmp_path, optimizer):
    whole, curve = train(optimizer=optimizer)
    path = tmp_path / "net.safetensors"
    train(optimizer=optimizer, epochs=2, checkpoint=path)
    (tmp_path / ".net-0badcafe.part.safetensors").write_bytes(b"half")
    resumed, after = train(optimizer=optimizer, checkpoint=path, module=network(seed=123))
    assert after.resumed_at == 2
    assert same(whole, resumed)
    np.testing.assert_array_equal(curve.losses, after.losses)
    assert [file.name for file in tmp_path.iterdir()] == ["net.safetensors"]
    assert same(whole, train(optimizer=optimizer, checkpoint=path)[0])  # nothing is left to do


def test_a_training_killed_without_warning_goes_on_to_the_same_bytes(tmp_path):
    whole, _ = train(epochs=40)
    path = tmp_path / "net.safetensors"
    with subprocess.Popen([sys.executable, CHILD, path, "40", "0.05", "0.3", tmp_path / "end"]) as running:
        end = time.monotonic() + 60
        while not path.exists() and time.monotonic() < end and running.poll() is None:
            time.sleep(0.01)
        time.sleep(0.3)
        running.send_signal(signal.SIGKILL)
        assert running.wait(30) == -signal.SIGKILL
    resumed, curve = train(epochs=40, checkpoint=path)
    assert 0 < curve.resumed_at < 40
    assert same(whole, resumed)


@pytest.mark.parametrize(
    "other",
    [
        {"random_state": 6},
        {"learning_rate": 0.5},
        {"key": "other rows"},
        {"weight_decay": 0.0},
        {"epochs": 1},
    ],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, other):
    path = tmp_path / "net.safetensors"
    train(epochs=2, checkpoint=path)
    with pytest.raises(ClassifierError) as caught:
        train(checkpoint=path, **other)
    assert caught.value.code == "CLS-303"


def test_a_flipped_bit_in_a_checkpoint_is_refused(tmp_path):
    path = tmp_path / "net.safetensors"
    train(epochs=2, checkpoint=path)
    whole = path.read_bytes()
    for place in range(9, len(whole), len(whole) // 20):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ClassifierError) as caught:
            train(checkpoint=path)
        assert caught.value.code == "CLS-303"


@pytest.mark.parametrize("content", [b"", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ", b"nonsense" * 40])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    with pytest.raises(ClassifierError) as caught:
        train(checkpoint=path)
    assert caught.value.code == "CLS-303"


def test_early_stopping_returns_to_the_best_weights_also_after_a_resume(tmp_path):
    losses = [5.0, 3.0, 4.0, 4.0, 1.0, 0.0]
    kept = []
    settings = {
        "validate": lambda module: losses[len(kept)],
        "patience": 2,
        "after_epoch": lambda done, module: kept.append(weights(module)),
    }
    found, curve = train(**settings)
    assert (curve.best_epoch, curve.epochs, curve.validation) == (2, 4, losses[:4])
    assert same(found, kept[1])
    kept.clear()
    path = tmp_path / "net.safetensors"
    train(**settings | {"checkpoint": path, "epochs": 3})
    again, curve = train(**settings | {"checkpoint": path})
    assert curve.resumed_at == 3
    assert curve.best_epoch == 2
    assert same(found, again)


def test_row_weights_count_as_rows_written_more_often():
    draw = torch.Generator().manual_seed(0)
    rows, target = torch.randn(10, 4, generator=draw, dtype=torch.float64), torch.arange(10) % 2
    often = torch.tensor([1, 2, 3, 1, 0] * 2)
    written = rows.repeat_interleave(often, 0), target.repeat_interleave(often), torch.ones(int(often.sum()))
    results = []
    for inputs, aims, weight in ((rows, target, often.double()), written):
        module = network(dropout=0.0)
        batch = (inputs,), aims, weight
        train_network(module, lambda epoch, batch=batch: [batch], loss=loss, epochs=20)
        results.append(weights(module))
    for name in results[0]:
        np.testing.assert_allclose(results[0][name], results[1][name], atol=1e-12)


def test_decay_may_differ_between_members_and_spares_biases():
    class Members(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(3, 2, 2))
            self.bias = torch.nn.Parameter(torch.ones(3, 1, 2))

        def forward(self, rows):
            return (rows @ self.weight + self.bias).movedim(0, 1) * 0.0

    module = Members()
    curve = train_network(
        module,
        lambda epoch: [((torch.ones(5, 2),), torch.zeros(5), torch.ones(5))],
        loss=lambda output, target: output.sum(dim=-1),
        epochs=4,
        learning_rate=0.1,
        weight_decay=torch.tensor([0.0, 1.0, 2.0]),
    )
    assert curve.losses.shape == (4, 3)
    expected = [(1 - 0.1 * decay) ** 4 for decay in (0.0, 1.0, 2.0)]
    np.testing.assert_allclose(module.weight[:, 0, 0].detach(), expected, rtol=1e-6)
    np.testing.assert_allclose(module.bias.detach(), 1.0)


def test_the_penalty_is_that_of_ridge_regression():
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(30, 3, generator=draw, dtype=torch.float64)
    target = rows @ torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    module = torch.nn.Linear(3, 1, bias=False).double()
    train_network(
        module,
        lambda epoch: [((rows,), target, torch.ones(30))],
        loss=lambda output, target: 0.5 * (output[:, 0] - target) ** 2,
        epochs=300,
        optimizer="sgd",
        learning_rate=0.05,
        penalty=0.7,
    )
    ridge = torch.linalg.solve(rows.T @ rows / 30 + 0.7 * torch.eye(3), rows.T @ target / 30)
    np.testing.assert_allclose(module.weight[0].detach(), ridge, atol=1e-8)


def test_a_loss_that_explodes_and_a_device_that_is_not_there_are_refused():
    with pytest.raises(ClassifierError, match="finite") as caught:
        train_network(network(), batches, epochs=3, loss=lambda output, target: output[:, 0] * torch.inf)
    assert caught.value.code == "CLS-304"
    for name in ("cuda:99", "gpu"):
        with pytest.raises(ClassifierError, match="no such device") as caught:
            choose_device(name)
        assert caught.value.code == "CLS-302"


def test_progress_tells_loss_and_time_left():
    class Recorded:
        lines = ()

        def start(self, title, total):
            self.lines += (f"{title} {total}",)

        def advance(self, title, subject="", state="done", code=""):
            self.lines += (subject,)

        def finish(self, title):
            self.lines += ("end",)

    shown = Recorded()
    train(epochs=2, progress=shown, title="network")
    assert (shown.lines[0], shown.lines[-1], len(shown.lines)) == ("network 2", "end", 4)
    assert shown.lines[1].startswith("loss 0.")
    assert shown.lines[1].endswith(" s left")
