"""The oracle against itself and against arithmetic done by hand: who tests the tester."""

import math

import numpy as np
import oracle
import pytest
from nets import assert_close, random_parameters, random_task
from oracle import Architecture, Learner


def test_replay_has_the_loss_of_what_it_replays(architecture, rng):
    parameters = random_parameters(architecture, rng)
    inputs, targets = random_task(architecture, 7, rng)
    recorded, _ = oracle.forward(architecture, parameters, inputs)
    free = oracle.sequence_loss(architecture, parameters, inputs, targets)
    frozen = oracle.sequence_loss(architecture, parameters, inputs, targets, recorded)
    assert free == frozen


def test_complex_steps_agree_with_central_differences(architecture, rng):
    parameters = random_parameters(architecture, rng)
    inputs, targets = random_task(architecture, 7, rng)
    learner = Learner(architecture, parameters)
    loss = 0.0
    for x, target in zip(inputs, targets, strict=True):
        learner.step(x)
        loss += learner.learn(target)
    wanted = oracle.truncated_gradient(architecture, parameters, inputs, targets)
    assert_close(learner.gradient, wanted, rtol=1e-7)
    full = oracle.sequence_loss(architecture, parameters, inputs, targets)
    assert loss == pytest.approx(full, rel=1e-13)


def test_net_without_gates_and_recurrence_adds_up_its_inputs():
    net = Architecture(
        n_inputs=1, n_outputs=1, n_blocks=1, input_gate=False, forget_gate=False,
        output_gate=False, cell_recurrence=False, hidden_bias="none", output_bias=False,
        cell_input="identity", cell_output="identity",
    )  # fmt: skip
    parameters = {"cell_input": np.array([[2.0]]), "output": np.array([[3.0]])}
    inputs, targets = np.array([[1.0], [4.0], [-7.0]]), np.array([[0.0], [np.nan], [1.0]])
    _, outputs = oracle.forward(net, parameters, inputs)
    assert outputs == [[6.0], [30.0], [-12.0]]
    loss = oracle.sequence_loss(net, parameters, inputs, targets)
    assert loss == (6 - 0) ** 2 / 2 + (-12 - 1) ** 2 / 2
    gradient = oracle.truncated_gradient(net, parameters, inputs, targets)
    # y = 2 * 3 * (sum of x), so dL/dw_g = sum of (y - t) * 3 * (sum of x), for V 2 instead of 3
    assert gradient["cell_input"] == pytest.approx(6 * 3 * 1 - 13 * 3 * -2)
    assert gradient["output"] == pytest.approx(6 * 2 * 1 - 13 * 2 * -2)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tanh", math.tanh(0.7)),
        ("logistic", (1 + math.tanh(0.35)) / 2),
        ("identity", 0.7),
        ("tanh_half", math.tanh(0.35)),
        ("two_tanh_half", 2 * math.tanh(0.35)),
    ],
)
def test_squashing(name, value):
    assert oracle.SQUASHINGS[name](0.7) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("output", "loss", "value"),
    [
        ("identity", "squared", ((0.2 - 1) ** 2 + (0.5 - 0) ** 2) / 2),
        ("logistic", "cross_entropy", -math.log(0.2) - math.log(0.5)),
        ("softmax", "cross_entropy", -math.log(0.2)),
    ],
)
def test_loss(output, loss, value):
    net = Architecture(output=output, loss=loss)
    assert oracle.step_loss(net, [0.2, 0.5], np.array([1.0, 0.0])) == pytest.approx(value)
    assert oracle.step_loss(net, [0.2, 0.5], np.array([np.nan, np.nan])) == 0
