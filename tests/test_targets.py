"""Targets that are one number each, tokens everywhere, and the losses that a run returns.

What classes and numbers stand for is spelled out here by hand; rows are proved elsewhere.
"""

import math

import numpy as np
import pytest
from nets import assert_same_bits

import pylstm

N = 5
TOKENS = np.array([0, 3, 1, 4, 4, 2, 0, 1])
CLASSES = np.array([2, 0, 1, 1, 3, 0, 2, 3])


def rows_of(numbers, size):
    rows = np.zeros((*np.shape(numbers), size))
    for place in np.ndindex(np.shape(numbers)):
        value = np.asarray(numbers)[place]
        if math.isnan(value):
            rows[place] = np.nan
        else:
            rows[(*place, int(value))] = 1
    return rows


def twins(make):
    return make(), make()


def softmax(**switches):
    return pylstm.LSTM(N, 4, 3, output="softmax", optimizer=pylstm.SGD(0.1), **switches)


def population(n_nets=3, **switches):
    return pylstm.Population(n_nets, N, 4, 3, output="softmax", **switches)


def same(a, b):
    assert_same_bits(a.parameters, b.parameters)


# ---------------------------------------------------------------- what they stand for


@pytest.mark.parametrize("kind", [list, np.int8, np.uint64, np.float32, np.float64])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_classes_stand_for_rows(kind, dtype):
    given = CLASSES.tolist() if kind is list else CLASSES.astype(kind)
    for call in (
        lambda net, t: net.run(TOKENS, t),
        lambda net, t: net.run(TOKENS, t, update=3),
        lambda net, t: net.run_sequences(TOKENS, t, [3, 5]),
        lambda net, t: net.run_sequences(TOKENS, t[:2], [3, 5], last=True),
        lambda net, t: [net.step(x, y) for x, y in zip(TOKENS, t, strict=True)],
        lambda net, t: [(net.step(x), net.learn(y))[1] for x, y in zip(TOKENS, t, strict=True)],
    ):
        net, twin = twins(lambda: softmax(dtype=dtype))
        assert_same_bits(call(net, given), call(twin, rows_of(CLASSES, 4)))
        same(net, twin)


def test_bools_are_classes():
    net, twin = twins(lambda: pylstm.LSTM(N, 2, 3, output="softmax"))
    flags = CLASSES % 2 == 1
    assert_same_bits(net.run(TOKENS, flags), twin.run(TOKENS, rows_of(CLASSES % 2, 2)))
    same(net, twin)


def test_nan_is_no_class():
    some = np.where(np.arange(8) % 3 == 1, np.nan, CLASSES)
    net, twin = twins(softmax)
    assert_same_bits(net.run(TOKENS, some), twin.run(TOKENS, rows_of(some, 4)))
    same(net, twin)
    assert math.isnan(net.learn(math.nan))


def test_the_gradient_takes_classes():
    net = softmax()
    assert_same_bits(net.gradient(TOKENS, CLASSES), net.gradient(TOKENS, rows_of(CLASSES, 4)))


@pytest.mark.parametrize("scaled", [False, True])
def test_numbers_of_one_output(scaled, rng):
    X, y = rng.normal(size=(8, 2)), rng.normal(size=8)
    net, twin = twins(lambda: pylstm.LSTM(2, 1, 3, scale_targets=scaled))
    assert_same_bits(net.run(X, y), twin.run(X, y[:, None]))
    assert_same_bits(net.step(X[0], 0.5), twin.step(X[0], [0.5]))
    net.step(X[1])
    twin.step(X[1])
    assert net.learn(np.float32(0.25)) == twin.learn([0.25])
    same(net, twin)


def test_delayed_takes_classes():
    delayed = pylstm.Delayed(softmax(), 2)
    for token in TOKENS[:3]:
        delayed.step(token)
    wanted = pylstm.Delayed(softmax(), 2)
    for token in TOKENS[:3]:
        wanted.step(token)
    assert delayed.learn(3) == wanted.learn([0, 0, 0, 1])
    same(delayed.net, wanted.net)


def test_streams_take_tokens_and_classes():
    X, T = TOKENS.reshape(4, 2), CLASSES.reshape(4, 2)
    net, twin = twins(lambda: pylstm.Streams(softmax(), 2))
    vectors, rows = rows_of(X, N), rows_of(T, 4)
    assert_same_bits(net.run(X, T), twin.run(vectors, rows))
    assert_same_bits(net.step(X[0], T[0]), twin.step(vectors[0], rows[0]))
    assert_same_bits(net.predict(X[1]), twin.predict(vectors[1]))
    net.step(X[2])
    twin.step(vectors[2])
    assert_same_bits(net.learn(T[2]), twin.learn(rows[2]))
    same(net.net, twin.net)


@pytest.mark.parametrize("shared", [False, True])
def test_populations_take_tokens_and_classes(shared):
    X = TOKENS if shared else np.stack([TOKENS, TOKENS[::-1], np.roll(TOKENS, 1)])
    T = CLASSES if shared else np.stack([CLASSES, CLASSES[::-1], np.roll(CLASSES, 1)])
    net, twin = twins(population)
    vectors, rows = rows_of(X, N), rows_of(T, 4)
    assert_same_bits(net.run(X, T), twin.run(vectors, rows))
    assert_same_bits(net.run_sequences(X, T, [3, 5]), twin.run_sequences(X, rows, [3, 5]))
    now = (X[..., 0], T[..., 0]), (vectors[..., 0, :], rows[..., 0, :])
    assert_same_bits(net.step(*now[0]), twin.step(*now[1]))
    assert_same_bits(net.predict(now[0][0]), twin.predict(now[1][0]))
    net.step(now[0][0])
    twin.step(now[1][0])
    assert_same_bits(net.learn(now[0][1]), twin.learn(now[1][1]))
    some = [2, 0]
    if not shared:
        now = (now[0][0][some], now[0][1][some]), (now[1][0][some], now[1][1][some])
    assert_same_bits(net.step(*now[0], nets=some), twin.step(*now[1], nets=some))
    same(net, twin)


def test_a_population_of_one_output_takes_a_number_a_net(rng):
    net, twin = twins(lambda: pylstm.Population(3, 2, 1, 3))
    X, y = rng.normal(size=(3, 6, 2)), rng.normal(size=(3, 6))
    assert_same_bits(net.run(X, y), twin.run(X, y[..., None]))
    assert_same_bits(net.step(X[:, 0], y[:, 0]), twin.step(X[:, 0], y[:, :1]))
    assert_same_bits(net.step(X[:, 1], 0.5), twin.step(X[:, 1], [0.5]))
    same(net, twin)


# ---------------------------------------------------------------- what is refused

WRONG = {
    "too large": (4, "has the class 4"),
    "negative": (-1, "has the class -1"),
    "between": (0.5, "has the class 0.5"),
    "infinite": (np.inf, "has the class inf"),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_classes_out_of_range_are_refused_and_change_nothing(case):
    value, message = WRONG[case]
    wanted = f"{message}.*: wanted a whole number from 0 to 3"
    net = softmax()
    streams, nets = pylstm.Streams(net, 2), population(2)
    net.step(0), streams.step([0, 1]), nets.step([0, 1])
    before = [thing.to_bytes() for thing in (streams, nets)]
    for call in (
        lambda: net.step(0, value),
        lambda: net.learn(value),
        lambda: net.run([0, 1], [0, value]),
        lambda: net.run_sequences([0, 1], [value, 0], [1, 1]),
        lambda: streams.step([0, 1], [0, value]),
        lambda: streams.run([[0, 1]], [[value, 0]]),
        lambda: streams.run_sequences([0, 1, 1], [0, 0, value], [1, 1, 1]),
        lambda: nets.step([0, 1], [0, value]),
        lambda: nets.run([0, 1, 2], [0, 0, value]),
    ):
        with pytest.raises(ValueError, match=wanted):
            call()
    assert [thing.to_bytes() for thing in (streams, nets)] == before


def test_tokens_out_of_range_are_refused():
    streams, nets = pylstm.Streams(softmax(), 2), population(2)
    for call in (
        lambda: streams.step([0, N]),
        lambda: streams.run([[0, 0], [-1, 0]]),
        lambda: nets.step([0, N]),
        lambda: nets.run([N, 0, 0]),
    ):
        with pytest.raises(
            ValueError, match=f"X has the token .*wanted a whole number from 0 to {N - 1}"
        ):
            call()


def test_whole_numbers_that_may_be_either_are_refused():
    nets = population(4)
    vectors = np.zeros((4, N))
    with pytest.raises(ValueError, match=r"a class for each network or rows .* wanted \(4, 4\)"):
        nets.step(vectors, [0, 0, 1, 0])
    one, other = nets.copy(), nets.copy()
    one.step(vectors, [0.0, 0.0, 1.0, 0.0])  # floats are a row, shared, as they always were
    other.step(vectors, np.tile([0, 0, 1, 0], (4, 1)))
    same(one, other)
    square = pylstm.Population(N, N, 4, 3)
    with pytest.raises(
        ValueError, match=rf"a token for each network or rows .* wanted \({N}, {N}\)"
    ):
        square.step(np.arange(N))


def test_rows_of_numbers_are_wanted_without_a_softmax():
    with pytest.raises(ValueError, match=r"targets has shape \(8,\), wanted \(n_steps, 4\)"):
        pylstm.LSTM(N, 4, 3).run(TOKENS, CLASSES)


# ---------------------------------------------------------------- the loss


@pytest.mark.parametrize(
    ("output", "loss"),
    [("identity", "squared"), ("logistic", "cross_entropy"), ("softmax", "cross_entropy")],
)
def test_the_loss_follows_the_output_unless_it_is_given(output, loss):
    assert pylstm.LSTM(1, 2, 1, output=output).__getstate__()["config"]["loss"] == loss
    given = pylstm.LSTM(1, 2, 1, output=output, loss="squared")
    assert given.copy().__getstate__()["config"]["loss"] == "squared"
    assert pylstm.LSTM.from_bytes(given.to_bytes()).__getstate__()["config"]["loss"] == "squared"


LOSSES = [
    ("identity", "squared"), ("logistic", "squared"), ("softmax", "squared"),
    ("logistic", "cross_entropy"), ("softmax", "cross_entropy"),
]  # fmt: skip


@pytest.mark.parametrize(("output", "loss"), LOSSES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_losses_of_a_run_are_those_of_its_steps(output, loss, dtype, rng):
    net, twin = twins(lambda: pylstm.LSTM(2, 3, 4, output=output, loss=loss, dtype=dtype))
    X, T = rng.normal(size=(12, 2)), rng.dirichlet(np.ones(3), 12)
    T[[3, 7]] = np.nan
    Y, losses = net.run(X, T, return_loss=True)
    assert (losses.shape, losses.dtype) == ((12,), np.float64)
    wanted = []
    for x, t, y in zip(X, T, Y, strict=True):
        assert_same_bits(twin.step(x), y)
        wanted.append(twin.learn(t))
    np.testing.assert_allclose(losses, wanted, rtol=2e-6 if dtype == "float32" else 1e-13)
    assert np.isnan(net.run(X, return_loss=True)[1]).all()


def test_losses_of_scaled_targets_are_in_their_units(rng):
    net, twin = twins(lambda: pylstm.LSTM(2, 1, 4, scale_inputs=True, scale_targets=True))
    X, T = rng.normal(size=(200, 2)), 100 + 10 * rng.normal(size=200)
    losses = net.run(X, T, return_loss=True)[1]
    wanted = []
    for x, t in zip(X, T, strict=True):
        twin.step(x)
        wanted.append(twin.learn(t))
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)


def test_losses_of_outputs_that_are_0_or_1():
    for output in ("logistic", "softmax"):
        net = pylstm.LSTM(1, 2, 1, output=output, optimizer=pylstm.SGD(0.0))
        net.parameters["output"][...] = [[0, 300], [0, -300]]
        losses = net.run([[0.0], [0.0]], [[1, 0], [0, 1]], return_loss=True)[1]
        assert losses[0] < 1e-6
        assert 15 < losses[1] < 1000


def test_losses_of_sequences_streams_and_populations(rng):
    net = softmax()
    Y, losses = net.run_sequences(TOKENS, CLASSES, [3, 5], return_loss=True)
    entropy = -np.log(Y[np.arange(8), CLASSES].astype(float))
    np.testing.assert_allclose(losses, entropy, rtol=1e-6)
    Y, losses = net.run_sequences(TOKENS, CLASSES[:2], [3, 5], last=True, return_loss=True)
    entropy = -np.log(Y[np.arange(2), CLASSES[:2]].astype(float))
    np.testing.assert_allclose(losses, entropy, rtol=1e-6)
    Y, losses = pylstm.Streams(net, 2).run(
        TOKENS.reshape(4, 2), CLASSES.reshape(4, 2), return_loss=True
    )
    entropy = -np.log(np.take_along_axis(Y, CLASSES.reshape(4, 2, 1), 2)[..., 0].astype(float))
    np.testing.assert_allclose(losses, entropy, rtol=1e-6)
    nets = population(3)
    for Y, losses in (
        nets.run(TOKENS, CLASSES, return_loss=True),
        nets.run_sequences(TOKENS, CLASSES, [3, 5], return_loss=True),
    ):
        assert losses.shape == (3, 8)
        entropy = -np.log(Y[:, np.arange(8), CLASSES].astype(float))
        np.testing.assert_allclose(losses, entropy, rtol=1e-6)


# ---------------------------------------------------------------- sequences through streams


@pytest.mark.parametrize("update", ["sequence", "step", 2])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("n_streams", [1, 2, 3, 7])
def test_sequences_of_any_length_are_batches_of_streams(n_streams, last, update, rng):
    lengths = [3, 1, 5, 4, 2]
    X = rng.normal(size=(15, 2))
    T = rng.normal(size=(5 if last else 15, 2))
    T[1] = np.nan
    ends = np.cumsum(lengths)
    streams, twin = twins(
        lambda: pylstm.Streams(pylstm.LSTM(2, 2, 3, optimizer=pylstm.SGD(0.1)), n_streams)
    )
    for some in (streams, twin):
        some.run(np.ones((2, n_streams, 2)))  # what was before is forgotten
    Y, losses = streams.run_sequences(X, T, lengths, last=last, update=update, return_loss=True)
    found = []
    for first in range(0, 5, n_streams):
        some = range(first, min(first + n_streams, 5))
        x = np.full((max(lengths[k] for k in some), n_streams, 2), 9.0)  # what is behind: anything
        t = np.full_like(x, np.nan)
        for b, k in enumerate(some):
            begin = ends[k] - lengths[k]
            x[: lengths[k], b] = X[begin : ends[k]]
            if last:
                t[lengths[k] - 1, b] = T[k]
            else:
                t[: lengths[k], b] = T[begin : ends[k]]
        twin.reset()
        y = twin.run(x, t, update)
        for b, k in enumerate(some):
            found.append(y[lengths[k] - 1 : lengths[k], b] if last else y[: lengths[k], b])
    twin.reset()
    assert_same_bits(Y, np.concatenate(found))
    wanted = 0.5 * ((Y - T.astype(np.float32)).astype(float) ** 2).sum(axis=1)
    np.testing.assert_allclose(losses, wanted)
    same(streams.net, twin.net)
    assert_same_bits(streams.state, twin.state)


def test_one_stream_does_what_the_network_does(rng):
    net, twin = softmax(), softmax()
    Y = pylstm.Streams(net, 1).run_sequences(TOKENS, CLASSES, [3, 5])
    np.testing.assert_allclose(Y, twin.run_sequences(TOKENS, CLASSES, [3, 5]), rtol=1e-5)


def test_bad_sequences_are_refused_before_any_is_learned(rng):
    streams = pylstm.Streams(softmax(), 2)
    streams.step([0, 1])
    before = streams.to_bytes()
    for arguments in (
        (TOKENS, CLASSES, [3, 4]),
        (TOKENS, CLASSES[:-1], [3, 5]),
        ([*TOKENS[:-1], N], CLASSES, [3, 5]),
        (TOKENS, [*CLASSES[:-1], 4], [1] * 8),
        (rows_of(TOKENS, N) * np.nan, CLASSES, [1] * 8),
    ):
        with pytest.raises(ValueError, match="wanted"):
            streams.run_sequences(*arguments)
    with pytest.raises(ValueError, match="update is"):
        streams.run_sequences(TOKENS, CLASSES, [3, 5], update="often")
    assert streams.to_bytes() == before
    assert streams.run_sequences(TOKENS[:0], lengths=[]).shape == (0, 4)


# ---------------------------------------------------------------- tokens in, tokens out


def test_the_next_token_is_learned():
    tokens = np.tile([0, 1, 2, 1], 400)
    for model in (
        pylstm.LSTM(3, 3, 8, output="softmax", optimizer=pylstm.Adam(0.01)),
        pylstm.Streams(
            pylstm.LSTM(3, 3, 8, output="softmax", optimizer=pylstm.Adam(0.01)), n_streams=1
        ),
        pylstm.Population(2, 3, 3, 8, output="softmax", optimizer=pylstm.SGD(0.3)),
    ):
        given = tokens[:, None] if isinstance(model, pylstm.Streams) else tokens
        shares, losses = model.run(given[:-1], given[1:], return_loss=True)
        axis = 1 if isinstance(model, pylstm.Population) else 0
        curve = np.moveaxis(losses, axis, -1)
        assert (curve[..., -50:].mean(axis=-1) < 0.1 * curve[..., :50].mean(axis=-1)).all()
        assert shares.shape[-1] == 3
