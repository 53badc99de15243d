"""The oracle: the network and its loss written out from the equations, slowly, in float64.

Symbols: x inputs, i f g o input gate, forget gate, cell input, output gate, c cell state, h cell
output, u ordinary units, y network output, z sources of the hidden layer; block b owns the cells
v = b*size + s.

    z(t)   = [x(t); h(t-1); u(t-1); i, f, o of t-1 if gate_recurrence; 1 if biased]
    i_b(t) = logistic(W_i[b] z(t) + sum_s P_i[b, s] c_bs(t-1))           f_b alike
    c_v(t) = f_b(t) c_v(t-1) + i_b(t) squash_g(W_g[v] z(t))              f: times 1 - leak
    o_b(t) = logistic(W_o[b] z(t) + sum_s P_o[b, s] c_bs(t))
    h_v(t) = o_b(t) squash_h(c_v(t))                                     an absent gate is 1
    u_j(t) = squash_u(W_u[j] z(t))
    y(t)   = squash_out(V [h(t); u(t); x(t) if shortcut; 1 if output_bias])

Outputs come in heads, each with a squash_out and a loss of its own; the loss of a step is the sum
of weight times loss over those with a target. Most nets have one head, of weight 1.

The oracle knows neither traces nor deltas. It has two sources of derivatives, which share nothing
but this forward pass: central differences of a replay in which everything the truncated gradient
cuts is shown as recorded, and (`Learner`) complex steps in which it is shown without its
imaginary part (`ExactLearner`: with it). A parameter is indexed [row, source]; a third axis may
hold variants of the parameters, which then run side by side.
"""

from dataclasses import asdict, dataclass

import numpy as np

GATES = ("input_gate", "forget_gate", "output_gate")
PEEPHOLES = {gate: "peephole_" + gate.removesuffix("_gate") for gate in GATES}


def logistic(a):
    return 1 / (1 + np.exp(-a))


SQUASHINGS = {
    "tanh": np.tanh,
    "logistic": logistic,
    "identity": lambda a: a,
    "tanh_half": lambda a: 2 / (1 + np.exp(-a)) - 1,
    "two_tanh_half": lambda a: 4 / (1 + np.exp(-a)) - 2,
}


@dataclass(frozen=True)
class Architecture:
    """The sizes and switches of a net, named as the constructor names them."""

    n_inputs: int = 3
    n_outputs: int = 2
    n_blocks: int = 2
    block_size: int = 1
    input_gate: bool = True
    forget_gate: bool = True
    output_gate: bool = True
    leak: float = 0.0
    peepholes: bool = False
    gate_recurrence: bool = False
    cell_recurrence: bool = True
    shortcut: bool = False
    hidden_bias: str = "all"
    output_bias: bool = True
    cell_input: str = "tanh"
    cell_output: str = "tanh"
    output: str = "identity"
    loss: str = "squared"
    n_units: int = 0
    unit: str = "logistic"

    def keywords(self):
        """Those of ordinary units where there are any: they are not of every class."""
        own = asdict(self)
        if not self.n_units:
            del own["n_units"], own["unit"]
        return own

    @property
    def n_cells(self):
        return self.n_blocks * self.block_size

    @property
    def n_hidden(self):
        return self.n_cells + self.n_units

    @property
    def heads(self):
        """(n_outputs, output, loss, weight) of each."""
        return ((self.n_outputs, self.output, self.loss, 1.0),)

    @property
    def gates(self):
        return [gate for gate in GATES if getattr(self, gate) and self.n_blocks]

    @property
    def sources(self):
        """The names of z, in order."""
        names = [f"input[{m}]" for m in range(self.n_inputs)]
        if self.cell_recurrence:
            names += [f"cell[{v}]" for v in range(self.n_cells)]
            names += [f"unit[{j}]" for j in range(self.n_units)]
        if self.gate_recurrence:
            names += [f"{gate}[{b}]" for gate in self.gates for b in range(self.n_blocks)]
        if self.hidden_bias != "none":
            names.append("bias")
        return names

    @property
    def shapes(self):
        """The shape of every parameter."""
        n_sources = len(self.sources)
        shapes = {gate: (self.n_blocks, n_sources) for gate in self.gates}
        for name, n_rows in (("cell_input", self.n_cells), ("unit", self.n_units)):
            if n_rows:
                shapes[name] = (n_rows, n_sources - (self.hidden_bias == "gates"))
        if self.peepholes:
            for gate in self.gates:
                shapes[PEEPHOLES[gate]] = (self.n_blocks, self.block_size)
        n_inputs = self.n_inputs if self.shortcut else 0
        shapes["output"] = (self.n_outputs, self.n_hidden + n_inputs + self.output_bias)
        return shapes


def initial_state(net):
    state = {"cell_state": [0.0] * net.n_cells, "cell_output": [0.0] * net.n_cells}
    state |= {gate: [0.0] * net.n_blocks for gate in net.gates}
    return state | {"unit": [0.0] * net.n_units}


def step(net, parameters, x, previous, shown_previous, show):
    """One step from the state `previous`; returns the new state and y.

    `shown_previous` is the state of t-1 as the recurrent sources and the peepholes of the input
    and forget gates see it, `show(c)` are the cell states c(t) as the output gates see them.
    """
    z = list(x)
    if net.cell_recurrence:
        z += shown_previous["cell_output"] + shown_previous["unit"]
    if net.gate_recurrence:
        for gate in net.gates:
            z += shown_previous[gate]
    if net.hidden_bias != "none":
        z.append(1.0)

    def weighted(name, row, sources):
        n_sources = parameters[name].shape[1]
        return sum(parameters[name][row, m] * sources[m] for m in range(n_sources))

    def activate(gate, b, cell_state):
        if gate not in net.gates:
            return 1.0
        a = weighted(gate, b, z)
        if net.peepholes:
            own = cell_state[b * net.block_size : (b + 1) * net.block_size]
            a = a + weighted(PEEPHOLES[gate], b, own)
        return logistic(a)

    state = {name: [] for name in previous}
    squash_g, squash_h = SQUASHINGS[net.cell_input], SQUASHINGS[net.cell_output]
    for b in range(net.n_blocks):
        i = activate("input_gate", b, shown_previous["cell_state"])
        f = (1 - net.leak) * activate("forget_gate", b, shown_previous["cell_state"])
        for v in range(b * net.block_size, (b + 1) * net.block_size):
            g = squash_g(weighted("cell_input", v, z))
            state["cell_state"].append(f * previous["cell_state"][v] + i * g)
        for gate, activation in (("input_gate", i), ("forget_gate", f)):
            if gate in net.gates:
                state[gate].append(activation)
    shown = show(state["cell_state"])
    for b in range(net.n_blocks):
        o = activate("output_gate", b, shown)
        for v in range(b * net.block_size, (b + 1) * net.block_size):
            state["cell_output"].append(o * squash_h(state["cell_state"][v]))
        if "output_gate" in net.gates:
            state["output_gate"].append(o)

    state["unit"] = [SQUASHINGS[net.unit](weighted("unit", j, z)) for j in range(net.n_units)]
    q = state["cell_output"] + state["unit"]
    q += (list(x) if net.shortcut else []) + [1.0] * net.output_bias
    a = [weighted("output", k, q) for k in range(net.n_outputs)]
    return state, squash_outputs(net, a)


def squash_outputs(net, a):
    """The outputs by their net inputs; none of a net without any."""
    y = []
    for size, output, _, _ in net.heads:
        own = a[len(y) : len(y) + size]
        if output == "softmax":
            total = sum(np.exp(a_k) for a_k in own)
            y += [np.exp(a_k) / total for a_k in own]
        else:
            y += [SQUASHINGS[output](a_k) for a_k in own]
    return y


def step_loss(net, y, target):
    """The loss of one step; 0 where the target is missing (NaN)."""
    total, start = 0.0, 0
    for size, output, loss, weight in net.heads:
        pairs = list(zip(y, target, strict=True))[start : start + size]
        start += size
        if np.isnan([t_k for _, t_k in pairs]).all():
            continue
        if loss == "squared":
            own = sum((y_k - t_k) ** 2 for y_k, t_k in pairs) / 2
        elif output == "softmax":
            own = -sum(t_k * np.log(y_k) for y_k, t_k in pairs)
        else:
            own = -sum(t_k * np.log(y_k) + (1 - t_k) * np.log(1 - y_k) for y_k, t_k in pairs)
        total = total + weight * own
    return total


def forward(net, parameters, inputs, recorded=None):
    """All states and outputs from a fresh state; `recorded` states make it the frozen replay."""
    states, outputs = [], []
    previous = shown_previous = initial_state(net)
    for t, x in enumerate(inputs):
        shown_now = None if recorded is None else recorded[t]
        state, y = step(
            net, parameters, x, previous, shown_previous,
            show=lambda c, now=shown_now: c if now is None else now["cell_state"],
        )  # fmt: skip
        states.append(state)
        outputs.append(y)
        previous, shown_previous = state, state if recorded is None else recorded[t]
    return states, outputs


def sequence_loss(net, parameters, inputs, targets, recorded=None):
    """The loss summed over all steps with a target; full, or of the frozen replay."""
    _, outputs = forward(net, parameters, inputs, recorded)
    return sum(step_loss(net, y, target) for y, target in zip(outputs, targets, strict=True))


def split(net, values):
    """A (n_parameters, ...) array cut into the parameters of `net`."""
    parameters, start = {}, 0
    for name, shape in net.shapes.items():
        stop = start + shape[0] * shape[1]
        parameters[name] = values[start:stop].reshape(*shape, *values.shape[1:])
        start = stop
    return parameters


def join(net, parameters):
    """The parameters as one float64 vector, the inverse of `split`."""
    return np.concatenate([np.float64(parameters[name]).ravel() for name in net.shapes])


def full_gradient(net, parameters, inputs, targets, distance=1e-3):
    """dL/dw of the loss with nothing cut."""
    directions = np.eye(join(net, parameters).size)
    return split(net, _slopes(net, parameters, inputs, targets, None, directions, distance))


def truncated_gradient(net, parameters, inputs, targets):
    """dL/dw of the frozen replay: only c(t-1) -> c(t) is alive in time."""
    recorded, _ = forward(net, parameters, inputs)
    directions = np.eye(join(net, parameters).size)
    return split(net, _slopes(net, parameters, inputs, targets, recorded, directions))


def truncated_slopes(net, parameters, inputs, targets, directions):
    """The truncated gradient along `directions` (n_parameters, n), for nets with many weights."""
    recorded, _ = forward(net, parameters, inputs)
    return _slopes(net, parameters, inputs, targets, recorded, directions)


def _slopes(net, parameters, inputs, targets, recorded, directions, distance=1e-3):
    """(8 (L(w+d) - L(w-d)) - (L(w+2d) - L(w-2d))) / 12d, of fourth order in d."""
    w = join(net, parameters)
    moves = directions[:, None, :] * np.array([1, -1, 2, -2])[None, :, None]
    variants = (w[:, None, None] + distance * moves).reshape(w.size, -1)
    losses = sequence_loss(net, split(net, variants), inputs, targets, recorded)
    plus, minus, plus_2, minus_2 = losses.reshape(4, -1)
    return (8 * (plus - minus) - (plus_2 - minus_2)) / (12 * distance)


def _real(values):
    return [np.real(value) for value in values]


class Learner:
    """Online learning with one tangent per parameter, carried by c alone.

    Variant j has an imaginary part in parameter j only, so Im(anything) is the derivative by
    parameter j; sources and peepholes are shown real parts. The variants are rebuilt from the
    weights of the moment at every step. SGD with momentum: v = momentum v + gradient,
    w -= learning_rate v; an update with nothing collected is none.
    """

    TINY = 1e-30
    show = staticmethod(_real)  # what sources and peepholes see of a state

    def __init__(self, net, parameters, learning_rate=0.0, momentum=0.0):
        self.net, self.learning_rate, self.momentum = net, learning_rate, momentum
        self.w = join(net, parameters)
        self.collected, self.velocity = np.zeros_like(self.w), np.zeros_like(self.w)
        self.has_collected = False
        self.reset()

    @property
    def parameters(self):
        return split(self.net, self.w)

    @property
    def gradient(self):
        return split(self.net, self.collected)

    def reset(self):
        self.state = initial_state(self.net)

    def step(self, x):
        variants = self.w[:, None] + 1j * self.TINY * np.eye(self.w.size)
        shown = {name: self.show(values) for name, values in self.state.items()}
        self.state, self.y = step(
            self.net, split(self.net, variants), x, self.state, shown, show=self.show
        )
        return np.array([y_k[0].real for y_k in self.y])

    def learn(self, target):
        loss = step_loss(self.net, self.y, target)
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
        self.velocity = self.momentum * self.velocity + self.collected
        self.w = self.w - self.learning_rate * self.velocity
        self.collected = np.zeros_like(self.w)
        self.has_collected = False


class ExactLearner(Learner):
    """The same with nothing cut: the whole state carries its tangents, and shows them.

    Where the weights change, the tangents are those of the weights of the time: what real-time
    recurrent learning carries.
    """

    show = staticmethod(list)
