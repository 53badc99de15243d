"""The nets of the experiment table, and a block of training sequences learned."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from pylstm.baselines import FullyRecurrent
from pylstm.errors import InputError
from pylstm.experiments import Reading, Row
from pylstm.network import LSTM
from pylstm.tasks import Sequences, Task

__all__ = ["lstm_of", "teach"]


def lstm_of(row: Row, reading: Reading, **changes: Any) -> LSTM:
    """Make the LSTM of a row as it is before training, with some keywords changed.

    Parameters
    ----------
    row : Row
    reading : Reading
        One of its readings.
    **changes
        Keywords of `LSTM`, such as seed.

    Returns
    -------
    LSTM

    Raises
    ------
    InputError
        For a row that trains something else.

    Examples
    --------
    >>> from pylstm.analysis.learning import lstm_of
    >>> from pylstm.experiments import ROWS
    >>> lstm_of(ROWS["6a"], ROWS["6a"].readings[0], seed=3)
    <LSTM n_inputs=8, n_outputs=4, n_blocks=2, block_size=2, 156 parameters>
    """
    net = row.network(reading)
    if not isinstance(net, LSTM):
        raise InputError(f"row {row.name} trains {type(net).__name__}, wanted one of LSTM")
    keywords = {**reading.network, **changes}
    return LSTM(net.n_inputs, net.n_outputs, **keywords, optimizer=net.optimizer)


def teach(
    net: LSTM | FullyRecurrent,
    task: Task,
    sequences: Sequences,
    update: Literal["sequence", "step"] | int = "sequence",
) -> tuple[float, float]:
    """Let a net learn sequences, and compare what it answered on the way with what was wanted.

    Parameters
    ----------
    net : LSTM or FullyRecurrent
        Changes.
    task : Task
    sequences : Sequences
        Of the task.
    update : "sequence", "step" or int, default "sequence"
        When the weights change.

    Returns
    -------
    error, wrong : float
        Mean absolute error of the outputs, before any noise on the targets, and share of sequences
        answered wrongly.

    Raises
    ------
    FloatingPointError
        When the net diverges.

    Examples
    --------
    >>> import numpy as np, pylstm
    >>> from pylstm.analysis.learning import teach
    >>> from pylstm.tasks import TwoSequence
    >>> task = TwoSequence()
    >>> net = pylstm.LSTM(1, 1, n_blocks=3, output="logistic")
    >>> error, wrong = teach(net, task, task.sample(100, np.random.default_rng(0)))
    >>> round(error, 2), wrong
    (0.5, 1.0)
    """
    outputs = net.run_sequences(
        sequences.X, sequences.targets, sequences.lengths, last=task.last, update=update
    )
    clean = sequences.targets if sequences.clean is None else sequences.clean
    error = np.abs(outputs - clean).mean(dtype=float)
    return float(error), float(task.wrong(outputs, sequences).mean())
