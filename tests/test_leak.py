"""The leak: what grows without end where there is none, and the bounds where there is one.

That the gradient is exact with it, in every way of learning, the other tests prove: leaky networks
are among their combinations.
"""

import numpy as np
import pytest
from nets import assert_same_bits, assert_same_future, build
from oracle import Architecture

import pylstm
from pylstm.estimators import Classifier, Forecaster, Regressor

N_STEPS = 20_000
ALWAYS = {"bias_init": {"forget_gate": 40.0}}  # rounds to 1 in either precision


def lived(leak, switches, dtype="float32", seed=0, **keywords):
    """A network after a constant input from which it learns without ever being right."""
    net = pylstm.LSTM(
        1,
        1,
        3,
        leak=leak,
        dtype=dtype,
        seed=seed,
        optimizer=pylstm.SGD(0.0),
        **switches,
        **keywords,
    )
    ones = np.ones((N_STEPS, 1), dtype)
    net.run(ones, 2 * ones)
    return net


def largest(net):
    return np.abs(net.state["cell_state"]).max(), np.abs(net.__getstate__()["traces"]).max()


@pytest.mark.parametrize("switches", [{"forget_gate": False}, ALWAYS], ids=["none", "always open"])
def test_integrators_grow_and_leaky_ones_do_not(switches, dtype):
    c, E = largest(lived(0.0, switches, dtype))
    assert c > 100
    assert E > N_STEPS / 4
    for leak in (2**-5, 2**-8):
        c, E = largest(lived(leak, switches, dtype))
        assert 0.01 / leak < c <= 1 / leak
        assert 0.1 / leak < E <= 1 / leak


def test_a_population_leaks_like_its_networks(dtype):
    nets = [lived(2**-6, {"forget_gate": False}, dtype, seed) for seed in range(3)]
    population = pylstm.Population(
        3, 1, 1, 3, leak=2**-6, dtype=dtype, optimizer=pylstm.SGD(0.0), forget_gate=False
    )
    ones = np.ones((N_STEPS, 1), dtype)
    population.run(ones, 2 * ones)
    wanted = [net.state["cell_state"] for net in nets]
    np.testing.assert_allclose(population.state["cell_state"], wanted, rtol=1e-4)


def test_no_leak_is_what_there_was_before(architecture, dtype):
    """A network saved before there was a leak is one without."""
    if architecture.leak:
        pytest.skip("has a leak")
    net = build(architecture, dtype)
    net.run(np.ones((5, architecture.n_inputs)))
    state = net.__getstate__()
    assert state["config"].pop("leak") == 0.0
    old = pylstm.LSTM.__new__(pylstm.LSTM)
    old.__setstate__(state)
    assert_same_future(old, net, architecture)


def test_an_old_population(dtype):
    population = pylstm.Population(3, 2, 1, 2, dtype=dtype)
    state = population.__getstate__()
    del state["config"]["leak"]
    old = pylstm.Population.__new__(pylstm.Population)
    old.__setstate__(state)
    X = np.ones((4, 2), dtype)
    assert_same_bits(old.run(X), population.run(X))
    old[1] = pylstm.LSTM(2, 1, 2, dtype=dtype)


def test_a_saved_leak_that_cannot_be():
    state = build(Architecture(leak=0.25)).__getstate__()
    for leak in (1.0, -0.1, np.nan):
        state["config"]["leak"] = leak
        with pytest.raises(ValueError, match="leak"):
            pylstm.LSTM.__new__(pylstm.LSTM).__setstate__(state)


@pytest.mark.parametrize("estimator", [Regressor, Classifier, Forecaster])
def test_estimators_have_one_untold(estimator):
    assert estimator()._switches()["leak"] > 0
