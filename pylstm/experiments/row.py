"""What a row of the table is: a line of a paper, the readings it can be run under, its figures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from pylstm.experiments.methods import METHODS, Group, Net
from pylstm.experiments.stop import Exam, Learned, Perfect, Recent, Streams
from pylstm.optimizers import SGD, Optimizer
from pylstm.tasks import Task

__all__ = ["LABELS", "NO_FIGURES", "Paper", "Reading", "Row", "Rule"]

Label = Literal["written", "nearest", "best", "chosen"]
Rule = Exam | Perfect | Recent | Learned | Streams
LABELS: tuple[Label, ...] = ("written", "nearest", "best", "chosen")


_RULE = ("learning_rate", "momentum", "optimizer", "update", "task", "stop", "max_sequences")


@dataclass(frozen=True)
class Reading:
    """What is trained, and by which rule.

    Parameters
    ----------
    network : mapping
        Keywords of the class of the method, but for the numbers of inputs and outputs, which the
        task says.
    learning_rate : float or None
        alpha in the paper; None for a method that has none.
    momentum : float, default 0
    optimizer : Optimizer, optional
        In the place of SGD with that rate and momentum; `learning_rate` is then its rate.
    update : "sequence", "step" or int, default "sequence"
        When the weights change.
    label : {"written", "nearest", "best", "chosen"}, default "written"
    differs : str, default ""
        What differs from the paper, in words.
    task : Task, optional
        What is learned, where that is not the task of the row.
    stop : Exam, Perfect, Recent, Learned or Streams, optional
        When a trial has succeeded, where that is not the rule of the row.
    max_sequences : int, optional
        Training sequences after which a trial has failed, where that is not the limit of the row.
    method : str, default "lstm"
        One of `METHODS`; the same in all readings of a row.
    """

    network: Mapping[str, Any]
    learning_rate: float | None
    momentum: float = 0.0
    optimizer: Optimizer | None = None
    update: Literal["sequence", "step"] | int = "sequence"
    label: Label = "written"
    differs: str = ""
    task: Task | None = None
    stop: Rule | None = None
    max_sequences: int | None = None
    method: str = "lstm"

    def but(self, label: Label, differs: str, **changes: Any) -> Reading:
        """Give this reading with some things changed.

        Parameters
        ----------
        label : {"nearest", "best"}
        differs : str
            What differs from the paper, in words.
        **changes
            learning_rate, momentum, optimizer, update, task, stop or max_sequences; everything else
            goes into the network.

        Examples
        --------
        >>> from pylstm.experiments import Reading
        >>> Reading({"n_blocks": 2}, 0.5).but("nearest", "identity output", output="identity")
        ... # doctest: +NORMALIZE_WHITESPACE
        Reading(network={'n_blocks': 2, 'output': 'identity'}, learning_rate=0.5, momentum=0.0,
                optimizer=None, update='sequence', label='nearest', differs='identity output',
                task=None, stop=None, max_sequences=None, method='lstm')
        """
        rule = {name: changes.pop(name) for name in _RULE if name in changes}
        if "optimizer" in rule:
            rule["learning_rate"] = rule["optimizer"].learning_rate
        network = {**self.network, **changes}
        return replace(self, network=network, label=label, differs=differs, **rule)


@dataclass(frozen=True)
class Paper:
    """What the paper reports of a row.

    Parameters
    ----------
    weights : int or (int, int), optional
        Trainable weights; of a method that adds units the least and the most.
    sequences : int, optional
        Mean number of training sequences until success.
    success : float or None, default 1
        Share of the trials that succeeded; None where it is not given. Of the LSTM rows only those
        of experiment 1 have failures; from experiment 2c on the tables do not mention any.
    wrong : float, optional
        Share of the final test sequences answered wrongly, a mean over trials.
    error : float, optional
        Mean absolute error over those.
    st1 : int, optional
        Mean number of training sequences until ST1 (experiment 3).
    not_within : int, optional
        Training sequences that were not enough, of a method that failed.
    good, rest : (float, float), optional
        Of a continual task: share of the networks that were never perfect but good, or not even
        that, and the mean length of their test streams; its length is None where there are none.
    up_to : (int, float), optional
        Of a language: the largest size up to which it is known, of the best network and in the
        mean.
    uncertain : bool, default False
        The figures are from memory: they are shown with a question mark, and nothing is said to be
        reached or not.
    """

    weights: int | tuple[int, int] | None = None
    sequences: int | None = None
    success: float | None = 1.0
    wrong: float | None = None
    error: float | None = None
    st1: int | None = None
    not_within: int | None = None
    good: tuple[float, float | None] | None = None
    rest: tuple[float, float | None] | None = None
    up_to: tuple[int, float] | None = None
    uncertain: bool = False


#: Of a row no paper gives figures for.
NO_FIGURES = Paper(success=None)


@dataclass(frozen=True)
class Row:
    """One line of a table of the paper.

    Parameters
    ----------
    name : str
        Experiment and line, such as "3a-2" for the second line of experiment 3a; between them the
        method, where that is not LSTM, as in "2a-rtrl-4". Of a later paper than that of 1997 its
        year comes first, as in "2000-cerg-forget".
    what : str
        The line in words.
    task : Task
    readings : tuple of Reading
        The first is "written" and the others differ from it; or there is one, "chosen", where the
        paper has nothing to be read.
    stop : Exam, Perfect, Recent, Learned or Streams
        When a trial has succeeded.
    trials : int
        As many as in the paper.
    paper : Paper
    test : int, default 0
        Fresh sequences answered after success; 0 where the stop rule itself is such a test.
    max_sequences : int, optional
        Training sequences after which a trial has failed; without: three times the mean of the
        paper, which states no limit, but for five million in experiment 2. A row without such a
        mean needs it.
    n_sets : int, default 0
        Fixed pairs of a training and a test set, shared out among the trials; 0: sequences are
        generated on-line.
    why : str, default ""
        Why the paper to the letter fails, where it does, in a sentence.

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
    stop: Rule
    trials: int
    paper: Paper
    test: int = 0
    max_sequences: int | None = None
    n_sets: int = 0
    why: str = ""

    @property
    def limit(self) -> int:
        """Training sequences after which a trial has failed."""
        if self.max_sequences is not None:
            return self.max_sequences
        assert self.paper.sequences is not None, f"row {self.name} has no limit"
        return 3 * self.paper.sequences

    @property
    def year(self) -> int:
        """The year of its paper."""
        year = self.name.split("-")[0]
        return int(year) if len(year) == 4 and year.isdigit() else 1997

    @property
    def method(self) -> str:
        """What is trained: one of `METHODS`."""
        return self.readings[0].method

    def reading(self, label: str) -> Reading | None:
        """Give the reading of that label, if there is one."""
        return next((reading for reading in self.readings if reading.label == label), None)

    def under(self, reading: Reading) -> Row:
        """Give the row with the task, the stop rule and the limit of one of its readings.

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
            stop=reading.stop or self.stop,
            max_sequences=reading.max_sequences or self.max_sequences,
        )

    def network(self, reading: Reading, seed: int | np.random.Generator = 0) -> Net:
        """Make a network as it is before training.

        Examples
        --------
        >>> from pylstm.experiments import ROWS
        >>> row = ROWS["4-1"]
        >>> row.network(row.readings[0]).n_parameters == row.paper.weights
        True
        """
        sizes = self.task.n_inputs, self.task.n_outputs
        return METHODS[reading.method].network(*sizes, seed=seed, **_settings(reading))

    def group(self, reading: Reading, seeds: Sequence[np.random.Generator]) -> Group:
        """Make the networks of several trials, their starting weights drawn from `seeds`."""
        sizes = self.task.n_inputs, self.task.n_outputs
        return METHODS[reading.method].group(*sizes, seeds, **_settings(reading))

    def side_by_side(self, reading: Reading) -> int:
        """Say how many trials of a reading learn in about the time of one."""
        return METHODS[reading.method].side_by_side(**_settings(reading))

    def fingerprint(self, reading: Reading) -> str:
        """Give eight letters that change with anything that may change the outcome of a trial."""
        row = self.under(reading)
        what_is_run = {**asdict(reading), "differs": "", "task": ""}
        del what_is_run["stop"]  # it is that of the row under the reading
        if reading.optimizer is None:  # trials kept before there were other rules stay valid
            del what_is_run["optimizer"]
        else:
            what_is_run["optimizer"] = repr(reading.optimizer)
        if reading.method == "lstm":  # trials kept before there were other methods stay valid
            del what_is_run["method"]
            if reading.network.get("loss") == "squared":  # and when that was the default
                what_is_run["network"] = {**reading.network}
                del what_is_run["network"]["loss"]
        settings = {
            "task": repr(row.task),
            "reading": what_is_run,
            "stop": repr(row.stop),
            "test": row.test,
            "limit": row.limit,
            "n_sets": row.n_sets,
        }
        text = json.dumps(settings, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def _settings(reading: Reading) -> dict[str, Any]:
    """Keywords of the network, its optimizer among them."""
    if reading.learning_rate is None:
        return dict(reading.network)
    rule = reading.optimizer or SGD(reading.learning_rate, momentum=reading.momentum)
    return {**reading.network, "optimizer": rule}
