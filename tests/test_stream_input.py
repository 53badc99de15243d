"""Tables and options that cannot be used: one sentence, exit code 2, nothing written."""

import gzip

import numpy as np
import pytest
from streams import read_predictions, stream, wavy_table, write_csv

from pylstm.tabular import StreamError, Table

GOOD = "time,load,wind\n00:00,1,2\n01:00,3,4\n02:00,2.5,\n"


def refusal(capsys, *args):
    """The one sentence with which the command line refuses."""
    assert stream(*args) == 2
    out, err = capsys.readouterr()
    assert out == ""
    told = ("not used, ", "decimal comma", "';' between")
    lines = [line for line in err.splitlines() if not line.startswith(told)]
    assert len(lines) == 1, err
    return lines[0]


BAD_TABLES = {
    "empty": ("", "is empty, wanted a header line and rows of numbers"),
    "blank": ("\n\n\n", "is empty, wanted a header line"),
    "header only": ("time,load\n", "has a header line and nothing else, wanted rows"),
    "no header": ("1,2\n3,4\n", "line 1 is '1,2', wanted the column names"),
    "twice": ("load,load\n1,2\n", "more than one column 'load'"),
    "no target": ("time,wind\n0,1\n", "no column 'load', wanted one of 'time', 'wind'"),
    "other delimiter": ("time:load\n0:1\n", "no column 'load', wanted one of 'time:load'"),
    "two delimiters": ("load,b;c\n1,5;1\n", "by ',' or by ';': say which with --delimiter"),
    "too few cells": ("a,load\n1,2\n\n3\n", "line 4 has 1 cell, wanted 2 as in the header"),
    "too many cells": ("a,load\n1,2\n1,2,3\n", "line 3 has 3 cells, wanted 2 as in the header"),
    "ragged first row": ("a,load\n1,2,3\n", "line 2 has 3 cells, wanted 2 as in the header"),
    "text target": ("a,load\n1,2\n1,x\n", "line 3 has 'x' in column 'load'", "--classify"),
    "text": ("a,load\n1,2\nx,3\n", "line 3 has 'x' in column 'a', wanted a number"),
    "decimal comma": ('a,load\n1,2\n1,"3,5"\n', "line 3 has '3,5' in column 'load'"),
    "infinite": ("load\n1\ninf\n", "line 3 has 'inf' in column 'load', wanted a number between"),
    "huge": ("load\n1\n-1e200\n", "line 3 has '-1e200' in column 'load', wanted a number between"),
    "underscore": ("load\n1\n1_000\n", "line 3 has '1_000'"),
    "long text": ("load\n1\n" + 500 * "x" + "\n", "line 3 has '" + 20 * "x"),
    "open quote": ('load\n1\n"2\n', "line 3 has a quoted cell that does not end"),
    "not text": (b"load\n1\n\xff\xfe\n", "line 3 holds bytes that are not UTF-8 text"),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8 text"),
}


@pytest.mark.parametrize("case", list(BAD_TABLES))
def test_bad_table_is_told_in_one_sentence(case, tmp_path, capsys):
    content, *told = BAD_TABLES[case]
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    sentence = refusal(capsys, path, "--target", "load")
    assert str(path) in sentence
    for part in told:
        assert part in sentence


BAD_OPTIONS = {
    "no target": ([], "no --target given, wanted the column to predict"),
    "unknown": (["--target", "load", "--colour", "1"], "unrecognized arguments: --colour"),
    "horizon": (["--target", "load", "--horizon", "-1"], "horizon is -1, wanted a whole number"),
    "cells": (["--target", "load", "--cells", "-3"], "cells is -3, wanted a whole number"),
    "words": (["--target", "load", "--cells", "many"], "--cells: invalid int value: 'many'"),
    "rate": (["--target", "load", "--learning-rate", "nan"], "learning_rate is nan, wanted"),
    "momentum": (["--target", "load", "--momentum", "1"], "momentum is 1.0, wanted"),
    "seed": (["--target", "load", "--seed", "-1"], "seed is -1, wanted"),
    "memory": (["--target", "load", "--memory", "0"], "memory is 0, wanted"),
    "dtype": (["--target", "load", "--dtype", "int8"], "--dtype: invalid choice: 'int8'"),
    "input": (["--target", "load", "--inputs", "load,sun"], "has no column 'sun', wanted one of"),
    "input twice": (["--target", "load", "--inputs", "wind,wind"], "inputs names 'wind' twice"),
    "no inputs": (["--target", "load", "--inputs", ""], "inputs is (), wanted at least one"),
    "delimiter": (["--target", "load", "--delimiter", ",,"], "wanted one character, or 'tab'"),
    "other delimiter": (["--target", "load", "--delimiter", ";"], "is another --delimiter needed?"),
    "plot": (["--target", "load", "--plot", "out.xyz"], "cannot plot to out.xyz: wanted a name"),
    "save": (["--target", "load", "--save", "no/such/out.safetensors"], "there is no directory"),
    "predictions": (["--target", "load", "--predictions", "no/such/out.csv"], "no directory"),
    "save into": (["--target", "load", "--save", "."], "cannot write .: it is not a regular file"),
    "save every": (["--target", "load", "--save-every", "5"], "--save-every given without --save"),
    "load": (
        ["--load", "nothing.safetensors"],
        "cannot load nothing.safetensors: there is no such file",
    ),
    "diverging": (["--target", "load", "--learning-rate", "1e30"], "diverged"),
}


@pytest.mark.parametrize("case", list(BAD_OPTIONS))
def test_bad_option_is_told_in_one_sentence(case, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options, told = BAD_OPTIONS[case]
    (tmp_path / "table.csv").write_text(GOOD + 50 * "03:00,2,3\n04:00,1,4\n")
    assert told in refusal(capsys, "table.csv", *options)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_missing_file(capsys):
    assert "cannot read nowhere.csv: No such file" in refusal(
        capsys, "nowhere.csv", "--target", "load"
    )


def test_damaged_compressed_table(tmp_path, capsys):
    path = tmp_path / "table.csv.gz"
    content = gzip.compress(GOOD.encode() + 1000 * b"03:00,4.25,1\n")
    path.write_bytes(content[:-10])
    assert f"cannot read {path}" in refusal(capsys, path, "--target", "load")
    path.write_text(GOOD)  # what it is, its bytes tell
    assert stream(path, "--target", "load") == 0


def test_text_columns_are_left_out_and_named(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_text(GOOD)
    assert stream(path, "--target", "load") == 0
    assert capsys.readouterr().err == "not used, no numbers in the first rows: time\n"


def test_blank_line_is_a_missing_cell_where_there_is_one_column(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("load\n1\n\n2\n")
    with Table(str(path)) as table:
        table.choose(["load"], [], None)
        np.testing.assert_array_equal(table.read(9).numbers, [[1], [np.nan], [2]])
    path.write_text("load,wind\n1,2\n\n3,4\n")
    with Table(str(path)) as table:
        table.choose(["load"], [], None)
        np.testing.assert_array_equal(table.read(9).numbers, [[1], [3]])


SAME = {
    "plain": lambda text: text.encode(),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "windows": lambda text: text.replace("\n", "\r\n").encode(),
    "no end": lambda text: text.rstrip("\n").encode(),
    "quoted": lambda text: text.replace("load", '"load"').encode(),
    "blanks": lambda text: text.replace(",", " , ").encode(),
    "tabs": lambda text: text.replace(",", "\t").encode(),
    "gz": lambda text: gzip.compress(text.encode()),
}


@pytest.mark.parametrize("form", list(SAME))
def test_form_of_the_file_does_not_matter(form, tmp_path, capsys):
    plain = write_csv(tmp_path / "plain.csv", ["load", "wind"], wavy_table(60, missing=0.1))
    path = tmp_path / ("other.csv.gz" if form == "gz" else "other.csv")
    with open(plain) as file:
        path.write_bytes(SAME[form](file.read()))
    delimiter = ["--delimiter", "tab"] if form == "tabs" else []
    for table, options in ((plain, []), (path, delimiter)):
        out = f"{table}.out"
        assert stream(table, "--target", "load", "--predictions", out, *options) == 0
    assert np.nanstd(read_predictions(out)[1]) > 0
    np.testing.assert_array_equal(read_predictions(out), read_predictions(f"{plain}.out"))


def test_inputs_choose_columns(tmp_path):
    """A column not named has no influence, whatever is in it; a named one has."""
    table = wavy_table(80)
    for k, other in enumerate((0.0, 1.0)):
        rows = np.column_stack([table, other * table[::-1, 0]])
        path = write_csv(tmp_path / f"{k}.csv", ["load", "wind, north", "x"], rows)
        for inputs in ('load,"wind, north"', "load,x"):
            out = f"{path}.{inputs[5]}"
            options = ["--inputs", inputs, "--predictions", out]
            assert stream(path, "--target", "load", *options) == 0
    first, second = ({c: read_predictions(tmp_path / f"{k}.csv.{c}") for c in '"x'} for k in (0, 1))
    np.testing.assert_array_equal(first['"'], second['"'])
    assert (first["x"][1] != second["x"][1]).any()


def test_table_errors_are_value_errors(tmp_path):
    with pytest.raises(ValueError, match="cannot read"):
        Table(str(tmp_path))
    assert issubclass(StreamError, ValueError)
