"""Copies and pickles taken at any moment go on as the original does, to the last bit."""

import copy
import pickle

import numpy as np
import pytest
from nets import NETS, assert_same_bits, assert_same_future, assert_same_model, build, random_task
from oracle import Architecture

pytestmark = pytest.mark.usefixtures("layout")


def fresh(net, inputs, targets):
    pass


def after_a_step(net, inputs, targets):
    net.run(inputs, targets)
    net.step(inputs[0])


def after_learning(net, inputs, targets):
    net.step(inputs[0])
    net.learn(targets[-1])


def after_a_run_of_steps(net, inputs, targets):
    net.run(inputs, targets)


def after_a_run_of_sequences(net, inputs, targets):
    for _ in range(3):
        net.run(inputs, targets, update="sequence")


def after_collecting_by_hand(net, inputs, targets):
    net.run(inputs, targets)
    net.step(inputs[0])
    net.learn(targets[-1], update=False)


def in_the_middle_of_a_chunk(net, inputs, targets):
    net.run(inputs, targets, update=4)
    net.run(inputs[:1], targets[-1:], update=4)  # three steps after the third update


def in_a_mini_batch_of_sequences(net, inputs, targets):
    net.run(inputs, targets, update=1000)
    net.reset()
    net.run(inputs[:4], targets[-4:], update=1000)


def after_reset(net, inputs, targets):
    net.run(inputs, targets)
    net.reset()


def after_writing_parameters(net, inputs, targets):
    net.run(inputs, targets)
    for values in net.parameters.values():
        values *= -0.5


def after_a_prediction(net, inputs, targets):
    net.run(inputs, targets)
    net.predict(inputs[0])


MOMENTS = [
    fresh, after_a_step, after_learning, after_a_run_of_steps, after_a_run_of_sequences,
    after_collecting_by_hand, in_the_middle_of_a_chunk, in_a_mini_batch_of_sequences,
    after_reset, after_writing_parameters, after_a_prediction,
]  # fmt: skip
CAN_LEARN_AGAIN = [after_a_step, after_collecting_by_hand]

COPIERS = {
    "copy": lambda net: net.copy(),
    "deepcopy": copy.deepcopy,
    **{
        f"pickle_{protocol}": lambda net, p=protocol: pickle.loads(pickle.dumps(net, p))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.fixture(params=list(COPIERS))
def copier(request):
    return COPIERS[request.param]


def net_at(moment, architecture, dtype="float32"):
    """The same net every time: at `moment`, with velocity on the weights."""
    inputs, targets = random_task(architecture, 14, np.random.default_rng(3))
    net = build(architecture, dtype, momentum=0.7)
    moment(net, inputs, targets)
    return net


@pytest.mark.parametrize("moment", MOMENTS)
def test_copy_resumes_as_the_original(moment, architecture, dtype, copier):
    original, undisturbed = (net_at(moment, architecture, dtype) for _ in range(2))
    duplicate = copier(original)
    assert type(duplicate) is type(original)
    assert duplicate.dtype == original.dtype
    if moment in CAN_LEARN_AGAIN:
        target = random_task(architecture, 1, np.random.default_rng(4))[1][0]
        losses = {net.learn(target) for net in (duplicate, original, undisturbed)}
        assert len(losses) == 1
    assert_same_future(duplicate, undisturbed, architecture)
    undisturbed = net_at(moment, architecture, dtype)
    if moment in CAN_LEARN_AGAIN:
        undisturbed.learn(target)
    assert_same_future(original, undisturbed, architecture)


@pytest.mark.parametrize("moment", MOMENTS)
def test_copy_knows_whether_it_can_learn(moment, copier):
    """A copy refuses to learn from a step that has been learned, or from none at all."""
    architecture = NETS["default"]
    target = random_task(architecture, 1, np.random.default_rng(4))[1][0]
    refused = []
    for net in (net_at(moment, architecture), copier(net_at(moment, architecture))):
        try:
            net.learn(target)
        except RuntimeError as error:
            refused.append(str(error))
        else:
            refused.append(None)
    assert refused[0] == refused[1]


def test_copies_are_independent(architecture, copier):
    """Whatever happens to one leaves no trace in the other, and no array is shared."""
    inputs, targets = random_task(architecture, 20, np.random.default_rng(5))
    original, undisturbed = (net_at(in_the_middle_of_a_chunk, architecture) for _ in range(2))
    duplicate = copier(original)
    for name, values in original.parameters.items():
        assert not np.shares_memory(values, duplicate.parameters[name])
    duplicate.run(inputs, targets)
    for values in duplicate.parameters.values():
        values[...] = 7
    duplicate.reset()
    assert_same_future(original, undisturbed, architecture)
    assert all((values == 7).all() for values in duplicate.parameters.values())


def test_copy_outlives_the_original(copier):
    architecture = Architecture(n_blocks=33, n_inputs=33)
    duplicate = copier(net_at(after_a_step, architecture))
    assert_same_future(duplicate, net_at(after_a_step, architecture), architecture)


def test_state_is_a_copy(architecture, dtype):
    """Writing what `state` returned changes nothing, and it does not follow the net."""
    net, undisturbed = (net_at(after_a_step, architecture, dtype) for _ in range(2))
    state = net.state
    for values in state.values():
        values[...] = 5
    assert_same_model(net, undisturbed)
    assert_same_future(net, undisturbed, architecture)
    assert all((values == 5).all() for values in state.values())


def test_outputs_and_gradients_are_copies(architecture, dtype):
    """What a call returned is not overwritten by the next call."""
    inputs, targets = random_task(architecture, 9, np.random.default_rng(6))
    net = build(architecture, dtype)
    calls = [
        lambda: net.step(inputs[0]),
        lambda: net.predict(inputs[1]),
        lambda: net.run(inputs, targets),
        lambda: net.gradient(inputs, targets),
    ]
    returned = [call() for call in calls]
    kept = copy.deepcopy(returned)
    for call in calls:
        call()
    for values, wanted in zip(returned, kept, strict=True):
        assert_same_bits(values, wanted)


def test_pickle_does_not_grow():
    """Weights, traces and velocity are written; nothing for every step that was run."""
    net = build(NETS["2000"], momentum=0.7)
    inputs, targets = random_task(NETS["2000"], 2000, np.random.default_rng(7), "dense")
    net.run(inputs[:50], targets[:50])
    size = len(pickle.dumps(net))
    net.run(inputs, targets)
    assert len(pickle.dumps(net)) == pytest.approx(size, rel=0.1)


def test_state_of_one_network_given_to_another():
    """__setstate__ on a network that has lived already, velocity and all."""
    architecture = NETS["2000"]
    inputs, targets = random_task(architecture, 30, np.random.default_rng(3))
    source, other = (build(architecture, momentum=0.5, seed=seed) for seed in (1, 2))
    source.run(inputs, targets)
    other.run(inputs[:7], targets[:7])
    other.__setstate__(source.__getstate__())
    assert_same_future(other, source, architecture)


@pytest.mark.parametrize(
    "lie",
    [
        {"has_errors": 1},
        {"closed": 7},
        {"n_pending": 0},
        {"n_pending": 10**6},
        {"parameters": np.zeros(3)},
        {"format": 99},
    ],
    ids=str,
)
def test_contradictory_state_is_refused(lie):
    net = build(NETS["2000"])
    net.run(np.zeros((5, 7)))
    with pytest.raises(ValueError, match="saved network"):
        build(NETS["2000"]).__setstate__(net.__getstate__() | lie)
