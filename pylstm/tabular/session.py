"""One stream from first row to last: forecasts made, scored when their row arrives, saved."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from pylstm.copies import Copyable
from pylstm.errors import brief
from pylstm.registry import check_state, register
from pylstm.tabular.clock import N_CALENDAR, Clock
from pylstm.tabular.errors import StreamError
from pylstm.tabular.kinds import Kind, Labels, Numbers
from pylstm.tabular.scores import LabelScores, Scores
from pylstm.tabular.settings import Settings
from pylstm.tabular.table import Vector

__all__ = ["Session"]

_STATE_FORMAT = 3
# Rows kept for the picture of prediction against truth.
_RECENT = 500


@register
class Session(Copyable):
    """A forecaster on a stream, with its scores against two honest opponents on the same rows.

    The opponents of a forecast made at row t for row t + h are the last value known at row t, and
    the value of row t + h - season, if there was one; of labels also the most frequent one.
    `save` writes all of it to a file, from which `Session.load` goes on as if nothing had happened.

    Parameters
    ----------
    settings : Settings
    columns : sequence of str
        Names of the input columns, in the order in which `update` gets them.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.tabular import Session, Settings
    >>> load = 10 + np.sin(0.3 * np.arange(3000))
    >>> session = Session(Settings(target="load"), ["load"])
    >>> for value in load:
    ...     forecast = session.update(np.array([value]), value)
    >>> bool(session.scores.total(after=0.1).skill("pylstm", "last value") > 0.5)
    True
    """

    def __init__(self, settings: Settings, columns: Sequence[str]) -> None:
        if not (columns or settings.time or settings.sees_labels()):
            raise StreamError("there are no input columns, wanted at least one with numbers in it")
        self.settings = settings
        self.columns = list(columns)
        self.clock = Clock()
        n_inputs = len(self.columns) + (N_CALENDAR if settings.time else 0)
        self.kind: Kind = (Labels if settings.classify else Numbers)(settings, n_inputs)
        self.recent: deque[tuple[float, float]] = deque(maxlen=_RECENT)
        self._forecasts_not_due: deque[list[Any]] = deque()
        # The target of the last row, and the forecasts that had been made for it.
        self._last_scored: tuple[Any, list[Any] | None] = np.nan, None

    @property
    def n_rows(self) -> int:
        """Rows taken in so far."""
        return self.scores.n_rows

    @property
    def scores(self) -> Scores | LabelScores:
        """Losses of the network and its opponents so far."""
        return self.kind.scores

    def update(self, inputs: Vector, target: Any, time: str | None = None) -> Any:
        """Take in one row: score the forecasts for it, learn, forecast.

        Parameters
        ----------
        inputs : ndarray, shape (n_columns,), float64
            Cells of the input columns; NaN where missing.
        target : float or str
            A number, NaN where missing; or a label, None where missing.
        time : str, optional
            Time of the row, where the settings name a column of times.

        Returns
        -------
        float or dict of str to float
            The forecast for the row `horizon` rows from here: a number, NaN as long as no target is
            known; or the probabilities of the labels, empty as long as none is known.

        Raises
        ------
        StreamError
            For a time that is none or goes back, or too many labels; nothing has changed then.
        ValueError
            For another number of inputs, or an infinite one; nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        if self.settings.time:
            inputs = np.concatenate([inputs, self.clock.calendar(time)])
        elif time is not None:
            raise StreamError(f"time is {brief(time)}, and the settings name no column of times")
        forecasts = self.kind.update(inputs, target)
        due: list[Any] | None = forecasts
        self.clock.advance(time)
        if self.settings.horizon:
            # Scored is what was put down `horizon` rows ago, whatever has just been learned.
            full = len(self._forecasts_not_due) == self.settings.horizon
            due = self._forecasts_not_due.popleft() if full else None
            self._forecasts_not_due.append(forecasts)
        self.recent.append(self.kind.score(target, due))
        self._last_scored = target, due
        return forecasts[0]

    def as_record(self, forecast: Any) -> dict[str, Any]:
        """Return a forecast `update` has just returned in plain values.

        Parameters
        ----------
        forecast : float or dict of str to float

        Returns
        -------
        dict
            ``row`` (from 1) that the forecast is for, ``prediction``, of labels ``probabilities``;
            ``target``, where the row is the present one and its target known; otherwise ``last``,
            the same of the present row, where it had a prediction and a target.
        """
        horizon = self.settings.horizon
        record = {"row": self.n_rows + horizon, **self.kind.as_record(forecast)}
        target, due = self._last_scored
        value = self.kind.value(target)
        if value is None or due is None:
            return record
        if horizon == 0:
            return {**record, "target": value}
        last = self.kind.as_record(due[0])
        if last["prediction"] is None:
            return record
        return {**record, "last": {"row": self.n_rows, **last, "target": value}}

    told = as_record  # its former name

    def __getstate__(self) -> dict[str, Any]:
        return {
            "format": _STATE_FORMAT,
            "settings": asdict(self.settings),
            "columns": self.columns,
            "kind": self.kind.state(),
            "clock": self.clock.state(),
            "recent": np.array(self.recent, float).reshape(-1, 2),
            "forecasts": [
                [_without_numpy(one) for one in forecasts] for forecasts in self._forecasts_not_due
            ],
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        saved = check_state("Session", state)
        settings = {**state["settings"], "inputs": saved.settings.inputs}
        Session.__init__(self, Settings(**settings), list(state["columns"]))
        self.kind.restore(state["kind"])
        self.clock.restore(state["clock"])
        self.recent.extend((truth, forecast) for truth, forecast in state["recent"].tolist())
        self._forecasts_not_due.extend(state["forecasts"])


def _without_numpy(forecast: Any) -> Any:
    """A forecast without NumPy's numbers."""
    return dict(forecast) if isinstance(forecast, Mapping) else float(forecast)
