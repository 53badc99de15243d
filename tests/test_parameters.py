"""The parameters: how many, which names and shapes, how they start, and which of them learn."""

import numpy as np
import pytest
from nets import (
    assert_close,
    assert_same_bits,
    assert_same_model,
    build,
    get_parameters,
    random_parameters,
    random_task,
    set_parameters,
)
from oracle import Architecture, forward

import pylstm

# The nets of the papers. HS97 = Hochreiter & Schmidhuber 1997, with the number of its experiment
HS97 = {"forget_gate": False, "gate_recurrence": True}
REBER = HS97 | {"n_inputs": 7, "n_outputs": 7, "hidden_bias": "gates", "output_bias": False}
NO_LAG = HS97 | {"output_gate": False, "gate_recurrence": False, "cell_recurrence": False}
NO_BIAS = {"hidden_bias": "none", "output_bias": False}
CONTINUAL = {"n_inputs": 7, "n_outputs": 7, "n_blocks": 4, "block_size": 2, "shortcut": True}
LANGUAGE = {"peepholes": True, "shortcut": True}
COUNTS = [
    ("HS97 1, 4x1", 264, REBER | {"n_blocks": 4}),
    ("HS97 1, 3x2", 276, REBER | {"n_blocks": 3, "block_size": 2}),
    ("HS97 2a", 10504, NO_LAG | NO_BIAS
        | {"n_inputs": 101, "n_outputs": 101, "n_blocks": 1, "shortcut": True}),
    *[
        (f"HS97 2c, p={p}", count, HS97 | NO_BIAS | {"n_inputs": p + 4, "n_blocks": 2})
        for p, count in ((50, 364), (100, 664), (200, 1264), (500, 3064), (1000, 6064))
    ],
    ("HS97 3", 102, HS97 | {"n_inputs": 1, "n_outputs": 1, "n_blocks": 3, "output_bias": False}),
    ("HS97 4 and 5", 93, HS97 | {"n_inputs": 2, "n_outputs": 1, "block_size": 2}),
    ("HS97 6a", 156, HS97 | {"n_inputs": 8, "n_outputs": 4, "block_size": 2}),
    ("HS97 6b", 308, HS97 | {"n_inputs": 8, "n_outputs": 8, "n_blocks": 3, "block_size": 2}),
    ("Gers 2000", 424, CONTINUAL | {"hidden_bias": "gates"}),
    ("Gers 2000, 1997 net", 360, CONTINUAL | {"hidden_bias": "gates", "forget_gate": False}),
    ("Gers 2001, a^n b^n", 38, LANGUAGE | {"n_inputs": 3, "n_outputs": 3, "n_blocks": 1}),
    ("Gers 2001, a^n b^m B^m A^n", 110, LANGUAGE | {"n_inputs": 5, "n_outputs": 5}),
    ("Gers 2001, a^n b^n c^n", 90, LANGUAGE | {"n_inputs": 4, "n_outputs": 4}),
    ("Gers 2002", 17, {"n_inputs": 1, "n_outputs": 1, "n_blocks": 1, "peepholes": True}),
    ("Gers 2002, no peepholes", 14, {"n_inputs": 1, "n_outputs": 1, "n_blocks": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("count", "switches"),
    [pytest.param(count, switches, id=name) for name, count, switches in COUNTS],
)
def test_weight_counts_of_the_papers(count, switches):
    net = pylstm.LSTM(**Architecture(**switches).keywords())
    assert net.n_parameters == count
    assert sum(values.size for values in net.parameters.values()) == count


def test_names_shapes_and_sources(combination, dtype):
    net = build(combination, dtype)
    assert {name: values.shape for name, values in net.parameters.items()} == combination.shapes
    assert {values.dtype for values in net.parameters.values()} == {np.dtype(dtype)}
    assert net.dtype == np.dtype(dtype)
    assert net.sources == combination.sources
    assert net.n_parameters == sum(rows * columns for rows, columns in combination.shapes.values())


def test_defaults_of_the_constructor():
    net = pylstm.LSTM(3, 2, 4)
    default = Architecture(n_blocks=4)
    assert {name: values.shape for name, values in net.parameters.items()} == default.shapes
    assert net.dtype == np.float32
    assert max(np.abs(values).max() for values in net.parameters.values()) <= 0.1
    assert_same_model(net, build(default, "float32", init_range=0.1, seed=0))


def test_initial_weights_fill_their_range(architecture, dtype):
    net = build(architecture, dtype, init_range=0.3)
    every = np.concatenate([values.ravel() for values in net.parameters.values()])
    assert np.abs(every).max() <= np.float32(0.3)
    assert len(np.unique(every)) == every.size
    wide = pylstm.LSTM(50, 10, 30, init_range=0.3, dtype=dtype)
    for values in wide.parameters.values():
        assert -np.float32(0.3) <= values.min() < -0.27
        assert 0.27 < values.max() <= np.float32(0.3)
        assert values.mean() == pytest.approx(0, abs=0.04)
        assert values.std() == pytest.approx(0.3 / np.sqrt(3), rel=0.1)


def test_seed_decides_every_bit(architecture, dtype):
    one, same, other = (build(architecture, dtype, seed=seed) for seed in (5, 5, 6))
    assert_same_model(one, same)
    for name, values in one.parameters.items():
        assert (values != other.parameters[name]).all(), name


def test_bias_init_sets_single_values_and_rows(dtype):
    architecture = Architecture(n_blocks=3, block_size=2)
    bias_init = {
        "input_gate": -1.5,
        "forget_gate": [0.5, 1.0, 1.5],
        "output_gate": np.array([-2.0, -4.0, -6.0]),
        "cell_input": [1, 2, 3, 4, 5, 6],
        "output": (0.25, -0.25),
    }
    net = build(architecture, dtype, bias_init=bias_init)
    for name, wanted in bias_init.items():
        rows, columns = architecture.shapes[name]
        bias, others = net.parameters[name][:, -1], net.parameters[name][:, :-1]
        assert bias.tolist() == np.broadcast_to(np.asarray(wanted, float), rows).tolist()
        assert 0.1 < np.abs(others).max() <= 0.5
        assert len(np.unique(others)) == rows * (columns - 1)


def test_bias_init_of_one_gate_leaves_the_others_random():
    net = build(Architecture(hidden_bias="gates"), bias_init={"forget_gate": 2.0})
    assert (net.parameters["forget_gate"][:, -1] == 2).all()
    assert np.abs(net.parameters["input_gate"]).max() <= 0.5
    assert np.abs(net.parameters["output"]).max() <= 0.5


def test_parameters_are_live_views(combination, dtype, rng):
    """Writing them changes the net, and learning changes what is held."""
    net = build(combination, dtype)
    held = dict(net.parameters)
    set_parameters(net, random_parameters(combination, rng))
    inputs, targets = random_task(combination, 6, rng)
    _, outputs = forward(combination, get_parameters(net), inputs)
    rtol = 1e-11 if dtype == "float64" else 2e-3
    np.testing.assert_allclose(net.run(inputs), outputs, rtol=rtol, atol=rtol)
    net.reset()
    before = get_parameters(net)
    net.run(inputs, targets)
    assert_same_bits(held, dict(net.parameters))
    assert any((held[name] != before[name]).any() for name in held)


def test_unbiased_cell_inputs_stay_unbiased(dtype, rng):
    """hidden_bias="gates": cell inputs see no bias, however much the gates' biases learn."""
    architecture = Architecture(hidden_bias="gates", n_blocks=3, block_size=3)
    net = build(architecture, dtype, learning_rate=0.5)
    inputs, targets = random_task(architecture, 60, rng)
    net.run(inputs, targets)
    net.reset()
    net.parameters["cell_input"][:] = 0
    net.run(inputs[:20])
    assert (net.state["cell_state"] == 0).all()
    assert (net.parameters["input_gate"][:, -1] != 0).all()


@pytest.mark.parametrize("update", ["step", "sequence", 3])
def test_a_silent_block_changes_nothing(size, update, rng):
    """A net learns the same inside a larger one whose last block, input and output are silent."""
    small = Architecture(n_inputs=size, n_outputs=size, n_blocks=size, peepholes=True)
    large = Architecture(n_inputs=size + 1, n_outputs=size, n_blocks=size + 1, peepholes=True)
    net, larger = build(small, init_range=0.3), build(large)
    places = {}
    for name, values in net.parameters.items():
        larger.parameters[name][:] = 0
        sources, larger_sources = net.sources, larger.sources
        if name == "output":
            sources = [f"cell[{v}]" for v in range(size)] + ["bias"]
            larger_sources = [f"cell[{v}]" for v in range(size + 1)] + ["bias"]
        elif name.startswith("peephole"):
            sources = larger_sources = ["own cell"]
        columns = [larger_sources.index(source) for source in sources]
        places[name] = np.ix_(range(len(values)), columns)
        larger.parameters[name][places[name]] = values
    inputs, targets = random_task(small, 40, rng)
    larger_inputs = np.column_stack([inputs, np.zeros(len(inputs))])
    outputs = net.run(inputs, targets, update=update)
    larger_outputs = larger.run(larger_inputs, targets, update=update)
    np.testing.assert_allclose(larger_outputs, outputs, rtol=1e-11, atol=1e-13)
    inside = {name: larger.parameters[name][place] for name, place in places.items()}
    assert_close(inside, net.parameters, 1e-11)
    for name, place in places.items():
        larger.parameters[name][place] = 0
        assert (larger.parameters[name] == 0).all(), f"{name} of the silent block learned"
