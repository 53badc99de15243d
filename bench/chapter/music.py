"""Polyphonic music: which keys sound at the next quarter note, nats a step, beside published ones.

A step reads what sounds at one quarter note, nothing before the first, and tells for each of the 88
keys how likely it is to sound at the next: logistic outputs, the loss is the sum of their
cross-entropies. Every step of a piece is told. Pieces are parted by the number of their work in the
Bach-Werke-Verzeichnis, modulo 5: 0, 1 and 2 to learn from, 3 to choose settings on and to stop, 4
to be reported; several settings of one movement stay in one part, one hymn may be in several.

Published: the JSB Chorales of Boulanger-Lewandowski et al. 2012, the same 382 pieces or so on the
same grid, parted at random into 229, 76 and 77; another edition, not the same steps. Models with
logistic outputs say that keys are independent once the past is known; RNN-RBM and RNN-NADE do not.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import pylstm
from bench.chapter.chorales import KEYS, Chorale

__all__ = ["CANDIDATES", "CHOSEN", "ONLINE", "PUBLISHED", "Setting", "choose", "parts", "told"]

Array = npt.NDArray[Any]

#: Nats a step on the test part of JSB Chorales. The first three: Boulanger-Lewandowski et al. 2012,
#: Modeling temporal dependencies in high-dimensional sequences; then Chung et al. 2014,
#: arXiv:1412.3555; Bai et al. 2018, arXiv:1803.01271. All but 8.54 are from memory.
PUBLISHED = {
    "RNN": 8.71,
    "RNN-RBM": 6.27,
    "RNN-NADE": 5.56,
    "GRU (Chung et al.)": 8.54,
    "LSTM (Bai et al.)": 8.45,
    "TCN (Bai et al.)": 8.10,
}
PARTS = {"train": (0, 1, 2), "validation": (3,), "test": (4,)}
PATIENCE = 3


class Setting(NamedTuple):
    """A net and how it learns; in several passes with an update a piece, or in one."""

    n_blocks: int | list[int]
    rate: float
    n_epochs: int = 20
    update: str = "sequence"
    gradient: str = "bptt"

    def __str__(self) -> str:
        layers = [self.n_blocks] if isinstance(self.n_blocks, int) else self.n_blocks
        cells = f"{' + '.join(map(str, layers))} cells, {self.gradient}, Adam({self.rate:g})"
        every = "step" if self.update == "step" else "piece"
        passes = "one pass" if self.n_epochs == 1 else f"at most {self.n_epochs} passes"
        return f"{cells}, an update a {every}, {passes}"


CANDIDATES = [
    Setting(64, 5e-3),
    Setting(128, 3e-3),
    Setting([48, 48], 5e-3),
    Setting(64, 1e-3, 1, "step", "truncated"),
    Setting(64, 2e-3, 1, "step", "truncated"),
    Setting(64, 4e-3, 1, "step", "truncated"),
]
#: The best on the second part in several passes, and in one.
CHOSEN, ONLINE = CANDIDATES[2], CANDIDATES[5]


class Part(NamedTuple):
    """Pieces one after another, as `run_sequences` takes them."""

    X: Array
    targets: Array
    lengths: Array


def parts(pieces: Sequence[Chorale]) -> dict[str, Part]:
    """The pieces of each part, in the order of their numbers."""
    found = {}
    for name, remainders in PARTS.items():
        rolls = [piece.roll for piece in pieces if piece.number % 5 in remainders]
        nothing = np.zeros((1, len(KEYS)))
        found[name] = Part(
            np.vstack([row for roll in rolls for row in (nothing, roll[:-1])]).astype(np.float32),
            np.vstack(rolls).astype(np.float32),
            np.array([len(roll) for roll in rolls]),
        )
    return found


def nats(told: Array, sounds: Array) -> float:
    """The mean over steps of what was told about the keys, in nats."""
    p = np.clip(told.astype(float), 1e-9, 1 - 1e-9)
    return float(-np.where(sounds > 0.5, np.log(p), np.log1p(-p)).sum(axis=1).mean())


def shares(part: Part) -> Array:
    """How often each key sounds, as a net without inputs would tell it at best."""
    return np.asarray((part.targets.sum(axis=0) + 0.5) / (len(part.targets) + 1))


def learned(data: dict[str, Part], setting: Setting, seed: int = 0) -> tuple[pylstm.LSTM, Any]:
    """A net that has learned the first part, stopped by the second; its curves."""
    skips = not isinstance(setting.n_blocks, int)
    net = pylstm.LSTM(
        len(KEYS),
        len(KEYS),
        setting.n_blocks,
        output="logistic",
        gradient=setting.gradient,
        optimizer=pylstm.Adam(setting.rate, clip_norm=5.0),
        bias_init={"output": -3.0},
        skip_inputs=skips,
        skip_outputs=skips,
        seed=seed,
    )
    curves = net.fit(
        *data["train"],
        n_epochs=setting.n_epochs,
        update=setting.update,
        validation=data["validation"],
        patience=PATIENCE,
        seed=seed,
    )
    return net, curves


def choose(pieces: Sequence[Chorale]) -> list[dict[str, Any]]:
    """Every candidate: nats a step on the second part."""
    data = parts(pieces)
    return [_scored("music, validation", data, setting) for setting in CANDIDATES]


def told(pieces: Sequence[Chorale]) -> list[dict[str, Any]]:
    """The settings chosen; nats a step on the last part."""
    data = parts(pieces)
    return [_scored("music", data, setting) for setting in (CHOSEN, ONLINE)]


def _scored(use: str, data: dict[str, Part], setting: Setting) -> dict[str, Any]:
    start = time.process_time()
    net, curves = learned(data, setting)
    seconds = time.process_time() - start
    record = {
        "use": use,
        "setting": str(setting),
        "weights": net.n_parameters,
        "validation": min(curves.validation),
        "passes": len(curves.training),
        "training": curves.training,
        "seconds": seconds,
    }
    if use == "music":
        test = data["test"]
        record["test"] = nats(net.run_sequences(test.X, lengths=test.lengths), test.targets)
        record["marginal"] = nats(shares(data["train"]), test.targets)
    return record
