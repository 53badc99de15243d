"""Text, a byte at a time: what a net that learns as it reads would need for a byte, in bits.

The text is the source of ``pydoc_data/topics.py``, the documentation texts of the standard library;
its first 300,000 bytes are reported. Rates were chosen on its last ones, which are other texts. The
loss of a byte is that before it is learned, so that nothing is held out.
"""

from __future__ import annotations

import time
from pathlib import Path
from pydoc_data import topics
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import pylstm

__all__ = ["CANDIDATES", "CHOSEN", "Reading", "Setting", "last_bytes", "read", "reported_bytes"]

Bytes = npt.NDArray[np.uint8]

N_BYTES = 300_000
WINDOW = 10


class Setting(NamedTuple):
    """A net and how it learns; updates come every `WINDOW` bytes."""

    n_blocks: int | list[int]
    rate: float

    def __str__(self) -> str:
        layers = [self.n_blocks] if isinstance(self.n_blocks, int) else self.n_blocks
        return f"{' + '.join(map(str, layers))} cells, Adam({self.rate:g})"

    def net(self, n_tokens: int) -> pylstm.LSTM:
        """The net before it has read anything; layers read the bytes too, outputs all layers."""
        skips = not isinstance(self.n_blocks, int)
        return pylstm.LSTM(
            n_tokens,
            n_tokens,
            self.n_blocks,
            output="softmax",
            gradient="bptt",
            window=WINDOW,
            optimizer=pylstm.Adam(self.rate),
            skip_inputs=skips,
            skip_outputs=skips,
        )


CANDIDATES = [
    Setting(270, 2e-3),
    Setting(270, 4e-3),
    Setting([96, 96, 96], 4e-3),
    Setting([96, 96, 96], 8e-3),
]
#: The best of one layer and of three, in bits a byte over the last 100,000.
CHOSEN = [CANDIDATES[1], CANDIDATES[2]]


class Reading(NamedTuple):
    """What a pass over a text came to."""

    weights: int
    bits: float
    second_half: float
    seconds: float

    @property
    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return self._asdict()


def _bytes() -> Bytes:
    return np.frombuffer(Path(topics.__file__).read_bytes(), np.uint8)


def reported_bytes() -> Bytes:
    """The text that is reported."""
    return _bytes()[:N_BYTES]


def last_bytes(n: int) -> Bytes:
    """The text settings are chosen on."""
    return _bytes()[-n:]


def read(setting: Setting, text: Bytes) -> Reading:
    """Read a text once; the tokens are the bytes that occur in the whole file, in their order."""
    tokens = np.searchsorted(np.unique(_bytes()), text)
    net = setting.net(len(np.unique(_bytes())))
    start = time.process_time()
    _, losses = net.run(tokens[:-1], tokens[1:], update=WINDOW, return_loss=True)
    seconds = time.process_time() - start
    bits = losses / np.log(2)
    return Reading(
        net.n_parameters, float(bits.mean()), float(bits[len(bits) // 2 :].mean()), seconds
    )
