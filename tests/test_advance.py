"""Going on by a row whose target is known and not learned from."""

import math

import pytest
from nets import assert_same_bits, get_parameters

from pylstm.estimators import Classifier, Forecaster, Regressor


def fitted(kind, targets, **parameters):
    model = kind(n_cells=4, **parameters)
    for t, y in enumerate(targets):
        model.learn_one({"t": math.sin(t)}, y)
    return model


def weights(model):
    return [get_parameters(net) for net in model.nets]


CASES = [
    (Regressor, [float(t % 5) for t in range(60)], 40.0),
    (Classifier, ["abc"[t % 3] for t in range(60)], "b"),
]


@pytest.mark.parametrize("delay", [0, 2])
@pytest.mark.parametrize(("kind", "targets", "y"), CASES)
def test_a_target_that_is_known_is_an_input_and_changes_no_weight(kind, targets, y, delay):
    model = fitted(kind, targets, delay=delay)
    before, other = weights(model), model.copy()
    model.advance_one({"t": 0.5}, y)
    other.advance_one({"t": 0.5})
    for now, then in zip(weights(model), before, strict=True):
        assert_same_bits(now, then)
    say = "predict_proba_one" if kind is Classifier else "predict_one"
    assert getattr(model, say)({"t": 0.6}) != getattr(other, say)({"t": 0.6})


def test_what_is_known_is_known_as_if_it_had_been_learned():
    model = fitted(Regressor, CASES[0][1])
    learned = model.copy()
    learned.learn_one({"t": 0.5}, 40.0)
    model.advance_one({"t": 0.5}, 40.0)
    (known,), (taught,) = model._targets.known, learned._targets.known
    assert (known.last, known.error) == (taught.last, taught.error)
    assert known.spread.n == taught.spread.n - 1


@pytest.mark.parametrize("horizon", [None, 3])
def test_forecasts_begin_after_a_value_that_is_known(horizon):
    model = Forecaster(n_cells=4, season=5, horizon=horizon)
    for t in range(60):
        model.learn_one(float(t % 5))
    before, other = weights(model), model.copy()
    seen, misses = model._series.seen.state(), model._series.misses.state()
    (profile,) = model._series.past.state()["profiles"]
    for y in (10.0, None, 11.0):
        model.advance_one(y)
        other.advance_one(None)
    for now, then in zip(weights(model), before, strict=True):
        assert_same_bits(now, then)
    assert (model._series.seen.state(), model._series.misses.state().tolist()) == (
        seen,
        misses.tolist(),
    )
    assert model._series.past.profiles[0].tolist() == profile.tolist()
    assert model._series.past.last == 11.0
    assert model.forecast(5) != other.forecast(5)
