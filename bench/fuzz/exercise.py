"""What an object that has been loaded must be able to do."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

import pylstm
from pylstm import baselines, estimators
from pylstm.optimizers import Decay, Optimizer
from pylstm.tabular import Session

__all__ = ["exercise"]


def exercise(thing: Any, path: Path) -> None:
    """Go on with an object in all ways there are, and save and load it again.

    Raises what its verbs raise; not when it has diverged, has no step to learn from, or is to learn
    a change that its dtype has no number for, which an estimator that has seen 1e39 refuses too.
    """
    pylstm.save(thing, path)
    twin = pylstm.load(path)
    try:
        for one in (thing, twin.copy() if hasattr(twin, "copy") else twin):
            with np.errstate(all="ignore"):
                _use(one)
    except FloatingPointError:
        pylstm.save(thing, path)
        return
    except ValueError as error:
        if "wanted finite numbers" not in str(error):
            raise
    pylstm.save(thing, path)
    pylstm.load(path)


def _use(thing: Any) -> None:
    repr(thing)
    match thing:
        case pylstm.LSTM():
            _use_network(thing)
        case pylstm.Delayed():
            _use_delayed(thing)
        case pylstm.Streams():
            _use_streams(thing)
        case pylstm.Population():
            _use_population(thing)
        case pylstm.Bank():
            _use_bank(thing)
        case estimators.Forecaster():
            _use_forecaster(thing)
        case estimators.Regressor() | estimators.Classifier():
            _use_estimator(thing)
        case estimators.Detector():
            _use_detector(thing)
        case Session():
            _use_session(thing)
        case baselines.Learner():
            _use_baseline(thing)
        case Optimizer() | Decay():
            hash(thing)
        case _:
            _use_adapter(thing)


def _targets(n_steps: int, n_outputs: int) -> np.ndarray:
    """In the domain of every loss."""
    return np.eye(n_outputs)[np.arange(n_steps) % n_outputs]


def _learn_if_it_can(thing: Any, target: Any, update: bool = True) -> None:
    with suppress(RuntimeError):
        thing.learn(target, update)


def _use_network(net: pylstm.LSTM) -> None:
    X = np.linspace(-1, 1, 40 * net.n_inputs).reshape(40, net.n_inputs)
    targets = _targets(40, net.n_outputs)
    _learn_if_it_can(net, targets[0], update=False)
    net.predict(X[0])
    net.step(X[0])
    net.learn(targets[0])
    net.step(X[1], targets[1])
    if not net._config()["scale_inputs"]:
        net.run(np.arange(40) % net.n_inputs, targets, update=3)
        net.step(0)
    net.run(X, targets, update=3)
    net.run(X, targets, update="step")
    net.run(X, targets, update="sequence")
    net.gradient(X[:3], targets[:3])
    _ = net.state, net.parameters
    net.update()
    config = net._config()
    if config["gradient"] == "truncated" and not config["scale_targets"]:
        net.step(X[0])
        net.learn_from(np.zeros(net.n_outputs), trace=0.5)
        net.reinforce(0.1)
    if config["gradient"] == "truncated":
        more = None if config.get("heads") else net.n_outputs + 1
        net.grow(net.n_inputs + 1, more)
        net.step(np.ones(net.n_inputs))
    net.reset()
    net.step(np.ones(net.n_inputs))


def _use_delayed(delayed: pylstm.Delayed) -> None:
    net = delayed.net
    X, targets = np.linspace(-1, 1, 9 * net.n_inputs).reshape(9, -1), _targets(9, net.n_outputs)
    for x, target in zip(X, targets, strict=True):
        _learn_if_it_can(delayed, target)
        delayed.step(x)
    delayed.predict(X[0])
    _ = delayed.state
    delayed.grow(net.n_inputs + 1)
    delayed.reset()


def _use_streams(streams: pylstm.Streams) -> None:
    net, n_streams = streams.net, streams.n_streams
    X = np.linspace(-1, 1, 20 * n_streams * net.n_inputs).reshape(20, n_streams, -1)
    targets = _targets(20 * n_streams, net.n_outputs).reshape(20, n_streams, -1)
    _learn_if_it_can(streams, targets[0], update=False)
    streams.predict(X[0])
    streams.step(X[0])
    streams.reset([0])
    streams.run(X, targets, update=3)
    streams.step(X[0], targets[0])
    streams.run(X, targets, update="sequence")
    _ = streams.state
    streams.update()
    streams.reset()
    streams.run(X)
    net.step(X[0, 0])


def _use_population(pop: pylstm.Population) -> None:
    n_inputs, n_outputs = pop.n_inputs, pop.n_outputs
    X, targets = np.linspace(-1, 1, 20 * n_inputs).reshape(20, -1), _targets(20, n_outputs)
    _learn_if_it_can(pop, targets[0], update=False)
    pop.predict(X[0])
    pop.step(X[0], targets[0])
    pop.run(X, targets, update=3)
    pop.run(X, targets, update="sequence")
    pop.run_sequences(X, targets, lengths=[12, 8])
    _ = pop.state, pop.parameters, pop.diverged, pop.n_steps, pop.input_scale, pop.target_scale
    if not pop._config()["scale_targets"]:
        pop.reset()
        pop.step(X[0])
        pop.update()
        pop.learn_from(targets[0], trace=0.5)
        pop.reinforce(0.1)
    pop.grow(n_inputs + 1)
    pop.step(np.append(X[0], 0.5))
    pop[0] = pop[len(pop) - 1]
    pop.reset()
    pop.update()


def _use_estimator(model: Any) -> None:
    if _is_huge(model):
        return
    is_classifier = isinstance(model, estimators.Classifier)
    for t in range(5):
        x = {"a": t % 3, "new": float(t)}
        found = model.predict_one(x)
        y = ("up", "down")[t % 2] if is_classifier else t
        if isinstance(found, dict):
            y = dict.fromkeys(found, t)
        elif isinstance(found, np.ndarray):
            y = np.full(found.shape, t)
        model.learn_one(x, y)
    if is_classifier:
        model.predict_proba_following([{"a": 1}, {}])
    else:
        model.predict_following([{"a": 1}, {}])
    model.reset()
    model.advance_one({})


def _use_bank(bank: pylstm.Bank) -> None:
    if _is_huge(bank.estimator):
        return
    keys = [*bank][:3]
    for key in keys:
        _use(bank[key])
    keys.append(keys[0] if keys else "new")
    X, y = np.ones((len(keys), 2)), np.ones(len(keys))
    with suppress(TypeError):  # what the keys know may be text
        bank.learn_many(keys, X, y)
        bank.predict_many(keys, X)
    len(bank)
    bank.copy()
    for key in keys[:1]:
        if key in bank:
            del bank[key]


def _use_detector(model: estimators.Detector) -> None:
    if model.n_cells > 1000 or (model.season or 0) > 10**6:
        return
    for t in range(9):
        model.score_one({"a": t % 3, "b": None})
        model.learn_one({"a": t % 3, "new": float(t)})
    model.score_one({"hour": 1.0}, {"a": 2.0})
    model.reset()
    model.learn_one({"hour": 1.0}, 3.0)


def _use_forecaster(model: estimators.Forecaster) -> None:
    if _is_huge(model):
        return
    for t in range(9):
        model.learn_one(t % 4, {"a": t})
    model.forecast(5)
    model.reset()
    model.learn_one(None)


def _is_huge(model: Any) -> bool:
    """A fresh model may be of any size: it has no arrays to compare with, and no memory yet."""
    return model.net is None and model.n_cells > 1000


def _use_session(session: Session) -> None:
    settings, t = session.settings, session.n_rows
    for k in range(7):
        inputs = np.full(len(session.columns), float(k % 3))
        time = f"9999-01-0{k + 1}" if settings.time else None
        target: Any = k % 2
        if settings.classify:
            target = ("yes", "no", None)[k % 3]
        if settings.detect:
            target = [float(k % 2)] * len(settings.targets)
        texts, key = ["u"] * len(session.texts), ("x",) * len(settings.keys)
        session.as_record(session.update(inputs, target, time, texts=texts, key=key))
    assert session.n_rows == t + 7
    session.scores.total(after=0.1)
    session.scores.running_error()


def _use_baseline(net: Any) -> None:
    X, targets = np.linspace(-1, 1, 50 * net.n_inputs).reshape(50, -1), _targets(50, net.n_outputs)
    searches = isinstance(net, baselines.CascadeCorrelation | baselines.SimulatedAnnealing)
    net.predict(X[0])
    if not searches:
        _learn_if_it_can(net, targets[0], update=False)
        net.step(X[0], targets[0])
        if isinstance(net, baselines.RandomGuessing):
            net.run(X[:5], targets[:5])
        else:
            net.run(X, targets, update=3)
            net.run(np.arange(50) % net.n_inputs, targets, update="sequence")
        net.update()
    net.run(X)
    for _ in range(3):
        lengths = [2] if isinstance(net, baselines.RandomGuessing) else [20, 30]
        # an impossible answer would be guessed at for ever
        if isinstance(net, baselines.RandomGuessing):
            net.run_sequences(X[:2], None, lengths)
        else:
            net.run_sequences(X, targets, lengths)
    net.step(0)
    net.reset()


def _use_adapter(model: Any) -> None:
    """Of scikit-learn."""
    if not hasattr(model, "estimator_") or _is_huge(model.estimator_):
        return
    X = np.linspace(-1, 1, 5 * model.n_features_in_).reshape(5, model.n_features_in_)
    is_forecaster = isinstance(model.estimator_, estimators.Forecaster)
    if is_forecaster:
        model.forecast(3)
    if not X.shape[1]:
        return
    model.predict(X)
    y = (
        model.classes_[np.arange(5) % len(model.classes_)]
        if hasattr(model, "classes_")
        else X[:, 0]
    )
    model.partial_fit(X, y)
