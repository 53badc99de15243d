"""The oracle of several layers: what `oracle` says of one, put together, and what is cut between.

    x_1 = x     x_l(t) = [h_{l-1}(t); x(t) if skip_inputs]     h: of cells and of ordinary units
    y(t) = squash_out(sum_l V_l q_l(t))     over all layers with skip_outputs, else the top one
    q_l = h_l, of the lowest [h_1; x if shortcut], of the top [h; 1 if output_bias]

The truncated gradient of a weight of layer l is that of a replay in which every layer sees recorded
sources, as one layer does, and in which every other layer goes on from its recorded c(t-1): so an
error comes through the layers above at one and the same step, and back in time in layer l alone.
"""

from dataclasses import dataclass, replace
from itertools import cycle

import numpy as np
from machines.model import Formula
from nets import NETS, covering_combinations
from oracle import Architecture, initial_state, squash_outputs, step, step_loss

DEFAULT = Architecture()


@dataclass(frozen=True)
class Stack:
    """An architecture, all switches of which are those of every layer, and the sizes of these."""

    architecture: Architecture = DEFAULT
    n_blocks: tuple = (2, 3)
    skip_inputs: bool = False
    skip_outputs: bool = False
    n_units: tuple = (0, 0, 0)

    @property
    def layers(self):
        """Architectures without outputs, the lowest first."""
        nets, n_below = [], None
        for n_blocks, n_units in zip(self.n_blocks, self.n_units, strict=False):
            n_inputs = self.architecture.n_inputs
            if n_below is not None:
                n_inputs = n_below + (n_inputs if self.skip_inputs else 0)
            nets.append(
                replace(
                    self.architecture, n_inputs=n_inputs, n_blocks=n_blocks, n_outputs=0,
                    n_units=n_units, shortcut=False, output_bias=False, output="identity",
                )
            )  # fmt: skip
            n_below = nets[-1].n_hidden
        return nets

    @property
    def shapes(self):
        net, layers = self.architecture, self.layers
        shapes = {}
        for k, layer in enumerate(layers):
            shapes |= {
                f"layer{k}.{name}": shape
                for name, shape in layer.shapes.items()
                if name != "output"
            }
            is_top = layer is layers[-1]
            if is_top:
                shapes["output"] = (net.n_outputs, layer.n_hidden + net.output_bias)
            elif self.skip_outputs:
                n_inputs = net.n_inputs if k == 0 and net.shortcut else 0
                shapes[f"layer{k}.output"] = (net.n_outputs, layer.n_hidden + n_inputs)
        return shapes

    def keywords(self):
        return self.architecture.keywords() | {
            "n_blocks": list(self.n_blocks),
            "n_units": list(self.n_units[: len(self.n_blocks)]),
            "unit": self.architecture.unit,
            "skip_inputs": self.skip_inputs,
            "skip_outputs": self.skip_outputs,
        }

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.architecture, name)


def covering_stacks():
    """The covering combinations of one layer, each in one of the ways layers are put together."""
    ways = cycle(
        ((2, 1), False, False)
        if how == 0
        else ((3, 2), True, False)
        if how == 1
        else ((1, 2), False, True)
        if how == 2
        else ((2, 1, 2), how % 2 == 1, True)
        for how in range(5)
    )
    stacks = []
    for net in covering_combinations():
        n_blocks, skip_inputs, skip_outputs = next(ways)
        skip_outputs = skip_outputs or net.shortcut
        stacks.append(Stack(net, n_blocks, skip_inputs, skip_outputs))
    return stacks


STACKS = {
    "two": Stack(),
    "three": Stack(Architecture(n_inputs=2), (3, 2, 4)),
    "skips": Stack(Architecture(shortcut=True, output="logistic"), (2, 3, 2), True, True),
    "1997": Stack(NETS["1997"], (2, 1), True, False),
    "everything": Stack(NETS["everything"], (1, 2), False, True),
    "softmax": Stack(NETS["softmax"], (5, 4), False, False),
    "units": Stack(Architecture(hidden_bias="gates"), (2, 0, 1), True, True, (2, 3, 1)),
}


def layer_of(name):
    """The layer a parameter belongs to by its name; None of the outputs."""
    prefix, _, own = name.partition(".")
    return None if "output" in (prefix, own) else int(prefix.removeprefix("layer"))


def initial_states(stack):
    return [initial_state(net) for net in stack.layers]


def stack_step(stack, parameters, x, previous, shown_previous, shows):
    """One step of all layers; arguments as those of `oracle.step`, a list over the layers."""
    net, layers, states, below = stack.architecture, stack.layers, [], None
    for k, layer in enumerate(layers):
        own = {
            name.removeprefix(f"layer{k}."): values
            for name, values in parameters.items()
            if name.startswith(f"layer{k}.")
        }
        u = list(x) if below is None else below + (list(x) if stack.skip_inputs else [])
        state, _ = step(layer, own, u, previous[k], shown_previous[k], shows[k])
        states.append(state)
        below = state["cell_output"] + state["unit"]
    a = [0.0] * net.n_outputs
    for k, state in enumerate(states):
        is_top = k == len(states) - 1
        name = "output" if is_top else f"layer{k}.output"
        if name not in parameters:
            continue
        q = list(state["cell_output"] + state["unit"])
        q += [1.0] if is_top and net.output_bias else []
        q += list(x) if k == 0 and net.shortcut else []
        for row in range(net.n_outputs):
            a[row] = a[row] + sum(parameters[name][row, m] * q[m] for m in range(len(q)))
    return states, squash_outputs(net, a)


def stack_forward(stack, parameters, inputs, recorded=None, live=None, start=None):
    """All states and outputs from a fresh state, or from `start`; `recorded` makes it the replay of
    layer `live`."""
    states, outputs = [], []
    previous = shown_previous = initial_states(stack) if start is None else start
    for t, x in enumerate(inputs):
        shows = [lambda c: c] * len(previous)
        if recorded is not None:
            shows = [lambda c, now=now["cell_state"]: now for now in recorded[t]]
        now, y = stack_step(stack, parameters, x, previous, shown_previous, shows)
        states.append(now)
        outputs.append(y)
        previous = shown_previous = now
        if recorded is not None:
            shown_previous = recorded[t]
            previous = [now[k] if k == live else recorded[t][k] for k in range(len(now))]
    return states, outputs


def split(stack, values):
    parameters, start = {}, 0
    for name, shape in stack.shapes.items():
        stop = start + shape[0] * shape[1]
        parameters[name] = values[start:stop].reshape(*shape, *values.shape[1:])
        start = stop
    return parameters


def join(stack, parameters):
    return np.concatenate([np.float64(parameters[name]).ravel() for name in stack.shapes])


def _slopes(stack, parameters, inputs, targets, distance, recorded=None, live=None, start=None):
    """Of fourth order in the distance, as `oracle` has it."""
    w = join(stack, parameters)
    moves = np.eye(w.size)[:, None, :] * np.array([1, -1, 2, -2])[None, :, None]
    variants = split(stack, (w[:, None, None] + distance * moves).reshape(w.size, -1))
    _, outputs = stack_forward(stack, variants, inputs, recorded, live, start)
    losses = sum(step_loss(stack, y, target) for y, target in zip(outputs, targets, strict=True))
    plus, minus, plus_2, minus_2 = losses.reshape(4, -1)
    return split(stack, (8 * (plus - minus) - (plus_2 - minus_2)) / (12 * distance))


def full_stack_gradient(stack, parameters, inputs, targets, distance=4e-4, start=None):
    return _slopes(stack, parameters, inputs, targets, distance, start=start)


def window_stack_gradient(stack, parameters, inputs, targets, window):
    """Of errors that wait until there are `window` steps, or no more, and then go back that far."""
    states, _ = stack_forward(stack, parameters, inputs)
    total = dict.fromkeys(stack.shapes, 0.0)
    for first in range(0, len(inputs), window):
        last = min(first + window, len(inputs))
        reached = slice(max(0, last - window), last)
        sent = np.where(np.arange(len(inputs))[:, None] < first, np.nan, targets)
        start = states[reached.start - 1] if reached.start else None
        if np.isnan(sent[reached]).all():
            continue
        gradient = full_stack_gradient(
            stack, parameters, inputs[reached], sent[reached], start=start
        )
        total = {name: total[name] + gradient[name] for name in total}
    return total


def truncated_stack_gradient(stack, parameters, inputs, targets, distance=1e-3):
    """Each layer's weights by its own replay; the outputs' by any."""
    recorded, _ = stack_forward(stack, parameters, inputs)
    replays = [
        _slopes(stack, parameters, inputs, targets, distance, recorded, live)
        for live in range(len(stack.n_blocks))
    ]
    return {name: replays[layer_of(name) or 0][name] for name in stack.shapes}


class StackLearner:
    """Online learning by complex steps, as `oracle.Learner`: tangents live on in c of their layer.

    With momentum, after the sum over steps; everything is clipped to one norm, if there is one.
    """

    TINY = 1e-30

    def __init__(self, stack, parameters, learning_rate, momentum=0.0, clip_norm=np.inf):
        self.stack, self.learning_rate, self.momentum = stack, learning_rate, momentum
        self.clip_norm = clip_norm
        self.w = join(stack, parameters)
        self.collected, self.velocity = np.zeros_like(self.w), np.zeros_like(self.w)
        self.has_collected = False
        owners = {name: np.full(shape, -1) for name, shape in stack.shapes.items()}
        for name, values in owners.items():
            values[:] = -1 if layer_of(name) is None else layer_of(name)
        self.owner = join(stack, owners)
        self.reset()

    @property
    def parameters(self):
        return split(self.stack, self.w)

    def reset(self):
        self.states = initial_states(self.stack)

    def step(self, x):
        def real(values):
            return [np.real(value) for value in values]

        variants = split(self.stack, self.w[:, None] + 1j * self.TINY * np.eye(self.w.size))
        shown = [{name: real(values) for name, values in state.items()} for state in self.states]
        alive = []
        for k, state in enumerate(self.states):
            own = self.owner == k
            cells = [np.real(c) + 1j * np.where(own, np.imag(c), 0) for c in state["cell_state"]]
            alive.append(state | {"cell_state": cells})
        self.states, self.y = stack_step(self.stack, variants, x, alive, shown, [real] * len(alive))
        return np.array([y_k[0].real for y_k in self.y])

    def learn(self, target):
        loss = step_loss(self.stack, self.y, target)
        self.collected += np.imag(loss) / self.TINY
        self.has_collected = True
        return float(np.real(np.ravel(loss)[0]))

    def learn_from(self, dy):
        for dy_k, y_k in zip(dy, self.y, strict=True):
            self.collected += dy_k * y_k.imag / self.TINY
        self.has_collected = True

    def update(self):
        if not self.has_collected:
            return
        norm = np.linalg.norm(self.collected)
        gradient = self.collected * min(1.0, self.clip_norm / norm) if norm else self.collected
        self.velocity = self.momentum * self.velocity + gradient
        self.w = self.w - self.learning_rate * self.velocity
        self.collected = np.zeros_like(self.w)
        self.has_collected = False

    def run(self, inputs, targets, update):
        outputs = []
        for n, (x, target) in enumerate(zip(inputs, targets, strict=True), start=1):
            outputs.append(self.step(x))
            has_target = not np.isnan(target).all()
            if has_target:
                self.learn(target)
            if (update == "step" and has_target) or (isinstance(update, int) and n % update == 0):
                self.update()
        if update == "sequence":
            self.update()
        return np.array(outputs)


def output_error(stack, y, target):
    """The error at the net inputs of the outputs."""
    if stack.loss == "cross_entropy" or stack.output == "identity":
        return y - target
    return (y - target) * y * (1 - y)


class StackWitnesses:
    """A learner for each of several streams; an update follows the sum of their gradients, by the
    formula of an optimizer."""

    def __init__(self, stack, parameters, optimizer, n_streams):
        self.stack, self.optimizer, self.formula = stack, optimizer, Formula()
        self.learners = [StackLearner(stack, parameters, 0.0) for _ in range(n_streams)]
        self.error = 0.0

    @property
    def w(self):
        return self.learners[0].w

    @property
    def state(self):
        return {
            f"layer{k}.{name}": np.array([_numbers(each.states[k][name]) for each in self.learners])
            for k in range(len(self.stack.n_blocks))
            for name in self.learners[0].states[k]
        }

    def step(self, X):
        self.Y = np.array([each.step(x) for each, x in zip(self.learners, X, strict=True)])
        return self.Y

    def learn(self, targets):
        losses = np.full(len(targets), np.nan)
        for b, (learner, target) in enumerate(zip(self.learners, targets, strict=True)):
            if not np.isnan(target).any():
                losses[b] = learner.learn(target)
                self.error += np.linalg.norm(output_error(self.stack, self.Y[b], target))
        return losses

    def learn_from(self, dy):
        for learner, row in zip(self.learners, dy, strict=True):
            if not np.isnan(row).any():
                learner.learn_from(row)

    def update(self):
        if not any(learner.has_collected for learner in self.learners):
            return
        gradient = sum(learner.collected for learner in self.learners)
        w = self.formula.change(self.optimizer, self.w, gradient, self.error)
        self.error = 0.0
        for learner in self.learners:
            learner.w, learner.collected, learner.has_collected = w, np.zeros_like(w), False

    def reset(self, which):
        for b in which:
            self.learners[b].reset()


def _numbers(values):
    """Of a state with tangents."""
    return [float(np.real(np.ravel(value)[0])) for value in values]
