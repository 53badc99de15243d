"""Exact gradients by real-time recurrent learning, proved against the oracle.

1. `gradient` is the full gradient by central differences, for every combination of switches, and
   that of backpropagation through time.
2. While weights change, every step is that of `oracle.ExactLearner`, whose whole state carries
   complex tangents.
3. However it is called, copied, saved, or shared among threads: the same bits.
"""

import pickle

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
from oracle import Architecture, ExactLearner, full_gradient

import pylstm
from pylstm import _core

RTOL = 1e-7
ONLINE = {"float32": 1e-4, "float64": 1e-10}


def rtrl(architecture, dtype="float64", parameters=None, **keywords):
    net = build(architecture, dtype, gradient="rtrl", **keywords)
    set_parameters(net, {} if parameters is None else parameters)
    return net


# ---------------------------------------------------------------- what is computed


def test_gradient_of_every_combination_is_that_of_the_loss(combination, rng):
    parameters = random_parameters(combination, rng)
    inputs, targets = random_task(combination, 6, rng)
    wanted = full_gradient(combination, parameters, inputs, targets)
    net = rtrl(combination, parameters=parameters)
    gradient = net.gradient(inputs, targets)
    assert_close(gradient, wanted, RTOL)
    assert_close(gradient, net.gradient(inputs, targets, gradient="bptt"), 1e-10)


def test_any_network_gives_it(architecture, layout, rng):
    """A call of its own chooses it, and changes nothing; in float32 to its precision."""
    inputs, targets = random_task(architecture, 12, rng)
    wanted = rtrl(architecture).gradient(inputs, targets)
    net, undisturbed = build(architecture), build(architecture)
    assert_close(net.gradient(inputs, targets, gradient="rtrl"), wanted, 1e-12)
    assert_same_future(net, undisturbed, architecture)
    gradient = rtrl(architecture, "float32").gradient(inputs, targets)
    assert {values.dtype for values in gradient.values()} == {np.dtype("float32")}
    assert_close(gradient, wanted, rtol=5e-4, floor=0.01)


@pytest.mark.parametrize("block_size", [1, 2])
def test_gradient_at_every_size(size, block_size, layout, rng):
    """Sizes at and around the widths of vectors and blocks; few columns for the large ones."""
    few = size > 8
    architecture = Architecture(
        n_inputs=1, n_outputs=1, n_blocks=size, block_size=block_size, peepholes=True,
        gate_recurrence=not few, cell_recurrence=not few, shortcut=True,
    )  # fmt: skip
    parameters = {
        name: values / np.sqrt(size)
        for name, values in random_parameters(architecture, rng).items()
    }
    inputs, targets = random_task(architecture, 4, rng)
    learner = ExactLearner(architecture, parameters)
    for x, target in zip(inputs, targets, strict=True):
        learner.step(x)
        learner.learn(target)
    net = rtrl(architecture, parameters=parameters)
    assert_close(net.gradient(inputs, targets), learner.gradient, 1e-11)


@pytest.mark.parametrize("isa", _core.available_isas())
def test_gradient_on_every_instruction_set(isa, rng):
    before = _core.choose_isa(isa)
    try:
        for architecture in NETS.values():
            inputs, targets = random_task(architecture, 5, rng)
            net = rtrl(architecture)
            learner = ExactLearner(architecture, net.parameters)
            for x, target in zip(inputs, targets, strict=True):
                learner.step(x)
                learner.learn(target)
            assert_close(net.gradient(inputs, targets), learner.gradient, 1e-11)
    finally:
        _core.choose_isa(before)


@pytest.mark.parametrize("update_every", [1, 4])
def test_weights_after_every_step(architecture, dtype, update_every, layout, rng):
    """Weights change at every step or every fourth; half of the steps have no target."""
    inputs, targets = random_task(architecture, 16, rng)
    net = rtrl(architecture, dtype, momentum=0.5)
    learner = ExactLearner(architecture, net.parameters, learning_rate=0.05, momentum=0.5)
    for t, (x, target) in enumerate(zip(inputs, targets, strict=True)):
        if t == 11:
            net.reset()
            learner.reset()
        np.testing.assert_allclose(net.step(x), learner.step(x), rtol=ONLINE[dtype], atol=1e-5)
        if not np.isnan(target).any():
            loss = net.learn(target, update=update_every == 1)
            assert loss == pytest.approx(learner.learn(target), rel=10 * ONLINE[dtype])
            if update_every == 1:
                learner.update()
        if update_every > 1 and t % update_every == 0:
            net.update()
            learner.update()
        assert_close(net.parameters, learner.parameters, ONLINE[dtype])


def test_outside_errors_and_several_of_one_step(architecture, rng):
    inputs, targets = random_task(architecture, 8, rng, "dense")
    net = rtrl(architecture)
    learner = ExactLearner(architecture, net.parameters, learning_rate=0.05)
    for t, (x, target) in enumerate(zip(inputs, targets, strict=True)):
        dy = rng.normal(size=net.n_outputs)
        for model in (net, learner):
            model.step(x)
            model.learn_from(dy) if model is learner else model.learn_from(dy, update=False)
            if t % 2:
                model.learn(target) if model is learner else model.learn(target, update=False)
        for model in (net, learner):
            model.update()
        assert_close(net.parameters, learner.parameters, 1e-10)


def test_it_is_another_gradient_than_the_truncated_one(rng):
    architecture = Architecture(n_blocks=4)
    inputs, targets = random_task(architecture, 20, rng)
    net = build(architecture)
    truncated, exact = (net.gradient(inputs, targets, gradient=g) for g in ("truncated", "rtrl"))
    assert_same_bits(truncated["output"].shape, exact["output"].shape)
    difference = np.abs(truncated["input_gate"] - exact["input_gate"]).max()
    assert difference > 0.1 * np.abs(exact["input_gate"]).max()


OPTIMIZERS = (
    pylstm.SGD(0.05, momentum=0.5, clip_norm=0.3), pylstm.SGD(0.05, clip_value=0.02),
    pylstm.RMSprop(0.01), pylstm.Adam(0.01, weight_decay=0.1), pylstm.ObGD(0.5),
    pylstm.SGD(0.05, schedule=lambda k: 1 / (1 + k)),
)  # fmt: skip


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=range(len(OPTIMIZERS)))
@pytest.mark.parametrize("update", ["step", 3, "sequence"])
def test_every_optimizer_learns_the_same_where_nothing_is_cut(optimizer, update, dtype, rng):
    """Without recurrence the truncated gradient is the exact one: both learn alike, scaled too."""
    scales = {"scale_inputs": True, "scale_targets": True}
    architecture = Architecture(cell_recurrence=False, shortcut=True, block_size=2)
    inputs, targets = random_task(architecture, 24, rng)
    nets = [
        pylstm.LSTM(
            **architecture.keywords(), **scales, gradient=gradient, dtype=dtype,
            optimizer=optimizer,
        )
        for gradient in ("rtrl", "truncated")
    ]  # fmt: skip
    for net in nets:
        net.run(7 * inputs + 3, 5 * targets, update=update)
    assert_close(nets[0].parameters, nets[1].parameters, 1e-3 if dtype == "float32" else 1e-9)


# ---------------------------------------------------------------- the same bits


@pytest.mark.parametrize("update", ["step", "sequence", 3])
def test_run_is_a_loop_of_steps(architecture, dtype, update, layout, rng):
    inputs, targets = random_task(architecture, 15, rng)
    by_run, in_parts, by_hand = (rtrl(architecture, dtype, momentum=0.5) for _ in range(3))
    outputs = by_run.run(inputs, targets, update=update)
    assert_same_bits(outputs, run_by_hand(by_hand, inputs, targets, update))
    if update != "sequence":
        parts = [(0, 1), (1, 8), (8, 8), (8, 15)]
        pieces = [in_parts.run(inputs[a:b], targets[a:b], update=update) for a, b in parts]
        assert_same_bits(np.concatenate(pieces), outputs)
        assert_same_model(in_parts, by_run)
    assert_same_future(by_run, by_hand, architecture)


@pytest.mark.parametrize("update", ["sequence", 4])
def test_sequences_are_runs_between_resets(architecture, dtype, update, rng):
    inputs, targets = random_task(architecture, 13, rng)
    at_once, by_hand = (rtrl(architecture, dtype) for _ in range(2))
    outputs, start = [], 0
    for length in (4, 1, 8):
        part = slice(start, start + length)
        by_hand.reset()
        outputs.append(by_hand.run(inputs[part], targets[part], update=update))
        start += length
    by_hand.reset()
    together = at_once.run_sequences(inputs, targets, [4, 1, 8], update=update)
    assert_same_bits(together, np.concatenate(outputs))
    assert_same_future(at_once, by_hand, architecture)


def test_reset_forgets_everything(architecture, dtype, rng):
    inputs, targets = random_task(architecture, 9, rng)
    used, fresh = rtrl(architecture, dtype), rtrl(architecture, dtype)
    used.run(5 * inputs[::-1])
    used.reset()
    outputs = [net.run(inputs, targets, update="sequence") for net in (used, fresh)]
    assert_same_bits(*outputs)
    assert_same_future(used, fresh, architecture)


@pytest.mark.parametrize("moment", ["step", "learned", "collected", "updated", "reset"])
def test_saved_at_any_moment(architecture, dtype, moment, tmp_path, rng):
    """By copy, pickle and file."""
    inputs, targets = random_task(architecture, 9, rng)
    net = rtrl(architecture, dtype, momentum=0.5)
    net.run(inputs, targets, update=4)
    net.step(inputs[0])
    if moment != "step":
        net.learn(targets[-1], update=moment == "updated")
    if moment == "collected":
        net.step(inputs[1])
    if moment == "reset":
        net.reset()
    net.save(tmp_path / "net.safetensors")
    others = net.copy(), pickle.loads(pickle.dumps(net)), pylstm.load(tmp_path / "net.safetensors")
    for other in others:
        assert_same_future(other, net.copy(), architecture)


@pytest.mark.parametrize("update", ["step", "sequence", 3])
def test_tokens_are_their_vectors(architecture, dtype, update, layout, rng):
    _, targets = random_task(architecture, 14, rng)
    tokens = rng.integers(0, architecture.n_inputs, 14)
    vectors = np.eye(architecture.n_inputs)[tokens]
    by_token, by_vector = (rtrl(architecture, dtype) for _ in range(2))
    outputs = [
        net.run(given[:9], targets[:9], update=update)
        for net, given in ((by_token, tokens), (by_vector, vectors))
    ]
    assert_same_bits(*outputs)
    for token, vector, target in zip(tokens[9:], vectors[9:], targets[9:], strict=True):
        assert_same_bits(by_token.step(token, target), by_vector.step(vector, target))
    assert_same_model(by_token, by_vector)
    by_token.reset(), by_vector.reset()
    assert_same_bits(by_token.gradient(tokens, targets), by_vector.gradient(vectors, targets))


def test_predict_changes_nothing(architecture, dtype, rng):
    inputs, targets = random_task(architecture, 6, rng)
    net, undisturbed = (rtrl(architecture, dtype) for _ in range(2))
    for x, target in zip(inputs, targets, strict=True):
        wanted = net.predict(x)
        assert_same_bits(net.step(x), wanted)
        undisturbed.step(x)
        net.predict(5 * x)
        for model in (net, undisturbed):
            model.learn(target)
    assert_same_future(net, undisturbed, architecture)


@pytest.mark.parametrize("large", [False, True])
def test_threads_do_not_change_the_bits(large, rng):
    architecture = Architecture(n_inputs=9, n_blocks=24, peepholes=True)
    inputs, targets = random_task(architecture, 12, rng)
    threads, large_from = pylstm.get_threads(), _core.choose_large_from()
    nets = []
    try:
        _core.choose_large_from(0 if large else 1 << 60)
        for n_threads in (1, 2, 3):
            pylstm.set_threads(n_threads)
            net = rtrl(architecture, "float32", init_range=0.2)
            net.run(inputs, targets)
            for x, target in zip(inputs, targets, strict=True):
                net.step(x, target)
            nets.append(net)
        for net in nets[1:]:
            assert_same_future(net, nets[0].copy(), architecture)
    finally:
        pylstm.set_threads(threads)
        _core.choose_large_from(large_from)


# ---------------------------------------------------------------- what is refused


def test_more_memory_than_the_limit_is_refused_with_the_figure():
    with pytest.raises(ValueError, match=r"needs 64,544,768,000 bytes .* 1,073,741,824$"):
        pylstm.LSTM(1000, 1, 1000, gradient="rtrl")
    small = {"n_inputs": 2, "n_outputs": 1, "n_blocks": 3, "dtype": "float64"}
    with pytest.raises(ValueError, match=r"wanted at most memory_limit, 100$") as refused:
        pylstm.LSTM(**small, gradient="rtrl", memory_limit=100)
    needed = int(str(refused.value).split(" bytes")[0].split()[-1].replace(",", ""))
    net = pylstm.LSTM(**small, gradient="rtrl", memory_limit=needed)
    net.run([[1.0, 2.0]])
    assert net.__getstate__()["sensitivities"].nbytes == needed
    assert net.copy()._config()["memory_limit"] == needed
    with pytest.raises(ValueError, match=f"at most memory_limit, {needed - 1:,}$"):
        pylstm.LSTM(**small, gradient="rtrl", memory_limit=needed - 1)
    with pytest.raises(ValueError, match=r"at most memory_limit, 7$"):
        pylstm.LSTM(**small, memory_limit=7).gradient([[1.0, 2.0]], [[0.5]], gradient="rtrl")
    for limit in (0, 1.5, True, "1 GiB"):
        with pytest.raises(ValueError, match=r"memory_limit is .*, wanted a whole number"):
            pylstm.LSTM(**small, memory_limit=limit)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda net: pylstm.Streams(net, 2), "gradient='rtrl', which Streams do not know"),
        (lambda net: pylstm.Delayed(net, 2), "wanted 'truncated' in a Delayed"),
        (lambda net: net.grow(n_inputs=5), "wanted a network with gradient='truncated' to grow"),
        (lambda net: net.learn_from([1.0], trace=0.5), "gradient is 'rtrl'"),
        (lambda net: net.reinforce(1.0), "gradient is 'rtrl'"),
        (lambda net: net.gradient([[1.0, 2.0]], [[1.0]], window=3), "only 'bptt' has one"),
        (lambda net: pylstm.Population(2, 2, 1, 3, gradient="rtrl"), "in a Population"),
    ],
)
def test_refuses(call, words):
    net = pylstm.LSTM(2, 1, 3, gradient="rtrl")
    undisturbed = net.copy()
    for model in (net, undisturbed):
        model.step([1.0, 2.0])
    with pytest.raises(ValueError, match=words):
        call(net)
    assert_same_future(net, undisturbed, Architecture(2, 1, 3))


def test_refuses_a_saved_network_that_contradicts_itself():
    net = pylstm.LSTM(2, 1, 3, gradient="rtrl")
    net.run([[1.0, 2.0]])
    state = net.__getstate__()
    for changes, words in (
        ({"sensitivities": state["sensitivities"][1:]}, "saved network does not fit: sens"),
        ({"all_live": 0}, "the saved network"),
    ):
        with pytest.raises(ValueError, match=words):
            pylstm.LSTM.__new__(pylstm.LSTM).__setstate__({**state, **changes})


def test_divergence_names_its_step():
    net = pylstm.LSTM(1, 1, 2, gradient="rtrl", optimizer=pylstm.SGD(1e30))
    with pytest.raises(FloatingPointError, match="diverged at step"):
        net.run(np.ones((50, 1)), np.full((50, 1), 3.0))


def test_parameters_written_between_steps_count_from_then_on(rng):
    architecture = NETS["everything"]
    inputs, targets = random_task(architecture, 8, rng, "dense")
    net = rtrl(architecture)
    learner = ExactLearner(architecture, net.parameters, learning_rate=0.05)
    for x, target in zip(inputs, targets, strict=True):
        learner.step(x)
        learner.learn(target)
        learner.update()
        net.step(x, target)
        moved = random_parameters(architecture, rng)
        set_parameters(net, moved)
        learner.w = np.concatenate([moved[name].ravel() for name in architecture.shapes])
    net.step(inputs[0], targets[0])
    learner.step(inputs[0])
    learner.learn(targets[0])
    learner.update()
    assert_close(get_parameters(net), learner.parameters, 1e-10)
