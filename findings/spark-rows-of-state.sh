#!/bin/sh
# pyspark 4.3.0, transformWithState: the rows that handleInputRows is given. Needs Java 17.
#
# Bet: rows as everywhere in PySpark: a struct is a Row, a map a dict, a time stamp a datetime without a zone.
# Seen: the values are Arrow's:
#
#                  collect()                       handleInputRows
#     struct       Row, place.x works              dict, place.x is an AttributeError
#     map          dict                            list of pairs
#     time stamp   datetime, no zone, local clock  datetime with the zone of the session
#
# Matters when code that works on collected rows, or on those of a Python function, is moved into a processor: a time stamp
# compared with datetime.now() raises, and an hour of the day is another.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyspark==4.3.0 pyarrow==26.0.1 pandas==2.3.3 protobuf==7.36.2
PYSPARK_PYTHON=$folder/venv/bin/python venv/bin/python -I - <<'END'
from pyspark.sql import Row, SparkSession
from pyspark.sql.streaming import StatefulProcessor

STORE = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.sql.shuffle.partitions", 1)
    .config("spark.sql.session.timeZone", "UTC")
    .config("spark.sql.streaming.stateStore.providerClass", STORE)
    .config("spark.log.level", "OFF")
    .config("spark.ui.showConsoleProgress", False)
    .getOrCreate()
)
frame = spark.sql(
    "SELECT 'k' AS key, named_struct('x', 1) AS place, map('a', 1) AS counts, "
    "TIMESTAMP '2026-01-01 12:00:00Z' AS time"
)


def kinds(row):
    return [type(row.place).__name__, type(row.counts).__name__, str(row.time.tzinfo)]


class Kinds(StatefulProcessor):
    def init(self, handle):
        self.n = handle.getValueState("n", "n long")

    def handleInputRows(self, key, rows, timerValues):
        for row in rows:
            yield Row(kinds=kinds(row))

    def close(self):
        pass


(collected,) = frame.collect()
groups = frame.groupBy("key")
(given,) = groups.transformWithState(Kinds(), "kinds array<string>", "Append", "None").collect()
print("collect()       ", kinds(collected))
print("handleInputRows ", given.kinds)
assert kinds(collected) == ["Row", "dict", "None"]
assert given.kinds == ["dict", "list", "UTC"]
END
