"""Large networks write their weights every few steps, and every result is that of writing at once.

With `choose_large_from(0)` every network with one cell a block is laid out as a large one, so that
odd sizes go that way too; the same network laid out as a small one learns at once, and is proved
elsewhere. Copies look at the weights without writing them.
"""

import copy
import pickle

import numpy as np
import pytest
from nets import NETS, assert_close, assert_same_bits, build, get_parameters, random_task
from oracle import Architecture, Learner

import pylstm
from pylstm import _core

LAZY = {
    name: net for name, net in NETS.items() if net.block_size == 1 and net.hidden_bias != "gates"
}
NEVER = 1 << 60
RATE = 0.03


def build_as(large_from, architecture, dtype="float64", **keywords):
    before = _core.choose_large_from(large_from)
    net = build(architecture, dtype, **keywords)
    _core.choose_large_from(before)
    return net


def pair(architecture, **keywords):
    """The same network, lazy and eager."""
    return build_as(0, architecture, **keywords), build_as(NEVER, architecture, **keywords)


def n_absorbed(net):
    """Steps whose change of the weights is not yet written."""
    return net.__getstate__()["n_absorbed"]


@pytest.fixture(params=list(LAZY))
def architecture(request):
    return LAZY[request.param]


@pytest.mark.parametrize(
    ("n_inputs", "n_cells", "dtype", "lazy"),
    [
        (32, 64, "float32", False),
        (64, 128, "float32", True),
        (64, 128, "float64", True),
        (96, 192, "float32", True),
        (96, 192, "float64", False),
        (128, 256, "float32", False),
    ],
)
def test_is_lazy_where_that_was_measured_to_be_faster(n_inputs, n_cells, dtype, lazy):
    net = pylstm.LSTM(n_inputs, 1, n_cells, dtype=dtype, optimizer=pylstm.SGD(0.01))
    net.run(np.ones((3, n_inputs)), np.ones((3, 1)))
    assert n_absorbed(net) == (3 if lazy else 0)


def test_weights_are_those_of_learning_at_once(architecture, presence, rng):
    inputs, targets = random_task(architecture, 500, rng, presence)
    rate = 0.05 if architecture.forget_gate else 0.0005  # without it, traces grow and errors too
    lazy, eager = pair(architecture, learning_rate=rate)
    started = get_parameters(lazy)
    outputs = [net.run(inputs, targets) for net in (lazy, eager)]
    np.testing.assert_allclose(*outputs, rtol=1e-9)
    changes = [
        {name: values - started[name] for name, values in net.parameters.items()}
        for net in (lazy, eager)
    ]
    assert_close(*changes, rtol=1e-9)


def test_weights_decay_as_those_of_learning_at_once(architecture, rng):
    """Nobody looks at them between the steps; what is not yet written would not decay."""
    inputs, targets = random_task(architecture, 61, rng, "dense")
    nets = pair(architecture)
    for net in nets:
        net.optimizer = pylstm.SGD(0.01, weight_decay=0.5)
    outputs = [net.run(inputs, targets) for net in nets]
    np.testing.assert_allclose(*outputs, rtol=1e-9)
    assert_close(*(net.parameters for net in nets), rtol=1e-9)


@pytest.mark.parametrize("n_steps", range(1, 36))
def test_weights_after_any_number_of_steps(n_steps, rng):
    architecture = Architecture(n_inputs=3, n_outputs=2, n_blocks=5, peepholes=True)
    inputs, targets = random_task(architecture, n_steps, rng, "dense")
    lazy, eager = pair(architecture, learning_rate=0.1)
    learner = Learner(architecture, lazy.parameters, 0.1, 0.0)
    lazy.run(inputs, targets)
    eager.run(inputs, targets)
    for x, target in zip(inputs, targets, strict=True):
        learner.step(x)
        learner.learn(target)
        learner.update()
    assert n_absorbed(lazy) == n_steps % 16
    assert n_absorbed(eager) == 0
    assert_close(get_parameters(lazy), get_parameters(eager), rtol=1e-11)
    assert_close(get_parameters(lazy), learner.parameters, rtol=1e-9)


def test_weights_at_every_size(size, dtype, rng):
    architecture = Architecture(n_inputs=size, n_outputs=2, n_blocks=size)
    inputs, targets = random_task(architecture, 21, rng)
    lazy, eager = pair(architecture, dtype=dtype, learning_rate=0.02)
    lazy.run(inputs, targets)
    eager.run(inputs, targets)
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    assert_close(get_parameters(lazy), get_parameters(eager), tolerance)


class Twice:
    """A lazy and an eager network that go through the same calls."""

    def __init__(self, architecture, rng):
        self.architecture, self.rng = architecture, rng
        self.nets = pair(architecture, learning_rate=RATE)
        self.held = None

    def both(self, call, rtol=1e-8):
        lazy, eager = (call(net) for net in self.nets)
        if eager is not None:
            np.testing.assert_allclose(lazy, eager, rtol=rtol, atol=1e-12)

    def task(self, n_steps=1):
        return random_task(self.architecture, n_steps, self.rng)

    def step(self):
        x = self.task()[0][0]
        self.both(lambda net: net.predict(x))
        self.both(lambda net: net.step(x))

    def learn(self):
        inputs, targets = self.task()
        update = bool(self.rng.random() < 0.8)
        self.both(lambda net: net.step(inputs[0]))
        self.both(lambda net: net.learn(targets[-1], update=update))

    def update(self):
        self.both(lambda net: net.update())

    def run(self):
        inputs, targets = self.task(int(self.rng.integers(1, 12)))
        update = [1, 2, 5, 8, 9, 13, "sequence"][self.rng.integers(7)]
        self.both(lambda net: net.run(inputs, targets, update=update))

    def infer(self):
        inputs, _ = self.task(int(self.rng.integers(1, 30)))
        self.both(lambda net: net.run(inputs))

    def reset(self):
        self.both(lambda net: net.reset())

    def look(self):
        assert_close(*(get_parameters(net) for net in self.nets), rtol=1e-8)

    def hold(self):
        """Views are up to date as long as they are held."""
        self.held = [net.parameters for net in self.nets]

    def drop(self):
        self.held = None

    def change_rule(self):
        momentum = float(self.rng.choice([0.0, 0.0, 0.5]))
        for net in self.nets:
            net.optimizer = pylstm.SGD(RATE, momentum=momentum)

    def move(self):
        self.nets = [
            pickle.loads(pickle.dumps(net)) if self.rng.random() < 0.5 else copy.copy(net)
            for net in self.nets
        ]
        self.held = None

    def write(self):
        for net in self.nets:
            net.parameters["output"][0, 0] *= 0.9

    def gradient(self):
        inputs, targets = self.task(7)
        assert_close(*(net.gradient(inputs, targets) for net in self.nets), rtol=1e-7)

    def check(self):
        if self.held is not None:
            assert_close(*self.held, rtol=1e-8)
            for held, net in zip(self.held, self.nets, strict=True):
                assert_same_bits(held, net.parameters)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", LAZY)
def test_any_order_of_calls(name, seed):
    """Copies are laid out as their originals, whatever is chosen by then."""
    rng = np.random.default_rng(seed)
    twice = Twice(LAZY[name], rng)
    calls = [
        "step", "learn", "learn", "learn", "learn", "run", "run", "infer", "update", "reset",
        "look", "hold", "drop", "change_rule", "move", "write", "gradient",
    ]  # fmt: skip
    for _ in range(120):
        getattr(twice, str(rng.choice(calls)))()
        twice.check()
    twice.look()


def test_looking_changes_nothing_but_rounding(architecture, rng):
    """What only reports leaves even the bits as they are."""
    inputs, targets = random_task(architecture, 30, rng, "dense")
    watched, alone = (build_as(0, architecture, learning_rate=0.05) for _ in range(2))
    for x, target in zip(inputs, targets, strict=True):
        outputs = [net.step(x, target) for net in (watched, alone)]
        assert_same_bits(*outputs)
        assert repr(watched)
        assert watched.n_parameters
        assert watched.state
        assert watched.sources
        watched.predict(x)
        watched.copy().parameters  # noqa: B018
        watched.gradient(inputs[:3], targets[:3])
    assert_same_bits(watched.parameters, alone.parameters)


def test_views_that_were_held_before_a_run_are_up_to_date_after_it(architecture, rng):
    inputs, targets = random_task(architecture, 13, rng, "dense")
    net = build_as(0, architecture)
    held = net.parameters
    before = {name: values.copy() for name, values in held.items()}
    net.run(inputs, targets)
    assert n_absorbed(net) == 0
    assert_same_bits(held, net.parameters)
    assert any((held[name] != before[name]).any() for name in held)
    del held
    net.run(inputs, targets)
    assert n_absorbed(net) > 0


def test_a_number_that_is_not_finite_is_found_before_it_is_written(rng):
    architecture = Architecture(n_inputs=3, n_blocks=5, output="identity")
    inputs, targets = random_task(architecture, 400, rng, "dense")
    net = build_as(0, architecture, dtype="float32", learning_rate=1e20)
    with pytest.raises(FloatingPointError, match="diverged"):
        net.run(inputs, targets)
