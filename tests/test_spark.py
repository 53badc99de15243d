"""A model a key on Spark: real sessions, a dict of estimators beside them, killed queries."""

import doctest
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

import pylstm
from pylstm.estimators import Classifier, Detector, Forecaster, Regressor

pytest.importorskip("pyspark", reason="the extra [spark] is not installed")

from pyspark.errors import StreamingQueryException
from pyspark.sql import SparkSession, types

import pylstm.spark

pytestmark = [
    pytest.mark.processes,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
]

#: Spark gives a worker ten seconds to start, which may be too few on a busy machine.
N_TRIES = 3
START = datetime(2025, 10, 25, 12, tzinfo=UTC)
SCHEMA = (
    "shop string, t long, time timestamp, day date, heat double, colour string, open boolean, "
    "units double, grade string"
)
SESSION = {
    "spark.master": "local[2]",
    # Starts in half the time; what runs for long would not want it.
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.sql.codegen.wholeStage": False,
    "spark.sql.execution.arrow.maxRecordsPerBatch": 50,  # keys have rows in several
    "spark.log.level": "OFF",
    "spark.sql.shuffle.partitions": 2,
    "spark.sql.session.timeZone": "America/New_York",
    "spark.sql.streaming.stateStore.providerClass":
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider",
    "spark.ui.enabled": False,
    "spark.ui.showConsoleProgress": False,
}  # fmt: skip


def session(folder):
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.config("spark.local.dir", str(folder))
    for name, value in SESSION.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    one = session(tmp_path_factory.mktemp("spark"))
    yield one
    one.stop()


def make_rows(n_rows=240):
    """Rows of three shops over each other, half an hour apart, with gaps; through an hour twice."""
    rng = np.random.default_rng(0)
    rows = []
    for t in range(n_rows):
        time_ = START + timedelta(minutes=10 * t)
        heat, units = rng.normal(size=2)
        rows.append({
            "shop": ["north", "south", "west"][t * 7919 % 5 % 3],
            "t": t,
            "time": time_,
            "day": date(2025, 10, 25) + timedelta(t // 144),
            "heat": None if t % 11 == 3 else float(heat),
            "colour": [None, "red", "green"][t % 3],
            "open": [True, False, None][t % 7 % 3],
            "units": None if t % 13 == 5 else float(np.sin(t / 5) + units / 10),
            "grade": None if t % 17 == 4 else "ABC"[int(units > 0) + int(heat > 1)],
        })  # fmt: skip
    return rows


ROWS = make_rows()
#: Estimator and features; the calendar is in a zone whose clock goes through an hour twice.
CASES = {
    "regressor": (Regressor(4), ["heat", "colour", "open", "day"]),
    "numbers": (Regressor(4), ["heat", "open"]),
    "calendar": (Regressor(4, calendar="day"), ["heat", "time"]),
    "classifier": (Classifier(4), ["heat"]),
    "forecaster": (Forecaster(4), []),
}


def options(case):
    estimator, features = CASES[case]
    return {
        "estimator": estimator,
        "key": "shop",
        "order": "time",
        "features": features,
        "target": "grade" if case == "classifier" else "units",
        "keep": ["t", "time"],
        "level": None if case == "classifier" else 0.9,
    }


def expected(case, rows, batches=None):
    """What a dict of estimators says of rows in the order of time; new ones in each batch."""
    from zoneinfo import ZoneInfo

    wanted, models = {}, {}
    estimator, features = CASES[case]
    for k, row in enumerate(sorted(rows, key=lambda row: row["t"])):
        key = (row["shop"], None if batches is None else k // batches)
        model = models.setdefault(key, estimator.copy())
        x = {name: row[name] for name in features}
        if "time" in x:
            x["time"] = x["time"].astimezone(ZoneInfo("America/New_York"))
        if case == "classifier":
            shares = model.predict_proba_one(x)
            label = model.predict_one(x)
            wanted[row["t"]] = label, shares.get(label)
            model.learn_one(x, row["grade"])
            continue
        if case == "forecaster":
            found = model.forecast(1, with_dist=True)[0]
            model.learn_one(row["units"])
        else:
            found = model.predict_one(x, with_dist=True)
            model.learn_one(x, row["units"])
        wanted[row["t"]] = found.mu, *found.interval(0.9)
    return wanted


def check(found, case, wanted):
    """Every row once, in the order of its key, with the answers wanted and what was kept."""
    rows = [row.asDict() for row in found.withColumn("time", found.time.cast("double")).collect()]
    assert sorted(row["t"] for row in rows) == sorted(wanted)
    for row in rows:
        original = ROWS[row["t"]]
        assert row["shop"] == original["shop"]
        assert row["time"] == original["time"].timestamp()
        assert list(row.values())[3:] == list(wanted[row["t"]])
    return rows


def as_json(row):
    import json

    return json.dumps({
        name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()
    })  # fmt: skip


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write(tmp_path_factory.mktemp("rows"), 8)


def write(folder, n_files):
    """The rows in so many files, out of order in each; what comes first was written first."""
    size = len(ROWS) // n_files
    for k in range(n_files):
        part = ROWS[size * k : size * (k + 1)]
        random.Random(k).shuffle(part)
        path = folder / f"{k}.json"
        path.write_text("\n".join(map(as_json, part)))
        os.utime(path, (1e9 + k, 1e9 + k))
    return folder


def query(spark, files, out, case="regressor", **more):
    """Start a query from the files to a folder, a batch a file."""
    stream = spark.readStream.schema(SCHEMA).option("maxFilesPerTrigger", 1).json(str(files))
    found = pylstm.spark.run(stream, **options(case), **more)
    writer = found.writeStream.format("parquet").option("path", str(out / "found"))
    return writer.option("checkpointLocation", str(out / "kept")).trigger(availableNow=True).start()


def finish(run_query):
    """Run a query to its end, which goes on from its checkpoint."""
    for tries_left in reversed(range(N_TRIES)):
        try:
            return run_query()
        except StreamingQueryException as error:
            if not tries_left or "connect back" not in str(error):
                raise


def read(spark, out):
    return spark.read.parquet(str(out / "found"))


def test_examples(spark):
    for name in pylstm.spark.__all__:
        assert ">>>" in getattr(pylstm.spark, name).__doc__
    assert doctest.testmod(pylstm.spark).failed == 0


@pytest.mark.parametrize("case", ["regressor", "calendar", "classifier", "forecaster"])
def test_a_table_equals_a_dict_of_estimators(case, spark, files):
    table = spark.read.schema(SCHEMA).json(str(files))
    found = pylstm.spark.run(table, **options(case))
    rows = check(found, case, expected(case, ROWS))
    for shop in {row["shop"] for row in rows}:
        own = [row["t"] for row in rows if row["shop"] == shop]
        assert own == sorted(own)


@pytest.mark.parametrize("case", ["regressor", "numbers", "forecaster"])
def test_a_table_in_banks_equals_a_dict_of_estimators(case, spark, files):
    table = spark.read.schema(SCHEMA).json(str(files))
    found = pylstm.spark.run(table, **{**options(case), "level": None})
    assert found.columns == ["shop", "t", "time", "prediction"]
    check(found, case, {t: answers[:1] for t, answers in expected(case, ROWS).items()})


@pytest.mark.parametrize("case", ["calendar", "classifier", "forecaster"])
def test_the_processor_gives_the_same(case, spark, files):
    table = spark.read.schema(SCHEMA).json(str(files))
    learner = pylstm.spark.Learner(table.schema, **options(case))
    groups = learner.groups(table)
    found = groups.transformWithState(learner, learner.schema, "Append", learner.time_mode)
    check(found, case, expected(case, ROWS))


def test_models_are_forgotten_after_their_time(spark, files, tmp_path):
    """In a millisecond, that is in every batch. Empty batches would go on without end."""
    spark.conf.set("spark.sql.streaming.noDataMicroBatches.enabled", False)
    finish(lambda: query(spark, files, tmp_path, ttl=timedelta(milliseconds=1)).awaitTermination())
    check(read(spark, tmp_path), "regressor", expected("regressor", ROWS, batches=30))


DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_spark
spark = test_spark.session(sys.argv[1])
test_spark.query(spark, Path(sys.argv[2]), Path(sys.argv[3])).awaitTermination()
"""


def start(files, out):
    """A query in a process group of its own."""
    arguments = [DRIVER.format(tests=os.path.dirname(__file__)), out / "local", files, out]
    return subprocess.Popen(
        [sys.executable, "-c", *map(str, arguments)],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_query_that_is_killed_gives_the_same(spark, tmp_path):
    """Killed in the middle of batches and between them, it goes on from its checkpoint."""
    rng = random.Random(int(os.environ.get("PYLSTM_KILLS_SEED", 0)))
    n_kills = int(os.environ.get("PYLSTM_KILLS", 2))
    (tmp_path / "rows").mkdir()
    files = write(tmp_path / "rows", 6 * n_kills)
    for _ in range(n_kills):
        before = set(tmp_path.glob("kept/offsets/*"))
        process = start(files, tmp_path)
        while process.poll() is None and not set(tmp_path.glob("kept/offsets/*")) - before:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 2))
        assert process.poll() is None, "it ended before it was killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert any(start(files, tmp_path).wait() == 0 for _ in range(N_TRIES))
    check(read(spark, tmp_path), "regressor", expected("regressor", ROWS))


def fields(**kinds):
    return types.StructType([types.StructField(name, kind) for name, kind in kinds.items()])


KINDS = fields(
    shop=types.StringType(),
    t=types.LongType(),
    heat=types.DoubleType(),
    vector=types.ArrayType(types.DoubleType()),
    prediction=types.DoubleType(),
    units=types.DoubleType(),
)
GIVEN = {"key": "shop", "order": "t", "features": ["heat"], "target": "units"}


@pytest.mark.parametrize(("change", "told"), [
    ({"estimator": Detector()}, "wanted a Regressor, Classifier or Forecaster"),
    ({"features": ["hat"]}, "features names the column 'hat', which is not there: wanted one of"),
    ({"features": ["heat", "heat"]}, "features names the column 'heat' more than once"),
    ({"features": "heat"}, "features is 'heat', wanted a list of names"),
    ({"features": []}, "features has no columns"),
    ({"features": ["vector"]}, "feature 'vector' is of type array<double>, wanted one of boolean"),
    ({"target": "shop"}, "target 'shop' is of type string, wanted one of boolean, numeric"),
    ({"estimator": Classifier()}, "target 'units' is of type double, wanted one of boolean"),
    ({"order": []}, "order has no columns"),
    ({"keep": ["shop"]}, "there would be two columns 'shop'"),
    ({"keep": ["prediction"]}, "there would be two columns 'prediction'"),
    ({"level": 1.5}, "level is 1.5"),
    ({"estimator": Classifier(), "target": "shop", "level": 0.5}, "level is given, wanted None"),
    ({"ttl": 5}, "ttl is 5, wanted a timedelta"),
    ({"ttl": timedelta(0)}, "ttl is datetime.timedelta(0), wanted a timedelta"),
])  # fmt: skip
def test_what_makes_no_sense_is_told(change, told):
    with pytest.raises((ValueError, TypeError)) as refused:
        pylstm.spark.Learner(KINDS, **{"estimator": Regressor(2), **GIVEN, **change})
    assert told in str(refused.value)


def test_a_stream_without_rocksdb_and_a_table_with_ttl_are_told(spark, files):
    stream = spark.readStream.schema(SCHEMA).json(str(files))
    name = "spark.sql.streaming.stateStore.providerClass"
    before = spark.conf.get(name)
    spark.conf.unset(name)
    try:
        with pytest.raises(ValueError, match="which transformWithState cannot use: wanted"):
            pylstm.spark.run(stream, **options("regressor"))
    finally:
        spark.conf.set(name, before)
    table = spark.read.schema(SCHEMA).json(str(files))
    with pytest.raises(ValueError, match="ttl is given, wanted None: a table has no models"):
        pylstm.spark.run(table, **options("regressor"), ttl=timedelta(1))


@pytest.mark.parametrize(("row", "told"), [
    (("shop", None), "key 'shop' is None, wanted rows with a key"),
    (("t", None), "key 'north': order 't' is None in a row, wanted a value"),
    (("heat", float("inf")), "key 'north': X has inf in column 'heat' at row 0, wanted finite"),
])  # fmt: skip
def test_a_row_that_is_refused_is_told_with_its_key(row, told):
    import pyarrow as pa

    learner = pylstm.spark.Learner(KINDS, Regressor(2), **GIVEN)
    good = {"shop": "north", "t": 0, "heat": 1.0, "units": 2.0}
    schema = pa.schema({
        "key": pa.string(),
        "order": pa.struct({"t": pa.int64()}),
        "features": pa.struct({"heat": pa.float64()}),
        "target": pa.float64(),
        "kept": pa.struct([]),
    })  # fmt: skip

    def batch(*rows):
        parts = [
            {
                "key": row["shop"],
                "order": {"t": row["t"]},
                "features": {"heat": row["heat"]},
                "target": row["units"],
                "kept": {},
            }
            for row in rows
        ]
        return pa.RecordBatch.from_pylist(parts, schema)

    bad = good | dict([row])
    with pytest.raises(ValueError, match="wanted") as refused:
        learner.answer_table((pa.scalar(bad["shop"]),), pa.Table.from_batches([batch(bad)]))
    assert told in str(refused.value)
    with pytest.raises(ValueError, match="wanted") as refused:
        list(learner.answer_partition([batch(good | {"shop": "a"}, bad)]))
    assert told in str(refused.value)


@pytest.mark.parametrize("saved", [b"damaged", Classifier(2).to_bytes()])
def test_a_model_that_cannot_be_read_is_told_with_its_key(saved):
    class State:
        def get(self):
            return (saved,)

    class Handle:
        def getValueState(self, name, schema, ttl):
            return State()

    learner = pylstm.spark.Learner(KINDS, Regressor(2), **GIVEN)
    learner.init(Handle())
    with pytest.raises(pylstm.CheckpointError, match=r"^key 'north', in the state store: "):
        list(learner.handleInputRows(("north",), [], None))
