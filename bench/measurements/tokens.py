"""A learning step on a token, beside the same step on its one-hot vector.

The tokens come as words do: the k-th most frequent with a probability proportional to 1/k.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import pylstm
from bench.reference import check_learning
from bench.report import Curves, Result, Table
from bench.resident import resident_kib
from bench.settings import Settings
from bench.task import Array, RunLearner, Task, make_task
from bench.timing import Timing, Work, alternate

__all__ = ["measure_tokens"]

SIZES = (32, 128)
VOCABULARIES = (50, 1000, 50_000)
N_OUTPUTS, FORGET_BIAS = 8, 1.0
N_STEPS, MOST_NUMBERS = 5000, 10_000_000  # tokens in a call of run; numbers in one-hot vectors
TOKEN, VECTOR, FORWARD = "token", "one-hot vector", "token, no learning"


class TokenLearner(RunLearner):
    """pylstm, given the tokens its one-hot inputs stand for."""

    def load(self, X: Array, targets: Array) -> tuple[Array, Array]:
        return X.argmax(axis=1), targets


def measure_tokens(settings: Settings) -> Result:
    """Microseconds a learning step on tokens and on one-hot vectors; the memory tokens take."""
    vocabularies = VOCABULARIES[:2] if settings.quick else VOCABULARIES
    rows, records = [], []
    lines: dict[str, list[tuple[float, float]]] = {}
    for n_cells in settings.sizes(SIZES):
        check_learning({TOKEN: TokenLearner, VECTOR: RunLearner}, token_task(n_cells, 50))
        for size in vocabularies:
            net, timed = time_inputs(size, n_cells, settings)
            live = net._live_inputs().size
            token, vector, forward = (timed[name] for name in (TOKEN, VECTOR, FORWARD))
            ratio = vector.ratio_to(token)
            rows.append([size, n_cells, token.median, vector.median, ratio, forward.median, live])
            labels = {"vocabulary": size, "n_cells": n_cells, "live": live}
            records += [timing.record(inputs=name, **labels) for name, timing in timed.items()]
            for name in (TOKEN, VECTOR):
                lines.setdefault(f"{name}, {n_cells} cells", []).append((size, timed[name].median))
    columns = ["vocabulary", "cells", "token, us", "one-hot, us", "one-hot to token"]
    columns += ["token without learning, us", "live inputs"]
    note = (
        f"`run`, float32, {N_OUTPUTS} outputs, SGD at every step, forget gates that start with a "
        f"bias of {FORGET_BIAS:g}. Live inputs: rows of the vocabulary a learning step visits."
    )
    steps = Table("A learning step on words", columns, rows, note)
    kept = memory(vocabularies[-1], settings)
    return Result(
        [steps, kept],
        records + [dict(zip(kept.columns, row, strict=True)) for row in kept.rows],
        Curves("size of the vocabulary", "microseconds a learning step", lines),
        ["Checked against the NumPy reference on a vocabulary of 50 before timing."],
    )


def words(n_steps: int, size: int, rng: np.random.Generator) -> Array:
    """Tokens (n_steps,), token k with a probability proportional to 1/(k + 1)."""
    frequencies = 1 / np.arange(1, size + 1)
    return rng.choice(size, n_steps, p=frequencies / frequencies.sum()).astype(np.int32)


def one_hot(tokens: Array, size: int) -> Array:
    X = np.zeros((len(tokens), size), np.float32)
    X[np.arange(len(tokens)), tokens] = 1
    return X


def token_task(n_cells: int, size: int) -> Task:
    task = make_task(n_cells, n_inputs=size, n_outputs=N_OUTPUTS)
    return replace(task, X=one_hot(words(len(task.X), size, np.random.default_rng(1)), size))


def build(size: int, n_cells: int) -> pylstm.LSTM:
    return pylstm.LSTM(size, N_OUTPUTS, n_cells, bias_init={"forget_gate": FORGET_BIAS})


def time_inputs(
    size: int, n_cells: int, settings: Settings
) -> tuple[pylstm.LSTM, dict[str, Timing]]:
    """The network that learned from tokens, and the timings by name."""
    rng = np.random.default_rng(0)
    tokens = words(N_STEPS, size, rng)
    targets = rng.uniform(-1, 1, (N_STEPS, N_OUTPUTS)).astype(np.float32)
    # a call of dense steps is to be as long as a repeat, not ten times as long
    n_dense = max(8, min(N_STEPS, MOST_NUMBERS // (size * n_cells)))
    X = one_hot(tokens[:n_dense], size)
    by_token, by_vector, forward = (build(size, n_cells) for _ in range(3))
    works = {
        TOKEN: Work(lambda: by_token.run(tokens, targets), N_STEPS),
        VECTOR: Work(lambda: by_vector.run(X, targets[:n_dense]), n_dense),
        FORWARD: Work(lambda: forward.run(tokens), N_STEPS),
    }
    return by_token, alternate(works, settings)


def memory(size: int, settings: Settings) -> Table:
    """What is resident while words go by."""
    net = build(size, SIZES[0])
    rng = np.random.default_rng(0)
    at_first, n_done, rows = resident_kib(), 0, []
    for length in (10**3, 10**4, 10**5) if settings.quick else (10**3, 10**4, 10**5, 10**6):
        while n_done < length:
            net.run(words(1000, size, rng), np.zeros((1000, N_OUTPUTS), np.float32))
            n_done += 1000
        rows.append([length, resident_kib() - at_first, net._live_inputs().size])
    title = f"Memory while words go by, a vocabulary of {size:,}, {SIZES[0]} cells"
    note = (
        f"The network itself has {net.n_parameters:,} weights, as many numbers for a gradient and "
        "three quarters as many for traces; a page of memory becomes resident when first used."
    )
    return Table(title, ["steps", "KiB more than at first", "live inputs"], rows, note)
