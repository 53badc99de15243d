"""River's own checks, and what they do not see: batches, clones, files, pipelines."""

import math
import pickle
import warnings
from datetime import datetime, timedelta

import numpy as np
import pytest
from estimators import everything, labels, stream

import pylstm
from pylstm import estimators

river = pytest.importorskip("river", reason="the extra [river] is not installed")
pd = pytest.importorskip("pandas", reason="the extra [river] is not installed")

from river import checks, compose, evaluate, metrics, preprocessing  # noqa: E402

from pylstm.river import (  # noqa: E402
    LSTMClassifier,
    LSTMDetector,
    LSTMForecaster,
    LSTMMultiTargetRegressor,
    LSTMRegressor,
)

MODELS = {"regressor": LSTMRegressor, "classifier": LSTMClassifier, "forecaster": LSTMForecaster}
CHECKED = {**MODELS, "several targets": LSTMMultiTargetRegressor}

# Checks of river that are left out, each with its reason: none.
EXEMPT: dict[str, str] = {}
# What must be among them, so that an empty list of checks cannot pass.
WANTED = {
    "regressor": {
        "check_learn_one", "check_pickling", "check_shuffle_features_no_impact",
        "check_emerging_features", "check_disappearing_features",
        "check_radically_disappearing_features", "check_learn_many_matches_learn_one",
        "check_predict_many_matches_predict_one", "check_bounded_memory_growth",
    },
    "classifier": {
        "check_predict_proba_one", "check_classifier_tracks_seen_labels",
        "check_predict_proba_many_matches_predict_proba_one", "check_learn_many_matches_learn_one",
    },
    "forecaster": {"check_learn_one", "check_forecast"},
    "several targets": {
        "check_learn_one", "check_pickling", "check_shuffle_features_no_impact",
        "check_emerging_features", "check_disappearing_features",
    },
}  # fmt: skip


def all_checks():
    for name, model in CHECKED.items():
        for k, check in enumerate(checks.yield_checks(model())):
            if check.__name__ not in EXEMPT:
                yield pytest.param(name, check, id=f"{name}-{k}-{check.__name__}")


@pytest.mark.parametrize(("name", "check"), list(all_checks()))
def test_check_of_river(name, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=DeprecationWarning)  # of river's own imports
        check(CHECKED[name]())


# river checks detectors by credit cards, a table it would have to download.
def cards(n_rows=200):
    rng = np.random.default_rng(0)
    for t in range(n_rows):
        odd = t > 100 and t % 40 == 0
        yield {"a": rng.normal() + 8 * odd, "b": rng.normal(), "c": float(t % 5)}, int(odd)


def checks_of_detectors():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "_yield_datasets", lambda model, scale=1: [list(cards(200 * scale))])
        return list(checks.yield_checks(LSTMDetector(n_cells=4)))


@pytest.mark.parametrize("check", checks_of_detectors(), ids=lambda check: check.__name__)
def test_check_of_river_for_detectors(check):
    check(LSTMDetector(n_cells=4))


def test_checks_of_detectors_are_those_that_matter():
    names = {check.__name__ for check in checks_of_detectors()}
    assert names >= {
        "check_learn_one", "check_roc_auc", "check_pickling", "check_shuffle_features_no_impact",
        "check_emerging_features", "check_disappearing_features",
    }  # fmt: skip
    assert not LSTMDetector()._unit_test_skips()


def test_detector_behind_a_filter_of_river():
    from river import anomaly

    bare, found = estimators.Detector(4), []
    model = anomaly.ThresholdFilter(LSTMDetector(4), threshold=0.99)
    for x, odd in cards():
        score = model.score_one(x)
        assert score == bare.score_one(x)
        model.learn_one(x)
        if score < 0.99:
            bare.learn_one(x)
        found.append((model.classify(score), odd))
    assert sum(odd for is_one, odd in found if is_one) >= 1


def test_detector_is_cloned_and_saved(tmp_path):
    model = LSTMDetector(n_cells=4, season=5, seed=9)
    for x, _ in cards(60):
        model.learn_one(x)
    assert everything(model.clone()) == everything(LSTMDetector(n_cells=4, season=5, seed=9))
    path = tmp_path / "model.safetensors"
    model.save(path)
    for other in (pylstm.load(path), pickle.loads(pickle.dumps(model))):
        assert type(other) is LSTMDetector
        assert everything(other) == everything(model)


@pytest.mark.parametrize("name", list(CHECKED))
def test_checks_that_matter_are_among_them(name):
    names = {check.__name__ for check in checks.yield_checks(CHECKED[name]())}
    assert names >= WANTED[name]
    assert not CHECKED[name]._unit_test_skips(CHECKED[name]())


def test_adapter_changes_nothing(rng):
    xs, y = stream(rng)
    pairs = [
        (LSTMRegressor(seed=4), estimators.Regressor(seed=4), y),
        (LSTMClassifier(seed=4), estimators.Classifier(seed=4), labels(y)),
    ]
    for adapter, bare, wanted in pairs:
        for x, value in zip(xs, wanted, strict=True):
            adapter.learn_one(x, value)
            bare.learn_one(x, value)
            assert adapter.predict_one(x) == bare.predict_one(x)
        assert everything(adapter) == everything(bare)
    adapter, bare = LSTMForecaster(season=4), estimators.Forecaster(season=4)
    for x, value in zip(xs, y, strict=True):
        adapter.learn_one(value, x)
        bare.learn_one(value, x)
    assert adapter.forecast(5, [{}] * 5) == bare.forecast(5, [{}] * 5)


@pytest.mark.parametrize("name", ["regressor", "classifier"])
def test_many_is_the_loop(name, rng):
    """To the last bit, with gaps and columns that come later."""
    xs, y = stream(rng)
    xs[7]["a"] = math.nan
    y = labels(y) if name == "classifier" else y
    one, many = MODELS[name](), MODELS[name]()
    for columns, rows in ((["a", "b"], slice(0, 30)), (["c", "a"], slice(30, 60))):
        X = pd.DataFrame([{key: x[key] for key in columns} for x in xs[rows]])
        many.learn_many(X, pd.Series(y[rows]))
        for x, value in zip(xs[rows], y[rows], strict=True):
            one.learn_one({key: x[key] for key in columns}, value)
    assert everything(one) == everything(many)
    X = pd.DataFrame(xs[:9], index=range(100, 109))
    found = many.predict_many(X)
    assert found.tolist() == [one.predict_one(x) for x in xs[:9]]
    assert found.index.tolist() == list(range(100, 109))
    if name == "classifier":
        shares = many.predict_proba_many(X)
        assert shares.columns.tolist() == one.classes
        assert shares.iloc[3].to_dict() == one.predict_proba_one(xs[3])


def test_many_before_the_first_row():
    X = pd.DataFrame({"a": [1.0, 2.0]})
    assert LSTMRegressor().predict_many(X).tolist() == [0.0, 0.0]
    assert LSTMClassifier().predict_proba_many(X).shape == (2, 0)
    assert LSTMClassifier().predict_many(X).tolist() == [None, None]


def test_many_of_unequal_length_is_refused():
    X, y = pd.DataFrame({"a": [1.0, 2.0]}), pd.Series([1.0])
    for model in (LSTMRegressor(), LSTMClassifier()):
        with pytest.raises(ValueError, match="y has 1 rows and X 2, wanted as many"):
            model.learn_many(X, y)
        with pytest.raises(ValueError, match="w has 1 rows and X 2, wanted as many"):
            model.learn_many(X, pd.Series([1.0, 2.0]), w=y)
        twice = pd.DataFrame([[1.0, 2.0]], columns=["a", "a"])
        with pytest.raises(ValueError, match="X has more than one column 'a', wanted one"):
            model.learn_many(twice, y)


def frames_of(library):
    """How the library makes a frame and a series, and gives a series back as a list."""
    made = pytest.importorskip(library, reason=f"{library} is not installed")
    if library == "pyarrow":
        return made.table, lambda values: made.chunked_array([values]), made.ChunkedArray.to_pylist
    return made.DataFrame, made.Series, made.Series.to_list


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_frames_of_every_library(library):
    """Numbers, whole numbers, truths and times, with gaps: the loop, and back of the same kind."""
    frame, series, as_list = frames_of(library)
    columns = {
        "a": [1.0, None, 3.0, 4.0, 2.5, 6.0],
        "n": [1, 2, 3, 4, 5, 6],
        "b": [True, False, True, True, False, True],
        "t": [datetime(2026, 1, day) for day in range(1, 7)],
    }
    xs = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    y, weights = [1.0, None, 2.0, 5.0, 3.0, 2.0], [1.0, 1.0, 2.0, 0.0, 0.5, 1.0]
    for model, targets in (
        (LSTMRegressor(4), y),
        (LSTMClassifier(4), ["u", None, "d", "u", "u", "d"]),
    ):
        loop = model.clone()
        model.learn_many(frame(columns), series(targets), w=series(weights))
        for x, target, w in zip(xs, targets, weights, strict=True):
            loop.learn_one(x, target, w)
        assert everything(model) == everything(loop)
        found = model.predict_many(frame(columns))
        assert as_list(found) == [loop.predict_one(x) for x in xs]
    shares = model.predict_proba_many(frame(columns))
    assert type(shares) is type(frame(columns))
    assert as_list(shares["d"]) == [loop.predict_proba_one(x)["d"] for x in xs]
    several = LSTMRegressor(4)
    several.learn_many(frame(columns), frame({"load": weights, "price": y}))
    assert as_list(several.predict_many(frame(columns))["price"]) == [
        several.predict_one(x)["price"] for x in xs
    ]


NULLABLE = {
    "Int64": ([1, None, None, 2, 1, 2], [1, 2]),
    "Float32": ([1, None, None, 2, 1, 2], [1, 2]),
    "float32": ([1, None, None, 2, 1, 2], [1, 2]),
    "boolean": ([True, None, None, False, True, False], [True, False]),
    "string": (["u", None, None, "d", "u", "d"], ["u", "d"]),
    "category": (["u", None, None, "d", "u", "d"], ["u", "d"]),
    "datetime64[ns]": (["2026-01-01", None, "2026-01-03", "2026-01-04", None, "2026-01-06"], None),
}


@pytest.mark.parametrize("dtype", list(NULLABLE))
def test_nullable_columns(dtype):
    """What is missing in a column of any type is missing: no class, and no error."""
    values, classes = NULLABLE[dtype]
    column, numbers = pd.Series(values, dtype=dtype), pd.Series(range(6))
    if classes is not None:
        model = LSTMClassifier(4)
        model.learn_many(pd.DataFrame({"a": numbers}), column)
        assert model.classes == classes
    if dtype not in ("string", "category"):
        model = LSTMRegressor(4)
        model.learn_many(pd.DataFrame({"a": column}), numbers)
        model.learn_many(pd.DataFrame({"a": column}), column)
        assert np.isfinite(model.predict_many(pd.DataFrame({"a": column}))).all()


@pytest.mark.parametrize("name", list(MODELS))
def test_clone_has_the_parameters_and_has_learned_nothing(name, rng):
    xs, y = stream(rng)
    keywords = {
        "n_cells": 6,
        "seed": 9,
        "optimizer": pylstm.SGD(0.3),
        "network": {"shortcut": True},
    }
    model = MODELS[name](**keywords)
    model.learn_one(y[0], xs[0]) if name == "forecaster" else model.learn_one(xs[0], y[0])
    clone = model.clone()
    assert everything(clone) == everything(MODELS[name](**keywords))
    assert clone.clone({"n_cells": 4}).n_cells == 4


@pytest.mark.parametrize("name", [*CHECKED, "detector"])
def test_clone_with_what_was_learned(name, rng):
    xs, y = stream(rng)
    model = LSTMDetector(4) if name == "detector" else CHECKED[name](4)
    for x, value in zip(xs, y, strict=True):
        if name == "detector":
            model.learn_one(x)
        elif name == "forecaster":
            model.learn_one(value, x)
        else:
            model.learn_one(x, {"y": value} if name == "several targets" else value)
    before = everything(model)
    clone = model.clone(include_attributes=True)
    assert everything(clone) == before
    clone.reset()
    assert everything(model) == before
    if name != "detector":
        assert model.clone({"seed": 3}, include_attributes=True).seed == 3
    with pytest.raises(ValueError, match="wanted"):
        model.clone({"n_cells": 5}, include_attributes=True)


def test_forecaster_under_evaluation_of_river():
    """By the mean over the horizon too, and step by step; the clock is that of the features."""
    hours = [{"hour": datetime(2026, 1, 1) + timedelta(hours=t)} for t in range(400)]
    series = [(x, 20 + 5 * math.sin(t * math.pi / 12)) for t, x in enumerate(hours)]
    model = LSTMForecaster(8, season=24, calendar="day")
    found = evaluate.evaluate(series, model, metrics.MAE(), horizon=6, agg_func=max)
    assert 0 < found.get() < 5
    steps = evaluate.iter_evaluate(series, model.clone(), metrics.MAE(), horizon=6)
    *_, (_, _, forecast, by_lead) = steps
    assert len(forecast) == len(by_lead.get()) == 6
    assert max(by_lead.get()) == pytest.approx(found.get(), rel=1e-9)


def test_targets_that_come_late_under_evaluation_of_river(rng):
    """The model that is told how late they come learns them at their rows."""
    rows = [({"hour": t % 24}, 20 + 5 * math.sin(t * math.pi / 12)) for t in range(900)]
    model = LSTMRegressor(8, delay=7)
    late = evaluate.progressive_val_score(rows, model, metrics.MAE(), delay=7)
    assert late.get() < 2
    assert model.n_steps == len(rows)


def test_several_targets_and_weights_under_evaluation_of_river(rng):
    xs, y = stream(rng, 200)
    targets = [{"a": value, "b": -value} for value in y]
    rows = [
        (x, wanted, {"w": 1 + t % 2}) for t, (x, wanted) in enumerate(zip(xs, targets, strict=True))
    ]
    model, loop = LSTMMultiTargetRegressor(4), estimators.Regressor(4)
    assert model.predict_one(xs[0]) == {}
    metric = metrics.multioutput.MicroAverage(metrics.MAE())
    found = evaluate.progressive_val_score(rows, model, metric).get()
    misses = []
    for t, (x, wanted) in enumerate(zip(xs, targets, strict=True)):
        if t:
            misses += [abs(loop.predict_one(x)[name] - wanted[name]) for name in wanted]
        loop.learn_one(x, wanted, w=1 + t % 2)
    assert found == pytest.approx(np.mean(misses), rel=1e-12)


@pytest.mark.parametrize("name", list(MODELS))
def test_saved_to_a_file(name, tmp_path, rng):
    xs, y = stream(rng)
    model = MODELS[name](n_cells=6)
    for x, value in zip(xs[:9], y[:9], strict=True):
        model.learn_one(value, x) if name == "forecaster" else model.learn_one(x, value)
    path = tmp_path / "model.safetensors"
    model.save(path)
    for other in (pylstm.load(path), pickle.loads(pickle.dumps(model))):
        assert type(other) is MODELS[name]
        assert everything(other) == everything(model)


def test_in_a_pipeline_with_categories(rng):
    xs, y = stream(rng)
    categories = compose.SelectType(str) | preprocessing.OneHotEncoder()
    model = (compose.SelectType(float) + categories) | LSTMRegressor(n_cells=4)
    colours = ["red", "green", "blue"]
    rows = [(x | {"colour": colours[k % 3]}, v) for k, (x, v) in enumerate(zip(xs, y, strict=True))]
    mae = evaluate.progressive_val_score(rows, model, metrics.MAE())
    assert np.isfinite(mae.get())
    assert len(model["LSTMRegressor"].feature_names) == 6
