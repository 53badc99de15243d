"""Programs of a Population: beside one driven by steps, and beside the single networks in it.

The steps of the twin are of subsets of the nets in another order, so that a net depends on nothing
but itself. Single networks are equal up to rounding, as promised.
"""

import pickle

import numpy as np

import pylstm
from machines.kit import Machine, Over, assert_bits, assert_near, canonical, rule
from machines.known import mended
from machines.lstm import (
    LARGEST,
    draw_architecture,
    draw_optimizer,
    has_callable,
    save_and_load,
)


class PopulationMachine(Machine):
    name = "population"

    def start(self):
        architecture = draw_architecture(self, with_units=False)
        self.n_nets = self.pick(1, 2, 2, 3, 3, 9)
        keywords = {
            "dtype": self.pick("float32", "float64", "float64"),
            "seed": self.rng.getrandbits(20),
            "init_range": 0.5,
            "optimizer": self.draw_optimizers(),
            "scale_inputs": self.chance(0.2),
            "scale_targets": self.chance(0.2) and architecture.output == "identity",
            "scale_memory": self.pick(10, 3000),
        }
        self.population, self.twin = (
            pylstm.Population(self.n_nets, **architecture.keywords(), **keywords) for _ in range(2)
        )
        self.nets = [self.population[k] for k in range(self.n_nets)]
        self.near = 1e-8 if keywords["dtype"] == "float64" else 2e-3
        self.counted = np.zeros(self.n_nets, int)  # steps since the last update
        self.learnable = np.zeros(self.n_nets, bool)
        self.waiting = np.zeros(self.n_nets, bool)
        self.settled = np.zeros(self.n_nets, bool)  # updated since its step, by nothing
        self.diverged = np.zeros(self.n_nets, bool)  # or about to

    @property
    def object(self):
        return self.population

    @property
    def config(self):
        return self.population._config()

    def draw_optimizers(self, kind=None):
        """One a net, all of one class; rates and the rest are each net's own."""
        kind = kind or self.pick("sgd", "sgd", "momentum", "rmsprop", "adam", "obgd")
        self.kind = kind
        with_sgd = ("sgd", "momentum") if kind in ("sgd", "momentum") else (kind,)
        return [draw_optimizer(self, self.pick(*with_sgd)) for _ in range(self.n_nets)]

    def draw_nets(self):
        """Which take part, in what form they are named; None for all."""
        if self.chance(0.5):
            return np.arange(self.n_nets), None
        chosen = np.array([k for k in range(self.n_nets) if self.chance(0.6)], int)
        if self.chance(0.5):
            return chosen, np.isin(np.arange(self.n_nets), chosen)
        self.rng.shuffle(chosen)
        return chosen, self.pick(chosen, chosen - self.n_nets, chosen.tolist())

    def inputs(self, *shape):
        """Inputs, (..., n_inputs), some of them missing where they are scaled."""
        X = self.numbers(*shape, self.config["n_inputs"])
        if self.config["scale_inputs"]:
            X[np.array([self.chance(0.1) for _ in range(X.size)], bool).reshape(X.shape)] = np.nan
        return X

    def draw_targets(self, n_nets, n_steps, presence=0.7):
        rows = self.targets(n_nets * n_steps, self.config, presence)
        return rows.reshape(n_nets, n_steps, self.config["n_outputs"])

    # ------------------------------------------------------------ witnesses

    def each(self, chosen, call, given, what):
        """What the single networks return is what is given, up to rounding."""
        for j, k in enumerate(chosen):
            if self.diverged[k]:
                continue
            wanted = call(self.nets[k], j)
            if wanted is not None and given is not None:
                assert_near(given[j], wanted, f"{what}, net {k}", self.near)

    def same_rows(self, given, wanted, chosen, what):
        """Of the nets that have not diverged."""
        sound = ~self.diverged[chosen]
        assert_bits(given[sound], wanted[sound], what)

    def loop(self, chosen, X, targets, update):
        """`run` of the twin by its steps; every net counts its own."""
        Y = []
        for t in range(X.shape[1]):
            Y.append(self.twin.step(X[:, t], nets=chosen))
            self.counted[chosen] += 1
            if targets is None:
                continue
            present = ~np.isnan(targets[:, t]).any(axis=1)
            self.twin.learn(targets[:, t], update=False, nets=chosen)
            if update in ("step", 1):
                self.update_twin(chosen[present])
            elif update != "sequence":
                self.update_twin(chosen[self.counted[chosen] >= update])
        if targets is not None and update == "sequence":
            self.update_twin(chosen)
        return np.stack(Y, axis=1) if Y else np.zeros((len(chosen), 0, self.config["n_outputs"]))

    def update_twin(self, chosen):
        self.twin.update(nets=chosen)
        self.counted[chosen] = 0

    def look_at_bits(self):
        """What there is to learn from, as the population has it."""
        progress = self.population._progress()
        groups, lanes = progress["groups"], progress["counts"].shape[2]

        def spread(column):
            bits = groups[:, column, None] >> np.arange(lanes, dtype=np.uint32) & 1
            return bits.astype(bool).ravel()[: self.n_nets]

        pending, self.learnable, has_error, collected = (spread(column) for column in range(4))
        self.settled = self.learnable & ~pending
        self.waiting = has_error | collected

    def check(self):
        one, two = self.population, self.twin
        sound = ~self.diverged
        weights, others = one.parameters, two.parameters
        for name in weights:
            assert_bits(weights[name][sound], others[name][sound], name)
        state, other = one.state, two.state
        for name in state:
            assert_bits(state[name][sound], other[name][sound], f"state {name}")
        self.look_at_bits()
        self.look_at_scales()
        if not sound.any():
            raise Over
        if max(np.abs(values[sound]).max() for values in weights.values()) > LARGEST:
            raise Over
        if np.abs(state["cell_state"][sound]).max() > 100:
            raise Over
        for k in np.flatnonzero(sound) if self.chance(0.4) else ():
            for name, values in self.nets[k].parameters.items():
                assert_near(weights[name][k], values, f"{name} of net {k}", self.near)

    def look_at_scales(self):
        """What is known of the values hangs on them alone."""
        for name in ("input_scale", "target_scale"):
            found, others = (getattr(each, name) for each in (self.population, self.twin))
            for k in np.flatnonzero(~self.diverged) if found else ():
                for other in (others[k], getattr(self.nets[k], name)):
                    assert canonical(found[k].state()) == canonical(other.state()), f"{name} {k}"

    # ------------------------------------------------------------ calls

    @rule(5)
    def step(self):
        chosen, nets = self.draw_nets()
        X = self.inputs(len(chosen))
        targets = None if self.chance(0.4) else self.draw_targets(len(chosen), 1)[:, 0]
        predicted = self.unchanged(lambda: self.population.predict(X, nets=nets))
        Y = self.population.step(X, targets, nets=nets)
        self.same_rows(Y, predicted, chosen, "predict, then step")
        T = None if targets is None else targets[:, None]
        self.same_rows(Y, self.loop(chosen, X[:, None], T, "step")[:, 0], chosen, "step")
        T = [None] * len(chosen) if targets is None else targets
        self.each(chosen, lambda net, j: net.step(X[j], T[j]), Y, "step")

    @rule(3)
    def learn(self):
        chosen, nets = self.draw_nets()
        targets, update = self.draw_targets(len(chosen), 1)[:, 0], self.chance(0.4)
        if not self.learnable[chosen][~self.diverged[chosen]].all():
            self.refused(lambda: self.population.learn(targets, update, nets=nets), RuntimeError)
            return
        if self.keeps_away(chosen, update):
            return
        losses = self.population.learn(targets, update, nets=nets)
        assert_bits(losses, self.twin.learn(targets, False, nets=chosen), "losses")
        if update:
            self.update_twin(chosen)
        self.each(chosen, lambda net, j: net.learn(targets[j], update), losses, "loss")

    def keeps_away(self, chosen, update):
        late = self.settled[chosen].any() and not update
        return self.diverged.any() or (late and not mended("F21"))

    @rule(2)
    def learn_from(self):
        chosen, nets = self.draw_nets()
        dy, update = self.numbers(len(chosen), self.config["n_outputs"]), self.chance(0.4)
        if self.config["scale_targets"]:
            self.refused(lambda: self.population.learn_from(dy, update, nets=nets), ValueError)
            return
        if not self.learnable[chosen][~self.diverged[chosen]].all():
            self.refused(lambda: self.population.learn_from(dy, update, nets=nets), RuntimeError)
            return
        if self.keeps_away(chosen, update):
            return
        self.population.learn_from(dy, update, nets=nets)
        self.twin.learn_from(dy, False, nets=chosen)
        if update:
            self.update_twin(chosen)
        self.each(chosen, lambda net, j: net.learn_from(dy[j], update), None, "")

    @rule(1.5)
    def trace_from(self):
        chosen, nets = self.draw_nets()
        dy, trace = self.numbers(len(chosen), self.config["n_outputs"]), self.pick(0.0, 0.5, 1.0)
        if self.config["scale_targets"] or self.diverged.any():
            return
        if not self.learnable[chosen].all() or self.waiting[chosen].any():
            wrong = lambda: self.population.learn_from(dy, nets=nets, trace=trace)  # noqa: E731
            self.refused(wrong, RuntimeError)
            return
        self.population.learn_from(dy, nets=nets, trace=trace)
        self.twin.learn_from(dy, nets=chosen, trace=trace)
        self.each(chosen, lambda net, j: net.learn_from(dy[j], trace=trace), None, "")
        for net in self.nets:
            net._need_eligibility()

    @rule(1.5)
    def reinforce(self):
        chosen, nets = self.draw_nets()
        if self.diverged.any():
            return
        errors = self.pick(self.numbers(len(chosen)), 0.5)
        if "eligibility" not in self.population._progress() or self.waiting[chosen].any():
            self.refused(lambda: self.population.reinforce(errors, nets), RuntimeError)
            return
        self.population.reinforce(errors, nets)
        each = np.full(len(chosen), errors)
        self.twin.reinforce(each, chosen)
        self.each(chosen, lambda net, j: net.reinforce(each[j]), None, "")

    @rule(0.5)
    def grow(self):
        sizes = {
            "n_inputs": min(5, self.config["n_inputs"] + self.pick(0, 1, 2)),
            "n_outputs": min(4, self.config["n_outputs"] + self.pick(0, 0, 1)),
        }
        for each in (self.population, self.twin, *self.nets):
            each.grow(**sizes)

    @rule(2)
    def update(self):
        chosen, nets = self.draw_nets()
        self.population.update(nets=nets)
        self.update_twin(chosen)
        self.each(chosen, lambda net, j: net.update(), None, "")

    @rule()
    def reset(self):
        chosen, nets = self.draw_nets()
        self.population.reset(nets=nets)
        self.twin.reset(nets=chosen)
        self.each(chosen, lambda net, j: net.reset(), None, "")

    @rule(4)
    def run(self):
        chosen, nets = self.draw_nets()
        n_steps, update = self.pick(0, 1, 2, 5), self.pick("step", 1, 2, 3, "sequence")
        X = self.inputs(len(chosen), n_steps)
        targets = None if self.chance(0.2) else self.draw_targets(len(chosen), n_steps)
        Y = self.population.run(X, targets, update, nets=nets)
        wanted = self.loop(chosen, X, targets, update)
        self.same_rows(Y, wanted.astype(Y.dtype), chosen, f"run, {update=}")
        T = [None] * len(chosen) if targets is None else targets
        self.each(chosen, lambda net, j: net.run(X[j], T[j], update), Y, f"run, {update=}")

    @rule(2)
    def run_sequences(self):
        """Recorded and learned backwards: equal to the networks up to rounding."""
        chosen, nets = self.draw_nets()
        if self.diverged.any():
            return
        lengths = [self.pick(1, 2, 4) for _ in range(self.pick(0, 1, 2))]
        last, update = self.chance(0.5), self.pick("sequence", "step", 2)
        if self.chance(0.3) and not self.config["scale_inputs"]:
            X = [
                [self.rng.randrange(self.config["n_inputs"]) for _ in range(sum(lengths))]
                for _ in chosen
            ]
            X = np.array(X, int).reshape(len(chosen), sum(lengths))
        else:
            X = self.inputs(len(chosen), sum(lengths))
        T = self.draw_targets(len(chosen), len(lengths) if last else sum(lengths))
        options = {"last": last, "update": update}
        Y = self.population.run_sequences(X, T, lengths, nets=nets, **options)
        twins = self.twin.run_sequences(X, T, lengths, nets=chosen, **options)
        assert_bits(Y, twins, "run_sequences")
        self.each(
            chosen, lambda net, j: net.run_sequences(X[j], T[j], lengths, **options), Y,
            f"run_sequences, {lengths=}, {options}",
        )  # fmt: skip
        self.counted[chosen] = self.twin._progress()["counts"][1].ravel()[chosen]

    @rule(0.5)
    def diverge(self):
        """One net is given a target no weights survive; the others do not know."""
        if not mended("F10"):
            return
        k, size = self.rng.randrange(self.n_nets), 1e300 if self.near < 1e-5 else 1e37
        if self.config["output"] != "identity":
            return
        X, targets = self.inputs(1, 5), self.draw_targets(1, 5)
        targets[:, self.rng.randrange(5)] = self.pick(size, 1e10)
        update = self.pick("step", 2, "sequence")
        given = self.population.run(X, targets, update, nets=[k])
        wanted = self.loop(np.array([k]), X, targets, update)
        assert_bits(given, wanted.astype(given.dtype), f"diverging, {update=}")
        assert (self.population.diverged == self.twin.diverged).all()
        self.diverged[k] = True

    # ------------------------------------------------------------ single nets

    @rule()
    def take_out(self):
        """A net goes on alone where it stands, up to rounding."""
        k = self.rng.randrange(self.n_nets)
        if self.diverged[k]:
            return
        net = self.unchanged(lambda: self.population[k])
        assert net.n_steps == self.nets[k].n_steps
        for name, values in self.nets[k].state.items():
            assert_near(net.state[name], values, f"{name} of net {k}", self.near)
        x = self.inputs()
        assert_near(net.predict(x), self.nets[k].predict(x), f"net {k} alone", self.near)

    @rule()
    def put_in(self):
        """A net of one's own takes the place of another, and is itself left alone."""
        k = self.rng.randrange(self.n_nets)
        net = self.nets[self.rng.randrange(self.n_nets)].copy()
        net.optimizer = draw_optimizer(self, self.kind)
        before = canonical(net)
        self.population[k] = net
        self.twin[k] = net
        assert canonical(net) == before
        if self.diverged[k]:
            self.diverged[k] = False
        self.counted[k] = net.__getstate__()["n_collect"]
        # the last step of a net that was put in is past, as that of one taken out
        self.nets[k] = self.population[k]

    @rule()
    def set_parameters(self):
        if self.waiting.any():
            return
        chosen, nets = self.draw_nets()
        name = self.pick(*self.population.parameters)
        shape = self.population.parameters[name].shape[1:]
        values = 0.5 * self.numbers(len(chosen), *shape)
        self.population.set_parameters({name: values}, nets=nets)
        self.twin.set_parameters({name: values}, nets=chosen)
        for j, k in enumerate(chosen):
            if not self.diverged[k]:
                self.nets[k].parameters[name][...] = values[j].astype(self.population.dtype)
        if len(chosen):
            self.step_all()

    def step_all(self):
        """What was made with other weights is not learned from."""
        everyone = np.arange(self.n_nets)
        X = self.inputs(self.n_nets)
        Y = self.population.step(X)
        self.same_rows(Y, self.loop(everyone, X[:, None], None, "step")[:, 0], everyone, "step")
        self.each(everyone, lambda net, j: net.step(X[j]), Y, "step")

    @rule(0.5)
    def set_optimizer(self):
        optimizers = self.draw_optimizers(self.kind if self.chance(0.7) else None)
        self.population.optimizer = self.twin.optimizer = optimizers
        for net, optimizer in zip(self.nets, optimizers, strict=True):
            net.optimizer = optimizer

    # ------------------------------------------------------------ others

    def replaced(self, population):
        assert canonical(population) == canonical(self.population), "the copy is another"
        self.population = population

    @rule(0.4)
    def copy(self):
        self.replaced(self.unchanged(self.population.copy))

    @rule(0.4)
    def pickle(self):
        self.twin = pickle.loads(pickle.dumps(self.twin))

    @rule(0.05)
    def save(self):
        if any(map(has_callable, self.population.optimizer)):
            self.refused(self.population.to_bytes, ValueError, TypeError)
            return
        self.replaced(self.unchanged(lambda: save_and_load(self.population)))

    @rule(2)
    def refuse(self):
        population, n = self.population, self.n_nets
        X, T = self.inputs(n, 2), self.draw_targets(n, 2)
        x, t = self.unusable(self.config["n_inputs"]), self.unusable(self.config["n_outputs"])
        nets = self.pick([n], [-n - 1], [0, 0], [0.5], "x", [[0]], 0, [True] * (n + 1), [1 << 70])
        numbers = self.config["n_outputs"] == 1 or self.config["output"] == "softmax"
        if t is None or (numbers and isinstance(t, float | np.ndarray)):
            t = "x"  # one number each may be targets
        x, t = ("x" if isinstance(row, np.ndarray) and n == 1 else row for row in (x, t))
        values = self.pick("x", np.nan, [1j], [[[[1.0]]]], np.inf)
        mixed = [pylstm.Adam(), pylstm.SGD(1)] * n
        optimizer = self.pick(0.1, None, [], mixed, [pylstm.SGD(1)] * (n + 1))
        bad = [
            lambda: population.step(x), lambda: population.step(X[:, 0], t),
            lambda: population.predict(x), lambda: population.learn(t),
            lambda: population.learn_from(t), lambda: population.step(X[:, 0], nets=nets),
            lambda: population.update(nets=nets), lambda: population.reset(nets=nets),
            lambda: population.run(X, T, self.pick("x", 0, True, None, 1.5)),
            lambda: population.run(X, T[:, :1]),
            lambda: population[self.pick(n, -n - 1, "x", 0.5, None)],
            lambda: population.run_sequences(X, T, self.pick([3], [0, 2], [1.5, 0.5], [[3]], "x")),
            lambda: population.set_parameters({"cell": 0.0}),
            lambda: population.set_parameters({"output": values}),
            lambda: setattr(population, "optimizer", optimizer),
            lambda: population.__setitem__(0, self.pick(None, "net", pylstm.LSTM(9, 1, 1))),
            lambda: pylstm.Population.from_nets(self.pick([], [None], None, 3)),
        ]  # fmt: skip
        self.refused(self.pick(*bad))
