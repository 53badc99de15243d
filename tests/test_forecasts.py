"""The Forecaster against plain loops: seasons, horizons, far leads, distributions."""

import math
import pickle
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from estimators import (
    learn,
    pairs,
    stream,
)
from nets import assert_same_bits, get_parameters

import pylstm
from pylstm.estimators import Forecaster
from pylstm.estimators.defaults import (
    SWITCHES,
    default_optimizer,
)
from pylstm.estimators.distribution import LEVELS
from pylstm.estimators.leads import Leads
from pylstm.estimators.spread import Spread


def as_tuple(season):
    return () if season is None else season if isinstance(season, tuple) else (season,)


def bucket(lead):
    return next(k for k in range(20) if 2**k >= lead)


def middle(k):
    return np.log2(np.arange(2 ** (k - 1) + 1 if k else 1, 2**k + 1)).mean()


def with_weights_of(ahead, net):
    """A network at its own state gets the weights and the scale of targets of another."""
    state = net.__getstate__()
    shared = {name: state[name] for name in ("parameters", "target_scale")}
    ahead.__setstate__({**ahead.__getstate__(), **shared})


def start_of(candidates, misses):
    """Mean of the candidates, weighed by the mean absolute error of each to the power of -4."""
    known = [
        (c, max(np.mean(m), 1e-30) ** -4)
        for c, m in zip(candidates, misses, strict=True)
        if m and not math.isnan(c)
    ]
    if not known:
        return candidates[0]
    return sum(c * w for c, w in known) / sum(w for _, w in known)


class PlainPast:
    """What is known of a series, over a list of all that has been."""

    def __init__(self, seasons, y=(), profiles=None):
        self.seasons, self.y = seasons, list(y)
        # Of every row of a season: how many values, and their mean over the last ten or so.
        self.profiles = profiles or [{} for _ in seasons]

    def copy(self):
        return PlainPast(self.seasons, self.y, [dict(profile) for profile in self.profiles])

    def learn(self, value):
        for s, profile in zip(self.seasons, self.profiles, strict=True):
            n, mean = profile.get(len(self.y) % s, (0, 0.0))
            n = min(n + 1, 10)
            profile[len(self.y) % s] = n, mean + (value - mean) / n
        self.y.append(value)

    def own(self, lead, error):
        """The last value, the last error, the last change, what was a season before the row."""
        y = [math.nan] * 2 + self.y
        known = [len(self.y) >= s for s in self.seasons]
        then = [
            y[len(y) - s + (lead - 1) % s] - y[-1] if k else math.nan
            for s, k in zip(self.seasons, known, strict=True)
        ]
        return [y[-1], error, y[-1] - y[-2], *then]

    def candidates(self, lead=1):
        """The last value; one a season ago, that moved by what has changed, the mean of its row."""
        y = self.y
        found = [y[-1] if y else math.nan]
        for s, profile in zip(self.seasons, self.profiles, strict=True):
            then = y[len(y) - s + (lead - 1) % s] if len(y) > s else math.nan
            moved = y[-1] + then - y[-s - 1] if len(y) > s else math.nan
            found += [then, moved, profile.get((len(y) + lead - 1) % s, (0, math.nan))[1]]
        return found


class PlainForecaster:
    """The equations of the forecaster, with a single network."""

    def __init__(self, seasons, net, lengths):
        self.net, self.lengths, self.past = net, iter(lengths), PlainPast(seasons)
        self.error, self.before = math.nan, {}
        self.misses = [[] for _ in self.past.candidates()]
        self.errors, self.walks, self.walk = {}, [0] * 12, None

    def trust(self, k):
        n = self.walks[k] * math.sqrt(2 ** (k - 1) if k else 1)
        return n / (n + 32)

    def shares(self, k):
        """Of the network and the rest at the leads of bucket k."""
        n_candidates = 2 + len(self.misses)
        logs = np.full(n_candidates, math.inf)
        for b in range(k + 1):
            if b and not self.walks[b]:
                continue
            for j in range(n_candidates):
                if (b, j) in self.errors:
                    own = math.log(np.mean(self.errors[b, j]) / np.mean(self.errors[b, 2]))
                    trust = self.trust(b) if b and logs[j] < math.inf else 1
                    logs[j] = own if trust == 1 else trust * own + (1 - trust) * logs[j]
        weights, known = np.zeros(n_candidates), logs < math.inf
        weights[known] = np.exp(-16 * (logs[known] - logs.min()))
        weights[0] *= 100 ** ((1 - k / 4) * (1 - self.trust(k)))
        return weights / weights.sum() if weights.any() else weights

    def mixed(self, shares, lead, said):
        value = said[0]
        if lead > 1:
            k = max(b for b in range(11) if middle(b) <= math.log2(lead))
            way = (math.log2(lead) - middle(k)) / (middle(k + 1) - middle(k))
            weights = (1 - way) * shares[k] + way * shares[k + 1]
            weights[np.isnan(said)] = 0
            if weights.any():
                value = weights @ np.nan_to_num(said) / weights.sum()
        low, high = min(self.past.y), max(self.past.y)
        return min(max(value, 2 * low - high), 2 * high - low)

    def go_on(self, walk, x):
        """A forecast goes on by a row: what is said of it, and what that comes to."""
        start = start_of(walk["past"].candidates(), self.misses)
        row = [*walk["past"].own(1, walk["error"]), *pairs(x, walk["before"])]
        output = walk["net"].step(np.array(row))[0].item()
        walk["lead"] += 1
        said = [start + output, walk["mean"], *walk["origin"].candidates(walk["lead"])]
        value = self.mixed(walk["shares"], walk["lead"], said)
        walk["past"].y.append(value)
        walk |= {"error": math.nan, "before": x}
        return said, value

    def begin(self):
        """A forecast from here."""
        return {
            "net": self.net.copy(),
            "past": self.past.copy(),
            "origin": self.past.copy(),
            "mean": np.mean(self.past.y),
            "error": self.error,
            "before": self.before,
            "lead": 0,
            "shares": [self.shares(k) for k in range(12)],
        }

    def learn(self, y, x):
        followed = None
        if self.walk:
            with_weights_of(self.walk["net"], self.net)
            followed = self.go_on(self.walk, x)
        candidates = self.past.candidates()
        start = start_of(candidates, self.misses)
        row = [*self.past.own(1, self.error), *pairs(x, self.before)]
        output = self.net.step(np.array(row), np.array([y - start]))[0].item()
        for miss, candidate in zip(self.misses, candidates, strict=True):
            if not math.isnan(candidate):
                miss.append(abs(y - candidate))
        if self.past.y:
            self.score(1, [start + output, np.mean(self.past.y), *candidates], y)
        if followed:
            self.score(self.walk["lead"], followed[0], y)
        self.past.learn(y)
        self.error, self.before = y - start - output, x
        if self.walk is None or self.walk["lead"] == self.walk["length"]:
            self.walk = {**self.begin(), "length": next(self.lengths)}

    def score(self, lead, said, y):
        k = bucket(lead)
        self.walks[k] += lead == (2 ** (k - 1) + 1 if k else 1)
        for j, value in enumerate(said):
            if not math.isnan(value):
                self.errors.setdefault((k, j), []).append(abs(y - value))

    def forecast(self, xs):
        walk = self.begin()
        return [self.go_on(walk, x)[1] for x in xs]


@pytest.mark.parametrize("season", [None, 1, 5, (2, 5)])
def test_forecaster_is_a_loop_over_a_network(season, rng):
    xs, y = stream(rng, 190)
    model = Forecaster(4, season=season, dtype="float64", optimizer=default_optimizer())
    seasons = as_tuple(season)
    net = pylstm.LSTM(
        9 + len(seasons), 1, 4, **SWITCHES, seed=0, dtype="float64", optimizer=default_optimizer()
    )
    plain = PlainForecaster(seasons, net, [8, 16, 8, 32, 8, 16, 8, 64])
    for t in range(140):
        model.learn_one(y[t], xs[t])
        plain.learn(y[t], xs[t])
        if t in (0, 1, 2, 6, 50, 70, 98, 139):
            ahead = xs[t + 1 : t + 50]
            found = model.forecast(len(ahead), ahead)
            np.testing.assert_allclose(found, plain.forecast(ahead), rtol=1e-8)
    assert 0.01 < plain.shares(4)[0] < 0.999


def weights_by(errors):
    """Of candidates, by their errors so far; the first is believed where little is known."""
    trust = len(errors) / (len(errors) + 32)
    weights = (np.mean(errors, 0) / np.mean(errors, 0)[0]) ** (-16 * trust)
    weights[1:] *= 0.01 ** (1 - trust)
    return weights / weights.sum()


@pytest.mark.parametrize("horizon", [1, 3, 7])
def test_a_horizon_is_a_loop_over_a_network_that_learns_it(horizon, rng):
    """A step a row, of what was known `horizon` rows before it; mixed with the other forecast by
    the errors both had as they were said `horizon` rows before, by copies that learned no more."""
    xs, y = stream(rng, 110)
    seasons = (2, 5)
    model = Forecaster(
        4, season=seasons, horizon=horizon, dtype="float64", optimizer=default_optimizer()
    )
    switches = {**SWITCHES, "seed": 0, "dtype": "float64"}
    net = pylstm.LSTM(11, 1, 4, **switches, optimizer=default_optimizer())
    other = pylstm.LSTM(11, 1, 4, **switches, optimizer=default_optimizer())
    plain = PlainForecaster(seasons, other, [8, 16, 8, 32, 8, 16, 8, 64])
    past, inputs, known = PlainPast(seasons), {}, []
    misses = [[] for _ in past.candidates()]
    errors, spread, followed = [], Spread(), None

    def candidates_of(value, start, output):
        low, high = min(past.y), max(past.y)
        return np.array([value, min(max(start + output, 2 * low - high), 2 * high - low)])

    for t in range(95):
        plain.learn(y[t], xs[t])
        past.learn(y[t])
        if t >= horizon:
            own, candidates, start = known[t - horizon]
            row = np.array([*own, *pairs(xs[t], xs[t - 1])])
            if followed:
                walk, ahead = followed
                _, value = plain.go_on(walk, xs[t])
                said = candidates_of(value, start, ahead.step(row)[0].item())
                if walk["lead"] == horizon:
                    shares = weights_by(errors) if errors else np.array([100, 1]) / 101
                    spread.learn(y[t] - shares @ said)
                    errors.append(abs(y[t] - said))
                    followed = None
            inputs[t] = y[t] - start - net.step(row, np.array([y[t] - start]))[0].item()
            for miss, candidate in zip(misses, candidates, strict=True):
                if not math.isnan(candidate):
                    miss.append(abs(y[t] - candidate))
        candidates = past.candidates(horizon)
        own = past.own(horizon, inputs.get(t, math.nan))
        known.append((own, candidates, start_of(candidates, misses)))
        if t % (horizon + 1) == horizon - 1:
            followed = plain.begin(), net.copy()
        model.learn_one(y[t], xs[t])
        if t % 9:
            continue
        rows = xs[t + 1 : t + 3 + horizon]
        found = model.forecast(horizon + 2, rows)
        wanted = plain.forecast(rows)
        if errors:
            ahead = net.copy()
            for r in range(t + 1, t + 1 + horizon):
                own, _, start = known[r - horizon]
                output = ahead.step(np.array([*own, *pairs(xs[r], xs[r - 1])]))[0].item()
            said = candidates_of(wanted[horizon - 1], start, output)
            wanted[horizon - 1] = weights_by(errors) @ said
        np.testing.assert_allclose(found, wanted, rtol=1e-8)
        assert model.forecast(horizon, rows[:horizon]) == found[:horizon]
        if errors:
            dist = model.forecast(horizon, rows[:horizon], with_dist=True)[-1]
            np.testing.assert_allclose(
                dist.interval(0.8), spread.around(found[horizon - 1]).interval(0.8), rtol=1e-8
            )
    assert 0.01 < weights_by(errors)[0] < 0.999


def test_a_horizon_longer_than_the_stream_is_forecast_all_the_same():
    """As without it, until the first error of networks that learn it is known."""
    model, without = Forecaster(4, horizon=9), Forecaster(4)
    for t in range(17):
        model.learn_one(t % 3)
        without.learn_one(t % 3)
        assert model.forecast(12) == without.forecast(12)
    model.learn_one(17 % 3)
    without.learn_one(17 % 3)
    found, other = model.forecast(12), without.forecast(12)
    assert found[8] != other[8]
    assert found[:8] + found[9:] == other[:8] + other[9:]


def random_walk(noise):
    return noise.cumsum()


def of_six_rows_before(noise):
    y = np.zeros(noise.size)
    for t in range(6, noise.size):
        y[t] = 0.6 * np.sin(3 * y[t - 6]) + 0.5 * noise[t]
    return y


@pytest.mark.parametrize(("series", "most"), [(random_walk, 1.02), (of_six_rows_before, 0.9)])
def test_a_horizon_is_worth_it_or_costs_little(series, most):
    """Of a random walk the last value says all there is, and networks that learned from it do not;
    what six rows ago says of a value is learned best by networks that look there."""
    y = series(np.random.default_rng(0).normal(size=2000))
    errors, inside = {}, []
    for horizon in (None, 6):
        model, errors[horizon] = Forecaster(4, horizon=horizon), []
        for t in range(1994):
            model.learn_one(y[t])
            if t > 700 and t % 2 == 0:
                found = model.forecast(6, with_dist=True)[5]
                low, high = found.interval(0.9)
                errors[horizon].append(abs(found.mu - y[t + 6]))
                inside.append(low <= y[t + 6] <= high)
    assert np.mean(errors[6]) < most * np.mean(errors[None])
    assert np.mean(inside[-len(errors[6]) :]) == pytest.approx(0.9, abs=0.03)


def test_a_forecast_that_is_followed_ends_with_networks_that_change():
    """A feature that comes in between, and a network that diverges."""
    model = Forecaster(4, horizon=3)
    for t in range(44):
        model.learn_one(math.sin(t))
    assert model._direct.spread.n == 10
    assert model._direct._followed[0].lead == 1
    model.learn_one(0.0, {"new": 1.0})
    assert model._direct._followed[0].lead == 0
    for t in range(20):
        model.learn_one(math.sin(t), {"new": t % 5})
    assert model._direct.spread.n == 15
    model._direct.experts.nets[1].parameters["cell_input"][:] = math.inf
    errors = model._direct.errors.tolist()
    model.learn_one(0.0)
    assert len(model._direct.experts.nets) == 2
    assert model._direct.errors.tolist() == [errors[0], errors[1], errors[3]]
    for t in range(8):
        model.learn_one(math.sin(t))
        assert np.isfinite(model.forecast(3, [{}] * 3)).all()


@pytest.mark.parametrize("optimizer", [None, pylstm.SGD(0.03)])
def test_a_copy_follows_from_the_same_counts(optimizer, rng):
    """The networks that follow are made anew in a copy, also in one from before any update, and in
    one from the beginning of a sequence."""
    xs, y = stream(rng, 30)
    model = Forecaster(2, season=2, horizon=3, optimizer=optimizer)
    learn(model, xs[:4], [20.0, None, None, None])
    copy = model.copy()
    for t in range(4, 30):
        if t == 15:
            model.reset()
            copy = model.copy()
        learn(model, xs[t : t + 1], y[t : t + 1])
        learn(copy, xs[t : t + 1], y[t : t + 1])
        ours, theirs = (each.__getstate__()["direct"]["followed"] for each in (model, copy))
        assert pickle.dumps(ours) == pickle.dumps(theirs)


def test_files_from_before_errors_were_followed_go_on(rng):
    """Their errors were others: these are measured anew, by networks that have learned."""
    xs, y = stream(rng, 100)
    model = Forecaster(4, season=5, horizon=3)
    learn(model, xs[:60], y[:60])
    state = model.__getstate__()
    for name in ("errors", "followed"):
        del state["direct"][name]
    other = Forecaster(4)
    other.__setstate__(state)
    for now, then in zip(other._direct.experts.nets, model._direct.experts.nets, strict=True):
        assert_same_bits(get_parameters(now), get_parameters(then))
    assert other._direct.spread.n == 0
    assert len(other.forecast(5, xs[60:65], with_dist=True)) == 5
    learn(other, xs[60:70], y[60:70])
    assert other._direct.spread.n == 2


def two_seasons(n_rows, noise=0.1):
    t = np.arange(n_rows)
    wave = np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(2 * np.pi * t / 168)
    return wave + noise * np.random.default_rng(0).normal(size=n_rows)


def test_far_forecasts_are_no_worse_than_what_is_simple():
    """A network at a rate that makes it unstable, up to 1500 rows ahead."""
    y = two_seasons(4500)
    unstable = Forecaster(4, season=168, optimizer=pylstm.SGD(0.1))
    errors, simple = [], []
    for t in range(2900):
        unstable.learn_one(y[t])
        if t >= 1500 and t % 100 == 0:
            truth = y[t + 1 : t + 1501]
            errors.append(np.abs(unstable.forecast(1500) - truth))
            simple.append(np.abs(y[t - 167 + np.arange(1500) % 168] - truth))
    edges = [1, 4, 16, 64, 256, 1024, 1500]
    for first, last in pairwise(edges):
        ratio = np.mean(errors, 0)[first:last].mean() / np.mean(simple, 0)[first:last].mean()
        assert ratio < 1.05


def test_no_forecast_is_far_from_all_that_was_seen():
    model = Forecaster(4)
    for t in range(200):
        model.learn_one(3.0 * t)  # from 0 to 597
    found = model.forecast(1000)
    assert max(found) <= 2 * 597
    assert min(found) >= -597


def test_both_seasons_told_are_as_good_as_the_right_one():
    t = np.arange(3000)
    hour, day = t % 24, t // 24 % 7
    y = np.where(day < 5, np.exp(-((hour - 8) ** 2) / 8), 0.3 * np.exp(-((hour - 14) ** 2) / 20))
    y = y + 0.05 * np.random.default_rng(0).normal(size=t.size)
    errors = {}
    for season in (24, 168, (24, 168)):
        model = Forecaster(8, season=season)
        found = []
        for k, value in enumerate(y.tolist()):
            if k >= 2000 and k % 5 == 0 and k + 24 < len(y):
                found.append(np.abs(np.array(model.forecast(24)) - y[k : k + 24]).mean())
            model.learn_one(value)
        errors[season] = np.mean(found)
    assert errors[24, 168] < 1.03 * errors[168]
    assert errors[24] > 1.2 * errors[168]


def test_intervals_hold_their_share_at_every_lead():
    y = two_seasons(9000, 0.3)
    model = Forecaster(2, season=168, horizon=5, optimizer=default_optimizer())
    leads = (1, 2, 3, 5, 10, 24, 48)
    inside = []
    for t in range(8900):
        model.learn_one(y[t])
        if t >= 2000 and t % 10 == 0:
            found = model.forecast(48, with_dist=True)
            bounds = [found[lead - 1].interval(0.9) for lead in leads]
            inside.append(
                [low <= y[t + k] <= high for k, (low, high) in zip(leads, bounds, strict=True)]
            )
    np.testing.assert_allclose(np.mean(inside, 0), 0.9, atol=0.03)


@pytest.mark.parametrize("known", [(0, 1, 2, 3, 4), (1, 3), (2,)])
def test_quantiles_go_over_from_lead_to_lead(known):
    """Bucket k are the leads above 2^(k-1) up to 2^k, its middle the mean of log2 of them; where it
    has no errors, those of the last before it that has count, or of the first behind."""
    leads = Leads(2, 16)
    for k in known:
        for error in (-1.0, 2.0, -3.0, 1.0):
            leads.spreads[k].learn((1 + k) * error)

    def quantiles(k):
        k = min(k, 4)
        given = [j for j in known if j <= k] or [known[0]]
        return np.array([leads.spreads[given[-1]].around(7.0).quantile(q) for q in LEVELS])

    firsts = [1, 2, 3, 5, 9, 17]
    middles = [np.mean(np.log2(range(a, b))) for a, b in pairwise(firsts)]
    for lead in (1, 2, 3, 4, 5, 8, 11):
        place = math.log2(lead)
        k = max(k for k in range(5) if middles[k] <= place + 1e-9)
        way = (place - middles[k]) / (middles[k + 1] - middles[k]) if k < 4 else 0
        wanted = quantiles(k) + way * (quantiles(k + 1) - quantiles(k))
        found = leads.around(lead, 7.0)
        got = [found.quantile(q) for q in LEVELS]
        np.testing.assert_allclose(got, wanted, rtol=0.02)  # the middles are by Stirling's formula
        assert leads.interval(lead, 7.0, 0.8) == found.interval(0.8)


def test_distributions_are_around_the_forecasts(rng):
    xs, y = stream(rng)
    model = Forecaster(4, horizon=3)
    found = model.forecast(2, with_dist=True)
    assert [one.mu for one in found] == [0.0, 0.0]
    assert found[0].interval(0.5) == (-math.inf, math.inf)
    learn(model, xs[:40], y[:40])
    found = model.forecast(5, xs[40:45], with_dist=True)
    assert [one.mu for one in found] == model.forecast(5, xs[40:45])
    assert all(one.quantile(0.05) < one.quantile(0.95) for one in found)


def test_forecasts_from_the_first_rows_on():
    model = Forecaster(season=12)
    assert model.forecast(3) == [0.0, 0.0, 0.0]
    model.learn_one(5.0)
    assert all(abs(value - 5) < 1e-9 for value in model.forecast(3))
    model.learn_one(6.0)
    assert np.isfinite(model.forecast(30)).all()


# ---------------------------------------------------------------- features of rows to come


def test_a_forecast_without_the_features_says_so():
    """Of those whose values nobody knows beforehand; the time goes on by itself."""
    model, timed = Forecaster(4), Forecaster(4, calendar="day")
    start = datetime(2026, 1, 1)
    for t in range(30):
        features = {"price": t % 3, "colour": "rg"[t % 2], "wind": t % 5, "open": True}
        model.learn_one(float(t % 4), features)
        timed.learn_one(float(t % 4), {"when": start + timedelta(hours=t)})
    with pytest.warns(UserWarning, match="features 'colour', 'open', 'price' and 1 more in the"):
        taken = model.forecast(3)
    assert taken == model.forecast(3, [{}] * 3)
    assert len(timed.forecast(3)) == 3  # no warning
    timed.learn_one(1.0, {"when": start + timedelta(hours=30), "wind": 2.0})
    with pytest.warns(UserWarning, match="the mean stands for feature 'wind' in the rows"):
        timed.forecast(3)
    sentence = "nothing in xs has been learned from, and the mean stands for feature 'wind': wanted"
    with pytest.warns(UserWarning, match=sentence):
        timed.forecast(1, [{"wnid": 1.0}])
    for x in ({"wind": 1.0}, {"when": start + timedelta(hours=31)}, {"wnid": 1.0, "wind": 1.0}):
        timed.forecast(1, [x])  # no warning
    with pytest.warns(UserWarning, match="the mean stands for features 'colour', 'open', 'price'"):
        model.forecast(2, [{"Price": 1.0}, {}])
    model.forecast(2, [{"wnid": 1.0}, {"colour": "r"}])  # no warning


@pytest.mark.parametrize("horizon", [None, 6])
def test_the_calendar_is_that_of_the_row_that_is_forecast(horizon, rng):
    """Times that jump: what a row shows is known from its own time stamp alone."""
    gaps = rng.integers(1, 24, 3000)
    times = [datetime(2026, 1, 1) + timedelta(hours=int(hour)) for hour in np.cumsum(gaps)]
    y = [5 * math.sin(time.hour * math.pi / 12) for time in times]
    model, errors = Forecaster(8, horizon=horizon, calendar="day"), []
    for t in range(2994):
        model.learn_one(y[t], {"when": times[t]})
        if t > 2700 and t % 10 == 0:
            xs = [{"when": time} for time in times[t + 1 : t + 7]]
            errors.append(abs(model.forecast(6, xs)[5] - y[t + 6]))
    assert np.mean(errors) < 1  # of the time 6 rows before: more than 3
