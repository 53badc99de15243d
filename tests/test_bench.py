"""The benchmark program runs, and refuses to time what computes something else. No times here."""

import json
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMES = ["step", "regimes", "sequence", "silent", "tokens", "memory", "floor"]


@pytest.fixture(autouse=True)
def _checkout_importable(monkeypatch):
    monkeypatch.syspath_prepend(ROOT)


def bench(*arguments):
    command = [sys.executable, "-W", "error", "-m", "bench", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def settings(**changes):
    from bench.settings import Settings

    return Settings.short(**({"seconds": 1e-3, "repeats": 2, "largest": 4} | changes))


def test_lists_its_measurements():
    done = bench("--list")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == NAMES


def test_refuses_an_unknown_name():
    done = bench("steps")
    assert done.returncode == 2
    assert "no measurement 'steps'" in done.stderr


def test_writes_tables_and_records(tmp_path):
    done = bench("silent", "memory", "--quick", "--largest", 4, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["memory.json", "memory.md", "silent.json", "silent.md"]
    document = json.loads((tmp_path / "memory.json").read_text())
    assert document["measurement"] == "memory"
    assert [record["n_steps"] for record in document["records"]] == [10**3, 10**5, 10**6]
    table = (tmp_path / "silent.md").read_text()
    assert "instruction set" in table
    assert table[table.index("###") :].strip() in done.stdout


@pytest.mark.parametrize("name", ["regimes", "sequence", "tokens", "floor"])
def test_measures(name):
    from bench.measurements import MEASUREMENTS
    from bench.report import text

    result = MEASUREMENTS[name](settings())
    assert len(result.tables[0].rows) >= 1
    assert text(result).startswith("### ")
    json.dumps(result.records)


def test_own_step_and_the_numpy_peer_are_measured(monkeypatch):
    from bench.measurements import step
    from bench.peers import PEERS

    monkeypatch.setattr(step, "PEERS", [peer for peer in PEERS if peer.package == "numpy"])
    result = step.measure_step(settings())
    learners = [record["learner"] for record in result.records]
    assert learners == ["pylstm run", "pylstm step", "NumPy traces"]
    assert all(record["us"] > 0 for record in result.records)
    assert set(result.curves.lines) == set(learners)


def test_a_wrong_learner_is_not_timed():
    from bench.reference import Mismatch, check_forward, check_learning
    from bench.task import RunLearner, make_task

    class Forgetful(RunLearner):
        """Learns from every second step only."""

        def load(self, X, targets):
            targets = targets.copy()
            targets[1::2] = np.nan
            return X, targets

    task = make_task(8)
    check_learning({"run": RunLearner}, task)
    check_forward({"run": RunLearner, "forgetful": Forgetful}, task)
    with pytest.raises(Mismatch, match="forgetful, 8 cells"):
        check_learning({"run": RunLearner, "forgetful": Forgetful}, task)


def test_a_collected_update_is_told_from_one_at_every_step():
    from functools import partial

    from bench.reference import Mismatch, check_learning
    from bench.task import RunLearner, make_task

    task = make_task(8)
    make = partial(RunLearner, update=4)
    check_learning({"run": make}, task, update_every=4, n_steps=9)
    with pytest.raises(Mismatch):
        check_learning({"run": make}, task, update_every=1, n_steps=9)


def test_median_and_ratio_of_turns():
    from bench.timing import Timing

    slow, fast = Timing((2.0, 8.0, 4.0), 1.0), Timing((1.0, 2.0, 4.0), 1.0)
    assert slow.median == 4.0
    assert slow.ratio_to(fast) == 2.0
    assert slow.more_than(fast) == 1.0


def test_contenders_take_turns():
    from bench.timing import Work, alternate

    calls = []
    works = {name: Work(lambda name=name: calls.append(name)) for name in ("first", "second")}
    timings = alternate(works, settings(seconds=0.0, repeats=3))
    assert [len(timing.turns) for timing in timings.values()] == [3, 3]
    assert [name for name, _ in groupby(calls)] == ["first", "second"] * 4  # once to warm up


def test_prototype_is_compiled_and_parsed(tmp_path):
    import shutil

    from bench.prototype import Prototype

    if shutil.which("gcc") is None:
        pytest.skip("no gcc")
    (tmp_path / "source_major.c").write_text(
        "/* A prototype.\n   gcc -O1 source_major.c -o source_major -lm && ./source_major */\n"
        "#include <stdio.h>\n"
        'int main(void) { printf("H=4 W=112 step 0.500 us (4.46 ns/weight) [0]\\n"); return 0; }\n'
    )
    prototype = Prototype(tmp_path, tmp_path)
    prototype.run()
    assert prototype.command == "gcc -O1 source_major.c -o source_major -lm"
    assert prototype.median(4) == 0.5
    assert prototype.median(8) is None


def test_table_in_markdown():
    from bench.report import Table

    table = Table("Steps", ["cells", "us"], [[4, 0.1371], [1024, None]], "A note.")
    assert table.markdown().splitlines() == [
        "### Steps",
        "",
        "| cells |    us |",
        "|------:|------:|",
        "|     4 | 0.137 |",
        "| 1,024 |     - |",
        "",
        "A note.",
    ]
