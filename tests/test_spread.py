"""How far off a prediction may be: intervals hold their share, distributions are some."""

import math

import numpy as np
import pytest

from pylstm.estimators import Regressor
from pylstm.estimators.spread import Spread


def test_intervals_hold_their_share_whatever_the_stream_does():
    """Errors of three kinds and scales, one after another; one of them skewed."""
    rng = np.random.default_rng(0)
    errors = np.concatenate(
        [rng.normal(size=4000), 30 * rng.standard_t(2, 4000), rng.exponential(0.1, 4000)]
    )
    spread, inside = Spread(), []
    for error in errors.tolist():
        found = spread.around(5.0)
        y = 5.0 + error
        inside.append([found.interval(level)[0] <= y <= found.interval(level)[1]
                       for level in (0.8, 0.9, 0.95)])  # fmt: skip
        spread.learn(error)
    for part in range(3):
        share = np.mean(inside[4000 * part + 1000 : 4000 * part + 4000], 0)
        np.testing.assert_allclose(share, [0.8, 0.9, 0.95], atol=0.015)


def test_a_distribution_is_one(rng):
    spread = Spread()
    for error in rng.normal(1, 2, 3000).tolist():
        spread.learn(error)
    found = spread.around(100.0)
    y = np.linspace(60, 140, 40_001)
    density = np.array([found(value) for value in y])
    cdf = np.array([found.cdf(value) for value in y])
    assert density.sum() * (y[1] - y[0]) == pytest.approx(1, abs=1e-3)
    np.testing.assert_allclose(np.cumsum(density) * (y[1] - y[0]), cdf, atol=2e-3)
    for level in (1e-6, 0.001, 0.0025, 0.05, 0.3, 0.5, 0.77, 0.99, 0.9999):
        assert found.cdf(found.quantile(level)) == pytest.approx(level, rel=1e-9)
    assert found.mu == 100.0
    assert found.quantile(0.5) == pytest.approx(101, abs=0.5)
    assert found.sigma == pytest.approx(2, rel=0.2)
    assert found.log_score(101.0) == pytest.approx(math.log(found(101.0)))
    assert found.log_score(101.0) > found.log_score(104.0) > found.log_score(500.0)


def test_a_wild_value_widens_no_interval_for_long(rng):
    model = Regressor(n_cells=4)
    widths = []
    for t in range(1200):
        y = math.sin(t / 5) + 0.1 * rng.normal() + 1e6 * (t == 600)
        low, high = model.predict_one({}, with_dist=True).interval(0.9)
        widths.append(high - low)
        model.learn_one({}, y)
    assert np.median(widths[700:]) < 2 * np.median(widths[500:600])


def test_before_the_first_error_nothing_is_excluded():
    found = Regressor().predict_one({"a": 1.0}, with_dist=True)
    assert found.mu == 0.0
    assert found.interval(0.5) == (-math.inf, math.inf)
    assert math.isnan(found.cdf(0.0))
    assert math.isnan(found.log_score(0.0))
    assert "from -inf to inf" in repr(found)


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, math.nan])
def test_a_level_that_is_none(level):
    found = Regressor().predict_one({"a": 1.0}, with_dist=True)
    for verb in (found.interval, found.quantile):
        with pytest.raises(ValueError, match=r"level is .*, wanted a number between 0 and 1"):
            verb(level)


def test_errors_that_are_zero_leave_a_narrow_interval():
    spread = Spread()
    for _ in range(100):
        spread.learn(0.0)
    low, high = spread.around(3.0).interval(0.9)
    assert low < 3.0 < high
    assert high - low < 1e-9
    assert np.isfinite(spread.around(3.0).log_score(3.0))
