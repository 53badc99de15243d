"""Tokens: integers in place of one-hot vectors, the same bits at a smaller cost.

The dense path is proved elsewhere; here tokens are compared with it, bit for bit, and in any order
of calls with the oracle. What must not be touched is NaN.
"""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from nets import NETS, assert_close, assert_same_bits, assert_same_model, build, random_task
from oracle import Architecture, Learner
from test_any_order import CALLS, Pair

import pylstm
from pylstm import _core

TOKEN_NETS = {name: replace(net, n_inputs=max(net.n_inputs, 4)) for name, net in NETS.items()} | {
    "single input": replace(NETS["2001"], n_inputs=1),
    "nothing but inputs": Architecture(
        n_inputs=6, n_blocks=3, cell_recurrence=False, hidden_bias="none", output_bias=False,
    ),
    "many columns": Architecture(
        n_inputs=45, n_outputs=3, n_blocks=17, shortcut=True, output="softmax",
        loss="cross_entropy",
    ),
    "gates' bias": replace(NETS["2000"], n_inputs=20, block_size=1, peepholes=True),
}  # fmt: skip
REGIMES = ("step", 3, "sequence")


@pytest.fixture(params=list(TOKEN_NETS))
def architecture(request):
    return TOKEN_NETS[request.param]


@pytest.fixture(params=["small", "large"])
def _as_size(request):
    """Small nets laid out, and learning, as small ones or as large ones."""
    before = _core.choose_large_from(0 if request.param == "large" else 1 << 40)
    yield
    _core.choose_large_from(before)


def one_hot(tokens, n_inputs):
    return np.eye(n_inputs)[tokens]


def random_tokens(architecture, n_steps, rng):
    """Frequent ones and rare ones."""
    return rng.integers(0, architecture.n_inputs, n_steps) * rng.integers(0, 2, n_steps)


def learnt(architecture, n_steps, rng):
    return random_tokens(architecture, n_steps, rng), random_task(architecture, n_steps, rng)[1]


def forgetful(architecture):
    """Forget gates that are mostly shut, so that traces come to zero within the tests."""
    biased = architecture.forget_gate and architecture.hidden_bias != "none"
    return {"bias_init": {"forget_gate": -40.0}} if biased else {}


def twins(architecture, dtype, momentum=0.0, **keywords):
    """Two nets: one for tokens, one for vectors."""
    return [build(architecture, dtype, momentum=momentum, **keywords) for _ in range(2)]


# ---------------------------------------------------------------- the same bits


@pytest.mark.usefixtures("_as_size")
@pytest.mark.parametrize("update", REGIMES)
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_a_run_of_tokens_is_a_run_of_vectors(architecture, dtype, momentum, update, rng):
    for keywords in ({}, forgetful(architecture)):
        by_token, by_vector = twins(architecture, dtype, momentum, **keywords)
        for n_steps in (1, 20, 100):
            tokens, targets = learnt(architecture, n_steps, rng)
            vectors = one_hot(tokens, architecture.n_inputs)
            outputs = by_token.run(tokens, targets, update=update)
            assert_same_bits(outputs, by_vector.run(vectors, targets, update=update))
            assert_same_model(by_token, by_vector)
            by_token.reset()
            by_vector.reset()


@pytest.mark.usefixtures("_as_size")
def test_gradient(architecture, dtype, rng):
    net = build(architecture, dtype)
    tokens, targets = learnt(architecture, 40, rng)
    net.run(tokens, targets)
    vectors = one_hot(tokens, architecture.n_inputs)
    assert_same_bits(net.gradient(tokens, targets), net.gradient(vectors, targets))


class Twins:
    """A net given tokens and a net given their vectors, going through the same calls."""

    def __init__(self, architecture, dtype, momentum, rng):
        self.architecture, self.rng = architecture, rng
        self.nets = twins(architecture, dtype, momentum, **forgetful(architecture))

    def both(self, *calls):
        by_token, by_vector = (call(net) for call, net in zip(calls, self.nets, strict=True))
        if by_token is not None:
            assert_same_bits(by_token, by_vector)

    def token(self):
        token = int(random_tokens(self.architecture, 1, self.rng)[0])
        return token, one_hot(token, self.architecture.n_inputs)

    def target(self):
        return random_task(self.architecture, 1, self.rng)[1][0]

    def step(self):
        (token, vector), target = self.token(), self.target()
        self.both(lambda net: net.step(token, target), lambda net: net.step(vector, target))

    def collect(self):
        (token, vector), target = self.token(), self.target()
        self.both(lambda net: net.step(token), lambda net: net.step(vector))
        for net in self.nets:
            net.learn(target, update=False)

    def update(self):
        for net in self.nets:
            net.update()

    def predict(self):
        token, vector = self.token()
        self.both(lambda net: net.predict(token), lambda net: net.predict(vector))

    def predict_any(self):
        x = self.rng.uniform(-1, 1, self.architecture.n_inputs)
        self.both(*[lambda net: net.predict(x)] * 2)

    def step_any(self):
        if self.rng.random() < 0.2:
            x, target = self.rng.uniform(-1, 1, self.architecture.n_inputs), self.target()
            self.both(*[lambda net: net.step(x, target)] * 2)

    def run(self):
        update = REGIMES[self.rng.integers(3)]
        tokens, targets = learnt(self.architecture, self.rng.integers(1, 30), self.rng)
        vectors = one_hot(tokens, self.architecture.n_inputs)
        self.both(
            lambda net: net.run(tokens, targets, update=update),
            lambda net: net.run(vectors, targets, update=update),
        )

    def reset(self):
        for net in self.nets:
            net.reset()

    def pickle(self):
        self.nets = pickle.loads(pickle.dumps(self.nets))

    def look(self):
        assert_same_model(*self.nets)

    def exchange(self):
        """Each goes on with what the other is given."""
        self.nets.reverse()

    def replace_optimizer(self):
        rate, momentum = self.rng.uniform(0.01, 0.03), self.rng.choice([0.0, 0.5])
        for net in self.nets if self.rng.random() < 0.2 else []:
            net.optimizer = pylstm.SGD(rate, momentum=momentum)


@pytest.mark.usefixtures("_as_size")
@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_any_order_of_calls_gives_the_same_bits(architecture, dtype, momentum, rng):
    pair = Twins(architecture, dtype, momentum, rng)
    names = [name for name in vars(Twins) if name[0] != "_"]
    calls = [name for name in names if name not in ("both", "token", "target")]
    if momentum == 0:
        calls.remove("replace_optimizer")
    for _ in range(150):
        getattr(pair, calls[rng.integers(len(calls))])()
    pair.look()


# ---------------------------------------------------------------- the oracle


class TokenLSTM(pylstm.LSTM):
    """Makes tokens of one-hot vectors."""

    @staticmethod
    def tokens(X):
        X = np.asarray(X)
        is_token = (np.sort(X)[..., :-1] == 0).all() and (X.max(axis=-1, initial=0) == 1).all()
        return X.argmax(axis=-1) if is_token and X.size else X

    def step(self, x, target=None):
        return super().step(self.tokens(x), target)

    def predict(self, x):
        return super().predict(self.tokens(x))

    def run(self, X, targets=None, update="step"):
        return super().run(self.tokens(X), targets, update)


class TokenPair(Pair):
    """A net given tokens, sometimes any x, and its oracle."""

    def __init__(self, architecture, momentum, rng):
        super().__init__(architecture, rng)
        built = build(architecture, momentum=momentum, learning_rate=0.02)
        self.momentum, self.net = momentum, TokenLSTM.__new__(TokenLSTM)
        self.net.__setstate__(built.__getstate__())
        self.learner = Learner(architecture, built.parameters, 0.02, momentum)

    def task(self, n_steps):
        inputs, targets = super().task(n_steps)
        if self.rng.random() < 0.03:
            return inputs, targets
        tokens = random_tokens(self.architecture, n_steps, self.rng)
        return one_hot(tokens, self.architecture.n_inputs), targets

    def replace_optimizer(self):
        rate = self.rng.uniform(0.01, 0.03)
        self.net.optimizer = pylstm.SGD(rate, momentum=0.9 * self.momentum)
        self.learner.learning_rate, self.learner.momentum = rate, 0.9 * self.momentum


@pytest.mark.usefixtures("_as_size")
@pytest.mark.parametrize("momentum", [0.0, 0.5])
@pytest.mark.parametrize("name", [name for name in TOKEN_NETS if name != "many columns"])
def test_any_order_of_calls_follows_the_oracle(name, momentum, rng, pytestconfig):
    pair = TokenPair(TOKEN_NETS[name], momentum, rng)
    for _ in range(60 if pytestconfig.getoption("full") else 35):
        getattr(pair, CALLS[rng.integers(len(CALLS))])()
    assert_close(pair.net.parameters, pair.learner.parameters, 1e-8)


# ---------------------------------------------------------------- nothing else is touched


V = 20_000
VOCABULARY = Architecture(n_inputs=V, n_outputs=3, n_blocks=3, shortcut=True)


@pytest.mark.usefixtures("_as_size")
@pytest.mark.parametrize("block_size", [1, 2])
@pytest.mark.parametrize("update", REGIMES)
def test_weights_of_other_tokens_are_neither_read_nor_written(update, block_size, dtype, rng):
    """They are NaN, and stay the NaN they are; their neighbours stay what they are."""
    net = build(replace(VOCABULARY, block_size=block_size), dtype)
    seen, line = rng.choice(V, 12, replace=False), 64
    near = np.r_[seen, 0, V - 1]  # in one line with what is read
    far = np.abs(np.arange(V)[:, None] - near).min(axis=1) > line
    unseen = np.setdiff1d(np.arange(V), seen)
    for name, values in net.parameters.items():
        inputs = values[:, -V - 1 : -1] if name == "output" else values[:, :V]
        inputs[:, far] = np.nan
    before = {name: values.copy() for name, values in net.parameters.items()}
    targets = random_task(replace(VOCABULARY, n_inputs=1), 60, rng)[1]
    for _ in range(2):
        net.run(rng.choice(seen, 60), targets, update=update)
        net.update()
        net.reset()
        assert net.predict(int(seen[0])).shape == (3,)
    for name, values in net.parameters.items():
        first = values.shape[1] - V - 1 if name == "output" else 0
        assert_same_bits(values[:, first + unseen], before[name][:, first + unseen])
        assert (values[:, first + seen] != before[name][:, first + seen]).any(), name


@pytest.mark.usefixtures("_as_size")
@pytest.mark.parametrize("update", ["step", 3])
def test_tokens_are_live_until_their_traces_are_zero(update, rng):
    shut = pylstm.LSTM(50, 2, 4, bias_init={"forget_gate": -200.0})
    half = pylstm.LSTM(50, 2, 4, bias_init={"forget_gate": 0.0})
    once = np.r_[np.arange(1, 50), np.zeros(300, int)]
    targets = rng.uniform(-1, 1, (len(once), 2))
    assert shut._live_inputs().size == 0
    for net in (shut, half):
        net.run(once[:20], targets[:20], update=update)
        assert np.isin(net._live_inputs(), np.arange(1, 21)).all()
    assert shut._live_inputs().size <= 9  # the last ones: some are not yet written
    assert half._live_inputs().size == 20
    half.run(once[20:60], targets[20:60], update=update)
    assert half._live_inputs().size == 50  # most of them, so all
    half.run(once[60:], targets[60:], update=update)
    assert half._live_inputs().tolist() == [0]
    half.reset()
    collected = update == 3  # and not yet applied: 349 steps are not whole threes
    assert half._live_inputs().tolist() == [0] * collected
    half.update()
    half.reset()
    assert half._live_inputs().size == 0
    half.step(np.ones(50))
    assert half._live_inputs().size == 50
    half.run(np.full(400, 3), targets[:1].repeat(400, axis=0), update=1)
    assert half._live_inputs().tolist() == [3]
    half.reset()
    half.step(7, targets[0])
    assert half._live_inputs().tolist() == [7]


@pytest.mark.usefixtures("_as_size")
def test_a_vector_waits_in_the_record_while_its_traces_are_looked_at(dtype, rng):
    """Learned from, then not: the list is made anew between the two."""
    architecture = Architecture(n_inputs=5, n_blocks=3)
    for n_learned in range(1, 9):
        nets = twins(architecture, dtype, bias_init={"forget_gate": -40.0})
        x, target = rng.uniform(-1, 1, 5), rng.uniform(-1, 1, 2)
        for k, net in enumerate(nets):
            first, other = ((0, 1), one_hot([0, 1], 5))[k]
            for _ in range(n_learned):
                net.step(first, target)
            net.step(x)
            for _ in range(9):
                net.step(other)
            net.learn(target)
        assert_same_model(*nets)


@pytest.mark.usefixtures("_as_size")
@pytest.mark.parametrize("shortcut", [False, True])
def test_a_token_that_comes_again_has_no_old_gradient(dtype, shortcut, rng):
    """It was in an update, left, and comes while the gradient of another token is collected."""
    architecture = Architecture(n_inputs=9, n_blocks=3, shortcut=shortcut)
    targets = rng.uniform(-1, 1, (9, 2))
    nets = twins(architecture, dtype)
    for net, inputs in zip(nets, (range(9), np.eye(9)), strict=True):
        for sequences in ([[3, 5]], [[7], [3]]):
            for sequence in sequences:
                for token in sequence:
                    net.step(inputs[token])
                    net.learn(targets[token], update=False)
                net.reset()
            net.update()
            net.reset()
    assert_same_model(*nets)


def test_predict_leaves_no_trace():
    net = pylstm.LSTM(9, 2, 4)
    net.predict(3)
    assert net._live_inputs().size == 0


# ---------------------------------------------------------------- what comes in


@pytest.mark.parametrize("kind", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4"])
def test_every_integer_dtype(kind, rng):
    tokens = rng.integers(0, 5, 20).astype(kind)
    wanted = pylstm.LSTM(5, 2, 3).run(one_hot(tokens, 5))
    for X in (tokens, np.repeat(tokens, 2)[::2], tokens.tolist()):
        assert_same_bits(pylstm.LSTM(5, 2, 3).run(X), wanted)
    net = pylstm.LSTM(5, 2, 3)
    for token, y in zip(tokens, wanted, strict=True):
        for scalar in (token, int(token), np.array(token)):
            assert_same_bits(net.predict(scalar), y)
        net.step(token)


def test_integer_vectors_are_vectors():
    nets = [pylstm.LSTM(2, 1, 3) for _ in range(2)]
    assert_same_bits(nets[0].step(np.array([1, 0])), nets[1].step([1.0, 0.0]))
    assert_same_bits(nets[0].run(np.array([[1, 0]])), nets[1].run([[1.0, 0.0]]))


def test_no_tokens():
    assert pylstm.LSTM(2, 1, 3).run(np.zeros(0, int), np.zeros((0, 1))).shape == (0, 1)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda net: net.run([0, 1, 4, 7, 9]), ValueError, "value 7 at row 3: wanted 0 .. 4"),
        (lambda net: net.run(np.array([-1])), ValueError, "value -1 at row 0: wanted 0 .. 4"),
        (lambda net: net.run([2**40]), ValueError, f"value {2**40} at row 0"),
        (lambda net: net.run(np.array([2**64 - 1], "u8")), ValueError, f"{2**64 - 1} at row 0"),
        (lambda net: net.run(np.array([True, False])), ValueError, "dtype bool.* integer dtype"),
        (lambda net: net.run(np.array([0.0, 1.0])), ValueError, "dtype float64.* integer dtype"),
        (lambda net: net.run([0, 1], np.zeros((3, 2))), ValueError, "3 rows and X has 2"),
        (lambda net: net.step(5), ValueError, "token is 5, wanted 0 .. 4"),
        (lambda net: net.step(-1, [0, 0]), ValueError, "token is -1"),
        (lambda net: net.step(10**30), ValueError, "token is 1000"),
        (lambda net: net.step(True), ValueError, "shape"),
        (lambda net: net.step(1.0), ValueError, "shape"),
        (lambda net: net.predict(np.int8(7)), ValueError, r"token is np.int8\(7\), wanted 0"),
        (lambda net: net.gradient([5], [[0, 0]]), ValueError, "value 5 at row 0"),
    ],
)
def test_refuses(call, error, words):
    net, undisturbed = twins(Architecture(n_inputs=5), "float64")
    for each in (net, undisturbed):
        each.run([0, 1, 2], np.zeros((3, 2)))
    with pytest.raises(error, match=words):
        call(net)
    tokens, targets = [3, 4, 0], np.ones((3, 2))
    assert_same_bits(net.run(tokens, targets), undisturbed.run(tokens, targets))
    assert_same_model(net, undisturbed)


@pytest.mark.parametrize(
    "changes",
    [
        {"live": np.array([9], np.int32)},
        {"live": np.array([-1, 2], np.int32)},
        {"live": np.array([2, 2], np.int32)},
        {"live": np.array([], np.int32)},
        {"tokens": np.array([0, 9, 2], np.int32)},
        {"tokens": np.array([0, -1, 2], np.int32)},
        {"tokens": np.array([0], np.int32)},
        {"all_live": 2},
    ],
)
def test_refuses_a_saved_network_that_contradicts_itself(changes):
    net = pylstm.LSTM(5, 2, 3)
    net.step(1)
    net.step(2)
    state = net.__getstate__()
    assert sorted(state["live"]) == [1, 2]
    with pytest.raises(ValueError, match="saved network"):
        pylstm.LSTM.__new__(pylstm.LSTM).__setstate__(state | changes)


def test_threads_do_not_change_the_bits(rng):
    tokens, targets = rng.integers(0, 300, 60), rng.uniform(-1, 1, (60, 2))
    nets = [pylstm.LSTM(300, 2, 64) for _ in range(2)]
    before = _core.get_threads()
    outputs = []
    for net, n_threads in zip(nets, (1, 2), strict=True):
        _core.set_threads(n_threads)
        outputs.append(net.run(tokens, targets))
    _core.set_threads(before)
    assert_same_bits(*outputs)
    assert_same_model(*nets)
