"""What a forecaster puts around its networks, as ONNX nodes.

Symbols as in `pylstm.estimators.forecaster`, `past` and `leads`: c_j the candidates, m_j their
errors, which stay as they are, s a season, l the lead.

    start    = sum_j c_j / m_j^4 / sum_j 1 / m_j^4        over candidates that are known
    said     = start + sum_k w_k net_k(u)
    forecast = sum_j p_j(l) [said, mean, c_j at lead l, as known at the origin], kept within bounds

A row whose value comes is the origin of what follows, and the lead is 1; one whose value does not
come is stood for by its forecast, and the lead grows. `past` is what is known at the row, with
forecasts for values, `origin` what was known at the last value; the first step begins at the last
row of the forecaster.
"""

from __future__ import annotations

import math

import numpy as np

from pylstm.estimators import Forecaster
from pylstm.onnx.graph import Graph
from pylstm.onnx.row import Row

__all__ = ["ForecasterRow"]

# What is known of a series, see `Past`: the last values, NaN before the first; how many; the last
# that is known; the number of the row.
_KNOWN = ("values", "n_values", "last", "n_rows")


class ForecasterRow(Row):
    """The next row of a series."""

    def __init__(self, graph: Graph, model: Forecaster) -> None:
        super().__init__(graph, model)
        if model.horizon is not None:
            raise ValueError(
                f"horizon is {model.horizon}, wanted a Forecaster without, all of whose forecasts "
                "are made step by step"
            )
        if not model._series.is_known:
            raise ValueError("model has seen no value, wanted an estimator that has")
        series = model._series
        self.past, self.misses, self.seen = series.past, series.misses, series.seen
        self.leads = series.leads
        self.n_values = self.past.n_remembered

    def add(self) -> None:
        """forecast = what is said of the row"""
        g = self.graph
        self._go_on()
        own = g.node("Concat", self._inputs(), "own", axis=0)
        weights = np.ravel(self.experts.mixture.weights)
        change = self.mixed(self.outputs(own), weights, "change")
        candidates = g.node("Concat", self._candidates("past", None), "start.candidates", axis=0)
        start = self._mean("start", candidates, g.constant("start.weights", self.misses.weights()))
        g.node("Add", [start, change], "next_said")
        shown = g.node("Identity", [self._mixed()], "next_shown")
        g.node("Identity", [shown], "forecast")
        g.output("forecast", 1, np.float64)

    # ------------------------------------------------------------ what is known

    def _go_on(self) -> None:
        """A value has come, or its forecast stands for it; not at the first step."""
        g, past, n = self.graph, self.past, self.n_values
        about = "of the row before, NaN where not known: its forecast stands for it then"
        given = g.input("last_value", 1, np.float64, about)
        values = np.full(n, math.nan)
        values[n - len(past.values) :] = past.values
        starts = [
            np.array(start, float)
            for start in (values, [len(past.values)], [past.last], [past.n_rows])
        ]
        for name, start in zip(_KNOWN, starts, strict=True):
            g.state(f"past.{name}", len(start), np.float64, start)
            g.state(f"origin.{name}", len(start), np.float64)
        g.state("error", 1, np.float64, past.error)
        for name in ("begun", "lead", "said", "shown"):
            g.state(name, 1, np.float64)
        one = g.constant("one", [1.0])
        g.node("Identity", [one], "next_begun")

        moved = g.node("Greater", ["begun", g.number(0)], "moved")
        unknown = g.node("IsNaN", [given], "last_value.missing")
        walks = g.node("And", [moved, unknown], "walks")
        value = g.node("Where", [unknown, "shown", given], "value")
        rest = g.node("Slice", ["past.values", *self._slice(1, n)], "values.rest")
        more = {
            "values": g.node("Concat", [rest, value], "values.more", axis=0),
            "n_values": self._at_most(self._sum(["past.n_values", one], "n_values.one"), n),
            "last": value,
            "n_rows": self._sum(["past.n_rows", one], "n_rows.more"),
        }
        for name in _KNOWN:
            now = g.node("Where", [moved, more[name], f"past.{name}"], f"next_past.{name}")
            g.node("Where", [walks, f"origin.{name}", now], f"next_origin.{name}")
        off = g.node("Sub", [given, "said"], "error.now")  # NaN where not known
        g.node("Where", [moved, off, "error"], "next_error")
        g.node("Where", [walks, self._sum(["lead", one], "lead.more"), one], "next_lead")

    def _inputs(self) -> list[str]:
        """As `Past.inputs` at lead 1."""
        g, last = self.graph, "next_past.last"
        final, before = (self._value(k, f"value_{k}") for k in (1, 2))
        found = [last, "next_error", g.node("Sub", [final, before], "last_change")]
        for s in self.past.seasons:
            then = self._value(s, f"season_{s}.then")
            found.append(g.node("Sub", [then, last], f"season_{s}.stood"))
        return found

    def _candidates(self, which: str, lead: str | None) -> list[str]:
        """As `Past.candidates` at a lead, or at 1, of the past or of the origin."""
        g, n, one = self.graph, self.n_values, "one"
        values, n_values, last, n_rows = (f"next_{which}.{name}" for name in _KNOWN)
        ahead = g.node("Sub", [one if lead is None else lead, one], f"{which}.rows_ahead")
        found = [last]
        for j, s in enumerate(self.past.seasons):
            name = f"{which}.season_{s}"
            length = g.number(s)
            place = g.node("Mod", [ahead, length], f"{name}.place", fmod=1)
            index = self._index(self._sum([place, g.number(n - s)], f"{name}.from"), name)
            then = g.node("Gather", [values, index], f"{name}.then")
            before = g.node("Slice", [values, *self._slice(n - s - 1, n - s)], f"{name}.before")
            moved = g.node("Sub", [self._sum([last, then], f"{name}.sum"), before], f"{name}.moved")
            enough = g.node("Greater", [n_values, length], f"{name}.enough")
            for value in (then, moved):
                found.append(g.node("Where", [enough, value, self.nothing], f"{value}.known"))
            if self.past.profiles is None:
                continue
            count, mean = self.past.profiles[j]
            means = g.constant(f"season_{s}.means", np.where(count > 0, mean, math.nan))
            row = g.node("Mod", [self._sum([n_rows, ahead], f"{name}.row"), length],
                         f"{name}.row_of_season", fmod=1)  # fmt: skip
            which_row = self._index(row, f"{name}.mean")
            found.append(g.node("Gather", [means, which_row], f"{name}.usual"))
        return found

    # ------------------------------------------------------------ what comes of it

    def _mixed(self) -> str:
        g = self.graph
        if self.leads is None:
            return "next_said"
        shares = np.array(self.leads.by_lead())
        mean = g.constant("mean", [self.seen.mean])
        said = ["next_said", mean, *self._candidates("origin", "next_lead")]
        together = g.node("Concat", said, "mixed.candidates", axis=0)
        lead = self._sum([self._at_most("next_lead", len(shares)), g.number(-1)], "lead.place")
        row = g.node(
            "Gather", [g.constant("shares", shares), self._index(lead, "lead")], "shares.row"
        )
        flat = g.node("Reshape", [row, g.constant("shares.shape", [-1])], "shares.now")
        mixed = self._mean("mixed", together, flat)
        if not self.seen.n:
            return mixed
        limits = [g.number(bound) for bound in self.seen.bounds()]
        return g.node("Clip", [mixed, *limits], "bounded")

    def _mean(self, name: str, candidates: str, weights: str) -> str:
        """name = the candidates, weighed; the first where none is known that weighs something"""
        g, zero = self.graph, self.graph.number(0)
        unknown = g.node("IsNaN", [candidates], f"{name}.unknown")
        w = g.node("Where", [unknown, zero, weights], f"{name}.w")
        c = g.node("Where", [unknown, zero, candidates], f"{name}.c")
        axis = g.constant("first_axis", [0])
        product = g.node("Mul", [w, c], f"{name}.products")
        total = g.node("ReduceSum", [product, axis], f"{name}.total", keepdims=1)
        weight = g.node("ReduceSum", [w, axis], f"{name}.weight", keepdims=1)
        some = g.node("Greater", [weight, zero], f"{name}.some")
        divisor = g.node("Where", [some, weight, g.number(1)], f"{name}.divisor")
        mean = g.node("Div", [total, divisor], f"{name}.mean")
        first = g.node("Slice", [candidates, *self._slice(0, 1)], f"{name}.first")
        return g.node("Where", [some, mean, first], name)

    # ------------------------------------------------------------ pieces

    def _value(self, back: int, name: str) -> str:
        """The value so many rows back, 1 the last."""
        n = self.n_values
        return self.graph.node("Slice", ["next_past.values", *self._slice(n - back, n - back + 1)],
                               name)  # fmt: skip

    def _slice(self, start: int, end: int) -> list[str]:
        return [self.graph.constant(f"place_{k}", [k]) for k in (start, end)]

    def _sum(self, parts: list[str], name: str) -> str:
        return self.graph.node("Add", parts, name)

    def _at_most(self, value: str, most: float) -> str:
        return self.graph.node("Min", [value, self.graph.number(most)], f"{value}.at_most")

    def _index(self, value: str, name: str) -> str:
        return self.graph.cast(value, np.int64, f"{name}.index")
