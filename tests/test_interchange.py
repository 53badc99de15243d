"""Weights to and from PyTorch and Keras, against their LSTM written from its documented equations.

The libraries themselves are asked where they are installed, as `.ci/run` installs them.
"""

from itertools import product

import numpy as np
import pytest
from nets import build, get_parameters, random_task
from oracle import Architecture

import pylstm
from pylstm.interchange import from_keras, from_torch, to_keras, to_torch


def torch_lstm(weights, X):
    """Outputs h of nn.LSTM with one layer, from a fresh state, in float64."""
    weights = {name: np.float64(values) for name, values in weights.items()}
    n_hidden, n_shown = len(weights["weight_hh_l0"]) // 4, weights["weight_hh_l0"].shape[1]
    zero = np.zeros(4 * n_hidden)
    h, c = np.zeros(n_shown), np.zeros(n_hidden)
    outputs = []
    for x in np.float64(X):
        a = weights["weight_ih_l0"] @ x + weights.get("bias_ih_l0", zero)
        a += weights["weight_hh_l0"] @ h + weights.get("bias_hh_l0", zero)
        i, f, g, o = a.reshape(4, n_hidden)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        if "weight_hr_l0" in weights:
            h = weights["weight_hr_l0"] @ h
        outputs.append(h)
    return np.array(outputs)


def torch_linear(weights, H):
    return H @ np.float64(weights["weight"]).T + np.float64(weights.get("bias", 0))


def nn_lstm(rng, n_inputs=3, n_hidden=5, n_outputs=2, biased=True, dtype="float64"):
    """State dicts with weights of either sign, nothing neutral, the two biases unlike."""
    shapes = {"weight_ih_l0": (4 * n_hidden, n_inputs), "weight_hh_l0": (4 * n_hidden, n_hidden)}
    if biased:
        shapes |= {"bias_ih_l0": (4 * n_hidden,), "bias_hh_l0": (4 * n_hidden,)}
    readout = {"weight": (n_outputs, n_hidden)} | ({"bias": (n_outputs,)} if biased else {})
    return [
        {name: rng.uniform(-1, 1, shape).astype(dtype) for name, shape in part.items()}
        for part in (shapes, readout)
    ]


TOLERANCE = {"float32": 1e-6, "float64": 1e-12}
SQUASHINGS = [
    ("tanh", "tanh"), ("tanh_half", "tanh"),
    ("two_tanh_half", "tanh_half"), ("two_tanh_half", "two_tanh_half"),
]  # fmt: skip
CASES = [
    Architecture(n_blocks=n_blocks, block_size=block_size, **switches)
    for (n_blocks, block_size), switches in product(
        [(3, 1), (2, 3)],
        [
            {},
            *({"cell_input": g, "cell_output": h} for g, h in SQUASHINGS[1:]),
            *({gate: False} for gate in ("input_gate", "forget_gate", "output_gate")),
            {"cell_recurrence": False},
            {"hidden_bias": "gates"},
            {"hidden_bias": "none", "output_bias": False},
            {"input_gate": False, "forget_gate": False, "output_gate": False},
        ],
    )
]


@pytest.mark.parametrize("architecture", CASES, ids=str)
def test_the_same_outputs_there(architecture, dtype):
    net = build(architecture, dtype)
    X, targets = random_task(architecture, 40, np.random.default_rng(1))
    net.run(X[:20], targets[:20])
    before = get_parameters(net)
    exported = to_torch(net)
    assert all(a.dtype == dtype for part in exported.values() for a in part.values())
    net.reset()
    Y = torch_linear(exported["readout"], torch_lstm(exported["lstm"], X))
    np.testing.assert_allclose(net.run(X), Y, rtol=0, atol=TOLERANCE[dtype])
    for part in exported.values():
        for values in part.values():
            values[...] = 7
    assert all((before[name] == values).all() for name, values in net.parameters.items())


@pytest.mark.parametrize("output", ["logistic", "softmax"])
def test_the_readout_is_the_net_input_of_the_outputs(output):
    net = build(Architecture(n_outputs=3, output=output))
    exported = to_torch(net)
    X = np.random.default_rng(1).normal(size=(10, 3))
    a = torch_linear(exported["readout"], torch_lstm(exported["lstm"], X))
    if output == "logistic":
        wanted = 1 / (1 + np.exp(-a))
    else:
        wanted = np.exp(a) / np.exp(a).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(net.run(X), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("biased", [True, False])
def test_the_same_outputs_here(biased, dtype, rng):
    lstm, readout = nn_lstm(rng, biased=biased, dtype=dtype)
    net = from_torch(lstm, readout)
    assert (net.dtype, net.n_inputs, net.n_blocks, net.n_outputs) == (np.dtype(dtype), 3, 5, 2)
    X = np.float32(rng.normal(size=(40, 3)))
    wanted = torch_linear(readout, torch_lstm(lstm, X))
    np.testing.assert_allclose(net.run(X), wanted, rtol=0, atol=5 * TOLERANCE[dtype])


def test_without_a_readout_the_outputs_are_the_cells(rng):
    lstm, _ = nn_lstm(rng)
    X = rng.normal(size=(10, 3))
    np.testing.assert_allclose(from_torch(lstm).run(X), torch_lstm(lstm, X), rtol=0, atol=1e-12)


def test_a_new_readout_on_old_cells(rng):
    lstm, _ = nn_lstm(rng)
    net = from_torch(lstm, n_outputs=4, seed=3, optimizer=pylstm.SGD(0.5))
    assert net.parameters["output"].shape == (4, 6)
    assert 0 < np.abs(net.parameters["output"]).max() < 0.1
    assert net.optimizer == pylstm.SGD(0.5)


def test_there_and_back(rng, dtype):
    lstm, readout = nn_lstm(rng, dtype=dtype)
    back = to_torch(from_torch(lstm, readout))
    lstm["bias_ih_l0"] += lstm.pop("bias_hh_l0")
    assert not back["lstm"].pop("bias_hh_l0").any()
    for part, wanted in (("lstm", lstm), ("readout", readout)):
        for name, values in wanted.items():
            np.testing.assert_array_equal(back[part][name], values)


class Tensor:
    """What this needs of a torch.Tensor."""

    def __init__(self, values):
        self.values = values

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.values


class Module:
    def __init__(self, weights):
        self.weights = weights

    def state_dict(self):
        return {name: Tensor(values) for name, values in self.weights.items()}


def test_modules_of_tensors(rng):
    lstm, readout = nn_lstm(rng)
    X = rng.normal(size=(5, 3))
    np.testing.assert_array_equal(
        from_torch(Module(lstm), Module(readout)).run(X), from_torch(lstm, readout).run(X)
    )


NOT_THERE = [
    ({"leak": 0.25}, "leak is 0.25"),
    ({"peepholes": True}, "peepholes is True"),
    ({"gate_recurrence": True}, "gate_recurrence is True"),
    ({"shortcut": True}, "shortcut is True"),
    ({"cell_input": "logistic"}, "cell_input is 'logistic'"),
    ({"cell_output": "identity"}, "cell_output is 'identity'"),
    ({"cell_output": "tanh_half"}, "cell_output is 'tanh_half'"),
    ({"cell_input": "two_tanh_half"}, "cell_input is 'two_tanh_half'"),
]


@pytest.mark.parametrize(("switches", "message"), NOT_THERE)
@pytest.mark.parametrize("export", [to_torch, to_keras])
def test_what_the_others_have_not_is_named(export, switches, message):
    with pytest.raises(ValueError, match=message):
        export(build(Architecture(**switches)))


@pytest.mark.parametrize("switch", ["scale_inputs", "scale_targets"])
@pytest.mark.parametrize("export", [to_torch, to_keras])
def test_scaling_is_not_left_behind(export, switch):
    with pytest.raises(ValueError, match=f"{switch} is True, .*export_onnx takes the scaling"):
        export(build(Architecture(), **{switch: True}))


def test_only_networks_go():
    with pytest.raises(TypeError, match=r"wanted a pylstm\.LSTM"):
        to_torch(pylstm.Population(2, 1, 1, 1))


def without(weights, name):
    return {key: values for key, values in weights.items() if key != name}


def deeper(weights, bias=True):
    """The weights of two layers."""
    own = {k: v for k, v in weights.items() if bias or not k.startswith("bias")}
    upper = {name.replace("_l0", "_l1"): values for name, values in own.items()}
    return weights | upper | {"weight_ih_l1": weights["weight_hh_l0"]}


def with_value(values):
    values = values.copy()
    values.flat[1] = np.inf
    return values


WRONG = [
    (ValueError, lambda w, r: (without(w, "weight_hh_l0"), r), "no 'weight_hh_l0'"),
    (ValueError, lambda w, r: (without(w, "bias_hh_l0"), r), "no 'bias_hh_l0'"),
    (ValueError, lambda w, r: (w | {"weight_ih_l1": w["weight_hh_l0"]}, r), "'weight_ih_l1'"),
    (ValueError, lambda w, r: (w | {"weight_ih_l0_reverse": 0}, r), "'weight_ih_l0_reverse'"),
    (ValueError, lambda w, r: (w | {"weight_hr_l0": 0}, r), "'weight_hr_l0'"),
    (ValueError, lambda w, r: (w | {"weight_hr_l0": np.ones((3, 5))}, r), r"wanted \(20, 3\)"),
    (ValueError, lambda w, r: (w | {"weight_ih_l2": w["weight_hh_l0"]}, r), "no 'weight_ih_l1'"),
    (ValueError, lambda w, r: (deeper(w, bias=False), r), "lstm has no 'bias_ih_l1'"),
    (
        ValueError,
        lambda w, r: (deeper(w) | {"weight_ih_l1": w["weight_ih_l0"]}, r),
        r"'weight_ih_l1'\] has shape \(20, 3\), wanted \(20, 5\)",
    ),
    (ValueError, lambda w, r: (w | {"bias_ih_l0": np.ones(8)}, r), r"shape \(8,\), wanted \(20,\)"),
    (ValueError, lambda w, r: (w | {"weight_ih_l0": np.ones((21, 3))}, r), r"\(21, 3\)"),
    (ValueError, lambda w, r: (w | {"weight_hh_l0": np.ones((5, 20))}, r), r"\(5, 20\), wanted"),
    (ValueError, lambda w, r: (w | {"weight_ih_l0": np.ones(20)}, r), r"\(20,\), wanted .* 2 axes"),
    (ValueError, lambda w, r: (w | {"weight_ih_l0": np.ones((0, 3))}, r), r"\(0, 3\)"),
    (ValueError, lambda w, r: (w | {"bias_hh_l0": with_value(w["bias_hh_l0"])}, r), "not finite"),
    (TypeError, lambda w, r: (w | {"bias_hh_l0": ["a"] * 20}, r), "dtype <U1"),
    (TypeError, lambda w, r: ("lstm", r), "lstm is a str, wanted a state dict"),
    (ValueError, lambda w, r: (w, r | {"weight": np.ones((2, 4))}), r"\(2, 4\), wanted \(2, 5\)"),
    (ValueError, lambda w, r: (w, without(r, "weight")), "readout has no 'weight'"),
]


@pytest.mark.parametrize(("error", "change", "message"), WRONG)
def test_wrong_weights_are_refused(error, change, message, rng):
    with pytest.raises(error, match=message):
        from_torch(*change(*nn_lstm(rng)))


@pytest.mark.parametrize("keyword", ["peepholes", "n_blocks", "hidden_bias", "n_outputs"])
def test_the_weights_settle_the_architecture(keyword, rng):
    with pytest.raises(TypeError, match=f"{keyword} was given, wanted none"):
        from_torch(*nn_lstm(rng), **{keyword: 3})


# ---------------------------------------------------------------- names


def named_anew(weights, change):
    return {change(name): values for name, values in weights.items()}


def test_cells_and_prefixes(rng):
    """Other names of the same weights make the same network."""
    lstm, readout = nn_lstm(rng)
    cell = named_anew(lstm, lambda name: name.removesuffix("_l0"))
    around = named_anew(lstm, "module.rnn.{}".format) | named_anew(readout, "module.head.{}".format)
    X = rng.normal(size=(5, 3))
    wanted = from_torch(lstm, readout).run(X)
    for given in [
        (cell, readout),
        (named_anew(cell, "a.{}".format), named_anew(readout, "b.{}".format)),
        (around,),
        (Module(around),),
    ]:
        np.testing.assert_array_equal(from_torch(*given).run(X), wanted)


def test_names_of_a_cell(rng):
    net = from_torch(*nn_lstm(rng))
    layer, cell = to_torch(net), to_torch(net, cell=True)
    assert list(cell["lstm"]) == ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    for values, wanted in zip(cell["lstm"].values(), layer["lstm"].values(), strict=True):
        np.testing.assert_array_equal(values, wanted)


def test_weights_of_more_than_a_network_are_refused(rng):
    lstm, readout = nn_lstm(rng)
    one, two = (named_anew(lstm, f"{name}.{{}}".format) for name in "ab")
    head, other = (named_anew(readout, f"{name}.{{}}".format) for name in "cd")
    for given, message in [
        ((one | two,), "a.weight_ih, b.weight_ih, wanted the weights of one LSTM"),
        ((one | head | other,), "more than one module: wanted one LSTM, and one nn.Linear"),
        ((one | head, readout), "'c.weight', 'c.bias' besides, and readout is given as well"),
        ((one | {"norm.scale": np.ones(3)},), "readout has no 'weight'"),
        ((lstm, {3: 4}), "readout has 3, wanted names"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            from_torch(*given)


class Half:
    """A tensor of a type NumPy has not, whose float32 it has."""

    def __init__(self, values):
        self.values = values

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        raise TypeError("Got unsupported ScalarType BFloat16")

    def float(self):
        return Tensor(np.float32(self.values))


def test_types_that_numpy_has_not_become_float32(rng):
    lstm, readout = nn_lstm(rng, dtype="float32")
    net = from_torch(*({k: Half(v) for k, v in part.items()} for part in (lstm, readout)))
    assert net.dtype == np.float32
    X = rng.normal(size=(5, 3))
    np.testing.assert_array_equal(net.run(X), from_torch(lstm, readout).run(X))


# ---------------------------------------------------------------- Keras


def keras_lstm(weights, X):
    """Outputs h (n_steps, n_hidden) of layers.LSTM, from a fresh state, in float64."""
    kernel, recurrent_kernel, *bias = map(np.float64, weights)
    n_hidden = len(recurrent_kernel)
    h = c = np.zeros(n_hidden)
    outputs = []
    for x in np.float64(X):
        z = x @ kernel + h @ recurrent_kernel + (bias[0] if bias else 0)
        i, f, candidate, o = (z[k * n_hidden : (k + 1) * n_hidden] for k in range(4))
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(candidate)
        h = o * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)


def keras_dense(weights, H):
    kernel, *bias = map(np.float64, weights)
    return H @ kernel + (bias[0] if bias else 0)


def keras_weights(rng, n_inputs=3, n_hidden=5, n_outputs=2, biased=True):
    """What get_weights returns of an LSTM and of a Dense."""
    lstm = [(n_inputs, 4 * n_hidden), (n_hidden, 4 * n_hidden), (4 * n_hidden,)]
    dense = [(n_hidden, n_outputs), (n_outputs,)]
    return [
        [np.float32(rng.uniform(-1, 1, shape)) for shape in (shapes if biased else shapes[:-1])]
        for shapes in (lstm, dense)
    ]


@pytest.mark.parametrize("architecture", CASES[::3], ids=str)
def test_the_same_outputs_in_keras(architecture, dtype):
    net = build(architecture, dtype)
    X, _ = random_task(architecture, 20, np.random.default_rng(1))
    exported = to_keras(net)
    H = keras_lstm(exported["lstm"].values(), X)
    wanted = keras_dense(exported["readout"].values(), H)
    np.testing.assert_allclose(net.run(X), wanted, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("biased", [True, False])
def test_the_same_outputs_from_keras(biased, rng):
    lstm, dense = keras_weights(rng, biased=biased)
    X = np.float32(rng.normal(size=(20, 3)))
    wanted = keras_dense(dense, keras_lstm(lstm, X))
    net = from_keras(lstm, dense, optimizer=pylstm.SGD(0.5))
    assert (net.dtype, net.optimizer) == (np.float32, pylstm.SGD(0.5))
    np.testing.assert_allclose(net.run(X), wanted, rtol=0, atol=1e-5)
    named = dict(zip(("kernel", "recurrent_kernel", "bias"), lstm, strict=False))
    np.testing.assert_allclose(from_keras(named).run(X), keras_lstm(lstm, X), rtol=0, atol=1e-5)


class Layer:
    """What this needs of a layer of Keras."""

    def __init__(self, weights, **config):
        self.weights, self.config = weights, config

    def get_weights(self):
        return self.weights

    def get_config(self):
        return self.config


def test_the_activation_of_a_dense_layer_is_the_output(rng):
    lstm, dense = keras_weights(rng)
    net = from_keras(Layer(lstm, activation="tanh"), Layer(dense, activation="sigmoid"))
    X = np.float32(rng.normal(size=(5, 3)))
    wanted = 1 / (1 + np.exp(-keras_dense(dense, keras_lstm(lstm, X))))
    np.testing.assert_allclose(net.run(X), wanted, rtol=0, atol=1e-6)


WRONG_IN_KERAS = [
    (ValueError, lambda w, r: (w[:1], r), "lstm has 1 arrays, wanted kernel, .* is built"),
    (ValueError, lambda w, r: ({"kernel": w[0]}, r), "lstm has no 'recurrent_kernel'"),
    (ValueError, lambda w, r: ([w[0].T, *w[1:]], r), r"\(20, 3\), wanted \(20, 20\)"),
    (ValueError, lambda w, r: (w, [r[0].T, r[1]]), r"\(2, 5\), wanted \(5, 5\)"),
    (ValueError, lambda w, r: (Layer(w, activation="relu"), r), "activation of lstm is 'relu'"),
    (
        ValueError,
        lambda w, r: (Layer(w, recurrent_activation="relu"), r),
        "recurrent_activation of",
    ),
    (ValueError, lambda w, r: (w, Layer(r, activation="relu")), "activation of readout is 'relu'"),
    (TypeError, lambda w, r: ("lstm", r), "lstm is a str, wanted a layer"),
]


@pytest.mark.parametrize(("error", "change", "message"), WRONG_IN_KERAS)
def test_wrong_weights_of_keras_are_refused(error, change, message, rng):
    with pytest.raises(error, match=message):
        from_keras(*change(*keras_weights(rng)))


# ---------------------------------------------------------------- layers and directions

DEEP = [
    Architecture(),
    Architecture(cell_input="two_tanh_half", cell_output="tanh_half"),
    Architecture(block_size=2, forget_gate=False, hidden_bias="gates", output_bias=False),
]


def torch_layers(weights, X, n_layers, both):
    """Outputs of nn.LSTM with several layers, as its documentation puts one layer together."""
    for k in range(n_layers):
        outputs = []
        for suffix in [f"_l{k}", f"_l{k}_reverse"][: 1 + both]:
            own = {
                name.removesuffix(suffix) + "_l0": values
                for name, values in weights.items()
                if name.endswith(suffix)
            }
            turn = -1 if suffix.endswith("reverse") else 1
            outputs.append(torch_lstm(own, X[::turn])[::turn])
        X = np.concatenate(outputs, axis=1)
    return X


@pytest.mark.parametrize("architecture", DEEP, ids=str)
@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("both", [False, True])
def test_layers_and_directions_there_and_back(architecture, n_layers, both, dtype, rng):
    switches = {"n_blocks": [4] * n_layers, "bidirectional": both}
    switches |= {"gradient": "bptt"} if both else {}
    net = pylstm.LSTM(
        **architecture.keywords() | switches,
        init_range=0.5,
        dtype=dtype,
        optimizer=pylstm.SGD(0.05),
    )
    X, targets = random_task(architecture, 30, rng)
    net.run_sequences(X, targets)
    exported = to_torch(net)
    H = torch_layers(exported["lstm"], X, n_layers, both)
    wanted = torch_linear(exported["readout"], H)
    np.testing.assert_allclose(net.run_sequences(X), wanted, rtol=0, atol=TOLERANCE[dtype])
    back = from_torch(**exported)
    assert back.n_layers == n_layers
    np.testing.assert_allclose(back.run_sequences(X), wanted, rtol=0, atol=5 * TOLERANCE[dtype])
    cells = from_torch(exported["lstm"])  # without a readout the outputs are the cells
    np.testing.assert_allclose(cells.run_sequences(X), H, rtol=0, atol=5 * TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"n_blocks": [4, 3]}, "wanted layers as large as each other"),
        ({"n_blocks": [4, 4], "skip_inputs": True}, "skip_inputs is True"),
        ({"n_blocks": [4, 4], "skip_outputs": True}, "skip_outputs is True"),
    ],
)
def test_stacks_that_pytorch_has_not(keywords, sentence):
    with pytest.raises(ValueError, match=sentence):
        to_torch(pylstm.LSTM(2, 1, **keywords))


def test_a_cell_of_pytorch_is_one_layer():
    net = pylstm.LSTM(2, 1, [4, 4])
    with pytest.raises(ValueError, match=r"an nn\.LSTMCell is one layer"):
        to_torch(net, cell=True)


@pytest.mark.parametrize("n_layers", [1, 2, 3])
@pytest.mark.parametrize("both", [False, True])
def test_projections_become_part_of_what_reads_them(n_layers, both, dtype, rng):
    step, n_hidden, n_shown = 1 + both, 6, 4
    weights = {}
    for k in range(n_layers):
        for suffix in [f"_l{k}", f"_l{k}_reverse"][:step]:
            weights[f"weight_ih{suffix}"] = (4 * n_hidden, 3 if k == 0 else step * n_shown)
            weights[f"weight_hh{suffix}"] = (4 * n_hidden, n_shown)
            weights[f"weight_hr{suffix}"] = (n_shown, n_hidden)
    weights = {name: rng.uniform(-1, 1, size).astype(dtype) for name, size in weights.items()}
    readout = {"weight": rng.uniform(-1, 1, (2, step * n_shown)).astype(dtype), "bias": np.ones(2)}
    X = np.float32(rng.normal(size=(30, 3)))
    H = torch_layers(weights, X, n_layers, both)
    net = from_torch(weights, dtype=dtype)
    assert net.n_layers == n_layers
    np.testing.assert_allclose(net.run_sequences(X), H, rtol=0, atol=5 * TOLERANCE[dtype])
    ours = from_torch(weights, readout, dtype=dtype).run_sequences(X)
    np.testing.assert_allclose(ours, torch_linear(readout, H), rtol=0, atol=9 * TOLERANCE[dtype])
    assert from_torch(weights, n_outputs=5).parameters["output"].shape == (5, n_hidden + 1)


def keras_layers(lstm, X):
    """Outputs of layers of Keras one upon the other, each LSTM or Bidirectional by its arrays."""
    for arrays in lstm if isinstance(lstm, list) else [lstm]:
        values = [*arrays.values()]
        outputs = [keras_lstm(values[:3], X)]
        if len(values) == 6:
            outputs.append(keras_lstm(values[3:], X[::-1])[::-1])
        X = np.concatenate(outputs, axis=1)
    return X


@pytest.mark.parametrize("architecture", DEEP, ids=str)
@pytest.mark.parametrize("sizes", [[4], [4, 3], [2, 4, 3]])
@pytest.mark.parametrize("both", [False, True])
def test_layers_and_directions_to_keras_and_back(architecture, sizes, both, dtype, rng):
    switches = {"n_blocks": sizes, "bidirectional": both}
    switches |= {"gradient": "bptt"} if both else {}
    net = pylstm.LSTM(**architecture.keywords() | switches, init_range=0.5, dtype=dtype)
    X, _ = random_task(architecture, 30, rng)
    exported = to_keras(net)
    H = keras_layers(exported["lstm"], X)
    wanted = keras_dense(exported["readout"].values(), H)
    np.testing.assert_allclose(net.run_sequences(X), wanted, rtol=0, atol=TOLERANCE[dtype])
    layers = exported["lstm"] if len(sizes) > 1 else [exported["lstm"]]
    lists = [[*arrays.values()] for arrays in layers]
    made = [Two(own[:3], own[3:]) if both else Layer(own) for own in lists]
    for given in [exported["lstm"], lists, made]:
        back = from_keras(given, exported["readout"], dtype=dtype)
        assert (back.n_layers, back.n_inputs) == (len(sizes), net.n_inputs)
        np.testing.assert_allclose(back.run_sequences(X), wanted, rtol=0, atol=5 * TOLERANCE[dtype])
    cells = from_keras(exported["lstm"], dtype=dtype)
    np.testing.assert_allclose(cells.run_sequences(X), H, rtol=0, atol=5 * TOLERANCE[dtype])


def test_a_layer_without_biases_upon_one_with(rng):
    lower, _ = keras_weights(rng)
    upper, _ = keras_weights(rng, n_inputs=5, biased=False)
    X = np.float32(rng.normal(size=(10, 3)))
    wanted = keras_lstm(upper, keras_lstm(lower, X))
    np.testing.assert_allclose(from_keras([lower, upper]).run(X), wanted, rtol=0, atol=1e-6)


class Two:
    """What this needs of a Bidirectional."""

    def __init__(self, there, back, merge_mode="concat", return_sequences=True, **config):
        self.forward_layer = Layer(there, go_backwards=False, **config)
        self.backward_layer = Layer(back, go_backwards=not config)
        self.merge_mode, self.return_sequences = merge_mode, return_sequences

    def get_weights(self):
        return self.forward_layer.get_weights() + self.backward_layer.get_weights()


WRONG_LAYERS_IN_KERAS = [
    (lambda w, upper: [w, w], r"lstm\[1\]\['kernel'\] has shape \(3, 20\), wanted \(5, 20\)"),
    (lambda w, upper: [w, upper + upper], "reads both directions and the layer below one"),
    (lambda w, upper: [w + w, upper], "reads one direction and the layer below both"),
    (lambda w, upper: w[:2] + w, "lstm has 5 arrays, wanted kernel"),
    (lambda w, upper: Two(w, upper), r"backward lstm\['kernel'\] has shape \(5, 20\), wanted"),
    (lambda w, upper: [Two(w, w, merge_mode="sum")], r"merge_mode of lstm\[0\] is 'sum', wanted"),
    (lambda w, upper: Two(w, w, return_sequences=False), "return_sequences of lstm is False"),
    (lambda w, upper: Two(w, w, activation="tanh"), "go_backwards of lstm is False, wanted True"),
    (lambda w, upper: Two(w, w, activation="relu"), "activation of lstm is 'relu'"),
]


@pytest.mark.parametrize(("given", "message"), WRONG_LAYERS_IN_KERAS)
def test_wrong_layers_of_keras_are_refused(given, message, rng):
    w, upper = (keras_weights(rng, n_inputs=n)[0] for n in (3, 5))
    with pytest.raises(ValueError, match=message):
        from_keras(given(w, upper))


# ---------------------------------------------------------------- the libraries themselves


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("proj_size", [0, 4])
@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
def test_pytorch_itself_agrees_on_layers(both, proj_size, rng):
    torch = pytest.importorskip("torch", reason="the equations are tested without it")
    layer = torch.nn.LSTM(3, 6, num_layers=2, bidirectional=both, proj_size=proj_size)
    linear = torch.nn.Linear((1 + both) * (proj_size or 6), 2)
    X = np.float32(rng.normal(size=(30, 3)))
    with torch.no_grad():
        wanted = linear(layer(torch.tensor(X))[0]).numpy()
    net = from_torch(layer, linear)
    np.testing.assert_allclose(net.run_sequences(X), wanted, rtol=0, atol=1e-6)
    exported = to_torch(net)
    layer = torch.nn.LSTM(3, 6, num_layers=2, bidirectional=both)
    linear = torch.nn.Linear((1 + both) * 6, 2)
    for module, part in ((layer, "lstm"), (linear, "readout")):
        module.load_state_dict({k: torch.tensor(v) for k, v in exported[part].items()})
    with torch.no_grad():
        again = linear(layer(torch.tensor(X))[0]).numpy()
    np.testing.assert_allclose(again, wanted, rtol=0, atol=1e-6)


def test_pytorch_itself_agrees(rng):
    torch = pytest.importorskip("torch", reason="the equations are tested without it")
    net = build(Architecture(n_blocks=3, block_size=2, cell_recurrence=True), "float32")
    exported = to_torch(net)
    layer, linear = torch.nn.LSTM(3, 6), torch.nn.Linear(6, 2)
    for module, part in ((layer, "lstm"), (linear, "readout")):
        module.load_state_dict({k: torch.tensor(v) for k, v in exported[part].items()})
    X = np.float32(rng.normal(size=(30, 3)))
    with torch.no_grad():
        wanted = linear(layer(torch.tensor(X))[0]).numpy()
    np.testing.assert_allclose(net.run(X), wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(from_torch(layer, linear).run(X), wanted, rtol=0, atol=1e-6)


def test_pytorch_itself_has_other_names_and_types(rng):
    torch = pytest.importorskip("torch", reason="the equations are tested without it")

    class Wrapped(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = torch.nn.LSTM(3, 5), torch.nn.Linear(5, 2)

    module, cell = Wrapped(), torch.nn.LSTMCell(3, 5)
    X = np.float32(rng.normal(size=(30, 3)))
    net = from_torch(cell)
    with torch.no_grad():
        wanted = module.head(module.rnn(torch.tensor(X))[0]).numpy()
        np.testing.assert_allclose(from_torch(module).run(X), wanted, rtol=0, atol=1e-6)
        state, outputs = None, []
        for x in torch.tensor(X):
            state = cell(x, state)
            outputs.append(state[0].numpy())
    np.testing.assert_allclose(net.run(X), outputs, rtol=0, atol=1e-6)
    cell.load_state_dict({k: torch.tensor(v) for k, v in to_torch(net, cell=True)["lstm"].items()})
    for dtype in (torch.float16, torch.bfloat16):
        half = module.to(dtype)
        again = from_torch(half.rnn.to(dtype), half.head)
        assert again.dtype == np.float32
        np.testing.assert_array_equal(again.run(X), from_torch(half.float()).run(X))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in Keras
def test_keras_itself_agrees(rng):
    keras = pytest.importorskip("keras", reason="the equations are tested without it")
    net = build(Architecture(n_blocks=3, block_size=2), "float32")
    exported = to_keras(net)
    inputs = keras.Input((30, 3))
    layer, dense = keras.layers.LSTM(6, return_sequences=True), keras.layers.Dense(2)
    model = keras.Model(inputs, dense(layer(inputs)))
    assert layer.get_weights()[2][6:12].tolist() == [1] * 6  # unit_forget_bias
    X = np.float32(rng.normal(size=(30, 3)))
    for n in range(2):  # its own weights, and those from here
        wanted = keras.ops.convert_to_numpy(model(X[None]))[0]
        np.testing.assert_allclose(from_keras(layer, dense).run(X), wanted, rtol=0, atol=1e-6)
        if n:
            np.testing.assert_allclose(net.run(X), wanted, rtol=0, atol=1e-6)
        layer.set_weights([*exported["lstm"].values()])
        dense.set_weights([*exported["readout"].values()])


@pytest.fixture
def keras():
    return pytest.importorskip("keras", reason="the equations are tested without it")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in Keras
@pytest.mark.parametrize("both", [False, True])
def test_keras_itself_agrees_on_models(keras, both, rng):
    """Layers by a list of them, a Sequential and a functional model; and the weights from here."""

    def lstm(size, **keywords):
        layer = keras.layers.LSTM(size, return_sequences=True, **keywords)
        return keras.layers.Bidirectional(layer) if both else layer

    X = np.float32(rng.normal(size=(30, 3)))
    lower, upper = lstm(6), lstm(4, return_state=not both)
    dense = keras.layers.Dense(2, activation="sigmoid")
    inputs = keras.Input((30, 3))
    below = keras.layers.Dropout(0.5)(lower(inputs))
    functional = keras.Model(inputs, dense(upper(below) if both else upper(below)[0]))
    each = keras.layers.TimeDistributed(keras.layers.Dense(2, activation="sigmoid"))
    sequential = keras.Sequential([lstm(6), keras.layers.Dropout(0.5), lstm(4), each])
    wanted = keras.ops.convert_to_numpy(functional(X[None]))[0]
    for given in [([lower, upper], dense), (functional,)]:
        net = from_keras(*given)
        assert net.n_blocks == [6, 4]
        np.testing.assert_allclose(net.run_sequences(X), wanted, rtol=0, atol=1e-6)
    sequential(X[None])
    exported = to_keras(net)
    layers = [sequential.layers[0], sequential.layers[2]]
    for layer, arrays in zip(layers, exported["lstm"], strict=True):
        layer.set_weights([*arrays.values()])
    sequential.layers[3].set_weights([*exported["readout"].values()])
    again = keras.ops.convert_to_numpy(sequential(X[None]))[0]
    np.testing.assert_allclose(again, wanted, rtol=0, atol=1e-6)
    ours = from_keras(sequential).run_sequences(X)
    np.testing.assert_allclose(ours, wanted, rtol=0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in Keras
def test_models_of_keras_that_are_no_chain(keras):
    layers = keras.layers
    inputs = keras.Input((30, 3))
    lower, upper = (layers.LSTM(3, return_sequences=True) for _ in range(2))
    said = upper(lower(inputs))
    first = layers.Dense(2)
    model = keras.Model(inputs, first(said))
    for given, error, message in [
        (keras.Model(inputs, layers.Add()([said, inputs])), ValueError, "LSTM, LSTM, Add, wanted"),
        (keras.Model(inputs, [said, lower.output]), ValueError, "wanted a chain of layers"),
        (keras.Model(inputs, layers.Dense(1)(lower.output)), None, None),
        (keras.Sequential([layers.GRU(3)]), ValueError, "the model has GRU, wanted LSTM"),
        (keras.Sequential([layers.LSTM(3)]), ValueError, "0 arrays, .* a layer that is built"),
        (keras.Sequential([]), ValueError, "the model has no layers, wanted LSTM"),
    ]:
        if error is None:
            assert from_keras(given).n_layers == 1
            continue
        with pytest.raises(error, match=message):
            from_keras(given)
    with pytest.raises(TypeError, match="readout was given, wanted none: the model has its own"):
        from_keras(model, first)
