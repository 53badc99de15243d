"""Every optimizer against its formula, written here from the papers over the oracle's gradient."""

import pickle

import numpy as np
import pytest
from nets import NETS, assert_close, assert_same_bits, assert_same_future, random_task, run_by_hand
from oracle import Architecture, Learner, join

import pylstm

RTOL = {"float32": 3e-3, "float64": 1e-9}


class RuleLearner(Learner):
    """The oracle's gradient; `rule` is a generator that is sent gradients and errors, and yields
    changes of the weights."""

    def __init__(self, net, parameters, rule):
        super().__init__(net, parameters)
        self.rule, self.error = rule(self), 0.0
        next(self.rule)

    def learn(self, target):
        before = self.collected
        loss = super().learn(target)
        difference = np.real([y[0] for y in self.y]) - target
        self.error += np.sqrt((difference**2).sum())
        assert before is not None
        return loss

    def update(self):
        if not self.has_collected:
            return
        self.w = self.w + self.rule.send((self.collected, self.error))
        self.collected, self.error = np.zeros_like(self.w), 0.0
        self.has_collected = False


def descent(rate, momentum=0.0):
    def rule(learner):
        v, change = 0.0, None
        while True:
            g, _ = yield change
            v = momentum * v + g
            change = -rate * v

    return rule


def rmsprop(rate, decay, epsilon):
    def rule(learner):
        mean, change = 0.0, None
        while True:
            g, _ = yield change
            mean = decay * mean + (1 - decay) * g**2
            change = -rate * g / (np.sqrt(mean) + epsilon)

    return rule


def adam(rate, beta1, beta2, epsilon):
    def rule(learner):
        m, v, t, change = 0.0, 0.0, 0, None
        while True:
            g, _ = yield change
            t += 1
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
            m_hat, v_hat = m / (1 - beta1**t), v / (1 - beta2**t)
            change = -rate * m_hat / (np.sqrt(v_hat) + epsilon)

    return rule


def obgd(alpha, kappa):
    """In the words of the paper: z is the eligibility, delta the error."""

    def rule(learner):
        change = None
        while True:
            g, delta = yield change
            z = -g / delta
            bound = alpha * kappa * max(delta, 1.0) * np.abs(z).sum()
            change = alpha / max(bound, 1.0) * delta * z

    return rule


def clipped(of, value=None, norm=None):
    def rule(learner):
        inner, change = of(learner), None
        next(inner)
        while True:
            g, error = yield change
            if value is not None:
                g = np.clip(g, -value, value)
            if norm is not None:
                g = g * min(1.0, norm / np.linalg.norm(g))
            change = inner.send((g, error))

    return rule


def scheduled(of, factor):
    """The rate of plain descent and RMSprop is a factor of the change."""

    def rule(learner):
        inner, change, k = of(learner), None, 0
        next(inner)
        while True:
            given = yield change
            change = factor(k) * inner.send(given)
            k += 1

    return rule


def decayed(of, rate, weight_decay):
    """`rate` of update k, a callable."""

    def rule(learner):
        inner, change, k = of(learner), None, 0
        next(inner)
        while True:
            given = yield change
            change = inner.send(given) - rate(k) * weight_decay * learner.w
            k += 1

    return rule


def wave(k):
    return 1.5 + np.sin(k)


RULES = {
    "sgd": (pylstm.SGD(0.05), descent(0.05)),
    "momentum": (pylstm.SGD(0.05, 0.8), descent(0.05, 0.8)),
    "rmsprop": (pylstm.RMSprop(0.01, 0.9, 0.05), rmsprop(0.01, 0.9, 0.05)),
    "adam": (pylstm.Adam(0.01, 0.8, 0.95, 0.05), adam(0.01, 0.8, 0.95, 0.05)),
    "adamw": (
        pylstm.Adam(0.01, 0.8, 0.95, 0.05, weight_decay=0.7),
        decayed(adam(0.01, 0.8, 0.95, 0.05), lambda k: 0.01, 0.7),
    ),
    "sgd, weight decay": (
        pylstm.SGD(0.05, weight_decay=0.7),
        decayed(descent(0.05), lambda k: 0.05, 0.7),
    ),
    "momentum, weight decay": (
        pylstm.SGD(0.05, 0.8, weight_decay=0.7, schedule=pylstm.Decay(0.9)),
        decayed(scheduled(descent(0.05, 0.8), lambda k: 0.9**k), lambda k: 0.05 * 0.9**k, 0.7),
    ),
    "obgd, weight decay": (
        pylstm.ObGD(0.7, 3.0, weight_decay=0.1),
        decayed(obgd(0.7, 3.0), lambda k: 0.7, 0.1),
    ),
    "rmsprop, weight decay": (
        pylstm.RMSprop(0.01, 0.9, 0.05, weight_decay=0.7, clip_norm=0.5),
        decayed(clipped(rmsprop(0.01, 0.9, 0.05), norm=0.5), lambda k: 0.01, 0.7),
    ),
    "obgd": (pylstm.ObGD(0.7, 3.0), obgd(0.7, 3.0)),
    "obgd, small": (pylstm.ObGD(0.003, 2.0), obgd(0.003, 2.0)),
    "clip_value": (pylstm.SGD(0.05, 0.8, clip_value=0.1), clipped(descent(0.05, 0.8), value=0.1)),
    "clip_norm": (
        pylstm.Adam(0.01, 0.8, 0.95, 0.05, clip_norm=0.5),
        clipped(adam(0.01, 0.8, 0.95, 0.05), norm=0.5),
    ),
    "clip_both": (
        pylstm.SGD(0.05, clip_norm=0.5, clip_value=0.1),
        clipped(descent(0.05), value=0.1, norm=0.5),
    ),
    "decay": (
        pylstm.SGD(0.1, schedule=pylstm.Decay(0.9)),
        scheduled(descent(0.1), lambda k: 0.9**k),
    ),
    "callable": (
        pylstm.RMSprop(0.01, 0.9, 0.05, schedule=wave),
        scheduled(rmsprop(0.01, 0.9, 0.05), wave),
    ),
}


@pytest.fixture(params=list(RULES))
def rule(request):
    return RULES[request.param]


def build(architecture, optimizer, dtype="float64", **keywords):
    keywords = {"init_range": 0.5, "seed": 11} | keywords
    return pylstm.LSTM(**architecture.keywords(), dtype=dtype, optimizer=optimizer, **keywords)


def linear(architecture):
    """The output error of the squared loss with linear outputs is y - target."""
    return architecture.output == "identity" and architecture.loss == "squared"


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("update_every", [1, 4])
def test_rule_follows_its_formula(architecture, dtype, rule, update_every, rng):
    optimizer, formula = rule
    if isinstance(optimizer, pylstm.ObGD) and not linear(architecture):
        pytest.skip("the output error of this oracle is that of linear outputs")
    inputs, targets = random_task(architecture, 17, rng)
    net = build(architecture, optimizer, dtype)
    learner = RuleLearner(architecture, net.parameters, formula)
    for t, (x, target) in enumerate(zip(inputs, targets, strict=True)):
        if t == 10:
            net.reset()
            learner.reset()
        net.step(x)
        learner.step(x)
        if not np.isnan(target).any():
            net.learn(target, update=update_every == 1)
            learner.learn(target)
            if update_every == 1:
                learner.update()
        if update_every > 1 and t % update_every == 0:
            net.update()
            learner.update()
        assert_close(net.parameters, learner.parameters, RTOL[dtype])


@pytest.mark.parametrize("name", ["rmsprop", "adamw", "clip_norm", "obgd"])
def test_rule_at_every_size(size, name, dtype, rng):
    architecture = Architecture(n_inputs=1, n_outputs=1, n_blocks=size, cell_recurrence=False)
    optimizer, formula = RULES[name]
    inputs, targets = random_task(architecture, 8, rng)
    net = build(architecture, optimizer, dtype)
    learner = RuleLearner(architecture, net.parameters, formula)
    for x, target in zip(inputs, targets, strict=True):
        net.step(x)
        learner.step(x)
        if not np.isnan(target).any():
            net.learn(target)
            learner.learn(target)
            learner.update()
        assert_close(net.parameters, learner.parameters, RTOL[dtype])


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("update", ["step", "sequence", 3])
def test_run_is_a_loop_of_steps(architecture, dtype, rule, update, presence, rng):
    inputs, targets = random_task(architecture, 42, rng, presence)
    by_run, by_hand = (build(architecture, rule[0], dtype) for _ in range(2))
    outputs = by_run.run(inputs, targets, update=update)
    assert_same_bits(outputs, run_by_hand(by_hand, inputs, targets, update))
    assert_same_future(by_run, by_hand, architecture)


@pytest.mark.parametrize("update", ["step", "sequence", 3])
def test_sequences_are_runs_between_resets(rule, update, rng):
    architecture = NETS["default"]
    inputs, targets = random_task(architecture, 30, rng)
    at_once, one_by_one = (build(architecture, rule[0]) for _ in range(2))
    outputs = at_once.run_sequences(inputs, targets, [7, 11, 12], update=update)
    parts = []
    for part in (slice(0, 7), slice(7, 18), slice(18, 30)):
        one_by_one.reset()
        parts.append(one_by_one.run(inputs[part], targets[part], update=update))
    one_by_one.reset()
    assert_same_bits(outputs, np.concatenate(parts))
    assert_same_future(at_once, one_by_one, architecture)


@pytest.mark.parametrize("every", [0, 1])
def test_saved_and_resumed_changes_no_bit(architecture, rule, every, rng):
    inputs, targets = random_task(architecture, 30, rng)
    net, copied = (build(architecture, rule[0]) for _ in range(2))
    for k in (0, 10, 20):
        for model in (net, copied):
            model.run(inputs[k : k + 10], targets[k : k + 10], update="step" if every else 7)
        copied = pickle.loads(pickle.dumps(copied))
    assert_same_future(net, copied, architecture)


def test_tokens_are_their_vectors(rule, rng):
    """Moments and the decay of weights move the weights of tokens that were never seen."""
    tokens = np.r_[rng.integers(0, 3, 20), rng.integers(0, 9, 20)]
    by_token, by_vector = (
        pylstm.LSTM(9, 2, 5, shortcut=True, dtype="float64", optimizer=rule[0]) for _ in range(2)
    )
    targets = rng.normal(size=(40, 2))
    for model, inputs in ((by_token, tokens), (by_vector, np.eye(9)[tokens])):
        model.run(inputs[:15], targets[:15])
        model.reset()
        model.run(inputs[15:], targets[15:], update=2)
    assert_close(by_token.parameters, by_vector.parameters, 1e-9)


def test_one_stream_of_one_is_its_network(rule, rng):
    architecture = NETS["default"]
    inputs, targets = random_task(architecture, 30, rng)
    alone, shared = (build(architecture, rule[0]) for _ in range(2))
    streams = pylstm.Streams(shared, 1)
    alone.run(inputs, targets)
    streams.run(inputs[:20, None], targets[:20, None])
    for x, target in zip(inputs[20:], targets[20:], strict=True):
        streams.step(x[None], target[None])
    assert_close(shared.parameters, alone.parameters, 1e-9)


def test_streams_add_their_gradients(rule, rng):
    """Two streams that see the same make one gradient twice as large, of errors twice as many."""
    architecture = Architecture(n_inputs=2, n_outputs=1, n_blocks=3)
    inputs, targets = random_task(architecture, 12, rng, "dense")
    net = build(architecture, rule[0])
    streams = pylstm.Streams(net, 2)
    learner = RuleLearner(architecture, net.parameters, rule[1])
    for x, target in zip(inputs, targets, strict=True):
        streams.step(np.array([x, x]), np.array([target, target]))
        learner.step(x)
        learner.learn(target)
        learner.learn(target)
        learner.update()
        assert_close(net.parameters, learner.parameters, 1e-9)


def test_streams_resume_with_the_errors_obgd_has_seen(rng):
    net = build(NETS["default"], pylstm.ObGD(1.0, 2.0))
    inputs, targets = random_task(NETS["default"], 2, rng, "dense")
    streams = pylstm.Streams(net, 2)
    streams.step(inputs)
    streams.learn(targets, update=False)
    resumed = pickle.loads(pickle.dumps(streams))
    for each in (streams, resumed):
        each.update()
    assert_same_bits(dict(resumed.net.parameters), dict(net.parameters))


def test_another_optimizer_of_the_same_class_keeps_the_moments(rng):
    architecture = NETS["default"]
    inputs, targets = random_task(architecture, 20, rng)
    kept, undisturbed, afresh = (build(architecture, pylstm.Adam(0.01)) for _ in range(3))
    for net in (kept, undisturbed, afresh):
        net.run(inputs, targets)
    kept.optimizer = pylstm.Adam(0.01)
    afresh.optimizer = pylstm.SGD(0.1)
    afresh.optimizer = pylstm.Adam(0.01)
    for net in (kept, undisturbed, afresh):
        net.run(inputs, targets)
    assert_close(kept.parameters, undisturbed.parameters, 0)
    assert (kept.parameters["cell_input"] != afresh.parameters["cell_input"]).any()


@pytest.mark.parametrize(
    ("kind", "keywords"),
    [
        (pylstm.RMSprop, {"decay": 1.0}),
        (pylstm.RMSprop, {"epsilon": 0.0}),
        (pylstm.Adam, {"beta1": -0.1}),
        (pylstm.Adam, {"beta2": 1.0}),
        (pylstm.Adam, {"epsilon": float("nan")}),
        (pylstm.Adam, {"weight_decay": -1.0}),
        (pylstm.Adam, {"learning_rate": float("inf")}),
        (pylstm.ObGD, {"kappa": 0}),
        (pylstm.ObGD, {"clip_norm": 0}),
        (pylstm.Adam, {"clip_value": -1.0}),
        (pylstm.Decay, {"factor": 0.0}),
        (pylstm.Decay, {"factor": 1.5}),
    ],
)
def test_numbers_outside_their_range_are_refused(kind, keywords):
    (name,) = keywords
    with pytest.raises(ValueError, match=f"{name} is .*, wanted "):
        kind(**keywords)


def test_schedule_must_be_one():
    with pytest.raises(TypeError, match=r"schedule is 0.9, wanted a pylstm.Decay, a callable"):
        pylstm.SGD(0.1, schedule=0.9)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), "x", None])
def test_schedule_that_gives_no_factor_changes_nothing(bad, rng):
    architecture = NETS["default"]
    inputs, targets = random_task(architecture, 10, rng, "dense")
    net = build(architecture, pylstm.SGD(0.1, schedule=lambda k: bad if k == 3 else 1.0))
    before = {name: values.copy() for name, values in net.parameters.items()}
    with pytest.raises(ValueError, match=r"schedule\(3\) is .*, wanted a finite number"):
        net.run(inputs, targets)
    assert net.n_steps == 0
    assert_close(net.parameters, before, 0)


@pytest.mark.parametrize("n_blocks", [3, [3, 2]], ids=["one layer", "two layers"])
def test_schedule_taken_away_has_no_more_say(n_blocks, rng):
    x, target = rng.standard_normal((2, 3))
    net = pylstm.LSTM(3, 3, n_blocks, seed=0, optimizer=pylstm.SGD(0.1, schedule=lambda k: 0.0))
    plain = pylstm.LSTM(3, 3, n_blocks, seed=0, optimizer=pylstm.SGD(0.1))
    net.step(x, target)
    assert_same_bits(net.parameters, plain.parameters)
    net.optimizer = pylstm.SGD(0.1)
    for one in (net, plain):
        one.reset()
        for _ in range(3):
            one.step(x, target)
    assert_same_bits(net.parameters, plain.parameters)


# ---------------------------------------------------------------- TD(lambda)


@pytest.mark.usefixtures("layout")
@pytest.mark.parametrize("decay", [0.0, 0.7, 1.0])
def test_reinforce_follows_td_lambda(architecture, dtype, decay, rng):
    """Z from the oracle's gradient of the outputs under the weights of the moment."""
    inputs, _ = random_task(architecture, 20, rng)
    net = build(architecture, pylstm.SGD(0.03), dtype)
    learner = Learner(architecture, net.parameters)
    Z = 0.0
    for t, x in enumerate(inputs):
        if t == 13:
            net.reset()
            learner.reset()
            Z = 0.0
        net.step(x)
        learner.step(x)
        dy = rng.normal(size=architecture.n_outputs).astype(dtype)
        net.learn_from(dy, trace=decay)
        learner.learn_from(np.float64(dy))
        Z = decay * Z + learner.collected
        learner.collected = np.zeros_like(Z)
        if t % 3:
            error = float(rng.normal())
            net.reinforce(error)
            learner.w = learner.w + 0.03 * error * Z
        assert_close(net.parameters, learner.parameters, RTOL[dtype])


def test_linear_values_learn_by_textbook_td():
    """A net whose cells are shut: the value is linear in the inputs, V = w x + bias."""
    rng = np.random.default_rng(5)
    net = pylstm.LSTM(
        3, 1, 1, shortcut=True, init_range=0.0, dtype="float64", optimizer=pylstm.SGD(0.1)
    )
    w, Z, before = np.zeros(4), np.zeros(4), 0.0
    for t in range(200):
        x = rng.normal(size=3)
        value = net.step(x)[0]
        features = np.r_[x, 1.0]
        assert value == pytest.approx(w @ features, abs=1e-12)
        if t > 0:
            error = x.sum() + 0.9 * value - before
            net.reinforce(error)
            w = w + 0.1 * error * Z
        net.learn_from([1.0], trace=0.9 * 0.8)
        Z = 0.9 * 0.8 * Z + features
        before = value


def test_obgd_of_reinforcement_is_that_of_the_paper(rng):
    architecture = NETS["default"]
    inputs, _ = random_task(architecture, 12, rng)
    net = build(architecture, pylstm.ObGD(1.0, 2.0))
    learner = Learner(architecture, net.parameters)
    dy, z = np.ones(architecture.n_outputs), 0.0
    for x in inputs:
        net.step(x)
        learner.step(x)
        net.learn_from(dy, trace=0.5)
        learner.learn_from(dy)
        z = 0.5 * z + learner.collected
        learner.collected = np.zeros_like(z)
        delta = float(rng.normal()) * 2
        net.reinforce(delta)
        bound = 1.0 * 2.0 * max(abs(delta), 1.0) * np.abs(z).sum()
        learner.w = learner.w + 1.0 / max(bound, 1.0) * delta * z
        assert_close(net.parameters, learner.parameters, 1e-9)


def test_eligibility_is_saved(architecture, rng):
    inputs, _ = random_task(architecture, 12, rng)
    net, copied = (build(architecture, pylstm.Adam(0.01)) for _ in range(2))
    for x in inputs:
        for model in (net, copied):
            model.step(x)
            model.learn_from(np.ones(architecture.n_outputs), trace=0.8)
        copied = pickle.loads(pickle.dumps(copied))
        for model in (net, copied):
            model.reinforce(0.3)
    assert_same_future(net, copied, architecture)


def test_learning_and_reinforcing_take_turns(architecture, rng):
    """A step that was traced may be learned from as well."""
    inputs, targets = random_task(architecture, 12, rng, "dense")
    net = build(architecture, pylstm.SGD(0.05))
    learner = Learner(architecture, net.parameters, learning_rate=0.05)
    for x, target in zip(inputs, targets, strict=True):
        net.step(x)
        learner.step(x)
        net.learn_from(np.ones(architecture.n_outputs), trace=0.8)
        net.learn(target)
        learner.learn(target)
        learner.update()
        assert_close(net.parameters, learner.parameters, 1e-9)


def test_bad_reinforcement_is_refused():
    net = pylstm.LSTM(1, 1, 2)
    with pytest.raises(RuntimeError, match="no eligibility trace yet"):
        net.reinforce(1.0)
    with pytest.raises(RuntimeError, match="no step to learn from"):
        net.learn_from([1.0], trace=0.5)
    net.step([1.0])
    for trace in (-0.1, 1.1, "x", True, float("nan")):
        with pytest.raises(ValueError, match=r"trace is .*, wanted a number from 0 to 1"):
            net.learn_from([1.0], trace=trace)
    net.learn([0.0], update=False)
    with pytest.raises(RuntimeError, match="not yet applied"):
        net.learn_from([1.0], trace=0.5)
    net.update()
    net.step([1.0])
    net.learn_from([1.0], trace=0.5)
    for error in (float("nan"), float("inf"), "x", True):
        with pytest.raises(ValueError, match=r"error is .*, wanted a finite number"):
            net.reinforce(error)


def test_join_is_the_order_of_the_formulas():
    """The weights of a Learner are all of the network's: none is left out of a norm."""
    net = build(NETS["everything"], pylstm.SGD(0.1))
    assert join(NETS["everything"], net.parameters).size == net.n_parameters
