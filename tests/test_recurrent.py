"""Plain recurrent networks: gradients by central differences of a forward pass written here."""

import pickle
from itertools import product

import numpy as np
import pytest

import pylstm
from pylstm import _core
from pylstm.baselines import (
    Elman,
    FullyRecurrent,
    RandomGuessing,
    SimulatedAnnealing,
    TimeConstants,
)
from pylstm.baselines.reference import RecurrentReference

SQUASHINGS = {
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "identity": lambda x: x,
    "tanh_half": lambda x: 2 / (1 + np.exp(-x)) - 1,
    "two_tanh_half": lambda x: 4 / (1 + np.exp(-x)) - 2,
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True),
}
OUTPUTS = [
    ("identity", "squared"),
    ("logistic", "squared"),
    ("softmax", "squared"),
    ("logistic", "cross_entropy"),
    ("softmax", "cross_entropy"),
]


def all_combinations():
    for bias, squashing, output, slow in product(
        (False, True), list(SQUASHINGS)[:5], ("identity", "logistic"), (False, True)
    ):
        yield {
            "readout": "units",
            "hidden_bias": bias,
            "squashing": squashing,
            "output": output,
            "slow": slow,
        }
    for shortcut, bias, output_bias, squashing, (output, loss), slow in product(
        *[(False, True)] * 3, list(SQUASHINGS)[:5], OUTPUTS, (False, True)
    ):
        yield {
            "readout": "layer",
            "shortcut": shortcut,
            "hidden_bias": bias,
            "output_bias": output_bias,
            "squashing": squashing,
            "output": output,
            "loss": loss,
            "slow": slow,
        }


COMBINATIONS = list(all_combinations())
SOME = COMBINATIONS[:: len(COMBINATIONS) // 40]
BOTH = ("rtrl", "bptt")


def build(combination, sizes=(3, 2, 2), seed=0, **keywords):
    """A net with weights of a size at which everything matters."""
    switches = {**combination, **keywords}
    slow = switches.pop("slow", False)
    if slow:
        switches["time_constants"] = np.linspace(0.2, 0.8, sizes[2])
    return FullyRecurrent(*sizes, init_range=0.9, seed=seed, **switches)


def examples(net, rng, n_steps, missing=0.3):
    """Inputs, some zero, and targets in the domain of any loss, some missing."""
    X = rng.uniform(-1, 1, (n_steps, net.n_inputs))
    X[rng.random(X.shape) < 0.3] = 0
    targets = rng.dirichlet(np.ones(net.n_outputs), n_steps)
    targets[rng.random(n_steps) < missing] = np.nan
    targets[-1] = rng.dirichlet(np.ones(net.n_outputs))
    return X, targets


# ---------------------------------------------------------------- the independent forward pass


def step_from(net, weights, x, a):
    """a(t) and y(t) of as many weights as there are, from the equations."""
    config = net._config
    W, first = weights["units"], net.n_outputs if config["readout"] == "units" else 0
    n_units = W.shape[1]
    ones = np.ones((len(W), 1))
    x = np.broadcast_to(x, (len(W), net.n_inputs))
    z = np.concatenate([x, a, ones if config["hidden_bias"] else ones[:, :0]], axis=1)
    net_units = (W * z[:, None]).sum(axis=2)
    tau = np.array([0.0] * first + config["time_constants"])
    s = np.empty((len(W), n_units))
    s[:, :first] = SQUASHINGS[config["output"]](net_units[:, :first])
    s[:, first:] = SQUASHINGS[config["squashing"]](net_units[:, first:])
    a = tau * a + (1 - tau) * s
    if first:
        return a, a[:, :first], None
    q = np.concatenate(
        [a, x if config["shortcut"] else x[:, :0], ones if config["output_bias"] else ones[:, :0]],
        axis=1,
    )
    net_out = (weights["output"] * q[:, None]).sum(axis=2)
    return a, SQUASHINGS[config["output"]](net_out), net_out


def losses(net, y, target):
    if net._config["loss"] == "squared":
        return 0.5 * ((y - target) ** 2).sum(axis=1)
    if net._config["output"] == "softmax":
        return -(target * np.log(y)).sum(axis=1)
    return -(target * np.log(y) + (1 - target) * np.log(1 - y)).sum(axis=1)


def total_loss(net, weights, X, targets, start=None):
    """The summed loss, from the activations `start`, for each of as many weights as there are."""
    count, n_units = weights["units"].shape[:2]
    a = np.zeros((count, n_units)) + (0 if start is None else start)
    total = np.zeros(count)
    for x, target in zip(X, targets, strict=True):
        a, y, _ = step_from(net, weights, x, a)
        if not np.isnan(target[0]):
            total += losses(net, y, target)
    return total


def differences(net, loss):
    """Central differences, of the fourth order, of a function of as many weights as there are."""
    weights = {name: view.copy() for name, view in net.parameters.items()}
    steps = np.array([-2, -1, 1, 2]) * 1e-3
    gradient = {}
    for name, view in weights.items():
        shifts = np.eye(view.size).reshape(view.size, 1, *view.shape) * steps[:, None, None]
        many = {
            other: np.broadcast_to(w, (4 * view.size, *w.shape)) for other, w in weights.items()
        }
        many[name] = (view + shifts).reshape(-1, *view.shape)
        values = loss(many).reshape(view.size, 4)
        slope = values @ np.array([1, -8, 8, -1]) / 12e-3
        gradient[name] = slope.reshape(view.shape)
    return gradient


def full_gradient(net, X, targets, start=None):
    return differences(net, lambda many: total_loss(net, many, X, targets, start))


def assert_close(got, wanted, tolerance, what=""):
    assert got.keys() == wanted.keys()
    size = max(np.abs(view).max() for view in wanted.values())
    assert size > 1e-3
    for name, view in wanted.items():
        assert np.abs(got[name] - view).max() <= tolerance * size, f"{name} {what}"


# ---------------------------------------------------------------- gradients


def test_every_combination_against_differences(rng):
    for combination in COMBINATIONS:
        nets = [build(combination, gradient=gradient) for gradient in BOTH]
        X, targets = examples(nets[0], rng, 6)
        forward, backward = (net.gradient(X, targets) for net in nets)
        assert_close(forward, full_gradient(nets[0], X, targets), 1e-7, combination)
        assert_close(forward, backward, 1e-10, combination)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 7, 8), (8, 1, 9), (5, 9, 17), (17, 3, 1)])
@pytest.mark.parametrize("readout", ["units", "layer"])
def test_odd_sizes(rng, sizes, readout):
    nets = [build({"readout": readout}, sizes, gradient=gradient) for gradient in BOTH]
    X, targets = examples(nets[0], rng, 7)
    forward, backward = (net.gradient(X, targets) for net in nets)
    assert_close(forward, backward, 1e-10)
    assert_close(forward, full_gradient(nets[0], X, targets), 1e-7)


def test_the_gradient_of_a_unit_by_hand():
    """a(1) = f(w x1), a(2) = f(w x2 + r a(1)): one unit, which is the output, two steps."""
    net = FullyRecurrent(1, 1, 0, hidden_bias=False)
    w, r = 0.7, -0.4
    net.parameters["units"][:] = [[w, r]]
    a1 = 1 / (1 + np.exp(-w * 2.0))
    a2 = 1 / (1 + np.exp(-(w * 0.5 + r * a1)))
    error = (a2 - 0.9) * a2 * (1 - a2)
    wanted = [[error * (0.5 + r * a1 * (1 - a1) * 2.0), error * a1]]
    got = net.gradient([[2.0], [0.5]], [[np.nan], [0.9]])["units"]
    assert np.allclose(got, wanted, rtol=1e-13)


def test_elman_against_a_replay_with_frozen_context(rng):
    for output, loss in OUTPUTS:
        net = Elman(3, 2, 4, output=output, loss=loss, init_range=0.9)
        X, targets = examples(net, rng, 6)
        one = {name: view[None] for name, view in net.parameters.items()}
        contexts = [np.zeros((1, 4))]
        for x in X:
            contexts.append(step_from(net, one, x, contexts[-1])[0])

        def frozen(many, net=net, X=X, targets=targets, contexts=contexts):
            each = [
                total_loss(net, many, X[t : t + 1], targets[t : t + 1], contexts[t])
                for t in range(len(X))
            ]
            return np.sum(each, axis=0)

        wanted = differences(net, frozen)
        assert_close(net.gradient(X, targets), wanted, 1e-7)
        cut = full_gradient(net, X, targets)["units"] - wanted["units"]
        assert np.abs(cut).max() > 0.01 * np.abs(wanted["units"]).max()


@pytest.mark.parametrize("window", [1, 2, 3, 5, 12, 20])
@pytest.mark.parametrize("update_after", [None, 7])
def test_windows_against_the_rule_in_words(rng, window, update_after):
    """Errors since the last scan go back together over the last `window` steps."""
    net = build({"readout": "layer", "slow": True}, gradient="bptt", window=window)
    net.optimizer = pylstm.SGD(0.0)
    X, targets = examples(net, rng, 12)
    one = {name: view[None] for name, view in net.parameters.items()}
    states = [np.zeros((1, 2))]
    for x in X:
        states.append(step_from(net, one, x, states[-1])[0])
    wanted = {name: np.zeros_like(view) for name, view in net.parameters.items()}
    waiting = 0
    for t in range(1, 13):  # after step t
        waiting += 1
        if waiting == window or t in (update_after, 12):
            first = max(0, t - window)
            errors = targets[first:t].copy()
            errors[: len(errors) - waiting] = np.nan
            part = full_gradient(net, X[first:t], errors, states[first])
            if t == update_after:  # learned, at a rate of 0
                wanted = {name: np.zeros_like(view) for name, view in wanted.items()}
            else:
                wanted = {name: wanted[name] + part[name] for name in wanted}
            waiting = 0
    for t in range(12):
        net.step(X[t])
        net.learn(targets[t], update=False)
        if t + 1 == update_after:
            net.update()
    assert_close(net._collect(), wanted, 1e-7)


# ---------------------------------------------------------------- learning


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("update", ["step", "sequence", 3])
@pytest.mark.parametrize("gradient", [("rtrl", None), ("bptt", None), ("bptt", 1), ("bptt", 4)])
def test_learning_equals_the_twin(rng, isa, momentum, update, gradient):
    before = _core.choose_isa(isa)
    try:
        for combination in SOME:
            net = build(combination, (4, 3, 5), gradient=gradient[0], window=gradient[1])
            net.optimizer = pylstm.SGD(0.05, momentum)
            for view in net.parameters.values():
                view *= 0.4  # the linear units, too, stay in range
            twin = RecurrentReference(net)
            for _ in range(2):
                X, targets = examples(net, rng, 9)
                given = net.run(X, targets, update), twin.run(X, targets, update)
                assert np.allclose(*given, rtol=1e-9, atol=1e-9)
                net.reset()
                twin.reset()
            for name, view in twin.parameters.items():
                assert np.allclose(net.parameters[name], view, rtol=1e-9, atol=1e-9)
    finally:
        _core.choose_isa(before)


NETS = [
    {"readout": "units"},
    {"readout": "units", "gradient": "bptt"},
    {"readout": "layer", "slow": True},
    {"readout": "layer", "shortcut": True, "gradient": "bptt"},
    {"readout": "layer", "gradient": "bptt", "window": 1},
    {"readout": "layer", "gradient": "bptt", "window": 4, "slow": True},
    {"readout": "layer", "output": "softmax", "loss": "cross_entropy"},
]
UPDATES = ("step", "sequence", 1, 4)


@pytest.mark.parametrize("combination", NETS)
@pytest.mark.parametrize("update", ["step", 3, 50])
def test_long_sequences_equal_the_twin(rng, combination, update):
    """Longer than the record of a net with a window."""
    net = build(combination)
    net.optimizer = pylstm.SGD(0.05)
    twin = RecurrentReference(net)
    X, targets = examples(net, rng, 100)
    assert np.allclose(net.run(X, targets, update), twin.run(X, targets, update), rtol=1e-9)
    for name, view in twin.parameters.items():
        assert np.allclose(net.parameters[name], view, rtol=1e-9, atol=1e-12)


def same(one, other):
    return all(np.array_equal(view, other.parameters[n]) for n, view in one.parameters.items())


def loop(net, X, targets, update):
    """A run in single calls."""
    Y = np.empty((len(X), net.n_outputs))
    for t, x in enumerate(X):
        Y[t] = net.step(x)
        loss = net.learn(targets[t], update=False)
        if update == "step":
            net.update() if not np.isnan(loss) else None
        elif update != "sequence" and (t + 1) % update == 0:
            net.update()
    if update == "sequence":
        net.update()
    return Y


@pytest.mark.parametrize("combination", NETS)
@pytest.mark.parametrize("update", ["step", "sequence", 4])
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_run_equals_the_loop_bit_for_bit(rng, combination, update, momentum):
    one, other = build(combination), build(combination)
    one.optimizer = other.optimizer = pylstm.SGD(0.5, momentum)
    X, targets = examples(one, rng, 80)
    assert np.array_equal(one.run(X, targets, update), loop(other, X, targets, update))
    assert same(one, other)


@pytest.mark.parametrize("combination", NETS)
@pytest.mark.parametrize("update", ["step", 5])
def test_runs_in_parts_equal_one(rng, combination, update):
    one, other = build(combination), build(combination)
    X, targets = examples(one, rng, 90)
    Y = one.run(X, targets, update)
    parts = [slice(0, 1), slice(1, 38), slice(38, 71), slice(71, 90)]
    assert np.array_equal(Y, np.concatenate([other.run(X[p], targets[p], update) for p in parts]))
    assert same(one, other)


@pytest.mark.parametrize("combination", NETS)
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("last", [False, True])
def test_run_sequences_equals_the_loop(rng, combination, update, last):
    one, other = build(combination), build(combination)
    lengths = [3, 1, 70, 5]
    X, targets = examples(one, rng, sum(lengths))
    ends = np.cumsum(lengths)
    Y = []
    for start, end in zip(ends - lengths, ends, strict=True):
        wanted = targets[start:end].copy()
        if last:
            wanted[:-1] = np.nan
        other.reset()
        Y.append(other.run(X[start:end], wanted, update))
    other.reset()
    given = targets[ends - 1] if last else targets
    got = one.run_sequences(X, given, lengths, last=last, update=update)
    wanted = np.concatenate(Y)
    assert np.array_equal(got, wanted[ends - 1] if last else wanted)
    assert same(one, other)
    answers = one.run_sequences(X, None, lengths)
    for start, end in zip(ends - lengths, ends, strict=True):
        other.reset()
        assert np.array_equal(answers[start:end], other.run(X[start:end]))
    one.update()
    other.update()
    assert same(one, other)


@pytest.mark.parametrize("combination", NETS)
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_sequences_share_an_update(rng, combination, momentum):
    """What was collected before a reset is applied after it."""
    net = build(combination)
    net.optimizer = pylstm.SGD(1e-3, momentum)
    before = {name: view.copy() for name, view in net.parameters.items()}
    total = {name: np.zeros_like(view) for name, view in before.items()}
    for _ in range(2):
        X, targets = examples(net, rng, 6)
        total = {name: total[name] + view for name, view in net.gradient(X, targets).items()}
        for x, target in zip(X, targets, strict=True):
            net.step(x)
            net.learn(target, update=False)
        net.reset()
    net.update()
    change = {name: (before[name] - view) / 1e-3 for name, view in net.parameters.items()}
    assert_close(change, total, 1e-10)


@pytest.mark.parametrize("combination", NETS)
def test_tokens_are_one_hot_vectors(rng, combination):
    one, other = build(combination), build(combination)
    tokens = rng.integers(3, size=20)
    targets = examples(one, rng, 20)[1]
    assert np.array_equal(one.run(tokens, targets), other.run(np.eye(3)[tokens], targets))
    assert same(one, other)
    assert np.array_equal(one.predict(1), other.predict([0, 1, 0]))
    assert np.array_equal(
        one.gradient(tokens, targets)["units"], other.gradient(np.eye(3)[tokens], targets)["units"]
    )


@pytest.mark.parametrize("again", [FullyRecurrent.copy, lambda n: pickle.loads(pickle.dumps(n))])
@pytest.mark.parametrize("combination", NETS)
def test_copies_go_on_as_the_original(rng, combination, again):
    net = build(combination)
    net.optimizer = pylstm.SGD(0.3, 0.5)
    X, targets = examples(net, rng, 100)
    for start, end in ((0, 7), (7, 50), (50, 51), (51, 100)):
        other = again(net)
        net.run(X[start:end], targets[start:end], update=6)
        other.run(X[start:end], targets[start:end], update=6)
        assert same(net, other)
        assert other.n_steps == net.n_steps == end
    other.parameters["units"][:] = 0
    assert net.parameters["units"].all()


@pytest.mark.parametrize("combination", NETS)
def test_predict_and_gradient_change_nothing(rng, combination):
    net, twin = build(combination), build(combination)
    X, targets = examples(net, rng, 40)
    for t in range(40):
        assert np.array_equal(net.predict(X[t]), twin.step(X[t]))
        net.step(X[t])
        net.predict(X[t - 1])
        net.gradient(X[:3], targets[:3])
        assert net.learn(targets[t], update=t % 3 == 0) == pytest.approx(
            twin.learn(targets[t], update=t % 3 == 0), nan_ok=True
        )
    assert same(net, twin)


@pytest.mark.parametrize("combination", NETS)
def test_loss_and_errors_of_several_calls_add_up(rng, combination):
    net, twice = build(combination), build(combination)
    net.optimizer, twice.optimizer = pylstm.SGD(0.2), pylstm.SGD(0.1)
    X, targets = examples(net, rng, 5, missing=0)
    net.run(X[:4])
    twice.run(X[:4])
    y = net.step(X[4])
    twice.step(X[4])
    loss = losses(net, y[None], targets[4])[0]
    assert net.learn(targets[4]) == pytest.approx(loss, rel=1e-12)
    twice.learn(targets[4], update=False)
    twice._collect()
    twice.learn(targets[4])
    for name, view in net.parameters.items():
        assert np.allclose(view, twice.parameters[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "net",
    [
        FullyRecurrent(3, 2, 2),
        Elman(3, 2, 2),
        TimeConstants(3, 2, 2, gradient="bptt"),
        RandomGuessing(3, 2, 2, tolerance=0.5),
        SimulatedAnnealing(3, 2, 2),
    ],
    ids=lambda net: type(net).__name__,
)
def test_saved_ones_go_on_with_the_same_bits(rng, net, tmp_path):
    X, targets = examples(net, rng, 40)
    for _ in range(3):
        net.save(tmp_path / "net.safetensors")
        other = pylstm.load(tmp_path / "net.safetensors")
        assert type(other) is type(net)
        for one in (net, other):
            one.run_sequences(X, targets, [25, 15])
            one.step(X[0])
        assert same(net, other)
        assert np.array_equal(net.predict(X[1]), other.predict(X[1]))


@pytest.mark.parametrize("combination", NETS)
def test_learn_needs_a_step_with_these_weights(combination):
    net = build(combination)
    target = [0.5, 0.5]
    for forget in (lambda: None, lambda: net.learn(target), net.reset):
        forget()
        for one in (net, net.copy()):
            with pytest.raises(RuntimeError, match="no step to learn from"):
                one.learn(target)
        net.step(0)
        assert net.copy().learn(target) > 0


# ---------------------------------------------------------------- time constants


def test_unit_with_a_time_constant_by_hand():
    """a(t) = tau a(t-1) + (1 - tau) tanh(w x), without recurrent weights."""
    net = TimeConstants(
        1, 1, 2, time_constants=[0.0, 0.9], squashing="tanh", output="identity", init_range=0
    )
    net.parameters["units"][:, 0] = 0.5, 2.0
    net.parameters["output"][0, :2] = 1.0, 10.0
    Y = net.run([[1.0], [0.0], [-1.0]])[:, 0]
    slow = [0.1 * np.tanh(2)]
    slow.append(0.9 * slow[0])
    slow.append(0.9 * slow[1] - 0.1 * np.tanh(2))
    assert np.allclose(Y, np.tanh([0.5, 0, -0.5]) + 10 * np.array(slow), rtol=1e-14)


def test_time_constants_are_spread_over_time_scales():
    assert TimeConstants(1, 1, 4, longest=2).time_constants.tolist() == [0, 0.5, 0.75, 0]
    assert TimeConstants(1, 1, 9).time_constants[7:].tolist() == [1 - 2**-7, 0]
    given = TimeConstants(1, 1, 2, time_constants=[0.3, 0.6])
    assert given.copy().time_constants.tolist() == [0.3, 0.6]
    with pytest.raises(ValueError, match=r"time_constants is .* wanted 3 numbers"):
        TimeConstants(1, 1, 3, time_constants=[0.3, 0.6])


# ---------------------------------------------------------------- what it is


@pytest.mark.parametrize(("n_hidden", "count"), [(3, 170), (12, 494)])
def test_weight_counts_of_rtrl_in_hs97(n_hidden, count):
    assert FullyRecurrent(7, 7, n_hidden, hidden_bias=False).n_parameters == count


@pytest.mark.parametrize(("p", "count"), [(4, 36), (10, 144), (100, 10404)])
def test_weight_counts_of_the_net_of_2a(p, count):
    switches = {"readout": "layer", "shortcut": True, "hidden_bias": False, "output_bias": False}
    assert FullyRecurrent(p + 1, p + 1, 1, **switches).n_parameters == count


def test_weight_count_of_elman_in_hs97():
    assert Elman(7, 7, 15, hidden_bias=False, output_bias=False).n_parameters == 435


def test_starting_weights():
    net = FullyRecurrent(5, 4, 30, readout="layer", init_range=0.3, seed=4)
    for view in net.parameters.values():
        assert 0.25 < view.max() < 0.3
        assert -0.3 <= view.min() < -0.25
        assert np.unique(view).size == view.size
    again = FullyRecurrent(5, 4, 30, readout="layer", init_range=0.3, seed=np.random.default_rng(4))
    assert same(net, again)
    assert not same(net, FullyRecurrent(5, 4, 30, readout="layer", init_range=0.3, seed=5))


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"gradient": "truncated"}, "gradient is 'truncated', wanted one of 'rtrl', 'bptt'"),
        ({"window": 3}, "window is 3 with gradient 'rtrl', which needs none"),
        ({"gradient": "bptt", "window": 0}, "window is 0, wanted a whole number of at least 1"),
        ({"shortcut": True}, "shortcut is True with readout 'units'"),
        ({"output": "softmax"}, "output is 'softmax' with readout 'units'"),
        ({"loss": "cross_entropy"}, "loss is 'cross_entropy' with readout 'units'"),
        (
            {"readout": "layer", "loss": "cross_entropy", "output": "identity"},
            "loss is 'cross_entropy' with output 'identity'",
        ),
        ({"readout": "layer", "n_hidden": 0}, "n_hidden is 0, wanted a whole number of at least 1"),
        ({"time_constants": [0.5]}, r"time_constants is \[0.5\], wanted 2 numbers"),
        ({"time_constants": [0.5, 1.0]}, "wanted 2 numbers, each 0 or more and less than 1"),
        ({"init_range": -1}, "init_range is -1, wanted a finite number >= 0"),
        (
            {"n_inputs": 9, "n_hidden": 8, "memory_limit": 31_999},
            "10 units with 200 weights needs 32,000 bytes, memory_limit is 31,999",
        ),
        ({"hidden_bias": 1}, "hidden_bias is 1, wanted True or False"),
    ],
)
def test_unusable_arguments(keywords, sentence):
    sizes = {"n_inputs": 3, "n_outputs": 2, "n_hidden": 2}
    with pytest.raises(ValueError, match=sentence):
        FullyRecurrent(**{**sizes, **keywords})


def test_networks_within_the_memory_limit():
    assert FullyRecurrent(9, 2, 8, memory_limit=32_000).n_parameters == 200
    assert FullyRecurrent(9, 2, 8, gradient="bptt", memory_limit=1).n_parameters == 200


def test_targets_outside_the_domain_of_the_loss():
    net = build(NETS[-1])
    with pytest.raises(ValueError, match="wanted numbers from 0 to 1"):
        net.step(0, [1.5, -0.5])
    with pytest.raises(ValueError, match=r"targets row 1 is .0.5, 0.6.: wanted numbers that sum"):
        net.run([0, 1], [[0.5, 0.5], [0.5, 0.6]])


def test_divergence_is_told():
    net = FullyRecurrent(1, 1, 2, readout="layer", output="identity", squashing="identity")
    net.optimizer = pylstm.SGD(1e9)
    with pytest.raises(FloatingPointError, match="the network diverged at step"):
        net.run(np.ones((200, 1)), np.ones((200, 1)))
    with pytest.raises(FloatingPointError, match="the network diverged at step"):
        net.predict([1.0])


def test_never_initialised():
    with pytest.raises(RuntimeError, match="never initialised"):
        FullyRecurrent.__new__(FullyRecurrent)._clear()
