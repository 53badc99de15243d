"""The vanishing gradient: one unit on paper, nets by central differences, ``pylstm vanishing``."""

import json
import math

import numpy as np
import pytest
from differences import DISTANCE, differences, outputs_of
from nets import NETS, build, random_task

import pylstm
from pylstm.analysis import (
    command,
    factor,
    largest_factor,
    lstm_jacobians,
    plain_jacobians,
    plain_net,
    products,
)
from pylstm.analysis.sensitivity import by_lag, feel, learn, study
from pylstm.baselines import FullyRecurrent
from pylstm.cli import main
from pylstm.experiments import ROWS

F = {
    "tanh": math.tanh,
    "logistic": lambda x: 1 / (1 + math.exp(-x)),
    "identity": lambda x: x,
    "tanh_half": lambda x: math.tanh(x / 2),
    "two_tanh_half": lambda x: 2 * math.tanh(x / 2),
}
CURVED = [kind for kind in F if kind != "identity"]


def iterated(w, kind, a, n_steps):
    for _ in range(n_steps):
        a = F[kind](w * a)
    return a


# ---------------------------------------------------------------- one unit


@pytest.mark.parametrize("kind", F)
@pytest.mark.parametrize("w", [-3.0, 0.7, 1.8])
def test_factor_is_the_derivative_of_a_step(kind, w):
    a = np.array([-0.9, 0.2, 1.3])
    wanted = [
        abs(F[kind](w * (one + DISTANCE)) - F[kind](w * (one - DISTANCE))) / (2 * DISTANCE)
        for one in a
    ]
    np.testing.assert_allclose(factor(w, a, kind), wanted, rtol=1e-8)


@pytest.mark.parametrize("kind", F)
@pytest.mark.parametrize("w", [-1.4, 0.8, 1.3])
def test_products_are_derivatives_of_the_last_activation_by_earlier_ones(kind, w):
    left = products(w, kind, 8, start=0.6)
    assert len(left) == 9
    for k in range(9):
        before = iterated(w, kind, 0.6, 8 - k)
        plus, minus = (iterated(w, kind, before + d, k) for d in (DISTANCE, -DISTANCE))
        wanted = abs(plus - minus) / (2 * DISTANCE)
        assert left[k] == pytest.approx(wanted, rel=1e-6, abs=1e-10)


def test_products_are_those_of_a_plain_net_of_one_unit():
    net = FullyRecurrent(1, 1, 1, readout="layer", squashing="tanh", output="identity")
    net.parameters["units"][:] = [[1.0, 0.9, 0.0]]
    net.parameters["output"][:] = [[1.0, 0.0]]
    X = np.zeros((10, 1))
    X[0] = math.atanh(0.5)  # so that the first activation is 0.5
    of_net = plain_jacobians(net, X).of_output()[:, 0, 0]
    left = products(0.9, "tanh", 9)
    np.testing.assert_allclose(of_net[0], left[9] * (1 - 0.5**2), rtol=1e-12)


def test_carousel_alone_keeps_an_error():
    assert (products(1, "identity", 1000) == 1).all()
    for kind in CURVED:
        for w in (-8, -4, -1, 0.5, 1, 4, 8):
            assert products(w, kind, 1000)[-1] < 0.01


@pytest.mark.parametrize("kind", CURVED)
@pytest.mark.parametrize("a", [1.0, 0.3, -0.5])
def test_no_weight_has_a_larger_factor(kind, a):
    w, largest = largest_factor(a, kind)
    assert factor(w, a, kind) == pytest.approx(largest, rel=1e-14)
    assert factor(-w, a, kind) == pytest.approx(largest, rel=1e-14)
    assert (factor(np.linspace(-50, 50, 10_001), a, kind) <= largest).all()
    assert (factor([w - 0.01, w + 0.01], a, kind) < largest).all()


def test_largest_factor_of_a_logistic_unit_as_the_paper_has_it():
    w, _ = largest_factor(0.7, "logistic")
    assert w == pytest.approx(1 / math.tanh(0.7 * w / 2) / 0.7, rel=1e-14)


def test_logistic_unit_with_a_weight_below_four_shrinks_every_error():
    a = np.linspace(-3, 3, 601)
    assert factor(4.0, a, "logistic").max() == 1  # at a = 0
    assert factor(np.linspace(-3.999, 3.999, 101)[:, None], a, "logistic").max() < 1


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda: factor(1, 1, "softmax"), "kind is 'softmax', wanted one of 'tanh'"),
        (lambda: products(1, "relu", 3), "kind is 'relu', wanted one of"),
        (lambda: products(1, "tanh", 0), "n_steps is 0, wanted a whole number of at least 1"),
        (lambda: products(1, "tanh", 2.5), "n_steps is 2.5, wanted a whole number"),
        (lambda: largest_factor(1, "identity"), "kind is 'identity', wanted one of 'tanh'"),
        (lambda: largest_factor(0.0, "tanh"), "a is 0.0, wanted a finite number other than 0"),
        (lambda: largest_factor(math.inf, "tanh"), "a is inf, wanted a finite number"),
    ],
)
def test_what_makes_no_sense_is_refused(call, problem):
    with pytest.raises(ValueError, match=problem):
        call()


# ---------------------------------------------------------------- nets


def test_sensitivity_over_a_long_sequence_of_a_net_that_has_learned(rng):
    """A hundred steps of products, against differences of the outputs themselves."""
    row = ROWS["6a"]
    reading = row.readings[0].but("best", "", dtype="float64")
    net = row.network(reading)
    learn(net, row.task, rng, at_most=6000)
    X = np.eye(8)[row.task.sample(1, rng).X]
    lags = [0, 1, 40, 90, 99]
    wanted = [np.linalg.norm(differences(outputs_of(net), X, len(X) - 1 - k)[-1]) for k in lags]
    np.testing.assert_allclose(by_lag(lstm_jacobians(net, X), 100)[lags], wanted, rtol=1e-6)


def test_what_outputs_feel(rng):
    """With a shortcut, through which they feel step t at once."""
    net = build(NETS["2000"])
    X, _ = random_task(NETS["2000"], 6, rng)
    felt = feel(lstm_jacobians(net, X), 2)
    wanted = np.linalg.norm(differences(outputs_of(net), X, 2), axis=2).T
    np.testing.assert_allclose(felt["output"], wanted, rtol=1e-6, atol=1e-10)
    assert [len(rows) for rows in felt.values()] == [8, 8, 4, 4, 4, 7]
    assert list(felt) == [*net.state, "output"]


def test_learning_ends_at_the_first_thousand_without_a_mistake():
    """Wanted is what a net answers that has been told so."""
    task = pylstm.tasks.TwoSequence(min_length=3)

    def net():
        return pylstm.LSTM(1, 1, 2, output="logistic", optimizer=pylstm.SGD(1.0))

    one, other = net(), net()
    n, last = learn(one, task, np.random.default_rng(1))
    assert last == 0
    rng = np.random.default_rng(1)
    for k in range(1, n // 1000 + 1):
        sequences = task.sample(1000, rng)
        outputs = other.run_sequences(sequences.X, sequences.targets, sequences.lengths, last=True)
        assert task.wrong(outputs, sequences).any() == (k < n // 1000)
    n_learned, last = learn(net(), task, np.random.default_rng(1), at_most=n - 1)
    assert n_learned is None
    assert 0 < last <= 1


@pytest.fixture(scope="module")
def found():
    return study(seed=0, n_sequences=10)


def test_plain_nets_fade_and_lstm_does_not(found):
    assert found.n_learned <= 100_000
    assert found.plain_wrong > 0.9
    for name, of_net in found.by_lag.items():
        left = of_net[90] / of_net[0]
        fades = name.startswith("plain") or "forget gates" in name
        assert left < 1e-4 if fades else left > 0.01, name
    start, learned = found.by_lag["LSTM, at the start"], found.by_lag["LSTM, learned"]
    assert (np.abs(np.log(start / learned)) > 0.5).all()
    halved = found.by_lag["LSTM with forget gates, at the start"]
    assert halved[61] / halved[1] == pytest.approx(0.5**60, rel=0.9)


def test_same_seed_gives_the_same_study(found):
    again = study(seed=0, n_sequences=10)
    for name, of_net in found.by_lag.items():
        np.testing.assert_array_equal(again.by_lag[name], of_net)
    assert again.shading.symbols == found.shading.symbols


def test_shading_is_of_the_first_symbol_that_matters(found):
    shading = found.shading
    assert shading.symbols[: shading.step].strip("Eabcd") == ""
    assert shading.symbols[shading.step] in "XY"
    assert shading.symbols[0] + shading.symbols[-1] == "EB"
    n_steps = len(shading.symbols)
    for parts in (shading.plain, shading.lstm):
        for rows in parts.values():
            assert (rows[:, : shading.step] == 0).all()
            assert (rows[:, shading.step] > 0).all()
    assert {name: rows.shape for name, rows in shading.gates.items()} == {
        "input_gate": (2, n_steps), "output_gate": (2, n_steps),
    }  # fmt: skip
    assert shading.lstm["cell_state"][:, -1].max() > 0.1
    opened = shading.gates["input_gate"] > 0.9
    assert opened.any(axis=0)[shading.step]
    assert opened.mean() < 0.1
    assert shading.plain["unit"].shape == (8, n_steps)
    assert shading.plain["unit"][:, -1].max() < 1e-4


def test_plain_net_has_learned_as_many_of_the_same_sequences_as_the_lstm(found):
    _, training, _, of_plain = np.random.SeedSequence(0).spawn(4)
    net = plain_net(8, 4, 8, 1.0, np.random.default_rng(of_plain))
    task, rng = ROWS["6a"].task, np.random.default_rng(training)
    for _ in range(found.n_learned // 1000):
        sequences = task.sample(1000, rng)
        net.run_sequences(sequences.X, sequences.targets, sequences.lengths, last=True)
    tokens = ["EBabcdXY".index(symbol) for symbol in found.shading.symbols]
    felt = feel(plain_jacobians(net, tokens), found.shading.step)
    for name, rows in felt.items():
        np.testing.assert_array_equal(found.shading.plain[name], rows)


# ---------------------------------------------------------------- the command


@pytest.fixture
def quick(monkeypatch, found):
    monkeypatch.setattr(command, "study", lambda seed: found)


def run(*args):
    try:
        return main(["vanishing", *map(str, args)])
    except SystemExit as stop:
        return stop.code


def test_command_prints_a_table_and_writes_numbers_and_pictures(quick, found, tmp_path, capsys):
    out = tmp_path / "deep" / "out"
    assert run("--out", out) == 0
    printed = capsys.readouterr().out
    tree = json.loads((out / "vanishing.json").read_text())
    assert tree["n_learned"] == found.n_learned
    for name, of_net in tree["sensitivity_by_lag"].items():
        assert of_net == found.by_lag[name].tolist()
        assert f"{of_net[50] / of_net[0]:.1e}" in printed
    assert tree["products"]["identity"]["1.1"][10] == pytest.approx(1.1**10)
    assert tree["largest_factor"]["logistic"]["factor"] == pytest.approx(0.22387, rel=1e-4)
    assert f"LSTM, after {found.n_learned:,} sequences: none wrong" in printed
    for name in ("lags.png", "shading.png", "factors.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
        assert name in printed


def test_command_without_pictures_needs_no_matplotlib(quick, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run("--out", tmp_path, "--no-plots") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["vanishing.json"]
    capsys.readouterr()
    assert run("--out", tmp_path) == 2
    assert "plotting needs matplotlib, which is not installed" in capsys.readouterr().err


def test_command_is_real_about_its_seed(monkeypatch, found, tmp_path):
    seen = []
    monkeypatch.setattr(command, "study", lambda seed: seen.append(seed) or found)
    assert run("--out", tmp_path, "--no-plots", "--seed", 7) == 0
    assert seen == [7]


@pytest.mark.parametrize("seed", ["-1", "x", "1.5"])
def test_command_refuses_other_seeds(seed, capsys):
    assert run("--seed", seed) == 2
    assert "given, wanted a whole number of at least 0" in capsys.readouterr().err


def test_command_says_at_once_that_it_cannot_write(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "study", lambda seed: pytest.fail("began to work"))
    (tmp_path / "file").write_text("")
    assert run("--out", tmp_path / "file") == 2
    assert "cannot write into" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == ""
