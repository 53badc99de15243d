"""Python code that runs within a call, schedules and arguments, finds what called it in use."""

import pickle

import numpy as np
import pytest

import pylstm
from pylstm.estimators import Classifier, Forecaster, Regressor


def state_of(thing):
    return pickle.dumps(thing.__getstate__())


def plain(value):
    """A state with arrays as their bytes, to be compared."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value


VERBS = {
    "step": lambda net: net.step([0.5]),
    "predict": lambda net: net.predict([0.5]),
    "learn": lambda net: net.learn([0.5]),
    "learn_from": lambda net: net.learn_from([0.5]),
    "trace": lambda net: net.learn_from([0.5], trace=0.5),
    "reinforce": lambda net: net.reinforce(0.5),
    "update": lambda net: net.update(),
    "run": lambda net: net.run([[0.5]], [[0.5]]),
    "run_sequences": lambda net: net.run_sequences([[0.5]], [[0.5]]),
    "gradient": lambda net: net.gradient([[0.5]], [[0.5]]),
    "reset": lambda net: net.reset(),
    "grow": lambda net: net.grow(n_inputs=2, n_outputs=5000),
    "copy": lambda net: net.copy(),
    "parameters": lambda net: net.parameters,
    "state": lambda net: net.state,
    "optimizer": lambda net: setattr(net, "optimizer", pylstm.SGD(1.0)),
    "init": lambda net: net.__init__(3, 3, 3),
    "setstate": lambda net: net.__setstate__(pylstm.LSTM(1, 1, 1).__getstate__()),
    "streams": lambda net: pylstm.Streams(net, 2),
}
LEARNING = ("step", "learn", "learn_from", "reinforce", "update", "run", "run_sequences")


def learning(verb, net):
    if verb == "step":
        return net.step([0.5], [0.5])
    return VERBS[verb](net)


@pytest.mark.parametrize("within", list(VERBS))
@pytest.mark.parametrize("verb", LEARNING)
def test_a_schedule_finds_its_network_in_use(verb, within):
    net = pylstm.LSTM(1, 1, 4)
    net.step([0.1], [0.2])
    net.step([0.2])
    net.learn_from([1.0], trace=0.5)
    net.optimizer = pylstm.SGD(0.1, schedule=lambda k: VERBS[within](net) and 1.0)
    before = net.__getstate__()
    with pytest.raises(RuntimeError, match="this LSTM is in use"):
        learning(verb, net)
    after = net.__getstate__()
    before.pop("optimizer"), after.pop("optimizer")  # a lambda cannot be pickled
    assert pickle.dumps(before) == pickle.dumps(after)
    net.optimizer = pylstm.SGD(0.1)
    assert np.isfinite(net.step([0.5], [0.5])).all()


class Meddling:
    """An array that calls something when it is looked at."""

    def __init__(self, call, values):
        self.call, self.values = call, values

    def __array__(self, dtype=None, copy=None):
        self.call()
        return np.array(self.values, dtype)


ARGUMENTS = {
    "x": lambda net, array: net.step(array([0.5]), [0.5]),
    "target": lambda net, array: net.step([0.5], array([0.5])),
    "learn": lambda net, array: net.learn(array([0.5])),
    "dy": lambda net, array: net.learn_from(array([0.5])),
    "X": lambda net, array: net.run(array([[0.5]]), [[0.5]]),
    "targets": lambda net, array: net.run([[0.5]], array([[0.5]])),
    "lengths": lambda net, array: net.run_sequences([[0.5], [0.1]], None, array([1, 1])),
    "predict": lambda net, array: net.predict(array([0.5])),
}


@pytest.mark.parametrize("within", ["grow", "step", "optimizer", "init", "setstate"])
@pytest.mark.parametrize("argument", list(ARGUMENTS))
def test_an_argument_finds_the_network_in_use(argument, within):
    net = pylstm.LSTM(1, 1, 4)
    net.step([0.1])
    before = state_of(net)
    with pytest.raises(RuntimeError, match="this LSTM is in use"):
        ARGUMENTS[argument](net, lambda values: Meddling(lambda: VERBS[within](net), values))
    assert state_of(net) == before


def test_streams_and_populations():
    net = pylstm.LSTM(1, 1, 2)
    streams, population = pylstm.Streams(net, 2), pylstm.Population(2, 1, 1, 2)
    for call in (
        lambda: streams.step(Meddling(lambda: net.grow(n_inputs=9), [[0.5], [0.5]])),
        lambda: streams.run([[[0.5], [0.5]]], Meddling(streams.reset, [[[0.5], [0.5]]])),
        lambda: population.step(Meddling(population.reset, [0.5])),
        lambda: population.step([0.5], Meddling(lambda: population[0], [0.5])),
        lambda: population.learn(Meddling(lambda: population.run([[0.1]]), [0.5])),
        lambda: population.step([0.5], nets=Meddling(lambda: population.__init__(9, 9, 9, 9), [0])),
    ):
        before = state_of(streams), state_of(population)
        with pytest.raises(RuntimeError, match="in use"):
            call()
        assert (state_of(streams), state_of(population)) == before


def test_delayed():
    net = pylstm.LSTM(1, 1, 2)
    delayed = pylstm.Delayed(net, 2)
    for _ in range(3):
        delayed.step([0.5])
    before = state_of(delayed)
    for call in (delayed.reset, lambda: delayed.step([0.1]), lambda: net.grow(n_inputs=3)):
        with pytest.raises(RuntimeError, match="in use"):
            delayed.learn(Meddling(call, [0.5]))
        with pytest.raises(RuntimeError, match="in use"):
            delayed.predict(Meddling(call, [0.5]))
        assert state_of(delayed) == before


class Number:
    """A feature that calls something when it is looked at."""

    def __init__(self, call):
        self.call = call

    def __float__(self):
        self.call()
        return 0.5


@pytest.mark.parametrize(
    ("make", "learn", "predict"),
    [
        (Regressor, lambda m, x: m.learn_one(x, 1.0), lambda m: m.predict_one({"a": 1})),
        (Classifier, lambda m, x: m.learn_one(x, "red"), lambda m: m.predict_one({"a": 1})),
        (Forecaster, lambda m, x: m.learn_one(1.0, x), lambda m: m.forecast(1)),
    ],
)
def test_estimators(make, learn, predict):
    model = make(n_cells=2)
    learn(model, {"a": 0.1})
    before = state_of(model)
    for call in (lambda: learn(model, {"b": 1}), lambda: predict(model), model.reset, model.copy):
        with pytest.raises(RuntimeError, match="in use"):
            learn(model, {"a": Number(call)})
        assert state_of(model) == before


@pytest.mark.parametrize("bad", [float("nan"), -1.0, "fast"])
def test_a_refused_row_takes_back_what_it_added(bad):
    """The schedule is asked after names and labels have got their weights."""
    factors = [1.0]
    optimizer = pylstm.SGD(0.1, schedule=lambda k: factors[0])
    regressor = Regressor(n_cells=2, optimizer=optimizer, feedback=False)
    classifier = Classifier(n_cells=2, optimizer=optimizer)
    calls = [
        (regressor, lambda x, y: regressor.learn_one(x, y)),
        (classifier, lambda x, y: classifier.learn_one(x, f"label {y}")),
    ]
    for model, learn in calls:
        for x, y in (({"a": 0.1}, 1.0), ({"a": 0.2, "new": 3.0}, 2.0), ({"a": 0.3}, 3.0)):
            before = model.__getstate__()
            factors[0] = bad
            with pytest.raises(ValueError, match="schedule"):
                learn(x, y)
            after = model.__getstate__()
            for state in (before, after):
                del state["parameters"]  # with the schedule, as in the network's
                for net in state["experts"]["nets"] if state["experts"] else []:
                    del net["optimizer"]
            assert plain(before) == plain(after)
            factors[0] = 1.0
            learn(x, y)


@pytest.mark.parametrize("make", [Regressor, Classifier])
def test_numbers_too_far_apart_for_a_difference(make):
    model = make(n_cells=2)
    for value in (1e308, -1e308, 1e308, 0.5):
        model.predict_one({"a": value})
        model.learn_one({"a": value}, 1.0)
    assert model.net.n_steps == 4
