"""The Jacobians of a step, and their products over time, against central differences of `run`.

The differences share nothing with the chain rule but the forward pass of the engine, which the
oracle proves.
"""

import numpy as np
import pytest
from differences import differences, outputs_of, states_of
from nets import (
    NETS,
    assert_same_future,
    build,
    random_parameters,
    random_task,
    set_parameters,
)

import pylstm
from pylstm.analysis import lstm_jacobians, plain_jacobians, plain_net
from pylstm.baselines import FullyRecurrent


def assert_near(actual, wanted):
    np.testing.assert_allclose(actual, wanted, rtol=1e-6, atol=1e-7 * np.abs(wanted).max() + 1e-10)


def engine(architecture, rng):
    net = build(architecture)
    set_parameters(net, random_parameters(architecture, rng))
    return net


def test_outputs_of_every_combination(combination, rng):
    net = engine(combination, rng)
    X, _ = random_task(combination, 4, rng)
    by_input = lstm_jacobians(net, X).of_output()
    run = outputs_of(net)
    for t in range(len(X)):
        assert_near(by_input[t], differences(run, X, t)[-1])


@pytest.mark.parametrize("t", [0, 2])
def test_states(architecture, t, rng):
    net = engine(architecture, rng)
    X, _ = random_task(architecture, 5, rng)
    assert_near(lstm_jacobians(net, X).of_state(t), differences(states_of(net), X, t)[t:])


def test_names_are_those_of_the_state(architecture, rng):
    net = engine(architecture, rng)
    names = [f"{name}[{k}]" for name, of in net.state.items() for k in range(len(of))]
    assert list(lstm_jacobians(net, np.ones((1, net.n_inputs))).names) == names


def test_forward_and_reverse_accumulation_meet(architecture, rng):
    net = engine(architecture, rng)
    X, _ = random_task(architecture, 6, rng)
    jacobians = lstm_jacobians(net, X)
    there = jacobians.output_by_state[-1] @ jacobians.of_state(1)[-1]
    np.testing.assert_allclose(there, jacobians.of_output()[1], rtol=1e-12, atol=1e-15)


def test_net_is_not_changed_and_its_state_does_not_matter(rng):
    net = build(NETS["everything"])
    X, targets = random_task(NETS["everything"], 7, rng)
    fresh = lstm_jacobians(net, X).of_output()
    net.run(X, targets, update=100)
    twin = net.copy()
    np.testing.assert_array_equal(lstm_jacobians(net, X).of_output(), fresh)
    assert_same_future(net, twin, NETS["everything"])


def test_tokens_are_one_hot_vectors(rng):
    net = build(NETS["2000"])
    tokens = rng.integers(7, size=6)
    by_token, by_vector = (lstm_jacobians(net, X).of_output() for X in (tokens, np.eye(7)[tokens]))
    np.testing.assert_allclose(by_token, by_vector, rtol=1e-12, atol=1e-15)


def test_float32_net_has_nearly_the_same(rng):
    X, _ = random_task(NETS["1997"], 6, rng)
    single, double = (
        lstm_jacobians(build(NETS["1997"], dtype), X).of_output()
        for dtype in ("float32", "float64")
    )
    assert single.dtype == np.float64
    np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-6 * np.abs(double).max())


PLAIN = [
    {"squashing": squashing, "readout": readout, "shortcut": shortcut, "output": output,
     "hidden_bias": bias, "output_bias": bias, "time_constants": slow}
    for squashing, output in (("tanh", "logistic"), ("logistic", "identity"),
                              ("identity", "softmax"), ("two_tanh_half", "logistic"))
    for readout, shortcut in (("units", False), ("layer", False), ("layer", True))
    for bias, slow in ((True, None), (False, [0.9, 0.0, 0.4]))
    if not (readout == "units" and output == "softmax")
]  # fmt: skip


def plain(switches, rng, n_hidden=3):
    net = FullyRecurrent(3, 2, n_hidden, gradient="bptt", **switches)
    for view in net.parameters.values():
        view[:] = rng.normal(0, 0.7, view.shape)
    return net


@pytest.mark.parametrize("switches", PLAIN, ids=str)
def test_plain_net(switches, rng):
    net, X = plain(switches, rng), rng.normal(size=(5, 3))
    jacobians = plain_jacobians(net, X)
    run = outputs_of(net)
    for t in range(len(X)):
        assert_near(jacobians.of_output()[t], differences(run, X, t)[-1])


def test_plain_net_of_outputs_alone(rng):
    net, X = (
        plain({"readout": "units", "squashing": "tanh"}, rng, n_hidden=0),
        rng.normal(size=(4, 3)),
    )
    assert_near(plain_jacobians(net, X).of_output()[1], differences(outputs_of(net), X, 1)[-1])


@pytest.mark.parametrize("slow", [None, [0.9, 0.0, 0.4]])
def test_states_of_a_plain_net(slow, rng):
    """Read off by a layer that shows the units as they are."""
    net = plain({"readout": "layer", "squashing": "tanh", "output": "identity",
                 "time_constants": slow}, rng)  # fmt: skip
    watched = FullyRecurrent(3, 3, 3, readout="layer", squashing="tanh", output="identity",
                             time_constants=slow)  # fmt: skip
    watched.parameters["units"][:] = net.parameters["units"]
    watched.parameters["output"][:] = np.eye(3, 4)
    X = rng.normal(size=(5, 3))
    by_state = plain_jacobians(net, X).of_state(1)
    assert_near(by_state, differences(outputs_of(watched), X, 1)[1:])


def test_plain_net_reads_tokens_as_one_hot_vectors_and_does_not_change(rng):
    net, tokens = plain({"readout": "layer"}, rng), [2, 0, 1, 1]
    fresh = plain_jacobians(net, tokens).of_output()
    net.run(rng.normal(size=(3, 3)))
    twin = net.copy()
    by_token, by_vector = (plain_jacobians(net, X).of_output() for X in (tokens, np.eye(3)[tokens]))
    np.testing.assert_array_equal(by_token, by_vector)
    np.testing.assert_array_equal(by_token, fresh)
    np.testing.assert_array_equal(net.run(tokens), twin.run(tokens))


@pytest.mark.parametrize("radius", [0.5, 2.0])
def test_drawn_plain_net_has_its_radius_and_weights_on_every_path(radius):
    net = plain_net(4, 3, 6, radius, np.random.default_rng(1), learning_rate=0.3)
    among = net.parameters["units"][:, 4:10]
    assert np.abs(np.linalg.eigvals(among)).max() == pytest.approx(radius, rel=1e-12)
    assert (net.parameters["units"][:, :10] != 0).all()
    assert (net.parameters["output"][:, :6] != 0).all()
    assert net.optimizer.learning_rate == 0.3


@pytest.mark.parametrize("name", ["scale_inputs", "scale_targets"])
def test_net_that_scales_is_refused(name):
    net = pylstm.LSTM(1, 1, 1, **{name: True})
    with pytest.raises(ValueError, match=f"net has {name}=True, wanted one without scaling"):
        lstm_jacobians(net, [[1.0]])


BOTH = [
    lambda X: lstm_jacobians(pylstm.LSTM(1, 1, 1), X),
    lambda X: plain_jacobians(FullyRecurrent(1, 1, 1), X),
]


@pytest.mark.parametrize("jacobians_of", BOTH)
@pytest.mark.parametrize(
    ("X", "problem"),
    [
        ([], r"X has shape \(0,\), wanted \(n_steps, 1\), or"),
        (np.zeros((0, 1)), r"X has shape \(0, 1\), wanted"),
        (1.0, r"X has shape \(\), wanted"),
        (np.zeros((1, 1, 1)), r"X has shape \(1, 1, 1\), wanted"),
        ([[1.0, 2.0]], r"X has shape \(1, 2\), wanted"),
        ([1.0], r"X has shape \(1,\), wanted"),
        ([0, 3], r"X has tokens 0 .. 3, wanted 0 .. 0"),
        ([-1], r"X has tokens -1 .. -1, wanted 0 .. 0"),
        ([[0.0], [np.nan]], "X contains values that are not finite, wanted numbers"),
    ],
)
def test_unusable_inputs_are_refused(jacobians_of, X, problem):
    with pytest.raises(ValueError, match=problem):
        jacobians_of(X)
