"""``pylstm stream``: the report, live input, the demonstration."""

import csv
import gzip
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from streams import (
    forecasts_of,
    read_predictions,
    running_pylstm,
    same_but_for_the_file,
    stream,
    wavy_table,
    write_csv,
)

from pylstm.cli import main
from pylstm.tabular import Session, Settings, Table, demo
from pylstm.tabular.job import Job, choose_columns

HEADER = ["load", "wind"]
TIMEOUT = 60


@pytest.fixture
def table():
    return wavy_table(400, missing=0.05)


@pytest.fixture
def path(table, tmp_path):
    return write_csv(tmp_path / "table.csv", HEADER, table)


# ---------------------------------------------------------------- the report


def reported(text):
    """The numbers of the report: {section: {forecaster: (MAE, RMSE, skill or None)}}."""
    sections, current = {}, None
    for line in text.splitlines():
        if line.endswith("rows scored"):
            name, n_scored = re.fullmatch(r"(.*), ([\d,]+) rows scored", line).groups()
            current = sections[name] = {"n": int(n_scored.replace(",", ""))}
        elif current is not None and line.startswith("  ") and "MAE" not in line:
            name, *cells = re.split(r"\s{2,}", line.strip())
            skill = float(cells[2].rstrip("%")) / 100 if len(cells) == 3 else None
            current[name] = (float(cells[0]), float(cells[1]), skill)
    return sections


def expected(truth, forecasts, start):
    """The same numbers from whole arrays: each forecaster on the rows where all have a forecast."""
    errors = np.stack(list(forecasts.values())) - truth
    errors[:, :start] = np.nan
    errors = errors[:, ~np.isnan(errors).any(axis=0)]
    mae, rmse = np.abs(errors).mean(axis=1), np.sqrt((errors**2).mean(axis=1))
    skill = [None, *(1 - mae[0] / mae[1:])]
    return {
        "n": errors.shape[1],
        **dict(zip(forecasts, zip(mae, rmse, skill, strict=True), strict=True)),
    }


def held(values):
    """Every missing value replaced by the last known one."""
    known = np.where(np.isnan(values), 0, np.arange(len(values)))
    return values[np.maximum.accumulate(known)]


@pytest.mark.parametrize(("horizon", "season"), [(1, 24), (1, None), (6, 24), (24, 24), (5, 7)])
def test_report_tells_the_errors_on_the_same_rows(horizon, season, table, path, tmp_path, capsys):
    """Recomputed from the predictions written, the table and the definition of the baselines."""
    out = tmp_path / "predictions.csv"
    options = ["--season", season] if season else []
    options += ["--horizon", horizon, "--predictions", out]
    assert stream(path, "--target", "load", *options) == 0
    sections = reported(capsys.readouterr().out)

    truth, n = table[:, 0], len(table)
    rows, predictions = read_predictions(out)
    np.testing.assert_array_equal(rows, np.arange(n) + 1 + horizon)
    gap = np.full(horizon, np.nan)
    forecasts = {"pylstm": np.concatenate([gap, predictions])[:n]}
    forecasts["last value"] = np.concatenate([gap, held(truth)])[:n]
    if season:
        forecasts["one season ago"] = np.concatenate([np.full(season, np.nan), truth])[:n]
    for section, start in (("whole stream", 0), ("after the first tenth", n // 10)):
        wanted = expected(truth, forecasts, start)
        assert sections[section].pop("n") == wanted.pop("n")
        assert list(sections[section]) == list(wanted)
        for name, (mae, rmse, skill) in sections[section].items():
            assert mae == pytest.approx(wanted[name][0], rel=1e-3)
            assert rmse == pytest.approx(wanted[name][1], rel=1e-3)
            assert skill == pytest.approx(wanted[name][2], abs=6e-4)


def test_report_tells_rows_and_speed(path, capsys):
    assert stream(path, "--target", "load") == 0
    out = capsys.readouterr().out
    assert out.startswith("load, 1 row ahead, after 400 rows\n")
    assert re.search(r"^400 rows in [\d.]+ s, [\d,]+ rows per second$", out, re.MULTILINE)


def test_report_of_a_stream_too_short_to_score(tmp_path, capsys):
    path = write_csv(tmp_path / "table.csv", HEADER, wavy_table(1))
    assert stream(path, "--target", "load") == 0
    assert "no row could be scored" in capsys.readouterr().out


# ---------------------------------------------------------------- optional packages


IMPORTS = "import sys, pylstm.cli; print(sorted({'matplotlib', 'tqdm'} & set(sys.modules)))"


@pytest.mark.processes
def test_optional_packages_are_imported_only_when_used():
    run = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True)
    assert run.stdout == "[]\n"


@pytest.mark.processes
@pytest.mark.parametrize("installed", [True, False])
def test_progress_bar(installed, path):
    """On a terminal there is a bar, unless tqdm is missing: then there is none, and no error."""
    pty = pytest.importorskip("pty")
    termios = pytest.importorskip("termios")
    hide = "" if installed else "sys.modules['tqdm'] = None; "
    code = f"import sys; {hide}from pylstm.cli import main; sys.exit(main())"
    terminal, side = pty.openpty()
    termios.tcsetwinsize(side, (25, 80))
    run = subprocess.run(
        [sys.executable, "-c", code, "stream", path, "--target", "load"],
        stdout=subprocess.DEVNULL,
        stderr=side,
        timeout=TIMEOUT,
    )
    os.close(side)
    try:
        shown = os.read(terminal, 10_000).decode()
    except OSError:  # nothing was ever written
        shown = ""
    os.close(terminal)
    assert run.returncode == 0
    assert ("100%" in shown) == installed


# ---------------------------------------------------------------- live input


@pytest.mark.processes
def test_each_row_is_answered_before_the_next_arrives(path, tmp_path):
    out = tmp_path / "predictions.csv"
    assert stream(path, "--target", "load", "--predictions", out) == 0
    wanted = out.read_text().splitlines()
    with open(path) as file:
        header, *lines = list(file)[:30]
    with running_pylstm("stream", "-", "--target", "load", "--predictions", "-") as process:
        process.stdin.write(header)
        for k, line in enumerate(lines):
            process.stdin.write(line)
            process.stdin.flush()
            if k == 0:
                assert process.stdout.readline().rstrip("\n") == wanted[0]
            assert process.stdout.readline().rstrip("\n") == wanted[k + 1]
        out, err = process.communicate()
    assert (process.returncode, out) == (0, "")
    assert err.startswith("load, 1 row ahead, after 29 rows\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_waits_for_the_end_of_a_block(name, table, path, monkeypatch):
    """One that comes while rows are learned stops the stream after them, with nothing half done."""
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip("no such signal here")
    session, whole = (Session(Settings(target="load", cells=8), ["wind"]) for _ in range(2))
    update = session.update_block
    sizes = []

    def interrupted_update(block):
        sizes.append(len(block.rows))
        signal.raise_signal(number)
        return update(block)

    session.update_block = interrupted_update
    before = signal.signal(number, signal.default_int_handler)  # it may be ignored
    try:
        with Table(path) as rows:
            choose_columns(session, rows)
            outcome = Job(session, rows).run()
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert (outcome.n_rows, outcome.code) == (sizes[0], 128 + number)
    assert len(sizes) == 1
    session.update_block = update
    forecasts = forecasts_of(whole, table)[sizes[0] :]
    np.testing.assert_array_equal(forecasts_of(session, table[sizes[0] :]), forecasts)


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="no such signal there")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_with_report_and_save(name, code, path, tmp_path):
    """Going on from there ends as one pass over everything does."""
    saved, rest, whole = (
        tmp_path / name for name in ("saved.safetensors", "rest.csv", "whole.safetensors")
    )
    with open(path) as file:
        lines = list(file)
    options = ("--target", "load", "--predictions", "-", "--save", saved)
    with running_pylstm("stream", "-", *options) as process:
        process.stdin.write("".join(lines[:101]))
        process.stdin.flush()
        for _ in range(101):
            process.stdout.readline()
        process.send_signal(getattr(signal, name))
        assert process.wait() == code
        err = process.stderr.read()
    assert err.startswith("load, 1 row ahead, after 100 rows\n")
    assert "Traceback" not in err

    rest.write_text("".join([lines[0], *lines[101:]]))
    assert stream(rest, "--load", saved, "--save", saved) == 0
    assert stream(path, "--target", "load", "--save", whole) == 0
    assert same_but_for_the_file(saved, whole)


@pytest.mark.processes
@pytest.mark.skipif(sys.platform == "win32", reason="pipes break differently there")
def test_reader_that_goes_away_is_no_error(tmp_path):
    path = write_csv(tmp_path / "long.csv", HEADER, wavy_table(20_000))
    saved = tmp_path / "saved.safetensors"
    options = ("--target", "load", "--predictions", "-", "--save", saved)
    with running_pylstm("stream", path, *options) as process:
        assert process.stdout.readline() == "row,prediction\n"
        process.stdout.close()
        assert process.wait() == 141
        assert process.stderr.read() == ""
    assert 0 < Session.load(str(saved)).n_rows < 20_000


@pytest.mark.processes
def test_standard_input_can_be_empty():
    with running_pylstm("stream", "-", "--target", "load") as process:
        out, err = process.communicate("")
    assert (process.returncode, out) == (2, "")
    assert err == "pylstm: standard input is empty, wanted a header line and rows of numbers\n"


# ---------------------------------------------------------------- the other commands


@pytest.mark.parametrize("seed", [1, 2])
def test_demo_reaches_the_figure_it_states(seed, capsys):
    """Clearly ahead of both baselines after the first tenth, whatever the starting weights."""
    assert main(["demo", "--seed", str(seed)]) == 0
    demo_reaches_its_figure(capsys.readouterr().out)


def demo_reaches_its_figure(out):
    figures = reported(out)["after the first tenth"]
    assert figures["n"] > 7_500
    reached = min(figures[name][2] for name in ("last value", "one season ago"))
    assert reached >= demo.STATED_SKILL >= 0.4
    last_line = out.splitlines()[-1]
    assert last_line.endswith(f"by {reached:.1%}, stated: at least {demo.STATED_SKILL:.0%}")


def test_demo_is_the_command_it_names(capsys):
    assert main(["demo"]) == 0
    out = capsys.readouterr().out
    (command,) = re.findall(r"^The same as: pylstm stream (.*)$", out, re.MULTILINE)
    assert stream(*command.split()) == 0
    assert reported(capsys.readouterr().out) == reported(out)
    demo_reaches_its_figure(out)


def test_demo_data_are_the_ones_described():
    with gzip.open(demo.DATA, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8730
    empty = [row for row in rows if not any(row[name] for name in list(row)[3:])]
    assert len(empty) == 27
    assert [float(row["wind_speed"]) for row in rows if float(row["wind_speed"] or 0) > 100] == [
        1048.36
    ]
    about = demo.DATA.with_name("newark_2013.md").read_text()
    assert "public domain" in about
    assert all(name in about for name in rows[0])


def test_config_and_version(capsys):
    assert main(["config"]) == 0
    assert "instruction set" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert re.fullmatch(r"pylstm \d+\.\d+.*\n", capsys.readouterr().out)


@pytest.mark.parametrize("args", [[], ["dance"], ["demo", "--seed", "x"]])
def test_bad_command_is_told_in_one_sentence(args, capsys):
    with pytest.raises(SystemExit) as stop:
        main(args)
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
