"""The nets and tasks the tests share, and what "the same model" means."""

from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
from covering import covering
from oracle import SQUASHINGS, Architecture

import pylstm

NETS = {
    "default": Architecture(),
    "1997": Architecture(
        n_blocks=3, block_size=2, forget_gate=False, gate_recurrence=True, hidden_bias="gates",
        output_bias=False, cell_input="two_tanh_half", cell_output="tanh_half", output="logistic",
    ),
    "1997_2a": Architecture(
        n_inputs=5, n_outputs=4, n_blocks=1, forget_gate=False, output_gate=False,
        cell_recurrence=False, shortcut=True, hidden_bias="none", output_bias=False,
        cell_input="logistic", cell_output="identity", output="logistic",
    ),
    "2000": Architecture(
        n_inputs=7, n_outputs=7, n_blocks=4, block_size=2, shortcut=True, hidden_bias="gates",
        cell_input="two_tanh_half", cell_output="tanh_half", output="logistic",
    ),
    "2001": Architecture(
        n_outputs=3, peepholes=True, shortcut=True, cell_output="two_tanh_half",
        output="identity",
    ),
    "2002": Architecture(
        n_inputs=1, n_outputs=1, n_blocks=1, peepholes=True, output="logistic",
        cell_output="identity",
    ),
    "softmax": Architecture(
        n_inputs=2, n_outputs=5, n_blocks=7, output="softmax", loss="cross_entropy",
    ),
    "everything": Architecture(
        block_size=3, peepholes=True, gate_recurrence=True, shortcut=True, output="logistic",
        loss="cross_entropy",
    ),
    "leaky": Architecture(
        block_size=2, leak=0.25, peepholes=True, gate_recurrence=True, cell_output="identity",
    ),
    "leaky_1997": Architecture(
        n_blocks=3, forget_gate=False, leak=0.125, hidden_bias="gates", output="logistic",
    ),
    "no_gates": Architecture(
        input_gate=False, forget_gate=False, output_gate=False, block_size=2,
        output="softmax", loss="squared",
    ),
}  # fmt: skip


BOOLEANS = (
    "input_gate", "forget_gate", "output_gate", "peepholes", "gate_recurrence",
    "cell_recurrence", "shortcut", "output_bias",
)  # fmt: skip
OUTPUTS = (
    ("identity", "squared"), ("logistic", "squared"), ("softmax", "squared"),
    ("logistic", "cross_entropy"), ("softmax", "cross_entropy"),
)  # fmt: skip
HIDDEN_BIASES = ("all", "gates", "none")
LEAKS = (0.0, 0.25)
BLOCK_SIZES = (1, 2, 3)


@cache
def all_combinations():
    """Every meaningful combination of the boolean switches, at every block size.

    The switches with several values cycle along, so that any two values of two switches meet
    (which `test_every_pair_of_values_meets` proves).
    """
    combinations, squashings = [], list(SQUASHINGS)
    for block_size in BLOCK_SIZES:
        for values in product((False, True), repeat=len(BOOLEANS)):
            switches = dict(zip(BOOLEANS, values, strict=True))
            gated = any(switches[gate] for gate in BOOLEANS[:3])
            if not gated and (switches["peepholes"] or switches["gate_recurrence"]):
                continue
            n = len(combinations)
            column, row = n % 5, n // 5 % 5
            output, loss = OUTPUTS[(column + row) % 5]
            bias = HIDDEN_BIASES[n % 3]
            combinations.append(
                Architecture(
                    n_inputs=2 + n // 3 % 3,
                    n_outputs=2 + n // 9 % 2,
                    n_blocks=3 if block_size == 1 else 2,
                    block_size=block_size,
                    leak=LEAKS[n // 7 % 2],
                    hidden_bias=bias if gated or bias != "gates" else "all",
                    cell_input=squashings[column],
                    cell_output=squashings[row],
                    output=output,
                    loss=loss,
                    **switches,
                )
            )
    return combinations


def switches_of(architecture):
    """What a net is by its switches, not by its sizes; an output and its loss are one."""
    switches = architecture.keywords()
    for name in ("n_inputs", "n_outputs", "n_blocks"):
        del switches[name]
    return switches | {"output": (switches["output"], switches.pop("loss"))}


@cache
def covering_combinations():
    """The default, each of its switches alone at its other values, and any two values together.

    Where the rows of a gate are depends on which gates there are: so all of those as well, with
    all that is computed for each gate.
    """
    everything = all_combinations()
    default = Architecture()
    alone = [{"block_size": size, "n_blocks": 2} for size in BLOCK_SIZES]
    alone += [{name: not getattr(default, name)} for name in BOOLEANS]
    alone += [{"leak": leak} for leak in LEAKS]
    alone += [{"hidden_bias": bias} for bias in HIDDEN_BIASES]
    alone += [{name: how} for name in ("cell_input", "cell_output") for how in SQUASHINGS]
    alone += [{"output": output, "loss": loss} for output, loss in OUTPUTS]
    gates = [
        dict(zip(BOOLEANS, values, strict=False)) for values in product((True, False), repeat=3)
    ]
    alone += [{"peepholes": True, "gate_recurrence": True, **which} for which in gates[:-1]]
    nets = [replace(default, **switches) for switches in alone]
    rest = covering([*map(switches_of, everything)], given=map(switches_of, nets))
    return list(dict.fromkeys([*nets, *(everything[n] for n in rest)]))


def build(architecture, dtype="float64", *, learning_rate=0.05, momentum=0.0, **keywords):
    """A net of the engine with weights large enough that nothing is neutral."""
    keywords = {"init_range": 0.5, "seed": 11} | keywords
    optimizer = pylstm.SGD(learning_rate, momentum=momentum)
    return pylstm.LSTM(**architecture.keywords(), dtype=dtype, optimizer=optimizer, **keywords)


def random_parameters(architecture, rng):
    """Weights of either sign with sizes in 0.4 .. 0.9."""
    return {
        name: rng.uniform(0.4, 0.9, shape) * rng.choice([-1, 1], shape)
        for name, shape in architecture.shapes.items()
    }


def set_parameters(net, parameters):
    for name, values in parameters.items():
        net.parameters[name][...] = values


def get_parameters(net):
    return {name: values.copy() for name, values in net.parameters.items()}


def random_task(architecture, n_steps, rng, presence="sparse"):
    """Inputs (n_steps, n_inputs) and targets (n_steps, n_outputs), exact in float32 too.

    `presence`: "dense" targets at every step, "sparse" at about half of them and at the last,
    "end" at the last only; the other rows are NaN.
    """
    inputs = rng.uniform(-1, 1, (n_steps, architecture.n_inputs))
    n_outputs = architecture.n_outputs
    if architecture.output == "softmax":
        targets = rng.multinomial(64, np.full(n_outputs, 1 / n_outputs), n_steps) / 64
    else:
        targets = rng.uniform(0.1, 0.9, (n_steps, n_outputs))
    missing = {"dense": 0.0, "sparse": 0.5, "end": 1.0}[presence]
    absent = rng.random(n_steps) < missing
    absent[-1] = False
    targets[absent] = np.nan
    return np.float64(np.float32(inputs)), np.float64(np.float32(targets))


def run_by_hand(net, inputs, targets, update):
    """What `run` does, one step at a time."""
    outputs = []
    for n, (x, target) in enumerate(zip(inputs, targets, strict=True), start=1):
        outputs.append(net.step(x))
        if not np.isnan(target).any():
            net.learn(target, update=update == "step")
        if update not in ("step", "sequence") and n % update == 0:
            net.update()
    if update == "sequence":
        net.update()
    return np.array(outputs)


WHEN = ("fresh", "learnable", "collected", "updated", "traced")


def bring_to(net, when, inputs, targets):
    """Bring a network to where its state is one that has to be kept: one of WHEN."""
    if when != "fresh":
        net.run(inputs, targets, update="step" if when == "updated" else 5)
        net.step(inputs[0])
    if when == "collected":
        net.learn(targets[-1], update=False)
        net.reset()
    if when == "traced":
        net.update()
        net.step(inputs[0])
        net.learn_from(np.ones(net.n_outputs), trace=0.5)


def assert_same_bits(actual, wanted):
    """Two dicts of arrays (or two arrays) are equal to the last bit."""
    if not isinstance(wanted, dict):
        actual, wanted = {"": actual}, {"": wanted}
    assert list(actual) == list(wanted)
    for name in wanted:
        assert np.asarray(actual[name]).dtype == np.asarray(wanted[name]).dtype, name
        np.testing.assert_array_equal(actual[name], wanted[name], err_msg=name, strict=True)


def assert_same_model(actual, wanted):
    """Parameters and state are equal to the last bit."""
    assert_same_bits(dict(actual.parameters), dict(wanted.parameters))
    assert_same_bits(actual.state, wanted.state)


def assert_same_future(actual, wanted, architecture):
    """Both models also behave alike from here on: what they hold unseen is equal too.

    Both are spent: they go through collected gradients, every update regime and a reset.
    """
    assert_same_model(actual, wanted)
    inputs, targets = random_task(architecture, 12, np.random.default_rng(99))
    for update in (5, "step", 5, "sequence"):
        ran = [net.run(inputs, targets, update=update) for net in (actual, wanted)]
        assert_same_bits(*ran)
        assert_same_model(actual, wanted)
    for net in (actual, wanted):
        net.reset()
        net.run(inputs, targets)
    assert_same_model(actual, wanted)


def assert_close(actual, wanted, rtol, floor=1e-4):
    """Every row of every array differs by at most rtol of its largest entry.

    A row smaller than `floor` of the largest row of all may differ as if it had that size.
    """
    assert set(actual) == set(wanted)
    largest = max(np.abs(values).max() for values in wanted.values())
    for name, values in wanted.items():
        assert actual[name].shape == values.shape, name
        allowed = rtol * np.maximum(np.abs(values).max(axis=1, keepdims=True), floor * largest)
        excess = np.abs(np.float64(actual[name]) - values) / np.maximum(allowed, 1e-300)
        worst = np.unravel_index(np.argmax(excess), excess.shape)
        assert excess[worst] <= 1, (
            f"{name}[{worst[0]}, {worst[1]}] is {actual[name][worst]:.17g}, not "
            f"{values[worst]:.17g}: off by {excess[worst]:.3g} times what is allowed"
        )
