#!/bin/sh
# pyspark 4.3.0, groupBy.applyInArrow and mapInArrow. Needs Java 17.
#
# Bet: a function that returns the Arrow table it was given is the identity.
# Seen: with a TIMESTAMP column that holds in one zone only. The table given has the zone of the session, the one returned
# is wanted in UTC:
#
#     spark.sql.session.timeZone UTC                 both return the rows
#     spark.sql.session.timeZone Europe/Berlin       applyInArrow: RESULT_COLUMN_TYPES_MISMATCH, expected
#                                                    timestamp[us, tz=UTC], actual timestamp[us, tz=Europe/Berlin];
#                                                    mapInArrow returns the rows
#
# Matters when predictions are put beside the time of their row: it works where the machine is in UTC, and nowhere else.
# column.cast(pyarrow.timestamp("us", "UTC")), which moves no instant.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyspark==4.3.0 pyarrow==26.0.1 pandas==2.3.3
PYSPARK_PYTHON=$folder/venv/bin/python venv/bin/python -I - <<'END'
from pyspark.errors import PythonException
from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.log.level", "OFF")
    .config("spark.ui.showConsoleProgress", False)
    .getOrCreate()
)
ROWS = "SELECT 'k' AS key, TIMESTAMP '2026-01-01 12:00:00Z' AS time"


def seen(found):
    try:
        return found.collect()
    except PythonException as error:
        return str(error)


for zone in ("UTC", "Europe/Berlin"):
    spark.conf.set("spark.sql.session.timeZone", zone)
    frame = spark.sql(ROWS)
    groups = seen(frame.groupBy("key").applyInArrow(lambda table: table, frame.schema))
    parts = seen(frame.mapInArrow(lambda batches: batches, frame.schema))
    print(zone, groups if zone == "UTC" else groups.splitlines()[-3:], parts, sep="\n  ")
    assert parts == frame.collect()
    assert groups == parts if zone == "UTC" else "RESULT_COLUMN_TYPES_MISMATCH" in groups
END
