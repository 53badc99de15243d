"""What the library is to reach, as data; and whether a run reached it.

A target is a ratio of two figures of the same run. It finds them in the records of a measurement by
their labels, so a measurement that is not there yet, or left a size out, leaves a dash.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.report import Result, Table

__all__ = ["TARGETS", "Target", "judge", "needed"]

Record = Mapping[str, Any]
Ratio = Callable[[Sequence[Record]], float | None]

RUN, STEP = "pylstm run", "pylstm step"


@dataclass(frozen=True)
class Target:
    """`ratio` of the records of `measurement`: at least `wanted`, or at most."""

    work: str
    against: str
    measurement: str
    ratio: Ratio
    wanted: float
    at_most: bool = False

    def reached(self, ratio: float) -> bool:
        return ratio <= self.wanted if self.at_most else ratio >= self.wanted


def find(records: Sequence[Record], **labels: Any) -> Record | None:
    """The first record with these labels."""
    found = [r for r in records if all(r.get(key) == label for key, label in labels.items())]
    return found[0] if found else None


def faster(own: str, peer: str, **labels: Any) -> Ratio:
    """How many times longer the peer takes."""

    def ratio(records: Sequence[Record]) -> float | None:
        mine = find(records, learner=own, **labels)
        yours = find(records, learner=peer, **labels)
        return yours["us"] / mine["us"] if mine and yours else None

    return ratio


def above(floor: str, n_cells: int) -> Ratio:
    """A step in units of a floor, a key of the records of `floor`; both with one thread."""

    def ratio(records: Sequence[Record]) -> float | None:
        found = find(records, what="step", n_cells=n_cells, threads=1)
        return found["us"] / found[floor] if found else None

    return ratio


def flatness(records: Sequence[Record], fewest: int = 10**3, most: int = 10**5) -> float | None:
    """Largest to smallest time a weight of `run` over all sizes from fewest to most weights."""
    costs = [
        r["us"] / r["n_weights"]
        for r in records
        if r.get("learner") == RUN and fewest <= r["n_weights"] <= most
    ]
    return max(costs) / min(costs) if len(costs) > 1 else None


def against_plain(optimizer: str, n_cells: int) -> Ratio:
    """A step under an optimizer in steps under plain SGD."""

    def ratio(records: Sequence[Record]) -> float | None:
        own = find(records, optimizer=optimizer, n_cells=n_cells)
        plain = find(records, optimizer="SGD", n_cells=n_cells)
        return own["us"] / plain["us"] if own and plain else None

    return ratio


def of_layers(cells: str) -> Ratio:
    """A step of a stack by plain SGD in the sum of those of its layers."""

    def ratio(records: Sequence[Record]) -> float | None:
        us = {
            r["learner"]: r["us"]
            for r in records
            if (r.get("cells"), r.get("rule")) == (cells, "SGD")
        }
        whole = us.pop("stack", None)
        return whole / sum(us.values()) if whole and us else None

    return ratio


def _targets() -> list[Target]:
    def weights(n_cells: int) -> str:
        """Of the hidden layer of make_task."""
        n_inputs = max(1, n_cells // 2)
        return f"{4 * n_cells * (n_inputs + n_cells + 1):,} weights"

    found = []
    beside_jax = {4: 8, 8: 8, 16: 8, 64: 3, 128: 4, 256: 3.5, 512: 2, 1024: 2.5}
    for n_cells, wanted in beside_jax.items():
        ratio = faster(RUN, "JAX scan", n_cells=n_cells)
        found.append(Target(f"run, {weights(n_cells)}", "JAX scan", "step", ratio, wanted))
    for wanted, sizes in ((200, (4, 8, 16)), (25, (128,))):
        for n_cells in sizes:
            ratio = faster(STEP, "PyTorch cell", n_cells=n_cells)
            against = "PyTorch cell, detached"
            found.append(Target(f"step, {weights(n_cells)}", against, "step", ratio, wanted))
    against = "ns a weight, largest to smallest"
    found.append(Target("run, 10^3 to 10^5 weights", against, "step", flatness, 2, True))
    for n_cells, wanted in ((128, 1.5), (256, 1.5), (512, 1.7)):
        work, ratio = f"run, {weights(n_cells)}, one thread", above("floor_us", n_cells)
        found.append(Target(work, "the larger floor", "floor", ratio, wanted, True))
    ratio = against_plain("that of the estimators", 32)
    work = "optimizer of the estimators, 32 cells"
    found.append(Target(work, "plain SGD", "optimizers", ratio, 2, True))
    for n_nets in (16, 64, 256):
        ratio = faster("pylstm population", "JAX vmap", n_nets=n_nets)
        work = f"{n_nets} nets of 112 weights"
        found.append(Target(work, "JAX vmap in scan", "population", ratio, 10))
    for wanted, n_streams, n_inputs, n_cells in (
        (4, 1, 64, 128),
        (3, 16, 64, 128),
        (2.5, 32, 128, 256),
    ):
        shape = {"n_streams": n_streams, "n_inputs": n_inputs, "n_cells": n_cells}
        ratio = faster("pylstm", "PyTorch", **shape)
        work = f"{n_streams} sequences of 100 steps, {n_inputs} inputs, {n_cells} cells"
        found.append(Target(work, "nn.LSTM", "sequence", ratio, wanted))
    for n_streams, wanted in ((1, 4), (16, 2.3)):
        ratio = faster("pylstm bptt", "PyTorch", n_streams=n_streams, n_inputs=64, n_cells=128)
        work = f"{n_streams} sequences of 100 steps, 64 inputs, 128 cells, exact gradient"
        found.append(Target(work, "nn.LSTM", "exact", ratio, wanted))
    for shape in ("two layers", "both directions"):
        for n_streams, wanted in ((1, 2.5), (16, 1.5)):
            ratio = faster("pylstm", "PyTorch", shape=shape, n_streams=n_streams)
            work = f"{n_streams} sequences, {shape}, exact gradient"
            found.append(Target(work, "nn.LSTM", "layers", ratio, wanted))
    for cells in ("16 + 16", "64 + 64 + 64", "128 + 128"):
        work = f"run, a stack of {cells} cells"
        found.append(Target(work, "its layers alone", "layers", of_layers(cells), 1.15, True))
    return found


TARGETS = _targets()


def needed() -> list[str]:
    """The measurements that the targets look into."""
    return list(dict.fromkeys(target.measurement for target in TARGETS))


def judge(records: Mapping[str, Sequence[Record]]) -> Result:
    """Every target beside what was reached, from the records of a run by measurement."""
    rows, verdicts = [], []
    for target in TARGETS:
        ratio = target.ratio(records.get(target.measurement, ()))
        verdict = None if ratio is None else "yes" if target.reached(ratio) else "no"
        wanted = f"{'at most' if target.at_most else 'at least'} {target.wanted:g}"
        rows.append([target.work, target.against, wanted, ratio, verdict])
        verdicts.append(
            {"work": target.work, "against": target.against, "measurement": target.measurement}
            | {"wanted": target.wanted, "at_most": target.at_most, "ratio": ratio}
        )
    judged = [verdict for *_, verdict in rows if verdict]
    note = (
        f"{judged.count('yes')} of {len(judged)} reached, {len(rows) - len(judged)} not measured. "
        "At least: times faster. At most: times the floor, or times the smallest."
    )
    columns = ["work", "against", "wanted", "reached", "held"]
    return Result([Table("Targets, ratios within this run", columns, rows, note)], verdicts)
