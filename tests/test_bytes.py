"""Bytes instead of files, several models in one, and one line for what is neither."""

import datetime
import io
import pathlib

import numpy as np
import pytest
from checkpoints import put_together, take_apart
from nets import NETS, assert_same_bits, assert_same_future
from test_persistence import MOMENTS, net_at

import pylstm
from pylstm.checkpoint import CheckpointError
from pylstm.estimators import Classifier, Detector, Forecaster, Regressor


def lived(estimator):
    rng = np.random.default_rng(1)
    for value in rng.normal(size=20):
        if isinstance(estimator, Forecaster):
            estimator.learn_one(value)
        elif isinstance(estimator, Classifier):
            estimator.learn_one({"a": value}, "up" if value > 0 else "down")
        elif isinstance(estimator, Detector):
            estimator.learn_one({"a": value})
        else:
            estimator.learn_one({"a": value}, value)
    return estimator


@pytest.fixture
def path(tmp_path):
    return tmp_path / "saved.safetensors"


@pytest.mark.parametrize("moment", MOMENTS)
def test_bytes_are_those_of_the_file_and_resume_with_the_same_bits(moment, path):
    net, undisturbed = (net_at(moment, NETS["everything"]) for _ in range(2))
    net.save(path)
    data = net.to_bytes()
    assert data == pylstm.to_bytes(net) == path.read_bytes()
    for given in (data, bytearray(data), memoryview(data)):
        assert type(pylstm.from_bytes(given)) is pylstm.LSTM
    assert_same_future(pylstm.LSTM.from_bytes(data), undisturbed, NETS["everything"])


@pytest.mark.parametrize("kind", [Regressor, Classifier, Forecaster, Detector])
def test_estimators_there_and_back(kind):
    model = lived(kind(n_cells=4))
    data = model.to_bytes()
    resumed = kind.from_bytes(data)
    assert resumed.to_bytes() == data
    assert lived(resumed).to_bytes() == lived(model).to_bytes() != data


def test_open_files(path):
    net = pylstm.LSTM(1, 1, 3)
    with path.open("wb") as file:
        net.save(file)
    memory = io.BytesIO()
    pylstm.save(net, memory)
    assert memory.getvalue() == path.read_bytes() == net.to_bytes()
    memory.seek(0)
    assert_same_bits(pylstm.load(memory).parameters, net.parameters)
    with path.open("rb") as file:
        assert_same_bits(pylstm.LSTM.load(file).parameters, net.parameters)


@pytest.mark.parametrize("make", [dict, list, tuple])
def test_several_models_in_one_file(make, path):
    nets = [pylstm.LSTM(1, 1, 2, seed=seed) for seed in range(3)]
    given = dict(zip(["north", 2, ("south", 1)], nets, strict=True)) if make is dict else make(nets)
    pylstm.save(given, path)
    for back in (pylstm.load(path), pylstm.from_bytes(pylstm.to_bytes(given))):
        assert type(back) is make
        assert list(back) == list(given) if make is dict else len(back) == 3
        for net, other in zip(nets, back.values() if make is dict else back, strict=True):
            assert_same_bits(other.parameters, net.parameters)
    with pytest.raises(CheckpointError, match="is of class Collection, wanted LSTM"):
        pylstm.LSTM.load(path)


def test_a_collection_that_lies_is_refused(path):
    pylstm.save([1], path)
    document, arrays = take_apart(path)
    for state in ({"parts": 3}, {"parts": [], "more": 1}, {}, []):
        document["objects"][-1]["state"] = state
        put_together(path, document, arrays)
        with pytest.raises(CheckpointError, match="do not fit together"):
            pylstm.load(path)


class Foreign:
    pass


def test_what_holds_models_and_is_not_ours_is_refused_with_a_way_out():
    for thing in (Foreign(), {"a": pylstm.LSTM(1, 1, 1), "b": Foreign()}):
        with pytest.raises(TypeError, match=r"class Foreign.*pickle takes what holds others whole"):
            pylstm.to_bytes(thing)


@pytest.mark.parametrize(
    ("load", "given", "message"),
    [
        (pylstm.load, b"\0" * 10**6, "path is 1000000 bytes, wanted a path.*pylstm.from_bytes"),
        (pylstm.load, None, "path is None, wanted a path, or a file open for reading bytes"),
        (pylstm.load, 3, "path is 3, wanted a path, or a file open for reading bytes"),
        (pylstm.load, ["a"], r"path is \['a'\], wanted a path"),
        (pylstm.load, io.StringIO("a" * 999), "a file gave 'aaa.*, wanted a file open for reading"),
        (pylstm.load, io.BytesIO(b"a"), "cannot load a file: wanted an undamaged file"),
        (pylstm.load, pathlib.Path("/"), "cannot load /: Is a directory|Permission denied"),
        (pylstm.load, "a\0b", "cannot load a.b: embedded null"),
        (pylstm.load, "", "cannot load : there is no such file"),
        (pylstm.from_bytes, "a.safetensors", "data is 'a.safetensors', wanted bytes"),
        (pylstm.from_bytes, None, "data is None, wanted bytes"),
        (pylstm.from_bytes, b"", "cannot load these bytes: wanted an undamaged file"),
        (lambda given: pylstm.save([], given), 3, "path is 3, wanted a path, or a file open for w"),
    ],
)
def test_wrong_things_are_answered_in_one_line(load, given, message):
    with pytest.raises((TypeError, CheckpointError), match=message) as caught:
        load(given)
    assert len(str(caught.value)) <= 300
    assert str(caught.value).isprintable()


def test_damaged_bytes_are_refused():
    data = bytearray(pylstm.LSTM(1, 1, 2).to_bytes())
    for place in (3, 40, len(data) // 2, len(data) - 1):
        data[place] ^= 1
        with pytest.raises(CheckpointError):
            pylstm.from_bytes(data)
        data[place] ^= 1
    pylstm.from_bytes(data)


# ---------------------------------------------------------------- names and labels

ODD = [
    datetime.date(2026, 1, 1), frozenset([1]), b"x", 1j, ("a", b"x"), np.datetime64("2026", "ns"),
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_labels_and_names_no_file_could_hold_are_refused_at_once(odd):
    model = lived(Classifier(n_cells=4))
    before = model.to_bytes()
    for x, y in (({"a": 1.0}, odd), ({odd: 1.0}, "up"), ({odd: 1.0}, None)):
        with pytest.raises(TypeError, match="which no file could hold: wanted a string, a number"):
            model.learn_one(x, y)
        assert model.to_bytes() == before
    with pytest.raises(TypeError, match="no file could hold"):
        model.expect(["new", odd])
    assert model.to_bytes() == before


@pytest.mark.parametrize("plain", ["b", 1, 1.5, True, np.int64(3), np.float32(2), ("a", (1, "b"))])
def test_labels_and_names_come_back(plain):
    model = Classifier(n_cells=4)
    model.learn_one({plain: 1.0}, plain)
    back = Classifier.from_bytes(model.to_bytes())
    assert back.classes == [plain]
    assert back.feature_names == [plain]
