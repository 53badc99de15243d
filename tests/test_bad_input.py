"""Bad input is refused in one sentence that says what was given and what was wanted.

A refused call leaves the model as it was, to the last bit.
"""

import re
import threading
import time

import numpy as np
import pytest
from nets import assert_same_future, build, random_task
from oracle import Architecture

import pylstm

NAN, INF = float("nan"), float("inf")
NET = Architecture()  # 3 inputs, 2 outputs
X, Y = np.zeros((4, 3)), np.zeros((4, 2))


class Refused:
    """`with refused(ValueError, "given", "wanted"):` the message is a sentence with both."""

    def __init__(self, error, *words):
        self.error, self.words = error, words

    def __enter__(self):
        self.raises = pytest.raises(self.error)
        self.caught = self.raises.__enter__()

    def __exit__(self, *raised):
        if not self.raises.__exit__(*raised):
            return False
        message = str(self.caught.value)
        assert not re.search(r"\n|\.\s+[A-Z]", message), f"more than a sentence: {message!r}"
        for word in self.words:
            assert re.search(word, message), f"{word!r} is not in {message!r}"
        return True


def with_value(array, value, place):
    array = np.array(array, float)
    array[place] = value
    return array


CONSTRUCTIONS = [
    (ValueError, {"n_inputs": -1}, ["n_inputs", "-1"]),
    (ValueError, {"n_outputs": 0}, ["n_outputs", "0"]),
    (ValueError, {"n_blocks": 0}, ["n_blocks", "0"]),
    (ValueError, {"block_size": 0}, ["block_size", "0"]),
    (ValueError, {"n_blocks": 2.5}, ["n_blocks", r"2\.5", "whole"]),
    (ValueError, {"n_inputs": "3"}, ["n_inputs", "'3'", "whole"]),
    (ValueError, {"n_inputs": True}, ["n_inputs", "True", "whole"]),
    (ValueError, {"peepholes": "yes"}, ["peepholes", "'yes'", "True or False"]),
    (ValueError, {"hidden_bias": "cells"}, ["hidden_bias", "cells", "gates"]),
    (ValueError, {"cell_input": "relu"}, ["cell_input", "relu", "two_tanh_half"]),
    (ValueError, {"cell_output": "sigmoid"}, ["cell_output", "sigmoid", "logistic"]),
    (ValueError, {"leak": 1.0}, ["leak", r"1\.0", "not including, 1"]),
    (ValueError, {"leak": -0.1}, ["leak", r"-0\.1"]),
    (ValueError, {"leak": NAN}, ["leak", "nan"]),
    (ValueError, {"leak": "little"}, ["leak", "'little'", "a number"]),
    (ValueError, {"output": "tanh"}, ["output", "tanh", "softmax"]),
    (ValueError, {"loss": "hinge"}, ["loss", "hinge", "cross_entropy"]),
    (ValueError, {"dtype": "float16"}, ["dtype", "float16", "float32"]),
    (ValueError, {"init_range": -0.1}, ["init_range", r"-0\.1"]),
    (ValueError, {"init_range": NAN}, ["init_range", "nan"]),
    (ValueError, {"init_range": INF}, ["init_range", "inf"]),
    (ValueError, {"loss": "cross_entropy"}, ["cross_entropy", "identity"]),
    (ValueError, {"bias_init": {"memory": 1.0}}, ["bias_init", "memory"]),
    (ValueError, {"bias_init": {"peephole_input": 1.0}}, ["bias_init", "peephole_input"]),
    (ValueError, {"bias_init": {"forget_gate": 1}, "forget_gate": False},
        ["bias_init", "forget_gate"]),
    (ValueError, {"bias_init": {"input_gate": 1}, "hidden_bias": "none"},
        ["bias_init", "input_gate"]),
    (ValueError, {"bias_init": {"cell_input": 1}, "hidden_bias": "gates"},
        ["bias_init", "cell_input"]),
    (ValueError, {"bias_init": {"output": 1}, "output_bias": False}, ["bias_init", "output"]),
    (ValueError, {"bias_init": {"input_gate": [1, 2, 3]}}, ["bias_init", "input_gate", "3", "2"]),
    (ValueError, {"bias_init": {"input_gate": [[1, 2]]}}, ["bias_init", "input_gate"]),
    (ValueError, {"bias_init": {"input_gate": NAN}}, ["bias_init", "input_gate", "nan"]),
    (TypeError, {"optimizer": "sgd"}, ["optimizer", "sgd|str", "SGD"]),
    (TypeError, {"memory_gate": True}, ["memory_gate"]),
]  # fmt: skip
NO_GATES = {"input_gate": False, "forget_gate": False, "output_gate": False}


@pytest.mark.parametrize(("error", "switches", "words"), CONSTRUCTIONS)
def test_construction(error, switches, words):
    sizes = {"n_inputs": 3, "n_outputs": 2, "n_blocks": 2}
    with Refused(error, *words):
        pylstm.LSTM(**(sizes | switches))


@pytest.mark.parametrize(
    "switches", [{"peepholes": True}, {"gate_recurrence": True}, {"hidden_bias": "gates"}]
)
def test_what_needs_a_gate(switches):
    pylstm.LSTM(3, 2, 2, **(NO_GATES | switches | {"input_gate": True}))
    with Refused(ValueError, *switches, "gate"):
        pylstm.LSTM(3, 2, 2, **NO_GATES, **switches)


def test_switches_are_keywords():
    with pytest.raises(TypeError):
        pylstm.LSTM(3, 2, 2, 1, True)


@pytest.mark.parametrize("value", [-0.1, NAN, INF])
def test_optimizer_values(value):
    with Refused(ValueError, "learning_rate", str(value)):
        pylstm.SGD(value)
    with Refused(ValueError, "momentum", str(value)):
        pylstm.SGD(0.1, momentum=value)


INPUTS = [
    (ValueError, np.zeros(4), ["4", "3"]),
    (ValueError, np.zeros((1, 3)), [r"\(1, 3\)", "3"]),
    (ValueError, 1.0, [r"\(\)", "3"]),
    (ValueError, [0.0, NAN, 0.0], ["nan|finite"]),
    (ValueError, [0.0, 0.0, INF], ["inf|finite"]),
    (TypeError, ["a", "b", "c"], ["<U1|str", "float"]),
    (TypeError, [1j, 0, 0], ["complex", "float"]),
    (TypeError, None, ["None|object", "float"]),
]
TARGETS = [
    (ValueError, np.zeros(3), ["3", "2"]),
    (ValueError, np.zeros((1, 2)), [r"\(1, 2\)", "2"]),
    (ValueError, [0.0, INF], ["inf|finite"]),
    (ValueError, [0.0, NAN], ["nan|finite"]),
    (TypeError, ["a", "b"], ["<U1|str", "float"]),
    (TypeError, [1j, 0], ["complex", "float"]),
]
RUNS = [
    (ValueError, {"X": np.zeros(3)}, [r"\(3,\)", "3"]),
    (ValueError, {"X": np.zeros((4, 2))}, [r"\(4, 2\)", "3"]),
    (ValueError, {"X": np.zeros((4, 3, 1))}, [r"\(4, 3, 1\)", "3"]),
    (ValueError, {"X": with_value(X, NAN, (2, 1))}, ["nan|finite"]),
    (ValueError, {"X": with_value(X, -INF, (3, 0))}, ["inf|finite"]),
    (TypeError, {"X": X.astype(str)}, ["<U|str", "float"]),
    (TypeError, {"X": X.astype(complex)}, ["complex", "float"]),
    (ValueError, {"targets": Y[:3]}, ["3", "4"]),
    (ValueError, {"targets": Y[:, :1]}, [r"\(4, 1\)", "2"]),
    (ValueError, {"targets": np.zeros(4)}, [r"\(4,\)", "2"]),
    (ValueError, {"targets": with_value(Y, NAN, (2, 1))}, ["2", "NaN|nan"]),
    (ValueError, {"targets": with_value(Y, INF, (1, 1))}, ["inf|finite"]),
    (TypeError, {"targets": Y.astype(str)}, ["<U|str", "float"]),
]
UPDATES = [
    ("batch", ["update", "batch", "sequence"]),
    (0, ["update", "0"]),
    (-3, ["update", "-3"]),
    (1.5, ["update", r"1\.5"]),
    (True, ["update", "True"]),
    (None, ["update", "None"]),
]


@pytest.fixture(params=["float32", "float64"])
def net(request):
    """A net in mid-sequence, with velocity, and with gradients collected from its last step."""
    net = build(NET, request.param, momentum=0.5)
    inputs, targets = random_task(NET, 9, np.random.default_rng(1), "dense")
    net.run(inputs, targets)
    net.run(inputs[:2], targets[:2], update=100)
    net.step(inputs[2])
    net.learn(targets[2], update=False)
    return net


def check_refusal(net, call, error, words):
    undisturbed = net.copy()
    with Refused(error, *words):
        call(net)
    assert net.learn([0.5, 0.25], update=False) == undisturbed.learn([0.5, 0.25], update=False)
    assert_same_future(net, undisturbed, NET)


@pytest.mark.parametrize("method", ["step", "predict"])
@pytest.mark.parametrize(("error", "x", "words"), INPUTS)
def test_step(net, method, error, x, words):
    check_refusal(net, lambda net: getattr(net, method)(x), error, words)


@pytest.mark.parametrize("method", ["learn", "learn_from", "step"])
@pytest.mark.parametrize(("error", "target", "words"), TARGETS)
def test_learn(net, method, error, target, words):
    first = [X[0]] if method == "step" else []
    check_refusal(net, lambda net: getattr(net, method)(*first, target), error, words)


@pytest.mark.parametrize("method", ["run", "gradient"])
@pytest.mark.parametrize(("error", "arguments", "words"), RUNS)
def test_run(net, method, error, arguments, words):
    inputs, targets = arguments.get("X", X), arguments.get("targets", Y)
    check_refusal(net, lambda net: getattr(net, method)(inputs, targets), error, words)


@pytest.mark.parametrize(("update", "words"), UPDATES)
def test_update(net, update, words):
    check_refusal(net, lambda net: net.run(X, Y, update=update), ValueError, words)


@pytest.mark.parametrize("output", ["logistic", "softmax"])
@pytest.mark.parametrize("target", [[1.5, -0.5], [-0.1, 1.1]])
def test_cross_entropy_wants_probabilities(output, target):
    net = pylstm.LSTM(3, 2, 2, output=output, loss="cross_entropy")
    undisturbed = net.copy()
    for model in (net, undisturbed):
        model.step(X[0])
    for call in (
        lambda: net.learn(target),
        lambda: net.step(X[0], target),
        lambda: net.run(X, [target] * 4),
        lambda: net.gradient(X, [target] * 4),
    ):
        with Refused(ValueError, r"1\.5|-0\.1|-0\.5|1\.1", "0", "1"):
            call()
    assert net.learn([0.5, 0.5]) == undisturbed.learn([0.5, 0.5])


def test_softmax_wants_a_distribution():
    net = pylstm.LSTM(3, 2, 2, output="softmax", loss="cross_entropy")
    net.step(X[0])
    for target in ([0.5, 0.6], [0.25, 0.5]):
        with Refused(ValueError, "sum"):
            net.learn(target)
        with Refused(ValueError, "sum"):
            net.run(X, [[0.5, 0.5]] * 3 + [target])
    net.learn(np.full(2, 1 / 3 + 1 / 6, np.float32))


@pytest.mark.parametrize("method", ["learn", "learn_from"])
def test_learning_needs_a_step(method):
    def teach(net):
        getattr(net, method)([0, 0])

    net = build(NET)
    with Refused(RuntimeError, "step"):
        teach(net)
    net.step(X[0])
    teach(net)
    with Refused(RuntimeError, "step"):
        teach(net)
    net.step(X[0])
    net.reset()
    with Refused(RuntimeError, "step"):
        teach(net)
    untouched = build(NET)
    untouched.step(X[0])
    teach(untouched)
    untouched.step(X[0])
    untouched.reset()
    assert_same_future(net, untouched, NET)


def test_second_thread_is_refused():
    """A step from another thread during a long run is refused, and the run is undisturbed."""
    architecture = Architecture(n_blocks=40)
    inputs, targets = random_task(architecture, 100_000, np.random.default_rng(2))
    net, undisturbed = (build(architecture, init_range=0.1) for _ in range(2))
    began = threading.Event()

    def work():
        began.set()
        net.run(inputs, targets)

    thread = threading.Thread(target=work)
    thread.start()
    began.wait()
    time.sleep(0.05)
    for call in (
        lambda: net.step(inputs[0]),
        lambda: net.predict(inputs[0]),
        lambda: net.run(inputs[:1], targets[:1]),
        lambda: net.gradient(inputs[:1], targets[:1]),
        lambda: net.learn(targets[-1]),
        lambda: net.learn_from(targets[-1]),
        net.update,
        net.reset,
        net.copy,
        lambda: net.state,
    ):
        with Refused(RuntimeError, "thread"):
            call()
    assert thread.is_alive(), "the run was too short to be disturbed"
    thread.join()
    undisturbed.run(inputs, targets)
    assert_same_future(net, undisturbed, architecture)


def diverging(first_target):
    """A float32 net in which any update makes a weight infinite, and a task for it."""
    net = pylstm.LSTM(3, 2, 2, optimizer=pylstm.SGD(1e200))
    inputs, targets = random_task(NET, 50, np.random.default_rng(3), "dense")
    targets[: first_target - 1] = NAN
    return net, inputs, targets


@pytest.mark.parametrize(("update", "step"), [("step", 10), (1, 10), (7, 14), ("sequence", 50)])
def test_divergence_names_its_step(update, step):
    net, inputs, targets = diverging(first_target=10)
    with Refused(FloatingPointError, rf"step {step}\b"):
        net.run(inputs, targets, update=update)


def test_divergence_of_single_steps():
    net, inputs, targets = diverging(first_target=10)
    with Refused(FloatingPointError, r"step 10\b"):
        for x, target in zip(inputs, targets, strict=True):
            net.step(x, target)


def test_divergence_in_float64_comes_within_steps():
    net = pylstm.LSTM(3, 2, 2, optimizer=pylstm.SGD(1e200), dtype="float64")
    inputs, targets = random_task(NET, 50, np.random.default_rng(3), "dense")
    with Refused(FloatingPointError, r"step [2-5]\b"):
        net.run(inputs, targets)
