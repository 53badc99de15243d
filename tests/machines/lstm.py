"""Programs of one LSTM: every verb, beside a twin driven by steps and, at times, the oracle."""

import pickle
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from nets import NETS, all_combinations, assert_close
from oracle import SQUASHINGS, ExactLearner, Learner

import pylstm
from machines.kit import (
    EXPECTED,
    Machine,
    Over,
    assert_bits,
    assert_near,
    bad_factor,
    canonical,
    failing,
    rule,
    wave,
)
from machines.known import mended
from machines.model import Loop, Model, Twin
from pylstm import _core

ARCHITECTURES = [*NETS.values(), *all_combinations()]
SMALL = 1 << 60
LARGEST = 30.0  # beyond it rounding is no longer small: the program is over


def draw_architecture(machine, with_units=True):
    """One of the combinations of switches, in sizes of 1 to 5 cells, with units beside them or
    alone at times."""
    architecture = machine.pick(*ARCHITECTURES)
    size = min(architecture.block_size, 2)
    sizes = (machine.pick(1, 2, 3), machine.pick(1, 2, 3), machine.pick(1, 2, 4 // size))
    n_inputs, n_outputs, n_blocks = sizes
    of_gates = (
        architecture.peepholes
        or architecture.gate_recurrence
        or architecture.hidden_bias == "gates"
    )
    n_units = machine.pick(0, 0, 0, 1, 3) if with_units else 0
    if n_units and not of_gates and machine.chance(0.3):
        n_blocks = 0
    return replace(
        architecture, n_inputs=n_inputs, n_outputs=n_outputs, n_blocks=n_blocks, block_size=size,
        n_units=n_units, unit=machine.pick(*SQUASHINGS) if n_units else "logistic",
    )  # fmt: skip


def draw_optimizer(machine, kind=None):
    """Rates small enough to stay in range, epsilons large enough that rounding stays small."""
    kind = kind or machine.pick("sgd", "sgd", "momentum", "rmsprop", "adam", "obgd")
    schedule = machine.pick(None, None, None, pylstm.Decay(0.95), wave)
    bounds = {
        "clip_norm": machine.pick(None, None, 0.3),
        "clip_value": machine.pick(None, None, 0.1),
        "schedule": schedule,
        "weight_decay": machine.pick(0.0, 0.0, 0.3),
    }
    rate = machine.pick(0.01, 0.03)
    if kind == "momentum":
        return pylstm.SGD(rate, momentum=0.6, **bounds)
    if kind == "rmsprop":
        return pylstm.RMSprop(rate, 0.9, 0.05, **bounds)
    if kind == "adam":
        return pylstm.Adam(rate, 0.8, 0.95, 0.05, **bounds)
    if kind == "obgd":
        return pylstm.ObGD(machine.pick(0.3, 0.01), 2.0, **bounds)
    return pylstm.SGD(rate, **bounds)


def built(large_from, architecture, **keywords):
    """A network laid out as one of so many weights is."""
    before = _core.choose_large_from(large_from)
    try:
        return pylstm.LSTM(**architecture.keywords(), init_range=0.5, **keywords)
    finally:
        _core.choose_large_from(before)


def save_and_load(thing):
    with tempfile.TemporaryDirectory() as folder:
        thing.save(Path(folder, "it.safetensors"))
        return pylstm.load(Path(folder, "it.safetensors"))


def has_callable(optimizer):
    return callable(optimizer.schedule) and not isinstance(optimizer.schedule, pylstm.Decay)


class Direct(Loop):
    """The network under test with the verbs as the witnesses have them."""

    def __init__(self, net):
        self.net = net

    def __getattr__(self, verb):
        return getattr(self.net, verb)

    def run(self, *args):
        return self.net.run(*args)

    def run_sequences(self, X, targets, lengths, last, update):
        return self.net.run_sequences(X, targets, lengths, last=last, update=update)

    def trace_from(self, dy, trace):
        self.net.learn_from(dy, trace=trace)


class LSTMMachine(Machine):
    name = "lstm"

    def start(self):
        architecture = draw_architecture(self)
        self.wide = self.chance(0.1)  # for tokens, of which few are live
        if self.wide:
            architecture = replace(architecture, n_inputs=30)
        gradient, window = self.pick(
            *[("truncated", None)] * 5, ("bptt", 1), ("bptt", 3), ("bptt", None),
            ("rtrl", None), ("rtrl", None),
        )  # fmt: skip
        self.scales = (
            self.chance(0.15), self.chance(0.15) and architecture.output == "identity",
        )  # fmt: skip
        keywords = {
            "dtype": self.pick("float32", *["float64"] * 4),
            "seed": self.rng.getrandbits(20),
            "optimizer": draw_optimizer(self),
            "scale_inputs": self.scales[0],
            "scale_targets": self.scales[1],
            "scale_memory": self.pick(3, 3000),
            "gradient": gradient,
            "window": window,
        }
        large_from = self.pick(SMALL, SMALL, 0, 30)
        self.net = built(large_from, architecture, **keywords)
        twin = built(large_from, architecture, **keywords)
        as_vectors = self.chance(0.3) if self.wide else False
        see = self.as_vector if as_vectors else lambda x: x
        self.twin = Twin(twin, self.moved, lambda: self.chance(0.5), see)
        self.late = large_from == 0  # may put off writing its weights
        self.same_bits = not as_vectors  # with moments tokens equal their vectors up to rounding
        self.held = None
        self.has_traced = False
        self.model = None
        bias = architecture.output_bias or not isinstance(keywords["optimizer"], pylstm.ObGD)
        oracle = self.with_oracle and not self.wide
        if oracle and keywords["dtype"] == "float64" and gradient != "bptt" and bias:
            self.model = Model(
                architecture, dict(twin.copy().parameters), keywords["optimizer"], gradient,
                self.scales, keywords["scale_memory"],
            )  # fmt: skip

    def as_vector(self, x):
        return np.eye(self.config["n_inputs"])[x] if np.ndim(x) == 0 else x

    @property
    def object(self):
        return self.net

    @property
    def config(self):
        return self.net._config()

    @property
    def truncated(self):
        return self.config["gradient"] == "truncated"

    def moved(self, net):
        """The twin is a copy of itself at times."""
        if self.chance(0.01):
            net = pickle.loads(pickle.dumps(net)) if self.chance(0.5) else net.copy()
        return net

    # ------------------------------------------------------------ draws

    def draw_x(self):
        n_inputs = self.config["n_inputs"]
        if self.scales[0]:
            x = 9 + 5 * self.numbers(n_inputs)
            return np.where(self.numbers(n_inputs) > 0.8, np.nan, x)
        if self.chance(0.85 if self.wide else 0.25):
            return self.pick(int, np.int32)(self.rng.randrange(n_inputs))
        return self.numbers(n_inputs)

    def draw_X(self, n_steps):
        if not self.scales[0] and self.chance(0.85 if self.wide else 0.25):
            n_inputs = self.config["n_inputs"]
            return np.array([self.rng.randrange(n_inputs) for _ in range(n_steps)], int)
        rows = [self.numbers(self.config["n_inputs"]) for _ in range(n_steps)]
        return np.array(rows).reshape(n_steps, self.config["n_inputs"])

    def draw_targets(self, n_steps, presence=0.7):
        return self.targets(n_steps, self.config, presence)

    def draw_target(self, presence=0.9):
        return self.draw_targets(1, presence)[0]

    def draw_dy(self):
        return self.numbers(self.config["n_outputs"])

    def draw_update(self):
        return self.pick("step", 1, 2, 3, np.int64(5), "sequence")

    # ------------------------------------------------------------ witnesses

    def all(self, call, what):
        """The same call of everyone; what they return is the same."""
        given = call(Direct(self.net))
        self.agree(given, call(self.twin), what)
        if self.model is not None:
            wanted = call(self.model)
            if given is not None:
                assert_near(given, np.reshape(wanted, np.shape(given)), f"{what}, by the oracle")
        return given

    def agree(self, given, wanted, what):
        if given is None:
            assert wanted is None
        elif self.same_bits:
            given = np.asarray(given)
            assert_bits(given, np.array(wanted, given.dtype).reshape(given.shape), what)
        else:
            self.agree_nearly(given, wanted, what)

    def agree_nearly(self, given, wanted, what):
        near = 1e-9 if self.config["dtype"] == "float64" else 1e-3
        assert_near(given, np.reshape(wanted, np.shape(given)), what, near)

    def looked(self, net):
        """The network, or a copy of one that writes its weights late and is left to do so."""
        return net.copy() if self.late and self.held is None else net

    def check(self):
        net, twin = self.net, self.twin.net
        assert net.n_steps == twin.n_steps
        state, other = net.state, twin.state
        self.agree(np.concatenate([*state.values()]), np.concatenate([*other.values()]), "state")
        if not self.late or self.held is not None or self.model or self.chance(0.1):
            self.check_weights(self.looked(net), self.looked(twin))
        if abs(state.get("cell_state", np.zeros(1))).max() > 100:
            raise Over
        if self.held is not None:
            for name, values in self.held.items():
                assert_bits(values, net.parameters[name], f"held {name}")
        if self.model is not None:
            for name, values in self.model.state.items():
                assert_near(state[name], values, f"state {name}, by the oracle")

    def check_weights(self, net, twin):
        weights = net._flat_parameters()
        self.agree(weights, twin._flat_parameters(), "weights")
        if abs(weights).max() > LARGEST:
            raise Over
        if self.model is not None:
            assert_close(net.parameters, self.model.parameters, 1e-7)

    # ------------------------------------------------------------ steps

    @rule(6)
    def step(self):
        x = self.draw_x()
        predicted = self.predict_all(x) if self.chance(0.2) else None
        y = self.all(lambda net: net.step(x), "step")
        if predicted is not None:
            self.agree(predicted, y, "predict, then step")

    @rule(6)
    def step_with_target(self):
        x, target = self.draw_x(), self.draw_target()
        self.all(lambda net: net.step(x, target), "step")

    @rule(0.5)
    def predict(self):
        self.predict_all(self.draw_x())

    def predict_all(self, x):
        given = self.unchanged(lambda: self.net.predict(x))
        self.agree(given, self.twin.net.predict(x), "predict")
        return given

    @rule(4)
    def learn(self):
        self.step_first()
        target, update = self.draw_target(), self.chance(0.5)
        if not self.twin.learnable:
            self.refused(lambda: self.net.learn(target, update), RuntimeError)
        elif not self.keeps_away():
            self.all(lambda net: net.learn(target, update), "loss")

    def step_first(self):
        """Where there is no step to learn from, mostly make one: it is refused often enough."""
        if not self.twin.learnable and self.chance(0.8):
            self.step()

    def keeps_away(self):
        return not mended("F1") and self.twin.traced

    @rule(2)
    def learn_from(self):
        self.step_first()
        dy, update = self.draw_dy(), self.chance(0.5)
        if self.scales[1]:
            self.refused(lambda: self.net.learn_from(dy, update), ValueError)
        elif not self.twin.learnable:
            self.refused(lambda: self.net.learn_from(dy, update), RuntimeError)
        elif not self.keeps_away():
            self.all(lambda net: net.learn_from(dy, update), "learn_from")

    @rule(3)
    def trace(self):
        self.step_first()
        if self.twin.waiting and self.chance(0.8):
            self.all(lambda net: net.update(), "update")
            self.step()
        dy, trace = self.draw_dy(), self.pick(0, 0.5, 0.9, 1, np.float32(0.25))
        if self.scales[1] or not self.truncated:
            self.refused(lambda: self.net.learn_from(dy, trace=trace), ValueError)
        elif not self.twin.learnable or self.twin.waiting:
            self.refused(lambda: self.net.learn_from(dy, trace=trace), RuntimeError)
        else:
            self.all(lambda net: net.trace_from(dy, trace), "trace")
            self.has_traced = True

    @rule(3)
    def reinforce(self):
        error = self.pick(0.5, -0.3, 1, np.float32(0.7), 0.0)
        if not self.truncated:
            self.refused(lambda: self.net.reinforce(error), ValueError)
        elif not self.has_traced or self.twin.waiting:
            self.refused(lambda: self.net.reinforce(error), RuntimeError)
        else:
            self.all(lambda net: net.reinforce(error), "reinforce")

    @rule(3)
    def update(self):
        self.all(lambda net: net.update(), "update")

    @rule()
    def reset(self):
        self.all(lambda net: net.reset(), "reset")

    # ------------------------------------------------------------ many steps

    @rule(4)
    def run(self):
        n_steps = self.pick(0, 1, 1, 2, 4, 7)
        X, targets, update = self.draw_X(n_steps), self.draw_targets(n_steps), self.draw_update()
        self.all(lambda net: net.run(X, targets, update), f"run, update={update}")

    @rule()
    def run_without_targets(self):
        X = self.draw_X(self.pick(0, 1, 3, 12))
        self.all(lambda net: net.run(X), "run")

    @rule(0.5)
    def run_long(self):
        """Longer than a record of a window, and than what is put off."""
        if self.model is None:
            X, targets, update = self.draw_X(25), self.draw_targets(25), self.draw_update()
            self.all(lambda net: net.run(X, targets, update), f"run, update={update}")

    @rule(0.02)
    def run_very_long(self):
        """Longer than any record."""
        if self.model is None:
            n_steps, width = 2500, self.config["n_inputs"]
            X = np.random.default_rng(self.rng.getrandbits(32)).uniform(-1, 1, (n_steps, width))
            targets = np.resize(self.draw_targets(7), (n_steps, self.config["n_outputs"]))
            update = self.pick(100_000, 1000, "sequence")
            self.all(lambda net: net.run(X, targets, update), f"run, update={update}")

    @rule(2)
    def run_sequences(self):
        lengths = [self.pick(1, 1, 2, 4) for _ in range(self.pick(0, 1, 2, 3))]
        X, last, update = self.draw_X(sum(lengths)), self.chance(0.5), self.draw_update()
        targets = self.draw_targets(len(lengths) if last else sum(lengths))
        targets = None if self.chance(0.2) else targets
        self.all(
            lambda net: net.run_sequences(X, targets, lengths, last, update),
            f"run_sequences, {lengths=}, {last=}, {update=}",
        )

    # ------------------------------------------------------------ what only looks

    @rule(0.5)
    def gradient(self):
        n_steps = self.pick(1, 2, 4)
        X, targets = self.draw_X(n_steps), self.draw_targets(n_steps)
        kind, window = self.pick(
            (None, None), ("truncated", None), ("bptt", None), ("bptt", 2), ("rtrl", None)
        )
        given = self.unchanged(lambda: self.net.gradient(X, targets, kind, window))
        wanted = self.twin.net.gradient(X, targets, kind, window)
        for name in given:
            self.agree(given[name], wanted[name], f"gradient {kind} {name}")
        if self.model is not None and window is None and not any(self.scales):
            kind = kind or self.config["gradient"]
            learner = {"truncated": Learner}.get(kind, ExactLearner)(
                self.model.net, self.looked(self.net).parameters
            )
            for x, target in zip(X, targets, strict=True):
                learner.step(self.model.as_row(x))
                if not np.isnan(target).all():
                    learner.learn(target)
            for name, values in learner.gradient.items():
                assert_near(given[name], values, f"gradient {kind} {name}, by the oracle")

    @rule(0.2)
    def look(self):
        net = self.net
        self.unchanged(lambda: (repr(net), net.sources, net.n_parameters, net.state))

    @rule(0.5)
    def hold(self):
        """Views of the parameters are kept; a network that writes late then writes at once."""
        self.same_bits = self.same_bits and not self.late
        self.held = self.net.parameters

    @rule(0.5)
    def drop(self):
        self.held = None

    @rule(0.5)
    def write_parameters(self):
        """Between two steps; what was made with other weights is not learned from."""
        self.all(lambda net: net.update(), "update")
        self.same_bits = self.same_bits and not self.late
        name = self.pick(*self.net.parameters)
        factor, views = self.pick(0.9, 0.5), self.held or self.net.parameters
        views[name][...] *= factor
        self.twin.net.parameters[name][...] *= factor
        if self.model is not None:
            self.model.learner.w = self.model.learner.w.copy()
            self.model.parameters[name][...] *= factor
        self.step()

    # ------------------------------------------------------------ another object

    def replaced(self, net):
        """A copy holds what the original holds, and takes its place."""
        assert canonical(net) == canonical(self.net), "the copy is another"
        self.net, self.held = net, None

    @rule(0.4)
    def copy(self):
        self.replaced(self.unchanged(self.net.copy))

    @rule(0.4)
    def pickle(self):
        self.replaced(pickle.loads(self.unchanged(lambda: pickle.dumps(self.net))))

    @rule(0.05)
    def save(self):
        if has_callable(self.net.optimizer):
            self.refused(lambda: save_and_load(self.net))
        else:
            self.replaced(self.unchanged(lambda: save_and_load(self.net)))

    @rule()
    def grow(self):
        sizes = {
            "n_inputs": self.config["n_inputs"] + self.pick(0, 1, 2) * self.chance(0.5),
            "n_outputs": min(4, self.config["n_outputs"] + self.pick(0, 0, 1)),
        }
        if self.config["dtype"] == "float64" and not self.truncated:
            if any(sizes[name] > self.config[name] for name in sizes):
                self.refused(lambda: self.net.grow(**sizes), ValueError)
            return
        if not self.truncated:
            return
        more_outputs = sizes["n_outputs"] > self.config["n_outputs"]
        self.net.grow(**sizes)
        self.twin.moved().grow(**sizes)
        if more_outputs and self.config["output"] != "identity":
            self.twin.learnable = False
        self.held = None
        if self.model is not None:
            self.model.grow(**sizes, parameters=self.looked(self.net).parameters)

    @rule()
    def set_optimizer(self):
        kind = {"SGD": self.pick("sgd", "momentum"), "ObGD": "obgd"}.get(
            type(self.net.optimizer).__name__, type(self.net.optimizer).__name__.lower()
        )
        if self.chance(0.4):  # another class begins anew: with errors of its own, for ObGD
            self.all(lambda net: net.update(), "update")
            kind = None
        optimizer = draw_optimizer(self, kind)
        lacks_bias = self.model is not None and not self.model.net.output_bias
        if lacks_bias and isinstance(optimizer, pylstm.ObGD):
            return
        self.net.optimizer = self.twin.net.optimizer = optimizer
        if self.model is not None:
            self.model.set_optimizer(optimizer)

    # ------------------------------------------------------------ refused

    @rule(2)
    def refuse_input(self):
        net, x = self.net, self.unusable(self.config["n_inputs"], self.scales[0])
        target, X = self.draw_target(), [x, x]
        self.refused(
            self.pick(
                lambda: net.step(x), lambda: net.step(x, target), lambda: net.predict(x),
                lambda: net.run(X), lambda: net.run(X, self.draw_targets(2)),
                lambda: net.gradient(X, self.draw_targets(2)),
                lambda: net.run_sequences(X, None, [1, 1]),
            )
        )  # fmt: skip

    @rule()
    def refuse_token(self):
        net, n_inputs = self.net, self.config["n_inputs"]
        x = self.pick(-1, n_inputs, np.int8(-3), 1 << 40, 10**30, True, 0.0, np.uint64(2**63))
        rows = self.pick([x, x], [0, -1], [0, n_inputs], [0.5, 1.0], [True, False])
        self.refused(
            self.pick(lambda: net.step(x), lambda: net.predict(x), lambda: net.run(rows),
                      lambda: net.run_sequences(rows))
        )  # fmt: skip

    def bad_target(self):
        n_outputs, loss = self.config["n_outputs"], self.config["loss"]
        bad = [self.unusable(n_outputs, self.scales[1], is_target=True)]
        if n_outputs > 1:
            bad.append([np.nan] + [0.0] * (n_outputs - 1))
        if loss == "cross_entropy":
            bad += [[1.5] + [0.0] * (n_outputs - 1), [-0.5] * n_outputs]
            if self.config["output"] == "softmax":
                bad.append([0.2 / n_outputs] * n_outputs)
        return self.pick(*bad)

    @rule(2)
    def refuse_target(self):
        net, target, x, X = self.net, self.bad_target(), self.draw_x(), self.draw_X(2)
        given = self.pick(
            lambda: net.learn(target), lambda: net.learn(target, update=False),
            lambda: net.run(X, [target, target]), lambda: net.gradient(X, [target, target]),
            lambda: net.run_sequences(X, [target, target], [1, 1], last=True),
            *([] if target is None else [lambda: net.step(x, target)]),
        )  # fmt: skip
        self.refused(given)

    @rule()
    def refuse_arguments(self):
        net, X, T = self.net, self.draw_X(3), self.draw_targets(3)
        update = self.pick("steps", 0, -1, 1.5, True, None, [], np.nan, "")
        lengths = self.pick(
            [2], [1, 3], [0, 3], [-1, 4], [[3]], [1.5, 1.5], "3", [4], [1 << 62, 1 << 62]
        )
        bad = [
            lambda: net.run(X, T, update), lambda: net.run_sequences(X, T, [3], update=update),
            lambda: net.run_sequences(X, T, lengths), lambda: net.run(X, T[:2]),
            lambda: net.run_sequences(X, T, [1, 2], last=True), lambda: net.run(X, T[:0]),
            lambda: net.gradient(X, None), lambda: net.gradient(X, T, "full"),
            lambda: net.gradient(X, T, "bptt", self.pick(0, -1, 2.5, True)),
            lambda: net.gradient(X, T, "rtrl", 3), lambda: net.grow(n_inputs=0),
            lambda: net.grow(n_outputs=self.pick(0, 1.5, "2", True, -1, 10**30)),
            lambda: setattr(net, "optimizer", self.pick(None, "sgd", 0.1, pylstm.SGD)),
            lambda: net.save("/nowhere/at/all"), lambda: pylstm.load("/nowhere/at/all"),
        ]  # fmt: skip
        self.refused(self.pick(*bad))

    @rule()
    def refuse_outside_error(self):
        net, dy = self.net, self.unusable(self.config["n_outputs"])
        trace = self.pick(-0.1, 1.1, np.nan, True, "x", None.__class__, np.inf, 10**400)
        error = self.pick(np.nan, np.inf, "x", True, None, [1.0], 1j)
        if mended("F12") and self.chance(0.2):
            error = 10**400
        self.refused(
            self.pick(
                lambda: net.learn_from(dy), lambda: net.learn_from(dy, trace=0.5),
                lambda: net.learn_from(np.zeros(self.config["n_outputs"]), trace=trace),
                lambda: net.reinforce(error),
            )
        )  # fmt: skip

    @rule()
    def refuse_schedule(self):
        """A schedule that fails, or gives no factor: asked before anything is done."""
        net, own = self.net, self.net.optimizer
        net.optimizer = replace(own, schedule=self.pick(bad_factor, failing))
        X, T, x = self.draw_X(3), self.draw_targets(3, 1.0), self.draw_x()
        bad = [
            lambda: net.step(x, T[0]), lambda: net.update(), lambda: net.run(X, T, "sequence"),
            lambda: net.run(X, T), lambda: net.run_sequences(X, T),
        ]  # fmt: skip
        if self.twin.learnable:
            bad.append(lambda: net.learn(T[0]))
        if self.has_traced and not self.twin.waiting:
            bad.append(lambda: net.reinforce(1.0))
        self.refused(self.pick(*bad))
        net.optimizer = own

    @rule(0.3)
    def refuse_unbuilt(self):
        """An object that no constructor has been through."""
        if not mended("F6"):
            return
        kind = self.pick(pylstm.LSTM, pylstm.Streams, pylstm.Population, pylstm.Delayed)
        bare, x = kind.__new__(kind), self.numbers(1)
        call = self.pick(
            lambda: bare.step(x), lambda: bare.run([x]), lambda: bare.learn(x), lambda: bare.state,
            lambda: bare.update(), lambda: bare.reset(), lambda: bare.copy(),
            lambda: bare.parameters, lambda: bare.__getstate__(),
            lambda: bare.save("/nowhere/at/all"),
        )  # fmt: skip
        self.refused(call, *EXPECTED, AttributeError)

    @rule(0.1)
    def meddle(self):
        """A schedule that changes its own network: refused or not, nothing breaks; then no more."""
        if not mended("F2"):
            return
        net, x, target = self.net, self.draw_x(), self.draw_target(1.0)
        X, T = self.draw_X(3), self.draw_targets(3, 1.0)
        other, own = draw_optimizer(self), net.optimizer
        meddling = self.pick(
            net.reset, net.update, lambda: net.step(x), lambda: net.grow(n_inputs=9), net.copy,
            lambda: net.run(X, T), lambda: setattr(net, "optimizer", other),
            lambda: net.learn(target),
        )  # fmt: skip

        def schedule(k):
            net.optimizer = own
            meddling()
            return 1.0

        net.optimizer = replace(own, schedule=schedule)
        try:
            self.pick(lambda: net.step(x, target), lambda: net.run(X, T), net.update)()
            net.run(X, T)
        except EXPECTED:
            pass
        raise Over

    @rule(0.05)
    def diverge(self):
        """Numbers that no arithmetic survives: an exception, or both go on alike."""
        if self.scales[0]:
            return
        self.model = None
        size = 1e300 if self.config["dtype"] == "float64" else 1e37
        X = self.pick(-size, size) * self.numbers(3, self.config["n_inputs"])
        T = self.draw_targets(3)
        self.all(lambda net: net.run(X, T), "run")
