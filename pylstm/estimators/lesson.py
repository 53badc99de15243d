"""Rows of many keys, learned in one call of a bank."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pylstm.errors import brief
from pylstm.estimators.classifier import Classifier
from pylstm.estimators.entry import Entry
from pylstm.estimators.estimator import Array
from pylstm.estimators.forecaster import Forecaster
from pylstm.estimators.forms import Form, Taught
from pylstm.estimators.keys import Groups, Key, kind_of
from pylstm.estimators.regressor import Regressor
from pylstm.estimators.table import Table
from pylstm.estimators.values import is_missing

if TYPE_CHECKING:
    from pylstm.estimators.bank import Bank

__all__ = ["Found", "Lesson", "gathered", "in_pieces", "said_by", "together"]

#: A larger number may be more than a network of float32 takes.
LARGEST = 1e37

#: Rows, and what was found of them.
Found = list[tuple[Array, Any]]


class Lesson:
    """Rows of any keys that a bank learns in one call.

    Parameters
    ----------
    bank : Bank
    keys : list
        One a row.
    rows : Table
    taught : Table or ndarray
        Targets, or labels.
    weights : ndarray, shape (n_rows,)
    """

    def __init__(
        self, bank: Bank, keys: list[Key], rows: Table, taught: Any, weights: Array
    ) -> None:
        self.bank, self.keys, self.rows = bank, keys, rows
        self.taught, self.weights = taught, weights
        self.labels: list[Any] = []
        self.codes = np.empty(0, np.intp)
        self.has_nan = rows.numbers is not None and bool(np.isnan(rows.numbers).any())
        self.found: Found = []
        self.undo: dict[Key, Entry | None] = {}
        self.new: set[Key] = set()
        self.n_rows_before = bank._n_rows
        self.wanted: dict[Form, Any] = {}  # what rows are learned from, by form
        self.diverged: FloatingPointError | None = None
        bank._has_text |= rows.numbers is None
        self.is_sure = self._is_sure()

    def _is_sure(self) -> bool:
        """Whether no row can be refused once the first has been learned."""
        estimator = self.bank.estimator
        if self.bank._has_text or estimator.delay or estimator.calendar is not None:
            return False
        if getattr(estimator.optimizer, "schedule", None) is not None:
            return False
        if isinstance(estimator, Classifier):
            return True
        if (estimator.network or {}).get("gradient", "truncated") != "truncated":
            return False
        if isinstance(estimator, Forecaster) and estimator.horizon is not None:
            return False
        forms = self.bank._forms.values() if isinstance(estimator, Regressor) else ()
        if any(form.model._places_of_targets(self.taught) is None for form in forms):
            return False
        numbers = self.taught.numbers
        return numbers is not None and bool(np.nanmax(np.abs(numbers), initial=0) < LARGEST)

    def learn(self) -> Any:
        """Learn all rows; return what was said of each before."""
        bank = self.bank
        if isinstance(bank.estimator, Classifier):
            self._number_labels()
        before = bank._kind, bank._n_rows, dict(bank._classes)
        try:
            most = len(self.keys) if bank.max_age is None else bank.max_age
            for start in range(0, len(self.keys), max(1, most)):
                self._learn_rows(start, min(start + most, len(self.keys)))
            bank._make_room()
        except Exception:
            bank._kind, bank._n_rows, bank._classes = before
            self._take_back()
            raise
        if self.diverged is not None:
            raise self.diverged
        is_of_labels = isinstance(bank.estimator, Classifier)
        return together(len(self.keys), self.found, bank._classes if is_of_labels else None)

    def _number_labels(self) -> None:
        """Labels by their number among those of the call, -1 where there is none."""
        numbers: dict[Any, int] = {}
        codes = []
        for row, label in enumerate(self.taught.tolist()):
            try:
                codes.append(-1 if is_missing(label) else numbers.setdefault(label, len(numbers)))
            except TypeError:
                raise TypeError(
                    f"y is {brief(label)} at row {row}, wanted a label that is hashable"
                ) from None
        self.codes, self.labels = np.array(codes, np.intp), list(numbers)

    def _take_back(self) -> None:
        """A row is refused: everything is as it was."""
        bank = self.bank
        for key, entry in self.undo.items():
            now = bank._entries.get(key)
            if key in bank._given and entry is not None and now is not None:
                vars(now.content).update(vars(entry.content))  # somebody may hold it
                entry.content = now.content
            bank._drop(key)
            if entry is not None:
                entry.changed = True
                bank._keep(key, entry)
            elif bank._store is not None:
                bank._store.delete(key)
        in_order = sorted(bank._entries.items(), key=lambda pair: pair[1].last)
        bank._entries.clear()
        bank._entries.update(in_order)

    def _learn_rows(self, start: int, end: int) -> None:
        """Learn some rows, among which no key is forgotten."""
        bank = self.bank
        groups = Groups(self.keys[start:end])
        groups.order += start
        first_row = bank._n_rows + 1 - start
        for parts in in_pieces(groups.parts(), bank._keys_at_once()):
            self._learn_keys(groups, parts, first_row)
            if len(parts) < len(groups.keys):
                bank._make_room()
        if bank._kind is None and groups.keys:
            bank._kind = kind_of(groups.keys[0])
        for code in range(len(self.labels)):
            bank._classes.setdefault(self.labels[code], len(bank._classes))
        bank._n_rows += end - start

    def _learn_keys(self, groups: Groups, parts: list[tuple[Key, slice]], first_row: int) -> None:
        """Learn the rows of some keys; the first row of all is the bank's row `first_row`."""
        bank = self.bank
        of_form: dict[Form, list[tuple[Key, Entry, slice]]] = {}
        apart = []
        for key, part in parts:
            rows = groups.order[part]
            entry = bank._find(key, first_row + int(rows[0]))
            is_new = entry is None
            if entry is None:
                entry = self._born(rows)
                self.new.add(key)
                bank._given.discard(key)
            if key not in self.undo and not self.is_sure:
                before = bank._find(key, self.n_rows_before)
                self.undo[key] = None if before is None else before.copy()
            if entry.form is not None and self._is_quick(entry.form, rows):
                of_form.setdefault(entry.form, []).append((key, entry, part))
            else:
                apart.append((key, entry, rows, is_new))
        for key, entry, rows, is_new in apart:
            entry.last = first_row + int(rows[-1])
            self._learn_apart(key, entry, rows, is_new)
        for form, keys in of_form.items():
            self._learn_together(form, keys, groups, first_row)
        self.new.clear()

    # ------------------------------------------------------------ a new key

    def _born(self, rows: Array) -> Entry:
        """A key that is new, its rows given: as a record, where those of others were alike."""
        bank, names = self.bank, self._names(rows)
        if names is None:
            return Entry(None, bank.estimator.copy(), 0)
        if names not in bank._newborn:
            bank._newborn[names] = self._first_of(int(rows[0]))
        newborn = bank._newborn[names]
        if newborn is None:
            return Entry(None, bank.estimator.copy(), 0)
        form, record = newborn
        return Entry(form, bytearray(record), 0)

    def _names(self, rows: Array) -> tuple[Any, ...] | None:
        """By what an estimator is told apart that is about to learn such rows; None if by more."""
        numbers = self.rows.numbers
        if numbers is None:
            return None
        if self.has_nan and np.isnan(numbers[rows]).all(0).any():
            return None
        if not isinstance(self.bank.estimator, Classifier):
            if self.taught.numbers is None:
                return None
            return (*self.rows.names, self.taught.is_array, *self.taught.names)
        first = int(rows[0])
        if self.codes[first] < 0 or not self.weights[first]:
            return None
        label = self.labels[self.codes[first]]
        return (*self.rows.names, type(label), label)

    def _first_of(self, row: int) -> tuple[Form, bytearray] | None:
        """Form and record of an estimator that is about to learn rows like one."""
        model = self.bank.estimator.copy()
        if model.delay or model.calendar is not None:
            return None
        one = Table({name: [0.0] for name in self.rows.names} or np.empty((1, 0)), "X")
        if isinstance(model, Regressor):
            model._make_ready(one, self.taught)
        elif isinstance(model, Forecaster):
            model._know_columns(one)
            model._series.stand_by(model._experts)
        else:
            model.expect([self.labels[self.codes[row]]])
            model._know_columns(one)
        entry = Entry(None, model, 0)
        self.bank._pack(entry)
        return None if entry.form is None else (entry.form, entry.content)

    # ------------------------------------------------------------ keys of one form

    def _is_quick(self, form: Form, rows: Array) -> bool:
        """Whether rows of a key can be learned without Python between them, and it stays of the
        form."""
        if form not in self.wanted:
            self.wanted[form] = self._wanted_by(form)
        wanted = self.wanted[form]
        if wanted is None:
            return False
        if not isinstance(self.bank.estimator, Classifier):
            return True
        return bool((wanted[rows] > -2).all())

    def _wanted_by(self, form: Form) -> Any:
        """Targets of all rows as the form has them, or places of labels, -2 of one that is new."""
        model = form.model
        if not model._learns_numbers(self.rows):
            return None
        if not all(name in model._features.places for name in self.rows.names):
            return None
        if isinstance(model, Regressor):
            places = model._places_of_targets(self.taught)
            if places is None:
                return None
            wanted = np.full((self.rows.n_rows, len(model._targets.known)), np.nan)
            wanted[:, places] = self.taught.numbers
            return wanted if np.nanmax(np.abs(wanted), initial=0) < LARGEST else None
        if isinstance(model, Forecaster):
            is_one = self.taught.numbers is not None and self.taught.names == [None]
            return self.taught.numbers if is_one and self.is_sure else None
        place = np.array([model._places.get(label, -2) for label in self.labels] + [-1], np.intp)
        wanted = place[self.codes]
        wanted[(wanted == -2) & (self.weights == 0)] = -1
        return wanted

    def _learn_together(
        self, form: Form, keys: list[tuple[Key, Entry, slice]], groups: Groups, first_row: int
    ) -> None:
        bank = self.bank
        order, starts = gathered(groups, [part for _, _, part in keys])
        records = []
        for _, entry, part in keys:
            entry.last = first_row + int(groups.order[part.stop - 1])
            entry.changed = True
            records.append(entry.content)
        wanted, weights = self.wanted[form][order], self.weights[order]
        said = np.empty((len(order), form.model._n_outputs()))
        broken = form.run(records, starts, self.rows.part(order), Taught(wanted, weights, said))
        for k, (model, error) in broken.items():
            key, entry, _ = keys[k]
            entry.form, entry.content = None, model
            if error is None:
                bank._pack(entry)
            else:
                self._note(key, error)
        for key, entry, _ in keys:
            bank._keep(key, entry)
        found = form.model._as_said(said, shares=True)
        if isinstance(form.model, Classifier):  # whose first class was not known at its row
            new = [starts[k] for k, (key, _, _) in enumerate(keys) if key in self.new]
            for column in found.values():
                column[new] = 0
        self.found.append((order, found))

    # ------------------------------------------------------------ a key by itself

    def _learn_apart(self, key: Key, entry: Entry, rows: Array, is_new: bool) -> None:
        bank = self.bank
        if entry.form is not None:
            entry.content = entry.form.model_of(entry.content)
            entry.form = None
        entry.changed = True
        model, some, weights = entry.content, self.rows.part(rows), self.weights[rows]
        taught = self.taught.part(rows) if isinstance(self.taught, Table) else self.taught[rows]
        said: Any
        try:
            if isinstance(model, Forecaster):
                said = model.run(taught, some, weights)
            else:
                said = model.run(some, taught, weights)
        except FloatingPointError as error:
            self._note(key, error)
        else:
            if isinstance(model, Classifier):
                if is_new:
                    said[0] = 0
                said = by_class(model, said)
            self.found.append((rows, said))
        if key not in bank._given:
            bank._pack(entry)
        bank._keep(key, entry)

    def _note(self, key: Key, error: FloatingPointError) -> None:
        if self.diverged is None:
            self.diverged = FloatingPointError(f"key {brief(key)}: {error}")


def in_pieces(parts: list[tuple[Key, slice]], n: int) -> Iterator[list[tuple[Key, slice]]]:
    """Some keys after others, at most so many at once."""
    for start in range(0, len(parts), n):
        yield parts[start : start + n]


def gathered(groups: Groups, parts: list[slice]) -> tuple[Array, Array]:
    """The rows of some keys, one behind the other, and where those of each start."""
    starts = np.cumsum([0, *(part.stop - part.start for part in parts)])
    if len(parts) == len(groups.keys):
        return groups.order, starts
    return np.concatenate([groups.order[part] for part in parts]), starts


def by_class(model: Classifier, shares: Array) -> dict[Any, Array]:
    """Shares by label."""
    return dict(zip(model.classes, shares.T, strict=True))


def said_by(model: Any, rows: Table, shares: bool = False) -> Any:
    """What an estimator says of rows each of which may be the next; of labels the shares."""
    if isinstance(model, Forecaster):
        return np.array([model.forecast(1, [x])[0] for x in rows.rows()])
    if shares:
        return by_class(model, model.predict_proba_many(rows))
    return model.predict_many(rows)


def together(n_rows: int, found: Found, classes: Mapping[Any, int] | None = None) -> Any:
    """What was found of some rows each, for all rows.

    Numbers, 0 where there is none; columns by name; lists; of `classes` shares, a column each.
    """
    if classes is not None:
        shares = np.zeros((n_rows, len(classes)))
        for rows, by_label in found:
            for label, column in by_label.items():
                shares[rows, classes[label]] = column
        return shares
    if any(isinstance(part, list) for _, part in found):
        labels: list[Any] = [None] * n_rows
        for rows, part in found:
            for row, label in zip(rows.tolist(), part, strict=True):
                labels[row] = label
        return labels
    names = {name: None for _, part in found if isinstance(part, dict) for name in part}
    if names:
        columns = {name: np.zeros(n_rows) for name in names}
        for rows, part in found:
            for name in part if isinstance(part, dict) else ():
                columns[name][rows] = part[name]
        return columns
    width = max((part.shape[1] for _, part in found if part.ndim == 2), default=None)
    numbers = np.zeros(n_rows if width is None else (n_rows, width))
    for rows, part in found:
        if width is None:
            numbers[rows] = part
        elif part.ndim == 2:
            numbers[rows, : part.shape[1]] = part
    return numbers
