"""``python -m bench endless``: a life without end.

Every row is a network that predicts its next input and learns from it at every step, in a process
of its own, on a stream that is as hard at its end as at its start. Symbols: c cell states, E
eligibility traces, N steps. With a leak a state obeys c(t) = f c(t-1) + i g and a trace
E(t) = f E(t-1) + d z^T, f <= 1 - leak, |i g| <= 1, so that

    |c| <= 1 / leak        |E| <= max |d| max |z| / leak        max |d| = max(1, max |c| / 4)

and with a decay of the weights, k a update, they do not wander into saturation, where nothing is
learned any more: what keeps a weight away from 0 has been learned in the last 1/k updates.

What is looked at between pieces of a tenth of the run at most: both, weights, resident memory, and
the mean absolute error of each tenth, of which the last is at most 1.05 of the best.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

import pylstm
from bench.resident import resident_kib
from pylstm.estimators.defaults import SWITCHES, default_optimizer

__all__ = ["ROWS", "Life", "Row", "live", "main", "problems"]

Array = npt.NDArray[Any]

SIZES = (4, 32)
PIECE = 10**6
LEAK = 1e-2
#: What an update takes of every weight: learning_rate * weight_decay.
DECAY = 1e-6
#: What the last tenth's error may be, as a multiple of the best tenth's, and beside that.
WORSE, NOISE = 1.05, 1e-3
GROWTH_KIB = 2048


def _wave(t: Array, rng: np.random.Generator) -> Array:
    swell = 1 + 0.5 * np.sin(1e-3 * t)
    return np.asarray(swell * np.sin(0.2 * t) + 0.1 * rng.normal(size=len(t)))


def _drifting(t: Array, n_steps: int, rng: np.random.Generator) -> Array:
    """A level that drifts to and fro, three times a tenth."""
    return 3 * np.sin(2 * np.pi * t * (30 / n_steps)) + _wave(t, rng)


def _bursting(t: Array, n_steps: int, rng: np.random.Generator) -> Array:
    """Now and then a value far out, as often in every tenth."""
    return _wave(t, rng) + rng.choice([-20.0, 20.0], len(t)) * (t % 10_000 == 5_000)


def _silent(t: Array, n_steps: int, rng: np.random.Generator) -> Array:
    """Nothing, but for the first tenth of every tenth."""
    return _wave(t, rng) * (t % (n_steps // 10) < n_steps // 100)


def _constant(t: Array, n_steps: int, rng: np.random.Generator) -> Array:
    """Always the same."""
    return np.ones(len(t))


INPUTS: dict[str, Callable[[Array, int, np.random.Generator], Array]] = {
    "drifting": _drifting,
    "bursting": _bursting,
    "silent": _silent,
    "constant": _constant,
}
OPTIMIZERS: dict[str, Callable[[float], pylstm.optimizers.Optimizer]] = {
    "sgd": lambda k: pylstm.SGD(0.01, weight_decay=k / 0.01),
    "momentum": lambda k: pylstm.SGD(0.001, momentum=0.9, weight_decay=k / 0.001),
    "rmsprop": lambda k: pylstm.RMSprop(1e-4, weight_decay=k / 1e-4),
    "adam": lambda k: pylstm.Adam(1e-4, weight_decay=k / 1e-4),
    "obgd": lambda k: pylstm.ObGD(0.1, weight_decay=k / 0.1),
    "defaults": lambda k: default_optimizer(),
}


@dataclass(frozen=True)
class Row:
    """A network and its stream; "defaults" is the network of the estimators."""

    inputs: str
    optimizer: str
    n_cells: int
    forget_gate: bool

    @property
    def name(self) -> str:
        """Unique, to choose rows by."""
        gate = "forget" if self.forget_gate else "no-forget"
        return f"{self.inputs}-{self.optimizer}-{self.n_cells}-{gate}"

    @property
    def leak(self) -> float:
        """That of the estimators in their rows."""
        return float(SWITCHES["leak"]) if self.optimizer == "defaults" else LEAK

    def net(self, leak: float, decay: float) -> pylstm.LSTM:
        """The network, untaught."""
        switches = SWITCHES if self.optimizer == "defaults" else {}
        return pylstm.LSTM(
            1,
            1,
            self.n_cells,
            forget_gate=self.forget_gate,
            optimizer=OPTIMIZERS[self.optimizer](decay),
            **{**switches, "leak": leak},
        )


ROWS = {
    row.name: row
    for row in (
        *(Row(*parts) for parts in product(INPUTS, list(OPTIMIZERS)[:-1], SIZES, (True, False))),
        *(Row(inputs, "defaults", 32, True) for inputs in INPUTS),
    )
}


@dataclass(frozen=True)
class Life:
    """What was seen of a row: largest magnitudes, mean absolute errors of the tenths."""

    cell_state: float
    trace: float
    weight: float
    source: float
    errors: list[float]
    growth_kib: int
    us_per_step: float
    failure: str = ""


def _pieces(row: Row, n_steps: int, net: pylstm.LSTM) -> Iterator[tuple[float, float]]:
    """Live; after each piece the mean error of the piece and the largest source."""
    rng = np.random.default_rng(0)
    piece = min(PIECE, n_steps // 10)
    for start in range(0, n_steps, piece):
        t = np.arange(start, start + piece + 1, dtype=float)
        x = INPUTS[row.inputs](t, n_steps, rng).astype(np.float32)[:, None]
        y = net.run(x[:-1], x[1:])
        largest = 5.0 if row.optimizer == "defaults" else float(np.abs(x).max())
        yield float(np.abs(y - x[1:]).mean(dtype=float)), max(1.0, largest)


def live(row: Row, n_steps: int, leak: float, decay: float = DECAY) -> Life:
    """Live through a stream and look.

    Parameters
    ----------
    row : Row
    n_steps : int
        A multiple of ten; of ten million, if it is more than that.
    leak, decay : float
        Of cell states and, each update, of weights; the estimators have their own decay.

    Returns
    -------
    Life
    """
    c = E = W = z = 0.0
    errors: list[float] = []
    failure, resident, started = "", 0, time.perf_counter()
    net = row.net(leak, decay)
    try:
        for error, largest in _pieces(row, n_steps, net):
            c = max(c, float(np.abs(net.state["cell_state"]).max()))
            E = max(E, float(np.abs(net.__getstate__()["traces"]).max()))
            W = max(W, max(float(np.abs(view).max()) for view in net.parameters.values()))
            z = max(z, largest)
            errors.append(error)
            resident = resident or (resident_kib() if len(errors) > 1 else 0)
    except FloatingPointError as diverged:
        failure = str(diverged)
    us = 1e6 * (time.perf_counter() - started) / n_steps
    tenths = [] if failure else np.reshape(errors, (10, -1)).mean(axis=1).tolist()
    return Life(c, E, W, z, tenths, resident_kib() - resident, us, failure)


def problems(life: Life, leak: float) -> list[str]:
    """Say which bounds do not hold."""
    if life.failure:
        return [life.failure]
    found = []
    most = 1.001 / leak if leak else np.inf
    if not life.cell_state <= most:
        found.append("|c|")
    if not life.trace <= most * life.source * max(1.0, most / 4):
        found.append("|E|")
    if not life.errors[-1] <= WORSE * min(life.errors) + NOISE:
        found.append("error")
    if life.growth_kib > GROWTH_KIB:
        found.append("memory")
    return found


def _in_a_process(row: Row, *numbers: float) -> Life:
    command = [sys.executable, "-m", "bench.endless", row.name, *map(str, numbers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{row.name} ended with status {done.returncode}: {done.stderr[-500:]}")
    return Life(**json.loads(done.stdout))


def _steps(text: str) -> int:
    n_steps = int(float(text))
    if n_steps < 1000 or n_steps % 10 or (n_steps > 10 * PIECE and n_steps % (10 * PIECE)):
        raise ValueError(text)
    return n_steps


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through the rows; 0, or 1 when a bound does not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m bench endless",
        description="Learn on streams without end: are states, traces, error, memory bounded?",
    )
    parser.add_argument(
        "--steps", type=_steps, default=10**6, help="of each row, such as 1e9, default 1e6"
    )
    parser.add_argument("--leak", type=float, help=f"default {LEAK}, or that of the estimators")
    parser.add_argument(
        "--decay", type=float, default=DECAY, help=f"rate * weight_decay, default {DECAY:g}"
    )
    parser.add_argument(
        "--only", nargs="+", default=[""], metavar="TEXT", help="rows with one of these in the name"
    )
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    args = parser.parse_args(arguments)
    rows = [row for name, row in ROWS.items() if any(text in name for text in args.only)]
    if not rows:
        parser.error(f"no row has {args.only[0]!r} in its name: see --list")
    if args.list:
        print("\n".join(row.name for row in rows))
        return 0
    print(f"{args.steps:.0e} steps a row, decay {args.decay:g}")
    print(
        f"{'row':34}{'leak':>7}{'|c|':>9}{'|E|':>9}{'|w|':>9}{'best':>9}{'last':>9}{'ratio':>7}",
        end="",
    )
    print(f"{'KiB':>7}{'us/step':>9}")
    n_bad = 0
    for row in rows:
        leak = row.leak if args.leak is None else args.leak
        life = _in_a_process(row, args.steps, leak, args.decay)
        bad = problems(life, leak)
        n_bad += bool(bad)
        best, last = (min(life.errors), life.errors[-1]) if life.errors else (np.nan, np.nan)
        print(
            f"{row.name:34}{leak:7g}{life.cell_state:9.3g}{life.trace:9.3g}{life.weight:9.3g}",
            end="",
        )
        print(f"{best:9.2g}{last:9.2g}{last / max(best, 1e-30):7.3f}{life.growth_kib:7}", end="")
        print(f"{life.us_per_step:9.2f}  {', '.join(bad)}", flush=True)
    print(f"{n_bad} of {len(rows)} rows break a bound")
    return int(n_bad > 0)


if __name__ == "__main__":
    _row, _n_steps, *_numbers = sys.argv[1:]
    print(json.dumps(vars(live(ROWS[_row], int(_n_steps), *map(float, _numbers)))))
