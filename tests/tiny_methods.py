"""Methods as small as can be, for the tests of rows: what an experiment needs of one, no more."""

from typing import ClassVar

import numpy as np

from pylstm.experiments.methods import Method


class Sum:
    """y = logistic(w[0] * the sum of the inputs of the sequence + w[1]); gradient descent."""

    def __init__(self, n_inputs, n_outputs, optimizer=None, seed=0, diverges=False):
        self.n_outputs, self.rate, self.diverges = n_outputs, optimizer.learning_rate, diverges
        self.parameters = {"w": np.random.default_rng(seed).standard_normal(2)}
        self.n_learned = 0
        self.start = self.parameters["w"][0]

    @property
    def n_parameters(self):
        return self.parameters["w"].size

    def run_sequences(self, X, targets=None, lengths=None, *, last=False, update="sequence"):
        ends = np.cumsum(lengths)
        assert ends[-1] == len(X)
        assert (targets is None) or len(targets) == len(lengths)
        sums = np.add.reduceat(X[:, 0], ends - lengths)
        w, outputs = self.parameters["w"], []
        for k, total in enumerate(sums.tolist()):
            y = 1 / (1 + np.exp(-w[0] * total - w[1]))
            outputs.append([y])
            if targets is not None:
                w -= self.rate * (y - targets[k, 0]) * np.array([total, 1])
                self.n_learned += 1
                if self.diverges and self.start > 0 and self.n_learned > 130:
                    raise FloatingPointError("the network diverged")
        return np.array(outputs)


class Grows(Sum):
    """Has a weight more for every hundred sequences."""

    def run_sequences(self, X, targets=None, lengths=None, **rule):
        outputs = super().run_sequences(X, targets, lengths, **rule)
        self.parameters["more"] = np.zeros(self.n_learned // 100)
        return outputs


class Remembers:
    """Answers nothing rightly and keeps what it was given to learn."""

    given: ClassVar[list] = []

    def __init__(self, n_inputs, n_outputs, seed=0):
        self.n_outputs, self.n_parameters, self.parameters = n_outputs, 0, {}

    def run_sequences(self, X, targets=None, lengths=None, *, last=False, update="sequence"):
        if targets is not None:
            parts = np.split(X, np.cumsum(lengths)[:-1])
            self.given.append((id(self), [tuple(part.tolist()) for part in parts]))
        return np.zeros((len(X), self.n_outputs))


TINY_METHODS = {
    "sum": Method("made up", "Sum", __name__),
    "grows": Method("made up", "Grows", __name__),
    "diverging": Method("made up", "Sum", __name__, {"diverges": True}),
    "remembers": Method("made up", "Remembers", __name__, in_sets=True),
}
