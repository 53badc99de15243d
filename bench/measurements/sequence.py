"""Whole sequences, one update each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import pylstm
from bench.measurements.step import tell_threads
from bench.peers import PEERS
from bench.reference import CHANGE_TOLERANCE, check_learning, compare, train
from bench.report import Result, Table
from bench.settings import Settings
from bench.task import Array, RunLearner, Task, make_task
from bench.timing import Timing, Work, alternate
from pylstm.reference import online_gradients

__all__ = ["measure_sequence"]

SHAPES = ((2, 4), (32, 64), (64, 128))
BATCHES = ((16, 64, 128), (32, 128, 256))  # streams, inputs, cells
N_STEPS = 100


class SequenceLearner(RunLearner):
    """pylstm from a fresh state: reset, then `run(update="sequence")`."""

    def __init__(self, task: Task) -> None:
        super().__init__(task, update="sequence")

    def learn(self, sequence: tuple[Array, Array]) -> Array:
        self.net.reset()
        return super().learn(sequence)


def sequence_task(n_inputs: int, n_cells: int) -> Task:
    """A task with one target, at the last step."""
    task = make_task(n_cells, n_inputs, n_outputs=1, n_steps=N_STEPS)
    targets = task.targets.copy()
    targets[:-1] = np.nan
    return replace(task, targets=targets)


class BatchLearner:
    """pylstm with several streams, all from a fresh state: reset, `run(update="sequence")`."""

    def __init__(self, task: Task, n_streams: int) -> None:
        self.streams = pylstm.Streams(task.network(), n_streams)

    def learn(self, X: Array, targets: Array) -> Array:
        self.streams.reset()
        return self.streams.run(X, targets, update="sequence")


def batch(task: Task, n_streams: int, n_steps: int) -> tuple[Array, Array]:
    """Inputs (n_steps, n_streams, n_inputs) and targets, one for each stream, at the last step."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_steps, n_streams, task.n_inputs)) / 2
    targets = rng.normal(size=(n_steps, n_streams, task.n_outputs)) / 2
    targets[:-1] = np.nan
    return np.float32(X), np.float32(targets)


def check_batch(task: Task, n_streams: int, n_steps: int = 10) -> None:
    """Raise Mismatch unless the streams predict, and learn the sum of, what each would alone."""
    X, targets = batch(task, n_streams, n_steps)
    learner = BatchLearner(task, n_streams)
    Y = learner.learn(X, targets)
    start = {name: np.float64(values) for name, values in task.weights.items()}
    changes = {name: np.zeros_like(values) for name, values in start.items()}
    for b in range(n_streams):
        steps = list(online_gradients(task.config, start, np.float64(X[:, b]), targets[:, b]))
        compare("streams: the prediction", Y[:, b], np.array([y for y, _ in steps]))
        for name, g in steps[-1][1].items():
            changes[name] -= task.learning_rate * g
    for name, change in changes.items():
        learned = learner.streams.net.parameters[name] - start[name]
        compare(f"streams: the change of {name}", learned, change, CHANGE_TOLERANCE)


def measure_sequence(settings: Settings) -> Result:
    """Microseconds a sequence of 100 steps with one update, beside PyTorch's nn.LSTM."""
    has_torch = any(peer.package == "torch" and peer.installed for peer in PEERS)
    tell_threads(settings.threads)
    rows, records = [], []
    for n_inputs, n_cells in SHAPES:
        if n_cells > settings.largest:
            continue
        task = sequence_task(n_inputs, n_cells)
        timings = _timings(task, settings, has_torch)
        own = timings["pylstm"]
        row = [n_inputs, n_cells, task.n_weights, own.median, own.median / N_STEPS]
        if has_torch:
            row += [timings["PyTorch"].median, timings["PyTorch"].ratio_to(own)]
        rows.append(row)
        for name, timing in timings.items():
            shape = {"n_cells": n_cells, "n_inputs": n_inputs, "n_streams": 1}
            records.append(timing.record(learner=name, **shape))
    columns = ["inputs", "cells", "weights", "pylstm, us", "us a step"]
    columns += ["PyTorch nn.LSTM, us", "to pylstm"] if has_torch else []
    batches = _measure_batches(settings, has_torch, records)
    title = f"A sequence of {N_STEPS} steps: forward, gradient of the error at its end, SGD"
    note = "PyTorch follows the full gradient back through time, pylstm the truncated one of 1997."
    skipped = [] if has_torch else ["Skipped, not installed: PyTorch."]
    tables = [Table(title, columns, rows, note if has_torch else ""), *batches]
    return Result(tables, records, notes=skipped)


def _measure_batches(
    settings: Settings, has_torch: bool, records: list[dict[str, object]]
) -> list[Table]:
    """The table of several streams, unless all its networks are too large for the settings."""
    rows = []
    for n_streams, n_inputs, n_cells in BATCHES:
        if n_cells > settings.largest:
            continue
        task = make_task(n_cells, n_inputs, n_outputs=1, n_steps=1)
        timings = _batch_timings(task, n_streams, settings, has_torch)
        own = timings["pylstm"]
        row = [n_streams, n_inputs, n_cells, own.median]
        if has_torch:
            row += [timings["PyTorch"].median, timings["PyTorch"].ratio_to(own)]
        rows.append(row)
        for name, timing in timings.items():
            records.append(
                timing.record(learner=name, n_cells=n_cells, n_inputs=n_inputs, n_streams=n_streams)
            )
    columns = ["streams", "inputs", "cells", "pylstm, us"]
    columns += ["PyTorch nn.LSTM, us", "to pylstm"] if has_torch else []
    title = "Several such sequences through shared weights, one update"
    return [Table(title, columns, rows)] if rows else []


def _batch_timings(
    task: Task, n_streams: int, settings: Settings, has_torch: bool
) -> dict[str, Timing]:
    check_batch(task, n_streams)
    X, targets = batch(task, n_streams, N_STEPS)
    own = BatchLearner(task, n_streams)
    works = {"pylstm": Work(lambda: own.learn(X, targets))}
    if has_torch:
        import torch

        from bench.peers.torch_cell import SequenceLearner as TorchLearner

        peer, sequence = TorchLearner(task), (torch.from_numpy(X), torch.from_numpy(targets))
        predicted = TorchLearner(task).learn(sequence)
        compare("PyTorch nn.LSTM: the last predictions", predicted, own.learn(X, targets)[-1])
        own = BatchLearner(task, n_streams)
        works["PyTorch"] = Work(lambda: peer.learn(sequence))
    return alternate(works, settings)


def _timings(task: Task, settings: Settings, has_torch: bool) -> dict[str, Timing]:
    check_learning({"pylstm": SequenceLearner}, task, N_STEPS, N_STEPS)
    learners = {"pylstm": SequenceLearner}
    if has_torch:
        from bench.peers.torch_cell import SequenceLearner as TorchLearner

        learners["PyTorch"] = TorchLearner
        predicted = TorchLearner(task).learn(TorchLearner(task).load(task.X, task.targets))
        compare("PyTorch nn.LSTM: the last prediction", predicted, train(task, N_STEPS)[0][-1:])
    works = {}
    for name, make in learners.items():
        learner = make(task)
        sequence = learner.load(task.X, task.targets)
        works[name] = Work(lambda learner=learner, sequence=sequence: learner.learn(sequence))
    return alternate(works, settings)
