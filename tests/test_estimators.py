"""The estimators against a plain loop over a network; features, classes and targets come and go."""

import copy
import math
import pickle
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

import pylstm
from pylstm.estimators import Classifier, Forecaster, Regressor
from pylstm.estimators.defaults import (
    CLASSIFIER_EXPERTS,
    CLASSIFIER_SWITCHES,
    N_CELLS,
    REGRESSOR_EXPERTS,
    SWITCHES,
    default_optimizer,
)
from pylstm.estimators.spread import Spread

NAMES = ["b", "a", "c"]  # not in order
KINDS = {"regressor": Regressor, "classifier": Classifier, "forecaster": Forecaster}


def stream(rng, n_rows=60):
    """Rows of three features, and targets that depend on them and on the row before."""
    X = rng.normal([5, 0, -200], [1, 3, 20], (n_rows, 3))
    y = 100 + X[:, 0] + np.roll(X[:, 1], 1)
    return [dict(zip(NAMES, row, strict=True)) for row in X.tolist()], y.tolist()


def labels(y):
    return ["low" if value < 103 else "middle" if value < 107 else "high" for value in y]


def learn(model, xs, y):
    for x, value in zip(xs, y, strict=True):
        if isinstance(model, Forecaster):
            model.learn_one(value, x)
        else:
            model.learn_one(x, value)


def targets_of(kind, y):
    return labels(y) if kind == "classifier" else y


def prediction(model, x):
    if isinstance(model, Forecaster):
        return model.forecast(3, [x] * 3)
    return model.predict_proba_one(x) if isinstance(model, Classifier) else model.predict_one(x)


def everything(model):
    """All that decides how a model goes on, for comparison to the last bit."""
    return _frozen(model.__getstate__())


def _frozen(value):
    if isinstance(value, dict):
        return {name: _frozen(part) for name, part in value.items()}
    if isinstance(value, np.ndarray):
        return value.dtype.name, value.shape, value.tobytes()
    return repr(value)


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


def network(n_inputs, n_outputs, switches, **keywords):
    keywords = {"seed": 0, "optimizer": default_optimizer()} | keywords
    return pylstm.LSTM(n_inputs, n_outputs, N_CELLS, **switches, **keywords)


def pairs(x, before):
    """Features in the order of their names, each followed by its change."""
    return [v for name in sorted(x) for v in (x[name], x[name] - before.get(name, math.nan))]


# ---------------------------------------------------------------- a plain loop


@pytest.mark.parametrize("feedback", [True, False])
def test_regressor_is_a_loop_over_a_network(feedback, dtype, rng):
    xs, y = stream(rng)
    model = Regressor(feedback=feedback, dtype=dtype, seed=3, optimizer=default_optimizer())
    net = network(8 if feedback else 6, 1, SWITCHES, dtype=dtype, seed=3)
    last = error = math.nan
    before = {}
    for x, value in zip(xs, y, strict=True):
        own = [last, error] if feedback else []
        base = last if feedback else 0.0
        output = net.predict(np.array(own + pairs(x, before)))[0].item()
        assert model.predict_one(x) == (0.0 if math.isnan(base) else base + output)
        net.step(np.array(own + pairs(x, before)), np.array([value - base]))
        model.learn_one(x, value)
        last, error, before = value, value - base - output, x


def test_classifier_is_a_loop_over_a_network(dtype, rng):
    xs, y = stream(rng)
    model = Classifier(feedback=False, dtype=dtype, optimizer=default_optimizer())
    net = network(6, 1, CLASSIFIER_SWITCHES, dtype=dtype)
    known, before = [], {}
    for x, label in zip(xs, labels(y), strict=True):
        row = np.array(pairs(x, before))
        found = model.predict_proba_one(x)
        assert list(found) == known
        if known:
            np.testing.assert_allclose(list(found.values()), net.predict(row), rtol=1e-6)
            assert sum(found.values()) == pytest.approx(1, abs=1e-12)
            assert model.predict_one(x) == max(found, key=found.get)
        if label not in known:
            known.append(label)
            net.grow(n_outputs=len(known))
        net.step(row, np.eye(len(known), dtype=dtype)[known.index(label)])
        model.learn_one(x, label)
        before = x
    assert sorted(known) == ["high", "low", "middle"]


def rows_as_seen(row, own, expert):
    """Past targets and changes are missing for an expert that does not see them."""
    row = row.copy()
    if not expert.own:
        row[own] = math.nan
    if not expert.changes:
        changes = [k for k in range(len(row)) if k not in own][1::2]
        row[changes] = math.nan
    return row


def step_of(net, expert, row, target):
    if not expert.memory:
        net.reset()
    return net.step(row, target).astype(float)


def test_a_regressor_mixes_its_experts_by_their_errors(rng):
    xs, y = stream(rng, 200)
    model = Regressor(n_cells=4, seed=5, dtype="float64")
    nets = [
        pylstm.LSTM(
            8, 1, 4, **SWITCHES, seed=5 + k, dtype="float64", optimizer=default_optimizer(e.rate)
        )
        for k, e in enumerate(REGRESSOR_EXPERTS)
    ]
    last = error = math.nan
    before, misses = {}, []
    for t, (x, value) in enumerate(zip(xs, y, strict=True)):
        row = np.array([last, error, *pairs(x, before)])
        outputs = np.array(
            [
                step_of(net, e, rows_as_seen(row, [0, 1], e), np.array([value - last]))[0]
                for net, e in zip(nets, REGRESSOR_EXPERTS, strict=True)
            ]
        )
        weights = np.mean(misses, 0) ** -16.0 if misses else np.ones(len(nets))
        output = weights @ outputs / weights.sum()
        found = model.predict_one(x)
        assert found == pytest.approx(0.0 if t == 0 else last + output, rel=1e-9)
        model.learn_one(x, value)
        if t:
            misses.append(np.abs(value - last - outputs))
        last, error, before = value, value - last - output, x
    assert np.ptp(weights / weights.sum()) > 0.1


def test_a_classifier_pools_its_experts(rng):
    xs, y = stream(rng, 200)
    model = Classifier(n_cells=4, dtype="float64")
    names = ["low", "middle", "high"]
    model.expect(names)
    nets = [
        pylstm.LSTM(
            9, 3, 4, **CLASSIFIER_SWITCHES, seed=k, dtype="float64",
            optimizer=default_optimizer(e.rate),
        )
        for k, e in enumerate(CLASSIFIER_EXPERTS)
    ]  # fmt: skip
    shares, before, last = np.full(len(nets), 1 / len(nets)), {}, [math.nan] * 3
    for x, label in zip(xs, labels(y), strict=True):
        row = np.array([*last, *pairs(x, before)])
        target = np.eye(3)[names.index(label)]
        outputs = np.array(
            [
                step_of(net, e, rows_as_seen(row, [0, 1, 2], e), target)
                for net, e in zip(nets, CLASSIFIER_EXPERTS, strict=True)
            ]
        )
        logs = np.log(np.maximum(outputs, 1e-4))
        pooled = np.exp(shares @ logs)
        pooled /= pooled.sum()
        found = model.predict_proba_one(x)
        if found:  # not before the first row
            np.testing.assert_allclose([found[name] for name in names], pooled, rtol=1e-7)
        model.learn_one(x, label)
        gradient = logs @ (target - pooled)
        moved = shares + 0.005 * gradient
        for k in range(len(nets)):  # against differences of the cross-entropy
            loss = []
            for sign in (1, -1):
                a = shares.copy()
                a[k] += sign * 1e-6
                pool = np.exp(a @ logs)
                loss.append(-np.log(pool / pool.sum()) @ target)
            assert gradient[k] == pytest.approx(-(loss[0] - loss[1]) / 2e-6, abs=1e-6)
        shares, before, last = moved, x, target


def test_labels_that_stay_are_predicted():
    rng = np.random.default_rng(0)
    model, label, right = Classifier(n_cells=8), 0, []
    for _ in range(1500):
        label = label if rng.random() < 0.95 else 1 - label
        x = dict(zip("abc", rng.normal(size=3).tolist(), strict=True))
        right.append(model.predict_one(x) == label)
        model.learn_one(x, label)
    assert np.mean(right[500:]) > 0.93


def test_an_expert_that_diverges_is_left_out(rng):
    xs, y = stream(rng)
    model = Regressor(n_cells=4)
    learn(model, xs[:10], y[:10])
    kept = [net for k, net in enumerate(model.nets) if k != 1]
    model.nets[1].parameters["cell_input"][:] = math.inf
    learn(model, xs[10:20], y[10:20])
    assert model.nets == kept
    assert math.isfinite(model.predict_one(xs[20]))
    again = model.copy()
    assert again.predict_one(xs[20]) == model.predict_one(xs[20])


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


@pytest.mark.parametrize("horizon", [1, 3, 7])
def test_a_horizon_is_a_loop_over_a_network_that_learns_it(horizon, rng):
    """A step a row, of what was known `horizon` rows before it."""
    xs, y = stream(rng, 90)
    seasons = (2, 5)
    model = Forecaster(
        4, season=seasons, horizon=horizon, dtype="float64", optimizer=default_optimizer()
    )
    net = pylstm.LSTM(11, 1, 4, **SWITCHES, seed=0, dtype="float64", optimizer=default_optimizer())
    past, errors, known = PlainPast(seasons), {}, []
    misses = [[] for _ in past.candidates()]
    for t in range(75):
        if t >= horizon:
            own, candidates, start = known[t - horizon]
            row = np.array([*own, *pairs(xs[t], xs[t - 1])])
            errors[t] = y[t] - start - net.step(row, np.array([y[t] - start]))[0].item()
            for miss, candidate in zip(misses, candidates, strict=True):
                if not math.isnan(candidate):
                    miss.append(abs(y[t] - candidate))
        past.learn(y[t])
        candidates = past.candidates(horizon)
        own = past.own(horizon, errors.get(t, math.nan))
        known.append((own, candidates, start_of(candidates, misses)))
        model.learn_one(y[t], xs[t])
        if t < horizon or t % 9:
            continue
        ahead = net.copy()
        for r in range(t + 1, t + 1 + horizon):
            own, _, start = known[r - horizon]
            wanted = start + ahead.step(np.array([*own, *pairs(xs[r], xs[r - 1])]))[0].item()
        found = model.forecast(horizon, xs[t + 1 : t + 1 + horizon])
        assert found[-1] == pytest.approx(wanted, rel=1e-9)
        longer = model.forecast(horizon + 2, xs[t + 1 : t + 3 + horizon])
        assert longer[horizon - 1] == found[-1]


def test_a_horizon_longer_than_the_stream_is_forecast_all_the_same():
    model, without = Forecaster(4, horizon=9), Forecaster(4)
    for t in range(9):
        model.learn_one(t % 3)
        without.learn_one(t % 3)
        assert model.forecast(12) == without.forecast(12)
    model.learn_one(0.0)
    without.learn_one(0.0)
    found, other = model.forecast(12), without.forecast(12)
    assert found[8] != other[8]
    assert found[:8] + found[9:] == other[:8] + other[9:]


def two_seasons(n_rows, noise=0.1):
    t = np.arange(n_rows)
    wave = np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(2 * np.pi * t / 168)
    return wave + noise * np.random.default_rng(0).normal(size=n_rows)


def test_far_forecasts_are_no_worse_than_what_is_simple():
    """A network at a rate that makes it wild, up to 1500 rows ahead."""
    y = two_seasons(4500)
    wild = Forecaster(4, season=168, optimizer=pylstm.SGD(0.1))
    errors, simple = [], []
    for t in range(2900):
        wild.learn_one(y[t])
        if t >= 1500 and t % 100 == 0:
            truth = y[t + 1 : t + 1501]
            errors.append(np.abs(wild.forecast(1500) - truth))
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


# ---------------------------------------------------------------- before, beside, after


def test_before_the_first_row():
    assert Regressor().predict_one({"a": 1.0}) == 0.0
    assert Classifier().predict_one({"a": 1.0}) is None
    assert Classifier().predict_proba_one({"a": 1.0}) == {}


def test_a_single_class_has_probability_one(rng):
    xs, _ = stream(rng)
    model = Classifier()
    learn(model, xs[:10], ["only"] * 10)
    assert model.predict_proba_one(xs[10]) == {"only": 1.0}


def test_labels_of_any_hashable_kind():
    model = Classifier()
    given = [True, None, 3, "x", ("a", 1), math.nan, False]
    for k, label in enumerate(given):
        model.learn_one({"a": float(k)}, label)
    assert model.classes == [True, 3, "x", ("a", 1), False]
    with pytest.raises(TypeError, match=r"y is \[1\], wanted a label that is hashable"):
        model.learn_one({"a": 1.0}, [1])


def test_expected_classes_have_an_output_before_they_are_seen(rng):
    xs, _ = stream(rng)
    model = Classifier()
    model.expect(["x", "y"])
    learn(model, xs[:5], ["y"] * 5)
    found = model.predict_proba_one(xs[5])
    assert list(found) == ["x", "y"]
    assert found["y"] > 0.5
    model.expect(["z"])
    assert list(model.predict_proba_one(xs[5])) == ["x", "y", "z"]


def test_predictions_change_nothing(kind, rng):
    xs, y = stream(rng)
    model = KINDS[kind]()
    learn(model, xs[:30], targets_of(kind, y)[:30])
    before = everything(model)
    prediction(model, xs[30])
    prediction(model, {"unknown": 5.0})
    if kind == "regressor":
        model.predict_following(xs[30:40])
    elif kind == "classifier":
        model.predict_proba_following(xs[30:40])
    assert everything(model) == before


def test_rows_that_follow_are_steps_without_target(rng):
    xs, y = stream(rng)
    model = Regressor(feedback=False)
    learn(model, xs[:30], y[:30])
    following = model.predict_following(xs[30:40])
    for x, value in zip(xs[30:40], following, strict=True):
        assert model.predict_one(x) == value
        model.learn_one(x, None)


def test_own_predictions_stand_for_targets_that_are_not_known(rng):
    xs, y = stream(rng)
    model = Regressor()
    learn(model, xs[:30], y[:30])
    first, second = model.predict_following(xs[30:32])
    assert first == model.predict_one(xs[30])
    state = model.__getstate__()
    model.learn_one(xs[30], None)
    state = {**model.__getstate__(), "last": first}
    model.__setstate__(state)
    assert model.predict_one(xs[31]) == second


# ---------------------------------------------------------------- features come and go


def test_order_of_features_is_of_no_matter(kind, rng):
    xs, y = stream(rng)
    y = targets_of(kind, y)
    models = KINDS[kind](), KINDS[kind]()
    shuffled = [dict(rng.permutation(list(x.items()))) for x in xs]
    shuffled = [{str(k): float(v) for k, v in x.items()} for x in shuffled]
    learn(models[0], xs, y)
    learn(models[1], shuffled, y)
    assert prediction(models[0], xs[0]) == prediction(models[1], xs[0])


def test_a_missing_feature_is_none_is_nan(kind, rng):
    xs, y = stream(rng)
    y = targets_of(kind, y)
    left_out, none, nan = (KINDS[kind]() for _ in range(3))
    for model in (left_out, none, nan):
        learn(model, xs[:10], y[:10])
    for x, value in zip(xs[10:20], y[10:20], strict=True):
        rest = {name: x[name] for name in ("a", "c")}
        learn(left_out, [rest], [value])
        learn(none, [rest | {"b": None}], [value])
        learn(nan, [rest | {"b": math.nan}], [value])
    assert everything(left_out) == everything(none) == everything(nan)


def test_a_feature_that_appears_later(kind, rng):
    """The network grows by two inputs, and is what a loop that grows it would have made."""
    xs, y = stream(rng)
    model = KINDS[kind](optimizer=default_optimizer())
    less = [{"a": x["a"]} for x in xs]
    learn(model, less[:20], targets_of(kind, y)[:20])
    sized, labels_known = model.net.n_inputs, len(getattr(model, "classes", []))
    weights = {name: values.copy() for name, values in model.net.parameters.items()}
    prediction(model, xs[20])  # unknown names are left out, and remembered by nobody
    assert model.feature_names == ["a"]
    learn(model, xs[20:21], targets_of(kind, y)[20:21])
    assert model.feature_names == ["a", "b", "c"]
    new_labels = len(getattr(model, "classes", [])) - labels_known
    assert model.net.n_inputs == sized + 4 + new_labels
    moved = model.net.parameters["cell_input"][:, :sized] - weights["cell_input"][:, :sized]
    assert np.abs(moved).max() < 0.2
    learn(model, xs[21:], targets_of(kind, y)[21:])
    assert prediction(model, xs[0]) != prediction(model, less[0])


def test_appearing_features_are_a_loop_that_grows_the_network(rng):
    xs, y = stream(rng)
    model = Classifier(feedback=False, optimizer=default_optimizer())
    model.expect(["high", "low", "middle"])
    net = network(2, 3, CLASSIFIER_SWITCHES)
    known, before = ["c"], {}
    for t, (x, label) in enumerate(zip(xs, labels(y), strict=True)):
        if t == 20:
            known = ["c", "a"]
            net.grow(n_inputs=4)
        given = {name: x[name] for name in known}
        row = np.array([v for n in known for v in (x[n], x[n] - before.get(n, math.nan))])
        output = net.step(row, np.eye(3, dtype="float32")[model.classes.index(label)])
        if t not in (0, 20):
            found = list(model.predict_proba_one(given).values())
            np.testing.assert_allclose(found, output, rtol=1e-6)
        model.learn_one(given, label)
        before = given


def test_a_row_without_features(kind, rng):
    xs, y = stream(rng)
    model = KINDS[kind]()
    for row in ({}, xs[0], {}, xs[1], {}):
        learn(model, [row], targets_of(kind, y)[:1])
        prediction(model, row)
    assert model.feature_names == ["a", "b", "c"]


def test_numbers_of_every_kind():
    models = [Regressor() for _ in range(2)]
    for row in ({"a": 1.0, "b": 3.0, "c": 0.5}, {"a": 0.0, "b": 4.0, "c": 1.5}):
        models[0].learn_one(row, 2.0)
        models[1].learn_one(
            {"a": bool(row["a"]), "b": np.int8(row["b"]), "c": np.float32(row["c"])}, np.int64(2)
        )
    assert everything(models[0]) == everything(models[1])


def test_times_are_seconds():
    models = [Regressor() for _ in range(2)]
    for day in (1, 2, 4):
        models[0].learn_one({"day": datetime(1970, 1, 1 + day)}, float(day))
        models[1].learn_one({"day": 86400 * day}, float(day))
    assert everything(models[0]) == everything(models[1])


def hours(n_rows, first=datetime(2024, 1, 1, 5)):
    return [first + timedelta(hours=t) for t in range(n_rows)]


def test_a_calendar_is_where_a_row_stands_in_its_periods(rng):
    """Against the same numbers as features, from the fields of the time stamp."""
    _, y = stream(rng, 200)
    model, bare = Regressor(4, calendar=("day", "week")), Regressor(4)
    for time, value in zip(hours(200), y, strict=True):
        day = time.hour / 24 + time.minute / 1440
        week = (time.weekday() + day) / 7
        model.learn_one({"t": time}, value)
        parts = {
            f"t: {name}, {wave} {k}": round(getattr(math, wave)(2 * math.pi * k * part), 9)
            for name, part in (("day", day), ("week", week))
            for k in (1, 2, 3)
            for wave in ("sin", "cos")
        }
        assert set(parts) == set(model.feature_names)
        bare.learn_one(parts, value)
    x = {"t": hours(201)[200]}
    row = model._features.calendar.expanded(x)
    assert model.predict_one(x) == pytest.approx(bare.predict_one(row), rel=1e-5)


@pytest.mark.parametrize("made", [np.datetime64, lambda t: t.replace(tzinfo=UTC)])
def test_time_stamps_of_every_kind(kind, made, rng):
    _, y = stream(rng)
    models = [KINDS[kind](4, calendar=True) for _ in range(2)]
    for t, value in zip(hours(60), targets_of(kind, y), strict=True):
        learn(models[0], [{"t": t}], [value])
        learn(models[1], [{"t": made(t)}], [value])
    assert everything(models[0]) == everything(models[1])


def test_a_year_is_learned_from_the_calendar():
    days = [datetime(2015, 1, 1) + timedelta(days=t) for t in range(1500)]
    y = [math.cos(2 * math.pi * (d.timetuple().tm_yday - 20) / 365.25) for d in days]
    model = Forecaster(8, calendar="year")
    learn(model, [{"d": d} for d in days[:1400]], y[:1400])
    assert np.abs(np.array(model.forecast(100)) - y[1400:]).mean() < 0.2
    assert model.forecast(100) == model.forecast(100, [{"d": d} for d in days[1400:]])


def test_time_that_goes_back_is_refused_and_changes_nothing(kind, rng):
    _, y = stream(rng)
    y = targets_of(kind, y)
    model = KINDS[kind](4, calendar=True)
    learn(model, [{"t": t} for t in hours(20)], y[:20])
    before = everything(model)
    with pytest.raises(ValueError, match="feature 't' goes back in time, from 2024-01-02 00:00:00"):
        learn(model, [{"t": hours(20)[3], "new": 1.0}], y[:1])
    if kind == "forecaster":
        with pytest.raises(ValueError, match="goes back in time"):
            model.forecast(1, [{"t": hours(20)[3]}])
    assert everything(model) == before
    learn(model, [{"t": hours(20)[19]}], y[:1])  # twice the same is in order
    model.reset()
    learn(model, [{"t": hours(20)[3]}], y[:1])


@pytest.mark.parametrize("calendar", ["days", (), ("day", "day"), 3, [1], b"day"])
def test_a_calendar_that_is_none(kind, calendar):
    with pytest.raises(ValueError, match=r"calendar is .*, wanted True, or some of 'hour', 'day'"):
        KINDS[kind](calendar=calendar)


# ---------------------------------------------------------------- targets that do not come


@pytest.mark.parametrize("none", [None, math.nan])
def test_a_row_without_target_advances_and_learns_nothing(kind, none, rng):
    xs, y = stream(rng)
    model = KINDS[kind]()
    learn(model, xs[:20], targets_of(kind, y)[:20])
    weights = {name: values.copy() for name, values in model.net.parameters.items()}
    n_steps = model.net.n_steps
    learn(model, xs[20:23], [none] * 3)
    assert model.net.n_steps == n_steps + 3
    if kind != "classifier":
        assert model.__getstate__()["last"] == y[19]
    for name, values in model.net.parameters.items():
        np.testing.assert_array_equal(values, weights[name])
    assert np.isfinite(np.ravel(list(np.atleast_1d(_numbers(prediction(model, xs[23])))))).all()


def _numbers(found):
    return list(found.values()) if isinstance(found, dict) else found


def test_reset_begins_a_new_sequence(kind, rng):
    xs, y = stream(rng)
    y = targets_of(kind, y)
    models = [KINDS[kind]() for _ in range(2)]
    for model in models:
        learn(model, xs[:20], y[:20])
    models[0].reset()
    models[1].reset()
    models[1].reset()
    assert everything(models[0]) == everything(models[1])
    assert not models[0].net.state["cell_state"].any()
    state = models[0].__getstate__()
    assert np.isnan(state["features"]["before"]).all()
    if kind != "classifier":
        assert math.isnan(state["last"])
        assert math.isnan(state["error"])
    if kind == "forecaster":
        assert state["past"].size == 0
        assert models[0].forecast(2) == [0.0, 0.0]
    learn(models[0], xs[20:40], y[20:40])
    assert np.isfinite(np.atleast_1d(_numbers(prediction(models[0], xs[40])))).all()


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("x", "wanted"),
    [
        ({"a": math.inf}, "feature 'a' is inf, wanted a finite number"),
        ({"a": 1.0, "new": -math.inf}, "feature 'new' is -inf, wanted a finite number"),
        ({"a": "red"}, "feature 'a' is 'red', wanted a number: encode categories before"),
        ({"a": "1.5"}, "feature 'a' is '1.5', wanted a number"),
        ({"a": 1.0, "new": [1.0]}, r"feature 'new' is \[1.0\], wanted a number"),
        ({"a": 1j}, "feature 'a' is 1j, wanted a number"),
        ({"a": 10**400}, "feature 'a' is 1000"),
    ],
)
def test_bad_features_are_refused_and_change_nothing(kind, x, wanted, rng):
    xs, y = stream(rng)
    model = KINDS[kind]()
    for given, values in ((xs[:0], y[:0]), (xs[:20], y[:20])):
        learn(model, given, targets_of(kind, values))
        before = everything(model)
        with pytest.raises((TypeError, ValueError), match=wanted):
            learn(model, [x], ["never seen" if kind == "classifier" else 1.0])
        with pytest.raises((TypeError, ValueError), match=wanted):
            prediction(model, x)
        assert everything(model) == before
    undisturbed = KINDS[kind]()
    learn(undisturbed, xs[:20], targets_of(kind, y[:20]))
    for one in (model, undisturbed):
        learn(one, xs[20:30], targets_of(kind, y[20:30]))
    assert everything(model) == everything(undisturbed)


@pytest.mark.parametrize("y", [math.inf, "five", [1.0], 1j])
@pytest.mark.parametrize("kind", ["regressor", "forecaster"])
def test_bad_targets_are_refused_and_change_nothing(kind, y, rng):
    xs, values = stream(rng)
    model = KINDS[kind]()
    for n_rows in (0, 20):
        learn(model, xs[:n_rows], values[:n_rows])
        before = everything(model)
        with pytest.raises((TypeError, ValueError), match="y is "):
            learn(model, [{"new": 1.0}], [y])
        assert everything(model) == before


@pytest.mark.parametrize(
    ("keywords", "wanted"),
    [
        ({"n_cells": 0}, "n_cells is 0, wanted"),
        ({"n_cells": 5, "block_size": 2}, "n_cells is 5 and block_size is 2"),
        ({"block_size": 0}, "block_size is 0, wanted"),
        ({"n_cells": 2.5}, "n_cells is 2.5, wanted"),
        ({"dtype": "int32"}, "dtype is 'int32'"),
        ({"seed": -1}, "seed is -1"),
        ({"network": 7}, "network is 7, wanted a dict"),
        ({"network": {"n_inputs": 3}}, "network names 'n_inputs', which the estimator sets"),
        ({"network": {"sigmoid": True}}, "sigmoid"),
        ({"optimizer": 0.1}, "optimizer is 0.1"),
    ],
)
def test_bad_parameters_are_refused_at_once(kind, keywords, wanted):
    with pytest.raises((TypeError, ValueError), match=wanted):
        KINDS[kind](**keywords)


def test_bad_parameters_of_one_estimator():
    with pytest.raises(ValueError, match="feedback is 1, wanted True or False"):
        Regressor(feedback=1)
    for season in (0, 2.5, True):
        with pytest.raises(ValueError, match=f"season is {season}, wanted a whole number"):
            Forecaster(season=season)
    for season in ((), (3, 3), "12"):
        with pytest.raises(ValueError, match=r"season is .*, wanted a whole number"):
            Forecaster(season=season)
    with pytest.raises(ValueError, match="season is 0, wanted a whole number"):
        Forecaster(season=(3, 0))
    for horizon in (0, 1.5, -1):
        with pytest.raises(ValueError, match=f"horizon is {horizon}, wanted a whole number"):
            Forecaster(horizon=horizon)
    with pytest.raises(ValueError, match="horizon is 0, wanted a whole number"):
        Forecaster().forecast(0)
    with pytest.raises(ValueError, match="xs has 1 rows, wanted the 2 of the horizon"):
        Forecaster().forecast(2, [{}])


def test_switches_of_the_network_are_passed_on():
    model = Regressor(n_cells=4, block_size=2, network={"peepholes": True}, dtype="float64")
    model.learn_one({"a": 1.0}, 2.0)
    assert model.net.parameters["peephole_input"].shape == (2, 2)
    assert model.net.dtype == np.float64


# ---------------------------------------------------------------- going on

COPIERS = {
    "copy": lambda model, path: model.copy(),
    "deepcopy": lambda model, path: copy.deepcopy(model),
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "file": lambda model, path: (model.save(path), pylstm.load(path))[1],
}


@pytest.mark.parametrize("copier", list(COPIERS))
@pytest.mark.parametrize("n_rows", [0, 1, 25])
def test_copies_go_on_with_the_same_bits(kind, copier, n_rows, tmp_path, rng):
    xs, y = stream(rng)
    xs[30]["new"] = 7.0
    y = targets_of(kind, y)
    optimizer = pylstm.Adam(0.02, clip_norm=1.0, schedule=pylstm.Decay(0.99))
    model = KINDS[kind](n_cells=6, network={"peepholes": True}, optimizer=optimizer)
    learn(model, xs[:n_rows], y[:n_rows])
    other = COPIERS[copier](model, tmp_path / "model.safetensors")
    assert type(other) is type(model)
    assert everything(other) == everything(model)
    learn(other, xs[n_rows:], y[n_rows:])
    assert everything(other) != everything(model)
    learn(model, xs[n_rows:], y[n_rows:])
    assert everything(other) == everything(model)
    assert prediction(other, xs[0]) == prediction(model, xs[0])


@pytest.mark.parametrize("copier", list(COPIERS))
@pytest.mark.parametrize("n_rows", [0, 2, 10, 55])
def test_forecasts_go_on_with_the_same_bits(copier, n_rows, tmp_path, rng):
    """With all that a forecaster may have, and after a row that was refused."""
    xs, y = stream(rng)
    xs = [x | {"t": t} for x, t in zip(xs, hours(60), strict=True)]
    xs[58]["new"] = 7.0
    model = Forecaster(4, season=(3, 5), horizon=4, calendar="day")
    learn(model, xs[:n_rows], y[:n_rows])
    before = everything(model)
    with pytest.raises(ValueError, match="is inf"):
        model.learn_one(1.0, xs[n_rows] | {"new": 1.0, "other": math.inf})
    assert everything(model) == before
    other = COPIERS[copier](model, tmp_path / "model.safetensors")
    for one in (model, other):
        learn(one, xs[n_rows:], y[n_rows:])
    assert everything(other) == everything(model)
    assert other.forecast(9) == model.forecast(9)
    found = [one.forecast(9, with_dist=True)[3].interval(0.8) for one in (model, other)]
    assert found[0] == found[1]


def test_a_state_that_contradicts_itself_is_refused(rng):
    xs, y = stream(rng)
    model = Classifier()
    learn(model, xs[:5], labels(y)[:5])
    state = model.__getstate__()
    with pytest.raises(ValueError, match=r"shape \(2,\), wanted float64 of shape \(4,\)"):
        Classifier().__setstate__(state | {"classes": ["a", "b", "c", "d"]})
    with pytest.raises(ValueError, match="wanted 2 inputs of the estimator's own"):
        Classifier().__setstate__(state | {"features": Classifier()._features.state()})
    with pytest.raises(ValueError, match="format 99"):
        Classifier().__setstate__(state | {"format": 99})


def test_memory_does_not_grow_with_the_stream(kind, rng):
    xs, y = stream(rng)
    model = KINDS[kind]()
    learn(model, xs, targets_of(kind, y))
    size = len(pickle.dumps(model))
    for _ in range(3):
        learn(model, xs, targets_of(kind, y))
    assert len(pickle.dumps(model)) == pytest.approx(size, rel=0.02)


# ---------------------------------------------------------------- how far off


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


# ---------------------------------------------------------------- targets that come late


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


def test_rows_that_wait_are_seen_and_kept(kind, rng, tmp_path):
    if kind == "forecaster":
        return
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
        model.predict_one({"new": "x", "b": 1.0})
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
