"""Files and states that lie: refused in one short sentence, before anything is built of them."""

import copy
import json
import pickle
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from checkpoints import put_together, take_apart, write_safetensors

import pylstm
from pylstm import _core, baselines, estimators
from pylstm.checkpoint import CheckpointError, register
from pylstm.tabular import Session, Settings

ROOT = Path(__file__).resolve().parents[1]
FILES = ROOT / "tests" / "files" / "0.1.0"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "saved.safetensors"


def refusal(path):
    with pytest.raises(CheckpointError) as caught:
        pylstm.load(path)
    message = str(caught.value)
    assert len(message) <= 300
    assert message.isprintable()
    return message


def liar(thing, path, change):
    """The file of an object, changed by `change(state, arrays)`, with a checksum that is right."""
    pylstm.save(thing, path)
    document, arrays = take_apart(path)
    change(document["objects"][-1]["state"], arrays)
    put_together(path, document, arrays)
    return refusal(path)


def fresh(**switches):
    return pylstm.LSTM(3, 2, 4, **switches)


def lived(**switches):
    """A network that has made steps and collected a gradient."""
    net = fresh(**switches)
    for k in range(3):
        net.step([k, 0.5, -1.0])
        net.learn([0.1, 0.2], update=False)
    return net


# ---------------------------------------------------------------- the file


@pytest.mark.processes
def test_nothing_checks_before_something_is_restored():
    code = "import sys, pylstm; print('msgspec' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "False\n"


@pytest.mark.parametrize("key", ["format", "version", "class", "objects", "sha256"])
def test_a_key_of_the_description_is_missing(key, path):
    lived().save(path)
    document, arrays = take_apart(path)
    del document[key]
    put_together(path, document, arrays, sign=key != "sha256")
    refusal(path)


def test_a_key_of_the_description_is_strange(path):
    lived().save(path)
    document, arrays = take_apart(path)
    put_together(path, document | {"more": 1}, arrays)
    assert "do not fit together" in refusal(path)


@pytest.mark.parametrize(
    ("dtype", "size"), [("F8_E4M3", 1), ("F8_E5M2", 1), ("BF16", 2), ("C64", 8)]
)
def test_dtypes_numpy_lacks(dtype, size, path):
    for metadata, said in (({"pylstm": "{}"}, dtype), ({}, "of another program")):
        tensor = {"dtype": dtype, "shape": [4], "data_offsets": [0, 4 * size]}
        text = json.dumps({"__metadata__": metadata, "x": tensor}).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(4 * size))
        assert said in refusal(path)


@pytest.mark.parametrize("depth", [120, 250, 900, 100_000])
def test_deep_descriptions(depth, path):
    lived().save(path)
    document, arrays = take_apart(path)
    document["objects"][-1]["state"]["init_range"] = "HERE"
    text = json.dumps(document).replace('"HERE"', "[" * depth + "]" * depth)
    write_safetensors(path, {"pylstm": text}, arrays)
    refusal(path)
    try:
        put_together(path, json.loads(text), arrays)
    except RecursionError:
        return
    refusal(path)


def test_what_is_too_deep_to_be_loaded_is_not_saved(path):
    @register
    class Deep:
        def __getstate__(self):
            return self.state

        def __setstate__(self, state):
            self.state = state

    def nested(depth):
        deep = Deep()
        deep.state = 1
        for _ in range(depth):
            deep.state = (deep.state,)
        return deep

    pylstm.save(nested(100), path)
    assert pylstm.load(path).state == nested(100).state
    with pytest.raises(TypeError, match="more than 100 levels deep"):
        pylstm.save(nested(101), path)


@pytest.mark.parametrize("key", ["format", "state", "n_steps", "n_inputs"])
def test_keys_that_are_there_twice(key, path):
    """Both times with the same value, so that the checksum is right."""
    lived().save(path)
    document, arrays = take_apart(path)
    text = json.dumps(document)
    start = text.index(f'"{key}": ')
    end = json.JSONDecoder().raw_decode(text, start + len(key) + 4)[1]
    pair = text[start:end]
    write_safetensors(path, {"pylstm": text.replace(pair, f"{pair}, {pair}", 1)}, arrays)
    assert "a key is there twice" in refusal(path)


def test_the_class_that_is_said_and_the_one_that_is_there(path):
    pylstm.Population(2, 1, 1, 2).save(path)
    document, arrays = take_apart(path)
    put_together(path, document | {"class": "LSTM"}, arrays)
    message = refusal(path)
    assert "'LSTM'" in message
    assert "'Population'" in message
    with pytest.raises(CheckpointError):
        pylstm.LSTM.load(path)


@pytest.mark.parametrize(
    "part",
    [
        {"$array": "parameters"}, {"$array": "nowhere"}, {"$object": 0}, {"$object": -1},
        {"$object": True}, {"$object": "0"}, {"$float": "1"}, {"$float": 1}, {"$what": 1},
        {"$tuple": {"a": 1}}, {"$dict": [[1, 2], [1, 3]]}, {"$array": "record", "more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_words_that_stand_for_nothing_or_twice(part, path):
    liar(lived(), path, lambda state, arrays: state.update(init_range=part))


def test_parts_without_a_place(path):
    liar(lived(), path, lambda state, arrays: arrays.update(more=np.zeros(2)))
    pylstm.save(estimators.Regressor(2, optimizer=pylstm.SGD(0.1)), path)
    document, arrays = take_apart(path)
    document["objects"].insert(0, copy.deepcopy(document["objects"][0]))
    put_together(path, document, arrays)
    assert "object 1 has no place" in refusal(path)


def test_messages_are_cut(path, tmp_path):
    long = tmp_path / ("a" * 200) / ("b" * 200)
    long.mkdir(parents=True)
    net = lived()
    for value in ("x" * 10_000, "\ud800\x1b[31m\n", 10**400, list(range(10_000)), {"a" * 5000: 1}):
        for key in ("dtype", "n_inputs", value if isinstance(value, str) else "window"):
            liar(net, long / "net", lambda state, _, k=key, v=value: state["config"].update({k: v}))
    net.save(path)
    document, arrays = take_apart(path)
    for name in ("c" * 10_000, "\ud800"):
        put_together(path, document | {"class": name}, arrays)
        refusal(path)
        document["objects"][-1]["class"] = name
        put_together(path, document | {"class": name}, arrays)
        assert "wanted one of" in refusal(path)


# ---------------------------------------------------------------- networks


LIES = [
    {"n_steps": -1}, {"n_steps": 2**63}, {"n_steps": "3"}, {"n_steps": True}, {"n_steps": 3.0},
    {"n_pending": -1}, {"n_pending": 2**40}, {"n_pending": 2}, {"n_waiting": 4}, {"n_waiting": -1},
    {"n_absorbed": 1}, {"n_absorbed": -1}, {"n_collect": -1}, {"n_updates": -1},
    {"closed": 2}, {"learnable": -1}, {"collected": 1}, {"traces_zero": 0}, {"has_errors": 0},
    {"all_live": 2}, {"all_live": 0}, {"init_range": -1.0}, {"init_range": "0.1"},
    {"init_range": float("nan")}, {"growth_seed": -1}, {"growth_seed": 2**32}, {"format": True},
    {"large_from": 2**63}, {"output_error": "0"}, {"more": 1}, {"config": []}, {"optimizer": {}},
    {"optimizer": {"name": "SGD", "learning_rate": 0.1}}, {"record": [1.0]}, {"live": None},
]  # fmt: skip


def jsonable(lie):
    return {k: {"$float": "nan"} if v != v else v for k, v in lie.items()}


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_progress_that_cannot_be(lie, path):
    net = lived()
    state = net.__getstate__() | lie
    with pytest.raises((ValueError, TypeError)):
        pylstm.LSTM.__new__(pylstm.LSTM).__setstate__(state)
    name = next(iter(lie))

    def change(saved, arrays):
        if name in arrays:
            del arrays[name]
        saved.update(jsonable(lie))

    liar(net, path, change)


CONFIGS = [
    {"n_inputs": 0}, {"n_inputs": 2**31}, {"n_inputs": True}, {"n_outputs": 3}, {"n_blocks": -4},
    {"block_size": 2}, {"peepholes": 1}, {"peepholes": True}, {"hidden_bias": "some"},
    {"loss": "cross_entropy"}, {"dtype": "float64"}, {"dtype": "object"}, {"gradient": "bptt"},
    {"gradient": "rtrl"}, {"window": 3}, {"scale_inputs": True}, {"scale_targets": True},
    {"scale_memory": 0}, {"memory_limit": 0}, {"cell_input": "softmax"}, {"more": 1},
]  # fmt: skip


@pytest.mark.parametrize("lie", CONFIGS, ids=str)
def test_configurations_that_cannot_be(lie, path):
    liar(lived(), path, lambda state, arrays: state["config"].update(lie))


@pytest.mark.parametrize("name", ["n_inputs", "block_size", "init_range", "n_steps", "optimizer"])
def test_keys_that_are_missing(name, path):
    def change(state, arrays):
        del (state if name in state else state["config"])[name]

    assert name in liar(lived(), path, change)


ARRAYS = {
    "live twice": {"live": np.int32([1, 1])},
    "live beyond": {"live": np.int32([3])},
    "live below": {"live": np.int32([-1])},
    "live of another dtype": {"live": np.int64([1])},
    "tokens beyond": {"tokens": np.int32([-1, -1, -1, 3])},
    "tokens below": {"tokens": np.int32([-1, -1, -1, -2])},
    "tokens too few": {"tokens": np.int32([-1])},
    "record too short": {"record": np.zeros(7, np.float32)},
    "record flat": {"record": np.zeros((1, 7), np.float32)},
    "gradient": {"gradient": np.zeros(7, np.float32)},
    "gradient of another dtype": {"gradient": np.zeros(7)},
    "moments of no rule": {"first_moment": np.zeros(7, np.float32)},
}


@pytest.mark.parametrize("case", list(ARRAYS))
def test_arrays_that_cannot_be(case, path):
    net = lived()
    ((name, array),) = ARRAYS[case].items()
    with pytest.raises((ValueError, TypeError)):
        copy.copy(net).__setstate__(net.__getstate__() | {name: array})

    def change(state, arrays):
        state[name] = {"$array": name}
        arrays[name] = array

    liar(net, path, change)


def test_moments_that_are_missing(path):
    net = lived(optimizer=pylstm.Adam())
    for name in ("first_moment", "second_moment"):
        liar(net, path, lambda state, arrays, n=name: (state.pop(n), arrays.pop(n)))


def test_a_network_that_is_not_lazy_has_absorbed_nothing(path):
    """It was believed, and went beyond its buffers with the next step."""
    net = fresh()
    net.step(np.zeros(3))
    assert "absorbed" in liar(net, path, lambda state, arrays: state.update(n_absorbed=1))
    before = _core.choose_large_from(1)
    try:
        lazy = fresh()
        lazy.run(np.ones((3, 3)), np.ones((3, 2)))
        assert lazy.__getstate__()["n_absorbed"] > 0
        lazy.copy().step(np.ones(3))
    finally:
        _core.choose_large_from(before)


@pytest.mark.parametrize("scale", ["input_scale", "target_scale"])
@pytest.mark.parametrize("part", ["count", "mean", "variance"])
def test_statistics_that_cannot_be(scale, part, path):
    net = fresh(scale_inputs=True, scale_targets=True)
    net.step(np.ones(3), np.ones(2))
    name = f"{scale}.{part}"
    for bad in (np.nan, np.inf):
        liar(net, path, lambda state, arrays, b=bad: arrays.update({name: arrays[name] + b}))
    liar(net, path, lambda state, arrays: arrays.update({name: arrays[name][:1]}))
    liar(net, path, lambda state, arrays: arrays.update({name: arrays[name].astype("float32")}))
    if part != "mean":
        liar(net, path, lambda state, arrays: arrays.update({name: arrays[name] - 9}))


@pytest.mark.parametrize(
    "lie",
    [
        {"n_streams": 4}, {"n_streams": 2**31 - 1}, {"n_pending_of": [9, 9]}, {"last_error": 9},
        {"has_errors_of": [1, 1]}, {"learnable": [1]}, {"output_errors": [0.0, "0"]}, {"net": 3},
        {"n_waiting": 9}, {"traces_zero": [0, 0]}, {"traces_zero": [1, True]},
    ],
    ids=str,
)  # fmt: skip
def test_streams_that_cannot_be(lie, path):
    streams = pylstm.Streams(fresh(), 2)
    streams.step(np.ones((2, 3)))
    liar(streams, path, lambda state, arrays: state.update(lie))


@pytest.mark.parametrize(
    "lie",
    [
        {"n_pending": 2}, {"n_pending_of": [1, 0]}, {"learnable": [1, 0]}, {"has_errors": 0},
        {"last_error": 0}, {"collected": 1}, {"n_steps": 2}, {"n_collect": 2}, {"closed": 1},
        {"n_waiting": 1}, {"has_errors_of": [1, 1]}, {"traces_zero": [0, 0]},
        {"traces_zero": [1]}, {"output_errors": [0.0]}, {"n_streams": 2},
    ],
    ids=str,
)  # fmt: skip
def test_layers_of_streams_that_cannot_be(lie, path):
    """Each by itself, and beside the top one."""
    streams = pylstm.Streams(pylstm.LSTM(3, 2, [4, 3]), 2)
    streams.step(np.ones((2, 3)))
    streams.learn([[0.5, 0.5], [np.nan, np.nan]], update=False)
    liar(streams, path, lambda state, arrays: state["below"][0].update(lie))
    liar(streams, path, lambda state, arrays: state["below"].append(state["below"][0]))


@pytest.mark.parametrize(
    "lie", [{"n_nets": 17}, {"n_nets": 0}, {"optimizers": []}, {"optimizers": [1, 2]}], ids=str
)
def test_populations_that_cannot_be(lie, path):
    pop = pylstm.Population(2, 3, 2, 4)
    liar(pop, path, lambda state, arrays: state.update(lie))
    for name in ("parameters", "groups", "counts"):
        liar(pop, path, lambda state, arrays, n=name: arrays.update({n: arrays[n][:0]}))
    liar(pop, path, lambda state, arrays: state["optimizers"][0].update(learning_rate=-5))
    liar(pop, path, lambda state, arrays: arrays.update(groups=arrays["groups"] + np.uint32(2**16)))


def test_a_delayed_that_cannot_be(path):
    delayed = pylstm.Delayed(fresh(), 2)
    delayed.step(np.ones(3))
    delayed.step(1)
    for lie in ({"delay": 1}, {"delay": 0}, {"ahead": None}, {"delay": -1}, {"waiting": []}):
        liar(delayed, path, lambda state, arrays, lie=lie: state.update(lie))
    for bad in (np.int32(3), np.int32(-1), np.float32(0.5), np.full(3, np.nan, np.float32)):
        array = np.asarray(bad)
        liar(delayed, path, lambda state, arrays, a=array: arrays.update({"waiting.1": a}))
    liar(delayed, path, lambda state, arrays: state["ahead"].update(collected=1))


# ---------------------------------------------------------------- optimizers and estimators


@pytest.mark.parametrize(
    "lie",
    [{"learning_rate": -5}, {"learning_rate": "1"}, {"momentum": 1}, {"more": 1}, {"schedule": 3}],
    ids=str,
)  # fmt: skip
def test_optimizers_that_cannot_be(lie, path):
    liar(pylstm.SGD(0.1), path, lambda state, arrays: state.update(lie))
    with pytest.raises((ValueError, TypeError)):
        pylstm.SGD.__new__(pylstm.SGD).__setstate__(vars(pylstm.SGD(0.1)) | lie)
    liar(lived(), path, lambda state, arrays: state["optimizer"].update(lie))


def test_optimizers_are_pickled_and_copied():
    for one in (pylstm.SGD(0.1, schedule=pylstm.Decay(0.5)), pylstm.Adam(), pylstm.Decay(0.1)):
        assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one


@pytest.mark.parametrize("one", [pylstm.SGD(0.1), pylstm.RMSprop(), pylstm.Adam()], ids=str)
def test_optimizers_from_before_all_had_a_weight_decay(one):
    saved = {key: value for key, value in one.saved().items() if key != "weight_decay"}
    assert pylstm.optimizers.Optimizer.from_saved(saved) == one
    del saved["name"]
    unpickled = type(one).__new__(type(one))
    unpickled.__setstate__(saved)
    assert unpickled == one


def test_keywords_of_optimizers_that_are_missing(path):
    liar(pylstm.Adam(), path, lambda state, arrays: state.pop("beta1"))
    liar(lived(), path, lambda state, arrays: state["optimizer"].pop("momentum"))
    liar(pylstm.Decay(0.5), path, lambda state, arrays: state.update(factor=2))


def learned(model):
    for t in range(5):
        model.learn_one({"a": t % 3, "b": 1.0}, t % 2)
    return model


@pytest.mark.parametrize(
    "lie",
    [
        {"places": [0, 4]}, {"places": [4, 2]}, {"places": [2, 2]}, {"places": [-2, 4]},
        {"places": [2]}, {"places": [2, 10**9]}, {"names": ["a", "a"]}, {"names": ["a", []]},
        {"names": []}, {"before": [0.0]}, {"more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_features_that_cannot_be(lie, path):
    def change(state, arrays):
        state["features"].update(lie)
        if "before" in lie:
            del arrays["features.before"]

    liar(learned(estimators.Regressor(3)), path, change)


def test_own_inputs_are_said_where_they_are_not_those_of_the_first_rows(path):
    several = estimators.Regressor(3)
    several.learn_one({"a": 1.0}, {"x": 1.0, "y": 2.0})
    for model in (learned(estimators.Classifier(3, feedback=True)), several):
        liar(model, path, lambda state, arrays: state["features"].pop("own"))


def test_a_last_row_that_cannot_be(path):
    model, name = learned(estimators.Regressor(3)), "features.before"
    for bad in (np.full(6, np.inf), np.zeros(5), np.zeros(6, np.float32)):
        liar(model, path, lambda state, arrays, b=bad: arrays.update({name: b}))
    liar(model, path, lambda state, arrays: state.update(last={"$float": "inf"}))


@pytest.mark.parametrize(
    "lie", [{"n_cells": 4}, {"n_cells": -3}, {"dtype": "float64"}, {"seed": -1}, {"feedback": 3},
            {"feedback": False}, {"network": {"peephole": True}}, {"more": 1}, {"optimizer": 1}],
    ids=str,
)  # fmt: skip
def test_parameters_that_cannot_be(lie, path):
    model = learned(estimators.Regressor(3))
    liar(model, path, lambda state, arrays: state["parameters"].update(lie))


def test_classes_that_cannot_be(path):
    model = learned(estimators.Classifier(3))
    for classes in ([0], [0, 0], [0, 1, 2], [0, []], 3):
        liar(model, path, lambda state, arrays, c=classes: state.update(classes=c))


def test_a_forecaster_that_cannot_be(path):
    model = estimators.Forecaster(3, season=3)
    for t in range(9):
        model.learn_one(t % 3)
    for name, array in (
        ("past", np.zeros(9)), ("past", np.full(2, np.inf)), ("past", np.zeros((2, 1))),
        ("misses", np.zeros((2, 2))), ("misses", np.full((2, 3), -1.0)),
    ):  # fmt: skip
        liar(model, path, lambda state, arrays, n=name, a=array: arrays.update({n: a}))


@pytest.fixture(scope="module")
def forecaster():
    model = estimators.Forecaster(3, season=3, horizon=2)
    for t in range(60):
        model.learn_one(float(t % 3))
    return model


@pytest.mark.parametrize(
    ("part", "lie"),
    [
        ("leads.spreads.0", {"n": 0}), ("leads.spreads.0", {"n": -1}), ("leads", {"walks": [1]}),
        ("leads.spreads.0", {"scale": -1.0}), ("leads.spreads.0", {"scale": {"$float": "inf"}}),
        ("leads.spreads.0", {"more": 1}), ("leads", {"spreads": []}), ("direct.spread", {"n": 0}),
        ("seen", {"low": 3.0}), ("seen", {"mean": {"$float": "inf"}}), ("followed", {"lead": -1}),
        ("followed", {"lead": 10**9}), ("followed", {"nets": []}), ("direct", {"experts": 3}),
        ("followed", {"mean": {"$float": "inf"}}), ("direct", {"error": {"$float": "inf"}}),
        ("followed.past", {"profiles": []}), ("", {"direct": None}),
        ("direct.experts.mixture", {"n_rows": -1}), ("direct.experts", {"experts": []}),
        ("direct.experts.experts.0", {"rate": -1.0}),
        ("direct.followed.walk", {"lead": 3}), ("direct.followed.walk", {"lead": -1}),
        ("direct.followed.walk", {"nets": []}), ("direct.followed", {"nets": []}),
        ("direct.followed.nets.0", {"n_steps": -1}), ("direct.followed", {"walk": None}),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_forecaster_knows_of_its_forecasts_and_cannot(forecaster, part, lie, path):
    def change(state, arrays):
        for key in part.split(".") if part else ():
            state = state[int(key) if key.isdigit() else key]
        for old in _arrays_of({k: state[k] for k in lie if k in state}):
            del arrays[old]
        state.update(lie)

    message = liar(forecaster, path, change)
    assert "has no place" not in message, message  # refused for the lie, not for what it left over


def _arrays_of(value):
    """Names of the arrays in a part of a description."""
    if isinstance(value, list):
        return [name for one in value for name in _arrays_of(one)]
    if not isinstance(value, dict):
        return []
    return [value["$array"]] if "$array" in value else _arrays_of(list(value.values()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("leads.counts", np.full((11, 6), -1.0)), ("leads.errors", np.zeros((11, 5))),
        ("leads.spreads.3.quantiles", np.zeros(18)), ("direct.misses", np.full((2, 4), -1.0)),
        ("leads.spreads.3.quantiles", np.full(19, np.nan)), ("profiles.0", np.full((2, 3), -1.0)),
        ("direct.waiting", np.zeros((3, 9))), ("direct.waiting", np.full((2, 9), np.inf)),
        ("direct.waiting", np.zeros((2, 8))), ("followed.past.past", np.zeros(9)),
        ("profiles.0", np.zeros((2, 4))), ("followed.shares", np.full((12, 6), 2.0)),
        ("direct.experts.mixture.errors", np.full(3, -1.0)),
        ("direct.errors", np.zeros(3)), ("direct.errors", np.full(4, np.nan)),
        ("direct.followed.walk.shares", np.full((12, 6), 2.0)),
        ("direct.followed.nets.1.parameters", np.zeros(9, np.float32)),
        ("direct.followed.nets.1.parameters", np.zeros(9)),
        ("direct.followed.walk.nets.1.parameters", np.zeros(9, np.float32)),
    ],
    ids=str,
)  # fmt: skip
def test_arrays_of_a_forecaster_that_cannot_be(forecaster, name, value, path):
    liar(forecaster, path, lambda state, arrays: arrays.update({name: value}))


def test_an_error_that_overflows_is_none():
    """It would be infinite as an input of the next row, and in the next file."""
    model = learned(estimators.Regressor(3, feedback=False, dtype="float64"))
    state = model.__getstate__()
    for net in state["experts"]["nets"]:
        net["target_scale"]["mean"][:] = -1.7e308
    model.__setstate__(state)
    model.learn_one({"a": 1.0}, 1.7e308)
    assert np.isnan(model.__getstate__()["error"])
    model.copy().learn_one({"a": 1.0}, 1.0)


def test_an_estimator_of_sklearn_that_cannot_be(path):
    sklearn = pytest.importorskip("pylstm.sklearn")
    X = np.linspace(0, 1, 8)[:, None]
    model = sklearn.LSTMClassifier(2).fit(X, np.array(["no", "yes"] * 4))
    for lie in (
        {"n_cells": -1}, {"n_epochs": 0}, {"n_features_in_": 2}, {"n_features_in_": 10**12},
        {"one_a_sequence_": 2}, {"estimator_": 3}, {"more": 1}, {"random_state": "1"},
        {"random_state": -1}, {"one_a_sequence_": True}, {"in_sequences_": 2}, {"feedback": 1},
        {"sequence_column": 1.5}, {"sequence_column": 0}, {"sequence_column_": 0},
        {"sequence_column": 0, "sequence_column_": 1}, {"optimizer": "adagrad"},
        {"classes_": {"values": ["no"], "dtype": "<U3"}},
        {"classes_": {"values": ["yes", "no"], "dtype": "<U3"}},
        {"classes_": {"values": ["no", "no"], "dtype": "<U3"}},
        {"classes_": {"values": ["no", "yes"], "dtype": "<U1000000000"}},
        {"classes_": {"values": ["no", "yes"], "dtype": "<i8"}},
        {"classes_": {"values": ["no", 12345], "dtype": "<U3"}},
    ):  # fmt: skip
        liar(model, path, lambda state, arrays, lie=lie: state.update(lie))
    classes = {"values": ["no", "yes"], "dtype": "<U3"}
    liar(sklearn.LSTMClassifier(2), path, lambda state, arrays: state.update(classes_=classes))


# ---------------------------------------------------------------- sessions and baselines


def test_a_session_that_cannot_be(path):
    session = Session(Settings(target="b", horizon=2, season=3, cells=3), ["a"])
    for k in range(5):
        session.update(np.array([float(k)]), float(k))
    for lie in (
        {"cells": 4}, {"cells": 10**9}, {"horizon": 3}, {"classify": True}, {"season": (10**15,)},
        {"target": 3}, {"inputs": "a"}, {"memory": 0}, {"time": 3}, {"seed": True}, {"more": 1},
        {"keys": ("k",)}, {"detect": True}, {"delay": 2},
    ):  # fmt: skip
        liar(session, path, lambda state, arrays, lie=lie: state["settings"].update(lie))
    for lie in (
        {"columns": []}, {"columns": ["a", "c"]}, {"columns": [1]},
        {"kind": {}}, {"recent": 1}, {"series": [{}]}, {"earlier": "level"}, {"threshold": 2},
        {"position": {}}, {"output": {"predictions": {"n_bytes": -1}}}, {"counts": {}},
    ):  # fmt: skip
        liar(session, path, lambda state, arrays, lie=lie: state.update(lie))
    for lie in ({"n_rows": -1}, {"rows_per_segment": 0}, {"n_rows": 10**9}):
        liar(session, path, lambda state, arrays, lie=lie: state["kind"]["scores"].update(lie))
    for lie in ({"late": [1.0]}, {"made": [0.0] * 3}, {"calendar": [0, 0]}):
        liar(session, path, lambda state, arrays, lie=lie: state["kind"].update(lie))
    for name in ("kind.targets", "kind.forecasts", "kind.inputs.known", "kind.rows"):
        for bad in (np.zeros(11), np.full(2, np.inf)):
            liar(session, path, lambda state, arrays, n=name, b=bad: arrays.update({n: b}))


def test_a_session_of_labels_that_cannot_be(path):
    session = Session(Settings(target="a", classify=True, horizon=1, season=2, cells=3), ["b"])
    for k in range(5):
        session.update(np.array([float(k)]), "yes" if k % 2 else "no")
    for lie in (
        {"last": "what"}, {"labels": ["no"]}, {"labels": ["no", "no"]}, {"counts": [0, 1]},
        {"seasons": [["what"]]}, {"waiting": [{"a": "b"}]}, {"waiting": [{}, {}]}, {"inputs": 3},
    ):  # fmt: skip
        liar(session, path, lambda state, arrays, lie=lie: state["kind"].update(lie))
    for forecast in ({"what": 1.0}, {"no": -1.0}, {"no": "1"}, 3):
        forecasts = [[forecast, {}, {}, {}]]
        liar(session, path, lambda state, arrays, f=forecasts: state["kind"].update(forecasts=f))


def test_a_session_of_keys_that_cannot_be(path):
    session = Session(Settings(target="a", keys=("k",), cells=3), ["b"])
    for k in range(5):
        session.update([float(k)], float(k), key=("xy"[k % 2],))
    for lie in ({"key": ["x", "y"]}, {"key": [1]}, {"key": ["y"]}, {"n_rows": -1}, {"more": 1}):
        liar(session, path, lambda state, arrays, lie=lie: state["series"][0].update(lie))
    liar(session, path, lambda state, arrays: state["series"][0].pop("key"))


def test_a_session_of_0_1_0_that_cannot_be(path):
    session = pylstm.load(FILES / "session-3.safetensors")
    for lie in ({"cells": 4}, {"horizon": 4}, {"season": (9,)}, {"mark_missing": False}):
        liar(session, path, lambda state, arrays, lie=lie: state["settings"].update(lie))
    name = "kind.forecaster.pending_targets"
    for bad in (np.zeros(4), np.full(2, np.inf)):
        liar(session, path, lambda state, arrays, b=bad: arrays.update({name: b}))


@pytest.mark.parametrize(
    "lie",
    [
        {"counts": [0, 0, -1]}, {"counts": [0]}, {"flags": [0, 0, 0, 2]}, {"flags": []},
        {"config": {}}, {"optimizer": {"name": "Adam"}}, {"more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_a_recurrent_network_that_cannot_be(lie, path):
    net = baselines.FullyRecurrent(2, 1, 3, gradient="bptt", window=5)
    net.step([0.0, 1.0])
    liar(net, path, lambda state, arrays: state.update(lie))
    for config in ({"n_hidden": 4}, {"n_hidden": 2**31 - 1}, {"time_constants": [2.0] * 3}):
        liar(net, path, lambda state, arrays, c=config: state["config"].update(c))
    for name, array in (("tokens", np.int32([-1, 2])), ("tokens", np.zeros(0, np.int32)),
                        ("record", np.zeros(3)), ("y", np.zeros(3))):  # fmt: skip
        liar(net, path, lambda state, arrays, n=name, a=array: arrays.update({n: a}))


def test_a_recurrent_network_that_learns_from_no_step(path):
    for flags in ([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]):
        net = baselines.FullyRecurrent(2, 1, 3)
        liar(net, path, lambda state, arrays, f=flags: state.update(flags=f))


def test_other_baselines_that_cannot_be(path):
    guessing = baselines.RandomGuessing(2, 1, 1)
    for lie in ({"rng": 3}, {"settings": {}}, {"n_guesses": -1}, {"wrong": 1}):
        liar(guessing, path, lambda state, arrays, lie=lie: state.update(lie))
    liar(guessing, path, lambda state, arrays: arrays.update(pool=np.zeros((3, 2))))
    chunker = baselines.Chunker(2, 2)
    for lie in ({"_nets": {}}, {"_n_hidden": 2}, {"_surprise": 0.0}, {"_has_learned": 0}):
        liar(chunker, path, lambda state, arrays, lie=lie: state.update(lie))
    delays = baselines.TimeDelay(2, 1, 3)
    for lie in ({"_delays": [2]}, {"_sizes": [2, 4, 1]}, {"_recent": []}, {"_squashings": ["x"]}):
        liar(delays, path, lambda state, arrays, lie=lie: state.update(lie))
    cascade = baselines.CascadeCorrelation(2, 1)
    for lie in ({"_phase": "what"}, {"_phase": "candidates"}, {"_patience": 0}, {"_rng": None}):
        liar(cascade, path, lambda state, arrays, lie=lie: state.update(lie))


def test_generators_that_cannot_be(path):
    """NumPy believes the place of a Mersenne twister, and reads beyond its words."""

    def with_bits(bits):
        seed = np.random.Generator(bits(1))
        return baselines.SimulatedAnnealing(2, 1, 1, seed=seed)

    for bits, lies in (
        (np.random.MT19937, [{"state": {"pos": 10**6}}, {"state": {"pos": -1}}]),
        (np.random.Philox, [{"buffer_pos": -1}, {"buffer_pos": 5}]),
        (np.random.PCG64, [{"state": {"inc": 2}}, {"state": {"state": -1}}, {"uinteger": -1},
                           {"bit_generator": "default_rng"}, {"has_uint32": 2}]),
        (np.random.SFC64, [{"state": {}}, {"more": 1}]),
    ):  # fmt: skip
        for lie in lies:

            def change(state, arrays, lie=lie):
                part = state["rng"]["$generator"]["bits"]
                for key, value in lie.items():
                    if isinstance(value, dict) and value:
                        part[key].update(value)
                    else:
                        part[key] = value

            liar(with_bits(bits), path, change)
    for lie in ({"pool_size": 10**9}, {"pool_size": 3}, {"entropy": None}, {"entropy": [-1]},
                {"spawn_key": ["a"]}, {"n_children_spawned": -1}):  # fmt: skip
        liar(
            with_bits(np.random.PCG64),
            path,
            lambda state, _, lie=lie: state["rng"]["$generator"]["children"].update(lie),
        )


# ---------------------------------------------------------------- memory, other classes


def huge_network(state, arrays):
    state["config"].update(n_inputs=10_000, n_blocks=10_000)


def huge_recurrent(state, arrays):
    state["config"].update(n_hidden=10_000, time_constants=[0.0] * 10_000)


CLAIMS = {
    "network": (fresh, huge_network),
    "recurrent": (lambda: baselines.FullyRecurrent(2, 1, 3), huge_recurrent),
    "session": (
        lambda: pylstm.load(FILES / "session-3.safetensors"),
        lambda state, arrays: state["settings"].update(cells=10_000),
    ),
    "streams": (
        lambda: pylstm.Streams(fresh(), 2),
        lambda state, arrays: state.update(n_streams=10**6),
    ),
    "population": (
        lambda: pylstm.Population(2, 3, 2, 4),
        lambda state, arrays: state.update(n_nets=10**6),
    ),
    "estimator": (
        lambda: learned(estimators.Regressor(3)),
        lambda state, arrays: state["parameters"].update(n_cells=10_000),
    ),
}


@pytest.mark.parametrize("case", list(CLAIMS))
def test_nothing_of_a_claimed_size_is_built(case, path):
    make, change = CLAIMS[case]
    liar(make(), path, change)  # imports what it needs
    tracemalloc.start()
    refusal(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize(
    "make",
    [
        lambda: baselines.FullyRecurrent(2, 1, 3, gradient="bptt", window=10**9),
        lambda: estimators.Regressor(10**6),
    ],
)
def test_what_has_no_arrays_yet_takes_no_memory(make, path):
    tracemalloc.start()
    pylstm.save(make(), path)
    pylstm.load(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


@pytest.mark.parametrize("window", [3, 40, 100])
def test_a_record_that_grows_gives_the_same_bits(window):
    """The record of a baseline begins small and grows to twice its window."""
    rng = np.random.default_rng(1)
    X, targets = rng.normal(size=(500, 2)), rng.uniform(size=(500, 1))
    nets = [baselines.FullyRecurrent(2, 1, 3, gradient="bptt", window=window) for _ in range(2)]
    whole = nets[0].run(X, targets, update=7)
    steps = [nets[1].run(X[k : k + 1], targets[k : k + 1], update=7)[0] for k in range(500)]
    assert np.array_equal(whole, steps)
    assert np.array_equal(nets[0].copy().step([0.0, 1.0]), nets[1].step([0.0, 1.0]))


def test_whatever_a_class_of_your_own_raises(path):
    @register
    class Strict:
        def __getstate__(self):
            return {"n": 1}

        def __setstate__(self, state):
            raise KeyError("x" * 1000)

    pylstm.save(Strict(), path)
    assert "KeyError" in refusal(path)


def test_a_class_over_one_of_ours_may_have_more_attributes():
    sklearn = pytest.importorskip("pylstm.sklearn")

    class More(sklearn.LSTMRegressor):
        pass

    model = More(2)
    model.note = "mine"
    state = model.__getstate__()
    other = More.__new__(More)
    other.__setstate__(state)
    assert other.note == "mine"


@pytest.mark.processes
def test_changed_files_are_refused_or_work():
    """A short run of the fuzzer; long: python -m bench fuzz --files 100000."""
    command = [sys.executable, "-m", "bench", "fuzz", "--files", "150"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "0 violations" in run.stdout


def test_changed_files_follow_from_their_number():
    import random

    from bench.fuzz.files import put_together as together
    from bench.fuzz.files import signed
    from bench.fuzz.files import take_apart as apart
    from bench.fuzz.mutations import mutate

    net = lived()
    document = {"format": 1, "class": "LSTM", "n": net.n_steps, "objects": [{"a": [1, 2]}]}
    arrays = {"x": np.ones(3)}
    content = together(json.dumps(signed(document, arrays)), arrays)
    back, found = apart(content)
    assert back == signed(document, arrays)
    assert np.array_equal(found["x"], arrays["x"])
    assert mutate(content, random.Random("0-1")) == mutate(content, random.Random("0-1"))
    assert len({mutate(content, random.Random(f"0-{k}"))[0] for k in range(50)}) > 40
