"""Scaling inside a population: every net scales as the single LSTM it would be alone."""

import pickle

import numpy as np
import pytest
from nets import assert_same_bits
from test_population import assert_nets_agree, assert_same_population

import pylstm

SCALES = [(True, False), (False, True), (True, True)]
N = 5
each_scale = pytest.mark.parametrize(("inputs", "targets"), SCALES)


def build(inputs, targets, dtype="float64", optimizer=None, n_nets=N, **switches):
    sizes = {"n_inputs": 3, "n_outputs": 2, "n_blocks": 4}
    population = pylstm.Population(
        n_nets, **sizes, dtype=dtype, seed=2, scale_inputs=inputs, scale_targets=targets,
        scale_memory=15, optimizer=optimizer or pylstm.SGD(0.05), **switches,
    )  # fmt: skip
    return population, [
        pylstm.LSTM(**population._config(), seed=2 + k, optimizer=population.optimizer[k])
        for k in range(n_nets)
    ]


def streams(rng, n_steps, inputs, targets, n_nets=N):
    """Columns of every size, which start with constant stretches of different length in every net;
    missing values, rows without target, a wild value."""
    X = rng.normal(size=(n_nets, n_steps, 3)).cumsum(axis=1)
    Y = np.sin(X[:, :, :2]) + 0.1 * rng.normal(size=(n_nets, n_steps, 2))
    for k in range(n_nets):
        X[k, : 4 * k, 0] = 0.5
    if inputs:
        X = X * 10.0 ** np.arange(3) - 50
        X[0, n_steps // 2, 1] = 1e9
        X[rng.random(X.shape) < 0.15] = np.nan
    if targets:
        Y = Y * 300 - 1000
    Y[rng.random((n_nets, n_steps)) < 0.3] = np.nan
    return X, Y


def assert_same_scales(population, nets):
    """To the last bit: the statistics are those of what came in."""
    for name in ("input_scale", "target_scale"):
        mine = getattr(population, name) or ()
        its = [getattr(net, name) for net in nets]
        assert bool(mine) == (its[0] is not None)
        for scale, other in zip(mine, its, strict=bool(mine)):
            assert_same_bits(scale.state(), other.state())


@each_scale
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("update", ["step", "sequence", 3])
def test_every_net_scales_as_its_single_net(inputs, targets, dtype, update, rng):
    population, nets = build(inputs, targets, dtype)
    X, Y = streams(rng, 90, inputs, targets)
    for part in (slice(0, 7), slice(7, 90)):
        given = population.run(X[:, part], Y[:, part], update)
        wanted = [net.run(X[k, part], Y[k, part], update) for k, net in enumerate(nets)]
        size = 1000 if targets else 1
        np.testing.assert_allclose(given, wanted, rtol=1e-3, atol=1e-3 * size)
        assert_same_scales(population, nets)
        if dtype == "float64":
            np.testing.assert_allclose(given, wanted, rtol=1e-8, atol=1e-8 * size)
            assert_nets_agree(population, nets, dtype)


@each_scale
@pytest.mark.parametrize("nets", [None, [4, 1]])
def test_run_is_the_loop_of_steps_in_any_company(inputs, targets, nets, rng):
    """Bit for bit; and predict is what step returns, and changes nothing."""
    together, _ = build(inputs, targets, "float32", pylstm.RMSprop(0.01))
    apart = together.copy()
    chosen = np.arange(N) if nets is None else np.array(nets)
    alone = {k: pylstm.Population.from_nets([together[k]]) for k in chosen}
    X, Y = (A[chosen] for A in streams(rng, 80, inputs, targets))
    given = together.run(X, Y, nets=nets)
    looped = []
    for t in range(80):
        before = apart.copy()
        predicted = apart.predict(X[:, t], nets=nets)
        assert_same_population(apart, before)
        looped.append(apart.step(X[:, t], nets=nets))
        assert_same_bits(predicted, looped[-1])
        present = ~np.isnan(Y[:, t, 0])
        losses = apart.learn(Y[present, t], nets=chosen[present])
        wanted = 0.5 * np.square(looped[-1] - Y[:, t]).sum(axis=1)[present]
        np.testing.assert_allclose(losses, wanted, rtol=1e-6)
    assert_same_bits(given, np.stack(looped, axis=1))
    assert_same_bits(together.parameters, apart.parameters)
    assert_same_scales(together, [apart[k] for k in range(N)])
    for j, k in enumerate(chosen):
        assert_same_bits(given[j : j + 1], alone[k].run(X[j : j + 1], Y[j : j + 1]))
        mine = {name: values[k : k + 1] for name, values in together.parameters.items()}
        assert_same_bits(mine, alone[k].parameters)


@each_scale
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("update", ["sequence", "step"])
def test_sequences(inputs, targets, last, update, rng):
    population, nets = build(inputs, targets)
    X, Y = streams(rng, 150, inputs, targets)
    lengths = np.array([[9, 1, 140], [140, 9, 1], [50, 50, 50], [1, 9, 140], [3, 140, 7]])
    if last:
        Y = Y[:, 10:13]
    given = population.run_sequences(X, Y, lengths, last=last, update=update)
    wanted = [
        net.run_sequences(X[k], Y[k], lengths[k], last=last, update=update)
        for k, net in enumerate(nets)
    ]
    np.testing.assert_allclose(given, wanted, rtol=1e-7, atol=1e-5)
    assert_same_scales(population, nets)
    assert_nets_agree(population, nets, "float64")


def test_shared_rows_of_either_precision(rng):
    X, Y = (A[0] for A in streams(rng, 40, True, True))
    one, other, third = (build(True, True, "float32")[0] for _ in range(3))
    repeated = [np.repeat(A[None], N, axis=0) for A in (X, Y)]
    given = one.run(X, Y)
    assert_same_bits(given, other.run(*repeated))
    assert_same_population(one, other)
    X32 = X.astype(np.float32)
    third.run(X32, Y)
    single = pylstm.LSTM(**third._config(), seed=2, optimizer=pylstm.SGD(0.05))
    single.run(X32, Y)
    assert_same_scales(third, [single] * N)


@each_scale
def test_statistics_go_with_copies_files_and_single_nets(inputs, targets, rng, tmp_path):
    population, nets = build(inputs, targets)
    X, Y = streams(rng, 60, inputs, targets)
    population.run(X[:, :30], Y[:, :30])
    for k, net in enumerate(nets):
        net.run(X[k, :30], Y[k, :30])
    population.save(tmp_path / "it.safetensors")
    same = [pickle.loads(pickle.dumps(population)), pylstm.load(tmp_path / "it.safetensors")]
    for other in same:
        assert_same_population(other, population)
    swapped = population.copy()
    taken = [population[k] for k in range(N)]
    for k, net in enumerate(taken):
        swapped[(k + 1) % N] = net
    order = np.arange(-1, N - 1) % N
    assembled = pylstm.Population.from_nets(nets)
    for group in (population, assembled, *same):
        group.run(X[:, 30:], Y[:, 30:])
    swapped.run(X[order, 30:], Y[order, 30:])
    for k, (net, other) in enumerate(zip(nets, taken, strict=True)):
        net.run(X[k, 30:], Y[k, 30:])
        other.run(X[k, 30:], Y[k, 30:])
    for group in (population, assembled, *same):
        assert_nets_agree(group, nets, "float64")
        assert_same_scales(group, nets)
    assert_same_scales(population, taken)
    assert_same_scales(swapped, [nets[k] for k in order])
    assert_nets_agree(swapped, [nets[k] for k in order], "float64")


def test_a_net_that_has_diverged_learns_no_statistics():
    run, loop = (
        build(True, True, "float32", [pylstm.SGD(0.01), pylstm.SGD(1e37)], 2)[0] for _ in range(2)
    )
    rng = np.random.default_rng(3)
    X, Y = streams(rng, 40, True, True, 2)
    run.run(X, Y)
    for t in range(40):
        loop.step(X[:, t], Y[:, t])
    assert run.diverged.tolist() == [False, True]
    assert_same_bits(run.parameters, loop.parameters)
    assert_same_scales(run, [loop[0], loop[1]])
    assert (run.input_scale[1].count < run.input_scale[0].count).all()


def test_bad_values_are_refused_and_change_nothing():
    population, _ = build(True, True)
    population.step(np.full(3, np.nan))
    before = population.copy()
    for error, call, words in (
        (
            ValueError,
            lambda: population.step([np.inf, 0, 0]),
            "X contains inf: .*NaN where missing",
        ),
        (
            ValueError,
            lambda: population.run(np.full((N, 4, 3), -np.inf)),
            "X contains -inf at 0, 0",
        ),
        (ValueError, lambda: population.step(np.zeros(3), [1, np.nan]), "partly NaN"),
        (ValueError, lambda: population.learn([np.inf, 0]), "finite"),
        (ValueError, lambda: population.step([0, 1, 0, 2, 0]), "X has shape"),
        (ValueError, lambda: population.run_sequences([0, 1, 2]), "tokens, but scale_inputs"),
        (ValueError, lambda: population.learn_from([0.0, 0.0]), "scale_targets is True"),
        (
            ValueError,
            lambda: population.__setitem__(0, pylstm.LSTM(3, 2, 4, dtype="float64")),
            "scale_inputs",
        ),
    ):
        with pytest.raises(error, match=words):
            call()
    assert_same_population(population, before)


def test_no_values_at_all_are_the_mean():
    population, nets = build(True, True)
    X = np.full((N, 4, 3), np.nan)
    given = population.run(X, np.full((N, 4, 2), np.nan))
    assert (given == 0).all()
    assert population.input_scale[0].count.tolist() == [0, 0, 0]
    np.testing.assert_array_equal(given, [net.run(x) for net, x in zip(nets, X, strict=True)])
