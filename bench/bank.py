"""``python -m bench bank``: a model a key, against dicts of them.

Rows come in random order of their keys. First the bank is checked: what it says of every row must
be what an estimator of each key says, to the last bit. Contenders take turns, a block of rows each,
in one process; their ratio is the median over the blocks. The dicts are called as river calls
models, `predict_one` and `learn_one` with a dict of features.
"""

from __future__ import annotations

import argparse
import csv
import gc
import io
import lzma
import math
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import pylstm
from bench.machine import header
from bench.report import Result, Table, save, text
from bench.resident import resident_kib
from bench.settings import Settings
from pylstm.estimators import Regressor

__all__ = ["Stream", "check", "growth", "main", "parking", "retail", "scores", "speed"]

Array = npt.NDArray[Any]
BLOCKS = 5


class Stream(NamedTuple):
    """Rows of many keys, in their order."""

    keys: Array
    X: Array
    y: Array

    def block(self, start: int, end: int) -> Stream:
        """Some rows."""
        return Stream(self.keys[start:end], self.X[start:end], self.y[start:end])


def made(n_keys: int, n_rows: int, n_features: int, seed: int = 0) -> Stream:
    """Rows in random order of their keys; a target that hangs on the row, the key and the past."""
    rng = np.random.default_rng(seed)
    keys, X = rng.integers(0, n_keys, n_rows), rng.normal(size=(n_rows, n_features))
    level = rng.normal(size=n_keys)[keys]
    return Stream(keys, X, level + X[:, 0] + 0.1 * rng.normal(size=n_rows))


# ---------------------------------------------------------------- contenders


def bank_of(n_cells: int) -> Callable[[Stream], Array]:
    """A bank: learn a block, return what was said of its rows."""
    bank = pylstm.Bank(Regressor(n_cells))
    return lambda rows: np.asarray(bank.run(*rows))


def dict_of(new: Callable[[], Any], with_last: bool = False) -> Callable[[Stream], Array]:
    """A dict of models with the methods of river; `with_last`: the last target is a feature."""
    models: dict[Any, Any] = defaultdict(new)
    last: dict[Any, float] = defaultdict(float)

    def learn(rows: Stream) -> Array:
        said = []
        names = [f"x{k}" for k in range(rows.X.shape[1])]
        for key, row, y in zip(rows.keys.tolist(), rows.X.tolist(), rows.y.tolist(), strict=True):
            model, x = models[key], dict(zip(names, row, strict=True))
            if with_last:
                x["last"] = last[key]
            said.append(model.predict_one(x))
            model.learn_one(x, y)
            last[key] = y
        return np.array(said)

    return learn


def last_value(rows: Stream) -> Array:
    """The last target of every key."""
    last: dict[Any, float] = {}
    said = []
    for key, y in zip(rows.keys.tolist(), rows.y.tolist(), strict=True):
        said.append(last.get(key, 0.0))
        last[key] = y
    return np.array(said)


def contenders(n_cells: int) -> dict[str, Callable[[Stream], Array]]:
    """Who is compared; river where it is installed."""
    found = {"bank": bank_of(n_cells)}
    if find_spec("river"):
        from river import linear_model, preprocessing

        from pylstm.river import LSTMRegressor

        found["dict of LSTMRegressor"] = dict_of(lambda: LSTMRegressor(n_cells))
        found["dict of river, linear"] = dict_of(
            lambda: preprocessing.StandardScaler() | linear_model.LinearRegression(), True
        )
    return found


# ---------------------------------------------------------------- measurements


def check(rows: Stream, n_cells: int) -> str:
    """What the bank says that estimators of each key do not say, or nothing."""
    bank = pylstm.Bank(Regressor(n_cells))
    half = len(rows.y) // 2
    said = np.concatenate([bank.run(*rows.block(0, half)), bank.run(*rows.block(half, 2 * half))])
    for key in np.unique(rows.keys):
        at = np.flatnonzero(rows.keys[: 2 * half] == key)
        wanted = Regressor(n_cells).run(rows.X[at], rows.y[at])
        if not np.array_equal(said[at], wanted):
            return f"key {key}: predictions differ by up to {np.abs(said[at] - wanted).max():g}"
    return ""


def speed(n_keys: int, n_rows: int, n_features: int, n_cells: int) -> tuple[Table, list[Any]]:
    """Microseconds a row of all contenders, in turns."""
    learners = contenders(n_cells)
    few = max(1, min(2000, n_rows // 10))
    turns: dict[str, list[float]] = {name: [] for name in learners}
    first = Stream(np.arange(n_keys), np.zeros((n_keys, n_features)), np.zeros(n_keys))
    for learn in learners.values():  # every key is there
        learn(first)
    for turn in range(BLOCKS):
        rows = made(n_keys, n_rows, n_features, turn)
        for name, learn in learners.items():
            block = rows if name == "bank" else rows.block(0, few)
            gc.collect()
            start = time.perf_counter()
            learn(block)
            turns[name].append((time.perf_counter() - start) / len(block.y) * 1e6)
    peer = "JAX is not installed."
    if find_spec("jax"):
        turns["JAX vmap, SGD"] = vmap(n_keys, n_features, n_cells)
        peer = "JAX is given a row of each key at a time, and has neither scaling nor mixing."
    ours = turns["bank"]
    table = Table(
        f"{n_keys:,} keys, {n_features} features, {n_cells} cells",
        ["", "us a row", "rows a second", "times as long as the bank"],
        [
            [
                name,
                statistics.median(them),
                1e6 / statistics.median(them),
                statistics.median(them) / statistics.median(ours)
                if name.startswith("JAX")
                else statistics.median(a / b for a, b in zip(them, ours, strict=True)),
            ]
            for name, them in turns.items()
        ],
        f"{pylstm.get_threads()} threads; rows of a call: {n_rows:,} of the bank, {few:,} of a "
        f"dict. {peer}",
    )
    return table, [{"name": name, "us": them} for name, them in turns.items()]


def vmap(n_keys: int, n_features: int, n_cells: int) -> list[float]:
    """Microseconds a row of single networks with plain SGD in JAX, a row of every key at a time."""
    from bench.peers.jax_population import PopulationLearner
    from bench.task import make_task

    n_steps = 8
    task = make_task(n_cells, n_features, 1, n_steps)
    learner = PopulationLearner([task] * n_keys)
    rows = learner.load(np.stack([task.X] * n_keys), np.stack([task.targets] * n_keys))
    learner.learn(rows)
    turns = []
    for _ in range(BLOCKS):
        start = time.perf_counter()
        learner.learn(rows)
        turns.append((time.perf_counter() - start) / (n_keys * n_steps) * 1e6)
    return turns


def growth(
    sizes: Sequence[int], n_features: int, n_cells: int, limit: int | None = None
) -> tuple[Table, list[Any]]:
    """Cost a row and memory a key by the number of keys."""
    records = []
    for n_keys in sizes:
        bank = pylstm.Bank(Regressor(n_cells), memory_limit=limit)
        before = resident_kib()
        rows = made(n_keys, n_keys, n_features)
        order = np.random.default_rng(0).permutation(n_keys)
        start = time.perf_counter()
        bank.learn_many(order, rows.X, rows.y)
        born = (time.perf_counter() - start) / n_keys * 1e6
        memory = resident_kib() - before
        us = {}
        for a_key in (1, 20):
            n_rows = n_keys * a_key
            rows = made(n_keys, n_rows, n_features, a_key)
            keys = np.tile(order, a_key)
            np.random.default_rng(1).shuffle(keys)
            start = time.perf_counter()
            for part in range(0, n_rows, 2_000_000):
                some = slice(part, part + 2_000_000)
                bank.learn_many(keys[some], rows.X[some], rows.y[some])
            us[a_key] = (time.perf_counter() - start) / n_rows * 1e6
        form = next(iter(bank._forms.values()))
        model = bank[0]
        records.append(
            {"keys": n_keys, "us_new": born, "us_1": us[1], "us_20": us[20]}
            | {"kib": memory, "record": form.size, "beyond": beyond_learning(form, model)}
        )
        del bank, model
        gc.collect()
    table = Table(
        f"Growth, {n_features} features, {n_cells} cells",
        [
            "keys",
            "us a new key",
            "us a row, 1 a key and call",
            "us a row, 20",
            "kB a key, resident",
        ],
        [
            [
                r["keys"],
                r["us_new"],
                r["us_1"],
                r["us_20"],
                r["kib"] * 1.024 / r["keys"] if r["kib"] > 100_000 else None,
            ]
            for r in records
        ],
        f"A record has {records[-1]['record']:,} bytes, {records[-1]['beyond']:,} of them neither "
        "weights nor traces nor moments. Resident memory includes the rows of the call.",
    )
    return table, records


def beyond_learning(form: Any, model: Regressor) -> int:
    """Bytes of a record beside weights, moments and traces, padding counted as they are kept."""
    size = form.size
    assert model._experts is not None
    for expert, net in zip(model._experts.experts, model.nets, strict=True):
        state = net.__getstate__()
        size -= state["parameters"].nbytes
        size -= sum(
            state[name].nbytes for name in ("first_moment", "second_moment") if name in state
        )
        size -= state["traces"].nbytes if expert.memory and "traces" in state else 0
    return int(size)


# ---------------------------------------------------------------- real streams


def retail(folder: Path) -> Stream:
    """Lines of invoices of an online shop by customer: the logarithm of the quantity."""
    path = folder / "online_retail.csv.xz"
    rows = []
    with lzma.open(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            quantity, price = float(row["Quantity"]), float(row["Price"])
            if row["Customer ID"] and quantity > 0 and price > 0:
                when = datetime.strptime(row["InvoiceDate"], "%m/%d/%Y %H:%M")
                x = math.log(price), when.hour + when.minute / 60, when.weekday()
                rows.append((when, int(float(row["Customer ID"])), x, math.log(quantity)))
    rows.sort(key=lambda row: row[0])
    return _stream(rows)


def parking(folder: Path) -> Stream:
    """Car parks of a town, half-hourly: how much of each is occupied."""
    rows = []
    content = (folder / "hourly_parking.csv").read_text()
    for row in csv.DictReader(io.StringIO(content)):
        when = datetime.fromisoformat(row["LastUpdated"])
        x = when.hour + when.minute / 60, when.weekday()
        share = float(row["Occupancy"]) / float(row["Capacity"])
        rows.append((when, row["SystemCodeNumber"], x, share))
    rows.sort(key=lambda row: row[0])
    return _stream(rows)


def _stream(rows: Sequence[tuple[datetime, Any, tuple[float, ...], float]]) -> Stream:
    _, keys, X, y = zip(*rows, strict=True)
    return Stream(np.array(keys), np.array(X, float), np.array(y))


def scores(streams: Mapping[str, Stream], n_cells: int) -> tuple[Table, list[Any]]:
    """Mean absolute errors along real streams, every row predicted before it is learned."""
    records = []
    for name, rows in streams.items():
        learners = {"last value": last_value, **contenders(n_cells)}
        for contender, learn in learners.items():
            start = time.perf_counter()
            said = learn(rows)
            seconds = time.perf_counter() - start
            error = float(np.abs(said - rows.y).mean())
            records.append(
                {"stream": name, "rows": len(rows.y), "keys": len(np.unique(rows.keys))}
                | {"name": contender, "mae": error, "seconds": seconds}
            )
            print(f"{name}: {contender} {error:.4g} in {seconds:.0f} s", file=sys.stderr)
    table = Table(
        "Real streams",
        ["stream", "rows", "keys", "", "mean absolute error", "rows a second"],
        [
            [r["stream"], r["rows"], r["keys"], r["name"], r["mae"], r["rows"] / r["seconds"]]
            for r in records
        ],
    )
    return table, records


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; 0, or 1 where the bank says something else than estimators of each key."""
    parser = argparse.ArgumentParser(prog="python -m bench bank", description=__doc__)
    parser.add_argument("--keys", type=int, default=10_000, help="default %(default)s")
    parser.add_argument("--rows", type=int, default=200_000, help="of a call, default %(default)s")
    parser.add_argument("--features", type=int, default=8, help="default %(default)s")
    parser.add_argument("--cells", type=int, default=8, help="default %(default)s")
    parser.add_argument(
        "--largest", type=int, default=100_000, metavar="KEYS", help="of the growth, %(default)s"
    )
    parser.add_argument("--limit", type=int, metavar="BYTES", help="memory_limit of the growth")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="online_retail.csv.xz and hourly_parking.csv"
    )
    parser.add_argument(
        "--only", nargs="+", choices=["speed", "growth", "scores"], help="default all"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("build/bench"), metavar="DIR", help="default %(default)s"
    )
    args = parser.parse_args(arguments)
    only = args.only or ["speed", "growth", "scores"]
    wrong = check(made(5, 400, args.features), args.cells)
    if wrong:
        print(f"bank: {wrong}; nothing was timed", file=sys.stderr)
        return 1
    head = header(
        Settings(threads=pylstm.get_threads()),
        ["bank", *(sys.argv[2:] if arguments is None else arguments)],
    )
    head["repeats"] = f"median of {BLOCKS} turns"
    results = []
    if "growth" in only:  # first, while no memory is left over from others
        sizes = [10**k for k in range(2, 8) if 10**k <= args.largest]
        results.append(growth(sizes or [args.largest], 2, 4, args.limit))
    if "speed" in only:
        results.append(speed(args.keys, args.rows, args.features, args.cells))
    if "scores" in only and args.data:
        streams = {"online retail": retail(args.data), "car parks": parking(args.data)}
        results.append(scores(streams, args.cells))
    tables, records = [table for table, _ in results], [r for _, them in results for r in them]
    result = Result(tables, records)
    paths = save("bank", result, head, args.out)
    print("\n".join(f"{key:16} {value}" for key, value in head.items()))
    print(f"\n{text(result)}\n\n{', '.join(map(str, paths))}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
