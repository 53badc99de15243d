"""Programs of a Delayed: beside two networks written out, one that learns and one that is ahead."""

import pickle

import numpy as np

import pylstm
from machines.kit import Machine, Over, assert_bits, assert_near, canonical, rule
from machines.known import mended
from machines.lstm import (
    LARGEST,
    SMALL,
    built,
    draw_architecture,
    draw_optimizer,
    has_callable,
    save_and_load,
)


class DelayedMachine(Machine):
    name = "delayed"

    def start(self):
        architecture = draw_architecture(self)
        self.scales = (
            self.chance(0.2), self.chance(0.2) and architecture.output == "identity",
        )  # fmt: skip
        keywords = {
            "dtype": self.pick("float32", "float64", "float64"),
            "seed": self.rng.getrandbits(20),
            "optimizer": draw_optimizer(self),
            "scale_inputs": self.scales[0],
            "scale_targets": self.scales[1],
        }
        large_from = self.pick(SMALL, SMALL, 0, 30)
        self.late = large_from == 0
        self.delay = self.pick(0, 1, 2, 4)
        net, self.behind = (built(large_from, architecture, **keywords) for _ in range(2))
        if self.chance(0.3):
            X = self.numbers(3, architecture.n_inputs)
            for each in (net, self.behind):
                each.run(X)
        self.ahead = self.behind.copy()
        self.waits = []
        self.had_callable = False
        self.delayed = pylstm.Delayed(net, self.delay)

    @property
    def object(self):
        return self.delayed

    @property
    def config(self):
        return self.delayed.net._config()

    def agree(self, given, wanted, what):
        """To the last bit, but where the twin's weights are looked at that are written late."""
        if self.late:
            near = 1e-9 if self.config["dtype"] == "float64" else 1e-3
            assert_near(given, wanted, what, near)
        else:
            assert_bits(np.asarray(given), np.asarray(wanted), what)

    def draw_x(self):
        n_inputs = self.config["n_inputs"]
        if not self.scales[0] and self.chance(0.25):
            return self.rng.randrange(n_inputs)
        return self.numbers(n_inputs)

    # ------------------------------------------------------------ two networks, written out

    def with_weights_of_now(self):
        """The network ahead has the weights, and the scale of targets, of the one behind."""
        for name, values in self.behind.parameters.items():
            self.ahead.parameters[name][...] = values
        if self.scales[1] and self.delay:
            state = self.ahead.__getstate__()
            state["target_scale"] = self.behind.__getstate__()["target_scale"]
            self.ahead = pylstm.LSTM.__new__(pylstm.LSTM)
            self.ahead.__setstate__(state)
        return self.ahead

    def twin_step(self, x):
        if not self.delay:
            return self.behind.step(x)
        y = self.with_weights_of_now().step(x)
        self.waits.append(x)
        if len(self.waits) > self.delay:
            self.behind.step(self.waits.pop(0))
        return y

    def check(self):
        delayed = self.delayed
        assert delayed.n_steps == self.behind.n_steps + len(self.waits)
        weights = delayed.net._flat_parameters()
        self.agree(weights, self.behind._flat_parameters(), "weights")
        state, wanted = delayed.state, (self.ahead if self.delay else self.behind).state
        for name, values in state.items():
            self.agree(values, wanted[name], f"state {name}")
        for name, values in delayed.net.state.items():
            self.agree(values, self.behind.state[name], f"state {name}, behind")
        if abs(weights).max() > LARGEST or abs(state.get("cell_state", np.zeros(1))).max() > 100:
            raise Over

    # ------------------------------------------------------------ calls

    @rule(8)
    def step(self):
        x = self.draw_x()
        predicted = self.unchanged(lambda: self.delayed.predict(x)) if self.chance(0.2) else None
        y = self.delayed.step(x)
        if predicted is not None:
            assert_bits(predicted, y, "predict, then step")
        self.agree(y, self.twin_step(x), "step")

    @rule(6)
    def learn(self):
        target, update = self.targets(1, self.config, 0.9)[0], self.chance(0.7)
        learnable = self.behind.__getstate__()["learnable"] and len(self.waits) == self.delay
        if not learnable:
            self.refused(lambda: self.delayed.learn(target, update), RuntimeError)
            return
        loss = self.delayed.learn(target, update)
        self.agree(loss, self.behind.learn(target, update), "loss")

    @rule()
    def update(self):
        self.delayed.net.update()
        self.behind.update()

    @rule()
    def reset(self):
        self.delayed.reset()
        for x in self.waits:
            self.behind.step(x)
        self.waits.clear()
        self.behind.reset()
        self.ahead.reset()

    @rule()
    def grow(self):
        before = self.config["n_inputs"]
        sizes = {
            "n_inputs": min(5, before + self.pick(0, 1, 2)),
            "n_outputs": min(4, self.config["n_outputs"] + self.pick(0, 0, 1)),
        }
        self.delayed.grow(**sizes)
        for net in (self.behind, self.ahead):
            net.grow(**sizes)
        new = np.full(sizes["n_inputs"] - before, np.nan if self.scales[0] else 0.0)
        self.waits = [x if np.ndim(x) == 0 else np.r_[x, new] for x in self.waits]

    @rule()
    def set_optimizer(self):
        self.had_callable |= has_callable(self.delayed.net.optimizer)
        self.delayed.net.optimizer = self.behind.optimizer = draw_optimizer(self)

    def replaced(self, delayed):
        assert canonical(delayed) == canonical(self.delayed), "the copy is another"
        self.delayed = delayed

    @rule()
    def copy(self):
        self.replaced(self.unchanged(self.delayed.copy))

    @rule()
    def pickle(self):
        self.replaced(pickle.loads(self.unchanged(lambda: pickle.dumps(self.delayed))))

    @rule(0.15)
    def save(self):
        own = has_callable(self.delayed.net.optimizer)
        if not own and (mended("F20") or not self.had_callable):
            self.replaced(self.unchanged(lambda: save_and_load(self.delayed)))

    @rule(2)
    def refuse(self):
        delayed = self.delayed
        x = self.unusable(self.config["n_inputs"], self.scales[0])
        target = self.unusable(self.config["n_outputs"], self.scales[1], is_target=True)
        self.refused(
            self.pick(
                lambda: delayed.step(x), lambda: delayed.predict(x), lambda: delayed.learn(target),
                lambda: delayed.grow(n_inputs=0), lambda: delayed.grow(n_outputs="x"),
                lambda: pylstm.Delayed(delayed.net, self.pick(-1, 0.5, None, True, 1 << 40)),
                lambda: pylstm.Delayed(delayed, 1),
            )
        )  # fmt: skip
