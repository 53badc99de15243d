"""The witnesses of a network: another one driven by loops, and the oracle with every verb.

Both have the verbs of one step; `Loop` makes those of many steps out of them, as the documentation
of `LSTM` says. The oracle (tests/oracle.py) knows the equations and complex tangents; formulas of
the optimizers, statistics of scaled columns and what `grow` does to a tangent are written here.
"""

from dataclasses import replace
from itertools import repeat

import numpy as np
from oracle import SQUASHINGS, ExactLearner, Learner, join, split, step_loss

import pylstm
from pylstm import reference


class Loop:
    """`run` and `run_sequences` as the loops they stand for; `counted`: steps since an update."""

    counted = 0

    def run(self, X, targets=None, update="step"):
        Y = []
        for x, target in zip(X, repeat(None) if targets is None else targets, strict=False):
            Y.append(self.step(x))
            if target is None:
                continue
            present = not np.isnan(target).all()
            if present:
                self.learn(target, update=False)
            if (
                present
                if update in ("step", 1)
                else update != "sequence" and self.counted >= update
            ):
                self.update()
        if targets is not None and update == "sequence":
            self.update()
        return Y

    def run_sequences(self, X, targets, lengths, last, update):
        Y, start = [], 0
        for s, length in enumerate(lengths):
            rows = slice(start, start + length)
            T = None if targets is None else targets[s : s + 1] if last else targets[rows]
            if last and T is not None:
                T = np.concatenate([np.full((length - 1, T.shape[1]), np.nan), T])
            self.reset()
            Y += self.run(X[rows], T, update)[-1 if last else 0 :]
            start += length
        self.reset()
        return Y


class Twin(Loop):
    """A network driven by steps; `move` changes it for its copy at times.

    It knows what a next call may be: `learnable`, whether there is a step to learn from; `waiting`,
    whether something is collected; `traced`, whether that step was traced or reinforced.
    """

    learnable = waiting = traced = False

    def __init__(self, net, move, split_calls, see=lambda x: x):
        """see: what it is given for an input; split_calls: whether the next update is a call of its
        own."""
        self.net, self.move, self.split_calls, self.see = net, move, split_calls, see

    def moved(self):
        self.net = self.move(self.net)
        return self.net

    def step(self, x, target=None):
        self.counted += 1
        y = self.moved().step(self.see(x))
        self.learnable, self.traced = True, False
        if target is not None and not np.isnan(target).all():
            self.learn(target)
        return y

    def learn(self, target, update=True):
        apart = update and self.split_calls()
        loss = self.moved().learn(target, update=update and not apart)
        self.waiting |= not np.isnan(target).all()
        if apart:
            self.moved().update()
        if update:
            self.updated()
        return loss

    def learn_from(self, dy, update=True):
        self.moved().learn_from(dy, update=update)
        self.waiting = True
        if update:
            self.updated()

    def trace_from(self, dy, trace):
        self.moved().learn_from(dy, trace=trace)
        self.traced = True

    def reinforce(self, error):
        self.moved().reinforce(error)
        self.traced = True

    def update(self):
        self.moved().update()
        self.updated()

    def updated(self):
        self.counted = 0
        self.learnable &= not self.waiting
        self.waiting = False

    def reset(self):
        self.moved().reset()
        self.learnable = False


class Formula:
    """How a gradient changes weights, from the optimizer's documentation; moments are kept here."""

    def __init__(self):
        self.k, self.m, self.v = 0, 0.0, 0.0

    def change(self, o, w, g, error):
        """The weights after update k by the gradient g; error: of the outputs, for ObGD."""
        if o.clip_value is not None:
            g = np.clip(g, -o.clip_value, o.clip_value)
        if o.clip_norm is not None:
            g = g * min(1.0, o.clip_norm / max(np.linalg.norm(g), 1e-300))
        rate = o.learning_rate
        if isinstance(o.schedule, pylstm.Decay):
            rate *= o.schedule.factor**self.k
        elif o.schedule is not None:
            rate *= o.schedule(self.k)
        self.k += 1
        w = w * (1 - rate * o.weight_decay)
        if isinstance(o, pylstm.SGD):
            if not o.momentum:
                return w - rate * g
            self.m = o.momentum * self.m + g
            return w - rate * self.m
        if isinstance(o, pylstm.RMSprop):
            self.v = o.decay * self.v + (1 - o.decay) * g**2
            return w - rate * g / (np.sqrt(self.v) + o.epsilon)
        if isinstance(o, pylstm.Adam):
            self.m = o.beta1 * self.m + (1 - o.beta1) * g
            self.v = o.beta2 * self.v + (1 - o.beta2) * g**2
            m, v = self.m / (1 - o.beta1**self.k), self.v / (1 - o.beta2**self.k)
            return w - rate * m / (np.sqrt(v) + o.epsilon)
        with np.errstate(divide="ignore"):
            bound = rate * o.kappa * max(1.0, np.divide(1.0, error)) * np.abs(g).sum()
        return w - rate / max(1.0, bound) * g

    def widen(self, wider):
        self.m, self.v = wider(self.m), wider(self.v)


class Scale:
    """Statistics of columns, by the twins of their kernels; without any when not switched on."""

    def __init__(self, on, width, memory):
        self.on, self.memory, self.width = on, memory, 0
        self.known = pylstm.RunningScale(1).state()
        self.widen(width)

    def take(self, x, missing):
        """A row into the statistics, and standardised by them."""
        if not self.on:
            return x
        x = np.float64(x)
        reference.scale_update(x, self.known, self.memory, 5, True)
        return reference.scale_standardise(
            x, self.known["mean"], self.known["variance"], 5, missing
        )

    def give_back(self, z):
        if not self.on:
            return z
        return reference.scale_give_back(z, self.known["mean"], self.known["variance"], 5)

    def widen(self, width):
        for name, known in self.known.items():
            more = np.zeros((*known.shape[:-1], width - self.width))
            self.known[name] = np.concatenate([known[..., : self.width], more], axis=-1)
        self.width = width


class Model(Loop):
    """The oracle with every verb of LSTM, truncated or exact."""

    def __init__(self, architecture, parameters, optimizer, gradient, scales, memory):
        self.net, self.optimizer, self.formula = architecture, optimizer, Formula()
        kind = Learner if gradient == "truncated" else ExactLearner
        self.learner = kind(architecture, parameters)
        self.x_scale = Scale(scales[0], architecture.n_inputs, memory)
        self.t_scale = Scale(scales[1], architecture.n_outputs, memory)
        self.traced = None  # Z
        self.error = 0.0
        self.learnable = False

    @property
    def parameters(self):
        return self.learner.parameters

    @property
    def collected(self):
        return self.learner.has_collected

    @property
    def state(self):
        return {
            name: np.array([np.real(np.ravel(value)[0]) for value in values])
            for name, values in self.learner.state.items()
            if values
        }

    def as_row(self, x):
        return np.eye(self.net.n_inputs)[x] if np.ndim(x) == 0 else x

    def step(self, x, target=None):
        x = self.x_scale.take(self.as_row(x), 0.0)
        y = self.learner.step(x)
        self.x, self.learnable = np.float64(x), True
        self.counted += 1
        self.a = np.real(self.net_outputs())[:, 0]
        y = self.t_scale.give_back(y)
        if target is not None and not np.isnan(target).all():
            self.learn(target)
        return y

    def net_outputs(self):
        """(n_outputs, n_parameters): of the cell outputs as they are, by the weights of now."""
        learner = self.learner
        P = learner.w.size
        said = learner.state["cell_output"] + learner.state["unit"]
        q = [np.broadcast_to(value, P) for value in said]
        q += [np.full(P, value) for value in (self.x if self.net.shortcut else ())]
        q = np.array(q + [np.ones(P)] * self.net.output_bias)
        variants = learner.w[:, None] + 1j * learner.TINY * np.eye(P)
        return (split(self.net, variants)["output"] * q).sum(axis=1)

    def refresh(self):
        """The outputs of the last step as they were, and how they hang on the weights of now."""
        if not self.learnable:
            return
        a = self.a[:, None] + 1j * np.imag(self.net_outputs())
        if self.net.output == "softmax":
            self.learner.y = list(np.exp(a) / np.exp(a).sum(axis=0))
        else:
            self.learner.y = list(SQUASHINGS[self.net.output](a))

    def learn(self, target, update=True):
        loss = np.nan
        if not np.isnan(target).all():
            y = np.array([y_k[0].real for y_k in self.learner.y])
            loss = step_loss(self.net, self.t_scale.give_back(y), target)
            self.learn_error(self.learner.learn, self.t_scale.take(target, np.nan))
        if update:
            self.update()
        return loss

    def learn_from(self, dy, update=True):
        self.learn_error(self.learner.learn_from, dy)
        if update:
            self.update()

    def learn_error(self, learn, given):
        """Collect, and count the size of the error dL/dnet, which is the bias's gradient."""
        before = self.learner.collected
        self.learner.collected = np.zeros_like(before)
        learn(given)
        if isinstance(self.optimizer, pylstm.ObGD):
            delta = self.learner.gradient["output"][:, -1]
            assert self.net.output_bias
            self.error += np.sqrt((delta**2).sum())
        self.learner.collected = before + self.learner.collected

    def trace_from(self, dy, trace):
        self.learner.collected[:] = 0
        self.learner.learn_from(dy)
        Z = 0.0 if self.traced is None else self.traced
        self.traced = trace * Z + self.learner.collected
        self.forget_collected()

    def forget_collected(self):
        self.learner.collected = np.zeros_like(self.learner.w)
        self.learner.has_collected = False

    def reinforce(self, error):
        self.change(-error * self.traced, abs(error))
        self.refresh()

    def change(self, gradient, error):
        self.learner.w = self.formula.change(self.optimizer, self.learner.w, gradient, error)

    def update(self):
        self.counted = 0
        if self.collected:
            self.change(self.learner.collected, self.error)
            self.learnable = False
        self.forget_collected()
        self.error = 0.0

    def reset(self):
        self.learner.reset()
        self.learnable = False
        if self.traced is not None:
            self.traced = np.zeros_like(self.traced)

    def set_optimizer(self, optimizer):
        if type(optimizer) is not type(self.optimizer):
            self.formula = Formula()
        self.optimizer = optimizer

    def grow(self, n_inputs, n_outputs, parameters):
        """To these sizes; parameters: the weights after it, of which the new inputs' are drawn."""
        old, learner = self.net, self.learner
        places = split(old, np.arange(learner.w.size))
        net = self.net = learner.net = replace(old, n_inputs=n_inputs, n_outputs=n_outputs)
        wide = {name: np.full(shape, -1) for name, shape in net.shapes.items()}
        more = n_inputs - old.n_inputs
        for name, where in places.items():
            at = old.n_hidden + old.n_inputs * old.shortcut if name == "output" else old.n_inputs
            kept = np.r_[0:at, at + more : where.shape[1] + more]
            if name.startswith("peephole") or (name == "output" and not old.shortcut):
                kept = np.arange(where.shape[1])
            wide[name][: len(where), kept] = where
        index = np.int64(join(net, wide))

        def wider(values, new=0.0):
            return np.where(index < 0, new, values[index]) if np.ndim(values) else values

        for name, values in learner.state.items():
            learner.state[name] = [wider(v, np.real(np.ravel(v)[0])) for v in values]
        learner.collected = wider(learner.collected)
        learner.velocity = np.zeros(index.size)
        self.formula.widen(wider)
        if self.traced is not None:
            self.traced = wider(self.traced)
        w = join(net, parameters)
        new_inputs = join(net, self.marks_of_new_inputs(net, old))
        learner.w = np.where(new_inputs, w, wider(learner.w))
        self.x_scale.widen(n_inputs)
        self.t_scale.widen(n_outputs)
        if self.learnable:
            self.x = np.pad(self.x, (0, more))
            self.a = np.pad(self.a, (0, n_outputs - old.n_outputs))
            if n_outputs > old.n_outputs and net.output != "identity":
                self.learnable = False
            self.refresh()

    @staticmethod
    def marks_of_new_inputs(net, old):
        marks = {name: np.zeros(shape, bool) for name, shape in net.shapes.items()}
        new = slice(old.n_inputs, net.n_inputs)
        for name in (*net.gates, "cell_input", "unit"):
            if name in marks:
                marks[name][:, new] = True
        if net.shortcut:
            marks["output"][: old.n_outputs, net.n_hidden :][:, new] = True
        return marks
