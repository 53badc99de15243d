"""The truncated gradient: what `gradient` returns is proved against the oracle, in float64.

1. It is the gradient of a replay in which every recurrent source and every cell state that
   enters a gate is frozen, for every combination of switches.
2. It is the full gradient where the truncation cuts nothing.
3. It is clearly not the full gradient elsewhere, so the two can be told apart.
4. It is what one gets on paper.
"""

import math
from itertools import combinations as pairs
from itertools import product

import numpy as np
import pytest
from covering import covering
from nets import (
    BOOLEANS,
    OUTPUTS,
    all_combinations,
    assert_close,
    assert_same_bits,
    assert_same_model,
    build,
    covering_combinations,
    get_parameters,
    random_parameters,
    random_task,
    set_parameters,
    switches_of,
)
from oracle import GATES, PEEPHOLES, Architecture, forward, full_gradient, truncated_gradient

pytestmark = pytest.mark.usefixtures("layout")

RTOL = 1e-6  # in float64, of the largest entry of a row


def engine_with(architecture, parameters, dtype="float64"):
    net = build(architecture, dtype)
    set_parameters(net, parameters)
    return net


@pytest.mark.parametrize("combinations", [all_combinations, covering_combinations])
def test_every_pair_of_values_meets(combinations):
    """Any two values of two switches occur together, unless no net can have them."""
    nets = [switches_of(net) for net in combinations()]
    values = {name: {switches_of(net)[name] for net in all_combinations()} for name in nets[0]}
    assert {*BOOLEANS, "block_size", "hidden_bias", "cell_input", "cell_output"} < {*values}
    assert len(values["output"]) == len(OUTPUTS)
    for one, other in pairs(values, 2):
        met = {(net[one], net[other]) for net in nets}
        assert met == {*product(values[one], values[other])}, (one, other)


def test_every_switch_is_flipped_alone():
    default = switches_of(Architecture())
    nets = [switches_of(net) for net in covering_combinations()]
    flipped = set()
    for net in nets:
        differing = {*net.items()} - {*default.items()}
        flipped |= differing if len(differing) == 1 else set()
    assert flipped == {pair for net in nets for pair in net.items()} - {*default.items()}


def test_what_covers_is_less_and_brings_the_same_together():
    choices = [dict(enumerate(values)) for values in product(range(5), range(4), "ab", "cd", "ef")]
    chosen = [choices[n] for n in covering(choices)]
    assert len(chosen) < 30 < len(choices)
    for one, other in pairs(range(5), 2):
        assert {(few[one], few[other]) for few in chosen} == {
            (any_[one], any_[other]) for any_ in choices
        }
    assert covering([{"a": 1}, {"a": 1}, {}, {"a": 2}]) == [0, 3]


def test_gradient_and_output_of_every_combination(combination, rng):
    parameters = random_parameters(combination, rng)
    inputs, targets = random_task(combination, 6, rng)
    net = engine_with(combination, parameters)
    wanted = truncated_gradient(combination, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, RTOL)
    _, outputs = forward(combination, parameters, inputs)
    np.testing.assert_allclose(net.run(inputs), outputs, rtol=1e-11, atol=1e-12)


def test_float32_gradient_of_every_combination(combination, rng):
    """To 5e-4; 1 - tanh^2 of a saturated cell has fewer digits, hence the floor."""
    parameters = random_parameters(combination, rng)
    inputs, targets = random_task(combination, 6, rng)
    net = engine_with(combination, parameters, "float32")
    exact = engine_with(combination, get_parameters(net))
    gradient = net.gradient(inputs, targets)
    assert {values.dtype for values in gradient.values()} == {np.dtype("float32")}
    assert_close(gradient, exact.gradient(inputs, targets), rtol=5e-4, floor=0.01)


def test_gradient_at_every_size(size, rng):
    architecture = Architecture(
        n_inputs=size, n_outputs=max(1, size - 2), n_blocks=size, peepholes=True, shortcut=True
    )
    parameters = {
        name: values / math.sqrt(size)
        for name, values in random_parameters(architecture, rng).items()
    }
    inputs, targets = random_task(architecture, 4 if size < 17 else 2, rng)
    net = engine_with(architecture, parameters)
    _, outputs = forward(architecture, parameters, inputs)
    np.testing.assert_allclose(net.run(inputs), outputs, rtol=1e-12, atol=1e-13)
    if size < 17:
        wanted = truncated_gradient(architecture, parameters, inputs, targets)
        assert_close(net.gradient(inputs, targets), wanted, RTOL)


def test_gradient_changes_nothing(architecture, dtype, rng):
    inputs, targets = random_task(architecture, 20, rng)
    net, undisturbed = build(architecture, dtype), build(architecture, dtype)
    expected = build(architecture, dtype).gradient(inputs[5:], targets[5:])
    for model in (net, undisturbed):
        model.run(inputs[:5], targets[:5], update=100)
    assert_same_bits(net.gradient(inputs[5:], targets[5:]), expected)
    assert_same_model(net, undisturbed)
    for model in (net, undisturbed):
        model.run(inputs[5:], targets[5:], update=3)
    assert_same_model(net, undisturbed)


def test_gradient_without_any_target_is_zero(architecture, rng):
    inputs, targets = random_task(architecture, 5, rng)
    targets[:] = np.nan
    for values in build(architecture).gradient(inputs, targets).values():
        assert (values == 0).all()


def test_first_step_has_the_full_gradient(combination, rng):
    """The output gate's peephole is the only cut within a step, so its weights are 0 here."""
    parameters = random_parameters(combination, rng)
    if "peephole_output" in parameters:
        parameters["peephole_output"][:] = 0
    inputs, targets = random_task(combination, 1, rng)
    net = engine_with(combination, parameters)
    wanted = full_gradient(combination, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, RTOL)


def test_without_recurrence_the_gradient_is_full(combination, rng):
    """All weights from what is cut are 0; their own gradients are compared like the others."""
    parameters = random_parameters(combination, rng)
    recurrent = [
        m for m, source in enumerate(combination.sources)
        if source.startswith(("cell", *combination.gates))
    ]  # fmt: skip
    for name in [*combination.gates, "cell_input"]:
        parameters[name][:, recurrent] = 0
    for gate in combination.gates:
        if combination.peepholes:
            parameters[PEEPHOLES[gate]][:] = 0
    inputs, targets = random_task(combination, 6, rng)
    net = engine_with(combination, parameters)
    wanted = full_gradient(combination, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, RTOL)


# nets in which exactly one thing is cut
NO_CELLS = {"cell_recurrence": False}
ONE_CUT = {"cell_recurrence": {}, "gate_recurrence": NO_CELLS | {"gate_recurrence": True}} | {
    PEEPHOLES[gate]: NO_CELLS | {"peepholes": True} | {other: other == gate for other in GATES}
    for gate in GATES
}


@pytest.mark.parametrize("cut", ONE_CUT)
@pytest.mark.parametrize("block_size", [1, 2])
def test_truncation_is_seen(cut, block_size, rng):
    """The engine differs from the full gradient by 10 % and more, not from the truncated one."""
    architecture = Architecture(block_size=block_size, **ONE_CUT[cut])
    distances = []
    for _ in range(5):
        parameters = random_parameters(architecture, rng)
        for name in set(PEEPHOLES.values()) & set(parameters):
            parameters[name] *= 3
        inputs, targets = random_task(architecture, 7, rng)
        net = engine_with(architecture, parameters)
        gradient = net.gradient(inputs, targets)
        full = full_gradient(architecture, parameters, inputs, targets)
        wanted = truncated_gradient(architecture, parameters, inputs, targets)
        assert_close(gradient, wanted, RTOL)
        hidden = [name for name in full if name != "output"]
        difference = sum(((gradient[name] - full[name]) ** 2).sum() for name in hidden)
        distances.append(math.sqrt(difference / sum((full[name] ** 2).sum() for name in hidden)))
    assert np.median(distances) > 0.1


def test_one_cell_two_steps_on_paper():
    """One cell with peepholes, biases off, a target after the second step only."""
    wi, ui, pi = 0.6, -0.8, 0.7  # weights of the input gate from x, h(t-1), c(t-1)
    wf, uf, pf = -0.5, 0.9, -0.4
    wg, ug = 0.8, 0.55
    wo, uo, po = 0.45, -0.65, 0.85  # and from c(t)
    v, x1, x2, target = 1.3, 0.9, -0.7, 0.4

    def logistic(a):
        return 1 / (1 + math.exp(-a))

    # step 1: h = c = 0 before, and f has nothing to keep
    i1, g1 = logistic(wi * x1), math.tanh(wg * x1)
    c1 = i1 * g1
    o1 = logistic(wo * x1 + po * c1)
    h1 = o1 * math.tanh(c1)
    # step 2
    i2 = logistic(wi * x2 + ui * h1 + pi * c1)
    f2 = logistic(wf * x2 + uf * h1 + pf * c1)
    g2 = math.tanh(wg * x2 + ug * h1)
    c2 = f2 * c1 + i2 * g2
    o2 = logistic(wo * x2 + uo * h1 + po * c2)
    h2 = o2 * math.tanh(c2)
    y2 = v * h2

    # L = (y2 - target)^2 / 2. With h1 and every c inside a gate held constant,
    #   dL/dw = (y2 - target) v (do2/dw tanh(c2) + o2 (1 - tanh(c2)^2) dc2/dw)
    #   dc2/dw = df2/dw c1 + f2 dc1/dw + di2/dw g2 + i2 dg2/dw
    delta = y2 - target
    e = delta * v * o2 * (1 - math.tanh(c2) ** 2)
    do2 = delta * v * math.tanh(c2) * o2 * (1 - o2)
    # how c1, then c2 itself, answers to the net input of a gate or of the cell
    c1_i, c1_g = g1 * i1 * (1 - i1), i1 * (1 - g1**2)
    c2_i, c2_f, c2_g = g2 * i2 * (1 - i2), c1 * f2 * (1 - f2), i2 * (1 - g2**2)
    wanted = {
        "input_gate": [e * (f2 * c1_i * x1 + c2_i * x2), e * c2_i * h1],
        "forget_gate": [e * c2_f * x2, e * c2_f * h1],
        "output_gate": [do2 * x2, do2 * h1],
        "cell_input": [e * (f2 * c1_g * x1 + c2_g * x2), e * c2_g * h1],
        "peephole_input": [e * c2_i * c1],
        "peephole_forget": [e * c2_f * c1],
        "peephole_output": [do2 * c2],
        "output": [delta * h2],
    }
    architecture = Architecture(
        n_inputs=1, n_outputs=1, n_blocks=1, peepholes=True, hidden_bias="none", output_bias=False
    )
    weights = {
        "input_gate": [wi, ui], "forget_gate": [wf, uf], "output_gate": [wo, uo],
        "cell_input": [wg, ug], "peephole_input": [pi], "peephole_forget": [pf],
        "peephole_output": [po], "output": [v],
    }  # fmt: skip
    parameters = {name: np.array([row]) for name, row in weights.items()}
    inputs, targets = np.array([[x1], [x2]]), np.array([[np.nan], [target]])

    net = engine_with(architecture, parameters)
    gradient = net.gradient(inputs, targets)
    assert {name: values.tolist() for name, values in gradient.items()} == {
        name: [pytest.approx(row, rel=1e-12)] for name, row in wanted.items()
    }
    net.step(inputs[0])
    assert net.step(inputs[1]) == pytest.approx([y2], rel=1e-13)
    assert net.learn([target]) == pytest.approx(delta**2 / 2, rel=1e-13)
    for name, row in wanted.items():
        moved = np.array(weights[name]) - 0.05 * np.array(row)
        np.testing.assert_allclose(net.parameters[name][0], moved, rtol=1e-13)
