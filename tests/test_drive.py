"""The constant drive: its share by hand, the gain of the loop by what a small step does."""

import json

import numpy as np
import pytest

import pylstm
from pylstm.analysis import constant_drive, drive_along_learning, loop_gain
from pylstm.cli import main
from pylstm.errors import InputError
from pylstm.experiments import ROWS

SWITCHES = {
    "1997": {"forget_gate": False, "gate_recurrence": True, "cell_input": "two_tanh_half"},
    "leak": {"forget_gate": False, "gate_recurrence": True, "leak": 0.1, "hidden_bias": "none"},
    "forget": {"gate_recurrence": True, "peepholes": True},
    "no gates": {"input_gate": False, "output_gate": False},
}


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES)
def test_drive_by_hand(switches, rng):
    """Cell by cell and step by step, from what the net shows of itself."""
    net = pylstm.LSTM(2, 1, 2, 2, init_range=1.0, dtype="float64", **switches)
    X = rng.normal(size=(7, 2))
    found = constant_drive(net, X)
    weights, alone = net.parameters["cell_input"], net.copy()
    wanted, gates_before, drive = [], {}, np.zeros(4)
    for x in X:
        alone.step(x)
        state = alone.state
        for cell in range(4):
            total = 0.0
            for source, weight in zip(net.sources, weights[cell], strict=False):
                if source == "bias":
                    total += weight
                elif "gate" in source:
                    gate, place = source[:-1].split("[")
                    total += weight * gates_before.get(gate, [0, 0])[int(place)]
            g = 2 * np.tanh(total / 2) if "cell_input" in switches else np.tanh(total)
            kept = state["forget_gate"][cell // 2] if "forget_gate" in state else None
            kept = 1 - switches.get("leak", 0) if kept is None else kept
            opened = state["input_gate"][cell // 2] if "input_gate" in state else 1.0
            drive[cell] = kept * drive[cell] + opened * g
        wanted.append(drive.copy())
        gates_before = {name: value for name, value in state.items() if "gate" in name}
    np.testing.assert_allclose(found.drive, wanted, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.state[-1], alone.state["cell_state"])
    share = np.abs(drive) / (np.abs(drive) + np.abs(found.state[-1] - drive))
    np.testing.assert_allclose(found.share, share)


@pytest.mark.parametrize("output", ["identity", "logistic"])
@pytest.mark.parametrize("loss", ["squared", "cross_entropy"])
def test_gain_is_what_a_small_step_does(output, loss, rng):
    """An error e at one output: learn from it at a small rate, and see how far that output goes."""
    if (output, loss) == ("identity", "cross_entropy"):
        pytest.skip("no such loss")
    rate, e = 1e-5, 0.1
    net = pylstm.LSTM(
        2, 2, 2, cell_recurrence=False, output=output, loss=loss, dtype="float64",
        init_range=0.5, optimizer=pylstm.SGD(rate),
    )  # fmt: skip
    X = rng.normal(size=(20, 2))
    found = loop_gain(net, X)
    y = net.copy().run(X)[-1]
    parts = {"drive": 0.0, "hidden": 0.0, "output": 0.0}
    for k in range(2):
        target = y.copy()
        target[k] -= e
        learned = net.copy()
        learned.run(X[:-1])
        learned.step(X[-1])
        learned.learn(target)
        for part in parts:
            moved = net.copy()
            for name, view in moved.parameters.items():
                change = learned.parameters[name] - view
                if name == "output":
                    view += change * (part == "output")
                elif name == "cell_input":
                    view[:, :-1] += change[:, :-1] * (part == "hidden")
                    view[:, -1] += change[:, -1] * (part == "drive")
                else:
                    view += change * (part == "hidden")
            parts[part] += (y[k] - moved.run(X)[-1][k]) / e / 2
    for part, gain in parts.items():
        assert found[part] == pytest.approx(gain, rel=1e-3)
    with pytest.raises(ValueError, match=r"^net has output='softmax', wanted outputs"):
        loop_gain(pylstm.LSTM(2, 2, 1, output="softmax"), X)


def test_along_learning_block_one_of_the_adding_problem_goes_to_the_saddle():
    row = ROWS["4-2"]
    written = drive_along_learning(row, row.reading("written"), 500, 5)
    assert written.seen == (0, 20, 80, 180, 320, 500)
    assert written.share[0].mean() > 0.5
    assert written.gain["drive"][0] > 50 * written.gain["hidden"][0]
    assert written.weights_out[-1, 0] < 0.1 * written.weights_out[0, 0]
    assert written.drive[-1, 0] < 0.1 * written.drive.max()
    nearest = drive_along_learning(row, row.reading("nearest"), 20, 2)
    assert (nearest.share == 0).all()
    assert (nearest.gain["drive"] == 0).all()
    with pytest.raises(InputError, match="2 sequences given and 3 points, wanted at least one"):
        drive_along_learning(row, n_sequences=2, n_points=3)


def test_command(tmp_path, capsys):
    command = ["drive", "4-1", "--sequences", "20", "--points", "3", "--no-progress"]
    assert main([*command, "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert told.count("share of drive") == 2
    assert "4-1 nearest: identity output; cell inputs without bias" in told
    written, nearest = json.loads((tmp_path / "drive-4-1.json").read_text())["courses"]
    assert (written["seen"], nearest["reading"]) == ([0, 3, 9, 20], "nearest")
    assert (tmp_path / "drive-4-1.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert main([*command, "--readings", "written,none", "--out", str(tmp_path)]) == 2
    assert "reading 'none' of row 4-1 given, wanted written, nearest" in capsys.readouterr().err
