"""Several heads: each with an activation function and a loss of its own, targets a head, classes.

1. Gradients are those of the weighted sum of the losses of the heads that have a target.
2. Heads alike are one head of all their outputs, bit for bit, under every optimizer, gradient and
   way of putting layers together; so all that is proved of one head holds of several.
3. Classes stand for rows, parts of a tuple for columns, None for NaN, wherever targets are given.
4. What goes on goes on with the same bits; what makes no sense is refused and changes nothing.
"""

import math
import pickle

import numpy as np
import pytest
from both import Both, full_both_gradient, truncated_both_gradient
from checkpoints import put_together, take_apart
from heads import HEADS, random_inputs, random_parts, with_heads
from nets import (
    NETS,
    assert_close,
    assert_same_bits,
    assert_same_model,
    build,
    get_parameters,
    random_parameters,
    set_parameters,
)
from oracle import Architecture, ExactLearner, Learner, full_gradient, truncated_gradient
from stacks import Stack, full_stack_gradient, truncated_stack_gradient

import pylstm
from pylstm.analysis import loop_gain, lstm_jacobians

pytestmark = pytest.mark.usefixtures("layout")

NAMES = {"default": Architecture(), "1997": NETS["1997"], "everything": NETS["everything"]}


def case(name, heads, rng, n_steps=6):
    """An architecture with these heads, weights, inputs and targets in rows."""
    architecture = with_heads(NAMES[name], HEADS[heads])
    parts = random_parts(architecture.heads, n_steps, rng)
    parameters = random_parameters(architecture, rng)
    return (
        architecture, parameters, random_inputs(architecture, n_steps, rng),
        np.concatenate(parts, axis=1),
    )  # fmt: skip


# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize("name", list(NAMES))
@pytest.mark.parametrize("heads", list(HEADS))
def test_gradients_are_those_of_the_weighted_sum(name, heads, rng):
    architecture, parameters, inputs, targets = case(name, heads, rng)
    net = build(architecture)
    set_parameters(net, parameters)
    wanted = truncated_gradient(architecture, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, 1e-6)
    wanted = full_gradient(architecture, parameters, inputs, targets, 4e-4)
    for how in ("bptt", "rtrl"):
        assert_close(net.gradient(inputs, targets, how), wanted, 1e-7, floor=1e-3)


@pytest.mark.parametrize("heads", list(HEADS))
@pytest.mark.parametrize("both", [False, True])
def test_gradients_of_several_layers(heads, both, rng):
    architecture = with_heads(Architecture(), HEADS[heads])
    stack = (Both if both else Stack)(architecture, (2, 3), True, True)
    parameters, inputs = random_parameters(stack, rng), random_inputs(architecture, 5, rng)
    targets = np.concatenate(random_parts(architecture.heads, 5, rng), axis=1)
    net = pylstm.LSTM(**stack.keywords(), dtype="float64")
    set_parameters(net, parameters)
    if both:
        truncated, full = truncated_both_gradient, full_both_gradient
    else:
        truncated, full = truncated_stack_gradient, full_stack_gradient
    wanted = truncated(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, 1e-6)
    wanted = full(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets, "bptt"), wanted, 1e-7, floor=1e-3)


@pytest.mark.parametrize("gradient", ["truncated", "rtrl"])
@pytest.mark.parametrize("heads", list(HEADS))
def test_every_step_learns_what_the_oracle_learns(heads, gradient, rng):
    architecture, parameters, inputs, targets = case("everything", heads, rng, 9)
    net = build(architecture, learning_rate=0.2, momentum=0.5, gradient=gradient)
    set_parameters(net, parameters)
    kind = ExactLearner if gradient == "rtrl" else Learner
    oracle = kind(architecture, parameters, learning_rate=0.2, momentum=0.5)
    for x, target in zip(inputs, targets, strict=True):
        np.testing.assert_allclose(net.step(x), oracle.step(x), rtol=1e-10)
        if np.isnan(target).all():
            assert math.isnan(net.learn(target))
            continue
        assert net.learn(target) == pytest.approx(oracle.learn(target), rel=1e-11)
        oracle.update()
    assert_close(dict(net.parameters), oracle.parameters, 1e-9)


def test_errors_from_outside_go_through_the_function_of_each_head(rng):
    architecture, parameters, inputs, _ = case("default", "three", rng)
    net, oracle = build(architecture), Learner(architecture, parameters, learning_rate=0.05)
    set_parameters(net, parameters)
    for x in inputs:
        dy = rng.normal(size=architecture.n_outputs)
        net.step(x)
        oracle.step(x)
        net.learn_from(dy)  # without the weights of the losses: it is another loss
        oracle.learn_from(dy)
        oracle.update()
    assert_close(dict(net.parameters), oracle.parameters, 1e-10)


def test_a_trace_of_the_outputs_is_of_all_heads(rng):
    architecture, parameters, inputs, _ = case("default", "three", rng, 1)
    net, oracle = build(architecture), Learner(architecture, parameters, learning_rate=0.05)
    set_parameters(net, parameters)
    dy = rng.normal(size=architecture.n_outputs)
    net.step(inputs[0])
    oracle.step(inputs[0])
    net.learn_from(dy, trace=0.5)
    net.reinforce(-2.0)
    oracle.learn_from(2.0 * dy)
    oracle.update()
    assert_close(dict(net.parameters), oracle.parameters, 1e-10)


# ---------------------------------------------------------------- heads alike are one

OPTIMIZERS = {
    "sgd": pylstm.SGD(0.1),
    "momentum": pylstm.SGD(0.1, momentum=0.9),
    "clipped": pylstm.SGD(0.1, clip_norm=0.05),
    "rmsprop": pylstm.RMSprop(0.01),
    "adam": pylstm.Adam(0.01, weight_decay=0.01),
    "obgd": pylstm.ObGD(0.5),
}
KINDS = {
    "one layer": {},
    "blocks": {"block_size": 2, "shortcut": True},
    "bptt": {"gradient": "bptt", "window": 3},
    "rtrl": {"gradient": "rtrl"},
    "stack": {"n_blocks": [3, 4], "skip_outputs": True},
    "stack, bptt": {"n_blocks": [3, 4], "gradient": "bptt"},
}


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize("output", ["identity", "logistic"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_heads_alike_are_one_head(optimizer, kind, output, dtype, rng):
    keywords = {"n_blocks": 4, "dtype": dtype, "optimizer": OPTIMIZERS[optimizer]} | KINDS[kind]
    nets = [
        pylstm.LSTM(2, n_outputs, **switches, **keywords, seed=3)
        for n_outputs, switches in (
            ([pylstm.Head(2, output), pylstm.Head(1, output), pylstm.Head(3, output)], {}),
            (6, {"output": output}),
        )
    ]
    X, T = rng.normal(size=(40, 2)), rng.uniform(0, 1, (40, 6))
    T[rng.random(40) < 0.3] = np.nan
    for update in ("step", 3, "sequence"):
        assert_same_bits(*(net.run(X, T, update) for net in nets))
        assert_same_model(*nets)
    assert_same_bits(*(net.predict(X[0]) for net in nets))
    losses = [(net.step(X[0]), net.learn(T[~np.isnan(T[:, 0])][0]))[1] for net in nets]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert_same_model(*nets)


@pytest.mark.parametrize("scaled", [False, True])
def test_heads_alike_are_one_head_in_both_directions_and_scaled(scaled, rng):
    keywords = {"scale_inputs": True, "scale_targets": True} if scaled else {"gradient": "bptt"}
    heads = [pylstm.Head(2), pylstm.Head(1)]
    nets = [
        pylstm.LSTM(2, n_outputs, 4, bidirectional=not scaled, **keywords)
        for n_outputs in (heads, 3)
    ]
    X, T = 5 + rng.normal(size=(80, 2)), 100 + 10 * rng.normal(size=(80, 3))
    T[rng.random(80) < 0.3] = np.nan
    for last in (False, True):
        rows = T[[3, -1]] if last else T
        assert_same_bits(*(net.run_sequences(X, rows, [30, 50], last=last) for net in nets))
    assert_same_bits(*(dict(net.parameters) for net in nets))
    if scaled:
        assert_same_bits(*(net.target_scale.mean for net in nets))
        losses = [(net.step(X[0]), net.learn([90.0, 99.0, 105.0]))[1] for net in nets]
        assert losses[0] == pytest.approx(losses[1], rel=1e-12)


def test_a_head_without_targets_is_as_if_it_were_not_there(rng):
    """Its own weights stay, and the others are learned as in a network without it."""
    heads = [pylstm.Head(3, "softmax"), pylstm.Head(2)]
    net = pylstm.LSTM(2, heads, 5, dtype="float64", optimizer=pylstm.SGD(0.1))
    twin = pylstm.LSTM(
        2, 3, 5, output="softmax", dtype="float64", optimizer=pylstm.SGD(0.1)
    )  # fmt: skip
    sizes = {name: len(view) for name, view in twin.parameters.items()}
    set_parameters(twin, {n: values[: sizes[n]] for n, values in get_parameters(net).items()})
    before = net.parameters["output"][3:].copy()
    X, classes = rng.normal(size=(30, 2)), rng.integers(0, 3, 30).astype(float)
    classes[::4] = np.nan
    Y = net.run(X, (classes, None))
    assert_same_bits(Y[:, :3], twin.run(X, classes))
    assert_same_bits(net.parameters["output"][3:], before)
    for name, view in twin.parameters.items():
        assert_same_bits(net.parameters[name][: len(view)], view)


def test_one_head_of_weight_1_is_a_number_of_outputs(rng):
    net, twin = pylstm.LSTM(2, [pylstm.Head(3)], 4), pylstm.LSTM(2, 3, 4)
    X, T = rng.normal(size=(20, 2)), rng.normal(size=(20, 3))
    assert_same_bits(net.run(X, (T,)), twin.run(X, T))
    assert_same_model(net, twin)
    assert net.heads == twin.heads == (pylstm.Head(3),)


# ---------------------------------------------------------------- classes, parts, None

MIXED = [pylstm.Head(3, "softmax", weight=0.5), pylstm.Head(1), pylstm.Head(2, "logistic")]
TOKENS = np.array([0, 3, 1, 4, 4, 2, 0, 1])
CLASSES = np.array([2, 0, 1, 1, 2, 0, 2, 1])
VALUES = np.linspace(-1, 1, 8)
FLAGS = np.array([[1, 0], [0, 1]] * 4)


def mixed(**keywords):
    return pylstm.LSTM(5, MIXED, 4, optimizer=pylstm.SGD(0.1), **keywords)


def rows_of(classes, values, flags):
    """The same targets written out."""
    return np.column_stack([np.eye(3)[classes], values, flags]).astype(float)


CALLS = {
    "run": lambda net, targets: net.run(TOKENS, targets),
    "every three": lambda net, targets: net.run(TOKENS, targets, update=3),
    "sequences": lambda net, targets: net.run_sequences(TOKENS, targets, [3, 5]),
    "gradient": lambda net, targets: net.gradient(TOKENS, targets)["output"],
    "fit": lambda net, targets: net.fit(
        TOKENS, targets, [3, 5], n_epochs=2, validation=(TOKENS, targets)
    ).training_heads[-1],
}


@pytest.mark.parametrize("call", list(CALLS))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_parts_stand_for_rows(call, dtype):
    parts, rows = (CLASSES, VALUES, FLAGS), rows_of(CLASSES, VALUES, FLAGS)
    for given in (parts, (CLASSES.tolist(), VALUES[:, None], FLAGS.astype("int8")), rows):
        net, twin = mixed(dtype=dtype), mixed(dtype=dtype)
        assert_same_bits(CALLS[call](net, given), CALLS[call](twin, rows))
        assert_same_model(net, twin)


def test_parts_of_single_steps_and_of_last_steps():
    rows = rows_of(CLASSES, VALUES, FLAGS)
    net, twin = mixed(), mixed()
    for k, token in enumerate(TOKENS):
        part = (CLASSES[k], VALUES[k], FLAGS[k])
        if k % 2:
            assert_same_bits(net.step(token, part), twin.step(token, rows[k]))
        else:
            net.step(token)
            twin.step(token)
            assert net.learn(part) == twin.learn(rows[k])
    last = tuple(part[:2] for part in (CLASSES, VALUES, FLAGS))
    found = (
        some.run_sequences(TOKENS, targets, [3, 5], last=True)
        for some, targets in ((net, last), (twin, rows[:2]))
    )
    assert_same_bits(*found)
    assert_same_model(net, twin)


def test_a_late_target_has_parts_too():
    nets = [pylstm.Delayed(mixed(), 2) for _ in range(2)]
    for delayed in nets:
        for token in TOKENS[:3]:
            delayed.step(token)
    assert nets[0].learn((1, 0.5, None)) == nets[1].learn([0, 1, 0, 0.5, np.nan, np.nan])
    again = pylstm.from_bytes(nets[0].to_bytes())
    for token in TOKENS:
        outputs = [delayed.step(token).tolist() for delayed in (*nets, again)]
        assert outputs == outputs[:1] * 3
        losses = [delayed.learn((0, None, [1, 0])) for delayed in (*nets, again)]
        assert losses == losses[:1] * 3
    assert_same_model(nets[0].net, nets[1].net)
    assert_same_model(nets[0].net, again.net)


def test_none_and_nan_are_no_target_of_a_head():
    some = np.where(np.arange(8) % 3 == 1, np.nan, CLASSES)
    rows = rows_of(CLASSES, VALUES, FLAGS)
    rows[np.isnan(some), :3] = np.nan
    rows[:, 3] = np.nan
    net, twin = mixed(), mixed()
    Y, losses = net.run(TOKENS, (some, None, FLAGS), return_loss=True)
    assert_same_bits(Y, twin.run(TOKENS, rows))
    assert_same_model(net, twin)
    assert losses.shape == (8, 3)
    assert np.isnan(losses).tolist() == [[k % 3 == 1, True, False] for k in range(8)]
    before = dict(net.parameters)
    net.step(0)
    assert math.isnan(net.learn((None, np.nan, None)))
    assert math.isnan(net.learn(np.full(6, np.nan)))
    assert_same_bits(dict(net.parameters), before)
    assert np.isnan(net.run(TOKENS, return_loss=True)[1]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_streams_take_parts(dtype):
    X = TOKENS.reshape(4, 2)
    shape = [(4, 2), (4, 2), (4, 2, 2)]
    parts = [p.reshape(s) for p, s in zip((CLASSES, VALUES, FLAGS), shape, strict=True)]
    rows = rows_of(CLASSES, VALUES, FLAGS).reshape(4, 2, 6)
    parts[0] = np.where([[True, False]] * 4, parts[0], np.nan)
    rows[:, 1, :3] = np.nan
    net, twin = (pylstm.Streams(mixed(dtype=dtype), 2) for _ in range(2))
    Y, losses = net.run(X, tuple(parts), return_loss=True)
    assert_same_bits(Y, twin.run(X, rows))
    assert losses.shape == (4, 2, 3)
    assert_same_bits(net.step(X[0], tuple(p[0] for p in parts)), twin.step(X[0], rows[0]))
    net.step(X[1])
    twin.step(X[1])
    part = (parts[0][1], None, parts[2][1])
    row = rows[1].copy()
    row[:, 3] = np.nan
    losses = net.learn(part)
    assert_same_bits(losses, twin.learn(row))
    assert not np.isnan(losses).any()  # of the second stream too, whose first head has no target
    with_all = (CLASSES, VALUES, FLAGS)
    Y, losses = net.run_sequences(TOKENS, with_all, [3, 4, 1], return_loss=True)
    assert_same_bits(Y, twin.run_sequences(TOKENS, rows_of(*with_all), [3, 4, 1]))
    assert losses.shape == (8, 3)
    curves = net.fit(TOKENS, with_all, [3, 5], n_epochs=2)
    assert_same_bits(curves.training_heads[1], twin.fit(
        TOKENS, rows_of(*with_all), [3, 5], n_epochs=2).training_heads[1])  # fmt: skip
    assert_same_model(net.net, twin.net)


def test_one_stream_does_what_the_network_does():
    net, twin = mixed(dtype="float64"), mixed(dtype="float64")
    targets = (np.where(np.arange(8) % 3 == 1, np.nan, CLASSES), None, FLAGS)
    streams = pylstm.Streams(net, 1)
    for update in ("step", "sequence"):
        Y = streams.run_sequences(TOKENS, targets, [3, 5], update=update)
        wanted = twin.run_sequences(TOKENS, targets, [3, 5], update=update)
        np.testing.assert_allclose(Y, wanted, rtol=1e-10)
    assert_close(dict(net.parameters), dict(twin.parameters), 1e-10)


# ---------------------------------------------------------------- losses


@pytest.mark.parametrize("heads", list(HEADS))
def test_losses_of_a_run_are_those_of_the_heads(heads, rng):
    architecture, _, inputs, targets = case("default", heads, rng, 12)
    net, twin = build(architecture), build(architecture)
    Y, losses = net.run(inputs, targets, return_loss=True)
    weights = [head[3] for head in architecture.heads]
    for x, target, y, each in zip(inputs, targets, Y, losses, strict=True):
        assert_same_bits(twin.step(x), y)
        loss = twin.learn(target)
        if math.isnan(loss):
            assert np.isnan(each).all()
        else:
            assert loss == pytest.approx(np.nansum(each * weights), rel=1e-12)


def test_curves_of_each_head_and_of_their_weighted_sum():
    X, T = np.tile(TOKENS, 4), (np.tile(CLASSES, 4), np.tile(VALUES, 4), None)
    net = mixed(dtype="float64")
    twin = net.copy()
    curves = net.fit(X, T, [8] * 4, n_epochs=3, shuffle=False, validation=(X, T), patience=3)
    assert len(curves.training_heads) == len(curves.validation_heads) == 3
    for k in range(3):
        losses = twin.run_sequences(X, T, [8] * 4, return_loss=True)[1]
        wanted = [losses[:, 0].mean(), losses[:, 1].mean(), np.nan]
        np.testing.assert_allclose(curves.training_heads[k], wanted)
        assert curves.training[k] == pytest.approx(0.5 * wanted[0] + wanted[1])
    of_heads = curves.validation_heads[-1]
    assert curves.validation[-1] == pytest.approx(0.5 * of_heads[0] + of_heads[1])
    assert math.isnan(of_heads[2])
    plain = pylstm.LSTM(5, 1, 2).fit(X, np.tile(VALUES, 4), n_epochs=1)
    assert plain.training_heads == plain.validation_heads == []


# ---------------------------------------------------------------- scaling


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_blocks", [4, [3, 2]])
def test_only_heads_with_the_identity_are_scaled(dtype, n_blocks, rng):
    """By hand: the same network without scaling learns what a RunningScale makes of the numbers."""
    keywords = {"dtype": dtype, "optimizer": pylstm.SGD(0.1)}
    net = pylstm.LSTM(2, MIXED, n_blocks, scale_targets=True, **keywords)
    plain = pylstm.LSTM(2, MIXED, n_blocks, **keywords)
    scale = pylstm.RunningScale(1)
    X = rng.normal(size=(60, 2)).astype(dtype)
    for k, x in enumerate(X):
        value = np.nan if k % 5 == 4 else 1000 + 10 * rng.normal()
        classes, flags = (None, [0, 1]) if k % 3 == 2 else (k % 3, [1.0, 0.25])
        y, z = net.step(x), plain.step(x)
        assert_same_bits(y[[0, 1, 2, 4, 5]], z[[0, 1, 2, 4, 5]])
        given_back = scale.mean[0] + scale.deviation[0] * np.clip(float(z[3]), -5, 5)
        assert y[3] == pytest.approx(given_back, rel=1e-6)
        heads = [0.0 if classes is None else -0.5 * math.log(z[classes])]
        heads += [0.0 if math.isnan(value) else 0.5 * (given_back - value) ** 2]
        heads += [
            -sum(
                t * math.log(p) + (1 - t) * math.log(1 - p)
                for t, p in zip(flags, z[4:], strict=True)
            )
        ]
        loss = net.learn((classes, value, flags))
        assert loss == pytest.approx(sum(heads), rel=1e-3 if dtype == "float32" else 1e-9)
        scale.update([value])
        plain.learn((classes, scale.standardise([value])[0], flags))
        assert_same_model(net, plain)
    assert net.target_scale.mean[3] == scale.mean[0]
    assert net.target_scale.count.tolist() == [0, 0, 0, 48, 0, 0]


def test_a_scaled_run_is_its_loop_and_goes_on_from_a_file(rng):
    nets = [
        pylstm.LSTM(2, MIXED, 4, scale_inputs=True, scale_targets=True, optimizer=pylstm.SGD(0.1))
        for _ in range(2)
    ]
    X, parts = 3 + rng.normal(size=(90, 2)), random_parts(HEADS["three"], 90, rng)
    T = np.concatenate(parts, axis=1)
    T[:, 3] = 50 + T[:, 3]
    Y, losses = nets[0].run(X, T, return_loss=True)
    looped = np.array([nets[1].step(x, t) for x, t in zip(X, T, strict=True)])
    assert_same_bits(Y, looped)
    assert losses.shape == (90, 3)
    copies = [nets[0], nets[0].copy(), pylstm.from_bytes(nets[0].to_bytes())]
    assert_same_bits(copies[2].run(X, T), copies[1].run(X, T))
    assert_same_bits(copies[0].run(X, T), nets[1].run(X, T))
    for other in copies[1:]:
        assert_same_model(copies[0], other)


# ---------------------------------------------------------------- going on


@pytest.mark.parametrize("kind", [{}, {"n_blocks": [3, 2]}, {"gradient": "bptt", "window": 4}])
@pytest.mark.parametrize("update", ["step", 3, "sequence"])
def test_a_run_is_its_loop_and_what_is_kept_goes_on(kind, update, rng):
    architecture = with_heads(Architecture(), HEADS["three"])
    keywords = architecture.keywords() | {"n_blocks": 4} | kind
    nets = [pylstm.LSTM(**keywords, optimizer=pylstm.Adam(0.01)) for _ in range(2)]
    X = random_inputs(architecture, 12, rng)
    T = np.concatenate(random_parts(architecture.heads, 12, rng, missing=0.7), axis=1)
    T[4] = np.nan
    rows = [None if np.isnan(t).all() else t for t in T]
    Y = []
    for n, (x, t) in enumerate(zip(X, rows, strict=True), start=1):
        Y.append(nets[1].step(x))
        if t is not None:
            nets[1].learn(t, update=update == "step")
        if update == 3 and n % 3 == 0:
            nets[1].update()
    if update == "sequence":
        nets[1].update()
    assert_same_bits(nets[0].run(X, T, update), np.array(Y))
    assert_same_model(*nets)
    kept = [nets[0].copy(), pickle.loads(pickle.dumps(nets[0]))]
    kept.append(pylstm.LSTM.from_bytes(nets[0].to_bytes()))
    wanted = nets[0].run(X, T, update)
    for other in kept:
        assert other.heads == nets[0].heads
        assert_same_bits(other.run(X, T, update), wanted)
        assert_same_model(other, nets[0])


def test_streams_with_heads_go_on_from_a_file():
    streams = pylstm.Streams(mixed(), 2)
    X, T = TOKENS.reshape(4, 2), rows_of(CLASSES, VALUES, FLAGS).reshape(4, 2, 6)
    streams.run(X, T, update="sequence")
    other = pylstm.from_bytes(streams.to_bytes())
    assert_same_bits(other.run(X, T, update=3), streams.run(X, T, update=3))
    assert_same_model(other.net, streams.net)


def test_inputs_may_be_added_and_outputs_not(rng):
    net = mixed()
    net.run(TOKENS, (CLASSES, VALUES, FLAGS))
    twin = net.copy()
    net.grow(n_inputs=7)
    wider = np.column_stack([np.eye(5)[TOKENS], np.zeros((8, 2))])
    parts = (CLASSES, VALUES, FLAGS)
    assert_same_bits(net.run(wider, parts), twin.run(np.eye(5)[TOKENS], parts))
    with pytest.raises(ValueError, match=r"net has 3 heads, wanted .* whose n_outputs is a number"):
        net.grow(n_outputs=9)


# ---------------------------------------------------------------- what is refused

WRONG_NETS = {
    "no heads": (lambda: pylstm.LSTM(1, [], 2), r"n_outputs is \[\], wanted at least one"),
    "a number": (lambda: pylstm.LSTM(1, [3], 2), r"n_outputs\[0\] is 3, wanted a pylstm.Head"),
    "output": (
        lambda: pylstm.LSTM(1, MIXED, 2, output="softmax"),
        "output is 'softmax' with a list of heads, wanted none",
    ),
    "loss": (
        lambda: pylstm.LSTM(1, MIXED, 2, loss="squared"),
        "loss is 'squared' with a list of heads, wanted none",
    ),
    "size 0": (lambda: pylstm.Head(0), "n_outputs is 0, wanted a whole number of at least 1"),
    "weight": (lambda: pylstm.Head(1, weight=-1), "weight is -1, wanted a number from 0"),
    "no number": (lambda: pylstm.Head(1, weight=np.nan), "weight is nan, wanted a number from 0"),
    "huge": (lambda: pylstm.Head(1, weight=1e30), r"weight is 1e\+30, wanted a number from 0"),
    "function": (lambda: pylstm.Head(1, "tanh"), "output is 'tanh', wanted one of"),
    "entropy": (
        lambda: pylstm.Head(1, loss="cross_entropy"),
        "loss is 'cross_entropy' with output 'identity', wanted 'logistic' or 'softmax'",
    ),
    "too many": (
        lambda: pylstm.LSTM(1, [pylstm.Head(2**30), pylstm.Head(2**30)], 2),
        "the heads have 2147483648 outputs, wanted at most 2147483647",
    ),
    "nothing to scale": (
        lambda: pylstm.LSTM(1, [MIXED[0], MIXED[2]], 2, scale_targets=True),
        "scale_targets is True with output 'softmax', 'logistic', wanted 'identity'",
    ),
    "population": (
        lambda: pylstm.Population(3, 1, MIXED, 2),
        "n_outputs is a list of 3 heads, wanted a number in a Population",
    ),
    "population of nets": (
        lambda: pylstm.Population.from_nets([mixed()]),
        "n_outputs is a list of 3 heads, wanted a number in a Population",
    ),
    "one of a population": (
        lambda: pylstm.Population(2, 5, 6, 4).__setitem__(0, mixed()),
        "net has 3 heads, wanted a pylstm.LSTM whose n_outputs is a number in a Population",
    ),
}


@pytest.mark.parametrize("case", list(WRONG_NETS))
def test_what_makes_no_network_is_refused(case):
    make, sentence = WRONG_NETS[case]
    with pytest.raises(ValueError, match=sentence):
        make()


WRONG_TARGETS = {
    "parts": ((2, 0.5), ValueError, "2 parts, wanted 3, one a head"),
    "class": ((3, 0.5, [0, 1]), ValueError, r"\[0\] has the class 3.*: wanted a whole number"),
    "-1": ((-1, 0.5, [0, 1]), ValueError, r"\[0\] has the class -1.*: wanted a whole number"),
    "half": ((0.5, 0.5, [0, 1]), ValueError, r"\[0\] has the class 0.5.*: wanted a whole number"),
    "text": (("a", 0.5, [0, 1]), TypeError, r"\[0\] has dtype <U1, wanted real numbers"),
    "shape": ((1, 0.5, [0, 1, 0]), ValueError, r"\[2\] has shape \(.*3,?\), wanted \(.*2,?\)"),
    "number": ((1, 0.5, 1), ValueError, r"\[2\] has shape \(.*\), wanted \(.*2,?\)"),
    "domain": ((1, 0.5, [0, 2]), ValueError, "wanted numbers from 0 to 1"),
    "sum": (([1, 1, 0], 0.5, [0, 1]), ValueError, "wanted numbers that sum to 1"),
    "infinite": ((1, np.inf, [0, 1]), ValueError, "wanted finite numbers"),
    "partly": ((1, 1, [0, np.nan]), ValueError, "partly NaN, wanted all numbers of a head, or NaN"),
}


@pytest.mark.parametrize("case", list(WRONG_TARGETS))
def test_bad_parts_are_refused_and_change_nothing(case):
    target, error, sentence = WRONG_TARGETS[case]
    net = mixed()
    streams = pylstm.Streams(net, 1)
    net.step(0)
    streams.step([0])
    before = streams.to_bytes()
    rows = tuple(np.asarray(part)[None] for part in target)
    for call in (
        lambda: net.step(0, target),
        lambda: net.learn(target),
        lambda: net.run([0], rows),
        lambda: net.run_sequences([0], rows),
        lambda: net.fit([0], rows),
        lambda: net.gradient([0], rows),
        lambda: streams.learn(rows),
        lambda: streams.run([[0]], tuple(row[None] for row in rows)),
        lambda: streams.run_sequences([0], rows),
    ):
        with pytest.raises(error, match=sentence):
            call()
    assert streams.to_bytes() == before


def test_parts_of_other_lengths_are_refused():
    net = mixed()
    for targets, sentence in (
        ((CLASSES, VALUES[:7], FLAGS), r"targets\[1\] has shape \(7,\), wanted \(8, 1\)"),
        ((CLASSES[:7], VALUES[:7], FLAGS[:7]), "targets has 7 rows and X has 8 steps"),
        ((FLAGS, VALUES, FLAGS), r"\[0\] has shape \(8, 2\), wanted \(n_steps, 3\), or a class"),
        ((None, None, None), "targets has None for every head, wanted targets of at least one"),
    ):
        with pytest.raises(ValueError, match=sentence):
            net.run(TOKENS, targets)
    with pytest.raises(ValueError, match=r"wanted \(2, 3\), or a class for each"):
        pylstm.Streams(net, 2).step([0, 1], (CLASSES, None, None))


def test_what_one_head_takes_one_head_still_takes():
    """A tuple is an array of one head that is not in a list."""
    net, twin = pylstm.LSTM(1, 2, 2), pylstm.LSTM(1, 2, 2)
    assert_same_bits(net.step([0.5], (0.1, 0.2)), twin.step([0.5], [0.1, 0.2]))
    assert_same_model(net, twin)


def test_what_knows_no_heads_says_so():
    net = mixed()
    for call in (
        lambda: loop_gain(net, TOKENS),
        lambda: lstm_jacobians(net, TOKENS),
    ):
        with pytest.raises(
            ValueError, match=r"net has 3 heads, wanted .* whose n_outputs is a number"
        ):
            call()


LIES = {
    "sum": (lambda config: config.update(n_outputs=5), "n_outputs of all heads together"),
    "size": (lambda config: config["heads"][0].update(n_outputs=0), "at least|>= 1|config"),
    "weight": (lambda config: config["heads"][0].update(weight=-1.0), "weight|config"),
    "none": (lambda config: config.update(heads=[]), "heads|config"),
    "function": (lambda config: config.update(output="softmax"), "output"),
    "no function": (lambda config: config.pop("heads"), "output"),
    "entropy": (
        lambda config: config["heads"][1].update(loss="cross_entropy"),
        "loss is 'cross_entropy' with output 'identity'",
    ),
}


@pytest.mark.parametrize("case", list(LIES))
def test_files_that_lie_are_refused(case, tmp_path):
    change, sentence = LIES[case]
    path = tmp_path / "saved.safetensors"
    pylstm.save(mixed(), path)
    document, arrays = take_apart(path)
    change(document["objects"][-1]["state"]["config"])
    put_together(path, document, arrays)
    with pytest.raises(pylstm.CheckpointError, match=sentence):
        pylstm.load(path)
