"""The benchmark program runs, and refuses to time what computes something else. No times here."""

import json
import lzma
import subprocess
import sys
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

import pylstm
from pylstm.baselines import FullyRecurrent

ROOT = Path(__file__).resolve().parents[1]
NAMES = [
    "step",
    "threads",
    "floor",
    "regimes",
    "optimizers",
    "products",
    "sequence",
    "exact",
    "layers",
    "population",
    "silent",
    "tokens",
    "memory",
    "kill",
    "estimator",
    "methods",
]


def bench(*arguments):
    command = [sys.executable, "-W", "error", "-m", "bench", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def settings(**changes):
    from bench.settings import Settings

    return Settings.short(**({"seconds": 1e-3, "repeats": 2, "largest": 4} | changes))


@pytest.mark.processes
def test_lists_its_measurements():
    done = bench("--list")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == NAMES


@pytest.mark.processes
def test_a_life_without_end():
    done = bench("endless", "--steps", "2e4", "--only", "constant-sgd-4-")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "0 of 2 rows break a bound"


def test_a_bound_that_does_not_hold_is_told():
    from bench.endless import ROWS, live, problems

    row = ROWS["constant-sgd-4-no-forget"]
    assert problems(live(row, 20_000, 0.01), 0.01) == []
    assert problems(live(row, 20_000, 0.0), 0.01) == ["|c|", "|E|"]


@pytest.mark.processes
def test_refuses_an_unknown_name():
    done = bench("steps")
    assert done.returncode == 2
    assert "no measurement 'steps'" in done.stderr


@pytest.mark.processes
def test_writes_tables_and_records(tmp_path):
    done = bench("silent", "memory", "--quick", "--largest", 4, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["memory.json", "memory.md", "silent.json", "silent.md"]
    assert "targets" not in done.stdout
    document = json.loads((tmp_path / "memory.json").read_text())
    assert document["measurement"] == "memory"
    assert document["header"]["command"].startswith("python -m bench silent memory --quick")
    assert [record["n_steps"] for record in document["records"]] == [10**3, 10**5, 10**6]
    table = (tmp_path / "silent.md").read_text()
    assert "instruction set" in table
    assert table[table.index("###") :].strip() in done.stdout


@pytest.mark.parametrize(
    "name",
    [name for name in NAMES if name not in ("step", "population", "silent", "memory", "kill")],
)
def test_measures(name):
    from bench.measurements import MEASUREMENTS
    from bench.report import text

    result = MEASUREMENTS[name](settings())
    assert len(result.tables[0].rows) >= 1
    assert text(result).startswith("### ")
    json.dumps(result.records)


def test_gradients_are_measured_by_every_method():
    from bench.measurements import methods

    result = methods.measure_methods(settings(largest=16))
    assert [record["method"] for record in result.records] == 3 * list(methods.THEORY)
    assert [row[:2] for row in result.tables[0].rows] == [[4, 112], [8, 416], [16, 1600]]
    of_rtrl = [r["bytes"] for r in result.records if r["method"] == methods.RTRL]
    assert all(
        2 * n_cells * w * 4 < b
        for (n_cells, w), b in zip([(4, 112), (8, 416), (16, 1600)], of_rtrl, strict=True)
    )
    assert set(result.curves[0].lines) == set(methods.THEORY)
    assert methods.exponent([(1, 3), (10, 300), (100, 30_000)]) == pytest.approx(2)


@pytest.mark.parametrize("name", ["BPTT, window 10", "RTRL"])
def test_a_method_that_gives_another_gradient_is_not_timed(name, monkeypatch):
    from bench.measurements import methods
    from bench.reference import Mismatch
    from bench.task import make_task

    monkeypatch.setitem(methods.METHODS, name, {"gradient": "truncated"})
    with pytest.raises(Mismatch, match=f"{name}, 4 cells: the gradient of"):
        methods.check_exact(make_task(4))


def test_plain_units_that_give_another_gradient_are_not_timed(monkeypatch):
    from bench.measurements import methods
    from bench.reference import Mismatch
    from bench.task import make_task

    def of_one_step(*sizes, gradient, **switches):
        window = 1 if gradient == "bptt" else None
        return FullyRecurrent(*sizes, gradient=gradient, window=window, **switches)

    monkeypatch.setattr(methods, "FullyRecurrent", of_one_step)
    with pytest.raises(Mismatch, match="plain units, RTRL, 4 of them: the gradient of"):
        methods.check_plain(make_task(4))


@pytest.mark.parametrize("name", ["SGD", "SGD, momentum", "RMSprop", "Adam"])
def test_an_optimizer_of_another_rule_is_not_timed(name, monkeypatch):
    from bench.measurements import optimizers
    from bench.reference import Mismatch

    other = pylstm.SGD(2e-3, momentum=0.8)
    monkeypatch.setitem(optimizers.OPTIMIZERS, name, other)
    with pytest.raises(Mismatch, match=f"{name} with 4 cells"):
        optimizers.check_rules(4)


def test_own_step_and_the_numpy_peer_are_measured(monkeypatch):
    from bench.measurements import step
    from bench.peers import PEERS

    monkeypatch.setattr(step, "PEERS", [peer for peer in PEERS if peer.package == "numpy"])
    result = step.measure_step(settings())
    learners = [record["learner"] for record in result.records]
    assert learners == ["pylstm run", "pylstm step", "NumPy traces"]
    assert all(record["us"] > 0 for record in result.records)
    steps, weights = result.curves
    assert set(steps.lines) == set(learners)
    assert weights.lines["pylstm run"] == [
        (112, pytest.approx(1e3 * result.records[0]["us"] / 112)),
    ]
    assert [len(table.rows) for table in result.tables] == [1, 1, 1]


def test_pictures_are_written(tmp_path):
    pytest.importorskip("matplotlib")
    from bench.report import Curves, Result, save

    lines = {"one": [(1.0, 2.0), (10.0, 3.0)], "other": [(1.0, 9.0), (10.0, 3.0)]}
    curves = Curves("cells", "us", lines, name="cost")
    header = {"processor": "a processor", "threads": "2"}
    paths = save("work", Result([], [], [curves]), header, tmp_path)
    names = ["work.json", "work.md", "work_cost.png", "work_cost.svg"]
    assert sorted(path.name for path in paths) == names
    assert (tmp_path / "work_cost.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "work_cost.svg").read_text().count("<svg") == 1
    assert "![us](work_cost.png)" in (tmp_path / "work.md").read_text()


def test_labels_stand_apart_and_near_their_lines():
    from bench.report import _apart

    assert _apart([0.0, 1.0, 1.0, 3.0], 0.5) == pytest.approx([0.0, 0.75, 1.25, 3.0])
    assert _apart([1.0, 1.0, 1.0], 0.5) == pytest.approx([0.5, 1.0, 1.5])


def test_a_floor_below_what_the_machine_does_would_be_seen(monkeypatch):
    from bench.measurements import floor
    from bench.reference import Mismatch

    floor.check_kernels()
    honest = floor.kernel

    def lazy(name, *rest):
        function = honest(name, *rest)
        if name != "read_lines":
            return function
        return lambda a, sum, n_lines, repeats: function(a, sum, n_lines, 1)

    monkeypatch.setattr(floor, "kernel", lazy)
    with pytest.raises(Mismatch, match="read_lines"):
        floor.check_kernels()


def test_floors_of_a_step():
    from bench.measurements.floor import measure_floor

    records = measure_floor(settings()).records
    (step,) = [record for record in records if record["what"] == "step"]
    assert step["n_cells"] == 4
    assert step["floor_us"] == max(step["read_us"], step["arithmetic_us"])
    peak = max(r["multiply_adds_per_us"] for r in records if r.get("dtype") == "float32")
    assert step["arithmetic_us"] == pytest.approx(3.5 * 112 / peak)
    assert {r["threads"] for r in records} == {1}


def test_a_team_divides_the_lines():
    from bench.measurements.floor import Lines

    lines = Lines(100 * 64, 3)
    lines.read(2)
    assert lines.n_bytes == 102 * 64
    assert [total.tolist() for total in lines.sums] == [[68.0] * 16] * 3


def test_targets_are_looked_up_in_the_records():
    from bench.targets import TARGETS, judge, needed

    def step(learner, n_cells, us):
        n_weights = 4 * n_cells * (n_cells // 2 + n_cells + 1)
        return {"learner": learner, "n_cells": n_cells, "n_weights": n_weights, "us": us}

    records = {
        "step": [
            step("pylstm run", 4, 1.0),
            step("JAX scan", 4, 8.0),
            step("pylstm run", 64, 10.0),
            step("JAX scan", 64, 19.0),
            step("pylstm run", 16, 1.0),
        ],
        "floor": [
            {"what": "step", "n_cells": 256, "threads": 1, "us": 6.0, "floor_us": 4.0},
            {"what": "step", "n_cells": 256, "threads": 2, "us": 9.0, "floor_us": 1.0},
        ],
        "optimizers": [
            {"optimizer": "that of the estimators", "n_cells": 32, "us": 6.0},
            {"optimizer": "SGD", "n_cells": 32, "us": 2.0},
        ],
        "layers": [
            {"learner": name, "cells": "16 + 16", "rule": rule, "us": us}
            for name, rule, us in (
                ("stack", "SGD", 2.2),
                ("layer 0", "SGD", 1.2),
                ("layer 1", "SGD", 0.8),
                ("stack", "Adam", 9.0),
            )
        ],
    }
    rows = {(work, against): row for work, against, *row in judge(records).tables[0].rows}
    assert len(rows) == len(TARGETS)
    assert rows["run, 112 weights", "JAX scan"] == ["at least 8", 8.0, "yes"]
    assert rows["run, 24,832 weights", "JAX scan"] == ["at least 3", 1.9, "no"]
    assert rows["run, 416 weights", "JAX scan"] == ["at least 8", None, None]
    at_most = rows["run, 394,240 weights, one thread", "the larger floor"]
    assert at_most == ["at most 1.5", 1.5, "yes"]
    plain = rows["optimizer of the estimators, 32 cells", "plain SGD"]
    assert plain == ["at most 2", 3.0, "no"]
    layers = rows["run, a stack of 16 + 16 cells", "its layers alone"]
    assert layers == ["at most 1.15", pytest.approx(1.1), "yes"]
    flat = rows["run, 10^3 to 10^5 weights", "ns a weight, largest to smallest"]
    assert flat == ["at most 2", pytest.approx((1 / 1600) / (10 / 24832)), "yes"]
    wanted = ["step", "floor", "optimizers", "population", "sequence", "exact", "layers"]
    assert needed() == wanted


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_product_that_is_wrong_is_not_timed(dtype):
    from bench.products import Product, shapes
    from bench.reference import Mismatch

    for shape in shapes(4, dtype):
        product = Product(shape)
        product.check("kernel", product.own(shape.n_sources))
        product.check("BLAS", product.blas(shape.n_sources))
        with pytest.raises(Mismatch, match="half of it"):
            product.check("half of it", product.own(shape.n_sources // 2))


def test_own_population_is_measured(monkeypatch):
    from bench.measurements import population

    monkeypatch.setattr(population, "POPULATION_PEERS", [])
    result = population.measure_population(settings())
    assert {record["learner"] for record in result.records} == {"pylstm population", "pylstm run"}
    assert all(record["us"] > 0 for record in result.records)


def test_a_wrong_population_is_not_timed():
    from bench.measurements.population import RunLearners, check_population, make_tasks
    from bench.reference import Mismatch

    class Exchanged(RunLearners):
        """Gives the second net the first one's weights."""

        def __init__(self, tasks):
            super().__init__([tasks[0], tasks[0], *tasks[2:]])

    tasks = make_tasks(3, 20)
    check_population({"run": RunLearners}, tasks)
    with pytest.raises(Mismatch, match="exchanged"):
        check_population({"exchanged": Exchanged}, tasks)


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


def test_streams_are_checked(monkeypatch):
    from bench.measurements import sequence
    from bench.reference import Mismatch
    from bench.task import make_task

    task = make_task(4, 3, n_outputs=1, n_steps=1)
    sequence.check_batch(task, n_streams=5)

    class Forgetful(sequence.BatchLearner):
        """Leaves out the last stream."""

        def learn(self, X, targets):
            targets = targets.copy()
            targets[:, -1] = np.nan
            return super().learn(X, targets)

    monkeypatch.setattr(sequence, "BatchLearner", Forgetful)
    with pytest.raises(Mismatch, match="streams: the change"):
        sequence.check_batch(task, n_streams=5)


@pytest.mark.parametrize("n_streams", [1, 3])
def test_another_gradient_than_the_exact_one_is_not_timed(n_streams, monkeypatch):
    from functools import partial

    from bench.measurements import exact
    from bench.reference import Mismatch
    from bench.task import make_task

    task = make_task(4, 3, n_outputs=1, n_steps=1)
    exact.check_gradient(task, n_streams, has_torch=False, n_steps=10)
    truncated = partial(exact.maker(n_streams), gradient="truncated")
    monkeypatch.setattr(exact, "maker", lambda n_streams: truncated)
    with pytest.raises(Mismatch, match="the slope of the loss"):
        exact.check_gradient(task, n_streams, has_torch=False, n_steps=10)


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


def test_a_turn_begins_with_what_it_needs():
    from bench.timing import Work, alternate

    calls = []
    works = {
        name: Work(lambda name=name: calls.append(name), before=lambda name=name: calls.append(-1))
        for name in ("first", "second")
    }
    alternate(works, settings(seconds=0.0, repeats=1))
    assert [name for name, _ in groupby(calls)] == [-1, "first", -1, "second"] * 2


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


RETAIL = """Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country
1,a,b,12,12/1/2009 7:45,6.95,13085.0,United Kingdom
1,a,b,6,12/1/2009 7:46,2.0,13085.0,United Kingdom
2,a,b,-6,12/1/2009 7:46,2.0,13085.0,United Kingdom
2,a,b,6,12/1/2009 7:46,2.0,,United Kingdom
3,a,b,1,12/1/2009 7:44,1.0,7.0,France
"""
PARKING = """SystemCodeNumber,Capacity,Occupancy,LastUpdated
A,100,50,2016-10-04 08:25:42
B,200,50,2016-10-04 07:59:42
"""


def test_a_bank_beside_dicts(tmp_path, capsys):
    from bench.bank import main, parking, retail

    with lzma.open(tmp_path / "online_retail.csv.xz", "wt") as file:
        file.write(RETAIL)
    (tmp_path / "hourly_parking.csv").write_text(PARKING)
    rows = retail(tmp_path)
    assert rows.keys.tolist() == [7, 13085, 13085]
    np.testing.assert_allclose(rows.y, np.log([1, 12, 6]))
    assert parking(tmp_path).y.tolist() == [0.25, 0.5]
    sizes = ["--keys", "3", "--rows", "30", "--cells", "2", "--features", "2", "--largest", "10"]
    assert main([*sizes, "--data", str(tmp_path), "--out", str(tmp_path)]) == 0
    records = json.loads((tmp_path / "bank.json").read_text())["records"]
    assert {"bank", "last value"} <= {record.get("name") for record in records}
    assert "Real streams" in capsys.readouterr().out


def test_a_bank_that_says_something_else_is_not_timed(monkeypatch, tmp_path, capsys):
    from bench.bank import main

    run = pylstm.Bank.run
    monkeypatch.setattr(pylstm.Bank, "run", lambda *given: run(*given) + 1e-9)
    assert main(["--out", str(tmp_path)]) == 1
    assert "nothing was timed" in capsys.readouterr().err
