"""How far back the outputs of recurrent nets can feel their inputs: plain nets beside LSTM.

The sensitivity of the outputs at the last step T to the input k steps before is the Frobenius norm
of an exact Jacobian, |dy(T)/dx(T-k)|, see jacobians.py. An error at the end reaches the weights by
the same derivatives: what is not felt is not learned (Hochreiter & Schmidhuber 1997, section 3.1).
The nets read sequences of the paper's experiment 6a, temporal order, where a symbol some 90 and one
some 50 steps before the end decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.analysis.jacobians import Jacobians
from pylstm.analysis.learning import lstm_of, teach
from pylstm.analysis.lstm import lstm_jacobians, record
from pylstm.analysis.plain import plain_jacobians, plain_net
from pylstm.architecture import GATES
from pylstm.baselines import FullyRecurrent
from pylstm.experiments import ROWS
from pylstm.network import LSTM
from pylstm.tasks import Task

__all__ = ["Shading", "Study", "study"]

Array = npt.NDArray[Any]

#: Spectral radii of the plain nets at the start, and of the one that is trained.
RADII, TRAINED = (0.5, 1.0, 2.0), 1.0

LSTM_START, LSTM_LEARNED, PLAIN_TRAINED = (
    "LSTM, at the start",
    "LSTM, learned",
    "plain net, trained",
)
AT_MOST = 200_000  # training sequences
_EVERY = 1000
_SYMBOLS = "EBabcdXY"


@dataclass(frozen=True, eq=False)
class Shading:
    """What every unit feels of the input of one step, over one sequence.

    Parameters
    ----------
    symbols : str
        The sequence.
    step : int
        The step t, from 0, whose input it is: the first that matters.
    plain, lstm : mapping of str to (n_units, n_steps) float64
        |du(T)/dx(t)| of every unit of the two nets that have been trained, by parts; 0 before t.
    gates : mapping of str to (n_blocks, n_steps) float64
        Activations of the gates of the LSTM.
    """

    symbols: str
    step: int
    plain: Mapping[str, Array]
    lstm: Mapping[str, Array]
    gates: Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class Study:
    """What `study` has found.

    Parameters
    ----------
    seed : int
    n_learned : int or None
        Training sequences after which the LSTM had answered 1000 in a row rightly; None: not within
        200,000.
    plain_wrong : float
        Share of the last 1000 of the same sequences that the plain net answered wrongly.
    by_lag : mapping of str to (n_lags,) float64
        Of each net |dy(T)/dx(T-k)| for k = 0, 1, ...: geometric mean over sequences.
    shading : Shading
    """

    seed: int
    n_learned: int | None
    plain_wrong: float
    by_lag: Mapping[str, Array]
    shading: Shading

    def label(self, name: str) -> str:
        """Give the name of a net as it is shown: of those trained, how long and how well.

        Parameters
        ----------
        name : str
            One of `by_lag`.

        Returns
        -------
        str
        """
        after = f"after {self.n_learned or AT_MOST:,} sequences"
        if name == LSTM_LEARNED:
            return f"LSTM, {after}: " + ("none wrong" if self.n_learned else "some wrong")
        if name == PLAIN_TRAINED:
            return f"plain net, {after}: {self.plain_wrong:.0%} wrong"
        return name


def by_lag(jacobians: Jacobians, n_lags: int) -> Array:
    """Give |dy(T)/dx(T-k)| for k = 0, ..., n_lags - 1.

    Parameters
    ----------
    jacobians : Jacobians
        Of at least n_lags steps.
    n_lags : int

    Returns
    -------
    (n_lags,) float64

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.analysis import Jacobians
    >>> from pylstm.analysis.sensitivity import by_lag
    >>> each = np.ones((4, 1, 1))
    >>> by_lag(Jacobians(0.5 * each, each, -2.0 * each, 0.0 * each, ("unit[0]",)), 3).tolist()
    [2.0, 1.0, 0.5]
    """
    return np.asarray(np.linalg.norm(jacobians.of_output(), axis=(1, 2))[::-1][:n_lags])


def learn(
    net: LSTM | FullyRecurrent, task: Task, rng: np.random.Generator, at_most: int = AT_MOST
) -> tuple[int | None, float]:
    """Train a net on a task until 1000 training sequences in a row were answered rightly.

    Parameters
    ----------
    net : LSTM or FullyRecurrent
        Changes.
    task : Task
    rng : numpy Generator
        Sequences are drawn from it 1000 at a time.
    at_most : int, default 200,000
        At least 1000.

    Returns
    -------
    n : int or None
        Training sequences it took; None: not within `at_most`.
    wrong : float
        Share of the last 1000 that were answered wrongly.

    Raises
    ------
    FloatingPointError
        When the net diverges.

    Examples
    --------
    Sequences of three steps, all of them information, of a sign to be told:

    >>> import numpy as np, pylstm
    >>> from pylstm.analysis.sensitivity import learn
    >>> net = pylstm.LSTM(1, 1, n_blocks=2, output="logistic", optimizer=pylstm.SGD(1.0))
    >>> learn(net, pylstm.tasks.TwoSequence(min_length=3), np.random.default_rng(0))
    (2000, 0.0)
    """
    for n in range(_EVERY, at_most + 1, _EVERY):
        _, wrong = teach(net, task, task.sample(_EVERY, rng))
        if wrong == 0:
            return n, wrong
    return None, wrong


def feel(jacobians: Jacobians, t: int) -> dict[str, Array]:
    """Give what every unit feels of the input of one step t, |du(T)/dx(t)|, at every step T.

    Parameters
    ----------
    jacobians : Jacobians
    t : int
        From 0.

    Returns
    -------
    dict of str to (n_units, n_steps) float64
        By the names of the parts of the state, such as "cell_state", and last "output"; 0 before
        step t.

    Examples
    --------
    >>> import numpy as np
    >>> from pylstm.analysis import Jacobians
    >>> from pylstm.analysis.sensitivity import feel
    >>> each = np.ones((4, 1, 1))
    >>> felt = feel(Jacobians(0.5 * each, each, -2.0 * each, 0.0 * each, ("unit[0]",)), t=1)
    >>> felt["unit"].tolist(), felt["output"].tolist()
    ([[0.0, 1.0, 0.5, 0.25]], [[0.0, 2.0, 1.0, 0.5]])
    """
    of_state = jacobians.of_state(t)
    of_output = jacobians.output_by_state[t:] @ of_state
    of_output[0] += jacobians.output_by_input[t]
    parts = [name.partition("[")[0] for name in jacobians.names]
    felt = {}
    for part, of_units in (
        *((part, of_state[:, [of == part for of in parts]]) for part in dict.fromkeys(parts)),
        ("output", of_output),
    ):
        since = np.linalg.norm(of_units, axis=2).T
        felt[part] = np.hstack([np.zeros((len(since), t)), since])
    return felt


def study(seed: int = 0, n_sequences: int = 20, n_lags: int = 100) -> Study:
    """Measure how far back plain recurrent nets and LSTM feel their inputs.

    Compared are plain nets of tanh units (`plain_net`, as many units as the LSTM has cells and
    gates, drawn anew for every sequence) at three spectral radii; one of them trained by the exact
    gradient; the LSTM of experiment 6a at the start and once it has learned, from the same
    sequences as the plain net; and the same LSTM with forget gates, at the start: these are half
    open, so what a cell holds is halved at every step.

    Parameters
    ----------
    seed : int, default 0
        Of all that is drawn.
    n_sequences : int, default 20
        Sequences the mean is taken over.
    n_lags : int, default 100
        At most 100, the length of the shortest sequence.

    Returns
    -------
    Study

    Notes
    -----
    Takes some seconds.

    Examples
    --------
    >>> from pylstm.analysis import study
    >>> found = study(n_sequences=2)
    >>> plain, lstm = found.by_lag["plain net, trained"], found.by_lag["LSTM, learned"]
    >>> bool(plain[80] < 1e-6 * plain[0]), bool(lstm[80] > 0.01 * lstm[0])
    (True, True)
    """
    of_weights, training, test, of_plain = np.random.SeedSequence(seed).spawn(4)
    task, rng = ROWS["6a"].task, np.random.default_rng(of_plain)
    lstms = _untrained_lstm(np.random.default_rng(of_weights))
    lstm = lstms[LSTM_LEARNED] = lstms[LSTM_START].copy()
    plain = _plain_net_like(lstm, TRAINED, rng)
    n_learned, _ = learn(lstm, task, np.random.default_rng(training))
    _, plain_wrong = learn(plain, task, np.random.default_rng(training), n_learned or AT_MOST)
    sequences = list(task.sample(n_sequences, np.random.default_rng(test)))
    logs: dict[str, list[Array]] = {}
    for tokens, _ in sequences:
        drawn = {
            f"plain net, spectral radius {radius}": _plain_net_like(lstm, radius, rng)
            for radius in RADII
        }
        of_all = {
            name: plain_jacobians(net, tokens)
            for name, net in {**drawn, PLAIN_TRAINED: plain}.items()
        }
        of_all |= {name: lstm_jacobians(net, tokens) for name, net in lstms.items()}
        for name, jacobians in of_all.items():
            with np.errstate(divide="ignore"):  # of what is not felt at all
                logs.setdefault(name, []).append(np.log(by_lag(jacobians, n_lags)))
    return Study(
        seed=seed,
        n_learned=n_learned,
        plain_wrong=plain_wrong,
        by_lag={name: np.exp(np.mean(of_net, axis=0)) for name, of_net in logs.items()},
        shading=_shading(sequences[0][0], plain, lstm),
    )


def _untrained_lstm(rng: np.random.Generator) -> dict[str, LSTM]:
    """The LSTM of experiment 6a before training, with forget gates and without."""
    row = ROWS["6a"]
    names = {"LSTM with forget gates, at the start": True, LSTM_START: False}
    return {
        name: lstm_of(row, row.readings[0], seed=rng, forget_gate=forgets)
        for name, forgets in names.items()
    }


def _plain_net_like(net: LSTM, radius: float, rng: np.random.Generator) -> FullyRecurrent:
    """A plain net with a unit for every cell and every gate of an LSTM."""
    n_units = sum(len(of) for name, of in net.state.items() if name != "cell_output")
    return plain_net(net.n_inputs, net.n_outputs, n_units, radius, rng)


def _shading(tokens: Array, plain: FullyRecurrent, lstm: LSTM) -> Shading:
    step = int(np.argmax(tokens >= _SYMBOLS.index("X")))
    _, states, _ = record(lstm, tokens)
    return Shading(
        symbols="".join(_SYMBOLS[token] for token in tokens),
        step=step,
        plain=feel(plain_jacobians(plain, tokens), step),
        lstm=feel(lstm_jacobians(lstm, tokens), step),
        gates={name: states[name].T for name in GATES if name in states},
    )
