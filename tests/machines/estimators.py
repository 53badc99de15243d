"""Programs of the estimators: beside a twin that meets every row in another order of its features.

Features appear, vanish and change their order, targets and labels come and go; whatever is refused
changes nothing.
"""

import math
import pickle
from dataclasses import replace
from datetime import datetime

import numpy as np

from machines.kit import Machine, bad_factor, canonical, rule
from machines.known import mended
from machines.lstm import draw_optimizer, has_callable, save_and_load
from pylstm.estimators import Classifier, Forecaster, Regressor

NAMES = ["b", "a", ("t", 1), 7, None, "c"]
LABELS = ["no", "yes", 3, True, ("x", 1), None, math.nan, 2.5]


BAD = [math.inf, -math.inf, b"x", [[1.0]], {}, 1j, 10**400, "red", object]  # a feature may be text


def as_bits(value):
    """What a prediction is, to the last bit, whatever its container."""
    if isinstance(value, dict):
        return {repr(label): as_bits(each) for label, each in value.items()}
    if isinstance(value, list):
        return [as_bits(each) for each in value]
    return value.hex() if isinstance(value, float) else repr(value)


class EstimatorMachine(Machine):
    """What the three have in common; `kinds` are their classes."""

    def start(self):
        parameters = self.draw_parameters() | {
            "n_cells": self.pick(1, 2, 4),
            "optimizer": self.pick(None, draw_optimizer(self)),
            "network": self.pick(None, {"peepholes": True}, {"forget_gate": False}),
            "dtype": self.pick("float32", "float64"),
            "seed": self.rng.getrandbits(20),
        }
        kind = self.pick(*self.kinds)
        self.model, self.twin = kind(**parameters), kind(**parameters)

    def draw_parameters(self):
        return {}

    @property
    def object(self):
        return self.model

    def draw_row(self):
        names = [name for name in NAMES if self.chance(0.5)]
        return {name: self.draw_value() for name in names}

    def draw_value(self):
        number = 10 * self.rng.random() - 3
        return self.pick(number, number, number, None, math.nan, True, 3, np.float32(number),
                         datetime(2020, 1, 1 + int(number + 3)), 1e30, -0.0)  # fmt: skip

    def bad_row(self):
        bad = self.pick(*BAD[:-2])
        row = self.draw_row()
        row[self.pick(*(list(row) or ["b"]))] = bad
        return row

    def turned(self, row):
        """The same row in another order."""
        names = list(row)
        self.rng.shuffle(names)
        return {name: row[name] for name in names}

    def agree(self, given, wanted, what):
        assert as_bits(given) == as_bits(wanted), f"{what}: {given} is not {wanted}"

    def check(self):
        if self.chance(0.15):
            assert canonical(self.model) == canonical(self.twin), "the twin is elsewhere"

    # ------------------------------------------------------------ calls

    def learn_one(self, model, row, y):
        model.learn_one(row, y)

    @rule(10)
    def learn(self):
        row, y = self.draw_row(), self.draw_target()
        if self.chance(0.2):
            prediction = self.unchanged(lambda: self.predicts(self.model, row))
            self.agree(prediction, self.predicts(self.twin, self.turned(row)), "prediction")
        self.learn_one(self.model, row, y)
        self.learn_one(self.twin, self.turned(row), y)

    @rule(3)
    def predict(self):
        row = self.draw_row()
        given = self.unchanged(lambda: self.predicts(self.model, row))
        self.agree(given, self.predicts(self.twin, self.turned(row)), "prediction")

    @rule(0.7)
    def predict_following(self):
        rows = [self.draw_row() for _ in range(self.pick(0, 1, 3))]
        given = self.unchanged(lambda: self.follows(self.model, rows))
        wanted = self.follows(self.twin, [self.turned(row) for row in rows])
        self.agree(given, wanted, "predictions that follow")

    @rule()
    def reset(self):
        self.model.reset()
        self.twin.reset()

    def replaced(self, model):
        assert canonical(model) == canonical(self.model), "the copy is another"
        self.model = model

    @rule(0.5)
    def copy(self):
        self.replaced(self.unchanged(self.model.copy))

    @rule(0.5)
    def pickle(self):
        self.twin = pickle.loads(pickle.dumps(self.twin))

    @rule(0.05)
    def save(self):
        if self.model.optimizer is None or not has_callable(self.model.optimizer):
            self.replaced(self.unchanged(lambda: save_and_load(self.model)))

    @rule(2)
    def refuse(self):
        model, row, bad, y = self.model, self.draw_row(), self.bad_row(), self.draw_target()
        calls = [
            lambda: self.learn_one(model, bad, y), lambda: self.predicts(model, bad),
            lambda: self.follows(model, [row, bad]),
        ]  # fmt: skip
        if any(value in ([1.0], {}) for value in bad.values() if isinstance(value, list | dict)):
            calls = calls[:2]
        calls += [lambda: self.learn_one(model, row, self.bad_target())]
        self.refused(self.pick(*calls))

    @rule()
    def refuse_schedule(self):
        """A schedule that gives no factor, in the middle of the stream."""
        model = self.model
        row, y = self.draw_row(), self.known_target()
        if model.net is None or y is None:
            return
        known = all(name in model.feature_names for name in row)
        if not (known or mended("F9")):
            return
        own = model.net.optimizer
        model.net.optimizer = replace(own, schedule=bad_factor)
        self.refused(lambda: self.learn_one(model, row, y))
        model.net.optimizer = own


class RegressorMachine(EstimatorMachine):
    name = "regressor"
    kinds = (Regressor,)

    def draw_parameters(self):
        return {"feedback": self.chance(0.6), "ordered": self.chance(0.8)}

    def draw_target(self):
        number = 20 + 10 * self.rng.random()
        return self.pick(number, number, number, number, None, math.nan, 3, np.float64(number))

    def known_target(self):
        """One that is learned from: not before the first, where only the last target is known."""
        model = self.model
        if model.feedback and model.ordered and math.isnan(model._targets.known[0].last):
            return None
        return 21.5

    def bad_target(self):
        return self.pick(*BAD[:-1])

    def predicts(self, model, row):
        return model.predict_one(row)

    def follows(self, model, rows):
        return model.predict_following(rows)


class ClassifierMachine(EstimatorMachine):
    name = "classifier"
    kinds = (Classifier,)

    def draw_parameters(self):
        return {"feedback": self.chance(0.6), "ordered": self.chance(0.8)}

    def draw_target(self):
        return self.pick(*LABELS)

    def known_target(self):
        labels = self.model.classes
        return self.pick(*labels) if labels else None

    def bad_target(self):
        return self.pick([1], {}, {1}, np.zeros(2))

    def predicts(self, model, row):
        return [model.predict_one(row), model.predict_proba_one(row)]

    def follows(self, model, rows):
        return model.predict_proba_following(rows)

    @rule(0.5)
    def expect(self):
        labels = [label for label in LABELS[:5] if self.chance(0.3)]
        self.model.expect(labels)
        self.twin.expect(labels)


class ForecasterMachine(EstimatorMachine):
    name = "forecaster"
    kinds = (Forecaster,)

    def draw_parameters(self):
        return {"season": self.pick(None, 1, 2, 5, (2, 5)), "horizon": self.pick(None, None, 1, 3)}

    def draw_target(self):
        number = 20 + 10 * self.rng.random()
        return self.pick(number, number, number, number, None, math.nan, 3)

    def known_target(self):
        return 21.5 if self.model._series.is_known else None

    def bad_target(self):
        return self.pick(*BAD[:-1])

    def learn_one(self, model, row, y):
        model.learn_one(y, row)

    def predicts(self, model, row):
        return model.forecast(1, [row])

    def follows(self, model, rows):
        if not rows:
            return model.forecast(3, [{}] * 3)
        return model.forecast(len(rows), rows)
