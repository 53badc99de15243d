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
from pylstm.analysis import PlainNet, lstm_jacobians


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


@pytest.mark.parametrize("kind", ["tanh", "logistic", "identity", "tanh_half", "two_tanh_half"])
def test_plain_net(kind, rng):
    shapes = ((4, 3), (4, 4), (2, 4), (4,))
    net = PlainNet(*(rng.normal(0, 0.6, shape) for shape in shapes), kind=kind)
    X = rng.normal(size=(5, 3))
    jacobians = net.jacobians(X)
    for t in range(len(X)):
        assert_near(jacobians.of_output()[t], differences(net.run, X, t)[-1])


def test_plain_net_is_one_step_after_another(rng):
    W_x, W_h, V = rng.normal(size=(3, 2)), rng.normal(size=(3, 3)), rng.normal(size=(1, 3))
    bias, (x_1, x_2) = rng.normal(size=3), rng.normal(size=(2, 2))
    h_1 = np.tanh(W_x @ x_1 + bias)
    h_2 = np.tanh(W_x @ x_2 + W_h @ h_1 + bias)
    np.testing.assert_allclose(
        PlainNet(W_x, W_h, V, bias).run([x_1, x_2]), [V @ h_1, V @ h_2], rtol=1e-13
    )


@pytest.mark.parametrize("name", ["scale_inputs", "scale_targets"])
def test_net_that_scales_is_refused(name):
    net = pylstm.LSTM(1, 1, 1, **{name: True})
    with pytest.raises(ValueError, match=f"net has {name}=True, wanted one that"):
        lstm_jacobians(net, [[1.0]])


@pytest.mark.parametrize("X", [[], np.zeros((0, 1)), 1.0, np.zeros((1, 1, 1))])
def test_no_step_is_refused(X):
    with pytest.raises(ValueError, match=r"X has shape \(.*\), wanted at least one step"):
        lstm_jacobians(pylstm.LSTM(1, 1, 1), X)


@pytest.mark.parametrize(
    ("X", "problem"), [([[1.0, 2.0]], "shape"), ([[np.nan]], "NaN|finite"), ([3], "token")]
)
def test_unusable_inputs_are_refused_as_the_net_refuses_them(X, problem):
    with pytest.raises(ValueError, match=problem):
        lstm_jacobians(pylstm.LSTM(1, 1, 1), X)


@pytest.mark.parametrize(
    ("weights", "problem"),
    [
        (([[1, 2]], [[1, 2]], [[1]]), r"W_h has shape \(1, 2\), wanted \(1, 1\)"),
        (([[1], [2]], [[1]], [[1]]), r"W_x has shape \(2, 1\), wanted \(1, 1\)"),
        (([[1]], [[1]], [[1, 2]]), r"V has shape \(1, 2\), wanted \(1, 1\)"),
        (([[1]], [[1]], [[1]], [1, 2]), r"bias has shape \(2,\), wanted \(1,\)"),
    ],
)
def test_plain_net_whose_shapes_do_not_fit(weights, problem):
    with pytest.raises(ValueError, match=problem):
        PlainNet(*weights)


def test_plain_net_refuses_other_squashings_and_inputs():
    with pytest.raises(ValueError, match="kind is 'softmax', wanted one of 'tanh'"):
        PlainNet([[1]], [[1]], [[1]], kind="softmax")
    for X in ([], [1.0], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match=r"X has shape .*, wanted \(n_steps, 1\)"):
            PlainNet([[1]], [[1]], [[1]]).run(X)
