"""What an estimator puts around its networks, as ONNX nodes.

Symbols as in `pylstm.estimators.regressor` and `pylstm.estimators.classifier`: x(t) features, y(t)
target, l(t) label, p(t) prediction, u(t) inputs of the networks.

    u(t) = [own, x(t), x(t) - x(t-1)]        NaN where not known, and where an expert does not look
    own  = [y(t-1), y(t-1) - p(t-1)]         of a regressor with feedback; y(t-1) the last known
    own  = [l(t-1)]                          of a classifier with feedback, a share a class
    p(t) = y(t-1) + sum_k w_k net_k(u(t))    numbers; 0 before the first target
    p(t) = softmax(sum_k a_k log net_k)      classes; the logs centred, of 1e-4 at least

Features, targets and what is mixed are float64, whatever the networks are.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.estimators import Classifier, Regressor
from pylstm.estimators.experts import LEAST_PROBABILITY
from pylstm.onnx.graph import Graph
from pylstm.onnx.network import Step

__all__ = ["add_estimator"]


def add_estimator(graph: Graph, model: Regressor | Classifier) -> None:
    """Make a graph what an estimator does with a row."""
    if model.delay:
        raise ValueError(
            f"delay is {brief(model.delay)}, wanted an estimator whose targets come with their rows"
        )
    if isinstance(model, Regressor):
        _RegressorRow(graph, model).add()
    else:
        _ClassifierRow(graph, model).add()


class _Row:
    """A row of an estimator: features in, outputs of its networks out."""

    def __init__(self, graph: Graph, model: Regressor | Classifier) -> None:
        experts = model._experts
        if experts is None:
            raise ValueError("model has learned from no row, wanted an estimator that has networks")
        self.graph, self.experts, self.features = graph, experts, model._features
        self.nothing = graph.constant("nothing", [math.nan])
        graph.tell("feature_names", model.feature_names)
        self.n_features = len(model.feature_names)
        if self.n_features:
            graph.input("x", self.n_features, np.float64, "in the order of feature_names")

    def outputs(self, own: str | None) -> list[str]:
        """What every network says of the row, given the estimator's own inputs."""
        row = self._row(own)
        return [self._output(k, row) for k in range(len(self.experts.nets))]

    def _row(self, own: str | None) -> str:
        """u(t), in the order of the inputs of the networks."""
        g, features, n = self.graph, self.features, self.n_features
        parts = [] if own is None else [own]
        if n:
            start = features.before[list(features.places.values())]
            before = g.state("before", n, np.float64, start)
            g.node("Identity", ["x"], f"next_{before}")
            parts += ["x", g.node("Sub", ["x", before], "changes")]
        known = g.node("Concat", [*parts, self.nothing], "known", axis=0)
        n_own = len(features.own)
        order = np.full(features.size, n_own + 2 * n)
        order[features.own] = np.arange(n_own)
        for j, place in enumerate(features.places.values()):
            order[place], order[place + 1] = n_own + j, n_own + n + j
        return g.node("Gather", [known, g.constant("order", order)], "row")

    def _output(self, k: int, row: str) -> str:
        g, expert, net = self.graph, self.experts.experts[k], self.experts.nets[k]
        prefix = f"net_{k}."
        seen = self.features.sees(expert.own, expert.changes)
        if not seen.all():
            looks = g.constant(f"{prefix}looks", seen)
            row = g.node("Where", [looks, row, self.nothing], f"{prefix}x")
        step = Step(g, net, prefix, starts=True, memory=expert.memory)
        step.add(row, np.float64, f"{prefix}y")
        return g.cast(f"{prefix}y", np.float64, f"{prefix}said")

    def mixed(self, parts: list[str], weights: npt.ArrayLike, name: str) -> str:
        """name = what the networks say, weighted; weights: (n_nets,) or (n_nets, n_outputs)"""
        g = self.graph
        weighted = [
            g.node("Mul", [g.constant(f"{part}.weight", weight), part], f"{part}.weighted")
            for weight, part in zip(np.asarray(weights), parts, strict=True)
        ]
        return g.node("Sum", weighted, name)


class _RegressorRow(_Row):
    def __init__(self, graph: Graph, model: Regressor) -> None:
        super().__init__(graph, model)
        self.last, self.error = np.array([model._last]), np.array([model._error])
        self.weights = np.array([self.experts.mixture.weights]).T
        self.n_targets = len(self.last)

    def add(self) -> None:
        """prediction = p(t)"""
        g = self.graph
        if self.features.own:
            base, error = self._last_target()
            own = g.node("Concat", [base, error], "own", axis=0)
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


class _ClassifierRow(_Row):
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
