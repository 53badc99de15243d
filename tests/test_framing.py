"""How far back nets feel samples: framings by hand, derivatives by differences, the command."""

import json

import numpy as np
import pytest
from differences import DISTANCE, outputs_of

import pylstm
from pylstm.analysis import Framing, plain_net, reach, sample_sensitivity, study_framings
from pylstm.cli import main

READ = {
    "frame": lambda frame: [number for sample in frame for number in sample],
    "mean": lambda frame: [sum(numbers) / len(frame) for numbers in zip(*frame, strict=True)],
    "pick": lambda frame: list(frame[-1]),
}
FRAMINGS = [(kind, n) for kind in READ for n in (1, 3, 11, 20)]


def read_by_hand(signal, kind, n):
    samples = [list(sample) for sample in signal]
    missing = -len(samples) % n
    samples = [[0.0] * signal.shape[1]] * missing + samples
    return np.array([READ[kind](samples[t : t + n]) for t in range(0, len(samples), n)])


@pytest.mark.parametrize(("kind", "n"), FRAMINGS)
def test_what_a_step_reads(kind, n, rng):
    signal = rng.normal(size=(11, 2))
    steps = Framing(kind, n).steps(signal)
    np.testing.assert_allclose(steps, read_by_hand(signal, kind, n), rtol=1e-12)
    assert steps.shape[1] == Framing(kind, n).n_inputs(2)


@pytest.mark.parametrize(("kind", "n"), FRAMINGS)
@pytest.mark.parametrize("make", ["lstm", "plain"])
def test_sensitivity_to_samples_by_differences(kind, n, make, rng):
    framing, signal = Framing(kind, n), rng.normal(size=(11, 2))
    if make == "lstm":
        net = pylstm.LSTM(framing.n_inputs(2), 3, 4, shortcut=True, dtype="float64", init_range=1.0)
    else:
        net = plain_net(framing.n_inputs(2), 3, 4, 1.0, rng)
    run = outputs_of(net)
    wanted = []
    for k in reversed(range(11)):
        columns = []
        for feature in range(2):
            moved = np.zeros_like(signal)
            moved[k, feature] = DISTANCE
            plus, minus = (run(read_by_hand(signal + d, kind, n))[-1] for d in (moved, -moved))
            columns.append((plus - minus) / (2 * DISTANCE))
        wanted.append(np.sqrt(np.sum(np.square(columns))))
    found = sample_sensitivity(net, signal, framing)
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-10)
    assert (found > 0).sum() == (len(read_by_hand(signal, kind, n)) if kind == "pick" else 11)


@pytest.mark.parametrize(
    ("felt", "share", "wanted"),
    [([1.0, 1.0], 0.5, 1), ([1.0, 1.0], 0.6, 2), ([0, 0, 2.0, 0], 0.1, 3), ([0.0, 0.0], 0.9, 0),
     ([3.0, 1.0, 0.0], 1, 2)],
)  # fmt: skip
def test_reach(felt, share, wanted):
    assert reach(felt, share) == wanted


@pytest.fixture(scope="module")
def found():
    framings = [Framing("frame", 1), Framing("frame", 20), Framing("mean", 20)]
    return study_framings(framings, at_most=6000, n_sequences=3)


def test_a_plain_net_reaches_far_in_samples_only_where_steps_are_few(found):
    by_one, framed, averaged = found.wrong["plain net"]
    assert by_one > 0.9
    assert framed == averaged == 0
    near, *far = found.reach("plain net")
    assert near < 20 < 60 < min(far)
    assert found.wrong["LSTM"] == (0, 0, 0)
    assert min(found.reach("LSTM")) > 60


def test_nets_are_those_that_learned_the_framed_signals(found):
    """The first signals that are drawn, framed by hand: an LSTM that has learned is right."""
    _, _, test = np.random.SeedSequence(0).spawn(3)
    task = pylstm.tasks.TwoSequence(n_information=10)
    signals = [signal for signal, _ in task.sample(3, np.random.default_rng(test))]
    longest = max(map(len, signals))
    assert found.felt["LSTM"].shape == (3, 110)
    assert (found.felt["LSTM"][0][:longest] > 0).all()
    assert (found.felt["LSTM"][:, longest:] == 0).all()


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: Framing("window", 2), "kind is 'window', wanted one of"),
        (lambda: Framing("frame", 0), "n_samples is 0, wanted a whole number of at least 1"),
        (lambda: Framing("mean", 2).steps([1.0, 2.0]), r"samples have shape \(2,\), wanted \(n, n"),
        (lambda: Framing("mean", 2).steps(np.zeros((0, 1))), "of at least one sample"),
        (lambda: Framing("mean", 2).steps([[np.nan]]), "samples contain values that are not"),
        (lambda: sample_sensitivity(pylstm.LSTM(1, 1, 1), [[1.0]], Framing("frame", 2)),
         "net has n_inputs=1, wanted 2, what a step reads"),
        (lambda: reach([]), r"felt has shape \(0,\), wanted"),
        (lambda: reach([1.0, np.nan]), "felt contains values that are not finite"),
        (lambda: reach([1.0], 0), "share is 0, wanted a number above 0 up to 1"),
        (lambda: study_framings([]), "framings is empty, wanted at least one Framing"),
        (lambda: study_framings([Framing("mean", 2)], at_most=10), "at_most is 10, wanted"),
        (lambda: study_framings([Framing("mean", 2)], 5, 6), "min_length is 5, wanted"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(call, problem):
    with pytest.raises(ValueError, match=problem):
        call()


def test_other_objects_than_framings_are_refused():
    with pytest.raises(TypeError, match="framing is 5, wanted a Framing"):
        sample_sensitivity(pylstm.LSTM(1, 1, 1), [[1.0]], 5)
    with pytest.raises(TypeError, match="framings contain 5, wanted objects of Framing"):
        study_framings([5])


def run(*args):
    try:
        return main(["framing", *map(str, args)])
    except SystemExit as stop:
        return stop.code


def test_command(tmp_path, capsys):
    assert run("--sequences", 1000, "--samples", 30, "--sizes", "1,3", "--out", tmp_path) == 0
    told = capsys.readouterr().out
    tree = json.loads((tmp_path / "framing.json").read_text())
    assert [(net["kind"], net["samples_a_step"]) for net in tree["nets"][:4]] == [
        ("frame", 1), ("frame", 3), ("mean", 3), ("pick", 3),
    ]  # fmt: skip
    assert told.count("the last of 3") == 2
    for net in tree["nets"]:
        assert net["reach"] == reach(net["felt"])
    assert (tmp_path / "framing.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--sizes", "1,x"], "'x' given, wanted a whole number of at least 1"),
        (["--sequences", 10], "'10' given, wanted a whole number of at least 1000"),
        (["--samples", 5], "--information 10 given of --samples 5, wanted at most all of them"),
    ],
)
def test_command_refuses(args, problem, tmp_path, capsys):
    assert run(*args, "--out", tmp_path / "out") == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
