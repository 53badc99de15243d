"""Targets that come late: learned with the traces of their step, by the weights of the moment."""

import copy
import pickle

import numpy as np
import pytest
from nets import (
    NETS,
    assert_close,
    assert_same_bits,
    assert_same_model,
    build,
    get_parameters,
    random_task,
    set_parameters,
)
from oracle import Learner, split, truncated_gradient
from stacks import Stack, StackLearner

import pylstm

DELAYS = [0, 1, 2, 5]


class TwoNets:
    """Written out: a net that walks behind, and another that gets its weights at every step."""

    def __init__(self, net, delay):
        self.behind, self.ahead, self.delay = net, net.copy(), delay
        self.waiting = []

    def step(self, x):
        set_parameters(self.ahead, get_parameters(self.behind))
        y = self.ahead.step(x)
        self.waiting.append(x)
        if len(self.waiting) > self.delay:
            self.behind.step(self.waiting.pop(0))
        return y

    def learn(self, target):
        return self.behind.learn(target)


def late(Y, delay):
    """The targets in the order in which they come."""
    return np.concatenate([np.full((delay, Y.shape[1]), np.nan), Y[: len(Y) - delay]])


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_two_nets_written_out(rng, name, delay, dtype):
    X, Y = random_task(NETS[name], 40, rng)
    X, Y = X.astype(dtype), late(Y, delay).astype(dtype)
    delayed = pylstm.Delayed(build(NETS[name], dtype, momentum=0.5), delay)
    twin = TwoNets(build(NETS[name], dtype, momentum=0.5), delay)
    for x, target in zip(X, Y, strict=True):
        y = delayed.predict(x)
        assert_same_bits(delayed.step(x), y)
        assert_same_bits(twin.step(x), y)
        if not np.isnan(target).any():
            assert delayed.learn(target) == twin.learn(target)
    assert_same_model(delayed.net, twin.behind)
    assert_same_bits(delayed.state, twin.ahead.state)
    assert_same_bits(delayed.step(X[0]), twin.step(X[0]))


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("delay", [0, 3])
def test_equals_the_oracle(rng, name, delay):
    """Weights of the oracle that walks behind, outputs of another with them at the present step."""
    architecture = NETS[name]
    X, Y = random_task(architecture, 12, rng, "dense")
    delayed = pylstm.Delayed(build(architecture), delay)
    behind = Learner(architecture, get_parameters(delayed.net), learning_rate=0.05)
    ahead = Learner(architecture, get_parameters(delayed.net))
    for t, x in enumerate(X):
        ahead.w = behind.w
        wanted = ahead.step(x)
        np.testing.assert_allclose(delayed.step(x), wanted, rtol=1e-9, atol=1e-11)
        if t >= delay:
            behind.step(X[t - delay])
            loss = behind.learn(Y[t - delay])
            assert delayed.learn(Y[t - delay]) == pytest.approx(loss, rel=1e-9, abs=1e-12)
            behind.update()
    assert_close(get_parameters(delayed.net), split(architecture, behind.w), 1e-8)


@pytest.mark.parametrize("name", NETS)
def test_gradient_is_that_of_the_delayed_step(rng, name):
    """Collected over the last three targets to have come: that of a sequence ending there."""
    architecture, delay = NETS[name], 4
    X, Y = random_task(architecture, 10, rng, "dense")
    delayed = pylstm.Delayed(build(architecture, learning_rate=1.0), delay)
    before = get_parameters(delayed.net)
    for t, x in enumerate(X):
        delayed.step(x)
        if t >= 7:
            delayed.learn(Y[t - delay], update=False)
    delayed.net.update()
    targets = np.full_like(Y[:6], np.nan)
    targets[3:] = Y[3:6]
    wanted = truncated_gradient(architecture, before, X[:6], targets)
    after = get_parameters(delayed.net)
    assert_close({name: before[name] - after[name] for name in before}, wanted, 1e-6)


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("stop", [0, 1, 4, 30])
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))]
)
def test_copies_go_on_to_the_last_bit(rng, delay, stop, copied):
    X, Y = random_task(NETS["2001"], 60, rng, "dense")
    delayed = pylstm.Delayed(build(NETS["2001"], "float32", momentum=0.9), delay)
    for t, x in enumerate(X):
        if t == stop:
            resumed = copied(delayed)
            assert resumed.net is not delayed.net
        each = [delayed, resumed] if t >= stop else [delayed]
        outputs = [net.step(x) for net in each]
        assert_same_bits(outputs[-1], outputs[0])
        if t >= delay:
            assert len({net.learn(Y[t - delay]) for net in each}) == 1
    assert_same_model(resumed.net, delayed.net)
    assert_same_bits(resumed.state, delayed.state)
    assert (resumed.delay, resumed.n_steps) == (delay, 60)


def test_memory_does_not_grow_with_the_stream(rng):
    delayed = pylstm.Delayed(pylstm.LSTM(2, 1, 4), 3)
    sizes = []
    for t, x in enumerate(rng.normal(size=(3000, 2))):
        delayed.step(x)
        if t >= 3:
            delayed.learn([0.5])
        if t in (100, 2900):
            sizes.append(len(pickle.dumps(delayed)))
    assert abs(sizes[1] - sizes[0]) < 64  # larger counts have more digits


@pytest.mark.parametrize("delay", DELAYS)
def test_scaled_network_is_the_same_network_delayed(rng, delay):
    """With nothing learned the outputs are those of the plain net; then the scale is of now."""
    options = {"scale_inputs": True, "scale_targets": True, "dtype": "float64"}
    net = pylstm.LSTM(2, 1, 5, optimizer=pylstm.SGD(0.05), **options)
    twin = net.copy()
    delayed = pylstm.Delayed(net, delay)
    X, Y = rng.normal(50, 9, (80, 2)), rng.normal(1000, 300, (80, 1))
    X[rng.random(X.shape) < 0.1] = np.nan
    for t, x in enumerate(X):
        y = delayed.step(x)
        if t >= delay:
            twin.step(X[t - delay])
            assert delayed.learn(Y[t - delay]) == twin.learn(Y[t - delay])
            assert_same_model(net, twin)
        assert (abs(y) > 300) == (t > delay)
    scales = delayed.__getstate__()["ahead" if delay else "net"]
    np.testing.assert_array_equal(scales["input_scale"]["count"], (~np.isnan(X)).sum(axis=0))
    np.testing.assert_array_equal(scales["target_scale"]["count"], 80 - delay)
    resumed = delayed.copy()
    assert_same_bits(resumed.step(X[0]), delayed.step(X[0]))


def test_tokens_and_vectors_may_alternate(rng):
    delayed, twin = (pylstm.Delayed(pylstm.LSTM(3, 1, 4), 2) for _ in range(2))
    for t, token in enumerate(rng.integers(0, 3, 50).tolist()):
        assert_same_bits(
            delayed.step(token if t % 3 else np.eye(3)[token]), twin.step(np.eye(3)[token])
        )
        if t == 20:
            delayed = pickle.loads(pickle.dumps(delayed))
        if t >= 2:
            assert delayed.learn([0.3]) == twin.learn([0.3])


def test_inputs_are_kept_by_value(rng):
    delayed, twin = (pylstm.Delayed(pylstm.LSTM(2, 1, 4), 2) for _ in range(2))
    x = np.empty(2, np.float32)
    for t, row in enumerate(rng.normal(size=(20, 2)).astype(np.float32)):
        x[:] = row
        delayed.step(x)
        twin.step(row)
        if t >= 2:
            delayed.learn([t / 20])
            twin.learn([t / 20])
    assert_same_model(delayed.net, twin.net)


@pytest.mark.parametrize("delay", [0, 2])
def test_reset_begins_a_sequence(rng, delay):
    X = rng.normal(size=(6, 2))
    delayed = pylstm.Delayed(pylstm.LSTM(2, 1, 4), delay)
    first = np.array([delayed.step(x) for x in X])
    delayed.reset()
    assert delayed.n_steps == 6
    if delay:
        with pytest.raises(RuntimeError, match="no step 2 steps ago to learn from: only 0 since"):
            delayed.learn([1.0])
    assert_same_bits(np.array([delayed.step(x) for x in X]), first)


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize("scale_inputs", [False, True])
def test_growing_keeps_what_waits(rng, delay, scale_inputs):
    new = np.nan if scale_inputs else 0.0
    plain, grown = (
        pylstm.Delayed(pylstm.LSTM(2, 1, 4, dtype="float64", scale_inputs=scale_inputs), delay)
        for _ in range(2)
    )
    for t, x in enumerate(rng.normal(size=(30, 2))):
        if t == 15:
            grown.grow(n_inputs=4)
        wide = np.append(x, [new, new]) if t >= 15 else x
        assert_same_bits(grown.step(wide), plain.step(x))
        if t >= delay:
            assert grown.learn([0.3]) == plain.learn([0.3])
    assert (grown.net.parameters["cell_input"][:, 2:4] != 0).all()


@pytest.mark.parametrize("from_weights", [1, 200])
def test_large_networks_may_be_delayed(rng, from_weights):
    """Where weights are written late, a second state still reads them as they are."""
    before = pylstm._core.choose_large_from(from_weights)
    try:
        X, Y = random_task(NETS["default"], 60, rng, "dense")
        delayed = pylstm.Delayed(build(NETS["default"]), 2)
        twin = TwoNets(build(NETS["default"]), 2)
        for t, x in enumerate(X):
            np.testing.assert_allclose(delayed.step(x), twin.step(x), rtol=1e-11, atol=1e-12)
            if t >= 2:
                delayed.learn(Y[t - 2])
                twin.learn(Y[t - 2])
    finally:
        pylstm._core.choose_large_from(before)


STACKS = {
    "two": Stack(NETS["default"], (3, 2)),
    "all": Stack(NETS["default"], (2, 3, 2), skip_inputs=True, skip_outputs=True),
    "units": Stack(NETS["default"], (2, 3), n_units=(2, 1)),
}


def stacked(name, dtype="float64", **keywords):
    keywords = {"init_range": 0.5, "optimizer": pylstm.SGD(0.05, momentum=0.5)} | keywords
    return pylstm.LSTM(**STACKS[name].keywords(), dtype=dtype, **keywords)


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.parametrize("from_weights", [1, 10**6])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_several_layers_equal_two_nets_written_out(rng, name, from_weights, threads, momentum):
    """A state ahead of every layer; also where weights are written late or threads share a layer,
    and after a copy."""
    before, n_threads = pylstm._core.choose_large_from(from_weights), pylstm.get_threads()
    pylstm.set_threads(threads)
    optimizer = pylstm.SGD(0.05, momentum=momentum)
    try:
        X, Y = random_task(STACKS[name], 40, rng, "dense")
        nets = [stacked(name, optimizer=optimizer) for _ in range(2)]
        delayed, twin = pylstm.Delayed(nets[0], 3), TwoNets(nets[1], 3)
        for t, x in enumerate(X):
            np.testing.assert_allclose(delayed.step(x), twin.step(x), rtol=1e-11, atol=1e-12)
            if t >= 3:
                assert delayed.learn(Y[t - 3]) == pytest.approx(twin.learn(Y[t - 3]), rel=1e-10)
            if t == 20:
                delayed = pickle.loads(pickle.dumps(delayed))
        assert_close(get_parameters(delayed.net), get_parameters(twin.behind), 1e-10)
        for part, wanted in twin.ahead.state.items():
            np.testing.assert_allclose(delayed.state[part], wanted, rtol=1e-10, atol=1e-12)
    finally:
        pylstm.set_threads(n_threads)
        pylstm._core.choose_large_from(before)


@pytest.mark.parametrize("name", STACKS)
def test_several_layers_equal_the_oracle(rng, name):
    stack = STACKS[name]
    X, Y = random_task(stack, 12, rng, "dense")
    delayed = pylstm.Delayed(stacked(name, optimizer=pylstm.SGD(0.05)), 2)
    behind = StackLearner(stack, get_parameters(delayed.net), 0.05)
    ahead = StackLearner(stack, get_parameters(delayed.net), 0.05)
    for t, x in enumerate(X):
        ahead.w = behind.w
        np.testing.assert_allclose(delayed.step(x), ahead.step(x), rtol=1e-9, atol=1e-11)
        if t >= 2:
            behind.step(X[t - 2])
            loss = behind.learn(Y[t - 2])
            assert delayed.learn(Y[t - 2]) == pytest.approx(loss, rel=1e-9, abs=1e-12)
            behind.update()
    assert_close(get_parameters(delayed.net), behind.parameters, 1e-8)


def test_several_layers_do_not_grow_and_a_damaged_state_is_refused(rng):
    delayed = pylstm.Delayed(stacked("two"), 2)
    with pytest.raises(ValueError, match=r"net has 2 layers, .* built anew"):
        delayed.grow(n_inputs=9)
    delayed.step(rng.normal(size=STACKS["two"].n_inputs))
    for wrong, sentence in (
        (lambda ahead: ahead.pop("below"), "below"),
        (lambda ahead: ahead["below"].pop(), "there are 1 layers, wanted 2 by n_blocks"),
        (lambda ahead: ahead["below"][0].update(n_steps=7), "the same n_steps in all layers"),
        (lambda ahead: ahead["below"][0].update(record=np.zeros(3)), "record"),
    ):
        state = delayed.__getstate__()
        wrong(state["ahead"])
        with pytest.raises(ValueError, match=sentence):
            pylstm.Delayed.__new__(pylstm.Delayed).__setstate__(state)


def test_starts_where_the_network_is(rng):
    net = pylstm.LSTM(2, 1, 4)
    net.run(rng.normal(size=(9, 2)), rng.normal(size=(9, 1)))
    twin = net.copy()
    delayed = pylstm.Delayed(net, 2)
    assert delayed.net is net
    assert_same_bits(delayed.step([0.5, 1.0]), twin.step([0.5, 1.0]))
    assert delayed.n_steps == 10


@pytest.mark.parametrize("delay", [0, 2])
def test_unusable_values_change_nothing(delay):
    delayed = pylstm.Delayed(pylstm.LSTM(2, 1, 4), delay)
    for value in (0.5, -0.5, 0.1):
        delayed.step([value, 1.0])
    twin = delayed.copy()
    for call, problem in (
        (lambda: delayed.step([np.nan, 1.0]), ValueError),
        (lambda: delayed.step([1.0]), ValueError),
        (lambda: delayed.step(2), ValueError),
        (lambda: delayed.learn([np.inf]), ValueError),
        (lambda: delayed.learn("x"), TypeError),
        (lambda: delayed.grow(n_inputs=1), ValueError),
    ):
        with pytest.raises(problem):
            call()
    assert delayed.learn([0.3]) == twin.learn([0.3])
    assert_same_bits(delayed.step([0.5, 1.0]), twin.step([0.5, 1.0]))
    assert_same_model(delayed.net, twin.net)


def test_what_makes_no_sense_is_refused():
    net = pylstm.LSTM(2, 1, 4)
    with pytest.raises(TypeError, match=r"net is 'net', wanted a pylstm\.LSTM"):
        pylstm.Delayed("net", 1)
    for delay in (-1, 1.5, True, None):
        with pytest.raises(
            ValueError, match=f"delay is {delay}, wanted a whole number of at least 0"
        ):
            pylstm.Delayed(net, delay)
    delayed = pylstm.Delayed(net, 2)
    delayed.step([1.0, 2.0])
    with pytest.raises(RuntimeError, match="no step 2 steps ago to learn from: only 1 since the"):
        delayed.learn([1.0])
    delayed.step([1.0, 2.0])
    delayed.step([1.0, 2.0])
    delayed.learn([1.0])
    with pytest.raises(RuntimeError, match="no step to learn from"):
        delayed.learn([1.0])
    net.grow(n_inputs=3)
    with pytest.raises(RuntimeError, match=r"grown by itself: wanted Delayed\.grow"):
        delayed.step([1.0, 2.0])
