"""The estimators against a plain loop over a network; features, classes and targets come and go."""

import copy
import math
import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from estimators import (
    KINDS,
    NAMES,
    everything,
    labels,
    learn,
    network,
    pairs,
    prediction,
    stream,
    targets_of,
)

import pylstm
from pylstm.estimators import Classifier, Forecaster, Regressor
from pylstm.estimators.defaults import (
    CLASSIFIER_EXPERTS,
    CLASSIFIER_SWITCHES,
    REGRESSOR_EXPERTS,
    SWITCHES,
    default_optimizer,
)


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


# ---------------------------------------------------------------- a plain loop


@pytest.mark.parametrize("feedback", [True, False])
def test_regressor_is_a_loop_over_a_network(feedback, dtype, rng):
    xs, y = stream(rng)
    model = Regressor(feedback=feedback, dtype=dtype, seed=3, optimizer=default_optimizer())
    net = network(8 if feedback else 6, 1, SWITCHES, dtype=dtype, seed=3)
    last = error = math.nan
    before = {}
    for x, value in zip(xs, y, strict=True):
        own = [last, error] if feedback else []
        base = last if feedback else 0.0
        output = net.predict(np.array(own + pairs(x, before)))[0].item()
        assert model.predict_one(x) == (0.0 if math.isnan(base) else base + output)
        net.step(np.array(own + pairs(x, before)), np.array([value - base]))
        model.learn_one(x, value)
        last, error, before = value, value - base - output, x


def test_classifier_is_a_loop_over_a_network(dtype, rng):
    xs, y = stream(rng)
    model = Classifier(feedback=False, dtype=dtype, optimizer=default_optimizer())
    net = network(6, 1, CLASSIFIER_SWITCHES, dtype=dtype)
    known, before = [], {}
    for x, label in zip(xs, labels(y), strict=True):
        row = np.array(pairs(x, before))
        found = model.predict_proba_one(x)
        assert list(found) == known
        if known:
            np.testing.assert_allclose(list(found.values()), net.predict(row), rtol=1e-6)
            assert sum(found.values()) == pytest.approx(1, abs=1e-12)
            assert model.predict_one(x) == max(found, key=found.get)
        if label not in known:
            known.append(label)
            net.grow(n_outputs=len(known))
        net.step(row, np.eye(len(known), dtype=dtype)[known.index(label)])
        model.learn_one(x, label)
        before = x
    assert sorted(known) == ["high", "low", "middle"]


def rows_as_seen(row, own, expert):
    """Past targets and changes are missing for an expert that does not see them."""
    row = row.copy()
    if not expert.own:
        row[own] = math.nan
    if not expert.changes:
        changes = [k for k in range(len(row)) if k not in own][1::2]
        row[changes] = math.nan
    return row


def step_of(net, expert, row, target):
    if not expert.memory:
        net.reset()
    return net.step(row, target).astype(float)


def test_a_regressor_mixes_its_experts_by_their_errors(rng):
    xs, y = stream(rng, 200)
    model = Regressor(n_cells=4, seed=5, dtype="float64")
    nets = [
        pylstm.LSTM(
            8, 1, 4, **SWITCHES, seed=5 + k, dtype="float64", optimizer=default_optimizer(e.rate)
        )
        for k, e in enumerate(REGRESSOR_EXPERTS)
    ]
    last = error = math.nan
    before, misses = {}, []
    for t, (x, value) in enumerate(zip(xs, y, strict=True)):
        row = np.array([last, error, *pairs(x, before)])
        outputs = np.array(
            [
                step_of(net, e, rows_as_seen(row, [0, 1], e), np.array([value - last]))[0]
                for net, e in zip(nets, REGRESSOR_EXPERTS, strict=True)
            ]
        )
        weights = np.mean(misses, 0) ** -16.0 if misses else np.ones(len(nets))
        output = weights @ outputs / weights.sum()
        found = model.predict_one(x)
        assert found == pytest.approx(0.0 if t == 0 else last + output, rel=1e-9)
        model.learn_one(x, value)
        if t:
            misses.append(np.abs(value - last - outputs))
        last, error, before = value, value - last - output, x
    assert np.ptp(weights / weights.sum()) > 0.1


def test_a_classifier_pools_its_experts(rng):
    xs, y = stream(rng, 200)
    model = Classifier(n_cells=4, dtype="float64")
    names = ["low", "middle", "high"]
    model.expect(names)
    nets = [
        pylstm.LSTM(
            9, 3, 4, **CLASSIFIER_SWITCHES, seed=k, dtype="float64",
            optimizer=default_optimizer(e.rate),
        )
        for k, e in enumerate(CLASSIFIER_EXPERTS)
    ]  # fmt: skip
    shares, before, last = np.full(len(nets), 1 / len(nets)), {}, [math.nan] * 3
    for x, label in zip(xs, labels(y), strict=True):
        row = np.array([*last, *pairs(x, before)])
        target = np.eye(3)[names.index(label)]
        outputs = np.array(
            [
                step_of(net, e, rows_as_seen(row, [0, 1, 2], e), target)
                for net, e in zip(nets, CLASSIFIER_EXPERTS, strict=True)
            ]
        )
        logs = np.log(np.maximum(outputs, 1e-4))
        pooled = np.exp(shares @ logs)
        pooled /= pooled.sum()
        found = model.predict_proba_one(x)
        if found:  # not before the first row
            np.testing.assert_allclose([found[name] for name in names], pooled, rtol=1e-7)
        model.learn_one(x, label)
        gradient = logs @ (target - pooled)
        moved = shares + 0.005 * gradient
        for k in range(len(nets)):  # against differences of the cross-entropy
            loss = []
            for sign in (1, -1):
                a = shares.copy()
                a[k] += sign * 1e-6
                pool = np.exp(a @ logs)
                loss.append(-np.log(pool / pool.sum()) @ target)
            assert gradient[k] == pytest.approx(-(loss[0] - loss[1]) / 2e-6, abs=1e-6)
        shares, before, last = moved, x, target


def test_labels_that_stay_are_predicted():
    rng = np.random.default_rng(0)
    model, label, right = Classifier(n_cells=8), 0, []
    for _ in range(1500):
        label = label if rng.random() < 0.95 else 1 - label
        x = dict(zip("abc", rng.normal(size=3).tolist(), strict=True))
        right.append(model.predict_one(x) == label)
        model.learn_one(x, label)
    assert np.mean(right[500:]) > 0.93


def test_an_expert_that_diverges_is_left_out(rng):
    xs, y = stream(rng)
    model = Regressor(n_cells=4)
    learn(model, xs[:10], y[:10])
    kept = [net for k, net in enumerate(model.nets) if k != 1]
    model.nets[1].parameters["cell_input"][:] = math.inf
    learn(model, xs[10:20], y[10:20])
    assert model.nets == kept
    assert math.isfinite(model.predict_one(xs[20]))
    again = model.copy()
    assert again.predict_one(xs[20]) == model.predict_one(xs[20])


@pytest.mark.parametrize("kind", ["regressor", "classifier", "forecaster"])
def test_a_schedule_refused_after_other_networks_have_learned_changes_nothing(kind, rng):
    xs, y = stream(rng)
    y = targets_of(kind, y)
    model = KINDS[kind](n_cells=2)
    learn(model, xs[:20], y[:20])
    last = model.nets[-1]
    last.optimizer = replace(last.optimizer, schedule=lambda k: math.nan)
    before = [everything(net) for net in model.nets]
    with pytest.raises(ValueError, match=r"schedule\(20\) is nan|schedule\(19\) is nan"):
        learn(model, xs[20:21], y[20:21])
    assert [everything(net) for net in model.nets] == before


# ---------------------------------------------------------------- before, beside, after


def test_before_the_first_row():
    assert Regressor().predict_one({"a": 1.0}) == 0.0
    assert Classifier().predict_one({"a": 1.0}) is None
    assert Classifier().predict_proba_one({"a": 1.0}) == {}


def test_a_single_class_has_probability_one(rng):
    xs, _ = stream(rng)
    model = Classifier()
    learn(model, xs[:10], ["only"] * 10)
    assert model.predict_proba_one(xs[10]) == {"only": 1.0}


def test_labels_of_any_hashable_kind():
    model = Classifier()
    given = [True, None, 3, "x", ("a", 1), math.nan, False]
    for k, label in enumerate(given):
        model.learn_one({"a": float(k)}, label)
    assert model.classes == [True, 3, "x", ("a", 1), False]
    with pytest.raises(TypeError, match=r"y is \[1\], wanted a label that is hashable"):
        model.learn_one({"a": 1.0}, [1])


def test_expected_classes_have_an_output_before_they_are_seen(rng):
    xs, _ = stream(rng)
    model = Classifier()
    model.expect(["x", "y"])
    learn(model, xs[:5], ["y"] * 5)
    found = model.predict_proba_one(xs[5])
    assert list(found) == ["x", "y"]
    assert found["y"] > 0.5
    model.expect(["z"])
    assert list(model.predict_proba_one(xs[5])) == ["x", "y", "z"]


def test_predictions_change_nothing(kind, rng):
    xs, y = stream(rng)
    model = KINDS[kind]()
    learn(model, xs[:30], targets_of(kind, y)[:30])
    before = everything(model)
    prediction(model, xs[30])
    prediction(model, {"unknown": 5.0, "a": 1.0})
    if kind == "regressor":
        model.predict_following(xs[30:40])
    elif kind == "classifier":
        model.predict_proba_following(xs[30:40])
    assert everything(model) == before


def test_rows_that_follow_are_steps_without_target(rng):
    xs, y = stream(rng)
    model = Regressor(feedback=False)
    learn(model, xs[:30], y[:30])
    following = model.predict_following(xs[30:40])
    for x, value in zip(xs[30:40], following, strict=True):
        assert model.predict_one(x) == value
        model.learn_one(x, None)


def test_own_predictions_stand_for_targets_that_are_not_known(rng):
    xs, y = stream(rng)
    model = Regressor()
    learn(model, xs[:30], y[:30])
    first, second = model.predict_following(xs[30:32])
    assert first == model.predict_one(xs[30])
    state = model.__getstate__()
    model.learn_one(xs[30], None)
    state = {**model.__getstate__(), "last": np.array([first])}
    model.__setstate__(state)
    assert model.predict_one(xs[31]) == second


# ---------------------------------------------------------------- features come and go


def test_order_of_features_is_of_no_matter(kind, rng):
    xs, y = stream(rng)
    y = targets_of(kind, y)
    models = KINDS[kind](), KINDS[kind]()
    shuffled = [dict(rng.permutation(list(x.items()))) for x in xs]
    shuffled = [{str(k): float(v) for k, v in x.items()} for x in shuffled]
    learn(models[0], xs, y)
    learn(models[1], shuffled, y)
    assert prediction(models[0], xs[0]) == prediction(models[1], xs[0])


def test_a_missing_feature_is_none_is_nan(kind, rng):
    xs, y = stream(rng)
    y = targets_of(kind, y)
    left_out, none, nan = (KINDS[kind]() for _ in range(3))
    for model in (left_out, none, nan):
        learn(model, xs[:10], y[:10])
    for x, value in zip(xs[10:20], y[10:20], strict=True):
        rest = {name: x[name] for name in ("a", "c")}
        learn(left_out, [rest], [value])
        learn(none, [rest | {"b": None}], [value])
        learn(nan, [rest | {"b": math.nan}], [value])
    assert everything(left_out) == everything(none) == everything(nan)


def test_a_feature_that_appears_later(kind, rng):
    """The network grows by two inputs, and is what a loop that grows it would have made."""
    xs, y = stream(rng)
    model = KINDS[kind](optimizer=default_optimizer())
    less = [{"a": x["a"]} for x in xs]
    learn(model, less[:20], targets_of(kind, y)[:20])
    sized, labels_known = model.net.n_inputs, len(getattr(model, "classes", []))
    weights = {name: values.copy() for name, values in model.net.parameters.items()}
    prediction(model, xs[20])  # unknown names are left out, and remembered by nobody
    assert model.feature_names == ["a"]
    learn(model, xs[20:21], targets_of(kind, y)[20:21])
    assert model.feature_names == ["a", "b", "c"]
    new_labels = len(getattr(model, "classes", [])) - labels_known
    assert model.net.n_inputs == sized + 4 + new_labels
    moved = model.net.parameters["cell_input"][:, :sized] - weights["cell_input"][:, :sized]
    assert np.abs(moved).max() < 0.2
    learn(model, xs[21:], targets_of(kind, y)[21:])
    assert prediction(model, xs[0]) != prediction(model, less[0])


def test_appearing_features_are_a_loop_that_grows_the_network(rng):
    xs, y = stream(rng)
    model = Classifier(feedback=False, optimizer=default_optimizer())
    model.expect(["high", "low", "middle"])
    net = network(2, 3, CLASSIFIER_SWITCHES)
    known, before = ["c"], {}
    for t, (x, label) in enumerate(zip(xs, labels(y), strict=True)):
        if t == 20:
            known = ["c", "a"]
            net.grow(n_inputs=4)
        given = {name: x[name] for name in known}
        row = np.array([v for n in known for v in (x[n], x[n] - before.get(n, math.nan))])
        output = net.step(row, np.eye(3, dtype="float32")[model.classes.index(label)])
        if t not in (0, 20):
            found = list(model.predict_proba_one(given).values())
            np.testing.assert_allclose(found, output, rtol=1e-6)
        model.learn_one(given, label)
        before = given


def test_a_row_without_features(kind, rng):
    xs, y = stream(rng)
    model = KINDS[kind]()
    for row in ({}, xs[0], {}, xs[1], {}):
        learn(model, [row], targets_of(kind, y)[:1])
        prediction(model, row)
    assert model.feature_names == ["a", "b", "c"]


def test_numbers_of_every_kind():
    models = [Regressor() for _ in range(2)]
    for row in ({"a": 1.0, "b": 3.0, "c": 0.5}, {"a": 0.0, "b": 4.0, "c": 1.5}):
        models[0].learn_one(row, 2.0)
        models[1].learn_one(
            {"a": bool(row["a"]), "b": np.int8(row["b"]), "c": np.float32(row["c"])}, np.int64(2)
        )
    assert everything(models[0]) == everything(models[1])


def test_times_are_seconds():
    models = [Regressor() for _ in range(2)]
    for day in (1, 2, 4):
        models[0].learn_one({"day": datetime(1970, 1, 1 + day)}, float(day))
        models[1].learn_one({"day": 86400 * day}, float(day))
    assert everything(models[0]) == everything(models[1])


def hours(n_rows, first=datetime(2024, 1, 1, 5)):
    return [first + timedelta(hours=t) for t in range(n_rows)]


def test_a_calendar_is_where_a_row_stands_in_its_periods(rng):
    """Against the same numbers as features, from the fields of the time stamp."""
    _, y = stream(rng, 200)
    model, bare = Regressor(4, calendar=("day", "week")), Regressor(4)
    for time, value in zip(hours(200), y, strict=True):
        day = time.hour / 24 + time.minute / 1440
        week = (time.weekday() + day) / 7
        model.learn_one({"t": time}, value)
        parts = {
            f"t: {name}, {wave} {k}": round(getattr(math, wave)(2 * math.pi * k * part), 9)
            for name, part in (("day", day), ("week", week))
            for k in (1, 2, 3)
            for wave in ("sin", "cos")
        }
        assert set(parts) == set(model.feature_names)
        bare.learn_one(parts, value)
    x = {"t": hours(201)[200]}
    row = model._features.calendar.expanded(x)
    assert model.predict_one(x) == pytest.approx(bare.predict_one(row), rel=1e-5)


@pytest.mark.parametrize("made", [np.datetime64, lambda t: t.replace(tzinfo=UTC)])
def test_time_stamps_of_every_kind(kind, made, rng):
    _, y = stream(rng)
    models = [KINDS[kind](4, calendar=True) for _ in range(2)]
    for t, value in zip(hours(60), targets_of(kind, y), strict=True):
        learn(models[0], [{"t": t}], [value])
        learn(models[1], [{"t": made(t)}], [value])
    assert everything(models[0]) == everything(models[1])


def test_a_year_is_learned_from_the_calendar():
    days = [datetime(2015, 1, 1) + timedelta(days=t) for t in range(1500)]
    y = [math.cos(2 * math.pi * (d.timetuple().tm_yday - 20) / 365.25) for d in days]
    errors = []
    for seed in range(8):  # of single ones from 0.06 to 0.38
        model = Forecaster(8, calendar="year", seed=seed)
        learn(model, [{"d": d} for d in days[:1400]], y[:1400])
        errors += list(np.abs(np.array(model.forecast(100)) - y[1400:]))
    assert np.mean(errors) < 0.3
    assert model.forecast(100) == model.forecast(100, [{"d": d} for d in days[1400:]])


def test_time_that_goes_back_is_refused_and_changes_nothing(kind, rng):
    _, y = stream(rng)
    y = targets_of(kind, y)
    model = KINDS[kind](4, calendar=True)
    learn(model, [{"t": t} for t in hours(20)], y[:20])
    before = everything(model)
    with pytest.raises(ValueError, match="feature 't' goes back in time, from 2024-01-02 00:00:00"):
        learn(model, [{"t": hours(20)[3], "new": 1.0}], y[:1])
    if kind == "forecaster":
        with pytest.raises(ValueError, match="goes back in time"):
            model.forecast(1, [{"t": hours(20)[3]}])
    assert everything(model) == before
    learn(model, [{"t": hours(20)[19]}], y[:1])  # twice the same is in order
    model.reset()
    learn(model, [{"t": hours(20)[3]}], y[:1])


@pytest.mark.parametrize("calendar", ["days", (), ("day", "day"), 3, [1], b"day"])
def test_a_calendar_that_is_none(kind, calendar):
    with pytest.raises(ValueError, match=r"calendar is .*, wanted True, or some of 'hour', 'day'"):
        KINDS[kind](calendar=calendar)


# ---------------------------------------------------------------- targets that do not come


@pytest.mark.parametrize("none", [None, math.nan])
def test_a_row_without_target_advances_and_learns_nothing(kind, none, rng):
    xs, y = stream(rng)
    model = KINDS[kind]()
    learn(model, xs[:20], targets_of(kind, y)[:20])
    weights = {name: values.copy() for name, values in model.net.parameters.items()}
    n_steps = model.net.n_steps
    learn(model, xs[20:23], [none] * 3)
    assert model.net.n_steps == n_steps + 3
    if kind != "classifier":
        assert model.__getstate__()["last"] == y[19]
    for name, values in model.net.parameters.items():
        np.testing.assert_array_equal(values, weights[name])
    assert np.isfinite(np.ravel(list(np.atleast_1d(_numbers(prediction(model, xs[23])))))).all()


def _numbers(found):
    return list(found.values()) if isinstance(found, dict) else found


def test_reset_begins_a_new_sequence(kind, rng):
    xs, y = stream(rng)
    y = targets_of(kind, y)
    models = [KINDS[kind]() for _ in range(2)]
    for model in models:
        learn(model, xs[:20], y[:20])
    models[0].reset()
    models[1].reset()
    models[1].reset()
    assert everything(models[0]) == everything(models[1])
    assert not models[0].net.state["cell_state"].any()
    state = models[0].__getstate__()
    assert np.isnan(state["features"]["before"]).all()
    if kind != "classifier":
        assert np.isnan(state["last"]).all()
        assert np.isnan(state["error"]).all()
    if kind == "forecaster":
        assert state["past"].size == 0
        assert models[0].forecast(2, [{}, {}]) == [0.0, 0.0]
    learn(models[0], xs[20:40], y[20:40])
    assert np.isfinite(np.atleast_1d(_numbers(prediction(models[0], xs[40])))).all()


def test_scales_of_features_by_name(kind, rng):
    xs, y = stream(rng)
    model = KINDS[kind](4)
    assert model.feature_scales == {}
    learn(model, xs, targets_of(kind, y))
    scales = model.feature_scales
    assert scales.keys() == {*NAMES}
    for name in NAMES:
        assert scales[name] == pytest.approx(
            (np.mean([x[name] for x in xs]), np.std([x[name] for x in xs])), rel=0.1
        )


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("x", [[1.0, 2.0], np.zeros(2), 3.0, "a", ("a", 1)], ids=str)
@pytest.mark.parametrize("calendar", [None, "day"])
def test_a_row_without_names_is_refused(kind, x, calendar, rng):
    xs, y = stream(rng)
    model = KINDS[kind](4, calendar=calendar)
    for given, values in ((xs[:0], y[:0]), (xs[:5], y[:5])):
        learn(model, given, targets_of(kind, values))
        before = everything(model)
        for call in (lambda: learn(model, [x], [1.0]), lambda: prediction(model, x)):
            with pytest.raises(TypeError, match=r"x is .*, wanted a dict of names to values"):
                call()
        assert everything(model) == before


def test_rows_of_a_forecast_are_a_list():
    model = Forecaster(4)
    learn(model, [{"a": 1.0}] * 5, range(5))
    for xs in ({"a": 1.0}, {0: {"a": 1.0}}):
        for call in (
            lambda xs: model.forecast(1, xs),
            Regressor(4).predict_following,
            Classifier(4).predict_proba_following,
        ):
            with pytest.raises(TypeError, match=r"xs is .*, wanted a list of dicts, one a row"):
                call(xs)


def test_shown_as_it_was_made():
    for model in (Regressor(4, delay=2), Classifier(), Forecaster(season=(24, 168), seed=3)):
        assert repr(eval(repr(model))) == repr(model)
    assert repr(Regressor(4, delay=2)) == "Regressor(n_cells=4, delay=2)"


@pytest.mark.parametrize(
    ("x", "wanted"),
    [
        ({"a": math.inf}, "feature 'a' is inf, wanted a finite number"),
        ({"a": 1.0, "new": -math.inf}, "feature 'new' is -inf, wanted a finite number"),
        ({"a": "1.5"}, r"feature 'a' is '1.5', .*wanted a number"),
        ({"a": 1.0, "new": [1.0]}, r"feature 'new' is \[1.0\], wanted a number"),
        ({"a": 1j}, "feature 'a' is 1j, wanted a number"),
        ({"a": 10**400}, "feature 'a' is 1000"),
    ],
)
def test_bad_features_are_refused_and_change_nothing(kind, x, wanted, rng):
    xs, y = stream(rng)
    model = KINDS[kind]()
    for given, values in ((xs[:0], y[:0]), (xs[:20], y[:20])):
        learn(model, given, targets_of(kind, values))
        before = everything(model)
        with pytest.raises((TypeError, ValueError), match=wanted):
            learn(model, [x], ["never seen" if kind == "classifier" else 1.0])
        with pytest.raises((TypeError, ValueError), match=wanted):
            prediction(model, x)
        assert everything(model) == before
    undisturbed = KINDS[kind]()
    learn(undisturbed, xs[:20], targets_of(kind, y[:20]))
    for one in (model, undisturbed):
        learn(one, xs[20:30], targets_of(kind, y[20:30]))
    assert everything(model) == everything(undisturbed)


@pytest.mark.parametrize("y", [math.inf, "five", {1.0}, 1j])
@pytest.mark.parametrize("kind", ["regressor", "forecaster"])
def test_bad_targets_are_refused_and_change_nothing(kind, y, rng):
    xs, values = stream(rng)
    model = KINDS[kind]()
    for n_rows in (0, 20):
        learn(model, xs[:n_rows], values[:n_rows])
        before = everything(model)
        with pytest.raises((TypeError, ValueError), match="y is "):
            learn(model, [{"new": 1.0}], [y])
        assert everything(model) == before


@pytest.mark.parametrize(
    ("keywords", "wanted"),
    [
        ({"n_cells": 0}, "n_cells is 0, wanted"),
        ({"n_cells": 5, "block_size": 2}, "n_cells is 5 and block_size is 2"),
        ({"block_size": 0}, "block_size is 0, wanted"),
        ({"n_cells": 2.5}, "n_cells is 2.5, wanted"),
        ({"dtype": "int32"}, "dtype is 'int32'"),
        ({"seed": -1}, "seed is -1"),
        ({"network": 7}, "network is 7, wanted a dict"),
        ({"network": {"n_inputs": 3}}, "network names 'n_inputs', which the estimator sets"),
        ({"network": {"sigmoid": True}}, "sigmoid"),
        ({"optimizer": 0.1}, "optimizer is 0.1"),
    ],
)
def test_bad_parameters_are_refused_at_once(kind, keywords, wanted):
    with pytest.raises((TypeError, ValueError), match=wanted):
        KINDS[kind](**keywords)


def test_bad_parameters_of_one_estimator():
    with pytest.raises(ValueError, match="feedback is 1, wanted True or False"):
        Regressor(feedback=1)
    for season in (0, 2.5, True):
        with pytest.raises(ValueError, match=f"season is {season}, wanted a whole number"):
            Forecaster(season=season)
    for season in ((), (3, 3), "12"):
        with pytest.raises(ValueError, match=r"season is .*, wanted a whole number"):
            Forecaster(season=season)
    with pytest.raises(ValueError, match="season is 0, wanted a whole number"):
        Forecaster(season=(3, 0))
    for horizon in (0, 1.5, -1):
        with pytest.raises(ValueError, match=f"horizon is {horizon}, wanted a whole number"):
            Forecaster(horizon=horizon)
    with pytest.raises(ValueError, match="horizon is 0, wanted a whole number"):
        Forecaster().forecast(0)
    with pytest.raises(ValueError, match="xs has 1 rows, wanted the 2 of the horizon"):
        Forecaster().forecast(2, [{}])


def test_switches_of_the_network_are_passed_on():
    model = Regressor(n_cells=4, block_size=2, network={"peepholes": True}, dtype="float64")
    model.learn_one({"a": 1.0}, 2.0)
    assert model.net.parameters["peephole_input"].shape == (2, 2)
    assert model.net.dtype == np.float64


# ---------------------------------------------------------------- going on

COPIERS = {
    "copy": lambda model, path: model.copy(),
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "file": lambda model, path: (model.save(path), pylstm.load(path))[1],
}


@pytest.mark.parametrize("copier", list(COPIERS))
@pytest.mark.parametrize("n_rows", [0, 1, 25])
def test_copies_go_on_with_the_same_bits(kind, copier, n_rows, tmp_path, rng):
    xs, y = stream(rng)
    xs[30]["new"] = 7.0
    y = targets_of(kind, y)
    optimizer = pylstm.Adam(0.02, clip_norm=1.0, schedule=pylstm.Decay(0.99))
    model = KINDS[kind](n_cells=6, network={"peepholes": True}, optimizer=optimizer)
    learn(model, xs[:n_rows], y[:n_rows])
    other = COPIERS[copier](model, tmp_path / "model.safetensors")
    assert type(other) is type(model)
    assert everything(other) == everything(model)
    learn(other, xs[n_rows:], y[n_rows:])
    assert everything(other) != everything(model)
    learn(model, xs[n_rows:], y[n_rows:])
    assert everything(other) == everything(model)
    assert prediction(other, xs[0]) == prediction(model, xs[0])


@pytest.mark.parametrize("copier", list(COPIERS))
@pytest.mark.parametrize("n_rows", [0, 2, 10, 55])
def test_forecasts_go_on_with_the_same_bits(copier, n_rows, tmp_path, rng):
    """With all that a forecaster may have, and after a row that was refused."""
    xs, y = stream(rng)
    xs = [x | {"t": t} for x, t in zip(xs, hours(60), strict=True)]
    xs[58]["new"] = 7.0
    model = Forecaster(4, season=(3, 5), horizon=4, calendar="day")
    learn(model, xs[:n_rows], y[:n_rows])
    before = everything(model)
    with pytest.raises(ValueError, match="is inf"):
        model.learn_one(1.0, xs[n_rows] | {"new": 1.0, "other": math.inf})
    assert everything(model) == before
    other = COPIERS[copier](model, tmp_path / "model.safetensors")
    for one in (model, other):
        learn(one, xs[n_rows:], y[n_rows:])
    assert everything(other) == everything(model)
    xs = [{"t": hours(70)[t]} for t in range(60, 69)]
    assert other.forecast(9, xs) == model.forecast(9, xs)
    found = [one.forecast(9, xs, with_dist=True)[3].interval(0.8) for one in (model, other)]
    assert found[0] == found[1]


def test_a_state_that_contradicts_itself_is_refused(rng):
    xs, y = stream(rng)
    model = Classifier()
    learn(model, xs[:5], labels(y)[:5])
    state = model.__getstate__()
    with pytest.raises(ValueError, match=r"shape \(2,\), wanted float64 of shape \(4,\)"):
        Classifier().__setstate__(state | {"classes": ["a", "b", "c", "d"]})
    with pytest.raises(ValueError, match="wanted 2 inputs of the estimator's own"):
        Classifier().__setstate__(state | {"features": Classifier()._features.state()})
    with pytest.raises(ValueError, match="format 99"):
        Classifier().__setstate__(state | {"format": 99})


def test_memory_does_not_grow_with_the_stream(kind, rng):
    xs, y = stream(rng)
    model = KINDS[kind]()
    learn(model, xs, targets_of(kind, y))
    size = len(pickle.dumps(model))
    for _ in range(3):
        learn(model, xs, targets_of(kind, y))
    assert len(pickle.dumps(model)) == pytest.approx(size, rel=0.02)


def test_a_name_that_is_not_given_is_missing_beside_one_that_is_unknown():
    """As many names as are known, but not these: nothing of the row before is left."""
    model = Regressor(4)
    for t in range(20):
        model.learn_one({"a": t % 3, "b": 5.0 * (t % 2)}, t % 3)
    wanted = model.predict_one({"a": 1.0})
    model.predict_one({"a": 1.0, "b": 5.0})
    assert model.predict_one({"a": 1.0, "unknown": 2.0}) == wanted
