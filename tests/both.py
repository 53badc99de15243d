"""The oracle of both directions: a sequence and, by another network, the sequence turned round.

Layer by layer, put together of what `oracle` says of one. The truncated gradient of a weight is
that of a replay in which every network sees recorded sources, and in which every network but its
own goes on from its recorded c(t-1).
"""

from dataclasses import replace

import numpy as np
from oracle import initial_state, squash_outputs, step, step_loss
from stacks import Stack, join, split


class Both(Stack):
    """A stack each layer of which has a network for each direction; sizes of one layer too."""

    def networks(self):
        """(prefix, architecture without outputs, backwards) of every network."""
        found, n_below = [], None
        for k, n_blocks in enumerate(self.n_blocks):
            one = Stack(self.architecture, (n_blocks,), n_units=self.n_units[k:]).layers[0]
            n_inputs = self.architecture.n_inputs
            if n_below is not None:
                n_inputs = n_below + (n_inputs if self.skip_inputs else 0)
            one = replace(one, n_inputs=n_inputs)
            prefix = f"layer{k}." if len(self.n_blocks) > 1 else ""
            found += [(prefix + "backward.", one, True), (prefix, one, False)]
            n_below = 2 * one.n_hidden
        return found

    @property
    def shapes(self):
        net, found = self.architecture, self.networks()
        shapes = {}
        for k, (prefix, one, back) in enumerate(found):
            shapes |= {prefix + n: shape for n, shape in one.shapes.items() if n != "output"}
            is_top = k >= len(found) - 2
            n_sources = one.n_hidden + (net.output_bias if is_top and not back else 0)
            n_sources += net.n_inputs if net.shortcut and k == 1 else 0
            if is_top or self.skip_outputs:
                name = "output" if is_top and not back else prefix + "output"
                shapes[name] = (net.n_outputs, n_sources)
        return shapes

    def keywords(self):
        keywords = super().keywords() | {"bidirectional": True}
        return keywords | {"n_blocks": list(self.n_blocks)}


def _read(one, parameters, inputs, recorded, live):
    """The states of one network; `recorded`: of a replay, in which it is the live one or not."""
    states, previous, shown_previous = [], initial_state(one), initial_state(one)
    for t, x in enumerate(inputs):
        now = None if recorded is None else recorded[t]
        state, _ = step(
            one, parameters, x, previous, shown_previous,
            show=lambda c, now=now: c if now is None else now["cell_state"],
        )  # fmt: skip
        states.append(state)
        previous = shown_previous = state
        if now is not None:
            previous, shown_previous = (state if live else now), now
    return states


def both_forward(stack, parameters, inputs, recorded=None, live=None):
    """The outputs of every step; and all states, network by network, each in its own order.

    `recorded` states make it the replay of network `live`, as `stacks` has it of a layer.
    """
    net, found, kept = stack.architecture, stack.networks(), []
    u, below, a = [list(x) for x in inputs], {}, [[0.0] * net.n_outputs for _ in inputs]
    for k, (prefix, one, back) in enumerate(found):
        own = {name: parameters[prefix + name] for name in one.shapes if name != "output"}
        shown = None if recorded is None else recorded[k]
        states = _read(one, own, u[::-1] if back else u, shown, k == live)
        kept.append(states)
        h = [state["cell_output"] + state["unit"] for state in (states[::-1] if back else states)]
        below[back] = h
        is_top = k >= len(found) - 2
        name = "output" if is_top and not back else prefix + "output"
        for t, h_t in enumerate(h):
            q = list(h_t) + (list(inputs[t]) if net.shortcut and k == 1 else [])
            q += [1.0] if is_top and not back and net.output_bias else []
            for row in range(net.n_outputs if name in parameters else 0):
                a[t][row] += sum(parameters[name][row, m] * q[m] for m in range(len(q)))
        if not back:
            u = [
                list(f) + list(b) + (list(x) if stack.skip_inputs else [])
                for f, b, x in zip(below[False], below[True], inputs, strict=True)
            ]
    return [squash_outputs(net, y) for y in a], kept


def both_outputs(stack, parameters, inputs):
    """The outputs of every step."""
    return both_forward(stack, parameters, inputs)[0]


def _slopes(stack, parameters, inputs, targets, distance, recorded=None, live=None):
    """By central differences of fourth order."""
    w = join(stack, parameters)
    moves = np.eye(w.size)[:, None, :] * np.array([1, -1, 2, -2])[None, :, None]
    variants = split(stack, (w[:, None, None] + distance * moves).reshape(w.size, -1))
    outputs, _ = both_forward(stack, variants, inputs, recorded, live)
    losses = sum(step_loss(stack, y, target) for y, target in zip(outputs, targets, strict=True))
    plus, minus, plus_2, minus_2 = losses.reshape(4, -1)
    return split(stack, (8 * (plus - minus) - (plus_2 - minus_2)) / (12 * distance))


def full_both_gradient(stack, parameters, inputs, targets, distance=4e-4):
    return _slopes(stack, parameters, inputs, targets, distance)


def truncated_both_gradient(stack, parameters, inputs, targets, distance=1e-3):
    """Each network's weights by its own replay; the outputs' by any."""
    _, recorded = both_forward(stack, parameters, inputs)
    found = {}
    for live, (prefix, one, _) in enumerate(stack.networks()):
        slopes = _slopes(stack, parameters, inputs, targets, distance, recorded, live)
        own = {prefix + name for name in one.shapes if name != "output"}
        found |= {name: slopes[name] for name in own}
    return {name: found.get(name, slopes[name]) for name in stack.shapes}
