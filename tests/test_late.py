"""Targets that come late: learned at their row, while the rows that wait are seen."""

import math

import numpy as np
import pytest
from estimators import (
    KINDS,
    everything,
    network,
    pairs,
    prediction,
    stream,
    targets_of,
)

import pylstm
from pylstm.estimators import Regressor
from pylstm.estimators.defaults import (
    SWITCHES,
    default_optimizer,
)


@pytest.mark.parametrize("delay", [1, 3])
def test_a_late_target_is_learned_at_its_row(delay, dtype, rng):
    """Against `pylstm.Delayed`, which walks behind; the last answers come after the last row."""
    xs, y = stream(rng)
    model = Regressor(delay=delay, dtype=dtype, seed=3, optimizer=default_optimizer())
    net = pylstm.Delayed(
        network(8, 1, SWITCHES, dtype=dtype, seed=3, optimizer=default_optimizer()), delay
    )
    last = error = math.nan
    before, bases, predictions = {}, [], []
    for t, (x, value) in enumerate(zip(xs, y, strict=True)):
        row = np.array([last, error, *pairs(x, before)])
        before = x
        bases.append(last)
        predictions.append(last + net.step(row)[0].item())
        found = model.predict_one(x)
        assert found == (0.0 if math.isnan(last) else predictions[-1])
        if t >= delay:
            late = t - delay
            model.learn_one(xs[late], y[late])
            net.learn(np.array([y[late] - bases[late]]))
            last, error = y[late], y[late] - predictions[late]
        assert value == y[t]
    for late in range(len(xs) - delay, len(xs)):
        model.learn_one(xs[late], y[late])
    assert model.net.n_steps == len(xs)


@pytest.mark.parametrize("kind", ["regressor", "classifier"])
def test_rows_that_wait_are_seen_and_kept(kind, rng, tmp_path):
    xs, y = stream(rng)
    y = targets_of(kind, y)
    model = KINDS[kind](n_cells=4, delay=4)
    for t, x in enumerate(xs[:30]):
        prediction(model, x if t != 20 else x | {"new": 1.0})
        if t >= 4:
            model.learn_one(xs[t - 4], y[t - 4])
    model.learn_one(xs[26], y[26])
    model.save(tmp_path / "late")
    for other in (model.copy(), pylstm.load(tmp_path / "late")):
        assert everything(other) == everything(model)
        twin = model.copy()
        for t in range(30, 40):
            assert prediction(other, xs[t]) == prediction(twin, xs[t])
            other.learn_one(xs[t - 3], y[t - 3])
            twin.learn_one(xs[t - 3], y[t - 3])
        assert everything(other) == everything(twin)


def test_no_more_rows_wait_than_was_said(rng):
    xs, y = stream(rng)
    model = Regressor(n_cells=4, delay=2)
    for x in xs[:3]:
        model.predict_one(x)
    before = everything(model)
    with pytest.raises(RuntimeError, match=r"3 rows wait for their targets: with delay=2 wanted"):
        model.predict_one(xs[3])
    with pytest.raises(TypeError, match="feature 'a'"):
        model.copy().predict_following([{"a": "x"}])
    assert everything(model) == before
    model.learn_one(xs[0], y[0])
    with pytest.raises(TypeError, match="feature 'new'"):
        model.predict_one({"new": b"x", "b": 1.0})
    model.predict_one(xs[2])
    with pytest.raises(ValueError, match="delay is -1"):
        Regressor(delay=-1)


def test_a_wave_is_predicted_however_late_its_values_come():
    """Six rows late, by the hour of the day: not much worse than at once."""
    rng = np.random.default_rng(1)
    errors = {}
    for delay in (0, 6):
        model, missed, waiting = Regressor(n_cells=8, delay=delay), [], []
        for t in range(2500):
            x = {"hour": t % 24}
            y = 20 + 5 * math.sin(t * math.pi / 12) + 0.5 * rng.normal()
            missed.append(abs(model.predict_one(x) - y))
            waiting.append((x, y))
            if len(waiting) > delay:
                model.learn_one(*waiting.pop(0))
        errors[delay] = np.mean(missed[500:])
    assert errors[6] < 1.1 * errors[0]
