"""What a regressor and a classifier put around their networks, as ONNX nodes.

Symbols as in `pylstm.estimators.regressor` and `pylstm.estimators.classifier`: y(t) target, l(t)
label, p(t) prediction, u(t) inputs of the networks, of which `own` are

    own  = [y(t-1), y(t-1) - p(t-1)]         of a regressor with feedback; y(t-1) the last known
    own  = [l(t-1)]                          of a classifier with feedback, a share a class
    p(t) = y(t-1) + sum_k w_k net_k(u(t))    numbers; 0 before the first target
    p(t) = softmax(sum_k a_k log net_k)      classes; the logs centred, of 1e-4 at least
"""

from __future__ import annotations

import math

import numpy as np

from pylstm.estimators import Classifier, Regressor
from pylstm.estimators.mixture import LEAST_PROBABILITY
from pylstm.onnx.graph import Graph
from pylstm.onnx.row import Row

__all__ = ["ClassifierRow", "RegressorRow"]


class RegressorRow(Row):
    """A number, or several, from features."""

    def __init__(self, graph: Graph, model: Regressor) -> None:
        super().__init__(graph, model)
        known = model._targets.known
        self.last, self.error = np.array([[target.last, target.error] for target in known]).T
        self.weights = np.array(self.experts.mixture.weights)
        self.n_targets = len(known)
        graph.tell("targets", model._targets.names)

    def add(self) -> None:
        """prediction = p(t)"""
        g = self.graph
        if self.features.own:
            base, error = self._last_target()
            pairs = np.arange(2 * self.n_targets).reshape(2, -1).T.ravel()
            known = g.node("Concat", [base, error], "last_targets", axis=0)
            own = g.node("Gather", [known, g.constant("own.order", pairs)], "own")
            change = self.mixed(self.outputs(own), self.weights, "change")
            said = g.node("Add", [base, change], "next_said")
            first = g.node("IsNaN", [said], "prediction.first")
            g.node("Where", [first, g.number(0), said], "prediction")
        else:
            self.mixed(self.outputs(None), self.weights, "prediction")
        g.output("prediction", self.n_targets, np.float64)

    def _last_target(self) -> tuple[str, str]:
        """The last target known, and the error of what was said of it.

        One the estimator had seen when it was exported has its error with it, and comes once more
        or not.
        """
        g, n = self.graph, self.n_targets
        target = g.input("last_target", n, np.float64, "of the row before, NaN where not known")
        g.state("last", n, np.float64, self.last)
        g.state("error", n, np.float64, self.error)
        g.state("said", n, np.float64, self.last - self.error)
        missing = g.node("IsNaN", [target], "last_target.missing")
        off = g.node("Sub", [target, "said"], "last_target.error")
        error = g.node("Where", [missing, "error", off], "last_error")
        g.node("Identity", [g.constant("no_error", np.full(n, math.nan))], "next_error")
        return g.node("Where", [missing, "last", target], "next_last"), error


class ClassifierRow(Row):
    """A label from features."""

    def __init__(self, graph: Graph, model: Classifier) -> None:
        super().__init__(graph, model)
        if not model.classes:
            raise ValueError("model has seen no label, wanted an estimator that has")
        self.last, self.n_classes = model._last, len(model.classes)
        self.weights = self.experts.mixture.weights
        graph.tell("classes", model.classes)

    def add(self) -> None:
        """probabilities = p(t)"""
        g = self.graph
        outputs = self.outputs(self._last_label() if self.features.own else None)
        if len(outputs) == 1:
            g.node("Identity", outputs, "probabilities")
        else:
            logs = [self._centred(output) for output in outputs]
            pooled = self.mixed(logs, self.weights, "pooled")
            g.node("Softmax", [pooled], "probabilities", axis=-1)
        g.output("probabilities", self.n_classes, np.float64, "in the order of classes")

    def _last_label(self) -> str:
        """The last label known, as a share a class."""
        g = self.graph
        about = "place in classes of the label of the row before, -1 where not known"
        label = g.input("last_label", 1, np.int64, about)
        last = np.full(self.n_classes, math.nan) if self.last is None else self.last
        g.state("last", self.n_classes, np.float64, last)
        places = g.constant("places", np.arange(self.n_classes))
        here = g.node("Equal", [places, label], "last_label.here")
        shares = g.cast(here, np.float64, "last_label.shares")
        missing = g.node("Less", [label, g.constant("place_first", [0])], "last_label.missing")
        return g.node("Where", [missing, "last", shares], "next_last")

    def _centred(self, output: str) -> str:
        """The logs of probabilities, their mean 0."""
        g = self.graph
        likely = g.node("Max", [output, g.number(LEAST_PROBABILITY)], f"{output}.likely")
        logs = g.node("Log", [likely], f"{output}.logs")
        mean = g.node("ReduceMean", [logs], f"{output}.mean", axes=[0], keepdims=1)
        return g.node("Sub", [logs, mean], f"{output}.centred")
