"""What all baselines share: checks, loops and copies, by the linear model y = W x + c y(t-1)."""

import pickle

import numpy as np
import pytest

import pylstm
from pylstm.baselines import Learner


class Leaky(Learner):
    """y(t) = W x(t) + y(t-1) / 2, the second term cut."""

    def __init__(self, n_inputs=3, n_outputs=2, optimizer=None):
        super().__init__(n_inputs, n_outputs, optimizer)
        rng = np.random.default_rng(5)
        self._hold({"output": rng.uniform(-1, 1, (n_outputs, n_inputs))})

    def _clear(self):
        self._before, self._x = np.zeros(self.n_outputs), np.zeros(self.n_inputs)

    def _forward(self, x):
        self._x = x
        self._before = self.parameters["output"] @ x + self._before / 2
        return self._before.copy()

    def _error(self, dy):
        self._gradient["output"] += np.outer(dy, self._x)


def sequence(rng, n_steps, missing=0.3):
    X, targets = rng.uniform(-1, 1, (n_steps, 3)), rng.uniform(-1, 1, (n_steps, 2))
    targets[rng.random(n_steps) < missing] = np.nan
    return X, targets


def loop(net, X, targets, every):
    """The run of a sequence in words: learn, and update when it is time."""
    Y, since = [], 0
    for x, target in zip(X, targets, strict=True):
        Y.append(net.step(x))
        since += 1
        loss = net.learn(target, update=False)
        if every == "step" and not np.isnan(loss):
            net.update()
        elif every not in ("step", "sequence") and since >= every:
            net.update()
            since = 0
    if every == "sequence":
        net.update()
    return np.array(Y)


@pytest.mark.parametrize("update", ["step", "sequence", 1, 3])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_run_equals_the_loop(rng, update, momentum):
    X, targets = sequence(rng, 20)
    one, other = (Leaky(optimizer=pylstm.SGD(0.1, momentum)) for _ in range(2))
    every = "step" if update == 1 else update
    assert np.array_equal(one.run(X, targets, update), loop(other, X, targets, every))
    assert np.array_equal(one.parameters["output"], other.parameters["output"])


def test_update_by_hand():
    net = Leaky(optimizer=pylstm.SGD(0.5, momentum=0.5))
    W = net.parameters["output"]
    start, x, target = W.copy(), np.array([1.0, -2.0, 3.0]), np.array([1.0, 0.5])
    first = np.outer(start @ x - target, x)
    y = net.step(x, target)
    assert np.allclose(W, start - 0.5 * first, rtol=1e-15)
    second = np.outer(W @ x + y / 2 - target, x)
    after = W - 0.5 * (0.5 * first + second)
    net.step(x, target)
    assert np.allclose(W, after, rtol=1e-14)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("update", ["step", "sequence", 4])
def test_run_sequences_equals_the_loop(rng, update, last):
    lengths = [3, 1, 5]
    X, targets = sequence(rng, sum(lengths))
    one, other = Leaky(), Leaky()
    Y, start = [], 0
    for length in lengths:
        steps = slice(start, start := start + length)
        wanted = targets[steps].copy()
        if last:
            wanted[:-1] = np.nan
        other.reset()
        Y.append(
            other.run(X[steps], wanted, update)[-1:]
            if last
            else other.run(X[steps], wanted, update)
        )
    given = targets[np.cumsum(lengths) - 1] if last else targets
    assert np.array_equal(
        one.run_sequences(X, given, lengths, last=last, update=update), np.concatenate(Y)
    )
    assert np.array_equal(one.parameters["output"], other.parameters["output"])
    other.reset()
    assert np.array_equal(one.step(0), other.step(0))


def test_tokens_are_one_hot_vectors(rng):
    tokens = rng.integers(3, size=12)
    targets = rng.uniform(-1, 1, (12, 2))
    one, other = Leaky(), Leaky()
    assert np.array_equal(one.run(tokens, targets), other.run(np.eye(3)[tokens], targets))
    assert np.array_equal(one.predict(1), other.predict([0, 1, 0]))
    assert np.array_equal(one.step(np.int64(2)), other.step([0, 0, 1]))


def test_predict_and_gradient_change_nothing(rng):
    X, targets = sequence(rng, 8)
    net, twin = Leaky(), Leaky()
    for other in (net, twin):
        other.run(X, targets)
        other.step(X[0])
        other.learn([0.3, 0.1], update=False)
    gradient = net.gradient(X, targets)
    assert np.array_equal(gradient["output"], net.gradient(X, targets)["output"])
    net.predict(X[1])
    before = net.parameters["output"].copy()
    net.run(X[:2], np.full((2, 2), np.nan), "step")
    assert np.array_equal(net.parameters["output"], before)
    net.update()
    twin.update()
    assert np.array_equal(net.parameters["output"], twin.parameters["output"])
    nothing_collected = Leaky()
    nothing_collected.parameters["output"][:] = before
    assert np.array_equal(gradient["output"], nothing_collected.gradient(X, targets)["output"])
    fresh = Leaky()
    fresh.parameters["output"][:] = 0
    fresh.optimizer = pylstm.SGD(1.0)
    for other in (net, fresh):
        other.parameters["output"][:] = 0.25
    fresh.run(X, targets, "sequence")
    assert np.array_equal(net.gradient(X, targets)["output"], 0.25 - fresh.parameters["output"])


@pytest.mark.parametrize("again", [Leaky.copy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copy_goes_on_as_the_original(rng, again):
    X, targets = sequence(rng, 30)
    net = Leaky(optimizer=pylstm.SGD(0.1, momentum=0.9))
    net.run(X[:10], targets[:10], 7)
    other = again(net)
    assert np.array_equal(net.run(X[10:], targets[10:], 7), other.run(X[10:], targets[10:], 7))
    assert np.array_equal(net.parameters["output"], other.parameters["output"])
    other.parameters["output"][:] = 0
    assert net.parameters["output"].all()
    assert other.optimizer == net.optimizer


def test_a_state_is_of_its_moment(rng):
    X, targets = sequence(rng, 10)
    net = Leaky(optimizer=pylstm.SGD(0.1, momentum=0.9))
    net.run(X, targets)
    state, twin = net.__getstate__(), net.copy()
    wanted = twin.run(X, targets)
    net.run(X, targets)
    for _ in range(2):
        other = Leaky.__new__(Leaky)
        other.__setstate__(state)
        assert np.array_equal(other.run(X, targets), wanted)


def test_learn_needs_a_step():
    net = Leaky()
    with pytest.raises(RuntimeError, match="no step to learn from"):
        net.learn([0.0, 0.0])
    y = net.step([1.0, 0.0, 0.0])
    assert net.learn(y + 1, update=False) == 1.0
    assert np.isnan(net.learn([np.nan, np.nan]))
    with pytest.raises(RuntimeError, match="no step to learn from"):
        net.learn([0.0, 0.0])
    net.step(0)
    net.reset()
    with pytest.raises(RuntimeError, match="no step to learn from"):
        net.learn([0.0, 0.0])


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda n: n.step([1.0, 2.0]), r"x has shape \(2,\), wanted \(3,\)"),
        (lambda n: n.step(3), "token is 3, wanted 0 .. 2"),
        (lambda n: n.step([1.0, np.nan, 0]), "x contains nan: wanted finite numbers"),
        (lambda n: n.step(0, [np.nan, 1]), "target is .nan, 1.0.: partly NaN"),
        (lambda n: n.run(np.zeros((4, 2))), r"X has shape \(4, 2\), wanted \(n_steps, 3\)"),
        (lambda n: n.run([[0, 0, 0], [0, np.inf, 0]]), "X contains inf at row 1"),
        (lambda n: n.run([0.5, 1.0]), r"or \(n_steps,\) of an integer dtype for tokens"),
        (lambda n: n.run([0, 3]), "tokens has value 3 at row 1: wanted 0 .. 2"),
        (lambda n: n.run([0, 1], [[0, 0]]), "targets has 1 rows and X has 2"),
        (lambda n: n.run([0], [[np.inf, 0]]), "targets row 0 is .inf, 0.0.: wanted finite"),
        (lambda n: n.run([0], [[0, 0]], update="often"), "update is 'often'"),
        (lambda n: n.run_sequences([0, 1], lengths=[1]), "lengths sum to 1, wanted the 2 steps"),
        (lambda n: n.run_sequences([0, 1], [[0, 0]], [2]), "targets has 1 rows, wanted 2"),
        (lambda n: n.gradient([0, 1], None), "targets is None"),
        (lambda n: Leaky(0), "n_inputs is 0, wanted a whole number of at least 1"),
        (lambda n: Leaky(optimizer=pylstm.SGD(1, clip_norm=1)), "without clipping, schedule and"),
    ],
)
def test_bad_input_changes_nothing(call, sentence):
    net = Leaky()
    net.step([1.0, 0.0, 0.0])
    before = net.predict([1.0, 1.0, 0.0])
    with pytest.raises(ValueError, match=sentence):
        call(net)
    assert np.array_equal(net.predict([1.0, 1.0, 0.0]), before)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda n: n.step(["a", "b", "c"]), "x has dtype <U1"),
        (lambda n: n.run([[1j, 0, 0]]), "X has dtype complex128"),
        (lambda n: Leaky(optimizer=pylstm.Adam()), "wanted a pylstm.SGD"),
    ],
)
def test_bad_type(call, sentence):
    with pytest.raises(TypeError, match=sentence):
        call(Leaky())


def test_divergence_is_told():
    net = Leaky(optimizer=pylstm.SGD(1e200))
    with pytest.raises(FloatingPointError, match="diverged at step 2: a weight or an output"):
        net.run(np.ones((5, 3)), np.ones((5, 2)))
