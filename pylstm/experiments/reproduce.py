"""Run rows of the table: trials spread over cores, kept as they end, and gone on with later."""

from __future__ import annotations

import importlib.util
import numbers
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from pylstm._core import choose_isa
from pylstm.errors import InputError, brief
from pylstm.experiments import plots, report
from pylstm.experiments.progress import Abandoned, Reporter, bars, board
from pylstm.experiments.row import LABELS, Reading, Row
from pylstm.experiments.rows import ROWS, select
from pylstm.experiments.stop import Streams
from pylstm.experiments.store import Store
from pylstm.experiments.summary import Summary
from pylstm.experiments.trial import mean_length, run_trials

__all__ = ["Reproduction"]


@dataclass(frozen=True)
class Job:
    """Trials of one reading that run side by side, those of continual tasks as there is room."""

    row: Row
    reading: Reading
    trials: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.row.name} {self.reading.label}"

    @property
    def cost(self) -> float:
        """Steps of a trial if it goes as in the paper, or to its limit."""
        row = self.row.under(self.reading)
        return min(row.paper.sequences or row.limit, row.limit) * mean_length(row.task)


class Reproduction:
    """Rows of the papers, their trials and what came out.

    Parameters
    ----------
    rows : sequence of str, default all of 1997
        Names of rows, or of groups of them, see `select`.
    trials : int, optional
        Trials of each reading; without: as many as in the paper.
    seed : int, default 0
        The same seed gives the same results, however many jobs run at once.
    out : str, default "reproduction"
        Folder for everything that is written; trials that are there are not run again.
    readings : sequence of {"written", "nearest", "best", "chosen"}, default all
        Of each row those it has.

    Raises
    ------
    InputError
        For unknown rows or readings, numbers that make no sense, or a folder that cannot be
        written or holds something else. Nothing is overwritten.

    Examples
    --------
    One trial of experiment 6a:

    >>> import tempfile
    >>> from pylstm.experiments import Reproduction
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     reproduction = Reproduction(["6a"], 1, out=folder, readings=["written"])
    ...     reproduction.run(jobs=1, progress=False)
    ...     [summary] = reproduction.summaries()
    >>> summary.n_solved, 10_000 < summary.mean < 60_000
    (1, True)
    """

    def __init__(
        self,
        rows: Sequence[str] = (),
        trials: int | None = None,
        seed: int = 0,
        out: str | os.PathLike[str] = "reproduction",
        readings: Sequence[str] = LABELS,
    ) -> None:
        for label in readings:
            if label not in LABELS:
                raise InputError(
                    f"reading {brief(label)} given, wanted some of {', '.join(LABELS)}"
                )
        if trials is not None:
            _check_whole("trials", trials, 1)
        _check_whole("seed", seed, 0)
        self._rows, self._trials, self._labels = select(rows), trials, tuple(readings)
        self._store = Store(out, int(seed))

    def run(self, jobs: int = -1, progress: bool = True) -> None:
        """Run the trials that are not there yet.

        Each is kept as soon as it ends: after Ctrl-C the next run goes on with the others.

        Parameters
        ----------
        jobs : int, default -1
            Groups of trials that run at once, with joblib, on the backend it is set to;
            -1: as many as there are cores.
        progress : bool, default True
            Show bars, if standard error is a terminal.

        Raises
        ------
        InputError
            For a number of jobs that makes no sense, or without joblib or tqdm.
        """
        if jobs != -1:
            _check_whole("jobs", jobs, 1)
        need("joblib", "pylstm reproduce")
        progress = progress and sys.stderr.isatty()
        if progress:
            need("tqdm", "the progress bar", "--no-progress")
        import joblib

        to_do = self._jobs(joblib.effective_n_jobs(jobs))
        n_trials = sum(len(job.trials) for job in to_do)
        with (
            board(self._store.folder) as running,
            bars(running, n_trials) if progress else nullcontext(),
        ):
            joblib.Parallel(n_jobs=jobs, batch_size=1)(
                joblib.delayed(_run_job)(job, number, self._store, running)
                for number, job in enumerate(to_do)
            )

    def _jobs(self, at_once: int) -> list[Job]:
        """What is to be run, the longest first; at_once: how many jobs run."""
        jobs: list[Job] = []
        for row in self._rows:
            for reading in row.readings:
                if reading.label in self._labels:
                    finished = self._store.results(row, reading)
                    trials = [k for k in range(self._trials or row.trials) if k not in finished]
                    n_groups = -(-len(trials) // row.side_by_side(reading))
                    if isinstance(row.under(reading).stop, Streams):
                        n_groups = min(n_groups, at_once)  # a trial begins where another ends
                    groups = (tuple(trials[k::n_groups]) for k in range(n_groups))  # about as large
                    jobs += [Job(row, reading, group) for group in groups]
        return sorted(jobs, key=lambda job: -job.cost)

    def summaries(self) -> list[Summary]:
        """Give what came out of the rows and readings chosen, where a trial has ended."""
        return [
            summary
            for summary in self._all_summaries()
            if summary.row in self._rows and summary.reading.label in self._labels
        ]

    def _all_summaries(self) -> list[Summary]:
        """Also what earlier runs left in the folder."""
        rows = {**ROWS, **{row.name: row for row in self._rows}}
        return [
            Summary(row, reading, tuple(results.values()))
            for row in rows.values()
            for reading in row.readings
            if (results := self._store.results(row, reading))
        ]

    def write(self, pictures: bool = True) -> list[Path]:
        """Write everything in the folder as results.json and results.md, and plot it.

        Parameters
        ----------
        pictures : bool, default True
            Plot as well; needs matplotlib.

        Returns
        -------
        list of Path
            The files written.
        """
        if pictures:
            need("matplotlib", "plotting", "--no-plots")
        summaries, folder = self._all_summaries(), self._store.folder
        header = {**self._store.header(), "machine": _machine_in_words()}
        texts = {
            folder / "results.json": report.as_json(summaries, header),
            folder / "results.md": report.as_markdown(summaries, header),
        }
        for path, text in texts.items():
            self._store.write(path, text)
        return [*texts, *(plots.save_all(summaries, folder) if pictures else ())]


def _run_job(job: Job, number: int, store: Store, running: Path) -> None:
    """Run the trials of a job; what runs in the processes of joblib."""
    reporter = Reporter(running, f"{number:03}", job.name, job.row.under(job.reading).limit)
    try:
        for result in run_trials(job.row, job.reading, job.trials, store.seed, reporter):
            store.save(job.row, job.reading, result)
            reporter.finished()
    except Abandoned:
        pass


def _machine_in_words() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, {choose_isa()}"


def _check_whole(name: str, value: int, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < low:
        raise InputError(f"{name} is {brief(value)}, wanted a whole number of at least {low}")


def need(module: str, what: str, option: str = "") -> None:
    """Say in a sentence that a module is missing."""
    if importlib.util.find_spec(module) is None:
        without = f", or leave it out with {option}" if option else ""
        raise InputError(
            f"{what} needs {module}, which is not installed: "
            f"pip install 'pylstm[reproduce]'{without}"
        )
