"""A row of an estimator as ONNX nodes: features in, what its networks say out.

Symbols as in `pylstm.estimators.defaults`: x(t) features, u(t) inputs of the networks.

    u(t) = [own, x(t), x(t) - x(t-1)]        NaN where not known, and where an expert does not look

Features, targets and what is mixed are float64, whatever the networks are.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pylstm.errors import brief
from pylstm.estimators.estimator import Estimator
from pylstm.onnx.graph import Graph
from pylstm.onnx.network import Step

__all__ = ["Row"]


class Row:
    """A row of an estimator: features in, outputs of its networks out."""

    def __init__(self, graph: Graph, model: Estimator) -> None:
        if model.delay:
            raise ValueError(
                f"delay is {brief(model.delay)}, wanted an estimator whose targets come with their "
                "rows"
            )
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
