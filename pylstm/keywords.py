"""Keywords that other libraries have, answered by their names here."""

from __future__ import annotations

from collections.abc import Collection
from functools import wraps
from inspect import signature
from typing import Any, TypeVar

__all__ = ["answers_keywords"]

Class = TypeVar("Class", bound=type)

_CELLS = ("n_cells", "n_blocks", "n_hidden")
_RATE = ("learning_rate", "optimizer")
#: What is called so elsewhere, and its names here, of which the first that a class has is told.
_NAMES_HERE: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("hidden_size", "hidden_dim", "hidden_units", "hidden_layer_sizes", "units", "n_units"),
        _CELLS,
    ),
    **dict.fromkeys(("num_units", "n_hidden", "n_cells", "n_blocks", "cells"), _CELLS),
    **dict.fromkeys(("input_size", "input_dim", "n_features", "in_features"), ("n_inputs",)),
    **dict.fromkeys(
        ("output_size", "output_dim", "out_features", "n_classes", "num_classes"), ("n_outputs",)
    ),
    **dict.fromkeys(("lr", "alpha", "eta", "learning_rate", "learning_rate_init"), _RATE),
    **dict.fromkeys(("optim", "optimiser", "solver", "momentum"), ("optimizer",)),
    **dict.fromkeys(
        ("clipnorm", "clip_norm", "max_norm", "max_grad_norm", "gradient_clip"),
        ("clip_norm", "optimizer"),
    ),
    **dict.fromkeys(("clipvalue", "clip_value"), ("clip_value", "optimizer")),
    "weight_decay": ("weight_decay", "optimizer"),
    **dict.fromkeys(("rho", "smoothing_constant"), ("decay",)),
    **dict.fromkeys(("beta_1", "betas"), ("beta1",)),
    "beta_2": ("beta2",),
    "eps": ("epsilon",),
    **dict.fromkeys(("scheduler", "lr_schedule", "learning_rate_schedule"), ("schedule",)),
    **dict.fromkeys(("random_state", "seed", "rng", "random_seed"), ("seed", "random_state")),
    **dict.fromkeys(("epochs", "n_iter", "max_iter", "max_epochs", "num_epochs"), ("n_epochs",)),
    **dict.fromkeys(("loss_fn", "loss_function", "criterion", "objective"), ("loss",)),
    **dict.fromkeys(("bias", "use_bias"), ("hidden_bias",)),
    **dict.fromkeys(("forget_bias", "unit_forget_bias"), ("bias_init",)),
    **dict.fromkeys(("activation", "output_activation"), ("output",)),
    **dict.fromkeys(("use_peepholes", "peephole"), ("peepholes",)),
    **dict.fromkeys(("bptt_steps", "truncation", "seq_len", "sequence_length"), ("window",)),
    **dict.fromkeys(("normalize", "standardize", "scale"), ("scale_inputs",)),
    **dict.fromkeys(("periods", "seasonal_periods", "seasonality", "sp"), ("season",)),
    **dict.fromkeys(("steps", "forecast_horizon", "fh"), ("horizon",)),
    "batch_size": (),  # and nothing is like it
}
_HOW = {"optimizer": "optimizer, as in optimizer=pylstm.Adam(0.001)"}


def answers_keywords(cls: Class) -> Class:
    """Let the constructor of a class answer a keyword it has not got by the one it has.

    Examples
    --------
    >>> import pylstm
    >>> pylstm.LSTM(n_inputs=1, n_outputs=1, hidden_size=32)
    Traceback (most recent call last):
    TypeError: LSTM got an unexpected keyword argument 'hidden_size': wanted n_blocks
    """
    construct: Any = cls.__init__  # type: ignore[misc]
    known = frozenset(signature(construct).parameters)

    @wraps(construct)
    def __init__(self: Any, *args: Any, **keywords: Any) -> None:
        for name in keywords:
            if name not in known:
                raise TypeError(
                    f"{type(self).__name__} got an unexpected keyword argument {name!r}"
                    + _answer(name, known)
                )
        construct(self, *args, **keywords)

    cls.__init__ = __init__  # type: ignore[misc]
    return cls


def _answer(name: str, known: Collection[str]) -> str:
    from difflib import get_close_matches

    here = [own for own in _NAMES_HERE.get(name, ()) if own in known][:1]
    if name not in _NAMES_HERE:
        here = get_close_matches(name, [own for own in known if own != "self"], 1)
    return f": wanted {_HOW.get(here[0], here[0])}" if here else ""
