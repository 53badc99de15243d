"""What ``pylstm stream`` learns with: estimators, as in a plain loop, in blocks of any size."""

import itertools

import numpy as np
import pytest

from pylstm.estimators import Forecaster, Regressor
from pylstm.tabular import Session, Settings
from pylstm.tabular.learners import Rows
from pylstm.tabular.session import Block

N_ROWS = 150


@pytest.fixture
def table(rng):
    inputs = rng.normal(size=(N_ROWS, 2))
    target = np.sin(np.arange(N_ROWS) / 4) + 0.3 * inputs[:, 0]
    inputs[rng.random(inputs.shape) < 0.1] = np.nan
    target[:2] = np.nan
    target[rng.random(N_ROWS) < 0.1] = np.nan
    return inputs, target


def held(values):
    known = np.maximum.accumulate(np.where(np.isnan(values), 0, np.arange(len(values))))
    return values[known]


@pytest.mark.parametrize("horizon", [1, 3])
def test_numbers_ahead_are_those_of_a_forecaster(horizon, table):
    """Its features are the other columns a horizon before."""
    inputs, target = table
    known = np.stack([held(column) for column in inputs.T], axis=1)
    model, wanted = Forecaster(4, season=5), []
    nothing = {"a": np.nan, "b": np.nan}

    def features(t):
        return {"a": known[t, 0], "b": known[t, 1]} if t >= 0 else nothing

    for t, y in enumerate(target):
        model.learn_one(y, features(t - horizon))
        rows = [features(t + k - horizon) for k in range(1, horizon + 1)]
        any_known = not np.isnan(target[: t + 1]).all()
        wanted.append(model.forecast(horizon, rows)[-1] if any_known else np.nan)
    session = Session(Settings(target="y", horizon=horizon, season=5, cells=4), ["a", "b"])
    found = [session.update(x, y) for x, y in zip(inputs, target, strict=True)]
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("delay", [0, 2])
def test_the_rows_own_number_is_that_of_a_regressor(delay, table):
    inputs, target = table
    known = np.stack([held(column) for column in inputs.T], axis=1)
    model, wanted, late = Regressor(4, delay=delay), [], []
    for x, y in zip(known, target, strict=True):
        x = dict(zip("ab", x, strict=True))
        past = target[: max(0, len(wanted) - delay)]
        said = model.predict_one(x)
        wanted.append(np.nan if np.isnan(past).all() else said)
        late.append((x, y))
        if len(late) > delay:
            model.learn_one(*late.pop(0))
    session = Session(Settings(target="y", horizon=0, delay=delay, cells=4), ["a", "b"])
    found = [session.update(x, y) for x, y in zip(inputs, target, strict=True)]
    np.testing.assert_array_equal(found, wanted)


CASES = {
    "next": {},
    "next, times": {"time": "t"},
    "ahead": {"horizon": 3, "season": (5, 7), "time": "t", "interval": 0.8},
    "own": {"horizon": 0, "time": "t"},
    "late": {"horizon": 0, "delay": 2, "season": 3},
    "labels": {"classify": True},
    "next label": {"classify": True, "horizon": 1, "time": "t"},
    "labels ahead": {"classify": True, "horizon": 2, "season": 4},
    "late labels": {"classify": True, "delay": 2},
    "anomalies": {"detect": True, "season": 4},
    "keys": {"keys": ("k",)},
    "shared": {"keys": ("k",), "shared": True},
}


@pytest.mark.parametrize("case", list(CASES))
def test_blocks_of_any_size_give_the_same_bits(case, table, rng):
    """Rows one by one, all at once, or some: the same forecasts and the same saved session."""
    settings = Settings(target="y", cells=3, **CASES[case])
    inputs, target = table
    times = np.arange(N_ROWS) * 3600.0 + 1.3e9
    times[50:] += 1800
    times[70] = np.nan
    text = [None if rng.random() < 0.1 else "uvwxyz"[rng.integers(6)] for _ in range(N_ROWS)]
    labels = [None if rng.random() < 0.1 else "xyz"[rng.integers(3)] for _ in range(N_ROWS)]
    keys = [("AB"[rng.integers(2)],) for _ in range(N_ROWS)] if settings.keys else []
    y = labels if settings.classify else target[:, None] if settings.detect else target
    texts = [] if settings.shared else [text]
    whole = Block(Rows(inputs, texts, y, times if settings.time else None), keys)

    def ended(sizes):
        session, start, lines = Session(settings, ["a", "b"], ["text"][: len(texts)]), 0, []
        while start < N_ROWS:
            part = slice(start, start + next(sizes))
            lines += session.update_block(Block(whole.part(part), keys[part])).lines()
            start = part.stop
        return repr(lines), session.to_bytes()

    one_by_one = ended(itertools.repeat(1))
    assert ended(itertools.repeat(N_ROWS)) == one_by_one
    assert ended(itertools.cycle([1, 7, 30, 2])) == one_by_one


def test_intervals_hold_their_share(rng):
    """Of a stream that drifts: a row ahead, some ahead, and the row's own."""
    noise = rng.normal(size=3000) * np.linspace(1, 3, 3000)
    target = 10 * np.sin(np.arange(3000) / 20) + noise
    for horizon in (1, 4):
        settings = Settings(target="y", horizon=horizon, cells=4, optimizer="sgd", interval=0.8)
        session = Session(settings, [])
        session.update_block(Block(Rows(np.empty((3000, 0)), [], target)))
        n, share, width = session.coverage.total(after=0.1)
        assert n == 2700
        assert share == pytest.approx(0.8, abs=0.03)
        assert 0 < width < 20


def test_a_forecast_knows_the_calendar_of_its_row():
    """A value that depends on the day of the week alone, known a day before."""
    days = np.arange(700.0) * 86400 + 1.3e9
    target = (np.floor(days / 86400) % 7 >= 5).astype(float) * 10
    session = Session(Settings(target="y", time="t", cells=8), [])
    session.update_block(Block(Rows(np.empty((700, 0)), [], target, days)))
    assert session.total(after=0.5).mae["pylstm"] < 0.5
