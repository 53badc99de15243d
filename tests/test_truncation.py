"""What truncation costs: on paper, against the oracle, along a run; ``pylstm truncation``."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from nets import (
    NETS,
    assert_same_future,
    build,
    random_parameters,
    random_task,
    set_parameters,
)
from oracle import full_gradient, truncated_gradient

import pylstm
from pylstm.analysis import Comparison, along_learning, command, compare, compare_gradients
from pylstm.analysis.learning import lstm_of, teach
from pylstm.analysis.pictures import draw_course, save
from pylstm.analysis.tables import truncation_text, truncation_tree
from pylstm.cli import main
from pylstm.errors import InputError
from pylstm.experiments import ROWS
from pylstm.tasks import TwoSequence

SHORT = replace(ROWS["3a-1"], name="short", task=TwoSequence(min_length=10))

# ---------------------------------------------------------------- two vectors


@pytest.mark.parametrize(
    ("gradient", "exact", "angle", "ratio"),
    [
        ([3, 0], [5, 0], 0, 0.6),
        ([0, 2], [5, 0], 90, 0.4),
        ([-7, 0], [5, 0], 180, 1.4),
        ([1, 1], [2, 0], 45, math.sqrt(0.5)),
        ([1, math.sqrt(3)], [1, 0], 60, 2),
        ([3e-200, 4e-200], [4e-200, -3e-200], 90, 1),
        ([1e200, 0], [1e200, 1e200], 45, math.sqrt(0.5)),
        ([1, 1e-9], [1, 0], math.degrees(1e-9), 1),
    ],
)
def test_two_vectors_on_paper(gradient, exact, angle, ratio):
    found = compare({"w": [gradient]}, {"w": [exact]})
    assert found["w"].angle == pytest.approx(angle, rel=1e-9, abs=1e-13)
    assert found["w"].ratio == pytest.approx(ratio, rel=1e-14)
    assert found["all"] == found["hidden"] == found["w"]


def test_zero_has_no_direction():
    zero, one = {"w": [0.0, 0.0]}, {"w": [0.0, 1.0]}
    assert np.isnan(compare(zero, one)["w"].angle)
    assert compare(zero, one)["w"].ratio == 0
    for gradient in (zero, one):
        assert np.isnan(compare(gradient, zero)["w"]).all()


def test_groups():
    """Hidden is all but the output; arrays of any order and precision."""
    gradient = {"output": np.float32([[0, 2]]), "cell_input": [[1.0]], "input_gate": [[1], [0]]}
    exact = {"input_gate": [[0], [1]], "cell_input": [[1.0]], "output": [[2, 0]]}
    found = compare(gradient, exact)
    assert list(found) == ["output", "cell_input", "input_gate", "hidden", "all"]
    assert [found[name].angle for name in list(found)[:3]] == pytest.approx([90, 0, 90])
    assert found["hidden"].angle == pytest.approx(60)
    assert found["all"].angle == pytest.approx(math.degrees(math.acos(1 / 6)))


@pytest.mark.parametrize("exact", [{"w": [1.0]}, {"v": [1.0, 2.0]}, {}])
def test_gradients_of_different_nets_are_refused(exact):
    with pytest.raises(ValueError, match=r"gradient has shapes .*, wanted those of exact"):
        compare({"w": [1.0, 2.0]}, exact)


# ---------------------------------------------------------------- nets


def engine(architecture, rng, dtype="float64"):
    net = build(architecture, dtype)
    set_parameters(net, random_parameters(architecture, rng))
    return net


def test_against_the_oracle(architecture, rng):
    """Both gradients by central differences, which share nothing with the engine."""
    net = engine(architecture, rng)
    sequences = [random_task(architecture, n_steps, rng) for n_steps in (7, 4)]
    gradient, exact = (
        _sum(method(architecture, net.parameters, *sequence) for sequence in sequences)
        for method in (truncated_gradient, full_gradient)
    )
    found, wanted = compare_gradients(net, sequences), compare(gradient, exact)
    assert list(found) == [*net.parameters, "hidden", "all"]
    for name, (angle, ratio) in wanted.items():
        assert found[name].angle == pytest.approx(angle, rel=1e-5, abs=1e-5), name
        assert found[name].ratio == pytest.approx(ratio, rel=1e-6), name
    if architecture.cell_recurrence:
        assert found["hidden"].angle > 1


def _sum(gradients):
    first, *others = gradients
    return {name: sum((g[name] for g in others), start=of) for name, of in first.items()}


def test_net_without_recurrence_has_nothing_to_cut(architecture, rng):
    switches = {"cell_recurrence": False, "gate_recurrence": False, "peepholes": False}
    architecture = replace(architecture, **switches)
    net = engine(architecture, rng)
    for name, (angle, ratio) in compare_gradients(net, [random_task(architecture, 5, rng)]).items():
        assert angle < 1e-5, name
        assert ratio == pytest.approx(1, rel=1e-9), name


def test_comparing_changes_nothing(rng):
    net = build(NETS["everything"])
    X, targets = random_task(NETS["everything"], 7, rng)
    fresh = compare_gradients(net, [(X, targets)])
    net.run(X, targets, update=100)
    twin = net.copy()
    assert compare_gradients(net, [(X, targets)]) == fresh
    assert_same_future(net, twin, NETS["everything"])


def test_net_that_learns_by_another_gradient_is_compared_alike(rng):
    X, targets = random_task(NETS["1997"], 7, rng)
    one, other = (build(NETS["1997"], gradient=method) for method in ("truncated", "bptt"))
    assert compare_gradients(one, [(X, targets)]) == compare_gradients(other, [(X, targets)])


def test_no_sequence_is_refused():
    with pytest.raises(ValueError, match="sequences is empty, wanted at least one"):
        compare_gradients(pylstm.LSTM(1, 1, 1), [])


# ---------------------------------------------------------------- along a learning run


def test_both_nets_learn_the_same_sequences_from_the_same_weights():
    reading = SHORT.readings[0]
    reading = replace(reading, network={**reading.network, "init_range": 1.0})
    course = along_learning(SHORT, reading, n_sequences=130, n_blocks=4, n_compared=3, seed=5)
    assert course.seen == (0, 32, 65, 97, 130)
    of_weights, training, test = np.random.SeedSequence(5).spawn(3)
    compared = SHORT.task.sample(3, np.random.default_rng(test))
    for method in ("truncated", "bptt"):
        net = pylstm.LSTM(
            1, 1, **reading.network, gradient=method, seed=np.random.default_rng(of_weights),
            optimizer=pylstm.SGD(reading.learning_rate),
        )  # fmt: skip
        rng = np.random.default_rng(training)
        for k, n in enumerate((32, 33, 32, 33)):
            if method == "truncated":
                assert course.comparisons[k] == compare_gradients(net, compared)
            errors, wrong = [], 0
            for X, targets in SHORT.task.sample(n, rng):
                errors.append(abs(net.run(X, targets, update="sequence")[-1] - targets[-1]))
                wrong += errors[-1][0] >= 0.2
                net.reset()
            assert course.error[method][k] == pytest.approx(np.mean(errors), rel=1e-6)
            assert course.wrong[method][k] == wrong / n
    assert len(course.comparisons) == 5
    assert course.error["truncated"][0] != course.error["bptt"][0]


def test_update_of_the_reading_is_kept():
    reading = replace(SHORT.readings[0], update="step", task=pylstm.tasks.NoiseFree(p=4))
    reading = replace(reading, learning_rate=0.3)
    one, other = (
        along_learning(SHORT, replace(reading, update=update), 20, 1, 2)
        for update in ("step", "sequence")
    )
    assert one.error["truncated"] != other.error["truncated"]


def test_targets_without_noise_are_what_errors_are_of(rng):
    """Wanted is 0.2 or 0.8; an output that stays at 0.5 is 0.3 away, whatever the noise."""
    task = TwoSequence(noise_on_targets=True, min_length=5)
    net = pylstm.LSTM(
        1, 1, 1, output="logistic", loss="squared", init_range=0, optimizer=pylstm.SGD(0.0)
    )
    error, wrong = teach(net, task, task.sample(20, rng))
    assert error == pytest.approx(0.3)
    assert wrong == 1


def test_net_that_diverges_ends_its_curve():
    network = {**SHORT.readings[0].network, "output": "identity"}
    reading = replace(SHORT.readings[0], network=network, learning_rate=1e30)
    told = []
    course = along_learning(SHORT, reading, 30, 3, 2, on_progress=told.append)
    assert told == [10, 20, 30]
    assert course.error == course.wrong == {"truncated": (), "bptt": ()}
    assert len(course.comparisons) == 1
    *_, last = truncation_text(course).splitlines()
    assert last.split() == ["30", "-", "-", "-", "-"]


@pytest.mark.parametrize(("n_sequences", "n_blocks"), [(3, 4), (0, 1), (5, 0)])
def test_blocks_without_sequences_are_refused(n_sequences, n_blocks):
    with pytest.raises(InputError, match=f"{n_sequences} sequences given in {n_blocks} blocks"):
        along_learning(SHORT, n_sequences=n_sequences, n_blocks=n_blocks)


def test_row_of_another_method_is_refused(monkeypatch):
    row = ROWS["6a"]
    monkeypatch.setattr(type(row), "network", lambda self, reading: {})
    with pytest.raises(InputError, match="row 6a trains dict, wanted one of LSTM"):
        lstm_of(row, row.readings[0])


# ---------------------------------------------------------------- tables and the command


@pytest.fixture(scope="module")
def course():
    return along_learning(ROWS["6a"], n_sequences=60, n_blocks=20, n_compared=2)


def test_table_shows_eleven_of_the_blocks(course):
    text = truncation_text(course)
    angles, curves = text.split("\n\n")
    assert len(angles.splitlines()) == 13
    assert len(curves.splitlines()) == 12
    angle, ratio = course.comparisons[10]["hidden"]
    assert f"{angle:.1f} {ratio:.2f}" in next(
        line for line in angles.splitlines() if line.startswith("30 ")
    )
    assert curves.splitlines()[-1].split() == [
        "60", *(f"{of[-1]:.3f}" for of in (*course.error.values(), *course.wrong.values()))
    ]  # fmt: skip


def test_what_is_not_defined_is_a_dash_and_null(course):
    nothing = {name: Comparison(math.nan, 0.0) for name in course.comparisons[0]}
    course = replace(course, comparisons=(nothing, *course.comparisons[1:]))
    first = truncation_text(course).splitlines()[2]
    assert first.split() == ["0", *(["-", "0.00"] * len(nothing))]
    tree = json.loads(json.dumps(truncation_tree(course), allow_nan=False))
    assert tree["angle"]["all"][0] is None
    assert tree["angle"]["all"][1] == course.comparisons[1]["all"].angle


def test_picture_of_a_net_that_diverged_at_once(course, tmp_path):
    """Whose gradient had a part that is 0, and whose exact one was 0."""
    groups = dict.fromkeys(course.comparisons[0], Comparison(math.nan, 0.0))
    groups["all"] = Comparison(math.nan, math.nan)
    nothing = {"truncated": (), "bptt": ()}
    course = replace(course, comparisons=(groups,), error=nothing, wrong=nothing)
    path = save(tmp_path / "course.png", draw_course, course, size=(5, 4))
    assert path.read_bytes().startswith(b"\x89PNG")


def run(*args):
    try:
        return main(["truncation", *map(str, args)])
    except SystemExit as stop:
        return stop.code


SMALL = ("--sequences", 60, "--blocks", 20, "--compared", 2)


def test_command_prints_and_writes(course, tmp_path, capsys):
    assert run("6a", *SMALL, "--out", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("6a written: temporal order of 2 symbols; seed 0\n")
    assert truncation_text(course) in printed
    assert "truncation-6a.json, truncation-6a.png" in printed
    tree = json.loads((tmp_path / "out" / "truncation-6a.json").read_text())
    assert tree == {
        "pylstm": pylstm.__version__, **json.loads(json.dumps(truncation_tree(course)))
    }  # fmt: skip
    picture = (tmp_path / "out" / "truncation-6a.png").read_bytes()
    assert picture.startswith(b"\x89PNG")


def test_options_arrive(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(command, "along_learning", lambda *args: seen.append(args) or args.stop)
    with pytest.raises(AttributeError):
        run("4", "--reading", "nearest", *SMALL, "--seed", 7, "--out", tmp_path)
    row = ROWS["4-1"]
    assert seen == [(row, row.reading("nearest"), 60, 20, 2, 7, None)]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["7"], "row '7' given, wanted one of"),
        (["6a", "--reading", "nearest"], "reading 'nearest' of row 6a given, wanted written, best"),
        (["6a", "--sequences", "0"], "'0' given, wanted a whole number of at least 1"),
        (["6a", "--sequences", "9", "--blocks", "10"], "9 sequences given in 10 blocks"),
        (["6a", "--seed", "-1"], "given, wanted a whole number of at least 0"),
    ],
)
def test_command_refuses_in_a_sentence(arguments, problem, tmp_path, capsys):
    assert run(*arguments, "--out", tmp_path) == 2
    assert problem in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
