"""A model for each key, on Spark: streams by `transformWithState`, tables by `mapInArrow`.

    import pylstm.spark
    from pylstm.estimators import Regressor
    found = pylstm.spark.run(
        sales, Regressor(8), key="shop", order="time", features=["hour"], target="units"
    )

Of a stream the models live in the state store of the query, as the bytes of `to_bytes`, and are
recovered with it. Spark gives the rows that a key has in one batch in no order that could be
relied on, so that they are sorted first. Of a table every partition has a `Bank`, through which its
keys go one after another; what a bank does not do, intervals and models that have learned before,
is done by a group a key, `applyInArrow`. Needs the extra ``pylstm[spark]`` and Java 17 or later.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from pylstm.checkpoint import CheckpointError
from pylstm.errors import brief
from pylstm.estimators import Classifier, Forecaster, Regressor
from pylstm.estimators.bank import Bank
from pylstm.estimators.distribution import check_level
from pylstm.estimators.values import is_missing

try:
    from pyspark.sql import functions as F
    from pyspark.sql import types
    from pyspark.sql.streaming.stateful_processor import StatefulProcessor
except ImportError:
    raise ImportError(
        "pylstm.spark needs pyspark 4.1 or later, which is not installed: "
        "pip install 'pylstm[spark]'"
    ) from None

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, GroupedData

__all__ = ["Learner", "run"]

_PROVIDER = "spark.sql.streaming.stateStore.providerClass"
_ROCKSDB = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
_SHORTEST_TTL = timedelta(milliseconds=1)
#: The columns that come to the workers; all but key and target are structs.
_KEY, _ORDER, _FEATURES, _TARGET, _KEPT = "key", "order", "features", "target", "kept"


def run(
    frame: DataFrame,
    estimator: Regressor | Classifier | Forecaster,
    *,
    key: str,
    order: str | Sequence[str],
    features: Sequence[str],
    target: str,
    keep: Sequence[str] = (),
    level: float | None = None,
    ttl: timedelta | None = None,
) -> DataFrame:
    """Learn from the rows of each key in their order; give what was predicted of each before.

    The same as `run` of an estimator a key, with the same bits, whether the frame is a stream or a
    table; of a table without `level` as `Bank.run`, where more than 16 rows without a target follow
    one another the same but for rounding.

    Parameters
    ----------
    frame : pyspark.sql.DataFrame
        A stream, whose output mode is "append" then, or a table.
    estimator : Regressor, Classifier or Forecaster
        Every key starts with a copy of it, and of what it has learned. Keys whose model is in the
        checkpoint of a stream go on with that.
    key : str
        Column of the keys, without nulls.
    order : str or sequence of str
        Columns by which the rows of a key are sorted, those of one batch of a stream among
        themselves. Rows that are equal in all of them may be learned in another order when a batch
        is repeated: wanted is what makes rows different.
    features : sequence of str
        Columns of numbers, truth values, text, dates or time stamps, null where there is no value.
        For `calendar` time stamps are on the clock of the session's time zone.
    target : str
        Column of the targets or labels. Where it is null the row is predicted, the state advances,
        and nothing is learned.
    keep : sequence of str
        Columns passed through; of a table in a session that is not in UTC, no time stamps within
        arrays, maps or structs, which Spark does not take back.
    level : float, optional
        Between 0 and 1: give the bounds of intervals of that probability too; not of a Classifier.
    ttl : timedelta, optional
        After this time without a row, by the clock of the cluster, the model of a key of a stream
        is forgotten, and the next row finds a new one. Spark then makes empty batches without end,
        also under ``trigger(availableNow=True)``, unless
        ``spark.sql.streaming.noDataMicroBatches.enabled`` is False.

    Returns
    -------
    pyspark.sql.DataFrame
        A row for each row: key, the columns kept, "prediction", double, and with `level` "low" and
        "high". Of a Classifier "prediction" is the most probable label, null before the first, and
        "probability" its probability.

    Raises
    ------
    ValueError, TypeError
        For columns, an estimator or options that make no sense. In the workers for a null key, a
        missing order, or a row that the estimator refuses: the query stops, and what was
        committed before stays.

    Notes
    -----
    In each batch of a stream the model of a key is read, checked and written once, which costs some
    milliseconds, whatever its rows: batches of many rows a key cost less. All rows that a key has
    in a batch are in memory at once, and with `level` all that it has in a table. Without, a table
    is learned in a `Bank` a partition: a few thousand rows of any keys at once, and a key is
    forgotten behind its last row.

    Examples
    --------
    >>> from pyspark.sql import SparkSession
    >>> import pylstm.spark
    >>> from pylstm.estimators import Regressor
    >>> spark = SparkSession.builder.getOrCreate()
    >>> rows = [("north", t, t % 24, 5.0 + t % 24) for t in range(500)]
    >>> sales = spark.createDataFrame(rows, "shop string, t int, hour int, units double")
    >>> columns = {"key": "shop", "order": "t", "features": ["hour"], "target": "units"}
    >>> found = pylstm.spark.run(sales, Regressor(8), **columns, keep=["t"], level=0.9)
    >>> found.columns
    ['shop', 't', 'prediction', 'low', 'high']
    >>> last = found.collect()[-1]
    >>> last.low < 5 + last.t % 24 < last.high
    True
    """
    learner = Learner(
        frame.schema,
        estimator,
        key=key,
        order=order,
        features=features,
        target=target,
        keep=keep,
        level=level,
        ttl=ttl,
    )
    if not frame.isStreaming and ttl is not None:
        raise ValueError("ttl is given, wanted None: a table has no models that could be kept")
    if not frame.isStreaming and learner.is_banked:
        return learner.partitions(frame).mapInArrow(learner.answer_partition, learner.schema)
    groups = learner.groups(frame)
    if not frame.isStreaming:
        # Spark counts the arguments of a method with its self.
        return groups.applyInArrow(
            lambda key, rows: learner.answer_table(key, rows), learner.schema
        )
    provider = frame.sparkSession.conf.get(_PROVIDER, "")
    if "RocksDB" not in str(provider):
        raise ValueError(
            f"the state store is {brief(provider)}, which transformWithState cannot use: wanted "
            f"spark.conf.set({_PROVIDER!r}, {_ROCKSDB!r})"
        )
    return groups.transformWithState(learner, learner.schema, "Append", learner.time_mode)


class Learner(StatefulProcessor):  # type: ignore[misc]
    """The processor behind `run`, for a `transformWithState` of one's own.

    Its parameters are those of `run`, with the schema of the frame for the frame.

    Parameters
    ----------
    schema : pyspark.sql.types.StructType
    estimator, key, order, features, target, keep, level, ttl
        See `run`.

    Attributes
    ----------
    schema : pyspark.sql.types.StructType
        Of the rows that come out.
    time_mode : {"None", "ProcessingTime"}
        What `transformWithState` is to be told.
    is_banked : bool
        Whether the keys of a table can go through a `Bank`: without `level`, from an estimator that
        has learned nothing yet.

    Examples
    --------
    >>> from pyspark.sql.types import StructType
    >>> from pylstm.estimators import Regressor
    >>> from pylstm.spark import Learner
    >>> sales = StructType.fromDDL("shop string, t int, hour int, units double")
    >>> columns = {"key": "shop", "order": "t", "features": ["hour"], "target": "units"}
    >>> learner = Learner(sales, Regressor(8), **columns)
    >>> learner.schema.names, learner.time_mode
    (['shop', 'prediction'], 'None')

    Then, of a stream of this schema, ``learner.groups(stream).transformWithState(learner,
    learner.schema, "Append", learner.time_mode)``.
    """

    def __init__(
        self,
        schema: types.StructType,
        estimator: Regressor | Classifier | Forecaster,
        *,
        key: str,
        order: str | Sequence[str],
        features: Sequence[str],
        target: str,
        keep: Sequence[str] = (),
        level: float | None = None,
        ttl: timedelta | None = None,
    ) -> None:
        if not isinstance(estimator, Regressor | Classifier | Forecaster):
            raise TypeError(
                f"estimator is {brief(estimator)}, wanted a Regressor, Classifier or Forecaster of "
                "pylstm.estimators"
            )
        if level is not None:
            check_level(level)
            if isinstance(estimator, Classifier):
                raise ValueError("level is given, wanted None for a Classifier")
        if ttl is not None and not (isinstance(ttl, timedelta) and ttl >= _SHORTEST_TTL):
            raise ValueError(f"ttl is {brief(ttl)}, wanted a timedelta of at least a millisecond")
        estimator.to_bytes()  # what could not be kept is refused here
        self._start = estimator.copy()
        self._key, self._level = key, level
        self._order = _fields(schema, "order", [order] if isinstance(order, str) else order)
        self._features = _fields(schema, "features", features)
        (self._target,) = _fields(schema, "target", [target])
        keys, kept = _fields(schema, "key", [key]), _fields(schema, "keep", keep)
        if not self._order:
            raise ValueError("order has no columns, wanted at least one")
        if not self._features and not isinstance(estimator, Forecaster):
            raise ValueError("features has no columns, wanted at least one")
        for field in self._features:
            _check_type("feature", field, _FEATURE_TYPES)
        self._labels = isinstance(estimator, Classifier)
        _check_type("target", self._target, _LABELS if self._labels else _NUMBERS)
        answers = self._answers()
        names = [field.name for field in [*keys, *kept, *answers]]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"there would be two columns {brief(name)}, wanted one of a name")
        self.schema = types.StructType([*keys, *kept, *answers])
        self.time_mode = "None" if ttl is None else "ProcessingTime"
        self.is_banked = level is None and self._start.net is None
        self._kept = [field.name for field in kept]
        self._ttl = None if ttl is None else ttl // _SHORTEST_TTL
        self._model: Any = None

    def _answers(self) -> list[types.StructField]:
        double = types.DoubleType()
        if self._labels:
            found = [("prediction", self._target.dataType), ("probability", double)]
        else:
            bounds = [] if self._level is None else ["low", "high"]
            found = [(name, double) for name in ["prediction", *bounds]]
        return [types.StructField(name, kind) for name, kind in found]

    def groups(self, frame: DataFrame) -> GroupedData:
        """Give the rows of a frame by key, with the columns that the processor wants.

        Parameters
        ----------
        frame : pyspark.sql.DataFrame
            Of the schema that was given.

        Returns
        -------
        pyspark.sql.GroupedData
        """
        return self._wanted(frame).groupBy(_KEY)

    def partitions(self, frame: DataFrame) -> DataFrame:
        """Give the same rows, those of a key in one partition, one after another in their order.

        Parameters
        ----------
        frame : pyspark.sql.DataFrame
            Of the schema that was given.

        Returns
        -------
        pyspark.sql.DataFrame
            For ``mapInArrow(learner.answer_partition, learner.schema)``.
        """
        return self._wanted(frame).repartition(_KEY).sortWithinPartitions(_KEY, _ORDER)

    def _wanted(self, frame: DataFrame) -> DataFrame:
        return frame.select(
            _column(self._key).alias(_KEY),
            F.struct(*map(_ordering, self._order)).alias(_ORDER),
            F.struct(*(_column(field.name) for field in self._features)).alias(_FEATURES),
            _column(self._target.name).alias(_TARGET),
            F.struct(*map(_column, self._kept)).alias(_KEPT),
        )

    # ------------------------------------------------------------ what Spark calls

    def init(self, handle: Any) -> None:
        """Find the models of the keys; called by Spark."""
        self._model = handle.getValueState("model", "data binary", self._ttl)

    def handleInputRows(self, key: Any, rows: Iterable[Any], timerValues: Any) -> Iterator[Any]:
        """Learn from the rows of a key in one batch; called by Spark."""
        rows = list(rows)
        model = self._model_of(key[0])
        columns = ([row[name] for row in rows] for name in (_ORDER, _FEATURES, _TARGET))
        places, answers = self._run(model, key[0], *columns)
        self._model.update((model.to_bytes(),))
        new = types.Row(*self.schema.names)
        for place, answer in zip(places, zip(*answers, strict=True), strict=True):
            yield new(key[0], *rows[place][_KEPT].values(), *answer)

    def _model_of(self, key: Any) -> Any:
        """The model of a key as its last batch left it, or a new one."""
        saved, start = self._model.get(), self._start
        if saved is None:
            return start.copy()
        try:
            return type(start).from_bytes(saved[0])
        except CheckpointError as error:
            raise CheckpointError(f"key {brief(key)}, in the state store: {error}") from None

    def answer_table(self, key: Any, table: pa.Table) -> pa.Table:
        """Learn from all rows of a key; called by Spark for `applyInArrow`."""
        columns = (table[name].to_pylist() for name in (_ORDER, _FEATURES, _TARGET))
        places, answers = self._run(self._start.copy(), key[0].as_py(), *columns)
        return self._given_back(table.take(places), answers)

    def answer_partition(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Learn from the rows of a partition, key after key; called by Spark for `mapInArrow`."""
        bank = Bank(self._start)
        for batch in batches:
            if batch.num_rows:
                keys = self._keys_of(batch)
                yield self._given_back(batch, self._banked(bank, keys, batch))
                for key in [key for key in bank if key != keys[-1]]:
                    del bank[key]  # none of its rows is left

    def _given_back(self, rows: Any, answers: list[list[Any]]) -> Any:
        """Rows of Arrow as they go out: key, what was kept, what was said."""
        import pyarrow as pa

        kept = rows[_KEPT]
        if isinstance(kept, pa.ChunkedArray):
            kept = kept.combine_chunks()
        given = [_in_utc(column) for column in [rows[_KEY], *kept.flatten()]]
        kinds = [rows[_TARGET].type if self._labels else pa.float64(), pa.float64(), pa.float64()]
        said = [pa.array(*pair) for pair in zip(answers, kinds, strict=False)]
        return type(rows).from_arrays([*given, *said], names=self.schema.names)

    # ------------------------------------------------------------ keys of a partition

    def _keys_of(self, batch: pa.RecordBatch) -> list[str | int]:
        """The key of every row as a bank takes it; none is missing, nor what it is sorted by."""
        keys = [key if type(key) in (str, int) else str(key) for key in batch[_KEY].to_pylist()]
        for what, column in [("", batch[_KEY]), *_parts(batch[_ORDER])]:
            missing = column.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
            if missing.any():
                row = int(missing.argmax())
                self._refuse(keys[row], what, column[row].as_py())
        return keys

    def _banked(self, bank: Bank, keys: list[str | int], batch: pa.RecordBatch) -> list[list[Any]]:
        """Answers to rows, from the models of a bank."""
        columns = dict(_parts(batch[_FEATURES]))
        X = {field.name: _column_of(field, columns[field.name]) for field in self._features}
        y = batch[_TARGET]
        y = y.to_pylist() if self._labels else _column_of(self._target, y)
        try:
            said = bank.run(keys, X or None, y)
        except (TypeError, ValueError):  # nothing has changed: tell of which key
            for key in dict.fromkeys(keys):
                at = [row for row, name in enumerate(keys) if name == key]
                some = {name: _taken(column, at) for name, column in X.items()}
                try:
                    bank.run([key] * len(at), some or None, _taken(y, at))
                except (TypeError, ValueError) as error:
                    raise type(error)(f"key {brief(key)}: {error}") from None
            raise
        return _most_probable(said, bank.classes) if self._labels else [said.tolist()]

    # ------------------------------------------------------------ one key

    def _run(
        self,
        model: Any,
        key: Any,
        order: Sequence[Mapping[str, Any]],
        features: Sequence[Mapping[str, Any]],
        targets: Sequence[Any],
    ) -> tuple[list[int], list[list[Any]]]:
        """Run a model along rows in their order: their places in it, and columns of answers."""
        if is_missing(key):
            self._refuse(key, "", key)
        for row in order:
            for name, value in row.items():
                if is_missing(value):
                    self._refuse(key, name, value)
        keys = [tuple(row.values()) for row in order]
        places = sorted(range(len(keys)), key=keys.__getitem__)
        X = {
            field.name: _values(field, [features[place][field.name] for place in places])
            for field in self._features
        }
        y = [targets[place] for place in places]
        try:
            if self._labels:
                return places, _most_probable(model.run(X, y), model.classes)
            return places, self._said(model, X, y)
        except (TypeError, ValueError, FloatingPointError) as error:
            raise type(error)(f"key {brief(key)}: {error}") from None

    def _refuse(self, key: Any, order: str, value: Any) -> None:
        """A row without a key, or without what it is sorted by."""
        if not order:
            raise ValueError(f"key {brief(self._key)} is {value}, wanted rows with a key")
        raise ValueError(
            f"key {brief(key)}: order {brief(order)} is {value} in a row, wanted a value"
        )

    def _said(self, model: Any, X: dict[str, Any], y: list[Any]) -> list[list[Any]]:
        """What is predicted of rows, each before it is learned, and its bounds."""
        numbers = _values(self._target, y)
        parts = (numbers, X or None) if isinstance(model, Forecaster) else (X, numbers)
        found = model.run(*parts, level=self._level)
        return [column.tolist() for column in ([found] if self._level is None else found)]


def _most_probable(shares: Any, classes: list[Any]) -> list[list[Any]]:
    """The most probable labels of rows, each before it is learned, and their probabilities."""
    if not shares.size:
        return [[None] * len(shares)] * 2
    labels = [classes[k] for k in shares.argmax(1)]
    said = shares.max(1).tolist()
    return [
        [label if share else None for label, share in zip(labels, said, strict=True)],
        [share or None for share in said],
    ]


# ---------------------------------------------------------------- columns

_NUMBERS = (types.NumericType, types.BooleanType)
_LABELS = (types.StringType, types.BooleanType, types.IntegralType)
_FEATURE_TYPES = (
    *_NUMBERS,
    *(types.StringType, types.DateType, types.TimestampType, types.TimestampNTZType),
)


def _fields(schema: types.StructType, what: str, names: Sequence[str]) -> list[types.StructField]:
    """The fields of these names."""
    if isinstance(names, str):
        raise TypeError(f"{what} is {brief(names)}, wanted a list of names of columns")
    known = schema.names
    names = list(names)
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{what} names the column {brief(name)} more than once, wanted once")
        if known.count(name) != 1:
            there = "which is there more than once" if name in known else "which is not there"
            raise ValueError(
                f"{what} names the column {brief(name)}, {there}: wanted one of {brief(known)}"
            )
    return [schema[name] for name in names]


def _check_type(what: str, field: types.StructField, wanted: tuple[Any, ...]) -> None:
    kind = field.dataType
    if not isinstance(kind, wanted):
        words = ", ".join(sorted(one.typeName() for one in wanted))
        raise ValueError(
            f"{what} {brief(field.name)} is of type {kind.simpleString()}, wanted one of {words}"
        )


def _column(name: str) -> Any:
    """The column of a name, whatever dots are in it."""
    return F.col("`" + name.replace("`", "``") + "`")


def _ordering(field: types.StructField) -> Any:
    """What rows are sorted by: of a time stamp its instant, not the clock of some zone."""
    column = _column(field.name)
    if isinstance(field.dataType, types.TimestampType):
        return F.unix_micros(column).alias(field.name)
    return column


def _values(field: types.StructField, column: list[Any]) -> Any:
    """A column of values from Spark as an estimator takes it."""
    if isinstance(field.dataType, _NUMBERS):
        return np.array([math.nan if value is None else value for value in column], float)
    return column


def _parts(struct: Any) -> list[tuple[str, Any]]:
    """The columns of a column of structs, with their names."""
    return list(zip((field.name for field in struct.type), struct.flatten(), strict=True))


def _column_of(field: types.StructField, column: Any) -> Any:
    """A column of Arrow as a bank takes it."""
    if isinstance(field.dataType, _NUMBERS):
        return column.cast("float64").to_numpy(zero_copy_only=False)
    return column.to_pylist()


def _taken(column: Any, rows: list[int]) -> Any:
    """Some rows of a column."""
    return [column[row] for row in rows]


def _in_utc(column: Any) -> Any:
    """A column of Arrow as Spark takes it back: it gives time stamps in the session's zone."""
    if getattr(column.type, "tz", None) is None:
        return column
    import pyarrow as pa

    return column.cast(pa.timestamp("us", "UTC"))
