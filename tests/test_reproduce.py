"""``pylstm reproduce``: the same table whatever the jobs, going on, what is written, bad input."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest
from streams import interruptible
from tiny_rows import QUICK, TINY

import pylstm
from pylstm.cli import main
from pylstm.errors import InputError
from pylstm.experiments import (
    ROWS,
    Reproduction,
    Summary,
    plots,
    progress,
    report,
    reproduce,
)
from pylstm.experiments.progress import Abandoned, Reporter, bars, board
from pylstm.experiments.store import Store
from pylstm.experiments.trial import Progress, Result

FAST = ["quick", "exam", "unsolved"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """The rows are the small ones."""
    monkeypatch.setattr(pylstm.experiments.rows, "ROWS", TINY)
    monkeypatch.setattr(reproduce, "ROWS", TINY)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def run(*args):
    """Run ``pylstm reproduce`` in this process; return its exit code."""
    try:
        return main(["reproduce", "--no-plots", *map(str, args)])
    except SystemExit as stop:
        return stop.code


def files(folder):
    """Everything in a folder: content, and when it was written."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def trials(folder):
    return {name: what for name, what in files(folder).items() if name.startswith("trials")}


def without_time(tree):
    """A JSON tree without what differs from run to run."""
    if isinstance(tree, dict):
        return {name: without_time(part) for name, part in tree.items() if name != "seconds"}
    return [without_time(part) for part in tree] if isinstance(tree, list) else tree


def results_json(folder):
    return json.loads((folder / "results.json").read_text())


def table(text):
    """The lines of the table, without the column of the time."""
    lines = [re.split(r"\s{2,}", line) for line in text.split("\n\n")[0].splitlines()]
    column = lines[0].index("time")
    return [[*line[:column], *line[column + 1 :]] for line in lines]


# ---------------------------------------------------------------- the same table


def test_same_seed_same_table_whatever_the_jobs(tmp_path, capsys):
    tables = []
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        assert run(*FAST, "--trials", 18, "--jobs", jobs, "--out", out) == 0
        tables.append(table(capsys.readouterr().out))
    assert tables[0] == tables[1]
    one, two = (without_time(results_json(tmp_path / jobs)) for jobs in "12")
    assert one == two
    assert [len(row["results"]) for row in one["rows"]] == [18] * 6


def test_another_seed_another_outcome(tmp_path):
    for seed in (0, 1):
        assert run("exam", "--seed", seed, "--jobs", 1, "--out", tmp_path / str(seed)) == 0
    one, two = (results_json(tmp_path / seed) for seed in "01")
    assert (one["seed"], two["seed"]) == (0, 1)
    assert without_time(one["rows"]) != without_time(two["rows"])


def test_runs_on_whatever_backend_joblib_is_set_to(out):
    reproduction = Reproduction(["quick", "exam"], trials=2, out=out)
    with joblib.parallel_config(backend="threading"):
        reproduction.run(jobs=2)
    apart = Reproduction(["quick", "exam"], trials=2, out=out / "apart")
    apart.run(jobs=1)
    for one, other in zip(reproduction.summaries(), apart.summaries(), strict=True):
        assert one.sequences == other.sequences


# ---------------------------------------------------------------- going on


def test_finished_trials_are_not_run_again(out, monkeypatch, capsys):
    assert run("quick", "--trials", 1, "--jobs", 1, "--out", out) == 0
    # What is there is believed, so a trial that had been run again would show.
    path = next(iter((out / "trials").glob("quick.written.*")))
    tree = json.loads(path.read_text())
    path.write_text(json.dumps({**tree, "success": 123}))
    before = trials(out)
    capsys.readouterr()
    assert run("quick", "--trials", 3, "--jobs", 1, "--out", out) == 0
    after = trials(out)
    assert before.items() <= after.items()
    assert len(after) == 3 * len(before)
    assert "(123 - " in capsys.readouterr().out
    # Those added are the ones of a run of all three.
    assert run("quick", "--trials", 3, "--jobs", 1, "--out", out / "whole") == 0
    path.write_text(json.dumps(tree))
    for name, (content, _) in trials(out / "whole").items():
        assert without_time(json.loads(content)) == without_time(
            json.loads((out / name).read_text())
        )


def test_changed_reading_is_not_taken_for_the_old_one(out, monkeypatch):
    assert run("quick", "--readings", "written", "--trials", 1, "--jobs", 1, "--out", out) == 0
    before = trials(out)
    changed = replace(QUICK, readings=(replace(QUICK.readings[0], learning_rate=0.9),))
    monkeypatch.setitem(TINY, "quick", changed)
    assert run("quick", "--trials", 1, "--jobs", 1, "--out", out) == 0
    after = trials(out)
    assert before.items() < after.items()
    assert len(after) == 2
    [row] = results_json(out)["rows"]
    assert (row["reading"]["learning_rate"], len(row["results"])) == (0.9, 1)


@pytest.mark.processes
@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted_and_continued_ends_as_undisturbed(jobs, tmp_path):
    """SIGINT to the process while one row is finished and another under way."""
    script = str(Path(__file__).with_name("tiny_rows.py"))
    command = [sys.executable, script, "reproduce", "quick", "slow", "--trials", "2", "--no-plots"]
    command += ["--jobs", str(jobs), "--out"]
    out = tmp_path / "interrupted"
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    with interruptible(), subprocess.Popen([*command, out], text=True, **pipes) as process:
        try:
            deadline = time.monotonic() + 60
            while len(list((out / "trials").glob("quick.*.json"))) < 4:
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            told, complaint = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130
    assert complaint == "interrupted: the same command goes on from here\n\n"
    assert "quick  lstm    written  51       2/2 100%" in told
    assert "\nslow" not in told
    assert {path.name for path in out.iterdir()} == {"trials", "results.json", "results.md"}
    # What a worker had begun to write when it was stopped goes when that file is written.
    before = {name: what for name, what in trials(out).items() if not name.endswith(".tmp")}
    assert len(before) == 4

    whole = tmp_path / "whole"
    for folder in (out, whole):
        subprocess.run([*command, folder], check=True, stdout=subprocess.DEVNULL, timeout=60)
    assert before.items() < trials(out).items()
    assert trials(out).keys() == trials(whole).keys()
    assert without_time(results_json(out)) == without_time(results_json(whole))
    assert len(results_json(out)["rows"]) == 3


def test_job_ends_when_nobody_waits_any_longer(tmp_path):
    with board(tmp_path) as folder:
        reporter = Reporter(folder, "0", "quick written", 100)
        reporter({0: Progress(10, 0.5)})
    assert list(tmp_path.iterdir()) == []
    reporter._next = 0.0
    with pytest.raises(Abandoned):
        reporter({0: Progress(20, 0.5)})
    job = reproduce.Job(QUICK, QUICK.readings[0], (0,))
    reproduce._run_job(job, 0, Store(tmp_path, 0), folder)
    assert list((tmp_path / "trials").iterdir()) == []


# ---------------------------------------------------------------- progress


def test_progress_is_written_at_most_once_a_second(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    reporter, path = Reporter(tmp_path, "0", "quick written", 100), tmp_path / "0.json"
    for seconds, n, shown in ((0, 1, 1), (0.9, 2, 1), (0.2, 3, 3), (0.9, 4, 3)):
        clock[0] += seconds
        reporter({5: Progress(n, 0.25)})
        assert json.loads(path.read_text())["running"] == {"5": [shown, 0.25]}
    reporter.finished()
    reporter({})  # the last one: at once
    assert json.loads(path.read_text()) == {
        "name": "quick written", "limit": 100, "finished": 1, "running": {}
    }  # fmt: skip


def test_bars_show_all_trials_and_those_that_take_long(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(progress, "_LOOK_EVERY", 0.01)
    for long, shown in ((0.0, True), (1000.0, False)):
        monkeypatch.setattr(progress, "_LONG", long)
        with board(tmp_path) as folder, bars(folder, 4):
            reporter = Reporter(folder, "0", "quick written", 1000)
            reporter.finished()
            reporter({2: Progress(300, 0.75)})
            time.sleep(0.3)
            for _ in range(3):
                reporter.finished()
            reporter({})  # just before the end: still counted
        told = capsys.readouterr().err
        assert re.search(r"trials: 100%\|.* 4/4 ", told)
        assert re.search(r"trials:  25%\|.* 1/4 ", told)
        assert bool(re.search(r"quick written trial 2:  30%.* 300/1000 .*75% wrong", told)) == shown


def test_no_bars_without_a_terminal(out, capsys):
    assert run("quick", "--trials", 1, "--jobs", 1, "--out", out) == 0
    assert capsys.readouterr().err == ""


# ---------------------------------------------------------------- what is written


@pytest.fixture
def summaries():
    """Two rows with what came out made up: one reached by its second reading, one not."""

    def ended(trial, success, wrong=None, error=None):
        curve = {"every": 100, "error": [0.5], "wrong": [1.0]}
        return Result(trial, success, success or 9000, {"ST1": 50}, wrong, error, 40.0, curve, None)

    nearest = QUICK.readings[0].but("nearest", "alpha 0.3", learning_rate=0.3, max_sequences=9000)
    paper = replace(QUICK.paper, sequences=1000, success=1.0, wrong=0.02)
    row = replace(QUICK, readings=(QUICK.readings[0], nearest), paper=paper)
    other = replace(row, name="other", readings=row.readings[:1])
    return [
        Summary(row, row.readings[0], (ended(0, None), ended(1, 2000, 3, 0.1))),
        Summary(row, nearest, (ended(0, 800, 4, 0.1), ended(1, 1200, 1, 0.3))),
        Summary(other, row.readings[0], (ended(0, None),)),
    ]


CELLS = [
    ["quick", "lstm", "written", "51", "1/2 50%", "100%", "2,000 (2,000 - 2,000)", "1,000",
     "20,000", "3.0/100", "2.0/100", "1.3 min", "no: fewer succeed, later"],
    ["quick", "lstm", "nearest", "51", "2/2 100%", "100%", "1,000 (800 - 1,200)", "1,000", "9,000",
     "2.5/100", "2.0/100", "1.3 min", "yes: as many succeed, sooner"],
    ["other", "lstm", "written", "51", "0/1 0%", "100%", "not within 20,000", "1,000", "20,000",
     "-", "2.0/100", "40.0 s", "no: none succeeds"],
]  # fmt: skip


def test_text_and_markdown_hold_the_figures(summaries):
    text = report.as_text(summaries)
    told = [re.split(r"\s{2,}", line) for line in text.splitlines()]
    assert told[1:4] == CELLS
    header = {"format": 1, "pylstm": "1.2.3", "seed": 7, "machine": "abacus"}
    markdown = report.as_markdown(summaries, header).splitlines()
    assert "pylstm 1.2.3, seed 7; abacus." in markdown
    rows = [line.strip("| ").split(" | ") for line in markdown if line.startswith("|")]
    assert rows[0] == told[0]
    assert rows[2:] == CELLS
    assert "- quick: two short sequences." in markdown
    missed = "Not reached as written or by the nearest reading: other."
    for note in ("quick nearest: alpha 0.3.", missed):
        assert note in text.splitlines()
        assert f"- {note}" in markdown


def test_a_row_only_the_best_known_reading_reaches_is_not_reached(summaries):
    _, nearest, _ = summaries
    best = replace(nearest, reading=replace(nearest.reading, label="best"))
    assert best.reached
    assert "Not reached as written or by the nearest reading: quick." in report.as_text([best])


def test_a_row_says_why_the_letter_fails_where_it_does(summaries):
    written, nearest, _ = (
        replace(summary, row=replace(summary.row, why="of a saddle")) for summary in summaries
    )
    fails = "quick written fails: of a saddle."
    assert fails in report.as_text([written, nearest]).splitlines()
    assert "fails:" not in report.as_text([nearest])
    uncertain = replace(written.row, paper=replace(written.row.paper, uncertain=True))
    some = replace(written, row=uncertain)
    none = replace(some, results=tuple(replace(r, success=None) for r in written.results))
    assert "fails:" not in report.as_text([some])  # no verdict
    assert fails in report.as_text([none]).splitlines()


def test_continual_tasks_and_languages_have_tables_of_their_own_and_doubts():
    """Made-up trials: one perfect of four, one good; a figure from memory decides nothing."""

    def ended(trial, success, **marks):
        return Result(trial, success, 900, marks, None, None, 1.0, {"every": 1}, None)

    row = ROWS["2000-cerg-forget"]
    trials = (
        ended(0, 800, length=100_000.0), ended(1, None, length=2000.0),
        ended(2, None, length=10.0), ended(3, None, length=20.0),
    )  # fmt: skip
    language = replace(ROWS["2001-anbn-10"], readings=ROWS["2001-anbn-10"].readings[:1])
    known = (ended(0, 500, **{"up to": 40}), ended(1, 700, **{"up to": 20}))
    continual = Summary(row, row.readings[0], trials)
    told = [
        re.split(r"\s{2,}", line)
        for line in report.as_text(
            [continual, Summary(language, language.readings[0], known)]
        ).splitlines()
    ]
    assert [row.name, "written", "25%, 800", "(18%, 18,889)", "25%, 2,000", "(29%, 39,171)",
            "50%, 15", "(53%, 145)"] in told  # fmt: skip
    assert [language.name, "written", "2/2: 600", "22,000?", "40", "1,000?", "30", "118?"] in told
    assert (continual.reached, continual.verdict) == (True, "yes: more succeed, sooner")
    of_language = next(line for line in told if line[:2] == [language.name, "lstm"])
    assert of_language[5:8] == ["100%?", "600 (500 - 700)", "22,000?"]
    assert of_language[-1] == "-"


def test_json_holds_everything_but_the_weights(summaries):
    header = {"format": 1, "pylstm": "1.2.3", "seed": 7, "machine": "abacus"}
    tree = json.loads(report.as_json(summaries, header))
    assert {name: tree[name] for name in header} == header
    written, nearest, other = tree["rows"]
    assert nearest["reading"]["learning_rate"] == 0.3
    assert (written["limit"], nearest["limit"]) == (20_000, 9_000)
    assert nearest["sequences"] == {"mean": 1000, "min": 800, "max": 1200}
    assert (nearest["wrong"], nearest["test"], nearest["seconds"]) == (2.5, 100, 80)
    assert nearest["error"] == pytest.approx(0.2)
    assert nearest["paper"]["sequences"] == 1000
    assert (written["success"], written["reached"], nearest["reached"]) == (0.5, False, True)
    assert other["sequences"] == {"mean": None, "min": None, "max": None}
    assert [result["success"] for result in written["results"]] == [None, 2000]
    assert "weights" not in written["results"][1]


def test_files_cover_what_earlier_runs_left(out, capsys):
    assert run("quick", "--trials", 1, "--jobs", 1, "--out", out) == 0
    capsys.readouterr()
    assert run("exam", "--readings", "best", "--trials", 1, "--jobs", 1, "--out", out) == 0
    assert [line[0] for line in table(capsys.readouterr().out)] == ["row", "exam"]
    assert run("quick", "--readings", "best", "--trials", 1, "--jobs", 1, "--out", out) == 0
    told = table(capsys.readouterr().out)
    assert [line[2] for line in told] == ["reading", "best"]
    assert [line[:2] for line in told] == [["row", "method"], ["quick", "lstm"]]
    names = [(row["row"], row["reading"]["label"]) for row in results_json(out)["rows"]]
    assert names == [("quick", "written"), ("quick", "best"), ("exam", "best")]
    assert (out / "results.md").read_text().count("\n| quick |") == 2


def test_pictures_are_drawn(out, capsys):
    rows = ["quick", "lag", "unsolved"]
    assert main(["reproduce", *rows, "--trials", "1", "--jobs", "1", "--out", str(out)]) == 0
    drawn = {path.name for path in out.glob("*.png")}
    assert drawn == {
        "lag.png", *(f"curves-{name}.png" for name in rows),
        *(f"cells-{name}.png" for name in rows if name != "unsolved"),
    }  # fmt: skip
    told = capsys.readouterr().out
    for name in drawn:
        assert (out / name).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
        assert name in told


def test_cells_are_those_of_the_trained_network_over_a_solved_sequence(out, monkeypatch):
    reproduction = Reproduction(["quick"], trials=1, out=out, readings=["written"])
    reproduction.run(jobs=1)
    [summary] = reproduction.summaries()
    [result] = summary.solved
    net = plots._trained(summary, result)
    for name, values in net.parameters.items():
        np.testing.assert_array_equal(result.weights[name], values)
    task = QUICK.task
    first, second = task.sample(1, rng := np.random.default_rng(0)), task.sample(1, rng)
    sequence = plots._solved_sequence(net, task)
    np.testing.assert_array_equal(sequence.X, first.X)
    # When the first is answered wrongly it is the second.
    answers = iter([np.array([True]), np.array([False])])
    monkeypatch.setattr(type(task), "wrong", lambda *given: next(answers))
    np.testing.assert_array_equal(plots._solved_sequence(net, task).X, second.X)
    states = plots._states_of(net, sequence)
    assert states["cell_state"].shape == states["input_gate"].shape == (sequence.n_steps, 2)
    for step in (1, sequence.n_steps):
        alone = plots._trained(summary, result)
        alone.run(sequence.X[:step])
        for name, values in states.items():
            np.testing.assert_array_equal(values[step - 1], alone.state[name])


def test_list_names_rows_and_runs_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run("--list") == 0
    lines = capsys.readouterr().out.splitlines()
    header = ["row", "method", "task", "weights", "alpha", "trials", "paper", "reading"]
    assert lines[0].split() == header
    assert [line.split()[0] for line in lines[1:3]] == ["quick", "quick"]
    assert lines[2].endswith("best: momentum")
    assert len(lines) == 1 + sum(len(row.readings) for row in TINY.values())
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- bad input


def refusal(capsys, *args):
    """The one sentence with which the command line refuses."""
    assert run(*args) == 2
    told, complaint = capsys.readouterr()
    assert told == ""
    assert complaint.count("\n") == 1, complaint
    return complaint


@pytest.mark.parametrize(("args", "sentence"), [
    (["quick", "9z"], "row '9z' given, wanted one of quick, exam, "),
    (["--list", "9z"], "row '9z' given, wanted one of quick, exam, "),
    (["quick", "--trials", "0"], "trials is 0, wanted a whole number of at least 1"),
    (["quick", "--trials", "-3"], "trials is -3, wanted a whole number of at least 1"),
    (["quick", "--trials", "many"], "argument --trials: invalid int value: 'many'"),
    (["quick", "--jobs", "0"], "jobs is 0, wanted a whole number of at least 1"),
    (["quick", "--seed", "-1"], "seed is -1, wanted a whole number of at least 0"),
    (["quick", "--readings", "written,other"], "reading 'other' given, wanted some of written, "),
])  # fmt: skip
def test_bad_argument_is_told_in_one_sentence(args, sentence, out, capsys):
    assert sentence in refusal(capsys, *args, "--out", out)
    assert not out.exists() or files(out) == {}


def test_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch, capsys):
    file = tmp_path / "file"
    file.write_text("what was there before")
    for out in (file, file / "below"):
        assert f"cannot write into {out}: " in refusal(capsys, "quick", "--out", out)
    assert file.read_text() == "what was there before"
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    sentence = refusal(capsys, "quick", "--out", tmp_path / "out")
    assert "cannot write into" in sentence
    assert "the folder is not writable" in sentence


CHANGES = {
    "format": ({"format": 99}, "has format 99, wanted 1: give another folder with --out"),
    "version": ({"pylstm": "0.0.1"}, f"has pylstm '0.0.1', wanted '{pylstm.__version__}'"),
    "seed": ({"seed": 3}, "has seed 3, wanted 0"),
    "nothing": (None, "has format None, wanted 1"),
    "damaged": ("{", "wanted a result of pylstm reproduce"),
}


@pytest.mark.parametrize("which", ["results.json", "trials/*.json"])
@pytest.mark.parametrize("case", list(CHANGES))
def test_results_of_something_else_are_left_alone(case, which, out, capsys):
    assert run("quick", "--trials", 1, "--jobs", 1, "--out", out) == 0
    path = next(iter(sorted(out.glob(which))))
    change, told = CHANGES[case]
    tree = json.loads(path.read_text())
    text = json.dumps({**tree, **change} if isinstance(change, dict) else change)
    path.write_text("{" if case == "damaged" else text)
    before = files(out)
    capsys.readouterr()
    sentence = refusal(capsys, "quick", "exam", "--trials", 2, "--out", out)
    assert str(path) in sentence
    assert told in sentence
    assert files(out) == before


@pytest.mark.parametrize(("module", "what", "option"), [
    ("joblib", "pylstm reproduce needs joblib", ""),
    ("matplotlib", "plotting needs matplotlib", ", or leave it out with --no-plots"),
])  # fmt: skip
def test_missing_library_is_told(module, what, option, out, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    assert main(["reproduce", "quick", "--trials", "1", "--out", str(out)]) == 2
    told, complaint = capsys.readouterr()
    assert told == ""
    assert complaint == (
        f"pylstm: {what}, which is not installed: pip install 'pylstm[reproduce]'{option}\n"
    )


def test_bars_without_tqdm_are_told(out, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with pytest.raises(InputError, match=r"the progress bar needs tqdm.*--no-progress"):
        Reproduction(["quick"], out=out).run(jobs=1)


@pytest.mark.processes
def test_command_line_knows_the_rows_of_the_paper():
    assert len(ROWS) > 31
    listed = subprocess.run(
        [sys.executable, "-m", "pylstm", "reproduce", "--list", "6a"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "temporal order of 2 symbols  156      0.5    20      31,390  written" in listed.stdout
