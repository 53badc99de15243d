#!/bin/sh
# river 0.26.1, stream.iter_arff and preprocessing.StatImputer.
#
# Bet: a missing value, ? in ARFF, comes as None, and StatImputer fills it in.
# Seen: iter_arff leaves the key out of the row. StatImputer fills in None only: at a row without the key it
# raises KeyError. A linear model takes the row without a word, as if the value were 0.
#
#     rows      {'a': 1.0}, {'a': 3.0}, {}
#     imputed   {'a': None} becomes {'a': 2.0}, {} raises KeyError('a')
#
# Matters where the inputs of a network are fixed by the first row, or a missing value is an input of its own: an
# absent feature and a missing value are the same thing here. Add the keys back before the pipeline.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check river==0.26.1
venv/bin/python -I - <<'END'
import io

from river import preprocessing, stats, stream

TABLE = "@relation r\n@attribute a numeric\n@attribute y numeric\n@data\n1,2\n3,3\n?,5\n"

rows = [x for x, _ in stream.iter_arff(io.StringIO(TABLE), target="y")]
print(*rows)
assert rows == [{"a": 1.0}, {"a": 3.0}, {}]

imputer = preprocessing.StatImputer(("a", stats.Mean()))
for x in rows[:2]:
    imputer.learn_one(x)
print(imputer.transform_one({"a": None}))
assert imputer.transform_one({"a": None}) == {"a": 2.0}
try:
    imputer.transform_one(rows[2])
except KeyError as error:
    print(repr(error))
else:
    raise AssertionError("a row without the key was filled in")
END
