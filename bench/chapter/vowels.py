"""JapaneseVowels read both ways: a bidirectional net, its setting chosen on the training set alone.

270 sequences of 7 to 26 frames to learn from, 370 to be told, of nine speakers; how they are read:
`bench/streams/vowels.py`. Settings are compared by five folds of the 270, each with every fifth
sequence of every speaker. The speaker is wanted at every frame; a sequence is told by the mean of
the logarithms of a net's outputs over its frames, by several nets together by the mean of what each
of them gives for it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import pylstm
from bench.streams.vowels import Sequences, read

__all__ = ["CANDIDATES", "CHOSEN", "N_NETS", "PUBLISHED", "Setting", "choose", "told"]

Array = npt.NDArray[Any]

#: Accuracies on the second part: Ismail Fawaz et al. 2019, Deep learning for time series
#: classification, means of ten runs; the last Bagnall et al. 2018, The UEA multivariate archive.
PUBLISHED = {
    "fully convolutional net": 0.993,
    "residual net": 0.992,
    "perceptron of several layers": 0.976,
    "echo state network": 0.965,
    "1-NN, dynamic time warping": 0.949,
}
FOLDS = 5
N_CHOOSING, N_NETS = 3, 10


class Setting(NamedTuple):
    """A net and how it learns: an update a sequence, all of them `n_epochs` times; the rate falls
    by a factor `decay` an epoch."""

    n_cells: int
    n_epochs: int
    rate: float
    decay: float
    init_range: float

    def __str__(self) -> str:
        learns = f"{self.n_epochs} epochs, Adam({self.rate:g}), times {self.decay:g} an epoch"
        return f"{self.n_cells} cells either way, from +-{self.init_range:g}, {learns}"


CANDIDATES = [
    Setting(24, 40, 5e-3, 1.0, 0.1),
    Setting(24, 30, 1e-2, 0.9, 0.1),
    Setting(24, 30, 1e-2, 0.9, 0.4),
    Setting(24, 60, 1e-2, 0.95, 0.4),
    Setting(48, 30, 5e-3, 0.9, 0.4),
    Setting(96, 30, 5e-3, 0.9, 0.4),
    Setting(48, 30, 5e-3, 0.9, 0.8),
    Setting(48, 50, 5e-3, 0.94, 0.4),
]
#: The best by the folds, the nets together, then the likelihood of what is so: first of the first
#: six, then of all, two of which came after that one had told the second part.
CHOSEN = [CANDIDATES[4], CANDIDATES[7]]


class Data:
    """Sequences that can be picked."""

    def __init__(self, sequences: Sequences) -> None:
        self.X, labels, lengths = sequences
        self.lengths = np.array(lengths)
        self.names, self.classes = np.unique(labels, return_inverse=True)
        self._starts = np.cumsum(self.lengths) - self.lengths

    def __len__(self) -> int:
        return len(self.lengths)

    def rows(self, which: Array) -> Array:
        """The frames of some sequences."""
        some = [np.arange(n) + start for start, n in zip(self._starts, self.lengths, strict=True)]
        return self.X[np.concatenate([some[k] for k in which])]

    def folds(self) -> Array:
        """A fold for every sequence: of each speaker every fifth."""
        places = [np.sum(self.classes[:k] == speaker) for k, speaker in enumerate(self.classes)]
        return np.array(places) % FOLDS


def learned(data: Data, which: Array, setting: Setting, seed: int) -> pylstm.LSTM:
    """A net that has learned some sequences, of standardised frames."""
    n_classes, lengths = len(data.names), data.lengths[which]
    net = pylstm.LSTM(
        data.X.shape[1],
        n_classes,
        setting.n_cells,
        output="softmax",
        bidirectional=True,
        gradient="bptt",
        init_range=setting.init_range,
        optimizer=pylstm.Adam(
            setting.rate,
            clip_norm=1.0,
            schedule=pylstm.Decay(setting.decay ** (1 / len(which))),
        ),
        seed=seed,
    )
    rows = data.rows(which)
    wanted = np.eye(n_classes)[np.repeat(data.classes[which], lengths)]
    net.fit(standard(rows, rows), wanted, lengths, n_epochs=setting.n_epochs, seed=seed)
    return net


def standard(rows: Array, known: Array) -> Array:
    """Frames with the mean and deviation of those known taken out."""
    return np.asarray((rows - known.mean(axis=0)) / known.std(axis=0))


def shares(net: pylstm.LSTM, frames: Array, lengths: Array) -> Array:
    """Probabilities of a net for each sequence, (n, n_classes)."""
    outputs = np.log(net.run_sequences(frames, lengths=lengths) + 1e-12)
    starts = np.cumsum(lengths) - lengths
    means = np.add.reduceat(outputs, starts) / lengths[:, None]
    return np.asarray(np.exp(means) / np.exp(means).sum(axis=1, keepdims=True))


def accuracy(found: Array, classes: Array) -> float:
    """Share of sequences whose likeliest class is theirs."""
    return float(np.mean(found.argmax(axis=1) == classes))


def choose(wheel: Path) -> list[dict[str, Any]]:
    """Every candidate by five folds of the training set: nets one by one, and together."""
    data, records = Data(read(wheel, "TRAIN")), []
    folds = data.folds()
    for setting in CANDIDATES:
        found = np.zeros((N_CHOOSING, len(data), len(data.names)))
        for fold in range(FOLDS):
            rest, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            known = data.rows(rest)
            for seed in range(N_CHOOSING):
                net = learned(data, rest, setting, seed)
                frames = standard(data.rows(held), known)
                found[seed, held] = shares(net, frames, data.lengths[held])
        records.append(_scored("vowels, folds", str(setting), found, data.classes, 0.0))
    return records


def told(wheel: Path) -> list[dict[str, Any]]:
    """The settings chosen, learned from all of the first part; accuracy on the second."""
    data, test = Data(read(wheel, "TRAIN")), Data(read(wheel, "TEST"))
    every, records = np.arange(len(data)), []
    frames = standard(test.X, data.rows(every))
    for setting in CHOSEN:
        start, found = time.process_time(), []
        for seed in range(N_NETS):
            net = learned(data, every, setting, seed)
            found.append(shares(net, frames, test.lengths))
        seconds = (time.process_time() - start) / N_NETS
        records.append(_scored("vowels", str(setting), np.array(found), test.classes, seconds))
    return records


def _scored(use: str, setting: str, found: Array, classes: Array, seconds: float) -> dict[str, Any]:
    """A record of several nets: what they gave, (n_nets, n, n_classes)."""
    return {
        "use": use,
        "setting": setting,
        "accuracies": [accuracy(of_net, classes) for of_net in found],
        "together": accuracy(found.mean(axis=0), classes),
        "nats": float(-np.log(found.mean(axis=0)[np.arange(len(classes)), classes]).mean()),
        "seconds": seconds,
    }
