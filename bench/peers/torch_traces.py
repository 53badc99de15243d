"""The truncated gradient by eligibility traces, vectorised in PyTorch without autograd.

E: (3, n_cells, n_sources), the traces of input gate, forget gate and cell input, all changed in
place.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from bench.peers.layout import named, stacked
from bench.task import Array, Task

__all__ = ["TraceLearner"]


class TraceLearner:
    def __init__(self, task: Task) -> None:
        W, V = stacked(task.weights)
        self.W, self.V = torch.from_numpy(W), torch.from_numpy(V)
        self.E = torch.zeros_like(self.W[:3])
        self.c = torch.zeros(task.n_cells)
        self.h = torch.zeros(task.n_cells)
        self.one = torch.ones(1)
        self.rate = float(task.learning_rate)

    def load(self, X: Array, targets: Array) -> list[tuple[torch.Tensor, torch.Tensor]]:
        rows = torch.from_numpy(X).unbind(), torch.from_numpy(targets).unbind()
        return list(zip(*rows, strict=True))

    @torch.no_grad()
    def learn(self, sequence: list[tuple[torch.Tensor, torch.Tensor]]) -> list[torch.Tensor]:
        return [self.step(x, target) for x, target in sequence]

    def step(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        W, V, E, c = self.W, self.V, self.E, self.c
        z = torch.cat([x, self.h, self.one])
        net = torch.mv(W.view(-1, z.numel()), z).view(4, -1)
        g = torch.tanh(net[2])
        i, f, _, o = torch.sigmoid(net).unbind()

        # E = f E + d z^T
        d = torch.stack([g * i * (1 - i), c * f * (1 - f), i * (1 - g * g)])
        E.mul_(f[:, None]).addcmul_(d[:, :, None], z)

        self.c = f * c + i * g
        squashed = torch.tanh(self.c)
        self.h = o * squashed
        q = torch.cat([self.h, self.one])
        y = torch.mv(V, q)
        delta = y - target
        epsilon = torch.mv(V[:, :-1].t(), delta)
        e = epsilon * o * (1 - squashed * squashed)
        eo = epsilon * squashed * o * (1 - o)

        V.addr_(delta, q, alpha=-self.rate)
        W[:3].addcmul_(E, e[:, None], value=-self.rate)
        W[3].addr_(eo, z, alpha=-self.rate)
        return y

    def weights(self) -> Mapping[str, Array]:
        return named(self.W.numpy(), self.V.numpy())
