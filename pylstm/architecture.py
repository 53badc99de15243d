"""What a network of a given architecture is: its sizes, its words, the names of its sources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pylstm._core import layer_configs
from pylstm.heads import Head, made_heads

__all__ = ["GATES", "Architecture", "Squashing"]

Squashing = Literal["tanh", "logistic", "identity", "tanh_half", "two_tanh_half"]
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
    def heads(self) -> tuple[Head, ...]:
        """What the outputs are, one head after the other; without a list of heads a single one."""
        return made_heads(self._config())

    @property
    def n_blocks(self) -> Any:
        """Number of memory blocks; of several layers a list of them, the lowest first."""
        n_blocks = self._config()["n_blocks"]
        return list(n_blocks) if isinstance(n_blocks, list) else n_blocks

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        n_blocks = self._config()["n_blocks"]
        return len(n_blocks) if isinstance(n_blocks, list) else 1

    @property
    def block_size(self) -> int:
        """Cells a block."""
        return int(self._config()["block_size"])

    @property
    def n_units(self) -> Any:
        """Number of ordinary units; of several layers a list of them, where there are any."""
        n_units = self._config()["n_units"]
        return list(n_units) if isinstance(n_units, list) else n_units

    @property
    def sources(self) -> Any:
        """What each column of a hidden row is: inputs, cells, units, gates, bias, in that order.

        Of several layers a list for each; the inputs of one are then "below[v]", the cells and
        units of the layer below, and "input[k]".
        """
        configs = layer_configs(self._config())
        layers = [_sources(config) for config in configs if not config.get("backward", False)]
        return layers if self.n_layers > 1 else layers[0]

    def _shape(self) -> str:
        sizes = ["n_inputs", "n_outputs", "n_blocks", "block_size"]
        sizes += ["n_units"] if self.n_units else []
        return ", ".join(f"{name}={getattr(self, name)}" for name in sizes)


def _sources(config: dict[str, Any]) -> list[str]:
    """Those of one layer."""
    n_below, n_blocks = config.get("n_below", 0), config["n_blocks"]
    names = [f"below[{v}]" for v in range(n_below)]
    names += [f"input[{k}]" for k in range(config["n_inputs"] - n_below)]
    if config["cell_recurrence"]:
        names += [f"cell[{v}]" for v in range(n_blocks * config["block_size"])]
        names += [f"unit[{j}]" for j in range(config["n_units"])]
    if config["gate_recurrence"]:
        names += [f"{gate}[{b}]" for gate in GATES if config[gate] for b in range(n_blocks)]
    if config["hidden_bias"] != "none":
        names.append("bias")
    return names
