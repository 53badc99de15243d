"""Running standardisation as ONNX nodes, the statistics being state.

Symbols as in csrc/network/scale.c, whose recursion this is: n values seen, m mean, v variance, L
limit, N rows remembered; all per column, float64.

    rate = 1 / min(n, N)
    d    = x - m, within L sqrt(v)
    m   += rate d
    v    = (1 - rate) (v + rate d^2)
    z    = (x - m) / sqrt(v), within L; 0 where x is missing or has not varied

What is missing changes nothing. Where a column is still at its first values, b_i with weights w_i,
m and v are made anew of these, brought to within L 1.4826 s of their median, s the lower median of
their distances from it that are not 0. Where none is any more, none of that is in the graph.

Targets do not come, so their statistics are constants: y = m + sqrt(v) z, z within L.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pylstm.onnx.graph import Array, Graph

__all__ = ["Standardisation", "give_back"]

_LIMIT = 5.0
_FIRST = 8  # values
_DEVIATION = 1.4826  # of a normal distribution, by its median distance
_LARGEST_ROOT = 1e150  # its square is finite


class Standardisation:
    """Inputs of a network in units of their deviations.

    Parameters
    ----------
    graph : Graph
    prefix : str
        Of all names.
    statistics : mapping
        That go on: the state of a `RunningScale`.
    memory : int
        N.
    """

    def __init__(
        self, graph: Graph, prefix: str, statistics: Mapping[str, Array], memory: int
    ) -> None:
        self.graph, self.prefix, self.memory = graph, prefix, memory
        self.size = len(statistics["count"])
        names = ["count", "mean", "variance"]
        if (statistics["n_first"] < _FIRST).any():
            names += ["n_first", "first", "weight"]
        self.sizes = [statistics[name].size for name in names]
        start = np.concatenate([statistics[name].ravel() for name in names])
        self.state = graph.state(f"{prefix}input_statistics", start.size, np.float64, start)
        self.before = {name: f"{prefix}scale.{name}_before" for name in names}
        graph.split(self.state, list(self.before.values()), self.sizes)
        self.zero, self.one = graph.number(0), graph.number(1)

    def add(self, x: str, x_dtype: npt.DTypeLike, dtype: npt.DTypeLike) -> str:
        """Return z of inputs x."""
        value = x
        if np.dtype(x_dtype) != np.float64:
            value = self.graph.cast(x, np.float64, f"{self.prefix}scale.value")
        missing = self._node("IsNaN", [value], "missing")
        value = self._node("Where", [missing, self.zero, value], "known")
        n = self._node("Add", [self.before["count"], self.one], "n")
        rows = self._node("Min", [n, self.graph.number(self.memory)], "rows")
        rate = self._node("Div", [self.one, rows], "rate")
        kept = self._node("Sub", [self.one, rate], "kept")
        new = {"count": n} | self._moved(value, n, rate, kept)
        if "first" in self.before:
            new = self._settled(new, value, kept)
        after = {
            name: self._node("Where", [missing, self.before[name], new[name]], f"{name}_after")
            for name in ("count", "mean", "variance")
        }
        if "first" in self.before:
            after |= self._first_after(missing, new)
        self.graph.node("Concat", list(after.values()), f"next_{self.state}", axis=0)
        z = self._units(value, missing, after["mean"], after["variance"])
        if np.dtype(dtype) == np.float64:
            return z
        return self.graph.cast(z, dtype, f"{self.prefix}sources.x")

    def _moved(self, value: str, n: str, rate: str, kept: str) -> dict[str, str]:
        """Mean and variance after one more value of many."""
        node, g = self._node, self.graph
        mean, variance = self.before["mean"], self.before["variance"]
        deviation = node("Sqrt", [variance], "deviation_before")
        bound = node("Mul", [g.number(_LIMIT), deviation], "bound")
        far = node("Sub", [value, mean], "distance")
        early = node("LessOrEqual", [n, g.number(_FIRST)], "early")
        constant = node("Equal", [bound, self.zero], "constant")
        trusted = node("Or", [early, constant], "trusted")
        d = node("Where", [trusted, far, self._within(far, bound, "believed")], "d")
        root = self._within(d, g.number(_LARGEST_ROOT), "root")
        moved = node("Add", [mean, node("Mul", [rate, d], "step")], "moved")
        square = node("Mul", [root, root], "square")
        wider = node("Add", [variance, node("Mul", [rate, square], "widening")], "wider")
        return {"mean": moved, "variance": node("Mul", [kept, wider], "spread")}

    def _units(self, value: str, missing: str, mean: str, variance: str) -> str:
        node = self._node
        deviation = node("Sqrt", [variance], "deviation")
        varies = node("Greater", [deviation, self.zero], "varies")
        divisor = node("Where", [varies, deviation, self.one], "divisor")
        unit = node("Div", [node("Sub", [value, mean], "centred"), divisor], "unit")
        clipped = self._within(unit, self.graph.number(_LIMIT), "clipped")
        known = node("And", [varies, node("Not", [missing], "given")], "counts")
        return node("Where", [known, clipped, self.zero], "z")

    # ------------------------------------------------------------ columns at their first values

    def _settled(self, new: dict[str, str], value: str, kept: str) -> dict[str, str]:
        """The statistics where columns at their first values are made anew of these."""
        node, g = self._node, self.graph
        shape = g.constant(f"{self.prefix}scale.shape", np.array([_FIRST, self.size]))
        first, weight = (
            node("Reshape", [self.before[name], shape], f"{name}_table")
            for name in ("first", "weight")
        )
        n_first = self.before["n_first"]
        self.slots = g.constant("slots", np.arange(float(_FIRST))[:, None])
        last = self._pick(first, node("Sub", [n_first, self.one], "last_place"), "last")
        same = node("Equal", [value, last], "same")
        none = node("Equal", [n_first, self.zero], "none")
        another = node("Or", [none, node("Not", [same], "other")], "another")
        n = node("Add", [n_first, g.cast(another, np.float64, self._name("more"))], "n_first_new")
        place = node("Sub", [n, self.one], "place")
        here = node("Equal", [self.slots, place], "here")
        b = node("Where", [here, value, first], "first_new")
        fades = node("Greater", [new["count"], g.number(self.memory)], "fades")
        fading = node("Mul", [weight, node("Where", [fades, kept, self.one], "fade")], "faded")
        w = node("Add", [fading, g.cast(here, np.float64, self._name("row"))], "weight_new")
        mean, variance = self._of_first(b, w, n)
        self.unsettled = node("Less", [n_first, g.number(_FIRST)], "unsettled")
        return {
            "count": new["count"],
            "mean": node("Where", [self.unsettled, mean, new["mean"]], "mean_new"),
            "variance": node("Where", [self.unsettled, variance, new["variance"]], "variance_new"),
            "n_first": n, "first": b, "weight": w, "first_old": first, "weight_old": weight,
        }  # fmt: skip

    def _of_first(self, b: str, w: str, n: str) -> tuple[str, str]:
        """Mean and variance of n first values b with weights w."""
        node, g = self._node, self.graph
        half, nowhere = g.number(0.5), g.number(math.inf)
        there = node("Less", [self.slots, n], "there")
        in_order = g.ascending(
            node("Where", [there, b, nowhere], "sortable"), _FIRST, self._name("in_order")
        )
        places = [node("Mul", [half, node("Sub", [n, self.one], "before_n")], "low_place"),
                  node("Mul", [half, n], "high_place")]  # fmt: skip
        low, high = (
            self._pick(in_order, node("Floor", [p], f"{p.split('.')[-1]}.whole"), f"middle_{k}")
            for k, p in enumerate(places)
        )
        middle = node("Add", [node("Mul", [half, low], "low_half"),
                              node("Mul", [half, high], "high_half")], "middle")  # fmt: skip
        halves = node("Sub", [node("Mul", [half, b], "half"),
                              node("Mul", [half, middle], "half_middle")], "halves")  # fmt: skip
        at_middle = node("Equal", [b, middle], "at_middle")
        apart = node("And", [there, node("Not", [at_middle], "off_middle")], "apart")
        distances = node("Where", [apart, node("Abs", [halves], "far"), nowhere], "distances")
        in_order = g.ascending(distances, _FIRST, self._name("distances.in_order"))
        n_apart = self._total(g.cast(apart, np.float64, self._name("apart_one")), "n_apart")
        pairs = node("Mul", [half, node("Sub", [n_apart, self.one], "n_apart.less")], "pairs")
        s = self._pick(in_order, node("Floor", [pairs], "pairs.whole"), "median_distance")
        bound = node("Mul", [g.number(_LIMIT * _DEVIATION), s], "first_bound")
        twice = node("Mul", [g.number(2), bound], "twice")
        highest = node("Add", [middle, twice], "highest")
        lowest = node("Sub", [middle, twice], "lowest")
        above = node("Greater", [halves, bound], "above")
        below = node("Less", [halves, node("Neg", [bound], "bound_below")], "below")
        brought = node("Where", [below, lowest, b], "brought_up")
        brought = node("Where", [above, highest, brought], "brought")
        share = node("Div", [w, self._total(w, "weights")], "share")
        mean = self._total(node("Mul", [share, brought], "parts"), "first_mean")
        off = node("Sub", [brought, mean], "first_off")
        root = self._within(off, g.number(_LARGEST_ROOT), "first_root")
        squares = node("Mul", [share, node("Mul", [root, root], "first_square")], "squares")
        return mean, self._total(squares, "first_variance")

    def _first_after(self, missing: str, new: dict[str, str]) -> dict[str, str]:
        """The first values, where one more of them has come."""
        node, given = self._node, self._node("Not", [missing], "has_come")
        more = node("And", [given, self.unsettled], "has_more")
        flat = self.graph.constant(f"{self.prefix}scale.flat", np.array([-1]))
        found = {"n_first": node("Where", [more, new["n_first"], self.before["n_first"]], "firsts")}
        for name in ("first", "weight"):
            table = node("Where", [more, new[name], new[f"{name}_old"]], f"{name}_kept")
            found[name] = node("Reshape", [table, flat], f"{name}_after")
        return found

    # ------------------------------------------------------------ pieces

    def _name(self, name: str) -> str:
        return f"{self.prefix}scale.{name}"

    def _node(self, operation: str, inputs: list[str], name: str) -> str:
        return self.graph.node(operation, inputs, self._name(name))

    def _within(self, value: str, bound: str, name: str) -> str:
        least = self._node("Min", [value, bound], f"{name}.least")
        return self._node("Max", [self._node("Neg", [bound], f"{name}.lowest"), least], name)

    def _total(self, table: str, name: str) -> str:
        """The sums of the columns."""
        axis = self.graph.constant("first_axis", np.array([0]))
        return self.graph.node("ReduceSum", [table, axis], self._name(name), keepdims=0)

    def _pick(self, table: str, place: str, name: str) -> str:
        """Of every column the number in a place, 0 where there is no such place."""
        here = self._node("Equal", [self.slots, place], f"{name}.here")
        return self._total(self._node("Where", [here, table, self.zero], f"{name}.alone"), name)


def give_back(
    graph: Graph,
    prefix: str,
    z: str,
    dtype: npt.DTypeLike,
    statistics: Mapping[str, Array],
    name: str,
) -> None:
    """name = outputs z in the units of the targets, of the type z has"""
    g = graph
    doubles = np.dtype(dtype) == np.float64
    unit = z if doubles else g.cast(z, np.float64, f"{prefix}output.unit")
    limits = [g.number(-_LIMIT), g.number(_LIMIT)]
    clipped = g.node("Clip", [unit, *limits], f"{prefix}output.clipped")
    deviation = g.constant(f"{prefix}output.deviation", np.sqrt(statistics["variance"]))
    mean = g.constant(f"{prefix}output.mean", statistics["mean"])
    spread = g.node("Mul", [deviation, clipped], f"{prefix}output.spread")
    out = name if doubles else f"{prefix}output.given_back"
    g.node("Add", [mean, spread], out)
    if not doubles:
        g.cast(out, dtype, name)
