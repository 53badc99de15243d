"""The constant drive of cell inputs: what a bias, or gates that hardly move, do in a long sequence.

A cell without a forget gate adds i g to its state at every step. Where the pre-activation of g has
a part that is the same at every step, from its own bias or from gate activations among its sources,
the state gets the sum of that over all steps, which says nothing about the inputs, and the gradient
of those weights is a sum of as many terms of one sign. So an error is answered by the drive long
before it is by what the inputs say: the gain of the loop, from the error of an output through those
weights back to the output, grows with the square of the length. Repaired so, drive and weights from
a block to the outputs are pulled to where both are 0, a saddle: without weights out nothing reaches
the cells, and a state that is all drive gives the weights out nothing to learn but a bias.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.analysis.learning import lstm_of, teach
from pylstm.analysis.lstm import record
from pylstm.errors import InputError
from pylstm.experiments import Reading, Row
from pylstm.network import LSTM, check_blocks_alone
from pylstm.reference import slope, squashed

__all__ = ["Drive", "DriveCourse", "constant_drive", "drive_along_learning", "loop_gain"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Drive:
    """Cell states over a sequence, and what of them is constant drive.

    Parameters
    ----------
    state : (n_steps, n_cells) float64
    drive : (n_steps, n_cells) float64
        What the states would be if cell inputs saw their bias and the gates alone, the gates open
        as they were.
    """

    state: Array
    drive: Array

    @property
    def share(self) -> Array:
        """Of each cell |drive| / (|drive| + |state - drive|) at the end, (n_cells,)."""
        drive, rest = np.abs(self.drive[-1]), np.abs(self.state[-1] - self.drive[-1])
        return np.asarray(drive / np.maximum(drive + rest, np.finfo(float).tiny))


def constant_drive(net: LSTM, X: npt.ArrayLike) -> Drive:
    """Say how much of the cell states is constant drive, from a fresh state.

    With b(t) the part of the pre-activation of a cell input that comes from its bias and from
    gates(t-1),

        drive(t) = f drive(t-1) + i cell_input(b(t))

    beside c(t) = f c(t-1) + i cell_input(W z).

    Parameters
    ----------
    net : LSTM
        Does not change.
    X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
        Inputs, or tokens.

    Returns
    -------
    Drive

    Raises
    ------
    ValueError, TypeError
        For unusable inputs.

    Notes
    -----
    Costs a step of a copy of the net for every row, each a call from Python.

    Examples
    --------
    A cell that sees nothing but its bias:

    >>> import numpy as np, pylstm
    >>> from pylstm.analysis import constant_drive
    >>> net = pylstm.LSTM(1, 1, n_blocks=1, forget_gate=False, cell_recurrence=False)
    >>> bool(constant_drive(net, np.zeros((100, 1))).share > 0.999)
    True
    """
    _, states, _ = record(net, X)
    config = net._config()
    weights = net.parameters["cell_input"].astype(float)
    n_steps = len(states["cell_state"])
    net_input = np.zeros((n_steps, net.n_cells))
    for k, source in enumerate(net.sources[: weights.shape[1]]):
        name, _, place = source.partition("[")
        if name == "bias":
            net_input += weights[:, k]
        elif name.endswith("gate"):
            before = states[name][:-1, int(place.rstrip("]"))]
            net_input[1:] += before[:, None] * weights[:, k]
    open_to = _each_cell(net, states, "input_gate", 1.0)
    kept = _each_cell(net, states, "forget_gate", 1.0 - config["leak"])
    added = open_to * squashed(net_input, config["cell_input"])
    drive = np.zeros_like(added)
    for t in range(n_steps):
        drive[t] = added[t] + (kept[t] * drive[t - 1] if t else 0.0)
    return Drive(states["cell_state"], drive)


def _each_cell(net: LSTM, states: dict[str, Array], gate: str, absent: float) -> Array:
    """The activations of a gate at every step, of each cell; where it is absent, a constant."""
    if gate not in states:
        return np.full_like(states["cell_state"], absent)
    return np.repeat(states[gate], net.block_size, axis=1)


def loop_gain(net: LSTM, X: npt.ArrayLike) -> dict[str, float]:
    """Give the gain of the loop from the error of an output through the weights back to it.

    One step of gradient descent with rate alpha, after a sequence whose last output is off by e,
    changes that output by -gain e, to first order:

        gain = alpha sum over weights of (dy/dw) (de/dw)

    with de/dw the gradient as the network computes it; the mean over its outputs. Below 1 a
    sequence is approached, at 1 met, above 2 missed by more than before.

    Parameters
    ----------
    net : LSTM
        Does not change. Its optimizer gives alpha, whatever its rule.
    X : array_like, shape (n_steps, n_inputs), or (n_steps,) of an integer dtype
        Inputs, or tokens.

    Returns
    -------
    dict of str to float
        "drive": of the weights of cell inputs from bias and gates; "hidden": of all others of
        gates and cell inputs; "output": of those of the outputs.

    Raises
    ------
    ValueError, TypeError
        For unusable inputs, or a net with output "softmax".

    Notes
    -----
    Costs n_outputs + 1 gradients of the sequence.

    Examples
    --------
    The longer the sequence, the larger the gain of the drive, as its square:

    >>> import numpy as np, pylstm
    >>> from pylstm.analysis import loop_gain
    >>> net = pylstm.LSTM(1, 1, n_blocks=1, forget_gate=False, cell_recurrence=False,
    ...                   cell_output="identity", bias_init={"input_gate": -8})
    >>> short, long = (loop_gain(net, np.zeros((n, 1)))["drive"] for n in (100, 200))
    >>> round(long / short, 2)
    4.0
    """
    check_blocks_alone(net)
    X = np.asarray(X)
    config = net._config()
    if config["output"] == "softmax":
        raise ValueError("net has output='softmax', wanted outputs independent of each other")
    y = net.copy().run_sequences(X, lengths=[len(X)], last=True)[0].astype(float)
    # the squared loss sends an error through the squashing, the cross-entropy past it
    passed = np.ones(len(y)) if config["loss"] == "squared" else slope(y, config["output"])
    of_rows = passed * net.optimizer.numbers()["learning_rate"] / net.n_outputs
    wanted = np.full((len(X), net.n_outputs), np.nan)
    wanted[-1] = 0.0
    before = net.gradient(X, wanted)
    gains = dict.fromkeys(("drive", "hidden", "output"), 0.0)
    for k in range(net.n_outputs):
        wanted[-1] = np.arange(net.n_outputs) == k
        after = net.gradient(X, wanted)  # linear in the target: the change is that by one error
        for name, of in before.items():
            gain = of_rows[k] * (of.astype(float) - after[name]) ** 2
            is_drive = np.zeros(gain.shape[-1], bool)
            if name == "cell_input":
                is_drive[:] = [_is_constant(source) for source in net.sources[: len(is_drive)]]
            gains["drive"] += float(gain[..., is_drive].sum())
            gains["output" if name == "output" else "hidden"] += float(gain[..., ~is_drive].sum())
    return gains


def _is_constant(source: str) -> bool:
    return source == "bias" or source.split("[")[0].endswith("gate")


# ---------------------------------------------------------------- along a learning run


@dataclass(frozen=True)
class DriveCourse:
    """A learning run looked at on its way, after so many training sequences each.

    Parameters
    ----------
    row, reading, differs : str
        What was learned, by which reading of the row, and what it differs in.
    seed : int
    seen : tuple of int
        Training sequences, from 0 on; up to where the net diverges, if it does.
    share : (n_points, n_cells) float64
        Of every cell the share of its state that is constant drive, see `Drive`, a mean over some
        sequences.
    gain : dict of str to (n_points,) float64
        See `loop_gain`, a mean over the same sequences.
    drive, weights_out : (n_points, n_blocks) float64
        Norms of the drive of the cells of a block at the end of a sequence, a mean over the same
        sequences, and of the weights from it to the outputs: the way into the saddle, where both
        are 0.
    error : (n_points,) float64
        Mean absolute error of the training sequences before; NaN at first.
    """

    row: str
    reading: str
    differs: str
    seed: int
    seen: tuple[int, ...]
    share: Array
    gain: dict[str, Array]
    drive: Array
    weights_out: Array
    error: Array


def drive_along_learning(
    row: Row,
    reading: Reading | None = None,
    n_sequences: int = 2000,
    n_points: int = 20,
    n_watched: int = 4,
    seed: int = 0,
    on_progress: Callable[[int], None] | None = None,
) -> DriveCourse:
    """Learn a row of the experiment table and watch the constant drive of its cell inputs.

    Parameters
    ----------
    row : Row
        Of LSTM whose outputs have activation functions of their own (no softmax), sequences
        generated on-line.
    reading : Reading, optional
        One of its readings; without: the first.
    n_sequences : int, default 2000
        Training sequences, at least n_points.
    n_points : int, default 20
        How often to look, the more often the earlier.
    n_watched : int, default 4
        Sequences that what is seen is a mean over.
    seed : int, default 0
        Of starting weights and sequences.
    on_progress : callable, optional
        Called with the number of training sequences seen, after every look.

    Returns
    -------
    DriveCourse

    Raises
    ------
    InputError
        For a row that trains no LSTM, or numbers that make no sense.

    Examples
    --------
    >>> from pylstm.analysis import drive_along_learning
    >>> from pylstm.experiments import ROWS
    >>> row = ROWS["4-2"]
    >>> written, nearest = (
    ...     drive_along_learning(row, row.reading(label), n_sequences=8, n_points=2)
    ...     for label in ("written", "nearest")
    ... )
    >>> written.seen, bool(written.share[0].mean() > 0.5), bool(nearest.share[0].mean() == 0)
    ((0, 2, 8), True, True)
    """
    reading = row.readings[0] if reading is None else reading
    if not 1 <= n_points <= n_sequences:
        raise InputError(
            f"{n_sequences} sequences given and {n_points} points, wanted at least one point, and "
            "one sequence for each"
        )
    row = row.under(reading)
    of_weights, training, test = np.random.SeedSequence(seed).spawn(3)
    net = lstm_of(row, reading, seed=np.random.default_rng(of_weights))
    rng = np.random.default_rng(training)
    watched = [X for X, _ in row.task.sample(n_watched, np.random.default_rng(test))]
    # a parabola, rounded up: the further on, the fewer looks
    places = [-(-n_sequences * k * k // n_points**2) for k in range(n_points + 1)]
    seen = [max(k, place) for k, place in enumerate(places)]
    looks, error = [_look(net, watched)], [np.nan]
    for before, now in pairwise(seen):
        try:
            sequences = row.task.sample(now - before, rng)
            error.append(teach(net, row.task, sequences, reading.update)[0])
        except FloatingPointError:
            break
        looks.append(_look(net, watched))
        if on_progress is not None:
            on_progress(now)
    shares, gains, drives, out = zip(*looks, strict=True)
    return DriveCourse(
        row=row.name,
        reading=reading.label,
        differs=reading.differs,
        seed=seed,
        seen=tuple(seen[: len(looks)]),
        share=np.array(shares),
        gain={name: np.array([gain[name] for gain in gains]) for name in gains[0]},
        drive=np.array(drives),
        weights_out=np.array(out),
        error=np.array(error[: len(looks)]),
    )


def _look(net: LSTM, watched: list[Array]) -> tuple[Array, dict[str, float], Array, Array]:
    found = [constant_drive(net, X) for X in watched]
    each = [loop_gain(net, X) for X in watched]
    gain = {name: float(np.mean([of[name] for of in each])) for name in each[0]}
    drive = np.mean([_by_block(net, of.drive[-1]) for of in found], axis=0)
    out = net.parameters["output"][:, : net.n_cells].astype(float)
    return np.mean([of.share for of in found], axis=0), gain, drive, _by_block(net, out.T)


def _by_block(net: LSTM, weights: Array) -> Array:
    """Norm of what each block has, given a row a cell."""
    return np.asarray(np.linalg.norm(weights.reshape(net.n_blocks, -1), axis=1))
