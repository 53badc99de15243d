"""A population whose targets come late: every net as a Delayed of its own."""

import pickle

import numpy as np
import pytest
from nets import NETS, assert_same_bits
from test_population import assert_nets_agree, assert_same_population, random_tasks, singles
from test_population_optimizers import OPTIMIZERS, bounds
from test_scaled_population import assert_same_scales, streams

import pylstm

N = 5


def build(kind, delay, architecture=NETS["2001"], dtype="float64", **switches):
    optimizers = [OPTIMIZERS[kind](k, **bounds(k)) for k in range(N)]
    population = pylstm.Population(
        N, **architecture.keywords(), dtype=dtype, optimizer=optimizers, init_range=0.5, **switches
    )
    each = [pylstm.Delayed(net, delay) for net in singles(population, optimizers)]
    return pylstm.Delayed(population, delay), each


def go(delayed, each, X, targets, before=0):
    """before: so many steps since the last reset."""
    for t in range(X.shape[1]):
        y = delayed.predict(X[:, t])
        assert_same_bits(delayed.step(X[:, t]), y)
        wanted = [one.step(X[k, t]) for k, one in enumerate(each)]
        np.testing.assert_allclose(y, wanted, rtol=1e-8, atol=1e-8 * np.abs(wanted).max())
        if before + t >= delayed.delay:
            losses = delayed.learn(targets[:, t], update=t % 3 > 0)
            wanted = [one.learn(targets[k, t], update=t % 3 > 0) for k, one in enumerate(each)]
            np.testing.assert_allclose(losses, wanted, rtol=1e-6)


@pytest.mark.parametrize("kind", ["SGD", "RMSprop", "Adam"])
@pytest.mark.parametrize("delay", [0, 1, 3])
def test_every_net_is_a_delayed_net(architecture, kind, delay, rng):
    delayed, each = build(kind, delay, architecture)
    X, targets = random_tasks(architecture, N, 14, rng)
    for part in (slice(0, 6), slice(6, 14)):
        go(delayed, each, X[:, part], targets[:, part])
        delayed.reset()
        for one in each:
            one.reset()
    assert_nets_agree(delayed.net, [one.net for one in each], "float64")
    np.testing.assert_array_equal(delayed.n_steps, [one.n_steps for one in each])


@pytest.mark.parametrize("delay", [0, 2])
def test_scaled_copied_and_grown(delay, rng):
    scales = {"scale_inputs": True, "scale_targets": True}
    delayed, each = build("RMSprop", delay, NETS["default"], **scales)
    X, targets = streams(rng, 60, True, True)
    go(delayed, each, X[:, :20], targets[:, :20])
    for copied in (lambda d: pickle.loads(pickle.dumps(d)), lambda d: d.copy()):
        other = copied(delayed)
        assert_same_population(other.net, delayed.net)
        assert_same_bits(other.state, delayed.state)
        delayed = other
    go(delayed, each, X[:, 20:40], targets[:, 20:40], 20)
    delayed.grow(n_inputs=5)
    for one in each:
        one.grow(n_inputs=5)
    for name in delayed.net.parameters:  # they were not built from the same seeds
        values = np.stack([one.net.parameters[name] for one in each])
        delayed.net.set_parameters({name: values})
    wide = np.concatenate([X, X[:, :, :2]], axis=2)
    go(delayed, each, wide[:, 40:], targets[:, 40:], 40)
    assert_same_scales(delayed.net, [one.net for one in each])
    assert_nets_agree(delayed.net, [one.net for one in each], "float64")


def test_saved_and_shared_inputs_and_tokens(rng, tmp_path):
    optimizer = pylstm.SGD(0.1)
    pop = pylstm.Population(3, 2, 1, 4, optimizer=optimizer)
    delayed, twin = pylstm.Delayed(pop, 2), pylstm.Delayed(pop.copy(), 2)
    for t in range(12):
        x = [rng.normal(size=2).astype(np.float32), [t % 2] * 3, t % 2][t % 3]
        vectors = np.broadcast_to(x if t % 3 == 0 else np.eye(2)[t % 2], (3, 2))
        assert_same_bits(delayed.step(x), twin.step(vectors))
        if t > 1:
            assert_same_bits(delayed.learn([0.5]), twin.learn([0.5]))
        if t == 6:
            delayed.save(tmp_path / "it.safetensors")
            delayed = pylstm.Delayed.load(tmp_path / "it.safetensors")
    assert_same_population(delayed.net, twin.net)


def test_a_net_that_diverges_leaves_the_others_alone():
    pop = pylstm.Population(2, 1, 1, 2, optimizer=[pylstm.SGD(0.1), pylstm.SGD(1e37)])
    healthy = pylstm.Delayed(pylstm.Population.from_nets([pop[0]]), 1)
    delayed = pylstm.Delayed(pop, 1)
    for t in range(20):
        y = delayed.step([np.sin(t)])
        assert_same_bits(healthy.step([np.sin(t)]), y[:1])
        if t > 0:
            delayed.learn([np.cos(t)])
            healthy.learn([np.cos(t)])
    assert np.isnan(y[1]).all()
    assert delayed.net.diverged.tolist() == [False, True]


def test_what_is_refused():
    pop = pylstm.Population(3, 2, 1, 4)
    with pytest.raises(TypeError, match=r"wanted a pylstm\.LSTM or a pylstm\.Population"):
        pylstm.Delayed([pop], 1)
    delayed = pylstm.Delayed(pop, 1)
    before = pickle.dumps(delayed)
    for error, call in (
        (ValueError, lambda: delayed.step(np.zeros((2, 2)))),
        (ValueError, lambda: delayed.step([np.nan, 0])),
        (RuntimeError, lambda: delayed.learn([0.0])),
        (ValueError, lambda: delayed.grow(1)),
    ):
        with pytest.raises(error):
            call()
    assert pickle.dumps(delayed) == before
    pop.grow(3)
    with pytest.raises(RuntimeError, match=r"wanted Delayed\.grow"):
        delayed.step([0.0, 0.0])
