"""Streams of several layers: as many stacks with the same weights, their gradients added up.

1. The change of an update is the sum over streams of the gradients `stacks` says, truncated, exact
   and over a window: for the covering combinations of switches, in stacks of two and three.
2. Online, outputs, losses, states and weights are those of learners of the oracle, one a stream,
   after every single step, with streams that begin anew, under every optimizer.
3. A run is the loop of its steps, and what is copied, pickled or saved goes on with the same bits,
   in any number of threads.

Few streams share the rows of the weights, four and more are shared out: both are looked at.
"""

import pickle

import numpy as np
import pytest
from nets import (
    assert_close,
    assert_same_bits,
    get_parameters,
    random_parameters,
    random_task,
    set_parameters,
)
from oracle import Architecture
from side_by_side import (
    assert_changes_add_up,
    assert_same_future,
    assert_same_streams,
    random_tasks,
    run_by_hand,
)
from stacks import (
    STACKS,
    Stack,
    StackWitnesses,
    covering_stacks,
    full_stack_gradient,
    join,
    truncated_stack_gradient,
    window_stack_gradient,
)

import pylstm
from pylstm import _core

pytestmark = pytest.mark.usefixtures("layout")

UPDATES = ["step", 4, "sequence"]
GRADIENTS = {
    "truncated": {},
    "bptt": {"gradient": "bptt"},
    "window": {"gradient": "bptt", "window": 3},
}
OPTIMIZERS = {
    "SGD": pylstm.SGD(0.05),
    "momentum": pylstm.SGD(0.05, momentum=0.9, weight_decay=0.1),
    "decayed": pylstm.SGD(0.05, weight_decay=0.1),
    "clip_value": pylstm.SGD(0.05, clip_value=0.05),
    "clip_norm": pylstm.SGD(0.05, clip_norm=0.1),
    "RMSprop": pylstm.RMSprop(0.02, 0.9, 0.05),
    "Adam": pylstm.Adam(0.02, 0.8, 0.95, 0.05, schedule=lambda k: 1 / (1 + k)),
    "Adam, clipped": pylstm.Adam(0.02, 0.8, 0.95, 0.05, clip_norm=0.1, weight_decay=0.1),
    "ObGD": pylstm.ObGD(0.3, 2.0),
}


@pytest.fixture(params=list(STACKS))
def stack(request):
    return STACKS[request.param]


@pytest.fixture(params=[2, 5])
def n_streams(request):
    return request.param


def build(stack, n_streams, dtype="float64", **keywords):
    keywords = {"init_range": 0.5, "seed": 11, "optimizer": pylstm.SGD(0.05)} | keywords
    return pylstm.Streams(pylstm.LSTM(**stack.keywords(), dtype=dtype, **keywords), n_streams)


# ---------------------------------------------------------------- gradients


def summed(gradient, stack, parameters, X, targets, *more):
    """What the oracle says of each stream, added up."""
    each = [gradient(stack, parameters, X[:, b], targets[:, b], *more) for b in range(X.shape[1])]
    return {name: sum(one[name] for one in each) for name in stack.shapes}


def change_of_an_update(stack, parameters, X, targets, **keywords):
    """Of the weights, by one update with a rate of 1."""
    streams = build(stack, X.shape[1], optimizer=pylstm.SGD(1.0), **keywords)
    set_parameters(streams.net, parameters)
    streams.run(X, targets, update="sequence")
    return {name: values - streams.net.parameters[name] for name, values in parameters.items()}


COMBINATIONS = list(enumerate(covering_stacks()))


@pytest.mark.parametrize(("n", "combination"), COMBINATIONS, ids=range(len(COMBINATIONS)))
def test_truncated_gradient_of_every_combination(n, combination, rng):
    parameters = random_parameters(combination, rng)
    X, targets = random_tasks(combination, 5, rng, n_streams=(2, 4)[n % 2])
    wanted = summed(truncated_stack_gradient, combination, parameters, X, targets)
    change = change_of_an_update(combination, parameters, X, targets)
    assert_close(change, wanted, 1e-6)


@pytest.mark.parametrize(("n", "combination"), COMBINATIONS, ids=range(len(COMBINATIONS)))
def test_exact_gradient_of_every_combination(n, combination, rng):
    parameters = random_parameters(combination, rng)
    X, targets = random_tasks(combination, 5, rng, n_streams=(4, 2)[n % 2])
    wanted = summed(full_stack_gradient, combination, parameters, X, targets)
    change = change_of_an_update(combination, parameters, X, targets, gradient="bptt")
    assert_close(change, wanted, 1e-7, floor=1e-3)


@pytest.mark.parametrize("window", [1, 3])
def test_gradient_over_a_window(stack, window, n_streams, rng):
    parameters = random_parameters(stack, rng)
    X, targets = random_tasks(stack, 8, rng, n_streams=n_streams)
    wanted = summed(window_stack_gradient, stack, parameters, X, targets, window)
    change = change_of_an_update(stack, parameters, X, targets, gradient="bptt", window=window)
    assert_close(change, wanted, 1e-7, floor=1e-3)


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
def test_every_instruction_set(isa, gradient, stack, n_streams, rng):
    parameters = random_parameters(stack, rng)
    X, targets = random_tasks(stack, 5, rng, n_streams=n_streams)
    before = _core.choose_isa(isa)
    try:
        change = change_of_an_update(stack, parameters, X, targets, gradient=gradient)
    finally:
        _core.choose_isa(before)
    oracle = truncated_stack_gradient if gradient == "truncated" else full_stack_gradient
    assert_close(change, summed(oracle, stack, parameters, X, targets), 1e-6)


@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("n_streams", [1, 3, 7])
def test_a_record_that_is_full(gradient, n_streams, rng):
    """More steps than a record holds: collected, and settled or slid along, in every layer."""
    stack, n_steps = STACKS["skips"], 1100
    streams = build(stack, n_streams, optimizer=pylstm.SGD(1.0), **GRADIENTS[gradient])
    X, targets = random_tasks(stack, n_steps, rng, n_streams=n_streams)
    assert_changes_add_up(streams, X, targets)


@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
@pytest.mark.parametrize("sizes", [(17, 33), (40, 9, 24)])
def test_wide_layers_of_many_streams(gradient, sizes, rng):
    """Beyond a tile of streams, a block of steps and a few rows of what goes down."""
    stack = Stack(Architecture(n_inputs=5), sizes, True, True)
    parameters = {name: values * 0.3 for name, values in random_parameters(stack, rng).items()}
    X, targets = random_tasks(stack, 40, rng, n_streams=20)
    net = pylstm.LSTM(**stack.keywords(), dtype="float64", gradient=gradient)
    set_parameters(net, parameters)
    wanted = summed(
        lambda stack, parameters, *task: net.gradient(*task), stack, parameters, X, targets
    )
    change = change_of_an_update(stack, parameters, X, targets, gradient=gradient)
    assert_close(change, wanted, 1e-9, floor=1e-2)


# ---------------------------------------------------------------- against the oracle, step by step


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("presence", ["dense", "sparse"])
def test_every_step(stack, optimizer, update, presence, n_streams, rng):
    """Outputs, losses, states and weights; with streams that begin anew in between."""
    optimizer = OPTIMIZERS[optimizer]
    parameters = random_parameters(stack, rng)
    streams = build(stack, n_streams, optimizer=optimizer)
    set_parameters(streams.net, parameters)
    witnesses = StackWitnesses(stack, parameters, optimizer, n_streams)
    X, targets = random_tasks(stack, 10, rng, presence, n_streams=n_streams)
    resets = {2: [1], 4: [0, 1], 7: range(n_streams), 8: [0]}
    close = {"rtol": 1e-8, "atol": 1e-10}
    for t, (x, target) in enumerate(zip(X, targets, strict=True)):
        if t in resets:
            streams.reset(resets[t])
            witnesses.reset(resets[t])
        wanted = witnesses.step(x)
        np.testing.assert_allclose(streams.predict(x), wanted, **close)
        np.testing.assert_allclose(streams.step(x), wanted, **close)
        losses = streams.learn(target, update=update == "step")
        np.testing.assert_allclose(losses, witnesses.learn(target), **close)
        if update == "step" or t == 9 or (update == 4 and t % 4 == 3):
            streams.update()
            witnesses.update()
        np.testing.assert_allclose(join(stack, streams.net.parameters), witnesses.w, **close)
        if t + 1 not in resets:
            for name, values in streams.state.items():
                np.testing.assert_allclose(values, witnesses.state[name], **close)


@pytest.mark.parametrize("n_steps", [1, 2])
def test_a_stream_begins_anew_between_error_and_update(stack, n_steps, n_streams, rng):
    """What was collected from it counts; the others go on with their traces."""
    parameters = random_parameters(stack, rng)
    streams = build(stack, n_streams)
    set_parameters(streams.net, parameters)
    witnesses = StackWitnesses(stack, parameters, pylstm.SGD(0.05), n_streams)
    X, targets = random_tasks(stack, 8, rng, "dense", n_streams=n_streams)
    for t, (x, target) in enumerate(zip(X, targets, strict=True), start=1):
        if t // n_steps % 2:
            target[t % n_streams] = np.nan
        np.testing.assert_allclose(streams.step(x), witnesses.step(x), rtol=0, atol=1e-12)
        streams.learn(target, update=False)
        witnesses.learn(target)
        if t % n_steps == 0:
            for each in (streams, witnesses):
                each.reset([t % n_streams])
                each.update()
        np.testing.assert_allclose(
            join(stack, streams.net.parameters), witnesses.w, rtol=1e-9, atol=1e-11
        )


@pytest.mark.parametrize("gradient", ["bptt", "window"])
def test_an_exact_stream_begins_anew(stack, gradient, n_streams, rng):
    """As many single networks with the same resets, their gradients summed in one update."""
    streams = build(stack, n_streams, optimizer=pylstm.SGD(1.0), **GRADIENTS[gradient])
    singles = [streams.net.copy() for _ in range(n_streams)]
    before = get_parameters(streams.net)
    for chosen in ([1], [0, 1], []):
        X, targets = random_tasks(
            stack, 3, rng, n_streams=n_streams
        )  # a window, which streams have together
        outputs = streams.run(X, targets, update=1000)
        streams.reset(chosen)
        for b, net in enumerate(singles):
            wanted = net.run(X[:, b], targets[:, b], update=1000)
            np.testing.assert_allclose(outputs[:, b], wanted, rtol=0, atol=1e-12)
            if b in chosen:
                net.reset()
    for each in (streams, *singles):
        each.update()
    total = {
        name: sum(values - net.parameters[name] for net in singles)
        for name, values in before.items()
    }
    change = {name: values - streams.net.parameters[name] for name, values in before.items()}
    assert_close(change, total, 1e-10, floor=1e-2)


def test_outside_errors(stack, n_streams, rng):
    """They add up with those of targets, and a row of NaN is none."""
    parameters = random_parameters(stack, rng)
    streams = build(stack, n_streams)
    set_parameters(streams.net, parameters)
    witnesses = StackWitnesses(stack, parameters, pylstm.SGD(0.05), n_streams)
    X, targets = random_tasks(stack, 6, rng, n_streams=n_streams)
    for t, (x, target) in enumerate(zip(X, targets, strict=True)):
        y = streams.step(x)
        witnesses.step(x)
        dy = rng.normal(size=y.shape)
        dy[t % n_streams] = np.nan
        streams.learn(target, update=False)
        streams.learn_from(dy, update=t % 2 == 1)
        witnesses.learn(target)
        witnesses.learn_from(dy)
        if t % 2 == 1:
            witnesses.update()
        np.testing.assert_allclose(
            join(stack, streams.net.parameters), witnesses.w, rtol=1e-9, atol=1e-11
        )


# ---------------------------------------------------------------- the same bits


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("update", UPDATES)
def test_run_is_the_loop(stack, dtype, optimizer, gradient, update, n_streams, rng):
    keywords = {"optimizer": OPTIMIZERS[optimizer], **GRADIENTS[gradient]}
    whole, loop = (build(stack, n_streams, dtype, **keywords) for _ in range(2))
    X, targets = random_tasks(stack, 19, rng, n_streams=n_streams)
    for part in (slice(0, 8), slice(8, 19)):
        outputs = whole.run(X[part], targets[part], update=update)
        assert_same_bits(outputs, run_by_hand(loop, X[part], targets[part], update))
        for streams in (whole, loop):
            streams.reset([1])
    assert_same_future(whole, loop, stack)


@pytest.mark.parametrize("gradient", GRADIENTS)
def test_run_in_pieces(stack, dtype, gradient, n_streams, rng):
    whole, pieces = (build(stack, n_streams, dtype, **GRADIENTS[gradient]) for _ in range(2))
    X, targets = random_tasks(stack, 11, rng, n_streams=n_streams)
    outputs = whole.run(X, targets, update=4)
    parts = [pieces.run(X[part], targets[part], update=4) for part in (slice(0, 2), slice(2, 11))]
    assert_same_bits(np.concatenate(parts), outputs)
    assert_same_future(whole, pieces, stack)


@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
def test_one_stream_is_the_network(stack, gradient, rng):
    streams = build(stack, 1, gradient=gradient)
    net = streams.net.copy()
    X, targets = random_tasks(stack, 13, rng, n_streams=1)
    for update in UPDATES:
        wanted = net.run(X[:, 0], targets[:, 0], update=update)
        got = streams.run(X, targets, update=update)
        np.testing.assert_allclose(got[:, 0], wanted, rtol=0, atol=1e-11)
        assert_close(get_parameters(streams.net), get_parameters(net), 1e-10)


@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
def test_tokens_are_their_vectors(stack, dtype, gradient, n_streams, rng):
    tokens, dense = (build(stack, n_streams, dtype, gradient=gradient) for _ in range(2))
    X = rng.integers(0, stack.n_inputs, (12, n_streams))
    _, targets = random_tasks(stack, 12, rng, n_streams=n_streams)
    vectors = np.eye(stack.n_inputs)[X]
    assert_same_bits(tokens.run(X, targets, update=5), dense.run(vectors, targets, update=5))
    assert_same_bits(tokens.predict(X[0]), dense.predict(vectors[0]))
    assert_same_streams(tokens, dense)


@pytest.mark.parametrize("n_streams", [2, 5, 16])
@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("update", UPDATES)
def test_threads_make_no_difference(n_streams, gradient, update, rng):
    before, results = pylstm.get_threads(), []
    X = rng.normal(size=(30, n_streams, 20)).astype(np.float32)
    targets = rng.normal(size=(30, n_streams, 2)).astype(np.float32)
    try:
        for n_threads in (1, 3):
            pylstm.set_threads(n_threads)
            net = pylstm.LSTM(
                20, 2, [60, 33], skip_inputs=True, skip_outputs=True,
                optimizer=pylstm.SGD(0.01), **GRADIENTS[gradient],
            )  # fmt: skip
            outputs = pylstm.Streams(net, n_streams).run(X, targets, update=update)
            results.append(get_parameters(net) | {"outputs": outputs})
    finally:
        pylstm.set_threads(before)
    assert_same_bits(*results)


@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("how", ["copy", "pickle", "bytes"])
def test_what_is_kept_goes_on_the_same(stack, update, gradient, how, n_streams, rng):
    """From the middle of a chunk, with errors collected and a stream begun anew."""
    keywords = {"optimizer": pylstm.Adam(0.01), **GRADIENTS[gradient]}
    streams = build(stack, n_streams, "float32", **keywords)
    X, targets = random_tasks(stack, 7, rng, "dense", n_streams=n_streams)
    streams.run(X, targets, update=update)
    streams.step(X[0])
    streams.learn(targets[0], update=False)
    streams.reset(1)
    streams.step(X[1])
    ways = {
        "copy": lambda: streams.copy(),
        "pickle": lambda: pickle.loads(pickle.dumps(streams)),
        "bytes": lambda: pylstm.from_bytes(streams.to_bytes()),
    }
    other = ways[how]()
    assert other.net is not streams.net
    for s in (streams, other):
        s.learn(targets[1], update=False)
        s.reset([0])
    assert_same_future(other, streams, stack)


# ---------------------------------------------------------------- sequences, heads, what is shared


@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
@pytest.mark.parametrize("last", [False, True])
def test_sequences_of_any_lengths(stack, gradient, last, rng):
    """A batch by itself: as many single networks with the gradients summed."""
    streams = build(stack, 4, optimizer=pylstm.SGD(1.0), **GRADIENTS[gradient])
    singles = [streams.net.copy() for _ in range(4)]
    before = get_parameters(streams.net)
    lengths = [5, 2, 7, 3]
    inputs, targets = random_task(stack, sum(lengths), rng, "dense")
    targets = targets[:4] if last else targets
    outputs = streams.run_sequences(inputs, targets, lengths, last=last)
    total = {name: np.zeros_like(values) for name, values in before.items()}
    parts = np.split(np.arange(sum(lengths)), np.cumsum(lengths)[:-1])
    for b, (net, part) in enumerate(zip(singles, parts, strict=True)):
        own = [b] if last else part
        wanted = net.run_sequences(inputs[part], targets[own], last=last)
        np.testing.assert_allclose(outputs[own], wanted, rtol=0, atol=1e-12)
        for name, values in before.items():
            total[name] += values - net.parameters[name]
    change = {name: values - streams.net.parameters[name] for name, values in before.items()}
    assert_close(change, total, 1e-10, floor=1e-2)


@pytest.mark.parametrize("gradient", ["truncated", "bptt"])
@pytest.mark.parametrize("skip_outputs", [False, True])
def test_heads(gradient, skip_outputs, n_streams, rng):
    heads = [pylstm.Head(3, "softmax"), pylstm.Head(1, weight=0.5), pylstm.Head(2, "logistic")]
    net = pylstm.LSTM(
        4, heads, [5, 3], skip_outputs=skip_outputs, gradient=gradient, dtype="float64",
        init_range=0.5, optimizer=pylstm.SGD(1.0),
    )  # fmt: skip
    streams, singles = pylstm.Streams(net, n_streams), [net.copy() for _ in range(n_streams)]
    before = get_parameters(net)
    X = rng.normal(size=(6, n_streams, 4))
    targets = np.concatenate(
        [
            np.eye(3)[rng.integers(0, 3, (6, n_streams))],
            rng.normal(size=(6, n_streams, 1)),
            rng.uniform(size=(6, n_streams, 2)),
        ],
        axis=2,
    )
    targets[rng.random((6, n_streams)) < 0.4, :3] = np.nan
    Y, losses = streams.run(X, targets, update="sequence", return_loss=True)
    total = {name: np.zeros_like(values) for name, values in before.items()}
    for b, single in enumerate(singles):
        y, wanted = single.run(X[:, b], targets[:, b], update="sequence", return_loss=True)
        np.testing.assert_allclose(Y[:, b], y, rtol=1e-12)
        np.testing.assert_allclose(losses[:, b], wanted, rtol=1e-12)
        for name, values in before.items():
            total[name] += values - single.parameters[name]
    change = {name: values - net.parameters[name] for name, values in before.items()}
    assert_close(change, total, 1e-10, floor=1e-2)


def test_weights_are_shared(stack, n_streams, rng):
    """What streams learn the network knows, in every layer, and the other way round."""
    streams = build(stack, n_streams)
    net, second = streams.net, pylstm.Streams(streams.net, 1)
    X, targets = random_tasks(stack, 3, rng, "dense", n_streams=n_streams)
    streams.run(X, targets)
    alone = net.copy()
    assert_same_bits(net.step(X[0, 0]), alone.step(X[0, 0]))
    net.run(X[:, 0], targets[:, 0])
    assert_same_bits(second.step(X[1, :1]), pylstm.Streams(net, 1).step(X[1, :1]))
    net.optimizer = pylstm.SGD(0.0, momentum=0.5)
    before = get_parameters(net)
    streams.run(X, targets)
    assert_same_bits(get_parameters(net), before)


def test_state_and_sizes(rng):
    streams = pylstm.Streams(pylstm.LSTM(2, 1, [3, 2], n_units=[0, 1]), 4)
    assert {name: values.shape for name, values in streams.state.items()} == {
        f"layer{k}.{name}": (4, n)
        for k, n in ((0, 3), (1, 2))
        for name in ("cell_state", "cell_output", "input_gate", "forget_gate", "output_gate")
    } | {"layer1.unit": (4, 1)}
    streams.run(rng.normal(size=(5, 4, 2)))
    assert (streams.n_steps, streams.n_streams) == (5, 4)


# ---------------------------------------------------------------- what is refused


def test_divergence_names_the_step_and_forgets_it(n_streams, rng):
    """Of a stretch that diverges all layers keep the steps before."""
    net = pylstm.LSTM(2, 1, [3, 2], skip_outputs=True, cell_input="identity")
    streams = pylstm.Streams(net, n_streams)
    X = rng.normal(size=(20, n_streams, 2))
    X[7, -1] = 3e38
    net.parameters["layer0.cell_input"][:] = 3
    with pytest.raises(FloatingPointError, match="the streams diverged at step 7"):
        streams.run(X, np.zeros((20, n_streams, 1)), update="sequence")
    assert streams.n_steps == 7
    state = streams.__getstate__()
    assert state["n_pending_of"] == [7] * n_streams == state["below"][0]["n_pending_of"]


def test_a_state_of_another_depth():
    streams = pylstm.Streams(pylstm.LSTM(2, 1, [3, 3]), 2)
    streams.step(np.ones((2, 2)))
    two, one = streams.__getstate__(), pylstm.Streams(pylstm.LSTM(2, 1, 3), 2).__getstate__()
    for state, sentence in [
        ({**two, "below": two["below"] * 2}, "2 layers, as net has"),
        ({name: value for name, value in two.items() if name != "below"}, "below"),
        ({**one, "below": two["below"]}, "below"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            streams.__setstate__(state)
