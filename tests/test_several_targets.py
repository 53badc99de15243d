"""Several targets, partly missing ones, and a weight a row."""

import math
import pickle

import numpy as np
import pytest
from estimators import everything, labels, network, pairs, stream

import pylstm
from pylstm.estimators import Classifier, Forecaster, Regressor
from pylstm.estimators.defaults import SWITCHES, default_optimizer

NAN = math.nan


def two(y):
    """A second target beside the first, of another scale."""
    return [{"load": value, "price": 3 - value / 50} for value in y]


@pytest.mark.parametrize("feedback", [True, False])
def test_several_targets_are_a_loop_over_a_network(feedback, dtype, rng):
    xs, y = stream(rng)
    model = Regressor(feedback=feedback, dtype=dtype, optimizer=default_optimizer())
    net = network(10 if feedback else 6, 2, SWITCHES, dtype=dtype)
    known, before = [[NAN, NAN], [NAN, NAN]], {}
    for x, wanted in zip(xs, two(y), strict=True):
        features = pairs(x, before)
        own = [n for pair in known for n in pair] if feedback else []
        row = np.array(own[:2] + own[2:] + features)
        base = [pair[0] if feedback else 0.0 for pair in known]
        found = model.predict_one(x)
        if before and not math.isnan(base[0]):
            outputs = net.predict(row).astype(float)
            np.testing.assert_allclose(list(found.values()), base + outputs, rtol=1e-12)
        targets = np.array(list(wanted.values()))
        outputs = net.step(row, targets - base).astype(float)
        model.learn_one(x, wanted)
        known = [[t, t - b - o] for t, b, o in zip(targets, base, outputs, strict=True)]
        before = x
    assert list(model.predict_one(xs[0])) == ["load", "price"]


def test_one_target_of_a_name_is_a_number(rng):
    xs, y = stream(rng)
    number, named, array = Regressor(8), Regressor(8), Regressor(8)
    for x, value in zip(xs, y, strict=True):
        number.learn_one(x, value)
        named.learn_one(x, {"load": value})
        array.learn_one(x, np.array([value]))
        found = number.predict_one(x)
        assert named.predict_one(x) == {"load": found}
        assert array.predict_one(x).tolist() == [found]
    width = number.predict_one(xs[0], with_dist=True).interval(0.5)
    assert named.predict_one(xs[0], with_dist=True)["load"].interval(0.5) == width
    assert named.predict_following(xs[:3]) == [
        {"load": p} for p in number.predict_following(xs[:3])
    ]


@pytest.mark.parametrize("optimizer", [None, pylstm.SGD(0.05)])
def test_a_target_that_is_always_missing_changes_nothing_for_the_other(optimizer, rng):
    """Its weights stay where they are, and no error comes from it; with mixtures and without."""
    xs, y = stream(rng, 150)
    alone, beside = (Regressor(8, dtype="float64", optimizer=optimizer) for _ in range(2))
    for t, (x, value) in enumerate(zip(xs, y, strict=True)):
        alone.learn_one(x, value)
        beside.learn_one(x, {"a": value} | ({"b": (None, NAN)[t % 2]} if t % 3 else {}))
        assert beside.predict_one(x)["a"] == pytest.approx(alone.predict_one(x), rel=1e-9)
    assert beside.predict_one(xs[0])["b"] == 0.0
    for net in beside.nets:
        assert not net.parameters["output"][1].any()
    assert beside._targets.known[1].spread.n == 0


def wave(t, lag=0):
    return 20 + 5 * math.sin((t + lag) * math.pi / 12)


def test_partly_missing_targets_are_learned_where_they_are(rng):
    model, errors = Regressor(8), []
    for t in range(3000):
        wanted = {"a": wave(t), "b": 100 * wave(t, 6)}
        found = model.predict_one({"hour": t % 24})
        if t > 2500:
            errors.append([abs(found[name] - wanted[name]) for name in wanted])
        keep = rng.random(2) < 0.7
        given = {name: wanted[name] for name, k in zip(wanted, keep, strict=True) if k}
        model.learn_one({"hour": t % 24}, given or None)
    assert np.mean(errors, 0) / [5, 500] == pytest.approx(0, abs=0.15)


def test_targets_that_come_later(rng, tmp_path):
    """With rows that wait, and however they are copied."""
    xs, y = stream(rng, 90)
    for delay in (0, 2):
        model = Regressor(4, delay=delay)
        for t, (x, value) in enumerate(zip(xs, two(y), strict=True)):
            if delay:
                model.predict_one(x)
            if t >= delay:
                model.learn_one(x, {"load": value["load"]} if t < 40 else value)
            if t in (39, 41, 60):
                model.save(tmp_path / "model")
                for other in (pickle.loads(pickle.dumps(model)), pylstm.load(tmp_path / "model")):
                    assert everything(other) == everything(model)
                model = other
        found = model.predict_following(xs[:2])
        assert list(found[1]) == ["load", "price"]
        assert all(map(math.isfinite, found[1].values()))
        assert abs(found[0]["price"] - value["price"]) < 1


BAD = [
    ({"load": math.inf}, "target 'load' is inf, wanted a finite number"),
    ({"load": "much"}, "target 'load' is 'much', wanted a number"),
    ({}, "y has 0 targets, wanted 2 as before"),
    (3.0, "y is 3.0, wanted a mapping of names to numbers as before"),
    ([1.0, 2.0], r"y is \[1.0, 2.0\], wanted a mapping of names to numbers as before"),
    ({"new": 1.0, "load": object()}, "target 'load' is <object"),
    ({"load": 1.0, ("new", b"x"): 2.0}, "which no file could hold"),
]


@pytest.mark.parametrize(("y", "sentence"), BAD, ids=[sentence for _, sentence in BAD])
def test_targets_that_are_refused_change_nothing(y, sentence, rng):
    xs, values = stream(rng)
    model = Regressor(4)
    for x, value in zip(xs[:20], two(values), strict=False):
        model.learn_one(x, value)
    before = everything(model)
    with pytest.raises((TypeError, ValueError), match=sentence):
        model.learn_one(xs[20], y)
    with pytest.raises(TypeError, match="feature 'a' is 'x'"):
        model.learn_one({"a": "x"}, {"load": 1.0, "other": 2.0})
    assert everything(model) == before


def test_an_array_keeps_its_length():
    model = Regressor(4)
    with pytest.raises(ValueError, match="y has 0 targets, wanted one at least"):
        model.learn_one({}, [])
    model.learn_one({}, [1.0, None])
    with pytest.raises(ValueError, match="y has 3 targets, wanted 2 as before"):
        model.learn_one({}, (1.0, 2.0, 3.0))
    model.learn_one({}, None)
    found = model.predict_one({})
    assert found.shape == (2,)
    assert found.dtype == np.float64


# ---------------------------------------------------------------- weights


@pytest.mark.parametrize("kind", [Regressor, Classifier])
def test_a_weight_multiplies_the_gradient(kind, rng):
    """With plain descent it is the rate of its row."""
    xs, y = stream(rng)
    y = labels(y) if kind is Classifier else y
    weights = rng.uniform(0.1, 3, len(y)).tolist()
    weights[0] = 1.0  # the target before which there is none
    weighted = kind(4, dtype="float64", optimizer=pylstm.SGD(0.1))
    plain = kind(4, dtype="float64", optimizer=pylstm.SGD(0.1))
    for x, value, w in zip(xs, y, weights, strict=True):
        weighted.learn_one(x, value, w=w)
        if plain.net is not None:
            plain.net.optimizer = pylstm.SGD(0.1 * w)
        plain.learn_one(x, value)
    for name, values in plain.net.parameters.items():
        np.testing.assert_allclose(weighted.net.parameters[name], values, rtol=1e-9, atol=1e-12)
    assert weighted.net.parameters["output"].any()


@pytest.mark.parametrize("kind", [Regressor, Classifier])
def test_a_row_without_weight_is_seen_and_not_learned(kind, rng):
    xs, y = stream(rng)
    y = labels(y) if kind is Classifier else y
    model, advanced = kind(4), kind(4)
    for one in (model, advanced):
        for x, value in zip(xs[:30], y[:30], strict=True):
            one.learn_one(x, value)
    model.learn_one(xs[30], y[30], w=0)
    advanced.learn_one(xs[30], None)
    assert everything(model) != everything(advanced)
    if kind is Regressor:
        assert model._targets.known[0].last == y[30]
        assert everything(model)["spread"] == everything(advanced)["spread"]
    for one, other in zip(model.nets, advanced.nets, strict=True):
        assert everything(one) == everything(other)
    assert everything(model)["experts"]["mixture"] == everything(advanced)["experts"]["mixture"]


@pytest.mark.parametrize("horizon", [None, 3])
def test_weights_of_a_forecaster(horizon, rng):
    """With plain descent one is the rate of its row; with none it is `advance_one`."""
    xs, y = stream(rng)
    weights = rng.uniform(0.1, 3, len(y)).tolist()
    weights[0] = 1.0
    weighted, plain = (
        Forecaster(4, dtype="float64", optimizer=pylstm.SGD(0.1), horizon=horizon) for _ in range(2)
    )

    def nets(model):
        return [*model.nets, *(model._direct.experts.nets if horizon and model.nets else [])]

    for t, (x, value, w) in enumerate(zip(xs, y, weights, strict=True)):
        if t % 7 == 6:
            weighted.learn_one(value, x, w=0)
            plain.advance_one(value, x)
            continue
        weighted.learn_one(value, x, w)
        for net in nets(plain):
            net.optimizer = pylstm.SGD(0.1 * w)
        plain.learn_one(value, x)
    for net, other in zip(nets(plain), nets(weighted), strict=True):
        for name, values in net.parameters.items():
            np.testing.assert_allclose(other.parameters[name], values, rtol=1e-9, atol=1e-12)
    before = everything(weighted)
    with pytest.raises(ValueError, match=r"w is -1, wanted a finite number of at least 0"):
        weighted.learn_one(1.0, {"new": 1.0}, w=-1)
    assert everything(weighted) == before


@pytest.mark.parametrize("kind", [Regressor, Classifier])
@pytest.mark.parametrize("w", [-1.0, NAN, math.inf, "much", None])
def test_a_weight_that_is_none_is_refused(kind, w):
    model = kind(4)
    model.learn_one({"a": 1.0}, 1)
    before = everything(model)
    with pytest.raises(ValueError, match=r"w is .*, wanted a finite number of at least 0"):
        model.learn_one({"b": 1.0}, 2, w=w)
    assert everything(model) == before
