"""The estimators as adapters to other libraries: river's, which are the same; scikit-learn's."""

import pickle

import numpy as np

from machines.estimators import ClassifierMachine, ForecasterMachine, RegressorMachine
from machines.kit import Machine, canonical, rule
from machines.lstm import draw_optimizer, has_callable, save_and_load
from pylstm import river, sklearn


class RiverRegressorMachine(RegressorMachine):
    name = "river-regressor"
    kinds = (river.LSTMRegressor,)


class RiverClassifierMachine(ClassifierMachine):
    name = "river-classifier"
    kinds = (river.LSTMClassifier,)


class RiverForecasterMachine(ForecasterMachine):
    name = "river-forecaster"
    kinds = (river.LSTMForecaster,)


class SklearnMachine(Machine):
    """Rows that come in pieces; the twin meets each alone."""

    name = "sklearn"

    def start(self):
        self.kind = self.pick(sklearn.LSTMRegressor, sklearn.LSTMClassifier)
        parameters = {
            "n_cells": self.pick(1, 2),
            "optimizer": self.pick(None, draw_optimizer(self)),
            "dtype": self.pick("float32", "float64"),
            "random_state": self.rng.getrandbits(20),
        }
        self.width = self.pick(1, 2)
        self.model, self.twin = self.kind(**parameters), self.kind(**parameters)
        self.begin()

    def begin(self):
        for model in (self.model, self.twin):
            self.learn(model, np.zeros((2, self.width)), self.draw_targets(2, [0, 1]))

    def learn(self, model, X, y):
        more = {} if self.kind is sklearn.LSTMRegressor else {"classes": ["a", "b", "c"]}
        model.partial_fit(X, y, **more)

    @property
    def object(self):
        return self.model

    def draw_X(self, n_rows):
        X = 10 + 5 * self.numbers(n_rows, self.width)
        return np.where(self.numbers(n_rows, self.width) > 0.8, np.nan, X)

    def draw_targets(self, n_rows, labels=None):
        labels = [self.rng.randrange(3) for _ in range(n_rows)] if labels is None else labels
        if self.kind is sklearn.LSTMRegressor:
            return 20.0 + np.array(labels)
        return np.array(["a", "b", "c"])[labels]

    def check(self):
        if self.chance(0.2):
            assert canonical(self.model.estimator_) == canonical(self.twin.estimator_)

    @rule(4)
    def partial_fit(self):
        n_rows = self.pick(1, 2, 4)
        X, y = self.draw_X(n_rows), self.draw_targets(n_rows)
        missing = [self.chance(0.2) for _ in range(n_rows)]
        y = self.pick(y, np.where(missing, None, y), np.full(n_rows, np.nan))
        self.learn(self.model, X, None if y[0] != y[0] else y)
        for k in range(n_rows):
            self.learn(self.twin, X[k : k + 1], y[k : k + 1])

    @rule(2)
    def predict(self):
        X, lengths = self.draw_X(3), self.pick(None, [3], [1, 2])
        given = self.unchanged(lambda: self.model.predict(X, lengths))
        assert given.tolist() == self.twin.predict(X, lengths).tolist()

    @rule()
    def copy(self):
        copy = pickle.loads(self.unchanged(lambda: pickle.dumps(self.model)))
        assert canonical(copy.estimator_) == canonical(self.model.estimator_)
        self.model = copy

    @rule(0.05)
    def save(self):
        if self.model.optimizer is None or not has_callable(self.model.optimizer):
            self.model = self.unchanged(lambda: save_and_load(self.model))

    @rule(3)
    def refuse(self):
        model, X, y = self.model, self.draw_X(2), self.draw_targets(2)
        bad = self.pick(
            np.zeros((2, self.width + 1)), np.zeros(2), [["x"] * self.width] * 2, None, "x",
            np.full((2, self.width), np.inf), np.full((2, self.width), 1j), np.zeros((0, 1)),
        )  # fmt: skip
        no_target = self.pick(y[:1], [[1, 2], [3, 4]], [np.inf, 0.0], [1j, 0])
        lengths = self.pick([3], [0, 2], [1.5, 0.5], "x", [[2]])
        self.refused(
            self.pick(
                lambda: self.learn(model, bad, y), lambda: model.predict(bad),
                lambda: self.learn(model, X, no_target), lambda: model.predict(X, lengths),
                lambda: model.partial_fit(X, y, lengths),
            )
        )  # fmt: skip
