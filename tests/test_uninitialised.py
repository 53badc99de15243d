"""An object never initialised, or initialised again, refuses or works: never a crash."""

import inspect
import pickle
from contextlib import suppress

import numpy as np
import pytest

import pylstm
from pylstm import _core, baselines, estimators

CLASSES = [
    *(pylstm.LSTM, pylstm.Population, pylstm.Streams, pylstm.Delayed, pylstm.RunningScale),
    *(getattr(baselines, name) for name in baselines.__all__),
    *(getattr(estimators, name) for name in estimators.__all__),
    *(_core.Network, _core.PopulationBase, _core.StreamGroup, _core.Recurrent),
]
REFUSALS = (
    *(
        ArithmeticError,
        AssertionError,
        AttributeError,
        LookupError,
        OSError,
        RuntimeError,
        TypeError,
    ),
    *(ValueError, NotImplementedError),
)
ARGUMENTS = ([], [[1.0]], [[1.0], [1.0]], [[[1.0]]], [[[1.0]], [[1.0]]], [1], ["x", [1.0]])


def use(thing):
    """Everything a user can reach, with arguments of every shape; whatever it raises."""
    for name in dir(type(thing)):
        if name in ("__class__", "__init__", "__new__", "__init_subclass__", "__subclasshook__"):
            continue
        for arguments in ARGUMENTS:
            with suppress(*REFUSALS):
                member = getattr(thing, name)
                if callable(member):
                    member(*arguments)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_new_alone(cls):
    use(cls.__new__(cls))


SAYING_SO = [
    *CLASSES[:4],
    *(estimators.Classifier, estimators.Forecaster, estimators.Regressor),
]


@pytest.mark.parametrize("cls", SAYING_SO, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("verb", ["step", "predict", "learn", "reset", "copy"])
def test_it_says_so(cls, verb):
    thing = cls.__new__(cls)
    if cls.__module__.startswith("pylstm.estimators"):
        names = {"step": "predict_one", "predict": "predict_one", "learn": "learn_one"}
        verb = names.get(verb, verb)
    arguments = [] if verb in ("reset", "copy") else [[[1.0]]] if "_" not in verb else [{}]
    if verb == "learn_one":
        arguments.append(1.0)
    with pytest.raises(RuntimeError, match=f"{cls.__name__}.* never initialised"):
        getattr(thing, verb)(*arguments)


class Eager(pylstm.LSTM):
    """Looks at its parameters before there are any."""

    def __init__(self):
        self.seen = self.parameters
        super().__init__(1, 1, 1)


def test_a_subclass_that_reads_first():
    with pytest.raises(RuntimeError, match="never initialised"):
        Eager()


def test_initialised_again():
    """Everything begins anew; what was there before is not mixed in."""
    net = pylstm.LSTM(2, 1, 3, dtype="float64", optimizer=pylstm.Adam(0.01))
    net.step([0.1, 0.2], [0.3])
    net.step([0.1, 0.2])
    net.optimizer = pylstm.SGD(0.01)
    net.learn_from([1.0], trace=0.5)
    streams = pylstm.Streams(net, 2)
    net.__init__(1, 2, 5, seed=3)
    fresh = pylstm.LSTM(1, 2, 5, seed=3)
    for twin in (net, fresh):
        twin.step([0.5])
        twin.learn_from([1.0, 1.0], trace=0.5)
        twin.reinforce(0.1)
    assert pickle.dumps(net.__getstate__()) == pickle.dumps(fresh.__getstate__())
    with pytest.raises(RuntimeError, match="grown since"):
        streams.step(np.zeros((2, 2)))


def test_a_refused_state_changes_nothing():
    net = pylstm.LSTM(1, 1, 2)
    state = net.__getstate__()
    with pytest.raises(ValueError, match="saved network"):
        net.__setstate__({**state, "n_pending": 5})
    assert pickle.dumps(net.__getstate__()) == pickle.dumps(state)


def test_every_class_is_here():
    public = {cls for _, cls in inspect.getmembers(pylstm, inspect.isclass)}
    stateless = {pylstm.SGD, pylstm.RMSprop, pylstm.Adam, pylstm.ObGD, pylstm.Decay, pylstm.Head}
    assert public - stateless - {pylstm.Optimizer, pylstm.CheckpointError} <= set(CLASSES)


INITIALISED = [
    pylstm.LSTM(1, 1, 1), pylstm.Population(2, 1, 1, 1), pylstm.Streams(pylstm.LSTM(1, 1, 1), 2),
    pylstm.Delayed(pylstm.LSTM(1, 1, 1), 2), estimators.Regressor(2), estimators.Detector(2),
]  # fmt: skip


@pytest.mark.parametrize("thing", INITIALISED, ids=lambda thing: type(thing).__name__)
def test_an_attribute_that_is_missing_is_only_that(thing):
    assert not hasattr(thing, "estimator_")
    with pytest.raises(AttributeError, match=f"'{type(thing).__name__}' object has no attribute"):
        thing.estimator_  # noqa: B018
