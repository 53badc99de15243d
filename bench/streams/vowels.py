"""Sequences with a label each: JapaneseVowels, read from the wheel of aeon where it lies.

270 sequences to learn from and 370 to be told, of nine speakers, sorted by speaker as they are
shipped: Kudo, Toyama & Shimbo 1999, Multidimensional curve classification using passing-through
regions. ``pip download --no-deps aeon==1.6.0``.
"""

from __future__ import annotations

import time
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.reference import Mismatch
from bench.streams.data import MissingData

__all__ = ["Sequences", "accuracies", "read"]

Sequences = tuple[npt.NDArray[np.float64], npt.NDArray[np.str_], list[int]]

#: Sequences, and rows of all of them, in each part.
_KNOWN = {"TRAIN": (270, 4274), "TEST": (370, 5687)}


def read(wheel: Path, part: str) -> Sequences:
    """Rows of all sequences, a label each, and their lengths.

    Parameters
    ----------
    wheel : path
    part : {"TRAIN", "TEST"}
    """
    member = f"aeon/datasets/data/JapaneseVowels/JapaneseVowels_{part}.ts"
    try:
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(member).decode()
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise MissingData(f"{wheel} has no {member}: wanted aeon 1.6.0 ({error})") from None
    sequences, labels = [], []
    for line in text.splitlines():
        if line and line[0] not in "#@":
            *dimensions, label = line.split(":")
            sequences.append(np.array([row.split(",") for row in dimensions], float).T)
            labels.append(label)
    found = len(sequences), sum(map(len, sequences))
    if found != _KNOWN[part]:
        raise Mismatch(f"JapaneseVowels {part} has {found}, wanted {_KNOWN[part]}")
    return np.vstack(sequences), np.array(labels), [len(rows) for rows in sequences]


def accuracies(wheel: Path, n_seeds: int) -> list[tuple[float, float]]:
    """Accuracy on the second part, and seconds of `fit`, of `LSTMClassifier` with its defaults."""
    from pylstm.sklearn import LSTMClassifier

    (X, y, lengths), (X_test, y_test, lengths_test) = read(wheel, "TRAIN"), read(wheel, "TEST")
    found = []
    for seed in range(n_seeds):
        start = time.perf_counter()
        model = LSTMClassifier(random_state=seed).fit(X, y, lengths)
        seconds = time.perf_counter() - start
        found.append((model.score(X_test, y_test, lengths=lengths_test), seconds))
    return found
