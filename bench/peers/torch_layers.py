"""PyTorch's nn.LSTM of several layers or both directions, from the weights of a network."""

from __future__ import annotations

from collections.abc import Mapping

import torch

import pylstm
from bench.task import Array
from pylstm.interchange import to_torch

__all__ = ["LayersLearner"]


class LayersLearner:
    """Sequences from a fresh state, error at the last step, one SGD update."""

    def __init__(self, net: pylstm.LSTM, n_cells: int, n_layers: int, both: bool) -> None:
        weights = to_torch(net)
        self.layers = torch.nn.LSTM(net.n_inputs, n_cells, n_layers, bidirectional=both)
        self.readout = torch.nn.Linear(n_cells * (1 + both), net.n_outputs)
        for module, name in ((self.layers, "lstm"), (self.readout, "readout")):
            module.load_state_dict({k: torch.tensor(v) for k, v in weights[name].items()})
        trained = []
        for name, values in [*self.layers.named_parameters(), *self.readout.named_parameters()]:
            # One bias is enough; the second would double its learning rate.
            values.requires_grad_(not name.startswith("bias_hh"))
            trained += [values] if values.requires_grad else []
        self.optimizer = torch.optim.SGD(trained, lr=net.optimizer.learning_rate)

    def learn(self, X: torch.Tensor, targets: torch.Tensor) -> None:
        """X: (n_steps, n_streams, n_inputs), targets: (n_streams, n_outputs)"""
        h, _ = self.layers(X)
        loss = (self.readout(h[-1]) - targets).square().sum() / 2
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def weights(self) -> Mapping[str, Array]:
        """Names and arrays as `to_torch` gives them, those of the readout behind the others."""
        states = self.layers.state_dict(), self.readout.state_dict()
        return {name: values.numpy() for state in states for name, values in state.items()}
