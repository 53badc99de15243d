"""Several layers: gradients against the oracle, and the same bits however the steps are called.

1. The truncated gradient is that of the frozen replays `stacks` says, "bptt" that of the loss with
   nothing cut: for the covering combinations of switches, in stacks of two and three.
2. Online, weights are those of the oracle after every single step, under every rule of update.
3. A run is the loop of its steps, and what is copied, pickled or saved goes on with the same bits.
"""

import pickle

import numpy as np
import pytest
from nets import (
    WHEN,
    assert_close,
    assert_same_bits,
    assert_same_future,
    assert_same_model,
    bring_to,
    get_parameters,
    random_parameters,
    random_task,
    run_by_hand,
    set_parameters,
)
from oracle import Architecture
from stacks import (
    STACKS,
    Stack,
    StackLearner,
    covering_stacks,
    full_stack_gradient,
    join,
    layer_of,
    output_error,
    stack_forward,
    truncated_stack_gradient,
)

import pylstm
from pylstm import _core
from pylstm.estimators import Classifier, Forecaster, Regressor

pytestmark = pytest.mark.usefixtures("layout")


def build(stack, dtype="float64", **keywords):
    keywords = {"init_range": 0.5, "seed": 11, "optimizer": pylstm.SGD(0.05)} | keywords
    return pylstm.LSTM(**stack.keywords(), dtype=dtype, **keywords)


def with_parameters(stack, parameters, **keywords):
    net = build(stack, **keywords)
    assert {name: view.shape for name, view in net.parameters.items()} == stack.shapes
    set_parameters(net, parameters)
    return net


@pytest.fixture(params=list(STACKS))
def stack(request):
    return STACKS[request.param]


# ---------------------------------------------------------------- gradients


@pytest.mark.parametrize("stack", covering_stacks(), ids=range(len(covering_stacks())))
def test_truncated_gradient_of_every_combination(stack, rng):
    parameters = random_parameters(stack, rng)
    inputs, targets = random_task(stack, 5, rng)
    net = with_parameters(stack, parameters)
    wanted = truncated_stack_gradient(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, 1e-6)
    _, outputs = stack_forward(stack, parameters, inputs)
    np.testing.assert_allclose(net.run(inputs), outputs, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("stack", covering_stacks(), ids=range(len(covering_stacks())))
def test_exact_gradient_of_every_combination(stack, rng):
    parameters = random_parameters(stack, rng)
    inputs, targets = random_task(stack, 5, rng)
    net = with_parameters(stack, parameters, gradient="bptt")
    wanted = full_stack_gradient(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, 1e-7, floor=1e-3)


def test_truncation_is_seen(stack, rng):
    """The two gradients of the lowest layer differ by 10 % and more."""
    distances = []
    for _ in range(5):
        net = with_parameters(stack, random_parameters(stack, rng))
        inputs, targets = random_task(stack, 7, rng)
        truncated, full = (
            np.concatenate([g.ravel() for name, g in gradient.items() if layer_of(name) == 0])
            for gradient in (net.gradient(inputs, targets, how) for how in ("truncated", "bptt"))
        )
        distances.append(np.linalg.norm(truncated - full) / np.linalg.norm(full))
    assert np.median(distances) > 0.1


def test_one_step_has_the_full_gradient(rng):
    """With a single step nothing is cut but peepholes, which these have not."""
    for name in ("two", "three", "skips", "1997"):
        stack = STACKS[name]
        parameters = random_parameters(stack, rng)
        inputs, targets = random_task(stack, 1, rng)
        net = with_parameters(stack, parameters)
        wanted = full_stack_gradient(stack, parameters, inputs, targets)
        assert_close(net.gradient(inputs, targets), wanted, 1e-6, floor=1e-3)


@pytest.mark.parametrize("sizes", [(1, 33), (17, 7), (8, 16, 9)])
@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
def test_float32_agrees_at_many_sizes(sizes, gradient, rng):
    """Float64 is proved above; here widths around those of vector registers, and many steps."""
    stack = Stack(Architecture(n_inputs=5), sizes, True, False)
    net = build(stack, "float32", gradient=gradient, init_range=0.3)
    precise = build(stack, gradient=gradient)
    set_parameters(precise, get_parameters(net))
    inputs, targets = random_task(stack, 150, rng)
    wanted = precise.gradient(inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, 1e-3, floor=0.01)


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
def test_every_instruction_set(isa, gradient, stack, rng):
    parameters = random_parameters(stack, rng)
    inputs, targets = random_task(stack, 5, rng)
    before = _core.choose_isa(isa)
    try:
        net = with_parameters(stack, parameters, gradient=gradient)
    finally:
        _core.choose_isa(before)
    if gradient == "truncated":
        wanted = truncated_stack_gradient(stack, parameters, inputs, targets)
    else:
        wanted = full_stack_gradient(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, 1e-6)


# ---------------------------------------------------------------- learning online


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("clip_norm", [None, 0.3])
@pytest.mark.parametrize("update", ["step", 3, "sequence"])
def test_weights_after_every_step(stack, momentum, clip_norm, update, presence, rng):
    """Two sequences, a reset between them; `update` "sequence" over the first half of each."""
    optimizer = pylstm.SGD(0.05, momentum=momentum, clip_norm=clip_norm)
    parameters = random_parameters(stack, rng)
    net = with_parameters(stack, parameters, optimizer=optimizer)
    learner = StackLearner(stack, parameters, 0.05, momentum, clip_norm or np.inf)
    for _ in range(2):
        inputs, targets = random_task(stack, 6, rng, presence)
        size = 1 if update == "step" else 3
        for t in range(0, 6, size):
            part = slice(t, t + size)
            wanted = learner.run(inputs[part], targets[part], update)
            got = net.run(inputs[part], targets[part], update)
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(
                join(stack, net.parameters), learner.w, rtol=1e-9, atol=1e-11
            )
        net.reset()
        learner.reset()


def test_loss_and_outside_errors(stack, rng):
    """`learn` and `learn_from` on one step add up."""
    inputs, targets = random_task(stack, 3, rng, "dense")
    net, other = build(stack), build(stack)
    for x, target in zip(inputs, targets, strict=True):
        y = net.step(x)
        assert net.learn(target, update=False) == pytest.approx(
            StackLearner.learn(_Step(stack, y), target)
        )
        net.learn_from(np.full(stack.n_outputs, 0.25))
        other.step(x)
        other.learn_from(np.full(stack.n_outputs, 0.25), update=False)
        other.learn(target)
        np.testing.assert_allclose(
            join(stack, net.parameters), join(stack, other.parameters), rtol=1e-12
        )


class _Step:
    """The outputs of a step, for the loss of the oracle."""

    TINY, collected = 1, 0.0

    def __init__(self, stack, y):
        self.stack, self.y = stack, [np.array([y_k]) for y_k in np.float64(y)]


OPTIMIZERS = {
    "SGD": pylstm.SGD(0.05),
    "momentum": pylstm.SGD(0.05, momentum=0.9, weight_decay=0.01),
    "clip_value": pylstm.SGD(0.05, clip_value=0.05),
    "clip_norm": pylstm.SGD(0.05, clip_norm=0.1),
    "RMSprop": pylstm.RMSprop(0.01),
    "Adam": pylstm.Adam(0.01, schedule=lambda k: 1 / (1 + k)),
    "Adam, clipped": pylstm.Adam(0.01, clip_norm=0.1, weight_decay=0.01),
    "ObGD": pylstm.ObGD(),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_one_update_of_every_optimizer(optimizer, stack, rng):
    """From the gradient of all layers, whose norm is that of all of it."""
    rule = OPTIMIZERS[optimizer]
    inputs, targets = random_task(stack, 1, rng)
    net = build(stack, optimizer=rule)
    w, g = (join(stack, values) for values in (net.parameters, net.gradient(inputs, targets)))
    y = net.step(inputs[0])
    net.learn(targets[0])
    rate = rule.learning_rate
    w = w * (1 - rate * (rule.weight_decay or 0))
    if rule.clip_value:
        g = np.clip(g, -rule.clip_value, rule.clip_value)
    if rule.clip_norm:
        g = g * min(1, rule.clip_norm / np.linalg.norm(g))
    if isinstance(rule, pylstm.RMSprop):
        g = g / (np.sqrt((1 - rule.decay) * g**2) + rule.epsilon)
    elif isinstance(rule, pylstm.Adam):
        g = g / (np.abs(g) + rule.epsilon)
    elif isinstance(rule, pylstm.ObGD):
        delta = output_error(stack, y, targets[0])
        more = max(1 / np.linalg.norm(delta), 1)
        rate = rate / max(1, rate * rule.kappa * more * np.abs(g).sum())
    np.testing.assert_allclose(join(stack, net.parameters), w - rate * g, rtol=1e-9, atol=1e-12)


# ---------------------------------------------------------------- the same bits


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("gradient", ["truncated", "bptt", "window"])
@pytest.mark.parametrize("update", ["step", 3, "sequence"])
def test_run_is_the_loop(stack, dtype, optimizer, gradient, update, rng):
    keywords = {"optimizer": OPTIMIZERS[optimizer], "gradient": gradient}
    if gradient == "window":
        keywords |= {"gradient": "bptt", "window": 4}
    net, looped = (build(stack, dtype, **keywords) for _ in range(2))
    inputs, targets = random_task(stack, 30, rng)
    for part in (slice(0, 12), slice(12, 30)):
        ran = net.run(inputs[part], targets[part], update=update)
        assert_same_bits(ran, run_by_hand(looped, inputs[part], targets[part], update))
    if not callable(OPTIMIZERS[optimizer].schedule):
        assert_same_future(net, looped, stack.architecture)


@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
def test_tokens_are_their_vectors(stack, dtype, gradient, rng):
    """Also where every layer reads them."""
    net, dense = (build(stack, dtype, gradient=gradient) for _ in range(2))
    tokens = rng.integers(0, stack.n_inputs, 40)
    _, targets = random_task(stack, 40, rng)
    vectors = np.eye(stack.n_inputs)[tokens]
    assert_same_bits(net.run(tokens, targets), dense.run(vectors, targets))
    assert_same_bits(net.predict(int(tokens[0])), dense.predict(vectors[0]))
    assert_same_bits(get_parameters(net), get_parameters(dense))


def test_predict_changes_nothing(stack, dtype, rng):
    net, undisturbed = build(stack, dtype), build(stack, dtype)
    inputs, targets = random_task(stack, 6, rng)
    for x, target in zip(inputs, targets, strict=True):
        expected = net.predict(x)
        assert_same_bits(net.step(x, target), expected)
        undisturbed.step(x, target)
    net.predict(inputs[0])
    assert_same_future(net, undisturbed, stack.architecture)


@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("how", ["copy", "pickle", "bytes"])
def test_what_is_kept_goes_on_the_same(stack, gradient, when, how, rng):
    if when == "traced" and gradient != "truncated":
        return
    net = build(stack, "float32", gradient=gradient, optimizer=pylstm.Adam(0.01))
    bring_to(net, when, *random_task(stack, 7, rng))
    ways = {
        "copy": lambda: net.copy(),
        "pickle": lambda: pickle.loads(pickle.dumps(net)),
        "bytes": lambda: pylstm.from_bytes(net.to_bytes()),
    }
    kept = ways[how]()
    assert kept.n_layers == net.n_layers
    assert kept.n_blocks == net.n_blocks == list(stack.n_blocks)
    if when == "traced":
        for model in (net, kept):
            model.reinforce(0.3)
    assert_same_future(kept, net, stack.architecture)


def test_sequences_and_scaling(dtype, rng):
    """Each sequence from a fresh state, inputs and targets in units of their own."""
    stack = STACKS["three"]
    keywords = {"scale_inputs": True, "scale_targets": True}
    net, looped = (build(stack, dtype, **keywords) for _ in range(2))
    inputs, targets = random_task(stack, 30, rng)
    inputs, targets = 40 + 7 * inputs, 1000 * targets
    ran = net.run_sequences(inputs, targets, [10, 5, 15])
    parts = []
    for part in (slice(0, 10), slice(10, 15), slice(15, 30)):
        looped.reset()
        parts.append(looped.run(inputs[part], targets[part], update="sequence"))
    looped.reset()
    assert_same_bits(ran, np.concatenate(parts))
    assert_same_future(net, looped, stack.architecture)


def test_the_gradient_is_taken_on_a_copy(stack, dtype, rng):
    inputs, targets = random_task(stack, 20, rng)
    net, undisturbed = build(stack, dtype), build(stack, dtype)
    for model in (net, undisturbed):
        model.run(inputs[:5], targets[:5], update=100)
    net.gradient(inputs, targets)
    net.gradient(inputs, targets, "bptt", 3)
    assert_same_future(net, undisturbed, stack.architecture)


def test_a_list_of_one_is_one_layer():
    net, one = pylstm.LSTM(2, 1, [4]), pylstm.LSTM(2, 1, 4)
    assert net.n_blocks == 4
    assert_same_bits(dict(net.parameters), dict(one.parameters))


def test_biases_and_names():
    net = pylstm.LSTM(2, 1, [3, 2], bias_init={"forget_gate": 1, "layer1.forget_gate": [2, 3]})
    assert (net.parameters["layer0.forget_gate"][:, -1] == 1).all()
    assert net.parameters["layer1.forget_gate"][:, -1].tolist() == [2, 3]
    assert net.sources[1] == ["below[0]", "below[1]", "below[2]", "cell[0]", "cell[1]", "bias"]
    assert net.n_cells == 5
    assert net.n_parameters == sum(view.size for view in net.parameters.values())
    assert set(net.state) == {
        f"layer{k}.{name}"
        for k in range(2)
        for name in ("cell_state", "cell_output", "input_gate", "forget_gate", "output_gate")
    }


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"n_blocks": [4, 0]}, r"n_blocks\[1\] is 0, wanted a whole number of at least 1"),
        ({"n_blocks": []}, r"n_blocks is \[\], wanted one whole number a layer"),
        ({"n_blocks": [[4], [4]]}, "wanted one whole number a layer"),
        ({"n_blocks": [4, 4], "gradient": "rtrl"}, "'rtrl' with several layers"),
        ({"n_blocks": [4, 4], "shortcut": True}, "wanted skip_outputs=True with it"),
        ({"n_blocks": 4, "skip_inputs": True}, "skip_inputs is True with one layer"),
        ({"n_blocks": [4, 4], "bias_init": {"layer2.output_gate": 0}}, "'layer1.output_gate'"),
    ],
)
def test_what_cannot_be(keywords, sentence):
    with pytest.raises(ValueError, match=sentence):
        pylstm.LSTM(2, 1, **keywords)


def test_what_is_for_one_layer():
    """Each says so, and what is possible instead; nothing has changed."""
    net, pop = pylstm.LSTM(2, 1, [3, 3]), pylstm.Population(2, 2, 1, 3)
    both = pylstm.LSTM(2, 1, 3, bidirectional=True, gradient="bptt")
    untouched, others = net.copy(), pop.copy()
    for use, of_layers, of_directions in [
        (lambda net: net.grow(n_inputs=3), "net has 2 layers, .* built anew", "to grow"),
        (lambda net: pop.__setitem__(0, net), "net has 2 layers, .* each", "in a Population"),
        (
            lambda net: pylstm.Population.from_nets([net]),
            r"n_blocks is \[3, 3\], wanted one layer in a Population; .* each",
            "bidirectional is True, wanted False in a Population",
        ),
    ]:
        with pytest.raises(ValueError, match=of_layers):
            use(net)
        with pytest.raises(ValueError, match=of_directions):
            use(both)
    with pytest.raises(ValueError, match=r"one direction in Streams; .*run_sequences"):
        pylstm.Streams(both, 2)
    with pytest.raises(ValueError, match=r"n_blocks is \[3, 3\], wanted one layer"):
        pylstm.Population(2, 2, 1, [3, 3])
    with pytest.raises(ValueError, match="bidirectional is True, wanted False"):
        pylstm.Population(2, 2, 1, 3, bidirectional=True, gradient="bptt")
    assert_same_model(net, untouched)
    assert_same_bits(dict(pop.parameters), dict(others.parameters))


@pytest.mark.parametrize("kind", [Regressor, Classifier, Forecaster])
def test_the_networks_of_an_estimator_are_of_one_layer(kind):
    with pytest.raises(ValueError, match=r"n_cells is \[8, 8\], wanted a whole number"):
        kind(n_cells=[8, 8])
    for switch in ("skip_inputs", "skip_outputs", "bidirectional"):
        with pytest.raises(ValueError, match=f"network names '{switch}', which the estimator sets"):
            kind(network={switch: True})


def test_a_state_of_another_depth():
    net, state = pylstm.LSTM(2, 1, [3, 3]), pylstm.LSTM(2, 1, [3, 3, 3]).__getstate__()
    state["config"]["n_blocks"] = [3, 3]
    with pytest.raises(ValueError, match="there are 3 layers, wanted 2 by n_blocks"):
        net.__setstate__(state)
    state["below"] = state["below"][:1]
    state["below"][0]["n_steps"] = 7
    with pytest.raises(ValueError, match="the same n_steps in all layers"):
        net.__setstate__(state)
