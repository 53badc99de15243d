"""One step as an ONNX model, run by the reference evaluator of ONNX, against `LSTM.step`."""

import re

import numpy as np
import pytest
from nets import build, get_parameters, random_task
from oracle import Architecture

import pylstm

onnx = pytest.importorskip("onnx", reason="what is exported is run by the onnx package")

from onnx.reference import ReferenceEvaluator  # noqa: E402

from pylstm.onnx import OPSET, export_onnx  # noqa: E402

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}


def outputs_of(model, net, X):
    """Every y and the last state of a sequence that begins with zeros."""
    evaluator = ReferenceEvaluator(model)
    names = [value.name for value in model.graph.input]
    assert names[0] == "x"
    assert [value.name for value in model.graph.output] == ["y"] + [f"next_{n}" for n in names[1:]]
    state = {name: np.zeros_like(net.state[name]) for name in names[1:]}
    Y = []
    for x in X:
        with np.errstate(invalid="ignore"):  # a BLAS that raises the flag for numbers beside a row
            y, *values = evaluator.run(None, {"x": x.astype(net.dtype), **state})
        state = dict(zip(state, values, strict=True))
        Y.append(y)
    return np.array(Y), state


def check(architecture, dtype, n_steps=25):
    net = build(architecture, dtype)
    X, targets = random_task(architecture, n_steps, np.random.default_rng(1))
    net.run(X, targets)
    before = get_parameters(net)
    model = export_onnx(net)
    assert all((before[name] == values).all() for name, values in net.parameters.items())
    net.reset()
    wanted = net.run(X)
    Y, state = outputs_of(model, net, X)
    assert Y.dtype == dtype
    tolerance = TOLERANCE[dtype] * max(1, np.abs(net.state["cell_state"]).max())
    np.testing.assert_allclose(Y, wanted, rtol=0, atol=tolerance)
    for name, values in state.items():
        assert values.dtype == dtype
        np.testing.assert_allclose(values, net.state[name], rtol=0, atol=tolerance, err_msg=name)


def test_the_same_numbers(architecture, dtype):
    check(architecture, dtype)


def test_every_combination_of_switches(combination):
    check(combination, "float64", n_steps=4)


def test_state_goes_in_where_it_is_a_source():
    plain, recurrent = Architecture(forget_gate=False), Architecture(gate_recurrence=True)
    names = [
        [value.name for value in export_onnx(build(a)).graph.input] for a in (plain, recurrent)
    ]
    assert names[0] == ["x", "cell_state", "cell_output"]
    assert names[1] == [*names[0], "input_gate", "forget_gate", "output_gate"]


def test_names_and_operations_are_plain():
    model = export_onnx(build(Architecture(peepholes=True, gate_recurrence=True, block_size=2)))
    assert [(o.domain, o.version) for o in model.opset_import] == [("", OPSET)]
    assert model.producer_name == "pylstm"
    operations = {node.op_type for node in model.graph.node}
    elementary = {"Add", "Mul", "MatMul", "Concat", "Gather", "Reshape", "ReduceSum", "Identity"}
    assert operations <= elementary | {"Sigmoid", "Tanh", "Softmax"}
    weights = {constant.name for constant in model.graph.initializer}
    assert {"input_gate.weights", "input_gate.bias", "peephole_output.weights"} <= weights
    for node in model.graph.node:
        assert node.name == node.output[0]
        assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", node.name)


def test_a_file(tmp_path):
    path = tmp_path / "net.onnx"
    net = build(Architecture())
    model = export_onnx(net, path)
    assert onnx.load(path) == model
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_exported_or_written(tmp_path):
    with pytest.raises(TypeError, match=r"wanted a pylstm\.LSTM"):
        export_onnx(pylstm.Population(2, 1, 1, 1))
    with pytest.raises(pylstm.errors.InputError, match="cannot write"):
        export_onnx(build(Architecture()), tmp_path / "nowhere" / "net.onnx")
