"""The methods a row may train: where their networks come from, and how many learn side by side.

A group of trials is anything with `run_sequences(..., nets=)`, `diverged` and `[k].parameters`: for
LSTM a `Population`, for every other method `Separate` networks, one a trial.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pylstm.population import Population

__all__ = ["METHODS", "Group", "Method", "Net", "Separate"]

Array = npt.NDArray[Any]
Update = Any  # "sequence", "step" or int, as the networks take it


class Net(Protocol):
    """A network of any method."""

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""

    @property
    def n_parameters(self) -> int:
        """Number of trainable weights."""

    @property
    def parameters(self) -> dict[str, Array]:
        """The weights by name."""

    def run_sequences(
        self,
        X: Array,
        targets: Array | None = None,
        lengths: Array | None = None,
        *,
        last: bool = False,
        update: Update = "sequence",
    ) -> Array:
        """Answer sequences; with targets, learn them."""


class Group(Protocol):
    """Networks of one method, one a trial."""

    @property
    def diverged(self) -> Array:
        """Which of them have diverged, (n_nets,) bool."""

    def __getitem__(self, k: int) -> Net:
        """Give the network of one trial."""

    def run_sequences(
        self,
        X: Array,
        targets: Array | None = None,
        lengths: Array | None = None,
        *,
        last: bool = False,
        update: Update = "sequence",
        nets: Any = None,
    ) -> Iterable[Array]:
        """Answer sequences of their own each; with targets, learn them."""


class Separate:
    """Networks that have nothing to do with each other, as a group of trials.

    Parameters
    ----------
    nets : sequence of Net

    Examples
    --------
    >>> import numpy as np, pylstm
    >>> from pylstm.experiments.methods import Separate
    >>> group = Separate([pylstm.LSTM(1, 1, 2, seed=seed) for seed in range(3)])
    >>> [Y] = group.run_sequences(np.ones((1, 5, 1)), lengths=np.array([[2, 3]]), nets=[1])
    >>> Y.shape, group.diverged
    ((5, 1), array([False, False, False]))
    """

    def __init__(self, nets: Sequence[Net]) -> None:
        self._nets = list(nets)
        self.diverged = np.zeros(len(nets), bool)

    def __getitem__(self, k: int) -> Net:
        return self._nets[k]

    def run_sequences(
        self,
        X: Array,
        targets: Array | None = None,
        lengths: Array | None = None,
        *,
        last: bool = False,
        update: Update = "sequence",
        nets: Sequence[int] | None = None,
    ) -> list[Array]:
        """Let the networks answer sequences, or learn them.

        One that raises FloatingPointError has diverged: its outputs are NaN, the others go on.

        Parameters
        ----------
        X : (n_nets, n_steps, n_inputs), or (n_nets, n_steps) tokens
            Of each network its sequences, one behind the other, and padding.
        targets : (n_nets, n_steps, n_outputs), or with `last` (n_nets, n_sequences, n_outputs)
            And padding. Without targets nothing is learned.
        lengths : (n_nets, n_sequences) of int
        last : bool, default False
        update : "sequence", "step" or int, default "sequence"
        nets : sequence of int, optional
            Which take part, in the order of the arrays; default all.

        Returns
        -------
        list of ndarray
            Of each network what its `run_sequences` gives.
        """
        assert lengths is not None
        Y = []
        for part, k in enumerate(range(len(self._nets)) if nets is None else nets):
            n_steps = int(lengths[part].sum())
            n_wanted = lengths.shape[1] if last else n_steps
            wanted = None if targets is None else targets[part, :n_wanted]
            try:
                y = self._nets[k].run_sequences(
                    X[part, :n_steps], wanted, lengths[part], last=last, update=update
                )
            except FloatingPointError:
                self.diverged[k] = True
                y = np.full((n_wanted, self._nets[k].n_outputs), np.nan)
            Y.append(y)
        return Y


@dataclass(frozen=True)
class Method:
    """Where the networks of a method come from.

    Parameters
    ----------
    what : str
        The method in words.
    name : str
        Of the class; its module is imported with the first network, not before.
    module : str, default "pylstm.baselines"
    keywords : mapping, default empty
        Of the class, the same for all networks of the method.
    in_sets : bool, default False
        Whether it learns from all sequences of a call at once: then none is split, and a fixed
        training set is presented whole and in order.

    Examples
    --------
    >>> from pylstm.experiments.methods import METHODS
    >>> METHODS["lstm"].network(2, 1, n_blocks=3).n_blocks
    3
    >>> METHODS["rcc"].what
    'recurrent cascade-correlation'
    """

    what: str
    name: str
    module: str = "pylstm.baselines"
    keywords: Mapping[str, Any] = field(default_factory=dict)
    in_sets: bool = False

    def side_by_side(self, **settings: Any) -> int:
        """Say how many trials with these settings learn in about the time of one."""
        return 1

    def network(self, n_inputs: int, n_outputs: int, **settings: Any) -> Net:
        """Make one network.

        Parameters
        ----------
        n_inputs, n_outputs : int
        **settings
            Further keywords of the class.
        """
        of_class = getattr(importlib.import_module(self.module), self.name)
        net: Net = of_class(n_inputs, n_outputs, **self.keywords, **settings)
        return net

    def group(
        self, n_inputs: int, n_outputs: int, seeds: Sequence[np.random.Generator], **settings: Any
    ) -> Group:
        """Make a network for each of the seeds."""
        return Separate([self.network(n_inputs, n_outputs, seed=s, **settings) for s in seeds])


class _SideBySide(Method):
    """Networks that share the lanes of a population, where they learn by its gradient."""

    def side_by_side(self, **settings: Any) -> int:
        # as many as there are lanes
        return 1 if "gradient" in settings else 64 // np.dtype(settings.get("dtype", "f4")).itemsize

    def group(
        self, n_inputs: int, n_outputs: int, seeds: Sequence[np.random.Generator], **settings: Any
    ) -> Group:
        if self.side_by_side(**settings) == 1:
            return super().group(n_inputs, n_outputs, seeds, **settings)
        keywords = {**self.keywords, **settings}
        return Population(len(seeds), n_inputs, n_outputs, seed=list(seeds), **keywords)


#: The methods by the names they have in rows and on the command line.
METHODS: dict[str, Method] = {
    "lstm": _SideBySide("long short-term memory", "LSTM", "pylstm"),
    "rtrl": Method("real-time recurrent learning", "FullyRecurrent", keywords={"gradient": "rtrl"}),
    "bptt": Method("backpropagation through time", "FullyRecurrent", keywords={"gradient": "bptt"}),
    "elman": Method("Elman nets", "Elman"),
    "rcc": Method("recurrent cascade-correlation", "CascadeCorrelation", in_sets=True),
    "chunker": Method("neural sequence chunker", "Chunker"),
    "tdnn": Method("time-delay neural networks", "TimeDelay"),
    "time-constants": Method("units with time constants", "TimeConstants"),
    "guessing": Method("random weight guessing", "RandomGuessing"),
    "annealing": Method("simulated annealing", "SimulatedAnnealing", in_sets=True),
}
