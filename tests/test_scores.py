"""Scores: right sums on the right rows, in bounded memory."""

import numpy as np
import pytest

from pylstm.tabular import Scores

CAPACITY = 4096


def scored(truth, forecasts):
    scores = Scores([str(k) for k in range(forecasts.shape[1])])
    for y, row in zip(truth.tolist(), forecasts.tolist(), strict=True):
        scores.add(y, row)
    return scores


def stream(rng, n_rows):
    truth, forecasts = rng.normal(size=n_rows), rng.normal(size=(n_rows, 2))
    truth[rng.random(n_rows) < 0.1] = np.nan
    forecasts[rng.random((n_rows, 2)) < 0.1] = np.nan
    return truth, forecasts


def assert_total(total, truth, forecasts):
    errors = forecasts - truth[:, None]
    errors = errors[~np.isnan(errors).any(axis=1)]
    assert total.n_scored == len(errors)
    np.testing.assert_allclose(list(total.mae.values()), np.abs(errors).mean(axis=0), rtol=1e-12)
    rmse = np.sqrt((errors**2).mean(axis=0))
    np.testing.assert_allclose(list(total.rmse.values()), rmse, rtol=1e-12)


@pytest.mark.parametrize("n_rows", [1, 10, 11, 999, CAPACITY])
def test_totals_are_exact_while_every_row_has_its_segment(rng, n_rows):
    truth, forecasts = stream(rng, n_rows)
    truth[-1], forecasts[-1] = 1.0, [2.0, 0.5]
    scores = scored(truth, forecasts)
    assert_total(scores.total(), truth, forecasts)
    start = -(-n_rows // 10) if n_rows > 1 else 0
    assert_total(scores.total(after=0.1 if n_rows > 1 else 0), truth[start:], forecasts[start:])


def test_long_streams_keep_their_totals_in_the_same_memory(rng):
    n_rows = 5 * CAPACITY + 7
    truth, forecasts = stream(rng, n_rows)
    scores = scored(truth, forecasts)
    assert scores.rows_per_segment == 8
    assert len(scores.state()["sums"]) <= CAPACITY
    assert_total(scores.total(), truth, forecasts)
    start = -(-n_rows // 10)
    start += -start % 8
    assert_total(scores.total(after=0.1), truth[start:], forecasts[start:])


@pytest.mark.parametrize("name", ["n_rows", "rows_per_segment"])
def test_scores_that_do_not_fit_together_are_refused(rng, name):
    state = scored(*stream(rng, 50)).state()
    for value in (0, 10**9):
        with pytest.raises(ValueError, match="do not fit together"):
            Scores(["0", "1"]).restore({**state, name: value})


def test_skill():
    total = scored(np.zeros(4), np.array([[1.0, 4.0]] * 4)).total()
    assert total.skill("0", "1") == 0.75
    assert total.skill("1", "0") == -3
    perfect = scored(np.zeros(4), np.zeros((4, 2))).total()
    assert perfect.skill("0", "1") == 0


def test_running_error_is_that_of_each_stretch(rng):
    truth, forecasts = stream(rng, 1000)
    rows, mae = scored(truth, forecasts).running_error(n_points=10)
    np.testing.assert_array_equal(rows, np.arange(100, 1001, 100))
    both = ~np.isnan(forecasts[200:300] - truth[200:300, None]).any(axis=1)
    error = np.abs(forecasts[200:300, 1] - truth[200:300])[both].mean()
    assert mae["1"][2] == pytest.approx(error, rel=1e-12)


def test_nothing_scored_is_no_number():
    scores = scored(np.full(5, np.nan), np.ones((5, 2)))
    assert scores.total().n_scored == 0
    assert np.isnan(scores.total().mae["0"])
    assert np.isnan(scores.running_error()[1]["0"]).all()


def test_restored_scores_go_on_to_the_last_bit(rng):
    truth, forecasts = stream(rng, 2 * CAPACITY)
    whole, resumed = scored(truth, forecasts), Scores(["0", "1"])
    resumed.restore(scored(truth[:5000], forecasts[:5000]).state())
    for y, row in zip(truth[5000:].tolist(), forecasts[5000:].tolist(), strict=True):
        resumed.add(y, row)
    np.testing.assert_array_equal(resumed.state()["sums"], whole.state()["sums"])
    assert resumed.total(0.1) == whole.total(0.1)
