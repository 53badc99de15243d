"""Programs of Streams: beside others driven by steps and, at times, an oracle for each."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from nets import assert_close
from oracle import ExactLearner, Learner
from stacks import Stack, StackLearner

import pylstm
from machines.kit import (
    Machine,
    Over,
    assert_bits,
    assert_near,
    bad_factor,
    canonical,
    failing,
    rule,
)
from machines.lstm import (
    LARGEST,
    SMALL,
    built,
    draw_architecture,
    draw_optimizer,
    has_callable,
    save_and_load,
)
from machines.model import Formula, Loop


class Driven(Loop):
    """Streams driven by steps; rows of NaN are streams without a target."""

    def __init__(self, streams):
        self.streams = streams

    def step(self, X, targets=None):
        self.counted += 1
        Y = self.streams.step(X)
        if targets is not None and not np.isnan(targets).all():
            self.learn(targets)
        return Y

    def learn(self, targets, update=True):
        losses = self.streams.learn(targets, update=update)
        self.counted = 0 if update else self.counted
        return losses

    def learn_from(self, dy, update=True):
        self.streams.learn_from(dy, update=update)
        self.counted = 0 if update else self.counted

    def update(self):
        self.counted = 0
        self.streams.update()

    def reset(self, which):
        self.streams.reset(which)


class Witnesses(Loop):
    """A learner of the oracle for each stream; an update follows the sum of their gradients."""

    def __init__(self, architecture, parameters, optimizer, gradient, n_streams):
        kind = Learner if gradient == "truncated" else ExactLearner
        kind = StackLearner if isinstance(architecture, Stack) else kind
        self.optimizer, self.formula = optimizer, Formula()
        self.learners = [kind(architecture, parameters, 0.0) for _ in range(n_streams)]

    @property
    def parameters(self):
        return self.learners[0].parameters

    def step(self, X, targets=None):
        self.counted += 1
        Y = np.array([learner.step(x) for learner, x in zip(self.learners, X, strict=True)])
        if targets is not None and not np.isnan(targets).all():
            self.learn(targets)
        return Y

    def learn(self, targets, update=True):
        losses = np.full(len(targets), np.nan)
        for b, (learner, target) in enumerate(zip(self.learners, targets, strict=True)):
            if not np.isnan(target).any():
                losses[b] = learner.learn(target)
        if update:
            self.update()
        return losses

    def learn_from(self, dy, update=True):
        for learner, row in zip(self.learners, dy, strict=True):
            if not np.isnan(row).any():
                learner.learn_from(row)
        if update:
            self.update()

    def update(self):
        self.counted = 0
        if not any(learner.has_collected for learner in self.learners):
            return
        gradient = sum(learner.collected for learner in self.learners)
        w = self.formula.change(self.optimizer, self.learners[0].w, gradient, None)
        for learner in self.learners:
            learner.w, learner.collected, learner.has_collected = w, np.zeros_like(w), False

    def reset(self, which):
        for b in range(len(self.learners)) if which is None else which:
            self.learners[b].reset()


def draw_stack(machine, architecture):
    """Two or three layers with these switches."""
    n_layers = machine.pick(2, 2, 3)
    n_blocks = tuple(machine.pick(1, 2, 3) for _ in range(n_layers))
    n_units = tuple(machine.pick(0, 0, 2) for _ in range(n_layers))
    skip_outputs = architecture.shortcut or machine.chance(0.5)
    return Stack(architecture, n_blocks, machine.chance(0.5), skip_outputs, n_units)


class StreamsMachine(Machine):
    name = "streams"

    def start(self):
        self.n_streams = self.pick(1, 2, 3, 4)
        architecture = draw_architecture(self)
        if self.chance(0.4):
            architecture = draw_stack(self, architecture)
        gradient, window = self.pick(
            *[("truncated", None)] * 3, ("bptt", 1), ("bptt", 3), ("bptt", None)
        )
        optimizer = draw_optimizer(self)
        keywords = {
            "dtype": self.pick("float32", "float64", "float64"),
            "seed": self.rng.getrandbits(20),
            "optimizer": optimizer,
            "gradient": gradient,
            "window": window,
        }
        large_from = self.pick(SMALL, SMALL, 0, 30)
        self.late = large_from == 0
        self.streams, twin = (
            pylstm.Streams(built(large_from, architecture, **keywords), self.n_streams)
            for _ in range(2)
        )
        self.twin = Driven(twin)
        self.learnable = np.zeros(self.n_streams, bool)
        self.waiting = False
        self.model = None
        oracle = self.with_oracle and keywords["dtype"] == "float64" and gradient == "truncated"
        if oracle and not isinstance(optimizer, pylstm.ObGD):
            parameters = {name: each.copy() for name, each in twin.net.parameters.items()}
            self.model = Witnesses(architecture, parameters, optimizer, gradient, self.n_streams)

    @property
    def object(self):
        return self.streams

    @property
    def config(self):
        return self.streams.net._config()

    def draw_X(self, *n_steps):
        return self.numbers(*n_steps, self.n_streams, self.config["n_inputs"])

    def draw_targets(self, n_steps=1):
        rows = self.targets(n_steps * self.n_streams, self.config)
        return rows.reshape(n_steps, self.n_streams, self.config["n_outputs"])

    # ------------------------------------------------------------ witnesses

    def all(self, call, what):
        given = call(self.streams)
        wanted = call(self.twin)
        if given is not None:
            given = np.asarray(given)
            assert_bits(given, np.array(wanted, given.dtype).reshape(given.shape), what)
        if self.model is not None:
            wanted = call(self.model)
            if given is not None:
                assert_near(given, np.reshape(wanted, given.shape), f"{what}, by the oracle")
        return given

    def stepped(self):
        self.learnable[:] = True

    def collects(self, targets, update):
        self.waiting |= not np.isnan(targets).all()
        if update:
            self.updated()

    def updated(self):
        if self.waiting:
            self.learnable[:] = False
        self.waiting = False

    def check(self):
        streams, twin = self.streams, self.twin.streams
        assert streams.n_steps == twin.n_steps
        state, other = streams.state, twin.state
        for name, values in state.items():
            assert_bits(values, other[name], f"state {name}")
        nets = [s.net.copy() if self.late else s.net for s in (streams, twin)]
        weights = nets[0]._flat_parameters()
        assert_bits(weights, nets[1]._flat_parameters(), "weights")
        if abs(weights).max() > LARGEST or abs(state.get("cell_state", np.zeros(1))).max() > 100:
            raise Over
        if self.model is not None:
            assert_close(nets[0].parameters, self.model.parameters, 1e-7)

    # ------------------------------------------------------------ calls

    @rule(5)
    def step(self):
        X = self.draw_X()
        predicted = self.unchanged(lambda: self.streams.predict(X)) if self.chance(0.2) else None
        Y = self.all(lambda each: each.step(X), "step")
        if predicted is not None:
            assert_bits(predicted, Y, "predict, then step")
        self.stepped()

    @rule(5)
    def step_with_targets(self):
        X, targets = self.draw_X(), self.draw_targets()[0]
        self.all(lambda each: each.step(X, targets), "step")
        self.stepped()
        if not np.isnan(targets).all():
            self.collects(targets, True)

    @rule(4)
    def learn(self):
        targets, update = self.draw_targets()[0], self.chance(0.4)
        if (~np.isnan(targets).any(axis=1) & ~self.learnable).any():
            self.refused(lambda: self.streams.learn(targets, update), RuntimeError)
            return
        self.all(lambda each: each.learn(targets, update), "losses")
        self.collects(targets, update)

    @rule(3)
    def learn_from(self):
        dy, update = self.numbers(self.n_streams, self.config["n_outputs"]), self.chance(0.4)
        dy[self.numbers(self.n_streams) > 0.5] = np.nan
        if (~np.isnan(dy).any(axis=1) & ~self.learnable).any():
            self.refused(lambda: self.streams.learn_from(dy, update), RuntimeError)
            return
        self.all(lambda each: each.learn_from(dy, update), "learn_from")
        self.collects(dy, update)

    @rule(2)
    def update(self):
        self.all(lambda each: each.update(), "update")
        self.updated()

    @rule(2)
    def reset(self):
        chosen = [b for b in range(self.n_streams) if self.chance(0.5)]
        mask = np.isin(np.arange(self.n_streams), chosen)
        given = self.pick(chosen, mask, np.array(chosen, int))
        self.streams.reset(given)
        for each in (self.twin, self.model):
            if each is not None:
                each.reset(chosen)
        self.learnable[chosen] = False

    @rule(5)
    def run(self):
        n_steps = self.pick(0, 1, 2, 4, 7)
        X, update = self.draw_X(n_steps), self.pick("step", 1, 2, 3, "sequence")
        targets = None if self.chance(0.2) else self.draw_targets(n_steps)
        self.all(lambda each: each.run(X, targets, update), f"run, {update=}")
        self.after_run()

    def after_run(self):
        """Whether there is a step to learn from, as the loop found it."""
        state = self.twin.streams.__getstate__()
        self.waiting = bool(state["has_errors"] or state["collected"])
        self.learnable = np.array(state["learnable"], bool)

    @rule()
    def learn_with_the_network(self):
        """Its weights change below the streams'; its own state is another matter."""
        if self.model is not None:
            return
        x, target = self.numbers(self.config["n_inputs"]), self.targets(1, self.config, 1.0)[0]
        for streams in (self.streams, self.twin.streams):
            streams.net.step(x, target)

    @rule(0.05)
    def diverge(self):
        """Numbers that no arithmetic survives: an exception, or both go on alike."""
        self.model = None
        X, targets = 1e37 * self.draw_X(3), self.draw_targets(3)
        self.all(lambda each: each.run(X, targets), "run")
        self.after_run()

    @rule(0.5)
    def set_optimizer(self):
        if self.model is None:
            self.streams.net.optimizer = self.twin.streams.net.optimizer = draw_optimizer(self)

    # ------------------------------------------------------------ others

    def replaced(self, streams):
        assert canonical(streams) == canonical(self.streams), "the copy is another"
        self.streams = streams

    @rule(0.4)
    def copy(self):
        self.replaced(self.unchanged(self.streams.copy))

    @rule(0.4)
    def move_twin(self):
        self.twin.streams = pickle.loads(pickle.dumps(self.twin.streams))

    @rule(0.05)
    def save(self):
        if not has_callable(self.streams.net.optimizer):
            self.replaced(self.unchanged(lambda: save_and_load(self.streams)))

    @rule(0.3)
    def grow(self):
        """Streams of a network that has grown refuse everything; new ones begin."""
        one = self.streams.net.n_layers == 1
        if not one or self.config["gradient"] != "truncated" or self.config["n_inputs"] > 4:
            return
        net, streams = self.streams.net, self.streams
        net.grow(n_inputs=net.n_inputs + 1)
        self.twin.streams.net.grow(n_inputs=net.n_inputs)
        X = self.draw_X()
        for call in (
            lambda: streams.step(X), lambda: streams.predict(X), lambda: streams.run(X[None]),
            lambda: streams.reset(), lambda: streams.update(), lambda: streams.state,
            lambda: streams.learn(self.draw_targets()[0]), lambda: streams.copy(),
        ):  # fmt: skip
            with pytest.raises(RuntimeError, match="has grown"):
                call()
        self.streams = pylstm.Streams(net, self.n_streams)
        self.twin = Driven(pylstm.Streams(self.twin.streams.net, self.n_streams))
        self.learnable[:], self.waiting, self.model = False, False, None

    @rule(2)
    def refuse(self):
        streams = self.streams
        X, T = self.draw_X(2), self.draw_targets(2)
        x = [self.unusable(self.config["n_inputs"])] * self.n_streams
        t = [self.unusable(self.config["n_outputs"], is_target=True)] * self.n_streams
        bad = [
            lambda: streams.step(x), lambda: streams.step(X[0], t), lambda: streams.predict(x),
            lambda: streams.run([x, x]), lambda: streams.run(X, [t, t]), lambda: streams.learn(t),
            lambda: streams.learn_from(t), lambda: streams.step(X), lambda: streams.run(X[0]),
            lambda: streams.run(X, T[:1]), lambda: streams.run(X, T, self.pick("x", 0, True, None)),
            lambda: streams.learn_from(np.full(T[0].shape, np.inf)),
            lambda: streams.reset(self.pick(self.n_streams, -9, "x", [0.5], [[0]], 1 << 70)),
        ]  # fmt: skip
        self.refused(self.pick(*bad))

    @rule()
    def refuse_schedule(self):
        streams, own = self.streams, self.streams.net.optimizer
        streams.net.optimizer = replace(own, schedule=self.pick(bad_factor, failing))
        X, T = self.draw_X(2), self.draw_targets(2)
        T[0] = self.targets(self.n_streams, self.config, 1.0)
        bad = [
            lambda: streams.step(X[0], T[0]), lambda: streams.run(X, T), lambda: streams.update(),
            lambda: streams.run(X, T, "sequence"), lambda: streams.learn(T[0]),
        ]  # fmt: skip
        self.refused(self.pick(*bad))
        streams.net.optimizer = own
