"""Running standardisation as ONNX nodes, the statistics being state.

Symbols as in csrc/network/scale.c, whose recursion this is: n values seen, m mean, v variance, L
limit, N rows remembered; all per column, float64.

    rate = 1 / min(n, N)
    d    = x - m, for the first values as it is, then within L sqrt(v)
    m   += rate d
    v    = (1 - rate) (v + rate d^2)
    z    = (x - m) / sqrt(v), within L; 0 where x is missing or has not varied

What is missing changes nothing. Targets do not come, so their statistics are constants:
y = m + sqrt(v) z, z within L.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from pylstm.onnx.graph import Array, Graph

__all__ = ["give_back", "standardise"]

_STATISTICS = ("count", "mean", "variance")
_LIMIT = 5.0
_SETTLED = 8  # values
_LARGEST_ROOT = 1e150  # its square is finite


def standardise(
    graph: Graph,
    prefix: str,
    x: str,
    x_dtype: npt.DTypeLike,
    statistics: Mapping[str, Array],
    memory: int,
    dtype: npt.DTypeLike,
) -> str:
    """Return z of inputs x, whose statistics go on from those given."""
    g, size = graph, len(statistics["count"])

    def node(operation: str, inputs: list[str], name: str) -> str:
        return g.node(operation, inputs, f"{prefix}scale.{name}")

    def within(value: str, bound: str, name: str) -> str:
        lowest = node("Neg", [bound], f"{name}.lowest")
        return node("Max", [lowest, node("Min", [value, bound], f"{name}.least")], name)

    known_before = np.concatenate([statistics[name] for name in _STATISTICS])
    state = g.state(f"{prefix}input_statistics", 3 * size, np.float64, known_before)
    before = [f"{prefix}scale.{name}_before" for name in _STATISTICS]
    g.split(state, before, [size] * 3)
    count, mean, variance = before
    zero, one = g.number(0), g.number(1)
    value = x
    if np.dtype(x_dtype) != np.float64:
        value = g.cast(x, np.float64, f"{prefix}scale.value")
    missing = node("IsNaN", [value], "missing")

    n = node("Add", [count, one], "n")
    rate = node("Div", [one, node("Min", [n, g.number(memory)], "rows")], "rate")
    bound = node("Mul", [g.number(_LIMIT), node("Sqrt", [variance], "root_before")], "bound")
    far = node("Sub", [value, mean], "distance")
    early = node("LessOrEqual", [n, g.number(_SETTLED)], "early")
    constant = node("Equal", [bound, zero], "constant")
    trusted = node("Or", [early, constant], "trusted")
    d = node("Where", [trusted, far, within(far, bound, "believed")], "d")
    root = within(d, g.number(_LARGEST_ROOT), "root")

    moved = node("Add", [mean, node("Mul", [rate, d], "step")], "moved")
    square = node("Mul", [root, root], "square")
    wider = node("Add", [variance, node("Mul", [rate, square], "widening")], "wider")
    spread = node("Mul", [node("Sub", [one, rate], "kept"), wider], "spread")
    after = [
        node("Where", [missing, old, new], f"{name}_after")
        for name, old, new in zip(_STATISTICS, before, (n, moved, spread), strict=True)
    ]
    g.node("Concat", after, f"next_{state}", axis=0)

    deviation = node("Sqrt", [after[2]], "deviation")
    varies = node("Greater", [deviation, zero], "varies")
    divisor = node("Where", [varies, deviation, one], "divisor")
    centred = node("Sub", [value, after[1]], "centred")
    unit = within(node("Div", [centred, divisor], "unit"), g.number(_LIMIT), "clipped")
    known = node("And", [varies, node("Not", [missing], "given")], "known")
    z = node("Where", [known, unit, zero], "z")
    return z if np.dtype(dtype) == np.float64 else g.cast(z, dtype, f"{prefix}sources.x")


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
