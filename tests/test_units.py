"""Ordinary units beside memory blocks, and alone: gradients against the oracle, and the same bits.

1. The truncated gradient is that of the frozen replay, which shows units as recorded to everything
   that comes later; "bptt" and "rtrl" are the gradient of the loss with nothing cut: for units
   beside the covering combinations of switches, for units alone, in stacks and both directions.
2. Online, weights are those of the oracle after every single step.
3. A run is the loop of its steps, and what is copied, pickled or saved goes on with the same bits.
4. A layer of units alone is the simple recurrent network of Elman, learned as he does, and with
   the exact gradient the fully recurrent one.

All that several layers share is tested in `test_stack` too, whose stacks have units among them.
"""

import pickle
from dataclasses import replace
from itertools import cycle, product

import numpy as np
import pytest
from both import Both, both_outputs, full_both_gradient, truncated_both_gradient
from covering import covering
from nets import (
    BOOLEANS,
    OUTPUTS,
    WHEN,
    assert_close,
    assert_same_bits,
    assert_same_future,
    bring_to,
    build,
    covering_combinations,
    get_parameters,
    random_parameters,
    random_task,
    run_by_hand,
    set_parameters,
    switches_of,
)
from oracle import (
    SQUASHINGS,
    Architecture,
    ExactLearner,
    Learner,
    forward,
    full_gradient,
    join,
    truncated_gradient,
)
from stacks import Stack, full_stack_gradient, truncated_stack_gradient
from test_delayed import TwoNets, late
from test_exact import Windowed
from test_grow import check_growing

import pylstm
from pylstm import _core
from pylstm.analysis.lstm import record
from pylstm.baselines import Elman, FullyRecurrent
from pylstm.interchange import to_keras, to_torch

SIZES = (1, 2, 3)
NETS = {
    "mixed": Architecture(n_units=3),
    "1997": Architecture(
        n_blocks=2, block_size=2, n_units=2, forget_gate=False, gate_recurrence=True,
        hidden_bias="gates", cell_input="two_tanh_half", cell_output="tanh_half", output="logistic",
    ),
    "everything": Architecture(
        block_size=3, n_units=5, unit="two_tanh_half", peepholes=True, gate_recurrence=True,
        shortcut=True, output="logistic", loss="cross_entropy",
    ),
    "gates": Architecture(n_blocks=1, n_units=6, hidden_bias="gates", output="logistic"),
    "alone": Architecture(n_blocks=0, n_units=4, unit="tanh"),
    "alone, shortcut": Architecture(
        n_inputs=5, n_blocks=0, n_units=3, shortcut=True, hidden_bias="none", output="softmax",
    ),
}  # fmt: skip


@pytest.fixture(params=list(NETS))
def net(request):
    return NETS[request.param]


def beside_blocks():
    """Units beside the covering combinations: every activation function, every number of them,
    meets every value of every switch."""
    nets = [
        replace(net, n_units=n, unit=unit)
        for net in covering_combinations()
        for unit, n in product(SQUASHINGS, SIZES)
    ]
    return [nets[k] for k in covering([switches_of(net) for net in nets])]


def alone():
    """Layers without a block, of which what is of blocks alone is neither said nor asked."""
    switches = ("cell_recurrence", "shortcut", "output_bias")
    nets = [
        Architecture(
            n_inputs=2 + n % 2, n_blocks=0, block_size=1 + n % 2, n_units=n, unit=unit,
            hidden_bias=bias, output=output, loss=loss, **dict(zip(switches, values, strict=True)),
        )
        for n, unit, bias, (output, loss), values in product(
            SIZES, SQUASHINGS, ("all", "none"), OUTPUTS, product((True, False), repeat=3)
        )
    ]  # fmt: skip
    return [nets[k] for k in covering([switches_of(net) for net in nets])]


MIXED, ALONE = beside_blocks(), alone()


def test_units_meet_every_switch():
    values = {(name, getattr(net, name)) for net in MIXED for name in (*BOOLEANS, "block_size")}
    met = {(pair, net.unit) for net in MIXED for pair in switches_of(net).items()}
    assert {(value, unit) for value in values for unit in SQUASHINGS} <= met


# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize("net", MIXED + ALONE, ids=range(len(MIXED + ALONE)))
def test_gradients_of_every_combination(net, rng):
    parameters = random_parameters(net, rng)
    inputs, targets = random_task(net, 5, rng)
    ours = build(net)
    assert {name: view.shape for name, view in ours.parameters.items()} == net.shapes
    assert ours.sources == net.sources
    set_parameters(ours, parameters)
    wanted = truncated_gradient(net, parameters, inputs, targets)
    assert_close(ours.gradient(inputs, targets), wanted, 1e-6)
    exact = full_gradient(net, parameters, inputs, targets, distance=4e-4)
    for how in ("bptt", "rtrl"):
        assert_close(ours.gradient(inputs, targets, how), exact, 1e-7, floor=1e-3)
    states, outputs = forward(net, parameters, inputs)
    np.testing.assert_allclose(ours.run(inputs), outputs, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(ours.state["unit"], states[-1]["unit"], rtol=1e-11, atol=1e-12)


def test_truncation_is_seen(net, rng):
    """The two gradients of what the units read differ."""
    parameters = random_parameters(net, rng)
    inputs, targets = random_task(net, 7, rng, "dense")
    ours = build(net)
    set_parameters(ours, parameters)
    cut, full = (ours.gradient(inputs, targets, how)["unit"] for how in ("truncated", "bptt"))
    assert np.linalg.norm(cut - full) > 0.03 * np.linalg.norm(full)


STACKS = [
    Stack(Architecture(), (2, 1), n_units=(1, 2)),
    Stack(Architecture(unit="tanh", output="logistic"), (0, 2), True, False, (3, 0)),
    Stack(Architecture(shortcut=True), (2, 0), False, True, (2, 3)),
    Stack(Architecture(n_inputs=2, hidden_bias="gates"), (1, 2, 1), True, True, (2, 1, 3)),
    Stack(Architecture(cell_recurrence=False), (0, 0, 0), True, False, (2, 3, 1)),
    Stack(NETS["1997"], (1, 0, 2), False, True, (1, 2, 0)),
    Stack(NETS["everything"], (1, 2), False, True, (2, 1)),
]
SWITCHES = covering_combinations()[::3]
STACKS += [
    Stack(
        replace(net, unit=unit), sizes, k % 2 == 1, net.shortcut or k % 4 > 1, units
    )
    for k, (net, unit, (sizes, units)) in enumerate(
        zip(
            SWITCHES,
            cycle(SQUASHINGS),
            cycle([((2, 1), (1, 2)), ((1, 2, 1), (2, 0, 1)), ((1, 1), (0, 2)), ((0, 2), (2, 1))]),
        )
    )
]  # fmt: skip


@pytest.mark.parametrize("stack", STACKS, ids=range(len(STACKS)))
def test_gradients_of_stacks(stack, layout, rng):
    parameters = random_parameters(stack, rng)
    inputs, targets = random_task(stack, 5, rng)
    net = pylstm.LSTM(**stack.keywords(), dtype="float64")
    assert {name: view.shape for name, view in net.parameters.items()} == stack.shapes
    set_parameters(net, parameters)
    wanted = truncated_stack_gradient(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, 1e-6)
    exact = full_stack_gradient(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets, "bptt"), exact, 1e-7, floor=1e-3)


@pytest.mark.parametrize("sizes", [(2,), (0,), (2, 1), (0, 2, 1)])
@pytest.mark.parametrize("name", ["mixed", "everything"])
def test_both_directions(sizes, name, rng):
    several = len(sizes) > 1
    stack = Both(NETS[name], sizes, several, several, (3, 2, 1))
    if sizes == (0,):
        stack = Both(NETS["alone"], sizes, n_units=(3,))
    parameters = random_parameters(stack, rng)
    inputs, targets = random_task(stack, 4, rng)
    net = pylstm.LSTM(**stack.keywords(), dtype="float64")
    assert {name: view.shape for name, view in net.parameters.items()} == stack.shapes
    set_parameters(net, parameters)
    outputs = both_outputs(stack, parameters, inputs)
    np.testing.assert_allclose(net.run_sequences(inputs), outputs, rtol=1e-11, atol=1e-12)
    wanted = truncated_both_gradient(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, 1e-6)
    wanted = full_both_gradient(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets, "bptt"), wanted, 1e-7, floor=1e-3)


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("sizes", [(0, 33), (17, 7), (7, 16), (8, 1), (3, 100)])
def test_every_instruction_set_and_size(isa, sizes, rng):
    """Widths around those of vector registers; float32 beside float64, which is proved."""
    net = Architecture(n_inputs=5, n_blocks=sizes[0], n_units=sizes[1])
    inputs, targets = random_task(net, 60, rng)
    before = _core.choose_isa(isa)
    try:
        precise, single = build(net, init_range=0.2), build(net, "float32", init_range=0.2)
    finally:
        _core.choose_isa(before)
    set_parameters(precise, get_parameters(single))
    outputs = forward(net, get_parameters(single), inputs)[1]
    np.testing.assert_allclose(precise.run(inputs), outputs, rtol=1e-10, atol=1e-11)
    precise.reset()
    for how in ("truncated", "bptt"):
        wanted = precise.gradient(inputs, targets, how)
        assert_close(single.gradient(inputs, targets, how), wanted, 1e-3, floor=0.01)


# ---------------------------------------------------------------- learning online


def follow(net, learner, ours, update, presence, rng):
    """Two sequences, a reset between them: the outputs and weights of the oracle at every step."""
    set_parameters(ours, learner.parameters)
    for _ in range(2):
        inputs, targets = random_task(net, 6, rng, presence)
        for t, (x, target) in enumerate(zip(inputs, targets, strict=True), start=1):
            np.testing.assert_allclose(ours.step(x), learner.step(x), rtol=1e-9, atol=1e-11)
            has_target = not np.isnan(target).all()
            if has_target:
                learner.learn(target)
                ours.learn(target, update=False)
            if (update == "step" and has_target) or (update == 2 and t % 2 == 0):
                learner.update()
                ours.update()
            np.testing.assert_allclose(join(net, ours.parameters), learner.w, rtol=1e-9, atol=1e-11)
        if update == "sequence":
            learner.update()
            ours.update()
        ours.reset()
        learner.reset()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("update", ["step", 2, "sequence"])
def test_weights_after_every_step(net, momentum, update, presence, rng):
    """By complex steps that c alone carries on."""
    ours = build(net, learning_rate=0.5, momentum=momentum)
    learner = Learner(net, random_parameters(net, rng), 0.5, momentum)
    follow(net, learner, ours, update, presence, rng)


@pytest.mark.parametrize("update", ["step", 2, "sequence"])
def test_weights_after_every_exact_step(net, update, rng):
    """By complex steps that the whole state carries on."""
    ours = build(net, learning_rate=0.5, gradient="rtrl")
    learner = ExactLearner(net, random_parameters(net, rng), 0.5)
    follow(net, learner, ours, update, "sparse", rng)


@pytest.mark.parametrize("update", ["step", 2, 5])
@pytest.mark.parametrize("window", [1, 3, None])
def test_windows(net, window, update, rng):
    ours = build(net, learning_rate=0.5, momentum=0.5, gradient="bptt", window=window)
    rule = Windowed(net, get_parameters(ours), window, 0.5, 0.5)
    for n_steps in (7, 4):
        inputs, targets = random_task(net, n_steps, rng)
        wanted = rule.run(inputs, targets, update)
        np.testing.assert_allclose(ours.run(inputs, targets, update), wanted, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(join(net, ours.parameters), rule.w, rtol=1e-8, atol=1e-9)


def test_errors_with_a_trace(net, rng):
    """What comes late is learned from what was traced: Z = decay Z + the gradient of dy y."""
    ours = build(net, learning_rate=0.05)
    learner = Learner(net, get_parameters(ours))
    inputs, _ = random_task(net, 4, rng)
    for x in inputs:
        dy = rng.standard_normal(net.n_outputs)
        ours.step(x)
        learner.step(x)
        ours.learn_from(dy, trace=0.5)
        learner.collected *= 0.5
        learner.learn_from(dy)
    ours.reinforce(0.3)
    wanted = learner.w + 0.05 * 0.3 * learner.collected
    np.testing.assert_allclose(join(net, ours.parameters), wanted, rtol=1e-10, atol=1e-12)


def test_the_norm_is_that_of_all_weights(net, rng):
    """Clipped or not, in the pass over traces and weights that learns from one step."""
    ours = pylstm.LSTM(
        **net.keywords(),
        dtype="float64",
        init_range=0.5,
        optimizer=pylstm.SGD(0.05, clip_norm=0.05),
    )
    clipped = set()
    for x, target in zip(*random_task(net, 8, rng, "dense"), strict=True):
        ours.step(x)
        free = ours.copy()
        free.optimizer = pylstm.SGD(1.0)
        before = join(net, ours.parameters)
        ours.learn(target)
        free.learn(target)
        g = before - join(net, free.parameters)
        size = np.linalg.norm(g)
        clipped.add(bool(size > 0.05))
        wanted = before - 0.05 * g * min(1, 0.05 / size)
        np.testing.assert_allclose(join(net, ours.parameters), wanted, rtol=1e-10, atol=1e-12)
    assert True in clipped


# ---------------------------------------------------------------- the same bits


OPTIMIZERS = {
    "SGD": pylstm.SGD(0.05),
    "clip_norm": pylstm.SGD(0.05, clip_norm=0.1, momentum=0.9),
    "RMSprop": pylstm.RMSprop(0.01, clip_norm=0.1),
    "Adam": pylstm.Adam(0.01, weight_decay=0.01),
    "ObGD": pylstm.ObGD(),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("gradient", ["truncated", "bptt", "rtrl"])
@pytest.mark.parametrize("update", ["step", 3, "sequence"])
def test_run_is_the_loop(net, dtype, optimizer, gradient, update, rng):
    ours, looped = (
        pylstm.LSTM(
            **net.keywords(), dtype=dtype, optimizer=OPTIMIZERS[optimizer], gradient=gradient
        )
        for _ in range(2)
    )
    inputs, targets = random_task(net, 30, rng)
    for part in (slice(0, 12), slice(12, 30)):
        ran = ours.run(inputs[part], targets[part], update=update)
        assert_same_bits(ran, run_by_hand(looped, inputs[part], targets[part], update))
    assert_same_future(ours, looped, net)


@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_tokens_are_their_vectors(net, dtype, gradient, optimizer, rng):
    ours, dense = (
        pylstm.LSTM(
            **net.keywords(), dtype=dtype, gradient=gradient, optimizer=OPTIMIZERS[optimizer]
        )
        for _ in range(2)
    )
    tokens = rng.integers(0, net.n_inputs, 40)
    _, targets = random_task(net, 40, rng)
    vectors = np.eye(net.n_inputs)[tokens]
    assert_same_bits(ours.run(tokens, targets), dense.run(vectors, targets))
    assert_same_bits(ours.predict(int(tokens[0])), dense.predict(vectors[0]))
    assert_same_bits(get_parameters(ours), get_parameters(dense))


@pytest.mark.parametrize("gradient", ["truncated", "bptt", "rtrl"])
@pytest.mark.parametrize("when", WHEN)
def test_what_is_kept_goes_on_the_same(net, gradient, when, rng):
    if when == "traced" and gradient != "truncated":
        return
    ours = pylstm.LSTM(**net.keywords(), gradient=gradient, optimizer=pylstm.Adam(0.01))
    bring_to(ours, when, *random_task(net, 7, rng))
    ways = (
        lambda: ours.copy(),
        lambda: pickle.loads(pickle.dumps(ours)),
        lambda: pylstm.from_bytes(ours.to_bytes()),
    )
    for other in [way() for way in ways]:
        assert other.n_units == net.n_units
        undisturbed = ours.copy()
        for model in (other, undisturbed):
            if when == "traced":
                model.reinforce(0.3)
        assert_same_future(other, undisturbed, net)


def test_scaling_and_sequences(net, dtype, rng):
    if net.output != "identity":
        return
    keywords = {"scale_inputs": True, "scale_targets": True}
    ours, looped = (pylstm.LSTM(**net.keywords(), dtype=dtype, **keywords) for _ in range(2))
    inputs, targets = random_task(net, 20, rng)
    inputs, targets = 40 + 7 * inputs, 1000 * targets
    ran = ours.run_sequences(inputs, targets, [12, 8])
    parts = []
    for part in (slice(0, 12), slice(12, 20)):
        looped.reset()
        parts.append(looped.run(inputs[part], targets[part], update="sequence"))
    looped.reset()
    assert_same_bits(ran, np.concatenate(parts))
    assert_same_future(ours, looped, net)


# ---------------------------------------------------------------- streams, late targets, growing


@pytest.mark.parametrize("update", ["step", 3, "sequence"])
@pytest.mark.parametrize("restart", [None, 4])
def test_streams(net, update, restart, rng):
    """Of several oracles the gradients are added up; one begins a new sequence in between."""
    streams = pylstm.Streams(build(net, learning_rate=0.05), 3)
    learners = [Learner(net, get_parameters(streams.net)) for _ in range(3)]
    X, T = (np.stack(a, 1) for a in zip(*(random_task(net, 9, rng) for _ in "abc"), strict=True))

    def change():
        w = learners[0].w - 0.05 * sum(learner.collected for learner in learners)
        for learner in learners:
            learner.w, learner.collected = w, np.zeros_like(w)

    for t, (x, target) in enumerate(zip(X, T, strict=True), start=1):
        if t == restart:
            streams.reset(1)
            learners[1].reset()
        wanted = [learner.step(own) for learner, own in zip(learners, x, strict=True)]
        np.testing.assert_allclose(streams.step(x), wanted, rtol=1e-9, atol=1e-11)
        if not np.isnan(target).all():
            for learner, own in zip(learners, target, strict=True):
                learner.learn(own)
            streams.learn(target, update=False)
        if update == "step" or (update == 3 and t % 3 == 0):
            streams.update()
            change()
        np.testing.assert_allclose(
            join(net, streams.net.parameters), learners[0].w, rtol=1e-9, atol=1e-11
        )
    streams.update()
    change()
    np.testing.assert_allclose(
        join(net, streams.net.parameters), learners[0].w, rtol=1e-9, atol=1e-11
    )
    kept = pylstm.from_bytes(streams.to_bytes())
    assert_same_bits(kept.step(X[0]), streams.step(X[0]))


def test_exact_gradient_of_streams(net, rng):
    streams = pylstm.Streams(build(net, learning_rate=0.05, gradient="bptt"), 3)
    tasks = [random_task(net, 9, rng) for _ in range(3)]
    gradients = [join(net, streams.net.gradient(*task)) for task in tasks]
    wanted = join(net, streams.net.parameters) - 0.05 * sum(gradients)
    X, T = (np.stack(parts, axis=1) for parts in zip(*tasks, strict=True))
    streams.run(X, T, update="sequence")
    np.testing.assert_allclose(join(net, streams.net.parameters), wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("delay", [0, 3])
def test_targets_that_come_late(net, dtype, delay, rng):
    X, T = random_task(net, 20, rng)
    delayed = pylstm.Delayed(build(net, dtype, momentum=0.5), delay)
    twin = TwoNets(build(net, dtype, momentum=0.5), delay)
    for x, target in zip(X, late(T, delay), strict=True):
        assert_same_bits(delayed.step(x), twin.step(x))
        if not np.isnan(target).any():
            assert delayed.learn(target) == twin.learn(target)
    assert_same_bits(get_parameters(delayed.net), get_parameters(twin.behind))
    assert_same_bits(delayed.state, twin.ahead.state)
    kept = pylstm.from_bytes(delayed.to_bytes())
    assert_same_bits(kept.step(X[0]), delayed.step(X[0]))


@pytest.mark.parametrize("n_before", [0, 1, 12])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_grown_net_fed_zeros_goes_on(net, n_before, momentum, rng):
    check_growing(net, rng, n_before, momentum=momentum)


# ---------------------------------------------------------------- a plain recurrent network


@pytest.mark.parametrize("output", ["identity", "logistic", "softmax"])
@pytest.mark.parametrize("squashing", SQUASHINGS)
@pytest.mark.parametrize("hidden_bias", [True, False])
def test_a_layer_of_units_is_elmans_network(output, squashing, hidden_bias, rng):
    """And, with the exact gradient, the fully recurrent one; losses as there."""
    shape = Architecture(n_blocks=0, n_units=5, output=output)
    plain = {
        "n_hidden": 5, "hidden_bias": hidden_bias, "squashing": squashing, "output": output,
        "loss": "squared", "optimizer": pylstm.SGD(0.1), "init_range": 0.5,
    }  # fmt: skip
    exact = {"readout": "layer", "shortcut": True}
    inputs, targets = random_task(shape, 40, rng)
    for gradient, window, other in (
        ("truncated", None, Elman(3, 2, **plain)),
        ("bptt", 4, FullyRecurrent(3, 2, gradient="bptt", window=4, **plain, **exact)),
        ("rtrl", None, FullyRecurrent(3, 2, gradient="rtrl", **plain, **exact)),
    ):
        ours = pylstm.LSTM(
            3, 2, 0, n_units=5, unit=squashing, hidden_bias="all" if hidden_bias else "none",
            output=output, loss="squared", optimizer=pylstm.SGD(0.1), dtype="float64",
            gradient=gradient, window=window, shortcut=gradient != "truncated",
        )  # fmt: skip
        for name, theirs in zip(("unit", "output"), other.parameters.values(), strict=True):
            ours.parameters[name][...] = theirs
        wanted = other.run(inputs, targets)
        np.testing.assert_allclose(ours.run(inputs, targets), wanted, rtol=1e-9, atol=1e-11)
        for name, theirs in zip(("unit", "output"), other.parameters.values(), strict=True):
            np.testing.assert_allclose(ours.parameters[name], theirs, rtol=1e-9, atol=1e-11)


# ---------------------------------------------------------------- names, counts, bad input


def test_names_counts_and_starting_biases():
    net = pylstm.LSTM(2, 1, 3, n_units=2, bias_init={"unit": [1, 2], "forget_gate": 3})
    assert net.parameters["unit"][:, -1].tolist() == [1, 2]
    assert net.sources == ["input[0]", "input[1]", *(f"cell[{v}]" for v in range(3)),
                           "unit[0]", "unit[1]", "bias"]  # fmt: skip
    assert net.n_units == 2
    assert net.n_cells == 3
    assert net.state["unit"].shape == (2,)
    assert net.n_parameters == sum(view.size for view in net.parameters.values())
    assert repr(net).startswith("<LSTM n_inputs=2, n_outputs=1, n_blocks=3, block_size=1, n_units")
    plain = pylstm.LSTM(2, 1, 0, n_units=4, hidden_bias="none")
    assert {name: view.shape for name, view in plain.parameters.items()} == {
        "unit": (4, 6), "output": (1, 5)
    }  # fmt: skip
    assert list(plain.state) == ["unit"]
    gates = pylstm.LSTM(2, 1, 1, n_units=2, hidden_bias="gates")
    assert gates.parameters["unit"].shape == (2, 5)
    deep = pylstm.LSTM(2, 1, [0, 3], n_units=[4, 0])
    assert deep.n_units == [4, 0]
    assert deep.parameters["layer1.cell_input"].shape == (3, 4 + 3 + 1)
    assert pylstm.LSTM(2, 1, [2, 3], n_units=4).n_units == [4, 4]
    assert pylstm.LSTM(2, 1, [2, 3]).n_units == 0


def test_without_units_everything_is_as_before():
    """The same names, and the same weights by the same seed."""
    net, given = pylstm.LSTM(2, 1, 3, seed=5), pylstm.LSTM(2, 1, 3, seed=5, n_units=0)
    assert_same_bits(get_parameters(net), get_parameters(given))
    assert "unit" not in net.parameters
    assert "unit" not in net.state


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"n_blocks": 0}, "n_blocks is 0, wanted a whole number of at least 1"),
        ({"n_blocks": 2, "n_units": -1}, "n_units is -1, wanted a whole number of at least 0"),
        ({"n_blocks": 2, "n_units": 1.5}, "n_units is 1.5, wanted a whole number"),
        ({"n_blocks": 2, "n_units": True}, "n_units is True, wanted a whole number"),
        ({"n_blocks": [2, 0], "n_units": [1, 0]}, r"n_blocks\[1\] is 0, wanted"),
        ({"n_blocks": [2, 2], "n_units": [1]}, r"n_units is \[1\], wanted one whole"),
        ({"n_blocks": 2, "n_units": [1, 2]}, r"n_units is \[1, 2\], wanted one whole number"),
        ({"n_blocks": 2, "n_units": 1, "unit": "relu"}, "unit is 'relu', wanted one of"),
        ({"n_blocks": 0, "n_units": 1, "peepholes": True}, "peepholes is True but there is"),
        ({"n_blocks": 0, "n_units": 1, "hidden_bias": "gates"}, "but there is no gate"),
        (
            {"n_blocks": 0, "n_units": 1, "bias_init": {"input_gate": 1}},
            "bias_init names 'input_gate', wanted one of 'unit', 'output'",
        ),
        ({"n_blocks": 2, "n_units": 2**31}, "n_units is 2147483648, wanted"),
        ({"n_blocks": 1, "n_units": 2**30}, "n_units=1073741824 do not fit in any memory"),
    ],
)
def test_what_cannot_be(keywords, sentence):
    with pytest.raises(ValueError, match=sentence):
        pylstm.LSTM(2, 1, **keywords)


def test_what_is_for_blocks_alone():
    net, pop = pylstm.LSTM(2, 1, 3, n_units=2), pylstm.Population(2, 2, 1, 3)
    for use in (
        lambda: pylstm.Population.from_nets([net]),
        lambda: pylstm.Population(3, 2, 1, 3, n_units=2),
        lambda: pop.__setitem__(0, net),
        lambda: record(net, np.zeros((3, 2))),
        lambda: to_keras(net),
        lambda: to_torch(net),
    ):
        with pytest.raises(ValueError, match=r"(net has 2 ordinary units|n_units is 2), wanted"):
            use()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"n_units": 0, "n_blocks": 0}, "n_blocks is 0"),
        ({"n_units": [2, 2]}, "n_units is"),
        ({"n_units": 3}, "parameters"),
        ({"n_units": -2}, "n_units"),
        ({"unit": "relu"}, "unit"),
    ],
)
def test_a_state_that_cannot_be(changes, sentence):
    net = pylstm.LSTM(2, 1, 3, n_units=2)
    state = net.__getstate__()
    state["config"] = state["config"] | changes
    with pytest.raises(ValueError, match=sentence):
        net.__setstate__(state)
