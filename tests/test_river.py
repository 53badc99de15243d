"""River's own checks, and what they do not see: batches, clones, files, pipelines."""

import math
import pickle
import warnings

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
    LSTMRegressor,
)

MODELS = {"regressor": LSTMRegressor, "classifier": LSTMClassifier, "forecaster": LSTMForecaster}

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
}  # fmt: skip


def all_checks():
    for name, model in MODELS.items():
        for k, check in enumerate(checks.yield_checks(model())):
            if check.__name__ not in EXEMPT:
                yield pytest.param(name, check, id=f"{name}-{k}-{check.__name__}")


@pytest.mark.parametrize(("name", "check"), list(all_checks()))
def test_check_of_river(name, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=DeprecationWarning)  # of river's own imports
        check(MODELS[name]())


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


@pytest.mark.parametrize("name", list(MODELS))
def test_checks_that_matter_are_among_them(name):
    names = {check.__name__ for check in checks.yield_checks(MODELS[name]())}
    assert names >= WANTED[name]
    assert not MODELS[name]._unit_test_skips(MODELS[name]())


def test_dress_changes_nothing(rng):
    xs, y = stream(rng)
    pairs = [
        (LSTMRegressor(seed=4), estimators.Regressor(seed=4), y),
        (LSTMClassifier(seed=4), estimators.Classifier(seed=4), labels(y)),
    ]
    for dressed, bare, wanted in pairs:
        for x, value in zip(xs, wanted, strict=True):
            dressed.learn_one(x, value)
            bare.learn_one(x, value)
            assert dressed.predict_one(x) == bare.predict_one(x)
        assert everything(dressed) == everything(bare)
    dressed, bare = LSTMForecaster(season=4), estimators.Forecaster(season=4)
    for x, value in zip(xs, y, strict=True):
        dressed.learn_one(value, x)
        bare.learn_one(value, x)
    assert dressed.forecast(5) == bare.forecast(5)


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
        with pytest.raises(ValueError, match="X has 2 rows and y has 1, wanted as many"):
            model.learn_many(X, y)


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
