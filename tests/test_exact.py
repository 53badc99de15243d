"""The exact gradient by backpropagation through time, in float64 against the oracle.

1. With no window it is the full gradient, by central differences of the loss with nothing cut, for
   every combination of switches.
2. With a window, and with weights that change inside it, it is what `Windowed` says: errors that
   came since the last scan go back together over the last `window` steps, through the activations
   as they were and the weights as they are.
3. However the same steps are split into calls, the bits are the same.
"""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from nets import (
    NETS,
    assert_close,
    assert_same_bits,
    assert_same_future,
    assert_same_model,
    build,
    get_parameters,
    random_parameters,
    random_task,
    run_by_hand,
    set_parameters,
)
from oracle import (
    GATES,
    PEEPHOLES,
    Architecture,
    full_gradient,
    initial_state,
    join,
    split,
    step,
    step_loss,
)

import pylstm
from pylstm import _core

pytestmark = pytest.mark.usefixtures("layout")

RTOL = 1e-7  # in float64, of the largest entry of a row
FEW = ("default", "1997", "2001", "everything")
WINDOWS = (1, 3, None)
UPDATES = ("step", 2, 5, "sequence")


def exact(architecture, dtype="float64", window=None, **keywords):
    return build(architecture, dtype, gradient="bptt", window=window, **keywords)


# ---------------------------------------------------------------- the full gradient


def test_gradient_of_every_combination(combination, rng):
    parameters = random_parameters(combination, rng)
    inputs, targets = random_task(combination, 6, rng)
    net = exact(combination)
    set_parameters(net, parameters)
    wanted = full_gradient(combination, parameters, inputs, targets, distance=4e-4)
    assert_close(net.gradient(inputs, targets), wanted, RTOL, floor=1e-3)


def test_float32_gradient(combination, rng):
    parameters = random_parameters(combination, rng)
    inputs, targets = random_task(combination, 6, rng)
    net = exact(combination, "float32")
    set_parameters(net, parameters)
    precise = exact(combination)
    set_parameters(precise, get_parameters(net))
    gradient = net.gradient(inputs, targets)
    assert {values.dtype for values in gradient.values()} == {np.dtype("float32")}
    assert_close(gradient, precise.gradient(inputs, targets), rtol=5e-4, floor=0.01)


@pytest.mark.parametrize("switches", [{}, {"peepholes": True, "gate_recurrence": True}])
def test_gradient_at_every_size(size, switches, rng):
    architecture = Architecture(
        n_inputs=size, n_outputs=max(1, size - 2), n_blocks=size, shortcut=True, **switches
    )
    parameters = {
        name: values / np.sqrt(size)
        for name, values in random_parameters(architecture, rng).items()
    }
    inputs, targets = random_task(architecture, 4, rng)
    net = exact(architecture)
    set_parameters(net, parameters)
    gradient = join(architecture, net.gradient(inputs, targets))
    directions = rng.standard_normal((gradient.size, 12)) / np.sqrt(gradient.size)
    wanted = full_slopes(architecture, parameters, inputs, targets, directions)
    np.testing.assert_allclose(gradient @ directions, wanted, rtol=1e-7, atol=1e-9)


def full_slopes(architecture, parameters, inputs, targets, directions):
    """The derivatives of the loss with nothing cut, along some directions: nets of any size."""
    windowed = Windowed(architecture, parameters, None, 0.0)
    for x, target in zip(inputs, targets, strict=True):
        windowed.step(x)
        windowed.learn(target)
    return windowed.slopes(directions)


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("name", FEW)
def test_gradient_on_every_instruction_set(isa, name, rng):
    before = _core.choose_isa(isa)
    try:
        net = exact(NETS[name])
        inputs, targets = random_task(NETS[name], 6, rng)
        wanted = full_gradient(NETS[name], get_parameters(net), inputs, targets)
        assert_close(net.gradient(inputs, targets), wanted, RTOL)
    finally:
        _core.choose_isa(before)


def test_the_call_chooses_the_gradient(rng):
    """And its window, whatever the network follows."""
    architecture = NETS["2001"]
    inputs, targets = random_task(architecture, 9, rng)
    truncated, whole, windowed = (
        build(architecture, gradient=gradient, window=window)
        for gradient, window in (("truncated", None), ("bptt", None), ("bptt", 4))
    )
    gradients = {
        ("truncated", None): truncated.gradient(inputs, targets),
        ("bptt", None): whole.gradient(inputs, targets),
        ("bptt", 4): windowed.gradient(inputs, targets),
    }
    norms = {np.linalg.norm(join(architecture, values)) for values in gradients.values()}
    assert len(norms) == 3
    for net in (truncated, whole, windowed):
        for (gradient, window), wanted in gradients.items():
            assert_same_bits(net.gradient(inputs, targets, gradient, window), wanted)
    assert_same_bits(whole.gradient(inputs, targets, window=4), gradients["bptt", 4])


def test_gradient_changes_nothing(dtype, rng):
    architecture = NETS["everything"]
    inputs, targets = random_task(architecture, 20, rng)
    net, undisturbed = (exact(architecture, dtype, window=4) for _ in range(2))
    for model in (net, undisturbed):
        model.run(inputs[:5], targets[:5], update=100)
    net.gradient(inputs, targets)
    net.gradient(inputs, targets, "truncated")
    assert_same_future(net, undisturbed, architecture)


# ---------------------------------------------------------------- windows, weights that change


class Windowed:
    """The rule of learning by windows, from its words; errors are sent back by central differences.

    A replay of the window starts from the state recorded before it, a constant, and its net inputs
    are moved by constants, so that with the weights of now it passes through the activations as
    they were: what weights have changed since, times what they met then. The constants come in as
    one more input of 1.
    """

    def __init__(self, net, parameters, window, learning_rate, momentum=0.0):
        self.net, self.window = net, window
        self.learning_rate, self.momentum = learning_rate, momentum
        self.w = join(net, parameters)
        self.collected, self.velocity = np.zeros_like(self.w), np.zeros_like(self.w)
        self.has_collected, self.since_update = False, 0
        self.errors = []
        self.reset()

    def reset(self):
        self.scan()
        self.inputs, self.weights = [], []
        self.states = [initial_state(self.net)]

    def step(self, x):
        if self.waiting == self.window:
            self.scan()
        previous = self.states[-1]
        state, y = step(self.net, split(self.net, self.w), x, previous, previous, lambda c: c)
        self.inputs.append(x)
        self.weights.append(self.w)
        self.states.append(state)
        self.waiting += 1
        self.since_update += 1
        return np.array(y)

    def learn(self, target):
        if not np.isnan(target).all():
            self.errors.append((len(self.inputs) - 1, target))

    def run(self, inputs, targets, update):
        outputs = []
        for x, target in zip(inputs, targets, strict=True):
            outputs.append(self.step(x))
            self.learn(target)
            if self.since_update == update or (update == "step" and not np.isnan(target).all()):
                self.update()
        if update == "sequence":
            self.update()
        return np.array(outputs)

    def update(self):
        self.since_update = 0
        if not self.errors and not self.has_collected:
            return
        self.scan()
        self.velocity = self.momentum * self.velocity + self.collected
        self.w = self.w - self.learning_rate * self.velocity
        self.collected, self.has_collected = np.zeros_like(self.w), False

    def scan(self):
        if self.errors:
            self.collected = self.collected + self.slopes(np.eye(self.w.size))
            self.has_collected = True
        self.waiting, self.errors = 0, []

    def slopes(self, directions):
        """(8 (L(w+d) - L(w-d)) - (L(w+2d) - L(w-2d))) / 12d, of fourth order in d."""
        distance = 1e-3
        moves = directions[:, None, :] * np.array([1, -1, 2, -2])[None, :, None]
        variants = (self.w[:, None, None] + distance * moves).reshape(self.w.size, -1)
        plus, minus, plus_2, minus_2 = self.loss(variants).reshape(4, -1)
        return (8 * (plus - minus) - (plus_2 - minus_2)) / (12 * distance)

    def loss(self, variants):
        n_steps = len(self.inputs)
        first = 0 if self.window is None else max(0, n_steps - self.window)
        moved = replace(self.net, n_inputs=self.net.n_inputs + 1)
        state, losses = self.states[first], 0.0
        for t in range(first, n_steps):
            parameters = self.with_constants(t, split(self.net, variants))
            state, y = step(moved, parameters, [*self.inputs[t], 1.0], state, state, lambda c: c)
            losses = losses + sum(
                step_loss(self.net, y, target) for at, target in self.errors if at == t
            )
        return losses

    def with_constants(self, t, variants):
        """Weights whose first column behind the inputs moves the net inputs to those of step t."""
        then, now = split(self.net, self.weights[t]), split(self.net, self.w)
        before, after = self.states[t], self.states[t + 1]
        z = [*self.inputs[t]]
        if self.net.cell_recurrence:
            z += before["cell_output"] + before["unit"]
        if self.net.gate_recurrence:
            for gate in self.net.gates:
                z += before[gate]
        z = np.array([*z, 1.0])
        parameters = dict(variants)
        for name in (*self.net.gates, "cell_input", "unit"):
            if name not in then:
                continue
            old, new = then[name], now[name]
            constant = (old - new) @ z[: old.shape[1]]
            if self.net.peepholes and name in GATES:
                seen = np.array((after if name == "output_gate" else before)["cell_state"])
                seen = seen.reshape(self.net.n_blocks, -1)
                constant = constant + ((then[PEEPHOLES[name]] - now[PEEPHOLES[name]]) * seen).sum(
                    axis=1
                )
            parameters[name] = self.with_column(variants[name], self.net.n_inputs, constant)
        if self.net.shortcut:
            at = self.net.n_hidden + self.net.n_inputs
            parameters["output"] = self.with_column(
                variants["output"], at, np.zeros(self.net.n_outputs)
            )
        return parameters

    @staticmethod
    def with_column(weights, at, values):
        column = np.broadcast_to(values[:, None, None], (len(weights), 1, weights.shape[2]))
        return np.concatenate([weights[:, :at], column, weights[:, at:]], axis=1)


def by_the_rule(architecture, net, window, **optimizer):
    return Windowed(architecture, get_parameters(net), window, **optimizer)


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("window", [*WINDOWS, 4])
@pytest.mark.parametrize("update", UPDATES)
def test_learning_follows_the_rule(name, window, update, rng):
    """Two sequences, so that scans and updates meet in every phase; the second without a reset."""
    architecture = NETS[name]
    optimizer = {"learning_rate": 0.5, "momentum": 0.5}
    net = exact(architecture, window=window, **optimizer)
    rule = by_the_rule(architecture, net, window, **optimizer)
    for n_steps in (7, 4):
        inputs, targets = random_task(architecture, n_steps, rng)
        outputs = rule.run(inputs, targets, update)
        np.testing.assert_allclose(
            net.run(inputs, targets, update=update), outputs, rtol=1e-7, atol=1e-8
        )
        assert_close(get_parameters(net), split(architecture, rule.w), RTOL)
    net.reset()
    rule.reset()
    net.run(inputs, targets, update="step")
    rule.run(inputs, targets, "step")
    assert_close(get_parameters(net), split(architecture, rule.w), RTOL)


@pytest.mark.parametrize(("window", "update"), [(1, 1), (1, 7), (5, 1), (5, 7), (None, 7)])
def test_the_rule_holds_however_long_the_stream(window, update, rng):
    """Longer than the record, which moves along with the window, or grows."""
    architecture = Architecture(n_inputs=1, n_outputs=1, peepholes=True)
    net = exact(architecture, window=window, learning_rate=0.1)
    rule = by_the_rule(architecture, net, window, learning_rate=0.1)
    for n_steps in (23, 21):
        inputs, targets = random_task(architecture, n_steps, rng, "dense")
        outputs = rule.run(inputs, targets, update)
        np.testing.assert_allclose(net.run(inputs, targets, update=update), outputs, rtol=1e-7)
        assert_close(get_parameters(net), split(architecture, rule.w), RTOL)


def test_the_gradient_of_a_window_is_that_of_its_pieces(rng):
    architecture = NETS["everything"]
    net = exact(architecture)
    inputs, targets = random_task(architecture, 11, rng, "dense")
    rule = by_the_rule(architecture, net, 4, learning_rate=0.0)
    rule.run(inputs, targets, 100)
    rule.scan()
    wanted = split(architecture, rule.collected)
    assert_close(net.gradient(inputs, targets, window=4), wanted, RTOL)
    assert_same_bits(
        net.gradient(inputs, targets, window=11), net.gradient(inputs, targets, window=1 << 70)
    )


def test_errors_may_come_late_and_twice(rng):
    """Any time before the next step, and by outside errors; a step learned from is past."""
    architecture = NETS["1997"]
    net = exact(architecture, window=3, learning_rate=0.5)
    rule = by_the_rule(architecture, net, 3, learning_rate=0.5)
    inputs, targets = random_task(architecture, 9, rng, "dense")
    for t, (x, target) in enumerate(zip(inputs, targets, strict=True)):
        y = net.step(x)
        np.testing.assert_allclose(y, rule.step(x), rtol=1e-7)
        if t % 4 == 3:
            continue
        for _ in range(1 + t % 2):
            rule.learn(target)
        if t % 2:
            net.learn(target, update=False)
            net.learn_from(y - target, update=False)
        else:
            net.learn(target, update=False)
        if t % 3 == 2:
            net.update()
            rule.update()
            with pytest.raises(RuntimeError, match="no step to learn from"):
                net.learn(target)
    net.update()
    rule.update()
    assert_close(get_parameters(net), split(architecture, rule.w), RTOL)


def test_the_window_matters_and_the_past_does_too(rng):
    """Gradients of windows of 1, 2, ... differ until the window is the sequence."""
    architecture = NETS["2001"]
    net = exact(architecture)
    inputs, targets = random_task(architecture, 5, rng, "end")
    norms = [
        np.linalg.norm(join(architecture, net.gradient(inputs, targets, window=window)))
        for window in (1, 2, 3, 4, 5, 6, None)
    ]
    assert len(set(norms)) == 5
    assert norms[4] == norms[5] == norms[6]


def test_every_optimizer_takes_the_gradient(rng):
    """After a single step nothing is cut but the output gate's peephole: rules that are proved."""
    architecture = NETS["2000"]
    inputs, targets = random_task(architecture, 10, rng, "dense")
    for optimizer in (
        pylstm.SGD(0.1, momentum=0.5, clip_norm=0.5),
        pylstm.RMSprop(0.01, clip_value=0.1),
        pylstm.SGD(0.1, weight_decay=0.1),
        pylstm.Adam(0.01, weight_decay=0.1),
        pylstm.ObGD(),
    ):
        nets = [exact(architecture), build(architecture)]
        for net in nets:
            net.optimizer = optimizer
            net.run_sequences(inputs, targets, [1] * 10)
        assert_close(*map(get_parameters, nets), 1e-10)


# ---------------------------------------------------------------- the same bits


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("update", UPDATES)
def test_a_run_is_the_loop_of_its_steps(name, window, update, dtype, rng):
    """Long enough that the record moves along with the window, or grows."""
    architecture = NETS[name]
    run, loop, parts = (exact(architecture, dtype, window, momentum=0.5) for _ in range(3))
    inputs, targets = random_task(architecture, 50, rng)
    outputs = run.run(inputs, targets, update=update)
    assert_same_bits(outputs, run_by_hand(loop, inputs, targets, update).astype(dtype))
    assert_same_future(run, loop, architecture)
    if update == "sequence":
        return
    for start, end in ((0, 1), (1, 21), (21, 48), (48, 50)):
        assert_same_bits(
            parts.run(inputs[start:end], targets[start:end], update=update), outputs[start:end]
        )
    run = exact(architecture, dtype, window, momentum=0.5)
    run.run(inputs, targets, update=update)
    assert_same_future(parts, run, architecture)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("last", [False, True])
def test_run_sequences_is_the_loop_of_runs(window, update, last, rng):
    architecture = NETS["2000"]
    lengths = [3, 90, 1, 30]
    together, one_by_one = (exact(architecture, window=window) for _ in range(2))
    X, T = random_task(architecture, sum(lengths), rng)
    ends = np.cumsum(lengths)
    for end in ends:
        T[end - 1] = 0.5
    if last:
        T[np.setdiff1d(np.arange(len(T)), ends - 1)] = np.nan
    wanted = []
    for start, end in zip(ends - lengths, ends, strict=True):
        one_by_one.reset()
        wanted.append(one_by_one.run(X[start:end], T[start:end], update=update))
    one_by_one.reset()
    wanted = np.concatenate(wanted)
    given = T[ends - 1] if last else T
    outputs = together.run_sequences(X, given, lengths, last=last, update=update)
    assert_same_bits(outputs, wanted[ends - 1] if last else wanted)
    assert_same_future(together, one_by_one, architecture)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_tokens_are_one_hot_vectors(window, update, momentum, rng):
    for architecture in (NETS["2000"], replace(NETS["everything"], n_inputs=30)):
        tokens, vectors = (exact(architecture, window=window, momentum=momentum) for _ in range(2))
        for n_steps in (50, 7):
            X = rng.integers(0, architecture.n_inputs, n_steps) * rng.integers(0, 2, n_steps)
            hot = np.eye(architecture.n_inputs)[X]
            targets = random_task(architecture, n_steps, rng)[1]
            assert_same_bits(tokens.gradient(X, targets), vectors.gradient(hot, targets))
            outputs = tokens.run(X, targets, update=update)
            assert_same_bits(outputs, vectors.run(hot, targets, update=update))
            assert_same_model(tokens, vectors)
            tokens.reset()
            vectors.reset()


def test_tokens_out_of_reach_are_no_longer_visited(rng):
    """Where no moment keeps them alive: those of the last steps are."""
    net = exact(Architecture(n_inputs=500, n_blocks=4), window=3)
    targets = random_task(NETS["default"], 300, rng, "dense")[1]
    net.run(rng.integers(0, 400, 300), targets)
    assert len(net._live_inputs()) <= 2 * 16
    net.reset()
    assert len(net._live_inputs()) == 0


@pytest.mark.parametrize("window", WINDOWS)
def test_scaled_values(window, rng):
    """The network inside meets the standardised values, whatever calls bring them."""
    architecture = Architecture(n_outputs=1)
    scaled = {"scale_inputs": True, "scale_targets": True}
    run, loop = (exact(architecture, window=window, **scaled) for _ in range(2))
    inputs, targets = random_task(architecture, 150, rng)
    inputs[7] = np.nan
    outputs = run.run(9 + 5 * inputs, 100 * targets, update=4)
    assert_same_bits(outputs, run_by_hand(loop, 9 + 5 * inputs, 100 * targets, 4))
    assert_same_model(run, loop)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("n_steps", [5, 33])
@pytest.mark.parametrize(
    "duplicate", [copy.copy, lambda net: pickle.loads(pickle.dumps(net)), "file"]
)
def test_duplicates_go_on_with_the_same_bits(window, n_steps, duplicate, dtype, tmp_path, rng):
    """With errors waiting in the middle of a window, and a gradient collected."""
    architecture = NETS["2001"]
    net = exact(architecture, dtype, window)
    inputs, targets = random_task(architecture, n_steps, rng, "dense")
    net.run(inputs, targets, update=1000)
    if duplicate == "file":
        net.save(tmp_path / "net.safetensors")
        other = pylstm.load(tmp_path / "net.safetensors")
    else:
        other = duplicate(net)
    for model in (net, other):
        model.learn(targets[0], update=False)
    assert_same_future(other, net, architecture)


def test_threads_do_not_change_the_bits(rng):
    """A network large enough to be shared, of several panels either way."""
    before = _core.choose_large_from(0)
    n_threads = pylstm.get_threads()
    architecture = Architecture(n_inputs=5, n_blocks=150, peepholes=True, gate_recurrence=True)
    inputs, targets = random_task(architecture, 12, rng)
    results = []
    try:
        for threads in (1, 2):
            pylstm.set_threads(threads)
            net = exact(architecture, "float32", window=5, init_range=0.1)
            net.run(inputs, targets, update=2)
            results.append(get_parameters(net))
    finally:
        pylstm.set_threads(n_threads)
        _core.choose_large_from(before)
    assert_same_bits(*results)


def test_memory_follows_the_window():
    """Not the stream, and no traces; without a window the longest sequence."""
    X, targets = np.zeros((3000, 3)), np.zeros((3000, 2))
    sizes = {}
    for window in (10, 1000, None):
        net = exact(NETS["default"], window=window, learning_rate=1e-4)
        net.run(X, targets, update=1000)
        state = net.__getstate__()
        assert "traces" not in state
        sizes[window] = state["n_pending"]
    assert sizes[10] <= 20
    assert sizes[1000] <= 2000
    assert sizes[None] == 3000


# ---------------------------------------------------------------- streams


def singles(architecture, n_streams, window, learning_rate):
    """A network alone for each stream, and one whose weights follow the sum of their gradients."""
    return [
        exact(architecture, window=window, learning_rate=learning_rate) for _ in range(n_streams)
    ]


def summed(nets, start):
    """What the gradients of all nets have changed, from the same weights, together."""
    for name, values in start.items():
        total = sum(net.parameters[name] - values for net in nets)
        for net in nets:
            net.parameters[name][...] = values + total


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("window", [*WINDOWS, 40])
@pytest.mark.parametrize("n_streams", [1, 3, 9])
def test_streams_are_networks_with_the_gradient_summed(name, window, n_streams, rng):
    """In stretches longer than a window and than a record; an update at the end of each."""
    architecture = NETS[name]
    nets = singles(architecture, n_streams, window, 0.1)
    streams = pylstm.Streams(exact(architecture, window=window, learning_rate=0.1), n_streams)
    for n_steps in (1, 2, 45, 5):
        tasks = [random_task(architecture, n_steps, rng) for _ in range(n_streams)]
        X, T = (np.stack(part, axis=1) for part in zip(*tasks, strict=True))
        start = get_parameters(nets[0])
        wanted = [net.run(*task, update="sequence") for net, task in zip(nets, tasks, strict=True)]
        summed(nets, start)
        outputs = streams.run(X, T, update="sequence")
        np.testing.assert_allclose(outputs, np.stack(wanted, axis=1), rtol=1e-10, atol=1e-11)
        assert_close(get_parameters(streams.net), get_parameters(nets[0]), 1e-10)


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("window", [*WINDOWS, 7])
@pytest.mark.parametrize("update", UPDATES)
def test_one_stream_is_the_network(name, window, update, dtype, rng):
    architecture = NETS[name]
    net, owner = (exact(architecture, dtype, window, learning_rate=0.01) for _ in range(2))
    streams = pylstm.Streams(owner, 1)
    for n_steps in (40, 9):
        inputs, targets = random_task(architecture, n_steps, rng)
        outputs = net.run(inputs, targets, update=update)
        Y = streams.run(inputs[:, None], targets[:, None], update=update)
        assert_close({"": Y[:, 0]}, {"": outputs}, 1e-10 if dtype == "float64" else 1e-3)
        assert_close(
            get_parameters(owner), get_parameters(net), 1e-10 if dtype == "float64" else 1e-3
        )


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("n_steps", [1, 7, 40])
def test_some_streams_begin_anew(name, n_steps, rng):
    """With errors waiting, and again: what they have learned so far stays, and is not sent back
    beyond the reset."""
    architecture = NETS[name]
    nets = singles(architecture, 4, None, 0.1)
    streams = pylstm.Streams(exact(architecture, learning_rate=0.1), 4)
    start = get_parameters(nets[0])
    for chosen in ([1, 3], [3], [0, 1, 2, 3], [2], []):
        tasks = [random_task(architecture, n_steps, rng) for _ in range(4)]
        X, T = (np.stack(part, axis=1) for part in zip(*tasks, strict=True))
        for net, task in zip(nets, tasks, strict=True):
            net.run(*task, update=10_000)
        streams.run(X, T, update=10_000)
        streams.reset(chosen)
        for k in chosen:
            nets[k].reset()
    streams.update()
    for net in nets:
        net.update()
    summed(nets, start)
    assert_close(get_parameters(streams.net), get_parameters(nets[0]), 1e-10)


@pytest.mark.parametrize("name", FEW)
def test_a_window_ends_where_its_stream_began(name, rng):
    """Also when the record moves along shortly after a reset."""
    architecture = NETS[name]
    nets = singles(architecture, 3, 6, 0.1)
    streams = pylstm.Streams(exact(architecture, window=6, learning_rate=0.1), 3)
    tasks = [random_task(architecture, 40, rng, "dense") for _ in range(3)]
    for t in range(40):
        start = get_parameters(nets[0])
        for net, (X, T) in zip(nets, tasks, strict=True):
            net.step(X[t], T[t])
        summed(nets, start)
        streams.step([X[t] for X, _ in tasks], [T[t] for _, T in tasks])
        assert_close(get_parameters(streams.net), get_parameters(nets[0]), 1e-9)
        if t in (3, 15, 16, 25, 26):
            streams.reset([t % 3])
            nets[t % 3].reset()


@pytest.mark.parametrize("window", [*WINDOWS, 7])
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("n_streams", [2, 9])
def test_streams_run_as_they_step(window, update, n_streams, dtype, rng):
    """In a loop, in parts, from a duplicate, with other threads; some begun anew on the way."""
    architecture = NETS["2001"]
    made = [
        pylstm.Streams(
            exact(architecture, dtype, window, momentum=0.5, learning_rate=0.01), n_streams
        )
        for _ in range(3)
    ]
    tasks = [random_task(architecture, 40, rng) for _ in range(n_streams)]
    X, T = (np.stack(part, axis=1).astype(dtype) for part in zip(*tasks, strict=True))
    whole, loop, parts = made
    for half in (slice(0, 19), slice(19, 40)):
        outputs = whole.run(X[half], T[half], update=update)
        assert_same_bits(outputs, loop_of_streams(loop, X[half], T[half], update))
        if update != "sequence":
            pieces = [(half.start, half.start + 8), (half.start + 8, half.stop)]
            ran = [parts.run(X[a:b], T[a:b], update=update) for a, b in pieces]
            assert_same_bits(np.concatenate(ran), outputs)
        for streams in made:
            streams.reset([0])
        parts = parts.copy() if update != "sequence" else whole.copy()
        made[2] = parts
    for streams in made:
        streams.run(X, T, update=3)
    for streams in made[1:]:
        assert_same_bits(get_parameters(streams.net), get_parameters(whole.net))
        assert_same_bits(streams.state, whole.state)


def loop_of_streams(streams, X, T, update):
    outputs = []
    for x, target in zip(X, T, strict=True):
        outputs.append(streams.step(x))
        streams.learn(target, update=False)
        streams.since_update = getattr(streams, "since_update", 0) + 1
        if (update == "step" and not np.isnan(target).all()) or streams.since_update == update:
            streams.update()
            streams.since_update = 0
    if update == "sequence":
        streams.update()
        streams.since_update = 0
    return np.array(outputs)


def test_streams_share_steps_among_threads(rng):
    n_threads = pylstm.get_threads()
    architecture = Architecture(n_inputs=5, n_blocks=70, peepholes=True)
    tasks = [random_task(architecture, 50, rng) for _ in range(16)]
    X, T = (np.stack(part, axis=1) for part in zip(*tasks, strict=True))
    results = []
    try:
        for threads in (1, 2):
            pylstm.set_threads(threads)
            streams = pylstm.Streams(exact(architecture, init_range=0.1), 16)
            streams.run(X, T, update="sequence")
            results.append(get_parameters(streams.net))
    finally:
        pylstm.set_threads(n_threads)
    assert_same_bits(*results)


# ---------------------------------------------------------------- refused


REFUSED = [
    (lambda: exact(NETS["default"], window=0), "window is 0, wanted a whole number"),
    (lambda: exact(NETS["default"], window=2.5), "window is 2.5, wanted a whole number"),
    (lambda: build(NETS["default"], window=3), "window is 3 with gradient 'truncated'"),
    (lambda: build(NETS["default"], gradient="full"), "gradient is 'full', wanted one of"),
    (lambda: exact(NETS["default"]).gradient([[0] * 3], [[0] * 2], "all"), "gradient is 'all'"),
    (lambda: exact(NETS["default"]).gradient([[0] * 3], [[0] * 2], "truncated", 3), "window is 3"),
    (lambda: exact(NETS["default"]).learn_from([0, 0], trace=0.5), "eligibility trace"),
    (lambda: exact(NETS["default"]).reinforce(1.0), "eligibility trace"),
    (lambda: exact(NETS["default"]).grow(n_inputs=9), "wanted .* to grow"),
    (lambda: pylstm.Delayed(exact(NETS["default"]), 2), "wanted 'truncated' in a Delayed"),
    (lambda: pylstm.Population(2, 1, 1, 1, gradient="bptt"), "wanted 'truncated' in a Population"),
    (
        lambda: pylstm.Population.from_nets([exact(NETS["default"])]),
        "wanted 'truncated' in a Population",
    ),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_refuses(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_population_refuses_a_net_with_another_gradient():
    net = exact(NETS["default"], "float32")
    population = pylstm.Population.from_nets([build(NETS["default"], "float32")])
    with pytest.raises(ValueError, match="net has gradient='bptt', wanted 'truncated'"):
        population[0] = net


@pytest.mark.parametrize(
    "changes", [{"n_waiting": 9}, {"n_waiting": -1}, {"n_pending": 90}, {"window": 0}]
)
def test_refuses_a_saved_network_that_contradicts_itself(changes, rng):
    net = exact(NETS["default"], window=4)
    net.run(*random_task(NETS["default"], 6, rng), update=100)
    state = net.__getstate__()
    state["config"] |= {name: changes[name] for name in changes if name in state["config"]}
    state |= {name: changes[name] for name in changes if name in state}
    with pytest.raises(ValueError, match=r"saved network|window is 0"):
        pylstm.LSTM.__new__(pylstm.LSTM).__setstate__(state)
