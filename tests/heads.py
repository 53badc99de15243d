"""Nets with several heads: what they are, and targets of which each head has some."""

from dataclasses import asdict, dataclass, replace

import numpy as np
from oracle import Architecture

import pylstm

HEADS = {
    "three": (
        (3, "softmax", "cross_entropy", 0.5), (1, "identity", "squared", 1.0),
        (2, "logistic", "cross_entropy", 2.0),
    ),
    "squared": (
        (2, "softmax", "squared", 1.5), (2, "logistic", "squared", 0.25),
        (2, "identity", "squared", 3.0),
    ),
    "classes": ((2, "softmax", "cross_entropy", 1.0), (4, "softmax", "cross_entropy", 3.0)),
    "one": ((2, "logistic", "cross_entropy", 0.5),),
}  # fmt: skip


@dataclass(frozen=True)
class Headed(Architecture):
    """An architecture whose outputs are these heads, (n_outputs, output, loss, weight) of each."""

    heads: tuple = ()

    def keywords(self):
        keywords = asdict(self)
        for name in ("output", "loss", "heads"):
            del keywords[name]
        return keywords | {"n_outputs": [pylstm.Head(*head) for head in self.heads]}


def with_heads(architecture, heads):
    """The same with these heads in place of its outputs."""
    own = asdict(replace(architecture, n_outputs=sum(head[0] for head in heads)))
    return Headed(**own, heads=heads)


def random_parts(heads, n_steps, rng, missing=0.4):
    """Targets a head, (n_steps, n) of each, exact in float32 too; a head has none at some steps."""
    parts = []
    for size, output, _, _ in heads:
        if output == "softmax":
            part = rng.multinomial(64, np.full(size, 1 / size), n_steps) / 64
        else:
            part = np.float64(np.float32(rng.uniform(0.1, 0.9, (n_steps, size))))
        part[rng.random(n_steps) < missing] = np.nan
        parts.append(part)
    return tuple(parts)


def random_inputs(architecture, n_steps, rng):
    return np.float64(np.float32(rng.uniform(-1, 1, (n_steps, architecture.n_inputs))))
