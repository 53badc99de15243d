"""The exact gradient of whole sequences, one update each: backpropagation through time.

Floor: with W hidden weights, R of them recurrent, n_steps and n_streams, the forward pass and the
gradient take a multiply-add a weight, step and stream each, and sending errors back one a recurrent
weight: n_steps n_streams (2 W + R). At one stream two thirds of it read the weights anew at every
step, and the width of the cache, not this, is what limits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

import pylstm
from bench.measurements.floor import measure_peaks
from bench.measurements.sequence import N_STEPS, batch
from bench.measurements.step import tell_threads
from bench.peers import PEERS
from bench.reference import compare
from bench.report import Result, Table
from bench.settings import Settings
from bench.task import Array, Task, make_task
from bench.timing import Timing, Work, alternate

__all__ = ["measure_exact"]

SHAPES = ((1, 2, 4), (1, 64, 128), (16, 64, 128))  # streams, inputs, cells
GRADIENT_TOLERANCE = 1e-4  # float32, relative to the largest entry
OWN, TRUNCATED, PEER = "pylstm bptt", "pylstm truncated", "PyTorch"


class NetworkLearner:
    """One sequence through a network: reset, `run(update="sequence")`. X: (n_steps, 1, n_inputs)"""

    def __init__(self, task: Task, n_streams: int, gradient: str = "bptt") -> None:
        self.net = replace(task, switches={"gradient": gradient}).network()

    def learn(self, X: Array, targets: Array) -> Array:
        self.net.reset()
        return self.net.run(X[:, 0], targets[:, 0], update="sequence")[:, None]

    def weights(self) -> Mapping[str, Array]:
        return self.net.parameters


class StreamsLearner:
    """Several sequences through its weights: reset, `run(update="sequence")`."""

    def __init__(self, task: Task, n_streams: int, gradient: str = "bptt") -> None:
        net = replace(task, switches={"gradient": gradient}).network()
        self.streams = pylstm.Streams(net, n_streams)

    def learn(self, X: Array, targets: Array) -> Array:
        self.streams.reset()
        return self.streams.run(X, targets, update="sequence")

    def weights(self) -> Mapping[str, Array]:
        return self.streams.net.parameters


def maker(n_streams: int) -> Callable[..., NetworkLearner | StreamsLearner]:
    return NetworkLearner if n_streams == 1 else StreamsLearner


def learned_gradient(task: Task, make: Callable[[Task], Any], *sequence: Any) -> dict[str, Array]:
    """What a learner changes at a rate of 1, the other way round."""
    learner = make(replace(task, learning_rate=1.0))
    learner.learn(*sequence)
    weights = learner.weights()
    return {name: np.float64(start) - weights[name] for name, start in task.weights.items()}


def check_slopes(task: Task, X: Array, targets: Array, gradient: dict[str, Array]) -> None:
    """Raise Mismatch unless the loss, in float64, rises along its gradient, and along random
    directions, as steeply as the gradient says; by differences, whose forward pass is proved."""
    rng = np.random.default_rng(1)
    nets = replace(task, switches={"dtype": "float64"})
    net, start = nets.network(), {name: np.float64(w) for name, w in task.weights.items()}

    def loss(directions: dict[str, Array], distance: float) -> float:
        for name, values in start.items():
            net.parameters[name][:] = values + distance * directions[name]
        total = 0.0
        for b in range(X.shape[1]):
            net.reset()
            total += float(np.sum((net.run(X[:, b])[-1] - targets[-1, b]) ** 2) / 2)
        return total

    norm = np.sqrt(sum(np.sum(g**2) for g in gradient.values()))
    found, wanted = [], []
    for k in range(4):
        way = {
            name: g / norm if k == 0 else rng.normal(size=g.shape) for name, g in gradient.items()
        }
        wanted.append((loss(way, 1e-5) - loss(way, -1e-5)) / 2e-5)
        found.append(sum(np.sum(g * way[name]) for name, g in gradient.items()))
    compare("bptt: the slope of the loss", np.array(found), np.array(wanted), GRADIENT_TOLERANCE)


def check_gradient(task: Task, n_streams: int, has_torch: bool, n_steps: int = N_STEPS) -> None:
    """Raise Mismatch unless the gradient is that of the loss, and PyTorch's where there is one."""
    X, targets = batch(task, n_streams, n_steps)

    make = partial(maker(n_streams), n_streams=n_streams)
    gradient = learned_gradient(task, make, X, targets)
    check_slopes(task, X, targets, gradient)
    if has_torch:
        import torch

        from bench.peers.torch_cell import SequenceLearner as TorchLearner

        sequence = torch.from_numpy(X), torch.from_numpy(targets)
        for name, wanted in learned_gradient(task, TorchLearner, sequence).items():
            what = f"bptt and PyTorch, {n_streams} streams: the gradient of {name}"
            compare(what, gradient[name], wanted, GRADIENT_TOLERANCE)


def measure_exact(settings: Settings) -> Result:
    """Microseconds a sequence of 100 steps by the exact gradient, beside PyTorch's nn.LSTM."""
    has_torch = any(peer.package == "torch" and peer.installed for peer in PEERS)
    tell_threads(settings.threads)
    peaks, records = measure_peaks([settings.threads], settings)
    peak, rows = peaks["float32", settings.threads], []
    for n_streams, n_inputs, n_cells in SHAPES:
        if n_cells > settings.largest:
            continue
        task = make_task(n_cells, n_inputs, n_outputs=1, n_steps=1)
        check_gradient(task, n_streams, has_torch)
        work = N_STEPS * n_streams * (2 * task.n_weights + 4 * n_cells**2)
        timings = _timings(task, n_streams, settings, has_torch)
        own, floor = timings[OWN], work / peak
        row = [n_streams, n_inputs, n_cells, work / 1e6, floor, own.median, own.median / floor]
        row.append(timings[TRUNCATED].median)
        if has_torch:
            row += [timings[PEER].median, timings[PEER].ratio_to(own)]
        rows.append(row)
        shape = {"n_streams": n_streams, "n_inputs": n_inputs, "n_cells": n_cells}
        for name, timing in timings.items():
            records.append(timing.record(learner=name, floor_us=floor, **shape))
    columns = ["streams", "inputs", "cells", "millions of multiply-adds", "floor, us"]
    columns += ["bptt, us", "to the floor", "truncated, us"]
    columns += ["PyTorch nn.LSTM, us", "to bptt"] if has_torch else []
    title = f"Sequences of {N_STEPS} steps: forward, exact gradient of the error at the end, SGD"
    note = "PyTorch's gradient is the same, to 1e-4 of its largest entry." if has_torch else ""
    skipped = [] if has_torch else ["Skipped, not installed: PyTorch."]
    return Result([Table(title, columns, rows, note)], records, notes=skipped)


def _timings(task: Task, n_streams: int, settings: Settings, has_torch: bool) -> dict[str, Timing]:
    X, targets = batch(task, n_streams, N_STEPS)
    learners = {
        OWN: maker(n_streams)(task, n_streams),
        TRUNCATED: maker(n_streams)(task, n_streams, "truncated"),
    }
    works = {
        name: Work(lambda learner=learner: learner.learn(X, targets))
        for name, learner in learners.items()
    }
    if has_torch:
        import torch

        from bench.peers.torch_cell import SequenceLearner as TorchLearner

        peer, sequence = TorchLearner(task), (torch.from_numpy(X), torch.from_numpy(targets))
        works[PEER] = Work(lambda: peer.learn(sequence))
    return alternate(works, settings)
