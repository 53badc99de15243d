"""Eligibility traces of the outputs, and growing, of a population: as of the single nets in it."""

import numpy as np
import pytest
from nets import NETS, assert_same_bits
from test_population import assert_nets_agree, assert_same_population, random_tasks
from test_population_optimizers import OPTIMIZERS, bounds, build, falling

import pylstm

N = 5


@pytest.fixture(params=list(OPTIMIZERS))
def optimizers(request):
    return [OPTIMIZERS[request.param](k, **bounds(k)) for k in range(N)]


# ---------------------------------------------------------------- eligibility


def td(thing, x, rewards, k=None):
    """TD(lambda): the errors of values that come a step later; k: of which net."""
    before, errors = 0, []
    for t in range(x.shape[-2]):
        value = thing.step(x[..., t, :])[..., 0]
        if t > 0:
            errors.append(rewards[..., t] + 0.5 * value - before)
            thing.reinforce(errors[-1])
        thing.learn_from(np.ones(thing.n_outputs), trace=0.4)
        if t % 4 == 3:
            thing.learn_from(np.full(thing.n_outputs, 0.1), update=t % 8 == 3)
            thing.update()
        before = value
    return errors


def test_td_learns_as_single_nets_do(architecture, dtype, optimizers, rng):
    population, nets = build(architecture, optimizers, dtype)
    n_steps = 8 if dtype == "float32" else 20
    X, _ = random_tasks(architecture, N, n_steps, rng)
    rewards = rng.normal(size=(N, n_steps))
    given = td(population, X, rewards)
    wanted = [td(net, X[k], rewards[k]) for k, net in enumerate(nets)]
    tolerance = 1e-3 if dtype == "float32" else 1e-9
    np.testing.assert_allclose(np.transpose(given), wanted, rtol=tolerance, atol=tolerance)
    assert_nets_agree(population, nets, dtype)


def test_eligibility_depends_on_the_net_alone_and_goes_with_it(rng):
    """Bit for bit in any company; through copies, single nets and files; cleared by a reset."""
    architecture = NETS["2001"]
    crowd, _ = build(architecture, [OPTIMIZERS["RMSprop"](k) for k in range(N)])
    X, _ = random_tasks(architecture, N, 12, rng)
    rewards = rng.normal(size=(N, 12))
    crowd.step(X[:2, 0], nets=[3, 1])
    alone = pylstm.Population.from_nets([crowd[2]])
    td(crowd, X, rewards)
    td(alone, X[2:3], rewards[2:3])
    assert_same_bits({k: v[2:3] for k, v in crowd.parameters.items()}, alone.parameters)
    assert_same_population(pylstm.from_bytes(crowd.to_bytes()), crowd)
    again = crowd.copy()
    taken = [crowd[k] for k in range(N)]
    for k, net in enumerate(taken):
        again[k] = net
    for thing in (crowd, again):
        thing.reinforce(0.5)
    for net in taken:
        net.reinforce(0.5)
    for thing in (crowd, again):
        assert_nets_agree(thing, taken, "float64")
    weights = crowd.parameters
    crowd.reset(nets=[0, 4])
    crowd.reinforce(np.arange(1.0, 6))
    changed = (crowd.parameters["output"] != weights["output"]).any(axis=(1, 2))
    assert changed.tolist() == [False, True, True, True, False]


def test_chosen_nets_alone_are_reinforced(rng):
    population, _ = build(NETS["default"], [pylstm.SGD(0.1)] * N)
    population.step(rng.normal(size=(N, 3)))
    population.learn_from([[1.0, 2.0], [3.0, 4.0]], trace=0.5, nets=[3, 1])
    weights = population.parameters["output"]
    population.reinforce([1.0, -1.0, 2.0], nets=[1, 3, 0])
    changed = (population.parameters["output"] != weights).any(axis=(1, 2))
    assert changed.tolist() == [False, True, False, True, False]


def test_what_eligibility_refuses():
    population, _ = build(NETS["default"], [pylstm.SGD(0.1, schedule=falling)] * N)
    with pytest.raises(RuntimeError, match="no step to learn from"):
        population.learn_from([1.0, 1.0], trace=0.5)
    population.step(np.ones(3))
    before = population.copy()
    for error, call, words in (
        (RuntimeError, lambda: population.reinforce(1.0), "no eligibility trace yet"),
        (ValueError, lambda: population.learn_from([1.0, 1.0], trace=1.5), "trace is 1.5"),
        (ValueError, lambda: population.learn_from([1.0, np.inf], trace=0.5), "dy contains inf"),
    ):
        with pytest.raises(error, match=words):
            call()
    assert_same_population(population, before)
    population.learn_from([1.0, 1.0], trace=0.5)
    population.step(np.ones(3))
    population.learn([0.0, 0.0], update=False, nets=[1, 4])
    before = population.copy()
    for error, call, words in (
        (RuntimeError, lambda: population.reinforce(1.0), r"nets \[1, 4\] have accumulated"),
        (RuntimeError, lambda: population.learn_from([1.0, 1.0], trace=0), r"nets \[1, 4\]"),
        (ValueError, lambda: population.reinforce(np.nan, nets=[0]), "errors is nan"),
        (ValueError, lambda: population.reinforce([1.0, 2.0]), "one for each of 5 nets"),
        (TypeError, lambda: population.reinforce("x"), "errors"),
    ):
        with pytest.raises(error, match=words):
            call()
    assert_same_population(population, before)
    population.reinforce(1.0, nets=[0, 2, 3])


# ---------------------------------------------------------------- growing


@pytest.mark.parametrize("scaled", [False, True])
def test_grown_nets_are_grown_single_nets(architecture, dtype, scaled, rng):
    """New weights to the last bit; then what follows, with moments, gradients and statistics."""
    if scaled and architecture.output != "identity":
        pytest.skip("targets of this output are not scaled")
    optimizers = [pylstm.Adam(0.01, schedule=pylstm.Decay(0.9 + k / 100)) for k in range(N)]
    scales, ranges = {"scale_inputs": scaled, "scale_targets": scaled}, [0.1, 0.2, 0.3, 0.4, 0.5]
    population = pylstm.Population(
        N, **architecture.keywords(), dtype=dtype, optimizer=optimizers, seed=4,
        init_range=ranges, **scales,
    )  # fmt: skip
    nets = [
        pylstm.LSTM(
            **architecture.keywords(), dtype=dtype, optimizer=optimizers[k], seed=4 + k,
            init_range=ranges[k], **scales,
        )
        for k in range(N)
    ]  # fmt: skip
    X, targets = random_tasks(architecture, N, 10, rng, "dense")

    def collect(thing, x, t):
        thing.run(x, t, update=4)
        if not scaled:
            thing.learn_from(t[..., -1, :] / 10, update=False)

    collect(population, X, targets)
    for k, net in enumerate(nets):
        collect(net, X[k], targets[k])
    sizes = [(architecture.n_inputs + 2, None), (None, architecture.n_outputs + 1), (9, 8)]
    for n_inputs, n_outputs in sizes:
        before = population.parameters
        population.grow(n_inputs, n_outputs)
        for net in nets:
            net.grow(n_inputs, n_outputs)
        for name, values in population.parameters.items():
            old = before[name].shape[2]
            if name != "output" and values.shape[2] > old and n_inputs:
                new = slice(population.n_inputs - (values.shape[2] - old), population.n_inputs)
                wanted = np.stack([net.parameters[name][:, new] for net in nets])
                assert_same_bits(values[:, :, new], wanted)
        assert_nets_agree(population, nets, dtype)
        more = [
            np.random.default_rng(7).uniform(size=(N, 8, size))
            for size in (population.n_inputs, population.n_outputs)
        ]
        if architecture.output == "softmax":
            more[1] /= more[1].sum(axis=2, keepdims=True)
        population.run(*more, update=3)
        for k, net in enumerate(nets):
            net.run(more[0][k], more[1][k], update=3)
        assert_nets_agree(population, nets, dtype)


def test_old_parts_go_on_to_the_same_bits(rng):
    population, _ = build(NETS["default"], [pylstm.RMSprop(0.01)] * N, "float32")
    X, targets = random_tasks(NETS["default"], N, 12, rng, "dense")
    population.run(X[:, :6], targets[:, :6])
    grown = population.copy()
    grown.grow(5)
    zeros = np.zeros((N, 12, 2))
    Y = grown.run(np.concatenate([X, zeros], axis=2)[:, 6:], targets[:, 6:])
    assert_same_bits(Y, population.run(X[:, 6:], targets[:, 6:]))


def test_growing_is_saved_and_goes_with_single_nets(rng):
    _, nets = build(NETS["default"], [pylstm.SGD(0.1)] * N)
    for k, net in enumerate(nets):
        net._set_growth(0.5, k)
    together = pylstm.Population.from_nets(nets)
    copies = [together.copy(), pylstm.from_bytes(together.to_bytes())]
    taken = together[3]
    copies[0][1] = nets[1]
    for thing in (together, *copies, taken, *nets):
        thing.grow(4)
    for thing in copies:
        assert_same_bits(thing.parameters, together.parameters)
    assert_same_bits(taken.parameters["cell_input"], together.parameters["cell_input"][3])
    for k, net in enumerate(nets):
        assert_same_bits(net.parameters["cell_input"], together.parameters["cell_input"][k])


def test_growing_smaller_is_refused():
    population, _ = build(NETS["default"], [pylstm.SGD(0.1)] * N)
    before = population.copy()
    for arguments in ((2, None), (None, 1), (2.5, None)):
        with pytest.raises(ValueError, match="wanted"):
            population.grow(*arguments)
    population.grow(3, 2)
    assert_same_population(population, before)
