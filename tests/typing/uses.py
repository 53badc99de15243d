"""What users write, and the types they get: checked by mypy and basedpyright, never run."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
import numpy.typing as npt

import pylstm
from pylstm.analysis import Comparison, compare_gradients
from pylstm.estimators import Classifier, Detector, Distribution, Forecaster, Regressor
from pylstm.fitting import Curves
from pylstm.interchange import from_torch, to_torch

Array = npt.NDArray[Any]
X, y = np.zeros((100, 2)), np.zeros((100, 1))


def a_network(path: Path) -> None:
    net = pylstm.LSTM(2, 1, n_blocks=8, optimizer=pylstm.Adam(0.01, clip_norm=1.0), seed=0)
    assert_type(net.step(X[0]), Array)
    assert_type(net.step([0.5, 1.0], target=0.5), Array)
    assert_type(net.learn(0.5, update=False), float)
    assert_type(net.run(X, y, update="sequence"), Array)
    assert_type(net.run(X, y, return_loss=True), tuple[Array, Array])
    assert_type(net.run_sequences(X, y, [50, 50], last=True), Array)
    assert_type(net.gradient(X, y, gradient="bptt", window=10), dict[str, Array])
    assert_type(net.parameters["output"], Array)
    assert_type(net.n_parameters, int)
    assert_type(net.copy(), pylstm.LSTM)
    assert_type(net.fit(X, y, [50, 50], validation=(X, y)), Curves)
    assert_type(pylstm.LSTM.load(path), pylstm.LSTM)
    assert_type(pylstm.LSTM.from_bytes(net.to_bytes()), pylstm.LSTM)
    net.optimizer = pylstm.SGD(0.1, momentum=0.9, schedule=pylstm.Decay(0.99))
    assert_type(compare_gradients(net, [(X, y)]), dict[str, Comparison])
    net.save(path)
    scale = net.input_scale
    if scale is not None:
        assert_type(scale.mean, npt.NDArray[np.float64])
    assert_type(from_torch(**to_torch(net), optimizer=pylstm.RMSprop()), pylstm.LSTM)


def several_heads() -> None:
    heads = [pylstm.Head(2, output="softmax", weight=0.5), pylstm.Head(1)]
    net = pylstm.LSTM(2, heads, n_blocks=8)
    labels = np.zeros(100, int)
    assert_type(net.heads, tuple[pylstm.Head, ...])
    assert_type(net.step(X[0], (1, 0.5)), Array)
    assert_type(net.learn((1, None)), float)
    assert_type(net.run(X, (labels, y), return_loss=True), tuple[Array, Array])
    assert_type(net.run_sequences(X, (labels, None)), Array)
    assert_type(net.gradient(X, (labels, y)), dict[str, Array])
    curves = net.fit(X, (labels, y), n_epochs=2, validation=(X, (labels, y)))
    assert_type(curves.training, list[float])
    assert_type(curves.training_heads, list[Array])
    assert_type(pylstm.Delayed(net, delay=3).learn((1, None)), float)
    streams = pylstm.Streams(net, n_streams=2)
    assert_type(streams.step(X[:2], (labels[:2], y[:2])), Array)


def many_networks() -> None:
    pop = pylstm.Population(4, n_inputs=2, n_outputs=1, n_blocks=4, optimizer=[pylstm.SGD(0.1)] * 4)
    assert_type(pop.step(X[:4], y[:4], nets=[0, 2]), Array)
    assert_type(pop.run(X, y, return_loss=True), tuple[Array, Array])
    assert_type(pop.diverged, npt.NDArray[np.bool_])
    assert_type(pop[0], pylstm.LSTM)
    pop[1] = pop[0]
    streams = pylstm.Streams(pop[0], n_streams=4)
    assert_type(streams.step(X[:4], y[:4]), Array)
    assert_type(streams.run(X[:, None], return_loss=True), tuple[Array, Array])
    delayed = pylstm.Delayed(pop[0], delay=3)
    assert_type(delayed.step(X[0]), Array)
    assert_type(delayed.learn(y[0]), float)
    late = pylstm.Delayed(pop, delay=3)
    assert_type(late.learn(y[:4]), Array)
    assert_type(late.net, pylstm.Population)


def rows_of_names(path: Path) -> None:
    x = {"temperature": 21.5, "colour": "red", "open": True, "missing": None}
    regressor = Regressor(n_cells=8, optimizer=pylstm.Adam(0.01))
    regressor.learn_one(x, 1.5, w=0.5)
    regressor.learn_one(x, {"load": 1.0, "price": None})
    regressor.predict_one(x, with_dist=True)
    regressor.run({"hour": X[:, 0]}, y[:, 0], level=0.9)
    assert_type(regressor.copy(), Regressor)
    assert_type(Regressor.load(path), Regressor)

    classifier = Classifier()
    classifier.learn_one(x, "north")
    assert_type(classifier.predict_proba_one(x), dict[Any, float])
    assert_type(max(classifier.predict_proba_one(x).values()), float)
    classifier.predict_one(x)

    forecaster = Forecaster(season=(24, 168), calendar=["day", "week"])
    forecaster.learn_one(1.5, x)
    assert_type(forecaster.forecast(3), list[float])
    assert_type(forecaster.forecast(3, [x, x, x]), list[float])
    assert_type(forecaster.forecast(3, with_dist=True), list[Distribution])
    assert_type(forecaster.forecast(3, with_dist=True)[0].interval(0.9), tuple[float, float])

    detector = Detector(season=24)
    detector.learn_one(x)
    assert_type(detector.score_one(x), float)


def anything_saved(path: Path) -> None:
    net = pylstm.LSTM(1, 1, 1)
    pylstm.save({"north": net, "south": [net, net]}, path)
    assert_type(pylstm.to_bytes(net), bytes)
    pylstm.load(path)
    assert_type(pylstm.set_threads(1), int)
    assert_type(pylstm.set_blas("none"), str)
