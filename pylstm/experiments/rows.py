"""The LSTM rows of Hochreiter & Schmidhuber (1997): every line of their tables, as declarations.

Tables 10 and 11 of the paper list what each experiment trained and how, tables 2 to 9 what came
out; here a `Row` is both. Symbols of the paper: alpha is `learning_rate`; "h1, g2" are the
squashings `H1_G2`; connections "F" are `FULL`, "B" `TO_ALL_BELOW`; "ga", "b1", "all", in the
column of biases, are `hidden_bias` and `output_bias`; biases it calls random start as other weights
do. Stop rules ST1 to ST3 are in stop.py, what a wrong sequence is ("ABS") in `pylstm.tasks`.

A row has one reading or several: "written", the paper to the letter; "nearest", where that does
not reach the paper's figure, the nearest that does; "best", what learns the same task in the
fewest sequences known. Update timing is stated nowhere for experiments 1, 2a and 2b, which have
errors at every step: "each weight's total update is the sum of the contributions of all time
steps" is taken to mean one update a sequence, as everywhere else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from pylstm.errors import InputError
from pylstm.experiments.stop import Exam, Perfect, Recent
from pylstm.network import LSTM
from pylstm.optimizers import SGD
from pylstm.tasks import (
    Adding,
    EmbeddedReber,
    LongLag,
    Multiplication,
    NoiseFree,
    NoLocalRegularities,
    Task,
    TemporalOrder,
    TwoSequence,
)

__all__ = ["LABELS", "ROWS", "Paper", "Reading", "Row", "select"]

Label = Literal["written", "nearest", "best"]
LABELS: tuple[Label, ...] = ("written", "nearest", "best")


@dataclass(frozen=True)
class Reading:
    """What is trained, and by which rule.

    Parameters
    ----------
    network : mapping
        Keywords of `LSTM`, but for the numbers of inputs and outputs, which the task says.
    learning_rate : float
        alpha in the paper.
    momentum : float, default 0
    update : "sequence", "step" or int, default "sequence"
        When the weights change.
    label : {"written", "nearest", "best"}, default "written"
    differs : str, default ""
        What differs from the paper, in words.
    task : Task, optional
        What is learned, where that is not the task of the row.
    max_sequences : int, optional
        Training sequences after which a trial has failed, where that is not the limit of the row.
    """

    network: Mapping[str, Any]
    learning_rate: float
    momentum: float = 0.0
    update: Literal["sequence", "step"] | int = "sequence"
    label: Label = "written"
    differs: str = ""
    task: Task | None = None
    max_sequences: int | None = None

    def but(self, label: Label, differs: str, **changes: Any) -> Reading:
        """Give this reading with some things changed.

        Parameters
        ----------
        label : {"nearest", "best"}
        differs : str
            What differs from the paper, in words.
        **changes
            learning_rate, momentum, update, task or max_sequences; everything else goes into the
            network.

        Examples
        --------
        >>> from pylstm.experiments.rows import Reading
        >>> Reading({"n_blocks": 2}, 0.5).but("nearest", "identity output", output="identity")
        ... # doctest: +NORMALIZE_WHITESPACE
        Reading(network={'n_blocks': 2, 'output': 'identity'}, learning_rate=0.5, momentum=0.0,
                update='sequence', label='nearest', differs='identity output', task=None,
                max_sequences=None)
        """
        rule = {
            name: changes.pop(name)
            for name in ("learning_rate", "momentum", "update", "task", "max_sequences")
            if name in changes
        }
        network = {**self.network, **changes}
        return replace(self, network=network, label=label, differs=differs, **rule)


@dataclass(frozen=True)
class Paper:
    """What the paper reports of a row.

    Parameters
    ----------
    weights : int
    sequences : int
        Mean number of training sequences until success.
    success : float, default 1
        Share of the trials that succeeded. Only experiment 1 has failures; from experiment 2c on
        the tables do not mention any.
    wrong : float, optional
        Share of the final test sequences answered wrongly, a mean over trials.
    error : float, optional
        Mean absolute error over those.
    st1 : int, optional
        Mean number of training sequences until ST1 (experiment 3).
    """

    weights: int
    sequences: int
    success: float = 1.0
    wrong: float | None = None
    error: float | None = None
    st1: int | None = None


@dataclass(frozen=True)
class Row:
    """One line of a table of the paper.

    Parameters
    ----------
    name : str
        Experiment and line, such as "3a-2" for the second line of experiment 3a.
    what : str
        The line in words.
    task : Task
    readings : tuple of Reading
        The first is "written", the others differ from it.
    stop : Exam, Perfect or Recent
        When a trial has succeeded.
    trials : int
        As many as in the paper.
    paper : Paper
    test : int, default 0
        Fresh sequences answered after success; 0 where the stop rule itself is such a test.
    max_sequences : int, optional
        Training sequences after which a trial has failed; without: three times the mean of the
        paper, which states no limit, but for five million in experiment 2.
    n_sets : int, default 0
        Fixed pairs of a training and a test set, shared out among the trials; 0: sequences are
        generated on-line.

    Examples
    --------
    >>> from pylstm.experiments import ROWS
    >>> ROWS["6a"].task, ROWS["6a"].stop
    (TemporalOrder(n_relevant=2), Recent(wrong=0, error=0.1, n=2000, every=100))
    """

    name: str
    what: str
    task: Task
    readings: tuple[Reading, ...]
    stop: Exam | Perfect | Recent
    trials: int
    paper: Paper
    test: int = 0
    max_sequences: int | None = None
    n_sets: int = 0

    @property
    def limit(self) -> int:
        """Training sequences after which a trial has failed."""
        return self.max_sequences or 3 * self.paper.sequences

    def reading(self, label: str) -> Reading | None:
        """Give the reading of that label, if there is one."""
        return next((reading for reading in self.readings if reading.label == label), None)

    def under(self, reading: Reading) -> Row:
        """Give the row with the task and the limit of one of its readings.

        Examples
        --------
        >>> from pylstm.experiments import ROWS
        >>> row = ROWS["2b"]
        >>> row.task.last, row.under(row.reading("nearest")).task.last
        (False, True)
        """
        return replace(
            self,
            task=reading.task or self.task,
            max_sequences=reading.max_sequences or self.max_sequences,
        )

    def network(self, reading: Reading) -> LSTM:
        """Make a network as it is before training.

        Examples
        --------
        >>> from pylstm.experiments import ROWS
        >>> row = ROWS["4-1"]
        >>> row.network(row.readings[0]).n_parameters == row.paper.weights
        True
        """
        return LSTM(
            self.task.n_inputs,
            self.task.n_outputs,
            **reading.network,
            optimizer=SGD(reading.learning_rate, momentum=reading.momentum),
        )

    def fingerprint(self, reading: Reading) -> str:
        """Give eight letters that change with anything that may change the outcome of a trial."""
        row = self.under(reading)
        settings = {
            "task": repr(row.task),
            "reading": {**asdict(reading), "differs": "", "task": ""},
            "stop": repr(row.stop),
            "test": row.test,
            "limit": row.limit,
            "n_sets": row.n_sets,
        }
        text = json.dumps(settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


# ---------------------------------------------------------------- what rows have in common

H1_G2 = {"cell_input": "two_tanh_half", "cell_output": "tanh_half"}  # h in [-1,1], g in [-2,2]
NO_FORGETTING = {"forget_gate": False, "output": "logistic"}
FULL = {**NO_FORGETTING, **H1_G2, "gate_recurrence": True}
TO_ALL_BELOW = {**NO_FORGETTING, "cell_recurrence": False, "shortcut": True}
SOFTMAX = {"output": "softmax", "loss": "cross_entropy"}


# ---------------------------------------------------------------- 1: embedded Reber grammar


def _reber(
    line: int,
    n_blocks: int,
    block_size: int,
    alpha: float,
    paper: Paper,
    differs: str = "",
    **changes: Any,
) -> Row:
    network = {
        **FULL,
        "n_blocks": n_blocks,
        "block_size": block_size,
        "hidden_bias": "gates",
        "output_bias": False,
        "bias_init": {"output_gate": [-1, -2, -3, -4][:n_blocks]},
        "init_range": 0.2,
    }
    written = Reading(network, alpha)
    nearest = written.but(
        "nearest",
        "outputs see the inputs too; softmax, cross-entropy; update every step" + differs,
        **{**SOFTMAX, "shortcut": True, "update": "step", **changes},
    )
    best = nearest.but(
        "best",
        "outputs see the inputs too; softmax, cross-entropy; update every step; 8 blocks of size "
        "1, output gates without bias of their own; alpha 0.2; weights from +-0.4",
        **{"n_blocks": 8, "block_size": 1, "bias_init": None, "learning_rate": 0.2},
        **{"hidden_bias": "gates", "gate_recurrence": True, "init_range": 0.4},
        max_sequences=None,
    )
    return Row(
        name=f"1-{line}",
        what=f"embedded Reber grammar, {n_blocks} blocks of size {block_size}, alpha {alpha}",
        task=EmbeddedReber(),
        readings=(written, nearest, best),
        stop=Exam(n=512),  # every string of both sets
        trials=30,
        paper=paper,
        n_sets=3,
    )


# ---------------------------------------------------------------- 2: long time lags

AT_MOST = 5_000_000


def _next_symbol(
    name: str, what: str, of_paper: Task, sequences: int, differs: str, **changes: Any
) -> Row:
    network = {
        **TO_ALL_BELOW,
        "n_blocks": 1,
        "output_gate": False,
        "hidden_bias": "none",
        "output_bias": False,
        "cell_input": "logistic",
        "cell_output": "identity",
        "init_range": 0.2,
    }
    written = Reading(
        network,
        1.0,
        differs="cell and input gate from the start, not once the error stops falling",
        max_sequences=3 * sequences,
    )
    return Row(
        name=name,
        what=what,
        task=of_paper,
        readings=(written, written.but("nearest", differs, **{**SOFTMAX, **changes})),
        stop=Perfect(),
        trials=18,
        paper=Paper(weights=10504, sequences=sequences),
        max_sequences=AT_MOST,
    )


def _long_lag(line: int, q: int, p: int, weights: int, sequences: int, alpha: float = 3.0) -> Row:
    network = {
        **FULL,
        "n_blocks": 2,
        "hidden_bias": "none",
        "output_bias": False,
        "init_range": 0.2,
    }
    written = Reading(network, 0.01, max_sequences=(3 if q < 1000 else 1) * sequences)
    nearest = written.but(
        "nearest",
        "cells and gates see the inputs alone; gates have biases, those of input gates start at "
        f"-2, -4; alpha {alpha:g}",
        **{"cell_recurrence": False, "gate_recurrence": False},
        hidden_bias="gates",
        bias_init={"input_gate": [-2, -4]},
        learning_rate=alpha,
        max_sequences=3 * sequences,
    )
    return Row(
        name=f"2c-{line}",
        what=f"very long lags, q = {q}, p = {p}",
        task=LongLag(p=p, q=q),
        readings=(written, nearest),
        stop=Perfect(recent=500),
        trials=20,
        paper=Paper(weights=weights, sequences=sequences),
        max_sequences=AT_MOST,
    )


# ---------------------------------------------------------------- 3: two sequences


def _two_sequence(
    name: str,
    what: str,
    task: TwoSequence,
    learning_rate: float,
    stop: Exam,
    paper: Paper,
    best: float | None = None,
) -> Row:
    """best: learning rate with which the cross-entropy learns in fewer sequences."""
    network = {
        **FULL,
        "n_blocks": 3,
        "output_bias": False,
        "bias_init": {"input_gate": [-1, -3, -5], "output_gate": [-2, -4, -6]},
    }
    readings = [Reading(network, learning_rate)]
    if best is not None:
        differs = f"cross-entropy, alpha {best:g}"
        changes = {"loss": "cross_entropy", "learning_rate": best}
        readings.append(readings[0].but("best", differs, **changes))
    return Row(
        name=name,
        what=f"{what}, T = {task.min_length}, N = {task.n_information}",
        task=task,
        readings=tuple(readings),
        stop=stop,
        trials=10,
        paper=paper,
        test=2560,
    )


def _noise_free(
    line: int, T: int, N: int, st1: int, st2: int, wrong: float, best: float | None = None
) -> Row:
    return _two_sequence(
        f"3a-{line}",
        "two sequences",
        TwoSequence(n_information=N, min_length=T),
        1.0,
        Exam(wrong=0, error=0.01),
        Paper(weights=102, sequences=st2, st1=st1, wrong=wrong),
        best,
    )


def _noisy_information(
    line: int, T: int, N: int, st1: int, st2: int, wrong: float, best: float | None = None
) -> Row:
    return _two_sequence(
        f"3b-{line}",
        "two sequences, noise on the signal",
        TwoSequence(n_information=N, noise_on_information=True, min_length=T),
        1.0,
        Exam(wrong=5, error=0.04),
        Paper(weights=102, sequences=st2, st1=st1, wrong=wrong),
        best,
    )


def _noisy_targets(line: int, N: int, sequences: int, wrong: float, error: float) -> Row:
    return _two_sequence(
        f"3c-{line}",
        "two sequences, noise on the target",
        TwoSequence(n_information=N, noise_on_targets=True),
        0.1,
        Exam(wrong=0, error=0.015),
        Paper(weights=102, sequences=sequences, wrong=wrong, error=error),
    )


# ---------------------------------------------------------------- 4 and 5: adding, multiplication

TWO_BLOCKS_OF_TWO = {**FULL, "n_blocks": 2, "block_size": 2}


def _adding(line: int, T: int, sequences: int, n_wrong: int) -> Row:
    network = {**TWO_BLOCKS_OF_TWO, "bias_init": {"input_gate": [-3, -6]}}
    written = Reading(network, 0.5, max_sequences=(3 if T == 100 else 1) * sequences)
    nearest = written.but(
        "nearest", "identity output", output="identity", max_sequences=3 * sequences
    )
    if T == 100:
        nearest = nearest.but("nearest", "identity output, no output gates", output_gate=False)
    return Row(
        name=f"4-{line}",
        what=f"adding, T = {T}",
        task=Adding(min_length=T),
        readings=(written, nearest),
        stop=Recent(error=0.01),
        trials=10,
        paper=Paper(weights=93, sequences=sequences, wrong=n_wrong / 2560),
        test=2560,
    )


def _multiplication(
    line: int,
    n_seq: int,
    sequences: int,
    n_wrong: int,
    error: float,
    differs: str,
    **changes: Any,
) -> Row:
    written = Reading(TWO_BLOCKS_OF_TWO, 0.1, max_sequences=2 * sequences)
    nearest = written.but(
        "nearest",
        "identity output; alpha 0.5" + differs,
        **{"output": "identity", "learning_rate": 0.5, **changes},
        max_sequences=3 * sequences,
    )
    return Row(
        name=f"5-{line}",
        what=f"multiplication, n_seq = {n_seq}",
        task=Multiplication(),
        readings=(written, nearest),
        stop=Recent(wrong=n_seq - 1),  # "less than n_seq"
        trials=10,
        paper=Paper(weights=93, sequences=sequences, wrong=n_wrong / 2560, error=error),
        test=2560,
    )


# ---------------------------------------------------------------- 6: temporal order


def _temporal_order(
    name: str, n_relevant: int, reading: Reading, trials: int, paper: Paper, *others: Reading
) -> Row:
    return Row(
        name=name,
        what=f"temporal order of {n_relevant} symbols",
        task=TemporalOrder(n_relevant=n_relevant),
        readings=(reading, *others),
        stop=Recent(error=0.1),
        trials=trials,
        paper=paper,
        test=2560,
    )


_6A = Reading({**TWO_BLOCKS_OF_TWO, "bias_init": {"input_gate": [-2, -4]}}, 0.5)
_6B = Reading(
    {**FULL, "n_blocks": 3, "block_size": 2, "bias_init": {"input_gate": [-2, -4, -6]}}, 0.1
)

# ---------------------------------------------------------------- the table

_TABLE = (
    #      blocks x size, alpha
    _reber(1, 4, 1, 0.1, Paper(weights=264, sequences=39_740),
           "; weights from +-0.4", init_range=0.4),
    _reber(2, 3, 2, 0.1, Paper(weights=276, sequences=21_730),
           "; alpha 0.2; weights from +-0.4; no connections from gates; cell inputs have biases",
           learning_rate=0.2, init_range=0.4, gate_recurrence=False, hidden_bias="all",
           max_sequences=200_000),
    _reber(3, 3, 2, 0.2, Paper(weights=276, sequences=14_060, success=29 / 30),
           "; no connections from gates", gate_recurrence=False),
    _reber(4, 4, 1, 0.5, Paper(weights=264, sequences=9_500, success=29 / 30),
           "; alpha 0.2; weights from +-0.4", learning_rate=0.2, init_range=0.4),
    _reber(5, 3, 2, 0.5, Paper(weights=276, sequences=8_440),
           "; alpha 0.2; no connections from gates", learning_rate=0.2, gate_recurrence=False),
    _next_symbol(
        "2a", "noise-free sequences, p = 100", NoiseFree(), 5_040,
        "softmax, cross-entropy; g in [-2,2]; input gate with a bias from -4 on; alpha 0.05; cell "
        "and input gate from the start",
        cell_input="two_tanh_half", hidden_bias="gates", bias_init={"input_gate": -4},
        learning_rate=0.05,
    ),
    _next_symbol(
        "2b", "no local regularities, p = 100", NoLocalRegularities(), 5_680,
        "error at the end only; softmax with bias, cross-entropy; cell and input gate see the "
        "cell's output, outputs do not see the inputs; both from the start",
        output_bias=True, cell_recurrence=True, shortcut=False,
        task=NoLocalRegularities(error_at_end=True),
    ),
    #         q     p     weights  sequences
    _long_lag(1, 50, 50, 364, 30_000),
    _long_lag(2, 100, 100, 664, 31_000),
    _long_lag(3, 200, 200, 1264, 33_000),
    _long_lag(4, 500, 500, 3064, 38_000),
    _long_lag(5, 1000, 1000, 6064, 49_000),
    _long_lag(6, 1000, 500, 3064, 49_000),
    _long_lag(7, 1000, 200, 1264, 75_000),
    _long_lag(8, 1000, 100, 664, 135_000),
    _long_lag(9, 1000, 50, 364, 203_000, alpha=1.0),
    #           T     N  ST1      ST2      wrong
    _noise_free(1, 100, 3, 27_380, 39_850, 0.000195, best=0.1),
    _noise_free(2, 100, 1, 58_370, 64_330, 0.000117),
    _noise_free(3, 1000, 3, 446_850, 452_460, 0.000078),
    _noisy_information(1, 100, 3, 41_740, 43_250, 0.00828, best=0.2),
    _noisy_information(2, 100, 1, 74_950, 78_430, 0.01500),
    _noisy_information(3, 1000, 1, 481_060, 485_080, 0.01207),
    #              N  sequences wrong   error
    _noisy_targets(1, 3, 269_650, 0.00558, 0.014),
    _noisy_targets(2, 1, 565_640, 0.00441, 0.012),
    #       T     sequences  wrong of 2560
    _adding(1, 100, 74_000, 1),
    _adding(2, 500, 209_000, 0),
    _adding(3, 1000, 853_000, 1),
    #               n_seq  sequences  wrong of 2560, error
    _multiplication(1, 140, 482_000, 139, 0.0223, "; weights from +-0.2", init_range=0.2),
    _multiplication(2, 13, 1_273_000, 14, 0.0139, "; cells and gates see the inputs alone",
                    cell_recurrence=False, gate_recurrence=False),
    _temporal_order(
        "6a", 2, _6A, 20, Paper(weights=156, sequences=31_390, wrong=1 / 2560),
        _6A.but("best", "softmax, cross-entropy", **SOFTMAX),
    ),
    _temporal_order(
        "6b", 3, _6B, 10, Paper(weights=308, sequences=571_100, wrong=2 / 2560),
        _6B.but("nearest", "softmax, cross-entropy", **SOFTMAX),
    ),
)  # fmt: skip

#: The rows by name, in the order of the paper.
ROWS: dict[str, Row] = {row.name: row for row in _TABLE}


def select(names: Sequence[str]) -> list[Row]:
    """Give rows by their names or by the beginning of several: "3a" for 3a-1, 3a-2 and 3a-3.

    Parameters
    ----------
    names : sequence of str
        Without any: all rows.

    Returns
    -------
    list of Row
        Each once, in the order of the paper.

    Raises
    ------
    InputError
        For a name that is no row and begins none.

    Examples
    --------
    >>> from pylstm.experiments import select
    >>> [row.name for row in select(["6", "2a"])]
    ['2a', '6a', '6b']
    """
    chosen: set[str] = set()
    for name in names:
        of_name = {row for row in ROWS if name in (row, *_groups(row))}
        if not of_name:
            raise InputError(
                f"row {name!r} given, wanted one of {', '.join(ROWS)}, "
                "or the beginning of some, such as 2c"
            )
        chosen |= of_name
    return [row for name, row in ROWS.items() if name in chosen or not names]


def _groups(row: str) -> tuple[str, str]:
    """Names a row shares with others: "3a-1" is in 3a and in 3."""
    experiment, _, _ = row.partition("-")
    return experiment, experiment[:1]
