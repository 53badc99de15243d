"""One stream from first row to last: forecasts made, scored when their row arrives, saved."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from pylstm.stream.errors import StreamError
from pylstm.stream.files import PROBLEMS, damaged, load_tree, save_tree
from pylstm.stream.forecaster import Forecaster
from pylstm.stream.scores import Scores
from pylstm.stream.settings import Settings
from pylstm.stream.table import Vector

__all__ = ["LAST", "MODEL", "SEASON", "Session"]

MODEL, LAST, SEASON = "pylstm", "last value", "one season ago"
_FORMAT = "pylstm-stream-2"
# Rows kept for the picture of prediction against truth.
_RECENT = 500


class Session:
    """A forecaster on a stream, with its scores against two honest opponents on the same rows.

    The opponents of a forecast made at row t for row t + h are the last value known at row t, and
    the value of row t + h - season, if there was one.

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

    def save(self, path: str) -> None:
        """Write the whole session to a file, from which `load` goes on as if nothing had happened.

        Raises
        ------
        StreamError
            When the file cannot be written.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> from pylstm.stream import Session, Settings
        >>> path = str(pathlib.Path(tempfile.mkdtemp(), "load.npz"))
        >>> session = Session(Settings(target="load"), ["load"])
        >>> forecasts = [session.update(np.array([value]), value) for value in (3.0, 4.0, 6.0)]
        >>> session.save(path)
        >>> resumed = Session.load(path)
        >>> row = np.array([5.0])
        >>> resumed.update(row, 5.0) == session.update(row, 5.0)
        True
        """
        state = {
            "format": _FORMAT,
            "settings": {**asdict(self.settings), "inputs": _listed(self.settings.inputs)},
            "columns": self.columns,
            "forecaster": self.forecaster.state(),
            "scores": self.scores.state(),
            "recent": np.array(self.recent, float).reshape(-1, 2),
            "forecasts": np.array(self._forecasts, float).reshape(-1, len(self.scores.names)),
            "targets": np.array(self._targets, float),
        }
        save_tree(path, state)

    @classmethod
    def load(cls, path: str) -> Session:
        """Read a session that `save` wrote.

        Raises
        ------
        StreamError
            When the file is not such a session, or is damaged.
        """
        state = load_tree(path)
        try:
            if state.get("format") != _FORMAT:
                raise ValueError(f"its format is {state.get('format')!r}, not {_FORMAT!r}")
            inputs = state["settings"].pop("inputs")
            settings = Settings(
                inputs=None if inputs is None else tuple(inputs), **state["settings"]
            )
            session = cls(settings, state["columns"])
            session._restore(state)
        except PROBLEMS as error:
            raise damaged(path, error) from None
        return session

    def _restore(self, state: dict[str, Any]) -> None:
        self.forecaster.restore(state["forecaster"])
        self.scores.restore(state["scores"])
        self.recent.extend((truth, forecast) for truth, forecast in state["recent"].tolist())
        self._forecasts.extend(state["forecasts"].tolist())
        self._targets.extend(state["targets"].tolist())


def _listed(inputs: tuple[str, ...] | None) -> list[str] | None:
    return None if inputs is None else list(inputs)
