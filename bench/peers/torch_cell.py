"""PyTorch's own modules: LSTMCell, a backward pass and SGD at every step, nn.LSTM for sequences.

Online, the state is detached before each step: backpropagation through time truncated after one
step. It forgets what an earlier input did to the cell state, which eligibility traces keep: less
is computed, another gradient is followed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from bench.peers.layout import named, stacked
from bench.task import Array, Task

__all__ = ["CellLearner", "SequenceLearner"]


def _set(module: torch.nn.Module, suffix: str, task: Task) -> torch.nn.Linear:
    """The task's weights into a cell or layer, whose gate order is ours; returns the readout."""
    W, V = (torch.from_numpy(values) for values in stacked(task.weights))
    rows = W.reshape(-1, W.shape[2])
    starts = {
        "weight_ih": rows[:, : task.n_inputs],
        "weight_hh": rows[:, task.n_inputs : -1],
        "bias_ih": rows[:, -1],
    }
    readout = torch.nn.Linear(task.n_cells, task.n_outputs)
    with torch.no_grad():
        for name, values in starts.items():
            getattr(module, name + suffix).copy_(values)
        getattr(module, "bias_hh" + suffix).zero_()
        readout.weight.copy_(V[:, :-1])
        readout.bias.copy_(V[:, -1])
    # One bias is enough; the second would double its learning rate.
    getattr(module, "bias_hh" + suffix).requires_grad_(False)
    return readout


def _get(module: torch.nn.Module, suffix: str, readout: torch.nn.Linear) -> dict[str, Array]:
    parts = [getattr(module, name + suffix) for name in ("weight_ih", "weight_hh", "bias_ih")]
    rows = np.column_stack([part.detach().numpy() for part in parts])
    V = np.column_stack([readout.weight.detach().numpy(), readout.bias.detach().numpy()])
    return named(rows.reshape(4, -1, rows.shape[1]), V)


def _sgd(task: Task, *modules: torch.nn.Module) -> torch.optim.SGD:
    trained = [p for module in modules for p in module.parameters() if p.requires_grad]
    return torch.optim.SGD(trained, lr=float(task.learning_rate))


class CellLearner:
    """One step a call: forward, backward, SGD, with the state before it detached."""

    def __init__(self, task: Task) -> None:
        self.cell = torch.nn.LSTMCell(task.n_inputs, task.n_cells)
        self.readout = _set(self.cell, "", task)
        self.optimizer = _sgd(task, self.cell, self.readout)
        self.state = torch.zeros(1, task.n_cells), torch.zeros(1, task.n_cells)

    def load(self, X: Array, targets: Array) -> list[tuple[torch.Tensor, torch.Tensor]]:
        rows = torch.from_numpy(X)[:, None].unbind(), torch.from_numpy(targets)[:, None].unbind()
        return list(zip(*rows, strict=True))

    def learn(self, sequence: list[tuple[torch.Tensor, torch.Tensor]]) -> list[torch.Tensor]:
        return [self.step(x, target) for x, target in sequence]

    def step(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        h, c = self.cell(x, self.state)
        y = self.readout(h)
        loss = (y - target).square().sum() / 2
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.state = h.detach(), c.detach()
        return y.detach()[0]

    def weights(self) -> Mapping[str, Array]:
        return _get(self.cell, "", self.readout)


class SequenceLearner:
    """nn.LSTM over a whole sequence from a fresh state, error at the last step, one SGD update."""

    def __init__(self, task: Task) -> None:
        self.layer = torch.nn.LSTM(task.n_inputs, task.n_cells)
        self.readout = _set(self.layer, "_l0", task)
        self.optimizer = _sgd(task, self.layer, self.readout)

    def load(self, X: Array, targets: Array) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(X)[:, None], torch.from_numpy(targets)

    def learn(self, sequence: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
        """Prediction at the last step, (1, n_outputs)."""
        X, targets = sequence
        h, _ = self.layer(X)
        y = self.readout(h[-1])
        loss = (y - targets[-1:]).square().sum() / 2
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return y.detach()

    def weights(self) -> Mapping[str, Array]:
        return _get(self.layer, "_l0", self.readout)
