"""One step as an ONNX model, run by what others wrote, against `LSTM.step` and the estimators."""

import json
import math
import re

import numpy as np
import pytest
from nets import build, get_parameters, random_task
from oracle import Architecture

import pylstm
from pylstm.estimators import Classifier, Forecaster, Regressor

onnx = pytest.importorskip("onnx", reason="what is exported is run by the onnx package")

from onnx.reference import ReferenceEvaluator  # noqa: E402

from pylstm.onnx import OPSET, export_onnx  # noqa: E402

TOLERANCE = {"float32": 1e-6, "float64": 1e-12}


def in_reference(model):
    """What runs a model: a dict of inputs to a dict of outputs."""
    evaluator = ReferenceEvaluator(model)

    def run(given):
        with np.errstate(invalid="ignore"):  # a BLAS that raises the flag for numbers beside a row
            return dict(zip(evaluator.output_names, evaluator.run(None, given), strict=True))

    return run


def in_onnxruntime(model):
    runtime = pytest.importorskip("onnxruntime", reason="the extra [exchange] is not installed")
    runtime.set_default_logger_severity(3)  # else it warns of every state that may be left out
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    session = runtime.InferenceSession(model.SerializeToString(), options)
    names = [value.name for value in session.get_outputs()]
    return lambda given: dict(zip(names, session.run(None, given), strict=True))


@pytest.fixture(params=[in_reference, in_onnxruntime])
def runtime(request):
    return request.param


def state_after(values):
    return {name[5:]: value for name, value in values.items() if name.startswith("next_")}


def steps_in(runtime, full):
    """A thousand; the reference, a hundred times slower, does them with --full."""
    return 1000 if full or runtime is in_onnxruntime else 30


@pytest.fixture
def n_steps(runtime, request):
    return steps_in(runtime, request.config.getoption("full"))


def outputs_of(runtime, model, net, X):
    """Every y and the last state of a sequence that begins with zeros."""
    run = runtime(model)
    names = [value.name for value in model.graph.input]
    assert names[0] == "x"
    assert [value.name for value in model.graph.output] == ["y"] + [f"next_{n}" for n in names[1:]]
    state = {name: np.zeros_like(net.state[name]) for name in names[1:]}
    Y = []
    for x in X:
        values = run({"x": x.astype(net.dtype), **state})
        state = state_after(values)
        Y.append(values["y"])
    return np.array(Y), state


def check(runtime, net, architecture, n_steps=25):
    dtype = net.dtype.name
    X, targets = random_task(architecture, n_steps, np.random.default_rng(1))
    net.run(X, targets)
    before = get_parameters(net)
    model = export_onnx(net)
    assert all((before[name] == values).all() for name, values in net.parameters.items())
    net.reset()
    wanted = net.run(X)
    Y, state = outputs_of(runtime, model, net, X)
    assert Y.dtype == dtype
    largest = max(np.abs(values).max() for values in net.state.values())
    tolerance = TOLERANCE[dtype] * max(1, largest)
    np.testing.assert_allclose(Y, wanted, rtol=0, atol=tolerance)
    for name, values in state.items():
        assert values.dtype == dtype
        np.testing.assert_allclose(values, net.state[name], rtol=0, atol=tolerance, err_msg=name)


def test_the_same_numbers(runtime, architecture, dtype):
    check(runtime, build(architecture, dtype), architecture)


def test_every_combination_of_switches(runtime, combination):
    check(runtime, build(combination), combination, n_steps=4)


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
        if node.op_type == "MatMul":  # what runtimes are quick at is a row times a matrix
            assert node.input[1] in weights


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


# ---------------------------------------------------------------- layers and directions

DEEP = {
    "two": {"n_blocks": [4, 3]},
    "three": {"n_blocks": [2, 4, 3], "skip_inputs": True, "hidden_bias": "gates"},
    "shown": {"n_blocks": [4, 3, 2], "skip_outputs": True, "shortcut": True, "output": "logistic"},
    "1997": {"n_blocks": [3, 2], "block_size": 2, "gate_recurrence": True, "forget_gate": False},
    "peepholes": {"n_blocks": [3, 2], "peepholes": True, "leak": 0.25, "output": "softmax"},
    "units": {"n_blocks": [3, 2], "n_units": [1, 4], "skip_inputs": True, "gate_recurrence": True},
    "some units": {"n_blocks": [0, 3], "n_units": [4, 0], "unit": "tanh", "hidden_bias": "gates"},
}


@pytest.fixture(params=DEEP)
def deep(request):
    """An architecture, and the keywords of a network of several layers of it."""
    layers = ("n_blocks", "n_units", "skip_inputs", "skip_outputs")
    keywords = DEEP[request.param]
    one = Architecture(**{name: how for name, how in keywords.items() if name not in layers})
    return one, {name: how for name, how in keywords.items() if name in layers}


def layered(architecture, dtype="float64", **keywords):
    keywords = architecture.keywords() | keywords
    optimizer = pylstm.SGD(0.05)
    return pylstm.LSTM(**keywords, dtype=dtype, init_range=0.5, seed=11, optimizer=optimizer)


def test_a_step_of_several_layers(runtime, n_steps, deep, dtype):
    architecture, layers = deep
    check(runtime, layered(architecture, dtype, **layers), architecture, n_steps)


@pytest.mark.parametrize("unit", ["logistic", "tanh_half"])
@pytest.mark.parametrize("n_blocks", [0, 3])
def test_ordinary_units(runtime, n_steps, n_blocks, unit, dtype):
    units = {"n_blocks": n_blocks, "n_units": 4, "unit": unit}
    for switches in ({}, {"cell_recurrence": False, "shortcut": True}):
        architecture = Architecture(**switches)
        check(runtime, layered(architecture, dtype, **units), architecture, n_steps // 2)


def test_every_combination_of_switches_in_layers(runtime, combination):
    layers = {"n_blocks": [2, 1], "skip_outputs": combination.shortcut}
    check(runtime, layered(combination, **layers), combination, n_steps=3)


def test_the_state_of_layers_has_the_names_it_has_here(deep):
    architecture, layers = deep
    net = layered(architecture, **layers)
    names = [value.name for value in export_onnx(net).graph.input]
    kept = {name for name in net.state if architecture.gate_recurrence or "gate" not in name}
    assert names[0] == "x"
    assert set(names[1:]) == kept


@pytest.mark.parametrize("layers", [{}, {"n_blocks": [4, 3], "skip_outputs": True}])
@pytest.mark.parametrize("scaled", [False, True])
def test_heads(runtime, n_steps, layers, scaled, dtype, rng):
    heads = [pylstm.Head(2, "softmax"), pylstm.Head(1), pylstm.Head(2, "logistic")]
    switches = {"n_inputs": 3, "n_outputs": heads, "n_blocks": 4} | layers
    net = pylstm.LSTM(**switches, dtype=dtype, init_range=0.5, scale_targets=scaled)
    X, targets = random_task(Architecture(n_outputs=5), n_steps, rng)
    targets[:, 1] = 1 - targets[:, 0]
    targets[:, 2] = (100 if scaled else 0) + 7 * targets[:, 2]
    net.run(X, targets)
    net.reset()
    wanted = net.run(X)
    Y, _ = outputs_of(runtime, export_onnx(net), net, X)
    np.testing.assert_allclose(Y, wanted, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("n_blocks", [3, [3, 2]])
def test_heads_in_both_directions(runtime, n_blocks, dtype):
    heads = [pylstm.Head(2, "softmax"), pylstm.Head(1)]
    net = pylstm.LSTM(3, heads, n_blocks, bidirectional=True, gradient="bptt", dtype=dtype)
    check_both(runtime, net, [20, 1])


def test_tokens_are_their_vectors(runtime, deep, rng):
    architecture, layers = deep
    net = layered(architecture, **layers)
    tokens = rng.integers(0, net.n_inputs, 20)
    Y, _ = outputs_of(runtime, export_onnx(net), net, np.eye(net.n_inputs)[tokens])
    np.testing.assert_allclose(Y, net.run(tokens), rtol=0, atol=1e-12)


def check_both(runtime, net, lengths):
    run, rng = runtime(export_onnx(net)), np.random.default_rng(1)
    for length in lengths:
        X = rng.uniform(-1, 1, (length, net.n_inputs)).astype(net.dtype)
        Y = run({"x": X})["y"]
        assert Y.dtype == net.dtype
        wanted = net.run_sequences(X)
        np.testing.assert_allclose(Y, wanted, rtol=0, atol=TOLERANCE[net.dtype.name])


@pytest.mark.parametrize("n_layers", [1, 2])
def test_a_sequence_in_both_directions(runtime, n_steps, deep, n_layers, dtype):
    architecture, layers = deep
    if n_layers == 1:
        layers = {"n_blocks": 3}
    net = layered(architecture, dtype, bidirectional=True, gradient="bptt", **layers)
    check_both(runtime, net, [n_steps, 1, 2])


def test_every_combination_of_switches_in_both_directions(runtime, combination):
    layers = {"n_blocks": [2, 1], "skip_outputs": combination.shortcut}
    net = layered(combination, bidirectional=True, gradient="bptt", **layers)
    check_both(runtime, net, [3])


# ---------------------------------------------------------------- networks that scale


def scaled_stream(rng, n_steps):
    """Inputs far from 0, gaps, outliers, one that is constant for long; targets like them."""
    X = np.stack([rng.normal(1000, 50, n_steps), rng.normal(-3, 0.01, n_steps)], axis=1)
    X = np.append(X, np.full((n_steps, 1), 7.0), axis=1)
    targets = X[:, :1] + 500 * np.roll(X[:, 1:2], 1, axis=0)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[n_steps // 2, 0] = 1e7
    X[:9, 1] = [-3.01, -2.99] * 3 + [-3, -2, -20]  # the eighth is the last of the first ones
    X[-3:, 2] = [8, 7, 20]
    return X.astype(np.float32), targets


@pytest.mark.parametrize("n_seen", [0, 2, 6, 4000])
@pytest.mark.parametrize("scales", [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("layers", [{"n_blocks": 4}, {"n_blocks": [4, 4], "skip_outputs": True}])
def test_scaling_goes_along(runtime, n_steps, n_seen, scales, layers, dtype, rng):
    """After none, a few and more values than are remembered; from each of which it goes on."""
    scale_inputs, scale_targets = scales
    optimizer = pylstm.SGD(0.02 if scale_targets else 1e-7)
    net = pylstm.LSTM(
        3, 1, **layers, optimizer=optimizer, dtype=dtype, scale_inputs=scale_inputs,
        scale_targets=scale_targets, scale_memory=1000,
    )  # fmt: skip
    X, targets = scaled_stream(rng, n_seen + n_steps)
    if not scale_inputs:
        X = np.nan_to_num(X - [1000, -3, 7]).clip(-1, 1).astype(np.float32)
    if n_seen:
        net.run(X[:n_seen], targets[:n_seen])
    net.reset()
    run = runtime(export_onnx(net))
    state = {name: np.zeros(4, dtype) for name in net.state if "cell" in name}
    Y = []
    for x in X[n_seen:]:
        values = run({"x": x.astype(dtype), **state})
        state = state_after(values)
        Y.append(values["y"])
    wanted = net.run(X[n_seen:])
    assert n_seen == 0 or np.ptp(wanted) > 1e-3
    np.testing.assert_allclose(Y, wanted, rtol=1e-6, atol=1e-6)


def test_a_step_without_the_statistics_is_by_those_of_the_network(rng):
    X, targets = scaled_stream(rng, 300)
    net = pylstm.LSTM(3, 1, 4, scale_inputs=True, scale_targets=True)
    net.run(X, targets)
    net.reset()
    run = in_reference(export_onnx(net))
    state = {name: np.zeros(4, np.float32) for name in ("cell_state", "cell_output")}
    for x in X[:3]:
        np.testing.assert_allclose(run({"x": x, **state})["y"], net.predict(x), rtol=1e-6)


# ---------------------------------------------------------------- estimators


def rows_of(rng, start, n_rows):
    """Features that come and go, in any order, and targets, some of them missing."""
    for t in range(start, start + n_rows):
        x = {"wave": 100 + 10 * math.sin(t / 4), "noise": rng.normal(), "hour": t % 7}
        y = 2 * x["wave"] + x["noise"]
        if rng.random() < 0.1:
            x["noise"] = None
        if rng.random() < 0.1:
            del x["hour"]
        yield dict(sorted(x.items(), reverse=t % 2)), None if rng.random() < 0.1 else y


def label_of(y):
    return None if y is None else "high" if y > 205 else ("middle", 1) if y > 190 else "low"


def fitted(kind, rng, n_rows=150, **parameters):
    model = kind(**{"n_cells": 4} | parameters)
    for x, y in rows_of(rng, 0, n_rows):
        model.learn_one(x, label_of(y) if kind is Classifier else y)
    return model


def check_rows(runtime, model, rows):
    """The loop of the docstring, there and here; how much was said."""
    run, state, last, found = runtime(export_onnx(model)), {}, None, []
    labels = isinstance(model, Classifier)
    for x, y in rows:
        given = {"x": np.array([x.get(name) for name in model.feature_names], float)}
        if not model._features.own:
            pass
        elif labels:
            given["last_label"] = np.array([-1 if last is None else model.classes.index(last)])
        else:
            given["last_target"] = np.array([math.nan if last is None else last])
        values = run(given | state)
        state = {"state": values["next_state"]}
        wanted = [*model.predict_proba_one(x).values()] if labels else [model.predict_one(x)]
        said = values["probabilities" if labels else "prediction"]
        np.testing.assert_allclose(said, wanted, rtol=1e-5, atol=1e-5)
        last = label_of(y) if labels else y
        model.advance_one(x, last)
        found.append(said)
    return np.ptp(found, axis=0).max()


ESTIMATORS = [
    {},
    {"dtype": "float64"},
    {"feedback": False},
    {"ordered": False},
    {"optimizer": pylstm.SGD(0.01), "block_size": 2, "network": {"peepholes": True}},
]


@pytest.mark.parametrize("parameters", ESTIMATORS)
@pytest.mark.parametrize("kind", [Regressor, Classifier])
def test_whole_estimators(runtime, n_steps, kind, parameters, rng):
    model = fitted(kind, rng, **parameters)
    assert check_rows(runtime, model, rows_of(rng, 150, n_steps)) > 0.1


@pytest.mark.parametrize("kind", [Regressor, Classifier])
def test_estimators_at_the_start_of_a_sequence(runtime, kind, rng):
    model = fitted(kind, rng)
    model.reset()
    check_rows(runtime, model, rows_of(rng, 0, 20))


@pytest.mark.parametrize("feedback", [True, False])
def test_several_targets(runtime, feedback, rng):
    model = Regressor(n_cells=4, feedback=feedback)
    rows = [(x, {"y": y, "wave": x["wave"]}) for x, y in rows_of(rng, 0, 200)]
    for x, targets in rows[:150]:
        model.learn_one(x, targets)
    proto = export_onnx(model)
    told = {p.key: json.loads(p.value) for p in proto.metadata_props}
    assert told["targets"] == ["wave", "y"]
    run, state, last = runtime(proto), {}, {}
    for x, targets in rows[150:]:
        given = {"x": np.array([x.get(name) for name in model.feature_names], float)}
        if feedback:
            given["last_target"] = np.array([last.get(name) for name in ("wave", "y")], float)
        values = run(given | state)
        state, last = {"state": values["next_state"]}, targets
        wanted = [model.predict_one(x)[name] for name in ("wave", "y")]
        np.testing.assert_allclose(values["prediction"], wanted, rtol=1e-5)
        model.advance_one(x, targets)


def test_an_estimator_that_knows_last_targets_alone(runtime):
    model = Regressor(n_cells=4)
    for t in range(50):
        model.learn_one({}, math.sin(t))
    run, state = runtime(export_onnx(model)), {}
    for t in range(50, 60):
        values = run({"last_target": np.array([math.sin(t - 1)])} | state)
        state = {"state": values["next_state"]}
        np.testing.assert_allclose(values["prediction"], model.predict_one({}), rtol=0, atol=1e-6)
        model.advance_one({}, math.sin(t))


def test_text_is_exported_as_its_indicators(runtime):
    model = Regressor(n_cells=4)
    for t in range(60):
        model.learn_one({"size": t % 5, "colour": ["red", "blue", None][t % 3]}, t % 3 + t % 5)
    run, state, last = runtime(export_onnx(model)), {}, math.nan
    for t, colour in enumerate(["red", None, "blue", "new"]):
        shares = {
            ("colour", v): float(colour == v) if colour else math.nan for v in ("red", "blue")
        }
        x = np.array([({"size": t} | shares)[name] for name in model.feature_names])
        values = run({"x": x, "last_target": np.array([last])} | state)
        state, last = {"state": values["next_state"]}, float(t)
        row = {"size": t, "colour": colour}
        np.testing.assert_allclose(values["prediction"], model.predict_one(row), rtol=0, atol=1e-5)
        model.advance_one(row, last)


def test_names_go_along(rng):
    model = fitted(Classifier, rng)
    told = {p.key: json.loads(p.value) for p in export_onnx(model).metadata_props}
    assert told["feature_names"] == model.feature_names
    assert told["classes"] == [c if isinstance(c, str) else list(c) for c in model.classes]


def series_of(start, n_rows):
    """A series with gaps, and features of its rows."""
    for t in range(start, start + n_rows):
        y = 20 + 5 * math.sin(t / 2) + t % 7 + math.sin(t**2)
        yield {"wave": math.cos(t / 3), "day": None if t % 5 == 0 else t % 7}, y


def series_learned(n_rows=150, **parameters):
    model = Forecaster(n_cells=4, **parameters)
    for t, (x, y) in enumerate(series_of(0, n_rows)):
        model.learn_one(None if t % 11 == 5 else y, x)
    return model


def next_row(run, model, state, x, last=math.nan):
    features = np.array([x[name] for name in model.feature_names], float)
    values = run({"x": features, "last_value": np.array([last])} | state)
    return values["forecast"].item(), {"state": values["next_state"]}


SERIES = [{}, {"season": 7}, {"season": (7, 24)}, {"season": 7, "n_rows": 5}]


@pytest.mark.parametrize("parameters", SERIES)
def test_forecasts_go_on_from_themselves(runtime, n_steps, parameters):
    model = series_learned(**parameters)
    run, state, forecasts = runtime(export_onnx(model)), {}, []
    rows = [x for x, _ in series_of(150, n_steps)]
    for x in rows:
        forecast, state = next_row(run, model, state, x)
        forecasts.append(forecast)
    np.testing.assert_allclose(forecasts, model.forecast(n_steps, rows), rtol=1e-5)


@pytest.mark.parametrize("parameters", SERIES)
def test_forecasts_go_on_from_values(runtime, n_steps, parameters):
    """Row after row, and at one of them, without its value, some rows ahead."""
    model = series_learned(**parameters)
    run, state, last = runtime(export_onnx(model)), {}, math.nan
    rows = list(series_of(150, n_steps))
    for t, (x, y) in enumerate(rows):
        forecast, state = next_row(run, model, state, x, last)
        said, ahead = [forecast], state
        for later, _ in rows[t + 1 : t + 10] if t == 12 else []:
            forecast, ahead = next_row(run, model, ahead, later)
            said.append(forecast)
        wanted = model.forecast(len(said), [x for x, _ in rows[t : t + len(said)]])
        np.testing.assert_allclose(said, wanted, rtol=1e-5)
        model.advance_one(y, x)
        last = y


def test_the_adapter_of_scikit_learn_is_what_is_behind(rng):
    sklearn = pytest.importorskip("pylstm.sklearn", reason="the extra [sklearn] is not installed")
    model = sklearn.LSTMRegressor(4).fit(rng.normal(size=(30, 2)), rng.normal(size=30))
    assert export_onnx(model) == export_onnx(model.estimator_)


def test_estimators_that_cannot_be_exported(rng):
    for model, error, message in [
        (Regressor(), ValueError, "learned from no row"),
        (fitted(Regressor, rng, n_rows=5, delay=2), ValueError, "delay is 2"),
        (Forecaster(), ValueError, "learned from no row"),
        (series_learned(horizon=3), ValueError, "horizon is 3"),
    ]:
        with pytest.raises(error, match=message):
            export_onnx(model)
    model = Classifier(n_cells=4)
    model.learn_one({"a": 1.0}, None)
    with pytest.raises(ValueError, match="seen no label"):
        export_onnx(model)
