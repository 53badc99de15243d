"""The Chunker class: two networks, the higher of which sees only what the lower did not predict."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from pylstm.baselines.learner import Learner
from pylstm.baselines.recurrent import FullyRecurrent
from pylstm.checks import check_real, check_size, generator, within_memory
from pylstm.optimizers import SGD, Optimizer

__all__ = ["Chunker"]

Array = npt.NDArray[Any]


class Chunker(Learner):
    """The neural sequence chunker of two levels, by history compression.

    Both levels predict, as targets, their next input (Schmidhuber 1992):

    - the lower network, the automatizer, makes every step; its first outputs are those of the
      chunker;
    - the higher one, the chunker proper, makes a step only with a surprise: the first input of
      a sequence, and every input which an output of the lower one has missed by `surprise` or more.
      Its target is the next surprise. What is left of the sequence is short, and so are its lags;
    - the lower one has further outputs, whose target at every step is the state of the higher
      one's units. Errors of short lag thus teach it to carry what the higher one remembers, until
      nothing surprises it any more.

    Each is a `FullyRecurrent` with real-time recurrent learning, logistic units and outputs with
    a bias; the outputs of the lower one see the inputs as well. That is the lower of the two nets
    of HS97, experiment 2a, but for the biases.

    Both begin without hidden units, whose weights to the outputs stay 0 until `n_direct` sequences
    have been learned: what follows from the present input alone is learned first, and units are
    added when that no longer improves, as HS97 adds the memory cell in that experiment. Else units
    become biases while everything is a surprise, and stay so.

    Parameters
    ----------
    n_inputs, n_outputs : int
        At least 1, and the same: outputs predict inputs.
    n_hidden : int, default 1
        Units of each network.
    surprise : float, default 0.25
        Error of an output from which on an input is a surprise.
    n_direct : int, default 1000
        Sequences learned before the units are there, at least 0.
    init_range : float, default 0.2
        Weights start uniformly distributed in [-init_range, init_range).
    optimizer : SGD, default SGD(1.0)
        Of both. The rate of HS97.
    seed : int or numpy Generator, default 0

    Raises
    ------
    ValueError, TypeError
        For a size or number that makes no sense.

    Notes
    -----
    A step costs one of the lower network, see `FullyRecurrent`, and with a surprise one of the
    higher; some microseconds more are Python. The higher network is not told how many steps lie
    between surprises, which Schmidhuber's is. With momentum, the velocity of the weights kept at 0
    is not kept at 0.

    HS97 counts 10,506 weights with p = 100, those of a net with one output more. Here the lower
    network has 10,608, 102 of them biases, the higher 304.

    Examples
    --------
    The first symbol comes again at the end; all in between is the same (HS97, experiment 2a):

    >>> import numpy as np
    >>> from pylstm.baselines import Chunker
    >>> from pylstm.tasks import NoiseFree
    >>> task = NoiseFree(p=5)
    >>> sequences = task.sample(4000, np.random.default_rng(1))
    >>> net = Chunker(6, 6, n_direct=500)
    >>> Y = net.run_sequences(sequences.X, sequences.targets, sequences.lengths, update="step")
    >>> wrong = task.wrong(Y, sequences)
    >>> bool(wrong[:1000].any()), bool(wrong[-1000:].any())
    (True, False)
    """

    _schema = "baselines.Chunker"

    @within_memory()
    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        n_hidden: int = 1,
        *,
        surprise: float = 0.25,
        n_direct: int = 1000,
        init_range: float = 0.2,
        optimizer: Optimizer | None = None,
        seed: int | np.random.Generator = 0,
    ) -> None:
        self._nets: dict[str, FullyRecurrent] = {}
        super().__init__(n_inputs, n_outputs, SGD(1.0) if optimizer is None else optimizer)
        if n_outputs != n_inputs:
            raise ValueError(
                f"n_outputs is {n_outputs} with n_inputs {n_inputs}, wanted the same number: the "
                "chunker predicts its next input"
            )
        self._n_hidden = check_size("n_hidden", n_hidden)
        self._n_direct = check_size("n_direct", n_direct, 0)
        self._surprise = check_real(
            "surprise", surprise, math.ulp(0.0), math.inf, "a finite number above 0"
        )
        rng = generator(seed)
        for level, n_predicted in (("lower", n_outputs + n_hidden), ("higher", n_outputs)):
            self._nets[level] = FullyRecurrent(
                n_inputs,
                n_predicted,
                n_hidden,
                readout="layer",
                shortcut=level == "lower",
                hidden_bias=False,
                init_range=init_range,
                optimizer=self.optimizer,
                seed=rng,
            )
        self._n_sequences = self._n_surprises = 0
        self._has_learned = False
        self._at_first = {level: view.copy() for level, view in self._views_of_units().items()}
        self._zero_views_of_units()
        self.reset()

    # ---------------------------------------------------------------- what it is

    @property
    def parameters(self) -> dict[str, Array]:
        """Writable arrays of the weights, "lower_units", "lower_output", "higher_units", ...

        Their columns are those of `FullyRecurrent`.
        """
        return {
            f"{level}_{name}": view
            for level, net in self._nets.items()
            for name, view in net.parameters.items()
        }

    @property
    def n_sequences(self) -> int:
        """Sequences learned from, those before the last reset."""
        return self._n_sequences

    @property
    def n_surprises(self) -> int:
        """Steps the higher network has made so far."""
        return self._n_surprises

    def _set_rates(self, learning_rate: float, momentum: float) -> None:
        for net in self._nets.values():
            net.optimizer = SGD(learning_rate, momentum)

    # ---------------------------------------------------------------- units that come later

    def _sees_higher_units(self) -> bool:
        return self._n_sequences >= self._n_direct

    def _views_of_units(self) -> dict[str, Array]:
        """With which weights the outputs of each network see its units."""
        return {
            level: net.parameters["output"][:, : self._n_hidden]
            for level, net in self._nets.items()
        }

    def _zero_views_of_units(self) -> None:
        if not self._sees_higher_units():
            for view in self._views_of_units().values():
                view[...] = 0

    def _count_sequence(self) -> None:
        self._n_sequences += 1
        if self._n_sequences == self._n_direct:
            for level, view in self._views_of_units().items():
                view[...] = self._at_first[level]

    # ---------------------------------------------------------------- a step

    def _clear(self) -> None:
        for net in self._nets.values():
            net.reset()
        self._expected = np.full(self.n_inputs, np.inf)  # so that the first input is a surprise
        if self._has_learned:
            self._has_learned = False
            self._count_sequence()

    def _advance(self, x: Any) -> Array:
        X = x[None] if isinstance(x, np.ndarray) else np.array([x])
        if self._is_surprising(x):
            self._nets["higher"]._run(X, None, 1)
            self._n_surprises += 1
        self._y = self._nets["lower"]._run(X, None, 1)[0, : self.n_outputs].copy()
        self._expected = self._y
        self._n_steps += 1
        self._n_collect += 1
        self._learnable = True
        return self._y

    def _is_surprising(self, x: Any) -> bool:
        error = self._expected.copy()
        if isinstance(x, np.ndarray):
            error -= x
        else:
            error[x] -= 1
        return self._is_surprise(error)

    def _is_surprise(self, error: Array) -> bool:
        return bool(np.abs(error).max() >= self._surprise)

    def _learn(self, target: Array) -> float:
        lower, higher = self._nets["lower"], self._nets["higher"]
        state = higher.state["units"] if self._sees_higher_units() else np.zeros(self._n_hidden)
        lower._learn(np.concatenate([target, state]))
        error = self._y - target
        if self._is_surprise(error) and higher._is_learnable():
            higher._learn(target)
        self._collected = self._has_learned = True
        return float(0.5 * (error @ error))

    def _change_weights(self) -> None:
        self._n_collect = 0
        if self._collected:
            for net in self._nets.values():
                net._change_weights()
            self._zero_views_of_units()
            self._collected = self._learnable = False

    def _check_weights(self) -> None:
        for net in self._nets.values():
            net._check_weights()

    # ---------------------------------------------------------------- the gradient

    def _change_nothing(self) -> None:
        self._has_learned = False
        self._clear()
        for net in self._nets.values():
            net._change_nothing()
        self._collected = False
        self._n_collect = 0

    def _collect(self) -> dict[str, Array]:
        return {
            f"{level}_{name}": gradient
            for level, net in self._nets.items()
            for name, gradient in net._collect().items()
        }
