"""The neural sequence chunker: what is a surprise, what each level learns, when units come."""

import pickle

import numpy as np
import pytest

import pylstm
from pylstm.baselines import Chunker
from pylstm.tasks import NoiseFree

N = 4


def build(**keywords):
    return Chunker(N, N, 2, **{"n_direct": 0, "init_range": 1.0, "surprise": 0.6, **keywords})


def sequence(rng, n_steps=12, missing=0.2):
    """Random symbols, and targets that are mostly but not always the next of them."""
    tokens = rng.integers(0, N, n_steps)
    targets = np.eye(N)[np.roll(tokens, -1)]
    targets[rng.random(n_steps) < 0.2] = 0.5
    targets[rng.random(n_steps) < missing] = np.nan
    return tokens, targets


def logistic(net):
    return 1 / (1 + np.exp(-net))


class Replay:
    """A sequence from the equations: what surprises, the states, the outputs of both levels."""

    def __init__(self, parameters, tokens, surprise, is_surprise=None):
        X = np.eye(N)[tokens]
        W, V = parameters["lower_units"], parameters["lower_output"]
        U, R = parameters["higher_units"], parameters["higher_output"]
        a, c = np.zeros(2), np.zeros(2)
        self.is_surprise, self.lower, self.higher, self.states = [], [], [], []
        expected = None
        for t, x in enumerate(X):
            if is_surprise is None:
                is_new = expected is None or bool((np.abs(expected - x) >= surprise).any())
            else:
                is_new = is_surprise[t]
            self.is_surprise.append(is_new)
            if is_new:
                c = logistic(U @ [*x, *c])
                self.higher.append(logistic(R @ [*c, 1.0]))
            else:
                self.higher.append(self.higher[-1])
            a = logistic(W @ [*x, *a])
            self.lower.append(logistic(V @ [*a, *x, 1.0]))
            expected = self.lower[-1][:N]
            self.states.append(c)


def assert_alike(one, other):
    for name, w in one.parameters.items():
        assert np.array_equal(w, other.parameters[name]), name


def test_steps_are_those_of_the_equations(rng):
    net = build()
    tokens, _ = sequence(rng, 40)
    replay = Replay(net.parameters, tokens, 0.6)
    assert np.allclose(net.run(tokens), np.array(replay.lower)[:, :N], rtol=1e-12)
    assert 5 < sum(replay.is_surprise) < 38
    assert net.n_surprises == net._nets["higher"].n_steps == sum(replay.is_surprise)
    assert np.allclose(net._nets["higher"].state["units"], replay.states[-1], rtol=1e-12)


def test_gradient_equals_differences(rng):
    """Of the lower level with the states of the higher as targets, and of the higher level."""
    net = build()
    tokens, targets = sequence(rng)
    parameters = {name: w.copy() for name, w in net.parameters.items()}
    start = Replay(parameters, tokens, 0.6)
    has_target = ~np.isnan(targets[:, 0])
    missed = has_target & (np.abs(np.array(start.lower)[:, :N] - targets) >= 0.6).any(axis=1)
    assert 0 < missed.sum() < has_target.sum()
    wanted = np.column_stack([targets, start.states])

    def loss():
        now = Replay(parameters, tokens, 0.6, start.is_surprise)
        lower, higher = np.array(now.lower) - wanted, np.array(now.higher) - targets
        return 0.5 * (lower[has_target] ** 2).sum() + 0.5 * (higher[missed] ** 2).sum()

    net.run(tokens)
    gradients = net.gradient(tokens, targets)
    assert list(gradients) == list(parameters)
    for name, gradient in gradients.items():
        w = parameters[name]
        numeric = np.empty_like(w)
        for index in np.ndindex(w.shape):
            kept = w[index]
            w[index] = kept + 1e-5
            up = loss()
            w[index] = kept - 1e-5
            numeric[index] = (up - loss()) / 2e-5
            w[index] = kept
        assert np.allclose(gradient, numeric, rtol=1e-7, atol=1e-9), name


@pytest.mark.parametrize(
    ("expected", "is_surprise"),
    [
        ([0.7, 0, 0, 0], False),
        ([0.3, 0, 0, 0], True),
        ([1, 0, 0, 0.7], True),
        ([1, -0.7, 0, 0], True),
    ],
)
@pytest.mark.parametrize("x", [0, [1.0, 0, 0, 0]])
def test_an_output_that_misses_is_a_surprise(expected, is_surprise, x):
    net = build()
    net.step(1)
    net._expected = np.array(expected, float)
    net.step(x)
    assert net.n_surprises == 1 + is_surprise


def test_without_surprise_the_higher_level_rests(rng):
    net = build(surprise=2.0)
    before = {name: w.copy() for name, w in net.parameters.items()}
    tokens, targets = sequence(rng)
    net.run(tokens, targets)
    assert net.n_surprises == 1
    for name, w in net.parameters.items():
        assert np.array_equal(w, before[name]) == name.startswith("higher")


@pytest.mark.parametrize("update", ["step", "sequence", 3])
def test_run_equals_the_loop(rng, update):
    one, other = build(), build()
    since = 0
    for _ in range(2):
        tokens, targets = sequence(rng)
        Y = one.run(tokens, targets, update)
        for token, target, y in zip(tokens, targets, Y, strict=True):
            assert np.array_equal(other.predict(token), y)
            assert np.array_equal(other.step(token), y)
            loss = other.learn(target, update=False)
            since += 1
            if update == "step" and not np.isnan(loss):
                assert loss == pytest.approx(0.5 * ((y - target) ** 2).sum())
                other.update()
            elif update == 3 and since == 3:
                other.update()
                since = 0
        if update == "sequence":
            other.update()
        assert_alike(one, other)


def test_run_sequences_equals_the_loop(rng):
    one, other = build(n_direct=2), build(n_direct=2)
    parts = [sequence(rng, n, missing=0) for n in (5, 1, 7)]
    tokens, targets = (np.concatenate(of) for of in zip(*parts, strict=True))
    one.run_sequences(tokens, targets, [5, 1, 7], update="step")
    for part in parts:
        other.reset()
        other.run(*part)
    other.reset()
    assert_alike(one, other)
    assert one.n_sequences == other.n_sequences == 3


def test_a_surprise_is_learned_once_between_changes_of_the_weights(rng):
    """The higher level has no step to learn from any more, but the lower one has."""
    net = build(surprise=0.05)
    net.step(0, [1.0, 0, 0, 0])
    assert not net._nets["higher"]._is_learnable()
    y = net.predict(1)
    net._expected = np.eye(N)[1]
    before = {name: w.copy() for name, w in net.parameters.items()}
    net.step(1, y + 0.5)
    for name, w in net.parameters.items():
        assert np.array_equal(w, before[name]) == name.startswith("higher")


def test_tokens_are_one_hot_vectors(rng):
    one, other = build(), build()
    tokens, targets = sequence(rng, 30)
    Y = one.run(tokens, targets)
    assert np.allclose(Y, other.run(np.eye(N)[tokens], targets), rtol=1e-10)
    assert one.n_surprises == other.n_surprises > 3


# ---------------------------------------------------------------- units that come later


def test_units_come_when_enough_sequences_have_been_learned(rng):
    net, whole = build(n_direct=3, seed=5), build(seed=5)
    first = {name: w.copy() for name, w in whole.parameters.items()}
    for k in range(3):
        tokens, targets = sequence(rng)
        net.run_sequences(tokens, None)  # answering does not count
        net.run(tokens, targets)
        assert net.n_sequences == k
        for level in ("lower", "higher"):
            assert not net.parameters[f"{level}_output"][:, :2].any()
            assert np.array_equal(net.parameters[f"{level}_units"], first[f"{level}_units"])
            assert (
                net.parameters[f"{level}_output"][:, 2:] != first[f"{level}_output"][:, 2:]
            ).any()
        net.reset()
    assert net.n_sequences == 3
    for level in ("lower", "higher"):
        assert np.array_equal(
            net.parameters[f"{level}_output"][:, :2], first[f"{level}_output"][:, :2]
        )
    net.run(*sequence(rng))
    assert (net.parameters["lower_units"] != first["lower_units"]).any()


def test_before_the_units_come_their_state_is_zero():
    """As a target of the lower level."""
    net = build(n_direct=5, optimizer=pylstm.SGD(0.0))
    bias = net.parameters["lower_output"][:, -1]
    bias[N:] = -50.0  # outputs of zero
    gradient = net.gradient([0, 1], [[0.5] * N] * 2)
    assert np.abs(gradient["lower_output"][N:]).max() < 1e-15
    bias[N:] = 0.0
    gradient = net.gradient([0, 1], [[0.5] * N] * 2)
    assert (gradient["lower_output"][N:, -1] > 0).all()


# ---------------------------------------------------------------- what it learns


def test_the_lower_level_takes_over_what_the_higher_one_knows(rng):
    """Experiment 2a of a lag of ten: in the end nothing surprises but the first symbol."""
    task = NoiseFree(p=10)
    net = Chunker(11, 11, n_direct=400)
    training, both = task.sample(3000, rng), task.both()
    Y = net.run_sequences(training.X, training.targets, training.lengths, update="step")
    wrong = task.wrong(Y, training)
    assert wrong[:1000].mean() > 0.9
    assert not wrong[-200:].any()
    n_before = net.n_surprises
    Y = net.run_sequences(both.X, None, both.lengths)
    assert not task.wrong(Y, both).any()
    assert net.n_surprises == n_before + 2


def test_weights_of_the_net_of_experiment_2a():
    sizes = {name: w.size for name, w in Chunker(101, 101).parameters.items()}
    assert sizes["lower_units"] + sizes["lower_output"] == 10506 + 102
    assert sizes["higher_units"] + sizes["higher_output"] == 304


# ---------------------------------------------------------------- verbs


@pytest.mark.parametrize("way", ["copy", "pickle", "file"])
@pytest.mark.parametrize("n_direct", [0, 1, 2])
def test_copies_go_on_alike(rng, tmp_path, way, n_direct):
    net = build(n_direct=n_direct, optimizer=pylstm.SGD(0.5, momentum=0.5))
    tokens, targets = sequence(rng, 20)
    net.run(tokens, targets)
    net.reset()
    net.run(tokens[:7], targets[:7], update=3)
    if way == "file":
        net.save(tmp_path / "net.safetensors")
        twin = pylstm.load(tmp_path / "net.safetensors")
    else:
        twin = net.copy() if way == "copy" else pickle.loads(pickle.dumps(net))
    assert_alike(net, twin)
    for one in (net, twin):
        one.run(tokens[7:], targets[7:], update=3)
        one.run_sequences(tokens, targets, [8, 12])
    assert_alike(net, twin)
    assert (net.n_surprises, net.n_sequences) == (twin.n_surprises, twin.n_sequences)


def test_another_optimizer_is_that_of_both_levels(rng):
    net = build()
    net.optimizer = pylstm.SGD(0.0)
    before = {name: w.copy() for name, w in net.parameters.items()}
    net.run(*sequence(rng))
    assert all(np.array_equal(w, before[name]) for name, w in net.parameters.items())


def test_the_gradient_is_of_a_fresh_state_and_changes_nothing(rng):
    net, twin = build(n_direct=1), build(n_direct=1)
    tokens, targets = sequence(rng)
    wanted = net.gradient(tokens, targets)
    for one in (net, twin):
        one.run(tokens[:5], targets[:5], update=100)
    for name, gradient in net.gradient(tokens, targets).items():
        assert np.array_equal(gradient, wanted[name])
    for one in (net, twin):
        one.run(tokens[5:], targets[5:], update=100)
        one.update()
    assert_alike(net, twin)
    assert net.n_sequences == 0


def test_divergence_is_told(rng):
    net = build()
    net.parameters["higher_output"][0, 0] = np.inf
    with pytest.raises(FloatingPointError, match="diverged"):
        net.run(*sequence(rng))


def test_divergence_by_the_last_change_of_the_weights_is_told(rng):
    net = build(optimizer=pylstm.SGD(1e308))
    with pytest.raises(FloatingPointError, match="diverged"):
        net.step(0, [9.0] * N)


def test_a_step_is_learned_once(rng):
    net = build()
    net.step(0, [0.0] * N)
    with pytest.raises(RuntimeError, match="no step to learn from"):
        net.learn([0.0] * N)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_outputs": 3}, "n_outputs is 3 with n_inputs 4, wanted the same number"),
        ({"n_hidden": 0}, "n_hidden is 0, wanted a whole number of at least 1"),
        ({"n_direct": -1}, "n_direct is -1, wanted a whole number of at least 0"),
        ({"surprise": 0.0}, "surprise is 0.0, wanted a finite number above 0"),
        ({"surprise": True}, "surprise is True, wanted a finite number above 0"),
        ({"init_range": np.nan}, "init_range is nan, wanted a finite number >= 0"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        Chunker(**{"n_inputs": N, "n_outputs": N, **arguments})
