"""Time-delay networks: the equations, the gradient through delays, what a window reaches."""

import pickle

import numpy as np
import pytest

import pylstm
from pylstm.baselines import TimeDelay
from pylstm.tasks import NoiseFree, Reber

FUNCTIONS = {"tanh": np.tanh, "logistic": lambda net: 1 / (1 + np.exp(-net)), "identity": float}
SHAPES = [
    {"n_hidden": 4, "delays": (1, 2)},
    {"n_hidden": 4, "delays": (0, 3)},
    {"n_hidden": 4, "delays": (2, 0), "squashing": "logistic", "output": "identity"},
    {"n_hidden": (4, 3), "delays": (2, 1, 1), "output": "tanh"},
    {"n_hidden": (2, 3, 2), "delays": (1, 2, 0, 1), "squashing": "identity"},
    {"n_hidden": (), "delays": (3,)},
]


@pytest.fixture(params=SHAPES, ids=lambda shape: f"{shape['n_hidden']}-{shape['delays']}")
def shape(request):
    return request.param


def build(shape, **keywords):
    return TimeDelay(3, 2, **{"init_range": 1.0, "seed": 4, **shape, **keywords})


def replay(parameters, shape, X):
    """Outputs of one sequence, (n_steps, n_outputs), from the equations, a unit at a time."""
    squashings = [shape.get("squashing", "tanh")] * (len(parameters) - 1)
    squashings.append(shape.get("output", "logistic"))
    below = [list(x) for x in X]
    for W, delay, name in zip(parameters.values(), shape["delays"], squashings, strict=True):
        above = []
        for t in range(len(X)):
            seen = []
            for d in range(delay + 1):
                seen += below[t - d] if t >= d else [0.0] * len(below[0])
            above.append([float(FUNCTIONS[name](w @ [*seen, 1.0])) for w in W])
        below = above
    return np.array(below)


def sequence(rng, n_steps=9, missing=0.3):
    X, targets = rng.uniform(-1, 1, (n_steps, 3)), rng.uniform(0, 1, (n_steps, 2))
    targets[rng.random(n_steps) < missing] = np.nan
    targets[-1] = 0.5
    return X, targets


def assert_alike(one, other, rtol=1e-12):
    for name, w in one.parameters.items():
        assert np.allclose(w, other.parameters[name], rtol=rtol, atol=1e-14), name


def test_outputs_are_those_of_the_equations(rng, shape):
    net = build(shape)
    X, _ = sequence(rng, 12)
    wanted = replay(net.parameters, shape, X)
    assert np.allclose(net.run_sequences(X), wanted, rtol=1e-12)
    parts = [net.run(X[:1]), net.run(X[1:6]), net.run(X[6:6]), net.run(X[6:])]
    assert np.allclose(np.concatenate(parts), wanted, rtol=1e-12)
    net.reset()
    for x, y in zip(X, wanted, strict=True):
        assert np.allclose(net.predict(x), y, rtol=1e-12)
        assert np.allclose(net.step(x), y, rtol=1e-12)


def test_gradient_equals_differences(rng, shape):
    net = build(shape)
    X, targets = sequence(rng)
    parameters = {name: w.copy() for name, w in net.parameters.items()}

    def loss():
        return 0.5 * np.nansum((replay(parameters, shape, X) - targets) ** 2)

    net.run(X)  # a state that must not matter
    for name, gradient in net.gradient(X, targets).items():
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


@pytest.mark.parametrize("update", ["step", "sequence", 1, 4])
def test_run_equals_the_loop(rng, shape, update):
    optimizer = pylstm.SGD(0.2, momentum=0.5)
    one, other = build(shape, optimizer=optimizer), build(shape, optimizer=optimizer)
    since = 0
    for n_steps in (7, 6):
        X, targets = sequence(rng, n_steps)
        Y = one.run(X, targets, update)
        for x, target, y in zip(X, targets, Y, strict=True):
            assert np.allclose(other.step(x), y, rtol=1e-11)
            loss = other.learn(target, update=False)
            since += 1
            if update in (1, "step") and not np.isnan(loss):
                assert loss == pytest.approx(0.5 * ((y - target) ** 2).sum(), rel=1e-11)
                other.update()
            elif update == 4 and since == 4:
                other.update()
                since = 0
        if update == "sequence":
            other.update()
        assert_alike(one, other, rtol=1e-11)


@pytest.mark.parametrize("last", [False, True])
def test_run_sequences_equals_the_loop(rng, last):
    one, other = build(SHAPES[0]), build(SHAPES[0])
    lengths = np.array([4, 1, 7])
    X, targets = sequence(rng, 12)
    ends = np.cumsum(lengths)
    given = targets[ends - 1] if last else targets
    Y = one.run_sequences(X, given, lengths, last=last)
    for k, (start, end) in enumerate(zip(ends - lengths, ends, strict=True)):
        other.reset()
        wanted = targets[start:end].copy()
        if last:
            wanted[:-1] = np.nan
        y = other.run(X[start:end], wanted, update="sequence")
        assert np.allclose(Y[k] if last else Y[start:end], y[-1] if last else y, rtol=1e-12)
    assert_alike(one, other)


def test_a_sequence_knows_nothing_of_the_one_before(rng):
    net, fresh = build(SHAPES[3]), build(SHAPES[3])
    X, targets = sequence(rng)
    net.run(10 * X)
    net.reset()
    assert np.array_equal(net.run(X, targets), fresh.run(X, targets))
    assert_alike(net, fresh)


def test_learning_within_a_sequence_keeps_what_was(rng):
    """The second update sends its error back through activations made with the first weights."""
    net = TimeDelay(1, 1, 1, delays=(0, 1), squashing="identity", output="identity", seed=3)
    (w, b), (v0, v1, c) = (net.parameters[name][0] for name in ("hidden_0", "output"))
    x0, x1 = 0.5, -2.0
    h0 = w * x0 + b
    e0 = v0 * h0 + c - 1
    net.step([x0], [1.0])
    after = [p - 0.1 * g for p, g in zip((w, b), (e0 * v0 * x0, e0 * v0), strict=True)]
    V = [p - 0.1 * g for p, g in zip((v0, v1, c), (e0 * h0, 0, e0), strict=True)]
    assert np.allclose(net.parameters["hidden_0"], [after], rtol=1e-14)
    assert np.allclose(net.parameters["output"], [V], rtol=1e-14)
    h1 = after[0] * x1 + after[1]
    e1 = V[0] * h1 + V[1] * h0 + V[2] - 3
    net.step([x1], [3.0])
    of_w, of_b = e1 * (V[0] * x1 + V[1] * x0), e1 * (V[0] + V[1])
    wanted = [after[0] - 0.1 * of_w, after[1] - 0.1 * of_b]
    assert np.allclose(net.parameters["hidden_0"], [wanted], rtol=1e-14)


def test_tokens_are_one_hot_vectors(rng):
    tokens = rng.integers(0, 3, 12)
    _, targets = sequence(rng, 12)
    one, other = build(SHAPES[0]), build(SHAPES[0])
    assert np.array_equal(one.run(tokens, targets), other.run(np.eye(3)[tokens], targets))
    assert np.array_equal(one.predict(2), other.predict([0, 0, 1]))
    assert_alike(one, other)


@pytest.mark.parametrize("way", ["copy", "pickle", "file"])
def test_copies_go_on_alike(rng, tmp_path, way):
    net = build(SHAPES[3], optimizer=pylstm.SGD(0.1, momentum=0.9))
    X, targets = sequence(rng, 12)
    net.run(X[:5], targets[:5], update=3)
    if way == "file":
        net.save(tmp_path / "net.safetensors")
        twin = pylstm.load(tmp_path / "net.safetensors")
    else:
        twin = net.copy() if way == "copy" else pickle.loads(pickle.dumps(net))
    assert np.array_equal(net.run(X[5:], targets[5:], 3), twin.run(X[5:], targets[5:], 3))
    assert_alike(net, twin, rtol=0)


def test_window_and_weights():
    net = TimeDelay(16, 3, (8, 3), delays=(2, 4, 0))
    assert net.window == 7
    shapes = {name: w.shape for name, w in net.parameters.items()}
    assert shapes == {"hidden_0": (8, 49), "hidden_1": (3, 41), "output": (3, 4)}
    assert net.n_parameters == 8 * 49 + 3 * 41 + 3 * 4


@pytest.mark.parametrize("delays", [(2, 1), (0, 3), (3, 0)])
def test_an_output_sees_its_window_and_no_further(rng, delays):
    net = TimeDelay(1, 1, delays=delays, init_range=1.0)
    X = rng.uniform(-1, 1, (10, 1))
    changed = X.copy()
    changed[2] += 1
    differs = (net.run_sequences(X) != net.run_sequences(changed))[:, 0]
    assert np.flatnonzero(differs).tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize(("p", "solves"), [(4, True), (5, False)])
def test_learns_a_lag_within_its_window_and_none_beyond(rng, p, solves):
    task = NoiseFree(p=p)
    net = TimeDelay(p + 1, p + 1, delays=(2, 1), optimizer=pylstm.SGD(0.5))
    s = task.sample(2000, rng)
    net.run_sequences(s.X, s.targets, s.lengths)
    both = task.both()
    Y = net.run_sequences(both.X, None, both.lengths)
    assert task.wrong(Y, both).any() != solves
    assert np.array_equal(Y[p - 1], Y[-1]) != solves


def test_learns_the_reber_grammar(rng):
    """Its symbols can be told from the last two."""
    task = Reber()
    net = TimeDelay(7, 7, delays=(1, 1))
    training, test = task.sample(3000, rng), task.sample(500, rng)
    net.run_sequences(training.X, training.targets, training.lengths)
    assert not task.wrong(net.run_sequences(test.X, None, test.lengths), test).any()


def test_delays_must_fit_the_layers():
    with pytest.raises(ValueError, match="delays has 2 values, wanted 3: one a layer"):
        TimeDelay(3, 2, (4, 4), delays=(1, 1))


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"n_hidden": 0}, "n_hidden is 0, wanted a whole number of at least 1"),
        ({"n_hidden": (4, 1.5), "delays": (1, 1, 1)}, "n_hidden is 1.5, wanted a whole"),
        ({"delays": (1, -1)}, "delays is -1, wanted a whole number of at least 0"),
        ({"squashing": "relu"}, "squashing is 'relu', wanted one of 'logistic'"),
        ({"output": "softmax"}, "output is 'softmax', wanted one of 'logistic'"),
        ({"init_range": -1.0}, "init_range is -1.0, wanted a finite number >= 0"),
    ],
)
def test_bad_input(keywords, message):
    with pytest.raises(ValueError, match=message):
        TimeDelay(3, 2, **keywords)


@pytest.mark.parametrize("rate", [1e200, 1e308])
def test_divergence_is_told(rng, rate):
    """By the next output, or by the weights after the last one."""
    net = build(SHAPES[2], optimizer=pylstm.SGD(rate))
    X, targets = sequence(rng)
    n_steps = 9 if rate < 1e300 else 1
    with pytest.raises(FloatingPointError, match="diverged at step"):
        net.run(X[:n_steps], 9e9 + targets[-n_steps:])


def test_a_run_ends_with_a_step_to_learn_from(rng):
    net = build(SHAPES[0])
    X, _ = sequence(rng)
    y = net.run(X)[-1]
    assert net.learn([0.0, 0.0]) == pytest.approx(0.5 * (y @ y))
    with pytest.raises(RuntimeError, match="no step to learn from"):
        net.learn([0.0, 0.0])


def test_a_long_run_is_not_kept(rng):
    net = build(SHAPES[0])
    net.run(np.zeros((1000, 3)))
    assert sum(a.size for a in net._recent) < 50
    assert all(a.base is None for a in net._recent)
