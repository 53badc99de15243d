"""Weights as the peers hold them: the four kinds of hidden rows stacked, and the readout.

W: (4, n_cells, n_sources) in the order input gate, forget gate, cell input, output gate;
V: (n_outputs, n_cells + 1), the bias last.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.task import Array

__all__ = ["ROWS", "named", "stacked"]

ROWS = ("input_gate", "forget_gate", "cell_input", "output_gate")


def stacked(weights: Mapping[str, Array]) -> tuple[Array, Array]:
    """Copies (W, V) of weights by name."""
    return np.stack([weights[name] for name in ROWS]), weights["output"].copy()


def named(W: Array, V: Array) -> dict[str, Array]:
    """The inverse of `stacked`."""
    return dict(zip(ROWS, np.asarray(W), strict=True)) | {"output": np.asarray(V)}
