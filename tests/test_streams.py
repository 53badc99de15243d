"""Several sequences through shared weights: as many networks, with their gradients added up.

Two witnesses: single networks with the same weights, and learners of the oracle, which share
nothing with the engine, their gradients added up and applied by hand.
"""

import pickle
import threading
from copy import copy, deepcopy

import numpy as np
import pytest
from nets import (
    NETS,
    assert_close,
    assert_same_bits,
    build,
    get_parameters,
    random_parameters,
    random_task,
    set_parameters,
)
from oracle import Architecture, Learner, join, split
from side_by_side import assert_changes_add_up, assert_same_future, random_tasks, run_by_hand

import pylstm

pytestmark = pytest.mark.usefixtures("layout")

B = 3
UPDATES = ["step", 4, "sequence"]


def build_streams(architecture, dtype="float64", n_streams=B, **keywords):
    return pylstm.Streams(build(architecture, dtype, **keywords), n_streams)


class Witnesses:
    """A learner of the oracle for each stream, with the same weights."""

    def __init__(self, architecture, parameters, learning_rate, momentum, n_streams=B):
        self.net, self.learning_rate, self.momentum = architecture, learning_rate, momentum
        self.learners = [Learner(architecture, parameters) for _ in range(n_streams)]
        self.velocity = np.zeros_like(self.learners[0].w)

    def step(self, X):
        return np.array([learner.step(x) for learner, x in zip(self.learners, X, strict=True)])

    def learn(self, targets):
        for learner, target in zip(self.learners, targets, strict=True):
            if not np.isnan(target).any():
                learner.learn(target)

    def update(self):
        if not any(learner.has_collected for learner in self.learners):
            return
        gradient = sum(learner.collected for learner in self.learners)
        self.velocity = self.momentum * self.velocity + gradient
        w = self.learners[0].w - self.learning_rate * self.velocity
        for learner in self.learners:
            learner.w = w
            learner.collected = np.zeros_like(w)
            learner.has_collected = False

    @property
    def parameters(self):
        return split(self.net, self.learners[0].w)

    @property
    def state(self):
        states = [learner.state for learner in self.learners]
        return {
            name: np.array([[np.real(np.ravel(v)[0]) for v in state[name]] for state in states])
            for name in states[0]
        }


# ---------------------------------------------------------------- against single networks


def test_streams_are_networks_with_the_gradient_summed(combination, rng):
    """With the weights held: outputs, losses, states; then the sum of gradients in one update."""
    streams = build_streams(combination, learning_rate=1.0)
    set_parameters(streams.net, random_parameters(combination, rng))
    singles = [streams.net.copy() for _ in range(B)]
    before = get_parameters(streams.net)
    X, targets = random_tasks(combination, 5, rng)
    for x, target in zip(X, targets, strict=True):
        wanted = np.array([net.step(x_b) for net, x_b in zip(singles, x, strict=True)])
        np.testing.assert_allclose(streams.predict(x), wanted, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(streams.step(x), wanted, rtol=1e-12, atol=1e-12)
        losses = [net.learn(t, update=False) for net, t in zip(singles, target, strict=True)]
        np.testing.assert_allclose(streams.learn(target, update=False), losses, rtol=1e-12)
        state = streams.state
        for b, net in enumerate(singles):
            for name, values in net.state.items():
                np.testing.assert_allclose(state[name][b], values, rtol=1e-12, atol=1e-14)
    streams.update()
    for net in singles:
        net.update()
    gradient = {
        name: sum(values - net.parameters[name] for net in singles)
        for name, values in before.items()
    }
    after = {name: values - streams.net.parameters[name] for name, values in before.items()}
    assert_close(after, gradient, 1e-12, floor=1e-2)


@pytest.mark.parametrize("update", UPDATES)
def test_one_stream_is_the_network(architecture, update, dtype, rng):
    X, targets = random_tasks(architecture, 13, rng, n_streams=1)
    streams = build_streams(architecture, dtype, n_streams=1, momentum=0.5)
    net = streams.net.copy()
    tolerance = 1e-11 if dtype == "float64" else 1e-4
    for part in (slice(0, 6), slice(6, 13)):
        wanted = net.run(X[part, 0], targets[part, 0], update=update)
        got = streams.run(X[part], targets[part], update=update)
        np.testing.assert_allclose(got[:, 0], wanted, rtol=0, atol=tolerance)
        assert_close(get_parameters(streams.net), get_parameters(net), tolerance)


@pytest.mark.parametrize("n_streams", [1, 2, 9])
def test_a_record_that_is_full_is_collected_and_settled(n_streams, rng):
    """More steps than a record holds, and an update in the end."""
    architecture, n_steps = NETS["1997"], 1100
    streams = build_streams(architecture, learning_rate=1.0, n_streams=n_streams)
    X, targets = random_tasks(architecture, n_steps, rng, n_streams=n_streams)
    assert_changes_add_up(streams, X, targets)


@pytest.mark.parametrize("update", [7, "sequence"])
def test_large_streams_with_a_deep_product(update, rng):
    """Beyond one block of steps and one tile of streams; traces that go on."""
    n_streams, n_steps = 20, 40
    net = pylstm.LSTM(5, 2, 40, dtype="float64", init_range=0.3, optimizer=pylstm.SGD(1e-3))
    streams = pylstm.Streams(net, n_streams)
    X, targets = rng.normal(size=(n_steps, n_streams, 5)), rng.normal(size=(n_steps, n_streams, 2))
    weights = get_parameters(net)
    for start in range(0, n_steps, n_steps // 2):
        streams.run(X[start : start + 20], targets[start : start + 20], update=update)
    # the same by singles with the weights brought back by hand after each stretch
    singles = [
        pylstm.LSTM(5, 2, 40, dtype="float64", optimizer=pylstm.SGD(1.0)) for _ in range(n_streams)
    ]
    for t in range(n_steps):
        for b, single in enumerate(singles):
            if t == 0:
                set_parameters(single, weights)
            single.step(X[t, b])
            single.learn(targets[t, b], update=False)
        if (t + 1) % (20 if update == "sequence" else update) == 0:
            change = {name: np.zeros_like(values) for name, values in weights.items()}
            for single in singles:
                single.update()
                for name, values in weights.items():
                    change[name] += values - single.parameters[name]
            weights = {name: values - 1e-3 * change[name] for name, values in weights.items()}
            for single in singles:
                set_parameters(single, weights)
    assert_close(get_parameters(net), weights, 1e-10)


# ---------------------------------------------------------------- against the oracle


@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("update", UPDATES)
def test_learning_follows_the_summed_gradient(architecture, update, momentum, rng):
    """After every step: outputs, states, weights; with resets of single streams in between."""
    streams = build_streams(architecture, momentum=momentum)
    set_parameters(streams.net, random_parameters(architecture, rng))
    witnesses = Witnesses(architecture, get_parameters(streams.net), 0.05, momentum)
    X, targets = random_tasks(architecture, 12, rng)
    resets = {3: [1], 5: [0, 2], 6: [1], 9: [0, 1, 2]}
    for t, (x, target) in enumerate(zip(X, targets, strict=True)):
        if t in resets:
            streams.reset(resets[t])
            for b in resets[t]:
                witnesses.learners[b].reset()
        if update == "step":
            y = streams.step(x, target)
        elif update == "sequence":
            y = streams.step(x)
            streams.learn(target, update=t == 11)
        else:
            y = streams.run(x[None], target[None], update=update)[0]
        np.testing.assert_allclose(y, witnesses.step(x), rtol=0, atol=1e-10)
        witnesses.learn(target)
        if update == "step" or t == 11 or (update == 4 and t % 4 == 3):
            witnesses.update()
        assert_close(get_parameters(streams.net), witnesses.parameters, 1e-10)
        if t + 1 not in resets:
            state = witnesses.state
            for name, values in streams.state.items():
                np.testing.assert_allclose(values, state[name], rtol=0, atol=1e-10)


def test_cell_inputs_without_bias_stay_so(rng):
    """One cell a block, where an update after every step goes its own way."""
    architecture = Architecture(hidden_bias="gates")
    streams = build_streams(architecture)
    witnesses = Witnesses(architecture, get_parameters(streams.net), 0.05, 0.0)
    X, targets = random_tasks(architecture, 6, rng)
    for x, target in zip(X, targets, strict=True):
        y = streams.step(x, target)
        np.testing.assert_allclose(y, witnesses.step(x), rtol=0, atol=1e-12)
        witnesses.learn(target)
        witnesses.update()
        assert_close(get_parameters(streams.net), witnesses.parameters, 1e-10)


@pytest.mark.parametrize("n_steps", [1, 2])
def test_a_reset_between_error_and_update(architecture, n_steps, rng):
    """What was collected from a stream counts, although the stream has begun anew; if anything."""
    streams = build_streams(architecture)
    witnesses = Witnesses(architecture, get_parameters(streams.net), 0.05, 0.0)
    X, targets = random_tasks(architecture, 8, rng, presence="dense")
    streams.run(X)  # leaves something in the record
    streams.reset()
    for t, (x, target) in enumerate(zip(X, targets, strict=True), start=1):
        if t // n_steps % 2:
            target[t % B] = np.nan
        y = streams.step(x)
        np.testing.assert_allclose(y, witnesses.step(x), rtol=0, atol=1e-12)
        streams.learn(target, update=False)
        witnesses.learn(target)
        if t % n_steps == 0:
            streams.reset(t % B)
            witnesses.learners[t % B].reset()
            streams.update()
            witnesses.update()
        assert_close(get_parameters(streams.net), witnesses.parameters, 1e-10)


def test_outside_errors(architecture, rng):
    streams = build_streams(architecture)
    witnesses = Witnesses(architecture, get_parameters(streams.net), 0.05, 0.0)
    X, _ = random_tasks(architecture, 6, rng)
    for t, x in enumerate(X):
        y = streams.step(x)
        witnesses.step(x)
        dy = rng.normal(size=y.shape)
        dy[t % B] = np.nan
        streams.learn_from(dy, update=t % 2 == 1)
        for b, learner in enumerate(witnesses.learners):
            if b != t % B:
                learner.learn_from(dy[b])
        if t % 2 == 1:
            witnesses.update()
        assert_close(get_parameters(streams.net), witnesses.parameters, 1e-10)


# ---------------------------------------------------------------- the same bits


@pytest.mark.parametrize("update", UPDATES)
def test_run_equals_the_loop(architecture, update, dtype, rng):
    for n_streams in (1, 3, 17):
        X, targets = random_tasks(architecture, 11, rng, n_streams=n_streams)
        whole, loop = (build_streams(architecture, dtype, n_streams) for _ in range(2))
        outputs = whole.run(X, targets, update=update)
        assert_same_bits(outputs, run_by_hand(loop, X, targets, update))
        assert_same_future(whole, loop, architecture)


def test_run_in_pieces(architecture, dtype, rng):
    X, targets = random_tasks(architecture, 11, rng)
    whole, pieces = (build_streams(architecture, dtype) for _ in range(2))
    outputs = whole.run(X, targets, update=4)
    parts = [pieces.run(X[part], targets[part], update=4) for part in (slice(0, 2), slice(2, 11))]
    assert_same_bits(np.concatenate(parts), outputs)
    assert_same_future(whole, pieces, architecture)


def test_without_targets_nothing_is_learned(architecture, dtype, rng):
    X, _ = random_tasks(architecture, 7, rng)
    streams = build_streams(architecture, dtype)
    other, before = streams.copy(), get_parameters(streams.net)
    assert_same_bits(streams.run(X), np.array([other.step(x) for x in X]))
    assert_same_bits(get_parameters(streams.net), before)


@pytest.mark.parametrize("duplicate", [copy, deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
@pytest.mark.parametrize("update", UPDATES)
def test_duplicates_go_on_with_the_same_bits(architecture, update, duplicate, dtype, rng):
    """From the middle of a chunk, with errors collected, a stream begun anew, and momentum."""
    streams = build_streams(architecture, dtype, momentum=0.5)
    X, targets = random_tasks(architecture, 7, rng, presence="dense")
    streams.run(X, targets, update=update)
    streams.step(X[0])
    streams.learn(targets[0], update=False)
    streams.reset(1)
    streams.step(X[1])
    other = duplicate(streams)
    assert other.net is not streams.net
    for s in (streams, other):
        s.learn(targets[1], update=False)
        s.reset([0])
    assert_same_future(streams, other, architecture)


def test_streams_and_their_network_in_one_pickle_stay_together(rng):
    streams = build_streams(NETS["default"])
    other, net = pickle.loads(pickle.dumps((streams, streams.net)))
    assert other.net is net


# ---------------------------------------------------------------- resets


@pytest.mark.parametrize(
    ("which", "chosen"),
    [(None, [0, 1, 2]), (1, [1]), (-1, [2]), ([0, 2], [0, 2]), ([], []),
     (np.array([True, False, True]), [0, 2]), (np.array([1, 1]), [1])],
)  # fmt: skip
def test_reset_of_some(which, chosen, rng):
    streams = build_streams(NETS["everything"])
    X, targets = random_tasks(NETS["everything"], 5, rng)
    streams.run(X, targets)
    before = streams.state
    streams.reset(which)
    for name, values in streams.state.items():
        for b in range(B):
            wanted = np.zeros_like(values[b]) if b in chosen else before[name][b]
            np.testing.assert_array_equal(values[b], wanted)


def test_a_stream_begun_anew_is_a_fresh_one(architecture, dtype, rng):
    """Whatever it did before, in any regime; the others go on."""
    X, targets = random_tasks(architecture, 8, rng)
    streams = build_streams(architecture, dtype, learning_rate=0.0)
    going_on = streams.copy()
    for update in UPDATES:
        streams.run(X, targets, update=update)
        going_on.run(X, targets, update=update)
        streams.reset(1)
        got, wanted = streams.run(X), going_on.run(X)
        assert_same_bits(got[:, [0, 2]], wanted[:, [0, 2]])
        fresh = pylstm.Streams(streams.net, B)
        assert_same_bits(got[:, 1], fresh.run(X)[:, 1])


# ---------------------------------------------------------------- what is shared


def test_weights_and_optimizer_are_shared(rng):
    architecture = NETS["default"]
    streams = build_streams(architecture)
    net, alone = streams.net, streams.net.copy()
    X, targets = random_tasks(architecture, 3, rng, presence="dense")
    streams.run(X, targets)
    assert not np.array_equal(net.parameters["output"], alone.parameters["output"])
    set_parameters(alone, net.parameters)
    assert_same_bits(net.step(X[0, 0]), alone.step(X[0, 0]))
    second = pylstm.Streams(net, 1)
    net.step(X[0, 0], targets[0, 0])
    assert_same_bits(second.step(X[1, :1]), pylstm.Streams(net, B).step(X[1])[:1])
    net.optimizer = pylstm.SGD(0.0, momentum=0.5)
    before = get_parameters(net)
    streams.run(X, targets)
    assert_same_bits(get_parameters(net), before)


def test_two_threads_are_told(rng):
    architecture = NETS["2000"]
    streams = build_streams(architecture)
    X, targets = random_tasks(architecture, 30, rng, presence="dense")
    X, targets = np.tile(X, (400, 1, 1)), np.tile(targets, (400, 1, 1))
    worker = threading.Thread(target=streams.run, args=(X, targets))
    refused = set()
    worker.start()
    while worker.is_alive():
        for call in (lambda: streams.predict(X[0]), lambda: streams.net.predict(X[0, 0])):
            try:
                call()
            except RuntimeError as error:
                refused.add(str(error).split(" in use")[0])
    worker.join()
    assert refused == {"this Streams is", "this LSTM is"}
    streams.predict(X[0])


# ---------------------------------------------------------------- what is refused


def bad_calls(streams):
    X, Y = np.zeros((B, 3)), np.zeros((B, 2))
    spoilt, half = X.copy(), Y.copy()
    spoilt[1, 2] = np.inf
    half[2, 0] = np.nan
    late = np.zeros((4, B, 3))
    late[3, 1, 0] = np.nan
    return [
        (lambda: streams.step(X[:2]), ValueError, r"X has shape \(2, 3\), wanted \(3, 3\)"),
        (lambda: streams.step(X[0]), ValueError, r"X has shape \(3,\), wanted \(3, 3\)"),
        (lambda: streams.step(spoilt), ValueError, "X contains inf at stream 1"),
        (lambda: streams.step(X.astype(complex)), TypeError, "cannot be cast"),
        (lambda: streams.step(X, half), ValueError, "targets at stream 2 is .*partly NaN"),
        (lambda: streams.step(X, Y[:, :1]), ValueError, r"targets has shape \(3, 1\)"),
        (lambda: streams.run(late), ValueError, "X contains nan at step 3, stream 1"),
        (lambda: streams.run(X), ValueError, r"wanted \(n_steps, 3, 3\)"),
        (lambda: streams.run(late[:3], np.zeros((2, B, 2))), ValueError, "targets has 2 steps"),
        (lambda: streams.run(late[:3], update="often"), ValueError, "update is 'often'"),
        (lambda: streams.predict(spoilt), ValueError, "X contains inf"),
        (lambda: streams.learn(Y[:1]), ValueError, r"targets has shape \(1, 2\)"),
        (lambda: streams.learn_from(Y[0]), ValueError, "dy has shape"),
        (lambda: streams.learn_from(half), ValueError, "dy contains nan at stream 2"),
        (lambda: streams.reset(3), IndexError, "streams is 3, wanted numbers from 0 to 2"),
        (lambda: streams.reset([0.5]), ValueError, "wanted an index, indices, or a mask"),
        (lambda: streams.reset([True]), ValueError, "wanted an index, indices, or a mask"),
        (lambda: pylstm.Streams(streams.net, 0), ValueError, "n_streams is 0"),
        (lambda: pylstm.Streams(streams.net, True), ValueError, "n_streams is True"),
        (lambda: pylstm.Streams("net", 2), TypeError, "net is 'net', wanted a pylstm.LSTM"),
    ]  # fmt: skip


@pytest.mark.parametrize("k", range(20))
def test_refuses(k, rng):
    architecture = NETS["default"]
    streams = build_streams(architecture)
    streams.step(np.ones((B, 3)))
    other = streams.copy()
    call, error, sentence = bad_calls(streams)[k]
    with pytest.raises(error, match=sentence):
        call()
    assert_same_future(streams, other, architecture)


def test_refuses_to_learn_without_a_step(rng):
    streams = build_streams(NETS["default"])
    targets = np.zeros((B, 2))
    with pytest.raises(RuntimeError, match="stream 0 has a target but no step"):
        streams.learn(targets)
    streams.step(np.ones((B, 3)))
    streams.reset(2)
    with pytest.raises(RuntimeError, match="stream 2 has an error but no step"):
        streams.learn_from(targets)
    targets[2] = np.nan
    streams.learn(targets)
    with pytest.raises(RuntimeError, match="stream 0 has a target but no step"):
        streams.learn(targets)


def test_never_initialised():
    with pytest.raises(RuntimeError, match="never initialised"):
        pylstm.Streams.__new__(pylstm.Streams).step([[1.0]])


def test_divergence_names_the_step(rng):
    architecture = NETS["default"]
    streams = build_streams(architecture, "float32", learning_rate=1e30)
    X, targets = random_tasks(architecture, 50, rng, presence="dense")
    with pytest.raises(FloatingPointError, match=r"the streams diverged at step \d+"):
        streams.run(X, 1e20 * targets)


def test_repr_and_sizes():
    streams = build_streams(NETS["default"])
    assert repr(streams) == f"<Streams n_streams=3 of {streams.net!r}>"
    assert (streams.n_streams, streams.n_steps) == (B, 0)
    streams.step(np.zeros((B, 3)))
    assert streams.n_steps == 1


def test_witnesses_add_gradients_up(rng):
    """The witness itself: with one stream it is the oracle's own learner."""
    architecture = NETS["1997"]
    parameters = random_parameters(architecture, rng)
    witnesses = Witnesses(architecture, parameters, 0.1, 0.5, n_streams=1)
    learner = Learner(architecture, parameters, 0.1, 0.5)
    for x, target in zip(*random_task(architecture, 4, rng, "dense"), strict=True):
        witnesses.step(x[None]), learner.step(x)
        witnesses.learn(target[None]), learner.learn(target)
        witnesses.update(), learner.update()
    assert_same_bits(join(architecture, witnesses.parameters), learner.w)
