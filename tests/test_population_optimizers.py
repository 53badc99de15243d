"""Every optimizer in a population: each net is the single LSTM with its own optimizer."""

import pickle

import numpy as np
import pytest
from nets import NETS, assert_same_bits
from test_population import (
    GROWTH,
    RTOL,
    assert_nets_agree,
    assert_same_population,
    random_tasks,
    singles,
)

import pylstm

N = 5


def falling(k):
    return 1 / (1 + 0.1 * k)


def bounds(k):
    """What all optimizers have in common, different in every net, nothing in net 0."""
    return [
        {},
        {"clip_norm": 0.2},
        {"clip_value": 0.05, "weight_decay": 0.1},
        {"schedule": pylstm.Decay(0.9), "clip_norm": 1e-3},
        {"schedule": falling, "weight_decay": 0.3},
    ][k]


OPTIMIZERS = {
    "SGD": lambda k, **b: pylstm.SGD(0.05 + 0.01 * k, **b),
    "momentum": lambda k, **b: pylstm.SGD(0.02, momentum=0.3 * (k % 3), **b),
    "RMSprop": lambda k, **b: pylstm.RMSprop(0.01, 0.9 - 0.1 * k, 10.0 ** (-2 - k), **b),
    "Adam": lambda k, **b: pylstm.Adam(0.01, 0.8 - 0.1 * k, 0.9 - 0.05 * k, 0.01, **b),
    "ObGD": lambda k, **b: pylstm.ObGD(0.3 + 0.1 * k, 1.0 + k, **b),
}


@pytest.fixture(params=list(OPTIMIZERS))
def optimizers(request):
    return [OPTIMIZERS[request.param](k, **bounds(k)) for k in range(N)]


def build(architecture, optimizers, dtype="float64", **keywords):
    population = pylstm.Population(
        len(optimizers), **architecture.keywords(), dtype=dtype, optimizer=optimizers,
        init_range=0.5, seed=3, **keywords,
    )  # fmt: skip
    return population, singles(population, optimizers)


@pytest.mark.parametrize("update", ["step", "sequence", 3])
def test_every_net_is_its_single_net(architecture, dtype, optimizers, update, rng):
    population, nets = build(architecture, optimizers, dtype)
    X, targets = random_tasks(architecture, N, 20, rng)
    tolerance = GROWTH[dtype] * RTOL[dtype]
    for part in (slice(0, 9), slice(9, 20)):
        Y = population.run(X[:, part], targets[:, part], update=update)
        wanted = [net.run(X[k, part], targets[k, part], update) for k, net in enumerate(nets)]
        np.testing.assert_allclose(Y, wanted, rtol=tolerance, atol=1e-5)
        assert_nets_agree(population, nets, dtype)


@pytest.mark.parametrize("update", ["step", "sequence"])
def test_sequences(architecture, dtype, optimizers, update, rng):
    population, nets = build(architecture, optimizers, dtype)
    X, targets = random_tasks(architecture, N, 12, rng)
    for lengths in ([5, 1, 6], [12]):
        population.run_sequences(X, targets, lengths, update=update)
        for k, net in enumerate(nets):
            net.run_sequences(X[k], targets[k], lengths, update=update)
        assert_nets_agree(population, nets, dtype)


@pytest.mark.parametrize("update", ["step", 3, "sequence"])
@pytest.mark.parametrize("nets", [None, [3, 1, 2]])
def test_run_is_the_loop_of_steps_in_any_company(dtype, optimizers, update, nets, rng):
    """Bit for bit, of all nets, of some, and of each alone."""
    together, _ = build(NETS["2001"], optimizers, dtype)
    apart = together.copy()
    chosen = np.arange(N) if nets is None else np.array(nets)
    alone = {k: pylstm.Population.from_nets([together[k]]) for k in chosen}
    X, targets = random_tasks(NETS["2001"], len(chosen), 30, rng)
    Y = together.run(X, targets, update, nets=nets)
    looped = []
    for t in range(30):
        at_once = targets[:, t] if update == "step" else None
        looped.append(apart.step(X[:, t], at_once, nets=nets))
        if at_once is None:
            apart.learn(targets[:, t], update=False, nets=nets)
        if update == 3 and t % 3 == 2:
            apart.update(nets=nets)
    if update == "sequence":
        apart.update(nets=nets)
    assert_same_bits(Y, np.stack(looped, axis=1))
    assert_same_bits(together.parameters, apart.parameters)
    for j, k in enumerate(chosen):
        assert_same_bits(Y[j : j + 1], alone[k].run(X[j : j + 1], targets[j : j + 1], update))
        mine = {name: values[k : k + 1] for name, values in together.parameters.items()}
        assert_same_bits(mine, alone[k].parameters)


@pytest.mark.parametrize("optimizer", [
    lambda k: pylstm.SGD(0.02, momentum=0.2 + 0.1 * k),
    lambda k: pylstm.RMSprop(0.01, 0.9 - 0.1 * k, schedule=pylstm.Decay(0.9)),
    lambda k: pylstm.Adam(0.01, 0.8 - 0.1 * k),
    lambda k: pylstm.SGD(0.02, momentum=0.5 * (k % 2)),
    lambda k: pylstm.RMSprop(0.01, clip_value=0.01 if k == 1 else None),
    lambda k: pylstm.Adam(0.01, clip_norm=0.05 if k == 1 else None),
    lambda k: pylstm.RMSprop(0.01, weight_decay=0.5 if k == 1 else 0),
])  # fmt: skip
def test_within_the_pass_over_the_traces_the_same_bits(architecture, dtype, optimizer, rng):
    """A run changes weights there where no net clips or decays, the loop of steps never."""
    together, nets = build(architecture, [optimizer(k) for k in range(N)], dtype)
    apart = together.copy()
    X, targets = random_tasks(architecture, N, 20, rng)
    Y = together.run(X, targets)
    looped = [apart.step(X[:, t], targets[:, t]) for t in range(20)]
    assert_same_bits(Y, np.stack(looped, axis=1))
    assert_same_bits(together.parameters, apart.parameters)
    for k, net in enumerate(nets):
        net.run(X[k], targets[k])
    assert_nets_agree(together, nets, dtype)


def test_single_nets_in_and_out_and_copies_go_on(dtype, optimizers, rng):
    """With moments, updates and errors counted; of nets in the middle of an update."""
    architecture = NETS["everything"]
    population, nets = build(architecture, optimizers, dtype)
    X, targets = random_tasks(architecture, N, 11, rng, "dense")

    def learn(thing, x, t):
        thing.run(x, t, update=4)
        thing.run(x[..., :3, :], t[..., :3, :], update=2)

    learn(population, X, targets)
    for k, net in enumerate(nets):
        learn(net, X[k], targets[k])
    before = population.copy()
    taken = [population[k] for k in range(N)]
    assert_same_population(population, before)
    swapped, assembled = population.copy(), pylstm.Population.from_nets(nets)
    for k, net in enumerate(taken):
        assert net.__getstate__()["n_updates"] == nets[k].__getstate__()["n_updates"]
        swapped[k] = net
    assert_same_population(pickle.loads(pickle.dumps(population)), population)
    for group in (population, swapped, assembled, before):
        learn(group, X, targets)
        for k, net in enumerate(nets if group is population else ()):
            learn(net, X[k], targets[k])
            learn(taken[k], X[k], targets[k])
        assert_nets_agree(group, nets, dtype)
    assert_same_population(before, population)
    assert_nets_agree(population, taken, dtype)


def test_saved_and_loaded(tmp_path, rng):
    kinds = [OPTIMIZERS["Adam"](k, **bounds(k)) for k in range(4)]
    population, _ = build(NETS["default"], kinds, "float32")
    X, targets = random_tasks(NETS["default"], 4, 9, rng)
    population.run(X, targets, update=2)
    population.save(tmp_path / "it.safetensors")
    loaded = pylstm.Population.load(tmp_path / "it.safetensors")
    assert loaded.optimizer == population.optimizer
    assert_same_population(loaded, population)
    assert_same_bits(loaded.run(X, targets), population.run(X, targets))


def test_another_optimizer_keeps_what_is_of_its_class(rng):
    """As of single nets: moments and updates stay within a class, and start afresh with another."""
    before = [pylstm.Adam(0.01, schedule=pylstm.Decay(0.9)) for _ in range(N)]
    population, nets = build(NETS["default"], before)
    X, targets = random_tasks(NETS["default"], N, 10, rng, "dense")
    for optimizer in (
        pylstm.Adam(0.02, 0.5), pylstm.RMSprop(0.01, schedule=falling), pylstm.SGD(0.01, 0.5),
        pylstm.SGD(0.01), pylstm.SGD(0.01, 0.9), pylstm.ObGD(),
    ):  # fmt: skip
        population.optimizer = optimizer
        population.run(X, targets)
        for k, net in enumerate(nets):
            net.optimizer = optimizer
            net.run(X[k], targets[k])
        assert_nets_agree(population, nets, "float64")


def test_a_schedule_is_asked_as_one_network_asks_it():
    asked = []

    def schedule(k):
        asked.append(k)
        return 1.0

    population = pylstm.Population(3, 1, 1, 2, optimizer=pylstm.SGD(0.1, schedule=schedule))
    population.run(np.ones((4, 1)), np.ones((4, 1)), update=2)
    assert asked == [0, 1, 2]
    population.step([1.0], [1.0], nets=[1])
    assert asked == [0, 1, 2, 2]


def test_what_is_refused_changes_nothing(rng):
    population, _ = build(NETS["default"], [pylstm.RMSprop(schedule=falling)] * N)
    X, targets = random_tasks(NETS["default"], N, 3, rng, "dense")
    population.run(X, targets)
    population.step(X[:, 0])
    mixed = [pylstm.RMSprop()] * (N - 1) + [pylstm.Adam()]
    with pytest.raises(ValueError, match="Adam and RMSprop, wanted all of one class"):
        population.optimizer = mixed
    net = population[0]
    net.optimizer = pylstm.Adam()
    before = population.copy()
    with pytest.raises(ValueError, match="one class"):
        population[1] = net
    population.optimizer = [pylstm.RMSprop()] * 3 + [pylstm.RMSprop(schedule=lambda k: -1)] * 2
    for call in (
        lambda: population.learn(targets[:, 0]), lambda: population.update(),
        lambda: population.run(X, targets), lambda: population.step(X[:, 0], targets[:, 0]),
        lambda: population.learn_from(targets[:, 0]),
        lambda: population.run_sequences(X, targets),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"schedule\(3\) is -1"):
            call()
    assert_same_population(population, before)
    population.update(nets=[0, 1, 2])


def test_a_net_that_diverges_comes_back_without_moments(dtype):
    population = pylstm.Population(2, 1, 1, 2, dtype=dtype, optimizer=pylstm.SGD(0.01, 0.9))
    X = np.ones((2, 4, 1))
    population.run(X, X)
    weights = population.parameters
    population.run(X, np.stack([X[0], X[1] * np.finfo(dtype).max / 2]))
    assert population.diverged.tolist() == [False, True]
    population.set_parameters({name: values[1:] for name, values in weights.items()}, nets=[1])
    population.reset()
    assert not population.diverged.any()
    velocity = population._progress()["first_moment"][0]
    assert (velocity[:, 1] == 0).all()
    assert (velocity[:, 0] != 0).any()
