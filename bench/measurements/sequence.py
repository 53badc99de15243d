"""Whole sequences, one update each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.measurements.step import tell_threads
from bench.peers import PEERS
from bench.reference import check_learning, compare, train
from bench.report import Result, Table
from bench.settings import Settings
from bench.task import Array, RunLearner, Task, make_task
from bench.timing import Timing, Work, alternate

__all__ = ["measure_sequence"]

SHAPES = ((2, 4), (32, 64), (64, 128))
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
            records.append(timing.record(learner=name, n_cells=n_cells, n_inputs=n_inputs))
    columns = ["inputs", "cells", "weights", "pylstm, us", "us a step"]
    columns += ["PyTorch nn.LSTM, us", "to pylstm"] if has_torch else []
    title = f"A sequence of {N_STEPS} steps: forward, gradient of the error at its end, SGD"
    note = "PyTorch follows the full gradient back through time, pylstm the truncated one of 1997."
    skipped = [] if has_torch else ["Skipped, not installed: PyTorch."]
    return Result([Table(title, columns, rows, note if has_torch else "")], records, notes=skipped)


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
