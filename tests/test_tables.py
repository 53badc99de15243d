"""Tables as rows: formats, dialects, bad rows, blocks, positions."""

import bz2
import gzip
import io
import lzma
import math
import os
import random
import signal
import threading

import numpy as np
import pytest
from tables import drawn_table

from pylstm.tabular.dialect import Dialect
from pylstm.tabular.errors import BadRow, StreamError
from pylstm.tabular.table import Table

NAN = math.nan


class Dribble(io.RawIOBase):
    """Standard input that gives a few bytes at a time."""

    def __init__(self, content, seed=0):
        self.rest, self.rng = content, random.Random(seed)
        self.buffer = self

    def read1(self, size):
        n = self.rng.choice([1, 2, 7, 40, 400])
        chunk, self.rest = self.rest[:n], self.rest[n:]
        return chunk


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def all_rows(table, most=1000):
    """(row, line, time, numbers, texts) of all rows."""
    rows = []
    while (block := table.read(most)) is not None:
        times = [NAN] * len(block.rows) if block.times is None else block.times.tolist()
        columns = [block.rows.tolist(), block.lines.tolist(), times, block.numbers.tolist()]
        texts = [*zip(*block.texts, strict=True)] or [()] * len(block.rows)
        rows += zip(*columns, texts, strict=True)
        assert block.first == block.rows[0]
        assert len(block.rows) <= most
    return rows


def same(one, two):
    """Whether two lists are alike, where NaN is NaN and 1 is 1.0."""
    return repr(as_floats(one)) == repr(as_floats(two))


def as_floats(value):
    if isinstance(value, (list, tuple)):
        return [as_floats(one) for one in value]
    return float(value) if isinstance(value, (int, float)) else value


def notes_of(path):
    with Table(path) as table:
        return table.notes


def numbers_in(content, path, *columns, **said):
    with Table(written(path, content), Dialect(**said)) as table:
        table.choose(columns or table.header, [], None)
        return [numbers for *_, numbers, _ in all_rows(table)], table


# ---------------------------------------------------------------- everything at once


def told_of(drawn, source, most):
    """What a table holds, as it is read; or the sentence that refuses it."""
    bad = []
    try:
        with Table(source, Dialect(**drawn.said)) as table:
            columns = ["load", "wind, north"], ["kind"], "when"
            table.choose(*columns, "skip", lambda *one: bad.append(one))
            rows = all_rows(table, most)
            return rows, bad, table.n_rows, table.n_bad, table.checksum()
    except StreamError as error:
        return str(error).replace("standard input", source)


REFUSALS = ("could be parted", "no column 'load'", "(',' expected after", "thousands: say which")


@pytest.mark.parametrize("group", range(4))
def test_drawn_tables_are_read_as_they_were_drawn(group, tmp_path, monkeypatch):
    """Whatever the blocks and the pieces; what is refused is never what was said."""
    n_refused = 0
    for seed in range(100 * group, 100 * group + 100):
        drawn = drawn_table(seed)
        source = written(tmp_path / "table", drawn.content)
        told = told_of(drawn, source, 10**6)
        if isinstance(told, str):
            assert any(part in told for part in REFUSALS), (seed, told)
            assert "delimiter" not in drawn.said, (seed, told)
            n_refused += 1
            continue
        wanted = [
            (k, line, numbers[0], numbers[1:], row[3:])
            for k, (line, row) in enumerate(zip(drawn.lines, drawn.rows, strict=True), 1)
            if row is not None
            for numbers in [[NAN if value is None else value for value in row[:3]]]
        ]
        assert same(told[0], wanted), (seed, told[0], wanted)
        assert told[2:4] == (len(drawn.rows), len(drawn.rows) - len(wanted)), seed
        assert same(told_of(drawn, source, 1 + seed % 7), told), seed
        monkeypatch.setattr("sys.stdin", Dribble(drawn.content, seed))
        assert same(told_of(drawn, "-", 50), told), seed
    assert n_refused < 10


# ---------------------------------------------------------------- how numbers are written


@pytest.mark.parametrize("cell", ["", " ", "NA", "n/a", "NaN", "nan", "null", "None"])
def test_missing_cells(cell, tmp_path):
    rows, _ = numbers_in(f"load,wind\n{cell},1\n2,{cell}\n", tmp_path / "a", "wind", "load")
    assert same(rows, [[1, NAN], [NAN, 2]])


def test_marks_that_are_given_are_the_only_ones(tmp_path):
    """As texts in any capitals, as numbers in any spelling; an empty cell always is none."""
    content = "a;b\n?;1\nERR;2\n-200;3\n-200,0;4\n;5\n-2e2;6\n-20;7\n"
    rows, _ = numbers_in(content, tmp_path / "a", "a", missing=("?", "err", "-200"))
    assert same(rows, [[NAN]] * 6 + [[-20]])
    with Table(written(tmp_path / "b", "a\nNone\nx\n"), Dialect(missing=("x",))) as table:
        table.choose([], ["a"], None)
        assert [texts for *_, texts in all_rows(table)] == [("None",), (None,)]


def test_truth_values_are_numbers(tmp_path):
    rows, table = numbers_in("a,b\ntrue,FALSE\nFalse,True\n", tmp_path / "a")
    assert rows == [[1, 0], [0, 1]]
    assert table.notes == []


#   what is written, what it is, what is told
RECOGNISED = {
    "decimal comma": ("a;b\n1;2\n2,6;1\n3,125;0\n", [1, 2.6, 3.125], ["decimal comma"]),
    "zero": ("a;b\n0,125;1\n", [0.125], ["decimal comma"]),
    "exponent": ("a\tb\n-2,5e3\t1\n", [-2500], ["decimal comma"]),
    "both": ("a;b\n1.234,5;1\n12.000;1\n", [1234.5, 12000], ["points between", "decimal comma"]),
    "points": ("a;b\n1.234.567;1\n2,5;1\n", [1234567, 2.5], ["points between", "decimal comma"]),
    "commas": ('a,b\n"1,234,567",1\n"2,345",1\n', [1234567, 2345], ["commas between"]),
    "quoted": ('a,b\n"1,234.5",1\n"2,345",1\n', [1234.5, 2345], ["commas between"]),
}


@pytest.mark.parametrize("case", list(RECOGNISED))
def test_what_is_certain_is_recognised_and_told(case, tmp_path):
    content, wanted, told = RECOGNISED[case]
    rows, table = numbers_in(content, tmp_path / "a", "a")
    assert rows == [[number] for number in wanted]
    notes = [note for note in table.notes if "cells" not in note]
    assert len(notes) == len(told)
    assert all(note.startswith(part) for note, part in zip(notes, told, strict=True))
    assert table.dialect.decimal is not None


def test_what_may_be_two_numbers_is_refused_by_name(tmp_path):
    path = written(tmp_path / "a", "a;b\n1;2\n2,600;1\n")
    sentence = r"line 3 has in column 'a' '2,600', which is 2\.600 .* 2600 .*--decimal , or --thous"
    for bad_rows in ("stop", "skip"):
        with Table(path) as table:
            table.choose(["a"], [], None, bad_rows)
            assert table.read(9).numbers.tolist() == [[1]]
            with pytest.raises(StreamError, match=sentence) as caught:
                table.read(9)
            assert type(caught.value) is StreamError
    for said, number in (({"decimal": ","}, 2.6), ({"thousands": ","}, 2600)):
        assert numbers_in("a;b\n2,600;1\n", tmp_path / "a", "a", **said)[0] == [[number]]


HINTS = {
    "comma after points": ("a;b\n1.5;1\n2,5;1\n", {}, "'2,5' in column 'a'", "(--decimal ,"),
    "point after commas": ("a;b\n1,5;1\n2.5;1\n", {}, "'2.5' in column 'a'", "(--decimal ."),
    "quoted comma": ('a,b\n1,1\n"2,5",1\n', {}, "'2,5' in column 'a'", "(--decimal ,"),
    "mark": ("a,b\n1,1\n?,1\n", {}, "'?' in column 'a'", '(--missing "?"'),
    "units": ("a,b\n1,1\nkW,1\n", {}, "'kW' in column 'a'", "(--skip-below 2 "),
    "nan": ("a;b\n1;1\nnan;1\n", {"missing": ("?",)}, "'nan' in column 'a'", ""),
    "groups": ("a;b\n1;1\n1.23.456;1\n", {"thousands": "."}, "'1.23.456'", ""),
}


@pytest.mark.parametrize("most", [1, 9])
@pytest.mark.parametrize("case", list(HINTS))
def test_a_cell_that_is_no_number_is_told_with_what_helps(case, most, tmp_path):
    content, said, *told = HINTS[case]
    if case == "groups":
        said = said | {"decimal": ","}
    with Table(written(tmp_path / "a", content), Dialect(**said)) as table:
        table.choose(["a"], [], None)
        assert len(table.read(most).rows) == 1
        with pytest.raises(BadRow, match="line 3 has") as caught:
            table.read(9)
    assert all(part in str(caught.value) for part in told)
    assert (caught.value.row, caught.value.line) == (2, 3)


@pytest.mark.parametrize("most", [1, 9])
def test_the_first_cell_of_all_columns_settles_the_sign(most, tmp_path):
    with Table(written(tmp_path / "a", "a;b\n1;1\n1;2,5\n1.5;1\n")) as table:
        table.choose(["a", "b"], [], None, "skip")
        assert [row for row, *_ in all_rows(table, most)] == [1, 2]
    with Table(written(tmp_path / "a", "a;b\n1;1\nx;1\n2,5;1\n")) as table:
        table.choose(["a", "b"], [], None)
        with pytest.raises(BadRow, match="line 3"):
            all_rows(table, most)
        assert table.dialect.decimal is None  # what is behind a bad row says nothing


def test_numbers_are_those_of_python_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(0)
    numbers = (rng.normal(size=500) * 10.0 ** rng.integers(-99, 99, 500)).tolist()
    content = "a\n" + "".join(f"{number!r}\n" for number in numbers)
    assert numbers_in(content, tmp_path / "a")[0] == [[number] for number in numbers]
    content = "a;b\n" + "".join(f"{number!r};\n".replace(".", ",") for number in numbers)
    assert numbers_in(content, tmp_path / "a", "a")[0] == [[number] for number in numbers]


# ---------------------------------------------------------------- how tables are written


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_delimiters_are_recognised(sign, tmp_path):
    rows, table = numbers_in(f'a{sign}"b{sign}"\n1{sign}2\n', tmp_path / "a")
    assert rows == [[1, 2]]
    assert len(table.notes) == (sign != ",")


def test_delimiters_that_fit_alike_are_asked_for(tmp_path):
    path = written(tmp_path / "a", "a,b;c\n1,5;2\n")
    with pytest.raises(StreamError, match="by ',' or by ';': say which with --delimiter"):
        Table(path)
    with Table(path, Dialect(";")) as table:
        assert table.header == ["a,b", "c"]
    with Table(written(tmp_path / "a", "load, in MW;\n5;\n")) as table:
        assert table.header == ["load, in MW", ""]


def test_units_are_recognised_over_numbers_alone(tmp_path):
    content = "when,temp,rh\nts,Deg C,%\n,Avg,\n2026-01-01,20.1,50\n"
    with Table(written(tmp_path / "a", content)) as table:
        assert "line 3 taken for units" in table.notes[0]
        table.choose(["temp"], [], "when")
        (row,) = all_rows(table)
        assert row[:2] == (1, 4)
    for words in ("state,temp\non,error\noff,20\n", "a,b\n?,-\n1,2\n"):
        assert notes_of(written(tmp_path / "a", words)) == []


def test_lines_above_and_below_the_header_are_left_out(tmp_path):
    content = 'Logger 7, "\n\na,b\nx,y\n1,2\n'
    rows, table = numbers_in(content, tmp_path / "a", skip_rows=2, skip_below=1)
    assert (rows, table.header, table.n_rows) == ([[1, 2]], ["a", "b"], 1)
    for content in ('Logger 7\n\n"t","a"\n1,2\n', "Logger,7,\nOf me\nt,a\n1,2\n"):
        with (
            Table(written(tmp_path / "a", content)) as table,
            pytest.raises(StreamError, match=r"no column 'a', .* in line 3: --skip-rows 2 if"),
        ):
            table.indices(["a"])
    with pytest.raises(BadRow, match=r"line 3 has 2 cells, wanted 1 .*--skip-rows"):
        numbers_in("Logger 7\n\na,b\n1,2\n", tmp_path / "a")


def test_columns_without_a_name_are_passed_over(tmp_path):
    rows, table = numbers_in("a;;\n1;;\n;;\n", tmp_path / "a", "a")
    assert same(rows, [[1], [NAN]])
    with pytest.raises(StreamError, match=r"no column '', wanted one of 'a'$"):
        table.choose([""], [], None)


PACKED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("form", list(PACKED))
def test_packed_tables_are_known_by_their_bytes(form, tmp_path):
    pack = PACKED[form]
    content = pack(b"a\n1\n") + pack(b"2\n3\n")  # one behind the other
    assert numbers_in(content, tmp_path / "a")[0] == [[1], [2], [3]]
    whole = pack(b"a\n" + b"".join(b"%d\n" % (k * k) for k in range(9999)))
    with Table(written(tmp_path / "a", whole[:-9])) as table:
        table.choose(["a"], [], None)
        with pytest.raises(StreamError, match=r"cannot read .* in the middle of what is packed"):
            all_rows(table)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_encodings(encoding, tmp_path):
    said, bad = {"encoding": encoding} if encoding == "latin-1" else {}, []
    path = written(tmp_path / "a", "Temp °C,wo\n1,Köln\n".encode(encoding))
    with Table(path, Dialect(**said)) as table:
        table.choose(["Temp °C"], ["wo"], None)
        assert [row[3:] for row in all_rows(table)] == [([1], ("Köln",))]
    with Table(written(tmp_path / "a", b"a\n1\n\x81\n2\n"), Dialect(encoding="cp1252")) as table:
        table.choose(["a"], [], None, "skip", lambda *one: bad.append(one[2]))
        assert [numbers for *_, numbers, _ in all_rows(table)] == [[1], [2]]
    assert bad == ["holds bytes that are no cp1252 text"]
    with pytest.raises(StreamError, match="encoding is 'klingon', wanted one such as"):
        Dialect(encoding="klingon")


def test_quoted_cells_have_line_ends_and_no_end_takes_nothing_along(tmp_path):
    content = 'a,b\n1,"x\ny ""z"""\n"2,u\n3,v\n\n4,"w"\n'
    bad = []
    with Table(written(tmp_path / "a", content)) as table:
        table.choose(["a"], ["b"], None, "skip", lambda *one: bad.append(one))
        rows = [(line, *numbers, *texts) for _, line, _, numbers, texts in all_rows(table)]
    assert rows == [(2, 1, 'x\ny "z"'), (5, 3, "v"), (7, 4, "w")]
    assert bad == [(2, 4, "has a quoted cell that does not end", '"2,u')]


def test_quote_that_ends_in_another_row_takes_nothing_along(tmp_path):
    bad = []
    with Table(written(tmp_path / "a", 'a,b\n"1,u\n2,v\n3",w,x\n4,"y\nz",5,5\n6,w\n')) as table:
        table.choose(["a"], ["b"], None, "skip", lambda *one: bad.append(one[1]))
        assert [line for _, line, *_ in all_rows(table)] == [3, 7]
    assert bad == [2, 4, 5]


def test_no_line_is_endless(monkeypatch):
    class Zeros:
        buffer = property(lambda self: self)

        def read1(self, size):
            return bytes(1 << 22)

    monkeypatch.setattr("sys.stdin", Zeros())
    with pytest.raises(StreamError, match="line 1 has no end within 16 MiB"):
        Table("-")


def test_kind_of_a_column(tmp_path):
    content = "a,b,c,d\n,,true,\nx,1,False,NA\n,y,,\n"
    with Table(written(tmp_path / "a", content)) as table:
        kinds = {name: tuple(table.kind_of(name)) for name in table.header}
        assert len(table.first_rows(2)) == 2
        table.choose(["a"], [], None, "skip")
        assert [row for row, *_ in all_rows(table)] == [1, 3]
    assert kinds == {
        "a": ("text", "x", 3),
        "b": ("numbers", "y", 4),
        "c": ("booleans", None, None),
        "d": ("unknown", None, None),
    }
    for n_texts, kind in ((99, "numbers"), (100, "text")):
        with Table(written(tmp_path / "a", "a\n" + n_texts * "x\n" + "5\n")) as table:
            assert table.kind_of("a").kind == kind


# ---------------------------------------------------------------- bad rows and positions


def test_bad_rows_stop_after_those_before_and_can_be_gone_back_to(tmp_path):
    good = "a\n1\n2\n3\n4\n"
    path = written(tmp_path / "a", good.replace("3", "x"))
    with Table(path) as table:
        table.choose(["a"], [], None)
        assert table.read(1).numbers.tolist() == [[1]]
        assert table.read(9).numbers.tolist() == [[2]]
        for _ in range(2):
            with pytest.raises(BadRow, match="line 4 has 'x'") as caught:
                table.read(9)
            assert (caught.value.row, caught.value.line) == (3, 4)
        n_rows, checksum = table.n_rows, table.checksum()
    with Table(written(tmp_path / "a", good)) as table:  # put right
        table.skip(n_rows, checksum)
        table.choose(["a"], [], None)
        assert [(row, numbers) for row, _, _, numbers, _ in all_rows(table)] == [(3, [3]), (4, [4])]


def test_position_is_believed_only_where_the_rows_are_the_same(tmp_path):
    content = "a,b\n1,x\n\n2,y\n3,z\n"
    with Table(written(tmp_path / "a", content)) as table:
        table.choose(["a"], [], None)
        table.read(2)
        at = table.n_rows, table.checksum()
    same_rows = [content + "4,u\n", content.replace("\n", "\r\n"), content.replace("\n\n", "\n")]
    same_rows += [content[:-4], content[:-5]]
    for other in same_rows:
        with Table(written(tmp_path / "a", other)) as table:
            table.skip(*at)
    for old, new in (("2,y", "2,Y"), ("b", "c"), ("1,x\n", "")):
        with (
            Table(written(tmp_path / "a", content.replace(old, new))) as table,
            pytest.raises(StreamError, match=r"first 2 rows .* are not those"),
        ):
            table.skip(*at)
    with (
        Table(written(tmp_path / "a", "a,b\n1,x\n")) as table,
        pytest.raises(StreamError, match="has 1 rows, and 2 were taken in before"),
    ):
        table.skip(*at)


@pytest.mark.parametrize("end", ["12", "12,", '12,"a', '12,"a\nb'])
def test_last_line_without_its_end_waits_for_it(end, tmp_path):
    path = written(tmp_path / "a", "a,b\n1,x\n" + end)
    with Table(path, final=False) as table:
        table.choose(["a"], [], None)
        assert [numbers for *_, numbers, _ in all_rows(table)] == [[1]]
        assert table.notes[0].startswith("the last line has no end yet and was not taken in: ")
        at = table.n_rows, table.checksum()
    with Table(written(tmp_path / "a", "a,b\n1,x\n123,y\n"), final=False) as table:
        table.skip(*at)
        table.choose(["a"], [], None)
        assert [numbers for *_, numbers, _ in all_rows(table)] == [[123]]
        assert table.notes == []
    with Table(written(tmp_path / "a", "a,b\n1,x\n12,y")) as table:
        table.choose(["a"], [], None)
        assert [numbers for *_, numbers, _ in all_rows(table)] == [[1], [12]]


def test_pipe_gives_what_is_at_hand(monkeypatch):
    """No row waits for another one, and what arrives together comes together."""
    read_end, write_end = os.pipe()
    with open(read_end, "rb") as pipe, open(write_end, "wb", buffering=0) as feed:
        monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": pipe}))
        threading.Timer(10, feed.close).start()  # no test hangs
        feed.write(b"a\n1\n")
        with Table("-") as table:
            assert (table.size, table.first_rows(9)) == (None, [["1"]])
            table.choose(["a"], [], None)
            assert table.read(9).numbers.tolist() == [[1]]
            feed.write(b"2\n3\n4")
            assert table.read(9).numbers.tolist() == [[2], [3]]
            feed.write(b"5\n6\n")
            assert table.read(1).numbers.tolist() == [[45]]
            assert table.read(9).numbers.tolist() == [[6]]
            feed.close()
            assert table.read(9) is None


def test_signal_stops_a_read_where_nothing_is_lost(monkeypatch):
    """Before or while a pipe is waited for, never in the middle of rows."""
    read_end, write_end = os.pipe()
    stops = []

    def stop(*_):
        stops.append(table.is_waiting)
        if table.is_waiting:
            raise KeyboardInterrupt

    def check():
        if stops:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with open(read_end, "rb") as pipe, open(write_end, "wb", buffering=0) as feed:
            monkeypatch.setattr("sys.stdin", type("Stdin", (), {"buffer": pipe}))
            feed.write(b"a\n1\n2\n")
            with Table("-") as table:
                table.before_waiting(check)
                table.choose(["a"], [], None)
                assert len(table.read(9).rows) == 2
                signal.setitimer(signal.ITIMER_REAL, 0.05)
                with pytest.raises(KeyboardInterrupt):
                    table.read(9)
                assert stops == [True]
                with pytest.raises(KeyboardInterrupt):  # remembered
                    table.read(9)
                assert (table.n_rows, table.is_waiting) == (2, False)
    finally:
        signal.signal(signal.SIGALRM, before)


# ---------------------------------------------------------------- other formats

ARFF = """\
% a comment
@RELATION 'two words'
@attribute 'the time' date "yyyy-MM-dd HH:mm:ss"
@attribute load numeric
@attribute kind {low, very_high}

@data
% another one
"2026-01-01 00:00:00",1.5,low
"2026-01-01 01:00:00",?,very_high
"2026-01-01 02:00:00",3e2,?
"""


def test_arff_is_read_as_by_scipy(tmp_path):
    from scipy.io import arff

    data, meta = arff.loadarff(io.StringIO(ARFF))
    with Table(written(tmp_path / "a", ARFF)) as table:
        assert table.header == meta.names()
        table.choose(["load"], ["kind"], "the time")
        rows = all_rows(table)
    assert same([numbers[0] for *_, numbers, _ in rows], data["load"].tolist())
    assert [time for _, _, time, _, _ in rows] == data["the time"].astype(float).tolist()
    kinds = [None if kind == b"?" else kind.decode() for kind in data["kind"]]
    assert [texts[0] for *_, texts in rows] == kinds
    assert [line for _, line, *_ in rows] == [9, 10, 11]


def test_arff_with_sparse_rows_and_bad_ones(tmp_path):
    head = ARFF.split('"2026')[0]
    rows = "{1 5, 2 'very_high'}\n'2026-01-01,3,low\n{}\n2026-01-01,4,low, {2}\n1,2\n{1 x}\n{7 1}\n"
    bad = []
    with Table(written(tmp_path / "a", head + rows)) as table:
        table.choose(["load"], ["kind"], None, "skip", lambda *one: bad.append(one[1:3]))
        read = [(line, numbers[0], texts[0]) for _, line, _, numbers, texts in all_rows(table)]
    assert read == [(9, 5, "very_high"), (11, 0, "low"), (12, 4, "low")]
    assert [line for line, _ in bad] == [10, 13, 14, 15]
    with pytest.raises(StreamError, match=r"line 3 is '@attribute x relational', wanted @attrib"):
        Table(written(tmp_path / "a", "@relation x\n\n@attribute x relational\n@data\n"))


@pytest.mark.parametrize("form", ["parquet", "feather", "stream"])
def test_files_of_typed_columns(form, tmp_path):
    pa = pytest.importorskip("pyarrow")
    when = np.arange("2026-01-01", "2026-01-05", dtype="datetime64[D]").astype("datetime64[ns]")
    columns = {
        "when": pa.array(when, pa.timestamp("ns", "UTC")),
        "load": pa.array([0.1, None, 1 / 3, 1e300]),
        "n": pa.array([1, 2, None, 2**40]),
        "on": pa.array([True, None, False, True]),
        "kind": pa.array(["a", "b", None, "a"]).dictionary_encode(),
    }
    path, table = str(tmp_path / "a"), pa.table(columns)
    if form == "parquet":
        __import__("pyarrow.parquet").parquet.write_table(table, path)
    elif form == "feather":
        __import__("pyarrow.feather").feather.write_feather(table, path, compression="zstd")
    else:
        with pa.ipc.new_stream(path, table.schema) as sink:
            sink.write_table(table)
    bad, sums = [], set()
    for most in (1, 99):
        with Table(path) as read:
            kinds = [read.kind_of(name).kind for name in read.header]
            assert kinds == ["text", "numbers", "numbers", "booleans", "text"]
            columns = ["load", "n", "on"], ["kind"], "when"
            read.choose(*columns, "skip", lambda *one: bad.append(one[:3]))
            rows = all_rows(read, most)
            sums.add((read.n_rows, read.checksum()))
        assert [row[2] for row in rows] == when[:3].astype("datetime64[s]").astype(float).tolist()
        assert same([row[3] for row in rows], [[0.1, 1, 1], [NAN, 2, NAN], [1 / 3, NAN, 0]])
        assert [row[4] for row in rows] == [("a",), ("b",), (None,)]
    assert len(sums) == 1
    assert bad[0][:2] == (4, 4)
    assert "has 1e+300 in column 'load'" in bad[0][2]


def test_typed_columns_without_pyarrow_or_damaged(tmp_path, monkeypatch):
    path = written(tmp_path / "a", b"PAR1" + bytes(50))
    with monkeypatch.context() as patched:
        patched.setitem(__import__("sys").modules, "pyarrow", None)
        with pytest.raises(StreamError, match=r"Parquet needs pyarrow, pip install"):
            Table(path)
    pytest.importorskip("pyarrow")
    with pytest.raises(StreamError, match=r"cannot read .* as Parquet: "):
        Table(path)
