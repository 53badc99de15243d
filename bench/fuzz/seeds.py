"""Honest files: every class, at varied moments of its progress. All small, so that a trial is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import numpy as np

import pylstm
from pylstm import _core, baselines, estimators
from pylstm.tabular import Session, Settings

__all__ = ["honest_objects"]


def honest_objects() -> Iterator[tuple[str, Any]]:
    """Yield objects that can be saved, each with a name."""
    yield from _networks()
    yield from _several()
    yield from _estimators()
    yield from _sessions()
    yield from _baselines()
    yield from _adapters()


def _task(n_steps: int, n_inputs: int, n_outputs: int, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_steps, n_inputs)), rng.uniform(0.1, 0.9, (n_steps, n_outputs))


def _networks() -> Iterator[tuple[str, Any]]:
    X, targets = _task(30, 3, 2)
    yield "lstm fresh", pylstm.LSTM(3, 2, 2)
    switches = {
        "everything": {"peepholes": True, "gate_recurrence": True, "shortcut": True, "dtype": "f8"},
        "blocks": {"block_size": 2, "forget_gate": False, "hidden_bias": "gates"},
        "softmax": {"output": "softmax", "loss": "cross_entropy"},
        "scaled": {"scale_inputs": True, "scale_targets": True},
        "bptt": {"gradient": "bptt"},
        "window": {"gradient": "bptt", "window": 4},
        "rtrl": {"gradient": "rtrl"},
    }
    optimizers = [
        pylstm.SGD(0.1, momentum=0.5),
        pylstm.SGD(0.1, clip_norm=1.0),
        pylstm.RMSprop(0.01),
        pylstm.Adam(0.01, schedule=pylstm.Decay(0.9), weight_decay=0.1),
        pylstm.ObGD(),
        pylstm.SGD(0.1),
        pylstm.SGD(0.1),
    ]
    for (name, keywords), optimizer in zip(switches.items(), optimizers, strict=True):
        net = pylstm.LSTM(3, 2, 2, **keywords, optimizer=optimizer)
        wanted = targets / targets.sum(axis=1, keepdims=True)
        net.run(X, wanted, update=4)
        yield f"lstm {name}, in a chunk", net.copy()
        net.step(X[0])
        net.learn(wanted[0], update=False)
        yield f"lstm {name}, collected", net
    net = pylstm.LSTM(3, [pylstm.Head(1, weight=0.5), pylstm.Head(1, output="logistic")], 2)
    net.run(X, targets, update=4)
    yield "lstm heads", net
    net = pylstm.LSTM(9, 2, 2)
    net.run(np.array([1, 5, 1, 2]), targets[:4])
    net.step(3)
    yield "lstm tokens", net
    net = pylstm.LSTM(3, 2, 2)
    net.step(X[0])
    net.learn_from([0.1, 0.2], trace=0.9)
    net.reinforce(0.5)
    yield "lstm eligibility", net
    before = _core.choose_large_from(1)
    try:
        for inputs in (X, np.array([0, 2, 1, 2, 2])):
            net = pylstm.LSTM(3, 2, 4)
            net.run(inputs[:5], targets[:5])
            yield f"lstm lazy {inputs.ndim}", net
    finally:
        _core.choose_large_from(before)


def _several() -> Iterator[tuple[str, Any]]:
    rng = np.random.default_rng(1)
    kinds: list[tuple[str, Any, dict[str, Any]]] = [
        ("", 2, {}),
        (" bptt", 2, {"gradient": "bptt", "window": 3}),
        (" layers", [2, 3], {"skip_inputs": True}),
        (" layers bptt", [2, 3], {"gradient": "bptt", "skip_outputs": True}),
    ]
    for name, n_blocks, keywords in kinds:
        streams = pylstm.Streams(pylstm.LSTM(3, 2, n_blocks, **keywords), 3)
        X, targets = rng.normal(size=(9, 3, 3)), rng.normal(size=(9, 3, 2))
        streams.run(X, targets, update=4)
        streams.reset([1])
        streams.step(X[0])
        streams.learn(targets[0], update=False)
        yield f"streams{name}", streams
    pop = pylstm.Population(3, 3, 2, 2, optimizer=pylstm.SGD(0.1, momentum=0.5))
    pop.run(rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), update=4)
    yield "population", pop
    rates = [pylstm.Adam(0.01 * (k + 1), clip_norm=0.1 * k or None) for k in range(3)]
    pop = pylstm.Population(3, 3, 2, 2, optimizer=rates, scale_inputs=True, scale_targets=True)
    pop.run(rng.normal(size=(9, 3)), rng.normal(size=(9, 2)), update=4)
    yield "population scaled", pop
    pop = pylstm.Population(3, 3, 2, 2, optimizer=pylstm.RMSprop(0.01))
    pop.step(rng.normal(size=(3, 3)))
    pop.learn_from(rng.normal(size=(3, 2)), trace=0.5)
    yield "population trace", pop
    for scaled in (False, True):
        delayed = pylstm.Delayed(pylstm.LSTM(3, 2, 2, scale_inputs=scaled), 2)
        for _ in range(5):
            delayed.step(rng.normal(size=3))
            if delayed.n_steps > 2:
                delayed.learn([0.1, 0.2])
        yield f"delayed {scaled}", delayed
    delayed = pylstm.Delayed(pylstm.LSTM(3, 2, 2), 2)
    delayed.step(1)
    yield "delayed tokens", delayed


def _estimators() -> Iterator[tuple[str, Any]]:
    yield "regressor fresh", estimators.Regressor(3)
    optimizer = pylstm.Adam(0.01, schedule=pylstm.Decay(0.9))
    regressor = estimators.Regressor(3, optimizer=optimizer, network={"peepholes": True})
    classifier = estimators.Classifier(3)
    forecaster = estimators.Forecaster(3, season=4)
    for t in range(12):
        x = {"a": t % 3, 7: 0.5 * t, ("b", 1): None}
        regressor.learn_one(x, t % 5)
        classifier.learn_one(x, "up" if t % 2 else "down")
        forecaster.learn_one(t % 4, {"a": t})
    yield "regressor", regressor
    yield "regressor of several", _learned_several(estimators.Regressor(3, delay=2))
    yield "regressor without feedback", _learned(estimators.Regressor(3, feedback=False))
    yield "classifier", classifier
    yield "forecaster", forecaster
    forecaster = estimators.Forecaster(2, season=(2, 3), horizon=2, calendar="day")
    for t in range(12):
        forecaster.learn_one(t % 4, {"a": datetime(2024, 1, 1 + t)})
    yield "forecaster of a horizon", forecaster
    detector = estimators.Detector(2, season=3, optimizer=pylstm.SGD(0.1))
    for t in range(60):
        detector.learn_one({"hour": t % 3}, {"a": t % 3 + 0.1 * (t % 7), ("b", 1): None})
    yield from _banks()
    yield "detector fresh", estimators.Detector(2)
    yield "detector", detector
    yield "sgd", pylstm.SGD(0.1, schedule=pylstm.Decay(0.5))
    yield "rmsprop", pylstm.RMSprop()
    yield "adam", pylstm.Adam(weight_decay=0.1)
    yield "obgd", pylstm.ObGD()
    yield "decay", pylstm.Decay(0.5)


def _banks() -> Iterator[tuple[str, Any]]:
    """Of records, one with a step that waits, and of objects."""
    keys, X = ["north", "south", "north"], np.array([[0.5, 1.0], [1.5, 2.0], [0.0, np.nan]])
    bank = pylstm.Bank(estimators.Regressor(2), max_age=1000)
    bank.learn_many(keys, X, [1.0, 2.0, 3.0])
    yield "bank", bank
    bank = pylstm.Bank(estimators.Classifier(2), memory_limit=10**6)
    bank.learn_many(keys, X, ["up", "down", None])
    yield "bank of classifiers", bank
    bank = pylstm.Bank(estimators.Forecaster(2))
    bank.learn_many(keys, X, [1.0, 2.0, 3.0])
    yield "bank of forecasters", bank


def _learned(model: Any) -> Any:
    model.learn_one({"a": 1.0}, 2.0)
    return model


def _learned_several(model: Any) -> Any:
    """Two targets, the second of which comes later; and of late ones a row that waits."""
    for t in range(4):
        model.predict_one({"a": 0.5 * t})
        model.learn_one({"a": 0.5 * t}, {"b": 1.0} if t < 2 else {"b": 2.0 * t, ("c", 1): None})
    model.predict_one({"a": 0.5})
    return model


def _sessions() -> Iterator[tuple[str, Any]]:
    rng = np.random.default_rng(2)
    for horizon, season in ((1, None), (3, (5, 2))):
        settings = Settings(target="b", horizon=horizon, season=season, cells=2, mark_missing=True)
        session = Session(settings, ["a"])
        for row in rng.normal(size=(9, 2)):
            session.update(row[:1], row[1])
        yield f"session {horizon}", session
    for horizon in (0, 2):
        settings = Settings(target="b", classify=True, horizon=horizon, cells=2, time="when")
        session = Session(settings, ["a"])
        for t, row in enumerate(rng.normal(size=(9, 1))):
            session.update(row, "no" if t % 3 else "yes", f"2013-01-01 0{t}:00")
        yield f"session of labels {horizon}", session
    settings = Settings(target="b", horizon=0, delay=2, cells=2, keys=("k",), interval=0.8)
    session = Session(settings, ["a"], ["c"])
    for t, row in enumerate(rng.normal(size=(9, 2))):
        session.update(row[:1], row[1], texts=["uv"[t % 2]], key=("xy"[t % 2],))
    yield "session of keys", session
    session = Session(Settings(target="b", detect=True, cells=2, season=3), [])
    for row in rng.normal(size=(9, 1)):
        session.update([], row)
    yield "session that detects", session


def _baselines() -> Iterator[tuple[str, Any]]:
    X, targets = _task(12, 2, 2)
    for gradient in ("rtrl", "bptt"):
        net = baselines.FullyRecurrent(2, 2, 2, gradient=gradient, optimizer=pylstm.SGD(0.1, 0.5))
        net.run(X, targets, update=5)
        net.learn(targets[0], update=False)
        yield f"recurrent {gradient}", net
    makers: list[Any] = [
        baselines.Elman(2, 2, 2),
        baselines.TimeConstants(2, 2, 2),
        baselines.TimeDelay(2, 2, 2),
        baselines.Chunker(2, 2, 1, n_direct=1),
    ]
    for net in makers:
        net.run(X, targets, update=5)
        net.step(1)
        yield type(net).__name__, net
    for net in (
        baselines.RandomGuessing(2, 2, 1),
        baselines.SimulatedAnnealing(2, 2, 1, seed=np.random.default_rng(np.random.MT19937(1))),
        baselines.CascadeCorrelation(2, 2, n_candidates=2, patience=1, max_units=3),
        baselines.SimulatedAnnealing(2, 2, 1, seed=np.random.default_rng(np.random.Philox(1))),
        baselines.SimulatedAnnealing(2, 2, 1, seed=np.random.default_rng(np.random.SFC64(1))),
    ):
        for _ in range(4):
            net.run_sequences(X, targets, [5, 7])
        yield type(net).__name__, net


def _adapters() -> Iterator[tuple[str, Any]]:
    """Of scikit-learn and river, where they are installed."""
    X, targets = _task(12, 2, 1)
    try:
        from pylstm import sklearn
    except ModuleNotFoundError:
        pass
    else:
        yield (
            "sklearn regressor",
            sklearn.LSTMRegressor(2, optimizer=pylstm.SGD(0.1)).fit(X, targets[:, 0]),
        )
        labels = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
        yield "sklearn classifier", sklearn.LSTMClassifier(2).fit(X, labels)
        yield "sklearn forecaster", sklearn.LSTMForecaster(2).fit(None, targets[:, 0])
        yield "sklearn unfitted", sklearn.LSTMRegressor(2)
    try:
        from pylstm import river
    except ModuleNotFoundError:
        return
    yield "river regressor", _learned(river.LSTMRegressor(2))
    yield "river regressor of several", _learned_several(river.LSTMMultiTargetRegressor(2))
    classifier, forecaster = river.LSTMClassifier(2), river.LSTMForecaster(2)
    for t in range(4):
        classifier.learn_one({"a": 0.5 * t}, "up" if t % 2 else "down")
        forecaster.learn_one(t % 3, {"a": t})
    yield "river classifier", classifier
    detector = river.LSTMDetector(2, optimizer=pylstm.SGD(0.1))
    for t in range(60):
        detector.learn_one({"a": t % 5})
    yield "river detector", detector
    yield "river forecaster", forecaster
