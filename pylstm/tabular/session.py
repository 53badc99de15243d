"""A table from first row to last: forecasts made, scored when their row arrives, saved."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.copies import Copyable
from pylstm.errors import brief
from pylstm.registry import as_today, check_state, register
from pylstm.tabular.baselines import too_many_labels
from pylstm.tabular.clock import Order, Stamps
from pylstm.tabular.earlier import earlier_series
from pylstm.tabular.errors import StreamError
from pylstm.tabular.kinds import Labels, Made, Series, forecasters, new_series
from pylstm.tabular.learners import Rows, Template, new_learner
from pylstm.tabular.scores import (
    Coverage,
    LabelScores,
    LabelTotal,
    Scores,
    Total,
    most_probable,
)
from pylstm.tabular.settings import Settings

__all__ = ["Records", "Session"]

Array = npt.NDArray[Any]
Key = tuple[str, ...]

_STATE_FORMAT = 4
# Rows kept for the picture of prediction against truth, and of scores.
_RECENT, _RECENT_SCORES = 500, 20_000


@dataclass
class Counts:
    """What has become of the rows so far, beside their losses.

    Parameters
    ----------
    n_rows : int
        Rows taken in.
    n_missing : int
        Those without a target.
    n_bad : int
        Rows that could not be used and were left out.
    n_found : int
        Of scores: those of at least the threshold.
    highest : tuple of float and int
        The highest score, and its row.
    """

    n_rows: int = 0
    n_missing: int = 0
    n_bad: int = 0
    n_found: int = 0
    highest: tuple[float, int] = (0.0, 0)


@dataclass
class Records:
    """What was made of a block of rows, to be written and shown.

    Parameters
    ----------
    settings : Settings
    first : int
        Rows taken in before these.
    keys : list of tuple of str
        Of every row; empty tuples without keys.
    made : Made
    """

    settings: Settings
    first: int
    keys: Sequence[Key]
    made: Made

    def __len__(self) -> int:
        return len(self.made.values)

    @staticmethod
    def header(settings: Settings) -> list[str]:
        """Return the names of the columns that `lines` has."""
        if settings.detect:
            return [*settings.keys, "row", "score"]
        bounds = ["low", "high"] if settings.interval is not None else []
        return [*settings.keys, "row", "prediction", *bounds]

    def lines(self) -> list[list[Any]]:
        """Return what is written of every row: cells, None where there is nothing."""
        made, settings = self.made, self.settings
        values: list[Any] = made.values
        if settings.classify:
            values = [most_probable(value) for value in values]
        columns: list[Sequence[Any]] = [made.numbers, _plain(values)]
        if settings.interval is not None and not settings.detect:
            columns += [_plain(made.low), _plain(made.high)]
        if not settings.keys:
            return [list(row) for row in zip(*columns, strict=True)]
        return [[*key, *row] for key, *row in zip(self.keys, *columns, strict=True)]

    def record(self, k: int) -> dict[str, Any]:
        """Return what was made of one of the rows, by name: see `Session.as_record`."""
        made, settings = self.made, self.settings
        found: dict[str, Any] = {}
        if settings.keys:
            found["key"] = dict(zip(settings.keys, self.keys[k], strict=True))
        found["row"] = made.numbers[k]
        if settings.detect:
            values = dict(zip(settings.targets, _plain(made.truth[k]), strict=True))
            return {**found, "score": made.values[k], "values": values}
        found |= self._forecast(made.values[k])
        if settings.interval is not None:
            found |= {"low": _plain([made.low[k]])[0], "high": _plain([made.high[k]])[0]}
        (truth,) = _plain([made.truth[k]])
        if truth is None:
            return found
        if settings.horizon == 0:
            return {**found, "target": truth}
        last = self._forecast(made.due[k])
        if last["prediction"] is None:
            return found
        row = made.numbers[k] - settings.horizon
        return {**found, "last": {"row": row, **last, "target": truth}}

    def _forecast(self, value: Any) -> dict[str, Any]:
        if self.settings.classify:
            return {"prediction": most_probable(value), "probabilities": value}
        return {"prediction": _plain([value])[0]}


def _plain(values: Sequence[Any]) -> list[Any]:
    """Numbers with None in place of NaN."""
    return [None if value != value else value for value in values]


@dataclass
class Block:
    """Rows of a table in their order, of one series or several.

    Parameters
    ----------
    rows : Rows
    keys : list of tuple of str
        Of every row; empty where the settings name none.
    """

    rows: Rows
    keys: list[Key] = field(default_factory=list)

    def part(self, where: Any) -> Rows:
        """Return some of the rows: a slice, or a list of their places."""
        rows, places = self.rows, where
        if isinstance(where, slice):
            places = range(len(rows))[where]
        target = rows.target
        return Rows(
            rows.numbers[where],
            [[column[k] for k in places] for column in rows.texts],
            [target[k] for k in places] if isinstance(target, list) else target[where],
            None if rows.times is None else rows.times[where],
        )

    def head(self, n: int) -> Block:
        """Return the first n rows."""
        return Block(self.part(slice(n)), self.keys[:n])


@register
class Session(Copyable):
    """A model on a table, or one a key, with its scores against baselines on the same rows.

    The baselines of a forecast made at row t for row t + h are the last value known at row t, and
    the value of row t + h - season, if there was one; of labels also the most frequent one.
    `save` writes all of it to a file, from which `Session.load` goes on as if nothing had happened.

    Parameters
    ----------
    settings : Settings
    columns : sequence of str
        Names of the input columns of numbers, in the order in which `update` gets them. The target
        may be among them; its past is known in any case.
    texts : sequence of str, default ()
        Names of the input columns of text.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tabular import Session, Settings
    >>> load = 10 + np.sin(0.3 * np.arange(3000))
    >>> session = Session(Settings(target="load", optimizer="sgd"), [])
    >>> for value in load:
    ...     forecast = session.update([], value)
    >>> bool(session.scores.total(after=0.1).skill("pylstm", "last value") > 0.5)
    True
    """

    def __init__(
        self, settings: Settings, columns: Sequence[str], texts: Sequence[str] = ()
    ) -> None:
        self._set_up(settings, columns, texts, None)

    def _set_up(
        self,
        settings: Settings,
        columns: Sequence[str],
        texts: Sequence[str],
        earlier: str | None,
    ) -> None:
        target = () if settings.detect else settings.targets
        if settings.shared and texts:
            raise StreamError(
                f"shared is given with {brief(texts[0])}, a column of text, whose values come one "
                "by one: wanted inputs that are numbers"
            )
        self.settings = settings
        self.columns = list(columns)
        # Those that are inputs: the past of the target is known in any case.
        self._inputs = [k for k, name in enumerate(columns) if earlier or name not in target]
        self.texts = list(texts)
        # What the network of a session of 0.1.0 outputs; None of any other.
        self.earlier = earlier
        is_blind = not (self._inputs or self.texts or settings.time or settings.sees_labels())
        if is_blind and settings.horizon == 0 and not settings.detect:
            raise StreamError("there are no input columns, wanted at least one with numbers in it")
        self.counts = Counts()
        names = forecasters(settings)
        self.scores: Scores | LabelScores = (LabelScores if settings.classify else Scores)(names)
        self.coverage = Coverage()
        self.threshold = 0.99
        self.series: dict[Key, Series] = {}
        # Whose weights the series learn with, where they share them.
        self.template: Template | None = None
        n_recent, n_drawn = _RECENT, 4
        if settings.detect:
            n_recent, n_drawn = _RECENT_SCORES, 1 + len(settings.targets)
        self._n_recent, self._n_drawn = n_recent, n_drawn
        self._recent: deque[list[float]] = deque(maxlen=n_recent)
        self.last_time = -math.inf
        self._stamps = Stamps()
        # Where the table stands that rows came from, and the file that predictions went to.
        self.position: dict[str, Any] | None = None
        self.output: dict[str, Any] | None = None
        self._records: Records | None = None
        if not settings.keys:
            self.series[()] = self._new_series()

    def _new_series(self) -> Series:
        if self.earlier is not None:
            series: Series = earlier_series(self.settings, self.columns, self.earlier)
            return series
        names = [self.columns[k] for k in self._inputs]
        if not self.settings.shared:
            return new_series(self.settings, new_learner(self.settings, names, self.texts))
        if self.template is None:
            self.template = Template(self.settings, names)
        return new_series(self.settings, self.template.learner())

    @property
    def n_rows(self) -> int:
        """Rows taken in so far."""
        return self.counts.n_rows

    def total(self, after: float = 0.0) -> Total | LabelTotal:
        """Return the losses of the stream after its first part."""
        return self.scores.total(after)

    @property
    def recent(self) -> Array:
        """What is drawn of the last rows: see `Made`."""
        return np.array(self._recent).reshape(-1, self._n_drawn)

    @property
    def clock(self) -> Order:
        """The times of the rows taken in from a table, which the next may not go back behind."""
        order = Order()
        saved = (self.position or {}).get("order")
        if saved is not None:
            order.restore(saved)
        return order

    @property
    def labels(self) -> list[str]:
        """The labels seen so far, in the order in which they came."""
        known: dict[str, None] = {}
        for series in self.series.values():
            if isinstance(series, Labels):
                known |= dict.fromkeys(series.labels)
        return list(known)

    # ------------------------------------------------------------ rows in, forecasts out

    def usable(self, block: Block) -> tuple[int, StreamError | None]:
        """Return how many rows of a block can be taken in, and what is wrong with the next."""
        if not self.settings.classify:
            return len(block.rows), None
        new: dict[Key, list[str]] = {}
        keys = block.keys or [()] * len(block.rows)
        for k, (key, label) in enumerate(zip(keys, block.rows.target, strict=True)):
            series = self.series.get(key)
            known = series.labels if isinstance(series, Labels) else []
            if label is None or label in known or label in new.get(key, ()):
                continue
            error = too_many_labels(self.settings, len(known) + len(new.get(key, ())), label)
            if error is not None:
                return k, error
            new.setdefault(key, []).append(label)
        return len(block.rows), None

    def update_block(self, block: Block) -> Records:
        """Take in rows, which are `usable`: score the forecasts for them, learn, forecast.

        The same to the last bit however many come at once.

        Raises
        ------
        FloatingPointError
            When the weights have diverged.
        """
        keys = block.keys or [()] * len(block.rows)
        if len(self._inputs) < len(self.columns):
            rows = block.rows
            numbers = rows.numbers[:, self._inputs]
            block = Block(Rows(numbers, rows.texts, rows.target, rows.times), block.keys)
        made = self._update_series(block, keys)
        records = Records(self.settings, self.n_rows, keys, made)
        self._count(made)
        self._records = records
        return records

    def _update_series(self, block: Block, keys: Sequence[Key]) -> Made:
        if not self.settings.keys:
            return self.series[()].update_block(block.rows)
        runs = _runs(keys) if self.settings.shared else _places(keys)
        parts = []
        for key, places in runs:
            if key not in self.series:
                self.series[key] = self._new_series()
            parts.append((places, self.series[key].update_block(block.part(places))))
        return _in_order(parts)

    def _count(self, made: Made) -> None:
        counts, n = self.counts, len(made.values)
        if self.settings.detect:
            missing = np.isnan(made.drawn[:, 1:]).all(axis=1)
            scores = made.drawn[:, 0]
            counts.n_found += int(((scores > 0) & (scores >= self.threshold)).sum())
            best = int(scores.argmax()) if n else 0
            if n and scores[best] > counts.highest[0]:
                counts.highest = float(scores[best]), counts.n_rows + best + 1
        else:
            missing = np.isnan(made.drawn[:, 0])
            self.scores.add_rows(made.losses)
            self.coverage.add_block(*made.drawn[:, [0, 2, 3]].T)
        counts.n_missing += int(missing.sum())
        counts.n_rows += n
        self._recent.extend(made.drawn[-self._n_recent :].tolist())

    def update(
        self,
        inputs: Sequence[float] | Array,
        target: Any,
        time: str | float | None = None,
        *,
        texts: Sequence[str | None] = (),
        key: Key = (),
    ) -> Any:
        """Take in one row: score the forecasts for it, learn, forecast.

        Parameters
        ----------
        inputs : array_like, shape (n_columns,)
            Cells of the input columns of numbers; NaN where missing.
        target : float or str or sequence of float
            A number, NaN where missing; or a label, None where missing; with `detect` a number a
            target.
        time : str or float, optional
            Time of the row, where the settings name a column of times: ISO 8601, or seconds since
            1970.
        texts : sequence of str, optional
            Cells of the input columns of text; None where missing.
        key : tuple of str, optional
            Whose row it is, where the settings name keys.

        Returns
        -------
        float or dict of str to float
            The forecast for the row `horizon` rows from here: a number, NaN as long as no target is
            known; or the probabilities of the labels, empty as long as none is known. With `detect`
            the score of the row.

        Raises
        ------
        StreamError
            For a time that is none or goes back, or too many labels; nothing has changed then.
        ValueError
            For another number of inputs, or an infinite one; nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        cells = np.asarray(inputs, np.float64)
        n_columns = len(self.columns)
        if cells.shape != (n_columns,) or np.isinf(cells).any():
            raise ValueError(f"inputs {cells}, wanted {n_columns} numbers, NaN where missing")
        if len(texts) != len(self.texts) or len(key) != len(self.settings.keys):
            raise ValueError(
                f"texts {brief(texts)} and key {brief(key)}, wanted {len(self.texts)} and "
                f"{len(self.settings.keys)} texts"
            )
        rows = Rows(cells[None], [[text] for text in texts], self._one_target(target))
        rows.times = self._one_time(time)
        block = Block(rows, [tuple(key)] if key else [])
        _, error = self.usable(block)
        if error is not None:
            raise error
        if rows.times is not None and rows.times[0] == rows.times[0]:
            self.last_time = float(rows.times[0])
        return self.update_block(block).made.values[0]

    def _one_target(self, target: Any) -> Any:
        settings = self.settings
        if settings.classify:
            if target is not None and not isinstance(target, str):
                raise ValueError(f"target {brief(target)}, wanted a label, which is text, or None")
            return [target]
        shape = (1, len(settings.targets)) if settings.detect else (1,)
        values = np.asarray(target, np.float64)
        if values.size != shape[-1] or np.isinf(values).any():
            raise ValueError(f"target {brief(target)}, wanted a finite number, NaN where missing")
        return values.reshape(shape)

    def _one_time(self, time: str | float | None) -> Array | None:
        if self.settings.time is None:
            if time is not None:
                raise StreamError(
                    f"time is {brief(time)}, and the settings name no column of times"
                )
            return None
        if time is None or time == "":
            return np.array([math.nan])
        try:
            seconds = self._stamps.read(time)[1] if isinstance(time, str) else float(time)
        except ValueError as error:
            raise StreamError(f"time is {error}") from None
        if seconds < self.last_time and not self.settings.keys:
            raise StreamError(f"time is {brief(time)}, wanted none before that of an earlier row")
        return np.array([seconds])

    def as_record(self, forecast: Any = None) -> dict[str, Any]:
        """Return what was made of the last row in plain values.

        Parameters
        ----------
        forecast : optional
            What `update` has just returned; it is known.

        Returns
        -------
        dict
            ``row`` (from 1, of its key) that the forecast is for, ``prediction``, of labels
            ``probabilities``, with `interval` ``low`` and ``high``, with keys ``key``; ``target``,
            where the row is the present one and its target known; otherwise ``last``, the same of
            the present row, where it had a prediction and a target.
        """
        if self._records is None:
            raise RuntimeError("no row was taken in since this session was made or loaded")
        return self._records.record(len(self._records) - 1)

    told = as_record  # its former name

    # ------------------------------------------------------------ state

    def __getstate__(self) -> dict[str, Any]:
        kind: dict[str, Any] = {"scores": self.scores.state()}
        recent = self.recent
        series: list[dict[str, Any]] = []
        if self.settings.keys:
            series = [{"key": list(key), **one.state()} for key, one in self.series.items()]
        else:
            kind |= self.series[()].state()
        return {
            "format": _STATE_FORMAT,
            "settings": asdict(self.settings),
            "columns": self.columns,
            "texts": self.texts,
            "earlier": self.earlier,
            "last_time": self.last_time if math.isfinite(self.last_time) else None,
            "kind": kind,
            "series": series,
            "recent": recent[:, :2].copy(),
            "bands": recent[:, 2:].copy(),
            "coverage": self.coverage.state(),
            "counts": asdict(self.counts),
            "threshold": self.threshold,
            "position": self.position,
            "output": self.output,
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        state = as_today("Session", state)
        saved = check_state("Session", state)
        settings = Settings(**{f.name: getattr(saved.settings, f.name) for f in fields(Settings)})
        self._set_up(settings, list(state["columns"]), list(state["texts"]), saved.earlier)
        kind = state["kind"]
        self.scores.restore(kind["scores"])
        if settings.keys:
            for one in state["series"]:
                self.series[tuple(one["key"])] = series = self._new_series()
                series.restore(one)
                if self.template is not None:
                    self.template.join(series.learner, len(self.series) == 1)
        else:
            self.series[()].restore(kind)
        self._recent.extend(np.concatenate([state["recent"], state["bands"]], axis=1).tolist())
        self.coverage.restore(state["coverage"])
        counts = state["counts"]
        self.counts = Counts(**{**counts, "highest": tuple(counts["highest"])})
        self.threshold = state["threshold"]
        if state["last_time"] is not None:
            self.last_time = state["last_time"]
        self.position, self.output = state["position"], state["output"]


def _places(keys: Sequence[Key]) -> list[tuple[Key, list[int]]]:
    """Where the rows of every key are."""
    found: dict[Key, list[int]] = {}
    for k, key in enumerate(keys):
        found.setdefault(key, []).append(k)
    return list(found.items())


def _runs(keys: Sequence[Key]) -> list[tuple[Key, list[int]]]:
    """Rows of one key that follow each other."""
    found: list[tuple[Key, list[int]]] = []
    for k, key in enumerate(keys):
        if found and found[-1][0] == key:
            found[-1][1].append(k)
        else:
            found.append((key, [k]))
    return found


def _in_order(parts: Sequence[tuple[list[int], Made]]) -> Made:
    """What was made of some of the rows each, in the order of all."""
    order = np.argsort([k for places, _ in parts for k in places])

    def joined(name: str) -> list[Any]:
        every = [value for _, made in parts for value in getattr(made, name)]
        return [every[k] for k in order.tolist()]

    lists = {n: joined(n) for n in ("numbers", "values", "low", "high", "truth", "due")}
    losses, drawn = (
        np.concatenate([getattr(made, name) for _, made in parts])[order]
        for name in ("losses", "drawn")
    )
    return Made(losses=losses, drawn=drawn, **lists)
