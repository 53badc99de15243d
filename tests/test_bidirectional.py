"""Both directions: outputs and gradients against the oracle, whole sequences, bad input."""

import pickle

import numpy as np
import pytest
from both import Both, both_outputs, full_both_gradient, truncated_both_gradient
from nets import (
    NETS,
    assert_close,
    assert_same_bits,
    covering_combinations,
    get_parameters,
    random_parameters,
    random_task,
    set_parameters,
)
from oracle import Architecture

import pylstm
from pylstm import _core

pytestmark = pytest.mark.usefixtures("layout")


def build(stack, dtype="float64", **keywords):
    keywords = {"init_range": 0.5, "seed": 11, "optimizer": pylstm.SGD(0.05)} | keywords
    return pylstm.LSTM(**stack.keywords(), dtype=dtype, **keywords)


def _stacks():
    """The covering combinations, in one layer, in two and in three."""
    ways = (
        ((2,), False, False),
        ((1, 2), False, True),
        ((2, 1), True, False),
        ((1, 2, 1), True, True),
    )
    return [
        Both(net, sizes, skip_inputs, len(sizes) > 1 and (skip_outputs or net.shortcut))
        for k, net in enumerate(covering_combinations())
        for sizes, skip_inputs, skip_outputs in [ways[k % 4]]
    ]  # fmt: skip


@pytest.mark.parametrize("stack", _stacks(), ids=range(len(_stacks())))
def test_outputs_and_gradient_of_every_combination(stack, rng):
    parameters = random_parameters(stack, rng)
    inputs, targets = random_task(stack, 4, rng)
    net = build(stack)
    assert {name: view.shape for name, view in net.parameters.items()} == stack.shapes
    set_parameters(net, parameters)
    wanted = truncated_both_gradient(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets), wanted, 1e-6)
    wanted = full_both_gradient(stack, parameters, inputs, targets)
    assert_close(net.gradient(inputs, targets, "bptt"), wanted, 1e-7, floor=1e-3)
    outputs = both_outputs(stack, parameters, inputs)
    np.testing.assert_allclose(net.run_sequences(inputs), outputs, rtol=1e-11, atol=1e-12)


FEW = {
    "one": Both(Architecture(), (3,)),
    "two": Both(Architecture(n_inputs=2, output="logistic"), (3, 2), True, True),
    "softmax": Both(NETS["softmax"], (4, 3, 2)),
    "units": Both(Architecture(unit="tanh"), (2, 0), n_units=(1, 3)),
}


@pytest.fixture(params=list(FEW))
def stack(request):
    return FEW[request.param]


@pytest.fixture(params=["truncated", "bptt"])
def gradient(request):
    return request.param


@pytest.mark.parametrize("isa", _core.available_isas())
def test_every_instruction_set_and_size(isa, rng):
    stack = Both(Architecture(n_inputs=3), (9, 17))
    before = _core.choose_isa(isa)
    try:
        net, single = build(stack), build(stack, "float32")
    finally:
        _core.choose_isa(before)
    set_parameters(single, get_parameters(net))
    inputs, targets = random_task(stack, 70, rng)
    outputs = both_outputs(stack, get_parameters(net), inputs)
    np.testing.assert_allclose(net.run_sequences(inputs), outputs, rtol=1e-11, atol=1e-12)
    for how in ("truncated", "bptt"):
        wanted = net.gradient(inputs, targets, how)
        assert_close(single.gradient(inputs, targets, how), wanted, 1e-3, floor=0.01)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("clip_norm", [None, 0.05])
def test_sequences_learn_one_after_the_other(stack, gradient, last, clip_norm, dtype, rng):
    """An update a sequence is a step down its gradient; "last": a target at its end only."""
    optimizer = pylstm.SGD(0.05, clip_norm=clip_norm)
    net = build(stack, dtype, gradient=gradient, optimizer=optimizer)
    lengths = [5, 1, 7]
    inputs, targets = random_task(stack, 13, rng, "dense")
    ends = np.cumsum(lengths)
    if last:
        targets = targets[ends - 1]
    tolerance = 1e-10 if dtype == "float64" else 1e-4
    other, outputs = net.copy(), []
    for k, (end, length) in enumerate(zip(ends, lengths, strict=True)):
        x = inputs[end - length : end]
        t = np.full((length, stack.n_outputs), np.nan) if last else targets[end - length : end]
        if last:
            t[-1] = targets[k]
        y = other.run_sequences(x)
        outputs.append(y[-1:] if last else y)
        slopes = other.gradient(x, t)
        norm = np.sqrt(sum((g.astype(float) ** 2).sum() for g in slopes.values()))
        for name, view in other.parameters.items():
            view -= 0.05 * slopes[name] * min(1, (clip_norm or np.inf) / norm)
    got = net.run_sequences(inputs, targets, lengths, last=last)
    np.testing.assert_allclose(got, np.concatenate(outputs), rtol=tolerance, atol=tolerance)
    for name, view in net.parameters.items():
        np.testing.assert_allclose(view, other.parameters[name], rtol=tolerance, atol=tolerance)


def test_updates_every_so_many_steps(stack, rng):
    """At the end of the sequence that makes them so many, by the gradients of all since."""
    net, other = build(stack), build(stack)
    inputs, targets = random_task(stack, 12, rng, "dense")
    gradients = [net.gradient(inputs[k : k + 3], targets[k : k + 3]) for k in (0, 3)]
    net.run_sequences(inputs[:6], targets[:6], [3, 3], update=5)
    for name, view in other.parameters.items():
        view -= 0.05 * (gradients[0][name] + gradients[1][name])
        np.testing.assert_allclose(net.parameters[name], view, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("how", ["copy", "pickle", "bytes"])
def test_what_is_kept_goes_on_the_same(stack, gradient, how, rng):
    net = build(stack, "float32", gradient=gradient, optimizer=pylstm.Adam(0.01))
    inputs, targets = random_task(stack, 10, rng)
    net.run_sequences(inputs, targets, [4, 6], update=7)
    net.run_sequences(inputs, targets, [4, 6], update=99)  # collected, not applied
    ways = {
        "copy": lambda: net.copy(),
        "pickle": lambda: pickle.loads(pickle.dumps(net)),
        "bytes": lambda: pylstm.from_bytes(net.to_bytes()),
    }
    kept = ways[how]()
    for _ in range(3):
        ran = [model.run_sequences(inputs, targets, [6, 4]) for model in (net, kept)]
        assert_same_bits(*ran)
    assert_same_bits(get_parameters(kept), get_parameters(net))


def test_tokens_are_their_vectors(stack, gradient, dtype, rng):
    net, dense = (build(stack, dtype, gradient=gradient) for _ in range(2))
    tokens = rng.integers(0, stack.n_inputs, 20)
    _, targets = random_task(stack, 20, rng)
    vectors = np.eye(stack.n_inputs)[tokens]
    assert_same_bits(
        net.run_sequences(tokens, targets, [8, 12]), dense.run_sequences(vectors, targets, [8, 12])
    )
    assert_same_bits(get_parameters(net), get_parameters(dense))


def test_it_sees_what_comes_later():
    """Was there a 1 after this step? A net that reads forwards cannot know."""
    rng = np.random.default_rng(0)
    X = (rng.random((400, 10)) < 0.1).astype(float)
    later = X[:, ::-1].cumsum(axis=1)[:, ::-1] - X > 0
    right = []
    for both in (True, False):
        net = pylstm.LSTM(
            1, 1, 6, output="logistic", gradient="bptt", bidirectional=both,
            optimizer=pylstm.Adam(0.02),
        )  # fmt: skip
        net.fit(X.reshape(-1, 1), later.reshape(-1, 1).astype(float), [10] * 400, n_epochs=3)
        y = net.run_sequences(X.reshape(-1, 1), lengths=[10] * 400)
        right.append(np.mean((y > 0.5) == later.reshape(-1, 1)))
    assert right[0] > 0.97 > 0.9 > right[1]


@pytest.mark.parametrize(
    ("keywords", "sentence"),
    [
        ({"gradient": "rtrl"}, "'rtrl' with several layers, wanted 'truncated' or 'bptt'"),
        ({"gradient": "rtrl", "n_blocks": 4}, "'rtrl' with bidirectional=True, wanted 'truncated'"),
        ({"window": 5}, "window is 5 with bidirectional=True, wanted None"),
        ({"scale_inputs": True}, "scale_inputs is True with bidirectional=True, wanted False"),
    ],
)  # fmt: skip
def test_what_cannot_be(keywords, sentence):
    with pytest.raises(ValueError, match=sentence):
        pylstm.LSTM(
            2, 1, **{"n_blocks": [4, 4], "bidirectional": True, "gradient": "bptt"} | keywords
        )


def test_a_single_step_has_no_outputs():
    net = pylstm.LSTM(2, 1, 4, bidirectional=True)
    for use in (
        lambda: net.step([0, 1]),
        lambda: net.predict([0, 1]),
        lambda: net.run([[0, 1]]),
    ):
        with pytest.raises(ValueError, match="of a sequence without its end has no outputs"):
            use()
    with pytest.raises(ValueError, match="wanted 'sequence' or a number of steps"):
        net.run_sequences([[0, 1]], [[1]], update="step")
    with pytest.raises(RuntimeError, match="no step to learn from"):
        net.learn([1.0])
    with pytest.raises(ValueError, match="LSTM of one direction in Streams"):
        pylstm.Streams(net, 2)
    for use in (lambda: net.learn_from([1.0], trace=0.9), lambda: net.reinforce(1.0)):
        with pytest.raises(ValueError, match="wanted a network of one direction"):
            use()
    with pytest.raises(ValueError, match="gradient is 'rtrl' with bidirectional=True"):
        net.gradient([[0, 1]], [[1]], "rtrl")
