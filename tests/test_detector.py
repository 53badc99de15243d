"""Scores of rows: what they are made of, what changes them, what they find."""

import math
import pickle

import numpy as np
import pytest
from estimators import everything

import pylstm
from pylstm.estimators import Detector, Regressor
from pylstm.estimators.surprise import RESTING, TOP, WINDOWS, Rest, Surprise, Tail


def wave(n_rows, rng, season=24, noise=0.3):
    return 20 + 5 * np.sin(2 * np.pi * np.arange(n_rows) / season) + noise * rng.normal(size=n_rows)


def run(model, values):
    scores = []
    for value in values:
        row = {"load": float(value)}
        scores.append(model.score_one(row))
        model.learn_one(row)
    return scores


# ---------------------------------------------------------------- tails


def rarity_by_sorting(past, size):
    """As the docstring of the module has it, from all the past."""
    n, past = len(past), sorted(past)
    k = min(TOP, n // 4)
    least = past[-k - 1]
    if size > least > 0:
        a = np.mean(np.log(np.array(past[-k:]) / least))
        return -math.log10((k + 1) / (n + 2)) + math.log10(size / least) / max(a, 0.01)
    if size > least:
        return 2.0
    return max(0.0, -math.log10((sum(x >= size for x in past) + 1) / (n + 2)))


@pytest.mark.parametrize("n", [50, 90, 400, 3000])
def test_rarity_is_that_of_all_the_past(n, rng):
    tail, past = Tail(), np.abs(rng.standard_t(3, size=n))
    for size in past:
        tail.learn(size)
    for size in (0.0, 1e-3, 0.1, 0.5, 1.0, 2.0, past.max(), 30.0):
        above = (past >= size).sum()
        close = 1e-12 if size >= np.sort(past)[-min(n, TOP)] or size == 0 else 0.1
        wanted = rarity_by_sorting(past, size)
        assert tail.rarity(size) == pytest.approx(wanted, abs=close), (size, above)


def test_rarity_of_pareto_is_its_own(rng):
    tail = Tail()
    for size in rng.pareto(2.0, size=20_000) + 1:
        tail.learn(size)
    for p in (0.1, 0.01, 1e-4, 1e-6):
        assert tail.rarity(p**-0.5) == pytest.approx(-math.log10(p), rel=0.25)


def test_few_of_the_past_make_nothing_rare():
    tail = Tail()
    for _ in range(49):
        tail.learn(1.0)
    assert tail.rarity(1e9) == 0
    tail.learn(1.0)
    assert tail.rarity(1e9) > 10


def test_an_error_where_there_has_been_none():
    tail = Tail()
    for _ in range(100):
        tail.learn(0.0)
    assert (tail.rarity(1e-9), tail.rarity(math.nan)) == (2.0, 0.0)
    assert tail.rarity(0.0) < 0.01


@pytest.mark.parametrize("size", [5e-324, 1e-200, 1e200, 1.7e308])
def test_sizes_of_any_number(size):
    tail = Tail()
    for _ in range(200):
        tail.learn(size)
    assert tail.rarity(size) < 0.1
    assert tail.counts.sum() == 200


def test_surprise_is_the_mean_over_windows(rng):
    surprise, errors = Surprise(1), rng.normal(size=1500)
    for error in errors:
        surprise.learn([error])
    padded = np.concatenate([np.zeros(max(WINDOWS) - 1), errors])
    rarities = []
    for w in WINDOWS:
        sums = np.abs(np.convolve(padded, np.ones(w)))[max(WINDOWS) - 1 :][: errors.size]
        last = abs(errors[errors.size - w + 1 :].sum() + 4.0)
        rarities.append(rarity_by_sorting(sums.tolist(), last))
    wanted = np.mean(rarities) - math.log10(1.5) / 2
    assert surprise.evidence([4.0]) == pytest.approx(wanted, abs=0.05)


def test_a_forecast_without_error_is_left_out(rng):
    one, two = Surprise(1), Surprise(2)
    for error in rng.normal(size=200):
        one.learn([error])
        two.learn([error, math.nan])
    assert one.evidence([5.0]) == two.evidence([5.0, math.nan]) > 1
    assert two.evidence([math.nan, math.nan]) == 0


def test_an_event_is_told_once():
    rest = Rest()
    assert rest.fresh(3.0) == 3.0
    rest.learn(3.0)
    assert (rest.fresh(3.2), rest.fresh(3.4)) == (0.0, 3.4)
    for _ in range(RESTING - 1):
        rest.learn(0.0)
    assert rest.fresh(3.0) == 0.0
    rest.learn(0.0)
    assert rest.fresh(3.0) == 3.0


# ---------------------------------------------------------------- the detector


def test_it_is_what_its_docstring_says(rng):
    """A loop over a regressor, the season's means and the tails."""
    season, values = 6, wave(300, rng, 6)
    model, net = Detector(4, season=season, seed=3), Regressor(4, seed=3)
    surprise, rest, past = Surprise(2), Rest(), []
    for t, value in enumerate(values.tolist()):
        same = past[t % season :: season]
        usual = np.mean(same) if same else math.nan
        if len(same) > 7:
            usual = same[0]
            for n, one in enumerate(same[1:], start=2):
                usual += (one - usual) / min(n, 7)
        x = {("usual",): usual}
        error = value - net.predict_one(x) if t else math.nan
        errors = [error, value - usual]
        evidence = surprise.evidence(errors)
        wanted = 1 - 10 ** -rest.fresh(evidence)
        assert model.score_one({"load": value}) == pytest.approx(wanted, abs=1e-6)
        model.learn_one({"load": value})
        net.learn_one(x, value)
        surprise.learn(errors)
        rest.learn(evidence)
        past.append(value)


@pytest.mark.parametrize("season", [None, 24])
def test_finds_a_spike_and_a_change_of_level(season, rng):
    values = wave(1500, rng)
    values[900] += 6
    values[1200:] += 4
    scores = np.array(run(Detector(8, season=season), values))
    assert ((scores >= 0) & (scores <= 1)).all()
    assert scores[900] > 0.99
    assert scores[1200:1210].max() > 0.99
    quiet = np.ones(1500, bool)
    quiet[900:1000] = quiet[1200:] = quiet[:200] = False
    assert (scores[quiet] > 0.99).sum() <= 5


def test_finds_a_missing_peak_by_the_season(rng):
    values = wave(1500, rng)
    values[1206:1218] = values[1206:1218].clip(max=16)
    scores = np.array(run(Detector(8, season=24), values))
    assert scores[1206:1220].max() > 0.99


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**20])
def test_scores_have_no_unit(factor, rng):
    values = wave(400, rng)
    plain, scaled = Detector(4, dtype="float64"), Detector(4, dtype="float64")
    a, b = run(plain, values), run(scaled, values * factor)
    np.testing.assert_allclose(a, b, atol=1e-3)


def test_several_variables_and_one_that_is_odd(rng):
    a, b = wave(600, rng), wave(600, rng, 7)
    b[500] += 8
    model, scores = Detector(4), []
    for t in range(600):
        row = {"a": a[t], "b": b[t]}
        scores.append(model.score_one(row))
        model.learn_one(dict(reversed(row.items())))
    assert model.names == ["a", "b"]
    assert int(np.argmax(scores[100:])) == 400


def test_features_explain(rng):
    """What a feature tells beforehand is no surprise."""
    told, untold = Detector(8), Detector(8)
    scores = []
    for _ in range(3000):
        on = float(rng.random() < 0.05)
        y = 10 * on + 0.1 * rng.normal()
        scores.append((on, told.score_one({"on": on}, y), untold.score_one({}, y)))
        told.learn_one({"on": on}, y)
        untold.learn_one({}, y)
    on, a, b = np.array(scores[2000:]).T
    assert a[on == 1].mean() < b[on == 1].mean()


def test_a_score_changes_nothing(rng):
    model = Detector(4, season=5)
    run(model, wave(80, rng))
    before = everything(model)
    model.score_one({"load": 50.0})
    model.score_one({"new": 1.0}, {"load": 3.0, "other": 2.0})
    assert everything(model) == before


def test_missing_values_advance_and_score_nothing(rng):
    none, nan, left_out = (Detector(4, season=5) for _ in range(3))
    for t, value in enumerate(wave(80, rng).tolist()):
        missing = t % 9 == 5
        none.learn_one({"load": None if missing else value})
        nan.learn_one({"load": math.nan if missing else value})
        left_out.learn_one({} if missing else {"load": value})
    assert everything(none) == everything(nan) == everything(left_out)
    assert none.score_one({"load": None}) == none.score_one({}) == 0


def test_reset_begins_a_new_sequence(rng):
    model = Detector(4, season=5)
    run(model, wave(80, rng))
    model.reset()
    state = model.__getstate__()
    assert state["rest"].size == 0
    assert state["variables"][0]["season"]["place"] == 0
    assert state["variables"][0]["surprise"]["tails"][0][0]["n"] == 79
    run(model, wave(20, rng))


@pytest.mark.parametrize(
    ("x", "y", "wanted"),
    [
        ({"load": "five"}, None, "variable 'load' is 'five', wanted a number"),
        ({"load": math.inf}, None, "variable 'load' is inf, wanted a finite number"),
        ({"hour": "5"}, 1.0, "feature 'hour' is '5', which reads as a number: wanted a number"),
        ({}, "five", "y is 'five', wanted a number"),
        ({}, {"load": [1]}, r"variable 'load' is \[1\], wanted a number"),
    ],
)
def test_bad_rows_are_refused_and_change_nothing(x, y, wanted, rng):
    model = Detector(4)
    run(model, wave(10, rng))
    before = everything(model)
    for call in (model.score_one, model.learn_one):
        with pytest.raises((TypeError, ValueError), match=wanted):
            call(x, y)
    assert everything(model) == before


@pytest.mark.parametrize(
    ("keywords", "wanted"),
    [
        ({"season": 0}, "season is 0, wanted a whole number of at least 1"),
        ({"n_cells": 0}, "n_cells is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"network": {"seed": 3}}, "network names 'seed'"),
    ],
)
def test_bad_parameters_are_refused_at_once(keywords, wanted):
    with pytest.raises(ValueError, match=wanted):
        Detector(**keywords)


@pytest.mark.parametrize("season", [None, 5])
@pytest.mark.parametrize("n_rows", [0, 1, 70])
def test_copies_go_on_with_the_same_bits(season, n_rows, tmp_path, rng):
    model = Detector(4, season=season, optimizer=pylstm.SGD(0.1))
    run(model, wave(n_rows, rng))
    model.save(tmp_path / "model.safetensors")
    others = [
        model.copy(),
        pickle.loads(pickle.dumps(model)),
        pylstm.load(tmp_path / "model.safetensors"),
    ]
    values = wave(60, rng)
    wanted = run(model, values)
    for other in others:
        assert run(other, values) == wanted
        assert everything(other) == everything(model)


def lies():
    season = {"variables": {"season": {"place": 5}}}
    yield season
    for part in ({"n": 3}, {"top": np.array([2.0, 1.0])}, {"counts": np.zeros(3, np.int64)}):
        yield {"variables": {"surprise": {"tails": part}}}
    yield {"rest": np.array([-1.0])}
    yield {"rest": np.zeros(101)}
    yield {"names": []}
    yield {"parameters": {"season": None}}
    yield {"parameters": {"n_cells": 3}}
    yield {"parameters": {"seed": 1}}
    yield {"format": 2}


@pytest.mark.parametrize("lie", list(lies()), ids=str)
def test_a_state_that_contradicts_itself_is_refused(lie, rng):
    model = Detector(4, season=5)
    run(model, wave(60, rng))
    state = model.__getstate__()
    for name, change in lie.items():
        if name == "parameters":
            state[name] |= change
        elif name == "variables" and "season" in change:
            state[name][0]["season"] |= change["season"]
        elif name == "variables":
            state[name][0]["surprise"]["tails"][0][0] |= change["surprise"]["tails"]
        else:
            state[name] = change
    with pytest.raises((TypeError, ValueError)):
        Detector.__new__(Detector).__setstate__(state)


def test_memory_does_not_grow_with_the_stream(rng):
    model = Detector(2, season=5)
    sizes = []
    for _ in range(2):
        run(model, wave(200, rng))
        sizes.append(len(pickle.dumps(model)))
    assert sizes[1] <= sizes[0] + 64
