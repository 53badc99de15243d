"""Estimators by key: a model for every customer, machine or meter, learned from rows of all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

import numpy as np

from pylstm._core import Exclusive
from pylstm.checkpoint import from_bytes, from_bytes_as, to_bytes
from pylstm.checkpoint.refusing import one_sentence
from pylstm.checks import check_whole
from pylstm.errors import brief
from pylstm.estimators.classifier import Classifier
from pylstm.estimators.entry import BYTES_A_KEY, Entry
from pylstm.estimators.estimator import Shown
from pylstm.estimators.forecaster import Forecaster
from pylstm.estimators.forms import Form, form_of
from pylstm.estimators.keys import Groups, Key, Kind, as_key, as_keys, kind_of
from pylstm.estimators.lesson import Found, Lesson, gathered, in_pieces, said_by, together
from pylstm.estimators.regressor import Regressor
from pylstm.estimators.store import Store
from pylstm.estimators.table import Table, as_weights, column_of
from pylstm.registry import check_state, register

__all__ = ["Bank"]

_STATE_FORMAT = 1
#: Of a bank: each takes some estimators of memory. Keys beyond are kept as objects.
_MOST_FORMS = 200


class Bank(Shown):
    """Estimators by key, each as if its rows had come to it alone.

    Every key starts from the same estimator, and learns what rows of its own say: the numbers are
    those of a dict of estimators, to the last bit where no more than 16 rows without a target
    follow one another, else but for rounding. But a key is no object: what rows change of an
    estimator is a record of bytes, and the rows of all keys in a call are learned in compiled code,
    those of different keys by several threads, see `pylstm.set_threads`.

    Keys are strings, whole numbers, or tuples of these, all of the same types. Numbers of Python
    and NumPy that are equal are one key.

    Parameters
    ----------
    estimator : Regressor, Classifier or Forecaster
        What every key starts from; it has learned nothing yet, and does not change.
    memory_limit : int, optional
        Bytes that keys may take in memory, about. Beyond, those whose last rows are the oldest are
        in a file, and come back with their next row: in that of `path`, or in one that goes with
        the bank.
    path : str or path, optional
        A file for `flush`. Where it is one already, the bank goes on from its last flush. One bank
        has it at a time, until `close`.
    max_age : int, optional
        A key is forgotten when more than so many rows of all keys have been learned since its last
        one, and starts anew where another comes. However rows are cut into calls, the same keys
        are.

    Raises
    ------
    TypeError, ValueError
        For an estimator that is none of the three or has learned, or a number that makes no sense.
    CheckpointError
        For a `path` with something else, of another version, or damaged, or that another bank has.

    Notes
    -----
    Rows are learned without Python between them as long as they are numbers, nothing comes late
    and a forecaster has no horizon; those of a forecaster by one thread. A row costs the steps of
    its networks; a key in a call a copy of its record in and out of the cache, and some
    microseconds; a new name or label of a key, as often as there is one, about a millisecond. What
    else estimators can do works as well, with an estimator a key as an object, and takes its time
    and memory.

    Examples
    --------
    >>> import numpy as np
    >>> import pylstm
    >>> from pylstm.estimators import Regressor
    >>> rng = np.random.default_rng(0)
    >>> shops, hours = rng.choice(["north", "south"], 2000), np.arange(2000) % 24
    >>> sales = np.where(shops == "north", 10, 50) + 5 * np.sin(hours * np.pi / 12)
    >>> bank = pylstm.Bank(Regressor(n_cells=8))
    >>> said = bank.run(shops, {"hour": hours}, sales)
    >>> bool(abs(said[-500:] - sales[-500:]).mean() < 1)
    True
    >>> bank.predict_many(["north", "south", "new"], {"hour": [12, 12, 12]}).round(-1).tolist()
    [10.0, 50.0, 0.0]
    >>> sorted(bank), bank["north"].n_steps + bank["south"].n_steps
    (['north', 'south'], 2000)
    """

    def __init__(
        self,
        estimator: Regressor | Classifier | Forecaster,
        memory_limit: int | None = None,
        path: str | os.PathLike[str] | None = None,
        max_age: int | None = None,
    ) -> None:
        if type(estimator) not in (Regressor, Classifier, Forecaster):
            raise TypeError(
                f"estimator is {brief(estimator)}, wanted a Regressor, a Classifier or a Forecaster"
            )
        if estimator.net is not None:
            raise ValueError("estimator has learned from rows already, wanted a new one")
        for name, value in (("memory_limit", memory_limit), ("max_age", max_age)):
            if value is not None:
                check_whole(name, value, 1)
        self.estimator: Any = estimator.copy()
        self.memory_limit, self.max_age = memory_limit, max_age
        self.path = None if path is None else os.fspath(path)
        self._exclusive = Exclusive("Bank")
        self._kind: Kind | None = None
        self._n_rows = 0
        self._classes: dict[Any, int] = {}
        self._has_text = False
        self._entries: dict[Key, Entry] = {}  # in the order of their last rows
        self._given: set[Key] = set()  # keys whose estimator somebody may hold
        self._memory = 0  # bytes of the entries
        self._forms: dict[tuple[Any, ...], Form] = {}
        self._on_disk: list[Form] = []  # forms by their numbers there
        self._newborn: dict[tuple[Any, ...], tuple[Form, bytearray] | None] = {}
        self._store: Store | None = None
        if self.path is not None:
            self._store = Store(self.path)
            try:
                self._go_on_from(self._store)
            except BaseException:
                self._store.close()
                raise

    # ------------------------------------------------------------ keys

    @property
    def n_rows(self) -> int:
        """Rows learned so far, of all keys."""
        return self._n_rows

    @property
    def classes(self) -> list[Any]:
        """Of a classifier the labels of all keys, in the order in which they came."""
        return list(self._classes)

    def __len__(self) -> int:
        with self._exclusive:
            return len(self._keys())

    def __iter__(self) -> Iterator[Key]:
        with self._exclusive:
            return iter(self._keys())

    def _keys(self) -> list[Key]:
        self._forget()
        stored = [] if self._store is None else self._store.keys()
        return [*(key for key in stored if key not in self._entries), *self._entries]

    def __contains__(self, key: object) -> bool:
        with self._exclusive:
            return self._is_known(as_key(key))

    def _is_known(self, key: Key) -> bool:
        entry = self._entries.get(key)
        last = None if entry is None else entry.last
        if last is None and self._store is not None:
            last = self._store.last(key)
        return last is not None and not self._is_old(last, self._n_rows)

    def _is_old(self, last: int, row: int) -> bool:
        return self.max_age is not None and row - last > self.max_age

    def __getitem__(self, key: Any) -> Any:
        """Return the estimator of a key; what changes it changes the bank.

        It is held as an object, some hundred kilobytes, until nobody else holds it. Rows that it
        learns by itself do not count for the age of its key.

        Raises
        ------
        KeyError
            For a key that is not known.
        """
        with self._exclusive:
            known = as_key(key)
            entry = self._find(known, self._n_rows)
            if entry is None:
                raise KeyError(key)
            if entry.form is not None:
                entry.content = entry.form.model_of(entry.content)
                entry.form = None
            self._given.add(known)
            entry.changed = True
            self._keep(known, entry, at_end=known not in self._entries)
            return entry.content

    def __delitem__(self, key: Any) -> None:
        """Forget a key."""
        with self._exclusive:
            known = as_key(key)
            if not self._is_known(known):
                raise KeyError(key)
            self._drop(known)
            self._given.discard(known)
            if self._store is not None:
                self._store.delete(known)

    def _find(self, key: Key, row: int) -> Entry | None:
        """What is known of a key at a row, None where it is new or forgotten."""
        entry = self._entries.get(key)
        if entry is None and self._store is not None:
            found = self._store.get(key)
            if found is not None:
                entry = self._loaded(*found)
        return None if entry is None or self._is_old(entry.last, row) else entry

    def _keep(self, key: Key, entry: Entry, at_end: bool = True) -> None:
        """Know an entry of a key as it is by now, as that of the last row."""
        if at_end:
            self._drop(key)
        self._memory += entry.size - entry.counted
        entry.counted = entry.size
        self._entries[key] = entry

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._memory -= entry.counted
            entry.counted = 0

    def _forget(self) -> None:
        """Keys whose last row is too long ago go."""
        if self.max_age is None:
            return
        for key, entry in list(self._entries.items()):
            if self._is_old(entry.last, self._n_rows):
                self._drop(key)
        if self._store is not None:
            self._store.delete_before(self._n_rows - self.max_age)

    # ------------------------------------------------------------ disk

    def _loaded(self, number: int | None, last: int, content: bytes) -> Entry:
        """An entry from the disk."""
        with one_sentence(brief(self.path)):
            if number is None:
                model = from_bytes_as(type(self.estimator), content)
                return Entry(None, model, last, changed=False)
            form, record = self._on_disk[number], bytearray(content)
            form.check(record)
            return Entry(form, record, last, changed=False)

    def _write(self, store: Store, key: Key, entry: Entry) -> None:
        """Bring an entry to the disk."""
        if not entry.changed:
            return
        number = None
        content = entry.content
        if entry.form is None:
            content = to_bytes(content)
        else:
            number = self._number_of(store, entry.form)
        store.put(key, number, entry.last, content)
        entry.changed = False

    def _number_of(self, store: Store, form: Form) -> int:
        if form not in self._on_disk:
            store.put_form(len(self._on_disk), to_bytes(form.model))
            self._on_disk.append(form)
        return self._on_disk.index(form)

    def _make_room(self) -> None:
        """Where the limit is passed, the keys whose last rows are the oldest go to the disk."""
        if self.memory_limit is None or self._memory <= self.memory_limit:
            return
        if self._store is None:
            self._store = Store(None)
        for key, entry in list(self._entries.items()):
            if self._memory <= self.memory_limit:
                break
            if key not in self._given:
                self._write(self._store, key, entry)
                self._drop(key)

    def _keys_at_once(self) -> int:
        """How many keys may be in memory for one step of a call."""
        if self.memory_limit is None:
            return sys.maxsize
        largest = max((form.size for form in self._forms.values()), default=0)
        return max(1, self.memory_limit // (2 * max(largest + BYTES_A_KEY, 10_000)))

    def _go_on_from(self, store: Store) -> None:
        """Be the bank of a file, where it is one already."""
        saved = store.common("bank")
        if saved is None:
            self._write_common(store)
            store.commit()
            return
        with one_sentence(brief(self.path)):
            state = from_bytes(saved)
            estimator = state["estimator"]
            self._n_rows, self._has_text = int(state["n_rows"]), bool(state["has_text"])
            self._classes = {label: k for k, label in enumerate(state["classes"])}
            for _, content in store.forms():
                form = Form(from_bytes_as(type(estimator), content))
                name = form_of(form.model)
                if name is None:
                    raise ValueError("a form is none of a bank")
                self._forms[name] = form
                self._on_disk.append(form)
            self._kind = next(map(kind_of, store.keys()[:1]), None)
        if repr(estimator) != repr(self.estimator) or type(estimator) is not type(self.estimator):
            raise ValueError(
                f"estimator is {brief(self.estimator)}, wanted {brief(estimator)} with which "
                f"{brief(self.path)} was begun"
            )
        self.estimator = estimator

    def _write_common(self, store: Store) -> None:
        common = {
            "estimator": self.estimator,
            "n_rows": self._n_rows,
            "classes": list(self._classes),
            "has_text": self._has_text,
        }
        store.put_common("bank", to_bytes(common))

    def flush(self) -> None:
        """Bring everything to the disk, whole.

        Killed at any moment, a process leaves the file as it was after its last flush: a bank that
        is made with this `path` goes on from there, with the same bits.

        Raises
        ------
        ValueError
            Without a `path`.
        CheckpointError
            When the file cannot be written.

        Notes
        -----
        Writes the keys that rows have changed since the last flush, and waits for the disk.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> import pylstm
        >>> from pylstm.estimators import Regressor
        >>> path = pathlib.Path(tempfile.mkdtemp(), "shops.bank")
        >>> bank = pylstm.Bank(Regressor(n_cells=4), path=path)
        >>> bank.learn_many(["north", "south"], [[1.0], [2.0]], [3.0, 4.0])
        >>> bank.flush()
        >>> bank.close()
        >>> again = pylstm.Bank(Regressor(n_cells=4), path=path)
        >>> sorted(again), again.n_rows
        (['north', 'south'], 2)
        >>> again.close()
        """
        with self._exclusive:
            if self._store is None or self.path is None:
                raise ValueError("path is None, wanted a bank with a path to flush to")
            self._take_back_given()
            self._forget()
            for key, entry in self._entries.items():
                if key in self._given:  # whoever holds it may have changed it
                    entry.changed = True
                self._write(self._store, key, entry)
            self._write_common(self._store)
            self._store.commit()

    def close(self) -> None:
        """Give the file back, as it was at the last `flush`; the bank is of no use any more."""
        if self._store is not None:
            self._store.close()

    def _take_back_given(self) -> None:
        """Estimators that were given out, and that nobody holds any more, become records again."""
        for key in list(self._given):
            entry = self._entries.get(key)
            if entry is None or entry.form is not None:  # forgotten, or another by now
                self._given.discard(key)
            elif sys.getrefcount(entry.content) <= 2:  # that of the entry, and of this call
                self._given.discard(key)
                self._pack(entry)
                self._keep(key, entry, at_end=False)

    def _pack(self, entry: Entry) -> None:
        """An estimator becomes a record, if it has one."""
        name = form_of(entry.content)
        if name is None:
            return
        form = self._forms.get(name)
        if form is None and len(self._forms) == _MOST_FORMS:
            return
        if form is None:
            form = self._forms[name] = Form(entry.content.copy())
        entry.form, entry.content = form, form.record_of(entry.content)

    # ------------------------------------------------------------ rows

    def learn_many(self, keys: Any, X: Any, y: Any, w: Any = 1.0) -> None:
        """Learn from rows of any keys in any order, those of a key in their order: see `run`.

        Examples
        --------
        >>> import pylstm
        >>> from pylstm.estimators import Regressor
        >>> bank = pylstm.Bank(Regressor(n_cells=4))
        >>> bank.learn_many([7, 8, 7], [[0.1], [0.2], [0.3]], [1.0, 2.0, 3.0])
        >>> len(bank), bank[7].n_steps
        (2, 2)
        """
        self.run(keys, X, y, w)

    def run(self, keys: Any, X: Any, y: Any, w: Any = 1.0) -> Any:
        """Learn from rows of any keys; return what was predicted of each before it was learned.

        Parameters
        ----------
        keys : array_like of shape (n_rows,) or (n_rows, n_columns), list of tuples, or data frame
            The key of every row; of several columns a tuple of their values.
        X : array_like of shape (n_rows, n_features), mapping of names to columns, or data frame
            Features, as for `run` of the estimator; None where a forecaster has none.
        y : array_like of shape (n_rows,) or (n_rows, n_targets), mapping, or data frame
            Targets, labels or values, as there.
        w : float or array_like of shape (n_rows,), default 1
            Weights of the rows.

        Returns
        -------
        ndarray, or dict of names to ndarray
            As `run` of the estimator, a row each in the order of the rows; of a classifier shape
            (n_rows, n_classes), in the order of `classes`, 0 for labels that a key did not know.

        Raises
        ------
        TypeError, ValueError
            For a row without a key, a key of another type, columns of different length, or what the
            estimator refuses; nothing has changed then, of no key.
        FloatingPointError
            When the weights of a key have diverged. The rows of the other keys are learned, and of
            this one those before.
        CheckpointError
            When what is on the disk of a key is damaged. Nothing has changed then, unless the call
            has more rows than `max_age`, or its keys take more than half of `memory_limit`.

        Examples
        --------
        See `Bank`.
        """
        with self._exclusive:
            named = as_keys(keys, self._kind)
            rows = self._rows(X, len(named))
            taught = self._targets(y, len(named))
            weights = as_weights(w, len(named))
            self._take_back_given()
            return Lesson(self, named, rows, taught, weights).learn()

    def predict_many(self, keys: Any, X: Any = None) -> Any:
        """Return what is predicted of rows, each as the next of its key; nothing changes.

        Parameters
        ----------
        keys, X
            As for `run`. A key that is not known predicts as a new estimator, and stays unknown.

        Returns
        -------
        ndarray, dict of names to ndarray, or list of labels
            As `predict_many` of the estimator; of a forecaster the forecasts one row ahead.

        Raises
        ------
        TypeError, ValueError, CheckpointError
            As `run`.
        """
        return self._predicted(keys, X, shares=False)

    def predict_proba_many(self, keys: Any, X: Any) -> Any:
        """Return the shares of all labels for rows, each as the next of its key; nothing changes.

        Parameters
        ----------
        keys, X
            As for `predict_many`.

        Returns
        -------
        ndarray of shape (n_rows, n_classes), float64
            In the order of `classes`; 0 of a label that a key does not know.

        Raises
        ------
        TypeError, ValueError, CheckpointError
            As `run`, and of a bank that is not of classifiers.
        """
        if not isinstance(self.estimator, Classifier):
            raise TypeError(f"estimator is {brief(self.estimator)}, wanted a bank of classifiers")
        return self._predicted(keys, X, shares=True)

    def _predicted(self, keys: Any, X: Any, shares: bool) -> Any:
        with self._exclusive:
            named = as_keys(keys, self._kind)
            rows = self._rows(X, len(named))
            self._take_back_given()
            groups, found = Groups(named), []
            for keys_at_once in in_pieces(groups.parts(), self._keys_at_once()):
                found += self._predict(groups, keys_at_once, rows, shares)
            return together(len(named), found, self._classes if shares else None)

    def _rows(self, X: Any, n_rows: int) -> Table:
        if X is None and isinstance(self.estimator, Forecaster):
            X = np.empty((n_rows, 0))
        rows = Table(X, "X")
        if rows.n_rows != n_rows:
            raise ValueError(f"X has {rows.n_rows} rows and keys {n_rows}, wanted as many")
        return rows

    def _targets(self, y: Any, n_rows: int) -> Any:
        taught: Any
        if isinstance(self.estimator, Classifier):
            taught = column_of(y)
            n_taught = len(taught)
        else:
            taught = Table(y, "y", one_column=True)
            n_taught = taught.n_rows
        if n_taught != n_rows:
            raise ValueError(f"y has {n_taught} rows and keys {n_rows}, wanted as many")
        return taught

    def _predict(
        self, groups: Groups, parts: list[tuple[Key, slice]], rows: Table, shares: bool
    ) -> Found:
        found: Found = []
        of_form: dict[Form, list[tuple[bytearray, slice]]] = {}
        for key, part in parts:
            entry = self._find(key, self._n_rows)
            if entry is not None and entry.form is not None:
                if self._is_quick(entry.form, rows):
                    of_form.setdefault(entry.form, []).append((entry.content, part))
                    continue
                model = entry.form.model_of(entry.content)
            else:
                model = self.estimator if entry is None else entry.content
            some = groups.order[part]
            found.append((some, said_by(model, rows.part(some), shares)))
        for form, keys in of_form.items():
            order, starts = gathered(groups, [part for _, part in keys])
            said = np.empty((len(order), form.model._n_outputs()))
            form.predict([record for record, _ in keys], starts, rows.part(order), said)
            found.append((order, form.model._as_said(said, shares)))
        return found

    @staticmethod
    def _is_quick(form: Form, rows: Table) -> bool:
        """Whether rows are numbers that need no Python between them."""
        return rows.numbers is not None and form.model._features.takes_numbers(rows.names)

    # ------------------------------------------------------------ state

    def __getstate__(self) -> dict[str, Any]:
        with self._exclusive:
            self._forget()
            self._take_back_given()
            forms: dict[Form | None, tuple[list[Key], list[Entry]]] = {}
            known = [(key, self._find(key, self._n_rows)) for key in self._keys()]
            found = [(key, entry) for key, entry in known if entry is not None]
            for key, entry in sorted(found, key=lambda pair: pair[1].last):
                keys, entries = forms.setdefault(entry.form, ([], []))
                keys.append(key)
                entries.append(entry)
            return {
                "format": _STATE_FORMAT,
                "estimator": self.estimator,
                "memory_limit": self.memory_limit,
                "max_age": self.max_age,
                "n_rows": self._n_rows,
                "classes": list(self._classes),
                "has_text": self._has_text,
                "forms": [
                    form_state(form, keys, entries) for form, (keys, entries) in forms.items()
                ],
            }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        check_state("estimators.Bank", state)
        type(self).__init__(self, state["estimator"], state["memory_limit"], None, state["max_age"])
        self._n_rows, self._has_text = state["n_rows"], state["has_text"]
        self._classes = {label: k for k, label in enumerate(state["classes"])}
        entries: list[tuple[Key, Entry]] = []
        for saved in state["forms"]:
            entries += self._entries_of(saved)
        entries.sort(key=lambda pair: pair[1].last)
        for key, entry in entries:
            if key in self._entries:
                raise ValueError(f"the saved bank has the key {brief(key)} twice")
            self._keep(key, entry)
            self._kind = self._kind or kind_of(key)
            if kind_of(key) != self._kind:
                raise ValueError(f"the saved bank has the key {brief(key)} of another type")
        self._make_room()

    def _entries_of(self, saved: Mapping[str, Any]) -> Iterable[tuple[Key, Entry]]:
        keys, last = [as_key(key) for key in saved["keys"]], saved["last"].tolist()
        if saved["model"] is None:
            pairs = zip(saved["models"], last, strict=True)
            return zip(keys, [Entry(None, model, row) for model, row in pairs], strict=True)
        name = form_of(saved["model"])
        if name is None or name in self._forms:
            raise ValueError("the saved bank has a form that is none, or twice")
        form = self._forms[name] = Form(saved["model"].copy())
        ends = np.cumsum(saved["sizes"])[:-1]
        records = [bytearray(record) for record in np.split(saved["records"], ends)]
        for record in records:
            form.check(record)
        pairs = zip(records, last, strict=True)
        return zip(keys, [Entry(form, record, row) for record, row in pairs], strict=True)

    def copy(self) -> Self:
        """Return an independent one that goes on exactly as this one would."""
        state = self.__getstate__()
        for form in state["forms"]:
            form["models"] = [model.copy() for model in form["models"]]
        other = type(self).__new__(type(self))
        other.__setstate__(state)
        return other


def form_state(form: Form | None, keys: list[Key], entries: list[Entry]) -> dict[str, Any]:
    """Keys of one form: what they have in common, and their records."""
    last = np.array([entry.last for entry in entries], np.int64)
    common = {"keys": keys, "last": last}
    if form is None:
        models = [entry.content for entry in entries]
        nothing = {"sizes": np.empty(0, np.int64), "records": np.empty(0, np.uint8)}
        return {**common, "model": None, "models": models, **nothing}
    sizes = np.array([len(entry.content) for entry in entries], np.int64)
    records = np.frombuffer(b"".join(entry.content for entry in entries), np.uint8)
    return {**common, "model": form.model, "models": [], "sizes": sizes, "records": records}


register(Bank, "estimators.Bank")
