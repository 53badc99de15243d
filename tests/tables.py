"""Tables of all kinds, drawn at random together with what is in them.

What a table holds is known by construction: values are drawn first and written then, by Python's
csv and Decimal. No code of the reader's is in here.
"""

import bz2
import csv
import gzip
import io
import lzma
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

HEADER = ["when", "load", "wind, north", "kind"]
DEFAULT_MARKS = ["", "NA", "n/a", "NaN", "null", "None", " "]
GIVEN_MARKS = ["?", "-", "-200", "-200.0", "", "--"]
LABELS = ["a", "b c", "a,b", 'say "x"', "two\nlines", "ä", "1", "True"]


@dataclass
class Drawn:
    """A table: its bytes, what is said about it, its rows.

    Rows are (seconds, load, wind, kind) with None where missing, or None where a row is bad.
    """

    content: bytes = b""
    said: dict = field(default_factory=dict)
    rows: list = field(default_factory=list)
    lines: list = field(default_factory=list)


def _written(number, decimal, thousands):
    """A Decimal as it stands in a cell."""
    text = f"{number:,f}" if thousands else f"{number:f}"
    return text.translate({ord(","): thousands, ord("."): decimal})


def _bad_cells(rng, decimal):
    other = {".": "1,5 x", ",": "1.5"}[decimal]
    return rng.choice(
        ["x", "0.41s", "inf", "1e200", "1_000", "٣", "0x10", "1 2", other, "1;5", "*"]
    )


def drawn_table(seed):
    """Draw a table."""
    rng = random.Random(seed)
    drawn = Drawn()
    delimiter = rng.choice(",,,;\t|")
    decimal = rng.choice(".,") if delimiter != "," else "."
    thousands = rng.choice(["", "", {".": ",", ",": "."}[decimal], " ", "'"])
    if delimiter == "," == thousands:
        thousands = ""
    is_said = rng.random() < 0.5
    marks = rng.choice([DEFAULT_MARKS, GIVEN_MARKS])
    encoding = rng.choice(["utf-8"] * 5 + ["utf-8-sig", "latin-1", "utf-16"])
    end = rng.choice(["\n", "\n", "\r\n"])
    quoting = rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    if is_said:
        drawn.said = {"delimiter": delimiter, "decimal": decimal}
    if thousands:  # never a matter of course
        drawn.said |= {"decimal": decimal, "thousands": thousands}
    if marks is GIVEN_MARKS:
        drawn.said["missing"] = ("?", "-", "--", "-200")
    if encoding == "latin-1":
        drawn.said["encoding"] = encoding
    places = 2 if decimal == "," and not is_said else rng.randrange(4)
    text, n_lines = io.StringIO(), 0

    def write(cells, raw=None):
        nonlocal n_lines
        one = io.StringIO()
        csv.writer(one, delimiter=delimiter, lineterminator=end, quoting=quoting).writerow(cells)
        line = one.getvalue() if raw is None else raw + end
        text.write(line)
        first, n_lines = n_lines + 1, n_lines + line.count("\n")
        return first

    n_above = rng.choice([0, 0, 0, 2])
    for k in range(n_above):
        text.write(f"Logger {k}, of somebody{end}")
        n_lines += 1
        drawn.said["skip_rows"] = n_above
    write(HEADER)
    has_units = rng.random() < 0.2
    if has_units:
        write(["UTC", "MW", "m/s", "name"] if is_said else ["", "MW", "%", ""])
        if is_said:
            drawn.said["skip_below"] = 1
    n_rows, step = rng.randrange(1, 40), rng.choice([60, 600, 3600, 86400])
    time = datetime(2026, 1, 1) + timedelta(seconds=step * rng.randrange(1000))
    last = None
    share_bad = rng.choice([0, 0, 0.1, 0.3])
    n_good_times = 0
    for k in range(n_rows):
        time += timedelta(seconds=step * rng.choice([0, 1, 1, 1, 2]) if step < 86400 else step)
        load, wind = (
            Decimal(rng.randrange(-9 * 10**6, 9 * 10**6)).scaleb(-places) for _ in range(2)
        )
        kind = rng.choice(LABELS[:-3] + (["ä"] if encoding != "ascii" else []))
        truth = [(time - datetime(1970, 1, 1)).total_seconds(), float(load), float(wind), kind]
        cells = [
            time.isoformat(sep=rng.choice(" T")),
            _written(load, decimal, thousands),
            _written(wind, decimal, thousands),
            kind,
        ]
        for j in range(4):
            if k and rng.random() < 0.05:
                cells[j], truth[j] = rng.choice(marks).replace(".", decimal), None
        raw, is_bad = None, False
        if rng.random() < share_bad and (k or is_said or not has_units):  # those are known by it
            is_bad = True
            fault = rng.randrange(9)
            if fault == 0:
                cells = cells[: rng.randrange(1, 4)]
            elif fault == 1:
                cells = [*cells, "1"]
            elif fault == 2:
                cells[rng.choice([1, 2])] = _bad_cells(rng, decimal)
            elif fault == 3:
                cells[3] = "a\0b"
            elif fault == 4:
                cells = HEADER
            elif fault == 5 and n_good_times > 3 and last is not None:
                cells[0] = str(last - timedelta(seconds=rng.randrange(1, 10**6)))
            elif fault == 6:
                wrong = ["soon", "2026-13-01", "2026-01-01 25:00", "01/02/2026", "12"]
                cells[0] = rng.choice(wrong if n_good_times else wrong[:-1])
            elif fault == 7:
                raw = '"0' + decimal + "41" + delimiter + "x"
            elif fault == 8 and n_good_times > 3 and k < n_rows - 9:  # who is right, the rest tells
                cells[0] = "2062-01-02T01:00:00"  # a row behind it tells
            else:
                is_bad = False
        line = write(cells, raw)
        drawn.lines.append(line)
        drawn.rows.append(None if is_bad else tuple(truth))
        if not is_bad and truth[0] is not None:
            last, n_good_times = time, n_good_times + 1
        if rng.random() < 0.05:
            text.write(end)
            n_lines += 1
    content = text.getvalue()
    if rng.random() < 0.2 and not (drawn.rows and drawn.rows[-1] is None):
        content = content.rstrip("\r\n")
    data = content.replace("٣", "x" if encoding == "latin-1" else "٣").encode(encoding)
    pack = rng.choice([None, None, None, gzip.compress, bz2.compress, lzma.compress])
    drawn.content = pack(data) if pack else data
    return drawn
