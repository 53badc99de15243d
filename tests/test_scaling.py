"""Running standardisation: right moments, nothing from the future, outliers and shifts."""

import pickle

import numpy as np
import pytest
from nets import assert_same_bits

from pylstm import RunningScale, reference


def fed(rows, **options):
    rows = np.atleast_2d(np.array(rows, float).T).T
    scale = RunningScale(rows.shape[1], **options)
    for row in rows:
        row.flags.writeable = False
        scale.update(row)
    return scale


def test_moments_are_those_of_all_rows_seen(rng):
    """Uniform values stay inside five deviations, so that none is clipped."""
    rows = rng.uniform([-1, 100, 5], [1, 300, 5.5], (500, 3))
    rows[rng.random(rows.shape) < 0.2] = np.nan
    for n in (9, 37, 500):
        scale = fed(rows[:n], memory=10**6)
        np.testing.assert_allclose(scale.mean, np.nanmean(rows[:n], axis=0), rtol=1e-12)
        np.testing.assert_allclose(scale.deviation, np.nanstd(rows[:n], axis=0), rtol=1e-10)


def test_without_a_centre_the_deviation_is_the_root_mean_square(rng):
    rows = rng.uniform(3, 5, (300, 1))
    scale = fed(rows, centre=False)
    assert scale.mean == 0
    np.testing.assert_allclose(scale.deviation, np.sqrt((rows**2).mean(axis=0)), rtol=1e-12)


def test_standardised_values():
    scale = fed([[1.0], [3.0]])
    values = np.array([[2.0], [4.5], [1000.0], [-1000.0], [np.nan]])
    standardised = [scale.standardise(value)[0] for value in values]
    np.testing.assert_array_equal(standardised, [0, 2.5, 5, -5, np.nan])


@pytest.mark.parametrize("constant", [0.0, 0.1, -1e90])
def test_constant_column_is_zero(constant):
    scale = fed([[constant]] * 20)
    assert scale.mean == constant
    assert scale.standardise(np.array([constant])) == 0


def test_column_never_seen_changes_nothing():
    scale = fed([[np.nan, 1.0], [np.nan, 3.0]])
    np.testing.assert_array_equal(scale.deviation, [0, 1])
    np.testing.assert_array_equal(scale.standardise(np.array([np.nan, 3.0])), [np.nan, 1])


def test_old_rows_are_forgotten(rng):
    """The first `memory` rows count alike, later ones by exponential forgetting."""
    rows = rng.uniform(0, 1, 400)
    memory = 50
    mean = rows[:memory].mean()
    for value in rows[memory:]:
        mean += (value - mean) / memory
    np.testing.assert_allclose(fed(rows, memory=memory).mean, mean, rtol=1e-12)
    assert abs(mean - rows.mean()) > 1e-3


def test_one_wild_value_hardly_moves_the_scale(rng):
    rows = rng.normal(size=1000)
    before = fed(rows)
    after = fed([*rows, 1e12])
    assert abs(after.mean - before.mean) <= 5.01 * before.deviation / 1000
    assert after.deviation <= 1.02 * before.deviation


@pytest.mark.parametrize("factor", [0.1, 1e6])
def test_lasting_change_of_scale_is_followed(rng, factor):
    rows = rng.normal(size=4000)
    rows[1000:] *= factor
    scale = fed(rows, memory=300)
    assert scale.deviation == pytest.approx(factor, rel=0.2)


def test_lasting_shift_is_followed(rng):
    rows = rng.normal(size=1500)
    rows[1000:] += 1e4
    scale = fed(rows, memory=100)
    assert abs(scale.standardise(np.array([1e4]))) < 3


def test_restored_scale_goes_on_to_the_last_bit(rng):
    rows = rng.normal(size=(300, 2))
    whole, half, resumed = fed(rows), fed(rows[:150]), RunningScale(2)
    resumed.restore(half.state())
    for row in rows[150:]:
        resumed.update(row)
    for name, column in whole.state().items():
        np.testing.assert_array_equal(resumed.state()[name], column)


@pytest.mark.parametrize("n_columns", [1, 2, 7, 8, 33])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("centre", [True, False])
def test_equals_its_twin_to_the_last_bit(rng, n_columns, dtype, centre):
    """Outliers, missing, constant and late values among them; all arithmetic is float64."""
    rows = (rng.normal(size=(200, n_columns)) * rng.uniform(0.1, 99, n_columns)).astype(dtype)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    rows[rng.random(rows.shape) < 0.02] *= 1e6
    rows[:, -1] = rows[0, -1] if n_columns > 1 else rows[:, -1]
    scale = RunningScale(n_columns, memory=60, limit=2.5, centre=centre)
    twin = RunningScale(n_columns).state()
    for t, row in enumerate(rows):
        scale.update(row)
        reference.scale_update(row, twin, 60, 2.5, centre)
        assert_same_bits(scale.state(), twin)
        for j in np.flatnonzero(twin["n_first"] < 8):
            check_first(twin, j, rows[: t + 1, j], 60, 2.5, centre)
        standardised = reference.scale_standardise(row, twin["mean"], twin["variance"], 2.5, np.nan)
        assert_same_bits(scale.standardise(row), standardised)


def check_first(state, j, seen, memory, limit, centre):
    """A column that has changed less than eight times, from all that was seen of it."""
    seen = seen[seen == seen].astype(float)
    if not len(seen):
        return
    ages = np.arange(len(seen))[::-1]
    counts = (1 - 1 / memory) ** np.minimum(ages, max(0, len(seen) - memory))
    starts = np.r_[True, seen[1:] != seen[:-1]]
    rows = np.bincount(np.cumsum(starts) - 1, counts)
    mean, variance = reference.scale_of_first(seen[starts], rows, limit, centre)
    np.testing.assert_allclose(state["mean"][j], mean, rtol=1e-12)
    np.testing.assert_allclose(state["variance"][j], variance, rtol=1e-12)


@pytest.mark.parametrize("outlier", [4000.0, 65535.0, -999999.0])
@pytest.mark.parametrize("place", [0, 1, 2, 6, 7, 8, 9, 50])
@pytest.mark.parametrize("before", [0, 1, 500])
def test_a_wild_value_does_not_set_the_scale(rng, outlier, place, before):
    """Wherever it stands among the first, or after a constant stretch."""
    usual = rng.normal(20, 4, 400)
    rows = np.r_[np.full(before, 17.0), usual[:place], outlier, usual[place:]]
    scale = fed(rows[: before + 100])
    clean = fed(np.delete(rows, before + place)[: before + 99])
    assert scale.deviation == pytest.approx(clean.deviation, rel=0.35)
    assert abs(scale.mean - clean.mean) < 0.3 * clean.deviation
    later, usual_later = fed(rows), fed(np.delete(rows, before + place))
    assert later.deviation == pytest.approx(usual_later.deviation, rel=0.1)


def test_what_is_rare_is_not_wild():
    """A flag has the deviation of a flag however rarely it is up."""
    rows = np.zeros(400)
    rows[[100, 101, 200]] = 1
    assert fed(rows).deviation == pytest.approx(rows.std(), rel=1e-12)


def test_largest_numbers_leave_finite_statistics():
    largest = np.finfo(float).max
    for values in ([1e200] * 3, [largest, -largest, largest], [1.0, largest, 2.0]):
        scale = fed([[value] for value in values])
        assert all(np.isfinite(numbers).all() for numbers in scale.state().values())
        assert np.isfinite(scale.standardise([values[-1]])).all()
    assert fed([[1e200]] * 9).standardise([1e200]) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"n_columns": 0}, "n_columns is 0, wanted a whole number of at least 1"),
        ({"n_columns": 2, "memory": 1.5}, "memory is 1.5, wanted a whole number of at least 1"),
        ({"n_columns": 2, "limit": np.inf}, "limit is inf, wanted a positive number"),
        ({"n_columns": 2, "centre": 1}, "centre is 1, wanted True or False"),
    ],
)
def test_senseless_scales_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        RunningScale(**arguments)


def test_unusable_rows_change_nothing():
    scale = fed([[1.0, 2.0], [3.0, 5.0]])
    before = scale.state()
    for verb in (scale.update, scale.standardise):
        with pytest.raises(ValueError, match="values contains inf: wanted finite"):
            verb([1.0, np.inf])
        with pytest.raises(ValueError, match=r"values has shape \(3,\), wanted \(2,\)"):
            verb([1.0, 2.0, 3.0])
        with pytest.raises(TypeError, match="values has dtype complex128"):
            verb(np.ones(2, complex))
    for bad in ({"mean": [1.0]}, {"variance": [1.0, -1.0]}, {"count": [np.nan, 1.0]}):
        with pytest.raises(ValueError, match="saved statistics"):
            scale.restore(before | bad)
    assert_same_bits(scale.state(), before)
    with pytest.raises(RuntimeError, match="never initialised"):
        RunningScale.__new__(RunningScale).update([1.0])


def test_pickled_scale_goes_on_to_the_last_bit(rng):
    rows = rng.normal(size=(60, 3))
    scale = fed(rows[:30], memory=20, limit=2.0, centre=False)
    other = pickle.loads(pickle.dumps(scale))
    for row in rows[30:]:
        scale.update(row)
        other.update(row)
    assert_same_bits(other.state(), scale.state())
    assert (other.memory, other.limit, other.centre) == (20, 2.0, False)
