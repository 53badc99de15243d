#!/bin/sh
# pyspark 4.3.0, transformWithState on a stream of files. Needs Java 17.
#
# Bet: within a batch the rows of a key come in the order of the files, the oldest first, as these are taken up.
# Seen: they come by the size of the files, the largest first. Two files, of the times 0 to 9 and 10 to 109:
#
#     10, 11, ..., 109, 0, 1, ..., 9
#
# Matters when each key is learned in the order of time: a batch that takes up more than one file, as after any pause,
# is learned from its end. handleInputRows has to sort by a column.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyspark==4.3.0 pyarrow==26.0.1 pandas==2.3.3 protobuf==7.36.2
PYSPARK_PYTHON=$folder/venv/bin/python venv/bin/python -I - <<'END'
import json
import os

from pyspark.sql import Row, SparkSession
from pyspark.sql.streaming import StatefulProcessor

STORE = "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.sql.shuffle.partitions", 1)
    .config("spark.sql.streaming.stateStore.providerClass", STORE)
    .config("spark.log.level", "OFF")
    .config("spark.ui.showConsoleProgress", False)
    .getOrCreate()
)
os.mkdir("rows")
for name, times in (("a", range(10)), ("b", range(10, 110))):
    with open(f"rows/{name}.json", "w") as file:
        file.writelines(json.dumps({"key": "k", "time": time}) + "\n" for time in times)
    os.utime(f"rows/{name}.json", (1e9 + times[0], 1e9 + times[0]))


class Times(StatefulProcessor):
    def init(self, handle):
        self.n = handle.getValueState("n", "n long")

    def handleInputRows(self, key, rows, timerValues):
        yield Row(times=json.dumps([row.time for row in rows]))

    def close(self):
        pass


stream = spark.readStream.schema("key string, time long").json("rows")
found = stream.groupBy("key").transformWithState(Times(), "times string", "Append", "None")
found.writeStream.format("memory").queryName("found").trigger(availableNow=True).start().awaitTermination()
(row,) = spark.table("found").collect()
print(row.times)
assert json.loads(row.times) == [*range(10, 110), *range(10)]
END
