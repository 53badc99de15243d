"""Scaling inside the network: the same as standardising outside, step after step, in every call."""

import copy
import pickle

import numpy as np
import pytest
from nets import NETS, assert_same_bits, assert_same_model, build, get_parameters, run_by_hand

import pylstm
from pylstm import reference

SCALES = [(True, False), (False, True), (True, True)]
SIZES = {"n_inputs": 3, "n_outputs": 2, "n_blocks": 5}


class Outside:
    """A plain network with the statistics kept outside, by the twins of the kernels."""

    def __init__(self, net, scale_inputs, scale_targets, memory):
        self.net, self.inputs, self.targets = net, scale_inputs, scale_targets
        self.memory = memory
        self.x = pylstm.RunningScale(net.n_inputs).state()
        self.t = pylstm.RunningScale(net.n_outputs).state()

    def step(self, x, target=None):
        if self.inputs:
            reference.scale_update(x, self.x, self.memory, 5, True)
            x = reference.scale_standardise(x, self.x["mean"], self.x["variance"], 5, 0.0)
        y = self.net.step(np.asarray(x, self.net.dtype))
        if self.targets:
            mean, variance = self.t["mean"], self.t["variance"]
            y = reference.scale_give_back(y, mean, variance, 5).astype(self.net.dtype)
        if target is not None and not np.isnan(target).any():
            if self.targets:
                reference.scale_update(target, self.t, self.memory, 5, True)
                mean, variance = self.t["mean"], self.t["variance"]
                target = reference.scale_standardise(target, mean, variance, 5, np.nan)
            self.net.learn(np.asarray(target, self.net.dtype))
        return y


def stream(n_steps, rng, n_inputs=3, n_outputs=2, missing=0.1):
    """Columns of very different size, some targets missing."""
    X = rng.normal(size=(n_steps, n_inputs)).cumsum(axis=0) * 10.0 ** np.arange(n_inputs) + 50
    Y = np.sin(X[:, :1] * np.arange(1, n_outputs + 1)) * 300 - 1000
    Y[rng.random(n_steps) < 0.3] = np.nan
    X[rng.random(X.shape) < missing] = np.nan
    return X, Y


def scaled(dtype="float64", inputs=True, targets=True, memory=50, **options):
    return pylstm.LSTM(
        **SIZES, dtype=dtype, scale_inputs=inputs, scale_targets=targets, scale_memory=memory,
        optimizer=pylstm.SGD(0.05), **options,
    )  # fmt: skip


@pytest.mark.parametrize(("inputs", "targets"), SCALES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_standardising_outside_to_the_last_bit(rng, inputs, targets, dtype):
    X, Y = stream(300, rng, missing=0.1 if inputs else 0.0)
    if not inputs:
        X = X.astype(dtype) / 1000
    if not targets:
        Y = Y.astype(dtype) / 1000
    net = scaled(dtype, inputs, targets)
    plain = pylstm.LSTM(**SIZES, dtype=dtype, optimizer=pylstm.SGD(0.05))
    outside = Outside(plain, inputs, targets, 50)
    for t, (x, target) in enumerate(zip(X, Y, strict=True)):
        if t == 150:  # what is known of the columns outlasts it
            net.reset()
            plain.reset()
        assert_same_bits(net.step(x, target), outside.step(x, target))
    assert_same_model(net, plain)


@pytest.mark.parametrize(("inputs", "targets"), SCALES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("update", ["step", "sequence", 3, 70])
def test_run_equals_the_loop(rng, inputs, targets, dtype, update):
    """Over stretches of every length around those a run is made of."""
    for n_steps in (1, 63, 64, 65, 130):
        X, Y = stream(n_steps, rng, missing=0.1 if inputs else 0.0)
        a, b = scaled(dtype, inputs, targets), scaled(dtype, inputs, targets)
        assert_same_bits(a.run(X, Y, update=update), run_by_hand(b, X, Y, update))
        assert_same_model(a, b)
        assert_same_bits(a.run(X), np.array([b.step(x) for x in X]))
        assert_same_bits(a.predict(X[-1]), b.predict(X[-1]))


@pytest.mark.parametrize(("inputs", "targets"), SCALES)
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_run_sequences_equals_resets_and_runs(rng, inputs, targets, last, kind):
    lengths = [1, 70, 3, 130]
    X, Y = stream(sum(lengths), rng, missing=0.1 if inputs else 0.0)
    X, Y = X.astype(kind), Y.astype(kind)
    ends = np.cumsum(lengths)
    Y[ends - 1] = -1000
    for update in ("sequence", 50):
        a, b = scaled("float32", inputs, targets), scaled("float32", inputs, targets)
        wanted = []
        for end, length in zip(ends, lengths, strict=True):
            b.reset()
            rows = slice(end - length, end)
            t = Y[rows].copy()
            if last:
                t[:-1] = np.nan
            wanted.append(b.run(X[rows], t, update=update)[-1 if last else 0 :])
        b.reset()
        ran = a.run_sequences(X, Y[ends - 1] if last else Y, lengths, last=last, update=update)
        assert_same_bits(ran, np.concatenate(wanted))
        assert_same_model(a, b)


@pytest.mark.parametrize(("inputs", "targets"), SCALES)
def test_predict_is_what_step_returns_and_changes_nothing(rng, inputs, targets):
    X, Y = stream(60, rng, missing=0.1 if inputs else 0.0)
    net = scaled(inputs=inputs, targets=targets)
    for x, target in zip(X, Y, strict=True):
        predicted = net.predict(x)
        assert_same_bits(net.predict(x), predicted)
        assert_same_bits(net.step(x, target), predicted)


@pytest.mark.parametrize(("inputs", "targets"), SCALES)
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))]
)
def test_copies_go_on_to_the_last_bit(rng, inputs, targets, copied):
    X, Y = stream(80, rng, missing=0.1 if inputs else 0.0)
    net = scaled("float32", inputs, targets)
    net.run(X[:40], Y[:40])
    other = copied(net)
    for x, target in zip(X[40:], Y[40:], strict=True):
        assert_same_bits(other.step(x, target), net.step(x, target))
    assert_same_model(other, net)
    assert_same_bits(other.run(X, Y), net.run(X, Y))


def test_gradient_is_that_of_standardised_values_and_changes_nothing(rng):
    X, Y = stream(60, rng)
    net = scaled()
    net.run(X[:30], Y[:30])
    before, state = get_parameters(net), net.__getstate__()
    plain = pylstm.LSTM(**SIZES, dtype="float64")
    for name, weights in plain.parameters.items():
        weights[...] = before[name]
    x_scale, t_scale = state["input_scale"], state["target_scale"]
    Z, T = np.empty((30, 3)), np.full((30, 2), np.nan)
    for s, (x, target) in enumerate(zip(X[30:], Y[30:], strict=True)):
        reference.scale_update(x, x_scale, 50, 5, True)
        Z[s] = reference.scale_standardise(x, x_scale["mean"], x_scale["variance"], 5, 0.0)
        reference.scale_update(target, t_scale, 50, 5, True)
        T[s] = reference.scale_standardise(target, t_scale["mean"], t_scale["variance"], 5, np.nan)
    assert_same_bits(net.gradient(X[30:], Y[30:]), plain.gradient(Z, T))
    assert_same_bits(get_parameters(net), before)


def test_loss_is_in_the_units_of_the_target(rng):
    X, Y = stream(50, rng)
    net = scaled()
    for x, target in zip(X, Y, strict=True):
        y = net.step(x)
        loss = net.learn(target)
        if np.isnan(target).any():
            assert np.isnan(loss)
        else:
            assert loss == pytest.approx(0.5 * ((y - target) ** 2).sum(), rel=1e-14)


def test_units_do_not_matter(rng):
    """In units 1024 times smaller, every prediction is exactly 1024 times the number."""
    X, Y = stream(300, rng)
    one, other = scaled(), scaled()
    assert_same_bits(other.run(X * 2.0**-7, Y * 1024), one.run(X, Y) * 1024)


def test_constant_columns_are_zero_and_a_constant_target_is_predicted():
    net = scaled()
    plain = pylstm.LSTM(**SIZES, dtype="float64", optimizer=pylstm.SGD(0.05))
    for x in ([7.0, np.nan, -1e90], [7.0, np.nan, -1e90]) * 20:
        y = net.step(x, [3.3, -5e20])
        plain.step(np.zeros(3), np.zeros(2))
    np.testing.assert_array_equal(y, [3.3, -5e20])
    assert_same_model(net, plain)


def test_output_is_zero_before_the_first_target():
    np.testing.assert_array_equal(scaled().step([1.0, 2.0, 3.0]), 0)


@pytest.mark.parametrize("size", [1e6, 1e30])
def test_a_wild_value_does_no_lasting_harm(size):
    t = np.arange(4001.0)
    X = np.column_stack([np.sin(0.2 * t), np.cos(0.2 * t)]) * 40 + 7
    Y = np.sin(0.2 * (t + 1))[:, None] * 300 + 9000

    def error(X, Y):
        net = pylstm.LSTM(
            2, 1, 8, scale_inputs=True, scale_targets=True, optimizer=pylstm.SGD(0.02)
        )
        return np.abs(net.run(X, Y) - np.sin(0.2 * (t + 1))[:, None] * 300 - 9000)[-500:].mean()

    wild_X, wild_Y = X.copy(), Y.copy()
    wild_X[2000, 0] += size
    wild_Y[2000] -= size
    assert error(X, Y) < 30
    assert error(wild_X, wild_Y) < 1.2 * error(X, Y)


def test_no_prediction_knows_the_future(rng):
    X, Y = stream(120, rng)
    other_X, other_Y = X.copy(), Y.copy()
    other_X[80:] *= 3
    other_Y[80:] *= 3
    a, b = scaled().run(X, Y), scaled().run(other_X, other_Y)
    assert_same_bits(a[:80], b[:80])
    assert (a[80] != b[80]).all()


@pytest.mark.parametrize(
    ("call", "problem", "sentence"),
    [
        (lambda net: net.step([1.0, np.inf, 0.0]), ValueError, "x contains inf: wanted finite"),
        (lambda net: net.predict([1.0, 2.0]), ValueError, r"x has shape \(2,\), wanted \(3,\)"),
        (lambda net: net.step(1), ValueError, "x is the token 1, but scale_inputs is True"),
        (lambda net: net.run(np.array([1, 2])), ValueError, "tokens, but scale_inputs is True"),
        (lambda net: net.run(np.full((4, 3), -np.inf)), ValueError, "X contains -inf at row 0"),
        (lambda net: net.step(["a", "b", "c"]), TypeError, "x has dtype <U1"),
        (lambda net: net.learn([np.nan, 1.0]), ValueError, "target is .*: partly NaN"),
        (lambda net: net.learn([1.0, 1e39]), ValueError, "target is .*: wanted finite numbers"),
        (lambda net: net.learn_from([1.0, 1.0]), ValueError, "an outside error brings no target"),
        (
            lambda net: net.run(np.zeros((2, 3)), [[0, 0], [0, np.inf]]),
            ValueError,
            "targets row 1 is .*: wanted finite numbers",
        ),
        (lambda net: pylstm.Streams(net, 3), ValueError, "which Streams do not know"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(call, problem, sentence):
    net = scaled("float32")
    net.step([1.0, 2.0, 3.0], [4.0, 5.0])
    net.step([1.5, 2.0, 3.0])
    twin = net.copy()
    with pytest.raises(problem, match=sentence):
        call(net)
    assert_same_bits(net.learn([1.0, 1.0]), twin.learn([1.0, 1.0]))
    assert_same_bits(net.step([1, 2, 4]), twin.step([1, 2, 4]))
    assert_same_model(net, twin)


def test_switches_are_checked():
    with pytest.raises(ValueError, match="scale_inputs is 1, wanted True or False"):
        pylstm.LSTM(1, 1, 1, scale_inputs=1)
    with pytest.raises(ValueError, match="scale_memory is 0, wanted a whole number"):
        pylstm.LSTM(1, 1, 1, scale_memory=0)
    with pytest.raises(ValueError, match="scale_targets is True with output 'logistic'"):
        pylstm.LSTM(1, 1, 1, scale_targets=True, output="logistic")


def test_tokens_and_scaled_targets_go_together(rng):
    net = pylstm.LSTM(4, 1, 5, scale_targets=True, dtype="float64")
    twin = net.copy()
    tokens, Y = rng.integers(0, 4, 150), rng.normal(50, 9, (150, 1))
    vectors = np.eye(4)[tokens]
    assert_same_bits(net.run(tokens, Y), twin.run(vectors, Y))


def test_saved_statistics_of_another_network_are_refused():
    net = scaled()
    state = net.__getstate__()
    state["input_scale"] = pylstm.RunningScale(2).state()
    with pytest.raises(ValueError, match=r"input_scale.count is float64 of shape \(2,\), wanted"):
        pylstm.LSTM.__new__(pylstm.LSTM).__setstate__(state)


@pytest.mark.parametrize("name", NETS)
def test_every_net_learns_with_scaled_inputs(rng, name):
    architecture = NETS[name]
    net = build(architecture, scale_inputs=True)
    outside = Outside(build(architecture), True, False, 3000)
    for x in rng.normal(9, 4, (20, architecture.n_inputs)):
        target = np.full(architecture.n_outputs, 1 / architecture.n_outputs)
        assert_same_bits(net.step(x, target), outside.step(x, target))


def test_what_is_known_of_columns_can_be_looked_at(rng):
    X, targets = rng.normal(5, 2, (50, 3)), rng.normal(-3, 1, (50, 2))
    net = pylstm.LSTM(3, 2, 4, scale_inputs=True, scale_targets=True, scale_memory=30)
    net.run(X, targets)
    for scale, rows in ((net.input_scale, X), (net.target_scale, targets)):
        wanted = pylstm.RunningScale(rows.shape[1], memory=30)
        for row in rows:
            wanted.update(row)
        assert scale.memory == 30
        assert np.array_equal(scale.mean, wanted.mean)
        assert np.array_equal(scale.deviation, wanted.deviation)
        scale.update(np.full(rows.shape[1], 1e6))
    assert np.array_equal(net.target_scale.mean, wanted.mean)
    plain = pylstm.LSTM(3, 2, 4)
    assert plain.input_scale is plain.target_scale is None
