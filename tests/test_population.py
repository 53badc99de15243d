"""A population: every net is the single LSTM it would be alone, whatever its neighbours do."""

import copy
import pickle

import numpy as np
import pytest
from nets import (
    NETS,
    assert_close,
    assert_same_bits,
    get_parameters,
    random_task,
)
from oracle import Architecture, Learner

import pylstm

RTOL = {"float32": 1e-5, "float64": 1e-12}
#: Errors of float32 add up over the steps of a test.
GROWTH = {"float32": 30, "float64": 100}


def build(architecture, n_nets, dtype="float64", momentum=0.0, **keywords):
    """A population with weights that are not neutral, rates all different, and its single nets."""
    optimizers = [
        pylstm.SGD(0.02 + 0.08 * k / n_nets, momentum=momentum * (1 - k % 3 / 4))
        for k in range(n_nets)
    ]
    keywords = {"init_range": 0.5, "seed": 11} | keywords
    population = pylstm.Population(
        n_nets, **architecture.keywords(), dtype=dtype, optimizer=optimizers, **keywords
    )
    return population, singles(population, optimizers)


def singles(population, optimizers):
    """Fresh LSTMs with the weights and optimizers of the population, built without `pop[k]`."""
    config = population._config()
    nets = [pylstm.LSTM(**config, optimizer=optimizer) for optimizer in optimizers]
    for name, values in population.parameters.items():
        for net, value in zip(nets, values, strict=True):
            net.parameters[name][...] = value
    return nets


def random_tasks(architecture, n_nets, n_steps, rng, presence="sparse"):
    """X (n_nets, n_steps, n_inputs) and targets (n_nets, n_steps, n_outputs), partly NaN."""
    tasks = [random_task(architecture, n_steps, rng, presence) for _ in range(n_nets)]
    return tuple(np.stack(arrays) for arrays in zip(*tasks, strict=True))


def has_target(targets):
    return ~np.isnan(targets).any(axis=-1)


def stacked(nets, attribute):
    parts = [getattr(net, attribute) for net in nets]
    return {name: np.stack([part[name] for part in parts]) for name in parts[0]}


def assert_nets_agree(population, nets, dtype):
    """Parameters and state, net by net."""
    tolerance = RTOL[dtype] * GROWTH[dtype]
    parameters, state = population.parameters, population.state
    for k, net in enumerate(nets):
        mine = {name: values[k] for name, values in parameters.items()}
        assert_close(mine, get_parameters(net), tolerance, floor=1e-2)
        assert set(state) == set(net.state)
        for name, values in net.state.items():
            np.testing.assert_allclose(state[name][k], values, rtol=tolerance, atol=tolerance)


def assert_same_population(actual, wanted):
    """All that decides the future, to the last bit; idle lanes do not."""
    for population in (actual, wanted):
        assert population._progress().keys() == actual._progress().keys()
    everything = zip(actual._progress().items(), wanted._progress().values(), strict=True)
    for (name, mine), its in everything:
        if name not in ("groups", "counts"):
            mine, its = (of_nets(buffer, len(actual)) for buffer in (mine, its))
        assert_same_bits({name: mine}, {name: its})


def of_nets(buffer, n_nets):
    """(n_nets, lines) of a buffer (groups, lines, lanes)."""
    return buffer.swapaxes(1, 2).reshape(-1, buffer.shape[1])[:n_nets]


# ---------------------------------------------------------------- every net is its single net


def test_every_net_after_every_step(combination, rng):
    """Every switch combination in float64; each net with its own sequence, half without target."""
    population, nets = build(combination, 9, momentum=rng.choice([0.0, 0.8]))
    X, targets = random_tasks(combination, 9, 5, rng)
    for t in range(5):
        Y = population.step(X[:, t], targets[:, t])
        wanted = [net.step(X[k, t], targets[k, t]) for k, net in enumerate(nets)]
        np.testing.assert_allclose(Y, wanted, rtol=1e-10, atol=1e-12)
        assert_nets_agree(population, nets, "float64")


@pytest.mark.parametrize("n_nets", [1, 3, 16, 17, 33])
@pytest.mark.parametrize("update", ["step", "sequence", 3])
def test_run(architecture, dtype, n_nets, update, rng):
    population, nets = build(architecture, n_nets, dtype, momentum=0.6 if n_nets == 3 else 0)
    X, targets = random_tasks(architecture, n_nets, 25, rng)
    for part in (slice(0, 11), slice(11, 25)):
        Y = population.run(X[:, part], targets[:, part], update=update)
        wanted = [net.run(X[k, part], targets[k, part], update) for k, net in enumerate(nets)]
        np.testing.assert_allclose(Y, wanted, rtol=GROWTH[dtype] * RTOL[dtype], atol=1e-5)
        assert_nets_agree(population, nets, dtype)
    assert not population.diverged.any()


@pytest.mark.parametrize(("dtype", "n_steps"), [("float32", 20), ("float64", 80)])
def test_dense_run(architecture, dtype, n_steps, rng):
    """The path without masks; in float64 longer than any chunk of steps."""
    population, nets = build(architecture, 16, dtype)
    X, targets = random_tasks(architecture, 16, n_steps, rng, "dense")
    Y = population.run(X, targets)
    wanted = [net.run(X[k], targets[k]) for k, net in enumerate(nets)]
    np.testing.assert_allclose(Y, wanted, rtol=1e-3 if dtype == "float32" else 1e-6, atol=1e-5)


@pytest.mark.parametrize(("update_every", "momentum"), [(1, 0.0), (1, 0.8), (4, 0.8)])
def test_against_the_oracle(architecture, momentum, update_every, rng):
    population, _ = build(architecture, 3, momentum=momentum)
    learners = [
        Learner(
            architecture,
            {name: values[k] for name, values in population.parameters.items()},
            optimizer.learning_rate,
            optimizer.momentum,
        )
        for k, optimizer in enumerate(population.optimizer)
    ]
    X, targets = random_tasks(architecture, 3, 9, rng)
    for t in range(9):
        Y = population.step(X[:, t])
        losses = population.learn(targets[:, t], update=update_every == 1)
        for k, learner in enumerate(learners):
            np.testing.assert_allclose(Y[k], learner.step(X[k, t]), rtol=1e-10)
            if has_target(targets[k, t]):
                assert losses[k] == pytest.approx(learner.learn(targets[k, t]), rel=1e-9)
            else:
                assert np.isnan(losses[k])
            if t % update_every == 0:
                learner.update()
        if update_every > 1 and t % update_every == 0:
            population.update()
        for k, learner in enumerate(learners):
            mine = {name: values[k] for name, values in population.parameters.items()}
            assert_close(mine, learner.parameters, 1e-10)


# ---------------------------------------------------------------- the verbs


def test_verbs(architecture, dtype, rng):
    """learn, learn_from, update, reset and predict do what they do to single nets."""
    population, nets = build(architecture, 5, dtype, momentum=0.5)
    X, targets = random_tasks(architecture, 5, 12, rng, "dense")
    dy = rng.normal(size=(5, 12, architecture.n_outputs))
    for t in range(12):
        predicted = population.predict(X[:, t])
        np.testing.assert_array_equal(population.step(X[:, t]), predicted)
        losses = population.learn(targets[:, t], update=False)
        population.learn_from(dy[:, t], update=t % 5 == 4)
        for k, net in enumerate(nets):
            net.step(X[k, t])
            loss = net.learn(targets[k, t], update=False)
            assert losses[k] == pytest.approx(loss, rel=10 * GROWTH[dtype] * RTOL[dtype])
            net.learn_from(dy[k, t], update=t % 5 == 4)
        if t == 7:
            population.reset(nets=[1, 3])
            for k in (1, 3):
                nets[k].reset()
        if t == 9:
            population.update()
            for net in nets:
                net.update()
        assert_nets_agree(population, nets, dtype)
    np.testing.assert_array_equal(population.n_steps, [net.n_steps for net in nets])


def test_shared_input(dtype, rng):
    architecture = NETS["default"]
    X, targets = random_task(architecture, 20, rng)
    one, other = (build(architecture, 17, dtype)[0] for _ in range(2))
    repeated = [np.repeat(values[None], 17, axis=0) for values in (X, targets)]
    assert_same_bits(one.run(X, targets), other.run(*repeated))
    assert_same_bits(one.step(X[0], targets[-1]), other.step(repeated[0][:, 0], repeated[1][:, -1]))
    assert_same_bits(one.predict(X[1]), other.predict(repeated[0][:, 1]))
    assert_same_population(one, other)


@pytest.mark.parametrize("update", ["step", "sequence", 1, 3])
@pytest.mark.parametrize("presence", ["dense", "sparse"])
@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_run_is_the_loop_of_steps(architecture, dtype, update, presence, momentum, rng):
    together, apart = (build(architecture, 17, dtype, momentum)[0] for _ in range(2))
    X, targets = random_tasks(architecture, 17, 80, rng, presence)
    Y = together.run(X, targets, update=update)
    looped = []
    for t in range(80):
        looped.append(apart.step(X[:, t], targets[:, t] if update in ("step", 1) else None))
        if update not in ("step", 1):
            apart.learn(targets[:, t], update=False)
        if update == 3 and t % 3 == 2:
            apart.update()
    if update == "sequence":
        apart.update()
    assert_same_bits(Y, np.stack(looped, axis=1))
    assert_same_bits(together.run(X), apart.run(X))
    assert_same_bits(together.parameters, apart.parameters)
    assert_same_bits(together.run(X, targets), apart.run(X, targets))
    assert_same_bits(together.parameters, apart.parameters)


def test_company_changes_no_bit(architecture, dtype, rng):
    """A net alone, and the same net among others that do something else."""
    crowd, _ = build(architecture, 20, dtype, momentum=0)
    alone = pylstm.Population.from_nets([crowd[6]])
    X, targets = random_tasks(architecture, 20, 30, rng)
    for part, update in ((slice(0, 10), "step"), (slice(10, 21), 4), (slice(21, 30), "sequence")):
        Y = crowd.run(X[:, part], targets[:, part], update=update)
        crowd.run(X[:3], targets[:3], nets=[0, 5, 7])
        crowd.step(X[:1, 0], nets=[19])
        assert_same_bits(Y[6:7], alone.run(X[6:7, part], targets[6:7, part], update=update))
        assert_same_bits({k: v[6:7] for k, v in crowd.parameters.items()}, alone.parameters)


def test_an_error_can_be_added_to_while_a_neighbour_updates(architecture, dtype, rng):
    """Net 0 is due at the third step, net 1 is not and gets more error for that step."""
    pair, _ = build(architecture, 2, dtype)
    alone = pylstm.Population.from_nets([pair[1]])
    X, targets = random_tasks(architecture, 2, 3, rng, "dense")
    pair.step(X[:1, 0], nets=[0])
    pair.run(X, targets, update=4)
    pair.learn(targets[1:, 0], nets=[1])
    alone.run(X[1:], targets[1:], update=4)
    alone.learn(targets[1:, 0])
    assert_same_bits({k: v[1:] for k, v in pair.parameters.items()}, alone.parameters)


# ---------------------------------------------------------------- only some nets


@pytest.mark.parametrize("momentum", [0.0, 0.7])
def test_chosen_nets_advance_and_the_others_keep_every_bit(architecture, dtype, momentum, rng):
    population, nets = build(architecture, 33, dtype, momentum)
    X, targets = random_tasks(architecture, 33, 12, rng, "dense")
    population.run(X, targets)
    population.step(X[:, 0])
    population.learn(targets[:, -1], update=False)
    for k, net in enumerate(nets):
        net.run(X[k], targets[k])
        net.step(X[k, 0])
        net.learn(targets[k, -1], update=False)
    before = population.copy()
    chosen = np.array([20, 3, 32, 4])
    others = np.setdiff1d(np.arange(33), chosen)
    calls = [
        lambda p, at: p.run(X[at], targets[at], nets=at),
        lambda p, at: p.run(X[at], targets[at], update=5, nets=at),
        lambda p, at: p.step(X[at, 0], nets=at),
        lambda p, at: p.predict(X[at, 1], nets=at),
        lambda p, at: p.learn(targets[at, 0], update=False, nets=at),
        lambda p, at: p.learn_from(targets[at, 0], nets=at),
        lambda p, at: p.update(nets=at),
        lambda p, at: p.reset(nets=at),
    ]
    for call in calls:
        call(population, chosen)
        everything = zip(before._progress().items(), population._progress().values(), strict=True)
        for (name, was), now in everything:
            if name not in ("groups", "counts"):
                was, now = (of_nets(buffer, 33)[others].tobytes() for buffer in (was, now))
                assert was == now, name
    for k in chosen:
        nets[k].run(X[k], targets[k])
        nets[k].run(X[k], targets[k], update=5)
        nets[k].step(X[k, 0])
        nets[k].learn(targets[k, 0], update=False)
        nets[k].learn_from(targets[k, 0])
        nets[k].update()
        nets[k].reset()
    tolerance = 1e-3 if dtype == "float32" else 1e-9
    for k, net in enumerate(nets):
        mine = {name: values[k] for name, values in population.parameters.items()}
        assert_close(mine, get_parameters(net), tolerance, floor=1e-2)


def test_mask_and_indices_say_the_same(rng):
    architecture = NETS["default"]
    X, targets = random_tasks(architecture, 5, 9, rng)
    mask = np.zeros(17, bool)
    mask[[2, 3, 8, 15, 16]] = True
    by_mask, by_index, reordered = (build(architecture, 17)[0] for _ in range(3))
    Y = by_mask.run(X, targets, nets=mask)
    assert_same_bits(Y, by_index.run(X, targets, nets=[2, 3, 8, -2, 16]))
    order = [4, 2, 0, 1, 3]
    moved = reordered.run(X[order], targets[order], nets=np.array([2, 3, 8, 15, 16])[order])
    assert_same_bits(moved, Y[order])
    for other in (by_index, reordered):
        assert_same_population(by_mask, other)


def test_no_net_at_all():
    population, _ = build(NETS["default"], 3)
    before = population.copy()
    assert population.step(np.zeros((0, 3)), nets=[]).shape == (0, 2)
    assert population.run(np.zeros((0, 4, 3)), nets=np.zeros(3, bool)).shape == (0, 4, 2)
    assert population.run(np.zeros((3, 0, 3))).shape == (3, 0, 2)
    assert_same_population(population, before)


# ---------------------------------------------------------------- divergence


@pytest.mark.parametrize("updates", ["step", "sequence"])
def test_divergence_is_a_private_matter(dtype, updates, rng):
    """Three of 20 nets have a rate that blows them up; the others keep their bits."""
    architecture = Architecture(cell_output="identity", forget_gate=False)
    X, targets = random_tasks(architecture, 20, 60, rng, "dense")
    rates = np.full(20, 0.01)
    bad = [0, 7, 18]
    healthy = pylstm.Population(20, **architecture.keywords(), dtype=dtype)
    rates[bad] = np.sqrt(np.finfo(dtype).max)
    ill = pylstm.Population(
        20, **architecture.keywords(), dtype=dtype, optimizer=[pylstm.SGD(rate) for rate in rates]
    )
    well = np.setdiff1d(np.arange(20), bad)
    for _ in range(3):
        Y, wanted = ill.run(X, targets, updates), healthy.run(X, targets, updates)
        assert_same_bits(Y[well], wanted[well])
    assert np.flatnonzero(ill.diverged).tolist() == bad
    assert not healthy.diverged.any()
    assert np.isnan(Y[bad]).all()
    assert np.isnan(ill.step(X[:, 0])[bad]).all()
    assert np.isnan(ill.predict(X[:, 0])[bad]).all()
    assert np.isnan(ill.learn(targets[:, 0])[bad]).all()
    healthy.step(X[:, 0])
    healthy.learn(targets[:, 0])
    assert_same_bits(*({k: v[well] for k, v in p.parameters.items()} for p in (ill, healthy)))
    ill.reset()
    assert np.flatnonzero(ill.diverged).tolist() == bad
    ill.set_parameters({name: values[bad] for name, values in healthy.parameters.items()}, nets=bad)
    ill.optimizer = healthy.optimizer
    ill.reset()
    healthy.reset()
    assert not ill.diverged.any()
    assert_same_bits(ill.run(X, targets), healthy.run(X, targets))


def test_outputs_are_nan_from_the_step_that_diverged(dtype, rng):
    architecture = Architecture()
    run, loop = (build(architecture, 3, dtype)[0] for _ in range(2))
    largest = float(np.finfo(dtype).max)
    X = rng.uniform(-1, 1, (3, 10, 3))
    for population in (run, loop):
        output = np.copy(population.parameters["output"][1])
        output[...] = largest
        population.set_parameters({"output": output[None]}, nets=[1])
    Y = run.run(X)
    assert_same_bits(Y, np.stack([loop.step(X[:, t]) for t in range(10)], axis=1))
    nan = np.isnan(Y[1]).any(axis=1)
    assert nan[-1]
    assert (np.diff(nan.astype(int)) >= 0).all()
    assert np.isfinite(Y[[0, 2]]).all()
    assert run.diverged.tolist() == loop.diverged.tolist() == [False, True, False]


def in_a_loop(population, X, targets, update, nets, counts):
    """What `run` does, step by step; counts: steps of each net since its last update."""
    Y, nets = [], np.arange(len(population)) if nets is None else np.array(nets)
    for t in range(X.shape[1]):
        if update == "step":
            Y.append(population.step(X[:, t], targets[:, t], nets=nets))
            continue
        Y.append(population.step(X[:, t], nets=nets))
        population.learn(targets[:, t], update=False, nets=nets)
        counts[nets] = np.where(np.isnan(Y[-1]).any(axis=1), 0, counts[nets] + 1)
        if update != "sequence":
            due = nets[counts[nets] >= update]
            population.update(nets=due)
            counts[due] = 0
    if update == "sequence":
        population.update(nets=nets)
    return np.stack(Y, axis=1)


@pytest.mark.parametrize("nets", [None, [2, 1]])
@pytest.mark.parametrize("update", ["step", 3, "sequence"])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("presence", ["dense", "sparse"])
def test_a_run_that_diverges_equals_the_loop(dtype, presence, momentum, update, nets):
    """Outputs, weights, counts and who has diverged, bit for bit; and what comes after a reset."""
    n_diverged = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        run = pylstm.Population(3, 1, 1, 1, dtype=dtype, optimizer=pylstm.SGD(0.05, momentum))
        loop, counts = run.copy(), np.zeros(3, int)
        for _ in range(2):
            n_steps = int(rng.integers(2, 9))
            exponent = rng.integers(30, 38) if dtype == "float32" else rng.integers(150, 308)
            X = rng.normal(size=(3, n_steps, 1))
            targets = rng.normal(size=(3, n_steps, 1))
            targets[1, rng.integers(n_steps)] *= 10.0**exponent
            if presence == "sparse":
                targets[rng.random((3, n_steps)) < 0.4] = np.nan
            X, targets = (A if nets is None else A[nets] for A in (X, targets))
            Y = run.run(X, targets, update, nets=nets)
            assert_same_bits(Y, in_a_loop(loop, X, targets, update, nets, counts))
            assert_same_bits(run.parameters, loop.parameters)
            assert run.n_steps.tolist() == loop.n_steps.tolist()
            assert run.diverged.tolist() == loop.diverged.tolist()
            n_diverged += run.diverged.sum()
            run.reset()
            loop.reset()
            assert run.diverged.tolist() == loop.diverged.tolist()
    assert n_diverged > 10


# ---------------------------------------------------------------- single nets in and out


def after_run(net, X, targets):
    net.run(X, targets)


def in_the_middle(net, X, targets):
    net.run(X, targets, update=4)
    net.run(X[..., :2, :], targets[..., -2:, :], update=4)


def collected(net, X, targets):
    net.run(X, targets)
    net.step(X[..., 0, :])
    net.learn(targets[..., -1, :], update=False)


MOMENTS = [after_run, in_the_middle, collected]


@pytest.mark.parametrize("moment", MOMENTS)
def test_nets_taken_out_and_put_in_go_on(architecture, dtype, moment, rng):
    population, nets = build(architecture, 4, dtype, momentum=0.5)
    X, targets = random_tasks(architecture, 4, 11, rng)
    targets[:, -1] = np.nan_to_num(targets[:, -1], nan=0.5)
    moment(population, X, targets)
    for k, net in enumerate(nets):
        moment(net, X[k], targets[k])
    spare = population.copy()
    taken = [population[k] for k in range(4)]
    assert_same_population(population, spare)
    assembled = pylstm.Population.from_nets(nets)
    swapped = population.copy()
    for k, net in enumerate(taken):
        swapped[k] = net
    for update in (4, "step"):
        for group in (population, assembled, swapped):
            group.run(X, targets, update=update)
        for k in range(4):
            nets[k].run(X[k], targets[k], update=update)
            taken[k].run(X[k], targets[k], update=update)
        for group in (population, assembled, swapped):
            assert_nets_agree(group, nets, dtype)
        assert_nets_agree(population, taken, dtype)
    np.testing.assert_array_equal(assembled.n_steps, [net.n_steps for net in nets])
    assert [net.n_steps for net in taken] == [net.n_steps for net in nets]
    assert population[-1].optimizer == nets[3].optimizer


def test_a_net_taken_out_is_independent():
    population, _ = build(NETS["default"], 3)
    before = population.copy()
    net = population[1]
    for values in net.parameters.values():
        values[...] = 7
    assert_same_population(population, before)
    population[2] = net
    assert (population.parameters["output"][2] == 7).all()
    net.parameters["output"][...] = 0
    assert (population.parameters["output"][2] == 7).all()


def test_a_diverged_net_is_replaced(rng):
    population, _ = build(NETS["default"], 3)
    population.set_parameters({"output": np.finfo(float).max}, nets=[1])
    X = rng.uniform(-1, 1, (20, 3))
    population.run(X * 30)
    assert population.diverged.tolist() == [False, True, False]
    population[1] = population[0]
    assert not population.diverged.any()
    Y = population.run(X)
    assert_same_bits(Y[0], Y[1])


# ---------------------------------------------------------------- building, weights, copies


def test_seeds_are_those_of_single_nets(dtype):
    def weights(k, init_range=0.1):
        return pylstm.LSTM(
            2,
            1,
            3,
            dtype=dtype,
            seed=k,
            init_range=init_range,
            bias_init={"input_gate": [-1, 0, 1]},
        ).parameters

    switches = {"dtype": dtype, "bias_init": {"input_gate": [-1, 0, 1]}}
    counted = pylstm.Population(3, 2, 1, 3, seed=5, **switches)
    listed = pylstm.Population(
        3, 2, 1, 3, seed=[5, np.random.default_rng(9), 2], init_range=[0.1, 0.2, 0.3], **switches
    )
    for k in range(3):
        assert_same_bits({n: v[k] for n, v in counted.parameters.items()}, dict(weights(5 + k)))
    for k, (seed, init_range) in enumerate([(5, 0.1), (9, 0.2), (2, 0.3)]):
        mine = {name: values[k] for name, values in listed.parameters.items()}
        assert_same_bits(mine, dict(weights(seed, init_range)))


def test_parameters_refuse_to_be_written_to():
    population, _ = build(NETS["default"], 3)
    with pytest.raises(ValueError, match="read-only"):
        population.parameters["output"][0] = 1


def test_what_it_is():
    population, nets = build(NETS["everything"], 18)
    assert len(population) == population.n_nets == 18
    assert population.sources == nets[0].sources
    assert population.n_parameters == nets[0].n_parameters
    assert population.n_cells == nets[0].n_cells
    assert "18 LSTM" in repr(population)
    assert population.optimizer == tuple(net.optimizer for net in nets)
    population.optimizer = pylstm.SGD(0.5)
    assert population.optimizer == (pylstm.SGD(0.5),) * 18
    assert_same_bits(population.state, stacked(nets, "state"))


COPIERS = {
    "copy": lambda population: population.copy(),
    "deepcopy": copy.deepcopy,
    "pickle": lambda population: pickle.loads(pickle.dumps(population)),
}


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("copier", COPIERS.values(), ids=COPIERS)
def test_copies_resume_to_the_last_bit(architecture, dtype, moment, copier, rng):
    original, _ = build(architecture, 17, dtype, momentum=0.5)
    X, targets = random_tasks(architecture, 17, 11, rng)
    targets[:, -1] = np.nan_to_num(targets[:, -1], nan=0.5)
    moment(original, X, targets)
    duplicate = copier(original)
    assert_same_population(original, duplicate)
    if moment is collected:
        assert_same_bits(*(p.learn(targets[:, -1]) for p in (original, duplicate)))
    for update in (5, "step", "sequence"):
        assert_same_bits(*(p.run(X, targets, update) for p in (original, duplicate)))
        assert_same_population(original, duplicate)
    duplicate.reset()
    assert (original.state["cell_state"] != 0).all()


# ---------------------------------------------------------------- bad input


N = 4
CALLS = [
    (ValueError, lambda p: p.step(np.zeros((3, 3))), [r"\(3, 3\)", r"\(4, 3\)", r"\(3,\)"]),
    (ValueError, lambda p: p.step(np.zeros(4)), [r"\(4,\)", r"\(3,\)"]),
    (ValueError, lambda p: p.step(np.full((N, 3), np.nan)), ["X", "nan", "finite"]),
    (ValueError, lambda p: p.step(np.zeros(3), [np.inf, 0]), ["targets", "inf", "finite"]),
    (ValueError, lambda p: p.step(np.zeros(3), [np.nan, 0]), ["targets", "partly NaN"]),
    (ValueError, lambda p: p.step(np.zeros(3), np.zeros((N, 3))), ["targets", r"\(4, 2\)"]),
    (TypeError, lambda p: p.step(["a", "b", "c"]), ["X", "<U1"]),
    (ValueError, lambda p: p.run(np.zeros(3)), ["X", r"\(3,\)", r"\(4, n_steps, 3\)"]),
    (ValueError, lambda p: p.run(np.zeros((5, 3)), np.zeros((4, 2))), ["targets", r"\(5, 2\)"]),
    (ValueError, lambda p: p.run(np.zeros((5, 3)), update="never"), ["update", "never"]),
    (ValueError, lambda p: p.run(np.zeros((5, 3)), update=0), ["update", "0"]),
    (IndexError, lambda p: p.step(np.zeros(3), nets=[4]), ["nets", "4"]),
    (IndexError, lambda p: p.step(np.zeros(3), nets=[-5]), ["nets", "-5"]),
    (ValueError, lambda p: p.step(np.zeros(3), nets=[1, -3]), ["nets", "1 twice", "once"]),
    (ValueError, lambda p: p.step(np.zeros(3), nets=[True, False]), ["mask", r"\(2,\)", r"\(4,\)"]),
    (TypeError, lambda p: p.step(np.zeros(3), nets=[1.5]), ["nets", "float64", "indices"]),
    (TypeError, lambda p: p.step(np.zeros(3), nets=2), ["nets", "indices"]),
    (ValueError, lambda p: p.learn(np.zeros((3, 2))), ["targets", r"\(3, 2\)"]),
    (ValueError, lambda p: p.learn_from([np.nan, 0]), ["dy", "nan"]),
    (TypeError, lambda p: p["a"], ["'a'", "index"]),
    (IndexError, lambda p: p[4], ["4"]),
    (TypeError, lambda p: p.__setitem__(0, "net"), ["'net'", "LSTM"]),
    (ValueError, lambda p: p.__setitem__(0, pylstm.LSTM(3, 2, 5)), ["n_blocks=5", "2"]),
    (TypeError, lambda p: setattr(p, "optimizer", 0.1), ["0.1", "SGD"]),
    (ValueError, lambda p: setattr(p, "optimizer", [pylstm.SGD(0.1)]), ["1", "4 nets"]),
    (ValueError, lambda p: p.set_parameters({"memory": 0}), ["memory", "'output'"]),
    (ValueError, lambda p: p.set_parameters({"output": np.zeros((4, 2, 9))}), [r"\(4, 2, 9\)"]),
    (ValueError, lambda p: p.set_parameters({"output": np.nan}), ["output", "finite"]),
    (TypeError, lambda p: p.set_parameters({"output": "a"}), ["output", "<U1"]),
]  # fmt: skip


@pytest.mark.parametrize(("error", "call", "words"), CALLS)
def test_bad_calls_change_nothing(error, call, words, rng):
    population, _ = build(NETS["default"], N, "float32")
    population.step(rng.normal(size=(N, 3)))
    before = population.copy()
    with pytest.raises(error) as caught:
        call(population)
    for word in words:
        assert caught.match(word)
    assert "\n" not in str(caught.value)
    assert_same_population(population, before)


CONSTRUCTIONS = [
    (ValueError, {"n_nets": 0}, ["n_nets", "0"]),
    (ValueError, {"n_nets": 2.5}, ["n_nets", "2.5"]),
    (ValueError, {"n_inputs": 0}, ["n_inputs", "0"]),
    (ValueError, {"init_range": [0.1, 0.2]}, ["init_range", "2", "4 nets"]),
    (ValueError, {"init_range": -1}, ["init_range", "-1"]),
    (ValueError, {"seed": [1, 2]}, ["seed", "2", "4 nets"]),
    (TypeError, {"seed": "abcd"}, ["seed"]),
    (TypeError, {"seed": np.random.default_rng()}, ["seed", "Generator"]),
    (TypeError, {"optimizer": "sgd"}, ["optimizer", "sgd", "SGD"]),
    (TypeError, {"memory_gate": True}, ["memory_gate"]),
    (ValueError, {"bias_init": {"memory": 1.0}}, ["bias_init", "memory"]),
]


@pytest.mark.parametrize(("error", "arguments", "words"), CONSTRUCTIONS)
def test_bad_constructions(error, arguments, words):
    sizes = {"n_nets": N, "n_inputs": 3, "n_outputs": 2, "n_blocks": 2}
    with pytest.raises(error) as caught:
        pylstm.Population(**(sizes | arguments))
    for word in words:
        assert caught.match(word)


def test_learning_without_a_step_is_refused():
    population, _ = build(NETS["default"], N)
    population.step(np.zeros((2, 3)), nets=[0, 3])
    with pytest.raises(RuntimeError, match=r"nets \[1, 2\] have no step to learn from"):
        population.learn([0.0, 0.0])
    population.learn([0.0, 0.0], nets=[0])
    with pytest.raises(RuntimeError, match=r"nets \[0\]"):
        population.learn_from(np.zeros((2, 2)), nets=[0, 3])
    population.learn([0.0, 0.0], nets=[3])


def test_inputs_of_any_memory_order(rng):
    architecture = NETS["default"]
    X, targets = random_tasks(architecture, 5, 8, rng, "dense")
    one, other = (build(architecture, 5, "float32")[0] for _ in range(2))
    wanted = one.run(np.float32(X), np.float32(targets))
    strided = np.repeat(X, 2, axis=2)[:, :, ::2]
    strided.flags.writeable = False
    assert_same_bits(wanted, other.run(strided, np.asfortranarray(targets)))


def test_saved_populations_that_do_not_fit_are_refused():
    state = build(NETS["default"], 3)[0].__getstate__()
    blank = pylstm.Population.__new__(pylstm.Population)
    with pytest.raises(ValueError, match="format"):
        blank.__setstate__(state | {"format": 0})
    with pytest.raises(ValueError, match="traces"):
        blank.__setstate__(state | {"traces": np.zeros(3)})
    with pytest.raises(RuntimeError, match="never initialised"):
        pylstm.Population.__new__(pylstm.Population).step([1.0])
