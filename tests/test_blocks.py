"""What is made of rows of numbers in compiled code, by the formulas written down for it."""

import math

import numpy as np
import pytest

from pylstm.tabular.baselines import number_forecasts
from pylstm.tabular.blocks import Segments, add_to, hold, inside
from pylstm.tabular.settings import Settings

N_ROWS = 40


def with_gaps(rng, shape, share=0.3):
    values = rng.normal(size=shape)
    values[rng.random(shape) < share] = math.nan
    return values


def known_before(truth, row):
    """The last target that is known at a row; NaN where there is none."""
    return next((y for y in truth[: max(0, row + 1)][::-1].tolist() if y == y), math.nan)


@pytest.mark.parametrize(
    ("horizon", "delay", "seasons"),
    [(1, 0, ()), (1, 0, (3,)), (4, 0, (3, 9)), (0, 0, ()), (0, 0, (2, 5)), (0, 3, (2, 7))],
)
def test_baselines_and_losses_are_those_of_the_formulas(horizon, delay, seasons, rng):
    settings = Settings(target="y", horizon=horizon, delay=delay, season=seasons)
    lead = horizon or delay + 1
    truth, (values, low, high) = with_gaps(rng, N_ROWS, 0.5), with_gaps(rng, (3, N_ROWS), 0.1)
    found = []
    model = number_forecasts(settings)
    for start, end in [(0, 1), (1, 2), (2, 15), (15, 16), (16, N_ROWS)]:
        found.append(model.update(*(v[start:end] for v in (truth, values, low, high))))
        state, model = model.state(), number_forecasts(settings)  # goes on from its state
        model.restore(state)
    losses, drawn = map(np.concatenate, zip(*found, strict=True))
    for r in range(N_ROWS):
        made = r - horizon  # the row at which row r was forecast
        due = [values[made] if made >= 0 else math.nan]
        due.append(known_before(truth, r - lead) if made >= 0 else math.nan)
        for s in seasons:
            then = r - s * math.ceil(lead / s)
            due.append(truth[then] if then >= 0 and made >= 0 else math.nan)
        errors = np.array(due) - truth[r]
        np.testing.assert_array_equal(losses[r], [*abs(errors), *errors**2])
        bounds = [low[made], high[made]] if made >= 0 else [math.nan] * 2
        np.testing.assert_array_equal(drawn[r], [truth[r], due[0], *bounds])


@pytest.mark.parametrize("marks", [False, True])
def test_a_missing_number_is_the_last_known_one(marks, rng):
    values, known = with_gaps(rng, (N_ROWS, 3)), np.array([1.0, math.nan, 2.0])
    whole = np.vstack([known, values])
    held = np.vstack([hold(known, values[:7], marks), hold(known, values[7:], marks)])
    wanted = [[known_before(column, r + 1) for column in whole.T] for r in range(N_ROWS)]
    np.testing.assert_array_equal(held[:, :3], wanted)
    if marks:
        np.testing.assert_array_equal(held[:, 3:], np.isnan(values))


def test_rows_with_a_gap_count_for_nothing(rng):
    values = with_gaps(rng, (N_ROWS, 2))
    whole = ~np.isnan(values).any(axis=1)
    wanted = [whole.sum(), *values[whole].sum(axis=0)]
    sums, segments = np.zeros(3), Segments(2)
    for part in (values[:1], values[1:]):
        add_to(sums, part)
        segments.add_rows(part)
    np.testing.assert_allclose(sums, wanted, rtol=1e-13)
    np.testing.assert_allclose(segments.sum_after(0), wanted, rtol=1e-13)


def test_numbers_are_inside_of_intervals_that_are_known():
    inf, nan = math.inf, math.nan
    found = inside(
        np.array([1.0, 2.0, 3.0, nan, 1.0, inf, 0.0]),
        np.array([1.0, 2.5, 0.0, 0.0, -inf, 0.0, 0.0]),
        np.array([1.5, 3.0, 3.0, 1.0, 2.0, 9.0, nan]),
    )
    wanted = [[1, 0.5], [0, 0.5], [1, 3.0], *[[nan, nan]] * 4]
    np.testing.assert_array_equal(found, wanted)
