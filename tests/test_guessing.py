"""Random weight guessing and simulated annealing: what is drawn when, and what they solve."""

import pickle
from itertools import pairwise

import numpy as np
import pytest

from pylstm.baselines import FullyRecurrent, RandomGuessing, SimulatedAnnealing
from pylstm.tasks import NoiseFree, TwoSequence

LAYER = {"readout": "layer", "shortcut": True, "output_bias": False}


def weights(net):
    return {name: view.copy() for name, view in net.parameters.items()}


def same(one, other):
    return all(np.array_equal(view, other[name]) for name, view in one.items())


def answers(net, X):
    """By a net of another class with the same weights."""
    architecture = {k: v for k, v in net._config.items() if k not in ("gradient", "window")}
    other = FullyRecurrent(**architecture, gradient="bptt")
    for name, view in other.parameters.items():
        view[:] = net.parameters[name]
    return other.run(X)


def draws_in_words(net, sequences, last, tolerance):
    """One sequence after another through a copy; new weights after a wrong one."""
    Y, known = [], []
    for X, targets in sequences:
        known.append(weights(net))
        y = answers(net, X)
        wanted = ~np.isnan(targets[:, 0])
        near = (np.abs(y - targets) < tolerance).all(axis=1) | ~wanted
        if not near.all():
            first = near.argmin()
            if not last:
                y[first + 1 :] = np.nan
            net._guess_anew()
        Y.append(y[-1:] if last else y)
    return np.concatenate(Y), known


@pytest.mark.parametrize("architecture", [{}, LAYER])
@pytest.mark.parametrize("task", [TwoSequence(min_length=10), NoiseFree(p=3)])
def test_guessing_draws_after_every_wrong_sequence(rng, task, architecture):
    settings = {"scale": 5.0, "tolerance": 0.6, "seed": 3}
    net = RandomGuessing(task.n_inputs, task.n_outputs, 2, **settings, **architecture)
    twin = net.copy()
    sequences = task.sample(600, rng)
    sequences.targets[rng.random(len(sequences.targets)) < 0.3] = np.nan
    Y, known = draws_in_words(twin, sequences, task.last, 0.6)
    got = net.run_sequences(sequences.X, sequences.targets, sequences.lengths, last=task.last)
    assert np.allclose(got, Y, rtol=1e-12, equal_nan=True)
    assert same(weights(net), weights(twin))
    assert net.n_guesses == twin.n_guesses > 50
    kept = sum(same(one, other) for one, other in pairwise([*known, weights(net)]))
    assert kept == 600 - (net.n_guesses - 1)
    assert kept > 0 or not task.last


def test_guesses_are_uniform():
    net = RandomGuessing(1, 1, 1, scale=7.0, seed=1)
    drawn = []
    for _ in range(500):
        net._guess_anew()
        drawn.append(np.concatenate([view.ravel() for view in net.parameters.values()]))
    drawn = np.array(drawn)
    assert np.abs(drawn).max() <= 7
    assert np.abs(drawn.mean(axis=0)).max() < 0.7
    assert np.abs(drawn.std(axis=0) - 7 / np.sqrt(3)).max() < 0.3
    assert np.abs(np.corrcoef(drawn.T) - np.eye(drawn.shape[1])).max() < 0.2


@pytest.mark.parametrize("update", ["step", "sequence", 3])
def test_single_calls_draw_as_runs_do(rng, update):
    one = RandomGuessing(2, 1, 1, tolerance=0.45, seed=2)
    other = one.copy()
    X, targets = rng.uniform(-1, 1, (30, 2)), rng.integers(2, size=(30, 1)).astype(float)
    targets[::4] = np.nan
    Y = one.run(X, targets, update)
    for t in range(30):
        assert np.array_equal(other.predict(X[t]), Y[t])
        other.step(X[t])
        loss = other.learn(targets[t], update=False)
        if (update == "step" and loss == loss) or (update == 3 and t % 3 == 2):
            other.update()
    if update == "sequence":
        other.update()
    assert same(weights(one), weights(other))
    assert one.n_guesses == other.n_guesses > 1


def test_run_sequences_with_every_update_equals_the_loop(rng):
    task = NoiseFree(p=3)
    s = task.sample(20, rng)
    for update in ("step", 5):
        one = RandomGuessing(4, 4, 1, tolerance=0.9, seed=2)
        other = one.copy()
        Y = []
        for X, targets in s:
            other.reset()
            Y.append(other.run(X, targets, update))
        assert np.array_equal(
            one.run_sequences(s.X, s.targets, s.lengths, update=update), np.concatenate(Y)
        )
        assert same(weights(one), weights(other))


def test_one_wrong_answer_of_several_draws(rng):
    net = RandomGuessing(1, 1, 1, seed=2)
    y = net.step([1.0])
    net.learn(y + 1, update=False)
    y = net.step([1.0])
    net.learn(y, update=False)
    other, s = net.copy(), TwoSequence(min_length=3).sample(5, rng)
    net.update()
    assert net.n_guesses == 2
    net.update()
    assert net.n_guesses == 2
    one = other.copy()
    one.run_sequences(s.X, s.targets, s.lengths, last=True)
    for X, targets in s:
        other.reset()
        other.run(X, targets, "sequence")
    assert same(weights(one), weights(other))
    assert one.n_guesses == other.n_guesses


def test_guessing_without_targets_answers(rng):
    net = RandomGuessing(1, 1, 2, seed=1)
    before = weights(net)
    X = rng.uniform(-1, 1, (12, 1))
    Y = net.run_sequences(X, None, [12])
    assert np.array_equal(Y, net.run(X))
    assert np.allclose(Y, answers(net, X), rtol=1e-12)
    assert same(before, weights(net))


@pytest.mark.parametrize("again", [RandomGuessing.copy, lambda n: pickle.loads(pickle.dumps(n))])
def test_calls_in_parts_and_copies_guess_the_same(rng, again):
    task = TwoSequence(min_length=5)
    s = task.sample(900, rng)
    whole = RandomGuessing(1, 1, 1, seed=4)
    parts = whole.copy()
    Y = whole.run_sequences(s.X, s.targets, s.lengths, last=True)
    got = []
    for k in range(0, 900, 100):
        parts = again(parts)
        part = s[k : k + 100]
        got.append(parts.run_sequences(part.X, part.targets, part.lengths, last=True))
    assert np.array_equal(Y, np.concatenate(got))
    assert same(weights(whole), weights(parts))
    assert whole.n_guesses == parts.n_guesses


def test_guessing_solves_the_two_sequence_problem():
    task, rng = TwoSequence(), np.random.default_rng(0)
    net = RandomGuessing(1, 1, 1, seed=0)
    for _ in range(40):
        s = task.sample(500, rng)
        Y = net.run_sequences(s.X, s.targets, s.lengths, last=True)
        if not task.wrong(Y, s).any():
            break
    assert not task.wrong(Y, s).any()
    s = task.sample(1000, rng)
    assert task.wrong(net.run_sequences(s.X, None, s.lengths, last=True), s).sum() < 10


# ---------------------------------------------------------------- annealing


def test_annealing_by_the_metropolis_rule(rng):
    """Every call: noise, then the rule, from the same generator."""
    task = TwoSequence(min_length=6)
    net = SimulatedAnnealing(
        1, 1, 1, temperature=0.02, cooling=0.9, step_size=0.7, scale=2.0, seed=5
    )
    chance = pickle.loads(pickle.dumps(net._rng))
    accepted = []
    for k in range(40):
        s = task.sample(20, rng)
        before, other = weights(net), net.copy()
        assert net.temperature == pytest.approx(0.02 * 0.9**k)
        Y = net.run_sequences(s.X, s.targets, s.lengths, last=True)
        assert np.array_equal(Y, other.run_sequences(s.X, None, s.lengths, last=True))
        noise = 0.7 * chance.standard_normal(net.n_parameters)
        start = 0
        for view in other.parameters.values():
            view += noise[start : start + view.size].reshape(view.shape[::-1]).T
            start += view.size
        moved = other.run_sequences(s.X, None, s.lengths, last=True)
        rise = 0.5 * (((moved - s.targets) ** 2).mean() - ((Y - s.targets) ** 2).mean())
        takes = chance.random() < np.exp(min(0, -rise / (0.02 * 0.9**k)))
        assert same(weights(net), weights(other) if takes else before)
        accepted.append((takes, rise))
    assert net.n_proposals == 40
    assert net.n_accepted == sum(takes for takes, _ in accepted)
    assert any(takes and rise > 0 for takes, rise in accepted)
    assert any(not takes for takes, _ in accepted)


def test_annealing_goes_on_in_a_copy(rng):
    s = TwoSequence(min_length=6).sample(20, rng)
    net = SimulatedAnnealing(1, 1, 2, seed=5)
    for _ in range(5):
        other = pickle.loads(pickle.dumps(net))
        for one in (net, other):
            one.run_sequences(s.X, s.targets, s.lengths, last=True)
        assert same(weights(net), weights(other))
    assert other.n_proposals == 5


def test_annealing_refuses_a_proposal_that_diverges():
    net = SimulatedAnnealing(1, 1, 1, squashing="identity", step_size=1e6, scale=1e-3, seed=1)
    before = weights(net)
    X, targets = np.ones((200, 1)), np.ones((200, 1))
    net.run_sequences(X, targets, [200])
    assert same(before, weights(net))
    assert (net.n_proposals, net.n_accepted) == (1, 0)


# ---------------------------------------------------------------- what makes no sense


@pytest.mark.parametrize("method", [RandomGuessing, SimulatedAnnealing])
def test_gradient_is_refused(method):
    with pytest.raises(TypeError, match="has no gradient: wanted run_sequences"):
        method(1, 1, 1).gradient([[1.0]], [[1.0]])
    with pytest.raises(TypeError, match=r"optimizer is given, but (Random|Simu)"):
        method(1, 1, 1, optimizer=None)


@pytest.mark.parametrize(
    "call",
    [
        lambda net: net.step([1.0], [1.0]),
        lambda net: net.run([[1.0]], [[1.0]]),
        lambda net: net.run_sequences([[1.0]], [[1.0]], update="step"),
        lambda net: (net.step([1.0]), net.learn([1.0])),
    ],
)
def test_annealing_refuses_to_learn_from_steps(call):
    with pytest.raises(TypeError, match=r"wanted run_sequences\(X, targets, lengths, update"):
        call(SimulatedAnnealing(1, 1, 1))


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"scale": 0}, "scale is 0, wanted a finite number above 0"),
        ({"tolerance": np.inf}, "tolerance is inf, wanted a finite number above 0"),
        ({"scale": True}, "scale is True"),
        ({"output": "softmax"}, "output is 'softmax' with readout 'units'"),
    ],
)
def test_unusable_settings(keywords, sentence):
    with pytest.raises(ValueError, match=sentence):
        RandomGuessing(1, 1, 1, **keywords)


def test_unusable_cooling():
    with pytest.raises(ValueError, match=r"cooling is 1\.5, wanted a number above 0 up to 1"):
        SimulatedAnnealing(1, 1, 1, cooling=1.5)
