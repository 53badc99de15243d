"""One stream from first row to last: forecasts made, scored when their row arrives, saved."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from pylstm.checkpoint import register
from pylstm.copies import Copyable, check_format
from pylstm.stream.errors import StreamError
from pylstm.stream.forecaster import Forecaster
from pylstm.stream.scores import Scores
from pylstm.stream.settings import Settings
from pylstm.stream.table import Vector

__all__ = ["LAST", "MODEL", "SEASON", "Session"]

MODEL, LAST, SEASON = "pylstm", "last value", "one season ago"
_STATE_FORMAT = 2
# Rows kept for the picture of prediction against truth.
_RECENT = 500


@register
class Session(Copyable):
    """A forecaster on a stream, with its scores against two honest opponents on the same rows.

    The opponents of a forecast made at row t for row t + h are the last value known at row t, and
    the value of row t + h - season, if there was one. `save` writes all of it to a file, from which
    `Session.load` goes on as if nothing had happened.

    Parameters
    ----------
    settings : Settings
    columns : sequence of str
        Names of the input columns, in the order in which `update` gets them.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.stream import Session, Settings
    >>> load = 10 + np.sin(0.3 * np.arange(3000))
    >>> session = Session(Settings(target="load"), ["load"])
    >>> for value in load:
    ...     forecast = session.update(np.array([value]), value)
    >>> bool(session.scores.total(after=0.1).skill("pylstm", "last value") > 0.5)
    True
    """

    def __init__(self, settings: Settings, columns: Sequence[str]) -> None:
        if not columns:
            raise StreamError("there are no input columns, wanted at least one with numbers in it")
        self.settings = settings
        self.columns = list(columns)
        self.forecaster = Forecaster(len(self.columns), settings)
        self.scores = Scores([MODEL, LAST] + ([SEASON] if settings.season else []))
        self.recent: deque[tuple[float, float]] = deque(maxlen=_RECENT)
        self._forecasts: deque[list[float]] = deque()
        # Its oldest entry, once full, is the value one season before the row to predict next.
        n_known = settings.season - settings.horizon + 1 if settings.season else 0
        self._targets: deque[float] = deque(maxlen=n_known)

    @property
    def n_rows(self) -> int:
        """Rows taken in so far."""
        return self.scores.n_rows

    def update(self, inputs: Vector, target: float) -> float:
        """Take in one row: score the forecasts for it, learn, forecast.

        Parameters
        ----------
        inputs : ndarray, shape (n_columns,), float64
            Cells of the input columns; NaN where missing.
        target : float
            NaN where missing.

        Returns
        -------
        float
            The forecast for the row `horizon` rows from here; NaN as long as no target is known.

        Raises
        ------
        ValueError
            For another number of inputs, or an infinite one; nothing has changed then.
        FloatingPointError
            When the weights have diverged.
        """
        forecast = self.forecaster.update(inputs, target)
        # Scored is what was put down `horizon` rows ago, whatever has just been learned.
        if len(self._forecasts) == self.settings.horizon:
            forecasts = self._forecasts.popleft()
        else:
            forecasts = [np.nan] * len(self.scores.names)
        self.scores.add(target, forecasts)
        self.recent.append((target, forecasts[0]))
        self._forecasts.append([forecast, *self._opponents(target)])
        return forecast

    def _opponents(self, target: float) -> list[float]:
        opponents = [self.forecaster.last_target]
        if self.settings.season:
            self._targets.append(target)
            full = len(self._targets) == self._targets.maxlen
            opponents.append(self._targets[0] if full else np.nan)
        return opponents

    def __getstate__(self) -> dict[str, Any]:
        return {
            "format": _STATE_FORMAT,
            "settings": asdict(self.settings),
            "columns": self.columns,
            "forecaster": self.forecaster.state(),
            "scores": self.scores.state(),
            "recent": np.array(self.recent, float).reshape(-1, 2),
            "forecasts": np.array(self._forecasts, float).reshape(-1, len(self.scores.names)),
            "targets": np.array(self._targets, float),
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        check_format(state, _STATE_FORMAT, "session")
        Session.__init__(self, Settings(**state["settings"]), state["columns"])
        self._restore(state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.forecaster.restore(state["forecaster"])
        self.scores.restore(state["scores"])
        self.recent.extend((truth, forecast) for truth, forecast in state["recent"].tolist())
        self._forecasts.extend(state["forecasts"].tolist())
        self._targets.extend(state["targets"].tolist())
