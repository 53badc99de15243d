"""The Population class: many networks of one architecture, stepped together."""

from __future__ import annotations

import numbers
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from pylstm._core import (
    MOMENTS,
    PopulationBase,
    RunningScale,
    grow_population,
    put_in,
    take_out,
)
from pylstm.architecture import Architecture
from pylstm.checks import check_init_range, check_size, generator, within_memory
from pylstm.copies import Copyable
from pylstm.errors import brief, brief_text
from pylstm.network import LATER_SWITCHES, LSTM, check_blocks_alone, draw_new_inputs, grown_config
from pylstm.optimizers import SGD, Optimizer
from pylstm.registry import as_today, check_state, register

__all__ = ["Population"]

Array = npt.NDArray[Any]
Seed = int | np.random.Generator

_STATE_FORMAT = 2
_ONE = "in a Population; networks of more are a pylstm.LSTM each"


@register
class Population(Architecture, Copyable, PopulationBase):
    """Many small `LSTM` networks of one architecture, stepped together across SIMD lanes.

    For seeds, sweeps of learning rates, one model for each of many keys: every net has weights,
    state, optimizer and statistics of its own and computes what a single `LSTM` does, up to
    rounding. The methods are those of `LSTM` with an axis of nets in front of every array; `nets=`
    in a call lets only some of them take part. What a net computes does not depend on the others,
    bit for bit.

    Parameters
    ----------
    n_nets : int
        Number of nets, at least 1. Multiples of 16 (float32) or 8 (float64) use every lane.
    n_inputs, n_outputs, n_blocks, block_size : int
        Sizes of each net, as in `LSTM`.
    init_range : float or sequence of n_nets floats, default 0.1
        Weights start uniformly distributed in [-init_range, init_range).
    bias_init : mapping, optional
        Starting biases, the same in all nets, as in `LSTM`.
    dtype : {"float32", "float64"}, default "float32"
    seed : int or sequence of n_nets ints or numpy Generators, default 0
        Net k starts with the weights of ``LSTM(seed=seed[k])``; an int s stands for s, s+1, ...
    optimizer : Optimizer or sequence of n_nets of one class, default SGD(0.01)
        Rates, clipping, schedules and whatever else an optimizer has are each net's own. A schedule
        that is a callable is asked before a call, once for all nets that have it and have been
        updated as often.
    **switches
        Everything else `LSTM` takes: gates, peepholes, activations, loss, `scale_inputs`,
        `scale_targets`, ...; `gradient` only "truncated".

    Raises
    ------
    ValueError, TypeError
        For a size, value or combination that makes no sense.

    Notes
    -----
    A net that diverges does so alone: its outputs are NaN from that step on, `diverged` says so,
    and the others go on; no exception is raised.

    Learning is eager (traces are brought up to date at every step), so `Population` is for small
    nets: the weights of 16 of them should fit the cache of a core. Memory: three numbers a weight
    and one for each moment of the optimizer, and 20 numbers of 8 bytes for each column that is
    scaled, rounded up to whole groups of 16 nets (8 in float64).

    Plain descent changes the weights in the pass over the traces; other optimizers take a pass over
    their gradient more, and clipping by norm another.

    Examples
    --------
    Which learning rate? Sixteen at once on the same stream:

    >>> import numpy as np, pylstm
    >>> rates = np.geomspace(1e-3, 1.0, 16)
    >>> pop = pylstm.Population(16, n_inputs=1, n_outputs=1, n_blocks=4,
    ...                         optimizer=[pylstm.SGD(rate) for rate in rates])
    >>> wave = np.sin(0.2 * np.arange(3001.0))[:, None]
    >>> predictions = pop.run(wave[:-1], targets=wave[1:])
    >>> errors = np.abs(predictions - wave[1:])[:, -100:].mean(axis=(1, 2))
    >>> best = int(np.nanargmin(errors))
    >>> bool(0.01 < rates[best] < 1.0)
    True
    >>> net = pop[best]                   # an LSTM that goes on from there
    """

    _is_in_python = False

    @within_memory()
    def __init__(
        self,
        n_nets: int,
        n_inputs: int,
        n_outputs: int,
        n_blocks: int,
        block_size: int = 1,
        *,
        init_range: float | Sequence[float] = 0.1,
        bias_init: Mapping[str, npt.ArrayLike] | None = None,
        dtype: npt.DTypeLike = "float32",
        seed: int | Sequence[Seed] = 0,
        optimizer: Optimizer | Sequence[Optimizer] | None = None,
        **switches: Any,
    ) -> None:
        n_nets = check_size("n_nets", n_nets)
        model = LSTM(
            n_inputs, n_outputs, n_blocks, block_size, dtype=dtype, bias_init=bias_init, **switches
        )
        # first, because so many nets may be too many for any list of things, one each
        self._configure(model._config(), n_nets, SGD(0.01) if optimizer is None else optimizer)
        ranges = _one_each("init_range", init_range, n_nets)
        for value in ranges:
            check_init_range(value)
        rngs = [generator(s) for s in _seeds(seed, n_nets)]
        self.__growth: list[tuple[float, int]] = []
        weights: list[dict[str, Array]] = []
        for value, rng in zip(ranges, rngs, strict=True):
            model._initialise(float(value), bias_init or {}, rng)
            self.__growth.append(model._growth())
            weights.append({name: view.copy() for name, view in model.parameters.items()})
        self.set_parameters({name: np.stack([w[name] for w in weights]) for name in weights[0]})

    def _configure(
        self, config: Mapping[str, Any], n_nets: int, optimizer: Optimizer | Sequence[Optimizer]
    ) -> None:
        if config.get("bidirectional"):
            raise ValueError(f"bidirectional is True, wanted False {_ONE}")
        if isinstance(config["n_blocks"], list):
            raise ValueError(f"n_blocks is {brief(config['n_blocks'])}, wanted one layer {_ONE}")
        gradient = config.get("gradient", "truncated")
        if gradient != "truncated":
            raise ValueError(f"gradient is {brief(gradient)}, wanted 'truncated' in a Population")
        if config.get("n_units"):
            raise ValueError(f"n_units is {brief(config['n_units'])}, wanted 0 in a Population")
        if config.get("heads"):
            raise ValueError(
                f"n_outputs is a list of {len(config['heads'])} heads, wanted a number in a "
                "Population"
            )
        config = LATER_SWITCHES | dict(config)
        self._build(config, n_nets)
        self.optimizer = optimizer

    @classmethod
    def from_nets(cls, nets: Sequence[LSTM]) -> Self:
        """Put networks of one architecture together.

        Parameters
        ----------
        nets : sequence of LSTM
            At least one; all of the same architecture and dtype. They are copied.

        Returns
        -------
        Population
            Net k goes on where nets[k] stands, see `__setitem__`.

        Examples
        --------
        >>> import pylstm
        >>> nets = [pylstm.LSTM(1, 1, 4, seed=seed) for seed in range(3)]
        >>> pop = pylstm.Population.from_nets(nets)
        >>> bool(abs(pop.step([1.0])[2] - nets[2].step([1.0])) < 1e-6)
        True
        """
        nets = list(nets)
        if not nets or not all(isinstance(net, LSTM) for net in nets):
            raise TypeError(f"nets is {brief(nets)}, wanted at least one LSTM, and nothing else")
        population = cls.__new__(cls)
        optimizers = _optimizers([net.optimizer for net in nets], len(nets))
        population._configure(nets[0]._config(), len(nets), optimizers)
        population.__growth = [net._growth() for net in nets]
        for k, net in enumerate(nets):
            population[k] = net
        return population

    # ------------------------------------------------------------ single nets

    def __len__(self) -> int:
        return self.n_nets

    def __getitem__(self, k: int) -> LSTM:
        """Return an independent LSTM that goes on where net k stands, up to rounding.

        Weights, state, traces, accumulated gradient, moments, eligibility and statistics go with
        it. Its last step counts as past: what there is to learn from it must be learned before.
        """
        k = self._index(k)
        net = LSTM(**self._config(), init_range=0.0, optimizer=self.optimizer[k])
        take_out(self, k, net)
        net._set_growth(*self.__growth[k])
        return net

    def __setitem__(self, k: int, net: LSTM) -> None:
        """Let net k go on where `net` stands, up to rounding, with its optimizer.

        That is of the class of the others'. What `__getitem__` takes along is taken along; `net`
        itself is copied and does not change.
        """
        k = self._index(k)
        check_blocks_alone(net, _ONE)
        for name, wanted in self._config().items():
            if net._config()[name] != wanted:
                raise ValueError(
                    f"net has {name}={brief(net._config()[name])}, wanted {brief(wanted)}"
                )
        optimizers: list[Any] = list(self.optimizer)
        optimizers[k] = net.optimizer
        put_in(self, k, net.copy(), _optimizers(optimizers, self.n_nets))
        self.__growth[k] = net._growth()

    def _index(self, k: int) -> int:
        if isinstance(k, bool) or not isinstance(k, numbers.Integral):
            raise TypeError(f"net {brief(k)} was asked for, wanted an index: one net at a time")
        if not -self.n_nets <= k < self.n_nets:
            raise IndexError(f"net {k} was asked for, wanted an index of {self.n_nets} nets")
        return int(k) % self.n_nets

    # ------------------------------------------------------------ weights and state

    @property
    def parameters(self) -> dict[str, Array]:
        """Copies of the weights by name, each (n_nets, rows, sources), as `LSTM.parameters`.

        They are copies because the nets lie interleaved, and refuse to be written to: see
        `set_parameters`.
        """
        parameters = self._get_parameters()
        for values in parameters.values():
            values.flags.writeable = False
        return parameters

    def set_parameters(self, parameters: Mapping[str, npt.ArrayLike], nets: Any = None) -> None:
        """Set weights by name.

        Parameters
        ----------
        parameters : mapping of str to array_like
            Some or all of the names of `parameters`; each (n_nets, rows, sources), or anything that
            broadcasts to it; finite.
        nets : indices or mask of shape (n_nets,), optional
            Only these; n_nets above is then their number.

        Raises
        ------
        ValueError, TypeError, IndexError
            For unusable arguments; nothing has changed then.

        Examples
        --------
        >>> import pylstm
        >>> pop = pylstm.Population(3, n_inputs=1, n_outputs=1, n_blocks=4)
        >>> pop.set_parameters({"output": 0.0}, nets=[1])
        >>> pop.step([1.0])[1]
        array([0.], dtype=float32)
        """
        chosen = np.arange(self.n_nets) if nets is None else self._chosen(nets)
        shapes = {name: values.shape[1:] for name, values in self._get_parameters().items()}
        checked = {}
        for name, values in parameters.items():
            if name not in shapes:
                raise ValueError(
                    f"parameters names {brief(name)}, wanted some of {', '.join(map(repr, shapes))}"
                )
            wanted = (len(chosen), *shapes[name])
            given = np.asarray(values)
            if not np.can_cast(given.dtype, self.dtype, "same_kind"):
                raise TypeError(
                    f"parameters[{brief(name)}] has dtype {brief_text(given.dtype, 60)}, wanted "
                    f"{self.dtype}"
                )
            try:
                checked[name] = np.broadcast_to(given, wanted).astype(self.dtype)
            except ValueError:
                raise ValueError(
                    f"parameters[{brief(name)}] has shape {brief(given.shape)}, wanted {wanted}"
                ) from None
            if not np.isfinite(checked[name]).all():
                raise ValueError(
                    f"parameters[{brief(name)}] is not finite everywhere, wanted finite numbers"
                )
        self._put_parameters(chosen, checked)

    @property
    def state(self) -> dict[str, Array]:
        """Copies of the state after the last step, as `LSTM.state` with the nets in front."""
        return self._state()

    @property
    def input_scale(self) -> tuple[RunningScale, ...] | None:
        """Means and standard deviations of the inputs of each net, copies; None with no scale."""
        return self._running("input_scale")

    @property
    def target_scale(self) -> tuple[RunningScale, ...] | None:
        """What is known of the targets of each net, as `input_scale`."""
        return self._running("target_scale")

    def _running(self, name: str) -> tuple[RunningScale, ...] | None:
        statistics = self._scales(name)
        if statistics is None:
            return None
        scales = []
        for known in statistics:
            scales.append(RunningScale(known["mean"].size, self._config()["scale_memory"]))
            scales[-1].restore(known)
        return tuple(scales)

    @property
    def optimizer(self) -> tuple[Optimizer, ...]:
        """The optimizers, one a net; set to one for all or a sequence of n_nets of one class.

        Of the class there was they keep moments and counts of updates, of another they start
        afresh.
        """
        optimizers: tuple[Optimizer, ...] = self._optimizers
        return optimizers

    @optimizer.setter
    def optimizer(self, optimizer: Optimizer | Sequence[Optimizer]) -> None:
        self._set_optimizers(_optimizers(optimizer, self.n_nets))

    # ------------------------------------------------------------ what it is

    def grow(self, n_inputs: int | None = None, n_outputs: int | None = None) -> None:
        """Give every net more inputs or outputs, in place; everything else goes on.

        `LSTM.grow` for every net: new inputs start with weights drawn from those each net started
        with, new outputs with all weights 0.

        Parameters
        ----------
        n_inputs, n_outputs : int, optional
            The sizes wanted, at least those there are.

        Raises
        ------
        ValueError
            For a smaller size; nothing has changed then.

        Notes
        -----
        Costs a copy of everything.

        Examples
        --------
        >>> import pylstm
        >>> pop = pylstm.Population(3, n_inputs=1, n_outputs=1, n_blocks=2)
        >>> twin = pop.copy()
        >>> pop.grow(n_inputs=3)
        >>> bool((pop.step([0.5, 0.0, 0.0]) == twin.step([0.5])).all())
        True
        """
        before = self._config()
        config = grown_config(before, n_inputs, n_outputs)
        if config != before:
            grow_population(self, before, config)

    def _draw_new_inputs(self, views: Mapping[str, Array], before: Mapping[str, Any]) -> None:
        """Weights of the inputs that `before` has not got, in views of all weights.

        The views are (n_groups, lanes, rows, sources).
        """
        lanes = views["cell_input"].shape[1]
        for k, growth in enumerate(self.__growth):
            own = {name: view[divmod(k, lanes)] for name, view in views.items()}
            draw_new_inputs(own, before, self.n_inputs, *growth)

    @property
    def n_parameters(self) -> int:
        """Number of trainable weights of one net."""
        return self._count_parameters()

    def __repr__(self) -> str:
        parameters = f"{self.n_parameters} parameters each"
        return f"<Population of {self.n_nets} LSTM, {self._shape()}, {parameters}>"

    # ------------------------------------------------------------ copies

    def __getstate__(self) -> dict[str, Any]:
        return self._identity_and_progress()

    def _identity(self) -> dict[str, Any]:
        return {
            "format": _STATE_FORMAT,
            "config": dict(self._config()),
            "n_nets": self.n_nets,
            "optimizers": [optimizer.saved() for optimizer in self.optimizer],
            "init_ranges": np.array([limit for limit, _ in self.__growth], np.float64),
            "growth_seeds": np.array([seed for _, seed in self.__growth], np.uint32),
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        state = as_today("Population", state)
        saved = check_state("Population", state)
        self._configure(state["config"], state["n_nets"], saved.optimizers)
        self._need_moments(sum(name in state for name in MOMENTS))
        if "eligibility" in state:
            self._need_eligibility()
        self._restore(state)
        self.__growth = list(
            zip(state["init_ranges"].tolist(), state["growth_seeds"].tolist(), strict=True)
        )


def _one_each(name: str, values: Any, n_nets: int) -> list[Any]:
    """One value a net, from one for all or a sequence of n_nets."""
    if np.ndim(values) == 0:
        return [values] * n_nets
    if len(values) != n_nets:
        raise ValueError(
            f"{name} has {len(values)} values, wanted one, or one for each of {n_nets} nets"
        )
    return list(values)


def _seeds(seed: Any, n_nets: int) -> list[Seed]:
    if isinstance(seed, numbers.Integral) and not isinstance(seed, bool):
        return [int(seed) + k for k in range(n_nets)]
    each = list(seed) if isinstance(seed, Sequence | np.ndarray) else [seed]
    if np.ndim(seed) != 1 or not all(
        isinstance(one, numbers.Integral | np.random.Generator) for one in each
    ):
        raise TypeError(
            f"seed is {brief(seed)}, wanted an int, or an int or Generator for each net"
        )
    return _one_each("seed", each, n_nets)


def _optimizers(optimizer: Any, n_nets: int) -> tuple[Optimizer, ...]:
    each = [optimizer] * n_nets if isinstance(optimizer, Optimizer) else optimizer
    if not isinstance(each, Sequence) or not all(isinstance(one, Optimizer) for one in each):
        raise TypeError(
            f"optimizer is {brief(optimizer)}, wanted a pylstm.SGD, RMSprop, Adam or ObGD, or a "
            "sequence of them"
        )
    kinds = sorted({type(one).__name__ for one in each})
    if len(kinds) > 1:
        raise ValueError(
            f"the optimizers are of {' and '.join(kinds)}, wanted all of one class in a Population"
        )
    return tuple(_one_each("optimizer", each, n_nets))
