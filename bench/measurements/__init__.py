"""The measurements by name: one function each, from Settings to a Result.

To add one: write the function in a file here, check with bench/reference.py before it times with
bench/timing.py, and name it in MEASUREMENTS. The first line of its docstring is what ``--list``
prints.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.measurements.estimator import measure_estimator
from bench.measurements.exact import measure_exact
from bench.measurements.floor import measure_floor
from bench.measurements.kill import measure_kill
from bench.measurements.layers import measure_layers
from bench.measurements.memory import measure_memory
from bench.measurements.methods import measure_methods
from bench.measurements.optimizers import measure_optimizers
from bench.measurements.population import measure_population
from bench.measurements.products import measure_products
from bench.measurements.regimes import measure_regimes
from bench.measurements.sequence import measure_sequence
from bench.measurements.silent import measure_silent
from bench.measurements.step import measure_step
from bench.measurements.threads import measure_threads
from bench.measurements.tokens import measure_tokens
from bench.report import Result
from bench.settings import Settings

__all__ = ["MEASUREMENTS"]

MEASUREMENTS: dict[str, Callable[[Settings], Result]] = {
    "step": measure_step,
    "threads": measure_threads,
    "floor": measure_floor,
    "regimes": measure_regimes,
    "optimizers": measure_optimizers,
    "products": measure_products,
    "sequence": measure_sequence,
    "exact": measure_exact,
    "layers": measure_layers,
    "population": measure_population,
    "silent": measure_silent,
    "tokens": measure_tokens,
    "memory": measure_memory,
    "kill": measure_kill,
    "estimator": measure_estimator,
    "methods": measure_methods,
}
