"""Estimators alike in all but numbers: their records, and the estimators these take turns in.

Which inputs and outputs there are, where each is, the networks, their optimizers: that is a form.
Estimators of a bank have few forms, mostly one, for they start alike and see the same columns.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.estimators.classifier import Classifier
from pylstm.estimators.forecaster import Forecaster
from pylstm.estimators.records import Frame, has_record
from pylstm.estimators.regressor import Regressor
from pylstm.estimators.rows import Columns
from pylstm.estimators.table import Table
from pylstm.threads import get_threads

__all__ = ["Form", "Taught", "form_of"]

Array = npt.NDArray[Any]

#: Rows that are worth a thread.
ROWS_A_THREAD = 500


def form_of(model: Any) -> tuple[Any, ...] | None:
    """Return what estimators have in common that are alike in all but numbers; None without.

    So it is where targets come late, rows have a calendar or text, a horizon is learned directly, a
    schedule is asked, errors go back through time, or before there are networks.
    """
    experts, features = model._experts, model._features
    if (
        type(model) not in (Regressor, Classifier, Forecaster)
        or experts is None
        or model.delay
        or not model._has_record()
        or features.calendar is not None
        or features.has_text
        or not has_record(experts)
    ):
        return None
    return (
        tuple(features.places.items()),
        tuple(features.own),
        tuple(experts.experts),
        tuple(repr(net._identity()) for net in experts.nets),
        model._named(),
    )


class Form:
    """Estimators of one form.

    Parameters
    ----------
    model : Regressor, Classifier or Forecaster
        One of them, which belongs to the form from now on.
    """

    def __init__(self, model: Any) -> None:
        self.model = model
        self._frame = Frame(model.copy())
        # What runs ahead of a forecaster's networks looks at the statistics of each.
        self._leads = not isinstance(model, Forecaster)
        self._leading = [Frame(model.copy(), self._leads)]

    @property
    def size(self) -> int:
        """Bytes of a record."""
        return self._frame.size

    def record_of(self, model: Any) -> bytearray:
        """The record of an estimator of this form, which it is no longer used after."""
        return Frame(model).record()

    def model_of(self, record: bytearray) -> Any:
        """The estimator of a record, independent of all others."""
        frame = self._frame
        frame.restore(record)
        frame.model._take_from(frame.learner)
        return frame.model.copy()

    def check(self, record: bytearray) -> None:
        """Raise ValueError for bytes that are no record."""
        self._frame.check(record)

    # ------------------------------------------------------------ rows

    def run(
        self, records: list[bytearray], starts: Array, rows: Table, taught: Taught
    ) -> dict[int, tuple[Any, FloatingPointError | None]]:
        """Learn the rows of every key, some keys a thread.

        Parameters
        ----------
        records : list of bytearray
            One a key; they go on.
        starts : ndarray, shape (n_keys + 1,), intp
            Where the rows of each begin.
        rows : Table
            Of numbers, their names known.
        taught : Taught

        Returns
        -------
        dict of int to (estimator, FloatingPointError or None)
            The keys a network of which has diverged, by their number: such is no longer of this
            form. The error is that of a key without another network, whose rows end there.
        """
        broken: dict[int, tuple[Any, FloatingPointError | None]] = {}
        numbers = rows.numbers
        assert numbers is not None

        def learn(frame: Frame, keys: slice, done: int = 0) -> int:
            columns = Columns(frame.model._features, rows.names, numbers)
            taught.give(frame.learner)
            return frame.run(records[keys], starts[keys.start : keys.stop + 1], columns, done)

        def work(at: int, keys: slice) -> None:
            done = 0
            while (done := learn(self._leading[at], keys, done)) < keys.stop - keys.start:
                self._leading[at] = Frame(self.model.copy(), self._leads)
                key, frame = keys.start + done, Frame(self.model.copy())
                if learn(frame, slice(key, key + 1)) == 0:
                    frame.model._take_from(frame.learner)
                    broken[key] = frame.model, frame.error
                done += 1

        parts = self._shared_out(starts)
        while len(self._leading) < len(parts):
            self._leading.append(Frame(self.model.copy(), self._leads))
        if len(parts) == 1:
            work(0, parts[0])
        else:
            with ThreadPoolExecutor(len(parts)) as pool:
                for future in [pool.submit(work, k, part) for k, part in enumerate(parts)]:
                    future.result()
        return broken

    def _shared_out(self, starts: Array) -> list[slice]:
        """Keys by thread, of about as many rows each."""
        n_rows, n_keys = int(starts[-1]), len(starts) - 1
        most = get_threads() if self._leads else 1  # a forecaster's rows need the GIL
        n = max(1, min(most, n_keys, n_rows // ROWS_A_THREAD))
        edges = np.searchsorted(starts, np.arange(1, n) * n_rows // n).tolist()
        bounds = [0, *edges, n_keys]
        return [slice(a, b) for a, b in pairwise(bounds) if a < b]

    def predict(self, records: list[bytearray], starts: Array, rows: Table, said: Array) -> None:
        """Write to `said` what is said of rows each of which may be the next of its key."""
        frame = self._leading[0]
        known = [k for k, name in enumerate(rows.names) if name in frame.model._features.places]
        assert rows.numbers is not None
        numbers = rows.numbers[:, known].copy()
        names = [rows.names[k] for k in known]
        columns = Columns(frame.model._features, names, numbers)
        frame.learner.look_into(said)
        frame.predict(records, starts, columns)


class Taught:
    """What the rows of a form are learned from, and what is said of them.

    Parameters
    ----------
    what : ndarray
        Targets (n_rows, n_targets), or places of labels (n_rows,).
    weights : ndarray, shape (n_rows,)
    said : ndarray, shape (n_rows, n_outputs)
    """

    def __init__(self, what: Array, weights: Array, said: Array) -> None:
        self.what, self.weights, self.said = what, weights, said

    def give(self, learner: Any) -> None:
        """Let the rows of a learner be these."""
        learner.take(self.what, self.weights, self.said)
