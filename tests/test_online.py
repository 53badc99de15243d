"""Online learning: right after every single step, and the same bits whichever way it is called.

What is right is decided by `oracle.Learner`, which carries one tangent per parameter through the
cell states under the weights of the moment, and knows of no traces.
"""

from functools import cache

import numpy as np
import pytest
from nets import (
    NETS,
    assert_close,
    assert_same_bits,
    assert_same_future,
    assert_same_model,
    build,
    get_parameters,
    random_task,
    run_by_hand,
)
from oracle import Architecture, Learner

pytestmark = pytest.mark.usefixtures("layout")

REGIMES = ["step", "sequence", 1, 3, 7]
RTOL = {"float32": 1e-4, "float64": 1e-10}


def assert_learners_agree(net, learner, rtol):
    assert_close(net.parameters, learner.parameters, rtol)
    for name, values in net.state.items():
        wanted = np.real([np.ravel(value)[0] for value in learner.state[name]])
        np.testing.assert_allclose(values, wanted, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("update_every", [1, 4])
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_weights_after_every_step(architecture, dtype, momentum, update_every, rng):
    """Weights change at every step or every fourth, and half of the steps have no target."""
    inputs, targets = random_task(architecture, 30, rng)
    net = build(architecture, dtype, momentum=momentum)
    learner = Learner(architecture, net.parameters, learning_rate=0.05, momentum=momentum)
    started = get_parameters(net)
    for t, (x, target) in enumerate(zip(inputs, targets, strict=True)):
        if t == 20:
            net.reset()
            learner.reset()
        np.testing.assert_allclose(net.step(x), learner.step(x), rtol=RTOL[dtype], atol=1e-5)
        if not np.isnan(target).any():
            loss = net.learn(target, update=update_every == 1)
            assert loss == pytest.approx(learner.learn(target), rel=10 * RTOL[dtype])
            if update_every == 1:
                learner.update()
        if update_every > 1 and t % update_every == 0:
            net.update()
            learner.update()
        assert_learners_agree(net, learner, RTOL[dtype])
    for name, values in net.parameters.items():
        assert (np.abs(values - started[name]) > 0).any(), f"{name} never learned"


@pytest.mark.parametrize("block_size", [1, 2])
@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_weights_after_every_step_at_every_size(size, block_size, dtype, momentum, rng):
    """The rows of every size, with few columns: the oracle pays for each weight twice."""
    architecture = Architecture(
        n_inputs=1, n_outputs=1, n_blocks=size, block_size=block_size, cell_recurrence=False
    )
    inputs, targets = random_task(architecture, 12, rng)
    net = build(architecture, dtype, momentum=momentum)
    learner = Learner(architecture, net.parameters, learning_rate=0.05, momentum=momentum)
    for x, target in zip(inputs, targets, strict=True):
        net.step(x)
        learner.step(x)
        if not np.isnan(target).any():
            net.learn(target)
            learner.learn(target)
            learner.update()
        assert_learners_agree(net, learner, RTOL[dtype])


@pytest.mark.parametrize("update", REGIMES)
def test_run_is_a_loop_of_steps(architecture, dtype, update, presence, rng):
    inputs, targets = random_task(architecture, 42, rng, presence)
    by_run, by_hand = (build(architecture, dtype, momentum=0.5) for _ in range(2))
    outputs = by_run.run(inputs, targets, update=update)
    assert_same_bits(outputs, run_by_hand(by_hand, inputs, targets, update))
    assert_same_future(by_run, by_hand, architecture)


@pytest.mark.parametrize("presence", ["dense", "sparse"])
@pytest.mark.parametrize("update", [*REGIMES, 1500])
@pytest.mark.parametrize("name", ["default", "1997", "everything"])
def test_long_run_is_a_loop_of_steps(name, dtype, update, presence, rng):
    architecture = NETS[name]
    inputs, targets = random_task(architecture, 5000, rng, presence)
    by_run, by_hand = (build(architecture, dtype, learning_rate=0.001) for _ in range(2))
    outputs = by_run.run(inputs, targets, update=update)
    assert_same_bits(outputs, run_by_hand(by_hand, inputs, targets, update))
    assert_same_future(by_run, by_hand, architecture)


@pytest.mark.parametrize("update", REGIMES)
def test_run_at_every_size_is_a_loop_of_steps(size, dtype, update, rng):
    architecture = Architecture(n_inputs=size, n_blocks=size, n_outputs=size, peepholes=True)
    inputs, targets = random_task(architecture, 20, rng)
    by_run, by_hand = (build(architecture, dtype, init_range=0.2) for _ in range(2))
    outputs = by_run.run(inputs, targets, update=update)
    assert_same_bits(outputs, run_by_hand(by_hand, inputs, targets, update))
    assert_same_future(by_run, by_hand, architecture)


def test_run_without_targets_is_a_loop_of_steps(architecture, dtype, rng):
    inputs, _ = random_task(architecture, 30, rng)
    by_run, by_hand = (build(architecture, dtype) for _ in range(2))
    outputs = by_run.run(inputs)
    assert_same_bits(outputs, np.array([by_hand.step(x) for x in inputs]))
    assert_same_future(by_run, by_hand, architecture)


@pytest.mark.parametrize("update", ["step", 1, 3, 7])
@pytest.mark.parametrize("cuts", [[1, 2, 3], [5], [64, 64, 200], [13, 300, 301]])
def test_pieces_make_one_run(architecture, dtype, update, cuts, rng):
    """Splitting a stream anywhere, even into nothing, changes no bit."""
    inputs, targets = random_task(architecture, 350, rng)
    in_pieces, at_once = (
        build(architecture, dtype, learning_rate=0.01, momentum=0.5) for _ in range(2)
    )
    pieces = zip(np.split(inputs, cuts), np.split(targets, cuts), strict=True)
    outputs = [in_pieces.run(x, target, update=update) for x, target in pieces]
    assert_same_bits(np.concatenate(outputs), at_once.run(inputs, targets, update=update))
    assert_same_future(in_pieces, at_once, architecture)


def test_step_with_a_target_is_a_step_and_learning(architecture, dtype, rng):
    """A target of NaN is none, for `step` as for `learn`."""
    inputs, targets = random_task(architecture, 30, rng)
    at_once, apart, by_run = (build(architecture, dtype, momentum=0.5) for _ in range(3))
    outputs = by_run.run(inputs, targets)
    for x, target, output in zip(inputs, targets, outputs, strict=True):
        assert_same_bits(at_once.step(x, target), output)
        assert_same_bits(apart.step(x), output)
        assert np.isnan(apart.learn(np.full(target.shape, np.nan)))
        assert np.isnan(apart.learn(target)) == np.isnan(target).all()
    assert_same_future(at_once, by_run.copy(), architecture)
    assert_same_future(apart, by_run, architecture)


def test_leftovers_wait_for_a_target(architecture, dtype, rng):
    """Gradients left by an earlier call join the first update, after a step that has a target."""
    inputs, targets = random_task(architecture, 12, rng, "end")
    by_run, by_hand = (build(architecture, dtype) for _ in range(2))
    for net in (by_run, by_hand):
        net.run(inputs, targets, update=100)
    outputs = by_run.run(inputs, targets)
    assert_same_bits(outputs, run_by_hand(by_hand, inputs, targets, "step"))
    assert_same_future(by_run, by_hand, architecture)


def test_prediction_leaves_collected_gradients(architecture, dtype, rng):
    """A run without targets learns nothing, not even what was collected before it."""
    inputs, targets = random_task(architecture, 12, rng)
    net, undisturbed = (build(architecture, dtype) for _ in range(2))
    for model in (net, undisturbed):
        model.run(inputs, targets, update=100)
    net.run(inputs)
    for x in inputs:
        undisturbed.step(x)
    assert_same_future(net, undisturbed, architecture)


def test_updating_every_step_has_two_names(architecture, dtype, rng):
    inputs, targets = random_task(architecture, 40, rng)
    by_name, by_number = (build(architecture, dtype, momentum=0.5) for _ in range(2))
    by_name.run(inputs, targets, update="step")
    by_number.run(inputs, targets, update=1)
    assert_same_future(by_name, by_number, architecture)


def test_predict_is_the_next_step_and_changes_nothing(architecture, dtype, rng):
    inputs, targets = random_task(architecture, 20, rng, "dense")
    asked, undisturbed = (build(architecture, dtype) for _ in range(2))
    for x, target in zip(inputs, targets, strict=True):
        predicted = asked.predict(x)
        for net in (asked, undisturbed):
            y = net.step(x)
            assert_same_bits(y, predicted)
        asked.predict(-x)
        assert_same_model(asked, undisturbed)
        assert asked.learn(target) == undisturbed.learn(target)
    assert_same_future(asked, undisturbed, architecture)


def test_learning_twice_adds_up(architecture, dtype, rng):
    inputs, targets = random_task(architecture, 6, rng, "dense")
    net = build(architecture, dtype, momentum=0.5)
    learner = Learner(architecture, net.parameters, learning_rate=0.05, momentum=0.5)
    for t, x in enumerate(inputs):
        net.step(x)
        learner.step(x)
        for target in (targets[t], targets[t - 1], targets[t]):
            loss = net.learn(target, update=False)
            assert loss == pytest.approx(learner.learn(target), rel=10 * RTOL[dtype])
        net.update()
        learner.update()
        assert_learners_agree(net, learner, RTOL[dtype])


def test_learning_from_an_error_is_learning(architecture, dtype, rng):
    """dL/dy given from outside; for the squared loss it is y - target."""
    inputs, targets = random_task(architecture, 12, rng, "dense")
    net = build(architecture, dtype)
    learner = Learner(architecture, net.parameters, learning_rate=0.05)
    twin = build(architecture, dtype)
    for x, target in zip(inputs, targets, strict=True):
        y = net.step(x)
        learner.step(x)
        assert net.learn_from(y - target) is None
        learner.learn_from(y - target)
        learner.update()
        assert_learners_agree(net, learner, RTOL[dtype])
        if architecture.loss == "squared":
            twin.step(x)
            twin.learn(target)
            assert_close(net.parameters, twin.parameters, 0.1 * RTOL[dtype])


def test_collected_gradients_survive_reset(architecture, dtype, rng):
    """A mini-batch of sequences moves the weights by the sum of their gradients."""
    net = build(architecture, dtype, learning_rate=0.1)
    moved = {name: np.float64(values) for name, values in net.parameters.items()}
    for n_steps in (3, 11, 6):
        inputs, targets = random_task(architecture, n_steps, rng)
        for name, values in net.gradient(inputs, targets).items():
            moved[name] -= 0.1 * np.float64(values)
        net.reset()
        net.run(inputs, targets, update=10**6)
    net.reset()
    net.update()
    assert_close(net.parameters, moved, 0.1 * RTOL[dtype])


def test_update_of_nothing_does_nothing(architecture, dtype, rng):
    """Velocity does not coast: without a gradient there is no update."""
    inputs, targets = random_task(architecture, 5, rng)
    net, undisturbed = (build(architecture, dtype, momentum=0.9) for _ in range(2))
    for model in (net, undisturbed):
        model.run(inputs, targets)
    net.update()
    net.update()
    assert_same_future(net, undisturbed, architecture)


@cache
def learned_at_the_end(name):
    """By the oracle, of more steps than a record holds: the gradient, and who learned from it."""
    architecture = NETS[name]
    inputs, targets = random_task(architecture, 1100, np.random.default_rng(7))
    learner = Learner(architecture, build(architecture).parameters, learning_rate=1e-3)
    for x, target in zip(inputs, targets, strict=True):
        learner.step(x)
        learner.learn(target)
    gradient = {name: values.copy() for name, values in learner.gradient.items()}
    learner.update()
    return inputs, targets, gradient, learner


@pytest.mark.parametrize("name", ["default", "2002", "everything"])
def test_long_sequence_learned_at_its_end(name):
    """Without a reset, updated once: no step is forgotten."""
    inputs, targets, gradient, learner = learned_at_the_end(name)
    net = build(NETS[name], learning_rate=1e-3)
    assert_close(net.gradient(inputs, targets), gradient, 1e-9)
    net.run(inputs, targets, update="sequence")
    assert_learners_agree(net, learner, 1e-9)
