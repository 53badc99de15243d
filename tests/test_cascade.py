"""Recurrent cascade-correlation: quickprop, packing, the candidates' gradient, what is frozen."""

import itertools
import pickle

import numpy as np
import pytest

import pylstm
from pylstm.baselines import CascadeCorrelation
from pylstm.baselines.correlation import correlate
from pylstm.baselines.packing import Packing
from pylstm.baselines.quickprop import quickprop_step
from pylstm.tasks import EmbeddedReber

LENGTHS = [3, 1, 5, 3]
N_STEPS = sum(LENGTHS)


def patient(**keywords):
    """A network that changes its phase after a few epochs already."""
    return CascadeCorrelation(3, 2, **{"patience": 2, "max_epochs": 4, **keywords})


def samples(rng, missing=0.0):
    X, targets = rng.uniform(-1, 1, (N_STEPS, 3)), rng.integers(0, 2, (N_STEPS, 2)) * 1.0
    targets[rng.random(N_STEPS) < missing] = np.nan
    return X, targets


def grown(rng, n_units, **keywords):
    net = patient(**keywords)
    X, targets = samples(rng)
    while net.n_units < n_units:
        net.run_sequences(X, targets, LENGTHS)
    return net


def replay(parameters, X):
    """One sequence, from the equations: (n_steps, n_units) and (n_steps, n_outputs)."""
    units = [parameters[name][0] for name in parameters if name != "output"]
    before, all_units, all_outputs = [0.0] * len(units), [], []
    for x in X:
        z = [*x, 1.0]
        for w, own in zip(units, before, strict=True):
            net = sum(wi * zi for wi, zi in zip(w, z, strict=False)) + w[-1] * own
            z.append(2 / (1 + np.exp(-net)) - 1)
        before = z[len(x) + 1 :]
        all_units.append(before)
        all_outputs.append(1 / (1 + np.exp(-(parameters["output"] @ z))))
    return np.array(all_units), np.array(all_outputs)


def split(values):
    return np.split(values, np.cumsum(LENGTHS)[:-1])


# ---------------------------------------------------------------- quickprop


@pytest.mark.parametrize(
    ("slope", "last_slope", "last_step", "wanted"),
    [
        (2.0, 0.0, 0.0, -0.2),  # no last step: descent
        (-1.0, -3.0, 0.5, 0.5 * 0.5 + 0.1),  # on downhill: to the bottom, and descent
        (-1.0, -1.5, 0.5, 1.75 * 0.5 + 0.1),  # the bottom is too far
        (-2.0, -1.0, 0.5, 1.75 * 0.5 + 0.2),  # it gets steeper
        (-2.0, -2.0, 0.5, 1.75 * 0.5 + 0.2),  # the same slope
        (1.0, -3.0, 0.5, -0.125),  # past the bottom: back, no descent
        (0.5, 2.0, 0.5, 0.0),  # uphill, with a top ahead
        (2.0, 1.5, 0.5, -1.75 * 0.5),  # uphill, the bottom far behind
        (0.0, 0.0, 0.5, 0.0),  # on the flat
    ],
)
def test_quickprop_by_hand(slope, last_slope, last_step, wanted):
    given = [np.array([value]) for value in (slope, last_slope, last_step)]
    step = quickprop_step(*given, learning_rate=0.1, max_growth=1.75)
    assert step == pytest.approx(wanted)
    assert [value[0] for value in given] == [slope, last_slope, last_step]


# ---------------------------------------------------------------- packing


def test_packing_goes_there_and_back(rng):
    packing = Packing(LENGTHS)
    assert sorted(packing.rows) == list(range(N_STEPS))
    net, error, slope = rng.uniform(-1, 1, (3, N_STEPS, 2))
    w = np.array([0.5, -2.0])
    a, before, e = np.empty((3, N_STEPS, 2))
    rows = packing.rows
    a[rows] = packing.scan(net[rows], w, np.sin)
    before[rows] = packing.before(a[rows])
    e[rows] = packing.scan_back(error[rows], slope[rows], w)
    for of in map(np.array, split(np.arange(N_STEPS))):
        last, following = np.zeros(2), np.zeros(2)
        for t in of:
            assert np.allclose(before[t], last, rtol=0, atol=0)
            last = np.sin(net[t] + w * last)
            assert np.allclose(a[t], last, rtol=1e-14)
        for t in of[::-1]:
            following = slope[t] * (error[t] + w * following)
            assert np.allclose(e[t], following, rtol=1e-14)


def test_packing_of_nothing():
    assert Packing([]).rows.shape == (0,)


# ---------------------------------------------------------------- gradients


def scores_of(candidates, X, errors):
    """S of every candidate, from the definition: no packing, covariance about the means."""
    scores = []
    for w in candidates:
        a = np.concatenate(
            [replay({"u": w[None], "output": np.zeros((1, 5))}, x)[0][:, 0] for x in split(X)]
        )
        scores.append(np.abs((a - a.mean()) @ (errors - errors.mean(axis=0))).sum())
    return np.array(scores)


def test_gradient_of_candidates_equals_differences(rng):
    X, errors = rng.uniform(-1, 1, (N_STEPS, 3)), rng.uniform(-1, 1, (N_STEPS, 2))
    candidates = rng.uniform(-2, 2, (4, 5))
    packing = Packing(LENGTHS)
    sources = np.column_stack([X, np.ones(N_STEPS)])[packing.rows]
    centred = (errors - errors.mean(axis=0))[packing.rows]
    covariance, gradient = correlate(candidates, sources, centred, packing)
    assert np.allclose(np.abs(covariance).sum(axis=1), scores_of(candidates, X, errors), rtol=1e-12)
    for k in range(candidates.shape[1]):
        up, down = candidates.copy(), candidates.copy()
        up[:, k] += 1e-6
        down[:, k] -= 1e-6
        numeric = (scores_of(up, X, errors) - scores_of(down, X, errors)) / 2e-6
        assert np.allclose(gradient[:, k], numeric, rtol=1e-6, atol=1e-8)


def first_step(rng, missing, last, monkeypatch):
    """The gradient with which the outputs of a net of two units make their first step."""
    net = grown(rng, 2, optimizer=pylstm.SGD(1.0))
    monkeypatch.setattr("pylstm.baselines.cascade._LEAST_SLOPE", 0.0)
    X, targets = samples(rng, missing)
    if last:
        targets[np.isin(np.arange(N_STEPS), np.cumsum(LENGTHS) - 1, invert=True)] = np.nan
    before = {name: w.copy() for name, w in net.parameters.items()}
    assert net.phase == "outputs"
    given = targets[np.cumsum(LENGTHS) - 1] if last else targets
    net.run_sequences(X, given, LENGTHS, last=last)
    n_targets = np.isfinite(targets[:, 0]).sum()
    return before, n_targets * (before["output"] - net.parameters["output"]), X, targets


@pytest.mark.parametrize(("missing", "last"), [(0.0, False), (0.4, False), (0.0, True)])
def test_outputs_step_down_the_gradient(rng, monkeypatch, missing, last):
    parameters, gradient, X, targets = first_step(rng, missing, last, monkeypatch)

    def loss():
        Y = np.concatenate([replay(parameters, x)[1] for x in split(X)])
        return 0.5 * np.nansum((Y - targets) ** 2)

    V = parameters["output"]
    for index in np.ndindex(V.shape):
        kept = V[index]
        V[index] = kept + 1e-6
        up = loss()
        V[index] = kept - 1e-6
        numeric = (up - loss()) / 2e-6
        V[index] = kept
        assert gradient[index] == pytest.approx(numeric, rel=1e-6, abs=1e-9)


def test_candidates_step_up_the_gradient_of_their_scores(rng):
    X, targets = samples(rng, missing=0.3)
    net = patient(candidate_rate=0.5)
    while net.phase == "outputs":
        net.run_sequences(X, targets, LENGTHS)
    before = net._candidates.copy()
    assert 0.2 < np.abs(before).max() <= 1.0
    Y = net.run_sequences(X, targets, LENGTHS)
    errors = (Y - targets) * Y * (1 - Y)
    errors -= np.nanmean(errors, axis=0)
    has_target = ~np.isnan(errors[:, 0])

    def score(w):
        a = np.concatenate(
            [replay({"u": w[None], "output": np.zeros((1, 5))}, x)[0][:, 0] for x in split(X)]
        )
        return np.abs(a[has_target] @ errors[has_target]).sum()

    moved = (net._candidates - before) * has_target.sum() / 0.5
    for k, w in enumerate(before):
        numeric = [(score(w + h) - score(w - h)) / 2e-6 for h in 1e-6 * np.eye(5)]
        assert np.allclose(moved[k], numeric, rtol=1e-6, atol=1e-8)


def test_quickprop_remembers_within_a_phase(rng, monkeypatch):
    calls = []

    def step(*args):
        calls.append((*args, quickprop_step(*args)))
        return calls[-1][-1]

    monkeypatch.setattr("pylstm.baselines.cascade.quickprop_step", step)
    net = patient(optimizer=pylstm.SGD(0.7), max_growth=1.5)
    X, targets = samples(rng)
    for _ in range(30):
        net.run_sequences(X, targets, LENGTHS)
    n_kept = 0
    for (slope, *_, made), later in itertools.pairwise(calls):
        _, last_slope, last_step, rate, growth, _ = later
        if last_slope.any():
            assert np.array_equal(last_slope, slope)
            assert np.array_equal(last_step, made)
            n_kept += 1
        assert growth == 1.5
        assert rate * N_STEPS == pytest.approx(0.7 if len(last_step) == 2 else 1.0)
    assert n_kept > 15


# ---------------------------------------------------------------- growing


def test_phases_alternate_and_what_is_installed_is_frozen(rng):
    X, targets = samples(rng)
    net = patient(max_units=3)
    frozen, seen = {}, []
    for _ in range(60):
        phase, before = net.phase, {name: w.copy() for name, w in net.parameters.items()}
        net.run_sequences(X, targets, LENGTHS)
        now = net.parameters
        seen.append((phase, net.n_units))
        for name, w in frozen.items():
            assert np.array_equal(now[name], w)
        if phase == "candidates" and len(now) == len(before):
            assert np.array_equal(now["output"], before["output"])
        if len(now) > len(before):
            assert np.array_equal(now["output"][:, :-1], before["output"])
            assert (np.abs(now["output"][:, -1]) == 0.1).all()
            assert net.phase == "outputs"
        frozen = {name: w.copy() for name, w in now.items() if name != "output"}
    assert [n for _, n in seen] == sorted(n for _, n in seen)
    assert seen[-1] == ("outputs", 3)
    assert [w.shape for w in net.parameters.values()] == [(2, 7), (1, 5), (1, 6), (1, 7)]
    assert net.n_parameters == 14 + 5 + 6 + 7


def test_the_best_candidate_is_installed_against_its_covariance(rng):
    X, targets = samples(rng)
    net = patient()
    while net.phase == "outputs":
        net.run_sequences(X, targets, LENGTHS)
    while net.phase == "candidates":
        candidates, W = net._candidates.copy(), net.parameters["output"].copy()
        net.run_sequences(X, targets, LENGTHS)
    Y = np.concatenate([replay({"output": W}, x)[1] for x in split(X)])
    errors = (Y - targets) * Y * (1 - Y)
    best = scores_of(candidates, X, errors).argmax()
    assert np.array_equal(net.parameters["unit_0"][0], candidates[best])
    a = np.concatenate([replay(net.parameters, x)[0] for x in split(X)])[:, 0]
    covariance = (a - a.mean()) @ (errors - errors.mean(axis=0))
    assert np.array_equal(np.sign(net.parameters["output"][:, -1]), -np.sign(covariance))


def test_a_phase_ends_when_it_gains_no_more(rng):
    net, watched = CascadeCorrelation(1, 1, patience=3, min_gain=0.1, max_epochs=100), []
    for merit in (-10.0, -9.5, -9.1, -8.9, -8.9, -8.5, -8.1):
        watched.append(net._is_stuck(merit))
    assert watched == [False] * 6 + [True]


@pytest.mark.parametrize(("n_units", "wanted"), [(0, 56), (7, 189), (9, 236)])
def test_weights_of_the_reber_net(n_units, wanted):
    net = CascadeCorrelation(7, 7, patience=1, max_epochs=1, max_units=n_units)
    strings = EmbeddedReber().sample(4, np.random.default_rng(1))
    for _ in range(2 * n_units + 1):
        net.run_sequences(strings.X, strings.targets, strings.lengths)
    assert (net.n_units, net.n_parameters) == (n_units, wanted)


# ---------------------------------------------------------------- verbs


def test_outputs_are_those_of_the_equations_however_they_are_asked_for(rng):
    net = grown(rng, 3)
    X, _ = samples(rng)
    together = net.run_sequences(X, None, LENGTHS)
    for x, Y in zip(split(X), split(together), strict=True):
        assert np.allclose(Y, replay(net.parameters, x)[1], rtol=1e-12)
        net.reset()
        assert np.allclose(net.run(x), Y, rtol=1e-12)
        net.reset()
        for row, y in zip(x, Y, strict=True):
            assert np.allclose(net.predict(row), y, rtol=1e-12)
            assert np.allclose(net.step(row), y, rtol=1e-12)
    ends = np.cumsum(LENGTHS) - 1
    assert np.array_equal(net.run_sequences(X, None, LENGTHS, last=True), together[ends])
    assert np.allclose(net.step(X[0]), together[0], rtol=1e-12)  # it leaves a fresh state


def test_outputs_start_small():
    net = CascadeCorrelation(20, 20, init_range=5.0)
    assert 0.9 < np.abs(net.parameters["output"]).max() <= 1.0


def test_all_steps_are_counted(rng):
    net = patient()
    X, targets = samples(rng)
    net.run_sequences(X, targets, LENGTHS)
    net.run(X)
    assert net.n_steps == 2 * N_STEPS


def test_tokens_are_one_hot_vectors(rng):
    tokens = rng.integers(0, 3, N_STEPS)
    _, targets = samples(rng)
    nets = patient(), patient()
    for _ in range(30):
        Y = nets[0].run_sequences(tokens, targets, LENGTHS)
        assert np.array_equal(Y, nets[1].run_sequences(np.eye(3)[tokens], targets, LENGTHS))
    assert nets[0].n_units > 1


@pytest.mark.parametrize("n_epochs", [1, 3, 6, 9, 20])
@pytest.mark.parametrize("way", ["copy", "pickle", "file"])
def test_copies_go_on_alike(rng, tmp_path, n_epochs, way):
    net = patient()
    X, targets = samples(rng)
    for _ in range(n_epochs):
        net.run_sequences(X, targets, LENGTHS)
    if way == "file":
        net.save(tmp_path / "net.safetensors")
        twin = pylstm.load(tmp_path / "net.safetensors")
    else:
        twin = net.copy() if way == "copy" else pickle.loads(pickle.dumps(net))
    for _ in range(20):
        Y = net.run_sequences(X, targets, LENGTHS)
        assert np.array_equal(Y, twin.run_sequences(X, targets, LENGTHS))
    assert (twin.n_units, twin.phase, twin.n_epochs) == (net.n_units, net.phase, n_epochs + 20)


def test_without_targets_nothing_changes(rng):
    net = grown(rng, 2)
    X, targets = samples(rng)
    twin = net.copy()
    net.run_sequences(X, None, LENGTHS)
    net.run_sequences(X, np.full_like(targets, np.nan), LENGTHS)
    Y = [one.run_sequences(X, targets, LENGTHS) for one in (net, twin)]
    assert np.array_equal(*Y)
    assert net.n_epochs == twin.n_epochs


@pytest.mark.parametrize(
    "learning",
    [
        lambda net: net.step([0, 0, 0], [0, 0]),
        lambda net: net.run([[0, 0, 0]], [[0, 0]]),
        lambda net: net.learn([0, 0]),
        lambda net: net.gradient([[0, 0, 0]], [[0, 0]]),
    ],
)
def test_learning_step_by_step_is_refused(learning):
    with pytest.raises(TypeError, match="wanted run_sequences"):
        learning(patient())


@pytest.mark.parametrize("update", ["step", 3])
def test_other_updates_are_refused(update):
    net = patient()
    with pytest.raises(TypeError, match="wanted update='sequence'"):
        net.run_sequences(np.zeros((2, 3)), np.zeros((2, 2)), update=update)
    assert net.n_epochs == 0


@pytest.mark.parametrize("name", ["n_candidates", "patience", "max_epochs"])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 0, wanted a whole number of at least 1"):
        CascadeCorrelation(3, 2, **{name: 0})


@pytest.mark.parametrize("name", ["min_gain", "max_growth", "candidate_rate", "init_range"])
@pytest.mark.parametrize("value", [0, -1.0, np.nan, np.inf, True, "1"])
def test_numbers_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} is .*, wanted a finite number above 0"):
        CascadeCorrelation(3, 2, **{name: value})


def test_divergence_is_told(rng):
    net = patient(optimizer=pylstm.SGD(1e300))
    X, targets = samples(rng)
    epochs = (net.run_sequences(1e10 * X, targets, LENGTHS) for _ in range(20))
    with pytest.raises(FloatingPointError, match="diverged"):
        list(epochs)


def test_learns_what_needs_a_memory(rng):
    """Whether the symbol four steps ago was 0 or 1, 2 in between; all errors at the end."""
    tokens = np.array([0, 2, 2, 2, 1, 2, 2, 2])
    net = CascadeCorrelation(3, 1, max_units=4, seed=1)
    for _ in range(400):
        Y = net.run_sequences(tokens, [[0.0], [1.0]], [4, 4], last=True)
    assert np.abs(Y - [[0], [1]]).max() < 0.1


def solves_embedded_reber(seed):
    """Within a thousand epochs; some half of the trials do."""
    task = EmbeddedReber()
    training, test = task.training_and_test(np.random.default_rng([99, seed]))
    net = CascadeCorrelation(7, 7, seed=seed)
    for _ in range(1000):
        Y = net.run_sequences(training.X, training.targets, training.lengths)
        if not task.wrong(Y, training).any():
            Y = net.run_sequences(test.X, None, test.lengths)
            if not task.wrong(Y, test).any():
                return True
    return False


def test_learns_the_embedded_reber_grammar():
    assert any(map(solves_embedded_reber, [1, 3, 7, 8, 9, 0, 2]))
