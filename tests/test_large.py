"""Large nets: matrices beyond the first-level cache, deep matrix products.

Too many weights for one tangent each, so the gradient is proved along directions, and online
learning by its limit for a vanishing learning rate.
"""

import numpy as np
import pytest
from nets import assert_close, assert_same_bits, assert_same_future, build, random_task, run_by_hand
from oracle import Architecture, join, truncated_slopes

import pylstm

SIZES = {"n_inputs": 64, "n_outputs": 5}
LARGE = {
    "64x1": Architecture(n_blocks=64, **SIZES),
    "64x1, everything": Architecture(
        n_blocks=64, peepholes=True, gate_recurrence=True, shortcut=True, hidden_bias="gates",
        output="logistic", **SIZES,
    ),
    "25x3": Architecture(n_blocks=25, block_size=3, peepholes=True, **SIZES),
    "33x1": Architecture(n_blocks=33, forget_gate=False, n_inputs=33, output="softmax"),
}  # fmt: skip


@pytest.fixture(params=list(LARGE))
def large(request):
    return LARGE[request.param]


def build_large(architecture, dtype="float64", **keywords):
    return build(architecture, dtype, init_range=0.15, **keywords)


def test_gradient_along_directions(large, rng):
    """For every parameter, moved in all its entries by 1 up or down, and all together."""
    net = build_large(large)
    inputs, targets = random_task(large, 9, rng)
    gradient = join(large, net.gradient(inputs, targets))
    places = np.repeat(np.arange(len(large.shapes)), [r * c for r, c in large.shapes.values()])
    signs = rng.choice([-1.0, 1.0], (gradient.size, len(large.shapes) + 1))
    signs[:, :-1] *= places[:, None] == np.arange(len(large.shapes))
    directions = 0.1 * signs
    wanted = truncated_slopes(large, net.parameters, inputs, targets, directions)
    scale = np.abs(directions.T) @ np.abs(gradient) / np.sqrt((signs != 0).sum(axis=0))
    assert (np.abs(directions.T @ gradient - wanted) < 1e-7 * scale).all()


def test_float32_gradient(large, rng):
    net = build_large(large, "float32")
    exact = build_large(large)
    for name, values in net.parameters.items():
        exact.parameters[name][...] = values
    inputs, targets = random_task(large, 60, rng)
    assert_close(net.gradient(inputs, targets), exact.gradient(inputs, targets), 1e-4, floor=0.01)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_slow_online_learning_follows_the_gradient(large, momentum, rng):
    """With a vanishing learning rate the weights stay, so they move by a sum of gradients.

    The gradient of step s acts once in each later step t, momentum^(t-s) of it.
    """
    rate, n_steps = 1e-7, 6
    inputs, targets = random_task(large, n_steps, rng, "dense")
    net = build_large(large, learning_rate=rate, momentum=momentum)
    wanted = dict.fromkeys(net.parameters, 0.0)
    for s in range(n_steps):
        only = np.full_like(targets, np.nan)
        only[s] = targets[s]
        weight = sum(momentum**k for k in range(n_steps - s))
        for name, values in net.gradient(inputs, only).items():
            wanted[name] = wanted[name] + weight * values
    started = {name: values.copy() for name, values in net.parameters.items()}
    net.run(inputs, targets)
    moved = {name: (started[name] - net.parameters[name]) / rate for name in started}
    assert_close(moved, wanted, rtol=1e-5, floor=0.01)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_float32_online_learning(large, momentum, rng):
    net, exact = (build_large(large, dtype, momentum=momentum) for dtype in ("float32", "float64"))
    for name, values in net.parameters.items():
        exact.parameters[name][...] = values
    inputs, targets = random_task(large, 30, rng)
    outputs = net.run(inputs, targets)
    np.testing.assert_allclose(outputs, exact.run(inputs, targets), rtol=1e-4, atol=1e-4)
    assert_close(net.parameters, exact.parameters, 1e-4)


@pytest.mark.parametrize("update", ["step", "sequence", 50])
def test_run_is_a_loop_of_steps(large, dtype, update, rng):
    inputs, targets = random_task(large, 120, rng)
    by_run, by_hand = (build_large(large, dtype, momentum=0.5) for _ in range(2))
    outputs = by_run.run(inputs, targets, update=update)
    assert_same_bits(outputs, run_by_hand(by_hand, inputs, targets, update))
    assert_same_future(by_run, by_hand, large)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 2e-4)])
@pytest.mark.parametrize("block_size", [1, 2])
def test_deep_chunks_remember_what_single_steps_do(block_size, dtype, tolerance, rng):
    """Deep chunks, which are matrix products, against traces advanced step by step, which are not.

    Forget gates near 0.98, so that a trace outlives a chunk. The weights stand still (rate 0) until
    the last step: their change is then its gradient, through all traces before it.
    """
    depth, n_steps = 80, 240
    inputs = rng.uniform(-1, 1, (n_steps, 32))
    targets = rng.uniform(-1, 1, (n_steps, 2))
    last = np.full_like(targets, np.nan)
    last[-1] = targets[-1]

    def changes(start, update, rest_of_targets):
        net = pylstm.LSTM(
            32, 2, 64 // block_size, block_size, bias_init={"forget_gate": 4.0}, init_range=0.1,
            dtype=dtype, seed=4, optimizer=pylstm.SGD(0.0),
        )  # fmt: skip
        before = {name: values.copy() for name, values in net.parameters.items()}
        net.run(inputs[:start], targets[:start], update=update)
        net.optimizer = pylstm.SGD(1.0)
        net.run(inputs[start:], rest_of_targets[start:], update="sequence")
        return {name: before[name] - values for name, values in net.parameters.items()}

    in_chunks = changes(n_steps - depth, depth, last)
    in_steps = changes(n_steps - 1, "step", last)
    for name, wanted in in_steps.items():
        allowed = tolerance * np.abs(wanted).max()
        np.testing.assert_allclose(in_chunks[name], wanted, rtol=0, atol=allowed, err_msg=name)
