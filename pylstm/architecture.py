"""What a network of a given architecture is: its sizes, its words, the names of its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

__all__ = ["GATES", "Architecture", "Loss", "Output", "Squashing"]

Squashing = Literal["tanh", "logistic", "identity", "tanh_half", "two_tanh_half"]
Output = Literal["identity", "logistic", "softmax"]
Loss = Literal["squared", "cross_entropy"]
GATES = ("input_gate", "forget_gate", "output_gate")


class Architecture:
    """Read from the arguments of the constructor, which `_config` returns."""

    if TYPE_CHECKING:

        def _config(self) -> dict[str, Any]: ...

    @property
    def n_inputs(self) -> int:
        """Number of inputs."""
        return int(self._config()["n_inputs"])

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return int(self._config()["n_outputs"])

    @property
    def n_blocks(self) -> int:
        """Number of memory blocks."""
        return int(self._config()["n_blocks"])

    @property
    def block_size(self) -> int:
        """Cells a block."""
        return int(self._config()["block_size"])

    @property
    def sources(self) -> list[str]:
        """What each column of a hidden row is: inputs, cells, gates, bias, in that order."""
        config = self._config()
        names = [f"input[{k}]" for k in range(self.n_inputs)]
        if config["cell_recurrence"]:
            names += [f"cell[{v}]" for v in range(self.n_blocks * self.block_size)]
        if config["gate_recurrence"]:
            names += [
                f"{gate}[{b}]" for gate in GATES if config[gate] for b in range(self.n_blocks)
            ]
        if config["hidden_bias"] != "none":
            names.append("bias")
        return names

    def _shape(self) -> str:
        sizes = ("n_inputs", "n_outputs", "n_blocks", "block_size")
        return ", ".join(f"{name}={getattr(self, name)}" for name in sizes)
