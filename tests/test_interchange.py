"""Weights to and from PyTorch, against nn.LSTM written from its documented equations."""

from itertools import product

import numpy as np
import pytest
from nets import build, get_parameters, random_task
from oracle import Architecture

import pylstm
from pylstm.interchange import from_torch, to_torch


def torch_lstm(weights, X):
    """Outputs h (n_steps, n_hidden) of nn.LSTM with one layer, from a fresh state, in float64."""
    weights = {name: np.float64(values) for name, values in weights.items()}
    n_hidden = weights["weight_hh_l0"].shape[1]
    zero = np.zeros(4 * n_hidden)
    h = c = np.zeros(n_hidden)
    outputs = []
    for x in np.float64(X):
        a = weights["weight_ih_l0"] @ x + weights.get("bias_ih_l0", zero)
        a += weights["weight_hh_l0"] @ h + weights.get("bias_hh_l0", zero)
        i, f, g, o = a.reshape(4, n_hidden)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
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
def test_what_pytorch_has_not_is_named(switches, message):
    with pytest.raises(ValueError, match=message):
        to_torch(build(Architecture(**switches)))


def test_only_networks_go():
    with pytest.raises(TypeError, match=r"wanted a pylstm\.LSTM"):
        to_torch(pylstm.Population(2, 1, 1, 1))


def without(weights, name):
    return {key: values for key, values in weights.items() if key != name}


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
