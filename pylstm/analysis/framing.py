"""How far back outputs feel the samples of a signal, against how the samples were preprocessed.

A dependency that is long in samples is short in steps where a step reads several of them, or what
is left of them after decimation; a net that feels a few steps only then reaches far (Graves 2012,
Supervised Sequence Labelling with Recurrent Neural Networks, section 4.2). Of samples u(1), ...,
u(T n), a frame of n of them a step, counted from the end, the step t reads

    frame    x(t) = [u(tn-n+1); ...; u(tn)]             all of them
    mean     x(t) = (u(tn-n+1) + ... + u(tn)) / n       decimation behind a low-pass filter
    pick     x(t) = u(tn)                               decimation alone

All three are linear, so that the sensitivity to samples follows from that to inputs, exactly:

    dy(T)/du = dy(T)/dx(t) dx(t)/du                     the first from jacobians.py
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pylstm.analysis.jacobians import Jacobians
from pylstm.analysis.lstm import lstm_jacobians
from pylstm.analysis.plain import plain_jacobians, plain_net
from pylstm.analysis.sensitivity import learn
from pylstm.baselines import FullyRecurrent
from pylstm.checks import check_choice, check_real, check_size, check_whole
from pylstm.errors import brief
from pylstm.network import LSTM
from pylstm.optimizers import SGD
from pylstm.tasks import Sequences, Task, TwoSequence

__all__ = ["Framing", "FramingStudy", "reach", "sample_sensitivity", "study_framings"]

Array = npt.NDArray[Any]
Kind = Literal["frame", "mean", "pick"]

KINDS: tuple[Kind, ...] = ("frame", "mean", "pick")
#: Of the sensitivity, how much lies within the reach.
SHARE = 0.9
_LEAST = 1000  # training sequences
_N_UNITS = 9  # of the plain net: as many as the LSTM has cells and gates


@dataclass(frozen=True)
class Framing:
    """How a step reads samples.

    Parameters
    ----------
    kind : {"frame", "mean", "pick"}
        All samples of a frame side by side, their mean, or the last of them.
    n_samples : int
        Samples a step, at least 1.

    Raises
    ------
    ValueError
        For another kind, or a number below 1.

    Examples
    --------
    Frames are counted from the end, the first one filled up with zeros:

    >>> import numpy as np
    >>> from pylstm.analysis import Framing
    >>> signal = np.arange(1.0, 6.0)[:, None]
    >>> Framing("frame", 2).steps(signal).tolist()
    [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]
    >>> Framing("mean", 2).steps(signal).tolist(), Framing("pick", 2).steps(signal).tolist()
    ([[0.5], [2.5], [4.5]], [[1.0], [3.0], [5.0]])
    """

    kind: Kind
    n_samples: int

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        check_size("n_samples", self.n_samples)

    def __str__(self) -> str:
        if self.n_samples == 1:
            return "a sample"
        said = {"frame": "{} samples", "mean": "the mean of {}", "pick": "the last of {}"}
        return said[self.kind].format(self.n_samples)

    def _weights(self) -> Array:
        """What a step reads of a frame, (n_read, n_samples)."""
        identity = np.eye(self.n_samples)
        if self.kind == "mean":
            return np.asarray(identity.mean(axis=0, keepdims=True))
        return identity if self.kind == "frame" else identity[-1:]

    def n_inputs(self, n_features: int = 1) -> int:
        """Inputs of a step, of samples of so many numbers."""
        return len(self._weights()) * n_features

    def steps(self, samples: npt.ArrayLike) -> Array:
        """Give what the steps read of a signal.

        Parameters
        ----------
        samples : array_like, shape (n, n_features)

        Returns
        -------
        (n_steps, n_inputs) float64
            With ceil(n / n_samples) steps.

        Raises
        ------
        ValueError
            For another shape, no sample, or values that are not finite.
        """
        found = np.asarray(samples)
        if found.ndim != 2 or not found.size:
            raise ValueError(
                f"samples have shape {brief(found.shape)}, wanted (n, n_features) of at least one "
                "sample"
            )
        if found.dtype.kind not in "fiub" or not np.isfinite(found).all():
            raise ValueError("samples contain values that are not finite numbers, wanted numbers")
        return self._read(found, np.array([len(found)]))

    def _read(self, samples: Array, lengths: Array) -> Array:
        """What the steps of several signals, one after another, read: frames end where they do."""
        frames = -(-lengths // self.n_samples)
        ends = np.cumsum(frames) * self.n_samples
        padded = np.zeros((ends[-1], samples.shape[1]))
        padded[np.repeat(ends - np.cumsum(lengths), lengths) + np.arange(len(samples))] = samples
        read = self._weights() @ padded.reshape(frames.sum(), self.n_samples, -1)
        return np.asarray(read.reshape(frames.sum(), -1))

    def by_sample(self, by_step: Array, n: int) -> Array:
        """Carry derivatives by what steps read on to the samples.

        Parameters
        ----------
        by_step : (n_steps, n_outputs, n_inputs)
        n : int
            Samples there were.

        Returns
        -------
        (n, n_outputs, n_features)
        """
        n_steps, n_outputs, _ = by_step.shape
        weights = self._weights()
        apart = by_step.reshape(n_steps, n_outputs, len(weights), -1)
        of_frames = np.einsum("torf,rs->tsof", apart, weights)
        return np.asarray(of_frames.reshape(-1, *of_frames.shape[2:])[-n:])


def sample_sensitivity(
    net: LSTM | FullyRecurrent, samples: npt.ArrayLike, framing: Framing
) -> Array:
    """Give what the outputs at the end feel of the sample k before the last, |dy(T)/du(-k)|.

    Parameters
    ----------
    net : LSTM or FullyRecurrent
        Of one layer, without scaling. Does not change.
    samples : array_like, shape (n, n_features)
        The signal, read from a fresh state.
    framing : Framing
        How the net reads it.

    Returns
    -------
    (n,) float64
        Frobenius norms of exact Jacobians, for k = 0, ..., n - 1; 0 of samples that are not read.

    Raises
    ------
    ValueError, TypeError
        For a net with another number of inputs, or unusable samples.

    Notes
    -----
    Costs what `lstm_jacobians` does, and memory for the sensitivity to every sample.

    Examples
    --------
    An integrator that reads the mean of two samples:

    >>> import numpy as np
    >>> from pylstm.analysis import Framing, sample_sensitivity
    >>> from pylstm.baselines import FullyRecurrent
    >>> net = FullyRecurrent(1, 1, 0, output="identity", hidden_bias=False)
    >>> net.parameters["units"][:] = [[1.0, 0.5]]              # from the input, from itself
    >>> sample_sensitivity(net, np.ones((5, 1)), Framing("mean", 2)).tolist()
    [0.5, 0.5, 0.25, 0.25, 0.125]
    """
    if not isinstance(framing, Framing):
        raise TypeError(f"framing is {brief(framing)}, wanted a Framing")
    steps = framing.steps(samples)
    if steps.shape[1] != net.n_inputs:
        raise ValueError(
            f"net has n_inputs={net.n_inputs}, wanted {steps.shape[1]}, what a step reads of these "
            "samples"
        )
    of_steps = _jacobians(net, steps).of_output()
    of_samples = framing.by_sample(of_steps, len(np.asarray(samples)))
    return np.asarray(np.linalg.norm(of_samples, axis=(1, 2))[::-1])


def _jacobians(net: LSTM | FullyRecurrent, X: Array) -> Jacobians:
    return plain_jacobians(net, X) if isinstance(net, FullyRecurrent) else lstm_jacobians(net, X)


def reach(felt: npt.ArrayLike, share: float = SHARE) -> int:
    """Give how many of the last samples have that share of the whole sensitivity.

    Parameters
    ----------
    felt : array_like, shape (n,)
        As `sample_sensitivity` gives it, the last sample first.
    share : float, 0 < share <= 1, default 0.9

    Returns
    -------
    int
        From 1 to n; 0 where nothing is felt.

    Raises
    ------
    ValueError
        For another shape, numbers below 0 or not finite, or a share out of its range.

    Examples
    --------
    >>> from pylstm.analysis import reach
    >>> reach([4.0, 2.0, 2.0, 1.0, 1.0]), reach([1.0, 0.0, 0.0, 0.0, 0.0])
    (4, 1)
    """
    wanted = "a number above 0 up to 1"
    check_real("share", share, 0.0, 2.0, wanted)
    if not 0 < share <= 1:
        raise ValueError(f"share is {brief(share)}, wanted {wanted}")
    found = np.asarray(felt, float)
    if found.ndim != 1 or not found.size:
        raise ValueError(f"felt has shape {brief(found.shape)}, wanted (n,) of at least one sample")
    if not (np.isfinite(found) & (found >= 0)).all():
        raise ValueError("felt contains values that are not finite numbers >= 0, wanted norms")
    total = np.cumsum(found)
    return int(np.searchsorted(total, share * total[-1])) + 1 if total[-1] else 0


# ---------------------------------------------------------------- trained nets


@dataclass(frozen=True, eq=False)
class FramingStudy:
    """What `study_framings` has found.

    Parameters
    ----------
    seed, n_samples, n_information, at_most : int
        What it was asked; a sequence has from n_samples on a tenth more.
    framings : tuple of Framing
    n_learned : mapping of str to tuple of (int or None)
        Of each net, by framing: training sequences after which 1000 in a row had been answered
        rightly; None: not within `at_most`.
    wrong : mapping of str to tuple of float
        Share of the last 1000 that were answered wrongly.
    felt : mapping of str to (n_framings, n_samples + n_samples // 10) float64
        |dy(T)/du(-k)| for k = 0, 1, ... of each net once it has been trained, mean over sequences;
        those that are shorter have 0.
    """

    seed: int
    n_samples: int
    n_information: int
    at_most: int
    framings: tuple[Framing, ...]
    n_learned: Mapping[str, tuple[int | None, ...]]
    wrong: Mapping[str, tuple[float, ...]]
    felt: Mapping[str, Array]

    def reach(self, net: str) -> list[int]:
        """Give within how many of the last samples 90 % of what a net feels lies, by framing."""
        return [reach(felt) for felt in self.felt[net]]


def study_framings(
    framings: Sequence[Framing],
    n_samples: int = 100,
    n_information: int = 10,
    seed: int = 0,
    *,
    at_most: int = 20_000,
    n_sequences: int = 20,
) -> FramingStudy:
    """Train a plain recurrent net and an LSTM on framed signals; measure how far back they feel.

    The task is that of two sequences (`pylstm.tasks.TwoSequence`): the first samples tell the
    class, all others are noise, the class is wanted at the end. For every framing a plain net of 9
    tanh units (`plain_net`, spectral radius 1, exact gradient) and an LSTM of 3 cells without
    forget gates, as in row 3a of the experiment table, learn the same signals in the same order.

    Parameters
    ----------
    framings : sequence of Framing
        At least one.
    n_samples : int, default 100
        Samples a sequence, to a tenth more; at least n_information.
    n_information : int, default 10
        First samples that tell the class, at least 1.
    seed : int, default 0
        Of all that is drawn.
    at_most : int, default 20,000
        Training sequences, at least 1000. A net stops before, where it has answered a whole
        thousand of them rightly.
    n_sequences : int, default 20
        Other sequences, over which the mean of the sensitivity is taken.

    Returns
    -------
    FramingStudy

    Raises
    ------
    ValueError, TypeError
        For arguments that make no sense.

    Notes
    -----
    Takes a second or two a framing and 10,000 sequences of 100 samples.

    Examples
    --------
    >>> from pylstm.analysis import Framing, study_framings
    >>> found = study_framings([Framing("frame", 5)], 20, 5, at_most=1000, n_sequences=2)
    >>> found.felt["LSTM"].shape, found.n_learned["LSTM"]
    ((1, 22), (None,))
    """
    framings = tuple(framings)
    if not framings:
        raise ValueError("framings is empty, wanted at least one Framing")
    for framing in framings:
        if not isinstance(framing, Framing):
            raise TypeError(f"framings contain {brief(framing)}, wanted objects of Framing")
    check_whole("at_most", at_most, _LEAST)
    check_size("n_sequences", n_sequences)
    task = TwoSequence(n_information=n_information, min_length=n_samples)
    of_weights, training, test = np.random.SeedSequence(seed).spawn(3)
    signals = [signal for signal, _ in task.sample(n_sequences, np.random.default_rng(test))]
    n_learned: dict[str, list[int | None]] = {name: [] for name in NETS}
    wrong: dict[str, list[float]] = {name: [] for name in NETS}
    felt: dict[str, list[Array]] = {name: [] for name in NETS}
    for framing in framings:
        for name, make in NETS.items():
            net = make(framing.n_inputs(), np.random.default_rng(of_weights))
            framed = _Framed(task, framing)
            n, share = learn(net, framed, np.random.default_rng(training), at_most)
            n_learned[name].append(n)
            wrong[name].append(share)
            of_signals = np.zeros((len(signals), n_samples + n_samples // 10))
            for of_one, signal in zip(of_signals, signals, strict=True):
                of_one[: len(signal)] = sample_sensitivity(net, signal, framing)
            felt[name].append(of_signals.mean(axis=0))
    return FramingStudy(
        seed=seed,
        n_samples=n_samples,
        n_information=n_information,
        at_most=at_most,
        framings=framings,
        n_learned={name: tuple(of) for name, of in n_learned.items()},
        wrong={name: tuple(of) for name, of in wrong.items()},
        felt={name: np.array(of) for name, of in felt.items()},
    )


def _plain(n_inputs: int, rng: np.random.Generator) -> FullyRecurrent:
    return plain_net(n_inputs, 1, _N_UNITS, 1.0, rng)


def _lstm(n_inputs: int, rng: np.random.Generator) -> LSTM:
    return LSTM(
        n_inputs,
        1,
        n_blocks=3,
        forget_gate=False,
        gate_recurrence=True,
        output="logistic",
        bias_init={"input_gate": [-1, -3, -5], "output_gate": [-2, -4, -6]},
        optimizer=SGD(0.5),
        seed=rng,
    )


NETS: dict[str, Callable[[int, np.random.Generator], LSTM | FullyRecurrent]] = {
    "plain net": _plain,
    "LSTM": _lstm,
}


@dataclass(frozen=True)
class _Framed(Task):
    """A task with targets at the ends, of signals that are read in frames."""

    of_samples: TwoSequence
    framing: Framing

    def _sample(self, n_sequences: int, rng: np.random.Generator) -> Sequences:
        of_samples = self.of_samples.sample(n_sequences, rng)
        return Sequences(
            self.framing._read(of_samples.X, of_samples.lengths).astype(np.float32),
            of_samples.targets,
            -(-of_samples.lengths // self.framing.n_samples),
            of_samples.classes,
            of_samples.clean,
        )

    def _wrong(self, outputs: Array, sequences: Sequences) -> Array:
        return self.of_samples.wrong(outputs, sequences)
