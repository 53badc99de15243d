"""The states of progress csrc/network/progress.c lists: ways between them, and contradictions."""

import pickle

import numpy as np
import pytest
from nets import NETS, assert_close, assert_same_bits, build, get_parameters, random_task

import pylstm
from pylstm import _core


@pytest.fixture(params=["small", "large", "lazy"])
def regime(request):
    """Of networks with one cell a block, as they are laid out and written."""
    before = _core.choose_large_from({"small": 1 << 60, "large": 1 << 10, "lazy": 0}[request.param])
    yield request.param
    _core.choose_large_from(before)


def used_up(net, how):
    """Bring a record to its end, its last step still learnable; the weights stay."""
    own = net.optimizer
    net.learn_from(np.ones(net.n_outputs), trace=0.5)
    if how == "reinforce":
        net.optimizer = pylstm.SGD(0.0)
        net.reinforce(0.3)
        net.optimizer = own


AFTER = {
    "learn, step, update": ("learn", "step", "update"),
    "learn, update": ("learn", "update"),
    "learn with update, step": ("learn with update", "step"),
    "learn twice, steps, update": ("learn", "learn", "step", "step", "learn", "update"),
    "learn, reset, update": ("learn", "reset", "step", "update"),
    "learn, run": ("learn", "run"),
}


@pytest.mark.parametrize("n_before", [1, 3, 9])
@pytest.mark.parametrize("how", ["trace", "reinforce"])
@pytest.mark.parametrize("calls", list(AFTER))
@pytest.mark.parametrize("name", ["default", "2001", "everything", "no_gates"])
def test_errors_after_the_record_is_used_up(name, calls, how, n_before, regime, rng):
    """As without the trace, which changes no weight here."""
    architecture = NETS[name]
    net, twin = (build(architecture, learning_rate=0.3) for _ in range(2))
    X, targets = random_task(architecture, 20, rng, "dense")
    for x in X[:n_before]:
        for each in (net, twin):
            each.step(x)
    used_up(net, how)
    for k, call in enumerate(AFTER[calls], start=n_before):
        for each in (net, twin):
            each.copy()  # refuses what contradicts itself
            match call:
                case "learn":
                    each.learn(targets[k], update=False)
                case "learn with update":
                    each.learn(targets[k])
                case "step":
                    each.step(X[k])
                case "run":
                    each.run(X[k:], targets[k:], update=3)
                case _:
                    getattr(each, call)()
    assert_close(get_parameters(net), get_parameters(twin), 1e-9)
    for key, values in twin.state.items():
        np.testing.assert_allclose(net.state[key], values, rtol=1e-9, atol=1e-12)


def test_views_held_change_no_bits(rng):
    """A lazy network whose weights somebody holds: in one run, or cut, or step by step."""
    before = _core.choose_large_from(0)
    nets = [build(NETS["default"], "float32", learning_rate=0.1) for _ in range(3)]
    _core.choose_large_from(before)
    X, targets = random_task(NETS["default"], 40, rng, "dense")
    held = [net.parameters for net in nets]
    nets[0].run(X, targets)
    for part in (slice(0, 13), slice(13, 40)):
        nets[1].run(X[part], targets[part])
    for x, target in zip(X, targets, strict=True):
        nets[2].step(x, target)
    for other in held[1:]:
        assert_same_bits(dict(other), dict(held[0]))


def made(gradient="truncated", **keywords):
    """A network with steps, an error, and a gradient collected."""
    net = pylstm.LSTM(2, 1, 3, gradient=gradient, **keywords)
    for _ in range(3):
        net.step([0.1, 0.2])
    net.learn([0.3], update=False)
    return net


CONTRADICTIONS = {
    "n_absorbed": ("truncated", {"n_absorbed": 1}),
    "n_absorbed below 0": ("truncated", {"n_absorbed": -1}),
    "n_waiting": ("truncated", {"n_waiting": 1}),
    "more waiting than steps": ("bptt", {"n_waiting": 4}),
    "n_pending below 0": ("truncated", {"n_pending": -1}),
    "n_pending": ("truncated", {"n_pending": 2}),
    "closed of bptt": ("bptt", {"closed": 1}),
    "flag": ("truncated", {"learnable": 2}),
    "errors": ("truncated", {"has_errors": 0}),
    "n_collect": ("truncated", {"n_collect": -1}),
    "n_steps": ("truncated", {"n_steps": -1}),
    "n_updates": ("truncated", {"n_updates": -1}),
    "output_error": ("truncated", {"output_error": -1.0}),
    "output_error nan": ("truncated", {"output_error": float("nan")}),
    "all_live": ("truncated", {"all_live": 3}),
}


@pytest.mark.parametrize("case", list(CONTRADICTIONS))
def test_what_contradicts_itself_is_refused(case):
    gradient, changes = CONTRADICTIONS[case]
    state = made(gradient).__getstate__()
    pylstm.LSTM.__new__(pylstm.LSTM).__setstate__(state)
    with pytest.raises(ValueError, match="saved"):
        pylstm.LSTM.__new__(pylstm.LSTM).__setstate__({**state, **changes})


def test_nothing_recorded_and_learnable_is_refused():
    state = pylstm.LSTM(2, 1, 3).__getstate__()
    for changes in ({"learnable": 1}, {"closed": 1}, {"has_errors": 1}):
        with pytest.raises(ValueError, match="saved"):
            pylstm.LSTM.__new__(pylstm.LSTM).__setstate__({**state, **changes})


PENDING, LEARNABLE, HAS_ERROR = range(3)  # of a group: bits, one a network


@pytest.mark.parametrize(
    ("flag", "nets"),
    [(LEARNABLE, 0b011), (PENDING, 0b1111), (LEARNABLE, 0b1111), (HAS_ERROR, 0b1000)],
)
def test_a_population_that_contradicts_itself_is_refused(flag, nets):
    """Of three networks with an error: one cannot have one; a fourth has progress."""
    population = pylstm.Population(3, 2, 1, 3)
    population.step([0.1, 0.2])
    population.learn([0.3], update=False)
    state = population.__getstate__()
    assert state["groups"][0, : HAS_ERROR + 1].tolist() == [0b111] * 3
    pylstm.Population.__new__(pylstm.Population).__setstate__(state)
    groups = state["groups"].copy()
    groups[0, flag] = nets
    with pytest.raises(ValueError, match="contradict"):
        pylstm.Population.__new__(pylstm.Population).__setstate__({**state, "groups": groups})


def test_population_update_then_error_then_step():
    """An update without an error settles the traces; an error may come after it."""
    population = pylstm.Population(3, 1, 1, 2, dtype="float64")
    nets = [population[k] for k in range(3)]
    for each in (population, *nets):
        each.step([0.5])
        each.update()
        each.learn([1.0], update=False)
        each.step([0.2])
        each.update()
    for k, net in enumerate(nets):
        mine = {name: values[k] for name, values in population.parameters.items()}
        assert_close(mine, dict(net.parameters), 1e-10)


def test_delayed_saves_the_optimizer_in_use():
    delayed = pylstm.Delayed(pylstm.LSTM(1, 1, 2, optimizer=pylstm.SGD(0.1, schedule=float)), 2)
    delayed.net.optimizer = pylstm.SGD(0.1)
    delayed.step([0.5])
    assert pickle.loads(pickle.dumps(delayed)).net.optimizer == pylstm.SGD(0.1)
