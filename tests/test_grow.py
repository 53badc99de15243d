"""Networks that get more inputs or outputs: the old parts go on as if nothing had happened."""

import numpy as np
import pytest
from nets import (
    NETS,
    assert_same_bits,
    assert_same_model,
    build,
    get_parameters,
    random_task,
)

import pylstm

MORE = 3
# Where inputs are sources of the outputs, new ones move the others to other places of a sum.
ROUNDING = 1e-12


def widened(X):
    """Inputs with zeros for the new ones."""
    return np.pad(X, ((0, 0), (0, MORE)))


def assert_alike(actual, wanted, exact):
    if exact:
        assert_same_bits(actual, wanted)
    else:
        np.testing.assert_allclose(actual, wanted, rtol=ROUNDING, atol=ROUNDING)


def old_parts(net, n_inputs, n_outputs):
    """The parameters without those of inputs from n_inputs and outputs from n_outputs on."""
    parts = {}
    for name, view in get_parameters(net).items():
        if name == "output":
            n_hidden = net.n_cells + net.n_units
            first = n_hidden + n_inputs
            shortcut = view.shape[1] > n_hidden + 1
            view = view[:n_outputs]
            parts[name] = np.delete(view, np.s_[first : first + MORE], 1) if shortcut else view
        elif name.startswith("peephole"):
            parts[name] = view
        else:
            parts[name] = np.delete(view, np.s_[n_inputs : n_inputs + MORE], 1)
    return parts


def check_growing(architecture, rng, n_before, update="step", momentum=0.0, **options):
    """Grown after some steps, some of them learned from, fed zeros: equal at every step."""
    X, Y = random_task(architecture, n_before + 30, rng)
    plain = build(architecture, momentum=momentum, **options)
    grown = build(architecture, momentum=momentum, **options)
    for net in (plain, grown):
        net.run(X[:n_before], Y[:n_before], update=update)
        net.step(X[n_before])
    grown.grow(n_inputs=architecture.n_inputs + MORE)
    exact = not architecture.shortcut
    for name, weights in get_parameters(plain).items():
        assert_same_bits(old_parts(grown, architecture.n_inputs, None)[name], weights)
    target = Y[np.flatnonzero(~np.isnan(Y[:, 0]))[-1]]
    assert grown.learn(target, update=False) == plain.learn(target, update=False)
    for x, wide, y in zip(X[n_before:], widened(X)[n_before:], Y[n_before:], strict=True):
        assert_alike(grown.step(wide, y), plain.step(x, y), exact)
        assert_alike(grown.predict(wide), plain.predict(x), exact)
    parts = old_parts(grown, architecture.n_inputs, None)
    for name, weights in get_parameters(plain).items():
        assert_alike(parts[name], weights, exact)
    assert grown.n_steps == plain.n_steps
    for a, b in zip(grown.state.values(), plain.state.values(), strict=True):
        assert_alike(a, b, exact)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("n_before", [0, 1, 12])
@pytest.mark.parametrize("update", ["step", 5])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_grown_net_fed_zeros_goes_on(rng, name, n_before, update, momentum):
    """To the last bit; with shortcuts to 1e-12."""
    check_growing(NETS[name], rng, n_before, update, momentum)


def test_every_combination_grows(rng, combination):
    check_growing(combination, rng, 5, update=3)


@pytest.mark.parametrize("large_from", [0, 15, 200], ids=["memory", "cache", "small"])
def test_large_nets_grow(rng, large_from):
    """A net keeps its regime, whatever its new size: two that are lazy, and one."""
    before = pylstm._core.choose_large_from(large_from)
    try:
        architecture = NETS["default"]
        X, Y = random_task(architecture, 40, rng)
        plain, grown = build(architecture), build(architecture)
        for net in (plain, grown):
            net.run(X[:13], Y[:13])
        grown.grow(n_inputs=architecture.n_inputs + MORE)
        absorbed = 0
        for x, wide, y in zip(X, widened(X), Y, strict=True):
            np.testing.assert_allclose(
                grown.step(wide, y), plain.step(x, y), rtol=ROUNDING, atol=ROUNDING
            )
            absorbed += grown.__getstate__()["n_absorbed"]
        assert (absorbed > 0) == (large_from < 200)
    finally:
        pylstm._core.choose_large_from(before)


def test_record_that_no_longer_fits_is_settled(rng):
    """Many inputs make the record shorter than the steps that are in it."""
    net, plain = (pylstm.LSTM(2, 1, 20, dtype="float64", seed=3) for _ in range(2))
    X, Y = rng.normal(size=(900, 2)), rng.normal(size=(900, 1))
    for each in (net, plain):
        each.run(X[:800], Y[:800], update=5000)
    net.grow(n_inputs=3000)
    wide = np.pad(X[800:], ((0, 0), (0, 2998)))
    for each, inputs in ((net, wide), (plain, X[800:])):
        each.run(inputs, Y[800:], update="sequence")
    np.testing.assert_allclose(
        net.parameters["cell_input"][:, :2], plain.parameters["cell_input"][:, :2], rtol=1e-9
    )
    assert (
        plain.parameters["cell_input"][:, :2]
        != pylstm.LSTM(2, 1, 20, dtype="float64", seed=3).parameters["cell_input"][:, :2]
    ).all()


@pytest.mark.parametrize("name", NETS)
def test_new_inputs_are_learned_like_any_other(rng, name):
    """Grown before its first step, a net equals one built in that size with the same weights."""
    architecture = NETS[name]
    net = build(architecture, momentum=0.5)
    net.grow(architecture.n_inputs + MORE, architecture.n_outputs + 1)
    sizes = {"n_inputs": architecture.n_inputs + MORE, "n_outputs": architecture.n_outputs + 1}
    options = architecture.keywords() | sizes
    whole = pylstm.LSTM(**options, dtype="float64", optimizer=net.optimizer)
    for key, weights in whole.parameters.items():
        weights[...] = net.parameters[key]
    X = rng.normal(size=(40, sizes["n_inputs"]))
    Y = np.full((40, sizes["n_outputs"]), 1 / sizes["n_outputs"])
    for update in ("step", 7, "sequence"):
        assert_same_bits(net.run(X, Y, update=update), whole.run(X, Y, update=update))
        assert_same_model(net, whole)


def test_new_weights(rng):
    net = build(NETS["2001"], init_range=0.3, seed=5)
    n_inputs, n_outputs, n_cells = net.n_inputs, net.n_outputs, net.n_cells
    net.run(rng.normal(size=(9, n_inputs)), rng.normal(size=(9, n_outputs)))
    net.grow(n_inputs + 40, n_outputs + 2)
    parameters = net.parameters
    for gate in ("input_gate", "forget_gate", "cell_input", "output_gate"):
        new = parameters[gate][:, n_inputs : n_inputs + 40]
        assert np.unique(new).size == new.size
        assert -0.3 <= new.min() < -0.2
        assert 0.2 < new.max() < 0.3
    readout = parameters["output"]
    assert (readout[n_outputs:] == 0).all()
    columns = readout[:n_outputs, n_cells + n_inputs : n_cells + n_inputs + 40]
    assert np.unique(columns).size == columns.size


def test_growing_at_once_or_one_by_one_is_the_same(rng):
    at_once, one_by_one, other = (build(NETS["2001"], seed=seed) for seed in (5, 5, 6))
    n_inputs = at_once.n_inputs
    at_once.grow(n_inputs + 3)
    for k in range(3):
        one_by_one.run(np.zeros((4, n_inputs + k)))
        one_by_one = one_by_one.copy()
        one_by_one.grow(n_inputs + k + 1)
    assert_same_bits(get_parameters(one_by_one), get_parameters(at_once))
    other.grow(n_inputs + 3)
    new = (net.parameters["cell_input"][:, n_inputs : n_inputs + 3] for net in (at_once, other))
    assert (next(new) != next(new)).all()


@pytest.mark.parametrize("architecture", [NETS["default"], NETS["2001"]])
def test_new_outputs_without_error_change_nothing(rng, architecture):
    X, Y = random_task(architecture, 60, rng)
    keywords = architecture.keywords() | {"output": "identity"}
    plain = pylstm.LSTM(**keywords, dtype="float64", init_range=0.5)
    grown = plain.copy()
    for net in (plain, grown):
        net.run(X[:20], Y[:20], update=3)
        net.step(X[20])
    grown.grow(n_outputs=architecture.n_outputs + 2)
    more = np.pad(Y, ((0, 0), (0, 2)))
    more[np.isnan(Y[:, 0])] = np.nan
    assert_same_bits(grown.learn(more[-1]), plain.learn(Y[-1]))
    ran = grown.run(np.array(X), more)
    assert_same_bits(np.ascontiguousarray(ran[:, :-2]), plain.run(X, Y))
    assert (ran[:, -2:] == 0).all()
    for name, weights in plain.parameters.items():
        assert_same_bits(np.array(grown.parameters[name][: len(weights)]), np.array(weights))


def test_step_before_new_squashed_outputs_cannot_be_learned_from():
    net = pylstm.LSTM(2, 2, 3, output="softmax", loss="cross_entropy")
    net.step([1.0, 2.0])
    net.grow(n_outputs=3)
    with pytest.raises(RuntimeError, match="no step to learn from"):
        net.learn([0.0, 0.0, 1.0])
    assert net.step([1.0, 2.0], [0.0, 0.0, 1.0]).sum() == pytest.approx(1)


@pytest.mark.parametrize("update", ["step", 7])
def test_tokens_go_on(update, rng):
    """New tokens are new inputs; traces of the old ones, live or not, and steps recorded stay."""
    tokens, Y = rng.integers(0, 50, 60), rng.normal(size=(60, 1))
    plain = pylstm.LSTM(50, 1, 6, dtype="float64")
    grown = plain.copy()
    for net in (plain, grown):
        net.run(tokens[:20], Y[:20], update)
    grown.grow(n_inputs=70)
    assert_same_bits(grown.run(tokens[20:], Y[20:], update), plain.run(tokens[20:], Y[20:], update))
    grown.run(rng.integers(0, 70, 50), rng.normal(size=(50, 1)))


def test_statistics_grow_too(rng):
    X, Y = rng.normal(5, 3, (80, 2)), rng.normal(100, 9, (80, 1))
    plain = pylstm.LSTM(2, 1, 5, dtype="float64", scale_inputs=True, scale_targets=True)
    grown = plain.copy()
    for net in (plain, grown):
        net.run(X[:40], Y[:40])
    grown.grow(4, 2)
    wide, more = np.pad(X, ((0, 0), (0, 2)), constant_values=np.nan), np.pad(Y, ((0, 0), (0, 1)))
    for x, y, a, b in zip(X[40:], Y[40:], wide[40:], more[40:], strict=True):
        predicted = grown.step(a, b)
        assert_same_bits(predicted[:1], plain.step(x, y))
        assert predicted[1] == 0
    state = grown.__getstate__()
    np.testing.assert_array_equal(state["input_scale"]["count"], [80, 80, 0, 0])
    np.testing.assert_array_equal(state["target_scale"]["count"], [80, 40])


def test_copies_of_a_grown_net_go_on(rng):
    net = build(NETS["everything"])
    net.step(np.zeros(net.n_inputs))
    net.grow(net.n_inputs + 2, net.n_outputs + 1)
    other = net.copy()
    assert (other.n_inputs, other.n_outputs) == (net.n_inputs, net.n_outputs)
    X, Y = rng.normal(size=(30, net.n_inputs)), rng.uniform(size=(30, net.n_outputs))
    assert_same_bits(other.run(X, Y), net.run(X, Y))
    wanted = net.n_inputs + 1
    for each in (net, other):
        each.grow(wanted)
    assert_same_model(other, net)


def test_net_out_of_a_population_grows():
    net = pylstm.Population(3, n_inputs=2, n_outputs=1, n_blocks=4)[1]
    net.grow(n_inputs=3)
    assert (net.parameters["cell_input"][:, 2] != 0).all()


def test_smaller_sizes_are_refused_and_the_same_changes_nothing():
    net = pylstm.LSTM(3, 2, 4)
    weights = net.parameters["cell_input"]
    with pytest.raises(ValueError, match="n_inputs is 2, wanted at least the 3 there are"):
        net.grow(n_inputs=2, n_outputs=3)
    with pytest.raises(ValueError, match=r"n_outputs is 1\.5, wanted a whole number"):
        net.grow(n_outputs=1.5)
    net.grow()
    net.grow(3, 2)
    weights[:] = 7
    assert (net.parameters["cell_input"] == 7).all()


def test_streams_of_a_grown_net_are_refused():
    net = pylstm.LSTM(3, 2, 4)
    streams = pylstm.Streams(net, 2)
    net.grow(n_inputs=4)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="has grown since: build Streams of it anew"):
            streams.step(np.zeros((2, 3)))
    assert pylstm.Streams(net, 2).step(np.zeros((2, 4))).shape == (2, 2)


@pytest.mark.parametrize(
    "optimizer",
    [
        pylstm.RMSprop(0.01),
        pylstm.Adam(0.01),
        pylstm.Adam(0.01, clip_norm=0.1, schedule=pylstm.Decay(0.9)),
        pylstm.ObGD(),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_moments_and_eligibility_grow_with_the_weights(rng, optimizer):
    X, Y = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    plain, grown = (pylstm.LSTM(3, 2, 5, dtype="float64", optimizer=optimizer) for _ in range(2))
    for net in (plain, grown):
        net.run(X[:10], Y[:10])
        net.step(X[10])
        net.learn_from([0.5, -1.0], trace=0.9)
    grown.grow(n_inputs=3 + MORE)
    for t in range(10, 30):
        for net, x in ((plain, X), (grown, widened(X))):
            net.step(x[t], Y[t])
            net.step(x[t - 1])
            net.learn_from([1.0, 0.5], trace=0.9)
            net.reinforce(0.02)
    parts = old_parts(grown, 3, None)
    for name, weights in get_parameters(plain).items():
        np.testing.assert_allclose(parts[name], weights, rtol=1e-10, atol=1e-12)
    before = grown.parameters["cell_input"][:, 3 : 3 + MORE].copy()
    grown.step(np.ones(3 + MORE), Y[0])
    assert (grown.parameters["cell_input"][:, 3 : 3 + MORE] != before).all()
