"""Several layers and both directions: beside each layer alone, and beside PyTorch's nn.LSTM.

Floor: a stack computes what its layers compute alone, and sends the error of every step down, a
multiply-add for each weight that reads the layer below. Of the exact gradient see `exact`; a layer
upon another sends errors down a multiply-add for each of these weights and step more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

import pylstm
from bench.measurements.sequence import N_STEPS
from bench.measurements.step import tell_threads
from bench.peers import PEERS
from bench.reference import compare
from bench.report import Result, Table
from bench.settings import Settings
from bench.task import Array
from bench.timing import Timing, Work, alternate
from pylstm.interchange import to_torch

__all__ = ["measure_layers"]

STACKS = ((4, (4, 4)), (16, (16, 16)), (64, (64, 64, 64)), (64, (128, 128)))  # inputs, cells
RULES: dict[str, pylstm.Optimizer] = {"SGD": pylstm.SGD(1e-3), "Adam": pylstm.Adam(1e-4)}
RUN_STEPS = 500
SHAPES = {"two layers": (2, False), "both directions": (1, True), "two, both": (2, True)}
N_INPUTS, N_CELLS = 64, 128
STREAMS = (1, 16)
CHANGE_TOLERANCE = 1e-3  # float32, relative to the largest change of a parameter
OWN, PEER = "pylstm", "PyTorch"


def measure_layers(settings: Settings) -> Result:
    """Several layers beside each alone, and two or both directions beside PyTorch's nn.LSTM."""
    tell_threads(settings.threads)
    stacks, records = stack_table(settings)
    tables, notes = [stacks], []
    if settings.largest >= N_CELLS and any(
        peer.package == "torch" and peer.installed for peer in PEERS
    ):
        table, more = torch_table(settings)
        tables.append(table)
        records += more
    else:
        notes.append("Skipped, not installed or too large: PyTorch.")
    return Result(tables, records, notes=notes)


# ---------------------------------------------------------------- a stack and its layers


def check_stack(n_inputs: int, sizes: tuple[int, ...], n_steps: int = 5) -> None:
    """Raise Mismatch unless a stack computes what its layers compute one upon the other."""
    net = pylstm.LSTM(n_inputs, 1, list(sizes), seed=1)
    u = X = np.random.default_rng(0).normal(size=(n_steps, n_inputs)).astype(np.float32)
    for k, (width, n_cells) in enumerate(pairwise((n_inputs, *sizes))):
        is_top = k == len(sizes) - 1
        layer = pylstm.LSTM(width, 1 if is_top else n_cells, n_cells, output_bias=is_top)
        for name, values in layer.parameters.items():
            if name == "output":
                values[:] = net.parameters[name] if is_top else np.eye(n_cells)
            else:
                values[:] = net.parameters[f"layer{k}.{name}"]
        u = layer.run(u)
    compare(f"a stack of {sizes}", net.run(X), u)


def stack_table(settings: Settings) -> tuple[Table, list[Any]]:
    """Microseconds a step of `run`, the weights changing at every step."""
    rows, records = [], []
    rng = np.random.default_rng(0)
    for n_inputs, sizes in STACKS:
        if max(sizes) > settings.largest:
            continue
        check_stack(n_inputs, sizes)
        targets = rng.normal(size=(RUN_STEPS, 1)).astype(np.float32)
        X = {
            width: rng.normal(size=(RUN_STEPS, width)).astype(np.float32) / 2
            for width in {n_inputs, *sizes}
        }
        for rule, optimizer in RULES.items():
            nets = {"stack": pylstm.LSTM(n_inputs, 1, list(sizes), optimizer=optimizer)}
            nets |= {
                f"layer {k}": pylstm.LSTM(width, 1, n_cells, optimizer=optimizer)
                for k, (width, n_cells) in enumerate(pairwise((n_inputs, *sizes)))
            }
            timings = alternate(
                {
                    name: Work(partial(net.run, X[net.n_inputs], targets), RUN_STEPS)
                    for name, net in nets.items()
                },
                settings,
            )
            parts = [timing for name, timing in timings.items() if name != "stack"]
            whole = timings["stack"]
            alone = Timing(tuple(map(sum, zip(*(part.turns for part in parts), strict=True))), 1.0)
            cells = " + ".join(map(str, sizes))
            rows.append([n_inputs, cells, rule, whole.median, alone.median, whole.ratio_to(alone)])
            records += [
                timing.record(learner=name, n_inputs=n_inputs, cells=cells, rule=rule)
                for name, timing in timings.items()
            ]
    title = "A learning step of a stack, truncated gradient, and of its layers one by one"
    columns = ["inputs", "cells", "rule", "stack, us", "sum of layers, us", "ratio"]
    return Table(title, columns, rows), records


# ---------------------------------------------------------------- beside nn.LSTM


def build(n_layers: int, both: bool, rate: float) -> pylstm.LSTM:
    """A network whose gradient is the exact one."""
    return pylstm.LSTM(
        N_INPUTS,
        1,
        [N_CELLS] * n_layers if n_layers > 1 else N_CELLS,
        bidirectional=both,
        gradient="bptt",
        optimizer=pylstm.SGD(rate),
        seed=1,
    )


def learner(net: pylstm.LSTM, both: bool, X: Array, targets: Array) -> Callable[[], object]:
    """Learning from sequences side by side, one update; X: (n_steps, n_streams, n_inputs)."""
    n_steps, n_streams, _ = X.shape
    if both or n_streams == 1:
        rows, lengths = X.swapaxes(0, 1).reshape(-1, N_INPUTS).copy(), [n_steps] * n_streams
        return lambda: net.run_sequences(
            rows, targets, lengths, last=True, update=n_steps * n_streams
        )
    streams = pylstm.Streams(net, n_streams)
    at_end = np.full((n_steps, n_streams, 1), np.nan, np.float32)
    at_end[-1] = targets

    def learn() -> object:
        streams.reset()
        return streams.run(X, at_end, update="sequence")

    return learn


def changes(before: Mapping[str, Array], after: Mapping[str, Array]) -> dict[str, Array]:
    """What an update has changed, by names of PyTorch; of the two biases the trained one."""
    return {
        name: after[name] - np.float64(values)
        for name, values in before.items()
        if not name.startswith("bias_hh")
    }


def torch_weights(net: pylstm.LSTM) -> dict[str, Array]:
    """Copies by the names of PyTorch."""
    return {k: v.copy() for part in to_torch(net).values() for k, v in part.items()}


def check_torch(what: str, n_layers: int, both: bool, X: Array, targets: Array) -> None:
    """Raise Mismatch unless an update changes every weight as it does in PyTorch."""
    import torch

    from bench.peers.torch_layers import LayersLearner

    net = build(n_layers, both, 1.0)  # a rate at which changes are not lost in rounding
    peer, before = LayersLearner(net, N_CELLS, n_layers, both), torch_weights(net)
    learner(net, both, X, targets)()
    peer.learn(torch.tensor(X), torch.tensor(targets))
    wanted = changes(before, peer.weights())
    for name, change in changes(before, torch_weights(net)).items():
        compare(f"{what}: the change of {name}", change, wanted[name], CHANGE_TOLERANCE)


def torch_table(settings: Settings) -> tuple[Table, list[Any]]:
    """Microseconds for sequences of 100 steps."""
    import torch

    from bench.peers.torch_layers import LayersLearner

    rows, records = [], []
    rng = np.random.default_rng(0)
    for what, (n_layers, both) in SHAPES.items():
        for n_streams in STREAMS:
            X = rng.normal(size=(N_STEPS, n_streams, N_INPUTS)).astype(np.float32) / 2
            targets = rng.normal(size=(n_streams, 1)).astype(np.float32)
            sequence = torch.tensor(X), torch.tensor(targets)
            check_torch(f"{what}, {n_streams} sequences", n_layers, both, X, targets)
            net = build(n_layers, both, 0.01)
            peer = LayersLearner(net, N_CELLS, n_layers, both)
            works = {
                OWN: Work(learner(net, both, X, targets)),
                PEER: Work(partial(peer.learn, *sequence)),
            }
            timings = alternate(works, settings)
            ratio = timings[PEER].ratio_to(timings[OWN])
            rows.append([what, n_streams, timings[OWN].median, timings[PEER].median, ratio])
            records += [
                timing.record(learner=name, shape=what, n_streams=n_streams)
                for name, timing in timings.items()
            ]
    title = (
        f"Sequences of {N_STEPS} steps, {N_INPUTS} inputs, {N_CELLS} cells a layer and direction: "
        "exact gradient of the error at the end, SGD"
    )
    columns = ["", "sequences", "pylstm, us", "PyTorch nn.LSTM, us", "times as long"]
    note = f"Either changes every weight alike, to {CHANGE_TOLERANCE:g} of the largest change."
    return Table(title, columns, rows, note), records
