"""Predict-then-learn: what is learned from what, what is seen when, horizons, gaps, odd columns."""

import numpy as np
import pytest
from streams import forecasts_of, wavy_table

from pylstm import LSTM
from pylstm.tabular import Forecaster, Session, Settings, StreamError

HORIZONS = [1, 2, 5]


def settings(**options):
    return Settings(**{"target": "load", "cells": 8, **options})


def skill(table, **options):
    """Against the last value, over the second half of the table."""
    session = Session(settings(cells=16, **options), [str(k) for k in range(table.shape[1])])
    forecasts_of(session, table)
    return session.scores.total(after=0.5).skill("pylstm", "last value")


def inputs_and_wanted(forecaster, table):
    """Feed a forecaster; return what its network saw and what it was to put out, row by row."""
    inputs, wanted = [], []
    see, want = forecaster._standardised_inputs, forecaster._standardised_target

    def keep(results, function):
        def kept(*args):
            results.append(function(*args))
            return results[-1]

        return kept

    forecaster._standardised_inputs = keep(inputs, see)
    forecaster._standardised_target = keep(wanted, want)
    for row in table:
        forecaster.update(row, row[0])
    return np.array(inputs), np.array(wanted)


def twin_network(forecaster):
    """A network with the same starting weights, trained by the tests."""
    n_inputs, options = forecaster.net.n_inputs, forecaster.settings
    fresh = Forecaster(forecaster.last_inputs.size, options).net
    assert fresh.n_inputs == n_inputs
    return fresh


def kept_outputs(forecaster):
    """What the network will put out as it is fed."""
    outputs, step = [], forecaster.delayed.step
    forecaster.delayed.step = lambda x: outputs.append(step(x)) or outputs[-1]
    return outputs


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_learns_each_target_from_the_step_made_a_horizon_before(horizon, momentum):
    """The weights are those of a plain loop over pairs (inputs of row t - h, target of row t)."""
    forecaster = Forecaster(2, settings(horizon=horizon, momentum=momentum))
    net = twin_network(forecaster)
    inputs, wanted = inputs_and_wanted(forecaster, wavy_table(300, missing=0.1))
    assert len(inputs) == 300
    assert len(wanted) == 300 - horizon
    for x, y in zip(inputs, wanted, strict=False):
        net.step(x)
        net.learn(y)
    for name, weights in net.parameters.items():
        np.testing.assert_array_equal(weights, forecaster.net.parameters[name])
        assert (weights != twin_network(forecaster).parameters[name]).any()


@pytest.mark.parametrize("horizon", HORIZONS)
def test_forecast_sees_all_rows_up_to_the_present(horizon):
    """Without learning, the forecast at row t is the network run over rows 0 to t."""
    forecaster = Forecaster(2, settings(horizon=horizon, learning_rate=0.0))
    net = twin_network(forecaster)
    outputs = kept_outputs(forecaster)
    inputs, _ = inputs_and_wanted(forecaster, wavy_table(100))
    np.testing.assert_array_equal(np.array(outputs), net.run(inputs))


def test_forecast_is_made_with_the_latest_weights():
    """The weights changed by hand show in the very next forecast."""
    table = wavy_table(200)
    forecaster, other = (Forecaster(2, settings(horizon=3)) for _ in range(2))
    for each in (forecaster, other):
        for row in table:
            each.update(row, row[0])
    forecaster.net.parameters["output"][:] = 0
    assert forecaster.update(table[0], np.nan) == table[-1, 0] != other.update(table[0], np.nan)


def test_one_row_ahead_is_step_then_learn():
    """With horizon 1 the forecast is the output of the very step that is learned from."""
    table = wavy_table(300)
    forecaster = Forecaster(2, settings())
    net = twin_network(forecaster)
    outputs = kept_outputs(forecaster)
    inputs, wanted = inputs_and_wanted(forecaster, table)
    stepped = [net.step(x, y) for x, y in zip(inputs, wanted, strict=False)]
    np.testing.assert_array_equal(outputs[:-1], stepped)


@pytest.mark.parametrize("horizon", HORIZONS)
@pytest.mark.parametrize("predict", ["change", "level"])
@pytest.mark.parametrize("changed", [40, 77])
def test_no_forecast_knows_the_future(horizon, predict, changed):
    """Rows from `changed` on are different: all forecasts before are the same, the next differs."""
    table = wavy_table(120, missing=0.1)
    other = table.copy()
    other[changed:] = 3 * wavy_table(120, seed=1)[changed:]
    options = settings(horizon=horizon, predict=predict, season=24)
    a, b = (forecasts_of(Session(options, ["load", "wind"]), rows) for rows in (table, other))
    np.testing.assert_array_equal(a[:changed], b[:changed])
    assert a[changed] != b[changed]


@pytest.mark.parametrize(
    ("horizon", "low", "high"), [(3, 0.85, 1.0), (2, 0.5, 1.0), (4, 0.0, 0.4), (5, 0.0, 0.4)]
)
def test_horizon_is_counted_in_rows(rng, horizon, low, high):
    """Target(t) = noise(t - 3): known three rows ahead, with memory two, and not at all four.

    The mean is 29 % better than the last value on noise, so that much skill needs no knowledge.
    """
    noise = rng.normal(size=6003)
    table = np.stack([noise[:-3], noise[3:]], axis=1)
    assert low < skill(table, horizon=horizon) < high


def test_starts_as_the_last_value():
    """Before anything can have been learned, the forecast is "as now"."""
    forecaster = Forecaster(1, settings(horizon=3))
    values = [7.0, 7.5, 4.0]
    assert [forecaster.update(np.array([value]), value) for value in values] == values


BAD_ROWS = [([1.0], 1.0), ([1.0, 2.0, 3.0], 1.0), ([1.0, np.inf], 1.0), ([1.0, 2.0], -np.inf)]


@pytest.mark.parametrize(("inputs", "target"), BAD_ROWS)
def test_bad_row_is_refused_and_changes_nothing(inputs, target):
    table = wavy_table(60)
    session, undisturbed = (Session(settings(horizon=2), ["load", "wind"]) for _ in range(2))
    forecasts_of(session, table[:30])
    with pytest.raises(ValueError, match="wanted 2 numbers and one, NaN where missing"):
        session.update(np.array(inputs), target)
    forecasts = forecasts_of(undisturbed, table)
    np.testing.assert_array_equal(forecasts_of(session, table[30:]), forecasts[30:])
    assert session.scores.total() == undisturbed.scores.total()


@pytest.mark.parametrize("bad", [{"horizon": 1.5}, {"cells": True}, {"season": 0}, {"seed": None}])
def test_settings_are_checked(bad):
    (name,) = bad
    with pytest.raises(StreamError, match=rf"^{name} is {bad[name]!r}, wanted a whole number"):
        settings(**bad)


@pytest.mark.parametrize("predict", ["change", "level"])
def test_no_forecast_before_the_first_target(predict):
    forecaster = Forecaster(1, settings(predict=predict))
    forecasts = [forecaster.update(np.array([2.0]), np.nan) for _ in range(5)]
    assert np.isnan(forecasts).all()


def test_missing_target_leaves_the_last_one_known():
    forecaster = Forecaster(1, settings(learning_rate=0.0))
    forecaster.net.parameters["output"][...] = 0
    targets = [7.0, np.nan, 5.0, np.nan, np.nan]
    forecasts = [forecaster.update(np.array([1.0]), target) for target in targets]
    assert forecasts == [7.0, 7.0, 5.0, 5.0, 5.0]


def test_no_output_means_no_change():
    """On a steady rise the network has to put out a change, instead of the scale hiding it."""
    _, wanted = inputs_and_wanted(Forecaster(1, settings()), np.arange(100.0)[:, None])
    np.testing.assert_allclose(wanted, 1, rtol=1e-6)


def test_forecast_stays_within_five_deviations_of_the_change():
    forecaster = Forecaster(1, settings(learning_rate=0.0))
    forecaster.net.parameters["output"][:, -1] = 1000
    for value in (1.0, 3.0, 1.0, 3.0):
        forecast = forecaster.update(np.array([value]), value)
    assert forecast == 3 + 5 * 2


def test_nothing_is_learned_without_a_target():
    table = wavy_table(60)
    forecaster = Forecaster(2, settings(horizon=2))
    for row in table[:40]:
        forecaster.update(row, row[0])
    before = {name: weights.copy() for name, weights in forecaster.net.parameters.items()}
    for row in table[40:]:
        forecaster.update(row, np.nan)
    for name, weights in forecaster.net.parameters.items():
        np.testing.assert_array_equal(weights, before[name])


def test_missing_cell_keeps_the_last_level_without_a_change():
    forecaster = Forecaster(2, settings(mark_missing=True))
    table = wavy_table(50)
    table[30:33, 1] = np.nan
    table[33, 1] = table[29, 1]
    inputs, _ = inputs_and_wanted(forecaster, table)
    levels, changes, marks = inputs[:, 1], inputs[:, 3], inputs[:, 5]
    assert len(set(levels[29:33].tolist())) == 1
    np.testing.assert_array_equal(changes[30:33], 0)
    np.testing.assert_array_equal(np.flatnonzero(marks), [30, 31, 32])
    assert (changes[25:29] != 0).all()


def test_columns_missing_for_ever_or_constant_are_harmless():
    table = wavy_table(1500)
    odd = np.column_stack([table, np.full(1500, np.nan), np.full(1500, 8.5)])
    assert skill(odd) > 0.1
    assert skill(odd) == pytest.approx(skill(table), abs=0.1)


def test_constant_target_is_predicted_exactly():
    forecaster = Forecaster(2, settings())
    wind = wavy_table(200)[:, 1]
    forecasts = {forecaster.update(np.array([3.3, w]), 3.3) for w in wind}
    assert forecasts == {3.3}


@pytest.mark.parametrize("horizon", [1, 3])
def test_unit_of_the_table_does_not_matter(horizon):
    """In units 1024 times smaller, every forecast is exactly 1024 times the number."""
    table = wavy_table(400)
    options = settings(horizon=horizon)
    small, large = (
        forecasts_of(Session(options, ["load", "wind"]), unit * table) for unit in (1, 1024)
    )
    np.testing.assert_array_equal(large, 1024 * small)


def test_unpredictable_walk_is_left_at_its_last_value(rng):
    assert -0.03 < skill(rng.normal(size=(5000, 1)).cumsum(axis=0)) < 0.03


@pytest.mark.parametrize("horizon", [1, 6])
@pytest.mark.parametrize("predict", ["change", "level"])
def test_rhythm_is_learned(horizon, predict):
    assert skill(wavy_table(4000), horizon=horizon, predict=predict) > 0.1 * horizon


def test_one_wild_cell_does_no_lasting_harm():
    table = wavy_table(4000)
    wild = table.copy()
    wild[1500] = [1e9, -1e9]
    assert skill(wild) == pytest.approx(skill(table), abs=0.05)


def test_dtype_seed_and_size_reach_the_network():
    net = Forecaster(3, settings(dtype="float64", cells=5, seed=4)).net
    assert (net.dtype, net.n_cells, net.n_inputs) == (np.float64, 5, 6)
    np.testing.assert_array_equal(net.parameters["forget_gate"][:, -1], 1)
    other = Forecaster(3, settings(dtype="float64", cells=5, seed=5)).net
    assert isinstance(other, LSTM)
    assert (net.parameters["cell_input"] != other.parameters["cell_input"]).any()
